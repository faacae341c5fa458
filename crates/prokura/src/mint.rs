use prokura_model::Timestamp;
use uuid::{NoContext, Uuid};

/// A UUIDv7 of this moment. The time is ours, so that ids sort like everything else that happened.
pub(crate) fn uuid(now: Timestamp) -> Uuid {
    let nanoseconds = u32::try_from((now.0 % 1_000) * 1_000_000).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, now.0 / 1_000, nanoseconds))
}

/// The number as 26 digits and upper-case letters, which sort as the numbers do.
pub(crate) fn sortable<T>(bits: u128, new: impl Fn(String) -> Option<T>) -> T {
    /// Crockford's base 32: no letter that looks like a digit.
    const ALPHABET: [char; 32] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'M', 'N',
        'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z',
    ];
    let digits = (0..26_u32).rev().map(|place| {
        let digit = usize::try_from((bits >> (5 * place)) & 31).unwrap_or_default();
        ALPHABET.get(digit).copied().unwrap_or('0')
    });
    #[expect(clippy::expect_used, reason = "26 digits and letters are within the alphabet and length of every id")]
    new(digits.collect()).expect("a legal id")
}

/// An id made of a prefix and a UUID.
pub(crate) fn id<T>(prefix: &str, now: Timestamp, new: impl Fn(String) -> Option<T>) -> T {
    #[expect(clippy::expect_used, reason = "a UUID and a short prefix are within the alphabet and length of every id")]
    new(format!("{prefix}{}", uuid(now).hyphenated())).expect("a legal id")
}
