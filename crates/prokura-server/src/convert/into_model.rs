//! What came in: everything is checked here, and an error says at which place of the JSON.

use std::{collections::BTreeSet, fmt::Display};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use prokura::{
    Consistency, Declaration, DeclaredDelegation, DeclaredEndorsement, DeclaredPrincipal, DeclaredTask,
    DeleteRelationships, Expiry, Operation, Page, Precondition, RelationshipUpdate, RelationshipWrite,
};
use prokura_api as api;
use prokura_model::{
    AuthzenMapping, CaveatName, CaveatUse, DelegationId, DelegationKind, Disposition, EndorsementId, KeyRole, KeyScope,
    NameError, ObjectId, ObjectRef, PrincipalState, RelationName, Relationship, RelationshipFilter, SpokenFor,
    SubjectIdFilter, SubjectRef, SubjectRelationFilter, TaskId, TaskState, TenantName, Terms, Timestamp, TypeName,
    Value, limits::ENDORSEMENT_ORIGINS_MAX,
};

use super::cap::cap;
use crate::{error::Refusal, json, limits::PAGE_ENTRIES_DEFAULT};

pub(super) type Checked<T> = Result<T, Refusal>;

pub(super) fn name_refused(path: impl Into<String>) -> impl FnOnce(NameError) -> Refusal {
    move |error| Refusal::invalid_at(path, name_code(&error), error.to_string())
}

/// The stable code of a name that is none.
pub(crate) fn name_code(error: &NameError) -> &'static str {
    match error {
        NameError::Type(_) => "type_name_invalid",
        NameError::Relation(_) => "relation_name_invalid",
        NameError::Caveat(_) => "caveat_name_invalid",
        NameError::Guard(_) => "guard_name_invalid",
        NameError::Open(_) => "name_invalid",
        NameError::Object(_) => "object_id_invalid",
        NameError::Tenant(_) => "tenant_name_invalid",
    }
}

pub(crate) fn object(wire: &api::ObjectRef, at: impl Display) -> Checked<ObjectRef> {
    Ok(ObjectRef {
        kind: TypeName::new(&wire.kind).map_err(name_refused(format!("{at}.type")))?,
        id: ObjectId::new(&wire.id).map_err(name_refused(format!("{at}.id")))?,
    })
}

pub(crate) fn optional_object(wire: Option<&api::ObjectRef>, at: &str) -> Checked<Option<ObjectRef>> {
    wire.map(|wire| object(wire, at)).transpose()
}

pub(crate) fn relation(text: &str, at: impl Into<String>) -> Checked<RelationName> {
    RelationName::new(text).map_err(name_refused(at))
}

pub(crate) fn task_id(text: &str, at: impl Into<String>) -> Checked<TaskId> {
    TaskId::new(text).ok_or_else(|| Refusal::invalid_at(at, "task_id_invalid", RECORD_ID_RULE))
}

pub(crate) fn endorsement_id(text: &str, at: impl Into<String>) -> Checked<EndorsementId> {
    EndorsementId::new(text).ok_or_else(|| Refusal::invalid_at(at, "endorsement_id_invalid", RECORD_ID_RULE))
}

pub(crate) fn delegation_id(text: &str, at: impl Into<String>) -> Checked<DelegationId> {
    DelegationId::new(text).ok_or_else(|| Refusal::invalid_at(at, "delegation_id_invalid", RECORD_ID_RULE))
}

pub(crate) const RECORD_ID_RULE: &str = "an id has 1 to 128 letters, digits, `.`, `_` and `-`";

pub(crate) fn subject(wire: &api::SubjectRef, at: impl Display) -> Checked<SubjectRef> {
    let kind = TypeName::new(&wire.kind).map_err(name_refused(format!("{at}.type")))?;
    match (&wire.id, &wire.relation, wire.wildcard) {
        (None, None, true) => Ok(SubjectRef::Wildcard(kind)),
        (Some(id), member, false) => {
            let id = ObjectId::new(id).map_err(name_refused(format!("{at}.id")))?;
            let object = ObjectRef { kind, id };
            match member {
                None => Ok(SubjectRef::Object(object)),
                Some(member) => Ok(SubjectRef::Userset(object, relation(member, format!("{at}.relation"))?)),
            }
        }
        _ => Err(Refusal::invalid_at(
            at.to_string(),
            "subject_invalid",
            "a subject has an `id`, with or without a `relation`; or it is `wildcard: true` and has neither",
        )),
    }
}

pub(crate) fn relationship(wire: &api::Relationship, at: impl Display) -> Checked<Relationship> {
    Ok(Relationship {
        resource: object(&wire.resource, format_args!("{at}.resource"))?,
        relation: relation(&wire.relation, format!("{at}.relation"))?,
        subject: subject(&wire.subject, format_args!("{at}.subject"))?,
    })
}

/// The relationship, and on which terms it is to hold.
pub(crate) fn relationship_on_terms(wire: &api::Relationship, at: impl Display) -> Checked<(Relationship, Terms)> {
    let named = relationship(wire, &at)?;
    let caveat = wire.caveat.as_ref().map(|caveat| caveat_use(caveat, &format!("{at}.caveat"))).transpose()?;
    Ok((named, Terms { caveat, expires_at: wire.expires_at.map(time) }))
}

pub(super) fn caveat_use(wire: &api::CaveatUse, at: &str) -> Checked<CaveatUse> {
    Ok(CaveatUse {
        name: CaveatName::new(&wire.name).map_err(name_refused(format!("{at}.name")))?,
        context: json::from_wire_members(&wire.context),
    })
}

pub(crate) fn relationship_filter(wire: &api::RelationshipFilter, at: &str) -> Checked<RelationshipFilter> {
    let place = |member: &str| if at.is_empty() { member.to_owned() } else { format!("{at}.{member}") };
    let subject_id = match wire.subject_id.as_deref() {
        Some("*") => Some(SubjectIdFilter::Wildcard),
        other => object_id(other, &place("subject_id"))?.map(SubjectIdFilter::Object),
    };
    let subject_relation = match wire.subject_relation.as_deref() {
        None => None,
        Some("...") => Some(SubjectRelationFilter::Absent),
        Some(text) => Some(SubjectRelationFilter::Named(relation(text, place("subject_relation"))?)),
    };
    let caveat = wire.caveat.as_deref().map(|text| CaveatName::new(text).map_err(name_refused(place("caveat"))));
    Ok(RelationshipFilter {
        resource_type: type_name(wire.resource_type.as_deref(), &place("resource_type"))?,
        resource_id: object_id(wire.resource_id.as_deref(), &place("resource_id"))?,
        resource_id_prefix: wire.resource_id_prefix.clone(),
        relation: wire.relation.as_deref().map(|text| relation(text, place("relation"))).transpose()?,
        subject_type: type_name(wire.subject_type.as_deref(), &place("subject_type"))?,
        subject_id,
        subject_relation,
        caveat: caveat.transpose()?,
        expires: wire.expires,
    })
}

/// Relationships to write, as the library takes them.
pub(crate) fn relationship_write(wire: &api::WriteRelationships) -> Checked<RelationshipWrite> {
    let mut updates = Vec::with_capacity(wire.touch.len() + wire.create.len() + wire.delete.len());
    for (name, operation, entries) in [
        ("touch", Operation::Touch, &wire.touch),
        ("create", Operation::Create, &wire.create),
        ("delete", Operation::Delete, &wire.delete),
    ] {
        for (position, entry) in entries.iter().enumerate() {
            let (relationship, terms) = relationship_on_terms(entry, format_args!("{name}[{position}]"))?;
            // What is deleted is named; on which terms it held makes no difference.
            let terms = if operation == Operation::Delete { Terms::default() } else { terms };
            updates.push(RelationshipUpdate { operation, relationship, terms });
        }
    }
    Ok(RelationshipWrite {
        updates,
        preconditions: preconditions(&wire.preconditions)?,
        metadata: metadata(&wire.metadata),
    })
}

pub(crate) fn relationship_deletion(wire: &api::DeleteRelationships) -> Checked<DeleteRelationships> {
    Ok(DeleteRelationships {
        filter: relationship_filter(&wire.filter, "filter")?,
        preconditions: preconditions(&wire.preconditions)?,
        limit: wire.limit.map(|limit| u64::try_from(limit).unwrap_or(u64::MAX)),
        allow_partial: wire.partial,
        metadata: metadata(&wire.metadata),
    })
}

fn preconditions(wire: &[api::Precondition]) -> Checked<Vec<Precondition>> {
    let checked = wire.iter().enumerate().map(|(position, precondition)| {
        let filter = relationship_filter(&precondition.filter, &format!("preconditions[{position}].filter"))?;
        Ok(Precondition { must_match: precondition.must == api::Must::Match, filter })
    });
    checked.collect()
}

fn metadata(wire: &serde_json::Map<String, serde_json::Value>) -> Option<Value> {
    (!wire.is_empty()).then(|| Value::Map(json::from_wire_members(wire)))
}

/// On which state a question is to be answered.
pub(crate) fn consistency(wire: Option<&api::Consistency>) -> Consistency {
    match wire {
        None | Some(api::Consistency::Latest) => Consistency::FullyConsistent,
        Some(api::Consistency::AtLeast(token)) => Consistency::AtLeastAsFresh(token.clone()),
        Some(api::Consistency::Exactly(token)) => Consistency::AtExactSnapshot(token.clone()),
    }
}

pub(crate) fn type_name(text: Option<&str>, at: &str) -> Checked<Option<TypeName>> {
    text.map(|text| TypeName::new(text).map_err(name_refused(at))).transpose()
}

pub(crate) fn object_id(text: Option<&str>, at: &str) -> Checked<Option<ObjectId>> {
    text.map(|text| ObjectId::new(text).map_err(name_refused(at))).transpose()
}

/// An object in two parameters of a query: both, or neither.
pub(crate) fn object_pair(kind: Option<&str>, id: Option<&str>, at: &str) -> Checked<Option<ObjectRef>> {
    match (type_name(kind, &format!("{at}_type"))?, object_id(id, &format!("{at}_id"))?) {
        (Some(kind), Some(id)) => Ok(Some(ObjectRef { kind, id })),
        (None, None) => Ok(None),
        _ => Err(Refusal::invalid(
            "query_invalid",
            format!("`{at}_type` and `{at}_id` go together: give both, or neither"),
        )),
    }
}

/// Cursors are names of entries inside; outside they are opaque, and safe in an address.
pub(crate) fn page(limit: Option<usize>, cursor: Option<&str>) -> Checked<Page> {
    let after = cursor.map(|text| {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
            Refusal::invalid("cursor_invalid", "the cursor is not the `next_cursor` of a page of this list")
        })
    });
    Ok(Page { size: limit.unwrap_or(PAGE_ENTRIES_DEFAULT), after: after.transpose()? })
}

pub(crate) fn time(wire: api::Time) -> Timestamp {
    Timestamp(wire.as_ms())
}

pub(super) fn too_many(at: String, max: usize) -> Refusal {
    let message = format!("at most {max} entries");
    Refusal::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "limit_exceeded", prokura_model::Fault::Limit, message)
        .at(at)
}

pub(crate) fn spoken_for(wire: &api::SpokenFor, at: &str) -> Checked<SpokenFor> {
    match (&wire.kind, &wire.id, wire.wildcard) {
        (None, None, true) => Ok(SpokenFor::Any),
        (Some(kind), None, true) => {
            TypeName::new(kind).map(SpokenFor::Type).map_err(name_refused(format!("{at}.type")))
        }
        (Some(kind), Some(id), false) => {
            let wire = api::ObjectRef { kind: kind.clone(), id: id.clone() };
            object(&wire, at).map(SpokenFor::Object)
        }
        _ => Err(Refusal::invalid_at(
            at,
            "spoken_for_invalid",
            "one of `{type, id}`, `{type, wildcard: true}` and `{wildcard: true}`",
        )),
    }
}

pub(crate) fn key_role(wire: &api::NewKey) -> Checked<KeyRole> {
    let spoken_for = wire
        .speaks_for
        .iter()
        .enumerate()
        .map(|(position, entry)| spoken_for(entry, &format!("speaks_for[{position}]")))
        .collect::<Checked<Vec<_>>>()?;
    match (wire.role, spoken_for.is_empty()) {
        (api::Role::EnforcementPoint, false) => Ok(KeyRole::EnforcementPoint(spoken_for)),
        (api::Role::EnforcementPoint, true) => Err(Refusal::invalid_at(
            "speaks_for",
            "speaks_for_missing",
            "an enforcement point speaks for someone; `[{\"wildcard\": true}]` is anyone",
        )),
        (api::Role::Admin, true) => Ok(KeyRole::Admin),
        (api::Role::Auditor, true) => Ok(KeyRole::Auditor),
        (api::Role::Admin | api::Role::Auditor, false) => Err(Refusal::invalid_at(
            "speaks_for",
            "speaks_for_unexpected",
            "only an enforcement point speaks for others",
        )),
    }
}

pub(crate) fn key_scope(wire: &api::KeyScope) -> Checked<KeyScope> {
    match wire {
        api::KeyScope::AllTenants(true) => Ok(KeyScope::AllTenants),
        api::KeyScope::AllTenants(false) => {
            Err(Refusal::invalid_at("scope.all_tenants", "scope_invalid", "`true`, or instead `{\"tenant\": NAME}`"))
        }
        api::KeyScope::Tenant(name) => {
            TenantName::new(name).map(KeyScope::Tenant).map_err(name_refused("scope.tenant"))
        }
    }
}

pub(crate) fn principal_state(wire: api::PrincipalState) -> PrincipalState {
    match wire {
        api::PrincipalState::Active => PrincipalState::Active,
        api::PrincipalState::Suspended => PrincipalState::Suspended,
        api::PrincipalState::OffBoarded => PrincipalState::OffBoarded,
    }
}

pub(crate) fn task_state(wire: api::TaskState) -> TaskState {
    match wire {
        api::TaskState::Open => TaskState::Open,
        api::TaskState::Completed => TaskState::Completed,
        api::TaskState::Cancelled => TaskState::Cancelled,
    }
}

pub(crate) fn delegation_kind(wire: api::DelegationKind) -> DelegationKind {
    match wire {
        api::DelegationKind::Lends => DelegationKind::Lends,
        api::DelegationKind::Dispatches => DelegationKind::Dispatches,
    }
}

pub(crate) fn disposition(wire: api::Disposition) -> Disposition {
    match wire {
        api::Disposition::Allow => Disposition::Allow,
        api::Disposition::Deny => Disposition::Deny,
        api::Disposition::Conditional => Disposition::Conditional,
        api::Disposition::Held => Disposition::Held,
    }
}

/// One of two ways to say when something is over.
pub(crate) fn expiry(at: Option<api::Time>, in_seconds: Option<u64>, path: &str) -> Checked<Option<Expiry>> {
    match (at, in_seconds) {
        (None, None) => Ok(None),
        (Some(at), None) => Ok(Some(Expiry::At(time(at)))),
        (None, Some(seconds)) => Ok(Some(Expiry::AfterMs(seconds.saturating_mul(1_000)))),
        (Some(_), Some(_)) => {
            Err(Refusal::invalid_at(path, "expiry_twice", "give `expires_at` or `expires_in_seconds`, not both"))
        }
    }
}

pub(crate) fn declaration(wire: &api::Declaration) -> Checked<Declaration> {
    Ok(Declaration {
        schema: wire.schema.clone(),
        relationships: section(wire.relationships.as_deref(), "declaration.relationships", |entry, at| {
            relationship_on_terms(entry, at)
        })?,
        attributes: match &wire.attributes {
            None => None,
            Some(entries) => Some(declared_attributes(entries)?),
        },
        principals: section(wire.principals.as_deref(), "declaration.principals", declared_principal)?,
        tasks: section(wire.tasks.as_deref(), "declaration.tasks", declared_task)?,
        delegations: section(wire.delegations.as_deref(), "declaration.delegations", declared_delegation)?,
        endorsements: section(wire.endorsements.as_deref(), "declaration.endorsements", declared_endorsement)?,
        authzen: wire.authzen.as_ref().map(|mapping| authzen_mapping(mapping, "declaration.authzen")).transpose()?,
    })
}

pub(crate) fn authzen_mapping(wire: &api::authzen::Mapping, at: &str) -> Checked<AuthzenMapping> {
    let mut mapping = AuthzenMapping::default();
    for (name, permission) in &wire.actions {
        let permission = RelationName::new(permission).map_err(name_refused(format!("{at}.actions.{name}")))?;
        mapping.actions.insert(name.clone(), permission);
    }
    for (name, kind) in &wire.types {
        let kind = TypeName::new(kind).map_err(name_refused(format!("{at}.types.{name}")))?;
        mapping.types.insert(name.clone(), kind);
    }
    for (name, resource) in &wire.resources {
        mapping.resources.insert(name.clone(), object(resource, format_args!("{at}.resources.{name}"))?);
    }
    Ok(mapping)
}

fn section<W, M>(wire: Option<&[W]>, path: &str, convert: impl Fn(&W, &str) -> Checked<M>) -> Checked<Option<Vec<M>>> {
    let Some(entries) = wire else { return Ok(None) };
    let converted = entries.iter().enumerate().map(|(position, entry)| convert(entry, &format!("{path}[{position}]")));
    converted.collect::<Checked<Vec<_>>>().map(Some)
}

type Attributes = std::collections::BTreeMap<String, Value>;

fn declared_attributes(
    entries: &[api::ObjectAttributes],
) -> Checked<std::collections::BTreeMap<ObjectRef, Attributes>> {
    let mut attributes = std::collections::BTreeMap::new();
    for (position, entry) in entries.iter().enumerate() {
        let at = format!("declaration.attributes[{position}]");
        let object = object(&entry.object, format_args!("{at}.object"))?;
        let shown = object.to_string();
        if attributes.insert(object, json::from_wire_members(&entry.attributes)).is_some() {
            return Err(Refusal::invalid_at(
                at,
                "declared_twice",
                format!("the attributes of `{shown}` are declared twice"),
            ));
        }
    }
    Ok(attributes)
}

fn declared_principal(wire: &api::DeclaredPrincipal, at: &str) -> Checked<DeclaredPrincipal> {
    Ok(DeclaredPrincipal {
        object: object(&wire.object, format_args!("{at}.object"))?,
        owner: optional_object(wire.owner.as_ref(), &format!("{at}.owner"))?,
        state: wire.state.map(principal_state),
    })
}

fn declared_task(wire: &api::DeclaredTask, at: &str) -> Checked<DeclaredTask> {
    let expires = expiry(wire.expires_at, wire.expires_in_seconds, at)?
        .ok_or_else(|| Refusal::invalid_at(at, "expiry_missing", "give `expires_at` or `expires_in_seconds`"))?;
    Ok(DeclaredTask {
        id: task_id(&wire.id, format!("{at}.id"))?,
        origin: object(&wire.origin, format_args!("{at}.origin"))?,
        purpose: wire.purpose.clone(),
        expires,
        parent: wire.parent.as_deref().map(|id| task_id(id, format!("{at}.parent"))).transpose()?,
        owner: optional_object(wire.owner.as_ref(), &format!("{at}.owner"))?,
        budgets: super::budgets(&wire.budgets, &format!("{at}.budgets"))?,
    })
}

fn declared_endorsement(wire: &api::DeclaredEndorsement, at: &str) -> Checked<DeclaredEndorsement> {
    Ok(DeclaredEndorsement {
        id: endorsement_id(&wire.id, format!("{at}.id"))?,
        worker: object(&wire.worker, format_args!("{at}.worker"))?,
        by: object(&wire.by, format_args!("{at}.by"))?,
        cap: cap(&wire.cap, format_args!("{at}.cap"))?,
        origins: origins(&wire.origins, &format!("{at}.origins"))?,
        expires_at: wire.expires_at.map(time),
    })
}

/// The origins of an endorsement.
pub(crate) fn origins(wire: &[api::SubjectRef], at: &str) -> Checked<BTreeSet<SubjectRef>> {
    if wire.len() > ENDORSEMENT_ORIGINS_MAX {
        return Err(too_many(at.to_owned(), ENDORSEMENT_ORIGINS_MAX));
    }
    wire.iter().enumerate().map(|(position, origin)| subject(origin, format_args!("{at}[{position}]"))).collect()
}

fn declared_delegation(wire: &api::DeclaredDelegation, at: &str) -> Checked<DeclaredDelegation> {
    Ok(DeclaredDelegation {
        id: delegation_id(&wire.id, format!("{at}.id"))?,
        kind: delegation_kind(wire.kind),
        task: task_id(&wire.task, format!("{at}.task"))?,
        from: object(&wire.from, format_args!("{at}.from"))?,
        to: object(&wire.to, format_args!("{at}.to"))?,
        parent: wire.parent.as_deref().map(|id| delegation_id(id, format!("{at}.parent"))).transpose()?,
        cap: cap(&wire.cap, format_args!("{at}.cap"))?,
        depth: wire.depth,
        not_before: wire.not_before.map(time),
        expires_at: wire.expires_at.map(time),
        uses: wire.uses,
    })
}
