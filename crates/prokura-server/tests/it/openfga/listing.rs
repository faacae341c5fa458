use serde_json::{Value, json};

use super::support::{Store, refused, strings, tuple, tuples};

async fn users(store: &Store, object: &str, relation: &str, filter: Value) -> Value {
    let (kind, id) = object.split_once(':').unwrap();
    let body = json!({ "object": { "type": kind, "id": id }, "relation": relation, "user_filters": [filter] });
    store.post("list-users", &body).await.json()["users"].clone()
}

#[tokio::test]
async fn objects_are_listed_whole_and_streamed_alike() {
    let many: Vec<String> = (0..1_500).map(|number| format!("user:anne reader document:d{number}")).collect();
    let mut texts: Vec<&str> = many.iter().map(String::as_str).collect();
    texts.extend(["user:anne blocked document:d0", "user:* reader document:open"]);
    let store = Store::filled(&texts).await;
    let found = store.objects("user:anne", "viewer", "document").await;
    assert_eq!(found.len(), 1_500, "all but the one she is blocked from, and the open one");
    let body = json!({ "user": "user:anne", "relation": "viewer", "type": "document" });
    let streamed = store.post("streamed-list-objects", &body).await;
    assert_eq!(streamed.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<Value> = streamed.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines = Value::Array(lines.iter().map(|line| line["result"]["object"].clone()).collect());
    assert_eq!(strings(&lines), found);
    assert_eq!(store.objects("user:bob", "viewer", "document").await, ["document:open"]);
}

#[tokio::test]
async fn users_are_listed_as_objects_usersets_and_everyone() {
    let store = Store::filled(&[
        "user:anne reader document:plan",
        "group:eng#member reader document:plan",
        "user:bob member group:eng",
        "user:* reader document:open",
        "user:bob blocked document:open",
    ])
    .await;
    let user = |id: &str| json!({ "object": { "type": "user", "id": id } });
    assert_eq!(
        users(&store, "document:plan", "viewer", json!({ "type": "user" })).await,
        json!([user("anne"), user("bob")])
    );
    let groups = users(&store, "document:plan", "reader", json!({ "type": "group", "relation": "member" })).await;
    assert_eq!(groups, json!([{ "userset": { "type": "group", "id": "eng", "relation": "member" } }]));
    let everyone = users(&store, "document:open", "viewer", json!({ "type": "user" })).await;
    assert_eq!(everyone, json!([{ "wildcard": { "type": "user" } }]));
}

#[tokio::test]
async fn a_list_with_a_condition_that_nothing_is_known_about_is_an_error() {
    let store = Store::filled(&["user:anne reader document:plan"]).await;
    let mut conditional = tuple("user:anne editor document:plan");
    conditional["condition"] = json!({ "name": "in_hours" });
    store.post("write", &json!({ "writes": { "tuple_keys": [conditional] } })).await;
    let mut body = json!({
        "object": { "type": "document", "id": "plan" }, "relation": "reader", "user_filters": [{ "type": "user" }]
    });
    assert_eq!(refused(&store.post("list-users", &body).await), (400, "validation_error".to_owned()));
    body["context"] = json!({ "hour": 20 });
    assert_eq!(store.post("list-users", &body).await.json()["users"].as_array().unwrap().len(), 1);
    // Another way leads to the document, so that the list of objects does not depend on it.
    assert_eq!(store.objects("user:anne", "reader", "document").await, ["document:plan"]);
    let body = json!({ "user": "user:anne", "relation": "editor", "type": "document" });
    assert_eq!(refused(&store.post("list-objects", &body).await), (400, "validation_error".to_owned()));
}

#[tokio::test]
async fn unknown_names_in_lists_have_codes_of_their_own() {
    let store = Store::filled(&[]).await;
    for (kind, relation, user, code) in [
        ("file", "viewer", "user:anne", "type_not_found"),
        ("document", "owner", "user:anne", "relation_not_found"),
        ("document", "viewer", "team:a", "validation_error"),
        ("document", "viewer", "anne", "validation_error"),
    ] {
        let body = json!({ "user": user, "relation": relation, "type": kind });
        assert_eq!(refused(&store.post("list-objects", &body).await), (400, code.to_owned()), "{body}");
        assert_eq!(refused(&store.post("streamed-list-objects", &body).await), (400, code.to_owned()), "{body}");
    }
    for (kind, relation, filters, code) in [
        ("file", "viewer", json!([{ "type": "user" }]), "type_not_found"),
        ("document", "owner", json!([{ "type": "user" }]), "relation_not_found"),
        ("document", "viewer", json!([{ "type": "team" }]), "type_not_found"),
        ("document", "viewer", json!([{ "type": "group", "relation": "owner" }]), "relation_not_found"),
        ("document", "viewer", json!([]), "validation_error"),
        ("document", "viewer", json!([{ "type": "user" }, { "type": "group" }]), "validation_error"),
    ] {
        let body = json!({ "object": { "type": kind, "id": "plan" }, "relation": relation, "user_filters": filters });
        assert_eq!(refused(&store.post("list-users", &body).await), (400, code.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn a_relation_is_expanded_one_step() {
    let store = Store::filled(&[
        "user:anne reader document:plan",
        "group:eng#member reader document:plan",
        "folder:a parent document:plan",
    ])
    .await;
    let expand = |relation: &str| {
        let body = json!({ "tuple_key": { "relation": relation, "object": "document:plan" } });
        let store = &store;
        async move { store.post("expand", &body).await }
    };
    let reader = |leaf: Value| json!({ "name": "document:plan#reader", "leaf": leaf });
    assert_eq!(
        expand("reader").await.json()["tree"]["root"],
        json!({ "name": "document:plan#reader", "union": { "nodes": [
            reader(json!({ "users": { "users": ["user:anne", "group:eng#member"] } })),
            reader(json!({ "computed": { "userset": "document:plan#editor" } })),
            reader(json!({ "tupleToUserset": {
                "tupleset": "document:plan#parent", "computed": [{ "userset": "folder:a#viewer" }]
            } })),
        ] } })
    );
    let viewer = |relation: &str| json!({ "name": "document:plan#viewer", "leaf": { "computed": { "userset": format!("document:plan#{relation}") } } });
    assert_eq!(
        expand("viewer").await.json()["tree"]["root"],
        json!({ "name": "document:plan#viewer", "difference": { "base": viewer("reader"), "subtract": viewer("blocked") } })
    );
    assert_eq!(refused(&expand("owner").await), (400, "validation_error".to_owned()));
    let body = json!({
        "tuple_key": { "relation": "blocked", "object": "document:plan" },
        "contextual_tuples": tuples(&["user:bob blocked document:plan"])
    });
    let expanded = store.post("expand", &body).await.json();
    assert_eq!(expanded["tree"]["root"]["leaf"]["users"]["users"], json!(["user:bob"]));
}
