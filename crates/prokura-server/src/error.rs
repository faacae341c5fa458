//! What is answered when a request is refused.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use prokura::{AskError, DecideError, EngineError, WriteError};
use prokura_api as api;
use prokura_model::Fault;

use crate::{convert, json::JsonFault};

/// A refusal: why, in a form that both doors can say. The outermost layer writes the body, because it knows the name of
/// the request and which door it came through.
#[derive(Clone, Debug)]
pub(crate) struct Refusal(Box<Parts>);

#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) fault: Fault,
    pub(crate) details: api::ErrorDetails,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &str, fault: Fault, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            code: code.to_owned(),
            message: message.into(),
            fault,
            details: api::ErrorDetails::default(),
        }))
    }

    /// The request is wrong.
    pub(crate) fn invalid(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, Fault::Caller, message)
    }

    /// The request is wrong at this place of its JSON.
    pub(crate) fn invalid_at(path: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self::invalid(code, message).at(path)
    }

    pub(crate) fn not_found(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, Fault::Caller, message)
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", Fault::Caller, message)
    }

    pub(crate) fn unauthenticated(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, Fault::Caller, message)
    }

    pub(crate) fn server(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, Fault::Server, message)
    }

    pub(crate) fn at(mut self, path: impl Into<String>) -> Self {
        let path = path.into();
        self.0.details.path = (!path.is_empty()).then_some(path);
        self
    }

    /// The same, in a body of lines: the place says which.
    pub(crate) fn on_line(mut self, number: usize) -> Self {
        let prefix = format!("line[{number}]");
        let path = self.0.details.path.take().unwrap_or_default();
        let inner = path.strip_prefix(&prefix).map_or(path.as_str(), |rest| rest.trim_start_matches('.'));
        let path = if inner.is_empty() { prefix } else { format!("{prefix}.{inner}") };
        self.at(path)
    }

    /// The same, and what else is to be said about it.
    pub(crate) fn adding(mut self, more: &str) -> Self {
        self.0.message.push_str(more);
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    /// As the JSON API says it.
    pub(crate) fn body(&self, request_id: &str) -> api::ErrorBody {
        let parts = &*self.0;
        let details = (parts.details != api::ErrorDetails::default()).then(|| parts.details.clone());
        api::ErrorBody {
            error: api::ErrorDetail {
                code: parts.code.clone(),
                message: match &parts.details.path {
                    Some(path) => format!("`{path}`: {}", parts.message),
                    None => parts.message.clone(),
                },
                fault: convert::wire_fault(parts.fault),
                details,
                request_id: request_id.to_owned(),
            },
        }
    }

    /// As AuthZEN says it: a short text.
    pub(crate) fn text(&self) -> String {
        let recorded = self.0.details.decision.as_ref().map(|id| format!(" (recorded as decision {id})"));
        let recorded = recorded.unwrap_or_default();
        match &self.0.details.path {
            Some(path) => format!("{}: `{path}`: {}{recorded}\n", self.0.code, self.0.message),
            None => format!("{}: {}{recorded}\n", self.0.code, self.0.message),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        if self.0.status == StatusCode::UNAUTHORIZED {
            let challenge = match self.0.code.as_str() {
                "credential_missing" => HeaderValue::from_static("Bearer realm=\"prokura\""),
                _ => HeaderValue::from_static("Bearer realm=\"prokura\", error=\"invalid_token\""),
            };
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if self.0.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<JsonFault> for Refusal {
    fn from(fault: JsonFault) -> Self {
        let mut refusal = Self::invalid(fault.code, fault.message).at(fault.path);
        if matches!(fault.code, "json_nested_too_deeply" | "json_too_many_values") {
            refusal.0.fault = Fault::Limit;
        }
        refusal
    }
}

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        if let AskError::CursorInvalid(_) = &error {
            // What the cursor holds is not shown: it is opaque.
            return Self::invalid(error.code(), "the cursor is not the `next_cursor` of a page of this list");
        }
        let status = match &error {
            AskError::TenantUnknown(_) => StatusCode::NOT_FOUND,
            AskError::PageSize(_) => StatusCode::BAD_REQUEST,
            AskError::Engine(error) => engine_status(error),
            other => status_of(other.code(), other.fault()),
        };
        Self::new(status, error.code(), error.fault(), error.to_string())
    }
}

impl From<DecideError> for Refusal {
    fn from(error: DecideError) -> Self {
        let status = match &error {
            DecideError::Undecided { error, .. } => engine_status(error),
            DecideError::RequestInvalid(_) => StatusCode::PAYLOAD_TOO_LARGE,
            DecideError::PlanSize(_) => StatusCode::BAD_REQUEST,
            other => status_of(other.code(), other.fault()),
        };
        let mut refusal = Self::new(status, error.code(), error.fault(), error.to_string());
        if let DecideError::Undecided { id, .. } = &error {
            refusal.0.details.decision = Some(id.to_string());
        }
        refusal
    }
}

impl From<WriteError> for Refusal {
    fn from(error: WriteError) -> Self {
        let mut refusal =
            Self::new(status_of(error.code(), error.fault()), error.code(), error.fault(), error.to_string());
        match error {
            WriteError::SchemaInvalid(diagnostics) => {
                refusal.0.details.diagnostics = diagnostics
                    .into_iter()
                    .map(|diagnostic| api::Diagnostic {
                        line: diagnostic.line,
                        column: diagnostic.column,
                        message: diagnostic.message,
                        help: diagnostic.help,
                    })
                    .collect();
            }
            WriteError::SchemaStrands { first, .. } => {
                refusal.0.details.items = first.iter().map(ToString::to_string).collect();
            }
            _ => {}
        }
        refusal
    }
}

fn engine_status(error: &EngineError) -> StatusCode {
    match error.fault() {
        Fault::Caller => StatusCode::BAD_REQUEST,
        Fault::Limit => StatusCode::UNPROCESSABLE_ENTITY,
        Fault::Server => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The status for a stable code of the library. What is not listed is told by whose doing it is.
fn status_of(code: &str, fault: Fault) -> StatusCode {
    match code {
        "tenant_unknown"
        | "task_unknown"
        | "delegation_unknown"
        | "principal_unknown"
        | "key_unknown"
        | "endorsement_unknown"
        | "request_unknown"
        | "approval_unknown" => StatusCode::NOT_FOUND,
        "tenant_exists"
        | "task_exists"
        | "delegation_exists"
        | "relationship_exists"
        | "precondition_failed"
        | "request_id_reused"
        | "schema_missing"
        | "schema_strands_relationships"
        | "schema_strands_principals"
        | "principal_off_boarded"
        | "principal_not_active"
        | "off_boarding_changed"
        | "task_not_open"
        | "reservation_not_open"
        | "reservation_exceeded"
        | "task_expired"
        | "parent_revoked"
        | "parent_expired"
        | "declared_differs"
        | "request_exists"
        | "request_not_pending"
        | "approval_not_pending"
        | "approval_not_needed"
        | "guard_changed"
        | "already_allowed"
        | "relationship_stands"
        | "review_open"
        | "nothing_to_review"
        | "access_item_gone"
        | "key_last_admin" => StatusCode::CONFLICT,
        "not_an_approver" | "not_to_cancel" | "not_to_create" | "not_to_revoke" | "not_to_close" | "not_to_write"
        | "writer_stopped" => StatusCode::FORBIDDEN,
        "memory_full" => StatusCode::INSUFFICIENT_STORAGE,
        "busy" | "record_unavailable" | "store_failed" | "writes_stopped" | "closed" => StatusCode::SERVICE_UNAVAILABLE,
        _ => match fault {
            Fault::Caller => StatusCode::BAD_REQUEST,
            Fault::Limit => StatusCode::UNPROCESSABLE_ENTITY,
            Fault::Server => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}
