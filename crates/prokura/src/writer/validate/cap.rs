use std::collections::BTreeSet;

use prokura_model::{
    Cap, CapClause, CapPermissions, CapResource, RelationName, Schema, TypeName,
    limits::{CAP_CLAUSES_MAX, CAP_ENTRIES_MAX},
    schema::UnknownName,
};

use super::within;
use crate::WriteError;

/// Every type a cap names exists, and every permission exists on at least one of the types it stands beside: a misspelt
/// one would carry nothing, and nobody would know why.
pub(super) fn check_cap(schema: &Schema, cap: &Cap, place: impl Fn() -> String) -> Result<(), WriteError> {
    within("clauses in a cap", CAP_CLAUSES_MAX, cap.clauses.len())?;
    cap.clauses.iter().try_for_each(|clause| {
        check_sizes(clause)?;
        check_names(schema, clause).map_err(|unknown| WriteError::NameUnknown { place: place(), unknown })
    })
}

fn check_sizes(clause: &CapClause) -> Result<(), WriteError> {
    within("resources in a clause of a cap", CAP_ENTRIES_MAX, clause.resources.len())?;
    match &clause.permissions {
        CapPermissions::Any => Ok(()),
        CapPermissions::Only(permissions) => {
            within("permissions in a clause of a cap", CAP_ENTRIES_MAX, permissions.len())
        }
    }
}

fn check_names(schema: &Schema, clause: &CapClause) -> Result<(), UnknownName> {
    let types: BTreeSet<&TypeName> = clause
        .resources
        .iter()
        .map(|resource| match resource {
            CapResource::Type(kind) => kind,
            CapResource::Object(object) => &object.kind,
        })
        .collect();
    for kind in &types {
        schema.find_definition(kind)?;
    }
    match &clause.permissions {
        CapPermissions::Any => Ok(()),
        CapPermissions::Only(permissions) => {
            permissions.iter().try_for_each(|permission| on_one_of(schema, &types, permission))
        }
    }
}

fn on_one_of(schema: &Schema, types: &BTreeSet<&TypeName>, permission: &RelationName) -> Result<(), UnknownName> {
    let mut unknown = Ok(());
    for kind in types {
        match schema.find_member(kind, permission) {
            Ok(_) => return Ok(()),
            Err(error) => unknown = Err(error),
        }
    }
    unknown
}
