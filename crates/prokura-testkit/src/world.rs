use std::collections::{BTreeMap, BTreeSet};

use prokura_model::{
    Change, Delegation, DelegationId, ObjectRef, Principal, Relationship, Schema, Task, TaskId, Timestamp, Value,
};

use crate::{Answer, Ask, Candidate};

/// The state of one tenant, as plain sets and maps.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The schema, once one was written.
    pub schema: Option<Schema>,
    /// Every edge.
    pub relationships: BTreeSet<Relationship>,
    /// The attributes of objects that have any.
    pub attributes: BTreeMap<ObjectRef, BTreeMap<String, Value>>,
    /// The registered principals.
    pub principals: BTreeMap<ObjectRef, Principal>,
    /// Every task ever opened.
    pub tasks: BTreeMap<TaskId, Task>,
    /// Every link ever made.
    pub delegations: BTreeMap<DelegationId, Delegation>,
}

impl World {
    /// The world after these changes.
    ///
    /// # Panics
    /// A schema among them does not parse.
    #[must_use]
    pub fn of(changes: &[Change]) -> Self {
        let mut world = Self::default();
        world.apply(changes, Timestamp(1));
        world
    }

    fn take_in(&mut self, change: &Change, at: Timestamp) {
        match change {
            Change::SchemaWritten(text) => {
                let schema = Schema::parse(text);
                self.schema = Some(schema.unwrap_or_else(|faults| panic!("the schema is wrong: {faults:?}\n{text}")));
            }
            Change::RelationshipTouched(edge) => {
                self.relationships.insert(edge.clone());
            }
            Change::RelationshipDeleted(edge) => {
                self.relationships.remove(edge);
            }
            Change::AttributesSet(object, attributes) if attributes.is_empty() => {
                self.attributes.remove(object);
            }
            Change::AttributesSet(object, attributes) => {
                self.attributes.insert(object.clone(), attributes.clone());
            }
            Change::PrincipalSet(principal) => {
                self.principals.insert(principal.object.clone(), principal.clone());
            }
            Change::PrincipalRemoved(object) => {
                self.principals.remove(object);
            }
            Change::TaskOpened(task) => {
                self.tasks.insert(task.id.clone(), task.clone());
            }
            Change::TaskClosed(id, state) => {
                if let Some(task) = self.tasks.get_mut(id) {
                    task.state = *state;
                }
            }
            Change::DelegationCreated(link) => {
                self.delegations.insert(link.id.clone(), link.clone());
            }
            Change::DelegationRevoked(id) => {
                if let Some(link) = self.delegations.get_mut(id) {
                    link.revoked_at.get_or_insert(at);
                }
            }
            // Of the system tenant, where nothing is decided.
            Change::TenantCreated(_) | Change::KeyCreated(_) | Change::KeyRevoked(_) => {}
        }
    }
}

impl Candidate for World {
    fn apply(&mut self, changes: &[Change], at: Timestamp) {
        for change in changes {
            self.take_in(change, at);
        }
    }

    fn answer(&self, ask: &Ask) -> Answer {
        let answered = match ask {
            Ask::Check { resource, permission, subject } => {
                self.check(resource, permission, subject).map(|has| if has { Answer::Has } else { Answer::HasNot })
            }
            Ask::Decide { question, now } => self.decide(question, *now).map(Answer::Decided),
        };
        answered.unwrap_or_else(|error| Answer::Failed(error.code().to_owned()))
    }
}
