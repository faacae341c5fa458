//! Limits, at n and at n + 1, where a request shows them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use prokura::Provenance;
use prokura_model::Change;
use prokura_server::{
    Config,
    limits::{
        BODY_BYTES_MAX, EVALUATIONS_MAX, EVALUATIONS_RECORDED_BYTES_MAX, LEEWAY_MAX, PAGE_ENTRIES_DEFAULT,
        QUESTION_BYTES_MAX, REQUEST_NAME_BYTES_MAX, TOKEN_BYTES_MAX,
    },
};
use serde_json::{Value, json};

use crate::{
    support::{Setup, tenant},
    token::TestIssuer,
};

#[tokio::test]
async fn limit_body_bytes_max() {
    let setup = Setup::filled().await;
    let body = |bytes: usize| {
        let mut body = br#"{"touch": [], "delete": []"#.to_vec();
        body.resize(bytes - 1, b' ');
        body.push(b'}');
        body
    };
    for (bytes, status) in [(BODY_BYTES_MAX, 400), (BODY_BYTES_MAX + 1, 413)] {
        let request = setup.http.post(setup.url("/v1/tenants/default/relationships/write")).bearer_auth(&setup.admin);
        let answer = setup.send(request.header("content-type", "application/json").body(body(bytes))).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}

#[tokio::test]
async fn limit_question_bytes_max() {
    let setup = Setup::filled().await;
    let alice = r#"{"type": "user", "id": "alice"}"#;
    let record = r#"{"type": "record", "id": "record-1"}"#;
    for (path, question) in [
        (
            "/access/v1/evaluation",
            format!(r#"{{"subject": {alice}, "action": {{"name": "read"}}, "resource": {record}"#),
        ),
        (
            "/access/v1/evaluations",
            format!(r#"{{"subject": {alice}, "action": {{"name": "read"}}, "resource": {record}"#),
        ),
        ("/v1/tenants/default/decide", format!(r#"{{"actor": {alice}, "permission": "read", "resource": {record}"#)),
        ("/v1/tenants/default/check", format!(r#"{{"subject": {alice}, "permission": "read", "resource": {record}"#)),
        ("/v1/tenants/default/explain", format!(r#"{{"actor": {alice}, "permission": "read", "resource": {record}"#)),
    ] {
        for (bytes, status) in [(QUESTION_BYTES_MAX, 200), (QUESTION_BYTES_MAX + 1, 413)] {
            let body = format!("{question}{}}}", " ".repeat(bytes - question.len() - 1));
            let request = setup.http.post(setup.url(path)).bearer_auth(&setup.admin);
            let answer = setup.send(request.header("content-type", "application/json").body(body)).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.text);
        }
    }
}

/// As the record counts.
fn recorded_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 1,
        Value::Object(members) => {
            1 + members.iter().map(|(name, value)| name.len() + 1 + recorded_bytes(value)).sum::<usize>()
        }
        _ => panic!("{value}"),
    }
}

#[tokio::test]
async fn limit_evaluations_recorded_bytes_max() {
    const ITEMS: usize = 32;
    let setup = Setup::filled().await;
    let shared = EVALUATIONS_RECORDED_BYTES_MAX / ITEMS;
    let mut body = json!({
        "subject": {"type": "user", "id": "alice"}, "action": {"name": "read"}, "context": {"x": ""},
        "resource": {"type": "record", "id": "record-1"}, "evaluations": vec![json!({}); ITEMS],
    });
    let small: usize =
        ["subject", "action", "context", "resource"].map(|name| recorded_bytes(&body[name])).iter().sum();
    body["context"]["x"] = json!("x".repeat(shared - small));
    let answer = setup.post("/access/v1/evaluations", &setup.admin, &body).await;
    assert_eq!(answer.json()["evaluations"].as_array().unwrap().len(), ITEMS);
    // An item of its own context counts with that one; here it makes one byte more.
    body["evaluations"][0] = json!({"context": {"x": "x".repeat(shared - small + 1)}});
    let answer = setup.post("/access/v1/evaluations", &setup.admin, &body).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.starts_with("evaluations_too_large"), "{}", answer.text);
}

#[tokio::test]
async fn limit_evaluations_max() {
    let setup = Setup::filled().await;
    let body = |items: usize| {
        json!({
            "subject": {"type": "user", "id": "alice"}, "action": {"name": "read"},
            "resource": {"type": "record", "id": "record-1"}, "evaluations": vec![json!({}); items],
        })
    };
    let answer = setup.post("/access/v1/evaluations", &setup.admin, &body(EVALUATIONS_MAX)).await;
    assert_eq!(answer.json()["evaluations"].as_array().unwrap().len(), EVALUATIONS_MAX);
    let answer = setup.post("/access/v1/evaluations", &setup.admin, &body(EVALUATIONS_MAX + 1)).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.starts_with("too_many_evaluations"), "{}", answer.text);
}

#[tokio::test]
async fn limit_page_entries_default() {
    let setup = Setup::filled().await;
    let read = |cursor: Option<String>| {
        let mut path = "/v1/tenants/default/relationships?resource_type=record".to_owned();
        if let Some(cursor) = cursor {
            path.push_str(&format!("&cursor={cursor}"));
        }
        let setup = &setup;
        async move { setup.get(&path, &setup.admin).await.json() }
    };
    let stored = 2;
    let more = (0..PAGE_ENTRIES_DEFAULT - stored)
        .map(|number| Change::touched(format!("record:r{number}#reader@user:bob").parse().unwrap()));
    setup.authority.write(&tenant("default"), Provenance::new("test", ""), more.collect()).unwrap();
    let page = read(None).await;
    assert_eq!(page["items"].as_array().unwrap().len(), PAGE_ENTRIES_DEFAULT);
    assert_eq!(page["next_cursor"], Value::Null);
    let one = Change::touched("record:z#reader@user:bob".parse().unwrap());
    setup.authority.write(&tenant("default"), Provenance::new("test", ""), vec![one]).unwrap();
    let page = read(None).await;
    assert_eq!(page["items"].as_array().unwrap().len(), PAGE_ENTRIES_DEFAULT);
    let rest = read(page["next_cursor"].as_str().map(str::to_owned)).await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn limit_request_name_bytes_max() {
    let setup = Setup::filled().await;
    for (bytes, status) in [(REQUEST_NAME_BYTES_MAX, 200), (REQUEST_NAME_BYTES_MAX + 1, 400)] {
        let name = "r".repeat(bytes);
        let answer = setup.send(setup.http.get(setup.url("/healthz")).header("x-request-id", &name)).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(answer.header("x-request-id"), Some(name.as_str()), "it comes back in any case");
        let write = setup.http.put(setup.url("/v1/tenants/default/schema")).bearer_auth(&setup.admin);
        let body = json!({"schema": crate::support::SCHEMA});
        let answer = setup.send(write.header("idempotency-key", &name).json(&body)).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}

#[tokio::test]
async fn limit_token_bytes_max() {
    let issuer = TestIssuer::new();
    let setup = Setup::with(issuer.config()).await;
    setup.fill();
    let question = json!({"permission": "read", "resource": {"type": "record", "id": "record-1"}});
    for (bytes, status) in [(TOKEN_BYTES_MAX, 200), (TOKEN_BYTES_MAX + 1, 401)] {
        let answer = setup.post("/v1/tenants/default/decide", &token_of(&issuer, bytes), &question).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}

/// A good token of exactly this many bytes.
fn token_of(issuer: &TestIssuer, bytes: usize) -> String {
    for header_pad in 0..4 {
        let header = json!({"alg": "ES256", "kid": "k1", "typ": "at+jwt", "x": "x".repeat(header_pad)});
        let mut claims = issuer.claims("user:alice");
        claims["pad"] = json!("");
        let parts_but_claims = URL_SAFE_NO_PAD.encode(header.to_string()).len() + 86 + 2;
        let room = bytes - parts_but_claims;
        // Four characters hold three bytes.
        let wanted = room / 4 * 3 + [0, 0, 1, 2][room % 4];
        let pad = wanted - claims.to_string().len();
        claims["pad"] = json!("x".repeat(pad));
        let token = issuer.sign(&header, &claims);
        if token.len() == bytes {
            return token;
        }
    }
    panic!("no token of {bytes} bytes");
}

#[test]
fn limit_leeway_max() {
    let config = |seconds: u64| {
        Config::from_toml(&format!(
            "[[issuer]]\nissuer = 'i'\naudience = 'a'\njwks = 'f'\nleeway_seconds = {seconds}\n"
        ))
    };
    assert!(config(LEEWAY_MAX.as_secs()).is_ok());
    let error = config(LEEWAY_MAX.as_secs() + 1).unwrap_err();
    assert!(error.to_string().contains("issuer[0].leeway_seconds"), "{error}");
}

#[test]
fn a_configuration_that_cannot_be_meant_is_refused_with_its_place() {
    for (text, part) in [
        ("lisen = 'x'", "unknown field `lisen`"),
        ("public_url = 'https://x/'", "public_url"),
        ("public_url = 'ftp://x'", "public_url"),
        ("connections = 0", "connections"),
        ("[[issuer]]\nissuer = 'i'\naudience = 'a'\njwks = 'f'\nalgorithms = ['HS256']", "HS256"),
        ("[[issuer]]\nissuer = 'i'\naudience = 'a'\njwks = 'f'\nalgorithms = ['none']", "none"),
        ("[[issuer]]\nissuer = 'i'\naudience = 'a'\njwks = 'f'\nalgorithms = []", "issuer[0].algorithms"),
        ("[[issuer]]\nissuer = 'i'\naudience = ''\njwks = 'f'", "issuer[0].audience"),
        ("[[issuer]]\nissuer = 'i'\naudience = 'a'\njwks = 'f'\nsubject_type = 'X'", "issuer[0].subject_type"),
        (
            "[[issuer]]\nissuer = 'i'\naudience = 'a'\njwks = 'f'\n[[issuer]]\nissuer = 'i'\naudience = 'b'\njwks = 'f'",
            "twice",
        ),
    ] {
        let error = Config::from_toml(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}
