//! Lists of who may do what to which, and the tree of a permission.

use std::sync::Arc;

use prokura::{
    Expansion, ExpansionNode, ExpansionOperation, FoundResource, FoundSubject, Permissionship, ResourceLookup,
    SubjectLookup,
};
use prokura_api::grpc::v1::{
    self, ErrorReason, LookupPermissionship, lookup_subjects_request::WildcardOption,
    permission_relationship_tree::TreeType,
};
use prokura_model::SubjectRef;
use tonic::{Code, Status};

use super::{
    arrival::Arrival,
    convert::{self, as_wildcard},
    listed::{Listed, Shared},
    moment::{self, Walk},
    refused::{of_ask, of_refusal, reasoned},
    stream::Pages,
};
use crate::{app::App, limits::LOOKUP_LIMIT_MAX};

/// How many at most; zero is as many as there are.
pub(super) fn limit(wanted: u32) -> Result<usize, Status> {
    match usize::try_from(wanted) {
        Ok(0) => Ok(usize::MAX),
        Ok(wanted) if wanted <= LOOKUP_LIMIT_MAX => Ok(wanted),
        _ => {
            let message = format!("a limit is at most {LOOKUP_LIMIT_MAX}, not {wanted}; go on with the cursor");
            let metadata =
                [("limit_provided", wanted.to_string()), ("maximum_limit_allowed", LOOKUP_LIMIT_MAX.to_string())];
            Err(reasoned(Code::InvalidArgument, ErrorReason::ExceedsMaximumAllowableLimit, message, metadata))
        }
    }
}

pub(super) async fn expand(
    app: &Arc<App>,
    arrival: &Arrival,
    wire: &v1::ExpandPermissionTreeRequest,
) -> Result<v1::ExpandPermissionTreeResponse, Status> {
    let tenant = arrival.reads()?;
    let resource = convert::object(wire.resource.as_ref(), &"resource")?;
    let permission = convert::relation(&wire.permission, &"permission")?;
    let snapshot = moment::snapshot(app, &tenant, wire.consistency.as_ref())?;
    let expanded_at = moment::token(app, &tenant, snapshot.revision());
    let work = move || snapshot.expand(&resource, &permission, &prokura::Context::new());
    let expanded =
        tokio::task::spawn_blocking(work).await.map_err(|_| Status::internal("the work for this call failed"))?;
    let tree = expanded.map_err(|error| of_ask(&error))?;
    Ok(v1::ExpandPermissionTreeResponse { expanded_at, tree_root: Some(wire_tree(&tree)) })
}

fn wire_tree(tree: &Expansion) -> v1::PermissionRelationshipTree {
    use v1::algebraic_subject_set::Operation;
    let kind = match &tree.node {
        ExpansionNode::Leaf(subjects) => TreeType::Leaf(v1::DirectSubjectSet {
            subjects: subjects.iter().map(|(subject, _)| convert::wire_subject(subject)).collect(),
        }),
        ExpansionNode::Operation(operation, parts) => {
            let operation = match operation {
                ExpansionOperation::Union => Operation::Union,
                ExpansionOperation::Intersection => Operation::Intersection,
                ExpansionOperation::Exclusion => Operation::Exclusion,
            };
            TreeType::Intermediate(v1::AlgebraicSubjectSet {
                operation: operation.into(),
                children: parts.iter().map(wire_tree).collect(),
            })
        }
    };
    v1::PermissionRelationshipTree {
        expanded_object: Some(convert::wire_object(&tree.goal.object)),
        expanded_relation: tree.goal.member.to_string(),
        tree_type: Some(kind),
    }
}

fn wire_lookup(permissionship: &Permissionship) -> (LookupPermissionship, Option<v1::PartialCaveatInfo>) {
    match permissionship {
        Permissionship::Conditional(missing) => {
            (LookupPermissionship::ConditionalPermission, Some(convert::wire_missing(missing)))
        }
        // Who is listed has what the list is of, be it the permission or the exclusion from it.
        Permissionship::Has | Permissionship::HasNot => (LookupPermissionship::HasPermission, None),
    }
}

/// What makes the entries of a list, once it is known of which moment it is.
pub(super) trait Tells<F, T>: Fn(Walk) -> Box<dyn Fn(F) -> T + Send> + Send + 'static {}

impl<F, T, M: Fn(Walk) -> Box<dyn Fn(F) -> T + Send> + Send + 'static> Tells<F, T> for M {}

pub(super) fn resources<T: Send + 'static>(
    app: &Arc<App>,
    arrival: &Arrival,
    mut wire: v1::LookupResourcesRequest,
    tells: impl Tells<FoundResource, T>,
) -> Result<Pages<T>, Status> {
    arrival.enters()?;
    let lookup = ResourceLookup {
        kind: convert::type_name(&wire.resource_object_type, &"resource_object_type")?,
        permission: convert::relation(&wire.permission, &"permission")?,
        subject: convert::subject(wire.subject.as_ref(), &"subject")?,
        context: convert::question_context(wire.context.as_ref(), &"context")?,
    };
    let tenant = match (&lookup.subject, arrival.asks()) {
        (SubjectRef::Object(actor), Ok(tenant)) => {
            arrival.visit().caller.may_ask_about(actor).map_err(|refusal| of_refusal(&refusal))?;
            tenant
        }
        _ => arrival.reads()?,
    };
    convert::not_everybody(&lookup.subject, &"subject")?;
    let limit = limit(wire.optional_limit)?;
    let (consistency, cursor) = (wire.consistency.take(), wire.optional_cursor.take());
    wire.optional_limit = 0;
    let walk = Walk::new(app, &tenant, consistency.as_ref(), cursor.as_ref(), &wire)?;
    let credential = arrival.visit().caller.credential();
    Ok(Pages::whole(move || {
        let snapshot = walk.snapshot.clone().known_by(credential.clone());
        let mut found = snapshot.lookup_resources_all(&lookup).map_err(|error| of_ask(&error))?;
        if let Some(after) = &walk.after {
            found.drain(..found.partition_point(|found| found.id.as_str() <= after.as_str()));
        }
        found.truncate(limit);
        Ok(found.into_iter().map(tells(walk)))
    }))
}

/// Each entry as its message.
pub(super) fn told_resource(walk: Walk) -> Box<dyn Fn(FoundResource) -> v1::LookupResourcesResponse + Send> {
    Box::new(move |found| wire_resource(&walk, &found))
}

/// Each entry as it goes out.
pub(super) fn listed_resource(walk: Walk) -> Box<dyn Fn(FoundResource) -> Listed<v1::LookupResourcesResponse> + Send> {
    let list = Shared::of_resources(&walk);
    Box::new(move |found| match found {
        FoundResource { id, permissionship: Permissionship::Has } => Listed::Plain { list: Arc::clone(&list), id },
        found => Listed::Message(Box::new(wire_resource(&walk, &found))),
    })
}

fn wire_resource(walk: &Walk, FoundResource { id, permissionship }: &FoundResource) -> v1::LookupResourcesResponse {
    let (permissionship, missing) = wire_lookup(permissionship);
    v1::LookupResourcesResponse {
        looked_up_at: walk.token(),
        permissionship: permissionship.into(),
        partial_caveat_info: missing,
        after_result_cursor: walk.cursor(id.as_str()),
        resource_object_id: id.as_str().to_owned(),
    }
}

pub(super) fn subjects<T: Send + 'static>(
    app: &Arc<App>,
    arrival: &Arrival,
    mut wire: v1::LookupSubjectsRequest,
    tells: impl Tells<FoundSubject, T>,
) -> Result<Pages<T>, Status> {
    let tenant = arrival.reads()?;
    let relation = Some(wire.optional_subject_relation.as_str()).filter(|text| !text.is_empty());
    let lookup = SubjectLookup {
        resource: convert::object(wire.resource.as_ref(), &"resource")?,
        permission: convert::relation(&wire.permission, &"permission")?,
        kind: convert::type_name(&wire.subject_object_type, &"subject_object_type")?,
        relation: relation.map(|text| convert::relation(text, &"optional_subject_relation")).transpose()?,
        context: convert::question_context(wire.context.as_ref(), &"context")?,
    };
    let everybody = wire.wildcard_option() != WildcardOption::ExcludeWildcards;
    let limit = limit(wire.optional_concrete_limit)?;
    let (consistency, cursor) = (wire.consistency.take(), wire.optional_cursor.take());
    wire.optional_concrete_limit = 0;
    let walk = Walk::new(app, &tenant, consistency.as_ref(), cursor.as_ref(), &wire)?;
    let credential = arrival.visit().caller.credential();
    Ok(Pages::whole(move || {
        let snapshot = walk.snapshot.clone().known_by(credential.clone());
        let mut found = snapshot.lookup_subjects_all(&lookup).map_err(|error| of_ask(&error))?;
        if !everybody {
            found.retain(|found| found.id.is_some());
        }
        if let Some(after) = &walk.after {
            // Everybody comes first, and is no id.
            found.retain(|found| found.id.as_ref().is_some_and(|id| after == "*" || id.as_str() > after.as_str()));
        }
        let named_first = found.first().is_none_or(|found| found.id.is_some());
        found.truncate(limit.saturating_add(usize::from(!named_first)));
        Ok(found.into_iter().map(tells(walk)))
    }))
}

/// Each entry as its message.
pub(super) fn told_subject(walk: Walk) -> Box<dyn Fn(FoundSubject) -> v1::LookupSubjectsResponse + Send> {
    Box::new(move |found| wire_found(&walk, &found))
}

/// Each entry as it goes out.
pub(super) fn listed_subject(walk: Walk) -> Box<dyn Fn(FoundSubject) -> Listed<v1::LookupSubjectsResponse> + Send> {
    let list = Shared::of_subjects(&walk);
    Box::new(move |found| match found {
        FoundSubject { id: Some(id), permissionship: Permissionship::Has, excluded } if excluded.is_empty() => {
            Listed::Plain { list: Arc::clone(&list), id }
        }
        found => Listed::Message(Box::new(wire_found(&walk, &found))),
    })
}

fn wire_found(walk: &Walk, found: &FoundSubject) -> v1::LookupSubjectsResponse {
    let resolved = |id: &str, permissionship: &Permissionship| {
        let (permissionship, missing) = wire_lookup(permissionship);
        v1::ResolvedSubject {
            subject_object_id: id.to_owned(),
            permissionship: permissionship.into(),
            partial_caveat_info: missing,
        }
    };
    let id = as_wildcard(found.id.as_ref());
    let subject = resolved(id, &found.permissionship);
    v1::LookupSubjectsResponse {
        looked_up_at: walk.token(),
        subject_object_id: id.to_owned(),
        excluded_subject_ids: found.excluded.iter().map(|excluded| excluded.id.as_str().to_owned()).collect(),
        permissionship: subject.permissionship,
        partial_caveat_info: subject.partial_caveat_info.clone(),
        after_result_cursor: walk.cursor(id),
        excluded_subjects: found
            .excluded
            .iter()
            .map(|excluded| resolved(excluded.id.as_str(), &excluded.permissionship))
            .collect(),
        subject: Some(subject),
    }
}
