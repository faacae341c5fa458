//! `prokura decide --plan FILE`

use std::path::Path;

use prokura_api::{Disposition, PlanRequest, PlanResponse, PlannedAction, PlannedAnswer};
use prokura_model::{ObjectRef, RelationName};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{lacking, verdict};
use crate::{
    apply::{Text, yaml},
    arguments::Ended,
    failure::Failure,
    output::{DENY, FAINT, paint},
    session::Session,
    source::Source,
    wire,
};

/// A file of what is meant to be done: YAML, or JSON, which is YAML.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    actor: Option<Text<ObjectRef>>,
    delegation: Option<String>,
    #[serde(default)]
    context: Map<String, Value>,
    #[serde(default)]
    actions: Vec<ActionEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionEntry {
    actor: Option<Text<ObjectRef>>,
    delegation: Option<String>,
    permission: Text<RelationName>,
    resource: Text<ObjectRef>,
    #[serde(default)]
    arguments: Map<String, Value>,
    #[serde(default)]
    context: Map<String, Value>,
    tool_schema: Option<String>,
}

pub(super) async fn run(session: &Session, path: &Path, span: Option<String>) -> Result<Ended, Failure> {
    let file: PlanFile = yaml(&Source::read(path)?)?;
    let request = PlanRequest {
        actor: file.actor.map(|Text(actor)| wire::object(&actor)),
        delegation: file.delegation,
        context: file.context,
        actions: file.actions.into_iter().map(action).collect(),
        span,
    };
    let found = session.client.decide_plan(&request).await.map_err(|error| session.failure(&error))?;
    session.out.show(&found, |found| text(found, &request))?;
    match found.disposition {
        Some(disposition) => Ok(super::ended(disposition)),
        None => Err(Failure::new("plan_undecided", "an action of the plan could not be decided; nothing is allowed")),
    }
}

fn action(entry: ActionEntry) -> PlannedAction {
    PlannedAction {
        actor: entry.actor.map(|Text(actor)| wire::object(&actor)),
        delegation: entry.delegation,
        permission: entry.permission.0.to_string(),
        resource: wire::object(&entry.resource.0),
        arguments: entry.arguments,
        context: entry.context,
        tool_schema: entry.tool_schema,
    }
}

fn text(found: &PlanResponse, request: &PlanRequest) -> String {
    let whole = found.disposition.map_or_else(|| paint(DENY, "undecided"), verdict);
    let (all, not) = (found.actions.len(), found.not_allowed.len());
    let mut text = format!("{whole}  the plan: {} of {all} allowed\n", all - not);
    for (action, answer) in request.actions.iter().zip(&found.actions) {
        let actor = action.actor.as_ref().or(request.actor.as_ref()).map(wire::object_text).unwrap_or_default();
        let (word, why) = said(answer);
        let resource = wire::object_text(&action.resource);
        text.push_str(&format!("  {word}  {actor} {} {resource}{why}\n", action.permission));
    }
    text.push_str(&paint(FAINT, "a look ahead: each action is decided again when it is done\n"));
    text
}

fn said(answer: &PlannedAnswer) -> (String, String) {
    match (&answer.decision, &answer.error) {
        (Some(decision), _) => {
            let why = match decision.disposition {
                Disposition::Allow => String::new(),
                _ => format!(": {}{}", decision.message, lacking(&decision.missing)),
            };
            (verdict(decision.disposition), why)
        }
        (None, Some(error)) => (paint(DENY, "failed"), format!(": {}", error.message)),
        (None, None) => (paint(DENY, "failed"), String::new()),
    }
}
