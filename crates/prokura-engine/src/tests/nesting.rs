//! What is kept of nested groups never shows: answers are those of the edges, at every revision, while they change.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use prokura_model::{Change, Revision, Terms, Timestamp};
use proptest::prelude::*;

use super::{delete, given, index, question, relationship, touch, write};
use crate::{
    Index, Limits, Memory, Permissionship, View,
    nesting::{Higher, KEPT_MAX, Nesting, Shape},
    packed::{KindId, Node, RelationId},
};

const SCHEMA: &str = "
    use expiration
    definition user {}
    definition team {
        relation member: user | team#member | group#member with expiration | group#member
    }
    definition group {
        relation member: user | group#member | team#member | group#member with expiration
    }
    definition document {
        relation viewer: user | group#member | team#member
        permission view = viewer
    }
";

const GROUPS: usize = 14;

/// The name of a group: some are of another type.
fn group(number: usize) -> String {
    if number.is_multiple_of(4) { format!("team:g{number}") } else { format!("group:g{number}") }
}

fn inside(inner: usize, outer: usize) -> String {
    format!("{}#member@{}#member", group(outer), group(inner))
}

fn has(view: &View<'_>, text: &str) -> bool {
    let asked = question(text);
    let found = view.check(&asked.resource, &asked.relation, &asked.subject, given(), &Limits::default());
    match found.unwrap() {
        Permissionship::Has => true,
        Permissionship::HasNot => false,
        conditional @ Permissionship::Conditional(_) => panic!("{text}: {conditional:?}"),
    }
}

/// The edges between groups at a revision, without those that are over.
type Edges = BTreeSet<(usize, usize)>;

/// Which groups somebody is in who is in this one.
fn reached(edges: &Edges, from: usize) -> BTreeSet<usize> {
    let (mut found, mut open) = (BTreeSet::from([from]), vec![from]);
    while let Some(inner) = open.pop() {
        for (_, outer) in edges.iter().filter(|(one, _)| *one == inner) {
            if found.insert(*outer) {
                open.push(*outer);
            }
        }
    }
    found
}

#[derive(Clone, Debug)]
enum Step {
    Nest(usize, usize),
    /// With an end: that is still to come, or over.
    NestUntil(usize, usize, bool),
    Take(usize, usize),
    /// Asks about everybody, at the newest revision and at an older one.
    Ask(usize),
    Forget,
}

fn step() -> impl Strategy<Value = Step> {
    let two = || (0..GROUPS, 0..GROUPS);
    prop_oneof![
        4 => two().prop_map(|(inner, outer)| Step::Nest(inner, outer)),
        1 => (two(), any::<bool>()).prop_map(|((inner, outer), over)| Step::NestUntil(inner, outer, over)),
        3 => two().prop_map(|(inner, outer)| Step::Take(inner, outer)),
        3 => (0_usize..8).prop_map(Step::Ask),
        1 => Just(Step::Forget),
    ]
}

fn compare(view: &View<'_>, edges: &Edges) {
    for user in 0..GROUPS {
        let groups = reached(edges, user);
        for other in 0..GROUPS {
            let text = format!("document:d{other}#view@user:u{user}");
            assert_eq!(has(view, &text), groups.contains(&other), "{text} at {:?} of {edges:?}", view.revision());
        }
    }
}

/// In each group one user, and for each a document that it may see.
fn world() -> Index {
    let users = (0..GROUPS).map(|number| format!("{}#member@user:u{number}", group(number)));
    let documents = (0..GROUPS).map(|number| format!("document:d{number}#viewer@{}#member", group(number)));
    let all: Vec<String> = users.chain(documents).collect();
    index(SCHEMA, &all.iter().map(String::as_str).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_the_edges(steps in prop::collection::vec(step(), 1..60)) {
        let index = world();
        let mut states: BTreeMap<Revision, Edges> = BTreeMap::from([(index.applied(), Edges::new())]);
        for step in steps {
            let mut edges = states.last_key_value().unwrap().1.clone();
            match step {
                Step::Nest(inner, outer) => {
                    edges.insert((inner, outer));
                    states.insert(write(&index, vec![touch(&inside(inner, outer))]), edges);
                }
                // Ends are for the usersets that the schema allows to have one.
                Step::NestUntil(inner, outer, over) if !inner.is_multiple_of(4) => {
                    if over { edges.remove(&(inner, outer)) } else { edges.insert((inner, outer)) };
                    let end = Timestamp(if over { given().now.0 - 1 } else { given().now.0 + 1_000 });
                    let terms = Terms { expires_at: Some(end), ..Terms::default() };
                    let change = Change::RelationshipTouched(relationship(&inside(inner, outer)), terms);
                    states.insert(write(&index, vec![change]), edges);
                }
                Step::NestUntil(..) => {}
                Step::Take(inner, outer) => {
                    edges.remove(&(inner, outer));
                    states.insert(write(&index, vec![delete(&inside(inner, outer))]), edges);
                }
                Step::Ask(back) => {
                    compare(&index.view(), &edges);
                    let (revision, edges) = states.iter().rev().nth(back).unwrap_or_else(|| states.first_key_value().unwrap());
                    compare(&index.view_at(*revision).unwrap(), edges);
                }
                Step::Forget => {
                    let horizon = index.published();
                    index.collect(horizon);
                    states.retain(|revision, _| *revision >= horizon);
                }
            }
        }
        compare(&index.view(), states.last_key_value().unwrap().1);
    }
}

/// A chain of so many groups above the user's own.
fn chain(length: usize) -> Index {
    let mut all = vec!["group:c0#member@user:alice".to_owned()];
    all.extend((0..length).map(|at| format!("group:c{}#member@group:c{at}#member", at + 1)));
    index(SCHEMA, &all.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_chain_is_climbed_to_its_end_however_many_slots_tell_of_it() {
    for length in [1, KEPT_MAX - 1, KEPT_MAX, KEPT_MAX + 1, 2 * KEPT_MAX, 2 * KEPT_MAX + 1, 47, 48] {
        let index = chain(length);
        for _ in 0..2 {
            let view = index.view();
            assert!(has(&view, &format!("group:c{length}#member@user:alice")), "{length}");
            assert!(!has(&view, &format!("group:c{}#member@user:alice", length + 1)), "{length}");
        }
        write(&index, vec![delete(&format!("group:c{length}#member@group:c{}#member", length - 1))]);
        assert!(!has(&index.view(), &format!("group:c{length}#member@user:alice")), "{length}");
    }
}

#[test]
fn a_group_right_below_many_is_in_each() {
    for above in [KEPT_MAX - 1, KEPT_MAX, KEPT_MAX + 1, 40, 47, 48, 100] {
        let mut all = vec!["group:low#member@user:alice".to_owned()];
        all.extend((0..above).map(|at| format!("group:h{at}#member@group:low#member")));
        let index = index(SCHEMA, &all.iter().map(String::as_str).collect::<Vec<_>>());
        for _ in 0..2 {
            for at in 0..above {
                assert!(has(&index.view(), &format!("group:h{at}#member@user:alice")), "{at} of {above}");
            }
        }
    }
}

#[test]
fn without_room_for_what_is_known_answers_are_the_same() {
    let write_all = |memory: &Memory| {
        let index = Index::within(memory);
        // Nothing is nested by this one, so there is nothing to know yet.
        let flat = "definition user {}\ndefinition group {\n relation member: user\n}".to_owned();
        write(&index, vec![Change::SchemaWritten(flat)]);
        let all = (0..20).map(|at| touch(&format!("group:c{}#member@group:c{at}#member", at + 1)));
        write(&index, all.chain([touch("group:c0#member@user:alice")]).collect());
        index
    };
    let needed = {
        let memory = Memory::unlimited();
        let _index = write_all(&memory);
        memory.used()
    };
    for (bytes, there_is_room) in [(needed, false), (needed + 8_191, false), (needed + 8_192, true)] {
        let index = write_all(&Memory::at_most(bytes));
        write(&index, vec![Change::SchemaWritten(SCHEMA.to_owned())]);
        assert_eq!(index.nesting.bytes() > 0, there_is_room, "{bytes} of {needed}");
        for _ in 0..2 {
            assert!(has(&index.view(), "group:c20#member@user:alice"));
            assert!(!has(&index.view(), "group:c20#member@user:bob"));
        }
    }
}

#[test]
fn nobody_sees_an_edge_between_groups_before_it_is_there_or_after_it_was_taken_away() {
    const CHANGES: u64 = 4_000;
    let index = chain(3);
    let first = index.applied().0;
    let (over, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let last = over.load(Ordering::Acquire);
                    let view = index.view();
                    // Each change takes the edge away or puts it back.
                    let there = (view.revision().0 - first).is_multiple_of(2);
                    assert_eq!(has(&view, "group:c3#member@user:alice"), there, "at {:?}", view.revision());
                    assert!(has(&view, "group:c1#member@user:alice"));
                    asked.fetch_add(1, Ordering::Relaxed);
                    if last {
                        break;
                    }
                }
            });
        }
        for number in 0..CHANGES {
            let edge = "group:c2#member@group:c1#member";
            let change = if number.is_multiple_of(2) { delete(edge) } else { touch(edge) };
            write(&index, vec![change]);
            // So that closures are found and kept between changes too.
            if number.is_multiple_of(16) {
                std::thread::yield_now();
            }
        }
        over.store(true, Ordering::Release);
    });
    assert!(asked.load(Ordering::Relaxed) > 2);
}

#[test]
fn a_new_schema_does_not_take_over_what_another_one_nests() {
    let index = chain(3);
    assert!(has(&index.view(), "group:c3#member@user:alice"));
    let before = index.applied();
    // Nothing is nested by this one: members of members are found through a permission.
    let flat = SCHEMA
        .replace("relation member: user | group#member |", "relation member: user | group#inside | group#member |");
    let flat = flat.replace("definition group {", "definition group {\n permission inside = member");
    write(&index, vec![Change::SchemaWritten(flat)]);
    assert!(has(&index.view(), "group:c3#member@user:alice"));
    write(&index, vec![delete("group:c3#member@group:c2#member")]);
    assert!(!has(&index.view(), "group:c3#member@user:alice"));
    assert!(has(&index.view_at(before).unwrap(), "group:c3#member@user:alice"));
    write(&index, vec![Change::SchemaWritten(SCHEMA.to_owned())]);
    assert!(!has(&index.view(), "group:c3#member@user:alice"));
    assert!(has(&index.view(), "group:c2#member@user:alice"));
}

#[test]
fn nobody_takes_half_of_one_groups_closure_for_anothers() {
    const GROUPS: u32 = 600;
    const ROUNDS: u32 = 60;
    let nesting = Nesting::new(&Memory::unlimited());
    nesting.make_room(0);
    let nested = [Node::new(KindId(1), RelationId(1), 0)];
    let [kind] = nested;
    let above = |group: u32| {
        let higher = |at: u32| Higher { node: kind.with_object(group * 100 + at), through: at as usize };
        std::array::from_fn::<_, KEPT_MAX, _>(|at| higher(u32::try_from(at).unwrap()))
    };
    let shape = Shape { len: KEPT_MAX, whole: KEPT_MAX, exact: true };
    let found = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for begin in 0..2 {
            let (nesting, nested, found) = (&nesting, &nested, &found);
            scope.spawn(move || {
                // There are a tenth as many slots, so each group is found seldom, and pushed out soon.
                for round in 0..ROUNDS * GROUPS {
                    let group = (round * 7 + begin * 13) % GROUPS + 1;
                    let node = kind.with_object(group);
                    nesting.keep((node, 1), nested, Revision(1), (shape, &above(group)));
                    for other in [group, group % GROUPS + 1] {
                        let Some(kept) = nesting.find(kind.with_object(other), 1) else { continue };
                        let told: Vec<Higher> = kept.above(nested).collect();
                        if kept.is_good(Revision(1)) {
                            assert_eq!(told, above(other), "{other}");
                            found.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    assert!(found.load(Ordering::Relaxed) > 1_000);
}
