//! Guards: rules that forbid, or demand something, for permissions they name. They only ever narrow.

use std::{collections::BTreeMap, fmt};

use super::Schema;
use crate::{
    GuardName, RelationName, TypeName,
    condition::{Condition, ParameterType, Root},
};

/// `guard production on service#deploy { when … require … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// Its name.
    pub name: GuardName,
    /// Its doc comment, without the comment marks.
    pub doc: Option<String>,
    /// Its own parameters. Their values are the question's.
    pub parameters: Parameters,
    /// The permissions or relations it is for, in the order they were written; never empty.
    pub on: Vec<(TypeName, RelationName)>,
    /// When it applies; always, without it.
    pub when: Option<Condition>,
    /// What it does where it applies, in the order it was written; never empty.
    pub clauses: Vec<Clause>,
    /// It all, as it was written, without the comment above it.
    pub text: String,
}

/// What a question brings for a guard, or a request for an access item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// Values, in the order they were written.
    pub values: Vec<(String, ParameterType)>,
    /// Objects of a type, of which the question names the id: what is read of them are their attributes.
    pub objects: BTreeMap<String, TypeName>,
}

impl Parameters {
    /// Whether they include one of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(parameter, _)| parameter == name) || self.objects.contains_key(name)
    }

    /// The parameter that a condition reads under this name: itself, or what it names.
    #[must_use]
    pub fn read_as<'n>(&self, name: &'n str) -> Option<&'n str> {
        let parameter = name.split_once('.').map_or(name, |(root, _)| root);
        self.has(parameter).then_some(parameter)
    }

    /// What a condition reads of the objects.
    pub(super) fn roots(&self, schema: &Schema) -> impl Iterator<Item = Root> {
        self.objects.iter().map(|(name, kind)| {
            let (members, refused) = attributes(schema, &[kind], true);
            Root { name: name.clone(), members, refused, certain: &[], named_by_question: true }
        })
    }
}

/// What a guard does where it applies.
#[derive(Clone, Debug, PartialEq)]
pub enum Clause {
    /// `forbid`
    Forbid,
    /// `require credential.method in ["spiffe", "mtls"]`
    Require(Condition),
    /// `require approval from service#approve within 15m, once`
    Approval {
        /// What somebody must have on the resource that is asked about, to approve.
        from: (TypeName, RelationName),
        /// How long an approval is good for, in milliseconds.
        within_ms: Option<u64>,
        /// Whether it is used up by one use.
        once: bool,
    },
    /// `require confirmation from origin within 15m`
    Confirmation {
        /// How long a confirmation is good for, in milliseconds.
        within_ms: Option<u64>,
    },
    /// `record before answer`
    RecordBeforeAnswer,
}

/// What every object has, beside its attributes.
pub(super) const OF_OBJECTS: [&str; 2] = ["id", "type"];

/// The name by which a guard reads when it is.
pub(super) const NOW: &str = "now";

/// The name by which a guard reads what the run has touched.
const RUN: &str = "run";

/// The names that parameters of guards do not have.
pub(super) const TAKEN: [&str; 8] = ["actor", "chain", "credential", NOW, "origin", "resource", RUN, "task"];

impl Guard {
    /// Its conditions: that of `when` first, then what it requires.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let required = self.clauses.iter().filter_map(|clause| match clause {
            Clause::Require(condition) => Some(condition),
            _ => None,
        });
        self.when.iter().chain(required)
    }

    /// The attributes of which it reads what the run has touched.
    pub fn read_of_runs(&self) -> impl Iterator<Item = &str> {
        self.conditions().flat_map(read_of_runs)
    }
}

/// As a few words, for somebody who has to do something about it: `approval from service#approve within 15m, once`.
impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = |within_ms: &Option<u64>| within_ms.map_or_else(String::new, |ms| format!(" within {}", span(ms)));
        match self {
            Self::Forbid => f.write_str("forbid"),
            Self::Require(condition) => f.write_str(condition.expression()),
            Self::Approval { from: (kind, permission), within_ms, once } => {
                let uses = if *once { "once" } else { "reusable" };
                write!(f, "approval from {kind}#{permission}{}, {uses}", within(within_ms))
            }
            Self::Confirmation { within_ms } => write!(f, "confirmation from origin{}", within(within_ms)),
            Self::RecordBeforeAnswer => f.write_str("record before answer"),
        }
    }
}

/// `d`, `h`, `m` and `s`, and how many milliseconds each is; the longest first.
const UNITS: [(char, u64); 4] = [('d', 86_400_000), ('h', 3_600_000), ('m', 60_000), ('s', 1_000)];

/// The milliseconds of `15m`; none if it is no duration, or none at all.
pub(super) fn duration_ms(text: &str) -> Option<u64> {
    let (_, unit) = UNITS.into_iter().find(|(letter, _)| text.ends_with(*letter))?;
    let count = text.get(..text.len() - 1).filter(|count| count.bytes().all(|byte| byte.is_ascii_digit()))?;
    count.parse::<u64>().ok()?.checked_mul(unit).filter(|ms| *ms > 0)
}

/// As `duration_ms` reads it.
fn span(ms: u64) -> String {
    let whole = UNITS.into_iter().find(|(_, unit)| ms.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{ms}ms"), |(letter, unit)| format!("{}{letter}", ms / unit))
}

/// The attributes of which a condition reads what the run has touched.
pub(super) fn read_of_runs(condition: &Condition) -> impl Iterator<Item = &str> {
    let names = condition.parameters_used().iter();
    names.filter_map(|name| name.split_once('.').filter(|(root, _)| *root == RUN).map(|(_, member)| member))
}

/// What an access item for these types reads besides the ticket: who asks, as `actor`, and whom and what for.
pub(super) fn roots_of_access(schema: &Schema, on: &[&TypeName]) -> Vec<Root> {
    let read = ["resource", "actor", "origin", "task", RUN];
    roots(schema, on).into_iter().filter(|root| read.contains(&root.name.as_str())).collect()
}

/// What a guard on these types reads that is no parameter of its own, and the type of [`NOW`].
pub(super) fn roots(schema: &Schema, on: &[&TypeName]) -> Vec<Root> {
    let all: Vec<&TypeName> = schema.definitions().keys().collect();
    let of_anyone = attributes(schema, &all, false);
    let named = |name: &str, (members, refused): Members, certain| Root {
        name: name.to_owned(),
        members,
        refused,
        certain,
        named_by_question: false,
    };
    let fixed = |name: &str, members: &[(&str, &ParameterType)]| {
        let members = members.iter().map(|(member, kind)| ((*member).to_owned(), (*kind).clone())).collect();
        named(name, (members, BTreeMap::new()), &[])
    };
    let (text, moment) = (&ParameterType::String, &ParameterType::Timestamp);
    let touched = touched(&of_anyone);
    vec![
        named("resource", attributes(schema, on, true), &OF_OBJECTS),
        named("actor", of_anyone.clone(), &OF_OBJECTS),
        // Without a task there is no origin.
        named("origin", of_anyone, &[]),
        // Without a task there is no run.
        named(RUN, touched, &[]),
        fixed("task", &[("id", text), ("purpose", text), ("opened_at", moment), ("expires_at", moment)]),
        fixed("chain", &[("length", &ParameterType::Int), ("dispatched", &ParameterType::Bool)]),
        fixed("credential", &[("method", text), ("authenticated_at", moment)]),
    ]
}

/// What can be read of a run: of each attribute, the values that what it touched had.
fn touched((members, refused): &Members) -> Members {
    let attributes = members.iter().filter(|(name, _)| !OF_OBJECTS.contains(&name.as_str()));
    let lists = attributes.map(|(name, kind)| (name.clone(), ParameterType::List(Box::new(kind.clone()))));
    (lists.collect(), refused.clone())
}

type Members = (BTreeMap<String, ParameterType>, BTreeMap<String, String>);

/// What can be read of an object of one of these types: what every object has, and the attributes of which it is known what
/// type they are. With `every`, all of the types must declare them.
fn attributes(schema: &Schema, kinds: &[&TypeName], every: bool) -> Members {
    let mut members: BTreeMap<String, ParameterType> =
        OF_OBJECTS.into_iter().map(|name| (name.to_owned(), ParameterType::String)).collect();
    let mut refused = BTreeMap::new();
    let definitions: Vec<_> = kinds.iter().filter_map(|kind| schema.definition(kind.as_str())).collect();
    let mut declared: BTreeMap<&str, Vec<(&TypeName, &ParameterType)>> = BTreeMap::new();
    for definition in &definitions {
        for (name, kind) in &definition.attributes {
            declared.entry(name).or_default().push((&definition.name, kind));
        }
    }
    for (name, found) in declared {
        let Some((first, kind)) = found.first() else { continue };
        if let Some((other, else_kind)) = found.iter().find(|(_, other)| other != kind) {
            let message =
                format!("`{name}` is `{kind}` of `{first}` and `{else_kind}` of `{other}`: nobody knows which");
            refused.insert(name.to_owned(), message);
        } else if let Some(without) =
            definitions.iter().find(|definition| every && !definition.attributes.contains_key(name))
        {
            let message = format!("`{first}` has the attribute `{name}`, and `{}` does not", without.name);
            refused.insert(name.to_owned(), message);
        } else {
            members.insert(name.to_owned(), (*kind).clone());
        }
    }
    (members, refused)
}
