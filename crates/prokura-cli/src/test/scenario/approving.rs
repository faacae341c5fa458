//! What is approved in a step.

use prokura::{Authority, Context, Provenance, Question, WriteError};
use prokura_model::{ObjectRef, TenantName};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{delegation_id, parsed};
use crate::terms;

/// Somebody asks for the first thing that a question is held for, and this one gives it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproveEntry {
    by: String,
    actor: String,
    permission: String,
    resource: String,
    #[serde(default)]
    delegation: Option<String>,
    #[serde(default)]
    arguments: Map<String, Value>,
    #[serde(default)]
    tool_schema: Option<String>,
}

/// The same, as it is done.
#[derive(Clone, Debug)]
pub(super) struct Approving {
    question: Question,
    by: ObjectRef,
}

impl ApproveEntry {
    pub(super) fn read(&self) -> Result<Approving, String> {
        let question = Question {
            actor: parsed(&self.actor)?,
            delegation: self.delegation.as_deref().map(delegation_id).transpose()?,
            permission: parsed(&self.permission)?,
            resource: parsed(&self.resource)?,
            arguments: terms::context(&self.arguments),
            context: Context::new(),
            credential: None,
            tool_schema: self.tool_schema.clone(),
        };
        Ok(Approving { question, by: parsed(&self.by)? })
    }
}

impl Approving {
    pub(super) fn give(&self, authority: &Authority, tenant: &TenantName) -> Result<(), WriteError> {
        let provenance = || Provenance::new("prokura test", "a step of the scenario");
        let asked = authority.ask_for_approval(tenant, provenance(), self.question.clone())?;
        authority.answer_approval(tenant, provenance(), &asked.id, self.by.clone(), true)?;
        Ok(())
    }
}
