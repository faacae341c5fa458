//! An evaluator written the way an engine would be (a search from the question, with cuts and a memo), and the ways to get
//! it wrong. Without a bug it agrees with the oracle; with any of them the generator must notice.

mod authority;
mod search;

use prokura_model::{Change, Timestamp};

use crate::{Answer, Ask, Candidate, World};

/// What is wrong with a [`Planted`] evaluator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a sentence about what the evaluator then does")]
pub enum Bug {
    /// Nothing is.
    None,
    WildcardMatchesUsersets,
    WildcardMatchesEveryType,
    WildcardMatchesNobody,
    UsersetIsNotItself,
    UsersetsAreNotFollowed,
    ExclusionIgnoresItsRightSideAfterAnArrow,
    ExclusionIsTurnedRound,
    IntersectionWithAnEmptySideIsUnion,
    IntersectionReadsTwoSidesOnly,
    UnionReadsTwoSidesOnly,
    ArrowFollowsTheFirstOnly,
    ArrowNeedsAll,
    ArrowPassesOverUsersets,
    UnionBindsLoosest,
    CycleHolds,
    CycleThroughExclusionIsFalse,
    UndecidableIsDeny,
    UndecidableIsAllow,
    MemoKeptAcrossACut,
    RevokedParentShielded,
    ExpiredParentShielded,
    ExpiryOneMomentLate,
    BeginningOneMomentLate,
    TaskExpiryIgnored,
    TaskStateIgnored,
    LinksOfOtherTasksAccepted,
    CapOfTheLastLinkOnly,
    CapOfAnyLinkIsEnough,
    ActorInPlaceOfOrigin,
    RootOfAnyone,
    SuspendedMiddleIgnored,
    OwnerOffBoardedIgnored,
    DepthNotCounted,
    DepthOneTooMany,
    ParentNeedNotEndWhereItsChildBegins,
    UnregisteredMayDelegate,
    DelegationOfSomeoneElse,
    AmbientDelegations,
    ChainOneLinkTooLong,
    ValidityOfTheLastLinkOnly,
}

impl Bug {
    /// Every one of them.
    pub const ALL: [Self; 40] = [
        Self::WildcardMatchesUsersets,
        Self::WildcardMatchesEveryType,
        Self::WildcardMatchesNobody,
        Self::UsersetIsNotItself,
        Self::UsersetsAreNotFollowed,
        Self::ExclusionIgnoresItsRightSideAfterAnArrow,
        Self::ExclusionIsTurnedRound,
        Self::IntersectionWithAnEmptySideIsUnion,
        Self::IntersectionReadsTwoSidesOnly,
        Self::UnionReadsTwoSidesOnly,
        Self::ArrowFollowsTheFirstOnly,
        Self::ArrowNeedsAll,
        Self::ArrowPassesOverUsersets,
        Self::UnionBindsLoosest,
        Self::CycleHolds,
        Self::CycleThroughExclusionIsFalse,
        Self::UndecidableIsDeny,
        Self::UndecidableIsAllow,
        Self::MemoKeptAcrossACut,
        Self::RevokedParentShielded,
        Self::ExpiredParentShielded,
        Self::ExpiryOneMomentLate,
        Self::BeginningOneMomentLate,
        Self::TaskExpiryIgnored,
        Self::TaskStateIgnored,
        Self::LinksOfOtherTasksAccepted,
        Self::CapOfTheLastLinkOnly,
        Self::CapOfAnyLinkIsEnough,
        Self::ActorInPlaceOfOrigin,
        Self::RootOfAnyone,
        Self::SuspendedMiddleIgnored,
        Self::OwnerOffBoardedIgnored,
        Self::DepthNotCounted,
        Self::DepthOneTooMany,
        Self::ParentNeedNotEndWhereItsChildBegins,
        Self::UnregisteredMayDelegate,
        Self::DelegationOfSomeoneElse,
        Self::AmbientDelegations,
        Self::ChainOneLinkTooLong,
        Self::ValidityOfTheLastLinkOnly,
    ];
}

/// An evaluator with one bug, or none.
#[derive(Clone, Debug)]
pub struct Planted {
    bug: Bug,
    world: World,
}

impl Planted {
    /// The evaluator with this bug, and nothing taken in.
    #[must_use]
    pub fn new(bug: Bug) -> Self {
        Self { bug, world: World::default() }
    }
}

impl Candidate for Planted {
    fn apply(&mut self, changes: &[Change], at: Timestamp) {
        self.world.apply(changes, at);
    }

    fn answer(&self, ask: &Ask) -> Answer {
        match ask {
            Ask::Check { resource, permission, subject } => match self.check(resource, permission, subject) {
                Ok(true) => Answer::Has,
                Ok(false) => Answer::HasNot,
                Err(code) => Answer::Failed(code.to_owned()),
            },
            Ask::Decide { question, now } => match self.decide(question, *now) {
                Ok(verdict) => Answer::Decided(verdict),
                Err(code) => Answer::Failed(code.to_owned()),
            },
        }
    }
}
