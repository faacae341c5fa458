//! Tokens, how fresh an answer is, and deciding on a snapshot.

use std::sync::Arc;

use prokura::{
    AskError, Asked, Authority, Consistency, Context, DecidedOn, DecisionFilter, FoundSubject, MemoryDisk, Options,
    Page, Permissionship, ResourceLookup, SubjectLookup,
    model::{PrincipalState, Reason, Revision, SubjectRef, TenantName, TypeName, Value},
};

use super::{
    relationships::{begun, on_day},
    support::{
        Hand, NOON, at_noon, by, coder_edits, delete, object, owned, question, read, relation, snapshot, tenant, touch,
        write,
    },
};

fn with(authority: &Authority, consistency: &Consistency) -> Result<Revision, &'static str> {
    authority.snapshot_with(&tenant(), consistency).map(|found| found.revision()).map_err(|error| error.code())
}

#[test]
fn a_token_chooses_the_revision() {
    let (authority, _) = at_noon();
    let first = snapshot(&authority).revision();
    let token = authority.token(&tenant(), first);
    let newest = write(&authority, vec![touch("document:plan#viewer@user:bob")]).unwrap().revision;
    assert_eq!(with(&authority, &Consistency::FullyConsistent), Ok(newest));
    assert_eq!(with(&authority, &Consistency::MinimizeLatency), Ok(newest));
    assert_eq!(with(&authority, &Consistency::AtLeastAsFresh(token.clone())), Ok(newest));
    let exact = authority.snapshot_with(&tenant(), &Consistency::AtExactSnapshot(token)).unwrap();
    assert_eq!((exact.revision(), exact.is_historic()), (first, true));
    let own = authority.token(&tenant(), newest);
    let exact = authority.snapshot_with(&tenant(), &Consistency::AtExactSnapshot(own)).unwrap();
    assert_eq!((exact.revision(), exact.is_historic()), (newest, false));
    assert!(!snapshot(&authority).is_historic());
}

#[test]
fn a_token_of_elsewhere_of_the_future_or_of_the_forgotten_past_is_refused() {
    let hand = Hand::at(NOON);
    let authority = Authority::in_memory(Options { kept_revisions: 2, ..hand.options() });
    super::support::told(&authority);
    let (elsewhere, _) = at_noon();
    let invalid = ["", "token", &elsewhere.token(&tenant(), Revision(1))].map(str::to_owned);
    for token in invalid {
        assert_eq!(with(&authority, &Consistency::AtLeastAsFresh(token.clone())), Err("revision_token_invalid"));
        assert_eq!(with(&authority, &Consistency::AtExactSnapshot(token)), Err("revision_token_invalid"));
    }
    let other = TenantName::new("other").unwrap();
    authority.create_tenant(&other, by("key:k")).unwrap();
    let theirs = authority.token(&other, Revision(1));
    assert_eq!(with(&authority, &Consistency::AtLeastAsFresh(theirs)), Err("revision_token_invalid"));
    let future = authority.token(&tenant(), Revision(2));
    assert_eq!(with(&authority, &Consistency::AtLeastAsFresh(future.clone())), Err("revision_ahead"));
    assert_eq!(with(&authority, &Consistency::AtExactSnapshot(future)), Err("revision_ahead"));
    let past = authority.token(&tenant(), Revision(1));
    for number in 0..6 {
        write(&authority, vec![touch(&format!("document:plan#viewer@user:u{number}"))]).unwrap();
    }
    assert_eq!(with(&authority, &Consistency::AtExactSnapshot(past.clone())), Err("revision_not_kept"));
    assert_eq!(with(&authority, &Consistency::AtLeastAsFresh(past)), Ok(Revision(7)));
    let nobody = TenantName::new("nobody").unwrap();
    let error = authority.snapshot_with(&nobody, &Consistency::FullyConsistent).unwrap_err();
    assert!(matches!(error, AskError::TenantUnknown(_)));
}

#[test]
fn a_token_outlives_a_restart() {
    let disk = MemoryDisk::new();
    let open = || Authority::open_on(Arc::new(disk.clone()), Options::default()).unwrap();
    let authority = open();
    let before = [authority.token(&tenant(), Revision(0)), authority.token(&tenant(), Revision(1))];
    super::support::told(&authority);
    drop(authority);
    for _ in 0..2 {
        let authority = open();
        assert_eq!(authority.revision_of(&tenant(), &before[0]).unwrap(), Revision(0));
        assert_eq!(with(&authority, &Consistency::AtLeastAsFresh(before[1].clone())), Ok(Revision(1)));
    }
}

#[test]
fn deciding_on_a_snapshot_reads_who_is_stopped_at_the_head() {
    let (authority, _) = at_noon();
    let held = snapshot(&authority);
    let on = |held: &prokura::Snapshot| authority.decide_on(held, &coder_edits(), Asked::by_library()).unwrap();
    let first = on(&held);
    assert_eq!(first.decision().reason, Reason::LentAuthority);
    // The edge is gone at the head, and still there at the snapshot.
    write(&authority, vec![delete("document:plan#editor@user:alice")]).unwrap();
    let second = on(&held);
    assert_eq!((second.decision().reason, second.decision().revision), (Reason::LentAuthority, held.revision()));
    let recorded = authority.decision(&tenant(), second.id().unwrap()).unwrap().unwrap();
    assert_eq!(recorded.revision, held.revision());
    write(&authority, vec![owned("agent:planner", None, PrincipalState::Suspended)]).unwrap();
    assert_eq!(on(&held).decision().reason, Reason::PrincipalSuspended);
    let error = at_noon().0.decide_on(&held, &coder_edits(), Asked::by_library()).unwrap_err();
    assert_eq!(error.code(), "tenant_unknown");
}

#[test]
fn a_decision_about_the_past_is_a_preview() {
    let (authority, _) = at_noon();
    let first = snapshot(&authority).revision();
    write(&authority, vec![delete("document:plan#editor@user:alice")]).unwrap();
    let past = authority.snapshot_at(&tenant(), first).unwrap();
    assert!(past.is_historic());
    let decided = authority.decide_on(&past, &coder_edits(), Asked::by_library()).unwrap();
    assert!(matches!(&decided, DecidedOn::Historic(decision) if decision.reason == Reason::LentAuthority));
    assert_eq!(decided.id(), None);
    let wrong = question("user:alice", "nothing", "document:plan", None);
    assert_eq!(authority.decide_on(&past, &wrong, Asked::by_library()).unwrap_err().code(), "member_unknown");
    let listed = authority.decisions(&tenant(), &DecisionFilter::default(), &Page::default()).unwrap();
    assert!(listed.records.is_empty(), "a preview was recorded");
}

#[test]
fn many_are_decided_on_one_state_and_each_is_recorded() {
    let (authority, _) = at_noon();
    let questions = [
        coder_edits(),
        question("user:alice", "edit", "document:plan", None),
        question("user:alice", "nothing", "document:plan", None),
    ];
    let asked = questions.into_iter().map(|question| (question, Asked::by_library())).collect();
    let decided = authority.decide_many(&tenant(), asked).unwrap();
    let reasons: Vec<_> =
        decided.iter().map(|decided| decided.as_ref().ok().map(|found| found.decision.reason)).collect();
    assert_eq!(reasons, [Some(Reason::LentAuthority), Some(Reason::OwnAuthority), None]);
    let times: std::collections::BTreeSet<_> = decided.iter().flatten().map(|decided| decided.time).collect();
    assert_eq!(times.len(), 1);
    let listed = authority.decisions(&tenant(), &DecisionFilter::default(), &Page::default()).unwrap();
    assert_eq!(listed.records.len(), 3);
    assert!(authority.decide_many(&tenant(), Vec::new()).unwrap().is_empty());
}

#[test]
fn what_the_question_leaves_open_is_conditional_and_on_record() {
    let (authority, _) = begun();
    let caveated = prokura::model::Change::RelationshipTouched(
        read("document:plan#viewer@user:alice"),
        on_day(&[("hour", Value::Integer(9))]),
    );
    write(&authority, vec![caveated]).unwrap();
    let mut asked = question("user:alice", "view", "document:plan", None);
    let open = authority.decide(&tenant(), &asked, Asked::by_library()).unwrap();
    assert_eq!(
        (open.decision.reason, open.decision.missing.as_slice()),
        (Reason::ContextMissing, &["day".to_owned()][..])
    );
    let record = authority.decision(&tenant(), &open.id).unwrap().unwrap();
    assert_eq!(record.missing, ["day"]);
    let conditional =
        DecisionFilter { disposition: Some(prokura::model::Disposition::Conditional), ..DecisionFilter::default() };
    let listed = || authority.decisions(&tenant(), &conditional, &Page::default()).unwrap().records.len();
    assert_eq!(listed(), 1);
    for (day, reason) in [("monday", Reason::OwnAuthority), ("friday", Reason::NoPath)] {
        asked.context = Context::from([("day".to_owned(), Value::String(day.to_owned()))]);
        assert_eq!(authority.decide(&tenant(), &asked, Asked::by_library()).unwrap().decision.reason, reason);
    }
    assert_eq!(listed(), 1);
}

#[test]
fn who_is_stopped_now_is_in_no_list() {
    let (authority, _) = at_noon();
    let changes = vec![touch("document:plan#viewer@user:*"), touch("document:memo#editor@agent:coder")];
    write(&authority, changes).unwrap();
    let held = snapshot(&authority);
    let coder: SubjectRef = object("agent:coder").into();
    let kind = |name: &str| TypeName::new(name).unwrap();
    let resources = || {
        let (subject, context) = (coder.clone(), Context::new());
        let lookup = ResourceLookup { kind: kind("document"), permission: relation("edit"), subject, context };
        held.lookup_resources_all(&lookup).unwrap().len()
    };
    let subjects = |of: &str, permission: &str, resource: &str| -> Vec<FoundSubject> {
        let (resource, context) = (object(resource), Context::new());
        let lookup =
            SubjectLookup { resource, permission: relation(permission), kind: kind(of), relation: None, context };
        held.lookup_subjects_all(&lookup).unwrap()
    };
    let has = || {
        let found = held.permissions(&object("document:memo"), &coder, &Context::new()).unwrap();
        found.into_iter().filter(|(_, found)| *found == Permissionship::Has).count()
    };
    assert_eq!((resources(), subjects("agent", "edit", "document:memo").len(), has()), (1, 1, 3));
    let everyone = subjects("user", "view", "document:plan");
    assert!(everyone[0].id.is_none() && everyone[0].excluded.is_empty());
    let off = vec![
        owned("user:boss", None, PrincipalState::OffBoarded),
        owned("user:alice", None, PrincipalState::Suspended),
    ];
    write(&authority, off).unwrap();
    write(&authority, vec![owned("agent:coder", Some("user:alice"), PrincipalState::Active)]).unwrap();
    assert_eq!(resources(), 1);
    write(&authority, vec![owned("agent:coder", None, PrincipalState::Suspended)]).unwrap();
    // The snapshot is of before, and yet.
    assert_eq!((resources(), subjects("agent", "edit", "document:memo").len(), has()), (0, 0, 0));
    let everyone = subjects("user", "view", "document:plan");
    let excluded: Vec<_> = everyone[0].excluded.iter().map(|excluded| excluded.id.as_str()).collect();
    assert_eq!(excluded, ["alice", "boss"]);
    assert!(everyone.iter().all(|found| found.id.as_ref().is_none_or(|id| id.as_str() != "alice")));
}
