use anstream::adapter::strip_str;
use insta::assert_snapshot;
use serde_json::{Value, from_value, json};

use super::{Story, story};
use crate::{
    explain::{Asked, Provenance, revisions},
    limits::{PROVENANCE_TOLD_MAX, TRIED_TOLD_MAX},
};

/// The story of this decision, under a chain from alice over the coder to the deployer.
fn told(decision: &Value, explanation: Value, revoked: bool) -> String {
    let object = |kind: &str, id: &str| json!({ "type": kind, "id": id });
    let chain = json!([
        { "delegation": "root", "from": object("user", "alice"), "to": object("agent", "coder") },
        { "delegation": "leaf", "from": object("agent", "coder"), "to": object("agent", "deployer") },
    ]);
    let link = |id: &str, from: Value, to: Value| {
        json!({
            "id": id, "task": "ship", "kind": "lends", "from": from, "to": to, "depth": 1,
            "cap": { "clauses": [{ "permissions": ["deploy"], "resources": [{ "type": "service", "wildcard": true }] }] },
            "revoked_at": (revoked && id == "leaf").then_some("2026-11-22T08:00:00Z"),
        })
    };
    let mut full = json!({ "revision": 7, "task": "ship", "chain": chain });
    full.as_object_mut().expect("an object").extend(decision.as_object().expect("an object").clone());
    let parsed = Story {
        asked: Asked::under("agent:deployer", "deploy", "service:checkout", "leaf").expect("a question"),
        decision: from_value(full).expect("a decision"),
        decided_at: None,
        task: from_value(json!({
            "id": "ship", "origin": object("user", "alice"), "purpose": "Ship it", "state": "open",
            "opened_at": "2026-11-22T07:00:00Z", "expires_at": "2026-11-22T15:00:00Z",
        }))
        .expect("a task"),
        delegations: vec![
            from_value(link("root", object("user", "alice"), object("agent", "coder"))).expect("a link"),
            from_value(link("leaf", object("agent", "coder"), object("agent", "deployer"))).expect("a link"),
        ],
        actor_registered: None,
        stopped: None,
        explanation: from_value(explanation).expect("an explanation"),
        tried: [("service:checkout#owner".to_owned(), false), ("team:core#member".to_owned(), true)].into(),
        provenance: [(3, from_parts("key:k1", "the first setup"))].into(),
        now: None,
    };
    strip_str(&story(&parsed)).to_string()
}

fn from_parts(author: &str, reason: &str) -> Provenance {
    let time = "2026-11-22T07:00:00Z".parse().expect("a time");
    Provenance { author: author.to_owned(), time, reason: reason.to_owned() }
}

fn edge(relation: &str, subject: &Value) -> Value {
    let resource = json!({ "type": "service", "id": "checkout" });
    json!({ "relationship": { "resource": resource, "relation": relation, "subject": subject }, "since": 3 })
}

#[test]
fn an_allow_shows_the_chain_and_the_way_through_the_graph() {
    let decision = json!({
        "disposition": "allow", "reason": "lent_authority", "message": "alice may, and every link carries it",
        "valid_until": "2026-11-22T15:00:00Z",
    });
    let owner = edge("owner", &json!({ "type": "user", "id": "alice" }));
    let explanation = json!({
        "subject": { "type": "user", "id": "alice" }, "holds": true,
        "proof": {
            "kind": "goal", "text": "service:checkout#deploy", "rule": "owner - barred", "children": [
                { "kind": "goal", "text": "service:checkout#owner", "children": [
                    { "kind": "edge", "text": "service:checkout#owner@user:alice", "edge": owner },
                ]},
                { "kind": "not_held", "text": "barred" },
            ],
        },
    });
    assert_snapshot!(told(&decision, explanation, false), @r"
    ✓ agent:deployer may deploy service:checkout
      alice may, and every link carries it (lent_authority)
      a preview at revision 7: not recorded, not to be enforced
      valid until 2026-11-22T15:00:00.000Z

    ✓ task ship for user:alice
    │ “Ship it”
    │ open, expires 2026-11-22T15:00:00.000Z
    └─ ✓ user:alice → agent:coder  root
       │ deploy on service:*
       └─ ✓ agent:coder → agent:deployer  leaf
            deploy on service:*

    ✓ the graph: user:alice has deploy on service:checkout
    └─ service:checkout#deploy  = owner - barred
       ├─ service:checkout#owner@user:alice  revision 3
       └─ and not barred

    REVISION  WRITTEN                   BY      WHY
    3         2026-11-22T07:00:00.000Z  key:k1  the first setup
    ");
}

#[test]
fn a_deny_marks_the_link_that_failed() {
    let decision = json!({
        "disposition": "deny", "reason": "delegation_revoked", "message": "delegation `leaf` is revoked", "failed_at": 1,
    });
    assert_snapshot!(told(&decision, Value::Null, true), @r"
    ✗ agent:deployer may not deploy service:checkout
      delegation `leaf` is revoked (delegation_revoked)
      a preview at revision 7: not recorded, not to be enforced

    ✓ task ship for user:alice
    │ “Ship it”
    │ open, expires 2026-11-22T15:00:00.000Z
    └─ ✓ user:alice → agent:coder  root
       │ deploy on service:*
       └─ ✗ agent:coder → agent:deployer  leaf
            deploy on service:*
            revoked 2026-11-22T08:00:00.000Z
            here: delegation_revoked

    REVISION  WRITTEN                   BY      WHY
    3         2026-11-22T07:00:00.000Z  key:k1  the first setup

    what would help: a new link in place of leaf, by whoever made it: `prokura delegate --help`
    ");
}

#[test]
fn a_deny_by_the_graph_shows_where_the_way_ends() {
    let decision = json!({
        "disposition": "deny", "reason": "origin_lacks_permission", "message": "user:alice does not have it",
    });
    let everyone = edge("barred", &json!({ "type": "user", "wildcard": true }));
    let explanation = json!({
        "subject": { "type": "user", "id": "alice" }, "holds": false,
        "near_miss": {
            "message": "barred holds", "tried": ["service:checkout#owner", "team:core#member", "team:core#lead"], "cut_off": true,
            "excluded": [{
                "goal": "service:checkout#deploy", "expression": "barred", "subject": { "type": "user", "id": "alice" },
                "because": [{ "kind": "edge", "text": "service:checkout#barred@user:*", "edge": everyone }],
            }],
        },
    });
    assert_snapshot!(told(&decision, explanation, false), @r"
    ✗ agent:deployer may not deploy service:checkout
      user:alice does not have it (origin_lacks_permission)
      a preview at revision 7: not recorded, not to be enforced

    ✓ task ship for user:alice
    │ “Ship it”
    │ open, expires 2026-11-22T15:00:00.000Z
    └─ ✓ user:alice → agent:coder  root
       │ deploy on service:*
       └─ ✓ agent:coder → agent:deployer  leaf
            deploy on service:*

    ✗ the graph: user:alice does not have deploy on service:checkout
    ├─ looked at, in this order
    │  ├─ ✗ service:checkout#owner
    │  ├─ ✓ team:core#member
    │  ├─ · team:core#lead
    │  └─ … and more
    ├─ ✗ excluded by `- barred` of service:checkout#deploy: user:alice
    │  └─ service:checkout#barred@user:*  revision 3
    └─ nearest: barred holds

    REVISION  WRITTEN                   BY      WHY
    3         2026-11-22T07:00:00.000Z  key:k1  the first setup

    what would help: `prokura relationship delete 'service:checkout#barred@user:*'`, if it should be so
    ");
}

#[test]
fn tried_told_max_and_one_more() {
    let decision = json!({ "disposition": "deny", "reason": "origin_lacks_permission", "message": "no" });
    for (count, more) in [(TRIED_TOLD_MAX, false), (TRIED_TOLD_MAX + 1, true)] {
        let tried: Vec<_> = (0..count).map(|number| format!("team:t{number}#member")).collect();
        let miss = json!({ "message": "nothing near", "tried": tried });
        let explanation = json!({ "subject": { "type": "user", "id": "a" }, "holds": false, "near_miss": miss });
        let text = told(&decision, explanation, false);
        assert_eq!(text.matches("· team:t").count(), TRIED_TOLD_MAX, "{text}");
        assert_eq!(text.contains("… and more"), more, "{text}");
    }
}

#[test]
fn provenance_told_max_and_one_more() {
    for count in [PROVENANCE_TOLD_MAX, PROVENANCE_TOLD_MAX + 1] {
        let witness: Vec<_> = (0..count)
            .map(|number| {
                let mut edge = edge("owner", &json!({ "type": "user", "id": format!("u{number}") }));
                edge["since"] = json!(number);
                edge
            })
            .collect();
        let decision = json!({
            "disposition": "allow", "reason": "own_authority", "message": "yes", "revision": 9, "witness": witness,
        });
        let decision = from_value(decision).expect("a decision");
        assert_eq!(revisions(&decision, None).len(), PROVENANCE_TOLD_MAX);
    }
}
