//! Allows that take something: they go to the writer, which decides again and writes what is taken. See
//! `docs/decisions/0047-budgets.md`.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use prokura_engine::{Decision, EngineError, Limits, Question, Taking, View};
use prokura_model::{
    Amount, Change, Consumption, DecisionId, Disposition, Outcome, Reason, Revision, Timestamp, decode_changes,
    decode_record,
};

use crate::{
    Asked, ByModel, DecideError, Decided, Provenance, WriteError,
    decide::{Found, put_found},
    shared::Shared,
    tenant::{Tenant, WorkDigest},
    writer::Work,
};

/// A question whose allow takes something, on its way to the writer.
#[derive(Debug)]
pub(crate) struct Consuming {
    pub(crate) question: Question,
    pub(crate) asked: Asked,
    pub(crate) by: Option<ByModel>,
    pub(crate) begun: Instant,
}

/// What the writer made of it.
#[derive(Clone, Debug)]
pub(crate) enum Consumed {
    /// It is allowed, and what it takes is written.
    Taken(Box<Decided>),
    /// It is the request that was allowed in this revision, and would be again.
    Before(Revision),
    /// There is nothing to take: it is a decision like any other.
    Otherwise(Box<Found>),
    /// It cannot be recorded.
    Refused(Box<DecideError>),
}

/// How a reservation ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settlement {
    pub(crate) reservation: DecisionId,
    /// The enforcement point that it has to be made for, unless whoever settles it may settle any.
    pub(crate) by: Option<String>,
    /// What is taken for good: all that is held, or less where an argument is named. None: it is released.
    pub(crate) committed: Option<BTreeMap<String, Amount>>,
}

/// Whether only the writer can say what comes of it: something is to be taken; or nothing is left of it, and it may be a request
/// sent again, which took it.
pub(crate) fn needs_writer(result: &Result<Decision, EngineError>, asked: &Asked) -> bool {
    let Ok(decision) = result else { return false };
    let exhausted = matches!(decision.reason, Reason::BudgetExhausted | Reason::UsesExhausted);
    let used = decision.held.as_ref().is_some_and(|held| held.used);
    !decision.taken.is_empty() || ((exhausted || used) && asked.request_id.is_some())
}

/// Has the writer decide and take, and answers once that is on disk.
pub(crate) fn decide(shared: &Shared, tenant: &Arc<Tenant>, consuming: Consuming) -> Result<Decided, DecideError> {
    let consuming = Arc::new(consuming);
    let work = Work::Consuming { tenant: Arc::clone(tenant), consuming: Arc::clone(&consuming) };
    let not_taken = |error| DecideError::NotTaken(Box::new(error));
    let written = shared.writes.submit(work, consuming.provenance()).map_err(not_taken)?;
    match written.consumed {
        Some(Consumed::Taken(decided)) => Ok(*decided),
        Some(Consumed::Before(revision)) => earlier(shared, tenant, revision).map_err(not_taken),
        Some(Consumed::Otherwise(found)) => {
            put_found(shared, &tenant.name, &consuming.question, &consuming.asked, *found)
        }
        Some(Consumed::Refused(error)) => Err(*error),
        None => Err(not_taken(WriteError::Internal("an allow was accepted, but not made".to_owned()))),
    }
}

impl Consuming {
    /// Whose request ids it counts among: those of whoever asks, and with a token the actor is part of that.
    pub(crate) fn author(&self) -> String {
        let Asked { enforcement_point, .. } = &self.asked;
        if enforcement_point.starts_with("token") {
            return format!("{enforcement_point}:{}", self.question.actor);
        }
        enforcement_point.clone()
    }

    fn provenance(&self) -> Provenance {
        let request_id = self.asked.request_id.as_ref().map(|id| match self.asked.place {
            Some(place) => format!("{id}#{place}"),
            None => id.clone(),
        });
        Provenance { author: self.author(), reason: "a decision".to_owned(), request_id }
    }

    pub(crate) fn digest(&self) -> WorkDigest {
        WorkDigest::of_request(&(by_anyone(&self.question), self.asked.reserve_ms))
    }

    pub(crate) fn decide(
        &self,
        view: View<'_>,
        taking: Taking<'_>,
        now: Timestamp,
        limits: Limits,
    ) -> Result<Decision, EngineError> {
        match &self.by {
            None => view.decide_taking(&self.question, taking, now, &limits),
            Some(by) => {
                let limits = ByModel::limits(limits);
                by.view(view, |view| view.decide_taking(&self.question, taking, now, &limits))
            }
        }
    }
}

/// The question, however whoever asks was known: the same one sent again with a fresh token is the same. It is decided anew
/// with that token before the first answer is given again.
pub(crate) fn by_anyone(question: &Question) -> Question {
    Question { credential: None, ..question.clone() }
}

impl Asked {
    /// How an allow of it takes.
    pub(crate) fn taking(&self) -> Taking<'static> {
        if self.reserve_ms.is_some() { Taking::Reserved } else { Taking::AtOnce }
    }
}

/// The decision that was made in this revision.
fn earlier(shared: &Shared, tenant: &Tenant, revision: Revision) -> Result<Decided, WriteError> {
    let lost =
        |what: String| WriteError::Internal(format!("the decision of revision {revision} cannot be read: {what}"));
    let entry = shared.log.entry(&tenant.name, revision).map_err(|error| lost(error.to_string()))?;
    let payload = entry.map(|entry| entry.payload).unwrap_or_default();
    let changes = decode_changes(&payload).map_err(|error| lost(error.to_string()))?;
    let found = changes.into_iter().find_map(|change| match change {
        Change::Consumed(consumption) => Some(*consumption),
        _ => None,
    });
    let Consumption { record, taken, reserved, authority, valid_until, .. } =
        found.ok_or_else(|| lost("there is none".to_owned()))?;
    let record = decode_record(&record).map_err(|error| lost(error.to_string()))?;
    let Outcome::Decided(reason) = record.outcome else { return Err(lost("it is none".to_owned())) };
    let decision = Decision {
        reason,
        message: record.message,
        task: record.task,
        run: record.step.run,
        origin: record.origin,
        authority,
        chain: record.chain,
        at: None,
        witness: record.witness,
        missing: record.missing,
        guarded: !record.fired.is_empty() || record.credential.is_some(),
        fired: record.fired,
        held: None,
        record_first: false,
        valid_until,
        taken,
        revision: record.revision,
    };
    let reserved_until = reserved.map(|reserved| reserved.until);
    Ok(Decided { id: record.id, time: record.time, decision, reserved_until })
}

/// Whether something may be done.
pub(crate) fn is_allow(result: &Result<Decision, EngineError>) -> bool {
    result.as_ref().is_ok_and(|decision| decision.disposition() == Disposition::Allow)
}
