//! What is asked, and the answer that is found.

use std::{fmt::Display, str::FromStr};

use prokura::{Asked, Context, Permissionship, Question, ResourceLookup, Snapshot, SubjectLookup};
use prokura_model::{Disposition, ObjectRef, RelationName, Relationship, SubjectRef, Timestamp, TypeName};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    super::validation::{explanation, left_to, spoken},
    Played, delegation_id, parsed,
};
use crate::{explain, terms};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AskEntry {
    #[serde(rename = "about")]
    _about: String,
    check: Option<String>,
    resources: Option<String>,
    subjects: Option<String>,
    permissions: Option<String>,
    decide: Option<DecideEntry>,
    alive: bool,
    context: Map<String, Value>,
    arguments: Map<String, Value>,
    now: Option<String>,
    pub(super) expect: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecideEntry {
    actor: String,
    permission: String,
    resource: String,
    #[serde(default)]
    delegation: Option<String>,
    #[serde(default)]
    tool_schema: Option<String>,
    /// As it was written before every question had a moment.
    #[serde(default)]
    now: Option<String>,
}

/// What was found: the answer, and why, drawn.
pub(super) struct Found {
    pub(super) answer: String,
    pub(super) explanation: String,
    /// For an allow that took something, the question.
    pub(super) took: Option<Box<Question>>,
}

impl Found {
    fn plain(answer: String) -> Self {
        Self { answer, explanation: String::new(), took: None }
    }
}

impl AskEntry {
    /// The text that says what is asked, as it stands in the file.
    pub(super) fn place(&self) -> &str {
        let texts = [&self.check, &self.resources, &self.subjects, &self.permissions];
        let text = texts.into_iter().flatten().next().map(String::as_str);
        text.or_else(|| self.decide.as_ref().map(|decide| decide.actor.as_str())).unwrap_or_default()
    }

    pub(super) fn text(&self) -> String {
        let given = |text: &Option<String>, what: &str| text.as_ref().map(|text| format!("{what} {text}"));
        let brought = |what: &str, values: &Map<String, Value>| {
            if values.is_empty() { String::new() } else { format!(" with {what}{}", Value::Object(values.clone())) }
        };
        let context = brought("arguments ", &self.arguments) + &brought("", &self.context);
        let asked = given(&self.check, "check")
            .or_else(|| given(&self.resources, "resources"))
            .or_else(|| given(&self.subjects, "subjects"))
            .or_else(|| given(&self.permissions, "permissions"))
            .or_else(|| {
                let DecideEntry { actor, permission, resource, delegation, .. } = self.decide.as_ref()?;
                let by = delegation.as_ref().map(|id| format!(" by {id}")).unwrap_or_default();
                Some(format!("decide {actor} {permission} {resource}{by}"))
            });
        asked.unwrap_or_default() + &context
    }

    pub(super) fn is_list(&self) -> bool {
        self.check.is_none() && self.decide.is_none()
    }

    pub(super) fn moment(&self, now: Timestamp) -> Result<Timestamp, String> {
        let own = self.now.as_ref().or_else(|| self.decide.as_ref().and_then(|decide| decide.now.as_ref()));
        own.map_or(Ok(now), |text| terms::moment(text))
    }

    /// None: it cannot be asked here.
    pub(super) fn answered(&self, playing: &Played) -> Result<Option<Found>, String> {
        let context = terms::context(&self.context);
        match (&self.check, &self.resources, &self.subjects, &self.permissions, &self.decide) {
            (Some(text), None, None, None, None) => checked(playing, text, &context).map(Some),
            (None, None, None, None, Some(decide)) => {
                decide.answered(playing, terms::context(&self.arguments), context).map(Some)
            }
            (None, resources, subjects, permissions, None) => {
                if !self.alive && playing.anybody_stopped() {
                    return Ok(None);
                }
                let snapshot = playing.snapshot()?;
                let answer = match (resources, subjects, permissions) {
                    (Some(text), None, None) => listed_resources(&snapshot, text, context)?,
                    (None, Some(text), None) => listed_subjects(&snapshot, text, context)?,
                    (None, None, Some(text)) => listed_permissions(&snapshot, text, &context)?,
                    _ => return Err(ONE_OF.to_owned()),
                };
                Ok(Some(Found::plain(answer)))
            }
            _ => Err(ONE_OF.to_owned()),
        }
    }
}

const ONE_OF: &str = "an ask is one of `check`, `resources`, `subjects`, `permissions`, `decide`";

fn checked(playing: &Played, text: &str, context: &Context) -> Result<Found, String> {
    let Relationship { resource, relation, subject } = parsed(text)?;
    let snapshot = playing.snapshot()?;
    match snapshot.check(&resource, &relation, &subject, context) {
        Ok(found) => Ok(Found {
            answer: spoken(&found),
            explanation: explanation(&snapshot, &resource, &relation, &subject, context),
            took: None,
        }),
        Err(error) => Ok(Found::plain(format!("error {}", error.code()))),
    }
}

impl DecideEntry {
    fn answered(&self, playing: &Played, arguments: Context, context: Context) -> Result<Found, String> {
        let question = Question {
            actor: parsed(&self.actor)?,
            delegation: self.delegation.as_deref().map(delegation_id).transpose()?,
            permission: parsed(&self.permission)?,
            resource: parsed(&self.resource)?,
            arguments,
            context,
            credential: None,
            tool_schema: self.tool_schema.clone(),
        };
        let (decision, why) = match playing.authority.explain(&playing.tenant, &question) {
            Ok(answered) => answered,
            Err(error) => {
                return Ok(Found::plain(format!("error {}", error.code())));
            }
        };
        let takes = decision.disposition() == Disposition::Allow && !decision.taken.is_empty();
        if takes {
            // What it takes is not there for the next question.
            let decided = playing.authority.decide(&playing.tenant, &question, Asked::by_library());
            decided.map_err(|error| error.to_string())?;
        }
        let subject = decision.authority.as_ref().unwrap_or(&question.actor);
        let asked = format!("{} on {}", question.permission, question.resource);
        let drawn =
            why.map(|why| explain::drawn(&prokura_server::explanation_on_the_wire(subject, &why), &asked).drawn());
        Ok(Found {
            answer: format!("{} {}", decision.disposition().word(), decision.reason.word()),
            explanation: format!("{}\n{}", decision.message, drawn.unwrap_or_default()),
            took: takes.then(|| Box::new(question)),
        })
    }
}

/// A name with its answer, as it stands in a list; nothing for who has it not.
fn entry(name: &str, found: &Permissionship) -> Option<String> {
    match found {
        Permissionship::Has => Some(name.to_owned()),
        Permissionship::HasNot => None,
        Permissionship::Conditional(missing) => Some(format!("{name} if {}", missing.join(","))),
    }
}

fn joined(entries: &[String]) -> String {
    if entries.is_empty() { "nothing".to_owned() } else { entries.join(", ") }
}

fn listed_resources(snapshot: &Snapshot, text: &str, context: Context) -> Result<String, String> {
    let (kind, permission, subject) = parts::<TypeName, SubjectRef>(text)?;
    let found = match snapshot.lookup_resources_all(&ResourceLookup { kind, permission, subject, context }) {
        Ok(found) => found,
        Err(error) => return Ok(format!("error {}", error.code())),
    };
    Ok(joined(&found.iter().filter_map(|found| entry(found.id.as_str(), &found.permissionship)).collect::<Vec<_>>()))
}

fn listed_subjects(snapshot: &Snapshot, text: &str, context: Context) -> Result<String, String> {
    let (resource, permission, of) = parts::<ObjectRef, String>(text)?;
    let (kind, relation) = match of.split_once('#') {
        Some((kind, relation)) => (parsed(kind)?, Some(parsed(relation)?)),
        None => (parsed(&of)?, None),
    };
    let lookup = SubjectLookup { resource, permission, kind, relation, context };
    let found = match snapshot.lookup_subjects_all(&lookup) {
        Ok(found) => found,
        Err(error) => return Ok(format!("error {}", error.code())),
    };
    let mut entries = Vec::new();
    for found in &found {
        let name = found.id.as_ref().map_or("*", |id| id.as_str());
        entries.extend(entry(name, &found.permissionship));
        for out in &found.excluded {
            let name = out.id.as_str();
            entries.push(entry(name, &left_to(&out.permissionship)).unwrap_or_else(|| format!("not {name}")));
        }
    }
    Ok(joined(&entries))
}

fn listed_permissions(snapshot: &Snapshot, text: &str, context: &Context) -> Result<String, String> {
    let (resource, subject) = cut(text, '@')?;
    let (resource, subject): (ObjectRef, SubjectRef) = (parsed(resource)?, parsed(subject)?);
    match snapshot.permissions(&resource, &subject, context) {
        Ok(found) => {
            Ok(joined(&found.iter().filter_map(|(name, found)| entry(name.as_str(), found)).collect::<Vec<_>>()))
        }
        Err(error) => Ok(format!("error {}", error.code())),
    }
}

/// `resource#permission@subject`, of whatever the two ends are.
fn parts<A: FromStr<Err: Display>, B: FromStr<Err: Display>>(text: &str) -> Result<(A, RelationName, B), String> {
    let (resource, rest) = cut(text, '#')?;
    let (permission, subject) = cut(rest, '@')?;
    Ok((parsed(resource)?, parsed(permission)?, parsed(subject)?))
}

/// What stands before and after the first such character that is not in quotes.
fn cut(text: &str, at: char) -> Result<(&str, &str), String> {
    let (mut quoted, mut escaped) = (false, false);
    for (position, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if character == at && !quoted => {
                let (before, rest) = text.split_at(position);
                return Ok((before, rest.strip_prefix(at).unwrap_or(rest)));
            }
            _ => {}
        }
    }
    Err(format!("`{text}` has no `{at}`"))
}
