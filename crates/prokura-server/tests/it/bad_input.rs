//! Whatever is thrown at the server: a clear answer, nothing half-written, nothing allowed.

use prokura_model::RelationshipFilter;
use serde_json::{Value, json};

use crate::support::{Answer, Setup, tenant};

const EVALUATION: &str = "/access/v1/evaluation";

async fn raw(setup: &Setup, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = setup.http.post(setup.url(path)).bearer_auth(&setup.admin).header("content-type", content_type);
    setup.send(request.body(body)).await
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_refused() {
    let setup = Setup::filled().await;
    for path in [EVALUATION, "/v1/tenants/default/relationships/write"] {
        let answer = raw(&setup, path, "application/json", vec![b' '; 10_000_000]).await;
        assert_eq!(answer.status, 413, "{}", answer.text);
        assert!(answer.text.contains("body_too_large"), "{}", answer.text);
    }
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let setup = Setup::filled().await;
    for body in ["", "{", "nonsense", "[1]", "\"text\"", "{\"subject\": {\"type\": \"user\",}}", "\u{feff}{}"] {
        for path in [EVALUATION, "/access/v1/evaluations", "/v1/tenants/default/decide"] {
            let answer = raw(&setup, path, "application/json", body).await;
            assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text);
        }
    }
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let body = format!(r#"{{"subject": {deep}}}"#);
    let answer = raw(&setup, EVALUATION, "application/json", body).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.starts_with("json_nested_too_deeply"), "{}", answer.text);
}

#[tokio::test]
async fn another_content_type_is_refused() {
    let setup = Setup::filled().await;
    let body = json!({"subject": {"type": "user", "id": "alice"}, "action": {"name": "read"},
        "resource": {"type": "record", "id": "record-1"}});
    for content_type in ["text/plain", "application/xml", "application/jsonp", ""] {
        assert_eq!(raw(&setup, EVALUATION, content_type, body.to_string()).await.status, 400, "{content_type}");
        let own = raw(&setup, "/v1/tenants/default/check", content_type, "{}").await;
        assert_eq!((own.status, own.code().as_str()), (415, "content_type_invalid"), "{content_type}");
    }
    for content_type in ["application/json; charset=utf-8", "APPLICATION/JSON"] {
        assert_eq!(raw(&setup, EVALUATION, content_type, body.to_string()).await.status, 200, "{content_type}");
    }
}

#[tokio::test]
async fn a_member_twice_is_refused_at_every_door() {
    let setup = Setup::filled().await;
    let twice = r#"{"subject": {"type": "user", "id": "bob", "id": "alice"}, "action": {"name": "read"},
        "resource": {"type": "record", "id": "record-1"}}"#;
    let answer = raw(&setup, EVALUATION, "application/json", twice).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("json_member_twice") && answer.text.contains("subject.id"), "{}", answer.text);
    let twice = r#"{"actor": {"type": "user", "id": "a"}, "actor": {"type": "user", "id": "b"}}"#;
    let answer = raw(&setup, "/v1/tenants/default/decide", "application/json", twice).await;
    assert_eq!(answer.json()["error"]["details"]["path"], "actor");
}

#[tokio::test]
async fn ids_are_compared_and_never_read_as_something_else() {
    let setup = Setup::filled().await;
    let ask = |id: &str| {
        json!({"subject": {"type": "user", "id": id}, "action": {"name": "read"},
            "resource": {"type": "record", "id": "record-1"}})
    };
    // Legal, and somebody else: a separator, a look-alike, white space.
    for id in ["alice#member", "user:alice", "alice@x", "аlice", "alice ", "ALICE", "alice/", "..", "%61lice"] {
        let answer = setup.post(EVALUATION, &setup.admin, &ask(id)).await;
        assert_eq!(answer.status, 200, "{id}: {}", answer.text);
        assert_eq!(answer.json()["decision"], false, "{id}");
    }
    let long = "a".repeat(prokura_model::limits::OBJECT_ID_BYTES_MAX + 1);
    for id in ["", "*", "ali\u{0}ce", "alice\n", "\u{7f}", "\u{85}", long.as_str()] {
        let answer = setup.post(EVALUATION, &setup.admin, &ask(id)).await;
        assert_eq!(answer.status, 400, "{id:?}: {}", answer.text);
        assert!(answer.text.starts_with("object_id_invalid: `subject.id`"), "{}", answer.text);
    }
}

#[tokio::test]
async fn an_error_names_the_place_and_nothing_is_half_written() {
    let setup = Setup::filled().await;
    let edge = |id: &str| json!({"resource": {"type": "record", "id": id}, "relation": "reader", "subject": {"type": "user", "id": "eve"}});
    let mut wrong = edge("b");
    wrong["subject"]["id"] = json!("*");
    let misspelt = json!({"resource": {"type": "record", "id": "b"}, "relaton": "reader"});
    let cases: [(Value, &str, &str); 5] = [
        (json!({"touch": [edge("a"), wrong]}), "touch[1].subject.id", "object_id_invalid"),
        (json!({"touch": [edge("a"), misspelt]}), "touch[1].relaton", "request_invalid"),
        (json!({"touch": [edge("a")], "deletes": []}), "deletes", "request_invalid"),
        (json!({"touch": [edge("a")], "delete": [edge("a")]}), "", "relationship_repeated"),
        (
            json!({"touch": [edge("a"), {"resource": {"type": "robot", "id": "x"}, "relation": "reader",
            "subject": {"type": "user", "id": "eve"}}]}),
            "",
            "",
        ),
    ];
    let before = setup.authority.snapshot(&tenant("default")).unwrap().revision();
    for (body, path, code) in cases {
        let answer = setup.post("/v1/tenants/default/relationships/write", &setup.admin, &body).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        let error = &answer.json()["error"];
        assert_eq!(error["details"]["path"].as_str().unwrap_or(""), path, "{error}");
        assert!(code.is_empty() || error["code"] == code, "{error}");
        assert_eq!(error["fault"], "caller");
        assert_eq!(error["request_id"].as_str(), answer.header("x-request-id"));
    }
    let after = setup.authority.snapshot(&tenant("default")).unwrap();
    assert_eq!(after.revision(), before);
    let all = after.relationships(&RelationshipFilter::default(), &prokura::Page::default()).unwrap();
    assert_eq!(all.entries.len(), 2);
}

#[tokio::test]
async fn a_schema_that_is_none_is_refused_with_line_and_column() {
    let setup = Setup::filled().await;
    let body = json!({"schema": "definition user {}\ndefinition record {\n\trelation reader: usr\n}"});
    let answer = setup.put("/v1/tenants/default/schema", &setup.admin, &body).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "schema_invalid"));
    let diagnostic = &answer.json()["error"]["details"]["diagnostics"][0];
    assert_eq!(diagnostic["line"], 3, "{}", answer.text);
    let body = json!({"schema": "definition user {}"});
    let answer = setup.put("/v1/tenants/default/schema", &setup.admin, &body).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "schema_strands_relationships"));
    assert_eq!(answer.json()["error"]["details"]["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn queries_and_paths_that_cannot_be_meant_are_refused() {
    let setup = Setup::filled().await;
    for (path, status, code) in [
        ("/v1/tenants/default/relationships?resourcetype=record", 400, "query_invalid"),
        ("/v1/tenants/default/relationships?limit=0", 400, "page_size"),
        ("/v1/tenants/default/relationships?limit=x", 400, "query_invalid"),
        ("/v1/tenants/default/relationships?cursor=x", 400, "cursor_invalid"),
        ("/v1/tenants/default/decisions?actor_type=user", 400, "query_invalid"),
        ("/v1/tenants/nobody/schema", 404, "tenant_unknown"),
        ("/v1/tenants/No%20Name/schema", 404, "tenant_unknown"),
        ("/v1/tenants/%ff/schema", 400, "path_invalid"),
        ("/v1/tenants/default/transactions/0", 404, "revision_unknown"),
        ("/v1/tenants/default/transactions/x", 404, "revision_unknown"),
        ("/v1/nothing", 404, "route_unknown"),
        ("/v1/tenants/default/decide", 405, "method_not_allowed"),
    ] {
        let answer = setup.get(path, &setup.admin).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn credentials_that_are_none_are_refused() {
    let setup = Setup::filled().await;
    let path = "/v1/tenants/default/schema";
    for header in ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x y", "Bearer eyJ.e30.x", "pk_x"] {
        let answer = setup.send(setup.http.get(setup.url(path)).header("authorization", header)).await;
        assert_eq!(answer.status, 401, "{header}: {}", answer.text);
        assert!(answer.header("www-authenticate").is_some());
        assert!(!answer.text.contains("eyJ"), "a credential is not repeated");
    }
    let twice = setup.http.get(setup.url(path)).header("authorization", "Bearer a").bearer_auth(&setup.admin);
    assert_eq!(setup.send(twice).await.status, 401);
    let anyhow_cased = setup.http.get(setup.url(path)).header("authorization", format!("bearer {}", setup.admin));
    assert_eq!(setup.send(anyhow_cased).await.status, 200);
}

#[tokio::test]
async fn what_would_be_right_is_said_in_the_words_of_the_protocol() {
    let setup = Setup::filled().await;
    let decide = json!({"actor": "agent:coder", "permission": "read", "resource": {"type": "record", "id": "x"}});
    let answer = setup.post("/v1/tenants/default/decide", &setup.admin, &decide).await;
    assert!(
        answer.text.contains(r#"expected an object like {\"type\": \"agent\", \"id\": \"coder\"}"#),
        "{}",
        answer.text
    );
    let write = json!({"touch": ["record:x#reader@user:bob"]});
    let answer = setup.post("/v1/tenants/default/relationships/write", &setup.admin, &write).await;
    assert!(answer.text.contains("expected a relationship: an object with"), "{}", answer.text);
    let answer = setup.get("/v1/tenants/default/tasks?limit=abc", &setup.admin).await;
    assert!(answer.text.contains("must be a number from 1 to 1000"), "{}", answer.text);
    assert!(!answer.text.contains("digit"), "{}", answer.text);
}
