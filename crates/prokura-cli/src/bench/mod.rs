//! `prokura bench`: workloads with fixed seeds, every answer compared with a slow evaluator, and figures that survive a
//! noisy machine: CPU time an operation, and ratios inside one run.

mod baseline;
mod data;
mod drive;
mod export;
mod grpc;
mod http;
mod in_process;
mod measure;
mod peer;
mod processes;
mod progress;
mod random;
mod report;
mod results;
mod store;
mod targets;
mod w1;
mod w2;
mod w3;
mod w4;
mod w5;

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::{arguments::Ended, failure::Failure, output::Output};

use self::{
    data::{Check, World},
    grpc::Concurrency,
    peer::Peer,
    processes::Target,
    progress::Progress,
    results::{Load, Results},
};

/// Measure this build on this machine, or another server of the same protocol
#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    W1(Measured<w1::W1>),
    W2(Measured<w2::W2>),
    W3(Measured<w3::W3>),
    W4(Measured<w4::W4>),
    W5(Measured<w5::W5>),
    Report(report::Report),
    Data(export::Data),
    /// The empty HTTP handler alone: reads the same message, checks the same key, answers a constant
    #[command(hide = true)]
    BaselineHttp(baseline::Baseline),
    /// The empty gRPC handler alone
    #[command(hide = true)]
    BaselineGrpc(baseline::Baseline),
}

/// A workload, and how it is measured.
#[derive(Args, Debug)]
struct Measured<W: Args> {
    #[command(flatten)]
    workload: W,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    peer: Peer,
}

/// How long and how hard is asked.
#[derive(Args, Clone, Debug)]
struct How {
    /// How long each figure is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = seconds)]
    seconds: f64,
    /// How many connections ask at once where many do
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = some)]
    connections: usize,
    /// How many questions are in flight on each of them, over gRPC; HTTP/1.1 has so many times as
    /// many connections instead
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = some)]
    in_flight: usize,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds, such as 3 or 0.5".to_owned())?;
    if (0.0..=3_600.0).contains(&seconds) { Ok(seconds) } else { Err("from 0 to 3600 seconds".to_owned()) }
}

fn some(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=256) => Ok(number),
        _ => Err("a number from 1 to 256".to_owned()),
    }
}

/// A run of a workload.
struct Run {
    duration: Duration,
    concurrency: Concurrency,
    peer: Peer,
    progress: Progress,
}

/// What a benchmark ends with. Its error is a sentence for the person at the terminal.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

impl Bench {
    /// Runs the workload and prints what it found.
    ///
    /// # Errors
    /// The workload could not be run, or an answer was wrong.
    pub(crate) fn run(self, json: bool) -> Result<Ended, Failure> {
        let ended = match &self.command {
            BenchCommand::W1(own) => own.run(json, w1::W1::run),
            BenchCommand::W2(own) => own.run(json, w2::W2::run),
            BenchCommand::W3(own) => own.run(json, w3::W3::run),
            BenchCommand::W4(own) => own.run(json, w4::W4::run),
            BenchCommand::W5(own) => own.run(json, w5::W5::run),
            BenchCommand::Report(report) => report.run(json),
            BenchCommand::Data(data) => data.run(json),
            BenchCommand::BaselineHttp(baseline) => baseline.http(),
            BenchCommand::BaselineGrpc(baseline) => baseline.grpc(),
        };
        ended.map(|()| Ended::Done).map_err(|error| Failure::new("bench_failed", error.to_string()))
    }
}

impl<W: Args> Measured<W> {
    fn run(&self, json: bool, workload: impl Fn(&W, &Run) -> Outcome<Results>) -> Outcome<()> {
        let run = Run::new(&self.how, self.peer.clone(), Progress::new(json));
        let results = workload(&self.workload, &run)?.settled();
        Output { json }.show(&results, Results::text).map_err(|failure| failure.to_string())?;
        results.counts()
    }
}

impl Run {
    fn new(how: &How, peer: Peer, progress: Progress) -> Self {
        let duration = Duration::from_secs_f64(how.seconds);
        let concurrency = Concurrency { connections: how.connections, in_flight: how.in_flight, duration };
        Self { duration, concurrency, peer, progress }
    }

    /// The results of a workload on this world, before anything was measured.
    fn begun(&self, workload: &str, size: u32, world: &World, checks: &[Check]) -> Results {
        Results {
            peer: self.peer.url(),
            relationships: world.relationships.len() as u64,
            questions: checks.len() as u64,
            allowed: checks.iter().filter(|check| check.allowed).count() as u64,
            ..Results::new(workload, u64::from(size))
        }
    }

    /// Gets the world into the peer, unless it is there.
    fn load_peer(&self, target: &Target, world: &World) -> Outcome<Option<Load>> {
        if self.peer.is_loaded() {
            return Ok(None);
        }
        let took = grpc::load(target, world, self.progress)?.as_secs_f64();
        let per_second = world.relationships.len() as f64 / took;
        Ok(Some(Load { seconds: took, per_second, ..Load::default() }))
    }
}
