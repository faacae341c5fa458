//! OpenFGA's HTTP API: a store is a tenant, a tuple is a relationship, and a check is a decision that is recorded.

mod check;
mod error;
mod expand;
mod list;
mod model_json;
mod models;
mod question;
mod stores;
mod tuple;
mod tuples;

use std::sync::Arc;

use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use error::body;

use crate::app::App;

/// Whether a route is one of this door's.
pub(crate) fn is_route(route: &str) -> bool {
    route == "/stores" || route.starts_with("/stores/")
}

#[derive(OpenApi)]
struct Nothing;

/// The routes of this door.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Nothing::openapi())
        .routes(routes!(stores::stores, stores::create))
        .routes(routes!(stores::store, stores::rename, stores::delete))
        .routes(routes!(models::models, models::write))
        .routes(routes!(models::model))
        .routes(routes!(models::assertions, models::write_assertions))
        .routes(routes!(tuples::write))
        .routes(routes!(tuples::read))
        .routes(routes!(tuples::changes))
        .routes(routes!(check::check))
        .routes(routes!(check::batch_check))
        .routes(routes!(list::list_objects))
        .routes(routes!(list::streamed_list_objects))
        .routes(routes!(list::list_users))
        .routes(routes!(expand::expand))
}
