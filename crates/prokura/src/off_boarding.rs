//! The end of a principal: what ends with it, what needs another owner, and all of it as one transaction.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    ops::ControlFlow,
    sync::Arc,
};

use prokura_engine::{EngineError, Stored, View, limits::TASK_LINE_MAX};
use prokura_model::{
    Approval, Change, Delegation, Endorsement, ObjectRef, Principal, PrincipalState, RelationshipFilter, Request,
    Revision, SubjectIdFilter, SubjectRelationFilter, Task, TaskId, TaskState, Timestamp,
};

use crate::{
    Receipt,
    limits::{OFF_BOARDING_SAMPLE_MAX, TRANSACTION_CHANGES_MAX},
    tenant::WorkDigest,
    writer::Ends,
};

/// Who is to be off-boarded, and who takes over what it owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffBoard {
    /// Who.
    pub principal: ObjectRef,
    /// New owners of what it owns, each by name.
    pub transfers: BTreeMap<ObjectRef, ObjectRef>,
    /// The new owner of everything else it owns. Without one, that is stopped until somebody owns it.
    pub rest_to: Option<ObjectRef>,
}

impl OffBoard {
    /// Of this principal, with nobody to take over what it owns.
    #[must_use]
    pub fn of(principal: ObjectRef) -> Self {
        Self { principal, transfers: BTreeMap::new(), rest_to: None }
    }

    fn new_owner(&self, owned: &ObjectRef) -> Option<&ObjectRef> {
        self.transfers.get(owned).or(self.rest_to.as_ref())
    }
}

/// What an off-boarding ends, or would end.
#[derive(Clone, Debug, PartialEq)]
pub struct OffBoarding {
    /// Who, as it was before; none if it was not registered.
    pub principal: Option<Arc<Principal>>,
    /// The state it was found in.
    pub revision: Revision,
    /// Stands for everything that is done: another one when anything of it would be different.
    pub digest: String,
    /// How many changes the transaction takes.
    pub changes: usize,
    /// The tasks that are cancelled: those that go on, and whose origin or owner it is.
    pub tasks: Sampled<Arc<Task>>,
    /// The delegations that are revoked: those alive that it made or received.
    pub delegations: Sampled<Arc<Delegation>>,
    /// The endorsements that are revoked: those that count and that it made, or whose worker it is.
    pub endorsements: Sampled<Arc<Endorsement>>,
    /// The relationships that are removed: those in which it is the subject itself.
    pub relationships: Sampled<Stored>,
    /// The requests for access under what ends: taken back, or what they were granted ended.
    pub requests: Sampled<Arc<Request>>,
    /// The approvals of actions under what ends: taken back.
    pub approvals: Sampled<Arc<Approval>>,
    /// What it owns: handed over, or stopped.
    pub owned: Sampled<Owned>,
    /// How much of that nobody takes over.
    pub left: usize,
}

/// How many there are, and the first of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled<T> {
    /// How many.
    pub count: usize,
    /// At most [`OFF_BOARDING_SAMPLE_MAX`].
    pub sample: Vec<T>,
}

/// A principal that it owns.
#[derive(Clone, Debug, PartialEq)]
pub struct Owned {
    /// As it is.
    pub principal: Arc<Principal>,
    /// Who owns it afterwards; none if it is stopped until somebody does.
    pub new_owner: Option<ObjectRef>,
    /// How many delegations alive it made or received.
    pub delegations: usize,
}

/// An off-boarding that was done.
#[derive(Clone, Debug, PartialEq)]
pub struct OffBoarded {
    /// What it ended.
    pub off_boarding: OffBoarding,
    /// The transaction; when nothing was left to be done, the newest there is.
    pub receipt: Receipt,
}

impl<T> Sampled<T> {
    fn add(&mut self, entry: T) {
        self.count += 1;
        if self.sample.len() < OFF_BOARDING_SAMPLE_MAX {
            self.sample.push(entry);
        }
    }
}

impl<T> Default for Sampled<T> {
    fn default() -> Self {
        Self { count: 0, sample: Vec::new() }
    }
}

/// What something can still become of.
pub(crate) struct Open {
    pub(crate) requests: Vec<Arc<Request>>,
    pub(crate) approvals: Vec<Arc<Approval>>,
}

impl Open {
    /// All that is open in a state.
    pub(crate) fn of(view: &View<'_>, now: Timestamp) -> Self {
        let (mut requests, mut approvals) = (view.requests(), view.approvals());
        requests.retain(|request| request.is_open(now));
        approvals.retain(|approval| approval.is_open(now));
        Self { requests, approvals }
    }
}

/// What is to be written, and what that comes to.
pub(crate) struct Plan {
    pub(crate) changes: Vec<Change>,
    pub(crate) off_boarding: OffBoarding,
}

/// What off-boarding the principal takes in this state. Whether it is legal is the writer's to say.
pub(crate) fn plan(
    view: &View<'_>,
    now: Timestamp,
    wanted: &OffBoard,
    open: Open,
    chain_links: usize,
) -> Result<Plan, EngineError> {
    let found = OffBoarding {
        principal: view.principal(&wanted.principal),
        revision: view.revision(),
        digest: String::new(),
        changes: 0,
        tasks: Sampled::default(),
        delegations: Sampled::default(),
        endorsements: Sampled::default(),
        relationships: Sampled::default(),
        requests: Sampled::default(),
        approvals: Sampled::default(),
        owned: Sampled::default(),
        left: 0,
    };
    let mut finding = Finding { view, now, wanted, changes: Vec::new(), found, left: Vec::new() };
    finding.principal();
    finding.tasks();
    let held = finding.delegations();
    finding.endorsements();
    finding.owned(&held);
    finding.relationships()?;
    finding.open(open, chain_links);
    Ok(finding.planned())
}

struct Finding<'f> {
    view: &'f View<'f>,
    now: Timestamp,
    wanted: &'f OffBoard,
    changes: Vec<Change>,
    found: OffBoarding,
    /// What stays without an owner: nothing is written about it, but it stops.
    left: Vec<Change>,
}

impl Finding<'_> {
    fn principal(&mut self) {
        let known = self.found.principal.as_deref().cloned();
        let new = || Principal {
            object: self.wanted.principal.clone(),
            owner: None,
            state: PrincipalState::Active,
            declared: false,
        };
        let known = known.unwrap_or_else(new);
        if known.state != PrincipalState::OffBoarded {
            self.change(Change::PrincipalSet(Principal { state: PrincipalState::OffBoarded, ..known }));
        }
    }

    fn tasks(&mut self) {
        let whose = &self.wanted.principal;
        for task in self.view.tasks() {
            if (task.origin == *whose || task.owner.as_ref() == Some(whose)) && self.is_open(&task) {
                self.change(Change::TaskClosed(task.id.clone(), TaskState::Cancelled));
                self.found.tasks.add(task);
            }
        }
    }

    /// Says for everybody how many live delegations they made or received.
    fn delegations(&mut self) -> HashMap<ObjectRef, usize> {
        let whose = &self.wanted.principal;
        let mut held = HashMap::new();
        let mut alive = HashMap::new();
        for link in self.view.delegations() {
            let over = link.revoked_at.is_some() || link.expires_at.is_some_and(|end| end <= self.now);
            if over || !*alive.entry(link.task.clone()).or_insert_with(|| self.goes_on(&link.task)) {
                continue;
            }
            *held.entry(link.from.clone()).or_default() += 1;
            *held.entry(link.to.clone()).or_default() += 1;
            if link.from == *whose || link.to == *whose {
                self.change(Change::DelegationRevoked(link.id.clone()));
                self.found.delegations.add(link);
            }
        }
        held
    }

    fn endorsements(&mut self) {
        let whose = &self.wanted.principal;
        for endorsement in self.view.endorsements() {
            let over = endorsement.revoked_at.is_some() || endorsement.expires_at.is_some_and(|end| end <= self.now);
            if !over && (endorsement.by == *whose || endorsement.worker == *whose) {
                self.change(Change::EndorsementRevoked(endorsement.id.clone()));
                self.found.endorsements.add(endorsement);
            }
        }
    }

    fn owned(&mut self, held: &HashMap<ObjectRef, usize>) {
        let whose = &self.wanted.principal;
        for principal in self.view.principals() {
            if principal.owner.as_ref() != Some(whose) || principal.state == PrincipalState::OffBoarded {
                continue;
            }
            let new_owner = self.wanted.new_owner(&principal.object).cloned();
            match &new_owner {
                Some(owner) => {
                    let handed = Principal { owner: Some(owner.clone()), ..(*principal).clone() };
                    self.change(Change::PrincipalSet(handed));
                }
                None => {
                    self.left.push(Change::PrincipalSet((*principal).clone()));
                    self.found.left += 1;
                }
            }
            let delegations = held.get(&principal.object).copied().unwrap_or_default();
            self.found.owned.add(Owned { principal, new_owner, delegations });
        }
    }

    fn relationships(&mut self) -> Result<(), EngineError> {
        let ObjectRef { kind, id } = &self.wanted.principal;
        let filter = RelationshipFilter {
            subject_type: Some(kind.clone()),
            subject_id: Some(SubjectIdFilter::Object(id.clone())),
            subject_relation: Some(SubjectRelationFilter::Absent),
            ..RelationshipFilter::default()
        };
        let mut found = Vec::new();
        self.view.visit_relationships(&filter, |stored| {
            if !stored.terms.is_over(self.now) {
                found.push(stored);
            }
            ControlFlow::Continue(())
        })?;
        // The digest stands for what is done, in whatever order it was met.
        found.sort_unstable_by(|one, other| one.relationship.cmp(&other.relationship));
        for stored in found {
            self.change(Change::RelationshipDeleted(stored.relationship.clone()));
            self.found.relationships.add(stored);
        }
        Ok(())
    }

    /// What ends because a task or a delegation does; nothing is listed of it but which.
    fn open(&mut self, open: Open, chain_links: usize) {
        let ending = Ends::of(&self.changes);
        for request in open.requests {
            if ending.ends_request(self.view, &request, self.now, chain_links) {
                self.found.requests.add(request);
            }
        }
        for approval in open.approvals {
            if ending.ends_action(self.view, &approval.action) {
                self.found.approvals.add(approval);
            }
        }
    }

    /// What would not fit anyhow is counted and not kept.
    fn change(&mut self, change: Change) {
        self.found.changes += 1;
        if self.changes.len() <= TRANSACTION_CHANGES_MAX {
            self.changes.push(change);
        }
    }

    fn planned(self) -> Plan {
        let Self { changes, mut found, left, .. } = self;
        let mut told = changes.clone();
        told.extend(left);
        let mut digest = WorkDigest::of(&told);
        let requests: Vec<_> = found.requests.sample.iter().map(|request| &request.id).collect();
        let approvals: Vec<_> = found.approvals.sample.iter().map(|approval| &approval.id).collect();
        if !requests.is_empty() || !approvals.is_empty() {
            let counts = (found.requests.count, found.approvals.count);
            digest = WorkDigest::of_request(&(digest, counts, requests, approvals));
        }
        let WorkDigest(digest) = digest;
        for byte in digest {
            // Writing to a text cannot fail.
            let _ = write!(found.digest, "{byte:02x}");
        }
        Plan { changes, off_boarding: found }
    }

    fn is_open(&self, task: &Task) -> bool {
        task.state == TaskState::Open && self.now < task.expires_at
    }

    /// The task and all above it.
    fn goes_on(&self, id: &TaskId) -> bool {
        let mut next = self.view.task(id);
        for _ in 0..TASK_LINE_MAX {
            let Some(task) = next.filter(|task| self.is_open(task)) else { return false };
            let Some(parent) = &task.parent else { return true };
            next = self.view.task(parent);
        }
        false
    }
}
