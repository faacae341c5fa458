use std::collections::BTreeSet;

use prokura::{
    AccessRequest, limits,
    model::{Fault, limits as model_limits},
};

use super::{asking, at_noon, coder_asks, object, requested};

#[test]
fn limit_requests_pending_per_task_max() {
    let (authority, _) = at_noon();
    for _ in 0..limits::REQUESTS_PENDING_PER_TASK_MAX {
        requested(&authority, coder_asks()).unwrap();
    }
    let error = requested(&authority, coder_asks()).unwrap_err();
    assert_eq!((error.code(), error.fault()), ("too_many_requests_pending", Fault::Limit));
    requested(&authority, asking("user:zoe", "deploy", "service:web", None)).unwrap();
}

#[test]
fn limit_requests_pending_max() {
    let (authority, hand) = at_noon();
    let by = |number: usize| {
        let requester = format!("user:u{}", number / limits::REQUESTS_PENDING_PER_TASK_MAX);
        requested(&authority, asking(&requester, "deploy", "service:web", None))
    };
    for number in 0..limits::REQUESTS_PENDING_MAX {
        by(number).unwrap();
    }
    assert_eq!(by(limits::REQUESTS_PENDING_MAX).unwrap_err().code(), "too_many_requests_pending");
    // What nobody answered makes room.
    hand.set(hand.read() + limits::REQUEST_ANSWER_MS);
    by(limits::REQUESTS_PENDING_MAX).unwrap();
}

#[test]
fn limit_request_answer_ms() {
    let (authority, hand) = at_noon();
    let request = requested(&authority, asking("user:zoe", "deploy", "service:web", None)).unwrap();
    hand.set(request.asked_at.0 + limits::REQUEST_ANSWER_MS - 1);
    super::answered(&authority, &request.id, "user:olga", super::yes()).unwrap();
    let request = requested(&authority, asking("user:yan", "deploy", "service:web", None)).unwrap();
    hand.set(request.asked_at.0 + limits::REQUEST_ANSWER_MS);
    assert!(super::answered(&authority, &request.id, "user:olga", super::yes()).is_err());
}

#[test]
fn limit_request_resources_max() {
    let (authority, _) = at_noon();
    let of = |count: usize| {
        let resources = (0..count).map(|number| object(&format!("service:s{number}"))).collect::<BTreeSet<_>>();
        requested(&authority, AccessRequest { resources, ..asking("user:zoe", "deploy", "service:web", None) })
    };
    of(model_limits::REQUEST_RESOURCES_MAX).unwrap();
    assert_eq!(of(model_limits::REQUEST_RESOURCES_MAX + 1).unwrap_err().code(), "limit_exceeded");
}

#[test]
fn limit_request_ticket_bytes_max() {
    let (authority, _) = at_noon();
    let of = |bytes: usize| {
        let ticket = Some("x".repeat(bytes));
        requested(&authority, AccessRequest { ticket, ..asking("user:zoe", "deploy", "service:web", None) })
    };
    of(model_limits::REQUEST_TICKET_BYTES_MAX).unwrap();
    assert_eq!(of(model_limits::REQUEST_TICKET_BYTES_MAX + 1).unwrap_err().code(), "limit_exceeded");
}
