//! The public suites that have a program to run them, over ordinary clients, each against a server of its own. What each is
//! worth is recorded here: fewer that pass, or more that fail, is a failure.

use std::process::{Command, Output};

use crate::{
    clients::python,
    support::{Setup, conformance, conformance_folder},
};

/// A program of the conformance folder, and what it comes to.
struct Suite {
    program: &'static str,
    arguments: &'static [&'static str],
    passed: usize,
    failed: usize,
}

/// By which flags a program learns where the server is, and its key.
enum Reached {
    Grpc,
    Http,
}

impl Suite {
    async fn meets_its_level(&self, reached: Reached) {
        let Self { program, arguments, passed, failed } = self;
        if conformance(program).is_none() || !has_clients(program) {
            return;
        }
        let setup = Setup::empty().await;
        let url = setup.server.url().to_owned();
        let (address, key) = match reached {
            Reached::Grpc => (["--addr", url.trim_start_matches("http://")].map(str::to_owned), "--key"),
            Reached::Http => (["--url", &url].map(str::to_owned), "--token"),
        };
        let mut command = Command::new(python());
        command.current_dir(conformance_folder()).env("PYTHONDONTWRITEBYTECODE", "1");
        command.arg(program).args(address).args([key, &setup.admin]).args(*arguments);
        let Output { stdout, stderr, .. } =
            tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let (told, wrong) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let last = told.lines().last().unwrap_or_default();
        for failure in told.lines().filter(|line| line.starts_with("FAILED")) {
            println!("{failure}");
        }
        println!("{}: {last}", [&[*program], *arguments].concat().join(" "));
        let Some(found) = counted(last) else { panic!("{program} does not say what passed: {told}\n{wrong}") };
        assert!(
            found.0 >= *passed && found.1 <= *failed,
            "recorded: {passed} passed, {failed} failed\n{told}\n{wrong}"
        );
    }
}

/// `16111 passed, 0 failed`
fn counted(line: &str) -> Option<(usize, usize)> {
    let (passed, failed) = line.strip_suffix(" failed")?.split_once(" passed, ")?;
    Some((passed.parse().ok()?, failed.parse().ok()?))
}

/// Whether there is a Python with what the programs need; if not, the test says what it leaves out.
fn has_clients(program: &str) -> bool {
    let probed = Command::new(python()).args(["-c", "import authzed, requests, yaml"]).output();
    if matches!(&probed, Ok(Output { status, .. }) if status.success()) {
        return true;
    }
    println!(
        "LEFT OUT: {program} needs `authzed`, `requests` and `pyyaml` from PyPI; `make tools` installs them: {}",
        probed.map_or_else(|error| error.to_string(), |output| String::from_utf8_lossy(&output.stderr).into_owned()),
    );
    false
}

#[test]
fn a_count_of_a_suite_is_read() {
    assert_eq!(counted("16111 passed, 0 failed"), Some((16_111, 0)));
    assert_eq!(counted("16111 passed"), None);
}

#[tokio::test]
async fn the_suite_of_spicedb_validation_files_is_as_recorded() {
    let suite = Suite { program: "run_spicedb.py", arguments: &[], passed: 16_111, failed: 0 };
    suite.meets_its_level(Reached::Grpc).await;
}

/// Messages included.
#[tokio::test]
async fn the_suite_of_spicedb_cases_is_as_recorded() {
    let suite = Suite { program: "run_spicedb_cases.py", arguments: &[], passed: 896, failed: 0 };
    suite.meets_its_level(Reached::Grpc).await;
}

#[tokio::test]
async fn the_suite_of_spicedb_recordings_is_as_recorded() {
    let arguments = &["--verify", "spicedb/golden.json"];
    let suite = Suite { program: "golden_spicedb.py", arguments, passed: 3_296, failed: 0 };
    suite.meets_its_level(Reached::Grpc).await;
}

#[tokio::test]
async fn the_suite_of_openfga_is_as_recorded() {
    let suite = Suite { program: "run_openfga.py", arguments: &[], passed: 3_695, failed: 0 };
    suite.meets_its_level(Reached::Http).await;
}
