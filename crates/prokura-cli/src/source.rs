//! A text somebody wrote, and how a mistake in it is shown: file, line, column, the line itself and a caret.

use std::{ops::Range, path::Path};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, renderer::DecorStyle};
use prokura_model::schema::Diagnostic;

use crate::{failure::Failure, limits::MISTAKES_DRAWN_MAX};

/// A text and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// One mistake: which part of the text, what is wrong, what would be right.
#[derive(Clone, Debug)]
pub(crate) struct Mistake {
    pub(crate) span: Range<usize>,
    /// Which file, where that is not the text at hand.
    pub(crate) file: Option<String>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Source {
    /// The file's text.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path)
            .map_err(|error| Failure::new("file_unreadable", format!("`{name}` cannot be read: {error}")))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Failure::new("file_not_utf8", format!("`{name}` is not UTF-8 text: byte {at} belongs to no character"))
        })?;
        Ok(Self { name, text })
    }

    /// The byte at which a line and a column begin, both from 1, the column in characters.
    pub(crate) fn offset(&self, line: usize, column: usize) -> usize {
        let mut start = 0;
        for (number, content) in self.text.split_inclusive('\n').enumerate() {
            if number + 1 == line {
                let content = content.trim_end_matches(['\n', '\r']);
                let within = content.char_indices().nth(column.saturating_sub(1)).map_or(content.len(), |(at, _)| at);
                return start + within;
            }
            start += content.len();
        }
        self.text.len()
    }

    /// The line and column of a byte, both from 1, the column in characters.
    pub(crate) fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// The failure that shows these mistakes. There is at least one.
    pub(crate) fn failure(&self, code: &str, mistakes: &[Mistake]) -> Failure {
        let drawn: Vec<_> =
            mistakes.iter().take(MISTAKES_DRAWN_MAX).map(|mistake| self.draw(Level::ERROR, mistake)).collect();
        let mut drawn = drawn.join("\n");
        if let Some(more) = mistakes.len().checked_sub(MISTAKES_DRAWN_MAX).filter(|more| *more > 0) {
            drawn.push_str(&format!("\nand {more} more"));
        }
        let details = mistakes.iter().map(|mistake| {
            let (line, column) = self.place(mistake.span.start);
            serde_json::json!({
                "file": self.name, "line": line, "column": column, "message": mistake.message, "help": mistake.help,
            })
        });
        let first = mistakes.first().map_or_else(String::new, |mistake| {
            let (line, column) = self.place(mistake.span.start);
            format!("{}:{line}:{column}: {}", self.name, mistake.message)
        });
        Failure::new(code, first)
            .details(serde_json::json!({ "diagnostics": details.collect::<Vec<_>>() }))
            .drawn(drawn)
    }

    /// The mistake with the line it is in, a caret under the place.
    pub(crate) fn draw(&self, level: Level<'static>, mistake: &Mistake) -> String {
        let end = self.char_boundary(mistake.span.end.max(mistake.span.start));
        let start = self.char_boundary(mistake.span.start).min(end);
        let annotation = AnnotationKind::Primary.span(start..end);
        let snippet = Snippet::source(self.text.as_str()).path(self.name.as_str()).annotation(annotation);
        let mut group = level.primary_title(mistake.message.as_str()).element(snippet);
        if let Some(help) = &mistake.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        Renderer::styled().decor_style(DecorStyle::Unicode).render(&[group])
    }

    fn char_boundary(&self, offset: usize) -> usize {
        self.text.floor_char_boundary(offset.min(self.text.len()))
    }
}

impl From<&Diagnostic> for Mistake {
    fn from(diagnostic: &Diagnostic) -> Self {
        Self {
            span: diagnostic.span.start..diagnostic.span.end,
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            file: diagnostic.file.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Mistake, Source};
    use crate::limits::MISTAKES_DRAWN_MAX;

    #[test]
    fn mistakes_drawn_max_and_one_more() {
        let source = Source { name: "file".to_owned(), text: "one\ntwo\n".to_owned() };
        for (count, more) in [(MISTAKES_DRAWN_MAX, false), (MISTAKES_DRAWN_MAX + 1, true)] {
            let mistakes = vec![Mistake { span: 4..7, message: "wrong".to_owned(), help: None, file: None }; count];
            let failure = source.failure("code", &mistakes);
            let drawn = failure.shown();
            assert_eq!(drawn.matches("wrong").count(), MISTAKES_DRAWN_MAX);
            assert_eq!(drawn.contains("and 1 more"), more, "{drawn}");
            assert!(drawn.contains("file:2:1"), "{drawn}");
        }
    }
}
