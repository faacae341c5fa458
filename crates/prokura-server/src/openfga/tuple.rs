//! Tuples as text, and as relationships.

use std::collections::BTreeMap;

use prokura_api::openfga::{TupleCondition, TupleKey};
use prokura_model::{
    CaveatName, CaveatUse, ObjectId, ObjectRef, RelationName, Relationship, SubjectRef, Terms, TypeName,
};

use super::error::too_many;
use crate::{error::Refusal, json, limits::TUPLE_CONTEXT_BYTES_MAX};

/// What is wrong with a part of a tuple, in words.
pub(super) type Fault = String;

/// `document:plan`
pub(super) fn object(text: &str) -> Result<ObjectRef, Fault> {
    let parts = text.split_once(':').and_then(|(kind, id)| Some((TypeName::open(kind).ok()?, self::id(id)?)));
    match parts {
        Some((kind, id)) => Ok(ObjectRef { kind, id }),
        None => {
            Err(format!("`{}` is no object: write `type:id`, the id without white space, `:` and `#`", shown(text)))
        }
    }
}

/// `user:anne`, `group:eng#member` or `user:*`
pub(super) fn user(text: &str) -> Result<SubjectRef, Fault> {
    let (object, relation) = match text.split_once('#') {
        Some((object, relation)) => (object, Some(relation)),
        None => (text, None),
    };
    let read = || {
        let (kind, id) = object.split_once(':')?;
        let kind = TypeName::open(kind).ok()?;
        match (id, relation) {
            ("*", None) => Some(SubjectRef::Wildcard(kind)),
            (id, None) => Some(SubjectRef::Object(ObjectRef { kind, id: self::id(id)? })),
            (id, Some(relation)) => {
                Some(SubjectRef::Userset(ObjectRef { kind, id: self::id(id)? }, RelationName::open(relation).ok()?))
            }
        }
    };
    let help = "write `type:id`, `type:id#relation` or `type:*`, the id without white space, `:` and `#`";
    read().ok_or_else(|| format!("`{}` is no user: {help}", shown(text)))
}

pub(super) fn relation(text: &str) -> Result<RelationName, Fault> {
    RelationName::open(text).map_err(|error| error.to_string())
}

/// An id as OpenFGA has them. `*` alone is none.
fn id(text: &str) -> Option<ObjectId> {
    let legal = !text.contains(|character: char| matches!(character, ':' | '#') || character.is_whitespace());
    if legal { ObjectId::new(text).ok() } else { None }
}

/// What the tuple says, its condition aside.
pub(super) fn relationship(key: &TupleKey) -> Result<Relationship, Fault> {
    Ok(Relationship { resource: object(&key.object)?, relation: relation(&key.relation)?, subject: user(&key.user)? })
}

/// What the tuple says, and on which condition.
pub(super) fn relationship_on_terms(key: &TupleKey) -> Result<(Relationship, Terms), Fault> {
    let relationship = relationship(key)?;
    let caveat = match &key.condition {
        None => None,
        Some(condition) => Some(CaveatUse {
            name: CaveatName::open(&condition.name).map_err(|error| error.to_string())?,
            context: condition.context.as_ref().map(json::from_wire_members).unwrap_or_default(),
        }),
    };
    Ok((relationship, Terms { caveat, expires_at: None }))
}

/// A context that is not too large to be kept with its tuple.
pub(super) fn check_context(terms: &Terms) -> Result<(), Refusal> {
    let bytes = |context: &BTreeMap<String, prokura_model::Value>| -> usize {
        context.iter().map(|(name, value)| name.len() + prokura::recorded_bytes(value)).sum()
    };
    match terms.caveat.as_ref().map(|caveat| bytes(&caveat.context)) {
        Some(found) if found > TUPLE_CONTEXT_BYTES_MAX => {
            Err(too_many("bytes of a condition's context", TUPLE_CONTEXT_BYTES_MAX, found))
        }
        _ => Ok(()),
    }
}

/// The tuple that says it.
pub(super) fn key(relationship: &Relationship, terms: Option<&Terms>) -> TupleKey {
    let condition = terms.and_then(|terms| terms.caveat.as_ref()).map(|caveat| TupleCondition {
        name: caveat.name.to_string(),
        context: Some(json::to_wire_members(&caveat.context)),
    });
    TupleKey {
        user: user_text(&relationship.subject),
        relation: relationship.relation.to_string(),
        object: object_text(&relationship.resource),
        condition,
    }
}

pub(super) fn object_text(object: &ObjectRef) -> String {
    format!("{}:{}", object.kind, object.id.as_str())
}

pub(super) fn user_text(subject: &SubjectRef) -> String {
    match subject {
        SubjectRef::Object(object) => object_text(object),
        SubjectRef::Userset(object, relation) => format!("{}#{relation}", object_text(object)),
        SubjectRef::Wildcard(kind) => format!("{kind}:*"),
    }
}

/// An error repeats what it was given, but not megabytes of it.
fn shown(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
