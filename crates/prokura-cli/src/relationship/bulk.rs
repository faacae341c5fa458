//! `prokura relationship import` and `export`: as many as there are, with a bar that moves.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use prokura_api::{ImportQuery, ImportResponse, Receipt};
use serde::Serialize;

use super::Which;
use crate::{
    arguments::Ended,
    failure::Failure,
    session::Session,
    source::{Mistake, Source},
    terms::Termed,
    wire,
};

/// Create relationships from a file, as many as there are, in many transactions
///
/// A relationship that exists already ends the import; what was written before stays, and is counted.
#[derive(Args, Debug)]
pub(crate) struct Import {
    /// File with one relationship a line, as text or as JSON; `-` is standard input
    file: PathBuf,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Write all relationships, or those a filter means, to a file or to standard output, one a line
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// File to write, which must be new; without it, standard output
    file: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
}

/// Relationships sent in one request. The server writes each part in transactions of its own.
const SENT_AT_ONCE: usize = 10_000;

/// What an export did.
#[derive(Debug, Serialize)]
struct Exported {
    exported: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl Import {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let (lines, bytes) = lines(&self.file)?;
        let bar = bar(session, bytes);
        let query = ImportQuery { reason: self.reason.clone() };
        let mut done = ImportResponse { imported: 0, transactions: 0, receipt: None };
        let (mut part, mut count) = (String::new(), 0);
        for (number, line) in lines.enumerate() {
            let line = line.map_err(|error| {
                Failure::new("file_unreadable", format!("`{}` cannot be read: {error}", self.file.display()))
            })?;
            bar.inc(line.len() as u64 + 1);
            let Some(json) = as_json(&line, number + 1, &self.file)? else { continue };
            part.push_str(&json);
            part.push('\n');
            count += 1;
            if count == SENT_AT_ONCE {
                sent(session, &query, std::mem::take(&mut part), &mut done).await?;
                count = 0;
                bar.set_message(format!("{} imported", done.imported));
            }
        }
        if count > 0 {
            sent(session, &query, part, &mut done).await?;
        }
        bar.finish_and_clear();
        session.out.show(&done, |done| {
            let revision = done
                .receipt
                .as_ref()
                .map_or_else(String::new, |Receipt { revision, .. }| format!(" (revision {revision})"));
            format!("imported: {} relationships, in {} transactions{revision}", done.imported, done.transactions)
        })?;
        Ok(Ended::Done)
    }
}

async fn sent(session: &Session, query: &ImportQuery, part: String, done: &mut ImportResponse) -> Result<(), Failure> {
    let answer = session.client.import_relationships(query, part).await;
    let answer = answer.map_err(|error| {
        let failure = session.failure(&error);
        if done.imported == 0 {
            return failure;
        }
        failure.help(format!("{} relationships in the parts of the file before are imported, and stay", done.imported))
    })?;
    done.imported += answer.imported;
    done.transactions += answer.transactions;
    done.receipt = answer.receipt.or_else(|| done.receipt.take());
    Ok(())
}

/// The relationship of a line as JSON; none in a line that has none.
fn as_json(line: &str, number: usize, file: &Path) -> Result<Option<String>, Failure> {
    let content = line.trim();
    if content.is_empty() || content.starts_with("//") {
        return Ok(None);
    }
    if content.starts_with('{') {
        return Ok(Some(content.to_owned()));
    }
    let termed: Termed = content.parse().map_err(|error: prokura_model::TextError| {
        let source = Source { name: format!("{}, line {number}", file.display()), text: content.to_owned() };
        let at = source.offset(1, error.column);
        let mistake = Mistake { span: at..at, message: error.message, help: None, file: None };
        source.failure("relationship_invalid", &[mistake])
    })?;
    serde_json::to_string(&wire::relationship_on_terms(&termed))
        .map(Some)
        .map_err(|error| Failure::new("internal", error.to_string()))
}

type Lines = Box<dyn Iterator<Item = io::Result<String>>>;

fn lines(path: &Path) -> Result<(Lines, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin().lines()), None));
    }
    let unreadable = |error| Failure::new("file_unreadable", format!("`{}` cannot be read: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map(|metadata| metadata.len()).ok();
    Ok((Box::new(BufReader::new(file).lines()), bytes))
}

/// How far it is: of a whole that is known, or only that it goes on.
fn bar(session: &Session, whole: Option<u64>) -> ProgressBar {
    if session.out.json || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match whole {
        Some(whole) => (ProgressBar::new(whole), "{bar:30} {percent}% {msg} {elapsed}, {eta} to go"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

impl Export {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let filter = self.which.filter();
        let mut found = session.client.export_relationships(&filter).await.map_err(|error| session.failure(&error))?;
        let unwritable =
            |error: io::Error| Failure::new("file_unwritable", format!("the export cannot be written: {error}"));
        let mut out: Box<dyn io::Write> = match &self.file {
            Some(path) => Box::new(BufWriter::new(File::create_new(path).map_err(unwritable)?)),
            None => Box::new(BufWriter::new(io::stdout())),
        };
        let bar = bar(session, None);
        let mut exported = 0;
        while let Some(relationship) = found.next().await.map_err(|error| session.failure(&error))? {
            let line = if session.out.json && self.file.is_none() {
                serde_json::to_string(&relationship).map_err(|error| Failure::new("internal", error.to_string()))?
            } else {
                wire::relationship_text(&relationship)
            };
            writeln!(out, "{line}").map_err(unwritable)?;
            exported += 1;
            if exported % 1_000 == 0 {
                bar.set_message(format!("{exported} exported"));
                bar.tick();
            }
        }
        out.flush().map_err(unwritable)?;
        bar.finish_and_clear();
        let Some(file) = self.file else { return Ok(Ended::Done) };
        let told = Exported { exported, file: Some(file.display().to_string()) };
        session.out.show(&told, |told| format!("exported: {} relationships to {}", told.exported, file.display()))?;
        Ok(Ended::Done)
    }
}
