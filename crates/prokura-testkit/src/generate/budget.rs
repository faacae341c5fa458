//! Budgets of a task, uses of links, and what was taken of them already: mostly so much that the next question stands at the
//! boundary. All of it is made aside, so that the cases stay what they are.

use prokura_model::{
    Amount, Budget, BudgetName, Cap, CapClause, CapPermissions, CapResource, Change, Consumption, DecisionId, Draw,
    Measure, ObjectRef, RelationName, Reserved, Taken, Task, TaskState, Timestamp, Touch, Value,
};

use super::{
    Maker, NOON,
    chain::{Draft, MINUTE, task_id},
};
use crate::Context;

/// The argument that is summed up.
const ARGUMENT: &str = "cost";

const ONE: u64 = 1_000_000;

impl Maker {
    /// Gives a third of the tasks budgets, those above some too, and some links uses.
    pub(super) fn bound(&mut self, draft: &mut Draft, permission: &RelationName, resource: &ObjectRef) {
        // What a run has touched is known to all tasks of the tree, so there have to be trees.
        if self.guarded && draft.above.is_empty() && draft.task.parent.is_none() && self.aside.chance(25) {
            let id = task_id(&format!("{}-above", draft.task.id));
            draft.above.push(Task { id: id.clone(), budgets: Vec::new(), ..draft.task.clone() });
            draft.task.parent = Some(id);
        }
        if !self.aside.chance(33) {
            return;
        }
        for name in ["one", "two"] {
            if self.aside.chance(55) {
                let budget = self.budget(name, permission, resource);
                draft.task.budgets.push(budget);
            }
        }
        if draft.above.is_empty() && self.aside.chance(40) {
            let id = task_id(&format!("{}-above", draft.task.id));
            draft.above.push(Task { id: id.clone(), budgets: Vec::new(), ..draft.task.clone() });
            draft.task.parent = Some(id);
        }
        for task in &mut draft.above {
            if self.aside.chance(55) {
                let budget = self.budget("one", permission, resource);
                task.budgets.push(budget);
            }
        }
        for link in &mut draft.links {
            if self.aside.chance(20) {
                link.uses = Some(*self.aside.pick(&[1, 1, 2, 3]));
            }
        }
    }

    fn budget(&mut self, name: &str, permission: &RelationName, resource: &ObjectRef) -> Budget {
        let covers = match self.aside.below(5) {
            0 => Some(clause(CapPermissions::Any, CapResource::Type(resource.kind.clone()))),
            1 => {
                let permissions = CapPermissions::Only([permission.clone()].into());
                Some(clause(permissions, CapResource::Object(resource.clone())))
            }
            2 if self.aside.chance(30) => {
                let other = ObjectRef::new(resource.kind.as_str(), "elsewhere").expect("a legal id");
                Some(clause(CapPermissions::Any, CapResource::Object(other)))
            }
            3 => {
                let mut cap = clause(CapPermissions::Any, CapResource::Type(resource.kind.clone()));
                cap.clauses =
                    cap.clauses.into_iter().map(|one| self.narrowed_surely(one, permission, resource)).collect();
                Some(cap)
            }
            _ => None,
        };
        let measure = if self.aside.chance(35) { Measure::Count } else { Measure::Sum(ARGUMENT.to_owned()) };
        let limit = match measure {
            Measure::Count => *self.aside.pick(&[ONE, 2 * ONE, 3 * ONE]),
            Measure::Sum(_) => *self.aside.pick(&[5 * ONE, 10 * ONE, 12 * ONE + 500_000]),
        };
        let per_ms = *self.aside.pick(&[None, None, Some(60 * MINUTE), Some(30 * MINUTE), Some(60 * MINUTE + 1)]);
        let name = BudgetName::new(name).expect("a legal name");
        Budget { name, covers, measure, limit: Amount(limit), per_ms, in_flight: None }
    }

    /// Takes a few times of what was just written, in order of time; some of it only reserved, and some of that settled.
    pub(super) fn spend(&mut self, draft: &Draft) {
        let bounded = draft.line().any(|task| !task.budgets.is_empty());
        if !bounded && draft.links.iter().all(|link| link.uses.is_none()) {
            return;
        }
        let part = self.part(draft);
        let mut times: Vec<u64> = (0..self.aside.below(4))
            .map(|_| NOON - *self.aside.pick(&[60 * MINUTE, 30 * MINUTE, MINUTE, 1, 0, 0]))
            .collect();
        times.sort_unstable();
        for (number, at) in times.into_iter().enumerate() {
            let decision = DecisionId::new(format!("{}-c{number}", draft.task.id)).expect("a legal id");
            let taken = self.taken(draft, Timestamp(at));
            let until = *self.aside.pick(&[NOON, NOON + 1, NOON + 30 * MINUTE]);
            let reserved = (until > at && self.aside.chance(60)).then(|| reserved(draft, until));
            // Sometimes by another part of the task above: its own links have nothing to do with these.
            let by_part = part.as_ref().filter(|_| self.aside.chance(60));
            let task = by_part.unwrap_or(&draft.task).id.clone();
            let taken = match by_part {
                Some(_) => {
                    let draws = taken.draws.into_iter().filter(|draw| draw.task != draft.task.id).collect();
                    Taken { draws, ..Taken::default() }
                }
                None => taken,
            };
            let settled = reserved.is_some() && self.aside.chance(45);
            let consumption = Consumption {
                decision: decision.clone(),
                task: Some(task.clone()),
                at: Timestamp(at),
                taken: taken.clone(),
                reserved,
                record: Vec::new(),
                authority: None,
                valid_until: None,
            };
            self.push(Change::Consumed(Box::new(consumption)));
            if settled && self.aside.chance(35) {
                self.push(Change::ReservationReleased(decision, task));
            } else if settled {
                let smaller = |draw: Draw| Draw { amount: Amount(draw.amount.0 / 2), ..draw };
                let draws = taken.draws.into_iter().map(smaller).collect();
                self.push(Change::ReservationCommitted(decision, task, Taken { draws, ..taken }));
            }
        }
        if let Some(part) = part.filter(|_| self.aside.chance(50)) {
            self.hold_and_close(draft, part);
        }
    }

    /// Touches something in the run now and then, in part only reserved, and some of that given back; and now and then in a
    /// task that is no run, which is nothing to the run.
    pub(super) fn touch(&mut self, draft: &Draft) {
        if !self.guarded || !self.aside.chance(60) {
            return;
        }
        let Some(root) = draft.line().last().map(|task| task.id.clone()) else { return };
        for number in 0..2 {
            let run = if self.aside.chance(20) { draft.task.id.clone() } else { root.clone() };
            let value = Value::String((*self.aside.pick(&["secret", "public"])).to_owned());
            let touch = Touch { run, attribute: "label".to_owned(), value };
            let reserved = self.aside.chance(40).then(|| reserved(draft, NOON + 30 * MINUTE));
            let given_back = reserved.is_some() && self.aside.chance(60);
            let decision = DecisionId::new(format!("{}-t{number}", draft.task.id)).expect("a legal id");
            let (task, at) = (draft.task.id.clone(), Timestamp(NOON));
            let taken = Taken { touched: vec![touch], ..Taken::default() };
            self.push(Change::Consumed(Box::new(Consumption {
                decision: decision.clone(),
                task: Some(task.clone()),
                at,
                taken,
                reserved,
                record: Vec::new(),
                authority: None,
                valid_until: None,
            })));
            if given_back {
                self.push(Change::ReservationReleased(decision, task));
            }
            if self.aside.chance(50) {
                break;
            }
        }
    }

    /// The part holds everything there is above, and then it is closed.
    fn hold_and_close(&mut self, draft: &Draft, part: Task) {
        let at = Timestamp(NOON);
        let budgets = draft.above.iter().flat_map(|task| task.budgets.iter().map(move |budget| (task, budget)));
        let draw = |(task, budget): (&Task, &Budget)| {
            let window = budget.window(task.opened_at, at);
            Draw { task: task.id.clone(), budget: budget.name.clone(), window, amount: budget.limit }
        };
        let taken = Taken { draws: budgets.map(draw).collect(), ..Taken::default() };
        let reserved = Some(reserved(draft, NOON + 30 * MINUTE));
        let decision = DecisionId::new(format!("{}-held", draft.task.id)).expect("a legal id");
        let (record, task) = (Vec::new(), Some(part.id.clone()));
        let consumption =
            Consumption { decision, task, at, taken, reserved, record, authority: None, valid_until: None };
        self.push(Change::Consumed(Box::new(consumption)));
        self.push(Change::TaskClosed(part.id, TaskState::Completed));
    }

    /// Another part of the task right above, if there is one: what is taken under it counts above.
    fn part(&mut self, draft: &Draft) -> Option<Task> {
        let above =
            draft.above.first().filter(|above| !above.budgets.is_empty() && above.parent != Some(above.id.clone()))?;
        if !self.aside.chance(80) {
            return None;
        }
        let id = task_id(&format!("{}-part", draft.task.id));
        let part = Task { id, parent: Some(above.id.clone()), budgets: Vec::new(), ..draft.task.clone() };
        self.push(Change::TaskOpened(Task { state: TaskState::Open, ..part.clone() }));
        Some(part)
    }

    fn taken(&mut self, draft: &Draft, at: Timestamp) -> Taken {
        let mut draws = Vec::new();
        for (task, budget) in draft.line().flat_map(|task| task.budgets.iter().map(move |budget| (task, budget))) {
            if self.aside.chance(80) {
                let amount = match budget.measure {
                    Measure::Count => ONE,
                    Measure::Sum(_) => *self.aside.pick(&[ONE, 2 * ONE + 500_000, 5 * ONE, 5 * ONE]),
                };
                let window = budget.window(task.opened_at, at);
                draws.push(Draw { task: task.id.clone(), budget: budget.name.clone(), window, amount: Amount(amount) });
            }
        }
        let used = draft.links.iter().filter(|link| link.uses.is_some());
        let links = used.map(|link| link.id.clone()).collect();
        Taken { draws, links, ..Taken::default() }
    }

    /// The arguments, with what budgets sum up: mostly an amount, sometimes none or something that is none, and sometimes one
    /// in the context, where it does not count.
    pub(super) fn with_amount(&mut self, draft: &Draft, arguments: &mut Context, context: &mut Context) {
        if draft.line().all(|task| task.budgets.is_empty()) {
            return;
        }
        let value = match self.aside.below(20) {
            0 => return,
            1 => Value::Integer(2),
            2 => Value::Integer(-1),
            3 => Value::Float(0.000_000_1),
            4 => Value::String("5".to_owned()),
            5..=8 => Value::Float(2.5),
            9..=13 => Value::Integer(5),
            14..=15 => Value::Integer(0),
            _ => Value::Integer(1),
        };
        let brought = if self.aside.chance(8) { context } else { arguments };
        brought.insert(ARGUMENT.to_owned(), value);
    }
}

fn clause(permissions: CapPermissions, resource: CapResource) -> Cap {
    Cap { clauses: vec![CapClause { permissions, resources: [resource].into(), condition: None }] }
}

/// Under the task of the draft, or another part of what is above it.
fn reserved(draft: &Draft, until: u64) -> Reserved {
    let above = draft.above.iter().map(|task| task.id.clone()).collect();
    Reserved { until: Timestamp(until), by: "library".to_owned(), above }
}
