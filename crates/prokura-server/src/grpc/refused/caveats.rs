//! Caveats that cannot be evaluated, and values that do not fit, in SpiceDB's sentences: clients look for them.

use prokura::CaveatFailure;
use prokura_api::grpc::v1::ErrorReason;
use prokura_model::condition::{ContextFault, Failure, Found, Misfit, ParameterType, ValueFault};

/// What kind of error it is, and how it is said.
pub(super) fn of_failure(caveat: &CaveatFailure) -> (ErrorReason, String) {
    match caveat {
        CaveatFailure::Evaluation { name, failure: Failure::Value(misfit) } => {
            let message = format!("type error for parameters for caveat `{name}`: {}", of_misfit(misfit));
            (ErrorReason::CaveatParameterTypeError, message)
        }
        CaveatFailure::Evaluation { name, failure } => {
            let message = format!("evaluation error for caveat {name}: {}", of_evaluation(failure));
            (ErrorReason::CaveatEvaluationError, message)
        }
        other => (ErrorReason::CaveatEvaluationError, other.to_string()),
    }
}

/// What is wrong with the values that a relationship binds to a caveat.
pub(super) fn of_context(fault: &ContextFault) -> String {
    match fault {
        ContextFault::Unknown { name, .. } => format!("unknown parameter `{name}`"),
        ContextFault::Value(misfit) => of_misfit(misfit),
    }
}

fn of_evaluation(failure: &Failure) -> String {
    match failure {
        Failure::NoSuchKey(key) => format!("no such key: {key}"),
        Failure::NoSuchElement { index, .. } => format!("index out of bounds: {index}"),
        Failure::NoSuchOverload(_) => "no such overload".to_owned(),
        other => other.to_string(),
    }
}

fn of_misfit(misfit: &Misfit) -> String {
    let Misfit { parameter, declared, fault } = misfit;
    format!("could not convert context parameter `{parameter}`: for {declared}: {}", of_value(declared, fault))
}

/// As deep as values are nested, which the model bounds.
fn of_value(declared: &ParameterType, fault: &ValueFault) -> String {
    let inside = |fault: &ValueFault| match declared {
        ParameterType::List(of) | ParameterType::Map(of) => format!("for {of}: {}", of_value(of, fault)),
        _ => fault.to_string(),
    };
    match fault {
        ValueFault::Unfit { needed, found } => of_unfit(needed, found),
        ValueFault::Entry { index, fault } => {
            format!("found an invalid value for item at index {index}: {}", inside(fault))
        }
        ValueFault::Member { name, fault } => format!("found an invalid value for key `{name}`: {}", inside(fault)),
        limit @ ValueFault::Limit(_) => limit.to_string(),
    }
}

fn of_unfit(needed: &ParameterType, found: &Found) -> String {
    let (kind, shown) = (kind_of(found), shown(found));
    match (needed, found) {
        (ParameterType::Int | ParameterType::Uint | ParameterType::Double, found) => of_number(needed, found),
        (ParameterType::Bytes, Found::Text(_)) => "bytes requires a base64 encoded string".to_owned(),
        (ParameterType::Duration, Found::Text(text)) => format!("could not parse duration string `{text}`"),
        (ParameterType::Timestamp, Found::Text(text)) => {
            format!("could not parse RFC 3339 formatted timestamp string `{text}`")
        }
        (ParameterType::IpAddress, Found::Text(text)) => format!("could not parse ip address string `{text}`"),
        (ParameterType::Bytes, _) => format!("bytes requires a base64 unicode string, found: {kind}{shown}"),
        (ParameterType::Duration, _) => format!("durations requires a duration string, found: {kind}"),
        (ParameterType::Timestamp, _) => {
            format!("timestamps requires a RFC 3339 formatted timestamp string, found: {kind}{shown}")
        }
        (ParameterType::IpAddress, _) => format!("ipaddress requires an ipaddress string, found: {kind}{shown}"),
        (ParameterType::List(_), _) => format!("list requires a list, found: {kind}"),
        (ParameterType::Map(_), _) => format!("map requires a map, found: {kind}"),
        (ParameterType::Any | ParameterType::Bool | ParameterType::String, _) => {
            format!("a {needed} value is required, but found {kind}{shown}")
        }
    }
}

/// A number can be written as a text, and may still be none of those that are meant.
fn of_number(needed: &ParameterType, found: &Found) -> String {
    let sized = match needed {
        ParameterType::Int => "int64",
        ParameterType::Uint => "uint64",
        _ => "float64",
    };
    let number = match found {
        Found::Number(number) | Found::Text(number) => number.parse::<f64>().ok().map(|value| (value, number)),
        _ => None,
    };
    match (number, found) {
        (Some((value, number)), _) if *needed == ParameterType::Uint && value < 0.0 && value.fract() == 0.0 => {
            format!("a uint value is required, but found int64 value `{number}`")
        }
        (Some((_, number)), _) => format!("a {needed} value is required, but found numeric value `{number}`"),
        (None, Found::Text(text)) => format!("a {sized} value is required, but found invalid string value `{text}`"),
        (None, found) => format!("a {sized} value is required, but found {}{}", kind_of(found), shown(found)),
    }
}

/// What SpiceDB's language calls it.
const fn kind_of(found: &Found) -> &'static str {
    match found {
        Found::Null => "<nil>",
        Found::Bool(_) => "bool",
        Found::Number(_) => "float64",
        Found::Text(_) => "string",
        Found::List => "[]interface {}",
        Found::Map => "map[string]interface {}",
    }
}

/// The value itself, unless it is one of many.
fn shown(found: &Found) -> String {
    match found {
        Found::Null => " `<nil>`".to_owned(),
        Found::Bool(value) => format!(" `{value}`"),
        Found::Number(value) | Found::Text(value) => format!(" `{value}`"),
        Found::List | Found::Map => String::new(),
    }
}
