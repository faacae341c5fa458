//! What people get wrong, and whether they are told what and where.

use tempfile::TempDir;

use crate::support::{Server, file, run};

#[test]
fn files_that_are_wrong_are_shown_with_line_and_column() {
    let folder = TempDir::new().expect("a folder");
    let cases = [
        ("a.zed", "definition user {}\ndefinition doc {\n  relation viewer: usr\n}\n", ":3:20", "did you mean `user`"),
        (
            "b.yaml",
            "tasks:\n  ship:\n    origin: user:alice\n    purpose: x\n    expire_in: 2h\n",
            ":5:5",
            "did you mean `expires_in`",
        ),
        ("c.yaml", "principals:\n  user:alice: {}\n  'alice smith': {}\n", ":3:9", "quotes"),
        ("d.yaml", "principals: [\n", ":", "error"),
        ("e.rels", "// fine\ndocument:x#view er@user:bob\n", ":2:16", "expected"),
        ("f.yaml", "tasks:\n  t:\n    origin: user:alice\n    purpose: x\n    expires_in: soon\n", ":5:17", "30m"),
        ("g.yaml", "delegations:\n  d:\n    task: t\n    from: user:a\n    to: agent:b\n", ":", "cap"),
        ("h.yaml", "principals:\n  user:alice: {}\n  user:alice: {}\n", ":3:3", "`user:alice` is there twice"),
        ("i.yaml", "tasks: 7\n", ":1:8", "expected a map of names"),
        ("j.yaml", "tasks:\n  t:\n    origin: [a]\n", ":3:13", "expected a text"),
        ("k.yaml", "principals:\n  user:a: {owner: user:b#c}\n", ":2:25", "error"),
        ("l.yaml", "principals:\n  user:a: {owner: \"user:b#c\"}\n", ":2:26", "error"),
        ("m.yaml", "tasks:\n  t:\n    purpose: x\n", ":3:5", "`origin` is missing"),
    ];
    for (name, text, place, hint) in cases {
        let path = file(folder.path(), name, text);
        let said = run(&["apply", &path]).ended(2);
        assert!(said.err.contains(&format!("{name}{place}")), "{name}: the place is missing:\n{}", said.err);
        assert!(said.err.contains(hint), "{name}: `{hint}` is missing:\n{}", said.err);
        assert_eq!(said.out, "");
    }
}

#[test]
fn a_relationship_that_does_not_fit_the_schema_is_shown_in_its_file() {
    let folder = TempDir::new().expect("a folder");
    file(folder.path(), "schema.zed", "definition user {}\ndefinition doc {\n  relation viewer: user\n}\n");
    file(folder.path(), "some.rels", "doc:a#viewer@user:bob\ndoc:a#veiwer@user:bob\n");
    let said = run(&["apply", folder.path().to_str().expect("UTF-8")]).ended(2);
    assert!(said.err.contains("some.rels:2:1") && said.err.contains("viewer"), "{}", said.err);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = TempDir::new().expect("a folder");
    for (path, hint) in [("/nowhere/at/all", "cannot be read"), ("Cargo.toml", "*.zed"), ("crates", "*.zed")] {
        let said = run(&["apply", path]).ended(2);
        assert!(said.err.contains(path) && said.err.contains(hint), "{}", said.err);
    }
    let path = folder.path().join("latin.rels");
    std::fs::write(&path, b"document:caf\xe9#viewer@user:bob\n").expect("writable");
    let said = run(&["apply", path.to_str().expect("UTF-8")]).ended(2);
    assert!(said.err.contains("not UTF-8"), "{}", said.err);
}

#[test]
fn something_declared_in_two_files_is_an_error() {
    let folder = TempDir::new().expect("a folder");
    file(folder.path(), "a.yaml", "principals:\n  user:alice: {}\n");
    file(folder.path(), "b.yaml", "principals:\n  user:alice: { owner: user:bob }\n");
    let said = run(&["apply", folder.path().to_str().expect("UTF-8")]).ended(2);
    assert!(said.err.contains("b.yaml") && said.err.contains("user:alice"), "{}", said.err);
}

#[test]
fn usage_errors_end_with_2() {
    for args in [
        &["fly"][..],
        &["check", "user:alice"],
        &["check", "alice", "view", "document:x"],
        &["check", "user:*", "VIEW", "document:x"],
        &["decide", "agent:a", "view", "document:x", "--context", "[1]"],
        &["task", "open", "--purpose", "x", "--expires", "soon"],
        &["delegate", "user:a", "agent:b", "--task", "t", "--cap", "deploy"],
        &["relationship", "write"],
        &["relationship", "write", "document:x#viewer"],
        &["--tenant", "No Good", "tenant", "list"],
        &["explain", "agent:a"],
        &["schema", "fmt", "--check", "--stdout", "x"],
    ] {
        let said = run(args).ended(2);
        assert!(!said.err.is_empty(), "{args:?}");
    }
}

#[test]
fn without_a_server_the_next_command_is_named() {
    let said = run(&["--server", "http://127.0.0.1:9", "tenant", "list"]).ended(2);
    assert!(said.err.contains("no server at http://127.0.0.1:9"), "{}", said.err);
    assert!(said.err.contains("prokura serve --memory"), "{}", said.err);
    let said = run(&["--json", "--server", "http://127.0.0.1:9", "tenant", "list"]).ended(2);
    let error: serde_json::Value = serde_json::from_str(&said.err).expect("with --json errors are JSON, too");
    assert_eq!(error["error"]["code"], "server_unreachable");
}

#[test]
fn a_missing_or_wrong_key_is_told_apart() {
    let mut server = Server::in_memory();
    server.key = String::new();
    let missing = server.run(&["tenant", "list"]).ended(2);
    assert!(missing.err.contains("PROKURA_KEY"), "{}", missing.err);
    server.key = "wrong".to_owned();
    let wrong = server.run(&["tenant", "list"]).ended(2);
    assert_ne!(missing.err, wrong.err);
}

#[test]
fn what_is_not_there_is_told_with_where_to_look() {
    let server = Server::in_memory();
    server.well(&["apply", "examples/engineering"]);
    for (args, hint) in [
        (&["task", "show", "nothing"][..], "prokura task list"),
        (&["delegation", "show", "nothing"], "prokura delegation list"),
        (&["principal", "show", "user:nobody"], "prokura principal list"),
        (&["decision", "show", "nothing"], "prokura decision list"),
        (&["explain", "nothing"], "prokura decision list"),
        (&["--tenant", "elsewhere", "task", "list"], "prokura tenant"),
        (&["check", "user:alice", "deplyo", "service:checkout"], "deploy"),
        (&["check", "user:alice", "deploy", "servcie:checkout"], "service"),
    ] {
        let said = server.run(args).ended(2);
        assert!(said.err.contains(hint), "{args:?}: `{hint}` is missing:\n{}", said.err);
    }
}

#[test]
fn usage_errors_are_json_when_json_is_wanted() {
    for args in [&["--json", "fly"][..], &["check", "user:alice", "--json"], &["--json"], &["--json", "principal"]] {
        let said = run(args).ended(2);
        let error: serde_json::Value = serde_json::from_str(&said.err).expect("JSON");
        assert_eq!(error["error"]["code"], "usage", "{args:?}");
        let message = error["error"]["message"].as_str().expect("a message");
        assert!(!message.is_empty() && !message.contains("Usage:") && !message.starts_with("error"), "{message}");
    }
    assert!(run(&["--json", "--help"]).ended(0).out.contains("Usage:"));
    assert!(run(&["--json", "--version"]).ended(0).out.starts_with("prokura "));
    assert!(run(&["fly"]).ended(2).err.contains("Usage:"));
}

#[test]
fn mix_ups_of_tls_and_broken_keys_are_told_apart() {
    let server = Server::in_memory();
    let https = server.url.replace("http:", "https:");
    let said = server.run(&["--server", &https, "tenant", "list"]).ended(2).err;
    assert!(said.contains("does not speak TLS") && said.contains(&format!("it is at {}", server.url)), "{said}");
    for key in ["pk_one\n", "pk one", "pk_\u{e9}"] {
        let said = server.run(&["--key", key, "tenant", "list"]).ended(2).err;
        assert!(said.contains("the key holds") && !said.contains("pk_"), "{said}");
    }
}

#[test]
fn a_length_of_time_in_the_past_is_told_so() {
    let said = run(&["task", "open", "--origin", "user:a", "--purpose", "x", "--expires", "-1h"]).ended(2).err;
    assert!(said.contains("`-1h` is in the past"), "{said}");
    let cap = ["--cap", "deploy on service:*", "--expires", "-1h"];
    let said = run(&[&["delegate", "user:a", "agent:b", "--task", "t"], &cap[..]].concat()).ended(2).err;
    assert!(said.contains("`-1h` is in the past"), "{said}");
    run(&["decision", "list", "--from", "2h"]).ended(2);
    for role in ["enforcement_point", "enforcement-point"] {
        let said = run(&["key", "create", "k", "--role", role]).ended(2).err;
        assert!(said.contains("--speaks-for"), "{said}");
    }
}

#[test]
fn help_lists_only_what_plays_a_part() {
    for command in [&["serve"][..], &["demo"], &["schema", "check"], &["schema", "fmt"], &["openapi"]] {
        let said = run(&[command, &["--help"]].concat()).ended(0).out;
        for other in ["--server", "--key <", "~/.config/prokura"] {
            assert!(!said.contains(other), "{command:?}: `{other}`:\n{said}");
        }
    }
    assert!(run(&["serve", "--help"]).ended(0).out.contains("The server's configuration file"));
    assert!(run(&["schema", "write", "--help"]).ended(0).out.contains("--server"));
}
