//! Lists, expansion, overlays and models, where one can see each alone.

use prokura_model::{Change, RelationName, Terms, TypeName};

use super::{given, index, object, relationship, write};
use crate::{
    EngineError, ExpansionNode, Index, Limits, Operation, Permissionship,
    limits::{EXPANDED_NODES_MAX, LIST_WORK_DEFAULT},
};

const SCHEMA: &str = "
    definition user {}
    definition group {
        relation member: user | group#member
    }
    definition document {
        relation viewer: user | user:* | group#member
        relation banned: user
        relation parent: document
        permission view = viewer - banned
        permission read = viewer + parent->read
    }
";

const EDGES: [&str; 8] = [
    "group:eng#member@user:alice",
    "group:all#member@group:eng#member",
    "document:a#viewer@group:all#member",
    "document:b#parent@document:a",
    "document:c#viewer@user:*",
    "document:c#banned@user:bob",
    "document:d#viewer@user:bob",
    "document:d#banned@user:alice",
];

fn name(text: &str) -> RelationName {
    RelationName::new(text).unwrap()
}

fn kind(text: &str) -> TypeName {
    TypeName::new(text).unwrap()
}

fn resources(index: &Index, permission: &str, subject: &str, limits: &Limits) -> Result<Vec<String>, EngineError> {
    let view = index.view();
    let subject = subject.parse().unwrap();
    let found = view.lookup_resources(&kind("document"), &name(permission), &subject, given(), limits)?;
    Ok(found.into_iter().map(|(id, _)| id.as_str().to_owned()).collect())
}

#[test]
fn resources_come_each_once_and_in_order() {
    let index = index(SCHEMA, &EDGES);
    let limits = Limits::default();
    assert_eq!(resources(&index, "view", "user:alice", &limits).unwrap(), ["a", "c"]);
    assert_eq!(resources(&index, "read", "user:alice", &limits).unwrap(), ["a", "b", "c"]);
    assert_eq!(resources(&index, "view", "user:bob", &limits).unwrap(), ["d"]);
    assert_eq!(resources(&index, "view", "user:nobody", &limits).unwrap(), ["c"]);
    assert_eq!(resources(&index, "read", "group:eng#member", &limits).unwrap(), ["a", "b"]);
    let whole = resources(&index, "flies", "user:alice", &limits).unwrap_err();
    assert_eq!(whole.code(), "member_unknown");
}

#[test]
fn everyone_is_told_with_those_who_are_excluded() {
    let index = index(SCHEMA, &EDGES);
    let view = index.view();
    let of = |resource: &str, permission: &str| {
        view.lookup_subjects(&object(resource), &name(permission), &kind("user"), None, given(), &Limits::default())
            .unwrap()
    };
    let found = of("document:c", "view");
    assert_eq!(found.subjects, []);
    let everyone = found.everyone.unwrap();
    assert_eq!(everyone.permissionship, Permissionship::Has);
    assert_eq!(everyone.excluded, [(object("user:bob").id, Permissionship::Has)]);
    let found = of("document:a", "view");
    assert_eq!((found.subjects, found.everyone), (vec![(object("user:alice").id, Permissionship::Has)], None));
    let groups = view
        .lookup_subjects(
            &object("document:a"),
            &name("view"),
            &kind("group"),
            Some(&name("member")),
            given(),
            &Limits::default(),
        )
        .unwrap();
    let ids: Vec<&str> = groups.subjects.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["all", "eng"]);
}

#[test]
fn an_expansion_goes_as_far_as_the_object_and_its_arrows() {
    let index = index(SCHEMA, &EDGES);
    let expanded = index.view().expand(&object("document:b"), &name("read"), given(), &Limits::default()).unwrap();
    let ExpansionNode::Operation(Operation::Union, parts) = expanded.node else { panic!("a union") };
    assert_eq!(parts[0].goal.to_string(), "document:b#viewer");
    let ExpansionNode::Operation(Operation::Union, above) = &parts[1].node else { panic!("the arrow's objects") };
    assert_eq!(above[0].goal.to_string(), "document:a#read");
}

#[test]
fn a_circle_of_arrows_is_too_deep_to_expand() {
    let index = index(SCHEMA, &["document:a#parent@document:b", "document:b#parent@document:a"]);
    let error = index.view().expand(&object("document:a"), &name("read"), given(), &Limits::default()).unwrap_err();
    assert_eq!(error.code(), "check_too_deep");
}

#[test]
fn what_is_taken_to_exist_is_seen_by_that_question_only() {
    let index = index(SCHEMA, &EDGES);
    let view = index.view();
    let more = [
        (relationship("group:eng#member@user:newcomer"), Terms::default()),
        (relationship("document:fresh#viewer@user:newcomer"), Terms::default()),
    ];
    let overlay = view.overlay(&more).unwrap();
    let subject = "user:newcomer".parse().unwrap();
    let limits = Limits::default();
    let with = view.overlaid(&overlay);
    let found = with.lookup_resources(&kind("document"), &name("view"), &subject, given(), &limits).unwrap();
    let ids: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["a", "c", "fresh"]);
    let without = view.check(&object("document:a"), &name("view"), &subject, given(), &limits);
    assert_eq!(without, Ok(Permissionship::HasNot));
    let unheard = view.overlay(&[(relationship("rocket:a#viewer@user:alice"), Terms::default())]).unwrap_err();
    assert_eq!(unheard.code(), "never_declared");
}

#[test]
fn limit_list_work_default_ends_a_list_whole_or_not_at_all() {
    assert_eq!(Limits::default().list_work, LIST_WORK_DEFAULT);
    let index = index(SCHEMA, &EDGES);
    let within = |list_work| resources(&index, "view", "user:alice", &Limits { list_work, ..Limits::default() });
    let enough = (0..1_000).find(|work| within(*work).is_ok()).unwrap();
    assert_eq!(within(enough).unwrap(), ["a", "c"]);
    assert_eq!(within(enough - 1).unwrap_err().code(), "list_too_much_work");
}

#[test]
fn limit_expanded_nodes_max_ends_an_expansion_whole_or_not_at_all() {
    let index = index(SCHEMA, &[]);
    let members = |from: usize, to: usize| {
        (from..to).map(|number| Change::touched(relationship(&format!("group:g#member@user:u{number}")))).collect()
    };
    // The members, and the group they are in.
    write(&index, members(0, EXPANDED_NODES_MAX - 1));
    let expand = || index.view().expand(&object("group:g"), &name("member"), given(), &Limits::default());
    assert!(expand().is_ok());
    write(&index, members(EXPANDED_NODES_MAX - 1, EXPANDED_NODES_MAX));
    assert_eq!(expand().unwrap_err().code(), "expansion_too_large");
}
