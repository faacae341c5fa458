//! The AuthZEN door.

use prokura_model::{KeyRole, KeyScope};
use serde_json::{Value, json};

use crate::support::{Answer, Setup, conformance};

const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";

fn question(subject: &str, action: &str, resource: &str) -> Value {
    json!({
        "subject": {"type": "user", "id": subject},
        "action": {"name": action},
        "resource": {"type": "record", "id": resource},
    })
}

#[tokio::test]
async fn a_question_is_answered_with_the_decision_and_its_context() {
    let setup = Setup::filled().await;
    let answer = setup.post(EVALUATION, &setup.admin, &question("alice", "write", "record-1")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = answer.json();
    assert_eq!(body["decision"], true);
    assert_eq!(body["context"]["reason"], "own_authority");
    assert!(body["context"]["revision"].as_u64() > Some(0));
    let id = body["context"]["id"].as_str().unwrap();
    let record = setup.get(&format!("/v1/tenants/default/decisions/{id}"), &setup.admin).await.json();
    assert_eq!(record["door"], "authzen");
    assert_eq!(record["request"]["action"]["name"], "write");

    let denied = setup.post(EVALUATION, &setup.admin, &question("bob", "write", "record-1")).await.json();
    assert_eq!(denied["decision"], false);
    assert_eq!(denied["context"]["reason"], "no_path");
}

#[tokio::test]
async fn names_that_do_not_exist_are_a_deny_that_says_so() {
    let setup = Setup::filled().await;
    for (body, code) in [
        (
            json!({"subject": {"type": "robot", "id": "r"}, "action": {"name": "read"}, "resource": {"type": "record", "id": "x"}}),
            "type_unknown",
        ),
        (question("alice", "reead", "record-1"), "permission_unknown"),
    ] {
        let answer = setup.post(EVALUATION, &setup.admin, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let answer = answer.json();
        assert_eq!(answer["decision"], false);
        assert_eq!(answer["context"]["error"]["status"], 400);
        println!("{code}: {answer}");
    }
}

#[tokio::test]
async fn what_could_be_no_name_is_a_mistake_in_the_request() {
    let setup = Setup::filled().await;
    let mut typed = question("alice", "read", "record-1");
    typed["subject"]["type"] = json!("A B");
    for (body, begin) in [
        (question("alice", "View!", "record-1"), "relation_name_invalid: `action.name`"),
        (typed, "type_name_invalid: `subject.type`"),
    ] {
        let answer = setup.post(EVALUATION, &setup.admin, &body).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text.starts_with(begin), "{}", answer.text);
    }
}

#[tokio::test]
async fn certification_cases_pass() {
    let Some(text) = conformance("authzen/suites.json") else { return };
    let suites: Value = serde_json::from_str(&text).unwrap();
    let setup = Setup::filled().await;
    // The certification's record-2 exists by being asked about; its own policy adds a delete by Alice, which `write` gives.
    let mut ran = 0;
    for suite in suites["suites"].as_array().unwrap() {
        if suite["suite"] != "certification-1_0" {
            continue;
        }
        for case in suite["cases"].as_array().unwrap() {
            if ["basic-core", "batch-core", "discovery"].contains(&case["level"].as_str().unwrap_or("")) {
                run_case(&setup, case).await;
                ran += 1;
            }
        }
    }
    assert!(ran >= 20, "only {ran} cases");
}

async fn run_case(setup: &Setup, case: &Value) {
    let id = &case["id"];
    if case["metadata"] == true {
        let body = setup.get("/.well-known/authzen-configuration", "").await.json();
        assert_eq!(body["policy_decision_point"], setup.server.url(), "{id}");
        assert_eq!(body["access_evaluation_endpoint"], setup.url(EVALUATION), "{id}");
        assert_eq!(body["access_evaluations_endpoint"], setup.url(EVALUATIONS), "{id}");
        return;
    }
    for _ in 0..case["repeat"].as_u64().unwrap_or(1) {
        let answer = ask(setup, case).await;
        if let Some(status) = case["http"].as_u64() {
            assert_eq!(u64::from(answer.status), status, "{id}: {}", answer.text);
            continue;
        }
        assert_eq!(answer.status, 200, "{id}: {}", answer.text);
        let body = answer.json();
        if !case["decision"].is_null() {
            assert_eq!(body["decision"], case["decision"], "{id}: {body}");
        }
        if let Some(wanted) = case["decisions"].as_array() {
            let found = body["evaluations"].as_array().unwrap();
            assert_eq!(found.len(), wanted.len(), "{id}: {body}");
            for (found, wanted) in found.iter().zip(wanted) {
                assert!(found["decision"].is_boolean(), "{id}");
                assert!(wanted.is_null() || found["decision"] == *wanted, "{id}: {body}");
            }
        }
        if case["echo_request_id"] == true {
            assert_eq!(answer.header("x-request-id"), case["headers"]["X-Request-ID"].as_str(), "{id}");
        }
    }
}

async fn ask(setup: &Setup, case: &Value) -> Answer {
    let path = format!("/access/v1/{}", case["endpoint"].as_str().unwrap());
    let body = match case["raw_body"].as_str() {
        Some(raw) => raw.to_owned(),
        None => case["request"].to_string(),
    };
    let mut request = setup
        .http
        .post(setup.url(&path))
        .bearer_auth(&setup.admin)
        .header("content-type", case["content_type"].as_str().unwrap_or("application/json"));
    if let Some(headers) = case["headers"].as_object() {
        for (name, value) in headers {
            request = request.header(name, value.as_str().unwrap());
        }
    }
    setup.send(request.body(body)).await
}

#[tokio::test]
async fn an_enforcement_point_asks_about_those_it_speaks_for() {
    let setup = Setup::filled().await;
    let point = setup.enforcement_point(&["user:alice"]);
    assert_eq!(setup.post(EVALUATION, &point, &question("alice", "read", "record-1")).await.status, 200);
    let refused = setup.post(EVALUATION, &point, &question("bob", "read", "record-1")).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("content-type"), Some("text/plain; charset=utf-8"));
    let auditor = setup.key(KeyRole::Auditor, KeyScope::AllTenants);
    assert_eq!(setup.post(EVALUATION, &auditor, &question("alice", "read", "record-1")).await.status, 403);
    let nobody = setup.send(setup.http.post(setup.url(EVALUATION)).json(&question("alice", "read", "record-1"))).await;
    assert_eq!(nobody.status, 401);
    assert!(nobody.header("www-authenticate").unwrap().starts_with("Bearer"));
}
