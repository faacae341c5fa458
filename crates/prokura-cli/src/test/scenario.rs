//! Scenarios of our own: steps with what is written, what is asked then, and the right answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use prokura::{
    Asked, Authority, Clock, Context, Options, Permissionship, Provenance, Question, ResourceLookup, Snapshot,
    SubjectLookup,
};
use prokura_model::{
    Budget, BudgetName, Cap, CapClause, CapPermissions, CaveatName, CaveatUse, Change, Delegation, DelegationId,
    DelegationKind, Disposition, Endorsement, EndorsementId, Measure, ObjectRef, Principal, PrincipalState,
    RelationName, Relationship, SubjectRef, Task, TaskId, TaskState, TenantName, Timestamp, TypeName,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Places, Report, Wrong,
    validation::{explanation, left_to, spoken},
};
use crate::{
    explain,
    failure::Failure,
    source::{Mistake, Source},
    terms::{self, Termed},
};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Scenario {
    #[serde(rename = "about")]
    _about: String,
    forged: bool,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Step {
    #[serde(rename = "about")]
    _about: String,
    now: Option<String>,
    schema: Option<String>,
    delete: String,
    relationships: String,
    principals: BTreeMap<String, PrincipalEntry>,
    unregister: Vec<String>,
    tasks: BTreeMap<String, TaskEntry>,
    delegations: BTreeMap<String, DelegationEntry>,
    endorsements: BTreeMap<String, EndorsementEntry>,
    complete: Vec<String>,
    cancel: Vec<String>,
    revoke: Vec<String>,
    revoke_endorsements: Vec<String>,
    attributes: BTreeMap<String, Map<String, Value>>,
    ask: Vec<AskEntry>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PrincipalEntry {
    owner: Option<String>,
    state: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskEntry {
    origin: String,
    #[serde(default)]
    purpose: String,
    expires_at: String,
    #[serde(default)]
    budgets: BTreeMap<String, BudgetEntry>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    parent: Option<String>,
    #[serde(default)]
    owner: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetEntry {
    covers: Option<Vec<ClauseEntry>>,
    sum: Option<String>,
    limit: String,
    per_ms: Option<u64>,
    in_flight: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DelegationEntry {
    task: String,
    /// `lends` if it does not say.
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    parent: Option<String>,
    from: String,
    to: String,
    #[serde(default)]
    depth: u32,
    #[serde(default)]
    not_before: Option<String>,
    #[serde(default)]
    expires_at: Option<String>,
    #[serde(default)]
    uses: Option<u64>,
    cap: Vec<ClauseEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndorsementEntry {
    worker: String,
    by: String,
    origins: Vec<String>,
    #[serde(default)]
    expires_at: Option<String>,
    cap: Vec<ClauseEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClauseEntry {
    permissions: Vec<String>,
    resources: Vec<String>,
    #[serde(default)]
    when: Option<CaveatEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaveatEntry {
    name: String,
    #[serde(default)]
    context: Map<String, Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AskEntry {
    #[serde(rename = "about")]
    _about: String,
    check: Option<String>,
    resources: Option<String>,
    subjects: Option<String>,
    permissions: Option<String>,
    decide: Option<DecideEntry>,
    alive: bool,
    context: Map<String, Value>,
    arguments: Map<String, Value>,
    now: Option<String>,
    expect: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecideEntry {
    actor: String,
    permission: String,
    resource: String,
    #[serde(default)]
    delegation: Option<String>,
    /// As it was written before every question had a moment.
    #[serde(default)]
    now: Option<String>,
}

/// What a step writes, and when; and what was asked then, and when, that took something.
#[derive(Clone, Debug)]
struct Written {
    now: Timestamp,
    changes: Vec<Change>,
    taken: Vec<(Timestamp, Question)>,
}

/// An authority that has what was written so far, at a moment.
struct Played {
    authority: Authority,
    tenant: TenantName,
    clock: Arc<AtomicU64>,
}

/// What was found: the answer, and why, drawn.
struct Found {
    answer: String,
    explanation: String,
    /// The question, if it took something.
    taken: Option<Question>,
}

impl Found {
    fn said(answer: String) -> Self {
        Self { answer, explanation: String::new(), taken: None }
    }
}

pub(super) fn played(source: &Source, report: &mut Report) -> Result<(), Failure> {
    let scenario: Scenario = crate::apply::yaml(source)?;
    if scenario.forged {
        report.left_out = Some("forged: no writer stores it, so that only evaluators can be asked".to_owned());
        return Ok(());
    }
    let mut places = Places::new(source);
    let (mut now, mut written) = (Timestamp(0), Vec::new());
    for step in &scenario.steps {
        let at = places.from;
        let step_written = step.written(&mut now).map_err(|message| invalid(&places, at, message))?;
        report.relationships += step.relationships.lines().filter(|line| !line.trim().is_empty()).count();
        written.push(step_written);
        let mut playing = Played::of(&written, now)?;
        for ask in &step.ask {
            let asked = ask.text();
            let line = places.line_of(ask.place());
            let at = places.from;
            let moment = ask.moment(now).map_err(|message| invalid(&places, at, message))?;
            // Time never goes back, so that an earlier moment needs a fresh start.
            if playing.now() > moment {
                playing = Played::of(&written, moment)?;
            }
            playing.clock.store(moment.0, Ordering::Release);
            let found = ask.answered(&playing).map_err(|message| invalid(&places, at, message))?;
            let Some(found) = found else { continue };
            if let (Some(question), Some(written)) = (&found.taken, written.last_mut()) {
                written.taken.push((moment, question.clone()));
            }
            if ask.expect.split(" | ").any(|expected| same(expected, &found.answer, ask.is_list())) {
                report.passed += 1;
            } else {
                let Found { answer, explanation, .. } = found;
                report.failures.push(Wrong { line, asked, expected: ask.expect.clone(), found: answer, explanation });
            }
        }
    }
    Ok(())
}

fn invalid(places: &Places<'_>, at: usize, message: String) -> Failure {
    let source = places.source;
    // The words of the mistake name the text; where that stands says more than where its step begins.
    let named = message.split('`').nth(1).filter(|named| !named.is_empty());
    let at = named.and_then(|named| source.text.get(at..)?.find(named).map(|found| at + found)).unwrap_or(at);
    source.failure("scenario_invalid", &[Mistake { span: at..at, message, help: None, file: None }])
}

/// How somebody stands to something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Standing {
    Has,
    #[default]
    HasNot,
    Conditional(BTreeSet<String>),
}

impl Standing {
    fn on(names: &str) -> Self {
        Self::Conditional(names.split(',').map(str::to_owned).collect())
    }

    /// Which of the values that are lacking is told depends on what was looked at first; one of them is.
    fn agrees(&self, found: &Self) -> bool {
        match (self, found) {
            (Self::Conditional(expected), Self::Conditional(found)) => !found.is_empty() && found.is_subset(expected),
            _ => self == found,
        }
    }
}

/// `alice, bob if day,on, *, not carol`; or `nothing`: who is named, and everyone else.
fn list(text: &str) -> (BTreeMap<&str, Standing>, Standing) {
    let (mut named, mut others) = (BTreeMap::new(), Standing::HasNot);
    for entry in text.split(", ").filter(|entry| *entry != "nothing") {
        let (name, standing) = match (entry.strip_prefix("not "), entry.split_once(" if ")) {
            (Some(name), _) => (name, Standing::HasNot),
            (None, Some((name, on))) => (name, Standing::on(on)),
            (None, None) => (entry, Standing::Has),
        };
        if name == "*" {
            others = standing;
        } else {
            named.insert(name, standing);
        }
    }
    (named, others)
}

/// Whether two answers say the same. A list that names whom a wildcard covers, and one that does not, do.
fn same(expected: &str, found: &str, of_list: bool) -> bool {
    if let (Some(expected), Some(found)) = (expected.strip_prefix("conditional "), found.strip_prefix("conditional "))
        && !of_list
    {
        return expected == found || Standing::on(expected).agrees(&Standing::on(found));
    }
    if !of_list || expected.starts_with("error ") || found.starts_with("error ") {
        return expected == found;
    }
    let ((wanted, wanted_others), (listed, listed_others)) = (list(expected), list(found));
    let names = wanted.keys().chain(listed.keys());
    wanted_others.agrees(&listed_others)
        && names.into_iter().all(|name| {
            let wanted = wanted.get(name).unwrap_or(&wanted_others);
            wanted.agrees(listed.get(name).unwrap_or(&listed_others))
        })
}

impl Played {
    /// Everything written so far, each step at its own time, in an authority of its own; and taken until this moment.
    fn of(written: &[Written], until: Timestamp) -> Result<Self, Failure> {
        let clock = Arc::new(AtomicU64::new(0));
        let read = Arc::clone(&clock);
        let options =
            Options { clock: Clock::new(move || Timestamp(read.load(Ordering::Acquire))), ..Options::default() };
        let tenant = TenantName::new("default").map_err(|error| Failure::new("internal", error.to_string()))?;
        let played = Self { authority: Authority::in_memory(options), tenant, clock };
        for (number, Written { now, changes, taken }) in written.iter().enumerate() {
            played.clock.store(now.0, Ordering::Release);
            if !changes.is_empty() {
                let provenance = Provenance::new("prokura test", "");
                played.authority.write(&played.tenant, provenance, changes.clone()).map_err(|error| {
                    Failure::new(error.code(), format!("step {} cannot be written: {error}", number + 1))
                })?;
            }
            for (moment, question) in taken.iter().filter(|(moment, _)| *moment <= until) {
                played.clock.store(moment.0, Ordering::Release);
                let taken = played.authority.decide(&played.tenant, question, Asked::by_library());
                taken.map_err(|error| Failure::new(error.code(), error.to_string()))?;
            }
        }
        Ok(played)
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::Acquire))
    }

    fn snapshot(&self) -> Result<Snapshot, String> {
        self.authority.snapshot(&self.tenant).map_err(|error| error.to_string())
    }

    /// Whether anybody may not act: then the library's lists, which leave such out, answer another question than the graph.
    fn anybody_stopped(&self) -> bool {
        let page = prokura::Page::first(1_000);
        let found = self.snapshot().ok().and_then(|snapshot| snapshot.principals(&page).ok());
        found.is_some_and(|found| found.entries.iter().any(|entry| entry.state != PrincipalState::Active))
    }
}

impl AskEntry {
    /// The text that says what is asked, as it stands in the file.
    fn place(&self) -> &str {
        let texts = [&self.check, &self.resources, &self.subjects, &self.permissions];
        let text = texts.into_iter().flatten().next().map(String::as_str);
        text.or_else(|| self.decide.as_ref().map(|decide| decide.actor.as_str())).unwrap_or_default()
    }

    fn text(&self) -> String {
        let given = |text: &Option<String>, what: &str| text.as_ref().map(|text| format!("{what} {text}"));
        let brought = |what: &str, values: &Map<String, Value>| {
            if values.is_empty() { String::new() } else { format!(" with {what}{}", Value::Object(values.clone())) }
        };
        let context = brought("arguments ", &self.arguments) + &brought("", &self.context);
        let asked = given(&self.check, "check")
            .or_else(|| given(&self.resources, "resources"))
            .or_else(|| given(&self.subjects, "subjects"))
            .or_else(|| given(&self.permissions, "permissions"))
            .or_else(|| {
                let DecideEntry { actor, permission, resource, delegation, .. } = self.decide.as_ref()?;
                let by = delegation.as_ref().map(|id| format!(" by {id}")).unwrap_or_default();
                Some(format!("decide {actor} {permission} {resource}{by}"))
            });
        asked.unwrap_or_default() + &context
    }

    fn is_list(&self) -> bool {
        self.check.is_none() && self.decide.is_none()
    }

    fn moment(&self, now: Timestamp) -> Result<Timestamp, String> {
        let own = self.now.as_ref().or_else(|| self.decide.as_ref().and_then(|decide| decide.now.as_ref()));
        own.map_or(Ok(now), |text| terms::moment(text))
    }

    /// None: it cannot be asked here.
    fn answered(&self, playing: &Played) -> Result<Option<Found>, String> {
        let context = terms::context(&self.context);
        match (&self.check, &self.resources, &self.subjects, &self.permissions, &self.decide) {
            (Some(text), None, None, None, None) => checked(playing, text, &context).map(Some),
            (None, None, None, None, Some(decide)) => {
                decide.answered(playing, terms::context(&self.arguments), context).map(Some)
            }
            (None, resources, subjects, permissions, None) => {
                if !self.alive && playing.anybody_stopped() {
                    return Ok(None);
                }
                let snapshot = playing.snapshot()?;
                let answer = match (resources, subjects, permissions) {
                    (Some(text), None, None) => listed_resources(&snapshot, text, context)?,
                    (None, Some(text), None) => listed_subjects(&snapshot, text, context)?,
                    (None, None, Some(text)) => listed_permissions(&snapshot, text, &context)?,
                    _ => return Err(ONE_OF.to_owned()),
                };
                Ok(Some(Found::said(answer)))
            }
            _ => Err(ONE_OF.to_owned()),
        }
    }
}

const ONE_OF: &str = "an ask is one of `check`, `resources`, `subjects`, `permissions`, `decide`";

fn checked(playing: &Played, text: &str, context: &Context) -> Result<Found, String> {
    let Relationship { resource, relation, subject } = parsed(text)?;
    let snapshot = playing.snapshot()?;
    match snapshot.check(&resource, &relation, &subject, context) {
        Ok(found) => Ok(Found {
            answer: spoken(&found),
            explanation: explanation(&snapshot, &resource, &relation, &subject, context),
            taken: None,
        }),
        Err(error) => Ok(Found::said(format!("error {}", error.code()))),
    }
}

impl DecideEntry {
    fn answered(&self, playing: &Played, arguments: Context, context: Context) -> Result<Found, String> {
        let question = Question {
            actor: parsed(&self.actor)?,
            delegation: self.delegation.as_deref().map(delegation_id).transpose()?,
            permission: parsed(&self.permission)?,
            resource: parsed(&self.resource)?,
            arguments,
            context,
            credential: None,
        };
        let (decision, why) = match playing.authority.explain(&playing.tenant, &question) {
            Ok(answered) => answered,
            Err(error) => {
                return Ok(Found::said(format!("error {}", error.code())));
            }
        };
        let takes = decision.disposition() == Disposition::Allow && !decision.taken.is_empty();
        if takes {
            // What it takes is not there for the next question.
            let decided = playing.authority.decide(&playing.tenant, &question, Asked::by_library());
            decided.map_err(|error| error.to_string())?;
        }
        let subject = decision.authority.as_ref().unwrap_or(&question.actor);
        let asked = format!("{} on {}", question.permission, question.resource);
        let drawn =
            why.map(|why| explain::drawn(&prokura_server::explanation_on_the_wire(subject, &why), &asked).drawn());
        Ok(Found {
            answer: format!("{} {}", decision.disposition().word(), decision.reason.word()),
            explanation: format!("{}\n{}", decision.message, drawn.unwrap_or_default()),
            taken: takes.then_some(question),
        })
    }
}

/// A name with its answer, as it stands in a list; nothing for who has it not.
fn entry(name: &str, found: &Permissionship) -> Option<String> {
    match found {
        Permissionship::Has => Some(name.to_owned()),
        Permissionship::HasNot => None,
        Permissionship::Conditional(missing) => Some(format!("{name} if {}", missing.join(","))),
    }
}

fn joined(entries: &[String]) -> String {
    if entries.is_empty() { "nothing".to_owned() } else { entries.join(", ") }
}

fn listed_resources(snapshot: &Snapshot, text: &str, context: Context) -> Result<String, String> {
    let (kind, permission, subject) = parts::<TypeName, SubjectRef>(text)?;
    let found = match snapshot.lookup_resources_all(&ResourceLookup { kind, permission, subject, context }) {
        Ok(found) => found,
        Err(error) => return Ok(format!("error {}", error.code())),
    };
    Ok(joined(&found.iter().filter_map(|found| entry(found.id.as_str(), &found.permissionship)).collect::<Vec<_>>()))
}

fn listed_subjects(snapshot: &Snapshot, text: &str, context: Context) -> Result<String, String> {
    let (resource, permission, of) = parts::<ObjectRef, String>(text)?;
    let (kind, relation) = match of.split_once('#') {
        Some((kind, relation)) => (parsed(kind)?, Some(parsed(relation)?)),
        None => (parsed(&of)?, None),
    };
    let lookup = SubjectLookup { resource, permission, kind, relation, context };
    let found = match snapshot.lookup_subjects_all(&lookup) {
        Ok(found) => found,
        Err(error) => return Ok(format!("error {}", error.code())),
    };
    let mut entries = Vec::new();
    for found in &found {
        let name = found.id.as_ref().map_or("*", |id| id.as_str());
        entries.extend(entry(name, &found.permissionship));
        for out in &found.excluded {
            let name = out.id.as_str();
            entries.push(entry(name, &left_to(&out.permissionship)).unwrap_or_else(|| format!("not {name}")));
        }
    }
    Ok(joined(&entries))
}

fn listed_permissions(snapshot: &Snapshot, text: &str, context: &Context) -> Result<String, String> {
    let (resource, subject) = cut(text, '@')?;
    let (resource, subject): (ObjectRef, SubjectRef) = (parsed(resource)?, parsed(subject)?);
    match snapshot.permissions(&resource, &subject, context) {
        Ok(found) => {
            Ok(joined(&found.iter().filter_map(|(name, found)| entry(name.as_str(), found)).collect::<Vec<_>>()))
        }
        Err(error) => Ok(format!("error {}", error.code())),
    }
}

/// `resource#permission@subject`, of whatever the two ends are.
fn parts<A: FromStr<Err: Display>, B: FromStr<Err: Display>>(text: &str) -> Result<(A, RelationName, B), String> {
    let (resource, rest) = cut(text, '#')?;
    let (permission, subject) = cut(rest, '@')?;
    Ok((parsed(resource)?, parsed(permission)?, parsed(subject)?))
}

/// What stands before and after the first such character that is not in quotes.
fn cut(text: &str, at: char) -> Result<(&str, &str), String> {
    let (mut quoted, mut escaped) = (false, false);
    for (position, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if character == at && !quoted => {
                let (before, rest) = text.split_at(position);
                return Ok((before, rest.strip_prefix(at).unwrap_or(rest)));
            }
            _ => {}
        }
    }
    Err(format!("`{text}` has no `{at}`"))
}

impl Step {
    fn written(&self, now: &mut Timestamp) -> Result<Written, String> {
        if let Some(time) = &self.now {
            *now = terms::moment(time)?;
        }
        let mut changes = Vec::new();
        changes.extend(self.schema.clone().map(Change::SchemaWritten));
        for line in lines(&self.delete) {
            changes.push(Change::RelationshipDeleted(parsed(line)?));
        }
        for line in lines(&self.relationships) {
            let Termed { relationship, terms } = parsed(line)?;
            changes.push(Change::RelationshipTouched(relationship, terms));
        }
        for (object, entry) in &self.principals {
            changes.push(Change::PrincipalSet(entry.principal(object)?));
        }
        for object in &self.unregister {
            changes.push(Change::PrincipalRemoved(parsed(object)?));
        }
        let mut tasks: Vec<_> = self.tasks.iter().collect();
        tasks.sort_by_key(|(_, entry)| self.tasks_above(entry));
        for (id, entry) in tasks {
            changes.push(Change::TaskOpened(entry.task(id, *now)?));
        }
        // A parent is written before what hangs below it.
        let mut links: Vec<_> = self.delegations.iter().collect();
        links.sort_by_key(|(_, entry)| self.links_above(entry));
        for (id, entry) in links {
            changes.push(Change::DelegationCreated(entry.delegation(id)?));
        }
        for (id, entry) in &self.endorsements {
            changes.push(Change::EndorsementCreated(entry.endorsement(id)?));
        }
        for id in &self.complete {
            changes.push(Change::TaskClosed(task_id(id)?, TaskState::Completed));
        }
        for id in &self.cancel {
            changes.push(Change::TaskClosed(task_id(id)?, TaskState::Cancelled));
        }
        for id in &self.revoke {
            changes.push(Change::DelegationRevoked(delegation_id(id)?));
        }
        for id in &self.revoke_endorsements {
            changes.push(Change::EndorsementRevoked(endorsement_id(id)?));
        }
        for (object, attributes) in &self.attributes {
            changes.push(Change::AttributesSet(parsed(object)?, terms::context(attributes)));
        }
        Ok(Written { now: *now, changes, taken: Vec::new() })
    }

    /// How many tasks of this step are above this one; on a loop, as many as there are.
    fn tasks_above(&self, entry: &TaskEntry) -> usize {
        let parent_of = |entry: &&TaskEntry| entry.parent.as_ref().and_then(|id| self.tasks.get(id));
        std::iter::successors(parent_of(&entry), parent_of).take(self.tasks.len()).count()
    }

    /// How many links of this step hang above this one; on a loop, as many as there are.
    fn links_above(&self, entry: &DelegationEntry) -> usize {
        let parent_of = |entry: &&DelegationEntry| entry.parent.as_ref().and_then(|id| self.delegations.get(id));
        std::iter::successors(parent_of(&entry), parent_of).take(self.delegations.len()).count()
    }
}

impl PrincipalEntry {
    fn principal(&self, object: &str) -> Result<Principal, String> {
        let state = self.state.as_deref().unwrap_or("active");
        Ok(Principal {
            object: parsed(object)?,
            owner: self.owner.as_deref().map(parsed).transpose()?,
            state: PrincipalState::from_word(state).ok_or_else(|| format!("`{state}` is no state of a principal"))?,
            declared: false,
        })
    }
}

impl TaskEntry {
    fn task(&self, id: &str, now: Timestamp) -> Result<Task, String> {
        let state = self.state.as_deref().unwrap_or("open");
        Ok(Task {
            id: task_id(id)?,
            origin: parsed(&self.origin)?,
            purpose: self.purpose.clone(),
            opened_at: now,
            expires_at: terms::moment(&self.expires_at)?,
            state: TaskState::from_word(state).ok_or_else(|| format!("`{state}` is no state of a task"))?,
            declared: false,
            parent: self.parent.as_deref().map(task_id).transpose()?,
            owner: self.owner.as_deref().map(parsed).transpose()?,
            budgets: self.budgets.iter().map(|(name, entry)| entry.budget(name)).collect::<Result<_, _>>()?,
        })
    }
}

impl BudgetEntry {
    fn budget(&self, name: &str) -> Result<Budget, String> {
        Ok(Budget {
            name: BudgetName::new(name).ok_or_else(|| format!("`{name}` is no name of a budget"))?,
            covers: self.covers.as_deref().map(cap).transpose()?,
            measure: self.sum.clone().map_or(Measure::Count, Measure::Sum),
            limit: parsed(&self.limit)?,
            per_ms: self.per_ms,
            in_flight: self.in_flight,
        })
    }
}

impl DelegationEntry {
    fn delegation(&self, id: &str) -> Result<Delegation, String> {
        Ok(Delegation {
            id: delegation_id(id)?,
            task: task_id(&self.task)?,
            kind: self.kind()?,
            from: parsed(&self.from)?,
            to: parsed(&self.to)?,
            parent: self.parent.as_deref().map(delegation_id).transpose()?,
            cap: cap(&self.cap)?,
            depth: self.depth,
            not_before: self.not_before.as_deref().map(terms::moment).transpose()?,
            expires_at: self.expires_at.as_deref().map(terms::moment).transpose()?,
            revoked_at: None,
            declared: false,
            uses: self.uses,
        })
    }
}

impl DelegationEntry {
    fn kind(&self) -> Result<DelegationKind, String> {
        let Some(word) = &self.kind else { return Ok(DelegationKind::Lends) };
        DelegationKind::from_word(word).ok_or_else(|| format!("`{word}` is no kind of a delegation"))
    }
}

impl EndorsementEntry {
    fn endorsement(&self, id: &str) -> Result<Endorsement, String> {
        Ok(Endorsement {
            id: endorsement_id(id)?,
            worker: parsed(&self.worker)?,
            by: parsed(&self.by)?,
            cap: cap(&self.cap)?,
            origins: self.origins.iter().map(|origin| parsed(origin)).collect::<Result<_, _>>()?,
            expires_at: self.expires_at.as_deref().map(terms::moment).transpose()?,
            revoked_at: None,
            declared: false,
        })
    }
}

fn cap(clauses: &[ClauseEntry]) -> Result<Cap, String> {
    Ok(Cap { clauses: clauses.iter().map(ClauseEntry::clause).collect::<Result<_, _>>()? })
}

impl ClauseEntry {
    fn clause(&self) -> Result<CapClause, String> {
        let permissions = if self.permissions.iter().any(|name| name == "*") {
            CapPermissions::Any
        } else {
            CapPermissions::Only(self.permissions.iter().map(|name| parsed(name)).collect::<Result<_, _>>()?)
        };
        let resources = self.resources.iter().map(|entry| parsed(entry)).collect::<Result<_, _>>()?;
        let condition = self.when.as_ref().map(CaveatEntry::used).transpose()?;
        Ok(CapClause { permissions, resources, condition })
    }
}

impl CaveatEntry {
    fn used(&self) -> Result<CaveatUse, String> {
        let name = CaveatName::new(&self.name).map_err(|error| format!("`{}`: {error}", self.name))?;
        Ok(CaveatUse { name, context: terms::context(&self.context) })
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"))
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("`{text}`: {error}"))
}

fn task_id(text: &str) -> Result<TaskId, String> {
    TaskId::new(text).ok_or_else(|| format!("`{text}` is no task id"))
}

fn endorsement_id(text: &str) -> Result<EndorsementId, String> {
    EndorsementId::new(text).ok_or_else(|| format!("`{text}` is no endorsement id"))
}

fn delegation_id(text: &str) -> Result<DelegationId, String> {
    DelegationId::new(text).ok_or_else(|| format!("`{text}` is no delegation id"))
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn answers_that_say_the_same_are_the_same() {
        for (expected, found, of_list, agree) in [
            ("has", "has", false, true),
            ("has", "has_not", false, false),
            ("conditional day,hour", "conditional day", false, true),
            ("conditional day", "conditional day,hour", false, false),
            ("conditional no_path", "has", false, false),
            ("alice, bob", "bob, alice", true, true),
            ("alice", "alice, bob", true, false),
            ("*, not eve", "*, alice, not eve", true, true),
            ("*, not eve", "*", true, false),
            ("nothing", "alice", true, false),
            ("alice if day,hour", "alice if hour", true, true),
            ("error type_unknown", "nothing", true, false),
        ] {
            assert_eq!(same(expected, found, of_list), agree, "{expected} / {found}");
        }
    }
}
