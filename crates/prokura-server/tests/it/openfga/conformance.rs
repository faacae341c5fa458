//! OpenFGA's own suites: models, tuples and what must be answered. Every test gets a store; its stages share it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::support::Store;
use crate::support::{Answer, Setup, conformance};

/// The suites, each with how many assertions pass, and pass again with all tuples contextual.
const LEVELS: [(&str, usize, usize); 5] = [
    ("consolidated_1_1_tests", 578, 463),
    ("abac_tests", 230, 214),
    ("check_matrix", 1_512, 1_512),
    ("list_objects_matrix", 151, 151),
    ("sample_stores", 296, 28),
];

/// Most tuples that a test may have to be run with all of them contextual.
const CONTEXTUAL_MAX: usize = 100;

struct Suite {
    codes: BTreeMap<String, String>,
    failures: Vec<String>,
    passed: usize,
}

#[tokio::test]
async fn every_suite_of_openfga_passes_as_far_as_recorded() {
    let Some(codes) = conformance("openfga/error_codes.json") else { return };
    let codes: BTreeMap<String, String> = serde_json::from_str(&codes).unwrap();
    let setup = Setup::empty().await;
    let mut behind = Vec::new();
    let mut store = Store { setup, id: String::new() };
    for (name, written, contextual) in LEVELS {
        let Some(text) = conformance(&format!("openfga/normalised/{name}.json")) else { return };
        let data: Value = serde_json::from_str(&text).unwrap();
        for (mode, level) in [("written", written), ("contextual", contextual)] {
            let mut suite = Suite { codes: codes.clone(), failures: Vec::new(), passed: 0 };
            for test in data["tests"].as_array().unwrap() {
                suite.run(&mut store, &data["models"], test, mode == "contextual").await;
            }
            println!("{name}, {mode}: {} passed, {} failed", suite.passed, suite.failures.len());
            if suite.passed < level || !suite.failures.is_empty() {
                behind.push(format!("{name}, {mode}: {} of {level}; {:#?}", suite.passed, suite.failures));
            }
        }
    }
    assert!(behind.is_empty(), "{behind:#?}");
}

impl Suite {
    async fn run(&mut self, store: &mut Store, models: &Value, test: &Value, contextual: bool) {
        let stages = test["stages"].as_array().unwrap();
        let many = |stage: &Value| stage["tuples"].as_array().unwrap().len() > CONTEXTUAL_MAX;
        if contextual && (stages.len() > 1 || stages.iter().any(many)) {
            return;
        }
        let made = store.setup.post("/stores", &store.setup.admin, &json!({ "name": "suite" })).await;
        store.id = made.json()["id"].as_str().unwrap().to_owned();
        for (position, stage) in stages.iter().enumerate() {
            let name = format!("{} stage {position}", test["name"].as_str().unwrap());
            let model = match &stage["model"] {
                Value::String(name) => &models[name.as_str()]["json"],
                position => &models[usize::try_from(position.as_u64().unwrap()).unwrap()]["json"],
            };
            let written = store.post("authorization-models", model).await;
            if written.status != 201 {
                self.failures.push(format!("{name}: {}", written.text));
                continue;
            }
            let id = written.json()["authorization_model_id"].clone();
            let tuples = stage["tuples"].as_array().unwrap();
            let mut besides = Vec::new();
            if contextual {
                besides.clone_from(tuples);
            } else {
                for part in tuples.chunks(CONTEXTUAL_MAX) {
                    let body = json!({ "authorization_model_id": id, "writes": { "tuple_keys": part } });
                    let written = store.post("write", &body).await;
                    assert_eq!(written.status, 200, "{name}: {}", written.text);
                }
            }
            for assertion in stage["assertions"].as_array().unwrap() {
                let mut tuples = assertion["contextual_tuples"].as_array().cloned().unwrap_or_default();
                tuples.extend(besides.iter().cloned());
                let asking = Asking { store, model: &id, tuples, context: assertion.get("context") };
                match asking.assert(assertion, &self.codes).await {
                    Ok(passed) => self.passed += passed,
                    Err(failure) => self.failures.push(format!("{name}: {assertion}: {failure}")),
                }
            }
        }
    }
}

struct Asking<'a> {
    store: &'a Store,
    model: &'a Value,
    tuples: Vec<Value>,
    context: Option<&'a Value>,
}

impl Asking<'_> {
    /// How many things were asserted and hold.
    async fn assert(&self, assertion: &Value, codes: &BTreeMap<String, String>) -> Result<usize, String> {
        let kind = assertion["kind"].as_str().unwrap();
        let answer = self.ask(kind, assertion).await;
        if let Some(code) = assertion["error_code"].as_u64() {
            let wanted = codes[&code.to_string()].as_str();
            let told = answer.status >= 400 && answer.json()["code"] == wanted;
            return if told { Ok(1) } else { Err(answer.text) };
        }
        if answer.status != 200 {
            return Err(answer.text);
        }
        if kind == "check" {
            let holds = answer.json()["allowed"] == assertion["expect"];
            return if holds { Ok(1) } else { Err(answer.text) };
        }
        let found = listed(kind, &answer.json());
        let named = |member: &str| {
            assertion.get(member).map(|list| {
                let texts = list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
                let mut texts: Vec<String> = texts.collect();
                texts.sort();
                texts
            })
        };
        let everyone = found.iter().any(|text| text.ends_with(":*"));
        let holds = match (named("expect"), named("expect_contains"), named("expect_contains_or_wildcard")) {
            (Some(all), ..) => found == all,
            (_, Some(some), _) => some.iter().all(|text| found.contains(text)),
            (.., Some(some)) => everyone || some.iter().all(|text| found.contains(text)),
            _ => named("expect_not_contains").is_none_or(|none| none.iter().all(|text| !found.contains(text))),
        };
        if !holds {
            return Err(format!("found {found:?}"));
        }
        if assertion.get("expect").is_some() {
            self.check_listed(kind, &assertion["request"], &found).await?;
        }
        Ok(1)
    }

    /// Whatever is listed must be so when it is asked about.
    async fn check_listed(&self, kind: &str, request: &Value, found: &[String]) -> Result<(), String> {
        for one in found {
            let (user, object) = match kind {
                "list_objects" => (request["user"].clone(), json!(one)),
                _ => (json!(one), request["object"].clone()),
            };
            let tuple = json!({ "user": user, "relation": request["relation"], "object": object });
            let answer = self.ask("check", &json!({ "tuple": tuple })).await;
            if answer.status != 200 || answer.json()["allowed"] != true {
                return Err(format!("{one} is listed, but: {}", answer.text));
            }
        }
        Ok(())
    }

    async fn ask(&self, kind: &str, assertion: &Value) -> Answer {
        let mut body = Map::new();
        body.insert("authorization_model_id".to_owned(), self.model.clone());
        if let Some(context) = self.context {
            body.insert("context".to_owned(), context.clone());
        }
        let request = &assertion["request"];
        let mut tuples = json!({ "tuple_keys": self.tuples });
        let route = match kind {
            "check" => {
                body.insert("tuple_key".to_owned(), assertion["tuple"].clone());
                "check"
            }
            "list_objects" => {
                body.extend(request.as_object().unwrap().clone());
                "list-objects"
            }
            _ => {
                let (kind, id) = request["object"].as_str().unwrap().split_once(':').unwrap();
                let filters = request["filters"].as_array().unwrap().iter().map(|filter| filter.as_str().unwrap());
                let filters = filters.map(|filter| match filter.split_once('#') {
                    Some((kind, relation)) => json!({ "type": kind, "relation": relation }),
                    None => json!({ "type": filter }),
                });
                body.insert("object".to_owned(), json!({ "type": kind, "id": id }));
                body.insert("relation".to_owned(), request["relation"].clone());
                body.insert("user_filters".to_owned(), filters.collect());
                tuples = tuples["tuple_keys"].take();
                "list-users"
            }
        };
        if !self.tuples.is_empty() {
            body.insert("contextual_tuples".to_owned(), tuples);
        }
        self.store.post(route, &Value::Object(body)).await
    }
}

fn listed(kind: &str, answer: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut found: Vec<String> = match kind {
        "list_objects" => answer["objects"].as_array().unwrap().iter().map(text).collect(),
        _ => answer["users"].as_array().unwrap().iter().map(user).collect(),
    };
    found.sort();
    found
}

fn user(user: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match (user.get("object"), user.get("userset"), user.get("wildcard")) {
        (Some(object), ..) => format!("{}:{}", text(&object["type"]), text(&object["id"])),
        (_, Some(set), _) => format!("{}:{}#{}", text(&set["type"]), text(&set["id"]), text(&set["relation"])),
        (.., Some(everyone)) => format!("{}:*", text(&everyone["type"])),
        _ => panic!("{user}"),
    }
}
