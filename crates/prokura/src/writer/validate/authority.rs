use std::{fmt, sync::Arc};

use prokura_engine::limits::{CAP_TEXT_BYTES_MAX, TASK_LINE_MAX};
use prokura_model::{
    Delegation, DelegationId, DelegationKind, ObjectRef, Principal, PrincipalState, Task, TaskId, TaskState,
};

use super::{Draft, cap::check_cap, sentence};
use crate::{DelegationFault, TaskFault, WriteError};

impl Draft<'_> {
    pub(super) fn principal_set(&mut self, principal: &Principal) -> Result<(), WriteError> {
        let object = &principal.object;
        self.known_type(&object.kind, || format!("principal `{object}`"))?;
        if let Some(owner) = &principal.owner {
            self.known_type(&owner.kind, || format!("owner of `{object}`"))?;
            if owner == object {
                return Err(WriteError::PrincipalOwnsItself(object.clone()));
            }
        }
        self.stays_stopped(principal)?;
        self.principals.insert(object.clone(), Some(Arc::new(principal.clone())));
        Ok(())
    }

    pub(super) fn principal_removed(&mut self, object: &ObjectRef) -> Result<(), WriteError> {
        let principal = self.registered(object, || "removing it".to_owned())?;
        if principal.state != PrincipalState::Active {
            return Err(WriteError::PrincipalNotRemovable { object: object.clone(), state: principal.state });
        }
        if let Some(owner) = self.off_boarded_owner(&principal) {
            return Err(WriteError::OrphanNotRemovable { object: object.clone(), owner });
        }
        self.principals.insert(object.clone(), None);
        Ok(())
    }

    pub(super) fn task_opened(&mut self, task: &mut Task) -> Result<(), WriteError> {
        if self.task(&task.id).is_some() {
            return Err(WriteError::TaskExists(task.id.clone()));
        }
        if task.state != TaskState::Open {
            return Err(WriteError::TaskNotOpen { task: task.id.clone(), state: task.state });
        }
        sentence("bytes of a task's purpose", &task.purpose)?;
        self.known_type(&task.origin.kind, || format!("origin of task `{}`", task.id))?;
        self.able(&task.origin, || format!("origin of task `{}`", task.id))?;
        if task.expires_at <= self.now {
            let place = format!("task `{}`", task.id);
            return Err(WriteError::ExpiryPassed { place, expires_at: task.expires_at, now: self.now });
        }
        if let Some(owner) = &task.owner {
            self.able(owner, || format!("owner of task `{}`", task.id))?;
        }
        self.is_part(task)?;
        self.budgets(task)?;
        task.opened_at = self.now;
        self.tasks.insert(task.id.clone(), Arc::new(task.clone()));
        Ok(())
    }

    /// A task is closed once: completing what is completed already is an error that says so, because two parties who
    /// both believe they ended it should find out.
    pub(super) fn task_closed(&mut self, id: &TaskId, state: TaskState) -> Result<(), WriteError> {
        let task = self.task(id).ok_or_else(|| WriteError::TaskUnknown(id.clone()))?;
        if task.state != TaskState::Open {
            return Err(WriteError::TaskNotOpen { task: id.clone(), state: task.state });
        }
        if state == TaskState::Open {
            return Err(WriteError::ValueInvalid {
                place: format!("closing task `{id}`"),
                detail: "a task is closed as `completed` or `cancelled`".to_owned(),
            });
        }
        self.tasks.insert(id.clone(), Arc::new(Task { state, ..(*task).clone() }));
        Ok(())
    }

    pub(super) fn delegation_created(&mut self, delegation: &Delegation) -> Result<(), WriteError> {
        let id = &delegation.id;
        if self.delegation(id).is_some() {
            return Err(WriteError::DelegationExists(id.clone()));
        }
        if delegation.revoked_at.is_some() {
            return Err(invalid(delegation, DelegationFault::AlreadyRevoked));
        }
        if delegation.uses == Some(0) {
            return Err(invalid(delegation, DelegationFault::NoUses));
        }
        let task = self.live_task(&delegation.task)?;
        self.known_type(&delegation.from.kind, || format!("`from` of delegation `{id}`"))?;
        self.known_type(&delegation.to.kind, || format!("`to` of delegation `{id}`"))?;
        self.able(&delegation.from, || format!("`from` of delegation `{id}`"))?;
        if delegation.from == delegation.to {
            return Err(invalid(delegation, DelegationFault::ToItself(delegation.from.clone())));
        }
        match &delegation.parent {
            Some(parent) => self.continues(delegation, parent)?,
            None if delegation.from != task.origin => {
                let fault =
                    DelegationFault::RootNotOrigin { origin: task.origin.clone(), from: delegation.from.clone() };
                return Err(invalid(delegation, fault));
            }
            None => {}
        }
        self.inside_its_time(delegation, &task)?;
        check_cap(self.schema()?, &delegation.cap, || format!("cap of delegation `{id}`"))?;
        self.inside_its_parent(delegation)?;
        self.delegations.insert(id.clone(), Arc::new(delegation.clone()));
        Ok(())
    }

    /// Revoking what is revoked already is fine and changes nothing, not even the time: whoever revokes wants it dead,
    /// and it is.
    pub(super) fn delegation_revoked(&mut self, id: &DelegationId) -> Result<(), WriteError> {
        let delegation = self.delegation(id).ok_or_else(|| WriteError::DelegationUnknown(id.clone()))?;
        if delegation.revoked_at.is_none() {
            let revoked = Delegation { revoked_at: Some(self.now), ..(*delegation).clone() };
            self.delegations.insert(id.clone(), Arc::new(revoked));
        }
        Ok(())
    }

    pub(super) fn registered(
        &self,
        object: &ObjectRef,
        place: impl FnOnce() -> String,
    ) -> Result<Arc<Principal>, WriteError> {
        self.principal(object).ok_or_else(|| WriteError::PrincipalUnknown { place: place(), object: object.clone() })
    }

    /// What it is a part of goes on, at least as long, and is for the same origin.
    fn is_part(&self, task: &Task) -> Result<(), WriteError> {
        let Some(id) = &task.parent else { return Ok(()) };
        let parent = self.live_task(id)?;
        let invalid = |fault| Err(WriteError::TaskInvalid { id: task.id.clone(), fault: Box::new(fault) });
        if parent.origin != task.origin {
            let (of_parent, origin) = (parent.origin.clone(), task.origin.clone());
            return invalid(TaskFault::ParentForOther { parent: id.clone(), of_parent, origin });
        }
        if task.expires_at > parent.expires_at {
            return invalid(TaskFault::OutlivesParent(id.clone()));
        }
        if self.line_above(&parent).count() + 2 > TASK_LINE_MAX {
            return invalid(TaskFault::LineTooLong(TASK_LINE_MAX));
        }
        Ok(())
    }

    /// The tasks above one, the nearest first, as far as they may go on.
    fn line_above(&self, task: &Task) -> impl Iterator<Item = Arc<Task>> {
        let above = |task: &Task| task.parent.as_ref().and_then(|parent| self.task(parent));
        std::iter::successors(above(task), move |task| above(task)).take(TASK_LINE_MAX)
    }

    /// Open and not over, and all that it is a part of as well.
    fn live_task(&self, id: &TaskId) -> Result<Arc<Task>, WriteError> {
        let task = self.task(id).ok_or_else(|| WriteError::TaskUnknown(id.clone()))?;
        self.goes_on(&task)?;
        self.line_above(&task).try_for_each(|above| self.goes_on(&above))?;
        Ok(task)
    }

    fn goes_on(&self, task: &Task) -> Result<(), WriteError> {
        if task.state != TaskState::Open {
            return Err(WriteError::TaskNotOpen { task: task.id.clone(), state: task.state });
        }
        if task.expires_at <= self.now {
            return Err(WriteError::TaskExpired { task: task.id.clone(), expired_at: task.expires_at });
        }
        Ok(())
    }

    /// Registered, and neither stopped itself nor by the loss of its owner.
    pub(super) fn able(&self, object: &ObjectRef, place: impl Fn() -> String) -> Result<(), WriteError> {
        let principal = self.registered(object, &place)?;
        if principal.state != PrincipalState::Active {
            let (object, state) = (object.clone(), principal.state);
            return Err(WriteError::PrincipalNotActive { place: place(), object, state });
        }
        match self.off_boarded_owner(&principal) {
            Some(owner) => Err(WriteError::OwnerOffBoarded { object: object.clone(), owner }),
            None => Ok(()),
        }
    }

    /// Nothing undoes an off-boarding, and what lost its owner by one is stopped until somebody else owns it.
    fn stays_stopped(&self, principal: &Principal) -> Result<(), WriteError> {
        let object = &principal.object;
        let known = self.principal(object);
        if principal.state != PrincipalState::OffBoarded
            && known.as_ref().is_some_and(|known| known.state == PrincipalState::OffBoarded)
        {
            return Err(WriteError::PrincipalOffBoarded(object.clone()));
        }
        let before = known.as_ref().and_then(|known| known.owner.as_ref());
        if principal.owner.as_ref() == before {
            return Ok(());
        }
        let lost = known.as_ref().and_then(|known| self.off_boarded_owner(known));
        let Some(owner) = &principal.owner else {
            return match lost {
                Some(owner) => Err(WriteError::OwnerMissing { object: object.clone(), owner }),
                None => Ok(()),
            };
        };
        match self.principal(owner).map(|owner| owner.state).or_else(|| self.to_come.get(owner).copied()) {
            Some(PrincipalState::OffBoarded) => {
                Err(WriteError::OwnerUnfit { object: object.clone(), owner: owner.clone() })
            }
            None if lost.is_some() => {
                Err(WriteError::PrincipalUnknown { place: format!("new owner of `{object}`"), object: owner.clone() })
            }
            _ => Ok(()),
        }
    }

    fn off_boarded_owner(&self, principal: &Principal) -> Option<ObjectRef> {
        let owner = principal.owner.as_ref()?;
        (self.principal(owner)?.state == PrincipalState::OffBoarded).then(|| owner.clone())
    }

    fn continues(&self, delegation: &Delegation, parent: &DelegationId) -> Result<(), WriteError> {
        let parent = self.delegation(parent).ok_or_else(|| WriteError::DelegationUnknown(parent.clone()))?;
        let fault = if parent.task != delegation.task {
            DelegationFault::ParentOfOtherTask { parent: parent.id.clone(), parent_task: parent.task.clone() }
        } else if parent.to != delegation.from {
            DelegationFault::ParentToOther {
                parent: parent.id.clone(),
                to: parent.to.clone(),
                from: delegation.from.clone(),
            }
        } else if parent.depth == 0 {
            DelegationFault::ParentNotPassedOn(parent.id.clone())
        } else if delegation.depth >= parent.depth {
            DelegationFault::TooDeep { depth: delegation.depth, parent: parent.id.clone(), parent_depth: parent.depth }
        } else {
            return self.ancestors_live(delegation, parent);
        };
        Err(invalid(delegation, fault))
    }

    /// The links above, up to the root: each one alive, none ending before this one, and not too many of them.
    fn ancestors_live(&self, delegation: &Delegation, parent: Arc<Delegation>) -> Result<(), WriteError> {
        let mut links = 1;
        let mut next = Some(parent);
        while let Some(link) = next {
            links += 1;
            let fault = if links > self.chain_links {
                DelegationFault::ChainTooLong(self.chain_links)
            } else if link.revoked_at.is_some() {
                DelegationFault::ParentRevoked(link.id.clone())
            } else if link.expires_at.is_some_and(|end| end <= self.now) {
                DelegationFault::ParentExpired(link.id.clone())
            } else if let (Some(own), Some(end)) = (delegation.expires_at, link.expires_at)
                && own > end
            {
                DelegationFault::OutlivesParent(link.id.clone())
            } else {
                next = match &link.parent {
                    Some(id) => Some(self.delegation(id).ok_or_else(|| WriteError::DelegationUnknown(id.clone()))?),
                    None => None,
                };
                continue;
            };
            return Err(invalid(delegation, fault));
        }
        Ok(())
    }

    /// Lending passes on no more than was lent. Whatever is decided keeps to every cap all the same; a cap that says more would
    /// only mislead whoever reads it. A dispatch begins anew.
    fn inside_its_parent(&self, delegation: &Delegation) -> Result<(), WriteError> {
        let Some(parent) = delegation.parent.as_ref().and_then(|id| self.delegation(id)) else { return Ok(()) };
        if delegation.kind == DelegationKind::Dispatches {
            return Ok(());
        }
        let Some(clause) = delegation.cap.widening(&parent.cap) else { return Ok(()) };
        let (clause, carries) = (shortened(&clause), shortened(&parent.cap));
        Err(invalid(delegation, DelegationFault::CapWidens { parent: parent.id.clone(), clause, carries }))
    }

    fn inside_its_time(&self, delegation: &Delegation, task: &Task) -> Result<(), WriteError> {
        if let Some(expires_at) = delegation.expires_at {
            if expires_at > task.expires_at {
                return Err(invalid(delegation, DelegationFault::OutlivesTask(task.id.clone())));
            }
            if expires_at <= self.now {
                let place = format!("delegation `{}`", delegation.id);
                return Err(WriteError::ExpiryPassed { place, expires_at, now: self.now });
            }
        }
        let end = delegation.expires_at.unwrap_or(task.expires_at);
        if delegation.not_before.is_some_and(|begin| begin >= end) {
            return Err(invalid(delegation, DelegationFault::NeverValid));
        }
        Ok(())
    }
}

/// As much of a cap as an error tells.
fn shortened(cap: &dyn fmt::Display) -> String {
    let mut text = cap.to_string();
    if text.len() > CAP_TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(CAP_TEXT_BYTES_MAX));
        text.push('…');
    }
    text
}

fn invalid(delegation: &Delegation, fault: DelegationFault) -> WriteError {
    WriteError::DelegationInvalid { id: delegation.id.clone(), fault: Box::new(fault) }
}
