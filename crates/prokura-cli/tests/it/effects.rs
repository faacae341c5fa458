//! A command says what it changed, and what was probably meant where it changed or found nothing.

use serde_json::json;

use crate::support::{Server, file};

fn sample() -> Server {
    let server = Server::in_memory();
    server.well(&["apply", "examples/engineering"]);
    server
}

#[test]
fn relationships_that_change_nothing_are_told() {
    let server = sample();
    let nobody = "team:payments#direct_member@user:nobody";
    let told = server.well(&["relationship", "delete", nobody]).out;
    assert!(told.starts_with(&format!("deleted: 0; 1 was not there: {nobody}")), "{told}");
    let told = server.well(&["relationship", "write", nobody, "team:payments#direct_member@user:alice"]).out;
    let there = "written: 1; 1 was there already: team:payments#direct_member@user:alice";
    assert!(told.starts_with(there), "{told}");
    let told = server.well(&["--json", "relationship", "delete", nobody, nobody]).json();
    assert_eq!((&told["named"], &told["changed"], &told["unchanged"]), (&json!(1), &json!(1), &json!([])));
    let told = server.well(&["--json", "relationship", "delete", nobody]).json();
    assert_eq!((&told["changed"], &told["unchanged"]), (&json!(0), &json!([nobody])));
    assert!(told["revision"].is_u64(), "{told}");
}

#[test]
fn an_object_its_userset_and_the_wildcard_are_three_subjects() {
    let server = sample();
    for (edge, change) in [
        ("repository:new#reader@user:*", 1),
        ("repository:new#reader@user:alice", 1),
        ("repository:new#reader@user:*", 0),
        ("repository:new#reader@user:alice", 0),
    ] {
        let told = server.well(&["--json", "relationship", "write", edge]).json();
        assert_eq!(told["changed"], json!(change), "{edge}");
    }
}

#[test]
fn suspending_who_is_not_registered_is_told_loudly() {
    let server = sample();
    let said = server.well(&["principal", "suspend", "agent:deployr"]);
    let warned = "agent:deployr was not registered; it is now, and suspended; did you mean agent:deployer? that one \
                  is still active";
    assert!(said.err.contains(warned), "{}", said.err);
    let said = server.well(&["principal", "suspend", "agent:deployer"]);
    assert_eq!(said.err, "", "it was registered");
    let told = server.well(&["--json", "principal", "suspend", "agent:codr"]);
    assert_eq!(told.err, "");
    assert_eq!(told.json()["newly_registered"], json!(true));
    assert_eq!(told.json()["did_you_mean"]["object"]["id"], json!("coder"));
}

#[test]
fn near_names_are_offered() {
    let server = sample();
    for (args, meant) in [
        (&["revoke", "planer-to-coder"][..], "planner-to-coder"),
        (&["delegation", "show", "planer-to-coder"], "planner-to-coder"),
        (&["delegation", "list", "--task", "ship-chekout"], "ship-checkout"),
        (&["task", "complete", "ship-chekout"], "ship-checkout"),
        (&["principal", "show", "agent:deployr"], "agent:deployer"),
        (&["principal", "remove", "agent:deployr"], "agent:deployer"),
        (&["relationship", "read", "--resource", "sservice"], "service"),
        (&["relationship", "read", "--resource", "sservice:x"], "service"),
        (&["relationship", "read", "--relation", "ownr"], "owner"),
        (&["relationship", "read", "--resource", "service", "--relation", "ownr"], "owner"),
        (&["relationship", "read", "--subject", "usr"], "user"),
        (&["principal", "list", "--type", "usr"], "user"),
        (&["attribute", "read", "servce"], "service"),
        (&["task", "list", "--origin", "usr:alice"], "user"),
        (&["delegation", "list", "--from", "usr:alice"], "user"),
        (&["decision", "list", "--actor", "agnt:coder"], "agent"),
        (&["decision", "list", "--reason", "no_pth"], "no_path"),
        (&["decision", "list", "--reason", "revoked"], "delegation_revoked"),
        (&["decision", "list", "--reason", "bogus"], "outside_cap"),
    ] {
        let said = server.run(args).ended(2);
        assert!(said.err.contains(&format!("`{meant}`")) || said.err.contains(meant), "{args:?}:\n{}", said.err);
    }
}

#[test]
fn what_is_known_and_not_there_is_an_empty_list() {
    let server = sample();
    for args in [
        &["relationship", "read", "--resource", "service:none"][..],
        &["principal", "list", "--type", "repository"],
        &["attribute", "read", "user"],
        &["task", "list", "--origin", "user:nobody"],
        &["delegation", "list", "--to", "user:nobody"],
        &["decision", "list", "--reason", "outside_cap"],
        &["decision", "list", "--disposition", "failed"],
    ] {
        let said = server.well(args);
        assert!(said.out.starts_with("no "), "{args:?}: {}", said.out);
    }
}

#[test]
fn decisions_that_failed_can_be_listed() {
    let server = sample();
    server.run(&["decide", "user:alice", "deploy", "service:checkout"]).ended(0);
    server.run(&["decide", "user:alice", "fly", "service:checkout"]).ended(2);
    let listed = server.well(&["--json", "decision", "list", "--disposition", "failed"]).json();
    let items = listed["items"].as_array().expect("a list");
    assert!(items.iter().all(|item| item.get("disposition").is_none()), "{listed}");
}

#[test]
fn what_helps_depends_on_how_somebody_was_stopped() {
    let server = sample();
    let folder = tempfile::tempdir().expect("a folder");
    let explained =
        || server.well(&["explain", "agent:deployer", "deploy", "service:checkout", "-d", "coder-to-deployer"]);
    server.well(&["principal", "suspend", "agent:coder"]);
    let told = explained().out;
    assert!(told.contains("`prokura principal resume 'agent:coder'`"), "{told}");
    // By files it is only stopped: what it made stays as it is.
    let path = file(folder.path(), "stopped.yaml", "principals: { agent:coder: { state: off_boarded } }");
    server.well(&["apply", &path]);
    let told = explained().out;
    assert!(told.contains("off-boarded, and that is for good") && !told.contains("principal resume"), "{told}");
    server.well(&["principal", "off-board", "agent:deployer", "--yes"]);
    let told = explained().out;
    assert!(told.contains("agent:deployer is off-boarded, and that") && !told.contains("principal resume"), "{told}");
}

#[test]
fn a_missing_relationship_is_one_way_not_the_way() {
    let server = sample();
    let told = server.well(&["explain", "user:dave", "deploy", "service:catalog"]).out;
    assert!(!told.contains("relationship write") || told.contains("there may be better ones"), "{told}");
}

#[test]
fn tasks_and_delegations_show_what_has_become_of_them() {
    let server = sample();
    let listed = server.well(&["delegation", "list", "--task", "ship-checkout"]).out;
    let place = |id: &str| listed.find(id).unwrap_or_else(|| panic!("{id} is missing:\n{listed}"));
    assert!(place("alice-to-planner") < place("planner-to-coder"), "{listed}");
    assert!(place("\nplanner-to-coder") < place("\ncoder-to-deployer"), "{listed}");
    server.well(&["revoke", "planner-to-coder"]);
    let below = "below revoked planner-to-coder";
    let listed = server.well(&["delegation", "list", "--to", "agent:deployer"]).out;
    assert!(listed.contains(below), "the link above is looked up: {listed}");
    let shown = server.well(&["delegation", "show", "coder-to-deployer"]).out;
    assert!(shown.contains(below), "{shown}");
    server.well(&["task", "complete", "ship-checkout"]);
    let listed = server.well(&["delegation", "list", "--task", "ship-checkout"]).out;
    assert!(listed.contains("task completed") && listed.contains("revoked"), "{listed}");

    let open = ["task", "open", "--origin", "user:alice", "--purpose", "short", "--expires", "1s"];
    let task = server.well(&[&["--json"], &open[..]].concat()).json()["id"].as_str().expect("an id").to_owned();
    server.well(&["delegate", "user:alice", "agent:coder", "--task", &task, "--cap", "deploy on service:*"]);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert!(server.well(&["task", "show", &task]).out.contains("state    expired"));
    assert!(server.well(&["task", "list"]).out.contains("expired"));
    assert!(server.well(&["delegation", "list", "--task", &task]).out.contains("task expired"));
}

#[test]
fn a_task_is_shown_with_its_parts_and_their_links() {
    let server = sample();
    let open = |parent: &[&str]| {
        let args = ["--json", "task", "open", "--origin", "user:alice", "--purpose", "a part", "--expires", "1h"];
        server.well(&[&args[..], parent].concat()).json()["id"].as_str().expect("an id").to_owned()
    };
    let whole = open(&[]);
    let refused = server.run(&[
        "task",
        "open",
        "--origin",
        "user:alice",
        "--purpose",
        "x",
        "--expires",
        "2h",
        "--parent",
        &whole,
    ]);
    let refused = refused.ended(2);
    assert!(refused.err.contains("expires after its parent"), "{refused:?}");
    let part = {
        let args = ["--json", "task", "open", "--origin", "user:alice", "--purpose", "a part", "--expires", "30m"];
        let part = server.well(&[&args[..], &["--parent", &whole, "--owner", "agent:planner"]].concat()).json();
        part["id"].as_str().expect("an id").to_owned()
    };
    server.well(&["delegate", "user:alice", "agent:coder", "--task", &part, "--cap", "deploy on service:*"]);
    let shown = server.well(&["task", "show", &whole]).out;
    for text in [format!("└─ {part}"), "user:alice lends to agent:coder".to_owned()] {
        assert!(shown.contains(&text), "{text} is missing:\n{shown}");
    }
    let json = server.well(&["--json", "task", "show", &whole]).json();
    assert_eq!(json["tasks"][0]["id"], json!(part));
    assert_eq!(json["tasks"][0]["owner"], json!({ "type": "agent", "id": "planner" }));
    assert_eq!(json["tasks"][0]["delegations"][0]["to"]["id"], json!("coder"));
    let listed = server.well(&["task", "list", "--parent", &whole]).out;
    assert!(listed.contains(&part) && !listed.contains(&whole), "{listed}");
}

#[test]
fn an_off_boarding_is_shown_first_and_done_as_shown() {
    let server = sample();
    let show = ["principal", "off-board", "user:alice"];
    let shown = server.well(&show);
    assert!(
        shown.out.contains("would be off-boarded") && shown.out.contains("tasks: 1 would be cancelled"),
        "{shown:?}"
    );
    assert!(shown.err.contains("nothing was written"), "{shown:?}");
    assert!(server.well(&["principal", "show", "user:alice"]).out.contains("active"));
    let digest = server.well(&[&["--json"], &show[..]].concat()).json()["digest"].as_str().expect("one").to_owned();
    server.well(&["task", "open", "--origin", "user:alice", "--purpose", "one more", "--expires", "1h"]);
    let refused = server.run(&[&show[..], &["--expect", &digest]].concat());
    let refused = refused.ended(2);
    assert!(refused.err.contains("something else by now"), "{refused:?}");
    let done = server.well(&[&show[..], &["--yes", "--reason", "she leaves"]].concat()).out;
    assert!(done.contains("user:alice is off-boarded (revision"), "{done}");
    assert!(server.well(&["task", "show", "ship-checkout"]).out.contains("cancelled"));
    let again = server.well(&[&show[..], &["--yes"]].concat()).out;
    assert!(again.contains("nothing was left to be done"), "{again}");
    let unknown = server.run(&["principal", "off-board", "user:alicia"]).out;
    assert!(unknown.contains("user:alicia, which is not registered") && !unknown.contains("active now"), "{unknown}");
    let wrong = server.run(&["principal", "off-board", "user:bob", "--transfer", "agent:coder"]);
    let wrong = wrong.ended(2);
    assert!(wrong.err.contains("OWNED=OWNER"), "{wrong:?}");
}

#[test]
fn a_plan_is_looked_ahead_over_as_a_whole() {
    let server = sample();
    let folder = tempfile::tempdir().expect("a folder");
    let plan = |name: &str, actions: &str| {
        let text = format!("actor: agent:deployer\ndelegation: coder-to-deployer\nactions:\n{actions}");
        let path = file(folder.path(), name, &text);
        server.run(&["decide", "--plan", &path])
    };
    let deploy = "  - { permission: deploy, resource: service:checkout }\n";
    let allowed = plan("one.yaml", deploy);
    let allowed = allowed.ended(0);
    assert!(allowed.out.contains("the plan: 1 of 1 allowed"), "{allowed:?}");
    let denied = plan("two.yaml", &format!("{deploy}  - {{ permission: deploy, resource: service:catalog }}\n"));
    let denied = denied.ended(1);
    assert!(denied.out.contains("the plan: 1 of 2 allowed"), "{denied:?}");
    let undecided = plan("three.yaml", &format!("{deploy}  - {{ permission: fly, resource: service:checkout }}\n"));
    let undecided = undecided.ended(2);
    assert!(undecided.err.contains("could not be decided"), "{undecided:?}");
    let wrong = plan("four.yaml", "  - { permision: deploy, resource: service:checkout }\n");
    let wrong = wrong.ended(2);
    assert!(wrong.err.contains("four.yaml:4"), "{wrong:?}");
    let record = server.well(&["--json", "decision", "list", "--limit", "1"]).json();
    assert_eq!(record["items"][0]["planned"], json!(true));
}

#[test]
fn a_budget_is_given_taken_of_reserved_and_shown() {
    let server = sample();
    let budget = "name=cost,sum=amount,limit=10,in-flight=1; deploy on service:*";
    let open = ["--json", "task", "open", "--origin", "user:alice", "--purpose", "ship", "--expires", "1h", "--budget"];
    let task = server.well(&[&open[..], &[budget]].concat()).json();
    let task = task["id"].as_str().expect("a task");
    let cap = "deploy on service:*";
    let lend = ["--json", "delegate", "user:alice", "agent:coder", "--task", task, "--cap", cap, "--uses", "5"];
    let link = server.well(&lend).json();
    let link = link["id"].as_str().expect("a delegation");
    let decide = |amount: &str, more: &[&str]| {
        let arguments = format!("{{\"amount\": {amount}}}");
        let asked = ["--json", "decide", "agent:coder", "deploy", "service:checkout", "-d", link, "--arguments"];
        server.run(&[&asked[..], &[arguments.as_str()], more].concat()).json()
    };
    assert_eq!(decide("4", &[])["takes"], json!([{ "task": task, "budget": "cost", "amount": "4" }]));
    let held = decide("6", &["--reserve", "1h"]);
    let id = held["id"].as_str().expect("it is recorded");
    assert_eq!(decide("0.5", &[])["reason"], json!("budget_exhausted"));
    let shown = server.well(&["task", "show", task]).out;
    assert!(shown.contains("cost: 10 of amount, 0 left, 6 reserved by 1"), "{shown}");
    assert!(shown.contains(id), "{shown}");
    server.well(&["reservation", "commit", id, "--amount", "amount=5.5"]);
    assert_eq!(decide("0.5", &[])["disposition"], json!("allow"));
    let said = server.run(&["reservation", "release", id]);
    assert!(said.code == 2 && said.err.contains("no open reservation"), "{said:?}");
    let said = server.run(&["task", "open", "--purpose", "x", "--expires", "1h", "--budget", "cost"]);
    assert!(said.code == 2 && said.err.contains("name=NAME,limit=AMOUNT"), "{said:?}");
    assert!(server.well(&["delegation", "show", link]).out.contains("uses"), "its uses are not shown");
}
