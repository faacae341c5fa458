//! Clocks and figures: CPU time from the kernel's own accounts, and percentiles.

use std::{fs, io, time::Duration};

/// CPU time a process has used so far, all threads, living ones to the nanosecond.
///
/// # Errors
/// The process is gone, or this is not Linux.
pub(crate) fn cpu_time(process: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0_u64;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        // The first number of schedstat is the time spent on a CPU, in nanoseconds. A thread may end while we look.
        if let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) {
            nanoseconds += text.split_whitespace().next().and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    Ok(Duration::from_nanos(nanoseconds))
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

/// What a run of many equal operations came to.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Figures {
    /// What was measured.
    pub(crate) name: String,
    /// How many operations.
    pub(crate) operations: u64,
    /// Operations a second, by the wall clock.
    pub(crate) per_second: f64,
    /// CPU time of the process that answers, in microseconds an operation.
    pub(crate) cpu_us: f64,
    /// Half the operations took at most this long, in microseconds.
    pub(crate) p50_us: f64,
    /// 99 of 100 took at most this long, in microseconds.
    pub(crate) p99_us: f64,
    /// Answers that differ from the slow evaluator's. Anything but 0 voids the run.
    pub(crate) wrong: u64,
}

impl Figures {
    pub(crate) fn new(name: &str, wall: Duration, cpu: Duration, mut latencies: Vec<Duration>, wrong: u64) -> Self {
        latencies.sort_unstable();
        let operations = latencies.len().max(1) as f64;
        Self {
            name: name.to_owned(),
            operations: latencies.len() as u64,
            per_second: operations / wall.as_secs_f64().max(f64::MIN_POSITIVE),
            cpu_us: microseconds(cpu) / operations,
            p50_us: microseconds(percentile(&latencies, 50)),
            p99_us: microseconds(percentile(&latencies, 99)),
            wrong,
        }
    }
}

fn percentile(sorted: &[Duration], hundredths: usize) -> Duration {
    sorted.get(sorted.len().saturating_mul(hundredths) / 100).or_else(|| sorted.last()).copied().unwrap_or_default()
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
