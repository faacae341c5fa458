//! When access items apply, and tickets that are verified and not believed.

use super::*;
use prokura::model::Value;

const CONDITIONED: &str = "use access
use expiration
use guards
definition user {}
definition agent { attribute risk string; }
definition change {
    attribute state string
    attribute service string
}
definition service {
    attribute environment string
    relation owner: user
    relation deployer: user
    relation temporary: user with expiration
    permission approve = owner
    permission deploy = deployer + temporary
}
access risky on service#deploy {
    when has(actor.risk) && actor.risk == \"high\"
    refuse
}
access staging on service#deploy {
    when resource.environment == \"staging\"
    grant
    for at most 10m
    relation temporary
}
access production on service#deploy {
    when ticket.state == \"approved\" &&
        ticket.service == resource.id
    ask service#approve
    for at most 30m
    relation temporary
    ticket change required
}
access emergency on service#deploy {
    ask service#approve; for at most 5m; relation temporary; break glass
    ticket change required
}
";

fn says(object_text: &str, attributes: &[(&str, &str)]) -> Change {
    let value = |value: &&str| Value::String((*value).to_owned());
    let attributes = attributes.iter().map(|(name, says)| ((*name).to_owned(), value(says)));
    Change::AttributesSet(object(object_text), attributes.collect())
}

/// Alice's agent may deploy nothing; there is a staging service, a production one, and one of which nobody knows.
fn conditioned() -> (Authority, Hand) {
    let hand = Hand::at(NOON);
    let authority = Authority::in_memory(hand.options());
    let mut changes = vec![
        Change::SchemaWritten(CONDITIONED.to_owned()),
        principal("user:olga"),
        principal("user:alice"),
        owned("agent:coder", Some("user:alice"), PrincipalState::Active),
        Change::TaskOpened(task("plan", "user:alice")),
        Change::DelegationCreated(Delegation {
            cap: cap(CapPermissions::Any, "service:*"),
            ..link("wide", "user:alice", "agent:coder", None)
        }),
        says("service:trial", &[("environment", "staging")]),
        says("service:shop", &[("environment", "production")]),
        says("change:CHG-1", &[("state", "approved"), ("service", "shop")]),
        says("change:CHG-2", &[("state", "draft"), ("service", "shop")]),
        says("change:CHG-3", &[("state", "approved"), ("service", "other")]),
        says("change:CHG-4", &[("service", "shop")]),
    ];
    changes.extend(["trial", "shop", "bare"].map(|name| touch(&format!("service:{name}#owner@user:olga"))));
    write(&authority, changes).unwrap();
    (authority, hand)
}

fn deploys(services: &[&str], ticket: Option<&str>) -> AccessRequest {
    AccessRequest {
        resources: services.iter().map(|name| object(&format!("service:{name}"))).collect(),
        ticket: ticket.map(str::to_owned),
        ..asking("agent:coder", "deploy", "service:shop", Some("wide"))
    }
}

fn code(authority: &Authority, asked: AccessRequest) -> &'static str {
    requested(authority, asked).unwrap_err().code()
}

#[test]
fn the_first_item_whose_condition_holds_decides() {
    let (authority, _hand) = conditioned();
    let staged = requested(&authority, deploys(&["trial"], None)).unwrap();
    assert_eq!((staged.state, staged.item.as_str()), (RequestState::Granted, "staging"));
    let asked = requested(&authority, deploys(&["shop"], Some("CHG-1"))).unwrap();
    assert_eq!((asked.state, asked.item.as_str()), (RequestState::Pending, "production"));
    write(&authority, vec![says("agent:coder", &[("risk", "high")])]).unwrap();
    let refused = requested(&authority, deploys(&["shop"], Some("CHG-1"))).unwrap();
    assert_eq!((refused.state, refused.item.as_str()), (RequestState::Refused, "risky"));
}

#[test]
fn a_ticket_is_verified_and_not_believed() {
    let (authority, _hand) = conditioned();
    assert_eq!(code(&authority, deploys(&["shop"], None)), "ticket_missing");
    assert_eq!(code(&authority, deploys(&["shop"], Some("CHG-9"))), "ticket_unknown");
    assert_eq!(code(&authority, deploys(&["shop"], Some("CHG-2"))), "not_requestable", "it is a draft");
    assert_eq!(code(&authority, deploys(&["shop"], Some("CHG-3"))), "not_requestable", "it is for something else");
    assert_eq!(code(&authority, deploys(&["shop"], Some("CHG-4"))), "access_unclear", "nobody says how it stands");
    assert_eq!(code(&authority, deploys(&["shop"], Some("no id\n"))), "ticket_invalid");
    let broken = |ticket: Option<&str>| AccessRequest { break_glass: true, ..deploys(&["shop"], ticket) };
    assert_eq!(code(&authority, broken(None)), "ticket_missing");
    assert_eq!(code(&authority, broken(Some("CHG-9"))), "ticket_unknown");
    assert_eq!(requested(&authority, broken(Some("CHG-2"))).unwrap().state, RequestState::Granted);
}

#[test]
fn what_cannot_be_said_is_granted_by_no_other_item() {
    let (authority, _hand) = conditioned();
    let error = requested(&authority, deploys(&["bare"], Some("CHG-1"))).unwrap_err();
    assert_eq!(error.code(), "access_unclear");
    assert!(error.to_string().contains("`staging`") && error.to_string().contains("service:bare"), "{error}");
}

#[test]
fn what_different_items_are_for_is_asked_for_apart() {
    let (authority, _hand) = conditioned();
    assert_eq!(code(&authority, deploys(&["shop", "trial"], Some("CHG-1"))), "request_resources_invalid");
    let other = says("change:CHG-1", &[("state", "approved"), ("service", "trial")]);
    write(&authority, vec![other]).unwrap();
    let error = requested(&authority, deploys(&["trial", "shop"], Some("CHG-1"))).unwrap_err();
    assert_eq!(
        error.code(),
        "not_requestable",
        "only one of the two is for staging, and the ticket is not for the other"
    );
    assert!(error.to_string().contains("`service:shop`"), "{error}");
}

#[test]
fn a_ticket_that_is_withdrawn_is_withdrawn_for_whoever_approves() {
    let (authority, _hand) = conditioned();
    let asked = requested(&authority, deploys(&["shop"], Some("CHG-1"))).unwrap();
    let withdraw = says("change:CHG-1", &[("state", "withdrawn"), ("service", "shop")]);
    write(&authority, vec![withdraw]).unwrap();
    let yes = || AccessReply::Approve { resources: None, for_ms: None };
    let error = answered(&authority, &asked.id, "user:olga", yes()).unwrap_err();
    assert_eq!(error.code(), "access_item_lapsed");
    assert!(error.to_string().contains("refuse it, or take it back"), "{error}");
    assert_eq!(
        reason(&authority, &question("agent:coder", "deploy", "service:shop", Some("wide"))).word(),
        "origin_lacks_permission"
    );
    let back = says("change:CHG-1", &[("state", "approved"), ("service", "shop")]);
    write(&authority, vec![back]).unwrap();
    answered(&authority, &asked.id, "user:olga", yes()).unwrap();
    assert_eq!(
        reason(&authority, &question("agent:coder", "deploy", "service:shop", Some("wide"))),
        Reason::LentAuthority
    );

    write(&authority, vec![says("change:CHG-1", &[])]).unwrap();
    let second = requested(&authority, deploys(&["shop"], Some("CHG-1"))).unwrap_err();
    assert_eq!(second.code(), "ticket_unknown", "what is granted stays; what is new needs a ticket that is there");
}

#[test]
fn a_deny_says_what_applies_as_far_as_it_can_be_said() {
    let (authority, _hand) = conditioned();
    let hint = |service: &str| {
        let question = question("agent:coder", "deploy", service, Some("wide"));
        let decision = ask(&authority, &question).unwrap().decision;
        authority.access_hint(&tenant(), &question, &decision)
    };
    let staging = hint("service:trial").unwrap();
    assert_eq!((staging.item.as_deref(), staging.asks, staging.ticket_required), (Some("staging"), false, false));
    let production = hint("service:shop").unwrap();
    assert_eq!((production.item.as_deref(), production.asks), (Some("production"), true));
    assert!(production.ticket_required);
    let unclear = hint("service:bare").unwrap();
    assert_eq!((unclear.item, unclear.break_glass.as_deref()), (None, Some("emergency")));
}
