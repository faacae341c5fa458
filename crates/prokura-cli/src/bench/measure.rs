//! Clocks and figures: CPU time from the kernel's own accounts, and percentiles.

use std::{fs, io, path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use super::Outcome;

/// Clock ticks a second in what Linux tells about processes, whatever its own clock does.
const TICKS_A_SECOND: u64 = 100;

/// CPU time a process has used so far, to a hundredth of a second. Threads that have ended count, which they do not in the
/// finer accounts of single threads: a runtime lets idle threads go between two looks.
///
/// # Errors
/// The process is gone, or this is not Linux.
pub(crate) fn cpu_time(process: u32) -> io::Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let ticks = ticks(&text).ok_or_else(|| io::Error::other("no CPU time in the process's stat"))?;
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_A_SECOND))
}

/// User and system time: the fourteenth and fifteenth field, of which the second, the name, may hold blanks.
fn ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut times = after_name.split_whitespace().skip(11).map(str::parse::<u64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

/// CPU time the calling thread has used so far.
///
/// # Errors
/// This is not Linux.
pub(crate) fn thread_cpu_time() -> io::Result<Duration> {
    let nanoseconds = on_cpu(Path::new("/proc/thread-self"));
    nanoseconds.map(Duration::from_nanos).ok_or_else(|| io::Error::other("no account of this thread's CPU time"))
}

/// The first number of schedstat is the time spent on a CPU, in nanoseconds.
fn on_cpu(task: &Path) -> Option<u64> {
    fs::read_to_string(task.join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
}

/// Resident memory of a process, in bytes.
///
/// # Errors
/// The process is gone, or this is not Linux.
pub(crate) fn resident_bytes(process: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kilobytes = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes * 1024).ok_or_else(|| io::Error::other("no VmRSS in the process's status"))
}

/// What was seen while many equal operations ran.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    /// From the first to the end of the last.
    pub(crate) wall: Duration,
    /// Of the processes that answer; unknown where they are somebody else's.
    pub(crate) cpu: Option<Duration>,
    /// Of the thread that asks, where that is the one that answers.
    pub(crate) caller_cpu: Option<Duration>,
    /// How many; where only some were timed, more than there are latencies.
    pub(crate) calls: u64,
    pub(crate) latencies: Vec<Duration>,
    pub(crate) wrong: u64,
}

/// What a run of many equal operations came to.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Figures {
    /// A name that stays the same from one build to the next.
    pub(crate) id: String,
    /// What was measured.
    pub(crate) name: String,
    /// How many calls were in flight at once.
    pub(crate) in_flight: usize,
    /// How many operations one call has.
    pub(crate) per_call: usize,
    /// How many operations.
    pub(crate) operations: u64,
    /// Operations a second, by the wall clock.
    pub(crate) per_second: f64,
    /// CPU time of what answers, in microseconds an operation; none where that is a peer whose process is not known, and
    /// where the run was too short for any to be seen.
    pub(crate) cpu_us: Option<f64>,
    /// The same of the asking thread alone, in process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) caller_cpu_us: Option<f64>,
    /// Half the calls took at most this long, in microseconds.
    pub(crate) p50_us: f64,
    /// 99 of 100 took at most this long, in microseconds.
    pub(crate) p99_us: f64,
    /// Answers that differ from the slow evaluator's. Anything but 0 voids the run.
    pub(crate) wrong: u64,
}

impl Figures {
    /// Of one operation at a time.
    pub(crate) fn new(id: impl Into<String>, name: impl Into<String>, sample: Sample) -> Self {
        Self::of(id, name, 1, 1, sample)
    }

    pub(crate) fn of(
        id: impl Into<String>,
        name: impl Into<String>,
        in_flight: usize,
        per_call: usize,
        sample: Sample,
    ) -> Self {
        let Sample { wall, cpu, caller_cpu, calls, mut latencies, wrong } = sample;
        latencies.sort_unstable();
        let operations = calls * per_call as u64;
        // None is too little for the kernel to have seen it.
        let each = |used: Option<Duration>| {
            used.filter(|used| !used.is_zero()).map(|used| microseconds(used) / operations.max(1) as f64)
        };
        Self {
            id: id.into(),
            name: name.into(),
            in_flight,
            per_call,
            operations,
            per_second: operations as f64 / wall.as_secs_f64().max(1e-9),
            cpu_us: each(cpu),
            caller_cpu_us: each(caller_cpu),
            p50_us: microseconds(percentile(&latencies, 50)),
            p99_us: microseconds(percentile(&latencies, 99)),
            wrong,
        }
    }

    /// What several rounds of the same come to: rates and CPU time of all of them, and the median of their percentiles.
    fn joined(rounds: Vec<Self>) -> Option<Self> {
        let operations: u64 = rounds.iter().map(|round| round.operations).sum();
        let seconds: f64 = rounds.iter().map(|round| round.operations as f64 / round.per_second.max(1e-9)).sum();
        let cpu: Option<f64> = rounds.iter().map(|round| Some(round.cpu_us? * round.operations as f64)).sum();
        let of = |part: fn(&Self) -> f64| median(rounds.iter().map(part).collect());
        let (p50_us, p99_us) = (of(|round| round.p50_us), of(|round| round.p99_us));
        let wrong = rounds.iter().map(|round| round.wrong).sum();
        let (per_second, cpu_us) = (operations as f64 / seconds.max(1e-9), cpu.map(|cpu| cpu / operations as f64));
        let first = rounds.into_iter().next()?;
        Some(Self { operations, per_second, cpu_us, p50_us, p99_us, wrong, ..first })
    }
}

/// How often what is compared is measured, each time for a part of the time: a machine that others use is faster at one time
/// than at another, and then it is for all of them.
const ROUNDS: u32 = 4;

/// Measures each of these in turn, again and again, each for so long in all.
pub(crate) fn in_turn<const N: usize>(
    duration: Duration,
    measured: [&dyn Fn(Duration) -> Outcome<Figures>; N],
) -> Outcome<[Figures; N]> {
    let mut rounds: [Vec<Figures>; N] = std::array::from_fn(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (rounds, measured) in rounds.iter_mut().zip(measured) {
            rounds.push(measured(duration / ROUNDS)?);
        }
    }
    let joined: Vec<Figures> = rounds.into_iter().filter_map(Figures::joined).collect();
    joined.try_into().map_err(|_| "nothing was measured".into())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn percentile(sorted: &[Duration], hundredths: usize) -> Duration {
    sorted.get(sorted.len().saturating_mul(hundredths) / 100).or_else(|| sorted.last()).copied().unwrap_or_default()
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_brackets_moves_no_field() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 9 0 0 0 70 30 5 6 20 0 3 0 100 1000 20";
        assert_eq!(ticks(stat), Some(100));
        assert_eq!(ticks("42"), None);
    }

    #[test]
    fn rounds_are_joined_by_what_was_done_in_each() {
        let round = |micros: u64, cpu: u64| {
            let latencies = vec![Duration::from_micros(micros); 100];
            let (wall, cpu) = (latencies.iter().sum(), Some(Duration::from_micros(cpu)));
            Figures::new("id", "name", Sample { wall, cpu, calls: 100, latencies, ..Sample::default() })
        };
        let turns = std::cell::Cell::new(0);
        let first = |_: Duration| Ok(round(10, 100));
        let second = |part: Duration| {
            assert_eq!(part, Duration::from_secs(1));
            turns.set(turns.get() + 1);
            Ok(round(10 * turns.get(), 300))
        };
        let [one, other] = in_turn(Duration::from_secs(4), [&first, &second]).expect("measured");
        assert_eq!((one.operations, one.per_second.round(), one.cpu_us), (400, 100_000.0, Some(1.0)));
        // 10, 20, 30 and 40 microseconds each.
        assert_eq!((other.operations, other.per_second.round(), other.cpu_us), (400, 40_000.0, Some(3.0)));
        assert_eq!((other.p50_us.round(), turns.get()), (30.0, 4));
    }

    #[test]
    fn figures_are_of_operations_and_latencies_of_calls() {
        let sample = Sample {
            wall: Duration::from_secs(2),
            cpu: Some(Duration::from_millis(1)),
            calls: 10,
            latencies: (1..=100).map(Duration::from_micros).collect(),
            ..Sample::default()
        };
        let figures = Figures::of("id", "name", 4, 100, sample);
        assert_eq!((figures.operations, figures.per_second), (1_000, 500.0));
        assert_eq!(figures.cpu_us, Some(1.0));
        assert_eq!((figures.p50_us.round(), figures.p99_us.round()), (51.0, 100.0));
    }
}
