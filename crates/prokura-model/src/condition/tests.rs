mod conformance;
mod cost;
mod hostile;
mod limits;
mod meaning;
mod values;

use std::collections::BTreeMap;

use super::{Condition, Evaluation, ParameterType};
use crate::Value;

type Context = BTreeMap<String, Value>;

/// Parameters from `a int, m map<any>`.
fn parameters(declared: &str) -> Vec<(String, ParameterType)> {
    declared
        .split(',')
        .filter_map(|parameter| parameter.trim().split_once(' '))
        .map(|(name, declared)| (name.to_owned(), parameter_type(declared)))
        .collect()
}

fn parameter_type(written: &str) -> ParameterType {
    let inner = |prefix: &str| written.strip_prefix(prefix)?.strip_suffix('>').map(|of| Box::new(parameter_type(of)));
    match written {
        "any" => ParameterType::Any,
        "int" => ParameterType::Int,
        "uint" => ParameterType::Uint,
        "double" => ParameterType::Double,
        "bool" => ParameterType::Bool,
        "string" => ParameterType::String,
        "bytes" => ParameterType::Bytes,
        "duration" => ParameterType::Duration,
        "timestamp" => ParameterType::Timestamp,
        "ipaddress" => ParameterType::IpAddress,
        _ => match (inner("list<"), inner("map<")) {
            (Some(of), _) => ParameterType::List(of),
            (_, Some(of)) => ParameterType::Map(of),
            _ => panic!("no type `{written}`"),
        },
    }
}

fn compile(declared: &str, expression: &str) -> Condition {
    Condition::compile(&parameters(declared), expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

fn refusal(declared: &str, expression: &str) -> String {
    Condition::compile(&parameters(declared), expression).expect_err(expression).to_string()
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::Float(number.as_f64().expect("a number")), Value::Integer)
        }
        serde_json::Value::String(text) => Value::String(text.clone()),
        serde_json::Value::Array(values) => Value::List(values.iter().map(value).collect()),
        serde_json::Value::Object(members) => {
            Value::Map(members.iter().map(|(name, member)| (name.clone(), value(member))).collect())
        }
    }
}

fn context(json: &str) -> Context {
    match value(&serde_json::from_str(json).expect(json)) {
        Value::Map(members) => members,
        other => panic!("no object: {other:?}"),
    }
}

fn ask(declared: &str, expression: &str, asked: &str) -> Evaluation {
    compile(declared, expression).evaluate(&Context::new(), &context(asked))
}

/// The outcome in short: `true`, `false`, `missing a b`, `failed: …`.
fn outcome(evaluation: &Evaluation) -> String {
    match evaluation {
        Evaluation::True => "true".to_owned(),
        Evaluation::False => "false".to_owned(),
        Evaluation::Missing(names) => format!("missing {}", names.join(" ")),
        Evaluation::Failed(message) => format!("failed: {message}"),
    }
}

#[track_caller]
fn table(rows: &[(&str, &str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (declared, expression, asked, expected) in rows {
        let found = outcome(&ask(declared, expression, asked));
        if found != *expected && !(expected.ends_with('…') && found.starts_with(expected.trim_end_matches('…'))) {
            wrong.push(format!("{expression} with {asked}: {found}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
