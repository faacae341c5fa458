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

/// Most results on one page of an AuthZEN search. A search whose request does not speak of pages has them, too, once it
/// finds more.
pub const SEARCH_RESULTS_MAX: usize = 10_000;

/// Entries on a page when the request does not say.
pub const PAGE_ENTRIES_DEFAULT: usize = 100;

/// Longest `X-Request-ID` and `Idempotency-Key`, in bytes: they are kept with records and transactions.
pub const REQUEST_NAME_BYTES_MAX: usize = prokura::limits::REQUEST_ID_BYTES_MAX;

/// Longest name of what a tool says it does, in bytes: room for any digest, and none for the text itself.
pub const TOOL_SCHEMA_BYTES_MAX: usize = 256;

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

/// Deepest nesting of a value in the context of a question at the gRPC door: what a decision record can keep around it.
pub const CONTEXT_NESTING_MAX: usize = prokura_model::limits::VALUE_NESTING_MAX - 2;

/// Most checks in one call of the gRPC door. SpiceDB's limit.
pub const CHECKS_MAX: usize = 10_000;

/// Most updates in one write of the gRPC door. SpiceDB's limit; what is more is loaded with `ImportBulkRelationships`.
pub const UPDATES_MAX: usize = 1_000;

/// Largest limit that a list of the gRPC door can be asked for; without one, it has all there is.
pub const LOOKUP_LIMIT_MAX: usize = 1_000;

/// Longest cursor of the gRPC door, in bytes.
pub const CURSOR_BYTES_MAX: usize = 102_400;

/// Most relationships in one message of an export.
pub const EXPORT_MESSAGE_ENTRIES_MAX: usize = 10_000;

/// Once a message of an export holds this many bytes, it is sent: clients take no more than 4 MiB unless told.
pub const EXPORT_MESSAGE_BYTES_MAX: usize = 1_048_576;

/// Loads of relationships that go on at once; each keeps a thread.
pub const IMPORTS_MAX: usize = 16;

/// Longest a caller that watches goes without its credential being looked at again.
pub const CREDENTIAL_LOOK_MAX: Duration = Duration::from_secs(10);

/// Pages of a long answer that wait for their reader. Further ones are made when there is room.
pub const STREAM_PAGES_WAITING_MAX: usize = 2;

/// Callers that may watch the server's health at once; they do not say who they are.
pub const HEALTH_WATCHERS_MAX: usize = 256;

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

/// Entries on a page of OpenFGA's API when the request does not say. OpenFGA's default.
pub const MODEL_PAGE_ENTRIES_DEFAULT: usize = 50;

/// Most entries on a page of OpenFGA's API. OpenFGA's limit.
pub const MODEL_PAGE_ENTRIES_MAX: usize = 100;

/// Most tuples that one request of OpenFGA's API writes and deletes. OpenFGA's default.
pub const TUPLES_WRITTEN_MAX: usize = 100;

/// Most tuples that a question of OpenFGA's API takes to exist besides. OpenFGA's limit.
pub const CONTEXTUAL_TUPLES_MAX: usize = 100;

/// Most checks in one batch of OpenFGA's API. OpenFGA's default.
pub const BATCH_CHECKS_MAX: usize = 50;

/// Most assertions about one model. OpenFGA's limit.
pub const ASSERTIONS_MAX: usize = 100;

/// Largest context of a condition that a tuple of OpenFGA's API binds, in bytes as it is recorded. OpenFGA's default.
pub const TUPLE_CONTEXT_BYTES_MAX: usize = 32_768;

/// How long after a deny it can be asked for over AuthZEN.
pub const DENIAL_AGE_MAX: Duration = Duration::from_secs(3_600);

/// Most callbacks.
pub const CALLBACKS_MAX: usize = 64;

/// Largest message to a callback, in bytes: it is read before it is known who sent it.
pub const CALLBACK_BYTES_MAX: usize = 65_536;

/// How far the moment at which a message to a callback was signed may be from now, in either direction.
pub const CALLBACK_AGE_MAX: Duration = Duration::from_secs(300);

/// Most webhooks: each reads the logs of its tenants.
pub const WEBHOOKS_MAX: usize = 16;

/// Longest name of a webhook, in bytes: it is a label of numbers, and kept with its places in the logs.
pub const WEBHOOK_NAME_BYTES_MAX: usize = 64;

/// Most secrets of one webhook: the one in use, the next, and room.
pub const WEBHOOK_SECRETS_MAX: usize = 4;

/// Least bytes of a webhook's secret. What Standard Webhooks asks for.
pub const WEBHOOK_SECRET_BYTES_MIN: usize = 24;

/// Most bytes of a webhook's secret. What Standard Webhooks asks for.
pub const WEBHOOK_SECRET_BYTES_MAX: usize = 64;

/// Longest a webhook's answer may take, unless configured.
pub const WEBHOOK_WAIT_DEFAULT: Duration = Duration::from_secs(10);

/// Longest that can be configured for a webhook's answer.
pub const WEBHOOK_WAIT_MAX: Duration = Duration::from_secs(30);

/// Events on their way to one webhook at once, each of another tenant.
pub const WEBHOOK_SENDING_MAX: usize = 8;

/// Longest time between two attempts to deliver an event.
pub const WEBHOOK_RETRY_WAIT_MAX: Duration = Duration::from_secs(300);

/// Age from which an event that cannot be delivered is passed over, so that what came after it is not kept back for ever.
pub const WEBHOOK_EVENT_AGE_MAX: Duration = Duration::from_secs(3 * 86_400);
