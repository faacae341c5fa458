use std::collections::BTreeMap;

use prokura_model::{
    Approval, ApprovalId, Budget, Change, Consumption, DecisionId, Delegation, DelegationId, Endorsement,
    EndorsementId, ObjectRef, Principal, RelationName, Relationship, Schema, SubjectRef, Taken, Task, TaskId, Terms,
    Timestamp, Value,
};

use crate::{Act, Answer, Ask, Candidate, Right};

/// The state of one tenant, as plain sets and maps.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The schema, once one was written.
    pub schema: Option<Schema>,
    /// Every edge, also those that are over, and on which terms it holds.
    pub relationships: BTreeMap<Relationship, Terms>,
    /// The attributes of objects that have any.
    pub attributes: BTreeMap<ObjectRef, BTreeMap<String, Value>>,
    /// The registered principals.
    pub principals: BTreeMap<ObjectRef, Principal>,
    /// Every task ever opened.
    pub tasks: BTreeMap<TaskId, Task>,
    /// Every link ever made.
    pub delegations: BTreeMap<DelegationId, Delegation>,
    /// Every endorsement ever made.
    pub endorsements: BTreeMap<EndorsementId, Endorsement>,
    /// Everything that allows ever took.
    pub consumptions: Vec<Consumption>,
    /// Every approval as it was set last, and how many consumptions there were before.
    pub approvals: BTreeMap<ApprovalId, (Approval, usize)>,
    /// The reservations that were settled: with what was taken for good, or with nothing.
    pub settled: BTreeMap<DecisionId, Option<Taken>>,
}

impl World {
    /// Whether what a budget covers depends on more than names.
    #[must_use]
    pub fn has_narrow_budgets(&self) -> bool {
        self.tasks.values().flat_map(|task| &task.budgets).any(Budget::is_narrow)
    }

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

    /// The subjects of the edges of this object and relation, each with its terms.
    pub(crate) fn edges<'a>(
        &'a self,
        object: &'a ObjectRef,
        relation: &'a RelationName,
    ) -> impl Iterator<Item = (&'a SubjectRef, &'a Terms)> {
        let edges = self.relationships.iter();
        let edges = edges.filter(move |(edge, _)| edge.resource == *object && edge.relation == *relation);
        edges.map(|(edge, terms)| (&edge.subject, terms))
    }

    fn set_approval(&mut self, approval: &Approval) {
        self.approvals.insert(approval.id.clone(), (approval.clone(), self.consumptions.len()));
    }

    fn take_in(&mut self, change: &Change, at: Timestamp) {
        match change {
            Change::SchemaWritten(text) => {
                let schema = Schema::parse(text);
                self.schema = Some(schema.unwrap_or_else(|faults| panic!("the schema is wrong: {faults:?}\n{text}")));
            }
            Change::RelationshipTouched(edge, terms) => {
                self.relationships.insert(edge.clone(), terms.clone());
            }
            Change::RelationshipDeleted(edge) | Change::RelationshipExpired(edge) => {
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
            Change::EndorsementCreated(endorsement) => {
                self.endorsements.insert(endorsement.id.clone(), endorsement.clone());
            }
            Change::EndorsementRevoked(id) => {
                if let Some(endorsement) = self.endorsements.get_mut(id) {
                    endorsement.revoked_at.get_or_insert(at);
                }
            }
            Change::ApprovalSet(approval) => self.set_approval(approval),
            Change::Consumed(consumption) => self.consumptions.push(Consumption::clone(consumption)),
            Change::ReservationCommitted(id, _, taken) => {
                self.settled.insert(id.clone(), Some(taken.clone()));
            }
            Change::ReservationReleased(id, _) => {
                self.settled.insert(id.clone(), None);
            }
            // No answer depends on these.
            Change::MetadataAttached(_)
            | Change::SpendingSet(..)
            | Change::WorkDigested(..)
            | Change::RequestSet(_)
            | Change::AuthzenMappingSet(_)
            | Change::ModelWritten(_)
            | Change::AssertionsWritten(..) => {}
            // Of the system tenant, where nothing is decided.
            Change::TenantCreated(_)
            | Change::TenantNamed(..)
            | Change::TenantDeleted(_)
            | Change::SecretMade(_)
            | Change::KeyCreated(_)
            | Change::KeyRevoked(_) => {}
        }
    }
}

impl Candidate for World {
    fn apply(&mut self, changes: &[Change], at: Timestamp) {
        for change in changes {
            self.take_in(change, at);
        }
    }

    fn may(&self, by: &ObjectRef, act: &Act, now: Timestamp) -> Option<Right> {
        Some(Self::may(self, by, act, now))
    }

    fn answer(&self, ask: &Ask) -> Answer {
        match ask {
            Ask::Check { resource, permission, subject, context, now } => {
                self.check(resource, permission, subject, context, *now)
            }
            Ask::LookupResources { kind, permission, subject, alive, context, now } => {
                self.lookup_resources(kind, permission, subject, *alive, (context, *now))
            }
            Ask::LookupSubjects { resource, permission, kind, relation, alive, context, now } => {
                self.lookup_subjects(resource, permission, (kind, relation.as_ref()), *alive, (context, *now))
            }
            Ask::Permissions { resource, subject, alive, context, now } => {
                self.permissions(resource, subject, *alive, (context, *now))
            }
            Ask::Decide { question, now } => self.decide(question, *now),
        }
    }
}
