//! The library alone: names in, answer out.

use std::{
    collections::BTreeSet,
    process, thread,
    time::{Duration, Instant},
};

use prokura::{
    Asked, Context, Permissionship, Question, ResourceLookup, SubjectLookup,
    model::{Change, Disposition, ObjectId, Relationship, SubjectRef},
};

use super::{
    Outcome,
    data::{Check, Names, lists::List},
    measure::{Figures, Sample, cpu_time, thread_cpu_time},
    store::Loaded,
};

/// Most operations that are each timed.
const TIMED_MAX: usize = 20_000;

/// Checks without a record, on one snapshot and one thread.
pub(crate) fn checks(id: &str, name: &str, loaded: &Loaded, checks: &[Check], duration: Duration) -> Outcome<Figures> {
    let snapshot = loaded.snapshot()?;
    let context = Context::new();
    let asked: Vec<_> = checks.iter().map(|check| (check, SubjectRef::Object(check.subject.clone()))).collect();
    let sample = measure(&asked, duration, |(check, subject)| {
        let answer = snapshot.check(&check.resource, &check.permission, subject, &context)?;
        Ok((answer == Permissionship::Has) == check.allowed)
    })?;
    Ok(Figures::new(id, name, sample))
}

/// The questions of actors on their own authority.
pub(crate) fn own_authority(checks: &[Check]) -> Vec<(Question, bool)> {
    let question = |check: &Check| Question {
        actor: check.subject.clone(),
        delegation: None,
        permission: check.permission.clone(),
        resource: check.resource.clone(),
        arguments: Context::new(),
        credential: None,
        tool_schema: None,
        context: Context::new(),
    };
    checks.iter().map(|check| (question(check), check.allowed)).collect()
}

/// Decisions, each with its witness and recorded, on one thread.
pub(crate) fn decisions(
    id: &str,
    name: &str,
    loaded: &Loaded,
    questions: &[(Question, bool)],
    duration: Duration,
) -> Outcome<Figures> {
    let sample = measure(questions, duration, |(question, allowed)| {
        let decided = loaded.authority.decide(&loaded.tenant, question, Asked::by_library())?;
        Ok((decided.disposition() == Disposition::Allow) == *allowed)
    })?;
    Ok(Figures::new(id, name, sample))
}

/// The same decisions without a record: what is asked of a past state is a preview.
pub(crate) fn previews(
    id: &str,
    name: &str,
    loaded: &Loaded,
    questions: &[(Question, bool)],
    duration: Duration,
) -> Outcome<Figures> {
    let past = loaded.past()?;
    let sample = measure(questions, duration, |(question, allowed)| {
        let decided = loaded.authority.decide_on(&past, question, Asked::by_library())?;
        Ok((decided.decision().disposition() == Disposition::Allow) == *allowed)
    })?;
    Ok(Figures::new(id, name, sample))
}

/// Writes of one relationship each, by one thread and by several at once.
pub(crate) fn writes(
    loaded: &Loaded,
    relationships: &[Relationship],
    in_flight: usize,
    duration: Duration,
) -> Outcome<Figures> {
    let sample = at_once(relationships, in_flight, duration, |relationship| {
        loaded.write(vec![Change::touched(relationship.clone())])?;
        Ok(true)
    })?;
    Ok(Figures::of("in_process_write", "in process: write of one relationship, durable", in_flight, 1, sample))
}

/// Decisions by so many threads at once of which each allow takes something, and so is one transaction with its record.
pub(crate) fn taking(
    loaded: &Loaded,
    questions: &[(Question, bool)],
    in_flight: usize,
    duration: Duration,
) -> Outcome<Figures> {
    let allowed: Vec<&Question> =
        questions.iter().filter(|(_, allowed)| *allowed).map(|(question, _)| question).collect();
    let sample = at_once(&allowed, in_flight, duration, |question| {
        let decided = loaded.authority.decide(&loaded.tenant, question, Asked::by_library())?;
        Ok(decided.disposition() == Disposition::Allow)
    })?;
    let name = "in process: decide, hops: 5, guard and budget, taken and durable";
    Ok(Figures::of("in_process_taken", name, in_flight, 1, sample))
}

/// Does something with each, over and over, by so many threads at once; it says whether it came out right.
fn at_once<T: Sync>(
    things: &[T],
    in_flight: usize,
    duration: Duration,
    act: impl Fn(&T) -> Outcome<bool> + Sync,
) -> Outcome<Sample> {
    let (cpu_before, started) = (cpu_time(process::id())?, Instant::now());
    let end = started + duration;
    let act = &act;
    let work = |first: usize| {
        let (mut latencies, mut wrong) = (Vec::new(), 0);
        for turn in 0.. {
            let now = Instant::now();
            if now >= end && !latencies.is_empty() {
                break;
            }
            let Some(thing) = things.get((first + turn * in_flight) % things.len().max(1)) else { break };
            wrong += u64::from(!act(thing)?);
            latencies.push(now.elapsed());
        }
        Outcome::Ok((latencies, wrong))
    };
    let (latencies, wrong) = thread::scope(|scope| {
        let workers: Vec<_> = (0..in_flight).map(|first| scope.spawn(move || work(first))).collect();
        let (mut latencies, mut wrong) = (Vec::new(), 0);
        for worker in workers {
            let (own, own_wrong) = worker.join().map_err(|_| "a thread that worked has panicked: this is a bug")??;
            latencies.extend(own);
            wrong += own_wrong;
        }
        Outcome::Ok((latencies, wrong))
    })?;
    Ok(Sample {
        wall: started.elapsed(),
        cpu: Some(cpu_time(process::id())?.saturating_sub(cpu_before)),
        calls: latencies.len() as u64,
        latencies,
        wrong,
        ..Sample::default()
    })
}

/// The list of resources, over and over, compared each time.
pub(crate) fn resources(loaded: &Loaded, list: &List, duration: Duration) -> Outcome<Figures> {
    let names = Names::new()?;
    let snapshot = loaded.snapshot()?;
    let lookup = ResourceLookup {
        kind: names.document,
        permission: names.view,
        subject: SubjectRef::Object(list.of.clone()),
        context: Context::new(),
    };
    let sample = listed(&list.right, duration, || {
        let found = snapshot.lookup_resources_all(&lookup)?;
        Ok(found.into_iter().map(|found| (Some(found.id), found.permissionship)).collect())
    })?;
    let (id, name) =
        (format!("in_process_resources_{}", list.size), format!("in process: list of {} resources", list.size));
    Ok(Figures::new(id, name, sample))
}

/// The list of subjects, over and over, compared each time.
pub(crate) fn subjects(loaded: &Loaded, list: &List, duration: Duration) -> Outcome<Figures> {
    let names = Names::new()?;
    let snapshot = loaded.snapshot()?;
    let lookup = SubjectLookup {
        resource: list.of.clone(),
        permission: names.view,
        kind: names.user,
        relation: None,
        context: Context::new(),
    };
    let sample = listed(&list.right, duration, || {
        let found = snapshot.lookup_subjects_all(&lookup)?;
        Ok(found.into_iter().map(|found| (found.id, found.permissionship)).collect())
    })?;
    let (id, name) =
        (format!("in_process_subjects_{}", list.size), format!("in process: list of {} subjects", list.size));
    Ok(Figures::new(id, name, sample))
}

/// What a list holds: ids, or everybody.
type Found = Vec<(Option<ObjectId>, Permissionship)>;

/// Latencies are of the lists alone; the CPU time has the comparison in it.
fn listed(right: &BTreeSet<String>, duration: Duration, list: impl Fn() -> Outcome<Found>) -> Outcome<Sample> {
    let mut sample = Sample::default();
    let (cpu_before, begin) = (cpu_time(process::id())?, Instant::now());
    while sample.latencies.is_empty() || begin.elapsed() < duration {
        let started = Instant::now();
        let found = list()?;
        sample.latencies.push(started.elapsed());
        // Both ascend.
        let same = found.len() == right.len()
            && found.iter().zip(right).all(|((id, permissionship), right)| {
                *permissionship == Permissionship::Has && id.as_ref().is_some_and(|id| id.as_str() == right)
            });
        sample.wrong += u64::from(!same);
    }
    sample.wall = begin.elapsed();
    sample.cpu = Some(cpu_time(process::id())?.saturating_sub(cpu_before));
    sample.calls = sample.latencies.len() as u64;
    Ok(sample)
}

/// Asks all questions over and over: first for throughput and CPU, then once more with a clock around each.
pub(crate) fn measure<Q>(
    questions: &[Q],
    duration: Duration,
    mut ask: impl FnMut(&Q) -> Outcome<bool>,
) -> Outcome<Sample> {
    if questions.is_empty() {
        return Err("there is nothing to ask: ask for more relationships, or more questions".into());
    }
    let mut sample = Sample::default();
    for question in questions {
        sample.wrong += u64::from(!ask(question)?);
    }
    let (cpu_before, own_before, started) = (cpu_time(process::id())?, thread_cpu_time()?, Instant::now());
    while sample.calls == 0 || started.elapsed() < duration {
        for question in questions {
            sample.wrong += u64::from(!ask(question)?);
        }
        sample.calls += questions.len() as u64;
    }
    sample.wall = started.elapsed();
    sample.caller_cpu = Some(thread_cpu_time()?.saturating_sub(own_before));
    sample.cpu = Some(cpu_time(process::id())?.saturating_sub(cpu_before));
    for question in questions.iter().take(TIMED_MAX) {
        let started = Instant::now();
        sample.wrong += u64::from(!ask(question)?);
        sample.latencies.push(started.elapsed());
    }
    Ok(sample)
}
