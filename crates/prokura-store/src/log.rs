use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use prokura_model::{Revision, TenantName, Timestamp};

use crate::{
    AppendError, Disk, FolderDisk, LogPlace, MemoryDisk, OpenError, Place, ReadError, ReplayError,
    chain::Chain,
    frame::{Frame, FrameFault, Kind, Reader, put_text},
    journal::{Audit, Draft, Journal, Names, Shared, WalkError},
    table::{Table, TableFault},
};

const NAMES: Names = Names { table: "log.redb", head: "log.head", lock: "log.lock" };

/// One transaction as it is kept: who wrote it, why and when, and bytes this crate does not look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose it is.
    pub tenant: TenantName,
    /// Its place in the tenant's order; the first is 1, and no number is left out.
    pub revision: Revision,
    /// When it was accepted.
    pub time: Timestamp,
    /// Who wrote it.
    pub author: String,
    /// Why, in the author's words.
    pub reason: String,
    /// The caller's own name for the request, if it gave one.
    pub request_id: Option<String>,
    /// What changed, encoded.
    pub payload: Vec<u8>,
}

/// The commit log: every transaction of every tenant, in one order. Whoever has it may append; anyone may read through a
/// [`LogReader`].
#[derive(Debug)]
pub struct Log {
    journal: Journal,
    reader: LogReader,
    /// The chain up to the place it was opened from, if that place is in it.
    reached: Option<Chain>,
}

/// Reads single entries while the log is written.
#[derive(Clone, Debug)]
pub struct LogReader {
    shared: Arc<Shared>,
    places: Arc<RwLock<HashMap<TenantName, Places>>>,
}

impl Log {
    /// Opens the log of a folder, making both if they are not there.
    ///
    /// All of it is read and verified, so the time this takes grows with the log. What an interrupted commit left is
    /// dropped; nothing is changed otherwise, and nothing at all if the answer is an error.
    ///
    /// # Errors
    /// It is in use, damaged, of a later format, or the disk failed.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let disk =
            FolderDisk::new(folder).map_err(|source| OpenError::Io { file: folder.display().to_string(), source })?;
        Self::open_on(Arc::new(disk))
    }

    /// A log that lives as long as it is held.
    #[must_use]
    pub fn in_memory() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "an empty memory disk holds nothing that could be damaged, locked or full"
        )]
        Self::open_on(Arc::new(MemoryDisk::new())).expect("a new log in memory opens")
    }

    /// Opens the log of a disk, as [`Log::open`] does.
    ///
    /// # Errors
    /// It is in use, damaged, of a later format, or the disk failed.
    pub fn open_on(disk: Arc<dyn Disk>) -> Result<Self, OpenError> {
        Self::open_from(disk, None)
    }

    /// Opens the log of a disk, as [`Log::open`] does, and finds out whether it [reaches](Self::reaches) this place, from
    /// which it can be [replayed](Self::replay_rest) then.
    ///
    /// # Errors
    /// As `open`.
    #[expect(clippy::needless_pass_by_value, reason = "callers make the disk for this and need not keep it")]
    pub fn open_from(disk: Arc<dyn Disk>, place: Option<LogPlace>) -> Result<Self, OpenError> {
        let mut places = HashMap::new();
        let (journal, reached) = Journal::open(disk.as_ref(), NAMES, Kind::Transaction, place, &mut places)?;
        let reader = LogReader { shared: Arc::clone(journal.shared()), places: Arc::new(RwLock::new(places)) };
        Ok(Self { journal, reader, reached })
    }

    /// How far it goes.
    #[must_use]
    pub fn place(&self) -> LogPlace {
        let Chain { sequence, digest, .. } = self.journal.chain();
        LogPlace { sequence: *sequence, digest: *digest }
    }

    /// Whether the place it was opened from is in it: as many entries, with that digest.
    #[must_use]
    pub fn reaches(&self) -> bool {
        self.reached.is_some()
    }

    /// Hands every entry to the visitor, in the order in which they were appended. Each is verified once more.
    ///
    /// # Errors
    /// The log could not be read, or the visitor refused an entry.
    pub fn replay<E>(&self, visit: impl FnMut(Entry) -> Result<(), E>) -> Result<(), ReplayError<E>> {
        self.replay_after(Chain::empty(), visit)
    }

    /// The same for the entries behind the place it was opened from; all of them, if that place is not in it.
    ///
    /// # Errors
    /// As `replay`.
    pub fn replay_rest<E>(&self, visit: impl FnMut(Entry) -> Result<(), E>) -> Result<(), ReplayError<E>> {
        self.replay_after(self.reached.clone().unwrap_or_else(Chain::empty), visit)
    }

    fn replay_after<E>(
        &self,
        chain: Chain,
        mut visit: impl FnMut(Entry) -> Result<(), E>,
    ) -> Result<(), ReplayError<E>> {
        let shared = &self.reader.shared;
        let mut undecodable = None;
        let walked = shared.walk(chain, |frame| match entry_of(&frame) {
            Ok(entry) => visit(entry).map_err(Some),
            Err(fault) => {
                undecodable = Some(fault);
                Err(None)
            }
        });
        walked.map_err(|error| match error {
            WalkError::Read(error) => ReplayError::Read(error),
            WalkError::Refused(sequence, Some(error)) => ReplayError::Refused { sequence, error },
            WalkError::Refused(sequence, None) => {
                let what = undecodable.map(FrameFault::text).unwrap_or_default();
                ReplayError::Read(shared.damage(Place::Entry(sequence), what).into())
            }
        })
    }

    /// Appends entries, all or none, durably when this returns: one commit, one sync of the log's file.
    ///
    /// An error of the disk leaves open whether the entries are durable; the log then takes nothing more, and opening it
    /// again finds out.
    ///
    /// # Errors
    /// An entry does not follow on its tenant's last one or is too large, in which case the log is as it was; or the disk
    /// failed, now or earlier.
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), AppendError> {
        let first = self.journal.chain().sequence + 1;
        self.journal.append(entries.iter().map(draft_of).collect())?;
        let mut places = self.reader.places.write().unwrap_or_else(PoisonError::into_inner);
        for (sequence, entry) in (first..).zip(entries) {
            places.entry(entry.tenant.clone()).or_default().push(entry.revision.0, sequence);
        }
        Ok(())
    }

    /// One entry, if the tenant has it.
    ///
    /// # Errors
    /// It could not be read back as it was written.
    pub fn entry(&self, tenant: &TenantName, revision: Revision) -> Result<Option<Entry>, ReadError> {
        self.reader.entry(tenant, revision)
    }

    /// A reader for other threads.
    #[must_use]
    pub fn reader(&self) -> LogReader {
        self.reader.clone()
    }

    /// The tenant's last revision, if it has one.
    #[must_use]
    pub fn head(&self, tenant: &TenantName) -> Option<Revision> {
        self.journal.chain().tails.get(tenant).map(|tail| Revision(tail.number))
    }

    /// Every tenant that has an entry, with its last revision, in no order.
    pub fn tenants(&self) -> impl Iterator<Item = (&TenantName, Revision)> {
        self.journal.chain().tails.iter().map(|(tenant, tail)| (tenant, Revision(tail.number)))
    }

    /// The greatest time of any entry.
    #[must_use]
    pub fn last_time(&self) -> Option<Timestamp> {
        self.journal.chain().time
    }

    /// How many entries there are.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.journal.chain().sequence
    }

    /// Closes the log and says whether that went well. Dropping it does the same and says nothing.
    ///
    /// # Errors
    /// The disk failed, now or earlier. Entries that were acknowledged are durable all the same.
    pub fn close(mut self) -> Result<(), AppendError> {
        self.journal.close()
    }
}

impl LogReader {
    /// One entry, if the tenant has it.
    ///
    /// # Errors
    /// It could not be read back as it was written.
    pub fn entry(&self, tenant: &TenantName, revision: Revision) -> Result<Option<Entry>, ReadError> {
        let sequence = {
            let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
            places.get(tenant).and_then(|places| places.sequence(revision.0))
        };
        let Some(sequence) = sequence else {
            return Ok(None);
        };
        let entry = self.shared.at(sequence, tenant, entry_of)?;
        if entry.revision != revision {
            let what = format!("revision {} stands in the place of {revision}", entry.revision);
            return Err(self.shared.damage(Place::Entry(sequence), what).into());
        }
        Ok(Some(entry))
    }
}

/// Where a tenant's revisions are in the log: runs of revisions that lie one behind the other.
#[derive(Debug, Default)]
struct Places {
    /// First revision and its sequence, of each run.
    runs: Vec<(u64, u64)>,
    last: u64,
}

impl Places {
    fn push(&mut self, revision: u64, sequence: u64) {
        let continues = self.runs.last().is_some_and(|(from, at)| sequence - at == revision - from);
        if !continues {
            self.runs.push((revision, sequence));
        }
        self.last = revision;
    }

    fn sequence(&self, revision: u64) -> Option<u64> {
        if revision > self.last {
            return None;
        }
        let run = self.runs.partition_point(|(from, _)| *from <= revision).checked_sub(1)?;
        self.runs.get(run).map(|(from, at)| at + (revision - from))
    }
}

impl Audit for HashMap<TenantName, Places> {
    fn frame(&mut self, frame: &Frame<&[u8]>) -> Option<FrameFault> {
        if let Err(fault) = entry_of(frame) {
            return Some(fault);
        }
        self.entry(frame.tenant.clone()).or_default().push(frame.number, frame.sequence);
        None
    }

    fn table(&mut self, _: &Table) -> Result<Option<String>, TableFault> {
        Ok(None)
    }
}

fn draft_of(entry: &Entry) -> Draft {
    let mut body = Vec::new();
    put_text(&mut body, &entry.author);
    put_text(&mut body, &entry.reason);
    body.push(u8::from(entry.request_id.is_some()));
    if let Some(request_id) = &entry.request_id {
        put_text(&mut body, request_id);
    }
    body.extend(&entry.payload);
    Draft { tenant: entry.tenant.clone(), number: Some(entry.revision.0), time: entry.time, body, keys: Vec::new() }
}

fn entry_of(frame: &Frame<&[u8]>) -> Result<Entry, FrameFault> {
    let mut reader = Reader(frame.body);
    let (author, reason) = (reader.text()?, reader.text()?);
    let request_id = match reader.byte()? {
        0 => None,
        1 => Some(reader.text()?),
        other => return Err(FrameFault::Damaged(format!("{other} does not say whether it has a request id"))),
    };
    Ok(Entry {
        tenant: frame.tenant.clone(),
        revision: Revision(frame.number),
        time: frame.time,
        author,
        reason,
        request_id,
        payload: reader.0.to_vec(),
    })
}
