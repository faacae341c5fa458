//! The gRPC door in the words of the test kit.

use std::collections::{BTreeMap, BTreeSet};

use prokura_api::grpc::{
    rpc,
    v1::{
        self, CheckBulkPermissionsRequestItem as Item, LookupPermissionship, check_bulk_permissions_pair::Response,
        check_permission_response::Permissionship, consistency::Requirement, relationship_update::Operation,
    },
};
use prokura_model::{Change, ObjectRef, RelationName, Relationship, SubjectRef, Terms, TypeName, Value};
use prokura_testkit::{Answer, Context, List, Standing};
use prost::Message;
use prost_types::{ListValue, Struct, Timestamp, value::Kind};
use tonic::Status;

use super::wire::{self, Caller};
use crate::support::Setup;

/// Somebody who may ask everything.
pub(crate) struct Door {
    pub(super) caller: Caller,
}

impl Door {
    pub(crate) async fn of(setup: &Setup) -> Self {
        Self { caller: Caller::new(setup, &setup.admin).await }
    }

    /// The token of the state that the schema made.
    pub(crate) async fn write_schema(&self, text: &str) -> v1::ZedToken {
        let request = v1::WriteSchemaRequest { schema: text.to_owned() };
        self.caller.schema().write_schema(request).await.unwrap().into_inner().written_at.unwrap()
    }

    /// In one transaction.
    pub(super) async fn write(&self, updates: Vec<v1::RelationshipUpdate>) {
        let request = v1::WriteRelationshipsRequest { updates, ..Default::default() };
        self.caller.permissions().write_relationships(request).await.unwrap();
    }

    pub(crate) async fn check(&self, item: Item) -> Answer {
        let Item { resource, permission, subject, context } = item;
        let (consistency, with_tracing) = (newest(), false);
        let request = v1::CheckPermissionRequest { consistency, resource, permission, subject, context, with_tracing };
        match self.caller.permissions().check_permission(request).await {
            Ok(found) => {
                let found = found.into_inner();
                checked(found.permissionship(), found.partial_caveat_info.as_ref())
            }
            Err(status) => failed(&status),
        }
    }

    pub(crate) async fn checks(&self, items: Vec<Item>) -> Vec<Answer> {
        let request = v1::CheckBulkPermissionsRequest { consistency: newest(), items, with_tracing: false };
        let found = self.caller.permissions().check_bulk_permissions(request).await.unwrap().into_inner();
        let answer = |pair: v1::CheckBulkPermissionsPair| match pair.response.unwrap() {
            Response::Item(item) => checked(item.permissionship(), item.partial_caveat_info.as_ref()),
            Response::Error(error) => Answer::Failed(code(&error)),
        };
        found.pairs.into_iter().map(answer).collect()
    }

    /// By pages of so many, each from where the one before ended; all at once if that is none.
    pub(crate) async fn resources(
        &self,
        (kind, permission): (&TypeName, &RelationName),
        of: &SubjectRef,
        context: &Context,
        page: u32,
    ) -> Answer {
        let mut request = v1::LookupResourcesRequest {
            consistency: newest(),
            resource_object_type: kind.to_string(),
            permission: permission.to_string(),
            subject: Some(subject(of)),
            context: Some(members(context)),
            optional_limit: page,
            ..Default::default()
        };
        let mut list = List::default();
        loop {
            let found = match wire::all(self.caller.permissions().lookup_resources(request.clone())).await {
                Ok(found) => found,
                Err(status) => return failed(&status),
            };
            for one in &found {
                let stands = listed(one.permissionship(), one.partial_caveat_info.as_ref());
                let before = list.named.insert(one.resource_object_id.clone(), stands);
                assert!(before.is_none(), "{} came twice", one.resource_object_id);
            }
            request.optional_cursor = match next(&found, page) {
                Some(last) => last.after_result_cursor.clone(),
                None => return Answer::Listed(list),
            };
        }
    }

    /// By pages of so many, each from where the one before ended; all at once if that is none.
    pub(crate) async fn subjects(
        &self,
        (resource, permission): (&ObjectRef, &RelationName),
        (kind, relation): (&TypeName, Option<&RelationName>),
        context: &Context,
        page: u32,
    ) -> Answer {
        let mut request = v1::LookupSubjectsRequest {
            consistency: newest(),
            resource: Some(object(resource)),
            permission: permission.to_string(),
            subject_object_type: kind.to_string(),
            optional_subject_relation: relation.map(ToString::to_string).unwrap_or_default(),
            context: Some(members(context)),
            optional_concrete_limit: page,
            ..Default::default()
        };
        let mut list = List::default();
        loop {
            let found = match wire::all(self.caller.permissions().lookup_subjects(request.clone())).await {
                Ok(found) => found,
                Err(status) => return failed(&status),
            };
            let (everyone, named): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|one| one.subject.as_ref().unwrap().subject_object_id == "*");
            for one in &named {
                let subject = one.subject.as_ref().unwrap();
                let stands = listed(subject.permissionship(), subject.partial_caveat_info.as_ref());
                let before = list.named.insert(subject.subject_object_id.clone(), stands);
                assert!(before.is_none(), "{} came twice", subject.subject_object_id);
            }
            assert!(everyone.len() <= usize::from(request.optional_cursor.is_none()), "everyone came twice");
            for one in &everyone {
                take_in(&mut list, one);
            }
            request.optional_cursor = match next(&named, page) {
                Some(last) => last.after_result_cursor.clone(),
                None => return Answer::Listed(list.plain()),
            };
        }
    }

    /// Every relationship of the types, by its text.
    pub(crate) async fn read(&self, kinds: &BTreeSet<TypeName>) -> BTreeMap<String, v1::Relationship> {
        let mut stored = BTreeMap::new();
        for kind in kinds {
            let request = v1::ReadRelationshipsRequest {
                consistency: newest(),
                relationship_filter: wire::of_type(kind.as_str()),
                ..Default::default()
            };
            for found in wire::all(self.caller.permissions().read_relationships(request)).await.unwrap() {
                let found = found.relationship.unwrap();
                let before = stored.insert(text(&found), found);
                assert!(before.is_none(), "{before:?} came twice");
            }
        }
        stored
    }

    /// What somebody knows who watched from this state on, until nothing more is told.
    pub(crate) async fn watched(&self, from: v1::ZedToken) -> BTreeMap<String, v1::Relationship> {
        let kinds = [v1::WatchKind::IncludeRelationshipUpdates, v1::WatchKind::IncludeCheckpoints];
        let request = v1::WatchRequest {
            optional_start_cursor: Some(from),
            optional_update_kinds: kinds.map(Into::into).to_vec(),
            ..Default::default()
        };
        let mut told = self.caller.watch().watch(request).await.unwrap().into_inner();
        let mut known = BTreeMap::new();
        loop {
            let message = told.message().await.unwrap().unwrap();
            if message.is_checkpoint {
                return known;
            }
            for update in message.updates {
                let operation = update.operation();
                let relationship = update.relationship.unwrap();
                if operation == Operation::Delete {
                    known.remove(&text(&relationship));
                } else {
                    known.insert(text(&relationship), relationship);
                }
            }
        }
    }
}

fn newest() -> Option<v1::Consistency> {
    Some(v1::Consistency { requirement: Some(Requirement::FullyConsistent(true)) })
}

/// The last of a page after which there may be another.
fn next<T>(found: &[T], page: u32) -> Option<&T> {
    let page = usize::try_from(page).unwrap();
    assert!(page == 0 || found.len() <= page, "{} on a page of {page}", found.len());
    found.last().filter(|_| found.len() == page)
}

fn take_in(list: &mut List, everyone: &v1::LookupSubjectsResponse) {
    let subject = everyone.subject.as_ref().unwrap();
    list.others = listed(subject.permissionship(), subject.partial_caveat_info.as_ref());
    for excluded in &everyone.excluded_subjects {
        // Here it is told whether somebody is excluded, so a yes is a no.
        let stands = match listed(excluded.permissionship(), excluded.partial_caveat_info.as_ref()) {
            Standing::Has => Standing::HasNot,
            other => other,
        };
        list.named.insert(excluded.subject_object_id.clone(), stands);
    }
}

fn checked(permissionship: Permissionship, missing: Option<&v1::PartialCaveatInfo>) -> Answer {
    match permissionship {
        Permissionship::HasPermission => Answer::Has,
        Permissionship::NoPermission => Answer::HasNot,
        Permissionship::ConditionalPermission => Answer::Conditional(names(missing)),
        Permissionship::Unspecified => panic!("no answer"),
    }
}

fn listed(permissionship: LookupPermissionship, missing: Option<&v1::PartialCaveatInfo>) -> Standing {
    match permissionship {
        LookupPermissionship::HasPermission => Standing::Has,
        LookupPermissionship::ConditionalPermission => Standing::Conditional(names(missing)),
        LookupPermissionship::Unspecified => panic!("no answer"),
    }
}

fn names(missing: Option<&v1::PartialCaveatInfo>) -> BTreeSet<String> {
    missing.unwrap().missing_required_context.iter().cloned().collect()
}

fn failed(status: &Status) -> Answer {
    Answer::Failed(code(&rpc::Status::decode(status.details()).unwrap()))
}

/// Our stable code for a failure; where there is none to name, the failure itself.
fn code(status: &rpc::Status) -> String {
    let information = status.details.first().map(|detail| rpc::ErrorInfo::decode(detail.value.as_slice()).unwrap());
    match information.as_ref().map(|information| information.reason.as_str()) {
        Some("ERROR_REASON_UNKNOWN_DEFINITION") => "type_unknown".to_owned(),
        Some("ERROR_REASON_UNKNOWN_RELATION_OR_PERMISSION") => "member_unknown".to_owned(),
        Some("ERROR_REASON_WILDCARD_NOT_ALLOWED") => "wildcard_subject".to_owned(),
        Some("ERROR_REASON_CAVEAT_EVALUATION_ERROR") => "caveat_failed".to_owned(),
        // The protocol knows a question that leads to itself as one that goes too deep.
        Some("ERROR_REASON_MAXIMUM_DEPTH_EXCEEDED") => "undecidable".to_owned(),
        _ => format!("{status:?}"),
    }
}

pub(crate) fn item(resource: &ObjectRef, permission: &RelationName, who: &SubjectRef, context: &Context) -> Item {
    Item {
        resource: Some(object(resource)),
        permission: permission.to_string(),
        subject: Some(subject(who)),
        context: Some(members(context)),
    }
}

/// The change as this protocol has it; none if it has no such thing.
pub(super) fn update(change: &Change) -> Option<v1::RelationshipUpdate> {
    let (operation, relationship) = match change {
        Change::RelationshipTouched(edge, terms) => (Operation::Touch, relationship(edge, terms)),
        Change::RelationshipDeleted(edge) => (Operation::Delete, relationship(edge, &Terms::default())),
        _ => return None,
    };
    Some(v1::RelationshipUpdate { operation: operation.into(), relationship: Some(relationship) })
}

pub(crate) fn relationship(edge: &Relationship, terms: &Terms) -> v1::Relationship {
    let caveat = terms.caveat.as_ref().map(|caveat| v1::ContextualizedCaveat {
        caveat_name: caveat.name.to_string(),
        context: Some(members(&caveat.context)).filter(|context| !context.fields.is_empty()),
    });
    let end = terms.expires_at.map(|end| Timestamp {
        seconds: i64::try_from(end.0 / 1_000).unwrap(),
        nanos: i32::try_from(end.0 % 1_000).unwrap() * 1_000_000,
    });
    v1::Relationship {
        resource: Some(object(&edge.resource)),
        relation: edge.relation.to_string(),
        subject: Some(subject(&edge.subject)),
        optional_caveat: caveat,
        optional_expires_at: end,
    }
}

/// Without its terms.
pub(crate) fn text(relationship: &v1::Relationship) -> String {
    let named = |object: &Option<v1::ObjectReference>| {
        let object = object.as_ref().unwrap();
        format!("{}:{}", object.object_type, object.object_id)
    };
    let subject = relationship.subject.as_ref().unwrap();
    let userset = Some(&subject.optional_relation).filter(|name| !name.is_empty()).map(|name| format!("#{name}"));
    let (resource, relation) = (named(&relationship.resource), &relationship.relation);
    format!("{resource}#{relation}@{}{}", named(&subject.object), userset.unwrap_or_default())
}

fn object(found: &ObjectRef) -> v1::ObjectReference {
    wire::object(found.kind.as_str(), found.id.as_str()).unwrap()
}

fn subject(found: &SubjectRef) -> v1::SubjectReference {
    let (object, relation) = match found {
        SubjectRef::Object(found) => (object(found), String::new()),
        SubjectRef::Userset(found, relation) => (object(found), relation.to_string()),
        SubjectRef::Wildcard(kind) => (wire::object(kind.as_str(), "*").unwrap(), String::new()),
    };
    v1::SubjectReference { object: Some(object), optional_relation: relation }
}

fn members(context: &Context) -> Struct {
    Struct { fields: context.iter().map(|(name, found)| (name.clone(), value(found))).collect() }
}

fn value(found: &Value) -> prost_types::Value {
    let kind = match found {
        Value::Null => Kind::NullValue(0),
        Value::Bool(found) => Kind::BoolValue(*found),
        // The wire knows no whole numbers, and the tests' are small.
        Value::Integer(found) => Kind::NumberValue(f64::from(i32::try_from(*found).unwrap())),
        Value::Float(found) => Kind::NumberValue(*found),
        Value::String(found) => Kind::StringValue(found.clone()),
        Value::List(found) => Kind::ListValue(ListValue { values: found.iter().map(value).collect() }),
        Value::Map(found) => Kind::StructValue(members(found)),
    };
    prost_types::Value { kind: Some(kind) }
}
