use prokura_server::limits::{
    ASSERTIONS_MAX, BATCH_CHECKS_MAX, CONTEXTUAL_TUPLES_MAX, MODEL_PAGE_ENTRIES_DEFAULT, MODEL_PAGE_ENTRIES_MAX,
    TUPLE_CONTEXT_BYTES_MAX, TUPLES_WRITTEN_MAX,
};
use serde_json::{Value, json};

use super::support::{Store, documents, refused, tuple, tuples};

fn exceeded() -> (u16, String) {
    (400, "exceeded_entity_limit".to_owned())
}

fn many(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("user:u{number} reader document:plan")).collect()
}

fn keys(texts: &[String]) -> Value {
    tuples(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

#[tokio::test]
async fn limit_tuples_written_max() {
    let store = Store::filled(&[]).await;
    let most = many(TUPLES_WRITTEN_MAX);
    let body = json!({ "writes": keys(&most), "deletes": tuples(&["user:x reader document:plan"]) });
    assert_eq!(refused(&store.post("write", &body).await), exceeded());
    assert_eq!(store.post("write", &json!({ "writes": keys(&most) })).await.status, 200);
}

#[tokio::test]
async fn limit_contextual_tuples_max() {
    let store = Store::filled(&[]).await;
    let check = |count: usize| json!({ "contextual_tuples": keys(&many(count)) });
    let most = store.check_with("user:u0 reader document:plan", &check(CONTEXTUAL_TUPLES_MAX)).await;
    assert_eq!(most.json()["allowed"], true);
    let more = store.check_with("user:u0 reader document:plan", &check(CONTEXTUAL_TUPLES_MAX + 1)).await;
    assert_eq!(refused(&more), exceeded());
}

#[tokio::test]
async fn limit_batch_checks_max() {
    let store = Store::filled(&[]).await;
    let checks = |count: usize| {
        let item = |number| json!({ "tuple_key": tuple("user:a reader document:plan"), "correlation_id": format!("c{number}") });
        json!({ "checks": (0..count).map(item).collect::<Vec<_>>() })
    };
    let answer = store.post("batch-check", &checks(BATCH_CHECKS_MAX)).await;
    assert_eq!(answer.json()["result"].as_object().unwrap().len(), BATCH_CHECKS_MAX);
    assert_eq!(refused(&store.post("batch-check", &checks(BATCH_CHECKS_MAX + 1)).await), exceeded());
}

#[tokio::test]
async fn limit_assertions_max() {
    let store = Store::empty().await;
    let path = format!("assertions/{}", store.model(&documents()).await);
    let assertions = |count: usize| {
        let one = json!({ "tuple_key": tuple("user:a reader document:plan"), "expectation": false });
        json!({ "assertions": vec![one; count] })
    };
    assert_eq!(store.put(&path, &assertions(ASSERTIONS_MAX)).await.status, 204);
    let more = store.put(&path, &assertions(ASSERTIONS_MAX + 1)).await;
    assert_eq!(refused(&more), (400, "assertions_too_many_items".to_owned()));
}

#[tokio::test]
async fn limit_model_page_entries_max_and_model_page_entries_default() {
    let all = many(MODEL_PAGE_ENTRIES_MAX + 1);
    let store = Store::filled(&all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let count = |answer: &crate::support::Answer| answer.json()["tuples"].as_array().unwrap().len();
    assert_eq!(count(&store.post("read", &json!({})).await), MODEL_PAGE_ENTRIES_DEFAULT);
    let most = store.post("read", &json!({ "page_size": MODEL_PAGE_ENTRIES_MAX })).await;
    assert_eq!(count(&most), MODEL_PAGE_ENTRIES_MAX);
    for size in [0, MODEL_PAGE_ENTRIES_MAX + 1] {
        let answer = store.post("read", &json!({ "page_size": size })).await;
        assert_eq!(refused(&answer), (400, "page_size_invalid".to_owned()));
    }
}

#[tokio::test]
async fn limit_tuple_context_bytes_max() {
    let store = Store::empty().await;
    let mut model = documents();
    model["conditions"]["in_hours"]["parameters"]["note"] = json!({ "type_name": "TYPE_NAME_STRING" });
    model["conditions"]["in_hours"]["expression"] = json!("hour >= 9 && note != ''");
    store.model(&model).await;
    // The name, and one byte for the kind of value.
    let overhead = "note".len() + 1;
    let write = |bytes: usize| {
        let mut key = tuple("user:a editor document:plan");
        key["condition"] = json!({ "name": "in_hours", "context": { "note": "n".repeat(bytes - overhead) } });
        json!({ "writes": { "tuple_keys": [key] } })
    };
    assert_eq!(refused(&store.post("write", &write(TUPLE_CONTEXT_BYTES_MAX + 1)).await), exceeded());
    let most = store.post("write", &write(TUPLE_CONTEXT_BYTES_MAX)).await;
    assert_eq!(most.status, 200, "{}", most.text);
}
