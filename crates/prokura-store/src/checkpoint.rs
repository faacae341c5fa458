//! A checkpoint: what was derived from the log up to a place in it, so that not all of it need be taken in again. The log stays
//! the only truth: a checkpoint that is damaged, or of another log, is as good as none.
//!
//! This crate knows how a checkpoint is kept, and not what is in it: records, each a kind and words. Records lie in blocks,
//! each with a checksum that begins with the one of the header and the block's number, so that no block of another
//! checkpoint, and none in another place, is taken for one of this. `docs/design/file-format.md` has every field.

use std::{io, sync::Arc};

use crate::{
    disk::{Disk, DiskFile},
    frame::Reader,
    limits::CHECKPOINT_RECORD_BYTES_MAX,
};

/// The file, and its name while it is written.
const NAME: &str = "checkpoint";
const DRAFT: &str = "checkpoint.new";

const MAGIC: &[u8; 8] = b"PRKRCKPT";

/// Goes up whenever any of it changes, and that includes what others put into records, or derive and do not put there yet: an
/// older checkpoint is then made anew from the log.
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 128;
const CHECKSUM_BYTES: usize = 4;

/// A block begins with its length and its checksum.
const HEAD_BYTES: usize = 8;

/// A block is written once it has this many bytes.
const BLOCK_BYTES: usize = 1 << 20;

/// So many bytes are made durable at once: a disk that is told to sync a log meanwhile has no more than this to write first.
const SYNC_BYTES: u64 = 16 << 20;

/// Bytes of a word.
const WORD: usize = 8;

/// Most bytes of a block that can be intact: one that is not full yet may get the longest record.
const BLOCK_BYTES_MAX: usize = BLOCK_BYTES + CHECKPOINT_RECORD_BYTES_MAX;

/// How far a log went: the number of its entries, and the digest up to the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// How many entries.
    pub sequence: u64,
    /// The digest up to there.
    pub digest: [u8; 32],
}

/// Why a checkpoint is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointFault {
    /// It is of a format that this version does not write.
    #[error("it is in format {0}, which is not that of this version")]
    FormatUnknown(u32),
    /// Its bytes are not those that were written.
    #[error("{0}")]
    Damaged(String),
    /// The disk failed.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// A checkpoint that is read.
#[derive(Debug)]
pub struct Checkpoint {
    file: Arc<dyn DiskFile>,
    place: LogPlace,
    seed: u32,
    blocks: u64,
    at: u64,
    /// The block that is read, as bytes and as words, and how many words were handed on.
    bytes: Vec<u8>,
    words: Vec<u64>,
    handed: usize,
}

/// A checkpoint that is written. Nobody finds it before it is [finished](Self::finish), and whoever finds one finds all of it.
#[derive(Debug)]
pub struct CheckpointWriter {
    disk: Arc<dyn Disk>,
    file: Arc<dyn DiskFile>,
    seed: u32,
    blocks: u64,
    at: u64,
    /// How much of it is durable.
    synced: u64,
    /// The block that is filled, its head in front.
    block: Vec<u8>,
}

impl Checkpoint {
    /// The checkpoint of this disk, if there is one. Of its bytes only the header has been looked at.
    ///
    /// # Errors
    /// The header is not that of a checkpoint of this version, or the disk failed.
    pub fn find(disk: &dyn Disk) -> Result<Option<Self>, CheckpointFault> {
        let Some(file) = disk.find(NAME)? else { return Ok(None) };
        let mut header = [0; HEADER_BYTES];
        if file.len()? < header.len() as u64 {
            return Err(damaged("it is cut off"));
        }
        file.read(0, &mut header)?;
        let (fields, checksum) = header.split_last_chunk::<CHECKSUM_BYTES>().ok_or_else(|| damaged("it is cut off"))?;
        let seed = crc32c::crc32c(fields);
        if seed.to_le_bytes() != *checksum {
            return Err(damaged("its header is not what was written"));
        }
        let short = |_| damaged("its header is too short");
        let mut reader = Reader(fields);
        if reader.chunk().map_err(short)? != MAGIC {
            return Err(damaged("it is no checkpoint"));
        }
        let version = reader.u32().map_err(short)?;
        if version != VERSION {
            return Err(CheckpointFault::FormatUnknown(version));
        }
        reader.u32().map_err(short)?;
        let place = LogPlace { sequence: reader.u64().map_err(short)?, digest: *reader.chunk().map_err(short)? };
        let (bytes, words) = (Vec::new(), Vec::new());
        Ok(Some(Self { file, place, seed, blocks: 0, at: HEADER_BYTES as u64, bytes, words, handed: 0 }))
    }

    /// The place in the log that it was made at.
    #[must_use]
    pub fn place(&self) -> LogPlace {
        self.place
    }

    /// The next record, of a block that is intact; none at the end.
    ///
    /// # Errors
    /// It is damaged or cut off, which may be found only after much of it was handed on; or the disk failed.
    pub fn next_record(&mut self) -> Result<Option<(u8, &[u64])>, CheckpointFault> {
        if self.handed == self.words.len() && !self.next_block()? {
            return Ok(None);
        }
        let cut_off = || damaged("a record is cut off");
        let (head, rest) = self.words.get(self.handed..).unwrap_or_default().split_first().ok_or_else(cut_off)?;
        let (kind, length) = parts_of(*head);
        self.handed += 1 + length;
        Ok(Some((kind, rest.get(..length).ok_or_else(cut_off)?)))
    }

    /// Reads the next block; false at the end.
    fn next_block(&mut self) -> Result<bool, CheckpointFault> {
        let left = self.file.len()?.saturating_sub(self.at);
        let mut head = [0; HEAD_BYTES];
        if left < head.len() as u64 {
            return Err(damaged("it is cut off"));
        }
        self.file.read(self.at, &mut head)?;
        let [l0, l1, l2, l3, c0, c1, c2, c3] = head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        self.at += head.len() as u64;
        if u64::from(length) > left - head.len() as u64 || wanted > BLOCK_BYTES_MAX || !wanted.is_multiple_of(WORD) {
            return Err(damaged("it is cut off, or the length of a block is not what was written"));
        }
        self.bytes.resize(wanted, 0);
        self.file.read(self.at, &mut self.bytes)?;
        self.at += u64::from(length);
        if checksum(self.seed, self.blocks, length, &self.bytes) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(damaged(&format!("block {} is not what was written", self.blocks)));
        }
        self.blocks += 1;
        if length == 0 && self.at != self.file.len()? {
            return Err(damaged("something stands behind its end"));
        }
        self.words.clear();
        self.words.extend(self.bytes.as_chunks::<WORD>().0.iter().map(|word| u64::from_le_bytes(*word)));
        self.handed = 0;
        Ok(length > 0)
    }
}

impl CheckpointWriter {
    /// Begins a checkpoint at this place of the log. One that was begun before and never finished is gone.
    ///
    /// # Errors
    /// The disk failed.
    pub fn begin(disk: Arc<dyn Disk>, place: &LogPlace) -> io::Result<Self> {
        let file = disk.open(DRAFT)?;
        file.set_len(0)?;
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend(MAGIC);
        header.extend(VERSION.to_le_bytes());
        header.extend([0; 4]);
        header.extend(place.sequence.to_le_bytes());
        header.extend(place.digest);
        header.resize(HEADER_BYTES - CHECKSUM_BYTES, 0);
        let seed = crc32c::crc32c(&header);
        header.extend(seed.to_le_bytes());
        file.write(0, &header)?;
        Ok(Self { disk, file, seed, blocks: 0, at: header.len() as u64, synced: 0, block: vec![0; HEAD_BYTES] })
    }

    /// Adds a record.
    ///
    /// # Errors
    /// It is too long, or the disk failed.
    pub fn push(&mut self, kind: u8, words: &[u64]) -> io::Result<()> {
        if words.len() * WORD > CHECKPOINT_RECORD_BYTES_MAX - WORD {
            let what = format!("a record of {} words does not fit a checkpoint", words.len());
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
        }
        self.block.extend(head_of(kind, words.len()).to_le_bytes());
        let begin = self.block.len();
        self.block.resize(begin + words.len() * WORD, 0);
        let places = self.block.get_mut(begin..).unwrap_or_default().as_chunks_mut::<WORD>().0;
        places.iter_mut().zip(words).for_each(|(place, word)| *place = word.to_le_bytes());
        if self.block.len() >= BLOCK_BYTES { self.write() } else { Ok(()) }
    }

    /// Ends it, makes it durable, and puts it in the place of the one before.
    ///
    /// # Errors
    /// The disk failed; the one before may still be there.
    pub fn finish(mut self) -> io::Result<()> {
        if self.block.len() > HEAD_BYTES {
            self.write()?;
        }
        // An empty block is the end.
        self.write()?;
        self.file.sync()?;
        self.disk.rename(DRAFT, NAME)?;
        self.disk.sync_names()
    }

    fn write(&mut self) -> io::Result<()> {
        let (head, payload) = self.block.split_at_mut(HEAD_BYTES);
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let checksum = checksum(self.seed, self.blocks, length, payload);
        let (length_bytes, checksum_bytes) = head.split_at_mut(4);
        length_bytes.copy_from_slice(&length.to_le_bytes());
        checksum_bytes.copy_from_slice(&checksum.to_le_bytes());
        self.file.write(self.at, &self.block)?;
        self.at += self.block.len() as u64;
        self.blocks += 1;
        self.block.truncate(HEAD_BYTES);
        if self.at - self.synced >= SYNC_BYTES {
            self.file.sync()?;
            self.synced = self.at;
        }
        Ok(())
    }
}

fn checksum(seed: u32, block: u64, length: u32, payload: &[u8]) -> u32 {
    let begun = crc32c::crc32c_append(seed, &block.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(begun, &length.to_le_bytes()), payload)
}

/// What stands before a record: its kind, and how many words it has.
fn head_of(kind: u8, words: usize) -> u64 {
    u64::from(kind) << 56 | words as u64
}

fn parts_of(head: u64) -> (u8, usize) {
    let [.., kind] = head.to_le_bytes();
    (kind, usize::try_from(head << 8 >> 8).unwrap_or(usize::MAX))
}

fn damaged(what: &str) -> CheckpointFault {
    CheckpointFault::Damaged(what.to_owned())
}
