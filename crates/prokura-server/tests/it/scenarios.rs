//! Every written example, asked at both doors.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use prokura::{Authority, Clock, MemoryDisk, Options, Provenance};
use prokura_model::{Change, ObjectRef, PrincipalState, Reason, SubjectRef, Timestamp, Value as ModelValue};
use prokura_server::Config;
use prokura_testkit::{Answer, Ask, Candidate, Context, List, Question, Standing, Verdict, scenario};
use serde_json::{Value, json};

use crate::support::{Setup, approve, tenant};

/// An authority that the scenario is written to. Every question is put to a server of its own over a copy of what was
/// written, because a server's time never goes back.
struct Written {
    runtime: tokio::runtime::Runtime,
    authority: Authority,
    disk: MemoryDisk,
    admin: String,
    by_authzen: bool,
    /// What is on the disk since an allow took something.
    taken: RefCell<Option<BTreeMap<String, Vec<u8>>>>,
}

/// A server at one moment.
struct Door<'w> {
    written: &'w Written,
    setup: Setup,
    authority: Authority,
    disk: MemoryDisk,
}

fn options(at: Timestamp) -> Options {
    Options { clock: Clock::new(move || at), ..Options::default() }
}

impl Written {
    fn new(by_authzen: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let disk = MemoryDisk::new();
        let authority = Authority::open_on(Arc::new(disk.clone()), options(Timestamp(0))).unwrap();
        let admin = authority.first_key(None).unwrap().unwrap().secret.reveal().to_owned();
        Self { runtime, authority, disk, admin, by_authzen, taken: RefCell::default() }
    }

    fn door(&self, at: Timestamp) -> Door<'_> {
        let files = self.taken.borrow().clone().unwrap_or_else(|| self.disk.files());
        let copy = MemoryDisk::with_files(files.into_iter().filter(|(name, _)| name.starts_with("log.")));
        let authority = Authority::open_on(Arc::new(copy.clone()), options(at)).unwrap();
        let setup = self.runtime.block_on(Setup::over_known(authority.clone(), Config::default(), self.admin.clone()));
        Door { written: self, setup, authority, disk: copy }
    }
}

impl Door<'_> {
    fn post(&self, path: &str, body: &Value) -> crate::support::Answer {
        self.written.runtime.block_on(self.setup.post(path, &self.setup.admin, body))
    }

    fn decide(&self, question: &Question) -> Answer {
        let delegation = question.delegation.as_ref().map(ToString::to_string);
        let (actor, resource) = (&question.actor, &question.resource);
        let actor = json!({"type": actor.kind.as_str(), "id": actor.id.as_str()});
        let resource = json!({"type": resource.kind.as_str(), "id": resource.id.as_str()});
        let permission = question.permission.as_str();
        if self.written.by_authzen {
            let mut context = members(&question.context);
            context["delegation"] = json!(delegation);
            let body = json!({
                "subject": actor, "action": {"name": permission, "properties": members(&question.arguments)}, "resource": resource, "context": context,
            });
            let answer = self.post("/access/v1/evaluation", &body);
            return match answer.status {
                200 => from_authzen(&answer.json()),
                _ => Answer::Failed(answer.text.split(':').next().unwrap_or_default().to_owned()),
            };
        }
        let body = json!({
            "actor": actor, "permission": permission, "resource": resource, "delegation": delegation,
            "arguments": members(&question.arguments), "context": members(&question.context),
            "tool_schema": question.tool_schema,
        });
        let answer = self.post("/v1/tenants/default/decide", &body);
        match answer.status {
            200 => decided(&answer.json()["reason"], &answer.json()["disposition"]),
            _ => Answer::Failed(answer.code()),
        }
    }
}

fn from_authzen(body: &Value) -> Answer {
    let context = &body["context"];
    if context["error"].is_object() {
        assert_eq!(body["decision"], false);
        return Answer::Failed(context["error"]["code"].as_str().unwrap().to_owned());
    }
    let reason = Reason::from_word(context["reason"].as_str().unwrap()).unwrap();
    // What depends on something is no yes, and this door has no third answer.
    assert_eq!(reason.disposition() == prokura_model::Disposition::Allow, body["decision"] == true);
    Answer::Decided(Verdict { reason, at: None, valid_until: None })
}

fn decided(reason: &Value, disposition: &Value) -> Answer {
    let reason = Reason::from_word(reason.as_str().unwrap()).unwrap();
    assert_eq!(reason.disposition().word(), disposition.as_str().unwrap());
    Answer::Decided(Verdict { reason, at: None, valid_until: None })
}

impl Candidate for Written {
    fn takes(&self) -> bool {
        true
    }

    fn apply(&mut self, changes: &[Change], at: Timestamp) {
        if changes.is_empty() {
            return;
        }
        // Opened anew at the scenario's time; what was written before comes from the disk.
        self.authority.clone().close();
        let taken = self.taken.borrow_mut().take();
        self.disk = MemoryDisk::with_files(taken.unwrap_or_else(|| self.disk.files()));
        self.authority = Authority::open_on(Arc::new(self.disk.clone()), options(at)).unwrap();
        let is_approval = |change: &&Change| matches!(change, Change::ApprovalSet(_));
        let written: Vec<Change> = changes.iter().filter(|change| !is_approval(change)).cloned().collect();
        if !written.is_empty() {
            self.authority.write(&tenant("default"), Provenance::new("scenario", ""), written).unwrap();
        }
        for change in changes {
            if let Change::ApprovalSet(approval) = change {
                approve(&self.authority, approval);
            }
        }
    }

    fn answer(&self, ask: &Ask) -> Answer {
        match ask {
            Ask::Decide { question, now } => {
                let door = self.door(*now);
                let before = door.authority.snapshot(&tenant("default")).unwrap().revision();
                let found = door.decide(question);
                if door.authority.snapshot(&tenant("default")).unwrap().revision() > before {
                    // What an allow took is there for the next question.
                    door.authority.clone().close();
                    *self.taken.borrow_mut() = Some(door.disk.files());
                }
                found
            }
            Ask::Check { resource, permission, subject: of, context, now } => {
                let body = json!({
                    "resource": object(resource), "permission": permission.as_str(), "subject": subject(of),
                    "context": members(context),
                });
                let answer = self.door(*now).post("/v1/tenants/default/check", &body);
                if answer.status == 200 {
                    Answer::from(standing(&answer.json()))
                } else {
                    Answer::Failed(answer.code())
                }
            }
            Ask::LookupResources { kind, permission, subject: of, context, now, .. } => {
                let body = json!({
                    "resource_type": kind.as_str(), "permission": permission.as_str(), "subject": subject(of),
                    "context": members(context), "limit": 1000,
                });
                listed(&self.door(*now).post("/v1/tenants/default/resources", &body), "items", "id")
            }
            Ask::LookupSubjects { resource, permission, kind, relation, context, now, .. } => {
                let body = json!({
                    "resource": object(resource), "permission": permission.as_str(), "subject_type": kind.as_str(),
                    "subject_relation": relation.as_ref().map(|name| name.as_str()), "context": members(context),
                    "limit": 1000,
                });
                listed(&self.door(*now).post("/v1/tenants/default/subjects", &body), "items", "id")
            }
            Ask::Permissions { resource, subject: of, context, now, .. } => {
                let body = json!({ "resource": object(resource), "subject": subject(of), "context": members(context) });
                listed(&self.door(*now).post("/v1/tenants/default/permissions", &body), "permissions", "permission")
            }
        }
    }
}

pub(crate) fn object(object: &ObjectRef) -> Value {
    json!({"type": object.kind.as_str(), "id": object.id.as_str()})
}

pub(crate) fn subject(subject: &SubjectRef) -> Value {
    match subject {
        SubjectRef::Object(found) => object(found),
        SubjectRef::Userset(object, relation) => {
            json!({"type": object.kind.as_str(), "id": object.id.as_str(), "relation": relation.as_str()})
        }
        SubjectRef::Wildcard(kind) => json!({"type": kind.as_str(), "wildcard": true}),
    }
}

pub(crate) fn standing(answer: &Value) -> Standing {
    match answer["permissionship"].as_str().unwrap() {
        "has_permission" => Standing::Has,
        "no_permission" => Standing::HasNot,
        _ => {
            let missing = answer["missing"].as_array().unwrap().iter();
            Standing::Conditional(missing.map(|name| name.as_str().unwrap().to_owned()).collect())
        }
    }
}

pub(crate) fn listed(answer: &crate::support::Answer, entries: &str, name: &str) -> Answer {
    if answer.status != 200 {
        return Answer::Failed(answer.code());
    }
    let body = answer.json();
    let entry = |entry: &Value| (entry[name].as_str().unwrap().to_owned(), standing(entry));
    let mut list = List { named: body[entries].as_array().unwrap().iter().map(entry).collect(), ..List::default() };
    if let Some(everyone) = body.get("everyone") {
        list.named.extend(everyone["excluded"].as_array().unwrap().iter().map(entry));
        list.others = standing(everyone);
    }
    Answer::Listed(list)
}

pub(crate) fn members(context: &Context) -> Value {
    context.iter().map(|(name, value)| (name.clone(), to_json(value))).collect::<serde_json::Map<_, _>>().into()
}

fn to_json(value: &ModelValue) -> Value {
    match value {
        ModelValue::Null => Value::Null,
        ModelValue::Bool(value) => json!(value),
        ModelValue::Integer(value) => json!(value),
        ModelValue::Float(value) => json!(value),
        ModelValue::String(value) => json!(value),
        ModelValue::List(values) => values.iter().map(to_json).collect(),
        ModelValue::Map(values) => members(values),
    }
}

/// Whether it asks for a list by relationships alone where somebody may not act: the lists here leave such out.
fn asks_past_the_stopped(scenario: &scenario::Scenario) -> bool {
    let stages = scenario.stages().unwrap();
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

/// Whether it asks for decisions about a tool that says what it does.
fn names_a_tool(scenario: &scenario::Scenario) -> bool {
    let stages = scenario.stages().unwrap();
    let named = |ask: &Ask| matches!(ask, Ask::Decide { question, .. } if question.tool_schema.is_some());
    stages.iter().any(|stage| stage.asks.iter().any(|expected| named(&expected.ask)))
}

#[test]
fn every_scenario_comes_out_right_at_both_doors() {
    let mut played = 0;
    for (name, scenario) in scenario::all() {
        if scenario.forged {
            println!("{name}: a writer would refuse it, so no door can be asked");
            continue;
        }
        if asks_past_the_stopped(&scenario) {
            println!("{name}: the lists of these doors leave out who may not act");
            continue;
        }
        for by_authzen in [false, true] {
            if by_authzen && names_a_tool(&scenario) {
                println!("{name}: AuthZEN has no place for what a tool says it does");
                continue;
            }
            if let Err(wrong) = scenario::run(&scenario, &mut Written::new(by_authzen)) {
                panic!("{name} (AuthZEN: {by_authzen}):\n{wrong}");
            }
        }
        played += 1;
    }
    assert!(played >= 10, "only {played} scenarios");
}
