use std::{
    collections::BTreeSet,
    fmt::Debug,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use prokura::{
    Asked, Authority, Clock, DecideError, Decided, Options, Provenance, Question, Receipt, Snapshot, WriteError,
    model::{
        Cap, CapClause, CapPermissions, Change, Delegation, DelegationId, DelegationKind, ObjectRef, Principal,
        PrincipalState, Reason, RelationName, Relationship, Task, TaskId, TaskState, TenantName, Terms, Timestamp,
    },
};

pub(crate) const SCHEMA: &str = "definition user {}
definition agent {}
definition folder {
    relation viewer: user
    permission view = viewer
}
definition document {
    relation folder: folder
    relation editor: user | agent
    relation viewer: user | user:*
    permission edit = editor
    permission view = viewer + edit + folder->view
}
";

/// The time at which tests begin.
pub(crate) const NOON: u64 = 1_800_000_000_000;
pub(crate) const HOUR: u64 = 3_600_000;

/// A clock that a test sets, forwards and back.
#[derive(Clone, Debug)]
pub(crate) struct Hand(Arc<AtomicU64>);

impl Hand {
    pub(crate) fn at(milliseconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(milliseconds)))
    }

    pub(crate) fn set(&self, milliseconds: u64) {
        self.0.store(milliseconds, Ordering::SeqCst);
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn clock(&self) -> Clock {
        let own = Arc::clone(&self.0);
        Clock::new(move || Timestamp(own.load(Ordering::SeqCst)))
    }

    pub(crate) fn options(&self) -> Options {
        Options { clock: self.clock(), ..Options::default() }
    }
}

pub(crate) fn tenant() -> TenantName {
    TenantName::new("default").unwrap()
}

/// Anything the model reads from text.
pub(crate) fn read<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn object(text: &str) -> ObjectRef {
    read(text)
}

pub(crate) fn relation(text: &str) -> RelationName {
    RelationName::new(text).unwrap()
}

pub(crate) fn task_id(text: &str) -> TaskId {
    TaskId::new(text).unwrap()
}

pub(crate) fn delegation_id(text: &str) -> DelegationId {
    DelegationId::new(text).unwrap()
}

pub(crate) fn touch(text: &str) -> Change {
    Change::touched(read(text))
}

/// The relationship, for good.
pub(crate) fn edge(text: &str) -> (Relationship, Terms) {
    (read(text), Terms::default())
}

pub(crate) fn delete(text: &str) -> Change {
    Change::RelationshipDeleted(read(text))
}

pub(crate) fn schema() -> Change {
    Change::SchemaWritten(SCHEMA.to_owned())
}

pub(crate) fn principal(text: &str) -> Change {
    owned(text, None, PrincipalState::Active)
}

pub(crate) fn owned(text: &str, owner: Option<&str>, state: PrincipalState) -> Change {
    Change::PrincipalSet(Principal { object: object(text), owner: owner.map(object), state, declared: false })
}

pub(crate) fn task(id: &str, origin: &str) -> Task {
    Task {
        id: task_id(id),
        origin: object(origin),
        purpose: "write the plan".to_owned(),
        opened_at: Timestamp(0),
        expires_at: Timestamp(NOON + HOUR),
        state: TaskState::Open,
        declared: false,
        parent: None,
        owner: None,
        budgets: Vec::new(),
    }
}

/// A link that may carry anything on documents, and be passed on twice.
pub(crate) fn link(id: &str, from: &str, to: &str, parent: Option<&str>) -> Delegation {
    Delegation {
        id: delegation_id(id),
        task: task_id("plan"),
        kind: DelegationKind::Lends,
        from: object(from),
        to: object(to),
        parent: parent.map(delegation_id),
        cap: cap(CapPermissions::Any, "document:*"),
        depth: if parent.is_some() { 1 } else { 2 },
        not_before: None,
        expires_at: None,
        revoked_at: None,
        declared: false,
        uses: None,
    }
}

pub(crate) fn cap(permissions: CapPermissions, resource: &str) -> Cap {
    Cap { clauses: vec![CapClause { permissions, resources: BTreeSet::from([read(resource)]), condition: None }] }
}

pub(crate) fn only(permission: &str) -> CapPermissions {
    CapPermissions::Only(BTreeSet::from([relation(permission)]))
}

pub(crate) fn by(author: &str) -> Provenance {
    Provenance::new(author, "a test")
}

pub(crate) fn write(authority: &Authority, changes: Vec<Change>) -> Result<Receipt, WriteError> {
    authority.write(&tenant(), by("user:tester"), changes)
}

pub(crate) fn snapshot(authority: &Authority) -> Snapshot {
    authority.snapshot(&tenant()).unwrap()
}

pub(crate) fn exists(authority: &Authority, text: &str) -> bool {
    let relationship: Relationship = read(text);
    let page = prokura::Page::first(1_000);
    let found = snapshot(authority).relationships(&prokura::model::RelationshipFilter::default(), &page).unwrap();
    found.entries.iter().any(|found| found.relationship == relationship)
}

/// `user:alice` may edit `document:plan`; in task `plan` she lends it to `agent:planner` by link `first`, who lends it to
/// `agent:coder` by link `second`.
pub(crate) fn story() -> Vec<Change> {
    vec![
        schema(),
        touch("document:plan#editor@user:alice"),
        principal("user:alice"),
        principal("agent:planner"),
        principal("agent:coder"),
        Change::TaskOpened(task("plan", "user:alice")),
        Change::DelegationCreated(link("first", "user:alice", "agent:planner", None)),
        Change::DelegationCreated(link("second", "agent:planner", "agent:coder", Some("first"))),
    ]
}

pub(crate) fn told(authority: &Authority) -> Receipt {
    write(authority, story()).unwrap()
}

/// An authority in memory at noon in which the story was told.
pub(crate) fn at_noon() -> (Authority, Hand) {
    let hand = Hand::at(NOON);
    let authority = Authority::in_memory(hand.options());
    told(&authority);
    (authority, hand)
}

pub(crate) fn question(actor: &str, permission: &str, resource: &str, delegation: Option<&str>) -> Question {
    Question {
        actor: object(actor),
        permission: relation(permission),
        resource: object(resource),
        delegation: delegation.map(delegation_id),
        arguments: prokura::Context::new(),
        credential: None,
        tool_schema: None,
        context: prokura::Context::new(),
    }
}

/// May the coder edit the plan, under the second link?
pub(crate) fn coder_edits() -> Question {
    question("agent:coder", "edit", "document:plan", Some("second"))
}

pub(crate) fn ask(authority: &Authority, question: &Question) -> Result<Decided, DecideError> {
    authority.decide(&tenant(), question, Asked::by_library())
}

pub(crate) fn reason(authority: &Authority, question: &Question) -> Reason {
    ask(authority, question).unwrap().decision.reason
}
