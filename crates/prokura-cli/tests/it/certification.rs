//! The AuthZEN certification scenario, with the field's own runner where it lies beside the project.

use std::{env, path::PathBuf, process::Command};

use crate::support::{Server, root};

#[test]
fn the_certification_scenario_passes() {
    let folder = env::var_os("PROKURA_CONFORMANCE").map_or_else(|| root().join("../shared/conformance"), PathBuf::from);
    let runner = folder.join("run_authzen.py");
    if !runner.is_file() {
        println!("left out: the AuthZEN certification; there is no {}", runner.display());
        return;
    }
    let ready = Command::new("python3").args(["-c", "import requests"]).output();
    if !ready.is_ok_and(|output| output.status.success()) {
        println!("left out: the AuthZEN certification; it needs python3 with `requests`");
        return;
    }
    let server = Server::in_memory();
    server.well(&["apply", "examples/authzen/certification"]);
    let output = Command::new("python3")
        .arg(&runner)
        .args(["--url", &server.url, "--auth", &format!("Bearer {}", server.key), "--suite", "certification-1_0"])
        .args(["--level", "basic-core", "--level", "batch-core", "--level", "discovery", "-v"])
        .output()
        .expect("python3 runs");
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains(" 0 failed"), "{told}");
    assert!(!told.contains("\n0 passed"), "{told}");
}
