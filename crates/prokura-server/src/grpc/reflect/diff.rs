use std::collections::BTreeMap;

use prokura_api::grpc::v1::{
    self, ReflectionCaveatParameterTypeChange, ReflectionRelationSubjectTypeChange, reflection_schema_diff::Diff,
};
use prokura_model::{
    Schema,
    schema::{Caveat, Definition, Member, Permission, Relation},
};

use super::{wire_allowed, wire_caveat, wire_definition, wire_permission, wire_relation};

/// What is different in the other schema, by name: definitions first, then caveats. What came or went whole is said once.
pub(in crate::grpc) fn diff(own: &Schema, other: &Schema) -> Vec<v1::ReflectionSchemaDiff> {
    let mut found = Found(Vec::new());
    for pair in paired(own.definitions(), other.definitions()) {
        match pair {
            Pair::Gone(definition) => found.push(Diff::DefinitionRemoved(wire_definition(definition))),
            Pair::New(definition) => found.push(Diff::DefinitionAdded(wire_definition(definition))),
            Pair::Both(own, other) => found.definition(own, other),
        }
    }
    for pair in paired(own.caveats(), other.caveats()) {
        match pair {
            Pair::Gone(caveat) => found.push(Diff::CaveatRemoved(wire_caveat(caveat))),
            Pair::New(caveat) => found.push(Diff::CaveatAdded(wire_caveat(caveat))),
            Pair::Both(own, other) => found.caveat(own, other),
        }
    }
    found.0
}

/// Something by its name: only here, only there, or in both.
enum Pair<'s, T> {
    Gone(&'s T),
    New(&'s T),
    Both(&'s T, &'s T),
}

fn paired<'s, K: Ord, T>(own: &'s BTreeMap<K, T>, other: &'s BTreeMap<K, T>) -> Vec<Pair<'s, T>> {
    let mut pairs: BTreeMap<&K, Pair<'s, T>> = own.iter().map(|(name, value)| (name, Pair::Gone(value))).collect();
    for (name, new) in other {
        let pair = own.get(name).map_or(Pair::New(new), |old| Pair::Both(old, new));
        pairs.insert(name, pair);
    }
    pairs.into_values().collect()
}

struct Found(Vec<v1::ReflectionSchemaDiff>);

impl Found {
    fn push(&mut self, diff: Diff) {
        self.0.push(v1::ReflectionSchemaDiff { diff: Some(diff) });
    }

    fn definition(&mut self, own: &Definition, other: &Definition) {
        if own.doc != other.doc {
            self.push(Diff::DefinitionDocCommentChanged(wire_definition(other)));
        }
        for pair in paired(&own.members, &other.members) {
            match pair {
                Pair::Gone(member) => self.gone(own, member),
                Pair::New(member) => self.new_member(other, member),
                Pair::Both(Member::Relation(old), Member::Relation(new)) => self.relation(other, old, new),
                Pair::Both(Member::Permission(old), Member::Permission(new)) => self.permission(other, old, new),
                Pair::Both(old, new) => {
                    self.gone(own, old);
                    self.new_member(other, new);
                }
            }
        }
    }

    fn gone(&mut self, definition: &Definition, member: &Member) {
        self.push(match member {
            Member::Relation(relation) => Diff::RelationRemoved(wire_relation(definition, relation)),
            Member::Permission(permission) => Diff::PermissionRemoved(wire_permission(definition, permission)),
        });
    }

    fn new_member(&mut self, definition: &Definition, member: &Member) {
        self.push(match member {
            Member::Relation(relation) => Diff::RelationAdded(wire_relation(definition, relation)),
            Member::Permission(permission) => Diff::PermissionAdded(wire_permission(definition, permission)),
        });
    }

    fn relation(&mut self, definition: &Definition, old: &Relation, new: &Relation) {
        if old.doc != new.doc {
            self.push(Diff::RelationDocCommentChanged(wire_relation(definition, new)));
        }
        let change = |allowed| ReflectionRelationSubjectTypeChange {
            relation: Some(wire_relation(definition, new)),
            changed_subject_type: Some(wire_allowed(allowed)),
        };
        for allowed in old.allowed.iter().filter(|allowed| !new.allowed.contains(allowed)) {
            self.push(Diff::RelationSubjectTypeRemoved(change(allowed)));
        }
        for allowed in new.allowed.iter().filter(|allowed| !old.allowed.contains(allowed)) {
            self.push(Diff::RelationSubjectTypeAdded(change(allowed)));
        }
    }

    fn permission(&mut self, definition: &Definition, old: &Permission, new: &Permission) {
        if old.doc != new.doc {
            self.push(Diff::PermissionDocCommentChanged(wire_permission(definition, new)));
        }
        if old.expression != new.expression {
            self.push(Diff::PermissionExprChanged(wire_permission(definition, new)));
        }
    }

    fn caveat(&mut self, old: &Caveat, new: &Caveat) {
        if old.doc != new.doc {
            self.push(Diff::CaveatDocCommentChanged(wire_caveat(new)));
        }
        if old.expression != new.expression {
            self.push(Diff::CaveatExprChanged(wire_caveat(new)));
        }
        let parameter = |caveat: &Caveat, name: &str, kind: &dyn ToString| v1::ReflectionCaveatParameter {
            name: name.to_owned(),
            r#type: kind.to_string(),
            parent_caveat_name: caveat.name.to_string(),
        };
        let kind_in = |caveat: &Caveat, wanted: &str| {
            caveat.parameters.iter().find(|(name, _)| name == wanted).map(|(_, kind)| kind.clone())
        };
        for (name, kind) in &old.parameters {
            match kind_in(new, name) {
                None => self.push(Diff::CaveatParameterRemoved(parameter(old, name, kind))),
                Some(now) if now != *kind => {
                    let change = ReflectionCaveatParameterTypeChange {
                        parameter: Some(parameter(new, name, &now)),
                        previous_type: kind.to_string(),
                    };
                    self.push(Diff::CaveatParameterTypeChanged(change));
                }
                Some(_) => {}
            }
        }
        for (name, kind) in new.parameters.iter().filter(|(name, _)| kind_in(old, name).is_none()) {
            self.push(Diff::CaveatParameterAdded(parameter(new, name, kind)));
        }
    }
}
