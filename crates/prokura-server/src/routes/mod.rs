//! The routes, and the document that describes them: both come from the same handlers.

mod ask;
mod authzen;
mod graph;
mod open;
mod principals;
mod server_wide;
mod tasks;

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
        .routes(routes!(authzen::configuration))
        .routes(routes!(authzen::tenant_configuration))
        .routes(routes!(authzen::evaluation))
        .routes(routes!(authzen::tenant_evaluation))
        .routes(routes!(authzen::evaluations))
        .routes(routes!(authzen::tenant_evaluations))
        .routes(routes!(server_wide::tenants, server_wide::create_tenant))
        .routes(routes!(server_wide::keys, server_wide::create_key))
        .routes(routes!(server_wide::revoke_key))
        .routes(routes!(graph::schema, graph::write_schema))
        .routes(routes!(graph::relationships))
        .routes(routes!(graph::write_relationships))
        .routes(routes!(graph::attributes, graph::set_attributes))
        .routes(routes!(graph::apply))
        .routes(routes!(principals::principals, principals::set_principal))
        .routes(routes!(principals::suspend))
        .routes(routes!(principals::resume))
        .routes(routes!(principals::off_board))
        .routes(routes!(principals::remove))
        .routes(routes!(tasks::tasks, tasks::open))
        .routes(routes!(tasks::task))
        .routes(routes!(tasks::complete))
        .routes(routes!(tasks::cancel))
        .routes(routes!(tasks::delegations, tasks::delegate))
        .routes(routes!(tasks::delegation))
        .routes(routes!(tasks::revoke))
        .routes(routes!(ask::decide))
        .routes(routes!(ask::check))
        .routes(routes!(ask::explain))
        .routes(routes!(ask::decisions))
        .routes(routes!(ask::decision))
        .routes(routes!(ask::transaction))
}
