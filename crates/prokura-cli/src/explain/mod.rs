//! `prokura explain`: why something would be decided as it would be, or was decided as it was.

mod draw;

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use prokura_api::{
    CheckRequest, Decision, DecisionRecord, Delegation, Disposition, ExplainRequest, Explanation, ExplanationNode,
    Permissionship, Principal, PrincipalQuery, Task, Time,
};
use prokura_model::{ObjectRef, RelationName, SubjectRef};
use serde::Serialize;
use serde_json::{Map, Value};

pub(crate) use draw::{chain_text, explanation as drawn, story as text};

use crate::{
    arguments::Ended,
    decide::{context, members},
    failure::Failure,
    limits::{PROVENANCE_TOLD_MAX, TRIED_TOLD_MAX},
    session::Session,
    wire,
};

/// Draw the chain and the edges behind an answer: of a question, or of a recorded decision
///
/// A question is previewed: nothing is recorded, and the answer must not be enforced. Exit code 0, whatever the answer.
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// Who would act (`agent:deployer`), or the id of a recorded decision
    #[arg(value_name = "ACTOR|DECISION")]
    subject: String,
    /// What it would do
    #[arg(requires = "resource")]
    permission: Option<RelationName>,
    /// To what
    resource: Option<ObjectRef>,
    /// The delegation it would act under
    #[arg(long, short, value_name = "ID", requires = "permission")]
    delegation: Option<String>,
    /// What it would be done with: values for the parameters of caveats, which win over the context, a JSON object
    #[arg(long, value_name = "JSON", requires = "permission", value_parser = context)]
    arguments: Option<Value>,
    /// The circumstances: more values, a JSON object
    #[arg(long, value_name = "JSON", requires = "permission", value_parser = context)]
    context: Option<Value>,
    /// What the tool says it does, as for `decide`
    #[arg(long, value_name = "DIGEST", requires = "permission")]
    tool_schema: Option<String>,
}

/// Everything that is told about one answer.
#[derive(Debug, Serialize)]
pub(crate) struct Story {
    #[serde(flatten)]
    pub(crate) asked: Asked,
    pub(crate) decision: Decision,
    /// When it was decided, if it was; a preview has no time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decided_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) task: Option<Task>,
    /// The links of the chain, root first, as they are now.
    pub(crate) delegations: Vec<Option<Delegation>>,
    /// The actor, if it is registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) actor_registered: Option<Principal>,
    /// Who passed on at the link it failed at, as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stopped: Option<Principal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) explanation: Option<Explanation>,
    /// For a deny, which of the relations and permissions that were looked at the subject has.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tried: BTreeMap<String, bool>,
    /// Who wrote the edges, when and why, by revision.
    pub(crate) provenance: BTreeMap<u64, Provenance>,
    /// What the same question would be answered now, if it was decided differently then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) now: Option<Decision>,
}

/// What was asked.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Asked {
    pub(crate) actor: prokura_api::ObjectRef,
    pub(crate) permission: String,
    pub(crate) resource: prokura_api::ObjectRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delegation: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) arguments: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) context: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_schema: Option<String>,
}

impl Asked {
    /// A question in text form.
    pub(crate) fn under(actor: &str, permission: &str, resource: &str, delegation: &str) -> Result<Self, Failure> {
        let object = |text: &str| {
            let object: ObjectRef = text
                .parse()
                .map_err(|error| Failure::new("actor_invalid", format!("`{text}` names no object: {error}")))?;
            Ok(wire::object(&object))
        };
        Ok(Self {
            actor: object(actor)?,
            permission: permission.to_owned(),
            resource: object(resource)?,
            delegation: Some(delegation.to_owned()),
            arguments: Map::new(),
            context: Map::new(),
            tool_schema: None,
        })
    }

    /// What it brings for the parameters of caveats: the arguments win.
    fn values(&self) -> Map<String, Value> {
        let mut values = self.context.clone();
        values.extend(self.arguments.clone());
        values
    }
}

/// Who wrote something, when and why.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Provenance {
    pub(crate) author: String,
    pub(crate) time: Time,
    pub(crate) reason: String,
}

impl Explain {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let story = match (&self.permission, &self.resource) {
            (Some(permission), Some(resource)) => {
                let actor: ObjectRef = self.subject.parse().map_err(|error| {
                    Failure::new("actor_invalid", format!("`{}` is no actor: {error}", self.subject))
                })?;
                let asked = Asked {
                    actor: wire::object(&actor),
                    permission: permission.to_string(),
                    resource: wire::object(resource),
                    delegation: self.delegation,
                    arguments: members(self.arguments.as_ref()),
                    context: members(self.context.as_ref()),
                    tool_schema: self.tool_schema,
                };
                preview(session, asked).await?
            }
            _ if self.subject.contains(':') => {
                let actor = &self.subject;
                return Err(Failure::new("question_incomplete", format!("what would `{actor}` do, and to what?"))
                    .help(format!("`prokura explain {actor} PERMISSION RESOURCE`, or the id of a decision")));
            }
            _ => recorded(session, &self.subject).await?,
        };
        session.out.show(&story, text)?;
        Ok(Ended::Done)
    }
}

/// The story of a question as it would be answered now.
pub(crate) async fn preview(session: &Session, asked: Asked) -> Result<Story, Failure> {
    let answer = ask(session, &asked).await.map_err(|error| session.failure(&error))?;
    told(session, asked, answer.decision, answer.explanation).await
}

/// The story of a recorded decision. What a record does not hold, such as caps, is told as it is now.
pub(crate) async fn recorded(session: &Session, id: &str) -> Result<Story, Failure> {
    let record = session.client.decision(id).await.map_err(|error| session.failure(&error))?;
    let kept = |place: &str| record.request.pointer(place).and_then(Value::as_object).cloned().unwrap_or_default();
    // As the JSON API keeps a request, or as AuthZEN does.
    let mut arguments = kept("/arguments");
    arguments.extend(kept("/action/properties"));
    let asked = Asked {
        actor: record.actor.clone(),
        permission: record.permission.clone(),
        resource: record.resource.clone(),
        delegation: record.delegation.clone(),
        arguments,
        context: kept("/context"),
        tool_schema: record.request.pointer("/tool_schema").and_then(Value::as_str).map(ToOwned::to_owned),
    };
    let Some(disposition) = record.disposition else {
        return Err(Failure::new(record.reason, format!("decision `{id}` failed: {}", record.message))
            .help(format!("nothing was allowed; see `prokura decision show {id}`")));
    };
    // Since then the schema may have lost what was asked for, so that there is no answer now.
    let now = ask(session, &asked).await.ok();
    let same = now.as_ref().is_some_and(|now| now.decision.reason == record.reason);
    let time = record.time;
    let mut decision = as_decision(record, disposition);
    let (now, explanation) = match now {
        Some(now) if same => {
            decision.failed_at = now.decision.failed_at;
            // The witness of an allow is in the record; the nearest miss of a deny is not.
            (None, now.explanation.filter(|_| disposition == Disposition::Deny))
        }
        Some(now) => (Some(now.decision), None),
        None => (None, None),
    };
    let mut story = told(session, asked, decision, explanation).await?;
    story.decided_at = Some(time);
    story.now = now;
    Ok(story)
}

async fn ask(session: &Session, asked: &Asked) -> Result<prokura_api::ExplainResponse, prokura_api::ClientError> {
    let request = ExplainRequest {
        actor: asked.actor.clone(),
        delegation: asked.delegation.clone(),
        permission: asked.permission.clone(),
        resource: asked.resource.clone(),
        arguments: asked.arguments.clone(),
        context: asked.context.clone(),
        tool_schema: asked.tool_schema.clone(),
    };
    session.client.explain(&request).await
}

fn as_decision(record: DecisionRecord, disposition: Disposition) -> Decision {
    Decision {
        id: Some(record.id),
        disposition,
        reason: record.reason,
        message: record.message,
        revision: record.revision,
        task: record.task,
        run: record.run,
        origin: record.origin,
        chain: record.chain,
        failed_at: None,
        witness: record.witness,
        valid_until: None,
        missing: record.missing,
        access: None,
        guards: record.guards,
        held: None,
        takes: Vec::new(),
        touches: Map::new(),
        reserved_until: None,
    }
}

/// The answer, with what else there is to know. Only the answer itself must be there; the rest is told if it is found.
async fn told(
    session: &Session,
    asked: Asked,
    decision: Decision,
    explanation: Option<Explanation>,
) -> Result<Story, Failure> {
    let client = &session.client;
    let mut delegations = Vec::new();
    for link in &decision.chain {
        delegations.push(client.delegation(&link.delegation).await.ok());
    }
    let task = match &decision.task {
        Some(task) => client.task(task).await.ok(),
        None => None,
    };
    let actor_registered = registered(session, &asked.actor).await;
    let stopped = match decision.failed_at.and_then(|at| decision.chain.get(at)) {
        Some(link) => registered(session, &link.from).await,
        None => None,
    };
    let mut provenance = BTreeMap::new();
    for revision in revisions(&decision, explanation.as_ref()) {
        if let Ok(found) = client.transaction(revision).await {
            let written = Provenance { author: found.author, time: found.time, reason: found.reason };
            provenance.insert(revision, written);
        }
    }
    let tried = tried(session, &asked, explanation.as_ref()).await;
    Ok(Story {
        asked,
        decision,
        decided_at: None,
        task,
        delegations,
        actor_registered,
        stopped,
        tried,
        explanation,
        provenance,
        now: None,
    })
}

async fn registered(session: &Session, object: &prokura_api::ObjectRef) -> Option<Principal> {
    let query =
        PrincipalQuery { kind: Some(object.kind.clone()), id: Some(object.id.clone()), ..PrincipalQuery::default() };
    session.client.principals(&query).await.ok()?.items.into_iter().next()
}

/// A near miss names what was looked at, and some of it does hold: the other half of an `&`, say. Telling which is which
/// shows where the way ends.
async fn tried(session: &Session, asked: &Asked, explanation: Option<&Explanation>) -> BTreeMap<String, bool> {
    let mut answers = BTreeMap::new();
    let Some((explanation, miss)) = explanation.and_then(|found| Some((found, found.near_miss.as_ref()?))) else {
        return answers;
    };
    for goal in miss.tried.iter().take(TRIED_TOLD_MAX) {
        let Ok(SubjectRef::Userset(object, member)) = goal.parse::<SubjectRef>() else { continue };
        let question = CheckRequest {
            resource: wire::object(&object),
            permission: member.to_string(),
            subject: api_subject(&explanation.subject),
            context: asked.values(),
            consistency: None,
        };
        if let Ok(answer) = session.client.check(&question).await {
            answers.insert(goal.clone(), answer.permissionship == Permissionship::HasPermission);
        }
    }
    answers
}

fn api_subject(object: &prokura_api::ObjectRef) -> prokura_api::SubjectRef {
    prokura_api::SubjectRef { kind: object.kind.clone(), id: Some(object.id.clone()), relation: None, wildcard: false }
}

/// The transactions that made the edges told of.
fn revisions(decision: &Decision, explanation: Option<&Explanation>) -> Vec<u64> {
    let mut revisions: BTreeSet<u64> = decision.witness.iter().map(|edge| edge.since).collect();
    let depended = explanation.into_iter().filter_map(|found| found.condition.as_ref());
    revisions.extend(depended.flat_map(|condition| &condition.relationships).map(|edge| edge.since));
    for node in explanation.into_iter().flat_map(explained) {
        edges(node, &mut revisions);
    }
    revisions.into_iter().take(PROVENANCE_TOLD_MAX).collect()
}

/// The steps at the top of an explanation.
fn explained(explanation: &Explanation) -> impl Iterator<Item = &ExplanationNode> {
    let excluded = explanation.near_miss.iter().flat_map(|miss| &miss.excluded).flat_map(|excluded| &excluded.because);
    explanation.proof.iter().chain(excluded)
}

fn edges(node: &ExplanationNode, revisions: &mut BTreeSet<u64>) {
    revisions.extend(node.edge.as_ref().map(|edge| edge.since));
    for child in &node.children {
        edges(child, revisions);
    }
}
