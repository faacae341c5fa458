//! Approvals over HTTP: asked for, given by whom it takes, used, and void as soon as anything is otherwise.

use prokura::Provenance;
use prokura_model::{Change, KeyRole, KeyScope};
use prokura_server::limits::TOOL_SCHEMA_BYTES_MAX;
use serde_json::{Value, json};

use crate::{
    support::{Answer, Setup, tenant},
    token::TestIssuer,
};

const SCHEMA: &str = "use guards\ndefinition user {}\ndefinition agent {}\ndefinition service {\n\trelation deployer: user | \
                      agent\n\trelation owner: user\n\tpermission approve = owner\n\tpermission deploy = deployer\n\tpermission \
                      restart = deployer\n\tpermission stop = deployer\n}\nguard production on service#deploy { require \
                      approval from service#approve within 15m }\nguard again on service#restart { require approval \
                      from service#approve within 1h, reusable }\nguard sure on service#stop { require confirmation \
                      from origin within 5m }\n";

struct World {
    setup: Setup,
    issuer: TestIssuer,
    task: String,
    link: String,
}

fn object(kind: &str, id: &str) -> Value {
    json!({"type": kind, "id": id})
}

impl World {
    /// Alice deploys and has the coder do it; Olga owns the service.
    async fn new() -> Self {
        let issuer = TestIssuer::new();
        let setup = Setup::with(issuer.config()).await;
        setup.fill();
        let edges =
            ["service:shop#deployer@user:alice", "service:shop#owner@user:olga", "service:shop#owner@user:alice"];
        let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned())];
        changes
            .splice(0..0, crate::support::RELATIONSHIPS.map(|text| Change::RelationshipDeleted(text.parse().unwrap())));
        changes.extend(edges.map(|text| Change::touched(text.parse().unwrap())));
        setup.authority.write(&tenant("default"), Provenance::new("test", ""), changes).unwrap();
        let admin = setup.admin.clone();
        let olga = json!({"object": object("user", "olga")});
        assert_eq!(setup.put("/v1/tenants/default/principals", &admin, &olga).await.status, 200);
        let new = json!({"origin": object("user", "alice"), "purpose": "ship", "expires_in_seconds": 600});
        let task = setup.post("/v1/tenants/default/tasks", &admin, &new).await.json();
        let task = task["id"].as_str().unwrap().to_owned();
        let new = json!({
            "task": task, "from": object("user", "alice"), "to": object("agent", "coder"),
            "cap": {"clauses": [{"permissions": ["*"], "resources": [{"type": "service", "wildcard": true}]}]},
        });
        let link = setup.post("/v1/tenants/default/delegations", &admin, &new).await.json();
        let link = link["id"].as_str().unwrap().to_owned();
        Self { setup, issuer, task, link }
    }

    fn question(&self, permission: &str, version: i64) -> Value {
        json!({
            "actor": object("agent", "coder"), "delegation": self.link, "permission": permission,
            "resource": object("service", "shop"), "arguments": {"version": version}, "tool_schema": "sha256:1",
        })
    }

    async fn post(&self, path: &str, credential: &str, body: &Value) -> Answer {
        self.setup.post(&format!("/v1/tenants/default{path}"), credential, body).await
    }

    async fn decide(&self, question: &Value) -> Value {
        let answer = self.post("/decide", &self.setup.admin, question).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// The word and the reason of a decision.
    async fn decided(&self, question: &Value) -> String {
        let decision = self.decide(question).await;
        format!("{} {}", decision["disposition"].as_str().unwrap(), decision["reason"].as_str().unwrap())
    }

    async fn ask(&self, credential: &str, question: &Value) -> Answer {
        let mut body = question.clone();
        body["reason"] = json!("the release");
        self.post("/approvals", credential, &body).await
    }

    async fn asked(&self, question: &Value) -> String {
        let asked = self.ask(&self.setup.admin, question).await;
        assert_eq!(asked.status, 201, "{}", asked.text);
        asked.json()["id"].as_str().unwrap().to_owned()
    }

    async fn answer(&self, credential: &str, id: &str, how: &str, by: Option<&str>) -> Answer {
        let by = by.map(|id| object("user", id));
        self.post(&format!("/approvals/{id}/{how}"), credential, &json!({"by": by, "reason": "seen"})).await
    }

    async fn listed(&self, credential: &str, query: &str) -> Vec<String> {
        let found = self.setup.get(&format!("/v1/tenants/default/approvals?{query}"), credential).await;
        assert_eq!(found.status, 200, "{}", found.text);
        let items = found.json()["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn an_approval_is_good_for_exactly_what_was_seen_and_once() {
    let world = World::new().await;
    let (admin, question) = (world.setup.admin.clone(), world.question("deploy", 7));
    let held = world.decide(&question).await;
    assert_eq!((&held["disposition"], &held["reason"]), (&json!("held"), &json!("approval_required")));
    let id = held["held"]["approval"].as_str().unwrap();
    assert_eq!(
        held["held"],
        json!({"guard": "production", "from": "service#approve", "within_ms": 900_000, "once": true, "approval": id})
    );
    let asked = world.ask(&admin, &question).await;
    assert_eq!(asked.status, 201, "{}", asked.text);
    let asked = asked.json();
    assert_eq!((&asked["id"], &asked["state"], &asked["task"]), (&json!(id), &json!("pending"), &json!(world.task)));
    assert_eq!((&asked["arguments"], &asked["tool_schema"]), (&json!({"version": 7}), &json!("sha256:1")));
    assert_eq!((&asked["from"], &asked["good_for_seconds"]), (&json!("service#approve"), &json!(900)));
    assert_eq!(asked["chain"][0]["to"], object("agent", "coder"));
    assert_eq!(world.ask(&admin, &question).await.json(), asked, "what is asked for already stands as it is");
    let olga = "answerable_by_type=user&answerable_by_id=olga";
    assert_eq!(world.listed(&admin, olga).await, [id]);
    assert!(world.listed(&admin, "answerable_by_type=user&answerable_by_id=alice").await.is_empty());
    let wrong = world.answer(&admin, id, "give", Some("alice")).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (403, "not_an_approver"), "she is the origin");
    let wrong = world.answer(&admin, id, "give", Some("bob")).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (403, "not_an_approver"));
    let given = world.answer(&admin, id, "give", Some("olga")).await;
    assert_eq!(given.status, 200, "{}", given.text);
    let given = given.json();
    assert_eq!((&given["state"], &given["answer"]["words"]), (&json!("given"), &json!("seen")));
    assert!(given["good_until"].is_string(), "{given}");
    assert!(world.listed(&admin, olga).await.is_empty());

    for (member, other) in [("version", json!(8)), ("dry_run", json!(true))] {
        let mut changed = question.clone();
        changed["arguments"][member] = other;
        assert_eq!(world.decided(&changed).await, "held approval_required", "{member}");
    }
    for tool in [json!("sha256:2"), Value::Null] {
        let mut changed = question.clone();
        changed["tool_schema"] = tool;
        assert_eq!(world.decided(&changed).await, "held approval_required");
    }
    let allowed = world.decide(&question).await;
    assert_eq!(allowed["disposition"], "allow");
    assert_eq!(allowed["guards"][0]["approvals"], json!([{"approval": id, "by": object("user", "olga")}]));
    let used = world.setup.get(&format!("/v1/tenants/default/approvals/{id}"), &admin).await.json();
    assert_eq!((&used["state"], &used["used_by"]), (&json!("used"), &allowed["id"]));
    let path = format!("/v1/tenants/default/decisions/{}", allowed["id"].as_str().unwrap());
    let record = world.setup.get(&path, &admin).await.json();
    assert_eq!((&record["guards"], &record["request"]["tool_schema"]), (&allowed["guards"], &json!("sha256:1")));
    let again = world.decide(&question).await;
    assert_eq!((&again["reason"], &again["held"]["used"]), (&json!("approval_required"), &json!(true)));
    let anew = world.ask(&admin, &question).await.json();
    assert_eq!((&anew["id"], &anew["state"]), (&json!(id), &json!("pending")));
}

#[tokio::test]
async fn what_is_reusable_is_used_until_it_is_taken_back() {
    let world = World::new().await;
    let (admin, question) = (world.setup.admin.clone(), world.question("restart", 1));
    let id = world.asked(&question).await;
    world.answer(&admin, &id, "give", Some("olga")).await;
    for _ in 0..3 {
        assert_eq!(world.decided(&question).await, "allow lent_authority");
    }
    let wrong = world.answer(&admin, &id, "cancel", Some("bob")).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (403, "not_to_cancel"));
    let taken = world.answer(&admin, &id, "cancel", None).await.json();
    assert_eq!(taken["state"], "cancelled");
    assert_eq!(world.decided(&question).await, "held approval_required");
    let late = world.answer(&admin, &id, "give", Some("olga")).await;
    assert_eq!((late.status, late.code().as_str()), (409, "approval_not_pending"));
    let again = world.asked(&question).await;
    let refused = world.answer(&admin, &again, "refuse", Some("olga")).await.json();
    assert_eq!((&refused["state"], &refused["answer"]["by"]), (&json!("refused"), &object("user", "olga")));
    assert_eq!(world.listed(&admin, "state=refused").await, [id]);
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_told() {
    let world = World::new().await;
    let admin = world.setup.admin.clone();
    let mut question = world.question("approve", 1);
    let refused = world.ask(&admin, &question).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "approval_not_needed"), "{}", refused.text);
    question = world.question("deploy", 1);
    let silent = world.post("/approvals", &admin, &question).await;
    assert_eq!(silent.status, 400, "{}", silent.text);
    question["reason"] = json!(" ");
    let silent = world.post("/approvals", &admin, &question).await;
    assert_eq!((silent.status, silent.code().as_str()), (400, "words_missing"));
    let unknown = world.answer(&admin, &"0".repeat(64), "give", Some("olga")).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "approval_unknown"));
    let id = world.asked(&world.question("deploy", 1)).await;
    let changed = SCHEMA.replace("within 15m", "within 16m");
    world.setup.put("/v1/tenants/default/schema", &admin, &json!({"schema": changed})).await;
    let late = world.answer(&admin, &id, "give", Some("olga")).await;
    assert_eq!((late.status, late.code().as_str()), (409, "guard_changed"));
}

#[tokio::test]
async fn the_same_request_sent_again_asks_once() {
    let world = World::new().await;
    let send = |version: i64| {
        let mut body = world.question("deploy", version);
        body["reason"] = json!("the release");
        let request = world.setup.http.post(world.setup.url("/v1/tenants/default/approvals"));
        world.setup.send(request.bearer_auth(&world.setup.admin).header("idempotency-key", "k-1").json(&body))
    };
    let first = send(1).await;
    assert_eq!((first.status, send(1).await.json()), (201, first.json()));
    let other = send(2).await;
    assert_eq!((other.status, other.code().as_str()), (409, "request_id_reused"));
}

#[tokio::test]
async fn a_token_asks_for_itself_and_sees_what_it_has_part_in() {
    let world = World::new().await;
    let token = |subject: &str| world.issuer.token(subject);
    let (coder, tester, alice) = (token("agent:coder"), token("agent:tester"), token("user:alice"));
    let (olga, bob) = (token("user:olga"), token("user:bob"));
    let question = world.question("deploy", 3);
    let mut own = question.clone();
    own.as_object_mut().unwrap().remove("actor");
    let asked = world.ask(&coder, &own).await;
    assert_eq!(asked.status, 201, "{}", asked.text);
    let id = asked.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(world.ask(&tester, &question).await.status, 403);
    for (who, sees) in [(&coder, true), (&alice, true), (&olga, true), (&tester, false), (&bob, false)] {
        assert_eq!(world.listed(who, "").await.is_empty(), !sees);
        let one = world.setup.get(&format!("/v1/tenants/default/approvals/{id}"), who).await;
        assert_eq!(one.status, if sees { 200 } else { 404 });
    }
    assert_eq!(world.answer(&bob, &id, "give", None).await.code(), "approval_unknown");
    for (who, code) in [(&coder, "not_an_approver"), (&alice, "not_an_approver")] {
        let wrong = world.answer(who, &id, "give", None).await;
        assert_eq!((wrong.status, wrong.code().as_str()), (403, code));
    }
    assert_eq!(world.answer(&coder, &id, "give", Some("olga")).await.status, 403, "a token is nobody else");
    let given = world.answer(&olga, &id, "give", None).await.json();
    assert_eq!((&given["state"], &given["answer"]["by"]), (&json!("given"), &object("user", "olga")));
    assert_eq!(world.post("/decide", &coder, &own).await.json()["disposition"], "allow");
    let other = world.asked(&world.question("deploy", 4)).await;
    assert_eq!(world.answer(&alice, &other, "cancel", None).await.json()["state"], "cancelled");

    let confirmed = world.asked(&world.question("stop", 1)).await;
    assert_eq!(world.answer(&olga, &confirmed, "give", None).await.code(), "approval_unknown");
    assert_eq!(world.answer(&alice, &confirmed, "give", None).await.json()["from"], "origin");
    assert_eq!(world.decided(&world.question("stop", 1)).await, "allow lent_authority");
}

#[tokio::test]
async fn a_point_asks_for_those_it_speaks_for() {
    let world = World::new().await;
    let (mine, other) = (world.setup.enforcement_point(&["agent:*"]), world.setup.enforcement_point(&["user:*"]));
    let auditor = world.setup.key(KeyRole::Auditor, KeyScope::AllTenants);
    let question = world.question("deploy", 5);
    assert_eq!(world.ask(&other, &question).await.status, 403);
    assert_eq!(world.ask(&auditor, &question).await.status, 403);
    let asked = world.ask(&mine, &question).await;
    assert_eq!(asked.status, 201, "{}", asked.text);
    let id = asked.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(world.listed(&auditor, "state=pending").await, [id.as_str()]);
    for key in [&mine, &auditor] {
        assert_eq!(world.answer(key, &id, "give", Some("olga")).await.status, 403);
    }
}

#[tokio::test]
async fn authzen_says_what_is_missing_and_where_it_is_asked_for() {
    let world = World::new().await;
    let mut question = world.question("deploy", 6);
    question.as_object_mut().unwrap().remove("tool_schema");
    let evaluation = json!({
        "subject": object("agent", "coder"), "action": {"name": "deploy", "properties": {"version": 6}},
        "resource": object("service", "shop"), "context": {"delegation": world.link},
    });
    let evaluated = async || world.setup.post("/access/v1/evaluation", &world.setup.admin, &evaluation).await.json();
    let held = evaluated().await;
    assert_eq!((&held["decision"], &held["context"]["reason"]), (&json!(false), &json!("approval_required")));
    assert_eq!(held["context"]["ask_at"], "/v1/tenants/default/approvals");
    let id = world.asked(&question).await;
    assert_eq!(
        (&held["context"]["held"]["approval"], &held["context"]["held"]["guard"]),
        (&json!(id), &json!("production"))
    );
    world.answer(&world.setup.admin, &id, "give", Some("olga")).await;
    let allowed = evaluated().await;
    assert_eq!((&allowed["decision"], allowed["context"].get("held")), (&json!(true), None));
    let again = evaluated().await;
    assert_eq!((&again["decision"], &again["context"]["held"]["used"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn limit_tool_schema_bytes_max() {
    let world = World::new().await;
    let admin = world.setup.admin.clone();
    for (bytes, fits) in [(0, false), (1, true), (TOOL_SCHEMA_BYTES_MAX, true), (TOOL_SCHEMA_BYTES_MAX + 1, false)] {
        let mut question = world.question("deploy", 1);
        question["tool_schema"] = json!("x".repeat(bytes));
        let mut asking = question.clone();
        asking["reason"] = json!("why");
        let plan = json!({"actions": [question]});
        for (path, body, at) in [
            ("/decide", &question, "tool_schema"),
            ("/explain", &question, "tool_schema"),
            ("/approvals", &asking, "tool_schema"),
            ("/decide/plan", &plan, "actions[0].tool_schema"),
        ] {
            let answer = world.post(path, &admin, body).await;
            assert_eq!(answer.status < 300, fits, "{path} {bytes}: {}", answer.text);
            if !fits {
                assert_eq!(answer.code(), "tool_schema_invalid");
                assert_eq!(answer.json()["error"]["details"]["path"], at);
            }
        }
    }
}

#[tokio::test]
async fn a_plan_and_a_watcher_know_of_approvals() {
    let world = World::new().await;
    let (admin, question) = (world.setup.admin.clone(), world.question("deploy", 9));
    let id = world.asked(&question).await;
    world.answer(&admin, &id, "give", Some("olga")).await;
    let plan = world.post("/decide/plan", &admin, &json!({"actions": [question, question]})).await.json();
    let words: Vec<_> = plan["actions"].as_array().unwrap().iter().map(|one| &one["decision"]["disposition"]).collect();
    assert_eq!(words, ["allow", "held"], "{plan}");
    assert_eq!(world.decided(&question).await, "allow lent_authority", "a plan takes nothing");
    let head = world.setup.authority.snapshot(&tenant("default")).unwrap().revision().0;
    let mut kinds = Vec::new();
    for revision in (head - 2)..=head {
        let found = world.setup.get(&format!("/v1/tenants/default/transactions/{revision}"), &admin).await.json();
        let change = &found["changes"][0];
        kinds.push((change["kind"].as_str().unwrap().to_owned(), change["approval"]["state"].clone()));
    }
    let kind = |kind: &str, state: Value| (kind.to_owned(), state);
    assert_eq!(
        kinds,
        [kind("approval_set", json!("pending")), kind("approval_set", json!("given")), kind("consumed", Value::Null),]
    );
}
