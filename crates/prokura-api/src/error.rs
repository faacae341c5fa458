use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of every answer of the JSON API that is not a success.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ErrorDetail {
    /// Stable; scripts may match on it.
    pub code: String,
    /// The sentence a person reads.
    pub message: String,
    /// Whose fault it is.
    pub fault: Fault,
    /// Where exactly, when that can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<ErrorDetails>,
    /// The name of the request, as in the `X-Request-ID` header of the answer.
    pub request_id: String,
}

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The request is wrong; asking again as is will not help.
    Caller,
    /// The request is legal, but beyond a limit.
    Limit,
    /// The server could not do it.
    Server,
}

/// Where exactly an error is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ErrorDetails {
    /// The place in the request's JSON, such as `touch[2].subject.id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Under which name it is recorded that a decision failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// What is wrong with a schema text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
    /// What else the message is about: the relationships a schema would strand, say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
}

/// One thing that is wrong with a schema text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diagnostic {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}
