//! What a workload found, in one shape for all of them: as JSON, as text, and read back for a report.

use serde::{Deserialize, Serialize};

use super::{
    Outcome,
    measure::Figures,
    targets::{self, Verdict},
};
use crate::output::table;

/// What a workload found.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Results {
    /// Which one: `w1` to `w5`.
    pub(crate) workload: String,
    /// Of the build that measured.
    pub(crate) version: String,
    /// The peer that was measured; none where it was this build.
    pub(crate) peer: Option<String>,
    /// The size that was asked for, to compare runs by.
    pub(crate) size: u64,
    pub(crate) relationships: u64,
    /// Distinct questions.
    pub(crate) questions: u64,
    pub(crate) allowed: u64,
    pub(crate) load: Option<Load>,
    pub(crate) figures: Vec<Figures>,
    pub(crate) ratios: Vec<Ratio>,
    /// Answers that differ from the slow evaluator's. Anything but 0 voids the run.
    pub(crate) wrong: u64,
    /// Allows that came after their revocation was acknowledged. Anything but 0 voids the run.
    pub(crate) stale: u64,
}

/// What it took to get the data in, and to start on it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Load {
    /// Until everything was durable.
    pub(crate) seconds: f64,
    pub(crate) per_second: f64,
    /// Until a server that is started on the data takes connections.
    pub(crate) restart_seconds: Option<f64>,
    /// Resident memory of that server.
    pub(crate) bytes_a_relationship: Option<f64>,
    /// Of it, the index: names and both directions included.
    pub(crate) index_bytes_a_relationship: Option<f64>,
}

/// Two figures of one run, divided: what a noisy machine cannot blur.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Ratio {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) value: f64,
}

/// The same measure of two servers: one question in flight at a time, and many.
pub(crate) struct Pair {
    pub(crate) alone: Figures,
    pub(crate) busy: Figures,
}

impl Pair {
    pub(crate) fn into_figures(self) -> [Figures; 2] {
        [self.alone, self.busy]
    }

    /// This, divided by what a constant costs.
    pub(crate) fn over(&self, baseline: &Self) -> Vec<Ratio> {
        let id = &self.busy.id;
        let ratio = |part: &str, name: &str, ours: Option<f64>, theirs: Option<f64>| {
            let value = ours? / theirs.filter(|theirs| *theirs > 0.0)?;
            Some(Ratio {
                id: format!("{id}_{part}"),
                name: format!("{name}: {} / {}", self.busy.name, baseline.busy.name),
                value,
            })
        };
        [
            ratio("per_second", "operations a second", Some(self.busy.per_second), Some(baseline.busy.per_second)),
            ratio("p50", "p50, one in flight", Some(self.alone.p50_us), Some(baseline.alone.p50_us)),
            ratio("cpu", "server CPU", self.busy.cpu_us, baseline.busy.cpu_us),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Results {
    pub(crate) fn new(workload: &str, size: u64) -> Self {
        Self {
            workload: workload.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            peer: None,
            size,
            relationships: 0,
            questions: 0,
            allowed: 0,
            load: None,
            figures: Vec::new(),
            ratios: Vec::new(),
            wrong: 0,
            stale: 0,
        }
    }

    /// The figures of this name, with as many in flight as there are most of.
    pub(crate) fn figures(&self, id: &str) -> Option<&Figures> {
        self.figures.iter().filter(|figures| figures.id == id).max_by_key(|figures| figures.in_flight)
    }

    pub(crate) fn ratio(&self, id: &str) -> Option<f64> {
        self.ratios.iter().find(|ratio| ratio.id == id).map(|ratio| ratio.value)
    }

    /// The same, with what counts for the whole run added up.
    pub(crate) fn settled(mut self) -> Self {
        self.wrong = self.figures.iter().map(|figures| figures.wrong).sum();
        self
    }

    /// Whether the run counts at all.
    ///
    /// # Errors
    /// An answer was wrong or stale.
    pub(crate) fn counts(&self) -> Outcome<()> {
        if self.stale > 0 {
            let message = format!("{} allows came after their revocation: this run does not count", self.stale);
            return Err(format!("{message}, and whoever answers so is not safe to enforce with").into());
        }
        if self.wrong > 0 {
            let message = format!("{} answers differ from the slow evaluator's: this run does not count", self.wrong);
            return Err(format!("{message}; run it again, and report it if it happens again").into());
        }
        Ok(())
    }

    pub(crate) fn text(&self) -> String {
        let whose = self.peer.as_ref().map_or_else(String::new, |peer| format!(" at {peer}"));
        let mut text = format!(
            "{}{whose}: {} relationships; {} distinct questions, {} of them allowed\n",
            self.workload.to_uppercase(),
            self.relationships,
            self.questions,
            self.allowed
        );
        if let Some(load) = &self.load {
            text.push_str(&load.text());
        }
        text.push('\n');
        text.push_str(&figures_table(&self.figures));
        if !self.ratios.is_empty() {
            text.push('\n');
        }
        for ratio in &self.ratios {
            text.push_str(&format!("{:>8.2}  {}\n", ratio.value, ratio.name));
        }
        let verdicts = targets::verdicts(self);
        if !verdicts.is_empty() {
            text.push('\n');
            let rows = verdicts.iter().map(Verdict::row).collect();
            text.push_str(&table(["target", "wanted", "found", ""], rows, ""));
        }
        text
    }
}

impl Load {
    fn text(&self) -> String {
        let mut text = format!("loaded in {:.2} s, {:.0} a second, durable", self.seconds, self.per_second);
        if let Some(seconds) = self.restart_seconds {
            text.push_str(&format!("; started again in {seconds:.2} s"));
        }
        if let Some(bytes) = self.bytes_a_relationship {
            text.push_str(&format!("; {bytes:.0} bytes of memory a relationship"));
        }
        if let Some(bytes) = self.index_bytes_a_relationship {
            text.push_str(&format!(", {bytes:.0} of them the index"));
        }
        text + "\n"
    }
}

fn figures_table(figures: &[Figures]) -> String {
    let rows = figures.iter().map(|figures| {
        let per_call = if figures.per_call > 1 { format!(" ({} a call)", figures.per_call) } else { String::new() };
        [
            format!("{}{per_call}", figures.name),
            figures.in_flight.to_string(),
            figures.operations.to_string(),
            format!("{:.0}", figures.per_second),
            figures.cpu_us.map_or_else(|| "-".to_owned(), |cpu| format!("{cpu:.2}")),
            format!("{:.2}", figures.p50_us),
            format!("{:.2}", figures.p99_us),
            figures.wrong.to_string(),
        ]
    });
    let head = ["measure", "in flight", "operations", "a second", "CPU (us)", "p50 (us)", "p99 (us)", "wrong"];
    table(head, rows.collect(), "nothing was measured")
}
