//! What every call gets before and after its service, whichever way it came: who is calling is found out before anything
//! else of it is read, it has to arrive in time, and it is told of when it is over.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::http::{Request, Response};
use bytes::Bytes;
use http_body::Body as HttpBody;
use tonic::body::Body;

use super::{
    arrival::{Arrival, Arriving},
    refused::of_refusal,
    told::{Call, Told},
};
use crate::{
    app::App,
    telemetry::{CalledMethod, RequestNotes},
};

/// A method of a service, with all that surrounds it.
#[derive(Clone)]
pub(super) struct Called<S> {
    service: S,
    method: Arc<Method>,
}

/// What is known of a method before it is called.
pub(super) struct Method {
    pub(super) app: Arc<App>,
    pub(super) called: CalledMethod,
    /// Whether it is for anybody, or only for callers who say who they are.
    pub(super) open: bool,
}

/// A service of this library's kind, whatever its requests' bodies are read from.
pub(super) trait Serves<B>:
    tower_service::Service<Request<Arriving<B>>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static
{
}

impl<B, S> Serves<B> for S where
    S: tower_service::Service<Request<Arriving<B>>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// What is answered, as soon as it is known.
pub(super) type Answering = Pin<Box<dyn Future<Output = Response<Told<Body>>> + Send>>;

impl<S> Called<S> {
    pub(super) fn new(service: S, method: Method) -> Self {
        Self { service, method: Arc::new(method) }
    }

    /// Has the service answer. `notes` are those of the request, which has a name by now.
    pub(super) fn answer<B>(&self, mut request: Request<B>, notes: Option<Arc<RequestNotes>>) -> Answering
    where
        S: Serves<B>,
        B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
    {
        let Self { mut service, method } = self.clone();
        let call = Call::begun(&method, notes);
        Box::pin(async move {
            if !method.open {
                match Arrival::new(&method.app, request.headers(), call.notes()).await {
                    Ok(arrival) => drop(request.extensions_mut().insert(arrival)),
                    Err(refusal) => return call.tell(of_refusal(&refusal).into_http()),
                }
            }
            let streams = method.streams();
            let Ok(response) = service.call(request.map(|body| Arriving::new(body, streams))).await;
            call.tell(response)
        })
    }
}

impl Method {
    /// Whether it takes many messages. They may take as long as they take, if only they go on.
    fn streams(&self) -> bool {
        ["Import", "Reflection"].iter().any(|part| self.called.path().contains(part))
    }
}

impl<S, B> tower_service::Service<Request<B>> for Called<S>
where
    S: Serves<B>,
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
{
    type Response = Response<Told<Body>>;
    type Error = Infallible;
    type Future = Infallibly;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Infallibly {
        let notes = request.extensions().get::<Arc<RequestNotes>>().cloned();
        Infallibly(self.answer(request, notes))
    }
}

/// The same for whoever reckons with failures.
pub(super) struct Infallibly(Answering);

impl Future for Infallibly {
    type Output = Result<Response<Told<Body>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}
