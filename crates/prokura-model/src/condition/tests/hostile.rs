//! No text and no context takes the process with it.

use std::thread;

use proptest::prelude::*;

use super::{super::Condition, *};
use crate::limits::{CONDITION_DEPTH_MAX, CONDITION_LOOPS_MAX, CONDITION_NESTING_MAX, CONDITION_OPTIONAL_MAPS_MAX};

/// What the workers of an async runtime have.
const STACK_BYTES: usize = 2 << 20;

/// What an evaluation may take of it, with the walk of a check below it.
const EVALUATION_STACK_BYTES: usize = STACK_BYTES / 4;

fn on_a_stack<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new().stack_size(bytes).spawn(work).expect("a thread").join().expect("no panic")
}

const DECLARED: &str = "a int, b bool, l list<int>, m map<any>, s string, x any";

fn everything() -> Context {
    context(r#"{"a": 1, "b": true, "l": [1, 2, 3], "m": {"k": {"k": 1}}, "s": "ab", "x": [1]}"#)
}

fn try_it(text: &str) -> bool {
    match Condition::compile(&parameters(DECLARED), text) {
        Ok(condition) => {
            let _ = condition.evaluate(&Context::new(), &everything());
            let _ = condition.evaluate(&Context::new(), &Context::new());
            true
        }
        Err(_) => false,
    }
}

fn nested(open: &str, inside: &str, close: &str, times: usize) -> String {
    format!("{}{inside}{}", open.repeat(times), close.repeat(times))
}

/// For each way to build a tall tree: the tallest there may be, which must work, and one more, which must not.
#[test]
fn the_tallest_expressions_fit_a_small_stack() {
    type Build = fn(usize) -> String;
    let rows: &[(&str, usize, Build)] = &[
        ("parentheses", CONDITION_NESTING_MAX, |n| nested("(", "b", ")", n)),
        ("calls", CONDITION_NESTING_MAX - 1, |n| format!("({} == 1)", nested("int(", "a", ")", n))),
        ("lists", CONDITION_NESTING_MAX - 1, |n| format!("size({}) == 1", nested("[", "a", "]", n))),
        ("maps", CONDITION_NESTING_MAX - 1, |n| format!("size({}) == 1", nested("{1: ", "a", "}", n))),
        ("indices", CONDITION_NESTING_MAX, |n| format!("{} == 1", nested("l[", "0", "]", n))),
        ("nots", CONDITION_DEPTH_MAX, |n| nested("!", "b", "", n)),
        ("negations", CONDITION_DEPTH_MAX - 1, |n| format!("0 == {}a", "- ".repeat(n))),
        ("sums", CONDITION_DEPTH_MAX - 1, |n| format!("{}a == 1", "1+".repeat(n))),
        ("disjunctions", CONDITION_DEPTH_MAX, |n| format!("{}b", "b||".repeat(n))),
        ("choices", CONDITION_DEPTH_MAX / 2, |n| format!("{}b", "b?b:".repeat(n))),
        ("members", CONDITION_DEPTH_MAX - 1, |n| format!("m{} == 1", ".k".repeat(n))),
        ("optional members", (CONDITION_DEPTH_MAX - 3) / 2, |n| format!("m{}.hasValue()", ".?k".repeat(n))),
        ("macros", CONDITION_LOOPS_MAX, |n| nested("l.all(i, ", "b", ")", n)),
        ("macros on macros", (CONDITION_DEPTH_MAX - 2) / 2, |n| format!("l{} == l", ".map(i,i)".repeat(n))),
        ("optional macros", CONDITION_OPTIONAL_MAPS_MAX, |n| format!("m.?k{}.hasValue()", ".optMap(i, [i])".repeat(n))),
        ("nots in brackets", CONDITION_DEPTH_MAX / 5, |n| nested("(!!!", "b", ")", n)),
        ("nots in calls", CONDITION_NESTING_MAX, |n| nested("bool(!!", "b", ")", n)),
        ("choices in brackets", CONDITION_NESTING_MAX, |n| nested("(b?b:", "b", ")", n)),
        ("lists of choices", (CONDITION_DEPTH_MAX - 3) / 5, |n| {
            format!("size({}) == 1", nested("[b?[]:", "[]", "]", n))
        }),
        ("sums in brackets", CONDITION_NESTING_MAX - 1, |n| format!("({} == 1)", nested("(1+", "a", ")+1", n))),
    ];
    for &(name, most, build) in rows {
        let compiled = on_a_stack(STACK_BYTES, move || Condition::compile(&parameters(DECLARED), &build(most)));
        let condition = compiled.expect(name);
        for given in [everything(), Context::new()] {
            let condition = condition.clone();
            on_a_stack(EVALUATION_STACK_BYTES, move || condition.evaluate(&Context::new(), &given));
        }
        on_a_stack(STACK_BYTES, move || {
            drop(condition);
            assert!(!try_it(&build(most + 1)), "{name} at one more");
            for times in [1_000, 5_000] {
                assert!(!try_it(&build(times)), "{name} {times} times");
            }
        });
    }
}

#[test]
fn unbalanced_and_unfinished_text_is_refused_in_place() {
    for (text, message) in [
        ("(b", "1:1: this `(` is never closed"),
        ("b)", "1:2: `)` closes nothing"),
        ("(b]", "1:3: `]` does not close the `(` before it"),
        ("s == 'ab", "1:6: this string never ends"),
        ("s == 'a\nb'", "1:6: this string does not end on its line"),
        ("b &&\n  s == \"\"\"a", "2:8: this string never ends"),
        ("m.`a", "1:3: this quoted name never ends"),
    ] {
        assert_eq!(refusal(DECLARED, text), message);
    }
}

/// What expressions are made of, one on each line.
const WORDS: &str = r#"
a b l m s x i 1 2u 1.5 -9223372036854775808 true null ( ) [ ] { } . ? : , + - * / % ! == != < <= && || ' " 'k'
has( l.all(i, l.map(i, m.k m[?'k'] .orValue( optional.of( size( duration( timestamp( '1h' s.matches( string( int(
bytes( r' b' """ // \ ` é .getHours('9999999999:0') '2026-01-01T00:00:00Z' dyn( type( google.protobuf.Duration @ #
"#;

fn word() -> impl Strategy<Value = String> {
    let mut words: Vec<_> = WORDS.split_whitespace().map(str::to_owned).collect();
    words.extend([" in ".to_owned(), "\n".to_owned(), " ".to_owned()]);
    prop::sample::select(words)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3_000) })]

    #[test]
    fn words_in_any_order_never_panic(words in prop::collection::vec(word(), 0..16)) {
        try_it(&words.concat());
    }

    #[test]
    fn text_never_panics(text in "[ -~\n]{0,60}") {
        try_it(&text);
    }

    #[test]
    fn conditions_never_panic_whatever_the_values(
        expression in expression(),
        values in prop::collection::btree_map(prop::sample::select(vec!["a", "b", "l", "m", "s", "x"]), any_value(), 0..6),
    ) {
        let values: Context = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if let Ok(condition) = Condition::compile(&parameters(DECLARED), &expression) {
            match condition.evaluate(&Context::new(), &values) {
                Evaluation::Missing(names) => {
                    prop_assert!(!names.is_empty() && names.is_sorted());
                    prop_assert!(names.iter().all(|name| !values.contains_key(name)));
                }
                Evaluation::Failed(failure) => prop_assert!(!failure.to_string().is_empty()),
                Evaluation::True | Evaluation::False => {}
            }
        }
    }
}

/// Expressions that mostly type-check.
fn expression() -> impl Strategy<Value = String> {
    let boolean =
        prop::sample::select(vec!["b", "true", "dyn(x)", "has(m.k)", "m.k", "m.?k.orValue(false)", "'k' in m"]);
    let number = prop::sample::select(vec!["a", "1", "l[a]", "size(l)", "size(s)", "int(x)", "a / 0", "l.size() - 4"]);
    let leaf = prop_oneof![
        boolean.prop_map(str::to_owned),
        (number.clone(), prop::sample::select(vec!["==", "<", ">=", "!="]), number)
            .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
        prop::sample::select(vec![
            "s == 'k'",
            "x == s",
            "s.startsWith('k')",
            "s.matches(s)",
            "timestamp(s) < timestamp(a)"
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) && ({right})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) || ({right})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(c, t, e)| format!("({c}) ? ({t}) : ({e})")),
            inner.clone().prop_map(|inner| format!("!({inner})")),
            inner.clone().prop_map(|inner| format!("l.exists(a, {inner})")),
            inner.clone().prop_map(|inner| format!("x.all(x, {inner})")),
            inner.prop_map(|inner| format!("size(l.filter(i, {inner})) > 0")),
        ]
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Integer),
        (-5_i64..5).prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Float),
        "[ -~]{0,8}".prop_map(Value::String),
        Just(Value::String("k".to_owned())),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map("[a-k]", inner, 0..4).prop_map(Value::Map),
        ]
    })
}
