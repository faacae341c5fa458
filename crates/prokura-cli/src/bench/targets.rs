//! Where we want to be: one line for each promise, and what a run says about it.

use super::results::Results;

/// What is wanted of one measure.
struct Target {
    workload: &'static str,
    /// Only of runs of this size; none is of any.
    size: Option<u64>,
    name: &'static str,
    wanted: Wanted,
    found: fn(&Results) -> Option<f64>,
    unit: &'static str,
}

#[derive(Clone, Copy)]
enum Wanted {
    AtMost(f64),
    AtLeast(f64),
}

/// What a run says about a target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) name: String,
    pub(crate) wanted: String,
    pub(crate) found: String,
    pub(crate) met: bool,
}

impl Verdict {
    pub(crate) fn row(&self) -> [String; 4] {
        let met = if self.met { "met" } else { "missed" };
        [self.name.clone(), self.wanted.clone(), self.found.clone(), met.to_owned()]
    }

    /// How many times one is of another, held to a bound.
    pub(crate) fn at_most(name: impl Into<String>, most: f64, found: f64, unit: &str) -> Self {
        Self {
            name: name.into(),
            wanted: format!("at most {}", amount(most, unit)),
            found: amount(found, unit),
            met: found <= most,
        }
    }

    fn at_least(name: impl Into<String>, least: f64, found: f64, unit: &str) -> Self {
        Self {
            name: name.into(),
            wanted: format!("at least {}", amount(least, unit)),
            found: amount(found, unit),
            met: found >= least,
        }
    }
}

fn amount(value: f64, unit: &str) -> String {
    let number = if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    let number = number.strip_suffix(".00").unwrap_or(&number);
    if unit.is_empty() { number.to_owned() } else { format!("{number} {unit}") }
}

const N5: Option<u64> = Some(100_000);
const N6: Option<u64> = Some(1_000_000);
const N7: Option<u64> = Some(10_000_000);

const TARGETS: &[Target] = &[
    Target {
        workload: "w1",
        size: N5,
        name: "check in process, CPU",
        wanted: Wanted::AtMost(0.8),
        found: check_cpu,
        unit: "us",
    },
    Target {
        workload: "w1",
        size: N6,
        name: "check in process, CPU",
        wanted: Wanted::AtMost(1.5),
        found: check_cpu,
        unit: "us",
    },
    Target {
        workload: "w1",
        size: N7,
        name: "check in process, CPU",
        wanted: Wanted::AtMost(3.0),
        found: check_cpu,
        unit: "us",
    },
    Target {
        workload: "w1",
        size: N5,
        name: "checks a second and core, in process",
        wanted: Wanted::AtLeast(1.2e6),
        found: |results| Some(1e6 / check_cpu(results)?),
        unit: "",
    },
    Target {
        workload: "w1",
        size: N5,
        name: "checks a second, bulk over gRPC",
        wanted: Wanted::AtLeast(4e5),
        found: |results| Some(results.figures("grpc_bulk")?.per_second),
        unit: "",
    },
    Target {
        workload: "w1",
        size: N6,
        name: "gRPC check / baseline, a second",
        wanted: Wanted::AtLeast(0.75),
        found: |results| results.ratio("grpc_check_per_second"),
        unit: "x",
    },
    Target {
        workload: "w1",
        size: N6,
        name: "gRPC check / baseline, p50",
        wanted: Wanted::AtMost(1.3),
        found: |results| results.ratio("grpc_check_p50"),
        unit: "x",
    },
    Target {
        workload: "w1",
        size: N6,
        name: "gRPC check, recorded / baseline, a second",
        wanted: Wanted::AtLeast(0.6),
        found: |results| results.ratio("grpc_check_recorded_per_second"),
        unit: "x",
    },
    Target {
        workload: "w1",
        size: None,
        name: "AuthZEN evaluation / baseline, a second",
        wanted: Wanted::AtLeast(0.6),
        found: |results| results.ratio("authzen_evaluation_per_second"),
        unit: "x",
    },
    Target {
        workload: "w1",
        size: None,
        name: "recording a decision, CPU",
        wanted: Wanted::AtMost(2.0),
        found: recording_cpu,
        unit: "us",
    },
    Target {
        workload: "w1",
        size: N7,
        name: "memory a relationship",
        wanted: Wanted::AtMost(100.0),
        found: |results| results.load?.bytes_a_relationship,
        unit: "bytes",
    },
    Target {
        workload: "w1",
        size: N7,
        name: "relationships a second, loading, durable",
        wanted: Wanted::AtLeast(5e5),
        found: |results| Some(results.load?.per_second),
        unit: "",
    },
    Target {
        workload: "w1",
        size: N7,
        name: "starting again",
        wanted: Wanted::AtMost(8.0),
        found: |results| results.load?.restart_seconds,
        unit: "s",
    },
    Target {
        workload: "w2",
        size: None,
        name: "decide through five hops, recorded, CPU",
        wanted: Wanted::AtMost(5.0),
        found: |results| results.figures("in_process_decide_depth_5")?.cpu_us,
        unit: "us",
    },
    Target {
        workload: "w3",
        size: None,
        name: "deny behind 45 nested groups, CPU",
        wanted: Wanted::AtMost(10.0),
        found: |results| results.figures("in_process_deep_denied")?.cpu_us,
        unit: "us",
    },
    Target {
        workload: "w3",
        size: None,
        name: "deny between two times 45 nested groups, CPU",
        wanted: Wanted::AtMost(10.0),
        found: |results| results.figures("in_process_deep_denied_beside")?.cpu_us,
        unit: "us",
    },
    Target {
        workload: "w3",
        size: N5,
        name: "deny by a group of 100,000, CPU",
        wanted: Wanted::AtMost(1.0),
        found: |results| results.figures("in_process_wide_denied")?.cpu_us,
        unit: "us",
    },
    Target {
        workload: "w4",
        size: N5,
        name: "list of 100,000 resources over gRPC, p50",
        wanted: Wanted::AtMost(50.0),
        found: |results| Some(results.figures("grpc_resources_100000")?.p50_us / 1e3),
        unit: "ms",
    },
    Target {
        workload: "w4",
        size: N5,
        name: "list of 100,000 subjects over gRPC, p50",
        wanted: Wanted::AtMost(30.0),
        found: |results| Some(results.figures("grpc_subjects_100000")?.p50_us / 1e3),
        unit: "ms",
    },
    Target {
        workload: "w5",
        size: None,
        name: "durable revoke and check, p50, beyond two fsyncs",
        wanted: Wanted::AtMost(50.0),
        found: beyond_fsync,
        unit: "us",
    },
    Target {
        workload: "w5",
        size: None,
        name: "stale allows",
        wanted: Wanted::AtMost(0.0),
        found: |results| Some(results.stale as f64),
        unit: "",
    },
    Target {
        workload: "w5",
        size: None,
        name: "p99 of checks beside writes / without",
        wanted: Wanted::AtMost(5.0),
        found: |results| results.ratio("grpc_mix_check_p99"),
        unit: "x",
    },
];

fn check_cpu(results: &Results) -> Option<f64> {
    results.figures("in_process_check")?.cpu_us
}

/// A decision that is recorded, less one that is not.
fn recording_cpu(results: &Results) -> Option<f64> {
    Some(results.figures("in_process_decide")?.cpu_us? - results.figures("in_process_preview")?.cpu_us?)
}

fn beyond_fsync(results: &Results) -> Option<f64> {
    Some(results.figures("in_process_revoke_then_check")?.p50_us - 2.0 * results.figures("fsync")?.p50_us)
}

/// What the run says about the targets that it measured. A peer is held to none.
pub(crate) fn verdicts(results: &Results) -> Vec<Verdict> {
    if results.peer.is_some() {
        return Vec::new();
    }
    let own = TARGETS
        .iter()
        .filter(|target| target.workload == results.workload && target.size.is_none_or(|size| size == results.size));
    own.filter_map(|target| {
        let found = (target.found)(results)?;
        Some(match target.wanted {
            Wanted::AtMost(most) => Verdict::at_most(target.name, most, found, target.unit),
            Wanted::AtLeast(least) => Verdict::at_least(target.name, least, found, target.unit),
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_at_its_bound() {
        assert!(Verdict::at_most("n", 5.0, 5.0, "us").met);
        assert!(!Verdict::at_most("n", 5.0, 5.01, "us").met);
        assert!(Verdict::at_least("n", 0.6, 0.6, "x").met);
        assert_eq!(Verdict::at_least("n", 400_000.0, 0.5, "x").wanted, "at least 400000 x");
    }

    #[test]
    fn a_run_is_held_to_the_targets_of_its_size_and_a_peer_to_none() {
        let mut results = Results::new("w5", 1_000);
        let names = |results: &Results| verdicts(results).into_iter().map(|verdict| verdict.name).collect::<Vec<_>>();
        assert_eq!(names(&results), ["stale allows"]);
        results.peer = Some("http://elsewhere".to_owned());
        assert!(names(&results).is_empty());
    }
}
