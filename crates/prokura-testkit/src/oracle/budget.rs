//! What an allow takes, and whether there is enough of it: everything that was ever taken is looked at again.

use prokura_model::{
    Amount, Budget, Consumption, DecisionId, Delegation, DelegationId, Draw, Measure, Reason, Taken, Task, TaskId,
    TaskState, Timestamp,
};

use super::{Asked, OracleError};
use crate::{Question, Verdict, World, oracle::TASK_LINE, truth::Truth};

/// What is found out about a question: what it takes, or why it may not.
pub(super) type Taking = Result<Result<Taken, Verdict>, OracleError>;

/// How much a question takes of which budget of which task.
type Amounts<'a> = Vec<(&'a Task, &'a Budget, Amount)>;

impl World {
    /// What the question would take at this moment, if it would be allowed otherwise; or why it may not: each way it may
    /// come out.
    pub(super) fn taking(&self, question: &Question, now: Timestamp) -> Vec<Taking> {
        let leaf = question.delegation.as_ref().and_then(|id| self.delegations.get(id));
        let Some((leaf, task)) = leaf.and_then(|leaf| Some((leaf, self.tasks.get(&leaf.task)?))) else {
            return vec![Ok(Ok(Taken::default()))];
        };
        // Every way to count what the budgets cover: what is taken of each, or that something is missing.
        let mut ways: Vec<Result<(Amounts<'_>, bool), OracleError>> = vec![Ok((Vec::new(), false))];
        for (of, budget) in self.budgets(task) {
            let counted = self.counted(budget, task, question, now);
            ways = ways.into_iter().flat_map(|way| together(way, (of, budget), &counted)).collect();
        }
        ways.into_iter()
            .map(|way| {
                let (amounts, is_missing) = way?;
                if is_missing {
                    return Ok(Err(Verdict::because(Reason::ContextMissing)));
                }
                Ok(self.enough(leaf, task, amounts, now))
            })
            .collect()
    }

    /// Whether an allow says nothing about the next moment, because a budget may cover the question then.
    pub(super) fn budgets_may_turn(&self, question: &Question) -> bool {
        let leaf = question.delegation.as_ref().and_then(|id| self.delegations.get(id));
        let task = leaf.and_then(|leaf| self.tasks.get(&leaf.task));
        task.is_some_and(|task| self.budgets(task).iter().any(|(_, budget)| budget.is_narrow()))
    }

    /// The budgets of the task, and then of those above it, the nearest first.
    fn budgets<'a>(&'a self, task: &'a Task) -> Vec<(&'a Task, &'a Budget)> {
        let above = |task: &&'a Task| self.tasks.get(task.parent.as_ref()?);
        let line = std::iter::successors(Some(task), above).take(TASK_LINE);
        line.flat_map(|task| task.budgets.iter().map(move |budget| (task, budget))).collect()
    }

    /// How much of a budget the question takes, if it covers it; `Err(None)` where something is missing to say so.
    fn counted(
        &self,
        budget: &Budget,
        task: &Task,
        question: &Question,
        now: Timestamp,
    ) -> Vec<Result<Option<Amount>, Option<OracleError>>> {
        let values = question.values();
        let asked = Asked { origin: &task.origin, values: &values, now };
        let covers = budget.covers.as_ref().map_or_else(|| vec![Truth::True], |cap| self.carries(cap, question, asked));
        let goal = || (question.resource.clone(), question.permission.clone());
        let counted = covers.into_iter().map(|covers| match covers {
            Truth::False => Ok(None),
            Truth::Unknown(doubts) if doubts.failed => Err(Some(OracleError::CaveatFailed(goal().0, goal().1))),
            Truth::Unknown(doubts) if doubts.missing.is_empty() => {
                Err(Some(OracleError::Undecidable(goal().0, goal().1)))
            }
            Truth::Unknown(_) => Err(None),
            Truth::True => match &budget.measure {
                Measure::Count => Ok(Some(Amount::ONE)),
                Measure::Sum(argument) => match question.arguments.get(argument).map(Amount::of) {
                    None => Err(None),
                    Some(Ok(amount)) => Ok(Some(amount)),
                    Some(Err(_)) => Err(Some(OracleError::AmountInvalid(argument.clone()))),
                },
            },
        });
        counted.collect()
    }

    /// What is taken, if there is enough: of every link with uses one, and of every budget its amount.
    fn enough(&self, leaf: &Delegation, task: &Task, amounts: Amounts<'_>, now: Timestamp) -> Result<Taken, Verdict> {
        let mut taken = Taken::default();
        for (position, link) in self.links(leaf).into_iter().enumerate() {
            let Some(uses) = link.uses else { continue };
            if self.used(&link.id, self.last_moved(task, now)) >= uses {
                return Err(Verdict { at: Some(position), ..Verdict::because(Reason::UsesExhausted) });
            }
            taken.links.push(link.id.clone());
        }
        for (of, budget, amount) in amounts {
            let now = self.last_moved(of, now);
            let window = budget.window(of.opened_at, now);
            let spent = self.drawn(of, budget, window, now);
            let left = u128::from(budget.limit.0).saturating_sub(spent);
            if u128::from(amount.0) > left {
                return Err(Verdict::because(Reason::BudgetExhausted));
            }
            taken.draws.push(Draw { task: of.id.clone(), budget: budget.name.clone(), window, amount });
        }
        Ok(taken)
    }

    /// Nothing is looked at as of before the last movement.
    fn last_moved(&self, task: &Task, now: Timestamp) -> Timestamp {
        let moved = self.consumptions.iter().filter(|found| found.tasks().contains(&&task.id));
        moved.map(|consumption| consumption.at).chain([now]).max().unwrap_or(now)
    }

    /// How often an allow has gone through the link, and counts.
    fn used(&self, link: &DelegationId, now: Timestamp) -> u64 {
        let through = self.consumptions.iter().filter_map(|consumption| self.kept(consumption, now));
        through.map(|taken| taken.links.iter().filter(|id| *id == link).count() as u64).sum()
    }

    /// What was drawn of the budget in the window, in millionths.
    fn drawn(&self, task: &Task, budget: &Budget, window: u64, now: Timestamp) -> u128 {
        let mut sum = 0;
        for consumption in &self.consumptions {
            if budget.window(task.opened_at, consumption.at) != window {
                continue;
            }
            let draws = self.kept(consumption, now).into_iter().flat_map(|taken| &taken.draws);
            let of_it = draws.filter(|draw| draw.task == task.id && draw.budget == budget.name);
            sum += of_it.map(|draw| u128::from(draw.amount.0)).sum::<u128>();
        }
        sum
    }

    /// What counts of it at this moment: of a reservation what was committed, or all as long as it is open. It ends with
    /// the task it was made under, and with those above.
    pub(crate) fn kept<'a>(&'a self, consumption: &'a Consumption, now: Timestamp) -> Option<&'a Taken> {
        let is_open = |id: &&TaskId| self.tasks.get(id).is_none_or(|task| task.state == TaskState::Open);
        let goes_on = || consumption.tasks().iter().all(is_open);
        match (&consumption.reserved, self.settled.get(&consumption.decision)) {
            (None, _) => Some(&consumption.taken),
            (Some(_), Some(settled)) => settled.as_ref(),
            (Some(reserved), None) => (reserved.until > now && goes_on()).then_some(&consumption.taken),
        }
    }

    /// The chain of a decision that has come this far, from the root.
    fn links<'a>(&'a self, leaf: &'a Delegation) -> Vec<&'a Delegation> {
        let above = |link: &&'a Delegation| self.delegations.get(link.parent.as_ref()?);
        let mut links: Vec<_> = std::iter::successors(Some(leaf), above).take(super::CHAIN_LINKS).collect();
        links.reverse();
        links
    }

    /// What an allow of this question takes, if it is allowed and takes anything.
    #[must_use]
    pub fn consumption(&self, question: &Question, id: &str, now: Timestamp) -> Option<Consumption> {
        let decision = DecisionId::new(id)?;
        let link = question.delegation.as_ref().and_then(|id| self.delegations.get(id));
        let mut taken = self.taking(question, now).into_iter().next()?.ok()?.ok()?;
        taken.approvals = self.used_up(question, now);
        taken.touched = self.touches(question);
        if taken.is_empty() {
            return None;
        }
        self.decide(question, now).allows().then(|| Consumption {
            decision,
            task: link.map(|link| link.task.clone()),
            at: now,
            taken,
            reserved: None,
            record: Vec::new(),
            authority: None,
            valid_until: None,
        })
    }
}

/// What was counted so far, and each way in which one more budget is.
fn together<'a>(
    way: Result<(Amounts<'a>, bool), OracleError>,
    (of, budget): (&'a Task, &'a Budget),
    counted: &[Result<Option<Amount>, Option<OracleError>>],
) -> Vec<Result<(Amounts<'a>, bool), OracleError>> {
    let Ok((amounts, is_missing)) = way else { return vec![way] };
    let joined = |found: &Result<Option<Amount>, Option<OracleError>>| match found {
        Ok(None) => Ok((amounts.clone(), is_missing)),
        Ok(Some(amount)) => Ok((amounts.iter().copied().chain([(of, budget, *amount)]).collect(), is_missing)),
        Err(None) => Ok((amounts.clone(), true)),
        Err(Some(error)) => Err(error.clone()),
    };
    counted.iter().map(joined).collect()
}
