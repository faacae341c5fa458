/// Whether the authority can do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Accepting writes. After a failed one it stops until the authority is opened again; reading goes on.
    pub writes: Condition,
    /// Recording decisions. After a failure no decision is answered until the authority is opened again.
    pub records: Condition,
    /// Writes waiting for the writer.
    pub writes_waiting: usize,
    /// Decisions waiting to be recorded.
    pub records_waiting: usize,
}

/// How a part of the authority is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It works.
    Working,
    /// It stopped, and why.
    Stopped(String),
}

impl Condition {
    /// Whether it works.
    #[must_use]
    pub fn is_working(&self) -> bool {
        *self == Self::Working
    }
}

impl Health {
    /// Whether decisions are answered and writes accepted.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.writes.is_working() && self.records.is_working()
    }
}
