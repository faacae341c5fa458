//! Every limit of the server: a name, a default, and why it is what it is.
//!
//! A limit is listed in `docs/manual/limits.md` and tested at n and at n + 1; a tidy test holds both to this file.

use std::time::Duration;

/// Largest body of a request, in bytes.
pub const BODY_BYTES_MAX: usize = 8 * 1_048_576;

/// Longest a body may take to arrive.
pub const BODY_WAIT_MAX: Duration = Duration::from_secs(30);

/// Deepest nesting of JSON in a body or a token. What a decision record can keep, so that every request can be kept.
pub const JSON_NESTING_MAX: usize = prokura_model::limits::VALUE_NESTING_MAX;

/// Largest body that asks for decisions, one or a batch of them: what is kept of a question, and room around it.
pub const QUESTION_BYTES_MAX: usize = prokura::limits::RECORDED_REQUEST_BYTES_MAX + 65_536;

/// Most JSON values in a body or a token: a value in memory takes many times the bytes it has in a body.
pub const JSON_VALUES_MAX: usize = 100_000;

/// Most JSON values in a body that writes much at once: relationships, attributes, a declaration.
pub const JSON_VALUES_BULK_MAX: usize = 1_000_000;

/// Most bytes that the decisions of one batch keep of their requests. A context that all items share counts for each.
pub const EVALUATIONS_RECORDED_BYTES_MAX: usize = 16 * 1_048_576;

/// Most questions in one AuthZEN `evaluations` request.
pub const EVALUATIONS_MAX: usize = 1_000;

/// Entries on a page when the request does not say.
pub const PAGE_ENTRIES_DEFAULT: usize = 100;

/// Longest `X-Request-ID` and `Idempotency-Key`, in bytes: they are kept with records and transactions.
pub const REQUEST_NAME_BYTES_MAX: usize = prokura::limits::REQUEST_ID_BYTES_MAX;

/// Largest head of a request (request line and headers), in bytes.
pub const HEAD_BYTES_MAX: usize = 65_536;

/// Longest a connection may take to say anything at all, to finish its TLS handshake, and to send the head of its first
/// request. On a connection that was used before, a head of which only a part came cannot be told from nothing: it has
/// [`IDLE_MAX`].
pub const HEAD_WAIT_MAX: Duration = Duration::from_secs(10);

/// Longest a connection is kept with nothing going on, or with a part of a further request's head.
pub const IDLE_MAX: Duration = Duration::from_secs(75);

/// Connections served at once, unless configured. Further ones wait to be accepted.
pub const CONNECTIONS_DEFAULT: usize = 10_000;

/// Requests in flight on one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 256;

/// Longest graceful shutdown, unless configured: requests still in flight after it are cut off.
pub const SHUTDOWN_GRACE_DEFAULT: Duration = Duration::from_secs(10);

/// Longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 16_384;

/// Most clock difference to an issuer that can be configured.
pub const LEEWAY_MAX: Duration = Duration::from_secs(300);

/// Verified tokens remembered, so that a signature is not verified for every request.
pub const TOKENS_REMEMBERED_MAX: usize = 10_000;

/// Largest set of an issuer's keys, in bytes.
pub const KEY_SET_BYTES_MAX: usize = 1_048_576;

/// Most keys in an issuer's set.
pub const KEY_SET_ENTRIES_MAX: usize = 128;

/// Longest fetching an issuer's keys may take.
pub const KEY_SET_WAIT_MAX: Duration = Duration::from_secs(5);

/// Least time between two attempts to read an issuer's keys: a token with an unknown key must not make us hammer it.
pub const KEY_SET_REREAD_MIN: Duration = Duration::from_secs(10);

/// After this long an issuer's keys are read again, so that a key it withdrew is forgotten.
pub const KEY_SET_AGE_MAX: Duration = Duration::from_secs(600);

/// Longest an issuer's keys are used while reading them anew fails. Then its tokens are refused.
pub const KEY_SET_STALE_MAX: Duration = Duration::from_secs(86_400);
