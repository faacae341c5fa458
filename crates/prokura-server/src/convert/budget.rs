//! Budgets, both ways.

use std::collections::{BTreeMap, BTreeSet};

use prokura_api as api;
use prokura_model::{
    Amount, Budget, BudgetName, Draw, Measure, Spending, Task, Timestamp, Value,
    limits::{RECORD_ID_BYTES_MAX, TASK_BUDGETS_MAX},
};
use serde_json::Map;

use super::{cap, cap::wire_cap, wire_time};
use crate::{error::Refusal, json};

pub(crate) fn budgets(wire: &[api::Budget], at: &str) -> Result<Vec<Budget>, Refusal> {
    if wire.len() > TASK_BUDGETS_MAX {
        let message = format!("a task has at most {TASK_BUDGETS_MAX} budgets");
        return Err(Refusal::invalid_at(at, "limit_exceeded", message));
    }
    wire.iter().enumerate().map(|(position, wire)| budget(wire, &format!("{at}[{position}]"))).collect()
}

fn budget(wire: &api::Budget, at: &str) -> Result<Budget, Refusal> {
    let name = BudgetName::new(&wire.name).ok_or_else(|| {
        let rule = format!("the name of a budget is 1 to {RECORD_ID_BYTES_MAX} of `[a-zA-Z0-9._-]`");
        Refusal::invalid_at(format!("{at}.name"), "budget_name_invalid", rule)
    })?;
    let limit = wire.limit.parse::<Amount>().map_err(|fault| {
        let message = format!("`{}` is no amount, such as `100` or `99.5`: {fault}", wire.limit);
        Refusal::invalid_at(format!("{at}.limit"), "amount_invalid", message)
    })?;
    Ok(Budget {
        name,
        covers: wire.covers.as_ref().map(|covers| cap(covers, format_args!("{at}.covers"))).transpose()?,
        measure: wire.sum.clone().map_or(Measure::Count, Measure::Sum),
        limit,
        per_ms: wire.per_ms,
        in_flight: wire.in_flight,
    })
}

/// The amounts of arguments, as numbers or as decimal text.
pub(crate) fn amounts(wire: &Map<String, serde_json::Value>, at: &str) -> Result<BTreeMap<String, Amount>, Refusal> {
    let amount = |(name, value): (&String, &serde_json::Value)| {
        let found = match json::from_wire(value) {
            Value::String(text) => text.parse::<Amount>(),
            value => Amount::of(&value),
        };
        let found = found.map_err(|fault| {
            Refusal::invalid_at(format!("{at}.{name}"), "amount_invalid", format!("is no amount: {fault}"))
        })?;
        Ok::<_, Refusal>((name.clone(), found))
    };
    wire.iter().map(amount).collect()
}

pub(crate) fn wire_budget(budget: &Budget) -> api::Budget {
    api::Budget {
        name: budget.name.to_string(),
        covers: budget.covers.as_ref().map(wire_cap),
        sum: match &budget.measure {
            Measure::Count => None,
            Measure::Sum(argument) => Some(argument.clone()),
        },
        limit: budget.limit.to_string(),
        per_ms: budget.per_ms,
        in_flight: budget.in_flight,
    }
}

pub(crate) fn wire_draw(draw: &Draw) -> api::BudgetDraw {
    let Draw { task, budget, amount, .. } = draw;
    api::BudgetDraw { task: task.to_string(), budget: budget.to_string(), amount: amount.to_string() }
}

/// A task with how its budgets stand, and what its run has touched.
pub(crate) fn wire_task_with(
    task: &Task,
    spending: &Spending,
    touched: &BTreeMap<String, Vec<Value>>,
    now: Timestamp,
) -> api::Task {
    let values = |values: &Vec<Value>| values.iter().map(json::to_wire).collect();
    let account = |budget: &Budget| {
        let account = spending.account(task, budget, now);
        api::BudgetAccount {
            budget: budget.name.to_string(),
            spent: account.spent.to_string(),
            reserved: account.reserved.to_string(),
            left: account.left.to_string(),
            in_flight: account.in_flight,
            window_ends: account.window_ends.map(wire_time),
        }
    };
    let reservations = spending.open(now).map(|(id, open)| api::Reservation {
        id: id.to_string(),
        task: open.task.to_string(),
        until: wire_time(open.reserved.until),
        by: open.reserved.by.clone(),
    });
    let own = spending.open(now).filter(|(_, open)| open.task == task.id);
    let held = own.flat_map(|(_, open)| &open.taken.links);
    let links: BTreeSet<_> = spending.uses.keys().chain(held).collect();
    let uses =
        links.into_iter().map(|link| api::LinkUses { delegation: link.to_string(), taken: spending.uses(link, now) });
    api::Task {
        accounts: task.budgets.iter().map(account).collect(),
        reservations: reservations.collect(),
        uses: uses.collect(),
        touched: touched.iter().map(|(attribute, found)| (attribute.clone(), values(found))).collect(),
        ..super::wire_task(task)
    }
}
