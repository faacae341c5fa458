//! The slow evaluator of the schema of documents, of any relationships in it: it walks maps of names and knows nothing of
//! the engine.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use prokura_model::{ObjectRef, Relationship, SubjectRef};

/// The relations that grant `view`.
const ROLES: [&str; 3] = ["viewer", "editor", "owner"];

/// Relationships by what the evaluator looks for.
#[derive(Default)]
pub(crate) struct Reference {
    /// For a subject, the groups it is a direct member of.
    groups: HashMap<SubjectRef, HashSet<ObjectRef>>,
    /// For a document or folder, the folders it is directly in.
    parents: HashMap<ObjectRef, HashSet<ObjectRef>>,
    /// For a document or folder, who holds a role on it.
    grants: HashMap<ObjectRef, HashSet<(String, SubjectRef)>>,
}

impl Reference {
    pub(crate) fn of(relationships: &[Relationship]) -> Self {
        let mut reference = Self::default();
        for relationship in relationships {
            reference.touch(relationship);
        }
        reference
    }

    pub(crate) fn touch(&mut self, Relationship { resource, relation, subject }: &Relationship) {
        match (relation.as_str(), subject) {
            ("member", _) => {
                self.groups.entry(subject.clone()).or_default().insert(resource.clone());
            }
            ("parent", SubjectRef::Object(folder)) => {
                self.parents.entry(resource.clone()).or_default().insert(folder.clone());
            }
            (role, _) => {
                let granted = self.grants.entry(resource.clone()).or_default();
                granted.insert((role.to_owned(), subject.clone()));
            }
        }
    }

    pub(crate) fn delete(&mut self, Relationship { resource, relation, subject }: &Relationship) {
        match (relation.as_str(), subject) {
            ("member", _) => {
                self.groups.entry(subject.clone()).or_default().remove(resource);
            }
            ("parent", SubjectRef::Object(folder)) => {
                self.parents.entry(resource.clone()).or_default().remove(folder);
            }
            (role, _) => {
                self.grants.entry(resource.clone()).or_default().remove(&(role.to_owned(), subject.clone()));
            }
        }
    }

    pub(crate) fn may_view(&self, user: &ObjectRef, resource: &ObjectRef) -> bool {
        let holders = self.holders(user);
        self.above(resource).iter().any(|place| self.grants_one_of(place, &holders))
    }

    /// The documents that the user may view, by id: every document there is, looked at.
    pub(crate) fn resources(&self, user: &ObjectRef) -> BTreeSet<String> {
        let holders = self.holders(user);
        // Whether a folder's own grants reach the user is asked once a folder, not once a document.
        let mut reaching: HashMap<ObjectRef, bool> = HashMap::new();
        let mut seen = BTreeSet::new();
        for document in self.documents() {
            let reached = self
                .above(&document)
                .into_iter()
                .any(|place| *reaching.entry(place.clone()).or_insert_with(|| self.grants_one_of(&place, &holders)));
            if reached {
                seen.insert(document.id.as_str().to_owned());
            }
        }
        seen
    }

    /// The users who may view the document, by id: every user there is, looked at.
    pub(crate) fn subjects(&self, document: &ObjectRef) -> BTreeSet<String> {
        let granted: HashSet<&SubjectRef> = self
            .above(document)
            .iter()
            .filter_map(|place| self.grants.get(place))
            .flat_map(|grants| grants.iter().filter(|(role, _)| ROLES.contains(&role.as_str())).map(|(_, to)| to))
            .collect();
        let users = self.users().into_values();
        let holding = users.filter(|user| self.holders(user).iter().any(|holder| granted.contains(holder)));
        holding.map(|user| user.id.as_str().to_owned()).collect()
    }

    fn grants_one_of(&self, place: &ObjectRef, holders: &HashSet<SubjectRef>) -> bool {
        let Some(grants) = self.grants.get(place) else { return false };
        grants.iter().any(|(role, to)| ROLES.contains(&role.as_str()) && holders.contains(to))
    }

    /// The user, and the members of every group above it.
    fn holders(&self, user: &ObjectRef) -> HashSet<SubjectRef> {
        let mut holders = HashSet::new();
        let mut open = vec![SubjectRef::Object(user.clone())];
        while let Some(holder) = open.pop() {
            let groups = self.groups.get(&holder).into_iter().flatten();
            open.extend(groups.filter_map(members).filter(|members| !holders.contains(members)));
            holders.insert(holder);
        }
        holders
    }

    /// The resource and every folder above it.
    fn above(&self, resource: &ObjectRef) -> Vec<ObjectRef> {
        let mut above = vec![resource.clone()];
        let mut next = 0;
        while let Some(place) = above.get(next).cloned() {
            for parent in self.parents.get(&place).into_iter().flatten() {
                if !above.contains(parent) {
                    above.push(parent.clone());
                }
            }
            next += 1;
        }
        above
    }

    fn documents(&self) -> BTreeSet<ObjectRef> {
        let places = self.parents.keys().chain(self.grants.keys());
        places.filter(|place| place.kind.as_str() == "document").cloned().collect()
    }

    fn users(&self) -> BTreeMap<String, ObjectRef> {
        let granted = self.grants.values().flatten().map(|(_, to)| to);
        let subjects = self.groups.keys().chain(granted);
        let users = subjects.filter_map(|subject| match subject {
            SubjectRef::Object(object) if object.kind.as_str() == "user" => Some(object.clone()),
            _ => None,
        });
        users.map(|user| (user.id.as_str().to_owned(), user)).collect()
    }
}

/// The userset of a group's members.
fn members(group: &ObjectRef) -> Option<SubjectRef> {
    Some(SubjectRef::Userset(group.clone(), prokura_model::RelationName::new("member").ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(text: &[&str]) -> Reference {
        let relationships: Vec<Relationship> = text.iter().map(|line| line.parse().expect("a relationship")).collect();
        Reference::of(&relationships)
    }

    fn object(text: &str) -> ObjectRef {
        text.parse().expect("an object")
    }

    const HAND_MADE: [&str; 8] = [
        "group:all#member@group:core#member",
        "group:core#member@user:ann",
        "group:core#member@group:all#member",
        "folder:top#viewer@group:all#member",
        "folder:low#parent@folder:top",
        "document:plan#parent@folder:low",
        "document:note#owner@user:bob",
        "document:note#parent@folder:alone",
    ];

    #[test]
    fn groups_folders_and_cycles_are_walked() {
        let world = reference(&HAND_MADE);
        assert!(world.may_view(&object("user:ann"), &object("document:plan")));
        assert!(!world.may_view(&object("user:ann"), &object("document:note")));
        assert!(world.may_view(&object("user:bob"), &object("document:note")));
        assert!(!world.may_view(&object("user:bob"), &object("document:plan")));
    }

    #[test]
    fn lists_are_what_single_questions_say() {
        let world = reference(&HAND_MADE);
        assert_eq!(world.resources(&object("user:ann")), BTreeSet::from(["plan".to_owned()]));
        assert_eq!(world.resources(&object("user:eve")), BTreeSet::new());
        assert_eq!(world.subjects(&object("document:plan")), BTreeSet::from(["ann".to_owned()]));
        assert_eq!(world.subjects(&object("document:note")), BTreeSet::from(["bob".to_owned()]));
    }

    #[test]
    fn what_is_deleted_leads_nowhere() {
        let mut world = reference(&HAND_MADE);
        for gone in ["group:core#member@user:ann", "document:note#owner@user:bob"] {
            world.delete(&gone.parse().expect("a relationship"));
        }
        assert!(!world.may_view(&object("user:ann"), &object("document:plan")));
        assert!(!world.may_view(&object("user:bob"), &object("document:note")));
    }
}
