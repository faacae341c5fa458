//! The library alone: names in, answer out.

use std::{
    path::Path,
    process,
    time::{Duration, Instant},
};

use prokura::{
    Asked, Authority, Options, Permissionship, Provenance,
    model::{Change, Disposition, SubjectRef, TenantName},
};

use super::{
    Outcome,
    measure::{Figures, cpu_time},
    named,
    w1::{self, Docs, Question},
};

/// Relationships in one transaction while loading.
const BATCH: usize = 10_000;

/// An authority on disk that holds the organisation.
pub(crate) struct Loaded {
    authority: Authority,
    tenant: TenantName,
}

/// What loading cost.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) relationships: usize,
    /// Until every transaction was durable.
    pub(crate) took: Duration,
    /// What the index takes, names and both directions included.
    pub(crate) index_bytes: u64,
}

/// Writes the organisation to a new store in the folder.
pub(crate) fn load(docs: &Docs, folder: &Path) -> Outcome<Load> {
    let relationships = docs.relationships()?;
    let Loaded { authority, tenant } = open(folder)?;
    let provenance = || Provenance::new("bench", "workload w1");
    authority.write(&tenant, provenance(), vec![Change::SchemaWritten(w1::SCHEMA.to_owned())])?;
    let started = Instant::now();
    for batch in relationships.chunks(BATCH) {
        let changes = batch.iter().cloned().map(Change::touched).collect();
        authority.write(&tenant, provenance(), changes)?;
    }
    let took = started.elapsed();
    let index_bytes = authority.snapshot(&tenant)?.stats().bytes;
    authority.close();
    Ok(Load { relationships: relationships.len(), took, index_bytes })
}

pub(crate) fn open(folder: &Path) -> Outcome<Loaded> {
    let authority = Authority::open(folder, Options::default())?;
    Ok(Loaded { authority, tenant: TenantName::new("default")? })
}

impl Loaded {
    /// Lets somebody else open the folder.
    pub(crate) fn close(self) {
        self.authority.close();
    }
}

/// Checks without a record, on one thread.
pub(crate) fn checks(loaded: &Loaded, questions: &[Question], duration: Duration) -> Outcome<Figures> {
    let (names, questions) = named(questions)?;
    let questions: Vec<_> = questions
        .into_iter()
        .map(|question| (question.document, SubjectRef::Object(question.user), question.allowed))
        .collect();
    let snapshot = loaded.authority.snapshot(&loaded.tenant)?;
    let context = prokura::Context::new();
    let run = |(document, user, allowed): &(_, _, bool)| -> Outcome<bool> {
        let answer = snapshot.check(document, &names.view, user, &context)?;
        Ok((answer == Permissionship::Has) == *allowed)
    };
    measure("in process: check", &questions, duration, run)
}

/// Decisions, each recorded, on one thread.
pub(crate) fn decisions(loaded: &Loaded, questions: &[Question], duration: Duration) -> Outcome<Figures> {
    let (names, questions) = named(questions)?;
    let questions: Vec<_> = questions
        .into_iter()
        .map(|question| {
            let asked = prokura::Question {
                actor: question.user,
                delegation: None,
                permission: names.view.clone(),
                resource: question.document,
                context: prokura::Context::new(),
            };
            (asked, question.allowed)
        })
        .collect();
    let run = |(question, allowed): &(prokura::Question, bool)| -> Outcome<bool> {
        let decided = loaded.authority.decide(&loaded.tenant, question, Asked::by_library())?;
        Ok((decided.disposition() == Disposition::Allow) == *allowed)
    };
    measure("in process: decide, recorded", &questions, duration, run)
}

/// Asks all questions over and over: first for throughput and CPU, then once more with a clock around each.
fn measure<Q>(
    name: &str,
    questions: &[Q],
    duration: Duration,
    mut ask: impl FnMut(&Q) -> Outcome<bool>,
) -> Outcome<Figures> {
    let mut wrong = 0_u64;
    for question in questions {
        wrong += u64::from(!ask(question)?);
    }
    let cpu_before = cpu_time(process::id())?;
    let started = Instant::now();
    let mut asked = 0_u64;
    while started.elapsed() < duration {
        for question in questions {
            wrong += u64::from(!ask(question)?);
        }
        asked += questions.len() as u64;
    }
    let wall = started.elapsed();
    let cpu = cpu_time(process::id())?.saturating_sub(cpu_before);
    let mut latencies = Vec::with_capacity(questions.len());
    for question in questions {
        let started = Instant::now();
        wrong += u64::from(!ask(question)?);
        latencies.push(started.elapsed());
    }
    let sampled = Figures::new(name, wall, cpu, latencies, wrong);
    let operations = asked as f64;
    Ok(Figures {
        operations: asked,
        per_second: operations / wall.as_secs_f64(),
        cpu_us: cpu.as_secs_f64() * 1e6 / operations,
        ..sampled
    })
}
