//! How the text of the workspace may look.

use super::{read, root, rust_files, tracked_files};

/// Longest source file, in lines. 600 is the habit; this is where it stops being a matter of taste.
const SOURCE_LINES_MAX: usize = 900;

#[test]
fn source_files_stay_readable_in_one_sitting() {
    for path in rust_files() {
        let lines = read(&path).lines().count();
        assert!(lines <= SOURCE_LINES_MAX, "{}: {lines} lines; split it by what it holds", path.display());
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for path in tracked_files().iter().filter(|path| path.starts_with("crates") && path.ends_with("Cargo.toml")) {
        let text = read(path);
        assert!(text.contains("[lints]\nworkspace = true"), "{}: add [lints] workspace = true", path.display());
        let versioned = text.lines().find(|line| line.contains("version = \""));
        assert!(
            versioned.is_none(),
            "{}: {versioned:?}: versions are named once, in the root manifest",
            path.display()
        );
    }
}

#[test]
fn every_crate_has_a_front_page() {
    for path in rust_files() {
        let front = path.ends_with("src/lib.rs") || path.ends_with("src/main.rs");
        if front && path.starts_with("crates") {
            assert!(read(&path).starts_with("//!"), "{}: a crate begins with what it is", path.display());
        }
    }
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    // Put together here so that this file does not find itself.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("#[", "allow("),
        concat!("#![", "allow("),
    ];
    for path in rust_files() {
        for (number, line) in read(&path).lines().enumerate() {
            for mark in marks {
                assert!(!line.contains(mark), "{}:{}: `{mark}`", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn no_test_is_skipped_without_a_reason() {
    for path in rust_files() {
        for (number, line) in read(&path).lines().enumerate() {
            assert!(
                line.trim() != concat!("#[", "ignore]"),
                "{}:{}: say why: #[ignore = \"…\"]",
                path.display(),
                number + 1
            );
        }
    }
}

#[test]
fn decisions_are_numbered_once_and_have_their_parts() {
    let mut numbers = Vec::new();
    for path in tracked_files().iter().filter(|path| path.starts_with("docs/decisions")) {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a decision has a file name");
        if name == "README.md" {
            continue;
        }
        let number = name.split('-').next().expect("split gives at least one").to_owned();
        assert!(
            number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit()),
            "{name}: NNNN-what-was-decided.md"
        );
        assert!(!numbers.contains(&number), "{name}: the number is taken");
        numbers.push(number);
        let text = read(path);
        for part in ["## Context", "## Decision", "## Consequences", "## What would change our mind"] {
            assert!(text.contains(part), "{name}: the part `{part}` is missing");
        }
    }
    assert!(!numbers.is_empty(), "docs/decisions is empty");
}

#[test]
fn links_between_our_documents_lead_somewhere() {
    for path in tracked_files().iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let text = read(path);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().expect("split gives at least one");
            if file.is_empty() || file.contains("://") || file.contains(' ') {
                continue;
            }
            let beside = root().join(path.parent().expect("a file lies in a folder")).join(file);
            assert!(beside.exists(), "{}: the link to `{target}` leads nowhere", path.display());
        }
    }
}
