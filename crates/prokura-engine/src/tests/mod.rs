mod checking;
mod deciding;
mod explaining;
mod indexing;
mod limiting;
mod listing;
mod lists;
mod narrowing;
mod nesting;
mod remembering;
mod terms;

use prokura_model::{Change, ObjectRef, Relationship, Revision, Timestamp, Transaction};

use crate::{Context, EngineError, Explanation, Given, Index, Limits, Permissionship};

static NOTHING: Context = Context::new();

/// Nothing but a moment.
pub(crate) fn given() -> Given<'static> {
    Given { now: Timestamp(1_000_000), context: &NOTHING }
}

/// An index with everything published.
pub(crate) fn index(schema: &str, relationships: &[&str]) -> Index {
    let index = Index::new();
    write(&index, vec![Change::SchemaWritten(schema.to_owned())]);
    write(&index, relationships.iter().map(|text| touch(text)).collect());
    index
}

pub(crate) fn transaction(revision: Revision, changes: Vec<Change>) -> Transaction {
    Transaction {
        revision,
        time: Timestamp(1_000 + revision.0),
        author: "key:test".to_owned(),
        reason: String::new(),
        request_id: None,
        changes,
    }
}

pub(crate) fn write(index: &Index, changes: Vec<Change>) -> Revision {
    let revision = index.applied().next();
    index.apply(&transaction(revision, changes)).unwrap();
    index.publish(revision);
    revision
}

pub(crate) fn relationship(text: &str) -> Relationship {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn touch(text: &str) -> Change {
    Change::touched(relationship(text))
}

pub(crate) fn delete(text: &str) -> Change {
    Change::RelationshipDeleted(relationship(text))
}

pub(crate) fn object(text: &str) -> ObjectRef {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// `document:plan#view@user:alice`, where the middle may be a permission.
pub(crate) fn question(text: &str) -> Relationship {
    relationship(text)
}

pub(crate) fn check_within(index: &Index, text: &str, limits: &Limits) -> Result<Permissionship, EngineError> {
    let Relationship { resource, relation, subject } = question(text);
    index.view().check(&resource, &relation, &subject, given(), limits)
}

pub(crate) fn check(index: &Index, text: &str) -> Result<bool, &'static str> {
    let found = check_within(index, text, &Limits::default());
    let explained = explain_within(index, text, &Limits::default());
    match (&found, &explained) {
        (Ok(Permissionship::Has), Ok(Explanation::Held(_)))
        | (Ok(Permissionship::HasNot), Ok(Explanation::NotHeld(_))) => {}
        (Err(one), Err(other)) if one == other => {}
        other => panic!("check and explain disagree: {other:?}"),
    }
    found.map(|found| found == Permissionship::Has).map_err(|error| error.code())
}

pub(crate) fn explain_within(index: &Index, text: &str, limits: &Limits) -> Result<Explanation, EngineError> {
    let Relationship { resource, relation, subject } = question(text);
    index.view().explain(&resource, &relation, &subject, given(), limits)
}

pub(crate) fn explain(index: &Index, text: &str) -> Explanation {
    explain_within(index, text, &Limits::default()).unwrap()
}

#[track_caller]
pub(crate) fn holds(index: &Index, text: &str) {
    assert_eq!(check(index, text), Ok(true), "{text}");
}

#[track_caller]
pub(crate) fn fails(index: &Index, text: &str) {
    assert_eq!(check(index, text), Ok(false), "{text}");
}

/// Runs on a thread with the stack that a server's worker has.
pub(crate) fn on_two_megabytes(run: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn_scoped(scope, run).unwrap().join().unwrap();
    });
}
