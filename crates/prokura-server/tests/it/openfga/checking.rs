use prokura::{DecisionFilter, Page, Provenance};
use prokura_model::{Change, Principal, PrincipalState};
use serde_json::{Value, json};

use super::support::{Store, refused, tuple, tuples};
use crate::support::tenant;

fn decisions(store: &Store) -> Vec<prokura_model::DecisionRecord> {
    let tenant = tenant(&store.id.to_ascii_lowercase());
    let page = Page { size: 100, after: None };
    store.setup.authority.decisions(&tenant, &DecisionFilter::default(), &page).unwrap().records
}

#[tokio::test]
async fn a_check_follows_every_kind_of_relation() {
    let store = Store::filled(&[
        "user:anne reader document:plan",
        "group:eng#member reader document:plan",
        "group:core#member member group:eng",
        "user:bob member group:core",
        "folder:a parent document:plan",
        "user:carl viewer folder:a",
        "user:carl blocked document:plan",
        "user:* reader document:open",
    ])
    .await;
    for (text, allowed) in [
        ("user:anne viewer document:plan", true),
        ("user:bob viewer document:plan", true),
        ("user:carl reader document:plan", true),
        ("user:carl viewer document:plan", false),
        ("user:dora viewer document:plan", false),
        ("user:dora viewer document:open", true),
        ("user:* viewer document:open", true),
        ("user:* viewer document:plan", false),
        ("group:core#member reader document:plan", true),
        ("group:other#member reader document:plan", false),
        ("document:plan#reader reader document:plan", true),
    ] {
        assert_eq!(store.check(text).await, allowed, "{text}");
    }
}

#[tokio::test]
async fn a_condition_takes_what_was_written_before_what_is_asked_and_missing_values_are_an_error() {
    let store = Store::filled(&[]).await;
    let mut night = tuple("user:anne editor document:plan");
    night["condition"] = json!({ "name": "in_hours", "context": { "hour": 23 } });
    let mut open = tuple("user:bob editor document:plan");
    open["condition"] = json!({ "name": "in_hours" });
    let written = store.post("write", &json!({ "writes": { "tuple_keys": [night, open] } })).await;
    assert_eq!(written.status, 200, "{}", written.text);
    let at = |hour: i64| json!({ "context": { "hour": hour } });
    let allowed = |answer: crate::support::Answer| answer.json()["allowed"].clone();
    assert_eq!(allowed(store.check_with("user:anne editor document:plan", &at(10)).await), false);
    assert_eq!(allowed(store.check_with("user:bob editor document:plan", &at(10)).await), true);
    assert_eq!(allowed(store.check_with("user:bob editor document:plan", &at(20)).await), false);
    let missing = store.check_with("user:bob editor document:plan", &json!({})).await;
    assert_eq!(refused(&missing), (400, "validation_error".to_owned()));
    assert!(missing.text.contains("`hour`"), "{}", missing.text);
    let wrong = store.check_with("user:bob editor document:plan", &json!({ "context": { "hour": "ten" } })).await;
    assert_eq!(refused(&wrong), (400, "validation_error".to_owned()));
}

#[tokio::test]
async fn contextual_tuples_are_there_for_one_question() {
    let store = Store::filled(&["user:anne reader document:plan"]).await;
    let besides = json!({ "contextual_tuples": tuples(&[
        "user:anne blocked document:plan", "folder:new parent document:plan", "user:bob viewer folder:new",
    ]) });
    assert_eq!(store.check_with("user:anne viewer document:plan", &besides).await.json()["allowed"], false);
    assert_eq!(store.check_with("user:bob viewer document:plan", &besides).await.json()["allowed"], true);
    assert!(store.check("user:anne viewer document:plan").await);
    assert!(!store.check("user:bob viewer document:plan").await);
    for text in ["user:anne viewer document:plan", "anne reader document:plan", "team:a reader document:plan"] {
        let wrong = json!({ "contextual_tuples": tuples(&[text]) });
        let answer = store.check_with("user:anne viewer document:plan", &wrong).await;
        assert_eq!(refused(&answer), (400, "invalid_tuple".to_owned()), "{text}");
    }
}

#[tokio::test]
async fn every_check_of_an_object_is_a_recorded_decision() {
    let store = Store::filled(&["user:anne reader document:plan"]).await;
    let besides = json!({
        "contextual_tuples": tuples(&["user:bob reader document:plan"]), "context": { "hour": 10 }
    });
    store.check_with("user:bob viewer document:plan", &besides).await;
    store.check("user:carl viewer document:plan").await;
    store.check("group:eng#member reader document:plan").await;
    let records = decisions(&store);
    let told: Vec<_> =
        records.iter().map(|record| (record.actor.to_string(), record.outcome.code(), record.door.as_str())).collect();
    assert_eq!(
        told,
        [("user:carl".to_owned(), "no_path", "openfga"), ("user:bob".to_owned(), "own_authority", "openfga")]
    );
    let prokura_model::Value::Map(kept) = &records[1].request else { panic!("{:?}", records[1].request) };
    assert!(kept.contains_key("contextual_tuples") && kept.contains_key("context"), "{kept:?}");
}

#[tokio::test]
async fn who_is_suspended_may_nothing_and_is_in_no_list() {
    let store = Store::filled(&["user:anne reader document:plan", "user:bob reader document:plan"]).await;
    let set = |state| {
        let object = "user:anne".parse().unwrap();
        let change = Change::PrincipalSet(Principal { object, owner: None, state, declared: false });
        let tenant = tenant(&store.id.to_ascii_lowercase());
        // A tenant of models has no schema; whoever acts in it is known by its models.
        store.setup.authority.write(&tenant, Provenance::new("test", ""), vec![change])
    };
    set(PrincipalState::Suspended).unwrap();
    assert!(!store.check("user:anne reader document:plan").await);
    assert_eq!(store.objects("user:anne", "reader", "document").await, Vec::<String>::new());
    let users = json!({
        "object": { "type": "document", "id": "plan" }, "relation": "reader", "user_filters": [{ "type": "user" }]
    });
    let users = store.post("list-users", &users).await.json();
    assert_eq!(users["users"], json!([{ "object": { "type": "user", "id": "bob" } }]));
    set(PrincipalState::Active).unwrap();
    assert!(store.check("user:anne reader document:plan").await);
}

#[tokio::test]
async fn a_batch_answers_each_check_under_its_name() {
    let store = Store::filled(&["user:anne reader document:plan"]).await;
    let item = |name: &str, text: &str| json!({ "tuple_key": tuple(text), "correlation_id": name });
    let body = json!({ "checks": [
        item("yes", "user:anne reader document:plan"),
        item("no", "user:bob reader document:plan"),
        item("wrong", "user:bob owner document:plan"),
    ] });
    let answer = store.post("batch-check", &body).await.json();
    assert_eq!(answer["result"]["yes"], json!({ "allowed": true }));
    assert_eq!(answer["result"]["no"], json!({ "allowed": false }));
    assert_eq!(answer["result"]["wrong"]["error"]["input_error"], "validation_error");
    assert!(answer["result"]["wrong"]["allowed"].is_null());
    for checks in [
        json!([]),
        json!([item("", "user:anne reader document:plan")]),
        json!([item("a b", "user:anne reader document:plan")]),
        json!([item(&"a".repeat(37), "user:anne reader document:plan")]),
        json!([item("a", "user:anne reader document:plan"), item("a", "user:bob reader document:plan")]),
    ] {
        let answer = store.post("batch-check", &json!({ "checks": checks })).await;
        assert_eq!(refused(&answer), (400, "validation_error".to_owned()), "{}", answer.text);
    }
}

#[tokio::test]
async fn what_rests_on_its_own_absence_is_not_there() {
    let store = Store::empty().await;
    let direct = |types: Value| json!({ "directly_related_user_types": types });
    store
        .model(&json!({ "schema_version": "1.1", "type_definitions": [
            { "type": "user" },
            {
                "type": "document",
                "relations": {
                    "restricted": { "this": {} },
                    "viewer": { "difference": {
                        "base": { "this": {} }, "subtract": { "computedUserset": { "relation": "restricted" } }
                    } }
                },
                "metadata": { "relations": {
                    "restricted": direct(json!([{ "type": "user" }, { "type": "document", "relation": "viewer" }])),
                    "viewer": direct(json!([{ "type": "user" }]))
                } }
            }
        ] }))
        .await;
    let circle = ["user:anne viewer document:plan", "document:plan#viewer restricted document:plan"];
    store.post("write", &json!({ "writes": tuples(&circle) })).await;
    assert!(!store.check("user:anne viewer document:plan").await);
    assert_eq!(store.objects("user:anne", "viewer", "document").await, Vec::<String>::new());
}
