//! scenarios/*.yaml at the door of the command line: every step is commands, every question is a command.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use prokura_model::{
    Cap, CapPermissions, Change, Delegation, Principal, PrincipalState, Reason, Task, TaskState, Timestamp,
};
use prokura_testkit::{Answer, Ask, Candidate, Verdict, scenario};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Said, Server, file};

#[test]
fn every_scenario_is_answered_right_through_the_command_line() {
    let server = Server::in_memory();
    let mut played = 0;
    for (name, scenario) in scenario::all() {
        if scenario.forged {
            println!("left out: {name}: no writer stores it");
            continue;
        }
        if travels(&scenario) {
            println!("left out: {name}: the server's clock is its own");
            continue;
        }
        server.well(&["tenant", "create", &name.to_lowercase()]);
        let mut door = Door {
            server: &server,
            tenant: name.to_lowercase(),
            later: None,
            files: TempDir::new().expect("a folder"),
        };
        if let Err(wrong) = scenario::run(&scenario, &mut door) {
            panic!("{name}:\n{wrong}");
        }
        played += 1;
    }
    assert!(played > 0, "no scenario fits this door");
}

/// Whether time passes in it, which no caller of a server can bring about.
fn travels(scenario: &scenario::Scenario) -> bool {
    let stages = scenario.stages().expect("a scenario");
    let start = stages.first().map(|stage| stage.now);
    stages.iter().any(|stage| {
        let asked = stage.asks.iter().any(|expected| match &expected.ask {
            Ask::Decide { now, .. } => Some(*now) != start,
            Ask::Check { .. } => false,
        });
        asked || Some(stage.now) != start
    })
}

/// A tenant, reached by commands. Times are moved so that the scenario's now is now.
struct Door<'s> {
    server: &'s Server,
    tenant: String,
    later: Option<i128>,
    files: TempDir,
}

impl Door<'_> {
    fn run(&self, args: &[&str]) -> Said {
        self.server.run_in(&self.tenant, args)
    }

    #[track_caller]
    fn well(&self, args: &[&str]) {
        self.run(args).ended(0);
    }

    fn moment(&self, time: Timestamp) -> String {
        let moved = i128::from(time.0) + self.later.expect("the first step sets it");
        prokura_api::Time::from_ms(u64::try_from(moved).expect("after 1970")).to_string()
    }

    fn task(&self, task: &Task) -> Value {
        json!({ "origin": task.origin.to_string(), "purpose": task.purpose, "expires_at": self.moment(task.expires_at) })
    }

    fn delegation(&self, link: &Delegation) -> Value {
        json!({
            "task": link.task.as_str(),
            "from": link.from.to_string(),
            "to": link.to.to_string(),
            "parent": link.parent.as_ref().map(ToString::to_string),
            "cap": cap(&link.cap),
            "depth": link.depth,
            "not_before": link.not_before.map(|time| self.moment(time)),
            "expires_at": link.expires_at.map(|time| self.moment(time)),
        })
    }

    /// What can be declared, as a file; JSON is YAML.
    fn declaration(&self, changes: &[Change]) -> Value {
        let mut sections = BTreeMap::<&str, serde_json::Map<String, Value>>::new();
        let (mut schema, mut relationships) = (None, Vec::new());
        for change in changes {
            let (section, name, entry) = match change {
                Change::SchemaWritten(text) => {
                    schema = Some(text.clone());
                    continue;
                }
                Change::RelationshipTouched(relationship) => {
                    relationships.push(relationship.to_string());
                    continue;
                }
                Change::PrincipalSet(Principal { object, owner, state, .. }) => {
                    let owner = owner.as_ref().map(ToString::to_string);
                    ("principals", object.to_string(), json!({ "owner": owner, "state": state.word() }))
                }
                Change::TaskOpened(task) => ("tasks", task.id.to_string(), self.task(task)),
                Change::DelegationCreated(link) => ("delegations", link.id.to_string(), self.delegation(link)),
                _ => continue,
            };
            sections.entry(section).or_default().insert(name, entry);
        }
        let mut file = json!(sections);
        let members = file.as_object_mut().expect("an object");
        members.extend(schema.map(|text| ("schema".to_owned(), json!(text))));
        if !relationships.is_empty() {
            members.insert("relationships".to_owned(), json!(relationships));
        }
        file
    }

    /// What is no declaration: ends of things.
    fn end(&self, change: &Change) {
        match change {
            Change::PrincipalRemoved(object) => self.well(&["principal", "remove", &object.to_string()]),
            Change::TaskClosed(id, TaskState::Completed) => self.well(&["task", "complete", id.as_str()]),
            Change::TaskClosed(id, _) => self.well(&["task", "cancel", id.as_str()]),
            Change::DelegationRevoked(id) => self.well(&["revoke", id.as_str()]),
            Change::PrincipalSet(Principal { object, state: PrincipalState::OffBoarded, .. }) => {
                self.well(&["principal", "show", &object.to_string()]);
            }
            _ => {}
        }
    }
}

fn cap(cap: &Cap) -> Value {
    let clauses = cap.clauses.iter().map(|clause| {
        let permissions: Vec<_> = match &clause.permissions {
            CapPermissions::Any => vec!["*".to_owned()],
            CapPermissions::Only(names) => names.iter().map(ToString::to_string).collect(),
        };
        let resources: Vec<_> = clause.resources.iter().map(ToString::to_string).collect();
        json!({ "permissions": permissions, "resources": resources })
    });
    clauses.collect()
}

impl Candidate for Door<'_> {
    fn apply(&mut self, changes: &[Change], at: Timestamp) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        let later = i128::try_from(now).expect("not that late") - i128::from(at.0);
        self.later.get_or_insert(later);
        for change in changes {
            if let Change::RelationshipDeleted(relationship) = change {
                self.well(&["relationship", "delete", &relationship.to_string()]);
            }
        }
        let declaration = self.declaration(changes);
        if declaration != json!({}) {
            let path = file(self.files.path(), "step.yaml", &declaration.to_string());
            self.well(&["apply", &path]);
        }
        for change in changes {
            self.end(change);
        }
    }

    fn answer(&self, ask: &Ask) -> Answer {
        let said = match ask {
            Ask::Check { resource, permission, subject } => {
                self.run(&["--json", "check", &subject.to_string(), permission.as_str(), &resource.to_string()])
            }
            Ask::Decide { question, .. } => {
                let (actor, resource) = (question.actor.to_string(), question.resource.to_string());
                let mut args = vec!["--json", "decide", &actor, question.permission.as_str(), &resource];
                if let Some(delegation) = &question.delegation {
                    args.extend(["--delegation", delegation.as_str()]);
                }
                self.run(&args)
            }
        };
        match (said.code, ask) {
            (0, Ask::Check { .. }) => Answer::Has,
            (1, Ask::Check { .. }) => Answer::HasNot,
            (0 | 1, Ask::Decide { .. }) => {
                let word = said.json()["reason"].as_str().expect("a reason").to_owned();
                let reason = Reason::from_word(&word).expect("a reason of the model");
                assert_eq!(reason.disposition() == prokura_model::Disposition::Allow, said.code == 0, "{said:?}");
                Answer::Decided(Verdict { reason, at: None, valid_until: None })
            }
            _ => {
                let error: Value = serde_json::from_str(&said.err).expect("an error in JSON");
                Answer::Failed(error["error"]["code"].as_str().expect("a code").to_owned())
            }
        }
    }
}
