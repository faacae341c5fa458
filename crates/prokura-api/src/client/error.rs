use crate::{ErrorDetail, Fault};

/// Why a request to a server did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address of the server cannot be read.
    #[error("`{0}` is not the address of a server such as `http://127.0.0.1:8080`")]
    Address(String),
    /// The certificates to trust cannot be read.
    #[error("the certificates to trust cannot be read: {0}")]
    Certificates(#[source] reqwest::Error),
    /// No connection to the server.
    #[error("cannot reach the server: {0}")]
    Connect(String),
    /// The server did not answer in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// The connection broke.
    #[error("the connection to the server broke: {0}")]
    Broken(String),
    /// The server's answer is not what this client understands.
    #[error("the server's answer (status {status}) cannot be read: {detail}")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        detail: String,
    },
    /// The server refused, and said why.
    #[error("{}", error.message)]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        error: Box<ErrorDetail>,
    },
}

impl ClientError {
    /// The stable code: the server's own where it gave one.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Address(_) => "server_address_invalid",
            Self::Certificates(_) => "certificates_invalid",
            Self::Connect(_) => "server_unreachable",
            Self::Timeout => "server_timeout",
            Self::Broken(_) => "connection_broken",
            Self::Answer { .. } => "answer_unreadable",
            Self::Refused { error, .. } => &error.code,
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Address(_) | Self::Certificates(_) => Fault::Caller,
            Self::Connect(_) | Self::Timeout | Self::Broken(_) | Self::Answer { .. } => Fault::Server,
            Self::Refused { error, .. } => error.fault,
        }
    }

    /// The HTTP status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Answer { status, .. } => Some(*status),
            Self::Address(_) | Self::Certificates(_) | Self::Connect(_) | Self::Timeout | Self::Broken(_) => None,
        }
    }

    /// What the server said, if it refused.
    #[must_use]
    pub fn detail(&self) -> Option<&ErrorDetail> {
        match self {
            Self::Refused { error, .. } => Some(error),
            _ => None,
        }
    }

    pub(super) fn from_transport(error: reqwest::Error) -> Self {
        // An address may hold a name and a password, and the innermost cause says most.
        let error = error.without_url();
        if error.is_timeout() {
            return Self::Timeout;
        }
        let mut cause: &dyn std::error::Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let text = cause.to_string();
        if error.is_connect() { Self::Connect(text) } else { Self::Broken(text) }
    }
}
