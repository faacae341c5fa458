use serde_json::json;

use super::support::{Store, refused};
use crate::support::Setup;

#[tokio::test]
async fn stores_are_made_listed_renamed_and_ended() {
    let setup = Setup::empty().await;
    let admin = &setup.admin;
    let mut ids = Vec::new();
    for name in ["one", "two", "one"] {
        let made = setup.post("/stores", admin, &json!({ "name": name })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        assert_eq!(made.json()["name"], name);
        ids.push(made.json()["id"].as_str().unwrap().to_owned());
    }
    assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 26), "{ids:?}");
    let named = setup.get("/stores?name=one", admin).await.json();
    assert_eq!(named["stores"].as_array().unwrap().len(), 2);
    let first = setup.get("/stores?page_size=2", admin).await.json();
    let token = first["continuation_token"].as_str().unwrap();
    let second = setup.get(&format!("/stores?page_size=2&continuation_token={token}"), admin).await.json();
    assert_eq!(second["stores"][0]["id"], ids[2]);
    assert_eq!(second["continuation_token"], "");
    let path = format!("/stores/{}", ids[1]);
    let renamed = setup.http.patch(setup.url(&path)).bearer_auth(admin).json(&json!({ "name": "new" }));
    assert_eq!(setup.send(renamed).await.json()["name"], "new");
    assert_eq!(setup.get(&path, admin).await.json()["name"], "new");
    let ended = setup.send(setup.http.delete(setup.url(&path)).bearer_auth(admin)).await;
    assert_eq!((ended.status, ended.text.as_str()), (204, ""));
    assert_eq!(refused(&setup.get(&path, admin).await), (404, "store_id_not_found".to_owned()));
    assert_eq!(setup.get("/stores", admin).await.json()["stores"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_ended_store_answers_nothing() {
    let store = Store::filled(&["user:anne reader document:plan"]).await;
    let path = format!("/stores/{}", store.id);
    store.setup.send(store.setup.http.delete(store.setup.url(&path)).bearer_auth(&store.setup.admin)).await;
    let gone = (404, "store_id_not_found".to_owned());
    assert_eq!(refused(&store.check_with("user:anne reader document:plan", &json!({})).await), gone);
    assert_eq!(refused(&store.post("read", &json!({})).await), gone);
    assert_eq!(refused(&store.get("authorization-models").await), gone);
}

#[tokio::test]
async fn a_tenant_that_is_no_store_is_not_shown_as_one() {
    let setup = Setup::filled().await;
    assert_eq!(setup.get("/stores", &setup.admin).await.json()["stores"], json!([]));
    let answer = setup.get("/stores/default", &setup.admin).await;
    assert_eq!(refused(&answer), (400, "store_id_invalid_length".to_owned()));
}
