//! What the calls do, through the generated client.

use prokura_api::grpc::v1::{
    self, WatchKind, check_bulk_permissions_pair::Response as Item, check_debug_trace::Resolution,
    check_permission_response::Permissionship, consistency::Requirement,
    delete_relationships_response::DeletionProgress, permission_relationship_tree::TreeType, precondition,
    relationship_update::Operation,
};
use prokura_model::{KeyRole, KeyScope};
use prost::Message;
use tonic::Code;

use super::wire::{self, Caller, edge, object, person, update};
use crate::support::Setup;

pub(super) const SCHEMA: &str = "/** whoever there is */\ndefinition user {}\n\ncaveat on_day(day string) {\n\tday == \"monday\"\n}\n\n\
    definition folder {\n\trelation viewer: user | user:* | user with on_day\n\tpermission view = viewer\n}\n\n\
    definition document {\n\trelation parent: folder\n\trelation viewer: user\n\trelation banned: user\n\n\
    \tpermission view = (viewer + parent->view) - banned\n}";

/// A server with this schema, and a caller that may do everything.
pub(super) async fn set_up() -> (Setup, Caller) {
    let setup = Setup::empty().await;
    let caller = Caller::new(&setup, &setup.admin).await;
    caller.schema().write_schema(v1::WriteSchemaRequest { schema: SCHEMA.to_owned() }).await.unwrap();
    (setup, caller)
}

pub(super) async fn touch(caller: &Caller, edges: &[&str]) -> v1::ZedToken {
    let updates = edges.iter().map(|text| update(Operation::Touch, text)).collect();
    let request = v1::WriteRelationshipsRequest { updates, ..Default::default() };
    caller.permissions().write_relationships(request).await.unwrap().into_inner().written_at.unwrap()
}

fn question(resource: (&str, &str), permission: &str, who: &str) -> v1::CheckPermissionRequest {
    v1::CheckPermissionRequest {
        resource: object(resource.0, resource.1),
        permission: permission.to_owned(),
        subject: person(who),
        ..Default::default()
    }
}

fn at(requirement: Requirement) -> Option<v1::Consistency> {
    Some(v1::Consistency { requirement: Some(requirement) })
}

async fn check(caller: &Caller, who: &str, consistency: Option<v1::Consistency>) -> Permissionship {
    let question = v1::CheckPermissionRequest { consistency, ..question(("document", "plan"), "view", who) };
    caller.permissions().check_permission(question).await.unwrap().into_inner().permissionship()
}

#[tokio::test]
async fn a_check_follows_what_is_written_at_every_consistency() {
    let (_setup, caller) = set_up().await;
    let before = touch(&caller, &["document:plan#viewer@user:alice"]).await;
    let after = touch(&caller, &["document:plan#banned@user:alice", "document:plan#viewer@user:bob"]).await;
    for consistency in [
        None,
        at(Requirement::MinimizeLatency(true)),
        at(Requirement::FullyConsistent(true)),
        at(Requirement::AtLeastAsFresh(before.clone())),
        at(Requirement::AtExactSnapshot(after.clone())),
    ] {
        assert_eq!(check(&caller, "alice", consistency.clone()).await, Permissionship::NoPermission);
        assert_eq!(check(&caller, "bob", consistency).await, Permissionship::HasPermission);
    }
    let past = at(Requirement::AtExactSnapshot(before.clone()));
    assert_eq!(check(&caller, "alice", past.clone()).await, Permissionship::HasPermission);
    assert_eq!(check(&caller, "bob", past).await, Permissionship::NoPermission);
    let mut altered = before.token.clone();
    let last = altered.pop().unwrap();
    altered.push(if last == 'A' { 'B' } else { 'A' });
    for token in [altered, String::new(), "made up".to_owned()] {
        let consistency = at(Requirement::AtLeastAsFresh(v1::ZedToken { token }));
        let asked = v1::CheckPermissionRequest { consistency, ..question(("document", "plan"), "view", "bob") };
        let refused = caller.permissions().check_permission(asked).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    }
}

#[tokio::test]
async fn a_check_is_recorded_as_a_decision() {
    let (setup, caller) = set_up().await;
    touch(&caller, &["document:plan#viewer@user:alice"]).await;
    check(&caller, "alice", None).await;
    check(&caller, "bob", None).await;
    let listed = setup.get("/v1/tenants/default/decisions", &setup.admin).await.json();
    let found: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| (record["actor"]["id"].as_str().unwrap(), record["door"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [("bob", "grpc"), ("alice", "grpc")]);
}

#[tokio::test]
async fn what_a_caveat_needs_is_told() {
    let (_setup, caller) = set_up().await;
    let mut sent = update(Operation::Touch, "folder:all#viewer@user:carol");
    sent.relationship.as_mut().unwrap().optional_caveat =
        Some(v1::ContextualizedCaveat { caveat_name: "on_day".to_owned(), context: None });
    let request = v1::WriteRelationshipsRequest { updates: vec![sent], ..Default::default() };
    caller.permissions().write_relationships(request).await.unwrap();
    let ask = |day: Option<&str>| v1::CheckPermissionRequest {
        context: day.map(|day| wire::context("day", day)),
        with_tracing: true,
        ..question(("folder", "all"), "view", "carol")
    };
    let open = caller.permissions().check_permission(ask(None)).await.unwrap().into_inner();
    assert_eq!(open.permissionship(), Permissionship::ConditionalPermission);
    assert_eq!(open.partial_caveat_info.unwrap().missing_required_context, ["day"]);
    let trace = open.debug_trace.unwrap();
    assert_eq!(trace.schema_used, SCHEMA);
    let Some(Resolution::SubProblems(below)) = trace.check.unwrap().resolution else { panic!("no steps") };
    let caveat = below.traces[0].caveat_evaluation_info.clone().unwrap();
    assert_eq!(
        (caveat.caveat_name.as_str(), caveat.result()),
        ("on_day", v1::caveat_eval_info::Result::MissingSomeContext)
    );
    for (day, expected) in [("monday", Permissionship::HasPermission), ("friday", Permissionship::NoPermission)] {
        let answer = caller.permissions().check_permission(ask(Some(day))).await.unwrap().into_inner();
        assert_eq!(answer.permissionship(), expected, "{day}");
        assert_eq!(answer.debug_trace.unwrap().check.unwrap().permission, "view");
    }
    let read = wire::all(caller.permissions().read_relationships(v1::ReadRelationshipsRequest {
        relationship_filter: wire::of_type("folder"),
        ..Default::default()
    }))
    .await
    .unwrap();
    assert_eq!(read[0].relationship.as_ref().unwrap().optional_caveat.as_ref().unwrap().caveat_name, "on_day");
}

#[tokio::test]
async fn items_of_a_bulk_check_fail_alone() {
    let (_setup, caller) = set_up().await;
    touch(&caller, &["document:plan#viewer@user:alice"]).await;
    let item = |kind: &str, who: &str| v1::CheckBulkPermissionsRequestItem {
        resource: object(kind, "plan"),
        permission: "view".to_owned(),
        subject: person(who),
        context: None,
    };
    let items =
        vec![item("document", "alice"), item("nothing", "alice"), item("document", "bob"), item("document", "*")];
    let request = v1::CheckBulkPermissionsRequest { items: items.clone(), ..Default::default() };
    let answer = caller.permissions().check_bulk_permissions(request).await.unwrap().into_inner();
    assert_eq!(answer.pairs.iter().map(|pair| pair.request.clone().unwrap()).collect::<Vec<_>>(), items);
    let told: Vec<String> = answer
        .pairs
        .iter()
        .map(|pair| match pair.response.as_ref().unwrap() {
            Item::Item(item) => item.permissionship().as_str_name().to_owned(),
            Item::Error(error) => format!("{}", error.code),
        })
        .collect();
    let (precondition, argument) = (i32::from(Code::FailedPrecondition), i32::from(Code::InvalidArgument));
    let (yes, no) = ("PERMISSIONSHIP_HAS_PERMISSION", "PERMISSIONSHIP_NO_PERMISSION");
    assert_eq!(told, [yes, &precondition.to_string(), no, &argument.to_string()]);
    // The former name of the call answers the same.
    let former = v1::BulkCheckPermissionRequest {
        items: vec![v1::BulkCheckPermissionRequestItem {
            resource: object("document", "plan"),
            permission: "view".to_owned(),
            subject: person("alice"),
            context: None,
        }],
        ..Default::default()
    };
    let answer = caller.experimental().bulk_check_permission(former).await.unwrap().into_inner();
    let Some(v1::bulk_check_permission_pair::Response::Item(item)) = &answer.pairs[0].response else { panic!() };
    assert_eq!(item.permissionship(), Permissionship::HasPermission);
}

#[tokio::test]
async fn writes_are_all_or_nothing_and_say_why() {
    let (_setup, caller) = set_up().await;
    touch(&caller, &["document:plan#viewer@user:alice"]).await;
    let write = async |updates: Vec<v1::RelationshipUpdate>, preconditions: Vec<v1::Precondition>| {
        let request = v1::WriteRelationshipsRequest {
            updates,
            optional_preconditions: preconditions,
            optional_transaction_metadata: None,
        };
        caller.permissions().write_relationships(request).await
    };
    let new = || update(Operation::Create, "document:plan#viewer@user:bob");
    let must = |operation: precondition::Operation, kind: &str| v1::Precondition {
        operation: operation.into(),
        filter: wire::of_type(kind),
    };
    for (updates, preconditions, code, reason) in [
        (
            vec![new(), update(Operation::Create, "document:plan#viewer@user:alice")],
            vec![],
            Code::AlreadyExists,
            "ATTEMPT_TO_RECREATE_RELATIONSHIP",
        ),
        (vec![new(), new()], vec![], Code::InvalidArgument, "UPDATES_ON_SAME_RELATIONSHIP"),
        (
            vec![new(), update(Operation::Touch, "document:plan#view@user:bob")],
            vec![],
            Code::InvalidArgument,
            "CANNOT_UPDATE_PERMISSION",
        ),
        (
            vec![new(), update(Operation::Touch, "document:plan#viewer@user:*")],
            vec![],
            Code::InvalidArgument,
            "INVALID_SUBJECT_TYPE",
        ),
        (
            vec![new(), update(Operation::Touch, "nothing:plan#viewer@user:bob")],
            vec![],
            Code::FailedPrecondition,
            "UNKNOWN_DEFINITION",
        ),
        (
            vec![new(), update(Operation::Touch, "document:plan#nobody@user:bob")],
            vec![],
            Code::FailedPrecondition,
            "UNKNOWN_RELATION_OR_PERMISSION",
        ),
        (
            vec![new()],
            vec![must(precondition::Operation::MustMatch, "folder")],
            Code::FailedPrecondition,
            "WRITE_OR_DELETE_PRECONDITION_FAILURE",
        ),
        (
            vec![new()],
            vec![must(precondition::Operation::MustNotMatch, "document")],
            Code::FailedPrecondition,
            "WRITE_OR_DELETE_PRECONDITION_FAILURE",
        ),
        (vec![new()], vec![must(precondition::Operation::MustMatch, "")], Code::InvalidArgument, "EMPTY_PRECONDITION"),
    ] {
        let refused = write(updates, preconditions).await.unwrap_err();
        assert_eq!((refused.code(), wire::reason(&refused)), (code, format!("ERROR_REASON_{reason}")), "{refused:?}");
    }
    assert_eq!(check(&caller, "bob", None).await, Permissionship::NoPermission);
    write(vec![new()], vec![must(precondition::Operation::MustMatch, "document")]).await.unwrap();
    assert_eq!(check(&caller, "bob", None).await, Permissionship::HasPermission);
}

#[tokio::test]
async fn deleting_keeps_to_its_limit() {
    let (_setup, caller) = set_up().await;
    let edges: Vec<String> = (0..5).map(|number| format!("document:plan#viewer@user:u{number}")).collect();
    touch(&caller, &edges.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let delete = async |limit: u32, partial: bool| {
        let request = v1::DeleteRelationshipsRequest {
            relationship_filter: wire::of_type("document"),
            optional_limit: limit,
            optional_allow_partial_deletions: partial,
            ..Default::default()
        };
        caller.permissions().delete_relationships(request).await
    };
    let refused = delete(4, false).await.unwrap_err();
    let reason = "ERROR_REASON_TOO_MANY_RELATIONSHIPS_FOR_TRANSACTIONAL_DELETE";
    assert_eq!((refused.code(), wire::reason(&refused).as_str()), (Code::InvalidArgument, reason));
    let some = delete(2, true).await.unwrap().into_inner();
    assert_eq!((some.relationships_deleted_count, some.deletion_progress()), (2, DeletionProgress::Partial));
    let rest = delete(3, false).await.unwrap().into_inner();
    assert_eq!((rest.relationships_deleted_count, rest.deletion_progress()), (3, DeletionProgress::Complete));
}

#[tokio::test]
async fn a_walk_by_cursor_finds_what_one_call_finds() {
    let (_setup, caller) = set_up().await;
    let edges: Vec<String> = (0..7).map(|number| format!("document:d{number}#viewer@user:alice")).collect();
    touch(&caller, &edges.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let lookup = async |limit: u32, cursor: Option<v1::Cursor>, who: &str| {
        let request = v1::LookupResourcesRequest {
            resource_object_type: "document".to_owned(),
            permission: "view".to_owned(),
            subject: person(who),
            optional_limit: limit,
            optional_cursor: cursor,
            ..Default::default()
        };
        wire::all(caller.permissions().lookup_resources(request)).await
    };
    let ids = |found: &[v1::LookupResourcesResponse]| -> Vec<String> {
        found.iter().map(|found| found.resource_object_id.clone()).collect()
    };
    let whole = lookup(0, None, "alice").await.unwrap();
    assert_eq!(ids(&whole).len(), 7);
    let (mut walked, mut cursor) = (Vec::new(), None);
    loop {
        let page = lookup(3, cursor.take(), "alice").await.unwrap();
        walked.extend(ids(&page));
        let Some(last) = page.last().filter(|_| page.len() == 3) else { break };
        cursor = last.after_result_cursor.clone();
        // What is written meanwhile is no part of this walk.
        touch(&caller, &["document:a0#viewer@user:alice", "document:z9#viewer@user:alice"]).await;
    }
    assert_eq!(walked, ids(&whole));
    let cursor = whole[2].after_result_cursor.clone().unwrap();
    for (token, who) in
        [(cursor.token.clone(), "bob"), ("nonsense".to_owned(), "alice"), (format!("{}A", cursor.token), "alice")]
    {
        let refused = lookup(3, Some(v1::Cursor { token: token.clone() }), who).await;
        if let Err(refused) = refused {
            assert_eq!(wire::reason(&refused), "ERROR_REASON_INVALID_CURSOR", "{token} {who}");
        } else {
            assert_eq!(who, "alice", "a cursor was good for another question");
        }
    }
}

#[tokio::test]
async fn subjects_come_in_pages_and_everybody_with_exceptions() {
    let (_setup, caller) = set_up().await;
    touch(
        &caller,
        &["folder:all#viewer@user:*", "document:plan#parent@folder:all", "document:plan#banned@user:mallory"],
    )
    .await;
    touch(
        &caller,
        &["document:plan#viewer@user:alice", "document:plan#viewer@user:bob", "document:plan#viewer@user:carol"],
    )
    .await;
    let lookup =
        async |limit: u32, cursor: Option<v1::Cursor>, wildcards: v1::lookup_subjects_request::WildcardOption| {
            let request = v1::LookupSubjectsRequest {
                resource: object("document", "plan"),
                permission: "view".to_owned(),
                subject_object_type: "user".to_owned(),
                optional_concrete_limit: limit,
                optional_cursor: cursor,
                wildcard_option: wildcards.into(),
                ..Default::default()
            };
            wire::all(caller.permissions().lookup_subjects(request)).await.unwrap()
        };
    let ids = |found: &[v1::LookupSubjectsResponse]| -> Vec<String> {
        found.iter().map(|found| found.subject.as_ref().unwrap().subject_object_id.clone()).collect()
    };
    use v1::lookup_subjects_request::WildcardOption::{ExcludeWildcards, IncludeWildcards, Unspecified};
    let whole = lookup(0, None, Unspecified).await;
    assert_eq!(ids(&whole), ["*", "alice", "bob", "carol"]);
    assert_eq!(whole[0].excluded_subjects[0].subject_object_id, "mallory");
    assert_eq!(
        (whole[0].subject_object_id.as_str(), &whole[0].excluded_subject_ids[..]),
        ("*", &["mallory".to_owned()][..])
    );
    assert_eq!(ids(&lookup(0, None, ExcludeWildcards).await), ["alice", "bob", "carol"]);
    let first = lookup(2, None, IncludeWildcards).await;
    assert_eq!(ids(&first), ["*", "alice", "bob"]);
    let rest = lookup(2, first[2].after_result_cursor.clone(), IncludeWildcards).await;
    assert_eq!(ids(&rest), ["carol"]);
    let after_everybody = lookup(0, first[0].after_result_cursor.clone(), IncludeWildcards).await;
    assert_eq!(ids(&after_everybody), ["alice", "bob", "carol"]);
}

#[tokio::test]
async fn a_list_says_the_same_past_the_router_and_through_it() {
    let (setup, caller) = set_up().await;
    let edges = [
        "document:plan#viewer@user:alice",
        "document:memo#viewer@user:alice",
        "document:plan#parent@folder:all",
        "folder:all#viewer@user:*",
        "document:memo#parent@folder:days",
    ];
    touch(&caller, &edges).await;
    let mut perhaps = update(Operation::Touch, "folder:days#viewer@user:dave");
    let caveat = v1::ContextualizedCaveat { caveat_name: "on_day".to_owned(), context: None };
    perhaps.relationship.as_mut().unwrap().optional_caveat = Some(caveat);
    let request = v1::WriteRelationshipsRequest { updates: vec![perhaps], ..Default::default() };
    caller.permissions().write_relationships(request).await.unwrap();
    for document in ["plan", "memo"] {
        let subjects = v1::LookupSubjectsRequest {
            resource: object("document", document),
            permission: "view".to_owned(),
            subject_object_type: "user".to_owned(),
            ..Default::default()
        };
        let short = wire::all(caller.permissions().lookup_subjects(subjects.clone())).await.unwrap();
        let path = "/authzed.api.v1.PermissionsService/LookupSubjects";
        let (code, long) = wire::web_call(&setup, path, &setup.admin, None, &subjects).await;
        let long: Vec<_> =
            long.iter().map(|message| v1::LookupSubjectsResponse::decode(message.as_slice()).unwrap()).collect();
        assert_eq!((code.as_str(), &short), ("OK", &long));
        assert_eq!(short.len(), 2, "alice, and everyone or perhaps dave");
    }
    for (who, found) in [("alice", 2), ("dave", 2), ("erin", 1)] {
        let resources = v1::LookupResourcesRequest {
            resource_object_type: "document".to_owned(),
            permission: "view".to_owned(),
            subject: person(who),
            ..Default::default()
        };
        let short = wire::all(caller.permissions().lookup_resources(resources.clone())).await.unwrap();
        let path = "/authzed.api.v1.PermissionsService/LookupResources";
        let (code, long) = wire::web_call(&setup, path, &setup.admin, None, &resources).await;
        let long: Vec<_> =
            long.iter().map(|message| v1::LookupResourcesResponse::decode(message.as_slice()).unwrap()).collect();
        assert_eq!((code.as_str(), &short), ("OK", &long));
        assert_eq!(short.len(), found, "{who}");
    }
}

#[tokio::test]
async fn a_tree_is_one_level_deep() {
    let (_setup, caller) = set_up().await;
    touch(&caller, &["document:plan#viewer@user:alice"]).await;
    let request = v1::ExpandPermissionTreeRequest {
        resource: object("document", "plan"),
        permission: "view".to_owned(),
        consistency: None,
    };
    let tree = caller.permissions().expand_permission_tree(request).await.unwrap().into_inner().tree_root.unwrap();
    assert_eq!(tree.expanded_relation, "view");
    let Some(TreeType::Intermediate(set)) = tree.tree_type else { panic!("a leaf") };
    assert_eq!(set.operation(), v1::algebraic_subject_set::Operation::Exclusion);
    assert_eq!(set.children.len(), 2);
}

#[tokio::test]
async fn what_is_loaded_comes_out_again() {
    let (_setup, caller) = set_up().await;
    let edges: Vec<_> = (0..2_500).map(|number| edge(&format!("document:d{number}#viewer@user:alice"))).collect();
    let messages: Vec<_> =
        edges.chunks(700).map(|chunk| v1::ImportBulkRelationshipsRequest { relationships: chunk.to_vec() }).collect();
    let loaded = caller.permissions().import_bulk_relationships(tokio_stream::iter(messages.clone())).await.unwrap();
    assert_eq!(loaded.into_inner().num_loaded, 2_500);
    let export = async |limit: u32, cursor: Option<v1::Cursor>| {
        let request =
            v1::ExportBulkRelationshipsRequest { optional_limit: limit, optional_cursor: cursor, ..Default::default() };
        wire::all(caller.permissions().export_bulk_relationships(request)).await.unwrap()
    };
    let whole: Vec<_> = export(0, None).await.into_iter().flat_map(|message| message.relationships).collect();
    assert_eq!(whole.len(), 2_500);
    let messages_of_600 = export(600, None).await;
    assert_eq!(
        messages_of_600.iter().map(|message| message.relationships.len()).collect::<Vec<_>>(),
        [600, 600, 600, 600, 100]
    );
    let rest = export(600, messages_of_600[1].after_result_cursor.clone()).await;
    let rest: Vec<_> = rest.into_iter().flat_map(|message| message.relationships).collect();
    assert_eq!(rest, whole[1_200..]);
    // Loading is creating: what is there already is not loaded again.
    let again = caller.permissions().import_bulk_relationships(tokio_stream::iter(messages)).await.unwrap_err();
    assert_eq!(again.code(), Code::AlreadyExists, "{again:?}");
    let bad = vec![v1::ImportBulkRelationshipsRequest { relationships: vec![edge("document:a b#viewer@user:alice")] }];
    let refused = caller.permissions().import_bulk_relationships(tokio_stream::iter(bad)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
}

#[tokio::test]
async fn relationships_are_read_by_filter() {
    let (_setup, caller) = set_up().await;
    touch(&caller, &["document:plan#viewer@user:alice", "document:plot#viewer@user:bob", "folder:all#viewer@user:*"])
        .await;
    let read = async |filter: v1::RelationshipFilter| {
        let request = v1::ReadRelationshipsRequest { relationship_filter: Some(filter), ..Default::default() };
        wire::all(caller.permissions().read_relationships(request)).await.map(|found| found.len())
    };
    let kind = |kind: &str| v1::RelationshipFilter { resource_type: kind.to_owned(), ..Default::default() };
    let by_subject = |id: &str| v1::RelationshipFilter {
        optional_subject_filter: Some(v1::SubjectFilter {
            subject_type: "user".to_owned(),
            optional_subject_id: id.to_owned(),
            optional_relation: Some(v1::subject_filter::RelationFilter::default()),
        }),
        ..Default::default()
    };
    for (filter, count) in [
        (kind("document"), 2),
        (v1::RelationshipFilter { optional_resource_id_prefix: "pl".to_owned(), ..kind("document") }, 2),
        (v1::RelationshipFilter { optional_resource_id_prefix: "pla".to_owned(), ..kind("") }, 1),
        (v1::RelationshipFilter { optional_relation: "banned".to_owned(), ..kind("document") }, 0),
        (by_subject("bob"), 1),
        (by_subject("*"), 1),
    ] {
        assert_eq!(read(filter.clone()).await.unwrap(), count, "{filter:?}");
    }
    for (filter, code) in [
        (v1::RelationshipFilter::default(), Code::InvalidArgument),
        (kind("nothing"), Code::FailedPrecondition),
        (
            v1::RelationshipFilter { optional_relation: "nothing".to_owned(), ..kind("document") },
            Code::FailedPrecondition,
        ),
    ] {
        assert_eq!(read(filter.clone()).await.unwrap_err().code(), code, "{filter:?}");
    }
}

async fn next(watched: &mut tonic::Streaming<v1::WatchResponse>) -> v1::WatchResponse {
    let message = tokio::time::timeout(std::time::Duration::from_secs(10), watched.message());
    message.await.expect("something is told").unwrap().expect("it goes on")
}

#[tokio::test]
async fn a_watcher_is_told_everything_once_and_in_order() {
    let (_setup, caller) = set_up().await;
    let before = touch(&caller, &["document:plan#viewer@user:alice"]).await;
    let kinds = [WatchKind::IncludeRelationshipUpdates, WatchKind::IncludeSchemaUpdates, WatchKind::IncludeCheckpoints];
    let request = v1::WatchRequest {
        optional_start_cursor: Some(before.clone()),
        optional_update_kinds: kinds.map(Into::into).to_vec(),
        optional_object_types: vec!["document".to_owned()],
        ..Default::default()
    };
    touch(&caller, &["document:plan#viewer@user:bob", "folder:all#viewer@user:bob"]).await;
    touch(&caller, &["folder:all#viewer@user:carol"]).await;
    let mut watched = caller.watch().watch(request).await.unwrap().into_inner();
    let first = next(&mut watched).await;
    assert_eq!(first.updates, [update(Operation::Touch, "document:plan#viewer@user:bob")]);
    let checkpoint = next(&mut watched).await;
    assert!(checkpoint.is_checkpoint && checkpoint.updates.is_empty());
    let schema = format!("{SCHEMA}\n\ndefinition team {{}}");
    caller.schema().write_schema(v1::WriteSchemaRequest { schema }).await.unwrap();
    assert!(next(&mut watched).await.schema_updated);
    assert!(next(&mut watched).await.is_checkpoint);
    let write = v1::WriteRelationshipsRequest {
        updates: vec![update(Operation::Delete, "document:plan#viewer@user:bob")],
        optional_transaction_metadata: Some(wire::context("why", "moved")),
        ..Default::default()
    };
    caller.permissions().write_relationships(write).await.unwrap();
    let last = next(&mut watched).await;
    assert_eq!(last.updates, [update(Operation::Delete, "document:plan#viewer@user:bob")]);
    assert_eq!(last.optional_transaction_metadata, Some(wire::context("why", "moved")));
}

#[tokio::test]
async fn a_watch_ends_with_its_key() {
    let (setup, caller) = set_up().await;
    let made = setup
        .authority
        .create_key("watcher", KeyRole::Auditor, KeyScope::AllTenants, prokura::Provenance::new("test", ""))
        .unwrap();
    let watcher = Caller::new(&setup, made.secret.reveal()).await;
    let mut watched = watcher.watch().watch(v1::WatchRequest::default()).await.unwrap().into_inner();
    touch(&caller, &["document:plan#viewer@user:alice"]).await;
    assert_eq!(next(&mut watched).await.updates.len(), 1);
    setup.authority.revoke_key(&made.key.id, prokura::Provenance::new("test", "")).unwrap();
    touch(&caller, &["document:plan#viewer@user:bob"]).await;
    let ended = tokio::time::timeout(std::time::Duration::from_secs(10), watched.message()).await.unwrap();
    assert_eq!(ended.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_watch_ends_when_the_server_stops() {
    let (setup, caller) = set_up().await;
    let mut watched = caller.watch().watch(v1::WatchRequest::default()).await.unwrap().into_inner();
    touch(&caller, &["document:plan#viewer@user:alice"]).await;
    next(&mut watched).await;
    let stopped = tokio::spawn(setup.server.shutdown());
    assert_eq!(watched.message().await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(stopped.await.unwrap().cut_off, 0);
}

#[tokio::test]
async fn the_schema_is_read_reflected_and_compared() {
    let (_setup, caller) = set_up().await;
    let read = caller.schema().read_schema(v1::ReadSchemaRequest {}).await.unwrap().into_inner();
    assert_eq!(read.schema_text, prokura_model::schema::canonical(SCHEMA).unwrap());
    let reflected = caller.schema().reflect_schema(v1::ReflectSchemaRequest::default()).await.unwrap().into_inner();
    let names: Vec<_> = reflected.definitions.iter().map(|definition| definition.name.as_str()).collect();
    assert_eq!(names, ["document", "folder", "user"]);
    assert_eq!(reflected.caveats[0].parameters[0].r#type, "string");
    assert!(reflected.definitions[2].comment.contains("whoever there is"));
    let former = v1::ExperimentalReflectSchemaRequest::default();
    let former = caller.experimental().experimental_reflect_schema(former).await.unwrap().into_inner();
    assert_eq!(former.definitions[0].relations.len(), 3);
    let computable = v1::ComputablePermissionsRequest {
        definition_name: "folder".to_owned(),
        relation_name: "viewer".to_owned(),
        ..Default::default()
    };
    let found = caller.schema().computable_permissions(computable).await.unwrap().into_inner().permissions;
    assert_eq!(listed(&found), ["document#view!", "folder#view!"]);
    let dependent = v1::DependentRelationsRequest {
        definition_name: "document".to_owned(),
        permission_name: "view".to_owned(),
        ..Default::default()
    };
    let found = caller.schema().dependent_relations(dependent.clone()).await.unwrap().into_inner().relations;
    assert_eq!(
        listed(&found),
        ["document#banned", "document#parent", "document#viewer", "folder#view!", "folder#viewer"]
    );
    let relation = v1::DependentRelationsRequest { permission_name: "viewer".to_owned(), ..dependent };
    assert_eq!(caller.schema().dependent_relations(relation).await.unwrap_err().code(), Code::InvalidArgument);
    let other = SCHEMA.replace("banned: user", "banned: user:*").replace("day == \"monday\"", "day == \"friday\"");
    let other = format!("{}\n\ndefinition team {{}}", other.replace("\tpermission view = viewer\n", ""));
    let diff = v1::DiffSchemaRequest {
        comparison_schema: other.replace("parent->view", "parent->viewer"),
        ..Default::default()
    };
    let diffs = caller.schema().diff_schema(diff).await.unwrap().into_inner().diffs;
    let told: Vec<String> = diffs
        .into_iter()
        .map(|diff| format!("{:?}", diff.diff.unwrap()).split('(').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        told,
        [
            "RelationSubjectTypeRemoved",
            "RelationSubjectTypeAdded",
            "PermissionExprChanged",
            "PermissionRemoved",
            "DefinitionAdded",
            "CaveatExprChanged"
        ]
    );
}

fn listed(found: &[v1::ReflectionRelationReference]) -> Vec<String> {
    let mark = |found: &v1::ReflectionRelationReference| if found.is_permission { "!" } else { "" };
    found.iter().map(|found| format!("{}#{}{}", found.definition_name, found.relation_name, mark(found))).collect()
}

#[tokio::test]
async fn a_schema_that_is_none_says_which_kind_of_wrong_it_is() {
    let setup = Setup::empty().await;
    let caller = Caller::new(&setup, &setup.admin).await;
    let none = caller.schema().read_schema(v1::ReadSchemaRequest {}).await.unwrap_err();
    assert_eq!(none.code(), Code::NotFound);
    for (schema, code, reason) in [
        ("definition {", Code::InvalidArgument, "ERROR_REASON_SCHEMA_PARSE_ERROR"),
        (
            "definition document {\n\trelation viewer: user\n}",
            Code::FailedPrecondition,
            "ERROR_REASON_SCHEMA_TYPE_ERROR",
        ),
    ] {
        let request = v1::WriteSchemaRequest { schema: schema.to_owned() };
        let refused = caller.schema().write_schema(request).await.unwrap_err();
        assert_eq!((refused.code(), wire::reason(&refused).as_str()), (code, reason), "{refused:?}");
    }
}
