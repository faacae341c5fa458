//! `prokura bench`: workloads with fixed seeds, every answer compared with a slow evaluator, and figures that survive a
//! noisy machine: CPU time an operation, and ratios inside one run.

mod baseline;
mod http;
mod in_process;
mod measure;
mod random;
mod w1;

use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::{
    arguments::Ended,
    failure::Failure,
    output::{Output, remark, table},
};

use self::{
    measure::Figures,
    w1::{Docs, Names},
};

/// Measure this build on this machine.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    workload: Workload,
}

#[derive(Debug, Subcommand)]
enum Workload {
    /// Documents in nested folders, people in nested groups: in process, and over HTTP beside an empty handler
    W1(W1),
    /// The empty handler alone: reads the same message, checks the same key, answers a constant
    #[command(hide = true)]
    Baseline(baseline::Baseline),
}

#[derive(Debug, Args)]
struct W1 {
    /// About how many relationships the organisation has
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    relationships: u32,
    /// How many distinct questions are asked, allowed and denied in turn
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    questions: usize,
    /// How long each figure is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    seconds: u64,
    /// How many connections ask over HTTP, one question in flight on each
    #[arg(long, value_name = "N", default_value_t = 8)]
    connections: usize,
}

/// What `prokura bench w1` found.
#[derive(Serialize)]
struct Report {
    workload: &'static str,
    relationships: usize,
    questions: usize,
    allowed: usize,
    load_seconds: f64,
    relationships_per_second_loaded: f64,
    restart_seconds: f64,
    bytes_a_relationship: f64,
    index_bytes_a_relationship: f64,
    figures: Vec<Figures>,
    ratios: Vec<Ratio>,
}

/// Two figures of one run, divided: what a noisy machine cannot blur.
#[derive(Serialize)]
struct Ratio {
    name: &'static str,
    value: f64,
}

impl Bench {
    /// Runs the workload and prints what it found.
    ///
    /// # Errors
    /// The workload could not be run, or an answer was wrong.
    pub(crate) fn run(self, json: bool) -> Result<Ended, Failure> {
        let ended = match &self.workload {
            Workload::W1(options) => options.run(json),
            Workload::Baseline(options) => options.run(),
        };
        ended.map(|()| Ended::Done).map_err(|error| Failure::new("bench_failed", error.to_string()))
    }
}

/// What a benchmark ends with. Its error is a sentence for the person at the terminal.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

impl W1 {
    fn run(&self, json: bool) -> Outcome<()> {
        let note = |text: &str| {
            if !json {
                remark(text);
            }
        };
        note("making the organisation and its questions");
        let docs = Docs::generate(self.relationships);
        let questions = docs.uniform(self.questions);
        let duration = Duration::from_secs(self.seconds.max(1));

        note("loading");
        let folder = tempfile::tempdir()?;
        let load = in_process::load(&docs, folder.path())?;
        note("starting again");
        let (restart, resident_bytes) = http::restart(folder.path())?;
        note("in process");
        let loaded = in_process::open(folder.path())?;
        let mut figures = vec![
            in_process::checks(&loaded, &questions, duration)?,
            in_process::decisions(&loaded, &questions, duration)?,
        ];
        loaded.close();

        note("over HTTP: the empty handler");
        let baseline = http::baseline(&questions, self.connections, duration)?;
        note("over HTTP: AuthZEN evaluation, recorded");
        let evaluation = http::evaluation(folder.path(), &questions, self.connections, duration)?;
        let ratios = vec![
            Ratio {
                name: "requests a second, evaluation / empty handler",
                value: evaluation.per_second / baseline.per_second,
            },
            Ratio { name: "server CPU, evaluation / empty handler", value: evaluation.cpu_us / baseline.cpu_us },
            Ratio { name: "p50, evaluation / empty handler", value: evaluation.p50_us / baseline.p50_us },
        ];
        figures.extend([baseline, evaluation]);

        let relationships = load.relationships as f64;
        let report = Report {
            workload: "w1",
            relationships: load.relationships,
            questions: questions.len(),
            allowed: questions.iter().filter(|question| question.allowed).count(),
            load_seconds: load.took.as_secs_f64(),
            relationships_per_second_loaded: relationships / load.took.as_secs_f64(),
            restart_seconds: restart.as_secs_f64(),
            bytes_a_relationship: resident_bytes as f64 / relationships,
            index_bytes_a_relationship: load.index_bytes as f64 / relationships,
            figures,
            ratios,
        };
        Output { json }.show(&report, Report::text).map_err(|failure| failure.to_string())?;
        let wrong: u64 = report.figures.iter().map(|figures| figures.wrong).sum();
        if wrong > 0 {
            return Err(format!("{wrong} answers differ from the slow evaluator's: this run does not count").into());
        }
        Ok(())
    }
}

impl Report {
    fn text(&self) -> String {
        let rows = self.figures.iter().map(|figures| {
            [
                figures.name.clone(),
                figures.operations.to_string(),
                format!("{:.0}", figures.per_second),
                format!("{:.2}", figures.cpu_us),
                format!("{:.2}", figures.p50_us),
                format!("{:.2}", figures.p99_us),
                figures.wrong.to_string(),
            ]
        });
        let head = ["measure", "operations", "a second", "CPU (us)", "p50 (us)", "p99 (us)", "wrong"];
        let figures = table(head, rows.collect(), "nothing was measured");
        let ratios: Vec<_> = self.ratios.iter().map(|ratio| format!("{:.2}  {}", ratio.value, ratio.name)).collect();
        format!(
            "W1: {} relationships, loaded in {:.2} s ({:.0} a second, durable), a server started again in {:.2} s; {:.0} \
             bytes of its memory each, {:.0} of them the index; {} questions, {} of them allowed\n\n{figures}\n{}\n",
            self.relationships,
            self.load_seconds,
            self.relationships_per_second_loaded,
            self.restart_seconds,
            self.bytes_a_relationship,
            self.index_bytes_a_relationship,
            self.questions,
            self.allowed,
            ratios.join("\n"),
        )
    }
}

/// The names of a question's ends, made before the clock starts.
pub(crate) struct Named {
    pub(crate) user: prokura_model::ObjectRef,
    pub(crate) document: prokura_model::ObjectRef,
    pub(crate) allowed: bool,
}

pub(crate) fn named(questions: &[w1::Question]) -> Outcome<(Names, Vec<Named>)> {
    let names = Names::new()?;
    let named = questions
        .iter()
        .map(|question| {
            Ok(Named {
                user: names.user(question.user)?,
                document: names.document(question.document)?,
                allowed: question.allowed,
            })
        })
        .collect::<Result<_, prokura_model::NameError>>()?;
    Ok((names, named))
}
