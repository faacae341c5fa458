use std::collections::BTreeSet;

use prokura_model::{
    Cap, Delegation, DelegationKind, Endorsement, ObjectRef, PrincipalState, Reason, RelationName, Schema, SubjectRef,
    Task, TaskState, Timestamp,
};

use super::{Asked, OracleError};
use crate::{Answer, Context, Question, Standing, Verdict, World, truth::Truth};

/// The most links a chain may have: the engine's default.
pub const CHAIN_LINKS: usize = 32;

/// The most tasks in a line, from one to the root of its tree: the engine's limit.
pub const TASK_LINE: usize = 16;

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
        deny: Verdict,
        bounds: Bounds<'a>,
    },
}

/// What has to carry a request.
struct Bounds<'a> {
    /// For whom it is done.
    origin: &'a ObjectRef,
    /// The caps, each with the position of its link.
    caps: Vec<(usize, &'a Cap)>,
    /// Of a worker that the work was dispatched to, and that has to be endorsed: by which link.
    dispatch: Option<usize>,
}

/// What a request ends with before its check, or nothing.
type Ended = Result<Option<Verdict>, OracleError>;

impl World {
    /// Whether the actor may do it now, and why: the steps of the decision, in order.
    #[must_use]
    pub fn decide(&self, question: &Question, now: Timestamp) -> Answer {
        Answer::one_of(self.decisions(question, now))
    }

    /// Every right answer. They differ in what an answer that depends on something says of that, and in until when an
    /// allow is said to hold.
    fn decisions(&self, question: &Question, now: Timestamp) -> Vec<Answer> {
        let (whose, ends, allow, deny, bounds) = match self.basis(question, now) {
            Err(error) => return vec![error.into()],
            Ok(Basis::Decided(verdict)) => return vec![Answer::Decided(verdict)],
            Ok(Basis::Check { whose, ends, allow, deny, bounds }) => (whose, ends, allow, deny, bounds),
        };
        let mut answers = Vec::new();
        for bounded in self.bounded(whose, question, &bounds, now) {
            match bounded {
                Err(error) => answers.push(error.into()),
                Ok(Some(verdict)) => answers.push(Answer::Decided(verdict)),
                Ok(None) => {
                    let Question { resource, permission, .. } = question;
                    for outcome in self.outcomes(resource, permission, &whose.clone().into(), &question.values(), now) {
                        match outcome {
                            Ok(Standing::Has) => {
                                for reason in self.guards_say(question, now) {
                                    match reason {
                                        Some(reason) => answers.push(Answer::Decided(Verdict::because(reason))),
                                        None => answers.extend(self.allowed(question, (allow, ends), now)),
                                    }
                                }
                            }
                            Ok(Standing::Conditional(_)) => {
                                answers.push(Answer::Decided(Verdict::because(Reason::ContextMissing)));
                            }
                            Ok(Standing::HasNot) => answers.push(Answer::Decided(deny.clone())),
                            Err(error) => answers.push(error.into()),
                        }
                    }
                }
            }
        }
        answers
    }

    /// What an allow is that neither checks nor guards object to: until when, unless there is too little of something left.
    fn allowed(&self, question: &Question, (allow, ends): (Reason, Option<Timestamp>), now: Timestamp) -> Vec<Answer> {
        let mut answers = Vec::new();
        for taking in self.taking(question, now) {
            match taking {
                Err(error) => answers.push(error.into()),
                Ok(Err(verdict)) => answers.push(Answer::Decided(verdict)),
                Ok(Ok(_)) => {
                    let for_now = self.guards_read_now(question, now) || self.budgets_may_turn(question);
                    let until = if for_now {
                        vec![Some(now)]
                    } else {
                        let mut until = self.validity(ends, now, &|later| self.is_allowed(question, later));
                        // What an exclusion rests on is hard to say, so whoever does not say it says that it is now.
                        until.extend(self.may_turn(question).then_some(Some(now)));
                        until
                    };
                    let verdict = |valid_until| Verdict { valid_until, ..Verdict::because(allow) };
                    answers.extend(until.into_iter().map(verdict).map(Answer::Decided));
                }
            }
        }
        answers
    }

    /// Whether it is allowed at that moment, and nothing else can be said.
    fn is_allowed(&self, question: &Question, now: Timestamp) -> bool {
        let Ok(Basis::Check { whose, bounds, .. }) = self.basis(question, now) else { return false };
        let Question { resource, permission, .. } = question;
        let bounded = self.bounded(whose, question, &bounds, now);
        bounded.iter().all(|bounded| *bounded == Ok(None))
            && self.outcomes(resource, permission, &whose.clone().into(), &question.values(), now)
                == [Ok(Standing::Has)]
    }

    /// What the caps, one after the other, and what the worker is endorsed for end it with, if they do: each way it may come
    /// out.
    fn bounded(&self, whose: &ObjectRef, question: &Question, bounds: &Bounds<'_>, now: Timestamp) -> Vec<Ended> {
        let Bounds { origin, caps, dispatch } = bounds;
        let asked = Asked { origin, values: &question.values(), now };
        let mut found = vec![Ok(None)];
        for (at, cap) in caps {
            let carries = || self.carries(cap, question, asked).into_iter().map(Ok).collect();
            found = go_on(found, carries, question, (*at, Reason::OutsideCap));
        }
        match dispatch {
            None => found,
            Some(at) => {
                let endorsed = || self.endorsed(whose, question, asked);
                go_on(found, endorsed, question, (*at, Reason::NotEndorsed))
            }
        }
    }

    /// Whether something that the worker's owner says covers the request for this origin: each way it may come out.
    fn endorsed(&self, worker: &ObjectRef, question: &Question, asked: Asked<'_>) -> Vec<Result<Truth, OracleError>> {
        let mut found = vec![Ok(Truth::False)];
        for endorsement in self.endorsements.values().filter(|found| self.counts(found, worker, asked.now)) {
            let mut next = Vec::new();
            for before in found {
                // What was settled before stays so.
                let Ok(Truth::False | Truth::Unknown(_)) = before else {
                    next.push(before);
                    continue;
                };
                for carries in self.carries(&endorsement.cap, question, asked) {
                    if carries == Truth::False {
                        next.push(before.clone());
                        continue;
                    }
                    for meant in self.is_for(endorsement, asked) {
                        next.push(match (meant, before.clone()) {
                            (Err(error), _) | (_, Err(error)) => Err(error),
                            (Ok(true), Ok(before)) => Ok(before.or(carries.clone())),
                            (Ok(false), before) => before,
                        });
                    }
                }
            }
            found = next;
        }
        found
    }

    /// Whether the origin is among those that are meant: each way it may come out.
    fn is_for(&self, endorsement: &Endorsement, asked: Asked<'_>) -> Vec<Result<bool, OracleError>> {
        let mut found = vec![Ok(false)];
        for meant in named_first(endorsement) {
            let (settled, open): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| *found != Ok(false));
            found = settled;
            if !open.is_empty() {
                found.extend(self.is_meant(meant, asked.origin, asked.now));
            }
        }
        found
    }

    /// Whether an endorsement is one of the worker's, by its owner, and is not over.
    fn counts(&self, endorsement: &Endorsement, worker: &ObjectRef, now: Timestamp) -> bool {
        let owner = self.principals.get(worker).and_then(|worker| worker.owner.as_ref());
        endorsement.worker == *worker
            && owner == Some(&endorsement.by)
            && self.principals.get(&endorsement.by).is_some_and(|owner| owner.state == PrincipalState::Active)
            && endorsement.revoked_at.is_none()
            && endorsement.expires_at.is_none_or(|end| now < end)
    }

    /// Whether the origin is this one, of this type, or surely stands in this userset when nobody brings a value.
    fn is_meant(&self, meant: &SubjectRef, origin: &ObjectRef, now: Timestamp) -> Vec<Result<bool, OracleError>> {
        match meant {
            SubjectRef::Object(object) => vec![Ok(object == origin)],
            SubjectRef::Wildcard(kind) => vec![Ok(*kind == origin.kind)],
            SubjectRef::Userset(object, relation) => {
                if !self.knows(object, relation, origin) {
                    return vec![Ok(false)];
                }
                let outcomes = self.outcomes(object, relation, &origin.clone().into(), &Context::new(), now);
                outcomes.into_iter().map(|outcome| Ok(outcome? == Standing::Has)).collect()
            }
        }
    }

    fn knows(&self, object: &ObjectRef, relation: &RelationName, origin: &ObjectRef) -> bool {
        self.require_member(&object.kind, relation).is_ok() && self.require_type(&origin.kind).is_ok()
    }

    /// Whether an exclusion that may come to hold when an edge goes may be on the way, and edges may end. Caps may ask for
    /// anything.
    fn may_turn(&self, question: &Question) -> bool {
        let turning = self.schema.as_ref().map(Schema::turning).unwrap_or_default();
        turning.contains(&question.permission) || (question.delegation.is_some() && !turning.is_empty())
    }

    /// Until when an allow may be said to hold, the latest first. It holds until a task or link ends, and no longer than
    /// the same question is allowed while edges and endorsements come to their ends. Which of them an allow rests on is the
    /// evaluator's choice, so it may name the end of any before that.
    fn validity(
        &self,
        ends: Option<Timestamp>,
        now: Timestamp,
        allowed: &dyn Fn(Timestamp) -> bool,
    ) -> Vec<Option<Timestamp>> {
        let edges = self.relationships.values().filter_map(|terms| terms.expires_at);
        let endorsements = self.endorsements.values().filter_map(|endorsement| endorsement.expires_at);
        let later: BTreeSet<Timestamp> = edges.chain(endorsements).filter(|end| *end > now).collect();
        let lost = later.iter().copied().find(|end| !allowed(*end));
        let latest = ends.into_iter().chain(lost).min();
        let earlier = later.into_iter().filter(|end| latest.is_none_or(|latest| *end < latest));
        std::iter::once(latest).chain(earlier.map(Some)).collect()
    }

    fn basis<'a>(&'a self, question: &'a Question, now: Timestamp) -> Result<Basis<'a>, OracleError> {
        let Question { actor, delegation, permission, resource, .. } = question;
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
            let (allow, deny) = (Reason::OwnAuthority, Verdict::because(Reason::NoPath));
            let bounds = Bounds { origin: actor, caps: Vec::new(), dispatch: None };
            return Ok(Basis::Check { whose: actor, ends: None, allow, deny, bounds });
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
        let tasks = match self.living_line(task, now) {
            Ok(tasks) => tasks,
            Err(reason) => return because(reason),
        };
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
        let dispatch = chain.iter().rposition(|link| link.kind == DelegationKind::Dispatches);
        let caps = chain.iter().enumerate().skip(dispatch.unwrap_or(0));
        let caps = caps.map(|(position, link)| (position, &link.cap)).collect();
        let task_ends = tasks.iter().map(|task| task.expires_at);
        let ends = chain.iter().filter_map(|link| link.expires_at).chain(task_ends).min();
        let bounds = Bounds { origin: &task.origin, caps, dispatch };
        Ok(match dispatch.and_then(|position| Some((position, *chain.get(position)?))) {
            None => {
                let deny = Verdict::because(Reason::OriginLacksPermission);
                Basis::Check { whose: &task.origin, ends, allow: Reason::LentAuthority, deny, bounds }
            }
            Some((position, link)) => {
                let deny = Verdict { at: Some(position), ..Verdict::because(Reason::WorkerLacksPermission) };
                let allow = Reason::DispatchedAuthority;
                Basis::Check { whose: &link.to, ends, allow, deny, bounds }
            }
        })
    }

    /// The task and every one above it, if all of them go on.
    fn living_line<'a>(&'a self, task: &'a Task, now: Timestamp) -> Result<Vec<&'a Task>, Reason> {
        let mut line = vec![task];
        let mut task = task;
        loop {
            match task.state {
                TaskState::Open if now >= task.expires_at => return Err(Reason::TaskExpired),
                TaskState::Open => {}
                TaskState::Completed => return Err(Reason::TaskCompleted),
                TaskState::Cancelled => return Err(Reason::TaskCancelled),
            }
            let Some(parent) = &task.parent else { return Ok(line) };
            let above = self.tasks.get(parent).ok_or(Reason::TaskUnknown)?;
            if line.len() == TASK_LINE || above.origin != task.origin {
                return Err(Reason::TaskTreeBroken);
            }
            line.push(above);
            task = above;
        }
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
    pub(super) fn chain<'a>(&'a self, leaf: &'a Delegation) -> Result<Vec<&'a Delegation>, Reason> {
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

/// What came out so far, and where nothing ended it, what comes of the next thing that has to carry the request.
fn go_on(
    found: Vec<Ended>,
    next: impl Fn() -> Vec<Result<Truth, OracleError>>,
    question: &Question,
    (at, deny): (usize, Reason),
) -> Vec<Ended> {
    let (mut settled, open): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| *found != Ok(None));
    if open.is_empty() {
        return settled;
    }
    let goal = || (question.resource.clone(), question.permission.clone());
    let because = |reason| Verdict { at: Some(at), ..Verdict::because(reason) };
    for carries in next() {
        settled.push(match carries {
            Err(error) => Err(error),
            Ok(Truth::True) => Ok(None),
            Ok(Truth::False) => Ok(Some(because(deny))),
            Ok(Truth::Unknown(doubts)) if doubts.failed => Err(OracleError::CaveatFailed(goal().0, goal().1)),
            Ok(Truth::Unknown(doubts)) if doubts.missing.is_empty() => {
                Err(OracleError::Undecidable(goal().0, goal().1))
            }
            Ok(Truth::Unknown(_)) => Ok(Some(because(Reason::ContextMissing))),
        });
    }
    settled
}

/// Who is meant by an endorsement: those named by themselves or by their type, and then those in usersets.
fn named_first(endorsement: &Endorsement) -> impl Iterator<Item = &SubjectRef> {
    let is_userset = |meant: &&SubjectRef| matches!(meant, SubjectRef::Userset(..));
    let named = endorsement.origins.iter().filter(move |meant| !is_userset(meant));
    named.chain(endorsement.origins.iter().filter(is_userset))
}
