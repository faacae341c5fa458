//! Moments as RFC 3339 has them.

use std::{fmt, str::FromStr};

use super::{Reader, TextError, error, whole};
use crate::{Timestamp, change::days_from_civil};

/// `2030-01-01T00:00:00Z`, with a fraction and an offset where there are any. What is finer than a millisecond is cut off.
impl FromStr for Timestamp {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        whole(text, read)
    }
}

/// The end of the year 9999.
const LAST: Timestamp = Timestamp(253_402_300_799_999);

/// In UTC, with no more digits than it takes: `2030-01-01T00:00:00Z`, `2030-01-01T00:00:00.5Z`.
pub(super) struct Shortest(pub(super) Timestamp);

impl fmt::Display for Shortest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let digits = text.strip_suffix('Z').unwrap_or(&text);
        write!(f, "{}Z", digits.trim_end_matches('0').strip_suffix('.').unwrap_or_else(|| digits.trim_end_matches('0')))
    }
}

/// `2030-01-01T00:00:00.5+01:00`. What is finer than a millisecond is cut off, so that nothing holds longer than it says.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Timestamp, TextError> {
    reader.past_ids = true;
    let column = reader.column;
    let text = reader.run(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '+' | ':' | '.'));
    parse(text).ok_or_else(|| {
        let message = format!(
            "`{}` is no moment from 1970 to 9999: as in `2030-01-01T00:00:00Z` or `2030-01-01T01:00:00.5+01:00`",
            crate::name::shortened(text)
        );
        error(column, message)
    })
}

fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(['T', 't'])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (time, offset_minutes) = split_offset(time)?;
    let (time, milliseconds) = match time.split_once('.') {
        Some((time, fraction)) => (time, fraction_milliseconds(fraction)?),
        None => (time, 0),
    };
    let [hours, minutes, seconds] = numbers(time, ':', [2, 2, 2])?;
    let days_in_month = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let legal =
        (1..=12).contains(&month) && (1..=days_in_month).contains(&day) && hours < 24 && minutes < 60 && seconds < 60;
    if !legal {
        return None;
    }
    let minutes = days_from_civil(year, month, day)? * 1_440 + hours * 60 + minutes;
    let minutes = minutes.checked_add_signed(-offset_minutes)?;
    let moment = Timestamp((minutes * 60 + seconds) * 1_000 + milliseconds);
    // An offset may lead beyond the last year that has four digits, and then the moment could not be written down again.
    (moment <= LAST).then_some(moment)
}

/// Three numbers of so many digits each.
fn numbers(text: &str, separator: char, lengths: [usize; 3]) -> Option<[u64; 3]> {
    let mut numbers = [0; 3];
    let mut parts = text.split(separator);
    for (place, length) in numbers.iter_mut().zip(lengths) {
        let part = parts.next()?;
        if part.len() != length || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *place = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// The time without its offset, and the offset in minutes.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let at = text.find(['+', '-'])?;
    let (time, offset) = text.split_at_checked(at)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hours) || !two_digits(minutes) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some((time, sign * (hours * 60 + minutes)))
}

fn fraction_milliseconds(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.get(..3).unwrap_or(digits);
    format!("{digits:0<3}").parse().ok()
}
