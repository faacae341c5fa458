//! What is kept during a check changes what it costs, never what it says: held to the oracle on graphs that are all cycles.

use prokura_model::{Change, Relationship};
use prokura_testkit::{Answer, World};
use proptest::prelude::*;

use super::{given, question, relationship, write};
use crate::{
    Index, Limits,
    check::{Above, Check, Truth},
    graph::Graph,
    trace::Silent,
};

const SCHEMA: &str = "
    definition user {}
    definition thing {
        relation base: user | thing#base | thing#loop | thing#split
        relation next: thing
        relation flag: user | thing#base | thing#odd
        permission loop = flag & next->loop + next->split
        permission split = (base - next->odd) + next->loop
        permission odd = base - next->odd - (next->split & flag)
        permission deep = (next->deep & next->loop) + (flag - (base - next->deep))
    }
";

const MEMBERS: [&str; 6] = ["base", "flag", "loop", "split", "odd", "deep"];

fn edge(things: u8) -> impl Strategy<Value = Relationship> {
    let thing = move || (0..things).prop_map(|number| format!("thing:t{number}"));
    prop_oneof![
        4 => (thing(), thing()).prop_map(|(one, other)| format!("{one}#next@{other}")),
        2 => (thing(), thing()).prop_map(|(one, other)| format!("{one}#base@{other}#base")),
        1 => (thing(), thing()).prop_map(|(one, other)| format!("{one}#base@{other}#loop")),
        1 => (thing(), thing()).prop_map(|(one, other)| format!("{one}#base@{other}#split")),
        1 => (thing(), thing()).prop_map(|(one, other)| format!("{one}#flag@{other}#odd")),
        1 => (thing(), thing()).prop_map(|(one, other)| format!("{one}#flag@{other}#base")),
        1 => thing().prop_map(|one| format!("{one}#base@user:alice")),
        1 => thing().prop_map(|one| format!("{one}#flag@user:alice")),
    ]
    .prop_map(|text| relationship(&text))
}

/// The answer, keeping from the first goal on or never; none if it would take too long.
fn truth(index: &Index, asked: &Relationship, remembering_after: u32) -> Option<Truth> {
    let view = index.view();
    let guard = index.guard();
    let graph = Graph::new(&view, &guard);
    let prepared = view.prepare(&graph, &asked.resource, &asked.relation, &asked.subject, given()).unwrap();
    let limits = Limits { work: 200_000, ..Limits::default() };
    let mut silent = Silent;
    let mut above = Above::new();
    let mut check = Check::new(prepared.asked, &limits, &mut above, &mut silent).remembering_after(remembering_after);
    check.run(prepared.goal).ok().map(|answer| answer.truth)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keeping_answers_changes_none(edges in prop::collection::vec(edge(4), 1..24)) {
        let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned())];
        changes.extend(edges.into_iter().map(Change::touched));
        let world = World::of(&changes);
        let index = Index::new();
        write(&index, changes);
        for thing in 0..4 {
            for member in MEMBERS {
                let asked = question(&format!("thing:t{thing}#{member}@user:alice"));
                let given = given();
                let right = match world.check(&asked.resource, &asked.relation, &asked.subject, given.context, given.now) {
                    Answer::Has => Truth::True,
                    Answer::HasNot => Truth::False,
                    _ => Truth::Unknown,
                };
                prop_assert_eq!(truth(&index, &asked, 0), Some(right), "{} keeping all", asked);
                if let Some(found) = truth(&index, &asked, u32::MAX) {
                    prop_assert_eq!(found, right, "{} keeping none", asked);
                }
            }
        }
    }
}
