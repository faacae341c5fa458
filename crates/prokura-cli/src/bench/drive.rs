//! Asking many things at once, one after the other on each of several workers, until the time is over.

use std::time::{Duration, Instant};

use tokio::{runtime::Runtime, task::LocalSet, time::sleep};

use super::{Outcome, measure::Sample, processes::Target};

/// What one call came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    /// From sending to the last byte of the answer.
    pub(crate) took: Duration,
    /// How many answers in it are wrong.
    pub(crate) wrong: u64,
}

/// One thread: the server has the other core to itself.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Has every worker ask, told how often it has asked before. The first fifth of the time more is for warming up, and is
/// not counted; wrong answers in it are.
pub(crate) async fn drive<W>(target: &Target, workers: Vec<W>, duration: Duration) -> Outcome<Sample>
where
    W: AsyncFnMut(usize) -> Outcome<Answered> + 'static,
{
    let warm = duration / 5;
    let begin = Instant::now() + warm;
    let local = LocalSet::new();
    let working: Vec<_> =
        workers.into_iter().map(|worker| local.spawn_local(work(worker, begin, begin + duration))).collect();
    local
        .run_until(async {
            sleep(warm).await;
            let (started, cpu_before) = (Instant::now(), target.cpu()?);
            let mut sample = Sample::default();
            for work in working {
                let (latencies, wrong) = work.await??;
                sample.latencies.extend(latencies);
                sample.wrong += wrong;
            }
            sample.wall = started.elapsed();
            sample.cpu = target.cpu()?.zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
            sample.calls = sample.latencies.len() as u64;
            Ok(sample)
        })
        .await
}

async fn work<W>(mut worker: W, begin: Instant, end: Instant) -> Outcome<(Vec<Duration>, u64)>
where
    W: AsyncFnMut(usize) -> Outcome<Answered>,
{
    let (mut latencies, mut wrong) = (Vec::new(), 0);
    for turn in 0.. {
        let now = Instant::now();
        // However short the time, something was asked.
        if now >= end && !latencies.is_empty() {
            break;
        }
        let answered = worker(turn).await?;
        wrong += answered.wrong;
        if now >= begin {
            latencies.push(answered.took);
        }
    }
    Ok((latencies, wrong))
}
