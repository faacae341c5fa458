//! Files → what they declare. Everything that can be found wrong without a server is found here, with its place.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use prokura_api as api;
use prokura_model::{Relationship, Schema, Terms, did_you_mean};
use serde_saphyr::{DefaultMessageFormatter, MessageFormatter as _};

use super::declared::{
    AuthzenEntry, BudgetEntry, CapEntry, DelegationEntry, Document, EndorsementEntry, PrincipalEntry, State, TaskEntry,
    Text,
};
use crate::{
    failure::Failure,
    source::{Mistake, Source},
    terms::Termed,
    wire,
};

/// What the files at `path` declare: one file, or the files directly in a folder, in the order of their names.
pub(crate) fn declaration(path: &Path) -> Result<api::Declaration, Failure> {
    let mut read = Reading::default();
    for file in files(path)? {
        read.file(&file)?;
    }
    read.checked()
}

/// The same from texts that are in memory already, each with its file name.
pub(crate) fn embedded(files: &[(&str, &str)]) -> Result<api::Declaration, Failure> {
    let mut read = Reading::default();
    for (name, text) in files {
        read.source(Source { name: (*name).to_owned(), text: (*text).to_owned() })?;
    }
    read.checked()
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let shown = path.display();
    let unreadable = |error| Failure::new("file_unreadable", format!("`{shown}` cannot be read: {error}"));
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        if Format::of(path).is_none() {
            return Err(
                Failure::new("file_unknown", format!("`{shown}` is of no kind that can be applied")).help(KINDS)
            );
        }
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if Format::of(&file).is_some() && file.is_file() {
            found.push(file);
        }
    }
    if found.is_empty() {
        return Err(Failure::new("folder_empty", format!("`{shown}` holds nothing that can be applied")).help(KINDS));
    }
    found.sort();
    Ok(found)
}

const KINDS: &str = "`*.zed` holds a schema, `*.rels` relationships, `*.yaml` everything";

#[derive(Clone, Copy, Debug)]
enum Format {
    Schema,
    Relationships,
    Yaml,
}

impl Format {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "zed" => Some(Self::Schema),
            "rels" => Some(Self::Relationships),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// What was read so far. Sections stay `None` until a file has them.
#[derive(Debug, Default)]
struct Reading {
    schemas: Vec<Source>,
    relationships: Option<Vec<Placed>>,
    sources: Vec<Source>,
    attributes: Option<BTreeMap<api::ObjectRef, api::ObjectAttributes>>,
    principals: Option<BTreeMap<api::ObjectRef, api::DeclaredPrincipal>>,
    tasks: Option<BTreeMap<String, api::DeclaredTask>>,
    delegations: Option<BTreeMap<String, api::DeclaredDelegation>>,
    endorsements: Option<BTreeMap<String, api::DeclaredEndorsement>>,
    authzen: Option<api::authzen::Mapping>,
}

/// A relationship and where it was read.
#[derive(Debug)]
struct Placed {
    termed: Termed,
    source: usize,
    span: std::ops::Range<usize>,
}

impl Reading {
    fn file(&mut self, path: &Path) -> Result<(), Failure> {
        self.source(Source::read(path)?)
    }

    fn source(&mut self, source: Source) -> Result<(), Failure> {
        match Format::of(Path::new(&source.name)) {
            Some(Format::Schema) => {
                self.schemas.push(source);
                Ok(())
            }
            Some(Format::Relationships) => self.relationships(source),
            Some(Format::Yaml) | None => self.yaml(source),
        }
    }

    fn relationships(&mut self, source: Source) -> Result<(), Failure> {
        let place = self.sources.len();
        let (found, mistakes) = relationships(&source, place);
        if !mistakes.is_empty() {
            return Err(source.failure("relationship_invalid", &mistakes));
        }
        self.relationships.get_or_insert_default().extend(found);
        self.sources.push(source);
        Ok(())
    }

    fn yaml(&mut self, source: Source) -> Result<(), Failure> {
        let document: Document = yaml(&source)?;
        let place = self.sources.len();
        if let Some(text) = document.schema {
            self.schemas.push(Source { name: format!("{} (schema)", source.name), text });
        }
        if let Some(found) = document.relationships {
            // YAML folds lines, so a relationship's own place is lost; the first line that names it will do.
            let placed = found.0.into_iter().map(|termed| {
                let text = termed.relationship.to_string();
                let start = source.text.find(&text).unwrap_or(0);
                let end = if start == 0 { 0 } else { start + text.len() };
                Placed { termed, source: place, span: start..end }
            });
            self.relationships.get_or_insert_default().extend(placed);
        }
        let twice = |what: &str, name: String| {
            Failure::new("declared_twice", format!("`{}` declares {what} `{name}` again", source.name))
                .help("a thing is declared in one place; take one of the two out")
        };
        for (Text(object), attributes) in section(&mut self.attributes, document.attributes) {
            let object = wire::object(&object);
            let entry = api::ObjectAttributes { object: object.clone(), attributes };
            insert(&mut self.attributes, object, entry)
                .map_err(|key| twice("attributes of", wire::object_text(&key)))?;
        }
        for (Text(object), entry) in section(&mut self.principals, document.principals) {
            let object = wire::object(&object);
            let entry = principal(object.clone(), entry.unwrap_or_default());
            insert(&mut self.principals, object, entry).map_err(|key| twice("principal", wire::object_text(&key)))?;
        }
        for (id, entry) in section(&mut self.tasks, document.tasks) {
            let entry = task(id.clone(), entry)?;
            insert(&mut self.tasks, id, entry).map_err(|key| twice("task", key))?;
        }
        for (id, entry) in section(&mut self.delegations, document.delegations) {
            let entry = delegation(id.clone(), entry);
            insert(&mut self.delegations, id, entry).map_err(|key| twice("delegation", key))?;
        }
        for (id, entry) in section(&mut self.endorsements, document.endorsements) {
            let entry = endorsement(id.clone(), entry);
            insert(&mut self.endorsements, id, entry).map_err(|key| twice("endorsement", key))?;
        }
        if let Some(entry) = document.authzen {
            let mapping = self.authzen.get_or_insert_default();
            authzen(mapping, entry).map_err(|(what, name)| twice(what, name))?;
        }
        self.sources.push(source);
        Ok(())
    }

    /// The whole, if its schema is one and its relationships fit it.
    fn checked(self) -> Result<api::Declaration, Failure> {
        let schema = joined_schema(&self.schemas)?;
        if let (Some((_, schema)), Some(relationships)) = (&schema, &self.relationships) {
            fitting(schema, relationships, &self.sources)?;
        }
        let relationships = match self.relationships {
            Some(placed) => Some(distinct(placed, &self.sources)?),
            None => None,
        };
        Ok(api::Declaration {
            schema: schema.map(|(text, _)| text),
            relationships,
            attributes: self.attributes.map(|entries| entries.into_values().collect()),
            principals: self.principals.map(|entries| entries.into_values().collect()),
            tasks: self.tasks.map(|entries| entries.into_values().collect()),
            delegations: self.delegations.map(|entries| entries.into_values().collect()),
            endorsements: self.endorsements.map(|entries| entries.into_values().collect()),
            authzen: self.authzen,
        })
    }
}

/// The entries of a section of a file. A section that a file has, if only empty, is present from then on.
fn section<K: Ord, E, F: IntoIterator>(present: &mut Option<BTreeMap<K, E>>, found: Option<F>) -> Vec<F::Item> {
    if found.is_some() {
        present.get_or_insert_default();
    }
    found.into_iter().flatten().collect()
}

fn insert<K: Ord, E>(section: &mut Option<BTreeMap<K, E>>, key: K, entry: E) -> Result<(), K> {
    let entries = section.get_or_insert_default();
    if entries.contains_key(&key) {
        return Err(key);
    }
    entries.insert(key, entry);
    Ok(())
}

/// Each relationship once. One that is there on different terms is a mistake: which are meant cannot be told.
fn distinct(placed: Vec<Placed>, sources: &[Source]) -> Result<Vec<api::Relationship>, Failure> {
    let mut found: BTreeMap<Relationship, Terms> = BTreeMap::new();
    for Placed { termed: Termed { relationship, terms }, source, span } in placed {
        if found.get(&relationship).is_some_and(|other| *other != terms) {
            let message = format!("`{relationship}` is there twice, on different terms");
            let mistake = Mistake { span, message: message.clone(), help: None, file: None };
            return Err(sources.get(source).map_or_else(
                || Failure::new("declared_twice", message),
                |source| source.failure("declared_twice", &[mistake]),
            ));
        }
        found.insert(relationship, terms);
    }
    let termed = found.into_iter().map(|(relationship, terms)| Termed { relationship, terms });
    Ok(termed.map(|termed| wire::relationship_on_terms(&termed)).collect())
}

/// The relationships of a text, one a line, and what is wrong with the lines that are none.
fn relationships(source: &Source, place: usize) -> (Vec<Placed>, Vec<Mistake>) {
    let (mut found, mut mistakes) = (Vec::new(), Vec::new());
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let content = line.trim();
        let at = start + (line.len() - line.trim_start().len());
        start += line.len();
        if content.is_empty() || content.starts_with("//") {
            continue;
        }
        match content.parse::<Termed>() {
            Ok(termed) => found.push(Placed { termed, source: place, span: at..at + content.len() }),
            Err(error) => {
                let within =
                    content.char_indices().nth(error.column.saturating_sub(1)).map_or(content.len(), |(at, _)| at);
                mistakes.push(Mistake {
                    span: at + within..at + within,
                    message: error.message,
                    help: None,
                    file: None,
                });
            }
        }
    }
    (found, mistakes)
}

/// A YAML text as what it should be; a mistake is told in the words of those who write such files.
pub(crate) fn yaml<T: serde::de::DeserializeOwned + Default>(source: &Source) -> Result<T, Failure> {
    if source.text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(T::default());
    }
    serde_saphyr::from_str(&source.text).map_err(|error| {
        let error = error.without_snippet();
        let message = DefaultMessageFormatter.format_message(error).into_owned();
        let at = error.location().map_or(0, |location| {
            let line = usize::try_from(location.line()).unwrap_or(1);
            let column = usize::try_from(location.column()).unwrap_or(1);
            source.offset(line, column)
        });
        let (at, message) = within(&source.text, at, message);
        let rest = source.text.get(at..).unwrap_or_default();
        // The `:` of a name stands before a space; the one of an object does not.
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let length = rest.get(..length).map_or(0, |word| word.trim_end_matches([':', ',', ']', '}']).len());
        let help = meant(&message);
        let message = plain(&message);
        source.failure("yaml_invalid", &[Mistake { span: at..at + length, message, help, file: None }])
    })
}

/// The place of a mistake inside a text of the file, which the message counts from the beginning of that text.
fn within(file: &str, at: usize, message: String) -> (usize, String) {
    let counted = message.strip_prefix("column ").and_then(|rest| rest.split_once(": "));
    let Some((column, said)) = counted.and_then(|(column, said)| Some((column.parse::<usize>().ok()?, said))) else {
        return (at, message);
    };
    let rest = file.get(at..).unwrap_or_default();
    let quote = usize::from(rest.starts_with(['"', '\'']));
    let line = rest.lines().next().unwrap_or_default();
    let offset = line.char_indices().nth(quote + column.saturating_sub(1)).map_or(line.len(), |(offset, _)| offset);
    (at + offset, said.to_owned())
}

/// The parser's message in words that somebody who writes such files knows.
fn plain(message: &str) -> String {
    if let Some(twice) = message.strip_prefix("duplicate mapping key: ") {
        let name = twice.split(", set DuplicateKeyPolicy").next().unwrap_or(twice);
        return format!("`{name}` is there twice");
    }
    if let Some(missing) = message.strip_prefix("missing field ") {
        return format!("{missing} is missing");
    }
    if let Some((found, expected)) =
        message.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "))
    {
        return format!("expected {expected}, found a {found}");
    }
    match message {
        "expected mapping start" => "expected a map of names, each followed by `:` and what belongs to it".to_owned(),
        "expected sequence start" => "expected a list, such as `[one, two]`".to_owned(),
        "expected string scalar" => "expected a text".to_owned(),
        "invalid u32" | "invalid u64" => "expected a whole number, 0 or more".to_owned(),
        _ => message.to_owned(),
    }
}

/// The key that was probably meant: "unknown field `expire_in`, expected one of origin, expires_in".
fn meant(message: &str) -> Option<String> {
    let (unknown, expected) = message.strip_prefix("unknown field `")?.split_once("`, expected ")?;
    let words = expected.split(|between: char| !between.is_ascii_alphanumeric() && between != '_');
    did_you_mean(unknown, words).map(|meant| format!("did you mean `{meant}`?"))
}

/// All schema files as one text, checked, with whatever they import. A mistake is shown in its own file.
fn joined_schema(files: &[Source]) -> Result<Option<(String, Schema)>, Failure> {
    let Some(first) = files.first() else { return Ok(None) };
    let folder = Path::new(&first.name).parent().unwrap_or_else(|| Path::new(""));
    let named = |file: &Source| {
        Path::new(&file.name).file_name().map_or_else(|| file.name.clone(), |name| name.to_string_lossy().into_owned())
    };
    let read = |path: &str| match files.iter().find(|file| named(file) == path) {
        Some(file) => Ok(file.text.clone()),
        None => fs::read_to_string(folder.join(path)).map_err(|error| error.to_string()),
    };
    // A text alone is sent as it was written.
    let parsed = match files {
        [only] if !only.text.contains("import") => Schema::parse(&only.text),
        [only] => Schema::parse_with_imports(&only.text, &named(only), &read),
        all => {
            let imports = all.iter().map(|file| format!("import \"{}\"\n", named(file)));
            let root = format!("use import\n{}", imports.collect::<String>());
            Schema::parse_with_imports(&root, "", &read)
        }
    };
    let diagnostics = match parsed {
        Ok(schema) => return Ok(Some((schema.text().to_owned(), schema))),
        Err(diagnostics) => diagnostics,
    };
    let place = diagnostics.first().and_then(|diagnostic| diagnostic.file.clone());
    let mistakes: Vec<_> =
        diagnostics.iter().filter(|diagnostic| diagnostic.file == place).map(Mistake::from).collect();
    let source = match &place {
        None => first.clone(),
        Some(path) => {
            let known = files.iter().find(|file| named(file) == *path).cloned();
            known.or_else(|| Source::read(&folder.join(path)).ok()).unwrap_or_else(|| first.clone())
        }
    };
    Err(source.failure("schema_invalid", &mistakes))
}

fn fitting(schema: &Schema, relationships: &[Placed], sources: &[Source]) -> Result<(), Failure> {
    let mut by_source: BTreeMap<usize, Vec<Mistake>> = BTreeMap::new();
    for placed in relationships {
        if let Err(fault) = schema.check_relationship(&placed.termed.relationship, &placed.termed.terms) {
            let mistake = Mistake { span: placed.span.clone(), message: fault.to_string(), help: None, file: None };
            by_source.entry(placed.source).or_default().push(mistake);
        }
    }
    let Some((source, mistakes)) = by_source.into_iter().next() else {
        return Ok(());
    };
    Err(sources.get(source).map_or_else(
        || Failure::new("relationship_invalid", "a relationship does not fit the schema"),
        |source| source.failure("relationship_invalid", &mistakes),
    ))
}

fn principal(object: api::ObjectRef, entry: PrincipalEntry) -> api::DeclaredPrincipal {
    let state = entry.state.map(|state| match state {
        State::Active => api::PrincipalState::Active,
        State::Suspended => api::PrincipalState::Suspended,
        State::OffBoarded => api::PrincipalState::OffBoarded,
    });
    api::DeclaredPrincipal { object, owner: entry.owner.map(|Text(owner)| wire::object(&owner)), state }
}

fn task(id: String, entry: TaskEntry) -> Result<api::DeclaredTask, Failure> {
    if entry.expires_at.is_some() == entry.expires_in.is_some() {
        let message =
            format!("task `{id}` needs one of `expires_at` (a time) and `expires_in` (a length, such as `8h`)");
        return Err(Failure::new("task_invalid", message));
    }
    Ok(api::DeclaredTask {
        id,
        origin: wire::object(&entry.origin.0),
        purpose: entry.purpose,
        expires_at: entry.expires_at,
        expires_in_seconds: entry.expires_in.map(|Text(length)| length.seconds),
        parent: entry.parent,
        owner: entry.owner.map(|Text(owner)| wire::object(&owner)),
        budgets: entry.budgets.into_iter().map(budget).collect(),
    })
}

fn budget((name, entry): (String, BudgetEntry)) -> api::Budget {
    let clauses = |covers: Vec<CapEntry>| api::Cap { clauses: covers.into_iter().map(clause).collect() };
    api::Budget {
        name,
        covers: entry.covers.map(clauses),
        sum: entry.sum,
        limit: entry.limit,
        per_ms: entry.per.map(|Text(length)| length.seconds.saturating_mul(1_000)),
        in_flight: entry.in_flight,
    }
}

fn delegation(id: String, entry: DelegationEntry) -> api::DeclaredDelegation {
    api::DeclaredDelegation {
        id,
        task: entry.task,
        kind: entry.kind,
        from: wire::object(&entry.from.0),
        to: wire::object(&entry.to.0),
        parent: entry.parent,
        cap: api::Cap { clauses: entry.cap.into_iter().map(clause).collect() },
        depth: entry.depth,
        not_before: entry.not_before,
        expires_at: entry.expires_at,
        uses: entry.uses,
    }
}

fn endorsement(id: String, entry: EndorsementEntry) -> api::DeclaredEndorsement {
    api::DeclaredEndorsement {
        id,
        worker: wire::object(&entry.worker.0),
        by: wire::object(&entry.by.0),
        cap: api::Cap { clauses: entry.cap.into_iter().map(clause).collect() },
        origins: entry.origins.iter().map(|Text(origin)| wire::subject(origin)).collect(),
        expires_at: entry.expires_at,
    }
}

/// Adds what a file maps to what other files do; in error, what was mapped already.
fn authzen(mapping: &mut api::authzen::Mapping, entry: AuthzenEntry) -> Result<(), (&'static str, String)> {
    for (name, Text(permission)) in entry.actions {
        if mapping.actions.insert(name.clone(), permission.to_string()).is_some() {
            return Err(("action", name));
        }
    }
    for (name, Text(kind)) in entry.types {
        if mapping.types.insert(name.clone(), kind.to_string()).is_some() {
            return Err(("type", name));
        }
    }
    for (name, Text(object)) in entry.resources {
        if mapping.resources.insert(name.clone(), wire::object(&object)).is_some() {
            return Err(("resource type", name));
        }
    }
    Ok(())
}

fn clause(entry: CapEntry) -> api::CapClause {
    let resources = entry.resources.iter().map(|Text(resource)| wire::cap_resource(resource)).collect();
    api::CapClause { permissions: entry.permissions, resources, when: entry.when }
}
