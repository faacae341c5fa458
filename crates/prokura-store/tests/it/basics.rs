//! Appending, reading back, opening again; what is refused without harm.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use prokura_model::{DecisionId, Fault, Revision, Timestamp};
use prokura_store::{
    AppendError, DecisionLog, Entry, Log, MemoryDisk, OpenError, ReadError, Record, ReplayError,
    limits::{FRAME_BYTES_MAX, FRAME_RECORDS_BYTES_MAX, FRAME_RECORDS_MAX},
};

use crate::samples::{entry, record, replayed, tenant};

fn newest_first(log: &DecisionLog, name: &str, before: Option<u64>) -> Vec<(u64, Record)> {
    log.newest_first(&tenant(name), before).unwrap().map(Result::unwrap).collect()
}

fn by_id(log: &DecisionLog, name: &str, id: &str) -> Option<Record> {
    log.by_id(&tenant(name), &DecisionId::new(id).unwrap()).unwrap().map(|(_, record)| record)
}

#[test]
fn what_was_appended_is_replayed_in_order_and_after_reopening() {
    let disk = MemoryDisk::new();
    let entries = [entry("default", 1), entry("other", 1), entry("default", 2), entry("default", 3), entry("other", 2)];
    let mut log = Log::open_on(Arc::new(disk.clone())).unwrap();
    log.append(&entries[..3]).unwrap();
    log.append(&[]).unwrap();
    log.append(&entries[3..]).unwrap();
    assert_eq!(replayed(&log), entries);
    log.close().unwrap();

    let log = Log::open_on(Arc::new(disk)).unwrap();
    assert_eq!(replayed(&log), entries);
    assert_eq!(log.head(&tenant("default")), Some(Revision(3)));
    assert_eq!(log.head(&tenant("nobody")), None);
    assert_eq!(log.entries(), 5);
    assert_eq!(log.last_time(), Some(Timestamp(1_003)));
    let heads: BTreeMap<_, _> = log.tenants().map(|(name, head)| (name.to_string(), head.0)).collect();
    assert_eq!(heads, BTreeMap::from([("default".to_owned(), 3), ("other".to_owned(), 2)]));
    for entry in &entries {
        assert_eq!(log.entry(&entry.tenant, entry.revision).unwrap().as_ref(), Some(entry));
    }
    assert_eq!(log.entry(&tenant("default"), Revision(4)).unwrap(), None);
    assert_eq!(log.entry(&tenant("default"), Revision(0)).unwrap(), None);
}

#[test]
fn a_revision_out_of_order_is_refused_and_nothing_of_its_batch_is_kept() {
    let mut log = Log::in_memory();
    log.append(&[entry("default", 1)]).unwrap();
    for wrong in [1, 3] {
        let error = log.append(&[entry("other", 1), entry("default", wrong)]).unwrap_err();
        assert_eq!((error.code(), error.fault()), ("revision_out_of_order", Fault::Server));
        assert_eq!(error.to_string(), format!("revision 2 of tenant `default` comes next, not {wrong}"));
    }
    assert_eq!(replayed(&log), [entry("default", 1)]);
    log.append(&[entry("default", 2)]).unwrap();
    assert_eq!(replayed(&log).len(), 2);
}

#[test]
fn limit_frame_bytes_max_holds_at_n_and_not_at_n_plus_1() {
    let mut log = Log::in_memory();
    // Fixed part, tenant's name, two empty texts, no request id, checksum.
    let around = 72 + "default".len() + 4 + 4 + 1 + 4;
    let mut large = Entry { author: String::new(), reason: String::new(), ..entry("default", 1) };
    large.payload = vec![0xA5; FRAME_BYTES_MAX - around];
    log.append(std::slice::from_ref(&large)).unwrap();
    assert_eq!(log.entry(&large.tenant, Revision(1)).unwrap().unwrap().payload.len(), large.payload.len());

    large.payload.push(0);
    large.revision = Revision(2);
    let error = log.append(&[large]).unwrap_err();
    assert!(matches!(error, AppendError::TooLarge { bytes, .. } if bytes == FRAME_BYTES_MAX + 1), "{error}");
    assert_eq!((error.code(), error.fault()), ("entry_too_large", Fault::Limit));
    log.append(&[entry("default", 2)]).unwrap();
}

#[test]
fn a_visitor_ends_a_replay() {
    let mut log = Log::in_memory();
    log.append(&[entry("default", 1), entry("default", 2)]).unwrap();
    let error = log.replay(|entry| if entry.revision.0 == 2 { Err("enough") } else { Ok(()) }).unwrap_err();
    assert!(matches!(error, ReplayError::Refused { sequence: 2, error: "enough" }));
}

#[test]
fn decisions_come_newest_first_page_by_page_and_by_id() {
    let disk = MemoryDisk::new();
    let mut log = DecisionLog::open_on(Arc::new(disk.clone())).unwrap();
    log.append(&[record("default", "a"), record("other", "a"), record("default", "b")]).unwrap();
    log.append(&[record("other", "c"), record("default", "c")]).unwrap();
    log.close().unwrap();

    let log = DecisionLog::open_on(Arc::new(disk)).unwrap();
    let all = newest_first(&log, "default", None);
    let (places, found): (Vec<u64>, Vec<Record>) = all.iter().cloned().unzip();
    assert_eq!(found, [record("default", "c"), record("default", "b"), record("default", "a")]);
    assert_eq!(newest_first(&log, "default", Some(places[0])), all[1..]);
    assert_eq!(newest_first(&log, "default", Some(places[1])), all[2..]);
    assert_eq!(newest_first(&log, "default", Some(places[2])), []);
    assert_eq!(newest_first(&log, "nobody", None), []);
    assert_eq!(by_id(&log, "other", "c"), Some(record("other", "c")));
    assert_eq!(by_id(&log, "other", "b"), None);
    assert_eq!(log.last_time(), Some(Timestamp(5_000)));
    assert_eq!(log.records(), 5);
}

#[test]
fn a_place_of_another_tenant_or_of_nobody_is_no_cursor() {
    let mut log = DecisionLog::in_memory();
    log.append(&[record("default", "a"), record("other", "a"), record("default", "b")]).unwrap();
    let own = newest_first(&log, "default", None)[0].0;
    let others = newest_first(&log, "other", None)[0].0;
    for before in [0, 1, 2, own + 1, own + 2, others, u64::MAX] {
        let error = log.newest_first(&tenant("default"), Some(before)).unwrap_err();
        assert!(matches!(error, ReadError::CursorUnknown { .. }), "{error}");
        assert_eq!((error.code(), error.fault()), ("cursor_unknown", Fault::Caller));
    }
}

#[test]
fn an_id_is_taken_once_per_tenant_and_a_batch_with_a_taken_one_leaves_nothing() {
    let mut log = DecisionLog::in_memory();
    log.append(&[record("default", "a")]).unwrap();
    let batches = [
        vec![record("default", "b"), record("default", "a")],
        vec![record("default", "b"), record("default", "b")],
        vec![record("default", "c"), record("default", "b"), record("other", "a"), record("default", "c")],
    ];
    for batch in batches {
        let error = log.append(&batch).unwrap_err();
        assert_eq!((error.code(), error.fault()), ("record_id_taken", Fault::Server));
    }
    log.append(&[record("default", "b"), record("other", "a")]).unwrap();
    assert_eq!(newest_first(&log, "default", None).len(), 2);
}

/// Ids in any order, spread over frames of any size: each is found, none is taken twice, none is found that is not there.
#[test]
fn ids_that_come_late_are_found_and_taken_all_the_same() {
    let disk = MemoryDisk::new();
    let mut log = DecisionLog::open_on(Arc::new(disk.clone())).unwrap();
    let id = |number: usize| format!("{:03}", number * 37 % 200);
    let mut appended = 0;
    for size in (1..20).cycle() {
        let batch: Vec<_> =
            (appended..(appended + size).min(200)).map(|number| record("default", &id(number))).collect();
        if batch.is_empty() {
            break;
        }
        log.append(&batch).unwrap();
        appended += batch.len();
        for number in 0..200 {
            let (name, kept) = (id(number), number < appended);
            assert_eq!(by_id(&log, "default", &name), kept.then(|| record("default", &name)), "after {appended}");
            assert_eq!(by_id(&log, "default", &format!("{name}-")), None);
        }
        let taken = log.append(&[record("default", "999"), record("default", &id(appended / 2))]).unwrap_err();
        assert_eq!(taken.code(), "record_id_taken");
        if appended % 3 == 0 {
            drop(log);
            log = DecisionLog::open_on(Arc::new(disk.clone())).unwrap();
        }
    }
    assert_eq!(newest_first(&log, "default", None).len(), 200);
}

/// Places in one frame differ in their lower bits only.
fn frames(log: &DecisionLog) -> usize {
    let places = newest_first(log, "default", None).into_iter().map(|(place, _)| place >> 16);
    places.collect::<std::collections::BTreeSet<_>>().len()
}

#[test]
fn limit_frame_records_max_holds_at_n_and_not_at_n_plus_1() {
    for (records, expected) in [(FRAME_RECORDS_MAX, 1), (FRAME_RECORDS_MAX + 1, 2)] {
        let mut log = DecisionLog::in_memory();
        let batch: Vec<_> = (0..records)
            .map(|number| Record { payload: Vec::new(), ..record("default", &format!("{number:06}")) })
            .collect();
        log.append(&batch).unwrap();
        assert_eq!(frames(&log), expected, "{records} records");
        assert!(newest_first(&log, "default", None).into_iter().rev().map(|(_, record)| record).eq(batch));
    }
}

#[test]
fn limit_frame_records_bytes_max_holds_at_n_and_not_at_n_plus_1() {
    // Time, two lengths and the id surround a payload.
    let around = 8 + 1 + 4 + "a".len();
    for (bytes, expected) in [(FRAME_RECORDS_BYTES_MAX, 1), (FRAME_RECORDS_BYTES_MAX + 1, 2)] {
        let mut log = DecisionLog::in_memory();
        let first = Record { payload: vec![1; 1_000], ..record("default", "a") };
        let second = Record { payload: vec![2; bytes - 1_000 - 2 * around], ..record("default", "b") };
        log.append(&[first.clone(), second.clone()]).unwrap();
        assert_eq!(frames(&log), expected, "{bytes} bytes");
        assert_eq!(by_id(&log, "default", "a"), Some(first));
        assert_eq!(by_id(&log, "default", "b"), Some(second));
    }
    let mut log = DecisionLog::in_memory();
    let alone = Record { payload: vec![3; 2 * FRAME_RECORDS_BYTES_MAX], ..record("default", "a") };
    log.append(&[alone.clone(), record("default", "b")]).unwrap();
    assert_eq!((frames(&log), by_id(&log, "default", "a")), (2, Some(alone)));
}

#[test]
fn decisions_are_read_while_others_are_recorded() {
    let mut log = DecisionLog::in_memory();
    let reader = log.reader();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut seen = 0;
            while !done.load(std::sync::atomic::Ordering::Acquire) {
                let found: Vec<_> = reader
                    .newest_first(&tenant("default"), None)
                    .unwrap()
                    .map(|found| found.unwrap().1.id.to_string())
                    .collect();
                assert!(found.len() >= seen, "records went away");
                let all = (0..found.len()).map(|id| format!("d-{id}"));
                assert!(all.eq(found.iter().rev().cloned()), "a hole in {found:?}");
                seen = found.len();
            }
        });
        for id in 0..60 {
            log.append(&[record("default", &format!("d-{id}"))]).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Release);
    });
}

#[test]
fn a_second_opening_is_refused_and_told_who_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path()).unwrap();
    // The two logs of a folder do not shut each other out.
    let decisions = DecisionLog::open(folder.path()).unwrap();
    for error in [Log::open(folder.path()).unwrap_err(), DecisionLog::open(folder.path()).unwrap_err()] {
        assert_eq!((error.code(), error.fault()), ("store_in_use", Fault::Caller));
        assert!(error.to_string().contains(&format!("in use by process {}", std::process::id())), "{error}");
    }
    // A reader keeps the file open, and so keeps the lock.
    let reader = log.reader();
    drop(log);
    assert_eq!(Log::open(folder.path()).unwrap_err().code(), "store_in_use");
    drop(reader);
    drop(decisions);
    Log::open(folder.path()).unwrap();
    DecisionLog::open(folder.path()).unwrap();
}

#[test]
fn a_folder_survives_reopening_and_is_its_owners_alone() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("deep").join("data");
    for revision in 1..=3 {
        let mut log = Log::open(&folder).unwrap();
        assert_eq!(log.entries(), revision - 1);
        log.append(&[entry("default", revision)]).unwrap();
    }
    DecisionLog::open(&folder).unwrap().append(&[record("default", "a")]).unwrap();
    assert_eq!(replayed(&Log::open(&folder).unwrap()), [entry("default", 1), entry("default", 2), entry("default", 3)]);
    only_for_the_owner(&folder);
}

#[cfg(unix)]
fn only_for_the_owner(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700);
    let files: Vec<_> = folder.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 6, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_with_its_name() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let error = Log::open(&file).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }) && error.to_string().contains("file"), "{error}");
    assert_eq!((error.code(), error.fault()), ("disk_failed", Fault::Server));
}
