//! Much at once: deleting by filter, importing, exporting, and watching what is written.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::{Precondition, Receipt, RelationshipFilter, Time, Transaction};

/// Delete what the filter means, in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct DeleteRelationships {
    /// Which relationships. One that means every relationship there is, is refused.
    pub filter: RelationshipFilter,
    /// Most to delete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// When there are more than `limit`: delete that many, rather than none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// What must hold before, or else nothing is deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preconditions: Vec<Precondition>,
    /// Whatever should be kept with the transaction.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeletedRelationships {
    /// How many.
    pub deleted: u64,
    /// Whether none are left that the filter means.
    pub complete: bool,
    /// The transaction.
    pub receipt: Receipt,
}

/// What was imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportResponse {
    /// How many relationships.
    pub imported: u64,
    /// In how many transactions.
    pub transactions: u64,
    /// The last of them; absent when there was nothing to import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

/// How an import is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What to watch, and from where on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct WatchQuery {
    /// After this revision: its number, or a token. Absent: after the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Only relationships of these types, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_types: Option<String>,
    /// Only these kinds of change, separated by commas: `relationships`, `schema`, `checkpoints`, `authority`. Absent:
    /// `relationships,schema,authority`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<String>,
}

/// One line of what is watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WatchEvent {
    /// A transaction, with those of its changes that are watched.
    Transaction {
        /// Which.
        transaction: Transaction,
        /// Its revision as a token: go on watching `after` it.
        token: String,
    },
    /// Nothing that is watched happened up to here.
    Checkpoint {
        /// Up to which revision.
        revision: u64,
        /// The same as a token.
        token: String,
        /// The time.
        time: Time,
    },
    /// The stream ends here, and this is why.
    Failed {
        /// The stable code.
        code: String,
        /// The sentence a person reads.
        message: String,
    },
}

/// What would a schema change, against the one in force?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct SchemaDiffRequest {
    /// The text of the other schema.
    pub schema: String,
}

/// What a schema would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchemaDiffResponse {
    /// What differs, in the order of the names. Empty: they mean the same.
    pub differences: Vec<SchemaDifference>,
    /// The state whose schema it was compared with.
    pub revision: u64,
}

/// One thing that differs between two schemas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchemaDifference {
    /// What kind of difference it is: a stable word such as `relation_added`.
    pub kind: String,
    /// Where: `document`, `document#viewer`, or the name of a caveat.
    pub place: String,
    /// The sentence a person reads.
    pub message: String,
}
