use std::{collections::BTreeSet, fmt::Display, str::FromStr};

use prokura_model::{Credential, Reason, RelationName, Timestamp};

use super::{
    AskEntry, CredentialEntry, DecideEntry, Expected,
    context::{context_of, entries_of},
    read::{delegation_id, moment, parsed},
    write::moment_text,
};
use crate::{Answer, Ask, Context, List, Question, Standing, Verdict};

impl AskEntry {
    pub(super) fn expected(&self, now: Timestamp) -> Result<Expected, String> {
        let context = context_of(&self.context);
        let now = self.now.as_deref().map(moment).transpose()?.unwrap_or(now);
        let ask = match (&self.check, &self.resources, &self.subjects, &self.permissions, &self.decide) {
            (Some(text), None, None, None, None) => {
                let edge: prokura_model::Relationship = parsed(text)?;
                let (resource, permission, subject) = (edge.resource, edge.relation, edge.subject);
                Ask::Check { resource, permission, subject, context, now }
            }
            (None, Some(text), None, None, None) => {
                let (kind, permission, subject) = parts(text)?;
                Ask::LookupResources { kind, permission, subject, alive: self.alive, context, now }
            }
            (None, None, Some(text), None, None) => {
                let (resource, permission, of): (_, _, String) = parts(text)?;
                let (kind, relation) = match of.split_once('#') {
                    Some((kind, relation)) => (parsed(kind)?, Some(parsed(relation)?)),
                    None => (parsed(&of)?, None),
                };
                Ask::LookupSubjects { resource, permission, kind, relation, alive: self.alive, context, now }
            }
            (None, None, None, Some(text), None) => {
                let (resource, subject) = cut(text, '@')?;
                let (resource, subject) = (parsed(resource)?, parsed(subject)?);
                Ask::Permissions { resource, subject, alive: self.alive, context, now }
            }
            (None, None, None, None, Some(entry)) => {
                let question = Question { arguments: context_of(&self.arguments), ..entry.question(context)? };
                Ask::Decide { question, now }
            }
            _ => return Err("an ask is one of `check`, `resources`, `subjects`, `permissions`, `decide`".to_owned()),
        };
        let answer = answer(&self.expect, &ask)?;
        Ok(Expected { about: self.about.clone(), ask, answer })
    }

    /// The entry of a question and its answer.
    pub(super) fn of(ask: &Ask, right: &Answer) -> Self {
        let mut entry = Self {
            context: entries_of(ask.context()),
            now: Some(moment_text(ask.now())),
            expect: spoken(right),
            ..Self::default()
        };
        match ask {
            Ask::Check { resource, permission, subject, .. } => {
                entry.check = Some(format!("{resource}#{permission}@{subject}"));
            }
            Ask::LookupResources { kind, permission, subject, alive, .. } => {
                entry.resources = Some(format!("{kind}#{permission}@{subject}"));
                entry.alive = *alive;
            }
            Ask::LookupSubjects { resource, permission, kind, relation, alive, .. } => {
                let relation = relation.as_ref().map(|relation| format!("#{relation}")).unwrap_or_default();
                entry.subjects = Some(format!("{resource}#{permission}@{kind}{relation}"));
                entry.alive = *alive;
            }
            Ask::Permissions { resource, subject, alive, .. } => {
                entry.permissions = Some(format!("{resource}@{subject}"));
                entry.alive = *alive;
            }
            Ask::Decide { question, .. } => {
                entry.arguments = entries_of(&question.arguments);
                entry.decide = Some(DecideEntry {
                    actor: question.actor.to_string(),
                    permission: question.permission.to_string(),
                    resource: question.resource.to_string(),
                    delegation: question.delegation.as_ref().map(ToString::to_string),
                    credential: question.credential.as_ref().map(|credential| CredentialEntry {
                        method: credential.method.clone(),
                        authenticated_at: credential.authenticated_at.map(moment_text),
                    }),
                    tool_schema: question.tool_schema.clone(),
                });
            }
        }
        entry
    }
}

impl DecideEntry {
    fn question(&self, context: Context) -> Result<Question, String> {
        Ok(Question {
            actor: parsed(&self.actor)?,
            delegation: self.delegation.as_deref().map(delegation_id).transpose()?,
            permission: parsed(&self.permission)?,
            resource: parsed(&self.resource)?,
            arguments: Context::new(),
            credential: self.credential.as_ref().map(CredentialEntry::credential).transpose()?,
            tool_schema: self.tool_schema.clone(),
            context,
        })
    }
}

impl CredentialEntry {
    fn credential(&self) -> Result<Credential, String> {
        let authenticated_at = self.authenticated_at.as_deref().map(moment).transpose()?;
        Ok(Credential { method: self.method.clone(), authenticated_at })
    }
}

/// The answer that is written so: several, of which any may be given, stand between ` | `.
fn answer(text: &str, ask: &Ask) -> Result<Answer, String> {
    let answers = text.split(" | ").map(|one| single(one, ask)).collect::<Result<Vec<_>, _>>()?;
    Ok(Answer::one_of(answers))
}

fn single(text: &str, ask: &Ask) -> Result<Answer, String> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let none = || format!("`{text}` is no answer to {ask}");
    Ok(match (ask, word, rest) {
        (_, "error", code) => Answer::Failed(code.to_owned()),
        (Ask::Check { .. }, "has", "") => Answer::Has,
        (Ask::Check { .. }, "has_not", "") => Answer::HasNot,
        (Ask::Check { .. }, "conditional", on) => Answer::Conditional(names(on)),
        (Ask::Check { .. }, ..) => return Err(none()),
        (Ask::Decide { .. }, disposition, reason) => {
            let reason = Reason::from_word(reason).filter(|reason| reason.disposition().word() == disposition);
            Answer::Decided(Verdict::because(reason.ok_or_else(none)?))
        }
        _ => Answer::Listed(list(text)),
    })
}

/// `alice, bob if day,on, *, not carol`; or `nothing`.
fn list(text: &str) -> List {
    let mut list = List::default();
    for entry in text.split(", ").filter(|entry| *entry != "nothing") {
        let (name, standing) = match (entry.strip_prefix("not "), entry.split_once(" if ")) {
            (Some(name), _) => (name, Standing::HasNot),
            (None, Some((name, on))) => (name, Standing::Conditional(names(on))),
            (None, None) => (entry, Standing::Has),
        };
        if name == "*" {
            list.others = standing;
        } else {
            list.named.insert(name.to_owned(), standing);
        }
    }
    list
}

fn names(text: &str) -> BTreeSet<String> {
    text.split(',').map(str::to_owned).collect()
}

/// An answer as scenarios write it.
pub(super) fn spoken(answer: &Answer) -> String {
    told(answer).to_string()
}

/// The part of an answer that scenarios are about: of a decision neither the link it failed at nor how long it holds.
pub(super) fn told(answer: &Answer) -> Answer {
    match answer {
        Answer::Decided(verdict) => Answer::Decided(Verdict::because(verdict.reason)),
        Answer::OneOf(answers) => Answer::one_of(answers.iter().map(told)),
        other => other.clone(),
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
                return Ok((before, rest.trim_start_matches(at)));
            }
            _ => {}
        }
    }
    Err(format!("`{text}` has no `{at}`"))
}
