//! The oracle on cases worked out by hand.

use prokura_model::{Change, Relationship};
use prokura_testkit::{Answer, Ask, Candidate, World};

/// A world of this schema and these relationships, one a line.
fn world(schema: &str, edges: &str) -> World {
    let mut changes = vec![Change::SchemaWritten(schema.to_owned())];
    for line in edges.lines().map(str::trim).filter(|line| !line.is_empty()) {
        changes.push(Change::RelationshipTouched(line.parse().expect("a relationship")));
    }
    World::of(&changes)
}

/// What a check says, the question written like a relationship.
fn check(world: &World, text: &str) -> String {
    let Relationship { resource, relation: permission, subject } = text.parse().expect("a question");
    let answer = world.answer(&Ask::Check { resource, permission, subject });
    assert!(!matches!(answer, Answer::Decided(_)), "a check is no decision");
    answer.to_string()
}

const DOCUMENTS: &str = "
    definition user {}
    definition group {
        relation member: user | group#member
    }
    definition folder {
        relation parent: folder
        relation viewer: user | user:* | group#member
        relation banned: user | group#member
        permission view = viewer + parent->view
        permission see = view - banned
        permission both = viewer & view
    }";

#[test]
fn wildcards_stand_for_objects_of_their_type_and_never_for_usersets() {
    let world = world(DOCUMENTS, "folder:a#viewer@user:*");
    assert_eq!(check(&world, "folder:a#view@user:anyone"), "has");
    assert_eq!(check(&world, "folder:a#view@group:g#member"), "has_not");
    assert_eq!(check(&world, "folder:a#view@group:g"), "has_not");
    assert_eq!(check(&world, "folder:a#view@user:*"), "error wildcard_subject");
}

#[test]
fn a_userset_is_its_own_member_and_one_it_is_related_to() {
    let world =
        world(DOCUMENTS, "folder:a#viewer@group:g#member\ngroup:g#member@group:h#member\ngroup:h#member@user:u");
    for subject in ["group:g#member", "group:h#member", "user:u", "folder:a#view", "folder:a#viewer"] {
        assert_eq!(check(&world, &format!("folder:a#view@{subject}")), "has", "{subject}");
    }
    assert_eq!(check(&world, "folder:a#view@group:i#member"), "has_not");
    assert_eq!(check(&world, "folder:a#viewer@folder:a#view"), "has_not");
}

#[test]
fn cycles_in_the_data_add_nothing() {
    let world = world(DOCUMENTS, "folder:a#parent@folder:b\nfolder:b#parent@folder:a\ngroup:g#member@group:g#member");
    assert_eq!(check(&world, "folder:a#view@user:u"), "has_not");
    assert_eq!(check(&world, "group:g#member@user:u"), "has_not");
}

#[test]
fn what_is_inherited_around_a_cycle_is_inherited() {
    let world = world(DOCUMENTS, "folder:a#parent@folder:b\nfolder:b#parent@folder:a\nfolder:b#viewer@user:u");
    assert_eq!(check(&world, "folder:a#view@user:u"), "has");
    assert_eq!(check(&world, "folder:b#view@user:u"), "has");
    assert_eq!(check(&world, "folder:a#both@user:u"), "has_not");
    assert_eq!(check(&world, "folder:b#both@user:u"), "has");
}

const GAMES: &str = "
    definition user {}
    definition position {
        relation player: user
        relation move: position
        permission win = player - move->win
        permission twice = player - (player - move->twice)
        permission certain = player - (win & nobody)
        permission nobody = player & move
    }";

/// The game of who cannot move loses, the well-founded model's own example.
#[test]
fn a_position_is_won_lost_or_undecidable() {
    let edges = "
        position:a#player@user:u
        position:b#player@user:u
        position:c#player@user:u
        position:d#player@user:u
        position:e#player@user:u
        position:f#player@user:u
        position:a#move@position:b
        position:b#move@position:c
        position:d#move@position:e
        position:e#move@position:d
        position:e#move@position:f";
    let world = world(GAMES, edges);
    for (position, right) in
        [("c", "has"), ("b", "has_not"), ("a", "has"), ("f", "has"), ("e", "has_not"), ("d", "has")]
    {
        assert_eq!(check(&world, &format!("position:{position}#win@user:u")), right, "{position}");
    }
}

#[test]
fn what_depends_on_its_own_absence_is_undecidable_and_nothing_else_is() {
    let edges = "
        position:a#player@user:u
        position:b#player@user:u
        position:a#move@position:b
        position:b#move@position:a
        position:c#player@user:u
        position:c#move@position:c";
    let world = world(GAMES, edges);
    assert_eq!(check(&world, "position:a#win@user:u"), "error undecidable");
    assert_eq!(check(&world, "position:c#win@user:u"), "error undecidable");
    // Two exclusions do not make it a plain cycle.
    assert_eq!(check(&world, "position:c#twice@user:u"), "error undecidable");
    // Undefined and false is false; nothing is taken away by it.
    assert_eq!(check(&world, "position:c#certain@user:u"), "has");
    // Who is no player is none, whatever the moves.
    assert_eq!(check(&world, "position:c#win@user:other"), "has_not");
}

#[test]
fn names_the_schema_does_not_have_are_errors() {
    let world = world(DOCUMENTS, "");
    assert_eq!(check(&world, "nowhere:a#view@user:u"), "error type_unknown");
    assert_eq!(check(&world, "folder:a#fly@user:u"), "error member_unknown");
    assert_eq!(check(&world, "folder:a#view@nobody:u"), "error type_unknown");
    assert_eq!(check(&world, "folder:a#view@group:g#fly"), "error member_unknown");
    assert_eq!(check(&World::default(), "folder:a#view@user:u"), "error no_schema");
}
