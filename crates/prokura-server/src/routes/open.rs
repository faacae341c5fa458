//! Routes about the server itself.

use std::sync::{Arc, LazyLock};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use prokura_model::Fault;

use crate::{app::App, error::Refusal, request::Visit};

/// The process runs.
#[utoipa::path(get, path = "/healthz", tag = "server", security(()), responses((status = 200, content_type = "text/plain", body = String)))]
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// Decisions are answered and writes accepted. 503 while not: stopped by a failing disk, or shutting down.
#[utoipa::path(
    get, path = "/readyz", tag = "server", security(()),
    responses((status = 200, content_type = "text/plain", body = String), (status = 503, body = prokura_api::ErrorBody))
)]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Refusal> {
    match app.ready() {
        Ok(_) => Ok("ready\n"),
        Err(why) => Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", Fault::Server, why)),
    }
}

/// Numbers for Prometheus. They name tenants, so this takes an admin or auditor key for all tenants.
#[utoipa::path(get, path = "/metrics", tag = "server", responses((status = 200, content_type = "text/plain", body = String)))]
pub(crate) async fn numbers(State(app): State<Arc<App>>, visit: Visit) -> Result<Response, Refusal> {
    visit.caller.may_inspect()?;
    let page = app.telemetry().page(app.authority(), app.webhooks());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response())
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "server", security(()), responses((status = 200, content_type = "application/json")))]
pub(crate) async fn document() -> Response {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| super::openapi().to_json().unwrap_or_default());
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}
