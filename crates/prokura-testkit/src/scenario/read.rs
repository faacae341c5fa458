use std::{fmt::Display, str::FromStr};

use prokura_model::{
    Cap, CapClause, CapPermissions, CaveatName, CaveatUse, Change, Delegation, DelegationId, DelegationKind,
    Endorsement, EndorsementId, Principal, PrincipalState, RelationshipOnTerms, Task, TaskId, TaskState, Timestamp,
};

use super::{
    CaveatEntry, ClauseEntry, DelegationEntry, EndorsementEntry, MayEntry, PrincipalEntry, Stage, Step, TaskEntry,
    context::context_of,
};

use crate::{Candidate, World};

impl Step {
    /// The world is taken along: what somebody approves depends on it.
    pub(super) fn stage(&self, now: &mut Timestamp, world: &mut World) -> Result<Stage, String> {
        if let Some(time) = &self.now {
            *now = moment(time)?;
        }
        let mut changes = Vec::new();
        changes.extend(self.schema.clone().map(Change::SchemaWritten));
        for line in lines(&self.delete) {
            changes.push(Change::RelationshipDeleted(parsed(line)?));
        }
        for line in lines(&self.relationships) {
            let RelationshipOnTerms { relationship, terms } = parsed(line)?;
            changes.push(Change::RelationshipTouched(relationship, terms));
        }
        for (object, entry) in &self.principals {
            changes.push(Change::PrincipalSet(entry.principal(object)?));
        }
        for object in &self.unregister {
            changes.push(Change::PrincipalRemoved(parsed(object)?));
        }
        let mut tasks: Vec<_> = self.tasks.iter().collect();
        tasks.sort_by_key(|(_, entry)| self.tasks_above(entry));
        for (id, entry) in tasks {
            changes.push(Change::TaskOpened(entry.task(id, *now)?));
        }
        // A writer wants a parent before what hangs below it.
        let mut links: Vec<_> = self.delegations.iter().collect();
        links.sort_by_key(|(_, entry)| self.links_above(entry));
        for (id, entry) in links {
            changes.push(Change::DelegationCreated(entry.delegation(id)?));
        }
        for (id, entry) in &self.endorsements {
            changes.push(Change::EndorsementCreated(entry.endorsement(id)?));
        }
        for id in &self.complete {
            changes.push(Change::TaskClosed(task_id(id)?, TaskState::Completed));
        }
        for id in &self.cancel {
            changes.push(Change::TaskClosed(task_id(id)?, TaskState::Cancelled));
        }
        for id in &self.revoke {
            changes.push(Change::DelegationRevoked(delegation_id(id)?));
        }
        for id in &self.revoke_endorsements {
            changes.push(Change::EndorsementRevoked(endorsement_id(id)?));
        }
        for (object, attributes) in &self.attributes {
            changes.push(Change::AttributesSet(parsed(object)?, context_of(attributes)));
        }
        for entry in &self.consume {
            changes.push(entry.consumed(*now)?);
        }
        for entry in &self.commit {
            changes.push(entry.committed()?);
        }
        for entry in &self.release {
            changes.push(entry.released()?);
        }
        for entry in &self.approvals {
            changes.push(entry.set()?);
        }
        world.apply(&changes, *now);
        for entry in &self.approve {
            let given = entry.given(world, *now)?;
            world.apply(std::slice::from_ref(&given), *now);
            changes.push(given);
        }
        let asks = self.ask.iter().map(|entry| entry.expected(*now)).collect::<Result<_, _>>()?;
        let rights = self.may.iter().map(MayEntry::expected).collect::<Result<_, _>>()?;
        Ok(Stage { about: self.about.clone(), now: *now, changes, asks, rights })
    }

    /// How many tasks of this step are above this one; on a loop, as many as there are.
    fn tasks_above(&self, entry: &TaskEntry) -> usize {
        let parent_of = |entry: &TaskEntry| entry.parent.as_ref().and_then(|id| self.tasks.get(id)).cloned();
        std::iter::successors(parent_of(entry), parent_of).take(self.tasks.len()).count()
    }

    /// How many links of this step hang above this one; on a loop, as many as there are.
    fn links_above(&self, entry: &DelegationEntry) -> usize {
        let parent_of =
            |entry: &DelegationEntry| entry.parent.as_ref().and_then(|id| self.delegations.get(id)).cloned();
        std::iter::successors(parent_of(entry), parent_of).take(self.delegations.len()).count()
    }
}

impl PrincipalEntry {
    fn principal(&self, object: &str) -> Result<Principal, String> {
        let state = self.state.as_deref().unwrap_or("active");
        Ok(Principal {
            object: parsed(object)?,
            owner: self.owner.as_deref().map(parsed).transpose()?,
            state: PrincipalState::from_word(state).ok_or_else(|| format!("`{state}` is no state of a principal"))?,
            declared: false,
        })
    }
}

impl TaskEntry {
    fn task(&self, id: &str, now: Timestamp) -> Result<Task, String> {
        let state = self.state.as_deref().unwrap_or("open");
        Ok(Task {
            id: task_id(id)?,
            origin: parsed(&self.origin)?,
            purpose: self.purpose.clone(),
            opened_at: self.opened_at.as_deref().map(moment).transpose()?.unwrap_or(now),
            expires_at: moment(&self.expires_at)?,
            state: TaskState::from_word(state).ok_or_else(|| format!("`{state}` is no state of a task"))?,
            declared: false,
            parent: self.parent.as_deref().map(task_id).transpose()?,
            owner: self.owner.as_deref().map(parsed).transpose()?,
            budgets: self.budgets.iter().map(|(name, entry)| entry.budget(name)).collect::<Result<_, _>>()?,
        })
    }
}

impl DelegationEntry {
    fn delegation(&self, id: &str) -> Result<Delegation, String> {
        Ok(Delegation {
            id: delegation_id(id)?,
            task: task_id(&self.task)?,
            kind: self.kind()?,
            from: parsed(&self.from)?,
            to: parsed(&self.to)?,
            parent: self.parent.as_deref().map(delegation_id).transpose()?,
            cap: cap(&self.cap)?,
            depth: self.depth,
            not_before: self.not_before.as_deref().map(moment).transpose()?,
            expires_at: self.expires_at.as_deref().map(moment).transpose()?,
            revoked_at: None,
            declared: false,
            uses: self.uses,
        })
    }
}

impl DelegationEntry {
    fn kind(&self) -> Result<DelegationKind, String> {
        let Some(word) = &self.kind else { return Ok(DelegationKind::Lends) };
        DelegationKind::from_word(word).ok_or_else(|| format!("`{word}` is no kind of a delegation"))
    }
}

impl EndorsementEntry {
    fn endorsement(&self, id: &str) -> Result<Endorsement, String> {
        Ok(Endorsement {
            id: endorsement_id(id)?,
            worker: parsed(&self.worker)?,
            by: parsed(&self.by)?,
            cap: cap(&self.cap)?,
            origins: self.origins.iter().map(|origin| parsed(origin)).collect::<Result<_, _>>()?,
            expires_at: self.expires_at.as_deref().map(moment).transpose()?,
            revoked_at: None,
            declared: false,
        })
    }
}

pub(super) fn cap(clauses: &[ClauseEntry]) -> Result<Cap, String> {
    Ok(Cap { clauses: clauses.iter().map(ClauseEntry::clause).collect::<Result<_, _>>()? })
}

impl ClauseEntry {
    fn clause(&self) -> Result<CapClause, String> {
        let permissions = if self.permissions.iter().any(|name| name == "*") {
            CapPermissions::Any
        } else {
            CapPermissions::Only(self.permissions.iter().map(|name| parsed(name)).collect::<Result<_, _>>()?)
        };
        let resources = self.resources.iter().map(|entry| parsed(entry)).collect::<Result<_, _>>()?;
        let condition = self.when.as_ref().map(CaveatEntry::used).transpose()?;
        Ok(CapClause { permissions, resources, condition })
    }
}

impl CaveatEntry {
    fn used(&self) -> Result<CaveatUse, String> {
        let name = CaveatName::new(&self.name).map_err(|error| format!("`{}`: {error}", self.name))?;
        Ok(CaveatUse { name, context: context_of(&self.context) })
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"))
}

pub(super) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("`{text}`: {error}"))
}

pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let time: jiff::Timestamp = parsed(text)?;
    let milliseconds = u64::try_from(time.as_millisecond()).map_err(|error| format!("`{text}`: {error}"))?;
    Ok(Timestamp(milliseconds))
}

pub(super) fn task_id(text: &str) -> Result<TaskId, String> {
    TaskId::new(text).ok_or_else(|| format!("`{text}` is no task id"))
}

pub(super) fn delegation_id(text: &str) -> Result<DelegationId, String> {
    DelegationId::new(text).ok_or_else(|| format!("`{text}` is no delegation id"))
}

fn endorsement_id(text: &str) -> Result<EndorsementId, String> {
    EndorsementId::new(text).ok_or_else(|| format!("`{text}` is no endorsement id"))
}
