use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use prokura::{Disk, DiskFile, Held, LockError, MemoryDisk};

/// A disk in memory that fails, or takes its time, from the moment a test says so, and counts its flushes.
#[derive(Clone, Debug, Default)]
pub(crate) struct SwitchedDisk {
    inner: MemoryDisk,
    switches: Arc<Switches>,
}

#[derive(Debug, Default)]
struct Switches {
    failing: AtomicBool,
    held: AtomicBool,
    /// A flush of the log that is held, at this moment.
    waiting: AtomicBool,
    flush_ms: AtomicU64,
    flushes: AtomicU64,
    batches: AtomicU64,
    /// Files with names that begin like this cannot be written.
    refused: Mutex<Option<String>>,
}

#[derive(Debug)]
struct SwitchedFile {
    name: String,
    inner: Arc<dyn DiskFile>,
    switches: Arc<Switches>,
}

impl SwitchedDisk {
    pub(crate) fn fail_now(&self) {
        self.switches.failing.store(true, Ordering::SeqCst);
    }

    /// Files with names that begin like this cannot be written from now on.
    pub(crate) fn refuse(&self, name: &str) {
        *self.switches.refused.lock().unwrap() = Some(name.to_owned());
    }

    /// Flushes take this long from now on.
    pub(crate) fn slow_down(&self, milliseconds: u64) {
        self.switches.flush_ms.store(milliseconds, Ordering::SeqCst);
    }

    /// Flushes do not end until they are let go.
    pub(crate) fn hold(&self, hold: bool) {
        self.switches.waiting.store(false, Ordering::SeqCst);
        self.switches.held.store(hold, Ordering::SeqCst);
    }

    /// Waits until a flush of the log is held.
    pub(crate) fn wait_for_flush(&self) {
        while !self.switches.waiting.load(Ordering::SeqCst) {
            thread::yield_now();
        }
    }

    /// How many batches of writes were appended: the log's head is written once for each.
    pub(crate) fn batches(&self) -> u64 {
        self.switches.batches.load(Ordering::SeqCst)
    }

    /// How often the log was flushed.
    pub(crate) fn flushes(&self) -> u64 {
        self.switches.flushes.load(Ordering::SeqCst)
    }
}

impl Switches {
    fn check(&self) -> io::Result<()> {
        if self.failing.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Disk for SwitchedDisk {
    fn place(&self, name: &str) -> String {
        name.to_owned()
    }

    fn lock(&self, name: &str) -> Result<Held, LockError> {
        self.inner.lock(name)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(SwitchedFile {
            name: name.to_owned(),
            inner: self.inner.open(name)?,
            switches: Arc::clone(&self.switches),
        }))
    }

    fn find(&self, name: &str) -> io::Result<Option<Arc<dyn DiskFile>>> {
        let found = self.inner.find(name)?;
        Ok(found.map(|inner| {
            let switches = Arc::clone(&self.switches);
            Arc::new(SwitchedFile { name: name.to_owned(), inner, switches }) as Arc<dyn DiskFile>
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.switches.check()?;
        self.inner.rename(from, to)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.inner.sync_names()
    }
}

impl DiskFile for SwitchedFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, bytes)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.switches.check()?;
        if self.switches.refused.lock().unwrap().as_ref().is_some_and(|refused| self.name.starts_with(refused)) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        if self.name == "log.head" {
            self.switches.batches.fetch_add(1, Ordering::SeqCst);
        }
        self.inner.write(offset, bytes)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.switches.check()?;
        self.inner.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.switches.check()?;
        while self.switches.held.load(Ordering::SeqCst) {
            self.switches.waiting.fetch_or(self.name.starts_with("log"), Ordering::SeqCst);
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(self.switches.flush_ms.load(Ordering::SeqCst)));
        if self.name == "log.redb" {
            self.switches.flushes.fetch_add(1, Ordering::SeqCst);
        }
        self.inner.sync()
    }
}
