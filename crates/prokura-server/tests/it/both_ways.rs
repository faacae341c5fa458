//! An evaluation goes past the router unless its tenant is escaped; either way it is answered, named and counted alike.

use prokura_model::{KeyRole, KeyScope};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{Answer, Setup};

const SHORT: &str = "/tenants/default/access/v1/evaluation";
const LONG: &str = "/tenants/defa%75lt/access/v1/evaluation";

fn question(subject: &str, action: &str) -> Value {
    json!({
        "subject": {"type": "user", "id": subject},
        "action": {"name": action},
        "resource": {"type": "record", "id": "record-1"},
    })
}

/// What must be the same both ways: everything but the names that each request and each decision has of its own.
fn alike(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let told = |name: &str| !matches!(name, "date" | "x-request-id" | "content-length");
    let headers = answer.headers.iter().filter(|(name, _)| told(name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let mut body = serde_json::from_str(&answer.text).unwrap_or_else(|_| Value::String(answer.text.clone()));
    if let Some(context) = body.get_mut("context").and_then(Value::as_object_mut) {
        assert!(context.remove("id").is_some(), "{}", answer.text);
    }
    (answer.status, headers, body)
}

#[tokio::test]
async fn an_evaluation_is_answered_alike_past_the_router_and_through_it() {
    let setup = Setup::filled().await;
    let auditor = setup.key(KeyRole::Auditor, KeyScope::AllTenants);
    let narrow = setup.enforcement_point(&["agent:*"]);
    let asked = |body: Value| move |request: RequestBuilder| request.json(&body);
    type Ask = Box<dyn Fn(RequestBuilder) -> RequestBuilder>;
    let admin = || setup.admin.clone();
    let asks: Vec<(&str, u16, String, Ask)> = vec![
        ("allow", 200, admin(), Box::new(asked(question("alice", "write")))),
        ("deny", 200, admin(), Box::new(asked(question("bob", "write")))),
        ("unknown name", 200, admin(), Box::new(asked(question("bob", "wriite")))),
        ("no credential", 401, String::new(), Box::new(asked(question("bob", "write")))),
        ("a key that reads", 403, auditor, Box::new(asked(question("bob", "write")))),
        ("a key for others", 403, narrow, Box::new(asked(question("bob", "write")))),
        ("no JSON", 400, admin(), Box::new(|request| request.header("content-type", "application/json").body("{"))),
        ("another type", 400, admin(), Box::new(|request| request.body("{}"))),
        ("a part is missing", 400, admin(), Box::new(asked(json!({"subject": {"type": "user", "id": "bob"}})))),
        (
            "an empty name",
            400,
            admin(),
            Box::new(|request| request.header("x-request-id", "").json(&question("bob", "write"))),
        ),
    ];
    for (what, status, key, ask) in asks {
        let mut answers = Vec::new();
        for path in [SHORT, LONG] {
            let mut request = setup.http.request(Method::POST, setup.url(path));
            if !key.is_empty() {
                request = request.bearer_auth(&key);
            }
            let answer = setup.send(ask(request)).await;
            assert!(answer.header("x-request-id").is_some(), "{what}: {path}");
            answers.push(alike(&answer));
        }
        assert_eq!(answers[0].0, status, "{what}: {:?}", answers[0]);
        assert_eq!(answers[0], answers[1], "{what}");
    }
    let named = setup.http.post(setup.url(SHORT)).bearer_auth(&setup.admin).header("x-request-id", "my own");
    let named = setup.send(named.json(&question("alice", "read"))).await;
    assert_eq!(named.header("x-request-id"), Some("my own"));
    let numbers = setup.get("/metrics", &setup.admin).await.text;
    let counted = |status: u16| {
        let line = numbers.lines().find(|line| {
            line.starts_with("prokura_http_requests_total")
                && line.contains(r#"route="/tenants/{tenant}/access/v1/evaluation""#)
                && line.contains(&format!(r#"status="{status}""#))
        });
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u32>().ok()).unwrap_or_default()
    };
    assert_eq!([200, 400, 401, 403].map(counted), [7, 8, 2, 4]);
}

#[tokio::test]
async fn what_is_no_evaluation_is_left_to_the_router() {
    let setup = Setup::filled().await;
    let got = setup.get(SHORT, &setup.admin).await;
    assert_eq!((got.status, got.header("allow")), (405, Some("POST")), "{}", got.text);
    let unknown = setup.post("/tenants//access/v1/evaluation", &setup.admin, &question("bob", "read")).await;
    assert_eq!(unknown.status, 404, "{}", unknown.text);
}
