//! A disk in memory whose flushes take their time, or do not end until they are let go.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use prokura::{Disk, DiskFile, Held, LockError, MemoryDisk};

#[derive(Clone, Debug, Default)]
pub(super) struct SlowDisk {
    inner: MemoryDisk,
    pace: Arc<Pace>,
}

#[derive(Debug, Default)]
struct Pace {
    milliseconds: AtomicU64,
    held: AtomicBool,
}

#[derive(Debug)]
struct SlowFile {
    inner: Arc<dyn DiskFile>,
    pace: Arc<Pace>,
    /// What was written, as opposed to what was decided.
    is_log: bool,
}

impl SlowDisk {
    /// Flushes take this long from now on.
    pub(super) fn slow_down(&self, milliseconds: u64) {
        self.pace.milliseconds.store(milliseconds, Ordering::SeqCst);
    }

    /// Flushes of the log do not end until they are let go.
    pub(super) fn hold(&self, hold: bool) {
        self.pace.held.store(hold, Ordering::SeqCst);
    }

    fn file(&self, name: &str, inner: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(SlowFile { inner, pace: Arc::clone(&self.pace), is_log: name.starts_with("log.") })
    }
}

impl Disk for SlowDisk {
    fn place(&self, name: &str) -> String {
        self.inner.place(name)
    }

    fn lock(&self, name: &str) -> Result<Held, LockError> {
        self.inner.lock(name)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(name, self.inner.open(name)?))
    }

    fn find(&self, name: &str) -> io::Result<Option<Arc<dyn DiskFile>>> {
        Ok(self.inner.find(name)?.map(|inner| self.file(name, inner)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.inner.sync_names()
    }
}

impl DiskFile for SlowFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, bytes)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.inner.write(offset, bytes)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.inner.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        while self.is_log && self.pace.held.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(self.pace.milliseconds.load(Ordering::SeqCst)));
        self.inner.sync()
    }
}
