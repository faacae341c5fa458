//! The routes, and the document that describes them: both come from the same handlers.

mod open;

use std::sync::Arc;

use axum::{Router, middleware};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{app::App, error::Refusal, telemetry};

/// What the document says besides the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Prokura",
        description = "Live authorization for AI agents: a token says who is calling, Prokura decides what they may do, \
                       from the relationships that hold at this moment."
    ),
    modifiers(&Credentials),
    security(("bearer" = []))
)]
struct Document;

struct Credentials;

impl utoipa::Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key, or a token of a configured issuer."))
            .build();
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The `OpenAPI` 3.1 document of everything that is served.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    all().into_openapi()
}

pub(crate) fn router(app: Arc<App>) -> Router {
    let (router, _) = all().split_for_parts();
    router
        .fallback(async || Refusal::not_found("route_unknown", "there is no such route; see /openapi.json"))
        .method_not_allowed_fallback(async || {
            Refusal::new(
                axum::http::StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                prokura_model::Fault::Caller,
                "this route has no such method; see /openapi.json",
            )
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&app), telemetry::observe))
        .with_state(app)
}

fn all() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(open::alive))
        .routes(routes!(open::ready))
        .routes(routes!(open::numbers))
        .routes(routes!(open::document))
}
