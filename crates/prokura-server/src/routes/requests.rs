//! Asking for access, and answering.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use prokura::{AccessReply, Provenance, RequestFilter, WriteError};
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::{ObjectRef, Request, RequestId, TenantName};

use super::tasks::own_or_named;
use crate::{
    app::App,
    convert,
    error::Refusal,
    request::{JsonBody, Parameters, Segments, Visit, blocking},
};

/// Requests for access. A token sees those it made, those made for it, and those it may answer or has answered.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/requests", tag = "access",
    params(("tenant" = String, Path), api::RequestQuery),
    responses((status = 200, body = api::Page<api::AccessRequest>), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn requests(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    Parameters(query): Parameters<api::RequestQuery>,
) -> Result<Json<api::Page<api::AccessRequest>>, Refusal> {
    let tenant = visit.reads_parts(&tenant)?;
    let mut filter = convert::request_filter(&query)?;
    filter.seen_by = visit.caller.token().map(|token| token.actor.clone());
    let page = convert::page(query.limit, query.cursor.as_deref())?;
    let snapshot = app.authority().snapshot(&tenant)?;
    let schema = snapshot.schema()?;
    let listed = blocking(move || Ok(snapshot.requests(&filter, &page)?)).await?;
    let now = app.authority().now();
    let wire = |request: &Arc<Request>| convert::wire_request(request, schema.as_deref(), now);
    Ok(Json(api::Page {
        items: listed.entries.iter().map(wire).collect(),
        next_cursor: convert::wire_cursor(listed.next),
    }))
}

/// One request. A token sees it if it made it, it was made for it, or it may answer or has answered it.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/requests/{id}", tag = "access",
    params(("tenant" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = api::AccessRequest), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn request(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
) -> Result<Json<api::AccessRequest>, Refusal> {
    let tenant = visit.reads_parts(&tenant)?;
    let found = visible(&app, &visit, &tenant, &id).await?;
    told(&app, &tenant, &found).map(Json)
}

/// Asks for access. The schema answers at once: with no, with a grant, or by asking a person. Sent again with the same
/// `Idempotency-Key`, it is answered with the request that was made first, as it stands.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/requests", tag = "access",
    params(("tenant" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = api::NewAccessRequest,
    responses((status = 201, body = api::AccessRequest), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<(StatusCode, Json<api::AccessRequest>), Refusal> {
    let tenant = visit.takes_part(&tenant)?;
    let wire: api::NewAccessRequest = body.decode()?;
    let requester = own_or_named(&visit, wire.requester.as_ref(), "requester")?;
    let mut asked = convert::access_request(&wire, requester)?;
    asked.delegation = visit.agreed_delegation(asked.delegation, "delegation")?;
    let (authority, provenance, own) = (app.authority().clone(), visit.provenance(None), tenant.clone());
    let made = blocking(move || Ok(authority.request_access(&own, provenance, asked)?)).await?;
    Ok((StatusCode::CREATED, Json(told(&app, &tenant, &made)?)))
}

/// Approves a request, or a part of it: whoever has the permission that the schema names, at this moment, and is a person
/// with no part in it; or an admin for that person.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/requests/{id}/approve", tag = "access",
    params(("tenant" = String, Path), ("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = api::RequestApproval,
    responses((status = 200, body = api::AccessRequest), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn approve(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Json<api::AccessRequest>, Refusal> {
    let tenant = visit.takes_part(&tenant)?;
    let wire: api::RequestApproval = body.decode_or_default()?;
    let reply = convert::approval(&wire)?;
    answer(&app, &visit, (&tenant, &id), wire.by.as_ref(), wire.reason, reply).await
}

/// Refuses a request. Only whoever could approve it, or an admin for that person.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/requests/{id}/refuse", tag = "access",
    params(("tenant" = String, Path), ("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = api::RequestWords,
    responses((status = 200, body = api::AccessRequest), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn refuse(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Json<api::AccessRequest>, Refusal> {
    let tenant = visit.takes_part(&tenant)?;
    let wire: api::RequestWords = body.decode_or_default()?;
    answer(&app, &visit, (&tenant, &id), wire.by.as_ref(), wire.reason, AccessReply::Refuse).await
}

/// Takes a request back, or ends what it was granted: who asked, for whom, who may answer, or an operator.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/requests/{id}/cancel", tag = "access",
    params(("tenant" = String, Path), ("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = api::RequestWords,
    responses((status = 200, body = api::AccessRequest), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Json<api::AccessRequest>, Refusal> {
    let tenant = visit.takes_part(&tenant)?;
    let wire: api::RequestWords = body.decode_or_default()?;
    // An admin key that names nobody is an operator; a token is always somebody.
    let by = match (&wire.by, visit.caller.token()) {
        (None, None) => None,
        (named, _) => Some(own_or_named(&visit, named.as_ref(), "by")?),
    };
    step(&app, &visit, (&tenant, &id), wire.reason, move |authority, tenant, provenance, id| {
        authority.cancel_request(tenant, provenance, id, by)
    })
    .await
}

/// Closes the review of a broken glass, in words. Only whoever could approve it, or an admin for that person.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/requests/{id}/review", tag = "access",
    params(("tenant" = String, Path), ("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = api::RequestWords,
    responses((status = 200, body = api::AccessRequest), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn review(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Json<api::AccessRequest>, Refusal> {
    let tenant = visit.takes_part(&tenant)?;
    let wire: api::RequestWords = body.decode_or_default()?;
    let by = own_or_named(&visit, wire.by.as_ref(), "by")?;
    step(&app, &visit, (&tenant, &id), wire.reason, move |authority, tenant, provenance, id| {
        authority.review_request(tenant, provenance, id, by)
    })
    .await
}

async fn answer(
    app: &App,
    visit: &Visit,
    place: (&TenantName, &str),
    by: Option<&api::ObjectRef>,
    reason: Option<String>,
    reply: AccessReply,
) -> Result<Json<api::AccessRequest>, Refusal> {
    let by = own_or_named(visit, by, "by")?;
    step(app, visit, place, reason, move |authority, tenant, provenance, id| {
        authority.answer_request(tenant, provenance, id, by, reply)
    })
    .await
}

async fn step(
    app: &App,
    visit: &Visit,
    (tenant, id): (&TenantName, &str),
    reason: Option<String>,
    step: impl FnOnce(&prokura::Authority, &TenantName, Provenance, &RequestId) -> Result<Arc<Request>, WriteError>
    + Send
    + 'static,
) -> Result<Json<api::AccessRequest>, Refusal> {
    let found = visible(app, visit, tenant, id).await?;
    let (authority, provenance, own) = (app.authority().clone(), visit.provenance(reason), tenant.clone());
    let written = blocking(move || Ok(step(&authority, &own, provenance, &found.id)?)).await?;
    told(app, tenant, &written).map(Json)
}

fn told(app: &App, tenant: &TenantName, request: &Request) -> Result<api::AccessRequest, Refusal> {
    let schema = app.authority().snapshot(tenant)?.schema()?;
    Ok(convert::wire_request(request, schema.as_deref(), app.authority().now()))
}

/// A request that is not the caller's to see is not there.
async fn visible(app: &App, visit: &Visit, tenant: &TenantName, id: &str) -> Result<Arc<Request>, Refusal> {
    let unknown = || Refusal::not_found("request_unknown", "there is no such request, or it is not yours to see");
    let id = RequestId::new(id).ok_or_else(unknown)?;
    let snapshot = app.authority().snapshot(tenant)?;
    let found = snapshot.request(&id)?.ok_or_else(unknown)?;
    let Some(token) = visit.caller.token() else { return Ok(found) };
    let (actor, asked): (ObjectRef, _) = (token.actor.clone(), Arc::clone(&found));
    let filter = RequestFilter { seen_by: Some(actor), ..RequestFilter::default() };
    let seen = blocking(move || Ok(snapshot.means_request(&filter, &asked)?)).await?;
    if seen { Ok(found) } else { Err(unknown()) }
}
