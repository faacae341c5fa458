//! Approvals in the plainest way: among all there are, one that says the same, word for word.

use prokura_model::{
    Action, Approval, ApprovalState, Approver, ChainLink, PrincipalState, Timestamp,
    schema::{Clause, Guard},
};

use crate::{Context, Question, Standing, World};

/// What comes of a demand for an approval, each way it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    Yes,
    NotYet,
    Failed,
}

impl World {
    /// What has to be approved where this clause of a guard demands it.
    pub(crate) fn action(&self, question: &Question, guard: &Guard, clause: usize) -> Action {
        let leaf = question.delegation.as_ref().and_then(|id| self.delegations.get(id));
        let links = leaf.map_or(Vec::new(), |leaf| self.chain(leaf).unwrap_or_default());
        let told = |link: &&prokura_model::Delegation| ChainLink {
            delegation: link.id.clone(),
            from: link.from.clone(),
            to: link.to.clone(),
        };
        Action {
            actor: question.actor.clone(),
            task: leaf.map(|leaf| leaf.task.clone()),
            chain: links.iter().map(told).collect(),
            permission: question.permission.clone(),
            resource: question.resource.clone(),
            arguments: question.arguments.clone(),
            tool_schema: question.tool_schema.clone(),
            guard: guard.name.clone(),
            guard_text: guard.text.clone(),
            clause: u32::try_from(clause).expect("a guard says few things"),
        }
    }

    pub(crate) fn met(&self, question: &Question, guard: &Guard, clause: usize, now: Timestamp) -> Vec<Met> {
        let action = self.action(question, guard, clause);
        let found = self.approvals.values().find(|(approval, _)| approval.action == action);
        let Some((approval, since)) = found else { return vec![Met::NotYet] };
        let good = approval.state == ApprovalState::Given
            && approval.good_until.is_some_and(|until| now < until)
            && !(approval.once && self.is_used(approval, *since, now));
        let by = approval.answer.as_ref().and_then(|answer| answer.by.as_ref());
        let Some(by) = by.filter(|_| good) else { return vec![Met::NotYet] };
        let person = self.principals.get(by);
        if !person.is_some_and(|person| person.state == PrincipalState::Active && person.owner.is_none()) {
            return vec![Met::NotYet];
        }
        let Approver::Holder(permission) = &approval.from else { return vec![Met::Yes] };
        let outcomes =
            self.outcomes(&question.resource, permission, &by.clone().into(), &Context::new(), now).into_iter();
        let met = outcomes.map(|outcome| match outcome {
            Ok(Standing::Has) => Met::Yes,
            Ok(_) => Met::NotYet,
            Err(_) => Met::Failed,
        });
        met.collect()
    }

    /// Whether an allow since it was asked for has used it, for good or for now.
    fn is_used(&self, approval: &Approval, since: usize, now: Timestamp) -> bool {
        let later = self.consumptions.iter().skip(since);
        let mut kept = later.filter_map(|consumption| self.kept(consumption, now));
        kept.any(|taken| taken.approvals.contains(&approval.id))
    }

    /// The approvals that an allow of the question uses up.
    pub(crate) fn used_up(&self, question: &Question, now: Timestamp) -> Vec<prokura_model::ApprovalId> {
        let mut ids = Vec::new();
        for (guard, clause) in self.demands(question, now) {
            let action = self.action(question, guard, clause);
            let found = self.approvals.values().find(|(approval, _)| approval.action == action);
            ids.extend(found.filter(|(approval, _)| approval.once).map(|(approval, _)| approval.id.clone()));
        }
        ids
    }

    /// What guards that apply want approved or confirmed, in order.
    pub(crate) fn demands(&self, question: &Question, now: Timestamp) -> Vec<(&Guard, usize)> {
        let known = self.known(question, now);
        let applies = |guard: &&Guard| super::guard::applies(self, guard, question, &known) == Some(true);
        let guards = self.guards_on(question).into_iter().filter(applies);
        let is_demand = |clause: &Clause| matches!(clause, Clause::Approval { .. } | Clause::Confirmation { .. });
        let demands = guards.flat_map(|guard| {
            let clauses = guard.clauses.iter().enumerate().filter(move |(_, clause)| is_demand(clause));
            clauses.map(move |(place, _)| (guard, place))
        });
        demands.collect()
    }

    /// The first approval that the question is held for, given by this one at this moment.
    pub(crate) fn approved(
        &self,
        question: &Question,
        by: &prokura_model::ObjectRef,
        now: Timestamp,
    ) -> Option<Approval> {
        let demands = self.demands(question, now).into_iter();
        let mut open = demands.filter(|(guard, clause)| self.met(question, guard, *clause, now) != [Met::Yes]);
        let (guard, clause) = open.next()?;
        let action = self.action(question, guard, clause);
        let (from, within_ms, once) = match guard.clauses.get(clause)? {
            Clause::Approval { from: (_, permission), within_ms, once } => {
                (Approver::Holder(permission.clone()), *within_ms, *once)
            }
            Clause::Confirmation { within_ms } => (Approver::Origin, *within_ms, true),
            _ => return None,
        };
        let good_ms = within_ms.unwrap_or(900_000);
        let ends = action.task.as_ref().and_then(|task| self.tasks.get(task)).map(|task| task.expires_at);
        let answer = prokura_model::RequestAnswer { by: Some(by.clone()), at: now, words: String::new() };
        Some(Approval {
            id: action.id(),
            action,
            from,
            good_ms,
            once,
            reason: "it is due".to_owned(),
            asked_at: now,
            answer_by: now.plus_ms(86_400_000),
            state: ApprovalState::Given,
            answer: Some(answer),
            good_until: Some(ends.into_iter().chain([now.plus_ms(good_ms)]).min().unwrap_or(now)),
            used: None,
        })
    }
}
