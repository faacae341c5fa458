//! Answers that go on: lines of JSON, sent as they come about.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use hyper::body::Frame;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::{error::Refusal, limits::BODY_WAIT_MAX};

/// The type of a body with a JSON value on each line.
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// Parts that are ready before the caller has taken them. Whoever makes them waits then.
const PARTS_WAITING: usize = 4;

/// About how many bytes go out together, where there is much.
const PART_BYTES: usize = 65_536;

/// The sending half of an answer that goes on.
#[derive(Debug)]
pub(crate) struct Lines {
    parts: mpsc::Sender<Result<Bytes, Broken>>,
    gathered: Vec<u8>,
}

/// Why an answer ends before its end: the caller sees the connection break, and takes nothing for the whole.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(String);

/// The caller has gone, or takes nothing any more.
#[derive(Debug)]
pub(crate) struct Gone;

struct Parts(mpsc::Receiver<Result<Bytes, Broken>>);

impl hyper::body::Body for Parts {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.0.poll_recv(context).map(|part| part.map(|part| part.map(Frame::data)))
    }
}

/// An answer that goes on, and where its lines are put.
pub(crate) fn lines() -> (Lines, Response) {
    let (sender, receiver) = mpsc::channel(PARTS_WAITING);
    let mut response = Body::new(Parts(receiver)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    // What comes is to be seen when it comes, also behind a proxy that would gather it.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (Lines { parts: sender, gathered: Vec::new() }, response)
}

impl Lines {
    /// Adds a line. It goes out when there are enough, or with [`flush`](Self::flush).
    pub(crate) fn add(&mut self, line: &impl Serialize) -> Result<(), Refusal> {
        serde_json::to_writer(&mut self.gathered, line)
            .map_err(|error| Refusal::server("internal", format!("a line cannot be written as JSON: {error}")))?;
        self.gathered.push(b'\n');
        Ok(())
    }

    /// Whether enough was added to be sent.
    pub(crate) fn is_full(&self) -> bool {
        self.gathered.len() >= PART_BYTES
    }

    /// Sends what was added. Waits while the caller is slower, but not for ever.
    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let part = Bytes::from(std::mem::take(&mut self.gathered));
        match tokio::time::timeout(BODY_WAIT_MAX, self.parts.send(Ok(part))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    /// Resolves when the caller has gone.
    pub(crate) async fn gone(&self) {
        self.parts.closed().await;
    }

    /// Ends the answer before its end.
    pub(crate) async fn break_off(self, why: &Refusal) {
        let parts = why.parts();
        // Whoever has gone already need not be told.
        let _ = self.parts.send(Err(Broken(format!("{}: {}", parts.code, parts.message)))).await;
    }
}
