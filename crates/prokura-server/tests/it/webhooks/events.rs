//! What is told.

use prokura::Provenance;
use serde_json::{Value, json};

use super::{SECRET, World, fill, receiver::Receiver, service, user, webhook};
use crate::support::tenant;

/// What is told of requests for access.
#[tokio::test]
async fn every_step_of_a_request_is_told_in_order_and_signed() {
    let receiver = Receiver::new().await;
    let world = World::told(&receiver).await;
    let refused = world.ask("deploy", &["shop"], false).await;
    world.step("requests", &refused, "refuse", json!({})).await;
    let cancelled = world.ask("deploy", &["shop"], false).await;
    world.step("requests", &cancelled, "cancel", json!({})).await;
    let granted = world.ask("deploy", &["shop"], false).await;
    let granted = world.step("requests", &granted, "approve", json!({})).await;
    let ended = world.step("requests", &granted, "cancel", json!({})).await;
    let less = world.ask("deploy", &["shop"], false).await;
    let less = world.step("requests", &less, "approve", json!({"for_seconds": 60})).await;
    world.step("requests", &less, "cancel", json!({})).await;
    world.ask("wipe", &["shop"], false).await;
    let glass = world.ask("deploy", &["shop"], true).await;
    let reviewed = world.step("requests", &glass, "review", json!({"reason": "it was down"})).await;
    world.step("requests", &glass, "cancel", json!({})).await;
    let expected = [
        "access_request.made",
        "access_request.refused",
        "access_request.made",
        "access_request.cancelled",
        "access_request.made",
        "access_request.granted",
        "access_request.ended",
        "access_request.made",
        "access_request.granted_less",
        "access_request.ended",
        "access_request.refused",
        "break_glass.taken",
        "break_glass.reviewed",
        "access_request.ended",
    ];
    let came = receiver.exactly(expected.len()).await;
    assert_eq!(receiver.types(), expected);
    let mut ids: Vec<_> = came.iter().map(|came| came.id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), came.len(), "each has a name of its own");
    for came in &came {
        assert!(came.is_signed_with(SECRET) && !came.is_signed_with("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
        assert_eq!(came.header("content-type"), "application/json");
        let sent: u64 = came.header("webhook-timestamp").parse().unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert!((sent..=sent + 60).contains(&now), "{sent} at {now}");
        assert_eq!((&came.event["id"], &came.event["tenant"]), (&json!(came.id), &json!("default")));
    }
    let revisions: Vec<u64> = came.iter().map(|came| came.event["revision"].as_u64().unwrap()).collect();
    assert!(revisions.is_sorted(), "{revisions:?}");
    // What is told is what the API answers, at that moment.
    for (position, told) in [(5, &granted), (6, &ended), (11, &glass), (12, &reviewed)] {
        assert_eq!(&came[position].event["data"], told);
    }
    assert_eq!(came[11].event["at"], glass["asked_at"]);
    assert_eq!(came[11].event["data"]["reason"], json!("the shop is down"));
}

#[tokio::test]
async fn what_the_schema_grants_and_what_is_granted_in_part_is_told() {
    let receiver = Receiver::new().await;
    let world = World::told(&receiver).await;
    let edge = prokura_model::Change::touched("service:till#owner@user:olga".parse().unwrap());
    world.setup.authority.write(&tenant("default"), Provenance::new("test", ""), vec![edge]).unwrap();
    let both = world.ask("deploy", &["shop", "till"], false).await;
    world.step("requests", &both, "approve", json!({"resources": [service("till")]})).await;
    world.ask("look", &["shop"], false).await;
    receiver.exactly(3).await;
    assert_eq!(receiver.types(), ["access_request.made", "access_request.granted_less", "access_request.granted"]);
}

/// What is told of approvals, of what is used, and of what is reserved.
#[tokio::test]
async fn every_step_of_an_approval_is_told_with_its_arguments() {
    let receiver = Receiver::new().await;
    let world = World::told(&receiver).await;
    let open = json!({"origin": user("alice"), "purpose": "ship", "expires_in_seconds": 600});
    let task = world.post("/tasks", &open).await.json();
    let link = json!({
        "task": task["id"], "from": user("alice"), "to": {"type": "agent", "id": "coder"},
        "cap": {"clauses": [{"permissions": ["*"], "resources": [{"type": "service", "wildcard": true}]}]},
    });
    let link = world.post("/delegations", &link).await.json();
    let question = |version: u64| {
        json!({
            "actor": {"type": "agent", "id": "coder"}, "delegation": link["id"], "permission": "ship",
            "resource": service("shop"), "arguments": {"version": version},
        })
    };
    let with = |mut question: Value, name: &str, value: Value| {
        question[name] = value;
        question
    };
    let ask = async |version: u64| {
        let asked = world.post("/approvals", &with(question(version), "reason", json!("the fix"))).await;
        assert_eq!(asked.status, 201, "{}", asked.text);
        asked.json()
    };
    let asked = ask(1).await;
    let given = world.step("approvals", &asked, "give", json!({})).await;
    let used = world.post("/decide", &question(1)).await.json();
    assert_eq!(used["disposition"], json!("allow"));
    let refused = ask(2).await;
    world.step("approvals", &refused, "refuse", json!({})).await;
    let cancelled = ask(3).await;
    world.step("approvals", &cancelled, "cancel", json!({})).await;
    // What is only reserved is told once it is committed.
    let reserved = ask(4).await;
    world.step("approvals", &reserved, "give", json!({})).await;
    let held = world.post("/decide", &with(question(4), "reserve_ms", json!(60_000))).await.json();
    assert_eq!(held["disposition"], json!("allow"), "{held}");
    receiver.exactly(9).await;
    let settled = world.post(&format!("/reservations/{}/commit", held["id"].as_str().unwrap()), &json!({})).await;
    assert_eq!(settled.status, 200, "{}", settled.text);
    // A task that closes takes back what waits under it.
    ask(5).await;
    world.post(&format!("/tasks/{}/cancel", task["id"].as_str().unwrap()), &json!({})).await;
    let came = receiver.exactly(12).await;
    let expected = [
        "asked",
        "given",
        "used",
        "asked",
        "refused",
        "asked",
        "cancelled",
        "asked",
        "given",
        "used",
        "asked",
        "cancelled",
    ];
    assert_eq!(receiver.types(), expected.map(|word| format!("approval.{word}")));
    assert_eq!(came[0].event["data"], asked);
    assert_eq!(came[1].event["data"], given);
    let told = &came[2].event["data"];
    assert_eq!((&told["state"], &told["used_by"]), (&json!("used"), &used["id"]));
    for (position, version) in [(0, 1), (2, 1), (9, 4), (11, 5)] {
        assert_eq!(came[position].event["data"]["arguments"], json!({"version": version}), "{position}");
    }
    assert_eq!(came[9].event["data"]["used_by"], held["id"]);
}

#[tokio::test]
async fn only_what_is_meant_is_sent_and_without_details_only_its_name() {
    let [alarm, thin, everywhere] = [Receiver::new().await, Receiver::new().await, Receiver::new().await];
    let world = World::new(|folder| {
        let mut hooks = [("alarm", &alarm), ("thin", &thin), ("everywhere", &everywhere)]
            .map(|(name, receiver)| webhook(folder, name, &receiver.url));
        hooks[0].events = vec!["break_glass.*".to_owned(), "access_request.refused".to_owned()];
        hooks[1].details = false;
        hooks[2].tenants = vec!["*".to_owned()];
        hooks.into()
    })
    .await;
    world.ask("wipe", &["shop"], false).await;
    let asked = world.ask("deploy", &["shop"], false).await;
    world.ask("deploy", &["shop"], true).await;
    // A tenant that is made while it runs is told whole.
    world.setup.authority.create_tenant(&tenant("late"), Provenance::new("test", "")).unwrap();
    fill(&world.setup.authority, "late");
    let body = json!({
        "requester": user("bob"), "permission": "wipe", "resources": [service("shop")], "reason": "late",
    });
    let late = world.setup.post("/v1/tenants/late/requests", &world.setup.admin, &body).await;
    assert_eq!(late.status, 201, "{}", late.text);
    everywhere.exactly(4).await;
    assert_eq!(alarm.types(), ["access_request.refused", "break_glass.taken"]);
    let came = thin.came();
    assert_eq!(came.len(), 3, "nothing of another tenant");
    assert_eq!(came[1].event["data"], json!({"id": asked["id"], "state": "pending"}));
    // The same event has the same name, whoever is told.
    assert_eq!(alarm.came()[1].id, came[2].id);
    let of_late = everywhere.came().into_iter().find(|came| came.event["tenant"] == json!("late")).unwrap();
    assert_eq!(of_late.event["data"]["reason"], json!("late"));
    assert!(of_late.is_signed_with(SECRET));
}
