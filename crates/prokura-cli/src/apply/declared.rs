//! What a YAML file may say. Unknown keys are errors, so that a misspelt `expires_at` is not a delegation without an end.

use std::{borrow::Cow, collections::BTreeMap, fmt::Display, str::FromStr};

use prokura_api::{CaveatUse, DelegationKind, Time};
use prokura_model::{CapResource, ObjectRef, RelationName, SubjectRef, TypeName};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use crate::{terms::Termed, time::Length};

/// One file. A key that is absent says nothing; one that is present says all there should be.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) schema: Option<String>,
    pub(super) relationships: Option<Relationships>,
    pub(super) attributes: Option<BTreeMap<Text<ObjectRef>, Map<String, Value>>>,
    pub(super) principals: Option<BTreeMap<Text<ObjectRef>, Option<PrincipalEntry>>>,
    pub(super) tasks: Option<BTreeMap<String, TaskEntry>>,
    pub(super) delegations: Option<BTreeMap<String, DelegationEntry>>,
    pub(super) endorsements: Option<BTreeMap<String, EndorsementEntry>>,
    pub(super) authzen: Option<AuthzenEntry>,
}

/// What names are called over AuthZEN.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthzenEntry {
    #[serde(default)]
    pub(super) actions: BTreeMap<String, Text<RelationName>>,
    #[serde(default)]
    pub(super) types: BTreeMap<String, Text<TypeName>>,
    #[serde(default)]
    pub(super) resources: BTreeMap<String, Text<ObjectRef>>,
}

/// A list of relationships, or one text with a relationship a line.
#[derive(Debug)]
pub(super) struct Relationships(pub(super) Vec<Termed>);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrincipalEntry {
    pub(super) owner: Option<Text<ObjectRef>>,
    pub(super) state: Option<State>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Active,
    Suspended,
    OffBoarded,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TaskEntry {
    pub(super) origin: Text<ObjectRef>,
    pub(super) purpose: String,
    pub(super) expires_at: Option<Time>,
    pub(super) expires_in: Option<Text<Length>>,
    pub(super) parent: Option<String>,
    pub(super) owner: Option<Text<ObjectRef>>,
    #[serde(default)]
    pub(super) budgets: BTreeMap<String, BudgetEntry>,
}

/// What bounds how much is done under a task.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BudgetEntry {
    pub(super) covers: Option<Vec<CapEntry>>,
    pub(super) sum: Option<String>,
    /// A text, so that no digit is lost.
    pub(super) limit: String,
    pub(super) per: Option<Text<Length>>,
    pub(super) in_flight: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DelegationEntry {
    pub(super) task: String,
    #[serde(default)]
    pub(super) kind: DelegationKind,
    pub(super) from: Text<ObjectRef>,
    pub(super) to: Text<ObjectRef>,
    pub(super) parent: Option<String>,
    pub(super) cap: Vec<CapEntry>,
    #[serde(default)]
    pub(super) depth: u32,
    pub(super) not_before: Option<Time>,
    pub(super) expires_at: Option<Time>,
    pub(super) uses: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndorsementEntry {
    pub(super) worker: Text<ObjectRef>,
    pub(super) by: Text<ObjectRef>,
    pub(super) origins: Vec<Text<SubjectRef>>,
    pub(super) cap: Vec<CapEntry>,
    pub(super) expires_at: Option<Time>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CapEntry {
    pub(super) permissions: Vec<String>,
    pub(super) resources: Vec<Text<CapResource>>,
    pub(super) when: Option<CaveatUse>,
}

/// Something written as one text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text<T>(pub(crate) T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Relationships {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RelationshipsVisitor).map(Self)
    }
}

struct RelationshipsVisitor;

impl<'de> de::Visitor<'de> for RelationshipsVisitor {
    type Value = Vec<Termed>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of relationships, or a text with one a line")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let mut found = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with("//") {
                continue;
            }
            let read = line.parse().map_err(|error| E::custom(format!("line {} of the text: {error}", number + 1)));
            found.push(read?);
        }
        Ok(found)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(Text(relationship)) = entries.next_element()? {
            found.push(relationship);
        }
        Ok(found)
    }
}
