//! Schemas of several files. The model does no I/O: whoever asks brings a way to read a file.
//!
//! The files become one text, and that text is the schema; what is wrong with it is said of the files.

use std::collections::BTreeSet;

use super::{
    Diagnostic, Schema, Span,
    diagnostic::Problems,
    parser, resolve,
    syntax::Item,
    token::{Flag, Place, TokenId, TokenKind, Tokens},
};
use crate::{
    limits::{SCHEMA_BYTES_MAX, SCHEMA_FILES_MAX},
    name::shortened,
};

/// Reads a file by the path under which it is imported; the error says why it cannot be read.
pub type ReadFile<'r> = &'r dyn Fn(&str) -> Result<String, String>;

impl Schema {
    /// The schema that a file declares, together with the files it imports, and they in turn.
    ///
    /// An import stays within the folder of the file it stands in. Each file is put in once, before what imports it, so
    /// that files may import each other. [`Schema::text`] is then one text without imports, as a server takes it.
    ///
    /// ```
    /// use prokura_model::Schema;
    ///
    /// let read = |path: &str| match path {
    ///     "access/users.zed" => Ok("definition user {}".to_owned()),
    ///     other => Err(format!("no file `{other}`")),
    /// };
    /// let text = "use import\nimport \"users.zed\"\ndefinition document {\n\trelation viewer: user\n}\n";
    /// let schema = Schema::parse_with_imports(text, "access/documents.zed", &read)
    ///     .map_err(|problems| format!("{problems:?}"))?;
    /// assert!(schema.definition("user").is_some());
    ///
    /// let problems = Schema::parse_with_imports("use import\nimport \"ghost.zed\"", "root.zed", &read).unwrap_err();
    /// assert_eq!(problems[0].to_string(), "root.zed:2:1: `ghost.zed` cannot be read: no file `ghost.zed`");
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// The files are not a schema: everything found wrong with them, each with its file, never empty.
    pub fn parse_with_imports(text: &str, path: &str, read: ReadFile<'_>) -> Result<Self, Vec<Diagnostic>> {
        let files = Files::put_together(text, path, read)?;
        let schema = resolve::resolve(&files.text).map_err(|problems| files.placed(problems))?;
        Ok(Self { warnings: files.placed(schema.warnings), ..schema })
    }
}

/// A file and all that it imports as one text without imports, for a server to take. Names are not looked up.
///
/// # Errors
/// A file cannot be read, or is not syntactically a schema: everything found wrong, each with its file, never empty.
pub fn flatten(text: &str, path: &str, read: ReadFile<'_>) -> Result<String, Vec<Diagnostic>> {
    Files::put_together(text, path, read).map(|files| files.text)
}

/// Several files as one text.
struct Files {
    text: String,
    /// Path and text.
    files: Vec<(String, String)>,
    /// Where the parts of the text come from, in its order.
    parts: Vec<Part>,
}

/// A part of the whole text.
struct Part {
    /// Where it starts in the whole text.
    start: usize,
    /// Which file it is from.
    file: usize,
    /// Where it stands there.
    span: Span,
}

impl Files {
    fn put_together(text: &str, path: &str, read: ReadFile<'_>) -> Result<Self, Vec<Diagnostic>> {
        let mut collector = Collector {
            read,
            known: BTreeSet::from([normal(path)]),
            files: Vec::new(),
            parts: Vec::new(),
            flags: BTreeSet::new(),
            bytes: text.len(),
            problems: Vec::new(),
        };
        collector.file(path.to_owned(), text.to_owned());
        if !collector.problems.is_empty() {
            return Err(collector.problems);
        }
        let flags = collector.flags.iter().filter(|flag| **flag != Flag::Import);
        let mut whole: String = flags.map(|flag| format!("use {}\n", flag.name())).collect();
        let mut parts = Vec::new();
        for (file, span) in collector.parts {
            let part =
                collector.files.get(file).and_then(|(_, text)| text.get(span.start..span.end)).unwrap_or_default();
            if part.trim().is_empty() {
                continue;
            }
            // A comment at the end of one part documents nothing in the next.
            while !whole.is_empty() && !whole.ends_with("\n\n") {
                whole.push('\n');
            }
            parts.push(Part { start: whole.len(), file, span });
            whole.push_str(part);
        }
        Ok(Self { text: whole, files: collector.files, parts })
    }

    /// What is said of the whole text, said of the files.
    fn placed(&self, problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let place = |problem: Diagnostic| {
            let part = self.parts.partition_point(|part| part.start <= problem.span.start).checked_sub(1);
            let part = part.and_then(|part| self.parts.get(part));
            let root = Part { start: 0, file: self.files.len().saturating_sub(1), span: Span { start: 0, end: 0 } };
            let Part { start, file, span } = part.unwrap_or(&root);
            let Some((path, text)) = self.files.get(*file) else { return problem };
            let within = |offset: usize| (span.start + offset.saturating_sub(*start)).min(span.end);
            let span = Span { start: within(problem.span.start), end: within(problem.span.end) };
            let placed = Diagnostic::at(text, span, problem.code, problem.message);
            Diagnostic { file: Some(path.clone()), help: problem.help, ..placed }
        };
        problems.into_iter().map(place).collect()
    }
}

struct Collector<'r> {
    read: ReadFile<'r>,
    /// The paths of all files met, so that each is read once.
    known: BTreeSet<String>,
    /// The files put in, each after what it imports.
    files: Vec<(String, String)>,
    parts: Vec<(usize, Span)>,
    flags: BTreeSet<Flag>,
    bytes: usize,
    problems: Vec<Diagnostic>,
}

impl Collector<'_> {
    /// As deep as there are files, which is limited.
    fn file(&mut self, path: String, text: String) {
        let (tokens, file) = match parser::parse(&text) {
            Ok(parsed) => parsed,
            Err(problems) => return self.refuse(&path, problems),
        };
        let mut problems = Problems::new(&text);
        let mut kept = Vec::new();
        let mut start = 0;
        for item in &file.items {
            match item {
                Item::Use { flag, .. } => self.flags.extend(Flag::named(tokens.text_of(*flag))),
                Item::Import { keyword, path: value } => {
                    let span = Span { start: tokens.token(*keyword).span.start, end: tokens.token(*value).span.end };
                    if let Err((code, message)) = self.import(&path, tokens.string_value(*value)) {
                        problems.report(span, code, message, None);
                    }
                }
                _ => continue,
            }
            kept.push(Span { start, end: tokens.token(item.first()).span.start });
            start = end_of_statement(&tokens, item.last());
        }
        kept.push(Span { start, end: text.len() });
        if let Err(problems) = problems.into_result() {
            self.refuse(&path, problems);
        }
        let number = self.files.len();
        self.parts.extend(kept.into_iter().map(|span| (number, span)));
        self.files.push((path, text));
    }

    fn import(&mut self, from: &str, path: &str) -> Result<(), (&'static str, String)> {
        if !is_local(path) {
            let message = format!(
                "`{}` is no path to import: it leads down from the folder of this file, with `/` and without `..`",
                shortened(path)
            );
            return Err(("import_path_invalid", message));
        }
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let whole = if from.contains('/') { format!("{folder}/{path}") } else { path.to_owned() };
        let whole = normal(&whole);
        if self.known.contains(&whole) {
            return Ok(());
        }
        if self.known.len() == SCHEMA_FILES_MAX {
            let message = format!("a schema is put together from at most {SCHEMA_FILES_MAX} files");
            return Err(("too_many_files", message));
        }
        self.known.insert(whole.clone());
        let unreadable = |why: String| {
            ("import_unreadable", format!("`{}` cannot be read: {}", shortened(&whole), why.replace('\n', " ")))
        };
        let text = (self.read)(&whole).map_err(unreadable)?;
        self.bytes += text.len();
        if self.bytes > SCHEMA_BYTES_MAX {
            let message = format!("with this file, the schema has more than {SCHEMA_BYTES_MAX} bytes");
            return Err(("schema_too_large", message));
        }
        self.file(whole, text);
        Ok(())
    }

    fn refuse(&mut self, path: &str, problems: Vec<Diagnostic>) {
        let placed = problems.into_iter().map(|problem| Diagnostic { file: Some(path.to_owned()), ..problem });
        self.problems.extend(placed);
    }
}

/// Where a statement ends, with the line break or `;` after it, or else the comments on its line.
fn end_of_statement(tokens: &Tokens<'_>, last: TokenId) -> usize {
    let next = tokens.token(last + 1);
    if matches!(next.kind, TokenKind::LineEnd | TokenKind::Semicolon) {
        return next.span.end;
    }
    let comments = tokens.comments_between(Some(last), last + 1).iter();
    let beside = comments.take_while(|comment| comment.place == Place::Beside).last();
    beside.map_or_else(|| tokens.token(last).span.end, |comment| comment.span.end)
}

/// Whether a path leads down from a folder, on any system.
fn is_local(path: &str) -> bool {
    let parts_are_names = path.split('/').all(|part| !matches!(part, "" | ".."));
    parts_are_names && !path.contains(['\\', ':', '\0'])
}

/// A path without `.` in it.
fn normal(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| *part != ".").collect();
    parts.join("/")
}
