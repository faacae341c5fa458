use prokura_model::{Key, KeyId, KeyRole, KeyScope, Revision, Timestamp, encode_changes};
use prokura_store::{DecisionLog, Log};

use crate::{
    Authority, Clock, Options, Provenance, Receipt,
    key::Keys,
    limits::{KEYS_MAX, REQUEST_IDS_KEPT_MAX},
    now::Now,
    shared::{Shared, State},
    tenant::{Done, Requests, WorkDigest},
    writer::{Work, stage_for_test},
};

#[test]
fn limit_request_ids_kept_max() {
    let mut requests = Requests::default();
    let done = |revision: u64| Done {
        work: WorkDigest::of(&[]),
        deleted: 0,
        receipt: Receipt { revision: Revision(revision), time: Timestamp(1) },
    };
    for revision in 0..REQUEST_IDS_KEPT_MAX as u64 {
        requests.remember("user:a", &format!("r{revision}"), done(revision));
    }
    assert!(requests.done("user:a", "r0").is_some());
    requests.remember("user:a", "one more", done(0));
    assert!(requests.done("user:a", "r0").is_none());
    assert!(requests.done("user:a", "r1").is_some() && requests.done("user:a", "one more").is_some());
}

fn key(number: usize) -> Key {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&(number as u64).to_le_bytes());
    Key {
        id: KeyId::new(format!("k-{number}")).unwrap(),
        name: "a key".to_owned(),
        digest,
        role: KeyRole::Auditor,
        scope: KeyScope::AllTenants,
        created_at: Timestamp(1),
        revoked_at: None,
    }
}

#[test]
fn limit_keys_max() {
    let (log, decisions) = (Log::in_memory(), DecisionLog::in_memory());
    let shared = Shared::new(&Options::default(), State::new(&Options::default()), log.reader(), decisions.reader());
    let stage = |number: usize| {
        let work = Work::Key { key: key(number), only_first: false };
        stage_for_test(&shared, work, Provenance::new("key:k", "")).map_err(|error| error.code())
    };
    let fill = |from: usize, to: usize| {
        let changes: Vec<_> = (from..to).map(|number| prokura_model::Change::KeyCreated(key(number))).collect();
        shared.system.take(&changes, Timestamp(1)).unwrap();
    };
    fill(0, KEYS_MAX - 1);
    assert_eq!(stage(KEYS_MAX), Ok(()));
    fill(KEYS_MAX - 1, KEYS_MAX);
    assert_eq!(stage(KEYS_MAX), Err("limit_exceeded"));
}

#[test]
fn keys_are_listed_oldest_first() {
    let mut keys = Keys::default();
    for (number, created) in [(1, 30), (2, 10), (3, 20)] {
        keys.created(Key { created_at: Timestamp(created), ..key(number) });
    }
    let listed: Vec<_> = keys.all().iter().map(|key| key.id.to_string()).collect();
    assert_eq!(listed, ["k-2", "k-3", "k-1"]);
}

#[test]
fn equal_changes_have_equal_digests_whatever_the_authority_set_itself() {
    let task = |opened_at: u64, purpose: &str| {
        prokura_model::Change::TaskOpened(prokura_model::Task {
            id: prokura_model::TaskId::new("t").unwrap(),
            origin: prokura_model::ObjectRef::new("user", "alice").unwrap(),
            purpose: purpose.to_owned(),
            opened_at: Timestamp(opened_at),
            expires_at: Timestamp(9),
            state: prokura_model::TaskState::Open,
            declared: false,
            parent: None,
            owner: None,
            budgets: Vec::new(),
        })
    };
    assert_eq!(WorkDigest::of(&[task(1, "a")]), WorkDigest::of(&[task(2, "a")]));
    assert_ne!(WorkDigest::of(&[task(1, "a")]), WorkDigest::of(&[task(1, "b")]));
    assert_ne!(encode_changes(&[task(1, "a")]), encode_changes(&[task(2, "a")]));
}

#[test]
fn now_never_steps_back() {
    let times = std::sync::Mutex::new([50, 40, 70, 60].into_iter());
    let now = Now::new(Clock::new(move || Timestamp(times.lock().unwrap().next().unwrap_or_default())));
    now.not_before(Timestamp(45));
    let read: Vec<u64> = (0..5).map(|_| now.read().0).collect();
    assert_eq!(read, [50, 50, 70, 70, 70]);
}

#[test]
fn minted_ids_sort_by_the_authoritys_time() {
    let hand = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(1_800_000_000_000));
    let own = std::sync::Arc::clone(&hand);
    let clock = Clock::new(move || Timestamp(own.fetch_add(1, std::sync::atomic::Ordering::SeqCst)));
    let authority = Authority::in_memory(Options { clock, ..Options::default() });
    let ids: Vec<_> = (0..100).map(|_| authority.mint_task_id()).collect();
    assert!(ids.is_sorted());
    assert!(ids.iter().all(|id| id.as_str().starts_with("t-") && id.as_str().len() == 38));
    assert!(authority.mint_delegation_id().as_str().starts_with("d-"));
}
