//! Who is calling, and about which tenant: found out before anything else of a call is read.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::http::{HeaderMap, HeaderValue, header};
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
    telemetry::RequestNotes,
};

/// The tenant that a call is about, when it is not said otherwise.
const DEFAULT_TENANT: &str = "default";

/// A call whose caller is known.
#[derive(Clone)]
pub(super) struct Arrival(Arc<Come>);

/// Who has come, and where to.
struct Come {
    visit: Visit,
    tenant: TenantName,
    /// As it was presented, for calls that go on.
    credential: Option<HeaderValue>,
}

impl Arrival {
    /// Finds out who is calling.
    pub(super) async fn new(
        app: &App,
        headers: &HeaderMap,
        notes: Option<&Arc<RequestNotes>>,
    ) -> Result<Self, Refusal> {
        let visit = Visit::of(app, headers, notes).await?;
        let tenant = tenant(headers, &visit.caller)?;
        let credential = headers.get(header::AUTHORIZATION).cloned();
        Ok(Self(Arc::new(Come { visit, tenant, credential })))
    }

    pub(super) fn visit(&self) -> &Visit {
        &self.0.visit
    }

    /// The arrival that was left with a call.
    pub(super) fn of<T>(request: &tonic::Request<T>) -> Result<Self, Status> {
        let arrival = request.extensions().get::<Self>();
        arrival.cloned().ok_or_else(|| Status::internal("the call came past the door"))
    }

    /// Whether the caller may have decisions made; who may not can still be one who reads.
    pub(super) fn is_for_decisions(&self) -> bool {
        self.0.visit.caller.asks_in(self.0.tenant.as_str())
    }

    /// The tenant, for asking about it in any way.
    pub(super) fn enters(&self) -> Result<TenantName, Status> {
        if self.is_for_decisions() { self.asks() } else { self.reads() }
    }

    /// Whether the caller might come in now as it did: its key may be revoked, its token over.
    pub(super) async fn is_still_good(&self, app: &App) -> bool {
        let Some(credential) = self.0.credential.as_ref().and_then(|value| value.to_str().ok()) else { return false };
        match app.authenticator().authenticate(credential).await {
            Ok(caller) => caller.may_read(self.0.tenant.as_str()).is_ok(),
            Err(_) => false,
        }
    }

    /// The tenant, for reading anything in it.
    pub(super) fn reads(&self) -> Result<TenantName, Status> {
        self.0.visit.reads(self.0.tenant.as_str()).map_err(|refusal| of_refusal(&refusal))
    }

    /// The tenant, for changing anything in it.
    pub(super) fn writes(&self) -> Result<TenantName, Status> {
        self.0.visit.writes(self.0.tenant.as_str()).map_err(|refusal| of_refusal(&refusal))
    }

    /// The tenant, for asking for decisions.
    pub(super) fn asks(&self) -> Result<TenantName, Status> {
        self.0.visit.asks(self.0.tenant.as_str()).map_err(|refusal| of_refusal(&refusal))
    }
}

/// The tenant: as the call says, or the only one that the key is for, or the default one.
fn tenant(headers: &HeaderMap, caller: &Caller) -> Result<TenantName, Refusal> {
    let mut named = headers.get_all("prokura-tenant").iter();
    match (named.next(), named.next()) {
        (Some(_), Some(_)) => Err(Refusal::invalid("tenant_ambiguous", "`prokura-tenant` is there twice")),
        (Some(named), None) => match named.to_str() {
            Ok(named) => tenant_named(named),
            Err(_) => Err(Refusal::invalid("tenant_name_invalid", "`prokura-tenant` is not printable ASCII")),
        },
        (None, _) => match caller {
            Caller::Key(key) => match &key.scope {
                KeyScope::Tenant(tenant) => Ok(tenant.clone()),
                KeyScope::AllTenants => tenant_named(DEFAULT_TENANT),
            },
            Caller::Token(_) => tenant_named(DEFAULT_TENANT),
        },
    }
}

/// A body that has to come in time: all of it, or each further part of it.
pub(super) struct Arriving<B> {
    body: B,
    due: Instant,
    /// Waits until then; only if there is anything to wait for, which mostly there is not.
    late: Option<Pin<Box<Sleep>>>,
    streams: bool,
}

impl<B> Arriving<B> {
    pub(super) fn new(body: B, streams: bool) -> Self {
        Self { body, due: Instant::now() + BODY_WAIT_MAX, late: None, streams }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Arriving<B> {
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
