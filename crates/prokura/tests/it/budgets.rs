//! Budgets of a task, uses of a link, reservations.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    thread,
};

use prokura::{
    Asked, Authority, DecideError, Decided, MemoryDisk, Question, limits,
    model::{
        Account, Amount, Budget, BudgetName, Change, DecisionId, Disposition, Measure, Reason, TaskState, Timestamp,
        Value, limits::TASK_BUDGETS_MAX,
    },
};
use prokura_testkit::Rng;

use super::support::{
    HOUR, Hand, NOON, ask, at_noon, by, cap, coder_edits, delegation_id, link, only, principal, question, schema,
    snapshot, task, task_id, tenant, touch, write,
};

const MINUTE: u64 = 60_000;

fn budget(name: &str, measure: Measure, limit: &str) -> Budget {
    let name = BudgetName::new(name).unwrap();
    Budget { name, covers: None, measure, limit: limit.parse().unwrap(), per_ms: None, in_flight: None }
}

fn count(limit: &str) -> Budget {
    budget("edits", Measure::Count, limit)
}

fn sum(limit: &str) -> Budget {
    budget("payments", Measure::Sum("amount".to_owned()), limit)
}

/// The story, under a task with these budgets, and with so many uses of the first and of the second link. The tester is
/// lent the same by the planner, by link `third`.
fn story(budgets: Vec<Budget>, uses: [Option<u64>; 2]) -> Vec<Change> {
    let first = link("first", "user:alice", "agent:planner", None);
    let second = link("second", "agent:planner", "agent:coder", Some("first"));
    let third = link("third", "agent:planner", "agent:tester", Some("first"));
    vec![
        schema(),
        touch("document:plan#editor@user:alice"),
        principal("user:alice"),
        principal("agent:planner"),
        principal("agent:coder"),
        principal("agent:tester"),
        Change::TaskOpened(prokura::model::Task { budgets, ..task("plan", "user:alice") }),
        Change::DelegationCreated(prokura::model::Delegation { uses: uses[0], ..first }),
        Change::DelegationCreated(prokura::model::Delegation { uses: uses[1], ..second }),
        Change::DelegationCreated(third),
    ]
}

fn bounded(budgets: Vec<Budget>) -> (Authority, Hand) {
    used(budgets, [None, None])
}

fn used(budgets: Vec<Budget>, uses: [Option<u64>; 2]) -> (Authority, Hand) {
    let hand = Hand::at(NOON);
    let authority = Authority::in_memory(hand.options());
    write(&authority, story(budgets, uses)).unwrap();
    (authority, hand)
}

fn with(question: Question, amount: Value) -> Question {
    Question { arguments: BTreeMap::from([("amount".to_owned(), amount)]), ..question }
}

fn pays(amount: f64) -> Question {
    with(coder_edits(), Value::Float(amount))
}

fn tester_edits() -> Question {
    question("agent:tester", "edit", "document:plan", Some("third"))
}

fn reason(authority: &Authority, question: &Question) -> Reason {
    ask(authority, question).unwrap().decision.reason
}

fn allows(authority: &Authority, question: &Question) -> bool {
    reason(authority, question) == Reason::LentAuthority
}

fn asking(request_id: Option<&str>, reserve_ms: Option<u64>) -> Asked {
    Asked { request_id: request_id.map(str::to_owned), reserve_ms, ..Asked::by_library() }
}

fn decide(authority: &Authority, question: &Question, asked: Asked) -> Result<Decided, DecideError> {
    authority.decide(&tenant(), question, asked)
}

fn reserve(authority: &Authority, question: &Question, reserve_ms: u64) -> Decided {
    decide(authority, question, asking(None, Some(reserve_ms))).unwrap()
}

fn account(authority: &Authority) -> Account {
    let snapshot = snapshot(authority);
    let task = snapshot.task(&task_id("plan")).unwrap().unwrap();
    snapshot.spending(&task.id).account(&task, &task.budgets[0], authority.now())
}

fn left(authority: &Authority) -> String {
    account(authority).left.to_string()
}

#[test]
fn a_sum_of_split_payments_ends_at_the_limit() {
    let (authority, _) = bounded(vec![sum("10")]);
    assert!(allows(&authority, &pays(4.0)));
    assert!(allows(&authority, &pays(4.5)));
    let denied = ask(&authority, &pays(1.500_001)).unwrap();
    assert_eq!(denied.decision.reason, Reason::BudgetExhausted);
    assert_eq!(
        denied.decision.message,
        "budget `payments` of task `plan` is 10 of `amount`; 1.5 is left of it, and this takes 1.500001"
    );
    assert_eq!((denied.decision.witness.len(), denied.decision.valid_until), (0, None));
    assert!(allows(&authority, &pays(1.5)));
    assert_eq!(left(&authority), "0");
    assert!(allows(&authority, &pays(0.0)), "nothing is always left");
    assert_eq!(reason(&authority, &with(tester_edits(), Value::Float(0.000_001))), Reason::BudgetExhausted);
}

#[test]
fn what_is_no_amount_is_an_error_and_a_missing_one_is_asked_for() {
    let (authority, _) = bounded(vec![sum("10")]);
    let missing = ask(&authority, &coder_edits()).unwrap();
    assert_eq!(
        (missing.decision.reason, missing.decision.missing),
        (Reason::ContextMissing, vec!["amount".to_owned()])
    );
    // What is known of the circumstances is no argument.
    let context = Question { context: pays(1.0).arguments, ..coder_edits() };
    assert_eq!(reason(&authority, &context), Reason::ContextMissing);
    for amount in [Value::Integer(-1), Value::Float(0.000_000_1), Value::String("1".to_owned()), Value::Null] {
        let error = ask(&authority, &with(coder_edits(), amount)).unwrap_err();
        assert_eq!((error.code(), error.fault()), ("amount_invalid", prokura::model::Fault::Caller));
    }
    assert_eq!(left(&authority), "10");
}

#[test]
fn a_budget_counts_what_it_covers() {
    let mut views = count("1");
    views.covers = Some(cap(only("view"), "document:*"));
    let (authority, _) = bounded(vec![views]);
    for _ in 0..3 {
        assert!(allows(&authority, &coder_edits()));
    }
    let view = question("agent:coder", "view", "document:plan", Some("second"));
    assert!(allows(&authority, &view));
    assert_eq!(reason(&authority, &view), Reason::BudgetExhausted);
}

#[test]
fn uses_count_every_chain_through_the_link() {
    let (authority, _) = used(Vec::new(), [Some(3), Some(1)]);
    assert!(allows(&authority, &coder_edits()));
    let denied = ask(&authority, &coder_edits()).unwrap();
    assert_eq!((denied.decision.reason, denied.decision.at), (Reason::UsesExhausted, Some(1)));
    assert!(allows(&authority, &tester_edits()));
    assert!(allows(&authority, &tester_edits()));
    let denied = ask(&authority, &tester_edits()).unwrap();
    assert_eq!((denied.decision.reason, denied.decision.at), (Reason::UsesExhausted, Some(0)));
    let planner = question("agent:planner", "edit", "document:plan", Some("first"));
    assert_eq!(reason(&authority, &planner), Reason::UsesExhausted);
}

#[test]
fn a_window_begins_anew_and_a_clock_that_steps_back_gives_nothing_back() {
    let (authority, hand) = bounded(vec![Budget { per_ms: Some(20 * MINUTE), ..sum("10") }]);
    assert!(allows(&authority, &pays(10.0)));
    hand.set(NOON + 20 * MINUTE - 1);
    let denied = ask(&authority, &pays(1.0)).unwrap();
    assert!(denied.decision.message.contains(" until "), "{}", denied.decision.message);
    assert_eq!(account(&authority).window_ends, Some(Timestamp(NOON + 20 * MINUTE)));
    hand.set(NOON + 20 * MINUTE);
    assert!(allows(&authority, &pays(9.0)));
    for earlier in [NOON, 0] {
        hand.set(earlier);
        assert_eq!(reason(&authority, &pays(2.0)), Reason::BudgetExhausted);
    }
}

#[test]
fn nothing_is_taken_by_what_is_no_allow_at_the_head() {
    let (authority, _) = bounded(vec![count("1")]);
    let head = || snapshot(&authority).revision();
    let before = head();
    let other = question("agent:coder", "edit", "document:other", Some("second"));
    assert_eq!(reason(&authority, &other), Reason::OriginLacksPermission);
    let (decision, _) = authority.explain(&tenant(), &coder_edits()).unwrap();
    assert_eq!((decision.disposition(), decision.taken.draws.len()), (Disposition::Allow, 1));
    let historic = authority.snapshot_at(&tenant(), before).unwrap();
    write(&authority, vec![touch("document:more#editor@user:alice")]).unwrap();
    let historic = authority.snapshot_at(&tenant(), historic.revision()).unwrap();
    let preview = authority.decide_on(&historic, &coder_edits(), Asked::by_library()).unwrap();
    assert_eq!((preview.id(), preview.decision().reason), (None, Reason::LentAuthority));
    assert_eq!(left(&authority), "1");
    // On the newest state it is no preview.
    let decided = authority.decide_on(&snapshot(&authority), &coder_edits(), Asked::by_library()).unwrap();
    assert!(decided.id().is_some());
    assert_eq!(left(&authority), "0");
    let preview = authority.decide_on(&historic, &coder_edits(), Asked::by_library()).unwrap();
    assert_eq!(preview.decision().reason, Reason::BudgetExhausted, "a budget is read at the head");
}

#[test]
fn a_reservation_is_committed_released_or_over() {
    let (authority, hand) = bounded(vec![Budget { in_flight: Some(2), ..sum("10") }]);
    let (one, two) = (reserve(&authority, &pays(4.0), 1_000), reserve(&authority, &pays(4.0), 2_000));
    assert_eq!(one.reserved_until, Some(Timestamp(NOON + 1_000)));
    assert_eq!(one.decision.valid_until, one.reserved_until);
    let third = decide(&authority, &pays(1.0), asking(None, Some(5))).unwrap();
    assert_eq!((third.decision.reason, third.reserved_until), (Reason::BudgetExhausted, None));
    assert_eq!(left(&authority), "2");
    let amounts = |amount: &str| BTreeMap::from([("amount".to_owned(), amount.parse::<Amount>().unwrap())]);
    let commit = |id: &DecisionId, amounts| authority.commit_reservation(&tenant(), id, None, amounts, by("key:k"));
    let release = |id: &DecisionId| authority.release_reservation(&tenant(), id, None, by("key:k"));
    assert_eq!(commit(&one.id, amounts("4.000001")).unwrap_err().code(), "reservation_exceeded");
    let other = BTreeMap::from([("other".to_owned(), Amount::ONE)]);
    assert_eq!(commit(&one.id, other).unwrap_err().code(), "reservation_lacks_argument");
    commit(&one.id, amounts("2.5")).unwrap();
    assert_eq!(left(&authority), "3.5");
    assert_eq!(commit(&one.id, BTreeMap::new()).unwrap_err().code(), "reservation_not_open");
    assert_eq!(release(&one.id).unwrap_err().code(), "reservation_not_open");
    hand.set(NOON + 1_999);
    assert_eq!(left(&authority), "3.5");
    hand.set(NOON + 2_000);
    assert_eq!(left(&authority), "7.5");
    hand.set(NOON);
    assert_eq!(commit(&two.id, BTreeMap::new()).unwrap_err().code(), "reservation_not_open");
    let three = reserve(&authority, &pays(7.5), 2_000);
    assert_eq!(left(&authority), "0");
    release(&three.id).unwrap();
    assert_eq!(left(&authority), "7.5");
    let four = reserve(&authority, &pays(7.5), 2_000);
    commit(&four.id, BTreeMap::new()).unwrap();
    assert_eq!((left(&authority), account(&authority).spent.to_string()), ("0".to_owned(), "10".to_owned()));
}

#[test]
fn a_reservation_is_settled_by_whom_it_was_made_for() {
    let (authority, _) = bounded(vec![sum("10")]);
    let mine = reserve(&authority, &pays(4.0), 1_000);
    let settle = |who: Option<&str>| authority.release_reservation(&tenant(), &mine.id, who, by("key:k"));
    assert_eq!(settle(Some("key:other")).unwrap_err().code(), "reservation_not_open");
    settle(Some("library")).unwrap();
}

#[test]
fn closing_a_task_ends_its_reservations_and_a_task_that_is_over_has_none() {
    let (authority, _) = bounded(vec![sum("10")]);
    let open = reserve(&authority, &pays(4.0), 1_000);
    write(&authority, vec![Change::TaskClosed(task_id("plan"), TaskState::Completed)]).unwrap();
    let commit = authority.commit_reservation(&tenant(), &open.id, None, BTreeMap::new(), by("key:k"));
    assert_eq!(commit.unwrap_err().code(), "reservation_not_open");
    assert_eq!(left(&authority), "10");
    let (authority, _) = bounded(vec![sum("10")]);
    assert_eq!(reserve(&authority, &pays(1.0), 2 * HOUR).reserved_until, Some(Timestamp(NOON + HOUR)));
}

#[test]
fn a_request_sent_again_takes_once() {
    let disk = MemoryDisk::new();
    let hand = Hand::at(NOON);
    let authority = Authority::open_on(Arc::new(disk.clone()), hand.options()).unwrap();
    write(&authority, story(vec![sum("10")], [Some(1), None])).unwrap();
    let again = |authority: &Authority| decide(authority, &pays(10.0), asking(Some("r-1"), None));
    let first = again(&authority).unwrap();
    assert_eq!(first.disposition(), Disposition::Allow);
    let second = again(&authority).unwrap();
    assert_eq!((&second.id, &second.decision, second.time), (&first.id, &first.decision, first.time));
    let error = decide(&authority, &pays(9.0), asking(Some("r-1"), None)).unwrap_err();
    assert_eq!(error.code(), "request_id_reused", "also where nothing is left");
    authority.close();
    let authority = Authority::open_on(Arc::new(disk), hand.options()).unwrap();
    let third = again(&authority).unwrap();
    assert_eq!((&third.id, &third.decision), (&first.id, &first.decision));
    assert_eq!(left(&authority), "0");
    // What was allowed once is not allowed for ever.
    write(&authority, vec![Change::DelegationRevoked(delegation_id("first"))]).unwrap();
    assert_eq!(again(&authority).unwrap().decision.reason, Reason::DelegationRevoked);
}

#[test]
fn another_question_with_the_same_request_id_is_refused() {
    let (authority, _) = bounded(vec![sum("10")]);
    let once = |amount, reserve_ms| decide(&authority, &pays(amount), asking(Some("r-1"), reserve_ms));
    once(1.0, None).unwrap();
    assert_eq!(once(2.0, None).unwrap_err().code(), "request_id_reused");
    assert_eq!(once(1.0, Some(5)).unwrap_err().code(), "request_id_reused");
    assert_eq!(left(&authority), "9");
    // Those asked together are requests of their own.
    let asked = || vec![(pays(2.0), asking(Some("r-2"), None)), (pays(3.0), asking(Some("r-2"), None))];
    let ids = |decided: Vec<Result<Decided, DecideError>>| {
        decided.into_iter().map(|decided| decided.unwrap().id).collect::<Vec<_>>()
    };
    let first = ids(authority.decide_many(&tenant(), asked()).unwrap());
    assert_eq!(left(&authority), "4");
    assert_eq!(ids(authority.decide_many(&tenant(), asked()).unwrap()), first);
    assert_eq!(left(&authority), "4");
}

#[test]
fn a_thousand_parallel_decisions_on_a_budget_of_one_give_exactly_one_allow() {
    let (authority, _) = bounded(vec![count("1")]);
    let ask_often = |number: usize| {
        let question = if number.is_multiple_of(2) { coder_edits() } else { tester_edits() };
        (0..50).filter(|_| allows(&authority, &question)).count()
    };
    let allowed: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..20).map(|number| scope.spawn(move || ask_often(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((allowed, left(&authority).as_str()), (1, "0"));
}

#[test]
fn one_request_sent_many_times_at_once_is_one_decision() {
    let (authority, _) = bounded(vec![count("5")]);
    let send = || decide(&authority, &coder_edits(), asking(Some("r-1"), None)).unwrap().id;
    let ids: BTreeSet<DecisionId> = thread::scope(|scope| {
        let threads: Vec<_> = (0..50).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!((ids.len(), left(&authority).as_str()), (1, "4"));
}

/// Many agents at once, with amounts of all sizes, some of them reserved and then committed, released or forgotten; between
/// the rounds the authority is opened anew from what is on disk, as after a crash.
#[test]
fn a_budget_is_never_exceeded_by_parallel_fanned_out_or_split_use() {
    let mut disk = MemoryDisk::new();
    let hand = Hand::at(NOON);
    let mut authority = Authority::open_on(Arc::new(disk.clone()), hand.options()).unwrap();
    let window = 10 * MINUTE;
    let budget = Budget { per_ms: Some(window), ..sum("100") };
    write(&authority, story(vec![budget], [None, None])).unwrap();
    let mut allowed = 0;
    for round in 0..4 {
        hand.set(NOON + round * window);
        let work = |number: u64| take_at_random(&authority, Rng::new(round * 100 + number));
        let taken: Vec<u64> = thread::scope(|scope| {
            let threads: Vec<_> = (0..6).map(|number| scope.spawn(move || work(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let spent = account(&authority);
        let sum: u64 = taken.iter().sum();
        assert!(sum <= 100_000_000, "{sum} millionths in round {round}");
        assert_eq!(spent.spent.0, sum, "round {round}");
        assert!(spent.spent.plus(spent.reserved) <= Amount(100_000_000));
        allowed += u64::from(sum > 50_000_000);
        // Nobody closes it: what is on disk is what there is.
        // Nothing is half on disk when it is copied.
        authority.decision(&tenant(), &DecisionId::new("none").unwrap()).unwrap();
        disk = MemoryDisk::with_files(disk.files());
        authority = Authority::open_on(Arc::new(disk.clone()), hand.options()).unwrap();
        assert_eq!(account(&authority), spent, "round {round}, opened anew");
    }
    assert!(allowed >= 1, "hardly anything was allowed");
}

/// Asks for amounts of all sizes, and answers with what was taken for good, in millionths.
fn take_at_random(authority: &Authority, mut rng: Rng) -> u64 {
    let mut taken = 0;
    for _ in 0..25 {
        let millionths = *rng.pick(&[1, 500_000, 1_000_000, 2_500_000, 7_000_000, 40_000_000]);
        let amount = Value::Float(Amount(millionths).to_string().parse().unwrap());
        let question = with(if rng.chance(50) { coder_edits() } else { tester_edits() }, amount);
        let reserve_ms = rng.chance(40).then_some(MINUTE);
        let decided = decide(authority, &question, asking(None, reserve_ms)).unwrap();
        if decided.disposition() != Disposition::Allow {
            continue;
        }
        let half = Amount(millionths / 2);
        match (reserve_ms, rng.below(4)) {
            (None, _) => taken += millionths,
            (Some(_), 0) => {}
            (Some(_), 1) => {
                authority.release_reservation(&tenant(), &decided.id, None, by("key:k")).unwrap();
            }
            (Some(_), 2) => {
                let amounts = BTreeMap::from([("amount".to_owned(), half)]);
                authority.commit_reservation(&tenant(), &decided.id, None, amounts, by("key:k")).unwrap();
                taken += half.0;
            }
            (Some(_), _) => {
                authority.commit_reservation(&tenant(), &decided.id, None, BTreeMap::new(), by("key:k")).unwrap();
                taken += millionths;
            }
        }
    }
    taken
}

#[test]
fn a_record_that_did_not_get_into_the_record_is_put_there_at_the_next_start() {
    let disk = MemoryDisk::new();
    let hand = Hand::at(NOON);
    let authority = Authority::open_on(Arc::new(disk.clone()), hand.options()).unwrap();
    write(&authority, story(vec![sum("10")], [None, None])).unwrap();
    let taken = ask(&authority, &pays(4.0)).unwrap();
    let held = reserve(&authority, &pays(5.0), 1_000);
    let record = authority.decision(&tenant(), &taken.id).unwrap().unwrap();
    // As after a crash at the worst moment: what was written is there, and of the record nothing.
    let written = disk.files().into_iter().filter(|(name, _)| name.starts_with("log."));
    let copy = MemoryDisk::with_files(written);
    let again = Authority::open_on(Arc::new(copy.clone()), hand.options()).unwrap();
    assert_eq!(again.decision(&tenant(), &taken.id).unwrap().unwrap(), record);
    assert_eq!(again.decision(&tenant(), &held.id).unwrap().unwrap().outcome, record.outcome);
    assert_eq!(left(&again), "1");
    again.commit_reservation(&tenant(), &held.id, None, BTreeMap::new(), by("key:k")).unwrap();
    again.close();
    let again = Authority::open_on(Arc::new(copy), hand.options()).unwrap();
    let filter = prokura::DecisionFilter::default();
    let found = again.decisions(&tenant(), &filter, &prokura::Page::first(10)).unwrap().records;
    assert_eq!(found.len(), 2, "none is put there twice");
}

#[test]
fn what_was_taken_is_in_a_checkpoint() {
    let disk = MemoryDisk::new();
    let hand = Hand::at(NOON);
    let options = || prokura::Options { checkpoint_tail: 0, ..hand.options() };
    let authority = Authority::open_on(Arc::new(disk.clone()), options()).unwrap();
    write(&authority, story(vec![sum("10")], [Some(3), None])).unwrap();
    ask(&authority, &pays(4.0)).unwrap();
    let held = reserve(&authority, &pays(5.0), 1_000);
    authority.close();
    assert!(disk.files().iter().any(|(name, _)| name.starts_with("checkpoint")), "there is no checkpoint");
    let authority = Authority::open_on(Arc::new(disk), options()).unwrap();
    assert_eq!(left(&authority), "1");
    authority.release_reservation(&tenant(), &held.id, None, by("key:k")).unwrap();
    assert_eq!(left(&authority), "6");
    assert!(allows(&authority, &pays(1.0)) && allows(&authority, &pays(1.0)));
    assert_eq!(reason(&authority, &pays(1.0)), Reason::UsesExhausted);
}

#[test]
fn what_bounds_nothing_is_refused() {
    let refused = |budgets: Vec<Budget>| {
        let (authority, _) = at_noon();
        let task = prokura::model::Task { budgets, ..task("other", "user:alice") };
        write(&authority, vec![Change::TaskOpened(task)]).unwrap_err().code()
    };
    assert_eq!(refused(vec![count("1"), count("2")]), "budget_invalid");
    assert_eq!(refused(vec![Budget { per_ms: Some(0), ..count("1") }]), "budget_invalid");
    assert_eq!(refused(vec![budget("sums", Measure::Sum(String::new()), "1")]), "budget_invalid");
    assert_eq!(refused(vec![Budget { covers: Some(cap(only("edt"), "document:*")), ..count("1") }]), "member_unknown");
    let (authority, _) = at_noon();
    let none = prokura::model::Delegation { uses: Some(0), ..link("x", "user:alice", "agent:coder", None) };
    assert_eq!(write(&authority, vec![Change::DelegationCreated(none)]).unwrap_err().code(), "delegation_without_uses");
    let forged = vec![Change::ReservationReleased(DecisionId::new("d").unwrap(), task_id("plan"))];
    assert_eq!(write(&authority, forged).unwrap_err().code(), "change_reserved");
}

#[test]
fn limit_task_budgets_max() {
    let (authority, _) = at_noon();
    let open = |id: &str, many: usize| {
        let budgets = (0..many).map(|number| budget(&format!("b{number}"), Measure::Count, "1")).collect();
        let task = prokura::model::Task { budgets, ..task(id, "user:alice") };
        write(&authority, vec![Change::TaskOpened(task)])
    };
    open("t1", TASK_BUDGETS_MAX).unwrap();
    assert_eq!(open("t2", TASK_BUDGETS_MAX + 1).unwrap_err().code(), "limit_exceeded");
}

#[test]
fn limit_reservation_ms_max() {
    let (authority, _) = bounded(vec![count("5")]);
    let reserved = |reserve_ms| decide(&authority, &coder_edits(), asking(None, Some(reserve_ms)));
    reserved(limits::RESERVATION_MS_MAX).unwrap();
    for wrong in [0, limits::RESERVATION_MS_MAX + 1] {
        assert_eq!(reserved(wrong).unwrap_err().code(), "reservation_invalid");
    }
}

#[test]
fn limit_reservations_open_max() {
    let (authority, hand) = bounded(vec![count("2000")]);
    for _ in 0..limits::RESERVATIONS_OPEN_MAX {
        reserve(&authority, &coder_edits(), 1_000);
    }
    let error = decide(&authority, &coder_edits(), asking(None, Some(1_000))).unwrap_err();
    assert_eq!((error.code(), error.fault()), ("limit_exceeded", prokura::model::Fault::Limit));
    assert!(allows(&authority, &coder_edits()), "what is taken at once takes no place");
    hand.set(NOON + 1_000);
    reserve(&authority, &coder_edits(), 1_000);
}
