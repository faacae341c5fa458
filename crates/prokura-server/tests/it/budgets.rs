//! Budgets, uses and reservations over HTTP.

use prokura_model::{KeyRole, KeyScope};
use serde_json::{Value, json};

use crate::support::{Answer, Setup};

struct Bounded {
    setup: Setup,
    task: String,
    link: String,
}

impl Bounded {
    /// A task of alice's that may read for ten in all, and look a thousand times, lent to the coder by a link.
    async fn new(uses: Option<u64>) -> Self {
        let setup = Setup::filled().await;
        let new = json!({
            "origin": {"type": "user", "id": "alice"}, "purpose": "read", "expires_in_seconds": 600,
            "budgets": [
                {"name": "cost", "sum": "amount", "limit": "10", "per_ms": 3_600_000, "in_flight": 1},
                {"name": "looks", "covers": {"clauses": [{"permissions": ["read"], "resources": [{"type": "record", "wildcard": true}]}]},
                 "limit": "1000"},
            ],
        });
        let task = setup.post("/v1/tenants/default/tasks", &setup.admin, &new).await;
        assert_eq!(task.status, 201, "{}", task.text);
        let task = task.json();
        assert_eq!(task["budgets"], new["budgets"]);
        let task = task["id"].as_str().unwrap().to_owned();
        let mut new = json!({
            "task": task, "from": {"type": "user", "id": "alice"}, "to": {"type": "agent", "id": "coder"},
            "cap": {"clauses": [{"permissions": ["*"], "resources": [{"type": "record", "wildcard": true}]}]},
        });
        if let Some(uses) = uses {
            new["uses"] = json!(uses);
        }
        let link = setup.post("/v1/tenants/default/delegations", &setup.admin, &new).await.json();
        assert_eq!(link["uses"], json!(uses));
        let link = link["id"].as_str().unwrap().to_owned();
        Self { setup, task, link }
    }

    /// A part of the task, and a link to the coder under it.
    async fn part(&self) -> (String, String) {
        let admin = &self.setup.admin;
        let new = json!({
            "origin": {"type": "user", "id": "alice"}, "purpose": "read some", "expires_in_seconds": 60,
            "parent": self.task,
        });
        let part = self.setup.post("/v1/tenants/default/tasks", admin, &new).await.json();
        let part = part["id"].as_str().unwrap().to_owned();
        let new = json!({
            "task": part, "from": {"type": "user", "id": "alice"}, "to": {"type": "agent", "id": "coder"},
            "cap": {"clauses": [{"permissions": ["*"], "resources": [{"type": "record", "wildcard": true}]}]},
        });
        let link = self.setup.post("/v1/tenants/default/delegations", admin, &new).await.json();
        (part, link["id"].as_str().unwrap().to_owned())
    }

    async fn decide(&self, credential: &str, amount: Value, reserve_ms: Option<u64>) -> Answer {
        let mut body = json!({
            "actor": {"type": "agent", "id": "coder"}, "permission": "read", "delegation": self.link,
            "resource": {"type": "record", "id": "record-1"}, "arguments": {"amount": amount},
        });
        if let Some(reserve_ms) = reserve_ms {
            body["reserve_ms"] = json!(reserve_ms);
        }
        self.setup.post("/v1/tenants/default/decide", credential, &body).await
    }

    async fn settle(&self, credential: &str, id: &Value, how: &str, body: Value) -> Answer {
        let id = id.as_str().unwrap();
        self.setup.post(&format!("/v1/tenants/default/reservations/{id}/{how}"), credential, &body).await
    }

    async fn task(&self) -> Value {
        self.setup.get(&format!("/v1/tenants/default/tasks/{}", self.task), &self.setup.admin).await.json()
    }
}

#[tokio::test]
async fn a_budget_is_taken_of_shown_and_exhausted() {
    let bounded = Bounded::new(Some(2)).await;
    let admin = bounded.setup.admin.clone();
    let allowed = bounded.decide(&admin, json!(7.5), None).await.json();
    assert_eq!(allowed["disposition"], "allow");
    let taken = |budget: &str, amount: &str| json!({"task": bounded.task, "budget": budget, "amount": amount});
    assert_eq!(allowed["takes"], json!([taken("cost", "7.5"), taken("looks", "1")]));
    assert_eq!(allowed.get("reserved_until"), None);
    let denied = bounded.decide(&admin, json!(2.6), None).await.json();
    assert_eq!((&denied["disposition"], &denied["reason"]), (&json!("deny"), &json!("budget_exhausted")));
    let task = bounded.task().await;
    assert_eq!((&task["accounts"][0]["spent"], &task["accounts"][0]["left"]), (&json!("7.5"), &json!("2.5")));
    assert!(task["accounts"][0]["window_ends"].is_string(), "{task}");
    assert_eq!(task["uses"], json!([{"delegation": bounded.link, "taken": 1}]));
    let wrong = bounded.decide(&admin, json!(-1), None).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (400, "amount_invalid"));
    bounded.decide(&admin, json!(1), None).await;
    assert_eq!(bounded.decide(&admin, json!(1), None).await.json()["reason"], "uses_exhausted");
}

#[tokio::test]
async fn a_reservation_is_settled_by_the_point_it_was_made_for_or_an_admin() {
    let bounded = Bounded::new(None).await;
    let (mine, other) = (bounded.setup.enforcement_point(&["agent:*"]), bounded.setup.enforcement_point(&["agent:*"]));
    let held = bounded.decide(&mine, json!(7.5), Some(60_000)).await.json();
    assert!(held["reserved_until"].is_string(), "{held}");
    let second = bounded.decide(&mine, json!(1), Some(60_000)).await.json();
    assert_eq!(second["reason"], "budget_exhausted", "one may be in flight");
    let task = bounded.task().await;
    assert_eq!((&task["reservations"][0]["id"], &task["accounts"][0]["in_flight"]), (&held["id"], &json!(1)));
    let refused = bounded.settle(&other, &held["id"], "release", json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "reservation_not_open"));
    let refused = bounded.settle(&mine, &held["id"], "commit", json!({"arguments": {"amount": 7.6}})).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "reservation_exceeded"));
    let refused = bounded.settle(&mine, &held["id"], "commit", json!({"arguments": {"amount": "much"}})).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "amount_invalid"));
    let done = bounded.settle(&mine, &held["id"], "commit", json!({"arguments": {"amount": "2.5"}})).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(bounded.task().await["accounts"][0]["left"], "7.5");
    let again = bounded.settle(&mine, &held["id"], "commit", json!({})).await;
    assert_eq!(again.code(), "reservation_not_open");
    let held = bounded.decide(&mine, json!(7.5), Some(60_000)).await.json();
    let admin = bounded.setup.admin.clone();
    assert_eq!(bounded.settle(&admin, &held["id"], "release", json!({})).await.status, 200);
    let auditor = bounded.setup.key(KeyRole::Auditor, KeyScope::AllTenants);
    assert_eq!(bounded.settle(&auditor, &held["id"], "release", json!({})).await.status, 403);
    let too_long = bounded.decide(&mine, json!(1), Some(86_400_001)).await;
    assert_eq!((too_long.status, too_long.code().as_str()), (400, "reservation_invalid"));
}

#[tokio::test]
async fn a_question_sent_again_takes_once() {
    let bounded = Bounded::new(None).await;
    let send = |amount: i64| {
        let body = json!({
            "actor": {"type": "agent", "id": "coder"}, "permission": "read", "delegation": bounded.link,
            "resource": {"type": "record", "id": "record-1"}, "arguments": {"amount": amount},
        });
        let request = bounded.setup.http.post(bounded.setup.url("/v1/tenants/default/decide"));
        bounded.setup.send(request.bearer_auth(&bounded.setup.admin).header("x-request-id", "r-1").json(&body))
    };
    let first = send(4).await.json();
    assert_eq!(send(4).await.json(), first);
    assert_eq!(bounded.task().await["accounts"][0]["left"], "6");
    let other = send(5).await;
    assert_eq!((other.status, other.code().as_str()), (409, "request_id_reused"));
}

#[tokio::test]
async fn authzen_takes_reserves_and_searches() {
    let bounded = Bounded::new(None).await;
    let asked = |amount: Value, reserve_ms: Option<u64>| {
        let mut context = json!({"delegation": bounded.link});
        if let Some(reserve_ms) = reserve_ms {
            context["reserve_ms"] = json!(reserve_ms);
        }
        json!({
            "subject": {"type": "agent", "id": "coder"}, "action": {"name": "read", "properties": {"amount": amount}},
            "resource": {"type": "record", "id": "record-1"}, "context": context,
        })
    };
    let admin = bounded.setup.admin.clone();
    let post = async |path: &str, body: Value| {
        let request = bounded.setup.http.post(bounded.setup.url(path)).bearer_auth(&admin);
        bounded.setup.send(request.header("x-request-id", "r-9").json(&body)).await.json()
    };
    let listed = async |amount: i64| {
        let mut search = asked(json!(amount), None);
        search["resource"] = json!({"type": "record"});
        post("/access/v1/search/resource", search).await["results"].as_array().unwrap().len()
    };
    assert_eq!((listed(10).await, listed(11).await), (1, 0), "what a budget is too small for is not listed");
    // Two of one request are two requests.
    let many = json!({"evaluations": [asked(json!(3), None), asked(json!(4), None), asked(json!(4), None)]});
    let answers = post("/access/v1/evaluations", many.clone()).await;
    let decisions = |answers: &Value| {
        answers["evaluations"].as_array().unwrap().iter().map(|one| one["decision"] == true).collect::<Vec<_>>()
    };
    assert_eq!(decisions(&answers), [true, true, false]);
    assert_eq!(decisions(&post("/access/v1/evaluations", many).await), [true, true, false]);
    assert_eq!(bounded.task().await["accounts"][0]["left"], "3");
    let held = bounded.setup.post("/access/v1/evaluation", &admin, &asked(json!(3), Some(60_000))).await.json();
    assert!(held["context"]["reserved_until"].is_string(), "{held}");
    assert_eq!((listed(0).await, listed(1).await), (1, 0));
    assert_eq!(bounded.settle(&admin, &held["context"]["id"], "release", json!({})).await.status, 200);
    assert_eq!(listed(3).await, 1);
    let wrong = bounded.setup.post("/access/v1/evaluation", &admin, &asked(json!(3), Some(0))).await;
    assert_eq!(wrong.status, 400);
}

/// A thousand requests at once, over both doors, half of them under a part of the task: as many are allowed as there is
/// enough for, to the last cent.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_parallel_requests_never_exceed_a_budget() {
    let bounded = std::sync::Arc::new(Bounded::new(None).await);
    let (part, link) = bounded.part().await;
    let requests = (0..1_000).map(|number| {
        let (bounded, link) = (std::sync::Arc::clone(&bounded), link.clone());
        tokio::spawn(async move {
            let link = if number % 4 < 2 { &bounded.link } else { &link };
            let admin = &bounded.setup.admin;
            let resource = json!({"type": "record", "id": "record-1"});
            let subject = json!({"type": "agent", "id": "coder"});
            if number % 2 == 0 {
                let body = json!({
                    "actor": subject, "permission": "read", "delegation": link, "resource": resource,
                    "arguments": {"amount": 0.1},
                });
                let answer = bounded.setup.post("/v1/tenants/default/decide", admin, &body).await;
                return answer.json()["disposition"] == "allow";
            }
            let action = json!({"name": "read", "properties": {"amount": 0.1}});
            let body = json!({
                "subject": subject, "action": action, "resource": resource, "context": {"delegation": link},
            });
            bounded.setup.post("/access/v1/evaluation", admin, &body).await.json()["decision"] == true
        })
    });
    let mut allowed = 0;
    for request in requests.collect::<Vec<_>>() {
        allowed += usize::from(request.await.unwrap());
    }
    assert_eq!(allowed, 100);
    let task = bounded.task().await;
    assert_eq!((&task["accounts"][0]["spent"], &task["accounts"][0]["left"]), (&json!("10"), &json!("0")));
    assert_eq!(task["accounts"][1]["spent"], "100");
    let path = format!("/v1/tenants/default/tasks/{part}");
    let part = bounded.setup.get(&path, &bounded.setup.admin).await.json();
    assert_eq!(part.get("accounts"), None, "it has no budget of its own");
}

#[tokio::test]
async fn what_a_part_reserves_is_shown_above_and_ends_with_the_whole() {
    let bounded = Bounded::new(None).await;
    let (part, link) = bounded.part().await;
    let admin = &bounded.setup.admin;
    let body = json!({
        "actor": {"type": "agent", "id": "coder"}, "permission": "read", "delegation": link,
        "resource": {"type": "record", "id": "record-1"}, "arguments": {"amount": 4}, "reserve_ms": 60_000,
    });
    let held = bounded.setup.post("/v1/tenants/default/decide", admin, &body).await.json();
    assert_eq!(held["takes"][0], json!({"task": bounded.task, "budget": "cost", "amount": "4"}));
    let whole = bounded.task().await;
    assert_eq!((&whole["reservations"][0]["id"], &whole["reservations"][0]["task"]), (&held["id"], &json!(part)));
    assert_eq!(whole["accounts"][0]["reserved"], "4");
    let path = format!("/v1/tenants/default/tasks/{}/cancel", bounded.task);
    assert_eq!(bounded.setup.post(&path, admin, &json!({})).await.status, 200);
    assert_eq!(bounded.task().await["accounts"][0]["reserved"], "0");
    let late = bounded.settle(admin, &held["id"], "commit", json!({})).await;
    assert_eq!((late.status, late.code().as_str()), (409, "reservation_not_open"));
}

#[tokio::test]
async fn a_plan_takes_nothing() {
    let bounded = Bounded::new(None).await;
    let action = |amount: u64| {
        json!({
            "permission": "read", "resource": {"type": "record", "id": "record-1"}, "arguments": {"amount": amount},
        })
    };
    let plan = async |amounts: &[u64]| {
        let actions: Vec<_> = amounts.iter().copied().map(action).collect();
        let body = json!({"actor": {"type": "agent", "id": "coder"}, "delegation": bounded.link, "actions": actions});
        bounded.setup.post("/v1/tenants/default/decide/plan", &bounded.setup.admin, &body).await.json()
    };
    assert_eq!(plan(&[6, 4]).await["disposition"], "allow");
    assert_eq!(plan(&[6, 5]).await["disposition"], "deny", "together they are too much");
    assert_eq!(bounded.task().await["accounts"][0]["left"], "10");
}
