//! What recording a decision costs: the same questions decided and recorded, and decided only. Two processes' worth of work in
//! one program, so that `perf` or `callgrind` can look at either:
//!
//! ```text
//! cargo run --release -p prokura --example recording -- recorded 1000000
//! cargo run --release -p prokura --example recording -- decided 1000000
//! ```

use std::{error::Error, fs, process, time::Instant};

use prokura::{
    Asked, Authority, Context, Options, Provenance, Question,
    model::{Change, RelationName, SubjectRef, TenantName, Value},
};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SCHEMA: &str = "definition user {}
definition group {
    relation member: user
}
definition document {
    relation viewer: user | group#member
    permission view = viewer
}";

/// CPU time of all threads of this process so far, in microseconds.
fn cpu_us() -> Result<f64, Box<dyn Error>> {
    let mut nanoseconds = 0_u64;
    for thread in fs::read_dir(format!("/proc/{}/task", process::id()))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += text.split_whitespace().next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(nanoseconds as f64 / 1_000.0)
}

/// As AuthZEN's door asks: the words of the request go with the question.
fn asked(question: &Question) -> Asked {
    let entity = |kind: &str, id: &str| {
        Value::Map(
            [("id".to_owned(), Value::String(id.to_owned())), ("type".to_owned(), Value::String(kind.to_owned()))]
                .into(),
        )
    };
    let action = Value::Map([("name".to_owned(), Value::String(question.permission.as_str().to_owned()))].into());
    let request = [
        ("action".to_owned(), action),
        ("resource".to_owned(), entity(question.resource.kind.as_str(), question.resource.id.as_str())),
        ("subject".to_owned(), entity(question.actor.kind.as_str(), question.actor.id.as_str())),
    ];
    Asked {
        door: "authzen".to_owned(),
        enforcement_point: "key:gateway".to_owned(),
        request_id: None,
        span: None,
        request: Value::Map(request.into()),
        reserve_ms: None,
        place: None,
    }
}

#[expect(clippy::print_stdout, reason = "what it measures is for whoever runs it")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let recorded = match arguments.next().as_deref() {
        Some("recorded") => true,
        Some("decided") => false,
        _ => return Err("say `recorded` or `decided`, and how often".into()),
    };
    let rounds: usize = arguments.next().unwrap_or_else(|| "1000000".to_owned()).parse()?;
    let folder = tempfile::tempdir()?;
    let authority = Authority::open(folder.path(), Options::default())?;
    let tenant = TenantName::new("default")?;
    let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned())];
    for number in 0..1_000 {
        changes.push(Change::touched(format!("group:{number}#member@user:user-{number}").parse()?));
        changes.push(Change::touched(format!("document:document-{number}#viewer@group:{number}#member").parse()?));
    }
    authority.write(&tenant, Provenance::new("bench", "a thousand documents"), changes)?;
    let mut questions = Vec::new();
    for number in 0..1_000 {
        // Half of them are allowed.
        let document = number + number % 2;
        questions.push(Question {
            actor: format!("user:user-{number}").parse()?,
            delegation: None,
            permission: RelationName::new("view")?,
            resource: format!("document:document-{document}").parse()?,
            arguments: Context::new(),
            credential: None,
            tool_schema: None,
            context: Context::new(),
        });
    }
    let snapshot = authority.snapshot(&tenant)?;
    let (before, started) = (cpu_us()?, Instant::now());
    for question in questions.iter().cycle().take(rounds) {
        if recorded {
            authority.decide(&tenant, question, asked(question))?;
        } else {
            std::hint::black_box(asked(question));
            let subject = SubjectRef::Object(question.actor.clone());
            std::hint::black_box(snapshot.check(
                &question.resource,
                &question.permission,
                &subject,
                &question.context,
            )?);
        }
    }
    let wall = started.elapsed();
    // What is still in line is part of the cost.
    let page = prokura::Page { size: 1, after: None };
    authority.decisions(&tenant, &prokura::DecisionFilter::default(), &page)?;
    let cpu = cpu_us()? - before;
    println!(
        "{rounds} rounds: {:.3} µs CPU each, {:.0} a second",
        cpu / rounds as f64,
        rounds as f64 / wall.as_secs_f64()
    );
    let bytes = fs::metadata(folder.path().join("decisions.redb"))?.len();
    println!("decisions.redb: {:.0} bytes a round", bytes as f64 / rounds as f64);
    Ok(())
}
