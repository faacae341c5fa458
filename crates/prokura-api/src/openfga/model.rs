use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// An authorization model: immutable once it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaAuthorizationModel)]
pub struct AuthorizationModel {
    /// `1.1` or `1.2`.
    #[serde(default)]
    pub schema_version: String,
    /// Its types.
    #[serde(default)]
    pub type_definitions: Vec<TypeDefinition>,
    /// Its conditions, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<BTreeMap<String, Condition>>,
}

/// A type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaTypeDefinition)]
pub struct TypeDefinition {
    /// Its name.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Its relations, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relations: Option<BTreeMap<String, Userset>>,
    /// Which types its relations allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TypeMetadata>,
}

/// What is said about the relations of a type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaTypeMetadata)]
pub struct TypeMetadata {
    /// By relation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relations: Option<BTreeMap<String, RelationMetadata>>,
}

/// Which types a relation allows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaRelationMetadata)]
pub struct RelationMetadata {
    /// The types; none for a relation that is only computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directly_related_user_types: Option<Vec<RelationReference>>,
}

/// `user`, `group#member` or `user:*`, on a condition or without.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaRelationReference)]
pub struct RelationReference {
    /// The type.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Its usersets of this relation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// Everyone of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wildcard: Option<Map<String, Value>>,
    /// On this condition, and never without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

/// What a relation consists of: exactly one member.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaUserset, no_recursion)]
pub struct Userset {
    /// The tuples written to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub this: Option<Map<String, Value>>,
    /// Another relation of the same type.
    #[serde(default, rename = "computedUserset", alias = "computed_userset", skip_serializing_if = "Option::is_none")]
    pub computed_userset: Option<ObjectRelation>,
    /// A relation of what stands in another relation.
    #[serde(default, rename = "tupleToUserset", alias = "tuple_to_userset", skip_serializing_if = "Option::is_none")]
    pub tuple_to_userset: Option<TupleToUserset>,
    /// At least one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub union: Option<Usersets>,
    /// Every one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intersection: Option<Usersets>,
    /// The one without the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// A relation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaObjectRelation)]
pub struct ObjectRelation {
    /// Its name.
    #[serde(default)]
    pub relation: String,
}

/// A relation of what stands in another relation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaTupleToUserset)]
pub struct TupleToUserset {
    /// The relation that is followed.
    #[serde(default)]
    pub tupleset: ObjectRelation,
    /// The relation that is asked for where it leads.
    #[serde(default, rename = "computedUserset", alias = "computed_userset")]
    pub computed_userset: ObjectRelation,
}

/// Operands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaUsersets, no_recursion)]
pub struct Usersets {
    /// One or more.
    #[serde(default)]
    pub child: Vec<Userset>,
}

/// The one without the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaDifference, no_recursion)]
pub struct Difference {
    /// The one.
    pub base: Box<Userset>,
    /// The other.
    pub subtract: Box<Userset>,
}

/// A condition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaCondition)]
pub struct Condition {
    /// Its name, again.
    #[serde(default)]
    pub name: String,
    /// What it says, in CEL.
    #[serde(default)]
    pub expression: String,
    /// Its parameters, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<BTreeMap<String, ParameterType>>,
}

/// The type of a parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenfgaParameterType, no_recursion)]
pub struct ParameterType {
    /// `TYPE_NAME_STRING`, …
    #[serde(default)]
    pub type_name: String,
    /// What is in a `TYPE_NAME_LIST` or a `TYPE_NAME_MAP`: one type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generic_types: Option<Vec<Self>>,
}
