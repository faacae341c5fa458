use serde_json::{Value, json};

use super::support::{Store, refused, tuple, tuples};

fn writes(texts: &[&str], besides: &Value) -> Value {
    let mut writes = tuples(texts);
    writes.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
    json!({ "writes": writes })
}

fn deletes(texts: &[&str], besides: &Value) -> Value {
    let mut deletes = tuples(texts);
    deletes.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
    json!({ "deletes": deletes })
}

#[tokio::test]
async fn what_is_there_is_not_written_and_what_is_not_is_not_deleted_unless_it_is_to_be_ignored() {
    let store = Store::filled(&["user:anne reader document:plan"]).await;
    let failed = (400, "write_failed_due_to_invalid_input".to_owned());
    let both = ["user:anne reader document:plan", "user:bob reader document:plan"];
    assert_eq!(refused(&store.post("write", &writes(&both, &json!({}))).await), failed);
    assert!(!store.check("user:bob reader document:plan").await, "nothing is half written");
    let ignored = store.post("write", &writes(&both, &json!({ "on_duplicate": "ignore" }))).await;
    assert_eq!(ignored.status, 200, "{}", ignored.text);
    assert!(store.check("user:bob reader document:plan").await);
    let missing = ["user:bob reader document:plan", "user:carl reader document:plan"];
    assert_eq!(refused(&store.post("write", &deletes(&missing, &json!({}))).await), failed);
    let ignored = store.post("write", &deletes(&missing, &json!({ "on_missing": "ignore" }))).await;
    assert_eq!(ignored.status, 200, "{}", ignored.text);
    assert!(!store.check("user:bob reader document:plan").await);
    let nothing_left = store.post("write", &deletes(&missing, &json!({ "on_missing": "ignore" }))).await;
    assert_eq!(nothing_left.status, 200, "{}", nothing_left.text);
}

#[tokio::test]
async fn a_tuple_on_another_condition_is_no_duplicate_to_be_ignored() {
    let store = Store::filled(&["user:anne editor document:plan"]).await;
    let mut again = tuple("user:anne editor document:plan");
    again["condition"] = json!({ "name": "in_hours", "context": {} });
    let body = json!({ "writes": { "tuple_keys": [again], "on_duplicate": "ignore" } });
    assert_eq!(refused(&store.post("write", &body).await), (409, "aborted".to_owned()));
}

#[tokio::test]
async fn tuples_that_do_not_fit_are_refused() {
    let store = Store::filled(&[]).await;
    for text in [
        "anne reader document:plan",
        "user:anne reader plan",
        "user:anne reader document:*",
        "user:anne owner document:plan",
        "user:anne reader file:plan",
        "team:a reader document:plan",
        "group:a reader document:plan",
        "group:a#owner reader document:plan",
        "user:* editor document:plan",
        "user:anne viewer document:plan",
        "document:plan#reader reader document:plan",
    ] {
        let answer = store.post("write", &writes(&[text], &json!({}))).await;
        assert_eq!(refused(&answer), (400, "validation_error".to_owned()), "{text}");
    }
    for condition in [
        json!({ "name": "out_of_hours" }),
        json!({ "name": "in_hours", "context": { "hour": "nine" } }),
        json!({ "name": "in_hours", "context": { "minute": 1 } }),
    ] {
        let mut conditional = tuple("user:anne editor document:plan");
        conditional["condition"] = condition;
        let answer = store.post("write", &json!({ "writes": { "tuple_keys": [conditional] } })).await;
        assert_eq!(refused(&answer), (400, "validation_error".to_owned()), "{}", answer.text);
    }
    let twice = ["user:anne reader document:plan", "user:anne reader document:plan"];
    let answer = store.post("write", &writes(&twice, &json!({}))).await;
    assert_eq!(refused(&answer), (400, "cannot_allow_duplicate_tuples_in_one_request".to_owned()));
    assert_eq!(refused(&store.post("write", &json!({})).await), (400, "invalid_write_input".to_owned()));
    let answer = store.post("write", &writes(&twice, &json!({ "on_duplicate": "perhaps" }))).await;
    assert_eq!(refused(&answer), (400, "validation_error".to_owned()));
    assert_eq!(store.post("read", &json!({})).await.json()["tuples"], json!([]));
}

#[tokio::test]
async fn tuples_are_read_by_object_relation_and_user() {
    let store = Store::filled(&[
        "user:anne reader document:plan",
        "user:* reader document:plan",
        "group:eng#member reader document:plan",
        "user:anne editor document:plan",
        "user:anne reader document:other",
        "user:anne viewer folder:plan",
    ])
    .await;
    for (key, count) in [
        (json!({}), 6),
        (json!({ "object": "document:plan" }), 4),
        (json!({ "object": "document:plan", "relation": "reader" }), 3),
        (json!({ "object": "document:plan", "user": "user:anne" }), 2),
        (json!({ "object": "document:", "user": "user:anne" }), 3),
        (json!({ "object": "document:", "relation": "reader", "user": "user:anne" }), 2),
        (json!({ "object": "document:", "user": "user:*" }), 1),
        (json!({ "object": "document:", "user": "group:eng#member" }), 1),
        (json!({ "object": "document:", "user": "group:eng" }), 0),
    ] {
        let answer = store.post("read", &json!({ "tuple_key": key })).await;
        assert_eq!(answer.json()["tuples"].as_array().unwrap().len(), count, "{key}: {}", answer.text);
    }
    for key in [json!({ "user": "user:anne" }), json!({ "object": "document:" }), json!({ "object": "document" })] {
        let answer = store.post("read", &json!({ "tuple_key": key })).await;
        assert_eq!(refused(&answer), (400, "validation_error".to_owned()), "{key}");
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let page = store.post("read", &json!({ "page_size": 4, "continuation_token": token })).await.json();
        seen.extend(page["tuples"].as_array().unwrap().iter().map(|tuple| tuple["key"].to_string()));
        token = page["continuation_token"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 6);
}

#[tokio::test]
async fn changes_are_told_in_order_and_go_on_where_they_ended() {
    let store = Store::filled(&["user:anne reader document:plan", "user:bob viewer folder:a"]).await;
    store.post("write", &deletes(&["user:anne reader document:plan"], &json!({}))).await;
    let told = |answer: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let changes = answer["changes"].as_array().unwrap().iter();
        changes.map(|change| (text(&change["operation"]), text(&change["tuple_key"]["object"]))).collect()
    };
    let change = |operation: &str, object: &str| (format!("TUPLE_OPERATION_{operation}"), object.to_owned());
    let all = [change("WRITE", "document:plan"), change("WRITE", "folder:a"), change("DELETE", "document:plan")];
    let mut token = String::new();
    for expected in &all {
        let page = store.get(&format!("changes?page_size=1&continuation_token={token}")).await.json();
        assert_eq!(told(&page), std::slice::from_ref(expected));
        token = page["continuation_token"].as_str().unwrap().to_owned();
    }
    let path = format!("changes?continuation_token={token}");
    assert_eq!(told(&store.get(&path).await.json()), []);
    store.post("write", &writes(&["user:carl viewer folder:b"], &json!({}))).await;
    assert_eq!(told(&store.get(&path).await.json()), [change("WRITE", "folder:b")]);
    let folders = store.get("changes?type=folder&page_size=1").await.json();
    assert_eq!(told(&folders), [change("WRITE", "folder:a")]);
    let token = folders["continuation_token"].as_str().unwrap();
    let other = store.get(&format!("changes?type=document&continuation_token={token}")).await;
    assert_eq!(refused(&other), (400, "query_string_type_continuation_token_mismatch".to_owned()));
    assert_eq!(told(&store.get("changes?start_time=2000-01-01T00:00:00Z").await.json()).len(), 4);
    assert_eq!(told(&store.get("changes?start_time=9000-01-01T00:00:00Z").await.json()).len(), 0);
    let wrong = store.get("changes?start_time=yesterday").await;
    assert_eq!(refused(&wrong), (400, "invalid_start_time".to_owned()));
    let wrong = store.get("changes?continuation_token=abc").await;
    assert_eq!(refused(&wrong), (400, "invalid_continuation_token".to_owned()));
}
