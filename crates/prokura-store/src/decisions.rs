use std::{path::Path, sync::Arc};

use prokura_model::{DecisionId, TenantName, Timestamp};
use sha2::{Digest, Sha256};

use crate::{
    AppendError, Disk, FolderDisk, MemoryDisk, OpenError, Place, ReadError,
    frame::{Frame, FrameFault, Kind, Reader, put_text},
    journal::{Audit, Draft, Journal, Names, Shared, id_key},
    table::{Table, TableFault},
};

const NAMES: Names = Names { table: "decisions.redb", head: "decisions.head", lock: "decisions.lock" };

/// One decision as it is kept: bytes this crate does not look into, and what they are found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub tenant: TenantName,
    /// Its id, unique within the tenant.
    pub id: DecisionId,
    /// When it was decided.
    pub time: Timestamp,
    /// The decision record, encoded.
    pub payload: Vec<u8>,
}

/// The decision log: every decision of every tenant, in the order in which they were recorded. Whoever has it may append;
/// anyone may read through a [`DecisionReader`] meanwhile.
#[derive(Debug)]
pub struct DecisionLog {
    journal: Journal,
    reader: DecisionReader,
}

/// Reads decisions while others are recorded.
#[derive(Clone, Debug)]
pub struct DecisionReader {
    shared: Arc<Shared>,
}

impl DecisionLog {
    /// Opens the decision log of a folder, making both if they are not there. All of it is read and verified.
    ///
    /// # Errors
    /// It is in use, damaged, of a later format, or the disk failed.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let disk =
            FolderDisk::new(folder).map_err(|source| OpenError::Io { file: folder.display().to_string(), source })?;
        Self::open_on(Arc::new(disk))
    }

    /// A decision log that lives as long as it is held.
    #[must_use]
    pub fn in_memory() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "an empty memory disk holds nothing that could be damaged, locked or full"
        )]
        Self::open_on(Arc::new(MemoryDisk::new())).expect("a new decision log in memory opens")
    }

    /// Opens the decision log of a disk, as [`DecisionLog::open`] does.
    ///
    /// # Errors
    /// It is in use, damaged, of a later format, or the disk failed.
    #[expect(clippy::needless_pass_by_value, reason = "callers make the disk for this and need not keep it")]
    pub fn open_on(disk: Arc<dyn Disk>) -> Result<Self, OpenError> {
        let journal = Journal::open(disk.as_ref(), NAMES, Kind::Decision, &mut IdSum::default())?;
        let reader = DecisionReader { shared: Arc::clone(journal.shared()) };
        Ok(Self { journal, reader })
    }

    /// Appends records, all or none, durably when this returns: one commit, one sync of the log's file.
    ///
    /// # Errors
    /// A record is too large or its id is taken, in which case the log is as it was; or the disk failed, now or earlier.
    pub fn append(&mut self, records: &[Record]) -> Result<(), AppendError> {
        self.journal.append(records.iter().map(draft_of).collect())
    }

    /// A reader for other threads.
    #[must_use]
    pub fn reader(&self) -> DecisionReader {
        self.reader.clone()
    }

    /// The tenant's records, as [`DecisionReader::newest_first`].
    ///
    /// # Errors
    /// `before` is no place of the tenant's, or could not be read.
    pub fn newest_first(&self, tenant: &TenantName, before: Option<u64>) -> Result<NewestFirst, ReadError> {
        self.reader.newest_first(tenant, before)
    }

    /// One record, as [`DecisionReader::by_id`].
    ///
    /// # Errors
    /// It could not be read back as it was written.
    pub fn by_id(&self, tenant: &TenantName, id: &DecisionId) -> Result<Option<(u64, Record)>, ReadError> {
        self.reader.by_id(tenant, id)
    }

    /// The greatest time of any record.
    #[must_use]
    pub fn last_time(&self) -> Option<Timestamp> {
        self.journal.chain().time
    }

    /// How many records there are.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.journal.chain().sequence
    }

    /// Closes the log and says whether that went well. Dropping it does the same and says nothing.
    ///
    /// # Errors
    /// The disk failed, now or earlier. Records that were acknowledged are durable all the same.
    pub fn close(mut self) -> Result<(), AppendError> {
        self.journal.close()
    }
}

impl DecisionReader {
    /// The tenant's records, newest first, each with its place; `before` goes on after the record at that place.
    ///
    /// # Errors
    /// `before` is no place of the tenant's, or could not be read.
    pub fn newest_first(&self, tenant: &TenantName, before: Option<u64>) -> Result<NewestFirst, ReadError> {
        let next = match before {
            Some(before) => self.shared.prior_of(before, tenant)?,
            None => self.shared.tail(tenant).map_or(0, |tail| tail.sequence),
        };
        Ok(NewestFirst { shared: Arc::clone(&self.shared), tenant: tenant.clone(), next })
    }

    /// The record of this id, with its place, if the tenant has it.
    ///
    /// # Errors
    /// It could not be read back as it was written.
    pub fn by_id(&self, tenant: &TenantName, id: &DecisionId) -> Result<Option<(u64, Record)>, ReadError> {
        let Some(sequence) = self.shared.find(tenant, id.as_str())? else {
            return Ok(None);
        };
        let record = self.shared.at(sequence, tenant, record_of)?;
        if record.id != *id {
            let what = format!("`{}` stands in the place of `{id}`", record.id);
            return Err(self.shared.damage(Place::Entry(sequence), what).into());
        }
        Ok(Some((sequence, record)))
    }
}

/// A tenant's records, newest first. Records appended meanwhile are newer than the first, so they do not appear.
#[derive(Debug)]
pub struct NewestFirst {
    shared: Arc<Shared>,
    tenant: TenantName,
    /// 0: no more.
    next: u64,
}

impl Iterator for NewestFirst {
    type Item = Result<(u64, Record), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        // Taken first, so that an error ends the iteration.
        let sequence = std::mem::take(&mut self.next);
        if sequence == 0 {
            return None;
        }
        let read = self.shared.at(sequence, &self.tenant, |frame| Ok((frame.prior, record_of(frame)?)));
        Some(read.map(|(prior, record)| {
            // A chain that does not go down would never end.
            self.next = if prior < sequence { prior } else { 0 };
            (sequence, record)
        }))
    }
}

/// A sum over (id, place) pairs that does not depend on their order: equal sums mean the same pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct IdSum {
    count: u64,
    sum: u128,
}

impl IdSum {
    fn add(&mut self, id: &[u8], sequence: u64) {
        let mut hasher = Sha256::new();
        hasher.update(sequence.to_le_bytes());
        hasher.update(id);
        let hash: [u8; 32] = hasher.finalize().into();
        let half = hash.first_chunk::<16>().copied().unwrap_or_default();
        self.count += 1;
        self.sum = self.sum.wrapping_add(u128::from_le_bytes(half));
    }
}

impl Audit for IdSum {
    fn frame(&mut self, frame: &Frame<&[u8]>) -> Option<FrameFault> {
        match record_of(frame) {
            Ok(record) => {
                self.add(&id_key(&record.tenant, record.id.as_str()), frame.sequence);
                None
            }
            Err(fault) => Some(fault),
        }
    }

    fn table(&mut self, table: &Table) -> Result<Option<String>, TableFault> {
        let found = table.fold_ids(Self::default(), Self::add)?;
        let (wanted, count) = (self.count, found.count);
        Ok((found != *self).then(|| format!("its {count} ids are not those of its {wanted} records")))
    }
}

fn draft_of(record: &Record) -> Draft {
    let mut body = Vec::new();
    put_text(&mut body, record.id.as_str());
    body.extend(&record.payload);
    Draft {
        tenant: record.tenant.clone(),
        number: None,
        time: record.time,
        body,
        id: Some(record.id.as_str().to_owned()),
    }
}

fn record_of(frame: &Frame<&[u8]>) -> Result<Record, FrameFault> {
    let mut reader = Reader(frame.body);
    let id = reader.text()?;
    let id = DecisionId::new(id.clone()).ok_or_else(|| FrameFault::Damaged(format!("`{id}` is no record id")))?;
    Ok(Record { tenant: frame.tenant.clone(), id, time: frame.time, payload: reader.0.to_vec() })
}
