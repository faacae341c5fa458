//! Over random requests, answers, ends and clocks.

use std::collections::BTreeMap;

use prokura::{
    AccessReply, AccessRequest, Authority, Provenance,
    model::{Change, Delegation, Reason, RequestId, TaskState},
};
use proptest::prelude::*;

use super::{HOUR, Hand, MINUTE, NOON, SCHEMA, object, owned, principal, tenant, touch, write};
use crate::support::{cap, delegation_id, link, only, question, reason, snapshot, task, task_id};

const AGENTS: [&str; 3] = ["agent:a", "agent:b", "agent:c"];
const ANSWERERS: [&str; 6] = ["user:olga", "user:omar", "user:alice", "agent:a", "agent:b", "user:ghost"];
const SERVICES: [&str; 2] = ["service:web", "service:api"];

#[derive(Clone, Debug)]
enum Step {
    Ask { agent: usize, service: usize, minutes: u64, glass: bool },
    Answer { request: usize, by: usize, minutes: Option<u64>, yes: bool },
    Cancel { request: usize },
    Review { request: usize, by: usize },
    Revoke(usize),
    Close,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..AGENTS.len(), 0..SERVICES.len(), 1..31_u64, any::<bool>())
            .prop_map(|(agent, service, minutes, glass)| Step::Ask { agent, service, minutes, glass }),
        8 => (0..8_usize, 0..ANSWERERS.len(), proptest::option::of(1..31_u64), any::<bool>())
            .prop_map(|(request, by, minutes, yes)| Step::Answer { request, by, minutes, yes }),
        1 => (0..8_usize).prop_map(|request| Step::Cancel { request }),
        2 => (0..8_usize, 0..ANSWERERS.len()).prop_map(|(request, by)| Step::Review { request, by }),
        1 => (0..AGENTS.len()).prop_map(Step::Revoke),
        1 => Just(Step::Close),
        4 => (0..12_u64).prop_map(Step::Pass),
    ]
}

/// What the test itself believes to be granted: until when, by agent and service.
#[derive(Default)]
struct Believed {
    requests: Vec<RequestId>,
    /// Of Alice, who is behind every agent: by service, with the agent whose link it was asked under.
    relationships: BTreeMap<usize, Vec<(usize, u64, RequestId)>>,
    revoked: [bool; AGENTS.len()],
    closed: bool,
}

fn told(hand: &Hand) -> Authority {
    let authority = Authority::in_memory(hand.options());
    let mut changes = vec![
        Change::SchemaWritten(SCHEMA.to_owned()),
        touch("service:web#owner@user:olga"),
        touch("service:api#owner@user:olga"),
        touch("service:web#owner@user:omar"),
        touch("service:web#owner@user:alice"),
        touch("service:web#owner@agent:a"),
        touch("service:web#owner@user:ghost"),
        principal("user:olga"),
        principal("user:omar"),
        principal("user:alice"),
        Change::TaskOpened(task("plan", "user:alice")),
    ];
    for (number, agent) in AGENTS.into_iter().enumerate() {
        changes.push(owned(agent, Some("user:alice"), prokura::model::PrincipalState::Active));
        changes.push(Change::DelegationCreated(Delegation {
            cap: cap(only("deploy"), "service:*"),
            ..link(&format!("d{number}"), "user:alice", agent, None)
        }));
    }
    write(&authority, changes).unwrap();
    authority
}

/// Olga answers about both, Omar about one; nobody else ever.
fn may_answer(by: &str, service: usize) -> bool {
    by == "user:olga" || (by == "user:omar" && service == 0)
}

fn granted(authority: &Authority, believed: &mut Believed, id: &RequestId, most: u64) {
    let stored = snapshot(authority).request(id).unwrap().unwrap();
    let grant = stored.grant.as_ref().unwrap();
    assert!(grant.until.0 <= most && grant.until.0 <= NOON + HOUR, "{grant:?}");
    let service = SERVICES.iter().position(|name| stored.resources.contains(&object(name))).unwrap();
    let agent = AGENTS.iter().position(|name| object(name) == stored.requester).unwrap();
    believed.relationships.entry(service).or_default().push((agent, grant.until.0, id.clone()));
}

fn done(authority: &Authority, hand: &Hand, believed: &mut Believed, step: &Step) {
    let now = hand.read();
    let why = || Provenance::new("key:k", "because");
    let number = |request: usize, believed: &Believed| believed.requests.get(request).cloned();
    match step {
        Step::Ask { agent, service, minutes, glass } => {
            let asked = AccessRequest {
                for_ms: Some(if *glass { (*minutes).min(5) } else { *minutes } * MINUTE),
                break_glass: *glass,
                ..super::asking(AGENTS[*agent], "deploy", SERVICES[*service], Some(&format!("d{agent}")))
            };
            let Ok(request) = authority.request_access(&tenant(), why(), asked) else { return };
            assert!(!believed.revoked[*agent] && !believed.closed, "nothing is asked for under what is over");
            believed.requests.push(request.id.clone());
            assert_eq!(request.grant.is_some(), *glass, "only the glass is granted without a person");
            if *glass {
                granted(authority, believed, &request.id, now + 5 * MINUTE);
            }
        }
        Step::Answer { request, by, minutes, yes } => {
            let Some(id) = number(*request, believed) else { return };
            let before = snapshot(authority).request(&id).unwrap().unwrap();
            let for_ms = minutes.map(|minutes| minutes * MINUTE);
            let reply = if *yes { AccessReply::Approve { resources: None, for_ms } } else { AccessReply::Refuse };
            let Ok(after) = authority.answer_request(&tenant(), why(), &id, object(ANSWERERS[*by]), reply) else {
                return;
            };
            let service = SERVICES.iter().position(|name| before.resources.contains(&object(name))).unwrap();
            assert!(may_answer(ANSWERERS[*by], service), "{} answered {before:?}", ANSWERERS[*by]);
            assert!(before.answer.is_none(), "answered twice: {before:?}");
            assert_eq!(after.grant.is_some(), *yes);
            if *yes {
                granted(authority, believed, &id, now + for_ms.unwrap_or(before.for_ms).min(before.for_ms));
            }
        }
        Step::Cancel { request } => {
            let Some(id) = number(*request, believed) else { return };
            if authority.cancel_request(&tenant(), why(), &id, None).is_ok() {
                believed.relationships.values_mut().for_each(|held| held.retain(|(_, _, request)| *request != id));
            }
        }
        Step::Review { request, by } => {
            let Some(id) = number(*request, believed) else { return };
            if authority.review_request(&tenant(), why(), &id, object(ANSWERERS[*by])).is_ok() {
                assert!(ANSWERERS[*by] == "user:olga" || ANSWERERS[*by] == "user:omar");
            }
        }
        Step::Revoke(agent) => {
            write(authority, vec![Change::DelegationRevoked(delegation_id(&format!("d{agent}")))]).unwrap();
            believed.revoked[*agent] = true;
            believed.relationships.values_mut().for_each(|held| held.retain(|(of, ..)| of != agent));
        }
        Step::Close => {
            if write(authority, vec![Change::TaskClosed(task_id("plan"), TaskState::Cancelled)]).is_ok() {
                believed.closed = true;
                believed.relationships.clear();
            }
        }
        Step::Pass(minutes) => hand.set(now + minutes * MINUTE),
    }
}

fn holds(authority: &Authority, hand: &Hand, believed: &Believed) {
    let now = hand.read();
    for (service, name) in SERVICES.into_iter().enumerate() {
        let held = believed.relationships.get(&service);
        let granted = held.is_some_and(|held| held.iter().any(|(_, until, _)| now < *until));
        for (number, agent) in AGENTS.into_iter().enumerate() {
            let asked = question(agent, "deploy", name, Some(&format!("d{number}")));
            let expected = granted && !believed.revoked[number] && !believed.closed && now < NOON + HOUR;
            assert_eq!(reason(authority, &asked) == Reason::LentAuthority, expected, "{agent} on {name} at {now}");
            assert_eq!(reason(authority, &question(agent, "deploy", name, None)), Reason::NoPath);
        }
        let own = reason(authority, &question("user:alice", "deploy", name, None));
        assert_eq!(own == Reason::OwnAuthority, granted, "alice on {name} at {now}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Nobody but an allowed approver makes a grant; nothing is allowed after its end, or once its task or its delegation
    /// ended; and everything is allowed that is granted.
    #[test]
    fn only_what_a_person_granted_is_allowed_and_only_as_long(steps in prop::collection::vec(step(), 1..40)) {
        let hand = Hand::at(NOON);
        let (authority, mut believed) = (told(&hand), Believed::default());
        for step in &steps {
            done(&authority, &hand, &mut believed, step);
            holds(&authority, &hand, &believed);
        }
    }
}
