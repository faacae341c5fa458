//! Budgets as people write and read them.

use std::str::FromStr;

use prokura_api::{Budget, BudgetAccount, Task};
use prokura_model::{Amount, BudgetName};

use crate::{
    delegation::{Clause, cap},
    time::{Length, shown},
};

/// `name=payments,sum=amount,limit=10000,per=24h,in-flight=2`, and behind a `;` what it covers: `pay on account:*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BudgetText(pub(crate) Budget);

const SHAPE: &str = "`name=NAME,limit=AMOUNT`, with `sum=ARGUMENT`, `per=LENGTH` and `in-flight=NUMBER` if wanted, and what \
                     it covers behind a `;`, such as `name=payments,sum=amount,limit=100,per=24h; pay on account:*`";

impl FromStr for BudgetText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(';');
        let mut budget = Budget {
            name: String::new(),
            covers: None,
            sum: None,
            limit: String::new(),
            per_ms: None,
            in_flight: None,
        };
        for member in parts.next().unwrap_or_default().split(',') {
            let (name, value) =
                member.split_once('=').ok_or_else(|| format!("`{text}` is not of the shape {SHAPE}"))?;
            let value = value.trim();
            match name.trim() {
                "name" => budget.name = value.to_owned(),
                "sum" => budget.sum = Some(value.to_owned()),
                "limit" => budget.limit = value.to_owned(),
                "per" => budget.per_ms = Some(value.parse::<Length>()?.seconds.saturating_mul(1_000)),
                "in-flight" => {
                    let number = value.parse().map_err(|_| format!("`{value}` is not how many may be in flight"))?;
                    budget.in_flight = Some(number);
                }
                other => return Err(format!("a budget has no `{other}`; it is {SHAPE}")),
            }
        }
        if BudgetName::new(&budget.name).is_none() {
            return Err(format!("`{}` is no name of a budget; it is {SHAPE}", budget.name));
        }
        if let Err(fault) = budget.limit.parse::<Amount>() {
            return Err(format!("`{}` is no amount, such as `100` or `99.5`: {fault}", budget.limit));
        }
        let clauses = parts.map(|clause| clause.trim().parse::<Clause>()).collect::<Result<Vec<_>, _>>()?;
        if !clauses.is_empty() {
            budget.covers = Some(cap(&clauses));
        }
        Ok(Self(budget))
    }
}

/// How each budget of the task stands, a line each.
pub(crate) fn told(task: &Task) -> String {
    let line = |budget: &Budget| {
        let what = budget.sum.as_ref().map_or_else(|| "allows".to_owned(), |argument| format!("of {argument}"));
        let account = task.accounts.iter().find(|account| account.budget == budget.name);
        let left = account.map(state).unwrap_or_default();
        format!("{}: {} {what}{left}", budget.name, budget.limit)
    };
    task.budgets.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn state(account: &BudgetAccount) -> String {
    let reserved = match account.in_flight {
        0 => String::new(),
        number => format!(", {} reserved by {number}", account.reserved),
    };
    let until = account.window_ends.map(|ends| format!(", until {}", shown(ends))).unwrap_or_default();
    format!(", {} left{reserved}{until}", account.left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_read_as_it_is_written() {
        let text = "name=payments,sum=amount,limit=99.5,per=24h,in-flight=2; pay, refund on account:*; * on till:one";
        let BudgetText(budget) = text.parse().unwrap();
        assert_eq!((budget.name.as_str(), budget.sum.as_deref()), ("payments", Some("amount")));
        assert_eq!((budget.limit.as_str(), budget.per_ms, budget.in_flight), ("99.5", Some(86_400_000), Some(2)));
        assert_eq!(budget.covers.unwrap().clauses.len(), 2);
        let BudgetText(plain) = "name=mails,limit=5".parse().unwrap();
        assert_eq!((plain.sum, plain.covers, plain.per_ms), (None, None, None));
    }

    #[test]
    fn what_is_no_budget_is_refused_with_what_would_be_right() {
        for (text, said) in [
            ("payments", "is not of the shape"),
            ("limit=5", "is no name"),
            ("name=a b,limit=5", "is no name"),
            ("name=a,limit=-5", "negative"),
            ("name=a,limit=1.0000001", "six decimals"),
            ("name=a,limit=5,per=month", "length of time"),
            ("name=a,limit=5,in-flight=few", "in flight"),
            ("name=a,limit=5,most=7", "has no `most`"),
            ("name=a,limit=5; pay", "PERMISSIONS on RESOURCES"),
        ] {
            let error = text.parse::<BudgetText>().unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
