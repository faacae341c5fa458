//! `prokura check` asks the graph; `prokura decide` decides, and leaves a record.

use clap::Args;
use prokura_api::{CheckRequest, DecideRequest, Decision, Disposition, Permissionship};
use prokura_model::{ObjectRef, RelationName, SubjectRef};
use serde_json::Value;

use crate::{
    arguments::Ended,
    failure::Failure,
    output::{ALLOW, DENY, FAINT, fields, paint},
    session::Session,
    time::shown,
    wire,
};

/// Ask the graph whether a subject has a permission: no task, no suspension, no record
///
/// Exit code 0 if it has, 1 if it has not.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Who: `user:alice`, or a userset such as `team:core#member`
    subject: SubjectRef,
    /// A permission, or a relation
    permission: RelationName,
    /// On what
    resource: ObjectRef,
}

/// Decide whether an actor may do something, and record it
///
/// Exit code 0 for an allow, 1 for a deny.
#[derive(Args, Debug)]
pub(crate) struct Decide {
    #[command(flatten)]
    pub(crate) question: Question,
    /// Whatever else should be recorded, a JSON object
    #[arg(long, value_name = "JSON", value_parser = context)]
    context: Option<Value>,
    /// List the edges that justify an allow
    #[arg(long)]
    witness: bool,
}

/// Who wants to do what to what, and under which delegation.
#[derive(Args, Clone, Debug)]
pub(crate) struct Question {
    /// Who wants to act
    pub(crate) actor: ObjectRef,
    /// What it wants to do
    pub(crate) permission: RelationName,
    /// To what
    pub(crate) resource: ObjectRef,
    /// The delegation it acts under; without one only its own authority counts
    #[arg(long, short, value_name = "ID")]
    pub(crate) delegation: Option<String>,
}

fn context(text: &str) -> Result<Value, String> {
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
        };
        let answer = session.client.check(&request).await.map_err(|error| session.failure(&error))?;
        let has = answer.permissionship == Permissionship::HasPermission;
        session.out.show(&answer, |answer| {
            let (word, style, verb) = if has { ("yes", ALLOW, "has") } else { ("no", DENY, "does not have") };
            let Self { subject, permission, resource } = &self;
            let revision = paint(FAINT, format!("(revision {})", answer.revision));
            format!("{}  {subject} {verb} {permission} on {resource} {revision}", paint(style, word))
        })?;
        Ok(if has { Ended::Done } else { Ended::Denied })
    }
}

impl Decide {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let request = DecideRequest {
            actor: Some(wire::object(&self.question.actor)),
            delegation: self.question.delegation.clone(),
            permission: self.question.permission.to_string(),
            resource: wire::object(&self.question.resource),
            context: self.context.and_then(|context| context.as_object().cloned()).unwrap_or_default(),
            witness: self.witness,
        };
        let decision = session.client.decide(&request).await.map_err(|error| session.failure(&error))?;
        session.out.show(&decision, |decision| told(decision, &self.question))?;
        Ok(ended(decision.disposition))
    }
}

pub(crate) fn ended(disposition: Disposition) -> Ended {
    match disposition {
        Disposition::Allow => Ended::Done,
        Disposition::Deny => Ended::Denied,
    }
}

/// `allow` or `deny`, in its colour.
pub(crate) fn verdict(disposition: Disposition) -> String {
    match disposition {
        Disposition::Allow => paint(ALLOW, "allow"),
        Disposition::Deny => paint(DENY, "deny"),
    }
}

fn told(decision: &Decision, question: &Question) -> String {
    let Question { actor, permission, resource, .. } = question;
    let chain: Vec<_> = decision.chain.iter().map(|link| wire::object_text(&link.to)).collect();
    let chain = decision.chain.first().map(|root| format!("{} → {}", wire::object_text(&root.from), chain.join(" → ")));
    let witness: Vec<_> = decision.witness.iter().map(|edge| wire::relationship_text(&edge.relationship)).collect();
    let why = match (&decision.disposition, &decision.id) {
        (Disposition::Deny, Some(id)) => format!("prokura explain {id}"),
        _ => String::new(),
    };
    format!("{}  {actor} {permission} {resource}\n", verdict(decision.disposition))
        + &fields(&[
            ("because", decision.message.clone()),
            ("reason", decision.reason.clone()),
            ("chain", chain.unwrap_or_default()),
            ("task", decision.task.clone().unwrap_or_default()),
            ("witness", witness.join("\n")),
            ("valid until", decision.valid_until.map(shown).unwrap_or_default()),
            ("revision", decision.revision.to_string()),
            ("decision", decision.id.clone().unwrap_or_default()),
            ("more", why),
        ])
}
