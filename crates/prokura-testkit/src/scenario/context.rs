use std::collections::BTreeMap;

use prokura_model::Value;
use serde::{Deserialize, Serialize};

use crate::Context;

/// A value as it is written in a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum ValueEntry {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    String(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

pub(super) fn context_of(entries: &BTreeMap<String, ValueEntry>) -> Context {
    entries.iter().map(|(name, entry)| (name.clone(), value_of(entry))).collect()
}

pub(super) fn entries_of(context: &Context) -> BTreeMap<String, ValueEntry> {
    context.iter().map(|(name, value)| (name.clone(), entry_of(value))).collect()
}

pub(super) fn value_of(entry: &ValueEntry) -> Value {
    match entry {
        ValueEntry::Null => Value::Null,
        ValueEntry::Bool(value) => Value::Bool(*value),
        ValueEntry::Integer(value) => Value::Integer(*value),
        ValueEntry::Float(value) => Value::Float(*value),
        ValueEntry::String(value) => Value::String(value.clone()),
        ValueEntry::List(entries) => Value::List(entries.iter().map(value_of).collect()),
        ValueEntry::Map(entries) => Value::Map(context_of(entries)),
    }
}

pub(super) fn entry_of(value: &Value) -> ValueEntry {
    match value {
        Value::Null => ValueEntry::Null,
        Value::Bool(value) => ValueEntry::Bool(*value),
        Value::Integer(value) => ValueEntry::Integer(*value),
        Value::Float(value) => ValueEntry::Float(*value),
        Value::String(value) => ValueEntry::String(value.clone()),
        Value::List(values) => ValueEntry::List(values.iter().map(entry_of).collect()),
        Value::Map(values) => ValueEntry::Map(entries_of(values)),
    }
}
