//! Asking for a decision, and finding it again.

use std::{sync::Arc, time::Instant};

use prokura_engine::{Decision, EngineError, Question, Taking};
use prokura_model::{
    DecisionId, DecisionRecord, DelegationId, Disposition, ObjectRef, Outcome, RecordView, RelationName, Revision,
    Step, TaskId, TenantName, Timestamp, Value,
};

use crate::{
    ByModel, DecideError, Snapshot,
    consume::{self, Consuming, needs_writer},
    limits::{RECORDED_REQUEST_BYTES_MAX, RESERVATION_MS_MAX, SPAN_BYTES_MAX},
    recorder::Unplaced,
    shared::Shared,
    tenant::Tenant,
    writer::check_value,
};

/// What was decided on a snapshot.
#[derive(Clone, Debug)]
pub enum DecidedOn {
    /// On the state that is the newest, or was when it was asked for: it is recorded.
    Recorded(Decided),
    /// On a [historic](Snapshot::is_historic) snapshot: a preview, which is not recorded and must not be enforced.
    Historic(Decision),
}

impl DecidedOn {
    /// What was decided, and why.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        match self {
            Self::Recorded(decided) => &decided.decision,
            Self::Historic(decision) => decision,
        }
    }

    /// Under which name it is recorded, if it is.
    #[must_use]
    pub fn id(&self) -> Option<&DecisionId> {
        match self {
            Self::Recorded(decided) => Some(&decided.id),
            Self::Historic(_) => None,
        }
    }
}

/// Who asked, through which door, and in what words. It is recorded with the decision and plays no part in it; only what an
/// allow takes is taken as it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Which door was asked: `authzen`, `api`, `library`.
    pub door: String,
    /// Who asked: `key:ID` of an enforcement point, or the actor's own token (`token`).
    pub enforcement_point: String,
    /// The caller's own name for the request, if it gave one.
    pub request_id: Option<String>,
    /// The caller's own name for this step of its work, such as the id of a span, if it gave one.
    pub span: Option<String>,
    /// The canonical request as the door received it, context included.
    pub request: Value,
    /// For how long, in milliseconds, what an allow takes is to be reserved; none: it is taken at once.
    pub reserve_ms: Option<u64>,
    /// Its place among those that are asked together under one request id: each of them is a request of its own.
    pub place: Option<usize>,
}

impl Asked {
    /// Asked in process, through the library.
    #[must_use]
    pub fn by_library() -> Self {
        Self {
            door: "library".to_owned(),
            enforcement_point: "library".to_owned(),
            request_id: None,
            span: None,
            request: Value::empty_map(),
            reserve_ms: None,
            place: None,
        }
    }
}

/// A decision that is in the queue of the record.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Under which name it is recorded.
    pub id: DecisionId,
    /// The *now* it was decided at.
    pub time: Timestamp,
    /// What was decided, and why.
    pub decision: Decision,
    /// If what it takes is reserved, the moment from which that is over. The reservation has the decision's name.
    pub reserved_until: Option<Timestamp>,
}

impl Decided {
    /// Whether it may be done.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        self.decision.reason.disposition()
    }
}

/// Which recorded decisions are meant. An absent member matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecisionFilter {
    /// By this actor.
    pub actor: Option<ObjectRef>,
    /// For this origin.
    pub origin: Option<ObjectRef>,
    /// Under this task.
    pub task: Option<TaskId>,
    /// In this run: under the task, or one of those that are part of it.
    pub run: Option<TaskId>,
    /// With this delegation anywhere on the chain, or named in the request.
    pub delegation: Option<DelegationId>,
    /// About this resource.
    pub resource: Option<ObjectRef>,
    /// About this permission.
    pub permission: Option<RelationName>,
    /// With this disposition; errors have none.
    pub disposition: Option<Disposition>,
    /// With this stable code: of a reason (`no_path`), or of an error.
    pub code: Option<String>,
    /// Asked by this enforcement point.
    pub enforcement_point: Option<String>,
    /// At this moment or later.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
}

/// Recorded decisions, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecisionPage {
    /// The decisions. May be fewer than asked for, even none, with more to come: a page looks at a bounded number.
    pub records: Vec<DecisionRecord>,
    /// Where the next page begins; none when there is nothing older.
    pub next: Option<String>,
}

impl DecisionFilter {
    /// Whether the decision is meant.
    #[must_use]
    pub fn matches(&self, record: &DecisionRecord) -> bool {
        fn same<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none_or(|wanted| found == Some(wanted))
        }
        same(self.actor.as_ref(), Some(&record.actor))
            && same(self.origin.as_ref(), record.origin.as_ref())
            && same(self.task.as_ref(), record.task.as_ref())
            && same(self.run.as_ref(), record.step.run.as_ref())
            && self.delegation.as_ref().is_none_or(|wanted| {
                record.delegation.as_ref() == Some(wanted) || record.chain.iter().any(|link| link.delegation == *wanted)
            })
            && same(self.resource.as_ref(), Some(&record.resource))
            && same(self.permission.as_ref(), Some(&record.permission))
            && same(self.disposition.as_ref(), record.outcome.disposition().as_ref())
            && self.code.as_deref().is_none_or(|code| code == record.outcome.code())
            && same(self.enforcement_point.as_ref(), Some(&record.enforcement_point))
            && self.from.is_none_or(|from| record.time >= from)
            && self.to.is_none_or(|to| record.time < to)
    }
}

/// Decides at the head, puts the record in line, and answers.
pub(crate) fn decide(
    shared: &Shared,
    tenant: &TenantName,
    question: &Question,
    asked: &Asked,
) -> Result<Decided, DecideError> {
    match decide_at_once(shared, tenant, question, asked)? {
        Placed::InLine(decided) => Ok(decided),
        Placed::NotYet(unrecorded) => unrecorded.put_in_line(shared),
    }
}

/// What became of a decision that is not to wait.
#[derive(Debug)]
pub enum Placed {
    /// Its record is in line, so it may be answered.
    InLine(Decided),
    /// There was no place, or it has to be on disk first, so it may not be answered yet.
    NotYet(Unrecorded),
}

/// A decision that is not in line to be recorded, or not on disk although it has to be, and is nothing as long as it is not.
#[derive(Debug)]
pub struct Unrecorded(Pending);

#[derive(Debug)]
enum Pending {
    /// It waits for a place in the record, or to be on disk.
    Record {
        /// The record, if it found no place.
        record: Option<Unplaced>,
        /// Whether it has to be on disk before it is answered.
        first: bool,
        result: Result<Decided, DecideError>,
    },
    /// It waits for the writer, to take what it takes.
    Taking { tenant: Arc<Tenant>, consuming: Consuming },
}

impl Unrecorded {
    /// Waits for what it waits for, and answers.
    pub(crate) fn put_in_line(self, shared: &Shared) -> Result<Decided, DecideError> {
        let (record, first, result) = match self.0 {
            Pending::Record { record, first, result } => (record, first, result),
            Pending::Taking { tenant, consuming } => return consume::decide(shared, &tenant, consuming),
        };
        if let Some(record) = record {
            shared.records.put_waiting(record)?;
        }
        if first {
            let flushed = shared.records.flush();
            flushed.map_err(|error| DecideError::RecordUnavailable(error.to_string()))?;
            // What a failed flush lost was never recorded.
            shared.records.check()?;
        }
        result
    }
}

/// The same as [`decide`], but it waits for nothing.
pub(crate) fn decide_at_once(
    shared: &Shared,
    tenant: &TenantName,
    question: &Question,
    asked: &Asked,
) -> Result<Placed, DecideError> {
    decide_by(shared, tenant, question, None, asked)
}

/// The same, by a model if there is one.
pub(crate) fn decide_by(
    shared: &Shared,
    tenant: &TenantName,
    question: &Question,
    by: Option<&ByModel>,
    asked: &Asked,
) -> Result<Placed, DecideError> {
    let begun = Instant::now();
    let Some(tenant) = shared.system.tenant(tenant) else {
        return Err(DecideError::TenantUnknown(tenant.clone()));
    };
    check_asked(asked)?;
    shared.records.check()?;
    let time = shared.now.read();
    let taking = asked.taking();
    let (revision, result) = tenant.at_head(|view| match by {
        None => view.decide_taking(question, taking, time, &shared.limits),
        Some(by) => by.view(view, |view| view.decide_taking(question, taking, time, &ByModel::limits(shared.limits))),
    });
    if needs_writer(&result, asked) {
        let (question, asked, by) = (question.clone(), asked.clone(), by.cloned());
        let consuming = Consuming { question, asked, by, begun };
        return Ok(Placed::NotYet(Unrecorded(Pending::Taking { tenant, consuming })));
    }
    put(shared, &tenant.name, question, asked, Found { begun, time, revision, result, planned: false })
}

/// With relationships and schema of the snapshot, and everything else of the head.
pub(crate) fn decide_on(
    shared: &Shared,
    snapshot: &Snapshot,
    question: &Question,
    asked: &Asked,
) -> Result<DecidedOn, DecideError> {
    let begun = Instant::now();
    let tenant = snapshot.tenant_kept();
    let own = shared.system.tenant(&tenant.name).is_some_and(|own| Arc::ptr_eq(&own, tenant));
    if !own {
        return Err(DecideError::TenantUnknown(tenant.name.clone()));
    }
    check_asked(asked)?;
    shared.records.check()?;
    let (time, revision) = (shared.now.read(), snapshot.revision());
    let result = tenant
        .index
        .view_at(revision)
        .and_then(|view| tenant.at_head(|head| view.decide_with(&head, question, time, &shared.limits)).1);
    if snapshot.is_historic() {
        return match result {
            Ok(decision) => Ok(DecidedOn::Historic(decision)),
            Err(error) => Err(DecideError::NotPreviewed(Box::new(error))),
        };
    }
    if needs_writer(&result, asked) {
        // What is taken is taken at the head.
        let consuming = Consuming { question: question.clone(), asked: asked.clone(), by: None, begun };
        return consume::decide(shared, tenant, consuming).map(DecidedOn::Recorded);
    }
    let found = Found { begun, time, revision, result, planned: false };
    put_found(shared, &tenant.name, question, asked, found).map(DecidedOn::Recorded)
}

/// All on one state and at one moment; but once one takes something, which the writer decides, those after it are decided on
/// what that made of it, one after the other. Those of a plan take nothing: each is decided as if those before it had taken what they would. They are recorded once all are decided: should the index forget the state meanwhile, which takes a whole window
/// of writes, all are decided anew.
pub(crate) fn decide_many(
    shared: &Shared,
    tenant: &TenantName,
    questions: Vec<(Question, Asked)>,
    planned: bool,
) -> Result<Vec<Result<Decided, DecideError>>, DecideError> {
    let Some(tenant) = shared.system.tenant(tenant) else {
        return Err(DecideError::TenantUnknown(tenant.clone()));
    };
    questions.iter().try_for_each(|(_, asked)| check_asked(asked))?;
    shared.records.check()?;
    let time = shared.now.read();
    let (revision, found) = tenant.at_head(|view| {
        // What the actions of a plan before it would have taken.
        let mut before = Vec::new();
        let decided = |(question, asked): &(Question, Asked)| {
            let begun = Instant::now();
            let taking = if planned { Taking::After(&before) } else { asked.taking() };
            let result = view.decide_taking(question, taking, time, &shared.limits);
            if let Ok(decision) = &result
                && planned
            {
                before.push(decision.taken.clone());
            }
            Found { begun, time, revision: view.revision(), result, planned }
        };
        Ok(questions.iter().map(decided).collect::<Vec<_>>())
    });
    let found = found.map_err(|error| DecideError::RecordUnavailable(format!("revision {revision}: {error}")))?;
    // Once one of them has taken something, the others are no longer what they were on the state before.
    let mut moved = false;
    let placed = questions.into_iter().zip(found).enumerate().map(|(place, ((question, asked), found))| {
        let found = if moved && !planned {
            let (begun, time) = (Instant::now(), shared.now.read());
            let (revision, result) =
                tenant.at_head(|view| view.decide_taking(&question, asked.taking(), time, &shared.limits));
            Found { begun, time, revision, result, planned }
        } else {
            found
        };
        if !planned && needs_writer(&found.result, &asked) {
            moved = true;
            let asked = Asked { place: asked.place.or(Some(place)), ..asked };
            let consuming = Consuming { question, asked, by: None, begun: found.begun };
            return consume::decide(shared, &tenant, consuming);
        }
        put_found(shared, &tenant.name, &question, &asked, found)
    });
    Ok(placed.collect())
}

/// How a question came out, before it is recorded.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) begun: Instant,
    pub(crate) time: Timestamp,
    pub(crate) revision: Revision,
    pub(crate) result: Result<Decision, EngineError>,
    pub(crate) planned: bool,
}

/// Under which name, when, on which state, and after how long.
pub(crate) struct Begun<'r> {
    pub(crate) id: &'r DecisionId,
    pub(crate) time: Timestamp,
    pub(crate) revision: Revision,
    pub(crate) duration_us: u64,
}

/// The record of a question, without what only a decision has.
pub(crate) fn record_of<'r>(
    Begun { id, time, revision, duration_us }: Begun<'r>,
    question: &'r Question,
    asked: &'r Asked,
    (outcome, step): (&'r Outcome, &'r Step),
) -> RecordView<'r> {
    RecordView {
        id,
        time,
        revision,
        actor: &question.actor,
        permission: &question.permission,
        resource: &question.resource,
        delegation: question.delegation.as_ref(),
        task: None,
        origin: None,
        chain: &[],
        outcome,
        message: "",
        witness: &[],
        request: &asked.request,
        door: &asked.door,
        enforcement_point: &asked.enforcement_point,
        request_id: asked.request_id.as_deref(),
        duration_us,
        missing: &[],
        step,
        fired: &[],
        credential: None,
    }
}

/// Where in a piece of work it stands.
pub(crate) fn step_of(asked: &Asked, decision: Option<&Decision>, planned: bool) -> Step {
    Step { run: decision.and_then(|decision| decision.run.clone()), span: asked.span.clone(), planned }
}

pub(crate) fn with_decision<'r>(
    record: RecordView<'r>,
    question: &'r Question,
    decision: &'r Decision,
) -> RecordView<'r> {
    RecordView {
        task: decision.task.as_ref(),
        origin: decision.origin.as_ref(),
        chain: &decision.chain,
        message: &decision.message,
        witness: &decision.witness,
        missing: &decision.missing,
        fired: &decision.fired,
        credential: question.credential.as_ref().filter(|_| decision.guarded),
        ..record
    }
}

/// Puts the record in line.
fn put(
    shared: &Shared,
    tenant: &TenantName,
    question: &Question,
    asked: &Asked,
    found: Found,
) -> Result<Placed, DecideError> {
    let Found { begun, time, revision, result, planned } = found;
    let id = shared.mint_decision_id(time);
    let (outcome, failure) = match &result {
        Ok(decision) => (Outcome::Decided(decision.reason), String::new()),
        Err(error) => (Outcome::Failed(error.code().to_owned()), error.to_string()),
    };
    let step = step_of(asked, result.as_ref().ok(), planned);
    let begun = Begun { id: &id, time, revision, duration_us: microseconds_since(begun) };
    let record = record_of(begun, question, asked, (&outcome, &step));
    let unplaced = match &result {
        Err(_) => shared.records.put(tenant, &RecordView { message: &failure, ..record })?,
        Ok(decision) => shared.records.put(tenant, &with_decision(record, question, decision))?,
    };
    let first = result.as_ref().is_ok_and(|decision| decision.record_first);
    let result = match result {
        Ok(decision) => Ok(Decided { id, time, decision, reserved_until: None }),
        Err(error) => Err(DecideError::Undecided { id, error: Box::new(error) }),
    };
    match unplaced {
        None if !first => result.map(Placed::InLine),
        record => Ok(Placed::NotYet(Unrecorded(Pending::Record { record, first, result }))),
    }
}

/// Puts the record in line, waiting for a place, and answers.
pub(crate) fn put_found(
    shared: &Shared,
    tenant: &TenantName,
    question: &Question,
    asked: &Asked,
    found: Found,
) -> Result<Decided, DecideError> {
    match put(shared, tenant, question, asked, found)? {
        Placed::InLine(decided) => Ok(decided),
        Placed::NotYet(unrecorded) => unrecorded.put_in_line(shared),
    }
}

/// What cannot be recorded is refused before it is decided: a record that cannot be read back is none.
fn check_asked(asked: &Asked) -> Result<(), DecideError> {
    if let Some(reserve_ms) = asked.reserve_ms.filter(|reserve_ms| !(1..=RESERVATION_MS_MAX).contains(reserve_ms)) {
        return Err(DecideError::ReservationInvalid(reserve_ms));
    }
    let request = check_value(&asked.request).map_err(DecideError::RequestInvalid)?;
    let span = asked.span.as_ref().map_or(0, String::len);
    if span > SPAN_BYTES_MAX {
        return Err(DecideError::RequestInvalid(format!(
            "its `span` has {span} bytes, and at most {SPAN_BYTES_MAX} are kept"
        )));
    }
    let bytes = request + asked.request_id.as_ref().map_or(0, String::len);
    if bytes > RECORDED_REQUEST_BYTES_MAX {
        return Err(DecideError::RequestInvalid(format!(
            "it has {bytes} bytes, and at most {RECORDED_REQUEST_BYTES_MAX} are kept"
        )));
    }
    Ok(())
}

/// About the bytes a value takes in a record; [`RECORDED_REQUEST_BYTES_MAX`] counts in them. Recursive: the value is one
/// whose nesting was bounded.
#[must_use]
pub fn recorded_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Integer(_) | Value::Float(_) => 9,
        Value::String(text) => text.len() + 1,
        Value::List(values) => 1 + values.iter().map(recorded_bytes).sum::<usize>(),
        Value::Map(members) => {
            1 + members.iter().map(|(name, value)| name.len() + 1 + recorded_bytes(value)).sum::<usize>()
        }
    }
}

pub(crate) fn microseconds_since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX)
}
