//! The steps of a decision: each reason, the order, and the sentence.

use prokura_model::{
    Cap, CapClause, CapPermissions, Change, Delegation, DelegationId, DelegationKind, Principal, PrincipalState,
    Reason, RelationName, Task, TaskId, TaskState, Timestamp,
};

use super::{delete, index, object, touch, write};
use crate::{
    Decision, EngineError, Explanation, Index, Limits, Question,
    limits::{CHAIN_LINKS_DEFAULT, TASK_LINE_MAX},
};

const SCHEMA: &str = "
    definition user {}
    definition agent {}
    definition repository {
        relation writer: user | agent
        permission write = writer
    }
";

const NOW: Timestamp = Timestamp(5_000);

/// alice lends to the planner, who lends to the coder, who lends to the tester, under task t-1.
fn world() -> Index {
    let index = index(SCHEMA, &["repository:shop#writer@user:alice", "repository:lab#writer@agent:coder"]);
    for (principal, owner) in [
        ("user:alice", None),
        ("user:olga", None),
        ("agent:planner", Some("user:olga")),
        ("agent:coder", Some("user:olga")),
    ] {
        write(&index, vec![principal_set(principal, owner, PrincipalState::Active)]);
    }
    write(&index, vec![Change::TaskOpened(task("t-1")), Change::TaskOpened(task("t-2"))]);
    write(
        &index,
        vec![
            Change::DelegationCreated(link("d-1", "user:alice", "agent:planner", None)),
            Change::DelegationCreated(link("d-2", "agent:planner", "agent:coder", Some("d-1"))),
            Change::DelegationCreated(link("d-3", "agent:coder", "agent:tester", Some("d-2"))),
        ],
    );
    index
}

fn principal_set(name: &str, owner: Option<&str>, state: PrincipalState) -> Change {
    Change::PrincipalSet(Principal { object: object(name), owner: owner.map(object), state, declared: false })
}

fn task(id: &str) -> Task {
    Task {
        id: TaskId::new(id).unwrap(),
        origin: object("user:alice"),
        purpose: "fix the shop".to_owned(),
        opened_at: Timestamp(0),
        expires_at: Timestamp(10_000),
        state: TaskState::Open,
        declared: false,
        parent: None,
        owner: None,
        budgets: Vec::new(),
    }
}

fn link(id: &str, from: &str, to: &str, parent: Option<&str>) -> Delegation {
    Delegation {
        id: DelegationId::new(id).unwrap(),
        task: TaskId::new("t-1").unwrap(),
        kind: DelegationKind::Lends,
        from: object(from),
        to: object(to),
        parent: parent.map(|parent| DelegationId::new(parent).unwrap()),
        cap: cap("repository:*"),
        depth: 100,
        not_before: None,
        expires_at: None,
        revoked_at: None,
        declared: false,
        uses: None,
    }
}

fn cap(resource: &str) -> Cap {
    let permissions = CapPermissions::Only([RelationName::new("write").unwrap()].into());
    Cap { clauses: vec![CapClause { permissions, resources: [resource.parse().unwrap()].into(), condition: None }] }
}

fn asked(actor: &str, delegation: Option<&str>, resource: &str) -> Question {
    Question {
        actor: object(actor),
        delegation: delegation.map(|id| DelegationId::new(id).unwrap()),
        permission: RelationName::new("write").unwrap(),
        resource: object(resource),
        arguments: crate::Context::new(),
        credential: None,
        tool_schema: None,
        context: crate::Context::new(),
    }
}

fn decide(index: &Index, question: &Question) -> Result<Decision, EngineError> {
    let decision = index.view().decide(question, NOW, &Limits::default());
    let explained = index.view().explain_decision(question, NOW, &Limits::default());
    match (&decision, &explained) {
        (Ok(decision), Ok((same, explanation))) => {
            assert_eq!(decision, same);
            if let Some(Explanation::Held(_)) = explanation {
                assert!(!decision.witness.is_empty());
            }
        }
        (Err(one), Err(other)) => assert_eq!(one, other),
        other => panic!("decide and explain_decision disagree: {other:?}"),
    }
    decision
}

/// What came of the tester's question after these changes.
fn after(changes: Vec<Change>) -> Decision {
    let index = world();
    write(&index, changes);
    decide(&index, &asked("agent:tester", Some("d-3"), "repository:shop")).unwrap()
}

/// The chain anew, each link changed.
fn links(edit: impl Fn(usize, &mut Delegation)) -> Vec<Change> {
    let chain = [
        link("d-1", "user:alice", "agent:planner", None),
        link("d-2", "agent:planner", "agent:coder", Some("d-1")),
        link("d-3", "agent:coder", "agent:tester", Some("d-2")),
    ];
    let edited = chain.into_iter().enumerate().map(|(position, mut link)| {
        edit(position, &mut link);
        Change::DelegationCreated(link)
    });
    edited.collect()
}

fn edited(at: usize, edit: impl Fn(&mut Delegation)) -> Decision {
    after(links(|position, link| {
        if position == at {
            edit(link);
        }
    }))
}

#[track_caller]
fn told(decision: &Decision, reason: Reason, at: Option<usize>, message: &str) {
    assert_eq!((decision.reason, decision.at, decision.message.as_str()), (reason, at, message));
}

#[test]
fn the_chain_lends_what_its_origin_has() {
    let decision = after(Vec::new());
    told(
        &decision,
        Reason::LentAuthority,
        None,
        "agent:tester acts for user:alice under task `t-1`: every link of the chain carries `write` on repository:shop, \
         and user:alice has it",
    );
    assert_eq!(decision.valid_until, Some(Timestamp(10_000)));
    assert_eq!(decision.witness[0].relationship.to_string(), "repository:shop#writer@user:alice");
    let chain: Vec<&str> = decision.chain.iter().map(|link| link.delegation.as_str()).collect();
    assert_eq!(chain, ["d-1", "d-2", "d-3"]);
    assert_eq!((decision.task, decision.origin), (TaskId::new("t-1"), Some(object("user:alice"))));
}

#[test]
fn what_the_origin_loses_everyone_loses() {
    let decision = after(vec![delete("repository:shop#writer@user:alice")]);
    told(
        &decision,
        Reason::OriginLacksPermission,
        None,
        "user:alice, the origin of task `t-1`, does not have `write` on repository:shop, so nobody on the chain has",
    );
    // The actor's own right is not added.
    let decision =
        after(vec![delete("repository:shop#writer@user:alice"), touch("repository:shop#writer@agent:tester")]);
    assert_eq!(decision.reason, Reason::OriginLacksPermission);
}

#[test]
fn without_a_delegation_only_own_authority_counts() {
    let index = world();
    let decision = decide(&index, &asked("agent:coder", None, "repository:lab")).unwrap();
    told(&decision, Reason::OwnAuthority, None, "agent:coder itself has `write` on repository:lab");
    assert_eq!((decision.valid_until, decision.task), (None, None));
    let decision = decide(&index, &asked("agent:coder", None, "repository:shop")).unwrap();
    told(
        &decision,
        Reason::NoPath,
        None,
        "agent:coder itself does not have `write` on repository:shop, and named no delegation",
    );
}

#[test]
fn names_come_before_everything() {
    let index = world();
    let mut question = asked("agent:tester", Some("d-9"), "repository:shop");
    question.permission = RelationName::new("wirte").unwrap();
    assert_eq!(decide(&index, &question).unwrap_err().code(), "member_unknown");
    assert_eq!(decide(&index, &asked("robot:x", None, "repository:shop")).unwrap_err().code(), "type_unknown");
    assert_eq!(decide(&index, &asked("agent:x", None, "repo:shop")).unwrap_err().code(), "type_unknown");
    assert_eq!(decide(&Index::new(), &asked("agent:x", None, "repository:shop")).unwrap_err().code(), "no_schema");
}

#[test]
fn the_actor_is_alive_or_nothing_else_counts() {
    for (state, words) in [(PrincipalState::Suspended, "suspended"), (PrincipalState::OffBoarded, "off-boarded")] {
        let decision = after(vec![principal_set("agent:tester", None, state)]);
        told(&decision, Reason::ActorSuspended, None, &format!("the actor agent:tester is {words}"));
    }
    let decision = after(vec![
        principal_set("agent:tester", Some("user:olga"), PrincipalState::Active),
        principal_set("user:olga", None, PrincipalState::OffBoarded),
    ]);
    told(
        &decision,
        Reason::OwnerOffBoarded,
        None,
        "user:olga, who owns the actor agent:tester, is off-boarded, and nobody owns it since",
    );
}

#[test]
fn the_delegation_exists_and_is_the_actors() {
    let index = world();
    let decision = decide(&index, &asked("agent:tester", Some("d-9"), "repository:shop")).unwrap();
    told(&decision, Reason::DelegationUnknown, None, "there is no delegation `d-9`");
    let decision = decide(&index, &asked("agent:tester", Some("d-2"), "repository:shop")).unwrap();
    told(
        &decision,
        Reason::DelegationNotForActor,
        None,
        "delegation `d-2` was made to agent:coder, not to agent:tester",
    );
    let decision = edited(0, |link| link.parent = DelegationId::new("d-0"));
    told(
        &decision,
        Reason::DelegationUnknown,
        None,
        "delegation `d-0`, which delegation `d-1` continues, does not exist",
    );
    assert_eq!(decision.chain.len(), 3, "the chain as far as it was found");
}

#[test]
fn limit_chain_links_default_bounds_the_walk_and_ends_a_cycle() {
    for (count, reason) in
        [(CHAIN_LINKS_DEFAULT, Reason::LentAuthority), (CHAIN_LINKS_DEFAULT + 1, Reason::ChainTooLong)]
    {
        let index = world();
        let mut changes = Vec::new();
        for number in 0..count {
            let from = if number == 0 { "user:alice".to_owned() } else { format!("agent:a{number}") };
            let to = format!("agent:a{}", number + 1);
            let parent = number.checked_sub(1).map(|above| format!("long-{above}"));
            changes.push(principal_set(&to, None, PrincipalState::Active));
            changes.push(Change::DelegationCreated(link(&format!("long-{number}"), &from, &to, parent.as_deref())));
        }
        write(&index, changes);
        let question = asked(&format!("agent:a{count}"), Some(&format!("long-{}", count - 1)), "repository:shop");
        assert_eq!(decide(&index, &question).unwrap().reason, reason, "{count} links");
    }
    let decision = edited(0, |link| link.parent = DelegationId::new("d-3"));
    told(
        &decision,
        Reason::ChainTooLong,
        None,
        "the chain of delegation `d-3` has more than 32 links (the limit is `chain_links`)",
    );
}

#[test]
fn the_task_is_there_open_and_not_over() {
    let decision = after(vec![Change::TaskClosed(TaskId::new("t-1").unwrap(), TaskState::Completed)]);
    told(&decision, Reason::TaskCompleted, None, "task `t-1` is completed");
    let decision = after(vec![Change::TaskClosed(TaskId::new("t-1").unwrap(), TaskState::Cancelled)]);
    told(&decision, Reason::TaskCancelled, None, "task `t-1` is cancelled");
    let ends = |expires_at| after(vec![Change::TaskOpened(Task { expires_at, ..task("t-1") })]);
    told(&ends(NOW), Reason::TaskExpired, None, "task `t-1` has expired");
    assert_eq!(ends(Timestamp(NOW.0 + 1)).reason, Reason::LentAuthority);
    let decision = edited(2, |link| link.task = TaskId::new("t-9").unwrap());
    told(&decision, Reason::TaskUnknown, None, "there is no task `t-9`");
}

#[test]
fn every_link_continues_the_one_above_it() {
    let decision = edited(1, |link| link.task = TaskId::new("t-2").unwrap());
    told(
        &decision,
        Reason::ChainBroken,
        Some(1),
        "delegation `d-2` from agent:planner to agent:coder is under task `t-2`, not under `t-1`",
    );
    let decision = edited(0, |link| link.to = object("agent:other"));
    told(
        &decision,
        Reason::ChainBroken,
        Some(1),
        "delegation `d-2` from agent:planner to agent:coder does not continue delegation `d-1` from user:alice to \
         agent:other, which was made to someone else",
    );
    let decision = after(vec![Change::PrincipalRemoved(object("agent:coder"))]);
    told(
        &decision,
        Reason::ChainBroken,
        Some(2),
        "delegation `d-3` from agent:coder to agent:tester is made by agent:coder, who is not a registered principal and \
         cannot delegate",
    );
    let decision = after(vec![Change::TaskOpened(Task { origin: object("user:olga"), ..task("t-1") })]);
    told(
        &decision,
        Reason::RootNotOrigin,
        Some(0),
        "delegation `d-1` from user:alice to agent:planner begins the chain, but the origin of task `t-1` is user:olga",
    );
}

#[test]
fn every_link_is_alive() {
    let decision = after(vec![Change::DelegationRevoked(DelegationId::new("d-1").unwrap())]);
    told(
        &decision,
        Reason::DelegationRevoked,
        Some(0),
        "delegation `d-1` from user:alice to agent:planner was revoked",
    );
    let decision = edited(1, |link| link.not_before = Some(Timestamp(NOW.0 + 1)));
    told(
        &decision,
        Reason::DelegationNotYetValid,
        Some(1),
        "delegation `d-2` from agent:planner to agent:coder has not begun",
    );
    assert_eq!(decision.valid_until, None);
    assert_eq!(edited(1, |link| link.not_before = Some(NOW)).reason, Reason::LentAuthority);
    let decision = edited(1, |link| link.expires_at = Some(NOW));
    told(
        &decision,
        Reason::DelegationExpired,
        Some(1),
        "delegation `d-2` from agent:planner to agent:coder has expired",
    );
    let decision = edited(1, |link| link.expires_at = Some(Timestamp(NOW.0 + 1)));
    assert_eq!((decision.reason, decision.valid_until), (Reason::LentAuthority, Some(Timestamp(NOW.0 + 1))));
}

#[test]
fn depth_counts_the_links_below() {
    assert_eq!(edited(2, |link| link.depth = 0).reason, Reason::LentAuthority);
    assert_eq!(edited(1, |link| link.depth = 1).reason, Reason::LentAuthority);
    let decision = edited(1, |link| link.depth = 0);
    told(
        &decision,
        Reason::RedelegationForbidden,
        Some(1),
        "delegation `d-2` from agent:planner to agent:coder may not be passed on, and 1 more hang below it",
    );
    let decision = edited(0, |link| link.depth = 1);
    told(
        &decision,
        Reason::DepthExceeded,
        Some(0),
        "delegation `d-1` from user:alice to agent:planner may be passed on over 1 more, and 2 hang below it",
    );
}

#[test]
fn every_principal_on_the_chain_is_alive() {
    let decision = after(vec![principal_set("agent:planner", None, PrincipalState::Suspended)]);
    told(
        &decision,
        Reason::PrincipalSuspended,
        Some(1),
        "agent:planner, who made delegation `d-2` from agent:planner to agent:coder, is suspended",
    );
    let decision = after(vec![principal_set("user:olga", None, PrincipalState::OffBoarded)]);
    told(
        &decision,
        Reason::OwnerOffBoarded,
        Some(1),
        "user:olga, who owns agent:planner, is off-boarded; agent:planner made delegation `d-2` from agent:planner to \
         agent:coder",
    );
}

#[test]
fn every_cap_covers_the_request() {
    let decision = edited(1, |link| link.cap = cap("repository:lab"));
    told(
        &decision,
        Reason::OutsideCap,
        Some(1),
        "delegation `d-2` from agent:planner to agent:coder carries write on repository:lab, which does not cover `write` \
         on repository:shop",
    );
    assert_eq!(edited(0, |link| link.cap = Cap::default()).at, Some(0));
}

#[test]
fn the_first_failing_step_gives_the_reason() {
    // From the last step to the first, each on top of the ones before it.
    let mut changes = vec![delete("repository:shop#writer@user:alice")];
    let mut chain = links(|_, _| {});
    let mut reasons = Vec::new();
    let mut now_failing = |changes: &[Change], chain: &[Change]| {
        let all = changes.iter().chain(chain).cloned().collect();
        reasons.push(after(all).reason);
    };
    now_failing(&changes, &chain);
    let mut edit = |at: usize, edit: &dyn Fn(&mut Delegation)| {
        if let Some(Change::DelegationCreated(link)) = chain.get_mut(at) {
            edit(link);
        }
        chain.clone()
    };
    now_failing(&changes, &edit(2, &|link| link.cap = Cap::default()));
    now_failing(&changes, &edit(1, &|link| link.expires_at = Some(NOW)));
    now_failing(&changes, &edit(0, &|link| link.depth = 1));
    now_failing(&changes, &edit(0, &|link| link.depth = 0));
    now_failing(&changes, &edit(0, &|link| link.expires_at = Some(NOW)));
    now_failing(&changes, &edit(0, &|link| link.not_before = Some(Timestamp(NOW.0 + 1))));
    let chain = edit(0, &|link| link.revoked_at = Some(Timestamp(1)));
    now_failing(&changes, &chain);
    changes.push(Change::TaskOpened(Task { origin: object("user:olga"), ..task("t-1") }));
    now_failing(&changes, &chain);
    changes.push(Change::PrincipalRemoved(object("user:alice")));
    now_failing(&changes, &chain);
    changes.push(Change::TaskOpened(Task { expires_at: NOW, ..task("t-1") }));
    now_failing(&changes, &chain);
    changes.push(Change::TaskClosed(TaskId::new("t-1").unwrap(), TaskState::Cancelled));
    now_failing(&changes, &chain);
    changes.push(principal_set("agent:tester", None, PrincipalState::Suspended));
    now_failing(&changes, &chain);
    assert_eq!(
        reasons,
        [
            Reason::OriginLacksPermission,
            Reason::OutsideCap,
            Reason::DelegationExpired,
            Reason::DepthExceeded,
            Reason::RedelegationForbidden,
            Reason::DelegationExpired,
            Reason::DelegationNotYetValid,
            Reason::DelegationRevoked,
            Reason::RootNotOrigin,
            Reason::ChainBroken,
            Reason::TaskExpired,
            Reason::TaskCancelled,
            Reason::ActorSuspended,
        ]
    );
}

/// Task `t-1` is a part of `up-1`, which is a part of `up-2`, and so on, with so many tasks in the line.
fn line_of(tasks: usize) -> Vec<Change> {
    let id = |number: usize| match number {
        0 => TaskId::new("t-1").unwrap(),
        _ => TaskId::new(format!("up-{number}")).unwrap(),
    };
    let parent = |number: usize| (number + 1 < tasks).then(|| id(number + 1));
    (0..tasks)
        .map(|number| Change::TaskOpened(Task { id: id(number), parent: parent(number), ..task("t-1") }))
        .collect()
}

#[test]
fn limit_task_line_max_is_the_longest_line_of_tasks_that_carries_anything() {
    for (tasks, reason) in [(TASK_LINE_MAX, Reason::LentAuthority), (TASK_LINE_MAX + 1, Reason::TaskTreeBroken)] {
        let decision = after(line_of(tasks));
        assert_eq!(decision.reason, reason, "{tasks}: {}", decision.message);
        let root = TaskId::new(format!("up-{}", tasks - 1)).unwrap();
        assert_eq!(decision.run, (reason == Reason::LentAuthority).then_some(root));
    }
    assert_eq!(TASK_LINE_MAX, prokura_testkit::TASK_LINE);
}

#[test]
fn a_task_is_over_when_one_above_it_is_and_the_message_names_it() {
    let closed = |state| {
        let mut changes = line_of(3);
        changes.push(Change::TaskClosed(TaskId::new("up-2").unwrap(), state));
        after(changes)
    };
    for (state, reason) in
        [(TaskState::Completed, Reason::TaskCompleted), (TaskState::Cancelled, Reason::TaskCancelled)]
    {
        let decision = closed(state);
        assert_eq!(decision.reason, reason);
        assert!(decision.message.starts_with("task `up-2` is c"), "{}", decision.message);
        assert_eq!(decision.run, Some(TaskId::new("up-2").unwrap()), "a deny is part of the run as well");
    }
    let mut ends = line_of(2);
    ends.push(Change::TaskOpened(Task {
        id: TaskId::new("up-1").unwrap(),
        expires_at: Timestamp(NOW.0 + 1),
        ..task("up-1")
    }));
    assert_eq!(after(ends).valid_until, Some(Timestamp(NOW.0 + 1)));
}
