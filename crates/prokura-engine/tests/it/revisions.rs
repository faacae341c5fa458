//! Earlier revisions, after everything that came later.

use prokura_engine::Limits;
use prokura_model::{Change, RelationshipFilter, Revision, Terms, Timestamp};
use prokura_testkit::{Answer, Candidate, World, generate::Case};

use crate::candidate::{Engine, answer};

/// The world after every transaction of the case, by revision.
fn worlds(case: &Case) -> (Engine, Vec<World>) {
    let mut engine = Engine::default();
    let mut worlds = vec![World::default()];
    for transaction in case.before.iter().chain(&case.after) {
        engine.apply(transaction, Timestamp(1));
        let mut world = worlds.last().expect("it began with the empty one").clone();
        world.apply(transaction, Timestamp(1));
        worlds.push(world);
    }
    (engine, worlds)
}

fn revision(number: usize) -> Revision {
    Revision(u64::try_from(number).expect("few revisions"))
}

#[test]
fn a_view_of_an_earlier_revision_answers_as_the_world_then() {
    let mut asked = 0;
    for seed in 1..120 {
        let case = Case::of(seed);
        let (engine, worlds) = worlds(&case);
        let horizon = revision(case.before.len() / 2);
        for collected in [false, true] {
            for (number, world) in worlds.iter().enumerate().skip(1) {
                let Ok(view) = engine.index.view_at(revision(number)) else {
                    assert!(collected && revision(number) < horizon, "seed {seed}: revision {number} is not kept");
                    continue;
                };
                // Every revision in the first round is many questions: every third will do.
                for ask in case.asks.iter().chain(&case.asks_after).skip(number % 3).step_by(3) {
                    asked += 1;
                    let found = answer(&view, ask, &Limits::default());
                    let right = world.answer(ask);
                    assert!(
                        right.agrees_with(&found),
                        "seed {seed}, revision {number}, collected {collected}: {ask}: {found}, and right is {right}"
                    );
                }
            }
            engine.index.collect(horizon);
        }
    }
    assert!(asked > 5_000, "asked only {asked} times");
}

#[test]
fn a_view_holds_what_the_world_then_held() {
    for seed in 1..120 {
        let case = Case::of(seed);
        let (engine, worlds) = worlds(&case);
        for (number, world) in worlds.iter().enumerate() {
            let view = engine.index.view_at(revision(number)).expect("every revision is kept");
            let page = view.relationships(&RelationshipFilter::default(), None, 10_000, Timestamp(0)).expect("a page");
            let found: Vec<_> =
                page.relationships.iter().map(|stored| (stored.relationship.clone(), stored.terms.clone())).collect();
            assert_eq!(
                found,
                world.relationships.clone().into_iter().collect::<Vec<_>>(),
                "seed {seed}, revision {number}"
            );
            for stored in &page.relationships {
                let edge = &stored.relationship;
                assert_eq!(view.stored(edge).as_ref(), Some(stored), "seed {seed}, revision {number}: {edge}");
                assert_eq!(stored.since, born(&case, number, edge), "seed {seed}, revision {number}: {edge}");
            }
            let principals: Vec<_> = view.principals().iter().map(|found| (**found).clone()).collect();
            assert_eq!(
                principals,
                world.principals.values().cloned().collect::<Vec<_>>(),
                "seed {seed}, revision {number}"
            );
            let tasks: Vec<_> = view.tasks().iter().map(|found| (**found).clone()).collect();
            assert_eq!(tasks, world.tasks.values().cloned().collect::<Vec<_>>(), "seed {seed}, revision {number}");
            let links: Vec<_> = view.delegations().iter().map(|found| (**found).clone()).collect();
            assert_eq!(
                links,
                world.delegations.values().cloned().collect::<Vec<_>>(),
                "seed {seed}, revision {number}"
            );
        }
    }
}

/// The revision that made the edge as it exists after so many transactions.
fn born(case: &Case, number: usize, edge: &prokura_model::Relationship) -> Revision {
    let mut birth: Option<(Revision, &Terms)> = None;
    for (position, transaction) in case.before.iter().chain(&case.after).take(number).enumerate() {
        for change in transaction {
            match change {
                Change::RelationshipTouched(found, terms) if found == edge => {
                    birth =
                        birth.filter(|(_, before)| *before == terms).or_else(|| Some((revision(position + 1), terms)));
                }
                Change::RelationshipDeleted(found) if found == edge => birth = None,
                _ => {}
            }
        }
    }
    birth.expect("an edge that exists was made").0
}

#[test]
fn what_is_applied_is_not_seen_before_it_is_published() {
    for seed in 1..60 {
        let case = Case::of(seed);
        let mut engine = Engine::default();
        for transaction in &case.before {
            engine.apply(transaction, Timestamp(1));
        }
        let before: Vec<Answer> = case.asks.iter().map(|ask| engine.answer(ask)).collect();
        let mut revision = engine.index.applied();
        for changes in &case.after {
            revision = revision.next();
            let transaction = prokura_model::Transaction {
                revision,
                time: Timestamp(1),
                author: "test".to_owned(),
                reason: String::new(),
                request_id: None,
                changes: changes.clone(),
            };
            engine.index.apply(&transaction).expect("a generated transaction is sound");
        }
        let unseen: Vec<Answer> = case.asks.iter().map(|ask| engine.answer(ask)).collect();
        assert_eq!(before, unseen, "seed {seed}");
        let world = case.world_after();
        for ask in case.asks.iter().chain(&case.asks_after) {
            let found = answer(&engine.index.view_applied(), ask, &Limits::default());
            let right = world.answer(ask);
            assert!(right.agrees_with(&found), "seed {seed}, applied: {ask}: {found}, and right is {right}");
            engine.index.publish(revision);
            assert_eq!(engine.answer(ask), found, "seed {seed}, published: {ask}");
        }
    }
}
