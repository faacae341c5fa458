//! Errors in the protocol's words: a code, and for many of them a reason that programs read.

mod caveats;
mod relationships;

use std::fmt::Display;

use axum::http::{HeaderMap, StatusCode, header};
use prokura::{AskError, DecideError, EngineError, WriteError};
use prokura_api::grpc::{ERROR_DOMAIN, ERROR_INFO_TYPE, rpc, v1::ErrorReason};
use prokura_model::{
    Fault,
    schema::{Diagnostic, SpicedbRefusal, SpicedbRefusalKind, UnknownName, spicedb_refusal},
};
use prost::Message;
use tonic::{Code, Status};

use crate::error::Refusal;

/// Whether this is a call: gRPC, or gRPC-web.
pub(crate) fn is_call(headers: &HeaderMap) -> bool {
    let named = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    named.is_some_and(|named| named.starts_with("application/grpc"))
}

/// A refusal with a reason, and what belongs to it.
pub(crate) fn reasoned(
    code: Code,
    reason: ErrorReason,
    message: impl Into<String>,
    metadata: impl IntoIterator<Item = (&'static str, String)>,
) -> Status {
    let message = message.into();
    let information = rpc::ErrorInfo {
        reason: reason.as_str_name().to_owned(),
        domain: ERROR_DOMAIN.to_owned(),
        metadata: metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    };
    let detail = prost_types::Any { type_url: ERROR_INFO_TYPE.to_owned(), value: information.encode_to_vec() };
    let status = rpc::Status { code: code.into(), message: message.clone(), details: vec![detail] };
    Status::with_details(code, message, status.encode_to_vec().into())
}

/// The request is wrong at this place.
pub(crate) fn invalid(path: &dyn Display, fault: &str) -> Status {
    Status::invalid_argument(format!("validation error: {path}: {fault}"))
}

/// The same failure as an item of an answer has it.
pub(crate) fn item(status: &Status) -> rpc::Status {
    let detailed = rpc::Status::decode(status.details()).ok().filter(|_| !status.details().is_empty());
    detailed.unwrap_or_else(|| rpc::Status {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}

/// What the other doors say with a status of HTTP.
pub(crate) fn of_refusal(refusal: &Refusal) -> Status {
    let parts = refusal.parts();
    let code = match parts.status {
        StatusCode::UNAUTHORIZED if parts.code == "credential_missing" => Code::Unauthenticated,
        // A key that opens nothing; clients of this protocol know it so.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::REQUEST_TIMEOUT => Code::DeadlineExceeded,
        StatusCode::CONFLICT => Code::FailedPrecondition,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        _ => of_fault(parts.fault),
    };
    let message = match &parts.details.path {
        Some(path) => format!("{}: {}", path, parts.message),
        None => parts.message.clone(),
    };
    Status::new(code, message)
}

pub(crate) fn of_ask(error: &AskError) -> Status {
    match error {
        AskError::Engine(error) => of_engine(error),
        AskError::RevisionNotKept { .. } | AskError::RevisionAhead { .. } => Status::out_of_range(error.to_string()),
        // What the cursor holds is not shown: it is opaque.
        AskError::CursorInvalid(_) => cursor_invalid(),
        AskError::TenantUnknown(_) => Status::not_found(error.to_string()),
        other => Status::new(of_code(other.code(), other.fault()), other.to_string()),
    }
}

pub(crate) fn cursor_invalid() -> Status {
    let message = "the cursor is not one that this call gave out for this request";
    reasoned(Code::FailedPrecondition, ErrorReason::InvalidCursor, message, [])
}

pub(crate) fn of_decide(error: &DecideError) -> Status {
    match error {
        DecideError::Undecided { error, .. } => of_engine(error),
        DecideError::TenantUnknown(_) => Status::not_found(error.to_string()),
        other => Status::new(of_code(other.code(), other.fault()), other.to_string()),
    }
}

fn of_engine(error: &EngineError) -> Status {
    let message = error.to_string();
    match error {
        EngineError::NoSchema => reasoned(Code::FailedPrecondition, ErrorReason::UnknownDefinition, message, []),
        EngineError::Unknown(unknown) => of_unknown(unknown),
        EngineError::WildcardSubject(_) => {
            reasoned(Code::InvalidArgument, ErrorReason::WildcardNotAllowed, message, [])
        }
        EngineError::CaveatFailed(failure) => {
            let (reason, message) = caveats::of_failure(failure);
            reasoned(Code::InvalidArgument, reason, message, [])
        }
        EngineError::TooDeep { limit } => {
            let metadata = [("maximum_depth_allowed", limit.to_string())];
            reasoned(Code::ResourceExhausted, ErrorReason::MaximumDepthExceeded, message, metadata)
        }
        // Clients of this protocol know a question that leads to itself as one that goes too deep.
        EngineError::Undecidable { .. } => {
            reasoned(Code::ResourceExhausted, ErrorReason::MaximumDepthExceeded, message, [])
        }
        EngineError::RevisionNotPublished { .. } | EngineError::RevisionCollected { .. } => {
            Status::out_of_range(message)
        }
        other => Status::new(of_code(other.code(), other.fault()), message),
    }
}

/// A name that the schema does not declare. It is told in the words that clients of this protocol look for.
pub(crate) fn of_unknown(unknown: &UnknownName) -> Status {
    match unknown {
        UnknownName::Type { name, .. } => {
            let message = format!("object definition `{name}` not found");
            let metadata = [("definition_name", name.to_string())];
            reasoned(Code::FailedPrecondition, ErrorReason::UnknownDefinition, message, metadata)
        }
        UnknownName::Member { kind, name, .. } => {
            let message = format!("relation/permission `{name}` not found under definition `{kind}`");
            let metadata = [("definition_name", kind.to_string()), ("relation_or_permission_name", name.to_string())];
            reasoned(Code::FailedPrecondition, ErrorReason::UnknownRelationOrPermission, message, metadata)
        }
    }
}

pub(crate) fn of_write(error: &WriteError) -> Status {
    let message = error.to_string();
    match error {
        // Nothing is defined, so what is named is not.
        WriteError::SchemaMissing => reasoned(Code::FailedPrecondition, ErrorReason::UnknownDefinition, message, []),
        WriteError::SchemaStrands { first, .. } => {
            Status::invalid_argument(first.first().map_or(message, relationships::of_stranded))
        }
        WriteError::SchemaStrandsPrincipals { .. } => Status::invalid_argument(message),
        WriteError::NameUnknown { unknown, .. } => of_unknown(unknown),
        WriteError::RelationshipInvalid(unfit) => relationships::of_unfit(&unfit.fault),
        WriteError::RelationshipRepeated(relationship) => {
            let message = format!("found more than one update with relationship `{relationship}` in this request");
            let metadata = [("relationship", relationship.to_string())];
            reasoned(Code::InvalidArgument, ErrorReason::UpdatesOnSameRelationship, message, metadata)
        }
        WriteError::RelationshipExists(relationship) => {
            let message = format!("could not CREATE relationship `{relationship}`, as it already existed");
            let metadata = [("relationship", relationship.to_string())];
            reasoned(Code::AlreadyExists, ErrorReason::AttemptToRecreateRelationship, message, metadata)
        }
        WriteError::PreconditionFailed(_) => {
            reasoned(Code::FailedPrecondition, ErrorReason::WriteOrDeletePreconditionFailure, message, [])
        }
        WriteError::FilterEmpty(_) => reasoned(Code::InvalidArgument, ErrorReason::InvalidFilter, message, []),
        WriteError::TooManyRelationships { limit } => {
            let metadata = [("maximum_allowed_relationships", limit.to_string())];
            let reason = ErrorReason::TooManyRelationshipsForTransactionalDelete;
            reasoned(Code::InvalidArgument, reason, message, metadata)
        }
        WriteError::WritesStopped(_) => reasoned(Code::Unavailable, ErrorReason::ServiceReadOnly, message, []),
        WriteError::TenantUnknown(_) => Status::not_found(message),
        other => Status::new(of_code(other.code(), other.fault()), message),
    }
}

/// A schema was not written. What is wrong with its text is said in the words that clients of this protocol know.
pub(crate) fn of_schema_write(error: &WriteError, text: &str) -> Status {
    match error {
        WriteError::SchemaInvalid(diagnostics) => of_schema(text, diagnostics),
        other => of_write(other),
    }
}

/// A text that is no schema.
pub(crate) fn of_schema(text: &str, diagnostics: &[Diagnostic]) -> Status {
    let SpicedbRefusal { kind, message } = spicedb_refusal(text, diagnostics);
    let first = diagnostics.iter().min_by_key(|diagnostic| diagnostic.span.start);
    if let Some(large) = first.filter(|first| first.fault() == Fault::Limit) {
        return Status::resource_exhausted(large.to_string());
    }
    let metadata = first.into_iter().flat_map(|first| {
        [("source_position_line", first.line.to_string()), ("source_position_column", first.column.to_string())]
    });
    let (code, reason) = match kind {
        SpicedbRefusalKind::Text => (Code::InvalidArgument, ErrorReason::SchemaParseError),
        SpicedbRefusalKind::Types => (Code::FailedPrecondition, ErrorReason::SchemaTypeError),
        // An error without a code of its own.
        SpicedbRefusalKind::Circle => (Code::Unknown, ErrorReason::SchemaTypeError),
    };
    reasoned(code, reason, message, metadata)
}

/// The code for a stable code of the library. What is not listed is told by whose doing it is.
fn of_code(code: &str, fault: Fault) -> Code {
    match code {
        "busy" | "record_unavailable" | "store_failed" | "writes_stopped" | "closed" => Code::Unavailable,
        "request_id_reused" => Code::AlreadyExists,
        "page_size" => Code::InvalidArgument,
        _ => of_fault(fault),
    }
}

fn of_fault(fault: Fault) -> Code {
    match fault {
        Fault::Caller => Code::InvalidArgument,
        Fault::Limit => Code::ResourceExhausted,
        Fault::Server => Code::Internal,
    }
}
