//! Settling what an allow has reserved.

use std::sync::Arc;

use axum::{Json, extract::State};
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::{DecisionId, TenantName};

use crate::{
    app::App,
    convert,
    error::Refusal,
    request::{JsonBody, Segments, Visit, blocking},
};

/// Commits a reservation: what it holds is taken for good, or less of the arguments that are named. Only the enforcement
/// point it was made for, or an admin. Sent again with the same `Idempotency-Key`, it is answered with the first receipt.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/reservations/{id}/commit", tag = "decisions",
    params(("tenant" = String, Path), ("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = api::CommitReservation,
    responses((status = 200, body = api::Receipt), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn commit(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Json<api::Receipt>, Refusal> {
    let tenant = visit.asks(&tenant)?;
    let wire: api::CommitReservation = body.decode_or_default()?;
    let amounts = convert::amounts(&wire.arguments, "arguments")?;
    let (id, by) = named(&visit, &tenant, &id)?;
    let (authority, provenance) = (app.authority().clone(), visit.provenance(wire.reason));
    let own = tenant.clone();
    let receipt =
        blocking(move || Ok(authority.commit_reservation(&own, &id, by.as_deref(), amounts, provenance)?)).await?;
    Ok(Json(convert::wire_receipt_in(app.authority(), &tenant, receipt)))
}

/// Releases a reservation: it gives back all that it holds. Only the enforcement point it was made for, or an admin.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/reservations/{id}/release", tag = "decisions",
    params(("tenant" = String, Path), ("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = api::ReasonOnly,
    responses((status = 200, body = api::Receipt), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn release(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Json<api::Receipt>, Refusal> {
    let tenant = visit.asks(&tenant)?;
    let why: api::ReasonOnly = body.decode_or_default()?;
    let (id, by) = named(&visit, &tenant, &id)?;
    let (authority, provenance) = (app.authority().clone(), visit.provenance(why.reason));
    let own = tenant.clone();
    let receipt = blocking(move || Ok(authority.release_reservation(&own, &id, by.as_deref(), provenance)?)).await?;
    Ok(Json(convert::wire_receipt_in(app.authority(), &tenant, receipt)))
}

/// The reservation, and for whom it has to be made: whoever asks, unless that is an admin.
fn named(visit: &Visit, tenant: &TenantName, id: &str) -> Result<(DecisionId, Option<String>), Refusal> {
    let unknown = || Refusal::not_found("reservation_unknown", "no reservation has such a name");
    let id = DecisionId::new(id).ok_or_else(unknown)?;
    let is_admin = visit.caller.may_write(tenant.as_str()).is_ok();
    Ok((id, (!is_admin).then(|| visit.caller.author())))
}
