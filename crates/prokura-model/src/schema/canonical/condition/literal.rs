//! Literals in one spelling.

/// A number: decimal, a fraction's digits as few as tell it apart.
pub(super) fn number(text: &str) -> Option<String> {
    let (digits, unsigned) = match text.strip_suffix(['u', 'U']) {
        Some(digits) => (digits, "u"),
        None => (text, ""),
    };
    if let Some(digits) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok().map(|value| format!("{value}{unsigned}"));
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits.parse::<u64>().ok().map(|value| format!("{value}{unsigned}"));
    }
    let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite())?;
    Some(fraction(value))
}

/// As few digits as tell it apart; with an exponent of two digits or more where there would be many zeros; and `.0` where
/// no point stands, even after an exponent.
fn fraction(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let text = if (-4..6).contains(&exponent) {
        format!("{value}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
    };
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// A string in double quotes, or bytes as octal numbers.
pub(super) fn text(prefix: &str, quoted: &str) -> Option<String> {
    let mark = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|mark| quoted.starts_with(mark))?;
    let body = quoted.strip_prefix(mark)?.strip_suffix(mark)?.replace("\r\n", "\n").replace('\r', "\n");
    let prefix = prefix.to_ascii_lowercase();
    let (raw, bytes) = match prefix.as_str() {
        "" => (false, false),
        "r" => (true, false),
        "b" => (false, true),
        "br" | "rb" => (true, true),
        _ => return None,
    };
    if bytes {
        let bytes = if raw { body.into_bytes() } else { unescaped_bytes(&body)? };
        let octal: String = bytes.into_iter().map(|byte| format!("\\{byte:03o}")).collect();
        return Some(format!("b\"{octal}\""));
    }
    let text = if raw { body } else { unescaped(&body)? };
    Some(format!("\"{}\"", text.chars().map(escaped).collect::<String>()))
}

/// A character as Go quotes it.
fn escaped(character: char) -> String {
    match character {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        ' '..='~' => character.to_string(),
        '\0'..='\u{7f}' => format!("\\x{:02x}", u32::from(character)),
        // A mark that combines with the letter before it is printed with it.
        _ if !format!("a{character}").escape_debug().to_string().contains('\\') => character.to_string(),
        '\u{80}'..='\u{ffff}' => format!("\\u{:04x}", u32::from(character)),
        _ => format!("\\U{:08x}", u32::from(character)),
    }
}

/// What an escape after `\` says.
enum Escape {
    Character(char),
    /// `\xff` and `\377`: a byte in bytes, a character in a string.
    Byte(u8),
}

/// Reads one escape, after the backslash.
fn escape(characters: &mut std::str::Chars<'_>) -> Option<Escape> {
    let first = characters.next()?;
    let mut digits = |count: usize, radix: u32, first: u32| {
        let mut code = first;
        for _ in 0..count {
            code = code * radix + characters.next()?.to_digit(radix)?;
        }
        Some(code)
    };
    Some(match first {
        'a' => Escape::Character('\u{7}'),
        'b' => Escape::Character('\u{8}'),
        'f' => Escape::Character('\u{c}'),
        'n' => Escape::Character('\n'),
        'r' => Escape::Character('\r'),
        't' => Escape::Character('\t'),
        'v' => Escape::Character('\u{b}'),
        same @ ('\\' | '?' | '"' | '\'' | '`') => Escape::Character(same),
        'x' | 'X' => Escape::Byte(u8::try_from(digits(2, 16, 0)?).ok()?),
        'u' => Escape::Character(char::from_u32(digits(4, 16, 0)?)?),
        'U' => Escape::Character(char::from_u32(digits(8, 16, 0)?)?),
        digit @ '0'..='3' => Escape::Byte(u8::try_from(digits(2, 8, digit.to_digit(8)?)?).ok()?),
        _ => return None,
    })
}

fn unescaped(body: &str) -> Option<String> {
    let mut text = String::new();
    let mut characters = body.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match escape(&mut characters)? {
                Escape::Character(character) => text.push(character),
                Escape::Byte(byte) => text.push(char::from(byte)),
            },
            other => text.push(other),
        }
    }
    Some(text)
}

fn unescaped_bytes(body: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut characters = body.chars();
    while let Some(character) = characters.next() {
        let character = match character {
            '\\' => match escape(&mut characters)? {
                Escape::Character(character) => character,
                Escape::Byte(byte) => {
                    bytes.push(byte);
                    continue;
                }
            },
            other => other,
        };
        bytes.extend(character.to_string().into_bytes());
    }
    Some(bytes)
}
