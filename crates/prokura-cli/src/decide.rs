//! `prokura check` asks the graph; `prokura decide` decides, and leaves a record.

mod plan;

use std::path::PathBuf;

use clap::Args;
use prokura_api::{
    AccessHow, BudgetDraw, CheckRequest, DecideRequest, Decision, Disposition, FiredGuard, Permissionship,
};
use prokura_model::{ObjectRef, RelationName, SubjectRef};
use serde_json::Value;

use crate::{
    approval,
    arguments::Ended,
    failure::Failure,
    output::{ALLOW, CHANGE, DENY, FAINT, fields, harmless, paint},
    session::Session,
    time::{Length, shown},
    wire,
};

/// Ask the graph whether a subject has a permission: no task, no suspension, no record
///
/// Exit code 0 if it has, 1 if it has not, or if that depends on values the question does not give.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Who: `user:alice`, or a userset such as `team:core#member`
    subject: SubjectRef,
    /// A permission, or a relation
    permission: RelationName,
    /// On what
    resource: ObjectRef,
    /// Values for the parameters of caveats, a JSON object
    #[arg(long, value_name = "JSON", value_parser = context)]
    context: Option<Value>,
}

/// Decide whether an actor may do something, and record it
///
/// Exit code 0 for an allow, 1 for a deny, or for a conditional answer, which is never to be taken for an allow. With
/// --plan, 0 only if every action of the plan is allowed.
#[derive(Args, Debug)]
pub(crate) struct Decide {
    /// Who wants to act
    #[arg(required_unless_present = "plan", conflicts_with = "plan")]
    actor: Option<ObjectRef>,
    /// What it wants to do
    #[arg(required_unless_present = "plan")]
    permission: Option<RelationName>,
    /// To what
    #[arg(required_unless_present = "plan")]
    resource: Option<ObjectRef>,
    /// The delegation it acts under; without one only its own authority counts
    #[arg(long, short, value_name = "ID", conflicts_with = "plan")]
    delegation: Option<String>,
    /// Look ahead over the actions that a file lists, all on one state, and consume nothing; not to be enforced
    #[arg(long, value_name = "FILE", conflicts_with_all = ["arguments", "context", "witness"])]
    plan: Option<PathBuf>,
    /// What it would be done with: values for the parameters of caveats, which win over the context, a JSON object
    #[arg(long, value_name = "JSON", value_parser = context)]
    arguments: Option<Value>,
    /// The circumstances: more values, and whatever else should be recorded, a JSON object
    #[arg(long, value_name = "JSON", value_parser = context)]
    context: Option<Value>,
    /// What the tool says it does: mostly a digest of its schema. An approval is for exactly this
    #[arg(long, value_name = "DIGEST", conflicts_with = "plan")]
    tool_schema: Option<String>,
    /// Reserve what an allow takes for so long, instead of taking it at once: `30s`
    #[arg(long, value_name = "LENGTH")]
    reserve: Option<Length>,
    /// List the edges that justify an allow
    #[arg(long)]
    witness: bool,
    /// Your own name for this step, such as the id of a span; it is recorded
    #[arg(long, value_name = "TEXT")]
    span: Option<String>,
}

/// What a conditional answer lacks, behind the sentence that says it.
pub(crate) fn lacking(missing: &[String]) -> String {
    if missing.is_empty() { String::new() } else { format!(", depending on {}", missing.join(", ")) }
}

/// The context as the protocol has it.
pub(crate) fn members(context: Option<&Value>) -> serde_json::Map<String, Value> {
    context.and_then(Value::as_object).cloned().unwrap_or_default()
}

pub(crate) fn context(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(Value::Object(members)),
        Ok(_) => Err("a JSON object is wanted, such as '{\"ticket\": 7}'".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl Check {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let request = CheckRequest {
            resource: wire::object(&self.resource),
            permission: self.permission.to_string(),
            subject: wire::subject(&self.subject),
            context: members(self.context.as_ref()),
            consistency: None,
        };
        let answer = session.client.check(&request).await.map_err(|error| session.failure(&error))?;
        let has = answer.permissionship == Permissionship::HasPermission;
        session.out.show(&answer, |answer| {
            let (word, style, verb) = match answer.permissionship {
                Permissionship::HasPermission => ("yes", ALLOW, "has"),
                Permissionship::NoPermission => ("no", DENY, "does not have"),
                Permissionship::ConditionalPermission => ("conditional", CHANGE, "may have"),
            };
            let Self { subject, permission, resource, .. } = &self;
            let revision = paint(FAINT, format!("(revision {})", answer.revision));
            let missing = lacking(&answer.missing);
            format!("{}  {subject} {verb} {permission} on {resource}{missing} {revision}", paint(style, word))
        })?;
        Ok(if has { Ended::Done } else { Ended::Denied })
    }
}

impl Decide {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        if let Some(path) = &self.plan {
            return plan::run(session, path, self.span).await;
        }
        let (Some(actor), Some(permission), Some(resource)) = (&self.actor, &self.permission, &self.resource) else {
            return Err(Failure::new("question_incomplete", "who would do what, and to what?"));
        };
        let request = DecideRequest {
            actor: Some(wire::object(actor)),
            delegation: self.delegation.clone(),
            permission: permission.to_string(),
            resource: wire::object(resource),
            arguments: members(self.arguments.as_ref()),
            context: members(self.context.as_ref()),
            tool_schema: self.tool_schema.clone(),
            reserve_ms: self.reserve.map(|length| length.seconds.saturating_mul(1_000)),
            witness: self.witness,
            span: self.span.clone(),
        };
        let decision = session.client.decide(&request).await.map_err(|error| session.failure(&error))?;
        let asked = format!("{actor} {permission} {resource}");
        session.out.show(&decision, |decision| told(decision, &asked, &request))?;
        Ok(ended(decision.disposition))
    }
}

pub(crate) fn ended(disposition: Disposition) -> Ended {
    match disposition {
        Disposition::Allow => Ended::Done,
        Disposition::Deny | Disposition::Conditional | Disposition::Held => Ended::Denied,
    }
}

/// `allow` or `deny`, in its colour.
pub(crate) fn verdict(disposition: Disposition) -> String {
    match disposition {
        Disposition::Allow => paint(ALLOW, "allow"),
        Disposition::Deny => paint(DENY, "deny"),
        Disposition::Conditional => paint(CHANGE, "conditional"),
        Disposition::Held => paint(CHANGE, "held"),
    }
}

/// Who gave the approvals that guards demanded.
pub(crate) fn approved(guards: &[FiredGuard]) -> String {
    let given = guards.iter().flat_map(|fired| fired.approvals.iter().map(move |given| (fired, given)));
    let told =
        given.map(|(fired, given)| format!("{} ({}, {})", wire::object_text(&given.by), fired.guard, given.approval));
    told.collect::<Vec<_>>().join("\n")
}

fn told(decision: &Decision, asked: &str, question: &DecideRequest) -> String {
    let chain: Vec<_> = decision.chain.iter().map(|link| wire::object_text(&link.to)).collect();
    let chain = decision.chain.first().map(|root| format!("{} → {}", wire::object_text(&root.from), chain.join(" → ")));
    let witness: Vec<_> = decision.witness.iter().map(|edge| wire::relationship_text(&edge.relationship)).collect();
    let takes: Vec<_> = decision
        .takes
        .iter()
        .map(|BudgetDraw { task, budget, amount }| format!("{amount} of {budget} of {task}"))
        .collect();
    let touches: Vec<_> =
        decision.touches.iter().map(|(name, value)| format!("{name}: {}", harmless(&value.to_string()))).collect();
    let why = match (&decision.disposition, &decision.id) {
        (Disposition::Deny | Disposition::Conditional | Disposition::Held, Some(id)) => format!("prokura explain {id}"),
        _ => String::new(),
    };
    let held = decision.held.as_ref();
    format!("{}  {asked}\n", verdict(decision.disposition))
        + &fields(&[
            ("because", decision.message.clone()),
            ("reason", decision.reason.clone()),
            ("missing", decision.missing.join(", ")),
            ("approval", held.map(|held| held.approval.clone()).unwrap_or_default()),
            ("approved by", approved(&decision.guards)),
            ("chain", chain.unwrap_or_default()),
            ("task", decision.task.clone().unwrap_or_default()),
            ("run", decision.run.clone().filter(|run| Some(run) != decision.task.as_ref()).unwrap_or_default()),
            ("witness", witness.join("\n")),
            ("takes", takes.join("\n")),
            ("touches", touches.join("\n")),
            ("reserved until", decision.reserved_until.map(shown).unwrap_or_default()),
            ("valid until", decision.valid_until.map(shown).unwrap_or_default()),
            ("revision", decision.revision.to_string()),
            ("decision", decision.id.clone().unwrap_or_default()),
            ("more", why),
            ("to ask for it", to_ask(decision, asked, question)),
        ])
}

/// The command that asks for what was denied or is held, if there is one.
fn to_ask(decision: &Decision, asked: &str, question: &DecideRequest) -> String {
    let delegation = question.delegation.as_deref();
    if let Some(access) = &decision.access {
        let under = delegation.map(|id| format!(" -d {id}")).unwrap_or_default();
        let ticket = if access.ticket_required { " --ticket TICKET" } else { "" };
        let glass = if access.how == AccessHow::BreakGlass { " --break-glass" } else { "" };
        return format!("prokura request {asked}{under}{ticket}{glass} --reason WHY");
    }
    if decision.held.is_some() {
        let values = (&question.arguments, &question.context);
        return approval::command(asked, delegation, values, question.tool_schema.as_deref());
    }
    String::new()
}
