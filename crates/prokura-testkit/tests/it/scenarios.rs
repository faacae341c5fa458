//! The written scenarios, answered by the oracle and by the evaluator without a bug.

use prokura_testkit::{Bug, Candidate, Planted, Tally, World, scenario};

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
    let mut tally = Tally::default();
    for (name, scenario) in scenario::all() {
        let mut world = World::default();
        for stage in scenario.stages().unwrap_or_else(|error| panic!("{name}: {error}")) {
            world.apply(&stage.changes, stage.now);
            for expected in stage.asks {
                tally.count(&world, &expected.ask, &expected.answer);
            }
        }
    }
    assert!(tally.unmet().is_empty(), "no scenario shows {:?}\n{tally}", tally.unmet());
    assert!(!Tally::default().unmet().is_empty(), "nothing at all was taken for everything");
}
