//! Every written example, as far as this protocol can say it: it knows no tasks, no delegations and nobody who is stopped.
//! What it cannot write comes from the library; what it cannot ask is left out, and counted.

use std::{collections::BTreeMap, sync::Arc};

use prokura::{Authority, Clock, MemoryDisk, Options, Provenance};
use prokura_api::grpc::v1::CheckBulkPermissionsRequestItem as Item;
use prokura_model::{Change, Disposition, ObjectRef, Reason, SubjectRef, Timestamp};
use prokura_server::Config;
use prokura_testkit::{
    Answer, Ask, Candidate, List, Question, Standing, World,
    scenario::{self, Expected, Scenario, Stage},
};

use super::door::{self, Door};
use crate::support::{Setup, approve, tenant};

/// How many questions of each kind there are at least.
const ASKED: [(&str, usize); 7] = [
    ("relationships written", 181),
    ("checks", 203),
    ("checks in bulk", 220),
    ("decisions", 17),
    ("permissions", 11),
    ("resources", 21),
    ("subjects", 37),
];

/// What the scenarios were worth at this door.
#[derive(Default)]
struct Told {
    asked: BTreeMap<&'static str, usize>,
    left_out: BTreeMap<&'static str, usize>,
    wrong: String,
}

/// What was written, and the oracle's view of it.
struct Played {
    name: String,
    files: MemoryDisk,
    admin: String,
    world: World,
}

fn opened(disk: MemoryDisk, at: Timestamp) -> Authority {
    Authority::open_on(Arc::new(disk), Options { clock: Clock::new(move || at), ..Options::default() }).unwrap()
}

impl Played {
    fn new(name: String) -> Self {
        let files = MemoryDisk::new();
        let authority = opened(files.clone(), Timestamp(0));
        let admin = authority.first_key(None).unwrap().unwrap().secret.reveal().to_owned();
        authority.close();
        Self { name, files, admin, world: World::default() }
    }

    /// A server at this moment over a copy of what was written, because a server's time never goes back.
    async fn served(&self, at: Timestamp) -> (MemoryDisk, Setup) {
        let logs = self.files.files().into_iter().filter(|(name, _)| name.starts_with("log."));
        let copy = MemoryDisk::with_files(logs);
        (copy.clone(), Setup::over_known(opened(copy, at), Config::default(), self.admin.clone()).await)
    }

    async fn write(&mut self, stage: &Stage, told: &mut Told) {
        self.world.apply(&stage.changes, stage.now);
        let (disk, setup) = self.served(stage.now).await;
        let door = Door::of(&setup).await;
        let (mut updates, mut others, mut approvals) = (Vec::new(), Vec::new(), Vec::new());
        for change in &stage.changes {
            match (change, door::update(change)) {
                (Change::SchemaWritten(text), _) => drop(door.write_schema(text).await),
                (Change::RelationshipTouched(edge, _) | Change::RelationshipDeleted(edge), Some(update))
                    if is_plain(&edge.resource) && is_plain_subject(&edge.subject) =>
                {
                    updates.push(update);
                }
                (Change::ApprovalSet(approval), _) => approvals.push(approval),
                _ => others.push(change.clone()),
            }
        }
        *told.asked.entry("relationships written").or_default() += updates.len();
        if !updates.is_empty() {
            door.write(updates).await;
        }
        if !others.is_empty() {
            setup.authority.write(&tenant("default"), Provenance::new("scenario", ""), others).unwrap();
        }
        for approval in approvals {
            approve(&setup.authority, approval);
        }
        self.files = MemoryDisk::with_files(disk.files());
    }

    async fn ask(&self, at: Timestamp, all: &[&Expected], told: &mut Told) {
        let (_, setup) = self.served(at).await;
        let door = Door::of(&setup).await;
        let (mut items, mut answers) = (Vec::new(), Vec::new());
        for expected in all {
            if let Some(why) = left_out(&self.world, expected) {
                *told.left_out.entry(why).or_default() += 1;
                continue;
            }
            let (kind, found) = self.asked(&door, &expected.ask).await;
            *told.asked.entry(kind).or_default() += 1;
            self.compare(expected, &found, kind, told);
            if let Some(item) = item(&expected.ask) {
                items.push(item);
                answers.push(expected);
            }
        }
        *told.asked.entry("checks in bulk").or_default() += items.len();
        let found = if items.is_empty() { Vec::new() } else { door.checks(items).await };
        assert_eq!(found.len(), answers.len(), "{}", self.name);
        for (expected, found) in answers.into_iter().zip(found) {
            self.compare(expected, &found, "in bulk", told);
        }
    }

    async fn asked(&self, door: &Door, ask: &Ask) -> (&'static str, Answer) {
        match ask {
            Ask::Check { .. } => ("checks", door.check(item(ask).unwrap()).await),
            Ask::Decide { .. } => ("decisions", door.check(item(ask).unwrap()).await),
            Ask::LookupResources { kind, permission, subject, context, .. } => {
                ("resources", door.resources((kind, permission), subject, context, 0).await)
            }
            Ask::LookupSubjects { resource, permission, kind, relation, context, .. } => {
                let of = (kind, relation.as_ref());
                ("subjects", door.subjects((resource, permission), of, context, 0).await)
            }
            Ask::Permissions { resource, subject, context, .. } => {
                let definition = self.world.schema.as_ref().unwrap().definition(resource.kind.as_str()).unwrap();
                let names: Vec<_> = definition.members.keys().collect();
                let items = names.iter().map(|name| door::item(resource, name, subject, context));
                let found = door.checks(items.collect()).await;
                ("permissions", held(names.iter().map(ToString::to_string).zip(found)))
            }
        }
    }

    fn compare(&self, expected: &Expected, found: &Answer, kind: &str, told: &mut Told) {
        let Expected { about, ask, answer } = expected;
        if !agrees(answer, found) {
            let name = &self.name;
            told.wrong.push_str(&format!("{name}: {kind}: {ask} ({about}): right is `{answer}`, found `{found}`\n"));
        }
    }
}

/// The list that these checks make.
fn held(checks: impl Iterator<Item = (String, Answer)>) -> Answer {
    let mut list = List::default();
    for (name, answer) in checks {
        let standing = match answer {
            Answer::Has => Standing::Has,
            Answer::Conditional(names) => Standing::Conditional(names),
            Answer::HasNot => Standing::HasNot,
            other => return other,
        };
        list.named.insert(name, standing);
    }
    Answer::Listed(list.plain())
}

/// A check for somebody who acts is a decision on their own authority; of that the protocol tells only how it came out.
fn agrees(right: &Answer, found: &Answer) -> bool {
    match right {
        Answer::OneOf(several) => several.iter().any(|one| agrees(one, found)),
        Answer::Decided(verdict) => matches!(
            (verdict.reason.disposition(), found),
            (Disposition::Allow, Answer::Has)
                | (Disposition::Deny | Disposition::Held, Answer::HasNot)
                | (Disposition::Conditional, Answer::Conditional(_))
        ),
        other => other.agrees_with(found),
    }
}

fn item(ask: &Ask) -> Option<Item> {
    match ask {
        Ask::Check { resource, permission, subject, context, .. } => {
            Some(door::item(resource, permission, subject, context))
        }
        Ask::Decide { question, .. } => {
            // What the arguments are for the decision, the context is for the protocol, which has nothing else.
            let Question { actor, permission, resource, .. } = question;
            Some(door::item(resource, permission, &actor.clone().into(), &question.values()))
        }
        _ => None,
    }
}

/// Why this cannot be asked here, if it cannot.
fn left_out(world: &World, expected: &Expected) -> Option<&'static str> {
    let (resource, subject) = match &expected.ask {
        Ask::Check { resource, subject, .. } | Ask::Permissions { resource, subject, .. } => {
            (Some(resource), Some(subject.clone()))
        }
        Ask::LookupResources { subject, .. } => (None, Some(subject.clone())),
        Ask::LookupSubjects { resource, .. } => (Some(resource), None),
        Ask::Decide { question, .. } if question.delegation.is_some() => return Some("name a delegation"),
        Ask::Decide { .. } if !world.approvals.is_empty() => {
            return Some("may rest on an approval of arguments, which this protocol does not tell from the context");
        }
        Ask::Decide { question, .. } => (Some(&question.resource), Some(question.actor.clone().into())),
    };
    if !resource.is_none_or(is_plain) || !subject.as_ref().is_none_or(is_plain_subject) {
        return Some("have an id that the protocol has no letters for");
    }
    let past_the_stopped = match (&expected.ask, &subject) {
        (Ask::Decide { .. } | Ask::LookupResources { alive: true, .. } | Ask::Permissions { alive: true, .. }, _) => {
            false
        }
        (Ask::LookupSubjects { .. }, _) => {
            let mut living = expected.ask.clone();
            if let Ask::LookupSubjects { alive, .. } = &mut living {
                *alive = true;
            }
            !expected.answer.agrees_with(&world.answer(&living))
        }
        (_, Some(SubjectRef::Object(subject))) => is_stopped(world, subject, &expected.ask),
        _ => false,
    };
    past_the_stopped.then_some("are past somebody who is stopped, of whom this door says no")
}

fn is_stopped(world: &World, actor: &ObjectRef, ask: &Ask) -> bool {
    let definitions = world.schema.iter().flat_map(|schema| schema.definitions().values());
    let member = definitions.flat_map(|found| found.members.keys().map(|name| (&found.name, name))).next();
    let Some((kind, permission)) = member else { return false };
    let question = Question {
        actor: actor.clone(),
        delegation: None,
        permission: permission.clone(),
        resource: ObjectRef::new(kind.as_str(), "anything").unwrap(),
        arguments: prokura::Context::new(),
        credential: None,
        tool_schema: None,
        context: ask.context().clone(),
    };
    let answer = world.answer(&Ask::Decide { question, now: ask.now() });
    matches!(answer, Answer::Decided(verdict) if [
        Reason::ActorSuspended, Reason::PrincipalSuspended, Reason::OwnerOffBoarded,
    ].contains(&verdict.reason))
}

fn is_plain(object: &ObjectRef) -> bool {
    object.id.is_bare()
}

fn is_plain_subject(subject: &SubjectRef) -> bool {
    match subject {
        SubjectRef::Object(object) | SubjectRef::Userset(object, _) => is_plain(object),
        SubjectRef::Wildcard(_) => true,
    }
}

async fn play(name: String, scenario: &Scenario, told: &mut Told) {
    let mut played = Played::new(name);
    for stage in scenario.stages().unwrap() {
        played.write(&stage, told).await;
        let mut moments: BTreeMap<Timestamp, Vec<&Expected>> = BTreeMap::new();
        for expected in &stage.asks {
            moments.entry(expected.ask.now()).or_default().push(expected);
        }
        for (at, all) in moments {
            played.ask(at, &all, told).await;
        }
    }
}

#[tokio::test]
async fn every_scenario_comes_out_right_as_far_as_the_protocol_can_ask() {
    let mut told = Told::default();
    for (name, scenario) in scenario::all() {
        if scenario.forged {
            let asks = scenario.stages().unwrap().iter().map(|stage| stage.asks.len()).sum::<usize>();
            *told.left_out.entry("are about what a writer would refuse").or_default() += asks;
            continue;
        }
        play(name, &scenario, &mut told).await;
    }
    for (kind, count) in &told.asked {
        println!("{count:>5} {kind}");
    }
    for (why, count) in &told.left_out {
        println!("{count:>5} LEFT OUT: they {why}");
    }
    assert!(told.wrong.is_empty(), "{}", told.wrong);
    for (kind, level) in ASKED {
        let count = told.asked.get(kind).copied().unwrap_or_default();
        assert!(count >= level, "only {count} {kind}, and there were {level}");
    }
}
