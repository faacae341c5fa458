//! How far a run is, for a person who waits: a bar at a terminal, a line elsewhere, nothing beside JSON.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::remark;

/// Whether and how a run tells how far it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    told: bool,
    drawn: bool,
}

/// A step that is going on. It is over when this is dropped.
pub(crate) struct Step(ProgressBar);

impl Progress {
    pub(crate) fn new(json: bool) -> Self {
        Self { told: !json, drawn: !json && io::stderr().is_terminal() }
    }

    /// A step whose end is not known beforehand.
    pub(crate) fn step(self, name: &str) -> Step {
        self.begun(name, ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}")
    }

    /// A step of so many parts.
    pub(crate) fn parts(self, name: &str, parts: usize) -> Step {
        self.begun(name, ProgressBar::new(parts as u64), "{bar:30} {percent}% {msg} {elapsed}, {eta} to go")
    }

    fn begun(self, name: &str, bar: ProgressBar, template: &str) -> Step {
        if !self.drawn {
            if self.told {
                remark(name);
            }
            return Step(ProgressBar::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Step(bar)
    }
}

impl Step {
    /// So many parts more are done.
    pub(crate) fn done(&self, parts: usize) {
        self.0.inc(parts as u64);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
