//! What a run has touched, which guards read: taken with the allow, kept, shown, and bounded.

use std::{collections::BTreeMap, sync::Arc, thread};

use prokura::{
    Authority, Question,
    limits::RUN_VALUES_MAX,
    model::{Cap, CapClause, CapPermissions, CapResource, Change, Disposition, Reason, Task, TaskState, Value},
};

use crate::support::*;

const SCHEMA: &str = "use guards
definition user {}
definition agent {}
definition document {
    attribute label string
    relation reader: user
    permission read = reader
}
definition mailbox {
    relation owner: user
    permission send = owner
}
guard leak on mailbox#send {
    when \"secret\" in run.label
    forbid
}
";

fn labelled(document: &str, value: &str) -> Change {
    let attributes = BTreeMap::from([("label".to_owned(), Value::String(value.to_owned()))]);
    Change::AttributesSet(object(document), attributes)
}

fn everything(kind: &str) -> Cap {
    let resources = [CapResource::Type(read(kind))].into();
    Cap { clauses: vec![CapClause { permissions: CapPermissions::Any, resources, condition: None }] }
}

/// Alice's task `whole` with the part `part`; her agent reads under the part, and sends under the whole.
fn opened(disk: &prokura::MemoryDisk) -> (Authority, Hand) {
    let hand = Hand::at(NOON);
    let authority = Authority::open_on(Arc::new(disk.clone()), hand.options()).unwrap();
    let part = Task { parent: Some(task_id("whole")), ..task("part", "user:alice") };
    let reads = prokura::model::Delegation {
        task: task_id("part"),
        cap: everything("document"),
        ..link("reads", "user:alice", "agent:coder", None)
    };
    let sends = prokura::model::Delegation {
        task: task_id("whole"),
        cap: everything("mailbox"),
        ..link("sends", "user:alice", "agent:coder", None)
    };
    let mut changes = vec![
        Change::SchemaWritten(SCHEMA.to_owned()),
        touch("document:plan#reader@user:alice"),
        touch("document:menu#reader@user:alice"),
        touch("mailbox:work#owner@user:alice"),
        labelled("document:plan", "secret"),
        labelled("document:menu", "public"),
        principal("user:alice"),
        Change::TaskOpened(task("whole", "user:alice")),
        Change::TaskOpened(part),
    ];
    changes.extend([reads, sends].map(Change::DelegationCreated));
    write(&authority, changes).unwrap();
    (authority, hand)
}

fn reads(document: &str) -> Question {
    question("agent:coder", "read", document, Some("reads"))
}

fn sends() -> Question {
    question("agent:coder", "send", "mailbox:work", Some("sends"))
}

fn touched(authority: &Authority, task: &str) -> BTreeMap<String, Vec<Value>> {
    let snapshot = snapshot(authority);
    let task = snapshot.task(&task_id(task)).unwrap().unwrap();
    snapshot.touched(&task)
}

fn labels(labels: &[&str]) -> BTreeMap<String, Vec<Value>> {
    [("label".to_owned(), labels.iter().map(|label| Value::String((*label).to_owned())).collect())].into()
}

#[test]
fn what_was_touched_is_one_transaction_with_the_allow_and_outlives_a_restart() {
    let disk = prokura::MemoryDisk::new();
    let (authority, hand) = opened(&disk);
    let before = snapshot(&authority).revision();
    let first = ask(&authority, &reads("document:menu")).unwrap().decision;
    assert_eq!((first.disposition(), first.taken.touched.len()), (Disposition::Allow, 1));
    assert_eq!(snapshot(&authority).revision().0, before.0 + 1);
    assert!(ask(&authority, &reads("document:menu")).unwrap().decision.taken.is_empty(), "it is touched already");
    assert_eq!(snapshot(&authority).revision().0, before.0 + 1, "so nothing is written");

    let sent = ask(&authority, &sends()).unwrap().decision;
    assert_eq!(sent.disposition(), Disposition::Allow);
    assert_eq!(sent.valid_until.map(|until| until.0), Some(NOON), "it may be another answer the next moment");

    assert!(ask(&authority, &reads("document:plan")).is_ok());
    assert_eq!(reason(&authority, &sends()), Reason::GuardForbids);
    assert_eq!(touched(&authority, "whole"), labels(&["public", "secret"]));
    assert_eq!(touched(&authority, "part"), touched(&authority, "whole"), "all of a tree is one run");

    drop(authority);
    let authority = Authority::open_on(Arc::new(disk), hand.options()).unwrap();
    assert_eq!(reason(&authority, &sends()), Reason::GuardForbids);
    assert_eq!(touched(&authority, "part"), labels(&["public", "secret"]));
    write(&authority, vec![Change::TaskClosed(task_id("part"), TaskState::Completed)]).unwrap();
    assert_eq!(reason(&authority, &sends()), Reason::GuardForbids, "nothing is forgotten with the part");
}

#[test]
fn what_is_reserved_and_given_back_was_touched_all_the_same() {
    let (authority, _hand) = opened(&prokura::MemoryDisk::new());
    let asked = prokura::Asked { reserve_ms: Some(1_000), ..prokura::Asked::by_library() };
    let reserved = authority.decide(&tenant(), &reads("document:plan"), asked).unwrap();
    assert!(reserved.reserved_until.is_some());
    authority.release_reservation(&tenant(), &reserved.id, None, by("library")).unwrap();
    assert_eq!(reason(&authority, &sends()), Reason::GuardForbids);
}

#[test]
fn asked_together_the_later_one_knows_what_the_earlier_one_touched() {
    let (authority, _hand) = opened(&prokura::MemoryDisk::new());
    let ask = |question| (question, prokura::Asked::by_library());
    let together = vec![ask(sends()), ask(reads("document:plan")), ask(sends())];
    let answers = authority.decide_many(&tenant(), together).unwrap();
    let found: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().decision.reason).collect();
    assert_eq!(found, [Reason::LentAuthority, Reason::LentAuthority, Reason::GuardForbids]);
}

/// What only an access item reads of a run is kept as well.
#[test]
fn an_access_item_knows_what_the_run_has_touched() {
    let (authority, _hand) = opened(&prokura::MemoryDisk::new());
    let items = "access now on mailbox#read { when \"secret\" in run.label; refuse }\n\
                 access then on mailbox#read { grant; for at most 1h; relation lent }\n";
    let schema = SCHEMA.replace(
        "definition mailbox {",
        "definition mailbox {\n    relation lent: user with expiration\n    permission read = lent",
    );
    let schema = schema.split("guard leak").next().unwrap();
    let schema = format!("use access\nuse expiration\n{schema}{items}");
    write(&authority, vec![Change::SchemaWritten(schema)]).unwrap();
    let request = |number: usize| prokura::AccessRequest {
        requester: object("agent:coder"),
        task: None,
        delegation: Some(delegation_id("sends")),
        permission: relation("read"),
        resources: [object("mailbox:work")].into(),
        reason: format!("request {number}"),
        ticket: None,
        for_ms: None,
        break_glass: false,
    };
    let item = |number| authority.request_access(&tenant(), by("library"), request(number)).unwrap().item.clone();
    assert_eq!(item(1), "then");
    assert!(ask(&authority, &reads("document:plan")).is_ok());
    assert_eq!(item(2), "now");
}

/// The first answer to a request is given again only as long as nothing more would be touched by it.
#[test]
fn a_request_sent_again_touches_nothing_unseen() {
    let (authority, _hand) = opened(&prokura::MemoryDisk::new());
    let uses = prokura::model::Delegation {
        task: task_id("part"),
        cap: everything("document"),
        uses: Some(5),
        ..link("used", "user:alice", "agent:coder", None)
    };
    write(&authority, vec![Change::DelegationCreated(uses)]).unwrap();
    let question = question("agent:coder", "read", "document:menu", Some("used"));
    let again = || {
        let asked = prokura::Asked { request_id: Some("r1".to_owned()), ..prokura::Asked::by_library() };
        authority.decide(&tenant(), &question, asked)
    };
    let first = again().unwrap();
    assert_eq!(again().unwrap().id, first.id);
    write(&authority, vec![labelled("document:menu", "secret")]).unwrap();
    assert_eq!(again().unwrap_err().code(), "request_id_reused");
    assert_eq!(reason(&authority, &sends()), Reason::LentAuthority, "nothing was read since");
    assert!(ask(&authority, &question).is_ok());
    assert_eq!(reason(&authority, &sends()), Reason::GuardForbids);
    assert_eq!(again().unwrap().id, first.id, "now it is touched, so nothing is unseen");
}

#[test]
fn a_plan_knows_what_its_earlier_actions_would_touch_and_leaves_no_trace() {
    let (authority, _hand) = opened(&prokura::MemoryDisk::new());
    let plan = |questions: &[Question]| {
        let actions = questions.iter().map(|question| (question.clone(), prokura::Asked::by_library())).collect();
        authority.decide_plan(&tenant(), actions).unwrap()
    };
    assert_eq!(plan(&[reads("document:plan"), sends()]).not_allowed(), [1]);
    assert_eq!(plan(&[sends(), reads("document:plan")]).not_allowed(), [0; 0]);
    assert_eq!(touched(&authority, "whole"), BTreeMap::new());
    assert_eq!(reason(&authority, &sends()), Reason::LentAuthority);
}

#[test]
fn of_many_at_once_none_that_comes_after_a_touch_is_let_through() {
    let (authority, _hand) = opened(&prokura::MemoryDisk::new());
    thread::scope(|scope| {
        let readers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    ask(&authority, &reads("document:plan")).unwrap();
                    reason(&authority, &sends())
                })
            })
            .collect();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), Reason::GuardForbids);
        }
    });
    assert_eq!(touched(&authority, "whole"), labels(&["secret"]), "once, however many touched it first");
}

#[test]
fn without_a_guard_that_reads_runs_nothing_is_kept() {
    let (authority, _hand) = opened(&prokura::MemoryDisk::new());
    write(&authority, vec![Change::SchemaWritten(SCHEMA.replace("\"secret\" in run.label", "true"))]).unwrap();
    assert!(ask(&authority, &reads("document:plan")).unwrap().decision.taken.is_empty());
    write(&authority, vec![Change::SchemaWritten(SCHEMA.to_owned())]).unwrap();
    assert_eq!(reason(&authority, &sends()), Reason::LentAuthority, "what was read before the guard was written");
}

#[test]
fn limit_run_values_max() {
    let (authority, _hand) = opened(&prokura::MemoryDisk::new());
    for number in 0..RUN_VALUES_MAX {
        write(&authority, vec![labelled("document:menu", &format!("l{number}"))]).unwrap();
        assert_eq!(reason(&authority, &reads("document:menu")), Reason::LentAuthority);
    }
    assert_eq!(reason(&authority, &reads("document:menu")), Reason::LentAuthority, "nothing new");
    let error = ask(&authority, &reads("document:plan")).unwrap_err();
    assert_eq!((error.code(), error.fault()), ("limit_exceeded", prokura::model::Fault::Limit));
}
