//! Whoever is told: keeps what comes, and answers as the test says.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// How it answers.
#[derive(Clone, Debug)]
pub(super) enum Answering {
    Status(u16),
    /// To this address.
    Redirect(String),
    /// Never.
    Not,
}

/// What came.
#[derive(Clone, Debug)]
pub(super) struct Came {
    pub(super) id: String,
    pub(super) event: Value,
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Debug)]
struct Inner {
    came: Mutex<Vec<Came>>,
    /// The next answers; after them, always the last word.
    next: Mutex<VecDeque<Answering>>,
    always: Mutex<Answering>,
    something: Notify,
}

pub(super) struct Receiver {
    pub(super) url: String,
    pub(super) address: SocketAddr,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Receiver {
    pub(super) async fn new() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap()).await
    }

    pub(super) async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            came: Mutex::default(),
            next: Mutex::default(),
            always: Mutex::new(Answering::Status(204)),
            something: Notify::new(),
        });
        let router = Router::new().fallback(take).with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url: format!("http://{address}/hooks/hidden-path?token=hidden-query"), address, inner, serving }
    }

    pub(super) fn answers(&self, next: impl IntoIterator<Item = Answering>) {
        self.inner.next.lock().unwrap().extend(next);
    }

    pub(super) fn always(&self, answering: Answering) {
        *self.inner.always.lock().unwrap() = answering;
    }

    pub(super) fn came(&self) -> Vec<Came> {
        self.inner.came.lock().unwrap().clone()
    }

    pub(super) fn types(&self) -> Vec<String> {
        self.came().iter().map(Came::kind).collect()
    }

    /// Waits until so many have come, which may be tries of the same.
    pub(super) async fn wait_for(&self, count: usize) -> Vec<Came> {
        let waited = tokio::time::timeout(Duration::from_secs(30), async {
            while self.came().len() < count {
                let _ = tokio::time::timeout(Duration::from_millis(50), self.inner.something.notified()).await;
            }
        });
        assert!(waited.await.is_ok(), "only {:?} of {count} came", self.types());
        self.came()
    }

    /// Waits for so many, and a while longer: no more come.
    pub(super) async fn exactly(&self, count: usize) -> Vec<Came> {
        self.wait_for(count).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let came = self.came();
        assert_eq!(came.len(), count, "{:?}", self.types());
        came
    }
}

impl Came {
    pub(super) fn kind(&self) -> String {
        self.event["type"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// Whether one of its signatures is that of this secret, by another implementation than the server's.
    pub(super) fn is_signed_with(&self, secret: &str) -> bool {
        let bytes = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &bytes);
        let mut signed = format!("{}.{}.", self.header("webhook-id"), self.header("webhook-timestamp")).into_bytes();
        signed.extend_from_slice(&self.body);
        let given = self.header("webhook-signature").split(' ');
        given
            .filter_map(|given| STANDARD.decode(given.strip_prefix("v1,")?).ok())
            .any(|tag| aws_lc_rs::hmac::verify(&key, &signed, &tag).is_ok())
    }
}

async fn take(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let event = serde_json::from_slice(&body).unwrap_or_default();
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    inner.came.lock().unwrap().push(Came { id, event, headers, body });
    inner.something.notify_one();
    let next = inner.next.lock().unwrap().pop_front();
    let answering = next.unwrap_or_else(|| inner.always.lock().unwrap().clone());
    match answering {
        Answering::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answering::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response(),
        Answering::Not => std::future::pending().await,
    }
}
