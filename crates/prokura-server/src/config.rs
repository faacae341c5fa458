use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use prokura_model::{TenantName, TypeName};
use serde::Deserialize;

use crate::{
    auth::Algorithm,
    callbacks::{self, Callback},
    limits::{CONNECTIONS_DEFAULT, LEEWAY_MAX, SHUTDOWN_GRACE_DEFAULT},
    webhooks::{self, Webhook},
};

/// How a server is set up. As TOML: the same names, `[[issuer]]` for each issuer, `[[webhook]]` for each
/// webhook, `[[callback]]` for each callback.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen: `HOST:PORT`; port 0 takes a free one.
    pub listen: String,
    /// How callers reach this server, if not as they say themselves in `Host`: `https://authz.example.com`.
    pub public_url: Option<String>,
    /// The certificate and its key. None: no TLS.
    pub tls: Option<TlsFiles>,
    /// Who may issue tokens.
    #[serde(rename = "issuer")]
    pub issuers: Vec<Issuer>,
    /// Who is told what becomes of requests for access and of approvals.
    #[serde(rename = "webhook")]
    pub webhooks: Vec<Webhook>,
    /// Which systems write attributes, by messages that they sign.
    #[serde(rename = "callback")]
    pub callbacks: Vec<Callback>,
    /// The folder in which it is kept how far each webhook is. None: it is forgotten when the server stops.
    pub webhook_folder: Option<PathBuf>,
    /// Connections served at once; further ones wait. Default: [`CONNECTIONS_DEFAULT`].
    pub connections: usize,
    /// How long requests in flight may take to finish when the server stops. Default: [`SHUTDOWN_GRACE_DEFAULT`].
    pub shutdown_grace_seconds: u64,
}

/// Where the certificate and its key are, both PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate, and after it those that lead to a root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Someone who issues tokens, and what a token of theirs means here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Must equal the claim `iss`, byte for byte.
    pub issuer: String,
    /// Must be in the claim `aud`.
    pub audience: String,
    /// Its public keys (JWKS): an `https` address, or a file. Plain `http` only on this machine.
    pub jwks: String,
    /// Signature algorithms that are accepted. None of them is symmetric, ever.
    #[serde(default = "default_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// Values of the header `typ` that are accepted, without `application/`, in any case.
    #[serde(default = "default_token_types")]
    pub token_types: Vec<String>,
    /// The type of the objects that its subjects are. None: the claim holds the type, too (`agent:coder`).
    pub subject_type: Option<String>,
    /// The claim that names the subject.
    #[serde(default = "default_subject_claim")]
    pub subject_claim: String,
    /// The claim that names the delegation the subject acts under.
    #[serde(default = "default_delegation_claim")]
    pub delegation_claim: String,
    /// How far its clock may be off.
    #[serde(default = "default_leeway_seconds")]
    pub leeway_seconds: u64,
    /// The tenants its tokens are good for.
    #[serde(default = "default_tenants")]
    pub tenants: Vec<String>,
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The text is not what a configuration looks like.
    #[error("the configuration cannot be read: {0}")]
    Syntax(String),
    /// A value that cannot be meant.
    #[error("{place}: {detail}")]
    Value {
        /// Where it stands.
        place: String,
        /// What is wrong, and what would be right.
        detail: String,
    },
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            public_url: None,
            tls: None,
            issuers: Vec::new(),
            webhooks: Vec::new(),
            callbacks: Vec::new(),
            webhook_folder: None,
            connections: CONNECTIONS_DEFAULT,
            shutdown_grace_seconds: SHUTDOWN_GRACE_DEFAULT.as_secs(),
        }
    }
}

impl Config {
    /// The configuration that this TOML text says. What it does not say has its default.
    ///
    /// # Errors
    /// The text is not TOML, has a member that does not exist, or a value that cannot be meant.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::Syntax(without_text(&error, text)))?;
        config.check()?;
        Ok(config)
    }

    pub(crate) fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_seconds)
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if let Some(url) = &self.public_url {
            check_public_url(url)?;
        }
        if self.connections == 0 {
            return Err(value("connections", "at least 1"));
        }
        let mut issuers = BTreeSet::new();
        for (position, issuer) in self.issuers.iter().enumerate() {
            issuer.check(&format!("issuer[{position}]"))?;
            if !issuers.insert(&issuer.issuer) {
                return Err(value(
                    &format!("issuer[{position}].issuer"),
                    &format!("`{}` is configured twice", issuer.issuer),
                ));
            }
        }
        callbacks::check(&self.callbacks)?;
        webhooks::check(&self.webhooks)
    }
}

impl ConfigError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "config_unreadable",
            Self::Value { .. } => "config_invalid",
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> prokura_model::Fault {
        prokura_model::Fault::Caller
    }
}

impl Issuer {
    fn check(&self, place: &str) -> Result<(), ConfigError> {
        let at = |member: &str| format!("{place}.{member}");
        for (member, text) in [
            ("issuer", &self.issuer),
            ("audience", &self.audience),
            ("jwks", &self.jwks),
            ("subject_claim", &self.subject_claim),
            ("delegation_claim", &self.delegation_claim),
        ] {
            if text.is_empty() {
                return Err(value(&at(member), "must not be empty"));
            }
        }
        if self.issuer.chars().any(char::is_control) {
            return Err(value(
                &at("issuer"),
                "must have no control characters: it is named with what its holders write",
            ));
        }
        // It would be sent, and be told in places where an address is.
        if reqwest::Url::parse(&self.jwks).is_ok_and(|url| !url.username().is_empty() || url.password().is_some()) {
            return Err(value(&at("jwks"), "an address without a user and password: an issuer's keys are public"));
        }
        if self.algorithms.is_empty() {
            return Err(value(&at("algorithms"), "must name at least one"));
        }
        if let Some(kind) = &self.subject_type {
            TypeName::new(kind).map_err(|error| value(&at("subject_type"), &error.to_string()))?;
        }
        for tenant in &self.tenants {
            TenantName::new(tenant).map_err(|error| value(&at("tenants"), &error.to_string()))?;
        }
        if self.leeway_seconds > LEEWAY_MAX.as_secs() {
            return Err(value(&at("leeway_seconds"), &format!("at most {}", LEEWAY_MAX.as_secs())));
        }
        Ok(())
    }
}

fn check_public_url(text: &str) -> Result<(), ConfigError> {
    let legal = reqwest::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if legal && !text.ends_with('/') {
        return Ok(());
    }
    Err(value("public_url", "an address such as `https://authz.example.com`: no query, no `/` at the end"))
}

/// What is wrong, and in which line; never the line, which may hold what is secret.
fn without_text(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    match before {
        Some(before) => format!("line {}: {}", before.matches('\n').count() + 1, error.message()),
        None => error.message().to_owned(),
    }
}

pub(crate) fn value(place: &str, detail: &str) -> ConfigError {
    ConfigError::Value { place: place.to_owned(), detail: detail.to_owned() }
}

fn default_algorithms() -> Vec<Algorithm> {
    vec![Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa]
}

fn default_token_types() -> Vec<String> {
    vec!["at+jwt".to_owned(), "JWT".to_owned()]
}

fn default_subject_claim() -> String {
    "sub".to_owned()
}

fn default_delegation_claim() -> String {
    "delegation".to_owned()
}

fn default_leeway_seconds() -> u64 {
    30
}

pub(crate) fn default_tenant() -> String {
    "default".to_owned()
}

pub(crate) fn default_tenants() -> Vec<String> {
    vec![default_tenant()]
}
