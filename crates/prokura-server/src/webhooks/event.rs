//! What a transaction tells: derived from the log alone, so that it is the same whenever it is asked.

use std::fmt::Write as _;

use prokura::{AskError, Authority};
use prokura_api as api;
use prokura_model::{
    Approval, ApprovalId, ApprovalState, Change, DecisionId, Request, RequestState, Revision, TenantName, Timestamp,
    Transaction,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::convert;

/// What can have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventKind {
    RequestMade,
    RequestGranted,
    RequestGrantedLess,
    RequestRefused,
    RequestCancelled,
    RequestEnded,
    GlassBroken,
    GlassReviewed,
    ApprovalAsked,
    ApprovalGiven,
    ApprovalRefused,
    ApprovalCancelled,
    ApprovalUsed,
}

impl EventKind {
    pub(super) const ALL: [Self; 13] = [
        Self::RequestMade,
        Self::RequestGranted,
        Self::RequestGrantedLess,
        Self::RequestRefused,
        Self::RequestCancelled,
        Self::RequestEnded,
        Self::GlassBroken,
        Self::GlassReviewed,
        Self::ApprovalAsked,
        Self::ApprovalGiven,
        Self::ApprovalRefused,
        Self::ApprovalCancelled,
        Self::ApprovalUsed,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::RequestMade => "access_request.made",
            Self::RequestGranted => "access_request.granted",
            Self::RequestGrantedLess => "access_request.granted_less",
            Self::RequestRefused => "access_request.refused",
            Self::RequestCancelled => "access_request.cancelled",
            Self::RequestEnded => "access_request.ended",
            Self::GlassBroken => "break_glass.taken",
            Self::GlassReviewed => "break_glass.reviewed",
            Self::ApprovalAsked => "approval.asked",
            Self::ApprovalGiven => "approval.given",
            Self::ApprovalRefused => "approval.refused",
            Self::ApprovalCancelled => "approval.cancelled",
            Self::ApprovalUsed => "approval.used",
        }
    }

    fn of_request(request: &Request, transaction: &Transaction) -> Self {
        let now = transaction.time;
        match request.state {
            RequestState::Pending => Self::RequestMade,
            RequestState::Refused => Self::RequestRefused,
            RequestState::Cancelled | RequestState::Expired => Self::RequestCancelled,
            RequestState::Granted => {
                let reviewed = request.review.as_ref().is_some_and(|review| review.at == now);
                let ended = request.grant.as_ref().is_some_and(|grant| grant.ended_at == Some(now));
                match (reviewed, ended) {
                    // Both within a millisecond: an end takes something back, and a review changes nothing else.
                    (true, true) if transaction.changes.len() > 1 => Self::RequestEnded,
                    (true, _) => Self::GlassReviewed,
                    (false, true) => Self::RequestEnded,
                    (false, false) if request.break_glass => Self::GlassBroken,
                    (false, false) if is_less(request) => Self::RequestGrantedLess,
                    (false, false) => Self::RequestGranted,
                }
            }
        }
    }

    fn of_approval(approval: &Approval) -> Self {
        match approval.state {
            ApprovalState::Pending => Self::ApprovalAsked,
            ApprovalState::Given => Self::ApprovalGiven,
            ApprovalState::Refused => Self::ApprovalRefused,
            ApprovalState::Cancelled | ApprovalState::Expired => Self::ApprovalCancelled,
            ApprovalState::Used => Self::ApprovalUsed,
        }
    }
}

/// Whether it was granted on fewer resources, or for a shorter time, than it asked for.
fn is_less(request: &Request) -> bool {
    let (Some(grant), Some(answer)) = (&request.grant, &request.answer) else { return false };
    grant.resources != request.resources || grant.until < answer.at.plus_ms(request.for_ms)
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) struct Event<'t> {
    pub(super) kind: EventKind,
    about: About<'t>,
}

#[derive(Clone, Debug)]
enum About<'t> {
    Request(&'t Request),
    Approval(&'t Approval),
    Used(&'t ApprovalId, &'t DecisionId),
}

/// What a transaction tells, in order. An event is known by its place among all of them, whoever wants which.
pub(super) fn events(transaction: &Transaction) -> Vec<Event<'_>> {
    let mut events = Vec::new();
    for change in &transaction.changes {
        match change {
            Change::RequestSet(request) => {
                let kind = EventKind::of_request(request, transaction);
                events.push(Event { kind, about: About::Request(request) });
            }
            Change::ApprovalSet(approval) => {
                let kind = EventKind::of_approval(approval);
                events.push(Event { kind, about: About::Approval(approval) });
            }
            // What is only reserved is used when that is committed.
            Change::Consumed(taken) if taken.reserved.is_none() => {
                events.extend(taken.taken.approvals.iter().map(|id| Event::used(id, &taken.decision)));
            }
            Change::ReservationCommitted(decision, _, taken) => {
                events.extend(taken.approvals.iter().map(|id| Event::used(id, decision)));
            }
            _ => {}
        }
    }
    events
}

impl<'t> Event<'t> {
    fn used(id: &'t ApprovalId, decision: &'t DecisionId) -> Self {
        Self { kind: EventKind::ApprovalUsed, about: About::Used(id, decision) }
    }

    /// The text that is sent.
    pub(super) fn body(
        &self,
        authority: &Authority,
        (tenant, transaction): (&TenantName, &Transaction),
        id: &str,
        details: bool,
    ) -> Result<String, AskError> {
        let Transaction { revision, time, .. } = transaction;
        let data = self.data(authority, tenant, (*revision, *time))?;
        let data = if details { data } else { json!({ "id": data.get("id"), "state": data.get("state") }) };
        let event = api::WebhookEvent {
            kind: self.kind.word().to_owned(),
            id: id.to_owned(),
            tenant: Some(tenant.to_string()),
            revision: Some(revision.0),
            at: convert::wire_time(*time),
            data,
        };
        Ok(written(&event))
    }

    /// What it is about, as the JSON API tells it, at the moment of the transaction.
    fn data(
        &self,
        authority: &Authority,
        tenant: &TenantName,
        (revision, now): (Revision, Timestamp),
    ) -> Result<Value, AskError> {
        let told = match self.about {
            About::Request(request) => {
                let schema = authority.snapshot(tenant)?.schema()?;
                serde_json::to_value(convert::wire_request(request, schema.as_deref(), now))
            }
            About::Approval(approval) => serde_json::to_value(convert::wire_approval(approval, now)),
            About::Used(id, decision) => {
                let found = approval_at(authority, tenant, revision, id)?;
                let told = found.map(|approval| api::Approval {
                    state: api::ApprovalState::Used,
                    used_by: Some(decision.to_string()),
                    ..convert::wire_approval(&approval, now)
                });
                let known = || json!({ "id": id.to_string(), "state": "used", "used_by": decision.to_string() });
                told.map_or_else(|| Ok(known()), serde_json::to_value)
            }
        };
        told.map_err(|error| AskError::Read(error.to_string()))
    }
}

/// The approval as it was, while that revision is kept. Later it is the newest for the same action, which may have been asked
/// for anew; what it is for is the same.
fn approval_at(
    authority: &Authority,
    tenant: &TenantName,
    revision: Revision,
    id: &ApprovalId,
) -> Result<Option<std::sync::Arc<Approval>>, AskError> {
    match authority.snapshot_at(tenant, revision).and_then(|snapshot| snapshot.approval(id)) {
        Ok(found) => Ok(found),
        Err(_) => authority.snapshot(tenant)?.approval(id),
    }
}

/// The name of an event, the same whenever and however often it is sent. A log that was put back and went on differently has
/// other times, and so other names.
pub(super) fn event_id(tenant: &TenantName, transaction: &Transaction, index: u32) -> String {
    let mut digest = Sha256::new();
    digest.update(transaction.revision.0.to_be_bytes());
    digest.update(index.to_be_bytes());
    digest.update(transaction.time.0.to_be_bytes());
    digest.update(tenant.as_str());
    let mut id = String::from("evt_");
    for byte in digest.finalize().iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// An event that stands for none: whether somebody is there.
pub(super) fn ping(id: &str, now: Timestamp) -> String {
    let at = convert::wire_time(now);
    let (kind, id) = ("ping".to_owned(), id.to_owned());
    written(&api::WebhookEvent { kind, id, tenant: None, revision: None, at, data: json!({}) })
}

fn written(event: &api::WebhookEvent) -> String {
    // Maps with text for keys can always be written.
    serde_json::to_string(event).unwrap_or_default()
}
