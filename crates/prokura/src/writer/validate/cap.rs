use std::collections::BTreeSet;

use prokura_model::{
    Cap, CapClause, CapPermissions, RelationName, ResourceQuery, Schema, TypeName,
    limits::{CAP_CLAUSES_MAX, CAP_ENTRIES_MAX},
    schema::{Member, UnknownName},
};

use super::{context_bound, within};
use crate::{CapFault, WriteError};

/// Every type a cap names exists, and every permission exists on at least one of the types it stands beside: a misspelt
/// one would carry nothing, and nobody would know why. So it is with the caveats of conditions, and the names in queries.
pub(super) fn check_cap(schema: &Schema, cap: &Cap, place: impl Fn() -> String) -> Result<(), WriteError> {
    within("clauses in a cap", CAP_CLAUSES_MAX, cap.clauses.len())?;
    cap.clauses.iter().try_for_each(|clause| {
        check_sizes(clause)?;
        let unknown = |unknown| WriteError::NameUnknown { place: place(), unknown };
        let invalid = |fault| WriteError::CapInvalid { place: place(), fault: Box::new(fault) };
        check_names(schema, clause).map_err(unknown)?;
        for query in clause.queries() {
            check_query(schema, query).map_err(unknown)?.map_err(invalid)?;
        }
        let Some(condition) = &clause.condition else { return Ok(()) };
        context_bound(&format_args!("the condition of a clause of the {}", place()), &condition.context)?;
        schema.check_caveat_use(condition).map_err(|fault| invalid(fault.into()))
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
    let types: BTreeSet<&TypeName> = clause.resources.iter().map(|resource| resource.kind()).collect();
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

/// What the origin is to have is a member of the type, and so is the relation that is followed.
fn check_query(schema: &Schema, query: &ResourceQuery) -> Result<Result<(), CapFault>, UnknownName> {
    if let Some(permission) = &query.origin_has {
        schema.find_member(&query.kind, permission)?;
    }
    let Some(under) = &query.under else { return Ok(Ok(())) };
    schema.find_definition(&under.resource.kind)?;
    Ok(match schema.find_member(&query.kind, &under.by)? {
        Member::Relation(_) => Ok(()),
        Member::Permission(_) => Err(CapFault::NotARelation { kind: query.kind.clone(), name: under.by.clone() }),
    })
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
