//! W3: deny and allow behind 45 nested groups, and by a group with very many members.

use clap::Args;

use super::{Outcome, Run, data::deep::Deep, grpc, in_process, results::Results, store::Store};

/// Deny and allow behind 45 nested groups, and by a group with very many direct members
#[derive(Args, Clone, Debug)]
pub(crate) struct W3 {
    /// How many direct members the wide group has
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    pub(crate) members: u32,
}

impl W3 {
    pub(crate) fn run(&self, run: &Run) -> Outcome<Results> {
        let Deep { world, kinds } = Deep::generate(self.members)?;
        let all: Vec<_> = kinds.iter().flat_map(|(_, _, checks)| checks).cloned().collect();
        let mut results = run.begun("w3", self.members, &world, &all);
        let over_the_wire = |target: &_, results: &mut Results| {
            let _step = run.progress.step("gRPC");
            for (kind, name, checks) in &kinds {
                let (id, name) = (format!("grpc_{kind}"), format!("gRPC check: {name}"));
                let pair = grpc::pair(run.concurrency, |load| grpc::checks(&id, &name, target, checks, load))?;
                results.figures.extend(pair.into_figures());
            }
            Outcome::Ok(())
        };
        if let Some(peer) = run.peer.target()? {
            results.load = run.load_peer(&peer, &world)?;
            over_the_wire(&peer, &mut results)?;
            return Ok(results);
        }
        let store = Store::holding(world, run.progress)?;
        results.load = Some(store.load);
        let step = run.progress.step("in process");
        let loaded = store.open()?;
        for (kind, name, checks) in &kinds {
            let (id, name) = (format!("in_process_{kind}"), format!("in process: {name}"));
            results.figures.push(in_process::checks(&id, &name, &loaded, checks, run.duration)?);
        }
        loaded.close();
        drop(step);
        let server = store.serve()?;
        over_the_wire(&store.unrecorded(&server), &mut results)?;
        Ok(results)
    }
}
