//! Approvals, to and from the wire.

use prokura::{ApprovalFilter, HeldFor};
use prokura_api as api;
use prokura_model::{
    Action, Approval, ApprovalState, Approver, FiredGuard, GivenApproval, RelationName, Timestamp, TypeName,
    schema::Clause,
};

use super::{into_model::Checked, object_pair, task_id, wire_answer, wire_chain, wire_object, wire_time};
use crate::{error::Refusal, json, limits::TOOL_SCHEMA_BYTES_MAX};

/// What the enforcement point says that the tool says.
pub(crate) fn tool_schema(wire: Option<&str>, at: &str) -> Checked<Option<String>> {
    match wire {
        Some(text) if !(1..=TOOL_SCHEMA_BYTES_MAX).contains(&text.len()) => {
            let rule = format!("a tool schema is named by 1 to {TOOL_SCHEMA_BYTES_MAX} bytes: send a digest of it");
            Err(Refusal::invalid_at(at, "tool_schema_invalid", rule))
        }
        named => Ok(named.map(ToOwned::to_owned)),
    }
}

pub(crate) fn approval_filter(query: &api::ApprovalQuery) -> Checked<ApprovalFilter> {
    let answerable_by =
        object_pair(query.answerable_by_type.as_deref(), query.answerable_by_id.as_deref(), "answerable_by")?;
    Ok(ApprovalFilter {
        state: query.state.map(approval_state),
        actor: object_pair(query.actor_type.as_deref(), query.actor_id.as_deref(), "actor")?,
        task: query.task.as_deref().map(|id| task_id(id, "task")).transpose()?,
        answerable_by,
        seen_by: None,
    })
}

/// The approval as it is at this moment.
pub(crate) fn wire_approval(approval: &Approval, now: Timestamp) -> api::Approval {
    let Action { actor, task, chain, permission, resource, arguments, tool_schema, guard, .. } = &approval.action;
    let used = approval.used.as_ref().filter(|_| approval.is_used(now));
    api::Approval {
        id: approval.id.to_string(),
        state: wire_state(approval.state_at(now)),
        actor: wire_object(actor),
        task: task.as_ref().map(ToString::to_string),
        chain: wire_chain(chain),
        permission: permission.as_str().to_owned(),
        resource: wire_object(resource),
        arguments: json::to_wire_members(arguments),
        tool_schema: tool_schema.clone(),
        guard: guard.to_string(),
        from: match &approval.from {
            Approver::Holder(permission) => holder(&resource.kind, permission),
            Approver::Origin => ORIGIN.to_owned(),
        },
        good_for_seconds: approval.good_ms / 1_000,
        once: approval.once,
        reason: approval.reason.clone(),
        asked_at: wire_time(approval.asked_at),
        answer_by: wire_time(approval.answer_by),
        answer: approval.answer.as_ref().map(wire_answer),
        good_until: approval.good_until.map(wire_time),
        used_by: used.map(|used| used.decision.to_string()),
    }
}

pub(crate) fn wire_held(held: &HeldFor) -> api::Held {
    let (from, within_ms, once) = match &held.demand {
        Clause::Approval { from: (kind, permission), within_ms, once } => {
            (holder(kind, permission), *within_ms, Some(*once))
        }
        Clause::Confirmation { within_ms } => (ORIGIN.to_owned(), *within_ms, None),
        Clause::Forbid | Clause::Require(_) | Clause::RecordBeforeAnswer => (String::new(), None, None),
    };
    let approval = held.action.id().to_string();
    api::Held { guard: held.guard.to_string(), from, within_ms, once, approval, used: held.used }
}

pub(super) fn wire_fired(fired: &FiredGuard) -> api::FiredGuard {
    let given =
        |given: &GivenApproval| api::GivenApproval { approval: given.id.to_string(), by: wire_object(&given.by) };
    api::FiredGuard {
        guard: fired.name.to_string(),
        demanded: fired.demanded.clone(),
        approvals: fired.approvals.iter().map(given).collect(),
    }
}

/// The one who confirms.
const ORIGIN: &str = "origin";

/// Whoever has the permission on a resource of the type.
fn holder(kind: &TypeName, permission: &RelationName) -> String {
    format!("{kind}#{permission}")
}

fn approval_state(wire: api::ApprovalState) -> ApprovalState {
    match wire {
        api::ApprovalState::Pending => ApprovalState::Pending,
        api::ApprovalState::Given => ApprovalState::Given,
        api::ApprovalState::Refused => ApprovalState::Refused,
        api::ApprovalState::Expired => ApprovalState::Expired,
        api::ApprovalState::Cancelled => ApprovalState::Cancelled,
        api::ApprovalState::Used => ApprovalState::Used,
    }
}

fn wire_state(state: ApprovalState) -> api::ApprovalState {
    match state {
        ApprovalState::Pending => api::ApprovalState::Pending,
        ApprovalState::Given => api::ApprovalState::Given,
        ApprovalState::Refused => api::ApprovalState::Refused,
        ApprovalState::Expired => api::ApprovalState::Expired,
        ApprovalState::Cancelled => api::ApprovalState::Cancelled,
        ApprovalState::Used => api::ApprovalState::Used,
    }
}
