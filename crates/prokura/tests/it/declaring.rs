use std::collections::BTreeMap;

use prokura::{
    Applied, ApplyMode, Authority, Declaration, DeclaredDelegation, DeclaredPrincipal, DeclaredTask, Effect, Expiry,
    Page, WriteError,
    model::{CapPermissions, Change, DelegationKind, PrincipalState, Revision, TaskState, Timestamp, Value},
};

use super::support::{
    HOUR, Hand, NOON, SCHEMA, by, cap, coder_edits, delegation_id, edge, exists, object, owned, principal, reason,
    snapshot, task, task_id, tenant, touch, write,
};

const PLAIN: ApplyMode = ApplyMode { dry_run: false, prune: false };
const PRUNE: ApplyMode = ApplyMode { dry_run: false, prune: true };
const DRY: ApplyMode = ApplyMode { dry_run: true, prune: true };

fn declared_principal(text: &str) -> DeclaredPrincipal {
    DeclaredPrincipal { object: object(text), owner: None, state: None }
}

fn declared_link(id: &str, from: &str, to: &str, parent: Option<&str>) -> DeclaredDelegation {
    DeclaredDelegation {
        id: delegation_id(id),
        task: task_id("plan"),
        kind: DelegationKind::Lends,
        from: object(from),
        to: object(to),
        parent: parent.map(delegation_id),
        cap: cap(CapPermissions::Any, "document:*"),
        depth: if parent.is_some() { 0 } else { 2 },
        not_before: None,
        expires_at: None,
        uses: None,
    }
}

/// The story, as files would tell it; the second link is written before its parent.
fn files() -> Declaration {
    Declaration {
        schema: Some(SCHEMA.to_owned()),
        relationships: Some(vec![edge("document:plan#editor@user:alice")]),
        attributes: Some(BTreeMap::from([(
            object("document:plan"),
            BTreeMap::from([("sensitivity".to_owned(), Value::String("low".to_owned()))]),
        )])),
        principals: Some(["user:alice", "agent:planner", "agent:coder"].map(declared_principal).to_vec()),
        tasks: Some(vec![DeclaredTask {
            id: task_id("plan"),
            origin: object("user:alice"),
            purpose: "write the plan".to_owned(),
            expires: Expiry::AfterMs(HOUR),
            parent: None,
            owner: None,
            budgets: Vec::new(),
        }]),
        delegations: Some(vec![
            declared_link("second", "agent:planner", "agent:coder", Some("first")),
            declared_link("first", "user:alice", "agent:planner", None),
        ]),
        endorsements: None,
        authzen: None,
    }
}

fn apply(authority: &Authority, declaration: &Declaration, mode: ApplyMode) -> Result<Applied, WriteError> {
    authority.apply(&tenant(), by("user:tester"), declaration, mode)
}

fn applied() -> (Authority, Hand) {
    let hand = Hand::at(NOON);
    let authority = Authority::in_memory(hand.options());
    apply(&authority, &files(), PLAIN).unwrap();
    (authority, hand)
}

fn lines(applied: &Applied) -> Vec<String> {
    applied.difference.iter().map(ToString::to_string).collect()
}

#[test]
fn files_become_one_transaction() {
    let authority = Authority::in_memory(Hand::at(NOON).options());
    let applied = apply(&authority, &files(), PLAIN).unwrap();
    assert_eq!(applied.receipt.unwrap().revision, Revision(1));
    assert_eq!(
        lines(&applied),
        [
            "+ schema",
            "+ relationship document:plan#editor@user:alice",
            "+ attributes document:plan",
            "+ principal user:alice",
            "+ principal agent:planner",
            "+ principal agent:coder",
            "+ task plan",
            "+ delegation first user:alice -> agent:planner",
            "+ delegation second agent:planner -> agent:coder",
        ]
    );
    assert!(applied.difference.iter().all(|difference| difference.effect == Effect::Added));
    assert_eq!(reason(&authority, &coder_edits()).word(), "lent_authority");
}

#[test]
fn the_same_files_again_change_nothing() {
    let (authority, hand) = applied();
    hand.set(NOON + 60_000);
    for mode in [PLAIN, PRUNE, DRY] {
        let again = apply(&authority, &files(), mode).unwrap();
        assert_eq!(again, Applied { difference: vec![], notes: vec![], receipt: None });
    }
    assert_eq!(snapshot(&authority).revision(), Revision(1));
}

#[test]
fn a_dry_run_says_everything_and_does_nothing() {
    let authority = Authority::in_memory(Hand::at(NOON).options());
    let dry = apply(&authority, &files(), DRY).unwrap();
    assert_eq!(dry.receipt, None);
    assert_eq!(snapshot(&authority).revision(), Revision(0));
    let wet = apply(&authority, &files(), PRUNE).unwrap();
    assert_eq!(dry.difference, wet.difference);
    // What could not be written is refused in a dry run, too.
    let mut wrong = files();
    wrong.relationships = Some(vec![edge("document:plan#editr@user:alice")]);
    assert_eq!(apply(&authority, &wrong, DRY).unwrap_err().code(), "relationship_invalid");
}

#[test]
fn what_is_not_declared_is_left_alone_without_prune() {
    let (authority, _) = applied();
    write(&authority, vec![touch("document:plan#viewer@user:bob"), principal("user:bob")]).unwrap();
    let mut fewer = files();
    fewer.delegations = Some(vec![]);
    fewer.relationships = Some(vec![]);
    assert!(apply(&authority, &fewer, PLAIN).unwrap().difference.is_empty());
}

#[test]
fn prune_ends_what_the_sections_no_longer_name() {
    let (authority, _) = applied();
    // Written by hand: relationships and attributes are the files' business all the same, the rest is not.
    let by_hand = vec![
        touch("document:plan#viewer@user:bob"),
        principal("user:bob"),
        Change::TaskOpened(task("by-hand", "user:bob")),
    ];
    write(&authority, by_hand).unwrap();
    let nothing = Declaration {
        schema: None,
        relationships: Some(vec![]),
        attributes: Some(BTreeMap::new()),
        principals: Some(vec![declared_principal("user:alice")]),
        tasks: Some(vec![]),
        delegations: Some(vec![]),
        endorsements: Some(vec![]),
        authzen: None,
    };
    let pruned = apply(&authority, &nothing, PRUNE).unwrap();
    assert_eq!(
        lines(&pruned),
        [
            "- relationship document:plan#editor@user:alice",
            "- relationship document:plan#viewer@user:bob",
            "- attributes document:plan",
            "- principal agent:coder",
            "- principal agent:planner",
            "- task plan cancelled",
            "- delegation first revoked",
            "- delegation second revoked",
        ]
    );
    let left = snapshot(&authority);
    assert!(left.principal(&object("user:bob")).unwrap().is_some());
    assert_eq!(left.task(&task_id("by-hand")).unwrap().unwrap().state, TaskState::Open);
    assert_eq!(left.task(&task_id("plan")).unwrap().unwrap().state, TaskState::Cancelled);
    assert!(left.delegation(&delegation_id("first")).unwrap().unwrap().revoked_at.is_some());
    assert!(left.schema().unwrap().is_some());
    assert!(apply(&authority, &nothing, PRUNE).unwrap().difference.is_empty());
}

#[test]
fn an_absent_section_is_left_alone_even_with_prune() {
    let (authority, _) = applied();
    assert!(apply(&authority, &Declaration::default(), PRUNE).unwrap().difference.is_empty());
}

#[test]
fn applying_again_resumes_nobody() {
    let (authority, _) = applied();
    write(&authority, vec![owned("agent:coder", None, PrincipalState::Suspended)]).unwrap();
    assert!(snapshot(&authority).principal(&object("agent:coder")).unwrap().unwrap().declared);
    assert!(apply(&authority, &files(), PLAIN).unwrap().difference.is_empty());
    assert_eq!(reason(&authority, &coder_edits()).word(), "actor_suspended");
    // Unless the files say so.
    let mut resuming = files();
    resuming.principals.as_mut().unwrap()[2].state = Some(PrincipalState::Active);
    assert_eq!(lines(&apply(&authority, &resuming, PLAIN).unwrap()), ["~ principal agent:coder active"]);
}

#[test]
fn a_principal_written_by_hand_can_be_adopted() {
    let (authority, _) = applied();
    write(&authority, vec![owned("agent:helper", None, PrincipalState::Active)]).unwrap();
    let mut adopting = files();
    adopting
        .principals
        .as_mut()
        .unwrap()
        .push(DeclaredPrincipal { owner: Some(object("user:alice")), ..declared_principal("agent:helper") });
    let found = lines(&apply(&authority, &adopting, PLAIN).unwrap());
    assert_eq!(found, ["~ principal agent:helper owner user:alice, now declared"]);
}

#[test]
fn what_ended_stays_ended_and_is_noted() {
    let (authority, hand) = applied();
    write(&authority, vec![Change::DelegationRevoked(delegation_id("second"))]).unwrap();
    let again = apply(&authority, &files(), PLAIN).unwrap();
    assert!(again.difference.is_empty());
    assert!(again.notes[0].contains("`second` is revoked and stays so"), "{:?}", again.notes);
    hand.set(NOON + HOUR);
    let again = apply(&authority, &files(), PLAIN).unwrap();
    assert!(again.notes[0].contains("`plan` has expired"), "{:?}", again.notes);
    write(&authority, vec![Change::TaskClosed(task_id("plan"), TaskState::Completed)]).unwrap();
    let again = apply(&authority, &files(), PLAIN).unwrap();
    assert!(again.notes[0].contains("`plan` is completed"), "{:?}", again.notes);
}

#[test]
fn what_cannot_change_is_not_declared_differently() {
    let (authority, _) = applied();
    let refused = |change: &dyn Fn(&mut DeclaredTask, &mut DeclaredDelegation)| {
        let mut files = files();
        let (tasks, links) = (files.tasks.as_mut().unwrap(), files.delegations.as_mut().unwrap());
        change(&mut tasks[0], &mut links[1]);
        let error = apply(&authority, &files, PLAIN).unwrap_err();
        assert_eq!(error.code(), "declared_differs", "{error}");
        error.to_string()
    };
    assert!(refused(&|task, _| task.purpose = "more".to_owned()).contains("`more`"));
    assert!(refused(&|task, _| task.origin = object("agent:coder")).contains("`agent:coder`"));
    assert!(refused(&|task, _| task.expires = Expiry::AfterMs(1)).contains("expiry"));
    assert!(refused(&|task, _| task.expires = Expiry::At(Timestamp(NOON))).contains("expiry"));
    assert!(refused(&|_, link| link.depth = 1).contains("depth 2, not 1"));
    assert!(refused(&|_, link| link.to = object("agent:coder")).contains("`agent:coder`"));
    assert!(refused(&|_, link| link.from = object("agent:coder")).contains("`agent:coder`"));
    assert!(refused(&|_, link| link.task = task_id("other")).contains("`other`"));
    assert!(refused(&|_, link| link.parent = Some(delegation_id("second"))).contains("no parent"));
    assert!(refused(&|_, link| link.cap = prokura::model::Cap::default()).contains("nothing"));
    assert!(refused(&|_, link| link.expires_at = Some(Timestamp(NOON + 1))).contains("expiry"));
}

#[test]
fn nothing_is_declared_twice() {
    let authority = Authority::in_memory(Hand::at(NOON).options());
    let twice = |change: &dyn Fn(&mut Declaration)| {
        let mut files = files();
        change(&mut files);
        apply(&authority, &files, PLAIN).unwrap_err().code()
    };
    assert_eq!(
        twice(&|files| files.principals.as_mut().unwrap().push(declared_principal("user:alice"))),
        "declared_twice"
    );
    assert_eq!(
        twice(&|files| {
            let first = files.tasks.as_ref().unwrap()[0].clone();
            files.tasks.as_mut().unwrap().push(first);
        }),
        "declared_twice"
    );
    // A relationship may stand in two files.
    let mut files = files();
    let again = files.relationships.as_ref().unwrap()[0].clone();
    files.relationships.as_mut().unwrap().push(again);
    apply(&authority, &files, PLAIN).unwrap();
}

#[test]
fn a_cycle_of_parents_is_refused() {
    let (authority, _) = applied();
    let mut files = files();
    files.delegations.as_mut().unwrap().extend([
        declared_link("third", "agent:coder", "agent:planner", Some("fourth")),
        declared_link("fourth", "agent:planner", "agent:coder", Some("third")),
    ]);
    assert_eq!(apply(&authority, &files, PLAIN).unwrap_err().code(), "delegation_unknown");
}

#[test]
fn a_changed_schema_says_what_changed() {
    let (authority, _) = applied();
    let mut files = files();
    files.schema = Some(SCHEMA.replace("viewer + edit +", "viewer +") + "definition team {}\n");
    let found = lines(&apply(&authority, &files, PLAIN).unwrap());
    assert_eq!(found, ["~ schema adds team; changes document"]);
}

#[test]
fn applying_under_the_same_request_id_twice_does_it_once() {
    let authority = Authority::in_memory(Hand::at(NOON).options());
    let request = || by("user:tester").with_request_id("ci-7");
    let first = authority.apply(&tenant(), request(), &files(), PLAIN).unwrap();
    let again = authority.apply(&tenant(), request(), &files(), PLAIN).unwrap();
    assert_eq!(again.receipt, first.receipt);
    assert!(again.difference.is_empty());
    let mut other = files();
    other.relationships = Some(vec![edge("document:plan#viewer@user:bob")]);
    let error = authority.apply(&tenant(), request(), &other, PLAIN).unwrap_err();
    assert_eq!(error.code(), "request_id_reused");
    assert!(!exists(&authority, "document:plan#viewer@user:bob"));
}

#[test]
fn pruning_a_principal_that_a_new_link_needs_is_refused() {
    let (authority, _) = applied();
    let mut files = files();
    files.principals = Some(vec![declared_principal("user:alice"), declared_principal("agent:coder")]);
    files.delegations.as_mut().unwrap().push(declared_link("third", "agent:planner", "agent:coder", Some("first")));
    assert_eq!(apply(&authority, &files, PRUNE).unwrap_err().code(), "principal_unknown");
    let listed = snapshot(&authority).principals(&Page::default()).unwrap();
    assert_eq!(listed.entries.len(), 3);
}
