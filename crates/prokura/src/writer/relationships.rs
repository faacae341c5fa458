//! Writes of relationships that depend on what is there: creating, preconditions, deleting by filter.

use std::{collections::HashSet, ops::ControlFlow, sync::Arc};

use prokura_engine::View;
use prokura_model::{Change, Relationship, RelationshipFilter, SubjectRelationFilter, Terms, Timestamp, Value};

use super::{
    stage::{Staged, done_before, into_index, reused},
    validate::{validate, within},
};
use crate::{
    DeleteRelationships, Deleted, Operation, Precondition, Provenance, Receipt, RelationshipUpdate, RelationshipWrite,
    Unfit, WriteError,
    limits::{PRECONDITIONS_MAX, TRANSACTION_CHANGES_MAX},
    shared::Shared,
    tenant::{Tenant, WorkDigest},
};

pub(super) fn stage_write(
    shared: &Shared,
    tenant: Arc<Tenant>,
    provenance: Provenance,
    write: RelationshipWrite,
) -> Result<Staged, WriteError> {
    let digest = provenance.request_id.is_some().then(|| WorkDigest::of_request(&write));
    if let Some(done) = done_before(&tenant, &provenance) {
        return match digest {
            Some(digest) if digest == done.work => Ok(Staged::answered(done.receipt)),
            _ => Err(reused(&provenance, done)),
        };
    }
    let RelationshipWrite { updates, preconditions, metadata } = write;
    within("changes in a transaction", TRANSACTION_CHANGES_MAX, updates.len())?;
    each_once(&updates)?;
    let now = shared.now.read();
    let view = tenant.index.view_applied();
    check_preconditions(&view, &preconditions, now)?;
    let mut changes = Vec::with_capacity(updates.len() + 2);
    for RelationshipUpdate { operation, relationship, terms } in updates {
        changes.push(match operation {
            Operation::Create if exists(&view, &relationship, now) => {
                return Err(WriteError::RelationshipExists(Box::new(relationship)));
            }
            Operation::Create | Operation::Touch => Change::RelationshipTouched(relationship, terms),
            Operation::Delete => {
                check_terms(&view, &relationship, &terms)?;
                Change::RelationshipDeleted(relationship)
            }
        });
    }
    commit(shared, tenant, provenance, now, changes, metadata, digest)
}

/// Who names terms in a deletion means a relationship that could hold on them; which it is they do not decide.
fn check_terms(view: &View<'_>, relationship: &Relationship, terms: &Terms) -> Result<(), WriteError> {
    let Some(schema) = view.schema().filter(|_| !terms.is_none()) else { return Ok(()) };
    schema.check_deletion(relationship, terms).map_err(|fault| {
        let (relationship, terms) = (relationship.clone(), terms.clone());
        WriteError::RelationshipInvalid(Box::new(Unfit { relationship, terms, fault }))
    })
}

pub(super) fn stage_deletion(
    shared: &Shared,
    tenant: Arc<Tenant>,
    provenance: Provenance,
    delete: DeleteRelationships,
) -> Result<Staged, WriteError> {
    let digest = provenance.request_id.is_some().then(|| WorkDigest::of_request(&delete));
    let DeleteRelationships { filter, preconditions, limit, allow_partial, metadata } = delete;
    let most = limit.unwrap_or(u64::MAX).min(TRANSACTION_CHANGES_MAX as u64);
    if let Some(done) = done_before(&tenant, &provenance) {
        let again = Deleted { receipt: done.receipt, deleted: done.deleted, complete: done.deleted < most };
        return match digest {
            Some(digest) if digest == done.work => Ok(Staged::answered(done.receipt).with_deleted(again)),
            _ => Err(reused(&provenance, done)),
        };
    }
    let now = shared.now.read();
    let view = tenant.index.view_applied();
    check_filter(&view, "deletion", &filter)?;
    check_preconditions(&view, &preconditions, now)?;
    let (found, complete) = matching(&view, &filter, most, now)?;
    if !complete && !allow_partial {
        return Err(WriteError::TooManyRelationships { limit: most });
    }
    let deleted = found.len() as u64;
    let changes = found.into_iter().map(Change::RelationshipDeleted).collect();
    let staged = commit(shared, tenant, provenance, now, changes, metadata, digest)?;
    let Some(receipt) = staged.written.receipt else {
        return Err(WriteError::Internal("a deletion has no receipt".to_owned()));
    };
    Ok(staged.with_deleted(Deleted { receipt, deleted, complete }))
}

/// Into the index, unless there is nothing to write: then the newest revision is the answer.
fn commit(
    shared: &Shared,
    tenant: Arc<Tenant>,
    provenance: Provenance,
    now: Timestamp,
    mut changes: Vec<Change>,
    metadata: Option<Value>,
    digest: Option<WorkDigest>,
) -> Result<Staged, WriteError> {
    changes.extend(metadata.map(Change::MetadataAttached));
    changes.extend(digest.map(WorkDigest::into_change));
    if changes.is_empty() {
        return Ok(Staged::answered(Receipt { revision: tenant.index.applied(), time: now }));
    }
    validate(tenant.index.view_applied(), now, shared.limits.chain_links, &mut changes)?;
    into_index(shared, tenant, provenance, now, changes, digest)
}

fn each_once(updates: &[RelationshipUpdate]) -> Result<(), WriteError> {
    let mut seen = HashSet::with_capacity(updates.len());
    for RelationshipUpdate { relationship, .. } in updates {
        if !seen.insert(relationship) {
            return Err(WriteError::RelationshipRepeated(Box::new(relationship.clone())));
        }
    }
    Ok(())
}

/// Whether it is there and not over.
fn exists(view: &View<'_>, relationship: &Relationship, now: Timestamp) -> bool {
    view.stored(relationship).is_some_and(|stored| !stored.terms.is_over(now))
}

fn check_preconditions(view: &View<'_>, preconditions: &[Precondition], now: Timestamp) -> Result<(), WriteError> {
    within("preconditions of a write", PRECONDITIONS_MAX, preconditions.len())?;
    for precondition in preconditions {
        check_filter(view, "precondition", &precondition.filter)?;
        let (found, complete) = matching(view, &precondition.filter, 0, now)?;
        let matches = !found.is_empty() || !complete;
        if matches != precondition.must_match {
            return Err(WriteError::PreconditionFailed(Box::new(precondition.clone())));
        }
    }
    Ok(())
}

/// A filter names something, and nothing that cannot be: one with a misspelt name would match nothing without a word.
fn check_filter(view: &View<'_>, of: &'static str, filter: &RelationshipFilter) -> Result<(), WriteError> {
    let prefix = filter.resource_id_prefix.clone().filter(|prefix| !prefix.is_empty());
    if (RelationshipFilter { resource_id_prefix: prefix, ..filter.clone() }) == RelationshipFilter::default() {
        return Err(WriteError::FilterEmpty(of));
    }
    let Some(schema) = view.schema() else { return Ok(()) };
    let unknown = |unknown| WriteError::NameUnknown { place: format!("the filter of a {of}"), unknown };
    if let Some(kind) = &filter.resource_type {
        schema.find_definition(kind).map_err(unknown)?;
        if let Some(relation) = &filter.relation {
            schema.find_member(kind, relation).map_err(unknown)?;
        }
    }
    if let Some(kind) = &filter.subject_type {
        schema.find_definition(kind).map_err(unknown)?;
        if let Some(SubjectRelationFilter::Named(relation)) = &filter.subject_relation {
            schema.find_member(kind, relation).map_err(unknown)?;
        }
    }
    Ok(())
}

/// At most so many of the relationships that the filter means and that are not over, and whether these are all.
fn matching(
    view: &View<'_>,
    filter: &RelationshipFilter,
    most: u64,
    now: Timestamp,
) -> Result<(Vec<Relationship>, bool), WriteError> {
    let (mut found, mut complete) = (Vec::new(), true);
    view.visit_relationships(filter, |stored| {
        if stored.terms.is_over(now) {
            return ControlFlow::Continue(());
        }
        if found.len() as u64 == most {
            complete = false;
            return ControlFlow::Break(());
        }
        found.push(stored.relationship);
        ControlFlow::Continue(())
    })
    .map_err(|error| WriteError::Internal(error.to_string()))?;
    Ok((found, complete))
}
