use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Time;

/// A tenant: a separate schema, graph, log order and decision record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tenant {
    /// Its name.
    pub name: String,
}

/// A tenant to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct NewTenant {
    /// Its name: 1 to 64 lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where the server's memory goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stats {
    /// What names and relationships take, those of all tenants together, in bytes.
    pub memory: u64,
    /// What they may take, in bytes; absent if there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_max: Option<u64>,
    /// What the whole server takes, in bytes; absent where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident: Option<u64>,
    /// Each tenant, by name.
    pub tenants: Vec<TenantStats>,
}

/// How much a tenant holds, and what that takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TenantStats {
    /// Its name.
    pub tenant: String,
    /// Objects ever named in a relationship.
    pub objects: u64,
    /// Relationships that exist.
    pub relationships: u64,
    /// Relationships that ended, and are kept for older revisions.
    pub ended: u64,
    /// Relationships with a caveat or an end.
    pub with_terms: u64,
    /// What names and relationships take, in bytes.
    pub memory: u64,
    /// Of these, what finds objects by name.
    pub names: u64,
    /// Of these, what holds nothing now and is used again.
    pub free: u64,
}

/// An API key, without the key itself, which is never kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Key {
    /// Its name. Not secret.
    pub id: String,
    /// What a person calls it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// For an enforcement point, the subjects it may speak for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub speaks_for: Vec<SpokenFor>,
    /// Where it may do it.
    pub scope: KeyScope,
    /// When it was made.
    pub created_at: Time,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Time>,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything within its scope.
    Admin,
    /// Ask for decisions about the subjects it may speak for.
    EnforcementPoint,
    /// Read everything within its scope; change and decide nothing.
    Auditor,
}

/// A subject an enforcement point may speak for: `{type, id}` is one, `{type, wildcard: true}` every one of a type,
/// `{wildcard: true}` any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object like {\"type\": \"agent\", \"wildcard\": true}")]
pub struct SpokenFor {
    /// Of this type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// With this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whatever its id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wildcard: bool,
}

/// Where a key may act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// In this tenant only.
    Tenant(String),
    /// In every tenant, and on tenants and keys themselves; the value is always `true`.
    AllTenants(bool),
}

/// A key to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct NewKey {
    /// What a person calls it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// For an enforcement point, the subjects it may speak for.
    #[serde(default)]
    pub speaks_for: Vec<SpokenFor>,
    /// Where it may do it.
    pub scope: KeyScope,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A key that was just made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewKeyResponse {
    /// The key's description.
    pub key: Key,
    /// The key itself. Shown this once; it is not kept.
    pub secret: String,
}

/// Without the secret.
impl std::fmt::Debug for NewKeyResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKeyResponse").field("key", &self.key).finish_non_exhaustive()
    }
}
