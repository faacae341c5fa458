//! Approvals on the command line: in JSON, by the beginning of an id, and what is said to a wrong one.

use serde_json::json;

use crate::support::{Server, file};

const SCHEMA: &str = "use guards
definition user {}
definition service {
	relation deployer: user
	relation lead: user
	permission deploy = deployer
	permission approve = lead
}
guard seen on service#deploy {
	require approval from service#approve
}
";

#[test]
fn an_approval_is_named_in_json_and_by_its_first_digits() {
    let server = Server::in_memory();
    let folder = tempfile::tempdir().unwrap();
    server.well(&["schema", "write", &file(folder.path(), "schema.zed", SCHEMA)]);
    server.well(&["relationship", "write", "service:shop#deployer@user:alice", "service:shop#lead@user:lena"]);
    server.well(&["principal", "set", "user:lena"]);
    let deploy = ["user:alice", "deploy", "service:shop", "--arguments", "{\"version\": \"1.4\"}", "--json"];
    let held = server.run(&[&["decide"][..], &deploy].concat()).ended(1).json();
    let id = held["held"]["approval"].as_str().unwrap().to_owned();
    assert_eq!(held["disposition"], "held");

    let ask = [&["approval", "ask"][..], &deploy, &["--reason", "it is due", "--tool-schema", "sha256:7f"]].concat();
    let other = server.well(&ask).json();
    assert_ne!(other["id"], json!(id), "with another tool it is something else");
    let asked = server.well(&[&["approval", "ask"][..], &deploy, &["--reason", "it is due"]].concat()).json();
    assert_eq!((&asked["id"], &asked["arguments"]), (&json!(id), &json!({ "version": "1.4" })));
    let pending = server.well(&["pending", "--by", "user:lena", "--json"]).json();
    assert_eq!(pending["requests"]["items"], json!([]));
    assert_eq!(pending["approvals"]["items"].as_array().map(Vec::len), Some(2));

    let (begins, _) = id.split_at(8);
    let (too_short, _) = id.split_at(7);
    for wrong in ["approve", "refuse"] {
        let unknown = server.run(&[wrong, "00000000", "--by", "user:lena"]).ended(2);
        assert!(unknown.err.contains("no approval that waits begins with `00000000`"), "{}", unknown.err);
        let short = server.run(&[wrong, too_short, "--by", "user:lena"]).ended(2);
        assert!(short.err.contains("there is no such request"), "{}", short.err);
    }
    let part = server.run(&["approve", begins, "--by", "user:lena", "--for", "10m"]).ended(2);
    assert!(part.err.contains("an approval is given as it is"), "{}", part.err);
    let given = server.well(&["approve", begins, "--by", "user:lena", "--json"]).json();
    assert_eq!((&given["id"], &given["state"]), (&json!(id), &json!("given")));
    // What waits no more has its whole name.
    assert!(server.run(&["approval", "show", begins]).ended(2).err.contains("begins with"));
    assert_eq!(server.well(&["approval", "show", &id, "--json"]).json()["state"], "given");
    assert_eq!(
        server.well(&["approval", "list", "--state", "pending", "--json"]).json()["items"][0]["id"],
        other["id"]
    );

    assert_eq!(server.well(&[&["decide"][..], &deploy].concat()).json()["disposition"], "allow");
    assert_eq!(server.run(&[&["decide"][..], &deploy].concat()).ended(1).json()["held"]["used"], true);
    assert_eq!(
        server.well(&["approval", "cancel", other["id"].as_str().unwrap(), "--json"]).json()["state"],
        "cancelled"
    );
    assert_eq!(server.well(&["pending"]).out.trim(), "nothing waits");
}
