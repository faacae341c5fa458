//! Reading and writing relationships.

use std::sync::Arc;

use prokura::{DeleteRelationships, Page, RelationshipWrite, Stored, limits::PAGE_ENTRIES_MAX};
use prokura_api::grpc::v1::{self, delete_relationships_response::DeletionProgress};
use prokura_model::{RelationshipFilter, schema::UnknownName};
use tonic::Status;

use super::{
    arrival::Arrival,
    convert, lookup,
    moment::{self, Walk},
    refused::{of_ask, of_unknown, of_write},
    stream::{PAGE_ENTRIES, Pages},
};
use crate::app::App;

pub(super) fn read(
    app: &Arc<App>,
    arrival: &Arrival,
    mut wire: v1::ReadRelationshipsRequest,
) -> Result<Pages<v1::ReadRelationshipsResponse>, Status> {
    let tenant = arrival.reads()?;
    let filter = convert::required(wire.relationship_filter.as_ref(), &"relationship_filter")?;
    let filter = convert::filter(filter, &"relationship_filter")?;
    let limit = lookup::limit(wire.optional_limit)?;
    let (consistency, cursor) = (wire.consistency.take(), wire.optional_cursor.take());
    wire.optional_limit = 0;
    let walk = Walk::new(app, &tenant, consistency.as_ref(), cursor.as_ref(), &wire)?;
    check_names(&walk, &filter)?;
    let start = (walk.after.clone(), limit);
    Ok(Pages::made(start, move |(after, left)| {
        let page = Page { size: left.min(PAGE_ENTRIES).clamp(1, PAGE_ENTRIES_MAX), after };
        let listed = walk.snapshot.relationships(&filter, &page).map_err(|error| of_ask(&error))?;
        let left = left.saturating_sub(listed.entries.len());
        let messages = listed.entries.iter().map(|stored| v1::ReadRelationshipsResponse {
            read_at: walk.token(),
            relationship: Some(wire_stored(stored)),
            after_result_cursor: walk.cursor(&stored.relationship.to_string()),
        });
        let messages = messages.collect();
        Ok((messages, listed.next.filter(|_| left > 0).map(|next| (Some(next), left))))
    }))
}

pub(super) fn wire_stored(stored: &Stored) -> v1::Relationship {
    convert::wire_relationship(&stored.relationship, &stored.terms)
}

/// A filter with a misspelt name would find nothing, and nobody would know why.
pub(super) fn check_names(walk: &Walk, filter: &RelationshipFilter) -> Result<(), Status> {
    let schema = walk.snapshot.schema().map_err(|error| of_ask(&error))?;
    let kinds = [&filter.resource_type, &filter.subject_type];
    let Some(schema) = schema else {
        return match kinds.into_iter().flatten().next() {
            None => Ok(()),
            Some(kind) => {
                let unknown = UnknownName::Type { name: kind.clone(), suggestion: None };
                Err(of_unknown(&unknown))
            }
        };
    };
    let refused = |unknown: UnknownName| of_unknown(&unknown);
    for kind in kinds.into_iter().flatten() {
        schema.find_definition(kind).map_err(refused)?;
    }
    if let (Some(kind), Some(relation)) = (&filter.resource_type, &filter.relation) {
        schema.find_member(kind, relation).map_err(refused)?;
    }
    Ok(())
}

pub(super) async fn write(
    app: &Arc<App>,
    arrival: &Arrival,
    wire: &v1::WriteRelationshipsRequest,
) -> Result<v1::WriteRelationshipsResponse, Status> {
    let tenant = arrival.writes()?;
    let write = RelationshipWrite {
        preconditions: convert::preconditions(&wire.optional_preconditions)?,
        updates: convert::updates(&wire.updates)?,
        metadata: convert::metadata(wire.optional_transaction_metadata.as_ref())?,
    };
    let (authority, provenance) = (app.authority().clone(), arrival.visit().provenance(None));
    let (receipt, tenant) = waited(move || {
        let receipt = authority.write_relationships(&tenant, provenance, write).map_err(|error| of_write(&error))?;
        Ok((receipt, tenant))
    })
    .await?;
    Ok(v1::WriteRelationshipsResponse { written_at: moment::token(app, &tenant, receipt.revision) })
}

pub(super) async fn delete(
    app: &Arc<App>,
    arrival: &Arrival,
    wire: &v1::DeleteRelationshipsRequest,
) -> Result<v1::DeleteRelationshipsResponse, Status> {
    let tenant = arrival.writes()?;
    let filter = convert::required(wire.relationship_filter.as_ref(), &"relationship_filter")?;
    let limit = lookup::limit(wire.optional_limit)?;
    let delete = DeleteRelationships {
        filter: convert::filter(filter, &"relationship_filter")?,
        preconditions: convert::preconditions(&wire.optional_preconditions)?,
        limit: (wire.optional_limit > 0).then(|| u64::try_from(limit).unwrap_or(u64::MAX)),
        allow_partial: wire.optional_allow_partial_deletions,
        metadata: convert::metadata(wire.optional_transaction_metadata.as_ref())?,
    };
    let (authority, provenance) = (app.authority().clone(), arrival.visit().provenance(None));
    let (deleted, tenant) = waited(move || {
        let deleted = authority.delete_relationships(&tenant, provenance, delete).map_err(|error| of_write(&error))?;
        Ok((deleted, tenant))
    })
    .await?;
    let progress = if deleted.complete { DeletionProgress::Complete } else { DeletionProgress::Partial };
    Ok(v1::DeleteRelationshipsResponse {
        deleted_at: moment::token(app, &tenant, deleted.receipt.revision),
        deletion_progress: progress.into(),
        relationships_deleted_count: deleted.deleted,
    })
}

/// Does what waits for a disk where it may wait.
pub(super) async fn waited<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Status::internal("the work for this call failed")))
}
