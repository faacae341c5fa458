//! Bytes that are not as they were written: refused with their place, or without any effect. Never another answer, never a
//! shorter one, never a panic.

use std::{
    collections::BTreeMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use prokura_store::{DecisionLog, Disk, DiskFile, Log, MemoryDisk, OpenError};
use redb::{Database, StorageBackend, TableDefinition};

use crate::samples::Subject;

const FRAMES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("frames");
const ENDS: TableDefinition<'_, &[u8], u64> = TableDefinition::new("ends");
const LATE: TableDefinition<'_, &[u8], u64> = TableDefinition::new("late");

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A closed log of a few batches, as small as redb makes it.
fn closed<S: Subject>(batches: &[&[S::Item]]) -> Files {
    let disk = MemoryDisk::new();
    let mut log = S::open(Arc::new(disk.clone())).unwrap();
    for batch in batches {
        log.put(batch).unwrap();
    }
    drop(log);
    with_redb::<S>(&disk, |database| while database.compact().unwrap() {});
    disk.files()
}

pub(crate) fn small<S: Subject>() -> (Files, Vec<S::Item>) {
    let items =
        [S::item("default", 1, 40), S::item("other", 1, 10), S::item("default", 2, 0), S::item("default", 3, 30)];
    // The last batch is two entries of the one log, and one frame of the other, in which one of two ids is late.
    (closed::<S>(&[&items[..1], &items[1..2], &items[2..]]), items.to_vec())
}

#[derive(Debug)]
struct Direct(Arc<dyn DiskFile>);

impl StorageBackend for Direct {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

/// Works on the tables behind the log's back.
fn with_redb<S: Subject>(disk: &MemoryDisk, work: impl FnOnce(&mut Database)) {
    let mut database = Database::builder().create_with_backend(Direct(disk.open(S::FILE).unwrap())).unwrap();
    work(&mut database);
}

/// Everything a damaged log may do: be as it was, or say what is wrong and stay as it is.
pub(crate) fn refused_or_same<S: Subject>(files: &Files, items: &[S::Item], what: &str) -> Option<OpenError> {
    let disk = MemoryDisk::with_files(files.clone());
    let opened = catch_unwind(AssertUnwindSafe(|| S::open(Arc::new(disk.clone()))));
    let Ok(opened) = opened else {
        panic!("{what}: opening panicked");
    };
    match opened {
        Ok(log) => {
            assert_eq!(log.everything(), S::listed(items), "{what}: another answer");
            None
        }
        Err(error @ OpenError::Damaged(_)) => {
            let text = error.to_string();
            assert!(text.contains(S::FILE) || text.contains(S::HEAD), "{what}: no place in `{text}`");
            assert_eq!(disk.files(), *files, "{what}: a refused log was changed");
            Some(error)
        }
        Err(error) => panic!("{what}: {error}"),
    }
}

fn truncated<S: Subject>() {
    let (files, items) = small::<S>();
    std::panic::set_hook(Box::new(|_| {}));
    for (name, bytes) in files.iter().filter(|(_, bytes)| !bytes.is_empty()) {
        // Every length of the small file; of the large one those around sectors, where a cut would fall, and some within.
        let near = |length: &usize| bytes.len() < 10_000 || (length + 2) % 512 < 4 || length.is_multiple_of(37);
        for length in (0..bytes.len()).filter(near) {
            let mut cut = files.clone();
            cut.get_mut(name).unwrap().truncate(length);
            let refused = refused_or_same::<S>(&cut, &items, &format!("{name} cut to {length} bytes"));
            assert!(refused.is_some() || name == S::HEAD || name.ends_with(".lock"), "{name} cut to {length} bytes");
        }
        for more in [1, 511, 4096, 1 << 20] {
            let mut longer = files.clone();
            longer.get_mut(name).unwrap().resize(bytes.len() + more, 0);
            refused_or_same::<S>(&longer, &items, &format!("{name} with {more} bytes more"));
        }
    }
}

#[test]
fn a_truncated_log_is_refused() {
    truncated::<Log>();
    truncated::<DecisionLog>();
}

/// The small log after its table was rewritten behind its back, with checksums redb is content with.
fn rewritten<S: Subject>(work: impl Fn(&mut BTreeMap<u64, Vec<u8>>)) -> String {
    let (files, items) = small::<S>();
    let disk = MemoryDisk::with_files(files);
    with_redb::<S>(&disk, |database| {
        let transaction = database.begin_write().unwrap();
        {
            let mut table = transaction.open_table(FRAMES).unwrap();
            let mut frames = BTreeMap::new();
            while let Some((key, value)) = table.pop_first().unwrap() {
                frames.insert(key.value(), value.value().to_vec());
            }
            work(&mut frames);
            for (key, value) in frames {
                table.insert(key, value.as_slice()).unwrap();
            }
        }
        transaction.commit().unwrap();
    });
    refused_or_same::<S>(&disk.files(), &items, "rewritten").unwrap().to_string()
}

fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in `{text}`");
    }
}

#[test]
fn entries_swapped_removed_or_doubled_are_refused_with_their_place() {
    let text = rewritten::<Log>(|frames| {
        let (second, third) = (frames[&2].clone(), frames[&3].clone());
        frames.extend([(2, third), (3, second)]);
    });
    assert_contains(&text, &["log.redb` is damaged at entry 3 (revision 2 of tenant `default`)", "entry 3"]);
    let text = rewritten::<Log>(|frames| drop(frames.remove(&1)));
    assert_contains(&text, &["entry 2 (revision 1 of tenant `other`)", "entry 1 should stand here"]);
    let text = rewritten::<Log>(|frames| drop(frames.remove(&3)));
    assert_contains(&text, &["entry 4 (revision 3 of tenant `default`)", "entry 3 should stand here"]);
    let text = rewritten::<Log>(|frames| drop(frames.insert(5, frames[&4].clone())));
    assert_contains(&text, &["it was written as entry 4"]);
    let text = rewritten::<Log>(|frames| frames.get_mut(&2).unwrap()[80] ^= 1);
    assert_contains(&text, &["log.redb` is damaged at entry 2: its checksum is"]);
    let text = rewritten::<Log>(|frames| drop(frames.insert(2, Vec::new())));
    assert_contains(&text, &["entry 2", "too few"]);
}

#[test]
fn entries_missing_at_the_end_are_found_by_the_head() {
    let text = rewritten::<Log>(|frames| drop(frames.remove(&4)));
    assert_contains(&text, &["entries 4 to 4 (the last is revision 3 of tenant `default`)", "missing", "backup"]);
    let text = rewritten::<Log>(|frames| frames.retain(|key, _| *key < 3));
    assert_contains(&text, &["entries 3 to 4 (the last is revision 3 of tenant `default`)"]);
    let text = rewritten::<Log>(BTreeMap::clear);
    assert_contains(&text, &["entries 1 to 4"]);
    let text = rewritten::<DecisionLog>(|frames| drop(frames.remove(&3)));
    assert_contains(&text, &["decisions.redb", "entries 3 to 3"]);
}

/// The last commit taken back by the one bit of redb's header that says which of two commits is the newer.
#[test]
fn a_flipped_primary_bit_is_named_as_the_loss_it_is() {
    let disk = MemoryDisk::new();
    let mut log = Log::open_on(Arc::new(disk.clone())).unwrap();
    log.append(&[Log::item("default", 1, 10)]).unwrap();
    log.append(&[Log::item("default", 2, 10)]).unwrap();
    // As a killed process leaves it: redb's clean end would make both commits the same.
    let mut files = disk.files();
    drop(log);
    files.get_mut(Log::FILE).unwrap()[9] ^= 1;
    let items = [Log::item("default", 1, 10), Log::item("default", 2, 10)];
    if let Some(error) = refused_or_same::<Log>(&files, &items, "primary bit") {
        assert_contains(&error.to_string(), &["revision 2 of tenant `default`"]);
    }
}

#[test]
fn the_head_of_another_log_is_refused() {
    let (mut files, items) = small::<Log>();
    let others = [Log::item("default", 1, 41), Log::item("other", 1, 10)];
    let (other, _) = (closed::<Log>(&[&others]), ());
    files.insert(Log::HEAD.to_owned(), other[Log::HEAD].clone());
    let error = refused_or_same::<Log>(&files, &items, "another head").unwrap().to_string();
    assert_contains(&error, &["entry 2 (revision 1 of tenant `other`)", "not those its head was written for"]);

    let (mut files, _) = small::<Log>();
    let (decisions, _) = small::<DecisionLog>();
    files.insert(Log::HEAD.to_owned(), decisions[DecisionLog::HEAD].clone());
    let error = refused_or_same::<Log>(&files, &items, "the head of the other log").unwrap().to_string();
    assert_contains(&error, &["log.head", "none of its slots is intact"]);

    let (files, _) = small::<DecisionLog>();
    let as_log = BTreeMap::from([
        (Log::FILE.to_owned(), files[DecisionLog::FILE].clone()),
        (Log::HEAD.to_owned(), small::<Log>().0[Log::HEAD].clone()),
    ]);
    let error = refused_or_same::<Log>(&as_log, &items, "the other log").unwrap().to_string();
    assert_contains(&error, &["it belongs to the other log"]);
}

#[test]
fn an_id_removed_or_led_astray_is_refused() {
    type Lists = TableDefinition<'static, &'static [u8], u64>;
    type Spoil = fn(&mut redb::Table<'_, &'static [u8], u64>);
    let spoilt: [(Lists, Spoil); 6] = [
        (ENDS, |ids| drop(ids.remove(b"default\0d-4".as_slice()).unwrap().unwrap())),
        (ENDS, |ids| drop(ids.insert(b"default\0d-4".as_slice(), 1).unwrap().unwrap())),
        (ENDS, |ids| drop(ids.insert(b"default\0d-9".as_slice(), 1).unwrap())),
        (LATE, |ids| drop(ids.remove(b"default\0d-1".as_slice()).unwrap().unwrap())),
        (LATE, |ids| drop(ids.insert(b"default\0d-1".as_slice(), 1).unwrap().unwrap())),
        (LATE, |ids| drop(ids.insert(b"default\0d-2".as_slice(), 1).unwrap())),
    ];
    for (definition, work) in spoilt {
        let (files, items) = small::<DecisionLog>();
        let disk = MemoryDisk::with_files(files);
        with_redb::<DecisionLog>(&disk, |database| {
            let transaction = database.begin_write().unwrap();
            work(&mut transaction.open_table(definition).unwrap());
            transaction.commit().unwrap();
        });
        let error = refused_or_same::<DecisionLog>(&disk.files(), &items, "ids").unwrap().to_string();
        assert_contains(&error, &["decisions.redb", "lists of ids are not those of its 4 records"]);
    }
}

/// A frame of decisions that was intact, with another body, and a checksum that is right again.
fn with_body(frame: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = [&frame[..72 + "default".len()], body].concat();
    let length = u32::try_from(bytes.len() + 4).unwrap();
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

#[test]
fn a_frame_of_records_that_contradicts_itself_is_refused() {
    let body = |frame: &[u8]| frame[72 + "default".len()..frame.len() - 4].to_vec();
    let text = rewritten::<DecisionLog>(|frames| {
        let empty = with_body(&frames[&3], &[]);
        frames.insert(3, empty);
    });
    assert_contains(&text, &["entry 3 (revision 2 of tenant `default`)", "it holds 0 records"]);
    for (spoil, part) in [
        ((|body| body.truncate(body.len() - 1)) as fn(&mut Vec<u8>), "ends in the middle of a field"),
        (|body| body.push(0), "ends in the middle of a field"),
        (|body| body[8] += 1, "ends in the middle of a field"),
        (|body| body[13] = b'!', "`!-2` in it is no record id"),
        (|body| body[13] = 0xFF, "not UTF-8"),
        (|body| body[0] ^= 1, "its time is not that of its newest record"),
    ] {
        let text = rewritten::<DecisionLog>(|frames| {
            let mut spoilt = body(&frames[&1]);
            spoil(&mut spoilt);
            let frame = with_body(&frames[&1], &spoilt);
            frames.insert(1, frame);
        });
        assert_contains(&text, &["entry 1", part]);
    }
}

#[test]
fn a_format_of_the_future_is_told_from_damage() {
    let (mut files, _) = small::<Log>();
    let head = files.get_mut(Log::HEAD).unwrap();
    let slot = &mut head[2 * 4096..2 * 4096 + 160];
    slot[8] = 9;
    let checksum = crc32c::crc32c(&slot[..156]).to_le_bytes();
    slot[156..].copy_from_slice(&checksum);
    let error = Log::open_on(Arc::new(MemoryDisk::with_files(files))).unwrap_err();
    assert_eq!(error.code(), "store_format_unknown");
    assert_contains(&error.to_string(), &["log.head` is in format 9"]);
}
