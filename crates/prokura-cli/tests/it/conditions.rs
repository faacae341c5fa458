//! Caveats, expiry, lists and streams, through commands.

use serde_json::json;
use tempfile::TempDir;

use crate::support::{Server, file, run};

const SCHEMA: &str = "use expiration

caveat on_day(day string) {
	day == \"monday\"
}

definition user {}

definition doc {
	relation viewer: user | user with on_day | user with expiration | user:*
	relation banned: user
	permission view = viewer - banned
}
";

fn server(folder: &TempDir) -> Server {
    let server = Server::in_memory();
    let schema = file(folder.path(), "schema.zed", SCHEMA);
    server.well(&["schema", "write", &schema]);
    server
}

#[test]
fn a_conditional_answer_is_no_yes_and_says_what_it_lacks() {
    let folder = TempDir::new().expect("a folder");
    let server = server(&folder);
    server.well(&["relationship", "write", r#"doc:plan#viewer@user:bob[on_day]"#]);
    let told = server.run(&["check", "user:bob", "view", "doc:plan"]).ended(1).out;
    assert!(told.starts_with("conditional") && told.contains("day"), "{told}");
    let json = server.run(&["--json", "check", "user:bob", "view", "doc:plan"]).ended(1).json();
    assert_eq!((&json["permissionship"], &json["missing"]), (&json!("conditional_permission"), &json!(["day"])));
    let context = |day: &str| format!("{{\"day\": \"{day}\"}}");
    server.run(&["check", "user:bob", "view", "doc:plan", "--context", &context("monday")]).ended(0);
    server.run(&["check", "user:bob", "view", "doc:plan", "--context", &context("friday")]).ended(1);
    server.run(&["check", "user:bob", "view", "doc:plan", "--context", "[1]"]).ended(2);
    server.run(&["decide", "user:bob", "view", "doc:plan"]).ended(1);
    server.run(&["decide", "user:bob", "view", "doc:plan", "--context", &context("monday")]).ended(0);
    let drawn = server.well(&["explain", "user:bob", "view", "doc:plan"]).out;
    for part in ["may, on a condition,", "no value for `day`", "doc:plan#viewer@user:bob[on_day]", "--context"] {
        assert!(drawn.contains(part), "{part}:\n{drawn}");
    }
}

#[test]
fn lists_answer_who_and_what() {
    let folder = TempDir::new().expect("a folder");
    let server = server(&folder);
    let edges = [
        "doc:plan#viewer@user:alice",
        "doc:memo#viewer@user:alice[on_day]",
        "doc:memo#viewer@user:*",
        "doc:memo#banned@user:eve",
    ];
    server.well(&[&["relationship", "write"][..], &edges[..]].concat());
    let found = server.run(&["--json", "resources", "doc", "view", "user:alice"]).ended(0).json();
    let ids: Vec<_> = found["items"].as_array().expect("items").iter().map(|item| item["id"].clone()).collect();
    assert_eq!(ids, ["memo", "plan"]);
    server.run(&["resources", "doc", "banned", "user:alice"]).ended(1);
    let found = server.run(&["--json", "subjects", "doc:memo", "view", "user"]).ended(0).json();
    assert_eq!(found["everyone"]["excluded"][0]["id"], json!("eve"), "{found}");
    let shown = server.run(&["subjects", "doc:memo", "view", "user"]).ended(0).out;
    assert!(shown.contains("user:* but user:eve"), "{shown}");
    let held = server.run(&["--json", "permissions", "doc:memo", "user:eve"]).ended(0).json();
    let held: Vec<_> = held["permissions"]
        .as_array()
        .expect("permissions")
        .iter()
        .map(|held| (held["permission"].clone(), held["permissionship"].clone()))
        .collect();
    assert_eq!(
        held,
        [
            (json!("banned"), json!("has_permission")),
            (json!("view"), json!("no_permission")),
            (json!("viewer"), json!("has_permission")),
        ]
    );
    let tree = server.well(&["expand", "doc:memo", "view"]).out;
    assert!(
        tree.contains("doc:memo#viewer") && tree.contains("user:eve") && tree.contains("without the others"),
        "{tree}"
    );
}

#[test]
fn relationships_go_out_and_come_back() {
    let folder = TempDir::new().expect("a folder");
    let server = server(&folder);
    let edges: String = (0..25).map(|number| format!("doc:d{number}#viewer@user:alice\n")).collect();
    let edges = edges + "doc:plan#viewer@user:bob[on_day:{\"day\":\"monday\"}]\n";
    let path = file(folder.path(), "edges.rels", &edges);
    let told = server.run(&["--json", "relationship", "import", &path]).ended(0).json();
    assert_eq!(told["imported"], json!(26));
    let again = server.run(&["relationship", "import", &path]).ended(2);
    assert!(again.err.contains("doc:d0#viewer@user:alice"), "{}", again.err);
    let out = folder.path().join("out.rels").to_str().expect("UTF-8").to_owned();
    server.well(&["relationship", "export", &out]);
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&std::fs::read_to_string(&out).expect("written")), sorted(&edges));
    let few = server.run(&["relationship", "delete", "--resource", "doc", "--prefix", "d", "--limit", "10"]).ended(2);
    assert!(few.err.contains("10"), "{}", few.err);
    let told = server.well(&["--json", "relationship", "delete", "--prefix", "d", "--limit", "10", "--partial"]).json();
    assert_eq!((&told["deleted"], &told["complete"]), (&json!(10), &json!(false)));
    let told = server.well(&["--json", "relationship", "delete", "--resource", "doc", "--prefix", "d"]).json();
    assert_eq!((&told["deleted"], &told["complete"]), (&json!(15), &json!(true)));
    server.run(&["relationship", "write", "--create", "doc:plan#viewer@user:bob[on_day]"]).ended(2);
    let bad = file(folder.path(), "bad.rels", "doc:plan#viewer@user:alice\nnonsense\n");
    let said = server.run(&["relationship", "import", &bad]).ended(2);
    assert!(said.err.contains("line 2"), "{}", said.err);
}

#[test]
fn what_is_written_is_watched_from_any_revision_on() {
    let folder = TempDir::new().expect("a folder");
    let server = server(&folder);
    server.well(&["relationship", "write", "doc:plan#viewer@user:alice", "--reason", "a start"]);
    server.well(&["relationship", "delete", "doc:plan#viewer@user:alice"]);
    let lines = server.well(&["--json", "watch", "--after", "0", "--limit", "3"]).out;
    let kinds: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .map(|event| event["transaction"]["changes"][0]["kind"].as_str().expect("a kind").to_owned())
        .collect();
    assert_eq!(kinds, ["schema_written", "relationship_touched", "relationship_deleted"]);
    let shown = server.well(&["watch", "--after", "1", "--kinds", "relationships", "--limit", "2"]).out;
    assert!(shown.contains("+ doc:plan#viewer@user:alice") && shown.contains("a start"), "{shown}");
    server.run(&["watch", "--after", "999"]).ended(2);
    server.run(&["watch", "--kinds", "weather"]).ended(2);
}

#[test]
fn schemas_are_compared_in_words() {
    let folder = TempDir::new().expect("a folder");
    let server = server(&folder);
    let before = folder.path().join("schema.zed").to_str().expect("UTF-8").to_owned();
    let after = file(
        folder.path(),
        "after.zed",
        &SCHEMA.replace("\trelation banned: user\n", "\trelation banned: user | user:*\n"),
    );
    let told = run(&["schema", "diff", &before, &after]).ended(0).out;
    assert!(told.contains("relation `doc#banned` allows `user:*`"), "{told}");
    let told = server.well(&["--json", "schema", "diff", &after]).json();
    assert_eq!(told["differences"][0]["kind"], json!("subject_type_added"));
    let told = server.well(&["schema", "diff", &before]).out;
    assert!(told.contains("they mean the same"), "{told}");
}

#[test]
fn a_schema_of_several_files_is_sent_as_one() {
    let folder = TempDir::new().expect("a folder");
    file(folder.path(), "users.zed", "definition user {}\n");
    let main = file(
        folder.path(),
        "main.zed",
        "use import\nimport \"users.zed\"\ndefinition doc {\n\trelation viewer: user\n}\n",
    );
    run(&["schema", "check", &main]).ended(0);
    let server = Server::in_memory();
    server.well(&["schema", "write", &main]);
    let text = server.well(&["schema", "read"]).out;
    assert!(text.contains("definition user") && !text.contains("import"), "{text}");
    server.well(&["apply", folder.path().to_str().expect("UTF-8")]);
    let wrong = file(folder.path(), "wrong.zed", "use import\nimport \"gone.zed\"\ndefinition doc {}\n");
    let said = run(&["schema", "check", &wrong]).ended(2);
    assert!(said.err.contains("gone.zed"), "{}", said.err);
}
