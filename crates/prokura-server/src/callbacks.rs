//! Callbacks: another system, a ticket system say, writes attributes of objects of one type, and signs what it sends. See
//! `docs/decisions/0054-callbacks.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use axum::http::HeaderMap;
use prokura_model::{TenantName, Timestamp, TypeName};
use serde::Deserialize;

use crate::{
    config::{ConfigError, default_tenant, value},
    error::Refusal,
    limits::{CALLBACK_AGE_MAX, CALLBACKS_MAX, REQUEST_NAME_BYTES_MAX, WEBHOOK_NAME_BYTES_MAX},
    webhooks::Secrets,
};

/// A system that may write attributes of the objects of one type, by messages that it signs. As TOML: `[[callback]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Callback {
    /// Its name, which no other has: lower-case letters, digits, `-` and `_`. It is a part of the address.
    pub name: String,
    /// The tenant that it writes to.
    #[serde(default = "default_tenant")]
    pub tenant: String,
    /// The type of the objects whose attributes it writes.
    #[serde(rename = "type")]
    pub kind: String,
    /// The file that holds what messages are signed with: `whsec_` and base64, one a line. Any of them will do.
    pub secret_file: Option<PathBuf>,
    /// The environment variable that holds the same, instead of a file.
    pub secret_env: Option<String>,
}

/// What is wrong with these, if anything.
pub(crate) fn check(callbacks: &[Callback]) -> Result<(), ConfigError> {
    if callbacks.len() > CALLBACKS_MAX {
        return Err(value("callback", &format!("at most {CALLBACKS_MAX} callbacks, not {}", callbacks.len())));
    }
    let mut names = BTreeSet::new();
    for (position, callback) in callbacks.iter().enumerate() {
        let place = format!("callback[{position}]");
        callback.check(&place)?;
        if !names.insert(&callback.name) {
            return Err(value(&format!("{place}.name"), &format!("`{}` is configured twice", callback.name)));
        }
    }
    Ok(())
}

impl Callback {
    fn check(&self, place: &str) -> Result<(), ConfigError> {
        let at = |member: &str| format!("{place}.{member}");
        let legal = |letter: u8| matches!(letter, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if !(1..=WEBHOOK_NAME_BYTES_MAX).contains(&self.name.len()) || !self.name.bytes().all(legal) {
            let rule = format!("1 to {WEBHOOK_NAME_BYTES_MAX} lower-case letters, digits, `-` and `_`");
            return Err(value(&at("name"), &rule));
        }
        TenantName::new(&self.tenant).map_err(|error| value(&at("tenant"), &error.to_string()))?;
        TypeName::new(&self.kind).map_err(|error| value(&at("type"), &error.to_string()))?;
        if self.secret_file.is_some() == self.secret_env.is_some() {
            return Err(value(place, "names its secret with one of `secret_file` and `secret_env`"));
        }
        Ok(())
    }
}

/// The callbacks of a server, by name.
#[derive(Debug)]
pub(crate) struct Callbacks(BTreeMap<String, Arc<Known>>);

/// Somebody who may write attributes.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) tenant: TenantName,
    pub(crate) kind: TypeName,
    secrets: Secrets,
}

/// A message whose signature is good.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) by: Arc<Known>,
    /// Its name, which is the same when it is sent again.
    pub(crate) id: String,
}

impl Callbacks {
    /// Those that are configured, with their secrets.
    pub(crate) fn open(callbacks: &[Callback]) -> Result<Self, String> {
        let mut known = BTreeMap::new();
        for Callback { name, tenant, kind, secret_file, secret_env } in callbacks {
            let told = |fault: String| format!("callback `{name}`: {fault}");
            let secrets = Secrets::read(secret_file.as_deref(), secret_env.as_deref()).map_err(told)?;
            let tenant = TenantName::new(tenant).map_err(|error| told(error.to_string()))?;
            let kind = TypeName::new(kind).map_err(|error| told(error.to_string()))?;
            known.insert(name.clone(), Arc::new(Known { tenant, kind, secrets }));
        }
        Ok(Self(known))
    }

    /// Who signed this, for the callback of this name.
    ///
    /// # Errors
    /// Nobody did, or not lately. An unknown name is told from nothing else.
    pub(crate) fn verify(
        &self,
        name: &str,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Signed, Refusal> {
        let id = one(headers, "webhook-id").filter(|id| (1..=REQUEST_NAME_BYTES_MAX).contains(&id.len()));
        let at = one(headers, "webhook-timestamp").and_then(|text| text.parse::<u64>().ok());
        let signature = one(headers, "webhook-signature");
        let (Some(id), Some(at), Some(signature)) = (id, at, signature) else {
            let message = "send `webhook-id`, `webhook-timestamp` and `webhook-signature`, each once, by the scheme of Standard Webhooks";
            return Err(Refusal::unauthenticated("signature_missing", message));
        };
        let good = |known: &&Arc<Known>| known.secrets.verify(id, at, body, signature);
        let by = self.0.get(name).filter(good).ok_or_else(|| {
            let message = "no callback of this name is configured, or the signature is not by one of its secrets";
            Refusal::unauthenticated("signature_invalid", message)
        })?;
        // Only who knows the secret is told how the clocks stand.
        if at.abs_diff(now.0 / 1_000) > CALLBACK_AGE_MAX.as_secs() {
            let message = format!(
                "it was signed at {at}, and it is {}: at most {} s may lie between",
                now.0 / 1_000,
                CALLBACK_AGE_MAX.as_secs()
            );
            return Err(Refusal::unauthenticated("signature_expired", message));
        }
        Ok(Signed { by: Arc::clone(by), id: id.to_owned() })
    }
}

fn one<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    value.to_str().ok()
}
