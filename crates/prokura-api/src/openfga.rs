//! The messages of OpenFGA's HTTP API, as far as they are served. Unknown members are ignored, as its clients expect.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

mod model;

pub use model::{
    AuthorizationModel, Condition, Difference, ObjectRelation, ParameterType, RelationMetadata, RelationReference,
    TupleToUserset, TypeDefinition, TypeMetadata, Userset, Usersets,
};

/// What a request is answered with when it is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaError)]
pub struct ErrorBody {
    /// One of OpenFGA's codes, such as `validation_error`.
    pub code: String,
    /// What is wrong, in words.
    pub message: String,
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Most entries, 1 to 100.
    pub page_size: Option<usize>,
    /// Where the page before ended.
    pub continuation_token: Option<String>,
    /// Of stores, only those of this name.
    pub name: Option<String>,
}

/// Which changes are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangesQuery {
    /// Of objects of this type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Most entries, 1 to 100.
    pub page_size: Option<usize>,
    /// Where the page before ended.
    pub continuation_token: Option<String>,
    /// At this moment (RFC 3339) or later; only without a token.
    pub start_time: Option<String>,
}

/// A store's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaStoreName)]
pub struct StoreName {
    /// 3 to 64 characters.
    pub name: String,
}

/// A store: a tenant that was made here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaStore)]
pub struct Store {
    /// Its id; in lower case, the tenant's name.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: String,
    /// When it was named last.
    pub updated_at: String,
    /// Never set: a deleted store is not found.
    pub deleted_at: Option<String>,
}

/// A page of stores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaStores)]
pub struct Stores {
    /// The stores.
    pub stores: Vec<Store>,
    /// Where the next page begins; empty if this was the last.
    pub continuation_token: String,
}

/// A model that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaModelId)]
pub struct ModelWritten {
    /// Its id.
    pub authorization_model_id: String,
}

/// A model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaModel)]
pub struct ModelRead {
    /// The model as it was written, with its id.
    pub authorization_model: Value,
}

/// A page of models, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaModels)]
pub struct ModelsRead {
    /// The models as they were written, with their ids.
    pub authorization_models: Vec<Value>,
    /// Where the next page begins; empty if this was the last.
    pub continuation_token: String,
}

/// A condition as a tuple uses it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaTupleCondition)]
pub struct TupleCondition {
    /// A condition of the model.
    pub name: String,
    /// Values for its parameters. They win over what a question brings.
    #[serde(default)]
    pub context: Option<Map<String, Value>>,
}

/// A tuple.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaTupleKey)]
pub struct TupleKey {
    /// `user:anne`, `group:eng#member` or `user:*`.
    #[serde(default)]
    pub user: String,
    /// A relation of the object's type.
    #[serde(default)]
    pub relation: String,
    /// `document:plan`
    #[serde(default)]
    pub object: String,
    /// On which condition.
    #[serde(default)]
    pub condition: Option<TupleCondition>,
}

/// Tuples that a request takes to exist.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaTupleKeys)]
pub struct TupleKeys {
    /// The tuples.
    #[serde(default)]
    pub tuple_keys: Vec<TupleKey>,
}

/// Tuples to be written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaWrites)]
pub struct Writes {
    /// The tuples.
    #[serde(default)]
    pub tuple_keys: Vec<TupleKey>,
    /// `error`, or `ignore` to pass over those that are there on the same condition.
    #[serde(default)]
    pub on_duplicate: Option<String>,
}

/// Tuples to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaDeletes)]
pub struct Deletes {
    /// The tuples. A condition plays no part.
    #[serde(default)]
    pub tuple_keys: Vec<TupleKey>,
    /// `error`, or `ignore` to pass over those that are not there.
    #[serde(default)]
    pub on_missing: Option<String>,
}

/// Tuples to be written and deleted in one transaction, at most 100.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaWriteRequest)]
pub struct WriteRequest {
    /// To be written.
    #[serde(default)]
    pub writes: Option<Writes>,
    /// To be deleted.
    #[serde(default)]
    pub deletes: Option<Deletes>,
    /// The model they are to fit; the newest if it is not named.
    #[serde(default)]
    pub authorization_model_id: Option<String>,
}

/// Which tuples are to be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaReadRequest)]
pub struct ReadRequest {
    /// Members that are empty match everything: all of them, or the object's id and the relation, or others if there is a user.
    #[serde(default)]
    pub tuple_key: Option<TupleKey>,
    /// Most entries, 1 to 100.
    #[serde(default)]
    pub page_size: Option<usize>,
    /// Where the page before ended.
    #[serde(default)]
    pub continuation_token: Option<String>,
}

/// A tuple that is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaTuple)]
pub struct Tuple {
    /// The tuple.
    pub key: TupleKey,
    /// When it was written.
    pub timestamp: String,
}

/// A page of tuples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaTuples)]
pub struct Tuples {
    /// The tuples.
    pub tuples: Vec<Tuple>,
    /// Where the next page begins; empty if this was the last.
    pub continuation_token: String,
}

/// A tuple that was written or deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaTupleChange)]
pub struct TupleChange {
    /// The tuple.
    pub tuple_key: TupleKey,
    /// `TUPLE_OPERATION_WRITE` or `TUPLE_OPERATION_DELETE`.
    pub operation: String,
    /// When.
    pub timestamp: String,
}

/// What was written and deleted, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaTupleChanges)]
pub struct TupleChanges {
    /// The changes.
    pub changes: Vec<TupleChange>,
    /// Where to go on: pass it again later, to learn what came since.
    pub continuation_token: String,
}

/// Does the user stand in the relation to the object?
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaCheckRequest)]
pub struct CheckRequest {
    /// Who, in which relation, to what.
    #[serde(default)]
    pub tuple_key: TupleKey,
    /// Tuples this question takes to exist, at most 100.
    #[serde(default)]
    pub contextual_tuples: Option<TupleKeys>,
    /// The model it is asked by; the newest if it is not named.
    #[serde(default)]
    pub authorization_model_id: Option<String>,
    /// Values for the parameters of conditions.
    #[serde(default)]
    pub context: Option<Map<String, Value>>,
}

/// The answer to a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaCheckResponse)]
pub struct CheckResponse {
    /// Whether it does.
    pub allowed: bool,
    /// Always empty.
    pub resolution: String,
}

/// One check of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaBatchCheckItem)]
pub struct BatchCheckItem {
    /// Who, in which relation, to what.
    #[serde(default)]
    pub tuple_key: TupleKey,
    /// Tuples this question takes to exist, at most 100.
    #[serde(default)]
    pub contextual_tuples: Option<TupleKeys>,
    /// Values for the parameters of conditions.
    #[serde(default)]
    pub context: Option<Map<String, Value>>,
    /// Under which name the answer stands: 1 to 36 letters, digits and `-`.
    #[serde(default)]
    pub correlation_id: String,
}

/// Several checks, at most 50.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaBatchCheckRequest)]
pub struct BatchCheckRequest {
    /// The checks.
    #[serde(default)]
    pub checks: Vec<BatchCheckItem>,
    /// The model they are asked by; the newest if it is not named.
    #[serde(default)]
    pub authorization_model_id: Option<String>,
}

/// Why one check of a batch has no answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaBatchCheckError)]
pub struct BatchCheckError {
    /// One of OpenFGA's codes, if it is the question's fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_error: Option<String>,
    /// One of OpenFGA's codes, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal_error: Option<String>,
    /// What is wrong, in words.
    pub message: String,
}

/// The answer to one check of a batch: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaBatchCheckResult)]
pub struct BatchCheckResult {
    /// Whether it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<BatchCheckError>,
}

/// The answers to several checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaBatchCheckResponse)]
pub struct BatchCheckResponse {
    /// By correlation id.
    pub result: BTreeMap<String, BatchCheckResult>,
}

/// To which objects does the user stand in the relation?
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaListObjectsRequest)]
pub struct ListObjectsRequest {
    /// The model it is asked by; the newest if it is not named.
    #[serde(default)]
    pub authorization_model_id: Option<String>,
    /// The objects' type.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// The relation.
    #[serde(default)]
    pub relation: String,
    /// The user.
    #[serde(default)]
    pub user: String,
    /// Tuples this question takes to exist, at most 100.
    #[serde(default)]
    pub contextual_tuples: Option<TupleKeys>,
    /// Values for the parameters of conditions.
    #[serde(default)]
    pub context: Option<Map<String, Value>>,
}

/// All of them: a list is never cut short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaListObjectsResponse)]
pub struct ListObjectsResponse {
    /// `document:plan`, …
    pub objects: Vec<String>,
}

/// An object in two parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaObject)]
pub struct Object {
    /// Its type.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Which one.
    #[serde(default)]
    pub id: String,
}

/// Which users are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaUserFilter)]
pub struct UserFilter {
    /// Of this type.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// The usersets of this relation.
    #[serde(default)]
    pub relation: Option<String>,
}

/// Who stands in the relation to the object?
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaListUsersRequest)]
pub struct ListUsersRequest {
    /// The model it is asked by; the newest if it is not named.
    #[serde(default)]
    pub authorization_model_id: Option<String>,
    /// The object.
    #[serde(default)]
    pub object: Object,
    /// The relation.
    #[serde(default)]
    pub relation: String,
    /// Which users; exactly one.
    #[serde(default)]
    pub user_filters: Vec<UserFilter>,
    /// Tuples this question takes to exist, at most 100.
    #[serde(default)]
    pub contextual_tuples: Vec<TupleKey>,
    /// Values for the parameters of conditions.
    #[serde(default)]
    pub context: Option<Map<String, Value>>,
}

/// A userset in three parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaUsersetUser)]
pub struct UsersetUser {
    /// The object's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which object.
    pub id: String,
    /// The relation.
    pub relation: String,
}

/// A wildcard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaTypedWildcard)]
pub struct TypedWildcard {
    /// Everyone of this type.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A user: one of the three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaUser)]
#[serde(rename_all = "snake_case")]
pub enum User {
    /// An object.
    Object(Object),
    /// A userset.
    Userset(UsersetUser),
    /// Everyone of a type.
    Wildcard(TypedWildcard),
}

/// All of them: a list is never cut short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaListUsersResponse)]
pub struct ListUsersResponse {
    /// The users.
    pub users: Vec<User>,
}

/// What does the relation to the object consist of?
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaExpandRequest)]
pub struct ExpandRequest {
    /// Which relation of which object.
    #[serde(default)]
    pub tuple_key: TupleKey,
    /// The model it is asked by; the newest if it is not named.
    #[serde(default)]
    pub authorization_model_id: Option<String>,
    /// Tuples this question takes to exist, at most 100.
    #[serde(default)]
    pub contextual_tuples: Option<TupleKeys>,
}

/// What a relation consists of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaExpandResponse)]
pub struct ExpandResponse {
    /// Nodes with a `name` and a `leaf`, a `union`, an `intersection` or a `difference`.
    pub tree: Value,
}

/// One assertion about a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaAssertion)]
pub struct Assertion {
    /// Who, in which relation, to what.
    pub tuple_key: TupleKey,
    /// Whether it is expected.
    pub expectation: bool,
    /// Tuples it takes to exist.
    #[serde(default)]
    pub contextual_tuples: Vec<TupleKey>,
    /// Values for the parameters of conditions.
    #[serde(default)]
    pub context: Option<Map<String, Value>>,
}

/// Assertions about a model; they replace those before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaAssertionsWrite)]
pub struct AssertionsWrite {
    /// The assertions, at most 100.
    #[serde(default)]
    pub assertions: Vec<Assertion>,
}

/// Assertions about a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaAssertions)]
pub struct AssertionsRead {
    /// The model.
    pub authorization_model_id: String,
    /// The assertions.
    pub assertions: Vec<Assertion>,
}
