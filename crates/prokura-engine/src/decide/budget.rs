//! Step 11: what an allow takes, and whether there is enough of it. Nothing is taken here: whoever writes does that.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use prokura_model::{
    Account, Amount, Budget, Cap, Delegation, Draw, Measure, Reason, Spending, Taken, Task, TaskId, Timestamp, Value,
};

use super::{Posed, Verdict, Walk, cap::Coverage, message::Described};
use crate::{EngineError, limits::TASK_LINE_MAX};

/// How it is taken what an allow takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Taking<'t> {
    /// For good, at once.
    AtOnce,
    /// It is reserved, which takes a place among the reservations that may be open.
    Reserved,
    /// It was taken before, by the same request: nothing more is, and nothing need be left.
    Before,
    /// As if this had been taken since: by the actions before it in a plan.
    After(&'t [Taken]),
}

/// Nothing was ever taken.
static NOTHING: Spending = Spending {
    at: Timestamp(0),
    spent: BTreeMap::new(),
    uses: BTreeMap::new(),
    open: BTreeMap::new(),
    touched: BTreeMap::new(),
};

/// What there is not enough of.
#[derive(Clone, Copy)]
enum Lacking {
    Amount,
    /// So many reservations may be open.
    Place(u32),
}

/// What a budget covers, and whether it has something left for questions like the one that is meant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Left {
    pub(super) covers: Option<Cap>,
    pub(super) enough: bool,
}

impl<'w> Walk<'w> {
    /// What the budgets of the tasks, and the uses of the links, make of an allow.
    pub(super) fn bounded(&mut self, posed: &Posed<'_>, allowed: Verdict) -> Result<Verdict, EngineError> {
        let bounded = self.has_budgets || self.chain.iter().any(|link| link.uses.is_some());
        if !bounded || self.taking == Taking::Before {
            return Ok(allowed);
        }
        let Some(task) = self.chain.last().and_then(|leaf| self.stored_task(&leaf.task)) else { return Ok(allowed) };
        let budgets = self.budgets(task);
        match self.taken(posed, task, &budgets)? {
            Ok(taken) => {
                let approvals = mem::take(&mut self.found.taken.approvals);
                self.found.taken = Taken { approvals, ..taken };
                if budgets.iter().any(|(_, budget)| budget.is_narrow()) {
                    // The next moment another one may cover it.
                    self.found.valid_until = Some(self.now);
                }
                Ok(allowed)
            }
            Err(verdict) => {
                // Nothing rests on them.
                self.found.witness.clear();
                self.found.valid_until = None;
                self.found.taken = Taken::default();
                Ok(verdict)
            }
        }
    }

    /// The budgets of the task, and of those above it, the nearest first.
    fn budgets(&self, task: &'w Task) -> Vec<(&'w Task, &'w Budget)> {
        let above = |task: &&'w Task| task.parent.as_ref().and_then(|parent| self.stored_task(parent));
        let line = std::iter::successors(Some(task), above).take(TASK_LINE_MAX);
        line.flat_map(|task| task.budgets.iter().map(move |budget| (task, budget))).collect()
    }

    /// What the question would take; or why it may not.
    fn taken(
        &mut self,
        posed: &Posed<'_>,
        task: &'w Task,
        budgets: &[(&'w Task, &'w Budget)],
    ) -> Result<Result<Taken, Verdict>, EngineError> {
        let (mut missing, mut amounts) = (BTreeSet::new(), Vec::new());
        for (of, budget) in budgets {
            match self.covering(posed, budget, task)? {
                Coverage::Not => continue,
                Coverage::Perhaps(doubt) => {
                    missing.extend(doubt.missing()?);
                    continue;
                }
                Coverage::Surely(_) => {}
            }
            match budget.amount(&posed.question.arguments) {
                Ok(Ok(amount)) => amounts.push((*of, *budget, amount)),
                Ok(Err(argument)) => {
                    missing.insert(argument.to_owned());
                }
                Err((argument, fault)) => {
                    return Err(EngineError::AmountInvalid { argument: argument.to_owned(), fault });
                }
            }
        }
        if !missing.is_empty() {
            return Ok(Err(self.budgets_miss(task, missing)));
        }
        if let Some(verdict) = self.uses_exhausted(task) {
            return Ok(Err(verdict));
        }
        let mut draws = Vec::with_capacity(amounts.len());
        for (of, budget, amount) in amounts {
            let account = self.account(of, budget);
            if let Some(lacking) = self.lacking(budget, &account, amount) {
                let message = exhausted(of, budget, &account, amount, lacking);
                return Ok(Err(Verdict { reason: Reason::BudgetExhausted, at: None, message }));
            }
            draws.push(Draw { task: of.id.clone(), budget: budget.name.clone(), window: account.window, amount });
        }
        let links = self.chain.iter().filter(|link| link.uses.is_some()).map(|link| link.id.clone()).collect();
        Ok(Ok(Taken { draws, links, ..Taken::default() }))
    }

    /// Whether the budget covers the question. The origin of a task is that of all above it.
    fn covering(&self, posed: &Posed<'_>, budget: &Budget, task: &Task) -> Result<Coverage, EngineError> {
        let Some(covers) = &budget.covers else { return Ok(Coverage::PLAIN) };
        let (permission, resource) = (&posed.question.permission, &posed.question.resource);
        posed.carrying(&task.origin, self.now, self.limits).cap(covers, permission, resource)
    }

    /// What was taken of a task so far.
    pub(super) fn spending(&self, task: &TaskId) -> &'w Spending {
        let found = self.head.index.spending.at(task, self.head.revision, self.guard);
        found.map_or(&NOTHING, |(_, spending)| &**spending)
    }

    /// How a budget stands, with what a plan would have taken of it.
    fn account(&self, task: &Task, budget: &Budget) -> Account {
        let mut account = self.spending(&task.id).account(task, budget, self.now);
        if let Taking::After(before) = self.taking {
            let of_it =
                |draw: &&Draw| draw.task == task.id && draw.budget == budget.name && draw.window == account.window;
            let draws = before.iter().flat_map(|taken| &taken.draws).filter(of_it);
            account.left = draws.fold(account.left, |left, draw| left.less(draw.amount));
        }
        account
    }

    fn lacking(&self, budget: &Budget, account: &Account, amount: Amount) -> Option<Lacking> {
        if amount > account.left {
            return Some(Lacking::Amount);
        }
        let most = budget.in_flight.filter(|_| self.taking == Taking::Reserved)?;
        (account.in_flight >= most).then_some(Lacking::Place(most))
    }

    /// The first link, from the root, that has no use left.
    pub(super) fn uses_exhausted(&self, task: &Task) -> Option<Verdict> {
        let at = self.chain.iter().position(|link| link.uses.is_some_and(|uses| self.used(task, link) >= uses))?;
        let link = self.chain.get(at)?;
        let uses = link.uses.unwrap_or_default();
        let message = format!("{} may carry {uses} allows, and all of them are taken or reserved", Described(link));
        Some(Verdict { reason: Reason::UsesExhausted, at: Some(at), message })
    }

    fn used(&self, task: &Task, link: &Delegation) -> u64 {
        let used = self.spending(&task.id).uses(&link.id, self.now);
        let Taking::After(before) = self.taking else { return used };
        used.saturating_add(before.iter().filter(|taken| taken.links.contains(&link.id)).count() as u64)
    }

    /// What the budgets cover, and which of them have something left for a question with these arguments.
    pub(super) fn left(&self, task: &'w Task, arguments: &BTreeMap<String, Value>) -> Vec<Left> {
        let enough = |task: &Task, budget: &Budget| {
            let account = self.account(task, budget);
            matches!(budget.amount(arguments), Ok(Ok(amount)) if self.lacking(budget, &account, amount).is_none())
        };
        let budgets = self.budgets(task).into_iter();
        budgets.map(|(of, budget)| Left { covers: budget.covers.clone(), enough: enough(of, budget) }).collect()
    }

    fn budgets_miss(&mut self, task: &Task, missing: BTreeSet<String>) -> Verdict {
        let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
        let message = format!(
            "what budgets of task `{}` count depends on {}, for which the question brings no value",
            task.id,
            names.join(", ")
        );
        self.found.missing = missing.into_iter().collect();
        Verdict { reason: Reason::ContextMissing, at: None, message }
    }
}

fn exhausted(task: &Task, budget: &Budget, account: &Account, amount: Amount, lacking: Lacking) -> String {
    let Budget { name, limit, measure, .. } = budget;
    let what = match measure {
        Measure::Count => "allows".to_owned(),
        Measure::Sum(argument) => format!("of `{argument}`"),
    };
    let window = match account.window_ends {
        Some(ends) => format!(" until {ends}"),
        None => String::new(),
    };
    let id = &task.id;
    match lacking {
        Lacking::Amount => format!(
            "budget `{name}` of task `{id}` is {limit} {what}{window}; {} is left of it, and this takes {amount}",
            account.left
        ),
        Lacking::Place(most) => {
            format!("budget `{name}` of task `{id}` lets {most} reservations be open at once, and as many are")
        }
    }
}
