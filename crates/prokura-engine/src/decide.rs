pub(crate) mod access;
mod approval;
mod budget;
mod cap;
mod dispatch;
mod guards;
mod hierarchy;
pub(crate) mod listing;
mod message;
mod run;
mod standing;
mod tasks;

use std::{borrow::Cow, ptr};

use prokura_model::{
    ChainLink, Credential, Delegation, DelegationId, Disposition, FiredGuard, ObjectRef, Principal, PrincipalState,
    Reason, RelationName, Revision, SubjectRef, Taken, Task, TaskId, Timestamp, WitnessEdge,
};

use self::message::{Described, sentence, state_words};
pub use self::standing::Standing;
pub use self::{budget::Taking, guards::HeldFor};
use crate::{
    Context, EngineError, Explanation, Given, Limits, Permissionship, View,
    explain::{Wanted, explained, witness},
    graph::Graph,
    guard::Guard,
    link::Link,
    packed::{KindId, RelationId},
    program::Program,
    recorder::Recorder,
};

/// "May `actor` do `permission` on `resource`, under `delegation`?"
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Who wants to act.
    pub actor: ObjectRef,
    /// The delegation it acts under. Without one, only its own authority counts.
    pub delegation: Option<DelegationId>,
    /// What it wants to do.
    pub permission: RelationName,
    /// To what.
    pub resource: ObjectRef,
    /// Values for the parameters of the action itself: what it would be done with.
    pub arguments: Context,
    /// Values for what it would be done under: what is known of the circumstances.
    pub context: Context,
    /// How whoever asks was known, as far as it is.
    pub credential: Option<Credential>,
    /// What the tool that would do it says it does, as the enforcement point names it: mostly a digest of its schema. An
    /// approval is for that tool only.
    pub tool_schema: Option<String>,
}

impl Question {
    /// What the question brings for the parameters of caveats: the arguments, and the context where there is none under a
    /// name.
    #[must_use]
    pub fn values(&self) -> Cow<'_, Context> {
        values(&self.arguments, &self.context)
    }
}

/// The arguments of a question, and its context where there is none under a name.
#[must_use]
pub fn values<'v>(arguments: &'v Context, context: &'v Context) -> Cow<'v, Context> {
    if arguments.is_empty() {
        return Cow::Borrowed(context);
    }
    if context.is_empty() {
        return Cow::Borrowed(arguments);
    }
    let mut values = context.clone();
    values.extend(arguments.iter().map(|(name, value)| (name.clone(), value.clone())));
    Cow::Owned(values)
}

/// The answer to a [`Question`], and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Why it came out as it did; it says which way, too.
    pub reason: Reason,
    /// The reason in a sentence that names what failed.
    pub message: String,
    /// The task of the chain, as far as it was found.
    pub task: Option<TaskId>,
    /// The run that the task is part of, as far as it was found: the task at the root of its tree.
    pub run: Option<TaskId>,
    /// The task's origin, as far as it was found.
    pub origin: Option<ObjectRef>,
    /// Whose authority decides: the actor's own, the origin's, or the worker's that the work was dispatched to; none if it
    /// did not come to that.
    pub authority: Option<ObjectRef>,
    /// The chain, root first, as far as it was found.
    pub chain: Vec<ChainLink>,
    /// The position in `chain` of the link that it failed at, or depends on, where the chain was whole and it was one link.
    pub at: Option<usize>,
    /// For an allow, the edges it rests on.
    pub witness: Vec<WitnessEdge>,
    /// For a conditional decision, the parameters of caveats or guards that have no value.
    pub missing: Vec<String>,
    /// The guards that applied, by name, and what each demands.
    pub fired: Vec<FiredGuard>,
    /// For one that is held, what for.
    pub held: Option<Box<HeldFor>>,
    /// Whether there are guards on what was asked, whether or not they applied.
    pub guarded: bool,
    /// Whether a guard wants the decision on disk before it is answered.
    pub record_first: bool,
    /// For an allow, the moment from which it must be asked anew: the earliest expiry it depends on, if any.
    pub valid_until: Option<Timestamp>,
    /// For an allow, what it takes. Nothing is taken yet: an allow that takes something is one only once that is written.
    pub taken: Taken,
    /// The state it was decided on.
    pub revision: Revision,
}

impl Decision {
    fn begun(revision: Revision) -> Self {
        Self {
            reason: Reason::NoPath,
            message: String::new(),
            task: None,
            run: None,
            origin: None,
            authority: None,
            chain: Vec::new(),
            at: None,
            witness: Vec::new(),
            missing: Vec::new(),
            fired: Vec::new(),
            held: None,
            guarded: false,
            record_first: false,
            valid_until: None,
            taken: Taken::default(),
            revision,
        }
    }

    /// Which way it came out.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        self.reason.disposition()
    }
}

impl View<'_> {
    /// The decision, with the witness of an allow. The order of the steps is that of `docs/design/evaluation.md`.
    ///
    /// # Errors
    /// It cannot be decided: a name is unknown, a limit is reached, or the permission depends on its own absence.
    pub fn decide(&self, question: &Question, now: Timestamp, limits: &Limits) -> Result<Decision, EngineError> {
        self.decide_taking(question, Taking::AtOnce, now, limits)
    }

    /// The same, where what an allow takes is taken in another way than at once.
    ///
    /// # Errors
    /// As `decide`.
    pub fn decide_taking(
        &self,
        question: &Question,
        taking: Taking<'_>,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Decision, EngineError> {
        let asked = (question, now, taking);
        self.decided(self, asked, limits, Recorder::witness_only()).map(|(decision, _)| decision)
    }

    /// The decision with relationships and schema of this view, and with principals, tasks and delegations of another: who
    /// was stopped since is stopped.
    ///
    /// # Errors
    /// As `decide`; `head` counts as kept only if it is of the same index.
    pub fn decide_with(
        &self,
        head: &View<'_>,
        question: &Question,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Decision, EngineError> {
        let asked = (question, now, Taking::AtOnce);
        self.decided(head, asked, limits, Recorder::witness_only()).map(|(decision, _)| decision)
    }

    /// The same decision as [`decide`](Self::decide), and the explanation of the check it ended with, if it came to one.
    ///
    /// # Errors
    /// As `decide`.
    pub fn explain_decision(
        &self,
        question: &Question,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<(Decision, Option<Explanation>), EngineError> {
        self.decided(self, (question, now, Taking::AtOnce), limits, Recorder::everything())
    }

    fn decided(
        &self,
        head: &View<'_>,
        (question, now, taking): (&Question, Timestamp, Taking<'_>),
        limits: &Limits,
        recorder: Recorder,
    ) -> Result<(Decision, Option<Explanation>), EngineError> {
        let guard = self.index.guard();
        let heads_own;
        let head_guard = if ptr::eq(self.index, head.index) {
            &guard
        } else {
            heads_own = head.index.guard();
            &heads_own
        };
        let posed = self.posed(question, &guard)?;
        let mut walk = Walk::new(&question.actor, (head, head_guard), now, limits, Decision::begun(self.revision));
        walk.taking = taking;
        let decided = walk.steps(&posed, recorder).and_then(|(verdict, explanation)| {
            let allows = |verdict: &Verdict| verdict.reason.disposition() == Disposition::Allow;
            if !allows(&verdict) {
                return Ok((verdict, explanation));
            }
            let mut verdict = walk.narrowed(&posed, verdict);
            if allows(&verdict) {
                verdict = walk.bounded(&posed, verdict)?;
            }
            if allows(&verdict) {
                walk.end_what_may_turn(&posed);
                walk.touch(&posed);
            }
            // What the check says explains no decision that something else ended.
            let explanation = explanation.filter(|_| allows(&verdict));
            Ok((verdict, explanation))
        });
        self.index.check_kept(self.revision)?;
        head.index.check_kept(head.revision)?;
        let (verdict, explanation) = match decided {
            Ok((verdict, explanation)) => (verdict, Some(explanation).flatten()),
            Err(Stop::Decided(verdict)) => (verdict, None),
            Err(Stop::Failed(error)) => return Err(error),
        };
        let Verdict { reason, at, message } = verdict;
        let chain = walk.chain.iter().map(|link| told(link)).collect();
        Ok((Decision { reason, at, message, chain, ..walk.found }, explanation))
    }

    /// Step 0: what is asked can be meant.
    fn posed<'w>(&'w self, question: &'w Question, guard: &'w Guard<'w>) -> Result<Posed<'w>, EngineError> {
        let graph = Graph::new(self, guard);
        let program = self.program(guard)?;
        let member = self.find_member(program, &question.resource.kind, &question.permission)?;
        self.find_kind(program, &question.actor.kind)?;
        Ok(Posed { view: self, question, values: question.values(), graph, program, member })
    }
}

/// A question whose names are known.
struct Posed<'w> {
    view: &'w View<'w>,
    question: &'w Question,
    /// What it brings for the parameters of caveats.
    values: Cow<'w, Context>,
    graph: Graph<'w>,
    program: &'w Program,
    /// What is asked for.
    member: (KindId, RelationId),
}

/// Why the walk ends before its check.
enum Stop {
    Decided(Verdict),
    Failed(EngineError),
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        Self::Failed(error)
    }
}

struct Verdict {
    reason: Reason,
    at: Option<usize>,
    message: String,
}

fn deny<T>(reason: Reason, message: String) -> Result<T, Stop> {
    Err(Stop::Decided(Verdict { reason, at: None, message }))
}

fn deny_at<T>(at: usize, reason: Reason, message: String) -> Result<T, Stop> {
    Err(Stop::Decided(Verdict { reason, at: Some(at), message }))
}

/// A question on its way through the steps, and what was found so far.
struct Walk<'w> {
    actor: &'w ObjectRef,
    /// Where principals, tasks and delegations are read.
    head: &'w View<'w>,
    guard: &'w Guard<'w>,
    now: Timestamp,
    limits: &'w Limits,
    /// Leaf first while it is climbed, and root first from then on.
    chain: Vec<&'w Link>,
    /// Who was seen last not to be off-boarded: mostly one person owns all that act.
    owner_seen: Option<&'w ObjectRef>,
    /// When the first of the task and those above it ends.
    tasks_end: Timestamp,
    /// The edges that the caps rest on.
    rests_on: Vec<WitnessEdge>,
    taking: Taking<'w>,
    /// Whether the task, or one above it, has budgets.
    has_budgets: bool,
    found: Decision,
}

impl<'w> Walk<'w> {
    fn new(
        actor: &'w ObjectRef,
        (head, guard): (&'w View<'w>, &'w Guard<'w>),
        now: Timestamp,
        limits: &'w Limits,
        found: Decision,
    ) -> Self {
        Self {
            actor,
            head,
            guard,
            now,
            limits,
            chain: Vec::new(),
            owner_seen: None,
            tasks_end: Timestamp(u64::MAX),
            rests_on: Vec::new(),
            taking: Taking::AtOnce,
            has_budgets: false,
            found,
        }
    }

    fn steps(&mut self, posed: &Posed<'_>, recorder: Recorder) -> Result<(Verdict, Option<Explanation>), Stop> {
        self.check_actor()?;
        let Some(id) = &posed.question.delegation else { return self.own_authority(posed, recorder) };
        let task = self.whole_chain(id)?;
        let dispatch = self.last_dispatch();
        self.check_caps(posed, &task.origin, dispatch.unwrap_or(0))?;
        match dispatch {
            Some(at) => self.dispatched_authority(posed, task, at, recorder),
            None => self.lent_authority(posed, task, recorder),
        }
    }

    /// Steps 3 to 6.
    fn whole_chain(&mut self, id: &DelegationId) -> Result<&'w Task, Stop> {
        let climbed = self.climb(id);
        self.chain.reverse();
        climbed?;
        let task = self.task()?;
        for position in 0..self.chain.len() {
            self.check_link(position, task)?;
        }
        Ok(task)
    }

    /// Step 1.
    fn check_actor(&mut self) -> Result<(), Stop> {
        let actor = self.actor;
        let Some(principal) = self.principal(actor) else { return Ok(()) };
        if principal.state != PrincipalState::Active {
            return deny(Reason::ActorSuspended, format!("the actor {actor} is {}", state_words(principal.state)));
        }
        match self.off_boarded_owner(principal) {
            Some(owner) => deny(
                Reason::OwnerOffBoarded,
                format!("{owner}, who owns the actor {actor}, is off-boarded, and nobody owns it since"),
            ),
            None => Ok(()),
        }
    }

    /// Step 2: without a delegation, only what the actor itself may.
    fn own_authority(&mut self, posed: &Posed<'_>, recorder: Recorder) -> Result<(Verdict, Option<Explanation>), Stop> {
        let Question { actor, permission, resource, .. } = posed.question;
        let (found, explanation) = self.check(posed, actor, recorder)?;
        let (reason, message) = match found {
            Permissionship::Has => {
                self.found.valid_until = self.witness_ends().min();
                let message = sentence(format_args!("{actor} itself has `{permission}` on {resource}"));
                (Reason::OwnAuthority, message)
            }
            Permissionship::HasNot => {
                let message = sentence(format_args!(
                    "{actor} itself does not have `{permission}` on {resource}, and named no delegation"
                ));
                (Reason::NoPath, message)
            }
            Permissionship::Conditional(missing) => self.context_missing(posed.question, actor, missing),
        };
        Ok((Verdict { reason, at: None, message }, explanation))
    }

    /// Steps 3 and 4: the delegation is the actor's, and its stored parents end at a root.
    fn climb(&mut self, id: &DelegationId) -> Result<(), Stop> {
        let Some(leaf) = self.link(id) else {
            return deny(Reason::DelegationUnknown, format!("there is no delegation `{id}`"));
        };
        let actor = self.actor;
        self.found.task = Some(leaf.task.clone());
        // Longer ones are rare.
        self.chain.reserve(8);
        self.chain.push(leaf);
        if leaf.to != *actor {
            let message = format!("delegation `{id}` was made to {}, not to {actor}", leaf.to);
            return deny(Reason::DelegationNotForActor, message);
        }
        let mut highest = leaf;
        loop {
            let longest = self.limits.chain_links;
            if self.chain.len() > longest {
                return deny(
                    Reason::ChainTooLong,
                    format!(
                        "the chain of delegation `{id}` has more than {longest} links (the limit is `chain_links`)"
                    ),
                );
            }
            let Some(parent) = &highest.parent else { return Ok(()) };
            let Some(above) = self.link(parent) else {
                let message =
                    format!("delegation `{parent}`, which delegation `{}` continues, does not exist", highest.id);
                return deny(Reason::DelegationUnknown, message);
            };
            self.chain.push(above);
            highest = above;
        }
    }

    /// Step 6, for one link.
    fn check_link(&mut self, position: usize, task: &Task) -> Result<(), Stop> {
        let Some(link) = self.chain.get(position).copied() else { return Ok(()) };
        let parent = position.checked_sub(1).and_then(|above| self.chain.get(above));
        let name = Described(link);
        let fail = |reason, message| deny_at(position, reason, message);
        if link.task != task.id {
            return fail(Reason::ChainBroken, format!("{name} is under task `{}`, not under `{}`", link.task, task.id));
        }
        if let Some(parent) = parent
            && parent.to != link.from
        {
            let message = format!("{name} does not continue {}, which was made to someone else", Described(parent));
            return fail(Reason::ChainBroken, message);
        }
        let Some(from) = self.principal(&link.from) else {
            let message =
                format!("{name} is made by {}, who is not a registered principal and cannot delegate", link.from);
            return fail(Reason::ChainBroken, message);
        };
        if parent.is_none() && link.from != task.origin {
            let message = format!("{name} begins the chain, but the origin of task `{}` is {}", task.id, task.origin);
            return fail(Reason::RootNotOrigin, message);
        }
        self.check_life(link, position)?;
        self.check_depth(link, position)?;
        if from.state != PrincipalState::Active {
            let message = format!("{}, who made {name}, is {}", link.from, state_words(from.state));
            return fail(Reason::PrincipalSuspended, message);
        }
        match self.off_boarded_owner(from) {
            Some(owner) => fail(
                Reason::OwnerOffBoarded,
                format!("{owner}, who owns {}, is off-boarded; {} made {name}", link.from, link.from),
            ),
            None => Ok(()),
        }
    }

    /// Unrevoked, and inside its time window.
    fn check_life(&self, link: &Delegation, position: usize) -> Result<(), Stop> {
        let name = Described(link);
        if link.revoked_at.is_some() {
            return deny_at(position, Reason::DelegationRevoked, format!("{name} was revoked"));
        }
        if link.not_before.is_some_and(|begins| self.now < begins) {
            return deny_at(position, Reason::DelegationNotYetValid, format!("{name} has not begun"));
        }
        if link.expires_at.is_some_and(|ends| self.now >= ends) {
            return deny_at(position, Reason::DelegationExpired, format!("{name} has expired"));
        }
        Ok(())
    }

    /// Step 8: what the whole run may is what its beginning may.
    fn lent_authority(
        &mut self,
        posed: &Posed<'_>,
        task: &Task,
        recorder: Recorder,
    ) -> Result<(Verdict, Option<Explanation>), Stop> {
        let Question { actor, permission, resource, .. } = posed.question;
        let origin = &task.origin;
        let (found, explanation) = self.check(posed, origin, recorder)?;
        let (reason, message) = match found {
            Permissionship::Has => {
                self.rest_on_caps();
                let ends = self.chain.iter().filter_map(|link| link.expires_at).chain([self.tasks_end]);
                self.found.valid_until = ends.chain(self.witness_ends()).min();
                let message = sentence(format_args!(
                    "{actor} acts for {origin} under task `{}`: every link of the chain carries `{permission}` on \
                     {resource}, and {origin} has it",
                    task.id
                ));
                (Reason::LentAuthority, message)
            }
            Permissionship::HasNot => {
                let message = sentence(format_args!(
                    "{origin}, the origin of task `{}`, does not have `{permission}` on {resource}, so nobody on the \
                     chain has",
                    task.id
                ));
                (Reason::OriginLacksPermission, message)
            }
            Permissionship::Conditional(missing) => self.context_missing(posed.question, origin, missing),
        };
        Ok((Verdict { reason, at: None, message }, explanation))
    }

    fn principal(&self, object: &ObjectRef) -> Option<&'w Principal> {
        self.head.index.principals.at(object, self.head.revision, self.guard).map(|(_, principal)| &**principal)
    }

    fn link(&self, id: &DelegationId) -> Option<&'w Link> {
        self.head.index.delegations.at(id, self.head.revision, self.guard).map(|(_, link)| &**link)
    }

    fn off_boarded_owner(&mut self, principal: &'w Principal) -> Option<&'w ObjectRef> {
        let owner = principal.owner.as_ref().filter(|owner| self.owner_seen != Some(owner))?;
        if self.principal(owner).is_some_and(|found| found.state == PrincipalState::OffBoarded) {
            return Some(owner);
        }
        self.owner_seen = Some(owner);
        None
    }

    fn context_missing(&mut self, question: &Question, whose: &ObjectRef, missing: Vec<String>) -> (Reason, String) {
        let Question { permission, resource, .. } = question;
        let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
        let message = format!(
            "whether {whose} has `{permission}` on {resource} depends on {}, for which the question brings no value",
            names.join(", ")
        );
        self.found.missing = missing;
        (Reason::ContextMissing, message)
    }

    /// An exclusion whose right side may come to hold when an edge goes rests on that edge, and the witness does not have it. Where
    /// there are such exclusions, and edges may end, an allow is good for its moment.
    fn end_what_may_turn(&mut self, posed: &Posed<'_>) {
        let narrow = self.chain.iter().any(|link| link.is_narrow());
        let name = Some(&posed.question.permission).filter(|_| !narrow);
        if posed.program.may_turn(name) {
            self.found.valid_until = Some(self.now);
        }
    }

    /// When the edges end that the answer rests on.
    fn witness_ends(&self) -> impl Iterator<Item = Timestamp> {
        self.found.witness.iter().filter_map(|edge| edge.terms.expires_at)
    }

    /// What hangs below the link fits what it allows.
    fn check_depth(&self, link: &Delegation, position: usize) -> Result<(), Stop> {
        let below = self.chain.len() - 1 - position;
        let name = Described(link);
        if below > 0 && link.depth == 0 {
            let message = format!("{name} may not be passed on, and {below} more hang below it");
            return deny_at(position, Reason::RedelegationForbidden, message);
        }
        if below > link.depth as usize {
            let message = format!("{name} may be passed on over {} more, and {below} hang below it", link.depth);
            return deny_at(position, Reason::DepthExceeded, message);
        }
        Ok(())
    }

    /// The check, with the witness kept in what was found.
    fn check(
        &mut self,
        posed: &Posed<'_>,
        subject: &ObjectRef,
        mut recorder: Recorder,
    ) -> Result<(Permissionship, Option<Explanation>), Stop> {
        let Question { permission, resource, .. } = posed.question;
        self.found.authority = Some(subject.clone());
        let subject = SubjectRef::Object(subject.clone());
        let given = Given { now: self.now, context: &posed.values };
        let prepared =
            posed.view.prepare_member(&posed.graph, posed.program, posed.member, (resource, &subject), given)?;
        if recorder.reached().is_none() {
            let (permissionship, witness) = prepared.witnessed(self.limits, &mut recorder)?;
            self.found.witness = witness;
            return Ok((permissionship, None));
        }
        let found = prepared.run(self.limits, &mut recorder)?;
        self.found.witness = witness(&prepared, &found.note, &recorder);
        let wanted = Wanted { resource, permission, subject: &subject };
        let explanation = explained(&prepared, &wanted, &found, &recorder, self.limits);
        Ok((found.permissionship, Some(explanation)))
    }
}

fn told(link: &Delegation) -> ChainLink {
    ChainLink { delegation: link.id.clone(), from: link.from.clone(), to: link.to.clone() }
}
