//! Every command once, its exit code, and that its JSON is JSON.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Server, file, run};

#[test]
fn every_command_answers_in_json() {
    let server = Server::in_memory();
    let folder = TempDir::new().expect("a folder");
    let schema = file(
        folder.path(),
        "schema.zed",
        &std::fs::read_to_string("../../examples/engineering/schema.zed").expect("readable"),
    );
    let json = |args: &[&str]| server.well(&[&["--json"], args].concat()).json();
    json(&["schema", "check", &schema]);
    json(&["schema", "fmt", &schema]);
    json(&["schema", "write", &schema, "--reason", "first"]);
    json(&["apply", "examples/engineering", "--dry-run"]);
    json(&["apply", "examples/engineering"]);
    assert!(json(&["schema", "read"])["schema"].as_str().is_some_and(|text| text.contains("definition service")));
    json(&["relationship", "write", "repository:new#reader@user:*"]);
    let read =
        json(&["relationship", "read", "--resource", "repository:new", "--subject", "user", "--relation", "reader"]);
    assert_eq!(read["items"][0]["relationship"]["subject"], json!({ "type": "user", "wildcard": true }));
    json(&["relationship", "delete", "repository:new#reader@user:*"]);
    json(&["attribute", "set", "service:checkout", "tier=2", "region=eu", "zip=\"01067\""]);
    let attributes = json(&["attribute", "read", "service:checkout"]);
    assert_eq!(attributes["items"][0]["attributes"], json!({ "tier": 2, "region": "eu", "zip": "01067" }));
    principals(&json);
    authority(&json);
    json(&["check", "user:alice", "deploy", "service:checkout"]);
    let decision =
        json(&["decide", "user:alice", "deploy", "service:checkout", "--context", "{\"ticket\": 7}", "--witness"]);
    assert!(decision["witness"].as_array().is_some_and(|witness| !witness.is_empty()), "{decision}");
    let id = decision["id"].as_str().expect("it is recorded");
    assert_eq!(json(&["decision", "show", id])["request"]["context"]["ticket"], json!(7));
    json(&["decision", "list", "--actor", "user:alice", "--disposition", "allow", "--limit", "1"]);
    json(&["explain", id]);
    json(&["explain", "user:alice", "deploy", "service:checkout"]);
    json(&["tenant", "create", "other"]);
    assert_eq!(json(&["tenant", "list"])["items"].as_array().map(Vec::len), Some(2));
    let key = json(&["key", "create", "gateway", "--role", "enforcement_point", "--speaks-for", "agent:*"]);
    json(&["key", "list"]);
    json(&["key", "revoke", key["key"]["id"].as_str().expect("an id")]);
    assert_eq!(json(&["openapi"])["openapi"].as_str().map(|version| version.starts_with("3.1.")), Some(true));
}

fn principals(json: &dyn Fn(&[&str]) -> Value) {
    json(&["principal", "set", "agent:helper", "--owner", "user:bob"]);
    assert_eq!(json(&["principal", "suspend", "agent:helper"])["state"], json!("suspended"));
    assert_eq!(json(&["principal", "resume", "agent:helper"])["state"], json!("active"));
    assert_eq!(json(&["principal", "off-board", "agent:helper", "--yes"])["principal"]["state"], json!("off_boarded"));
    assert_eq!(json(&["principal", "show", "agent:helper"])["owner"], json!({ "type": "user", "id": "bob" }));
    json(&["principal", "set", "agent:passing"]);
    json(&["principal", "remove", "agent:passing"]);
    json(&["principal", "list", "--type", "agent", "--state", "active"]);
}

fn authority(json: &dyn Fn(&[&str]) -> Value) {
    let task = json(&["task", "open", "--origin", "user:bob", "--purpose", "tidy up", "--expires", "2h"]);
    let task = task["id"].as_str().expect("an id").to_owned();
    let cap = ["--cap", "read, write on repository:checkout", "--cap", "* on service:checkout-staging"];
    let link =
        json(&[&["delegate", "user:bob", "agent:coder", "--task", &task, "--expires", "30m"], &cap[..]].concat());
    let link = link["id"].as_str().expect("an id").to_owned();
    json(&["delegation", "show", &link]);
    let listed = json(&["delegation", "list", "--task", &task, "--from", "user:bob", "--to", "agent:coder"]);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    json(&["decide", "agent:coder", "write", "repository:checkout", "-d", &link]);
    json(&["revoke", &link]);
    json(&["task", "show", &task]);
    assert_eq!(json(&["task", "complete", &task])["state"], json!("completed"));
    let other =
        json(&["task", "open", "--origin", "user:bob", "--purpose", "more", "--expires", "2100-01-01T00:00:00Z"]);
    assert_eq!(json(&["task", "cancel", other["id"].as_str().expect("an id")])["state"], json!("cancelled"));
    json(&["task", "list", "--origin", "user:bob", "--state", "completed"]);
}

#[test]
fn answers_for_people_are_tables_and_sentences() {
    let server = Server::in_memory();
    server.well(&["apply", "examples/engineering"]);
    for (args, expected) in [
        (&["principal", "list"][..], "agent:deployer"),
        (&["task", "list"], "Ship the new receipt page of checkout"),
        (&["delegation", "list"], "deploy on service:checkout, service:checkout-staging"),
        (&["attribute", "read"], "cardholder_data=true"),
        (&["relationship", "read", "--subject", "user:alice"], "team:payments#direct_member@user:alice"),
        (&["tenant", "list"], "default"),
        (&["key", "list"], "all tenants"),
        (&["decision", "list"], "no decisions"),
        (&["check", "user:alice", "deploy", "service:checkout"], "yes"),
    ] {
        let told = server.well(args).out;
        assert!(told.contains(expected), "{args:?}: `{expected}` is missing:\n{told}");
    }
}

#[test]
fn exit_codes_say_allow_deny_or_failure() {
    let server = Server::in_memory();
    server.well(&["apply", "examples/engineering"]);
    server.run(&["check", "user:bob", "merge", "repository:checkout"]).ended(0);
    server.run(&["check", "user:alice", "merge", "repository:checkout"]).ended(1);
    server.run(&["check", "user:alice", "fly", "repository:checkout"]).ended(2);
    server.run(&["decide", "workload:checkout-ci", "deploy", "service:checkout-staging"]).ended(0);
    server.run(&["decide", "workload:checkout-ci", "deploy", "service:checkout"]).ended(1);
    server.run(&["decide", "workload:checkout-ci", "deploy", "boat:checkout"]).ended(2);
    server.run(&["explain", "workload:checkout-ci", "deploy", "service:checkout"]).ended(0);
    server.run(&["decide", "user:mallory", "read", "repository:handbook"]).ended(1);
}

#[test]
fn schema_commands_work_without_a_server() {
    let folder = TempDir::new().expect("a folder");
    let untidy = file(folder.path(), "untidy.zed", "definition user{}\ndefinition doc{relation viewer:user\n}\n");
    run(&["schema", "check", &untidy]).ended(0);
    let refused = run(&["schema", "fmt", "--check", &untidy]).ended(2);
    assert!(refused.err.contains("prokura schema fmt"), "{}", refused.err);
    let shown = run(&["schema", "fmt", "--stdout", &untidy]).ended(0).out;
    run(&["schema", "fmt", &untidy]).ended(0);
    assert_eq!(std::fs::read_to_string(&untidy).expect("readable"), shown);
    run(&["schema", "fmt", "--check", &untidy]).ended(0);
    let wrong = file(folder.path(), "wrong.zed", "definition user {\n");
    let said = run(&["schema", "check", &wrong]).ended(2);
    assert!(said.err.contains("wrong.zed:"), "{}", said.err);
}

#[test]
fn the_samples_are_formatted() {
    for sample in ["engineering", "authzen/certification"] {
        run(&["schema", "fmt", "--check", &format!("examples/{sample}/schema.zed")]).ended(0);
    }
}
