//! `prokura apply`: make what there is what files say there should be.

mod declared;
mod read;

use std::{io::IsTerminal as _, path::PathBuf, time::Duration};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use prokura_api::{ApplyRequest, ApplyResponse, Declaration, Difference, Effect};

pub(crate) use declared::Text;
pub(crate) use read::{declaration, embedded, yaml};

use crate::{
    arguments::Ended,
    failure::Failure,
    output::{ALLOW, CHANGE, DENY, FAINT, harmless, paint},
    session::Session,
};

/// Make schema, relationships, attributes, principals, tasks and delegations what files say
///
/// A folder's `*.zed` (schema), `*.rels` (relationships) and `*.yaml` files are read, compared with what there is, and
/// written in one transaction. Sections that no file has are left alone. Applying twice changes nothing.
#[derive(Args, Debug)]
pub(crate) struct Apply {
    /// File or folder to apply
    path: PathBuf,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// Also end what the files no longer name, in the sections they have
    #[arg(long)]
    prune: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Apply {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let progress = progress(session);
        progress.set_message(format!("reading {}", self.path.display()));
        let declaration = declaration(&self.path)?;
        progress.set_message(sending(&declaration));
        let request = ApplyRequest { declaration, dry_run: self.dry_run, prune: self.prune, reason: self.reason };
        let answer = session.client.apply(&request).await;
        progress.finish_and_clear();
        let applied = answer.map_err(|error| session.failure(&error))?;
        session.out.show(&applied, |applied| told(applied, self.dry_run))?;
        Ok(Ended::Done)
    }
}

/// Something that moves while a person waits, once there is something to wait for.
fn progress(session: &Session) -> ProgressBar {
    if session.out.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn sending(declaration: &Declaration) -> String {
    let relationships = declaration.relationships.as_ref().map_or(0, Vec::len);
    format!("applying {relationships} relationships")
}

/// The differences, a line each, and what became of them.
pub(crate) fn told(applied: &ApplyResponse, dry_run: bool) -> String {
    let mut text = String::new();
    for difference in &applied.differences {
        text.push_str(&line(difference));
        text.push('\n');
    }
    for note in &applied.notes {
        text.push_str(&format!("{} {}\n", paint(CHANGE, "note:"), harmless(note)));
    }
    let count = |effect| applied.differences.iter().filter(|difference| difference.effect == effect).count();
    let counts = format!(
        "{} added, {} changed, {} removed",
        count(Effect::Added),
        count(Effect::Changed),
        count(Effect::Removed)
    );
    text.push_str(&match &applied.receipt {
        Some(receipt) => format!("applied: {counts}, in one transaction (revision {})", receipt.revision),
        None if applied.differences.is_empty() => "nothing to do: everything is as the files say".to_owned(),
        None if dry_run => format!("would be applied: {counts}; nothing was written"),
        None => format!("not applied: {counts}"),
    });
    text
}

fn line(difference: &Difference) -> String {
    let (mark, style) = match difference.effect {
        Effect::Added => ('+', ALLOW),
        Effect::Changed => ('~', CHANGE),
        Effect::Removed => ('-', DENY),
    };
    let mut text = format!("{mark} {}", difference.section);
    if !difference.name.is_empty() {
        text.push_str(&format!(" {}", harmless(&difference.name)));
    }
    let text = paint(style, text);
    if difference.detail.is_empty() { text } else { format!("{text}  {}", paint(FAINT, harmless(&difference.detail))) }
}
