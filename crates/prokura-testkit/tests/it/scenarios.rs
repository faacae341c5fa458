//! The written scenarios, answered by the oracle and by the evaluator without a bug.

use prokura_testkit::{
    Bug, Candidate, Planted, Tally, World,
    scenario::{self, Scenario},
};

#[test]
fn the_oracle_answers_every_scenario_as_written() {
    let scenarios = scenario::all();
    assert!(scenarios.len() >= 26, "only {} scenarios were found", scenarios.len());
    let mut wrong = String::new();
    for (name, scenario) in scenarios {
        if let Err(found) = scenario::run(&scenario, &mut World::default()) {
            wrong.push_str(&format!("{name}: by the oracle:\n{found}"));
        }
        if let Err(found) = scenario::run(&scenario, &mut Planted::new(Bug::None)) {
            wrong.push_str(&format!("{name}: by the evaluator:\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_operator_meets_wildcards_caveats_expiry_and_recursion_in_a_scenario() {
    let tally = tally(scenario::all());
    assert!(tally.unmet().is_empty(), "no scenario shows {:?}\n{tally}", tally.unmet());
    assert!(tally.never_nested().is_empty(), "no scenario shows, one under the other, {:?}", tally.never_nested());
    let nothing = Tally::default();
    assert!(
        !nothing.unmet().is_empty() && !nothing.never_nested().is_empty(),
        "nothing at all was taken for everything"
    );
}

/// Each file that is named for an operator fills its row of the matrix alone.
#[test]
fn every_operator_meets_them_all_in_its_own_scenario() {
    let mut missing = Vec::new();
    for (file, operator) in [
        ("operator-union", "+"),
        ("operator-intersection", "&"),
        ("operator-exclusion", "-"),
        ("operator-arrow-any", "->"),
        ("operator-arrow-all", "all"),
        ("operator-userset", "userset"),
        ("operator-self", "self"),
        ("operator-nil", "nil"),
    ] {
        let own: Vec<_> = scenario::all().into_iter().filter(|(name, _)| name == file).collect();
        assert_eq!(own.len(), 1, "{file} is not there");
        let tally = tally(own);
        let empty = tally.unmet().into_iter().chain(tally.never_nested()).filter(|(of, _)| *of == operator);
        missing
            .extend(empty.map(|(_, circumstance)| format!("{file}.yaml shows no {circumstance} under `{operator}`")));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

fn tally(scenarios: Vec<(String, Scenario)>) -> Tally {
    let mut tally = Tally::default();
    for (name, scenario) in scenarios {
        let mut world = World::default();
        for stage in scenario.stages().unwrap_or_else(|error| panic!("{name}: {error}")) {
            world.apply(&stage.changes, stage.now);
            for expected in stage.asks {
                tally.count(&world, &expected.ask, &expected.answer);
            }
        }
    }
    tally
}
