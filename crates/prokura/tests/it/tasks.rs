//! Tasks that are part of other tasks.

use prokura::{
    Asked, DecisionFilter, Page, WriteError,
    limits::SPAN_BYTES_MAX,
    model::{Change, Reason, Task, TaskState, Timestamp},
};

use crate::support::*;

fn part(id: &str, of: &str) -> Task {
    Task { parent: Some(task_id(of)), ..task(id, "user:alice") }
}

/// The story's chain again, under a task that is a part of `plan`.
fn under_a_part() -> Vec<Change> {
    let link = |id: &str, from: &str, to: &str, parent: Option<&str>| {
        let link = link(id, from, to, parent);
        Change::DelegationCreated(prokura::model::Delegation { task: task_id("part"), ..link })
    };
    vec![
        Change::TaskOpened(part("part", "plan")),
        link("p1", "user:alice", "agent:planner", None),
        link("p2", "agent:planner", "agent:coder", Some("p1")),
    ]
}

#[test]
fn closing_a_task_ends_its_parts_at_the_next_decision_and_nothing_below_is_touched() {
    for state in [TaskState::Completed, TaskState::Cancelled] {
        let (authority, _hand) = at_noon();
        write(&authority, under_a_part()).unwrap();
        let asked = question("agent:coder", "edit", "document:plan", Some("p2"));
        assert_eq!(reason(&authority, &asked), Reason::LentAuthority);
        write(&authority, vec![Change::TaskClosed(task_id("plan"), state)]).unwrap();
        let over = if state == TaskState::Completed { Reason::TaskCompleted } else { Reason::TaskCancelled };
        assert_eq!(reason(&authority, &asked), over);
        let part = snapshot(&authority).task(&task_id("part")).unwrap().unwrap();
        assert_eq!(part.state, TaskState::Open);
        // Nothing new begins below it either.
        let error = write(&authority, vec![Change::TaskOpened(self::part("more", "part"))]).unwrap_err();
        assert_eq!(error.code(), "task_not_open");
    }
}

#[test]
fn a_task_times_out_with_the_one_above_it() {
    let (authority, hand) = at_noon();
    write(&authority, under_a_part()).unwrap();
    let asked = question("agent:coder", "edit", "document:plan", Some("p2"));
    hand.set(NOON + HOUR - 1);
    assert_eq!(reason(&authority, &asked), Reason::LentAuthority);
    hand.set(NOON + HOUR);
    assert_eq!(reason(&authority, &asked), Reason::TaskExpired);
}

#[test]
fn a_part_fits_what_it_is_part_of() {
    let (authority, _hand) = at_noon();
    let refused = |task: Task| write(&authority, vec![Change::TaskOpened(task)]).unwrap_err();
    let code = |error: &WriteError| error.code();
    assert_eq!(code(&refused(part("x", "nowhere"))), "task_unknown");
    let other = refused(Task { origin: object("agent:planner"), ..part("x", "plan") });
    assert_eq!(code(&other), "task_parent_for_other");
    assert!(other.to_string().contains("`agent:planner`") && other.to_string().contains("`user:alice`"), "{other}");
    let longer = refused(Task { expires_at: Timestamp(NOON + HOUR + 1), ..part("x", "plan") });
    assert_eq!(code(&longer), "task_outlives_parent");
    let unowned = refused(Task { owner: Some(object("user:nobody")), ..part("x", "plan") });
    assert_eq!(code(&unowned), "principal_unknown");
    // As many in a line as there may be, and one more.
    let mut last = "plan".to_owned();
    for number in 2..=16 {
        let id = format!("line-{number}");
        write(&authority, vec![Change::TaskOpened(part(&id, &last))]).unwrap();
        last = id;
    }
    assert_eq!(code(&refused(part("x", &last))), "task_line_too_long");
}

#[test]
fn decisions_of_a_run_are_found_by_its_root_and_say_how_far_in_they_were() {
    let (authority, _hand) = at_noon();
    write(&authority, under_a_part()).unwrap();
    let asked = Asked { span: Some("span-7".to_owned()), ..Asked::by_library() };
    let below = question("agent:coder", "edit", "document:plan", Some("p2"));
    authority.decide(&tenant(), &below, asked).unwrap();
    ask(&authority, &coder_edits()).unwrap();
    ask(&authority, &question("user:alice", "edit", "document:plan", None)).unwrap();
    let filter = DecisionFilter { run: Some(task_id("plan")), ..DecisionFilter::default() };
    let found = authority.decisions(&tenant(), &filter, &Page::first(10)).unwrap().records;
    let told: Vec<_> =
        found.iter().map(|found| (found.task.clone().unwrap(), found.chain.len(), found.step.span.clone())).collect();
    assert_eq!(told, [(task_id("plan"), 2, None), (task_id("part"), 2, Some("span-7".to_owned()))]);
}

#[test]
fn limit_span_bytes_max_bounds_the_name_of_a_step() {
    let (authority, _hand) = at_noon();
    let named = |bytes: usize| {
        let asked = Asked { span: Some("s".repeat(bytes)), ..Asked::by_library() };
        authority.decide(&tenant(), &coder_edits(), asked)
    };
    named(SPAN_BYTES_MAX).unwrap();
    assert_eq!(named(SPAN_BYTES_MAX + 1).unwrap_err().code(), "request_invalid");
}
