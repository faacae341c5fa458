use prokura::{
    Authority, Options, Page, Permissionship,
    model::{Change, RelationshipFilter, Revision, SubjectRef, TaskState, TenantName, Timestamp},
};

use super::support::{
    Hand, NOON, at_noon, by, delegation_id, delete, exists, link, object, read, relation, schema, snapshot, story,
    task, task_id, tenant, told, touch, write,
};

#[test]
fn an_acknowledged_write_is_seen_by_the_next_question() {
    let authority = Authority::in_memory(Options::default());
    let receipt = told(&authority);
    assert_eq!(receipt.revision, Revision(1));
    let alice: SubjectRef = object("user:alice").into();
    let asked = |authority: &Authority| {
        let context = prokura::Context::new();
        snapshot(authority).check(&object("document:plan"), &relation("view"), &alice, &context).unwrap()
    };
    assert_eq!(asked(&authority), Permissionship::Has);
    write(&authority, vec![delete("document:plan#editor@user:alice")]).unwrap();
    assert_eq!(asked(&authority), Permissionship::HasNot);
}

#[test]
fn a_refused_write_leaves_nothing_of_itself() {
    let authority = Authority::in_memory(Options::default());
    told(&authority);
    let half_legal = vec![touch("document:plan#viewer@user:bob"), touch("document:plan#owner@user:bob")];
    write(&authority, half_legal).unwrap_err();
    assert!(!exists(&authority, "document:plan#viewer@user:bob"));
    assert_eq!(snapshot(&authority).revision(), Revision(1));
}

#[test]
fn a_snapshot_never_changes() {
    let authority = Authority::in_memory(Options::default());
    told(&authority);
    let before = snapshot(&authority);
    write(&authority, vec![touch("document:plan#viewer@user:bob")]).unwrap();
    let page = Page::first(10);
    let all = RelationshipFilter::default();
    assert_eq!(before.relationships(&all, &page).unwrap().entries.len(), 1);
    assert_eq!(snapshot(&authority).relationships(&all, &page).unwrap().entries.len(), 2);
}

#[test]
fn every_edge_leads_to_who_wrote_it_why_and_when() {
    let hand = Hand::at(NOON);
    let authority = Authority::in_memory(hand.options());
    told(&authority);
    hand.set(NOON + 7);
    let provenance = prokura::Provenance::new("key:k-1", "for the review").with_request_id("r-1");
    let changes = vec![touch("document:plan#viewer@user:bob")];
    let receipt = authority.write(&tenant(), provenance, changes.clone()).unwrap();
    assert_eq!(receipt.time, Timestamp(NOON + 7));
    let found = snapshot(&authority).relationships(&RelationshipFilter::default(), &Page::first(10)).unwrap();
    let edge = read("document:plan#viewer@user:bob");
    let stored = found.entries.iter().find(|stored| stored.relationship == edge).unwrap();
    let transaction = authority.transaction(&tenant(), stored.since).unwrap().unwrap();
    assert_eq!(transaction.author, "key:k-1");
    assert_eq!(transaction.reason, "for the review");
    assert_eq!(transaction.request_id.as_deref(), Some("r-1"));
    assert_eq!((transaction.revision, transaction.time), (receipt.revision, receipt.time));
    assert_eq!(transaction.changes, changes);
    assert_eq!(authority.transaction(&tenant(), Revision(99)).unwrap(), None);
}

#[test]
fn a_request_sent_twice_is_done_once() {
    let (authority, hand) = at_noon();
    let request = || by("user:tester").with_request_id("r-1");
    let changes = || vec![touch("document:plan#viewer@user:bob"), Change::TaskOpened(task("other", "user:alice"))];
    let first = authority.write(&tenant(), request(), changes()).unwrap();
    hand.set(NOON + 1_000);
    let again = authority.write(&tenant(), request(), changes()).unwrap();
    assert_eq!(first, again);
    assert_eq!(snapshot(&authority).revision(), first.revision);
    let found = authority.transaction_of_request(&tenant(), "user:tester", "r-1").unwrap().unwrap();
    assert_eq!(found.revision, first.revision);
    assert_eq!(authority.transaction_of_request(&tenant(), "user:tester", "r-2").unwrap(), None);
}

#[test]
fn another_authors_request_id_is_another_request() {
    let (authority, _) = at_noon();
    let edge = "document:plan#viewer@user:bob";
    let one = |author: &str| by(author).with_request_id("1");
    let added = authority.write(&tenant(), one("user:a"), vec![touch(edge)]).unwrap();
    let deleted = authority.write(&tenant(), one("user:b"), vec![delete(edge)]).unwrap();
    assert_eq!(deleted.revision, added.revision.next());
    assert!(!exists(&authority, edge));
    // Sent again, each is its own.
    assert_eq!(authority.write(&tenant(), one("user:a"), vec![touch(edge)]).unwrap(), added);
    assert_eq!(authority.write(&tenant(), one("user:b"), vec![delete(edge)]).unwrap(), deleted);
    let of = |author: &str| authority.transaction_of_request(&tenant(), author, "1").unwrap();
    assert_eq!(of("user:b").unwrap().revision, deleted.revision);
    assert_eq!(of("user:c"), None);
    // Where an author ends is no secret of the key.
    authority.write(&tenant(), by("user:a1").with_request_id("2"), vec![touch(edge)]).unwrap();
    authority.write(&tenant(), by("user:a").with_request_id("12"), vec![delete(edge)]).unwrap();
}

#[test]
fn a_request_id_stands_for_one_request() {
    let (authority, _) = at_noon();
    let request = || by("user:tester").with_request_id("r-1");
    authority.write(&tenant(), request(), vec![touch("document:plan#viewer@user:bob")]).unwrap();
    let error = authority.write(&tenant(), request(), vec![touch("document:plan#viewer@user:eve")]).unwrap_err();
    assert_eq!(error.code(), "request_id_reused");
    assert!(!exists(&authority, "document:plan#viewer@user:eve"));
}

#[test]
fn the_authority_says_when_a_task_was_opened() {
    let (authority, hand) = at_noon();
    hand.set(NOON + 5);
    let mut claimed = task("other", "user:alice");
    claimed.opened_at = Timestamp(1);
    write(&authority, vec![Change::TaskOpened(claimed)]).unwrap();
    let opened = snapshot(&authority).task(&task_id("other")).unwrap().unwrap();
    assert_eq!(opened.opened_at, Timestamp(NOON + 5));
}

#[test]
fn revoking_twice_keeps_the_first_time() {
    let (authority, hand) = at_noon();
    let revoke = || vec![Change::DelegationRevoked(delegation_id("first"))];
    hand.set(NOON + 5);
    write(&authority, revoke()).unwrap();
    hand.set(NOON + 10);
    write(&authority, revoke()).unwrap();
    let revoked = snapshot(&authority).delegation(&delegation_id("first")).unwrap().unwrap();
    assert_eq!(revoked.revoked_at, Some(Timestamp(NOON + 5)));
}

#[test]
fn changes_of_one_transaction_see_each_other() {
    let (authority, _) = at_noon();
    let mut other = task("other", "user:alice");
    other.purpose = "a chain in one go".to_owned();
    let of_other = |mut link: prokura::model::Delegation| {
        link.task = task_id("other");
        Change::DelegationCreated(link)
    };
    write(
        &authority,
        vec![
            Change::TaskOpened(other),
            of_other(link("third", "user:alice", "agent:planner", None)),
            of_other(link("fourth", "agent:planner", "agent:coder", Some("third"))),
            Change::TaskClosed(task_id("other"), TaskState::Completed),
        ],
    )
    .unwrap();
    let late = write(&authority, vec![of_other(link("fifth", "user:alice", "agent:planner", None))]).unwrap_err();
    assert_eq!(late.code(), "task_not_open");
}

#[test]
fn tenants_do_not_see_each_other() {
    let authority = Authority::in_memory(Options::default());
    assert_eq!(authority.tenants(), [tenant()]);
    let acme = TenantName::new("acme").unwrap();
    authority.create_tenant(&acme, by("key:k-1")).unwrap();
    assert_eq!(authority.tenants(), [acme.clone(), tenant()]);
    authority.write(&acme, by("key:k-1"), story()).unwrap();
    assert_eq!(authority.snapshot(&acme).unwrap().revision(), Revision(1));
    assert_eq!(snapshot(&authority).revision(), Revision(0));
    assert!(snapshot(&authority).schema().unwrap().is_none());
}

#[test]
fn a_closed_authority_writes_and_decides_nothing() {
    let (authority, _) = at_noon();
    let other = authority.clone();
    authority.close();
    assert_eq!(write(&other, vec![schema()]).unwrap_err().code(), "closed");
    let decided = super::support::ask(&other, &super::support::coder_edits());
    assert_eq!(decided.unwrap_err().code(), "record_unavailable");
}

#[test]
fn limit_write_wait_max() {
    let disk = super::switched::SwitchedDisk::default();
    let options = Options { write_queue: 1, ..Options::default() };
    let authority = Authority::open_on(std::sync::Arc::new(disk.clone()), options).unwrap();
    told(&authority);
    disk.hold(true);
    std::thread::scope(|scope| {
        let writer = || write(&authority, vec![touch("document:plan#viewer@user:bob")]);
        let in_flight = scope.spawn(writer);
        disk.wait_for_flush();
        let waiting = scope.spawn(writer);
        while authority.health().writes_waiting == 0 {
            std::thread::yield_now();
        }
        let begun = std::time::Instant::now();
        assert_eq!(writer().unwrap_err().code(), "busy");
        let waited = begun.elapsed();
        let most = prokura::limits::WRITE_WAIT_MAX;
        assert!(waited >= most && waited < 2 * most, "{waited:?}");
        disk.hold(false);
        in_flight.join().unwrap().unwrap();
        waiting.join().unwrap().unwrap();
    });
}
