//! What an operator sees of a call: a line and a number when it is over, by its method and code.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Code;

use crate::{app::App, telemetry::RequestNotes};

/// Marks an answer that is counted here, when its last byte is out and not before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told;

/// The layer next to the services: what it sees is gRPC, however the caller speaks it.
pub(super) async fn tell(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut call = Call {
        method: request.extensions().get::<MatchedPath>().cloned(),
        notes: request.extensions().get::<Arc<RequestNotes>>().cloned(),
        started: Instant::now(),
        app,
        code: None,
    };
    let mut response = next.run(request).await;
    response.extensions_mut().insert(Told);
    // A call that failed before it said anything has its code in the head.
    call.code = code(response.headers());
    response.map(|body| Body::new(Counted { body, call }))
}

/// A call that is not over. When it goes, it is counted: whoever did not wait for the code has cancelled it.
struct Call {
    method: Option<MatchedPath>,
    notes: Option<Arc<RequestNotes>>,
    started: Instant,
    app: Arc<App>,
    code: Option<Code>,
}

impl Drop for Call {
    fn drop(&mut self) {
        let code = self.code.unwrap_or(Code::Cancelled);
        let method = self.method.as_ref().map_or("none", MatchedPath::as_str);
        self.app.telemetry().called(method, code, self.notes.as_deref(), self.started.elapsed());
    }
}

fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}

/// A body that looks for the code of the call in what comes after its last message.
struct Counted {
    body: Body,
    call: Call,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
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
