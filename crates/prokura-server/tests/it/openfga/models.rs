use serde_json::json;

use super::support::{Store, documents, refused, tuple};

#[tokio::test]
async fn models_are_read_back_as_they_were_written_newest_first() {
    let store = Store::empty().await;
    let first = store.model(&documents()).await;
    let second = store.model(&json!({ "schema_version": "1.2", "type_definitions": [{ "type": "user" }] })).await;
    let mut read = store.get(&format!("authorization-models/{first}")).await.json()["authorization_model"].clone();
    assert_eq!(read["id"], first);
    read.as_object_mut().unwrap().remove("id");
    assert_eq!(read, documents());
    let page = store.get("authorization-models?page_size=1").await.json();
    assert_eq!(page["authorization_models"][0]["id"], second);
    let token = page["continuation_token"].as_str().unwrap();
    let page = store.get(&format!("authorization-models?page_size=1&continuation_token={token}")).await.json();
    assert_eq!(page["authorization_models"][0]["id"], first);
    assert_eq!(page["continuation_token"], "");
    let unknown = store.get("authorization-models/01KB0000000000000000000000").await;
    assert_eq!(refused(&unknown), (400, "authorization_model_not_found".to_owned()));
}

#[tokio::test]
async fn models_that_are_not_legal_are_refused_with_what_is_wrong() {
    let store = Store::empty().await;
    let one =
        |kind: serde_json::Value| json!({ "schema_version": "1.1", "type_definitions": [{ "type": "user" }, kind] });
    let relation = |userset: serde_json::Value, allowed: serde_json::Value| {
        one(json!({
            "type": "document",
            "relations": { "viewer": userset },
            "metadata": { "relations": { "viewer": { "directly_related_user_types": allowed } } }
        }))
    };
    let user = json!([{ "type": "user" }]);
    for (model, code, words) in [
        (json!({ "schema_version": "1.1", "type_definitions": [] }), "type_definitions_too_few_items", "at least one"),
        (
            json!({ "schema_version": "1.0", "type_definitions": [{ "type": "user" }] }),
            "invalid_authorization_model",
            "1.0",
        ),
        (one(json!({ "type": "user" })), "invalid_authorization_model", "two types"),
        (one(json!({ "type": "self" })), "invalid_authorization_model", "no names"),
        (one(json!({ "type": "a b" })), "invalid_authorization_model", "not a name"),
        (relation(json!({ "this": {} }), json!([])), "invalid_authorization_model", "which types may be"),
        (relation(json!({ "this": {} }), json!([{ "type": "team" }])), "invalid_authorization_model", "`team`"),
        (
            relation(json!({ "this": {} }), json!([{ "type": "user", "condition": "c" }])),
            "invalid_authorization_model",
            "condition",
        ),
        (
            relation(json!({ "computedUserset": { "relation": "editor" } }), json!([])),
            "invalid_authorization_model",
            "`editor`",
        ),
        (
            relation(json!({ "computedUserset": { "relation": "viewer" } }), json!([])),
            "invalid_authorization_model",
            "itself",
        ),
        (
            relation(json!({ "this": {} }), json!([{ "type": "document", "relation": "viewer" }])),
            "invalid_authorization_model",
            "ever",
        ),
        (
            relation(json!({ "this": {}, "union": { "child": [] } }), user.clone()),
            "invalid_authorization_model",
            "exactly one",
        ),
        (relation(json!({ "union": { "child": [] } }), json!([])), "invalid_authorization_model", "at least one"),
    ] {
        let answer = store.post("authorization-models", &model).await;
        assert_eq!(refused(&answer), (400, code.to_owned()), "{model}");
        assert!(answer.text.contains(words), "{model}: {}", answer.text);
    }
    let none = store.check_with("user:anne viewer document:plan", &json!({})).await;
    assert_eq!(refused(&none), (400, "latest_authorization_model_not_found".to_owned()));
}

#[tokio::test]
async fn conditions_are_checked_with_the_model() {
    let store = Store::empty().await;
    for (expression, kind, words) in [
        ("hour >", "TYPE_NAME_INT", "1:"),
        ("hours > 1", "TYPE_NAME_INT", "hours"),
        ("hour + 1", "TYPE_NAME_INT", "bool"),
        ("hour > 1", "TYPE_NAME_HOUR", "no type"),
    ] {
        let mut model = documents();
        model["conditions"]["in_hours"]["expression"] = json!(expression);
        model["conditions"]["in_hours"]["parameters"]["hour"]["type_name"] = json!(kind);
        let answer = store.post("authorization-models", &model).await;
        assert_eq!(refused(&answer), (400, "invalid_authorization_model".to_owned()), "{expression}");
        assert!(answer.text.contains(words), "{expression}: {}", answer.text);
    }
}

#[tokio::test]
async fn assertions_are_kept_with_their_model() {
    let store = Store::empty().await;
    let model = store.model(&documents()).await;
    let path = format!("assertions/{model}");
    assert_eq!(store.get(&path).await.json(), json!({ "authorization_model_id": model, "assertions": [] }));
    let assertion = json!({ "tuple_key": tuple("user:anne viewer document:plan"), "expectation": true });
    let written = store.put(&path, &json!({ "assertions": [assertion] })).await;
    assert_eq!(written.status, 204, "{}", written.text);
    let read = store.get(&path).await.json();
    assert_eq!(read["assertions"][0]["tuple_key"]["object"], "document:plan");
    assert_eq!(read["assertions"][0]["expectation"], true);
    let wrong = json!({ "assertions": [{ "tuple_key": tuple("user:anne owner document:plan"), "expectation": true }] });
    assert_eq!(refused(&store.put(&path, &wrong).await), (400, "validation_error".to_owned()));
    let unknown = store.put("assertions/01KB0000000000000000000000", &json!({ "assertions": [] })).await;
    assert_eq!(refused(&unknown), (400, "authorization_model_not_found".to_owned()));
}

#[tokio::test]
async fn a_question_is_asked_by_the_model_it_names_and_else_by_the_newest() {
    let store = Store::filled(&["user:anne reader document:plan"]).await;
    let old = store.get("authorization-models").await.json()["authorization_models"][0]["id"].clone();
    let mut closed = documents();
    closed["type_definitions"][3]["metadata"]["relations"]["reader"]["directly_related_user_types"] =
        json!([{ "type": "group", "relation": "member" }]);
    store.model(&closed).await;
    // What the newest model does not allow is passed over, and is there again for the one that does.
    assert!(!store.check("user:anne reader document:plan").await);
    let named = store.check_with("user:anne reader document:plan", &json!({ "authorization_model_id": old })).await;
    assert_eq!(named.json()["allowed"], true);
}
