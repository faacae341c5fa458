//! Budgets: how much may be done under a task, and what was taken of that.

use std::{collections::BTreeMap, fmt, str::FromStr};

use minicbor::{Decode, Encode};

use crate::{
    ApprovalId, Cap, CapClause, DecisionId, DelegationId, ObjectRef, Task, TaskId, Timestamp, Value,
    authority::record_id, limits::RECORD_ID_BYTES_MAX,
};

record_id!(
    /// Names a budget within its task.
    BudgetName
);

/// A bound on what is done under a task and the tasks that are part of it, over all chains, agents and processes. Given when
/// the task is opened; immutable.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Budget {
    /// Its name.
    #[n(0)]
    pub name: BudgetName,
    /// What counts: whatever the cap covers, for the task's origin and with the values of the question; everything, if there
    /// is none.
    #[n(1)]
    pub covers: Option<Cap>,
    /// What is counted.
    #[n(2)]
    pub measure: Measure,
    /// How much of it there may be: in a window, or under the whole task.
    #[n(3)]
    pub limit: Amount,
    /// How long a window is, in milliseconds, the first beginning when the task is opened; none: the task is one window.
    #[n(4)]
    pub per_ms: Option<u64>,
    /// How many reservations may be open at once.
    #[n(5)]
    pub in_flight: Option<u32>,
}

/// What a budget counts.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Measure {
    /// Allows, each as one.
    #[n(0)]
    Count,
    /// The sum of this argument of the question.
    #[n(1)]
    Sum(#[n(0)] String),
}

impl Budget {
    /// Whether it depends on more than names what takes of it.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        self.covers.iter().flat_map(|cap| &cap.clauses).any(CapClause::is_narrow)
    }

    /// The number of the window of a moment, counted from the opening of the task.
    #[must_use]
    pub fn window(&self, opened_at: Timestamp, now: Timestamp) -> u64 {
        self.per_ms.map_or(0, |per| now.0.saturating_sub(opened_at.0) / per.max(1))
    }

    /// The moment at which the window ends; none if it does not.
    #[must_use]
    pub fn window_ends(&self, opened_at: Timestamp, window: u64) -> Option<Timestamp> {
        let per = self.per_ms?.max(1);
        Some(opened_at.plus_ms(per.saturating_mul(window.saturating_add(1))))
    }

    /// What a question takes; none if it does not bring the argument that is summed up.
    ///
    /// # Errors
    /// The argument is no amount: which one, and what is wrong with it.
    pub fn amount<'b>(
        &'b self,
        arguments: &BTreeMap<String, Value>,
    ) -> Result<Result<Amount, &'b str>, (&'b str, AmountFault)> {
        match &self.measure {
            Measure::Count => Ok(Ok(Amount::ONE)),
            Measure::Sum(argument) => match arguments.get(argument) {
                None => Ok(Err(argument)),
                Some(value) => Amount::of(value).map(Ok).map_err(|fault| (argument.as_str(), fault)),
            },
        }
    }
}

/// An amount: a number that is not negative, in millionths. Counting one is [`ONE`](Self::ONE).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Amount(#[n(0)] pub u64);

/// Why a value is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AmountFault {
    /// It is something else than a number.
    #[error("it is not a number")]
    NotANumber,
    /// It is less than nothing.
    #[error("it is negative")]
    Negative,
    /// It cannot be counted exactly.
    #[error("it has more than six decimals, or too many digits to be exact")]
    TooPrecise,
    /// It does not fit.
    #[error("it is larger than 18446744073709")]
    TooLarge,
}

/// Millionths in one.
const MILLION: u64 = 1_000_000;

/// From here on, numbers with six decimals can no longer be told from one another in 64 bits of floating point.
const EXACT_FRACTIONS_BELOW: f64 = 8_589_934_592.0;

impl Amount {
    /// Nothing.
    pub const NOTHING: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(MILLION);

    /// The amount that a value of a question is.
    ///
    /// # Errors
    /// It is none, or cannot be counted exactly.
    pub fn of(value: &Value) -> Result<Self, AmountFault> {
        match value {
            Value::Integer(number) => {
                let whole = u64::try_from(*number).map_err(|_| AmountFault::Negative)?;
                whole.checked_mul(MILLION).map(Self).ok_or(AmountFault::TooLarge)
            }
            Value::Float(number) if !number.is_finite() => Err(AmountFault::NotANumber),
            Value::Float(number) if *number < 0.0 => Err(AmountFault::Negative),
            Value::Float(number) if number.fract() != 0.0 && *number >= EXACT_FRACTIONS_BELOW => {
                Err(AmountFault::TooPrecise)
            }
            // The shortest decimal number that is this one, which is how it was written if it had no more digits than
            // fit.
            Value::Float(number) => number.abs().to_string().parse(),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::List(_) | Value::Map(_) => {
                Err(AmountFault::NotANumber)
            }
        }
    }

    /// What is left of it.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Both together; the greatest there is, if they do not fit.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// Decimal: `12`, `12.5`, `0.000001`.
impl FromStr for Amount {
    type Err = AmountFault;

    fn from_str(text: &str) -> Result<Self, AmountFault> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if text.starts_with('-') {
            return Err(AmountFault::Negative);
        }
        if !digits(whole) || !digits(decimals) {
            return Err(AmountFault::NotANumber);
        }
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > 6 {
            return Err(AmountFault::TooPrecise);
        }
        let whole: u64 = whole.parse().map_err(|_| AmountFault::TooLarge)?;
        let millionths: u64 = format!("{decimals:0<6}").parse().map_err(|_| AmountFault::NotANumber)?;
        let all = whole.checked_mul(MILLION).and_then(|whole| whole.checked_add(millionths));
        all.map(Self).ok_or(AmountFault::TooLarge)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, millionths) = (self.0 / MILLION, self.0 % MILLION);
        if millionths == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{millionths:06}").trim_end_matches('0'))
    }
}

/// What an allow takes: of the budgets of its task and of the tasks above that, one use of each link of its chain that has
/// uses, and the approvals it rests on that are good for one. And what it adds to what its run has touched.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Taken {
    /// Of which budgets how much.
    #[n(0)]
    pub draws: Vec<Draw>,
    /// Of which links a use.
    #[n(1)]
    pub links: Vec<DelegationId>,
    /// The approvals that one use uses up.
    #[n(2)]
    #[cbor(default)]
    pub approvals: Vec<ApprovalId>,
    /// What the run has touched with it for the first time. That stays so if the rest is only reserved and given back: the
    /// allow was answered.
    #[n(3)]
    #[cbor(default)]
    pub touched: Vec<Touch>,
}

/// What a run has touched: something was allowed on a resource that had this value.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Touch {
    /// The run: the task at the root of the tree.
    #[n(0)]
    pub run: TaskId,
    /// Which attribute of the resource.
    #[n(1)]
    pub attribute: String,
    /// Its value at that moment.
    #[n(2)]
    pub value: Value,
}

impl Taken {
    /// Whether it is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.draws.is_empty() && self.links.is_empty() && self.approvals.is_empty() && self.touched.is_empty()
    }

    /// The tasks of whose budgets it takes something, and those that are runs which touch something.
    fn tasks(&self) -> impl Iterator<Item = &TaskId> {
        let runs = self.touched.iter().map(|touch| &touch.run);
        self.draws.iter().map(|draw| &draw.task).chain(runs)
    }
}

/// What is taken of a budget.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Draw {
    /// Of which task: the allow's own, or one above it.
    #[n(3)]
    pub task: TaskId,
    /// Which budget of the task.
    #[n(0)]
    pub budget: BudgetName,
    /// In which window.
    #[n(1)]
    pub window: u64,
    /// How much.
    #[n(2)]
    pub amount: Amount,
}

/// An allow that took something, with its record: a decision and what it takes are one transaction.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Consumption {
    /// The decision. A reservation has the same name.
    #[n(0)]
    pub decision: DecisionId,
    /// Under which task.
    #[n(1)]
    pub task: Option<TaskId>,
    /// The *now* of the decision.
    #[n(2)]
    pub at: Timestamp,
    /// What it took.
    #[n(3)]
    pub taken: Taken,
    /// If it is only reserved, on which terms.
    #[n(4)]
    pub reserved: Option<Reserved>,
    /// The decision's record, as the decision log keeps it.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub record: Vec<u8>,
    /// Whose authority decided; with the record and the next one it is the answer, should it be asked for again.
    #[n(6)]
    pub authority: Option<ObjectRef>,
    /// The moment from which it must be asked anew.
    #[n(7)]
    pub valid_until: Option<Timestamp>,
}

impl Consumption {
    /// The tasks in which it counts, none if it is under none; its own first, each once: those of which it takes something, and of a reservation all
    /// above, since it ends with each.
    #[must_use]
    pub fn tasks(&self) -> Vec<&TaskId> {
        let above = self.reserved.iter().flat_map(|reserved| &reserved.above);
        self.task.as_ref().map_or_else(Vec::new, |own| each_once(own, above.chain(self.taken.tasks())))
    }
}

fn each_once<'t>(own: &'t TaskId, others: impl Iterator<Item = &'t TaskId>) -> Vec<&'t TaskId> {
    let mut tasks = vec![own];
    for task in others {
        if !tasks.contains(&task) {
            tasks.push(task);
        }
    }
    tasks
}

/// The terms of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Reserved {
    /// The moment from which it is over and has given back what it held.
    #[n(0)]
    pub until: Timestamp,
    /// The enforcement point that it was made for: the one that settles it.
    #[n(1)]
    pub by: String,
    /// The tasks above the one it is made under, the nearest first: it ends with any of them.
    #[n(2)]
    pub above: Vec<TaskId>,
}

/// What is held for an enforcement point until it commits or releases, or its time is over.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Reservation {
    /// Under which task.
    #[n(2)]
    pub task: TaskId,
    /// What is held, of every task.
    #[n(0)]
    pub taken: Taken,
    /// On which terms.
    #[n(1)]
    pub reserved: Reserved,
}

impl Reservation {
    /// The tasks in which it counts, each once.
    #[must_use]
    pub fn tasks(&self) -> Vec<&TaskId> {
        each_once(&self.task, self.reserved.above.iter().chain(self.taken.tasks()))
    }
}

/// What was taken of a task's budgets and of the links under it so far, as far as it still counts; and of a run, what it has
/// touched.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Spending {
    /// When something was taken last. Nothing counts as of an earlier moment.
    #[n(0)]
    pub at: Timestamp,
    /// For each budget, the last window in which something was taken for good, and how much.
    #[n(1)]
    pub spent: BTreeMap<BudgetName, Spent>,
    /// For each link with uses, how many were taken for good.
    #[n(2)]
    pub uses: BTreeMap<DelegationId, u64>,
    /// The reservations under it, and under tasks that are part of it, that were neither committed nor released, by decision.
    /// Some may be over.
    #[n(3)]
    pub open: BTreeMap<DecisionId, Reservation>,
    /// Of a task that is the root of its tree: for each attribute that guards read of runs, the values that resources had for
    /// which something was allowed; each once, in the order they were first touched.
    #[n(4)]
    #[cbor(default)]
    pub touched: BTreeMap<String, Vec<Value>>,
}

/// What was taken of a budget for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Spent {
    /// In which window.
    #[n(0)]
    pub window: u64,
    /// How much.
    #[n(1)]
    pub amount: Amount,
}

/// How a budget stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The window of the moment.
    pub window: u64,
    /// What was taken in it for good.
    pub spent: Amount,
    /// What is reserved in it.
    pub reserved: Amount,
    /// What is left of the limit.
    pub left: Amount,
    /// How many reservations are open, of whatever window.
    pub in_flight: u32,
    /// The moment at which the window ends; none if it does not.
    pub window_ends: Option<Timestamp>,
}

impl Spending {
    /// Takes in an allow that took something of the task `own`.
    pub fn consume(&mut self, own: &TaskId, consumption: &Consumption) {
        self.at = self.at.max(consumption.at);
        let at = self.at;
        self.open.retain(|_, reservation| reservation.reserved.until > at);
        let Some(task) = consumption.task.clone() else { return };
        let taken = &consumption.taken;
        for Touch { attribute, value, .. } in taken.touched.iter().filter(|touch| touch.run == *own) {
            let values = self.touched.entry(attribute.clone()).or_default();
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        match &consumption.reserved {
            None => self.take(own, &task, taken),
            Some(reserved) => {
                let (taken, reserved) = (taken.clone(), reserved.clone());
                self.open.insert(consumption.decision.clone(), Reservation { task, taken, reserved });
            }
        }
    }

    /// A reservation that was made under the task `under` ends: with this much taken for good, or with nothing.
    pub fn settle(&mut self, own: &TaskId, reservation: &DecisionId, under: &TaskId, taken: Option<&Taken>) {
        self.open.remove(reservation);
        if let Some(taken) = taken {
            self.take(own, under, taken);
        }
    }

    fn take(&mut self, own: &TaskId, under: &TaskId, taken: &Taken) {
        for Draw { budget, window, amount, .. } in taken.draws.iter().filter(|draw| draw.task == *own) {
            let before = self.spent.get(budget).copied().unwrap_or(Spent { window: *window, amount: Amount::NOTHING });
            let spent = if before.window < *window {
                Spent { window: *window, amount: *amount }
            } else if before.window == *window {
                Spent { window: *window, amount: before.amount.plus(*amount) }
            } else {
                // A window that is over bounds nothing any more.
                before
            };
            self.spent.insert(budget.clone(), spent);
        }
        for link in taken.links.iter().filter(|_| own == under) {
            let uses = self.uses.entry(link.clone()).or_default();
            *uses = uses.saturating_add(1);
        }
    }

    /// How a budget of the task stands.
    #[must_use]
    pub fn account(&self, task: &Task, budget: &Budget, now: Timestamp) -> Account {
        let now = now.max(self.at);
        let window = budget.window(task.opened_at, now);
        let spent = self.spent.get(&budget.name).filter(|spent| spent.window == window);
        let spent = spent.map_or(Amount::NOTHING, |spent| spent.amount);
        let (mut reserved, mut in_flight) = (Amount::NOTHING, 0);
        for (_, open) in self.open(now) {
            let draws = open.taken.draws.iter().filter(|draw| draw.task == task.id && draw.budget == budget.name);
            for draw in draws {
                in_flight += 1;
                if draw.window == window {
                    reserved = reserved.plus(draw.amount);
                }
            }
        }
        let left = budget.limit.less(spent.plus(reserved));
        let window_ends = budget.window_ends(task.opened_at, window);
        Account { window, spent, reserved, left, in_flight, window_ends }
    }

    /// How many uses of a link are taken or reserved.
    #[must_use]
    pub fn uses(&self, link: &DelegationId, now: Timestamp) -> u64 {
        let held = self.open(now).filter(|(_, open)| open.taken.links.contains(link)).count();
        self.uses.get(link).copied().unwrap_or_default().saturating_add(held as u64)
    }

    /// The reservations that are not over.
    pub fn open(&self, now: Timestamp) -> impl Iterator<Item = (&DecisionId, &Reservation)> {
        let now = now.max(self.at);
        self.open.iter().filter(move |(_, reservation)| reservation.reserved.until > now)
    }
}

#[cfg(test)]
mod tests;
