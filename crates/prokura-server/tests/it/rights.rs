//! Who may see and end what others made, over the API: as the graph says.

use prokura::Provenance;
use prokura_model::{Change, Principal, PrincipalState};
use serde_json::{Value, json};

use crate::{
    support::{Answer, Setup, tenant},
    token::TestIssuer,
};

const SCHEMA: &str = "use authority
definition user {}
definition team {
    relation on_call: user
}
definition agent {
    relation team: team
    relation auditor: user
    permission stop = team->on_call
}
definition record {
    relation reader: user
    permission read = reader
}
authority over agent {
    see by auditor
    revoke by stop
}
";

struct World {
    setup: Setup,
    issuer: TestIssuer,
    task: String,
    /// Alice → planner → coder, and Alice → sibling.
    links: [String; 3],
}

impl World {
    async fn new() -> Self {
        let issuer = TestIssuer::new();
        let setup = Setup::with(issuer.config()).await;
        let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned())];
        for edge in ["agent:coder#team@team:core", "team:core#on_call@user:bob", "agent:coder#auditor@user:eve"] {
            changes.push(Change::touched(edge.parse().unwrap()));
        }
        let owners = [
            ("user:boss", None),
            ("user:alice", Some("user:boss")),
            ("agent:planner", Some("user:alice")),
            ("agent:coder", Some("user:alice")),
            ("agent:sibling", Some("user:alice")),
        ];
        changes.extend(owners.map(|(object, owner)| {
            let (object, owner) = (object.parse().unwrap(), owner.map(|owner| owner.parse().unwrap()));
            Change::PrincipalSet(Principal { object, owner, state: PrincipalState::Active, declared: false })
        }));
        setup.authority.write(&tenant("default"), Provenance::new("test", ""), changes).unwrap();
        let mut world = Self { setup, issuer, task: String::new(), links: Default::default() };
        let opened = world.post("user:alice", "/tasks", &json!({"purpose": "read", "expires_in_seconds": 600})).await;
        world.task = made(&opened);
        let first = made(&world.post("user:alice", "/delegations", &world.link(None, "planner", 2)).await);
        let second = made(&world.post("agent:planner", "/delegations", &world.link(Some(&first), "coder", 1)).await);
        let other = made(&world.post("user:alice", "/delegations", &world.link(None, "sibling", 0)).await);
        world.links = [first, second, other];
        world
    }

    fn link(&self, parent: Option<&str>, to: &str, depth: u32) -> Value {
        json!({
            "task": self.task, "parent": parent, "to": {"type": "agent", "id": to}, "depth": depth,
            "cap": {"clauses": [{"permissions": ["read"], "resources": [{"type": "record", "wildcard": true}]}]},
        })
    }

    async fn post(&self, who: &str, path: &str, body: &Value) -> Answer {
        self.setup.post(&format!("/v1/tenants/default{path}"), &self.issuer.token(who), body).await
    }

    async fn get(&self, who: &str, path: &str) -> Answer {
        self.setup.get(&format!("/v1/tenants/default{path}"), &self.issuer.token(who)).await
    }

    async fn revoke(&self, who: &str, link: &str) -> (u16, String) {
        let answer = self.post(who, &format!("/delegations/{link}/revoke"), &json!({})).await;
        (answer.status, answer.code())
    }
}

fn made(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_token_sees_alone_and_in_lists_what_the_graph_lets_it_see() {
    let world = World::new().await;
    let all = world.links.each_ref().map(String::as_str);
    let [first, second, other] = all;
    for (who, sees) in [
        ("user:boss", &[first, second, other][..]),
        ("agent:planner", &[first, second]),
        ("agent:coder", &[second]),
        ("user:bob", &[second]),
        ("user:eve", &[second]),
        ("agent:sibling", &[other]),
        ("user:nobody", &[]),
    ] {
        let listed = world.get(who, "/delegations").await.json();
        let ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(ids, sees, "{who}");
        for link in all {
            let status = if sees.contains(&link) { 200 } else { 404 };
            assert_eq!(world.get(who, &format!("/delegations/{link}")).await.status, status, "{who} {link}");
        }
        let tasks = world.get(who, "/tasks").await.json();
        assert_eq!(tasks["items"].as_array().unwrap().len(), usize::from(!sees.is_empty()), "{who}");
        let status = if sees.is_empty() { 404 } else { 200 };
        assert_eq!(world.get(who, &format!("/tasks/{}", world.task)).await.status, status, "{who}");
    }
}

#[tokio::test]
async fn a_token_ends_what_the_graph_lets_it_end() {
    let world = World::new().await;
    let [first, second, other] = world.links.each_ref().map(String::as_str);
    // What is hidden is answered as what never was.
    for (who, link) in [("agent:coder", first), ("agent:sibling", second), ("user:bob", first), ("user:nobody", other)]
    {
        assert_eq!(world.revoke(who, link).await, refused(404, "delegation_unknown"), "{who}");
        assert_eq!(world.revoke(who, "d-none").await, refused(404, "delegation_unknown"));
    }
    // Who sees it only is told what it takes.
    let seen = world.post("user:eve", &format!("/delegations/{second}/revoke"), &json!({})).await;
    assert_eq!((seen.status, seen.code().as_str()), (403, "not_to_revoke"));
    assert!(seen.text.contains("`stop` on `agent:coder`"), "{}", seen.text);
    let closed = world.post("agent:coder", &format!("/tasks/{}/complete", world.task), &json!({})).await;
    assert_eq!((closed.status, closed.code().as_str()), (403, "not_to_close"));
    assert_eq!(world.revoke("user:bob", second).await.0, 200);
    assert_eq!(world.revoke("agent:planner", second).await.0, 200);
    assert_eq!(world.revoke("agent:sibling", other).await.0, 200);
    assert_eq!(world.revoke("user:boss", first).await.0, 200);
    assert_eq!(world.post("user:boss", &format!("/tasks/{}/cancel", world.task), &json!({})).await.status, 200);
}

#[tokio::test]
async fn a_token_creates_for_whom_it_owns() {
    let world = World::new().await;
    let mut link = world.link(Some(&world.links[0]), "sibling", 0);
    link["from"] = json!({"type": "agent", "id": "planner"});
    made(&world.post("user:boss", "/delegations", &link).await);
    let refused = world.post("user:bob", "/delegations", &link).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "not_to_create"), "{}", refused.text);
    let task = json!({"purpose": "p", "expires_in_seconds": 60, "origin": {"type": "user", "id": "alice"}});
    made(&world.post("user:boss", "/tasks", &task).await);
    assert_eq!(world.post("agent:planner", "/tasks", &task).await.code(), "not_to_create");
}

#[tokio::test]
async fn a_right_goes_with_the_relationship_and_with_whoever_has_it() {
    let world = World::new().await;
    let gone = Change::RelationshipDeleted("team:core#on_call@user:bob".parse().unwrap());
    world.setup.authority.write(&tenant("default"), Provenance::new("test", ""), vec![gone]).unwrap();
    assert_eq!(world.revoke("user:bob", &world.links[1]).await, refused(404, "delegation_unknown"));
    let (object, state) = ("user:boss".parse().unwrap(), PrincipalState::Suspended);
    let stopped = Change::PrincipalSet(Principal { object, owner: None, state, declared: false });
    world.setup.authority.write(&tenant("default"), Provenance::new("test", ""), vec![stopped]).unwrap();
    assert_eq!(world.revoke("user:boss", &world.links[1]).await, refused(403, "writer_stopped"));
    assert_eq!(world.get("user:boss", "/delegations").await.json(), json!({"items": []}));
}
