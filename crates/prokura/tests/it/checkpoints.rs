//! An authority that is opened from a checkpoint and what came after it is the one that takes in the whole log.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use prokura::{
    Authority, ByModel, MemoryDisk, Options, Page, Progress, ProgressListener, limits,
    model::{
        AuthzenMapping, Change, KeyRole, KeyScope, Reason, RelationName, RelationshipFilter, Revision, TenantName,
        Terms, Timestamp,
    },
};
use prokura_store::{Entry, Log};
use prokura_testkit::{Answer, Ask, generate::Case};

use super::{
    candidates::answer,
    modelling,
    support::{
        HOUR, Hand, NOON, SCHEMA, ask, by, coder_edits, delegation_id, delete, exists, read, reason, schema, snapshot,
        story, tenant, touch, write,
    },
    switched::SwitchedDisk,
};

type Files = BTreeMap<String, Vec<u8>>;

const CHECKPOINT: &str = "checkpoint";

/// A checkpoint at every end, and none meanwhile that a test does not wait for.
fn eager(hand: &Hand) -> Options {
    Options { checkpoint_tail: 0, ..hand.options() }
}

/// No checkpoint is written; one that is there is used.
fn reading(hand: &Hand) -> Options {
    Options { checkpoint_tail: u64::MAX, ..hand.options() }
}

fn opened(disk: &MemoryDisk, options: Options) -> Authority {
    Authority::open_on(Arc::new(disk.clone()), options).unwrap()
}

fn without(files: &Files) -> Files {
    files.iter().filter(|(name, _)| *name != CHECKPOINT).map(|(name, bytes)| (name.clone(), bytes.clone())).collect()
}

/// Opens a copy of the files, and tells how much was taken in.
fn taken_in(files: &Files, options: Options) -> (Authority, Progress) {
    let heard = Arc::new(Mutex::new(None));
    let own = Arc::clone(&heard);
    let listener = ProgressListener::new(move |progress| *own.lock().unwrap() = Some(progress));
    let disk = MemoryDisk::with_files(files.clone());
    let authority = Authority::open_on(Arc::new(disk), Options { progress: Some(listener), ..options }).unwrap();
    let progress = heard.lock().unwrap().unwrap();
    (authority, progress)
}

/// Everything that anybody can find out at a revision, but for answers.
fn contents(authority: &Authority, tenant: &TenantName, revision: Revision) -> impl PartialEq + std::fmt::Debug {
    let snapshot = authority.snapshot_at(tenant, revision).unwrap();
    let everything = RelationshipFilter::default();
    let mut stored = Vec::new();
    let visited = snapshot.visit_relationships(&everything, |found| {
        stored.push(found);
        ControlFlow::Continue(())
    });
    visited.unwrap();
    stored.sort_by(|one, other| one.relationship.cmp(&other.relationship));
    let all = Page::first(1_000);
    let exported = snapshot.export(&everything, None, 10_000).unwrap().entries;
    let registers = (
        snapshot.principals(&all).unwrap().entries,
        snapshot.tasks(&prokura::TaskFilter::default(), &all).unwrap().entries,
        snapshot.delegations(&prokura::DelegationFilter::default(), &all).unwrap().entries,
        snapshot.all_attributes(&all).unwrap().entries,
        snapshot.authzen_mapping().unwrap(),
    );
    let schema = snapshot.schema().unwrap().map(|schema| schema.text().to_owned());
    (stored, exported, registers, schema, snapshot.schema_birth().unwrap(), snapshot.stats().relationships)
}

/// The same tenants, keys and transactions, and in every tenant the same at every revision that is promised to be kept.
#[track_caller]
fn same(one: &Authority, other: &Authority, kept: u64, what: &str) {
    assert_eq!(one.tenants(), other.tenants(), "{what}");
    assert_eq!(one.tenant_details(), other.tenant_details(), "{what}");
    assert_eq!(one.keys(), other.keys(), "{what}");
    assert_eq!(one.now(), other.now(), "{what}");
    for tenant in one.tenants() {
        let head = one.snapshot(&tenant).unwrap().revision();
        assert_eq!(other.snapshot(&tenant).unwrap().revision(), head, "{what}: {tenant}");
        let changes = |authority: &Authority| authority.changes(&tenant, Revision(0), 1_000).unwrap();
        assert_eq!(changes(one), changes(other), "{what}: {tenant}");
        for revision in head.0.saturating_sub(kept)..=head.0 {
            let revision = Revision(revision);
            let found = contents(other, &tenant, revision);
            assert_eq!(contents(one, &tenant, revision), found, "{what}: {tenant} at {revision}");
        }
    }
}

fn answers(authority: &Authority, hand: &Hand, asks: &[Ask]) -> Vec<Answer> {
    asks.iter().map(|ask| answer(authority, hand, ask)).collect()
}

/// Straight into the log: a case holds transactions that the writer would refuse.
fn logged<'c>(disk: &MemoryDisk, transactions: impl Iterator<Item = &'c Vec<Change>>) {
    let mut log = Log::open_on(Arc::new(disk.clone())).unwrap();
    for changes in transactions {
        let revision = log.head(&tenant()).unwrap_or_default().next();
        let entry = Entry {
            tenant: tenant(),
            revision,
            time: Timestamp(0),
            author: "user:tester".to_owned(),
            reason: "a test".to_owned(),
            request_id: revision.0.is_multiple_of(2).then(|| format!("r-{revision}")),
            payload: prokura::model::encode_changes(changes),
        };
        log.append(&[entry]).unwrap();
    }
}

/// Every case of the generator, cut anywhere: closed there with a checkpoint, gone on with, and opened from both; beside it,
/// opened from the log alone.
#[test]
fn a_checkpoint_and_what_follows_is_the_whole_log() {
    let mut used = 0;
    for seed in 1..60 {
        let case = Case::of(seed);
        let transactions: Vec<_> = case.before.iter().chain(&case.after).collect();
        let cut = usize::try_from(seed).unwrap() * 7 % transactions.len() + 1;
        let disk = MemoryDisk::new();
        logged(&disk, transactions.iter().copied().take(cut));
        opened(&disk, eager(&Hand::at(0))).close();
        logged(&disk, transactions.iter().copied().skip(cut));
        let files = disk.files();
        let mut asks = case.asks_after.clone();
        asks.sort_by_key(Ask::now);
        let opened = |files: &Files| {
            let hand = Hand::at(0);
            let (authority, progress) = taken_in(files, reading(&hand));
            (authority, hand, progress)
        };
        let ((from_checkpoint, own, some), (from_log, other, all)) = (opened(&files), opened(&without(&files)));
        assert_eq!(some.transactions, all.transactions, "seed {seed}");
        used += u64::from(some.changes != all.changes);
        let what = format!("seed {seed}, cut at {cut} of {}", transactions.len());
        same(&from_checkpoint, &from_log, 1_000, &what);
        assert_eq!(answers(&from_checkpoint, &own, &asks), answers(&from_log, &other, &asks), "{what}");
    }
    assert!(used > 40, "only {used} times was a checkpoint of any use");
}

/// Two tenants and one that ended, keys, models, requests that were done, relationships that end, a chain of delegations.
fn busy(authority: &Authority, hand: &Hand) {
    let (acme, ended) = (TenantName::new("acme").unwrap(), TenantName::new("ended").unwrap());
    write(authority, story()).unwrap();
    authority.create_named_tenant(&acme, "Acme", by("key:k")).unwrap();
    authority.create_tenant(&ended, by("key:k")).unwrap();
    authority.write(&ended, by("key:k"), story()).unwrap();
    authority.write(&acme, by("key:k").with_request_id("r-1"), story()).unwrap();
    hand.set(NOON + 1);
    authority.rename_tenant(&acme, "Acme & Co", by("key:k")).unwrap();
    authority.delete_tenant(&ended, by("key:k")).unwrap();
    authority.first_key(Some("a preset key".replace(' ', "-").as_str())).unwrap();
    let key = authority.create_key("second", KeyRole::Auditor, KeyScope::AllTenants, by("key:k")).unwrap();
    authority.revoke_key(&key.key.id, by("key:k")).unwrap();
    let names = BTreeMap::from([("can_read".to_owned(), RelationName::new("view").unwrap())]);
    write(authority, vec![Change::AuthzenMappingSet(AuthzenMapping { actions: names, ..AuthzenMapping::default() })])
        .unwrap();
    write(
        authority,
        vec![Change::SchemaWritten(format!(
            "use expiration\n{}",
            SCHEMA.replace("user | user:*", "user | user with expiration | user:*")
        ))],
    )
    .unwrap();
    let ends = |moment: u64| Terms { expires_at: Some(Timestamp(moment)), ..Terms::default() };
    let ending = |text: &str, moment: u64| Change::RelationshipTouched(read(text), ends(moment));
    write(authority, vec![ending("document:plan#viewer@user:bob", NOON + HOUR)]).unwrap();
    write(authority, vec![ending("document:plan#viewer@user:eve", NOON + HOUR), touch("folder:f#viewer@user:eve")])
        .unwrap();
    write(authority, vec![touch("document:plan#viewer@user:eve"), delete("folder:f#viewer@user:eve")]).unwrap();
    write(authority, vec![Change::DelegationRevoked(delegation_id("first"))]).unwrap();
}

fn busy_files() -> (Files, Hand) {
    let (disk, hand) = (MemoryDisk::new(), Hand::at(NOON));
    let authority = opened(&disk, eager(&hand));
    busy(&authority, &hand);
    authority.close();
    assert!(disk.files().contains_key(CHECKPOINT));
    (disk.files(), hand)
}

#[test]
fn everything_besides_relationships_is_there_too() {
    let (files, hand) = busy_files();
    let ((one, from_checkpoint), (other, from_log)) =
        (taken_in(&files, reading(&hand)), taken_in(&without(&files), reading(&hand)));
    assert_eq!(from_checkpoint.transactions, from_log.transactions);
    let acme = TenantName::new("acme").unwrap();
    let live: u64 = [&tenant(), &acme].map(|tenant| one.snapshot(tenant).unwrap().stats().relationships).iter().sum();
    assert_eq!(from_checkpoint.changes, live, "nothing but the checkpoint was taken in");
    same(&one, &other, 1_000, "at once");
    for authority in [&one, &other] {
        assert!(authority.authenticate("a-preset-key").is_some());
        assert_eq!(reason(authority, &coder_edits()), Reason::DelegationRevoked);
        let again = authority.write(&acme, by("key:k").with_request_id("r-1"), story()).unwrap();
        assert_eq!(again.revision, Revision(1), "a request that was done is not done again");
        let reused = authority.write(&acme, by("key:k").with_request_id("r-1"), vec![schema()]).unwrap_err();
        assert_eq!(reused.code(), "request_id_reused");
        let taken = authority.create_tenant(&TenantName::new("ended").unwrap(), by("key:k")).unwrap_err();
        assert_eq!(taken.code(), "tenant_exists", "{taken}");
        authority.write(&acme, by("key:k").with_request_id("r-2"), vec![touch("folder:f#viewer@user:al")]).unwrap();
        authority.create_key("third", KeyRole::Auditor, KeyScope::AllTenants, by("key:k")).unwrap();
        assert_eq!(authority.token(&tenant(), Revision(3)), one.token(&tenant(), Revision(3)));
    }
    assert_eq!(snapshot(&one).revision(), snapshot(&other).revision());
}

/// What was to end when the checkpoint was taken ends, and is collected by a transaction of its own.
#[test]
fn what_ends_later_is_collected() {
    let (files, hand) = busy_files();
    let (authority, _) = taken_in(&files, reading(&hand));
    let before = snapshot(&authority).revision();
    assert!(exists(&authority, "document:plan#viewer@user:bob"));
    hand.set(NOON + HOUR);
    assert!(!exists(&authority, "document:plan#viewer@user:bob"));
    assert_eq!(authority.wait_for(&tenant(), before, Duration::from_secs(20)).unwrap(), before.next());
    let collected = authority.transaction(&tenant(), before.next()).unwrap().unwrap().changes;
    assert_eq!(collected, [Change::RelationshipExpired(read("document:plan#viewer@user:bob"))]);
    assert!(exists(&authority, "document:plan#viewer@user:eve"), "it holds for good meanwhile");
}

#[test]
fn models_and_assertions_are_there_too() {
    let (disk, hand) = (MemoryDisk::new(), Hand::at(NOON));
    let authority = opened(&disk, eager(&hand));
    let first = modelling::put(&authority, modelling::model(&[modelling::users()], 0));
    let second = modelling::put(&authority, modelling::model(&[modelling::users()], 1));
    authority.write_assertions(&tenant(), by("user:alice"), &first, "[]".to_owned()).unwrap();
    let tuples = modelling::write_of(&second, &["document:plan#viewer@user:bob"]);
    authority.write_tuples(&tenant(), by("user:alice"), tuples).unwrap();
    authority.close();
    let files = disk.files();
    let (one, other) = (taken_in(&files, reading(&hand)).0, taken_in(&without(&files), reading(&hand)).0);
    for authority in [&one, &other] {
        for model in [&first, &second] {
            let has = modelling::has(authority, ByModel::of(model.clone()), "user:bob").unwrap();
            assert_eq!(has, prokura::Permissionship::Has);
        }
        let snapshot = snapshot(authority);
        assert_eq!(snapshot.model(None).unwrap().unwrap().id, second, "it is the newest");
        assert_eq!(snapshot.assertions(&first).unwrap().unwrap().as_str(), "[]");
    }
    same(&one, &other, 10, "models");
}

/// The window of revisions that stay readable is promised across a restart too.
#[test]
fn the_kept_revisions_are_kept() {
    const KEPT: u64 = 5;
    let (disk, hand) = (MemoryDisk::new(), Hand::at(NOON));
    let authority = opened(&disk, Options { kept_revisions: KEPT, ..eager(&hand) });
    write(&authority, story()).unwrap();
    for number in 0..40 {
        let changes = vec![
            touch(&format!("document:plan#viewer@user:u{}", number % 7)),
            delete(&format!("document:plan#viewer@user:u{}", (number + 3) % 7)),
        ];
        write(&authority, changes).unwrap();
    }
    authority.close();
    let files = disk.files();
    let open = |files: &Files, kept_revisions: u64| taken_in(files, Options { kept_revisions, ..reading(&hand) }).0;
    let (one, other) = (open(&files, KEPT), open(&without(&files), KEPT));
    same(&one, &other, KEPT, "as many as before");
    let too_old = one.snapshot_at(&tenant(), Revision(10)).unwrap_err();
    assert_eq!(too_old.code(), "revision_not_kept");
    // If more are to be kept than were when it was written, it does not have them.
    same(&open(&files, 30), &open(&without(&files), 30), 30, "more than before");
    same(&open(&files, 2), &open(&without(&files), 2), 2, "fewer than before");
}

/// Every byte altered, every length: what is damaged is as good as not there, and never anything else.
#[test]
fn a_damaged_checkpoint_changes_nothing() {
    let (disk, hand) = (MemoryDisk::new(), Hand::at(NOON));
    let authority = opened(&disk, eager(&hand));
    write(&authority, story()).unwrap();
    authority.close();
    let files = disk.files();
    let (right, all) = taken_in(&without(&files), reading(&hand));
    let (_, some) = taken_in(&files, reading(&hand));
    assert_ne!(some.changes, all.changes);
    let bytes = &files[CHECKPOINT];
    assert!(bytes.len() < 8_000, "{} bytes make this take long", bytes.len());
    let with = |bytes: Vec<u8>| {
        let files = files.iter().map(|(name, own)| (name.clone(), own.clone()));
        taken_in(&files.chain([(CHECKPOINT.to_owned(), bytes)]).collect(), reading(&hand))
    };
    for place in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[place] ^= 1 << (place % 8);
        let (found, taken) = with(altered);
        assert_eq!(taken, all, "byte {place}");
        if place.is_multiple_of(64) {
            same(&found, &right, 10, &format!("byte {place}"));
        }
    }
    for length in (0..bytes.len()).step_by(97) {
        assert_eq!(with(bytes[..length].to_vec()).1, all, "cut at {length}");
    }
}

/// One of another log, one that is ahead of a log that was restored from a backup, and one that is behind.
#[test]
fn a_checkpoint_counts_for_its_own_log_alone() {
    let hand = Hand::at(NOON);
    let disk = MemoryDisk::new();
    let authority = opened(&disk, eager(&hand));
    write(&authority, story()).unwrap();
    authority.close();
    let backup = disk.files();
    let authority = opened(&disk, eager(&hand));
    write(&authority, vec![touch("document:plan#viewer@user:bob")]).unwrap();
    authority.close();
    let later = disk.files();
    assert_ne!(backup[CHECKPOINT], later[CHECKPOINT]);
    let with = |files: &Files, checkpoint: &Files| {
        let mut files = files.clone();
        files.insert(CHECKPOINT.to_owned(), checkpoint[CHECKPOINT].clone());
        let ((one, found), (other, all)) =
            (taken_in(&files, reading(&hand)), taken_in(&without(&files), reading(&hand)));
        same(&one, &other, 10, "a checkpoint of another time");
        (found, all)
    };
    let (ahead, all) = with(&backup, &later);
    assert_eq!(ahead, all, "it is ahead");
    let (behind, all) = with(&later, &backup);
    assert_ne!(behind, all, "it is behind, and so of use");

    // The backup goes on in another way, and comes to as many entries.
    let restored = MemoryDisk::with_files(without(&backup));
    let authority = opened(&restored, reading(&hand));
    write(&authority, vec![touch("document:plan#viewer@user:eve")]).unwrap();
    authority.close();
    let (foreign, all) = with(&restored.files(), &later);
    assert_eq!(foreign, all, "it is of another log");
    let (authority, _) = taken_in(&restored.files(), reading(&hand));
    assert!(!exists(&authority, "document:plan#viewer@user:bob"));
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// While everybody writes and asks: what it holds is one revision, whole, and what came after is in the log.
#[test]
fn one_is_written_beside_everything_else() {
    let (disk, hand) = (MemoryDisk::new(), Hand::at(NOON));
    let authority = opened(&disk, Options { kept_revisions: 2, ..eager(&hand) });
    write(&authority, story()).unwrap();
    for round in 0..200 {
        let user = |number: usize| format!("document:d{}#viewer@user:u{number}", number % 10);
        let touched = (0..50).map(|number| touch(&user(round * 37 % 400 + number)));
        let deleted = (0..10).map(|number| delete(&user(round * 53 % 400 + number)));
        write(&authority, touched.collect()).unwrap();
        write(&authority, deleted.collect()).unwrap();
        ask(&authority, &coder_edits()).unwrap();
    }
    until("a checkpoint appears", || disk.files().contains_key(CHECKPOINT));
    write(&authority, vec![touch("document:plan#viewer@user:last")]).unwrap();
    // One after another is begun by so few relationships; the last of them has to be over.
    until("the last one is over", || !disk.files().contains_key("checkpoint.new"));
    let mut checkpoints = vec![disk.files()[CHECKPOINT].clone()];
    authority.close();
    let files = disk.files();
    checkpoints.push(files[CHECKPOINT].clone());
    let options = || Options { kept_revisions: 2, ..reading(&hand) };
    let (right, _) = taken_in(&without(&files), options());
    for checkpoint in checkpoints {
        let mut files = files.clone();
        files.insert(CHECKPOINT.to_owned(), checkpoint);
        let (found, progress) = taken_in(&files, options());
        assert!(progress.changes < 12_000, "{progress:?}");
        same(&found, &right, 2, "written meanwhile");
    }
}

/// A disk that takes no checkpoint keeps nobody from writing, and the next start takes in the log.
#[test]
fn a_checkpoint_that_cannot_be_written_is_no_failure() {
    let (disk, hand) = (SwitchedDisk::default(), Hand::at(NOON));
    disk.refuse(CHECKPOINT);
    let authority = Authority::open_on(Arc::new(disk.clone()), eager(&hand)).unwrap();
    write(&authority, story()).unwrap();
    for number in 0..30 {
        write(&authority, vec![touch(&format!("document:plan#viewer@user:u{number}"))]).unwrap();
    }
    assert!(authority.health().is_ready());
    authority.close();
    let authority = Authority::open_on(Arc::new(disk), reading(&hand)).unwrap();
    assert_eq!(snapshot(&authority).revision(), Revision(31));
}

/// What needs more memory than there may be is not opened from a checkpoint either.
#[test]
fn a_checkpoint_is_held_to_the_limit_of_memory() {
    let (disk, hand) = (MemoryDisk::new(), Hand::at(NOON));
    let authority = opened(&disk, eager(&hand));
    write(&authority, vec![schema()]).unwrap();
    let edges = (0..5_000).map(|number| touch(&format!("document:d{number}#viewer@user:u{number}"))).collect();
    write(&authority, edges).unwrap();
    authority.close();
    let open = |memory| Authority::open_on(Arc::new(disk.clone()), Options { memory, ..reading(&hand) });
    let needed = open(None).unwrap().stats().memory;
    assert_eq!(open(Some(needed - 1)).unwrap_err().code(), "memory_full");
    assert_eq!(snapshot(&open(Some(needed)).unwrap()).stats().relationships, 5_000);
}

/// So many changes, each of a relationship of its own or not.
fn changes(count: u64, relationships: u64) -> Vec<Change> {
    let edge = |number: u64| touch(&format!("document:d{}#viewer@user:u{number}", number / 100));
    (0..count).map(|number| edge(number % relationships)).collect()
}

#[test]
fn limit_checkpoint_tail_default() {
    let most = limits::CHECKPOINT_TAIL_DEFAULT;
    for (count, written) in [(most, false), (most + 1, true)] {
        let (disk, hand) = (MemoryDisk::new(), Hand::at(NOON));
        let authority = opened(&disk, hand.options());
        write(&authority, vec![schema()]).unwrap();
        // With the schema it is one more.
        write(&authority, changes(count - 1, 100)).unwrap();
        authority.close();
        assert_eq!(disk.files().contains_key(CHECKPOINT), written, "{count} changes");
    }
}

/// A thousand relationships and a checkpoint of them.
fn a_thousand(hand: &Hand) -> MemoryDisk {
    let disk = MemoryDisk::new();
    let authority = opened(&disk, eager(hand));
    write(&authority, vec![schema()]).unwrap();
    write(&authority, changes(1_000, 1_000)).unwrap();
    authority.close();
    disk
}

#[test]
fn limit_checkpoint_tail_at_close_percent_max() {
    let most = 1_000 * limits::CHECKPOINT_TAIL_AT_CLOSE_PERCENT_MAX / 100;
    for (count, written) in [(most, false), (most + 1, true)] {
        let hand = Hand::at(NOON);
        let disk = a_thousand(&hand);
        let before = disk.files()[CHECKPOINT].clone();
        let authority = opened(&disk, eager(&hand));
        write(&authority, changes(count, 1_000)).unwrap();
        authority.close();
        assert_eq!(disk.files()[CHECKPOINT] != before, written, "{count} changes");
    }
}

#[test]
fn limit_checkpoint_tail_percent_max() {
    let most = 1_000 * limits::CHECKPOINT_TAIL_PERCENT_MAX / 100;
    let hand = Hand::at(NOON);
    let disk = a_thousand(&hand);
    let before = disk.files()[CHECKPOINT].clone();
    let authority = opened(&disk, eager(&hand));
    write(&authority, changes(most, 1_000)).unwrap();
    thread::sleep(Duration::from_millis(50));
    assert_eq!(disk.files()[CHECKPOINT], before, "{most} changes");
    write(&authority, changes(1, 1_000)).unwrap();
    until("one more is too many", || disk.files()[CHECKPOINT] != before);
}
