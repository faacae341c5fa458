//! The written scenarios, answered by the engine.

use prokura_testkit::scenario;

use crate::candidate::Engine;

#[test]
fn the_engine_answers_every_scenario_as_written() {
    let mut wrong = String::new();
    for (name, scenario) in scenario::all() {
        if let Err(found) = scenario::run(&scenario, &mut Engine::default()) {
            wrong.push_str(&format!("{name}:\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
