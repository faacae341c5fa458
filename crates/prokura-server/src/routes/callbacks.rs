//! What other systems write, by messages that they sign.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap};
use prokura::Provenance;
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::{Change, ObjectId, ObjectRef};

use crate::{
    app::App,
    callbacks::Signed,
    convert,
    error::Refusal,
    json,
    request::{Segments, SmallBody},
};

/// Sets all attributes of an object of the callback's type. The credential is the signature, by the scheme of Standard Webhooks.
/// A message that is sent again with the same `webhook-id` is written once.
#[utoipa::path(
    post, path = "/v1/callbacks/{name}", tag = "graph", security(()),
    params(
        ("name" = String, Path), ("webhook-id" = String, Header), ("webhook-timestamp" = String, Header),
        ("webhook-signature" = String, Header)
    ),
    request_body = api::CallbackMessage,
    responses((status = 200, body = api::Receipt), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn receive(
    State(app): State<Arc<App>>,
    Segments(name): Segments<String>,
    headers: HeaderMap,
    SmallBody(body): SmallBody,
) -> Result<Json<api::Receipt>, Refusal> {
    let Signed { by, id } = app.callbacks().verify(&name, &headers, &body, app.authority().now())?;
    let wire: api::CallbackMessage = json::decode(&body)?;
    let object = ObjectId::new(&wire.id).map_err(|error| Refusal::invalid_at("id", "id_invalid", error.to_string()))?;
    let object = ObjectRef { kind: by.kind.clone(), id: object };
    let changes = vec![Change::AttributesSet(object, json::from_wire_members(&wire.attributes))];
    let provenance = Provenance::new(format!("callback:{name}"), wire.reason.unwrap_or_default()).with_request_id(&id);
    let receipt = super::graph::write(app.authority(), by.tenant.clone(), provenance, changes).await?;
    Ok(Json(convert::wire_receipt_in(app.authority(), &by.tenant, receipt)))
}
