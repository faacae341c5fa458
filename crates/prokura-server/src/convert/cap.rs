//! Caps, both ways.

use std::{collections::BTreeSet, fmt::Display};

use prokura_api as api;
use prokura_model::{
    Cap, CapClause, CapPermissions, CapResource, ObjectId, ObjectRef, ResourceQuery, TypeName, Under,
    limits::CAP_CLAUSES_MAX, limits::CAP_ENTRIES_MAX,
};

use super::{
    into_model::{Checked, caveat_use, name_refused, object, relation, too_many},
    into_wire::{wire_caveat_use, wire_object},
};
use crate::error::Refusal;

pub(crate) fn cap(wire: &api::Cap, at: impl Display) -> Checked<Cap> {
    if wire.clauses.len() > CAP_CLAUSES_MAX {
        return Err(too_many(format!("{at}.clauses"), CAP_CLAUSES_MAX));
    }
    let clauses = wire.clauses.iter().enumerate().map(|(position, clause)| {
        let at = format!("{at}.clauses[{position}]");
        if clause.permissions.len() > CAP_ENTRIES_MAX {
            return Err(too_many(format!("{at}.permissions"), CAP_ENTRIES_MAX));
        }
        if clause.resources.len() > CAP_ENTRIES_MAX {
            return Err(too_many(format!("{at}.resources"), CAP_ENTRIES_MAX));
        }
        Ok(CapClause {
            permissions: cap_permissions(&clause.permissions, &at)?,
            resources: clause
                .resources
                .iter()
                .enumerate()
                .map(|(position, resource)| cap_resource(resource, &format!("{at}.resources[{position}]")))
                .collect::<Checked<BTreeSet<_>>>()?,
            condition: clause.when.as_ref().map(|used| caveat_use(used, &format!("{at}.when"))).transpose()?,
        })
    });
    Ok(Cap { clauses: clauses.collect::<Checked<Vec<_>>>()? })
}

fn cap_permissions(wire: &[String], at: &str) -> Checked<CapPermissions> {
    if let [only] = wire
        && only == "*"
    {
        return Ok(CapPermissions::Any);
    }
    let named = wire.iter().enumerate().map(|(position, text)| relation(text, format!("{at}.permissions[{position}]")));
    Ok(CapPermissions::Only(named.collect::<Checked<BTreeSet<_>>>()?))
}

fn cap_resource(wire: &api::CapResource, at: &str) -> Checked<CapResource> {
    let kind = TypeName::new(&wire.kind).map_err(name_refused(format!("{at}.type")))?;
    let origin_has = wire.origin_has.as_ref().map(|text| relation(text, format!("{at}.origin_has"))).transpose()?;
    let under = wire.under.as_ref().map(|under| cap_under(under, &format!("{at}.under"))).transpose()?;
    match (&wire.id, wire.wildcard) {
        (None, true) if origin_has.is_none() && under.is_none() => Ok(CapResource::Type(kind)),
        (None, true) => Ok(CapResource::Query(ResourceQuery { kind, origin_has, under })),
        (Some(id), false) if origin_has.is_none() && under.is_none() => {
            let id = ObjectId::new(id).map_err(name_refused(format!("{at}.id")))?;
            Ok(CapResource::Object(ObjectRef { kind, id }))
        }
        _ => Err(Refusal::invalid_at(
            at,
            "cap_resource_invalid",
            "a resource has an `id`, or it is `wildcard: true`: every object of the type, or those that `origin_has` and \
             `under` leave",
        )),
    }
}

fn cap_under(wire: &api::CapUnder, at: &str) -> Checked<Under> {
    Ok(Under {
        resource: object(&wire.resource, format!("{at}.resource"))?,
        by: relation(&wire.by, format!("{at}.by"))?,
    })
}

pub(crate) fn wire_cap(cap: &Cap) -> api::Cap {
    let clauses = cap.clauses.iter().map(|clause| api::CapClause {
        permissions: match &clause.permissions {
            CapPermissions::Any => vec!["*".to_owned()],
            CapPermissions::Only(names) => names.iter().map(|name| name.as_str().to_owned()).collect(),
        },
        resources: clause.resources.iter().map(wire_cap_resource).collect(),
        when: clause.condition.as_ref().map(wire_caveat_use),
    });
    api::Cap { clauses: clauses.collect() }
}

fn wire_cap_resource(resource: &CapResource) -> api::CapResource {
    let whole = api::CapResource {
        kind: resource.kind().as_str().to_owned(),
        id: None,
        wildcard: true,
        origin_has: None,
        under: None,
    };
    match resource {
        CapResource::Type(_) => whole,
        CapResource::Object(object) => {
            api::CapResource { id: Some(object.id.as_str().to_owned()), wildcard: false, ..whole }
        }
        CapResource::Query(query) => api::CapResource {
            origin_has: query.origin_has.as_ref().map(|name| name.as_str().to_owned()),
            under: query.under.as_ref().map(|under| api::CapUnder {
                resource: wire_object(&under.resource),
                by: under.by.as_str().to_owned(),
            }),
            ..whole
        },
    }
}
