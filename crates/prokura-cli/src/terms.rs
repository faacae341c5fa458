//! JSON and the values of the model, and a relationship with its terms.

use std::collections::BTreeMap;

use prokura_model::{Timestamp, Value};
use serde_json::{Map, Number, Value as Json};

pub(crate) use prokura_model::RelationshipOnTerms as Termed;

/// A moment of RFC 3339.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    let time: prokura_api::Time = text.parse().map_err(|error| format!("`{text}` is {error}"))?;
    Ok(Timestamp(time.as_ms()))
}

/// A value as JSON.
pub(crate) fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Integer(value) => Json::Number((*value).into()),
        Value::Float(value) => Number::from_f64(*value).map_or(Json::Null, Json::Number),
        Value::String(value) => Json::String(value.clone()),
        Value::List(values) => Json::Array(values.iter().map(json).collect()),
        Value::Map(values) => Json::Object(members(values)),
    }
}

pub(crate) fn members(values: &BTreeMap<String, Value>) -> Map<String, Json> {
    values.iter().map(|(name, value)| (name.clone(), json(value))).collect()
}

/// JSON as a value. Whoever read it has bounded its nesting.
pub(crate) fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Float(number.as_f64().unwrap_or(f64::MAX)),
        },
        Json::String(text) => Value::String(text.clone()),
        Json::Array(values) => Value::List(values.iter().map(value).collect()),
        Json::Object(members) => Value::Map(context(members)),
    }
}

/// A JSON object as the context of a question or a caveat.
pub(crate) fn context(members: &Map<String, Json>) -> BTreeMap<String, Value> {
    members.iter().map(|(name, member)| (name.clone(), value(member))).collect()
}
