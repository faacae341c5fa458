//! Log bytes: what is not as it was written is refused or has no effect, and is left as it was found; what is decoded is
//! encoded the same again.
//!
//! The first byte of an input says what is done with the rest.
#![no_main]

use std::{convert::Infallible, fmt, io, panic, sync::Arc, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use prokura_model::{
    Change, DecisionId, DecisionRecord, Outcome, Principal, PrincipalState, Reason, Revision, Task, TaskState,
    TenantName, Timestamp, Value, WitnessEdge, decode_changes, decode_record, encode_changes, encode_record,
};
use prokura_store::{DecisionLog, Disk, DiskFile, Entry, Log, MemoryDisk, OpenError, Record};
use redb::{Database, ReadableTable, StorageBackend, TableDefinition};

type Files = std::collections::BTreeMap<String, Vec<u8>>;

const FRAMES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("frames");
/// Where a frame's fixed fields end and its tenant begins.
const FIXED_BYTES: usize = 72;

fuzz_target!(init: begin(), |data: &[u8]| {
    let Some((what, rest)) = data.split_first() else { return };
    match what % 6 {
        0 => changes(rest),
        1 => record(rest),
        2 => patched(&TRANSACTIONS.0, &TRANSACTIONS.1, rest, transactions),
        3 => patched(&DECISIONS.0, &DECISIONS.1, rest, decisions),
        4 => forged(rest),
        _ => hostile(rest),
    }
});

fn changes(bytes: &[u8]) {
    if let Ok(read) = decode_changes(bytes) {
        let again = encode_changes(&read);
        assert_eq!(decode_changes(&again).map(|changes| encode_changes(&changes)), Ok(again));
    }
}

fn record(bytes: &[u8]) {
    if let Ok(read) = decode_record(bytes) {
        let again = encode_record(&read.view());
        assert_eq!(decode_record(&again).map(|record| encode_record(&record.view())), Ok(again));
    }
}

/// Five bytes a patch: where, in which file, and what is there instead. A patch beyond a file's end cuts the file.
fn patched<T: PartialEq + fmt::Debug>(
    files: &Files,
    written: &[T],
    patches: &[u8],
    read: fn(MemoryDisk) -> Result<Vec<T>, OpenError>,
) {
    let mut files = files.clone();
    for patch in patches.chunks_exact(5).take(16) {
        let [file, low, middle, high, byte] = [patch[0], patch[1], patch[2], patch[3], patch[4]];
        let at = u32::from_le_bytes([low, middle, high, 0]) as usize;
        let count = files.len();
        let bytes = files.values_mut().nth(usize::from(file) % count).expect("there is such a file");
        match bytes.get_mut(at) {
            Some(place) => *place = byte,
            None if at % 8 == 0 => bytes.truncate(at / 64),
            None => {}
        }
    }
    let disk = MemoryDisk::with_files(files.clone());
    match read(disk.clone()) {
        Ok(found) => assert_eq!(found, written, "a damaged log gives another answer"),
        Err(_) => assert_eq!(disk.files(), files, "a refused log was changed"),
    }
}

/// The last frame, not yet in the head, with another body and a checksum that is right: read as it stands, or refused.
fn forged(body: &[u8]) {
    let (files, frame) = &*UNFINISHED;
    let tenant_len = usize::from(frame[2]);
    let mut bytes = frame[..FIXED_BYTES + tenant_len].to_vec();
    bytes.extend(body);
    let length = u32::try_from(bytes.len() + 4).expect("inputs are small");
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    let disk = MemoryDisk::with_files(files.clone());
    with_redb(&disk, |database| {
        let transaction = database.begin_write().expect("the table is intact");
        transaction
            .open_table(FRAMES)
            .expect("the table is intact")
            .insert(2, bytes.as_slice())
            .expect("a frame is put there");
        transaction.commit().expect("the table is intact");
    });
    let before = disk.files();
    match transactions(disk.clone()) {
        Ok(found) => {
            assert_eq!(found.len(), 2, "an entry is missing");
            assert_eq!(found[0], TRANSACTIONS.1[0], "an entry before is another");
            let mut copy = Log::in_memory();
            copy.append(&found).expect("what is read can be written");
            assert_eq!(entries(&copy), found, "written again, another answer");
        }
        Err(_) => assert_eq!(disk.files(), before, "a refused log was changed"),
    }
}

/// Files that are nothing but the input.
fn hostile(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first() else { return };
    let (head, table) = rest.split_at(rest.len() * usize::from(*length) / 256);
    for name in ["log", "decisions"] {
        let files = Files::from([(format!("{name}.head"), head.to_vec()), (format!("{name}.redb"), table.to_vec())]);
        let disk = MemoryDisk::with_files(files.clone());
        let found = if name == "log" {
            transactions(disk.clone()).map(|found| found.len())
        } else {
            decisions(disk.clone()).map(|found| found.len())
        };
        match found {
            Ok(found) => assert_eq!(found, 0, "entries out of nothing"),
            Err(_) => assert!(files.iter().all(|(name, bytes)| disk.files().get(name) == Some(bytes)), "changed"),
        }
    }
}

fn transactions(disk: MemoryDisk) -> Result<Vec<Entry>, OpenError> {
    Ok(entries(&Log::open_on(Arc::new(disk))?))
}

fn entries(log: &Log) -> Vec<Entry> {
    let mut found = Vec::new();
    log.replay(|entry| {
        found.push(entry);
        Ok::<(), Infallible>(())
    })
    .expect("what was opened can be replayed");
    for entry in &found {
        assert_eq!(log.entry(&entry.tenant, entry.revision).expect("an entry is read").as_ref(), Some(entry));
    }
    found
}

fn decisions(disk: MemoryDisk) -> Result<Vec<Record>, OpenError> {
    let log = DecisionLog::open_on(Arc::new(disk))?;
    let newest = log.newest_first(&tenant(), None).expect("what was opened can be read");
    let mut found: Vec<Record> = newest.map(|found| found.expect("a record is read").1).collect();
    found.reverse();
    for record in &found {
        let by_id = log.by_id(&record.tenant, &record.id).expect("a record is read").map(|(_, record)| record);
        assert_eq!(by_id.as_ref(), Some(record));
    }
    Ok(found)
}

static TRANSACTIONS: LazyLock<(Files, Vec<Entry>)> = LazyLock::new(|| {
    let disk = MemoryDisk::new();
    let mut log = Log::open_on(Arc::new(disk.clone())).expect("an empty disk opens");
    let written = [entry(1), entry(2), entry(3)];
    log.append(&written[..1]).expect("it is appended");
    log.append(&written[1..]).expect("it is appended");
    drop(log);
    (compact(&disk, "log.redb"), written.to_vec())
});

static DECISIONS: LazyLock<(Files, Vec<Record>)> = LazyLock::new(|| {
    let disk = MemoryDisk::new();
    let mut log = DecisionLog::open_on(Arc::new(disk.clone())).expect("an empty disk opens");
    let payload = encode_record(&decision().view());
    let written = ["d-1", "d-2"].map(|id| Record {
        tenant: tenant(),
        id: DecisionId::new(id).expect("a legal id"),
        time: Timestamp(5_000),
        payload: payload.clone(),
    });
    log.append(&written).expect("it is appended");
    drop(log);
    (compact(&disk, "decisions.redb"), written.to_vec())
});

/// A log of two entries whose head knows only the first, and the frame of the second.
static UNFINISHED: LazyLock<(Files, Vec<u8>)> = LazyLock::new(|| {
    let disk = MemoryDisk::new();
    let mut log = Log::open_on(Arc::new(disk.clone())).expect("an empty disk opens");
    log.append(&[entry(1)]).expect("it is appended");
    drop(log);
    let head = disk.files().remove("log.head").expect("there is a head");
    let mut log = Log::open_on(Arc::new(disk.clone())).expect("the log opens");
    log.append(&[entry(2)]).expect("it is appended");
    drop(log);
    let mut frame = Vec::new();
    with_redb(&disk, |database| {
        let transaction = database.begin_write().expect("the table is intact");
        let table = transaction.open_table(FRAMES).expect("the table is intact");
        frame = table.get(2).expect("the table is intact").expect("there is a second frame").value().to_vec();
    });
    let mut files = compact(&disk, "log.redb");
    files.insert("log.head".to_owned(), head);
    (files, frame)
});

fn compact(disk: &MemoryDisk, file: &str) -> Files {
    let mut database = database(disk, file);
    while database.compact().expect("the table is intact") {}
    drop(database);
    disk.files()
}

fn with_redb(disk: &MemoryDisk, work: impl FnOnce(&mut Database)) {
    work(&mut database(disk, "log.redb"));
}

fn database(disk: &MemoryDisk, file: &str) -> Database {
    let file = disk.open(file).expect("memory opens");
    Database::builder().create_with_backend(Direct(file)).expect("the table is intact")
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

fn tenant() -> TenantName {
    TenantName::new("default").expect("a legal name")
}

fn entry(revision: u64) -> Entry {
    Entry {
        tenant: tenant(),
        revision: Revision(revision),
        time: Timestamp(1_000 + revision),
        author: "key:1".to_owned(),
        reason: "because".to_owned(),
        request_id: revision.is_multiple_of(2).then(|| "again".to_owned()),
        payload: encode_changes(&[Change::MetadataAttached(Value::Integer(7))]),
    }
}

fn decision() -> DecisionRecord {
    let relationship = "document:plan#viewer@user:alice".parse().expect("a legal relationship");
    DecisionRecord {
        id: DecisionId::new("d-1").expect("a legal id"),
        time: Timestamp(5_000),
        revision: Revision(2),
        actor: "user:alice".parse().expect("a legal object"),
        permission: prokura_model::RelationName::new("view").expect("a legal name"),
        resource: "document:plan".parse().expect("a legal object"),
        delegation: None,
        task: None,
        origin: None,
        chain: Vec::new(),
        outcome: Outcome::Decided(Reason::OwnAuthority),
        message: "because".to_owned(),
        witness: vec![WitnessEdge { relationship, since: Revision(1), terms: Default::default() }],
        request: prokura_fuzz::context(r#"{"a":[1,2.5,null,true,"b"]}"#).map(Value::Map).expect("a legal context"),
        door: "api".to_owned(),
        enforcement_point: "key:1".to_owned(),
        request_id: None,
        duration_us: 1,
        missing: vec!["day".to_owned()],
    }
}

/// The store catches what redb panics about, so only a panic of ours ends the run.
fn begin() {
    let ending = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        let ours = |file: &str| file.contains("prokura") || file.contains("targets/");
        if panicked.location().is_some_and(|place| ours(place.file())) {
            ending(panicked);
        }
    }));
    prokura_fuzz::plant("log", seeds());
}

fn seeds() -> Vec<Vec<u8>> {
    let input = |what: u8, rest: Vec<u8>| [vec![what], rest].concat();
    let mut seeds = vec![input(1, encode_record(&decision().view())), input(2, vec![1, 64, 0, 0, 1]), input(3, vec![0; 10])];
    let schemas = prokura_fuzz::schemas().into_iter().map(Change::SchemaWritten);
    let touched = prokura_fuzz::relationships().into_iter().filter_map(|text| {
        let read: prokura_model::RelationshipOnTerms = text.parse().ok()?;
        Some(Change::RelationshipTouched(read.relationship, read.terms))
    });
    let alice: prokura_model::ObjectRef = "user:alice".parse().expect("a legal object");
    let task = Task {
        id: prokura_model::TaskId::new("t-1").expect("a legal id"),
        origin: alice.clone(),
        purpose: "work".to_owned(),
        opened_at: Timestamp(1),
        expires_at: Timestamp(2),
        state: TaskState::Open,
        declared: false,
        parent: None,
        owner: None,
        budgets: Vec::new(),
    };
    let others = [
        Change::TaskOpened(task),
        Change::PrincipalSet(Principal { object: alice, owner: None, state: PrincipalState::Active, declared: true }),
        Change::TenantCreated(tenant()),
        Change::TenantNamed(tenant(), "Default".to_owned()),
        Change::WorkDigested([7; 32]),
    ];
    seeds.extend(schemas.chain(touched).chain(others).map(|change| input(0, encode_changes(&[change]))));
    let (files, frame) = &*UNFINISHED;
    seeds.push(input(4, frame[FIXED_BYTES + usize::from(frame[2])..frame.len() - 4].to_vec()));
    seeds.push(input(5, [vec![255], files["log.head"].clone()].concat()));
    seeds
}
