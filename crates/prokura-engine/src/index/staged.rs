//! A transaction while it is checked, before anything of it is taken in.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use prokura_model::{
    Approval, ApprovalId, ApprovalUse, AuthzenMapping, Change, Consumption, DecisionId, Delegation, DelegationId,
    Endorsement, EndorsementId, ModelId, ObjectRef, Principal, Relationship, Request, RequestId, Reservation, Schema,
    Spending, Taken, Task, TaskId, TaskState, Terms, Timestamp, Transaction, Value,
};

use super::{Compiled, Index};
use crate::{
    ApplyError,
    edit::Edit,
    guard::Guard,
    list::Birth,
    names::KnownNames,
    packed::{Node, Subject},
    program::Program,
};

/// What an edge has after the changes so far.
#[derive(Clone)]
pub(super) enum Drafted {
    /// It is not there.
    Deleted,
    /// It holds for good.
    ForGood,
    /// It holds on these terms; and whether it begins with this transaction, or goes on as it was.
    On { terms: Arc<Terms>, begins: bool },
}

/// A transaction in full, checked, and nothing of it taken in yet. Names it brings are: nobody can tell.
#[derive(Default)]
pub(crate) struct Staged {
    pub(super) known: KnownNames,
    pub(super) program: Option<Program>,
    pub(super) models: Vec<Compiled>,
    pub(super) assertions: BTreeMap<ModelId, String>,
    pub(super) edges: Vec<(Node, Subject, Edit)>,
    /// What becomes of the edges that have or had terms.
    pub(super) terms: HashMap<(Node, Subject), Drafted>,
    pub(super) principals: BTreeMap<ObjectRef, Option<Principal>>,
    pub(super) tasks: BTreeMap<TaskId, Task>,
    pub(super) delegations: BTreeMap<DelegationId, Delegation>,
    pub(super) endorsements: BTreeMap<EndorsementId, Endorsement>,
    pub(super) requests: BTreeMap<RequestId, Request>,
    pub(super) approvals: BTreeMap<ApprovalId, Approval>,
    pub(super) spending: BTreeMap<TaskId, Spending>,
    pub(super) attributes: BTreeMap<ObjectRef, BTreeMap<String, Value>>,
    pub(super) authzen_mapping: Option<AuthzenMapping>,
}

impl Staged {
    pub(super) fn new(index: &Index, transaction: &Transaction, guard: &Guard<'_>) -> Result<Self, ApplyError> {
        let mut staged = Self::default();
        for change in &transaction.changes {
            staged.add(index, transaction, change, guard)?;
        }
        Ok(staged)
    }

    fn add(
        &mut self,
        index: &Index,
        transaction: &Transaction,
        change: &Change,
        guard: &Guard<'_>,
    ) -> Result<(), ApplyError> {
        match change {
            Change::SchemaWritten(text) => {
                let schema = Schema::parse(text).map_err(|diagnostics| {
                    ApplyError::Schema(diagnostics.first().map(ToString::to_string).unwrap_or_default())
                })?;
                self.program = Some(Program::new(schema, &index.names, guard)?);
            }
            Change::RelationshipTouched(relationship, terms) => {
                let Relationship { resource, relation, subject } = relationship;
                let node = index.names.add_node(resource, relation, &mut self.known, guard)?;
                let subject = index.names.add_subject(subject, &mut self.known, guard)?;
                self.touch(index, node, subject, terms, guard);
            }
            Change::RelationshipDeleted(relationship) | Change::RelationshipExpired(relationship) => {
                let Relationship { resource, relation, subject } = relationship;
                let node = index.names.node(resource, relation, guard);
                // With a name that nobody knows, there is no such relationship.
                if let Some((node, subject)) = node.zip(index.names.subject(subject, guard)) {
                    self.delete(index, node, subject, guard);
                }
            }
            Change::MetadataAttached(_) | Change::WorkDigested(_) => {}
            Change::ModelWritten(model) => {
                let schema = model.schema().map_err(|faults| {
                    ApplyError::Schema(faults.first().map(ToString::to_string).unwrap_or_default())
                })?;
                let program = Program::of_model(schema, &index.names, guard)?;
                self.models.push(Compiled { model: Arc::new(model.clone()), program });
            }
            Change::AssertionsWritten(model, text) => {
                self.assertions.insert(model.clone(), text.clone());
            }
            Change::AuthzenMappingSet(mapping) => self.authzen_mapping = Some(mapping.clone()),
            Change::AttributesSet(object, members) => {
                self.attributes.insert(object.clone(), members.clone());
            }
            Change::PrincipalSet(principal) => {
                self.principals.insert(principal.object.clone(), Some(principal.clone()));
            }
            Change::PrincipalRemoved(object) => {
                self.principals.insert(object.clone(), None);
            }
            Change::TaskOpened(task) => {
                self.tasks.insert(task.id.clone(), task.clone());
            }
            Change::TaskClosed(id, state) => self.close(index, id, *state, guard)?,
            Change::DelegationCreated(delegation) => {
                self.delegations.insert(delegation.id.clone(), delegation.clone());
            }
            Change::DelegationRevoked(id) => self.revoke_delegation(index, id, transaction.time, guard)?,
            Change::EndorsementCreated(endorsement) => {
                self.endorsements.insert(endorsement.id.clone(), endorsement.clone());
            }
            Change::EndorsementRevoked(id) => self.revoke_endorsement(index, id, transaction.time, guard)?,
            Change::RequestSet(request) => {
                self.requests.insert(request.id.clone(), Request::clone(request));
            }
            Change::ApprovalSet(approval) => {
                self.approvals.insert(approval.id.clone(), Approval::clone(approval));
            }
            Change::Consumed(_)
            | Change::ReservationCommitted(..)
            | Change::ReservationReleased(..)
            | Change::SpendingSet(..) => self.move_spending(index, change, guard),
            Change::TenantCreated(_) | Change::TenantNamed(..) | Change::TenantDeleted(_) => {
                return Err(ApplyError::NotForIndex("tenant"));
            }
            Change::KeyCreated(_) | Change::KeyRevoked(_) => return Err(ApplyError::NotForIndex("key")),
            Change::SecretMade(_) => return Err(ApplyError::NotForIndex("secret")),
        }
        Ok(())
    }

    fn close(&mut self, index: &Index, id: &TaskId, state: TaskState, guard: &Guard<'_>) -> Result<(), ApplyError> {
        let stored = index.tasks.at(id, index.applied(), guard).map(|(_, task)| Task::clone(task));
        let task = self.tasks.remove(id).or(stored);
        let task = task.ok_or_else(|| ApplyError::TaskUnknown(id.clone()))?;
        self.tasks.insert(id.clone(), Task { state, ..task });
        // The reservations under it, and under what is part of it, end with it and give back what they held.
        let is_open = |spending: &Spending| !spending.open.is_empty();
        let stored = || index.spending.at(id, index.applied(), guard).is_some_and(|(_, stored)| is_open(stored));
        if self.spending.get(id).map_or_else(stored, is_open) {
            for (reservation, open) in self.spending(index, id, guard).open.clone() {
                self.settle(index, (&reservation, &open.task), None, guard);
            }
        }
        Ok(())
    }

    /// Takes in what was taken, held and given back.
    fn move_spending(&mut self, index: &Index, change: &Change, guard: &Guard<'_>) {
        match change {
            Change::Consumed(consumption) => {
                for task in consumption.tasks() {
                    self.spending(index, task, guard).consume(task, consumption);
                }
                self.use_approvals(index, consumption, guard);
            }
            Change::ReservationCommitted(id, task, taken) => self.settle(index, (id, task), Some(taken), guard),
            Change::ReservationReleased(id, task) => self.settle(index, (id, task), None, guard),
            Change::SpendingSet(task, spending) => {
                self.spending.insert(task.clone(), Spending::clone(spending));
            }
            _ => {}
        }
    }

    /// A reservation that was made under the task ends, in every task of which it holds something.
    fn settle(
        &mut self,
        index: &Index,
        (reservation, task): (&DecisionId, &TaskId),
        taken: Option<&Taken>,
        guard: &Guard<'_>,
    ) {
        let held = self.spending(index, task, guard).open.get(reservation).cloned();
        let drawn = taken.into_iter().flat_map(|taken| &taken.draws).map(|draw| &draw.task);
        let tasks = held.iter().flat_map(Reservation::tasks).chain([task]).chain(drawn);
        let tasks: BTreeSet<&TaskId> = tasks.collect();
        for own in tasks {
            self.spending(index, own, guard).settle(own, reservation, task, taken);
        }
        for id in held.iter().flat_map(|held| &held.taken.approvals) {
            let Some(approval) = self.approval(index, id, guard) else { continue };
            // What was used by something else meanwhile stays so.
            if approval.used.as_ref().is_some_and(|used| used.decision == *reservation) {
                approval.used = taken.map(|_| ApprovalUse { decision: reservation.clone(), until: None });
            }
        }
    }

    fn use_approvals(&mut self, index: &Index, consumption: &Consumption, guard: &Guard<'_>) {
        for id in &consumption.taken.approvals {
            let until = consumption.reserved.as_ref().map(|reserved| reserved.until);
            let Some(approval) = self.approval(index, id, guard) else { continue };
            approval.used = Some(ApprovalUse { decision: consumption.decision.clone(), until });
        }
    }

    /// The approval, to be changed.
    fn approval(&mut self, index: &Index, id: &ApprovalId, guard: &Guard<'_>) -> Option<&mut Approval> {
        if !self.approvals.contains_key(id) {
            let (_, stored) = index.approvals.at(id, index.applied(), guard)?;
            self.approvals.insert(id.clone(), Approval::clone(stored));
        }
        self.approvals.get_mut(id)
    }

    /// What was taken of the task, to be changed.
    fn spending(&mut self, index: &Index, task: &TaskId, guard: &Guard<'_>) -> &mut Spending {
        self.spending.entry(task.clone()).or_insert_with(|| {
            let stored = index.spending.at(task, index.applied(), guard);
            stored.map(|(_, spending)| Spending::clone(spending)).unwrap_or_default()
        })
    }

    /// The first revocation is the one that ended it; so with an endorsement.
    fn revoke_delegation(
        &mut self,
        index: &Index,
        id: &DelegationId,
        now: Timestamp,
        guard: &Guard<'_>,
    ) -> Result<(), ApplyError> {
        let stored = index.delegations.at(id, index.applied(), guard);
        let stored = stored.map(|(_, link)| Delegation::clone(&link.delegation));
        let link = self.delegations.remove(id).or(stored);
        let link = link.ok_or_else(|| ApplyError::DelegationUnknown(id.clone()))?;
        let revoked_at = link.revoked_at.or(Some(now));
        self.delegations.insert(id.clone(), Delegation { revoked_at, ..link });
        Ok(())
    }

    fn revoke_endorsement(
        &mut self,
        index: &Index,
        id: &EndorsementId,
        now: Timestamp,
        guard: &Guard<'_>,
    ) -> Result<(), ApplyError> {
        let stored = index.endorsements.at(id, index.applied(), guard);
        let stored = stored.map(|(_, endorsement)| Endorsement::clone(endorsement));
        let found = self.endorsements.remove(id).or(stored);
        let found = found.ok_or_else(|| ApplyError::EndorsementUnknown(id.clone()))?;
        let revoked_at = found.revoked_at.or(Some(now));
        self.endorsements.insert(id.clone(), Endorsement { revoked_at, ..found });
        Ok(())
    }

    fn delete(&mut self, index: &Index, node: Node, subject: Subject, guard: &Guard<'_>) {
        self.edges.push((node, subject, Edit::Delete));
        let live = || index.edges_from(node, guard)?.live_birth(subject.bits());
        if self.drafted(node, subject).is_some() || live().is_some_and(Birth::on_terms) {
            self.terms.insert((node, subject), Drafted::Deleted);
        }
    }

    fn touch(&mut self, index: &Index, node: Node, subject: Subject, terms: &Terms, guard: &Guard<'_>) {
        let on_terms = !terms.is_none();
        let (before, begun) = match self.drafted(node, subject) {
            Some(Drafted::Deleted) => (None, false),
            Some(Drafted::ForGood) => (Some(None), false),
            Some(Drafted::On { terms, begins }) => (Some(Some(Arc::clone(terms))), *begins),
            None => {
                let birth = index.edges_from(node, guard).and_then(|list| list.live_birth(subject.bits()));
                (birth.map(|birth| index.terms_of(node, subject, birth, guard).cloned()), false)
            }
        };
        let had_terms = before.as_ref().is_some_and(Option::is_some);
        // One that was not there begins now in any case; but an earlier change of this transaction may have made it.
        let anew = before.map_or(on_terms, |before| before.as_deref() != Some(terms).filter(|_| on_terms));
        if on_terms {
            let drafted = Drafted::On { terms: Arc::new(terms.clone()), begins: begun || anew };
            self.terms.insert((node, subject), drafted);
        } else if had_terms {
            self.terms.insert((node, subject), Drafted::ForGood);
        }
        self.edges.push((node, subject, Edit::Touch { on_terms, anew }));
    }

    fn drafted(&self, node: Node, subject: Subject) -> Option<&Drafted> {
        if self.terms.is_empty() { None } else { self.terms.get(&(node, subject)) }
    }
}
