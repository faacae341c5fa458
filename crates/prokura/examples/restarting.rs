//! What opening a store costs, from its checkpoint and without one:
//!
//! ```text
//! cargo run --release -p prokura --example restarting -- make FOLDER 10000000
//! cargo run --release -p prokura --example restarting -- open FOLDER
//! ```
//!
//! Take the file `checkpoint` out of the folder, and the whole log is taken in.

#![expect(clippy::print_stdout, reason = "an example says what it found")]

use std::{error::Error, fs, path::Path, time::Instant};

use prokura::{
    Authority, Options, Provenance,
    model::{Change, TenantName},
};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SCHEMA: &str = "definition user {}
definition group {
    relation member: user
}
definition folder {
    relation viewer: group#member
    permission view = viewer
}
definition document {
    relation parent: folder
    relation viewer: user
    permission view = viewer + parent->view
}";

const BATCH: u64 = 10_000;

/// Half of them make documents: each its folder, and three who may view it. Half are members of groups.
fn relationship(number: u64, of: u64) -> String {
    // Scatters what would otherwise be written in the order it is asked about.
    let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let (documents, users) = (of / 8, of / 10);
    match number % 8 {
        0 => format!("document:doc-{:08}#parent@folder:f-{}", number / 8, scattered % (documents / 20 + 1)),
        1..4 => format!("document:doc-{:08}#viewer@user:u-{:08}", number / 8, scattered % users),
        _ => format!("group:team-{}#member@user:u-{:08}", scattered % (users / 20 + 1), scattered / 7 % users),
    }
}

fn make(folder: &Path, relationships: u64) -> Result<(), Box<dyn Error>> {
    let authority = Authority::open(folder, Options::default())?;
    let tenant = TenantName::new("default")?;
    let by = || Provenance::new("example", "an example");
    authority.write(&tenant, by(), vec![Change::SchemaWritten(SCHEMA.to_owned())])?;
    let started = Instant::now();
    for first in (0..relationships).step_by(10_000) {
        let batch = (first..relationships.min(first + BATCH)).map(|number| relationship(number, relationships).parse());
        let changes: Vec<Change> = batch.map(|edge| edge.map(Change::touched)).collect::<Result<_, _>>()?;
        authority.write(&tenant, by(), changes)?;
    }
    println!("written in {:.2} s", started.elapsed().as_secs_f64());
    let started = Instant::now();
    authority.close();
    println!("closed in {:.2} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn open(folder: &Path) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let authority = Authority::open(folder, Options { checkpoint_tail: u64::MAX, ..Options::default() })?;
    let seconds = started.elapsed().as_secs_f64();
    let stats = authority.snapshot(&TenantName::new("default")?)?.stats();
    println!("opened in {seconds:.2} s: {stats:?}");
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        println!("{:>14} bytes {}", entry.metadata()?.len(), entry.file_name().display());
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["make", folder, relationships] => make(folder.as_ref(), relationships.parse()?),
        ["open", folder] => open(folder.as_ref()),
        _ => Err("make FOLDER RELATIONSHIPS, or open FOLDER".into()),
    }
}
