//! Stores: tenants that were made here. A store's id in lower case is its tenant's name.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use prokura::TenantDetails;
use prokura_api::openfga::{ErrorBody, PageQuery, Store, StoreName, Stores};

use super::{
    error,
    question::{page_size, provenance, token},
};
use crate::{
    app::App,
    convert,
    error::Refusal,
    request::{JsonBody, Parameters, Segments, Visit, blocking},
};

/// How many characters a store's id has.
const ID_CHARACTERS: usize = 26;

/// The name of the tenant that the store is.
pub(super) fn tenant_of(store: &str) -> Result<String, Refusal> {
    let legal = store.len() == ID_CHARACTERS && store.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if legal {
        return Ok(store.to_ascii_lowercase());
    }
    let message =
        format!("the id of a store has {ID_CHARACTERS} letters and digits, as the one that making it answered with");
    Err(Refusal::invalid("store_id_invalid_length", message))
}

fn is_store(details: &TenantDetails) -> bool {
    details.display_name.is_some() && details.tenant.as_str().len() == ID_CHARACTERS
}

fn wire_store(details: &TenantDetails) -> Store {
    Store {
        id: details.tenant.as_str().to_ascii_uppercase(),
        name: details.display_name.clone().unwrap_or_default(),
        created_at: details.created_at.to_string(),
        updated_at: details.updated_at.to_string(),
        deleted_at: None,
    }
}

fn find(app: &App, tenant: &str) -> Result<Store, Refusal> {
    let details = app.authority().tenant_details();
    let found = details.iter().find(|details| details.tenant.as_str() == tenant && is_store(details));
    found.map(wire_store).ok_or_else(|| Refusal::not_found("store_id_not_found", "there is no such store"))
}

/// The stores, oldest first.
#[utoipa::path(
    get, path = "/stores", tag = "openfga", params(PageQuery),
    responses((status = 200, body = Stores), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn stores(
    State(app): State<Arc<App>>,
    visit: Visit,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<Stores>, Refusal> {
    visit.caller.may_inspect()?;
    let size = page_size(query.page_size)?;
    let after = token(query.continuation_token.as_deref())?;
    let meant = |details: &&TenantDetails| {
        is_store(details)
            && query.name.as_ref().is_none_or(|name| details.display_name.as_ref() == Some(name))
            && after.as_deref().is_none_or(|after| details.tenant.as_str() > after)
    };
    let details = app.authority().tenant_details();
    let mut found: Vec<&TenantDetails> = details.iter().filter(meant).take(size + 1).collect();
    let more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| more).map(|last| last.tenant.to_string());
    let continuation_token = convert::wire_cursor(next).unwrap_or_default();
    Ok(Json(Stores { stores: found.into_iter().map(wire_store).collect(), continuation_token }))
}

/// Makes a store.
#[utoipa::path(
    post, path = "/stores", tag = "openfga", request_body = StoreName,
    responses((status = 201, body = Store), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    visit: Visit,
    body: JsonBody,
) -> Result<(StatusCode, Json<Store>), Refusal> {
    visit.caller.may_administer()?;
    let wire: StoreName = body.decode()?;
    let (authority, provenance) = (app.authority().clone(), provenance(&visit));
    let tenant = blocking(move || {
        let tenant = authority.mint_tenant_name();
        authority.create_named_tenant(&tenant, &wire.name, provenance).map_err(error::write)?;
        Ok(tenant)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(find(&app, tenant.as_str())?)))
}

/// A store.
#[utoipa::path(
    get, path = "/stores/{store_id}", tag = "openfga", params(("store_id" = String, Path)),
    responses((status = 200, body = Store), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn store(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(store): Segments<String>,
) -> Result<Json<Store>, Refusal> {
    let tenant = visit.reads(&tenant_of(&store)?)?;
    Ok(Json(find(&app, tenant.as_str())?))
}

/// Gives a store another name.
#[utoipa::path(
    patch, path = "/stores/{store_id}", tag = "openfga", params(("store_id" = String, Path)), request_body = StoreName,
    responses((status = 200, body = Store), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn rename(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(store): Segments<String>,
    body: JsonBody,
) -> Result<Json<Store>, Refusal> {
    visit.caller.may_administer()?;
    let tenant = visit.writes(&tenant_of(&store)?)?;
    let wire: StoreName = body.decode()?;
    find(&app, tenant.as_str())?;
    let (authority, provenance) = (app.authority().clone(), provenance(&visit));
    let renamed = tenant.clone();
    blocking(move || authority.rename_tenant(&renamed, &wire.name, provenance).map_err(error::write)).await?;
    Ok(Json(find(&app, tenant.as_str())?))
}

/// Ends a store. What it held stays on record.
#[utoipa::path(
    delete, path = "/stores/{store_id}", tag = "openfga", params(("store_id" = String, Path)),
    responses((status = 204), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(store): Segments<String>,
) -> Result<StatusCode, Refusal> {
    visit.caller.may_administer()?;
    let tenant = visit.writes(&tenant_of(&store)?)?;
    find(&app, tenant.as_str())?;
    let (authority, provenance) = (app.authority().clone(), provenance(&visit));
    blocking(move || authority.delete_tenant(&tenant, provenance).map_err(error::write)).await?;
    Ok(StatusCode::NO_CONTENT)
}
