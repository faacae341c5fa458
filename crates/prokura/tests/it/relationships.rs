//! Writes of relationships that depend on what is there, and reading them all back.

use std::collections::BTreeMap;

use prokura::{
    ApplyMode, Authority, Declaration, DeleteRelationships, Effect, ImportFault, Operation, Options, Precondition,
    RelationshipUpdate, RelationshipWrite, WriteError,
    model::{
        CaveatName, CaveatUse, Change, ObjectId, Relationship, RelationshipFilter, Revision, Terms, Timestamp,
        TypeName, Value,
    },
};

use super::support::{Hand, NOON, by, edge, read, snapshot, tenant, touch, write};

pub(crate) const SCHEMA: &str = "use expiration

caveat on_day(day string, hour int) {
    day == \"monday\" && hour > 8
}

definition user {}

definition document {
    relation viewer: user | user:* | user with on_day | user with expiration
    relation owner: user
    permission view = viewer + owner
    permission sole = owner - viewer
}
";

/// An authority in memory at noon with the schema above.
pub(crate) fn begun() -> (Authority, Hand) {
    let hand = Hand::at(NOON);
    let authority = Authority::in_memory(hand.options());
    write(&authority, vec![Change::SchemaWritten(SCHEMA.to_owned())]).unwrap();
    (authority, hand)
}

pub(crate) fn until(moment: u64) -> Terms {
    Terms { caveat: None, expires_at: Some(Timestamp(moment)) }
}

pub(crate) fn on_day(context: &[(&str, Value)]) -> Terms {
    let context = context.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Terms { caveat: Some(CaveatUse { name: CaveatName::new("on_day").unwrap(), context }), expires_at: None }
}

fn update(operation: Operation, text: &str, terms: Terms) -> RelationshipUpdate {
    RelationshipUpdate { operation, relationship: read(text), terms }
}

fn updates(updates: Vec<RelationshipUpdate>) -> RelationshipWrite {
    RelationshipWrite { updates, ..RelationshipWrite::default() }
}

fn create(text: &str) -> RelationshipWrite {
    updates(vec![update(Operation::Create, text, Terms::default())])
}

fn write_all(authority: &Authority, write: RelationshipWrite) -> Result<Revision, WriteError> {
    authority.write_relationships(&tenant(), by("user:tester"), write).map(|receipt| receipt.revision)
}

fn of_document(id: &str) -> RelationshipFilter {
    RelationshipFilter {
        resource_type: Some(TypeName::new("document").unwrap()),
        resource_id: Some(ObjectId::new(id).unwrap()),
        ..RelationshipFilter::default()
    }
}

fn all(authority: &Authority) -> BTreeMap<Relationship, Terms> {
    let mut found = BTreeMap::new();
    snapshot(authority)
        .visit_relationships(&RelationshipFilter::default(), |stored| {
            assert!(found.insert(stored.relationship, stored.terms).is_none());
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    found
}

#[test]
fn what_is_created_must_not_exist() {
    let (authority, hand) = begun();
    let plan = "document:plan#viewer@user:alice";
    write_all(&authority, updates(vec![update(Operation::Create, plan, until(NOON + 10))])).unwrap();
    let two = updates(vec![
        update(Operation::Create, "document:plan#viewer@user:bob", Terms::default()),
        update(Operation::Create, plan, Terms::default()),
    ]);
    let before = snapshot(&authority).revision();
    let error = write_all(&authority, two.clone()).unwrap_err();
    assert_eq!(error.code(), "relationship_exists");
    assert!(error.to_string().contains(plan), "{error}");
    assert_eq!((snapshot(&authority).revision(), all(&authority).len()), (before, 1));
    // One that is over does not exist, whether or not it was collected yet.
    hand.set(NOON + 10);
    write_all(&authority, two).unwrap();
    assert_eq!(all(&authority).get(&read(plan)), Some(&Terms::default()));
}

#[test]
fn a_touch_replaces_the_terms_and_a_delete_ends_what_may_not_be_there() {
    let (authority, _) = begun();
    let plan = "document:plan#viewer@user:alice";
    for terms in [Terms::default(), until(NOON + 10), on_day(&[("day", Value::String("monday".to_owned()))])] {
        write_all(&authority, updates(vec![update(Operation::Touch, plan, terms.clone())])).unwrap();
        assert_eq!(all(&authority).get(&read(plan)), Some(&terms));
    }
    let gone = updates(vec![update(Operation::Delete, plan, Terms::default())]);
    write_all(&authority, gone.clone()).unwrap();
    write_all(&authority, gone).unwrap();
    assert!(all(&authority).is_empty());
}

#[test]
fn one_relationship_is_updated_once() {
    let (authority, _) = begun();
    let plan = "document:plan#viewer@user:alice";
    let twice = [Operation::Touch, Operation::Delete].map(|operation| update(operation, plan, Terms::default()));
    assert_eq!(write_all(&authority, updates(twice.to_vec())).unwrap_err().code(), "relationship_repeated");
    let differing = vec![touch(plan), Change::RelationshipTouched(read(plan), until(NOON + 9))];
    assert_eq!(write(&authority, differing).unwrap_err().code(), "changes_contradict");
    assert_eq!(write(&authority, vec![touch(plan), touch(plan)]).map(|receipt| receipt.revision).unwrap(), Revision(2));
}

#[test]
fn preconditions_are_held_to_what_is_there_and_not_over() {
    let (authority, hand) = begun();
    let expiring = update(Operation::Touch, "document:plan#viewer@user:alice", until(NOON + 10));
    write_all(&authority, updates(vec![expiring])).unwrap();
    let conditional = |must_match: bool, id: &str| RelationshipWrite {
        updates: vec![update(Operation::Touch, "document:other#owner@user:bob", Terms::default())],
        preconditions: vec![Precondition { must_match, filter: of_document(id) }],
        metadata: None,
    };
    write_all(&authority, conditional(true, "plan")).unwrap();
    write_all(&authority, conditional(false, "none")).unwrap();
    for (must_match, id) in [(false, "plan"), (true, "none")] {
        let error = write_all(&authority, conditional(must_match, id)).unwrap_err();
        assert_eq!(error.code(), "precondition_failed");
        assert!(error.to_string().contains(&format!("resource id `{id}`")), "{error}");
    }
    hand.set(NOON + 10);
    assert_eq!(write_all(&authority, conditional(true, "plan")).unwrap_err().code(), "precondition_failed");
    write_all(&authority, conditional(false, "plan")).unwrap();
    let mut wide = conditional(true, "plan");
    wide.preconditions[0].filter = RelationshipFilter::default();
    assert_eq!(write_all(&authority, wide.clone()).unwrap_err().code(), "filter_empty");
    wide.preconditions[0].filter.resource_type = Some(TypeName::new("documnt").unwrap());
    assert_eq!(write_all(&authority, wide).unwrap_err().code(), "type_unknown");
    // Without an update it is a question, and leaves no transaction.
    let asked = RelationshipWrite { updates: Vec::new(), ..conditional(false, "plan") };
    let newest = snapshot(&authority).revision();
    assert_eq!(write_all(&authority, asked).unwrap(), newest);
    assert_eq!(snapshot(&authority).revision(), newest);
}

#[test]
fn metadata_is_kept_with_the_transaction() {
    let (authority, _) = begun();
    let metadata = Value::Map(BTreeMap::from([("ticket".to_owned(), Value::Integer(7))]));
    let written = RelationshipWrite { metadata: Some(metadata.clone()), ..create("document:plan#owner@user:bob") };
    let revision =
        authority.write_relationships(&tenant(), by("user:t").with_request_id("r"), written).unwrap().revision;
    let transaction = authority.transaction(&tenant(), revision).unwrap().unwrap();
    let touched = touch("document:plan#owner@user:bob");
    assert_eq!(transaction.changes, [touched, Change::MetadataAttached(metadata)]);
    let not_kept = RelationshipWrite { metadata: Some(Value::Float(f64::NAN)), ..RelationshipWrite::default() };
    assert_eq!(write_all(&authority, not_kept).unwrap_err().code(), "value_invalid");
}

#[test]
fn a_filter_deletes_within_its_limit() {
    let (authority, _) = begun();
    for user in ["a", "b", "c", "d", "e"] {
        write_all(&authority, create(&format!("document:plan#viewer@user:{user}"))).unwrap();
    }
    write_all(&authority, create("document:other#viewer@user:a")).unwrap();
    let delete = |limit: Option<u64>, allow_partial: bool| {
        let filter = of_document("plan");
        let delete = DeleteRelationships { filter, limit, allow_partial, ..DeleteRelationships::default() };
        authority.delete_relationships(&tenant(), by("user:tester"), delete)
    };
    let before = snapshot(&authority).revision();
    let error = delete(Some(4), false).unwrap_err();
    assert_eq!((error.code(), error.fault()), ("too_many_relationships", prokura::model::Fault::Limit));
    assert_eq!((snapshot(&authority).revision(), all(&authority).len()), (before, 6));
    let part = delete(Some(2), true).unwrap();
    assert_eq!((part.deleted, part.complete, part.receipt.revision), (2, false, before.next()));
    let rest = delete(Some(3), false).unwrap();
    assert_eq!((rest.deleted, rest.complete), (3, true));
    let nothing = delete(None, false).unwrap();
    assert_eq!((nothing.deleted, nothing.complete, nothing.receipt.revision), (0, true, rest.receipt.revision));
    assert_eq!(all(&authority).len(), 1);
    let everything = authority.delete_relationships(&tenant(), by("user:t"), DeleteRelationships::default());
    assert_eq!(everything.unwrap_err().code(), "filter_empty");
}

#[test]
fn a_request_is_known_again_after_a_restart() {
    let (disk, hand) = (prokura::MemoryDisk::new(), Hand::at(NOON));
    let open = || Authority::open_on(std::sync::Arc::new(disk.clone()), hand.options()).unwrap();
    let requested = |id: &str| by("user:tester").with_request_id(id);
    let deletion = |id: &str| DeleteRelationships { filter: of_document(id), ..DeleteRelationships::default() };
    let (first, gone) = {
        let authority = open();
        write(&authority, vec![Change::SchemaWritten(SCHEMA.to_owned())]).unwrap();
        let receipt =
            authority.write_relationships(&tenant(), requested("w"), create("document:plan#viewer@user:a")).unwrap();
        (receipt, authority.delete_relationships(&tenant(), requested("d"), deletion("plan")).unwrap())
    };
    assert_eq!((gone.deleted, gone.complete), (1, true));
    for _ in 0..2 {
        let authority = open();
        let again = |write: RelationshipWrite| authority.write_relationships(&tenant(), requested("w"), write);
        // The relationship is gone, and a creation done again would bring it back.
        assert_eq!(again(create("document:plan#viewer@user:a")).unwrap(), first);
        assert!(all(&authority).is_empty());
        let touched = updates(vec![update(Operation::Touch, "document:plan#viewer@user:a", Terms::default())]);
        assert_eq!(again(touched).unwrap_err().code(), "request_id_reused");
        assert_eq!(authority.delete_relationships(&tenant(), requested("d"), deletion("plan")).unwrap(), gone);
        let other = authority.delete_relationships(&tenant(), requested("d"), deletion("other"));
        assert_eq!(other.unwrap_err().code(), "request_id_reused");
    }
}

fn numbered(count: usize) -> impl Iterator<Item = Result<(Relationship, Terms), &'static str>> {
    (0..count).map(|number| Ok(edge(&format!("document:d{number}#viewer@user:u{}", number % 7))))
}

#[test]
fn limit_import_batch_max() {
    let (authority, _) = begun();
    let most = prokura::limits::IMPORT_BATCH_MAX;
    let mut told = Vec::new();
    let done = authority.import(&tenant(), &by("user:t"), numbered(most + 1), |loaded| told.push(loaded)).unwrap();
    assert_eq!((done.loaded, done.transactions), (most as u64 + 1, 2));
    assert_eq!(told, [most as u64, most as u64 + 1]);
    assert_eq!(done.last.unwrap().revision, snapshot(&authority).revision());
    let before = snapshot(&authority).revision();
    let other = (0..most).map(|number| Ok::<_, &str>(edge(&format!("document:d{number}#owner@user:u"))));
    authority.import(&tenant(), &by("user:t"), other, |_| {}).unwrap();
    assert_eq!(snapshot(&authority).revision(), before.next());
}

#[test]
fn limit_import_batch_bytes_max() {
    let (authority, _) = begun();
    let most = prokura::limits::IMPORT_BATCH_BYTES_MAX;
    let long = "x".repeat(1_000);
    let fitting = |count: usize| {
        let long = long.clone();
        (0..count).map(move |number| Ok::<_, &str>(edge(&format!("document:{long}{number:06}#viewer@user:u"))))
    };
    let (relationship, terms) = fitting(1).next().unwrap().unwrap();
    let bytes = prokura::model::encode_changes(&[Change::RelationshipTouched(relationship, terms)]).len();
    let full = most.div_ceil(bytes);
    let done = authority.import(&tenant(), &by("user:t"), fitting(full + 1), |_| {}).unwrap();
    assert_eq!((done.loaded, done.transactions), (full as u64 + 1, 2));
}

#[test]
fn an_import_that_fails_says_what_was_loaded_and_goes_on_by_its_request_id() {
    let (authority, _) = begun();
    let most = prokura::limits::IMPORT_BATCH_MAX;
    let broken = numbered(most + 5).chain(std::iter::once(Err("the file ends here")));
    let request = by("user:t").with_request_id("nightly");
    let error = authority.import(&tenant(), &request, broken, |_| {}).unwrap_err();
    assert_eq!((error.before.loaded, error.before.transactions), (most as u64, 1));
    assert!(matches!(error.cause, ImportFault::Source("the file ends here")));
    assert_eq!(all(&authority).len(), most);
    let done = authority.import(&tenant(), &request, numbered(most + 5), |_| {}).unwrap();
    assert_eq!((done.loaded, done.transactions, all(&authority).len()), (most as u64 + 5, 2, most + 5));
    let error = authority.import(&tenant(), &by("user:t"), numbered(1), |_| {}).unwrap_err();
    assert_eq!((error.code(), error.before.loaded), (Some("relationship_exists"), 0));
    let wrong = [Ok::<_, &str>(edge("document:d#folder@user:a"))];
    assert_eq!(
        authority.import(&tenant(), &by("user:t"), wrong, |_| {}).unwrap_err().code(),
        Some("relationship_invalid")
    );
}

#[test]
fn an_export_is_everything_once_whatever_the_page() {
    let (authority, hand) = begun();
    authority.import(&tenant(), &by("user:t"), numbered(50), |_| {}).unwrap();
    let many = (0..20).map(|number| Ok::<_, &str>(edge(&format!("document:d3#owner@user:o{number}"))));
    authority.import(&tenant(), &by("user:t"), many, |_| {}).unwrap();
    let over = update(Operation::Touch, "document:d4#viewer@user:late", until(NOON + 5));
    write_all(&authority, updates(vec![over])).unwrap();
    hand.set(NOON + 5);
    let whole = all(&authority);
    assert_eq!(whole.len(), 70);
    let held = snapshot(&authority);
    // What is written meanwhile is not part of it.
    write_all(&authority, create("document:d0#owner@user:new")).unwrap();
    let mut orders = Vec::new();
    for size in [1, 3, 69, 70, 71, 1_000] {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = held.export(&RelationshipFilter::default(), after.as_deref(), size).unwrap();
            assert!(page.entries.len() <= size);
            walked.extend(page.entries.into_iter().map(|stored| (stored.relationship, stored.terms)));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(walked.iter().cloned().collect::<BTreeMap<_, _>>(), whole);
        orders.push(walked);
    }
    assert!(orders.iter().all(|order| *order == orders[0]));
    let part = held.export(&of_document("d3"), None, 1_000).unwrap();
    assert_eq!(part.entries.len(), 21);
    let cursor = held.export(&RelationshipFilter::default(), None, 1).unwrap().next.unwrap();
    let (elsewhere, _) = begun();
    for wrong in [cursor.as_str(), "", "é", "document:d3#owner@user:o1"] {
        let refused = snapshot(&elsewhere).export(&RelationshipFilter::default(), Some(wrong), 1);
        assert_eq!(refused.unwrap_err().code(), "cursor_invalid");
    }
}

#[test]
fn declared_terms_are_applied_and_told() {
    let (authority, _) = begun();
    let plan: Relationship = read("document:plan#viewer@user:alice");
    let declare = |terms: Terms, prune: bool| {
        let declaration = Declaration { relationships: Some(vec![(plan.clone(), terms)]), ..Declaration::default() };
        authority.apply(&tenant(), by("user:t"), &declaration, ApplyMode { dry_run: false, prune }).unwrap()
    };
    assert_eq!(declare(Terms::default(), false).difference[0].effect, Effect::Added);
    let changed = declare(until(NOON + 10), false);
    assert_eq!(changed.difference[0].effect, Effect::Changed);
    assert!(changed.difference[0].detail.starts_with("expires at 2027-"), "{}", changed.difference[0].detail);
    assert!(declare(until(NOON + 10), true).difference.is_empty());
    let monday = on_day(&[("day", Value::String("monday".to_owned()))]);
    assert_eq!(declare(monday, false).difference[0].detail, "caveat on_day, no expiry");
    let late = on_day(&[("day", Value::String("monday".to_owned())), ("hour", Value::Integer(23))]);
    assert_eq!(declare(late, false).difference[0].detail, "another context of its caveat");
    let over = declare(until(NOON), false);
    assert!(over.difference.is_empty() && over.notes.len() == 1, "{over:?}");
    let twice = Declaration {
        relationships: Some(vec![(plan.clone(), Terms::default()), (plan.clone(), until(NOON + 1))]),
        ..Declaration::default()
    };
    let refused = authority.apply(&tenant(), by("user:t"), &twice, ApplyMode::default());
    assert_eq!(refused.unwrap_err().code(), "declared_twice");
}

#[test]
fn a_schema_change_is_held_to_caveats_and_terms() {
    let (authority, hand) = begun();
    let bound = on_day(&[("hour", Value::Integer(9))]);
    let caveated = Change::RelationshipTouched(read("document:plan#viewer@user:alice"), bound);
    let expiring = Change::RelationshipTouched(read("document:plan#viewer@user:bob"), until(NOON + 10));
    write(&authority, vec![caveated, expiring]).unwrap();
    let refused = |replaced: &[(&str, &str)], named: &str| {
        let schema = replaced.iter().fold(SCHEMA.to_owned(), |schema, (from, to)| schema.replace(from, to));
        assert_ne!(schema, SCHEMA);
        match write(&authority, vec![Change::SchemaWritten(schema)]) {
            Err(WriteError::SchemaStrands { first, total: 1 }) => {
                assert_eq!(first[0].relationship.to_string(), format!("document:plan#viewer@user:{named}"));
            }
            other => panic!("{other:?}"),
        }
    };
    refused(&[(" | user with on_day", "")], "alice");
    refused(&[(" | user with expiration", "")], "bob");
    refused(&[("hour int", "hour string"), ("hour > 8", "hour > \"8\"")], "alice");
    refused(&[("hour int", "time int"), ("hour > 8", "time > 8")], "alice");
    // Nobody binds the day.
    let days = SCHEMA.replace("day string", "day_of_week string").replace("day ==", "day_of_week ==");
    write(&authority, vec![Change::SchemaWritten(days)]).unwrap();
    // What is over is not in the way, and does not stay behind either.
    hand.set(NOON + 10);
    let without = SCHEMA.replace(" | user with expiration", "").replace("use expiration", "");
    let receipt = write(&authority, vec![Change::SchemaWritten(without)]).unwrap();
    let changes = authority.changes(&tenant(), Revision(0), 100).unwrap();
    let collected: Vec<_> = changes
        .iter()
        .filter(|transaction| {
            transaction.changes.contains(&Change::RelationshipExpired(read("document:plan#viewer@user:bob")))
        })
        .collect();
    assert_eq!(collected.len(), 1);
    assert!(collected[0].revision <= receipt.revision);
    assert_eq!(all(&authority).len(), 1);
}

#[test]
fn limit_metadata_bytes_max_and_limit_relationship_context_bytes_max() {
    limit_metadata_bytes_max_holds();
    limit_relationship_context_bytes_max_holds();
}

#[track_caller]
fn exceeded<T: std::fmt::Debug>(result: Result<T, WriteError>, limit: usize) {
    match result {
        Err(WriteError::LimitExceeded { max, found, .. }) => assert_eq!((max, found), (limit, limit + 1)),
        other => panic!("{other:?}"),
    }
}

fn limit_metadata_bytes_max_holds() {
    let (authority, _) = begun();
    let most = prokura::limits::METADATA_BYTES_MAX;
    let written = |bytes: usize| {
        let metadata = Value::String("x".repeat(bytes));
        assert_eq!(prokura::recorded_bytes(&metadata), bytes + 1);
        write_all(&authority, RelationshipWrite { metadata: Some(metadata), ..RelationshipWrite::default() })
    };
    written(most - 1).unwrap();
    exceeded(written(most), most);
}

fn limit_relationship_context_bytes_max_holds() {
    let (authority, _) = begun();
    let most = prokura::limits::RELATIONSHIP_CONTEXT_BYTES_MAX;
    let written = |bytes: usize| {
        let terms = on_day(&[("day", Value::String("x".repeat(bytes)))]);
        write(&authority, vec![Change::RelationshipTouched(read("document:plan#viewer@user:alice"), terms)])
    };
    let around = 1 + "day".len() + 1 + 1;
    written(most - around).unwrap();
    exceeded(written(most - around + 1), most);
}

#[test]
fn limit_preconditions_max() {
    let (authority, _) = begun();
    let most = prokura::limits::PRECONDITIONS_MAX;
    let written = |count: usize| {
        let preconditions = vec![Precondition { must_match: false, filter: of_document("plan") }; count];
        write_all(&authority, RelationshipWrite { preconditions, ..RelationshipWrite::default() })
    };
    written(most).unwrap();
    exceeded(written(most + 1), most);
}

#[test]
fn limit_transaction_changes_max_of_a_deletion() {
    let authority = Authority::in_memory(Options::default());
    write(&authority, vec![Change::SchemaWritten(SCHEMA.to_owned())]).unwrap();
    let most = prokura::limits::TRANSACTION_CHANGES_MAX;
    let edges = (0..=most).map(|number| Ok::<_, &str>(edge(&format!("document:plan#viewer@user:u{number}"))));
    authority.import(&tenant(), &by("user:t"), edges, |_| {}).unwrap();
    let delete = |allow_partial: bool| {
        let delete =
            DeleteRelationships { filter: of_document("plan"), allow_partial, ..DeleteRelationships::default() };
        authority.delete_relationships(&tenant(), by("user:t"), delete)
    };
    assert_eq!(delete(false).unwrap_err().code(), "too_many_relationships");
    let part = delete(true).unwrap();
    assert_eq!((part.deleted, part.complete), (most as u64, false));
    let rest = delete(false).unwrap();
    assert_eq!((rest.deleted, rest.complete), (1, true));
}
