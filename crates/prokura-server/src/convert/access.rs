//! Requests for access, to and from the wire.

use std::collections::BTreeSet;

use prokura::{AccessHint, AccessReply, AccessRequest, RequestFilter};
use prokura_api as api;
use prokura_model::{
    Grant, ObjectRef, Request, RequestAnswer, RequestState, Schema, Timestamp, limits::REQUEST_RESOURCES_MAX,
};

use super::{
    delegation_id,
    into_model::{Checked, too_many},
    object, object_pair, relation, task_id, wire_object, wire_relationship, wire_time,
};

pub(crate) fn access_request(wire: &api::NewAccessRequest, requester: ObjectRef) -> Checked<AccessRequest> {
    Ok(AccessRequest {
        requester,
        task: wire.task.as_deref().map(|id| task_id(id, "task")).transpose()?,
        delegation: wire.delegation.as_deref().map(|id| delegation_id(id, "delegation")).transpose()?,
        permission: relation(&wire.permission, "permission")?,
        resources: resources(&wire.resources)?,
        reason: wire.reason.clone(),
        ticket: wire.ticket.clone(),
        for_ms: wire.for_seconds.map(milliseconds),
        break_glass: wire.break_glass,
    })
}

pub(crate) fn approval(wire: &api::RequestApproval) -> Checked<AccessReply> {
    let resources = wire.resources.as_deref().map(resources).transpose()?;
    Ok(AccessReply::Approve { resources, for_ms: wire.for_seconds.map(milliseconds) })
}

pub(crate) fn request_filter(query: &api::RequestQuery) -> Checked<RequestFilter> {
    let answerable_by =
        object_pair(query.answerable_by_type.as_deref(), query.answerable_by_id.as_deref(), "answerable_by")?;
    Ok(RequestFilter {
        state: query.state.map(request_state),
        requester: object_pair(query.requester_type.as_deref(), query.requester_id.as_deref(), "requester")?,
        task: query.task.as_deref().map(|id| task_id(id, "task")).transpose()?,
        answerable_by,
        seen_by: None,
    })
}

/// The request as it is at this moment, and who may answer it by this schema.
pub(crate) fn wire_request(request: &Request, schema: Option<&Schema>, now: Timestamp) -> api::AccessRequest {
    let state = request.state_at(now);
    let waits = state == RequestState::Pending || request.awaits_review();
    let item = schema.and_then(|schema| schema.access().iter().find(|item| item.name == request.item));
    let asks = request.resources.first().filter(|_| waits).and_then(|resource| item?.asks(&resource.kind));
    api::AccessRequest {
        id: request.id.to_string(),
        state: wire_state(state),
        requester: wire_object(&request.requester),
        task: request.task.as_ref().map(ToString::to_string),
        delegation: request.delegation.as_ref().map(ToString::to_string),
        permission: request.permission.as_str().to_owned(),
        resources: request.resources.iter().map(wire_object).collect(),
        reason: request.reason.clone(),
        ticket: request.ticket.clone(),
        for_seconds: request.for_ms / 1_000,
        item: request.item.clone(),
        break_glass: request.break_glass,
        asked_at: wire_time(request.asked_at),
        answer_by: wire_time(request.answer_by),
        asks: asks.map(|permission| permission.as_str().to_owned()),
        answer: request.answer.as_ref().map(wire_answer),
        grant: request.grant.as_ref().map(wire_grant),
        review: request.review.as_ref().map(wire_answer),
        awaits_review: request.awaits_review(),
    }
}

pub(crate) fn wire_hint(hint: &AccessHint) -> api::AccessHint {
    api::AccessHint {
        item: hint.item.clone(),
        how: match (&hint.item, hint.asks) {
            (None, _) => api::AccessHow::BreakGlass,
            (Some(_), true) => api::AccessHow::Ask,
            (Some(_), false) => api::AccessHow::Grant,
        },
        for_at_most_seconds: hint.at_most_ms / 1_000,
        ticket_required: hint.ticket_required,
        break_glass: hint.break_glass.clone(),
    }
}

fn resources(wire: &[api::ObjectRef]) -> Checked<BTreeSet<ObjectRef>> {
    if wire.len() > REQUEST_RESOURCES_MAX {
        return Err(too_many("resources".to_owned(), REQUEST_RESOURCES_MAX));
    }
    wire.iter().enumerate().map(|(position, wire)| object(wire, format_args!("resources[{position}]"))).collect()
}

/// More than can be told is more than can be granted.
fn milliseconds(seconds: u64) -> u64 {
    seconds.saturating_mul(1_000)
}

fn request_state(wire: api::RequestState) -> RequestState {
    match wire {
        api::RequestState::Pending => RequestState::Pending,
        api::RequestState::Granted => RequestState::Granted,
        api::RequestState::Refused => RequestState::Refused,
        api::RequestState::Expired => RequestState::Expired,
        api::RequestState::Cancelled => RequestState::Cancelled,
    }
}

fn wire_state(state: RequestState) -> api::RequestState {
    match state {
        RequestState::Pending => api::RequestState::Pending,
        RequestState::Granted => api::RequestState::Granted,
        RequestState::Refused => api::RequestState::Refused,
        RequestState::Expired => api::RequestState::Expired,
        RequestState::Cancelled => api::RequestState::Cancelled,
    }
}

pub(super) fn wire_answer(answer: &RequestAnswer) -> api::RequestAnswer {
    api::RequestAnswer {
        by: answer.by.as_ref().map(wire_object),
        at: wire_time(answer.at),
        words: answer.words.clone(),
    }
}

fn wire_grant(grant: &Grant) -> api::Grant {
    api::Grant {
        resources: grant.resources.iter().map(wire_object).collect(),
        until: wire_time(grant.until),
        relationships: grant.relationships.iter().map(wire_relationship).collect(),
        delegation: grant.delegation.as_ref().map(ToString::to_string),
        ended_at: grant.ended_at.map(wire_time),
    }
}
