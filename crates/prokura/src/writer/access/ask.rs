//! Asking.

use prokura_model::{
    ObjectRef, Request, RequestAnswer, RequestId, RequestState, Schema, TaskId, TaskState,
    limits::{REQUEST_RESOURCES_MAX, REQUEST_TICKET_BYTES_MAX, SENTENCE_BYTES_MAX},
    schema::{AccessAnswer, AccessItem},
};

use super::{Step, Steps, fault, granted_because, said, within};
use crate::{
    AccessFault, AccessRequest, WriteError,
    limits::{REQUEST_ANSWER_MS, REQUESTS_PENDING_MAX, REQUESTS_PENDING_PER_TASK_MAX},
};

impl Steps<'_> {
    pub(super) fn ask(&self, id: RequestId, asked: AccessRequest) -> Result<Step, WriteError> {
        if self.view.request(&id).is_some() {
            return fault(AccessFault::Exists(id));
        }
        check_words(&asked)?;
        let schema = self.view.schema().ok_or(WriteError::SchemaMissing)?;
        let item = item(&schema, &asked)?;
        let task = self.task(&asked)?;
        let for_ms = asked.for_ms.unwrap_or(item.at_most_ms);
        let refused = item.answer == AccessAnswer::Refuse;
        if !refused && !(1..=item.at_most_ms).contains(&for_ms) {
            let (item, most_ms) = (item.name.clone(), item.at_most_ms);
            return fault(AccessFault::LengthInvalid { item, wanted_ms: for_ms, most_ms });
        }
        let request = Request {
            id,
            requester: asked.requester,
            task,
            delegation: asked.delegation,
            permission: asked.permission,
            resources: asked.resources,
            reason: asked.reason,
            ticket: asked.ticket,
            for_ms,
            item: item.name.clone(),
            break_glass: asked.break_glass,
            asked_at: self.now,
            answer_by: self.now.plus_ms(REQUEST_ANSWER_MS),
            state: RequestState::Pending,
            answer: None,
            grant: None,
            review: None,
        };
        match &item.answer {
            AccessAnswer::Refuse => Ok(self.refused(request, item)),
            AccessAnswer::Grant => self.granted_at_once(request, item),
            AccessAnswer::Ask(_) if item.break_glass => {
                self.glass_is_whole(&request)?;
                self.granted_at_once(request, item)
            }
            AccessAnswer::Ask(_) => self.left_to_a_person(request, item),
        }
    }

    fn refused(&self, request: Request, item: &AccessItem) -> Step {
        let words = format!("the schema refuses it, with `{}`", item.name);
        let reason = format!("request {} is refused by `{}`", request.id, item.name);
        let answer = Some(RequestAnswer { by: None, at: self.now, words });
        Step { request: Request { state: RequestState::Refused, answer, ..request }, edges: Vec::new(), reason }
    }

    fn granted_at_once(&self, request: Request, item: &AccessItem) -> Result<Step, WriteError> {
        let (how, resources, for_ms) =
            (format!("granted by `{}`", item.name), request.resources.clone(), request.for_ms);
        let answer = Some(RequestAnswer { by: None, at: self.now, words: how.clone() });
        let mut request = Request { answer, ..request };
        let edges = self.grant(item, &mut request, resources, for_ms)?;
        let reason = granted_because(&request, &how);
        Ok(Step { request, edges, reason })
    }

    /// What could not be granted as things are is not left to anybody.
    fn left_to_a_person(&self, mut request: Request, item: &AccessItem) -> Result<Step, WriteError> {
        let ends = self.grantable(item, &request, &request.resources)?.ends;
        request.answer_by = ends.map_or(request.answer_by, |ends| ends.min(request.answer_by));
        let open = self.tenant.open_requests.all(&self.view, self.now);
        let pending = open.iter().filter(|other| other.state_at(self.now) == RequestState::Pending);
        let (all, beside) = pending.fold((0, 0), |(all, beside), other| {
            let same = other.task == request.task && (request.task.is_some() || other.requester == request.requester);
            (all + 1, beside + usize::from(same))
        });
        if beside >= REQUESTS_PENDING_PER_TASK_MAX {
            let of = match &request.task {
                Some(task) => format!("under task `{task}`"),
                None => format!("of `{}`", request.requester),
            };
            return fault(AccessFault::TooManyPending { of, found: beside, max: REQUESTS_PENDING_PER_TASK_MAX });
        }
        if all >= REQUESTS_PENDING_MAX {
            let of = "in this tenant".to_owned();
            return fault(AccessFault::TooManyPending { of, found: all, max: REQUESTS_PENDING_MAX });
        }
        let reason = format!("request {} by `{}`", request.id, item.name);
        Ok(Step { request, edges: Vec::new(), reason })
    }

    /// Nobody breaks the glass twice before the first time is reviewed.
    fn glass_is_whole(&self, request: &Request) -> Result<(), WriteError> {
        let open = self.tenant.open_requests.all(&self.view, self.now);
        let broken = open.iter().find(|other| other.requester == request.requester && other.awaits_review());
        match broken {
            Some(other) => fault(AccessFault::ReviewOpen(other.id.clone())),
            None => Ok(()),
        }
    }

    /// The task that it is for: that of the delegation, or one of the requester's own, or none.
    fn task(&self, asked: &AccessRequest) -> Result<Option<TaskId>, WriteError> {
        let AccessRequest { requester, task: named, delegation, .. } = asked;
        if let Some(id) = delegation {
            let link = self.view.delegation(id).ok_or_else(|| WriteError::DelegationUnknown(id.clone()))?;
            if named.as_ref().is_some_and(|named| *named != link.task) {
                return fault(AccessFault::OtherTask { delegation: id.clone(), task: link.task.clone() });
            }
            return Ok(Some(link.task.clone()));
        }
        let Some(id) = named else { return Ok(None) };
        let task = self.view.task(id).ok_or_else(|| WriteError::TaskUnknown(id.clone()))?;
        if task.origin != *requester {
            return fault(AccessFault::NotOrigin { requester: requester.clone(), task: id.clone() });
        }
        if task.state != TaskState::Open {
            return Err(WriteError::TaskNotOpen { task: id.clone(), state: task.state });
        }
        if task.expires_at <= self.now {
            return Err(WriteError::TaskExpired { task: id.clone(), expired_at: task.expires_at });
        }
        Ok(Some(id.clone()))
    }
}

fn item<'s>(schema: &'s Schema, asked: &AccessRequest) -> Result<&'s AccessItem, WriteError> {
    let AccessRequest { permission, resources, break_glass, .. } = asked;
    let Some(ObjectRef { kind, .. }) = resources.first() else { return fault(AccessFault::NoResource) };
    if let Some(other) = resources.iter().find(|resource| resource.kind != *kind) {
        return fault(AccessFault::SeveralTypes(kind.clone(), other.kind.clone()));
    }
    let unknown = |unknown| WriteError::NameUnknown { place: "what is asked for".to_owned(), unknown };
    schema.find_member(kind, permission).map_err(unknown)?;
    let unknown = |unknown| WriteError::NameUnknown { place: "who asks".to_owned(), unknown };
    schema.find_definition(&asked.requester.kind).map_err(unknown)?;
    let Some(item) = schema.access_to(kind, permission, *break_glass) else {
        let (kind, permission, break_glass) = (kind.clone(), permission.clone(), *break_glass);
        return fault(AccessFault::NotRequestable { kind, permission, break_glass });
    };
    if item.ticket_required && asked.ticket.is_none() {
        return fault(AccessFault::TicketMissing(item.name.clone()));
    }
    Ok(item)
}

fn check_words(asked: &AccessRequest) -> Result<(), WriteError> {
    within("resources of a request", REQUEST_RESOURCES_MAX, asked.resources.len())?;
    within("bytes of a request's reason", SENTENCE_BYTES_MAX, asked.reason.len())?;
    said("a request has a reason", &asked.reason)?;
    let Some(ticket) = &asked.ticket else { return Ok(()) };
    within("bytes of a request's ticket", REQUEST_TICKET_BYTES_MAX, ticket.len())?;
    if ticket.is_empty() || ticket.chars().any(char::is_control) {
        let message = "a ticket is not empty and has no control characters; leave it out if there is none";
        return fault(AccessFault::TicketInvalid(message.to_owned()));
    }
    Ok(())
}
