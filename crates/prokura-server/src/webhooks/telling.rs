//! Sending one event once.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::{
    StatusCode, Url,
    header::{CONTENT_TYPE, USER_AGENT},
};
use tokio::sync::Semaphore;

use super::{config::Webhook, secret::Secrets};
use crate::{limits::WEBHOOK_SENDING_MAX, outbound};

/// A webhook that can be told something.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) webhook: Webhook,
    /// Where it is, without what may be secret of that.
    pub(super) to: String,
    /// A place for each event that may be on its way, or be read for that.
    pub(super) sending: Semaphore,
    url: Url,
    client: reqwest::Client,
    secrets: Secrets,
}

/// An event was not taken.
#[derive(Debug)]
pub(super) struct Untold {
    /// Why; nothing of the event, its address or its answer.
    pub(super) error: String,
    /// Whether the answer was that nobody is there any more.
    pub(super) gone: bool,
}

impl Untold {
    pub(super) fn here(error: String) -> Self {
        Self { error, gone: false }
    }
}

impl Hook {
    pub(super) fn new(webhook: &Webhook) -> Result<Self, String> {
        let secrets = Secrets::read(webhook.secret_file.as_deref(), webhook.secret_env.as_deref())?;
        let url = Url::parse(&webhook.url).map_err(|error| error.to_string())?;
        let client = outbound::client(&url, Duration::from_secs(webhook.timeout_seconds))?;
        let (to, sending) = (url.origin().ascii_serialization(), Semaphore::new(WEBHOOK_SENDING_MAX));
        Ok(Self { webhook: webhook.clone(), to, sending, url, client, secrets })
    }

    /// Sends it once. Taken is what is answered with 2xx; only the status is looked at.
    pub(super) async fn send(&self, id: &str, body: String) -> Result<(), Untold> {
        let seconds = seconds_now();
        let request = self
            .client
            .post(self.url.clone())
            .header(USER_AGENT, concat!("prokura/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", self.secrets.signature(id, seconds, body.as_bytes()))
            .body(body);
        let status =
            request.send().await.map_err(|error| Untold::here(told(error, self.webhook.timeout_seconds)))?.status();
        if status.is_success() {
            return Ok(());
        }
        let error = if status.is_redirection() {
            format!("status {}: redirects are not followed", status.as_u16())
        } else {
            format!("status {}", status.as_u16())
        };
        Err(Untold { error, gone: status == StatusCode::GONE })
    }
}

/// By the machine's clock: whoever takes it compares it with theirs, and the authority's may be ahead.
fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// In words that do not repeat the address.
fn told(error: reqwest::Error, timeout_seconds: u64) -> String {
    if error.is_timeout() {
        return format!("no answer within {timeout_seconds} s");
    }
    let what = if error.is_connect() { "no connection" } else { "the connection broke" };
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    format!("{what}: {cause}")
}
