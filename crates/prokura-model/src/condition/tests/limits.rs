//! Every limit, at n and at n + 1.

use super::*;
use crate::limits::*;

#[track_caller]
fn bounded(declared: &str, fits: &str, beyond: &str, message: &str) {
    compile(declared, fits);
    let found = refusal(declared, beyond);
    assert!(found.ends_with(message), "{found}");
}

#[test]
fn condition_bytes_max() {
    let padded = |bytes: usize| format!("b{}", " ".repeat(bytes - 1));
    let message =
        format!("the expression is {} bytes long; the most is {CONDITION_BYTES_MAX}", CONDITION_BYTES_MAX + 1);
    bounded("b bool", &padded(CONDITION_BYTES_MAX), &padded(CONDITION_BYTES_MAX + 1), &message);
}

#[test]
fn condition_tokens_max() {
    let words = |tokens: usize| {
        let mut text = "size([".to_owned();
        let mut left = tokens - 7;
        while left > 0 {
            let row = left.min(1_003);
            text.push_str(&list(row));
            left -= row;
        }
        text + "])==0"
    };
    let message = format!("the expression has more than {CONDITION_TOKENS_MAX} words and signs");
    bounded("b bool", &words(CONDITION_TOKENS_MAX), &words(CONDITION_TOKENS_MAX + 1), &message);
}

/// A list as an entry of a list, of so many words and signs with the comma after it.
fn list(tokens: usize) -> String {
    let ones = tokens - 3;
    let negative = if ones.is_multiple_of(2) { "" } else { "-" };
    format!("[{negative}{}],", "1,".repeat(ones / 2))
}

#[test]
fn condition_nesting_max() {
    let nested = |times: usize| format!("{}b{}", "(".repeat(times), ")".repeat(times));
    let message = format!("brackets are nested more than {CONDITION_NESTING_MAX} deep");
    bounded("b bool", &nested(CONDITION_NESTING_MAX), &nested(CONDITION_NESTING_MAX + 1), &message);
}

#[test]
fn condition_depth_max() {
    let chain = |operators: usize| format!("{}b", "b||".repeat(operators));
    let message = format!("more than {CONDITION_DEPTH_MAX} operators, calls and brackets depend on one another");
    bounded("b bool", &chain(CONDITION_DEPTH_MAX), &chain(CONDITION_DEPTH_MAX + 1), &message);
}

#[test]
fn condition_elements_max() {
    let list = |entries: usize| format!("a in [{}1]", "1,".repeat(entries - 1));
    let message = format!("a list of more than {CONDITION_ELEMENTS_MAX} entries");
    bounded("a int", &list(CONDITION_ELEMENTS_MAX), &list(CONDITION_ELEMENTS_MAX + 1), &message);
}

#[test]
fn condition_optional_maps_max() {
    let chain = |maps: usize| format!("m.?a{}.hasValue()", ".optMap(x, x)".repeat(maps));
    let message = format!("more than {CONDITION_OPTIONAL_MAPS_MAX} uses of `optMap`");
    bounded("m map<int>", &chain(CONDITION_OPTIONAL_MAPS_MAX), &chain(CONDITION_OPTIONAL_MAPS_MAX + 1), &message);
}

#[test]
fn condition_loops_max() {
    let nested = |loops: usize| format!("{}b{}", "l.all(i, ".repeat(loops), ")".repeat(loops));
    let message = format!("macros over lists are nested more than {CONDITION_LOOPS_MAX} deep");
    bounded("b bool, l list<int>", &nested(CONDITION_LOOPS_MAX), &nested(CONDITION_LOOPS_MAX + 1), &message);
}

/// The outcome with this value for `a`.
fn with(declared: &str, expression: &str, value: Value) -> String {
    let given = Context::from([("a".to_owned(), value)]);
    outcome(&compile(declared, expression).evaluate(&Context::new(), &given))
}

#[test]
fn condition_pattern_bytes_max() {
    let pattern = |bytes: usize| with("a string", "'x'.matches(a)", Value::String("x".repeat(bytes)));
    assert_eq!(pattern(CONDITION_PATTERN_BYTES_MAX), "false");
    assert_eq!(
        pattern(CONDITION_PATTERN_BYTES_MAX + 1),
        format!(
            "failed: a pattern of {} bytes; the most is {CONDITION_PATTERN_BYTES_MAX}",
            CONDITION_PATTERN_BYTES_MAX + 1
        )
    );
}

#[test]
fn condition_matched_bytes_max() {
    let matched = |bytes: usize| with("a string", "a.matches('x$')", Value::String("x".repeat(bytes)));
    assert_eq!(matched(CONDITION_MATCHED_BYTES_MAX), "true");
    assert_eq!(
        matched(CONDITION_MATCHED_BYTES_MAX + 1),
        format!(
            "failed: `matches` on {} bytes; the most is {CONDITION_MATCHED_BYTES_MAX}",
            CONDITION_MATCHED_BYTES_MAX + 1
        )
    );
}

#[test]
fn condition_values_max() {
    let values = |count: usize| with("a list<int>", "a.size() > 0", Value::List(vec![Value::Integer(1); count - 1]));
    assert_eq!(values(CONDITION_VALUES_MAX), "true");
    assert_eq!(
        values(CONDITION_VALUES_MAX + 1),
        format!(
            "failed: parameter `a` of type `list<int>`: entry {}: more than {CONDITION_VALUES_MAX} values in the context",
            CONDITION_VALUES_MAX - 1
        )
    );
}

#[test]
fn context_values_are_nested_at_most_value_nesting_max() {
    let nested = |levels: usize| (1..levels).fold(Value::Integer(1), |value, _| Value::List(vec![value]));
    assert_eq!(with("a any", "a == a", nested(VALUE_NESTING_MAX)), "true");
    assert!(
        with("a any", "a == a", nested(VALUE_NESTING_MAX + 1))
            .ends_with(&format!("values are nested more than {VALUE_NESTING_MAX} deep"))
    );
}

#[test]
fn condition_steps_max() {
    // A macro takes one step, its list one, and each element two with a body of one: 2 + 2n, and nested 2 + n + n(2 + 2n).
    const OUTER: usize = 221;
    const REST: usize = (CONDITION_STEPS_MAX - 1 - (2 + OUTER + OUTER * (2 + 2 * OUTER)) - 2) / 2;
    let list = |length: usize| Value::List(vec![Value::Integer(1); length]);
    let given = Context::from([
        ("b".to_owned(), Value::Bool(true)),
        ("k".to_owned(), list(REST)),
        ("l".to_owned(), list(OUTER)),
    ]);
    let evaluated = |more: &str| {
        let expression = format!("l.all(x, l.all(y, b)) && k.all(z, b){more}");
        outcome(&compile("b bool, k list<int>, l list<int>", &expression).evaluate(&Context::new(), &given))
    };
    assert_eq!(evaluated(""), "true");
    let exhausted = format!("failed: the evaluation takes more than {CONDITION_STEPS_MAX} steps");
    assert_eq!(evaluated(" && b"), exhausted);
    assert_eq!(evaluated(" && b || true"), exhausted, "no operand makes up for it");
}
