use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use prokura::{
    Authority, DecisionFilter, MemoryDisk, OpenError, Options, Page, Progress, ProgressListener,
    model::{Change, KeyRole, KeyScope, Reason, RelationshipFilter, Revision, TenantName, Timestamp},
};

use super::{
    faulty::{Dice, Fault, FaultyDisk},
    support::{
        HOUR, Hand, NOON, ask, by, coder_edits, delegation_id, exists, object, reason, schema, snapshot, story, task,
        task_id, tenant, told, touch, write,
    },
    switched::SwitchedDisk,
};

fn opened(disk: &MemoryDisk, options: Options) -> Authority {
    Authority::open_on(Arc::new(disk.clone()), options).unwrap()
}

#[test]
fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let hand = Hand::at(NOON);
    let acme = TenantName::new("acme").unwrap();
    let authority = Authority::open(&path, hand.options()).unwrap();
    told(&authority);
    let request = || by("user:tester").with_request_id("r-1");
    let changes = || vec![touch("document:plan#viewer@user:bob")];
    let receipt = authority.write(&tenant(), request(), changes()).unwrap();
    authority.create_tenant(&acme, by("key:k")).unwrap();
    authority.write(&acme, by("key:k"), story()).unwrap();
    let first = authority.first_key(None).unwrap().unwrap();
    let second = authority.create_key("second", KeyRole::Auditor, KeyScope::AllTenants, by("key:k")).unwrap();
    authority.revoke_key(&second.key.id, by("key:k")).unwrap();
    let decided = ask(&authority, &coder_edits()).unwrap();
    authority.close();

    let authority = Authority::open(&path, hand.options()).unwrap();
    assert_eq!(snapshot(&authority).revision(), Revision(2));
    assert!(exists(&authority, "document:plan#viewer@user:bob"));
    assert_eq!(authority.tenants(), [acme.clone(), tenant()]);
    assert_eq!(authority.snapshot(&acme).unwrap().revision(), Revision(1));
    assert_eq!(*authority.authenticate(first.secret.reveal()).unwrap(), first.key);
    assert!(authority.authenticate(second.secret.reveal()).is_none());
    assert!(authority.first_key(None).unwrap().is_none());
    assert_eq!(reason(&authority, &coder_edits()), Reason::LentAuthority);
    assert_eq!(authority.decision(&tenant(), &decided.id).unwrap().unwrap().id, decided.id);
    // A request repeated after the restart is still the same request.
    assert_eq!(authority.write(&tenant(), request(), changes()).unwrap(), receipt);
    // And of the same author: another's with the same id is done.
    let other = authority.write(&tenant(), by("user:other").with_request_id("r-1"), changes()).unwrap();
    assert_eq!(other.revision, receipt.revision.next());
    authority.create_tenant(&TenantName::new("more").unwrap(), by("key:k")).unwrap();
}

#[test]
fn a_folder_is_opened_once_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::open(folder.path(), Options::default()).unwrap();
    let error = Authority::open(folder.path(), Options::default()).unwrap_err();
    assert_eq!(error.code(), "data_in_use");
    assert!(error.to_string().contains("in use by process"), "{error}");
    drop(authority);
    Authority::open(folder.path(), Options::default()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let error = Authority::open(&file.join("data"), Options::default()).unwrap_err();
    assert_eq!(error.code(), "open_failed");
    assert!(error.to_string().contains("data"), "{error}");
}

#[test]
fn damage_is_refused_with_its_place() {
    let disk = MemoryDisk::new();
    told(&opened(&disk, Options::default()));
    let mut files = disk.files();
    let log = files.get_mut("log.redb").unwrap();
    // The reason of the only transaction, as it lies in its frame.
    let place = log.windows(6).position(|bytes| bytes == b"a test").unwrap();
    log[place] ^= 1;
    let damaged = MemoryDisk::with_files(files);
    let error = Authority::open_on(Arc::new(damaged), Options::default()).unwrap_err();
    assert_eq!(error.code(), "data_damaged");
    assert!(error.to_string().contains("log.redb"), "{error}");
}

#[test]
fn an_entry_that_makes_no_sense_is_named() {
    let disk = MemoryDisk::new();
    let mut log = prokura_store::Log::open_on(Arc::new(disk.clone())).unwrap();
    let entry = |revision: u64, payload: Vec<u8>| prokura_store::Entry {
        tenant: tenant(),
        revision: Revision(revision),
        time: Timestamp(NOON),
        author: "user:tester".to_owned(),
        reason: String::new(),
        request_id: None,
        payload,
    };
    log.append(&[entry(1, prokura::model::encode_changes(&story())), entry(2, b"nonsense".to_vec())]).unwrap();
    drop(log);
    let error = Authority::open_on(Arc::new(disk), Options::default()).unwrap_err();
    let OpenError::Replay { tenant: found, revision, .. } = &error else { panic!("{error}") };
    assert_eq!((found, *revision), (&tenant(), Revision(2)));
}

#[test]
fn decisions_without_what_they_rest_on_are_no_fresh_start() {
    let disk = MemoryDisk::new();
    let authority = opened(&disk, Options::default());
    told(&authority);
    ask(&authority, &coder_edits()).unwrap();
    drop(authority);
    let without = |prefix: &str| {
        let files: BTreeMap<_, _> = disk.files().into_iter().filter(|(name, _)| !name.starts_with(prefix)).collect();
        Authority::open_on(Arc::new(MemoryDisk::with_files(files)), Options::default())
    };
    let error = without("log.").unwrap_err();
    assert_eq!(error.code(), "data_damaged");
    assert!(error.to_string().contains("the log of what was written is missing"), "{error}");
    // An authority that was never asked has no decisions either.
    assert_eq!(snapshot(&without("decisions.").unwrap()).revision(), Revision(1));
}

#[test]
fn decisions_before_anything_was_written_may_stand_alone() {
    let disk = MemoryDisk::new();
    let authority = opened(&disk, Options::default());
    ask(&authority, &coder_edits()).unwrap_err();
    drop(authority);
    let authority = opened(&disk, Options::default());
    let listed = authority.decisions(&tenant(), &DecisionFilter::default(), &Page::first(10)).unwrap();
    assert_eq!(listed.records.len(), 1);
}

#[test]
fn progress_is_told() {
    let disk = MemoryDisk::new();
    let authority = opened(&disk, Options::default());
    told(&authority);
    for _ in 0..2_000 {
        write(&authority, vec![touch("document:plan#viewer@user:bob")]).unwrap();
    }
    drop(authority);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&heard);
    let listener = ProgressListener::new(move |progress| own.lock().unwrap().push(progress));
    opened(&disk, Options { progress: Some(listener), ..Options::default() });
    let heard = heard.lock().unwrap();
    let transactions: Vec<u64> = heard.iter().map(|progress| progress.transactions).collect();
    assert_eq!(transactions, [1_000, 2_000, 2_002]);
    assert_eq!(heard.last(), Some(&Progress { transactions: 2_002, changes: 2_001 + story().len() as u64 }));
}

#[test]
fn a_clock_that_steps_back_extends_nothing() {
    let disk = MemoryDisk::new();
    let hand = Hand::at(NOON);
    let authority = opened(&disk, hand.options());
    told(&authority);
    hand.set(NOON + HOUR);
    assert_eq!(reason(&authority, &coder_edits()), Reason::TaskExpired);
    hand.set(NOON);
    assert_eq!(authority.now(), Timestamp(NOON + HOUR));
    assert_eq!(reason(&authority, &coder_edits()), Reason::TaskExpired);
    let late = write(&authority, vec![Change::TaskOpened(task("late", "user:alice"))]).unwrap_err();
    assert_eq!(late.code(), "expiry_passed");
    drop(authority);
    // The only trace of that hour is in the record of decisions.
    let authority = opened(&disk, Hand::at(NOON - HOUR).options());
    assert_eq!(authority.now(), Timestamp(NOON + HOUR));
    assert_eq!(reason(&authority, &coder_edits()), Reason::TaskExpired);
}

#[test]
fn a_time_that_was_only_written_is_kept_too() {
    let disk = MemoryDisk::new();
    let hand = Hand::at(NOON);
    let authority = opened(&disk, hand.options());
    told(&authority);
    hand.set(NOON + HOUR);
    write(&authority, vec![touch("document:plan#viewer@user:bob")]).unwrap();
    drop(authority);
    let authority = opened(&disk, Hand::at(NOON).options());
    assert_eq!(reason(&authority, &coder_edits()), Reason::TaskExpired);
}

#[test]
fn after_a_failed_flush_reading_goes_on_and_writing_does_not() {
    let disk = SwitchedDisk::default();
    let authority = Authority::open_on(Arc::new(disk.clone()), Hand::at(NOON).options()).unwrap();
    told(&authority);
    assert!(authority.health().is_ready());
    disk.fail_now();
    let failed = write(&authority, vec![touch("document:plan#viewer@user:bob")]).unwrap_err();
    assert_eq!(failed.code(), "store_failed");
    assert!(!exists(&authority, "document:plan#viewer@user:bob"));
    assert_eq!(snapshot(&authority).revision(), Revision(1));
    let refused = write(&authority, vec![touch("document:plan#viewer@user:bob")]).unwrap_err();
    assert_eq!(refused.code(), "writes_stopped");
    let health = authority.health();
    assert!(!health.writes.is_working() && health.records.is_working() && !health.is_ready());
    assert_eq!(authority.transaction(&tenant(), Revision(2)).unwrap(), None);
}

#[test]
fn after_a_failed_record_no_decision_is_answered() {
    let disk = SwitchedDisk::default();
    let authority = Authority::open_on(Arc::new(disk.clone()), Hand::at(NOON).options()).unwrap();
    told(&authority);
    ask(&authority, &coder_edits()).unwrap();
    let listed = || authority.decisions(&tenant(), &DecisionFilter::default(), &Page::first(10)).unwrap().records.len();
    assert_eq!(listed(), 1);
    disk.fail_now();
    // This one may be answered before its flush fails; listing waits for the flush.
    let _ = ask(&authority, &coder_edits());
    assert_eq!(listed(), 1);
    let refused = ask(&authority, &coder_edits()).unwrap_err();
    assert_eq!(refused.code(), "record_unavailable");
    let health = authority.health();
    assert!(health.writes.is_working() && !health.records.is_working());
    assert!(authority.explain(&tenant(), &coder_edits()).is_ok());
}

/// What a run of writes was told: the revisions that were acknowledged, and whether one was refused for the disk.
fn write_until_it_fails(authority: &Authority) -> (u64, bool) {
    let mut acknowledged = 0;
    for number in 0..8 {
        let changes = if number == 0 { story() } else { vec![touch(&format!("document:plan#viewer@user:u{number}"))] };
        match write(authority, changes) {
            Ok(receipt) => acknowledged = receipt.revision.0,
            Err(error) => {
                assert!(matches!(error.code(), "store_failed" | "writes_stopped"), "{error}");
                return (acknowledged, true);
            }
        }
        let _ = ask(authority, &coder_edits());
    }
    (acknowledged, false)
}

fn relationships(authority: &Authority) -> usize {
    let all = RelationshipFilter::default();
    snapshot(authority).relationships(&all, &Page::first(100)).unwrap().entries.len()
}

/// For n = 1, 2, 3, …: the n-th operation of the disk fails, or the power goes there. Whatever was acknowledged is there
/// after the next start, and besides it at most the one write that was in flight.
#[test]
fn crash_loop_loses_nothing_acknowledged() {
    crash_loop(&Hand::at(NOON).options());
}

/// The same while checkpoints are written, beside the writes and in the end.
#[test]
fn crash_loop_loses_nothing_for_a_checkpoint() {
    crash_loop(&Options { checkpoint_tail: 0, ..Hand::at(NOON).options() });
}

fn crash_loop(options: &Options) {
    let faults = [Fault::FromThenOn(io::ErrorKind::Other), Fault::Once(io::ErrorKind::Other), Fault::Crash];
    for fault in faults {
        let mut dice = Dice::new(7);
        let mut survived = false;
        let mut n = 0;
        while !survived {
            n += 1;
            let disk = FaultyDisk::new(BTreeMap::new(), n, fault);
            let run = Authority::open_on(Arc::new(disk.clone()), options.clone());
            let (acknowledged, failed) = run.as_ref().map_or((0, true), write_until_it_fails);
            if n.is_multiple_of(2) {
                run.into_iter().for_each(Authority::close);
            }
            survived = !disk.happened();
            let files = if fault == Fault::Crash { disk.after_power_loss(&mut dice) } else { disk.live() };
            let recovered = MemoryDisk::with_files(files);
            let authority = Authority::open_on(Arc::new(recovered), options.clone())
                .unwrap_or_else(|error| panic!("{fault:?} at operation {n}: {error}"));
            let found = snapshot(&authority).revision().0;
            let most = acknowledged + u64::from(failed);
            assert!((acknowledged..=most).contains(&found), "{fault:?} at operation {n}: {found} of {acknowledged}");
            assert_eq!(relationships(&authority) as u64, found, "{fault:?} at operation {n}");
            write(&authority, vec![schema()]).unwrap();
            assert!(n < 10_000, "the run never ends");
        }
        assert!(n > 20, "only {n} operations were tried");
    }
}

#[test]
fn revocations_survive_a_restart() {
    let disk = MemoryDisk::new();
    let hand = Hand::at(NOON);
    let authority = opened(&disk, hand.options());
    told(&authority);
    hand.set(NOON + 9);
    write(&authority, vec![Change::DelegationRevoked(delegation_id("first"))]).unwrap();
    let before = snapshot(&authority).delegation(&delegation_id("first")).unwrap();
    drop(authority);
    let authority = opened(&disk, hand.options());
    assert_eq!(snapshot(&authority).delegation(&delegation_id("first")).unwrap(), before);
    assert_eq!(before.unwrap().revoked_at, Some(Timestamp(NOON + 9)));
    assert_eq!(reason(&authority, &coder_edits()), Reason::DelegationRevoked);
    assert!(snapshot(&authority).task(&task_id("plan")).unwrap().is_some());
    assert!(snapshot(&authority).principal(&object("agent:coder")).unwrap().is_some());
}
