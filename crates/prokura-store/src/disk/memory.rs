use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Disk, DiskFile, Held, LockError};

/// Memory in the place of a folder: what `--memory` runs on. Gone when it is dropped.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    files: Arc<Mutex<BTreeMap<String, Arc<MemoryFile>>>>,
    taken: Arc<Mutex<BTreeSet<String>>>,
}

impl MemoryDisk {
    /// A disk without files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A disk with these files.
    #[must_use]
    pub fn with_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let files = files.into_iter().map(|(name, bytes)| (name, Arc::new(MemoryFile(Mutex::new(bytes)))));
        Self { files: Arc::new(Mutex::new(files.collect())), taken: Arc::default() }
    }

    /// Every file as it is now, by name.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter().map(|(name, file)| (name.clone(), file.bytes().clone())).collect()
    }
}

impl Disk for MemoryDisk {
    fn place(&self, name: &str) -> String {
        format!("memory:{name}")
    }

    fn lock(&self, name: &str) -> Result<Held, LockError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if !taken.insert(name.to_owned()) {
            return Err(LockError::Held(Some(std::process::id())));
        }
        Ok(Held::new(Taken { name: name.to_owned(), taken: Arc::clone(&self.taken) }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(files.entry(name.to_owned()).or_default()) as Arc<dyn DiskFile>)
    }

    fn find(&self, name: &str) -> io::Result<Option<Arc<dyn DiskFile>>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(files.get(name).map(|file| Arc::clone(file) as Arc<dyn DiskFile>))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        Ok(())
    }
}

struct Taken {
    name: String,
    taken: Arc<Mutex<BTreeSet<String>>>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

#[derive(Debug, Default)]
struct MemoryFile(Mutex<Vec<u8>>);

impl MemoryFile {
    fn bytes(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiskFile for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let held = self.bytes();
        let from = position(offset)?;
        let found = from.checked_add(bytes.len()).and_then(|to| held.get(from..to));
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut held = self.bytes();
        let from = position(offset)?;
        let to = from.checked_add(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        if held.len() < to {
            held.resize(to, 0);
        }
        if let Some(place) = held.get_mut(from..to) {
            place.copy_from_slice(bytes);
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.bytes().resize(position(length)?, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn position(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge.into())
}
