mod batch;
mod ids;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use prokura_model::{DecisionId, TenantName, Timestamp};

use self::{
    batch::Body,
    ids::{IdAudit, Ids, Listing, id_key},
};
use crate::{
    AppendError, Disk, FolderDisk, MemoryDisk, OpenError, ReadError,
    frame::{Frame, FrameFault, Kind},
    journal::{Draft, Journal, Names, Shared},
    limits::FRAME_RECORDS_MAX,
};

const NAMES: Names = Names { table: "decisions.redb", head: "decisions.head", lock: "decisions.lock" };

/// A place is the sequence of a frame and, in the lower bits, which of its records.
const PLACE_BITS: u32 = 16;

const _: () = assert!(FRAME_RECORDS_MAX <= 1 << PLACE_BITS);

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
    ids: Ids,
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
        let mut audit = IdAudit::default();
        let (journal, _) = Journal::open(disk.as_ref(), NAMES, Kind::Decision, None, &mut audit)?;
        let reader = DecisionReader { shared: Arc::clone(journal.shared()) };
        Ok(Self { journal, ids: audit.ids, reader })
    }

    /// Appends records, all or none, durably when this returns: one commit, one sync of the log's file. Each tenant's keep
    /// their order.
    ///
    /// # Errors
    /// A record is too large or its id is taken, in which case the log is as it was; or the disk failed, now or earlier.
    pub fn append(&mut self, records: &[Record]) -> Result<(), AppendError> {
        self.journal.check()?;
        let mut of_tenants: BTreeMap<&TenantName, Vec<&Record>> = BTreeMap::new();
        for run in records.chunk_by(|one, next| one.tenant == next.tenant) {
            if let Some(Record { tenant, .. }) = run.first() {
                of_tenants.entry(tenant).or_default().extend(run);
            }
        }
        let (mut drafts, mut ends) = (Vec::new(), Vec::with_capacity(of_tenants.len()));
        for (tenant, records) in of_tenants {
            self.check_untaken(tenant, &records)?;
            let greatest = frames_of(tenant, &records, self.ids.greatest(tenant), &mut drafts);
            ends.push((tenant, greatest.to_owned(), records.len()));
        }
        self.journal.append(drafts)?;
        for (tenant, greatest, records) in ends {
            self.ids.appended(tenant, &greatest, records);
        }
        Ok(())
    }

    /// Refuses ids that the tenant has already. Ids mostly ascend, and then there is nothing to look for.
    fn check_untaken(&mut self, tenant: &TenantName, records: &[&Record]) -> Result<(), AppendError> {
        let taken = |id: &str| AppendError::IdTaken { tenant: tenant.clone(), id: id.to_owned() };
        let greatest = self.ids.greatest(tenant);
        let ids = || records.iter().map(|record| record.id.as_str());
        if std::iter::once(greatest).chain(ids()).is_sorted_by(|earlier, later| earlier < later) {
            return Ok(());
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = ids().find(|id| !seen.insert(*id)) {
            return Err(taken(twice));
        }
        for record in records.iter().filter(|record| record.id.as_str() <= greatest) {
            match self.reader.by_id(tenant, &record.id) {
                Ok(None) => {}
                Ok(Some(_)) => return Err(taken(record.id.as_str())),
                Err(error) => return Err(self.journal.latch_unread(error)),
            }
        }
        Ok(())
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
        self.ids.records
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
        let mut found = NewestFirst {
            shared: Arc::clone(&self.shared),
            tenant: tenant.clone(),
            frame: 0,
            left: Vec::new(),
            next: self.shared.tail(tenant).map_or(0, |tail| tail.sequence),
        };
        if let Some(before) = before {
            let unknown = ReadError::CursorUnknown { before };
            let frame = before >> PLACE_BITS;
            let Some((prior, mut records)) = self.shared.if_at(frame, tenant, read_all)? else {
                return Err(unknown);
            };
            let kept = usize::try_from(before - (frame << PLACE_BITS)).unwrap_or(usize::MAX);
            if kept >= records.len() {
                return Err(unknown);
            }
            records.truncate(kept);
            (found.frame, found.left, found.next) = (frame, records, prior);
        }
        Ok(found)
    }

    /// The record of this id, with its place, if the tenant has it.
    ///
    /// # Errors
    /// It could not be read back as it was written.
    pub fn by_id(&self, tenant: &TenantName, id: &DecisionId) -> Result<Option<(u64, Record)>, ReadError> {
        let prefix = tenant.as_str().len() + 1;
        let Some(sequence) = self.shared.find(&id_key(tenant, id.as_str()), prefix)? else {
            return Ok(None);
        };
        self.shared.at(sequence, tenant, |frame| {
            for (index, kept) in batch::records(frame.body).enumerate() {
                let kept = kept?;
                if kept.id == id.as_str() {
                    return Ok(Some((place(sequence, index), kept.record(tenant)?)));
                }
            }
            Ok(None)
        })
    }
}

/// A tenant's records, newest first. Records appended meanwhile are newer than the first, so they do not appear.
#[derive(Debug)]
pub struct NewestFirst {
    shared: Arc<Shared>,
    tenant: TenantName,
    /// The frame that is being gone through.
    frame: u64,
    /// What is left of it, oldest first.
    left: Vec<Record>,
    /// The frame after it. 0: no more.
    next: u64,
}

impl Iterator for NewestFirst {
    type Item = Result<(u64, Record), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            // Taken first, so that an error ends the iteration.
            let sequence = std::mem::take(&mut self.next);
            if sequence == 0 {
                return None;
            }
            match self.shared.at(sequence, &self.tenant, read_all) {
                // A chain that does not go down would never end.
                Ok((prior, records)) => {
                    (self.frame, self.left, self.next) = (sequence, records, if prior < sequence { prior } else { 0 });
                }
                Err(error) => return Some(Err(error)),
            }
        }
        let record = self.left.pop()?;
        Some(Ok((place(self.frame, self.left.len()), record)))
    }
}

fn place(frame: u64, index: usize) -> u64 {
    (frame << PLACE_BITS) | index as u64
}

/// The frame before this one, and the records of this one.
fn read_all(frame: &Frame<&[u8]>) -> Result<(u64, Vec<Record>), FrameFault> {
    let records = batch::records(frame.body).map(|kept| kept?.record(&frame.tenant)).collect::<Result<_, _>>()?;
    Ok((frame.prior, records))
}

/// Puts the records into as few frames as they fit in. The answer is the greatest id after them.
fn frames_of<'r>(
    tenant: &TenantName,
    records: &[&'r Record],
    mut greatest: &'r str,
    drafts: &mut Vec<Draft>,
) -> &'r str {
    let mut records = records.iter().peekable();
    while records.peek().is_some() {
        let mut body = Body::with_room_for(records.clone().copied());
        let mut listing = Listing::new(greatest);
        while let Some(record) = records.next_if(|record| body.take(record)) {
            listing.add(tenant, record.id.as_str());
        }
        let (keys, after) = listing.finish(tenant);
        greatest = after;
        drafts.push(Draft { tenant: tenant.clone(), number: None, time: body.time(), body: body.into_bytes(), keys });
    }
    greatest
}
