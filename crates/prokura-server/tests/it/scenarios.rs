//! Every written example, asked at both doors.

use std::sync::Arc;

use prokura::{Authority, Clock, MemoryDisk, Options, Provenance};
use prokura_model::{Change, Reason, SubjectRef, Timestamp};
use prokura_server::Config;
use prokura_testkit::{Answer, Ask, Candidate, Question, Verdict, scenario};
use serde_json::{Value, json};

use crate::support::{Setup, tenant};

/// An authority that the scenario is written to. Every question is put to a server of its own over a copy of what was
/// written, because a server's time never goes back.
struct Written {
    runtime: tokio::runtime::Runtime,
    authority: Authority,
    disk: MemoryDisk,
    by_authzen: bool,
}

/// A server at one moment.
struct Door<'w> {
    written: &'w Written,
    setup: Setup,
}

fn options(at: Timestamp) -> Options {
    Options { clock: Clock::new(move || at), ..Options::default() }
}

impl Written {
    fn new(by_authzen: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let disk = MemoryDisk::new();
        let authority = Authority::open_on(Arc::new(disk.clone()), options(Timestamp(0))).unwrap();
        Self { runtime, authority, disk, by_authzen }
    }

    fn door(&self, at: Timestamp) -> Door<'_> {
        let copy = MemoryDisk::with_files(self.disk.files().into_iter().filter(|(name, _)| name.starts_with("log.")));
        let authority = Authority::open_on(Arc::new(copy), options(at)).unwrap();
        Door { written: self, setup: self.runtime.block_on(Setup::over(authority, Config::default())) }
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
            let body = json!({
                "subject": actor, "action": {"name": permission}, "resource": resource,
                "context": {"delegation": delegation},
            });
            let answer = self.post("/access/v1/evaluation", &body);
            return match answer.status {
                200 => from_authzen(&answer.json()),
                _ => Answer::Failed(answer.text.split(':').next().unwrap_or_default().to_owned()),
            };
        }
        let body = json!({"actor": actor, "permission": permission, "resource": resource, "delegation": delegation});
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
    let disposition = if body["decision"] == true { "allow" } else { "deny" };
    decided(&context["reason"], &json!(disposition))
}

fn decided(reason: &Value, disposition: &Value) -> Answer {
    let reason = Reason::from_word(reason.as_str().unwrap()).unwrap();
    assert_eq!(reason.disposition().word(), disposition.as_str().unwrap());
    Answer::Decided(Verdict { reason, at: None, valid_until: None })
}

impl Candidate for Written {
    fn apply(&mut self, changes: &[Change], at: Timestamp) {
        if changes.is_empty() {
            return;
        }
        // Opened anew at the scenario's time; what was written before comes from the disk.
        self.authority.clone().close();
        let files = MemoryDisk::with_files(self.disk.files());
        self.disk = files;
        self.authority = Authority::open_on(Arc::new(self.disk.clone()), options(at)).unwrap();
        let provenance = Provenance::new("scenario", "");
        self.authority.write(&tenant("default"), provenance, changes.to_vec()).unwrap();
    }

    fn answer(&self, ask: &Ask) -> Answer {
        match ask {
            Ask::Decide { question, now } => self.door(*now).decide(question),
            Ask::Check { resource, permission, subject } => {
                let subject = match subject {
                    SubjectRef::Object(object) => json!({"type": object.kind.as_str(), "id": object.id.as_str()}),
                    SubjectRef::Userset(object, relation) => {
                        json!({"type": object.kind.as_str(), "id": object.id.as_str(), "relation": relation.as_str()})
                    }
                    SubjectRef::Wildcard(kind) => json!({"type": kind.as_str(), "wildcard": true}),
                };
                let resource = json!({"type": resource.kind.as_str(), "id": resource.id.as_str()});
                let body = json!({"resource": resource, "permission": permission.as_str(), "subject": subject});
                let answer = self.door(Timestamp(0)).post("/v1/tenants/default/check", &body);
                match answer.json()["permissionship"].as_str() {
                    Some("has_permission") => Answer::Has,
                    Some(_) => Answer::HasNot,
                    None => Answer::Failed(answer.code()),
                }
            }
        }
    }
}

#[test]
fn every_scenario_comes_out_right_at_both_doors() {
    let mut played = 0;
    for (name, scenario) in scenario::all() {
        if scenario.forged {
            println!("{name}: a writer would refuse it, so no door can be asked");
            continue;
        }
        for by_authzen in [false, true] {
            if let Err(wrong) = scenario::run(&scenario, &mut Written::new(by_authzen)) {
                panic!("{name} (AuthZEN: {by_authzen}):\n{wrong}");
            }
        }
        played += 1;
    }
    assert!(played >= 10, "only {played} scenarios");
}
