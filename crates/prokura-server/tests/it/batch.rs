//! AuthZEN's `evaluations`, and what the envelope of any question may look like.

use serde_json::{Value, json};

use crate::support::Setup;

const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";

fn record(id: &str) -> Value {
    json!({"type": "record", "id": id})
}

/// Alice may write record-1 and nothing else; what an item does not say is from here.
fn batch(semantic: Option<&str>, items: &Value) -> Value {
    let mut body = json!({
        "subject": {"type": "user", "id": "alice"}, "action": {"name": "write"}, "resource": record("record-2"),
        "evaluations": items,
    });
    if let Some(semantic) = semantic {
        body["options"] = json!({"evaluations_semantic": semantic, "other": 1});
    }
    body
}

fn decisions(body: &Value) -> Vec<bool> {
    assert!(body.get("decision").is_none(), "{body}");
    body["evaluations"].as_array().unwrap().iter().map(|answer| answer["decision"].as_bool().unwrap()).collect()
}

#[tokio::test]
async fn the_semantics_say_when_to_stop() {
    let setup = Setup::filled().await;
    let items = json!([{"resource": record("record-1")}, {}, {"resource": record("record-1")}]);
    for (semantic, wanted) in [
        (None, vec![true, false, true]),
        (Some("execute_all"), vec![true, false, true]),
        (Some("deny_on_first_deny"), vec![true, false]),
        (Some("permit_on_first_permit"), vec![true]),
    ] {
        let answer = setup.post(EVALUATIONS, &setup.admin, &batch(semantic, &items)).await;
        assert_eq!(decisions(&answer.json()), wanted, "{semantic:?}");
    }
    let answer = setup.post(EVALUATIONS, &setup.admin, &batch(Some("whatever"), &items)).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn what_an_item_says_replaces_the_default_whole() {
    let setup = Setup::filled().await;
    // The item's resource has no id, and does not borrow the default's.
    let items = json!([{"resource": {"type": "record"}}, {"action": {"name": "read"}, "resource": record("record-1")}]);
    let body = setup.post(EVALUATIONS, &setup.admin, &batch(None, &items)).await.json();
    assert_eq!(decisions(&body), [false, true]);
    let error = &body["evaluations"][0]["context"]["error"];
    assert_eq!(error["status"], 400);
    assert_eq!(error["code"], "member_missing");
    assert!(error["message"].as_str().unwrap().contains("resource.id"), "{error}");
}

#[tokio::test]
async fn a_faulty_item_fails_alone() {
    let setup = Setup::filled().await;
    let items = json!([
        1,
        {"subject": "alice"},
        {"subject": {"type": "user", "id": "*"}},
        {"subject": {"type": "robot", "id": "r"}},
        {"context": {"delegation": 1}},
        {"context": {"delegation": "d-unknown"}, "resource": record("record-1")},
        {"resource": record("record-1")},
    ]);
    let body = setup.post(EVALUATIONS, &setup.admin, &batch(None, &items)).await.json();
    assert_eq!(decisions(&body), [false, false, false, false, false, false, true]);
    assert_eq!(body["evaluations"][5]["context"]["reason"], "delegation_unknown");
    let point = setup.enforcement_point(&["user:bob"]);
    let body = setup.post(EVALUATIONS, &point, &batch(None, &json!([{}]))).await.json();
    assert_eq!(body["evaluations"][0]["context"]["error"]["status"], 403);
}

#[tokio::test]
async fn without_items_it_is_one_question() {
    let setup = Setup::filled().await;
    let mut body = batch(None, &json!([]));
    body["resource"] = record("record-1");
    for evaluations in [json!([]), json!(null)] {
        body["evaluations"] = evaluations;
        let answer = setup.post(EVALUATIONS, &setup.admin, &body).await.json();
        assert_eq!(answer["decision"], true, "{answer}");
    }
    body["evaluations"] = json!({});
    assert_eq!(setup.post(EVALUATIONS, &setup.admin, &body).await.status, 400);
}

#[tokio::test]
async fn null_is_as_good_as_absent_and_the_unknown_is_ignored() {
    let setup = Setup::filled().await;
    let mut body = json!({
        "subject": {"type": "user", "id": "alice", "properties": null, "x": 1}, "action": {"name": "read", "properties": {}},
        "resource": {"type": "record", "id": "record-1"}, "context": null, "future": [1],
    });
    assert_eq!(setup.post(EVALUATION, &setup.admin, &body).await.json()["decision"], true);
    body["context"] = json!({"delegation": null, "ip": "192.0.2.1"});
    assert_eq!(setup.post(EVALUATION, &setup.admin, &body).await.json()["decision"], true);
    for (member, value) in [("subject", json!(null)), ("context", json!("x")), ("action", json!({"name": null}))] {
        let mut wrong = body.clone();
        wrong[member] = value;
        assert_eq!(setup.post(EVALUATION, &setup.admin, &wrong).await.status, 400, "{member}");
    }
}

#[tokio::test]
async fn properties_are_recorded_and_grant_nothing() {
    let setup = Setup::filled().await;
    let body = json!({
        "subject": {"type": "user", "id": "bob", "properties": {"role": "admin"}}, "action": {"name": "write"},
        "resource": {"type": "record", "id": "record-1", "properties": {"owner": "bob"}}, "context": {"ip": "192.0.2.1"},
    });
    let answer = setup.post(EVALUATION, &setup.admin, &body).await.json();
    assert_eq!(answer["decision"], false);
    let id = answer["context"]["id"].as_str().unwrap();
    let record = setup.get(&format!("/v1/tenants/default/decisions/{id}"), &setup.admin).await.json();
    assert_eq!(record["request"], body);
    assert_eq!(record["reason"], "no_path");
}

#[tokio::test]
async fn the_name_of_a_request_comes_back_everywhere() {
    let setup = Setup::filled().await;
    for path in ["/healthz", "/readyz", "/openapi.json", "/nothing", "/v1/keys", EVALUATION] {
        let named = setup.http.get(setup.url(path)).header("x-request-id", "r-1");
        assert_eq!(setup.send(named).await.header("x-request-id"), Some("r-1"), "{path}");
        let unnamed = setup.send(setup.http.get(setup.url(path))).await;
        assert_eq!(unnamed.header("x-request-id").map(str::len), Some(36), "{path}");
    }
    let body = json!({"subject": {"type": "user", "id": "alice"}, "action": {"name": "read"},
        "resource": {"type": "record", "id": "record-1"}});
    let request = setup.http.post(setup.url(EVALUATION)).bearer_auth(&setup.admin).header("x-request-id", "r-2");
    let answer = setup.send(request.json(&body)).await.json();
    let id = answer["context"]["id"].as_str().unwrap();
    let record = setup.get(&format!("/v1/tenants/default/decisions/{id}"), &setup.admin).await.json();
    assert_eq!(record["request_id"], "r-2");
}

#[tokio::test]
async fn each_tenant_has_its_own_address() {
    let setup = Setup::filled().await;
    let found =
        setup.send(setup.http.get(setup.url("/.well-known/authzen-configuration/tenants/default"))).await.json();
    assert_eq!(found["policy_decision_point"], setup.url("/tenants/default"));
    let endpoint = found["access_evaluation_endpoint"].as_str().unwrap();
    let body = json!({"subject": {"type": "user", "id": "alice"}, "action": {"name": "read"},
        "resource": {"type": "record", "id": "record-1"}});
    let answer = setup.send(setup.http.post(endpoint).bearer_auth(&setup.admin).json(&body)).await;
    assert_eq!(answer.json()["decision"], true);
    for path in ["/tenants/nobody/access/v1/evaluation", "/tenants/nobody/access/v1/evaluations"] {
        assert_eq!(setup.post(path, &setup.admin, &body).await.status, 404, "{path}");
    }
    let body = json!({"evaluations": [body]});
    assert_eq!(setup.post("/tenants/nobody/access/v1/evaluations", &setup.admin, &body).await.status, 404);
}

#[tokio::test]
async fn the_address_is_the_configured_one_or_the_callers() {
    let config = prokura_server::Config { public_url: Some("https://authz.example".to_owned()), ..Default::default() };
    let setup = Setup::with(config).await;
    let found = setup.send(setup.http.get(setup.url("/.well-known/authzen-configuration"))).await.json();
    assert_eq!(found["policy_decision_point"], "https://authz.example");
    let setup = Setup::empty().await;
    let request = setup.http.get(setup.url("/.well-known/authzen-configuration"));
    let found = setup.send(request.header("host", "pdp.internal:9000")).await.json();
    assert_eq!(found["policy_decision_point"], "http://pdp.internal:9000");
}
