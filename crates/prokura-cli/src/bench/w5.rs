//! W5: what is revoked is denied at once, and checks beside writes.

use std::{
    cell::RefCell,
    fs::File,
    io::Write as _,
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

use clap::Args;
use prokura::{
    Context, Permissionship,
    model::{Change, NameError, Relationship, SubjectRef},
};

use super::{
    Outcome, Run,
    data::{Check, Names, docs::Docs, edge, reference::Reference},
    drive::{Answered, drive, runtime},
    grpc::Talk,
    measure::{Figures, Sample},
    processes::{KEY, Target},
    results::{Ratio, Results},
    store::{Loaded, Store},
    w1::WRITES_IN_FLIGHT,
};

/// Of so many operations one is a write, the others are checks.
const ONE_WRITE_IN: usize = 10;

/// Revoke and check at once, and checks beside writes
#[derive(Args, Clone, Debug)]
pub(crate) struct W5 {
    /// About how many relationships the organisation has
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2_000..=10_000_000))]
    pub(crate) relationships: u32,
    /// How many distinct questions are asked beside writes, allowed and denied in turn
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub(crate) questions: usize,
}

/// One relationship that everything hangs on, and the question that shows it.
struct HangingPath {
    hangs_on: Relationship,
    check: Check,
}

/// Paths of three kinds that are given and taken: a grant, a membership, a place in a folder.
struct Paths {
    /// What stays.
    fixed: Vec<Relationship>,
    names: Names,
}

impl Paths {
    fn new() -> Result<Self, NameError> {
        let names = Names::new()?;
        let fixed = vec![
            edge(names.document("by-group")?, &names.viewer, names.members_of("revoked")?),
            edge(names.folder("revoked")?, &names.viewer, names.user("by-folder")?),
        ];
        Ok(Self { fixed, names })
    }

    /// The path of this number; paths of different numbers have nothing in common that changes.
    fn path(&self, number: usize) -> Result<HangingPath, NameError> {
        let names = &self.names;
        let own = format!("revoked{number}");
        let (hangs_on, resource, subject) = match number % 3 {
            0 => {
                let (document, user) = (names.document(&own)?, names.user(&own)?);
                (edge(document.clone(), &names.viewer, user.clone()), document, user)
            }
            1 => {
                let user = names.user(&own)?;
                (edge(names.group("revoked")?, &names.member, user.clone()), names.document("by-group")?, user)
            }
            _ => {
                let document = names.document(&own)?;
                (edge(document.clone(), &names.parent, names.folder("revoked")?), document, names.user("by-folder")?)
            }
        };
        Ok(HangingPath { hangs_on, check: Check { resource, permission: names.view.clone(), subject, allowed: false } })
    }
}

/// What was answered, and what the slow evaluator says.
#[derive(Clone, Copy)]
struct Compared {
    answer: bool,
    right: bool,
}

impl Compared {
    fn with(reference: &Reference, check: &Check, answer: bool) -> Self {
        Self { answer, right: reference.may_view(&check.subject, &check.resource) }
    }
}

/// What was counted over all rounds.
#[derive(Default)]
struct Rounds {
    revoke: Sample,
    check: Sample,
    both: Sample,
    stale: u64,
}

impl Rounds {
    /// An answer while the path is there.
    fn given(&mut self, Compared { answer, right }: Compared) {
        self.check.wrong += u64::from(answer != right);
    }

    /// An answer just after the path was taken away.
    fn revoked(&mut self, revoke: Duration, check: Duration, Compared { answer, right }: Compared) {
        self.stale += u64::from(answer && !right);
        self.check.wrong += u64::from(answer != right);
        self.revoke.latencies.push(revoke);
        self.check.latencies.push(check);
        self.both.latencies.push(revoke + check);
    }

    fn into_results(mut self, prefix: &str, name: &str, wall: Duration, results: &mut Results) {
        results.stale += self.stale;
        for (part, what, sample) in [
            ("revoke", "revoke, durable", &mut self.revoke),
            ("check_after_revoke", "check just after", &mut self.check),
            ("revoke_then_check", "revoke, then check", &mut self.both),
        ] {
            let sample = Sample { wall, calls: sample.latencies.len() as u64, ..std::mem::take(sample) };
            results.figures.push(Figures::new(format!("{prefix}_{part}"), format!("{name}{what}"), sample));
        }
    }
}

impl W5 {
    pub(crate) fn run(&self, run: &Run) -> Outcome<Results> {
        let step = run.progress.step("making the organisation and its questions");
        let docs = Docs::generate(self.relationships);
        let questions = docs.uniform(self.questions)?;
        let paths = Paths::new()?;
        let mut world = docs.world()?;
        world.relationships.extend(paths.fixed.iter().cloned());
        drop(step);
        let mut results = run.begun("w5", self.relationships, &world, &questions);
        if let Some(peer) = run.peer.target()? {
            results.load = run.load_peer(&peer, &world)?;
            revoke_over_the_wire(run, &peer, &peer, &paths, &mut results)?;
            mixed(run, &peer, &peer, &questions, &mut results)?;
            return Ok(results);
        }
        let store = Store::holding(world, run.progress)?;
        results.load = Some(store.load);
        let step = run.progress.step("in process: revoke, then check");
        results.figures.push(fsync(store.folder(), run.duration)?);
        let loaded = store.open()?;
        revoke_in_process(run, &loaded, &paths, &mut results)?;
        loaded.close();
        drop(step);
        let server = store.serve()?;
        let (writer, reader) = (server.target(KEY), store.unrecorded(&server));
        revoke_over_the_wire(run, &writer, &reader, &paths, &mut results)?;
        mixed(run, &writer, &reader, &questions, &mut results)?;
        Ok(results)
    }
}

/// What the disk alone takes for 4 KiB more.
fn fsync(folder: &Path, duration: Duration) -> Outcome<Figures> {
    let path = folder.join("fsync.bench");
    let mut file = File::create_new(&path)?;
    let (mut sample, begin) = (Sample::default(), Instant::now());
    while sample.latencies.is_empty() || begin.elapsed() < duration / 5 {
        let started = Instant::now();
        file.write_all(&[0x5a; 4_096])?;
        file.sync_data()?;
        sample.latencies.push(started.elapsed());
    }
    sample.wall = begin.elapsed();
    sample.calls = sample.latencies.len() as u64;
    std::fs::remove_file(path)?;
    Ok(Figures::new("fsync", "the disk alone: append 4 KiB and flush", sample))
}

fn revoke_in_process(run: &Run, loaded: &Loaded, paths: &Paths, results: &mut Results) -> Outcome<()> {
    let context = Context::new();
    let mut reference = Reference::of(&paths.fixed);
    let mut rounds = Rounds::default();
    let begin = Instant::now();
    let check = |check: &Check| -> Outcome<(bool, Duration)> {
        let started = Instant::now();
        let subject = SubjectRef::Object(check.subject.clone());
        let answer = loaded.snapshot()?.check(&check.resource, &check.permission, &subject, &context)?;
        Ok((answer == Permissionship::Has, started.elapsed()))
    };
    for number in 0.. {
        if number > 2 && begin.elapsed() >= run.duration {
            break;
        }
        let path = paths.path(number)?;
        loaded.write(vec![Change::touched(path.hangs_on.clone())])?;
        reference.touch(&path.hangs_on);
        rounds.given(Compared::with(&reference, &path.check, check(&path.check)?.0));

        let started = Instant::now();
        loaded.write(vec![Change::RelationshipDeleted(path.hangs_on.clone())])?;
        let revoke = started.elapsed();
        let (answer, took) = check(&path.check)?;
        reference.delete(&path.hangs_on);
        rounds.revoked(revoke, took, Compared::with(&reference, &path.check, answer));
    }
    rounds.into_results("in_process", "in process: ", begin.elapsed(), results);
    Ok(())
}

fn revoke_over_the_wire(
    run: &Run,
    writer: &Target,
    reader: &Target,
    paths: &Paths,
    results: &mut Results,
) -> Outcome<()> {
    let _step = run.progress.step("gRPC: revoke, then check");
    let mut reference = Reference::of(&paths.fixed);
    let mut rounds = Rounds::default();
    let begin = Instant::now();
    runtime()?.block_on(async {
        let (mut writing, mut asking) = (Talk::with(writer).await?, Talk::with(reader).await?);
        for number in 0.. {
            if number > 2 && begin.elapsed() >= run.duration {
                break;
            }
            let path = paths.path(number)?;
            writing.touch(&path.hangs_on).await?;
            reference.touch(&path.hangs_on);
            let (answer, _) = asking.check(&path.check).await?;
            rounds.given(Compared::with(&reference, &path.check, answer));

            let revoke = writing.delete(&path.hangs_on).await?;
            let (answer, took) = asking.check(&path.check).await?;
            reference.delete(&path.hangs_on);
            rounds.revoked(revoke, took, Compared::with(&reference, &path.check, answer));
        }
        Outcome::Ok(())
    })?;
    rounds.into_results("grpc", "gRPC: ", begin.elapsed(), results);
    Ok(())
}

/// What the workers of a mix share.
#[derive(Default)]
struct Shared {
    writes: Vec<Duration>,
    stale: u64,
}

/// Checks alone, and the same beside writes.
fn mixed(run: &Run, writer: &Target, reader: &Target, questions: &[Check], results: &mut Results) -> Outcome<()> {
    let _step = run.progress.step("gRPC: checks beside writes");
    let questions: Rc<[Check]> = questions.into();
    let quiet = checking(run, writer, reader, &questions, false)?.0;
    let (beside, shared) = checking(run, writer, reader, &questions, true)?;
    results.stale += shared.stale;
    let wall = beside.wall;
    let of = |id: &str, name: &str, sample| Figures::of(id, name, WRITES_IN_FLIGHT, 1, sample);
    let quiet = of("grpc_mix_check_quiet", "gRPC check, no writes", quiet);
    let beside = of("grpc_mix_check", "gRPC check, 10 % writes beside", beside);
    let writes = Sample { wall, calls: shared.writes.len() as u64, latencies: shared.writes, ..Sample::default() };
    results.ratios.push(Ratio {
        id: "grpc_mix_check_p99".to_owned(),
        name: "p99: checks with 10 % writes beside / without".to_owned(),
        value: beside.p99_us / quiet.p99_us,
    });
    results.figures.extend([quiet, beside, of("grpc_mix_write", "gRPC write, durable, 90 % checks beside", writes)]);
    Ok(())
}

/// Sixteen workers. Where they write, each gives and takes a relationship of its own, and looks at once what has become of it.
fn checking(
    run: &Run,
    writer: &Target,
    reader: &Target,
    questions: &Rc<[Check]>,
    writes: bool,
) -> Outcome<(Sample, Shared)> {
    let paths = Rc::new(Paths::new()?);
    let shared = Rc::new(RefCell::new(Shared::default()));
    let sample = runtime()?.block_on(async {
        let mut workers = Vec::new();
        for number in 0..WRITES_IN_FLIGHT {
            let (mut writing, mut asking) = (Talk::with(writer).await?, Talk::with(reader).await?);
            let (questions, shared) = (Rc::clone(questions), Rc::clone(&shared));
            // Numbers far from those of the rounds before.
            let HangingPath { hangs_on, mut check } = paths.path(1_000_000_000 + number)?;
            let first = number * questions.len() / WRITES_IN_FLIGHT;
            workers.push(async move |turn: usize| -> Outcome<Answered> {
                if writes && turn.is_multiple_of(ONE_WRITE_IN - 1) {
                    check.allowed = !check.allowed;
                    let took =
                        if check.allowed { writing.touch(&hangs_on).await? } else { writing.delete(&hangs_on).await? };
                    shared.borrow_mut().writes.push(took);
                    let (answer, took) = asking.check(&check).await?;
                    shared.borrow_mut().stale += u64::from(answer && !check.allowed);
                    return Ok(Answered { took, wrong: u64::from(answer != check.allowed) });
                }
                let Some(check) = questions.get((first + turn) % questions.len().max(1)) else {
                    return Err("there is nothing to ask: ask for more relationships, or more questions".into());
                };
                let (answer, took) = asking.check(check).await?;
                Ok(Answered { took, wrong: u64::from(answer != check.allowed) })
            });
        }
        drive(reader, workers, run.duration).await
    })?;
    let shared = std::mem::take(&mut *shared.borrow_mut());
    Ok((sample, shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_path_opens_with_its_relationship_and_closes_without() {
        let paths = Paths::new().expect("legal names");
        let mut reference = Reference::of(&paths.fixed);
        for number in 0..6 {
            let HangingPath { hangs_on, check } = paths.path(number).expect("legal names");
            assert!(!reference.may_view(&check.subject, &check.resource), "{number}");
            reference.touch(&hangs_on);
            assert!(reference.may_view(&check.subject, &check.resource), "{number}");
            reference.delete(&hangs_on);
            assert!(!reference.may_view(&check.subject, &check.resource), "{number}");
        }
    }

    #[test]
    fn an_allow_after_its_revocation_is_counted_as_stale_and_as_wrong() {
        let mut rounds = Rounds::default();
        let moment = Duration::from_micros(1);
        rounds.given(Compared { answer: true, right: true });
        rounds.revoked(moment, moment, Compared { answer: false, right: false });
        assert_eq!((rounds.stale, rounds.check.wrong), (0, 0));
        rounds.revoked(moment, moment, Compared { answer: true, right: false });
        assert_eq!((rounds.stale, rounds.check.wrong), (1, 1));
    }
}
