//! Between the messages of the protocol and the values of the model. Whatever comes in is checked here, with the
//! protocol's own rules for names and ids, which are narrower than ours; an error says in which field.

use std::{collections::BTreeMap, fmt::Display};

use prokura::{
    Context, Operation, Permissionship, Precondition, RelationshipUpdate,
    limits::{METADATA_BYTES_MAX, PRECONDITIONS_MAX},
};
use prokura_api::grpc::v1::{self, ErrorReason};
use prokura_model::{
    CaveatName, CaveatUse, ObjectId, ObjectRef, RelationName, Relationship, RelationshipFilter, SubjectIdFilter,
    SubjectRef, SubjectRelationFilter, Terms, Timestamp, TypeName, Value, limits::VALUE_NESTING_MAX,
};
use prost::Message;
use prost_types::{ListValue, Struct, value::Kind};
use tonic::{Code, Status};

use super::refused::{invalid, reasoned};
use crate::limits::{CONTEXT_NESTING_MAX, UPDATES_MAX};

type Checked<T> = Result<T, Status>;

/// Where in the request something is. It is written only for what is wrong there.
pub(super) type Path<'p> = &'p dyn Display;

const TYPE_RULE: &str = "^([a-z][a-z0-9_]{1,61}[a-z0-9]/)*[a-z][a-z0-9_]{1,62}[a-z0-9]$";
const RELATION_RULE: &str = "^[a-z][a-z0-9_]{1,62}[a-z0-9]$";
const OBJECT_RULE: &str = "^[a-zA-Z0-9/_|\\-=+]{1,1024}$";

fn unmatched(path: Path<'_>, rule: &str) -> Status {
    invalid(path, &format!("does not match regex pattern `{rule}`"))
}

fn missing(path: Path<'_>) -> Status {
    invalid(path, "value is required")
}

/// The message in a field that must be there.
pub(super) fn required<'w, T>(field: Option<&'w T>, path: Path<'_>) -> Checked<&'w T> {
    field.ok_or_else(|| missing(path))
}

pub(super) fn type_name(text: &str, path: Path<'_>) -> Checked<TypeName> {
    TypeName::new(text).map_err(|_| unmatched(path, TYPE_RULE))
}

pub(super) fn caveat_name(text: &str, path: Path<'_>) -> Checked<CaveatName> {
    CaveatName::new(text).map_err(|_| unmatched(path, TYPE_RULE))
}

pub(super) fn relation(text: &str, path: Path<'_>) -> Checked<RelationName> {
    RelationName::new(text).map_err(|_| unmatched(path, RELATION_RULE))
}

pub(super) fn object_id(text: &str, path: Path<'_>) -> Checked<ObjectId> {
    if text == "*" {
        return Err(invalid(path, "an object id is alphanumeric, with `/_|-=+`; a wildcard stands only for subjects"));
    }
    ObjectId::new(text).ok().filter(ObjectId::is_bare).ok_or_else(|| unmatched(path, OBJECT_RULE))
}

pub(super) fn object(wire: Option<&v1::ObjectReference>, path: Path<'_>) -> Checked<ObjectRef> {
    let wire = required(wire, path)?;
    Ok(ObjectRef {
        kind: type_name(&wire.object_type, &format_args!("{path}.object_type"))?,
        id: object_id(&wire.object_id, &format_args!("{path}.object_id"))?,
    })
}

/// A subject of a relationship, which may be a wildcard.
pub(super) fn subject(wire: Option<&v1::SubjectReference>, path: Path<'_>) -> Checked<SubjectRef> {
    let wire = required(wire, path)?;
    let object_wire = required(wire.object.as_ref(), &format_args!("{path}.object"))?;
    if object_wire.object_id == "*" {
        if !wire.optional_relation.is_empty() {
            return Err(invalid(&format_args!("{path}.optional_relation"), "a wildcard has no relation"));
        }
        return Ok(SubjectRef::Wildcard(type_name(
            &object_wire.object_type,
            &format_args!("{path}.object.object_type"),
        )?));
    }
    let object = object(Some(object_wire), &format_args!("{path}.object"))?;
    if wire.optional_relation.is_empty() {
        return Ok(SubjectRef::Object(object));
    }
    Ok(SubjectRef::Userset(object, relation(&wire.optional_relation, &format_args!("{path}.optional_relation"))?))
}

/// Refuses a wildcard where somebody is asked about.
pub(super) fn not_everybody(subject: &SubjectRef, path: Path<'_>) -> Checked<()> {
    let SubjectRef::Wildcard(kind) = subject else { return Ok(()) };
    let message = format!("{path}: `{kind}:*` stands for every `{kind}`; ask about one of them");
    Err(reasoned(Code::InvalidArgument, ErrorReason::WildcardNotAllowed, message, []))
}

/// A relationship, and on which terms it holds.
pub(super) fn relationship(wire: Option<&v1::Relationship>, path: Path<'_>) -> Checked<(Relationship, Terms)> {
    let wire = required(wire, path)?;
    let identity = Relationship {
        resource: object(wire.resource.as_ref(), &format_args!("{path}.resource"))?,
        relation: relation(&wire.relation, &format_args!("{path}.relation"))?,
        subject: subject(wire.subject.as_ref(), &format_args!("{path}.subject"))?,
    };
    // Clients send a caveat without a name where they mean none.
    let caveat = match wire.optional_caveat.as_ref().filter(|caveat| !caveat.caveat_name.is_empty()) {
        None => None,
        Some(caveat) => Some(CaveatUse {
            name: caveat_name(&caveat.caveat_name, &format_args!("{path}.optional_caveat.caveat_name"))?,
            context: context(caveat.context.as_ref(), &format_args!("{path}.optional_caveat.context"))?,
        }),
    };
    let expires_at = wire.optional_expires_at.as_ref();
    let expires_at = expires_at.map(|time| moment(time, &format_args!("{path}.optional_expires_at"))).transpose()?;
    Ok((identity, Terms { caveat, expires_at }))
}

/// Which relationships are meant. A filter that says nothing is refused.
pub(super) fn filter(wire: &v1::RelationshipFilter, path: Path<'_>) -> Checked<RelationshipFilter> {
    let fault = |fault: &str| {
        let message = format!("the relationship filter provided is not valid: `{path}`: {fault}");
        Err(reasoned(Code::InvalidArgument, ErrorReason::InvalidFilter, message, []))
    };
    if *wire == v1::RelationshipFilter::default() {
        return fault("it names nothing");
    }
    if !wire.optional_resource_id.is_empty() && !wire.optional_resource_id_prefix.is_empty() {
        return fault("resource_id and resource_id_prefix cannot be set at the same time");
    }
    fn given<T>(text: &str, path: Path<'_>, read: fn(&str, Path<'_>) -> Checked<T>) -> Checked<Option<T>> {
        if text.is_empty() { Ok(None) } else { read(text, path).map(Some) }
    }
    let prefix =
        given(&wire.optional_resource_id_prefix, &format_args!("{path}.optional_resource_id_prefix"), object_id)?;
    let mut found = RelationshipFilter {
        resource_type: given(&wire.resource_type, &format_args!("{path}.resource_type"), type_name)?,
        resource_id: given(&wire.optional_resource_id, &format_args!("{path}.optional_resource_id"), object_id)?,
        resource_id_prefix: prefix.map(|prefix| prefix.as_str().to_owned()),
        relation: given(&wire.optional_relation, &format_args!("{path}.optional_relation"), relation)?,
        ..RelationshipFilter::default()
    };
    if let Some(subject) = &wire.optional_subject_filter {
        let at = format!("{path}.optional_subject_filter");
        found.subject_type = Some(type_name(&subject.subject_type, &format_args!("{at}.subject_type"))?);
        found.subject_id = match subject.optional_subject_id.as_str() {
            "*" => Some(SubjectIdFilter::Wildcard),
            id => given(id, &format_args!("{at}.optional_subject_id"), object_id)?.map(SubjectIdFilter::Object),
        };
        found.subject_relation = match &subject.optional_relation {
            None => None,
            Some(named) if named.relation.is_empty() => Some(SubjectRelationFilter::Absent),
            Some(named) => {
                let name = relation(&named.relation, &format_args!("{at}.optional_relation.relation"))?;
                Some(SubjectRelationFilter::Named(name))
            }
        };
    }
    Ok(found)
}

pub(super) fn preconditions(wire: &[v1::Precondition]) -> Checked<Vec<Precondition>> {
    use v1::precondition::Operation;
    if wire.len() > PRECONDITIONS_MAX {
        let message = format!("a write has at most {PRECONDITIONS_MAX} preconditions, not {}", wire.len());
        let metadata = [
            ("precondition_count", wire.len().to_string()),
            ("maximum_preconditions_allowed", PRECONDITIONS_MAX.to_string()),
        ];
        let reason = ErrorReason::TooManyPreconditionsInRequest;
        return Err(reasoned(Code::InvalidArgument, reason, message, metadata));
    }
    let read = |(position, wire): (usize, &v1::Precondition)| {
        let path = format!("optional_preconditions[{position}]");
        let must_match = match wire.operation() {
            Operation::MustMatch => true,
            Operation::MustNotMatch => false,
            Operation::Unspecified => return Err(invalid(&format_args!("{path}.operation"), "value is required")),
        };
        let at = format!("{path}.filter");
        let wire = required(wire.filter.as_ref(), &at)?;
        if *wire == v1::RelationshipFilter::default() {
            let message = format!("the relationship filter provided is not valid: `{at}`: it names nothing");
            return Err(reasoned(Code::InvalidArgument, ErrorReason::EmptyPrecondition, message, []));
        }
        Ok(Precondition { must_match, filter: filter(wire, &at)? })
    };
    wire.iter().enumerate().map(read).collect()
}

pub(super) fn updates(wire: &[v1::RelationshipUpdate]) -> Checked<Vec<RelationshipUpdate>> {
    use v1::relationship_update::Operation as Wire;
    if wire.len() > UPDATES_MAX {
        let message = format!("a write has at most {UPDATES_MAX} updates, not {}", wire.len());
        let metadata = [("update_count", wire.len().to_string()), ("maximum_updates_allowed", UPDATES_MAX.to_string())];
        return Err(reasoned(Code::InvalidArgument, ErrorReason::TooManyUpdatesInRequest, message, metadata));
    }
    let read = |(position, wire): (usize, &v1::RelationshipUpdate)| {
        let path = format!("updates[{position}]");
        let (relationship, terms) = relationship(wire.relationship.as_ref(), &format_args!("{path}.relationship"))?;
        let operation = match wire.operation() {
            Wire::Create => Operation::Create,
            Wire::Touch => Operation::Touch,
            Wire::Delete => Operation::Delete,
            Wire::Unspecified => return Err(invalid(&format_args!("{path}.operation"), "value is required")),
        };
        Ok(RelationshipUpdate { operation, relationship, terms })
    };
    wire.iter().enumerate().map(read).collect()
}

/// What is to be kept with a transaction.
pub(super) fn metadata(wire: Option<&Struct>) -> Checked<Option<Value>> {
    let Some(wire) = wire else { return Ok(None) };
    let size = wire.encoded_len();
    if size > METADATA_BYTES_MAX {
        let message = format!("the metadata of a transaction has at most {METADATA_BYTES_MAX} bytes, not {size}");
        let metadata = [
            ("metadata_byte_size", size.to_string()),
            ("maximum_allowed_metadata_byte_size", METADATA_BYTES_MAX.to_string()),
        ];
        return Err(reasoned(Code::InvalidArgument, ErrorReason::TransactionMetadataTooLarge, message, metadata));
    }
    context(Some(wire), &"optional_transaction_metadata").map(|members| Some(Value::Map(members)))
}

/// A moment, to the millisecond below; what lies before 1970 is over all the same.
fn moment(wire: &prost_types::Timestamp, path: Path<'_>) -> Checked<Timestamp> {
    /// The end of the year 9999, in seconds.
    const SECONDS_END: i64 = 253_402_300_800;
    if !(0..1_000_000_000).contains(&wire.nanos) || wire.seconds >= SECONDS_END {
        return Err(invalid(path, "is not a moment of the years 1 to 9999"));
    }
    let milliseconds = u64::try_from(wire.nanos / 1_000_000).unwrap_or(0);
    Ok(match u64::try_from(wire.seconds) {
        Ok(seconds) => Timestamp(seconds.saturating_mul(1_000).saturating_add(milliseconds)),
        Err(_) => Timestamp(0),
    })
}

/// The members of a context. A number without a fraction is an integer.
pub(super) fn context(wire: Option<&Struct>, path: Path<'_>) -> Checked<Context> {
    wire.map_or_else(|| Ok(Context::new()), |wire| members(&wire.fields, path, VALUE_NESTING_MAX))
}

/// The context of a question, which is recorded as part of it.
pub(super) fn question_context(wire: Option<&Struct>, path: Path<'_>) -> Checked<Context> {
    wire.map_or_else(|| Ok(Context::new()), |wire| members(&wire.fields, path, CONTEXT_NESTING_MAX))
}

fn members(
    wire: &BTreeMap<String, prost_types::Value>,
    path: Path<'_>,
    nesting: usize,
) -> Checked<BTreeMap<String, Value>> {
    wire.iter().map(|(name, value_wire)| Ok((name.clone(), value(value_wire, path, nesting)?))).collect()
}

fn value(wire: &prost_types::Value, path: Path<'_>, nesting: usize) -> Checked<Value> {
    let Some(nesting) = nesting.checked_sub(1) else {
        return Err(invalid(path, "is nested too deeply"));
    };
    Ok(match &wire.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => Value::Bool(*value),
        Some(Kind::NumberValue(number)) => self::number(*number, path)?,
        Some(Kind::StringValue(text)) => Value::String(text.clone()),
        Some(Kind::ListValue(list)) => {
            Value::List(list.values.iter().map(|entry| value(entry, path, nesting)).collect::<Checked<_>>()?)
        }
        Some(Kind::StructValue(inner)) => Value::Map(members(&inner.fields, path, nesting)?),
    })
}

#[expect(clippy::cast_possible_truncation, reason = "without a fraction and below 2^53, a float is exactly an integer")]
fn number(number: f64, path: Path<'_>) -> Checked<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !number.is_finite() {
        return Err(invalid(path, "has a number that is not finite"));
    }
    let whole = number.fract() == 0.0 && number.abs() < EXACT;
    Ok(if whole { Value::Integer(number as i64) } else { Value::Float(number) })
}

// From here on, what goes out.

pub(super) fn wire_object(object: &ObjectRef) -> v1::ObjectReference {
    v1::ObjectReference { object_type: object.kind.to_string(), object_id: object.id.as_str().to_owned() }
}

pub(super) fn wire_subject(subject: &SubjectRef) -> v1::SubjectReference {
    let (object, member) = match subject {
        SubjectRef::Object(object) => (wire_object(object), String::new()),
        SubjectRef::Userset(object, member) => (wire_object(object), member.to_string()),
        SubjectRef::Wildcard(kind) => {
            (v1::ObjectReference { object_type: kind.to_string(), object_id: "*".to_owned() }, String::new())
        }
    };
    v1::SubjectReference { object: Some(object), optional_relation: member }
}

/// The id as text, where none is everybody.
pub(super) fn as_wildcard(id: Option<&ObjectId>) -> &str {
    id.map_or("*", ObjectId::as_str)
}

pub(super) fn wire_relationship(relationship: &Relationship, terms: &Terms) -> v1::Relationship {
    v1::Relationship {
        resource: Some(wire_object(&relationship.resource)),
        relation: relationship.relation.to_string(),
        subject: Some(wire_subject(&relationship.subject)),
        optional_caveat: terms.caveat.as_ref().map(|caveat| v1::ContextualizedCaveat {
            caveat_name: caveat.name.to_string(),
            context: Some(wire_context(&caveat.context)),
        }),
        optional_expires_at: terms.expires_at.map(wire_moment),
    }
}

pub(super) fn wire_moment(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: i64::try_from(time.0 / 1_000).unwrap_or(i64::MAX),
        nanos: i32::try_from(time.0 % 1_000 * 1_000_000).unwrap_or(0),
    }
}

pub(super) fn wire_context(context: &BTreeMap<String, Value>) -> Struct {
    Struct { fields: context.iter().map(|(name, value)| (name.clone(), wire_value(value))).collect() }
}

#[expect(clippy::cast_precision_loss, reason = "the protocol has no other numbers")]
fn wire_value(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(*value),
        Value::Integer(number) => Kind::NumberValue(*number as f64),
        Value::Float(number) => Kind::NumberValue(*number),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::List(values) => Kind::ListValue(ListValue { values: values.iter().map(wire_value).collect() }),
        Value::Map(members) => Kind::StructValue(wire_context(members)),
    };
    prost_types::Value { kind: Some(kind) }
}

/// What a check came to, and what must be known to say more.
pub(super) fn wire_permissionship(
    permissionship: &Permissionship,
) -> (v1::check_permission_response::Permissionship, Option<v1::PartialCaveatInfo>) {
    use v1::check_permission_response::Permissionship as Wire;
    match permissionship {
        Permissionship::Has => (Wire::HasPermission, None),
        Permissionship::HasNot => (Wire::NoPermission, None),
        Permissionship::Conditional(missing) => (Wire::ConditionalPermission, Some(wire_missing(missing))),
    }
}

pub(super) fn wire_missing(missing: &[String]) -> v1::PartialCaveatInfo {
    v1::PartialCaveatInfo { missing_required_context: missing.to_vec() }
}
