//! SpiceDB validation files: schema, relationships, assertions, expected relations.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use prokura::{Authority, Context, Options, Permissionship, Provenance, ResourceLookup, Snapshot, SubjectLookup};
use prokura_model::{Change, ObjectRef, RelationName, Relationship, Schema, SubjectRef, TenantName};
use serde::Deserialize;

use super::{
    Places, Report, Wrong,
    expected::{self, Line},
};
use crate::{
    explain,
    failure::Failure,
    schema,
    source::{Mistake, Source},
    terms::{self, Termed},
};

/// What such a file may say.
#[derive(Debug, Default, Deserialize)]
struct File {
    schema: Option<String>,
    #[serde(rename = "schemaFile")]
    schema_file: Option<String>,
    relationships: Option<String>,
    assertions: Option<Assertions>,
    validation: Option<BTreeMap<String, Option<Vec<String>>>>,
    namespace_configs: Option<serde::de::IgnoredAny>,
    validation_tuples: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Assertions {
    #[serde(default, rename = "assertTrue")]
    holding: Option<Vec<String>>,
    #[serde(default, rename = "assertCaveated")]
    conditional: Option<Vec<String>>,
    #[serde(default, rename = "assertFalse")]
    not_holding: Option<Vec<String>>,
}

/// Relationships written in one transaction.
const WRITTEN_AT_ONCE: usize = 10_000;

/// A schema with nothing else: it is right, or it is not.
pub(super) fn schema_alone(source: &Source) -> Result<(), Failure> {
    schema::with_imports(source).map(|_| ()).map_err(|failure| {
        let yaml = source.text.lines().any(|line| line.starts_with("schema:") || line.starts_with("schemaFile:"));
        if yaml { failure.help("this looks like a validation file: its name should end in `.yaml`") } else { failure }
    })
}

pub(super) fn played(source: &Source, report: &mut Report) -> Result<(), Failure> {
    let file: File = crate::apply::yaml(source)?;
    if file.namespace_configs.is_some() || file.validation_tuples.is_some() {
        let message = format!("`{}` is a validation file of an old form", source.name);
        return Err(Failure::new("validation_old", message).help("it has `schema` and `relationships` today"));
    }
    let schema = schema_of(&file, source)?;
    let relationships = relationships(file.relationships.as_deref().unwrap_or_default(), source, &schema)?;
    report.relationships = relationships.len();
    let snapshot = written(&schema, relationships)?;
    let mut places = Places::new(source);
    let Assertions { holding, conditional, not_holding } = file.assertions.unwrap_or_default();
    for (section, wanted, lines) in [
        ("assertTrue", Wanted::Has, holding),
        ("assertCaveated", Wanted::Conditional, conditional),
        ("assertFalse", Wanted::HasNot, not_holding),
    ] {
        places.go_to(section);
        for text in lines.unwrap_or_default() {
            let line = places.line_of(&text);
            asserted(&snapshot, &text, wanted, line, source, report)?;
        }
    }
    places.go_to("validation:");
    let start = places.from;
    for (goal, lines) in file.validation.unwrap_or_default() {
        places.from = start;
        let line = places.line_of(&goal);
        validated(&snapshot, &goal, lines.unwrap_or_default(), line, &mut places, report)?;
    }
    Ok(())
}

fn schema_of(file: &File, source: &Source) -> Result<Schema, Failure> {
    let missing = || {
        Failure::new("schema_missing", format!("`{}` has neither `schema` nor `schemaFile`", source.name))
            .help("relationships and assertions mean something under a schema only")
    };
    match (&file.schema, &file.schema_file) {
        (Some(_), Some(_)) => {
            let message = format!("`{}` has `schema` and `schemaFile`; one of them says what is meant", source.name);
            Err(Failure::new("schema_twice", message))
        }
        (Some(text), None) if !text.trim().is_empty() => within(source, text),
        (None, Some(file)) => {
            let beside = Path::new(&source.name).parent().unwrap_or_else(|| Path::new("")).join(file);
            let beside: std::path::PathBuf = beside.components().collect();
            schema::with_imports(&Source::read(&beside)?)
        }
        _ => Err(missing()),
    }
}

/// The schema inside a file; its mistakes are shown where they stand in the file, as far as its lines are found there.
fn within(source: &Source, text: &str) -> Result<Schema, Failure> {
    let read = |path: &str| std::fs::read_to_string(path).map_err(|error| error.to_string());
    Schema::parse_with_imports(text, &source.name, &read).map_err(|diagnostics| {
        let mistakes: Vec<_> = diagnostics
            .iter()
            .map(|diagnostic| {
                let line = text.lines().nth(diagnostic.line.saturating_sub(1)).unwrap_or_default().trim();
                let at = source.text.find(line).unwrap_or(0);
                let indent = text.lines().nth(diagnostic.line.saturating_sub(1)).unwrap_or_default();
                let indent = indent.chars().count() - indent.trim_start().chars().count();
                let into = diagnostic.column.saturating_sub(1 + indent);
                let offset = line.char_indices().nth(into).map_or(line.len(), |(offset, _)| offset);
                let length = diagnostic.span.end.saturating_sub(diagnostic.span.start);
                let start = at + offset;
                let end = (start + length).min(at + line.len()).max(start);
                Mistake { span: start..end, ..Mistake::from(diagnostic) }
            })
            .collect();
        source.failure("schema_invalid", &mistakes)
    })
}

/// The relationships, each once, and each as the schema allows it.
fn relationships(text: &str, source: &Source, schema: &Schema) -> Result<Vec<Termed>, Failure> {
    let (mut found, mut seen, mut mistakes) = (Vec::new(), BTreeSet::new(), Vec::new());
    let mut from = source.text.find("relationships:").unwrap_or(0);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")) {
        let at = source.text.get(from..).and_then(|rest| rest.find(line)).map_or(from, |at| from + at);
        from = at + line.len();
        let span = at..at + line.len();
        let mut wrong = |message: String| {
            mistakes.push(Mistake { span: span.clone(), message, help: None, file: None });
        };
        match line.parse::<Termed>() {
            Err(error) => wrong(error.to_string()),
            Ok(termed) => match schema.check_relationship(&termed.relationship, &termed.terms) {
                Err(fault) => wrong(fault.to_string()),
                Ok(()) if !seen.insert(termed.relationship.clone()) => {
                    wrong(format!("`{}` is there twice", termed.relationship));
                }
                Ok(()) => found.push(termed),
            },
        }
    }
    if mistakes.is_empty() { Ok(found) } else { Err(source.failure("relationship_invalid", &mistakes)) }
}

/// An authority in this process, with what the file says written to it.
fn written(schema: &Schema, relationships: Vec<Termed>) -> Result<Snapshot, Failure> {
    let authority = Authority::in_memory(Options::default());
    let tenant = TenantName::new("default").map_err(|error| Failure::new("internal", error.to_string()))?;
    let write = |changes: Vec<Change>| {
        authority
            .write(&tenant, Provenance::new("prokura test", ""), changes)
            .map_err(|error| Failure::new(error.code(), error.to_string()))
    };
    write(vec![Change::SchemaWritten(schema.text().to_owned())])?;
    let mut rest =
        relationships.into_iter().map(|termed| Change::RelationshipTouched(termed.relationship, termed.terms));
    loop {
        let batch: Vec<_> = rest.by_ref().take(WRITTEN_AT_ONCE).collect();
        if batch.is_empty() {
            break;
        }
        write(batch)?;
    }
    authority.snapshot(&tenant).map_err(|error| Failure::new(error.code(), error.to_string()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Has,
    HasNot,
    Conditional,
}

impl Wanted {
    fn is(self, found: &Permissionship) -> bool {
        matches!(
            (self, found),
            (Self::Has, Permissionship::Has)
                | (Self::HasNot, Permissionship::HasNot)
                | (Self::Conditional, Permissionship::Conditional(_))
        )
    }

    fn word(self) -> &'static str {
        match self {
            Self::Has => "has",
            Self::HasNot => "has_not",
            Self::Conditional => "conditional",
        }
    }
}

/// An answer as scenarios write it, too.
pub(super) fn spoken(found: &Permissionship) -> String {
    match found {
        Permissionship::Has => "has".to_owned(),
        Permissionship::HasNot => "has_not".to_owned(),
        Permissionship::Conditional(missing) => format!("conditional {}", missing.join(",")),
    }
}

/// `document:plan#view@user:alice with {"day": "monday"}`
fn asserted(
    snapshot: &Snapshot,
    text: &str,
    wanted: Wanted,
    line: usize,
    source: &Source,
    report: &mut Report,
) -> Result<(), Failure> {
    let (question, context) = text
        .trim()
        .split_once(" with ")
        .map_or_else(|| (text.trim(), None), |(question, context)| (question.trim(), Some(context.trim())));
    let invalid = |message: String| {
        let at = source.offset(line, 1);
        let end =
            source.text.get(at..).and_then(|rest| rest.find('\n')).map_or(source.text.len(), |length| at + length);
        source.failure("assertion_invalid", &[Mistake { span: at..end, message, help: None, file: None }])
    };
    let Relationship { resource, relation, subject } =
        question.parse().map_err(|error| invalid(format!("`{question}`: {error}")))?;
    let context = match context {
        None => Context::new(),
        Some(json) => match serde_json::from_str(json) {
            Ok(serde_json::Value::Object(members)) => terms::context(&members),
            Ok(_) => return Err(invalid(format!("`{json}` is no JSON object"))),
            Err(error) => return Err(invalid(format!("`{json}`: {error}"))),
        },
    };
    let mut tell = |expected: String, found: String, explanation: String| {
        let asked = text.trim().to_owned();
        report.failures.push(Wrong { line, asked, expected, found, explanation });
    };
    match snapshot.check(&resource, &relation, &subject, &context) {
        Err(error) => {
            tell(wanted.word().to_owned(), format!("error {}: {error}", error.code()), String::new());
            return Ok(());
        }
        Ok(found) if !wanted.is(&found) => {
            let explanation = explanation(snapshot, &resource, &relation, &subject, &context);
            tell(wanted.word().to_owned(), spoken(&found), explanation);
            return Ok(());
        }
        Ok(found) => {
            if let Some((expected, other)) = disagreeing(snapshot, &resource, &relation, &subject, &context, &found) {
                tell(expected, other, String::new());
                return Ok(());
            }
        }
    }
    report.passed += 1;
    Ok(())
}

/// Where the lists say otherwise than the check: what they should say, and what they do.
fn disagreeing(
    snapshot: &Snapshot,
    resource: &ObjectRef,
    permission: &RelationName,
    subject: &SubjectRef,
    context: &Context,
    found: &Permissionship,
) -> Option<(String, String)> {
    let lookup = ResourceLookup {
        kind: resource.kind.clone(),
        permission: permission.clone(),
        subject: subject.clone(),
        context: context.clone(),
    };
    let listed = match snapshot.lookup_resources_all(&lookup) {
        Err(error) => return Some(("a list of resources".to_owned(), format!("error {}: {error}", error.code()))),
        Ok(listed) => listed,
    };
    let own = listed.into_iter().find(|entry| entry.id == resource.id).map(|entry| entry.permissionship);
    let own = own.unwrap_or(Permissionship::HasNot);
    if own != *found {
        return Some((format!("{} in the list of resources, too", spoken(found)), spoken(&own)));
    }
    let (object, relation) = match subject {
        SubjectRef::Object(object) => (object, None),
        SubjectRef::Userset(object, relation) => (object, Some(relation.clone())),
        SubjectRef::Wildcard(_) => return None,
    };
    let lookup = SubjectLookup {
        resource: resource.clone(),
        permission: permission.clone(),
        kind: object.kind.clone(),
        relation,
        context: context.clone(),
    };
    let listed = match snapshot.lookup_subjects_all(&lookup) {
        Err(error) => return Some(("a list of subjects".to_owned(), format!("error {}: {error}", error.code()))),
        Ok(listed) => listed,
    };
    let named = listed.iter().find(|entry| entry.id.as_ref() == Some(&object.id)).map(|entry| &entry.permissionship);
    let everyone = listed.iter().find(|entry| entry.id.is_none());
    let excluded = everyone.and_then(|all| all.excluded.iter().find(|out| out.id == object.id));
    let excluded = excluded.map(|out| left_to(&out.permissionship));
    let own = named.cloned().or(excluded).or_else(|| everyone.map(|all| all.permissionship.clone()));
    let own = own.unwrap_or(Permissionship::HasNot);
    (own != *found).then(|| (format!("{} in the list of subjects, too", spoken(found)), spoken(&own)))
}

/// What somebody has who is taken out of everyone, by whether it is.
pub(super) fn left_to(excluded: &Permissionship) -> Permissionship {
    match excluded {
        Permissionship::Has => Permissionship::HasNot,
        Permissionship::HasNot => Permissionship::Has,
        Permissionship::Conditional(missing) => Permissionship::Conditional(missing.clone()),
    }
}

/// Why it was found as it was, drawn.
pub(super) fn explanation(
    snapshot: &Snapshot,
    resource: &ObjectRef,
    permission: &RelationName,
    subject: &SubjectRef,
    context: &Context,
) -> String {
    let Ok(found) = snapshot.explain(resource, permission, subject, context) else { return String::new() };
    let about = match subject {
        SubjectRef::Object(object) | SubjectRef::Userset(object, _) => object.clone(),
        SubjectRef::Wildcard(_) => return String::new(),
    };
    let told = prokura_server::explanation_on_the_wire(&about, &found);
    explain::drawn(&told, &format!("{permission} on {resource}")).drawn()
}

fn validated(
    snapshot: &Snapshot,
    goal: &str,
    lines: Vec<String>,
    line: usize,
    places: &mut Places<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let invalid = |line: usize, message: String| {
        let at = places.source.offset(line, 1);
        let mistake = Mistake { span: at..at, message, help: None, file: None };
        places.source.failure("validation_invalid", &[mistake])
    };
    let Ok(SubjectRef::Userset(resource, permission)) = goal.parse::<SubjectRef>() else {
        return Err(invalid(line, format!("`{goal}` is not `object#permission`")));
    };
    let mut expected = Vec::new();
    for text in lines {
        let read = Line::parse(&text).map_err(|message| invalid(line, message))?;
        expected.push((text, read));
    }
    let numbers: Vec<_> = expected.iter().map(|(text, _)| places.line_of(text)).collect();
    let wrong = match expected::compared(snapshot, &resource, &permission, &expected) {
        Ok(wrong) => wrong,
        Err(error) => vec![(None, "an expansion".to_owned(), format!("error {}: {error}", error.code()))],
    };
    let mut failed = BTreeSet::new();
    for (position, wanted, found) in wrong {
        let at = position.and_then(|position| numbers.get(position)).copied().unwrap_or(line);
        let subject = position.and_then(|position| expected.get(position)).map(|(_, line)| line.subject.clone());
        let explanation = subject.map_or_else(String::new, |subject| {
            explanation(snapshot, &resource, &permission, &subject, &Context::new())
        });
        failed.insert(position);
        let asked = position.and_then(|position| expected.get(position)).map_or(goal, |(text, _)| text.as_str());
        report.failures.push(Wrong { line: at, asked: asked.to_owned(), expected: wanted, found, explanation });
    }
    // One for each line, and one for that there is nobody else.
    report.passed += expected.len() + 1 - failed.len();
    Ok(())
}
