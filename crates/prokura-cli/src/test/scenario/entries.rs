//! What a step writes.

use std::collections::BTreeMap;

use prokura_model::{
    Budget, BudgetName, Cap, CapClause, CapPermissions, CaveatName, CaveatUse, Change, Delegation, DelegationKind,
    Endorsement, Measure, Principal, PrincipalState, Task, TaskState, Timestamp,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ApproveEntry, AskEntry, MayEntry, Written, delegation_id, endorsement_id, parsed, task_id};
use crate::terms::{self, Termed};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Step {
    #[serde(rename = "about")]
    _about: String,
    now: Option<String>,
    schema: Option<String>,
    delete: String,
    pub(super) relationships: String,
    principals: BTreeMap<String, PrincipalEntry>,
    unregister: Vec<String>,
    tasks: BTreeMap<String, TaskEntry>,
    delegations: BTreeMap<String, DelegationEntry>,
    endorsements: BTreeMap<String, EndorsementEntry>,
    complete: Vec<String>,
    cancel: Vec<String>,
    revoke: Vec<String>,
    revoke_endorsements: Vec<String>,
    attributes: BTreeMap<String, Map<String, Value>>,
    approve: Vec<ApproveEntry>,
    pub(super) ask: Vec<AskEntry>,
    pub(super) may: Vec<MayEntry>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PrincipalEntry {
    owner: Option<String>,
    state: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskEntry {
    origin: String,
    #[serde(default)]
    purpose: String,
    expires_at: String,
    #[serde(default)]
    budgets: BTreeMap<String, BudgetEntry>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    parent: Option<String>,
    #[serde(default)]
    owner: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetEntry {
    covers: Option<Vec<ClauseEntry>>,
    sum: Option<String>,
    limit: String,
    per_ms: Option<u64>,
    in_flight: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DelegationEntry {
    task: String,
    /// `lends` if it does not say.
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    parent: Option<String>,
    from: String,
    to: String,
    #[serde(default)]
    depth: u32,
    #[serde(default)]
    not_before: Option<String>,
    #[serde(default)]
    expires_at: Option<String>,
    #[serde(default)]
    uses: Option<u64>,
    cap: Vec<ClauseEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndorsementEntry {
    worker: String,
    by: String,
    origins: Vec<String>,
    #[serde(default)]
    expires_at: Option<String>,
    cap: Vec<ClauseEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClauseEntry {
    permissions: Vec<String>,
    resources: Vec<String>,
    #[serde(default)]
    when: Option<CaveatEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaveatEntry {
    name: String,
    #[serde(default)]
    context: Map<String, Value>,
}

impl Step {
    pub(super) fn written(&self, step: usize, now: &mut Timestamp) -> Result<Written, String> {
        if let Some(time) = &self.now {
            *now = terms::moment(time)?;
        }
        let mut changes = Vec::new();
        changes.extend(self.schema.clone().map(Change::SchemaWritten));
        for line in lines(&self.delete) {
            changes.push(Change::RelationshipDeleted(parsed(line)?));
        }
        for line in lines(&self.relationships) {
            let Termed { relationship, terms } = parsed(line)?;
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
        // A parent is written before what hangs below it.
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
            changes.push(Change::AttributesSet(parsed(object)?, terms::context(attributes)));
        }
        let approvals = self.approve.iter().map(ApproveEntry::read).collect::<Result<_, _>>()?;
        Ok(Written { step, now: *now, changes, approvals })
    }

    /// How many tasks of this step are above this one; on a loop, as many as there are.
    fn tasks_above(&self, entry: &TaskEntry) -> usize {
        let parent_of = |entry: &&TaskEntry| entry.parent.as_ref().and_then(|id| self.tasks.get(id));
        std::iter::successors(parent_of(&entry), parent_of).take(self.tasks.len()).count()
    }

    /// How many links of this step hang above this one; on a loop, as many as there are.
    fn links_above(&self, entry: &DelegationEntry) -> usize {
        let parent_of = |entry: &&DelegationEntry| entry.parent.as_ref().and_then(|id| self.delegations.get(id));
        std::iter::successors(parent_of(&entry), parent_of).take(self.delegations.len()).count()
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
            opened_at: now,
            expires_at: terms::moment(&self.expires_at)?,
            state: TaskState::from_word(state).ok_or_else(|| format!("`{state}` is no state of a task"))?,
            declared: false,
            parent: self.parent.as_deref().map(task_id).transpose()?,
            owner: self.owner.as_deref().map(parsed).transpose()?,
            budgets: self.budgets.iter().map(|(name, entry)| entry.budget(name)).collect::<Result<_, _>>()?,
        })
    }
}

impl BudgetEntry {
    fn budget(&self, name: &str) -> Result<Budget, String> {
        Ok(Budget {
            name: BudgetName::new(name).ok_or_else(|| format!("`{name}` is no name of a budget"))?,
            covers: self.covers.as_deref().map(cap).transpose()?,
            measure: self.sum.clone().map_or(Measure::Count, Measure::Sum),
            limit: parsed(&self.limit)?,
            per_ms: self.per_ms,
            in_flight: self.in_flight,
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
            not_before: self.not_before.as_deref().map(terms::moment).transpose()?,
            expires_at: self.expires_at.as_deref().map(terms::moment).transpose()?,
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
            expires_at: self.expires_at.as_deref().map(terms::moment).transpose()?,
            revoked_at: None,
            declared: false,
        })
    }
}

fn cap(clauses: &[ClauseEntry]) -> Result<Cap, String> {
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
        Ok(CaveatUse { name, context: terms::context(&self.context) })
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"))
}
