//! What a tenant's names are called over AuthZEN: reading it, and setting it.

use std::sync::Arc;

use axum::{Json, extract::State};
use prokura_api as api;
use prokura_api::{
    ErrorBody,
    authzen::{MappingAnswer, MappingWrite},
};
use prokura_model::Change;

use crate::{
    app::App,
    convert,
    error::Refusal,
    request::{JsonBody, Segments, Visit},
    routes::graph::write,
};

/// What names are called over AuthZEN.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/authzen-mapping", tag = "authzen", params(("tenant" = String, Path)),
    responses((status = 200, body = MappingAnswer), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn mapping(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
) -> Result<Json<MappingAnswer>, Refusal> {
    let snapshot = app.authority().snapshot(&visit.reads(&tenant)?)?;
    let mapping = snapshot.authzen_mapping()?;
    Ok(Json(MappingAnswer {
        mapping: mapping.as_deref().map(convert::wire_authzen_mapping).unwrap_or_default(),
        revision: snapshot.revision().0,
    }))
}

/// Sets what names are called over AuthZEN, whole.
#[utoipa::path(
    put, path = "/v1/tenants/{tenant}/authzen-mapping", tag = "authzen", params(("tenant" = String, Path)),
    request_body = MappingWrite, responses((status = 200, body = api::Receipt), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn set_mapping(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::Receipt>, Refusal> {
    let tenant = visit.writes(&tenant)?;
    let wire: MappingWrite = body.decode()?;
    let changes = vec![Change::AuthzenMappingSet(convert::authzen_mapping(&wire.mapping, "mapping")?)];
    let receipt = write(app.authority(), tenant, visit.provenance(wire.reason), changes).await?;
    Ok(Json(convert::wire_receipt(receipt)))
}
