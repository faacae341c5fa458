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
