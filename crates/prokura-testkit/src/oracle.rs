//! The decision procedure in the plainest way. Slow on purpose: nothing here is clever enough to be wrong in the way the
//! engine could be.
//!
//! A check computes the *whole* well-founded model for its subject, by the alternating fixpoint: a set of goals that certainly
//! hold and one of goals that possibly hold, each computed as a least fixpoint with the other deciding what `-` takes away,
//! until nothing moves. What is possible but not certain is undefined. The engine searches from the question instead; that
//! the two agree is the point.

use std::collections::BTreeSet;

use prokura_model::{
    Delegation, ObjectRef, PrincipalState, Reason, RelationName, Schema, SubjectRef, TaskState, Timestamp, TypeName,
    schema::{Expression, Member, UnknownName},
};

use crate::{Question, Verdict, World};

/// The most links a chain may have: the engine's default.
pub const CHAIN_LINKS: usize = 32;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OracleError {
    /// Nothing can be asked before a schema is written.
    #[error("there is no schema")]
    NoSchema,
    /// The schema has no such definition, or the definition no such relation or permission.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A wildcard is related, never asked about.
    #[error("`{0}:*` cannot be asked about")]
    WildcardSubject(TypeName),
    /// It depends on its own absence.
    #[error("whether `{1}` holds on `{0}` depends on itself not holding")]
    Undecidable(ObjectRef, RelationName),
}

impl OracleError {
    /// The stable code, as the engine's.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSchema => "no_schema",
            Self::Unknown(unknown) => unknown.code(),
            Self::WildcardSubject(_) => "wildcard_subject",
            Self::Undecidable(..) => "undecidable",
        }
    }
}

/// Does it hold for the subject that the object has this relation or permission?
pub(crate) type Goal = (ObjectRef, RelationName);

/// What the well-founded model says of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    /// True.
    pub(crate) certain: BTreeSet<Goal>,
    /// True or undefined; everything else is false.
    pub(crate) possible: BTreeSet<Goal>,
}

impl World {
    /// Whether the subject has the permission on the resource.
    ///
    /// # Errors
    /// It cannot be asked, or has no answer.
    pub fn check(
        &self,
        resource: &ObjectRef,
        permission: &RelationName,
        subject: &SubjectRef,
    ) -> Result<bool, OracleError> {
        self.require_member(&resource.kind, permission)?;
        match subject {
            SubjectRef::Object(object) => self.require_type(&object.kind)?,
            SubjectRef::Userset(object, relation) => self.require_member(&object.kind, relation)?,
            SubjectRef::Wildcard(kind) => return Err(OracleError::WildcardSubject(kind.clone())),
        }
        let goal = (resource.clone(), permission.clone());
        let model = self.model(subject, resource);
        if model.certain.contains(&goal) {
            Ok(true)
        } else if model.possible.contains(&goal) {
            Err(OracleError::Undecidable(goal.0, goal.1))
        } else {
            Ok(false)
        }
    }

    /// Whether the actor may do it now, and why: the steps of the decision, in order.
    ///
    /// # Errors
    /// It cannot be asked, or has no answer.
    pub fn decide(&self, question: &Question, now: Timestamp) -> Result<Verdict, OracleError> {
        let Question { actor, delegation, permission, resource } = question;
        self.require_member(&resource.kind, permission)?;
        self.require_type(&actor.kind)?;
        if self.is_stopped(actor) {
            return Ok(Verdict::because(Reason::ActorSuspended));
        }
        if self.owner_is_off_boarded(actor) {
            return Ok(Verdict::because(Reason::OwnerOffBoarded));
        }
        let Some(delegation) = delegation else {
            let has = self.check(resource, permission, &actor.clone().into())?;
            return Ok(Verdict::because(if has { Reason::OwnAuthority } else { Reason::NoPath }));
        };

        let Some(leaf) = self.delegations.get(delegation) else {
            return Ok(Verdict::because(Reason::DelegationUnknown));
        };
        if leaf.to != *actor {
            return Ok(Verdict::because(Reason::DelegationNotForActor));
        }
        let chain = match self.chain(leaf) {
            Ok(chain) => chain,
            Err(reason) => return Ok(Verdict::because(reason)),
        };
        let Some(task) = self.tasks.get(&leaf.task) else {
            return Ok(Verdict::because(Reason::TaskUnknown));
        };
        match task.state {
            TaskState::Open if now >= task.expires_at => return Ok(Verdict::because(Reason::TaskExpired)),
            TaskState::Open => {}
            TaskState::Completed => return Ok(Verdict::because(Reason::TaskCompleted)),
            TaskState::Cancelled => return Ok(Verdict::because(Reason::TaskCancelled)),
        }
        let mut above: Option<&Delegation> = None;
        for (position, link) in chain.iter().enumerate() {
            let below = chain.len() - 1 - position;
            let fault = if link.task != leaf.task {
                Some(Reason::ChainBroken)
            } else {
                self.link_fault(link, above, below, &task.origin, now)
            };
            if let Some(reason) = fault {
                return Ok(Verdict { reason, at: Some(position), valid_until: None });
            }
            above = Some(link);
        }
        for (position, link) in chain.iter().enumerate() {
            if !link.cap.covers(permission, resource) {
                return Ok(Verdict { reason: Reason::OutsideCap, at: Some(position), valid_until: None });
            }
        }
        if !self.check(resource, permission, &task.origin.clone().into())? {
            return Ok(Verdict::because(Reason::OriginLacksPermission));
        }
        let ends = chain.iter().filter_map(|link| link.expires_at).chain([task.expires_at]);
        Ok(Verdict { reason: Reason::LentAuthority, at: None, valid_until: ends.min() })
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

    fn require_type(&self, kind: &TypeName) -> Result<(), OracleError> {
        self.schema.as_ref().ok_or(OracleError::NoSchema)?.find_definition(kind)?;
        Ok(())
    }

    fn require_member(&self, kind: &TypeName, name: &RelationName) -> Result<(), OracleError> {
        self.schema.as_ref().ok_or(OracleError::NoSchema)?.find_member(kind, name)?;
        Ok(())
    }

    /// The well-founded model for this subject: over every object the edges name, and this resource.
    pub(crate) fn model(&self, subject: &SubjectRef, resource: &ObjectRef) -> Model {
        let goals = self.goals(resource);
        let mut model = Model { certain: BTreeSet::new(), possible: goals.iter().cloned().collect() };
        loop {
            let next = Model {
                certain: self.least(&goals, subject, &model.certain, &model.possible),
                possible: self.least(&goals, subject, &model.possible, &model.certain),
            };
            if next == model {
                return model;
            }
            model = next;
        }
    }

    /// Every relation and permission of every object there is.
    pub(crate) fn goals(&self, resource: &ObjectRef) -> Vec<Goal> {
        let mut objects = BTreeSet::from([resource]);
        for edge in &self.relationships {
            objects.insert(&edge.resource);
            if let SubjectRef::Object(object) | SubjectRef::Userset(object, _) = &edge.subject {
                objects.insert(object);
            }
        }
        let mut goals = Vec::new();
        for object in objects {
            let definition = self.schema.as_ref().and_then(|schema| schema.definition(object.kind.as_str()));
            let members = definition.into_iter().flat_map(|definition| definition.members.keys());
            goals.extend(members.map(|name| (object.clone(), name.clone())));
        }
        goals
    }

    /// The least set that follows when `own` and `other` say what is taken away: see [`World::follows`].
    fn least(
        &self,
        goals: &[Goal],
        subject: &SubjectRef,
        own: &BTreeSet<Goal>,
        other: &BTreeSet<Goal>,
    ) -> BTreeSet<Goal> {
        let mut found = BTreeSet::new();
        loop {
            let before = found.len();
            for goal in goals {
                if !found.contains(goal) && self.holds(goal, subject, &found, own, other) {
                    found.insert(goal.clone());
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }

    fn holds(
        &self,
        goal: &Goal,
        subject: &SubjectRef,
        found: &BTreeSet<Goal>,
        own: &BTreeSet<Goal>,
        other: &BTreeSet<Goal>,
    ) -> bool {
        let (object, name) = goal;
        if matches!(subject, SubjectRef::Userset(of, relation) if of == object && relation == name) {
            return true;
        }
        match member(self.schema.as_ref(), object, name) {
            Some(Member::Relation(_)) => self.subjects(object, name).any(|related| {
                related == subject
                    || matches!((related, subject), (SubjectRef::Wildcard(kind), SubjectRef::Object(one)) if *kind == one.kind)
                    || matches!(related, SubjectRef::Userset(of, relation) if found.contains(&(of.clone(), relation.clone())))
            }),
            Some(Member::Permission(permission)) => self.follows(&permission.expression, object, found, own, other),
            None => false,
        }
    }

    /// Whether the expression holds, when `found` says what does. What stands right of a `-` counts as absent by the
    /// previous round: computing what is certain, only if it is not even possible; computing what is possible, unless it is
    /// certain. Right of a second `-` the two change places again.
    fn follows(
        &self,
        expression: &Expression,
        object: &ObjectRef,
        found: &BTreeSet<Goal>,
        own: &BTreeSet<Goal>,
        other: &BTreeSet<Goal>,
    ) -> bool {
        match expression {
            Expression::Member(name) => found.contains(&(object.clone(), name.clone())),
            Expression::Arrow { tupleset, target } => self.subjects(object, tupleset).any(|related| match related {
                SubjectRef::Object(next) | SubjectRef::Userset(next, _) => {
                    found.contains(&(next.clone(), target.clone()))
                }
                SubjectRef::Wildcard(_) => false,
            }),
            Expression::Union(operands) => {
                operands.iter().any(|operand| self.follows(operand, object, found, own, other))
            }
            Expression::Intersection(operands) => {
                operands.iter().all(|operand| self.follows(operand, object, found, own, other))
            }
            Expression::Exclusion(from, taken) => {
                self.follows(from, object, found, own, other) && !self.follows(taken, object, other, other, own)
            }
        }
    }

    /// The subjects of the edges of this object and relation.
    pub(crate) fn subjects<'a>(
        &'a self,
        object: &'a ObjectRef,
        relation: &'a RelationName,
    ) -> impl Iterator<Item = &'a SubjectRef> {
        let edges =
            self.relationships.iter().filter(move |edge| edge.resource == *object && edge.relation == *relation);
        edges.map(|edge| &edge.subject)
    }
}

pub(crate) fn member<'a>(schema: Option<&'a Schema>, object: &ObjectRef, name: &RelationName) -> Option<&'a Member> {
    schema.and_then(|schema| schema.definition(object.kind.as_str())).and_then(|found| found.member(name.as_str()))
}
