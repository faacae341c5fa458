//! How webhooks are, and whether they are there.

use std::sync::Arc;

use axum::{Json, extract::State};
use prokura_api as api;
use prokura_api::ErrorBody;

use super::server_wide::page_of;
use crate::{
    app::App,
    error::Refusal,
    request::{Parameters, Segments, Visit, blocking},
};

/// Each webhook in each of its tenants: how far it is, and what keeps it from going on. Never a secret.
#[utoipa::path(
    get, path = "/v1/webhooks", tag = "server", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::Webhook>), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn webhooks(
    State(app): State<Arc<App>>,
    visit: Visit,
    Parameters(query): Parameters<api::PageQuery>,
) -> Result<Json<api::Page<api::Webhook>>, Refusal> {
    visit.caller.may_inspect()?;
    let found = blocking(move || Ok(app.webhooks().all())).await?;
    page_of(&found, &query, |webhook| format!("{} {}", webhook.name, webhook.tenant), Clone::clone)
}

/// Sends a webhook an event of the type `ping`, once, and tells what became of it.
#[utoipa::path(
    post, path = "/v1/webhooks/{name}/ping", tag = "server", params(("name" = String, Path)),
    responses((status = 200, body = api::WebhookPing), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn ping(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(name): Segments<String>,
) -> Result<Json<api::WebhookPing>, Refusal> {
    visit.caller.may_administer()?;
    let sent = app.webhooks().ping(&name).await;
    sent.map(Json).ok_or_else(|| {
        Refusal::not_found("webhook_unknown", "no webhook of this name is configured; `GET /v1/webhooks` lists them")
    })
}
