//! Limits of the door, at n and at n + 1.

use std::time::Duration;

use prokura::Provenance;
use prokura_api::grpc::v1::{self, relationship_update::Operation};
use prokura_model::{KeyRole, KeyScope};
use prokura_server::limits::{
    CHECKS_MAX, CONTEXT_NESTING_MAX, CREDENTIAL_LOOK_MAX, EXPORT_MESSAGE_BYTES_MAX, EXPORT_MESSAGE_ENTRIES_MAX,
    IDLE_MAX, IMPORTS_MAX, LOOKUP_LIMIT_MAX, UPDATES_MAX,
};
use prost::Message;
use tonic::Code;

use super::{
    calls::{set_up, touch},
    wire::{self, Caller, object, person, update},
};

#[tokio::test]
async fn limit_checks_max() {
    let (setup, _) = set_up().await;
    // Who only reads has nothing recorded, which is quicker.
    let reader = Caller::new(&setup, &setup.key(KeyRole::Auditor, KeyScope::AllTenants)).await;
    let item = v1::CheckBulkPermissionsRequestItem {
        resource: object("document", "plan"),
        permission: "viewer".to_owned(),
        subject: person("alice"),
        context: None,
    };
    let ask = async |count: usize| {
        let request = v1::CheckBulkPermissionsRequest { items: vec![item.clone(); count], ..Default::default() };
        reader.permissions().check_bulk_permissions(request).await
    };
    assert_eq!(ask(CHECKS_MAX).await.unwrap().into_inner().pairs.len(), CHECKS_MAX);
    let refused = ask(CHECKS_MAX + 1).await.unwrap_err();
    assert_eq!(wire::reason(&refused), "ERROR_REASON_TOO_MANY_CHECKS_IN_REQUEST");
}

#[tokio::test]
async fn limit_updates_max() {
    let (_setup, caller) = set_up().await;
    let write = async |count: usize| {
        let edges = (0..count).map(|number| update(Operation::Touch, &format!("document:d{number}#viewer@user:alice")));
        let request = v1::WriteRelationshipsRequest { updates: edges.collect(), ..Default::default() };
        caller.permissions().write_relationships(request).await
    };
    write(UPDATES_MAX).await.unwrap();
    let refused = write(UPDATES_MAX + 1).await.unwrap_err();
    assert_eq!(wire::reason(&refused), "ERROR_REASON_TOO_MANY_UPDATES_IN_REQUEST");
}

#[tokio::test]
async fn limit_lookup_limit_max() {
    let (_setup, caller) = set_up().await;
    let read = async |limit: usize| {
        let request = v1::ReadRelationshipsRequest {
            relationship_filter: wire::of_type("document"),
            optional_limit: limit.try_into().unwrap(),
            ..Default::default()
        };
        wire::all(caller.permissions().read_relationships(request)).await
    };
    read(LOOKUP_LIMIT_MAX).await.unwrap();
    let refused = read(LOOKUP_LIMIT_MAX + 1).await.unwrap_err();
    assert_eq!(wire::reason(&refused), "ERROR_REASON_EXCEEDS_MAXIMUM_ALLOWABLE_LIMIT");
}

#[tokio::test]
async fn limit_context_nesting_max() {
    let (_setup, caller) = set_up().await;
    let ask = async |depth: usize| {
        let request = v1::CheckPermissionRequest {
            resource: object("document", "plan"),
            permission: "view".to_owned(),
            subject: person("alice"),
            context: Some(wire::nested(depth)),
            ..Default::default()
        };
        caller.permissions().check_permission(request).await
    };
    ask(CONTEXT_NESTING_MAX).await.unwrap();
    assert_eq!(ask(CONTEXT_NESTING_MAX + 1).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn limit_export_message_entries_max() {
    let (_setup, caller) = set_up().await;
    let export = async |limit: usize| {
        let request =
            v1::ExportBulkRelationshipsRequest { optional_limit: limit.try_into().unwrap(), ..Default::default() };
        wire::all(caller.permissions().export_bulk_relationships(request)).await
    };
    export(EXPORT_MESSAGE_ENTRIES_MAX).await.unwrap();
    let refused = export(EXPORT_MESSAGE_ENTRIES_MAX + 1).await.unwrap_err();
    assert_eq!(wire::reason(&refused), "ERROR_REASON_EXCEEDS_MAXIMUM_ALLOWABLE_LIMIT");
}

#[tokio::test]
async fn limit_export_message_bytes_max() {
    let (_setup, caller) = set_up().await;
    let edges: Vec<String> =
        (0..1_000).map(|number| format!("document:{number:01000}#viewer@user:{number:01000}")).collect();
    touch(&caller, &edges.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let request = v1::ExportBulkRelationshipsRequest { optional_limit: 10_000, ..Default::default() };
    let messages = wire::all(caller.permissions().export_bulk_relationships(request)).await.unwrap();
    assert_eq!(messages.iter().map(|message| message.relationships.len()).sum::<usize>(), 1_000);
    let size = |edges: &[v1::Relationship]| edges.iter().map(Message::encoded_len).sum::<usize>();
    let (last, before) = messages[0].relationships.split_last().unwrap();
    assert!(size(before) < EXPORT_MESSAGE_BYTES_MAX);
    assert!(size(before) + last.encoded_len() >= EXPORT_MESSAGE_BYTES_MAX);
}

#[tokio::test]
async fn limit_imports_max() {
    let (_setup, caller) = set_up().await;
    let (mut loading, mut going_on) = (tokio::task::JoinSet::new(), Vec::new());
    for _ in 0..=IMPORTS_MAX {
        let mut client = caller.permissions();
        let (send, messages) = tokio::sync::mpsc::channel::<v1::ImportBulkRelationshipsRequest>(1);
        going_on.push(send);
        let messages = tokio_stream::wrappers::ReceiverStream::new(messages);
        loading.spawn(async move { client.import_bulk_relationships(messages).await });
    }
    // One is too many, whichever comes last.
    let refused = tokio::time::timeout(Duration::from_secs(10), loading.join_next()).await.unwrap();
    assert_eq!(refused.unwrap().unwrap().unwrap_err().code(), Code::ResourceExhausted);
    assert_eq!(loading.len(), IMPORTS_MAX);
    going_on.clear();
    while let Some(done) = loading.join_next().await {
        done.unwrap().unwrap();
    }
    let nothing = tokio_stream::empty::<v1::ImportBulkRelationshipsRequest>();
    caller.permissions().import_bulk_relationships(nothing).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn limit_credential_look_max() {
    let (setup, _) = set_up().await;
    let made = setup
        .authority
        .create_key("watcher", KeyRole::Auditor, KeyScope::AllTenants, Provenance::new("test", ""))
        .unwrap();
    let watcher = Caller::new(&setup, made.secret.reveal()).await;
    let mut watched = watcher.watch().watch(v1::WatchRequest::default()).await.unwrap().into_inner();
    // It is good, and goes on for longer than a connection is kept with nothing going on.
    let quiet = tokio::time::timeout(3 * IDLE_MAX, watched.message()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    let revoked = tokio::time::Instant::now();
    setup.authority.revoke_key(&made.key.id, Provenance::new("test", "")).unwrap();
    assert_eq!(watched.message().await.unwrap_err().code(), Code::PermissionDenied);
    assert!(revoked.elapsed() <= CREDENTIAL_LOOK_MAX + Duration::from_secs(1), "{:?}", revoked.elapsed());
}
