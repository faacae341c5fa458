//! Functions that are ours, because the library lacks them, reads less, or would not return.

use cel_core::{MapKey, OptionalValue, Value as Cel, ValueMap};
use regex::{Regex, RegexBuilder};

use super::{
    address::{self, Address},
    convert::{self, shortened},
    failure::{Failure, ValueFault},
};
use crate::limits::CONDITION_PATTERN_BYTES_MAX;

#[derive(Clone, Copy, Debug)]
pub(super) enum Function {
    Address,
    InNetwork,
    IsSubtree,
    Bool,
    String,
    Duration,
    Timestamp,
    OptionalOf,
    OptionalNone,
    OptionalNonZero,
    HasValue,
    Value,
    /// All the milliseconds of a duration, but those of a timestamp beside its seconds.
    Milliseconds,
    /// A part of a timestamp in a time zone: which one the library's name says.
    ZonedPart(&'static str),
}

/// The parts of a timestamp.
const PARTS: &[&str] = &[
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];

pub(super) fn named(name: &str, member: bool, operands: usize) -> Option<Function> {
    match (name, member, operands) {
        ("ipaddress", false, 1) => Some(Function::Address),
        ("in_cidr", true, 2) => Some(Function::InNetwork),
        ("isSubtreeOf", true, 2) => Some(Function::IsSubtree),
        ("bool", false, 1) => Some(Function::Bool),
        ("string", false, 1) => Some(Function::String),
        ("duration", false, 1) => Some(Function::Duration),
        ("timestamp", false, 1) => Some(Function::Timestamp),
        ("getMilliseconds", true, 1) => Some(Function::Milliseconds),
        ("hasValue", true, 1) => Some(Function::HasValue),
        ("value", true, 1) => Some(Function::Value),
        (_, true, 2) => PARTS.iter().find(|part| **part == name).map(|part| Function::ZonedPart(part)),
        _ => None,
    }
}

pub(super) fn optional(name: &str) -> Option<Function> {
    match name {
        "of" => Some(Function::OptionalOf),
        "none" => Some(Function::OptionalNone),
        "ofNonZeroValue" => Some(Function::OptionalNonZero),
        _ => None,
    }
}

pub(super) fn no_overload(function: &str) -> Failure {
    Failure::NoSuchOverload(format!("no such overload of `{function}`"))
}

/// A text that is no value of the type; parameters say so, too.
fn unread(fault: &ValueFault) -> Failure {
    Failure::Other(fault.to_string())
}

/// What is wrong, in words of its own.
fn said(fault: impl Into<String>) -> Failure {
    Failure::Other(fault.into())
}

pub(super) fn call(function: Function, operands: &[Cel]) -> Result<Cel, Failure> {
    match (function, operands) {
        (Function::Address, [Cel::String(text)]) => convert::address(text).map_err(|fault| unread(&fault)),
        (Function::InNetwork, [address, Cel::String(network)]) => {
            let address = Address::of(address).ok_or_else(|| no_overload("in_cidr"))?;
            address::in_network(address, network).map(Cel::Bool).map_err(said)
        }
        (Function::IsSubtree, [Cel::Map(left), Cel::Map(right)]) => Ok(Cel::Bool(is_subtree(left, right))),
        (Function::Bool, [Cel::Bool(value)]) => Ok(Cel::Bool(*value)),
        (Function::Bool, [Cel::String(text)]) => match text.as_ref() {
            "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(Cel::Bool(true)),
            "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(Cel::Bool(false)),
            other => Err(said(format!("`{}` is neither `true` nor `false`", shortened(other)))),
        },
        (Function::String, [value]) => string(value).map(|text| Cel::String(text.into())),
        (Function::Duration, [Cel::Duration(value)]) => Ok(Cel::Duration(*value)),
        (Function::Duration, [Cel::String(text)]) => {
            convert::duration(text).map(Cel::Duration).map_err(|fault| unread(&fault))
        }
        (Function::Duration, [Cel::Int(seconds)]) => {
            let duration = cel_core::Duration::from_seconds(*seconds);
            duration.is_valid().then_some(Cel::Duration(duration)).ok_or_else(|| said("duration out of range"))
        }
        (Function::Timestamp, [Cel::Timestamp(value)]) => Ok(Cel::Timestamp(*value)),
        (Function::Timestamp, [Cel::String(text)]) => {
            convert::timestamp(text).map(Cel::Timestamp).map_err(|fault| unread(&fault))
        }
        (Function::Timestamp, [Cel::Int(seconds)]) => {
            let timestamp = cel_core::Timestamp::from_seconds(*seconds);
            timestamp.is_valid().then_some(Cel::Timestamp(timestamp)).ok_or_else(|| said("timestamp out of range"))
        }
        (Function::OptionalOf, [value]) => Ok(Cel::optional_some(value.clone())),
        (Function::OptionalNone, []) => Ok(Cel::optional_none()),
        (Function::OptionalNonZero, [value]) => {
            Ok(if is_zero(value) { Cel::optional_none() } else { Cel::optional_some(value.clone()) })
        }
        (Function::HasValue, [Cel::Optional(value)]) => Ok(Cel::Bool(value.is_present())),
        (Function::Value, [Cel::Optional(OptionalValue::Some(value))]) => Ok(value.as_ref().clone()),
        (Function::Value, [Cel::Optional(OptionalValue::None)]) => Err(said("the optional value is absent")),
        (Function::Milliseconds, [Cel::Duration(duration)]) => {
            let seconds = duration.seconds.saturating_mul(1_000);
            Ok(Cel::Int(seconds.saturating_add(i64::from(duration.nanos / 1_000_000))))
        }
        (Function::Milliseconds, [Cel::Timestamp(moment)]) => Ok(Cel::Int(i64::from(moment.nanos / 1_000_000))),
        (Function::ZonedPart(part), [Cel::Timestamp(moment), Cel::String(zone)]) => zoned_part(part, *moment, zone),
        (Function::ZonedPart(part), _) => Err(no_overload(part)),
        (function, _) => Err(no_overload(function.name())),
    }
}

impl Function {
    const fn name(self) -> &'static str {
        match self {
            Self::Address => "ipaddress",
            Self::InNetwork => "in_cidr",
            Self::IsSubtree => "isSubtreeOf",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Duration => "duration",
            Self::Timestamp => "timestamp",
            Self::OptionalOf => "optional.of",
            Self::OptionalNone => "optional.none",
            Self::OptionalNonZero => "optional.ofNonZeroValue",
            Self::Milliseconds => "getMilliseconds",
            Self::HasValue => "hasValue",
            Self::Value => "value",
            Self::ZonedPart(part) => part,
        }
    }
}

fn string(value: &Cel) -> Result<String, Failure> {
    Ok(match value {
        Cel::String(text) => text.to_string(),
        Cel::Bool(value) => value.to_string(),
        Cel::Int(value) => value.to_string(),
        Cel::UInt(value) => value.to_string(),
        Cel::Double(value) => number(*value),
        Cel::Bytes(bytes) => {
            std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| said("the bytes are no text in UTF-8"))?
        }
        Cel::Timestamp(moment) => cel_core::time::format_timestamp(moment),
        Cel::Duration(duration) => cel_core::time::format_duration(duration),
        _ => return Err(no_overload("string")),
    })
}

/// As short as reads back the same, with an exponent of at least two digits below 1e-4 and from 1e6 on.
fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..EXPONENT_FROM).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// From this power of ten on, a number is written with its exponent.
const EXPONENT_FROM: i32 = 6;

fn is_zero(value: &Cel) -> bool {
    match value {
        Cel::Null | Cel::Bool(false) | Cel::Int(0) | Cel::UInt(0) => true,
        Cel::Double(value) => *value == 0.0,
        Cel::String(text) => text.is_empty(),
        Cel::Bytes(bytes) => bytes.is_empty(),
        Cel::List(values) => values.is_empty(),
        Cel::Map(members) => members.is_empty(),
        _ => false,
    }
}

/// Whether every member of the left is in the right, members of members likewise.
fn is_subtree(left: &ValueMap, right: &ValueMap) -> bool {
    left.iter().all(|(key, value)| match (value, right.get(key)) {
        (Cel::Map(value), Some(Cel::Map(other))) => is_subtree(value, other),
        (Cel::Map(_), _) | (_, None) => false,
        (value, Some(other)) => value == other,
    })
}

/// A pattern, compiled within bounds.
pub(super) fn pattern(text: &str) -> Result<Regex, String> {
    /// What a compiled pattern may take: several Unicode classes fit, a nest of repetitions does not.
    const COMPILED_BYTES: usize = 1 << 20;
    if text.len() > CONDITION_PATTERN_BYTES_MAX {
        return Err(format!("a pattern of {} bytes; the most is {CONDITION_PATTERN_BYTES_MAX}", text.len()));
    }
    RegexBuilder::new(text)
        .size_limit(COMPILED_BYTES)
        .dfa_size_limit(COMPILED_BYTES)
        .build()
        .map_err(|_| format!("`{}` is no regular expression, or one that is too large", shortened(text)))
}

fn zoned_part(part: &str, moment: cel_core::Timestamp, zone: &str) -> Result<Cel, Failure> {
    use cel_core::time::{TimestampComponent, parse_timezone};
    let unknown = || said(format!("`{}` is no time zone: one looks like `Europe/Berlin` or `+01:00`", shortened(zone)));
    // The library multiplies the hours of an offset as they are.
    let digits = zone.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    if digits > 4 {
        return Err(unknown());
    }
    let zone = if zone.is_empty() { "UTC" } else { zone };
    let local = parse_timezone(zone).ok().and_then(|zone| zone.datetime_from_timestamp(&moment)).ok_or_else(unknown)?;
    let component = match part {
        "getFullYear" => TimestampComponent::FullYear,
        "getMonth" => TimestampComponent::Month,
        "getDate" => TimestampComponent::Date,
        "getDayOfMonth" => TimestampComponent::DayOfMonth,
        "getDayOfWeek" => TimestampComponent::DayOfWeek,
        "getDayOfYear" => TimestampComponent::DayOfYear,
        "getHours" => TimestampComponent::Hours,
        "getMinutes" => TimestampComponent::Minutes,
        "getSeconds" => TimestampComponent::Seconds,
        "getMilliseconds" => TimestampComponent::Milliseconds,
        other => return Err(no_overload(other)),
    };
    Ok(Cel::Int(component.extract(&local)))
}

/// The key under which a map keeps this value.
pub(super) fn key_of(value: &Cel) -> Result<MapKey, Failure> {
    match value {
        Cel::Double(number) => match convert::whole(*number) {
            Some(number) => Ok(MapKey::Int(number)),
            None => Err(Failure::NoSuchKey(number.to_string())),
        },
        value => MapKey::from_value(value).ok_or_else(|| said("this value cannot be a key")),
    }
}

/// A duration in which seconds and nanoseconds have the same sign, as comparing needs.
pub(super) fn settled(value: Cel) -> Cel {
    match value {
        Cel::Duration(mut duration) => {
            if duration.seconds < 0 && duration.nanos > 0 {
                duration.seconds += 1;
                duration.nanos -= 1_000_000_000;
            } else if duration.seconds > 0 && duration.nanos < 0 {
                duration.seconds -= 1;
                duration.nanos += 1_000_000_000;
            }
            Cel::Duration(duration)
        }
        value => value,
    }
}
