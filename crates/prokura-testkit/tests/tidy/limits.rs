//! Every limit has a name, documentation, a line in the manual, and a test.

use super::{read, rust_files};

/// The constants of every `limits.rs`, with the file each is in.
fn limits() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in rust_files().into_iter().filter(|path| path.ends_with("limits.rs") && path.starts_with("crates")) {
        if path.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let text = read(&path);
        let mut documented = false;
        for line in text.lines() {
            if let Some(rest) = line.trim_start().strip_prefix("pub const ") {
                let name = rest.split(':').next().expect("split gives at least one").trim().to_owned();
                assert!(documented, "{}: `{name}` has no doc comment", path.display());
                found.push((name, path.display().to_string()));
            }
            documented = line.trim_start().starts_with("///");
        }
    }
    found
}

#[test]
fn every_limit_is_in_the_manual() {
    let manual = read("docs/manual/limits.md".as_ref());
    for (name, file) in limits() {
        assert!(manual.contains(&format!("`{name}`")), "{file}: `{name}` is missing from docs/manual/limits.md");
    }
}

#[test]
fn every_limit_is_tested() {
    let tests: String = rust_files().iter().map(|path| read(path)).collect();
    for (name, file) in limits() {
        let wanted = name.to_lowercase();
        let tested = tests.lines().any(|line| {
            line.trim_start()
                .trim_start_matches("async ")
                .strip_prefix("fn ")
                .is_some_and(|rest| rest.split('(').next().is_some_and(|function| function.contains(&wanted)))
        });
        assert!(tested, "{file}: no test function has `{wanted}` in its name; every limit is tested at n and n + 1");
    }
}

#[test]
fn the_search_finds_the_limits_there_are() {
    let found = limits();
    assert!(
        found.iter().any(|(name, _)| name == "OBJECT_ID_BYTES_MAX"),
        "the model's limits were not found: {found:?}"
    );
    assert!(found.len() >= 10, "only {} limits found", found.len());
}
