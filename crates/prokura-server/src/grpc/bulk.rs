//! Many relationships: loading them, and having them all.

use std::sync::Arc;

use prokura::{ImportError, ImportFault, Page, limits::PAGE_ENTRIES_MAX};
use prokura_api::grpc::v1;
use prokura_model::{Relationship, RelationshipFilter, Terms};
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt};
use tonic::{Code, Status};

use super::{
    arrival::Arrival,
    convert,
    moment::Walk,
    refused::{of_ask, of_write},
    relationships::{check_names, waited, wire_stored},
    stream::Pages,
};
use crate::{
    app::App,
    limits::{EXPORT_MESSAGE_BYTES_MAX, EXPORT_MESSAGE_ENTRIES_MAX, STREAM_PAGES_WAITING_MAX},
};

/// Loads what comes. What was loaded before a failure stays, and the failure says how much that is.
pub(super) async fn import(
    app: &Arc<App>,
    arrival: &Arrival,
    mut messages: impl Stream<Item = Result<Vec<v1::Relationship>, Status>> + Unpin,
) -> Result<u64, Status> {
    let tenant = arrival.writes()?;
    let place = app.imports().try_acquire_owned();
    let place = place.map_err(|_| Status::resource_exhausted("too many loads go on already; try again later"))?;
    let (send, mut waiting) = mpsc::channel(STREAM_PAGES_WAITING_MAX);
    let (authority, provenance) = (app.authority().clone(), arrival.visit().provenance(None));
    let loading = tokio::spawn(waited(move || {
        let _place = place;
        let mut ended = false;
        let arriving = std::iter::from_fn(move || match waiting.blocking_recv() {
            Some(Sent::Relationships(relationships)) => Some(relationships.into_iter().map(Ok).collect::<Vec<_>>()),
            Some(Sent::Failed(status)) => Some(vec![Err(status)]),
            Some(Sent::End) => {
                ended = true;
                None
            }
            // A caller that is gone before the end may not have meant what it sent last.
            None if ended => None,
            None => Some(vec![Err(Status::cancelled("the caller is gone"))]),
        });
        let each = arriving.flatten();
        authority.import(&tenant, &provenance, each, |_| {}).map_err(|error| of_import(&error))
    }));
    let mut count = 0_usize;
    loop {
        let message = match messages.next().await {
            None => Sent::End,
            Some(message) => match message.and_then(|relationships| checked(&relationships, count)) {
                Ok(relationships) => {
                    count = count.saturating_add(relationships.len());
                    Sent::Relationships(relationships)
                }
                Err(status) => Sent::Failed(status),
            },
        };
        let last = !matches!(message, Sent::Relationships(_));
        // Nobody receives any more: loading failed, and says why.
        if send.send(message).await.is_err() || last {
            break;
        }
    }
    drop(send);
    let imported = loading.await.unwrap_or_else(|_| Err(Status::internal("the work for this call failed")))?;
    Ok(imported.loaded)
}

/// What is passed to the thread that loads.
enum Sent {
    Relationships(Vec<(Relationship, Terms)>),
    Failed(Status),
    End,
}

fn checked(relationships: &[v1::Relationship], before: usize) -> Result<Vec<(Relationship, Terms)>, Status> {
    let read = |(position, wire): (usize, &v1::Relationship)| {
        convert::relationship(Some(wire), &format_args!("relationships[{}]", before.saturating_add(position)))
    };
    relationships.iter().enumerate().map(read).collect()
}

fn of_import(error: &ImportError<Status>) -> Status {
    let cause = match &error.cause {
        ImportFault::Source(status) => status.clone(),
        ImportFault::Write(error) => of_write(error),
    };
    if error.before.loaded == 0 {
        return cause;
    }
    let message = format!("{}; {} relationships were loaded before and stay", cause.message(), error.before.loaded);
    Status::with_details(cause.code(), message, cause.details().to_vec().into())
}

pub(super) fn export(
    app: &Arc<App>,
    arrival: &Arrival,
    mut wire: v1::ExportBulkRelationshipsRequest,
) -> Result<Pages<v1::ExportBulkRelationshipsResponse>, Status> {
    let tenant = arrival.reads()?;
    let filter = match &wire.optional_relationship_filter {
        Some(filter) => convert::filter(filter, &"optional_relationship_filter")?,
        None => RelationshipFilter::default(),
    };
    let most = match usize::try_from(wire.optional_limit) {
        Ok(0) => PAGE_ENTRIES_MAX,
        Ok(most) if most <= EXPORT_MESSAGE_ENTRIES_MAX => most,
        _ => {
            let message = format!("a message has at most {EXPORT_MESSAGE_ENTRIES_MAX} relationships");
            let reason = v1::ErrorReason::ExceedsMaximumAllowableLimit;
            return Err(super::refused::reasoned(Code::InvalidArgument, reason, message, []));
        }
    };
    let (consistency, cursor) = (wire.consistency.take(), wire.optional_cursor.take());
    wire.optional_limit = 0;
    let walk = Walk::new(app, &tenant, consistency.as_ref(), cursor.as_ref(), &wire)?;
    check_names(&walk, &filter)?;
    let start = walk.after.clone();
    Ok(Pages::made(start, move |mut after| {
        let (mut relationships, mut bytes) = (Vec::new(), 0_usize);
        loop {
            let size = most.saturating_sub(relationships.len()).clamp(1, PAGE_ENTRIES_MAX);
            let listed = walk.snapshot.relationships(&filter, &Page { size, after: after.take() });
            let listed = listed.map_err(|error| of_ask(&error))?;
            let mut last = None;
            let full = listed.entries.iter().any(|stored| {
                let wire = wire_stored(stored);
                bytes = bytes.saturating_add(wire.encoded_len());
                relationships.push(wire);
                last = Some(stored.relationship.to_string());
                bytes >= EXPORT_MESSAGE_BYTES_MAX
            });
            let Some(last) = last else { return Ok((Vec::new(), None)) };
            let more = full || listed.next.is_some();
            if full || !more || relationships.len() >= most {
                let after_result_cursor = walk.cursor(&last);
                let message = v1::ExportBulkRelationshipsResponse { after_result_cursor, relationships };
                return Ok((vec![message], more.then_some(Some(last))));
            }
            after = Some(last);
        }
    }))
}
