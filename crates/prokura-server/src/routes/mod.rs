//! The routes, and the document that describes them: both come from the same handlers.

mod approvals;
mod ask;
mod authzen;
mod bulk;
mod callbacks;
mod endorsements;
mod graph;
mod lookup;
mod off_boarding;
mod open;
mod plan;
mod principals;
mod requests;
mod reservations;
mod server_wide;
mod tasks;
mod watch;
mod webhooks;

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    middleware,
    response::{IntoResponse, Response},
};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use authzen::{evaluation_straight, is_of_access_requests, problem};

use crate::{app::App, error::Refusal, grpc, openfga, telemetry};

/// What the document says besides the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Prokura",
        description = "Live authorization for AI agents: a token says who is calling, Prokura decides what they may do, \
                       from the relationships that hold at this moment."
    ),
    components(schemas(prokura_api::WebhookEvent)),
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

/// The router, and the short way past it for calls that do not need it.
pub(crate) fn router(app: Arc<App>) -> (Router, grpc::Straight) {
    let (router, _) = all().split_for_parts();
    let (calls, straight) = grpc::routes(&app);
    let router = router
        .with_state(Arc::clone(&app))
        .merge(calls)
        .fallback(unknown)
        .method_not_allowed_fallback(async || {
            Refusal::new(
                axum::http::StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                prokura_model::Fault::Caller,
                "this route has no such method; see /openapi.json",
            )
        })
        .layer(middleware::from_fn_with_state(app, telemetry::observe));
    (router, straight)
}

async fn unknown(request: Request) -> Response {
    if grpc::is_call(request.headers()) {
        return grpc::unknown_method();
    }
    Refusal::not_found("route_unknown", "there is no such route; see /openapi.json").into_response()
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
        .routes(routes!(authzen::search_subject))
        .routes(routes!(authzen::tenant_search_subject))
        .routes(routes!(authzen::search_resource))
        .routes(routes!(authzen::tenant_search_resource))
        .routes(routes!(authzen::search_action))
        .routes(routes!(authzen::tenant_search_action))
        .routes(routes!(authzen::ask_for_access))
        .routes(routes!(authzen::tenant_ask_for_access))
        .routes(routes!(authzen::access_task))
        .routes(routes!(authzen::tenant_access_task))
        .routes(routes!(authzen::cancel_access_task))
        .routes(routes!(authzen::tenant_cancel_access_task))
        .routes(routes!(authzen::mapping, authzen::set_mapping))
        .routes(routes!(server_wide::tenants, server_wide::create_tenant))
        .routes(routes!(server_wide::stats))
        .routes(routes!(server_wide::keys, server_wide::create_key))
        .routes(routes!(server_wide::revoke_key))
        .routes(routes!(webhooks::webhooks))
        .routes(routes!(webhooks::ping))
        .routes(routes!(graph::schema, graph::write_schema))
        .routes(routes!(graph::schema_diff))
        .routes(routes!(graph::relationships))
        .routes(routes!(graph::write_relationships))
        .routes(routes!(bulk::delete_relationships))
        .routes(routes!(bulk::import_relationships))
        .routes(routes!(bulk::export_relationships))
        .routes(routes!(watch::watch))
        .routes(routes!(graph::attributes, graph::set_attributes))
        .routes(routes!(callbacks::receive))
        .routes(routes!(graph::apply))
        .merge(authority())
        .routes(routes!(ask::decide))
        .routes(routes!(plan::plan))
        .routes(routes!(reservations::commit))
        .routes(routes!(reservations::release))
        .routes(routes!(ask::check))
        .routes(routes!(ask::explain))
        .routes(routes!(lookup::resources))
        .routes(routes!(lookup::subjects))
        .routes(routes!(lookup::permissions))
        .routes(routes!(lookup::expand))
        .routes(routes!(ask::decisions))
        .routes(routes!(ask::decision))
        .routes(routes!(ask::transaction))
        .merge(openfga::routes())
}

/// Who acts for whom: principals, tasks, delegations, endorsements, requests and approvals.
fn authority() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(principals::principals, principals::set_principal))
        .routes(routes!(principals::suspend))
        .routes(routes!(principals::resume))
        .routes(routes!(off_boarding::preview))
        .routes(routes!(off_boarding::off_board))
        .routes(routes!(principals::remove))
        .routes(routes!(tasks::tasks, tasks::open))
        .routes(routes!(tasks::task))
        .routes(routes!(tasks::complete))
        .routes(routes!(tasks::cancel))
        .routes(routes!(tasks::delegations, tasks::delegate))
        .routes(routes!(tasks::delegation))
        .routes(routes!(endorsements::endorsements, endorsements::endorse))
        .routes(routes!(endorsements::endorsement))
        .routes(routes!(endorsements::revoke))
        .routes(routes!(tasks::revoke))
        .routes(routes!(requests::requests, requests::ask))
        .routes(routes!(requests::request))
        .routes(routes!(requests::approve))
        .routes(routes!(requests::refuse))
        .routes(routes!(requests::cancel))
        .routes(routes!(requests::review))
        .routes(routes!(approvals::approvals, approvals::ask))
        .routes(routes!(approvals::approval))
        .routes(routes!(approvals::give))
        .routes(routes!(approvals::refuse))
        .routes(routes!(approvals::cancel))
}
