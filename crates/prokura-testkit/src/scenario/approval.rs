//! Approvals: given by somebody, or as they stand.

use std::collections::BTreeMap;

use prokura_model::{
    Action, Approval, ApprovalState, Approver, ChainLink, Change, GuardName, RequestAnswer, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{
    ValueEntry,
    context::{context_of, entries_of},
    is_default,
    read::{delegation_id, moment, parsed, task_id},
    write::moment_text,
};
use crate::{Context, Question, World};

/// Somebody asks for the first thing that a question is held for, and this one gives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproveEntry {
    by: String,
    actor: String,
    permission: String,
    resource: String,
    #[serde(default, skip_serializing_if = "is_default")]
    delegation: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    arguments: BTreeMap<String, ValueEntry>,
    #[serde(default, skip_serializing_if = "is_default")]
    tool_schema: Option<String>,
}

/// An approval, however it came to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApprovalEntry {
    actor: String,
    permission: String,
    resource: String,
    #[serde(default, skip_serializing_if = "is_default")]
    task: Option<String>,
    /// Each link as `ID FROM TO`, root first.
    #[serde(default, skip_serializing_if = "is_default")]
    chain: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    arguments: BTreeMap<String, ValueEntry>,
    #[serde(default, skip_serializing_if = "is_default")]
    tool_schema: Option<String>,
    guard: String,
    guard_text: String,
    #[serde(default, skip_serializing_if = "is_default")]
    clause: u32,
    /// Which permission whoever approves has; the origin confirms, if there is none.
    #[serde(default, skip_serializing_if = "is_default")]
    from: Option<String>,
    once: bool,
    state: String,
    #[serde(default, skip_serializing_if = "is_default")]
    by: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    good_until: Option<String>,
}

impl ApproveEntry {
    pub(super) fn given(&self, world: &World, now: Timestamp) -> Result<Change, String> {
        let question = Question {
            actor: parsed(&self.actor)?,
            delegation: self.delegation.as_deref().map(delegation_id).transpose()?,
            permission: parsed(&self.permission)?,
            resource: parsed(&self.resource)?,
            arguments: context_of(&self.arguments),
            context: Context::new(),
            credential: None,
            tool_schema: self.tool_schema.clone(),
        };
        let by = parsed(&self.by)?;
        let approval = world.approved(&question, &by, now);
        let approval =
            approval.ok_or_else(|| format!("{} does nothing that an approval is missing for", self.actor))?;
        Ok(Change::ApprovalSet(Box::new(approval)))
    }
}

impl ApprovalEntry {
    pub(super) fn set(&self) -> Result<Change, String> {
        let link = |text: &String| {
            let words: Vec<&str> = text.split(' ').collect();
            let [id, from, to] = words.as_slice() else { return Err(format!("`{text}` is not `ID FROM TO`")) };
            Ok(ChainLink { delegation: delegation_id(id)?, from: parsed(from)?, to: parsed(to)? })
        };
        let action = Action {
            actor: parsed(&self.actor)?,
            task: self.task.as_deref().map(task_id).transpose()?,
            chain: self.chain.iter().map(link).collect::<Result<_, _>>()?,
            permission: parsed(&self.permission)?,
            resource: parsed(&self.resource)?,
            arguments: context_of(&self.arguments),
            tool_schema: self.tool_schema.clone(),
            guard: GuardName::new(&self.guard).map_err(|error| error.to_string())?,
            guard_text: self.guard_text.clone(),
            clause: self.clause,
        };
        let by = self.by.as_deref().map(parsed).transpose()?;
        Ok(Change::ApprovalSet(Box::new(Approval {
            id: action.id(),
            action,
            from: match &self.from {
                Some(permission) => Approver::Holder(parsed(permission)?),
                None => Approver::Origin,
            },
            good_ms: 1,
            once: self.once,
            reason: String::new(),
            asked_at: Timestamp(0),
            answer_by: Timestamp(u64::MAX),
            state: ApprovalState::from_word(&self.state).ok_or_else(|| format!("`{}` is no state", self.state))?,
            answer: by.map(|by| RequestAnswer { by: Some(by), at: Timestamp(0), words: String::new() }),
            good_until: self.good_until.as_deref().map(moment).transpose()?,
            used: None,
        })))
    }

    pub(super) fn of(approval: &Approval) -> Self {
        let action = &approval.action;
        let link = |link: &ChainLink| format!("{} {} {}", link.delegation, link.from, link.to);
        Self {
            actor: action.actor.to_string(),
            permission: action.permission.to_string(),
            resource: action.resource.to_string(),
            task: action.task.as_ref().map(ToString::to_string),
            chain: action.chain.iter().map(link).collect(),
            arguments: entries_of(&action.arguments),
            tool_schema: action.tool_schema.clone(),
            guard: action.guard.to_string(),
            guard_text: action.guard_text.clone(),
            clause: action.clause,
            from: match &approval.from {
                Approver::Holder(permission) => Some(permission.to_string()),
                Approver::Origin => None,
            },
            once: approval.once,
            state: approval.state.to_string(),
            by: approval.answer.as_ref().and_then(|answer| answer.by.as_ref()).map(ToString::to_string),
            good_until: approval.good_until.map(moment_text),
        }
    }
}
