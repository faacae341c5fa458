//! Files of SpiceDB and OpenFGA → what they say.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

use super::{
    Imported, Loss,
    model::{Model, Tuple, Tuples},
    translate,
};
use crate::{
    failure::Failure,
    openfga_dsl, schema,
    source::{Mistake, Source},
    terms::Termed,
};

/// Everything the file says, or the files directly in a folder.
pub(super) fn imported(path: &Path) -> Result<Imported, Failure> {
    let mut reading = Reading::default();
    for file in files(path)? {
        reading.file(&file)?;
    }
    let Reading { model, tuples, mut imported } = reading;
    match model {
        Some(model) => {
            let translated = translate::translated(&model, &tuples)?;
            if imported.schema.is_some() {
                let message = format!("`{}` holds a schema of SpiceDB and a model of OpenFGA", path.display());
                return Err(Failure::new("import_mixed", message).help("import one after the other"));
            }
            imported.schema = translated.schema;
            imported.relationships.extend(translated.relationships);
            imported.losses.extend(translated.losses);
            imported.notes.extend(translated.notes);
        }
        None if !tuples.is_empty() => {
            let message = format!("`{}` holds tuples, and no model that says what they mean", path.display());
            return Err(Failure::new("model_missing", message).help("put the model into the same folder"));
        }
        None => {}
    }
    Ok(imported)
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let shown = path.display();
    let unreadable = |error| Failure::new("file_unreadable", format!("`{shown}` cannot be read: {error}"));
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_owned();
        if file.is_file() && KINDS.contains(&extension.as_str()) {
            found.push(file);
        }
    }
    if found.is_empty() {
        return Err(Failure::new("folder_empty", format!("`{shown}` holds nothing that can be imported"))
            .help("`*.yaml`, `*.zed`, `*.rels` and `*.txt` of SpiceDB, `*.fga` and `*.json` of OpenFGA"));
    }
    found.sort();
    Ok(found)
}

const KINDS: [&str; 7] = ["yaml", "yml", "zed", "rels", "txt", "json", "fga"];

#[derive(Debug, Default)]
struct Reading {
    model: Option<Model>,
    tuples: Vec<Tuple>,
    imported: Imported,
}

/// A file that describes a store of OpenFGA: the model as JSON, and tuples.
#[derive(Debug, Deserialize)]
struct Both {
    #[serde(alias = "authorization_model")]
    model: Model,
    #[serde(default)]
    tuples: Option<Tuples>,
}

/// A validation file, or what an export of one holds.
#[derive(Debug, Default, Deserialize)]
struct Validation {
    schema: Option<String>,
    #[serde(rename = "schemaFile")]
    schema_file: Option<String>,
    relationships: Option<String>,
    assertions: Option<Value>,
    validation: Option<Value>,
    namespace_configs: Option<Value>,
    validation_tuples: Option<Value>,
}

impl Reading {
    fn file(&mut self, path: &Path) -> Result<(), Failure> {
        let bytes = fs::read(path).unwrap_or_default();
        if bytes.starts_with(b"Obj\x01") {
            let message = format!("`{}` is a backup in binary form", path.display());
            return Err(Failure::new("backup_binary", message).help(
                "make text of it with `zed backup parse-schema` into a `*.zed` file and `zed backup \
                 parse-relationships` into a `*.rels` file, and import both as a folder",
            ));
        }
        let source = Source::read(path)?;
        match path.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
            "zed" => self.schema(&source),
            "json" => self.json(&source),
            "fga" => self.openfga(&source),
            "yaml" | "yml" => self.yaml(&source),
            _ => self.relationships(&source, &source.text),
        }
    }

    fn schema(&mut self, source: &Source) -> Result<(), Failure> {
        if self.imported.schema.is_some() {
            let message = format!("`{}` is a second schema", source.name);
            return Err(Failure::new("schema_twice", message).help("import one schema at a time, or join them first"));
        }
        self.imported.schema = Some(schema::with_imports(source)?.text().to_owned());
        Ok(())
    }

    /// A model in OpenFGA's own language.
    fn openfga(&mut self, source: &Source) -> Result<(), Failure> {
        let read = openfga_dsl::parse(&source.text).map_err(|faults| {
            let mistakes: Vec<_> = faults
                .into_iter()
                .map(|fault| {
                    let at = source.offset(fault.line, fault.column);
                    Mistake { span: at..at, message: fault.message, help: None, file: None }
                })
                .collect();
            source.failure("model_invalid", &mistakes)
        })?;
        let model = serde_json::to_value(read).and_then(serde_json::from_value);
        self.model = Some(model.map_err(|error| Failure::new("model_invalid", format!("`{}`: {error}", source.name)))?);
        Ok(())
    }

    fn json(&mut self, source: &Source) -> Result<(), Failure> {
        let wrong = |error: &serde_json::Error| {
            let at = source.offset(error.line().max(1), error.column().max(1));
            let mistake = Mistake { span: at..at, message: error.to_string(), help: None, file: None };
            source.failure("json_invalid", &[mistake])
        };
        let value: Value = serde_json::from_str(&source.text).map_err(|error| wrong(&error))?;
        if value.get("type_definitions").is_some() {
            self.model = Some(serde_json::from_str(&source.text).map_err(|error| wrong(&error))?);
        } else if value.get("model").or_else(|| value.get("authorization_model")).is_some() {
            let both: Both = serde_json::from_str(&source.text).map_err(|error| wrong(&error))?;
            self.model = Some(both.model);
            self.tuples.extend(both.tuples.map(Tuples::into_list).unwrap_or_default());
        } else {
            let tuples: Tuples = serde_json::from_str(&source.text).map_err(|_| {
                Failure::new("json_unknown", format!("`{}` is neither a model of OpenFGA nor tuples", source.name))
                    .help("a model has `type_definitions`; tuples are a list of objects with `user`, `relation`, `object`")
            })?;
            self.tuples.extend(tuples.into_list());
        }
        Ok(())
    }

    fn yaml(&mut self, source: &Source) -> Result<(), Failure> {
        let found: Validation = crate::apply::yaml(source)?;
        if found.namespace_configs.is_some() || found.validation_tuples.is_some() {
            let message = format!("`{}` is a validation file of an old form", source.name);
            return Err(Failure::new("validation_old", message).help("it has `schema` and `relationships` today"));
        }
        match (found.schema, found.schema_file) {
            (Some(_), Some(_)) => {
                let message =
                    format!("`{}` has `schema` and `schemaFile`; one of them says what is meant", source.name);
                return Err(Failure::new("schema_twice", message));
            }
            (Some(text), None) => {
                self.schema(&Source { name: format!("{} (schema)", source.name), text })?;
            }
            (None, Some(file)) => {
                let beside = Path::new(&source.name).parent().unwrap_or_else(|| Path::new("")).join(file);
                self.schema(&Source::read(&beside)?)?;
            }
            (None, None) => {}
        }
        if let Some(relationships) = &found.relationships {
            self.relationships(source, relationships)?;
        }
        for (section, present) in [("assertions", found.assertions), ("validation", found.validation)] {
            if present.is_some_and(|value| !value.is_null()) {
                let why = "what is expected is no part of the data: run `prokura test` on the file";
                self.imported.losses.push(Loss::new("section", format!("{} ({section})", source.name), why));
            }
        }
        Ok(())
    }

    fn relationships(&mut self, source: &Source, text: &str) -> Result<(), Failure> {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")) {
            let termed: Termed = line.parse().map_err(|error: prokura_model::TextError| {
                let at = source.text.find(line).unwrap_or(0);
                let mistake = Mistake { span: at..at + line.len(), message: error.to_string(), help: None, file: None };
                source.failure("relationship_invalid", &[mistake])
            })?;
            self.imported.relationships.push(termed);
        }
        Ok(())
    }
}
