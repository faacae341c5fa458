use prokura_model::{
    Delegation, DelegationKind, Endorsement, ObjectRef, PrincipalState, Reason, RelationName, SubjectRef, Task,
    TaskState, Timestamp,
};

use super::{Bug, Planted, cap::Carrying};
use crate::{
    Context, Question, Standing, Verdict,
    oracle::{CHAIN_LINKS, TASK_LINE},
    truth::Truth,
};

impl Planted {
    pub(super) fn has(&self, bug: Bug) -> bool {
        self.bug == bug
    }

    pub(super) fn decide(&self, question: &Question, now: Timestamp) -> Result<Verdict, &'static str> {
        let authorised = self.authorised(question, now)?;
        if self.has(Bug::BudgetsBeforeGuards) {
            return Ok(self.narrowed(question, now, self.limited(question, now, authorised)?));
        }
        self.limited(question, now, self.narrowed(question, now, authorised))
    }

    fn authorised(&self, question: &Question, now: Timestamp) -> Result<Verdict, &'static str> {
        let Question { actor, delegation, permission, resource, .. } = question;
        let context = &self.values(question);
        let schema = self.world.schema.as_ref().ok_or("no_schema")?;
        schema.find_member(&resource.kind, permission).map_err(|unknown| unknown.code())?;
        schema.find_definition(&actor.kind).map_err(|unknown| unknown.code())?;
        if self.stopped(actor) {
            return Ok(Verdict::because(Reason::ActorSuspended));
        }
        if self.orphaned(actor) {
            return Ok(Verdict::because(Reason::OwnerOffBoarded));
        }
        let Some(delegation) = delegation else {
            match self.check(resource, permission, &actor.clone().into(), context, now)? {
                Standing::Has => {
                    let valid_until = self.first_end(now);
                    return Ok(Verdict { reason: Reason::OwnAuthority, at: None, valid_until });
                }
                Standing::Conditional(_) => return Ok(self.conditional()),
                Standing::HasNot => {}
            }
            if self.has(Bug::AmbientDelegations) {
                return self.ambient(question, now);
            }
            return Ok(Verdict::because(Reason::NoPath));
        };
        let Some(leaf) = self.world.delegations.get(delegation) else {
            return Ok(Verdict::because(Reason::DelegationUnknown));
        };
        if leaf.to != *actor && !self.has(Bug::DelegationOfSomeoneElse) {
            return Ok(Verdict::because(Reason::DelegationNotForActor));
        }
        self.lent(question, leaf, now)
    }

    pub(super) fn values(&self, question: &Question) -> Context {
        let mut values = question.values();
        if self.has(Bug::ContextWinsOverArguments) {
            values.extend(question.context.clone());
        }
        values
    }

    fn ambient(&self, question: &Question, now: Timestamp) -> Result<Verdict, &'static str> {
        for link in self.world.delegations.values().filter(|link| link.to == question.actor) {
            let verdict = self.lent(question, link, now)?;
            if matches!(verdict.reason, Reason::LentAuthority | Reason::DispatchedAuthority) {
                return Ok(verdict);
            }
        }
        Ok(Verdict::because(Reason::NoPath))
    }

    fn lent(&self, question: &Question, leaf: &Delegation, now: Timestamp) -> Result<Verdict, &'static str> {
        let Question { actor, permission, resource, .. } = question;
        let context = &self.values(question);
        let chain = match self.links(leaf) {
            Ok(chain) => chain,
            Err(reason) => return Ok(Verdict::because(reason)),
        };
        let Some(task) = self.world.tasks.get(&leaf.task) else {
            return Ok(Verdict::because(Reason::TaskUnknown));
        };
        let task_ends = match self.tasks_above(task, now) {
            Ok(ends) => ends,
            Err(reason) => return Ok(Verdict::because(reason)),
        };
        for position in 0..chain.len() {
            if let Some(reason) = self.link_fault(&chain, position, task, now) {
                return Ok(Verdict { reason, at: Some(position), valid_until: None });
            }
        }
        let dispatch = chain.iter().rposition(|link| link.kind == DelegationKind::Dispatches);
        let bounds = || chain.iter().enumerate().skip(dispatch.unwrap_or(0));
        let worker = dispatch.and_then(|position| chain.get(position)).map(|link| &link.to);
        let origin = worker.filter(|_| self.has(Bug::QueriesAskTheWorker)).unwrap_or(&task.origin);
        let carrying = Carrying { planted: self, question, origin, values: context, now, endorsed: false };
        let carried = bounds().map(|(position, link)| Ok((position, carrying.cap(&link.cap)?)));
        let carried: Vec<(usize, Truth)> = carried.collect::<Result<_, &'static str>>()?;
        let covered = match self.bug {
            Bug::CapOfTheLastLinkOnly => carried.last().is_some_and(|(_, carries)| *carries == Truth::True),
            Bug::CapOfAnyLinkIsEnough => carried.iter().any(|(_, carries)| *carries == Truth::True),
            _ => false,
        };
        for (position, carries) in carried.into_iter().filter(|_| !covered) {
            if let Some(verdict) = self.bounded(carries, position, Reason::OutsideCap)? {
                return Ok(verdict);
            }
        }
        if let (Some(worker), Some(at)) = (worker, dispatch) {
            let carrying = Carrying { endorsed: true, ..carrying };
            let endorsed = self.endorsed(worker, &task.origin, &carrying, now)?;
            if let Some(verdict) = self.bounded(endorsed, at, Reason::NotEndorsed)? {
                return Ok(verdict);
            }
        }
        let (whose, allow, deny) = match worker {
            Some(worker) => (worker, Reason::DispatchedAuthority, Reason::WorkerLacksPermission),
            None if self.has(Bug::ActorInPlaceOfOrigin) => {
                (actor, Reason::LentAuthority, Reason::OriginLacksPermission)
            }
            None => (&task.origin, Reason::LentAuthority, Reason::OriginLacksPermission),
        };
        match self.check(resource, permission, &whose.clone().into(), context, now)? {
            Standing::Has => {}
            Standing::Conditional(_) => return Ok(self.conditional()),
            Standing::HasNot => return Ok(Verdict { at: dispatch, ..Verdict::because(deny) }),
        }
        let ends = chain.iter().filter_map(|link| link.expires_at);
        let until = if self.has(Bug::ValidityOfTheLastLinkOnly) { leaf.expires_at } else { ends.min() };
        let until = until.into_iter().chain(self.first_end(now)).chain([task_ends]).min();
        Ok(Verdict { reason: allow, at: None, valid_until: until })
    }

    /// What ends it, if this does not surely carry it.
    fn bounded(&self, carries: Truth, at: usize, deny: Reason) -> Result<Option<Verdict>, &'static str> {
        let because = |reason| Some(Verdict { at: Some(at), ..Verdict::because(reason) });
        match carries {
            Truth::True => Ok(None),
            Truth::False => Ok(because(deny)),
            Truth::Unknown(doubts) if doubts.failed => Err("caveat_failed"),
            Truth::Unknown(doubts) if doubts.missing.is_empty() => Err("undecidable"),
            Truth::Unknown(_) => Ok(because(self.conditional().reason)),
        }
    }

    pub(super) fn conditional(&self) -> Verdict {
        let denied = self.has(Bug::ConditionalDecisionIsDeny);
        Verdict::because(if denied { Reason::NoPath } else { Reason::ContextMissing })
    }

    /// Whether the worker's owner says that it does this for the origin.
    fn endorsed(
        &self,
        worker: &ObjectRef,
        origin: &ObjectRef,
        carrying: &Carrying<'_>,
        now: Timestamp,
    ) -> Result<Truth, &'static str> {
        let owner = self.world.principals.get(worker).and_then(|worker| worker.owner.as_ref());
        let owner = owner.filter(|owner| self.world.principals.contains_key(*owner) && !self.stopped(owner));
        let counts = |found: &&Endorsement| {
            found.worker == *worker
                && (Some(&found.by) == owner || self.has(Bug::AnybodyMayEndorse))
                && found.revoked_at.is_none()
                && found.expires_at.is_none_or(|end| now < end)
        };
        let mut found = Truth::from(self.has(Bug::WorkersNeedNoEndorsement));
        for endorsement in self.world.endorsements.values().filter(counts) {
            let carries = carrying.cap(&endorsement.cap)?;
            if carries == Truth::False || found == Truth::True {
                continue;
            }
            let named = |meant: &SubjectRef| match meant {
                SubjectRef::Object(object) => object == origin,
                SubjectRef::Wildcard(kind) => *kind == origin.kind,
                SubjectRef::Userset(..) => false,
            };
            let mut is_for = endorsement.origins.iter().any(named);
            for meant in &endorsement.origins {
                if !is_for
                    && let SubjectRef::Userset(object, relation) = meant
                    && self.knows(object, relation, origin)
                    && self.check(object, relation, &origin.clone().into(), &Context::new(), now)? == Standing::Has
                {
                    is_for = true;
                }
            }
            if is_for {
                found = found.or(carries);
            }
        }
        Ok(found)
    }

    fn knows(&self, object: &ObjectRef, relation: &RelationName, origin: &ObjectRef) -> bool {
        self.world.schema.as_ref().is_some_and(|schema| {
            schema.find_member(&object.kind, relation).is_ok() && schema.find_definition(&origin.kind).is_ok()
        })
    }

    /// The next moment at which any edge or endorsement ends: an allow is good until then at least.
    fn first_end(&self, now: Timestamp) -> Option<Timestamp> {
        let endorsements = self.world.endorsements.values().filter_map(|endorsement| endorsement.expires_at);
        let ends = self.world.relationships.values().filter_map(|terms| terms.expires_at).chain(endorsements);
        ends.filter(|end| *end > now && !self.has(Bug::ValidityForgetsEdges)).min()
    }

    pub(super) fn links<'a>(&'a self, leaf: &'a Delegation) -> Result<Vec<&'a Delegation>, Reason> {
        let longest = CHAIN_LINKS + usize::from(self.has(Bug::ChainOneLinkTooLong));
        let mut chain = vec![leaf];
        let mut parent = leaf.parent.as_ref();
        while let Some(id) = parent {
            let link = self.world.delegations.get(id).ok_or(Reason::DelegationUnknown)?;
            if chain.len() == longest {
                return Err(Reason::ChainTooLong);
            }
            chain.push(link);
            parent = link.parent.as_ref();
        }
        chain.reverse();
        Ok(chain)
    }

    /// When the task or one above it ends, if all of them go on.
    fn tasks_above(&self, task: &Task, now: Timestamp) -> Result<Timestamp, Reason> {
        let longest = TASK_LINE + usize::from(self.has(Bug::TaskLineOneTooLong));
        let (mut task, mut line, mut ends) = (task, 1, task.expires_at);
        self.task_fault(task, now).map_or(Ok(()), Err)?;
        while let Some(parent) = &task.parent {
            if self.has(Bug::TasksAboveIgnored) {
                break;
            }
            let Some(above) = self.world.tasks.get(parent) else {
                if self.has(Bug::MissingTaskAboveIgnored) {
                    break;
                }
                return Err(Reason::TaskUnknown);
            };
            line += 1;
            if line > longest || (above.origin != task.origin && !self.has(Bug::TaskAboveOfAnyone)) {
                return Err(Reason::TaskTreeBroken);
            }
            self.task_fault(above, now).map_or(Ok(()), Err)?;
            ends = ends.min(above.expires_at);
            task = above;
            if self.has(Bug::OnlyTheTaskAboveCounts) {
                break;
            }
        }
        Ok(if self.has(Bug::ValidityForgetsTasksAbove) { Timestamp(u64::MAX) } else { ends })
    }

    fn task_fault(&self, task: &Task, now: Timestamp) -> Option<Reason> {
        match task.state {
            TaskState::Completed if !self.has(Bug::TaskStateIgnored) => Some(Reason::TaskCompleted),
            TaskState::Cancelled if !self.has(Bug::TaskStateIgnored) => Some(Reason::TaskCancelled),
            _ if now >= task.expires_at && !self.has(Bug::TaskExpiryIgnored) => Some(Reason::TaskExpired),
            _ => None,
        }
    }

    fn link_fault(&self, chain: &[&Delegation], position: usize, task: &Task, now: Timestamp) -> Option<Reason> {
        let link = chain.get(position)?;
        let above = position.checked_sub(1).and_then(|above| chain.get(above));
        let below = chain.len() - 1 - position;
        let last = below == 0;
        if link.task != task.id && !self.has(Bug::LinksOfOtherTasksAccepted) {
            return Some(Reason::ChainBroken);
        }
        if let Some(above) = above
            && above.to != link.from
            && !self.has(Bug::ParentNeedNotEndWhereItsChildBegins)
        {
            return Some(Reason::ChainBroken);
        }
        if !self.world.principals.contains_key(&link.from) && !self.has(Bug::UnregisteredMayDelegate) {
            return Some(Reason::ChainBroken);
        }
        if above.is_none() && link.from != task.origin && !self.has(Bug::RootOfAnyone) {
            return Some(Reason::RootNotOrigin);
        }
        if link.revoked_at.is_some() && (last || !self.has(Bug::RevokedParentShielded)) {
            return Some(Reason::DelegationRevoked);
        }
        let early = |begin: Timestamp| now < begin || (self.has(Bug::BeginningOneMomentLate) && now == begin);
        if link.not_before.is_some_and(early) {
            return Some(Reason::DelegationNotYetValid);
        }
        let late = |end: Timestamp| if self.has(Bug::ExpiryOneMomentLate) { now > end } else { now >= end };
        if link.expires_at.is_some_and(late) && (last || !self.has(Bug::ExpiredParentShielded)) {
            return Some(Reason::DelegationExpired);
        }
        if below > 0 && link.depth == 0 {
            return Some(Reason::RedelegationForbidden);
        }
        let most = usize::try_from(link.depth).ok()? + usize::from(self.has(Bug::DepthOneTooMany));
        if below > most && !self.has(Bug::DepthNotCounted) {
            return Some(Reason::DepthExceeded);
        }
        if self.stopped(&link.from) && !self.has(Bug::SuspendedMiddleIgnored) {
            return Some(Reason::PrincipalSuspended);
        }
        self.orphaned(&link.from).then_some(Reason::OwnerOffBoarded)
    }

    pub(super) fn stopped(&self, object: &ObjectRef) -> bool {
        self.world.principals.get(object).is_some_and(|principal| principal.state != PrincipalState::Active)
    }

    pub(super) fn orphaned(&self, object: &ObjectRef) -> bool {
        let principals = &self.world.principals;
        let owner = principals.get(object).and_then(|principal| principals.get(principal.owner.as_ref()?));
        owner.is_some_and(|owner| owner.state == PrincipalState::OffBoarded) && !self.has(Bug::OwnerOffBoardedIgnored)
    }
}
