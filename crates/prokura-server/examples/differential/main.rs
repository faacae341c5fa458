//! Two servers that speak `authzed.api.v1`, asked the same about the same random worlds: ours, and the one it is held to.
//!
//! `cargo run --release -p prokura-server --example differential -- --ours HOST:PORT KEY --other HOST:PORT KEY
//! [--questions N] [--seed N]`. Both servers lose what they hold. Ends with 1 at the first difference that is not one of
//! the known ones, which are counted and named at the end and do not count as questions.
//!
//! The worlds have no cycles: the other gives up on them, and ours is held to the oracle there.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    reason = "a program for developers: it prints, and ends where something is not as it should be"
)]

mod server;
mod worlds;

use std::{collections::BTreeMap, env, process::ExitCode, time::Instant};

use self::{
    server::Server,
    worlds::{Answers, Questions},
};
use prokura_testkit::generate::Case;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let after = |flag: &str, place: usize| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + place).cloned()
    };
    let named = |flag: &str| after(flag, 1).zip(after(flag, 2));
    let (Some(ours), Some(other)) = (named("--ours"), named("--other")) else {
        println!("usage: --ours HOST:PORT KEY --other HOST:PORT KEY [--questions N] [--seed N]");
        return ExitCode::from(2);
    };
    let number = |flag: &str, otherwise: u64| {
        after(flag, 1).map_or(otherwise, |text| text.parse().expect("a number stands after the flag"))
    };
    let (questions, mut seed) = (number("--questions", 200_000), number("--seed", 1));
    let (ours, other) = (Server::at(&ours.0, &ours.1).await, Server::at(&other.0, &other.1).await);
    let mut known: BTreeMap<&'static str, u64> = BTreeMap::new();
    let (mut asked, mut refused, mut without) = (0_u64, 0_u64, 0_u64);
    let mut shown = Instant::now();
    while asked < questions {
        let Some(world) = worlds::World::of(&Case::of(seed)) else {
            without += 1;
            seed += 1;
            continue;
        };
        let written = (ours.hold(&world).await, other.hold(&world).await);
        match written {
            (Ok(()), Ok(())) => {}
            (Err(one), Err(_)) => {
                // Both refuse it: then there is nothing to ask.
                refused += 1;
                assert!(refused < 50, "too many worlds are refused: {one}");
                seed += 1;
                continue;
            }
            (one, two) => {
                println!("seed {seed}: one refuses what the other takes\nours: {one:?}\nother: {two:?}\n{world}");
                return ExitCode::FAILURE;
            }
        }
        let all = Questions::about(&world, seed);
        let (one, two) = (all.ask(&ours).await, all.ask(&other).await);
        let Some(explained) = told(seed, &world, &all, (&one, &two), &other, &mut known).await else {
            return ExitCode::FAILURE;
        };
        asked += all.len() - explained;
        if shown.elapsed().as_secs() >= 10 {
            println!("{asked} questions, seed {seed}, explained: {known:?}");
            shown = Instant::now();
        }
        seed += 1;
    }
    println!(
        "{asked} questions up to seed {seed}, 0 unexplained differences; explained, not counted: {known:?}; \
         {without} seeds without a world, {refused} worlds refused by both"
    );
    ExitCode::SUCCESS
}

/// How many differences there are, if every one is known.
async fn told(
    seed: u64,
    world: &worlds::World,
    all: &Questions,
    answers: (&Answers, &Answers),
    other: &Server,
    known: &mut BTreeMap<&'static str, u64>,
) -> Option<u64> {
    let mut explained = 0;
    for (position, question) in all.iter().enumerate() {
        let (Some(one), Some(two)) = (answers.0.get(position), answers.1.get(position)) else {
            println!("seed {seed}: not every question was answered");
            return None;
        };
        if one == two {
            continue;
        }
        let why = match worlds::explained(one, two) {
            Some(why) => Some(why),
            None => worlds::contradiction(question, one, two, other).await,
        };
        let Some(why) = why else {
            println!("seed {seed}: {question}\nours:  {one:?}\nother: {two:?}\n{world}");
            return None;
        };
        *known.entry(why).or_default() += 1;
        explained += 1;
    }
    Some(explained)
}
