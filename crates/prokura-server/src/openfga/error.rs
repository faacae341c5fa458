//! What is answered when a request is refused, in OpenFGA's words.

use axum::http::StatusCode;
use prokura::{AskError, DecideError, EngineError, WriteError};
use prokura_api::openfga::ErrorBody;
use prokura_model::Fault;

use crate::error::Refusal;

/// The codes that this door uses of those that OpenFGA's clients know.
const CODES: [&str; 27] = [
    "auth_failed_invalid_bearer_token",
    "bearer_token_missing",
    "forbidden",
    "validation_error",
    "authorization_model_not_found",
    "authorization_model_resolution_too_complex",
    "invalid_write_input",
    "cannot_allow_duplicate_tuples_in_one_request",
    "invalid_continuation_token",
    "write_failed_due_to_invalid_input",
    "latest_authorization_model_not_found",
    "type_not_found",
    "relation_not_found",
    "invalid_tuple",
    "store_id_invalid_length",
    "assertions_too_many_items",
    "page_size_invalid",
    "type_definitions_too_few_items",
    "query_string_type_continuation_token_mismatch",
    "exceeded_entity_limit",
    "invalid_authorization_model",
    "unsupported_schema_version",
    "invalid_start_time",
    "aborted",
    "undefined_endpoint",
    "store_id_not_found",
    "already_exists",
];

/// A refusal of any layer as this door says it.
pub(crate) fn body(refusal: &Refusal) -> ErrorBody {
    let parts = refusal.parts();
    let known = CODES.iter().find(|code| **code == parts.code);
    let message = match &parts.details.path {
        Some(path) => format!("`{path}`: {}", parts.message),
        None => parts.message.clone(),
    };
    ErrorBody { code: known.map_or_else(|| code_for(parts.status, &parts.code), |code| (*code).to_owned()), message }
}

fn code_for(status: StatusCode, code: &str) -> String {
    let code = match (status, code) {
        (_, "credential_missing") => "bearer_token_missing",
        (_, "tenant_unknown") => "store_id_not_found",
        (StatusCode::UNAUTHORIZED, _) => "auth_failed_invalid_bearer_token",
        (StatusCode::FORBIDDEN, _) => "forbidden",
        (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _) => "undefined_endpoint",
        (StatusCode::CONFLICT, _) => "aborted",
        (StatusCode::PAYLOAD_TOO_LARGE, _) => "exceeded_entity_limit",
        (StatusCode::REQUEST_TIMEOUT, _) => "deadline_exceeded",
        (StatusCode::SERVICE_UNAVAILABLE, _) => "unavailable",
        (status, _) if status.is_server_error() => "internal_error",
        _ => "validation_error",
    };
    code.to_owned()
}

/// The request is not right.
pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::invalid("validation_error", message)
}

/// The same at a place of its JSON.
pub(super) fn invalid_at(path: impl Into<String>, message: impl Into<String>) -> Refusal {
    Refusal::invalid_at(path, "validation_error", message)
}

/// Too much of something.
pub(super) fn too_many(what: &str, max: usize, found: usize) -> Refusal {
    let message = format!("{what}: at most {max}, found {found}");
    Refusal::new(StatusCode::BAD_REQUEST, "exceeded_entity_limit", Fault::Limit, message)
}

/// What the engine could not answer.
pub(super) fn engine(error: &EngineError) -> Refusal {
    let message = error.to_string();
    match error {
        EngineError::ModelUnknown(_) => Refusal::invalid("authorization_model_not_found", message),
        EngineError::TooDeep { .. }
        | EngineError::TooMuchWork { .. }
        | EngineError::ListTooMuchWork { .. }
        | EngineError::ExpansionTooLarge { .. }
        | EngineError::Undecidable { .. } => {
            Refusal::new(StatusCode::BAD_REQUEST, "authorization_model_resolution_too_complex", error.fault(), message)
        }
        other if other.fault() == Fault::Caller => invalid(message),
        other => Refusal::server(other.code(), message),
    }
}

pub(super) fn ask(error: AskError) -> Refusal {
    match error {
        AskError::Engine(error) => engine(&error),
        AskError::TenantUnknown(_) => Refusal::not_found("store_id_not_found", "there is no such store"),
        AskError::CursorInvalid(_) => Refusal::invalid(
            "invalid_continuation_token",
            "the token is not the `continuation_token` of a page of this list",
        ),
        AskError::PageSize(_) => Refusal::invalid("page_size_invalid", error.to_string()),
        other => Refusal::from(other),
    }
}

pub(super) fn decide(error: DecideError) -> Refusal {
    match error {
        DecideError::Undecided { error, .. } => engine(&error),
        DecideError::TenantUnknown(_) => Refusal::not_found("store_id_not_found", "there is no such store"),
        other => Refusal::from(other),
    }
}

pub(super) fn write(error: WriteError) -> Refusal {
    let message = error.to_string();
    match error {
        WriteError::TenantUnknown(_) => Refusal::not_found("store_id_not_found", "there is no such store"),
        WriteError::ModelUnknown(_) => Refusal::invalid("authorization_model_not_found", message),
        WriteError::ModelInvalid(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Refusal::invalid("invalid_authorization_model", faults.join("; "))
        }
        WriteError::RelationshipExists(_) | WriteError::RelationshipMissing(_) => {
            Refusal::invalid("write_failed_due_to_invalid_input", message)
        }
        WriteError::RelationshipDiffers(_) => Refusal::new(StatusCode::CONFLICT, "aborted", Fault::Caller, message),
        WriteError::ChangesContradict(_) => Refusal::invalid("cannot_allow_duplicate_tuples_in_one_request", message),
        WriteError::RelationshipInvalid(_) | WriteError::TenantNameInvalid => invalid(message),
        WriteError::LimitExceeded { .. } => {
            Refusal::new(StatusCode::BAD_REQUEST, "exceeded_entity_limit", Fault::Limit, message)
        }
        other => Refusal::from(other),
    }
}
