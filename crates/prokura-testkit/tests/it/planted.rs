//! Bugs planted in a copy of the evaluator: the generator finds each, within the number of cases of the ordinary run.

use prokura_testkit::{
    Bug, Planted, World,
    compare::{Difference, differential_on},
    generate::Case,
    scenario::{self, Scenario},
};

/// As many as the engine is compared on in the ordinary run.
const CASES: u64 = 10_000;

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
    for bug in Bug::ALL {
        match differential_on(Case::small, || Planted::new(bug), CASES) {
            (_, Some(difference)) => {
                confirm(bug, &difference);
                println!(
                    "{bug:?}: after {} cases, in {} changes: {}",
                    difference.after,
                    difference.changes.len(),
                    difference.ask
                );
            }
            (_, None) => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not found within {CASES} cases: {missed:?}");
}

/// What is printed can be saved: as a scenario it holds for the oracle, and fails for the bug.
fn confirm(bug: Bug, difference: &Difference) {
    let text = scenario::text_of(&difference.changes, &difference.ask, &difference.right);
    let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{bug:?}: {error}\n{text}"));
    scenario::run(&scenario, &mut World::default()).unwrap_or_else(|wrong| panic!("{bug:?}: {wrong}\n{text}"));
    let found = scenario::run(&scenario, &mut Planted::new(bug));
    // Scenarios do not say how long an allow holds.
    assert!(found.is_err() || bug == Bug::ValidityOfTheLastLinkOnly, "{bug:?}: the scenario does not show it\n{text}");
}
