//! The body of a frame of decisions: records of one tenant that share a flush.

use prokura_model::{DecisionId, TenantName, Timestamp, limits::RECORD_ID_BYTES_MAX};

use super::Record;
use crate::{
    frame::{FrameFault, Reader},
    limits::{FRAME_RECORDS_BYTES_MAX, FRAME_RECORDS_MAX},
};

/// What stands before the id and the payload of a record: its time and their lengths.
const HEADER_BYTES: usize = 8 + 1 + 4;

// The length of an id fits its byte.
const _: () = assert!(RECORD_ID_BYTES_MAX <= u8::MAX as usize);

/// A body that is being filled.
#[derive(Debug, Default)]
pub(super) struct Body {
    bytes: Vec<u8>,
    count: usize,
    time: Timestamp,
}

impl Body {
    /// One that is to hold some of these, the first of them at least.
    pub(super) fn with_room_for<'r>(records: impl Iterator<Item = &'r Record>) -> Self {
        let wanted = records.map(bytes_of).scan(0_usize, |sum, bytes| {
            *sum = sum.saturating_add(bytes);
            Some(*sum)
        });
        let fits = |(position, sum): &(usize, usize)| *position == 0 || *sum <= FRAME_RECORDS_BYTES_MAX;
        let bytes = wanted.enumerate().take_while(fits).last().map_or(0, |(_, sum)| sum);
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Adds a record, unless the frame is full. One that is alone always fits.
    pub(super) fn take(&mut self, record: &Record) -> bool {
        let (id, payload) = (record.id.as_str().as_bytes(), record.payload.as_slice());
        let more = bytes_of(record);
        if self.count > 0 && (self.count == FRAME_RECORDS_MAX || self.bytes.len() + more > FRAME_RECORDS_BYTES_MAX) {
            return false;
        }
        self.bytes.extend(record.time.0.to_le_bytes());
        self.bytes.push(u8::try_from(id.len()).unwrap_or(u8::MAX));
        // A payload beyond 32 bits makes a frame that is refused for its length before it is written.
        self.bytes.extend(u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.bytes.extend_from_slice(id);
        self.bytes.extend_from_slice(payload);
        self.count += 1;
        self.time = self.time.max(record.time);
        true
    }

    /// The greatest time of its records.
    pub(super) fn time(&self) -> Timestamp {
        self.time
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

fn bytes_of(record: &Record) -> usize {
    HEADER_BYTES + record.id.as_str().len() + record.payload.len()
}

/// A record in a frame that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept<'b> {
    pub(super) id: &'b str,
    pub(super) time: Timestamp,
    payload: &'b [u8],
}

impl Kept<'_> {
    pub(super) fn record(&self, tenant: &TenantName) -> Result<Record, FrameFault> {
        let id = DecisionId::new(self.id)
            .ok_or_else(|| FrameFault::Damaged(format!("`{}` in it is no record id", self.id)))?;
        Ok(Record { tenant: tenant.clone(), id, time: self.time, payload: self.payload.to_vec() })
    }
}

/// The records of a body, in the order in which they were appended; ends with the first that is not one.
pub(super) fn records(body: &[u8]) -> impl Iterator<Item = Result<Kept<'_>, FrameFault>> {
    let mut reader = Reader(body);
    std::iter::from_fn(move || {
        if reader.0.is_empty() {
            return None;
        }
        let next = next(&mut reader);
        if next.is_err() {
            reader.0 = &[];
        }
        Some(next)
    })
}

fn next<'b>(reader: &mut Reader<'b>) -> Result<Kept<'b>, FrameFault> {
    let time = Timestamp(reader.u64()?);
    let id_len = usize::from(reader.byte()?);
    let payload_len = reader.u32()?;
    let id = std::str::from_utf8(reader.bytes(id_len)?)
        .map_err(|_| FrameFault::Damaged("the id of a record in it is not UTF-8".to_owned()))?;
    let payload_len = usize::try_from(payload_len)
        .map_err(|_| FrameFault::Damaged(format!("a record in it says it has {payload_len} bytes")))?;
    Ok(Kept { id, time, payload: reader.bytes(payload_len)? })
}
