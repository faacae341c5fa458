//! Whether one cap is surely inside another, whatever is asked and whatever the graph says.

use super::{Cap, CapClause, CapPermissions, CapResource, ResourceQuery};
use crate::RelationName;

impl Cap {
    /// The first part of a clause of this cap that is not provably inside the other one, as a clause of its own. None, if all
    /// of it is: for each permission on each resource there is a clause of the other that carries it, without a condition or
    /// with the same one.
    #[must_use]
    pub fn widening(&self, parent: &Self) -> Option<CapClause> {
        self.clauses.iter().find_map(|clause| {
            clause.resources.iter().find_map(|resource| {
                let inside: Vec<&CapClause> =
                    parent.clauses.iter().filter(|above| above.surrounds(clause, resource)).collect();
                let beyond = match &clause.permissions {
                    CapPermissions::Any => (!inside.iter().any(|above| above.permissions == CapPermissions::Any))
                        .then_some(CapPermissions::Any),
                    CapPermissions::Only(names) => {
                        let beyond = |name: &&RelationName| !inside.iter().any(|above| above.permissions.cover(name));
                        names.iter().find(beyond).map(|name| CapPermissions::Only([name.clone()].into()))
                    }
                };
                let resources = [resource.clone()].into();
                beyond.map(|permissions| CapClause { permissions, resources, condition: clause.condition.clone() })
            })
        })
    }
}

impl CapClause {
    /// Whether it carries the resource of the other clause whenever that one does, permissions left aside.
    fn surrounds(&self, inner: &Self, resource: &CapResource) -> bool {
        (self.condition.is_none() || self.condition == inner.condition)
            && self.resources.iter().any(|own| own.surrounds(resource))
    }
}

impl CapResource {
    /// Whether it means everything that the other does.
    fn surrounds(&self, inner: &Self) -> bool {
        match (self, inner) {
            (Self::Type(kind), inner) => kind == inner.kind(),
            (Self::Query(query), Self::Query(inner)) => query.surrounds(inner),
            (own, inner) => own == inner,
        }
    }
}

impl ResourceQuery {
    /// Whether the other one has each of its restrictions.
    fn surrounds(&self, inner: &Self) -> bool {
        self.kind == inner.kind
            && (self.origin_has.is_none() || self.origin_has == inner.origin_has)
            && (self.under.is_none() || self.under == inner.under)
    }
}
