//! The library in the words of the test kit, held to the oracle.

use std::{cell::RefCell, sync::Arc};

use prokura::{
    Authority, MemoryDisk, Permissionship, Question,
    model::{Change, Timestamp, encode_changes},
};
use prokura_store::{Entry, Log};
use prokura_testkit::{
    Answer, Ask, Candidate, Tally, Verdict, World,
    compare::{cases, differential, first_seed},
    generate::Case,
    scenario,
};

use super::support::{Hand, ask, by, snapshot, tenant};

/// Everything goes through the writer, which refuses what is not legal.
#[derive(Debug)]
struct Written {
    authority: Authority,
    hand: Hand,
    disk: MemoryDisk,
}

impl Default for Written {
    fn default() -> Self {
        let (disk, hand) = (MemoryDisk::new(), Hand::at(0));
        Self { authority: Authority::open_on(Arc::new(disk.clone()), hand.options()).unwrap(), hand, disk }
    }
}

impl Candidate for Written {
    fn apply(&mut self, changes: &[Change], at: Timestamp) {
        if changes.is_empty() {
            return;
        }
        self.hand.set(at.0);
        self.authority.write(&tenant(), by("user:tester"), changes.to_vec()).unwrap();
    }

    /// Asked of a copy, so that what is written next is not later than the latest moment that was asked about.
    fn answer(&self, ask: &Ask) -> Answer {
        let written = self.disk.files().into_iter().filter(|(name, _)| name.starts_with("log."));
        let (copy, hand) = (MemoryDisk::with_files(written), Hand::at(0));
        answer(&Authority::open_on(Arc::new(copy), hand.options()).unwrap(), &hand, ask)
    }
}

/// Everything comes from a log, and so past the writer: what a forger with the disk in hand could do. Opened when it is
/// asked, and opened anew when it is asked about an earlier moment, because an open one never goes back.
#[derive(Debug, Default)]
struct Replayed {
    entries: Vec<Entry>,
    open: RefCell<Option<(Authority, Hand)>>,
}

impl Candidate for Replayed {
    fn apply(&mut self, changes: &[Change], _: Timestamp) {
        let revision =
            self.entries.last().map_or_else(prokura::model::Revision::default, |entry| entry.revision).next();
        self.entries.push(Entry {
            tenant: tenant(),
            revision,
            // The beginning of time, so that any moment can be asked about.
            time: Timestamp(0),
            author: "user:forger".to_owned(),
            reason: String::new(),
            request_id: None,
            payload: encode_changes(changes),
        });
        *self.open.borrow_mut() = None;
    }

    fn answer(&self, ask: &Ask) -> Answer {
        let mut open = self.open.borrow_mut();
        let moment = if let Ask::Decide { now, .. } = ask { *now } else { Timestamp(u64::MAX) };
        let later = open.as_ref().is_some_and(|(authority, _)| authority.now() > moment);
        if later {
            *open = None;
        }
        let (authority, hand) = open.get_or_insert_with(|| self.replayed());
        answer(authority, hand, ask)
    }
}

impl Replayed {
    fn replayed(&self) -> (Authority, Hand) {
        let (disk, hand) = (MemoryDisk::new(), Hand::at(0));
        let mut log = Log::open_on(Arc::new(disk.clone())).unwrap();
        log.append(&self.entries).unwrap();
        drop(log);
        (Authority::open_on(Arc::new(disk), hand.options()).unwrap(), hand)
    }
}

fn answer(authority: &Authority, hand: &Hand, asked: &Ask) -> Answer {
    match asked {
        Ask::Check { resource, permission, subject } => {
            match snapshot(authority).check(resource, permission, subject) {
                Ok(Permissionship::Has) => Answer::Has,
                Ok(Permissionship::HasNot) => Answer::HasNot,
                Err(error) => Answer::Failed(error.code().to_owned()),
            }
        }
        Ask::Decide { question, now } => {
            hand.set(now.0);
            assert_eq!(authority.now(), *now, "a scenario goes forward in time");
            decided(authority, question)
        }
    }
}

fn decided(authority: &Authority, question: &prokura_testkit::Question) -> Answer {
    let prokura_testkit::Question { actor, delegation, permission, resource } = question.clone();
    match ask(authority, &Question { actor, delegation, permission, resource }) {
        Ok(decided) => {
            let decision = decided.decision;
            Answer::Decided(Verdict { reason: decision.reason, at: decision.at, valid_until: decision.valid_until })
        }
        Err(error) => Answer::Failed(error.code().to_owned()),
    }
}

#[test]
fn the_library_answers_every_scenario_as_written() {
    let mut wrong = String::new();
    for (name, scenario) in scenario::all() {
        let found = if scenario.forged {
            scenario::run(&scenario, &mut Replayed::default())
        } else {
            scenario::run(&scenario, &mut Written::default())
        };
        if let Err(found) = found {
            wrong.push_str(&format!("{name}:\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn differential_replayed_library_equals_oracle() {
    let cases = cases(10_000).min(20_000) / 4;
    println!("{cases} cases from seed {}", first_seed());
    let (tally, difference) = differential(Replayed::default, cases);
    print!("{tally}");
    if let Some(difference) = difference {
        panic!("{difference}");
    }
}

/// Random worlds are full of what a writer refuses. Whatever it takes, the oracle takes; then both must agree, and nothing
/// that was refused may show.
#[test]
fn differential_written_library_equals_oracle() {
    let mut tally = Tally::default();
    let (mut taken, mut refused) = (0, 0);
    for seed in first_seed()..first_seed() + 300 {
        let case = Case::of(seed);
        let (library, mut world) = (Written::default(), World::default());
        let begin = Timestamp(1_700_000_000_000);
        library.hand.set(begin.0);
        for (transactions, asks) in [(&case.before, &case.asks), (&case.after, &case.asks_after)] {
            for change in transactions.iter().flatten() {
                match library.authority.write(&tenant(), by("user:tester"), vec![change.clone()]) {
                    Ok(receipt) => {
                        world.apply(std::slice::from_ref(change), receipt.time);
                        taken += 1;
                    }
                    Err(error) => {
                        assert_eq!(error.fault(), prokura::model::Fault::Caller, "seed {seed}: {error}");
                        refused += 1;
                    }
                }
            }
            let mut asks = asks.clone();
            asks.sort_by_key(|ask| if let Ask::Decide { now, .. } = ask { *now } else { begin });
            for mut asked in asks {
                if let Ask::Decide { now, .. } = &mut asked {
                    *now = (*now).max(library.authority.now());
                }
                let right = world.answer(&asked);
                tally.count(&world, &asked, &right);
                assert_eq!(answer(&library.authority, &library.hand, &asked), right, "seed {seed}: {asked}");
            }
        }
    }
    println!("{taken} changes taken, {refused} refused");
    print!("{tally}");
    assert!(taken > 5 * refused && refused > 100, "{taken} changes taken, {refused} refused");
}
