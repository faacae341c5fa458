//! How many instructions an answer takes, on the paths that matter: a number that is the same on a busy machine, so a test
//! can hold it.
//!
//! Each path runs under valgrind's callgrind, which counts only what happens inside the function that asks. The counts are
//! compared with those in `recorded.txt`; more than [`TOLERANCE`] above is a failure, and as much below asks for the record to
//! be written anew: `cargo bench --package prokura --bench hot -- --update`.

mod world;

use std::{
    collections::BTreeMap,
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use prokura::{Asked, Authority, Context, Options, Permissionship, Provenance, Question, Snapshot, model::TenantName};

use self::world::{Pair, pairs, relation, relationships};

/// How far a count may be from the recorded one, in hundredths: hash keys are random, so a probe more or less is normal.
const TOLERANCE: u64 = 3;

/// How many questions a path asks. The count is divided by it.
const QUESTIONS: u32 = 2_000;

/// Every path: its name, and what asks.
const PATHS: [(&str, fn(&World)); 4] =
    [("check", checks), ("check-with-exclusion", exclusions), ("decide-recorded", decisions), ("write-one", writes)];

struct World {
    authority: Authority,
    tenant: TenantName,
    pairs: Vec<Pair>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |name: &str| arguments.iter().position(|argument| argument == name);
    if let Some(path) = asked("--path").and_then(|at| arguments.get(at + 1)) {
        let (_, ask) = PATHS.iter().find(|(name, _)| name == path).expect("a path of that name");
        ask(&World::new());
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("valgrind is not installed, and without it nothing is counted; `make tools` installs it");
        return ExitCode::FAILURE;
    }
    let counted = PATHS.map(|(name, _)| (name, count(name)));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/hot/recorded.txt");
    if asked("--update").is_some() {
        let lines: Vec<String> = counted.iter().map(|(name, count)| format!("{name} {count}\n")).collect();
        fs::write(&file, lines.concat()).expect("the record can be written");
    }
    judge(&counted, &file)
}

/// Prints every count beside the recorded one.
fn judge(counted: &[(&str, u64)], file: &Path) -> ExitCode {
    let text = fs::read_to_string(file).unwrap_or_default();
    let recorded: BTreeMap<&str, u64> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, count)| Some((name, count.parse().ok()?)))
        .collect();
    let mut code = ExitCode::SUCCESS;
    for (name, count) in counted {
        let verdict = match recorded.get(name) {
            None => "no count is recorded: run with --update",
            Some(before) if *count * 100 > before * (100 + TOLERANCE) => "MORE than recorded: find out why",
            Some(before) if *count * 100 < before * (100 - TOLERANCE) => "less than recorded: run with --update",
            Some(_) => "as recorded",
        };
        if verdict != "as recorded" {
            code = ExitCode::FAILURE;
        }
        let before = recorded.get(name).copied().unwrap_or_default();
        println!("{name:<24} {count:>8} instructions, {before:>8} recorded: {verdict}");
    }
    code
}

/// Runs one path under callgrind, and says how many instructions a question took.
fn count(path: &str) -> u64 {
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("callgrind.{path}"));
    let mut options = "--tool=callgrind --collect-atstart=no --toggle-collect=*counted*".to_owned();
    options += &format!(" --callgrind-out-file={}", out.display());
    let run = Command::new("valgrind")
        .args(options.split(' '))
        .arg(std::env::current_exe().expect("the path of this program"))
        .args(["--path", path])
        .output()
        .expect("valgrind runs");
    assert!(run.status.success(), "{path}: {}", String::from_utf8_lossy(&run.stderr));
    let text = fs::read_to_string(&out).expect("callgrind's report");
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).expect("a total in it");
    total.trim().parse::<u64>().expect("a number") / u64::from(QUESTIONS)
}

impl World {
    fn new() -> Self {
        let authority = Authority::in_memory(Options::default());
        let tenant = TenantName::new("default").expect("a name");
        let written = prokura::model::Change::SchemaWritten(world::SCHEMA.to_owned());
        let changes = std::iter::once(written).chain(relationships()).collect();
        authority.write(&tenant, provenance(), changes).expect("it is written");
        Self { authority, tenant, pairs: pairs(QUESTIONS) }
    }

    fn snapshot(&self) -> Snapshot {
        self.authority.snapshot(&self.tenant).expect("there is one")
    }
}

fn provenance() -> Provenance {
    Provenance::new("bench", "counting")
}

fn checks(world: &World) {
    check(world, "view");
}

fn exclusions(world: &World) {
    check(world, "read");
}

fn check(world: &World, permission: &str) {
    let (snapshot, permission, context) = (world.snapshot(), relation(permission), Context::new());
    let mut allowed = 0;
    for pair in &world.pairs {
        let subject = pair.subject();
        let ask = || snapshot.check(&pair.document, &permission, &subject, &context);
        allowed += u32::from(counted(ask).expect("an answer") == Permissionship::Has);
    }
    assert!(allowed > 0, "some are allowed");
}

fn decisions(world: &World) {
    for pair in &world.pairs {
        let question = Question {
            actor: pair.user.clone(),
            delegation: None,
            permission: relation("view"),
            resource: pair.document.clone(),
            context: Context::new(),
        };
        counted(|| world.authority.decide(&world.tenant, &question, Asked::by_library())).expect("a decision");
    }
}

/// What the caller's thread does for a write is little; the writer's own is not counted.
fn writes(world: &World) {
    for pair in &world.pairs {
        let text = format!("{}#viewer@{}", pair.document, pair.user);
        let change = prokura::model::Change::touched(text.parse().expect("a relationship"));
        counted(|| world.authority.write(&world.tenant, provenance(), vec![change.clone()])).expect("written");
    }
}

/// What is counted: callgrind looks for the name of this function.
#[inline(never)]
fn counted<T>(ask: impl FnOnce() -> T) -> T {
    black_box(ask())
}
