//! A limit makes an error of an answer, never another answer.

use prokura_engine::Limits;
use prokura_testkit::{Answer, Candidate, World, generate::Case};

use crate::candidate::{Engine, answer};

#[test]
fn however_low_the_limits_an_answer_is_right_or_an_error() {
    let mut reached = 0;
    let mut kept = 0;
    for seed in 1..300 {
        let case = Case::of(seed);
        let mut engine = Engine::default();
        let mut world = World::default();
        for transaction in &case.before {
            engine.apply(transaction, prokura_model::Timestamp(1));
            world.apply(transaction, prokura_model::Timestamp(1));
        }
        for ask in &case.asks {
            let right = world.answer(ask);
            for low in [1, 2, 3, 5, 8] {
                let depth = Limits { depth: low, ..Limits::default() };
                let work = Limits { work: u64::try_from(low).expect("small"), ..Limits::default() };
                for (limits, code) in [(depth, "check_too_deep"), (work, "check_too_much_work")] {
                    let found = answer(&engine.index.view(), ask, &limits);
                    if found == Answer::Failed(code.to_owned()) {
                        reached += 1;
                    } else {
                        assert!(right.agrees_with(&found), "seed {seed}, {limits:?}: {ask}: {found}, right is {right}");
                        kept += 1;
                    }
                }
            }
        }
    }
    assert!(reached > 500 && kept > 500, "reached {reached} times, kept {kept} times");
}
