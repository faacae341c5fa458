//! Following what is written.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{extract::State, response::Response};
use prokura::Authority;
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::{Change, Relationship, Revision, TenantName, Transaction, TypeName};
use tokio::sync::Notify;

use crate::{
    app::App,
    convert,
    error::Refusal,
    request::{Parameters, Segments, Visit, blocking},
    stream::{self, Gone, Lines},
};

/// Transactions read at once.
const READ_AT_ONCE: usize = 100;

/// Longest nothing is sent: a checkpoint goes out then, if those are wanted, and whether the server stops is looked at
/// much more often.
const QUIET_MAX: Duration = Duration::from_secs(15);

/// How often it is looked at whether the server stops.
const STOPPING_POLL: Duration = Duration::from_millis(500);

/// What is watched.
#[expect(clippy::struct_excessive_bools, reason = "the kinds that can be watched, each alone")]
#[derive(Clone, Debug)]
struct Watched {
    relationships: bool,
    schema: bool,
    authority: bool,
    checkpoints: bool,
    resource_types: Option<BTreeSet<TypeName>>,
}

/// What is written from a revision on, as it is written: one event on each line, for as long as the caller listens. It can
/// be resumed after any revision that was seen; nothing is left out and nothing comes twice.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/watch", tag = "graph", params(("tenant" = String, Path), api::WatchQuery),
    responses(
        (status = 200, body = api::WatchEvent, content_type = "application/x-ndjson"), (status = "4XX", body = ErrorBody)
    )
)]
pub(crate) async fn watch(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    Parameters(query): Parameters<api::WatchQuery>,
) -> Result<Response, Refusal> {
    let tenant = visit.reads(&tenant)?;
    let watched = Watched::of(&query)?;
    let newest = app.authority().snapshot(&tenant)?.revision();
    let after = match query.after.as_deref() {
        None => newest,
        Some(text) => match text.parse() {
            Ok(number) => Revision(number),
            Err(_) => app.authority().revision_of(&tenant, text)?,
        },
    };
    // What is not reached yet is refused at once, and not on a stream that has begun.
    let (authority, own) = (app.authority().clone(), tenant.clone());
    blocking(move || Ok(authority.changes(&own, after, 1)?)).await?;
    let (lines, response) = stream::lines();
    tokio::spawn(follow(app, tenant, watched, after, lines));
    Ok(response)
}

impl Watched {
    fn of(query: &api::WatchQuery) -> Result<Self, Refusal> {
        let mut watched = Self {
            relationships: query.kinds.is_none(),
            schema: query.kinds.is_none(),
            authority: query.kinds.is_none(),
            checkpoints: false,
            resource_types: None,
        };
        for kind in query.kinds.iter().flat_map(|kinds| kinds.split(',')) {
            match kind {
                "relationships" => watched.relationships = true,
                "schema" => watched.schema = true,
                "authority" => watched.authority = true,
                "checkpoints" => watched.checkpoints = true,
                _ => {
                    let message = format!(
                        "`{kind}` is not watched: `relationships`, `schema`, `authority` and `checkpoints` can be"
                    );
                    return Err(Refusal::invalid_at("kinds", "query_invalid", message));
                }
            }
        }
        if let Some(types) = &query.resource_types {
            let named = types.split(',').map(|name| convert::type_name(Some(name), "resource_types"));
            let named: BTreeSet<_> = named.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
            watched.resource_types = Some(named);
        }
        Ok(watched)
    }

    fn means(&self, change: &Change) -> bool {
        let of_type = |relationship: &Relationship| {
            self.resource_types.as_ref().is_none_or(|types| types.contains(&relationship.resource.kind))
        };
        match change {
            Change::RelationshipTouched(relationship, _)
            | Change::RelationshipDeleted(relationship)
            | Change::RelationshipExpired(relationship) => self.relationships && of_type(relationship),
            Change::SchemaWritten(_) | Change::ModelWritten(_) => self.schema,
            // It goes with whatever else the transaction has.
            Change::MetadataAttached(_) => false,
            _ => self.authority,
        }
    }

    /// The transaction with what is watched of it; none if that is nothing.
    fn of_transaction(&self, transaction: &Transaction) -> Option<Transaction> {
        let meant = |change: &Change| self.means(change);
        transaction.changes.iter().any(meant).then(|| Transaction {
            changes: transaction
                .changes
                .iter()
                .filter(|change| meant(change) || matches!(change, Change::MetadataAttached(_)))
                .cloned()
                .collect(),
            ..transaction.clone()
        })
    }
}

/// Sends until the caller has gone, the server stops, or the log cannot be read.
async fn follow(app: Arc<App>, tenant: TenantName, watched: Watched, after: Revision, mut lines: Lines) {
    let authority = app.authority().clone();
    let published = Arc::new(Notify::new());
    let told = Arc::clone(&published);
    // Held as long as this runs. Told of before the first look, so that nothing is missed between two.
    let subscribed = authority.subscribe(&tenant, Box::new(move |_| told.notify_one()));
    let ended = match subscribed {
        Ok(_subscription) => send_on(&app, &authority, &tenant, &watched, after, &mut lines, &published).await,
        Err(error) => Err(Some(Refusal::from(error))),
    };
    if let Err(Some(refusal)) = ended {
        let (code, message) = (refusal.parts().code.clone(), refusal.parts().message.clone());
        if lines.add(&api::WatchEvent::Failed { code, message }).is_ok() {
            // Whoever has gone need not be told.
            drop(lines.flush().await);
        }
    }
}

/// The error is empty when it is only that the caller has gone.
async fn send_on(
    app: &App,
    authority: &Authority,
    tenant: &TenantName,
    watched: &Watched,
    mut after: Revision,
    lines: &mut Lines,
    published: &Notify,
) -> Result<(), Option<Refusal>> {
    let gone = |_: Gone| None;
    loop {
        let (own, named) = (authority.clone(), tenant.clone());
        let found = blocking(move || Ok(own.changes(&named, after, READ_AT_ONCE)?)).await.map_err(Some)?;
        let Some(last) = found.last().map(|transaction| transaction.revision) else {
            if !quiet(app, lines, published).await? {
                return Ok(());
            }
            if watched.checkpoints {
                lines.add(&checkpoint(authority, tenant, after)).map_err(Some)?;
                lines.flush().await.map_err(gone)?;
            }
            continue;
        };
        for transaction in found.iter().filter_map(|transaction| watched.of_transaction(transaction)) {
            let token = authority.token(tenant, transaction.revision);
            let transaction = convert::wire_transaction(&transaction);
            lines.add(&api::WatchEvent::Transaction { transaction, token }).map_err(Some)?;
            if lines.is_full() {
                lines.flush().await.map_err(gone)?;
            }
        }
        after = last;
        if watched.checkpoints {
            lines.add(&checkpoint(authority, tenant, after)).map_err(Some)?;
        }
        lines.flush().await.map_err(gone)?;
        if app.is_stopping() {
            return Ok(());
        }
    }
}

fn checkpoint(authority: &Authority, tenant: &TenantName, revision: Revision) -> api::WatchEvent {
    api::WatchEvent::Checkpoint {
        revision: revision.0,
        token: authority.token(tenant, revision),
        time: convert::wire_time(authority.now()),
    }
}

/// Waits for something to be written, for a while. False: nobody listens any more, or the server stops.
async fn quiet(app: &App, lines: &Lines, published: &Notify) -> Result<bool, Option<Refusal>> {
    let until = tokio::time::Instant::now() + QUIET_MAX;
    while tokio::time::Instant::now() < until {
        tokio::select! {
            () = published.notified() => return Ok(true),
            () = lines.gone() => return Ok(false),
            () = tokio::time::sleep(STOPPING_POLL) => {
                if app.is_stopping() {
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}
