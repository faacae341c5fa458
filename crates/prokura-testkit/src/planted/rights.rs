//! Who may do what with tasks, links and endorsements, found from the one who asks: whom they stand over first, and then
//! whether one of these has a part in it. And the ways to get it wrong.

use std::collections::BTreeSet;

use prokura_model::{Delegation, Disposition, ObjectRef, PrincipalState, RelationName, Task, Timestamp};

use crate::{Act, Answer, Context, Question, Right, World};

/// What is wrong with the evaluator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a sentence about what the evaluator then does")]
pub enum RightsBug {
    /// Nothing is.
    None,
    OwnersOwnersAreForgotten,
    TheOwnedStandOverTheirOwners,
    SiblingsStandOverEachOther,
    TheSuspendedCount,
    OrphansCount,
    AncestorsAreForgotten,
    OnlyTheLinkAboveCounts,
    DownstreamRevokes,
    ReceiversDoNotGiveBack,
    TaskOwnersAreForgotten,
    WhoeverHasAPartSeesAllLinks,
    WhoeverHasAPartClosesTheTask,
    OriginsSeeNoLinks,
    PermissionOnTheWrongEnd,
    PermissionsOfTheOriginOnly,
    SeeingIsRevoking,
    CreatingIsRevoking,
    RevokersDoNotSee,
    GuardsAreIgnored,
    ConditionalIsEnough,
    WorkersWithdraw,
    OwnersOfWorkersAreForgotten,
}

impl RightsBug {
    /// Every one of them.
    pub const ALL: [Self; 22] = [
        Self::OwnersOwnersAreForgotten,
        Self::TheOwnedStandOverTheirOwners,
        Self::SiblingsStandOverEachOther,
        Self::TheSuspendedCount,
        Self::OrphansCount,
        Self::AncestorsAreForgotten,
        Self::OnlyTheLinkAboveCounts,
        Self::DownstreamRevokes,
        Self::ReceiversDoNotGiveBack,
        Self::TaskOwnersAreForgotten,
        Self::WhoeverHasAPartSeesAllLinks,
        Self::WhoeverHasAPartClosesTheTask,
        Self::OriginsSeeNoLinks,
        Self::PermissionOnTheWrongEnd,
        Self::PermissionsOfTheOriginOnly,
        Self::SeeingIsRevoking,
        Self::CreatingIsRevoking,
        Self::RevokersDoNotSee,
        Self::GuardsAreIgnored,
        Self::ConditionalIsEnough,
        Self::WorkersWithdraw,
        Self::OwnersOfWorkersAreForgotten,
    ];
}

/// An evaluator of rights with one bug, or none.
#[derive(Clone, Copy, Debug)]
pub struct PlantedRights<'w> {
    bug: RightsBug,
    world: &'w World,
    now: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    See,
    Revoke,
}

impl<'w> PlantedRights<'w> {
    /// The evaluator with this bug, of a world at a moment.
    #[must_use]
    pub fn new(bug: RightsBug, world: &'w World, now: Timestamp) -> Self {
        Self { bug, world, now }
    }

    /// Whether this one may.
    #[must_use]
    pub fn may(&self, by: &ObjectRef, act: &Act) -> Right {
        if self.is_stopped(by) {
            return Right::No;
        }
        let World { tasks, delegations, endorsements, .. } = self.world;
        match act {
            Act::Create(whose) => self.stands(by, whose, Verb::Create),
            Act::SeeTask(id) => tasks.get(id).map_or(Right::No, |task| self.sees_task(by, task)),
            Act::CloseTask(id) => tasks.get(id).map_or(Right::No, |task| self.closes(by, task)),
            Act::SeeLink(id) => delegations.get(id).map_or(Right::No, |link| self.link(by, link, Verb::See)),
            Act::RevokeLink(id) => delegations.get(id).map_or(Right::No, |link| self.link(by, link, Verb::Revoke)),
            Act::SeeEndorsement(id) => endorsements.get(id).map_or(Right::No, |found| {
                either(self.stands(by, &found.by, Verb::See), || self.stands(by, &found.worker, Verb::See))
            }),
            Act::RevokeEndorsement(id) => endorsements.get(id).map_or(Right::No, |found| {
                either(self.stands(by, &found.by, Verb::Revoke), || {
                    let own = by == &found.worker && !self.is(RightsBug::WorkersWithdraw);
                    if own || self.is(RightsBug::OwnersOfWorkersAreForgotten) {
                        return Right::No;
                    }
                    self.stands(by, &found.worker, Verb::Revoke)
                })
            }),
        }
    }

    fn is(&self, bug: RightsBug) -> bool {
        self.bug == bug
    }

    fn is_stopped(&self, by: &ObjectRef) -> bool {
        let state = |object: &ObjectRef| self.world.principals.get(object).map(|found| found.state);
        let owner = self.world.principals.get(by).and_then(|found| found.owner.as_ref());
        let own = match state(by) {
            Some(PrincipalState::Suspended) => !self.is(RightsBug::TheSuspendedCount),
            Some(PrincipalState::OffBoarded) => true,
            Some(PrincipalState::Active) | None => false,
        };
        let orphan = owner.and_then(state) == Some(PrincipalState::OffBoarded) && !self.is(RightsBug::OrphansCount);
        own || orphan
    }

    /// Everybody that this one owns, directly or not.
    fn owned(&self, by: &ObjectRef) -> BTreeSet<&'w ObjectRef> {
        let mut found = BTreeSet::new();
        let owns = |object: &ObjectRef| {
            let owned = self.world.principals.values().filter(move |other| other.owner.as_ref() == Some(object));
            owned.map(|other| &other.object).collect::<Vec<_>>()
        };
        let mut open = owns(by);
        while let Some(object) = open.pop() {
            if found.insert(object) && !self.is(RightsBug::OwnersOwnersAreForgotten) {
                open.extend(owns(object));
            }
        }
        found
    }

    fn stands(&self, by: &ObjectRef, over: &ObjectRef, verb: Verb) -> Right {
        let owner = |object: &ObjectRef| self.world.principals.get(object).and_then(|found| found.owner.as_ref());
        let turned = self.is(RightsBug::TheOwnedStandOverTheirOwners) && owner(by) == Some(over);
        let siblings =
            self.is(RightsBug::SiblingsStandOverEachOther) && owner(by).is_some() && owner(by) == owner(over);
        if by == over || self.owned(by).contains(over) || turned || siblings {
            return Right::Yes;
        }
        self.given(by, over, verb)
    }

    fn given(&self, by: &ObjectRef, over: &ObjectRef, verb: Verb) -> Right {
        let (of, on) = if self.is(RightsBug::PermissionOnTheWrongEnd) { (over, by) } else { (by, over) };
        let schema = self.world.schema.as_ref();
        let Some(authority) = schema.and_then(|schema| schema.authority_over(&on.kind)) else { return Right::No };
        let mut names = Vec::new();
        match verb {
            Verb::Create => names.extend(&authority.create),
            Verb::See => {
                names.extend(&authority.see);
                if !self.is(RightsBug::RevokersDoNotSee) {
                    names.extend(&authority.revoke);
                }
            }
            Verb::Revoke => {
                names.extend(&authority.revoke);
                if self.is(RightsBug::SeeingIsRevoking) {
                    names.extend(&authority.see);
                }
                if self.is(RightsBug::CreatingIsRevoking) {
                    names.extend(&authority.create);
                }
            }
        }
        names.into_iter().fold(Right::No, |before, name| either(before, || self.has(of, on, name)))
    }

    fn has(&self, of: &ObjectRef, on: &ObjectRef, permission: &RelationName) -> Right {
        let question = Question {
            actor: of.clone(),
            delegation: None,
            permission: permission.clone(),
            resource: on.clone(),
            arguments: Context::new(),
            context: Context::new(),
            credential: None,
            tool_schema: None,
        };
        if self.is(RightsBug::GuardsAreIgnored) {
            let answer = self.world.check(on, permission, &of.clone().into(), &Context::new(), self.now);
            return if answer == Answer::Has { Right::Yes } else { Right::No };
        }
        match self.world.decide(&question, self.now).likeliest() {
            Answer::Decided(verdict) => match verdict.reason.disposition() {
                Disposition::Allow => Right::Yes,
                Disposition::Conditional if self.is(RightsBug::ConditionalIsEnough) => Right::Yes,
                _ => Right::No,
            },
            Answer::Failed(_) => Right::Unsaid,
            _ => Right::No,
        }
    }

    fn answers(&self, by: &ObjectRef, task: &Task, verb: Verb) -> Right {
        either(self.stands(by, &task.origin, verb), || match &task.owner {
            Some(owner) if !self.is(RightsBug::TaskOwnersAreForgotten) => self.stands(by, owner, verb),
            _ => Right::No,
        })
    }

    fn has_part(&self, by: &ObjectRef, task: &Task) -> Right {
        let links = self.world.delegations.values().filter(|link| link.task == task.id);
        let ends = links.flat_map(|link| [&link.from, &link.to]);
        ends.fold(Right::No, |before, end| either(before, || self.stands(by, end, Verb::See)))
    }

    fn sees_task(&self, by: &ObjectRef, task: &Task) -> Right {
        either(self.answers(by, task, Verb::See), || self.has_part(by, task))
    }

    fn closes(&self, by: &ObjectRef, task: &Task) -> Right {
        either(self.answers(by, task, Verb::Revoke), || {
            if self.is(RightsBug::WhoeverHasAPartClosesTheTask) { self.has_part(by, task) } else { Right::No }
        })
    }

    fn link(&self, by: &ObjectRef, link: &Delegation, verb: Verb) -> Right {
        if self.made_above(by, link) || (self.is(RightsBug::DownstreamRevokes) && self.received_below(by, link)) {
            return Right::Yes;
        }
        let task = self.world.tasks.get(&link.task);
        let of_task = task.map_or(Right::No, |task| {
            if self.is(RightsBug::WhoeverHasAPartSeesAllLinks) && verb == Verb::See {
                return self.sees_task(by, task);
            }
            if self.is(RightsBug::OriginsSeeNoLinks) {
                return Right::No;
            }
            self.answers(by, task, verb)
        });
        either(of_task, || {
            if self.is(RightsBug::PermissionsOfTheOriginOnly) {
                let own = [&link.from, &link.to].into_iter().any(|end| end == by || self.owned(by).contains(end));
                return if own { Right::Yes } else { Right::No };
            }
            either(self.stands(by, &link.from, verb), || {
                if self.is(RightsBug::ReceiversDoNotGiveBack) && verb == Verb::Revoke && by == &link.to {
                    return Right::No;
                }
                self.stands(by, &link.to, verb)
            })
        })
    }

    fn made_above(&self, by: &ObjectRef, link: &Delegation) -> bool {
        let above = |link: &Delegation| link.parent.as_ref().and_then(|id| self.world.delegations.get(id));
        let most = match self.bug {
            RightsBug::AncestorsAreForgotten => 0,
            RightsBug::OnlyTheLinkAboveCounts => 1,
            _ => crate::CHAIN_LINKS,
        };
        std::iter::successors(above(link), |link| above(link)).take(most).any(|link| link.from == *by)
    }

    fn received_below(&self, by: &ObjectRef, link: &Delegation) -> bool {
        self.world.delegations.values().any(|below| below.parent.as_ref() == Some(&link.id) && below.to == *by)
    }
}

fn either(one: Right, other: impl FnOnce() -> Right) -> Right {
    match one {
        Right::Yes => Right::Yes,
        Right::No => other(),
        Right::Unsaid => match other() {
            Right::Yes => Right::Yes,
            Right::No | Right::Unsaid => Right::Unsaid,
        },
    }
}
