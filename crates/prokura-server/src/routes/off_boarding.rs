//! Off-boarding: a preview of what it comes to, and doing exactly that.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use prokura::OffBoard;
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::{ObjectRef, Principal, PrincipalState};

use crate::{
    app::App,
    convert,
    error::Refusal,
    request::{JsonBody, Segments, Visit, blocking},
};

/// What off-boarding a principal would come to: what would end, what it owns and who takes that over, each counted and the
/// first of each shown. Nothing is written.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/principals/off-board/preview", tag = "principals",
    params(("tenant" = String, Path)), request_body = api::OffBoardRequest,
    responses((status = 200, body = api::OffBoarding), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn preview(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::OffBoarding>, Refusal> {
    let tenant = visit.reads(&tenant)?;
    let wanted = wanted(&body.decode()?)?;
    let authority = app.authority().clone();
    let whom = wanted.principal.clone();
    let found = blocking(move || Ok(authority.off_boarding(&tenant, &wanted)?)).await?;
    let principal = found.principal.as_deref().cloned().unwrap_or_else(|| unregistered(whom));
    Ok(Json(convert::wire_off_boarding(&found, &principal, None, app.authority().now())))
}

/// Off-boards a principal for good, in one transaction: its tasks are cancelled, the delegations it made or received and the
/// endorsements by it or of it revoked, the relationships in which it is the subject removed, and what it owns is handed
/// over or stops. With the digest of a preview, it does exactly what was previewed, or nothing.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/principals/off-board", tag = "principals", params(("tenant" = String, Path)),
    request_body = api::OffBoardRequest,
    responses((status = 200, body = api::OffBoarding), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn off_board(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::OffBoarding>, Refusal> {
    let tenant = visit.writes(&tenant)?;
    let wire: api::OffBoardRequest = body.decode()?;
    let wanted = wanted(&wire)?;
    let whom = wanted.principal.clone();
    let provenance = visit.provenance(wire.reason);
    // As every change of a principal, alone: one that is read and written back meanwhile would undo it.
    let done = app.alone_with_principals(move |authority| {
        let done = authority.off_board(&tenant, provenance, wanted, wire.expect)?;
        let principal = authority.snapshot(&tenant)?.principal(&whom)?;
        let principal = principal.as_deref().cloned().unwrap_or_else(|| unregistered(whom));
        let done_in = (done.off_boarding.changes > 0).then_some(done.receipt.revision);
        Ok(convert::wire_off_boarding(&done.off_boarding, &principal, done_in, authority.now()))
    });
    Ok(Json(done.await?))
}

fn wanted(wire: &api::OffBoardRequest) -> Result<OffBoard, Refusal> {
    let mut transfers = BTreeMap::new();
    for (number, transfer) in wire.transfers.iter().enumerate() {
        let object = convert::object(&transfer.object, format_args!("transfers[{number}].object"))?;
        let owner = convert::object(&transfer.owner, format_args!("transfers[{number}].owner"))?;
        if transfers.insert(object.clone(), owner).is_some() {
            let message = format!("`{object}` is handed over twice");
            return Err(Refusal::invalid_at(format!("transfers[{number}].object"), "transfer_twice", message));
        }
    }
    Ok(OffBoard {
        principal: convert::object(&wire.object, "object")?,
        transfers,
        rest_to: convert::optional_object(wire.rest_to.as_ref(), "rest_to")?,
    })
}

/// Whom nobody registered is alive.
fn unregistered(object: ObjectRef) -> Principal {
    Principal { object, owner: None, state: PrincipalState::Active, declared: false }
}
