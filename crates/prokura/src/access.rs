//! Requests for access, as they are made, answered and listed. See `docs/decisions/0046-just-in-time.md`.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prokura_engine::{AccessAsked, AccessFound, Decision, Limits, Question, View};
use prokura_model::{
    Change, DelegationId, ObjectRef, Reason, RelationName, Request, RequestId, RequestState, TaskId, Timestamp,
};

/// Somebody asks for access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRequest {
    /// Who asks: the actor that is to act.
    pub requester: ObjectRef,
    /// The task it is for. With a delegation, that one's; otherwise one whose origin asks, or none.
    pub task: Option<TaskId>,
    /// The delegation that the requester acts under.
    pub delegation: Option<DelegationId>,
    /// What it wants to do.
    pub permission: RelationName,
    /// To what: at least one, all of one type.
    pub resources: BTreeSet<ObjectRef>,
    /// Why, in words. Never empty.
    pub reason: String,
    /// The ticket it belongs to.
    pub ticket: Option<String>,
    /// For how long, in milliseconds; the longest that can be granted if it is not said.
    pub for_ms: Option<u64>,
    /// Whether the glass is broken: granted at once where the schema says so, and reviewed afterwards.
    pub break_glass: bool,
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessReply {
    /// Yes, to all of it or to less.
    Approve {
        /// To these of the resources; all if it is not said.
        resources: Option<BTreeSet<ObjectRef>>,
        /// For so long, in milliseconds from now; as long as was asked for if it is not said.
        for_ms: Option<u64>,
    },
    /// No.
    Refuse,
}

/// A step in the life of a request.
#[derive(Debug)]
pub(crate) enum AccessStep {
    Ask { id: RequestId, asked: AccessRequest },
    Answer { id: RequestId, by: ObjectRef, reply: AccessReply, words: String },
    Cancel { id: RequestId, by: Option<ObjectRef>, words: String },
    Review { id: RequestId, by: ObjectRef, words: String },
}

impl AccessStep {
    pub(crate) fn id(&self) -> &RequestId {
        match self {
            Self::Ask { id, .. } | Self::Answer { id, .. } | Self::Cancel { id, .. } | Self::Review { id, .. } => id,
        }
    }
}

/// Which requests are meant. An absent member matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// Of this state by now.
    pub state: Option<RequestState>,
    /// By this requester.
    pub requester: Option<ObjectRef>,
    /// Under this task.
    pub task: Option<TaskId>,
    /// Waiting for an answer or a review that this one may give.
    pub answerable_by: Option<ObjectRef>,
    /// Made by this one or for it, or one that it may answer or answered.
    pub seen_by: Option<ObjectRef>,
}

impl RequestFilter {
    /// But for who may answer, which the graph says.
    pub(crate) fn matches(&self, request: &Request, now: Timestamp) -> bool {
        self.state.is_none_or(|state| state == request.state_at(now))
            && self.requester.as_ref().is_none_or(|requester| *requester == request.requester)
            && self.task.as_ref().is_none_or(|task| request.task.as_ref() == Some(task))
    }
}

/// How what was denied can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessHint {
    /// By which access item; none where only breaking the glass is left.
    pub item: Option<String>,
    /// Whether a person is asked; otherwise it is granted at once.
    pub asks: bool,
    /// For how long at most, in milliseconds.
    pub at_most_ms: u64,
    /// Whether a ticket is demanded.
    pub ticket_required: bool,
    /// The access item by which the glass can be broken, if it can.
    pub break_glass: Option<String>,
}

impl AccessHint {
    /// What the schema says about asking for what was denied, if anything. Where that depends on a ticket, it says that one is
    /// demanded.
    pub(crate) fn of(
        view: &View<'_>,
        question: &Question,
        decision: &Decision,
        (now, limits): (Timestamp, &Limits),
    ) -> Option<Self> {
        if !may_be_granted(decision.reason) {
            return None;
        }
        let Question { actor: requester, permission, resource, .. } = question;
        let item = |break_glass| {
            let task = decision.task.as_ref();
            let asked = AccessAsked { requester, task, permission, resource, break_glass, ticket: None };
            match view.access_to(asked, now, limits).ok()? {
                AccessFound::Item(item) | AccessFound::TicketMissing(item) => Some(*item),
                AccessFound::Nothing | AccessFound::TicketUnknown(..) | AccessFound::Unclear(..) => None,
            }
        };
        let (item, glass) = (item(false).filter(|item| item.at_most_ms > 0), item(true));
        let told = item.as_ref().or(glass.as_ref())?;
        Some(Self {
            asks: item.as_ref().is_some_and(|item| item.asks(&resource.kind).is_some()),
            at_most_ms: told.at_most_ms,
            ticket_required: told.ticket_required,
            item: item.as_ref().map(|item| item.name.clone()),
            break_glass: glass.map(|glass| glass.name),
        })
    }
}

/// Whether a right that is granted could turn this deny around; otherwise somebody is stopped, or a chain is broken or over.
pub(crate) fn may_be_granted(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NoPath | Reason::OutsideCap | Reason::OriginLacksPermission | Reason::WorkerLacksPermission
    )
}

/// The requests that something can still become of: an answer, an end, a review.
#[derive(Debug, Default)]
pub(crate) struct OpenRequests(OpenIds<RequestId>);

impl OpenRequests {
    /// The changes are applied.
    pub(crate) fn note(&self, changes: &[Change]) {
        self.0.note(changes.iter().filter_map(|change| match change {
            Change::RequestSet(request) => Some(request.id.clone()),
            _ => None,
        }));
    }

    /// All that are open, by id.
    pub(crate) fn all(&self, view: &View<'_>, now: Timestamp) -> Vec<Arc<Request>> {
        let every = || view.requests().iter().map(|request| request.id.clone()).collect();
        self.0.all(every, |id| view.request(id).filter(|request| request.is_open(now)))
    }
}

/// Names of what is open. Found when they are needed first, and kept up from then on.
#[derive(Debug)]
pub(crate) struct OpenIds<K>(Mutex<Option<BTreeSet<K>>>);

impl<K> Default for OpenIds<K> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<K: Ord> OpenIds<K> {
    /// These may be open from now on.
    pub(crate) fn note(&self, ids: impl Iterator<Item = K>) {
        let mut ids = ids.peekable();
        if ids.peek().is_some()
            && let Some(open) = &mut *self.lock()
        {
            open.extend(ids);
        }
    }

    /// All that are open, by id: of every one there is, or of those that were open last.
    pub(crate) fn all<T>(&self, every: impl FnOnce() -> BTreeSet<K>, find: impl Fn(&K) -> Option<T>) -> Vec<T> {
        let mut open = self.lock();
        let mut found = Vec::new();
        open.get_or_insert_with(every).retain(|id| {
            let open = find(id);
            let is_open = open.is_some();
            found.extend(open);
            is_open
        });
        found
    }

    /// Never half changed, so a poisoned one is sound.
    fn lock(&self) -> MutexGuard<'_, Option<BTreeSet<K>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
