//! engine == oracle, on random schemas, graphs, chains and questions.
//!
//! `PROKURA_CASES` says how many, `PROKURA_SEED` where to begin. What is found is printed as a scenario, made small.

use prokura_testkit::compare::{cases, differential, first_seed};

use crate::candidate::Engine;

#[test]
fn differential_engine_equals_oracle() {
    let cases = cases(10_000);
    println!("{cases} cases from seed {}", first_seed());
    let (tally, difference) = differential(Engine::default, cases);
    print!("{tally}");
    if let Some(difference) = difference {
        panic!("{difference}");
    }
    tally.require_spread();
}
