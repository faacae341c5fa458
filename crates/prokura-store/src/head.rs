//! The head, kept beside the log: how far it goes.
//!
//! Three slots. Appending writes the first two in turn and syncs neither; a power loss may tear both. The third, the anchor,
//! is written and synced when the log is opened, so there always is a head that lags by one session at most.
//!
//! Behind the slots is the mark of doubt: after a failed sync the operating system may show bytes that it will never write
//! again. The mark is not synced, because it is to last exactly as long as what it warns of: until the machine restarts, or
//! until the log's file has been written anew.
//!
//! INVARIANT: it is written only after what it names is durable. It may lag behind the log, but never lead.

use std::{io, sync::Arc};

use prokura_model::{Revision, TenantName};

use crate::{
    chain::Chain,
    disk::DiskFile,
    frame::{FrameFault, Hash, Kind, NO_HASH, Reader},
};

const MAGIC: &[u8; 8] = b"PRKRHEAD";
const VERSION: u8 = 2;
/// Slots lie this far apart, so that they are in different sectors and pages.
const SLOT_SPACING: u64 = 4096;
const SLOTS: u64 = 3;
const ANCHOR: u64 = 2;
const DOUBT_AT: u64 = SLOTS * SLOT_SPACING;
const DOUBT: [u8; 8] = *b"IN DOUBT";
/// Every slot has exactly this length.
const SLOT_BYTES: usize = 160;
const NAME_BYTES: usize = 64;

/// One state of the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Counts writes of the head. 0: the log beside it has not been made yet, or not completely.
    pub(crate) generation: u64,
    /// How many entries the log has at least.
    pub(crate) sequence: u64,
    /// The digest over them.
    pub(crate) digest: Hash,
    /// Whose the last of them is, and its number there. None if there is none.
    pub(crate) last: Option<(TenantName, Revision)>,
}

/// The file the head is in.
#[derive(Debug)]
pub(crate) struct HeadFile {
    file: Arc<dyn DiskFile>,
    kind: Kind,
    generation: u64,
}

/// What the head file holds.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing that is a head, and why.
    Nothing(&'static str),
    /// An intact head of a format of the future.
    Unknown(u8),
    /// The newer of the intact heads.
    Head(Head),
}

impl HeadFile {
    pub(crate) fn new(file: Arc<dyn DiskFile>, kind: Kind) -> Self {
        Self { file, kind, generation: 0 }
    }

    pub(crate) fn read(&mut self) -> io::Result<Found> {
        let mut newest: Option<Head> = None;
        let length = self.file.len()?;
        for slot in 0..SLOTS {
            let offset = slot * SLOT_SPACING;
            let mut bytes = [0; SLOT_BYTES];
            if length < offset + SLOT_BYTES as u64 {
                continue;
            }
            self.file.read(offset, &mut bytes)?;
            match decode(&bytes, self.kind) {
                Ok(head) if newest.as_ref().is_none_or(|newest| newest.generation < head.generation) => {
                    newest = Some(head);
                }
                Ok(_) | Err(FrameFault::Damaged(_)) => {}
                Err(FrameFault::Version(version)) => return Ok(Found::Unknown(version)),
            }
        }
        let Some(head) = newest else {
            return Ok(Found::Nothing(if length == 0 {
                "it is empty or missing"
            } else {
                "none of its slots is intact"
            }));
        };
        self.generation = head.generation;
        Ok(Found::Head(head))
    }

    /// Writes the head of the log being made.
    pub(crate) fn begin(&mut self) -> io::Result<()> {
        self.generation = 0;
        self.put(ANCHOR, 0, &Chain::empty())?;
        self.file.sync()
    }

    /// Writes where the chain ends into the older slot. Not synced: see above.
    pub(crate) fn write(&mut self, chain: &Chain) -> io::Result<()> {
        let generation = self.generation + 1;
        self.put(generation % ANCHOR, generation, chain)?;
        self.generation = generation;
        Ok(())
    }

    /// Writes where the chain ends durably, and drops the anchor there. Whatever is torn meanwhile, a slot is intact.
    pub(crate) fn anchor(&mut self, chain: &Chain) -> io::Result<()> {
        self.write(chain)?;
        self.file.sync()?;
        self.generation += 1;
        self.put(ANCHOR, self.generation, chain)?;
        self.file.sync()
    }

    fn put(&self, slot: u64, generation: u64, chain: &Chain) -> io::Result<()> {
        self.file.write(slot * SLOT_SPACING, &encode(self.kind, generation, chain))
    }

    /// Whether the mark of doubt is there. Anything but zeros is one: in doubt, there is doubt.
    pub(crate) fn in_doubt(&self) -> io::Result<bool> {
        let mut mark = [0; DOUBT.len()];
        if self.file.len()? < DOUBT_AT + DOUBT.len() as u64 {
            return Ok(false);
        }
        self.file.read(DOUBT_AT, &mut mark)?;
        Ok(mark != [0; DOUBT.len()])
    }

    /// Takes the mark away; the next sync makes that durable.
    pub(crate) fn settle(&self) -> io::Result<()> {
        self.file.write(DOUBT_AT, &[0; DOUBT.len()])
    }

    pub(crate) fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

/// Leaves the mark of doubt. If that fails too there is nothing left to try.
pub(crate) fn mark_doubt(head: &dyn DiskFile) {
    let _ = head.write(DOUBT_AT, &DOUBT);
}

fn encode(kind: Kind, generation: u64, chain: &Chain) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SLOT_BYTES);
    let (name, number) = chain.last.as_ref().map_or(("", 0), |(tenant, number)| (tenant.as_str(), *number));
    bytes.extend(MAGIC);
    bytes.push(VERSION);
    bytes.push(kind as u8);
    bytes.push(u8::try_from(name.len()).unwrap_or(0));
    bytes.push(0);
    bytes.extend(generation.to_le_bytes());
    bytes.extend(chain.sequence.to_le_bytes());
    bytes.extend(chain.digest);
    bytes.extend(number.to_le_bytes());
    bytes.extend(name.as_bytes());
    bytes.resize(SLOT_BYTES - 4, 0);
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

fn decode(bytes: &[u8; SLOT_BYTES], kind: Kind) -> Result<Head, FrameFault> {
    let damaged = |what: &str| FrameFault::Damaged(what.to_owned());
    let (covered, checksum) = bytes.split_last_chunk::<4>().ok_or_else(|| damaged("too short"))?;
    if u32::from_le_bytes(*checksum) != crc32c::crc32c(covered) {
        return Err(damaged("checksum"));
    }
    let mut reader = Reader(covered);
    if reader.chunk::<8>()? != MAGIC {
        return Err(damaged("not a head"));
    }
    let version = reader.byte()?;
    if version != VERSION {
        return Err(FrameFault::Version(version));
    }
    if reader.byte()? != kind as u8 {
        return Err(damaged("the head of the other log"));
    }
    let name_len = usize::from(reader.byte()?);
    reader.byte()?;
    let (generation, sequence) = (reader.u64()?, reader.u64()?);
    let digest = *reader.chunk::<32>()?;
    let number = reader.u64()?;
    let name = reader.bytes(NAME_BYTES)?.get(..name_len).and_then(|name| std::str::from_utf8(name).ok());
    let last = match name {
        Some("") => None,
        Some(name) => Some((TenantName::new(name).map_err(|_| damaged("tenant"))?, Revision(number))),
        None => return Err(damaged("tenant")),
    };
    if last.is_none() != (sequence == 0) || (sequence == 0) != (digest == NO_HASH) {
        return Err(damaged("contradicts itself"));
    }
    Ok(Head { generation, sequence, digest, last })
}

#[cfg(test)]
mod tests;
