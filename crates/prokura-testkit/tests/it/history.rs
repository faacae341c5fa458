//! The checker of histories, on histories whose right verdict is known.

use prokura_testkit::{
    Rng,
    history::{
        Action::{self, Allowed, Denied, Grant, Revoke},
        Event, check,
    },
};

fn event(action: Action, invoked: u64, completed: impl Into<Option<u64>>) -> Event {
    Event { register: "edge".to_owned(), action, invoked, completed: completed.into(), revision: None }
}

fn at(revision: u64, event: Event) -> Event {
    Event { revision: Some(revision), ..event }
}

#[track_caller]
fn refused(events: &[Event], because: &str) {
    let found = check(events).expect_err("this cannot be");
    assert!(found.contains(because), "{found}");
}

const NEVER: Option<u64> = None;

#[test]
fn what_can_be_is_accepted() {
    let histories = [
        vec![],
        vec![event(Denied, 0, 1)],
        vec![event(Grant, 0, 1), event(Allowed, 2, 3), event(Revoke, 4, 5), event(Denied, 6, 7)],
        // While the revoke is on its way, both are right, in this order.
        vec![event(Grant, 0, 1), event(Revoke, 2, 9), event(Allowed, 3, 4), event(Denied, 5, 6)],
        vec![event(Grant, 0, 1), event(Revoke, 2, 9), event(Allowed, 3, 8), event(Denied, 3, 4)],
        // Two writers at once: either may be the later one.
        vec![event(Grant, 0, 9), event(Revoke, 0, 9), event(Allowed, 10, 11)],
        vec![event(Grant, 0, 9), event(Revoke, 0, 9), event(Denied, 10, 11)],
        // Granted again.
        vec![event(Grant, 0, 1), event(Revoke, 2, 3), event(Grant, 4, 9), event(Denied, 5, 6), event(Allowed, 7, 8)],
        // Whose connection broke may have happened late, or never.
        vec![event(Grant, 0, NEVER), event(Denied, 1, 2), event(Allowed, 3, 4), event(Allowed, 5, 6)],
        vec![event(Grant, 0, 1), event(Revoke, 2, NEVER), event(Allowed, 3, 4), event(Denied, 50, 51)],
        vec![event(Grant, 0, 1), event(Revoke, 2, NEVER), event(Allowed, 3, 4)],
        // An answer that was never there says nothing.
        vec![event(Allowed, 0, NEVER)],
    ];
    for history in histories {
        check(&history).unwrap_or_else(|found| panic!("{found}"));
    }
}

#[test]
fn an_allow_after_an_acknowledged_revoke_is_refused() {
    let stale = [event(Grant, 0, 1), event(Revoke, 2, 3), event(Allowed, 4, 5)];
    refused(&stale, "allowed after an acknowledged revoke");
    // A grant that was over before the revoke, or came after the decision, is no excuse.
    refused(
        &[event(Grant, 0, 1), event(Revoke, 2, 3), event(Allowed, 4, 5), event(Grant, 6, 7)],
        "acknowledged revoke",
    );
    // Another register is none either.
    let elsewhere = Event { register: "another".to_owned(), ..event(Grant, 3, 9) };
    refused(&[stale.to_vec(), vec![elsewhere]].concat(), "acknowledged revoke");
}

#[test]
fn what_no_order_explains_is_refused() {
    let histories = [
        vec![event(Allowed, 0, 1)],
        vec![event(Grant, 0, 1), event(Denied, 2, 3)],
        vec![event(Allowed, 0, 1), event(Grant, 2, 3)],
        // Gone, and there again, while nobody granted it.
        vec![event(Grant, 0, 1), event(Revoke, 2, 9), event(Denied, 3, 4), event(Allowed, 5, 6)],
        vec![event(Grant, 0, 1), event(Revoke, 2, NEVER), event(Denied, 3, 4), event(Allowed, 5, 6)],
        vec![event(Grant, 0, NEVER), event(Allowed, 1, 2), event(Denied, 3, 4)],
        // One revoke cannot come twice.
        vec![event(Grant, 0, 1), event(Revoke, 2, NEVER), event(Denied, 3, 4), event(Grant, 5, 6), event(Denied, 7, 8)],
        // It cannot come before it was sent.
        vec![event(Grant, 0, 1), event(Denied, 2, 3), event(Revoke, 4, NEVER)],
    ];
    for history in histories {
        refused(&history, "no order explains");
    }
}

#[test]
fn revisions_that_do_not_grow_are_refused() {
    let elsewhere = |event: Event| Event { register: "another".to_owned(), ..event };
    check(&[at(3, event(Grant, 0, 1)), at(3, event(Allowed, 2, 3)), at(4, elsewhere(event(Grant, 4, 5)))]).unwrap();
    // At the same time any order is right.
    check(&[at(4, event(Grant, 0, 9)), at(3, elsewhere(event(Denied, 0, 9)))]).unwrap();
    refused(&[at(4, event(Grant, 0, 1)), at(3, elsewhere(event(Denied, 2, 3)))], "revisions do not grow");
    refused(&[at(4, event(Grant, 0, 1)), at(4, elsewhere(event(Grant, 2, 3)))], "revisions do not grow");
    // The newest counts, not the last.
    let newest = [at(9, event(Grant, 0, 1)), at(2, elsewhere(event(Denied, 0, 2))), at(8, event(Allowed, 3, 4))];
    refused(&newest, "revisions do not grow");
}

/// Every history of a few events, judged by trying every order.
#[test]
fn the_search_finds_what_trying_every_order_finds() {
    let (mut right, mut wrong) = (0, 0);
    for seed in 0..4_000 {
        let mut rng = Rng::new(seed);
        let history: Vec<_> = (0..rng.between(1, 6))
            .map(|_| {
                let action = *rng.pick(&[Grant, Revoke, Allowed, Denied]);
                let invoked = rng.below(12) as u64;
                let completed = (!rng.chance(20)).then_some(invoked + rng.below(6) as u64);
                event(action, invoked, completed)
            })
            .collect();
        let possible = some_order(&history, &mut Vec::new());
        assert_eq!(check(&history).is_ok(), possible, "seed {seed}: {history:#?}");
        *(if possible { &mut right } else { &mut wrong }) += 1;
    }
    assert!(right > 500 && wrong > 500, "{right} can be, {wrong} cannot");
}

/// Whether the events taken so far can go on to an order of all that were answered.
fn some_order(history: &[Event], taken: &mut Vec<usize>) -> bool {
    let left: Vec<usize> = (0..history.len()).filter(|at| !taken.contains(at)).collect();
    if left.iter().all(|at| history[*at].completed.is_none()) {
        return says_what_was(history, taken);
    }
    left.iter().any(|next| {
        let over_before = |other: &&usize| history[**other].completed.is_some_and(|end| end < history[*next].invoked);
        if left.iter().any(|other| over_before(&other)) {
            return false;
        }
        taken.push(*next);
        let found = some_order(history, taken);
        taken.pop();
        found
    })
}

fn says_what_was(history: &[Event], order: &[usize]) -> bool {
    let mut granted = false;
    order.iter().all(|at| {
        let event = &history[*at];
        match event.action {
            Grant => granted = true,
            Revoke => granted = false,
            // Nobody got that answer.
            Allowed | Denied if event.completed.is_none() => {}
            Allowed => return granted,
            Denied => return !granted,
        }
        true
    })
}

/// Histories of a register that is one, with every answer on its way for a while; and of a replica that is behind.
#[test]
fn a_replica_that_is_behind_is_found() {
    let mut found = 0;
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let (mut honest, mut behind) = (Vec::new(), Vec::new());
        let mut states = vec![false];
        for moment in (0..300_u64).step_by(10) {
            let spread = |rng: &mut Rng, action| {
                event(action, moment.saturating_sub(rng.below(25) as u64), moment + rng.below(25) as u64)
            };
            if rng.chance(30) {
                let granted = rng.chance(50);
                states.push(granted);
                let write = spread(&mut rng, if granted { Grant } else { Revoke });
                honest.push(write.clone());
                behind.push(write);
            } else {
                let said = |granted: bool| if granted { Allowed } else { Denied };
                let (now, then) = (states[states.len() - 1], states[states.len().saturating_sub(3)]);
                let decision = spread(&mut rng, said(now));
                behind.push(Event { action: said(then), ..decision.clone() });
                honest.push(decision);
            }
        }
        check(&honest).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        found += usize::from(check(&behind).is_err());
    }
    assert!(found > 150, "only {found} of 200 were found");
}
