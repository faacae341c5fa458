//! How many instructions an answer takes, on the paths that matter: a number that is the same on a busy machine, so a test
//! can hold it.
//!
//! Each path runs under valgrind's callgrind, which counts only what happens inside the function that asks. The counts are
//! compared with those in `recorded.txt`; more than [`TOLERANCE`] above is a failure, and as much below asks for the record to
//! be written anew: `cargo bench --package prokura --bench hot -- --update`.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for whoever changes the engine: what goes wrong ends it with a word on what"
)]

mod chains;
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
const TOLERANCE: u64 = 5;

/// How many questions a path asks.
const QUESTIONS: u32 = 2_000;

/// What is counted.
struct Counted {
    name: &'static str,
    /// The function inside of which it is counted, as callgrind matches names.
    inside: &'static str,
    /// How many things the count is divided by.
    things: fn(&World) -> usize,
    ask: fn(&World),
}

const PATHS: [Counted; 5] = [
    Counted { name: "check", inside: "hot::counted", things: questions, ask: checks },
    Counted { name: "check-with-exclusion", inside: "hot::counted", things: questions, ask: exclusions },
    // The part of whoever asks: deciding, and handing the record over.
    Counted { name: "decide", inside: "hot::counted", things: questions, ask: decisions },
    Counted {
        name: "decide-five-hops",
        inside: "hot::counted",
        things: |_| chains::questions(),
        ask: |_| chains::decisions(),
    },
    // Making the world is what writes it.
    Counted { name: "write-into-index", inside: "*Index::apply", things: |world| world.relationships, ask: |_| {} },
];

struct World {
    relationships: usize,
    authority: Authority,
    tenant: TenantName,
    pairs: Vec<Pair>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |name: &str| arguments.iter().position(|argument| argument == name);
    if let Some(name) = asked("--path").and_then(|at| arguments.get(at + 1)) {
        let path = PATHS.iter().find(|path| path.name == name).expect("a path of that name");
        let world = World::new();
        (path.ask)(&world);
        println!("{}", (path.things)(&world));
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("valgrind is not installed, and without it nothing is counted; `make tools` installs it");
        return ExitCode::FAILURE;
    }
    let counted = PATHS.map(|path| (path.name, count(&path)));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/hot/recorded.txt");
    if asked("--update").is_some() {
        let lines: Vec<String> = counted.iter().map(|(name, count)| format!("{name} {count}\n")).collect();
        fs::write(&file, compiler() + &lines.concat()).expect("the record can be written");
    }
    judge(&counted, &file)
}

/// The compiler, as it says itself: another one makes other instructions.
fn compiler() -> String {
    let said = Command::new("rustc").arg("--version").output().expect("the compiler says its version");
    String::from_utf8_lossy(&said.stdout).into_owned()
}

/// Prints every count beside the recorded one.
fn judge(counted: &[(&str, u64)], file: &Path) -> ExitCode {
    let text = fs::read_to_string(file).unwrap_or_default();
    let recorded: BTreeMap<&str, u64> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, count)| Some((name, count.parse().ok()?)))
        .collect();
    let same = text.starts_with(&compiler());
    if !same {
        println!("recorded with another compiler, so nothing is judged: {}", text.lines().next().unwrap_or_default());
    }
    let mut code = ExitCode::SUCCESS;
    for (name, count) in counted {
        let (held, verdict) = match recorded.get(name) {
            None => (false, "no count is recorded: run with --update"),
            Some(before) if *count * 100 > before * (100 + TOLERANCE) => (false, "MORE than recorded: find out why"),
            Some(before) if *count * 100 < before * (100 - TOLERANCE) => {
                (true, "less than recorded: run with --update")
            }
            Some(_) => (true, "as recorded"),
        };
        if same && !held {
            code = ExitCode::FAILURE;
        }
        let before = recorded.get(name).copied().unwrap_or_default();
        println!("{name:<24} {count:>8} instructions, {before:>8} recorded: {verdict}");
    }
    code
}

/// Runs one path under callgrind, and says how many instructions one thing took.
fn count(path: &Counted) -> u64 {
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("callgrind.{}", path.name));
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={}", path.inside))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().expect("the path of this program"))
        .args(["--path", path.name])
        .output()
        .expect("valgrind runs");
    assert!(run.status.success(), "{}: {}", path.name, String::from_utf8_lossy(&run.stderr));
    let things = String::from_utf8_lossy(&run.stdout).trim().parse::<u64>().expect("how many there were");
    let text = fs::read_to_string(&out).expect("callgrind's report");
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).expect("a total in it");
    total.trim().parse::<u64>().expect("a number") / things.max(1)
}

impl World {
    fn new() -> Self {
        let authority = Authority::in_memory(Options::default());
        let tenant = TenantName::new("default").expect("a name");
        let written = prokura::model::Change::SchemaWritten(world::SCHEMA.to_owned());
        authority.write(&tenant, provenance(), vec![written]).expect("it is written");
        let relationships = relationships();
        let count = relationships.len();
        authority.write(&tenant, provenance(), relationships).expect("they are written");
        Self { relationships: count, authority, tenant, pairs: pairs(QUESTIONS) }
    }

    fn snapshot(&self) -> Snapshot {
        self.authority.snapshot(&self.tenant).expect("there is one")
    }
}

fn provenance() -> Provenance {
    Provenance::new("bench", "counting")
}

fn questions(world: &World) -> usize {
    world.pairs.len()
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
            arguments: Context::new(),
            credential: None,
            tool_schema: None,
            context: Context::new(),
        };
        counted(|| world.authority.decide(&world.tenant, &question, Asked::by_library())).expect("a decision");
    }
}

/// What is counted: callgrind looks for the name of this function.
#[inline(never)]
fn counted<T>(ask: impl FnOnce() -> T) -> T {
    black_box(ask())
}
