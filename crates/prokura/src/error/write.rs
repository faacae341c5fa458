//! What can go wrong with a write.

use prokura_model::{
    Amount, BudgetName, DecisionId, DelegationId, EndorsementId, Fault, KeyId, ModelId, ObjectRef, PrincipalState,
    Relationship, RelationshipFilter, Revision, SubjectIdFilter, SubjectRelationFilter, TaskId, TaskState, TenantName,
    Terms, Timestamp,
    model::ModelFault,
    schema::{Diagnostic, RelationshipFault, UnknownName},
};

use super::{
    AccessFault, ApprovalFault, CapFault, DelegationFault, EndorsementFault, OffBoardingFault, RightsFault, TaskFault,
};
use crate::Precondition;

/// Why nothing was written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// There is no such tenant.
    #[error("there is no tenant `{0}`")]
    TenantUnknown(TenantName),
    /// The tenant is there already.
    #[error("there is a tenant `{0}` already")]
    TenantExists(TenantName),
    /// The name belongs to the authority itself.
    #[error("`{0}` is reserved: it holds the tenants and the keys, which have operations of their own")]
    TenantReserved(TenantName),
    /// What the tenant is to be shown as is no such name.
    #[error("the name a tenant is shown under is not empty and has no control characters")]
    TenantNameInvalid,
    /// There is nothing to write.
    #[error("a transaction has at least one change")]
    NoChanges,
    /// A change that only the authority itself makes.
    #[error("tenants and keys are not written with other changes; use their own operations")]
    ChangeReserved,
    /// A relationship is both touched and deleted, or touched on different terms.
    #[error("`{0}` is both touched and deleted, or touched on different terms, in one transaction; say which")]
    ChangesContradict(Box<Relationship>),
    /// A relationship is updated twice.
    #[error("`{0}` is updated more than once in one write; leave one update")]
    RelationshipRepeated(Box<Relationship>),
    /// A relationship that is to be created is there.
    #[error("`{0}` exists already; touch it if it may")]
    RelationshipExists(Box<Relationship>),
    /// A precondition does not hold.
    #[error("a precondition failed: {} relationship matches {}", if .0.must_match { "no" } else { "a" }, described(&.0.filter))]
    PreconditionFailed(Box<Precondition>),
    /// A filter that means everything where that is hardly meant.
    #[error("the filter of a {0} is empty and would mean every relationship; name at least one thing")]
    FilterEmpty(&'static str),
    /// More relationships would be deleted than the limit.
    #[error(
        "more than {limit} relationships match, and none was deleted; allow a part of them to be deleted, or raise the limit"
    )]
    TooManyRelationships {
        /// The limit.
        limit: u64,
    },
    /// A named limit is exceeded.
    #[error("{what}: at most {max}, found {found}")]
    LimitExceeded {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        max: usize,
        /// How much there is.
        found: usize,
    },
    /// Names and relationships take as much memory as they may.
    #[error(
        "names and relationships may take {} MiB of memory (the limit is `memory_mib`), and this write would need more; \
         delete relationships, or raise the limit", .0 / 1_048_576
    )]
    MemoryFull(u64),
    /// The author, the reason or the request id is not legal.
    #[error("{0}")]
    ProvenanceInvalid(String),
    /// The request id was used for something else.
    #[error(
        "request id `{request_id}` was used for something else, in revision {revision}; use a new one for a new request"
    )]
    RequestIdReused {
        /// The id.
        request_id: String,
        /// What it was used for.
        revision: Revision,
    },
    /// The schema text is not a schema.
    #[error("the schema has {} mistakes, the first: {}", .0.len(), first_message(.0))]
    SchemaInvalid(Vec<Diagnostic>),
    /// There is no schema yet.
    #[error("there is no schema yet; write one first, or in the same transaction")]
    SchemaMissing,
    /// Relationships would not fit the new schema.
    #[error("{total} relationships would not fit this schema: {}; delete them first, or in the same transaction", listed(.first))]
    SchemaStrands {
        /// The first of them.
        first: Vec<Unfit>,
        /// How many there are.
        total: usize,
    },
    /// Principals and tasks would be of no type.
    #[error("{total} uses of types that this schema drops: {}; end them first, or in the same transaction", .first.join(", "))]
    SchemaStrandsPrincipals {
        /// The first of them, in words.
        first: Vec<String>,
        /// How many there are.
        total: usize,
    },
    /// The relationship does not fit the schema.
    #[error("{0}")]
    RelationshipInvalid(Box<Unfit>),
    /// A type, relation or permission that the schema does not declare.
    #[error("{place}: {unknown}")]
    NameUnknown {
        /// Where it stands.
        place: String,
        /// Which name, and what was probably meant.
        unknown: UnknownName,
    },
    /// A value that cannot be kept.
    #[error("{place}: {detail}")]
    ValueInvalid {
        /// Where it stands.
        place: String,
        /// What is wrong.
        detail: String,
    },
    /// The model is not legal.
    #[error("the model has {} mistakes, the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    ModelInvalid(Vec<ModelFault>),
    /// There is no such model.
    #[error("there is no model `{0}`")]
    ModelUnknown(ModelId),
    /// A relationship that was to be new, or there on the same terms, is there on others.
    #[error("`{0}` is there already, on other terms; delete it first")]
    RelationshipDiffers(Box<Relationship>),
    /// A relationship that was to be deleted is not there.
    #[error("`{0}` is not there")]
    RelationshipMissing(Box<Relationship>),
    /// A principal that owns itself.
    #[error("`{0}` cannot own itself; leave the owner out when nobody answers for it")]
    PrincipalOwnsItself(ObjectRef),
    /// Not a registered principal.
    #[error("{place}: `{object}` is not a registered principal; register it first")]
    PrincipalUnknown {
        /// What it was needed for.
        place: String,
        /// Which one.
        object: ObjectRef,
    },
    /// A principal that may not act.
    #[error("{place}: `{object}` is {state} and can neither open tasks nor delegate")]
    PrincipalNotActive {
        /// What it was needed for.
        place: String,
        /// Which one.
        object: ObjectRef,
        /// How it is.
        state: PrincipalState,
    },
    /// A principal that may not act, because whoever answered for it is gone.
    #[error(
        "`{object}` can neither open tasks nor delegate, because its owner `{owner}` is off_boarded; give it a new owner"
    )]
    OwnerOffBoarded {
        /// Which one.
        object: ObjectRef,
        /// Its owner.
        owner: ObjectRef,
    },
    /// An off-boarded principal, written as anything else.
    #[error("`{0}` is off_boarded, and nothing undoes that; register whoever comes instead under an id of its own")]
    PrincipalOffBoarded(ObjectRef),
    /// A principal that may not act and would be removed: nobody registered it, nobody stopped it.
    #[error("`{object}` is {state} and stays registered: removed, it could act again{}", way_to_remove(*.state))]
    PrincipalNotRemovable {
        /// Which one.
        object: ObjectRef,
        /// How it is.
        state: PrincipalState,
    },
    /// A principal that may not act, because whoever answered for it is gone, and would be removed.
    #[error(
        "`{object}` is stopped, because its owner `{owner}` is off_boarded: removed, it could act again; \
         give it a new owner first"
    )]
    OrphanNotRemovable {
        /// Which one.
        object: ObjectRef,
        /// Its owner.
        owner: ObjectRef,
    },
    /// An owner that cannot answer for anybody.
    #[error("`{owner}` is off_boarded and cannot own `{object}`; name another owner")]
    OwnerUnfit {
        /// What it would own.
        object: ObjectRef,
        /// The owner.
        owner: ObjectRef,
    },
    /// A principal whose owner is gone, written as if nobody needed to answer for it.
    #[error(
        "`{object}` needs a new owner: its owner `{owner}` is off_boarded, and with none at all it could act again"
    )]
    OwnerMissing {
        /// Which one.
        object: ObjectRef,
        /// Its owner so far.
        owner: ObjectRef,
    },
    /// There is no such task.
    #[error("there is no task `{0}`")]
    TaskUnknown(TaskId),
    /// The id of the task is taken.
    #[error("there is a task `{0}` already; a task does not change once it is opened")]
    TaskExists(TaskId),
    /// The task is closed, or written as anything but open.
    #[error("task `{task}` is {state}, not open")]
    TaskNotOpen {
        /// Which one.
        task: TaskId,
        /// How it is.
        state: TaskState,
    },
    /// The task is over.
    #[error("task `{task}` expired at {expired_at}")]
    TaskExpired {
        /// Which one.
        task: TaskId,
        /// Since when.
        expired_at: Timestamp,
    },
    /// The task cannot be a part of the other.
    #[error("task `{id}`: {fault}")]
    TaskInvalid {
        /// Which one.
        id: TaskId,
        /// Why not.
        fault: Box<TaskFault>,
    },
    /// Something would be over before it begins.
    #[error("{place}: expires at {expires_at}, and it is {now} already")]
    ExpiryPassed {
        /// What.
        place: String,
        /// When it would be over.
        expires_at: Timestamp,
        /// What time it is.
        now: Timestamp,
    },
    /// There is no such delegation.
    #[error("there is no delegation `{0}`")]
    DelegationUnknown(DelegationId),
    /// The id of the delegation is taken.
    #[error("there is a delegation `{0}` already; a delegation does not change once it is made")]
    DelegationExists(DelegationId),
    /// The delegation would carry nothing from its first day.
    #[error("delegation `{id}`: {fault}")]
    DelegationInvalid {
        /// Which one.
        id: DelegationId,
        /// Why not.
        fault: Box<DelegationFault>,
    },
    /// The principal cannot be off-boarded like this.
    #[error(transparent)]
    OffBoardingInvalid(Box<OffBoardingFault>),
    /// There is no such endorsement.
    #[error("there is no endorsement `{0}`")]
    EndorsementUnknown(EndorsementId),
    /// The id of the endorsement is taken.
    #[error("there is an endorsement `{0}` already; an endorsement does not change once it is made")]
    EndorsementExists(EndorsementId),
    /// The cap would not carry what it says.
    #[error("{place}: {fault}")]
    CapInvalid {
        /// Where it stands.
        place: String,
        /// Why not.
        fault: Box<CapFault>,
    },
    /// The endorsement would count for nothing from its first day.
    #[error("endorsement `{id}`: {fault}")]
    EndorsementInvalid {
        /// Which one.
        id: EndorsementId,
        /// Why not.
        fault: Box<EndorsementFault>,
    },
    /// A request for access cannot be made, answered, taken back or reviewed so.
    #[error(transparent)]
    Access(Box<AccessFault>),
    /// An approval is not asked for, or not given.
    #[error(transparent)]
    Approval(Box<ApprovalFault>),
    /// Whoever writes may not.
    #[error(transparent)]
    Rights(Box<RightsFault>),
    /// A budget that bounds nothing as it is meant to.
    #[error("budget `{budget}` of task `{task}`: {fault}")]
    BudgetInvalid {
        /// Of which task.
        task: TaskId,
        /// Which one.
        budget: BudgetName,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// There is no open reservation of this name, for whoever would settle it.
    #[error(
        "there is no open reservation `{0}` of yours: it was committed or released before, its time or its task is over,          or it never was; to go on, ask for the decision again"
    )]
    ReservationNotOpen(DecisionId),
    /// Less of an argument that no reserved budget counts.
    #[error("the reservation holds nothing of an argument `{0}`; name one that a budget counts, or none to commit all")]
    ReservationLacks(String),
    /// More than is reserved.
    #[error(
        "the reservation holds {held} of `{argument}`, and {found} cannot be committed; ask for a decision on more"
    )]
    ReservationExceeded {
        /// Of which argument.
        argument: String,
        /// How much is held.
        held: Amount,
        /// How much was to be committed.
        found: Amount,
    },
    /// Declared differently from what is there, and it does not change.
    #[error(
        "{section} `{name}` is there already with {detail}; it does not change once it is written: \
         end it and declare one with a new id"
    )]
    DeclaredDiffers {
        /// `task` or `delegation`.
        section: &'static str,
        /// Which one.
        name: String,
        /// What differs.
        detail: String,
    },
    /// Declared twice.
    #[error("{section} `{name}` is declared twice")]
    DeclaredTwice {
        /// The section it stands in.
        section: &'static str,
        /// Which one.
        name: String,
    },
    /// There is no such key.
    #[error("there is no key `{0}`")]
    KeyUnknown(KeyId),
    /// The preset key, or the name of a key, is not legal. The message does not repeat it.
    #[error("{0}")]
    KeyInvalid(String),
    /// Without this key nobody could administer the authority.
    #[error("`{0}` is the last admin key for all tenants; make another one first")]
    KeyLastAdmin(KeyId),
    /// Too many writes are waiting.
    #[error("too many writes are waiting; nothing was written, try again later")]
    Busy,
    /// The batch this write was in could not be made durable. It may be there after the next start; nobody saw it.
    #[error("the write could not be made durable, and no more are accepted until the next start: {0}")]
    StoreFailed(String),
    /// An earlier write failed; the state on disk must be recovered first.
    #[error("writes stopped after a failure, until the next start: {0}")]
    WritesStopped(String),
    /// The authority is closed.
    #[error("the authority is closed")]
    Closed,
    /// Something that cannot be: a bug.
    #[error("nothing was written, because of a bug: {0}")]
    Internal(String),
}

/// A relationship that does not fit a schema.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{relationship}` does not fit the schema: {fault}")]
pub struct Unfit {
    /// Which one.
    pub relationship: Relationship,
    /// What it holds on, or was to hold on.
    pub terms: Terms,
    /// Why it does not fit.
    pub fault: RelationshipFault,
}

impl WriteError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TenantUnknown(_) => "tenant_unknown",
            Self::TenantExists(_) => "tenant_exists",
            Self::TenantReserved(_) => "tenant_reserved",
            Self::TenantNameInvalid => "tenant_name_invalid",
            Self::NoChanges => "no_changes",
            Self::ChangeReserved => "change_reserved",
            Self::ChangesContradict(_) => "changes_contradict",
            Self::RelationshipRepeated(_) => "relationship_repeated",
            Self::PreconditionFailed(_) => "precondition_failed",
            Self::FilterEmpty(_) => "filter_empty",
            Self::TooManyRelationships { .. } => "too_many_relationships",
            Self::LimitExceeded { .. } => "limit_exceeded",
            Self::MemoryFull(_) => "memory_full",
            Self::ProvenanceInvalid(_) => "provenance_invalid",
            Self::RequestIdReused { .. } => "request_id_reused",
            Self::SchemaInvalid(_) => "schema_invalid",
            Self::SchemaMissing => "schema_missing",
            Self::SchemaStrands { .. } => "schema_strands_relationships",
            Self::SchemaStrandsPrincipals { .. } => "schema_strands_principals",
            Self::RelationshipInvalid(_) => "relationship_invalid",
            Self::NameUnknown { unknown, .. } => unknown.code(),
            Self::ValueInvalid { .. } => "value_invalid",
            Self::ModelInvalid(_) => "model_invalid",
            Self::ModelUnknown(_) => "model_unknown",
            Self::RelationshipExists(_) => "relationship_exists",
            Self::RelationshipDiffers(_) => "relationship_differs",
            Self::RelationshipMissing(_) => "relationship_missing",
            Self::PrincipalOwnsItself(_) => "principal_owns_itself",
            Self::PrincipalUnknown { .. } => "principal_unknown",
            Self::PrincipalNotActive { .. } | Self::PrincipalNotRemovable { .. } => "principal_not_active",
            Self::PrincipalOffBoarded(_) => "principal_off_boarded",
            Self::OwnerOffBoarded { .. }
            | Self::OrphanNotRemovable { .. }
            | Self::OwnerUnfit { .. }
            | Self::OwnerMissing { .. } => "owner_off_boarded",
            Self::TaskUnknown(_) => "task_unknown",
            Self::TaskExists(_) => "task_exists",
            Self::TaskNotOpen { .. } => "task_not_open",
            Self::TaskExpired { .. } => "task_expired",
            Self::TaskInvalid { fault, .. } => fault.code(),
            Self::ExpiryPassed { .. } => "expiry_passed",
            Self::DelegationUnknown(_) => "delegation_unknown",
            Self::DelegationExists(_) => "delegation_exists",
            Self::DelegationInvalid { fault, .. } => fault.code(),
            Self::OffBoardingInvalid(fault) => fault.code(),
            Self::EndorsementUnknown(_) => "endorsement_unknown",
            Self::EndorsementExists(_) => "endorsement_exists",
            Self::EndorsementInvalid { fault, .. } => fault.code(),
            Self::CapInvalid { fault, .. } => fault.code(),
            Self::Access(fault) => fault.code(),
            Self::Approval(fault) => fault.code(),
            Self::Rights(fault) => fault.code(),
            Self::BudgetInvalid { .. } => "budget_invalid",
            Self::ReservationNotOpen(_) => "reservation_not_open",
            Self::ReservationLacks(_) => "reservation_lacks_argument",
            Self::ReservationExceeded { .. } => "reservation_exceeded",
            Self::DeclaredDiffers { .. } => "declared_differs",
            Self::DeclaredTwice { .. } => "declared_twice",
            Self::KeyUnknown(_) => "key_unknown",
            Self::KeyInvalid(_) => "key_invalid",
            Self::KeyLastAdmin(_) => "key_last_admin",
            Self::Busy => "busy",
            Self::StoreFailed(_) => "store_failed",
            Self::WritesStopped(_) => "writes_stopped",
            Self::Closed => "closed",
            Self::Internal(_) => "internal",
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::LimitExceeded { .. } | Self::MemoryFull(_) | Self::TooManyRelationships { .. } | Self::Busy => {
                Fault::Limit
            }
            Self::OffBoardingInvalid(fault) => fault.fault(),
            Self::StoreFailed(_) | Self::WritesStopped(_) | Self::Closed | Self::Internal(_) => Fault::Server,
            Self::Access(fault) => fault.fault(),
            Self::Approval(fault) => fault.fault(),
            Self::Rights(fault) => fault.fault(),
            _ => Fault::Caller,
        }
    }
}

fn way_to_remove(state: PrincipalState) -> &'static str {
    match state {
        PrincipalState::Active | PrincipalState::Suspended => "; resume it first if that is meant",
        PrincipalState::OffBoarded => "",
    }
}

fn first_message(diagnostics: &[Diagnostic]) -> String {
    diagnostics.first().map(ToString::to_string).unwrap_or_default()
}

fn listed(unfit: &[Unfit]) -> String {
    let parts: Vec<String> = unfit.iter().map(|unfit| format!("`{}` ({})", unfit.relationship, unfit.fault)).collect();
    parts.join(", ")
}

/// A filter in words, for an error.
fn described(filter: &RelationshipFilter) -> String {
    let RelationshipFilter { resource_type, resource_id, resource_id_prefix, relation, .. } = filter;
    let RelationshipFilter { subject_type, subject_id, subject_relation, caveat, expires, .. } = filter;
    let parts = [
        ("resource type", resource_type.as_ref().map(ToString::to_string)),
        ("resource id", resource_id.as_ref().map(ToString::to_string)),
        ("resource ids from", resource_id_prefix.clone()),
        ("relation", relation.as_ref().map(ToString::to_string)),
        ("subject type", subject_type.as_ref().map(ToString::to_string)),
        (
            "subject id",
            subject_id.as_ref().map(|id| match id {
                SubjectIdFilter::Object(id) => id.to_string(),
                SubjectIdFilter::Wildcard => "*".to_owned(),
            }),
        ),
        (
            "subject relation",
            subject_relation.as_ref().map(|relation| match relation {
                SubjectRelationFilter::Named(relation) => relation.to_string(),
                SubjectRelationFilter::Absent => "...".to_owned(),
            }),
        ),
        ("caveat", caveat.as_ref().map(ToString::to_string)),
        ("expiry", expires.map(|expires| if expires { "some" } else { "none" }.to_owned())),
    ];
    let named: Vec<String> =
        parts.into_iter().filter_map(|(what, name)| name.map(|name| format!("{what} `{name}`"))).collect();
    named.join(", ")
}
