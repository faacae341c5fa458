//! What is printed, and how: text for people on standard output, JSON when asked for, errors on standard error.

use std::{
    borrow::Cow,
    fmt::Display,
    io::{self, Write as _},
};

use anstyle::{AnsiColor, Style};
use comfy_table::{Table, presets};
use serde::Serialize;

use crate::failure::Failure;

pub(crate) const ALLOW: Style = AnsiColor::Green.on_default().bold();
pub(crate) const DENY: Style = AnsiColor::Red.on_default().bold();
pub(crate) const CHANGE: Style = AnsiColor::Yellow.on_default();
pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const COMMAND: Style = AnsiColor::Cyan.on_default();

/// The text in a style. Styles are taken out again where the output is not a terminal.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// What somebody else wrote, such as a purpose, without anything that moves a terminal's cursor.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().flat_map(|character| {
        let control = character.is_control().then(|| character.escape_debug());
        let other = (!character.is_control()).then_some(character);
        control.into_iter().flatten().chain(other)
    });
    Cow::Owned(escaped.collect())
}

/// The same for what somebody approves: nothing in it is unseen, or seen in another order than it has.
pub(crate) fn exact(text: &str) -> String {
    let unseen = |character: char| {
        character.is_control()
            || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}')
    };
    let mut exact = String::with_capacity(text.len());
    for character in text.chars() {
        if unseen(character) {
            exact.extend(character.escape_unicode());
        } else {
            exact.push(character);
        }
    }
    exact
}

/// Where a command's answer goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// The answer: as JSON, or as `human` tells it.
    pub(crate) fn show<T: Serialize>(self, value: &T, human: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        if self.json {
            let text = serde_json::to_string_pretty(value)
                .map_err(|error| Failure::new("internal", format!("the answer cannot be written as JSON: {error}")))?;
            return self.print(&text);
        }
        self.print(&human(value))
    }

    /// Text as it is, and a line end if it has none.
    pub(crate) fn print(self, text: &str) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        let ended = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let written = write!(out, "{text}{ended}").and_then(|()| out.flush());
        match written {
            // Whoever reads has seen enough: `prokura decision list | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::new("output_failed", format!("the answer could not be written: {error}"))),
            Ok(()) => Ok(()),
        }
    }
}

/// A remark on the side, on standard error.
pub(crate) fn remark(text: impl Display) {
    // Nothing sensible is left to do when standard error is gone.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Rows in columns under a head; a sentence when there are none.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: Vec<[String; N]>, none: &str) -> String {
    if rows.is_empty() {
        return none.to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.map(str::to_uppercase));
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Names and values, one under the other, names aligned. Empty values are left out.
pub(crate) fn fields(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        let name = paint(FAINT, format!("{name:<width$}"));
        let mut lines = value.lines();
        text.push_str(&format!("{name}  {}\n", lines.next().unwrap_or_default()));
        for line in lines {
            text.push_str(&format!("{:width$}  {line}\n", ""));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{exact, harmless};

    #[test]
    fn what_others_wrote_moves_no_cursor() {
        assert_eq!(harmless("plain “text”"), "plain “text”");
        assert_eq!(harmless("\u{1b}[2Jgone\nand"), "\\u{1b}[2Jgone\\nand");
    }

    #[test]
    fn nothing_that_is_approved_is_unseen() {
        assert_eq!(exact("Grüße, 世界"), "Grüße, 世界");
        assert_eq!(exact("pay \u{202e}001\u{202c} to a\u{200b}b"), "pay \\u{202e}001\\u{202c} to a\\u{200b}b");
        assert_eq!(exact("\u{1b}[2J\u{e0041}"), "\\u{1b}[2J\\u{e0041}");
    }
}
