use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{AccessRequest, Approval, Delegation, Endorsement, ObjectRef, Principal, Relationship, Task};

/// Whom to off-board, and who takes over what it owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct OffBoardRequest {
    /// Who.
    pub object: ObjectRef,
    /// New owners of what it owns, each by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<Transfer>,
    /// The new owner of everything else it owns. Without one, that is stopped until somebody owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest_to: Option<ObjectRef>,
    /// The `digest` of a preview: then exactly what was previewed is done, or nothing. A preview does not look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Something owned, and who owns it from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `object` and `owner`")]
pub struct Transfer {
    /// What is handed over.
    pub object: ObjectRef,
    /// To whom.
    pub owner: ObjectRef,
}

/// What an off-boarding ends, or would end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OffBoarding {
    /// Who: as it was found in a preview, or as it is once that is done.
    pub principal: Principal,
    /// Whether it was registered before. One that never was is not active or anything else; off-boarding registers it.
    pub registered: bool,
    /// The state it was found in.
    pub revision: u64,
    /// Stands for everything that is done: another one when anything of it would be different.
    pub digest: String,
    /// How many changes the transaction takes.
    pub changes: usize,
    /// The tasks that are cancelled.
    pub tasks: Sampled<Task>,
    /// The delegations that are revoked.
    pub delegations: Sampled<Delegation>,
    /// The endorsements that are revoked.
    pub endorsements: Sampled<Endorsement>,
    /// The relationships that are removed.
    pub relationships: Sampled<Relationship>,
    /// The requests for access under what ends: taken back, or what they were granted ended.
    pub requests: Sampled<AccessRequest>,
    /// The approvals of actions under what ends: taken back.
    pub approvals: Sampled<Approval>,
    /// What it owns: handed over, or stopped.
    pub owned: Sampled<Owned>,
    /// How much of that nobody takes over.
    pub left: usize,
    /// The revision that did it; absent in a preview, and when nothing was left to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_in: Option<u64>,
}

/// How many there are, and the first of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sampled<T> {
    /// How many.
    pub count: usize,
    /// The first 100.
    pub sample: Vec<T>,
}

/// A principal that it owns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Owned {
    /// As it was found.
    pub principal: Principal,
    /// Who owns it afterwards; absent if it is stopped until somebody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_owner: Option<ObjectRef>,
    /// How many delegations alive it made or received.
    pub delegations: usize,
}
