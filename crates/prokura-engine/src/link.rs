use std::{collections::HashSet, ops::Deref, sync::Arc};

use prokura_model::{CapClause, Delegation, ObjectRef, RelationName};

use crate::hash::NameHash;

/// A delegation as decisions read it: every one through it asks whether its cap covers what is asked for.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) delegation: Arc<Delegation>,
    /// For each clause of the cap, the objects that it names.
    objects: Box<[HashSet<ObjectRef, NameHash>]>,
    narrow: bool,
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
        let objects = objects.collect();
        let narrow = delegation.cap.clauses.iter().any(CapClause::is_narrow);
        Self { objects, narrow, delegation: Arc::new(delegation) }
    }

    /// Whether what its cap carries depends on more than names.
    pub(crate) fn is_narrow(&self) -> bool {
        self.narrow
    }

    /// Whether a clause without a condition carries it by its name or its type.
    pub(crate) fn names(&self, permission: &RelationName, resource: &ObjectRef) -> bool {
        self.cap.clauses.iter().zip(&self.objects).any(|(clause, objects)| {
            clause.condition.is_none()
                && clause.permissions.cover(permission)
                && (objects.contains(resource) || clause.types().any(|kind| *kind == resource.kind))
        })
    }
}

#[cfg(test)]
mod tests {
    use prokura_model::{Cap, CapPermissions, DelegationId, DelegationKind, TaskId};

    use super::*;

    #[test]
    fn a_link_names_what_its_cap_names() {
        let clause = |permissions: &[&str], resources: &[&str]| CapClause {
            permissions: match permissions {
                [] => CapPermissions::Any,
                some => CapPermissions::Only(some.iter().map(|name| RelationName::new(name).unwrap()).collect()),
            },
            resources: resources.iter().map(|text| text.parse().unwrap()).collect(),
            condition: None,
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
            uses: None,
        });
        let mut covered = 0;
        for permission in ["read", "list", "push"].map(|name| RelationName::new(name).unwrap()) {
            for resource in ["repo:one", "repo:two", "file:any", "branch:main", "branch:next", "branch:old"].map(object)
            {
                let clauses = link.cap.clauses.iter().filter(|clause| clause.permissions.cover(&permission));
                let named = clauses.filter(|clause| clause.names(&resource)).count() > 0;
                assert_eq!(link.names(&permission, &resource), named);
                covered += u32::from(named);
            }
        }
        assert_eq!(covered, 10);
    }
}
