//! Approvals through the library: what is bound, who gives, what voids them, and that one use is one use.

use std::{collections::BTreeMap, sync::Arc, thread};

use prokura::{
    ApprovalFilter, Asked, Authority, Decided, MemoryDisk, OffBoard, Page, Question, WriteError,
    limits::{
        APPROVAL_ACTION_BYTES_MAX, APPROVAL_ANSWER_MS, APPROVAL_GOOD_MS, APPROVALS_PENDING_MAX,
        APPROVALS_PENDING_PER_TASK_MAX,
    },
    model::{
        Approval, ApprovalId, ApprovalState, Change, Credential, DelegationId, Disposition, Fault, PrincipalState,
        Reason, TaskState, Timestamp, Value,
    },
};

use super::support::{
    HOUR, Hand, NOON, ask, by, delete, link, object, owned, principal, question, reason, relation, snapshot, task,
    task_id, tenant, touch, write,
};

const SCHEMA: &str = "use guards
definition user {}
definition agent {}
definition document {
    relation editor: user
    relation chief: user
    permission edit = editor
    permission publish = editor
    permission erase = editor
    permission rename = editor
    permission approve = chief
}
guard seen on document#edit {
    require approval from document#approve within 15m, once
}
guard often on document#publish {
    require approval from document#approve within 15m, reusable
}
guard own on document#erase {
    require confirmation from origin
}
guard twice on document#rename {
    require approval from document#approve
    require approval from document#chief
}
";

const MINUTE: u64 = 60_000;

fn story() -> Vec<Change> {
    vec![
        Change::SchemaWritten(SCHEMA.to_owned()),
        touch("document:plan#editor@user:alice"),
        touch("document:memo#editor@user:alice"),
        touch("document:plan#chief@user:cleo"),
        touch("document:memo#chief@user:cleo"),
        touch("document:plan#chief@user:alice"),
        touch("document:plan#chief@user:nobody"),
        principal("user:alice"),
        principal("user:bob"),
        principal("user:cleo"),
        owned("agent:planner", Some("user:alice"), PrincipalState::Active),
        owned("agent:coder", Some("user:alice"), PrincipalState::Active),
        Change::TaskOpened(task("plan", "user:alice")),
        Change::DelegationCreated(link("first", "user:alice", "agent:planner", None)),
        Change::DelegationCreated(link("second", "agent:planner", "agent:coder", Some("first"))),
        Change::DelegationCreated(link("other", "user:alice", "agent:coder", None)),
    ]
}

fn begun(disk: &MemoryDisk) -> (Authority, Hand) {
    let hand = Hand::at(NOON);
    let authority = Authority::open_on(Arc::new(disk.clone()), hand.options()).unwrap();
    write(&authority, story()).unwrap();
    (authority, hand)
}

fn coder(permission: &str) -> Question {
    let mut question = question("agent:coder", permission, "document:plan", Some("second"));
    question.arguments = BTreeMap::from([("pages".to_owned(), Value::Integer(3))]);
    question.tool_schema = Some("sha256:7f3a".to_owned());
    question
}

fn asked(authority: &Authority, question: &Question) -> Result<Arc<Approval>, WriteError> {
    authority.ask_for_approval(&tenant(), by("key:k"), question.clone())
}

fn answered(authority: &Authority, id: &ApprovalId, who: &str, yes: bool) -> Result<Arc<Approval>, WriteError> {
    authority.answer_approval(&tenant(), by("key:k"), id, object(who), yes)
}

/// Asked for, and given by cleo.
fn approved(authority: &Authority, question: &Question) -> Arc<Approval> {
    let pending = asked(authority, question).unwrap();
    answered(authority, &pending.id, "user:cleo", true).unwrap()
}

fn state(authority: &Authority, id: &ApprovalId) -> ApprovalState {
    snapshot(authority).approval(id).unwrap().unwrap().state_at(authority.now())
}

fn code<T: std::fmt::Debug>(result: Result<T, WriteError>) -> String {
    result.unwrap_err().code().to_owned()
}

#[test]
fn an_off_boarding_shows_the_approvals_that_end() {
    let (authority, _) = begun(&MemoryDisk::new());
    let (given, pending) = (approved(&authority, &coder("publish")), asked(&authority, &coder("edit")).unwrap());
    let previewed = authority.off_boarding(&tenant(), &OffBoard::of(object("user:alice"))).unwrap();
    assert_eq!(previewed.approvals.count, 2, "{:?}", previewed.approvals);
    let wanted = OffBoard::of(object("user:alice"));
    authority.off_board(&tenant(), by("key:k"), wanted, Some(previewed.digest)).unwrap();
    for id in [&given.id, &pending.id] {
        assert_eq!(state(&authority, id), ApprovalState::Cancelled);
    }
}

#[test]
fn an_approval_is_asked_for_given_and_used_once() {
    let (authority, _) = begun(&MemoryDisk::new());
    let question = coder("edit");
    let held = ask(&authority, &question).unwrap();
    assert_eq!((held.disposition(), held.decision.reason), (Disposition::Held, Reason::ApprovalRequired));
    let id = held.decision.held.unwrap().action.id();

    let pending = asked(&authority, &question).unwrap();
    assert_eq!((&pending.id, pending.state_at(authority.now())), (&id, ApprovalState::Pending));
    assert_eq!(pending.action.arguments, question.arguments);
    assert_eq!(pending.answer_by, Timestamp(NOON + HOUR), "the task ends before the day does");
    let revision = snapshot(&authority).revision();
    assert_eq!(asked(&authority, &question).unwrap(), pending, "asked for already");
    assert_eq!(snapshot(&authority).revision(), revision);
    assert_eq!(reason(&authority, &question), Reason::ApprovalRequired, "asking is not being given");

    let given = answered(&authority, &id, "user:cleo", true).unwrap();
    assert_eq!(given.good_until, Some(Timestamp(NOON + 15 * MINUTE)));
    let allowed = ask(&authority, &question).unwrap();
    assert_eq!(allowed.decision.reason, Reason::LentAuthority);
    assert_eq!(allowed.decision.valid_until, Some(Timestamp(NOON)), "it says nothing about the next time");
    let record = authority.decision(&tenant(), &allowed.id).unwrap().unwrap();
    let approvals = &record.fired[0].approvals;
    assert_eq!((&approvals[0].id, &approvals[0].by), (&id, &object("user:cleo")));

    assert_eq!(state(&authority, &id), ApprovalState::Used);
    let again = ask(&authority, &question).unwrap().decision;
    assert_eq!(again.reason, Reason::ApprovalRequired);
    assert!(again.message.ends_with("it was given once, and that is used up"), "{}", again.message);
    assert_eq!(code(answered(&authority, &id, "user:cleo", true)), "approval_not_pending");
    // The same, approved once more.
    approved(&authority, &question);
    assert_eq!(reason(&authority, &question), Reason::LentAuthority);
}

#[test]
fn each_changed_field_voids_it() {
    let (authority, _) = begun(&MemoryDisk::new());
    let question = coder("edit");
    let id = approved(&authority, &question).id.clone();
    let with = |change: &dyn Fn(&mut Question)| {
        let mut changed = question.clone();
        change(&mut changed);
        changed
    };
    let changed: Vec<(&str, Question)> = vec![
        (
            "actor",
            with(&|question| {
                question.actor = object("agent:planner");
                question.delegation = DelegationId::new("first");
            }),
        ),
        (
            "no task",
            with(&|question| {
                question.actor = object("user:alice");
                question.delegation = None;
            }),
        ),
        ("chain", with(&|question| question.delegation = DelegationId::new("other"))),
        ("permission", with(&|question| question.permission = relation("publish"))),
        ("resource", with(&|question| question.resource = object("document:memo"))),
        ("argument", with(&|question| drop(question.arguments.insert("pages".to_owned(), Value::Integer(4))))),
        ("kind of argument", with(&|question| drop(question.arguments.insert("pages".to_owned(), Value::Float(3.0))))),
        ("more arguments", with(&|question| drop(question.arguments.insert("more".to_owned(), Value::Null)))),
        ("fewer arguments", with(&|question| question.arguments.clear())),
        ("tool", with(&|question| question.tool_schema = Some("sha256:beef".to_owned()))),
        ("no tool", with(&|question| question.tool_schema = None)),
    ];
    for (what, changed) in changed {
        assert_eq!(reason(&authority, &changed), Reason::ApprovalRequired, "{what}");
    }
    // What the guard says, be it only how long it is good for; and back.
    let stricter = SCHEMA.replace("within 15m, once", "within 5m, once");
    write(&authority, vec![Change::SchemaWritten(stricter)]).unwrap();
    assert_eq!(reason(&authority, &question), Reason::ApprovalRequired);
    write(&authority, vec![Change::SchemaWritten(SCHEMA.to_owned())]).unwrap();
    assert_eq!(state(&authority, &id), ApprovalState::Given, "nothing of this used it");
    // What is known of the circumstances is no part of it.
    let elsewhere = with(&|question| drop(question.context.insert("weather".to_owned(), Value::Null)));
    assert_eq!(reason(&authority, &elsewhere), Reason::LentAuthority);
}

#[test]
fn only_a_person_with_no_part_in_it_gives_it() {
    let (authority, _) = begun(&MemoryDisk::new());
    let id = asked(&authority, &coder("edit")).unwrap().id.clone();
    for (who, why) in [
        ("agent:coder", "nobody answers their own request"),
        ("agent:planner", "it is on the chain"),
        ("user:alice", "it is the origin of the task"),
        ("user:nobody", "not registered"),
        ("user:bob", "who approves has `approve` on `document:plan`"),
    ] {
        let error = answered(&authority, &id, who, true).unwrap_err();
        assert_eq!(error.code(), "not_an_approver", "{who}");
        assert!(error.to_string().contains(why), "{who}: {error}");
    }
    assert_eq!(state(&authority, &id), ApprovalState::Pending);
    let waits_for = |who: &str| {
        let filter = ApprovalFilter { answerable_by: Some(object(who)), ..ApprovalFilter::default() };
        snapshot(&authority).approvals(&filter, &Page::first(10)).unwrap().entries.len()
    };
    assert_eq!(["user:cleo", "user:bob", "user:alice"].map(waits_for), [1, 0, 0]);
    answered(&authority, &id, "user:cleo", true).unwrap();
    assert_eq!(waits_for("user:cleo"), 0);
}

#[test]
fn whoever_gave_it_must_still_be_able_to() {
    let (authority, _) = begun(&MemoryDisk::new());
    let question = coder("publish");
    approved(&authority, &question);
    let (yes, no) = (Reason::LentAuthority, Reason::ApprovalRequired);
    let chief = "document:plan#chief@user:cleo";
    let active = || principal("user:cleo");
    let turns = [
        (delete(chief), touch(chief)),
        (owned("user:cleo", None, PrincipalState::Suspended), active()),
        (owned("user:cleo", Some("user:bob"), PrincipalState::Active), active()),
        (Change::PrincipalRemoved(object("user:cleo")), active()),
    ];
    for (lost, back) in turns {
        assert_eq!(reason(&authority, &question), yes, "before {lost:?}");
        write(&authority, vec![lost.clone()]).unwrap();
        assert_eq!(reason(&authority, &question), no, "{lost:?}");
        write(&authority, vec![back]).unwrap();
    }
    assert_eq!(reason(&authority, &question), yes, "a reusable one is there still");
}

#[test]
fn an_approval_ends_by_itself_and_no_clock_revives_it() {
    let (authority, hand) = begun(&MemoryDisk::new());
    let question = coder("publish");
    let id = approved(&authority, &question).id.clone();
    hand.set(NOON + 15 * MINUTE - 1);
    assert_eq!(reason(&authority, &question), Reason::LentAuthority);
    hand.set(NOON + 15 * MINUTE);
    assert_eq!(reason(&authority, &question), Reason::ApprovalRequired);
    assert_eq!(state(&authority, &id), ApprovalState::Expired);
    hand.set(NOON);
    assert_eq!(reason(&authority, &question), Reason::ApprovalRequired);
}

#[test]
fn a_task_or_a_link_that_ends_takes_its_approvals_along() {
    let (authority, _) = begun(&MemoryDisk::new());
    let direct = Question { delegation: DelegationId::new("other"), ..coder("publish") };
    let (given, beside) = (approved(&authority, &coder("publish")), approved(&authority, &direct));
    let pending = asked(&authority, &coder("edit")).unwrap();
    write(&authority, vec![Change::DelegationRevoked(DelegationId::new("first").unwrap())]).unwrap();
    assert_eq!([&given.id, &pending.id].map(|id| state(&authority, id)), [ApprovalState::Cancelled; 2]);
    assert_eq!(state(&authority, &beside.id), ApprovalState::Given, "it went over another link");
    write(&authority, vec![Change::TaskClosed(task_id("plan"), TaskState::Completed)]).unwrap();
    assert_eq!(state(&authority, &beside.id), ApprovalState::Cancelled);
}

#[test]
fn the_origin_confirms_where_the_guard_says_so() {
    let (authority, _) = begun(&MemoryDisk::new());
    let question = coder("erase");
    assert_eq!(reason(&authority, &question), Reason::ConfirmationRequired);
    let id = asked(&authority, &question).unwrap().id.clone();
    for who in ["user:cleo", "agent:coder"] {
        assert_eq!(code(answered(&authority, &id, who, true)), "not_an_approver", "{who}");
    }
    answered(&authority, &id, "user:alice", true).unwrap();
    assert_eq!(reason(&authority, &question), Reason::LentAuthority);
    assert_eq!(reason(&authority, &question), Reason::ConfirmationRequired);
}

#[test]
fn what_demands_several_is_asked_for_one_after_the_other() {
    let (authority, _) = begun(&MemoryDisk::new());
    let question = coder("rename");
    let one = approved(&authority, &question);
    assert_eq!(reason(&authority, &question), Reason::ApprovalRequired);
    let other = approved(&authority, &question);
    assert_ne!(one.id, other.id);
    let allowed = ask(&authority, &question).unwrap();
    assert_eq!(allowed.decision.taken.approvals.len(), 2);
    assert_eq!([&one.id, &other.id].map(|id| state(&authority, id)), [ApprovalState::Used; 2]);
}

#[test]
fn somebody_refuses_or_takes_it_back() {
    let (authority, _) = begun(&MemoryDisk::new());
    let question = coder("edit");
    let id = asked(&authority, &question).unwrap().id.clone();
    answered(&authority, &id, "user:cleo", false).unwrap();
    assert_eq!(state(&authority, &id), ApprovalState::Refused);
    assert_eq!(reason(&authority, &question), Reason::ApprovalRequired);
    approved(&authority, &question);
    let cancel = |who: Option<&str>| authority.cancel_approval(&tenant(), by("key:k"), &id, who.map(object));
    assert_eq!(code(cancel(Some("user:bob"))), "not_to_cancel");
    cancel(Some("user:cleo")).unwrap();
    assert_eq!(state(&authority, &id), ApprovalState::Cancelled);
    assert_eq!(reason(&authority, &question), Reason::ApprovalRequired);
    assert_eq!(code(cancel(None)), "approval_not_pending");

    let nothing_held = question_of_bob();
    assert_eq!(code(asked(&authority, &nothing_held)), "approval_not_needed");
    let nowhy = authority.ask_for_approval(&tenant(), prokura::Provenance::new("key:k", " "), question.clone());
    assert_eq!(code(nowhy), "words_missing");
    let forged = Change::ApprovalSet(Box::new(Approval::clone(&approved(&authority, &question))));
    assert_eq!(code(write(&authority, vec![forged])), "change_reserved");
}

fn question_of_bob() -> Question {
    question("user:bob", "edit", "document:plan", None)
}

#[test]
fn of_many_uses_at_once_one_is_allowed() {
    let (authority, _) = begun(&MemoryDisk::new());
    let question = coder("edit");
    approved(&authority, &question);
    let uses = |count: usize| (0..count).filter(|_| reason(&authority, &question) == Reason::LentAuthority).count();
    let allowed: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(|| uses(50))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(allowed, 1, "of 1,000");
}

#[test]
fn a_use_survives_a_crash_and_a_request_sent_again_is_answered_again() {
    let disk = MemoryDisk::new();
    let (authority, hand) = begun(&disk);
    let question = coder("edit");
    let id = approved(&authority, &question).id.clone();
    let sent = || Asked { request_id: Some("r-1".to_owned()), ..Asked::by_library() };
    let first = authority.decide(&tenant(), &question, sent()).unwrap();
    let again = authority.decide(&tenant(), &question, sent()).unwrap();
    assert_eq!((first.id.clone(), again.decision.reason), (again.id, Reason::LentAuthority));
    let other = Asked { request_id: Some("r-2".to_owned()), ..Asked::by_library() };
    assert_eq!(authority.decide(&tenant(), &question, other).unwrap().decision.reason, Reason::ApprovalRequired);

    let copy = MemoryDisk::with_files(disk.files());
    let later = Authority::open_on(Arc::new(copy), hand.options()).unwrap();
    assert_eq!(state(&later, &id), ApprovalState::Used);
    assert_eq!(reason(&later, &question), Reason::ApprovalRequired);
    assert!(later.decision(&tenant(), &first.id).unwrap().is_some(), "its record is there");
}

#[test]
fn a_request_sent_again_by_a_fresher_credential_is_the_same() {
    let (authority, _) = begun(&MemoryDisk::new());
    let known_since = |at: u64| {
        let credential = Credential { method: "oidc".to_owned(), authenticated_at: Some(Timestamp(at)) };
        Question { credential: Some(credential), ..coder("edit") }
    };
    let ask_again = |at: u64| {
        let provenance = by("key:k").with_request_id("a-1");
        authority.ask_for_approval(&tenant(), provenance, known_since(at)).unwrap()
    };
    assert_eq!(ask_again(NOON).id, ask_again(NOON + 1).id);
    approved(&authority, &coder("edit"));
    let decided = |at: u64| {
        let sent = Asked { request_id: Some("r-1".to_owned()), ..Asked::by_library() };
        authority.decide(&tenant(), &known_since(at), sent).unwrap()
    };
    let (first, again) = (decided(NOON), decided(NOON + 1));
    assert_eq!((first.id, first.decision.reason), (again.id, Reason::LentAuthority));
}

#[test]
fn an_action_of_ones_own_is_approved_without_a_task() {
    let disk = MemoryDisk::new();
    let (authority, hand) = begun(&disk);
    let mut own = coder("edit");
    (own.actor, own.delegation) = (object("user:alice"), None);
    approved(&authority, &own);
    let allowed: Decided = ask(&authority, &own).unwrap();
    assert_eq!(allowed.decision.reason, Reason::OwnAuthority);
    let later = Authority::open_on(Arc::new(MemoryDisk::with_files(disk.files())), hand.options()).unwrap();
    assert_eq!(reason(&later, &own), Reason::ApprovalRequired);
}

#[test]
fn what_is_reserved_is_given_back_or_used() {
    let (authority, hand) = begun(&MemoryDisk::new());
    let question = coder("edit");
    let id = approved(&authority, &question).id.clone();
    let reserve = || {
        let asking = Asked { reserve_ms: Some(1_000), ..Asked::by_library() };
        authority.decide(&tenant(), &question, asking).unwrap()
    };
    let one = reserve();
    assert_eq!(one.reserved_until, Some(Timestamp(NOON + 1_000)));
    assert_eq!(reserve().decision.reason, Reason::ApprovalRequired, "it is held");
    authority.release_reservation(&tenant(), &one.id, None, by("key:k")).unwrap();
    let two = reserve();
    assert_eq!(two.decision.reason, Reason::LentAuthority, "it was given back");
    hand.set(NOON + 1_000);
    let three = reserve();
    assert_eq!(three.decision.reason, Reason::LentAuthority, "the time of that one was over");
    authority.commit_reservation(&tenant(), &three.id, None, BTreeMap::new(), by("key:k")).unwrap();
    hand.set(NOON + 5_000);
    assert_eq!(reserve().decision.reason, Reason::ApprovalRequired);
    assert_eq!(state(&authority, &id), ApprovalState::Used);
}

#[test]
fn a_plan_counts_an_approval_once_and_uses_none() {
    let (authority, _) = begun(&MemoryDisk::new());
    let question = coder("edit");
    let id = approved(&authority, &question).id.clone();
    let actions = vec![(question.clone(), Asked::by_library()), (question, Asked::by_library())];
    let planned = authority.decide_plan(&tenant(), actions).unwrap();
    let reasons: Vec<_> = planned.answers.iter().map(|answer| answer.as_ref().unwrap().decision.reason).collect();
    assert_eq!(reasons, [Reason::LentAuthority, Reason::ApprovalRequired]);
    assert_eq!(state(&authority, &id), ApprovalState::Given);
}

fn numbered(number: usize) -> Question {
    let mut question = coder("edit");
    question.arguments.insert("number".to_owned(), Value::Integer(i64::try_from(number).unwrap()));
    question
}

#[test]
fn limit_approvals_pending_per_task_max() {
    let (authority, _) = begun(&MemoryDisk::new());
    for number in 0..APPROVALS_PENDING_PER_TASK_MAX {
        asked(&authority, &numbered(number)).unwrap();
    }
    let error = asked(&authority, &numbered(APPROVALS_PENDING_PER_TASK_MAX)).unwrap_err();
    assert_eq!((error.code(), error.fault()), ("too_many_approvals_pending", Fault::Limit));
    let first = asked(&authority, &numbered(0)).unwrap();
    answered(&authority, &first.id, "user:cleo", false).unwrap();
    asked(&authority, &numbered(APPROVALS_PENDING_PER_TASK_MAX)).unwrap();
}

#[test]
fn limit_approvals_pending_max() {
    let (authority, hand) = begun(&MemoryDisk::new());
    let editors = APPROVALS_PENDING_MAX / APPROVALS_PENDING_PER_TASK_MAX + 1;
    let edges = (0..editors).map(|number| touch(&format!("document:plan#editor@user:u{number}")));
    write(&authority, edges.collect()).unwrap();
    let own = |number: usize| {
        let mut question = numbered(number);
        question.actor = object(&format!("user:u{}", number / APPROVALS_PENDING_PER_TASK_MAX));
        question.delegation = None;
        asked(&authority, &question)
    };
    for number in 0..APPROVALS_PENDING_MAX {
        own(number).unwrap();
    }
    assert_eq!(code(own(APPROVALS_PENDING_MAX)), "too_many_approvals_pending");
    // What nobody answered makes room.
    hand.set(NOON + APPROVAL_ANSWER_MS);
    own(APPROVALS_PENDING_MAX).unwrap();
}

#[test]
fn limit_approval_action_bytes_max() {
    let (authority, _) = begun(&MemoryDisk::new());
    let of = |bytes: usize| {
        let mut question = coder("edit");
        question.tool_schema = None;
        // The name, and the text, each with one byte more.
        question.arguments = BTreeMap::from([("text".to_owned(), Value::String("x".repeat(bytes - 6)))]);
        asked(&authority, &question)
    };
    of(APPROVAL_ACTION_BYTES_MAX).unwrap();
    assert_eq!(code(of(APPROVAL_ACTION_BYTES_MAX + 1)), "limit_exceeded");
}

#[test]
fn limit_approval_answer_ms() {
    let (authority, hand) = begun(&MemoryDisk::new());
    let own = |number: usize| Question { actor: object("user:alice"), delegation: None, ..numbered(number) };
    let (one, other) = (asked(&authority, &own(1)).unwrap(), asked(&authority, &own(2)).unwrap());
    hand.set(NOON + APPROVAL_ANSWER_MS - 1);
    answered(&authority, &one.id, "user:cleo", true).unwrap();
    hand.set(NOON + APPROVAL_ANSWER_MS);
    assert_eq!(code(answered(&authority, &other.id, "user:cleo", true)), "approval_not_pending");
    assert_eq!(state(&authority, &other.id), ApprovalState::Expired);
}

#[test]
fn limit_approval_good_ms() {
    let (authority, hand) = begun(&MemoryDisk::new());
    let question = coder("erase");
    let given = asked(&authority, &question).unwrap();
    let given = answered(&authority, &given.id, "user:alice", true).unwrap();
    assert_eq!(given.good_until, Some(Timestamp(NOON + APPROVAL_GOOD_MS)));
    hand.set(NOON + APPROVAL_GOOD_MS);
    assert_eq!(reason(&authority, &question), Reason::ConfirmationRequired);
}
