//! What redb sees of a disk. Until a log has been verified, what redb writes stays in memory, so a log that is refused is
//! left exactly as it was found; the first error of the disk is kept, because redb reports later ones as something else.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use crate::disk::DiskFile;

const BLOCK: usize = 4096;
const BLOCK_BYTES: u64 = BLOCK as u64;

/// A file as redb's storage.
#[derive(Clone, Debug)]
pub(crate) struct Backend(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: Arc<dyn DiskFile>,
    overlay: RwLock<Option<Overlay>>,
    failure: Mutex<Option<(io::ErrorKind, String)>>,
}

/// Writes that have not reached the file.
#[derive(Debug)]
struct Overlay {
    length: u64,
    /// Below this, bytes that are in no block are the file's; above, they are zero.
    from_file: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
    operations: Vec<Operation>,
}

#[derive(Debug)]
enum Operation {
    Write(u64, Vec<u8>),
    SetLength(u64),
    Sync,
}

impl Backend {
    /// The file, with writes held back.
    pub(crate) fn new(file: Arc<dyn DiskFile>) -> io::Result<Self> {
        let length = file.len()?;
        let overlay = Overlay { length, from_file: length, blocks: BTreeMap::new(), operations: Vec::new() };
        Ok(Self(Arc::new(Inner { file, overlay: RwLock::new(Some(overlay)), failure: Mutex::new(None) })))
    }

    /// Writes what was held back, in the order and with the syncs redb asked for, and holds nothing back from now on.
    pub(crate) fn release(&self) -> io::Result<()> {
        let mut overlay = self.0.overlay.write().unwrap_or_else(PoisonError::into_inner);
        for operation in overlay.take().map(|overlay| overlay.operations).unwrap_or_default() {
            let done = match &operation {
                Operation::Write(offset, bytes) => self.0.file.write(*offset, bytes),
                Operation::SetLength(length) => self.0.file.set_len(*length),
                Operation::Sync => self.0.file.sync(),
            };
            self.noted(done)?;
        }
        Ok(())
    }

    /// The first error of the disk, if there was one.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        let failure = self.0.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().map(|(kind, text)| io::Error::new(*kind, text.clone()))
    }

    fn noted<T>(&self, done: io::Result<T>) -> io::Result<T> {
        done.inspect_err(|error| {
            // A file that ends too early was cut: that is damage, not a failing disk.
            if error.kind() != io::ErrorKind::UnexpectedEof {
                let mut failure = self.0.failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.get_or_insert_with(|| (error.kind(), error.to_string()));
            }
        })
    }

    fn change(&self, operation: Operation) -> io::Result<()> {
        let mut overlay = self.0.overlay.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(overlay) = overlay.as_mut() {
            overlay.change(self.0.file.as_ref(), &operation)?;
            overlay.operations.push(operation);
            return Ok(());
        }
        drop(overlay);
        self.noted(match operation {
            Operation::Write(offset, bytes) => self.0.file.write(offset, &bytes),
            Operation::SetLength(length) => self.0.file.set_len(length),
            Operation::Sync => self.0.file.sync(),
        })
    }

    fn released(&self) -> bool {
        self.0.overlay.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

impl Overlay {
    fn change(&mut self, file: &dyn DiskFile, operation: &Operation) -> io::Result<()> {
        match operation {
            Operation::Sync => {}
            Operation::SetLength(length) => {
                self.from_file = self.from_file.min(*length);
                let kept = length.div_ceil(BLOCK_BYTES);
                self.blocks.retain(|block, _| *block < kept);
                if *length < self.length
                    && let Some(block) = self.blocks.get_mut(&(length / BLOCK_BYTES))
                {
                    let kept = usize::try_from(length % BLOCK_BYTES).map_err(io::Error::other)?;
                    block.truncate(kept);
                    block.resize(BLOCK, 0);
                }
                self.length = *length;
            }
            Operation::Write(offset, bytes) => {
                self.length = self.length.max(offset + bytes.len() as u64);
                let mut rest = bytes.as_slice();
                let mut at = *offset;
                while !rest.is_empty() {
                    let number = at / BLOCK_BYTES;
                    if !self.blocks.contains_key(&number) {
                        let mut block = vec![0; BLOCK];
                        self.read(file, number * BLOCK_BYTES, &mut block)?;
                        self.blocks.insert(number, block);
                    }
                    let within = usize::try_from(at % BLOCK_BYTES).map_err(io::Error::other)?;
                    let place =
                        self.blocks.get_mut(&number).and_then(|block| block.get_mut(within..)).unwrap_or_default();
                    let count = place.len().min(rest.len());
                    let (now, later) = rest.split_at(count);
                    place.split_at_mut(count).0.copy_from_slice(now);
                    rest = later;
                    at += count as u64;
                }
            }
        }
        Ok(())
    }

    /// Fills `bytes` with what is there, and zeros where nothing is.
    fn read(&self, file: &dyn DiskFile, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let within = at % BLOCK_BYTES;
            let count = usize::try_from(BLOCK_BYTES - within).map_err(io::Error::other)?.min(rest.len());
            let (now, later) = rest.split_at_mut(count);
            if let Some(block) = self.blocks.get(&(at / BLOCK_BYTES)) {
                let within = usize::try_from(within).map_err(io::Error::other)?;
                let held = block.get(within..within + count).ok_or(io::ErrorKind::UnexpectedEof)?;
                now.copy_from_slice(held);
            } else {
                let there = usize::try_from(self.from_file.saturating_sub(at)).map_err(io::Error::other)?.min(count);
                let (from_file, zero) = now.split_at_mut(there);
                if !from_file.is_empty() {
                    file.read(at, from_file)?;
                }
                zero.fill(0);
            }
            rest = later;
            at += count as u64;
        }
        Ok(())
    }
}

impl redb::StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        let overlay = self.0.overlay.read().unwrap_or_else(PoisonError::into_inner);
        match overlay.as_ref() {
            Some(overlay) => Ok(overlay.length),
            None => self.noted(self.0.file.len()),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.released() {
            return self.noted(self.0.file.read(offset, out));
        }
        let overlay = self.0.overlay.read().unwrap_or_else(PoisonError::into_inner);
        let Some(overlay) = overlay.as_ref() else {
            return self.noted(self.0.file.read(offset, out));
        };
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > overlay.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.noted(overlay.read(self.0.file.as_ref(), offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Operation::SetLength(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(Operation::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.released() {
            return self.noted(self.0.file.write(offset, data));
        }
        self.change(Operation::Write(offset, data.to_vec()))
    }
}

#[cfg(test)]
mod tests;
