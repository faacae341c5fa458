//! Between the model's text forms, which people type and read, and the protocol's structured ones.

use prokura_api as api;
use prokura_model::{CapResource, CaveatUse, ObjectRef, RelationName, Relationship, SpokenFor, SubjectRef};
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
    let caveat = caveat.map(caveat_use);
    let expires_at = termed.terms.expires_at.map(|end| api::Time::from_ms(end.0));
    api::Relationship { caveat, expires_at, ..relationship(&termed.relationship) }
}

pub(crate) fn caveat_use(caveat: &CaveatUse) -> api::CaveatUse {
    api::CaveatUse { name: caveat.name.to_string(), context: terms::members(&caveat.context) }
}

pub(crate) fn cap_resource(resource: &CapResource) -> api::CapResource {
    let whole =
        api::CapResource { kind: resource.kind().to_string(), id: None, wildcard: true, origin_has: None, under: None };
    match resource {
        CapResource::Type(_) => whole,
        CapResource::Object(object) => {
            api::CapResource { id: Some(object.id.as_str().to_owned()), wildcard: false, ..whole }
        }
        CapResource::Query(query) => api::CapResource {
            origin_has: query.origin_has.as_ref().map(ToString::to_string),
            under: query
                .under
                .as_ref()
                .map(|under| api::CapUnder { resource: object(&under.resource), by: under.by.to_string() }),
            ..whole
        },
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
    if let Some(caveat) = caveat {
        text.push_str(&format!("[{}]", caveat_text(caveat)));
    }
    if let Some(end) = expires_at {
        text.push_str(&format!("[expiration:{end}]"));
    }
    text
}

/// `on_day:{"day":"monday"}`
fn caveat_text(api::CaveatUse { name, context }: &api::CaveatUse) -> String {
    if context.is_empty() { name.clone() } else { format!("{name}:{}", Value::Object(context.clone())) }
}

/// `deploy, restart on service:*; read on repository:checkout`
pub(crate) fn cap_text(cap: &api::Cap) -> String {
    if cap.clauses.is_empty() {
        return "nothing".to_owned();
    }
    let clauses = cap.clauses.iter().map(|clause| {
        let resources: Vec<_> = clause.resources.iter().map(cap_resource_text).collect();
        let when = clause.when.as_ref().map(|used| format!(" when {}", caveat_text(used))).unwrap_or_default();
        format!("{} on {}{when}", clause.permissions.join(", "), resources.join(", "))
    });
    clauses.collect::<Vec<_>>().join("; ")
}

fn cap_resource_text(resource: &api::CapResource) -> String {
    let api::CapResource { kind, id, origin_has, under, .. } = resource;
    let mut text = id.as_ref().map_or_else(|| format!("{kind}:*"), |id| typed(kind, id));
    if let Some(permission) = origin_has {
        text.push_str(&format!(" where origin has {permission}"));
    }
    if let Some(api::CapUnder { resource, by }) = under {
        text.push_str(&format!(" under {} by {by}", object_text(resource)));
    }
    text
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
