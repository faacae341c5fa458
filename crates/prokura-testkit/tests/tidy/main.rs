//! The workspace held to its own rules: who may depend on whom, how large things grow, what is documented.
//!
//! These are tests so that the rules fail like bugs do. ARCHITECTURE.md names the invariant each one enforces.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, also in its helper functions"
)]

mod layers;
mod limits;
mod text;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The workspace's root folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("a crate lies two folders below the root")
        .to_owned()
}

/// Every file git knows or would add, relative to the root.
fn tracked_files() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the tree");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let text = String::from_utf8(listed.stdout).expect("paths of this tree are UTF-8");
    text.lines().map(PathBuf::from).filter(|path| root().join(path).is_file()).collect()
}

fn rust_files() -> Vec<PathBuf> {
    tracked_files().into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn read(path: &Path) -> String {
    let full = root().join(path);
    fs::read_to_string(&full).unwrap_or_else(|error| panic!("{}: {error}", full.display()))
}
