//! Every single bit of a small closed log, flipped: the log is refused with a place and left as it is, or the flip makes no
//! difference at all.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use prokura_store::{DecisionLog, Log, MemoryDisk};

use crate::{
    damage::{Files, refused_or_same, small},
    samples::Subject,
};

/// What made no difference to what was written makes none to what is written next.
fn goes_on<S: Subject>(files: &Files, items: &[S::Item], what: &str) {
    let disk = MemoryDisk::with_files(files.clone());
    let more = S::item("default", 4, 5_000);
    S::open(Arc::new(disk.clone())).unwrap().put(std::slice::from_ref(&more)).unwrap();
    let log = S::open(Arc::new(disk)).unwrap_or_else(|error| panic!("{what}, after appending: {error}"));
    assert_eq!(log.everything(), S::listed(&[items, &[more]].concat()), "{what}, after appending");
}

/// Tries single bits, on all cores: every bit of every byte that is in use, and of what nobody reads (zeros, and the ones that
/// redb fills new pages with) one bit in 64, taking turns. With `PROKURA_EVERY_BIT` set, every bit of every byte. Answers how
/// many were refused and how many made no difference.
fn flip_bits<S: Subject>() -> (usize, usize) {
    let (files, items) = small::<S>();
    assert_eq!(refused_or_same::<S>(&files, &items, "nothing flipped").map(|error| error.to_string()), None);
    let all = std::env::var_os("PROKURA_EVERY_BIT").is_some();
    let bits: Vec<(&str, usize, usize)> = files
        .iter()
        .flat_map(|(name, bytes)| {
            bytes.iter().enumerate().map(move |(position, byte)| (name.as_str(), position, *byte))
        })
        .flat_map(|(name, position, byte)| (0..8).map(move |bit| (name, position, bit, byte)))
        .filter(|(name, position, bit, byte)| {
            let headers = if *name == S::HEAD { position % 4096 < 160 } else { *position < 512 };
            all || headers || !matches!(byte, 0 | 0xFF) || (position % 8 == 0 && position / 8 % 8 == *bit)
        })
        .map(|(name, position, bit, _)| (name, position, bit))
        .collect();
    // What redb says when it panics is expected here, many times.
    std::panic::set_hook(Box::new(|_| {}));
    let (next, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let worker = || {
        let mut files = files.clone();
        while let Some(&(name, position, bit)) = bits.get(next.fetch_add(1, Ordering::Relaxed)) {
            let what = format!("{name}, byte {position}, bit {bit}");
            files.get_mut(name).unwrap()[position] ^= 1 << bit;
            match catch_unwind(AssertUnwindSafe(|| refused_or_same::<S>(&files, &items, &what).is_some())) {
                Ok(true) => drop(refused.fetch_add(1, Ordering::Relaxed)),
                Ok(false) if position % 101 == 0 => goes_on::<S>(&files, &items, &what),
                Ok(false) => {}
                Err(panic) => return Some(panic.downcast::<String>().map_or(what, |message| *message)),
            }
            files.get_mut(name).unwrap()[position] ^= 1 << bit;
        }
        None
    };
    let failed: Vec<String> = std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().filter_map(|worker| worker.join().unwrap()).collect()
    });
    let _ = std::panic::take_hook();
    assert!(failed.is_empty(), "{failed:#?}");
    let refused = refused.into_inner();
    println!("{} bytes, {} flips: {refused} refused", files.values().map(Vec::len).sum::<usize>(), bits.len());
    (refused, bits.len() - refused)
}

#[test]
fn a_flipped_bit_of_a_log_is_refused_or_makes_no_difference() {
    assert!(flip_bits::<Log>().0 > 10_000);
}

#[test]
fn a_flipped_bit_of_a_decision_log_is_refused_or_makes_no_difference() {
    assert!(flip_bits::<DecisionLog>().0 > 10_000);
}
