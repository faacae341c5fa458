//! What a tenant's names are called over AuthZEN, and which values caveats get there.

use prokura::{
    Provenance,
    limits::{AUTHZEN_NAME_BYTES_MAX, AUTHZEN_NAMES_MAX},
};
use prokura_model::{Change, RelationshipOnTerms};
use serde_json::{Map, Value, json};

use crate::support::{Setup, tenant};

const EVALUATION: &str = "/access/v1/evaluation";
const MAPPING: &str = "/v1/tenants/default/authzen-mapping";

const SCHEMA: &str = "caveat owned_by(email string, ownerID string) {
\temail == ownerID
}

caveat within(amount int, most int) {
\tamount <= most
}

definition user {}

definition route {
\trelation caller: user:* | user

\tpermission get = caller
}

definition todo_list {
\trelation owner: user with owned_by
\trelation buyer: user with within

\tpermission change = owner
\tpermission buy = buyer
}
";

async fn setup() -> Setup {
    let setup = Setup::empty().await;
    let edges = [
        "route:\"/todos/{id}\"#caller@user:\"rick@the-citadel.com\"",
        "todo_list:all#owner@user:morty[owned_by:{\"email\":\"morty@the-citadel.com\"}]",
        "todo_list:all#buyer@user:morty[within:{\"most\":100}]",
        "todo_list:all#owner@user:summer[owned_by]",
    ];
    let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned())];
    changes.extend(edges.map(|text| {
        let read: RelationshipOnTerms = text.parse().unwrap();
        Change::RelationshipTouched(read.relationship, read.terms)
    }));
    setup.authority.write(&tenant("default"), Provenance::new("test", ""), changes).unwrap();
    setup
}

fn mapping() -> Value {
    json!({
        "actions": {"GET": "get", "HEAD": "get", "https://example.com/change": "change"},
        "types": {"Person": "user", "Route": "route"},
        "resources": {"todo": {"type": "todo_list", "id": "all"}},
    })
}

async fn mapped() -> Setup {
    let setup = setup().await;
    let answer = setup.put(MAPPING, &setup.admin, &json!({"mapping": mapping(), "reason": "HTTP's verbs"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    setup
}

#[expect(clippy::needless_pass_by_value, reason = "tests write the values where they ask")]
fn question(subject: Value, action: &str, resource: Value) -> Value {
    json!({"subject": subject, "action": {"name": action}, "resource": resource})
}

fn rick_gets() -> Value {
    let subject = json!({"type": "Person", "id": "rick@the-citadel.com"});
    question(subject, "GET", json!({"type": "Route", "id": "/todos/{id}"}))
}

#[track_caller]
fn decided(body: &Value) -> (bool, String) {
    let context = &body["context"];
    let why = context["reason"].as_str().or_else(|| context["error"]["code"].as_str());
    (body["decision"].as_bool().unwrap_or_else(|| panic!("{body}")), why.unwrap_or_default().to_owned())
}

async fn ask(setup: &Setup, body: &Value) -> (bool, String) {
    let answer = setup.post(EVALUATION, &setup.admin, body).await;
    assert_eq!(answer.status, 200, "{body}: {}", answer.text);
    decided(&answer.json())
}

#[tokio::test]
async fn a_mapping_says_what_names_mean() {
    let setup = setup().await;
    let refused = setup.post(EVALUATION, &setup.admin, &rick_gets()).await;
    assert_eq!(refused.status, 400, "`Person` is no type name of ours: {}", refused.text);
    let empty = setup.get(MAPPING, &setup.admin).await.json();
    assert_eq!((&empty["mapping"], &empty["revision"]), (&json!({}), &json!(1)));

    let set = setup.put(MAPPING, &setup.admin, &json!({"mapping": mapping(), "reason": "HTTP's verbs"})).await;
    let revision = set.json()["revision"].as_u64().unwrap();
    assert_eq!(setup.get(MAPPING, &setup.admin).await.json()["mapping"], mapping());
    assert_eq!(ask(&setup, &rick_gets()).await, (true, "own_authority".to_owned()));
    let transaction = setup.get(&format!("/v1/tenants/default/transactions/{revision}"), &setup.admin).await.json();
    assert_eq!(transaction["reason"], "HTTP's verbs");
    assert_eq!(transaction["changes"], json!([{"kind": "authzen_mapping_set", "mapping": mapping()}]));

    // Names that are not mapped mean themselves.
    let own = question(
        json!({"type": "user", "id": "rick@the-citadel.com"}),
        "get",
        json!({"type": "route", "id": "/todos/{id}"}),
    );
    assert!(ask(&setup, &own).await.0);
    setup.put(MAPPING, &setup.admin, &json!({"mapping": {}})).await;
    assert_eq!(setup.get(MAPPING, &setup.admin).await.json()["mapping"], json!({}));
    assert_eq!(setup.post(EVALUATION, &setup.admin, &rick_gets()).await.status, 400);
}

#[tokio::test]
async fn the_record_keeps_what_was_sent_and_what_it_meant() {
    let setup = mapped().await;
    let answer = setup.post(EVALUATION, &setup.admin, &rick_gets()).await.json();
    let id = answer["context"]["id"].as_str().unwrap();
    let record = setup.get(&format!("/v1/tenants/default/decisions/{id}"), &setup.admin).await.json();
    assert_eq!(record["request"], rick_gets());
    assert_eq!(record["actor"], json!({"type": "user", "id": "rick@the-citadel.com"}));
    assert_eq!(record["permission"], "get");
    assert_eq!(record["resource"], json!({"type": "route", "id": "/todos/{id}"}));
}

#[tokio::test]
async fn searches_answer_in_the_callers_words() {
    let setup = mapped().await;
    let rick = json!({"type": "Person", "id": "rick@the-citadel.com"});
    let route = json!({"type": "Route", "id": "/todos/{id}"});
    let search = async |path: &str, body: Value| {
        let answer = setup.post(&format!("/access/v1/search/{path}"), &setup.admin, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["results"].clone()
    };
    let subjects = json!({"subject": {"type": "Person"}, "action": {"name": "HEAD"}, "resource": route});
    assert_eq!(search("subject", subjects).await, json!([rick]));
    let resources = json!({"subject": rick, "action": {"name": "GET"}, "resource": {"type": "Route"}});
    assert_eq!(search("resource", resources).await, json!([route]));
    let actions = json!({"subject": rick, "resource": route});
    assert_eq!(search("action", actions).await, json!([{"name": "GET"}, {"name": "HEAD"}]));
    // Every todo means one object, so there is one answer for all of them.
    let context = json!({"ownerID": "morty@the-citadel.com"});
    let morty = json!({"type": "user", "id": "morty"});
    let todos =
        json!({"subject": morty, "action": {"name": "change"}, "resource": {"type": "todo"}, "context": context});
    assert_eq!(search("resource", todos.clone()).await, json!([{"type": "todo", "id": "*"}]));
    let mut others = todos;
    others["context"]["ownerID"] = json!("rick@the-citadel.com");
    assert_eq!(search("resource", others).await, json!([]));
}

#[tokio::test]
async fn a_mapping_that_cannot_mean_anything_is_refused() {
    let setup = setup().await;
    for (mapping, code, told) in [
        (json!({"actions": {"GET": "gett"}}), "value_invalid", "did you mean `get`?"),
        (json!({"actions": {"GET": "G E T"}}), "relation_name_invalid", "`mapping.actions.GET`"),
        (json!({"actions": {"": "get"}}), "value_invalid", "not empty"),
        (json!({"actions": {"a\nb": "get"}}), "value_invalid", "control characters"),
        (json!({"types": {"Person": "usr"}}), "type_unknown", "type \"Person\" of the AuthZEN mapping"),
        (json!({"resources": {"todo": {"type": "todos", "id": "all"}}}), "type_unknown", "resource type \"todo\""),
        (
            json!({"resources": {"todo": {"type": "todo_list", "id": "*"}}}),
            "object_id_invalid",
            "`mapping.resources.todo.id`",
        ),
        (json!({"verbs": {}}), "request_invalid", "verbs"),
    ] {
        let answer = setup.put(MAPPING, &setup.admin, &json!({"mapping": mapping})).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{mapping}: {}", answer.text);
        assert!(answer.text.replace("\\\"", "\"").contains(told), "{mapping}: {}", answer.text);
    }
    assert_eq!(setup.get(MAPPING, &setup.admin).await.json()["revision"], 1, "nothing was written");
    let point = setup.enforcement_point(&["*"]);
    assert_eq!(setup.put(MAPPING, &point, &json!({"mapping": {}})).await.status, 403);
}

#[tokio::test]
async fn a_mapping_is_part_of_a_declaration() {
    let setup = setup().await;
    let apply = async |body: Value| {
        let answer = setup.post("/v1/tenants/default/apply", &setup.admin, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["differences"].clone()
    };
    let declaration = json!({"declaration": {"authzen": mapping()}});
    let found = apply(declaration.clone()).await;
    assert_eq!((&found[0]["section"], &found[0]["effect"]), (&json!("authzen"), &json!("added")));
    assert_eq!(apply(declaration).await, json!([]));
    assert_eq!(apply(json!({"declaration": {}})).await, json!([]), "what is not declared is left alone");
    assert_eq!(apply(json!({"declaration": {"authzen": {}}})).await[0]["effect"], "removed");
    assert_eq!(setup.get(MAPPING, &setup.admin).await.json()["mapping"], json!({}));
}

#[tokio::test]
async fn properties_and_context_are_values_for_caveats() {
    let setup = mapped().await;
    let (rick, morty) = ("rick@the-citadel.com", "morty@the-citadel.com");
    let asked = |resource: Option<&str>, subject: Option<&str>, context: Option<&str>| {
        let owner = |value: Option<&str>| value.map_or_else(|| json!({}), |value| json!({"ownerID": value}));
        let mut body = question(
            json!({"type": "user", "id": "morty", "properties": owner(subject)}),
            "change",
            json!({"type": "todo", "id": "7", "properties": owner(resource)}),
        );
        body["context"] = owner(context);
        body
    };
    let allowed = (true, "own_authority".to_owned());
    let denied = (false, "no_path".to_owned());
    let missing = (false, "context_missing".to_owned());
    for (body, wanted) in [
        (asked(Some(morty), None, None), &allowed),
        (asked(None, Some(morty), None), &allowed),
        (asked(None, None, Some(morty)), &allowed),
        (asked(Some(rick), None, None), &denied),
        (asked(None, None, None), &missing),
        // The same twice is one value; two values are none, unless the context says which.
        (asked(Some(morty), Some(morty), None), &allowed),
        (asked(Some(morty), Some(rick), None), &missing),
        (asked(Some(rick), Some(rick), Some(morty)), &allowed),
        (asked(Some(morty), Some(morty), Some(rick)), &denied),
    ] {
        assert_eq!(&ask(&setup, &body).await, wanted, "{body}");
    }
    // What the action would be done with wins over the rest.
    for (body, said, wanted) in [
        (asked(None, None, None), morty, &allowed),
        (asked(Some(rick), Some(morty), Some(rick)), morty, &allowed),
        (asked(Some(morty), Some(morty), Some(morty)), rick, &denied),
    ] {
        let mut body = body;
        body["action"]["properties"] = json!({"ownerID": said});
        assert_eq!(&ask(&setup, &body).await, wanted, "{body}");
    }
    // What is written with the relationship wins over whatever a caller says.
    let mut lying = asked(Some(rick), None, None);
    lying["context"] = json!({"email": rick});
    assert_eq!(ask(&setup, &lying).await, denied);
}

#[tokio::test]
async fn a_deny_for_want_of_values_names_them() {
    let setup = mapped().await;
    let body = question(json!({"type": "user", "id": "summer"}), "change", json!({"type": "todo", "id": "7"}));
    let answer = setup.post(EVALUATION, &setup.admin, &body).await.json();
    assert_eq!(decided(&answer), (false, "context_missing".to_owned()));
    // What is missing first decides that there is no answer.
    assert_eq!(answer["context"]["missing"], json!(["email"]));
    let id = answer["context"]["id"].as_str().unwrap();
    let record = setup.get(&format!("/v1/tenants/default/decisions/{id}"), &setup.admin).await.json();
    assert_eq!(record["missing"], json!(["email"]));
    // In a batch as well, item by item.
    let batch = json!({
        "subject": body["subject"], "action": body["action"],
        "evaluations": [
            {"resource": body["resource"]},
            {"resource": {"type": "todo", "id": "7", "properties": {"email": "s", "ownerID": "s"}}},
        ],
    });
    let answers = setup.post("/access/v1/evaluations", &setup.admin, &batch).await.json()["evaluations"].clone();
    assert_eq!(answers[0]["context"]["missing"], json!(["email"]));
    assert_eq!(decided(&answers[1]), (true, "own_authority".to_owned()));
}

#[tokio::test]
async fn a_value_of_another_type_decides_nothing() {
    let setup = mapped().await;
    let asked = |amount: Value| {
        let mut body = question(json!({"type": "user", "id": "morty"}), "buy", json!({"type": "todo", "id": "7"}));
        body["action"]["properties"] = json!({"amount": amount});
        body
    };
    assert!(ask(&setup, &asked(json!(100))).await.0);
    assert!(!ask(&setup, &asked(json!(101))).await.0);
    let answer = setup.post(EVALUATION, &setup.admin, &asked(json!({"a": 1}))).await.json();
    assert_eq!(answer["decision"], false);
    assert_eq!(answer["context"]["error"]["status"], 400, "{answer}");
}

fn actions(names: impl Iterator<Item = String>) -> Value {
    json!({"mapping": {"actions": names.map(|name| (name, json!("get"))).collect::<Map<_, _>>()}})
}

#[tokio::test]
async fn limit_authzen_names_max() {
    let setup = setup().await;
    let names = |count: usize| actions((0..count).map(|number| format!("A{number}")));
    assert_eq!(setup.put(MAPPING, &setup.admin, &names(AUTHZEN_NAMES_MAX)).await.status, 200);
    let over = setup.put(MAPPING, &setup.admin, &names(AUTHZEN_NAMES_MAX + 1)).await;
    assert_eq!((over.status, over.code().as_str()), (422, "limit_exceeded"), "{}", over.text);
}

#[tokio::test]
async fn limit_authzen_name_bytes_max() {
    let setup = setup().await;
    let name = |bytes: usize| actions(std::iter::once("A".repeat(bytes)));
    assert_eq!(setup.put(MAPPING, &setup.admin, &name(AUTHZEN_NAME_BYTES_MAX)).await.status, 200);
    let over = setup.put(MAPPING, &setup.admin, &name(AUTHZEN_NAME_BYTES_MAX + 1)).await;
    assert_eq!((over.status, over.code().as_str()), (422, "limit_exceeded"), "{}", over.text);
}
