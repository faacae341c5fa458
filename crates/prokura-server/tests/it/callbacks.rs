//! Another system writes attributes by messages that it signs, and nothing else.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use prokura::Provenance;
use prokura_model::Change;
use prokura_server::{
    Config,
    limits::{CALLBACK_AGE_MAX, CALLBACK_BYTES_MAX, CALLBACKS_MAX},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, Setup, tenant};

const SECRET: [u8; 32] = [7; 32];
const SCHEMA: &str = "use guards
definition user {}
definition change {
    attribute state string
    attribute service string
}
definition service {
    relation deployer: user
    permission deploy = deployer
}
guard planned(ticket change) on service#deploy {
    require ticket.state == \"approved\" && ticket.service == resource.id
}
";

/// A message, as it is sent.
struct Message {
    id: &'static str,
    at: u64,
    body: String,
    secret: Vec<u8>,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn message(id: &'static str, change: &str, attributes: &Value) -> Message {
    let body = json!({ "id": change, "attributes": attributes }).to_string();
    Message { id, at: now(), body, secret: SECRET.to_vec() }
}

fn approved() -> Message {
    message("msg_1", "CHG-1", &json!({ "state": "approved", "service": "shop" }))
}

impl Message {
    /// By another implementation than the server's.
    fn signature(&self) -> String {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &self.secret);
        let signed = format!("{}.{}.{}", self.id, self.at, self.body);
        format!("v1,{}", STANDARD.encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes())))
    }

    async fn send_with(&self, setup: &Setup, name: &str, signature: &str) -> Answer {
        let request = setup.http.post(setup.url(&format!("/v1/callbacks/{name}"))).body(self.body.clone());
        let request = request.header("webhook-id", self.id).header("webhook-timestamp", self.at);
        setup.send(request.header("webhook-signature", signature)).await
    }

    async fn send(&self, setup: &Setup) -> Answer {
        self.send_with(setup, "tickets", &self.signature()).await
    }
}

fn config(folder: &TempDir) -> Config {
    let path = folder.path().join("secret");
    let encoded = |byte: u8| format!("whsec_{}", STANDARD.encode([byte; 32]));
    std::fs::write(&path, format!("{}\n{}\n", encoded(9), encoded(7))).unwrap();
    Config::from_toml(&format!("[[callback]]\nname = 'tickets'\ntype = 'change'\nsecret_file = '{}'\n", path.display()))
        .unwrap()
}

async fn served() -> Setup {
    let folder = TempDir::new().unwrap();
    let setup = Setup::with(config(&folder)).await;
    let changes = vec![
        Change::SchemaWritten(SCHEMA.to_owned()),
        Change::touched("service:shop#deployer@user:alice".parse().unwrap()),
    ];
    setup.authority.write(&tenant("default"), Provenance::new("test", ""), changes).unwrap();
    setup
}

async fn deploys(setup: &Setup) -> String {
    let question = json!({
        "actor": { "type": "user", "id": "alice" }, "permission": "deploy",
        "resource": { "type": "service", "id": "shop" }, "arguments": { "ticket": "CHG-1" }
    });
    let answer = setup.post("/v1/tenants/default/decide", &setup.admin, &question).await;
    answer.json()["reason"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_the_ticket_system_signs_is_what_guards_read() {
    let setup = served().await;
    assert_eq!(deploys(&setup).await, "guard_failed");
    let answer = approved().send(&setup).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(deploys(&setup).await, "own_authority");
    let withdrawn = message("msg_2", "CHG-1", &json!({ "state": "withdrawn", "service": "shop" }));
    assert_eq!(withdrawn.send(&setup).await.status, 200);
    assert_eq!(deploys(&setup).await, "guard_requires");
    // Whoever looks it up finds who wrote it.
    let revision = answer.json()["revision"].as_u64().unwrap();
    let written = setup.get(&format!("/v1/tenants/default/transactions/{revision}"), &setup.admin).await;
    assert_eq!(written.json()["author"], "callback:tickets");
}

#[tokio::test]
async fn a_message_that_is_sent_again_is_written_once_and_cannot_be_played_back() {
    let setup = served().await;
    let first = approved();
    let answer = first.send(&setup).await.json();
    assert_eq!(first.send(&setup).await.json(), answer);
    message("msg_2", "CHG-1", &json!({ "state": "withdrawn" })).send(&setup).await;
    // Somebody who saw the first one sends it again.
    assert_eq!(first.send(&setup).await.json(), answer, "it is the answer of then");
    assert_eq!(deploys(&setup).await, "guard_requires", "and nothing is written");
    let other = message("msg_1", "CHG-1", &json!({ "state": "draft" })).send(&setup).await;
    assert_eq!((other.status, other.code().as_str()), (409, "request_id_reused"));
}

#[tokio::test]
async fn whoever_does_not_know_the_secret_writes_nothing() {
    let setup = served().await;
    let good = approved();
    let refused = async |message: &Message, name: &str, signature: &str| {
        let answer = message.send_with(&setup, name, signature).await;
        assert_eq!(answer.status, 401, "{}", answer.text);
        assert!(answer.header("www-authenticate").is_some() || !answer.code().is_empty());
        answer.code()
    };
    let foreign = Message { secret: vec![8; 32], ..approved() };
    assert_eq!(refused(&good, "tickets", &foreign.signature()).await, "signature_invalid");
    assert_eq!(refused(&good, "unknown", &good.signature()).await, "signature_invalid");
    assert_eq!(refused(&good, "tickets", "v1,").await, "signature_invalid");
    assert_eq!(refused(&good, "tickets", "nothing").await, "signature_invalid");
    let v2 = good.signature().replace("v1,", "v2,");
    assert_eq!(refused(&good, "tickets", &v2).await, "signature_invalid");
    // Each part that is signed, changed alone.
    assert_eq!(
        refused(&Message { id: "msg_9", ..approved() }, "tickets", &good.signature()).await,
        "signature_invalid"
    );
    let later = Message { at: good.at + 1, ..approved() };
    assert_eq!(refused(&later, "tickets", &good.signature()).await, "signature_invalid");
    let more = Message { body: good.body.replace("shop", "till"), ..approved() };
    assert_eq!(refused(&more, "tickets", &good.signature()).await, "signature_invalid");
    let bare = setup.http.post(setup.url("/v1/callbacks/tickets")).body(good.body.clone());
    let answer = setup.send(bare.bearer_auth(&setup.admin)).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "signature_missing"), "an admin key signs nothing");
    assert_eq!(deploys(&setup).await, "guard_failed");
    // One of several signatures is enough, and either secret.
    let several = format!("{} {}", foreign.signature(), good.signature());
    assert_eq!(good.send_with(&setup, "tickets", &several).await.status, 200);
    let other = Message { secret: vec![9; 32], id: "msg_3", ..approved() };
    assert_eq!(other.send(&setup).await.status, 200);
}

#[tokio::test]
async fn what_is_signed_and_wrong_says_what() {
    let setup = served().await;
    let said = async |body: String| {
        let answer = Message { body, ..approved() }.send(&setup).await;
        assert!((400..500).contains(&answer.status), "{}", answer.text);
        assert!(!answer.text.contains("whsec_"));
        answer.code()
    };
    assert_eq!(said("{".to_owned()).await, "json_malformed");
    assert_eq!(said(json!({ "id": "", "attributes": {} }).to_string()).await, "id_invalid");
    assert_eq!(said(json!({ "id": "CHG-1", "attributes": { "state": 5 } }).to_string()).await, "value_invalid");
    assert_eq!(said(json!({ "id": "CHG-1", "attributes": {}, "type": "user" }).to_string()).await, "request_invalid");
    assert_eq!(deploys(&setup).await, "guard_failed");
}

#[tokio::test]
async fn limit_callback_age_max() {
    let setup = served().await;
    let signed = async |at: u64| Message { at, ..approved() }.send(&setup).await;
    // Time passes while it is sent.
    let most = CALLBACK_AGE_MAX.as_secs();
    assert_eq!(signed(now() - most + 5).await.status, 200);
    assert_eq!(signed(now() - most - 1).await.code(), "signature_expired");
    assert_eq!(signed(now() + most + 5).await.code(), "signature_expired");
}

#[tokio::test]
async fn limit_callback_bytes_max() {
    let setup = served().await;
    let sized = async |bytes: usize| {
        let mut message = approved();
        let room = bytes - message.body.len() - ",\"reason\":\"\"".len();
        message.body = message.body.replace("\"id\"", &format!("\"reason\":\"{}\",\"id\"", "r".repeat(room)));
        assert_eq!(message.body.len(), bytes);
        message.send(&setup).await
    };
    // Read whole: that its reason is too long is another thing.
    assert_ne!(sized(CALLBACK_BYTES_MAX).await.code(), "body_too_large");
    assert_eq!(sized(CALLBACK_BYTES_MAX + 1).await.code(), "body_too_large");
}

#[test]
fn limit_callbacks_max() {
    let of =
        |name: &str, more: &str| format!("[[callback]]\nname = '{name}'\ntype = 'change'\nsecret_env = 'S'\n{more}\n");
    let many = |count: usize| (0..count).map(|number| of(&format!("c{number}"), "")).collect::<String>();
    assert_eq!(Config::from_toml(&many(CALLBACKS_MAX)).unwrap().callbacks.len(), CALLBACKS_MAX);
    let error = Config::from_toml(&many(CALLBACKS_MAX + 1)).unwrap_err().to_string();
    assert!(error.contains("at most 64 callbacks, not 65"), "{error}");
    for (text, part) in [
        (of("Ops", ""), "callback[0].name: 1 to 64 lower-case letters"),
        (format!("{}{}", of("ops", ""), of("ops", "")), "callback[1].name: `ops` is configured twice"),
        (of("ops", "tenant = 'A B'"), "callback[0].tenant"),
        (of("ops", "").replace("change", "Change!"), "callback[0].type"),
        (of("ops", "secret_file = 'f'"), "callback[0]: names its secret with one of"),
        (of("ops", "events = []"), "unknown field `events`"),
    ] {
        let error = Config::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}
