//! Questions whose answer is a list: what, who, and what may be done.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{ObjectRef, Permissionship, Relationship, SubjectRef};

/// On which state a question is answered. Absent, it is the latest there is: no answer here is ever stale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// The latest.
    Latest,
    /// The latest, which must not be older than this `token` says.
    AtLeast(String),
    /// The one this `token` names, as long as it is kept.
    Exactly(String),
}

/// On which objects does the subject have the permission?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct ResourcesRequest {
    /// Among the objects of this type.
    pub resource_type: String,
    /// A permission, or a relation.
    pub permission: String,
    /// Who: an object or a userset.
    pub subject: SubjectRef,
    /// Values for the parameters of caveats.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// Most entries on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// On which state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
}

/// One page of objects or subjects that were looked up, in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// The entries. Who has no permission is never among them.
    pub items: Vec<FoundObject>,
    /// With subjects: what holds for every object of the type that is not among the entries. On the first page only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everyone: Option<Everyone>,
    /// Names the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// The state it was read from.
    pub revision: u64,
    /// The same as a token.
    pub token: String,
}

/// An object that was looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundObject {
    /// Its id.
    pub id: String,
    /// Whether it has the permission, or for resources whether the subject has it on it.
    pub permissionship: Permissionship,
    /// For a conditional answer, the parameters that have no value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// Every object of the type has it, but for some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Everyone {
    /// Whether they have it.
    pub permissionship: Permissionship,
    /// For a conditional answer, the parameters that have no value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Who is taken out, and what each has instead: nothing, or what depends on a condition.
    pub excluded: Vec<FoundObject>,
}

/// Who has the permission on the resource?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct SubjectsRequest {
    /// On what.
    pub resource: ObjectRef,
    /// A permission, or a relation.
    pub permission: String,
    /// Among the objects of this type.
    pub subject_type: String,
    /// Among their usersets of this relation, rather than the objects themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_relation: Option<String>,
    /// Values for the parameters of caveats.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// Most entries on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// On which state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
}

/// What may the subject do on the resource?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct PermissionsRequest {
    /// On what.
    pub resource: ObjectRef,
    /// Who: an object or a userset.
    pub subject: SubjectRef,
    /// Values for the parameters of caveats.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// On which state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
}

/// Every relation and permission of a resource, and whether a subject has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PermissionsResponse {
    /// By name, those the subject has not included.
    pub permissions: Vec<HeldPermission>,
    /// The state it was read from.
    pub revision: u64,
    /// The same as a token.
    pub token: String,
}

/// A relation or permission, and whether the subject has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldPermission {
    /// Its name.
    pub permission: String,
    /// Whether the subject has it.
    pub permissionship: Permissionship,
    /// For a conditional answer, the parameters that have no value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// How does the permission on the resource come about?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct ExpandRequest {
    /// On what.
    pub resource: ObjectRef,
    /// A permission, or a relation.
    pub permission: String,
    /// Values for the parameters of caveats.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// On which state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
}

/// How a permission comes about: usersets are named, and not followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExpandResponse {
    /// The tree.
    pub tree: ExpansionNode,
    /// The state it was read from.
    pub revision: u64,
    /// The same as a token.
    pub token: String,
}

/// One relation or permission of an object, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExpansionNode {
    /// Of which object.
    pub object: ObjectRef,
    /// Which relation or permission.
    pub relation: String,
    /// How the children are combined; absent at a leaf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// What is combined; of an exclusion, what is taken away comes after what it is taken from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub children: Vec<Self>,
    /// At a leaf, the edges that give it, each with its terms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relationships: Vec<Relationship>,
}

/// How sets of subjects are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// In one of them.
    Union,
    /// In all of them.
    Intersection,
    /// In the first, and in none of the others.
    Exclusion,
}
