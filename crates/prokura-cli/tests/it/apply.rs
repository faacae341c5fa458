//! `prokura apply`: twice is once, a dry run writes nothing, pruning ends what files no longer name.

use serde_json::json;
use tempfile::TempDir;

use crate::support::{Server, file};

const SCHEMA: &str =
    "definition user {}\n\ndefinition document {\n\trelation viewer: user\n\tpermission view = viewer\n}\n";

#[test]
fn applying_twice_changes_nothing() {
    let server = Server::in_memory();
    let first = server.well(&["apply", "examples/engineering"]).out;
    assert!(first.contains("+ relationship team:payments#direct_member@user:alice"), "{first}");
    assert!(first.contains("in one transaction (revision 1)"), "{first}");
    let second = server.well(&["apply", "examples/engineering", "--prune"]).out;
    assert!(second.contains("nothing to do"), "{second}");
    server.run(&["check", "user:alice", "deploy", "service:checkout"]).ended(0);
    server.run(&["check", "user:dave", "deploy", "service:checkout"]).ended(1);
}

#[test]
fn a_dry_run_says_what_would_change_and_writes_nothing() {
    let server = Server::in_memory();
    let told = server.well(&["apply", "examples/engineering", "--dry-run"]).out;
    assert!(told.contains("would be applied") && told.contains("+ schema"), "{told}");
    let found = server.run(&["relationship", "read", "--json"]);
    assert!(found.code == 2 || found.json()["items"] == json!([]), "{found:?}");
}

#[test]
fn what_files_no_longer_name_goes_only_when_pruned() {
    let server = Server::in_memory();
    let folder = TempDir::new().expect("a folder");
    file(folder.path(), "schema.zed", SCHEMA);
    let rels = "document:plan#viewer@user:alice\ndocument:plan#viewer@user:bob\n";
    file(folder.path(), "relationships.rels", rels);
    let path = folder.path().to_str().expect("UTF-8").to_owned();
    server.well(&["apply", &path]);

    file(folder.path(), "relationships.rels", "// bob is gone\ndocument:plan#viewer@user:alice\n");
    let kept = server.well(&["apply", &path]).out;
    assert!(kept.contains("nothing to do"), "{kept}");
    let gone = server.well(&["apply", &path, "--prune"]).out;
    assert!(gone.contains("- relationship document:plan#viewer@user:bob"), "{gone}");
    let found = server.well(&["relationship", "read", "--json"]).json();
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");
}

#[test]
fn a_section_that_no_file_has_is_left_alone() {
    let server = Server::in_memory();
    server.well(&["apply", "examples/engineering"]);
    let folder = TempDir::new().expect("a folder");
    let only = file(folder.path(), "more.yaml", "principals:\n  user:frank: {}\n");
    let told = server.well(&["apply", &only]).out;
    assert!(told.contains("1 added, 0 changed, 0 removed"), "{told}");
    server.run(&["check", "user:alice", "deploy", "service:checkout"]).ended(0);
}

#[test]
fn every_sample_is_a_folder_that_applies() {
    let server = Server::in_memory();
    for (tenant, sample) in [("one", "examples/engineering"), ("two", "examples/authzen/certification")] {
        server.well(&["tenant", "create", tenant]);
        server.run_in(tenant, &["apply", sample]).ended(0);
    }
}

#[test]
fn ids_outside_the_usual_alphabet_are_quoted_everywhere() {
    let server = Server::in_memory();
    server.well(&["apply", "examples/engineering"]);
    let told = server.well(&["delegation", "show", "ines-to-assistant"]).out;
    assert!(told.contains(r#"user:"ines@northwind.example""#), "{told}");
    let question = ["agent:northwind-assistant", "read", "repository:checkout-sdk", "-d", "ines-to-assistant"];
    server.run(&[&["decide"], &question[..]].concat()).ended(0);
    server
        .run(&["decide", "agent:northwind-assistant", "read", "repository:checkout", "-d", "ines-to-assistant"])
        .ended(1);
    server.run(&["check", r#"user:"ines@northwind.example""#, "read", "repository:checkout-sdk"]).ended(0);
}
