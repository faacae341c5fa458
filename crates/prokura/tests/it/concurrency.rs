use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use prokura::{
    Authority, Options,
    model::{Change, PrincipalState, Reason, TaskState},
};

use super::{
    support::{
        Hand, NOON, coder_edits, delegation_id, delete, exists, link, owned, principal, reason, schema, snapshot, task,
        task_id, told, touch, write,
    },
    switched::SwitchedDisk,
};

#[test]
fn many_writers_get_one_order_and_see_their_own_writes() {
    const WRITERS: usize = 8;
    const WRITES: usize = 50;
    let authority = Authority::in_memory(Options::default());
    write(&authority, vec![schema()]).unwrap();
    let mut revisions: Vec<u64> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let authority = &authority;
                scope.spawn(move || {
                    let mut revisions = Vec::new();
                    for number in 0..WRITES {
                        let edge = format!("document:d{writer}#viewer@user:u{number}");
                        let receipt = write(authority, vec![touch(&edge)]).unwrap();
                        assert!(snapshot(authority).revision() >= receipt.revision);
                        assert!(revisions.last().is_none_or(|last| *last < receipt.revision.0));
                        revisions.push(receipt.revision.0);
                        if number % 10 == 0 {
                            assert!(exists(authority, &edge), "an acknowledged write is not seen");
                        }
                    }
                    revisions
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    revisions.sort_unstable();
    let expected: Vec<u64> = (2..2 + (WRITERS * WRITES) as u64).collect();
    assert_eq!(revisions, expected, "every write has a revision of its own, and none is left out");
}

/// What takes the coder's right away, and what gives it back.
fn revocations(round: usize) -> [(Vec<Change>, Vec<Change>); 3] {
    let edge = "document:plan#editor@user:alice";
    let leaf = |number: usize| delegation_id(&format!("leaf-{number}"));
    let next_leaf = link(leaf(round + 1).as_str(), "agent:planner", "agent:coder", Some("first"));
    [
        (vec![delete(edge)], vec![touch(edge)]),
        (vec![owned("user:alice", None, PrincipalState::Suspended)], vec![principal("user:alice")]),
        (vec![Change::DelegationRevoked(leaf(round))], vec![Change::DelegationCreated(next_leaf)]),
    ]
}

/// While some ask all the time, one takes a right away, is told that it is done, and tells everybody; no decision asked for
/// after that allows, until the right is given back.
#[test]
fn no_decision_after_an_acknowledged_revocation_allows() {
    const ROUNDS: usize = 60;
    // The index forgets as fast as it can, so that a question may find its revision gone under it.
    let authority = Authority::in_memory(Options { kept_revisions: 1, ..Hand::at(NOON).options() });
    told(&authority);
    let first = link("leaf-0", "agent:planner", "agent:coder", Some("first"));
    write(&authority, vec![Change::DelegationCreated(first)]).unwrap();
    // Even: allowed. Odd: revoked. Read before and after each question.
    let phase = AtomicUsize::new(0);
    let ended = AtomicBool::new(false);
    let leaf = AtomicUsize::new(0);
    let (allowed, denied) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !ended.load(Ordering::SeqCst) {
                    let before = phase.load(Ordering::SeqCst);
                    let mut question = coder_edits();
                    question.delegation = Some(delegation_id(&format!("leaf-{}", leaf.load(Ordering::SeqCst))));
                    let allows = reason(&authority, &question) == Reason::LentAuthority;
                    let same_phase = phase.load(Ordering::SeqCst) == before;
                    if same_phase && before % 2 == 1 {
                        assert!(!allows, "allowed after an acknowledged revocation");
                        denied.fetch_add(1, Ordering::SeqCst);
                    }
                    if allows {
                        allowed.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        for round in 0..ROUNDS {
            for (take, give) in revocations(round) {
                write(&authority, take).unwrap();
                phase.fetch_add(1, Ordering::SeqCst);
                thread::yield_now();
                let wanted = denied.load(Ordering::SeqCst) + 2;
                while denied.load(Ordering::SeqCst) < wanted {
                    thread::yield_now();
                }
                phase.fetch_add(1, Ordering::SeqCst);
                write(&authority, give).unwrap();
            }
            leaf.store(round + 1, Ordering::SeqCst);
        }
        ended.store(true, Ordering::SeqCst);
    });
    assert!(allowed.load(Ordering::SeqCst) > 0, "nothing was ever allowed, so nothing was tested");
}

#[test]
fn no_decision_after_a_completed_task_allows() {
    for _ in 0..20 {
        let authority = Authority::in_memory(Hand::at(NOON).options());
        told(&authority);
        let completed = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    loop {
                        let was_completed = completed.load(Ordering::SeqCst);
                        let reason = reason(&authority, &coder_edits());
                        if was_completed {
                            assert_eq!(reason, Reason::TaskCompleted);
                            return;
                        }
                    }
                });
            }
            write(&authority, vec![Change::TaskClosed(task_id("plan"), TaskState::Completed)]).unwrap();
            completed.store(true, Ordering::SeqCst);
        });
    }
}

/// Every transaction moves one edge, so at every revision there are as many. Readers count them while the writer writes and
/// the index forgets; whoever counts otherwise has seen half a transaction, or half of what is kept.
#[test]
fn a_snapshot_shows_whole_transactions_or_says_that_it_is_gone() {
    const EDGES: usize = 20;
    let authority = Authority::in_memory(Options { kept_revisions: 2, ..Options::default() });
    let edge = |number: usize| format!("document:d{}#viewer@user:u{number}", number % 3);
    let mut begin = vec![schema()];
    begin.extend((0..EDGES).map(|number| touch(&edge(number))));
    write(&authority, begin).unwrap();
    let ended = AtomicBool::new(false);
    let (whole, gone) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !ended.load(Ordering::SeqCst) {
                    let everything = prokura::model::RelationshipFilter::default();
                    match snapshot(&authority).relationships(&everything, &prokura::Page::first(1_000)) {
                        Ok(listed) => {
                            assert_eq!(listed.entries.len(), EDGES);
                            whole.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(error) => {
                            assert_eq!(error.code(), "revision_not_kept");
                            gone.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                }
            });
        }
        for number in 0..2_000 {
            write(&authority, vec![touch(&edge(number + EDGES)), delete(&edge(number))]).unwrap();
        }
        ended.store(true, Ordering::SeqCst);
    });
    println!("{whole:?} whole, {gone:?} gone");
    assert!(whole.load(Ordering::SeqCst) > 0);
}

#[test]
fn one_of_many_completes_a_task() {
    let authority = Authority::in_memory(Hand::at(NOON).options());
    told(&authority);
    write(&authority, vec![Change::TaskOpened(task("race", "user:alice"))]).unwrap();
    let together = Barrier::new(8);
    let won: usize = thread::scope(|scope| {
        let racers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    together.wait();
                    let done = write(&authority, vec![Change::TaskClosed(task_id("race"), TaskState::Completed)]);
                    match done {
                        Ok(_) => 1,
                        Err(error) => {
                            assert_eq!(error.code(), "task_not_open");
                            0
                        }
                    }
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert_eq!(won, 1);
}

#[test]
fn many_writes_share_a_flush() {
    const WRITERS: usize = 16;
    const WRITES: usize = 20;
    let disk = SwitchedDisk::default();
    let authority = Authority::open_on(Arc::new(disk.clone()), Options::default()).unwrap();
    write(&authority, vec![schema()]).unwrap();
    disk.slow_down(1);
    let before = disk.flushes();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let authority = &authority;
            scope.spawn(move || {
                for number in 0..WRITES {
                    write(authority, vec![touch(&format!("document:d{writer}#viewer@user:u{number}"))]).unwrap();
                }
            });
        }
    });
    let flushes = disk.flushes() - before;
    let writes = (WRITERS * WRITES) as u64;
    println!("{writes} writes, {flushes} flushes");
    assert!(flushes * 2 < writes, "{writes} writes took {flushes} flushes");
}

/// So many writes that wait while another one's flush is held, and in how many batches they are then written.
fn batches_of(writes: usize, changes: impl Fn(usize) -> Vec<Change> + Sync) -> u64 {
    let disk = SwitchedDisk::default();
    let options = Options { write_queue: 2 * writes, ..Options::default() };
    let authority = Authority::open_on(Arc::new(disk.clone()), options).unwrap();
    write(&authority, vec![schema()]).unwrap();
    let before = disk.batches();
    disk.hold(true);
    thread::scope(|scope| {
        let first = scope.spawn(|| write(&authority, vec![schema()]).unwrap());
        // Nothing joins a batch any more that is being flushed.
        disk.wait_for_flush();
        for number in 0..writes {
            let (authority, changes) = (&authority, &changes);
            thread::Builder::new()
                .stack_size(256 * 1024)
                .spawn_scoped(scope, move || write(authority, changes(number)).unwrap())
                .unwrap();
        }
        while authority.health().writes_waiting < writes {
            thread::sleep(std::time::Duration::from_millis(1));
        }
        disk.hold(false);
        first.join().unwrap();
    });
    disk.batches() - before - 1
}

#[test]
fn limit_batch_writes_max() {
    let most = prokura::limits::BATCH_WRITES_MAX;
    let small = |number: usize| vec![touch(&format!("document:plan#viewer@user:u{number}"))];
    assert_eq!(batches_of(most, small), 1);
    assert_eq!(batches_of(most + 1, small), 2);
}

#[test]
fn limit_batch_bytes_max() {
    use prokura::model::{Value, encode_changes};
    let most = prokura::limits::BATCH_BYTES_MAX;
    let sized = |bytes: usize| {
        let changes = |text: usize| {
            let text = Value::String("x".repeat(text));
            let attributes = std::collections::BTreeMap::from([("text".to_owned(), text)]);
            vec![Change::AttributesSet(super::support::object("document:plan"), attributes)]
        };
        let around = encode_changes(&changes(bytes / 2)).len() - bytes / 2;
        let made = changes(bytes - around);
        assert_eq!(encode_changes(&made).len(), bytes);
        made
    };
    // Two that make up one byte less than a full batch leave room for a third; two that fill it do not.
    assert_eq!(batches_of(3, |_| sized(most / 2 - 1)), 1);
    assert_eq!(batches_of(3, |_| sized(most / 2)), 2);
}
