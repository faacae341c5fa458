//! What W1 costs as the organisation grows.

use crate::bench::{results::Results, targets::Verdict};

/// A measure over sizes: one point for each run of W1 that has it.
pub(super) struct Curve {
    pub(super) title: &'static str,
    pub(super) unit: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

type Measure = fn(&Results) -> Option<f64>;

/// Most by which a check may cost more at a hundred times the size: cache misses only.
const CHECK_GROWS_MAX: f64 = 5.0;

/// Most by which a write may: it is flat but for noise.
const WRITE_GROWS_MAX: f64 = 1.5;

fn check(run: &Results) -> Option<f64> {
    run.figures("in_process_check")?.cpu_us
}

fn write(run: &Results) -> Option<f64> {
    run.figures("in_process_write")?.cpu_us
}

fn own<'r>(runs: &'r [Results]) -> impl Iterator<Item = &'r Results> + use<'r> {
    runs.iter().filter(|run| run.workload == "w1" && run.peer.is_none())
}

pub(super) fn curves(runs: &[Results]) -> Vec<Curve> {
    let measures: [(&str, &str, Measure); 6] = [
        ("A check in process, CPU", "µs", check),
        ("A durable write in process, 16 in flight, CPU", "µs", write),
        ("Memory a relationship, the whole server", "bytes", |run| run.load?.bytes_a_relationship),
        ("Memory a relationship, the index", "bytes", |run| run.load?.index_bytes_a_relationship),
        ("Loading, durable", "a second", |run| Some(run.load?.per_second)),
        ("Starting again", "s", |run| run.load?.restart_seconds),
    ];
    let curves = measures.into_iter().map(|(title, unit, measure)| {
        let points = own(runs).filter_map(|run| Some((run.size as f64, measure(run)?))).collect();
        Curve { title, unit, points }
    });
    curves.filter(|curve| !curve.points.is_empty()).collect()
}

/// What a hundredfold of relationships does to the cost, where both sizes were measured.
pub(super) fn verdicts(runs: &[Results]) -> Vec<Verdict> {
    let at = |size, measure: Measure| measure(own(runs).find(|run| run.size == size)?);
    let grown = |name: &str, most, measure: Measure| {
        let (small, large) = (at(100_000, measure)?, at(10_000_000, measure)?);
        Some(Verdict::at_most(format!("{name}, from 10⁵ to 10⁷"), most, large / small, "x"))
    };
    [grown("growth of a check", CHECK_GROWS_MAX, check), grown("growth of a write", WRITE_GROWS_MAX, write)]
        .into_iter()
        .flatten()
        .collect()
}
