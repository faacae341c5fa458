//! Every limit, at n and at n + 1. Those of single modules are tested there.

use std::collections::{BTreeMap, BTreeSet};

use prokura::{
    ApplyMode, Authority, Declaration, Options, Provenance, WriteError, limits,
    model::{
        CapPermissions, CapResource, Change, Endorsement, EndorsementId, KeyRole, KeyScope, Principal, PrincipalState,
        RelationName, SubjectRef, TenantName, Value,
        limits::{CAP_CLAUSES_MAX, CAP_ENTRIES_MAX, ENDORSEMENT_ORIGINS_MAX, SENTENCE_BYTES_MAX, VALUE_NESTING_MAX},
    },
};

use super::support::{at_noon, by, edge, link, object, schema, task, tenant, touch, write};

fn authority() -> Authority {
    let authority = Authority::in_memory(Options::default());
    write(&authority, vec![schema()]).unwrap();
    authority
}

#[track_caller]
fn exceeded<T: std::fmt::Debug>(result: Result<T, WriteError>, limit: usize) {
    match result {
        Err(WriteError::LimitExceeded { max, found, .. }) => assert_eq!((max, found), (limit, limit + 1)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn limit_transaction_changes_max() {
    let authority = authority();
    let most = limits::TRANSACTION_CHANGES_MAX;
    let changes = |count: usize| vec![touch("document:plan#viewer@user:alice"); count];
    exceeded(write(&authority, changes(most + 1)), most);
    write(&authority, changes(most)).unwrap();
}

#[test]
fn limit_transaction_changes_max_of_a_prune() {
    let authority = authority();
    let most = limits::TRANSACTION_CHANGES_MAX;
    let edges = |from: usize, to: usize| {
        let changes = (from..to).map(|number| touch(&format!("document:plan#viewer@user:u{number}"))).collect();
        write(&authority, changes).unwrap();
    };
    edges(0, most);
    edges(most, most + 1);
    let nothing = Declaration { relationships: Some(vec![]), ..Declaration::default() };
    let prune = |declaration: &Declaration| {
        authority.apply(&tenant(), by("user:alice"), declaration, ApplyMode { dry_run: false, prune: true })
    };
    exceeded(prune(&nothing), most);
    let kept = format!("document:plan#viewer@user:u{most}");
    let all_but_one = Declaration { relationships: Some(vec![edge(&kept)]), ..Declaration::default() };
    assert_eq!(prune(&all_but_one).unwrap().difference.len(), most);
}

#[test]
fn limit_transaction_bytes_max() {
    let authority = authority();
    let most = limits::TRANSACTION_BYTES_MAX;
    let changes = |bytes: usize| {
        let text = BTreeMap::from([("text".to_owned(), Value::String("x".repeat(bytes)))]);
        vec![Change::AttributesSet(object("document:plan"), text)]
    };
    let around = prokura::model::encode_changes(&changes(most / 2)).len() - most / 2;
    exceeded(write(&authority, changes(most - around + 1)), most);
    write(&authority, changes(most - around)).unwrap();
}

#[test]
fn limit_request_id_bytes_max() {
    let authority = authority();
    let most = limits::REQUEST_ID_BYTES_MAX;
    let request = |bytes: usize| by("user:alice").with_request_id("x".repeat(bytes));
    let changes = || vec![touch("document:plan#viewer@user:alice")];
    authority.write(&tenant(), request(most), changes()).unwrap();
    exceeded(authority.write(&tenant(), request(most + 1), changes()), most);
}

#[test]
fn limit_author_bytes_max_and_limit_sentence_bytes_max() {
    limit_author_bytes_max_holds();
    limit_sentence_bytes_max_holds();
}

fn limit_author_bytes_max_holds() {
    let authority = authority();
    let most = limits::AUTHOR_BYTES_MAX;
    let changes = || vec![touch("document:plan#viewer@user:alice")];
    authority.write(&tenant(), by(&"x".repeat(most)), changes()).unwrap();
    exceeded(authority.write(&tenant(), by(&"x".repeat(most + 1)), changes()), most);
}

fn limit_sentence_bytes_max_holds() {
    let (authority, _) = at_noon();
    let because = |bytes: usize| Provenance::new("user:alice", "x".repeat(bytes));
    let changes = || vec![touch("document:plan#viewer@user:alice")];
    authority.write(&tenant(), because(SENTENCE_BYTES_MAX), changes()).unwrap();
    exceeded(authority.write(&tenant(), because(SENTENCE_BYTES_MAX + 1), changes()), SENTENCE_BYTES_MAX);
    let purpose = |id: &str, bytes: usize| {
        let mut task = task(id, "user:alice");
        task.purpose = "x".repeat(bytes);
        vec![Change::TaskOpened(task)]
    };
    write(&authority, purpose("t1", SENTENCE_BYTES_MAX)).unwrap();
    exceeded(write(&authority, purpose("t2", SENTENCE_BYTES_MAX + 1)), SENTENCE_BYTES_MAX);
}

#[test]
fn limit_attributes_max() {
    let authority = authority();
    let most = limits::ATTRIBUTES_MAX;
    let changes = |count: usize| {
        let attributes = (0..count).map(|number| (format!("a{number}"), Value::Null)).collect();
        vec![Change::AttributesSet(object("document:plan"), attributes)]
    };
    write(&authority, changes(most)).unwrap();
    exceeded(write(&authority, changes(most + 1)), most);
}

#[test]
fn limit_value_nesting_max() {
    let authority = authority();
    let changes = |depth: usize| {
        let value = (1..depth).fold(Value::Null, |inner, _| Value::List(vec![inner]));
        vec![Change::AttributesSet(object("document:plan"), BTreeMap::from([("deep".to_owned(), value)]))]
    };
    let receipt = write(&authority, changes(VALUE_NESTING_MAX)).unwrap();
    assert!(authority.transaction(&tenant(), receipt.revision).unwrap().is_some());
    assert_eq!(write(&authority, changes(VALUE_NESTING_MAX + 1)).unwrap_err().code(), "value_invalid");
}

#[test]
fn limit_cap_clauses_max() {
    let (authority, _) = at_noon();
    let changes = |id: &str, count: usize| {
        let mut delegation = link(id, "user:alice", "agent:coder", None);
        let clause = delegation.cap.clauses[0].clone();
        delegation.cap.clauses = vec![clause; count];
        vec![Change::DelegationCreated(delegation)]
    };
    write(&authority, changes("d1", CAP_CLAUSES_MAX)).unwrap();
    exceeded(write(&authority, changes("d2", CAP_CLAUSES_MAX + 1)), CAP_CLAUSES_MAX);
}

#[test]
fn limit_cap_entries_max() {
    let (authority, _) = at_noon();
    let resources = |id: &str, count: usize| {
        let mut delegation = link(id, "user:alice", "agent:coder", None);
        delegation.cap.clauses[0].resources =
            (0..count).map(|number| CapResource::Object(object(&format!("document:d{number}")))).collect();
        vec![Change::DelegationCreated(delegation)]
    };
    write(&authority, resources("d1", CAP_ENTRIES_MAX)).unwrap();
    exceeded(write(&authority, resources("d2", CAP_ENTRIES_MAX + 1)), CAP_ENTRIES_MAX);
    let names = |count: usize| -> BTreeSet<RelationName> {
        (0..count).map(|number| RelationName::new(format!("may{number}")).unwrap()).collect()
    };
    let many: String = names(CAP_ENTRIES_MAX + 1).iter().map(|name| format!("relation {name}: user\n")).collect();
    let schema = format!("{}definition thing {{ {many} }}", super::support::SCHEMA);
    write(&authority, vec![Change::SchemaWritten(schema)]).unwrap();
    let permissions = |id: &str, count: usize| {
        let mut delegation = link(id, "user:alice", "agent:coder", None);
        delegation.cap = super::support::cap(CapPermissions::Only(names(count)), "thing:*");
        vec![Change::DelegationCreated(delegation)]
    };
    write(&authority, permissions("d3", CAP_ENTRIES_MAX)).unwrap();
    exceeded(write(&authority, permissions("d4", CAP_ENTRIES_MAX + 1)), CAP_ENTRIES_MAX);
}

#[test]
fn limit_endorsement_origins_max() {
    let (authority, _) = at_noon();
    let owned = Principal {
        object: object("agent:worker"),
        owner: Some(object("user:alice")),
        state: PrincipalState::Active,
        declared: false,
    };
    write(&authority, vec![Change::PrincipalSet(owned)]).unwrap();
    let endorsed = |id: &str, count: usize| {
        vec![Change::EndorsementCreated(Endorsement {
            id: EndorsementId::new(id).unwrap(),
            worker: object("agent:worker"),
            by: object("user:alice"),
            cap: super::support::cap(CapPermissions::Any, "document:*"),
            origins: (0..count).map(|number| SubjectRef::Object(object(&format!("user:u{number}")))).collect(),
            expires_at: None,
            revoked_at: None,
            declared: false,
        })]
    };
    write(&authority, endorsed("e1", ENDORSEMENT_ORIGINS_MAX)).unwrap();
    exceeded(write(&authority, endorsed("e2", ENDORSEMENT_ORIGINS_MAX + 1)), ENDORSEMENT_ORIGINS_MAX);
}

#[test]
fn limit_preset_key_bytes_max() {
    let most = limits::PRESET_KEY_BYTES_MAX;
    let authority = authority();
    exceeded(authority.first_key(Some(&"x".repeat(most + 1))), most);
    assert!(authority.first_key(Some(&"x".repeat(most))).unwrap().is_some());
}

#[test]
fn limit_key_name_bytes_max() {
    let most = limits::KEY_NAME_BYTES_MAX;
    let authority = authority();
    let create =
        |bytes: usize| authority.create_key(&"x".repeat(bytes), KeyRole::Auditor, KeyScope::AllTenants, by("key:k"));
    create(most).unwrap();
    exceeded(create(most + 1), most);
}

#[test]
fn limit_tenants_max() {
    let authority = authority();
    // One is there from the start.
    for number in 1..limits::TENANTS_MAX {
        let name = TenantName::new(format!("t{number}")).unwrap();
        authority.create_tenant(&name, by("key:k")).unwrap();
    }
    let one_more = TenantName::new("one-more").unwrap();
    exceeded(authority.create_tenant(&one_more, by("key:k")), limits::TENANTS_MAX);
}

/// As many relationships as there is memory for are written, and one byte less is not enough for them; what is refused
/// leaves nothing, and what is deleted makes room.
#[test]
fn limit_memory() {
    let written = |authority: &Authority, numbers: std::ops::Range<u32>| {
        let changes = numbers.map(|number| touch(&format!("document:d{number}#viewer@user:u{number}"))).collect();
        write(authority, changes)
    };
    let within = |memory: Option<u64>| {
        let authority = Authority::in_memory(Options { memory, ..Options::default() });
        write(&authority, vec![schema()]).unwrap();
        written(&authority, 0..2_000).unwrap();
        authority
    };
    let free = within(None);
    written(&free, 2_000..20_000).unwrap();
    let needed = free.stats().memory;
    assert_eq!(free.stats().memory_max, None);

    let enough = within(Some(needed));
    written(&enough, 2_000..20_000).unwrap();
    assert_eq!(enough.stats().memory, needed);

    let short = within(Some(needed - 1));
    let before = short.snapshot(&tenant()).unwrap().revision();
    match written(&short, 2_000..20_000) {
        Err(error @ WriteError::MemoryFull(max)) => {
            assert_eq!((max, error.code()), (needed - 1, "memory_full"));
        }
        other => panic!("{other:?}"),
    }
    let stats = short.stats();
    assert!(stats.memory < needed);
    let snapshot = short.snapshot(&tenant()).unwrap();
    assert_eq!((snapshot.revision(), snapshot.stats().relationships), (before, 2_000));
    assert_eq!(stats.tenants.len(), 1);
    // Smaller writes still fit, and reading goes on.
    written(&short, 2_000..2_100).unwrap();
    assert_eq!(short.snapshot(&tenant()).unwrap().stats().relationships, 2_100);
}

/// What was written with more memory is not opened with less; nothing is changed, and with enough it is there.
#[test]
fn limit_memory_when_opening() {
    let folder = tempfile::tempdir().unwrap();
    let open = |memory: Option<u64>| Authority::open(folder.path(), Options { memory, ..Options::default() });
    let changes = (0..5_000).map(|number| touch(&format!("document:d{number}#viewer@user:u{number}"))).collect();
    let authority = open(None).unwrap();
    write(&authority, vec![schema()]).unwrap();
    write(&authority, changes).unwrap();
    authority.close();
    let needed = open(None).unwrap().stats().memory;
    let error = open(Some(needed - 1)).unwrap_err();
    assert_eq!((error.code(), error.fault()), ("memory_full", prokura::model::Fault::Limit), "{error}");
    let authority = open(Some(needed)).unwrap();
    assert_eq!(authority.snapshot(&tenant()).unwrap().stats().relationships, 5_000);
}
