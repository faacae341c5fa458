//! Every limit of the library: a name, a default, and why it is what it is.
//!
//! A limit is listed in `docs/manual/limits.md` and tested at n and at n + 1; a tidy test holds both to this file.

use std::time::Duration;

/// Most changes in one transaction: what one revision can hold without keeping the other writers waiting for long.
pub const TRANSACTION_CHANGES_MAX: usize = 100_000;

/// Largest transaction, in bytes of its changes as they are logged.
pub const TRANSACTION_BYTES_MAX: usize = 16 * 1_048_576;

// The frame around the changes also holds the author, the reason and the request id, which have limits of their own.
const _: () = assert!(TRANSACTION_BYTES_MAX + 65_536 <= prokura_store::limits::FRAME_BYTES_MAX);

/// Most writes that share one flush to the disk.
pub const BATCH_WRITES_MAX: usize = 1_024;

/// Once a batch of writes holds this many bytes, no further write joins it.
pub const BATCH_BYTES_MAX: usize = 16 * 1_048_576;

/// Writes that may wait for the writer, unless the options say otherwise.
pub const WRITE_QUEUE_DEFAULT: usize = 4_096;

/// Longest a write waits for a place in the writer's queue before it is refused as `busy`.
pub const WRITE_WAIT_MAX: Duration = Duration::from_secs(5);

/// Decisions that may wait to be recorded, unless the options say otherwise.
pub const RECORD_QUEUE_DEFAULT: usize = 16_384;

/// Decisions that may wait to be recorded, in bytes of their records. One alone always may.
pub const RECORD_QUEUE_BYTES_MAX: usize = 256 * 1_048_576;

/// Largest record of a decision, in bytes. What it is made of has limits of its own, far below this unless the options
/// allow longer chains.
pub const RECORD_BYTES_MAX: usize = 16 * 1_048_576;

// The frame around a record also holds its id and its tenant's name.
const _: () = assert!(RECORD_BYTES_MAX + 65_536 <= prokura_store::limits::FRAME_BYTES_MAX);

/// Longest a decision waits for a place in the record queue before it is refused as `record_unavailable`.
pub const RECORD_WAIT_MAX: Duration = Duration::from_secs(2);

/// Longest a reservation may be held, in milliseconds: a day.
pub const RESERVATION_MS_MAX: u64 = 86_400_000;

/// Most reservations of one task that may be open at once: every allow under it that takes something looks at each.
pub const RESERVATIONS_OPEN_MAX: usize = 1_000;

/// Most decision records that share one flush to the disk.
pub const BATCH_RECORDS_MAX: usize = 1_024;

/// Most bytes of decision records that share one flush to the disk.
pub const BATCH_RECORD_BYTES_MAX: usize = 16 * 1_048_576;

/// Revisions behind the head that stay readable, unless the options say otherwise.
pub const REVISIONS_KEPT_DEFAULT: u64 = 1_000;

/// Changes that may follow the newest checkpoint before another one is written, unless the options say otherwise: taking in
/// so many takes a fraction of a second, so for fewer it is never worth it.
pub const CHECKPOINT_TAIL_DEFAULT: u64 = 100_000;

/// And how many there may be, in percent of the relationships: a checkpoint holds all of them, so one is written for each so
/// many changes at most.
pub const CHECKPOINT_TAIL_PERCENT_MAX: u64 = 25;

/// The same when the authority is closed: whoever closes it waits, and whoever opens it does not.
pub const CHECKPOINT_TAIL_AT_CLOSE_PERCENT_MAX: u64 = 5;

/// Request ids remembered per tenant: a write repeated within that many transactions is answered, not done again.
pub const REQUEST_IDS_KEPT_MAX: usize = 10_000;

/// Longest request id, in bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 256;

/// Most actions of a plan.
pub const PLAN_ACTIONS_MAX: usize = 256;

/// Most entries of each kind that the preview of an off-boarding shows; it counts all of them.
pub const OFF_BOARDING_SAMPLE_MAX: usize = 100;

/// Most owners looked at above a principal, to see whether somebody owns it: its own, that one's, and so on.
pub const OWNERS_ABOVE_MAX: usize = 16;

/// Longest name that a caller gives to a step of its work (`span`), in bytes.
pub const SPAN_BYTES_MAX: usize = 256;

/// Longest author, in bytes.
pub const AUTHOR_BYTES_MAX: usize = 2_048;

/// Most entries on one page of any list.
pub const PAGE_ENTRIES_MAX: usize = 1_000;

/// Most decision records looked at for one page; the page then says where to go on.
pub const DECISIONS_SCANNED_MAX: usize = 20_000;

/// Once a page of decision records holds this many bytes, it ends; the page then says where to go on.
pub const DECISION_PAGE_BYTES_MAX: usize = 16 * 1_048_576;

/// Longest key that can be preset, in bytes. Keys made here have 46.
pub const PRESET_KEY_BYTES_MAX: usize = 1_024;

/// Longest name of a key, in bytes.
pub const KEY_NAME_BYTES_MAX: usize = 256;

/// Most tenants.
pub const TENANTS_MAX: usize = 10_000;

/// Most keys, revoked ones included.
pub const KEYS_MAX: usize = 100_000;

/// Most attributes of one object.
pub const ATTRIBUTES_MAX: usize = 256;

/// Most names in a tenant's AuthZEN mapping.
pub const AUTHZEN_NAMES_MAX: usize = 1_000;

/// Longest name in an AuthZEN mapping, in bytes: an action name may be a URL.
pub const AUTHZEN_NAME_BYTES_MAX: usize = 1_024;

/// Largest request that is kept with a decision, in bytes as it is recorded.
pub const RECORDED_REQUEST_BYTES_MAX: usize = 1_048_576;

/// Longest text of a model, in bytes. OpenFGA's default.
pub const MODEL_BYTES_MAX: usize = 262_144;

/// Most models of a tenant: all of them are kept ready to be asked by.
pub const MODELS_MAX: usize = 1_000;

/// Most goals open on one path of a question by a model, whatever the options say: OpenFGA's limit, so that what is too
/// complex there is so here.
pub const MODEL_DEPTH_MAX: usize = 25;

/// Most transactions looked at for one page of changed tuples; the page then says where to go on.
pub const CHANGES_SCANNED_MAX: usize = 1_000;

/// Longest name that a tenant is shown under, in bytes.
pub const TENANT_DISPLAY_NAME_BYTES_MAX: usize = 256;

/// Largest metadata of a transaction, in bytes as they are recorded. SpiceDB's limit, so that its users' fit.
pub const METADATA_BYTES_MAX: usize = 65_000;

/// Largest context that a relationship, or a clause of a cap, binds for its caveat, in bytes as they are recorded. SpiceDB's limit.
pub const RELATIONSHIP_CONTEXT_BYTES_MAX: usize = 25_000;

/// Most preconditions of one write: each may look through the whole graph, and the writer waits meanwhile.
pub const PRECONDITIONS_MAX: usize = 1_000;

/// Most relationships of an import that are written in one transaction: few enough that other writers get their turn.
pub const IMPORT_BATCH_MAX: usize = 10_000;

/// Once a batch of an import holds this many bytes, no further relationship joins it.
pub const IMPORT_BATCH_BYTES_MAX: usize = 4 * 1_048_576;

/// Most relationships that are over and are collected in one transaction.
pub const EXPIRED_PER_TRANSACTION_MAX: usize = 1_000;

/// Most transactions in one answer about what changed.
pub const CHANGES_TRANSACTIONS_MAX: usize = 1_000;

/// Once an answer about what changed holds this many bytes, as they are logged, no further transaction joins it.
pub const CHANGES_BYTES_MAX: usize = 16 * 1_048_576;

/// Longest the writer waits before it looks whether something is over by now: its clock may be set.
pub const EXPIRY_LOOK_MAX: Duration = Duration::from_millis(500);

/// Most values that a run keeps of what it has touched, of all the attributes together that guards read of runs.
pub const RUN_VALUES_MAX: usize = 1_000;

/// Most requests for access that wait for an answer under one task; of one requester, where they are under none. A person has
/// to read each.
pub const REQUESTS_PENDING_PER_TASK_MAX: usize = 32;

/// Most requests for access that wait for an answer in one tenant.
pub const REQUESTS_PENDING_MAX: usize = 1_000;

/// How long a request for access waits for an answer, in milliseconds: a day. Its task may end before.
pub const REQUEST_ANSWER_MS: u64 = 86_400_000;

/// Most approvals that wait for an answer under one task; of one actor, where they are under none. A person has to read each.
pub const APPROVALS_PENDING_PER_TASK_MAX: usize = 32;

/// Most approvals that wait for an answer in one tenant.
pub const APPROVALS_PENDING_MAX: usize = 1_000;

/// Largest action that an approval is asked for, in bytes of its arguments and tool: a person has to read it all.
pub const APPROVAL_ACTION_BYTES_MAX: usize = 65_536;

/// How long an approval waits for an answer, in milliseconds: a day. Its task may end before.
pub const APPROVAL_ANSWER_MS: u64 = 86_400_000;

/// How long an approval is good for where the guard does not say, in milliseconds: a quarter of an hour.
pub const APPROVAL_GOOD_MS: u64 = 900_000;
