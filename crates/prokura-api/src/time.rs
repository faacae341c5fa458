use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type},
    },
};

/// A moment, RFC 3339 on the wire (`2026-11-22T07:30:00Z`), to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(jiff::Timestamp);

/// Text that is not a moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time of RFC 3339 such as `2026-11-22T07:30:00Z`, from 1970 on")]
pub struct TimeError;

impl Time {
    /// The moment this many milliseconds after 1970-01-01T00:00:00Z; the last one there is when it is beyond year 9999.
    #[must_use]
    pub fn from_ms(milliseconds: u64) -> Self {
        let moment = i64::try_from(milliseconds).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        Self(moment.unwrap_or(jiff::Timestamp::MAX))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, rounded down.
    #[must_use]
    pub fn as_ms(self) -> u64 {
        u64::try_from(self.0.as_millisecond()).unwrap_or(0)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        // The parser also takes a zone in brackets, which RFC 3339 does not have.
        if !text.is_ascii() || text.contains(['[', ' ']) {
            return Err(TimeError);
        }
        let moment: jiff::Timestamp = text.parse().map_err(|_| TimeError)?;
        if moment < jiff::Timestamp::UNIX_EPOCH {
            return Err(TimeError);
        }
        Ok(Self(moment))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("A moment of RFC 3339, from 1970 on"))
            .into()
    }
}

impl ToSchema for Time {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_and_written_as_rfc_3339() {
        let time: Time = "2026-11-22T07:30:00.250Z".parse().unwrap();
        assert_eq!(time.as_ms(), 1_795_332_600_250);
        assert_eq!(time.to_string(), "2026-11-22T07:30:00.25Z");
        assert_eq!(Time::from_ms(1_795_332_600_250), time);
        assert_eq!("2026-11-22T08:30:00.25+01:00".parse(), Ok(time));
        assert_eq!(serde_json::from_str::<Time>("\"2026-11-22T07:30:00.25Z\"").unwrap(), time);
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-11-22T07:30:00.25Z\"");
    }

    #[test]
    fn what_is_finer_than_a_millisecond_is_rounded_down() {
        let time: Time = "1970-01-01T00:00:00.0019Z".parse().unwrap();
        assert_eq!(time.as_ms(), 1);
    }

    #[test]
    fn other_text_is_no_time() {
        for text in [
            "",
            "now",
            "2026-11-22",
            "2026-11-22T07:30:00",
            "2026-11-22 07:30:00Z",
            "2026-11-22T07:30:00+01:00[Europe/Berlin]",
            "1969-12-31T23:59:59Z",
            "2026-13-22T07:30:00Z",
            "1795332600",
        ] {
            assert_eq!(text.parse::<Time>(), Err(TimeError), "{text}");
        }
    }

    #[test]
    fn the_end_of_time_can_be_said() {
        assert!(Time::from_ms(u64::MAX).to_string().starts_with("9999-"));
    }
}
