//! Who may do what with tasks and links: an evaluator that goes the other way about it is the oracle, and every bug that is
//! planted in it is found.

use prokura_model::Timestamp;
use prokura_testkit::{Candidate, PlantedRights, Right, RightsBug, World, compare::first_seed, generate::RightsCase};

const CASES: u64 = 1_500;

/// The first case in which the evaluator says something else than the oracle.
fn difference(bug: RightsBug, cases: u64) -> Option<String> {
    (first_seed()..first_seed() + cases).find_map(|seed| {
        let case = RightsCase::of(seed);
        let mut world = World::default();
        world.apply(&case.changes, Timestamp(0));
        let planted = PlantedRights::new(bug, &world, case.now);
        case.everybody.iter().find_map(|by| {
            case.acts.iter().find_map(|act| {
                let (right, found) = (world.may(by, act, case.now), planted.may(by, act));
                (right != found).then(|| format!("seed {seed}: may {by} {act}? {right:?}, found {found:?}"))
            })
        })
    })
}

#[test]
fn the_evaluator_without_a_bug_is_the_oracle() {
    assert_eq!(difference(RightsBug::None, CASES), None);
}

#[test]
fn every_planted_bug_is_found() {
    let missed: Vec<_> = RightsBug::ALL.into_iter().filter(|bug| difference(*bug, CASES).is_none()).collect();
    assert!(missed.is_empty(), "not found within {CASES} cases: {missed:?}");
}

/// What random cases show is worth something: often enough somebody may, and somebody may not.
#[test]
fn the_cases_go_both_ways() {
    let (mut yes, mut no) = (0, 0);
    for seed in 1..200 {
        let case = RightsCase::of(seed);
        let mut world = World::default();
        world.apply(&case.changes, Timestamp(0));
        for act in &case.acts {
            for by in &case.everybody {
                match world.may(by, act, case.now) {
                    Right::Yes => yes += 1,
                    Right::No | Right::Unsaid => no += 1,
                }
            }
        }
    }
    assert!(yes * 12 > no && no > yes, "{yes} may, {no} may not");
}
