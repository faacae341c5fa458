//! Budgets, uses, and what was taken of them.

use std::collections::BTreeMap;

use prokura_model::{
    Amount, ApprovalId, Budget, BudgetName, Change, Consumption, DecisionId, Draw, Measure, Reserved, Taken, TaskId,
    Timestamp, Touch,
};
use serde::{Deserialize, Serialize};

use super::{
    ClauseEntry, ValueEntry,
    context::{entry_of, value_of},
    is_default,
    read::{cap, delegation_id, moment, parsed, task_id},
    write::{clauses, moment_text},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BudgetEntry {
    #[serde(default, skip_serializing_if = "is_default")]
    covers: Option<Vec<ClauseEntry>>,
    /// The argument that is summed up; allows are counted if there is none.
    #[serde(default, skip_serializing_if = "is_default")]
    sum: Option<String>,
    limit: String,
    #[serde(default, skip_serializing_if = "is_default")]
    per_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    in_flight: Option<u32>,
}

/// By the names of budgets, in which window how much.
type Draws = BTreeMap<String, (u64, String)>;

/// What an allow took, where no writer is there to take it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TakenEntry {
    #[serde(default, skip_serializing_if = "is_default")]
    task: Option<String>,
    decision: String,
    /// When; not there for a reservation that is settled.
    #[serde(default, skip_serializing_if = "is_default")]
    at: Option<String>,
    /// Of which budgets, in which window, how much.
    #[serde(default, skip_serializing_if = "is_default")]
    draws: Draws,
    /// The same of tasks above.
    #[serde(default, skip_serializing_if = "is_default")]
    above: BTreeMap<String, Draws>,
    #[serde(default, skip_serializing_if = "is_default")]
    links: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    approvals: Vec<String>,
    /// Of which runs which attributes, and what their values were.
    #[serde(default, skip_serializing_if = "is_default")]
    touched: BTreeMap<String, BTreeMap<String, Vec<ValueEntry>>>,
    /// Of a reservation, the tasks above its own.
    #[serde(default, skip_serializing_if = "is_default")]
    ends_with: Vec<String>,
    /// Of a reservation, until when it is open.
    #[serde(default, skip_serializing_if = "is_default")]
    until: Option<String>,
}

impl BudgetEntry {
    pub(super) fn budget(&self, name: &str) -> Result<Budget, String> {
        Ok(Budget {
            name: BudgetName::new(name).ok_or_else(|| format!("`{name}` is no name of a budget"))?,
            covers: self.covers.as_deref().map(cap).transpose()?,
            measure: self.sum.clone().map_or(Measure::Count, Measure::Sum),
            limit: parsed(&self.limit)?,
            per_ms: self.per_ms,
            in_flight: self.in_flight,
        })
    }

    pub(super) fn of(budget: &Budget) -> Self {
        Self {
            covers: budget.covers.as_ref().map(clauses),
            sum: match &budget.measure {
                Measure::Count => None,
                Measure::Sum(argument) => Some(argument.clone()),
            },
            limit: budget.limit.to_string(),
            per_ms: budget.per_ms,
            in_flight: budget.in_flight,
        }
    }
}

impl TakenEntry {
    pub(super) fn consumed(&self, now: Timestamp) -> Result<Change, String> {
        let until = self.until.as_deref().map(moment).transpose()?;
        let above: Vec<TaskId> = self.ends_with.iter().map(|id| task_id(id)).collect::<Result<_, _>>()?;
        Ok(Change::Consumed(Box::new(Consumption {
            decision: decision_id(&self.decision)?,
            task: self.task.as_deref().map(task_id).transpose()?,
            at: self.at.as_deref().map(moment).transpose()?.unwrap_or(now),
            taken: self.taken()?,
            reserved: until.map(|until| Reserved { until, by: "library".to_owned(), above }),
            record: Vec::new(),
            authority: None,
            valid_until: None,
        })))
    }

    pub(super) fn committed(&self) -> Result<Change, String> {
        Ok(Change::ReservationCommitted(decision_id(&self.decision)?, self.settled_task()?, self.taken()?))
    }

    pub(super) fn released(&self) -> Result<Change, String> {
        Ok(Change::ReservationReleased(decision_id(&self.decision)?, self.settled_task()?))
    }

    fn settled_task(&self) -> Result<TaskId, String> {
        self.task.as_deref().map(task_id).transpose()?.ok_or_else(|| "a reservation is under a task".to_owned())
    }

    fn taken(&self) -> Result<Taken, String> {
        let draws_of = |task: &str, draws: &Draws| -> Result<Vec<Draw>, String> {
            let draw = |(name, (window, amount)): (&String, &(u64, String))| {
                let budget = BudgetName::new(name).ok_or_else(|| format!("`{name}` is no name of a budget"))?;
                Ok(Draw { task: task_id(task)?, budget, window: *window, amount: parsed::<Amount>(amount)? })
            };
            draws.iter().map(draw).collect()
        };
        let mut draws = match &self.task {
            Some(task) => draws_of(task, &self.draws)?,
            None => Vec::new(),
        };
        for (task, of) in &self.above {
            draws.extend(draws_of(task, of)?);
        }
        let links = self.links.iter().map(|id| delegation_id(id)).collect::<Result<_, _>>()?;
        let approval = |id: &String| ApprovalId::new(id).ok_or_else(|| format!("`{id}` is no approval id"));
        let approvals = self.approvals.iter().map(approval).collect::<Result<_, _>>()?;
        let mut touched = Vec::new();
        for (run, attributes) in &self.touched {
            let run = task_id(run)?;
            for (attribute, values) in attributes {
                let touch = |entry| Touch { run: run.clone(), attribute: attribute.clone(), value: value_of(entry) };
                touched.extend(values.iter().map(touch));
            }
        }
        Ok(Taken { draws, links, approvals, touched })
    }

    pub(super) fn of(consumption: &Consumption) -> Self {
        let until = consumption.reserved.as_ref().map(|reserved| moment_text(reserved.until));
        let at = Some(moment_text(consumption.at));
        let above = consumption.reserved.iter().flat_map(|reserved| &reserved.above);
        let ends_with = above.map(ToString::to_string).collect();
        Self {
            at,
            until,
            ends_with,
            ..Self::settled(&consumption.decision, consumption.task.as_ref(), &consumption.taken)
        }
    }

    pub(super) fn settled(decision: &DecisionId, task: Option<&TaskId>, taken: &Taken) -> Self {
        let mut of_tasks: BTreeMap<String, Draws> = BTreeMap::new();
        for Draw { task, budget, window, amount } in &taken.draws {
            let draws = of_tasks.entry(task.to_string()).or_default();
            draws.insert(budget.to_string(), (*window, amount.to_string()));
        }
        let mut touched: BTreeMap<String, BTreeMap<String, Vec<ValueEntry>>> = BTreeMap::new();
        for Touch { run, attribute, value } in &taken.touched {
            let attributes = touched.entry(run.to_string()).or_default();
            attributes.entry(attribute.clone()).or_default().push(entry_of(value));
        }
        Self {
            task: task.map(ToString::to_string),
            decision: decision.to_string(),
            at: None,
            draws: task.and_then(|task| of_tasks.remove(task.as_str())).unwrap_or_default(),
            above: of_tasks,
            links: taken.links.iter().map(ToString::to_string).collect(),
            approvals: taken.approvals.iter().map(ToString::to_string).collect(),
            touched,
            until: None,
            ends_with: Vec::new(),
        }
    }
}

fn decision_id(text: &str) -> Result<DecisionId, String> {
    DecisionId::new(text).ok_or_else(|| format!("`{text}` is no decision id"))
}
