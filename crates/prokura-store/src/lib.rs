//! What is remembered: the commit log, the decision log, and what is recovered of them. The only disk code of Prokura.
//!
//! # What it is
//!
//! Two append-only logs in one folder. [`Log`] keeps transactions: who wrote what, when and why, as bytes this crate does not
//! look into. [`DecisionLog`] keeps decision records the same way and finds them again by id or newest first. Both keep
//! their entries in [redb](https://docs.rs/redb), frame each one themselves (length, CRC32C, SHA-256 of its predecessor), and
//! keep a *head* beside the file that says how far the log goes. `docs/design/file-format.md` has every field, and what is
//! assumed about disks.
//!
//! # What it promises
//!
//! 1. **An entry that was acknowledged is there after any crash.** What is there besides is at most the one batch that was
//!    being appended, whole or not at all.
//! 2. **What is replayed is what was appended, bit for bit, or opening is refused.** An incomplete last commit is dropped;
//!    everything else that is not as it was written is refused with its [`Place`], never repaired by guessing, never
//!    skipped. A log that is refused is left exactly as it was found.
//! 3. **After the first error of the disk nothing more is appended** until the log has been opened anew: what a failed sync
//!    left behind is not knowable from inside.
//! 4. **One writer.** A second opening of a log fails and says who has it. Readers on other threads never block it.
//! 5. **One batch is one commit and one sync**, however many entries and tenants are in it.
//!
//! # What it refuses to do
//!
//! It does not know what a permission is, keeps no clock, never answers from a damaged file, does not delete entries, and has
//! no repair tool: a backup is the repair.
//!
//! # Example
//!
//! ```
//! use prokura_model::{Revision, TenantName, Timestamp};
//! use prokura_store::{Entry, Log};
//!
//! let mut log = Log::in_memory();
//! let tenant = TenantName::new("default")?;
//! let entry = Entry {
//!     tenant: tenant.clone(),
//!     revision: Revision(1),
//!     time: Timestamp(1_800_000_000_000),
//!     author: "user:alice".to_owned(),
//!     reason: "first light".to_owned(),
//!     request_id: None,
//!     payload: b"changes, encoded".to_vec(),
//! };
//! log.append(std::slice::from_ref(&entry))?;
//! assert_eq!(log.head(&tenant), Some(Revision(1)));
//! assert_eq!(log.entry(&tenant, Revision(1))?, Some(entry));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backend;
mod chain;
mod checkpoint;
mod decisions;
mod disk;
mod error;
mod frame;
mod head;
mod journal;
mod log;
mod table;

pub mod limits;

pub use checkpoint::{Checkpoint, CheckpointFault, CheckpointWriter, LogPlace};
pub use decisions::{DecisionLog, DecisionReader, NewestFirst, Record};
pub use disk::{Disk, DiskFile, FolderDisk, Held, LockError, MemoryDisk};
pub use error::{AppendError, Damage, OpenError, Place, ReadError, ReplayError};
pub use log::{Entry, Log, LogReader};
