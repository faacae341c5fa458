//! Tenants, keys, and where memory goes.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use prokura::{AskError, limits::PAGE_ENTRIES_MAX};
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::{KeyId, TenantName};

use crate::{
    app::App,
    convert,
    error::Refusal,
    request::{JsonBody, Parameters, Segments, Visit, blocking},
};

/// The tenants, by name.
#[utoipa::path(
    get, path = "/v1/tenants", tag = "server", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::Tenant>), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn tenants(
    State(app): State<Arc<App>>,
    visit: Visit,
    Parameters(query): Parameters<api::PageQuery>,
) -> Result<Json<api::Page<api::Tenant>>, Refusal> {
    visit.caller.may_inspect()?;
    page_of(&app.authority().tenants(), &query, ToString::to_string, |name| api::Tenant { name: name.to_string() })
}

/// Where the server's memory goes.
#[utoipa::path(
    get, path = "/v1/stats", tag = "server",
    responses((status = 200, body = api::Stats), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn stats(State(app): State<Arc<App>>, visit: Visit) -> Result<Json<api::Stats>, Refusal> {
    visit.caller.may_inspect()?;
    let stats = blocking(move || Ok(app.authority().stats())).await?;
    Ok(Json(convert::wire_stats(&stats)))
}

/// Creates a tenant.
#[utoipa::path(
    post, path = "/v1/tenants", tag = "server", request_body = api::NewTenant,
    responses((status = 201, body = api::Tenant), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn create_tenant(
    State(app): State<Arc<App>>,
    visit: Visit,
    body: JsonBody,
) -> Result<(StatusCode, Json<api::Tenant>), Refusal> {
    visit.caller.may_administer()?;
    let wire: api::NewTenant = body.decode()?;
    let name = TenantName::new(&wire.name)
        .map_err(|error| Refusal::invalid_at("name", "tenant_name_invalid", error.to_string()))?;
    let provenance = visit.provenance(wire.reason);
    let created = name.to_string();
    blocking(move || Ok(app.authority().create_tenant(&name, provenance)?)).await?;
    Ok((StatusCode::CREATED, Json(api::Tenant { name: created })))
}

/// The keys, oldest first, revoked ones included; never what is secret about them.
#[utoipa::path(
    get, path = "/v1/keys", tag = "server", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::Key>), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn keys(
    State(app): State<Arc<App>>,
    visit: Visit,
    Parameters(query): Parameters<api::PageQuery>,
) -> Result<Json<api::Page<api::Key>>, Refusal> {
    visit.caller.may_inspect()?;
    page_of(&app.authority().keys(), &query, |key| key.id.to_string(), |key| convert::wire_key(key))
}

/// Makes a key. The answer is the only one that ever holds its secret.
#[utoipa::path(
    post, path = "/v1/keys", tag = "server", request_body = api::NewKey,
    responses((status = 201, body = api::NewKeyResponse), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn create_key(
    State(app): State<Arc<App>>,
    visit: Visit,
    body: JsonBody,
) -> Result<(StatusCode, Json<api::NewKeyResponse>), Refusal> {
    visit.caller.may_administer()?;
    if visit.idempotency_key().is_some() {
        return Err(Refusal::invalid(
            "idempotency_key_invalid",
            "making a key does not take `Idempotency-Key`: its secret is shown once and cannot be answered again; leave the \
             header out, and revoke the key whose secret was lost",
        ));
    }
    let wire: api::NewKey = body.decode()?;
    let (role, scope) = (convert::key_role(&wire)?, convert::key_scope(&wire.scope)?);
    let provenance = visit.provenance(wire.reason);
    let made = blocking(move || Ok(app.authority().create_key(&wire.name, role, scope, provenance)?)).await?;
    let answer = api::NewKeyResponse { key: convert::wire_key(&made.key), secret: made.secret.reveal().to_owned() };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Revokes a key: from the next request on it authenticates nobody.
#[utoipa::path(
    post, path = "/v1/keys/{id}/revoke", tag = "server", params(("id" = String, Path)),
    request_body = api::ReasonOnly, responses((status = 200, body = api::Receipt), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn revoke_key(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(id): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::Receipt>, Refusal> {
    visit.caller.may_administer()?;
    let why: api::ReasonOnly = body.decode_or_default()?;
    let id = KeyId::new(id).ok_or_else(|| Refusal::not_found("key_unknown", "there is no such key"))?;
    let provenance = visit.provenance(why.reason);
    let receipt = blocking(move || Ok(app.authority().revoke_key(&id, provenance)?)).await?;
    Ok(Json(convert::wire_receipt(receipt)))
}

/// A page of a list that is at hand whole; its cursor is the name of the last entry.
pub(super) fn page_of<T, W>(
    entries: &[T],
    query: &api::PageQuery,
    name: impl Fn(&T) -> String,
    wire: impl Fn(&T) -> W,
) -> Result<Json<api::Page<W>>, Refusal> {
    let page = convert::page(query.limit, query.cursor.as_deref())?;
    if !(1..=PAGE_ENTRIES_MAX).contains(&page.size) {
        return Err(AskError::PageSize(page.size).into());
    }
    let start = match page.after {
        None => 0,
        Some(cursor) => match entries.iter().position(|entry| name(entry) == cursor) {
            Some(position) => position + 1,
            None => return Err(AskError::CursorInvalid(cursor).into()),
        },
    };
    let shown: Vec<&T> = entries.iter().skip(start).take(page.size).collect();
    let more = entries.len() > start + shown.len();
    let next_cursor = if more { convert::wire_cursor(shown.last().map(|entry| name(entry))) } else { None };
    Ok(Json(api::Page { items: shown.into_iter().map(wire).collect(), next_cursor }))
}
