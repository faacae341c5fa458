//! `prokura test`: files of expectations, in process. Ours, and the field's.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{file, root, run};

/// The conformance data of the field, if it is there; if not, the test says what it leaves out.
fn conformance(part: &str) -> Option<PathBuf> {
    let folder =
        std::env::var_os("PROKURA_CONFORMANCE").map_or_else(|| root().join("../shared/conformance"), PathBuf::from);
    let path = folder.join(part);
    if path.exists() {
        return Some(path);
    }
    println!("LEFT OUT: {} is not there; set PROKURA_CONFORMANCE to its folder", path.display());
    None
}

const SCHEMA: &str = "schema: |
  caveat on_day(day string) {
    day == \"monday\"
  }
  definition user {}
  definition doc {
    relation viewer: user | user with on_day
    permission view = viewer
  }
relationships: |
  doc:plan#viewer@user:alice
  // a remark
  doc:plan#viewer@user:bob[on_day]
";

#[test]
fn every_scenario_is_answered_right_in_process() {
    let told = run(&["--json", "test", "scenarios"]);
    let report = told.json();
    let wrong: Vec<_> = report["files"]
        .as_array()
        .expect("files")
        .iter()
        .filter(|file| file.get("error").is_some() || file["failures"] != serde_json::json!([]))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    told.ended(0);
    assert!(report["passed"].as_u64().is_some_and(|passed| passed > 100), "{}", report["passed"]);
}

#[test]
fn validation_files_of_the_field_are_answered_as_they_say() {
    let Some(folder) = conformance("spicedb") else { return };
    let index = std::fs::read_to_string(folder.join("index.json")).expect("readable");
    let index: Value = serde_json::from_str(&index).expect("JSON");
    let files: Vec<String> = index["files"]
        .as_array()
        .expect("files")
        .iter()
        .filter(|entry| entry["kind"] == "validation")
        .map(|entry| folder.join(entry["file"].as_str().expect("a name")).display().to_string())
        .collect();
    let mut args = vec!["--json", "test"];
    args.extend(files.iter().map(String::as_str));
    let report = run(&args).json();
    println!("validation files: {} passed, {} failed", report["passed"], report["failed"]);
    for entry in report["files"].as_array().expect("files") {
        assert!(entry.get("error").is_none(), "{entry:#}");
        assert_eq!(entry["failures"], serde_json::json!([]), "{}", entry["file"]);
    }
}

#[test]
fn files_that_should_fail_do_and_those_that_should_not_do_not() {
    let Some(folder) = conformance("spicedb") else { return };
    let index = std::fs::read_to_string(folder.join("index.json")).expect("readable");
    let index: Value = serde_json::from_str(&index).expect("JSON");
    let (mut played, mut wrong) = (0, Vec::new());
    for entry in index["files"].as_array().expect("files") {
        let kind = entry["kind"].as_str().expect("a kind");
        let fails = match kind {
            "zed-validate" => entry["expect"]["exit_nonzero"].as_bool().expect("said"),
            "loader-negative" => true,
            _ => continue,
        };
        let name = entry["file"].as_str().expect("a name");
        if name == "zed/validate-test/warnings.zed" {
            println!("exception: {name}: a permission that means only itself is a warning there, and an error here");
            continue;
        }
        let said = run(&["test", folder.join(name).to_str().expect("UTF-8")]);
        played += 1;
        if (said.code != 0) != fails {
            wrong.push(format!("{name}: code {}\n{}{}", said.code, said.out, said.err));
        }
    }
    println!("files for validators: {} passed, {} failed", played - wrong.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_failing_assertion_is_told_with_its_line_and_its_explanation() {
    let folder = TempDir::new().expect("a folder");
    let text = format!(
        "{SCHEMA}assertions:\n  assertTrue:\n    - doc:plan#view@user:alice\n    - doc:plan#view@user:bob\n    \
         - 'doc:plan#view@user:bob with {{\"day\": \"monday\"}}'\n  assertFalse:\n    - doc:plan#view@user:alice\n\
         validation:\n  doc:plan#view:\n    - \"[user:alice] is <doc:plan#viewer>\"\n    \
         - \"[user:bob] is <doc:plan#viewer>\"\n"
    );
    let path = file(folder.path(), "wrong.yaml", &text);
    let report = run(&["--json", "test", &path]).ended(1).json();
    let failures = report["files"][0]["failures"].as_array().expect("failures").clone();
    let told: Vec<_> = failures
        .iter()
        .map(|failure| {
            let text = |member: &str| failure[member].as_str().expect("text").to_owned();
            (failure["line"].as_u64().expect("a line"), text("expected"), text("found"))
        })
        .collect();
    assert_eq!(
        told,
        [
            (17, "has".to_owned(), "conditional day".to_owned()),
            (20, "has_not".to_owned(), "has".to_owned()),
            (24, "a member without a condition".to_owned(), "conditional day".to_owned()),
        ]
    );
    assert!(failures[0]["explanation"].as_str().expect("drawn").contains("no value for `day`"), "{failures:#?}");
    let shown = run(&["test", &path]).ended(1).out;
    assert!(shown.contains("wrong.yaml:17: doc:plan#view@user:bob") && shown.contains("expected has"), "{shown}");
    assert!(shown.contains("3 failed"), "{shown}");
}

#[test]
fn a_file_that_cannot_be_played_is_told_with_its_place() {
    let folder = TempDir::new().expect("a folder");
    let cases = [
        ("schema.yaml", SCHEMA.replace("relation viewer:", "relation viewer"), "schema.yaml:7:"),
        ("edge.yaml", SCHEMA.replace("@user:alice", "@boat:alice"), "edge.yaml:11:"),
        ("twice.yaml", SCHEMA.replace("// a remark", "doc:plan#viewer@user:alice"), "twice.yaml:12:"),
        ("yaml.yaml", "schema: [\n".to_owned(), "yaml.yaml:"),
        ("none.yaml", "relationships: ''\n".to_owned(), "neither `schema` nor `schemaFile`"),
        ("old.yaml", "validation_tuples: []\n".to_owned(), "old form"),
        ("when.yaml", "about: x\nsteps:\n  - now: noon\n    ask: []\n".to_owned(), "when.yaml:3:"),
    ];
    for (name, text, place) in cases {
        let path = file(folder.path(), name, &text);
        let said = run(&["test", &path]).ended(1);
        assert!(said.err.contains(place), "{name}:\n{}\n{}", said.out, said.err);
    }
    run(&["test", folder.path().join("absent.yaml").to_str().expect("UTF-8")]).ended(1);
    let empty = TempDir::new().expect("a folder");
    run(&["test", empty.path().to_str().expect("UTF-8")]).ended(2);
}

/// A folder of this name in a fresh place.
fn into(folder: &Path) -> String {
    folder.join("imported").to_str().expect("UTF-8").to_owned()
}

#[test]
fn validation_files_are_imported_and_what_is_left_is_named() {
    let folder = TempDir::new().expect("a folder");
    let text = format!("{SCHEMA}assertions:\n  assertTrue:\n    - doc:plan#view@user:alice\n");
    let path = file(folder.path(), "export.yaml", &text);
    let target = into(folder.path());
    let told = run(&["--json", "import", &path, "--into", &target]).ended(0).json();
    assert_eq!((&told["definitions"], &told["relationships"]), (&2.into(), &2.into()));
    assert!(told["losses"][0]["name"].as_str().expect("a name").contains("assertions"), "{told}");
    let edges = std::fs::read_to_string(Path::new(&target).join("relationships.rels")).expect("written");
    assert_eq!(edges, "doc:plan#viewer@user:alice\ndoc:plan#viewer@user:bob[on_day]\n");
    run(&["schema", "check", &format!("{target}/schema.zed")]).ended(0);
    run(&["import", &path, "--into", &target]).ended(2);
}

const MODEL: &str = r#"{"schema_version": "1.1", "type_definitions": [
  {"type": "user"},
  {"type": "Team", "relations": {"member": {"this": {}}},
   "metadata": {"relations": {"member": {"directly_related_user_types": [{"type": "user"}]}}}},
  {"type": "doc", "relations": {
    "owner": {"this": {}},
    "viewer": {"union": {"child": [{"this": {}}, {"computedUserset": {"relation": "owner"}}]}},
    "can-share": {"computedUserset": {"relation": "owner"}}},
   "metadata": {"relations": {
    "owner": {"directly_related_user_types": [{"type": "user"}]},
    "viewer": {"directly_related_user_types": [{"type": "user", "wildcard": {}},
      {"type": "Team", "relation": "member", "condition": "on_day"}]}}}}],
  "conditions": {"on_day": {"name": "on_day", "expression": "day == 'monday'",
    "parameters": {"day": {"type_name": "TYPE_NAME_STRING"}, "unused": {"type_name": "TYPE_NAME_INT"}}}}}"#;

const TUPLES: &str = r#"[
  {"user": "user:ann", "relation": "owner", "object": "doc:plan"},
  {"user": "user:*", "relation": "viewer", "object": "doc:plan"},
  {"user": "Team:core#member", "relation": "viewer", "object": "doc:plan",
   "condition": {"name": "on_day", "context": {"day": "monday", "unused": 1}}},
  {"user": "user:ann", "relation": "can-share", "object": "doc:plan"},
  {"user": "boat:ann", "relation": "owner", "object": "doc:plan"}]"#;

#[test]
fn models_of_openfga_are_imported_by_a_stated_rule() {
    let folder = TempDir::new().expect("a folder");
    let source = TempDir::new().expect("a folder");
    file(source.path(), "model.json", MODEL);
    file(source.path(), "tuples.json", TUPLES);
    let target = into(folder.path());
    let told = run(&["--json", "import", source.path().to_str().expect("UTF-8"), "--into", &target]).ended(0).json();
    let edges = std::fs::read_to_string(Path::new(&target).join("relationships.rels")).expect("written");
    assert_eq!(
        edges,
        "doc:plan#owner@user:ann\ndoc:plan#viewer_direct@user:*\n\
         doc:plan#viewer_direct@team:core#member[on_day:{\"day\":\"monday\"}]\n"
    );
    let schema = std::fs::read_to_string(Path::new(&target).join("schema.zed")).expect("written");
    for part in [
        "definition team",
        "relation viewer_direct: user:* | team#member with on_day",
        "permission viewer = viewer_direct + owner",
        "permission can_share = owner",
    ] {
        assert!(schema.contains(part), "{part}:\n{schema}");
    }
    let losses: Vec<_> = told["losses"].as_array().expect("losses").iter().map(|loss| loss["name"].clone()).collect();
    assert_eq!(losses, ["on_day.unused", "doc:plan#can-share@user:ann", "doc:plan#owner@boat:ann"]);
    let notes = told["notes"].to_string();
    for note in ["`Team` is `team`", "`doc#can-share` is `can_share`", "relationships of `viewer_direct`"] {
        assert!(notes.contains(note), "{note}: {notes}");
    }
}

#[test]
fn models_of_the_field_become_schemas() {
    let Some(folder) = conformance("openfga/language/transformer") else { return };
    let (mut read, mut wrong) = (0, Vec::new());
    let mut models: Vec<_> =
        std::fs::read_dir(folder).expect("readable").map(|entry| entry.expect("an entry").path()).collect();
    models.sort();
    for model in models {
        let target = TempDir::new().expect("a folder");
        let path = model.join("authorization-model.json");
        let said = run(&["import", path.to_str().expect("UTF-8"), "--into", &into(target.path())]);
        read += 1;
        // One has no types, and the condition of the other names what it does not declare.
        let none = ["00-only-schema", "11-multiple-conditions"].iter().any(|name| model.ends_with(name));
        if (said.code != 0) != none {
            wrong.push(format!("{}:\n{}", model.display(), said.err));
        }
    }
    println!("models: {} imported, {} not", read - wrong.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_model_in_openfgas_own_language_is_imported_or_refused_with_the_place() {
    let source = TempDir::new().expect("a folder");
    let target = into(source.path());
    let model = "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define owner: [user]\n    \
                 define viewer: [user, user:*] or owner\n";
    let path = file(source.path(), "model.fga", model);
    run(&["import", &path, "--into", &target]).ended(0);
    let schema = std::fs::read_to_string(Path::new(&target).join("schema.zed")).expect("written");
    assert!(schema.contains("permission viewer = viewer_direct + owner"), "{schema}");
    let path = file(source.path(), "wrong.fga", &model.replace(" or owner", " or"));
    let refused = run(&["--json", "import", &path]).ended(2);
    assert!(refused.err.contains("model_invalid") && refused.err.contains("\"line\":7"), "{}", refused.err);
}
