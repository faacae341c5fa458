//! Terms, lists, bulk and watching over the JSON API.

use serde_json::{Value, json};

use crate::support::{Answer, Setup, tenant};

const SCHEMA: &str = "use expiration\n\ncaveat on_day(day string) {\n\tday == \"monday\"\n}\n\ndefinition user {}\n\n\
    definition doc {\n\trelation viewer: user | user with on_day | user with expiration | user:*\n\trelation banned: user\n\t\
    permission view = viewer - banned\n}\n";

fn edge(id: &str, relation: &str, user: &str) -> Value {
    json!({
        "resource": { "type": "doc", "id": id }, "relation": relation, "subject": { "type": "user", "id": user },
    })
}

fn with(mut edge: Value, member: &str, value: Value) -> Value {
    edge[member] = value;
    edge
}

async fn setup() -> Setup {
    let setup = Setup::empty().await;
    let written = setup.put("/v1/tenants/default/schema", &setup.admin, &json!({ "schema": SCHEMA })).await;
    assert_eq!(written.status, 200, "{}", written.text);
    setup
}

async fn post(setup: &Setup, route: &str, body: Value) -> Answer {
    setup.post(&format!("/v1/tenants/default/{route}"), &setup.admin, &body).await
}

#[expect(clippy::needless_pass_by_value, reason = "tests write the context where they ask")]
fn check(user: &str, context: Value) -> Value {
    json!({
        "resource": { "type": "doc", "id": "plan" }, "permission": "view", "subject": { "type": "user", "id": user },
        "context": context,
    })
}

#[tokio::test]
async fn relationships_carry_their_terms_wherever_they_are_told() {
    let setup = setup().await;
    let caveated = with(edge("plan", "viewer", "bob"), "caveat", json!({ "name": "on_day" }));
    let expiring = with(edge("plan", "viewer", "eve"), "expires_at", json!("2999-01-01T00:00:00Z"));
    let written = post(&setup, "relationships/write", json!({ "touch": [caveated, expiring] })).await.json();
    let read = setup.get("/v1/tenants/default/relationships?caveat=on_day", &setup.admin).await.json();
    assert_eq!(read["items"], json!([{ "relationship": caveated, "since": 2 }]));
    let read = setup.get("/v1/tenants/default/relationships?expires=true", &setup.admin).await.json();
    assert_eq!(read["items"][0]["relationship"], expiring);
    let told = setup.get("/v1/tenants/default/transactions/2", &setup.admin).await.json();
    assert_eq!(told["changes"][0]["relationship"], caveated);
    for (context, wanted) in [
        (json!({}), "conditional_permission"),
        (json!({ "day": "monday" }), "has_permission"),
        (json!({ "day": "friday" }), "no_permission"),
    ] {
        let found = post(&setup, "check", check("bob", context)).await.json();
        assert_eq!(found["permissionship"], wanted);
    }
    let question = json!({
        "actor": { "type": "user", "id": "bob" }, "permission": "view", "resource": { "type": "doc", "id": "plan" },
    });
    let explained = post(&setup, "explain", question.clone()).await.json();
    assert_eq!(explained["explanation"]["condition"]["missing"], json!(["day"]), "{explained}");
    assert_eq!(explained["explanation"]["condition"]["relationships"][0]["relationship"], caveated);
    let decided = post(&setup, "decide", question).await.json();
    assert_eq!((&decided["disposition"], &decided["missing"]), (&json!("conditional"), &json!(["day"])));
    let at = json!({ "at_least": written["token"] });
    assert_eq!(post(&setup, "check", with(check("eve", json!({})), "consistency", at)).await.status, 200);
}

#[tokio::test]
async fn a_write_creates_once_and_only_if_its_preconditions_hold() {
    let setup = setup().await;
    let write = |body: Value| post(&setup, "relationships/write", body);
    let create = json!({ "create": [edge("plan", "viewer", "ann")], "metadata": { "ticket": 7 } });
    assert_eq!(write(create.clone()).await.status, 200);
    let again = write(create).await;
    assert_eq!(again.status, 409, "{}", again.text);
    let filter = json!({ "resource_type": "doc", "relation": "banned" });
    let unmet =
        json!({ "touch": [edge("memo", "viewer", "ann")], "preconditions": [{ "must": "match", "filter": filter }] });
    let refused = write(unmet).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    let met = json!({ "touch": [edge("memo", "viewer", "ann")], "preconditions": [{ "must": "not_match", "filter": filter }] });
    assert_eq!(write(met).await.status, 200);
    let told = setup.get("/v1/tenants/default/transactions/2", &setup.admin).await.text;
    assert!(told.contains("metadata_attached") && told.contains("ticket"), "{told}");
}

#[tokio::test]
async fn lists_come_in_pages_and_one_state_can_be_asked_again() {
    let setup = setup().await;
    let touched: Vec<_> = (0..5).map(|number| edge(&format!("d{number}"), "viewer", "ann")).collect();
    let receipt = post(&setup, "relationships/write", json!({ "touch": touched })).await.json();
    let ann = json!({ "type": "user", "id": "ann" });
    let ask = json!({ "resource_type": "doc", "permission": "view", "subject": ann, "limit": 2 });
    let (mut ids, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let question = if cursor.is_null() { ask.clone() } else { with(ask.clone(), "cursor", cursor) };
        let page = post(&setup, "resources", question).await.json();
        ids.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(ids, ["d0", "d1", "d2", "d3", "d4"]);
    post(&setup, "relationships/write", json!({ "delete": [edge("d0", "viewer", "ann")] })).await;
    let then = with(ask.clone(), "consistency", json!({ "exactly": receipt["token"] }));
    assert_eq!(post(&setup, "resources", then).await.json()["items"][0]["id"], "d0");
    assert_eq!(post(&setup, "resources", ask).await.json()["items"][0]["id"], "d1");
    let wild = json!({ "resource": { "type": "doc", "id": "open" }, "relation": "viewer", "subject": { "type": "user", "wildcard": true } });
    post(&setup, "relationships/write", json!({ "touch": [wild, edge("open", "banned", "eve")] })).await;
    let open = json!({ "type": "doc", "id": "open" });
    let found = post(&setup, "subjects", json!({ "resource": open, "permission": "view", "subject_type": "user" }))
        .await
        .json();
    assert_eq!(found["everyone"]["permissionship"], "has_permission", "{found}");
    assert_eq!(found["everyone"]["excluded"][0]["id"], "eve");
    let held = post(&setup, "permissions", json!({ "resource": open, "subject": ann })).await.json();
    let names: Vec<_> = held["permissions"].as_array().unwrap().iter().map(|held| held["permission"].clone()).collect();
    assert_eq!(names, ["banned", "view", "viewer"]);
    let tree = post(&setup, "expand", json!({ "resource": open, "permission": "view" })).await.json()["tree"].clone();
    assert_eq!(tree["operation"], "exclusion", "{tree}");
    let altered = json!({ "exactly": "altered" });
    let refused = post(&setup, "check", with(check("ann", json!({})), "consistency", altered)).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "revision_token_invalid"));
}

#[tokio::test]
async fn what_a_filter_means_is_deleted_up_to_a_limit() {
    let setup = setup().await;
    let touched: Vec<_> = (0..5).map(|number| edge(&format!("d{number}"), "viewer", "ann")).collect();
    post(&setup, "relationships/write", json!({ "touch": touched })).await;
    let ask = json!({ "filter": { "resource_type": "doc" }, "limit": 3 });
    let refused = post(&setup, "relationships/delete", ask.clone()).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    let part = post(&setup, "relationships/delete", with(ask, "partial", json!(true))).await.json();
    assert_eq!((&part["deleted"], &part["complete"]), (&json!(3), &json!(false)));
    let rest = post(&setup, "relationships/delete", json!({ "filter": { "resource_type": "doc" } })).await.json();
    assert_eq!((&rest["deleted"], &rest["complete"]), (&json!(2), &json!(true)));
    assert_eq!(post(&setup, "relationships/delete", json!({ "filter": {} })).await.status, 400);
}

fn ndjson(edges: &[Value]) -> String {
    edges.iter().map(|edge| format!("{edge}\n")).collect()
}

async fn import(setup: &Setup, kind: &str, body: String) -> Answer {
    let url = setup.url("/v1/tenants/default/relationships/import?reason=moved");
    let request = setup.http.post(url).bearer_auth(&setup.admin).header("content-type", kind).body(body);
    setup.send(request).await
}

#[tokio::test]
async fn relationships_are_imported_and_exported_line_by_line() {
    let setup = setup().await;
    let edges: Vec<_> = (0..12).map(|number| edge(&format!("d{number}"), "viewer", "ann")).collect();
    let told = import(&setup, "application/x-ndjson", ndjson(&edges)).await.json();
    assert_eq!(told["imported"], 12);
    let export = setup.get("/v1/tenants/default/relationships/export?resource_id_prefix=d1", &setup.admin).await;
    assert!(export.header("prokura-token").is_some());
    let mut lines: Vec<Value> = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.sort_by_key(ToString::to_string);
    assert_eq!(lines, [edges[1].clone(), edges[10].clone(), edges[11].clone()]);
    let again = import(&setup, "application/x-ndjson", ndjson(&edges)).await;
    assert_eq!(again.status, 409, "{}", again.text);
    assert!(again.text.contains("0 relationships were imported before"), "{}", again.text);
    let wrong = ndjson(&[edge("e0", "viewer", "ann")]) + "\n{\"resource\": 1}\n";
    let wrong = import(&setup, "application/x-ndjson", wrong).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.json()["error"]["details"]["path"], "line[3].resource");
    assert_eq!(import(&setup, "application/json", String::new()).await.status, 415);
    assert_eq!(import(&setup, "application/x-ndjson", String::new()).await.json()["imported"], 0);
}

#[tokio::test]
async fn a_watcher_sees_everything_once_and_goes_on_where_it_was() {
    let setup = setup().await;
    let token =
        post(&setup, "relationships/write", json!({ "touch": [edge("a", "viewer", "ann")] })).await.json()["token"]
            .clone();
    let url = setup.url(&format!("/v1/tenants/default/watch?kinds=relationships&after={}", token.as_str().unwrap()));
    let mut watched = setup.http.get(url).bearer_auth(&setup.admin).send().await.unwrap();
    assert_eq!(watched.status(), 200);
    post(&setup, "relationships/write", json!({ "touch": [edge("b", "viewer", "ann")] })).await;
    post(&setup, "relationships/write", json!({ "delete": [edge("a", "viewer", "ann")] })).await;
    let mut text = String::new();
    while text.lines().count() < 2 || !text.ends_with('\n') {
        text.push_str(std::str::from_utf8(&watched.chunk().await.unwrap().unwrap()).unwrap());
    }
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let revisions: Vec<_> = events.iter().map(|event| event["transaction"]["revision"].clone()).collect();
    assert_eq!(revisions, [3, 4], "what was written before is not told, and what comes after is");
    assert_eq!(events[0]["transaction"]["changes"][0]["relationship"], edge("b", "viewer", "ann"));
    for query in ["after=99", "kinds=weather", "after=nonsense"] {
        let refused = setup.get(&format!("/v1/tenants/default/watch?{query}"), &setup.admin).await;
        assert_eq!(refused.status, 400, "{query}: {}", refused.text);
    }
    drop(watched);
    let stopped = tokio::time::timeout(std::time::Duration::from_secs(20), setup.server.shutdown()).await;
    assert_eq!(stopped.unwrap().cut_off, 0);
    assert!(setup.authority.tenants().contains(&tenant("default")));
}

#[tokio::test]
async fn a_schema_is_compared_with_the_one_in_force() {
    let setup = setup().await;
    let other = SCHEMA.replace("\trelation banned: user\n", "\trelation banned: user | user:*\n");
    let told = post(&setup, "schema/diff", json!({ "schema": other })).await.json();
    assert_eq!(told["differences"][0]["kind"], "subject_type_added");
    assert_eq!(told["differences"][0]["place"], "doc#banned");
    let same = post(&setup, "schema/diff", json!({ "schema": SCHEMA })).await.json();
    assert_eq!(same["differences"], json!([]));
    let wrong = post(&setup, "schema/diff", json!({ "schema": "definition" })).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (400, "schema_invalid"));
}
