//! `prokura bench report`: one page that shows all there is to show.

mod chart;
mod growth;
mod page;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{
    How, Outcome, Run, peer::Peer, progress::Progress, results::Results, w1::W1, w2::W2, w3::W3, w4::W4, w5::W5,
};
use crate::output::Output;

/// The smallest organisation of a growth curve.
const SMALLEST: u32 = 10_000;

/// What the other workloads are about, unless the largest organisation is smaller.
const ORDINARY: u32 = 100_000;

/// Run all workloads, W1 at growing sizes, and write one HTML page about them; or write it from earlier runs
#[derive(Args, Debug)]
pub(crate) struct Report {
    /// What earlier runs printed with --json, instead of running now; those of peers are shown beside ours
    #[arg(long, value_name = "FILE", num_args = 1..)]
    from: Vec<PathBuf>,
    /// Where the page is written
    #[arg(long, value_name = "FILE", default_value = "prokura-benchmark.html")]
    out: PathBuf,
    /// How many relationships the largest organisation of W1 has; 10,000,000 takes 8 GB of memory
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(2_000..=10_000_000))]
    largest: u32,
    #[command(flatten)]
    how: How,
}

/// What is printed: where the page is, and what is on it.
#[derive(Deserialize, Serialize)]
struct Printed {
    page: String,
    runs: Vec<Results>,
}

/// What a file may hold: one run, several, or what `bench report --json` printed.
#[derive(Deserialize)]
#[serde(untagged)]
enum Kept {
    One(Box<Results>),
    Several(Vec<Results>),
    Printed(Printed),
}

impl Report {
    pub(crate) fn run(&self, json: bool) -> Outcome<()> {
        let mut runs = Vec::new();
        if self.from.is_empty() {
            runs = self.measured(json)?;
        }
        for file in &self.from {
            runs.extend(read(file)?);
        }
        for run in &runs {
            run.counts().map_err(|error| format!("{} at {}: {error}", run.workload, run.size))?;
        }
        // By size, so that lines are drawn from left to right.
        runs.sort_by(|one, other| {
            (&one.workload, one.size, &one.peer).cmp(&(&other.workload, other.size, &other.peer))
        });
        fs::write(&self.out, page::html(&runs)).map_err(|error| {
            format!("`{}` cannot be written: {error}; name another file with --out", self.out.display())
        })?;
        let printed = Printed { page: self.out.display().to_string(), runs };
        let shown = Output { json }.show(&printed, |printed| {
            format!("written: {}, about {} runs; open it in a browser", printed.page, printed.runs.len())
        });
        shown.map_err(|failure| failure.to_string().into())
    }

    fn measured(&self, json: bool) -> Outcome<Vec<Results>> {
        let run = Run::new(&self.how, Peer::default(), Progress::new(json));
        let questions = usize::try_from(self.largest / 5)?.min(20_000);
        let ordinary = self.largest.min(ORDINARY);
        let mut runs = Vec::new();
        for relationships in sizes(self.largest) {
            let _step = run.progress.step(&format!("W1 with {relationships} relationships"));
            runs.push(W1 { relationships, questions, bulk: 100 }.run(&run)?);
        }
        runs.push(W2 { people: (ordinary / 50).max(20), questions: questions / 2 }.run(&run)?);
        runs.push(W3 { members: ordinary }.run(&run)?);
        runs.push(W4 { relationships: ordinary, largest: ordinary }.run(&run)?);
        runs.push(W5 { relationships: ordinary, questions }.run(&run)?);
        Ok(runs.into_iter().map(Results::settled).collect())
    }
}

/// Powers of ten up to the largest, and the largest.
fn sizes(largest: u32) -> Vec<u32> {
    let powers = std::iter::successors(Some(SMALLEST), |size| size.checked_mul(10));
    powers.take_while(|size| *size < largest).chain([largest]).collect()
}

fn read(file: &Path) -> Outcome<Vec<Results>> {
    let shown = file.display();
    let text = fs::read_to_string(file).map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    let kept = serde_json::from_str(&text).map_err(|_| {
        format!("`{shown}` is not what a run prints with --json: write it with `prokura bench w1 --json > {shown}`")
    })?;
    Ok(match kept {
        Kept::One(run) => vec![*run],
        Kept::Several(runs) | Kept::Printed(Printed { runs, .. }) => runs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_by_powers_of_ten_to_the_largest() {
        assert_eq!(sizes(2_000), [2_000]);
        assert_eq!(sizes(100_000), [10_000, 100_000]);
        assert_eq!(sizes(250_000), [10_000, 100_000, 250_000]);
    }
}
