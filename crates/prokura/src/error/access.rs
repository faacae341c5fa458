use prokura_engine::EngineError;
use prokura_model::{
    DelegationId, Fault, ObjectRef, RelationName, Relationship, RequestId, RequestState, TaskId, TypeName,
};

/// Why a request for access cannot be made, answered, taken back or reviewed so. Nothing was written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AccessFault {
    /// There is no such request.
    #[error("there is no request `{0}`")]
    Unknown(RequestId),
    /// There is one of this id already.
    #[error("there is a request `{0}` already")]
    Exists(RequestId),
    /// Nothing is asked for.
    #[error("a request names at least one resource")]
    NoResource,
    /// Resources of several types.
    #[error("the resources of a request are of one type, not `{0}` and `{1}`")]
    SeveralTypes(TypeName, TypeName),
    /// Nothing says why.
    #[error("{0}: say why, in words")]
    WordsMissing(&'static str),
    /// What the requester says of the ticket.
    #[error("{0}")]
    TicketInvalid(String),
    /// The length is nothing, or longer than the item allows.
    #[error("`{item}` grants `1s` to `{}s`, not `{}s`", .most_ms / 1_000, .wanted_ms / 1_000)]
    LengthInvalid {
        /// The access item.
        item: String,
        /// What was wanted, in milliseconds.
        wanted_ms: u64,
        /// Most, in milliseconds.
        most_ms: u64,
    },
    /// The schema does not say that it can be asked for.
    #[error(
        "the schema does not say that `{permission}` on `{kind}` can be asked for{}; an `access` item would",
        if *.break_glass { " by breaking the glass" } else { "" }
    )]
    NotRequestable {
        /// The type.
        kind: TypeName,
        /// The permission.
        permission: RelationName,
        /// Whether by breaking the glass.
        break_glass: bool,
    },
    /// No item applies as things are.
    #[error(
        "no `access` item for `{permission}` applies to `{resource}` as things are: each that there is has a `when` that does not hold"
    )]
    NoItemApplies {
        /// The permission.
        permission: RelationName,
        /// The resource.
        resource: Box<ObjectRef>,
    },
    /// The item demands a ticket.
    #[error("`{0}` demands a ticket")]
    TicketMissing(String),
    /// Nobody has written anything of the ticket.
    #[error("`{item}` demands a ticket that is known, and nobody has written an attribute of `{ticket}`")]
    TicketUnknown {
        /// The access item.
        item: String,
        /// The ticket.
        ticket: ObjectRef,
    },
    /// Whether an item applies cannot be said.
    #[error("whether `{item}` applies to `{resource}` cannot be said: {why}")]
    ItemUnclear {
        /// The access item.
        item: String,
        /// What is asked for.
        resource: Box<ObjectRef>,
        /// Why not.
        why: String,
    },
    /// One item applies to one of the resources, and another to another.
    #[error("`{one}` is asked for by `{by_one}` and `{other}` by {by_other}: ask for them one by one")]
    SeveralItems {
        /// One of the resources.
        one: Box<ObjectRef>,
        /// The item that applies to it.
        by_one: String,
        /// Another one.
        other: Box<ObjectRef>,
        /// The item that applies to that, in words.
        by_other: String,
    },
    /// It was asked for by another item than the one that applies by now.
    #[error(
        "request `{id}` was made by `{item}`, which does not apply to `{resource}` any more: refuse it, or take it back"
    )]
    ItemLapsed {
        /// Which request.
        id: RequestId,
        /// The item it was made by.
        item: String,
        /// To what it does not apply.
        resource: Box<ObjectRef>,
    },
    /// A task without a delegation is the requester's own.
    #[error("`{requester}` is not the origin of task `{task}`: name the delegation that it acts under")]
    NotOrigin {
        /// Who asks.
        requester: ObjectRef,
        /// The task.
        task: TaskId,
    },
    /// The delegation is under another task.
    #[error("delegation `{delegation}` is under task `{task}`")]
    OtherTask {
        /// The delegation.
        delegation: DelegationId,
        /// Its task.
        task: TaskId,
    },
    /// Whoever asks could not act, whatever was granted.
    #[error("{message}, so nothing that is granted could be used")]
    NotAlive {
        /// The reason of the decision.
        reason: &'static str,
        /// In a sentence.
        message: String,
    },
    /// It is allowed as it is.
    #[error("`{requester}` is already allowed `{permission}` on all of these")]
    AlreadyAllowed {
        /// Who asks.
        requester: ObjectRef,
        /// The permission.
        permission: RelationName,
    },
    /// Nothing that can be written gives it.
    #[error(
        "`{authority}` does not have `{permission}` on `{resource}` itself, and `{item}` names no relation to write"
    )]
    NothingToLend {
        /// Whose authority it is.
        authority: Box<ObjectRef>,
        /// The permission.
        permission: RelationName,
        /// The resource.
        resource: Box<ObjectRef>,
        /// The access item.
        item: String,
    },
    /// The work was dispatched, and the worker is bound by what its owner endorses.
    #[error(
        "the work was dispatched: what `{0}` does under it is bound by the dispatch and its endorsements, which no request widens"
    )]
    Dispatched(ObjectRef),
    /// The relationship is there, with an end or a condition of its own.
    #[error("`{0}` is there already, and nothing is written over it; ask again once it is over")]
    RelationshipStands(Box<Relationship>),
    /// The relation does not take this subject for a time.
    #[error("`{relationship}` cannot be granted: {detail}")]
    RelationshipUnfit {
        /// Which.
        relationship: Box<Relationship>,
        /// Why not.
        detail: String,
    },
    /// Too many wait for an answer.
    #[error("{found} requests {of} wait for an answer, and at most {max} may")]
    TooManyPending {
        /// Of what.
        of: String,
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// Something cannot be decided.
    #[error("it cannot be decided: {0}")]
    Undecided(Box<EngineError>),
    /// The glass was broken before, and nobody has reviewed it.
    #[error("the glass was broken before, in request `{0}`, which nobody has reviewed")]
    ReviewOpen(RequestId),
    /// There is nothing to review.
    #[error("request `{0}` awaits no review")]
    NothingToReview(RequestId),
    /// It is answered, taken back, or over.
    #[error("request `{id}` is {state}")]
    NotPending {
        /// Which.
        id: RequestId,
        /// How it is.
        state: RequestState,
    },
    /// What is granted was not asked for.
    #[error("`{0}` was not asked for")]
    NotAsked(ObjectRef),
    /// The schema does not ask a person any more.
    #[error("`{0}` does not ask a person about this any more: refuse the request, or take it back")]
    ItemGone(String),
    /// The one who would answer may not.
    #[error("`{by}` may not answer request `{id}`: {why}")]
    MayNotAnswer {
        /// Who would.
        by: ObjectRef,
        /// Which request.
        id: RequestId,
        /// Why not.
        why: String,
    },
    /// Neither who asked, nor for whom, nor who may answer.
    #[error(
        "`{by}` may not take back request `{id}`: it is neither the requester's, nor the origin's, nor one to answer"
    )]
    MayNotCancel {
        /// Who would.
        by: ObjectRef,
        /// Which request.
        id: RequestId,
    },
}

impl AccessFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "request_unknown",
            Self::Exists(_) => "request_exists",
            Self::NoResource | Self::SeveralTypes(..) => "request_resources_invalid",
            Self::WordsMissing(_) => "words_missing",
            Self::TicketInvalid(_) => "ticket_invalid",
            Self::LengthInvalid { .. } => "request_length_invalid",
            Self::NotRequestable { .. } | Self::NoItemApplies { .. } => "not_requestable",
            Self::TicketMissing(_) => "ticket_missing",
            Self::TicketUnknown { .. } => "ticket_unknown",
            Self::ItemUnclear { .. } => "access_unclear",
            Self::SeveralItems { .. } => "request_resources_invalid",
            Self::ItemLapsed { .. } => "access_item_lapsed",
            Self::NotOrigin { .. } => "request_not_by_origin",
            Self::OtherTask { .. } => "request_of_other_task",
            Self::NotAlive { reason, .. } => reason,
            Self::AlreadyAllowed { .. } => "already_allowed",
            Self::NothingToLend { .. } => "nothing_to_lend",
            Self::Dispatched(_) => "request_under_dispatch",
            Self::RelationshipStands(_) => "relationship_stands",
            Self::RelationshipUnfit { .. } => "relationship_invalid",
            Self::TooManyPending { .. } => "too_many_requests_pending",
            Self::Undecided(error) => error.code(),
            Self::ReviewOpen(_) => "review_open",
            Self::NothingToReview(_) => "nothing_to_review",
            Self::NotPending { .. } => "request_not_pending",
            Self::NotAsked(_) => "grant_not_asked",
            Self::ItemGone(_) => "access_item_gone",
            Self::MayNotAnswer { .. } => "not_an_approver",
            Self::MayNotCancel { .. } => "not_to_cancel",
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::TooManyPending { .. } => Fault::Limit,
            Self::Undecided(error) => error.fault(),
            _ => Fault::Caller,
        }
    }
}
