//! Budgets beside everything else: tasks that are part of one, conditions and queries, guards, plans, ends of all kinds.

use std::{collections::BTreeMap, sync::Arc, thread};

use prokura::{
    Asked, Authority, Decided, MemoryDisk, OffBoard, Question,
    model::{
        Amount, Budget, BudgetName, Cap, CapClause, CapPermissions, CapResource, CaveatUse, Change, Delegation,
        DelegationKind, Disposition, Measure, Reason, Task, TaskState, Value,
    },
};

use super::support::{
    Hand, NOON, SCHEMA, ask, by, cap, coder_edits, link, object, only, owned, principal, question, read, reason,
    snapshot, task, task_id, tenant, touch, write,
};

const MINUTE: u64 = 60_000;

fn budget(name: &str, measure: Measure, limit: &str) -> Budget {
    let name = BudgetName::new(name).unwrap();
    Budget { name, covers: None, measure, limit: limit.parse().unwrap(), per_ms: None, in_flight: None }
}

fn sum(limit: &str) -> Budget {
    budget("payments", Measure::Sum("amount".to_owned()), limit)
}

fn covering(covers: Cap, limit: &str) -> Budget {
    Budget { covers: Some(covers), ..budget("edits", Measure::Count, limit) }
}

fn part(id: &str, budgets: Vec<Budget>) -> Change {
    Change::TaskOpened(Task { parent: Some(task_id("plan")), budgets, ..task(id, "user:alice") })
}

fn lent(id: &str, of: &str, to: &str) -> Change {
    Change::DelegationCreated(Delegation { task: task_id(of), ..link(id, "user:alice", to, None) })
}

/// A task with parts: the coder edits under `one`, which has budgets of its own, the tester under `two`, the planner above.
fn story(above: Vec<Budget>, own: Vec<Budget>) -> Vec<Change> {
    let whole = Task { budgets: above, ..task("plan", "user:alice") };
    let people = ["user:alice", "user:bob", "agent:planner", "agent:coder", "agent:tester"];
    let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned()), touch("document:plan#editor@user:alice")];
    changes.extend(people.map(principal));
    changes.extend([Change::TaskOpened(whole), part("one", own), part("two", Vec::new())]);
    changes.extend([lent("d", "plan", "agent:planner"), lent("d-one", "one", "agent:coder")]);
    changes.push(lent("d-two", "two", "agent:tester"));
    changes
}

fn opened(above: Vec<Budget>, own: Vec<Budget>) -> (Authority, Hand) {
    let hand = Hand::at(NOON);
    let authority = Authority::in_memory(hand.options());
    write(&authority, story(above, own)).unwrap();
    (authority, hand)
}

fn edits(actor: &str, link: &str, amount: f64) -> Question {
    let arguments = BTreeMap::from([("amount".to_owned(), Value::Float(amount))]);
    Question { arguments, ..question(actor, "edit", "document:plan", Some(link)) }
}

fn coder(amount: f64) -> Question {
    edits("agent:coder", "d-one", amount)
}

fn tester(amount: f64) -> Question {
    edits("agent:tester", "d-two", amount)
}

fn planner(amount: f64) -> Question {
    edits("agent:planner", "d", amount)
}

fn held(authority: &Authority, question: &Question) -> Decided {
    let asked = Asked { reserve_ms: Some(MINUTE), ..Asked::by_library() };
    let held = authority.decide(&tenant(), question, asked).unwrap();
    assert_eq!(held.disposition(), Disposition::Allow);
    held
}

/// What is left of the first budget of a task.
fn left(authority: &Authority, of: &str) -> String {
    let task = snapshot(authority).task(&task_id(of)).unwrap().unwrap();
    snapshot(authority).spending(&task.id).account(&task, &task.budgets[0], authority.now()).left.to_string()
}

const ALLOWED: Reason = Reason::LentAuthority;
const EXHAUSTED: Reason = Reason::BudgetExhausted;

#[test]
fn a_part_takes_of_the_budgets_of_every_task_above_it() {
    let (authority, _) = opened(vec![sum("10")], vec![sum("4")]);
    let below = Task { parent: Some(task_id("one")), ..task("below", "user:alice") };
    write(&authority, vec![Change::TaskOpened(below), lent("d-below", "below", "agent:coder")]).unwrap();
    let deepest = |amount| edits("agent:coder", "d-below", amount);
    let taken = ask(&authority, &deepest(3.0)).unwrap().decision.taken;
    let of: Vec<_> = taken.draws.iter().map(|draw| draw.task.as_str()).collect();
    assert_eq!(of, ["one", "plan"], "the nearest first");
    assert_eq!((left(&authority, "one").as_str(), left(&authority, "plan").as_str()), ("1", "7"));
    assert_eq!(reason(&authority, &coder(1.5)), EXHAUSTED, "of its own budget 1 is left");
    assert_eq!(reason(&authority, &tester(6.5)), ALLOWED);
    let denied = ask(&authority, &deepest(0.75)).unwrap().decision;
    assert_eq!(denied.reason, EXHAUSTED);
    assert_eq!(
        denied.message,
        "budget `payments` of task `plan` is 10 of `amount`; 0.5 is left of it, and this takes 0.75"
    );
    assert_eq!(left(&authority, "one"), "1", "a deny takes nothing of any");
    assert_eq!(reason(&authority, &planner(0.5)), ALLOWED);
    assert_eq!(reason(&authority, &coder(0.25)), EXHAUSTED);
}

#[test]
fn what_a_part_reserves_is_held_above_until_it_is_settled() {
    let (authority, _) = opened(vec![sum("10")], vec![sum("9")]);
    let (one, two) = (held(&authority, &coder(6.0)), held(&authority, &tester(4.0)));
    assert_eq!(reason(&authority, &planner(0.1)), EXHAUSTED);
    let amounts = BTreeMap::from([("amount".to_owned(), Amount(2_500_000))]);
    authority.commit_reservation(&tenant(), &one.id, None, amounts, by("key:k")).unwrap();
    assert_eq!((left(&authority, "one").as_str(), left(&authority, "plan").as_str()), ("6.5", "3.5"));
    authority.release_reservation(&tenant(), &two.id, None, by("key:k")).unwrap();
    assert_eq!(left(&authority, "plan"), "7.5");
    let again = authority.release_reservation(&tenant(), &two.id, None, by("key:k")).unwrap_err();
    assert_eq!(again.code(), "reservation_not_open");
}

#[test]
fn whatever_ends_a_part_gives_back_above_what_it_held_and_not_what_it_took() {
    let end = |authority: &Authority, how: &str| {
        let closed = |id: &str| write(authority, vec![Change::TaskClosed(task_id(id), TaskState::Completed)]).unwrap();
        match how {
            "the part" => drop(closed("one")),
            "the whole" => drop(closed("plan")),
            _ => {
                let of = OffBoard::of(object("user:alice"));
                authority.off_board(&tenant(), by("user:tester"), of, None).unwrap();
            }
        }
    };
    for how in ["the part", "the whole", "the origin"] {
        let (authority, _) = opened(vec![sum("10")], Vec::new());
        assert_eq!(reason(&authority, &coder(1.0)), ALLOWED);
        let held = held(&authority, &coder(6.0));
        assert_eq!(left(&authority, "plan"), "3", "{how}");
        end(&authority, how);
        assert_eq!(left(&authority, "plan"), "9", "{how}");
        let late = authority.commit_reservation(&tenant(), &held.id, None, BTreeMap::new(), by("key:k")).unwrap_err();
        assert_eq!(late.code(), "reservation_not_open", "{how}");
        assert_ne!(reason(&authority, &coder(0.0)), ALLOWED, "{how}");
    }
}

#[test]
fn what_parts_hold_survives_a_crash_and_is_in_a_checkpoint() {
    for tail in [u64::MAX, 0] {
        let (disk, hand) = (MemoryDisk::new(), Hand::at(NOON));
        let options = || prokura::Options { checkpoint_tail: tail, ..hand.options() };
        let authority = Authority::open_on(Arc::new(disk.clone()), options()).unwrap();
        write(&authority, story(vec![sum("10")], vec![sum("9")])).unwrap();
        assert_eq!(reason(&authority, &tester(1.0)), ALLOWED);
        let held = held(&authority, &coder(6.0));
        let files = if tail == 0 {
            authority.close();
            assert!(disk.files().keys().any(|name| name.starts_with("checkpoint")), "there is no checkpoint");
            disk.files()
        } else {
            disk.files().into_iter().filter(|(name, _)| name.starts_with("log.")).collect()
        };
        // A clock that was set back brings nothing back.
        hand.set(NOON - MINUTE);
        let again = Authority::open_on(Arc::new(MemoryDisk::with_files(files)), options()).unwrap();
        assert_eq!((left(&again, "one").as_str(), left(&again, "plan").as_str()), ("3", "3"));
        again.commit_reservation(&tenant(), &held.id, None, BTreeMap::new(), by("key:k")).unwrap();
        hand.set(NOON + MINUTE);
        assert_eq!((left(&again, "one").as_str(), left(&again, "plan").as_str()), ("3", "3"));
    }
}

#[test]
fn parts_in_parallel_never_exceed_what_is_above() {
    let (authority, _) = opened(vec![sum("10")], vec![sum("8")]);
    let ask_often = |number: usize| -> u64 {
        let question = [coder(0.25), tester(0.25), planner(0.25)][number % 3].clone();
        (0..25).map(|_| u64::from(reason(&authority, &question) == ALLOWED)).sum()
    };
    let allowed: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..12).map(|number| scope.spawn(move || ask_often(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((allowed, left(&authority, "plan").as_str()), (40, "0"));
}

#[test]
fn limit_reservations_open_max_counts_those_of_parts() {
    let (authority, _) = opened(vec![sum("10")], Vec::new());
    for number in 0..prokura::limits::RESERVATIONS_OPEN_MAX {
        held(&authority, &if number % 2 == 0 { coder(0.0) } else { tester(0.0) });
    }
    let asked = Asked { reserve_ms: Some(MINUTE), ..Asked::by_library() };
    let error = authority.decide(&tenant(), &coder(0.0), asked).unwrap_err();
    assert_eq!(error.code(), "limit_exceeded");
}

/// The schema with a caveat, and a budget that counts what is edited on these terms.
fn narrow(resource: &str, condition: Option<&str>) -> Authority {
    let schema = format!("caveat large(amount double) {{ amount > 100.0 }}\n{SCHEMA}");
    let condition = condition.map(|text| text.parse::<CaveatUse>().unwrap());
    let resources = [resource.parse::<CapResource>().unwrap()].into();
    let clause = CapClause { permissions: CapPermissions::Any, resources, condition };
    let authority = Authority::in_memory(Hand::at(NOON).options());
    write(&authority, vec![Change::SchemaWritten(schema)]).unwrap();
    let mut changes = story(vec![covering(Cap { clauses: vec![clause] }, "1")], Vec::new());
    changes.retain(|change| !matches!(change, Change::SchemaWritten(_)));
    changes.extend([
        touch("document:memo#editor@user:alice"),
        touch("document:memo#viewer@user:bob"),
        touch("document:plan#folder@folder:money"),
    ]);
    write(&authority, changes).unwrap();
    authority
}

#[test]
fn a_budget_counts_what_its_condition_holds_for() {
    let authority = narrow("document:*", Some("large"));
    assert_eq!(reason(&authority, &coder(99.0)), ALLOWED);
    let taken = ask(&authority, &coder(99.0)).unwrap().decision;
    assert!(taken.taken.is_empty());
    assert_eq!(taken.valid_until, Some(authority.now()), "the next moment it may count");
    assert_eq!(reason(&authority, &coder(101.0)), ALLOWED);
    assert_eq!(reason(&authority, &coder(101.0)), EXHAUSTED);
    assert_eq!(reason(&authority, &coder(99.0)), ALLOWED);
    let open = ask(&authority, &question("agent:coder", "edit", "document:plan", Some("d-one"))).unwrap().decision;
    assert_eq!((open.reason, open.missing), (Reason::ContextMissing, vec!["amount".to_owned()]));
    assert_eq!(
        open.message,
        "what budgets of task `one` count depends on `amount`, for which the question brings no value"
    );
    let text = BTreeMap::from([("amount".to_owned(), Value::String("much".to_owned()))]);
    let failed = ask(&authority, &Question { arguments: text, ..coder(0.0) }).unwrap_err();
    assert_eq!(failed.code(), "caveat_failed");
}

#[test]
fn a_budget_counts_what_its_query_finds() {
    let authority = narrow("document:* under folder:money by folder", None);
    let memo = || Question { resource: object("document:memo"), ..coder(0.0) };
    assert_eq!([reason(&authority, &memo()), reason(&authority, &memo())], [ALLOWED; 2], "it is not in the folder");
    assert_eq!([reason(&authority, &coder(0.0)), reason(&authority, &coder(0.0))], [ALLOWED, EXHAUSTED]);
    write(&authority, vec![touch("document:memo#folder@folder:money")]).unwrap();
    assert_eq!(reason(&authority, &memo()), EXHAUSTED, "on the live graph it is there now");
    // What the origin has counts, whoever asks.
    let authority = narrow("document:* where origin has edit", None);
    assert_eq!([reason(&authority, &coder(0.0)), reason(&authority, &tester(0.0))], [ALLOWED, EXHAUSTED]);
}

#[test]
fn what_a_budget_covers_is_checked_when_the_task_is_opened() {
    for (resource, condition, wanted) in [
        ("document:* where origin has fly", None, "member_unknown"),
        ("document:* under folder:money by view", None, "not_a_relation"),
        ("document:*", Some("lagre"), "caveat_unknown"),
    ] {
        let authority = narrow("document:*", None);
        let condition = condition.map(|text: &str| text.parse::<CaveatUse>().unwrap());
        let resources = [resource.parse::<CapResource>().unwrap()].into();
        let clause = CapClause { permissions: CapPermissions::Any, resources, condition };
        let budgets = vec![covering(Cap { clauses: vec![clause] }, "1")];
        let refused = write(&authority, vec![Change::TaskOpened(Task { budgets, ..task("other", "user:alice") })]);
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), wanted);
        assert!(refused.to_string().contains("budget `edits` of task `other`"), "{refused}");
    }
}

const GUARDS: &str = "guard approved(amount double) on document#edit {
    when amount > 5.0
    require approval from document#view
}
guard never(amount double) on document#edit {
    when amount > 8.0
    forbid
}
guard loud on document#edit {
    record before answer
}
";

#[test]
fn a_guard_comes_first_and_what_it_stops_takes_nothing() {
    let (disk, hand) = (MemoryDisk::new(), Hand::at(NOON));
    let authority = Authority::open_on(Arc::new(disk.clone()), hand.options()).unwrap();
    write(&authority, vec![Change::SchemaWritten(format!("use guards\n{SCHEMA}{GUARDS}"))]).unwrap();
    let mut changes = story(vec![sum("4")], Vec::new());
    changes.retain(|change| !matches!(change, Change::SchemaWritten(_)));
    write(&authority, changes).unwrap();
    // There is too little left for these as well, and that is not what is said.
    assert_eq!(reason(&authority, &coder(9.0)), Reason::GuardForbids);
    assert_eq!(reason(&authority, &coder(6.0)), Reason::ApprovalRequired);
    assert_eq!(left(&authority, "plan"), "4");
    let actions = [coder(3.0), coder(6.0)].map(|question| (question, Asked::by_library()));
    let plan = authority.decide_plan(&tenant(), actions.into()).unwrap();
    assert_eq!((plan.disposition(), plan.not_allowed()), (Some(Disposition::Held), vec![1]));
    let taken = ask(&authority, &coder(3.0)).unwrap();
    assert_eq!((taken.decision.reason, taken.decision.fired.len()), (ALLOWED, 1));
    // It is on disk with what it takes, before it is answered, and says which guards applied.
    let written = disk.files().into_iter().filter(|(name, _)| name.starts_with("log."));
    let again = Authority::open_on(Arc::new(MemoryDisk::with_files(written)), hand.options()).unwrap();
    let record = again.decision(&tenant(), &taken.id).unwrap().unwrap();
    assert_eq!(record.fired, taken.decision.fired);
    assert_eq!(record.step.run, Some(task_id("plan")));
}

#[test]
fn a_plan_takes_nothing_and_is_decided_as_if_one_came_after_the_other() {
    let (authority, _) = opened(vec![sum("10")], vec![budget("edits", Measure::Count, "2")]);
    let plan = |questions: &[Question]| {
        let actions = questions.iter().map(|question| (question.clone(), Asked::by_library())).collect();
        let plan = authority.decide_plan(&tenant(), actions).unwrap();
        let reasons: Vec<_> = plan.answers.iter().map(|one| one.as_ref().unwrap().decision.reason).collect();
        (plan.disposition(), reasons)
    };
    let before = snapshot(&authority).revision();
    let fits = [coder(4.0), tester(3.0), coder(3.0)];
    assert_eq!(plan(&fits), (Some(Disposition::Allow), vec![ALLOWED; 3]));
    let too_much = plan(&[coder(4.0), tester(6.5), planner(6.0), planner(0.5)]);
    assert_eq!(too_much, (Some(Disposition::Deny), vec![ALLOWED, EXHAUSTED, ALLOWED, EXHAUSTED]));
    let too_often = plan(&[coder(1.0), coder(1.0), coder(1.0)]);
    assert_eq!(too_often.1, [ALLOWED, ALLOWED, EXHAUSTED]);
    assert_eq!(plan(&fits).0, Some(Disposition::Allow), "the one before took nothing");
    assert_eq!(snapshot(&authority).revision(), before);
    let found: Vec<_> = fits.iter().map(|question| reason(&authority, question)).collect();
    assert_eq!(found, [ALLOWED; 3], "what was planned can be done");
    assert_eq!(left(&authority, "plan"), "0");
}

#[test]
fn a_plan_counts_the_uses_of_links() {
    let (authority, _) = opened(Vec::new(), Vec::new());
    let once = Delegation { task: task_id("two"), uses: Some(1), ..link("once", "user:alice", "agent:coder", None) };
    write(&authority, vec![Change::DelegationCreated(once)]).unwrap();
    let question = edits("agent:coder", "once", 1.0);
    let actions = vec![(question.clone(), Asked::by_library()), (question.clone(), Asked::by_library())];
    let plan = authority.decide_plan(&tenant(), actions).unwrap();
    assert_eq!(plan.not_allowed(), [1]);
    assert_eq!([reason(&authority, &question), reason(&authority, &question)], [ALLOWED, Reason::UsesExhausted]);
}

#[test]
fn dispatched_work_takes_of_the_origins_budget() {
    let (authority, _) = opened(vec![sum("5")], Vec::new());
    let worker = object("agent:tester");
    let dispatch = Delegation {
        task: task_id("one"),
        kind: DelegationKind::Dispatches,
        ..link("to-worker", "agent:coder", "agent:tester", Some("d-one"))
    };
    let endorsement = prokura::model::Endorsement {
        id: prokura::model::EndorsementId::new("e").unwrap(),
        worker,
        by: object("user:bob"),
        cap: cap(only("edit"), "document:*"),
        origins: [read("user:alice")].into(),
        expires_at: None,
        revoked_at: None,
        declared: false,
    };
    let changes = vec![
        owned("agent:tester", Some("user:bob"), prokura::model::PrincipalState::Active),
        touch("document:plan#editor@agent:tester"),
        Change::EndorsementCreated(endorsement),
        Change::DelegationCreated(dispatch),
    ];
    write(&authority, changes).unwrap();
    let dispatched = |amount| edits("agent:tester", "to-worker", amount);
    assert_eq!(reason(&authority, &dispatched(4.0)), Reason::DispatchedAuthority);
    assert_eq!(reason(&authority, &dispatched(2.0)), EXHAUSTED);
    // What the worker does for itself is its own business.
    assert_eq!(reason(&authority, &question("agent:tester", "edit", "document:plan", None)), Reason::OwnAuthority);
    assert_eq!(left(&authority, "plan"), "1");
    assert_ne!(reason(&authority, &coder_edits()), ALLOWED);
}
