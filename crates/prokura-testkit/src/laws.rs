//! The laws every evaluator keeps, checked on a candidate alone: none of these asks the oracle what is right.
//!
//! Each function plays random cases to fresh candidates and returns how often the law could have been broken. Breaking it is
//! a panic that names the seed.

use std::iter;

use prokura_model::{
    Change, DelegationId, Principal, PrincipalState, Reason, Relationship, TaskId, TaskState, Timestamp,
};

use crate::{
    Answer, Ask, Candidate, Question, World,
    compare::{dice, first_seed},
    generate::{Case, Sketch},
};

/// In schemas without `-` and `.all()`, removing an edge never turns a deny into an allow. A budget is like a `-`: with an
/// edge may go that it covers something.
///
/// # Panics
/// It does.
pub fn removing_an_edge_never_allows<C: Candidate>(new: impl Fn() -> C, worlds: u64) -> u64 {
    let mut tried = 0;
    for seed in first_seed()..first_seed() + worlds {
        let case = Case::with(seed, |sketch| !Sketch::has_exclusion(sketch));
        let (mut candidate, world) = begun(&case, &new);
        let mut rng = dice(&case);
        let narrow = world.has_narrow_budgets();
        let meant = |ask: &&Ask| !(narrow && matches!(ask, Ask::Decide { .. }));
        let denied_of = |candidate: &C| -> Vec<&Ask> {
            case.asks.iter().filter(meant).filter(|ask| !candidate.answer(ask).allows()).collect()
        };
        let mut denied = denied_of(&candidate);
        let edges: Vec<Relationship> = world.relationships.into_keys().collect();
        for edge in rng.some(&edges, edges.len()) {
            candidate.apply(&[Change::RelationshipDeleted(edge.clone())], Timestamp(2));
            for ask in &denied {
                tried += 1;
                let answer = candidate.answer(ask);
                assert!(!answer.allows(), "seed {seed}: without {edge}, {ask} became {answer}");
            }
            // What was allowed so far may be denied by now, and must stay so.
            denied = denied_of(&candidate);
        }
    }
    tried
}

/// A child link never allows what its parent denies its own holder, and nobody on the chain may do what the origin may not.
///
/// # Panics
/// One does.
pub fn nobody_downstream_may_more<C: Candidate>(new: impl Fn() -> C, worlds: u64) -> u64 {
    let mut tried = 0;
    for seed in first_seed()..first_seed() + worlds {
        let case = Case::of(seed);
        let (mut candidate, mut world) = begun(&case, &new);
        for transaction in iter::once(Vec::new()).chain(case.after.iter().cloned()) {
            if !transaction.is_empty() {
                candidate.apply(&transaction, Timestamp(2));
                world.apply(&transaction, Timestamp(2));
            }
            for (question, now) in lent(&case, &candidate) {
                let leaf = question.delegation.as_ref().and_then(|id| world.delegations.get(id));
                let leaf = leaf.expect("an allowed chain exists");
                let origin = world.tasks.get(&leaf.task).expect("an allowed task exists").origin.clone();
                let context = question.values();
                let Question { resource, permission, .. } = question.clone();
                let ask = Ask::Check { resource, permission, subject: origin.into(), context, now };
                tried += 1;
                assert_eq!(candidate.answer(&ask), Answer::Has, "seed {seed}: the origin of {question:?}");
                for link in above(&world, question.delegation.as_ref()) {
                    let actor = world.delegations.get(&link).expect("a link of the chain").to.clone();
                    let upstream = Question { actor, delegation: Some(link), ..question.clone() };
                    let ask = Ask::Decide { question: upstream, now };
                    let answer = candidate.answer(&ask);
                    assert!(answer.allows(), "seed {seed}: {question:?} is allowed, but {ask} is {answer}");
                }
            }
        }
    }
    tried
}

/// Revoking any link of a chain, ending its task or one that it is a part of, or stopping anyone on it ends what it allowed.
///
/// # Panics
/// It does not.
pub fn one_cut_ends_it<C: Candidate>(new: impl Fn() -> C, worlds: u64) -> u64 {
    let mut tried = 0;
    for seed in first_seed()..first_seed() + worlds {
        let case = Case::of(seed);
        let (candidate, world) = begun(&case, &new);
        let mut rng = dice(&case);
        for (question, now) in lent(&case, &candidate) {
            let links = above(&world, question.delegation.as_ref());
            let link = world.delegations.get(rng.pick(&links)).expect("a link of the chain");
            let whom = if rng.chance(50) { &link.from } else { &link.to };
            let task = rng.pick(&tasks_above(&world, &link.task)).clone();
            let stopped = |state| Principal { object: whom.clone(), owner: None, state, declared: false };
            let cuts = [
                Change::DelegationRevoked(link.id.clone()),
                Change::TaskClosed(task.clone(), TaskState::Completed),
                Change::TaskClosed(task, TaskState::Cancelled),
                Change::PrincipalSet(stopped(PrincipalState::Suspended)),
                Change::PrincipalSet(stopped(PrincipalState::OffBoarded)),
            ];
            let cut = rng.pick(&cuts).clone();
            let (mut candidate, _) = begun(&case, &new);
            candidate.apply(std::slice::from_ref(&cut), Timestamp(2));
            let answer = candidate.answer(&Ask::Decide { question: question.clone(), now });
            tried += 1;
            assert!(!answer.allows(), "seed {seed}: after {cut:?}, {question:?} is still {answer}");
        }
    }
    tried
}

/// No task or link that is over begins again by waiting, and an allow holds until the moment it names: exactly, where no edge
/// comes to an end.
///
/// # Panics
/// It does, or does not.
pub fn time_only_takes<C: Candidate>(new: impl Fn() -> C, worlds: u64) -> u64 {
    let mut tried = 0;
    for seed in first_seed()..first_seed() + worlds {
        let case = Case::of(seed);
        let (candidate, world) = begun(&case, &new);
        let times = moments(&world);
        let lasting = world.relationships.values().all(|terms| terms.expires_at.is_none());
        for ask in &case.asks {
            let Ask::Decide { question, .. } = ask else { continue };
            let mut over = None;
            let mut until = None;
            for now in &times {
                let answer = candidate.answer(&Ask::Decide { question: question.clone(), now: *now });
                let Answer::Decided(verdict) = answer.likeliest() else { continue };
                tried += 1;
                assert!(over.is_none() || !answer.allows(), "seed {seed}: {question:?} was over at {over:?}: {answer}");
                if let Some(until) = until {
                    let holds = answer.allows();
                    assert!(*now >= until || holds, "seed {seed}: {question:?} at {now:?}: {answer}");
                    assert!(*now < until || !holds || !lasting, "seed {seed}: {question:?} at {now:?}: {answer}");
                }
                if matches!(verdict.reason, Reason::TaskExpired | Reason::DelegationExpired) {
                    over = Some(*now);
                }
                // Once it may be over, what it is said to hold until then is said anew.
                // What is good for this moment only says nothing about the next.
                let told = verdict.valid_until.filter(|until| until > now);
                until = told.or_else(|| until.filter(|until| now < until || lasting));
            }
        }
    }
    tried
}

/// Every moment at which something begins or ends, and the ones beside it, in order.
fn moments(world: &World) -> Vec<Timestamp> {
    let links = world.delegations.values().flat_map(|link| [link.not_before, link.expires_at]);
    let ends = links.flatten().chain(world.tasks.values().map(|task| task.expires_at));
    let ends = ends.chain(world.relationships.values().filter_map(|terms| terms.expires_at));
    let mut times: Vec<_> = ends.flat_map(|time| [time.0 - 1, time.0, time.0 + 1].map(Timestamp)).collect();
    times.extend([Timestamp(0), Timestamp(u64::MAX)]);
    times.sort();
    times.dedup();
    times
}

/// The candidate and the world after the first part of the case.
fn begun<C: Candidate>(case: &Case, new: &impl Fn() -> C) -> (C, World) {
    let mut candidate = new();
    for transaction in &case.before {
        candidate.apply(transaction, Timestamp(1));
    }
    (candidate, case.world_before())
}

/// The questions of the case that the candidate allows by lent authority.
fn lent(case: &Case, candidate: &impl Candidate) -> Vec<(Question, Timestamp)> {
    let mut found = Vec::new();
    for ask in case.asks.iter().chain(&case.asks_after) {
        if let (Ask::Decide { question, now }, Answer::Decided(verdict)) = (ask, candidate.answer(ask).likeliest())
            && verdict.reason == Reason::LentAuthority
        {
            found.push((question.clone(), *now));
        }
    }
    found
}

/// The task and all above it, the root last.
fn tasks_above(world: &World, task: &TaskId) -> Vec<TaskId> {
    let above = |id: &TaskId| world.tasks.get(id).and_then(|task| task.parent.clone());
    iter::successors(Some(task.clone()), above).collect()
}

/// The link and all above it, the root last.
fn above(world: &World, leaf: Option<&DelegationId>) -> Vec<DelegationId> {
    let mut links = Vec::new();
    let mut next = leaf.and_then(|id| world.delegations.get(id));
    while let Some(link) = next {
        links.push(link.id.clone());
        next = link.parent.as_ref().and_then(|parent| world.delegations.get(parent));
    }
    links
}
