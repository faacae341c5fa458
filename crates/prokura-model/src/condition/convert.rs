//! Context values into values of CEL, by the types the parameters are declared with.

use std::{net::IpAddr, sync::Arc};

use cel_core::{Duration, MapKey, Timestamp, Value as Cel, ValueMap, time};

use super::{
    ParameterType,
    address::Address,
    failure::{Found, ValueFault},
};
use crate::{
    Value,
    limits::{CONDITION_VALUES_MAX, VALUE_NESTING_MAX},
};

/// Converts the values of one evaluation, and counts them.
pub(super) struct Converter {
    /// Whether `uint` is a type of its own, or another word for `int`.
    pub(super) unsigned: bool,
    left: usize,
}

impl Converter {
    pub(super) const fn new(unsigned: bool) -> Self {
        Self { unsigned, left: CONDITION_VALUES_MAX }
    }

    pub(super) fn convert(&mut self, declared: &ParameterType, value: &Value) -> Result<Cel, ValueFault> {
        self.nested(declared, value, VALUE_NESTING_MAX)
    }

    fn nested(&mut self, declared: &ParameterType, value: &Value, nesting_left: usize) -> Result<Cel, ValueFault> {
        let Some(nesting_left) = nesting_left.checked_sub(1) else {
            return Err(ValueFault::Limit(format!("values are nested more than {VALUE_NESTING_MAX} deep")));
        };
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| ValueFault::Limit(format!("more than {CONDITION_VALUES_MAX} values in the context")))?;
        let unfit = || ValueFault::unfit(declared, value);
        match (declared, value) {
            (ParameterType::Any, _) => self.any(value, nesting_left),
            (ParameterType::Bool, Value::Bool(value)) => Ok(Cel::Bool(*value)),
            (ParameterType::String, Value::String(value)) => Ok(Cel::String(value.as_str().into())),
            (ParameterType::Int, _) => integer(value).map(Cel::Int).ok_or_else(unfit),
            (ParameterType::Uint, _) => self.unsigned(value).ok_or_else(unfit),
            (ParameterType::Double, _) => double(value).map(Cel::Double).ok_or_else(unfit),
            (ParameterType::Bytes, Value::String(text)) => {
                bytes(text).map(|bytes| Cel::Bytes(bytes.into())).ok_or_else(unfit)
            }
            (ParameterType::Duration, Value::String(text)) => duration(text).map(Cel::Duration),
            (ParameterType::Timestamp, Value::String(text)) => timestamp(text).map(Cel::Timestamp),
            (ParameterType::IpAddress, Value::String(text)) => address(text),
            (ParameterType::List(of), Value::List(values)) => {
                let converted: Result<Vec<_>, _> = values
                    .iter()
                    .enumerate()
                    .map(|(index, value)| {
                        self.nested(of, value, nesting_left)
                            .map_err(|fault| ValueFault::Entry { index, fault: Box::new(fault) })
                    })
                    .collect();
                Ok(Cel::List(converted?.into()))
            }
            (ParameterType::Map(of), Value::Map(members)) => {
                let mut map = ValueMap::new();
                for (name, value) in members {
                    let value = self
                        .nested(of, value, nesting_left)
                        .map_err(|fault| ValueFault::Member { name: shortened(name), fault: Box::new(fault) })?;
                    map.insert(MapKey::String(name.as_str().into()), value);
                }
                Ok(Cel::Map(Arc::new(map)))
            }
            _ => Err(unfit()),
        }
    }

    /// A number is a `double`, as all JSON's are, whether or not it has a fraction.
    fn any(&mut self, value: &Value, nesting_left: usize) -> Result<Cel, ValueFault> {
        let of = Box::new(ParameterType::Any);
        Ok(match value {
            Value::Null => Cel::Null,
            Value::Bool(value) => Cel::Bool(*value),
            Value::Integer(number) => Cel::Double(nearest(*number)),
            Value::Float(number) => Cel::Double(*number),
            Value::String(value) => Cel::String(value.as_str().into()),
            Value::List(_) => self.nested(&ParameterType::List(of), value, nesting_left + 1)?,
            Value::Map(_) => self.nested(&ParameterType::Map(of), value, nesting_left + 1)?,
        })
    }

    fn unsigned(&self, value: &Value) -> Option<Cel> {
        let number = integer(value)?;
        let unsigned = u64::try_from(number).ok()?;
        Some(if self.unsigned { Cel::UInt(unsigned) } else { Cel::Int(number) })
    }
}

/// What of a caller's text belongs into a message.
pub(super) fn shortened(text: &str) -> String {
    const CHARACTERS_SHOWN: usize = 64;
    let mut shown: String = text.chars().take(CHARACTERS_SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// A whole number, if it is one.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Float(number) => whole(*number),
        Value::String(text) if decimal(text) => text.parse().ok().or_else(|| {
            // `42.0` and `4.2e1` are whole, too; digits alone that did not fit are not tried again with less precision.
            if text.contains(['.', 'e', 'E']) { text.parse().ok().and_then(whole) } else { None }
        }),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::List(_) | Value::Map(_) => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and inside the range")]
pub(super) fn whole(number: f64) -> Option<i64> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    (number.fract() == 0.0 && (-BEYOND..BEYOND).contains(&number)).then_some(number as i64)
}

#[expect(clippy::cast_precision_loss, reason = "a double is what was declared")]
const fn nearest(number: i64) -> f64 {
    number as f64
}

fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(nearest(*number)),
        Value::Float(number) => Some(*number),
        Value::String(text) if decimal(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// Digits, perhaps with a sign, a fraction and an exponent: neither `inf` nor `0x10`.
fn decimal(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'))
}

/// Base64 of the standard alphabet.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let symbols: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let (quads, rest) = symbols.as_chunks::<4>();
    let mut decoded = Vec::with_capacity(quads.len() * 3);
    for (index, quad) in quads.iter().enumerate() {
        let padding = quad.iter().rev().take_while(|symbol| **symbol == b'=').count();
        if padding > 2 || (padding > 0 && index + 1 < quads.len()) {
            return None;
        }
        let mut bits: u32 = 0;
        for symbol in quad.iter().take(4 - padding) {
            bits = bits << 6 | u32::from(sextet(*symbol)?);
        }
        let [_, first, second, third] = (bits << (6 * padding)).to_be_bytes();
        decoded.extend([first, second, third].iter().take(3 - padding));
    }
    rest.is_empty().then_some(decoded)
}

const fn sextet(symbol: u8) -> Option<u8> {
    match symbol {
        b'A'..=b'Z' => Some(symbol - b'A'),
        b'a'..=b'z' => Some(symbol - b'a' + 26),
        b'0'..=b'9' => Some(symbol - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// This text is no value of the type.
fn unread(needed: ParameterType, text: &str) -> ValueFault {
    ValueFault::Unfit { needed, found: Found::Text(shortened(text)) }
}

pub(super) fn address(text: &str) -> Result<Cel, ValueFault> {
    let parsed = text.parse::<IpAddr>();
    parsed.map(|address| Cel::Message(Box::new(Address(address)))).map_err(|_| unread(ParameterType::IpAddress, text))
}

/// A moment as RFC 3339 writes it.
pub(super) fn timestamp(text: &str) -> Result<Timestamp, ValueFault> {
    // What the library lets through, and RFC 3339 only at times or in spirit.
    let strict = text.get(10..11) == Some("T") && !text.ends_with('z') && text.get(17..19) != Some("60");
    strict.then(|| time::parse_timestamp(text).ok()).flatten().ok_or_else(|| unread(ParameterType::Timestamp, text))
}

/// Numbers with units from hours to nanoseconds, added up: `1h30m`, `-1.5s`, `0`. At most some 292 years.
pub(super) fn duration(text: &str) -> Result<Duration, ValueFault> {
    let invalid = || unread(ParameterType::Duration, text);
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Duration::new(0, 0));
    }
    let mut total: i128 = 0;
    loop {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, after) = rest.split_at_checked(number).ok_or_else(invalid)?;
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit).ok_or_else(invalid)?;
        total += nanoseconds(digits, unit).ok_or_else(invalid)?;
        if total > 1_i128 << 63 {
            return Err(invalid());
        }
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    i64::try_from(if negative { -total } else { total }).map(Duration::from_nanos).map_err(|_| invalid())
}

fn nanoseconds(digits: &str, unit: &str) -> Option<i128> {
    /// More digits of a fraction than this are below a nanosecond of an hour.
    const FRACTION_DIGITS: usize = 18;
    let scale: i128 = match unit {
        "h" => 3_600_000_000_000,
        "m" => 60_000_000_000,
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" | "µs" | "μs" => 1_000,
        "ns" => 1,
        _ => return None,
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut nanoseconds = i128::from(whole) * scale;
    if fraction.contains('.') {
        return None;
    }
    let mut part = scale;
    for digit in fraction.bytes().take(FRACTION_DIGITS) {
        // Tenths of what is left; a remainder is below a nanosecond.
        nanoseconds += i128::from(digit.checked_sub(b'0')?) * part / 10;
        part /= 10;
    }
    Some(nanoseconds)
}
