//! The short way for the question that enforcement points ask most: from the connection to the decision, past the router.
//! What is answered, counted and told is the same either way.

use std::sync::Arc;

use axum::{
    http::{Method, Request},
    response::{IntoResponse, Response},
};
use hyper::body::Incoming;

use super::{DEFAULT_TENANT, evaluate_one};
use crate::{
    app::App,
    error::Refusal,
    request::{AuthzenBody, Visit},
    telemetry::{self, RequestNotes, Seen},
};

/// The path behind that of the tenant; without one, it is that of the tenant `default`.
const PATH: &str = "/access/v1/evaluation";

/// The routes, as the router has them.
const ROUTE: &str = PATH;
const TENANT_ROUTE: &str = "/tenants/{tenant}/access/v1/evaluation";

/// Answers an evaluation. A request that is none comes back.
#[expect(clippy::result_large_err, reason = "it is no error: the request goes on another way as it came")]
pub(crate) fn evaluation_straight(
    app: &Arc<App>,
    request: Request<Incoming>,
) -> Result<impl Future<Output = Response> + use<>, Request<Incoming>> {
    if request.method() != Method::POST || tenant(request.uri().path()).is_none() {
        return Err(request);
    }
    let (name, notes) = telemetry::named(app, request.headers());
    // What cannot be named is refused in the router.
    let Ok(notes) = notes else { return Err(request) };
    let app = Arc::clone(app);
    Ok(async move {
        let route = if request.uri().path() == PATH { ROUTE } else { TENANT_ROUTE };
        let seen = Seen::begun(route, "POST");
        let answer = answer(&app, request, &notes).await.into_response();
        seen.answered(&app, name, Some(&notes), answer)
    })
}

async fn answer(
    app: &App,
    request: Request<Incoming>,
    notes: &Arc<RequestNotes>,
) -> Result<impl IntoResponse, Refusal> {
    let (head, body) = request.into_parts();
    let visit = Visit::of(app, &head.headers, Some(notes)).await?;
    let body = AuthzenBody::read(&head.headers, body).await?;
    evaluate_one(app, &visit, tenant(head.uri.path()).unwrap_or_default(), &body).await
}

/// The tenant of such a path. One that is escaped is left to the router.
fn tenant(path: &str) -> Option<&str> {
    let before = path.strip_suffix(PATH)?;
    if before.is_empty() {
        return Some(DEFAULT_TENANT);
    }
    before.strip_prefix("/tenants/").filter(|name| !name.is_empty() && !name.contains(['/', '%']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_evaluations_go_the_short_way() {
        assert_eq!(tenant("/access/v1/evaluation"), Some("default"));
        assert_eq!(tenant("/tenants/acme/access/v1/evaluation"), Some("acme"));
        for path in [
            "/access/v1/evaluations",
            "/access/v1/evaluation/",
            "/tenants//access/v1/evaluation",
            "/tenants/a%63me/access/v1/evaluation",
            "/tenants/acme/more/access/v1/evaluation",
            "/v1/access/v1/evaluation",
            "access/v1/evaluation",
        ] {
            assert_eq!(tenant(path), None, "{path}");
        }
    }
}
