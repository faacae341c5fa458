//! Reading JSON strictly: no member twice (RFC 7493), no nesting without end, and an error that says where.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, btree_map::Entry},
    fmt,
};

use prokura_model::Value;
use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::limits::{JSON_NESTING_MAX, JSON_VALUES_BULK_MAX, JSON_VALUES_MAX};

/// Why bytes are not the JSON that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonFault {
    pub(crate) code: &'static str,
    /// In the document, such as `touch[2].subject.id`; empty for the document itself.
    pub(crate) path: String,
    pub(crate) message: String,
}

/// The document as a value.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, JsonFault> {
    parse_within(bytes, JSON_VALUES_MAX)
}

fn parse_within(bytes: &[u8], values: usize) -> Result<Value, JsonFault> {
    let place = Place { values: Cell::new(values), ..Place::default() };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = Strict { place: &place, left: JSON_NESTING_MAX }.deserialize(&mut deserializer).and_then(|value| {
        deserializer.end()?;
        Ok(value)
    });
    parsed.map_err(|error| place.fault.take().unwrap_or_else(|| malformed(&error)))
}

/// The document as what it should be. Members it should not have are an error.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonFault> {
    parse(bytes)?;
    decode_checked(bytes)
}

/// The same for a document that may hold much.
pub(crate) fn decode_bulk<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonFault> {
    parse_within(bytes, JSON_VALUES_BULK_MAX)?;
    decode_checked(bytes)
}

fn decode_checked<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonFault> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        JsonFault {
            code: "request_invalid",
            path: if path == "." { String::new() } else { path },
            message: without_position(&error.into_inner()),
        }
    })
}

fn malformed(error: &serde_json::Error) -> JsonFault {
    JsonFault { code: "json_malformed", path: String::new(), message: format!("not JSON: {error}") }
}

/// The path says where it is; line and column of a body nobody typed do not help.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => text,
    }
}

/// What the reader found wrong, and how much it may still read.
#[derive(Default)]
struct Place {
    fault: RefCell<Option<JsonFault>>,
    /// How many values there may still be.
    values: Cell<usize>,
}

impl Place {
    fn refuse<E: serde::de::Error>(&self, code: &'static str, message: String) -> E {
        let error = E::custom(&message);
        *self.fault.borrow_mut() = Some(JsonFault { code, path: String::new(), message });
        error
    }

    /// The way to a fault is gathered on the way out: documents without one have none to pay for.
    fn within<E>(&self, step: impl fmt::Display, error: E) -> E {
        if let Some(fault) = self.fault.borrow_mut().as_mut() {
            let dot = if fault.path.is_empty() || fault.path.starts_with('[') { "" } else { "." };
            fault.path = format!("{step}{dot}{}", fault.path);
        }
        error
    }
}

/// Reads one value of at most `left` levels.
#[derive(Clone, Copy)]
struct Strict<'p> {
    place: &'p Place,
    left: usize,
}

impl Strict<'_> {
    fn one_level_in(self) -> Self {
        Self { left: self.left.saturating_sub(1), ..self }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.left == 0 {
            let message = format!("nested more than {JSON_NESTING_MAX} levels deep");
            return Err(self.place.refuse("json_nested_too_deeply", message));
        }
        let Some(left) = self.place.values.get().checked_sub(1) else {
            let message = "the document holds more values than it may".to_owned();
            return Err(self.place.refuse("json_too_many_values", message));
        };
        self.place.values.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        // Beyond 64 bits with a sign the number is only near what was written; so it is for every float.
        #[expect(clippy::cast_precision_loss, reason = "JSON numbers of that size have no more precision")]
        let rounded = value as f64;
        Ok(i64::try_from(value).map_or(Value::Float(rounded), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        let inner = self.one_level_in();
        loop {
            let element = elements.next_element_seed(inner);
            let element = element.map_err(|error| self.place.within(format_args!("[{}]", values.len()), error))?;
            match element {
                Some(value) => values.push(value),
                None => return Ok(Value::List(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut values = BTreeMap::new();
        let inner = self.one_level_in();
        while let Some(name) = members.next_key::<String>()? {
            match values.entry(name) {
                Entry::Vacant(place) => {
                    let value = members.next_value_seed(inner);
                    let value = value.map_err(|error| self.place.within(place.key(), error))?;
                    place.insert(value);
                }
                Entry::Occupied(place) => {
                    let message = format!("the member `{}` is there twice; say which", place.key());
                    let error = self.place.refuse("json_member_twice", message);
                    return Err(self.place.within(place.key(), error));
                }
            }
        }
        Ok(Value::Map(values))
    }
}

/// A value as JSON.
pub(crate) fn to_wire(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Integer(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::String(value) => value.as_str().into(),
        Value::List(values) => values.iter().map(to_wire).collect(),
        Value::Map(values) => serde_json::Value::Object(to_wire_members(values)),
    }
}

pub(crate) fn to_wire_members(values: &BTreeMap<String, Value>) -> serde_json::Map<String, serde_json::Value> {
    values.iter().map(|(name, value)| (name.clone(), to_wire(value))).collect()
}

/// JSON as a value. Its nesting was bounded when it was read.
pub(crate) fn from_wire(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Float(number.as_f64().unwrap_or(f64::MAX)),
        },
        serde_json::Value::String(value) => Value::String(value.clone()),
        serde_json::Value::Array(values) => Value::List(values.iter().map(from_wire).collect()),
        serde_json::Value::Object(values) => Value::Map(from_wire_members(values)),
    }
}

pub(crate) fn from_wire_members(values: &serde_json::Map<String, serde_json::Value>) -> BTreeMap<String, Value> {
    values.iter().map(|(name, value)| (name.clone(), from_wire(value))).collect()
}

#[cfg(test)]
mod tests;
