//! What a grant is made of, and how it ends.

use std::collections::BTreeSet;

use prokura_engine::{Context, Given, Permissionship, Question, View};
use prokura_model::{
    Change, Delegation, DelegationId, DelegationKind, Disposition, Grant, ObjectRef, Relationship, Request,
    RequestState, SubjectRef, Terms, Timestamp, schema::AccessItem,
};

use super::{Steps, approver::links};
use crate::{AccessFault, WriteError, access::may_be_granted};

/// What must be written so that a request is allowed.
pub(super) struct Grantable {
    /// What whoever the requester acts for lacks.
    relationships: BTreeSet<Relationship>,
    /// Whose link would carry it, where the requester's own do not.
    link_from: Option<ObjectRef>,
    /// When the task and the links end that the requester acts under.
    pub(super) ends: Option<Timestamp>,
}

impl Steps<'_> {
    /// Grants the request on these of its resources, for so long at most.
    pub(super) fn grant(
        &self,
        item: &AccessItem,
        request: &mut Request,
        resources: BTreeSet<ObjectRef>,
        for_ms: u64,
    ) -> Result<Vec<Change>, WriteError> {
        let Grantable { relationships, link_from, ends } = self.grantable(item, request, &resources)?;
        let until = self.now.plus_ms(for_ms).min(ends.unwrap_or(Timestamp(u64::MAX)));
        let terms = Terms { caveat: None, expires_at: Some(until) };
        let touched = |relationship: &Relationship| Change::RelationshipTouched(relationship.clone(), terms.clone());
        let mut edges: Vec<Change> = relationships.iter().map(touched).collect();
        let mut delegation = None;
        if let (Some(from), Some(task)) = (link_from, &request.task) {
            let id = self.shared.mint_id("d-", DelegationId::new);
            delegation = Some(id.clone());
            edges.push(Change::DelegationCreated(Delegation {
                id,
                task: task.clone(),
                kind: DelegationKind::Lends,
                from,
                to: request.requester.clone(),
                parent: None,
                cap: Request::cap(&request.permission, &resources),
                depth: 0,
                not_before: None,
                expires_at: Some(until),
                revoked_at: None,
                declared: false,
                uses: None,
            }));
        }
        request.state = RequestState::Granted;
        request.grant = Some(Grant { resources, until, relationships, delegation, ended_at: None });
        Ok(edges)
    }

    /// What is lacking now, if it can be granted by this item.
    pub(super) fn grantable(
        &self,
        item: &AccessItem,
        request: &Request,
        resources: &BTreeSet<ObjectRef>,
    ) -> Result<Grantable, AccessFault> {
        let Request { requester, delegation, permission, .. } = request;
        let lacking = self.lacking(request, resources)?;
        let standing = self.view.standing(requester, delegation.as_ref(), None, self.now, self.limits)?;
        let Some(standing) = standing else {
            let message = format!("`{requester}` cannot act under this delegation");
            return Err(AccessFault::NotAlive { reason: "delegation_unknown", message });
        };
        let context = Context::new();
        let given = Given { now: self.now, context: &context };
        let mut outside = false;
        for resource in &lacking {
            outside |= !self.view.covers(&standing, permission, resource, given, self.limits)?;
        }
        if outside && standing.endorsements.is_some() {
            return Err(AccessFault::Dispatched(requester.clone()));
        }
        let mut relationships = BTreeSet::new();
        for resource in lacking {
            if !self.has(&standing.authority, request, &resource)? {
                relationships.insert(self.to_be_written(item, request, &standing.authority, resource)?);
            }
        }
        let chain = links(&self.view, delegation.as_ref(), self.limits.chain_links);
        let task = request.task.as_ref().and_then(|task| self.view.task(task));
        let ends = chain.iter().filter_map(|link| link.expires_at).chain(task.iter().map(|task| task.expires_at)).min();
        Ok(Grantable { relationships, link_from: outside.then(|| standing.authority.clone()), ends })
    }

    /// The resources on which the requester would be denied for want of a right; none of the others needs a grant.
    fn lacking(&self, request: &Request, resources: &BTreeSet<ObjectRef>) -> Result<Vec<ObjectRef>, AccessFault> {
        let mut lacking = Vec::new();
        for resource in resources {
            let question = Question {
                actor: request.requester.clone(),
                delegation: request.delegation.clone(),
                permission: request.permission.clone(),
                resource: resource.clone(),
                arguments: Context::new(),
                context: Context::new(),
                credential: None,
                tool_schema: None,
            };
            let decision = self.view.decide(&question, self.now, self.limits)?;
            match decision.disposition() {
                // Who is held has the right; what a guard waits for is no right.
                Disposition::Allow | Disposition::Held => {}
                Disposition::Conditional => lacking.push(resource.clone()),
                Disposition::Deny if may_be_granted(decision.reason) => lacking.push(resource.clone()),
                Disposition::Deny => {
                    return Err(AccessFault::NotAlive { reason: decision.reason.word(), message: decision.message });
                }
            }
        }
        if lacking.is_empty() {
            let (requester, permission) = (request.requester.clone(), request.permission.clone());
            return Err(AccessFault::AlreadyAllowed { requester, permission });
        }
        Ok(lacking)
    }

    /// Whether this one has what is asked for, whatever the values of caveats are.
    fn has(&self, authority: &ObjectRef, request: &Request, resource: &ObjectRef) -> Result<bool, AccessFault> {
        let (context, subject) = (Context::new(), SubjectRef::Object(authority.clone()));
        let given = Given { now: self.now, context: &context };
        let found = self.view.check(resource, &request.permission, &subject, given, self.limits)?;
        Ok(found == Permissionship::Has)
    }

    fn to_be_written(
        &self,
        item: &AccessItem,
        request: &Request,
        authority: &ObjectRef,
        resource: ObjectRef,
    ) -> Result<Relationship, AccessFault> {
        let Some(relation) = item.relation.clone() else {
            let (authority, resource) = (Box::new(authority.clone()), Box::new(resource));
            let (permission, item) = (request.permission.clone(), item.name.clone());
            return Err(AccessFault::NothingToLend { authority, permission, resource, item });
        };
        let relationship = Relationship { resource, relation, subject: SubjectRef::Object(authority.clone()) };
        if self.view.stored(&relationship).is_some_and(|stored| !stored.terms.is_over(self.now)) {
            return Err(AccessFault::RelationshipStands(Box::new(relationship)));
        }
        let terms = Terms { caveat: None, expires_at: Some(self.now.plus_ms(1)) };
        let schema = self.view.schema().ok_or_else(|| AccessFault::ItemGone(item.name.clone()))?;
        match schema.check_relationship(&relationship, &terms) {
            Ok(()) => Ok(relationship),
            Err(unfit) => {
                let (relationship, detail) = (Box::new(relationship), unfit.to_string());
                Err(AccessFault::RelationshipUnfit { relationship, detail })
            }
        }
    }
}

/// Ends what was granted, but for what somebody has written over since.
pub(super) fn ended(view: &View<'_>, request: &mut Request, now: Timestamp) -> Vec<Change> {
    let Some(grant) = &mut request.grant else { return Vec::new() };
    grant.ended_at = Some(now);
    let own = Terms { caveat: None, expires_at: Some(grant.until) };
    let written = |relationship: &&Relationship| view.stored(relationship).is_some_and(|stored| stored.terms == own);
    let mut changes: Vec<Change> =
        grant.relationships.iter().filter(written).cloned().map(Change::RelationshipDeleted).collect();
    changes.extend(grant.delegation.clone().map(Change::DelegationRevoked));
    changes
}
