use prokura_model::{
    Cap, CapPermissions, Change, Delegation, DelegationKind, Endorsement, Taken, TaskState, Timestamp,
};

use super::{
    ApprovalEntry, AskEntry, BudgetEntry, CaveatEntry, ClauseEntry, DelegationEntry, EndorsementEntry, PrincipalEntry,
    Scenario, Step, TakenEntry, TaskEntry, context::entries_of,
};
use crate::{Answer, Ask};

/// A scenario in which these changes are made one after the other, and the question then has this answer.
#[must_use]
pub fn text_of(changes: &[Change], ask: &Ask, right: &Answer) -> String {
    let mut steps: Vec<Step> = Vec::new();
    let mut reached = usize::MAX;
    for change in changes {
        // Within a step things are written in a fixed order; what comes earlier in it needs a new step.
        let place = place(change);
        let needs_more = place < reached || (place == reached && matches!(change, Change::SchemaWritten(_)));
        if needs_more || steps.is_empty() {
            steps.push(Step::default());
        }
        reached = place;
        if let Some(step) = steps.last_mut() {
            put(step, change);
        }
    }
    if steps.is_empty() {
        steps.push(Step::default());
    }
    if let Some(step) = steps.last_mut() {
        step.ask.push(AskEntry::of(ask, right));
    }
    let scenario = Scenario { about: "Say here what this shows.".to_owned(), forged: true, steps };
    serde_saphyr::to_string(&scenario).unwrap_or_else(|error| panic!("a scenario is plain data: {error}"))
}

fn place(change: &Change) -> usize {
    match change {
        Change::SchemaWritten(_) => 0,
        Change::RelationshipDeleted(_) | Change::RelationshipExpired(_) => 1,
        Change::RelationshipTouched(_, _) => 2,
        Change::PrincipalSet(_) => 3,
        Change::PrincipalRemoved(_) => 4,
        Change::TaskOpened(_) => 5,
        Change::DelegationCreated(_) => 6,
        Change::EndorsementCreated(_) => 7,
        Change::TaskClosed(_, TaskState::Completed) => 8,
        Change::TaskClosed(..) => 9,
        Change::DelegationRevoked(_) => 10,
        Change::EndorsementRevoked(_) => 11,
        Change::AttributesSet(..) => 12,
        Change::Consumed(_) => 13,
        Change::ReservationCommitted(..) => 14,
        Change::ReservationReleased(..) => 15,
        Change::ApprovalSet(_) => 16,
        Change::SpendingSet(..)
        | Change::MetadataAttached(_)
        | Change::WorkDigested(..)
        | Change::RequestSet(_)
        | Change::AuthzenMappingSet(_)
        | Change::ModelWritten(_)
        | Change::AssertionsWritten(..)
        | Change::TenantCreated(_)
        | Change::TenantNamed(..)
        | Change::TenantDeleted(_)
        | Change::SecretMade(_)
        | Change::KeyCreated(_)
        | Change::KeyRevoked(_) => 17,
    }
}

fn put(step: &mut Step, change: &Change) {
    match change {
        Change::SchemaWritten(text) => step.schema = Some(text.clone()),
        Change::RelationshipDeleted(edge) | Change::RelationshipExpired(edge) => {
            step.delete.push_str(&format!("{edge}\n"))
        }
        Change::RelationshipTouched(edge, terms) => step.relationships.push_str(&format!("{edge}{terms}\n")),
        Change::PrincipalSet(principal) => {
            let entry = PrincipalEntry {
                owner: principal.owner.as_ref().map(ToString::to_string),
                state: Some(principal.state.to_string()),
            };
            step.principals.insert(principal.object.to_string(), entry);
        }
        Change::PrincipalRemoved(object) => step.unregister.push(object.to_string()),
        Change::TaskOpened(task) => {
            let entry = TaskEntry {
                origin: task.origin.to_string(),
                purpose: task.purpose.clone(),
                opened_at: Some(moment_text(task.opened_at)),
                budgets: task.budgets.iter().map(|budget| (budget.name.to_string(), BudgetEntry::of(budget))).collect(),
                expires_at: moment_text(task.expires_at),
                state: Some(task.state.to_string()),
                parent: task.parent.as_ref().map(ToString::to_string),
                owner: task.owner.as_ref().map(ToString::to_string),
            };
            step.tasks.insert(task.id.to_string(), entry);
        }
        Change::DelegationCreated(link) => {
            step.delegations.insert(link.id.to_string(), link_entry(link));
        }
        Change::EndorsementCreated(endorsement) => {
            step.endorsements.insert(endorsement.id.to_string(), endorsement_entry(endorsement));
        }
        Change::TaskClosed(id, TaskState::Completed) => step.complete.push(id.to_string()),
        Change::TaskClosed(id, _) => step.cancel.push(id.to_string()),
        Change::DelegationRevoked(id) => step.revoke.push(id.to_string()),
        Change::EndorsementRevoked(id) => step.revoke_endorsements.push(id.to_string()),
        Change::AttributesSet(object, attributes) => {
            step.attributes.insert(object.to_string(), entries_of(attributes));
        }
        Change::ApprovalSet(approval) => step.approvals.push(ApprovalEntry::of(approval)),
        Change::Consumed(consumption) => step.consume.push(TakenEntry::of(consumption)),
        Change::ReservationCommitted(id, task, taken) => step.commit.push(TakenEntry::settled(id, Some(task), taken)),
        Change::ReservationReleased(id, task) => {
            step.release.push(TakenEntry::settled(id, Some(task), &Taken::default()));
        }
        // No answer depends on these.
        Change::SpendingSet(..)
        | Change::MetadataAttached(_)
        | Change::WorkDigested(..)
        | Change::RequestSet(_)
        | Change::AuthzenMappingSet(_)
        | Change::ModelWritten(_)
        | Change::AssertionsWritten(..)
        | Change::TenantCreated(_)
        | Change::TenantNamed(..)
        | Change::TenantDeleted(_)
        | Change::SecretMade(_)
        | Change::KeyCreated(_)
        | Change::KeyRevoked(_) => {}
    }
}

fn link_entry(link: &Delegation) -> DelegationEntry {
    DelegationEntry {
        task: link.task.to_string(),
        kind: (link.kind != DelegationKind::Lends).then(|| link.kind.to_string()),
        parent: link.parent.as_ref().map(ToString::to_string),
        from: link.from.to_string(),
        to: link.to.to_string(),
        depth: link.depth,
        not_before: link.not_before.map(moment_text),
        expires_at: link.expires_at.map(moment_text),
        uses: link.uses,
        cap: clauses(&link.cap),
    }
}

fn endorsement_entry(endorsement: &Endorsement) -> EndorsementEntry {
    EndorsementEntry {
        worker: endorsement.worker.to_string(),
        by: endorsement.by.to_string(),
        origins: endorsement.origins.iter().map(ToString::to_string).collect(),
        expires_at: endorsement.expires_at.map(moment_text),
        cap: clauses(&endorsement.cap),
    }
}

pub(super) fn clauses(cap: &Cap) -> Vec<ClauseEntry> {
    cap.clauses
        .iter()
        .map(|clause| ClauseEntry {
            permissions: match &clause.permissions {
                CapPermissions::Any => vec!["*".to_owned()],
                CapPermissions::Only(names) => names.iter().map(ToString::to_string).collect(),
            },
            resources: clause.resources.iter().map(ToString::to_string).collect(),
            when: clause
                .condition
                .as_ref()
                .map(|used| CaveatEntry { name: used.name.to_string(), context: entries_of(&used.context) }),
        })
        .collect()
}

/// As RFC 3339; the end of time, which has no such form, as the last moment that has.
pub(super) fn moment_text(Timestamp(milliseconds): Timestamp) -> String {
    let time = i64::try_from(milliseconds).ok().and_then(|time| jiff::Timestamp::from_millisecond(time).ok());
    time.unwrap_or(jiff::Timestamp::MAX).to_string()
}
