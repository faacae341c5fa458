//! Scenarios of our own: steps with what is written, what is asked then, and the right answers.

mod approving;
mod asking;
mod entries;
mod may;
mod same;

use std::{
    fmt::Display,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use prokura::{Asked, Authority, Clock, Options, Provenance, Question, Snapshot};
use prokura_model::{Change, DelegationId, EndorsementId, PrincipalState, TaskId, TenantName, Timestamp};
use serde::Deserialize;

use self::{
    approving::{ApproveEntry, Approving},
    asking::{AskEntry, Found},
    entries::Step,
    may::MayEntry,
    same::same,
};
use super::{Places, Report, Wrong};
use crate::{
    failure::Failure,
    source::{Mistake, Source},
};

/// What is read first: the steps of one that is forged hold what only evaluators are told.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Head {
    forged: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Scenario {
    #[serde(rename = "about")]
    _about: String,
    #[serde(rename = "forged")]
    _forged: bool,
    steps: Vec<Step>,
}

/// What a step writes, when, and what is approved then.
#[derive(Clone, Debug)]
struct Written {
    /// Which step, from 1.
    step: usize,
    now: Timestamp,
    changes: Vec<Change>,
    approvals: Vec<Approving>,
}

/// What happened so far.
enum Event {
    Wrote(Written),
    /// An allow took something.
    Took(Box<Question>, Timestamp),
}

/// An authority that has what was written so far, at a moment.
struct Played {
    authority: Authority,
    tenant: TenantName,
    clock: Arc<AtomicU64>,
    /// How much of what happened it has.
    done: usize,
}

pub(super) fn played(source: &Source, report: &mut Report) -> Result<(), Failure> {
    if crate::apply::yaml::<Head>(source)?.forged {
        report.left_out = Some("forged: no writer stores it, so that only evaluators can be asked".to_owned());
        return Ok(());
    }
    let scenario: Scenario = crate::apply::yaml(source)?;
    let mut places = Places::new(source);
    let mut now = Timestamp(0);
    let mut history = Vec::new();
    let mut playing = Played::new()?;
    for (number, step) in scenario.steps.iter().enumerate() {
        let at = places.from;
        let step_written = step.written(number + 1, &mut now).map_err(|message| invalid(&places, at, message))?;
        report.relationships += step.relationships.lines().filter(|line| !line.trim().is_empty()).count();
        history.push(Event::Wrote(step_written));
        playing = playing.at(now, &history)?;
        for ask in &step.ask {
            let asked = ask.text();
            let line = places.line_of(ask.place());
            let at = places.from;
            let moment = ask.moment(now).map_err(|message| invalid(&places, at, message))?;
            playing = playing.at(moment, &history)?;
            let found = ask.answered(&playing).map_err(|message| invalid(&places, at, message))?;
            let Some(found) = found else { continue };
            history.extend(found.took.map(|question| Event::Took(question, moment)));
            if ask.expect.split(" | ").any(|expected| same(expected, &found.answer, ask.is_list())) {
                report.passed += 1;
            } else {
                let Found { answer, explanation, .. } = found;
                report.failures.push(Wrong { line, asked, expected: ask.expect.clone(), found: answer, explanation });
            }
        }
        for may in &step.may {
            let line = places.line_of(may.place());
            let at = places.from;
            // What is tried here is not there for the next.
            let trial = Played::new()?.at(now, &history)?;
            let found = may.answered(&trial).map_err(|message| invalid(&places, at, message))?;
            if found == may.expect {
                report.passed += 1;
            } else {
                let (asked, expected) = (may.text(), may.expect.clone());
                let (found, explanation) = (found.to_owned(), String::new());
                report.failures.push(Wrong { line, asked, expected, found, explanation });
            }
        }
    }
    Ok(())
}

fn invalid(places: &Places<'_>, at: usize, message: String) -> Failure {
    let source = places.source;
    // The words of the mistake name the text; where that stands says more than where its step begins.
    let named = message.split('`').nth(1).filter(|named| !named.is_empty());
    let at = named.and_then(|named| source.text.get(at..)?.find(named).map(|found| at + found)).unwrap_or(at);
    source.failure("scenario_invalid", &[Mistake { span: at..at, message, help: None, file: None }])
}

impl Played {
    fn new() -> Result<Self, Failure> {
        let clock = Arc::new(AtomicU64::new(0));
        let read = Arc::clone(&clock);
        let options =
            Options { clock: Clock::new(move || Timestamp(read.load(Ordering::Acquire))), ..Options::default() };
        let tenant = TenantName::new("default").map_err(|error| Failure::new("internal", error.to_string()))?;
        Ok(Self { authority: Authority::in_memory(options), tenant, clock, done: 0 })
    }

    /// Everything that happened, each at its own time, and then this moment. Time never goes back, so that an earlier one
    /// needs a fresh start; what was taken after it is not there then.
    fn at(mut self, moment: Timestamp, history: &[Event]) -> Result<Self, Failure> {
        let fresh = moment < Timestamp(self.clock.load(Ordering::Acquire));
        if fresh {
            self = Self::new()?;
        }
        for event in history.iter().skip(self.done) {
            match event {
                Event::Wrote(written) => self.write(written)?,
                Event::Took(question, at) if fresh && *at <= moment => {
                    self.clock.fetch_max(at.0, Ordering::AcqRel);
                    // It was allowed, and is again.
                    let again = self.authority.decide(&self.tenant, question, Asked::by_library());
                    again.map_err(|error| Failure::new(error.code(), error.to_string()))?;
                }
                Event::Took(..) => {}
            }
        }
        self.done = history.len();
        self.clock.store(moment.0, Ordering::Release);
        Ok(self)
    }

    fn write(&self, Written { step, now, changes, approvals }: &Written) -> Result<(), Failure> {
        let failed =
            |error: &prokura::WriteError| Failure::new(error.code(), format!("step {step} cannot be written: {error}"));
        self.clock.store(now.0, Ordering::Release);
        if !changes.is_empty() {
            let provenance = Provenance::new("prokura test", "");
            self.authority.write(&self.tenant, provenance, changes.clone()).map_err(|error| failed(&error))?;
        }
        for approval in approvals {
            approval.give(&self.authority, &self.tenant).map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Snapshot, String> {
        self.authority.snapshot(&self.tenant).map_err(|error| error.to_string())
    }

    /// Whether anybody may not act: then the library's lists, which leave such out, answer another question than the graph.
    fn anybody_stopped(&self) -> bool {
        let page = prokura::Page::first(1_000);
        let found = self.snapshot().ok().and_then(|snapshot| snapshot.principals(&page).ok());
        found.is_some_and(|found| found.entries.iter().any(|entry| entry.state != PrincipalState::Active))
    }
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("`{text}`: {error}"))
}

fn task_id(text: &str) -> Result<TaskId, String> {
    TaskId::new(text).ok_or_else(|| format!("`{text}` is no task id"))
}

fn endorsement_id(text: &str) -> Result<EndorsementId, String> {
    EndorsementId::new(text).ok_or_else(|| format!("`{text}` is no endorsement id"))
}

fn delegation_id(text: &str) -> Result<DelegationId, String> {
    DelegationId::new(text).ok_or_else(|| format!("`{text}` is no delegation id"))
}
