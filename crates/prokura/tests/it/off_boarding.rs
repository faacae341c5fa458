//! The end of a principal: previewed, done exactly so, and never undone by anything.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use prokura::{
    OffBoard, OffBoarded, OffBoarding, Provenance, WriteError,
    limits::{OFF_BOARDING_SAMPLE_MAX, TRANSACTION_CHANGES_MAX},
    model::{Change, Endorsement, EndorsementId, PrincipalState, Reason, TaskState},
};

use crate::support::*;

const ACTIVE: PrincipalState = PrincipalState::Active;

/// The story, with an agent that alice owns, a worker, and what she says of it.
fn world() -> (prokura::Authority, Hand) {
    let (authority, hand) = at_noon();
    let endorsement = Endorsement {
        id: EndorsementId::new("e").unwrap(),
        worker: object("user:helper"),
        by: object("user:alice"),
        cap: cap(only("view"), "document:*"),
        origins: [prokura::model::SubjectRef::Object(object("user:bob"))].into(),
        expires_at: None,
        revoked_at: None,
        declared: false,
    };
    let changes = vec![
        principal("user:bob"),
        principal("user:carol"),
        owned("user:helper", Some("user:alice"), ACTIVE),
        owned("agent:coder", Some("user:alice"), ACTIVE),
        Change::EndorsementCreated(endorsement),
        touch("document:memo#viewer@user:alice"),
        touch("document:memo#viewer@user:bob"),
        touch("document:memo#viewer@user:helper"),
    ];
    write(&authority, changes).unwrap();
    (authority, hand)
}

fn of_alice() -> OffBoard {
    OffBoard::of(object("user:alice"))
}

fn preview(authority: &prokura::Authority, wanted: &OffBoard) -> OffBoarding {
    authority.off_boarding(&tenant(), wanted).unwrap()
}

fn off_board(
    authority: &prokura::Authority,
    wanted: OffBoard,
    expected: Option<&str>,
) -> Result<OffBoarded, WriteError> {
    authority.off_board(&tenant(), by("user:tester"), wanted, expected.map(str::to_owned))
}

#[test]
fn what_was_previewed_is_what_happens() {
    let (authority, _hand) = world();
    let wanted = OffBoard { transfers: [(object("agent:coder"), object("user:bob"))].into(), ..of_alice() };
    let before = snapshot(&authority).revision();
    let previewed = preview(&authority, &wanted);
    assert_eq!(snapshot(&authority).revision(), before, "a preview writes nothing");
    let ids: Vec<_> = previewed.delegations.sample.iter().map(|link| link.id.clone()).collect();
    assert_eq!(ids, [delegation_id("first")]);
    let counts = [
        previewed.tasks.count,
        previewed.delegations.count,
        previewed.endorsements.count,
        previewed.relationships.count,
        previewed.owned.count,
        previewed.left,
    ];
    assert_eq!(counts, [1, 1, 1, 2, 2, 1]);
    let coder = previewed.owned.sample.iter().find(|owned| owned.principal.object == object("agent:coder")).unwrap();
    assert_eq!((coder.new_owner.clone(), coder.delegations), (Some(object("user:bob")), 1));

    let done = off_board(&authority, wanted, Some(&previewed.digest)).unwrap();
    assert_eq!(done.off_boarding, previewed);
    assert_eq!(done.receipt.revision, before.next(), "one transaction");
    let after = snapshot(&authority);
    let state = |text: &str| after.principal(&object(text)).unwrap().unwrap();
    assert_eq!(state("user:alice").state, PrincipalState::OffBoarded);
    assert_eq!(state("agent:coder").owner, Some(object("user:bob")));
    assert_eq!(after.task(&task_id("plan")).unwrap().unwrap().state, TaskState::Cancelled);
    assert!(after.delegation(&delegation_id("first")).unwrap().unwrap().revoked_at.is_some());
    let below = after.delegation(&delegation_id("second")).unwrap().unwrap();
    assert!(below.revoked_at.is_none(), "what hangs below is not touched");
    assert!(after.endorsement(&EndorsementId::new("e").unwrap()).unwrap().unwrap().revoked_at.is_some());
    assert!(!exists(&authority, "document:memo#viewer@user:alice"));
    assert!(exists(&authority, "document:memo#viewer@user:bob"));
    // What nobody took over is stopped, until somebody owns it.
    let views = question("user:helper", "view", "document:memo", None);
    assert_eq!(reason(&authority, &views), Reason::OwnerOffBoarded);
    write(&authority, vec![owned("user:helper", Some("user:carol"), ACTIVE)]).unwrap();
    assert_eq!(reason(&authority, &views), Reason::OwnAuthority);
    assert_eq!(reason(&authority, &coder_edits()), Reason::TaskCancelled);
}

#[test]
fn a_preview_that_something_changed_since_is_not_done() {
    let changes: [Vec<Change>; 5] = [
        vec![touch("document:other#viewer@user:alice")],
        vec![Change::TaskOpened(task("another", "user:alice"))],
        vec![Change::DelegationRevoked(delegation_id("first"))],
        vec![owned("agent:third", Some("user:alice"), ACTIVE)],
        vec![Change::EndorsementRevoked(EndorsementId::new("e").unwrap())],
    ];
    for change in changes {
        let (authority, _hand) = world();
        let previewed = preview(&authority, &of_alice());
        // What has nothing to do with it is no change.
        write(&authority, vec![touch("document:other#viewer@user:bob")]).unwrap();
        assert_eq!(preview(&authority, &of_alice()).digest, previewed.digest);
        write(&authority, change).unwrap();
        let before = snapshot(&authority).revision();
        let error = off_board(&authority, of_alice(), Some(&previewed.digest)).unwrap_err();
        assert_eq!(error.code(), "off_boarding_changed");
        assert!(error.to_string().contains(&previewed.digest), "{error}");
        assert_eq!(snapshot(&authority).revision(), before);
        let alice = snapshot(&authority).principal(&object("user:alice")).unwrap().unwrap();
        assert_eq!(alice.state, ACTIVE);
    }
}

#[test]
fn other_owners_are_another_digest_and_have_to_be_able() {
    let (authority, _hand) = world();
    let to = |owned: &str, owner: &str| OffBoard { transfers: [(object(owned), object(owner))].into(), ..of_alice() };
    let bobs = preview(&authority, &to("agent:coder", "user:bob")).digest;
    assert_ne!(bobs, preview(&authority, &to("agent:coder", "user:carol")).digest);
    write(&authority, vec![owned("user:carol", None, PrincipalState::Suspended)]).unwrap();
    let code = |wanted: OffBoard| off_board(&authority, wanted, None).unwrap_err().code();
    assert_eq!(code(to("agent:coder", "user:carol")), "principal_not_active");
    assert_eq!(code(to("agent:coder", "user:nobody")), "principal_unknown");
    assert_eq!(code(to("agent:planner", "user:bob")), "transfer_not_owned");
    assert_eq!(code(to("agent:coder", "user:alice")), "owner_off_boarded");
    let rest = OffBoard { rest_to: Some(object("user:bob")), ..of_alice() };
    let done = off_board(&authority, rest, None).unwrap();
    assert_eq!((done.off_boarding.left, done.off_boarding.owned.count), (0, 2));
}

#[test]
fn nothing_brings_back_what_ended() {
    let (authority, _hand) = world();
    off_board(&authority, of_alice(), None).unwrap();
    for state in [ACTIVE, PrincipalState::Suspended] {
        let error = write(&authority, vec![owned("user:alice", None, state)]).unwrap_err();
        assert_eq!(error.code(), "principal_off_boarded");
    }
    assert_eq!(
        write(&authority, vec![Change::PrincipalRemoved(object("user:alice"))]).unwrap_err().code(),
        "principal_not_active"
    );
    // Again it finds nothing to do, and writes nothing.
    let before = snapshot(&authority).revision();
    let again = off_board(&authority, of_alice(), None).unwrap();
    assert_eq!((again.off_boarding.changes, again.receipt.revision), (0, before));
    // Somebody else takes everything over: what ended stays ended, whoever owns the agents.
    let handed = ["agent:coder", "user:helper", "agent:planner"].map(|agent| owned(agent, Some("user:bob"), ACTIVE));
    write(&authority, handed.into()).unwrap();
    assert_eq!(reason(&authority, &coder_edits()), Reason::TaskCancelled);
    assert_eq!(reason(&authority, &question("user:alice", "edit", "document:plan", None)), Reason::ActorSuspended);
}

#[test]
fn an_agent_that_was_suspended_and_resumed_finds_its_links_as_they_were_left() {
    let (authority, _hand) = world();
    write(&authority, vec![owned("agent:coder", Some("user:alice"), PrincipalState::Suspended)]).unwrap();
    assert_eq!(reason(&authority, &coder_edits()), Reason::ActorSuspended);
    write(&authority, vec![Change::DelegationRevoked(delegation_id("second"))]).unwrap();
    write(&authority, vec![owned("agent:coder", Some("user:alice"), ACTIVE)]).unwrap();
    assert_eq!(reason(&authority, &coder_edits()), Reason::DelegationRevoked);
}

#[test]
fn a_request_that_is_sent_again_is_done_once() {
    let (authority, _hand) = world();
    let provenance = || Provenance::new("user:tester", "gone").with_request_id("r-1");
    let first = authority.off_board(&tenant(), provenance(), of_alice(), None).unwrap();
    let again = authority.off_board(&tenant(), provenance(), of_alice(), None).unwrap();
    assert_eq!(first.receipt, again.receipt);
    let other = authority.off_board(&tenant(), provenance(), OffBoard::of(object("user:bob")), None);
    assert_eq!(other.unwrap_err().code(), "request_id_reused");
}

#[test]
fn limit_off_boarding_sample_max_bounds_what_is_shown_and_not_what_is_counted() {
    for count in [OFF_BOARDING_SAMPLE_MAX, OFF_BOARDING_SAMPLE_MAX + 1] {
        let (authority, _hand) = at_noon();
        let edges = (0..count).map(|number| touch(&format!("document:d{number}#viewer@user:bob")));
        write(&authority, edges.collect()).unwrap();
        let found = preview(&authority, &OffBoard::of(object("user:bob"))).relationships;
        assert_eq!((found.count, found.sample.len()), (count, OFF_BOARDING_SAMPLE_MAX));
    }
}

#[test]
fn more_than_a_transaction_holds_is_refused_with_a_way() {
    let (authority, _hand) = at_noon();
    for half in 0..2 {
        let edges =
            (0..TRANSACTION_CHANGES_MAX / 2).map(|number| touch(&format!("document:d{half}-{number}#viewer@user:bob")));
        write(&authority, edges.collect()).unwrap();
    }
    // With the principal's own state it is one too many.
    let wanted = OffBoard::of(object("user:bob"));
    assert_eq!(preview(&authority, &wanted).changes, TRANSACTION_CHANGES_MAX + 1);
    let error = off_board(&authority, wanted.clone(), None).unwrap_err();
    assert_eq!(error.code(), "off_boarding_too_large");
    assert!(error.to_string().contains("delete relationships"), "{error}");
    write(&authority, vec![delete("document:d0-0#viewer@user:bob")]).unwrap();
    off_board(&authority, wanted, None).unwrap();
}

#[test]
fn nothing_is_allowed_after_an_off_boarding_was_acknowledged() {
    let (authority, _hand) = world();
    let (over, allowed_before, wrong) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let questions = [
        coder_edits(),
        question("user:alice", "edit", "document:plan", None),
        question("user:helper", "view", "document:memo", None),
    ];
    thread::scope(|scope| {
        for question in &questions {
            let (authority, over, allowed_before, wrong) = (&authority, &over, &allowed_before, &wrong);
            scope.spawn(move || {
                for after in 0.. {
                    let was_over = over.load(Ordering::SeqCst);
                    let decided = ask(authority, question).unwrap();
                    let allowed = decided.disposition() == prokura::model::Disposition::Allow;
                    match (allowed, was_over) {
                        (true, true) => wrong.fetch_add(1, Ordering::SeqCst),
                        (true, false) => allowed_before.fetch_add(1, Ordering::SeqCst),
                        (false, _) => 0,
                    };
                    if was_over && after > 200 {
                        return;
                    }
                }
            });
        }
        while allowed_before.load(Ordering::SeqCst) < 100 {
            thread::yield_now();
        }
        off_board(&authority, of_alice(), None).unwrap();
        over.store(true, Ordering::SeqCst);
    });
    assert_eq!(wrong.load(Ordering::SeqCst), 0);
}
