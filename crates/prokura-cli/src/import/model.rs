//! A model of OpenFGA and its tuples, as JSON writes them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// An authorization model. Members that are not listed do not alter what it means.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Model {
    #[serde(default)]
    pub(super) schema_version: String,
    pub(super) type_definitions: Vec<TypeDefinition>,
    #[serde(default)]
    pub(super) conditions: Option<BTreeMap<String, Condition>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct TypeDefinition {
    #[serde(rename = "type")]
    pub(super) name: String,
    #[serde(default)]
    pub(super) relations: Option<BTreeMap<String, Rewrite>>,
    #[serde(default)]
    pub(super) metadata: Option<TypeMetadata>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct TypeMetadata {
    #[serde(default)]
    pub(super) relations: Option<BTreeMap<String, RelationMetadata>>,
    #[serde(default)]
    pub(super) module: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct RelationMetadata {
    #[serde(default)]
    pub(super) directly_related_user_types: Option<Vec<UserType>>,
}

/// `user`, `user:*` or `group#member`, perhaps with a condition.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct UserType {
    #[serde(rename = "type")]
    pub(super) name: String,
    #[serde(default)]
    pub(super) relation: Option<String>,
    #[serde(default)]
    pub(super) wildcard: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) condition: Option<String>,
}

/// What a relation consists of.
#[derive(Clone, Debug, Deserialize)]
pub(super) enum Rewrite {
    #[serde(rename = "this")]
    This(serde::de::IgnoredAny),
    #[serde(rename = "computedUserset")]
    Computed(RelationName),
    #[serde(rename = "tupleToUserset")]
    From {
        tupleset: RelationName,
        #[serde(rename = "computedUserset")]
        target: RelationName,
    },
    #[serde(rename = "union")]
    Union(Children),
    #[serde(rename = "intersection")]
    Intersection(Children),
    #[serde(rename = "difference")]
    Difference { base: Box<Self>, subtract: Box<Self> },
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RelationName {
    pub(super) relation: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Children {
    pub(super) child: Vec<Rewrite>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Condition {
    pub(super) expression: String,
    #[serde(default)]
    pub(super) parameters: Option<BTreeMap<String, Parameter>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Parameter {
    pub(super) type_name: String,
    #[serde(default)]
    pub(super) generic_types: Option<Vec<Self>>,
}

/// `user:anne` stands in `viewer` of `document:1`, perhaps with a condition.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Tuple {
    pub(super) user: String,
    pub(super) relation: String,
    pub(super) object: String,
    #[serde(default)]
    pub(super) condition: Option<TupleCondition>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct TupleCondition {
    pub(super) name: String,
    #[serde(default)]
    pub(super) context: Option<Map<String, Value>>,
}

/// The forms in which tools write tuples down.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Tuples {
    /// A list of tuples, each itself or under `key`.
    List(Vec<KeyedTuple>),
    /// What reading them answers, or a file for writing them.
    Under {
        #[serde(alias = "tuple_keys", alias = "writes")]
        tuples: Box<Self>,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum KeyedTuple {
    Keyed { key: Tuple },
    Plain(Tuple),
}

impl Tuples {
    pub(super) fn into_list(self) -> Vec<Tuple> {
        match self {
            Self::List(tuples) => tuples
                .into_iter()
                .map(|tuple| match tuple {
                    KeyedTuple::Keyed { key } => key,
                    KeyedTuple::Plain(tuple) => tuple,
                })
                .collect(),
            Self::Under { tuples } => tuples.into_list(),
        }
    }
}
