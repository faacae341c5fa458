//! Approvals: each step is decided on the newest state, and is one transaction. See `docs/decisions/0048-approvals.md`.

use std::sync::Arc;

use prokura_engine::{Context, HeldFor, Limits, Question, View};
use prokura_model::{
    Action, Approval, ApprovalId, ApprovalState, Approver, Change, Delegation, Disposition, ObjectRef, RelationName,
    RequestAnswer, Task, Timestamp, limits::SENTENCE_BYTES_MAX, schema::Clause,
};

use super::{
    Written,
    access::{Ends, Parties},
    stage::{Staged, done_before, into_index, reused},
    validate::{validate, within},
};
use crate::{
    ApprovalFault, Provenance, WriteError,
    approval::ApprovalStep,
    consume::by_anyone,
    decide::recorded_bytes,
    limits::{
        APPROVAL_ACTION_BYTES_MAX, APPROVAL_ANSWER_MS, APPROVAL_GOOD_MS, APPROVALS_PENDING_MAX,
        APPROVALS_PENDING_PER_TASK_MAX,
    },
    shared::Shared,
    tenant::{Tenant, WorkDigest},
};

/// What the steps are decided on.
struct Steps<'s> {
    tenant: &'s Tenant,
    view: View<'s>,
    limits: &'s Limits,
    now: Timestamp,
}

/// What comes of a step.
enum Step {
    /// It stands as it is.
    Unchanged(Arc<Approval>),
    /// It is this from now on.
    Set { approval: Box<Approval>, reason: String },
}

pub(super) fn stage_approval(
    shared: &Shared,
    tenant: Arc<Tenant>,
    mut provenance: Provenance,
    step: ApprovalStep,
) -> Result<Staged, WriteError> {
    let digest = provenance.request_id.is_some().then(|| step.digest());
    let now = shared.now.read();
    let steps = Steps { tenant: &tenant, view: tenant.index.view_applied(), limits: &shared.limits, now };
    if let Some(done) = done_before(&tenant, &provenance) {
        let stands = steps.stands(&step).filter(|_| digest == Some(done.work));
        let Some(approval) = stands else { return Err(reused(&provenance, done)) };
        return Ok(unchanged(approval));
    }
    let step = match step {
        ApprovalStep::Ask { question, reason } => steps.ask(&question, reason)?,
        ApprovalStep::Answer { id, by, yes, words } => steps.answer(&id, by, yes, words)?,
        ApprovalStep::Cancel { id, by, words } => steps.cancel(&id, by, words)?,
    };
    let (approval, reason) = match step {
        Step::Unchanged(approval) => return Ok(unchanged(approval)),
        Step::Set { approval, reason } => (*approval, reason),
    };
    provenance.reason = reason;
    let mut changes = vec![Change::ApprovalSet(Box::new(approval.clone()))];
    changes.extend(digest.map(WorkDigest::into_change));
    validate(tenant.index.view_applied(), now, shared.limits.chain_links, &mut changes)?;
    let mut staged = into_index(shared, tenant, provenance, now, changes, digest)?;
    staged.written.approval = Some(Arc::new(approval));
    Ok(staged)
}

fn unchanged(approval: Arc<Approval>) -> Staged {
    Staged { written: Written { approval: Some(approval), ..Written::default() }, ..Staged::default() }
}

/// What is taken back because the task of it, one above that, or a link of its chain ends.
pub(super) fn cancelled(tenant: &Tenant, now: Timestamp, ending: &Ends) -> Vec<Change> {
    let view = tenant.index.view_applied();
    // What is used up for good is not taken back.
    let used_up = |approval: &Approval| approval.used.as_ref().is_some_and(|used| used.until.is_none());
    let open = tenant.open_approvals.all(&view, now).into_iter();
    let ended =
        open.filter(|approval| !used_up(approval) && ending.ends_action(&view, &approval.action)).map(|approval| {
            let approval = Approval { state: ApprovalState::Cancelled, ..Approval::clone(&approval) };
            Change::ApprovalSet(Box::new(approval))
        });
    ended.collect()
}

impl ApprovalStep {
    fn digest(&self) -> WorkDigest {
        match self {
            Self::Ask { question, reason } => WorkDigest::of_request(&("ask", by_anyone(question), reason)),
            Self::Answer { .. } | Self::Cancel { .. } => WorkDigest::of_request(self),
        }
    }
}

impl Steps<'_> {
    /// The approval that a step was about that was taken before.
    fn stands(&self, step: &ApprovalStep) -> Option<Arc<Approval>> {
        match step {
            ApprovalStep::Answer { id, .. } | ApprovalStep::Cancel { id, .. } => self.view.approval(id),
            ApprovalStep::Ask { question, .. } => {
                let of_it = |approval: &&Arc<Approval>| {
                    let Action { actor, permission, resource, arguments, tool_schema, .. } = &approval.action;
                    (actor, permission, resource) == (&question.actor, &question.permission, &question.resource)
                        && *arguments == question.arguments
                        && *tool_schema == question.tool_schema
                        && approval.action.chain.last().map(|link| &link.delegation) == question.delegation.as_ref()
                };
                let approvals = self.view.approvals();
                approvals.iter().filter(of_it).max_by_key(|approval| approval.asked_at).cloned()
            }
        }
    }

    fn ask(&self, question: &Question, reason: String) -> Result<Step, WriteError> {
        if reason.trim().is_empty() {
            return fault(ApprovalFault::ReasonMissing);
        }
        within("bytes in a reason", SENTENCE_BYTES_MAX, reason.len())?;
        let Question { arguments, tool_schema, .. } = question;
        let brought = arguments.iter().map(|(name, value)| name.len() + 1 + recorded_bytes(value)).sum::<usize>();
        let told = tool_schema.as_ref().map_or(0, String::len);
        within("bytes in an action to approve", APPROVAL_ACTION_BYTES_MAX, brought + told)?;
        let mut decision = self.view.decide(question, self.now, self.limits).map_err(ApprovalFault::from)?;
        let Some(HeldFor { demand, action, .. }) = decision.held.take().map(|held| *held) else {
            let (disposition, reason) = (decision.disposition().word(), decision.reason.word());
            return fault(ApprovalFault::NotHeld { disposition, reason, message: decision.message });
        };
        let id = action.id();
        let before = self.view.approval(&id);
        if let Some(pending) = before.filter(|before| before.state_at(self.now) == ApprovalState::Pending) {
            return Ok(Step::Unchanged(pending));
        }
        let (from, within_ms, once) = match demand {
            Clause::Approval { from: (_, permission), within_ms, once } => {
                (Approver::Holder(permission), within_ms, once)
            }
            Clause::Confirmation { within_ms } => (Approver::Origin, within_ms, true),
            Clause::Forbid | Clause::Require(_) | Clause::RecordBeforeAnswer => {
                return Err(WriteError::Internal("held for what nobody can give".to_owned()));
            }
        };
        let lasts = self.now.plus_ms(APPROVAL_ANSWER_MS);
        let approval = Approval {
            id: id.clone(),
            answer_by: self.task(&action).map_or(lasts, |task| lasts.min(task.expires_at)),
            action: *action,
            from,
            good_ms: within_ms.unwrap_or(APPROVAL_GOOD_MS),
            once,
            reason,
            asked_at: self.now,
            state: ApprovalState::Pending,
            answer: None,
            good_until: None,
            used: None,
        };
        self.room_for(&approval)?;
        Ok(Step::Set { reason: format!("approval {id} is asked for"), approval: Box::new(approval) })
    }

    /// A person has to read each.
    fn room_for(&self, approval: &Approval) -> Result<(), WriteError> {
        let Action { task, actor, .. } = &approval.action;
        let open = self.tenant.open_approvals.all(&self.view, self.now);
        let pending = open.iter().filter(|open| open.state_at(self.now) == ApprovalState::Pending);
        let (mut all, mut beside) = (0, 0);
        for other in pending {
            all += 1;
            let same = match task {
                Some(_) => other.action.task == *task,
                None => other.action.task.is_none() && other.action.actor == *actor,
            };
            beside += usize::from(same);
        }
        let (of, found, max) = match task {
            _ if all >= APPROVALS_PENDING_MAX => ("in this tenant".to_owned(), all, APPROVALS_PENDING_MAX),
            Some(task) => (format!("under task `{task}`"), beside, APPROVALS_PENDING_PER_TASK_MAX),
            None => (format!("of `{actor}`"), beside, APPROVALS_PENDING_PER_TASK_MAX),
        };
        if found >= max { fault(ApprovalFault::TooManyPending { of, found, max }) } else { Ok(()) }
    }

    fn answer(&self, id: &ApprovalId, by: ObjectRef, yes: bool, words: String) -> Result<Step, WriteError> {
        let approval = self.approval(id)?;
        let state = approval.state_at(self.now);
        if state != ApprovalState::Pending {
            return fault(ApprovalFault::NotPending { id: id.clone(), state });
        }
        may_approve(&self.view, self.now, self.limits, &approval, &by)?;
        let reason = format!("approval {id} is {} by {by}", if yes { "given" } else { "refused" });
        let answer = RequestAnswer { by: Some(by), at: self.now, words };
        let state = if yes { ApprovalState::Given } else { ApprovalState::Refused };
        let lasts = self.now.plus_ms(approval.good_ms);
        let good_until = self.task(&approval.action).map_or(lasts, |task| lasts.min(task.expires_at));
        let good_until = yes.then_some(good_until);
        let approval = Approval { state, good_until, answer: Some(answer), ..Approval::clone(&approval) };
        Ok(Step::Set { approval: Box::new(approval), reason })
    }

    fn cancel(&self, id: &ApprovalId, by: Option<ObjectRef>, words: String) -> Result<Step, WriteError> {
        let approval = self.approval(id)?;
        if let Some(by) = &by {
            self.may_cancel(&approval, by)?;
        }
        let state = approval.state_at(self.now);
        if !matches!(state, ApprovalState::Pending | ApprovalState::Given) {
            return fault(ApprovalFault::NotPending { id: id.clone(), state });
        }
        let who = by.as_ref().map_or_else(|| "an operator".to_owned(), ToString::to_string);
        let answer = RequestAnswer { by, at: self.now, words };
        let answer = if approval.answer.is_some() { approval.answer.clone() } else { Some(answer) };
        let approval = Approval { state: ApprovalState::Cancelled, answer, ..Approval::clone(&approval) };
        Ok(Step::Set { approval: Box::new(approval), reason: format!("approval {id} is taken back by {who}") })
    }

    fn may_cancel(&self, approval: &Approval, by: &ObjectRef) -> Result<(), WriteError> {
        let action = &approval.action;
        let gave = approval.answer.as_ref().and_then(|answer| answer.by.as_ref());
        let origin = self.task(action).map(|task| task.origin.clone());
        let owner = self.view.principal(&action.actor).and_then(|principal| principal.owner.clone());
        if *by == action.actor || [gave, origin.as_ref(), owner.as_ref()].contains(&Some(by)) {
            return Ok(());
        }
        match may_approve(&self.view, self.now, self.limits, approval, by) {
            Ok(()) => Ok(()),
            Err(ApprovalFault::Undecided(error)) => fault(ApprovalFault::Undecided(error)),
            Err(_) => fault(ApprovalFault::MayNotCancel { by: by.clone(), id: approval.id.clone() }),
        }
    }

    fn approval(&self, id: &ApprovalId) -> Result<Arc<Approval>, WriteError> {
        self.view.approval(id).ok_or_else(|| ApprovalFault::Unknown(id.clone()).into())
    }

    fn task(&self, action: &Action) -> Option<Arc<Task>> {
        self.view.task(action.task.as_ref()?)
    }
}

/// Whether this one may answer at this moment: a person with no part in it who has the permission that the guard names on the
/// resource; or the origin of the task, where the guard has it confirm. And the guard is still what it was.
pub(crate) fn may_approve(
    view: &View<'_>,
    now: Timestamp,
    limits: &Limits,
    approval: &Approval,
    by: &ObjectRef,
) -> Result<(), ApprovalFault> {
    let no = |why: String| ApprovalFault::MayNotAnswer { by: by.clone(), id: approval.id.clone(), why };
    let action = &approval.action;
    let schema = view.schema();
    let guard = schema.as_ref().and_then(|schema| schema.guards().get(&action.guard));
    if guard.is_none_or(|guard| guard.text != action.guard_text) {
        return Err(ApprovalFault::GuardChanged(action.guard.clone()));
    }
    let links: Vec<Arc<Delegation>> =
        action.chain.iter().filter_map(|link| view.delegation(&link.delegation)).collect();
    let parties = Parties { requester: &action.actor, task: action.task.as_ref(), links: &links };
    match &approval.from {
        Approver::Origin => {
            let origin = action.task.as_ref().and_then(|task| view.task(task)).map(|task| task.origin.clone());
            if origin.as_ref() != Some(by) {
                return Err(no("the origin of the task confirms, and nobody else".to_owned()));
            }
            parties.are_no_kin_of(view, by).map_err(no)?;
            is_alive(view, by).map_err(no)
        }
        Approver::Holder(permission) => {
            let origin_may =
                Err("it is the origin of the task, for which this is done; somebody else approves".to_owned());
            parties.are_without(view, by, origin_may).map_err(&no)?;
            parties.are_no_kin_of(view, by).map_err(&no)?;
            holds(view, now, limits, (permission, &action.resource), by)?.map_err(no)
        }
    }
}

/// An ordinary decision about whoever approves.
fn holds(
    view: &View<'_>,
    now: Timestamp,
    limits: &Limits,
    (permission, resource): (&RelationName, &ObjectRef),
    by: &ObjectRef,
) -> Result<Result<(), String>, ApprovalFault> {
    let question = Question {
        actor: by.clone(),
        delegation: None,
        permission: permission.clone(),
        resource: resource.clone(),
        arguments: Context::new(),
        context: Context::new(),
        credential: None,
        tool_schema: None,
    };
    let decision = view.decide(&question, now, limits)?;
    if decision.disposition() == Disposition::Allow {
        return Ok(Ok(()));
    }
    let message = decision.message;
    Ok(Err(format!("who approves has `{permission}` on `{resource}`, and {message}")))
}

fn is_alive(view: &View<'_>, by: &ObjectRef) -> Result<(), String> {
    let active = view.principal(by).is_some_and(|principal| principal.state == prokura_model::PrincipalState::Active);
    if active { Ok(()) } else { Err("it is stopped".to_owned()) }
}

fn fault<T>(fault: ApprovalFault) -> Result<T, WriteError> {
    Err(fault.into())
}

impl From<ApprovalFault> for WriteError {
    fn from(fault: ApprovalFault) -> Self {
        Self::Approval(Box::new(fault))
    }
}
