use std::collections::BTreeSet;

use prokura_model::{Delegation, ObjectRef, PrincipalState, Reason, TaskState, Timestamp};

use super::OracleError;
use crate::{Answer, Question, Standing, Verdict, World};

/// The most links a chain may have: the engine's default.
pub const CHAIN_LINKS: usize = 32;

/// What a decision comes down to once everything but the graph was looked at.
enum Basis<'a> {
    /// It is decided.
    Decided(Verdict),
    /// It is as the check of this object says.
    Check {
        whose: &'a ObjectRef,
        /// How long an allow holds as far as tasks and links go.
        ends: Option<Timestamp>,
        allow: Reason,
        deny: Reason,
    },
}

impl World {
    /// Whether the actor may do it now, and why: the steps of the decision, in order.
    #[must_use]
    pub fn decide(&self, question: &Question, now: Timestamp) -> Answer {
        let (whose, ends, allow, deny) = match self.basis(question, now) {
            Err(error) => return error.into(),
            Ok(Basis::Decided(verdict)) => return Answer::Decided(verdict),
            Ok(Basis::Check { whose, ends, allow, deny }) => (whose, ends, allow, deny),
        };
        let check = |now| {
            self.outcomes(&question.resource, &question.permission, &whose.clone().into(), &question.context, now)
        };
        Answer::one_of(check(now).into_iter().flat_map(|outcome| match outcome {
            Ok(Standing::Has) => {
                let until = self.validity(ends, now, &|now| check(now) == [Ok(Standing::Has)]);
                let verdict = |valid_until| Answer::Decided(Verdict { reason: allow, at: None, valid_until });
                until.into_iter().map(verdict).collect()
            }
            Ok(Standing::Conditional(_)) => vec![Answer::Decided(Verdict::because(Reason::ContextMissing))],
            Ok(Standing::HasNot) => vec![Answer::Decided(Verdict::because(deny))],
            Err(error) => vec![error.into()],
        }))
    }

    /// Until when an allow may be said to hold, the latest first. It holds until a task or link ends, and no longer than
    /// the same question is allowed while edges come to their ends. Which edges an allow rests on is the evaluator's
    /// choice, so it may name the end of any edge before that.
    fn validity(
        &self,
        ends: Option<Timestamp>,
        now: Timestamp,
        allowed: &dyn Fn(Timestamp) -> bool,
    ) -> Vec<Option<Timestamp>> {
        let later = self.relationships.values().filter_map(|terms| terms.expires_at).filter(|end| *end > now);
        let later: BTreeSet<Timestamp> = later.collect();
        let lost = later.iter().copied().find(|end| !allowed(*end));
        let latest = ends.into_iter().chain(lost).min();
        let earlier = later.into_iter().filter(|end| latest.is_none_or(|latest| *end < latest));
        std::iter::once(latest).chain(earlier.map(Some)).collect()
    }

    fn basis<'a>(&'a self, question: &'a Question, now: Timestamp) -> Result<Basis<'a>, OracleError> {
        let Question { actor, delegation, permission, resource, context: _ } = question;
        self.require_member(&resource.kind, permission)?;
        self.require_type(&actor.kind)?;
        let because = |reason| Ok(Basis::Decided(Verdict::because(reason)));
        if self.is_stopped(actor) {
            return because(Reason::ActorSuspended);
        }
        if self.owner_is_off_boarded(actor) {
            return because(Reason::OwnerOffBoarded);
        }
        let Some(delegation) = delegation else {
            return Ok(Basis::Check { whose: actor, ends: None, allow: Reason::OwnAuthority, deny: Reason::NoPath });
        };

        let Some(leaf) = self.delegations.get(delegation) else {
            return because(Reason::DelegationUnknown);
        };
        if leaf.to != *actor {
            return because(Reason::DelegationNotForActor);
        }
        let chain = match self.chain(leaf) {
            Ok(chain) => chain,
            Err(reason) => return because(reason),
        };
        let Some(task) = self.tasks.get(&leaf.task) else {
            return because(Reason::TaskUnknown);
        };
        match task.state {
            TaskState::Open if now >= task.expires_at => return because(Reason::TaskExpired),
            TaskState::Open => {}
            TaskState::Completed => return because(Reason::TaskCompleted),
            TaskState::Cancelled => return because(Reason::TaskCancelled),
        }
        let at = |reason, position| Ok(Basis::Decided(Verdict { reason, at: Some(position), valid_until: None }));
        let mut above: Option<&Delegation> = None;
        for (position, link) in chain.iter().enumerate() {
            let below = chain.len() - 1 - position;
            let fault = if link.task != leaf.task {
                Some(Reason::ChainBroken)
            } else {
                self.link_fault(link, above, below, &task.origin, now)
            };
            if let Some(reason) = fault {
                return at(reason, position);
            }
            above = Some(link);
        }
        for (position, link) in chain.iter().enumerate() {
            if !link.cap.covers(permission, resource) {
                return at(Reason::OutsideCap, position);
            }
        }
        Ok(Basis::Check {
            whose: &task.origin,
            ends: chain.iter().filter_map(|link| link.expires_at).chain([task.expires_at]).min(),
            allow: Reason::LentAuthority,
            deny: Reason::OriginLacksPermission,
        })
    }

    /// What is wrong with a link of the right task that has `above` over it, and so many links below it.
    fn link_fault(
        &self,
        link: &Delegation,
        above: Option<&Delegation>,
        below: usize,
        origin: &ObjectRef,
        now: Timestamp,
    ) -> Option<Reason> {
        if above.is_some_and(|above| above.to != link.from) || !self.principals.contains_key(&link.from) {
            return Some(Reason::ChainBroken);
        }
        if above.is_none() && link.from != *origin {
            return Some(Reason::RootNotOrigin);
        }
        if link.revoked_at.is_some() {
            return Some(Reason::DelegationRevoked);
        }
        if link.not_before.is_some_and(|begin| now < begin) {
            return Some(Reason::DelegationNotYetValid);
        }
        if link.expires_at.is_some_and(|end| now >= end) {
            return Some(Reason::DelegationExpired);
        }
        if below > 0 && link.depth == 0 {
            return Some(Reason::RedelegationForbidden);
        }
        if u64::try_from(below).unwrap_or(u64::MAX) > u64::from(link.depth) {
            return Some(Reason::DepthExceeded);
        }
        if self.is_stopped(&link.from) {
            return Some(Reason::PrincipalSuspended);
        }
        self.owner_is_off_boarded(&link.from).then_some(Reason::OwnerOffBoarded)
    }

    /// The links from the root down to this one.
    fn chain<'a>(&'a self, leaf: &'a Delegation) -> Result<Vec<&'a Delegation>, Reason> {
        let mut chain = vec![leaf];
        let mut link = leaf;
        while let Some(parent) = &link.parent {
            link = self.delegations.get(parent).ok_or(Reason::DelegationUnknown)?;
            chain.insert(0, link);
            if chain.len() > CHAIN_LINKS {
                return Err(Reason::ChainTooLong);
            }
        }
        Ok(chain)
    }

    fn is_stopped(&self, object: &ObjectRef) -> bool {
        self.principals.get(object).is_some_and(|principal| principal.state != PrincipalState::Active)
    }

    fn owner_is_off_boarded(&self, object: &ObjectRef) -> bool {
        let owner = self.principals.get(object).and_then(|principal| principal.owner.as_ref());
        let owner = owner.and_then(|owner| self.principals.get(owner));
        owner.is_some_and(|owner| owner.state == PrincipalState::OffBoarded)
    }

    /// Whether a list of those who may do something leaves it out: it is stopped, or its owner has left.
    pub(crate) fn is_left_out(&self, object: &ObjectRef) -> bool {
        self.is_stopped(object) || self.owner_is_off_boarded(object)
    }
}
