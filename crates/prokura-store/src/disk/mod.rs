//! Where bytes are kept: a real folder, or memory. Everything this crate does to a disk goes through here, so a test that
//! wraps the memory disk can fail, tear or lose any single operation.

mod folder;
mod memory;

use std::{any::Any, fmt, io, sync::Arc};

pub use folder::FolderDisk;
pub use memory::MemoryDisk;

/// A place with named files. What is written is durable only after [`DiskFile::sync`]; that a new file exists at all is
/// durable only after [`Disk::sync_names`].
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// The file's name as a person would look for it; errors carry it.
    fn place(&self, name: &str) -> String;

    /// Takes the name for this process, and this caller within it, until the answer is dropped. Never waits.
    ///
    /// # Errors
    /// Somebody else holds it, or the disk failed.
    fn lock(&self, name: &str) -> Result<Held, LockError>;

    /// The file of that name, made empty if there is none.
    ///
    /// # Errors
    /// The disk failed.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// The file of that name, if there is one.
    ///
    /// # Errors
    /// The disk failed.
    fn find(&self, name: &str) -> io::Result<Option<Arc<dyn DiskFile>>>;

    /// Gives a file another name, at once and whole: whatever had that name is gone. Durable like the name of a new file.
    ///
    /// # Errors
    /// There is no such file, or the disk failed.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes the existence of every file opened so far durable.
    ///
    /// # Errors
    /// The disk failed.
    fn sync_names(&self) -> io::Result<()>;
}

/// A file of a [`Disk`]: bytes at offsets.
#[expect(clippy::len_without_is_empty, reason = "a file's length is asked for, not whether it is empty")]
pub trait DiskFile: fmt::Debug + Send + Sync + 'static {
    /// How many bytes it has.
    ///
    /// # Errors
    /// The disk failed.
    fn len(&self) -> io::Result<u64>;

    /// Fills `bytes` from the offset on.
    ///
    /// # Errors
    /// The disk failed, or the file ends before ([`io::ErrorKind::UnexpectedEof`]).
    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Writes all bytes from the offset on; the file grows as needed, and what lies between is zero.
    ///
    /// # Errors
    /// The disk failed; any part of the bytes may have been written.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file to this length, or extends it with zeros.
    ///
    /// # Errors
    /// The disk failed.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Makes everything written so far durable. After a failure nothing is known about what was.
    ///
    /// # Errors
    /// The disk failed.
    fn sync(&self) -> io::Result<()>;
}

/// Proof that a name is taken; dropping it gives the name back.
pub struct Held(#[expect(dead_code, reason = "held for its drop")] Box<dyn Any + Send + Sync>);

impl Held {
    /// Holds until the guard is dropped.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Self(Box::new(guard))
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}

/// Why a name could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody else holds it: the process of this id, where that is known.
    #[error("held by another process")]
    Held(Option<u32>),
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}
