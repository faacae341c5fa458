//! W4: lists of what somebody may see, and of who may see something.

use clap::Args;

use super::{Outcome, Run, data::lists::Lists, grpc, in_process, processes::Target, results::Results, store::Store};

/// Lists of 10 to 100,000 resources and subjects: in process and over gRPC, whole and compared each time
#[derive(Args, Clone, Debug)]
pub(crate) struct W4 {
    /// About how many relationships the organisation beside them has
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    pub(crate) relationships: u32,
    /// The longest list that is asked for
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    pub(crate) largest: u32,
}

impl W4 {
    pub(crate) fn run(&self, run: &Run) -> Outcome<Results> {
        let step = run.progress.step("making the organisation and its lists");
        let mut lists = Lists::generate(self.relationships, self.largest)?;
        drop(step);
        let world = std::mem::take(&mut lists.world);
        let mut results = run.begun("w4", self.relationships, &world, &[]);
        results.questions = (lists.resources.len() + lists.subjects.len()) as u64;
        results.allowed = results.questions;
        if let Some(peer) = run.peer.target()? {
            results.load = run.load_peer(&peer, &world)?;
            over_the_wire(run, &peer, &lists, &mut results)?;
            return Ok(results);
        }
        let store = Store::holding(world, run.progress)?;
        results.load = Some(store.load);
        let step = run.progress.step("in process");
        let loaded = store.open()?;
        for list in &lists.resources {
            results.figures.push(in_process::resources(&loaded, list, run.duration)?);
        }
        for list in &lists.subjects {
            results.figures.push(in_process::subjects(&loaded, list, run.duration)?);
        }
        loaded.close();
        drop(step);
        let server = store.serve()?;
        over_the_wire(run, &store.unrecorded(&server), &lists, &mut results)?;
        Ok(results)
    }
}

fn over_the_wire(run: &Run, target: &Target, lists: &Lists, results: &mut Results) -> Outcome<()> {
    let _step = run.progress.step("gRPC");
    for list in &lists.resources {
        results.figures.push(grpc::resources(target, list, run.concurrency.alone())?);
    }
    for list in &lists.subjects {
        results.figures.push(grpc::subjects(target, list, run.concurrency.alone())?);
    }
    Ok(())
}
