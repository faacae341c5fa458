use std::{collections::HashSet, ops::Deref, sync::Arc};

use prokura_model::{Delegation, ObjectRef, RelationName};

use crate::hash::NameHash;

/// A delegation as decisions read it: every one through it asks whether its cap covers what is asked for.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) delegation: Arc<Delegation>,
    /// For each clause of the cap, the objects that it names.
    objects: Box<[HashSet<ObjectRef, NameHash>]>,
}

impl Deref for Link {
    type Target = Delegation;

    fn deref(&self) -> &Delegation {
        &self.delegation
    }
}

impl Link {
    pub(crate) fn new(delegation: Delegation) -> Self {
        let hash = NameHash::new();
        let objects = delegation.cap.clauses.iter().map(|clause| {
            let mut objects = HashSet::with_hasher(hash);
            objects.extend(clause.objects().cloned());
            objects
        });
        Self { objects: objects.collect(), delegation: Arc::new(delegation) }
    }

    /// The same as [`Cap::covers`](prokura_model::Cap::covers).
    pub(crate) fn covers(&self, permission: &RelationName, resource: &ObjectRef) -> bool {
        self.cap.clauses.iter().zip(&self.objects).any(|(clause, objects)| {
            clause.permissions.cover(permission)
                && (objects.contains(resource) || clause.types().any(|kind| *kind == resource.kind))
        })
    }
}

#[cfg(test)]
mod tests {
    use prokura_model::{Cap, CapClause, CapPermissions, DelegationId, DelegationKind, TaskId};

    use super::*;

    #[test]
    fn a_link_covers_what_its_cap_covers() {
        let clause = |permissions: &[&str], resources: &[&str]| CapClause {
            permissions: match permissions {
                [] => CapPermissions::Any,
                some => CapPermissions::Only(some.iter().map(|name| RelationName::new(name).unwrap()).collect()),
            },
            resources: resources.iter().map(|text| text.parse().unwrap()).collect(),
        };
        let object = |text: &str| text.parse::<ObjectRef>().unwrap();
        let link = Link::new(Delegation {
            id: DelegationId::new("d").unwrap(),
            task: TaskId::new("t").unwrap(),
            kind: DelegationKind::Lends,
            from: object("user:alice"),
            to: object("agent:coder"),
            parent: None,
            cap: Cap {
                clauses: vec![
                    clause(&["read", "list"], &["repo:one", "file:*"]),
                    clause(&[], &["branch:main", "branch:next"]),
                ],
            },
            depth: 0,
            not_before: None,
            expires_at: None,
            revoked_at: None,
            declared: false,
        });
        let mut covered = 0;
        for permission in ["read", "list", "push"].map(|name| RelationName::new(name).unwrap()) {
            for resource in ["repo:one", "repo:two", "file:any", "branch:main", "branch:next", "branch:old"].map(object)
            {
                assert_eq!(link.covers(&permission, &resource), link.cap.covers(&permission, &resource));
                covered += u32::from(link.covers(&permission, &resource));
            }
        }
        assert_eq!(covered, 10);
    }
}
