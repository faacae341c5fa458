use std::fmt;

use crate::{Fault, limits::SCHEMA_DIAGNOSTICS_MAX};

/// Something wrong with a schema text, and where. As text: `line:column: message; help`, the file before it if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code.
    pub code: &'static str,
    /// What is wrong: lower case, no trailing period, names from the text in backticks.
    pub message: String,
    /// Which file is meant, where a schema is put together from files.
    pub file: Option<String>,
    /// Which part of the text is meant.
    pub span: Span,
    /// The line of the span's start, from 1.
    pub line: usize,
    /// The column of the span's start, in characters from 1.
    pub column: usize,
    /// What would be right, where that can be said.
    pub help: Option<String>,
}

/// A part of a text, in bytes: from `start` up to and without `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Diagnostic {
    /// Whose doing it is: the caller's, or a limit's.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self.code {
            "schema_too_large" | "nesting_too_deep" | "too_many_members" | "too_many_files" | "too_many_guards"
            | "too_many_clauses" => Fault::Limit,
            _ => Fault::Caller,
        }
    }

    pub(crate) fn at(text: &str, span: Span, code: &'static str, message: String) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            code,
            message,
            file: None,
            span,
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).map_or(0, |head| head.chars().count()) + 1,
            help: None,
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
        }
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// Collects what is wrong with a text, up to a limit.
#[derive(Debug)]
pub(super) struct Problems<'t> {
    text: &'t str,
    found: Vec<Diagnostic>,
}

impl<'t> Problems<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Whether nothing more would be reported.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= SCHEMA_DIAGNOSTICS_MAX
    }

    pub(super) fn report(&mut self, span: Span, code: &'static str, message: String, help: Option<String>) {
        if !self.is_full() {
            self.found.push(Diagnostic { help, ..Diagnostic::at(self.text, span, code, message) });
        }
    }

    /// How many were found.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// Whether something is wrong with exactly this part of the text.
    pub(super) fn any_at(&self, span: Span) -> bool {
        self.found.iter().any(|diagnostic| diagnostic.span == span)
    }

    /// What was found, in the order of the text. What is wrong with a partial is found in each definition it is put into,
    /// and said once.
    pub(super) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
        self.found.dedup();
        self.found
    }

    /// Fails if anything was found.
    pub(super) fn into_result(self) -> Result<(), Vec<Diagnostic>> {
        if self.found.is_empty() { Ok(()) } else { Err(self.into_sorted()) }
    }
}
