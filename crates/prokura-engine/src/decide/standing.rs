//! With whose authority somebody acts, and within what: what lists are held against.

use std::sync::Arc;

use prokura_model::{Delegation, DelegationId, Endorsement, ObjectRef, RelationName, Timestamp};

use super::{
    Decision, Stop, Walk,
    budget::Left,
    cap::{Carrying, Coverage},
    dispatch::Memberships,
};
use crate::{Context, EngineError, Given, Limits, View, graph::Graph};

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
    /// What budgets cover, and whether they have something left, where that counts too.
    left: Vec<Left>,
}

impl View<'_> {
    /// With whose authority the actor acts under the delegation, or under none, and within what: the steps of a decision
    /// that no permission and no resource play a part in. None if a decision would be denied in one of them. With arguments,
    /// which questions would bring, it counts too what budgets and uses have left for them.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn standing(
        &self,
        actor: &ObjectRef,
        delegation: Option<&DelegationId>,
        arguments: Option<&Context>,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Option<Standing>, EngineError> {
        let guard = self.index.guard();
        let mut walk = Walk::new(actor, (self, &guard), now, limits, Decision::begun(self.revision));
        let graph = Graph::new(self, &guard);
        let standing = walk.standing(delegation, arguments, Memberships { view: self, graph: &graph });
        self.index.check_kept(self.revision)?;
        match standing {
            Ok(standing) => Ok(Some(standing)),
            Err(Stop::Decided(_)) => Ok(None),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Whether every link carries this, the worker is endorsed for it, and no budget is in the way: surely, with these values.
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
        if let Some(endorsements) = &standing.endorsements
            && !self.any_endorsement(endorsements, permission, resource)?
        {
            return Ok(false);
        }
        for Left { covers, enough } in &standing.left {
            let covered =
                covers.as_ref().map_or(Ok(Coverage::PLAIN), |covers| self.cap(covers, permission, resource))?;
            match covered {
                Coverage::Not => {}
                Coverage::Surely(_) if *enough => {}
                Coverage::Surely(_) => return Ok(false),
                Coverage::Perhaps(doubt) => return doubt.missing().map(|_| false),
            }
        }
        Ok(true)
    }

    fn any_endorsement(
        &self,
        endorsements: &[Arc<Endorsement>],
        permission: &RelationName,
        resource: &ObjectRef,
    ) -> Result<bool, EngineError> {
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
        arguments: Option<&Context>,
        memberships: Memberships<'_>,
    ) -> Result<Standing, Stop> {
        self.check_actor()?;
        match delegation {
            None => {
                let (origin, authority) = (self.actor.clone(), self.actor.clone());
                Ok(Standing { origin, authority, chain: Vec::new(), endorsements: None, left: Vec::new() })
            }
            Some(id) => {
                let task = self.whole_chain(id)?;
                if let Some(verdict) = arguments.and_then(|_| self.uses_exhausted(task)) {
                    return Err(Stop::Decided(verdict));
                }
                let left = arguments.map_or_else(Vec::new, |arguments| self.left(task, arguments));
                let (origin, dispatch) = (task.origin.clone(), self.last_dispatch());
                let bounds = self.chain.iter().skip(dispatch.unwrap_or(0));
                let chain = bounds.map(|link| Arc::clone(&link.delegation)).collect();
                let Some(worker) = dispatch.and_then(|at| self.chain.get(at)).map(|link| &link.to) else {
                    return Ok(Standing { authority: origin.clone(), origin, chain, endorsements: None, left });
                };
                let endorsements = self.endorsements_for(worker, &task.origin, memberships)?;
                Ok(Standing { origin, authority: worker.clone(), chain, endorsements: Some(endorsements), left })
            }
        }
    }
}
