//! Watching what is written, and what ends by itself.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::channel,
    },
    thread,
    time::{Duration, Instant},
};

use prokura::{
    Authority, MemoryDisk, Operation, RelationshipUpdate, RelationshipWrite,
    model::{Change, Relationship, RelationshipFilter, Revision, TenantName, Terms, Timestamp, Transaction},
};
use proptest::prelude::*;

use super::{
    relationships::{SCHEMA, begun, until},
    support::{Hand, NOON, by, edge, read, snapshot, tenant, touch, write},
};

const LONG: Duration = Duration::from_secs(20);

fn stored(authority: &Authority) -> BTreeMap<Relationship, Terms> {
    let mut found = BTreeMap::new();
    snapshot(authority)
        .visit_relationships(&RelationshipFilter::default(), |stored| {
            found.insert(stored.relationship, stored.terms);
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    found
}

/// What somebody who only watches knows.
fn replayed(transactions: &[Transaction]) -> BTreeMap<Relationship, Terms> {
    let mut known = BTreeMap::new();
    for change in transactions.iter().flat_map(|transaction| &transaction.changes) {
        match change {
            Change::RelationshipTouched(relationship, terms) => {
                known.insert(relationship.clone(), terms.clone());
            }
            Change::RelationshipDeleted(relationship) | Change::RelationshipExpired(relationship) => {
                known.remove(relationship);
            }
            _ => {}
        }
    }
    known
}

/// By pages of so many, each from where the one before ended.
fn walked(authority: &Authority, size: usize) -> Vec<Transaction> {
    let (mut walked, mut after) = (Vec::new(), Revision(0));
    loop {
        let page = authority.changes(&tenant(), after, size).unwrap();
        assert!(page.len() <= size);
        match page.last() {
            Some(last) => after = last.revision,
            None => return walked,
        }
        walked.extend(page);
    }
}

/// Waits until so many relationships were collected, as a watcher learns it.
fn wait_until_collected(authority: &Authority, count: usize) -> Vec<Transaction> {
    let begin = Instant::now();
    let mut revision = Revision(0);
    loop {
        let transactions = walked(authority, 1_000);
        let expired = |change: &&Change| matches!(change, Change::RelationshipExpired(_));
        if transactions.iter().flat_map(|transaction| &transaction.changes).filter(expired).count() >= count {
            return transactions;
        }
        assert!(begin.elapsed() < LONG, "nothing was collected");
        revision = authority.wait_for(&tenant(), revision, Duration::from_millis(200)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_a_watcher_replays_is_what_is_there(
        steps in prop::collection::vec((0..3_u8, 0..4_u8, 0..4_u8, prop::option::of(0..6_u64)), 1..60),
        size in 1..9_usize,
    ) {
        let (authority, hand) = begun();
        for (number, (operation, document, user, ends)) in steps.into_iter().enumerate() {
            let now = NOON + number as u64;
            hand.set(now);
            let operation = [Operation::Create, Operation::Touch, Operation::Delete][usize::from(operation)];
            let terms = ends.map_or_else(Terms::default, |ends| until(now + ends));
            let relationship = read(&format!("document:d{document}#viewer@user:u{user}"));
            let updates = vec![RelationshipUpdate { operation, relationship, terms }];
            // What exists already is not created, and leaves nothing.
            let _ = authority.write_relationships(
                &tenant(), by("user:t"), RelationshipWrite { updates, ..RelationshipWrite::default() },
            );
        }
        hand.set(NOON + 1_000);
        let transactions = walked(&authority, size);
        prop_assert!(transactions.iter().enumerate().all(|(at, found)| found.revision == Revision(at as u64 + 1)));
        let mut known = replayed(&transactions);
        known.retain(|_, terms| !terms.is_over(authority.now()));
        prop_assert_eq!(known, stored(&authority));
    }
}

#[test]
fn what_is_over_is_invisible_at_once_and_collected_soon() {
    let (authority, hand) = begun();
    let ends = |user: &str, moment: u64| {
        Change::RelationshipTouched(read(&format!("document:plan#viewer@user:{user}")), until(moment))
    };
    write(
        &authority,
        vec![ends("a", NOON + 10), ends("b", NOON + 20), ends("c", NOON + 10), touch("document:plan#viewer@user:d")],
    )
    .unwrap();
    // Touched for longer, and for good: their first ends mean nothing any more.
    write(&authority, vec![ends("c", NOON + 1_000), ends("a", NOON + 30)]).unwrap();
    assert_eq!(stored(&authority).len(), 4);
    hand.set(NOON + 30);
    assert_eq!(stored(&authority).len(), 2);
    let transactions = wait_until_collected(&authority, 2);
    let last = transactions.last().unwrap();
    assert_eq!((last.author.as_str(), last.reason.as_str(), last.time), ("prokura", "expired", Timestamp(NOON + 30)));
    let expired = |user: &str| Change::RelationshipExpired(read(&format!("document:plan#viewer@user:{user}")));
    assert_eq!(last.changes, [expired("b"), expired("a")]);
    assert_eq!(replayed(&transactions), stored(&authority));
}

#[test]
fn what_ended_while_nobody_was_there_is_collected_after_the_next_start() {
    let (disk, hand) = (MemoryDisk::new(), Hand::at(NOON));
    let open = || Authority::open_on(Arc::new(disk.clone()), hand.options()).unwrap();
    let authority = open();
    let change = Change::RelationshipTouched(read("document:plan#viewer@user:a"), until(NOON + 10));
    write(&authority, vec![Change::SchemaWritten(SCHEMA.to_owned()), change]).unwrap();
    drop(authority);
    hand.set(NOON + 10);
    let authority = open();
    assert!(stored(&authority).is_empty());
    let transactions = wait_until_collected(&authority, 1);
    drop(authority);
    // And once only.
    let authority = open();
    thread::sleep(Duration::from_millis(50));
    assert_eq!(walked(&authority, 1_000), transactions);
}

#[test]
fn limit_expired_per_transaction_max() {
    let (authority, hand) = begun();
    let most = prokura::limits::EXPIRED_PER_TRANSACTION_MAX;
    let edges = (0..=most)
        .map(|number| Ok::<_, &str>((edge(&format!("document:plan#viewer@user:u{number}")).0, until(NOON + 1))));
    authority.import(&tenant(), &by("user:t"), edges, |_| {}).unwrap();
    let before = snapshot(&authority).revision();
    hand.set(NOON + 1);
    let transactions = wait_until_collected(&authority, most + 1);
    let sizes: Vec<_> = transactions
        .iter()
        .filter(|transaction| transaction.revision > before)
        .map(|transaction| transaction.changes.len())
        .collect();
    assert_eq!(sizes, [most, 1]);
}

#[test]
fn limit_expiry_look_max() {
    let (authority, hand) = begun();
    let change = Change::RelationshipTouched(read("document:plan#viewer@user:a"), until(NOON + 3_600_000));
    write(&authority, vec![change]).unwrap();
    // By its clock the writer has an hour to wait. The clock is set, and it finds out.
    thread::sleep(Duration::from_millis(20));
    hand.set(NOON + 3_600_000);
    let begin = Instant::now();
    wait_until_collected(&authority, 1);
    assert!(begin.elapsed() < prokura::limits::EXPIRY_LOOK_MAX * 10, "{:?}", begin.elapsed());
}

#[test]
fn limit_changes_transactions_max() {
    let (authority, _) = begun();
    let most = prokura::limits::CHANGES_TRANSACTIONS_MAX;
    for _ in 0..most {
        write(&authority, vec![touch("document:plan#viewer@user:a")]).unwrap();
    }
    let page = authority.changes(&tenant(), Revision(0), usize::MAX).unwrap();
    assert_eq!(page.len(), most);
    assert_eq!(authority.changes(&tenant(), Revision(1), usize::MAX).unwrap().len(), most);
    assert_eq!(authority.changes(&tenant(), Revision(2), usize::MAX).unwrap().len(), most - 1);
}

#[test]
fn limit_changes_bytes_max() {
    let (authority, _) = begun();
    let most = prokura::limits::CHANGES_BYTES_MAX;
    let bytes = 4 * 1_048_576;
    let long = "x".repeat(1_000);
    let count = bytes / 1_000;
    for user in 0..6 {
        let changes = (0..count).map(|number| touch(&format!("document:{long}{number}#viewer@user:u{user}"))).collect();
        write(&authority, changes).unwrap();
    }
    let page = authority.changes(&tenant(), Revision(1), 100).unwrap();
    let sizes: Vec<usize> = page.iter().map(|found| prokura::model::encode_changes(&found.changes).len()).collect();
    let all_but_last: usize = sizes[..sizes.len() - 1].iter().sum();
    assert!(sizes.len() < 6 && all_but_last < most && all_but_last + sizes[sizes.len() - 1] >= most, "{sizes:?}");
}

#[test]
fn changes_are_of_a_tenant_and_of_revisions_that_are_reached() {
    let (authority, _) = begun();
    assert!(authority.changes(&tenant(), Revision(1), 10).unwrap().is_empty());
    assert_eq!(authority.changes(&tenant(), Revision(2), 10).unwrap_err().code(), "revision_ahead");
    let nobody = TenantName::new("nobody").unwrap();
    assert_eq!(authority.changes(&nobody, Revision(0), 10).unwrap_err().code(), "tenant_unknown");
    let system = TenantName::new("system").unwrap();
    assert_eq!(authority.changes(&system, Revision(0), 10).unwrap_err().code(), "tenant_unknown");
    assert_eq!(authority.wait_for(&nobody, Revision(0), LONG).unwrap_err().code(), "tenant_unknown");
}

#[test]
fn whoever_subscribes_is_told_until_the_subscription_is_dropped() {
    let (authority, _) = begun();
    let (sender, told) = channel();
    let own = authority.clone();
    let subscription = authority
        .subscribe(
            &tenant(),
            // What is told of can be read already.
            Box::new(move |revision| {
                let _ = sender.send((revision, own.changes(&tenant(), revision, 1).is_ok()));
            }),
        )
        .unwrap();
    let receipt = write(&authority, vec![touch("document:plan#viewer@user:a")]).unwrap();
    assert_eq!(told.recv_timeout(LONG).unwrap(), (receipt.revision, true));
    drop(subscription);
    write(&authority, vec![touch("document:plan#viewer@user:b")]).unwrap();
    write(&authority, vec![touch("document:plan#viewer@user:c")]).unwrap();
    assert!(told.recv_timeout(LONG).is_err(), "it was told after the end");
}

#[test]
fn a_callback_that_panics_harms_nobody() {
    let (authority, _) = begun();
    let called = Arc::new(Mutex::new(0));
    let own = Arc::clone(&called);
    let _subscription = authority
        .subscribe(
            &tenant(),
            Box::new(move |_| {
                *own.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += 1;
                panic!("a bug of the subscriber's");
            }),
        )
        .unwrap();
    for user in ["a", "b", "c"] {
        write(&authority, vec![touch(&format!("document:plan#viewer@user:{user}"))]).unwrap();
    }
    assert!(authority.health().is_ready());
    assert_eq!(*called.lock().unwrap_or_else(std::sync::PoisonError::into_inner), 1);
}

#[test]
fn whoever_waits_is_woken_by_a_write_by_the_time_and_by_the_end() {
    let (authority, _) = begun();
    let newest = snapshot(&authority).revision();
    assert_eq!(authority.wait_for(&tenant(), Revision(0), LONG).unwrap(), newest);
    let begin = Instant::now();
    assert_eq!(authority.wait_for(&tenant(), newest, Duration::from_millis(30)).unwrap(), newest);
    assert!(begin.elapsed() >= Duration::from_millis(30));
    let waiting = |beyond: Revision| {
        let own = authority.clone();
        let begun = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&begun);
        let waiter = thread::spawn(move || {
            flag.store(true, Ordering::SeqCst);
            own.wait_for(&tenant(), beyond, LONG * 10).unwrap()
        });
        while !begun.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        waiter
    };
    let waiter = waiting(newest);
    let receipt = write(&authority, vec![touch("document:plan#viewer@user:a")]).unwrap();
    assert_eq!(waiter.join().unwrap(), receipt.revision);
    let waiter = waiting(receipt.revision);
    authority.clone().close();
    assert_eq!(waiter.join().unwrap(), receipt.revision);
    assert!(begin.elapsed() < LONG);
}

#[test]
fn the_last_clone_may_be_a_subscribers() {
    let disk = MemoryDisk::new();
    let authority = Authority::open_on(Arc::new(disk.clone()), prokura::Options::default()).unwrap();
    let own = Mutex::new(Some(authority.clone()));
    let (sender, told) = channel();
    let subscription = authority.subscribe(
        &tenant(),
        Box::new(move |revision| {
            // On the writer's own thread, and it is the last.
            thread::sleep(Duration::from_millis(50));
            drop(own.lock().unwrap().take());
            let _ = sender.send(revision);
        }),
    );
    write(&authority, vec![Change::SchemaWritten(SCHEMA.to_owned())]).unwrap();
    drop(authority);
    assert_eq!(told.recv_timeout(LONG).unwrap(), Revision(1));
    drop(subscription);
    let begin = Instant::now();
    while Authority::open_on(Arc::new(disk.clone()), prokura::Options::default()).is_err() {
        assert!(begin.elapsed() < LONG, "it was never closed");
        thread::yield_now();
    }
}
