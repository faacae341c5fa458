//! The laws of the decision, on the engine alone: the oracle is not asked.

use prokura_testkit::laws;

use crate::candidate::Engine;

#[test]
fn in_schemas_without_exclusion_removing_an_edge_never_allows() {
    let tried = laws::removing_an_edge_never_allows(Engine::default, 150);
    assert!(tried > 1_000, "tried only {tried} times");
}

#[test]
fn nobody_downstream_may_more() {
    let tried = laws::nobody_downstream_may_more(Engine::default, 400);
    assert!(tried > 200, "tried only {tried} times");
}

#[test]
fn one_cut_ends_it() {
    let tried = laws::one_cut_ends_it(Engine::default, 800);
    assert!(tried > 200, "tried only {tried} times");
}

#[test]
fn time_only_takes() {
    let tried = laws::time_only_takes(Engine::default, 300);
    assert!(tried > 2_000, "tried only {tried} times");
}
