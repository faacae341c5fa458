//! Who is calling, and about which tenant: found out before anything else of a call is read.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use prokura_model::{KeyScope, TenantName};
use tokio::time::{Instant, Sleep};
use tonic::Status;

use super::refused::of_refusal;
use crate::{
    app::App,
    auth::{Caller, tenant_named},
    error::Refusal,
    limits::BODY_WAIT_MAX,
    request::Visit,
};

/// The tenant that a call is about, when it is not said otherwise.
const DEFAULT_TENANT: &str = "default";

/// A call whose caller is known.
#[derive(Clone)]
pub(super) struct Arrival {
    pub(super) visit: Arc<Visit>,
    tenant: Arc<str>,
    /// As it was presented, for calls that go on.
    credential: Arc<str>,
}

impl Arrival {
    /// The arrival that the layer left with a call.
    pub(super) fn of<T>(request: &tonic::Request<T>) -> Result<Self, Status> {
        let arrival = request.extensions().get::<Self>();
        arrival.cloned().ok_or_else(|| Status::internal("the call came past the door"))
    }

    /// The tenant, for asking about it in any way.
    pub(super) fn enters(&self) -> Result<TenantName, Status> {
        self.asks().or_else(|_| self.reads())
    }

    /// Whether the caller might come in now as it did: its key may be revoked, its token over.
    pub(super) async fn is_still_good(&self, app: &App) -> bool {
        match app.authenticator().authenticate(&self.credential).await {
            Ok(caller) => caller.may_read(&self.tenant).is_ok(),
            Err(_) => false,
        }
    }

    /// The tenant, for reading anything in it.
    pub(super) fn reads(&self) -> Result<TenantName, Status> {
        self.visit.reads(&self.tenant).map_err(|refusal| of_refusal(&refusal))
    }

    /// The tenant, for changing anything in it.
    pub(super) fn writes(&self) -> Result<TenantName, Status> {
        self.visit.writes(&self.tenant).map_err(|refusal| of_refusal(&refusal))
    }

    /// The tenant, for asking for decisions.
    pub(super) fn asks(&self) -> Result<TenantName, Status> {
        self.visit.asks(&self.tenant).map_err(|refusal| of_refusal(&refusal))
    }
}

/// The layer before the services.
pub(super) async fn arrive(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let arrival = match Visit::from_request_parts(&mut parts, &app).await {
        Ok(visit) => tenant(&parts.headers, &visit.caller).map(|tenant| {
            let credential = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            Arrival { visit: Arc::new(visit), tenant, credential: credential.unwrap_or_default().into() }
        }),
        Err(refusal) => Err(refusal),
    };
    match arrival {
        Ok(arrival) => {
            parts.extensions.insert(arrival);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(refusal) => of_refusal(&refusal).into_http(),
    }
}

/// The layer that has requests arrive in time. What is sent as a stream may take as long as it takes, if only it goes on;
/// every other request is one message.
pub(super) async fn in_time(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let streams = path.contains("Import") || path.contains("Reflection");
    next.run(request.map(|body| Body::new(Arriving::new(body, streams)))).await
}

/// The tenant: as the call says, or the only one that the key is for, or the default one.
fn tenant(headers: &HeaderMap, caller: &Caller) -> Result<Arc<str>, Refusal> {
    let mut named = headers.get_all("prokura-tenant").iter();
    match (named.next(), named.next()) {
        (Some(_), Some(_)) => Err(Refusal::invalid("tenant_ambiguous", "`prokura-tenant` is there twice")),
        (Some(named), None) => match named.to_str() {
            Ok(named) => tenant_named(named).map(|tenant| tenant.as_str().into()),
            Err(_) => Err(Refusal::invalid("tenant_name_invalid", "`prokura-tenant` is not printable ASCII")),
        },
        (None, _) => match caller {
            Caller::Key(key) => match &key.scope {
                KeyScope::Tenant(tenant) => Ok(tenant.as_str().into()),
                KeyScope::AllTenants => Ok(DEFAULT_TENANT.into()),
            },
            Caller::Token(_) => Ok(DEFAULT_TENANT.into()),
        },
    }
}

/// A body that has to come in time: all of it, or each further part of it.
struct Arriving {
    body: Body,
    due: Instant,
    /// Waits until then; only if there is anything to wait for, which mostly there is not.
    late: Option<Pin<Box<Sleep>>>,
    streams: bool,
}

impl Arriving {
    fn new(body: Body, streams: bool) -> Self {
        Self { body, due: Instant::now() + BODY_WAIT_MAX, late: None, streams }
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            if self.streams {
                self.due = Instant::now() + BODY_WAIT_MAX;
                self.late = None;
            }
            return Poll::Ready(
                frame.map(|frame| frame.map_err(|_| Status::cancelled("the request ended before its end"))),
            );
        }
        let due = self.due;
        match self.late.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due))).as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(late()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

fn late() -> Status {
    Status::deadline_exceeded(format!("the request did not arrive within {} s", BODY_WAIT_MAX.as_secs()))
}
