//! Written examples: what is stored, what is asked, and the right answer, step by step, in `scenarios/*.yaml`.
//!
//! ```yaml
//! about: What the scenario shows.
//! forged: false              # true if a writer would refuse to store it, so that only evaluators are asked
//! steps:
//!   - about: What happens.
//!     now: 2026-11-22T09:00:00Z
//!     schema: |              # each of these may be left out; they are written in this order, as one transaction
//!       definition user {}
//!     delete: |              # relationships, one a line
//!     relationships: |       # with terms: document:plan#viewer@user:bob[only_on:{"day":"monday"}][expiration:2026-12-01T00:00:00Z]
//!     principals: { agent:coder: { owner: user:alice, state: active } }
//!     unregister: [agent:coder]
//!     tasks: { t1: { origin: user:alice, expires_at: 2026-11-22T18:00:00Z } }              # also: parent, owner
//!     delegations: { d1: { task: t1, from: user:alice, to: agent:coder, cap: [{ permissions: [view], resources: ["document:*"] }] } }
//!     endorsements: { e1: { worker: agent:coder, by: user:alice, origins: ["user:*"], cap: [{ permissions: [view], resources: ["document:*"] }] } }
//!     # A task with budgets, and a link with uses. What is decided takes of them, in the order in which it is asked.
//!     # tasks: { t2: { …, budgets: { payments: { sum: amount, limit: "100", per_ms: 86400000, in_flight: 2 }, mails: { limit: "5" } } } }
//!     # delegations: { d2: { …, uses: 3 } }
//!     complete: [t1]
//!     cancel: [t1]
//!     revoke: [d1]
//!     revoke_endorsements: [e1]
//!     attributes: { document:plan: { label: secret } }   # all of each object's
//!     consume: [{ task: t2, decision: c1, at: …, draws: { payments: [0, "10"] }, links: [d2], until: … }]   # where it is forged:
//!     commit: [{ task: t2, decision: c1, draws: { payments: [0, "5"] } }]                                   # what was taken before
//!     release: [{ task: t2, decision: c1 }]
//!     ask:                   # each with `context` for caveats and `now`, where it is another moment than the step's;
//!                          # a `decide` also with `arguments`, which win over the context
//!       - { check: "document:plan#view@user:alice", expect: has }        # has, has_not, conditional NAME,NAME, error CODE
//!       - { check: "document:plan#view@user:bob", context: { day: monday }, expect: has }
//!       - decide: { actor: agent:coder, permission: view, resource: document:plan, delegation: d1 }
//!         expect: allow lent_authority                                   # allow, deny, held or conditional REASON, error CODE
//!       - { resources: "document#view@user:alice", expect: "plan, memo if day" }           # or: nothing
//!       - { subjects: "document:plan#view@user", expect: "alice, *, not bob" }             # * is everyone else
//!       - { subjects: "document:plan#view@group#member", expect: "eng" }
//!       - { permissions: "document:plan@user:alice", alive: true, expect: "view, viewer" } # nothing for the stopped
//!     may:                   # see, close task; see, revoke delegation or endorsement; create for OBJECT
//!       - { who: user:alice, what: revoke delegation d1, expect: "yes" }       # yes, no, or hidden: not even seen
//! ```

mod approval;
mod ask;
mod budget;
mod context;
mod may;
mod read;
mod write;

use std::{collections::BTreeMap, env, fs, path::Path};

use prokura_model::{Change, Timestamp};
use serde::{Deserialize, Serialize};

pub use may::ExpectedRight;
pub use write::text_of;

use self::approval::{ApprovalEntry, ApproveEntry};
use self::{
    ask::{spoken, told},
    budget::{BudgetEntry, TakenEntry},
    context::ValueEntry,
    may::MayEntry,
};
use crate::{Answer, Ask, Candidate, World};

/// One file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows.
    pub about: String,
    /// Whether a writer would refuse to store it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub forged: bool,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Step {
    #[serde(skip_serializing_if = "is_default")]
    about: String,
    #[serde(skip_serializing_if = "is_default")]
    now: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    schema: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    delete: String,
    #[serde(skip_serializing_if = "is_default")]
    relationships: String,
    #[serde(skip_serializing_if = "is_default")]
    principals: BTreeMap<String, PrincipalEntry>,
    #[serde(skip_serializing_if = "is_default")]
    unregister: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    tasks: BTreeMap<String, TaskEntry>,
    #[serde(skip_serializing_if = "is_default")]
    delegations: BTreeMap<String, DelegationEntry>,
    #[serde(skip_serializing_if = "is_default")]
    complete: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    cancel: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    endorsements: BTreeMap<String, EndorsementEntry>,
    #[serde(skip_serializing_if = "is_default")]
    revoke: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    revoke_endorsements: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    attributes: BTreeMap<String, BTreeMap<String, ValueEntry>>,
    #[serde(skip_serializing_if = "is_default")]
    consume: Vec<TakenEntry>,
    #[serde(skip_serializing_if = "is_default")]
    commit: Vec<TakenEntry>,
    #[serde(skip_serializing_if = "is_default")]
    release: Vec<TakenEntry>,
    #[serde(skip_serializing_if = "is_default")]
    approve: Vec<ApproveEntry>,
    #[serde(skip_serializing_if = "is_default")]
    approvals: Vec<ApprovalEntry>,
    ask: Vec<AskEntry>,
    #[serde(skip_serializing_if = "is_default")]
    may: Vec<MayEntry>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PrincipalEntry {
    #[serde(skip_serializing_if = "is_default")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    state: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskEntry {
    origin: String,
    #[serde(default, skip_serializing_if = "is_default")]
    purpose: String,
    /// When the step happens, if it does not say.
    #[serde(default, skip_serializing_if = "is_default")]
    opened_at: Option<String>,
    expires_at: String,
    #[serde(default, skip_serializing_if = "is_default")]
    budgets: BTreeMap<String, BudgetEntry>,
    #[serde(default, skip_serializing_if = "is_default")]
    state: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    parent: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    owner: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DelegationEntry {
    task: String,
    /// `lends` if it does not say.
    #[serde(default, skip_serializing_if = "is_default")]
    kind: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    parent: Option<String>,
    from: String,
    to: String,
    #[serde(default, skip_serializing_if = "is_default")]
    depth: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    not_before: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    expires_at: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    uses: Option<u64>,
    cap: Vec<ClauseEntry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndorsementEntry {
    worker: String,
    by: String,
    origins: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    expires_at: Option<String>,
    cap: Vec<ClauseEntry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClauseEntry {
    permissions: Vec<String>,
    resources: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    when: Option<CaveatEntry>,
}

/// A caveat, and the values bound to its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaveatEntry {
    name: String,
    #[serde(default, skip_serializing_if = "is_default")]
    context: BTreeMap<String, ValueEntry>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskEntry {
    #[serde(default, skip_serializing_if = "is_default")]
    about: String,
    #[serde(default, skip_serializing_if = "is_default")]
    check: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    resources: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    subjects: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    permissions: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    decide: Option<DecideEntry>,
    #[serde(default, skip_serializing_if = "is_default")]
    alive: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    context: BTreeMap<String, ValueEntry>,
    #[serde(default, skip_serializing_if = "is_default")]
    arguments: BTreeMap<String, ValueEntry>,
    #[serde(default, skip_serializing_if = "is_default")]
    now: Option<String>,
    expect: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecideEntry {
    actor: String,
    permission: String,
    resource: String,
    #[serde(default, skip_serializing_if = "is_default")]
    delegation: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    credential: Option<CredentialEntry>,
    #[serde(default, skip_serializing_if = "is_default")]
    tool_schema: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialEntry {
    method: String,
    #[serde(default, skip_serializing_if = "is_default")]
    authenticated_at: Option<String>,
}

/// One step, understood.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What happens, in words.
    pub about: String,
    /// When.
    pub now: Timestamp,
    /// What is written: one transaction.
    pub changes: Vec<Change>,
    /// What is asked then, and the answer as it must be written.
    pub asks: Vec<Expected>,
    /// Who may do what then.
    pub rights: Vec<ExpectedRight>,
}

/// A question and its right answer.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Why it is asked, in words.
    pub about: String,
    /// The question.
    pub ask: Ask,
    /// Its answer; of a decision only the reason counts.
    pub answer: Answer,
}

impl Scenario {
    /// The scenario this text holds.
    ///
    /// # Errors
    /// It is not one; the error says where.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    }

    /// Its steps, understood.
    ///
    /// # Errors
    /// A name, a time or a relationship in it is not one.
    pub fn stages(&self) -> Result<Vec<Stage>, String> {
        let mut now = Timestamp(0);
        let mut world = World::default();
        let stages = self.steps.iter().enumerate().map(|(number, step)| {
            let stage = step.stage(&mut now, &mut world)?;
            for (place, expected) in stage.asks.iter().enumerate() {
                taken(&mut world, (number, place), &expected.ask);
            }
            Ok(stage)
        });
        stages.collect()
    }
}

/// Every scenario of the workspace, by file name.
///
/// # Panics
/// One cannot be read.
#[must_use]
pub fn all() -> Vec<(String, Scenario)> {
    // Asked for when it runs: what was built may have been moved since.
    let tested = env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let folder = Path::new(&tested).join("../../scenarios");
    let mut found = Vec::new();
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for file in files {
        let path = file.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("scenarios have plain names").to_owned();
        found.push((name, scenario));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// Has the world take what an allow of the question takes, if it is one.
fn taken(world: &mut World, (number, place): (usize, usize), ask: &Ask) -> Option<(Change, Timestamp)> {
    let Ask::Decide { question, now } = ask else { return None };
    let taken = world.consumption(question, &format!("step-{number}-ask-{place}"), *now)?;
    let change = Change::Consumed(Box::new(taken));
    world.apply(std::slice::from_ref(&change), *now);
    Some((change, *now))
}

/// Plays the scenario to the candidate, and says what it answered otherwise than it should.
///
/// # Errors
/// Every wrong answer, one a line; or what is wrong with the scenario itself.
pub fn run(scenario: &Scenario, candidate: &mut impl Candidate) -> Result<(), String> {
    let mut wrong = String::new();
    let mut world = World::default();
    for (number, stage) in scenario.stages()?.into_iter().enumerate() {
        candidate.apply(&stage.changes, stage.now);
        world.apply(&stage.changes, stage.now);
        for expected in &stage.rights {
            if let Some(found) = expected.wrong(candidate, stage.now) {
                wrong.push_str(&format!("step {} ({}): {found}\n", number + 1, stage.about));
            }
        }
        for (place, expected) in stage.asks.into_iter().enumerate() {
            let found = told(&candidate.answer(&expected.ask));
            if let Some((change, now)) = taken(&mut world, (number, place), &expected.ask)
                && !candidate.takes()
            {
                candidate.apply(&[change], now);
            }
            if !expected.answer.agrees_with(&found) {
                let Expected { about, ask, answer } = expected;
                wrong.push_str(&format!(
                    "step {} ({}): {ask} ({about}): right is `{}`, found `{}`\n",
                    number + 1,
                    stage.about,
                    spoken(&answer),
                    spoken(&found),
                ));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
