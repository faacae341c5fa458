//! What an operator sees of a call: a line and a number when it is over, by its method and code.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use axum::http::{HeaderMap, Response};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Code;

use super::called::Method;
use crate::telemetry::RequestNotes;

/// A call that is not over. When it goes, it is counted: whoever did not wait for the code has cancelled it.
pub(super) struct Call {
    method: Arc<Method>,
    notes: Option<Arc<RequestNotes>>,
    started: Instant,
    code: Option<Code>,
}

impl Call {
    pub(super) fn begun(method: &Arc<Method>, notes: Option<Arc<RequestNotes>>) -> Self {
        Self { method: Arc::clone(method), notes, started: Instant::now(), code: None }
    }

    pub(super) fn notes(&self) -> Option<&Arc<RequestNotes>> {
        self.notes.as_ref()
    }

    /// The answer, which is told of when its last byte is out and not before.
    pub(super) fn tell<B>(mut self, response: Response<B>) -> Response<Told<B>> {
        // A call that failed before it said anything has its code in the head.
        self.code = code(response.headers());
        let mut response = response.map(|body| Told { body, call: self });
        response.extensions_mut().insert(TellsItself);
        response
    }
}

/// Marks an answer that is counted here, so that nobody else does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TellsItself;

impl Drop for Call {
    fn drop(&mut self) {
        let code = self.code.unwrap_or(Code::Cancelled);
        let Method { app, called, .. } = &*self.method;
        app.telemetry().called(called, code, self.notes.as_deref(), self.started.elapsed());
    }
}

fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}

/// A body that looks for the code of the call in what comes after its last message.
pub(crate) struct Told<B> {
    body: B,
    call: Call,
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Told<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(found) = frame.trailers_ref().and_then(code) {
                    self.call.code = Some(found);
                }
            }
            Some(Err(_)) => self.call.code = Some(Code::Internal),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The name of a code as the protocol writes it.
pub(crate) fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
