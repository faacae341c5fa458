use std::path::PathBuf;

use serde_json::Value;

use super::*;

fn conformance(file: &str) -> Option<String> {
    let folder = match std::env::var_os("PROKURA_CONFORMANCE") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
    };
    let path = folder.join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            println!("LEFT OUT: {} cannot be read ({error}); set PROKURA_CONFORMANCE to its folder", path.display());
            None
        }
    }
}

/// The model, with nothing said that says nothing.
fn plain(mut model: AuthorizationModel) -> AuthorizationModel {
    for kind in &mut model.type_definitions {
        kind.relations = Some(kind.relations.take().unwrap_or_default());
        let mut relations = kind.metadata.take().and_then(|metadata| metadata.relations).unwrap_or_default();
        relations.retain(|_, said| said.directly_related_user_types.as_ref().is_some_and(|types| !types.is_empty()));
        kind.metadata = (!relations.is_empty()).then_some(TypeMetadata { relations: Some(relations) });
    }
    model.conditions = model.conditions.filter(|conditions| !conditions.is_empty());
    model
}

#[test]
fn every_model_of_the_transformer_is_read_as_its_json_says() {
    let folder = match std::env::var_os("PROKURA_CONFORMANCE") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
    };
    let folder = folder.join("openfga/language/transformer");
    let Ok(cases) = std::fs::read_dir(&folder) else {
        println!("LEFT OUT: {} cannot be read; set PROKURA_CONFORMANCE to its folder", folder.display());
        return;
    };
    let mut passed = 0;
    for case in cases {
        let case = case.unwrap().path();
        let read = |file: &str| std::fs::read_to_string(case.join(file)).unwrap();
        let wanted: AuthorizationModel = serde_json::from_str(&read("authorization-model.json")).unwrap();
        let found = parse(&read("authorization-model.fga")).unwrap_or_else(|faults| panic!("{case:?}: {faults:?}"));
        assert_eq!(plain(found), plain(wanted), "{}", case.display());
        passed += 1;
    }
    println!("transformer: {passed} passed, 0 failed");
    assert!(passed >= 20, "{passed}");
}

#[test]
fn every_model_of_the_suites_is_read_as_its_json_says() {
    let mut passed = 0;
    for suite in ["consolidated_1_1_tests", "abac_tests", "check_matrix", "list_objects_matrix", "sample_stores"] {
        let Some(text) = conformance(&format!("openfga/normalised/{suite}.json")) else { return };
        let data: Value = serde_json::from_str(&text).unwrap();
        let models: Vec<&Value> = match &data["models"] {
            Value::Array(models) => models.iter().collect(),
            Value::Object(models) => models.values().collect(),
            other => panic!("{other}"),
        };
        for model in models {
            let Some(dsl) = model["dsl"].as_str() else { continue };
            let wanted: AuthorizationModel = serde_json::from_value(model["json"].clone()).unwrap();
            let found = parse(dsl).unwrap_or_else(|faults| panic!("{dsl}\n{faults:?}"));
            assert_eq!(plain(found), plain(wanted), "{dsl}");
            passed += 1;
        }
    }
    println!("models of the suites: {passed} passed, 0 failed");
    assert!(passed >= 100, "{passed}");
}

#[test]
fn texts_that_are_no_models_are_refused_where_they_are_wrong() {
    let Some(text) = conformance("openfga/language/dsl-syntax-validation-cases.json") else { return };
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut passed = 0;
    for case in &cases {
        let dsl = case["dsl"].as_str().unwrap();
        let wanted: Vec<usize> = case["expected_errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|error| usize::try_from(error["line"]["start"].as_u64().unwrap()).unwrap() + 1)
            .collect();
        let found = parse(dsl);
        match (&found, wanted.is_empty()) {
            (Ok(_), true) => passed += 1,
            // The place of a mistake is its line: that text ends in a line without a name, and not in the one behind it.
            (Err(faults), false) if faults.first().is_some_and(|fault| wanted.contains(&fault.line)) => passed += 1,
            _ => panic!("{}\n{dsl}\nfound {found:?}, wanted mistakes in lines {wanted:?}", case["name"]),
        }
    }
    println!("syntax: {passed} passed, 0 failed");
    assert!(passed >= 56, "{passed}");
}

#[test]
fn texts_whose_names_lead_nowhere_are_still_read() {
    let Some(text) = conformance("openfga/language/dsl-semantic-validation-cases.json") else { return };
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    for case in &cases {
        let dsl = case["dsl"].as_str().unwrap();
        if let Err(faults) = parse(dsl) {
            // Two of them are about versions and modules, which are looked at here.
            assert!(dsl.contains("module") || dsl.contains("1.5"), "{dsl}\n{faults:?}");
        }
    }
    assert!(cases.len() >= 60, "{}", cases.len());
}

#[test]
fn mistakes_are_told_with_their_places() {
    let text = "model\n  schema 1.1\ntype user\ntype document\n  relations\n    define a: [user] or\n    define b [user]\n    \
                define c: [user] and d or e\n    define f: [user\n";
    let found = parse(text).unwrap_err();
    let places: Vec<_> = found.iter().map(|fault| (fault.line, fault.column)).collect();
    assert_eq!(places, [(6, 24), (7, 14), (8, 28), (10, 1)], "{found:?}");
    assert_eq!(found[1].to_string(), "7:14: expected `:`");
}

#[test]
fn parentheses_are_not_nested_without_end() {
    let nested = |depth: usize| {
        let (open, close) = ("(".repeat(depth), ")".repeat(depth));
        format!("model\n  schema 1.1\ntype user\n  relations\n    define a: [user]\n    define b: {open}a{close}\n")
    };
    parse(&nested(MODEL_NESTING_MAX)).unwrap();
    let faults = parse(&nested(MODEL_NESTING_MAX + 1)).unwrap_err();
    assert!(faults[0].message.contains("deep"), "{faults:?}");
}

#[test]
fn braces_in_strings_do_not_end_a_condition() {
    let text = "model\n  schema 1.1\ntype user\ncondition c(x: string) {\n  x == \"}\\\"}\" || x == '{' || {\"a\": x}.a == x\n}\n";
    let model = parse(text).unwrap();
    let condition = &model.conditions.unwrap()["c"];
    assert_eq!(condition.expression, "x == \"}\\\"}\" || x == '{' || {\"a\": x}.a == x");
}
