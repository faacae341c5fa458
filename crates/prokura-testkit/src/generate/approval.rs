//! Guards that hold what is allowed, and approvals: for exactly that, for nearly that, used, over.

use prokura_model::{
    Action, Approval, ApprovalState, Approver, Change, Consumption, DecisionId, ObjectRef, PrincipalState,
    RelationName, RequestAnswer, Reserved, Taken, Timestamp, Value,
    schema::{Clause, Guard},
};

use super::{Maker, NOON};
use crate::{Ask, Context, Question, Standing};

impl Maker {
    /// Some of what is allowed is held from now on, and of what is held some is approved.
    pub(super) fn approvals(&mut self, asks: &[Ask]) {
        if !self.guarded {
            return;
        }
        for ask in asks {
            let Ask::Decide { question, now } = ask else { continue };
            if self.aside.chance(75) && self.world.decide(question, *now).allows() {
                self.hold(question, *now);
            }
            let demands = self.world.demands(question, *now).into_iter();
            let demands: Vec<(Guard, usize)> = demands.map(|(guard, clause)| (guard.clone(), clause)).collect();
            for (guard, clause) in demands {
                if self.aside.chance(85) {
                    self.approve(question, (&guard, clause), *now);
                }
            }
        }
    }

    /// Writes a guard that holds it, if there is anybody who could approve.
    fn hold(&mut self, question: &Question, now: Timestamp) {
        let kind = &question.resource.kind;
        let members: Vec<RelationName> = self
            .schema()
            .definition(kind.as_str())
            .map_or_else(Vec::new, |definition| definition.members.keys().cloned().collect());
        let mut from = None;
        for _ in 0..6 {
            let member = self.aside.pick(&members).clone();
            if !self.holders(&question.resource, &member, now, false).is_empty() {
                from = Some(member);
                break;
            }
        }
        let Some(from) = from else { return };
        let approval = *self.aside.pick(&["", "", " within 15m", ", reusable"]);
        let mut clauses = format!("  require approval from {kind}#{from}{approval}\n");
        if question.delegation.is_some() && self.aside.chance(25) {
            clauses.push_str("  require confirmation from origin\n");
        }
        self.serial += 1;
        let (serial, permission) = (self.serial, &question.permission);
        let text = format!("{}guard hold{serial} on {kind}#{permission} {{\n{clauses}}}\n", self.schema_text);
        if prokura_model::Schema::parse(&text).is_ok() {
            self.push(Change::SchemaWritten(text));
        }
    }

    /// The persons that have it on the resource, or may have it.
    fn holders(
        &self,
        resource: &ObjectRef,
        permission: &RelationName,
        now: Timestamp,
        perhaps: bool,
    ) -> Vec<ObjectRef> {
        let persons = self.world.principals.values();
        let persons = persons.filter(|person| person.owner.is_none() && person.state == PrincipalState::Active);
        let has = |person: &&ObjectRef| {
            let subject = (*person).clone().into();
            match self.world.outcomes(resource, permission, &subject, &Context::new(), now).as_slice() {
                [Ok(Standing::Has)] => !perhaps,
                [Ok(Standing::Conditional(_))] => perhaps,
                _ => false,
            }
        };
        persons.map(|person| &person.object).filter(has).cloned().collect()
    }

    fn approve(&mut self, question: &Question, (guard, clause): (&Guard, usize), now: Timestamp) {
        let exact = self.world.action(question, guard, clause);
        let (from, once) = match guard.clauses.get(clause) {
            Some(Clause::Approval { from: (_, permission), once, .. }) => (Approver::Holder(permission.clone()), *once),
            _ => (Approver::Origin, true),
        };
        let by = self.somebody(question, &from, now);
        let nearly = self.aside.chance(40);
        let action = if nearly { self.changed(exact) } else { exact };
        let good_ms = *self.aside.pick(&[900_000, 900_000, 900_000, 1, 0]);
        let state = *self.aside.pick(&[
            ApprovalState::Given,
            ApprovalState::Given,
            ApprovalState::Given,
            ApprovalState::Given,
            ApprovalState::Given,
            ApprovalState::Given,
            ApprovalState::Pending,
            ApprovalState::Refused,
        ]);
        let approval = Approval {
            id: action.id(),
            action,
            from,
            good_ms: 900_000,
            once,
            reason: String::new(),
            asked_at: Timestamp(0),
            answer_by: Timestamp(u64::MAX),
            state,
            answer: by.map(|by| RequestAnswer { by: Some(by), at: Timestamp(0), words: String::new() }),
            good_until: Some(now.plus_ms(good_ms)),
            used: None,
        };
        self.push(Change::ApprovalSet(Box::new(approval.clone())));
        if once && self.aside.chance(35) {
            self.use_up(&approval, now);
            if self.aside.chance(30) {
                // Asked for once more.
                self.push(Change::ApprovalSet(Box::new(approval)));
            }
        }
    }

    /// Mostly somebody who may.
    fn somebody(&mut self, question: &Question, from: &Approver, now: Timestamp) -> Option<ObjectRef> {
        let holders = match from {
            Approver::Holder(permission) => {
                let doubtful = self.holders(&question.resource, permission, now, true);
                if !doubtful.is_empty() && self.aside.chance(60) {
                    return Some(self.aside.pick(&doubtful).clone());
                }
                self.holders(&question.resource, permission, now, false)
            }
            Approver::Origin => {
                let link = question.delegation.as_ref().and_then(|id| self.world.delegations.get(id));
                let task = link.and_then(|link| self.world.tasks.get(&link.task));
                task.map(|task| task.origin.clone()).into_iter().collect()
            }
        };
        if holders.is_empty() || self.aside.chance(12) {
            let all: Vec<ObjectRef> = self.world.principals.keys().cloned().collect();
            return (!all.is_empty()).then(|| self.aside.pick(&all).clone());
        }
        Some(self.aside.pick(&holders).clone())
    }

    /// The same action with one thing changed.
    fn changed(&mut self, mut action: Action) -> Action {
        match self.aside.below(10) {
            0 => action.actor = ObjectRef::new(action.actor.kind.as_str(), "another").expect("a legal id"),
            1 => action.task = if action.task.is_some() { None } else { prokura_model::TaskId::new("other") },
            2 if action.chain.is_empty() => action.tool_schema = Some("three".to_owned()),
            2 => drop(action.chain.pop()),
            3 => action.permission = super::relation_name("another"),
            4 => action.resource = ObjectRef::new(action.resource.kind.as_str(), "another").expect("a legal id"),
            5 => drop(action.arguments.insert("more".to_owned(), Value::Integer(1))),
            6 => action.tool_schema = Some("three".to_owned()),
            7 => action.guard = prokura_model::GuardName::new("another").expect("a legal name"),
            8 => action.guard_text.push(' '),
            _ => action.clause += 1,
        }
        action
    }

    fn use_up(&mut self, approval: &Approval, now: Timestamp) {
        self.serial += 1;
        let decision = DecisionId::new(format!("used-{}", self.serial)).expect("a legal id");
        let task = approval.action.task.clone();
        let until = *self.aside.pick(&[0, 0, NOON + 1, now.0, now.plus_ms(1).0, now.plus_ms(60_000).0]);
        let reserved = (task.is_some() && until > 0).then(|| Reserved {
            until: Timestamp(until),
            by: "library".to_owned(),
            above: Vec::new(),
        });
        let is_reserved = reserved.is_some();
        let consumption = Consumption {
            decision: decision.clone(),
            task: task.clone(),
            at: Timestamp(now.0.saturating_sub(10)),
            taken: Taken { approvals: vec![approval.id.clone()], ..Taken::default() },
            reserved,
            record: Vec::new(),
            authority: None,
            valid_until: None,
        };
        self.push(Change::Consumed(Box::new(consumption)));
        if let Some(task) = task.filter(|_| is_reserved && self.aside.chance(30)) {
            self.push(Change::ReservationReleased(decision, task));
        }
    }
}
