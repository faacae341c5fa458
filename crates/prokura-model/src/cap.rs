mod narrowing;

use std::{collections::BTreeSet, fmt};

use minicbor::{Decode, Encode};

use crate::{CaveatUse, ObjectRef, RelationName, TypeName};

/// What a link may carry: whatever at least one clause covers. A cap without clauses carries nothing.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Cap {
    /// Its clauses.
    #[n(0)]
    pub clauses: Vec<CapClause>,
}

/// Permissions × resources, and under which condition.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct CapClause {
    /// Which permissions.
    #[n(0)]
    pub permissions: CapPermissions,
    /// On which resources: whatever at least one entry covers.
    #[n(1)]
    pub resources: BTreeSet<CapResource>,
    /// A caveat of the schema that must hold, with some of its parameters bound. The question's arguments, and then its
    /// context, are values for the others.
    #[n(2)]
    #[cbor(default)]
    pub condition: Option<CaveatUse>,
}

/// The permissions of a clause.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum CapPermissions {
    /// Any, written `*`.
    #[n(0)]
    Any,
    /// These.
    #[n(1)]
    Only(#[n(0)] BTreeSet<RelationName>),
}

/// A resource of a clause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum CapResource {
    /// Every object of the type, written `type:*`.
    #[n(0)]
    Type(#[n(0)] TypeName),
    /// This object.
    #[n(1)]
    Object(#[n(0)] ObjectRef),
    /// Those objects of a type that a query finds when it is asked.
    #[n(2)]
    Query(#[n(0)] ResourceQuery),
}

/// Objects of a type as they stand on the graph, written `document:* where origin has view under folder:plans by parent`.
/// Without either restriction it finds every object of the type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ResourceQuery {
    /// Of this type.
    #[n(0)]
    pub kind: TypeName,
    /// On which the origin of the task has this permission (or stands in this relation).
    #[n(1)]
    pub origin_has: Option<RelationName>,
    /// From which this is reached.
    #[n(2)]
    pub under: Option<Under>,
}

/// A place in a hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Under {
    /// What is reached.
    #[n(0)]
    pub resource: ObjectRef,
    /// Following this relation, any number of times.
    #[n(1)]
    pub by: RelationName,
}

impl CapClause {
    /// The types of which it carries every object, under its condition.
    pub fn types(&self) -> impl Iterator<Item = &TypeName> {
        // Types sort before objects, and those before queries.
        self.resources.iter().map_while(|entry| match entry {
            CapResource::Type(kind) => Some(kind),
            CapResource::Object(_) | CapResource::Query(_) => None,
        })
    }

    /// The objects it carries one by one, under its condition.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectRef> {
        self.resources.iter().filter_map(|entry| match entry {
            CapResource::Object(object) => Some(object),
            CapResource::Type(_) | CapResource::Query(_) => None,
        })
    }

    /// The queries whose objects it carries, under its condition.
    pub fn queries(&self) -> impl Iterator<Item = &ResourceQuery> {
        self.resources.iter().rev().map_while(|entry| match entry {
            CapResource::Query(query) => Some(query),
            CapResource::Type(_) | CapResource::Object(_) => None,
        })
    }

    /// Whether it carries this resource by its name or its type, under its condition.
    #[must_use]
    pub fn names(&self, resource: &ObjectRef) -> bool {
        self.types().any(|kind| *kind == resource.kind) || self.objects().any(|object| object == resource)
    }

    /// Whether what it carries depends on more than names.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        self.condition.is_some() || self.queries().next().is_some()
    }
}

impl CapResource {
    /// The type it is of.
    #[must_use]
    pub fn kind(&self) -> &TypeName {
        match self {
            Self::Type(kind) => kind,
            Self::Object(object) => &object.kind,
            Self::Query(query) => &query.kind,
        }
    }
}

impl CapPermissions {
    /// Whether this one is among them.
    #[must_use]
    pub fn cover(&self, permission: &RelationName) -> bool {
        match self {
            Self::Any => true,
            Self::Only(permissions) => permissions.contains(permission),
        }
    }
}

impl fmt::Display for CapResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(kind) => write!(f, "{kind}:*"),
            Self::Object(object) => object.fmt(f),
            Self::Query(query) => query.fmt(f),
        }
    }
}

impl fmt::Display for ResourceQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:*", self.kind)?;
        if let Some(permission) = &self.origin_has {
            write!(f, " where origin has {permission}")?;
        }
        match &self.under {
            Some(Under { resource, by }) => write!(f, " under {resource} by {by}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.clauses.is_empty() {
            return f.write_str("nothing");
        }
        for (position, clause) in self.clauses.iter().enumerate() {
            if position > 0 {
                f.write_str("; ")?;
            }
            clause.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for CapClause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.permissions {
            CapPermissions::Any => f.write_str("*")?,
            CapPermissions::Only(permissions) => write_list(f, permissions)?,
        }
        f.write_str(" on ")?;
        write_list(f, &self.resources)?;
        match &self.condition {
            Some(condition) => write!(f, " when {condition}"),
            None => Ok(()),
        }
    }
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, entries: &BTreeSet<T>) -> fmt::Result {
    for (position, entry) in entries.iter().enumerate() {
        if position > 0 {
            f.write_str(", ")?;
        }
        entry.fmt(f)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
