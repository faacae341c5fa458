//! Bugs planted in a copy of the evaluator: the generator finds each within a number of cases that everybody can wait for.

use prokura_model::Reason;
use prokura_testkit::{
    Answer, Bug, Planted, World,
    compare::{Difference, differential_of_each, differential_on},
    generate::Case,
    scenario::{self, Scenario},
};

/// Three times what the engine is compared on in an ordinary run.
const CASES: u64 = 30_000;

#[test]
fn the_evaluator_without_a_bug_is_the_oracle() {
    let (tally, difference) = differential_on(Case::small, || Planted::new(Bug::None), CASES);
    if let Some(difference) = difference {
        panic!("{difference}");
    }
    print!("{tally}");
}

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    for (bug, difference) in differential_of_each(Case::small, &Bug::ALL, Planted::new, CASES) {
        let Some(difference) = difference else {
            missed.push(bug);
            continue;
        };
        confirm(bug, &difference);
        let (after, changes) = (difference.after, difference.changes.len());
        println!("{bug:?}: after {after} cases, in {changes} changes: {}", difference.ask);
    }
    assert!(missed.is_empty(), "not found within {CASES} cases: {missed:?}");
}

/// What is printed can be saved: as a scenario it holds for the oracle, and fails for the bug.
fn confirm(bug: Bug, difference: &Difference) {
    let text = scenario::text_of(&difference.changes, &difference.ask, &difference.right);
    let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{bug:?}: {error}\n{text}"));
    scenario::run(&scenario, &mut World::default()).unwrap_or_else(|wrong| panic!("{bug:?}: {wrong}\n{text}"));
    let found = scenario::run(&scenario, &mut Planted::new(bug));
    // Scenarios say neither how long an allow holds nor at which link a chain failed.
    let untold = reason(&difference.right).is_some() && reason(&difference.right) == reason(&difference.found);
    assert!(found.is_err() || untold, "{bug:?}: the scenario does not show it\n{text}");
}

fn reason(answer: &Answer) -> Option<Reason> {
    match answer {
        Answer::Decided(verdict) => Some(verdict.reason),
        Answer::OneOf(answers) => answers.first().and_then(reason),
        _ => None,
    }
}
