//! For n = 1, 2, 3 … the n-th disk operation fails, or the power goes there. Then the log is opened again: what was
//! acknowledged is there, and nothing else but at most the one batch that was in flight, whole.

use std::{collections::BTreeMap, io, sync::Arc};

use prokura_store::{AppendError, DecisionLog, Log, MemoryDisk, OpenError};

use crate::{
    faulty::{Dice, Fault, FaultyDisk},
    samples::{Subject, TENANTS},
};

type Files = BTreeMap<String, Vec<u8>>;

/// What a run came to.
struct Run<S: Subject> {
    acknowledged: Vec<S::Item>,
    /// The batch whose appending was answered with an error of the disk.
    in_flight: Vec<S::Item>,
}

/// Batches of one to four items of zero to some thousand bytes, over three tenants.
fn batches<S: Subject>(dice: &mut Dice, count: usize) -> Vec<Vec<S::Item>> {
    let mut numbers = [0; TENANTS.len()];
    let mut batches = Vec::new();
    for _ in 0..count {
        let items = (0..=dice.below(4)).map(|_| {
            let whose = dice.below(TENANTS.len());
            numbers[whose] += 1;
            let bytes = [0, 20, 300, 6_000][dice.below(4)];
            S::item(TENANTS[whose], numbers[whose], bytes)
        });
        batches.push(items.collect());
    }
    batches
}

/// Two sessions on the disk: open, append, close; until something fails.
fn run<S: Subject>(disk: &FaultyDisk, batches: &[Vec<S::Item>]) -> Run<S> {
    let mut run = Run { acknowledged: Vec::new(), in_flight: Vec::new() };
    for session in batches.chunks(batches.len().div_ceil(2)) {
        let mut log = match S::open(Arc::new(disk.clone())) {
            Ok(log) => log,
            Err(error) => {
                assert!(disk.happened(), "opening failed for no reason: {error}");
                assert!(matches!(error, OpenError::Io { .. } | OpenError::DiskFull { .. }), "{error}");
                return run;
            }
        };
        for (position, batch) in session.iter().enumerate() {
            match log.put(batch) {
                Ok(()) => run.acknowledged.extend_from_slice(batch),
                Err(error) => {
                    assert!(disk.happened(), "appending failed for no reason: {error}");
                    assert!(matches!(error, AppendError::Io { .. } | AppendError::DiskFull { .. }), "{error}");
                    run.in_flight.clone_from(batch);
                    let latched = session.get(position + 1).unwrap_or(batch);
                    let error = log.put(latched).unwrap_err();
                    assert_eq!(error.code(), "store_latched", "{error}");
                    return run;
                }
            }
        }
    }
    run
}

/// Starts again on the same disk, while it shows what it showed before, appends, and then loses its power.
fn go_on_and_lose_power<S: Subject>(disk: &FaultyDisk, run: &Run<S>, dice: &mut Dice, what: &str) {
    let mut log = S::open(Arc::new(disk.clone())).unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut acknowledged = log.everything();
    let next = acknowledged.iter().filter(|item| S::name(item).as_str() == TENANTS[0]).count() as u64 + 1;
    let more = S::item(TENANTS[0], next, 100);
    log.put(std::slice::from_ref(&more)).unwrap_or_else(|error| panic!("{what}: {error}"));
    let whole = [run.acknowledged.as_slice(), &run.in_flight].concat();
    assert!(
        acknowledged == S::listed(&run.acknowledged) || acknowledged == S::listed(&whole),
        "{what}: not what was acknowledged"
    );
    acknowledged.push(more);
    recover(disk.after_power_loss(dice), &Run::<S> { acknowledged, in_flight: Vec::new() }, what);
}

/// Opens what is left, and appends to it.
fn recover<S: Subject>(files: Files, run: &Run<S>, what: &str) {
    let disk = MemoryDisk::with_files(files);
    let mut log = S::open(Arc::new(disk.clone())).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = log.everything();
    let with_batch = [run.acknowledged.as_slice(), &run.in_flight].concat();
    assert!(
        found == S::listed(&run.acknowledged) || found == S::listed(&with_batch),
        "{what}: {} items acknowledged, {} in flight, {} found",
        run.acknowledged.len(),
        run.in_flight.len(),
        found.len()
    );
    let next = found.iter().filter(|item| S::name(item).as_str() == TENANTS[0]).count() as u64 + 1;
    let more = S::item(TENANTS[0], next, 100);
    log.put(std::slice::from_ref(&more)).unwrap_or_else(|error| panic!("{what}: appending after recovery: {error}"));
    drop(log);
    let log = S::open(Arc::new(disk)).unwrap_or_else(|error| panic!("{what}: a second time: {error}"));
    assert_eq!(log.everything(), S::listed(&[found.as_slice(), &[more]].concat()), "{what}: after appending");
}

/// The loop. Answers after how many operations the sessions were through.
fn fail_every_operation<S: Subject>(fault: Fault, seed: u64, losses: u64) -> u64 {
    let batches = batches::<S>(&mut Dice::new(seed), 8);
    for n in 1.. {
        let disk = FaultyDisk::new(Files::new(), n, fault);
        let run = run::<S>(&disk, &batches);
        let what = format!("{fault:?} at operation {n}, seed {seed}");
        if fault != Fault::Crash {
            recover(disk.live(), &run, &format!("{what}, restarted"));
        }
        for loss in 0..losses {
            let mut dice = Dice::new(seed * 1_000_003 + n * 101 + loss);
            recover(disk.after_power_loss(&mut dice), &run, &format!("{what}, power loss {loss}"));
        }
        if matches!(fault, Fault::Once(_)) && disk.happened() {
            let mut dice = Dice::new(seed * 7 + n);
            go_on_and_lose_power(&disk, &run, &mut dice, &format!("{what}, restarted, then power loss"));
        }
        if !disk.happened() {
            assert_eq!(run.acknowledged, batches.concat(), "{what}: not all was appended");
            return n - 1;
        }
    }
    0
}

fn crash_loop<S: Subject>() {
    for seed in 1..=seeds() {
        let operations = fail_every_operation::<S>(Fault::Crash, seed, 4);
        fail_every_operation::<S>(Fault::Once(io::ErrorKind::Other), seed, 1);
        fail_every_operation::<S>(Fault::FromThenOn(io::ErrorKind::StorageFull), seed, 1);
        println!("seed {seed}: {operations} operations");
        assert!(operations > 50, "only {operations} operations: the loop tried too little");
    }
}

/// How many seeds. `PROKURA_CRASH_SEEDS` asks for more.
fn seeds() -> u64 {
    std::env::var("PROKURA_CRASH_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(2)
}

#[test]
fn an_acknowledged_entry_survives_a_failure_of_any_disk_operation() {
    crash_loop::<Log>();
}

#[test]
fn an_acknowledged_record_survives_a_failure_of_any_disk_operation() {
    crash_loop::<DecisionLog>();
}

fn one_sync_a_batch<S: Subject>() {
    let disk = FaultyDisk::new(Files::new(), u64::MAX, Fault::Crash);
    let mut log = S::open(Arc::new(disk.clone())).unwrap();
    let (mut number, mut growths) = (0, 0);
    for size in 1..30 {
        let length = disk.live()[S::FILE].len();
        let (entries, head) = (disk.syncs(S::FILE), disk.syncs(S::HEAD));
        let batch: Vec<_> = (0..size).map(|more| S::item(TENANTS[0], number + more + 1, 2_000)).collect();
        number += size;
        log.put(&batch).unwrap();
        // The file doubles when it is full, and redb may make the new length durable before it relies on it.
        let grown = u64::from(disk.live()[S::FILE].len() != length);
        let syncs = disk.syncs(S::FILE) - entries;
        assert!((1..=1 + grown).contains(&syncs), "{syncs} syncs for a batch of {size}");
        growths += grown;
        assert_eq!(disk.syncs(S::HEAD), head, "a batch of {size}: the head is synced when the log is closed");
    }
    assert!(growths <= 4, "the file grew {growths} times");
    let head = disk.syncs(S::HEAD);
    drop(log);
    assert_eq!(disk.syncs(S::HEAD), head + 1, "the head is durable after a clean close");
}

#[test]
fn a_batch_costs_exactly_one_sync() {
    one_sync_a_batch::<Log>();
    one_sync_a_batch::<DecisionLog>();
}

#[test]
fn a_full_disk_says_so_and_then_nothing_more_is_taken() {
    let mut tried = 0;
    for n in 1.. {
        let disk = FaultyDisk::new(Files::new(), n, Fault::FromThenOn(io::ErrorKind::StorageFull));
        let Ok(mut log) = Log::open_on(Arc::new(disk.clone())) else { continue };
        let Err(error) = log.append(&[Log::item("default", 1, 10)]) else { break };
        assert_eq!(error.code(), "disk_full", "{error}");
        assert!(error.to_string().starts_with("no space left on the disk of `log."), "{error}");
        let error = log.append(&[Log::item("default", 1, 10)]).unwrap_err();
        assert_eq!(error.code(), "store_latched");
        assert!(error.to_string().contains("no space left"), "{error}");
        assert_eq!(log.close().unwrap_err().code(), "store_latched");
        tried += 1;
    }
    assert!(tried > 3, "only {tried} operations were tried");
}
