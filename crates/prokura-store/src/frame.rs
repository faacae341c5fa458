//! One entry as bytes. The format is documented field by field in `docs/design/file-format.md`.

use aws_lc_rs::digest::{SHA256, digest};
use prokura_model::{TenantName, Timestamp};

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// What stands before the first frame of a tenant, and before the first frame of all.
pub(crate) const NO_HASH: Hash = [0; 32];

/// Format 1 had a frame for each decision.
pub(crate) const VERSION: u8 = 2;

const FIXED_BYTES: usize = 72;
const CHECKSUM_BYTES: usize = 4;

/// Which log a frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Transaction = 1,
    Decision = 2,
}

/// An entry of either log. `B` is the body: bytes to be written, or a view of bytes that were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame<B> {
    pub(crate) kind: Kind,
    /// Place in the whole log, from 1.
    pub(crate) sequence: u64,
    /// Place among the tenant's frames, from 1: for a transaction, its revision.
    pub(crate) number: u64,
    /// Sequence of the tenant's frame before this one; 0 if there is none.
    pub(crate) prior: u64,
    pub(crate) time: Timestamp,
    /// Hash of the tenant's frame before this one.
    pub(crate) previous: Hash,
    pub(crate) tenant: TenantName,
    pub(crate) body: B,
}

/// Why bytes are not a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FrameFault {
    /// Intact, but of a format of the future.
    Version(u8),
    /// Not intact.
    Damaged(String),
}

/// How many bytes a frame takes.
pub(crate) fn encoded_len(tenant: &TenantName, body: usize) -> usize {
    FIXED_BYTES + tenant.as_str().len() + body + CHECKSUM_BYTES
}

pub(crate) fn hash(bytes: &[u8]) -> Hash {
    // It always has 32 bytes.
    digest(&SHA256, bytes).as_ref().first_chunk().copied().unwrap_or(NO_HASH)
}

/// The digest of a log that goes on with a frame of this hash.
pub(crate) fn digest_after(digest: &Hash, frame: &Hash) -> Hash {
    hash([*digest, *frame].as_flattened())
}

impl Frame<Vec<u8>> {
    /// The bytes. The caller has checked that they fit [`FRAME_BYTES_MAX`](crate::limits::FRAME_BYTES_MAX), so lengths
    /// fit their fields.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let tenant = self.tenant.as_str().as_bytes();
        let length = encoded_len(&self.tenant, self.body.len());
        let mut bytes = Vec::with_capacity(length);
        bytes.push(VERSION);
        bytes.push(self.kind as u8);
        bytes.push(narrow(tenant.len()));
        bytes.push(0);
        bytes.extend(narrow::<u32>(length).to_le_bytes());
        for number in [self.sequence, self.number, self.prior, self.time.0] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.previous);
        bytes.extend(tenant);
        bytes.extend(&self.body);
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }
}

impl<'b> Frame<&'b [u8]> {
    /// The frame these bytes are, all of them, down to the last bit.
    pub(crate) fn decode(bytes: &'b [u8]) -> Result<Self, FrameFault> {
        let (covered, checksum) = bytes
            .split_last_chunk::<CHECKSUM_BYTES>()
            .ok_or_else(|| FrameFault::Damaged(format!("{} bytes are too few for an entry", bytes.len())))?;
        let (stored, computed) = (u32::from_le_bytes(*checksum), crc32c::crc32c(covered));
        if stored != computed {
            return Err(FrameFault::Damaged(format!("its checksum is {stored:08x}, its bytes give {computed:08x}")));
        }
        let mut reader = Reader(covered);
        let version = reader.byte()?;
        if version != VERSION {
            return Err(FrameFault::Version(version));
        }
        let kind = match reader.byte()? {
            1 => Kind::Transaction,
            2 => Kind::Decision,
            other => return Err(FrameFault::Damaged(format!("{other} is no kind of entry"))),
        };
        let tenant_len = usize::from(reader.byte()?);
        if reader.byte()? != 0 {
            return Err(FrameFault::Damaged("a reserved byte is not zero".to_owned()));
        }
        let length = reader.u32()?;
        if usize::try_from(length) != Ok(bytes.len()) {
            return Err(FrameFault::Damaged(format!("it says it has {length} bytes, but has {}", bytes.len())));
        }
        let (sequence, number, prior, time) = (reader.u64()?, reader.u64()?, reader.u64()?, reader.u64()?);
        let previous = *reader.chunk::<32>()?;
        let tenant = std::str::from_utf8(reader.bytes(tenant_len)?)
            .ok()
            .and_then(|name| TenantName::new(name).ok())
            .ok_or_else(|| FrameFault::Damaged("its tenant has no legal name".to_owned()))?;
        Ok(Self { kind, sequence, number, prior, time: Timestamp(time), previous, tenant, body: reader.0 })
    }
}

/// Bytes taken from the front.
pub(crate) struct Reader<'b>(pub(crate) &'b [u8]);

impl<'b> Reader<'b> {
    fn short() -> FrameFault {
        FrameFault::Damaged("it ends in the middle of a field".to_owned())
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'b [u8], FrameFault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(Self::short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn chunk<const N: usize>(&mut self) -> Result<&'b [u8; N], FrameFault> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(Self::short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, FrameFault> {
        self.chunk::<1>().map(|[byte]| *byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, FrameFault> {
        self.chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, FrameFault> {
        self.chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// Text behind its length.
    pub(crate) fn text(&mut self) -> Result<String, FrameFault> {
        let length = usize::try_from(self.u32()?).map_err(|_| Self::short())?;
        let bytes = self.bytes(length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| FrameFault::Damaged("a text in it is not UTF-8".to_owned()))
    }
}

/// Appends text behind its length.
pub(crate) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(narrow::<u32>(text.len()).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// A length in a narrower field. Callers bound frames before they encode them, so it fits.
fn narrow<T: TryFrom<usize> + Default>(length: usize) -> T {
    let narrowed = T::try_from(length);
    assert!(narrowed.is_ok(), "a length of {length} was not bounded before it was encoded");
    narrowed.unwrap_or_default()
}

#[cfg(test)]
mod tests;
