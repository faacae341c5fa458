//! Who may do what with tasks, delegations and endorsements, found by trying.

use prokura::{By, Provenance, WriteError};
use prokura_model::{Change, ObjectRef, Task, TaskState, Timestamp};
use serde::Deserialize;

use super::{Played, delegation_id, endorsement_id, parsed, task_id};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MayEntry {
    #[serde(rename = "about")]
    _about: String,
    who: String,
    what: String,
    /// `yes`, `no`, or `hidden`.
    pub(super) expect: String,
}

impl MayEntry {
    /// The text that says what is asked, as it stands in the file.
    pub(super) fn place(&self) -> &str {
        &self.what
    }

    pub(super) fn text(&self) -> String {
        format!("may {} {}", self.who, self.what)
    }

    pub(super) fn answered(&self, trial: &Played) -> Result<&'static str, String> {
        let by = By::new(parsed(&self.who)?);
        let words: Vec<&str> = self.what.split(' ').collect();
        let change = match words.as_slice() {
            ["see", what, id] => return self.seen(trial, &by, (what, id)),
            ["create", "for", whose] => Change::TaskOpened(over_already(trial, parsed(whose)?)),
            ["close", "task", id] => Change::TaskClosed(task_id(id)?, TaskState::Cancelled),
            ["revoke", "delegation", id] => Change::DelegationRevoked(delegation_id(id)?),
            ["revoke", "endorsement", id] => Change::EndorsementRevoked(endorsement_id(id)?),
            _ => return Err(self.nothing()),
        };
        let tried = trial.authority.write_by(&trial.tenant, Provenance::new("prokura test", ""), by, vec![change]);
        Ok(match tried {
            Err(WriteError::Rights(fault)) if fault.code().ends_with("_unknown") => "hidden",
            Err(WriteError::Rights(_)) => "no",
            // What is wrong with it otherwise is not for want of a right.
            Ok(_) | Err(_) => "yes",
        })
    }

    fn seen(&self, trial: &Played, by: &By, (what, id): (&str, &str)) -> Result<&'static str, String> {
        let snapshot = trial.snapshot()?;
        let seen = match what {
            "task" => match snapshot.task(&task_id(id)?) {
                Ok(Some(task)) => snapshot.may_see_task(by, &task),
                other => other.map(|_| false),
            },
            "delegation" => match snapshot.delegation(&delegation_id(id)?) {
                Ok(Some(link)) => snapshot.may_see_delegation(by, &link),
                other => other.map(|_| false),
            },
            "endorsement" => match snapshot.endorsement(&endorsement_id(id)?) {
                Ok(Some(found)) => snapshot.may_see_endorsement(by, &found),
                other => other.map(|_| false),
            },
            _ => return Err(self.nothing()),
        };
        Ok(if seen.map_err(|error| error.to_string())? { "yes" } else { "hidden" })
    }

    fn nothing(&self) -> String {
        format!("`{}` is nothing that somebody may do, as in `revoke delegation d1`", self.what)
    }
}

/// A task that nobody opens, because it would be over; that is found out after whether they may.
fn over_already(trial: &Played, origin: ObjectRef) -> Task {
    Task {
        id: trial.authority.mint_task_id(),
        origin,
        purpose: String::new(),
        opened_at: Timestamp(0),
        expires_at: Timestamp(0),
        state: TaskState::Open,
        declared: false,
        parent: None,
        owner: None,
        budgets: Vec::new(),
    }
}
