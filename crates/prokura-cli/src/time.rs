//! Times and lengths of time as people type them.

use std::str::FromStr;

use jiff::{Span, SpanRelativeTo, Timestamp, Unit};
use prokura_api::Time;

/// A length of time such as `30m`, `2h`, `30d` or `1h 30m`, in whole seconds. A day has 24 hours, a week seven days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length {
    pub(crate) seconds: u64,
}

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("`{text}` is not a length of time such as `30m`, `2h`, `30d` or `1h 30m`");
        if text.trim().starts_with('-') {
            return Err(format!("`{text}` is in the past: a length of time is counted from now on, such as `1h`"));
        }
        let span: Span = text.trim().parse().map_err(|_| wanted())?;
        if span.get_years() != 0 || span.get_months() != 0 {
            return Err(format!("`{text}`: months and years differ in length; count in days, such as `30d`"));
        }
        let seconds = span.total((Unit::Second, SpanRelativeTo::days_are_24_hours())).map_err(|_| wanted())?;
        if !(1.0..=SECONDS_MAX).contains(&seconds) {
            return Err(format!("`{text}`: a length of time is at least a second and at most 100 years"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within 1 and 100 years of seconds"
        )]
        Ok(Self { seconds: seconds as u64 })
    }
}

/// A hundred years: nothing here is meant to last longer, and sums of times stay far from overflowing.
const SECONDS_MAX: f64 = 100.0 * 366.0 * 86_400.0;

/// A moment of RFC 3339 (`2026-11-22T07:30:00Z`), or a length of time from now (`2h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    At(Time),
    In(Length),
}

impl When {
    /// The moment, for members of the protocol that know no "from now".
    pub(crate) fn moment(self) -> Time {
        match self {
            Self::At(time) => time,
            Self::In(length) => {
                let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
                Time::from_ms(now.saturating_add(length.seconds.saturating_mul(1_000)))
            }
        }
    }

    pub(crate) fn at(self) -> Option<Time> {
        match self {
            Self::At(time) => Some(time),
            Self::In(_) => None,
        }
    }

    pub(crate) fn in_seconds(self) -> Option<u64> {
        match self {
            Self::At(_) => None,
            Self::In(length) => Some(length.seconds),
        }
    }
}

/// The moment, always to the millisecond, so that one below the other is easily compared.
pub(crate) fn shown(time: Time) -> String {
    let text = time.to_string();
    let text = text.trim_end_matches('Z');
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{seconds}.{fraction:0<3}Z")
}

/// Whether this moment has come.
pub(crate) fn over(moment: Option<Time>) -> bool {
    let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
    moment.is_some_and(|moment| moment.as_ms() <= now)
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('T') {
            let time = text.parse().map_err(|error| format!("`{text}` is {error}"))?;
            return Ok(Self::At(time));
        }
        if text.trim().starts_with('-') {
            return text.parse().map(Self::In);
        }
        text.parse().map(Self::In).map_err(|error: String| format!("{error}; or a time such as `2026-11-22T07:30:00Z`"))
    }
}

/// Seconds, as people write them.
pub(crate) fn length(seconds: u64) -> String {
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let told: Vec<_> =
        parts.into_iter().filter(|(number, _)| *number > 0).map(|(number, unit)| format!("{number}{unit}")).collect();
    told.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Length, When, shown};

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, seconds) in [("30m", 1_800), ("2h", 7_200), ("30d", 2_592_000), ("1h 30m", 5_400), ("2w", 1_209_600)]
        {
            assert_eq!(text.parse(), Ok(Length { seconds }), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_length_is_refused_with_an_example() {
        for text in ["", "soon", "-2h", "0s", "1mo", "1000000d", "2"] {
            let error = text.parse::<Length>().expect_err(text);
            assert!(error.contains('`'), "{error}");
        }
    }

    #[test]
    fn moments_are_shown_to_the_millisecond() {
        for (text, told) in [("00Z", "00.000Z"), ("00.5Z", "00.500Z"), ("00.25Z", "00.250Z"), ("00.123Z", "00.123Z")] {
            let time = format!("2026-11-22T07:30:{text}").parse().expect("a time");
            assert_eq!(shown(time), format!("2026-11-22T07:30:{told}"));
        }
    }

    #[test]
    fn a_moment_or_a_length() {
        assert!(matches!("2026-11-22T07:30:00Z".parse(), Ok(When::At(_))));
        assert!(matches!("2h".parse(), Ok(When::In(_))));
        assert!("2026-11-22T07:30".parse::<When>().is_err());
    }
}
