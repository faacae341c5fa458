use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    sync::Arc,
};

use prokura_model::{
    Cap, ChainLink, Delegation, DelegationId, Disposition, ObjectRef, Principal, PrincipalState, Reason, RelationName,
    Revision, SubjectRef, Task, TaskId, TaskState, Timestamp, WitnessEdge,
};

use crate::{
    Context, EngineError, Explanation, Given, Limits, Permissionship, View,
    explain::{Wanted, explained, witness},
    graph::Graph,
    limits::CAP_TEXT_BYTES_MAX,
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
    /// Values for the parameters of caveats.
    pub context: Context,
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
    /// The task's origin, as far as it was found.
    pub origin: Option<ObjectRef>,
    /// The chain, root first, as far as it was found.
    pub chain: Vec<ChainLink>,
    /// The position in `chain` of the link that it failed at, where the chain was whole and one link failed.
    pub at: Option<usize>,
    /// For an allow, the edges it rests on.
    pub witness: Vec<WitnessEdge>,
    /// For a conditional decision, the parameters of caveats that have no value.
    pub missing: Vec<String>,
    /// For an allow, the moment from which it must be asked anew: the earliest expiry it depends on, if any.
    pub valid_until: Option<Timestamp>,
    /// The state it was decided on.
    pub revision: Revision,
}

impl Decision {
    fn begun(revision: Revision) -> Self {
        Self {
            reason: Reason::NoPath,
            message: String::new(),
            task: None,
            origin: None,
            chain: Vec::new(),
            at: None,
            witness: Vec::new(),
            missing: Vec::new(),
            valid_until: None,
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
        self.decided(self, question, now, limits, Recorder::witness_only()).map(|(decision, _)| decision)
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
        self.decided(head, question, now, limits, Recorder::witness_only()).map(|(decision, _)| decision)
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
        self.decided(self, question, now, limits, Recorder::everything())
    }

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
        let mut walk = Walk { view: self, head: self, actor, now, limits, found: Decision::begun(self.revision) };
        let standing = walk.standing(delegation);
        self.index.check_kept(self.revision)?;
        match standing {
            Ok(standing) => Ok(Some(standing)),
            Err(Stop::Denied(_)) => Ok(None),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    fn decided(
        &self,
        head: &View<'_>,
        question: &Question,
        now: Timestamp,
        limits: &Limits,
        recorder: Recorder,
    ) -> Result<(Decision, Option<Explanation>), EngineError> {
        let mut walk =
            Walk { view: self, head, actor: &question.actor, now, limits, found: Decision::begun(self.revision) };
        walk.check_names(question)?;
        let decided = walk.steps(question, recorder);
        self.index.check_kept(self.revision)?;
        head.index.check_kept(head.revision)?;
        let (verdict, explanation) = match decided {
            Ok((verdict, explanation)) => (verdict, Some(explanation).flatten()),
            Err(Stop::Denied(verdict)) => (verdict, None),
            Err(Stop::Failed(error)) => return Err(error),
        };
        let Verdict { reason, at, message } = verdict;
        Ok((Decision { reason, at, message, ..walk.found }, explanation))
    }
}

/// With whose authority somebody acts at a moment, and within what.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Whose authority it is: the origin of the task; without a delegation, the actor's own.
    pub origin: ObjectRef,
    /// The links it comes through, root first; none without a delegation.
    pub chain: Vec<Arc<Delegation>>,
}

impl Standing {
    /// Whether every link carries this.
    #[must_use]
    pub fn covers(&self, permission: &RelationName, resource: &ObjectRef) -> bool {
        self.chain.iter().all(|link| link.cap.covers(permission, resource))
    }
}

/// Why the walk ends before its check.
enum Stop {
    Denied(Verdict),
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
    Err(Stop::Denied(Verdict { reason, at: None, message }))
}

fn deny_at<T>(at: usize, reason: Reason, message: String) -> Result<T, Stop> {
    Err(Stop::Denied(Verdict { reason, at: Some(at), message }))
}

/// A question on its way through the steps, and what was found so far.
struct Walk<'v> {
    view: &'v View<'v>,
    actor: &'v ObjectRef,
    /// Where principals, tasks and delegations are read.
    head: &'v View<'v>,
    now: Timestamp,
    limits: &'v Limits,
    found: Decision,
}

impl Walk<'_> {
    /// Step 0: what is asked can be meant.
    fn check_names(&self, question: &Question) -> Result<(), EngineError> {
        let schema = self.view.schema().ok_or(EngineError::NoSchema)?;
        schema.find_member(&question.resource.kind, &question.permission)?;
        schema.find_definition(&question.actor.kind)?;
        Ok(())
    }

    fn steps(&mut self, question: &Question, recorder: Recorder) -> Result<(Verdict, Option<Explanation>), Stop> {
        self.check_actor()?;
        let Some(id) = &question.delegation else { return self.own_authority(question, recorder) };
        let (chain, task) = self.whole_chain(id)?;
        check_caps(question, &chain)?;
        self.lent_authority(question, &chain, &task, recorder)
    }

    fn standing(&mut self, delegation: Option<&DelegationId>) -> Result<Standing, Stop> {
        self.check_actor()?;
        match delegation {
            None => Ok(Standing { origin: self.actor.clone(), chain: Vec::new() }),
            Some(id) => {
                let (chain, task) = self.whole_chain(id)?;
                Ok(Standing { origin: task.origin.clone(), chain })
            }
        }
    }

    /// Steps 3 to 6.
    fn whole_chain(&mut self, id: &DelegationId) -> Result<(Vec<Arc<Delegation>>, Arc<Task>), Stop> {
        let chain = self.chain(id)?;
        let task = self.task(&chain)?;
        for position in 0..chain.len() {
            self.check_link(&chain, position, &task)?;
        }
        Ok((chain, task))
    }

    /// Step 1.
    fn check_actor(&self) -> Result<(), Stop> {
        let actor = self.actor;
        let Some(principal) = self.head.principal(actor) else { return Ok(()) };
        if principal.state != PrincipalState::Active {
            return deny(Reason::ActorSuspended, format!("the actor {actor} is {}", state_words(principal.state)));
        }
        match self.off_boarded_owner(&principal) {
            Some(owner) => deny(
                Reason::OwnerOffBoarded,
                format!("{owner}, who owns the actor {actor}, is off-boarded, and nobody owns it since"),
            ),
            None => Ok(()),
        }
    }

    /// Step 2: without a delegation, only what the actor itself may.
    fn own_authority(
        &mut self,
        question: &Question,
        recorder: Recorder,
    ) -> Result<(Verdict, Option<Explanation>), Stop> {
        let Question { actor, permission, resource, .. } = question;
        let (found, explanation) = self.check(question, actor, recorder)?;
        let (reason, message) = match found {
            Permissionship::Has => {
                self.found.valid_until = self.witness_ends().min();
                (Reason::OwnAuthority, format!("{actor} itself has `{permission}` on {resource}"))
            }
            Permissionship::HasNot => {
                let message =
                    format!("{actor} itself does not have `{permission}` on {resource}, and named no delegation");
                (Reason::NoPath, message)
            }
            Permissionship::Conditional(missing) => self.context_missing(question, actor, missing),
        };
        Ok((Verdict { reason, at: None, message }, explanation))
    }

    /// Steps 3 and 4: the delegation is the actor's, and its stored parents end at a root. Root first.
    fn chain(&mut self, id: &DelegationId) -> Result<Vec<Arc<Delegation>>, Stop> {
        let Some(leaf) = self.head.delegation(id) else {
            return deny(Reason::DelegationUnknown, format!("there is no delegation `{id}`"));
        };
        let actor = self.actor;
        self.found.task = Some(leaf.task.clone());
        let meant_for = leaf.to.clone();
        let mut chain = VecDeque::from([leaf]);
        self.found.chain = links(&chain);
        if meant_for != *actor {
            return deny(
                Reason::DelegationNotForActor,
                format!("delegation `{id}` was made to {meant_for}, not to {actor}"),
            );
        }
        loop {
            let longest = self.limits.chain_links;
            if chain.len() > longest {
                return deny(
                    Reason::ChainTooLong,
                    format!(
                        "the chain of delegation `{id}` has more than {longest} links (the limit is `chain_links`)"
                    ),
                );
            }
            let Some((root, parent)) = chain.front().and_then(|root| Some((root, root.parent.as_ref()?))) else {
                break;
            };
            let Some(above) = self.head.delegation(parent) else {
                let message =
                    format!("delegation `{parent}`, which delegation `{}` continues, does not exist", root.id);
                return deny(Reason::DelegationUnknown, message);
            };
            chain.push_front(above);
            self.found.chain = links(&chain);
        }
        Ok(chain.into())
    }

    /// Step 5: the task is open and not over.
    fn task(&mut self, chain: &[Arc<Delegation>]) -> Result<Arc<Task>, Stop> {
        let Some(id) = chain.last().map(|leaf| &leaf.task) else { return deny(Reason::TaskUnknown, String::new()) };
        let Some(task) = self.head.task(id) else {
            return deny(Reason::TaskUnknown, format!("there is no task `{id}`"));
        };
        self.found.origin = Some(task.origin.clone());
        match task.state {
            TaskState::Open => {}
            TaskState::Completed => return deny(Reason::TaskCompleted, format!("task `{id}` is completed")),
            TaskState::Cancelled => return deny(Reason::TaskCancelled, format!("task `{id}` is cancelled")),
        }
        if self.now >= task.expires_at {
            return deny(Reason::TaskExpired, format!("task `{id}` has expired"));
        }
        Ok(task)
    }

    /// Step 6, for one link.
    fn check_link(&self, chain: &[Arc<Delegation>], position: usize, task: &Task) -> Result<(), Stop> {
        let Some(link) = chain.get(position) else { return Ok(()) };
        let parent = position.checked_sub(1).and_then(|above| chain.get(above));
        let name = described(link);
        let fail = |reason, message| deny_at(position, reason, message);
        if link.task != task.id {
            return fail(Reason::ChainBroken, format!("{name} is under task `{}`, not under `{}`", link.task, task.id));
        }
        if let Some(parent) = parent
            && parent.to != link.from
        {
            let message = format!("{name} does not continue {}, which was made to someone else", described(parent));
            return fail(Reason::ChainBroken, message);
        }
        let from = self.head.principal(&link.from);
        let Some(from) = from else {
            let message =
                format!("{name} is made by {}, who is not a registered principal and cannot delegate", link.from);
            return fail(Reason::ChainBroken, message);
        };
        if parent.is_none() && link.from != task.origin {
            let message = format!("{name} begins the chain, but the origin of task `{}` is {}", task.id, task.origin);
            return fail(Reason::RootNotOrigin, message);
        }
        self.check_life(link, position)?;
        check_depth(chain, link, position)?;
        if from.state != PrincipalState::Active {
            let message = format!("{}, who made {name}, is {}", link.from, state_words(from.state));
            return fail(Reason::PrincipalSuspended, message);
        }
        match self.off_boarded_owner(&from) {
            Some(owner) => fail(
                Reason::OwnerOffBoarded,
                format!("{owner}, who owns {}, is off-boarded; {} made {name}", link.from, link.from),
            ),
            None => Ok(()),
        }
    }

    /// Unrevoked, and inside its time window.
    fn check_life(&self, link: &Delegation, position: usize) -> Result<(), Stop> {
        let name = described(link);
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
        question: &Question,
        chain: &[Arc<Delegation>],
        task: &Task,
        recorder: Recorder,
    ) -> Result<(Verdict, Option<Explanation>), Stop> {
        let Question { actor, permission, resource, .. } = question;
        let origin = &task.origin;
        let (found, explanation) = self.check(question, origin, recorder)?;
        let (reason, message) = match found {
            Permissionship::Has => {
                let ends = chain.iter().filter_map(|link| link.expires_at).chain([task.expires_at]);
                self.found.valid_until = ends.chain(self.witness_ends()).min();
                let message = format!(
                    "{actor} acts for {origin} under task `{}`: every link of the chain carries `{permission}` on \
                     {resource}, and {origin} has it",
                    task.id
                );
                (Reason::LentAuthority, message)
            }
            Permissionship::HasNot => {
                let message = format!(
                    "{origin}, the origin of task `{}`, does not have `{permission}` on {resource}, so nobody on the \
                     chain has",
                    task.id
                );
                (Reason::OriginLacksPermission, message)
            }
            Permissionship::Conditional(missing) => self.context_missing(question, origin, missing),
        };
        Ok((Verdict { reason, at: None, message }, explanation))
    }

    fn off_boarded_owner(&self, principal: &Principal) -> Option<ObjectRef> {
        let owner = self.head.principal(principal.owner.as_ref()?)?;
        (owner.state == PrincipalState::OffBoarded).then(|| owner.object.clone())
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

    /// When the edges end that the answer rests on.
    fn witness_ends(&self) -> impl Iterator<Item = Timestamp> {
        self.found.witness.iter().filter_map(|edge| edge.terms.expires_at)
    }

    /// The check, with the witness kept in what was found.
    fn check(
        &mut self,
        question: &Question,
        subject: &ObjectRef,
        mut recorder: Recorder,
    ) -> Result<(Permissionship, Option<Explanation>), Stop> {
        let Question { permission, resource, context, .. } = question;
        let subject = SubjectRef::Object(subject.clone());
        let index = self.view.index;
        let guard = index.guard();
        let graph = Graph::new(self.view, &guard);
        let given = Given { now: self.now, context };
        let prepared = self.view.prepare(&graph, resource, permission, &subject, given)?;
        let found = prepared.run(self.limits, &mut recorder)?;
        self.found.witness = witness(&prepared, &found.note, &recorder);
        let wanted = Wanted { resource, permission, subject: &subject };
        let explanation =
            recorder.reached().is_some().then(|| explained(&prepared, &wanted, &found, &recorder, self.limits));
        Ok((found.permissionship, explanation))
    }
}

/// Step 7.
fn check_caps(question: &Question, chain: &[Arc<Delegation>]) -> Result<(), Stop> {
    let Question { permission, resource, .. } = question;
    for (position, link) in chain.iter().enumerate() {
        if !link.cap.covers(permission, resource) {
            let (name, cap) = (described(link), beginning(&link.cap));
            let message = format!("{name} carries {cap}, which does not cover `{permission}` on {resource}");
            return deny_at(position, Reason::OutsideCap, message);
        }
    }
    Ok(())
}

/// What hangs below the link fits what it allows.
fn check_depth(chain: &[Arc<Delegation>], link: &Delegation, position: usize) -> Result<(), Stop> {
    let below = chain.len() - 1 - position;
    let name = described(link);
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

fn described(link: &Delegation) -> String {
    format!("delegation `{}` from {} to {}", link.id, link.from, link.to)
}

/// The text of a cap as far as a message carries it. What is beyond is not even written.
fn beginning(cap: &Cap) -> String {
    let mut beginning = Beginning(String::new());
    match write!(beginning, "{cap}") {
        Ok(()) => beginning.0,
        Err(fmt::Error) => beginning.0 + "…",
    }
}

struct Beginning(String);

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = CAP_TEXT_BYTES_MAX - self.0.len();
        let (fits, rest) = text.split_at(text.floor_char_boundary(left));
        self.0.push_str(fits);
        if rest.is_empty() { Ok(()) } else { Err(fmt::Error) }
    }
}

fn links(chain: &VecDeque<Arc<Delegation>>) -> Vec<ChainLink> {
    let link = |link: &Arc<Delegation>| ChainLink {
        delegation: link.id.clone(),
        from: link.from.clone(),
        to: link.to.clone(),
    };
    chain.iter().map(link).collect()
}

fn state_words(state: PrincipalState) -> &'static str {
    match state {
        PrincipalState::Active => "active",
        PrincipalState::Suspended => "suspended",
        PrincipalState::OffBoarded => "off-boarded",
    }
}

#[cfg(test)]
mod tests;
