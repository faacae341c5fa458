//! JSON, as it stands inside a relationship's text: strict, and read into [`Value`]s.

use std::{collections::BTreeMap, fmt};

use super::{Reader, TextError, error};
use crate::{Value, limits::VALUE_NESTING_MAX};

/// Reads an object. Each of its values is as deep as a value may be.
pub(super) fn read_object(reader: &mut Reader<'_>) -> Result<BTreeMap<String, Value>, TextError> {
    reader.json_space();
    if !reader.take('{') {
        return Err(error(
            reader.column,
            format!("{} where `{{` was expected: a context is a JSON object", reader.found()),
        ));
    }
    reader.json_members(VALUE_NESTING_MAX)
}

/// Writes an object without space, its members in order.
pub(super) fn write_object(f: &mut fmt::Formatter<'_>, members: &BTreeMap<String, Value>) -> fmt::Result {
    f.write_str("{")?;
    for (position, (name, value)) in members.iter().enumerate() {
        if position > 0 {
            f.write_str(",")?;
        }
        write_string(f, name)?;
        f.write_str(":")?;
        write_value(f, value)?;
    }
    f.write_str("}")
}

/// As deep as a value may be.
fn write_value(f: &mut fmt::Formatter<'_>, value: &Value) -> fmt::Result {
    match value {
        Value::Null => f.write_str("null"),
        Value::Bool(value) => write!(f, "{value}"),
        Value::Integer(value) => write!(f, "{value}"),
        // With a fraction or an exponent, always, so that it is read as what it is.
        Value::Float(value) => write!(f, "{value:?}"),
        Value::String(value) => write_string(f, value),
        Value::List(values) => {
            f.write_str("[")?;
            for (position, value) in values.iter().enumerate() {
                if position > 0 {
                    f.write_str(",")?;
                }
                write_value(f, value)?;
            }
            f.write_str("]")
        }
        Value::Map(members) => write_object(f, members),
    }
}

fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            character if character.is_control() => write!(f, "\\u{:04x}", u32::from(character))?,
            character => write!(f, "{character}")?,
        }
    }
    f.write_str("\"")
}

impl Reader<'_> {
    fn json_space(&mut self) {
        self.run(|character| matches!(character, ' ' | '\t' | '\n' | '\r'));
    }

    /// The members of an object, its brace taken; `nesting_left` is how deep each may be.
    fn json_members(&mut self, nesting_left: usize) -> Result<BTreeMap<String, Value>, TextError> {
        let mut members = BTreeMap::new();
        self.json_space();
        if self.take('}') {
            return Ok(members);
        }
        loop {
            self.json_space();
            let column = self.column;
            if !self.take('"') {
                return Err(error(
                    column,
                    format!("{} where the name of a member was expected, in quotes", self.found()),
                ));
            }
            let name = self.json_string(column)?;
            self.json_space();
            if !self.take(':') {
                return Err(error(self.column, format!("{} where `:` was expected", self.found())));
            }
            let value = self.json_value(nesting_left)?;
            if members.insert(name, value).is_some() {
                return Err(error(column, "an object has each member once".to_owned()));
            }
            if !self.json_goes_on('}')? {
                return Ok(members);
            }
        }
    }

    /// Whether a comma follows, rather than the end of the list or the object.
    fn json_goes_on(&mut self, end: char) -> Result<bool, TextError> {
        self.json_space();
        if self.take(',') {
            return Ok(true);
        }
        if self.take(end) {
            return Ok(false);
        }
        Err(error(self.column, format!("{} where `,` or `{end}` was expected", self.found())))
    }

    /// As deep as a value may be.
    fn json_value(&mut self, nesting_left: usize) -> Result<Value, TextError> {
        self.json_space();
        let column = self.column;
        let Some(nesting_left) = nesting_left.checked_sub(1) else {
            return Err(error(column, format!("a value is at most {VALUE_NESTING_MAX} deep")));
        };
        if self.take('{') {
            return self.json_members(nesting_left).map(Value::Map);
        }
        if self.take('[') {
            let mut values = Vec::new();
            self.json_space();
            if self.take(']') {
                return Ok(Value::List(values));
            }
            loop {
                values.push(self.json_value(nesting_left)?);
                if !self.json_goes_on(']')? {
                    return Ok(Value::List(values));
                }
            }
        }
        if self.take('"') {
            return self.json_string(column).map(Value::String);
        }
        let word = self.run(|character| character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.'));
        match word {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => number(word).ok_or_else(|| {
                let found = if word.is_empty() { self.found() } else { format!("`{}`", crate::name::shortened(word)) };
                error(column, format!("{found} where a JSON value was expected"))
            }),
        }
    }

    /// The rest of a string; the quote, at `opening`, is taken.
    fn json_string(&mut self, opening: usize) -> Result<String, TextError> {
        let mut text = String::new();
        loop {
            let column = self.column;
            match self.next() {
                None => return Err(error(opening, "the quote that opens here is never closed".to_owned())),
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.json_escape(column)?),
                Some(character) if character < ' ' => {
                    return Err(error(column, "a control character stands in a JSON string as `\\u…`".to_owned()));
                }
                Some(character) => text.push(character),
            }
        }
    }

    fn json_escape(&mut self, column: usize) -> Result<char, TextError> {
        Ok(match self.next() {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let unit = self.json_unit(column)?;
                let code = match unit {
                    // The first half of a character beyond the first 65,536; the second must follow.
                    0xd800..0xdc00 => {
                        let second = if self.take('\\') && self.take('u') { self.json_unit(column)? } else { 0 };
                        if !(0xdc00..0xe000).contains(&second) {
                            return Err(error(column, "half a character: both halves stand together".to_owned()));
                        }
                        0x1_0000 + ((unit - 0xd800) << 10) + (second - 0xdc00)
                    }
                    unit => unit,
                };
                let halved = || error(column, "half a character: both halves stand together".to_owned());
                char::from_u32(code).ok_or_else(halved)?
            }
            _ => return Err(error(column, "JSON has no such escape".to_owned())),
        })
    }

    fn json_unit(&mut self, column: usize) -> Result<u32, TextError> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.next().and_then(|character| character.to_digit(16));
            unit = unit * 16
                + digit.ok_or_else(|| error(column, "`\\u` is followed by four hexadecimal digits".to_owned()))?;
        }
        Ok(unit)
    }
}

/// A number as JSON has it; none where it is no such number, or beyond what a float holds.
fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = digits.split(['.', 'e', 'E']).next()?;
    let rest = digits.get(whole.len()..)?;
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    if rest.is_empty()
        && let Ok(integer) = text.parse()
    {
        return Some(Value::Integer(integer));
    }
    let exponent = match rest.strip_prefix('.') {
        Some(fraction) => {
            let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if length == 0 {
                return None;
            }
            fraction.get(length..)?
        }
        None => rest,
    };
    if let Some(exponent) = exponent.strip_prefix(['e', 'E']) {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if !all_digits(digits) {
            return None;
        }
    } else if !exponent.is_empty() {
        return None;
    }
    text.parse().ok().filter(|float: &f64| float.is_finite()).map(Value::Float)
}
