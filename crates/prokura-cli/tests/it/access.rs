//! Just-in-time access, as the manual tells it.

use serde_json::Value;

use crate::support::{Server, file, root};

/// The schema that the manual shows.
fn schema() -> String {
    let manual = std::fs::read_to_string(root().join("docs/manual/just-in-time.md")).unwrap();
    let schema = manual.split("```").find(|block| block.contains("use access\nuse expiration")).unwrap();
    schema.trim().to_owned()
}

/// The commands of the manual that ask a server, in order.
fn commands() -> Vec<String> {
    let manual = std::fs::read_to_string(root().join("docs/manual/just-in-time.md")).unwrap();
    let block = manual.split("```").find(|block| block.contains("prokura schema write")).unwrap().to_owned();
    block.lines().filter_map(|line| line.strip_prefix("prokura ")).map(ToOwned::to_owned).collect()
}

/// As a shell cuts it, for single quotes.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for character in command.chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    words
}

#[test]
fn the_manual_is_followed_to_the_letter() {
    let server = Server::in_memory();
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "schema.zed", &schema());
    let (mut task, mut delegation, mut request) = (String::new(), String::new(), String::new());
    let mut decided = Vec::new();
    for command in commands() {
        let words: Vec<String> = words(&command)
            .into_iter()
            .map(|word| match word.as_str() {
                "schema.zed" => path.clone(),
                "TASK" => task.clone(),
                "DELEGATION" => delegation.clone(),
                "REQUEST" => request.clone(),
                _ => word,
            })
            .collect();
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        arguments.push("--json");
        let said = server.run(&arguments);
        let expected = i32::from(words[0] == "decide" && decided.is_empty());
        let said = said.ended(expected);
        let id = |answer: &Value| answer["id"].as_str().unwrap().to_owned();
        match (words[0].as_str(), words[1].as_str()) {
            ("task", _) => task = id(&said.json()),
            ("delegate", _) => delegation = id(&said.json()),
            ("request", _) => {
                request = id(&said.json());
                assert_eq!(said.json()["state"], "pending");
            }
            ("pending", _) => assert_eq!(id(&said.json()["requests"]["items"][0]), request),
            ("approve", _) => assert_eq!(said.json()["state"], "granted"),
            ("decide", _) => decided.push(said.json()),
            _ => {}
        }
    }
    assert_eq!(decided.len(), 2);
    assert_eq!(decided[0]["access"]["item"], "deploy_now");
    assert_eq!((&decided[1]["disposition"], &decided[1]["access"]), (&"allow".into(), &Value::Null));
    assert_eq!(
        decided[1]["valid_until"],
        server.well(&["access", "show", &request, "--json"]).json()["grant"]["until"]
    );
    said_in_words(&server, &request, &delegation);
}

/// What to do next, and what became of it.
fn said_in_words(server: &Server, request: &str, delegation: &str) {
    let shown = server.well(&["access", "show", request]);
    assert!(shown.out.contains("service:web#temporary_deployer@user:alice"), "{}", shown.out);
    server.well(&["access", "cancel", request, "--reason", "done"]);
    let denied = server.run(&["decide", "agent:coder", "deploy", "service:web", "-d", delegation]).ended(1);
    let next = format!("prokura request agent:coder deploy service:web -d {delegation} --ticket TICKET --reason WHY");
    assert!(denied.out.contains(&next), "{}", denied.out);
    let ask =
        ["request", "agent:coder", "deploy", "service:web", "-d", delegation, "--ticket", "OPS-8", "--reason", "again"];
    let asked = server.well(&ask);
    assert!(asked.out.contains("a person with approve on service:web: prokura approve r-"), "{}", asked.out);
    let pending = server.well(&["access", "list", "--state", "pending", "--json"]).json();
    let second = pending["items"][0]["id"].as_str().unwrap().to_owned();
    let wrong = server.run(&["approve", &second, "--by", "user:alice"]).ended(2);
    assert!(wrong.err.contains("origin may answer"), "{}", wrong.err);
    assert!(server.well(&["refuse", &second, "--by", "user:olga", "--reason", "no"]).out.contains("refused"));

    let mut broken = ask.to_vec();
    broken.push("--break-glass");
    let broken = server.well(&[broken.as_slice(), &["--json"]].concat()).json();
    assert_eq!((&broken["state"], &broken["awaits_review"]), (&"granted".into(), &true.into()));
    let review =
        ["access", "review", broken["id"].as_str().unwrap(), "--by", "user:olga", "--reason", "it was on fire"];
    assert!(server.well(&review).out.contains("it was on fire"));
    assert_eq!(server.well(&["pending"]).out.trim(), "nothing waits");
}
