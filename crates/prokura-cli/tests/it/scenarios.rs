//! scenarios/*.yaml at the door of the command line: every step is commands, every question is a command.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use prokura_model::{
    Approval, Budget, Cap, CapPermissions, Change, Delegation, Endorsement, Measure, Principal, PrincipalState, Reason,
    RelationshipOnTerms, Task, TaskState, Terms, Timestamp, Value as ModelValue,
};
use prokura_testkit::{Answer, Ask, Candidate, List, Standing, Verdict, scenario};
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
        if asks_past_the_stopped(&scenario) {
            println!("left out: {name}: the commands' lists leave out who may not act");
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

/// Whether it asks for a list by relationships alone where somebody may not act.
fn asks_past_the_stopped(scenario: &scenario::Scenario) -> bool {
    let stages = scenario.stages().expect("a scenario");
    let stopped = |change: &Change| matches!(change, Change::PrincipalSet(principal) if principal.state != PrincipalState::Active);
    let past = |ask: &Ask| {
        matches!(
            ask,
            Ask::LookupResources { alive: false, .. }
                | Ask::LookupSubjects { alive: false, .. }
                | Ask::Permissions { alive: false, .. }
        )
    };
    stages.iter().any(|stage| stage.changes.iter().any(stopped))
        && stages.iter().any(|stage| stage.asks.iter().any(|expected| past(&expected.ask)))
}

/// Whether time passes in it, which no caller of a server can bring about.
fn travels(scenario: &scenario::Scenario) -> bool {
    let stages = scenario.stages().expect("a scenario");
    let start = stages.first().map(|stage| stage.now);
    stages.iter().any(|stage| {
        let asked = stage.asks.iter().any(|expected| Some(expected.ask.now()) != start);
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

    fn moved(&self, time: Timestamp) -> Timestamp {
        let moved = i128::from(time.0) + self.later.expect("the first step sets it");
        Timestamp(u64::try_from(moved).expect("after 1970"))
    }

    fn moment(&self, time: Timestamp) -> String {
        prokura_api::Time::from_ms(self.moved(time).0).to_string()
    }

    fn task(&self, task: &Task) -> Value {
        let budgets = task.budgets.iter().map(|budget| (budget.name.to_string(), self::budget(budget)));
        json!({
            "origin": task.origin.to_string(),
            "purpose": task.purpose,
            "expires_at": self.moment(task.expires_at),
            "parent": task.parent.as_ref().map(ToString::to_string),
            "owner": task.owner.as_ref().map(ToString::to_string),
            "budgets": budgets.collect::<BTreeMap<_, _>>(),
        })
    }

    fn delegation(&self, link: &Delegation) -> Value {
        json!({
            "task": link.task.as_str(),
            "kind": link.kind.word(),
            "from": link.from.to_string(),
            "to": link.to.to_string(),
            "parent": link.parent.as_ref().map(ToString::to_string),
            "cap": cap(&link.cap),
            "depth": link.depth,
            "not_before": link.not_before.map(|time| self.moment(time)),
            "expires_at": link.expires_at.map(|time| self.moment(time)),
            "uses": link.uses,
        })
    }

    fn endorsement(&self, endorsement: &Endorsement) -> Value {
        json!({
            "worker": endorsement.worker.to_string(),
            "by": endorsement.by.to_string(),
            "origins": endorsement.origins.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "cap": cap(&endorsement.cap),
            "expires_at": endorsement.expires_at.map(|time| self.moment(time)),
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
                Change::RelationshipTouched(relationship, terms) => {
                    let expires_at = terms.expires_at.map(|time| self.moved(time));
                    let terms = Terms { expires_at, ..terms.clone() };
                    relationships.push(RelationshipOnTerms { relationship: relationship.clone(), terms }.to_string());
                    continue;
                }
                Change::PrincipalSet(Principal { object, owner, state, .. }) => {
                    let owner = owner.as_ref().map(ToString::to_string);
                    ("principals", object.to_string(), json!({ "owner": owner, "state": state.word() }))
                }
                Change::TaskOpened(task) => ("tasks", task.id.to_string(), self.task(task)),
                Change::EndorsementCreated(endorsement) => {
                    ("endorsements", endorsement.id.to_string(), self.endorsement(endorsement))
                }
                Change::AttributesSet(object, attributes) => {
                    ("attributes", object.to_string(), to_json(&ModelValue::Map(attributes.clone())))
                }
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

    /// Asks for the approval, and gives it.
    fn approve(&self, approval: &Approval) {
        let action = &approval.action;
        let arguments = to_json(&ModelValue::Map(action.arguments.clone()));
        let mut args = words(&[&"approval", &"ask", &action.actor, &action.permission, &action.resource]);
        args.extend(words(&[&"--arguments", &arguments, &"--reason", &"a step", &"--json"]));
        if let Some(link) = action.chain.last() {
            args.extend(words(&[&"--delegation", &link.delegation]));
        }
        if let Some(tool) = &action.tool_schema {
            args.extend(words(&[&"--tool-schema", tool]));
        }
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let asked = self.run(&args).ended(0).json();
        let by = approval.answer.as_ref().and_then(|answer| answer.by.as_ref()).expect("somebody gave it");
        self.well(&["approve", asked["id"].as_str().expect("an id"), "--by", &by.to_string()]);
    }

    /// What is no declaration: ends of things.
    fn end(&self, change: &Change) {
        match change {
            Change::PrincipalRemoved(object) => self.well(&["principal", "remove", &object.to_string()]),
            Change::TaskClosed(id, TaskState::Completed) => self.well(&["task", "complete", id.as_str()]),
            Change::TaskClosed(id, _) => self.well(&["task", "cancel", id.as_str()]),
            Change::DelegationRevoked(id) => self.well(&["revoke", id.as_str()]),
            Change::EndorsementRevoked(id) => self.well(&["endorsement", "revoke", id.as_str()]),
            Change::PrincipalSet(Principal { object, state: PrincipalState::OffBoarded, .. }) => {
                self.well(&["principal", "show", &object.to_string()]);
            }
            _ => {}
        }
    }
}

fn budget(budget: &Budget) -> Value {
    json!({
        "covers": budget.covers.as_ref().map(cap),
        "sum": match &budget.measure {
            Measure::Count => None,
            Measure::Sum(argument) => Some(argument),
        },
        "limit": budget.limit.to_string(),
        "per": budget.per_ms.map(|per| format!("{}s", per / 1_000)),
        "in_flight": budget.in_flight,
    })
}

fn cap(cap: &Cap) -> Value {
    let clauses = cap.clauses.iter().map(|clause| {
        let permissions: Vec<_> = match &clause.permissions {
            CapPermissions::Any => vec!["*".to_owned()],
            CapPermissions::Only(names) => names.iter().map(ToString::to_string).collect(),
        };
        let resources: Vec<_> = clause.resources.iter().map(ToString::to_string).collect();
        let mut entry = json!({ "permissions": permissions, "resources": resources });
        if let Some(used) = &clause.condition {
            let context = to_json(&ModelValue::Map(used.context.clone()));
            entry["when"] = json!({ "name": used.name.as_str(), "context": context });
        }
        entry
    });
    clauses.collect()
}

impl Candidate for Door<'_> {
    fn takes(&self) -> bool {
        true
    }

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
        for change in changes {
            if let Change::ApprovalSet(approval) = change {
                self.approve(approval);
            }
        }
    }

    fn answer(&self, ask: &Ask) -> Answer {
        let context = to_json(&ModelValue::Map(ask.context().clone())).to_string();
        let mut args: Vec<String> = match ask {
            Ask::Check { resource, permission, subject, .. } => words(&[&"check", subject, permission, resource]),
            Ask::LookupResources { kind, permission, subject, .. } => words(&[&"resources", kind, permission, subject]),
            Ask::LookupSubjects { resource, permission, kind, relation, .. } => {
                let relation = relation.as_ref().map(|relation| format!("#{relation}")).unwrap_or_default();
                words(&[&"subjects", resource, permission, &format!("{kind}{relation}")])
            }
            Ask::Permissions { resource, subject, .. } => words(&[&"permissions", resource, subject]),
            Ask::Decide { question, .. } => {
                let mut args = words(&[&"decide", &question.actor, &question.permission, &question.resource]);
                if let Some(delegation) = &question.delegation {
                    args.extend(words(&[&"--delegation", delegation]));
                }
                let arguments = to_json(&ModelValue::Map(question.arguments.clone()));
                args.extend(words(&[&"--arguments", &arguments]));
                if let Some(tool) = &question.tool_schema {
                    args.extend(words(&[&"--tool-schema", tool]));
                }
                args
            }
        };
        args.extend(words(&[&"--json", &"--context", &context]));
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let said = self.run(&args);
        if !matches!(said.code, 0 | 1) {
            let error: Value = serde_json::from_str(&said.err).expect("an error in JSON");
            return Answer::Failed(error["error"]["code"].as_str().expect("a code").to_owned());
        }
        let answer = said.json();
        match ask {
            Ask::Check { .. } => Answer::from(standing(&answer)),
            Ask::LookupResources { .. } => Answer::Listed(listed(&answer["items"], "id")),
            Ask::Permissions { .. } => Answer::Listed(listed(&answer["permissions"], "permission")),
            Ask::LookupSubjects { .. } => {
                let mut list = listed(&answer["items"], "id");
                if let Some(everyone) = answer.get("everyone") {
                    list.named.extend(listed(&everyone["excluded"], "id").named);
                    list.others = standing(everyone);
                }
                Answer::Listed(list)
            }
            Ask::Decide { .. } => {
                let word = answer["reason"].as_str().expect("a reason").to_owned();
                let reason = Reason::from_word(&word).expect("a reason of the model");
                assert_eq!(reason.disposition() == prokura_model::Disposition::Allow, said.code == 0, "{said:?}");
                Answer::Decided(Verdict { reason, at: None, valid_until: None })
            }
        }
    }
}

fn words(words: &[&dyn std::fmt::Display]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn standing(answer: &Value) -> Standing {
    match answer["permissionship"].as_str().expect("an answer") {
        "has_permission" => Standing::Has,
        "no_permission" => Standing::HasNot,
        _ => {
            let missing = answer["missing"].as_array().expect("names").iter();
            Standing::Conditional(missing.map(|name| name.as_str().expect("a name").to_owned()).collect())
        }
    }
}

fn listed(entries: &Value, name: &str) -> List {
    let entries = entries.as_array().into_iter().flatten();
    let named = entries.map(|entry| (entry[name].as_str().expect("a name").to_owned(), standing(entry)));
    List { named: named.collect(), others: Standing::HasNot }
}

fn to_json(value: &ModelValue) -> Value {
    match value {
        ModelValue::Null => Value::Null,
        ModelValue::Bool(value) => json!(value),
        ModelValue::Integer(value) => json!(value),
        ModelValue::Float(value) => json!(value),
        ModelValue::String(value) => json!(value),
        ModelValue::List(values) => values.iter().map(to_json).collect(),
        ModelValue::Map(values) => {
            json!(values.iter().map(|(name, value)| (name, to_json(value))).collect::<BTreeMap<_, _>>())
        }
    }
}
