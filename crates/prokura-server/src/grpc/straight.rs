//! The short way for calls that are plain gRPC over HTTP/2: from the connection to the service, past the router and the
//! layers that only the other doors need. What is said and counted is the same either way.

use std::{collections::HashMap, sync::Arc};

use axum::http::{HeaderMap, Method, Request, Response, Version, header};
use hyper::body::Incoming;
use tonic::body::Body;

use super::{called::Answering, told::Told};
use crate::{
    app::App,
    telemetry::{self, RequestNotes},
};

/// Has a method answer.
pub(super) type Way = Box<dyn Fn(Request<Incoming>, Option<Arc<RequestNotes>>) -> Answering + Send + Sync>;

/// The methods that can be called so, by path.
pub(crate) struct Straight {
    app: Arc<App>,
    ways: HashMap<String, Way>,
}

/// What a call is answered with.
pub(crate) type CallBody = Told<Body>;

impl Straight {
    pub(super) fn new(app: &Arc<App>, ways: HashMap<String, Way>) -> Self {
        Self { app: Arc::clone(app), ways }
    }

    /// Answers the call. A request that is none, or none of these, comes back.
    #[expect(clippy::result_large_err, reason = "it is no error: the request goes on another way as it came")]
    pub(crate) fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<impl Future<Output = Response<CallBody>> + use<>, Request<Incoming>> {
        let Some(way) = self.ways.get(request.uri().path()).filter(|_| is_plain(&request)) else { return Err(request) };
        let (name, notes) = telemetry::named(&self.app, request.headers());
        // What cannot be named is refused in the router.
        let Ok(notes) = notes else { return Err(request) };
        let answering = way(request, Some(notes));
        Ok(async move {
            let mut response = answering.await;
            name.put_on(response.headers_mut());
            response
        })
    }
}

/// Whether it needs no translation: gRPC-web and gRPC over HTTP/1.1 do.
fn is_plain<B>(request: &Request<B>) -> bool {
    let kind = |headers: &HeaderMap| {
        let kind = headers.get(header::CONTENT_TYPE)?.as_bytes().strip_prefix(b"application/grpc")?;
        Some(kind.is_empty() || kind.starts_with(b"+") || kind.starts_with(b";"))
    };
    request.version() == Version::HTTP_2 && request.method() == Method::POST && kind(request.headers()) == Some(true)
}
