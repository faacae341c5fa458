//! What goes out.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use prokura::{
    Applied, Authority, Decision, Effect, Expansion, ExpansionNode, ExpansionOperation, Explanation, Goal, OffBoarding,
    Permissionship, Receipt, Sampled,
};
use prokura_api as api;
use prokura_model::{
    AuthzenMapping, CaveatUse, ChainLink, Change, DecisionRecord, Delegation, DelegationKind, Disposition, Endorsement,
    Fault, Key, KeyRole, KeyScope, ObjectId, ObjectRef, Principal, PrincipalState, Relationship, Revision, SpokenFor,
    SubjectRef, Task, TaskState, TenantName, Terms, Timestamp, Transaction, WitnessEdge,
};

use super::{access::wire_request, approvals::wire_approval, cap::wire_cap};
use crate::json;

pub(crate) fn wire_object(object: &ObjectRef) -> api::ObjectRef {
    api::ObjectRef { kind: object.kind.as_str().to_owned(), id: object.id.as_str().to_owned() }
}

pub(crate) fn wire_subject(subject: &SubjectRef) -> api::SubjectRef {
    let (id, relation) = match subject {
        SubjectRef::Object(object) => (Some(&object.id), None),
        SubjectRef::Userset(object, relation) => (Some(&object.id), Some(relation)),
        SubjectRef::Wildcard(_) => (None, None),
    };
    api::SubjectRef {
        kind: subject.kind().as_str().to_owned(),
        id: id.map(|id| id.as_str().to_owned()),
        relation: relation.map(|relation| relation.as_str().to_owned()),
        wildcard: matches!(subject, SubjectRef::Wildcard(_)),
    }
}

pub(crate) fn wire_relationship(relationship: &Relationship) -> api::Relationship {
    api::Relationship {
        resource: wire_object(&relationship.resource),
        relation: relationship.relation.as_str().to_owned(),
        subject: wire_subject(&relationship.subject),
        caveat: None,
        expires_at: None,
    }
}

pub(super) fn wire_caveat_use(caveat: &CaveatUse) -> api::CaveatUse {
    api::CaveatUse { name: caveat.name.as_str().to_owned(), context: json::to_wire_members(&caveat.context) }
}

/// The relationship, and the terms on which it holds.
pub(crate) fn wire_relationship_on_terms(relationship: &Relationship, terms: &Terms) -> api::Relationship {
    let caveat = terms.caveat.as_ref().map(wire_caveat_use);
    api::Relationship { caveat, expires_at: terms.expires_at.map(wire_time), ..wire_relationship(relationship) }
}

/// The other half of [`page`](super::page).
pub(crate) fn wire_cursor(next: Option<String>) -> Option<String> {
    next.map(|name| URL_SAFE_NO_PAD.encode(name))
}

pub(crate) fn wire_time(time: Timestamp) -> api::Time {
    api::Time::from_ms(time.0)
}

/// A receipt for what no tenant's state holds: tenants and keys.
pub(crate) fn wire_receipt(receipt: Receipt) -> api::Receipt {
    api::Receipt { revision: receipt.revision.0, time: wire_time(receipt.time), token: None }
}

/// A receipt for what was written to a tenant, with the token for asking about it.
pub(crate) fn wire_receipt_in(authority: &Authority, tenant: &TenantName, receipt: Receipt) -> api::Receipt {
    api::Receipt { token: Some(authority.token(tenant, receipt.revision)), ..wire_receipt(receipt) }
}

/// An answer, and the parameters it lacks.
pub(crate) fn wire_permissionship(found: &Permissionship) -> (api::Permissionship, Vec<String>) {
    match found {
        Permissionship::Has => (api::Permissionship::HasPermission, Vec::new()),
        Permissionship::HasNot => (api::Permissionship::NoPermission, Vec::new()),
        Permissionship::Conditional(missing) => (api::Permissionship::ConditionalPermission, missing.clone()),
    }
}

pub(crate) fn wire_found(id: &ObjectId, found: &Permissionship) -> api::FoundObject {
    let (permissionship, missing) = wire_permissionship(found);
    api::FoundObject { id: id.as_str().to_owned(), permissionship, missing }
}

/// Who is taken out of everyone, by whether it is: told by what it has itself.
pub(crate) fn wire_excluded(id: &ObjectId, excluded: &Permissionship) -> api::FoundObject {
    match excluded {
        Permissionship::Has => wire_found(id, &Permissionship::HasNot),
        Permissionship::HasNot => wire_found(id, &Permissionship::Has),
        Permissionship::Conditional(_) => wire_found(id, excluded),
    }
}

/// How a permission comes about. How deep the tree goes is bounded by the engine.
pub(crate) fn wire_expansion(expansion: &Expansion) -> api::ExpansionNode {
    let Goal { object, member } = &expansion.goal;
    let node = api::ExpansionNode {
        object: wire_object(object),
        relation: member.as_str().to_owned(),
        operation: None,
        children: Vec::new(),
        relationships: Vec::new(),
    };
    match &expansion.node {
        ExpansionNode::Leaf(subjects) => {
            let edges = subjects.iter().map(|(subject, terms)| {
                let edge =
                    Relationship { resource: object.clone(), relation: member.clone(), subject: subject.clone() };
                wire_relationship_on_terms(&edge, terms)
            });
            api::ExpansionNode { relationships: edges.collect(), ..node }
        }
        ExpansionNode::Operation(operation, children) => {
            let operation = match operation {
                ExpansionOperation::Union => api::Operation::Union,
                ExpansionOperation::Intersection => api::Operation::Intersection,
                ExpansionOperation::Exclusion => api::Operation::Exclusion,
            };
            let children = children.iter().map(wire_expansion).collect();
            api::ExpansionNode { operation: Some(operation), children, ..node }
        }
    }
}

pub(crate) fn wire_principal(principal: &Principal) -> api::Principal {
    api::Principal {
        object: wire_object(&principal.object),
        owner: principal.owner.as_ref().map(wire_object),
        state: match principal.state {
            PrincipalState::Active => api::PrincipalState::Active,
            PrincipalState::Suspended => api::PrincipalState::Suspended,
            PrincipalState::OffBoarded => api::PrincipalState::OffBoarded,
        },
        declared: principal.declared,
    }
}

pub(crate) fn wire_off_boarding(
    found: &OffBoarding,
    principal: &Principal,
    done_in: Option<Revision>,
    now: Timestamp,
) -> api::OffBoarding {
    api::OffBoarding {
        principal: wire_principal(principal),
        registered: found.principal.is_some(),
        revision: found.revision.0,
        digest: found.digest.clone(),
        changes: found.changes,
        tasks: sampled(&found.tasks, |task| wire_task(task)),
        delegations: sampled(&found.delegations, |link| wire_delegation(link)),
        endorsements: sampled(&found.endorsements, |endorsement| wire_endorsement(endorsement)),
        relationships: sampled(&found.relationships, |stored| {
            wire_relationship_on_terms(&stored.relationship, &stored.terms)
        }),
        requests: sampled(&found.requests, |request| wire_request(request, None, now)),
        approvals: sampled(&found.approvals, |approval| wire_approval(approval, now)),
        owned: sampled(&found.owned, |owned| api::Owned {
            principal: wire_principal(&owned.principal),
            new_owner: owned.new_owner.as_ref().map(wire_object),
            delegations: owned.delegations,
        }),
        left: found.left,
        done_in: done_in.map(|revision| revision.0),
    }
}

fn sampled<T, W>(found: &Sampled<T>, wire: impl Fn(&T) -> W) -> api::Sampled<W> {
    api::Sampled { count: found.count, sample: found.sample.iter().map(wire).collect() }
}

pub(crate) fn wire_task(task: &Task) -> api::Task {
    api::Task {
        id: task.id.to_string(),
        origin: wire_object(&task.origin),
        purpose: task.purpose.clone(),
        opened_at: wire_time(task.opened_at),
        expires_at: wire_time(task.expires_at),
        state: wire_task_state(task.state),
        declared: task.declared,
        parent: task.parent.as_ref().map(ToString::to_string),
        owner: task.owner.as_ref().map(wire_object),
        budgets: task.budgets.iter().map(super::wire_budget).collect(),
        touched: BTreeMap::new(),
        accounts: Vec::new(),
        reservations: Vec::new(),
        uses: Vec::new(),
    }
}

fn wire_task_state(state: TaskState) -> api::TaskState {
    match state {
        TaskState::Open => api::TaskState::Open,
        TaskState::Completed => api::TaskState::Completed,
        TaskState::Cancelled => api::TaskState::Cancelled,
    }
}

pub(crate) fn wire_delegation(delegation: &Delegation) -> api::Delegation {
    api::Delegation {
        id: delegation.id.to_string(),
        task: delegation.task.to_string(),
        kind: match delegation.kind {
            DelegationKind::Lends => api::DelegationKind::Lends,
            DelegationKind::Dispatches => api::DelegationKind::Dispatches,
        },
        from: wire_object(&delegation.from),
        to: wire_object(&delegation.to),
        parent: delegation.parent.as_ref().map(ToString::to_string),
        cap: wire_cap(&delegation.cap),
        depth: delegation.depth,
        not_before: delegation.not_before.map(wire_time),
        expires_at: delegation.expires_at.map(wire_time),
        revoked_at: delegation.revoked_at.map(wire_time),
        declared: delegation.declared,
        uses: delegation.uses,
    }
}

pub(crate) fn wire_endorsement(endorsement: &Endorsement) -> api::Endorsement {
    api::Endorsement {
        id: endorsement.id.to_string(),
        worker: wire_object(&endorsement.worker),
        by: wire_object(&endorsement.by),
        cap: wire_cap(&endorsement.cap),
        origins: endorsement.origins.iter().map(wire_subject).collect(),
        expires_at: endorsement.expires_at.map(wire_time),
        revoked_at: endorsement.revoked_at.map(wire_time),
        declared: endorsement.declared,
    }
}

pub(crate) fn wire_key(key: &Key) -> api::Key {
    let (role, speaks_for) = match &key.role {
        KeyRole::Admin => (api::Role::Admin, Vec::new()),
        KeyRole::EnforcementPoint(entries) => {
            (api::Role::EnforcementPoint, entries.iter().map(wire_spoken_for).collect())
        }
        KeyRole::Auditor => (api::Role::Auditor, Vec::new()),
    };
    api::Key {
        id: key.id.to_string(),
        name: key.name.clone(),
        role,
        speaks_for,
        scope: match &key.scope {
            KeyScope::AllTenants => api::KeyScope::AllTenants(true),
            KeyScope::Tenant(name) => api::KeyScope::Tenant(name.to_string()),
        },
        created_at: wire_time(key.created_at),
        revoked_at: key.revoked_at.map(wire_time),
    }
}

fn wire_spoken_for(entry: &SpokenFor) -> api::SpokenFor {
    match entry {
        SpokenFor::Any => api::SpokenFor { kind: None, id: None, wildcard: true },
        SpokenFor::Type(kind) => api::SpokenFor { kind: Some(kind.as_str().to_owned()), id: None, wildcard: true },
        SpokenFor::Object(object) => api::SpokenFor {
            kind: Some(object.kind.as_str().to_owned()),
            id: Some(object.id.as_str().to_owned()),
            wildcard: false,
        },
    }
}

pub(crate) fn wire_fault(fault: Fault) -> api::Fault {
    match fault {
        Fault::Caller => api::Fault::Caller,
        Fault::Limit => api::Fault::Limit,
        Fault::Server => api::Fault::Server,
    }
}

pub(crate) fn wire_disposition(disposition: Disposition) -> api::Disposition {
    match disposition {
        Disposition::Allow => api::Disposition::Allow,
        Disposition::Deny => api::Disposition::Deny,
        Disposition::Conditional => api::Disposition::Conditional,
        Disposition::Held => api::Disposition::Held,
    }
}

pub(super) fn wire_chain(chain: &[ChainLink]) -> Vec<api::ChainLink> {
    let link = |link: &ChainLink| api::ChainLink {
        delegation: link.delegation.to_string(),
        from: wire_object(&link.from),
        to: wire_object(&link.to),
    };
    chain.iter().map(link).collect()
}

fn wire_edge(edge: &WitnessEdge) -> api::WitnessEdge {
    api::WitnessEdge { relationship: wire_relationship_on_terms(&edge.relationship, &edge.terms), since: edge.since.0 }
}

/// A decision; without an id it is a preview.
pub(crate) fn wire_decision(id: Option<String>, decision: &Decision, witness: bool) -> api::Decision {
    let touched = decision.taken.touched.iter();
    api::Decision {
        id,
        disposition: wire_disposition(decision.disposition()),
        reason: decision.reason.word().to_owned(),
        message: decision.message.clone(),
        revision: decision.revision.0,
        task: decision.task.as_ref().map(ToString::to_string),
        run: decision.run.as_ref().map(ToString::to_string),
        origin: decision.origin.as_ref().map(wire_object),
        chain: wire_chain(&decision.chain),
        failed_at: decision.at,
        witness: if witness { decision.witness.iter().map(wire_edge).collect() } else { Vec::new() },
        valid_until: decision.valid_until.map(wire_time),
        missing: decision.missing.clone(),
        access: None,
        guards: decision.fired.iter().map(super::wire_fired).collect(),
        held: decision.held.as_deref().map(super::wire_held),
        takes: decision.taken.draws.iter().map(super::wire_draw).collect(),
        touches: touched.map(|touch| (touch.attribute.clone(), json::to_wire(&touch.value))).collect(),
        reserved_until: None,
    }
}

pub(crate) fn wire_record(record: &DecisionRecord) -> api::DecisionRecord {
    api::DecisionRecord {
        id: record.id.to_string(),
        time: wire_time(record.time),
        revision: record.revision.0,
        actor: wire_object(&record.actor),
        permission: record.permission.as_str().to_owned(),
        resource: wire_object(&record.resource),
        delegation: record.delegation.as_ref().map(ToString::to_string),
        task: record.task.as_ref().map(ToString::to_string),
        run: record.step.run.as_ref().map(ToString::to_string),
        origin: record.origin.as_ref().map(wire_object),
        chain: wire_chain(&record.chain),
        disposition: record.outcome.disposition().map(wire_disposition),
        reason: record.outcome.code().to_owned(),
        message: record.message.clone(),
        witness: record.witness.iter().map(wire_edge).collect(),
        request: json::to_wire(&record.request),
        door: record.door.clone(),
        enforcement_point: record.enforcement_point.clone(),
        request_id: record.request_id.clone(),
        duration_us: record.duration_us,
        missing: record.missing.clone(),
        hop: record.chain.len(),
        span: record.step.span.clone(),
        planned: record.step.planned,
        guards: record.fired.iter().map(super::wire_fired).collect(),
        credential: record.credential.as_ref().map(|credential| api::Credential {
            method: credential.method.clone(),
            authenticated_at: credential.authenticated_at.map(wire_time),
        }),
    }
}

pub(crate) fn wire_explanation(subject: &ObjectRef, explanation: &Explanation) -> api::Explanation {
    let (proof, near_miss, condition) = match explanation {
        Explanation::Held(proof) => (Some(wire_proof(proof)), None, None),
        Explanation::NotHeld(miss) => (None, Some(wire_near_miss(miss)), None),
        Explanation::Open(condition) => (None, None, Some(wire_condition(condition))),
    };
    api::Explanation { subject: wire_object(subject), holds: proof.is_some(), proof, near_miss, condition }
}

fn wire_condition(condition: &prokura::OpenCondition) -> api::Condition {
    api::Condition {
        missing: condition.missing.clone(),
        relationships: condition.relationships.iter().map(wire_edge).collect(),
        message: condition.message.clone(),
    }
}

fn wire_proof(proof: &prokura::Proof) -> api::ExplanationNode {
    api::ExplanationNode {
        kind: api::StepKind::Goal,
        text: proof.goal.to_string(),
        rule: proof.rule.clone(),
        edge: None,
        children: proof.parts.iter().map(wire_part).collect(),
        cut_off: proof.cut_off,
    }
}

fn wire_part(part: &prokura::ProofPart) -> api::ExplanationNode {
    let step = |kind, text: String| api::ExplanationNode {
        kind,
        text,
        rule: None,
        edge: None,
        children: Vec::new(),
        cut_off: false,
    };
    match part {
        prokura::ProofPart::Itself => step(api::StepKind::Itself, "the subject is this very userset".to_owned()),
        prokura::ProofPart::NotHeld(expression) => step(api::StepKind::NotHeld, expression.clone()),
        prokura::ProofPart::Member(proof) => wire_proof(proof),
        prokura::ProofPart::Edge(edge) => api::ExplanationNode {
            edge: Some(wire_edge(edge)),
            ..step(api::StepKind::Edge, edge.relationship.to_string())
        },
        prokura::ProofPart::Followed(followed) => api::ExplanationNode {
            edge: Some(wire_edge(&followed.edge)),
            children: vec![wire_proof(&followed.to)],
            ..step(api::StepKind::Edge, followed.edge.relationship.to_string())
        },
    }
}

fn wire_near_miss(miss: &prokura::NearMiss) -> api::NearMiss {
    let excluded = miss.excluded.iter().map(|exclusion| api::Exclusion {
        goal: exclusion.goal.to_string(),
        expression: exclusion.expression.clone(),
        subject: wire_subject(&exclusion.subject),
        because: exclusion.because.iter().map(wire_part).collect(),
    });
    api::NearMiss {
        message: miss.message.clone(),
        tried: miss.tried.iter().map(ToString::to_string).collect(),
        cut_off: miss.cut_off,
        excluded: excluded.collect(),
        missing: miss.missing.as_ref().map(wire_relationship),
    }
}

pub(crate) fn wire_transaction(transaction: &Transaction) -> api::Transaction {
    api::Transaction {
        revision: transaction.revision.0,
        time: wire_time(transaction.time),
        author: transaction.author.clone(),
        reason: transaction.reason.clone(),
        request_id: transaction.request_id.clone(),
        changes: transaction.changes.iter().filter_map(wire_change).collect(),
    }
}

/// None for what only the store itself needs.
pub(crate) fn wire_change(change: &Change) -> Option<api::Change> {
    let shown = match change {
        Change::SchemaWritten(schema) => api::Change::SchemaWritten { schema: schema.clone() },
        Change::RelationshipTouched(relationship, terms) => {
            api::Change::RelationshipTouched { relationship: wire_relationship_on_terms(relationship, terms) }
        }
        Change::RelationshipDeleted(relationship) => {
            api::Change::RelationshipDeleted { relationship: wire_relationship(relationship) }
        }
        Change::RelationshipExpired(relationship) => {
            api::Change::RelationshipExpired { relationship: wire_relationship(relationship) }
        }
        Change::MetadataAttached(metadata) => api::Change::MetadataAttached { metadata: json::to_wire(metadata) },
        Change::ModelWritten(model) => api::Change::ModelWritten { model: model.id.to_string() },
        Change::AssertionsWritten(model, _) => api::Change::AssertionsWritten { model: model.to_string() },
        Change::AuthzenMappingSet(mapping) => api::Change::AuthzenMappingSet { mapping: wire_authzen_mapping(mapping) },
        Change::AttributesSet(object, attributes) => {
            api::Change::AttributesSet { object: wire_object(object), attributes: json::to_wire_members(attributes) }
        }
        Change::PrincipalSet(principal) => api::Change::PrincipalSet { principal: wire_principal(principal) },
        Change::PrincipalRemoved(object) => api::Change::PrincipalRemoved { object: wire_object(object) },
        Change::TaskOpened(task) => api::Change::TaskOpened { task: wire_task(task) },
        Change::TaskClosed(task, state) => {
            api::Change::TaskClosed { task: task.to_string(), state: wire_task_state(*state) }
        }
        Change::DelegationCreated(delegation) => {
            api::Change::DelegationCreated { delegation: wire_delegation(delegation) }
        }
        Change::DelegationRevoked(id) => api::Change::DelegationRevoked { delegation: id.to_string() },
        Change::EndorsementCreated(endorsement) => {
            api::Change::EndorsementCreated { endorsement: wire_endorsement(endorsement) }
        }
        Change::EndorsementRevoked(id) => api::Change::EndorsementRevoked { endorsement: id.to_string() },
        Change::RequestSet(request) => {
            api::Change::RequestSet { request: Box::new(wire_request(request, None, request.asked_at)) }
        }
        Change::ApprovalSet(approval) => {
            api::Change::ApprovalSet { approval: Box::new(wire_approval(approval, approval.asked_at)) }
        }
        Change::Consumed(consumption) => api::Change::Consumed {
            decision: consumption.decision.to_string(),
            task: consumption.task.as_ref().map(ToString::to_string),
            reserved_until: consumption.reserved.as_ref().map(|reserved| wire_time(reserved.until)),
        },
        Change::ReservationCommitted(id, task, _) => {
            api::Change::ReservationCommitted { reservation: id.to_string(), task: task.to_string() }
        }
        Change::ReservationReleased(id, task) => {
            api::Change::ReservationReleased { reservation: id.to_string(), task: task.to_string() }
        }
        Change::TenantCreated(tenant) => api::Change::TenantCreated { tenant: tenant.to_string() },
        Change::TenantNamed(tenant, name) => {
            api::Change::TenantNamed { tenant: tenant.to_string(), display_name: name.clone() }
        }
        Change::TenantDeleted(tenant) => api::Change::TenantDeleted { tenant: tenant.to_string() },
        Change::KeyCreated(key) => api::Change::KeyCreated { key: wire_key(key) },
        Change::KeyRevoked(id) => api::Change::KeyRevoked { key: id.to_string() },
        Change::SecretMade(_) | Change::WorkDigested(_) | Change::SpendingSet(..) => return None,
    };
    Some(shown)
}

pub(crate) fn wire_authzen_mapping(mapping: &AuthzenMapping) -> api::authzen::Mapping {
    api::authzen::Mapping {
        actions: mapping.actions.iter().map(|(name, permission)| (name.clone(), permission.to_string())).collect(),
        types: mapping.types.iter().map(|(name, kind)| (name.clone(), kind.to_string())).collect(),
        resources: mapping.resources.iter().map(|(name, object)| (name.clone(), wire_object(object))).collect(),
    }
}

pub(crate) fn wire_applied(authority: &Authority, tenant: &TenantName, applied: &Applied) -> api::ApplyResponse {
    let differences = applied.difference.iter().map(|difference| api::Difference {
        effect: match difference.effect {
            Effect::Added => api::Effect::Added,
            Effect::Changed => api::Effect::Changed,
            Effect::Removed => api::Effect::Removed,
        },
        section: difference.section.word().to_owned(),
        name: difference.name.clone(),
        detail: difference.detail.clone(),
    });
    api::ApplyResponse {
        differences: differences.collect(),
        notes: applied.notes.clone(),
        receipt: applied.receipt.map(|receipt| wire_receipt_in(authority, tenant, receipt)),
    }
}

pub(crate) fn wire_stats(stats: &prokura::StoreStats) -> api::Stats {
    let tenants = stats.tenants.iter().map(|(tenant, stats)| api::TenantStats {
        tenant: tenant.to_string(),
        objects: stats.objects,
        relationships: stats.relationships,
        ended: stats.ended,
        with_terms: stats.with_terms,
        memory: stats.bytes,
        names: stats.name_bytes,
        free: stats.free_bytes,
    });
    let (memory, memory_max) = (stats.memory, stats.memory_max);
    api::Stats { memory, memory_max, resident: resident_bytes(), tenants: tenants.collect() }
}

/// What this process takes, as Linux tells it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?;
    kilobytes.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
