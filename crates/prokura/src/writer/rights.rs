//! Who may make which change, where it is not an administrator.

use prokura_engine::EngineError;
use prokura_model::{Change, Delegation, DelegationId, Endorsement, EndorsementId, ObjectRef, Task, TaskId};

use crate::{
    RightsFault, WriteError,
    rights::{Rights, Verb},
};

/// Nothing, if all of these may be made; the first that may not be.
pub(super) fn check(rights: Rights<'_>, changes: &[Change]) -> Result<(), WriteError> {
    let checking = Checking { rights };
    changes.iter().try_for_each(|change| checking.change(change)).map_err(|fault| WriteError::Rights(Box::new(fault)))
}

struct Checking<'r> {
    rights: Rights<'r>,
}

type Checked = Result<(), RightsFault>;

impl Checking<'_> {
    fn change(&self, change: &Change) -> Checked {
        if let Some(why) = self.rights.stopped() {
            return Err(RightsFault::Stopped(why.to_owned()));
        }
        match change {
            Change::TaskOpened(task) => self.opens(task),
            Change::TaskClosed(id, _) => self.closes(id),
            Change::DelegationCreated(link) => self.delegates(link),
            Change::DelegationRevoked(id) => self.revokes(id),
            Change::EndorsementCreated(endorsement) => self.endorses(endorsement),
            Change::EndorsementRevoked(id) => self.withdraws(id),
            _ => Err(RightsFault::ForAdministrators),
        }
    }

    fn opens(&self, task: &Task) -> Checked {
        self.creates("tasks", &task.origin)?;
        let Some(parent) = &task.parent else { return Ok(()) };
        self.task_known(parent, &task.origin)
    }

    /// Why something that is not known of does not fit would tell about it.
    fn delegates(&self, link: &Delegation) -> Checked {
        self.creates("delegations", &link.from)?;
        let Some(parent) = &link.parent else { return self.task_known(&link.task, &link.from) };
        let unknown = || RightsFault::DelegationUnknown(parent.clone());
        let above = self.rights.view.delegation(parent).ok_or_else(unknown)?;
        let seen = self.rights.may_create_under(&link.from, |rights| rights.may_delegation(&above, Verb::See));
        self.said(seen, unknown)?;
        // Who knows of a delegation knows of its task.
        if above.task == link.task { Ok(()) } else { self.task_known(&link.task, &link.from) }
    }

    fn endorses(&self, endorsement: &Endorsement) -> Checked {
        self.creates("endorsements", &endorsement.by)
    }

    fn closes(&self, id: &TaskId) -> Checked {
        let unknown = || RightsFault::TaskUnknown(id.clone());
        let task = self.rights.view.task(id).ok_or_else(unknown)?;
        self.said(self.rights.may_task(&task, Verb::See), unknown)?;
        let answers = || std::iter::once(&task.origin).chain(&task.owner);
        let own = "to be its origin or owner, or to own one of these";
        self.said(self.rights.may_task(&task, Verb::Revoke), || RightsFault::NotToEnd {
            by: self.rights.by().clone(),
            what: format!("close task `{id}`"),
            needs: or_permissions(own, &self.rights.needed(answers(), Verb::Revoke)),
            is_task: true,
        })
    }

    fn revokes(&self, id: &DelegationId) -> Checked {
        let unknown = || RightsFault::DelegationUnknown(id.clone());
        let link = self.rights.view.delegation(id).ok_or_else(unknown)?;
        self.said(self.rights.may_delegation(&link, Verb::See), unknown)?;
        let own = "to be its `from` or `to`, to own one of these, to have made one above it, or to answer for its task";
        self.said(self.rights.may_delegation(&link, Verb::Revoke), || RightsFault::NotToEnd {
            by: self.rights.by().clone(),
            what: format!("revoke delegation `{id}`"),
            needs: or_permissions(own, &self.rights.needed([&link.from, &link.to], Verb::Revoke)),
            is_task: false,
        })
    }

    fn withdraws(&self, id: &EndorsementId) -> Checked {
        let unknown = || RightsFault::EndorsementUnknown(id.clone());
        let found = self.rights.view.endorsement(id).ok_or_else(unknown)?;
        self.said(self.rights.may_endorsement(&found, Verb::See), unknown)?;
        let own = format!("to be `{}`, which made it, or to own that or the worker", found.by);
        self.said(self.rights.may_endorsement(&found, Verb::Revoke), || RightsFault::NotToEnd {
            by: self.rights.by().clone(),
            what: format!("revoke endorsement `{id}`"),
            needs: or_permissions(&own, &self.rights.needed([&found.by, &found.worker], Verb::Revoke)),
            is_task: false,
        })
    }

    fn creates(&self, what: &'static str, whose: &ObjectRef) -> Checked {
        self.said(self.rights.may_create_for(whose), || RightsFault::NotToCreate {
            by: self.rights.by().clone(),
            what,
            whose: Box::new(whose.clone()),
            needs: or_permissions("to be it or to own it", &self.rights.needed([whose], Verb::Create)),
        })
    }

    fn task_known(&self, id: &TaskId, whose: &ObjectRef) -> Checked {
        let unknown = || RightsFault::TaskUnknown(id.clone());
        let task = self.rights.view.task(id).ok_or_else(unknown)?;
        self.said(self.rights.may_create_under(whose, |rights| rights.may_task(&task, Verb::See)), unknown)
    }

    fn said(&self, said: Result<bool, EngineError>, otherwise: impl FnOnce() -> RightsFault) -> Checked {
        match said {
            Ok(true) => Ok(()),
            Ok(false) => Err(otherwise()),
            Err(error) => Err(RightsFault::Undecided { by: self.rights.by().clone(), error: Box::new(error) }),
        }
    }
}

fn or_permissions(own: &str, needed: &[String]) -> String {
    if needed.is_empty() { own.to_owned() } else { format!("{own}; or {}", needed.join(" or ")) }
}
