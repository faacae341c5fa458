//! What both logs are: frames in redb, a head beside it, a lock, and one order in which the three change.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use prokura_model::{Revision, TenantName, Timestamp};

use crate::{
    AppendError, Damage, Disk, LogPlace, OpenError, Place, ReadError,
    backend::Backend,
    chain::{Chain, Tail},
    disk::{DiskFile, Held, LockError},
    frame::{self, Frame, FrameFault, Kind},
    head::{self, Found, Head, HeadFile},
    limits::FRAME_BYTES_MAX,
    table::{Key, Table, TableFault},
};

/// The names of a log's files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    pub(crate) table: &'static str,
    pub(crate) head: &'static str,
    pub(crate) lock: &'static str,
}

/// One frame to append.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) tenant: TenantName,
    /// The number it should get, if the caller cares.
    pub(crate) number: Option<u64>,
    pub(crate) time: Timestamp,
    pub(crate) body: Vec<u8>,
    /// What it is listed under.
    pub(crate) keys: Vec<Key>,
}

/// A log, and the right to append to it.
#[derive(Debug)]
pub(crate) struct Journal {
    kind: Kind,
    chain: Chain,
    head: HeadFile,
    head_file: String,
    latched: Option<String>,
    shared: Arc<Shared>,
}

/// What readers need. Fields are dropped in this order: the lock is given back last.
#[derive(Debug)]
pub(crate) struct Shared {
    kind: Kind,
    file: String,
    table: Table,
    tails: RwLock<HashMap<TenantName, Tail>>,
    head: Arc<dyn DiskFile>,
    _held: Held,
}

/// What a log checks beyond its chain while it is opened.
pub(crate) trait Audit {
    /// Sees every frame, in order; an answer is an objection.
    fn frame(&mut self, frame: &Frame<&[u8]>) -> Option<FrameFault>;

    /// Sees the table after all its frames; an answer is an objection.
    fn table(&mut self, table: &Table) -> Result<Option<String>, TableFault>;
}

impl Journal {
    /// Opens or makes the log, and verifies all of it before a byte of it is changed. Answers with the chain up to the
    /// place too, if the place is in it.
    pub(crate) fn open(
        disk: &dyn Disk,
        names: Names,
        kind: Kind,
        place: Option<LogPlace>,
        audit: &mut dyn Audit,
    ) -> Result<(Self, Option<Chain>), OpenError> {
        let (file, head_file) = (disk.place(names.table), disk.place(names.head));
        let held = disk.lock(names.lock).map_err(|error| match error {
            LockError::Held(holder) => OpenError::InUse { file: disk.place(names.lock), holder },
            LockError::Io(error) => open_failed(&disk.place(names.lock), error),
        })?;
        let on_head = |error| open_failed(&head_file, error);
        let on_table = |error| open_failed(&file, error);
        let mut head = HeadFile::new(disk.open(names.head).map_err(on_head)?, kind);
        let table_file = disk.open(names.table).map_err(on_table)?;
        let known = match head.read().map_err(on_head)? {
            Found::Unknown(version) => return Err(OpenError::FormatUnknown { file: head_file, version }),
            // A generation of 0 says that making the log was not finished, so nothing was ever appended to it.
            Found::Head(known) if known.generation > 0 => Some(known),
            Found::Head(_) => None,
            Found::Nothing(_) if table_file.len().map_err(on_table)? == 0 => None,
            Found::Nothing(what) => {
                let what = format!("{what}, and without it a loss at the end of the log would go unnoticed");
                return Err(Damage { file: head_file, place: Place::File, what }.into());
            }
        };
        if known.is_none() {
            head.begin().map_err(on_head)?;
            table_file.set_len(0).map_err(on_table)?;
            disk.sync_names().map_err(on_table)?;
        } else if table_file.len().map_err(on_table)? == 0 {
            let what = "it is empty or missing, but its head says it was made".to_owned();
            return Err(Damage { file, place: Place::File, what }.into());
        }
        let table = Backend::new(Arc::clone(&table_file))
            .map_err(TableFault::Disk)
            .and_then(Table::open)
            .map_err(|fault| table_open_failed(&file, fault))?;
        let (chain, reached) = verify(&table, &file, kind, known.as_ref(), place, audit)?;
        if let Some(what) = audit.table(&table).map_err(|fault| table_open_failed(&file, fault))? {
            return Err(Damage { file, place: Place::File, what }.into());
        }
        let tails = RwLock::new(chain.tails.clone());
        // From here on the file is changed, and dropping `shared` leaves the mark of doubt if the disk fails.
        let shared =
            Arc::new(Shared { kind, file: file.clone(), table, tails, head: Arc::clone(head.file()), _held: held });
        if head.in_doubt().map_err(on_head)? {
            write_anew(table_file.as_ref()).map_err(on_table)?;
        }
        shared.table.release().map_err(|fault| table_open_failed(&file, fault))?;
        head.settle().and_then(|()| head.anchor(&chain)).map_err(on_head)?;
        Ok((Self { kind, chain, head, head_file, latched: None, shared }, reached))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Whether anything may be appended.
    pub(crate) fn check(&self) -> Result<(), AppendError> {
        match &self.latched {
            Some(first) => Err(AppendError::Latched { file: self.shared.file.clone(), first: first.clone() }),
            None => Ok(()),
        }
    }

    /// Appends all or, if the answer is an error, all or none: which of the two is known after the next open.
    pub(crate) fn append(&mut self, drafts: Vec<Draft>) -> Result<(), AppendError> {
        self.check()?;
        if drafts.is_empty() {
            return Ok(());
        }
        let mut staged = self.chain.stage();
        let (mut frames, mut keys) = (Vec::with_capacity(drafts.len()), Vec::new());
        for draft in drafts {
            let tail = staged.tail(&self.chain, &draft.tenant);
            let frame = Frame {
                kind: self.kind,
                sequence: staged.chain().sequence + 1,
                number: tail.number + 1,
                prior: tail.sequence,
                time: draft.time,
                previous: tail.hash,
                tenant: draft.tenant,
                body: draft.body,
            };
            if let Some(given) = draft.number.filter(|given| *given != frame.number) {
                let (expected, given) = (Revision(frame.number), Revision(given));
                return Err(AppendError::OutOfOrder { tenant: frame.tenant, expected, given });
            }
            let bytes = frame::encoded_len(&frame.tenant, frame.body.len());
            if bytes > FRAME_BYTES_MAX {
                return Err(AppendError::TooLarge { tenant: frame.tenant, bytes });
            }
            let bytes = frame.encode();
            staged.push(&frame, frame::hash(&bytes));
            keys.extend(draft.keys.into_iter().map(|key| (key, frame.sequence)));
            frames.push((frame.sequence, bytes));
        }
        if let Err(fault) = self.shared.table.append(&frames, &keys) {
            return Err(self.latch(fault));
        }
        // The log is durable: from here on the entries are there, whatever happens to the head.
        self.shared.tails_mut().extend(staged.chain().tails.iter().map(|(tenant, tail)| (tenant.clone(), *tail)));
        self.chain.absorb(staged);
        if let Err(error) = self.head.write(&self.chain) {
            let file = self.head_file.clone();
            return Err(self.latched_by(append_failed(&file, error)));
        }
        Ok(())
    }

    /// Makes the head durable. The entries are so already.
    pub(crate) fn close(&mut self) -> Result<(), AppendError> {
        self.check()?;
        self.head.sync().map_err(|error| append_failed(&self.head_file, error))
    }

    fn latch(&mut self, fault: TableFault) -> AppendError {
        let error = match fault {
            TableFault::Disk(error) => append_failed(&self.shared.file, error),
            TableFault::Damaged(what) => self.shared.damage(Place::File, what).into(),
        };
        self.latched_by(error)
    }

    /// What had to be read for an append could not be.
    pub(crate) fn latch_unread(&mut self, error: ReadError) -> AppendError {
        let error = match error {
            ReadError::Damaged(damage) => damage.into(),
            ReadError::Io { file, source } => append_failed(&file, source),
            other @ ReadError::CursorUnknown { .. } => append_failed(&self.shared.file, io::Error::other(other)),
        };
        self.latched_by(error)
    }

    fn latched_by(&mut self, error: AppendError) -> AppendError {
        head::mark_doubt(self.shared.head.as_ref());
        self.latched = Some(error.to_string());
        error
    }
}

/// A clean end: the head is made durable. An error has nobody to go to, and costs nothing: a head may lag.
impl Drop for Journal {
    fn drop(&mut self) {
        if self.latched.is_none() {
            let _ = self.head.sync();
        }
    }
}

impl Shared {
    pub(crate) fn tail(&self, tenant: &TenantName) -> Option<Tail> {
        self.tails().get(tenant).copied()
    }

    pub(crate) fn tails(&self) -> RwLockReadGuard<'_, HashMap<TenantName, Tail>> {
        self.tails.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn tails_mut(&self) -> RwLockWriteGuard<'_, HashMap<TenantName, Tail>> {
        self.tails.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands every frame behind this chain to the visitor, in order, each verified anew.
    pub(crate) fn walk<E>(
        &self,
        mut chain: Chain,
        mut visit: impl FnMut(Frame<&[u8]>) -> Result<(), E>,
    ) -> Result<(), WalkError<E>> {
        let last = self.tails().values().map(|tail| tail.sequence).max().unwrap_or(0);
        while chain.sequence < last {
            let chunk =
                self.table.frames_from(chain.sequence + 1).map_err(|fault| WalkError::Read(self.failed(fault)))?;
            if chunk.is_empty() {
                let what = format!("entry {} should stand here", chain.sequence + 1);
                return Err(WalkError::Read(self.damage(Place::Entry(chain.sequence + 1), what).into()));
            }
            for (key, bytes) in chunk {
                let frame = checked(&self.file, self.kind, &chain, key, &bytes)
                    .map_err(|fault| WalkError::Read(fault.into()))?;
                chain.push(&frame, frame::hash(&bytes));
                visit(frame).map_err(|error| WalkError::Refused(key, error))?;
            }
        }
        Ok(())
    }

    /// The bytes of the frame at this place, which must be there, and what `take` makes of the frame.
    pub(crate) fn at<T>(
        &self,
        sequence: u64,
        tenant: &TenantName,
        take: impl FnOnce(&Frame<&[u8]>) -> Result<T, FrameFault>,
    ) -> Result<T, ReadError> {
        let place = Place::Entry(sequence);
        let Some(bytes) = self.table.frame(sequence).map_err(|fault| self.failed(fault))? else {
            return Err(self.damage(place, "it is missing".to_owned()).into());
        };
        let frame = Frame::decode(&bytes).map_err(|fault| self.damage(place.clone(), fault.text()))?;
        if frame.kind != self.kind || frame.sequence != sequence || frame.tenant != *tenant {
            return Err(self.damage(place, "another entry stands in its place".to_owned()).into());
        }
        take(&frame).map_err(|fault| self.damage(place, fault.text()).into())
    }

    /// The same for a place that may be none, or that of another tenant.
    pub(crate) fn if_at<T>(
        &self,
        sequence: u64,
        tenant: &TenantName,
        take: impl FnOnce(&Frame<&[u8]>) -> Result<T, FrameFault>,
    ) -> Result<Option<T>, ReadError> {
        let Some(bytes) = self.table.frame(sequence).map_err(|fault| self.failed(fault))? else {
            return Ok(None);
        };
        let damage = |fault: FrameFault| self.damage(Place::Entry(sequence), fault.text());
        let frame = Frame::decode(&bytes).map_err(damage)?;
        if frame.tenant != *tenant {
            return Ok(None);
        }
        Ok(Some(take(&frame).map_err(damage)?))
    }

    /// The frame that holds what has this key, if any does; which of its keys are the tenant's is told by a prefix.
    pub(crate) fn find(&self, key: &[u8], prefix: usize) -> Result<Option<u64>, ReadError> {
        self.table.find(key, prefix).map_err(|fault| self.failed(fault))
    }

    pub(crate) fn damage(&self, place: Place, what: String) -> Damage {
        Damage { file: self.file.clone(), place, what }
    }

    fn failed(&self, fault: TableFault) -> ReadError {
        match fault {
            TableFault::Disk(source) => ReadError::Io { file: self.file.clone(), source },
            TableFault::Damaged(what) => self.damage(Place::File, what).into(),
        }
    }
}

/// The last one to let go closes the file. If the disk failed, what the next opening reads may be less durable than it looks.
impl Drop for Shared {
    fn drop(&mut self) {
        if self.table.close() {
            head::mark_doubt(self.head.as_ref());
        }
    }
}

/// Writes every byte of a file once more, and syncs it: what reading showed is durable afterwards.
fn write_anew(file: &dyn DiskFile) -> io::Result<()> {
    const CHUNK: u64 = 1 << 20;
    let length = file.len()?;
    for offset in (0..length).step_by(1 << 20) {
        let count = usize::try_from(CHUNK.min(length - offset)).map_err(io::Error::other)?;
        let mut bytes = vec![0; count];
        file.read(offset, &mut bytes)?;
        file.write(offset, &bytes)?;
    }
    file.sync()
}

/// Why a walk ended early.
#[derive(Debug)]
pub(crate) enum WalkError<E> {
    Read(ReadError),
    Refused(u64, E),
}

impl FrameFault {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Version(version) => format!("it is in format {version}, which this version cannot read"),
            Self::Damaged(what) => what,
        }
    }
}

/// Walks a log from its first entry to its last. Nothing is believed but what the chain and the head confirm. Answers with
/// the chain at its end, and with that up to the place, if the place is in it.
fn verify(
    table: &Table,
    file: &str,
    kind: Kind,
    known: Option<&Head>,
    place: Option<LogPlace>,
    audit: &mut dyn Audit,
) -> Result<(Chain, Option<Chain>), OpenError> {
    let (mut chain, mut reached) = (Chain::empty(), None);
    loop {
        let chunk = table.frames_from(chain.sequence + 1).map_err(|fault| table_open_failed(file, fault))?;
        if chunk.is_empty() {
            break;
        }
        for (key, bytes) in chunk {
            let frame = checked(file, kind, &chain, key, &bytes)?;
            if let Some(fault) = audit.frame(&frame) {
                return Err(damage_at(file, &frame, fault.text()).into());
            }
            chain.push(&frame, frame::hash(&bytes));
            if let Some(head) = known.filter(|head| head.sequence == key && head.digest != chain.digest) {
                let what = format!("the first {} entries are not those its head was written for", head.sequence);
                return Err(damage_at(file, &frame, what).into());
            }
            if place == Some(LogPlace { sequence: chain.sequence, digest: chain.digest }) {
                reached = Some(chain.clone());
            }
        }
    }
    match known {
        Some(Head { sequence, last: Some((tenant, revision)), .. }) if chain.sequence < *sequence => {
            let (first, last) = (chain.sequence + 1, *sequence);
            let place = Place::Missing { first, last, tenant: tenant.clone(), revision: *revision };
            let what = "they were written, and are missing".to_owned();
            Err(Damage { file: file.to_owned(), place, what }.into())
        }
        _ => Ok((chain, reached)),
    }
}

fn checked<'b>(file: &str, kind: Kind, chain: &Chain, key: u64, bytes: &'b [u8]) -> Result<Frame<&'b [u8]>, Damage> {
    let frame = Frame::decode(bytes).map_err(|fault| Damage {
        file: file.to_owned(),
        place: Place::Entry(key),
        what: fault.text(),
    })?;
    match chain.objection(kind, key, &frame) {
        Some(what) => Err(damage_at(file, &frame, what)),
        None => Ok(frame),
    }
}

fn damage_at(file: &str, frame: &Frame<&[u8]>, what: String) -> Damage {
    let (sequence, tenant, revision) = (frame.sequence, frame.tenant.clone(), Revision(frame.number));
    Damage { file: file.to_owned(), place: Place::Revision { sequence, tenant, revision }, what }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn open_failed(file: &str, source: io::Error) -> OpenError {
    let file = file.to_owned();
    if is_full(&source) { OpenError::DiskFull { file } } else { OpenError::Io { file, source } }
}

fn append_failed(file: &str, source: io::Error) -> AppendError {
    let file = file.to_owned();
    if is_full(&source) { AppendError::DiskFull { file } } else { AppendError::Io { file, source } }
}

fn table_open_failed(file: &str, fault: TableFault) -> OpenError {
    match fault {
        TableFault::Disk(error) => open_failed(file, error),
        TableFault::Damaged(what) => Damage { file: file.to_owned(), place: Place::File, what }.into(),
    }
}
