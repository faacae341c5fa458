use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::{AccessRequest, Approval, Delegation, Endorsement, Key, Principal, Task, TaskState, Time};

/// A node of the graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object like {\"type\": \"agent\", \"id\": \"coder\"}")]
pub struct ObjectRef {
    /// The definition it is of.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which one: any text without control characters, compared byte for byte.
    pub id: String,
}

/// What may stand at the subject end of a relationship: an object, a userset (`relation`), or every object of a type
/// (`wildcard`, without `id`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a subject like {\"type\": \"user\", \"id\": \"alice\"}")]
pub struct SubjectRef {
    /// The definition it is of.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which object; absent for a wildcard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Everyone in this relation to the object, rather than the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// Every object of the type.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wildcard: bool,
}

/// An edge: the subject stands in the relation to the resource, perhaps only on terms. The terms are no part of what it
/// is: writing it again with other terms replaces them, and where it is deleted or asked for they say nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a relationship: an object with `resource`, `relation` and `subject`")]
pub struct Relationship {
    /// The object something is said about.
    pub resource: ObjectRef,
    /// A relation of its definition.
    pub relation: String,
    /// Who or what stands in it.
    pub subject: SubjectRef,
    /// Only while this caveat holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caveat: Option<CaveatUse>,
    /// Only before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

/// A caveat of the schema, with values for some of its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a caveat: an object with `name`")]
pub struct CaveatUse {
    /// Which caveat.
    pub name: String,
    /// Values for its parameters. They win over what a question brings.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
}

/// An edge and the transaction that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredRelationship {
    /// The edge.
    pub relationship: Relationship,
    /// The revision that made it: ask for that transaction to learn who wrote it, when and why.
    pub since: u64,
}

/// Which relationships are meant. An absent parameter matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RelationshipQuery {
    /// Of resources of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// Of resources with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// Of resources whose id begins so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id_prefix: Option<String>,
    /// In this relation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// With subjects of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
    /// With subjects of this id; `*` is the wildcard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<String>,
    /// With usersets of this relation; `...` is an object itself, which is no userset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_relation: Option<String>,
    /// With this caveat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caveat: Option<String>,
    /// With an expiry (`true`), or without one (`false`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<bool>,
    /// On the state this token names, as long as it is kept. Absent: on the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exactly: Option<String>,
    /// Most entries on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Relationships to write, in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct WriteRelationships {
    /// These exist afterwards, whether or not they did, and on these terms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touch: Vec<Relationship>,
    /// These exist afterwards, and did not before; if one did, nothing is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub create: Vec<Relationship>,
    /// These do not exist afterwards, whether or not they did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete: Vec<Relationship>,
    /// What must hold before, or else nothing is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preconditions: Vec<Precondition>,
    /// Whatever should be kept with the transaction.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl From<RelationshipFilter> for RelationshipQuery {
    fn from(filter: RelationshipFilter) -> Self {
        Self {
            resource_type: filter.resource_type,
            resource_id: filter.resource_id,
            resource_id_prefix: filter.resource_id_prefix,
            relation: filter.relation,
            subject_type: filter.subject_type,
            subject_id: filter.subject_id,
            subject_relation: filter.subject_relation,
            caveat: filter.caveat,
            expires: filter.expires,
            ..Self::default()
        }
    }
}

impl RelationshipQuery {
    /// Which relationships are meant, without the page.
    #[must_use]
    pub fn filter(&self) -> RelationshipFilter {
        RelationshipFilter {
            resource_type: self.resource_type.clone(),
            resource_id: self.resource_id.clone(),
            resource_id_prefix: self.resource_id_prefix.clone(),
            relation: self.relation.clone(),
            subject_type: self.subject_type.clone(),
            subject_id: self.subject_id.clone(),
            subject_relation: self.subject_relation.clone(),
            caveat: self.caveat.clone(),
            expires: self.expires,
        }
    }
}

/// What must hold before something is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a precondition: an object with `must` and `filter`")]
pub struct Precondition {
    /// Which of the two.
    pub must: Must,
    /// Which relationships.
    pub filter: RelationshipFilter,
}

/// What a precondition asks of the relationships it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Must {
    /// There is at least one.
    Match,
    /// There is none.
    NotMatch,
}

/// Which relationships are meant. An absent member matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, expecting = "a filter: an object")]
pub struct RelationshipFilter {
    /// Of resources of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// Of resources with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// Of resources whose id begins so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id_prefix: Option<String>,
    /// In this relation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// With subjects of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
    /// With subjects of this id; `*` is the wildcard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<String>,
    /// With usersets of this relation; `...` is an object itself, which is no userset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_relation: Option<String>,
    /// With this caveat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caveat: Option<String>,
    /// With an expiry (`true`), or without one (`false`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<bool>,
}

/// The receipt of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// The revision it made. Every later decision reflects it.
    pub revision: u64,
    /// When it was accepted.
    pub time: Time,
    /// The revision as a token, for `consistency`; absent where no tenant's state was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// The schema in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Schema {
    /// Its text, as it was written.
    pub schema: String,
    /// The revision it was read at.
    pub revision: u64,
}

/// A schema to be in force from now on, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct SchemaWrite {
    /// Its text.
    pub schema: String,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// All attributes of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `object` and `attributes`")]
pub struct ObjectAttributes {
    /// Which object.
    pub object: ObjectRef,
    /// All its attributes.
    pub attributes: Map<String, Value>,
}

/// Attributes to set on an object, instead of those it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct AttributesWrite {
    /// Which object.
    pub object: ObjectRef,
    /// All its attributes; empty, it has none.
    pub attributes: Map<String, Value>,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What another system says of an object of the type that its callback is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `id` and `attributes`")]
pub struct CallbackMessage {
    /// The object's id.
    pub id: String,
    /// All its attributes; empty, it has none.
    pub attributes: Map<String, Value>,
    /// Why, for whoever looks it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which objects' attributes are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AttributeQuery {
    /// Of objects of this type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Of objects with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Most entries on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Changes that took effect together: the provenance of every edge in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Transaction {
    /// Its place in the tenant's order.
    pub revision: u64,
    /// When it was accepted.
    pub time: Time,
    /// Who wrote it: `key:ID`, or `token:ISSUER:ACTOR`.
    pub author: String,
    /// Why, in the author's words; may be empty.
    pub reason: String,
    /// The caller's own name for the request, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What changed.
    pub changes: Vec<Change>,
}

/// One thing that was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// The whole schema text is this from now on.
    SchemaWritten {
        /// The text.
        schema: String,
    },
    /// The relationship exists from now on.
    RelationshipTouched {
        /// Which.
        relationship: Relationship,
    },
    /// The relationship does not exist from now on.
    RelationshipDeleted {
        /// Which.
        relationship: Relationship,
    },
    /// The relationship was over already, and is now collected.
    RelationshipExpired {
        /// Which.
        relationship: Relationship,
    },
    /// What the author wanted to be kept with the transaction.
    MetadataAttached {
        /// What.
        metadata: Value,
    },
    /// There is one more authorization model, and it is the newest.
    ModelWritten {
        /// Its id.
        model: String,
    },
    /// The assertions about an authorization model are replaced.
    AssertionsWritten {
        /// The model's id.
        model: String,
    },
    /// Names are called this over AuthZEN from now on.
    AuthzenMappingSet {
        /// All of them.
        mapping: crate::authzen::Mapping,
    },
    /// These are all the attributes of the object.
    AttributesSet {
        /// Which object.
        object: ObjectRef,
        /// All of them.
        attributes: Map<String, Value>,
    },
    /// The principal is registered, or registered anew.
    PrincipalSet {
        /// As it is from now on.
        principal: Principal,
    },
    /// The principal is not registered any more.
    PrincipalRemoved {
        /// Which.
        object: ObjectRef,
    },
    /// A task begins.
    TaskOpened {
        /// Which.
        task: Task,
    },
    /// A task ends, and with it everything under it.
    TaskClosed {
        /// Which.
        task: String,
        /// How.
        state: TaskState,
    },
    /// A link is made.
    DelegationCreated {
        /// Which.
        delegation: Delegation,
    },
    /// A link ends, and with it every link that hangs below.
    DelegationRevoked {
        /// Which.
        delegation: String,
    },
    /// A worker is endorsed.
    EndorsementCreated {
        /// By what.
        endorsement: Endorsement,
    },
    /// An endorsement ends.
    EndorsementRevoked {
        /// Which.
        endorsement: String,
    },
    /// A request for access is made, or goes on.
    RequestSet {
        /// The request, as it is from now on.
        request: Box<AccessRequest>,
    },
    /// An approval is asked for, answered or taken back.
    ApprovalSet {
        /// The approval, as it is from now on.
        approval: Box<Approval>,
    },
    /// An allow took something of budgets, uses or approvals.
    Consumed {
        /// Which decision.
        decision: String,
        /// Under which task; absent where only an approval was used up, without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<String>,
        /// If it is only reserved, the moment from which that is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reserved_until: Option<Time>,
    },
    /// What was reserved was taken for good.
    ReservationCommitted {
        /// Which.
        reservation: String,
        /// Under which task.
        task: String,
    },
    /// What was reserved was given back.
    ReservationReleased {
        /// Which.
        reservation: String,
        /// Under which task.
        task: String,
    },
    /// A tenant begins.
    TenantCreated {
        /// Which.
        tenant: String,
    },
    /// The tenant is shown under this name.
    TenantNamed {
        /// Which.
        tenant: String,
        /// The name.
        display_name: String,
    },
    /// The tenant is gone.
    TenantDeleted {
        /// Which.
        tenant: String,
    },
    /// A key is made.
    KeyCreated {
        /// Which; never the key itself.
        key: Key,
    },
    /// A key ends.
    KeyRevoked {
        /// Which.
        key: String,
    },
}
