//! `prokura schema`

use std::{
    borrow::Cow,
    fs,
    path::{Path, PathBuf},
};

use annotate_snippets::Level;
use clap::{Args, Subcommand};
use prokura_api::{SchemaDifference, SchemaWrite};
use prokura_model::{
    Schema,
    schema::{diff, format},
};
use serde_json::json;

use crate::{
    arguments::Ended,
    failure::Failure,
    output::{ALLOW, CHANGE, DENY, Output, paint},
    session::{Reach, Session},
    source::{Mistake, Source},
};

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    Check(CheckFile),
    Fmt(Fmt),
    Diff(Diff),
    Write(Write),
    /// Print the schema in force
    Read,
}

/// Say whether a schema file is right, and where it is not
#[derive(Args, Debug)]
pub(crate) struct CheckFile {
    file: PathBuf,
}

/// Format a schema file in place
#[derive(Args, Debug)]
pub(crate) struct Fmt {
    file: PathBuf,
    /// Write nothing; exit with 2 if the file is not formatted
    #[arg(long, conflicts_with = "stdout")]
    check: bool,
    /// Print the formatted text instead
    #[arg(long)]
    stdout: bool,
}

/// Put a schema in force
#[derive(Args, Debug)]
pub(crate) struct Write {
    file: PathBuf,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Say what changes from one schema to another
///
/// Two files; or with one file, what it would change on the server.
#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// The schema as it is, or with one file only, as it would be
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The schema as it would be; without it, the first file is compared with the server's
    #[arg(value_name = "OTHER")]
    other: Option<PathBuf>,
}

impl Diff {
    /// Whether no server is asked.
    pub(crate) fn is_local(&self) -> bool {
        self.other.is_some()
    }

    pub(crate) fn run_here(&self, reach: &Reach) -> Result<Ended, Failure> {
        let after = match &self.other {
            Some(other) => read(other)?,
            None => read(&self.file)?,
        };
        Self::told(Output { json: reach.json }, &read(&self.file)?, &after)
    }

    async fn run(&self, session: &Session) -> Result<Ended, Failure> {
        let after = read(&self.file)?;
        let stored = session.client.schema().await.map_err(|error| session.failure(&error))?;
        let name = format!("the schema at {}", session.client.server());
        let before = checked(&Source { name, text: stored.schema })?;
        Self::told(session.out, &before, &after)
    }

    fn told(out: Output, before: &Schema, after: &Schema) -> Result<Ended, Failure> {
        let found: Vec<_> = diff(before, after)
            .iter()
            .map(|difference| SchemaDifference {
                kind: difference.word().to_owned(),
                place: difference.place(),
                message: difference.to_string(),
            })
            .collect();
        out.show(&json!({ "differences": found }), |_| {
            let lines = found.iter().map(|difference| {
                let (mark, style) = match difference.kind.rsplit('_').next() {
                    Some("added") => ('+', ALLOW),
                    Some("removed") => ('-', DENY),
                    _ => ('~', CHANGE),
                };
                format!("{} {}", paint(style, mark), difference.message)
            });
            let lines: Vec<_> = lines.collect();
            if lines.is_empty() { "they mean the same".to_owned() } else { lines.join("\n") }
        })?;
        Ok(Ended::Done)
    }
}

/// The schema of a file, with whatever it imports.
fn read(file: &Path) -> Result<Schema, Failure> {
    with_imports(&Source::read(file)?)
}

/// The schema that a file declares, together with the files it imports.
pub(crate) fn with_imports(source: &Source) -> Result<Schema, Failure> {
    Schema::parse_with_imports(&source.text, &source.name, &|path| {
        fs::read_to_string(path).map_err(|error| error.to_string())
    })
    .map_err(|diagnostics| failure(source, &diagnostics))
}

impl CheckFile {
    pub(crate) fn run(&self, reach: &Reach) -> Result<Ended, Failure> {
        let source = Source::read(&self.file)?;
        let schema = with_imports(&source)?;
        let definitions: Vec<_> = schema.definitions().keys().map(ToString::to_string).collect();
        let warnings: Vec<_> = schema.warnings().iter().map(Mistake::from).collect();
        let told = schema.warnings().iter().map(|warning| {
            json!({ "file": warning.file, "line": warning.line, "column": warning.column, "message": warning.message, "help": warning.help })
        });
        let answer = json!({ "file": source.name, "definitions": definitions, "warnings": told.collect::<Vec<_>>() });
        Output { json: reach.json }.show(&answer, |_| {
            let mut text = String::new();
            for warning in &warnings {
                text.push_str(&elsewhere(&source, warning.file.as_deref()).draw(Level::WARNING, warning));
                text.push_str("\n\n");
            }
            text + &format!("{}: fine, {} definitions, {} warnings", source.name, definitions.len(), warnings.len())
        })?;
        Ok(Ended::Done)
    }
}

impl Fmt {
    pub(crate) fn run(&self, reach: &Reach) -> Result<Ended, Failure> {
        let out = Output { json: reach.json };
        let source = Source::read(&self.file)?;
        let text = format(&source.text).map_err(|diagnostics| failure(&source, &diagnostics))?;
        let changed = text != source.text;
        if self.stdout && !reach.json {
            out.print(&text)?;
            return Ok(Ended::Done);
        }
        if self.check && changed {
            return Err(Failure::new("schema_not_formatted", format!("{} is not formatted", source.name))
                .help(format!("run `prokura schema fmt {}`", source.name)));
        }
        if changed && !self.stdout {
            fs::write(&self.file, &text)
                .map_err(|error| Failure::new("file_unwritable", format!("`{}`: {error}", source.name)))?;
        }
        let answer = json!({ "file": source.name, "changed": changed, "schema": text });
        out.show(&answer, |_| {
            let what = if changed { "formatted" } else { "formatted already" };
            format!("{}: {what}", source.name)
        })?;
        Ok(Ended::Done)
    }
}

impl SchemaCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        match self {
            Self::Write(write) => write.run(session).await,
            Self::Read => {
                let schema = session.client.schema().await.map_err(|error| session.failure(&error))?;
                session.out.show(&schema, |schema| schema.schema.clone())?;
                Ok(Ended::Done)
            }
            // These two never ask a server and are run before there is a session.
            Self::Check(_) | Self::Fmt(_) => Ok(Ended::Done),
            Self::Diff(diff) => diff.run(session).await,
        }
    }
}

impl Write {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let source = Source::read(&self.file)?;
        let schema = with_imports(&source)?;
        let write = SchemaWrite { schema: schema.text().to_owned(), reason: self.reason };
        let receipt = session.client.write_schema(&write).await.map_err(|error| session.failure(&error))?;
        session.out.show(&receipt, |receipt| format!("schema in force (revision {})", receipt.revision))?;
        Ok(Ended::Done)
    }
}

fn checked(source: &Source) -> Result<Schema, Failure> {
    Schema::parse(&source.text).map_err(|diagnostics| failure(source, &diagnostics))
}

fn failure(source: &Source, diagnostics: &[prokura_model::schema::Diagnostic]) -> Failure {
    let first = diagnostics.first().and_then(|diagnostic| diagnostic.file.clone());
    let same = diagnostics.iter().filter(|diagnostic| diagnostic.file == first);
    let mistakes: Vec<_> = same.map(Mistake::from).collect();
    elsewhere(source, first.as_deref()).failure("schema_invalid", &mistakes)
}

/// The file that a diagnostic is about, if it is another one than that.
fn elsewhere<'s>(source: &'s Source, file: Option<&str>) -> Cow<'s, Source> {
    let other = file.filter(|file| *file != source.name).and_then(|file| Source::read(Path::new(file)).ok());
    other.map_or(Cow::Borrowed(source), Cow::Owned)
}
