//! What workers do for whom, as their owners say.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use prokura::Snapshot;
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::{Change, Endorsement, EndorsementId};

use super::tasks::{done_before, key_reused, lost, moment, named_or_own, write};
use crate::{
    app::App,
    convert,
    error::Refusal,
    request::{JsonBody, Parameters, Segments, Visit, blocking},
};

/// Endorsements. A token sees those its subject made, and those of itself; those of whom it owns, and those of whom the schema
/// gives it authority over.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/endorsements", tag = "tasks",
    params(("tenant" = String, Path), api::EndorsementQuery),
    responses((status = 200, body = api::Page<api::Endorsement>), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn endorsements(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    Parameters(query): Parameters<api::EndorsementQuery>,
) -> Result<Json<api::Page<api::Endorsement>>, Refusal> {
    let snapshot = app.authority().snapshot(&visit.reads_parts(&tenant)?)?;
    let worker = convert::object_pair(query.worker_type.as_deref(), query.worker_id.as_deref(), "worker")?;
    let seen_by = visit.caller.by();
    let page = convert::page(query.limit, query.cursor.as_deref())?;
    let listed = blocking(move || Ok(snapshot.endorsements(worker.as_ref(), seen_by.as_ref(), &page)?)).await?;
    Ok(Json(api::Page {
        items: listed.entries.iter().map(|endorsement| convert::wire_endorsement(endorsement)).collect(),
        next_cursor: convert::wire_cursor(listed.next),
    }))
}

/// One endorsement. A token sees it as in the list.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/endorsements/{id}", tag = "tasks",
    params(("tenant" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = api::Endorsement), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn endorsement(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
) -> Result<Json<api::Endorsement>, Refusal> {
    let snapshot = app.authority().snapshot(&visit.reads_parts(&tenant)?)?;
    visible(&snapshot, &visit, &id).map(|endorsement| Json(convert::wire_endorsement(&endorsement)))
}

/// Endorses a worker: work that is dispatched to it counts, inside the cap, for tasks of these origins. Its owner says so, or for
/// that one whoever owns it or is given authority over it by the schema, or an admin. Sent again with the same `Idempotency-Key`, it is answered with what was made first.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/endorsements", tag = "tasks",
    params(("tenant" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = api::NewEndorsement,
    responses((status = 201, body = api::Endorsement), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn endorse(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<(StatusCode, Json<api::Endorsement>), Refusal> {
    let tenant = visit.takes_part(&tenant)?;
    let wire: api::NewEndorsement = body.decode()?;
    let new = new_endorsement(&app, &visit, &wire)?;
    if let Some(first) = done_before(&app, &visit, &tenant).await? {
        let made = first.changes.iter().find_map(|change| match change {
            Change::EndorsementCreated(made) if same_but_for_time(made, &new) => Some(made),
            _ => None,
        });
        let made = made.ok_or_else(|| key_reused(&first))?;
        let stored = app.authority().snapshot(&tenant)?.endorsement(&made.id)?.ok_or_else(lost)?;
        return Ok((StatusCode::CREATED, Json(convert::wire_endorsement(&stored))));
    }
    let id = new.id.clone();
    write(&app, &visit, &tenant, wire.reason, Change::EndorsementCreated(new)).await?;
    let written = app.authority().snapshot(&tenant)?.endorsement(&id)?.ok_or_else(lost)?;
    Ok((StatusCode::CREATED, Json(convert::wire_endorsement(&written))))
}

/// Revokes an endorsement: work dispatched to the worker no longer counts by it, at the next decision. Whoever made
/// it, who owns that one or the worker or is given authority over one by the schema, or an admin.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/endorsements/{id}/revoke", tag = "tasks",
    params(("tenant" = String, Path), ("id" = String, Path)),
    request_body = api::ReasonOnly,
    responses((status = 200, body = api::Endorsement), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Json<api::Endorsement>, Refusal> {
    let tenant = visit.takes_part(&tenant)?;
    let why: api::ReasonOnly = body.decode_or_default()?;
    let id = EndorsementId::new(id).ok_or_else(unknown)?;
    write(&app, &visit, &tenant, why.reason, Change::EndorsementRevoked(id.clone())).await?;
    let written = app.authority().snapshot(&tenant)?.endorsement(&id)?.ok_or_else(lost)?;
    Ok(Json(convert::wire_endorsement(&written)))
}

fn new_endorsement(app: &App, visit: &Visit, wire: &api::NewEndorsement) -> Result<Endorsement, Refusal> {
    let now = app.authority().now();
    Ok(Endorsement {
        by: named_or_own(visit, wire.by.as_ref(), "by")?,
        id: app.authority().mint_endorsement_id(),
        worker: convert::object(&wire.worker, "worker")?,
        cap: convert::cap(&wire.cap, "cap")?,
        origins: convert::origins(&wire.origins, "origins")?,
        expires_at: convert::expiry(wire.expires_at, wire.expires_in_seconds, "")?.map(|expiry| moment(expiry, now)),
        revoked_at: None,
        declared: false,
    })
}

/// Whether a repeated request asks for what was made; a time counted from now is another one now.
fn same_but_for_time(made: &Endorsement, asked: &Endorsement) -> bool {
    made.worker == asked.worker
        && made.by == asked.by
        && made.cap == asked.cap
        && made.origins == asked.origins
        && made.expires_at.is_some() == asked.expires_at.is_some()
}

/// An endorsement that is not the caller's to see is not there.
fn visible(snapshot: &Snapshot, visit: &Visit, id: &str) -> Result<Arc<Endorsement>, Refusal> {
    let id = EndorsementId::new(id).ok_or_else(unknown)?;
    let found = snapshot.endorsement(&id)?.ok_or_else(unknown)?;
    let may_see = match visit.caller.by() {
        Some(by) => snapshot.may_see_endorsement(&by, &found)?,
        None => true,
    };
    if may_see { Ok(found) } else { Err(unknown()) }
}

fn unknown() -> Refusal {
    Refusal::not_found("endorsement_unknown", "there is no such endorsement, or it is not yours to see")
}
