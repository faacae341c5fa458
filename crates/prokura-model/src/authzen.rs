use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::{ObjectRef, RelationName, TypeName};

/// What a tenant's names are called over AuthZEN, where that is not what they are called here.
///
/// A name that is not in the mapping means itself. One that is means what it is mapped to, even if it is a legal name
/// itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct AuthzenMapping {
    /// Action names, such as `GET`, and the permission each means.
    #[n(0)]
    #[cbor(default)]
    pub actions: BTreeMap<String, RelationName>,
    /// Types of subjects and resources, such as `Identity`, and the type each means.
    #[n(1)]
    #[cbor(default)]
    pub types: BTreeMap<String, TypeName>,
    /// Types of resources of which every id means one and the same object, for resources that are not registered.
    #[n(2)]
    #[cbor(default)]
    pub resources: BTreeMap<String, ObjectRef>,
}

impl AuthzenMapping {
    /// Whether every name means itself.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many names mean something else.
    #[must_use]
    pub fn len(&self) -> usize {
        self.actions.len() + self.types.len() + self.resources.len()
    }

    /// Every name that means something else, in the words of a person who looks for it.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let actions = self.actions.keys().map(|name| ("action", name.as_str()));
        let types = self.types.keys().map(|name| ("type", name.as_str()));
        let resources = self.resources.keys().map(|name| ("resource type", name.as_str()));
        actions.chain(types).chain(resources)
    }

    /// What the permission is called: all that is mapped to it; else its own name, unless that means something else.
    #[must_use]
    pub fn actions_for<'m>(&'m self, permission: &'m RelationName) -> Vec<&'m str> {
        let mapped = self.actions.iter().filter(|(_, meant)| *meant == permission);
        let mut names: Vec<&str> = mapped.map(|(name, _)| name.as_str()).collect();
        if names.is_empty() && !self.actions.contains_key(permission.as_str()) {
            names.push(permission.as_str());
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(name: &str) -> RelationName {
        RelationName::new(name).unwrap()
    }

    #[test]
    fn a_permission_is_called_what_is_mapped_to_it() {
        let actions = [("GET", "get"), ("HEAD", "get"), ("write", "update")];
        let mapping = AuthzenMapping {
            actions: actions.map(|(name, meant)| (name.to_owned(), relation(meant))).into(),
            ..AuthzenMapping::default()
        };
        assert_eq!(mapping.actions_for(&relation("get")), ["GET", "HEAD"]);
        assert_eq!(mapping.actions_for(&relation("update")), ["write"]);
        assert_eq!(mapping.actions_for(&relation("view")), ["view"]);
        // Whoever asks for `write` asks for `update`, so nothing can be called for what `write` is here.
        assert_eq!(mapping.actions_for(&relation("write")), [""; 0]);
    }
}
