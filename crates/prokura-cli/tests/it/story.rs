//! The story of the demo, by hand, against the real server: allow through three hops, remove one edge, deny with the
//! same token, explain, two records.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::Server;

const EDGE: &str = "team:checkout-on-call#direct_member@user:alice";

#[test]
fn one_edge_removed_and_the_same_token_is_denied() {
    let folder = TempDir::new().expect("a folder");
    let token = issuer(&folder);
    let config = folder.path().join("prokura.toml");
    let server = Server::start(&["--memory", "--config", config.to_str().expect("UTF-8")]);
    server.well(&["apply", "examples/engineering", "--reason", "the company as it is"]);

    let allowed = evaluate(&server, &token);
    assert_eq!(allowed["decision"], json!(true), "{allowed}");
    assert_eq!(allowed["context"]["reason"], json!("lent_authority"));

    server.well(&["relationship", "delete", EDGE, "--reason", "her shift is over"]);
    let denied = evaluate(&server, &token);
    assert_eq!(denied["decision"], json!(false), "{denied}");
    assert_eq!(denied["context"]["reason"], json!("origin_lacks_permission"));

    explained(&server, denied["context"]["id"].as_str().expect("an id"));
    recorded(&server, &allowed, &denied);

    server.well(&["relationship", "write", EDGE, "--reason", "another shift"]);
    assert_eq!(evaluate(&server, &token)["decision"], json!(true));
    let then = server.well(&["explain", denied["context"]["id"].as_str().expect("an id")]).out;
    assert!(then.contains("may not deploy") && then.contains("asked now: allow"), "{then}");
    let question = ["decide", "agent:deployer", "deploy", "service:checkout", "--delegation", "coder-to-deployer"];
    server.run(&question).ended(0);
    server.well(&["revoke", "planner-to-coder", "--reason", "the link in the middle"]);
    assert_eq!(evaluate(&server, &token)["context"]["reason"], json!("delegation_revoked"));
    server.run(&question).ended(1);
    let tree = server.well(&["explain", "agent:deployer", "deploy", "service:checkout", "-d", "coder-to-deployer"]).out;
    assert!(tree.contains("✓ user:alice → agent:planner"), "{tree}");
    assert!(tree.contains("✗ agent:planner → agent:coder"), "{tree}");
}

/// The tree of the deny: the chain held, the graph did not, and the edge that is missing is named.
fn explained(server: &Server, id: &str) {
    let tree = server.well(&["explain", id]).out;
    for expected in [
        "✗ agent:deployer may not deploy service:checkout",
        "task ship-checkout for user:alice",
        "✓ user:alice → agent:planner",
        "✓ agent:planner → agent:coder",
        "✓ agent:coder → agent:deployer",
        "origin_lacks_permission",
        "what would help",
    ] {
        assert!(tree.contains(expected), "`{expected}` is missing from:\n{tree}");
    }
    let story = server.well(&["--json", "explain", id]).json();
    assert_eq!(story["decision"]["id"], json!(id));
}

/// Exactly the two decisions, newest first, each with what a reviewer needs.
fn recorded(server: &Server, allowed: &Value, denied: &Value) {
    let listed = server.well(&["decision", "list", "--json"]).json();
    let records = listed["items"].as_array().expect("a list");
    assert_eq!(records.len(), 2, "{listed}");
    let [second, first] = [&records[0], &records[1]];
    assert_eq!(first["id"], allowed["context"]["id"]);
    assert_eq!(second["id"], denied["context"]["id"]);
    assert_eq!((&first["disposition"], &second["disposition"]), (&json!("allow"), &json!("deny")));
    for record in records {
        assert_eq!(record["actor"], json!({ "type": "agent", "id": "deployer" }));
        assert_eq!(record["origin"], json!({ "type": "user", "id": "alice" }));
        assert_eq!(record["task"], json!("ship-checkout"));
        assert_eq!(record["chain"].as_array().expect("a chain").len(), 3);
        assert_eq!(record["door"], json!("authzen"));
    }
    let witness = first["witness"].to_string();
    assert!(witness.contains("checkout-on-call"), "{witness}");
    assert_eq!(second.get("witness"), None);
}

/// Writes a key set and a configuration that trusts it; the answer is a token for the deploy agent.
fn issuer(folder: &TempDir) -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let point = pair.public_key().as_ref();
    let keys = json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "test",
        "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..65]),
    }]});
    let jwks = folder.path().join("jwks.json");
    fs::write(&jwks, keys.to_string()).expect("writable");
    let config = format!(
        "[[issuer]]\nissuer = \"https://issuer.test\"\naudience = \"prokura\"\njwks = {:?}\nalgorithms = [\"ES256\"]\n",
        jwks.display().to_string()
    );
    fs::write(folder.path().join("prokura.toml"), config).expect("writable");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let header = Header { kid: Some("test".to_owned()), ..Header::new(Algorithm::ES256) };
    let claims = json!({
        "iss": "https://issuer.test", "aud": "prokura", "sub": "agent:deployer", "delegation": "coder-to-deployer",
        "iat": now, "exp": now + 900,
    });
    let private = EncodingKey::from_ec_der(pair.to_pkcs8v1().expect("PKCS#8").as_ref());
    jsonwebtoken::encode(&header, &claims, &private).expect("a token")
}

fn evaluate(server: &Server, token: &str) -> Value {
    let question = json!({
        "subject": { "type": "agent", "id": "deployer" },
        "action": { "name": "deploy" },
        "resource": { "type": "service", "id": "checkout" },
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let response = reqwest::Client::new()
            .post(format!("{}/access/v1/evaluation", server.url))
            .bearer_auth(token)
            .json(&question)
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), 200, "{}", server.log());
        response.json().await.expect("JSON")
    })
}
