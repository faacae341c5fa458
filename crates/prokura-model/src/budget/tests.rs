use proptest::prelude::*;

use super::*;
use crate::TaskState;

fn name(text: &str) -> BudgetName {
    BudgetName::new(text).unwrap()
}

fn budget(limit: u64, per_ms: Option<u64>) -> Budget {
    let measure = Measure::Sum("amount".to_owned());
    Budget { name: name("payments"), covers: None, measure, limit: Amount(limit), per_ms, in_flight: None }
}

fn task(budget: Budget, opened_at: u64) -> Task {
    Task {
        id: TaskId::new("t").unwrap(),
        origin: "user:alice".parse().unwrap(),
        purpose: "paying".to_owned(),
        opened_at: Timestamp(opened_at),
        expires_at: Timestamp(u64::MAX),
        state: TaskState::Open,
        declared: false,
        parent: None,
        owner: None,
        budgets: vec![budget],
    }
}

fn account(spending: &Spending, task: &Task, now: u64) -> Account {
    spending.account(task, task.budgets.first().unwrap(), Timestamp(now))
}

fn taken(window: u64, amount: u64) -> Taken {
    Taken {
        draws: vec![Draw { task: TaskId::new("t").unwrap(), budget: name("payments"), window, amount: Amount(amount) }],
        ..Taken::default()
    }
}

fn consumption(id: &str, at: u64, taken: Taken, until: Option<u64>) -> Consumption {
    Consumption {
        decision: DecisionId::new(id).unwrap(),
        task: Some(TaskId::new("t").unwrap()),
        at: Timestamp(at),
        taken,
        reserved: until.map(|until| Reserved { until: Timestamp(until), by: "key:k".to_owned(), above: Vec::new() }),
        record: Vec::new(),
        authority: None,
        valid_until: None,
    }
}

#[test]
fn amounts_are_counted_exactly_or_refused() {
    let float = |number| Amount::of(&Value::Float(number));
    assert_eq!(Amount::of(&Value::Integer(3)), Ok(Amount(3_000_000)));
    assert_eq!(float(0.1), Ok(Amount(100_000)));
    assert_eq!(float(0.1 + 0.2), Err(AmountFault::TooPrecise));
    assert_eq!(float(19.99), Ok(Amount(19_990_000)));
    assert_eq!(float(1e3), Ok(Amount(1_000_000_000)));
    assert_eq!(float(-0.0), Ok(Amount(0)));
    assert_eq!(float(0.000_001), Ok(Amount(1)));
    assert_eq!(float(0.000_000_1), Err(AmountFault::TooPrecise));
    assert_eq!(float(8_589_934_591.999_999), Ok(Amount(8_589_934_591_999_999)));
    assert_eq!(float(8_589_934_592.5), Err(AmountFault::TooPrecise));
    assert_eq!(float(1e300), Err(AmountFault::TooLarge));
    assert_eq!(float(f64::NAN), Err(AmountFault::NotANumber));
    assert_eq!(float(f64::INFINITY), Err(AmountFault::NotANumber));
    assert_eq!(float(-0.5), Err(AmountFault::Negative));
    assert_eq!(Amount::of(&Value::Integer(-1)), Err(AmountFault::Negative));
    assert_eq!(Amount::of(&Value::Integer(i64::MAX)), Err(AmountFault::TooLarge));
    assert_eq!(Amount::of(&Value::Integer(18_446_744_073_709)), Ok(Amount(18_446_744_073_709_000_000)));
    assert_eq!(Amount::of(&Value::Integer(18_446_744_073_710)), Err(AmountFault::TooLarge));
    assert_eq!(Amount::of(&Value::String("3".to_owned())), Err(AmountFault::NotANumber));
    for (text, fault) in [
        ("", AmountFault::NotANumber),
        ("1.", AmountFault::NotANumber),
        (".5", AmountFault::NotANumber),
        ("1e3", AmountFault::NotANumber),
        ("-1", AmountFault::Negative),
        ("1.0000001", AmountFault::TooPrecise),
        ("99999999999999999999", AmountFault::TooLarge),
    ] {
        assert_eq!(text.parse::<Amount>(), Err(fault), "{text}");
    }
}

proptest! {
    #[test]
    fn amounts_are_read_back(millionths: u64) {
        prop_assert_eq!(Amount(millionths).to_string().parse(), Ok(Amount(millionths)));
    }

    /// As a number in JSON it is the same, as long as it is exact there.
    #[test]
    fn amounts_as_numbers_are_the_same(millionths in 0..8_589_934_592_000_000_u64) {
        let number: f64 = Amount(millionths).to_string().parse().unwrap();
        prop_assert_eq!(Amount::of(&Value::Float(number)), Ok(Amount(millionths)));
    }
}

#[test]
fn a_window_ends_what_was_spent_in_it() {
    let hourly = task(budget(100, Some(60)), 1_000);
    let own = &hourly.id;
    let mut spending = Spending::default();
    spending.consume(own, &consumption("a", 1_010, taken(0, 70), None));
    let found = account(&spending, &hourly, 1_059);
    assert_eq!((found.left, found.window_ends), (Amount(30), Some(Timestamp(1_060))));
    let found = account(&spending, &hourly, 1_060);
    assert_eq!((found.window, found.left), (1, Amount(100)));
    // What comes late for a window that is over changes nothing.
    spending.consume(own, &consumption("b", 1_070, taken(1, 5), None));
    spending.settle(own, &DecisionId::new("c").unwrap(), own, Some(&taken(0, 70)));
    assert_eq!(account(&spending, &hourly, 1_070).left, Amount(95));
    // A moment before the last movement counts as that moment.
    assert_eq!(account(&spending, &hourly, 1_000).left, Amount(95));
}

#[test]
fn a_reservation_counts_in_full_until_it_is_settled_or_over() {
    let whole = task(budget(100, None), 0);
    let own = &whole.id;
    let mut spending = Spending::default();
    let left = |spending: &Spending, now| account(spending, &whole, now).left;
    for (id, until) in [("a", 20), ("b", 30), ("c", 40)] {
        spending.consume(own, &consumption(id, 10, taken(0, 30), Some(until)));
    }
    assert_eq!(left(&spending, 10), Amount(10));
    assert_eq!(account(&spending, &whole, 10).in_flight, 3);
    assert_eq!(left(&spending, 19), Amount(10));
    assert_eq!(left(&spending, 20), Amount(40));
    spending.settle(own, &DecisionId::new("b").unwrap(), own, Some(&taken(0, 10)));
    assert_eq!(left(&spending, 20), Amount(60));
    spending.settle(own, &DecisionId::new("c").unwrap(), own, None);
    assert_eq!(left(&spending, 20), Amount(90));
    // What is over is forgotten with the next movement.
    spending.consume(own, &consumption("d", 20, Taken::default(), None));
    assert!(spending.open.is_empty());
}

#[test]
fn uses_are_counted_and_held() {
    let link = DelegationId::new("d").unwrap();
    let one = Taken { links: vec![link.clone()], ..Taken::default() };
    let (own, above) = (&TaskId::new("t").unwrap(), &TaskId::new("above").unwrap());
    let (mut spending, mut of_above) = (Spending::default(), Spending::default());
    of_above.consume(above, &consumption("a", 1, one.clone(), None));
    assert_eq!(of_above.uses(&link, Timestamp(4)), 0, "links are counted under their own task");
    spending.consume(own, &consumption("a", 1, one.clone(), None));
    spending.consume(own, &consumption("b", 1, one, Some(5)));
    assert_eq!((spending.uses(&link, Timestamp(4)), spending.uses(&link, Timestamp(5))), (2, 1));
}
