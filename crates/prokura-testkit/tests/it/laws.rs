//! The laws of the decision, held by the oracle itself.

use prokura_testkit::{World, laws};

#[test]
fn in_schemas_without_exclusion_removing_an_edge_never_allows() {
    let tried = laws::removing_an_edge_never_allows(World::default, 60);
    assert!(tried > 500, "tried only {tried} times");
}

#[test]
fn nobody_downstream_may_more() {
    let tried = laws::nobody_downstream_may_more(World::default, 80);
    assert!(tried > 50, "tried only {tried} times");
}

#[test]
fn one_cut_ends_it() {
    let tried = laws::one_cut_ends_it(World::default, 550);
    assert!(tried > 50, "tried only {tried} times");
}

#[test]
fn time_only_takes() {
    let tried = laws::time_only_takes(World::default, 40);
    assert!(tried > 300, "tried only {tried} times");
}
