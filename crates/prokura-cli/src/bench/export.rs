//! `prokura bench data`: what W1 loads and asks, as files, for programs that do not speak the protocol.

use std::{
    fmt::Display,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use super::{
    Outcome,
    data::{Check, docs::Docs},
};
use crate::output::Output;

/// Write what W1 loads and asks to a folder, for other programs: schema, relationships, and questions with their answers
#[derive(Args, Debug)]
pub(crate) struct Data {
    /// The folder to write, made if it is not there
    folder: PathBuf,
    /// About how many relationships the organisation has
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2_000..=10_000_000))]
    relationships: u32,
    /// How many distinct questions there are, allowed and denied in turn
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    questions: usize,
}

#[derive(Serialize)]
struct Written {
    folder: String,
    relationships: usize,
    questions: usize,
}

impl Data {
    pub(crate) fn run(&self, json: bool) -> Outcome<()> {
        let docs = Docs::generate(self.relationships);
        let (world, questions) = (docs.world()?, docs.uniform(self.questions)?);
        fs::create_dir_all(&self.folder)
            .map_err(|error| format!("`{}` cannot be made: {error}; name another folder", self.folder.display()))?;
        fs::write(self.folder.join("schema.zed"), world.schema)?;
        lines(&self.folder.join("relationships.rels"), &world.relationships)?;
        let asked = questions.iter().map(|Check { resource, permission, subject, allowed }| {
            let word = if *allowed { "allow" } else { "deny" };
            format!("{word} {resource}#{permission}@{subject}")
        });
        lines(&self.folder.join("questions.txt"), asked)?;
        let written = Written {
            folder: self.folder.display().to_string(),
            relationships: world.relationships.len(),
            questions: questions.len(),
        };
        let shown = Output { json }.show(&written, |Written { folder, relationships, questions }| {
            format!("written to {folder}: {relationships} relationships, {questions} questions")
        });
        shown.map_err(|failure| failure.to_string().into())
    }
}

fn lines(path: &Path, lines: impl IntoIterator<Item = impl Display>) -> Outcome<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for line in lines {
        writeln!(file, "{line}")?;
    }
    Ok(file.flush()?)
}
