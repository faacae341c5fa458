use proptest::prelude::*;

use super::*;

#[test]
fn times_are_written_as_rfc_3339() {
    for (milliseconds, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (951_868_800_000, "2000-03-01T00:00:00.000Z"),
        (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
        (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
        (1_800_000_000_000, "2027-01-15T08:00:00.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "10000-01-01T00:00:00.000Z"),
        (u64::MAX, "584556019-04-03T14:25:51.615Z"),
    ] {
        assert_eq!(Timestamp(milliseconds).to_string(), text);
    }
}

/// The calendar by counting, a month after the other.
fn counted(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (month, length) in (1..).zip(lengths) {
            if days < length {
                return (year, month, days + 1);
            }
            days -= length;
        }
        year += 1;
    }
}

proptest! {
    #[test]
    fn days_are_those_of_the_calendar(days in 0_u64..2_932_897) {
        prop_assert_eq!(civil_from_days(days), counted(days));
    }

    #[test]
    fn later_is_later(one in 0_u64..=253_402_300_799_999, other in 0_u64..=253_402_300_799_999) {
        let (one, other) = (Timestamp(one), Timestamp(other));
        prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
    }
}
