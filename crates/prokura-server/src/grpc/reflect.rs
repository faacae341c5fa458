//! A schema as data: what it defines, what depends on what, and what is different in another one.

mod depend;
mod diff;

use prokura_api::grpc::v1::{self, ErrorReason, reflection_type_reference::Typeref};
use prokura_model::{
    Schema,
    schema::{Allowed, AllowedSubject, Caveat, Definition, Member, Permission, Relation},
};
use tonic::{Code, Status};

use super::refused::reasoned;

pub(super) use depend::{computable, dependent};
pub(super) use diff::diff;

/// What the filters leave of the schema; without filters, everything.
pub(super) fn reflected(
    schema: &Schema,
    filters: &[v1::ReflectionSchemaFilter],
) -> Result<(Vec<v1::ReflectionDefinition>, Vec<v1::ReflectionCaveat>), Status> {
    filters.iter().try_for_each(check_filter)?;
    let any = |wanted: &dyn Fn(&v1::ReflectionSchemaFilter) -> bool| filters.is_empty() || filters.iter().any(wanted);
    let mut definitions = Vec::new();
    for definition in schema.definitions().values() {
        let name = definition.name.as_str();
        if !any(&|filter| names_definition(filter, name)) {
            continue;
        }
        let mut found = wire_definition(definition);
        found.relations.retain(|relation| {
            any(&|filter| names_definition(filter, name) && names_member(filter, &relation.name, false))
        });
        found.permissions.retain(|permission| {
            any(&|filter| names_definition(filter, name) && names_member(filter, &permission.name, true))
        });
        definitions.push(found);
    }
    let caveats = schema.caveats().values().filter(|caveat| {
        any(&|filter| {
            let prefix = &filter.optional_caveat_name_filter;
            !prefix.is_empty() && caveat.name.as_str().starts_with(prefix.as_str()) || names_nothing(filter)
        })
    });
    Ok((definitions, caveats.map(wire_caveat).collect()))
}

fn names_nothing(filter: &v1::ReflectionSchemaFilter) -> bool {
    *filter == v1::ReflectionSchemaFilter::default()
}

fn names_definition(filter: &v1::ReflectionSchemaFilter, name: &str) -> bool {
    filter.optional_caveat_name_filter.is_empty() && name.starts_with(&filter.optional_definition_name_filter)
}

fn names_member(filter: &v1::ReflectionSchemaFilter, name: &str, permission: bool) -> bool {
    let (own, other) = if permission {
        (&filter.optional_permission_name_filter, &filter.optional_relation_name_filter)
    } else {
        (&filter.optional_relation_name_filter, &filter.optional_permission_name_filter)
    };
    if own.is_empty() { other.is_empty() } else { name.starts_with(own) }
}

fn check_filter(filter: &v1::ReflectionSchemaFilter) -> Result<(), Status> {
    let v1::ReflectionSchemaFilter {
        optional_definition_name_filter: definition,
        optional_caveat_name_filter: caveat,
        optional_relation_name_filter: relation,
        optional_permission_name_filter: permission,
    } = filter;
    let members = !relation.is_empty() || !permission.is_empty();
    let fault = if !caveat.is_empty() && (members || !definition.is_empty()) {
        "a filter for caveats names nothing else"
    } else if !relation.is_empty() && !permission.is_empty() {
        "a filter names relations or permissions, not both"
    } else if definition.is_empty() && members {
        "a filter for relations or permissions names their definition, too"
    } else {
        return Ok(());
    };
    Err(reasoned(Code::InvalidArgument, ErrorReason::InvalidFilter, fault, []))
}

fn wire_definition(definition: &Definition) -> v1::ReflectionDefinition {
    let mut found = v1::ReflectionDefinition {
        name: definition.name.to_string(),
        comment: definition.doc.clone().unwrap_or_default(),
        ..Default::default()
    };
    for member in definition.members.values() {
        match member {
            Member::Relation(relation) => found.relations.push(wire_relation(definition, relation)),
            Member::Permission(permission) => found.permissions.push(wire_permission(definition, permission)),
        }
    }
    found
}

fn wire_relation(definition: &Definition, relation: &Relation) -> v1::ReflectionRelation {
    v1::ReflectionRelation {
        name: relation.name.to_string(),
        comment: relation.doc.clone().unwrap_or_default(),
        parent_definition_name: definition.name.to_string(),
        subject_types: relation.allowed.iter().map(wire_allowed).collect(),
    }
}

fn wire_allowed(allowed: &Allowed) -> v1::ReflectionTypeReference {
    let typeref = match &allowed.subject {
        AllowedSubject::Object(_) => Typeref::IsTerminalSubject(true),
        AllowedSubject::Userset(_, relation) => Typeref::OptionalRelationName(relation.to_string()),
        AllowedSubject::Wildcard(_) => Typeref::IsPublicWildcard(true),
    };
    v1::ReflectionTypeReference {
        subject_definition_name: allowed.subject.kind().to_string(),
        optional_caveat_name: allowed.caveat.as_ref().map(ToString::to_string).unwrap_or_default(),
        typeref: Some(typeref),
    }
}

fn wire_permission(definition: &Definition, permission: &Permission) -> v1::ReflectionPermission {
    v1::ReflectionPermission {
        name: permission.name.to_string(),
        comment: permission.doc.clone().unwrap_or_default(),
        parent_definition_name: definition.name.to_string(),
    }
}

fn wire_caveat(caveat: &Caveat) -> v1::ReflectionCaveat {
    v1::ReflectionCaveat {
        name: caveat.name.to_string(),
        comment: caveat.doc.clone().unwrap_or_default(),
        parameters: caveat
            .parameters
            .iter()
            .map(|(name, kind)| v1::ReflectionCaveatParameter {
                name: name.clone(),
                r#type: kind.to_string(),
                parent_caveat_name: caveat.name.to_string(),
            })
            .collect(),
        expression: caveat.expression.clone(),
    }
}
