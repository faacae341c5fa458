//! What a run has touched, as it is told and as it holds at each door.

use prokura::Provenance;
use prokura_model::Change;
use serde_json::{Value, json};

use crate::support::{Setup, tenant};

const SCHEMA: &str = "use guards
definition user {}
definition agent {}
definition document {
    attribute sensitivity string
    relation reader: user
    permission read = reader
}
definition mailbox {
    relation owner: user
    permission send = owner
}
guard leak on mailbox#send {
    when has(run.sensitivity) && \"secret\" in run.sensitivity
    require approval from mailbox#owner
}
";

/// A task of Alice's with a part, and a link to her agent under each; their ids, the whole first.
async fn told(setup: &Setup) -> [String; 4] {
    let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned())];
    changes.extend(
        ["document:plan#reader@user:alice", "mailbox:work#owner@user:alice"]
            .map(|text| Change::touched(text.parse().unwrap())),
    );
    setup.authority.write(&tenant("default"), Provenance::new("test", ""), changes).unwrap();
    let at = |path: &str| format!("/v1/tenants/default/{path}");
    for object in [json!({ "type": "user", "id": "alice" }), json!({ "type": "agent", "id": "coder" })] {
        setup.put(&at("principals"), &setup.admin, &json!({ "object": object })).await;
    }
    let plan = json!({ "type": "document", "id": "plan" });
    let secret = json!({ "object": plan, "attributes": { "sensitivity": "secret" } });
    assert_eq!(setup.put(&at("attributes"), &setup.admin, &secret).await.status, 200);
    let post = async |path: &str, body: Value| {
        let answer = setup.post(&at(path), &setup.admin, &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    };
    let alice = json!({ "type": "user", "id": "alice" });
    let task = |parent: Option<&str>| json!({ "origin": alice, "purpose": "answer", "expires_in_seconds": 3600, "parent": parent });
    let whole = post("tasks", json!({ "origin": alice, "purpose": "answer", "expires_in_seconds": 7200 })).await;
    let part = post("tasks", task(Some(&whole))).await;
    let link = |task: &str, permission: &str, kind: &str| {
        let resources = json!([{ "type": kind, "wildcard": true }]);
        let cap = json!({ "clauses": [{ "permissions": [permission], "resources": resources }] });
        json!({ "task": task, "from": alice, "to": { "type": "agent", "id": "coder" }, "cap": cap })
    };
    let sends = post("delegations", link(&whole, "send", "mailbox")).await;
    let reads = post("delegations", link(&part, "read", "document")).await;
    [whole, part, sends, reads]
}

async fn decides(setup: &Setup, permission: &str, resource: &str, delegation: &str) -> Value {
    let (kind, id) = resource.split_once(':').unwrap();
    let question = json!({
        "actor": { "type": "agent", "id": "coder" }, "delegation": delegation, "permission": permission,
        "resource": { "type": kind, "id": id },
    });
    setup.post("/v1/tenants/default/decide", &setup.admin, &question).await.json()
}

#[tokio::test]
async fn an_allow_says_what_it_touches_and_a_task_what_was_touched() {
    let setup = Setup::empty().await;
    let [whole, part, sends, reads] = told(&setup).await;
    assert_eq!(decides(&setup, "send", "mailbox:work", &sends).await["disposition"], "allow");
    let first = decides(&setup, "read", "document:plan", &reads).await;
    assert_eq!((&first["disposition"], &first["touches"]), (&json!("allow"), &json!({ "sensitivity": "secret" })));
    let again = decides(&setup, "read", "document:plan", &reads).await;
    assert_eq!((&again["disposition"], &again["touches"]), (&json!("allow"), &Value::Null), "it is touched already");
    assert_eq!(decides(&setup, "send", "mailbox:work", &sends).await["reason"], "approval_required");
    for task in [whole, part] {
        let told = setup.get(&format!("/v1/tenants/default/tasks/{task}"), &setup.admin).await.json();
        assert_eq!(told["touched"], json!({ "sensitivity": ["secret"] }), "all of a tree is one run");
    }
}

#[tokio::test]
async fn what_is_read_over_authzen_counts_and_what_is_sent_over_authzen_is_held() {
    let setup = Setup::empty().await;
    let [_, _, sends, reads] = told(&setup).await;
    let asks = |permission: &str, kind: &str, id: &str, delegation: &str| {
        json!({
            "subject": { "type": "agent", "id": "coder" }, "action": { "name": permission },
            "resource": { "type": kind, "id": id }, "context": { "delegation": delegation },
        })
    };
    let send = asks("send", "mailbox", "work", &sends);
    let before = setup.post("/access/v1/evaluation", &setup.admin, &send).await.json();
    assert_eq!(before["decision"], true);
    // In one request: what is read first is known when the second is asked.
    let both = json!({ "evaluations": [asks("read", "document", "plan", &reads), send] });
    let answers = setup.post("/access/v1/evaluations", &setup.admin, &both).await.json();
    let found: Vec<_> = answers["evaluations"].as_array().unwrap().iter().map(|answer| &answer["decision"]).collect();
    assert_eq!(found, [true, false], "{answers}");
    let after = setup.post("/access/v1/evaluation", &setup.admin, &send).await.json();
    assert_eq!((&after["decision"], &after["context"]["reason"]), (&json!(false), &json!("approval_required")));
}
