//! Requests for access: each step is decided on the newest state, and is one transaction.
//! See `docs/decisions/0046-just-in-time.md`.

mod approver;
mod ask;
mod grant;

use std::{collections::BTreeSet, iter, sync::Arc};

use prokura_engine::{EngineError, Limits, View, limits::TASK_LINE_MAX};
use prokura_model::{
    Action, Change, DelegationId, ObjectRef, Request, RequestAnswer, RequestId, RequestState, TaskId, Timestamp,
};

use super::{
    approval,
    stage::{Staged, done_before, into_index, reused},
    validate::{validate, within},
};
use crate::{
    AccessFault, AccessReply, Provenance, WriteError,
    access::AccessStep,
    limits::TRANSACTION_CHANGES_MAX,
    shared::Shared,
    tenant::{Tenant, WorkDigest},
};

pub(super) use approver::Parties;
pub(crate) use approver::may_answer;

/// What the steps are decided on.
struct Steps<'s> {
    shared: &'s Shared,
    tenant: &'s Tenant,
    view: View<'s>,
    limits: &'s Limits,
    now: Timestamp,
}

/// What a step writes: the request as it is from now on, and what that means for the graph.
struct Step {
    request: Request,
    edges: Vec<Change>,
    reason: String,
}

pub(super) fn stage_access(
    shared: &Shared,
    tenant: Arc<Tenant>,
    mut provenance: Provenance,
    step: AccessStep,
) -> Result<Staged, WriteError> {
    let digest = provenance.request_id.is_some().then(|| WorkDigest::of_request(&step));
    if let Some(done) = done_before(&tenant, &provenance) {
        let Some(request) = tenant.index.view_applied().request(step.id()).filter(|_| digest == Some(done.work)) else {
            return Err(reused(&provenance, done));
        };
        let mut staged = Staged::answered(done.receipt);
        staged.written.request = Some(request);
        return Ok(staged);
    }
    let now = shared.now.read();
    let steps = Steps { shared, tenant: &tenant, view: tenant.index.view_applied(), limits: &shared.limits, now };
    let Step { request, mut edges, reason } = match step {
        AccessStep::Ask { id, asked } => steps.ask(id, asked)?,
        AccessStep::Answer { id, by, reply, words } => steps.answer(&id, by, reply, words)?,
        AccessStep::Cancel { id, by, words } => steps.cancel(&id, by, words)?,
        AccessStep::Review { id, by, words } => steps.review(&id, by, words)?,
    };
    provenance.reason = reason;
    edges.insert(0, Change::RequestSet(Box::new(request.clone())));
    edges.extend(digest.map(WorkDigest::into_change));
    validate(tenant.index.view_applied(), now, shared.limits.chain_links, &mut edges)?;
    let mut staged = into_index(shared, tenant, provenance, now, edges, digest)?;
    staged.written.request = Some(Arc::new(request));
    Ok(staged)
}

/// What ends with the tasks and delegations that the changes end: the requests that wait under them or under parts of them,
/// and what was granted there.
pub(super) fn end_with(
    shared: &Shared,
    tenant: &Tenant,
    now: Timestamp,
    changes: &mut Vec<Change>,
    digest: Option<WorkDigest>,
) -> Result<(), WriteError> {
    let ending = Ends::of(changes);
    if ending.is_nothing() {
        return Ok(());
    }
    let view = tenant.index.view_applied();
    let mut endings = Vec::new();
    for request in tenant.open_requests.all(&view, now) {
        if !ending.ends_request(&view, &request, now, shared.limits.chain_links) {
            continue;
        }
        let mut request = Request::clone(&request);
        if request.state_at(now) == RequestState::Pending {
            request.state = RequestState::Cancelled;
            let words = "its task or its delegation ended".to_owned();
            request.answer = Some(RequestAnswer { by: None, at: now, words });
        } else {
            endings.extend(grant::ended(&view, &mut request, now));
        }
        endings.push(Change::RequestSet(Box::new(request)));
    }
    endings.extend(approval::cancelled(tenant, now, &ending));
    if endings.is_empty() {
        return Ok(());
    }
    // What the transaction itself writes about an edge stands.
    let written = |ending: &Change| match ending {
        Change::RelationshipDeleted(gone) => changes.iter().any(|change| match change {
            Change::RelationshipTouched(written, _) | Change::RelationshipDeleted(written) => written == gone,
            _ => false,
        }),
        _ => false,
    };
    endings.retain(|ending| !written(ending));
    changes.extend(endings);
    // The changes do not tell any more what was asked for.
    changes.extend(digest.map(WorkDigest::into_change));
    within("changes in a transaction", TRANSACTION_CHANGES_MAX, changes.len())
}

/// The tasks and delegations that changes end.
#[derive(Default)]
pub(crate) struct Ends {
    tasks: BTreeSet<TaskId>,
    delegations: BTreeSet<DelegationId>,
}

impl Ends {
    pub(crate) fn of(changes: &[Change]) -> Self {
        let mut ending = Self::default();
        for change in changes {
            match change {
                Change::TaskClosed(task, _) => drop(ending.tasks.insert(task.clone())),
                Change::DelegationRevoked(id) => drop(ending.delegations.insert(id.clone())),
                _ => {}
            }
        }
        ending
    }

    fn is_nothing(&self) -> bool {
        self.tasks.is_empty() && self.delegations.is_empty()
    }

    /// Whether a request waits, or was granted something, under one of them or under a part of one.
    pub(crate) fn ends_request(&self, view: &View<'_>, request: &Request, now: Timestamp, chain_links: usize) -> bool {
        let lasts = request.state_at(now) == RequestState::Pending || request.live_grant(now).is_some();
        let granted = request.grant.as_ref().and_then(|grant| grant.delegation.as_ref());
        lasts
            && (self.ends_task(view, request.task.as_ref())
                || granted.is_some_and(|granted| self.delegations.contains(granted))
                || approver::links(view, request.delegation.as_ref(), chain_links)
                    .iter()
                    .any(|link| self.delegations.contains(&link.id)))
    }

    /// Whether an action that is to be approved is under one of them or under a part of one.
    pub(crate) fn ends_action(&self, view: &View<'_>, action: &Action) -> bool {
        self.ends_task(view, action.task.as_ref())
            || action.chain.iter().any(|link| self.delegations.contains(&link.delegation))
    }

    fn ends_task(&self, view: &View<'_>, task: Option<&TaskId>) -> bool {
        let above = |task: &TaskId| view.task(task).and_then(|task| task.parent.clone());
        iter::successors(task.cloned(), above).take(TASK_LINE_MAX).any(|task| self.tasks.contains(&task))
    }
}

impl Steps<'_> {
    fn answer(&self, id: &RequestId, by: ObjectRef, reply: AccessReply, words: String) -> Result<Step, WriteError> {
        let request = self.pending(id)?;
        let refuses = reply == AccessReply::Refuse;
        let (resources, for_ms) = match reply {
            AccessReply::Approve { resources, for_ms } => (resources, for_ms),
            AccessReply::Refuse => (None, None),
        };
        let resources = resources.unwrap_or_else(|| request.resources.clone());
        if let Some(other) = resources.iter().find(|resource| !request.resources.contains(*resource)) {
            return fault(AccessFault::NotAsked(other.clone()));
        }
        let item = may_answer(&self.view, self.now, self.limits, &request, &by, &resources)?;
        let (refused, approved) = (format!("request {id} is refused by {by}"), format!("approved by {by}"));
        let answer = RequestAnswer { by: Some(by), at: self.now, words };
        let mut request = Request { answer: Some(answer), ..request };
        if refuses {
            request.state = RequestState::Refused;
            return Ok(Step { reason: refused, request, edges: Vec::new() });
        }
        let most_ms = request.for_ms.min(item.at_most_ms);
        let wanted_ms = for_ms.unwrap_or(most_ms);
        if !(1..=request.for_ms).contains(&wanted_ms) {
            return fault(AccessFault::LengthInvalid { item: item.name, wanted_ms, most_ms });
        }
        self.still_applies(&item, &request, &resources)?;
        let edges = self.grant(&item, &mut request, resources, wanted_ms.min(most_ms))?;
        let reason = granted_because(&request, &approved);
        Ok(Step { request, edges, reason })
    }

    fn cancel(&self, id: &RequestId, by: Option<ObjectRef>, words: String) -> Result<Step, WriteError> {
        let mut request = self.request(id)?;
        if let Some(by) = &by {
            self.may_cancel(&request, by)?;
        }
        let who = by.as_ref().map_or_else(|| "an operator".to_owned(), ToString::to_string);
        let reason = format!("request {id} is taken back by {who}");
        if request.state_at(self.now) == RequestState::Pending {
            request.state = RequestState::Cancelled;
            request.answer = Some(RequestAnswer { by, at: self.now, words });
            return Ok(Step { request, edges: Vec::new(), reason });
        }
        if request.live_grant(self.now).is_none() {
            return fault(AccessFault::NotPending { id: id.clone(), state: request.state_at(self.now) });
        }
        let edges = grant::ended(&self.view, &mut request, self.now);
        Ok(Step { request, edges, reason })
    }

    fn may_cancel(&self, request: &Request, by: &ObjectRef) -> Result<(), WriteError> {
        let origin = request.task.as_ref().and_then(|task| self.view.task(task)).map(|task| task.origin.clone());
        let owner = self.view.principal(&request.requester).and_then(|principal| principal.owner.clone());
        if *by == request.requester || Some(by) == origin.as_ref() || Some(by) == owner.as_ref() {
            return Ok(());
        }
        match may_answer(&self.view, self.now, self.limits, request, by, &request.resources) {
            Ok(_) => Ok(()),
            Err(AccessFault::Undecided(error)) => fault(AccessFault::Undecided(error)),
            Err(_) => fault(AccessFault::MayNotCancel { by: by.clone(), id: request.id.clone() }),
        }
    }

    fn review(&self, id: &RequestId, by: ObjectRef, words: String) -> Result<Step, WriteError> {
        let request = self.request(id)?;
        if !request.awaits_review() {
            return fault(AccessFault::NothingToReview(id.clone()));
        }
        said("a review closes with what was found", &words)?;
        may_answer(&self.view, self.now, self.limits, &request, &by, &request.resources)?;
        let reason = format!("request {id} is reviewed by {by}");
        let request = Request { review: Some(RequestAnswer { by: Some(by), at: self.now, words }), ..request };
        Ok(Step { request, edges: Vec::new(), reason })
    }

    fn request(&self, id: &RequestId) -> Result<Request, WriteError> {
        match self.view.request(id) {
            Some(request) => Ok(Request::clone(&request)),
            None => fault(AccessFault::Unknown(id.clone())),
        }
    }

    fn pending(&self, id: &RequestId) -> Result<Request, WriteError> {
        let request = self.request(id)?;
        match request.state_at(self.now) {
            RequestState::Pending => Ok(request),
            state => fault(AccessFault::NotPending { id: id.clone(), state }),
        }
    }
}

/// The provenance of what a request is granted.
fn granted_because(request: &Request, how: &str) -> String {
    let ticket = request.ticket.as_ref().map(|ticket| format!(", ticket {ticket}")).unwrap_or_default();
    format!("request {} is {how}{ticket}", request.id)
}

fn said(what: &'static str, words: &str) -> Result<(), WriteError> {
    if words.trim().is_empty() { fault(AccessFault::WordsMissing(what)) } else { Ok(()) }
}

fn fault<T>(fault: AccessFault) -> Result<T, WriteError> {
    Err(fault.into())
}

impl From<AccessFault> for WriteError {
    fn from(fault: AccessFault) -> Self {
        Self::Access(Box::new(fault))
    }
}

impl From<EngineError> for AccessFault {
    fn from(error: EngineError) -> Self {
        Self::Undecided(Box::new(error))
    }
}
