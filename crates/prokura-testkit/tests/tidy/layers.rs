//! Who may depend on whom: the arrows of ARCHITECTURE.md, read from `cargo metadata`.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// What each crate may depend on inside the workspace. A crate that is not listed fails the test: a new one needs a place
/// here and a decision record.
const INTERNAL: &[(&str, &[&str])] = &[
    ("prokura-model", &[]),
    ("prokura-engine", &["prokura-model"]),
    ("prokura-store", &["prokura-model"]),
    ("prokura", &["prokura-engine", "prokura-model", "prokura-store"]),
    ("prokura-api", &[]),
    ("prokura-server", &["prokura", "prokura-api", "prokura-model"]),
    ("prokura-cli", &["prokura", "prokura-api", "prokura-model", "prokura-server"]),
    ("prokura-testkit", &["prokura-model"]),
];

/// What the pure crates may depend on outside it. Nothing here does I/O, reads a clock, logs or is asynchronous.
const EXTERNAL_OF_PURE: &[(&str, &[&str])] = &[
    ("prokura-model", &["cel-core", "minicbor", "regex", "sha2", "smol_str", "thiserror"]),
    ("prokura-engine", &["papaya", "thiserror"]),
];

/// What speaks the wire, and so belongs to the rim.
const WIRE: &[&str] = &["axum", "hyper", "prost", "reqwest", "serde", "serde_json", "tonic", "utoipa"];
const RIM: &[&str] = &["prokura-api", "prokura-server", "prokura-cli", "prokura-testkit"];

/// What needs an async runtime, which the library must not.
const ASYNC: &[&str] = &["tokio", "futures", "async-std", "smol"];

/// The direct, ordinary dependencies of every crate of the workspace.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(super::root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let mut found = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let names = package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| dependency["name"].as_str().expect("a name").to_owned())
            .collect();
        found.insert(package["name"].as_str().expect("a name").to_owned(), names);
    }
    found
}

#[test]
fn crates_depend_only_on_the_layers_below_them() {
    let found = dependencies();
    let known: Vec<_> = INTERNAL.iter().map(|(name, _)| *name).collect();
    for (name, dependencies) in &found {
        let Some((_, allowed)) = INTERNAL.iter().find(|(known, _)| known == name) else {
            panic!("`{name}` has no place in ARCHITECTURE.md: add it there, here, and in docs/decisions");
        };
        for dependency in dependencies.iter().filter(|dependency| known.contains(&dependency.as_str())) {
            assert!(allowed.contains(&dependency.as_str()), "`{name}` must not depend on `{dependency}`");
        }
    }
    assert_eq!(found.len(), INTERNAL.len(), "a crate of the list is gone from the workspace");
}

#[test]
fn pure_crates_depend_on_nothing_impure() {
    let found = dependencies();
    for (name, allowed) in EXTERNAL_OF_PURE {
        for dependency in found[*name].iter().filter(|dependency| !dependency.starts_with("prokura")) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "`{name}` is pure; `{dependency}` is not on its list, and needs a decision record to get there"
            );
        }
    }
}

#[test]
fn wire_types_stay_at_the_rim_and_the_library_needs_no_async_runtime() {
    for (name, dependencies) in dependencies().iter().filter(|(name, _)| !RIM.contains(&name.as_str())) {
        for dependency in dependencies {
            assert!(
                !WIRE.contains(&dependency.as_str()),
                "`{name}` must not know the wire, but depends on `{dependency}`"
            );
            assert!(!ASYNC.contains(&dependency.as_str()), "`{name}` must not be async, but depends on `{dependency}`");
        }
    }
}
