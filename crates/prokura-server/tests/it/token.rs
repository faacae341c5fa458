//! Callers with a token: it names the actor, and nothing in it grants anything.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use prokura_server::{Config, Issuer};
use serde_json::{Value, json};

use crate::support::{Answer, Setup, tenant};

/// An issuer with one key, whose set of keys lies in a file.
pub(crate) struct TestIssuer {
    folder: tempfile::TempDir,
    key: rcgen::KeyPair,
}

impl TestIssuer {
    pub(crate) fn new() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let issuer = Self { folder: tempfile::tempdir().unwrap(), key };
        std::fs::write(issuer.folder.path().join("jwks.json"), issuer.key_set().to_string()).unwrap();
        issuer
    }

    pub(crate) fn key_set(&self) -> Value {
        let point = self.key.public_key_raw();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
        json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "alg": "ES256", "use": "sig", "x": x, "y": y}]})
    }

    pub(crate) fn issuer(&self) -> Issuer {
        let text = format!(
            "issuer = 'https://issuer.test'\naudience = 'prokura'\njwks = '{}'\n",
            self.folder.path().join("jwks.json").display()
        );
        let config = Config::from_toml(&format!("[[issuer]]\n{text}")).unwrap();
        config.issuers[0].clone()
    }

    pub(crate) fn config(&self) -> Config {
        Config { issuers: vec![self.issuer()], ..Config::default() }
    }

    /// A good token for this subject.
    pub(crate) fn token(&self, subject: &str) -> String {
        self.sign(&json!({"alg": "ES256", "kid": "k1", "typ": "at+jwt"}), &self.claims(subject))
    }

    pub(crate) fn claims(&self, subject: &str) -> Value {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        json!({
            "iss": "https://issuer.test", "aud": "prokura", "sub": subject, "iat": now, "exp": now + 600,
            "scope": "admin", "role": "admin", "act": {"sub": "user:alice"},
        })
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let key = jsonwebtoken::EncodingKey::from_ec_der(self.key.serialized_der());
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, jsonwebtoken::Algorithm::ES256).unwrap();
        format!("{signed}.{signature}")
    }
}

struct World {
    setup: Setup,
    issuer: TestIssuer,
}

impl World {
    async fn new() -> Self {
        let issuer = TestIssuer::new();
        let setup = Setup::with(issuer.config()).await;
        setup.fill();
        Self { setup, issuer }
    }

    fn with_claim(&self, subject: &str, name: &str, value: Value) -> String {
        let mut claims = self.issuer.claims(subject);
        claims[name] = value;
        self.issuer.sign(&json!({"alg": "ES256", "kid": "k1", "typ": "at+jwt"}), &claims)
    }

    async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.setup.post(&format!("/v1/tenants/default{path}"), token, body).await
    }

    /// Alice opens a task and lends reading records to the coder, who may pass it on once.
    async fn lent_to_coder(&self) -> (String, String) {
        let alice = self.issuer.token("user:alice");
        let task = self.post("/tasks", &alice, &json!({"purpose": "read", "expires_in_seconds": 600})).await;
        assert_eq!(task.status, 201, "{}", task.text);
        let task = task.json()["id"].as_str().unwrap().to_owned();
        let delegation = self.post("/delegations", &alice, &delegation(&task, None, "agent", "coder", 1)).await;
        assert_eq!(delegation.status, 201, "{}", delegation.text);
        (task, delegation.json()["id"].as_str().unwrap().to_owned())
    }
}

fn delegation(task: &str, parent: Option<&str>, kind: &str, id: &str, depth: u32) -> Value {
    json!({
        "task": task, "parent": parent, "to": {"type": kind, "id": id}, "depth": depth,
        "cap": {"clauses": [{"permissions": ["read"], "resources": [{"type": "record", "wildcard": true}]}]},
    })
}

fn read_record() -> Value {
    json!({"permission": "read", "resource": {"type": "record", "id": "record-1"}})
}

fn evaluation(kind: &str, id: &str) -> Value {
    json!({
        "subject": {"type": kind, "id": id},
        "action": {"name": "read"},
        "resource": {"type": "record", "id": "record-1"},
    })
}

#[tokio::test]
async fn a_token_asks_about_its_own_subject_and_nobody_else() {
    let world = World::new().await;
    let alice = world.issuer.token("user:alice");
    let own = world.setup.post("/access/v1/evaluation", &alice, &evaluation("user", "alice")).await;
    assert_eq!(own.json()["decision"], true);
    assert_eq!(world.setup.post("/access/v1/evaluation", &alice, &evaluation("user", "bob")).await.status, 403);
    let decided = world.post("/decide", &alice, &read_record()).await.json();
    assert_eq!(decided["disposition"], "allow");
    let mut named = read_record();
    named["actor"] = json!({"type": "user", "id": "bob"});
    assert_eq!(world.post("/decide", &alice, &named).await.status, 403);
    // `act`, `scope` and `role` in the token are nobody's authority.
    let coder = world.issuer.token("agent:coder");
    assert_eq!(world.post("/decide", &coder, &read_record()).await.json()["reason"], "no_path");
}

#[tokio::test]
async fn a_token_opens_tasks_delegates_and_revokes_as_itself() {
    let world = World::new().await;
    let (task, lent) = world.lent_to_coder().await;
    let (alice, coder) = (world.issuer.token("user:alice"), world.issuer.token("agent:coder"));
    let mut asked = read_record();
    asked["delegation"] = json!(lent);
    let decided = world.post("/decide", &coder, &asked).await.json();
    assert_eq!(decided["reason"], "lent_authority", "{decided}");
    assert_eq!(decided["origin"]["id"], "alice");
    assert_eq!(decided["chain"][0]["delegation"], json!(lent));
    assert!(decided["valid_until"].is_string());

    // The coder passes it on; Bob is no part of it and cannot.
    let passed = world.post("/delegations", &coder, &delegation(&task, Some(&lent), "agent", "tester", 0)).await;
    assert_eq!(passed.status, 201, "{}", passed.text);
    let bob = world.issuer.token("user:bob");
    let mut forged = delegation(&task, None, "user", "bob", 0);
    forged["from"] = json!({"type": "user", "id": "alice"});
    assert_eq!(world.post("/delegations", &bob, &forged).await.status, 403);
    assert_eq!(world.post(&format!("/delegations/{lent}/revoke"), &bob, &json!({})).await.status, 404);
    // Who received what hangs below it does not see it. The coder sees the task, but only Alice closes it.
    let tester = world.issuer.token("agent:tester");
    assert_eq!(world.post(&format!("/delegations/{lent}/revoke"), &tester, &json!({})).await.status, 404);
    assert_eq!(world.post(&format!("/tasks/{task}/complete"), &coder, &json!({})).await.status, 403);
    let revoked = world.post(&format!("/delegations/{lent}/revoke"), &alice, &json!({"reason": "enough"})).await;
    assert!(revoked.json()["revoked_at"].is_string(), "{}", revoked.text);
    assert_eq!(world.post("/decide", &coder, &asked).await.json()["reason"], "delegation_revoked");
    let done = world.post(&format!("/tasks/{task}/complete"), &alice, &json!({})).await;
    assert_eq!(done.json()["state"], "completed", "{}", done.text);
    assert_eq!(world.post("/decide", &coder, &asked).await.json()["reason"], "task_completed");
}

#[tokio::test]
async fn the_owner_of_a_task_sees_it_and_may_close_it() {
    let world = World::new().await;
    let (alice, coder) = (world.issuer.token("user:alice"), world.issuer.token("agent:coder"));
    let bob = world.issuer.token("user:bob");
    let body = json!({"purpose": "p", "expires_in_seconds": 600, "owner": {"type": "agent", "id": "coder"}});
    let task = world.post("/tasks", &alice, &body).await.json()["id"].as_str().unwrap().to_owned();
    for (token, status) in [(&coder, 200), (&bob, 404)] {
        assert_eq!(world.setup.get(&format!("/v1/tenants/default/tasks/{task}"), token).await.status, status);
    }
    // To answer for it is not to act for its origin.
    let part =
        json!({"purpose": "p", "expires_in_seconds": 60, "parent": task, "origin": {"type": "user", "id": "alice"}});
    assert_eq!(world.post("/tasks", &coder, &part).await.status, 403);
    // A task that is not one's own to see has no parts of one's own.
    let hidden = json!({"purpose": "p", "expires_in_seconds": 60, "parent": task});
    assert_eq!(world.post("/tasks", &bob, &hidden).await.status, 404);
    assert_eq!(world.post(&format!("/tasks/{task}/cancel"), &bob, &json!({})).await.status, 404);
    assert_eq!(world.post(&format!("/tasks/{task}/cancel"), &coder, &json!({})).await.status, 200);
}

#[tokio::test]
async fn a_token_sees_what_it_is_part_of() {
    let world = World::new().await;
    let (task, lent) = world.lent_to_coder().await;
    let list = "/v1/tenants/default/delegations";
    for (subject, sees) in [("user:alice", true), ("agent:coder", true), ("user:bob", false)] {
        let token = world.issuer.token(subject);
        let status = if sees { 200 } else { 404 };
        assert_eq!(world.setup.get(&format!("{list}/{lent}"), &token).await.status, status, "{subject}");
        assert_eq!(world.setup.get(&format!("/v1/tenants/default/tasks/{task}"), &token).await.status, status);
        let items = world.setup.get(list, &token).await.json()["items"].as_array().unwrap().len();
        assert_eq!(items, usize::from(sees), "{subject}");
    }
    let bob = world.issuer.token("user:bob");
    let others = "/v1/tenants/default/tasks?origin_type=user&origin_id=alice";
    assert_eq!(world.setup.get(others, &bob).await.json(), json!({"items": []}));
    assert_eq!(world.setup.get("/v1/tenants/default/relationships", &bob).await.status, 403);
}

#[tokio::test]
async fn a_token_learns_nothing_of_what_it_is_no_part_of() {
    let world = World::new().await;
    let (task, lent) = world.lent_to_coder().await;
    let bob = world.issuer.token("user:bob");
    // No cursor that names somebody else's delegation.
    let page = world.setup.get("/v1/tenants/default/delegations?limit=1", &bob).await.json();
    assert_eq!(page, json!({"items": []}));
    // Nor whose the delegation is that it names.
    let mut asked = read_record();
    asked["delegation"] = json!(lent);
    let decided = world.post("/decide", &bob, &asked).await.json();
    assert_eq!(decided["reason"], "delegation_not_for_actor", "{decided}");
    let mut evaluation = evaluation("user", "bob");
    evaluation["context"] = json!({"delegation": lent});
    let evaluated = world.setup.post("/access/v1/evaluation", &bob, &evaluation).await;
    for text in [decided.to_string(), evaluated.text] {
        assert!(!text.contains("coder") && !text.contains("alice") && !text.contains(&task), "{text}");
    }
    let id = decided["id"].as_str().unwrap();
    let record = world.setup.get(&format!("/v1/tenants/default/decisions/{id}"), &world.setup.admin).await.json();
    assert_eq!((&record["task"], &record["chain"][0]["to"]["id"]), (&json!(task), &json!("coder")), "{record}");
    // Nor what would be under what it cannot see.
    for (task, parent, code) in
        [(task.as_str(), None, "task_unknown"), (task.as_str(), Some(lent.as_str()), "delegation_unknown")]
    {
        let refused = world.post("/delegations", &bob, &delegation(task, parent, "agent", "tester", 0)).await;
        assert_eq!((refused.status, refused.code().as_str()), (404, code), "{}", refused.text);
        assert!(!refused.text.contains("alice") && !refused.text.contains("coder"), "{}", refused.text);
    }
}

#[tokio::test]
async fn the_delegation_stands_in_the_token_or_in_the_request() {
    let world = World::new().await;
    let (_, lent) = world.lent_to_coder().await;
    let carrying = world.with_claim("agent:coder", "delegation", json!(lent));
    let asked = evaluation("agent", "coder");
    let answer = world.setup.post("/access/v1/evaluation", &carrying, &asked).await.json();
    assert_eq!(answer["context"]["reason"], "lent_authority", "{answer}");
    let mut agreeing = asked.clone();
    agreeing["context"] = json!({"delegation": lent});
    let answer = world.setup.post("/access/v1/evaluation", &carrying, &agreeing).await.json();
    assert_eq!(answer["decision"], true);
    let mut other = asked.clone();
    other["context"] = json!({"delegation": "d-other"});
    assert_eq!(world.setup.post("/access/v1/evaluation", &carrying, &other).await.status, 400);
    let plain = world.issuer.token("agent:coder");
    assert_eq!(world.setup.post("/access/v1/evaluation", &plain, &asked).await.json()["decision"], false);
    // Someone else's delegation is no use.
    let mut stolen = evaluation("agent", "tester");
    stolen["context"] = json!({"delegation": lent});
    let tester = world.issuer.token("agent:tester");
    let answer = world.setup.post("/access/v1/evaluation", &tester, &stolen).await.json();
    assert_eq!(answer["context"]["reason"], "delegation_not_for_actor");
}

#[tokio::test]
async fn tokens_that_are_not_good_are_refused() {
    let world = World::new().await;
    let header = json!({"alg": "ES256", "kid": "k1", "typ": "at+jwt"});
    let good = world.issuer.token("user:alice");
    let other_issuer = TestIssuer::new();
    let unsigned = {
        let mut parts = good.split('.');
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"k1","typ":"at+jwt"}"#);
        format!("{none}.{}.", parts.nth(1).unwrap())
    };
    let expired = {
        let mut claims = world.issuer.claims("user:alice");
        claims["exp"] = json!(claims["iat"].as_u64().unwrap() - 60);
        world.issuer.sign(&header, &claims)
    };
    let cases = [
        ("expired", expired),
        ("audience", world.with_claim("user:alice", "aud", json!("other"))),
        ("issuer", world.with_claim("user:alice", "iss", json!("https://issuer.test/"))),
        ("not yet", world.with_claim("user:alice", "nbf", json!(4_000_000_000_u64))),
        ("no subject", world.with_claim("user:alice", "sub", json!(null))),
        ("wildcard", world.issuer.token("user:*")),
        ("userset", world.issuer.token("team:eng#member")),
        ("control", world.issuer.token("user:\"a\u{7}\"")),
        ("delegation", world.with_claim("user:alice", "delegation", json!(7))),
        ("unsigned", unsigned),
        ("signed by another", other_issuer.token("user:alice")),
        (
            "unknown key",
            world.issuer.sign(&json!({"alg": "ES256", "kid": "k2", "typ": "JWT"}), &world.issuer.claims("user:alice")),
        ),
        ("padded", format!("{good}=")),
    ];
    assert_eq!(world.post("/decide", &good, &read_record()).await.status, 200);
    for (name, token) in cases {
        let answer = world.post("/decide", &token, &read_record()).await;
        assert_eq!(answer.status, 401, "{name}: {}", answer.text);
        assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"), "{name}");
        assert!(answer.code().starts_with("token_"), "{name}: {}", answer.text);
        println!("{name}: {}", answer.json()["error"]["message"]);
    }
}

#[tokio::test]
async fn what_a_token_did_names_its_issuer_and_no_key_can_be_imitated() {
    let world = World::new().await;
    let forger = world.issuer.token("key:k-1");
    let alice = world.issuer.token("user:alice");
    let asked = world.post("/decide", &alice, &read_record()).await.json();
    let id = asked["id"].as_str().unwrap();
    let record = world.setup.get(&format!("/v1/tenants/default/decisions/{id}"), &world.setup.admin).await.json();
    assert_eq!(record["enforcement_point"], "token:https://issuer.test");
    let schema = format!("{}\ndefinition key {{}}\n", crate::support::SCHEMA);
    let named_like_a_key = prokura_model::Principal {
        object: "key:k-1".parse().unwrap(),
        owner: None,
        state: prokura_model::PrincipalState::Active,
        declared: false,
    };
    let changes =
        vec![prokura_model::Change::SchemaWritten(schema), prokura_model::Change::PrincipalSet(named_like_a_key)];
    world.setup.authority.write(&tenant("default"), prokura::Provenance::new("test", "a type `key`"), changes).unwrap();
    for (token, author) in
        [(forger, "token:https://issuer.test:key:k-1"), (alice, "token:https://issuer.test:user:alice")]
    {
        let opened = world.post("/tasks", &token, &json!({"purpose": "p", "expires_in_seconds": 600})).await;
        assert_eq!(opened.status, 201, "{}", opened.text);
        let revision = world.setup.authority.snapshot(&tenant("default")).unwrap().revision();
        let written = world.setup.authority.transaction(&tenant("default"), revision).unwrap().unwrap();
        assert_eq!(written.author, author);
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_issuers_tenants() {
    let issuer = TestIssuer::new();
    let config =
        Config { issuers: vec![Issuer { tenants: vec!["other".to_owned()], ..issuer.issuer() }], ..Config::default() };
    let setup = Setup::with(config).await;
    setup.fill();
    let token = issuer.token("user:alice");
    let answer = setup.post("/v1/tenants/default/decide", &token, &read_record()).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"));
    assert_eq!(setup.post("/v1/tenants/other/decide", &token, &read_record()).await.status, 404);
}

#[tokio::test]
async fn keys_by_address_are_fetched_when_they_are_needed() {
    let issuer = TestIssuer::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = Config {
        issuers: vec![Issuer { jwks: format!("http://{address}/jwks"), ..issuer.issuer() }],
        ..Config::default()
    };
    let body = issuer.key_set().to_string();
    let serving = tokio::spawn(async move {
        let app = axum::Router::new().route("/jwks", axum::routing::get(move || async move { body }));
        axum::serve(listener, app).await
    });
    let setup = Setup::with(config).await;
    setup.fill();
    let answer = setup.post("/v1/tenants/default/decide", &issuer.token("user:alice"), &read_record()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    serving.abort();
}
