//! Who may answer a request.

use std::{collections::BTreeSet, sync::Arc};

use prokura_engine::{Context, Limits, Question, View};
use prokura_model::{Delegation, DelegationId, Disposition, ObjectRef, Request, TaskId, Timestamp, schema::AccessItem};

use crate::AccessFault;

/// Whether this one may answer, or review, the request for these of its resources, at this moment: a person, who has no
/// part in it, and has the permission that the schema names on every one. Says by which item.
pub(crate) fn may_answer(
    view: &View<'_>,
    now: Timestamp,
    limits: &Limits,
    request: &Request,
    by: &ObjectRef,
    resources: &BTreeSet<ObjectRef>,
) -> Result<AccessItem, AccessFault> {
    let no = |why: String| AccessFault::MayNotAnswer { by: by.clone(), id: request.id.clone(), why };
    let gone = || AccessFault::ItemGone(request.item.clone());
    let schema = view.schema().ok_or_else(gone)?;
    let item = schema.access().iter().find(|item| item.name == request.item).ok_or_else(gone)?;
    if resources.is_empty() {
        return Err(AccessFault::NoResource);
    }
    let links = links(view, request.delegation.as_ref(), limits.chain_links);
    let parties = Parties { requester: &request.requester, task: request.task.as_ref(), links: &links };
    let origin_may = if item.origin_may_answer {
        Ok(())
    } else {
        Err(format!(
            "it is the origin of the task, which answers only where the item says `origin may answer`; `{}` does not",
            item.name
        ))
    };
    parties.are_without(view, by, origin_may).map_err(&no)?;
    parties.are_no_kin_of(view, by).map_err(&no)?;
    for resource in resources {
        let permission = item.asks(&resource.kind).filter(|_| item.is_on(&resource.kind, &request.permission));
        let question = Question {
            actor: by.clone(),
            delegation: None,
            permission: permission.ok_or_else(gone)?.clone(),
            resource: resource.clone(),
            arguments: Context::new(),
            context: Context::new(),
            credential: None,
            tool_schema: None,
        };
        let decision = view.decide(&question, now, limits)?;
        if decision.disposition() != Disposition::Allow {
            let message = decision.message;
            return Err(no(format!("who answers has `{}` on `{resource}`, and {message}", question.permission)));
        }
    }
    Ok(item.clone())
}

/// Who has a part in what somebody is to answer.
pub(in crate::writer) struct Parties<'p> {
    /// Who asks.
    pub(in crate::writer) requester: &'p ObjectRef,
    /// The task it is under.
    pub(in crate::writer) task: Option<&'p TaskId>,
    /// The chain it is under.
    pub(in crate::writer) links: &'p [Arc<Delegation>],
}

impl Parties<'_> {
    /// Nothing, if this one has no part; or what is wrong. `origin_may` is what is said to the origin of the task.
    pub(in crate::writer) fn are_without(
        &self,
        view: &View<'_>,
        by: &ObjectRef,
        origin_may: Result<(), String>,
    ) -> Result<(), String> {
        if by == self.requester {
            return Err("nobody answers their own request".to_owned());
        }
        let origin = self.task.and_then(|task| view.task(task)).map(|task| task.origin.clone());
        if origin.as_ref() == Some(by) {
            return origin_may;
        }
        if self.links.iter().any(|link| link.from == *by || link.to == *by) {
            return Err("it is on the chain that the request is made under".to_owned());
        }
        Ok(())
    }

    /// Nothing, if this one is a person: registered, owned by nobody, and not of the type of an owned one on the chain; or
    /// what is wrong.
    pub(in crate::writer) fn are_no_kin_of(&self, view: &View<'_>, by: &ObjectRef) -> Result<(), String> {
        let Some(principal) = view.principal(by) else {
            return Err("only a person answers, and it is not registered as a principal".to_owned());
        };
        if let Some(owner) = &principal.owner {
            return Err(format!("only a person answers, and `{owner}` owns it"));
        }
        let acting = self.links.iter().map(|link| &link.to).chain([self.requester]);
        let owned = |object: &&ObjectRef| view.principal(object).is_some_and(|principal| principal.owner.is_some());
        match acting.filter(owned).find(|object| object.kind == by.kind) {
            Some(object) => {
                Err(format!("only a person answers, and it is of the same type as `{object}`, which is owned"))
            }
            None => Ok(()),
        }
    }
}

/// The links from this one up to the root, as far as there are any.
pub(super) fn links(view: &View<'_>, leaf: Option<&DelegationId>, most: usize) -> Vec<Arc<Delegation>> {
    let mut found: Vec<Arc<Delegation>> = Vec::new();
    let mut next = leaf.cloned();
    while let Some(link) = next.and_then(|id| view.delegation(&id)).filter(|_| found.len() < most) {
        next = link.parent.clone();
        found.push(link);
    }
    found
}
