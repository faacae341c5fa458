use prokura::Provenance;
use prokura_model::{KeyRole, KeyScope};
use serde_json::json;

use super::support::{Store, refused, tuple};
use crate::support::{Setup, tenant};

#[tokio::test]
async fn refusals_are_in_the_words_of_this_api() {
    let store = Store::filled(&[]).await;
    let setup = &store.setup;
    let path = store.path("check");
    let bare = setup.http.post(setup.url(&path)).json(&json!({}));
    assert_eq!(refused(&setup.send(bare).await), (401, "bearer_token_missing".to_owned()));
    let garbage = setup.post(&path, "pk_garbage", &json!({})).await;
    assert_eq!(refused(&garbage), (401, "auth_failed_invalid_bearer_token".to_owned()));
    let auditor = setup.key(KeyRole::Auditor, KeyScope::AllTenants);
    assert_eq!(refused(&setup.post(&path, &auditor, &json!({})).await), (403, "forbidden".to_owned()));
    let malformed =
        setup.http.post(setup.url(&path)).bearer_auth(&setup.admin).header("content-type", "application/json");
    assert_eq!(refused(&setup.send(malformed.body("{")).await), (400, "validation_error".to_owned()));
    let other = setup.post("/stores/01KB0000000000000000000000/check", &setup.admin, &json!({})).await;
    assert_eq!(refused(&other), (404, "store_id_not_found".to_owned()));
    let short = setup.post("/stores/short/check", &setup.admin, &json!({})).await;
    assert_eq!(refused(&short), (400, "store_id_invalid_length".to_owned()));
    let method = setup.send(setup.http.put(setup.url(&path)).bearer_auth(&setup.admin)).await;
    assert_eq!(refused(&method), (405, "undefined_endpoint".to_owned()));
}

#[tokio::test]
async fn a_key_for_one_store_opens_no_other() {
    let store = Store::filled(&["user:anne reader document:plan"]).await;
    let setup = &store.setup;
    let other = setup.post("/stores", &setup.admin, &json!({ "name": "Other" })).await.json();
    let scope = |id: &str| KeyScope::Tenant(tenant(&id.to_ascii_lowercase()));
    let own = setup.key(KeyRole::Admin, scope(&store.id));
    let strange = setup.key(KeyRole::Admin, scope(other["id"].as_str().unwrap()));
    let body = json!({ "tuple_key": tuple("user:anne reader document:plan") });
    assert_eq!(setup.post(&store.path("check"), &own, &body).await.json()["allowed"], true);
    assert_eq!(refused(&setup.post(&store.path("check"), &strange, &body).await), (403, "forbidden".to_owned()));
    // A key for one store does not make others.
    assert_eq!(refused(&setup.post("/stores", &own, &json!({ "name": "New" })).await), (403, "forbidden".to_owned()));
    assert_eq!(refused(&setup.get("/stores", &own).await), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn an_enforcement_point_asks_about_whom_it_speaks_for() {
    let store = Store::filled(&["user:anne reader document:plan"]).await;
    let setup = &store.setup;
    let key = setup.enforcement_point(&["user:*"]);
    let check = |text: &str| {
        let body = json!({ "tuple_key": tuple(text) });
        let (path, key) = (store.path("check"), key.clone());
        async move { setup.post(&path, &key, &body).await }
    };
    assert_eq!(check("user:anne reader document:plan").await.json()["allowed"], true);
    assert_eq!(refused(&check("folder:a reader document:plan").await), (403, "forbidden".to_owned()));
    assert_eq!(refused(&check("user:* reader document:plan").await), (403, "forbidden".to_owned()));
    assert_eq!(refused(&setup.post(&store.path("read"), &key, &json!({})).await), (403, "forbidden".to_owned()));
    let list = json!({ "user": "folder:a", "relation": "reader", "type": "document" });
    assert_eq!(refused(&setup.post(&store.path("list-objects"), &key, &list).await), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn a_tenant_that_was_made_elsewhere_is_not_reached_by_a_longer_name() {
    let setup = Setup::empty().await;
    setup.authority.create_tenant(&tenant("abcdefghijklmnopqrstuvwxyz"), Provenance::new("test", "")).unwrap();
    let answer = setup.get("/stores/ABCDEFGHIJKLMNOPQRSTUVWXYZ", &setup.admin).await;
    assert_eq!(refused(&answer), (404, "store_id_not_found".to_owned()));
}
