//! The calls that are measured, and what is right about their answers.

use std::{
    collections::BTreeSet,
    rc::Rc,
    time::{Duration, Instant},
};

use hyper::body::Bytes;
use prokura_api::grpc::v1::{
    self, check_bulk_permissions_pair::Response as Item, check_permission_response::Permissionship,
};
use prokura_model::{ObjectRef, Relationship, SubjectRef};
use prost::Message;

use super::{Connection, framed, only};
use crate::bench::{
    Outcome,
    data::{Check, lists::List},
    drive::{Answered, drive, runtime},
    measure::{self, Figures, Sample},
    processes::Target,
    results::Pair,
};

const CHECK: &str = "/authzed.api.v1.PermissionsService/CheckPermission";
const CHECK_BULK: &str = "/authzed.api.v1.PermissionsService/CheckBulkPermissions";
const RESOURCES: &str = "/authzed.api.v1.PermissionsService/LookupResources";
const SUBJECTS: &str = "/authzed.api.v1.PermissionsService/LookupSubjects";
const WRITE: &str = "/authzed.api.v1.PermissionsService/WriteRelationships";

/// How hard the server is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Concurrency {
    pub(crate) connections: usize,
    /// On each connection.
    pub(crate) in_flight: usize,
    pub(crate) duration: Duration,
}

impl Concurrency {
    pub(crate) fn in_all(self) -> usize {
        self.connections * self.in_flight
    }

    pub(crate) fn alone(self) -> Self {
        Self { connections: 1, in_flight: 1, ..self }
    }

    /// So many in flight, on connections of their own.
    pub(crate) fn of(self, connections: usize) -> Self {
        Self { connections, in_flight: 1, ..self }
    }
}

/// Requests to one method, each with what is right, and who says whether an answer is.
struct Calls<R> {
    path: &'static str,
    requests: Vec<(Bytes, R)>,
    wrong: fn(&[Bytes], &R) -> Outcome<u64>,
}

/// Asks for the figures, with one call in flight and with as many as the load says.
pub(crate) fn pair(concurrency: Concurrency, measured: impl Fn(Concurrency) -> Outcome<Figures>) -> Outcome<Pair> {
    Ok(Pair { alone: measured(concurrency.alone())?, busy: measured(concurrency)? })
}

/// Single checks of each of these targets, an id and a name for each: in turn, so that they can be compared.
pub(crate) fn in_turn<const N: usize>(
    asked: [(&str, &str, &Target, &[Check]); N],
    concurrency: Concurrency,
) -> Outcome<[Pair; N]> {
    let measured = |concurrency: Concurrency| {
        let each = asked.map(|(id, name, target, asked)| {
            move |duration| checks(id, name, target, asked, Concurrency { duration, ..concurrency })
        });
        let each = each.each_ref().map(|measured| measured as &dyn Fn(Duration) -> Outcome<Figures>);
        measure::in_turn(concurrency.duration, each)
    };
    let (alone, busy) = (measured(concurrency.alone())?, measured(concurrency)?);
    let mut busy = busy.into_iter();
    let pairs = alone.map(|alone| Some(Pair { alone, busy: busy.next()? }));
    pairs
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .and_then(|pairs| pairs.try_into().ok())
        .ok_or_else(|| "nothing was measured".into())
}

/// Single checks, fully consistent.
pub(crate) fn checks(
    id: &str,
    name: &str,
    target: &Target,
    checks: &[Check],
    concurrency: Concurrency,
) -> Outcome<Figures> {
    let requests = checks.iter().map(|check| Ok((framed(&check_request(check))?, check.allowed)));
    let calls = Calls { path: CHECK, requests: requests.collect::<Outcome<_>>()?, wrong: wrong_check };
    Ok(Figures::of(id, name, concurrency.in_all(), 1, run(target, calls, concurrency)?))
}

/// Many checks in each call, fully consistent.
pub(crate) fn bulk(target: &Target, checks: &[Check], per_call: usize, concurrency: Concurrency) -> Outcome<Figures> {
    // The last chunk may be shorter, and would count as a whole one.
    let chunks = checks.chunks_exact(per_call.min(checks.len()).max(1));
    let request = |chunk: &[Check]| {
        let items = chunk.iter().map(|check| v1::CheckBulkPermissionsRequestItem {
            resource: Some(wire_object(&check.resource)),
            permission: check.permission.as_str().to_owned(),
            subject: Some(wire_subject(&check.subject)),
            context: None,
        });
        let request = v1::CheckBulkPermissionsRequest {
            consistency: fully(),
            items: items.collect(),
            ..v1::CheckBulkPermissionsRequest::default()
        };
        Ok((framed(&request)?, chunk.iter().map(|check| check.allowed).collect::<Rc<[bool]>>()))
    };
    let requests: Vec<_> = chunks.map(request).collect::<Outcome<_>>()?;
    let per_call = requests.first().map_or(1, |(_, right)| right.len());
    let calls = Calls { path: CHECK_BULK, requests, wrong: wrong_bulk };
    Ok(Figures::of("grpc_bulk", "gRPC bulk check", concurrency.in_all(), per_call, run(target, calls, concurrency)?))
}

/// The list of resources, over and over.
pub(crate) fn resources(target: &Target, list: &List, concurrency: Concurrency) -> Outcome<Figures> {
    let request = v1::LookupResourcesRequest {
        consistency: fully(),
        resource_object_type: "document".to_owned(),
        permission: "view".to_owned(),
        subject: Some(wire_subject(&list.of)),
        ..v1::LookupResourcesRequest::default()
    };
    let wrong = |messages: &[Bytes], right: &BTreeSet<String>| {
        let found = messages.iter().map(|message| {
            let found = v1::LookupResourcesResponse::decode(message.clone())?;
            Ok((found.permissionship == HAS_LISTED).then_some(found.resource_object_id))
        });
        wrong_list(found, right)
    };
    let calls = Calls { path: RESOURCES, requests: vec![(framed(&request)?, list.right.clone())], wrong };
    let (id, name) = (format!("grpc_resources_{}", list.size), format!("gRPC list of {} resources", list.size));
    Ok(Figures::of(id, name, concurrency.in_all(), 1, run(target, calls, concurrency)?))
}

/// The list of subjects, over and over.
pub(crate) fn subjects(target: &Target, list: &List, concurrency: Concurrency) -> Outcome<Figures> {
    let request = v1::LookupSubjectsRequest {
        consistency: fully(),
        resource: Some(wire_object(&list.of)),
        permission: "view".to_owned(),
        subject_object_type: "user".to_owned(),
        ..v1::LookupSubjectsRequest::default()
    };
    let wrong = |messages: &[Bytes], right: &BTreeSet<String>| {
        let found = messages.iter().map(|message| {
            let found = v1::LookupSubjectsResponse::decode(message.clone())?.subject.unwrap_or_default();
            Ok((found.permissionship == HAS_LISTED).then_some(found.subject_object_id))
        });
        wrong_list(found, right)
    };
    let calls = Calls { path: SUBJECTS, requests: vec![(framed(&request)?, list.right.clone())], wrong };
    let (id, name) = (format!("grpc_subjects_{}", list.size), format!("gRPC list of {} subjects", list.size));
    Ok(Figures::of(id, name, concurrency.in_all(), 1, run(target, calls, concurrency)?))
}

/// Writes of one relationship each, none of them the same.
pub(crate) fn writes(target: &Target, relationships: &[Relationship], concurrency: Concurrency) -> Outcome<Figures> {
    let touch = v1::relationship_update::Operation::Touch;
    let requests = relationships.iter().map(|relationship| Ok((framed(&written(touch, relationship))?, ())));
    let calls = Calls { path: WRITE, requests: requests.collect::<Outcome<_>>()?, wrong: |_, ()| Ok(0) };
    let sample = run(target, calls, concurrency)?;
    Ok(Figures::of("grpc_write", "gRPC write of one relationship, durable", concurrency.in_all(), 1, sample))
}

fn run<R: 'static>(target: &Target, calls: Calls<R>, concurrency: Concurrency) -> Outcome<Sample> {
    if calls.requests.is_empty() {
        return Err("there is nothing to ask: ask for more relationships, or more questions".into());
    }
    runtime()?.block_on(async {
        let calls = Rc::new(calls);
        let open = async |first: usize| {
            let connection = Connection::open(target).await?;
            let worker = |number: usize| {
                let (mut connection, calls) = (connection.clone(), Rc::clone(&calls));
                let first = (first + number) * calls.requests.len() / concurrency.in_all().max(1);
                async move |turn: usize| -> Outcome<Answered> {
                    let place = (first + turn) % calls.requests.len().max(1);
                    let Some((request, right)) = calls.requests.get(place) else {
                        return Err("there is nothing to ask".into());
                    };
                    let started = Instant::now();
                    let answer = connection.call(calls.path, request.clone()).await?;
                    let took = started.elapsed();
                    Ok(Answered { took, wrong: (calls.wrong)(&answer, right)? })
                }
            };
            Outcome::Ok((0..concurrency.in_flight).map(worker).collect::<Vec<_>>())
        };
        let mut workers = Vec::new();
        for connection in 0..concurrency.connections {
            workers.extend(open(connection * concurrency.in_flight).await?);
        }
        drive(target, workers, concurrency.duration).await
    })
}

fn wrong_check(messages: &[Bytes], allowed: &bool) -> Outcome<u64> {
    let answer: v1::CheckPermissionResponse = only(CHECK, messages)?;
    Ok(u64::from(has(answer.permissionship) != *allowed))
}

fn has(permissionship: i32) -> bool {
    permissionship == i32::from(Permissionship::HasPermission)
}

fn wrong_bulk(messages: &[Bytes], right: &Rc<[bool]>) -> Outcome<u64> {
    let answer: v1::CheckBulkPermissionsResponse = only(CHECK_BULK, messages)?;
    let answered = |pair: &v1::CheckBulkPermissionsPair| match &pair.response {
        Some(Item::Item(item)) => Some(has(item.permissionship)),
        _ => None,
    };
    let wrong =
        answer.pairs.iter().zip(right.iter()).filter(|(pair, allowed)| answered(pair) != Some(**allowed)).count();
    Ok((wrong + right.len().abs_diff(answer.pairs.len())) as u64)
}

const HAS_LISTED: i32 = v1::LookupPermissionship::HasPermission as i32;

/// How many are missing, too many, or only perhaps. The same may come twice.
fn wrong_list(found: impl Iterator<Item = Outcome<Option<String>>>, right: &BTreeSet<String>) -> Outcome<u64> {
    let mut wrong = 0;
    let mut listed = BTreeSet::new();
    for id in found {
        match id? {
            Some(id) if right.contains(&id) => {
                listed.insert(id);
            }
            _ => wrong += 1,
        }
    }
    Ok(wrong + (right.len() - listed.len()) as u64)
}

fn check_request(check: &Check) -> v1::CheckPermissionRequest {
    v1::CheckPermissionRequest {
        consistency: fully(),
        resource: Some(wire_object(&check.resource)),
        permission: check.permission.as_str().to_owned(),
        subject: Some(wire_subject(&check.subject)),
        ..v1::CheckPermissionRequest::default()
    }
}

fn written(
    operation: v1::relationship_update::Operation,
    relationship: &Relationship,
) -> v1::WriteRelationshipsRequest {
    let update =
        v1::RelationshipUpdate { operation: operation.into(), relationship: Some(wire_relationship(relationship)) };
    v1::WriteRelationshipsRequest { updates: vec![update], ..v1::WriteRelationshipsRequest::default() }
}

fn fully() -> Option<v1::Consistency> {
    Some(v1::Consistency { requirement: Some(v1::consistency::Requirement::FullyConsistent(true)) })
}

fn wire_object(object: &ObjectRef) -> v1::ObjectReference {
    v1::ObjectReference { object_type: object.kind.as_str().to_owned(), object_id: object.id.as_str().to_owned() }
}

fn wire_subject(object: &ObjectRef) -> v1::SubjectReference {
    v1::SubjectReference { object: Some(wire_object(object)), ..v1::SubjectReference::default() }
}

pub(super) fn wire_relationship(relationship: &Relationship) -> v1::Relationship {
    let subject = match &relationship.subject {
        SubjectRef::Object(object) => wire_subject(object),
        SubjectRef::Userset(object, relation) => {
            v1::SubjectReference { object: Some(wire_object(object)), optional_relation: relation.as_str().to_owned() }
        }
        SubjectRef::Wildcard(kind) => {
            let object = v1::ObjectReference { object_type: kind.as_str().to_owned(), object_id: "*".to_owned() };
            v1::SubjectReference { object: Some(object), ..v1::SubjectReference::default() }
        }
    };
    v1::Relationship {
        resource: Some(wire_object(&relationship.resource)),
        relation: relationship.relation.as_str().to_owned(),
        subject: Some(subject),
        ..v1::Relationship::default()
    }
}

/// One question or write at a time, on a connection that stays open.
pub(crate) struct Talk(Connection);

impl Talk {
    pub(crate) async fn with(target: &Target) -> Outcome<Self> {
        Ok(Self(Connection::open(target).await?))
    }

    /// Whether the subject has the permission, and how long it took to hear so.
    pub(crate) async fn check(&mut self, check: &Check) -> Outcome<(bool, Duration)> {
        let request = framed(&check_request(check))?;
        let started = Instant::now();
        let answer = self.0.call(CHECK, request).await?;
        let took = started.elapsed();
        let answer: v1::CheckPermissionResponse = only(CHECK, &answer)?;
        Ok((has(answer.permissionship), took))
    }

    pub(crate) async fn touch(&mut self, relationship: &Relationship) -> Outcome<Duration> {
        self.write(v1::relationship_update::Operation::Touch, relationship).await
    }

    pub(crate) async fn delete(&mut self, relationship: &Relationship) -> Outcome<Duration> {
        self.write(v1::relationship_update::Operation::Delete, relationship).await
    }

    async fn write(
        &mut self,
        operation: v1::relationship_update::Operation,
        relationship: &Relationship,
    ) -> Outcome<Duration> {
        let request = framed(&written(operation, relationship))?;
        let started = Instant::now();
        self.0.call(WRITE, request).await?;
        Ok(started.elapsed())
    }
}
