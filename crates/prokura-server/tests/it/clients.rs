//! The clients that others publish, unmodified. `make tools` installs them.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::support::Setup;

/// Where the clients are installed.
fn installed() -> PathBuf {
    match std::env::var_os("PROKURA_CLIENTS") {
        Some(folder) => PathBuf::from(folder),
        None => root().join("target/clients"),
    }
}

fn root() -> PathBuf {
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    PathBuf::from(folder).join("../..")
}

/// Runs a program with a probe first; without what it needs, the test says what it leaves out.
pub(crate) async fn drive(client: &str, program: &Path, probe: &[&str], script: &str) {
    let run = |arguments: Vec<String>| {
        let (program, packages) = (program.to_owned(), installed().join("node_modules"));
        tokio::task::spawn_blocking(move || Command::new(program).args(arguments).env("NODE_PATH", packages).output())
    };
    let probed = run(probe.iter().map(|text| (*text).to_owned()).collect()).await.unwrap();
    match probed {
        Ok(Output { status, .. }) if status.success() => {}
        Ok(Output { stderr, .. }) => {
            println!("LEFT OUT: {client} is not installed; `make tools` does it: {}", String::from_utf8_lossy(&stderr));
            return;
        }
        Err(error) => {
            println!("LEFT OUT: {} cannot be run: {error}", program.display());
            return;
        }
    }
    let setup = Setup::empty().await;
    let script = root().join("tests/clients").join(script).display().to_string();
    let met = run(vec![script, setup.server.url().to_owned(), setup.admin.clone()]).await.unwrap().unwrap();
    let (told, failed) = (String::from_utf8_lossy(&met.stdout), String::from_utf8_lossy(&met.stderr));
    assert!(met.status.success() && told.trim_end().ends_with("all met"), "{told}\n{failed}");
    println!("{told}");
}

/// The Python that the clients were installed for.
pub(crate) fn python() -> PathBuf {
    let own = installed().join("python/bin/python");
    if own.exists() { own } else { PathBuf::from("python3") }
}

#[tokio::test]
async fn the_python_client_of_authzed_works() {
    drive("`authzed` from PyPI", &python(), &["-c", "import authzed"], "authzed_client.py").await;
}

#[tokio::test]
async fn the_node_client_of_authzed_works() {
    let probe = ["-e", "require('@authzed/authzed-node')"];
    drive("`@authzed/authzed-node` from npm", Path::new("node"), &probe, "authzed.cjs").await;
}
