//! A candidate held to the oracle, case after case.

use std::{env, fmt};

use prokura_model::{Change, Timestamp};

use crate::{Answer, Ask, Candidate, Rng, Tally, World, generate::Case, scenario, shrink};

/// How many cases a run has: what `PROKURA_CASES` says, or this many.
///
/// # Panics
/// The variable is not a number.
#[must_use]
pub fn cases(ordinarily: u64) -> u64 {
    number("PROKURA_CASES").unwrap_or(ordinarily)
}

/// Where the seeds of a run begin: what `PROKURA_SEED` says, or 1. The same seeds make the same cases.
///
/// # Panics
/// The variable is not a number.
#[must_use]
pub fn first_seed() -> u64 {
    number("PROKURA_SEED").unwrap_or(1)
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    let plain: String = text.chars().filter(|character| *character != '_').collect();
    Some(plain.parse().unwrap_or_else(|_| panic!("{variable} is `{text}`, which is not a number")))
}

/// A question that a candidate answers otherwise than the oracle.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The seed of the case.
    pub seed: u64,
    /// After how many cases it was found.
    pub after: u64,
    /// The smallest world found that shows it.
    pub changes: Vec<Change>,
    /// The question.
    pub ask: Ask,
    /// The oracle's answer.
    pub right: Answer,
    /// The candidate's.
    pub found: Answer,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, after {} cases: {}", self.seed, self.after, self.ask)?;
        writeln!(f, "right: {}\nfound: {}\n", self.right, self.found)?;
        writeln!(f, "as a scenario, for scenarios/NAME.yaml:\n")?;
        f.write_str(&scenario::text_of(&self.changes, &self.ask, &self.right))
    }
}

/// Compares on at least so many (world, question) cases, or until the first difference, which is then made small.
///
/// Each case is asked before and after a while of later changes, on one candidate that takes in both.
pub fn differential<C: Candidate>(new: impl Fn() -> C, at_least: u64) -> (Tally, Option<Difference>) {
    differential_on(Case::guarded, new, at_least)
}

/// As [`differential`], on cases made otherwise.
pub fn differential_on<C: Candidate>(
    make: impl Fn(u64) -> Case,
    new: impl Fn() -> C,
    at_least: u64,
) -> (Tally, Option<Difference>) {
    let mut tally = Tally::default();
    let mut seed = first_seed();
    while tally.cases < at_least {
        let case = make(seed);
        let right = Right::of(&case, &mut tally);
        if let Some(difference) = right.compare(&case, &new, tally.cases) {
            return (tally, Some(difference));
        }
        seed += 1;
    }
    (tally, None)
}

/// As [`differential_on`], for several candidates: the first difference of each that has one. The oracle answers once for
/// all of them.
pub fn differential_of_each<N: Copy, C: Candidate>(
    make: impl Fn(u64) -> Case,
    names: &[N],
    new: impl Fn(N) -> C,
    at_least: u64,
) -> Vec<(N, Option<Difference>)> {
    let mut found: Vec<(N, Option<Difference>)> = names.iter().map(|name| (*name, None)).collect();
    let mut tally = Tally::default();
    let mut seed = first_seed();
    while tally.cases < at_least && found.iter().any(|(_, difference)| difference.is_none()) {
        let case = make(seed);
        let right = Right::of(&case, &mut tally);
        for (name, difference) in found.iter_mut().filter(|(_, difference)| difference.is_none()) {
            *difference = right.compare(&case, &|| new(*name), tally.cases);
        }
        seed += 1;
    }
    found
}

/// The oracle's answers to everything a case asks: before and after its later changes.
struct Right {
    parts: [Part; 2],
}

/// Transactions, and what is asked after them with its right answer.
type Part = (Vec<Vec<Change>>, Vec<(Ask, Answer)>);

impl Right {
    fn of(case: &Case, tally: &mut Tally) -> Self {
        let mut world = World::default();
        let later: Vec<Ask> = case.asks.iter().chain(&case.asks_after).cloned().collect();
        let parts = [(&case.before, &case.asks), (&case.after, &later)].map(|(transactions, asks)| {
            for transaction in transactions {
                world.apply(transaction, Timestamp(1));
            }
            let answered = asks.iter().map(|ask| {
                let right = world.answer(ask);
                tally.count(&world, ask, &right);
                (ask.clone(), right)
            });
            (transactions.clone(), answered.collect())
        });
        Self { parts }
    }

    fn compare<C: Candidate>(&self, case: &Case, new: &impl Fn() -> C, after: u64) -> Option<Difference> {
        let mut candidate = new();
        let mut changes = Vec::new();
        for (transactions, asks) in &self.parts {
            for transaction in transactions {
                candidate.apply(transaction, Timestamp(1));
                changes.extend(transaction.iter().cloned());
            }
            for (ask, right) in asks {
                let found = candidate.answer(ask);
                if !right.agrees_with(&found) {
                    let (ask, right) = (ask.clone(), right.clone());
                    return Some(smallest(Difference { seed: case.seed, after, changes, ask, right, found }, new));
                }
            }
        }
        None
    }
}

fn smallest<C: Candidate>(mut difference: Difference, new: &impl Fn() -> C) -> Difference {
    let answers = |changes: &[Change]| {
        let mut candidate = new();
        candidate.apply(changes, Timestamp(1));
        (World::of(changes).answer(&difference.ask), candidate.answer(&difference.ask))
    };
    // Taken in at once instead of step by step it may be gone; then the case itself must do.
    let (right, found) = answers(&difference.changes);
    if right.agrees_with(&found) {
        return difference;
    }
    let changes = shrink(&difference.changes, &|changes| {
        let (right, found) = answers(changes);
        !right.agrees_with(&found)
    });
    let (right, found) = answers(&changes);
    difference = Difference { changes, right, found, ..difference };
    difference
}

/// Random numbers for what a property test chooses beside the case.
#[must_use]
pub fn dice(case: &Case) -> Rng {
    Rng::new(case.seed ^ 0x5EED)
}
