//! redb, held at arm's length: every call is caught if it panics, and what comes back says whether the disk failed or the
//! file is damaged. Nothing redb returns is believed before [`Frame::decode`](crate::frame::Frame::decode) has seen it.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition, TableError as RedbTableError};

use crate::backend::Backend;

const FRAMES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("frames");
const IDS: TableDefinition<'_, &[u8], u64> = TableDefinition::new("ids");

/// Both logs are read front to back once and then at the end: a large cache would hold what is never asked for.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// At most so many entries and about so many bytes are taken out of redb at a time.
const CHUNK_ENTRIES: usize = 1024;
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// What went wrong beneath the entries.
#[derive(Debug)]
pub(crate) enum TableFault {
    /// The disk.
    Disk(io::Error),
    /// The file.
    Damaged(String),
    /// The key is there already.
    Taken(usize),
}

/// The tables of one log.
#[derive(Debug)]
pub(crate) struct Table {
    /// None only while it is dropped.
    database: Option<Database>,
    backend: Backend,
}

impl Table {
    /// Opens or makes the tables. Everything redb keeps is verified against redb's own checksums.
    pub(crate) fn open(backend: Backend) -> Result<Self, TableFault> {
        let opened = caught(&backend, || {
            let mut builder = Builder::new();
            builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
            let database = builder.create_with_backend(backend.clone())?;
            Ok(database)
        })?;
        Ok(Self { database: Some(opened), backend })
    }

    /// Lets what redb wrote while opening reach the file.
    pub(crate) fn release(&self) -> Result<(), TableFault> {
        self.backend.release().map_err(TableFault::Disk)
    }

    /// Appends frames, and ids if any, in one commit with one sync. `Taken` names the position of an id that exists.
    pub(crate) fn append(&self, frames: &[(u64, Vec<u8>)], ids: &[(Vec<u8>, u64)]) -> Result<(), TableFault> {
        let taken = self.run(|database| {
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(FRAMES)?;
                for (key, bytes) in frames {
                    table.insert(key, bytes.as_slice())?;
                }
            }
            if !ids.is_empty() {
                let mut table = transaction.open_table(IDS)?;
                for (position, (id, key)) in ids.iter().enumerate() {
                    if table.insert(id.as_slice(), key)?.is_some() {
                        drop(table);
                        transaction.abort()?;
                        return Ok(Some(position));
                    }
                }
            }
            transaction.commit()?;
            Ok(None)
        })?;
        taken.map_or(Ok(()), |position| Err(TableFault::Taken(position)))
    }

    /// The next frames from this key on; empty at the end.
    pub(crate) fn frames_from(&self, key: u64) -> Result<Vec<(u64, Vec<u8>)>, TableFault> {
        self.run(|database| {
            let Some(table) = present(database.begin_read()?.open_table(FRAMES))? else {
                return Ok(Vec::new());
            };
            let mut found = Vec::new();
            let mut bytes = 0;
            for entry in table.range(key..)? {
                let (key, value) = entry?;
                bytes += value.value().len();
                found.push((key.value(), value.value().to_vec()));
                if found.len() >= CHUNK_ENTRIES || bytes >= CHUNK_BYTES {
                    break;
                }
            }
            Ok(found)
        })
    }

    /// The frame at this key.
    pub(crate) fn frame(&self, key: u64) -> Result<Option<Vec<u8>>, TableFault> {
        self.run(|database| {
            let Some(table) = present(database.begin_read()?.open_table(FRAMES))? else {
                return Ok(None);
            };
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        })
    }

    /// The key of the frame with this id.
    pub(crate) fn id(&self, id: &[u8]) -> Result<Option<u64>, TableFault> {
        self.run(|database| {
            let Some(table) = present(database.begin_read()?.open_table(IDS))? else {
                return Ok(None);
            };
            Ok(table.get(id)?.map(|key| key.value()))
        })
    }

    /// Folds over all ids. The fold is ours and does not panic.
    pub(crate) fn fold_ids<T>(&self, mut state: T, mut fold: impl FnMut(&mut T, &[u8], u64)) -> Result<T, TableFault> {
        self.run(|database| {
            if let Some(table) = present(database.begin_read()?.open_table(IDS))? {
                for entry in table.iter()? {
                    let (id, key) = entry?;
                    fold(&mut state, id.value(), key.value());
                }
            }
            Ok(state)
        })
    }

    /// Closes the tables. Answers whether the disk ever failed, now or before.
    pub(crate) fn close(&mut self) -> bool {
        let database = self.database.take();
        // A database whose file is damaged or whose disk failed may panic here like anywhere else.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
        self.backend.failure().is_some()
    }

    fn run<T>(&self, work: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, TableFault> {
        let Some(database) = &self.database else {
            return Err(TableFault::Damaged("closed".to_owned()));
        };
        caught(&self.backend, || work(database))
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.close();
    }
}

/// A table that was never written to is an empty one.
fn present<T>(opened: Result<T, RedbTableError>) -> Result<Option<T>, redb::Error> {
    match opened {
        Ok(table) => Ok(Some(table)),
        Err(RedbTableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn caught<T>(backend: &Backend, work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, TableFault> {
    // Nothing of ours is left half-changed by a panic of redb: a caller that gets a fault stops using the database.
    let what = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "redb cannot make sense of it".to_owned(),
    };
    Err(backend.failure().map_or(TableFault::Damaged(what), TableFault::Disk))
}
