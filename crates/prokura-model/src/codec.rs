//! The bytes in which changes and decision records are kept: CBOR (RFC 8949) with numbered members.
//!
//! A decoder skips members it does not know and leaves absent optional ones empty, so an older log stays readable.

mod record;

use std::convert::Infallible;

use minicbor::{
    Encoder,
    encode::{self, Write},
};

use crate::{Change, DecisionRecord, Fault, RecordView, Terms};

/// Bytes that are not what they should be. The log's checksums stand before this, so it means a bug or a newer format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a {what} this version can read: {detail}")]
pub struct CodecError {
    what: &'static str,
    detail: String,
}

impl CodecError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "bytes_unreadable"
    }

    /// Whose doing it is: never the caller's.
    #[must_use]
    pub fn fault(&self) -> Fault {
        Fault::Server
    }
}

/// The bytes of a transaction's changes.
#[must_use]
pub fn encode_changes(changes: &[Change]) -> Vec<u8> {
    encoded(changes)
}

/// The changes these bytes hold.
///
/// # Errors
/// They hold none, or something after them.
pub fn decode_changes(bytes: &[u8]) -> Result<Vec<Change>, CodecError> {
    decode(bytes, "list of changes")
}

/// The bytes of a relationship's terms.
#[must_use]
pub fn encode_terms(terms: &Terms) -> Vec<u8> {
    encoded(terms)
}

/// The terms these bytes hold.
///
/// # Errors
/// They hold none, or something after them.
pub fn decode_terms(bytes: &[u8]) -> Result<Terms, CodecError> {
    decode(bytes, "relationship's terms")
}

/// The bytes of a decision record.
#[must_use]
pub fn encode_record(record: &RecordView<'_>) -> Vec<u8> {
    let mut bytes = Bytes(Vec::with_capacity(record::usual_bytes(record)));
    bytes.put_record(record);
    bytes.0
}

/// The decision record these bytes hold.
///
/// # Errors
/// They hold none, or something after it.
pub fn decode_record(bytes: &[u8]) -> Result<DecisionRecord, CodecError> {
    decode(bytes, "decision record")
}

pub(crate) fn encoded<T: minicbor::Encode<()> + ?Sized>(value: &T) -> Vec<u8> {
    let mut encoder = Encoder::new(Bytes(Vec::new()));
    // Writing to a vector cannot fail, and no encoder of ours makes an error of its own.
    let written = encoder.encode(value);
    assert!(written.is_ok(), "encoding into memory failed");
    encoder.into_writer().0
}

/// Text, mostly short: most of a record is, and minicbor's own way takes several calls for each.
#[inline]
pub(crate) fn put_text<W: Write>(encoder: &mut Encoder<W>, text: &str) -> Result<(), encode::Error<W::Error>> {
    /// Major type 3: text.
    const TEXT: u8 = 0x60;
    let Ok(length) = u8::try_from(text.len()) else {
        return encoder.str(text)?.ok();
    };
    let writer = encoder.writer_mut();
    let head = if length < 24 { writer.write_all(&[TEXT | length]) } else { writer.write_all(&[TEXT | 24, length]) };
    head.and_then(|()| writer.write_all(text.as_bytes())).map_err(encode::Error::write)
}

/// A vector again, because minicbor's own way to write to one is a call for every few bytes that is never inlined.
struct Bytes(Vec<u8>);

impl Write for Bytes {
    type Error = Infallible;

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

fn decode<T: for<'b> minicbor::Decode<'b, ()>>(bytes: &[u8], what: &'static str) -> Result<T, CodecError> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode().map_err(|error| CodecError { what, detail: error.to_string() })?;
    if decoder.position() != bytes.len() {
        return Err(CodecError { what, detail: format!("{} bytes left over", bytes.len() - decoder.position()) });
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
