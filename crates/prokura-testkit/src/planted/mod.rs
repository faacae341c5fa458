//! An evaluator written the way an engine would be (a search from the question, with cuts and a memo), and the ways to get
//! it wrong. Without a bug it agrees with the oracle; with any of them the generator must notice.

mod authority;
mod budget;
mod cap;
mod guard;
mod list;
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
    TasksAboveIgnored,
    OnlyTheTaskAboveCounts,
    MissingTaskAboveIgnored,
    TaskAboveOfAnyone,
    TaskLineOneTooLong,
    ValidityForgetsTasksAbove,
    LinksOfOtherTasksAccepted,
    CapOfTheLastLinkOnly,
    CapOfAnyLinkIsEnough,
    ActorInPlaceOfOrigin,
    WorkersNeedNoEndorsement,
    AnybodyMayEndorse,
    CapConditionsAreIgnored,
    CapConditionsWithoutValuesHold,
    AskedValuesWinInCaps,
    QueriesAskTheActor,
    QueriesAskTheWorker,
    EitherPartOfAQueryIsEnough,
    UnderIsOneStep,
    UnderStepsNeverEnd,
    UnderNeedsAStep,
    EndorsedWithoutTheCondition,
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
    WildcardsAreNotListed,
    ConditionalIsNotListed,
    TheStoppedAreListed,
    TheSubjectItselfIsNotListed,
    ExceptionsAreNotListed,
    AskedContextWins,
    ContextWinsOverArguments,
    MissingContextIsFalse,
    FailedCaveatIsFalse,
    CaveatsAreIgnored,
    CaveatsOfWildcardsAreIgnored,
    CaveatsOfUsersetsAreIgnored,
    EdgesNeverEnd,
    EdgesEndOneMomentLate,
    ConditionalHoldsInUnion,
    UnknownHoldsInIntersection,
    ConditionalTakesNothingAway,
    AllIsAny,
    AllOfNothingHolds,
    AllPassesOverFalseEdges,
    AllPassesOverTypesWithoutTheTarget,
    ArrowFollowsFalseEdges,
    SelfIsAnyOfTheType,
    SelfIsItsUsersetsToo,
    NilIsEverybody,
    ConditionalDecisionIsDeny,
    ValidityForgetsEdges,
    GuardsAreIgnored,
    OnlyTheFirstGuardCounts,
    GuardThatFailsIsPassedOver,
    HeldBeforeForbidden,
    GuardsMissNothing,
    QuestionsBringAttributes,
    ChainCountsTheTask,
    ListsPassOverGuards,
    WhatIsHeldIsListed,
    BudgetsAreIgnored,
    EachAmountAlone,
    BudgetWindowsNeverEnd,
    OpenReservationsAreFree,
    ReservationsNeverEnd,
    CommittedCountsInFull,
    MissingAmountIsNothing,
    UsesOfTheLastLinkOnly,
    BudgetsAboveAreIgnored,
    BudgetsCoverWhateverTheyName,
    BudgetsBeforeGuards,
    ReservationsOutliveTheirTask,
    AmountsFromTheContext,
}

impl Bug {
    /// Every one of them.
    pub const ALL: [Self; 107] = [
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
        Self::TasksAboveIgnored,
        Self::OnlyTheTaskAboveCounts,
        Self::MissingTaskAboveIgnored,
        Self::TaskAboveOfAnyone,
        Self::TaskLineOneTooLong,
        Self::ValidityForgetsTasksAbove,
        Self::LinksOfOtherTasksAccepted,
        Self::CapOfTheLastLinkOnly,
        Self::CapOfAnyLinkIsEnough,
        Self::ActorInPlaceOfOrigin,
        Self::WorkersNeedNoEndorsement,
        Self::AnybodyMayEndorse,
        Self::CapConditionsAreIgnored,
        Self::CapConditionsWithoutValuesHold,
        Self::AskedValuesWinInCaps,
        Self::QueriesAskTheActor,
        Self::QueriesAskTheWorker,
        Self::EitherPartOfAQueryIsEnough,
        Self::UnderIsOneStep,
        Self::UnderStepsNeverEnd,
        Self::UnderNeedsAStep,
        Self::EndorsedWithoutTheCondition,
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
        Self::WildcardsAreNotListed,
        Self::ConditionalIsNotListed,
        Self::TheStoppedAreListed,
        Self::TheSubjectItselfIsNotListed,
        Self::ExceptionsAreNotListed,
        Self::AskedContextWins,
        Self::ContextWinsOverArguments,
        Self::MissingContextIsFalse,
        Self::FailedCaveatIsFalse,
        Self::CaveatsAreIgnored,
        Self::CaveatsOfWildcardsAreIgnored,
        Self::CaveatsOfUsersetsAreIgnored,
        Self::EdgesNeverEnd,
        Self::EdgesEndOneMomentLate,
        Self::ConditionalHoldsInUnion,
        Self::UnknownHoldsInIntersection,
        Self::ConditionalTakesNothingAway,
        Self::AllIsAny,
        Self::AllOfNothingHolds,
        Self::AllPassesOverFalseEdges,
        Self::AllPassesOverTypesWithoutTheTarget,
        Self::ArrowFollowsFalseEdges,
        Self::SelfIsAnyOfTheType,
        Self::SelfIsItsUsersetsToo,
        Self::NilIsEverybody,
        Self::ConditionalDecisionIsDeny,
        Self::ValidityForgetsEdges,
        Self::GuardsAreIgnored,
        Self::OnlyTheFirstGuardCounts,
        Self::GuardThatFailsIsPassedOver,
        Self::HeldBeforeForbidden,
        Self::GuardsMissNothing,
        Self::QuestionsBringAttributes,
        Self::ChainCountsTheTask,
        Self::ListsPassOverGuards,
        Self::WhatIsHeldIsListed,
        Self::BudgetsAreIgnored,
        Self::EachAmountAlone,
        Self::BudgetWindowsNeverEnd,
        Self::OpenReservationsAreFree,
        Self::ReservationsNeverEnd,
        Self::CommittedCountsInFull,
        Self::MissingAmountIsNothing,
        Self::UsesOfTheLastLinkOnly,
        Self::BudgetsAboveAreIgnored,
        Self::BudgetsCoverWhateverTheyName,
        Self::BudgetsBeforeGuards,
        Self::ReservationsOutliveTheirTask,
        Self::AmountsFromTheContext,
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
        let answered = match ask {
            Ask::Check { resource, permission, subject, context, now } => {
                self.check(resource, permission, subject, context, *now).map(Answer::from)
            }
            Ask::Decide { question, now } => self.decide(question, *now).map(Answer::Decided),
            Ask::LookupResources { .. } | Ask::LookupSubjects { .. } | Ask::Permissions { .. } => {
                self.list(ask).map(Answer::Listed)
            }
        };
        answered.unwrap_or_else(|code| Answer::Failed(code.to_owned()))
    }
}
