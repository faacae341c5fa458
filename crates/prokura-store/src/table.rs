//! redb, held at arm's length: every call is caught if it panics, and what comes back says whether the disk failed or the
//! file is damaged. Nothing redb returns is believed before [`Frame::decode`](crate::frame::Frame::decode) has seen it.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, TableDefinition, TableError as RedbTableError, WriteTransaction,
};

use crate::backend::Backend;

const FRAMES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("frames");
const ENDS: TableDefinition<'_, &[u8], u64> = TableDefinition::new("ends");
const LATE: TableDefinition<'_, &[u8], u64> = TableDefinition::new("late");

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
}

/// What a frame is listed under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// Whatever is greater than the end before this one, and no greater than this, is in the frame or nowhere.
    End(Vec<u8>),
    /// This is in the frame.
    Late(Vec<u8>),
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

    /// Appends frames, and what they are listed under, in one commit with one sync.
    pub(crate) fn append(&self, frames: &[(u64, Vec<u8>)], keys: &[(Key, u64)]) -> Result<(), TableFault> {
        self.run(|database| {
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(FRAMES)?;
                for (key, bytes) in frames {
                    table.insert(key, bytes.as_slice())?;
                }
            }
            let ends = keys.iter().filter_map(|(key, frame)| match key {
                Key::End(key) => Some((key.as_slice(), *frame)),
                Key::Late(_) => None,
            });
            let late = keys.iter().filter_map(|(key, frame)| match key {
                Key::End(_) => None,
                Key::Late(key) => Some((key.as_slice(), *frame)),
            });
            insert_all(&transaction, ENDS, ends)?;
            insert_all(&transaction, LATE, late)?;
            transaction.commit()?;
            Ok(())
        })
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

    /// The frame that this is in, if it is in any: the one listed under it, or else the first with an end that is not
    /// smaller and begins with the same bytes.
    pub(crate) fn find(&self, wanted: &[u8], prefix: usize) -> Result<Option<u64>, TableFault> {
        self.run(|database| {
            let transaction = database.begin_read()?;
            if let Some(table) = present(transaction.open_table(LATE))?
                && let Some(frame) = table.get(wanted)?
            {
                return Ok(Some(frame.value()));
            }
            let Some(table) = present(transaction.open_table(ENDS))? else {
                return Ok(None);
            };
            let Some(first) = table.range(wanted..)?.next() else {
                return Ok(None);
            };
            let (end, frame) = first?;
            let same = end.value().get(..prefix) == wanted.get(..prefix);
            Ok(same.then(|| frame.value()))
        })
    }

    /// Folds over everything that frames are listed under. The fold is ours and does not panic.
    pub(crate) fn fold_keys<T>(&self, mut state: T, fold: impl Fn(&mut T, &Key, u64)) -> Result<T, TableFault> {
        self.run(|database| {
            let transaction = database.begin_read()?;
            for (definition, key_of) in [(ENDS, Key::End as fn(Vec<u8>) -> Key), (LATE, Key::Late)] {
                let Some(table) = present(transaction.open_table(definition))? else { continue };
                for entry in table.iter()? {
                    let (key, frame) = entry?;
                    fold(&mut state, &key_of(key.value().to_vec()), frame.value());
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

/// A table that nothing goes into is not even made.
fn insert_all<'k>(
    transaction: &WriteTransaction,
    definition: TableDefinition<'_, &'static [u8], u64>,
    keys: impl Iterator<Item = (&'k [u8], u64)>,
) -> Result<(), redb::Error> {
    let mut keys = keys.peekable();
    if keys.peek().is_some() {
        let mut table = transaction.open_table(definition)?;
        for (key, frame) in keys {
            table.insert(key, frame)?;
        }
    }
    Ok(())
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
