use std::fmt;

use minicbor::{Decode, Encode};

use crate::{ObjectRef, TenantName, Timestamp, TypeName, authority::record_id, limits::RECORD_ID_BYTES_MAX};

record_id!(
    /// Names an API key. Not secret: it is how a key appears in the log and in decision records.
    KeyId
);

/// An API key as it is stored: what it may do, and the digest by which it is recognised. The key itself is never kept.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Key {
    /// Its name.
    #[n(0)]
    pub id: KeyId,
    /// What a person calls it.
    #[n(1)]
    pub name: String,
    /// SHA-256 of the whole key. A key has 256 random bits, so it needs no salt and no slow hash; a preset key is as
    /// strong as whoever chose it made it.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub digest: [u8; 32],
    /// What it may do.
    #[n(3)]
    pub role: KeyRole,
    /// Where it may do it.
    #[n(4)]
    pub scope: KeyScope,
    /// When it was made.
    #[n(5)]
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    #[n(6)]
    pub revoked_at: Option<Timestamp>,
}

/// The digest is left out: a log line with it would let anyone test guesses of a weak preset key.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("role", &self.role)
            .field("scope", &self.scope)
            .field("created_at", &self.created_at)
            .field("revoked_at", &self.revoked_at)
            .finish_non_exhaustive()
    }
}

/// What a key may do.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum KeyRole {
    /// Everything within its scope.
    #[n(0)]
    Admin,
    /// Ask for decisions about the subjects it may speak for.
    #[n(1)]
    EnforcementPoint(#[n(0)] Vec<SpokenFor>),
    /// Read everything within its scope, secrets excepted; change and decide nothing.
    #[n(2)]
    Auditor,
}

impl KeyRole {
    /// The word for it in the protocol and the CLI.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::EnforcementPoint(_) => "enforcement_point",
            Self::Auditor => "auditor",
        }
    }
}

/// A subject an enforcement point may speak for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum SpokenFor {
    /// Every object of the type, written `type:*`.
    #[n(0)]
    Type(#[n(0)] TypeName),
    /// This object.
    #[n(1)]
    Object(#[n(0)] ObjectRef),
    /// Any subject, written `*`.
    #[n(2)]
    Any,
}

impl SpokenFor {
    /// Whether this subject is meant.
    #[must_use]
    pub fn covers(&self, subject: &ObjectRef) -> bool {
        match self {
            Self::Type(kind) => *kind == subject.kind,
            Self::Object(object) => object == subject,
            Self::Any => true,
        }
    }
}

impl fmt::Display for SpokenFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(kind) => write!(f, "{kind}:*"),
            Self::Object(object) => object.fmt(f),
            Self::Any => f.write_str("*"),
        }
    }
}

/// Where a key may act.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum KeyScope {
    /// In every tenant, and on tenants and keys themselves.
    #[n(0)]
    AllTenants,
    /// In this tenant only.
    #[n(1)]
    Tenant(#[n(0)] TenantName),
}

/// 256 random bits that a store keeps to itself, and by which it knows the revision tokens that it gave out.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct StoreSecret(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 32],
);

/// What must not end up in a log line.
impl fmt::Debug for StoreSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// How whoever asks was known: what guards read as `credential`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Credential {
    /// By what: `api_key`, `oidc`.
    #[n(0)]
    pub method: String,
    /// When it was made out, if that is known.
    #[n(1)]
    pub authenticated_at: Option<Timestamp>,
}
