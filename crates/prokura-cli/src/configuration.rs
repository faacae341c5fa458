//! Configuration files (TOML). They hold keys, so a mistake in one is told by its place and its name, never by showing
//! what the file says.

use std::path::Path;

use serde::Deserialize;

use crate::{failure::Failure, source::Source};

/// A TOML file as what it should hold.
pub(crate) fn toml_file<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, Failure> {
    let source = Source::read(path)?;
    toml::from_str(&source.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let (line, column) = source.place(span.start);
        let named = name_at(&source.text, span.start);
        let said = source.text.get(span).unwrap_or_default();
        let message = without_value(error.message(), said);
        let message = match named {
            Some(name) if !message.contains(&format!("`{name}`")) => format!("`{name}`: {message}"),
            _ => message,
        };
        let shown = format!("{}:{line}:{column}: {message}", source.name);
        let diagnostic = serde_json::json!({ "file": source.name, "line": line, "column": column, "message": message });
        Failure::new("configuration_invalid", shown).details(serde_json::json!({ "diagnostics": [diagnostic] }))
    })
}

/// The name before the `=` of the line this byte is in.
fn name_at(text: &str, offset: usize) -> Option<&str> {
    let start = text.get(..offset)?.rfind('\n').map_or(0, |end| end + 1);
    let (name, _) = text.get(start..)?.lines().next()?.split_once('=')?;
    let name = name.trim();
    let bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    (!name.is_empty() && name.chars().all(bare)).then_some(name)
}

/// The message without the value that it is about. The name of a member that does not exist is no value.
fn without_value(message: &str, said: &str) -> String {
    if message.starts_with("unknown field ") {
        return message.to_owned();
    }
    let wrong = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    if let Some((found, expected)) = wrong.and_then(|wrong| wrong.rsplit_once(", expected ")) {
        let kind = found.split(['"', '`']).next().unwrap_or_default().trim();
        return format!("expected {expected}, found another {}", if kind.is_empty() { "value" } else { kind });
    }
    if let Some((_, expected)) =
        message.strip_prefix("unknown variant ").and_then(|rest| rest.rsplit_once(", expected "))
    {
        return format!("expected {expected}");
    }
    let value = said.trim().trim_matches(['"', '\'']);
    if value.is_empty() { message.to_owned() } else { message.replace(value, "…") }
}

#[cfg(test)]
mod tests {
    use super::{name_at, without_value};

    #[test]
    fn values_are_not_repeated() {
        for (message, said, told) in [
            ("invalid type: string \"pk_1\", expected u64", "\"pk_1\"", "expected u64, found another string"),
            ("invalid type: integer `7`, expected a string", "7", "expected a string, found another integer"),
            ("invalid value: string \"a, expected b\", expected x", "", "expected x, found another string"),
            ("unknown variant `pk_1`, expected `text` or `json`", "\"pk_1\"", "expected `text` or `json`"),
            ("`pk_1` is no name", "\"pk_1\"", "`…` is no name"),
            ("unknown field `key`, expected `listen`", "key", "unknown field `key`, expected `listen`"),
        ] {
            assert_eq!(without_value(message, said), told);
        }
    }

    #[test]
    fn a_name_is_that_of_the_line() {
        assert_eq!(name_at("a = 1\nkey = 2\n", 8), Some("key"));
        assert_eq!(name_at("a = 1\nkey = 2\n", 0), Some("a"));
        assert_eq!(name_at("pk_secret\n", 2), None);
        assert_eq!(name_at("", 0), None);
    }
}
