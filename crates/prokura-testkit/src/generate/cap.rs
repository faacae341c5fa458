//! Caps that say narrow things: conditions, and queries.

use std::collections::BTreeSet;

use prokura_model::{CapClause, CapResource, CaveatUse, ObjectRef, RelationName, ResourceQuery, SubjectRef, Under};

use super::{Maker, schema::caveat_name, terms::CAVEATS};

impl Maker {
    /// Now and then a clause that carries a request only under a condition, or because of where the resource stands.
    pub(super) fn narrowed(&mut self, clause: CapClause, permission: &RelationName, resource: &ObjectRef) -> CapClause {
        if !self.aside.chance(17) {
            return clause;
        }
        self.narrowed_surely(clause, permission, resource)
    }

    pub(super) fn narrowed_surely(
        &mut self,
        mut clause: CapClause,
        permission: &RelationName,
        resource: &ObjectRef,
    ) -> CapClause {
        if self.aside.chance(45) {
            let (name, _) = *self.aside.pick(&CAVEATS);
            if self.schema().caveat(name).is_some() {
                let name = caveat_name(name);
                let context = self.bound_aside(&name);
                clause.condition = Some(CaveatUse { name, context });
            }
        }
        if self.aside.chance(65) {
            let query = self.query(permission, resource);
            if self.aside.chance(80) {
                clause.resources = BTreeSet::new();
            }
            clause.resources.insert(CapResource::Query(query));
        }
        clause
    }

    fn query(&mut self, permission: &RelationName, resource: &ObjectRef) -> ResourceQuery {
        let under = self.aside.chance(75).then(|| self.above(resource)).flatten();
        let wanted = if under.is_none() { 95 } else { 40 };
        let origin_has = self.aside.chance(wanted).then(|| {
            let names: Vec<_> = self
                .schema()
                .definition(resource.kind.as_str())
                .map_or_else(Vec::new, |definition| definition.members.keys().cloned().collect());
            if self.aside.chance(60) { permission.clone() } else { self.aside.pick(&names).clone() }
        });
        ResourceQuery { kind: resource.kind.clone(), origin_has, under }
    }

    /// A place above the resource by some relation, or one that is not.
    fn above(&mut self, resource: &ObjectRef) -> Option<Under> {
        let step = |from: &ObjectRef, by: Option<&RelationName>, maker: &Self| -> Vec<(RelationName, ObjectRef)> {
            let edges = maker.world.relationships.keys();
            let edges = edges.filter(|edge| edge.resource == *from && by.is_none_or(|by| edge.relation == *by));
            let next = edges.filter_map(|edge| match &edge.subject {
                SubjectRef::Object(next) | SubjectRef::Userset(next, _) => Some((edge.relation.clone(), next.clone())),
                SubjectRef::Wildcard(_) => None,
            });
            next.collect()
        };
        let first = step(resource, None, self);
        if first.is_empty() {
            return None;
        }
        let (by, mut at) = self.aside.pick(&first).clone();
        while self.aside.chance(80) {
            let next = step(&at, Some(&by), self);
            if next.is_empty() {
                break;
            }
            at = self.aside.pick(&next).1.clone();
        }
        match self.aside.below(10) {
            0 => Some(Under { resource: resource.clone(), by }),
            1 => {
                let others: Vec<_> = self.world.relationships.keys().map(|edge| edge.resource.clone()).collect();
                Some(Under { resource: self.aside.pick(&others).clone(), by })
            }
            _ => Some(Under { resource: at, by }),
        }
    }
}
