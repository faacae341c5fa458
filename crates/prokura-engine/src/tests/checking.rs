//! What check means, operator by operator.

use super::{check, delete, fails, holds, index, write};

const DOCUMENTS: &str = "
    definition user {}
    definition agent {}
    definition group {
        relation member: user | group#member
        relation lead: user
        permission everyone = member + lead
    }
    definition folder {
        relation parent: folder
        relation viewer: user | group#member | group#everyone
        permission view = viewer + parent->view
    }
    definition document {
        relation parent: folder | group
        relation viewer: user | user:* | group#member | agent
        relation editor: user | group#everyone
        relation banned: user | user:* | group#member
        permission edit = editor
        permission view = viewer + edit + parent->view
        permission read = view - banned
        permission sign = editor & viewer
        permission publish = (sign + editor) - (banned - viewer)
    }
";

#[test]
fn a_relationship_holds_for_its_subject_and_no_other() {
    let index = index(DOCUMENTS, &["document:plan#viewer@user:alice"]);
    holds(&index, "document:plan#viewer@user:alice");
    holds(&index, "document:plan#view@user:alice");
    fails(&index, "document:plan#viewer@user:bob");
    fails(&index, "document:other#viewer@user:alice");
    fails(&index, "document:plan#editor@user:alice");
    fails(&index, "document:plan#viewer@agent:alice");
}

#[test]
fn usersets_are_followed_through_relations_and_permissions() {
    let index = index(
        DOCUMENTS,
        &[
            "document:plan#viewer@group:all#member",
            "document:plan#editor@group:eng#everyone",
            "group:all#member@group:eng#member",
            "group:eng#member@user:alice",
            "group:eng#lead@user:lena",
        ],
    );
    holds(&index, "document:plan#view@user:alice");
    holds(&index, "document:plan#edit@user:lena");
    holds(&index, "document:plan#edit@user:alice");
    fails(&index, "document:plan#viewer@user:lena");
}

#[test]
fn a_wildcard_covers_objects_of_its_type_and_no_userset() {
    let index = index(DOCUMENTS, &["document:plan#viewer@user:*"]);
    holds(&index, "document:plan#view@user:anyone");
    fails(&index, "document:plan#view@agent:anyone");
    fails(&index, "document:plan#view@group:eng#member");
    assert_eq!(check(&index, "document:plan#view@user:*"), Err("wildcard_subject"));
}

#[test]
fn a_userset_is_a_member_where_it_is_related_and_of_itself() {
    let index = index(
        DOCUMENTS,
        &[
            "document:plan#viewer@group:all#member",
            "group:all#member@group:eng#member",
            "document:plan#parent@group:eng",
        ],
    );
    holds(&index, "document:plan#view@group:all#member");
    holds(&index, "document:plan#view@group:eng#member");
    holds(&index, "group:eng#member@group:eng#member");
    holds(&index, "group:never_heard_of#member@group:never_heard_of#member");
    fails(&index, "group:never_heard_of#member@group:nor_of_this#member");
    fails(&index, "document:plan#view@group:eng#lead");
    // The permission of a group includes its members.
    holds(&index, "group:eng#everyone@group:eng#member");
}

#[test]
fn arrows_follow_objects_and_pass_over_types_without_the_target() {
    let index = index(
        DOCUMENTS,
        &[
            "document:plan#parent@folder:a",
            "document:plan#parent@group:eng",
            "folder:a#parent@folder:b",
            "folder:b#viewer@user:alice",
            "group:eng#member@user:bob",
        ],
    );
    holds(&index, "document:plan#view@user:alice");
    fails(&index, "document:plan#view@user:bob");
}

#[test]
fn intersections_need_every_operand() {
    let index = index(
        DOCUMENTS,
        &["document:plan#viewer@user:alice", "document:plan#editor@user:alice", "document:plan#editor@user:bob"],
    );
    holds(&index, "document:plan#sign@user:alice");
    fails(&index, "document:plan#sign@user:bob");
}

#[test]
fn exclusions_take_away_and_nest() {
    let index = index(
        DOCUMENTS,
        &[
            "document:plan#viewer@user:alice",
            "document:plan#viewer@user:bob",
            "document:plan#banned@user:bob",
            "document:plan#editor@user:carol",
            "document:plan#banned@user:carol",
            "document:plan#editor@user:dora",
            "document:plan#viewer@user:dora",
            "document:plan#banned@user:dora",
        ],
    );
    holds(&index, "document:plan#read@user:alice");
    fails(&index, "document:plan#read@user:bob");
    fails(&index, "document:plan#publish@user:carol");
    holds(&index, "document:plan#publish@user:dora");
    fails(&index, "document:plan#publish@user:alice");
}

#[test]
fn removing_the_edge_removes_the_permission() {
    let index = index(DOCUMENTS, &["document:plan#viewer@group:eng#member", "group:eng#member@user:alice"]);
    holds(&index, "document:plan#view@user:alice");
    write(&index, vec![delete("group:eng#member@user:alice")]);
    fails(&index, "document:plan#view@user:alice");
}

#[test]
fn cycles_in_the_data_add_nothing() {
    let index = index(
        DOCUMENTS,
        &[
            "group:a#member@group:b#member",
            "group:b#member@group:c#member",
            "group:c#member@group:a#member",
            "group:c#member@user:alice",
            "folder:x#parent@folder:y",
            "folder:y#parent@folder:x",
            "folder:y#viewer@user:bob",
            "folder:self#parent@folder:self",
        ],
    );
    for group in ["a", "b", "c"] {
        holds(&index, &format!("group:{group}#member@user:alice"));
        fails(&index, &format!("group:{group}#member@user:bob"));
    }
    holds(&index, "folder:x#view@user:bob");
    fails(&index, "folder:x#view@user:alice");
    fails(&index, "folder:self#view@user:alice");
}

#[test]
fn a_dense_cycle_costs_what_its_edges_cost() {
    // Every group in every other: without remembering what was refused, the paths through them are as many as their orders.
    let groups: Vec<String> = (0..40).map(|number| format!("g{number:02}")).collect();
    let mut edges = Vec::new();
    for one in &groups {
        for other in groups.iter().filter(|other| *other != one) {
            edges.push(format!("group:{one}#member@group:{other}#member"));
        }
    }
    edges.push("group:g39#member@user:alice".to_owned());
    let edges: Vec<&str> = edges.iter().map(String::as_str).collect();
    let index = index(DOCUMENTS, &edges);
    holds(&index, "group:g00#member@user:alice");
    fails(&index, "group:g00#member@user:bob");
    fails(&index, "group:g20#everyone@user:bob");
}

const LIAR: &str = "
    definition user {}
    definition thing {
        relation base: user
        relation next: thing
        relation always: user
        permission liar = base - next->liar
        permission even = base - next->even
        permission either = liar + always
        permission neither = liar & always
        permission rescued = always - neither
        permission loop = base + next->loop
        permission not_loop = base - next->positive
        permission positive = next->positive
    }
";

#[test]
fn what_depends_on_its_own_absence_is_undecidable() {
    let index = index(LIAR, &["thing:one#base@user:alice", "thing:one#next@thing:one"]);
    assert_eq!(check(&index, "thing:one#liar@user:alice"), Err("undecidable"));
    // Without the base there is nothing to take away.
    fails(&index, "thing:one#liar@user:bob");
}

#[test]
fn an_even_cycle_through_exclusions_is_undecidable_too() {
    let index = index(
        LIAR,
        &[
            "thing:one#base@user:alice",
            "thing:two#base@user:alice",
            "thing:one#next@thing:two",
            "thing:two#next@thing:one",
        ],
    );
    assert_eq!(check(&index, "thing:one#even@user:alice"), Err("undecidable"));
    assert_eq!(check(&index, "thing:two#even@user:alice"), Err("undecidable"));
}

#[test]
fn a_chain_of_exclusions_that_ends_is_decided() {
    let index = index(
        LIAR,
        &[
            "thing:one#base@user:alice",
            "thing:two#base@user:alice",
            "thing:three#base@user:alice",
            "thing:one#next@thing:two",
            "thing:two#next@thing:three",
        ],
    );
    holds(&index, "thing:three#even@user:alice");
    fails(&index, "thing:two#even@user:alice");
    holds(&index, "thing:one#even@user:alice");
}

#[test]
fn an_undefined_operand_does_not_hide_a_deciding_one() {
    let index = index(LIAR, &["thing:one#base@user:alice", "thing:one#next@thing:one", "thing:one#always@user:alice"]);
    holds(&index, "thing:one#either@user:alice");
    assert_eq!(check(&index, "thing:one#neither@user:alice"), Err("undecidable"));
    assert_eq!(check(&index, "thing:one#rescued@user:alice"), Err("undecidable"));
    write(&index, vec![delete("thing:one#always@user:alice")]);
    assert_eq!(check(&index, "thing:one#either@user:alice"), Err("undecidable"));
    fails(&index, "thing:one#neither@user:alice");
    fails(&index, "thing:one#rescued@user:alice");
}

#[test]
fn a_positive_cycle_right_of_an_exclusion_is_false_not_undefined() {
    let index = index(LIAR, &["thing:one#base@user:alice", "thing:one#next@thing:two", "thing:two#next@thing:two"]);
    holds(&index, "thing:one#not_loop@user:alice");
    fails(&index, "thing:one#positive@user:alice");
}

#[test]
fn unknown_names_are_errors_with_what_was_meant() {
    let index = index(DOCUMENTS, &[]);
    assert_eq!(check(&index, "documnet:plan#view@user:alice"), Err("type_unknown"));
    assert_eq!(check(&index, "document:plan#veiw@user:alice"), Err("member_unknown"));
    assert_eq!(check(&index, "document:plan#view@usr:alice"), Err("type_unknown"));
    assert_eq!(check(&index, "document:plan#view@group:eng#membre"), Err("member_unknown"));
    let empty = crate::Index::new();
    assert_eq!(check(&empty, "document:plan#view@user:alice"), Err("no_schema"));
}

#[test]
fn an_unknown_resource_and_subject_are_strangers_to_each_other() {
    let index = index(DOCUMENTS, &["document:plan#viewer@user:*"]);
    fails(&index, "document:new#view@user:alice");
    holds(&index, "document:plan#view@user:new");
    fails(&index, "group:new#member@user:new");
}

#[test]
fn a_new_schema_asks_the_same_graph_anew() {
    let index = index(DOCUMENTS, &["document:plan#viewer@user:alice"]);
    let before = index.published();
    let text =
        DOCUMENTS.replace("permission view = viewer + edit + parent->view", "permission view = edit + parent->view");
    write(&index, vec![prokura_model::Change::SchemaWritten(text)]);
    fails(&index, "document:plan#view@user:alice");
    let view = index.view_at(before).unwrap();
    let question = super::question("document:plan#view@user:alice");
    let found = view.check(
        &question.resource,
        &question.relation,
        &question.subject,
        super::given(),
        &crate::Limits::default(),
    );
    assert_eq!(found, Ok(crate::Permissionship::Has));
}
