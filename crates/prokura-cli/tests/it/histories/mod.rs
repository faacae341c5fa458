//! Histories: many clients write, revoke and decide over real connections while the server is killed, started again and
//! held up, its clock steps and its disk is slow. Everything they were told must be explained by one order of events, and
//! no decision allows after a revoke was acknowledged ([`prokura_testkit::history`]).
//!
//! `PROKURA_HISTORY_SEEDS=20` plays that many seeds instead of one. Choices follow the seed; threads follow nobody.

mod clients;
mod disk;
mod here;
mod taking;
mod world;

use std::{thread, time::Duration};

use prokura_api::{CheckRequest, Consistency, Permissionship, WriteRelationships};
use prokura_testkit::{
    Rng,
    history::{Action, Event, check},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use self::{
    clients::{Clients, Load},
    here::Here,
    world::{Register, edge, load_world, object, subject},
};
use crate::support::Server;

const ROUNDS: usize = 3;

fn seeds() -> std::ops::RangeInclusive<u64> {
    let given = std::env::var("PROKURA_HISTORY_SEEDS").ok();
    1..=given.map_or(1, |text| text.parse().expect("PROKURA_HISTORY_SEEDS is a number"))
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads")
}

fn pause(rng: &mut Rng, least: usize, most: usize) {
    thread::sleep(Duration::from_millis(rng.between(least, most) as u64));
}

/// Holds what was seen to the promise, and to there having been something to see.
fn judge(seed: u64, events: &[Event], revokes: usize) {
    let count = |action| events.iter().filter(|event| event.action == action && event.completed.is_some()).count();
    let unknown = events.iter().filter(|event| event.completed.is_none()).count();
    let [granted, revoked, allowed, denied] =
        [Action::Grant, Action::Revoke, Action::Allowed, Action::Denied].map(count);
    println!(
        "seed {seed}: {granted} granted, {revoked} revoked, {unknown} unknown; {allowed} allowed, {denied} denied"
    );
    assert!(revoked >= revokes && allowed >= 20 && denied >= 20, "seed {seed}: there was no load");
    if let Err(wrong) = check(events) {
        panic!("seed {seed}: {wrong}");
    }
}

#[test]
fn no_allow_after_a_revoke_while_the_server_is_killed_and_held_up() {
    let runtime = runtime();
    for seed in seeds() {
        let data = TempDir::new().expect("a folder");
        let mut rng = Rng::new(seed);
        let mut server = Server::on(data.path());
        let world = load_world(&server.url);
        let load = Load::start(&runtime, server.client(), world, seed);
        for _ in 0..ROUNDS {
            pause(&mut rng, 300, 600);
            server.signal("STOP");
            pause(&mut rng, 50, 200);
            server.signal("CONT");
            pause(&mut rng, 100, 400);
            server.kill();
            drop(server);
            server = Server::on(data.path());
            load.point_to(server.client());
        }
        pause(&mut rng, 300, 300);
        let events = runtime.block_on(load.end());
        judge(seed, &events, ROUNDS);
    }
}

#[test]
fn no_allow_after_a_revoke_while_clocks_step_and_the_disk_is_slow() {
    let runtime = runtime();
    for seed in seeds() {
        let mut rng = Rng::new(seed);
        let mut server = Here::start(&runtime);
        let world = load_world(server.url());
        let load = Load::start(&runtime, server.client(), world, seed);
        let mut furthest = 0;
        for _ in 0..ROUNDS {
            for _ in 0..4 {
                server.disk.slow_down(rng.below(25) as u64);
                // From an hour back to well beyond where it ever was.
                let minutes = rng.between(0, 60 + furthest + 90) as i64 - 60;
                furthest = furthest.max(usize::try_from(minutes).unwrap_or(0));
                load.time_passes(minutes);
                server.set_clock(minutes);
                pause(&mut rng, 100, 300);
            }
            // Its clock is back where it began when it starts again.
            server.set_clock(0);
            server = server.restart(&runtime);
            load.point_to(server.client());
        }
        server.disk.slow_down(0);
        pause(&mut rng, 300, 300);
        let events = runtime.block_on(load.end());
        let over =
            events.iter().filter(|event| event.register.starts_with("lapsing") && event.action == Action::Denied);
        assert!(over.count() > 0, "seed {seed}: no link was over when it was asked about");
        judge(seed, &events, ROUNDS);
        server.stop(&runtime);
    }
}

fn event(register: &Register, action: Action, invoked: u64, completed: u64, revision: Option<u64>) -> Event {
    Event { register: register.name.clone(), action, invoked, completed: Some(completed), revision }
}

/// The judge would notice a server that answers from an old state: here is one, because it was asked to.
#[test]
fn answers_from_an_old_state_are_noticed() {
    let runtime = runtime();
    let server = Here::start(&runtime);
    let world = load_world(server.url());
    let client = server.client();
    let register = &world.fixed[0];
    let changes = |touch, delete| WriteRelationships { touch, delete, ..WriteRelationships::default() };
    let (granted, revoked, stale, live) = runtime.block_on(async {
        let granted = client.write_relationships(&changes(vec![edge(0)], vec![])).await.expect("written");
        let revoked = client.write_relationships(&changes(vec![], vec![edge(0)])).await.expect("written");
        let check = |consistency| CheckRequest {
            resource: object("document", "e0"),
            permission: "edit".to_owned(),
            subject: subject("user", "alice"),
            context: serde_json::Map::new(),
            consistency: Some(consistency),
        };
        let old = Consistency::Exactly(granted.token.clone().expect("a token"));
        let stale = client.check(&check(old)).await.expect("an answer");
        let live = client.check(&check(Consistency::Latest)).await.expect("an answer");
        (granted, revoked, stale, live)
    });
    assert_eq!(stale.permissionship, Permissionship::HasPermission);
    assert_eq!(live.permissionship, Permissionship::NoPermission);
    let history = |last| {
        [
            event(register, Action::Grant, 0, 1, Some(granted.revision)),
            event(register, Action::Revoke, 2, 3, Some(revoked.revision)),
            last,
        ]
    };
    check(&history(event(register, Action::Denied, 4, 5, Some(live.revision)))).expect("that was live");
    let wrong =
        check(&history(event(register, Action::Allowed, 4, 5, Some(stale.revision)))).expect_err("that was not");
    assert!(wrong.contains("revisions do not grow"), "{wrong}");
    let wrong = check(&history(event(register, Action::Allowed, 4, 5, None))).expect_err("that was not");
    assert!(wrong.contains("allowed after an acknowledged revoke"), "{wrong}");
    server.stop(&runtime);
}

/// Nor does it take an acknowledgement that came before the write was durable and seen.
#[test]
fn an_acknowledgement_that_comes_too_early_is_noticed() {
    let runtime = runtime();
    let server = Here::start(&runtime);
    let world = load_world(server.url());
    let clients = Clients::of(server.client(), world);
    let register = clients.fixed(0);
    let history = runtime.block_on(async {
        let granted = clients.write(&register, Action::Grant).await.expect("granted");
        server.disk.hold(true);
        let sent = clients.now();
        let revoking = tokio::spawn({
            let (clients, register) = (clients.clone(), register.clone());
            async move { clients.write(&register, Action::Revoke).await }
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        let allowed = clients.decide(&register).await.expect("decided");
        assert_eq!(allowed.action, Action::Allowed, "what is not durable is not seen");
        server.disk.hold(false);
        let revoked = revoking.await.expect("no panic").expect("revoked");
        let after = clients.decide(&register).await.expect("decided");
        assert_eq!(after.action, Action::Denied);
        check(&[granted.clone(), allowed.clone(), revoked.clone(), after]).expect("this is how it was");
        [granted, allowed, Event { completed: Some(sent), revision: None, ..revoked }]
    });
    let wrong = check(&history).expect_err("it was not seen when that says it was");
    assert!(wrong.contains("acknowledged revoke"), "{wrong}");
    server.stop(&runtime);
}
