use std::{fmt, io};

use prokura_model::{Fault, Revision, TenantName};

use crate::limits::FRAME_BYTES_MAX;

/// Bytes that are not those that were written, and where. The file is left as it was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{file}` is damaged at {place}: {what}; nothing was changed: keep a copy of the folder, then restore it from a backup"
)]
pub struct Damage {
    /// Which file.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// What is wrong there.
    pub what: String,
}

/// A place in a log, as near as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The file as a whole: what is damaged lies below the entries.
    File,
    /// An entry, by its sequence number (from 1).
    Entry(u64),
    /// A revision of a tenant, and the entry's sequence number.
    Revision {
        /// The entry's sequence number (from 1).
        sequence: u64,
        /// Whose it is.
        tenant: TenantName,
        /// Which of the tenant's transactions, or which of its decisions.
        revision: Revision,
    },
    /// Entries that were there once.
    Missing {
        /// The sequence number of the first of them.
        first: u64,
        /// The sequence number of the last of them.
        last: u64,
        /// Whose the last of them is.
        tenant: TenantName,
        /// Which of the tenant's it is.
        revision: Revision,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("a place below its entries"),
            Self::Entry(sequence) => write!(f, "entry {sequence}"),
            Self::Revision { sequence, tenant, revision } => {
                write!(f, "entry {sequence} (revision {revision} of tenant `{tenant}`)")
            }
            Self::Missing { first, last, tenant, revision } => {
                write!(f, "entries {first} to {last} (the last is revision {revision} of tenant `{tenant}`)")
            }
        }
    }
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another part of this one, has it open.
    #[error("`{file}` is in use by {}; stop it first, or choose another folder", holder_text(*.holder))]
    InUse {
        /// The lock file.
        file: String,
        /// The process that has it open, if it could be told.
        holder: Option<u32>,
    },
    /// The bytes are not those that were written.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The bytes are intact and of a format this version does not know.
    #[error(
        "`{file}` is in format {version}, which this version cannot read: use the version that wrote it, or a newer one"
    )]
    FormatUnknown {
        /// Which file.
        file: String,
        /// The number it gives for its format.
        version: u8,
    },
    /// The disk is full.
    #[error("no space left on the disk of `{file}`")]
    DiskFull {
        /// Which file.
        file: String,
    },
    /// The disk failed.
    #[error("`{file}`: {source}")]
    Io {
        /// Which file.
        file: String,
        /// How.
        source: io::Error,
    },
}

/// Why a batch was not appended. After all but [`TooLarge`](Self::TooLarge), [`OutOfOrder`](Self::OutOfOrder) and
/// [`IdTaken`](Self::IdTaken) the log takes nothing more until it is opened again, which finds out what is durable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// An earlier append met a disk error, so nothing more is accepted.
    #[error("`{file}` accepts nothing more since an earlier failure ({first}); restart once the disk is well")]
    Latched {
        /// Which file.
        file: String,
        /// The failure.
        first: String,
    },
    /// The disk is full.
    #[error("no space left on the disk of `{file}`; make room, then restart")]
    DiskFull {
        /// Which file.
        file: String,
    },
    /// The disk failed. Whether the batch is durable is found out when the log is opened again.
    #[error("`{file}`: {source}")]
    Io {
        /// Which file.
        file: String,
        /// How.
        source: io::Error,
    },
    /// The bytes already there are not those that were written.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// An entry is over [`FRAME_BYTES_MAX`].
    #[error("an entry for tenant `{tenant}` takes {bytes} bytes, but at most {FRAME_BYTES_MAX} are kept")]
    TooLarge {
        /// Whose.
        tenant: TenantName,
        /// How large it is with all that surrounds it.
        bytes: usize,
    },
    /// An entry does not follow on the tenant's last one.
    #[error("revision {expected} of tenant `{tenant}` comes next, not {given}")]
    OutOfOrder {
        /// Whose.
        tenant: TenantName,
        /// The revision that comes next.
        expected: Revision,
        /// The one that was given.
        given: Revision,
    },
    /// The tenant has a record of this id.
    #[error("tenant `{tenant}` has a record `{id}` already")]
    IdTaken {
        /// Whose.
        tenant: TenantName,
        /// The id.
        id: String,
    },
}

/// Why something could not be read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The bytes are not those that were written.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The disk failed.
    #[error("`{file}`: {source}")]
    Io {
        /// Which file.
        file: String,
        /// How.
        source: io::Error,
    },
    /// A page was asked for from a place that is none of the tenant's records.
    #[error("no record {before} to go on from; start at the newest")]
    CursorUnknown {
        /// The place that was given.
        before: u64,
    },
}

/// Why a replay ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError<E> {
    /// The log could not be read.
    #[error(transparent)]
    Read(ReadError),
    /// The visitor refused an entry.
    #[error("entry {sequence}: {error}")]
    Refused {
        /// Which entry (from 1).
        sequence: u64,
        /// What the visitor said.
        error: E,
    },
}

fn holder_text(holder: Option<u32>) -> String {
    holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl OpenError {
    /// The error's stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "store_in_use",
            Self::Damaged(_) => "store_damaged",
            Self::FormatUnknown { .. } => "store_format_unknown",
            Self::DiskFull { .. } => "disk_full",
            Self::Io { .. } => "disk_failed",
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::InUse { .. } => Fault::Caller,
            Self::Damaged(_) | Self::FormatUnknown { .. } | Self::DiskFull { .. } | Self::Io { .. } => Fault::Server,
        }
    }
}

impl AppendError {
    /// The error's stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Latched { .. } => "store_latched",
            Self::DiskFull { .. } => "disk_full",
            Self::Io { .. } => "disk_failed",
            Self::Damaged(_) => "store_damaged",
            Self::TooLarge { .. } => "entry_too_large",
            Self::OutOfOrder { .. } => "revision_out_of_order",
            Self::IdTaken { .. } => "record_id_taken",
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::TooLarge { .. } => Fault::Limit,
            Self::Latched { .. }
            | Self::DiskFull { .. }
            | Self::Io { .. }
            | Self::Damaged(_)
            | Self::OutOfOrder { .. }
            | Self::IdTaken { .. } => Fault::Server,
        }
    }
}

impl ReadError {
    /// The error's stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "store_damaged",
            Self::Io { .. } => "disk_failed",
            Self::CursorUnknown { .. } => "cursor_unknown",
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Damaged(_) | Self::Io { .. } => Fault::Server,
            Self::CursorUnknown { .. } => Fault::Caller,
        }
    }
}

impl<E> ReplayError<E> {
    /// The error's stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(error) => error.code(),
            Self::Refused { .. } => "entry_refused",
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        Fault::Server
    }
}
