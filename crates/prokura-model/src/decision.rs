use std::fmt;

use minicbor::{Decode, Encode};

use crate::{
    Credential, DelegationId, GivenApproval, GuardName, ObjectRef, RelationName, Relationship, Revision, TaskId, Terms,
    Timestamp, Value,
    authority::{record_id, words},
    limits::RECORD_ID_BYTES_MAX,
};

record_id!(
    /// Names a recorded decision within its tenant: a UUIDv7, so ids sort by time.
    DecisionId
);

/// The answer to "may this be done?". Failing to decide is an error, never a disposition, and never an allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Disposition {
    /// It may.
    #[n(0)]
    Allow,
    /// It may not; the reason says why.
    #[n(1)]
    Deny,
    /// It depends on what the question did not say: the missing names are told. Never to be taken for an allow.
    #[n(2)]
    Conditional,
    /// Not yet: somebody has to approve, or to confirm, first. Never to be taken for an allow.
    #[n(3)]
    Held,
}

words!(Disposition { Allow => "allow", Deny => "deny", Conditional => "conditional", Held => "held" });

/// Why a decision came out as it did. The words are stable: scripts and enforcement points may match on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub enum Reason {
    /// Allow: the actor itself has the permission.
    #[n(0)]
    OwnAuthority,
    /// Allow: the request is inside every cap, and the origin has the permission now.
    #[n(1)]
    LentAuthority,
    /// Deny: without a delegation, and the actor itself does not have the permission.
    #[n(2)]
    NoPath,
    /// Deny: the actor is suspended.
    #[n(3)]
    ActorSuspended,
    /// Deny: a principal on the chain is suspended.
    #[n(4)]
    PrincipalSuspended,
    /// Deny: the owner of the actor, or of a principal on the chain, is off-boarded.
    #[n(5)]
    OwnerOffBoarded,
    /// Deny: there is no such delegation, or a link's parent does not exist.
    #[n(6)]
    DelegationUnknown,
    /// Deny: the delegation was made to someone else.
    #[n(7)]
    DelegationNotForActor,
    /// Deny: a link of the chain is revoked.
    #[n(8)]
    DelegationRevoked,
    /// Deny: a link of the chain has not begun.
    #[n(9)]
    DelegationNotYetValid,
    /// Deny: a link of the chain is over.
    #[n(10)]
    DelegationExpired,
    /// Deny: a link does not continue its parent, names another task, or is made by someone who cannot delegate.
    #[n(11)]
    ChainBroken,
    /// Deny: the chain has more links than the limit.
    #[n(12)]
    ChainTooLong,
    /// Deny: the root of the chain is not made by the task's origin.
    #[n(13)]
    RootNotOrigin,
    /// Deny: a link that may not be passed on has a link below it.
    #[n(14)]
    RedelegationForbidden,
    /// Deny: more links hang below a link than its depth allows.
    #[n(15)]
    DepthExceeded,
    /// Deny: there is no such task.
    #[n(16)]
    TaskUnknown,
    /// Deny: the task is completed.
    #[n(17)]
    TaskCompleted,
    /// Deny: the task is cancelled.
    #[n(18)]
    TaskCancelled,
    /// Deny: the task is over.
    #[n(19)]
    TaskExpired,
    /// Deny: a cap of the chain does not cover the request.
    #[n(20)]
    OutsideCap,
    /// Deny: the origin does not have the permission now.
    #[n(21)]
    OriginLacksPermission,
    /// Conditional: a caveat or a guard decides it, and the question brings no value for some of its parameters.
    #[n(22)]
    ContextMissing,
    /// Allow: the work was dispatched to a worker that has the permission itself now, is endorsed for it, and every cap
    /// from there on covers the request.
    #[n(23)]
    DispatchedAuthority,
    /// Deny: the worker that the work was dispatched to does not have the permission now.
    #[n(24)]
    WorkerLacksPermission,
    /// Deny: nothing that the worker's owner says covers the request for this origin.
    #[n(25)]
    NotEndorsed,
    /// Deny: there are more tasks above the task than the limit, or one of them is for another origin.
    #[n(40)]
    TaskTreeBroken,
    /// Deny: a guard forbids it.
    #[n(26)]
    GuardForbids,
    /// Deny: what a guard requires is not so.
    #[n(27)]
    GuardRequires,
    /// Deny: a guard could not be evaluated, and so forbids.
    #[n(28)]
    GuardFailed,
    /// Held: a guard requires an approval.
    #[n(29)]
    ApprovalRequired,
    /// Held: a guard requires that the origin of the task confirms.
    #[n(30)]
    ConfirmationRequired,
    /// Deny: a budget of the task has not enough left.
    #[n(41)]
    BudgetExhausted,
    /// Deny: a link of the chain has carried as many allows as it may.
    #[n(42)]
    UsesExhausted,
}

words!(Reason {
    OwnAuthority => "own_authority",
    LentAuthority => "lent_authority",
    NoPath => "no_path",
    ActorSuspended => "actor_suspended",
    PrincipalSuspended => "principal_suspended",
    OwnerOffBoarded => "owner_off_boarded",
    DelegationUnknown => "delegation_unknown",
    DelegationNotForActor => "delegation_not_for_actor",
    DelegationRevoked => "delegation_revoked",
    DelegationNotYetValid => "delegation_not_yet_valid",
    DelegationExpired => "delegation_expired",
    ChainBroken => "chain_broken",
    ChainTooLong => "chain_too_long",
    RootNotOrigin => "root_not_origin",
    RedelegationForbidden => "redelegation_forbidden",
    DepthExceeded => "depth_exceeded",
    TaskUnknown => "task_unknown",
    TaskCompleted => "task_completed",
    TaskCancelled => "task_cancelled",
    TaskExpired => "task_expired",
    OutsideCap => "outside_cap",
    OriginLacksPermission => "origin_lacks_permission",
    ContextMissing => "context_missing",
    DispatchedAuthority => "dispatched_authority",
    WorkerLacksPermission => "worker_lacks_permission",
    NotEndorsed => "not_endorsed",
    TaskTreeBroken => "task_tree_broken",
    GuardForbids => "guard_forbids",
    GuardRequires => "guard_requires",
    GuardFailed => "guard_failed",
    ApprovalRequired => "approval_required",
    ConfirmationRequired => "confirmation_required",
    BudgetExhausted => "budget_exhausted",
    UsesExhausted => "uses_exhausted",
});

impl Reason {
    /// The disposition this is a reason for.
    #[must_use]
    pub fn disposition(self) -> Disposition {
        match self {
            Self::OwnAuthority | Self::LentAuthority | Self::DispatchedAuthority => Disposition::Allow,
            Self::ContextMissing => Disposition::Conditional,
            Self::NoPath
            | Self::ActorSuspended
            | Self::PrincipalSuspended
            | Self::OwnerOffBoarded
            | Self::DelegationUnknown
            | Self::DelegationNotForActor
            | Self::DelegationRevoked
            | Self::DelegationNotYetValid
            | Self::DelegationExpired
            | Self::ChainBroken
            | Self::ChainTooLong
            | Self::RootNotOrigin
            | Self::RedelegationForbidden
            | Self::DepthExceeded
            | Self::TaskUnknown
            | Self::TaskCompleted
            | Self::TaskCancelled
            | Self::TaskExpired
            | Self::OutsideCap
            | Self::OriginLacksPermission
            | Self::WorkerLacksPermission
            | Self::NotEndorsed
            | Self::TaskTreeBroken
            | Self::GuardForbids
            | Self::GuardRequires
            | Self::GuardFailed
            | Self::BudgetExhausted
            | Self::UsesExhausted => Disposition::Deny,
            Self::ApprovalRequired | Self::ConfirmationRequired => Disposition::Held,
        }
    }
}

/// One link of a chain as it was walked, root first.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ChainLink {
    /// Which delegation.
    #[n(0)]
    pub delegation: DelegationId,
    /// Who passed on.
    #[n(1)]
    pub from: ObjectRef,
    /// Who received.
    #[n(2)]
    pub to: ObjectRef,
}

/// An edge that justifies an allow, and the transaction it came from.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct WitnessEdge {
    /// The edge.
    #[n(0)]
    pub relationship: Relationship,
    /// The revision that made it, which is also the name of its provenance.
    #[n(1)]
    pub since: Revision,
    /// On which terms it holds.
    #[n(2)]
    #[cbor(default)]
    pub terms: Terms,
}

/// A guard that applied to a decision, and what it demands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FiredGuard {
    /// Its name.
    #[n(0)]
    pub name: GuardName,
    /// What it demands, in the words of the schema: `forbid`, a condition, `approval from service#approve, once`.
    #[n(1)]
    pub demanded: Vec<String>,
    /// The approvals that meet what it demands.
    #[n(2)]
    #[cbor(default)]
    pub approvals: Vec<GivenApproval>,
}

/// What was asked for and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Outcome {
    /// It was decided.
    #[n(0)]
    Decided(#[n(0)] Reason),
    /// It could not be decided: the stable code of the error. Nothing was allowed.
    #[n(1)]
    Failed(#[n(0)] String),
}

impl Outcome {
    /// The disposition, if it was decided.
    #[must_use]
    pub fn disposition(&self) -> Option<Disposition> {
        match self {
            Self::Decided(reason) => Some(reason.disposition()),
            Self::Failed(_) => None,
        }
    }

    /// The stable code: of the reason, or of the error.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Decided(reason) => reason.word(),
            Self::Failed(code) => code,
        }
    }
}

/// One recorded decision: enough to say afterwards who was allowed what, through whom, and why, and to ask again.
#[derive(Clone, Debug, PartialEq, Decode)]
pub struct DecisionRecord {
    /// Its name.
    #[n(0)]
    pub id: DecisionId,
    /// The *now* of the decision.
    #[n(1)]
    pub time: Timestamp,
    /// The state it was decided on.
    #[n(2)]
    pub revision: Revision,
    /// Who wanted to act.
    #[n(3)]
    pub actor: ObjectRef,
    /// What they wanted to do.
    #[n(4)]
    pub permission: RelationName,
    /// To what.
    #[n(5)]
    pub resource: ObjectRef,
    /// The delegation they named.
    #[n(6)]
    pub delegation: Option<DelegationId>,
    /// The task of the chain, as far as it was found.
    #[n(7)]
    pub task: Option<TaskId>,
    /// The task's origin, as far as it was found.
    #[n(8)]
    pub origin: Option<ObjectRef>,
    /// The chain as walked, root first, as far as it was found.
    #[n(9)]
    pub chain: Vec<ChainLink>,
    /// How it ended.
    #[n(10)]
    pub outcome: Outcome,
    /// The sentence a person reads.
    #[n(11)]
    pub message: String,
    /// For an allow, the edges that justify it.
    #[n(12)]
    pub witness: Vec<WitnessEdge>,
    /// The canonical request as the door received it, context included.
    #[n(13)]
    pub request: Value,
    /// Which door was asked: `authzen`, `api`, `library`.
    #[n(14)]
    pub door: String,
    /// Who asked: `key:ID` of an enforcement point, or `token:ISSUER`, the actor itself with a token.
    #[n(15)]
    pub enforcement_point: String,
    /// The caller's own name for the request, if it gave one.
    #[n(16)]
    pub request_id: Option<String>,
    /// How long deciding took, in microseconds.
    #[n(17)]
    pub duration_us: u64,
    /// For a conditional decision, the parameters that the question brought no value for.
    #[n(18)]
    #[cbor(default)]
    pub missing: Vec<String>,
    /// Where it stands in the work as a whole.
    #[n(19)]
    #[cbor(default)]
    pub step: Step,
    /// The guards that applied, by name.
    #[n(20)]
    #[cbor(default)]
    pub fired: Vec<FiredGuard>,
    /// How whoever asked was known, where guards are on what was asked.
    #[n(21)]
    pub credential: Option<Credential>,
}

/// Where a decision stands in the work of many agents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Step {
    /// The run: the task at the root of the tree that the task is in, as far as it was found.
    #[n(0)]
    pub run: Option<TaskId>,
    /// The caller's own name for this step of it, such as the id of a span, if it gave one.
    #[n(1)]
    pub span: Option<String>,
    /// It was asked for a plan: it said what would be decided, and nothing could be done on it.
    #[n(2)]
    #[cbor(default)]
    pub planned: bool,
}

/// A record of a decision as it is encoded: what it is made of need not be copied together first. Its members are those of
/// [`DecisionRecord`], which is what it is decoded as.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(Encode))]
#[expect(missing_docs, reason = "each member is documented where it is decoded")]
pub struct RecordView<'r> {
    #[cfg_attr(test, n(0))]
    pub id: &'r DecisionId,
    #[cfg_attr(test, n(1))]
    pub time: Timestamp,
    #[cfg_attr(test, n(2))]
    pub revision: Revision,
    #[cfg_attr(test, n(3))]
    pub actor: &'r ObjectRef,
    #[cfg_attr(test, n(4))]
    pub permission: &'r RelationName,
    #[cfg_attr(test, n(5))]
    pub resource: &'r ObjectRef,
    #[cfg_attr(test, n(6))]
    pub delegation: Option<&'r DelegationId>,
    #[cfg_attr(test, n(7))]
    pub task: Option<&'r TaskId>,
    #[cfg_attr(test, n(8))]
    pub origin: Option<&'r ObjectRef>,
    #[cfg_attr(test, n(9))]
    pub chain: &'r [ChainLink],
    #[cfg_attr(test, n(10))]
    pub outcome: &'r Outcome,
    #[cfg_attr(test, n(11))]
    pub message: &'r str,
    #[cfg_attr(test, n(12))]
    pub witness: &'r [WitnessEdge],
    #[cfg_attr(test, n(13))]
    pub request: &'r Value,
    #[cfg_attr(test, n(14))]
    pub door: &'r str,
    #[cfg_attr(test, n(15))]
    pub enforcement_point: &'r str,
    #[cfg_attr(test, n(16))]
    pub request_id: Option<&'r str>,
    #[cfg_attr(test, n(17))]
    pub duration_us: u64,
    #[cfg_attr(test, n(18))]
    pub missing: &'r [String],
    #[cfg_attr(test, n(19))]
    pub step: &'r Step,
    #[cfg_attr(test, n(20))]
    pub fired: &'r [FiredGuard],
    #[cfg_attr(test, n(21))]
    pub credential: Option<&'r Credential>,
}

impl DecisionRecord {
    /// The record, to be encoded.
    #[must_use]
    pub fn view(&self) -> RecordView<'_> {
        RecordView {
            id: &self.id,
            time: self.time,
            revision: self.revision,
            actor: &self.actor,
            permission: &self.permission,
            resource: &self.resource,
            delegation: self.delegation.as_ref(),
            task: self.task.as_ref(),
            origin: self.origin.as_ref(),
            chain: &self.chain,
            outcome: &self.outcome,
            message: &self.message,
            witness: &self.witness,
            request: &self.request,
            door: &self.door,
            enforcement_point: &self.enforcement_point,
            request_id: self.request_id.as_deref(),
            duration_us: self.duration_us,
            missing: &self.missing,
            step: &self.step,
            fired: &self.fired,
            credential: self.credential.as_ref(),
        }
    }
}
