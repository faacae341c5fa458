//! `prokura test`: files of expectations, played against an authority in this process.

mod expected;
mod scenario;
mod validation;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use clap::Args;
use serde::Serialize;

use crate::{
    arguments::Ended,
    failure::Failure,
    output::{ALLOW, DENY, FAINT, Output, paint},
    session::Reach,
    source::Source,
};

/// Play files of expectations in this process, without a server
///
/// SpiceDB validation files (schema, relationships, assertions, expected relations), scenarios of our own (steps with
/// what is written and asked), and schemas alone. Exit code 1 if anything is otherwise than expected.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Files, or folders with such files directly in them
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// Run again whenever a file changes
    #[arg(long)]
    watch: bool,
}

/// What became of one file.
#[derive(Debug, Default, Serialize)]
struct Report {
    file: String,
    relationships: usize,
    passed: usize,
    failures: Vec<Wrong>,
    /// Why it was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<String>,
    /// Why nothing was played.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<serde_json::Value>,
    #[serde(skip)]
    drawn: Option<Failure>,
}

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Wrong {
    /// The line it stands on, from 1.
    line: usize,
    /// What was asked.
    asked: String,
    expected: String,
    found: String,
    /// The explanation of what was found, drawn as a tree.
    #[serde(skip_serializing_if = "String::is_empty")]
    explanation: String,
}

/// Expectations, and where each is written.
#[derive(Debug)]
struct Places<'s> {
    source: &'s Source,
    /// From where on the next one is looked for.
    from: usize,
}

impl<'s> Places<'s> {
    fn new(source: &'s Source) -> Self {
        Self { source, from: 0 }
    }

    /// The line on which this text stands next, from 1. YAML folds and quotes, so it may not be found as it is read; then
    /// the place reached before is the nearest that is known.
    fn line_of(&mut self, text: &str) -> usize {
        let doubled = text.replace('\'', "''");
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        let after = self.source.text.get(self.from..).unwrap_or_default();
        let found = [text, &doubled, &escaped].into_iter().filter_map(|form| after.find(form)).min();
        if let Some(at) = found {
            self.from += at;
        }
        let line = self.source.place(self.from).0;
        if found.is_some() {
            self.from += 1;
            while !self.source.text.is_char_boundary(self.from) {
                self.from += 1;
            }
        }
        line
    }

    /// Goes to the beginning of this text, if it is there.
    fn go_to(&mut self, text: &str) {
        self.from = self.source.text.find(text).unwrap_or(0);
    }
}

impl Test {
    pub(crate) fn run(self, reach: &Reach) -> Result<Ended, Failure> {
        let out = Output { json: reach.json };
        loop {
            let files = files(&self.paths)?;
            let seen = moments(&self.paths);
            let ended = all(&files, out)?;
            if !self.watch {
                return Ok(ended);
            }
            if !out.json {
                out.print(&paint(FAINT, "waiting for a change; end with Ctrl-C"))?;
            }
            while moments(&self.paths) == seen {
                thread::sleep(POLL);
            }
        }
    }
}

/// How often it is looked whether a file changed.
const POLL: Duration = Duration::from_millis(300);

/// When each file in the folders of these was written last: what a file reads besides lies beside it.
fn moments(paths: &[PathBuf]) -> BTreeMap<PathBuf, Option<SystemTime>> {
    let mut found = BTreeMap::new();
    for path in paths {
        let folder = if path.is_dir() { Some(path.as_path()) } else { path.parent() };
        let folder = folder.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
        for entry in folder.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten() {
            let written = entry.metadata().and_then(|metadata| metadata.modified()).ok();
            found.insert(entry.path(), written);
        }
    }
    found
}

fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let unreadable =
            |error| Failure::new("file_unreadable", format!("`{}` cannot be read: {error}", path.display()));
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            let meant = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
            if meant && file.is_file() {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            return Err(Failure::new("folder_empty", format!("`{}` holds no `*.yaml`", path.display())));
        }
        inside.sort();
        found.extend(inside);
    }
    Ok(found)
}

fn all(files: &[PathBuf], out: Output) -> Result<Ended, Failure> {
    let mut reports = Vec::new();
    for file in files {
        let report = one(file);
        if !out.json {
            out.print(&told(&report))?;
            if let Some(failure) = &report.drawn {
                failure.report(false);
            }
        }
        reports.push(report);
    }
    let passed: usize = reports.iter().map(|report| report.passed).sum();
    let failed: usize = reports.iter().map(|report| report.failures.len()).sum();
    let broken = reports.iter().filter(|report| report.error.is_some()).count();
    let summary = serde_json::json!({ "files": reports, "passed": passed, "failed": failed, "unreadable": broken });
    out.show(&summary, |_| {
        let unreadable = if broken == 0 { String::new() } else { format!(", {broken} files that cannot be played") };
        format!("{passed} passed, {failed} failed{unreadable}, in {} files", reports.len())
    })?;
    Ok(if failed + broken == 0 { Ended::Done } else { Ended::Denied })
}

fn one(path: &Path) -> Report {
    let mut report = Report { file: path.display().to_string(), ..Report::default() };
    if let Err(failure) = played(path, &mut report) {
        report.error = Some(failure.as_json());
        report.drawn = Some(failure);
    }
    report
}

fn played(path: &Path, report: &mut Report) -> Result<(), Failure> {
    let source = Source::read(path)?;
    if path.extension().is_some_and(|extension| extension == "zed") {
        return validation::schema_alone(&source);
    }
    let kinds: Kinds = crate::apply::yaml(&source)?;
    if kinds.steps.is_some() { scenario::played(&source, report) } else { validation::played(&source, report) }
}

/// By which it is seen what kind of file one is.
#[derive(Debug, Default, serde::Deserialize)]
struct Kinds {
    steps: Option<serde::de::IgnoredAny>,
}

fn told(report: &Report) -> String {
    let Report { file, relationships, passed, failures, error, left_out, .. } = report;
    if let Some(why) = left_out {
        return format!("{} {file}  {}", paint(FAINT, "-"), paint(FAINT, format!("left out: {why}")));
    }
    if error.is_some() {
        return format!("{} {file}", paint(DENY, "✗"));
    }
    let good = failures.is_empty();
    let mark = if good { paint(ALLOW, "✓") } else { paint(DENY, "✗") };
    let counts = format!("{relationships} relationships, {passed} passed, {} failed", failures.len());
    let mut text = format!("{mark} {file}  {}", paint(FAINT, counts));
    for Wrong { line, asked, expected, found, explanation } in failures {
        text.push_str(&format!(
            "\n  {}\n    expected {}, found {}",
            format_args!("{file}:{line}: {asked}"),
            paint(ALLOW, expected),
            paint(DENY, found)
        ));
        for line in explanation.lines() {
            text.push_str(&format!("\n    {line}"));
        }
    }
    text
}
