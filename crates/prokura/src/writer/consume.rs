//! Budgets, uses and reservations, at the head.

use std::{collections::BTreeMap, iter, sync::Arc};

use prokura_engine::{Taking, limits::TASK_LINE_MAX};
use prokura_model::{
    Amount, Change, Consumption, Draw, Measure, Outcome, Reserved, Taken, Task, TaskId, Timestamp, encode_record,
};
use prokura_store::Record;

use super::{
    Written,
    stage::{Staged, done_before, into_index, reused},
    validate::within,
};
use crate::{
    Decided, Provenance, WriteError,
    consume::{Consumed, Consuming, Settlement, is_allow},
    decide::{Begun, Found, microseconds_since, record_of, step_of, with_decision},
    limits::{RESERVATIONS_OPEN_MAX, RUN_VALUES_MAX},
    recorder::check_size,
    shared::Shared,
    tenant::{Tenant, WorkDigest},
};

/// Decides on everything written so far, and takes what an allow takes.
pub(super) fn stage_consuming(
    shared: &Shared,
    tenant: Arc<Tenant>,
    provenance: Provenance,
    consuming: &Consuming,
) -> Result<Staged, WriteError> {
    // Nothing is taken for an answer that cannot be given.
    if let Err(error) = shared.records.check() {
        return Ok(answered(Consumed::Refused(Box::new(error))));
    }
    let digest = provenance.request_id.is_some().then(|| consuming.digest());
    let before = done_before(&tenant, &provenance);
    if let Some(done) = before
        && Some(done.work) != digest
    {
        return Err(reused(&provenance, done));
    }
    // An allow sent again takes nothing more, but everything else must still allow it.
    let taking = if before.is_some() { Taking::Before } else { consuming.asked.taking() };
    let time = shared.now.read();
    let view = tenant.index.view_applied();
    let result = consuming.decide(view, taking, time, shared.limits);
    if let Some(done) = before
        && let Ok(decision) = &result
        && is_allow(&result)
    {
        // The resource has a value since that the run has not touched: the answer of then would let it be touched unseen.
        if !decision.taken.touched.is_empty() {
            return Err(reused(&provenance, done));
        }
        return Ok(answered(Consumed::Before(done.receipt.revision)));
    }
    let found = Found { begun: consuming.begun, time, revision: view.revision(), result, planned: false };
    let taking = found.result.as_ref().ok().filter(|decision| !decision.taken.is_empty());
    let Some(decision) = taking else { return Ok(answered(Consumed::Otherwise(Box::new(found)))) };
    let task = decision.task.as_ref().and_then(|task| view.task(task));
    take(shared, tenant, (provenance, digest), consuming, task.as_ref(), found)
}

fn answered(consumed: Consumed) -> Staged {
    Staged { written: Written { consumed: Some(consumed), ..Written::default() }, ..Staged::default() }
}

fn take(
    shared: &Shared,
    tenant: Arc<Tenant>,
    (provenance, digest): (Provenance, Option<WorkDigest>),
    consuming: &Consuming,
    task: Option<&Arc<Task>>,
    found: Found,
) -> Result<Staged, WriteError> {
    let Found { begun, time, revision, result, .. } = found;
    let Ok(mut decision) = result else { return Ok(Staged::default()) };
    check_touched(&tenant, &decision.taken)?;
    let reserved = match task {
        Some(task) => reserved(&tenant, consuming, task, time)?,
        // Without a task there is nothing to hold it by: what is taken is taken at once.
        None => None,
    };
    let reserved_until = reserved.as_ref().map(|reserved| reserved.until);
    decision.valid_until = decision.valid_until.into_iter().chain(reserved_until).min();
    let id = shared.mint_decision_id(time);
    let outcome = Outcome::Decided(decision.reason);
    let begun = Begun { id: &id, time, revision, duration_us: microseconds_since(begun) };
    let step = step_of(&consuming.asked, Some(&decision), false);
    let record = record_of(begun, &consuming.question, &consuming.asked, (&outcome, &step));
    let payload = encode_record(&with_decision(record, &consuming.question, &decision));
    if let Err(error) = check_size(payload.len()) {
        return Ok(answered(Consumed::Refused(Box::new(error))));
    }
    let consumption = Consumption {
        decision: id.clone(),
        task: task.map(|task| task.id.clone()),
        at: time,
        taken: decision.taken.clone(),
        reserved,
        record: payload.clone(),
        authority: decision.authority.clone(),
        valid_until: decision.valid_until,
    };
    let mut changes = vec![Change::Consumed(Box::new(consumption))];
    changes.extend(digest.map(WorkDigest::into_change));
    let entry = Record { tenant: tenant.name.clone(), id: id.clone(), time, payload };
    let mut staged = into_index(shared, tenant, provenance, time, changes, digest)?;
    staged.record = Some(entry);
    let decided = Decided { id, time, decision, reserved_until };
    staged.written.consumed = Some(Consumed::Taken(Box::new(decided)));
    Ok(staged)
}

/// What a run has touched is never forgotten, so it has to be little.
fn check_touched(tenant: &Tenant, taken: &Taken) -> Result<(), WriteError> {
    let Some(first) = taken.touched.first() else { return Ok(()) };
    let spending = tenant.index.view_applied().spending(&first.run);
    let before: usize = spending.touched.values().map(Vec::len).sum();
    within("values that a run has touched", RUN_VALUES_MAX, before + taken.touched.len())
}

/// The terms of a reservation, if it is to be one. It ends with the task at the latest, which ends no later than those above.
fn reserved(
    tenant: &Tenant,
    consuming: &Consuming,
    task: &Arc<Task>,
    now: Timestamp,
) -> Result<Option<Reserved>, WriteError> {
    let Some(reserve_ms) = consuming.asked.reserve_ms else { return Ok(None) };
    let view = tenant.index.view_applied();
    let line = iter::successors(Some(Arc::clone(task)), |task| view.task(task.parent.as_ref()?));
    let line: Vec<_> = line.take(TASK_LINE_MAX).collect();
    for task in &line {
        within("open reservations of a task", RESERVATIONS_OPEN_MAX, view.spending(&task.id).open(now).count() + 1)?;
    }
    let above = line.iter().skip(1).map(|task| task.id.clone()).collect();
    Ok(Some(Reserved { until: now.plus_ms(reserve_ms).min(task.expires_at), by: consuming.author(), above }))
}

/// Commits or releases a reservation that is open.
pub(super) fn stage_settlement(
    shared: &Shared,
    tenant: Arc<Tenant>,
    provenance: Provenance,
    settlement: &Settlement,
) -> Result<Staged, WriteError> {
    let digest = provenance.request_id.is_some().then(|| WorkDigest::of_request(settlement));
    if let Some(done) = done_before(&tenant, &provenance) {
        return match digest {
            Some(digest) if digest == done.work => Ok(Staged::answered(done.receipt)),
            _ => Err(reused(&provenance, done)),
        };
    }
    let now = shared.now.read();
    let (task, change) = settled(&tenant, settlement, now)?;
    let id = settlement.reservation.clone();
    let mut changes = vec![match change {
        Some(taken) => Change::ReservationCommitted(id, task, taken),
        None => Change::ReservationReleased(id, task),
    }];
    changes.extend(digest.map(WorkDigest::into_change));
    into_index(shared, tenant, provenance, now, changes, digest)
}

/// Under which task it is, and what is taken for good.
fn settled(tenant: &Tenant, settlement: &Settlement, now: Timestamp) -> Result<(TaskId, Option<Taken>), WriteError> {
    let Settlement { reservation, by, committed } = settlement;
    let not_open = || WriteError::ReservationNotOpen(reservation.clone());
    let view = tenant.index.view_applied();
    let task = view.reserved(reservation).and_then(|task| view.task(&task)).ok_or_else(not_open)?;
    let spending = view.spending(&task.id);
    let found = spending.open(now).find(|(id, _)| *id == reservation).map(|(_, found)| found);
    let found = found.filter(|found| by.as_ref().is_none_or(|by| *by == found.reserved.by)).ok_or_else(not_open)?;
    let Some(amounts) = committed else { return Ok((task.id.clone(), None)) };
    let taken = committed_of(&task, &found.taken, amounts)?;
    Ok((task.id.clone(), Some(taken)))
}

/// What was held, with less of the arguments that are named.
fn committed_of(task: &Task, held: &Taken, amounts: &BTreeMap<String, Amount>) -> Result<Taken, WriteError> {
    let argument = |draw: &Draw| {
        let budget = task.budgets.iter().find(|budget| budget.name == draw.budget)?;
        match &budget.measure {
            Measure::Sum(argument) => Some(argument.as_str()),
            Measure::Count => None,
        }
    };
    let mut taken = held.clone();
    for (name, amount) in amounts {
        let mut draws = taken.draws.iter_mut().filter(|draw| argument(draw) == Some(name)).peekable();
        if draws.peek().is_none() {
            return Err(WriteError::ReservationLacks(name.clone()));
        }
        for draw in draws {
            if *amount > draw.amount {
                let (argument, held, found) = (name.clone(), draw.amount, *amount);
                return Err(WriteError::ReservationExceeded { argument, held, found });
            }
            draw.amount = *amount;
        }
    }
    Ok(taken)
}
