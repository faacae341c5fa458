//! Where it goes on after a restart.

use std::{path::Path, time::Duration};

use prokura::{Authority, Options};
use prokura_server::{Config, Server, Webhook, serve};
use serde_json::json;
use tempfile::TempDir;

use super::{
    World, fill,
    receiver::{Answering, Receiver},
    webhook,
};
use crate::support::{Setup, client};

fn config(data: &Path, webhooks: Vec<Webhook>) -> Config {
    Config { webhooks, webhook_folder: Some(data.to_owned()), ..Config::default() }
}

/// Over the data in this folder; the first time it is filled.
async fn world(data: &Path, admin: Option<&str>, webhooks: Vec<Webhook>) -> World {
    let authority = Authority::open(data, Options::default()).unwrap();
    let config = config(data, webhooks);
    let setup = match admin {
        Some(admin) => Setup::over_known(authority, config, admin.to_owned()).await,
        None => Setup::over(authority, config).await,
    };
    if admin.is_none() {
        fill(&setup.authority, "default");
    }
    World { setup }
}

/// Ends without any order, as far as a process can do that to itself.
async fn crash(world: World) {
    let World { setup: Setup { server, authority, .. } } = world;
    drop::<Server>(server);
    tokio::time::sleep(Duration::from_millis(100)).await;
    tokio::task::spawn_blocking(move || authority.close()).await.unwrap();
}

/// Ends in good order.
async fn stop(world: World) {
    let World { setup: Setup { server, authority, .. } } = world;
    server.shutdown().await;
    drop(authority);
}

#[tokio::test]
async fn a_restart_neither_loses_nor_repeats_nor_reorders() {
    let (receiver, data) = (Receiver::new().await, TempDir::new().unwrap());
    let hooks = || vec![webhook(data.path(), "ops", &receiver.url)];
    let first = world(data.path(), None, hooks()).await;
    let admin = first.setup.admin.clone();
    first.ask("wipe", &["shop"], false).await;
    receiver.exactly(1).await;
    // Taken, and the place kept. Then nobody answers, and it ends with two that wait.
    tokio::time::sleep(Duration::from_millis(500)).await;
    receiver.always(Answering::Status(500));
    let second = first.ask("deploy", &["shop"], false).await;
    first.step("requests", &second, "refuse", json!({})).await;
    receiver.wait_for(2).await;
    crash(first).await;
    receiver.always(Answering::Status(204));
    let tried = receiver.came().len();
    let again = world(data.path(), Some(&admin), hooks()).await;
    let came = receiver.exactly(tried + 2).await;
    let kinds: Vec<String> = came[tried..].iter().map(super::receiver::Came::kind).collect();
    assert_eq!(kinds, ["access_request.made", "access_request.refused"]);
    assert_eq!(came[tried].id, came[1].id, "the same event, the same name");
    // In good order, nothing is sent again.
    stop(again).await;
    let third = world(data.path(), Some(&admin), hooks()).await;
    third.ask("wipe", &["shop"], false).await;
    receiver.exactly(tried + 3).await;
}

#[tokio::test]
async fn a_new_webhook_is_not_told_the_past() {
    let (old, new, data) = (Receiver::new().await, Receiver::new().await, TempDir::new().unwrap());
    let first = world(data.path(), None, vec![webhook(data.path(), "old", &old.url)]).await;
    let admin = first.setup.admin.clone();
    first.ask("wipe", &["shop"], false).await;
    old.exactly(1).await;
    stop(first).await;
    let both = vec![webhook(data.path(), "old", &old.url), webhook(data.path(), "new", &new.url)];
    let second = world(data.path(), Some(&admin), both).await;
    second.ask("deploy", &["shop"], false).await;
    new.exactly(1).await;
    assert_eq!((old.types().len(), new.types()), (2, vec!["access_request.made".to_owned()]));
}

#[tokio::test]
async fn places_that_cannot_be_read_are_not_guessed() {
    let (receiver, data) = (Receiver::new().await, TempDir::new().unwrap());
    std::fs::write(data.path().join("webhooks.places"), "damaged").unwrap();
    let start = async |webhooks: Vec<Webhook>| {
        let authority = Authority::in_memory(Options::default());
        let config = Config { listen: "127.0.0.1:0".to_owned(), ..config(data.path(), webhooks) };
        serve(config, authority).await
    };
    let error = start(vec![webhook(data.path(), "ops", &receiver.url)]).await.unwrap_err();
    let told = error.to_string();
    assert_eq!(error.code(), "webhooks_invalid");
    assert!(told.contains("webhooks.places` says how far webhooks are, and cannot be read"), "{told}");
    // It is nobody's business who has none.
    let server = start(Vec::new()).await.unwrap();
    assert_eq!(client().get(format!("{}/healthz", server.url())).send().await.unwrap().status().as_u16(), 200);
}
