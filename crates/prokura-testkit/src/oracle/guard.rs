//! What guards say, in the plainest way: every guard on the permission is asked everything, and then the answers are put in
//! order.

use std::collections::{BTreeMap, BTreeSet};

use prokura_model::{
    ObjectRef, Reason, Timestamp, Value,
    condition::{Condition, Evaluation},
    schema::{Clause, Guard},
};

use super::approval::Met;
use crate::{Context, Question, Standing, World};

/// What one part of one guard says of a request that is allowed otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Says {
    Nothing,
    Forbidden(Reason),
    Missing(BTreeSet<String>),
    Held(Reason),
}

impl World {
    /// Why a request that is allowed otherwise is not, because of guards; nothing if it is. Each way it may come out, which
    /// are several only where that is so with the right of whoever approved.
    pub(crate) fn guards_say(&self, question: &Question, now: Timestamp) -> Vec<Option<Reason>> {
        let known = self.known(question, now);
        let mut ways = Vec::new();
        for way in 0..4 {
            let met = |guard: &Guard, clause: usize| {
                let met = self.met(question, guard, clause, now);
                *met.iter().cycle().nth(way).expect("it comes out in some way")
            };
            let reason = self.narrowing(question, &known, &met).map(|(reason, _)| reason);
            if !ways.contains(&reason) {
                ways.push(reason);
            }
        }
        ways
    }

    /// What guards leave somebody who has the permission itself, in a list: nothing where it is held. Of a stranger nobody
    /// knows the id.
    pub(crate) fn left_in_list(&self, question: &Question, stranger: bool, now: Timestamp) -> Standing {
        let mut known = self.known(question, now);
        if stranger {
            known.remove("actor.id");
        }
        match self.narrowing(question, &known, &|_, _| Met::NotYet) {
            None => Standing::Has,
            Some((Reason::ContextMissing, missing)) => Standing::Conditional(missing),
            Some(_) => Standing::HasNot,
        }
    }

    /// Why it is not allowed, and what is missing for it.
    fn narrowing(
        &self,
        question: &Question,
        known: &Context,
        met: &dyn Fn(&Guard, usize) -> Met,
    ) -> Option<(Reason, BTreeSet<String>)> {
        let guards = self.guards_on(question).into_iter();
        let said: Vec<Says> = guards.flat_map(|guard| guard_says(self, guard, question, known, met)).collect();
        let forbidden = said.iter().find_map(|says| match says {
            Says::Forbidden(reason) => Some(*reason),
            _ => None,
        });
        let missing: BTreeSet<String> = said
            .iter()
            .flat_map(|says| match says {
                Says::Missing(names) => names.clone(),
                _ => BTreeSet::new(),
            })
            .collect();
        let held = said.iter().find_map(|says| match says {
            Says::Held(reason) => Some(*reason),
            _ => None,
        });
        let lacking = (!missing.is_empty()).then_some(Reason::ContextMissing);
        let reason = forbidden.or(lacking).or(held)?;
        Some((reason, missing))
    }

    /// Whether what guards say may be something else the next moment. Approvals may be over or used then.
    pub(crate) fn guards_read_now(&self, question: &Question, now: Timestamp) -> bool {
        let conditions = self.guards_on(question).into_iter().flat_map(Guard::conditions);
        let mut read = conditions.flat_map(Condition::parameters_used);
        read.any(|name| name == "now" || name.starts_with("run.")) || !self.demands(question, now).is_empty()
    }

    /// By their names.
    pub(crate) fn guards_on(&self, question: &Question) -> Vec<&Guard> {
        let asked = (question.resource.kind.clone(), question.permission.clone());
        let guards = self.schema.iter().flat_map(|schema| schema.guards().values());
        guards.filter(|guard| guard.on.contains(&asked)).collect()
    }

    /// What the condition reads of objects whose ids the question brings. Nothing if it brings something that is no id.
    pub(crate) fn named_by(&self, question: &Question, guard: &Guard, condition: &Condition) -> Option<Context> {
        let (values, mut known) = (question.values(), Context::new());
        let is_read = |name: &str| condition.parameters_used().iter().any(|used| used.starts_with(&format!("{name}.")));
        for (name, kind) in guard.parameters.objects.iter().filter(|(name, _)| is_read(name)) {
            let Some(value) = values.get(name) else { continue };
            let Value::String(id) = value else { return None };
            let object = ObjectRef::new(kind.as_str(), id).ok()?;
            known.insert(format!("{name}.id"), value.clone());
            known.insert(format!("{name}.type"), Value::String(kind.to_string()));
            let definition = self.schema.as_ref().and_then(|schema| schema.definition(kind.as_str()))?;
            let attributes = self.attributes.get(&object).into_iter().flatten();
            for (attribute, value) in attributes.filter(|(name, _)| definition.attributes.contains_key(*name)) {
                known.insert(format!("{name}.{attribute}"), value.clone());
            }
        }
        Some(known)
    }

    /// Everything that a guard can read and that no question brings.
    pub(crate) fn known(&self, question: &Question, now: Timestamp) -> Context {
        let text = |text: &str| Value::String(text.to_owned());
        let moment = |moment: Timestamp| text(&moment.to_string());
        let link = question.delegation.as_ref().and_then(|id| self.delegations.get(id));
        let task = link.and_then(|link| self.tasks.get(&link.task));
        let chain = link.map_or(Vec::new(), |link| self.chain(link).unwrap_or_default());
        let mut known = BTreeMap::from([
            ("now".to_owned(), moment(now)),
            ("chain.length".to_owned(), Value::Integer(i64::try_from(chain.len()).unwrap_or(i64::MAX))),
            (
                "chain.dispatched".to_owned(),
                Value::Bool(chain.iter().any(|link| link.kind == prokura_model::DelegationKind::Dispatches)),
            ),
        ]);
        let origin = task.map(|task| &task.origin);
        let objects = [("resource", Some(&question.resource)), ("actor", Some(&question.actor)), ("origin", origin)];
        for (root, object) in objects {
            let Some(object) = object else { continue };
            known.insert(format!("{root}.id"), text(object.id.as_str()));
            known.insert(format!("{root}.type"), text(object.kind.as_str()));
            let definition = self.schema.as_ref().and_then(|schema| schema.definition(object.kind.as_str()));
            for (name, value) in self.attributes.get(object).into_iter().flatten() {
                if definition.is_some_and(|definition| definition.attributes.contains_key(name)) {
                    known.insert(format!("{root}.{name}"), value.clone());
                }
            }
        }
        if let Some(task) = task {
            known.insert("task.id".to_owned(), text(task.id.as_str()));
            known.insert("task.purpose".to_owned(), text(&task.purpose));
            known.insert("task.opened_at".to_owned(), moment(task.opened_at));
            known.insert("task.expires_at".to_owned(), moment(task.expires_at));
        }
        if let Some(run) = task.and_then(|task| self.run_of(task)) {
            let definitions = self.schema.iter().flat_map(|schema| schema.definitions().values());
            for attribute in definitions.flat_map(|definition| definition.attributes.keys()) {
                known.insert(format!("run.{attribute}"), Value::List(self.touched(run, attribute)));
            }
        }
        if let Some(credential) = &question.credential {
            known.insert("credential.method".to_owned(), text(&credential.method));
            let at = credential.authenticated_at.map(moment);
            known.extend(at.map(|at| ("credential.authenticated_at".to_owned(), at)));
        }
        known
    }
}

/// Whether the guard applies, if that can be said.
pub(super) fn applies(world: &World, guard: &Guard, question: &Question, known: &Context) -> Option<bool> {
    guard.when.as_ref().map_or(Some(true), |when| holds(world, guard, when, question, known).ok())
}

fn guard_says(
    world: &World,
    guard: &Guard,
    question: &Question,
    known: &Context,
    met: &dyn Fn(&Guard, usize) -> Met,
) -> Vec<Says> {
    match guard.when.as_ref().map_or(Ok(true), |when| holds(world, guard, when, question, known)) {
        Ok(true) => {}
        Ok(false) => return Vec::new(),
        Err(says) => return vec![says],
    }
    let says = |(place, clause): (usize, &Clause)| match clause {
        Clause::Forbid => Says::Forbidden(Reason::GuardForbids),
        Clause::Require(condition) => match holds(world, guard, condition, question, known) {
            Ok(true) => Says::Nothing,
            Ok(false) => Says::Forbidden(Reason::GuardRequires),
            Err(says) => says,
        },
        Clause::Approval { .. } => asked_for(met(guard, place), Reason::ApprovalRequired),
        // Without a task there is no origin that could confirm.
        Clause::Confirmation { .. } if !known.contains_key("task.id") => Says::Forbidden(Reason::GuardFailed),
        Clause::Confirmation { .. } => asked_for(met(guard, place), Reason::ConfirmationRequired),
        Clause::RecordBeforeAnswer => Says::Nothing,
    };
    guard.clauses.iter().enumerate().map(says).collect()
}

/// The parameters that the question brings no value for, of those that are missing. What an object lacks that it names is
/// another thing.
pub(crate) fn missing_of(guard: &Guard, brought: &Context, names: &[String]) -> BTreeSet<String> {
    let parameters = names.iter().filter_map(|name| guard.parameters.read_as(name));
    parameters.filter(|name| !brought.contains_key(*name)).map(str::to_owned).collect()
}

fn asked_for(met: Met, reason: Reason) -> Says {
    match met {
        Met::Yes => Says::Nothing,
        Met::NotYet => Says::Held(reason),
        Met::Failed => Says::Forbidden(Reason::GuardFailed),
    }
}

fn holds(
    world: &World,
    guard: &Guard,
    condition: &Condition,
    question: &Question,
    known: &Context,
) -> Result<bool, Says> {
    let own: Context = question.values().into_iter().filter(|(name, _)| guard.parameters.has(name)).collect();
    let mut known = known.clone();
    match world.named_by(question, guard, condition) {
        Some(named) => known.extend(named),
        None => return Err(Says::Forbidden(Reason::GuardFailed)),
    }
    match condition.evaluate(&known, &own) {
        Evaluation::True => Ok(true),
        Evaluation::False => Ok(false),
        Evaluation::Missing(names) => {
            let own = missing_of(guard, &own, &names);
            Err(if own.is_empty() { Says::Forbidden(Reason::GuardFailed) } else { Says::Missing(own) })
        }
        Evaluation::Failed(_) => Err(Says::Forbidden(Reason::GuardFailed)),
    }
}
