//! Why a condition cannot be evaluated, in parts: each door words it as its callers know it.

use std::fmt;

use super::{ParameterType, convert::shortened};
use crate::{Value, suggest::listed};

/// Why an evaluation ended without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A value does not fit the type of its parameter.
    #[error(transparent)]
    Value(#[from] Misfit),
    /// A map has no such key.
    #[error("no such key: `{0}`")]
    NoSuchKey(String),
    /// A list has no such element.
    #[error("the list has {length} elements, and none at `{index}`")]
    NoSuchElement {
        /// How many it has.
        length: usize,
        /// Which one was looked for.
        index: String,
    },
    /// An operator or a function takes no such values: in words.
    #[error("{0}")]
    NoSuchOverload(String),
    /// Something else: a division by zero, a limit.
    #[error("{0}")]
    Other(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Other(message)
    }
}

/// A value that does not fit the type of its parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{parameter}` of type `{declared}`: {fault}")]
pub struct Misfit {
    /// The name of the parameter.
    pub parameter: String,
    /// Its type.
    pub declared: ParameterType,
    /// What does not fit, and where in the value.
    pub fault: ValueFault,
}

/// What does not fit in a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    /// It is something else than its type needs.
    #[error("{} is needed, and this is {found}", wanted(.needed, .found))]
    Unfit {
        /// The type that is needed here.
        needed: ParameterType,
        /// What is here.
        found: Found,
    },
    /// An entry of a list does not fit.
    #[error("entry {index}: {fault}")]
    Entry {
        /// Which one, from 0.
        index: usize,
        /// What does not fit in it.
        fault: Box<Self>,
    },
    /// A member of a map does not fit.
    #[error("member `{name}`: {fault}")]
    Member {
        /// Its name, shortened if it is long.
        name: String,
        /// What does not fit in it.
        fault: Box<Self>,
    },
    /// Values are nested too deep, or are too many.
    #[error("{0}")]
    Limit(String),
}

impl ValueFault {
    pub(super) fn unfit(needed: &ParameterType, found: &Value) -> Self {
        Self::Unfit { needed: needed.clone(), found: Found::from(found) }
    }
}

/// What a value is, as far as a message shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, in decimal.
    Number(String),
    /// A text, shortened if it is long.
    Text(String),
    /// A list of anything.
    List,
    /// An object of anything.
    Map,
}

impl From<&Value> for Found {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Integer(number) => Self::Number(number.to_string()),
            Value::Float(number) => Self::Number(number.to_string()),
            Value::String(text) => Self::Text(shortened(text)),
            Value::List(_) => Self::List,
            Value::Map(_) => Self::Map,
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("`null`"),
            Self::Bool(value) => write!(f, "`{value}`"),
            Self::Number(number) => write!(f, "the number `{number}`"),
            Self::Text(text) => write!(f, "the string `{text}`"),
            Self::List => f.write_str("a list"),
            Self::Map => f.write_str("an object"),
        }
    }
}

const fn wanted(needed: &ParameterType, found: &Found) -> &'static str {
    match needed {
        ParameterType::Any => "any value",
        ParameterType::Int => "a whole number",
        ParameterType::Uint => "a whole number that is not negative",
        ParameterType::Double => "a number",
        ParameterType::Bool => "`true` or `false`",
        ParameterType::String => "a string",
        ParameterType::Bytes => "a string of base64 with its padding",
        ParameterType::Duration => "a string such as `1h30m`",
        ParameterType::Timestamp => "a string such as `2026-01-31T12:00:00Z`",
        ParameterType::IpAddress => match found {
            Found::Text(_) => "an IP address such as `10.0.0.1` or `2001:db8::1`",
            _ => "a string with an IP address",
        },
        ParameterType::List(_) => "a list",
        ParameterType::Map(_) => "an object",
    }
}

/// Why values cannot be bound to a condition's parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContextFault {
    /// There is no such parameter.
    #[error("unknown parameter `{name}`; the parameters are {}", listed(.parameters.iter()))]
    Unknown {
        /// Its name, shortened if it is long.
        name: String,
        /// The parameters there are.
        parameters: Vec<String>,
    },
    /// A value does not fit the type of its parameter.
    #[error(transparent)]
    Value(#[from] Misfit),
}
