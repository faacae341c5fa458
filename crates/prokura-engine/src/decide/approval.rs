//! Whether an approval that a guard demands is there.

use prokura_model::{
    Action, Approval, ApprovalState, Approver, GivenApproval, PrincipalState, SubjectRef, Task, Timestamp,
    schema::Guard,
};

use super::{Question, Taking, told};
use crate::{Context, Given, Limits, Permissionship, View, link::Link};

/// Where approvals are read, and for which question.
#[derive(Clone, Copy)]
pub(super) struct Approvals<'a> {
    pub(super) head: &'a View<'a>,
    pub(super) question: &'a Question,
    pub(super) task: Option<&'a Task>,
    pub(super) chain: &'a [&'a Link],
    pub(super) now: Timestamp,
    pub(super) limits: &'a Limits,
    pub(super) taking: Taking<'a>,
}

/// What became of a demand.
pub(super) enum Met {
    /// Somebody approved; and whether one use uses that up.
    Yes(GivenApproval, bool),
    NotYet {
        action: Box<Action>,
        /// An approval was given, and something used it.
        used: bool,
    },
    /// Whether whoever gave it still may cannot be said.
    Failed(String),
}

impl Approvals<'_> {
    /// Whether what the clause of the guard demands is given for exactly this.
    pub(super) fn met(&self, guard: &Guard, clause: usize) -> Met {
        let action = self.action(guard, clause);
        let Some(approval) = self.head.approval(&action.id()) else {
            return Met::NotYet { action: Box::new(action), used: false };
        };
        let used = approval.once && self.is_used(&approval);
        let not_yet = || Met::NotYet { action: Box::new(action.clone()), used };
        if used || !self.is_given(&approval) {
            return not_yet();
        }
        let Some(by) = approval.answer.as_ref().and_then(|answer| answer.by.clone()) else { return not_yet() };
        let alive = self
            .head
            .principal(&by)
            .is_some_and(|principal| principal.state == PrincipalState::Active && principal.owner.is_none());
        if !alive {
            return not_yet();
        }
        if let Approver::Holder(permission) = &approval.from {
            let (by, nothing) = (SubjectRef::Object(by.clone()), Context::new());
            let given = Given { now: self.now, context: &nothing };
            match self.head.check(&self.question.resource, permission, &by, given, self.limits) {
                Ok(Permissionship::Has) => {}
                Ok(_) => return not_yet(),
                Err(error) => return Met::Failed(format!("whether {by} still may approve cannot be said: {error}")),
            }
        }
        Met::Yes(GivenApproval { id: approval.id.clone(), by }, approval.once)
    }

    fn action(&self, guard: &Guard, clause: usize) -> Action {
        let Question { actor, permission, resource, arguments, tool_schema, .. } = self.question;
        Action {
            actor: actor.clone(),
            task: self.task.map(|task| task.id.clone()),
            chain: self.chain.iter().map(|link| told(link)).collect(),
            permission: permission.clone(),
            resource: resource.clone(),
            arguments: arguments.clone(),
            tool_schema: tool_schema.clone(),
            guard: guard.name.clone(),
            guard_text: guard.text.clone(),
            clause: u32::try_from(clause).unwrap_or(u32::MAX),
        }
    }

    /// Whether it was given and is not over, used or not.
    fn is_given(&self, approval: &Approval) -> bool {
        approval.state == ApprovalState::Given && approval.good_until.is_some_and(|until| self.now < until)
    }

    /// Whether it is used up; what the same request used up before counts for it.
    fn is_used(&self, approval: &Approval) -> bool {
        match self.taking {
            Taking::Before => false,
            Taking::After(before) if before.iter().any(|taken| taken.approvals.contains(&approval.id)) => true,
            _ => approval.is_used(self.now),
        }
    }
}
