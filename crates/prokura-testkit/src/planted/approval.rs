//! Approvals as an engine would find them: by comparing one thing after the other.

use prokura_model::{Action, Approval, ApprovalState, Approver, PrincipalState, Timestamp, schema::Guard};

use super::{Bug, Planted};
use crate::{Context, Question, Standing};

impl Planted {
    /// Whether the clause's demand is met; nothing if that cannot be said.
    pub(super) fn approved(&self, question: &Question, guard: &Guard, clause: usize, now: Timestamp) -> Option<bool> {
        if self.has(Bug::ApprovalsAreNotNeeded) {
            return Some(true);
        }
        let action = self.world.action(question, guard, clause);
        for (approval, since) in self.world.approvals.values() {
            if !self.same(&approval.action, &action) || !self.is_good(approval, *since, now) {
                continue;
            }
            let Some(by) = approval.answer.as_ref().and_then(|answer| answer.by.as_ref()) else { continue };
            let person = self.world.principals.get(by);
            let alive = person.is_some_and(|person| person.state == PrincipalState::Active && person.owner.is_none());
            if !alive && !self.has(Bug::ApproversMayBeStopped) {
                continue;
            }
            match &approval.from {
                Approver::Holder(permission) if !self.has(Bug::ApproversAreNotAskedAgain) => {
                    let by = by.clone().into();
                    match self.check(&question.resource, permission, &by, &Context::new(), now) {
                        Ok(Standing::Has) => return Some(true),
                        Ok(Standing::Conditional(_)) if self.has(Bug::ApproversMayHaveItPerhaps) => return Some(true),
                        Ok(_) => {}
                        Err(_) => return None,
                    }
                }
                _ => return Some(true),
            }
        }
        Some(false)
    }

    fn same(&self, one: &Action, other: &Action) -> bool {
        (one.actor == other.actor || self.has(Bug::ApprovalForAnyActor))
            && (one.task == other.task || self.has(Bug::ApprovalForAnyTask))
            && (one.chain == other.chain || self.has(Bug::ApprovalOverAnyChain))
            && (one.permission == other.permission || self.has(Bug::ApprovalForAnyPermission))
            && (one.resource == other.resource || self.has(Bug::ApprovalForAnyResource))
            && (one.arguments == other.arguments || self.has(Bug::ApprovalWithAnyArguments))
            && (one.tool_schema == other.tool_schema || self.has(Bug::ApprovalForAnyTool))
            && (one.guard == other.guard || self.has(Bug::ApprovalForAnyGuard))
            && (one.guard_text == other.guard_text || self.has(Bug::ApprovalOutlivesItsGuard))
            && (one.clause == other.clause || self.has(Bug::ApprovalForAnyClause))
    }

    fn is_good(&self, approval: &Approval, since: usize, now: Timestamp) -> bool {
        let given = approval.state == ApprovalState::Given || self.has(Bug::PendingApprovalsCount);
        let fresh = self.has(Bug::ApprovalsNeverEnd) || approval.good_until.is_some_and(|until| now < until);
        let later = self.world.consumptions.iter().skip(if self.has(Bug::UsesOutliveTheAsking) { 0 } else { since });
        let mut taken = later.filter(|found| found.taken.approvals.contains(&approval.id));
        let used = approval.once
            && !self.has(Bug::ApprovalsAreNotUsedUp)
            && taken.any(|found| self.world.kept(found, now).is_some());
        given && fresh && !used
    }
}
