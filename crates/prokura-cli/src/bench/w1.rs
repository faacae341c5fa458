//! W1: documents in nested folders, people in nested groups.

use clap::Args;
use prokura_model::Relationship;

use super::{
    Outcome, Run,
    data::{Check, Names, docs::Docs, edge, skewed},
    grpc, http, in_process,
    measure::in_turn,
    processes::{KEY, Server, Target},
    results::{Pair, Results},
    store::Store,
};

/// Writes in flight where they share flushes.
pub(super) const WRITES_IN_FLIGHT: usize = 16;

/// Distinct relationships that are written for each question asked: so many that few are written twice.
const WRITTEN_A_QUESTION: usize = 10;

/// Documents in nested folders, people in nested groups: in process, over gRPC and HTTP beside empty handlers
#[derive(Args, Clone, Debug)]
pub(crate) struct W1 {
    /// About how many relationships the organisation has
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2_000..=10_000_000))]
    pub(crate) relationships: u32,
    /// How many distinct questions are asked, allowed and denied in turn
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub(crate) questions: usize,
    /// How many checks a bulk call has
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) bulk: usize,
}

/// What is asked.
struct Mixes {
    uniform: Vec<Check>,
    zipf: Vec<Check>,
    direct: Vec<Check>,
}

impl W1 {
    pub(crate) fn run(&self, run: &Run) -> Outcome<Results> {
        let step = run.progress.step("making the organisation and its questions");
        let docs = Docs::generate(self.relationships);
        let uniform = docs.uniform(self.questions)?;
        let mixes = Mixes { zipf: skewed(&uniform), direct: docs.direct(self.questions)?, uniform };
        let world = docs.world()?;
        drop(docs);
        drop(step);
        let mut results = run.begun("w1", self.relationships, &world, &mixes.uniform);
        match run.peer.target()? {
            Some(peer) => {
                results.load = run.load_peer(&peer, &world)?;
                drop(world);
                self.grpc(run, &peer, None, &mixes, &mut results)?;
                self.writes(run, &peer, &mut results)?;
            }
            None => {
                let store = Store::holding(world, run.progress)?;
                results.load = Some(store.load);
                library(run, &store, &mixes, &mut results)?;
                let server = store.serve()?;
                let (unrecorded, recorded) = (store.unrecorded(&server), store.recorded(&server));
                self.grpc(run, &unrecorded, Some(&recorded), &mixes, &mut results)?;
                authzen(run, &recorded, &mixes.uniform, &mut results)?;
                self.writes(run, &server.target(KEY), &mut results)?;
            }
        }
        Ok(results)
    }

    /// What any server of the protocol can do, beside the baseline; and, of ours, the same on record.
    fn grpc(
        &self,
        run: &Run,
        target: &Target,
        recorded: Option<&Target>,
        mixes: &Mixes,
        results: &mut Results,
    ) -> Outcome<()> {
        let step = run.progress.step("gRPC: the baseline and checks, in turn");
        let server = Server::baseline("baseline-grpc")?;
        let constant = server.target(KEY);
        // The baseline answers yes to everything, so it is asked what is allowed.
        let allowed: Vec<_> = mixes.uniform.iter().filter(|check| check.allowed).cloned().collect();
        let baseline = ("grpc_baseline", "gRPC baseline: the same message, a constant", &constant, allowed.as_slice());
        let uniform = mixes.uniform.as_slice();
        let checks = ("grpc_check", "gRPC check, fully consistent, not recorded", target, uniform);
        let pairs = match recorded {
            None => Vec::from(grpc::in_turn([baseline, checks], run.concurrency)?),
            Some(recorded) => {
                let on_record = ("grpc_check_recorded", "gRPC check, fully consistent, recorded", recorded, uniform);
                Vec::from(grpc::in_turn([baseline, checks, on_record], run.concurrency)?)
            }
        };
        drop((step, server));
        if let Some((baseline, ours)) = pairs.split_first() {
            results.ratios.extend(ours.iter().flat_map(|pair| pair.over(baseline)));
        }
        results.figures.extend(pairs.into_iter().flat_map(Pair::into_figures));
        let _step = run.progress.step("gRPC: other checks");
        for (id, name, asked) in [
            ("grpc_check_zipf", "gRPC check, zipf", &mixes.zipf),
            ("grpc_check_direct", "gRPC check, one hop", &mixes.direct),
        ] {
            results.figures.extend(
                grpc::pair(run.concurrency, |load| grpc::checks(id, name, target, asked, load))?.into_figures(),
            );
        }
        let few = run.concurrency.of(run.concurrency.connections.min(2));
        for load in [run.concurrency.alone(), few] {
            results.figures.push(grpc::bulk(target, &mixes.uniform, self.bulk, load)?);
        }
        Ok(())
    }

    fn writes(&self, run: &Run, target: &Target, results: &mut Results) -> Outcome<()> {
        let _step = run.progress.step("gRPC: writes");
        let written = unrelated("wire", WRITTEN_A_QUESTION * self.questions)?;
        for load in [run.concurrency.alone(), run.concurrency.of(WRITES_IN_FLIGHT)] {
            results.figures.push(grpc::writes(target, &written, load)?);
        }
        Ok(())
    }
}

fn library(run: &Run, store: &Store, mixes: &Mixes, results: &mut Results) -> Outcome<()> {
    let _step = run.progress.step("in process");
    let loaded = store.open()?;
    let asked = [
        ("in_process_check", "in process: check, uniform", &mixes.uniform),
        ("in_process_check_zipf", "in process: check, zipf", &mixes.zipf),
        ("in_process_check_direct", "in process: check, one hop", &mixes.direct),
    ];
    for (id, name, checks) in asked {
        results.figures.push(in_process::checks(id, name, &loaded, checks, run.duration)?);
    }
    let questions = in_process::own_authority(&mixes.uniform);
    let preview = "in process: decide, with witness, not recorded";
    let decide = "in process: decide, with witness, recorded";
    results.figures.extend([
        in_process::previews("in_process_preview", preview, &loaded, &questions, run.duration)?,
        in_process::decisions("in_process_decide", decide, &loaded, &questions, run.duration)?,
    ]);
    let written = unrelated("library", WRITTEN_A_QUESTION * mixes.uniform.len())?;
    for in_flight in [1, WRITES_IN_FLIGHT] {
        results.figures.push(in_process::writes(&loaded, &written, in_flight, run.duration)?);
    }
    loaded.close();
    Ok(())
}

/// AuthZEN, which decides and records, beside the baseline.
fn authzen(run: &Run, target: &Target, checks: &[Check], results: &mut Results) -> Outcome<()> {
    let _step = run.progress.step("HTTP: the baseline and AuthZEN evaluations, in turn");
    let server = Server::baseline("baseline-http")?;
    let constant = server.target(KEY);
    let in_turn = |connections: usize| {
        let baseline = |duration| http::baseline(&constant, checks, connections, duration);
        let evaluation = |duration| http::evaluation(target, checks, connections, duration);
        in_turn(run.duration, [&baseline, &evaluation])
    };
    let [baseline_alone, evaluation_alone] = in_turn(1)?;
    let [baseline_busy, evaluation_busy] = in_turn(run.concurrency.in_all())?;
    let baseline = Pair { alone: baseline_alone, busy: baseline_busy };
    let evaluation = Pair { alone: evaluation_alone, busy: evaluation_busy };
    results.ratios.extend(evaluation.over(&baseline));
    results.figures.extend(baseline.into_figures());
    results.figures.extend(evaluation.into_figures());
    Ok(())
}

/// Relationships that no question depends on.
pub(super) fn unrelated(prefix: &str, count: usize) -> Outcome<Vec<Relationship>> {
    let names = Names::new()?;
    let written = (0..count.max(1)).map(|number| {
        let (group, user) =
            (names.group(&format!("{prefix}{}", number / 100))?, names.user(&format!("{prefix}{number}"))?);
        Ok(edge(group, &names.member, user))
    });
    written.collect()
}
