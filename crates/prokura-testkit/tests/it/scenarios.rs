//! The written scenarios, answered by the oracle and by the evaluator without a bug.

use prokura_testkit::{Bug, Planted, World, scenario};

#[test]
fn the_oracle_answers_every_scenario_as_written() {
    let scenarios = scenario::all();
    assert!(scenarios.len() >= 15, "only {} scenarios were found", scenarios.len());
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
