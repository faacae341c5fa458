//! Just-in-time access: asking, answering, and how what is granted ends.

mod conditions;
mod laws;
mod limits;
mod previewed;

use std::{collections::BTreeSet, sync::Arc};

use prokura::{
    AccessFault, AccessReply, AccessRequest, Authority, MemoryDisk, OffBoard, Provenance, RequestFilter, WriteError,
    model::{
        CapPermissions, Change, Delegation, PrincipalState, Reason, Request, RequestId, RequestState, Task, TaskState,
        Timestamp,
    },
};

use super::support::{
    HOUR, Hand, NOON, ask, cap, delegation_id, delete, exists, link, object, owned, principal, question, reason,
    relation, snapshot, task, task_id, tenant, touch, write,
};

const SCHEMA: &str = "use access
use expiration
definition user {}
definition agent {}
definition service {
    relation owner: user | agent
    relation deployer: user | agent
    relation temporary: user with expiration | agent with expiration
    permission approve = owner
    permission deploy = deployer + temporary
    permission restart = deployer
    permission read = deployer + owner + temporary
    permission wipe = deployer
}
access deploy_now on service#deploy { ask service#approve; for at most 30m; relation temporary }
access restart on service#restart { ask service#approve; for at most 1h; ticket required; origin may answer }
access reading on service#read { grant; for at most 10m; relation temporary }
access never on service#wipe { refuse }
access emergency on service#deploy { ask service#approve; for at most 5m; relation temporary; break glass }
";

const MINUTE: u64 = 60_000;

/// `user:olga` owns the services and answers; `user:alice` works through `agent:coder`, whose links carry reading of
/// `service:web` only; `user:dan` may deploy `service:web` and lends it to `agent:narrow`, whose link does not carry it.
pub(super) fn told() -> Vec<Change> {
    let lends = |id: &str, under: &str, from: &str, to: &str, permission: &str| {
        let cap = cap(super::support::only(permission), "service:web");
        Change::DelegationCreated(Delegation { task: task_id(under), cap, ..link(id, from, to, None) })
    };
    vec![
        Change::SchemaWritten(SCHEMA.to_owned()),
        touch("service:web#owner@user:olga"),
        touch("service:api#owner@user:olga"),
        touch("service:web#owner@user:alice"),
        touch("service:web#owner@agent:helper"),
        touch("service:web#deployer@user:dan"),
        principal("user:olga"),
        principal("user:alice"),
        principal("user:dan"),
        principal("agent:stray"),
        owned("agent:coder", Some("user:alice"), PrincipalState::Active),
        owned("agent:helper", Some("user:alice"), PrincipalState::Active),
        owned("agent:narrow", Some("user:dan"), PrincipalState::Active),
        Change::TaskOpened(task("plan", "user:alice")),
        Change::TaskOpened(Task { origin: object("user:dan"), ..task("release", "user:dan") }),
        Change::DelegationCreated(Delegation {
            cap: cap(CapPermissions::Any, "service:web"),
            ..link("wide", "user:alice", "agent:coder", None)
        }),
        lends("narrow", "release", "user:dan", "agent:narrow", "read"),
    ]
}

pub(super) fn at_noon() -> (Authority, Hand) {
    let hand = Hand::at(NOON);
    let authority = Authority::in_memory(hand.options());
    write(&authority, told()).unwrap();
    (authority, hand)
}

pub(super) fn asking(requester: &str, permission: &str, resource: &str, delegation: Option<&str>) -> AccessRequest {
    AccessRequest {
        requester: object(requester),
        task: None,
        delegation: delegation.map(delegation_id),
        permission: relation(permission),
        resources: BTreeSet::from([object(resource)]),
        reason: "the build is red".to_owned(),
        ticket: None,
        for_ms: None,
        break_glass: false,
    }
}

pub(super) fn requested(authority: &Authority, asked: AccessRequest) -> Result<Arc<Request>, WriteError> {
    authority.request_access(&tenant(), Provenance::new("key:k", ""), asked)
}

pub(super) fn answered(
    authority: &Authority,
    id: &RequestId,
    by: &str,
    reply: AccessReply,
) -> Result<Arc<Request>, WriteError> {
    authority.answer_request(&tenant(), Provenance::new("key:k", "fine"), id, object(by), reply)
}

pub(super) fn yes() -> AccessReply {
    AccessReply::Approve { resources: None, for_ms: None }
}

fn code(result: Result<Arc<Request>, WriteError>) -> &'static str {
    match result {
        Ok(request) => panic!("{request:?}"),
        Err(error) => {
            assert_eq!(error.fault(), prokura::model::Fault::Caller, "{error}");
            error.code()
        }
    }
}

/// The coder asks to deploy for Alice, who may not.
fn coder_asks() -> AccessRequest {
    asking("agent:coder", "deploy", "service:web", Some("wide"))
}

fn coder_deploys(authority: &Authority) -> Reason {
    reason(authority, &question("agent:coder", "deploy", "service:web", Some("wide")))
}

#[test]
fn what_the_origin_lacks_is_written_for_it_until_its_end() {
    let (authority, hand) = at_noon();
    assert_eq!(coder_deploys(&authority), Reason::OriginLacksPermission);
    let request = requested(&authority, coder_asks()).unwrap();
    assert_eq!((request.state, request.item.as_str()), (RequestState::Pending, "deploy_now"));
    assert_eq!(request.answer_by, Timestamp(NOON + HOUR), "the task ends before the day is over");
    assert_eq!(coder_deploys(&authority), Reason::OriginLacksPermission, "a request alone gives nothing");

    let granted = answered(&authority, &request.id, "user:olga", yes()).unwrap();
    let grant = granted.grant.as_ref().unwrap();
    assert_eq!((granted.state, grant.until), (RequestState::Granted, Timestamp(NOON + 30 * MINUTE)));
    assert_eq!(
        grant.relationships.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["service:web#temporary@user:alice"]
    );
    assert_eq!(grant.delegation, None, "the links carry it");
    let decided = ask(&authority, &question("agent:coder", "deploy", "service:web", Some("wide"))).unwrap().decision;
    assert_eq!((decided.reason, decided.valid_until), (Reason::LentAuthority, Some(grant.until)));
    // Its provenance names the request and who approved it.
    let since = decided.witness[0].since;
    let transaction = authority.transaction(&tenant(), since).unwrap().unwrap();
    assert_eq!(transaction.reason, format!("request {} is approved by user:olga", request.id));

    hand.set(NOON + 30 * MINUTE);
    assert_eq!(coder_deploys(&authority), Reason::OriginLacksPermission);
}

#[test]
fn what_the_links_do_not_carry_is_lent_anew() {
    let (authority, hand) = at_noon();
    let asked = asking("agent:narrow", "restart", "service:web", Some("narrow"));
    assert_eq!(code(requested(&authority, asked.clone())), "ticket_missing");
    let asked = AccessRequest { ticket: Some("OPS-7".to_owned()), for_ms: Some(20 * MINUTE), ..asked };
    let request = requested(&authority, asked).unwrap();
    let granted = answered(&authority, &request.id, "user:olga", yes()).unwrap();
    let grant = granted.grant.as_ref().unwrap();
    assert!(grant.relationships.is_empty(), "dan has the right");
    let made = grant.delegation.clone().unwrap();
    let stored = snapshot(&authority).delegation(&made).unwrap().unwrap();
    assert_eq!(
        (stored.from.to_string(), stored.depth, stored.expires_at),
        ("user:dan".to_owned(), 0, Some(grant.until))
    );
    let restart =
        |resource: &str| reason(&authority, &question("agent:narrow", "restart", resource, Some(made.as_str())));
    assert_eq!(restart("service:web"), Reason::LentAuthority);
    assert_eq!(restart("service:api"), Reason::OutsideCap);
    assert_eq!(
        reason(&authority, &question("agent:narrow", "deploy", "service:web", Some(made.as_str()))),
        Reason::OutsideCap,
        "exactly what was asked for"
    );
    hand.set(NOON + 20 * MINUTE);
    assert_eq!(restart("service:web"), Reason::DelegationExpired);
}

/// Both: the links do not carry it, and the origin lacks it.
#[test]
fn both_are_granted_where_both_are_lacking() {
    let (authority, _) = at_noon();
    let asked = AccessRequest {
        resources: BTreeSet::from([object("service:api")]),
        ..asking("agent:coder", "deploy", "service:api", Some("wide"))
    };
    let request = requested(&authority, asked).unwrap();
    let granted = answered(&authority, &request.id, "user:olga", yes()).unwrap();
    let grant = granted.grant.as_ref().unwrap();
    assert_eq!(grant.relationships.len(), 1);
    let made = grant.delegation.clone().unwrap();
    let deploys = question("agent:coder", "deploy", "service:api", Some(made.as_str()));
    assert_eq!(reason(&authority, &deploys), Reason::LentAuthority);
    write(&authority, vec![Change::TaskClosed(task_id("plan"), TaskState::Cancelled)]).unwrap();
    assert_eq!(reason(&authority, &deploys), Reason::TaskCancelled);
    assert!(!exists(&authority, "service:api#temporary@user:alice"));
}

#[test]
fn only_a_person_with_the_permission_and_no_part_in_it_answers() {
    let (authority, _) = at_noon();
    let request = requested(&authority, coder_asks()).unwrap();
    for (by, why) in [
        ("agent:coder", "their own request"),
        ("agent:helper", "`user:alice` owns it"),
        ("agent:stray", "of the same type as `agent:coder`"),
        ("user:alice", "origin may answer"),
        ("user:ghost", "not registered"),
        ("user:dan", "does not have `approve`"),
    ] {
        for reply in [yes(), AccessReply::Refuse] {
            let error = answered(&authority, &request.id, by, reply).unwrap_err();
            assert_eq!(error.code(), "not_an_approver");
            assert!(error.to_string().contains(why), "{by}: {error}");
        }
    }
    assert_eq!(coder_deploys(&authority), Reason::OriginLacksPermission);
    // At the moment of the answer, not of the request.
    write(&authority, vec![delete("service:web#owner@user:olga")]).unwrap();
    assert_eq!(code(answered(&authority, &request.id, "user:olga", yes())), "not_an_approver");
    write(&authority, vec![touch("service:web#owner@user:olga"), owned("user:olga", None, PrincipalState::Suspended)])
        .unwrap();
    assert_eq!(code(answered(&authority, &request.id, "user:olga", yes())), "not_an_approver");
    write(&authority, vec![principal("user:olga")]).unwrap();
    let refused = answered(&authority, &request.id, "user:olga", AccessReply::Refuse).unwrap();
    assert_eq!((refused.state, refused.grant.as_ref()), (RequestState::Refused, None));
    assert_eq!(refused.answer.as_ref().unwrap().words, "fine");
    assert_eq!(code(answered(&authority, &request.id, "user:olga", yes())), "request_not_pending");
    assert_eq!(coder_deploys(&authority), Reason::OriginLacksPermission);
}

#[test]
fn the_origin_answers_where_the_item_says_so() {
    let (authority, _) = at_noon();
    write(&authority, vec![touch("service:web#owner@user:dan")]).unwrap();
    let asked = AccessRequest {
        ticket: Some("OPS-7".to_owned()),
        ..asking("agent:narrow", "restart", "service:web", Some("narrow"))
    };
    let request = requested(&authority, asked).unwrap();
    assert_eq!(answered(&authority, &request.id, "user:dan", yes()).unwrap().state, RequestState::Granted);
}

#[test]
fn less_than_was_asked_for_may_be_granted_and_never_more() {
    let (authority, hand) = at_noon();
    let both = BTreeSet::from([object("service:web"), object("service:api")]);
    let request = requested(&authority, AccessRequest { resources: both, ..coder_asks() }).unwrap();
    let less = |resource: &str, minutes: u64| AccessReply::Approve {
        resources: Some(BTreeSet::from([object(resource)])),
        for_ms: Some(minutes * MINUTE),
    };
    assert_eq!(code(answered(&authority, &request.id, "user:olga", less("service:db", 1))), "grant_not_asked");
    assert_eq!(code(answered(&authority, &request.id, "user:olga", less("service:web", 31))), "request_length_invalid");
    assert_eq!(code(answered(&authority, &request.id, "user:olga", less("service:web", 0))), "request_length_invalid");
    let granted = answered(&authority, &request.id, "user:olga", less("service:web", 5)).unwrap();
    assert_eq!(granted.grant.as_ref().unwrap().until, Timestamp(NOON + 5 * MINUTE));
    assert!(exists(&authority, "service:web#temporary@user:alice"));
    assert!(!exists(&authority, "service:api#temporary@user:alice"));
    hand.set(NOON + 5 * MINUTE);
    assert_eq!(coder_deploys(&authority), Reason::OriginLacksPermission);
}

#[test]
fn the_schema_answers_at_once_where_it_says_so() {
    let (authority, _) = at_noon();
    let refused = requested(&authority, asking("user:alice", "wipe", "service:web", None)).unwrap();
    assert_eq!((refused.state, refused.answer.as_ref().unwrap().by.as_ref()), (RequestState::Refused, None));
    let reading = asking("user:zoe", "read", "service:web", None);
    let granted = requested(&authority, reading).unwrap();
    assert_eq!(granted.state, RequestState::Granted);
    assert_eq!(reason(&authority, &question("user:zoe", "read", "service:web", None)), Reason::OwnAuthority);
    assert_eq!(code(requested(&authority, asking("user:zoe", "approve", "service:web", None))), "not_requestable");
    assert_eq!(code(requested(&authority, asking("user:dan", "deploy", "service:web", None))), "already_allowed");
}

#[test]
fn what_could_not_be_used_or_granted_is_not_asked_for() {
    let (authority, _) = at_noon();
    let restart =
        AccessRequest { ticket: Some("OPS-7".to_owned()), ..asking("user:zoe", "restart", "service:web", None) };
    assert_eq!(code(requested(&authority, restart)), "nothing_to_lend");
    let too_long = AccessRequest { for_ms: Some(31 * MINUTE), ..coder_asks() };
    assert_eq!(code(requested(&authority, too_long)), "request_length_invalid");
    assert_eq!(code(requested(&authority, AccessRequest { reason: " ".to_owned(), ..coder_asks() })), "words_missing");
    let nothing = AccessRequest { resources: BTreeSet::new(), ..coder_asks() };
    assert_eq!(code(requested(&authority, nothing)), "request_resources_invalid");
    let other_task = AccessRequest { task: Some(task_id("release")), ..coder_asks() };
    assert_eq!(code(requested(&authority, other_task)), "request_of_other_task");
    let not_its_own =
        AccessRequest { task: Some(task_id("release")), ..asking("user:zoe", "deploy", "service:web", None) };
    assert_eq!(code(requested(&authority, not_its_own)), "request_not_by_origin");
    let not_its_own = AccessRequest { requester: object("agent:helper"), ..coder_asks() };
    assert_eq!(code(requested(&authority, not_its_own)), "delegation_not_for_actor");
    // A standing relationship is never written over.
    write(
        &authority,
        vec![Change::RelationshipTouched(super::support::read("service:web#temporary@user:alice"), ending(NOON + 9))],
    )
    .unwrap();
    write(
        &authority,
        vec![Change::SchemaWritten(SCHEMA.replace("deploy = deployer + temporary", "deploy = temporary & deployer"))],
    )
    .unwrap();
    assert_eq!(code(requested(&authority, coder_asks())), "relationship_stands");
    write(&authority, vec![owned("agent:coder", Some("user:alice"), PrincipalState::Suspended)]).unwrap();
    assert_eq!(code(requested(&authority, coder_asks())), "actor_suspended");
}

fn ending(at: u64) -> prokura::model::Terms {
    prokura::model::Terms { caveat: None, expires_at: Some(Timestamp(at)) }
}

#[test]
fn what_is_granted_ends_with_its_task_and_its_delegation() {
    for end in
        [Change::TaskClosed(task_id("plan"), TaskState::Completed), Change::DelegationRevoked(delegation_id("wide"))]
    {
        let (authority, _) = at_noon();
        let request = requested(&authority, coder_asks()).unwrap();
        answered(&authority, &request.id, "user:olga", yes()).unwrap();
        let waits =
            requested(&authority, AccessRequest { resources: BTreeSet::from([object("service:api")]), ..coder_asks() })
                .unwrap();
        let provenance = Provenance::new("key:k", "done").with_request_id("end");
        let receipt = authority.write(&tenant(), provenance.clone(), vec![end.clone()]).unwrap();
        assert!(!exists(&authority, "service:web#temporary@user:alice"));
        let own = question("user:alice", "deploy", "service:web", None);
        assert_eq!(reason(&authority, &own), Reason::NoPath);
        let stored = |id: &RequestId| snapshot(&authority).request(id).unwrap().unwrap();
        assert_eq!(stored(&request.id).grant.as_ref().unwrap().ended_at, Some(Timestamp(NOON)));
        assert_eq!(stored(&waits.id).state, RequestState::Cancelled);
        assert_eq!(code(answered(&authority, &waits.id, "user:olga", yes())), "request_not_pending");
        // Sent again, the same request is the same.
        assert_eq!(authority.write(&tenant(), provenance, vec![end]).unwrap(), receipt);
    }
}

/// What was granted under a part ends with the whole, and with whoever it was for.
#[test]
fn what_is_granted_under_a_part_ends_with_the_whole_and_with_the_origin() {
    let whole = |authority: &Authority| {
        write(authority, vec![Change::TaskClosed(task_id("whole"), TaskState::Cancelled)]).unwrap();
    };
    let origin = |authority: &Authority| {
        let wanted = OffBoard::of(object("user:alice"));
        authority.off_board(&tenant(), Provenance::new("key:k", "she leaves"), wanted, None).unwrap();
    };
    for end in [&whole as &dyn Fn(&Authority), &origin] {
        let (authority, _) = at_noon();
        let part = Task { parent: Some(task_id("whole")), ..task("part", "user:alice") };
        let below = Delegation { task: task_id("part"), ..link("below", "user:alice", "agent:coder", None) };
        let below = Delegation { cap: cap(CapPermissions::Any, "service:*"), ..below };
        write(
            &authority,
            vec![
                Change::TaskOpened(task("whole", "user:alice")),
                Change::TaskOpened(part),
                Change::DelegationCreated(below),
            ],
        )
        .unwrap();
        let asked = |resource: &str| asking("agent:coder", "deploy", resource, Some("below"));
        let granted = requested(&authority, asked("service:web")).unwrap();
        answered(&authority, &granted.id, "user:olga", yes()).unwrap();
        let waits = requested(&authority, asked("service:api")).unwrap();
        assert!(exists(&authority, "service:web#temporary@user:alice"));
        end(&authority);
        assert!(!exists(&authority, "service:web#temporary@user:alice"));
        let stored = |id: &RequestId| snapshot(&authority).request(id).unwrap().unwrap();
        assert_eq!(stored(&granted.id).grant.as_ref().unwrap().ended_at, Some(Timestamp(NOON)));
        assert_eq!(stored(&waits.id).state, RequestState::Cancelled);
    }
}

/// Whoever writes the relationship for good meanwhile means it to stay.
#[test]
fn what_somebody_wrote_over_a_grant_stays() {
    let (authority, _) = at_noon();
    let request = requested(&authority, coder_asks()).unwrap();
    answered(&authority, &request.id, "user:olga", yes()).unwrap();
    let edge = super::support::read("service:web#temporary@user:alice");
    write(&authority, vec![Change::RelationshipTouched(edge, ending(NOON + HOUR))]).unwrap();
    write(&authority, vec![Change::TaskClosed(task_id("plan"), TaskState::Completed)]).unwrap();
    assert!(exists(&authority, "service:web#temporary@user:alice"));
}

#[test]
fn a_request_is_taken_back_and_a_grant_is_given_back() {
    let (authority, _) = at_noon();
    let cancel = |id: &RequestId, by: Option<&str>| {
        authority.cancel_request(&tenant(), Provenance::new("key:k", "no need"), id, by.map(object))
    };
    let first = requested(&authority, coder_asks()).unwrap();
    assert_eq!(code(cancel(&first.id, Some("user:dan"))), "not_to_cancel");
    assert_eq!(cancel(&first.id, Some("agent:coder")).unwrap().state, RequestState::Cancelled);
    assert_eq!(code(cancel(&first.id, None)), "request_not_pending");
    for by in [Some("agent:coder"), Some("user:alice"), Some("user:olga"), None] {
        let request = requested(&authority, coder_asks()).unwrap();
        answered(&authority, &request.id, "user:olga", yes()).unwrap();
        assert_eq!(coder_deploys(&authority), Reason::LentAuthority);
        assert!(cancel(&request.id, by).unwrap().grant.as_ref().unwrap().ended_at.is_some());
        assert_eq!(coder_deploys(&authority), Reason::OriginLacksPermission);
    }
}

#[test]
fn glass_is_broken_once_until_it_is_reviewed() {
    let (authority, hand) = at_noon();
    let breaking = || AccessRequest { break_glass: true, ..coder_asks() };
    let broken = requested(&authority, breaking()).unwrap();
    assert_eq!((broken.state, broken.item.as_str()), (RequestState::Granted, "emergency"));
    assert_eq!(coder_deploys(&authority), Reason::LentAuthority);
    hand.set(NOON + 5 * MINUTE);
    assert_eq!(coder_deploys(&authority), Reason::OriginLacksPermission);
    assert_eq!(code(requested(&authority, breaking())), "review_open");
    let review = |by: &str, words: &str| {
        authority.review_request(&tenant(), Provenance::new("key:k", words), &broken.id, object(by))
    };
    let waiting = RequestFilter { answerable_by: Some(object("user:olga")), ..RequestFilter::default() };
    let page = prokura::Page::default();
    assert_eq!(snapshot(&authority).requests(&waiting, &page).unwrap().entries.len(), 1);
    assert_eq!(code(review("user:alice", "mine")), "not_an_approver");
    assert_eq!(code(review("user:olga", "")), "words_missing");
    assert!(review("user:olga", "it was on fire").unwrap().review.is_some());
    assert_eq!(code(review("user:olga", "again")), "nothing_to_review");
    assert!(snapshot(&authority).requests(&waiting, &page).unwrap().entries.is_empty());
    assert_eq!(requested(&authority, breaking()).unwrap().state, RequestState::Granted);
}

#[test]
fn nobody_answers_after_the_time_to_answer() {
    let (authority, hand) = at_noon();
    let request = requested(&authority, asking("user:zoe", "deploy", "service:web", None)).unwrap();
    hand.set(request.answer_by.0);
    assert_eq!(code(answered(&authority, &request.id, "user:olga", yes())), "request_not_pending");
    assert_eq!(request.state_at(request.answer_by), RequestState::Expired);
    let expired = RequestFilter { state: Some(RequestState::Expired), ..RequestFilter::default() };
    assert_eq!(snapshot(&authority).requests(&expired, &prokura::Page::default()).unwrap().entries.len(), 1);
}

#[test]
fn the_same_request_sent_again_is_done_once() {
    let (authority, _) = at_noon();
    let with = |key: &str| Provenance::new("key:k", "").with_request_id(key);
    let first = authority.request_access(&tenant(), with("one"), coder_asks()).unwrap();
    let again = authority.request_access(&tenant(), with("one"), coder_asks()).unwrap();
    assert_eq!(first, again);
    let other = AccessRequest { reason: "another".to_owned(), ..coder_asks() };
    let error = authority.request_access(&tenant(), with("one"), other).unwrap_err();
    assert_eq!(error.code(), "request_id_reused");
    let answer = || authority.answer_request(&tenant(), with("two"), &first.id, object("user:olga"), yes());
    assert_eq!(answer().unwrap(), answer().unwrap());
    assert_eq!(
        snapshot(&authority).requests(&RequestFilter::default(), &prokura::Page::default()).unwrap().entries.len(),
        1
    );
}

#[test]
fn of_two_answers_at_once_one_counts() {
    let (authority, _) = at_noon();
    write(&authority, vec![principal("user:omar"), touch("service:web#owner@user:omar")]).unwrap();
    for _ in 0..20 {
        let request = requested(&authority, coder_asks()).unwrap();
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let answers = [("user:olga", yes()), ("user:omar", AccessReply::Refuse)].map(|(by, reply)| {
                let (authority, id) = (&authority, &request.id);
                scope.spawn(move || answered(authority, id, by, reply).map_err(|error| error.code()))
            });
            answers.into_iter().map(|answer| answer.join().unwrap()).collect()
        });
        let counted: Vec<_> = outcomes.iter().filter(|outcome| outcome.is_ok()).collect();
        assert_eq!(counted.len(), 1, "{outcomes:?}");
        assert!(outcomes.contains(&Err("request_not_pending")), "{outcomes:?}");
        let stored = snapshot(&authority).request(&request.id).unwrap().unwrap();
        let allowed = coder_deploys(&authority) == Reason::LentAuthority;
        assert_eq!(allowed, stored.state == RequestState::Granted);
        if allowed {
            authority.cancel_request(&tenant(), Provenance::new("key:k", ""), &request.id, None).unwrap();
        }
    }
}

#[test]
fn requests_are_there_after_a_restart() {
    let (disk, hand) = (MemoryDisk::new(), Hand::at(NOON));
    let open = || Authority::open_on(Arc::new(disk.clone()), hand.options()).unwrap();
    let authority = open();
    write(&authority, told()).unwrap();
    let granted = requested(&authority, coder_asks()).unwrap();
    let granted = answered(&authority, &granted.id, "user:olga", yes()).unwrap();
    let waits = requested(&authority, asking("user:zoe", "deploy", "service:web", None)).unwrap();
    authority.close();
    let authority = open();
    assert_eq!(snapshot(&authority).request(&granted.id).unwrap(), Some(granted));
    write(&authority, vec![Change::TaskClosed(task_id("plan"), TaskState::Completed)]).unwrap();
    assert!(!exists(&authority, "service:web#temporary@user:alice"), "what is open is found again");
    assert_eq!(answered(&authority, &waits.id, "user:olga", yes()).unwrap().state, RequestState::Granted);
}

#[test]
fn a_deny_says_how_to_ask() {
    let (authority, _) = at_noon();
    let hint = |actor: &str, permission: &str, delegation: Option<&str>| {
        let question = question(actor, permission, "service:web", delegation);
        let decision = ask(&authority, &question).unwrap().decision;
        authority.access_hint(&tenant(), &question, &decision)
    };
    let deploy = hint("agent:coder", "deploy", Some("wide")).unwrap();
    assert_eq!(
        (deploy.item.as_deref(), deploy.asks, deploy.break_glass.as_deref()),
        (Some("deploy_now"), true, Some("emergency"))
    );
    assert!(!hint("user:zoe", "read", None).unwrap().asks);
    assert_eq!(hint("user:zoe", "wipe", None), None, "it would be refused");
    assert_eq!(hint("user:zoe", "approve", None), None);
    assert_eq!(hint("user:dan", "deploy", None), None, "it is allowed");
    assert_eq!(hint("agent:helper", "deploy", Some("wide")), None, "no grant would help");
}

#[test]
fn nobody_writes_a_request_past_the_rules() {
    let (authority, _) = at_noon();
    let request = requested(&authority, coder_asks()).unwrap();
    let forged = Request { state: RequestState::Granted, ..Request::clone(&request) };
    let error = write(&authority, vec![Change::RequestSet(Box::new(forged))]).unwrap_err();
    assert_eq!(error.code(), "change_reserved");
    assert!(matches!(
        answered(&authority, &RequestId::new("r-none").unwrap(), "user:olga", yes()),
        Err(WriteError::Access(fault)) if matches!(*fault, AccessFault::Unknown(_))
    ));
}
