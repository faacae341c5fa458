//! What the configuration says about webhooks.

use std::{collections::BTreeSet, path::PathBuf};

use prokura_model::TenantName;
use reqwest::Url;
use serde::Deserialize;

use super::event::EventKind;
use crate::{
    config::{ConfigError, default_tenants, value},
    limits::{WEBHOOK_NAME_BYTES_MAX, WEBHOOK_WAIT_DEFAULT, WEBHOOK_WAIT_MAX, WEBHOOKS_MAX},
    outbound,
};

/// Stands for every tenant, or for every event.
pub(super) const EVERY: &str = "*";

/// Somebody who is told what becomes of requests for access and of approvals. As TOML: `[[webhook]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Its name, which no other has: lower-case letters, digits, `-` and `_`. Where it is in each log is kept under this name.
    pub name: String,
    /// Where events are sent: `https`, or plain `http` on this machine.
    pub url: String,
    /// The file that holds what events are signed with: `whsec_` and base64, one a line. All of them sign.
    pub secret_file: Option<PathBuf>,
    /// The environment variable that holds the same, instead of a file.
    pub secret_env: Option<String>,
    /// The tenants whose events are sent; `*` for all there are and will be.
    #[serde(default = "default_tenants")]
    pub tenants: Vec<String>,
    /// Which events are sent: by name, by group (`approval.*`), or all (`*`).
    #[serde(default = "every")]
    pub events: Vec<String>,
    /// Whether an event says all about what it is about. Otherwise only its id and state.
    #[serde(default = "yes")]
    pub details: bool,
    /// Longest an answer may take.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u64,
}

/// What is wrong with these, if anything.
pub(crate) fn check(webhooks: &[Webhook]) -> Result<(), ConfigError> {
    if webhooks.len() > WEBHOOKS_MAX {
        return Err(value("webhook", &format!("at most {WEBHOOKS_MAX} webhooks, not {}", webhooks.len())));
    }
    let mut names = BTreeSet::new();
    for (position, webhook) in webhooks.iter().enumerate() {
        let place = format!("webhook[{position}]");
        webhook.check(&place)?;
        if !names.insert(&webhook.name) {
            return Err(value(&format!("{place}.name"), &format!("`{}` is configured twice", webhook.name)));
        }
    }
    Ok(())
}

impl Webhook {
    fn check(&self, place: &str) -> Result<(), ConfigError> {
        let at = |member: &str| format!("{place}.{member}");
        let legal = |letter: u8| matches!(letter, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if !(1..=WEBHOOK_NAME_BYTES_MAX).contains(&self.name.len()) || !self.name.bytes().all(legal) {
            let rule = format!("1 to {WEBHOOK_NAME_BYTES_MAX} lower-case letters, digits, `-` and `_`");
            return Err(value(&at("name"), &rule));
        }
        // The address is not repeated: who may send to it may be what it says.
        let url = Url::parse(&self.url).map_err(|error| value(&at("url"), &error.to_string()))?;
        if let Some(fault) = outbound::fault(&url) {
            return Err(value(&at("url"), fault));
        }
        if self.secret_file.is_some() == self.secret_env.is_some() {
            return Err(value(place, "names its secret with one of `secret_file` and `secret_env`"));
        }
        if self.tenants.is_empty() {
            return Err(value(&at("tenants"), "must name at least one, or `*`"));
        }
        for tenant in self.tenants.iter().filter(|tenant| *tenant != EVERY) {
            TenantName::new(tenant).map_err(|error| value(&at("tenants"), &error.to_string()))?;
        }
        if self.events.is_empty() {
            return Err(value(&at("events"), "must name at least one, or `*`"));
        }
        for named in &self.events {
            if !EventKind::ALL.iter().any(|kind| names(named, *kind)) {
                return Err(value(&at("events"), &unknown_event(named)));
            }
        }
        if !(1..=WEBHOOK_WAIT_MAX.as_secs()).contains(&self.timeout_seconds) {
            return Err(value(&at("timeout_seconds"), &format!("1 to {}", WEBHOOK_WAIT_MAX.as_secs())));
        }
        Ok(())
    }

    pub(super) fn means(&self, tenant: &TenantName) -> bool {
        self.tenants.iter().any(|named| named == EVERY || named == tenant.as_str())
    }

    pub(super) fn wants(&self, kind: EventKind) -> bool {
        self.events.iter().any(|named| names(named, kind))
    }
}

/// Whether what the configuration names is this kind of event, or the group it belongs to.
fn names(named: &str, kind: EventKind) -> bool {
    let word = kind.word();
    let group = || named.strip_suffix(EVERY).filter(|group| group.ends_with('.'));
    named == EVERY || named == word || group().is_some_and(|group| word.starts_with(group))
}

fn unknown_event(named: &str) -> String {
    let known: Vec<String> = EventKind::ALL.iter().map(|kind| format!("`{}`", kind.word())).collect();
    format!("`{}` is no event: there are {}", named.escape_debug(), known.join(", "))
}

fn every() -> Vec<String> {
    vec![EVERY.to_owned()]
}

fn yes() -> bool {
    true
}

fn default_timeout_seconds() -> u64 {
    WEBHOOK_WAIT_DEFAULT.as_secs()
}
