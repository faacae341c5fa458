use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{Cap, Time};

/// A bound on what is done under a task and the tasks that are part of it, over all chains and agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a budget: an object")]
pub struct Budget {
    /// Its name within the task.
    pub name: String,
    /// What counts: whatever the cap covers. Absent: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<Cap>,
    /// The argument of the question that is summed up. Absent: allows are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
    /// How much there may be in a window, or under the whole task: decimal, with at most six decimals, such as `"99.5"`.
    pub limit: String,
    /// How long a window is, in milliseconds, the first beginning when the task is opened. Absent: the task is one window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_ms: Option<u64>,
    /// How many reservations may be open at once. Absent: as many as there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u32>,
}

/// What an allow takes of a budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BudgetDraw {
    /// Of which task: the one it is under, or one above that.
    pub task: String,
    /// Of which of its budgets.
    pub budget: String,
    /// How much: decimal.
    pub amount: String,
}

/// How a budget stands now. Amounts are decimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BudgetAccount {
    /// Of which budget.
    pub budget: String,
    /// What was taken for good, in this window.
    pub spent: String,
    /// What is reserved, in this window.
    pub reserved: String,
    /// What is left of the limit.
    pub left: String,
    /// How many reservations are open.
    pub in_flight: u32,
    /// When the window ends, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_ends: Option<Time>,
}

/// How many of a link's uses are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkUses {
    /// Which link.
    pub delegation: String,
    /// How many are taken or reserved.
    pub taken: u64,
}

/// What an allow holds until it is committed or released, or its time is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reservation {
    /// Its name: that of the decision.
    pub id: String,
    /// Under which task: this one, or one that is part of it.
    pub task: String,
    /// The moment from which it is over and has given back what it held.
    pub until: Time,
    /// The enforcement point that it was made for.
    pub by: String,
}

/// The commit of a reservation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct CommitReservation {
    /// Arguments that came out smaller than they were reserved, such as `{"amount": 12.5}`. What is not named is taken as it
    /// was reserved.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
