//! The published tests of CEL, each as a caveat: `probe && (expression == literal)`.

use std::{fmt::Write as _, path::PathBuf};

use serde_json::Value as Json;

use super::super::{Condition, Evaluation, ParameterType};
use super::Context;
use crate::Value;

/// Tests that must pass; more may.
const PASSED_MIN: usize = 1_113;

/// Tests whose outcome is meant to differ from what a caveat of SpiceDB does, and why: by name, and by what the expression contains.
const MEANT: &[(&str, &str, &str)] = &[
    ("", "google.protobuf.", "messages of protobuf cannot be built in a condition"),
    ("new_pages", "TestAllTypes", "messages of protobuf cannot be built in a condition"),
    ("uint_eq_right_false", "", "a `uint` parameter may be compared with a `uint` literal, as in OpenFGA"),
    ("string_exp_neg_neg", "", "the reader of this JSON rounds the number that is expected"),
];

#[expect(clippy::disallowed_methods, reason = "a test is told by the environment where its data is, and reads it")]
fn tests() -> Option<Vec<Json>> {
    let folder = std::env::var_os("PROKURA_CONFORMANCE").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance")),
        PathBuf::from,
    );
    let path = folder.join("cel/tests.json");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            println!("LEFT OUT: {} cannot be read ({error}); set PROKURA_CONFORMANCE to its folder", path.display());
            return None;
        }
    };
    let json: Json = serde_json::from_str(&text).expect("JSON");
    Some(json["tests"].as_array().expect("tests").clone())
}

#[test]
fn cel_tests_do_what_a_caveat_does_with_them() {
    let Some(tests) = tests() else { return };
    let (mut passed, mut failed) = (0, 0);
    let mut report = String::new();
    for test in &tests {
        let (file, name) = (test["file"].as_str().expect("file"), test["name"].as_str().expect("name"));
        let section = test["section"].as_str().expect("section");
        match run(test) {
            Ok(()) => passed += 1,
            Err(problem) => {
                failed += 1;
                let expression = test["expr"].as_str().expect("an expression");
                let meant = |row: &&(&str, &str, &str)| {
                    (row.0.is_empty() || row.0 == name) && expression.replace('\u{c}', "").contains(row.1)
                };
                let reason = MEANT.iter().find(meant);
                let reason = reason.map_or("NOT MEANT", |(_, _, reason)| reason);
                let _ = writeln!(report, "{file}/{section}/{name}: {} ({problem}): {reason}", test["expr"]);
            }
        }
    }
    println!("{report}cel: {passed} passed, {failed} failed");
    assert!(!report.contains("NOT MEANT"), "{report}");
    assert!(passed >= PASSED_MIN, "only {passed} passed");
}

fn run(test: &Json) -> Result<(), String> {
    let expression = test["expr"].as_str().expect("an expression");
    let label = test["spicedb"].as_str().expect("a label");
    let (mut parameters, context) = bound(test);
    parameters.push(("probe".to_owned(), ParameterType::Bool));
    let expected = test.get("value").or_else(|| test["typed_result"].get("result"));
    let text = match expected {
        Some(value) => format!("probe && (({expression}) == {})", literal(value)),
        None => format!("probe && (dyn({expression}) == dyn(0))"),
    };
    let compiled = Condition::compile(&parameters, &text);
    if label.contains("is unused") {
        let unused = |condition: &Condition| !condition.parameters_used().contains(&expression.to_owned());
        return compiled.as_ref().is_ok_and(unused).then_some(()).ok_or_else(|| "should be unused".to_owned());
    }
    // SpiceDB's schema text cannot hold these; here they mean what they mean in CEL.
    let beyond_its_text =
        label.contains("parse error in `schema`") && !test["file"].as_str().is_some_and(|f| f.ends_with("_ext"));
    match (label.starts_with("ok") || beyond_its_text, compiled) {
        (true, Ok(condition)) => match (condition.evaluate(&Context::new(), &context), expected) {
            (Evaluation::True, Some(_)) | (Evaluation::Failed(_), None) => Ok(()),
            (found, _) => Err(format!("{found:?}")),
        },
        (true, Err(_)) if expected.is_none() && label.contains("compile") => Ok(()),
        (true, Err(error)) => Err(error.to_string()),
        (false, Err(_)) => Ok(()),
        (false, Ok(_)) => Err(format!("compiles, and SpiceDB says: {label}")),
    }
}

fn bound(test: &Json) -> (Vec<(String, ParameterType)>, Context) {
    let mut parameters = Vec::new();
    let mut context = Context::from([("probe".to_owned(), Value::Bool(true))]);
    for declared in test["type_env"].as_array().into_iter().flatten() {
        let name = declared["name"].as_str().expect("a name");
        parameters.push((name.to_owned(), parameter_type(&declared["ident"]["type"])));
        if let Some(value) = test["bindings"].get(name) {
            context.insert(name.to_owned(), given(&value["value"]));
        }
    }
    (parameters, context)
}

fn parameter_type(json: &Json) -> ParameterType {
    if let Some(list) = json.get("list_type") {
        return ParameterType::List(Box::new(parameter_type(&list["elem_type"])));
    }
    if let Some(map) = json.get("map_type") {
        return ParameterType::Map(Box::new(parameter_type(&map["value_type"])));
    }
    match json["primitive"].as_str() {
        Some("BOOL") => ParameterType::Bool,
        Some("INT64") => ParameterType::Int,
        Some("UINT64") => ParameterType::Uint,
        Some("DOUBLE") => ParameterType::Double,
        Some("STRING") => ParameterType::String,
        Some("BYTES") => ParameterType::Bytes,
        _ => ParameterType::Any,
    }
}

fn given(json: &Json) -> Value {
    let (kind, value) = json.as_object().and_then(|object| object.iter().next()).expect("a value");
    match kind.as_str() {
        "list_value" => Value::List(value["values"].as_array().into_iter().flatten().map(given).collect()),
        "map_value" => {
            let entries = value["entries"].as_array().into_iter().flatten();
            let member = |entry: &Json| {
                (entry["key"]["string_value"].as_str().expect("a key").to_owned(), given(&entry["value"]))
            };
            Value::Map(entries.map(member).collect())
        }
        _ => super::value(value),
    }
}

fn literal(json: &Json) -> String {
    let (kind, value) = json.as_object().and_then(|object| object.iter().next()).expect("a value");
    let text = value.as_str().unwrap_or_default();
    match kind.as_str() {
        "bool_value" => value.to_string(),
        "int64_value" | "type_value" => text.to_owned(),
        "uint64_value" => format!("{text}u"),
        "double_value" => match value.as_f64() {
            Some(number) => format!("{number:?}"),
            None => format!("double('{text}')"),
        },
        "string_value" => quoted(text.chars().map(u32::from), "\\U", 8),
        "bytes_value" => format!("b{}", quoted(decoded(text).into_iter().map(u32::from), "\\x", 2)),
        "null_value" => "null".to_owned(),
        "list_value" => {
            let values: Vec<_> = value["values"].as_array().into_iter().flatten().map(literal).collect();
            format!("[{}]", values.join(", "))
        }
        "map_value" => {
            let entries = value["entries"].as_array().into_iter().flatten();
            let entries: Vec<_> =
                entries.map(|entry| format!("{}: {}", literal(&entry["key"]), literal(&entry["value"]))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => panic!("no literal for {other}"),
    }
}

fn quoted(codes: impl Iterator<Item = u32>, escape: &str, digits: usize) -> String {
    let mut text = "\"".to_owned();
    for code in codes {
        let _ = write!(text, "{escape}{code:0digits$x}");
    }
    text + "\""
}

/// Base64, with a decoder that is not the one under test.
fn decoded(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = text
        .trim_end_matches('=')
        .chars()
        .map(|symbol| format!("{:06b}", ALPHABET.find(symbol).expect("base64")))
        .collect();
    bits.as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).expect("digits"), 2).expect("a byte"))
        .collect()
}
