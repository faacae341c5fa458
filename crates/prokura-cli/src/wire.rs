//! Between the model's text forms, which people type and read, and the protocol's structured ones.

use prokura_api as api;
use prokura_model::{CapResource, ObjectRef, RelationName, Relationship, SpokenFor, SubjectRef};
use serde_json::Value;

use crate::terms::{self, Termed};

pub(crate) fn object(object: &ObjectRef) -> api::ObjectRef {
    api::ObjectRef { kind: object.kind.to_string(), id: object.id.as_str().to_owned() }
}

pub(crate) fn subject(subject: &SubjectRef) -> api::SubjectRef {
    let (id, relation) = match subject {
        SubjectRef::Object(object) => (Some(&object.id), None),
        SubjectRef::Userset(object, relation) => (Some(&object.id), Some(relation)),
        SubjectRef::Wildcard(_) => (None, None),
    };
    api::SubjectRef {
        kind: subject.kind().to_string(),
        id: id.map(|id| id.as_str().to_owned()),
        relation: relation.map(RelationName::to_string),
        wildcard: matches!(subject, SubjectRef::Wildcard(_)),
    }
}

pub(crate) fn relationship(relationship: &Relationship) -> api::Relationship {
    api::Relationship {
        resource: object(&relationship.resource),
        relation: relationship.relation.to_string(),
        subject: subject(&relationship.subject),
        caveat: None,
        expires_at: None,
    }
}

pub(crate) fn relationship_on_terms(termed: &Termed) -> api::Relationship {
    let caveat = termed.terms.caveat.as_ref();
    let caveat =
        caveat.map(|caveat| api::CaveatUse { name: caveat.name.to_string(), context: terms::members(&caveat.context) });
    let expires_at = termed.terms.expires_at.map(|end| api::Time::from_ms(end.0));
    api::Relationship { caveat, expires_at, ..relationship(&termed.relationship) }
}

pub(crate) fn cap_resource(resource: &CapResource) -> api::CapResource {
    match resource {
        CapResource::Type(kind) => api::CapResource { kind: kind.to_string(), id: None, wildcard: true },
        CapResource::Object(object) => {
            api::CapResource { kind: object.kind.to_string(), id: Some(object.id.as_str().to_owned()), wildcard: false }
        }
    }
}

pub(crate) fn spoken_for(spoken: &SpokenFor) -> api::SpokenFor {
    match spoken {
        SpokenFor::Any => api::SpokenFor { kind: None, id: None, wildcard: true },
        SpokenFor::Type(kind) => api::SpokenFor { kind: Some(kind.to_string()), id: None, wildcard: true },
        SpokenFor::Object(object) => api::SpokenFor {
            kind: Some(object.kind.to_string()),
            id: Some(object.id.as_str().to_owned()),
            wildcard: false,
        },
    }
}

/// `user:alice`, the id quoted as the model does.
pub(crate) fn object_text(object: &api::ObjectRef) -> String {
    typed(&object.kind, &object.id)
}

pub(crate) fn subject_text(subject: &api::SubjectRef) -> String {
    let Some(id) = &subject.id else {
        return format!("{}:*", subject.kind);
    };
    let object = typed(&subject.kind, id);
    subject.relation.as_ref().map_or_else(|| object.clone(), |relation| format!("{object}#{relation}"))
}

/// The relationship with its terms.
pub(crate) fn relationship_text(relationship: &api::Relationship) -> String {
    let api::Relationship { resource, relation, subject, caveat, expires_at } = relationship;
    let mut text = format!("{}#{relation}@{}", object_text(resource), subject_text(subject));
    if let Some(api::CaveatUse { name, context }) = caveat {
        let bound = if context.is_empty() { String::new() } else { format!(":{}", Value::Object(context.clone())) };
        text.push_str(&format!("[{name}{bound}]"));
    }
    if let Some(end) = expires_at {
        text.push_str(&format!("[expiration:{end}]"));
    }
    text
}

/// `deploy, restart on service:*; read on repository:checkout`
pub(crate) fn cap_text(cap: &api::Cap) -> String {
    if cap.clauses.is_empty() {
        return "nothing".to_owned();
    }
    let clauses = cap.clauses.iter().map(|clause| {
        let resources: Vec<_> = clause
            .resources
            .iter()
            .map(|resource| {
                resource.id.as_ref().map_or_else(|| format!("{}:*", resource.kind), |id| typed(&resource.kind, id))
            })
            .collect();
        format!("{} on {}", clause.permissions.join(", "), resources.join(", "))
    });
    clauses.collect::<Vec<_>>().join("; ")
}

pub(crate) fn spoken_for_text(spoken: &api::SpokenFor) -> String {
    match (&spoken.kind, &spoken.id) {
        (None, _) => "*".to_owned(),
        (Some(kind), None) => format!("{kind}:*"),
        (Some(kind), Some(id)) => typed(kind, id),
    }
}

/// What a server says is text already; only its quoting is the model's business.
fn typed(kind: &str, id: &str) -> String {
    ObjectRef::new(kind, id).map_or_else(|_| format!("{kind}:{id:?}"), |object| object.to_string())
}
