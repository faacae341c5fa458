//! Asking for approvals, and giving them.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use prokura::{ApprovalFilter, Authority, Provenance, WriteError};
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::{Approval, ApprovalId, TenantName};

use super::{ask::Asking, tasks::own_or_named};
use crate::{
    app::App,
    convert,
    error::Refusal,
    request::{JsonBody, Parameters, Segments, Visit, blocking},
};

/// Approvals. A token sees those for what it is to do, for what is done for it, and those it may answer or has answered.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/approvals", tag = "approvals",
    params(("tenant" = String, Path), api::ApprovalQuery),
    responses((status = 200, body = api::Page<api::Approval>), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn approvals(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    Parameters(query): Parameters<api::ApprovalQuery>,
) -> Result<Json<api::Page<api::Approval>>, Refusal> {
    let tenant = visit.reads_parts(&tenant)?;
    let mut filter = convert::approval_filter(&query)?;
    filter.seen_by = visit.caller.token().map(|token| token.actor.clone());
    let page = convert::page(query.limit, query.cursor.as_deref())?;
    let snapshot = app.authority().snapshot(&tenant)?;
    let listed = blocking(move || Ok(snapshot.approvals(&filter, &page)?)).await?;
    let now = app.authority().now();
    Ok(Json(api::Page {
        items: listed.entries.iter().map(|approval| convert::wire_approval(approval, now)).collect(),
        next_cursor: convert::wire_cursor(listed.next),
    }))
}

/// One approval. A token sees it if it is to act, it is acted for, or it may answer or has answered.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/approvals/{id}", tag = "approvals",
    params(("tenant" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = api::Approval), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn approval(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
) -> Result<Json<api::Approval>, Refusal> {
    let tenant = visit.reads_parts(&tenant)?;
    let found = visible(&app, &visit, &tenant, &id).await?;
    Ok(told(&app, &found))
}

/// Asks for the approval that a question is held for. What is asked for already, to the letter, is answered as it stands.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/approvals", tag = "approvals",
    params(("tenant" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = api::NewApproval,
    responses((status = 201, body = api::Approval), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<(StatusCode, Json<api::Approval>), Refusal> {
    let tenant = visit.asks(&tenant)?;
    let wire: api::NewApproval = body.decode_question()?;
    let question = Asking {
        actor: wire.actor.as_ref(),
        delegation: wire.delegation.as_deref(),
        permission: &wire.permission,
        resource: &wire.resource,
        arguments: &wire.arguments,
        context: &wire.context,
        tool_schema: wire.tool_schema.as_deref(),
    };
    let question = question.read(&visit)?;
    let (authority, provenance) = (app.authority().clone(), visit.provenance(Some(wire.reason)));
    let asked = blocking(move || Ok(authority.ask_for_approval(&tenant, provenance, question)?)).await?;
    Ok((StatusCode::CREATED, told(&app, &asked)))
}

/// Gives an approval: whoever has the permission that the guard names, at this moment, and is a person with no part in the
/// action; or the origin, where it is to confirm; or an admin for that person.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/approvals/{id}/give", tag = "approvals",
    params(("tenant" = String, Path), ("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = api::ApprovalWords,
    responses((status = 200, body = api::Approval), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn give(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Json<api::Approval>, Refusal> {
    let tenant = visit.takes_part(&tenant)?;
    answer(&app, &visit, (&tenant, &id), body.decode_or_default()?, true).await
}

/// Refuses an approval. Only whoever could give it, or an admin for that person.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/approvals/{id}/refuse", tag = "approvals",
    params(("tenant" = String, Path), ("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = api::ApprovalWords,
    responses((status = 200, body = api::Approval), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn refuse(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Json<api::Approval>, Refusal> {
    let tenant = visit.takes_part(&tenant)?;
    answer(&app, &visit, (&tenant, &id), body.decode_or_default()?, false).await
}

/// Takes an approval back, whether it waits or was given: who is to act, for whom, who gave it or may, or an operator.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/approvals/{id}/cancel", tag = "approvals",
    params(("tenant" = String, Path), ("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = api::ApprovalWords,
    responses((status = 200, body = api::Approval), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Json<api::Approval>, Refusal> {
    let tenant = visit.takes_part(&tenant)?;
    let wire: api::ApprovalWords = body.decode_or_default()?;
    // An admin key that names nobody is an operator; a token is always somebody.
    let by = match (&wire.by, visit.caller.token()) {
        (None, None) => None,
        (named, _) => Some(own_or_named(&visit, named.as_ref(), "by")?),
    };
    step(&app, &visit, (&tenant, &id), wire.reason, move |authority, tenant, provenance, id| {
        authority.cancel_approval(tenant, provenance, id, by)
    })
    .await
}

async fn answer(
    app: &App,
    visit: &Visit,
    place: (&TenantName, &str),
    wire: api::ApprovalWords,
    yes: bool,
) -> Result<Json<api::Approval>, Refusal> {
    let by = own_or_named(visit, wire.by.as_ref(), "by")?;
    step(app, visit, place, wire.reason, move |authority, tenant, provenance, id| {
        authority.answer_approval(tenant, provenance, id, by, yes)
    })
    .await
}

async fn step(
    app: &App,
    visit: &Visit,
    (tenant, id): (&TenantName, &str),
    reason: Option<String>,
    step: impl FnOnce(&Authority, &TenantName, Provenance, &ApprovalId) -> Result<Arc<Approval>, WriteError>
    + Send
    + 'static,
) -> Result<Json<api::Approval>, Refusal> {
    let found = visible(app, visit, tenant, id).await?;
    let (authority, provenance, own) = (app.authority().clone(), visit.provenance(reason), tenant.clone());
    let written = blocking(move || Ok(step(&authority, &own, provenance, &found.id)?)).await?;
    Ok(told(app, &written))
}

fn told(app: &App, approval: &Approval) -> Json<api::Approval> {
    Json(convert::wire_approval(approval, app.authority().now()))
}

/// An approval that is not the caller's to see is not there.
async fn visible(app: &App, visit: &Visit, tenant: &TenantName, id: &str) -> Result<Arc<Approval>, Refusal> {
    let unknown = || Refusal::not_found("approval_unknown", "there is no such approval, or it is not yours to see");
    let id = ApprovalId::new(id).ok_or_else(unknown)?;
    let snapshot = app.authority().snapshot(tenant)?;
    let found = snapshot.approval(&id)?.ok_or_else(unknown)?;
    let Some(token) = visit.caller.token() else { return Ok(found) };
    let filter = ApprovalFilter { seen_by: Some(token.actor.clone()), ..ApprovalFilter::default() };
    let asked = Arc::clone(&found);
    let seen = blocking(move || Ok(snapshot.means_approval(&filter, &asked)?)).await?;
    if seen { Ok(found) } else { Err(unknown()) }
}
