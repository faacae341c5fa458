//! With whose authority somebody acts, and within what: what lists are held against.

use std::sync::Arc;

use prokura_model::{Delegation, DelegationId, Endorsement, ObjectRef, RelationName, Timestamp};

use super::{
    Decision, Stop, Walk,
    cap::{Carrying, Coverage},
    dispatch::Memberships,
};
use crate::{EngineError, Given, Limits, View, graph::Graph};

/// With whose authority somebody acts at a moment, and within what.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// For whom it is done: the actor itself, or the origin of the task.
    pub origin: ObjectRef,
    /// Whose authority it is: the actor's own without a delegation, the origin's of a task, or the worker's that the work
    /// was dispatched to.
    pub authority: ObjectRef,
    /// The links that bound it: those from the last dispatch on, or all; root first, none without a delegation.
    pub chain: Vec<Arc<Delegation>>,
    /// Of a worker, the endorsements that hold for the origin.
    pub endorsements: Option<Vec<Arc<Endorsement>>>,
}

impl View<'_> {
    /// With whose authority the actor acts under the delegation, or under none, and within what: the steps of a decision
    /// that no permission and no resource play a part in. None if a decision would be denied in one of them.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn standing(
        &self,
        actor: &ObjectRef,
        delegation: Option<&DelegationId>,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Option<Standing>, EngineError> {
        let guard = self.index.guard();
        let mut walk = Walk::new(actor, (self, &guard), now, limits, Decision::begun(self.revision));
        let graph = Graph::new(self, &guard);
        let standing = walk.standing(delegation, Memberships { view: self, graph: &graph });
        self.index.check_kept(self.revision)?;
        match standing {
            Ok(standing) => Ok(Some(standing)),
            Err(Stop::Decided(_)) => Ok(None),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Whether every link carries this, and the worker is endorsed for it: surely, with these values.
    ///
    /// # Errors
    /// It cannot be said: a caveat fails, a limit is reached, or the revision is no longer kept.
    pub fn covers(
        &self,
        standing: &Standing,
        permission: &RelationName,
        resource: &ObjectRef,
        given: Given<'_>,
        limits: &Limits,
    ) -> Result<bool, EngineError> {
        let guard = self.index.guard();
        let graph = Graph::new(self, &guard);
        let program = self.program(&guard)?;
        let carrying = Carrying { view: self, graph: &graph, program, origin: &standing.origin, given, limits };
        let covers = carrying.standing(standing, permission, resource);
        self.index.check_kept(self.revision)?;
        covers
    }
}

impl Carrying<'_> {
    /// As a decision would find it. What is not known of one link, or of all endorsements together, leaves open what comes
    /// after it.
    fn standing(
        &self,
        standing: &Standing,
        permission: &RelationName,
        resource: &ObjectRef,
    ) -> Result<bool, EngineError> {
        for link in &standing.chain {
            match self.cap(&link.cap, permission, resource)? {
                Coverage::Surely(_) => {}
                Coverage::Not => return Ok(false),
                Coverage::Perhaps(doubt) => return doubt.missing().map(|_| false),
            }
        }
        let Some(endorsements) = &standing.endorsements else { return Ok(true) };
        let mut open = None;
        for endorsement in endorsements {
            match self.cap(&endorsement.cap, permission, resource)? {
                Coverage::Surely(_) => return Ok(true),
                Coverage::Not => {}
                Coverage::Perhaps(doubt) => open = Some(doubt.or_first(open)),
            }
        }
        open.map_or(Ok(false), |doubt| doubt.missing().map(|_| false))
    }
}

impl<'w> Walk<'w> {
    pub(super) fn standing(
        &mut self,
        delegation: Option<&DelegationId>,
        memberships: Memberships<'_>,
    ) -> Result<Standing, Stop> {
        self.check_actor()?;
        match delegation {
            None => {
                let (origin, authority) = (self.actor.clone(), self.actor.clone());
                Ok(Standing { origin, authority, chain: Vec::new(), endorsements: None })
            }
            Some(id) => {
                let task = self.whole_chain(id)?;
                let (origin, dispatch) = (task.origin.clone(), self.last_dispatch());
                let bounds = self.chain.iter().skip(dispatch.unwrap_or(0));
                let chain = bounds.map(|link| Arc::clone(&link.delegation)).collect();
                let Some(worker) = dispatch.and_then(|at| self.chain.get(at)).map(|link| &link.to) else {
                    return Ok(Standing { authority: origin.clone(), origin, chain, endorsements: None });
                };
                let endorsements = self.endorsements_for(worker, &task.origin, memberships)?;
                Ok(Standing { origin, authority: worker.clone(), chain, endorsements: Some(endorsements) })
            }
        }
    }
}
