//! The image of an index: all that a span of revisions sees, as records of words, in an order in which another index takes
//! them in one after the other. Names come in the order of their numbers, so numbers stay what they are; lists come as they
//! lie in memory (see [`lists::image`](crate::lists::image)); everything else as the changes that made it.

mod draw;
mod load;

pub use draw::DrawError;
pub use load::Loading;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    /// Names of types, in the order of their numbers.
    Types = 1,
    /// Names of relations and permissions, in the order of their numbers.
    Relations = 2,
    /// Names of objects, in the order of their numbers: what each is like, and its words.
    Objects = 3,
    /// Terms of edges: node, subject, birth, and whether it has ended; then the terms.
    Terms = 4,
    /// Items of lists.
    Lists = 5,
    /// A revision, and a change that it made.
    Change = 6,
    /// The last one: what all of it comes to.
    End = 7,
}

impl Kind {
    fn of(number: u8) -> Option<Self> {
        let all = [Self::Types, Self::Relations, Self::Objects, Self::Terms, Self::Lists, Self::Change, Self::End];
        all.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// What stands in the last record.
const END_WORDS: usize = 7;

/// Why a record is not taken in. The index is good for nothing then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageFault {
    /// There is no memory for it.
    #[error("names and relationships need more memory than they may take")]
    Full,
    /// It is not part of an image, or not there.
    #[error("{0}")]
    Wrong(String),
}

impl ImageFault {
    #[expect(clippy::needless_pass_by_value, reason = "errors are handed to it as they come")]
    fn wrong(what: impl ToString) -> Self {
        Self::Wrong(what.to_string())
    }
}

/// Adds bytes behind their number, the last word filled with zeroes.
pub fn put_bytes(words: &mut Vec<u64>, bytes: &[u8]) {
    words.push(bytes.len() as u64);
    words.extend(bytes.chunks(8).map(|part| {
        let mut word = [0; 8];
        word.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(word)
    }));
}

/// Takes from the front what [`put_bytes`] added, if it is whole.
pub fn take_bytes(words: &mut &[u64]) -> Option<Vec<u8>> {
    let (length, rest) = words.split_first()?;
    let length = usize::try_from(*length).ok()?;
    let (own, rest) = rest.split_at_checked(length.div_ceil(8))?;
    *words = rest;
    let mut bytes: Vec<u8> = own.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.truncate(length);
    Some(bytes)
}
