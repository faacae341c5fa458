//! How it is told: again and again, in order, and at nobody's cost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use prokura::{Authority, Clock, Options, Provenance};
use prokura_model::Timestamp;
use prokura_server::limits::{WEBHOOK_EVENT_AGE_MAX, WEBHOOK_SENDING_MAX};
use serde_json::{Value, json};

use super::{
    SECRET, World, fill,
    receiver::{Answering, Receiver},
    service, user, webhook,
};
use crate::{support::tenant, telemetry::Kept};

#[tokio::test]
async fn what_is_not_taken_is_sent_again_under_the_same_name_and_in_order() {
    let (receiver, elsewhere) = (Receiver::new().await, Receiver::new().await);
    let world = World::told(&receiver).await;
    receiver.answers([Answering::Status(500), Answering::Redirect(elsewhere.url.clone()), Answering::Not]);
    let first = world.ask("wipe", &["shop"], false).await;
    let second = world.ask("deploy", &["shop"], false).await;
    let came = receiver.exactly(5).await;
    let ids: Vec<_> = came.iter().map(|came| came.id.as_str()).collect();
    assert!(ids[..4].iter().all(|id| *id == ids[0]) && ids[4] != ids[0], "{ids:?}");
    for (position, about) in [(0, &first), (3, &first), (4, &second)] {
        assert_eq!(came[position].event["data"]["id"], about["id"]);
        assert!(came[position].is_signed_with(SECRET));
    }
    assert!(elsewhere.came().is_empty(), "redirects are not followed");
    let metrics = world.metrics().await;
    for line in [
        "prokura_webhook_events_total{webhook=\"ops\",outcome=\"delivered\"} 2",
        "prokura_webhook_events_total{webhook=\"ops\",outcome=\"failed\"} 3",
        "prokura_webhook_behind{webhook=\"ops\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} is missing from\n{metrics}");
    }
    let listed = world.list().await;
    assert_eq!((&listed[0]["behind"], &listed[0]["failing"]), (&json!(0), &Value::Null));
    assert!(listed[0]["delivered_at"].is_string(), "{listed:?}");
}

/// Closing a task takes back all that waits under it, in one transaction.
#[tokio::test]
async fn what_one_transaction_tells_goes_on_where_it_was() {
    let receiver = Receiver::new().await;
    let world = World::new(|folder| {
        let mut hook = webhook(folder, "ops", &receiver.url);
        hook.events = vec!["access_request.cancelled".to_owned()];
        vec![hook]
    })
    .await;
    let open = json!({"origin": user("bob"), "purpose": "ship", "expires_in_seconds": 600});
    let task = world.post("/tasks", &open).await.json();
    for number in 0..3 {
        let body = json!({
            "requester": user("bob"), "permission": "deploy", "resources": [service(&format!("s{number}"))],
            "reason": "many", "task": task["id"],
        });
        let asked = world.post("/requests", &body).await;
        assert_eq!(asked.status, 201, "{}", asked.text);
    }
    receiver.answers([Answering::Status(204), Answering::Status(500)]);
    world.post(&format!("/tasks/{}/cancel", task["id"].as_str().unwrap()), &json!({})).await;
    let came = receiver.exactly(4).await;
    assert!(came.iter().all(|other| other.event["revision"] == came[0].event["revision"]));
    let [first, failed, second, third] = [0, 1, 2, 3].map(|place: usize| came[place].id.as_str());
    assert!(failed == second && first != second && third != second && first != third, "{came:?}");
}

#[tokio::test]
async fn a_receiver_that_comes_late_is_told_everything() {
    let gone = Receiver::new().await;
    let (url, address) = (gone.url.clone(), gone.address);
    drop(gone);
    let world = World::new(|folder| vec![webhook(folder, "ops", &url)]).await;
    world.ask("wipe", &["shop"], false).await;
    world.ask("deploy", &["shop"], false).await;
    let listed = world.until(|listed| listed[0]["failing"].is_object()).await;
    let error = listed[0]["failing"]["error"].as_str().unwrap();
    assert!(error.starts_with("no connection: "), "{error}");
    assert!(listed[0]["behind"].as_u64().unwrap() >= 2, "{listed:?}");
    let receiver = Receiver::at(address).await;
    receiver.exactly(2).await;
    assert_eq!(receiver.types(), ["access_request.refused", "access_request.made"]);
}

#[tokio::test]
async fn one_that_is_gone_or_silent_stops_nobody() {
    let [gone, silent, well] = [Receiver::new().await, Receiver::new().await, Receiver::new().await];
    gone.always(Answering::Status(410));
    silent.always(Answering::Not);
    let world = World::new(|folder| {
        [("gone", &gone), ("silent", &silent), ("well", &well)]
            .map(|(name, receiver)| {
                let mut hook = webhook(folder, name, &receiver.url);
                hook.timeout_seconds = 30;
                hook
            })
            .into()
    })
    .await;
    let began = Instant::now();
    world.ask("deploy", &["shop"], true).await;
    let question = json!({"actor": user("alice"), "permission": "deploy", "resource": service("shop")});
    for number in 0..50 {
        assert_eq!(world.post("/decide", &question).await.json()["disposition"], json!("allow"));
        let edge = prokura_model::Change::touched(format!("service:s{number}#owner@user:olga").parse().unwrap());
        world.setup.authority.write(&tenant("default"), Provenance::new("test", ""), vec![edge]).unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    well.exactly(1).await;
    assert_eq!(well.types(), ["break_glass.taken"]);
    let listed = world.until(|listed| listed[0]["failing"].is_object()).await;
    assert_eq!(listed[0]["failing"]["error"], json!("status 410"));
    assert_eq!(gone.came().len(), 1, "it is not asked again soon");
    let stopping = Instant::now();
    world.setup.server.shutdown().await;
    assert!(stopping.elapsed() < Duration::from_secs(5), "nobody waits for it at the end either");
}

#[tokio::test]
async fn limit_webhook_sending_max() {
    let receiver = Receiver::new().await;
    receiver.always(Answering::Not);
    let authority = Authority::in_memory(Options::default());
    let names: Vec<String> = (0..=WEBHOOK_SENDING_MAX).map(|number| format!("t{number}")).collect();
    let world = World::over(authority, |folder| {
        let mut hook = webhook(folder, "ops", &receiver.url);
        (hook.tenants, hook.timeout_seconds) = (vec!["*".to_owned()], 30);
        vec![hook]
    })
    .await;
    let body = json!({
        "requester": user("bob"), "permission": "wipe", "resources": [service("shop")], "reason": "many",
    });
    for name in &names {
        world.setup.authority.create_tenant(&tenant(name), Provenance::new("test", "")).unwrap();
        fill(&world.setup.authority, name);
        let asked = world.setup.post(&format!("/v1/tenants/{name}/requests"), &world.setup.admin, &body).await;
        assert_eq!(asked.status, 201, "{}", asked.text);
    }
    receiver.wait_for(WEBHOOK_SENDING_MAX).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(receiver.came().len(), WEBHOOK_SENDING_MAX, "the one more waits its turn");
}

#[tokio::test]
async fn limit_webhook_event_age_max() {
    const BEGAN: u64 = 1_800_000_000_000;
    let receiver = Receiver::new().await;
    receiver.always(Answering::Status(503));
    let clock = Arc::new(AtomicU64::new(BEGAN));
    let read = Arc::clone(&clock);
    let options = Options { clock: Clock::new(move || Timestamp(read.load(Ordering::SeqCst))), ..Options::default() };
    let hook = |folder: &std::path::Path| vec![webhook(folder, "ops", &receiver.url)];
    let world = World::over(Authority::in_memory(options), hook).await;
    let most = u64::try_from(WEBHOOK_EVENT_AGE_MAX.as_millis()).unwrap();
    world.ask("wipe", &["shop"], false).await;
    receiver.wait_for(1).await;
    clock.store(BEGAN + most, Ordering::SeqCst);
    let before = receiver.came().len();
    let came = receiver.wait_for(before + 1).await;
    assert!(came.iter().all(|other| other.id == came[0].id), "not older than that, it is kept");
    assert!(!world.metrics().await.contains("passed_over"));
    clock.store(BEGAN + most + 1, Ordering::SeqCst);
    world.ask("deploy", &["shop"], false).await;
    let came = loop {
        let came = receiver.came();
        if came.last().unwrap().id != came[0].id {
            break came;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(came.last().unwrap().kind(), "access_request.made", "what came after it is tried");
    let metrics = world.metrics().await;
    assert!(metrics.contains("prokura_webhook_events_total{webhook=\"ops\",outcome=\"passed_over\"} 1"), "{metrics}");
}

#[tokio::test]
async fn neither_secret_nor_address_is_told_anywhere() {
    let kept = Kept::default();
    let _default = tracing::subscriber::set_default(kept.clone());
    let receiver = Receiver::new().await;
    receiver.answers([Answering::Status(500)]);
    let (url, address) = (receiver.url.clone(), receiver.address);
    let world = World::told(&receiver).await;
    world.ask("wipe", &["shop"], false).await;
    receiver.wait_for(2).await;
    drop(receiver);
    let admin = world.setup.admin.clone();
    let ping = world.setup.post("/v1/webhooks/ops/ping", &admin, &json!({})).await;
    assert_eq!((ping.status, &ping.json()["delivered"]), (200, &json!(false)));
    let listed = world.setup.get("/v1/webhooks", &admin).await.text;
    assert!(listed.contains(&format!("\"to\":\"http://{address}\"")), "{listed}");
    let told = [kept.text(), ping.text, listed, world.metrics().await].join("\n");
    assert!(
        told.contains("not delivered; it will be tried again") && told.contains("access_request.refused"),
        "{told}"
    );
    for secret in
        [SECRET, SECRET.strip_prefix("whsec_").unwrap(), &url, "hidden-path", "hidden-query", "the shop is down"]
    {
        assert!(!told.contains(secret), "{secret} in\n{told}");
    }
}

#[tokio::test]
async fn every_secret_signs_while_one_takes_the_place_of_another() {
    const NEXT: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let receiver = Receiver::new().await;
    let world = World::new(|folder| {
        let hook = webhook(folder, "ops", &receiver.url);
        std::fs::write(hook.secret_file.as_ref().unwrap(), format!("{NEXT}\n{SECRET}\n")).unwrap();
        vec![hook]
    })
    .await;
    world.ask("wipe", &["shop"], false).await;
    let came = receiver.exactly(1).await;
    assert!(came[0].is_signed_with(SECRET) && came[0].is_signed_with(NEXT));
    assert_eq!(came[0].header("webhook-signature").split(' ').count(), 2);
}

#[tokio::test]
async fn a_ping_says_whether_somebody_is_there() {
    let receiver = Receiver::new().await;
    let world = World::told(&receiver).await;
    let admin = world.setup.admin.clone();
    let ping = async |name: &str| world.setup.post(&format!("/v1/webhooks/{name}/ping"), &admin, &json!({})).await;
    let sent = ping("ops").await;
    assert_eq!((sent.status, &sent.json()["delivered"]), (200, &json!(true)), "{}", sent.text);
    let came = receiver.exactly(1).await;
    assert_eq!((came[0].kind().as_str(), came[0].is_signed_with(SECRET)), ("ping", true));
    assert_eq!((&came[0].event["id"], &came[0].event["tenant"]), (&sent.json()["id"], &Value::Null));
    receiver.answers([Answering::Status(401)]);
    let sent = ping("ops").await.json();
    assert_eq!((&sent["delivered"], &sent["error"]), (&json!(false), &json!("status 401")));
    let listed = world.list().await;
    assert_eq!((listed.len(), &listed[0]["failing"]), (1, &Value::Null), "a ping is no event");
    let unknown = ping("opps").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "webhook_unknown"));
}
