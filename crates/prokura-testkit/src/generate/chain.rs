#![expect(clippy::indexing_slicing, reason = "a draft's links are indexed by their own number")]

use std::collections::BTreeSet;

use prokura_model::{
    Cap, CapClause, CapPermissions, CapResource, Change, Delegation, DelegationId, DelegationKind, ObjectRef,
    Principal, PrincipalState, RelationName, Task, TaskId, TaskState, Timestamp,
};

use super::{Maker, NOON, asking::add, tasks::AboveFlaw};
use crate::{Answer, Ask, Context, Question, oracle::CHAIN_LINKS};

pub(super) const MINUTE: u64 = 60_000;

/// The one thing that is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    ParentOfAnotherChain,
    AnotherTask,
    Revoked,
    Expired,
    NotYetValid,
    DepthTooSmall,
    MayNotPassOn,
    CapWithoutPermission,
    CapWithoutResource,
    CapEmpty,
    FromSomeoneElse,
    MiddleSuspended,
    MiddleOwnerOffBoarded,
    MiddleUnregistered,
    RootNotOrigin,
    ParentCycle,
    ParentMissing,
    TooLong,
    TaskMissing,
    TaskCompleted,
    TaskCancelled,
    TaskExpired,
    TaskAbove(AboveFlaw),
    NotForTheActor,
    DelegationMissing,
    ActorSuspended,
    ActorOwnerOffBoarded,
}

const FLAWS: [Flaw; 32] = [
    Flaw::ParentOfAnotherChain,
    Flaw::AnotherTask,
    Flaw::Revoked,
    Flaw::Expired,
    Flaw::NotYetValid,
    Flaw::DepthTooSmall,
    Flaw::MayNotPassOn,
    Flaw::CapWithoutPermission,
    Flaw::CapWithoutResource,
    Flaw::CapEmpty,
    Flaw::FromSomeoneElse,
    Flaw::MiddleSuspended,
    Flaw::MiddleOwnerOffBoarded,
    Flaw::MiddleUnregistered,
    Flaw::RootNotOrigin,
    Flaw::ParentCycle,
    Flaw::ParentMissing,
    Flaw::TooLong,
    Flaw::TaskMissing,
    Flaw::TaskCompleted,
    Flaw::TaskCancelled,
    Flaw::TaskExpired,
    Flaw::TaskAbove(AboveFlaw::Closed),
    Flaw::TaskAbove(AboveFlaw::Over),
    Flaw::TaskAbove(AboveFlaw::Missing),
    Flaw::TaskAbove(AboveFlaw::ForSomeoneElse),
    Flaw::TaskAbove(AboveFlaw::TooMany),
    Flaw::TaskAbove(AboveFlaw::Loop),
    Flaw::NotForTheActor,
    Flaw::DelegationMissing,
    Flaw::ActorSuspended,
    Flaw::ActorOwnerOffBoarded,
];

impl Flaw {
    /// How many links a chain needs to have it.
    fn links(self) -> usize {
        match self {
            Self::DepthTooSmall => 3,
            Self::MayNotPassOn
            | Self::FromSomeoneElse
            | Self::MiddleSuspended
            | Self::MiddleOwnerOffBoarded
            | Self::MiddleUnregistered => 2,
            _ => 1,
        }
    }

    /// At which of so many links it makes a difference, from the first to before the last.
    fn place(self, count: usize) -> (usize, usize) {
        match self {
            Self::DepthTooSmall => (0, count - 2),
            Self::MayNotPassOn => (0, count - 1),
            Self::FromSomeoneElse | Self::MiddleSuspended | Self::MiddleOwnerOffBoarded | Self::MiddleUnregistered => {
                (1, count)
            }
            _ => (0, count),
        }
    }
}

/// A chain while it is made: nothing of it is written yet.
pub(super) struct Draft {
    pub(super) task: Task,
    /// The tasks above it, the nearest first.
    pub(super) above: Vec<Task>,
    pub(super) links: Vec<Delegation>,
    actor: ObjectRef,
    leaf: DelegationId,
    pub(super) principals: Vec<Principal>,
}

impl Draft {
    /// The task, and those above it.
    pub(super) fn line(&self) -> impl Iterator<Item = &Task> {
        std::iter::once(&self.task).chain(&self.above)
    }
}

impl Maker {
    /// A task with a chain under it, and what its last link's holder wants. A third of the chains have one flaw.
    pub(crate) fn delegated(&mut self, asks: &mut Vec<Ask>) {
        let context = self.asked_context();
        let (mut origin, mut target) = self.origin(&context);
        for _ in 0..2 {
            let check = self.world.check(&target.0, &target.1, &origin.clone().into(), &context, Timestamp(NOON));
            if check != Answer::Has && self.rng.chance(60) {
                (origin, target) = self.origin(&context);
            }
        }
        let (mut resource, mut permission) = target;
        let flaw = if self.rng.chance(40) { Some(*self.rng.pick(&FLAWS)) } else { None };
        let count = *self.rng.pick(&[1, 1, 2, 2, 3, 3, 4, 5, 6]);
        // Some things can only be wrong with a link that has another above or below it.
        let count = count.max(flaw.map_or(1, Flaw::links));
        let mut draft = self.draft(&origin, &permission, &resource, count);
        if self.rng.chance(35) {
            (resource, permission) = self.dispatch(&mut draft, &context);
        }
        if let Some(flaw) = flaw {
            self.spoil(&mut draft, flaw, &permission, &resource);
        }
        self.bound(&mut draft, &permission, &resource);
        let times = self.boundaries(&draft);
        for task in draft.above.iter().rev().chain([&draft.task]) {
            self.push(Change::TaskOpened(task.clone()));
        }
        for principal in &draft.principals {
            self.push(Change::PrincipalSet(principal.clone()));
        }
        for link in &draft.links {
            self.push(Change::DelegationCreated(Delegation { revoked_at: None, ..link.clone() }));
            if link.revoked_at.is_some() {
                self.push(Change::DelegationRevoked(link.id.clone()));
            }
        }
        self.spend(&draft);
        self.touch(&draft);
        let (mut arguments, mut context) = self.brought(context);
        self.with_amount(&draft, &mut arguments, &mut context);
        let (actor, delegation) = (draft.actor, Some(draft.leaf));
        let question = Question {
            actor,
            delegation,
            permission,
            resource,
            arguments,
            context,
            credential: self.credential(),
            tool_schema: self.tool_schema(),
        };
        add(asks, Ask::Decide { question: question.clone(), now: Timestamp(NOON) });
        if self.rng.chance(35) {
            let now = *self.rng.pick(&times);
            add(asks, Ask::Decide { question: question.clone(), now });
        }
        if self.rng.chance(15) {
            // The same without naming the way: what was lent does not count then.
            let question = Question { delegation: None, ..question.clone() };
            add(asks, Ask::Decide { question, now: Timestamp(NOON) });
        }
        if self.rng.chance(20) {
            // The same way, for something else.
            let (resource, permission) = self.anything();
            add(asks, Ask::Decide { question: Question { permission, resource, ..question }, now: Timestamp(NOON) });
        }
    }

    /// Someone, and something they may well do.
    fn origin(&mut self, context: &Context) -> (ObjectRef, (ObjectRef, RelationName)) {
        let origin = if self.rng.chance(80) { self.person() } else { self.agent() };
        let target = self.target(&origin.clone().into(), context, 90);
        (origin, target)
    }

    fn draft(&mut self, origin: &ObjectRef, permission: &RelationName, resource: &ObjectRef, count: usize) -> Draft {
        self.serial += 1;
        let name = format!("t{}", self.serial);
        let task = Task {
            id: task_id(&name),
            origin: origin.clone(),
            purpose: "testing".to_owned(),
            opened_at: Timestamp(NOON - 60 * MINUTE),
            expires_at: Timestamp(NOON + if self.rng.chance(20) { 1 } else { 90 * MINUTE }),
            state: TaskState::Open,
            declared: false,
            parent: None,
            owner: None,
            budgets: Vec::new(),
        };
        let mut links: Vec<Delegation> = Vec::new();
        let mut from = origin.clone();
        for (position, to) in self.agents(count).into_iter().enumerate() {
            let below = u32::try_from(count - 1 - position).expect("a few links");
            let spare = u32::try_from(self.rng.below(3)).expect("a few");
            let mut cap = self.cap(permission, resource);
            // What a writer takes: a cap that is inside the one above.
            if let Some(above) = links.last()
                && self.aside.chance(50)
            {
                cap = above.cap.clone();
            }
            links.push(Delegation {
                id: delegation_id(&format!("{name}-d{position}")),
                task: task.id.clone(),
                kind: DelegationKind::Lends,
                from,
                to: to.clone(),
                parent: links.last().map(|link| link.id.clone()),
                cap,
                depth: below + spare,
                not_before: self.rng.chance(30).then_some(Timestamp(NOON)),
                expires_at: self.end(),
                revoked_at: None,
                declared: false,
                uses: None,
            });
            from = to;
        }
        let leaf = links.last().map(|link| link.id.clone()).expect("a chain has a link");
        // Mostly nobody on the way is stopped for another reason.
        let mut principals = Vec::new();
        if self.rng.chance(80) {
            let people = links.iter().map(|link| &link.to).chain([origin]);
            principals.extend(people.map(|object| active(object, None)));
        }
        let mut draft = Draft { task, above: Vec::new(), actor: from, leaf, links, principals };
        if self.rng.chance(25) {
            let count = *self.rng.pick(&[1, 1, 1, 2, 2, 3]);
            self.put_under(&mut draft, count);
        }
        draft
    }

    pub(super) fn end(&mut self) -> Option<Timestamp> {
        match self.rng.below(10) {
            0 => Some(Timestamp(NOON + 1)),
            1..=3 => Some(Timestamp(NOON + 30 * MINUTE)),
            _ => None,
        }
    }

    /// A cap that covers the request, in one of the ways there are.
    pub(super) fn cap(&mut self, permission: &RelationName, resource: &ObjectRef) -> Cap {
        let mut clauses = Vec::new();
        if self.rng.chance(40) {
            clauses.push(self.clause());
        }
        let permissions = if self.rng.chance(30) {
            CapPermissions::Any
        } else {
            CapPermissions::Only(BTreeSet::from([permission.clone(), self.anything().1]))
        };
        let mut resources = BTreeSet::from([if self.rng.chance(50) {
            CapResource::Type(resource.kind.clone())
        } else {
            CapResource::Object(resource.clone())
        }]);
        if self.rng.chance(30) {
            resources.insert(CapResource::Object(self.anything().0));
        }
        let clause = CapClause { permissions, resources, condition: None };
        clauses.push(self.narrowed(clause, permission, resource));
        Cap { clauses }
    }

    fn clause(&mut self) -> CapClause {
        let (resource, permission) = self.anything();
        let permissions = CapPermissions::Only(BTreeSet::from([permission]));
        CapClause { permissions, resources: BTreeSet::from([CapResource::Object(resource)]), condition: None }
    }

    fn spoil(&mut self, draft: &mut Draft, flaw: Flaw, permission: &RelationName, resource: &ObjectRef) {
        let (first, end) = flaw.place(draft.links.len());
        let at = self.rng.between(first, end - 1);
        match flaw {
            Flaw::ParentOfAnotherChain | Flaw::AnotherTask | Flaw::FromSomeoneElse | Flaw::RootNotOrigin => {
                self.spoil_shape(draft, flaw, at);
            }
            Flaw::ParentCycle | Flaw::ParentMissing | Flaw::TooLong => spoil_length(draft, flaw),
            Flaw::CapWithoutPermission | Flaw::CapWithoutResource | Flaw::CapEmpty => {
                draft.links[at].cap = self.spoilt_cap(flaw, permission, resource);
            }
            Flaw::MiddleSuspended | Flaw::ActorSuspended | Flaw::MiddleOwnerOffBoarded | Flaw::ActorOwnerOffBoarded => {
                self.spoil_people(draft, flaw, at);
            }
            Flaw::MiddleUnregistered => {
                let from = draft.links[at].from.clone();
                draft.principals.retain(|principal| principal.object != from);
                self.push(Change::PrincipalRemoved(from));
            }
            Flaw::Revoked => draft.links[at].revoked_at = Some(Timestamp(NOON)),
            Flaw::Expired => {
                draft.links[at].expires_at = Some(Timestamp(NOON - if self.rng.chance(60) { 0 } else { MINUTE }));
            }
            Flaw::NotYetValid => {
                draft.links[at].not_before = Some(Timestamp(NOON + if self.rng.chance(60) { 1 } else { MINUTE }));
            }
            Flaw::DepthTooSmall | Flaw::MayNotPassOn => {
                let below = draft.links.len() - 1 - at;
                let less = if flaw == Flaw::MayNotPassOn { 0 } else { below.saturating_sub(1) };
                draft.links[at].depth = u32::try_from(less).expect("a few links");
            }
            Flaw::TaskMissing => {
                for link in &mut draft.links {
                    link.task = task_id("t-nowhere");
                }
            }
            Flaw::TaskCompleted => draft.task.state = TaskState::Completed,
            Flaw::TaskCancelled => draft.task.state = TaskState::Cancelled,
            Flaw::TaskExpired => {
                draft.task.expires_at = Timestamp(NOON - if self.rng.chance(60) { 0 } else { MINUTE });
            }
            Flaw::TaskAbove(flaw) => self.spoil_above(draft, flaw),
            Flaw::NotForTheActor => {
                draft.actor = if self.rng.chance(50) { draft.task.origin.clone() } else { self.agent() };
            }
            Flaw::DelegationMissing => draft.leaf = delegation_id("d-nowhere"),
        }
    }

    fn spoil_shape(&mut self, draft: &mut Draft, flaw: Flaw, at: usize) {
        let others: Vec<_> = self.world.delegations.keys().cloned().collect();
        let tasks: Vec<_> = self.world.tasks.keys().cloned().collect();
        let link = &mut draft.links[at];
        match flaw {
            Flaw::ParentOfAnotherChain if !others.is_empty() => link.parent = Some(self.rng.pick(&others).clone()),
            Flaw::AnotherTask if !tasks.is_empty() => link.task = self.rng.pick(&tasks).clone(),
            Flaw::FromSomeoneElse => link.from = self.agent(),
            _ => {
                let someone = self.person();
                draft.links[0].from = someone;
            }
        }
    }

    fn spoilt_cap(&mut self, flaw: Flaw, permission: &RelationName, resource: &ObjectRef) -> Cap {
        let mut cap = self.cap(permission, resource);
        let (other, another) = self.anything();
        for clause in &mut cap.clauses {
            if flaw == Flaw::CapWithoutPermission {
                clause.permissions = CapPermissions::Only(BTreeSet::from([another.clone()]));
            } else {
                clause.resources = BTreeSet::from([CapResource::Object(other.clone())]);
            }
        }
        if flaw == Flaw::CapEmpty {
            cap.clauses.clear();
        }
        cap
    }

    fn spoil_people(&mut self, draft: &mut Draft, flaw: Flaw, at: usize) {
        let whose = match flaw {
            Flaw::ActorSuspended | Flaw::ActorOwnerOffBoarded => draft.actor.clone(),
            _ => draft.links[at].from.clone(),
        };
        draft.principals.retain(|principal| principal.object != whose);
        if matches!(flaw, Flaw::MiddleSuspended | Flaw::ActorSuspended) {
            let gone = self.rng.chance(40);
            let state = if gone { PrincipalState::OffBoarded } else { PrincipalState::Suspended };
            draft.principals.push(Principal { state, ..active(&whose, None) });
        } else {
            let owner = self.person();
            draft.principals.push(active(&whose, Some(owner.clone())));
            draft.principals.push(Principal { state: PrincipalState::OffBoarded, ..active(&owner, None) });
        }
    }

    /// Every moment at which something of the chain begins or ends, the ones beside it, and the end of time.
    fn boundaries(&self, draft: &Draft) -> Vec<Timestamp> {
        let begins = draft.links.iter().filter_map(|link| link.not_before);
        let ends = draft.links.iter().filter_map(|link| link.expires_at).chain([draft.task.expires_at]);
        let ends = ends.chain(draft.above.iter().map(|task| task.expires_at));
        let mut times: Vec<_> =
            begins.chain(ends).flat_map(|time| [time.0 - 1, time.0, time.0 + 1].map(Timestamp)).collect();
        times.extend([Timestamp(0), Timestamp(u64::MAX)]);
        times
    }

    pub(crate) fn end_a_task_or_link(&mut self) {
        let endorsements: Vec<_> = self.world.endorsements.keys().cloned().collect();
        if !endorsements.is_empty() && self.rng.chance(20) {
            let endorsement = self.rng.pick(&endorsements).clone();
            self.push(Change::EndorsementRevoked(endorsement));
            return;
        }
        let tasks: Vec<_> = self.world.tasks.keys().cloned().collect();
        let links: Vec<_> = self.world.delegations.keys().cloned().collect();
        if !tasks.is_empty() && self.rng.chance(40) {
            let state = if self.rng.chance(50) { TaskState::Completed } else { TaskState::Cancelled };
            let task = self.rng.pick(&tasks).clone();
            self.push(Change::TaskClosed(task, state));
        } else if !links.is_empty() {
            let link = self.rng.pick(&links).clone();
            self.push(Change::DelegationRevoked(link));
        }
    }
}

fn spoil_length(draft: &mut Draft, flaw: Flaw) {
    match flaw {
        Flaw::ParentCycle => draft.links[0].parent = draft.links.last().map(|link| link.id.clone()),
        Flaw::ParentMissing => draft.links[0].parent = Some(delegation_id("d-nowhere")),
        // The last link again and again, to the longest chain there may be and one more.
        _ => {
            let last = draft.links.last().expect("a chain has a link").clone();
            while draft.links.len() <= CHAIN_LINKS {
                let above = draft.links.last().expect("a chain has a link");
                let mut link = last.clone();
                link.id = delegation_id(&format!("{}-{}", last.id, draft.links.len()));
                link.parent = Some(above.id.clone());
                link.from = above.to.clone();
                draft.links.push(link);
            }
            for (above, link) in draft.links.iter_mut().rev().enumerate() {
                link.depth = u32::try_from(above).expect("a few links");
            }
            draft.leaf = draft.links.last().expect("a chain has a link").id.clone();
            // Sometimes one link fewer, which is just short enough.
            if draft.task.origin.id.as_str().len().is_multiple_of(2) {
                let shorter = draft.links.get(CHAIN_LINKS - 1).expect("as many as there may be");
                draft.leaf = shorter.id.clone();
            }
        }
    }
}

pub(super) fn active(object: &ObjectRef, owner: Option<ObjectRef>) -> Principal {
    Principal { object: object.clone(), owner, state: PrincipalState::Active, declared: false }
}

pub(super) fn task_id(text: &str) -> TaskId {
    TaskId::new(text).expect("a legal id")
}

fn delegation_id(text: &str) -> DelegationId {
    DelegationId::new(text).expect("a legal id")
}
