//! Asking.

use std::collections::BTreeSet;

use prokura_engine::{AccessAsked, AccessFound};
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
        check_names(&schema, &asked)?;
        let task = self.task(&asked)?;
        let item = &self.item(&schema, &asked, task.as_ref())?;
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

    /// The item by which all of it is asked for.
    fn item(&self, schema: &Schema, asked: &AccessRequest, task: Option<&TaskId>) -> Result<AccessItem, AccessFault> {
        let AccessRequest { requester, permission, break_glass, ticket, .. } = asked;
        let mut first: Option<(&ObjectRef, AccessItem)> = None;
        for resource in &asked.resources {
            let (break_glass, ticket) = (*break_glass, ticket.as_deref());
            let asked = AccessAsked { requester, task, permission, resource, break_glass, ticket };
            let item = self.applying(asked)?;
            match (&first, item) {
                (None, Some(item)) => first = Some((resource, item)),
                (None, None) => return Err(not_requestable(schema, asked)),
                (Some((_, item)), Some(other)) if item.name == other.name => {}
                (Some((one, item)), other) => {
                    let by_other = other.map_or_else(|| "no item".to_owned(), |other| format!("`{}`", other.name));
                    let (one, other, by_one) =
                        (Box::new((*one).clone()), Box::new(resource.clone()), item.name.clone());
                    return Err(AccessFault::SeveralItems { one, by_one, other, by_other });
                }
            }
        }
        let (_, item) = first.ok_or(AccessFault::NoResource)?;
        if item.ticket_required && ticket.is_none() {
            return Err(AccessFault::TicketMissing(item.name));
        }
        Ok(item)
    }

    /// The item that applies by now, if one does.
    fn applying(&self, asked: AccessAsked<'_>) -> Result<Option<AccessItem>, AccessFault> {
        Ok(match self.view.access_to(asked, self.now, self.limits)? {
            AccessFound::Item(item) => Some(*item),
            AccessFound::Nothing => None,
            AccessFound::TicketMissing(item) => return Err(AccessFault::TicketMissing(item.name)),
            AccessFound::TicketUnknown(item, ticket) => {
                return Err(AccessFault::TicketUnknown { item: item.name, ticket });
            }
            AccessFound::Unclear(item, why) => {
                return Err(AccessFault::ItemUnclear {
                    item: item.name,
                    resource: Box::new(asked.resource.clone()),
                    why,
                });
            }
        })
    }

    /// The item by which a request was made still applies to these: what it was made under may have changed since.
    pub(super) fn still_applies(
        &self,
        item: &AccessItem,
        request: &Request,
        resources: &BTreeSet<ObjectRef>,
    ) -> Result<(), AccessFault> {
        let Request { id, requester, task, permission, break_glass, ticket, .. } = request;
        for resource in resources {
            let (task, ticket, break_glass) = (task.as_ref(), ticket.as_deref(), *break_glass);
            let asked = AccessAsked { requester, task, permission, resource, break_glass, ticket };
            if self.applying(asked)?.is_none_or(|found| found.name != item.name) {
                let (id, item, resource) = (id.clone(), item.name.clone(), Box::new(resource.clone()));
                return Err(AccessFault::ItemLapsed { id, item, resource });
            }
        }
        Ok(())
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

fn not_requestable(schema: &Schema, asked: AccessAsked<'_>) -> AccessFault {
    let AccessAsked { permission, resource, break_glass, .. } = asked;
    let (kind, permission) = (resource.kind.clone(), permission.clone());
    let named = schema.access_to(&kind, &permission, break_glass).next().is_some();
    if named {
        AccessFault::NoItemApplies { permission, resource: Box::new(resource.clone()) }
    } else {
        AccessFault::NotRequestable { kind, permission, break_glass }
    }
}

fn check_names(schema: &Schema, asked: &AccessRequest) -> Result<(), WriteError> {
    let AccessRequest { permission, resources, .. } = asked;
    let Some(ObjectRef { kind, .. }) = resources.first() else { return fault(AccessFault::NoResource) };
    if let Some(other) = resources.iter().find(|resource| resource.kind != *kind) {
        return fault(AccessFault::SeveralTypes(kind.clone(), other.kind.clone()));
    }
    let unknown = |unknown| WriteError::NameUnknown { place: "what is asked for".to_owned(), unknown };
    schema.find_member(kind, permission).map_err(unknown)?;
    let unknown = |unknown| WriteError::NameUnknown { place: "who asks".to_owned(), unknown };
    schema.find_definition(&asked.requester.kind).map_err(unknown)?;
    Ok(())
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
