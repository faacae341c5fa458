//! The index holds what was written, at every revision that is kept, and readers see whole transactions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
};

use prokura_model::{
    Cap, Change, Delegation, DelegationId, DelegationKind, ObjectRef, Principal, PrincipalState, Relationship,
    RelationshipFilter, Revision, SubjectIdFilter, SubjectRef, Task, TaskId, TaskState, Terms, Timestamp, Value,
};
use proptest::prelude::*;

use super::{check, delete, object, question, relationship, touch, transaction, write};
use crate::{ApplyError, EngineError, Index, Limits, Permissionship, View};

const SCHEMA: &str = "
    definition user {}
    definition group {
        relation member: user | group#member
    }
    definition document {
        relation parent: document
        relation viewer: user | user:* | group#member
        relation banned: user
        permission view = (viewer + parent->view) - banned
    }
";

/// The state in the plainest way.
#[derive(Clone, Debug, Default, PartialEq)]
struct Plain {
    relationships: BTreeMap<Relationship, (Revision, Terms)>,
    principals: BTreeMap<ObjectRef, Principal>,
    tasks: BTreeMap<TaskId, Task>,
    delegations: BTreeMap<DelegationId, Delegation>,
    attributes: BTreeMap<ObjectRef, BTreeMap<String, Value>>,
}

impl Plain {
    fn apply(&mut self, change: &Change, at: Revision, now: Timestamp) {
        match change.clone() {
            Change::RelationshipTouched(edge, terms) => {
                // The same again changes nothing; other terms begin anew.
                if self.relationships.get(&edge).is_none_or(|(_, before)| *before != terms) {
                    self.relationships.insert(edge, (at, terms));
                }
            }
            Change::RelationshipDeleted(edge) | Change::RelationshipExpired(edge) => {
                self.relationships.remove(&edge);
            }
            Change::AttributesSet(object, members) if members.is_empty() => {
                self.attributes.remove(&object);
            }
            Change::AttributesSet(object, members) => {
                self.attributes.insert(object, members);
            }
            Change::PrincipalSet(principal) => {
                self.principals.insert(principal.object.clone(), principal);
            }
            Change::PrincipalRemoved(object) => {
                self.principals.remove(&object);
            }
            Change::TaskOpened(task) => {
                self.tasks.insert(task.id.clone(), task);
            }
            Change::TaskClosed(id, state) => self.tasks.get_mut(&id).unwrap().state = state,
            Change::DelegationCreated(link) => {
                self.delegations.insert(link.id.clone(), link);
            }
            Change::DelegationRevoked(id) => {
                self.delegations.get_mut(&id).unwrap().revoked_at.get_or_insert(now);
            }
            other => assert!(matches!(other, Change::SchemaWritten(_)), "not generated: {other:?}"),
        }
    }

    /// The changes that make this state out of nothing.
    fn changes(&self) -> Vec<Change> {
        let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned())];
        changes.extend(
            self.relationships
                .iter()
                .map(|(edge, (_, terms))| Change::RelationshipTouched(edge.clone(), terms.clone())),
        );
        changes.extend(self.principals.values().cloned().map(Change::PrincipalSet));
        changes.extend(self.tasks.values().cloned().map(Change::TaskOpened));
        changes.extend(self.delegations.values().cloned().map(Change::DelegationCreated));
        changes.extend(
            self.attributes.clone().into_iter().map(|(object, members)| Change::AttributesSet(object, members)),
        );
        changes
    }
}

/// Everything that can be read, the births apart, in the same shape.
fn readable(view: &View<'_>) -> Plain {
    let page = view.relationships(&RelationshipFilter::default(), None, usize::MAX, super::given().now).unwrap();
    assert_eq!(page.next, None);
    assert!(page.relationships.is_sorted_by_key(|stored| &stored.relationship));
    for stored in &page.relationships {
        assert_eq!(view.stored(&stored.relationship).as_ref(), Some(stored));
    }
    Plain {
        relationships: page
            .relationships
            .into_iter()
            .map(|stored| (stored.relationship, (stored.since, stored.terms)))
            .collect(),
        principals: view.principals().iter().map(|found| (found.object.clone(), Principal::clone(found))).collect(),
        tasks: view.tasks().iter().map(|found| (found.id.clone(), Task::clone(found))).collect(),
        delegations: view.delegations().iter().map(|found| (found.id.clone(), Delegation::clone(found))).collect(),
        attributes: view
            .all_attributes()
            .into_iter()
            .map(|(object, found)| (object, BTreeMap::clone(&found)))
            .collect(),
    }
}

/// What every user may view.
fn answers(view: &View<'_>) -> Vec<Result<Permissionship, EngineError>> {
    let mut answers = Vec::new();
    for document in ["d0", "d1", "d2"] {
        for user in ["u0", "u1", "u2", "stranger"] {
            let asked = question(&format!("document:{document}#view@user:{user}"));
            answers.push(view.check(
                &asked.resource,
                &asked.relation,
                &asked.subject,
                super::given(),
                &Limits::default(),
            ));
        }
    }
    answers
}

/// None mostly; otherwise an end, so that touching with other terms and with the same ones both happen.
fn terms() -> impl Strategy<Value = Terms> {
    prop_oneof![
        3 => Just(Terms::default()),
        1 => (2..4u64).prop_map(|hours| Terms { expires_at: Some(Timestamp(hours * 3_600_000)), ..Terms::default() }),
    ]
}

fn edge() -> impl Strategy<Value = Relationship> {
    let id = |letter: &'static str| (0..3u8).prop_map(move |number| format!("{letter}{number}"));
    prop_oneof![
        (id("g"), id("u")).prop_map(|(group, user)| format!("group:{group}#member@user:{user}")),
        (id("g"), id("g")).prop_map(|(group, other)| format!("group:{group}#member@group:{other}#member")),
        (id("d"), id("d")).prop_map(|(one, other)| format!("document:{one}#parent@document:{other}")),
        (id("d"), id("u")).prop_map(|(one, user)| format!("document:{one}#viewer@user:{user}")),
        id("d").prop_map(|one| format!("document:{one}#viewer@user:*")),
        (id("d"), id("g")).prop_map(|(one, group)| format!("document:{one}#viewer@group:{group}#member")),
        (id("d"), id("u")).prop_map(|(one, user)| format!("document:{one}#banned@user:{user}")),
    ]
    .prop_map(|text| relationship(&text))
}

fn change() -> impl Strategy<Value = Change> {
    let user = || (0..3u8).prop_map(|number| object(&format!("user:u{number}")));
    let state = prop_oneof![Just(PrincipalState::Active), Just(PrincipalState::Suspended)];
    prop_oneof![
        6 => (edge(), terms()).prop_map(|(edge, terms)| Change::RelationshipTouched(edge, terms)),
        4 => edge().prop_map(Change::RelationshipDeleted),
        1 => (user(), state).prop_map(|(object, state)| {
            Change::PrincipalSet(Principal { object, owner: None, state, declared: false })
        }),
        1 => user().prop_map(Change::PrincipalRemoved),
        1 => (0..2u8).prop_map(|number| Change::TaskOpened(task(&format!("t-{number}")))),
        1 => (0..2u8).prop_map(|number| Change::DelegationCreated(delegation(&format!("d-{number}")))),
        1 => (0..2u8).prop_map(|number| Change::TaskClosed(TaskId::new(format!("t-{number}")).unwrap(), TaskState::Completed)),
        1 => (0..2u8).prop_map(|number| Change::DelegationRevoked(DelegationId::new(format!("d-{number}")).unwrap())),
        1 => (user(), 0..3i64).prop_map(|(object, value)| {
            let members = (value > 0).then(|| ("level".to_owned(), Value::Integer(value)));
            Change::AttributesSet(object, members.into_iter().collect())
        }),
    ]
}

fn task(id: &str) -> Task {
    Task {
        id: TaskId::new(id).unwrap(),
        origin: object("user:u0"),
        purpose: "testing".to_owned(),
        opened_at: Timestamp(0),
        expires_at: Timestamp(10_000),
        state: TaskState::Open,
        declared: false,
        parent: None,
        owner: None,
        budgets: Vec::new(),
    }
}

fn delegation(id: &str) -> Delegation {
    Delegation {
        id: DelegationId::new(id).unwrap(),
        task: TaskId::new("t-0").unwrap(),
        kind: DelegationKind::Lends,
        from: object("user:u0"),
        to: object("user:u1"),
        parent: None,
        cap: Cap::default(),
        depth: 1,
        not_before: None,
        expires_at: None,
        revoked_at: None,
        declared: false,
        uses: None,
    }
}

/// What ends must have begun: the writer sees to it.
fn fits(plain: &Plain, change: &Change) -> bool {
    match change {
        Change::TaskClosed(id, _) => plain.tasks.contains_key(id),
        Change::DelegationRevoked(id) => plain.delegations.contains_key(id),
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_is_the_fold_of_its_transactions_at_every_revision(
        transactions in prop::collection::vec(prop::collection::vec(change(), 0..6), 1..16),
        horizon in 0..18u64,
    ) {
        let index = Index::new();
        write(&index, vec![Change::SchemaWritten(SCHEMA.to_owned())]);
        let mut plain = Plain::default();
        let mut history = vec![(Revision(1), plain.clone(), answers(&index.view()))];
        for changes in transactions {
            let at = index.applied().next();
            let now = Timestamp(1_000 + at.0);
            let mut taken = Vec::new();
            for change in changes {
                if fits(&plain, &change) {
                    plain.apply(&change, at, now);
                    taken.push(change);
                }
            }
            let (_, before, answers_before) = history.last().unwrap().clone();
            index.apply(&transaction(at, taken)).unwrap();
            // Applied and not published: only the writer sees it.
            prop_assert_eq!(readable(&index.view()), before);
            prop_assert_eq!(answers(&index.view()), answers_before);
            prop_assert_eq!(&readable(&index.view_applied()), &plain);
            index.publish(at);
            prop_assert_eq!(&readable(&index.view()), &plain);
            history.push((at, plain.clone(), answers(&index.view())));
        }
        prop_assert_eq!(index.stats().relationships, plain.relationships.len() as u64);

        let at_once = Index::new();
        write(&at_once, plain.changes());
        let whole = readable(&at_once.view());
        prop_assert!(whole.relationships.keys().eq(plain.relationships.keys()));
        prop_assert_eq!(&Plain { relationships: plain.relationships.clone(), ..whole }, &plain);
        prop_assert_eq!(&answers(&at_once.view()), &history.last().unwrap().2);

        for (at, plain, found) in &history {
            let view = index.view_at(*at).unwrap();
            prop_assert_eq!(&readable(&view), plain, "at {}", at);
            prop_assert_eq!(&answers(&view), found, "at {}", at);
        }
        index.collect(Revision(horizon));
        let horizon = Revision(horizon).min(index.published());
        prop_assert_eq!(index.horizon(), horizon);
        for (at, plain, found) in &history {
            match index.view_at(*at) {
                Err(error) => {
                    prop_assert!(*at < horizon);
                    prop_assert_eq!(error.code(), "revision_collected");
                }
                Ok(view) => {
                    prop_assert!(*at >= horizon);
                    prop_assert_eq!(&readable(&view), plain, "at {} after collecting", at);
                    prop_assert_eq!(&answers(&view), found, "at {} after collecting", at);
                }
            }
        }
        if horizon == index.published() {
            prop_assert_eq!(index.stats().ended, 0);
        }
    }
}

#[test]
fn readers_see_only_whole_transactions_while_others_are_written() {
    let index = Index::new();
    write(&index, vec![Change::SchemaWritten(SCHEMA.to_owned())]);
    write(&index, vec![touch("document:d0#viewer@user:alice")]);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = Revision(0);
                while !done.load(Ordering::Relaxed) {
                    let view = index.view();
                    assert!(view.revision() >= last, "the published revision stepped back");
                    last = view.revision();
                    let seen: Vec<_> = ["d0", "d1"].iter().map(|document| may_view(&view, document)).collect();
                    // Exactly one at a time, and which one is a matter of the revision.
                    match (seen[0].clone(), seen[1].clone()) {
                        (Ok(one), Ok(other)) => {
                            assert_eq!(one == Permissionship::Has, last.0.is_multiple_of(2), "at {last}");
                            assert_ne!(one, other, "at {last}");
                        }
                        // Collected under the reader's hands: an error, never an answer.
                        (Err(error), _) | (_, Err(error)) => assert_eq!(error.code(), "revision_collected"),
                    }
                }
            });
        }
        for turn in 0..2_000u64 {
            let (from, to) = if turn.is_multiple_of(2) { ("d0", "d1") } else { ("d1", "d0") };
            let there = format!("document:{to}#viewer@user:alice");
            let revision = write(&index, vec![delete(&format!("document:{from}#viewer@user:alice")), touch(&there)]);
            if turn.is_multiple_of(64) {
                index.collect(revision);
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// The revision that made the edge.
fn since(view: &View<'_>, edge: &Relationship) -> Option<Revision> {
    view.stored(edge).map(|stored| stored.since)
}

fn may_view(view: &View<'_>, document: &str) -> Result<Permissionship, EngineError> {
    let asked = question(&format!("document:{document}#view@user:alice"));
    view.check(&asked.resource, &asked.relation, &asked.subject, super::given(), &Limits::default())
}

#[test]
fn a_transaction_that_does_not_fit_changes_nothing() {
    let index = Index::new();
    write(&index, vec![Change::SchemaWritten(SCHEMA.to_owned())]);
    let refused = |changes: Vec<Change>| {
        let mut all = vec![touch("document:d0#viewer@user:alice")];
        all.extend(changes);
        index.apply(&transaction(index.applied().next(), all)).unwrap_err().code()
    };
    assert_eq!(refused(vec![Change::SchemaWritten("definition {".to_owned())]), "schema_invalid");
    assert_eq!(refused(vec![Change::TaskClosed(TaskId::new("t-9").unwrap(), TaskState::Completed)]), "task_unknown");
    assert_eq!(refused(vec![Change::DelegationRevoked(DelegationId::new("d-9").unwrap())]), "delegation_unknown");
    let tenant = prokura_model::TenantName::new("other").unwrap();
    assert_eq!(refused(vec![Change::TenantCreated(tenant)]), "not_for_index");
    let out_of_order = index.apply(&transaction(Revision(9), Vec::new())).unwrap_err();
    assert_eq!(out_of_order, ApplyError::OutOfOrder { applied: Revision(1), found: Revision(9) });
    assert_eq!(index.applied(), Revision(1));
    assert_eq!(check(&index, "document:d0#view@user:alice"), Ok(false));
}

#[test]
fn a_revision_that_is_not_published_cannot_be_asked_about() {
    let index = Index::new();
    write(&index, vec![Change::SchemaWritten(SCHEMA.to_owned())]);
    index.apply(&transaction(Revision(2), vec![touch("document:d0#viewer@user:alice")])).unwrap();
    assert_eq!(index.view_at(Revision(2)).unwrap_err().code(), "revision_not_published");
    index.publish(Revision(7));
    assert_eq!(index.published(), Revision(2), "nothing is published before it is applied");
}

#[test]
fn an_edge_keeps_its_birth_until_it_ends() {
    let index = Index::new();
    write(&index, vec![Change::SchemaWritten(SCHEMA.to_owned())]);
    let edge = relationship("document:d0#viewer@user:alice");
    let born = write(&index, vec![Change::touched(edge.clone())]);
    write(&index, vec![Change::touched(edge.clone())]);
    assert_eq!(since(&index.view(), &edge), Some(born));
    let anew = write(&index, vec![Change::RelationshipDeleted(edge.clone()), Change::touched(edge.clone())]);
    assert_eq!(since(&index.view(), &edge), Some(anew));
    assert_eq!(since(&index.view_at(born).unwrap(), &edge), Some(born));
    write(&index, vec![Change::touched(edge.clone()), Change::RelationshipDeleted(edge.clone())]);
    assert_eq!(since(&index.view(), &edge), None);
}

#[test]
fn long_lists_are_edited_in_pieces_and_stay_sorted() {
    let index = Index::new();
    write(&index, vec![Change::SchemaWritten(SCHEMA.to_owned())]);
    let member = |number: u32| format!("group:g#member@user:u{number:05}");
    write(&index, (0..4_000).filter(|number| number % 2 == 0).map(|number| touch(&member(number))).collect());
    let mut plain: BTreeSet<String> = (0..4_000).filter(|number| number % 2 == 0).map(member).collect();
    // One by one at all places, then whole stretches away.
    for number in (1..4_000).step_by(37) {
        write(&index, vec![touch(&member(number))]);
        plain.insert(member(number));
    }
    write(&index, (500..2_500).map(|number| delete(&member(number))).collect());
    plain.retain(|text| !(member(500)..member(2_500)).contains(text));
    let group = RelationshipFilter { resource_type: Some(object("group:g").kind), ..RelationshipFilter::default() };
    let found = index.view().relationships(&group, None, usize::MAX, super::given().now).unwrap().relationships;
    assert!(found.iter().map(|found| found.relationship.to_string()).eq(plain.iter().cloned()));
    for number in [0, 1, 499, 500, 1_000, 2_499, 2_500, 3_998, 3_999] {
        let expected = plain.contains(&member(number));
        assert_eq!(check(&index, &member(number)), Ok(expected), "{number}");
    }
    write(&index, (0..4_000).map(|number| delete(&member(number))).collect());
    index.collect(index.published());
    assert_eq!((index.stats().relationships, index.stats().ended), (0, 0));
}

#[test]
fn schemas_are_kept_as_long_as_their_revisions() {
    let index = Index::new();
    let first = write(&index, vec![Change::SchemaWritten(SCHEMA.to_owned())]);
    let second = write(&index, vec![Change::SchemaWritten("definition user {}".to_owned())]);
    assert_eq!(index.view_at(first).unwrap().schema().unwrap().text(), SCHEMA);
    assert_eq!(index.view().schema_birth(), Some(second));
    let old = index.view_at(first).unwrap();
    index.collect(second);
    let asked = question("document:d0#view@user:alice");
    let late = old.check(&asked.resource, &asked.relation, &asked.subject, super::given(), &Limits::default());
    assert!(late.is_err(), "an answer from a forgotten revision: {late:?}");
}

#[test]
fn subjects_of_any_class_are_read_back() {
    let index = Index::new();
    write(&index, vec![Change::SchemaWritten(SCHEMA.to_owned())]);
    for text in ["document:d0#viewer@user:*", "document:d0#viewer@group:g0#member", "document:d0#viewer@user:\"a b\""] {
        write(&index, vec![touch(text)]);
        assert!(index.view().stored(&relationship(text)).is_some(), "{text}");
    }
    let subject_id = Some(SubjectIdFilter::Object(object("group:g0").id));
    let filter = RelationshipFilter { subject_id, ..RelationshipFilter::default() };
    let found = index.view().relationships(&filter, None, 10, super::given().now).unwrap().relationships;
    assert!(matches!(&found[0].relationship.subject, SubjectRef::Userset(group, _) if group == &object("group:g0")));
}
