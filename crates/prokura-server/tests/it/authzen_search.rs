//! The searches of the AuthZEN door: what they list, for whom, and in which pages.

use prokura::Provenance;
use prokura_model::{
    Cap, CapClause, CapPermissions, CapResource, Change, Delegation, DelegationId, DelegationKind, Principal,
    PrincipalState, RelationName, RelationshipOnTerms, Task, TaskId, TaskState, Timestamp,
};
use prokura_server::limits::SEARCH_RESULTS_MAX;
use serde_json::{Value, json};

use crate::{
    support::{Setup, tenant},
    token::TestIssuer,
};

const SUBJECT: &str = "/access/v1/search/subject";
const RESOURCE: &str = "/access/v1/search/resource";
const ACTION: &str = "/access/v1/search/action";

const SCHEMA: &str = "caveat from_office(network string) {
\tnetwork == \"office\"
}

definition user {}

definition agent {}

definition record {
\trelation reader: user | user:* | user with from_office | agent
\trelation banned: user
\trelation writer: user

\tpermission write = writer
\tpermission read = reader + writer - banned
}
";

async fn setup(relationships: &[&str]) -> Setup {
    let setup = Setup::empty().await;
    let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned())];
    changes.extend(touched(relationships));
    write(&setup, changes);
    setup
}

fn touched(relationships: &[&str]) -> Vec<Change> {
    let read = |text: &&str| text.parse::<RelationshipOnTerms>().unwrap();
    let touched = |read: RelationshipOnTerms| Change::RelationshipTouched(read.relationship, read.terms);
    relationships.iter().map(read).map(touched).collect()
}

fn write(setup: &Setup, changes: Vec<Change>) {
    setup.authority.write(&tenant("default"), Provenance::new("test", ""), changes).unwrap();
}

fn principal(object: &str, owner: Option<&str>, state: PrincipalState) -> Change {
    let owner = owner.map(|owner| owner.parse().unwrap());
    Change::PrincipalSet(Principal { object: object.parse().unwrap(), owner, state, declared: false })
}

fn who_reads(record: &str) -> Value {
    json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": {"type": "record", "id": record}})
}

fn what_is_read_by(user: &str) -> Value {
    json!({"subject": {"type": "user", "id": user}, "action": {"name": "read"}, "resource": {"type": "record"}})
}

fn what_may(user: &str, record: &str) -> Value {
    json!({"subject": {"type": "user", "id": user}, "resource": {"type": "record", "id": record}})
}

/// What was found: the ids, or the names of actions.
#[track_caller]
fn found(body: &Value) -> Vec<String> {
    let results = body["results"].as_array().unwrap_or_else(|| panic!("{body}"));
    let name = |result: &Value| result["id"].as_str().or_else(|| result["name"].as_str()).unwrap().to_owned();
    results.iter().map(name).collect()
}

async fn search(setup: &Setup, path: &str, body: &Value) -> Vec<String> {
    search_by(setup, path, &setup.admin, body).await
}

async fn search_by(setup: &Setup, path: &str, key: &str, body: &Value) -> Vec<String> {
    let answer = setup.post(path, key, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    found(&answer.json())
}

#[tokio::test]
async fn all_three_are_answered_from_the_same_relationships() {
    let setup =
        setup(&["record:one#writer@user:alice", "record:one#reader@user:bob", "record:two#reader@user:bob"]).await;
    assert_eq!(search(&setup, SUBJECT, &who_reads("one")).await, ["alice", "bob"]);
    assert_eq!(search(&setup, RESOURCE, &what_is_read_by("bob")).await, ["one", "two"]);
    // Relations are no actions.
    assert_eq!(search(&setup, ACTION, &what_may("alice", "one")).await, ["read", "write"]);
    assert_eq!(search(&setup, ACTION, &what_may("bob", "one")).await, ["read"]);
    let answer = setup.post(RESOURCE, &setup.admin, &what_is_read_by("alice")).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json(), json!({"results": [{"type": "record", "id": "one"}]}));
    let named = setup.http.post(setup.url(SUBJECT)).bearer_auth(&setup.admin).header("x-request-id", "mine");
    assert_eq!(setup.send(named.json(&who_reads("one"))).await.header("x-request-id"), Some("mine"));
}

#[tokio::test]
async fn tenants_have_searches_of_their_own() {
    let setup = setup(&["record:one#reader@user:bob"]).await;
    setup.authority.create_tenant(&tenant("other"), Provenance::new("test", "")).unwrap();
    for (path, body) in
        [(SUBJECT, who_reads("one")), (RESOURCE, what_is_read_by("bob")), (ACTION, what_may("bob", "one"))]
    {
        assert_eq!(search(&setup, &format!("/tenants/default{path}"), &body).await.len(), 1);
        assert_eq!(search(&setup, &format!("/tenants/other{path}"), &body).await, [""; 0], "it has no schema yet");
        assert_eq!(setup.post(&format!("/tenants/nobody{path}"), &setup.admin, &body).await.status, 404);
    }
}

#[tokio::test]
async fn what_nothing_is_called_has_no_results() {
    let setup = setup(&["record:one#reader@user:bob"]).await;
    for (path, member, value) in [
        (SUBJECT, "subject", json!({"type": "spaceship"})),
        (SUBJECT, "subject", json!({"type": "Space Ship"})),
        (SUBJECT, "action", json!({"name": "fly"})),
        (SUBJECT, "action", json!({"name": "GET"})),
        (SUBJECT, "resource", json!({"type": "spaceship", "id": "x"})),
        (SUBJECT, "resource", json!({"type": "record", "id": "unknown"})),
        (RESOURCE, "subject", json!({"type": "Ship", "id": "x"})),
        (RESOURCE, "subject", json!({"type": "user", "id": "unknown"})),
        (RESOURCE, "resource", json!({"type": "spaceship"})),
        (ACTION, "subject", json!({"type": "spaceship", "id": "x"})),
        (ACTION, "resource", json!({"type": "", "id": "x"})),
    ] {
        let mut body = match path {
            SUBJECT => who_reads("one"),
            RESOURCE => what_is_read_by("bob"),
            _ => what_may("bob", "one"),
        };
        body[member] = value;
        assert_eq!(search(&setup, path, &body).await, [""; 0], "{path} {body}");
    }
}

#[tokio::test]
async fn what_is_missing_or_of_another_type_is_a_mistake() {
    let setup = setup(&["record:one#reader@user:bob"]).await;
    let cases = [
        (SUBJECT, who_reads("one"), "/subject", json!(null), "subject"),
        (SUBJECT, who_reads("one"), "/subject", json!({}), "subject.type"),
        (SUBJECT, who_reads("one"), "/action", json!(null), "action"),
        (SUBJECT, who_reads("one"), "/action/name", json!(7), "action.name"),
        (SUBJECT, who_reads("one"), "/resource/id", json!(null), "resource.id"),
        (SUBJECT, who_reads("one"), "/resource/id", json!("*"), "resource.id"),
        (RESOURCE, what_is_read_by("bob"), "/subject/id", json!(null), "subject.id"),
        (RESOURCE, what_is_read_by("bob"), "/resource", json!("record"), "resource"),
        (RESOURCE, what_is_read_by("bob"), "/resource/properties", json!([]), "resource.properties"),
        (ACTION, what_may("bob", "one"), "/resource/id", json!(null), "resource.id"),
        (ACTION, what_may("bob", "one"), "/context", json!([]), "context"),
        (ACTION, what_may("bob", "one"), "/page", json!(1), "page"),
        (ACTION, what_may("bob", "one"), "/page", json!({"limit": -1}), "page.limit"),
        (ACTION, what_may("bob", "one"), "/page", json!({"limit": 1.5}), "page.limit"),
        (ACTION, what_may("bob", "one"), "/page", json!({"limit": "1"}), "page.limit"),
        (ACTION, what_may("bob", "one"), "/page", json!({"token": 1}), "page.token"),
        (ACTION, what_may("bob", "one"), "/page", json!({"token": "made up"}), "page.token"),
    ];
    for (path, mut body, place, value, told) in cases {
        let (parent, name) = place.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
        let answer = setup.post(path, &setup.admin, &body).await;
        assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text);
        assert!(answer.text.contains(&format!(": `{told}`")), "{path} {body}: {}", answer.text);
    }
    let typed = setup.http.post(setup.url(SUBJECT)).bearer_auth(&setup.admin).header("content-type", "text/plain");
    assert_eq!(setup.send(typed.body(who_reads("one").to_string())).await.status, 400);
}

#[tokio::test]
async fn an_id_beside_the_type_that_is_searched_is_ignored() {
    let setup = setup(&["record:one#reader@user:alice", "record:one#reader@user:bob"]).await;
    let mut body = who_reads("one");
    body["subject"]["id"] = json!("bob");
    assert_eq!(search(&setup, SUBJECT, &body).await, ["alice", "bob"]);
    let mut body = what_is_read_by("bob");
    body["resource"]["id"] = json!(["of no type at all"]);
    assert_eq!(search(&setup, RESOURCE, &body).await, ["one"]);
}

#[tokio::test]
async fn what_depends_on_a_missing_value_is_not_listed() {
    let setup = setup(&["record:one#reader@user:bob[from_office]", "record:one#reader@user:alice"]).await;
    assert_eq!(search(&setup, SUBJECT, &who_reads("one")).await, ["alice"]);
    assert_eq!(search(&setup, RESOURCE, &what_is_read_by("bob")).await, [""; 0]);
    assert_eq!(search(&setup, ACTION, &what_may("bob", "one")).await, [""; 0]);
    for (member, value) in [
        ("context", json!({"network": "office"})),
        ("subject", json!({"type": "user", "id": "bob", "properties": {"network": "office"}})),
    ] {
        let told = |mut body: Value| {
            body[member] = value.clone();
            body
        };
        assert_eq!(search(&setup, SUBJECT, &told(who_reads("one"))).await, ["alice", "bob"]);
        assert_eq!(search(&setup, RESOURCE, &told(what_is_read_by("bob"))).await, ["one"]);
        assert_eq!(search(&setup, ACTION, &told(what_may("bob", "one"))).await, ["read"]);
    }
}

#[tokio::test]
async fn a_wildcard_is_one_entry_with_its_exceptions() {
    let setup =
        setup(&["record:one#reader@user:*", "record:one#banned@user:eve", "record:one#writer@user:alice"]).await;
    write(&setup, vec![principal("user:dave", None, PrincipalState::Suspended)]);
    let answer = setup.post(SUBJECT, &setup.admin, &who_reads("one")).await.json();
    let everybody = json!({"type": "user", "id": "*", "properties": {"except": ["dave", "eve"]}});
    assert_eq!(answer["results"], json!([everybody, {"type": "user", "id": "alice"}]));
    // Who may ask about some gets those, and nothing of the others.
    let point = setup.enforcement_point(&["user:bob", "user:eve", "user:dave", "agent:coder"]);
    assert_eq!(search_by(&setup, SUBJECT, &point, &who_reads("one")).await, ["bob"]);
    let all_users = setup.enforcement_point(&["user:*"]);
    assert_eq!(search_by(&setup, SUBJECT, &all_users, &who_reads("one")).await, ["*", "alice"]);
}

#[tokio::test]
async fn whoever_is_stopped_has_nothing() {
    let setup = setup(&["record:one#reader@user:bob", "record:one#reader@agent:coder"]).await;
    assert_eq!(search(&setup, RESOURCE, &what_is_read_by("bob")).await, ["one"]);
    write(&setup, vec![principal("user:bob", None, PrincipalState::Suspended)]);
    assert_eq!(search(&setup, SUBJECT, &who_reads("one")).await, [""; 0]);
    assert_eq!(search(&setup, RESOURCE, &what_is_read_by("bob")).await, [""; 0]);
    assert_eq!(search(&setup, ACTION, &what_may("bob", "one")).await, [""; 0]);
    // And so has whoever is owned by one who left.
    let mut agents = who_reads("one");
    agents["subject"]["type"] = json!("agent");
    write(&setup, vec![principal("user:olga", None, PrincipalState::Active)]);
    write(&setup, vec![principal("agent:coder", Some("user:olga"), PrincipalState::Active)]);
    assert_eq!(search(&setup, SUBJECT, &agents).await, ["coder"]);
    write(&setup, vec![principal("user:olga", None, PrincipalState::OffBoarded)]);
    assert_eq!(search(&setup, SUBJECT, &agents).await, [""; 0]);
}

#[tokio::test]
async fn a_caller_searches_for_those_it_may_ask_about() {
    let issuer = TestIssuer::new();
    let setup = Setup::with(issuer.config()).await;
    let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned())];
    changes.extend(touched(&["record:one#reader@user:alice", "record:one#reader@user:bob"]));
    write(&setup, changes);
    let bob = issuer.token("user:bob");
    assert_eq!(search_by(&setup, SUBJECT, &bob, &who_reads("one")).await, ["bob"]);
    assert_eq!(search_by(&setup, RESOURCE, &bob, &what_is_read_by("bob")).await, ["one"]);
    for (path, body) in [(RESOURCE, what_is_read_by("alice")), (ACTION, what_may("alice", "one"))] {
        let answer = setup.post(path, &bob, &body).await;
        assert_eq!(answer.status, 403, "{}", answer.text);
    }
}

fn lent(setup: &Setup, until: Option<u64>) {
    let permissions = CapPermissions::Only([RelationName::new("read").unwrap()].into());
    let resources = ["record:one", "record:two"].map(|text| CapResource::Object(text.parse().unwrap())).into();
    let cap = Cap { clauses: vec![CapClause { permissions, resources, condition: None }] };
    lent_with(setup, cap, until);
}

fn lent_with(setup: &Setup, cap: Cap, until: Option<u64>) {
    let (task, id) = (TaskId::new("ship").unwrap(), DelegationId::new("lent").unwrap());
    write(
        setup,
        vec![
            principal("user:alice", None, PrincipalState::Active),
            principal("agent:coder", None, PrincipalState::Active),
            Change::TaskOpened(Task {
                id: task.clone(),
                origin: "user:alice".parse().unwrap(),
                purpose: "ship".to_owned(),
                opened_at: Timestamp(0),
                expires_at: Timestamp(u64::MAX / 2),
                state: TaskState::Open,
                declared: false,
                parent: None,
                owner: None,
                budgets: Vec::new(),
            }),
            Change::DelegationCreated(Delegation {
                id,
                task,
                kind: DelegationKind::Lends,
                from: "user:alice".parse().unwrap(),
                to: "agent:coder".parse().unwrap(),
                parent: None,
                cap,
                depth: 0,
                not_before: None,
                expires_at: until.map(Timestamp),
                revoked_at: None,
                declared: false,
                uses: None,
            }),
        ],
    );
}

#[tokio::test]
async fn under_a_delegation_it_is_what_the_origin_has_inside_every_cap() {
    let setup = setup(&["record:one#writer@user:alice", "record:three#writer@user:alice"]).await;
    lent(&setup, None);
    let under = json!({"delegation": "lent"});
    let coder = json!({"type": "agent", "id": "coder"});
    let resources =
        json!({"subject": coder, "action": {"name": "read"}, "resource": {"type": "record"}, "context": under});
    let actions = json!({"subject": coder, "resource": {"type": "record", "id": "one"}, "context": under});
    let mut subjects = who_reads("one");
    subjects["context"] = under.clone();
    // Alice has two records, and lent one of them: record two is in the cap, but not hers.
    assert_eq!(search(&setup, RESOURCE, &resources).await, ["one"]);
    assert_eq!(search(&setup, ACTION, &actions).await, ["read"]);
    assert_eq!(search(&setup, SUBJECT, &subjects).await, [""; 0], "it was made to an agent, and to nobody else");
    subjects["subject"]["type"] = json!("agent");
    assert_eq!(search(&setup, SUBJECT, &subjects).await, ["coder"]);
    let mut writing = subjects.clone();
    writing["action"]["name"] = json!("write");
    assert_eq!(search(&setup, SUBJECT, &writing).await, [""; 0]);
    // What is listed is what an evaluation permits.
    let mut asked = resources.clone();
    for (id, decision) in [("one", true), ("two", false), ("three", false)] {
        asked["resource"]["id"] = json!(id);
        assert_eq!(setup.post("/access/v1/evaluation", &setup.admin, &asked).await.json()["decision"], decision);
    }
    let mut stolen = resources.clone();
    stolen["subject"] = json!({"type": "user", "id": "alice"});
    assert_eq!(search(&setup, RESOURCE, &stolen).await, [""; 0]);
    let mut unknown = resources.clone();
    unknown["context"] = json!({"delegation": "nothing"});
    assert_eq!(search(&setup, RESOURCE, &unknown).await, [""; 0]);
    write(&setup, vec![Change::DelegationRevoked(DelegationId::new("lent").unwrap())]);
    for (path, body) in [(RESOURCE, resources), (ACTION, actions), (SUBJECT, subjects)] {
        assert_eq!(search(&setup, path, &body).await, [""; 0]);
    }
}

#[tokio::test]
async fn under_a_narrow_cap_it_is_what_an_evaluation_permits() {
    let setup = setup(&["record:one#writer@user:alice", "record:two#reader@user:alice"]).await;
    let clause = CapClause {
        permissions: CapPermissions::Any,
        resources: ["record:* where origin has write".parse().unwrap()].into(),
        condition: None,
    };
    lent_with(&setup, Cap { clauses: vec![clause] }, None);
    let mut asked = json!({
        "subject": {"type": "agent", "id": "coder"}, "action": {"name": "read"}, "resource": {"type": "record"},
        "context": {"delegation": "lent"},
    });
    assert_eq!(search(&setup, RESOURCE, &asked).await, ["one"]);
    for (id, decision, actions) in [("one", true, &["read", "write"][..]), ("two", false, &[])] {
        asked["resource"]["id"] = json!(id);
        assert_eq!(setup.post("/access/v1/evaluation", &setup.admin, &asked).await.json()["decision"], decision);
        assert_eq!(search(&setup, ACTION, &asked).await, actions);
    }
}

#[tokio::test]
async fn pages_lead_through_everything_once() {
    let setup = setup(&["record:one#reader@user:*"]).await;
    let people = ["ann", "bob", "cyd", "dan"].map(|name| format!("record:one#writer@user:{name}"));
    write(&setup, touched(&people.each_ref().map(String::as_str)));
    let whole = search(&setup, SUBJECT, &who_reads("one")).await;
    assert_eq!(whole, ["*", "ann", "bob", "cyd", "dan"]);
    for limit in 1..=6 {
        let mut body = who_reads("one");
        body["page"] = json!({"limit": limit});
        let mut all = Vec::new();
        loop {
            let answer = setup.post(SUBJECT, &setup.admin, &body).await.json();
            let page = found(&answer);
            assert!(page.len() <= limit);
            assert_eq!(answer["page"]["count"], page.len());
            all.extend(page);
            match answer["page"]["next_token"].as_str().unwrap() {
                "" => break,
                token => body["page"] = json!({"token": token}),
            }
        }
        assert_eq!(all, whole, "by {limit}");
    }
    let mut none = who_reads("one");
    none["page"] = json!({"limit": 0});
    let answer = setup.post(SUBJECT, &setup.admin, &none).await.json();
    assert_eq!(found(&answer), [""; 0]);
    assert_ne!(answer["page"]["next_token"], "", "there is more");
}

#[tokio::test]
async fn a_token_is_good_for_its_request_only() {
    let setup =
        setup(&["record:one#reader@user:ann", "record:one#reader@user:bob", "record:two#reader@user:bob"]).await;
    setup.authority.create_tenant(&tenant("other"), Provenance::new("test", "")).unwrap();
    let mut body = who_reads("one");
    body["page"] = json!({"limit": 1});
    let token = setup.post(SUBJECT, &setup.admin, &body).await.json()["page"]["next_token"].clone();
    body["page"] = json!({"token": token});
    assert_eq!(search(&setup, SUBJECT, &body).await, ["bob"]);
    body["page"]["limit"] = json!(1);
    assert_eq!(search(&setup, SUBJECT, &body).await, ["bob"]);
    // Who begins with `bob` when a page ended before it is on the next one, though it came later.
    write(&setup, touched(&["record:one#reader@user:bea"]));
    assert_eq!(search(&setup, SUBJECT, &body).await, ["bea"]);

    let mut limit = body.clone();
    limit["page"]["limit"] = json!(2);
    let mut resource = body.clone();
    resource["resource"]["id"] = json!("two");
    let mut context = body.clone();
    context["context"] = json!({"network": "office"});
    for (path, body) in [
        (SUBJECT.to_owned(), limit),
        (SUBJECT.to_owned(), resource),
        (SUBJECT.to_owned(), context),
        (
            RESOURCE.to_owned(),
            json!({"subject": {"type": "user", "id": "bob"}, "action": {"name": "read"}, "resource": {"type": "record"}, "page": body["page"]}),
        ),
        (format!("/tenants/other{SUBJECT}"), body.clone()),
    ] {
        let answer = setup.post(&path, &setup.admin, &body).await;
        assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text);
        assert!(answer.text.starts_with("page_token_invalid: `page.token`"), "{}", answer.text);
    }
}

#[tokio::test]
async fn limit_search_results_max() {
    let setup = setup(&[]).await;
    let edges = (0..SEARCH_RESULTS_MAX).map(|number| format!("record:one#writer@user:u{number}"));
    let edges: Vec<String> = edges.collect();
    write(&setup, touched(&edges.iter().map(String::as_str).collect::<Vec<_>>()));
    let mut body = who_reads("one");
    let whole = setup.post(SUBJECT, &setup.admin, &body).await.json();
    assert_eq!(found(&whole).len(), SEARCH_RESULTS_MAX);
    assert!(whole.get("page").is_none(), "the request speaks of no pages, and this is everything");

    write(&setup, touched(&["record:one#writer@user:zoe"]));
    for page in [Value::Null, json!({"limit": SEARCH_RESULTS_MAX + 1})] {
        body["page"] = page;
        let first = setup.post(SUBJECT, &setup.admin, &body).await.json();
        assert_eq!(found(&first).len(), SEARCH_RESULTS_MAX);
        body["page"] = json!({"token": first["page"]["next_token"]});
        let rest = setup.post(SUBJECT, &setup.admin, &body).await.json();
        assert_eq!((found(&rest), &rest["page"]["next_token"]), (vec!["zoe".to_owned()], &json!("")));
    }
}
