//! Bugs planted in a copy of the evaluator: the generator finds each, within the number of cases of the ordinary run.

use prokura_testkit::{Bug, Planted, compare::differential};

/// As many as the engine is compared on in the ordinary run.
const CASES: u64 = 10_000;

#[test]
fn the_evaluator_without_a_bug_is_the_oracle() {
    let (tally, difference) = differential(|| Planted::new(Bug::None), CASES);
    if let Some(difference) = difference {
        panic!("{difference}");
    }
    print!("{tally}");
}

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        match differential(|| Planted::new(bug), CASES) {
            (_, Some(difference)) => {
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
