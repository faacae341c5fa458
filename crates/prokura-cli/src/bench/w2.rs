//! W2: agents that act for people, as plain relationships and as tasks and delegations.

use clap::Args;
use prokura::model::Timestamp;

use super::{
    Outcome, Run,
    data::agents::{Agents, Bounds, DEPTH_MAX},
    grpc, in_process,
    results::Results,
    store::Store,
};

/// Agents that act for people over one to five hops: as plain relationships, and as tasks and delegations
#[derive(Args, Clone, Debug)]
pub(crate) struct W2 {
    /// How many people there are; 2,000 make about 90,000 relationships
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    pub(crate) people: u32,
    /// How many distinct questions are asked, allowed and denied in turn
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) questions: usize,
}

impl W2 {
    pub(crate) fn run(&self, run: &Run) -> Outcome<Results> {
        let agents = Agents::generate(self.people);
        let (world, checks) = (agents.world()?, agents.checks(self.questions)?);
        let mut results = run.begun("w2", self.people, &world, &checks);
        let id = "grpc_check";
        let name = "gRPC check through relationships, not recorded";
        if let Some(peer) = run.peer.target()? {
            results.load = run.load_peer(&peer, &world)?;
            let checks = grpc::pair(run.concurrency, |load| grpc::checks(id, name, &peer, &checks, load))?;
            results.figures.extend(checks.into_figures());
            return Ok(results);
        }
        let store = Store::holding(world, run.progress)?;
        results.load = Some(store.load);
        let step = run.progress.step("in process: through relationships");
        let loaded = store.open()?;
        let within = "in process: check through relationships";
        results.figures.push(in_process::checks("in_process_check", within, &loaded, &checks, run.duration)?);
        loaded.close();
        drop(step);
        let step = run.progress.step("gRPC: through relationships");
        let server = store.serve()?;
        let target = store.unrecorded(&server);
        let checks = grpc::pair(run.concurrency, |load| grpc::checks(id, name, &target, &checks, load))?;
        results.figures.extend(checks.into_figures());
        drop(step);
        self.delegations(run, &agents, &mut results)?;
        self.bounded(run, &agents, &mut results)?;
        Ok(results)
    }

    fn delegations(&self, run: &Run, agents: &Agents, results: &mut Results) -> Outcome<()> {
        let changes = agents.delegations(now()?, Bounds::None)?;
        let store = Store::changed(changes, run.progress)?;
        let _step = run.progress.step("in process: through delegations");
        let loaded = store.open()?;
        for hops in 1..=DEPTH_MAX {
            let questions = agents.questions(hops, self.questions / DEPTH_MAX)?;
            let preview =
                (format!("in_process_preview_depth_{hops}"), format!("in process: decide, hops: {hops}, not recorded"));
            let decide =
                (format!("in_process_decide_depth_{hops}"), format!("in process: decide, hops: {hops}, recorded"));
            results.figures.extend([
                in_process::previews(&preview.0, &preview.1, &loaded, &questions, run.duration)?,
                in_process::decisions(&decide.0, &decide.1, &loaded, &questions, run.duration)?,
            ]);
        }
        loaded.close();
        Ok(())
    }

    /// The longest chains once more, with a guard on what is asked and a budget on the task: decided alone, and with what an
    /// allow takes written before it is answered.
    fn bounded(&self, run: &Run, agents: &Agents, results: &mut Results) -> Outcome<()> {
        let store = Store::changed(agents.delegations(now()?, Bounds::GuardAndBudget)?, run.progress)?;
        let _step = run.progress.step("in process: with a guard and a budget");
        let loaded = store.open()?;
        let questions = agents.questions(DEPTH_MAX, self.questions / DEPTH_MAX)?;
        let name = format!("in process: decide, hops: {DEPTH_MAX}, guard and budget, nothing taken");
        let previews = in_process::previews("in_process_preview_bounded", &name, &loaded, &questions, run.duration)?;
        let taken = in_process::taking(&loaded, &questions, TAKING, run.duration)?;
        results.figures.extend([previews, taken]);
        loaded.close();
        Ok(())
    }
}

/// How many ask at once where each allow waits for the disk: as the writer has them written together, more of them cost
/// less each.
const TAKING: usize = 64;

fn now() -> Outcome<Timestamp> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(Timestamp(u64::try_from(now.as_millis())?))
}
