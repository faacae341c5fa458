//! The gRPC door: who may call what, what every tool expects, and what is told of it.

mod calls;
pub(crate) mod door;
mod limits;
mod scenarios;
mod sentences;
mod wire;

use std::fmt::Write as _;

use prokura::Provenance;
use prokura_api::grpc::{DESCRIPTORS, v1};
use prokura_model::{KeyRole, KeyScope, TenantName};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::support::{Setup, tenant};
use wire::{Caller, object, person};

/// Every method of the protocol, as a path.
fn methods() -> Vec<String> {
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let mut paths = Vec::new();
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                paths.push(format!("/{}.{}/{}", file.package(), service.name(), method.name()));
            }
        }
    }
    paths.sort_unstable();
    paths
}

#[tokio::test]
async fn every_method_lets_in_whom_it_should() {
    let setup = Setup::filled().await;
    setup.authority.create_tenant(&tenant("other"), Provenance::new("test", "")).unwrap();
    let other = KeyScope::Tenant(TenantName::new("other").unwrap());
    let callers = [
        ("none", String::new()),
        ("wrong", "pk_garbage".to_owned()),
        ("auditor", setup.key(KeyRole::Auditor, KeyScope::AllTenants)),
        ("point", setup.enforcement_point(&["*"])),
        ("other", setup.key(KeyRole::Admin, other)),
        ("admin", setup.admin.clone()),
    ];
    let mut table = String::new();
    for method in methods() {
        writeln!(table, "{method}").unwrap();
        for (name, key) in &callers {
            let tenant = if *name == "other" { Some("default") } else { None };
            writeln!(table, "  {name:<8} {}", wire::empty_call(&setup, &method, key, tenant).await).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn a_key_for_one_tenant_needs_not_name_it() {
    let setup = Setup::filled().await;
    setup.authority.create_tenant(&tenant("other"), Provenance::new("test", "")).unwrap();
    let other = setup.key(KeyRole::Admin, KeyScope::Tenant(TenantName::new("other").unwrap()));
    let asked = || v1::CheckPermissionRequest {
        resource: object("record", "record-1"),
        permission: "write".to_owned(),
        subject: person("alice"),
        ..Default::default()
    };
    let mut own = Caller::new(&setup, &other).await.permissions();
    let refused = own.check_permission(asked()).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    let mut named = Caller::new(&setup, &setup.admin).await.about("default").permissions();
    let answer = named.check_permission(asked()).await.unwrap().into_inner();
    assert_eq!(answer.permissionship(), v1::check_permission_response::Permissionship::HasPermission);
    for (name, code) in [("nowhere", Code::NotFound), ("No Name", Code::NotFound)] {
        let mut caller = Caller::new(&setup, &setup.admin).await.about(name).permissions();
        assert_eq!(caller.check_permission(asked()).await.unwrap_err().code(), code, "{name}");
    }
}

#[tokio::test]
async fn ids_and_names_are_those_of_the_protocol() {
    let setup = Setup::filled().await;
    let mut caller = Caller::new(&setup, &setup.admin).await.permissions();
    let good = || v1::CheckPermissionRequest {
        resource: object("record", "record-1"),
        permission: "write".to_owned(),
        subject: person("alice"),
        ..Default::default()
    };
    let longest = "a".repeat(1_024);
    let ask = |change: &dyn Fn(&mut v1::CheckPermissionRequest)| {
        let mut question = good();
        change(&mut question);
        question
    };
    for (question, path) in [
        (ask(&|question| question.resource = None), "resource"),
        (ask(&|question| question.resource = object("Record", "record-1")), "resource.object_type"),
        (ask(&|question| question.resource = object("re", "record-1")), "resource.object_type"),
        (ask(&|question| question.resource = object("record", "")), "resource.object_id"),
        (ask(&|question| question.resource = object("record", "*")), "resource.object_id"),
        (ask(&|question| question.resource = object("record", "a b")), "resource.object_id"),
        (ask(&|question| question.resource = object("record", "a@example.com")), "resource.object_id"),
        (ask(&|question| question.resource = object("record", &format!("{longest}a"))), "resource.object_id"),
        (ask(&|question| question.permission = "*".to_owned()), "permission"),
        (ask(&|question| question.permission = String::new()), "permission"),
        (ask(&|question| question.subject = None), "subject"),
        (ask(&|question| question.subject = Some(v1::SubjectReference::default())), "subject.object"),
        (ask(&|question| question.subject = person("")), "subject.object.object_id"),
        (
            ask(&|question| question.subject.as_mut().unwrap().optional_relation = "X".to_owned()),
            "subject.optional_relation",
        ),
        (ask(&|question| question.subject = person("*")), "subject"),
        (ask(&|question| question.context = Some(wire::nested(31))), "context"),
    ] {
        let refused = caller.check_permission(question).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{path}: {refused:?}");
        assert!(refused.message().contains(path), "{path}: {refused:?}");
    }
    for question in [
        ask(&|question| question.resource = object("record", &longest)),
        ask(&|question| question.resource = object("record", "aZ0/_|-=+")),
        ask(&|question| question.context = Some(wire::nested(30))),
    ] {
        caller.check_permission(question).await.unwrap();
    }
    for (question, reason) in [
        (ask(&|question| question.resource = object("folder", "one")), "ERROR_REASON_UNKNOWN_DEFINITION"),
        (ask(&|question| question.permission = "fly".to_owned()), "ERROR_REASON_UNKNOWN_RELATION_OR_PERMISSION"),
        (ask(&|question| question.subject = person("*")), "ERROR_REASON_WILDCARD_NOT_ALLOWED"),
    ] {
        let refused = caller.check_permission(question).await.unwrap_err();
        assert_eq!(wire::reason(&refused), reason, "{refused:?}");
    }
}

#[tokio::test]
async fn health_is_told_to_whoever_asks() {
    let setup = Setup::empty().await;
    let mut client = HealthClient::new(wire::channel(&setup).await);
    for service in ["", "authzed.api.v1.PermissionsService", "authzed.api.v1.WatchService"] {
        let asked = HealthCheckRequest { service: service.to_owned() };
        let answer = client.check(asked.clone()).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
        let first = client.watch(asked).await.unwrap().into_inner().message().await.unwrap().unwrap();
        assert_eq!(first.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = client.check(HealthCheckRequest { service: "made.up.Service".to_owned() }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test]
async fn a_watcher_of_the_health_is_told_of_the_end() {
    let setup = Setup::empty().await;
    let mut client = HealthClient::new(wire::channel(&setup).await);
    let mut watched = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let stopped = tokio::spawn(setup.server.shutdown());
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert!(watched.message().await.unwrap().is_none());
    assert_eq!(stopped.await.unwrap().cut_off, 0);
}

#[tokio::test]
async fn limit_health_watchers_max() {
    let setup = Setup::empty().await;
    let mut watched = Vec::new();
    // A connection carries fewer calls than that.
    let channels = [wire::channel(&setup).await, wire::channel(&setup).await];
    for number in 0..prokura_server::limits::HEALTH_WATCHERS_MAX {
        let mut client = HealthClient::new(channels[number % 2].clone());
        watched.push(client.watch(HealthCheckRequest::default()).await.unwrap());
    }
    let mut client = HealthClient::new(channels[0].clone());
    let refused = client.watch(HealthCheckRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    drop(watched);
    let again = async { while client.watch(HealthCheckRequest::default()).await.is_err() {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), again).await.unwrap();
}

#[tokio::test]
async fn reflection_lists_the_services_and_describes_them() {
    let setup = Setup::empty().await;
    let mut client = ServerReflectionClient::new(wire::channel(&setup).await);
    let mut ask = async |asked: MessageRequest| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(asked) };
        let mut answers = client.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
        answers.message().await.unwrap().unwrap().message_response.unwrap()
    };
    let MessageResponse::ListServicesResponse(listed) = ask(MessageRequest::ListServices(String::new())).await else {
        panic!("not a list");
    };
    let mut names: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "authzed.api.v1.ExperimentalService",
            "authzed.api.v1.PermissionsService",
            "authzed.api.v1.SchemaService",
            "authzed.api.v1.WatchService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ]
    );
    let symbol = MessageRequest::FileContainingSymbol("authzed.api.v1.CheckPermissionRequest".to_owned());
    let MessageResponse::FileDescriptorResponse(found) = ask(symbol).await else { panic!("not a file") };
    assert!(!found.file_descriptor_proto.is_empty());
}

#[tokio::test]
async fn what_there_is_not_is_unimplemented() {
    let setup = Setup::empty().await;
    for path in [
        "/authzed.api.v1.PermissionsService/MakeCoffee",
        "/authzed.api.v1.ExperimentalService/ExperimentalCountRelationships",
        "/made.up.Service/Call",
    ] {
        assert_eq!(wire::empty_call(&setup, path, &setup.admin, None).await, "UNIMPLEMENTED", "{path}");
    }
    // A call over HTTP/1.1 that is not gRPC-web cannot be answered.
    let path = "/authzed.api.v1.PermissionsService/CheckPermission";
    let request = setup.http.post(setup.url(path)).header("content-type", "application/grpc").body(vec![0; 5]);
    assert_eq!(setup.send(request).await.status, 400);
}

#[tokio::test]
async fn grpc_web_works_over_http_1() {
    let setup = Setup::filled().await;
    let question = v1::CheckPermissionRequest {
        resource: object("record", "record-1"),
        permission: "write".to_owned(),
        subject: person("alice"),
        ..Default::default()
    };
    let path = "/authzed.api.v1.PermissionsService/CheckPermission";
    let (code, messages) = wire::web_call(&setup, path, &setup.admin, None, &question).await;
    assert_eq!(code, "OK");
    let answer = v1::CheckPermissionResponse::decode(messages[0].as_slice()).unwrap();
    assert_eq!(answer.permissionship(), v1::check_permission_response::Permissionship::HasPermission);
}

#[tokio::test]
async fn calls_are_counted_by_method_and_code() {
    let setup = Setup::filled().await;
    let mut caller = Caller::new(&setup, &setup.admin).await.permissions();
    let question = v1::CheckPermissionRequest {
        resource: object("record", "record-1"),
        permission: "write".to_owned(),
        subject: person("alice"),
        ..Default::default()
    };
    for _ in 0..3 {
        caller.check_permission(question.clone()).await.unwrap();
    }
    caller.check_permission(v1::CheckPermissionRequest::default()).await.unwrap_err();
    wire::empty_call(&setup, "/made.up.Service/Call", &setup.admin, None).await;
    let page = setup.get("/metrics", &setup.admin).await.text;
    let method = "authzed.api.v1.PermissionsService/CheckPermission";
    for line in [
        format!("prokura_grpc_calls_total{{method=\"{method}\",code=\"OK\"}} 3"),
        format!("prokura_grpc_calls_total{{method=\"{method}\",code=\"INVALID_ARGUMENT\"}} 1"),
        format!("prokura_grpc_call_duration_seconds_count{{method=\"{method}\"}} 4"),
    ] {
        assert!(page.contains(&line), "{line} is missing from\n{page}");
    }
    for made_up in ["made.up", "alice", "record-1"] {
        assert!(!page.contains(made_up), "{made_up} in\n{page}");
    }
}
