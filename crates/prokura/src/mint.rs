use std::sync::{Mutex, PoisonError};

use prokura_model::Timestamp;
use uuid::Uuid;

/// Makes UUIDv7s, each greater than all before it.
///
/// The time in them is ours, so that ids sort like everything else that happened; one that was read before another id was
/// made, and used after it, goes up to that of the other. Within a millisecond they count up from a random number, so that
/// asking the system for one is rare.
#[derive(Debug, Default)]
pub(crate) struct Mint(Mutex<Last>);

#[derive(Clone, Copy, Debug, Default)]
struct Last {
    milliseconds: u64,
    /// What follows in a UUIDv7: [`COUNT_BITS`] of it.
    count: u128,
}

const COUNT_BITS: u32 = 74;

impl Mint {
    pub(crate) fn uuid(&self, now: Timestamp) -> Uuid {
        // Two numbers that are written together; nothing panics in between, so a poisoned lock guards sound ones.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = last.count + 1;
        *last = if now.0 > last.milliseconds {
            Last { milliseconds: now.0, count: random() }
        } else if next >> COUNT_BITS == 0 {
            Last { count: next, ..*last }
        } else {
            Last { milliseconds: last.milliseconds + 1, count: random() }
        };
        let Last { milliseconds, count } = *last;
        drop(last);
        let (high, low) = (count >> 62, count & ((1 << 62) - 1));
        Uuid::from_u128((u128::from(milliseconds) << 80) | (7 << 76) | (high << 64) | (0b10 << 62) | low)
    }
}

/// The UUID as text, made to a name.
pub(crate) fn named<T>(uuid: Uuid, new: impl FnOnce(&str) -> Option<T>) -> T {
    let mut text = Uuid::encode_buffer();
    #[expect(clippy::expect_used, reason = "a UUID and a short prefix are within the alphabet and length of every id")]
    new(uuid.hyphenated().encode_lower(&mut text)).expect("a legal id")
}

/// Where a millisecond begins to count. The highest bit is left to count into; those of a UUID that say what it is are left
/// out.
fn random() -> u128 {
    let random = Uuid::new_v4().as_u128();
    let (high, low) = ((random >> 96) & 0x7FF, random & ((1 << 62) - 1));
    (high << 62) | low
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_greater_than_the_last_and_of_its_time() {
        let mint = Mint::default();
        let mut last = Uuid::nil();
        for now in [1_800_000_000_000, 1_800_000_000_000, 1_800_000_000_007, 1_800_000_000_003, 1_800_000_000_008] {
            let made = mint.uuid(Timestamp(now));
            assert!(made > last, "{made} after {last}");
            assert_eq!(made.get_version_num(), 7);
            assert_eq!(made.get_variant(), uuid::Variant::RFC4122);
            let (seconds, nanoseconds) = made.get_timestamp().unwrap().to_unix();
            let in_it = seconds * 1_000 + u64::from(nanoseconds) / 1_000_000;
            assert!(in_it == now || (in_it > now && in_it == 1_800_000_000_007), "{in_it} for {now}");
            last = made;
        }
    }

    #[test]
    fn a_millisecond_that_is_used_up_goes_on_in_the_next() {
        let mint = Mint(Mutex::new(Last { milliseconds: 5, count: (1 << COUNT_BITS) - 2 }));
        let made = [(); 3].map(|()| mint.uuid(Timestamp(5)));
        assert!(made.is_sorted(), "{made:?}");
        assert_eq!(made.map(|made| made.get_timestamp().unwrap().to_unix().1 / 1_000_000), [5, 6, 6]);
    }
}
