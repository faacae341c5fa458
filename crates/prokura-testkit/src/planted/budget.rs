use std::collections::BTreeMap;

use prokura_model::{
    Amount, Budget, BudgetName, Delegation, DelegationId, Disposition, Reason, Task, TaskId, TaskState, Timestamp,
};

use super::{Bug, Planted, cap::Carrying};
use crate::{Question, Verdict, oracle::TASK_LINE, truth::Truth};

/// What was taken, added up.
#[derive(Default)]
struct Sums {
    drawn: BTreeMap<(TaskId, BudgetName, u64), u128>,
    used: BTreeMap<DelegationId, u64>,
}

impl Planted {
    /// What budgets and uses make of an allow.
    pub(super) fn limited(
        &self,
        question: &Question,
        now: Timestamp,
        allowed: Verdict,
    ) -> Result<Verdict, &'static str> {
        let leaf = question.delegation.as_ref().and_then(|id| self.world.delegations.get(id));
        let Some((leaf, task)) = leaf.and_then(|leaf| Some((leaf, self.world.tasks.get(&leaf.task)?))) else {
            return Ok(allowed);
        };
        if allowed.reason.disposition() != Disposition::Allow || self.has(Bug::BudgetsAreIgnored) {
            return Ok(allowed);
        }
        let budgets = self.budgets(task);
        if let Some(verdict) = self.lacks(question, (leaf, task), &budgets, now)? {
            return Ok(verdict);
        }
        let for_now = budgets.iter().any(|(_, budget)| budget.is_narrow());
        Ok(if for_now { Verdict { valid_until: Some(now), ..allowed } } else { allowed })
    }

    fn budgets<'a>(&'a self, task: &'a Task) -> Vec<(&'a Task, &'a Budget)> {
        let longest = if self.has(Bug::BudgetsAboveAreIgnored) { 1 } else { TASK_LINE };
        let above = |task: &&'a Task| self.world.tasks.get(task.parent.as_ref()?);
        let line = std::iter::successors(Some(task), above).take(longest);
        line.flat_map(|task| task.budgets.iter().map(move |budget| (task, budget))).collect()
    }

    /// Why there is not enough left for it, if there is not.
    fn lacks(
        &self,
        question: &Question,
        (leaf, task): (&Delegation, &Task),
        budgets: &[(&Task, &Budget)],
        now: Timestamp,
    ) -> Result<Option<Verdict>, &'static str> {
        let arguments = match self.bug {
            Bug::AmountsFromTheContext => self.values(question),
            _ => question.arguments.clone(),
        };
        let mut amounts = Vec::new();
        let mut missing = false;
        for (of, budget) in budgets {
            match self.counts(question, budget, task, now)? {
                Truth::False => continue,
                Truth::Unknown(doubts) if doubts.failed => return Err("caveat_failed"),
                Truth::Unknown(doubts) if doubts.missing.is_empty() => return Err("undecidable"),
                Truth::Unknown(_) => {
                    missing = true;
                    continue;
                }
                Truth::True => {}
            }
            match budget.amount(&arguments) {
                Ok(Ok(amount)) => amounts.push((*of, *budget, amount)),
                Ok(Err(_)) if self.bug == Bug::MissingAmountIsNothing => amounts.push((of, budget, Amount::NOTHING)),
                Ok(Err(_)) => missing = true,
                Err(_) => return Err("amount_invalid"),
            }
        }
        if missing {
            return Ok(Some(self.conditional()));
        }
        let chain = self.links(leaf).unwrap_or_default();
        let sums = self.sums(self.moved(task, now));
        for (at, link) in chain.iter().enumerate() {
            let looked_at = at + 1 == chain.len() || self.bug != Bug::UsesOfTheLastLinkOnly;
            let used = sums.used.get(&link.id).copied().unwrap_or_default();
            if looked_at && link.uses.is_some_and(|uses| used >= uses) {
                return Ok(Some(Verdict { at: Some(at), ..Verdict::because(Reason::UsesExhausted) }));
            }
        }
        for (of, budget, amount) in amounts {
            let now = self.moved(of, now);
            let window = self.window(budget.window(of.opened_at, now));
            let drawn = self.sums(now).drawn.get(&(of.id.clone(), budget.name.clone(), window)).copied();
            let before = if self.bug == Bug::EachAmountAlone { 0 } else { drawn.unwrap_or_default() };
            if u128::from(amount.0) > u128::from(budget.limit.0).saturating_sub(before) {
                return Ok(Some(Verdict::because(Reason::BudgetExhausted)));
            }
        }
        Ok(None)
    }

    /// Whether the budget covers the question.
    fn counts(&self, question: &Question, budget: &Budget, task: &Task, now: Timestamp) -> Result<Truth, &'static str> {
        let Some(covers) = &budget.covers else { return Ok(Truth::True) };
        if self.has(Bug::BudgetsCoverWhateverTheyName) {
            let named = covers
                .clauses
                .iter()
                .any(|clause| clause.permissions.cover(&question.permission) && clause.names(&question.resource));
            return Ok(Truth::from(named));
        }
        let values = &self.values(question);
        Carrying { planted: self, question, origin: &task.origin, values, now, endorsed: false }.cap(covers)
    }

    /// The moment, or that of the last movement if that is later.
    fn moved(&self, task: &Task, now: Timestamp) -> Timestamp {
        let of_it = self.world.consumptions.iter().filter(|found| found.tasks().contains(&&task.id));
        of_it.map(|found| found.at).max().map_or(now, |last| last.max(now))
    }

    fn sums(&self, now: Timestamp) -> Sums {
        let mut sums = Sums::default();
        for consumption in &self.world.consumptions {
            let settled = self.world.settled.get(&consumption.decision);
            let is_open = |id: &&TaskId| self.world.tasks.get(id).is_none_or(|task| task.state == TaskState::Open);
            let closed = !consumption.tasks().iter().all(is_open);
            let taken = match (&consumption.reserved, settled) {
                (Some(_), Some(None)) => continue,
                (Some(_), Some(Some(_))) if self.bug == Bug::CommittedCountsInFull => &consumption.taken,
                (Some(_), Some(Some(taken))) => taken,
                (Some(_), None) if self.bug == Bug::OpenReservationsAreFree => continue,
                (Some(_), None) if closed && self.bug != Bug::ReservationsOutliveTheirTask => continue,
                (Some(reserved), None) if reserved.until <= now && self.bug != Bug::ReservationsNeverEnd => continue,
                _ => &consumption.taken,
            };
            for draw in &taken.draws {
                let of = self.world.tasks.get(&draw.task);
                let budget =
                    of.and_then(|task| Some((task, task.budgets.iter().find(|found| found.name == draw.budget)?)));
                let window = budget.map_or(0, |(task, budget)| budget.window(task.opened_at, consumption.at));
                let key = (draw.task.clone(), draw.budget.clone(), self.window(window));
                *sums.drawn.entry(key).or_default() += u128::from(draw.amount.0);
            }
            for link in &taken.links {
                *sums.used.entry(link.clone()).or_default() += 1;
            }
        }
        sums
    }

    fn window(&self, window: u64) -> u64 {
        if self.bug == Bug::BudgetWindowsNeverEnd { 0 } else { window }
    }
}
