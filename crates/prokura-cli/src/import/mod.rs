//! `prokura import`: from SpiceDB's files and OpenFGA's, with every loss named.

mod model;
mod names;
mod read;
mod translate;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use prokura_api::{ApplyRequest, Declaration};
use prokura_model::Schema;
use serde::Serialize;

use crate::{
    apply,
    arguments::Ended,
    failure::Failure,
    output::{CHANGE, DENY, harmless, paint},
    session::Session,
    source::{Mistake, Source},
    terms::Termed,
    wire,
};

/// Carry schema and relationships over from SpiceDB or OpenFGA
///
/// Reads SpiceDB validation files (`*.yaml`), schemas (`*.zed`) and relationships as text (`*.rels`, `*.txt`), and
/// OpenFGA models (`*.fga`, `*.json`) and tuples (`*.json`); of a folder, all such files directly in it. Writes a folder
/// for `prokura apply`, for a person to look at first. Whatever cannot be carried over is named.
#[derive(Args, Debug)]
pub(crate) struct Import {
    /// File or folder to import
    path: PathBuf,
    /// Folder to write; it must be new or empty [default: the name of PATH, and `-imported`]
    #[arg(long, value_name = "FOLDER", conflicts_with = "apply")]
    into: Option<PathBuf>,
    /// Write to the server at once, and no folder
    #[arg(long)]
    apply: bool,
    /// With --apply: write even though something is lost
    #[arg(long, requires = "apply")]
    accept_losses: bool,
}

/// What was read, in our words.
#[derive(Debug, Default)]
struct Imported {
    schema: Option<String>,
    relationships: Vec<Termed>,
    losses: Vec<Loss>,
    notes: Vec<String>,
}

/// Something that could not be carried over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Loss {
    /// What kind of thing it is.
    kind: &'static str,
    /// Which one.
    name: String,
    /// Why it was lost.
    why: String,
}

/// What the command did.
#[derive(Debug, Serialize)]
struct Told {
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<prokura_api::ApplyResponse>,
    definitions: usize,
    relationships: usize,
    losses: Vec<Loss>,
    notes: Vec<String>,
}

impl Loss {
    fn new(kind: &'static str, name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { kind, name: name.into(), why: why.into() }
    }
}

impl Import {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let mut imported = read::imported(&self.path)?;
        let definitions = fitted(&mut imported)?;
        let mut told = Told {
            folder: None,
            applied: None,
            definitions,
            relationships: imported.relationships.len(),
            losses: imported.losses.clone(),
            notes: imported.notes.clone(),
        };
        if self.apply {
            if !told.losses.is_empty() && !self.accept_losses {
                let items: Vec<_> = told.losses.iter().map(|loss| format!("{}: {}", loss.name, loss.why)).collect();
                let message = format!("{} things cannot be carried over, and nothing was written", told.losses.len());
                return Err(Failure::new("import_loses", message).details(serde_json::json!({ "items": items })).help(
                    "look at them, and run again with --accept-losses, or without --apply for a folder to mend",
                ));
            }
            let request = ApplyRequest {
                declaration: declaration(imported),
                dry_run: false,
                prune: false,
                reason: Some(format!("imported from {}", self.path.display())),
            };
            told.applied = Some(session.client.apply(&request).await.map_err(|error| session.failure(&error))?);
        } else {
            let folder = self.into.unwrap_or_else(|| beside(&self.path));
            written(&folder, &imported)?;
            told.folder = Some(folder.display().to_string());
        }
        session.out.show(&told, text)?;
        Ok(Ended::Done)
    }
}

/// `model.fga` → `model-imported`, in the folder the command is run in.
fn beside(path: &Path) -> PathBuf {
    let stem = path.file_stem().map_or_else(|| "import".into(), |stem| stem.to_string_lossy());
    PathBuf::from(format!("{stem}-imported"))
}

/// Takes out the relationships that do not fit, as losses, and says how many definitions there are.
fn fitted(imported: &mut Imported) -> Result<usize, Failure> {
    let mut seen = std::collections::BTreeSet::new();
    let (mut kept, mut losses) = (Vec::new(), Vec::new());
    let parsed = match &imported.schema {
        None => None,
        Some(text) => Some(Schema::parse(text).map_err(|diagnostics| {
            let mistakes: Vec<_> = diagnostics.iter().map(Mistake::from).collect();
            Source { name: "the schema as it would be carried over".to_owned(), text: text.clone() }
                .failure("schema_invalid", &mistakes)
        })?),
    };
    for termed in imported.relationships.drain(..) {
        let fits = parsed.as_ref().map(|schema| schema.check_relationship(&termed.relationship, &termed.terms));
        if let Some(Err(fault)) = fits {
            losses.push(Loss::new("relationship", termed.to_string(), fault.to_string()));
        } else if seen.insert(termed.relationship.clone()) {
            kept.push(termed);
        } else {
            losses.push(Loss::new("relationship", termed.to_string(), "it is there twice; the first one is kept"));
        }
    }
    imported.relationships = kept;
    imported.losses.extend(losses);
    Ok(parsed.map_or(0, |schema| schema.definitions().len()))
}

fn declaration(imported: Imported) -> Declaration {
    let relationships = imported.relationships.iter().map(wire::relationship_on_terms).collect::<Vec<_>>();
    Declaration {
        schema: imported.schema,
        relationships: (!relationships.is_empty()).then_some(relationships),
        ..Declaration::default()
    }
}

/// The folder for `prokura apply`. What is there already is not touched.
fn written(folder: &Path, imported: &Imported) -> Result<(), Failure> {
    let shown = folder.display();
    let unwritable = |error| Failure::new("folder_unwritable", format!("`{shown}` cannot be written: {error}"));
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("`{shown}` is there and not empty");
        return Err(Failure::new("folder_exists", message).help("name a new one with --into FOLDER"));
    }
    fs::create_dir_all(folder).map_err(unwritable)?;
    let put = |name: &str, text: String| fs::write(folder.join(name), text).map_err(unwritable);
    if let Some(schema) = &imported.schema {
        put("schema.zed", prokura_model::schema::format(schema).unwrap_or_else(|_| schema.clone()))?;
    }
    if !imported.relationships.is_empty() {
        put("relationships.rels", imported.relationships.iter().map(|termed| format!("{termed}\n")).collect())?;
    }
    if !imported.losses.is_empty() || !imported.notes.is_empty() {
        put("import.txt", plain(&imported.losses, &imported.notes))?;
    }
    apply::declaration(folder).map(|_| ()).or_else(|failure| {
        // An import of relationships alone, or of nothing, holds nothing that can be checked.
        if failure.code() == "folder_empty" { Ok(()) } else { Err(failure) }
    })
}

fn plain(losses: &[Loss], notes: &[String]) -> String {
    let mut text = String::new();
    for loss in losses {
        text.push_str(&format!("lost: {} {}: {}\n", loss.kind, loss.name, loss.why));
    }
    for note in notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text
}

fn text(told: &Told) -> String {
    let mut text = String::new();
    for loss in &told.losses {
        let Loss { kind, name, why } = loss;
        text.push_str(&format!("{} {kind} {}: {}\n", paint(DENY, "lost:"), harmless(name), harmless(why)));
    }
    for note in &told.notes {
        text.push_str(&format!("{} {}\n", paint(CHANGE, "note:"), harmless(note)));
    }
    if let Some(applied) = &told.applied {
        text.push_str(&format!("{}\n", apply::told(applied, false)));
    }
    let counts = format!(
        "{} definitions, {} relationships, {} things lost",
        told.definitions,
        told.relationships,
        told.losses.len()
    );
    text.push_str(&match &told.folder {
        Some(folder) => format!("written to {folder}: {counts}\nlook at it, then run `prokura apply {folder}`"),
        None => format!("imported: {counts}"),
    });
    text
}
