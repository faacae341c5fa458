//! `prokura schema`

use std::{fs, path::PathBuf};

use annotate_snippets::Level;
use clap::{Args, Subcommand};
use prokura_api::SchemaWrite;
use prokura_model::{Schema, schema::format};
use serde_json::json;

use crate::{
    arguments::Ended,
    failure::Failure,
    output::Output,
    session::{Reach, Session},
    source::{Mistake, Source},
};

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    Check(CheckFile),
    Fmt(Fmt),
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

impl CheckFile {
    pub(crate) fn run(&self, reach: &Reach) -> Result<Ended, Failure> {
        let source = Source::read(&self.file)?;
        let schema = checked(&source)?;
        let definitions: Vec<_> = schema.definitions().keys().map(ToString::to_string).collect();
        let warnings: Vec<_> = schema.warnings().iter().map(Mistake::from).collect();
        let told = schema.warnings().iter().map(|warning| {
            json!({ "line": warning.line, "column": warning.column, "message": warning.message, "help": warning.help })
        });
        let answer = json!({ "file": source.name, "definitions": definitions, "warnings": told.collect::<Vec<_>>() });
        Output { json: reach.json }.show(&answer, |_| {
            let mut text = String::new();
            for warning in &warnings {
                text.push_str(&source.draw(Level::WARNING, warning));
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
        }
    }
}

impl Write {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let source = Source::read(&self.file)?;
        checked(&source)?;
        let write = SchemaWrite { schema: source.text, reason: self.reason };
        let receipt = session.client.write_schema(&write).await.map_err(|error| session.failure(&error))?;
        session.out.show(&receipt, |receipt| format!("schema in force (revision {})", receipt.revision))?;
        Ok(Ended::Done)
    }
}

fn checked(source: &Source) -> Result<Schema, Failure> {
    Schema::parse(&source.text).map_err(|diagnostics| failure(source, &diagnostics))
}

fn failure(source: &Source, diagnostics: &[prokura_model::schema::Diagnostic]) -> Failure {
    let mistakes: Vec<_> = diagnostics.iter().map(Mistake::from).collect();
    source.failure("schema_invalid", &mistakes)
}
