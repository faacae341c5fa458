//! AuthZEN's access request and approval profile, and its obligations.

use prokura::{Clock, Options, Provenance};
use prokura_model::{Change, KeyRole, KeyScope, TenantName, Timestamp};
use prokura_server::{Config, limits::DENIAL_AGE_MAX};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::support::{Answer, Setup, tenant};

const EVALUATION: &str = "/access/v1/evaluation";
const REQUESTS: &str = "/access/v1/requests";
const NOON: u64 = 1_795_348_800_000;

const SCHEMA: &str = "use access
use expiration
use guards
definition user {}
definition agent {}
definition service {
    relation owner: user
    relation deployer: user
    relation temporary: user with expiration
    permission approve = owner
    permission deploy = deployer + temporary
    permission restart = deployer
    permission wipe = deployer
}
access deploy_now on service#deploy { ask service#approve; for at most 30m; relation temporary }
access emergency on service#deploy { ask service#approve; for at most 5m; relation temporary; break glass }
guard careful on service#restart { require approval from service#approve within 15m, once }
";

/// A server whose clock the test sets.
struct Timed {
    setup: Setup,
    now: Arc<AtomicU64>,
    delegation: String,
}

/// Olga owns the shop. Alice's agent may restart it for her, and deploy it once she may.
async fn served() -> Timed {
    let now = Arc::new(AtomicU64::new(NOON));
    let read = Arc::clone(&now);
    let clock = Clock::new(move || Timestamp(read.load(Ordering::SeqCst)));
    let authority = prokura::Authority::in_memory(Options { clock, ..Options::default() });
    let setup = Setup::over(authority, Config::default()).await;
    let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned())];
    let edges = ["service:shop#owner@user:olga", "service:bar#owner@user:olga", "service:bar#deployer@user:alice"];
    changes.extend(edges.map(|text| Change::touched(text.parse().unwrap())));
    setup.authority.write(&tenant("default"), Provenance::new("test", ""), changes).unwrap();
    let api = |path: &str| format!("/v1/tenants/default/{path}");
    for (kind, id, owner) in [("user", "alice", None), ("user", "olga", None), ("agent", "coder", Some("alice"))] {
        let owner = owner.map(|id| json!({ "type": "user", "id": id }));
        let object = json!({ "type": kind, "id": id });
        let set = setup.put(&api("principals"), &setup.admin, &json!({ "object": object, "owner": owner })).await;
        assert_eq!(set.status, 200, "{}", set.text);
    }
    let alice = json!({ "type": "user", "id": "alice" });
    let task = json!({ "origin": alice, "purpose": "ship", "expires_in_seconds": 36_000 });
    let task = setup.post(&api("tasks"), &setup.admin, &task).await.json();
    let resources = json!([{ "type": "service", "wildcard": true }]);
    let cap = json!({ "clauses": [{ "permissions": ["deploy", "restart"], "resources": resources }] });
    let link = json!({ "task": task["id"], "from": alice, "to": { "type": "agent", "id": "coder" }, "cap": cap });
    let link = setup.post(&api("delegations"), &setup.admin, &link).await.json();
    let delegation = link["id"].as_str().unwrap().to_owned();
    Timed { setup, now, delegation }
}

impl Timed {
    fn question(&self, action: &str, service: &str) -> Value {
        json!({
            "subject": { "type": "agent", "id": "coder" },
            "action": { "name": action, "properties": { "version": "1.4" } },
            "resource": { "type": "service", "id": service },
            "context": { "delegation": self.delegation, "channel": "chat" },
        })
    }

    async fn evaluated(&self, question: &Value) -> Value {
        let answer = self.setup.post(EVALUATION, &self.setup.admin, question).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// The denial, and what answers it.
    async fn denied(&self, question: &Value) -> (Value, Value) {
        let denied = self.evaluated(question).await;
        assert_eq!(denied["decision"], false, "{denied}");
        let context = &denied["context"];
        let denial = json!({
            "evaluation_id": context["evaluation_id"], "evaluated_at": context["evaluated_at"],
            "expires_at": context["access_request"]["expires_at"], "reason": context["reason"],
        });
        (denied, denial)
    }

    fn submission(question: &Value, denial: &Value) -> Value {
        let mut submission = question.clone();
        submission["denial"] = denial.clone();
        submission["context"]["business_justification"] = json!("the till is down");
        submission
    }

    async fn submit(&self, submission: &Value) -> Answer {
        self.setup.post(REQUESTS, &self.setup.admin, submission).await
    }

    async fn refused(&self, submission: &Value) -> (u16, String) {
        let answer = self.submit(submission).await;
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.text);
        let problem = answer.json();
        assert_eq!(problem["status"], answer.status);
        let kind = problem["type"].as_str().unwrap();
        let named = kind.strip_prefix("urn:openid:authzen:access-request:error:");
        (answer.status, named.map_or_else(|| problem["title"].as_str().unwrap().to_owned(), str::to_owned))
    }

    async fn answered(&self, path: &str, verb: &str) {
        let by = json!({ "by": { "type": "user", "id": "olga" }, "reason": "go on" });
        let answer = self.setup.post(&format!("/v1/tenants/default/{path}/{verb}"), &self.setup.admin, &by).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

#[tokio::test]
async fn what_is_lacking_is_asked_for_granted_and_evaluated_again() {
    let timed = served().await;
    let mut question = timed.question("deploy", "shop");
    let (denied, denial) = timed.denied(&question).await;
    assert_eq!(denied["context"]["evaluation_id"], denied["context"]["id"]);
    assert_eq!(denied["context"]["access_request"]["template"], "deploy_now");
    let answer = timed.submit(&Timed::submission(&question, &denial)).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let told = answer.json();
    let (task, place) = (&told["task"], told["task"]["status_endpoint"].as_str().unwrap());
    assert_eq!((&task["status"], answer.header("location")), (&json!("pending"), Some(place)));
    assert!(task["links"]["cancel"].as_str().unwrap().ends_with("/cancel") && told["result"].is_null());
    let status = place.strip_prefix(&timed.setup.url("")).unwrap();
    assert_eq!(timed.setup.get(status, &timed.setup.admin).await.json(), told);
    let id = task["id"].as_str().unwrap();
    let shown = timed.setup.get(&format!("/v1/tenants/default/requests/{id}"), &timed.setup.admin).await.json();
    assert_eq!(shown["reason"], "the till is down");

    timed.answered(&format!("requests/{id}"), "approve").await;
    let done = timed.setup.get(status, &timed.setup.admin).await.json();
    assert_eq!((&done["task"]["status"], &done["result"]["mode"]), (&json!("approved"), &json!("reevaluate")));
    question["context"]["approval"] = done["result"]["approval"].clone();
    let again = timed.evaluated(&question).await;
    assert_eq!((&again["decision"], &again["context"]["approval"]), (&json!(true), &done["result"]["approval"]));
    // It is decided anew: once it is over, naming it helps nothing.
    timed.now.store(NOON + 31 * 60_000, Ordering::SeqCst);
    let over = timed.evaluated(&question).await;
    assert_eq!((&over["decision"], &over["context"]["approval"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn what_the_links_do_not_carry_is_granted_as_a_link_which_an_approval_stands_for() {
    let timed = served().await;
    // Alice may deploy the bar herself; her agent acts under a link that carries restarting only.
    let api = |path: &str| format!("/v1/tenants/default/{path}");
    let link = timed.setup.get(&api(&format!("delegations/{}", timed.delegation)), &timed.setup.admin).await.json();
    let resources = json!([{ "type": "service", "wildcard": true }]);
    let narrow = json!({
        "task": link["task"], "from": link["from"], "to": link["to"],
        "cap": { "clauses": [{ "permissions": ["restart"], "resources": resources }] },
    });
    let narrow = timed.setup.post(&api("delegations"), &timed.setup.admin, &narrow).await.json();
    let mut question = timed.question("deploy", "bar");
    question["context"]["delegation"] = narrow["id"].clone();
    let (_, denial) = timed.denied(&question).await;
    let told = timed.submit(&Timed::submission(&question, &denial)).await.json();
    let id = told["task"]["id"].as_str().unwrap();
    timed.answered(&format!("requests/{id}"), "approve").await;
    assert_eq!(timed.evaluated(&question).await["decision"], false, "the link that is named does not carry it");
    question["context"]["approval"] = json!({ "id": id });
    assert_eq!(timed.evaluated(&question).await["decision"], true);
    // For the same action of the same actor under the same link, and nothing else.
    let mut other = question.clone();
    other["action"]["name"] = json!("wipe");
    assert_eq!(timed.evaluated(&other).await["decision"], false);
    let mut other = question.clone();
    other["resource"]["id"] = json!("shop");
    assert_eq!(timed.evaluated(&other).await["context"]["approval"], Value::Null);
    let mut other = question.clone();
    other["context"]["delegation"] = json!(timed.delegation);
    assert_eq!(timed.evaluated(&other).await["context"]["approval"], Value::Null);
    question["context"]["approval"] = json!({ "id": "r-nothing" });
    assert_eq!(timed.evaluated(&question).await["decision"], false);
}

#[tokio::test]
async fn what_is_held_is_approved_for_exactly_that_once() {
    let timed = served().await;
    let mut question = timed.question("restart", "bar");
    let (denied, denial) = timed.denied(&question).await;
    assert_eq!(denied["context"]["reason"], "approval_required");
    assert_eq!(denied["context"]["access_request"]["template"], "careful");
    let told = timed.submit(&Timed::submission(&question, &denial)).await;
    assert_eq!(told.status, 202, "{}", told.text);
    let id = told.json()["task"]["id"].as_str().unwrap().to_owned();
    assert_eq!(denied["context"]["held"]["approval"], id);
    timed.answered(&format!("approvals/{id}"), "give").await;
    let status = timed.setup.get(&format!("{REQUESTS}/{id}"), &timed.setup.admin).await.json();
    assert_eq!(status["task"]["status"], "approved");
    question["context"]["approval"] = status["result"]["approval"].clone();
    let mut other = question.clone();
    other["action"]["properties"]["version"] = json!("1.5");
    assert_eq!(timed.evaluated(&other).await["decision"], false, "somebody saw another version");
    assert_eq!(timed.evaluated(&question).await["decision"], true);
    let again = timed.evaluated(&question).await;
    assert_eq!((&again["decision"], &again["context"]["approval"]), (&json!(false), &Value::Null), "it is used up");
}

#[tokio::test]
async fn a_submission_is_bound_to_the_denial_it_answers() {
    let timed = served().await;
    let question = timed.question("deploy", "shop");
    let (_, denial) = timed.denied(&question).await;
    let good = Timed::submission(&question, &denial);
    let changed = |path: &[&str], value: Value| {
        let mut submission = good.clone();
        let place = path.iter().fold(&mut submission, |value, name| &mut value[*name]);
        *place = value;
        submission
    };
    let invalid = (400, "invalid_denial_binding".to_owned());
    for submission in [
        changed(&["action", "name"], json!("restart")),
        changed(&["action", "properties", "version"], json!("1.5")),
        changed(&["resource", "id"], json!("bar")),
        changed(&["subject", "properties"], json!({ "more": 1 })),
        changed(&["context", "channel"], json!("mail")),
        changed(&["denial", "evaluation_id"], json!("nothing")),
        changed(&["denial"], json!({})),
        changed(&["denial"], Value::Null),
    ] {
        assert_eq!(timed.refused(&submission).await, invalid, "{submission}");
    }
    // What was decided otherwise, or at another door, is no denial that can be answered.
    let allowed = timed.evaluated(&timed.question("deploy", "bar")).await;
    assert_eq!(allowed["decision"], true);
    let mut other = Timed::submission(&timed.question("deploy", "bar"), &denial);
    other["denial"]["evaluation_id"] = allowed["context"]["id"].clone();
    assert_eq!(timed.refused(&other).await, (400, "not_requestable".to_owned()));
    let (denied, denial) = (timed.evaluated(&timed.question("wipe", "bar")).await, json!({}));
    assert!(denied["context"]["access_request"].is_null(), "no item is for it");
    let mut other = Timed::submission(&timed.question("wipe", "bar"), &denial);
    other["denial"]["evaluation_id"] = denied["context"]["id"].clone();
    assert_eq!(timed.refused(&other).await, (400, "not_requestable".to_owned()));
    assert_eq!(timed.refused(&changed(&["items"], json!([]))).await.1, "not_supported");
    assert_eq!(timed.refused(&changed(&["callback"], json!({ "endpoint": "https://x" }))).await.1, "not_supported");
    let until = |text: &str| changed(&["requested_access"], json!({ "requested_until": text }));
    assert_eq!(timed.refused(&until("soon")).await.1, "member_type_wrong");
    assert_eq!(timed.refused(&until("2020-01-01T00:00:00Z")).await.1, "request_length_invalid");
    assert_eq!(timed.submit(&good).await.status, 202);
}

#[tokio::test]
async fn an_emergency_breaks_the_glass_and_is_approved_at_once() {
    let timed = served().await;
    let question = timed.question("deploy", "shop");
    let (_, denial) = timed.denied(&question).await;
    let mut submission = Timed::submission(&question, &denial);
    submission["requested_access"] = json!({ "emergency": true });
    let answer = timed.submit(&submission).await;
    assert_eq!((answer.status, &answer.json()["task"]["status"]), (201, &json!("approved")), "{}", answer.text);
    assert_eq!(timed.evaluated(&question).await["decision"], true);
}

#[tokio::test]
async fn a_submission_sent_again_is_the_same_and_what_waits_can_be_taken_back() {
    let timed = served().await;
    let question = timed.question("deploy", "shop");
    let (_, denial) = timed.denied(&question).await;
    let submission = Timed::submission(&question, &denial);
    let keyed = async |body: &Value| {
        let request = timed.setup.http.post(timed.setup.url(REQUESTS)).bearer_auth(&timed.setup.admin);
        timed.setup.send(request.header("Idempotency-Key", "k1").json(body)).await
    };
    let first = keyed(&submission).await.json();
    assert_eq!(keyed(&submission).await.json(), first);
    let mut other = submission.clone();
    other["context"]["business_justification"] = json!("something else");
    let reused = keyed(&other).await;
    assert_eq!(reused.status, 409, "{}", reused.text);
    assert!(reused.json()["type"].as_str().unwrap().ends_with(":duplicate_request"));
    let id = first["task"]["id"].as_str().unwrap();
    let cancel = format!("{REQUESTS}/{id}/cancel");
    let cancelled = timed.setup.post(&cancel, &timed.setup.admin, &json!({})).await;
    assert_eq!(cancelled.json()["task"]["status"], "cancelled", "{}", cancelled.text);
    let again = timed.setup.post(&cancel, &timed.setup.admin, &json!({})).await;
    assert_eq!(again.status, 409);
    assert!(again.json()["type"].as_str().unwrap().ends_with(":invalid_task_state"));
}

#[tokio::test]
async fn who_may_not_ask_about_somebody_sees_nothing_of_it() {
    let timed = served().await;
    let question = timed.question("deploy", "shop");
    let (_, denial) = timed.denied(&question).await;
    let submission = Timed::submission(&question, &denial);
    let own = timed.setup.enforcement_point(&["agent:coder"]);
    let stranger = timed.setup.enforcement_point(&["agent:other"]);
    assert_eq!(timed.setup.post(REQUESTS, &stranger, &submission).await.status, 403);
    let told = timed.setup.post(REQUESTS, &own, &submission).await;
    assert_eq!(told.status, 202, "{}", told.text);
    let place = format!("{REQUESTS}/{}", told.json()["task"]["id"].as_str().unwrap());
    assert_eq!(timed.setup.get(&place, &own).await.status, 200);
    for path in [place.clone(), format!("{REQUESTS}/r-unknown")] {
        let unseen = timed.setup.get(&path, &stranger).await;
        assert_eq!(unseen.status, 404);
        assert!(unseen.json()["type"].as_str().unwrap().ends_with(":unknown_task"));
    }
    let cancel = format!("{place}/cancel");
    assert_eq!(timed.setup.post(&cancel, &stranger, &json!({})).await.status, 404);
    // Another tenant has neither the denial nor the request.
    timed.setup.authority.create_tenant(&tenant("other"), Provenance::new("test", "")).unwrap();
    let scope = KeyScope::Tenant(TenantName::new("other").unwrap());
    let other = timed.setup.key(KeyRole::Admin, scope);
    let foreign = timed.setup.post(&format!("/tenants/other{REQUESTS}"), &other, &submission).await;
    assert_eq!(foreign.status, 400, "{}", foreign.text);
    assert_eq!(timed.setup.get(&format!("/tenants/other{place}"), &other).await.status, 404);
}

#[tokio::test]
async fn limit_denial_age_max() {
    let timed = served().await;
    let question = timed.question("deploy", "shop");
    let (denied, denial) = timed.denied(&question).await;
    let age = u64::try_from(DENIAL_AGE_MAX.as_millis()).unwrap();
    assert_eq!(denied["context"]["access_request"]["expires_at"], "2026-11-22T13:00:00Z");
    timed.now.store(NOON + age, Ordering::SeqCst);
    assert_eq!(timed.refused(&Timed::submission(&question, &denial)).await, (410, "expired_denial".to_owned()));
    let timed = served().await;
    let (_, denial) = timed.denied(&timed.question("deploy", "shop")).await;
    timed.now.store(NOON + age - 1, Ordering::SeqCst);
    assert_eq!(timed.submit(&Timed::submission(&timed.question("deploy", "shop"), &denial)).await.status, 202);
}

#[tokio::test]
async fn a_reservation_obliges_to_settle_it() {
    let timed = served().await;
    let mut question = timed.question("deploy", "bar");
    assert_eq!(timed.evaluated(&question).await["context"]["obligations"], Value::Null);
    question["context"]["reserve_ms"] = json!(60_000);
    // Without a budget there is nothing to hold.
    assert_eq!(timed.evaluated(&question).await["context"]["obligations"], Value::Null);
    let api = |path: &str| format!("/v1/tenants/default/{path}");
    let link = timed.setup.get(&api(&format!("delegations/{}", timed.delegation)), &timed.setup.admin).await.json();
    let bounded = json!({
        "task": link["task"], "from": link["from"], "to": link["to"], "cap": link["cap"], "uses": 3,
    });
    let bounded = timed.setup.post(&api("delegations"), &timed.setup.admin, &bounded).await.json();
    question["context"]["delegation"] = bounded["id"].clone();
    let reserved = timed.evaluated(&question).await;
    let obligation = &reserved["context"]["obligations"][0];
    assert_eq!((&obligation["type"], &obligation["id"]), (&json!("custom"), &reserved["context"]["id"]), "{reserved}");
    assert_eq!(obligation["properties"]["action"], "settle_reservation");
    let commit = obligation["properties"]["commit"].as_str().unwrap();
    assert_eq!(timed.setup.post(commit, &timed.setup.admin, &json!({})).await.status, 200);
    question["context"]["supported_obligations"] = json!(["step-up"]);
    let answer = timed.setup.post(EVALUATION, &timed.setup.admin, &question).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert!(answer.text.starts_with("obligation_unsupported"), "{}", answer.text);
    question["context"]["supported_obligations"] = json!(["step-up", "custom"]);
    assert_eq!(timed.evaluated(&question).await["decision"], true);
}

#[tokio::test]
async fn the_metadata_says_where_and_what() {
    let timed = served().await;
    let metadata = timed.setup.get("/.well-known/authzen-configuration", "").await.json();
    assert_eq!(metadata["access_request_endpoint"], timed.setup.url(REQUESTS));
    assert_eq!(metadata["capabilities"], json!(["urn:openid:authzen:capability:access-request"]));
    assert_eq!(metadata["supported_obligations"], json!(["custom"]));
    let metadata = timed.setup.get("/.well-known/authzen-configuration/tenants/other", "").await.json();
    assert_eq!(metadata["access_request_endpoint"], timed.setup.url(&format!("/tenants/other{REQUESTS}")));
}
