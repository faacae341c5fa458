//! What an evaluation may cost.

use std::time::{Duration, Instant};

use super::*;
use crate::limits::CONDITION_MATCHED_BYTES_MAX;

/// The longest that anything within the limits may take, in a build that is not optimised.
const LONGEST: Duration = Duration::from_secs(5);

fn numbers(count: usize) -> Context {
    let list = Value::List((0..count).map(|number| Value::Integer(number.try_into().expect("small"))).collect());
    Context::from([
        ("l".to_owned(), list),
        ("s".to_owned(), Value::String("x".repeat(1_000_000))),
        ("t".to_owned(), Value::String("x".repeat(CONDITION_MATCHED_BYTES_MAX))),
    ])
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test of how long something takes")]
fn no_evaluation_goes_on_for_long() {
    for expression in [
        "l.all(x, l.all(y, l.all(z, x + y + z >= 0)))",
        "l.map(x, l).map(x, x) == l.map(x, l).map(x, x)",
        "l.map(x, l.map(y, l)) == l.map(x, l.map(y, l))",
        "l.exists(x, x in l.map(y, y + 20000))",
        "[s].map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).size() == 1",
        "[l].map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).size() == 1",
        "l.all(x, s + s != s)",
        "l.all(x, s.contains('y') || true)",
        "l.all(x, 'x'.matches(string(x) + '{1000}'))",
        "l.all(x, [l] != [l + l])",
        r"t.matches('(x+x+)+y')",
        r"t.matches('(?:x?){500}(?:x?){400}y$')",
        r"l.all(x, t.matches('(.*x){60}$'))",
        r"t.matches('(.?){400}(.?){400}[^x]')",
        r"t.matches('[^z]{400}[^y]{400}\\w{9}[^x]')",
        r"t.matches('\\pL{200}y')",
        r"l.all(x, 'x'.matches('(\\pL{100}){100}' + string(x)) || true)",
    ] {
        let condition = Condition::compile(&parameters("l list<int>, s string, t string"), expression);
        let condition = condition.expect(expression);
        let begun = Instant::now();
        let outcome = condition.evaluate(&Context::new(), &numbers(9_000));
        println!("{expression}: {outcome:?} in {:?}", begun.elapsed());
        assert!(begun.elapsed() < LONGEST, "{expression} took {:?}", begun.elapsed());
    }
}

/// Compiling once is what makes this fast: an evaluation builds nothing but the values of its parameters.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test of how long something takes")]
fn an_evaluation_is_quick() {
    const TIMES: u32 = 10_000;
    let condition = compile("hour int", "hour >= 9 && hour < 17");
    let asked = context(r#"{"hour": 12}"#);
    let begun = Instant::now();
    for _ in 0..TIMES {
        assert_eq!(condition.evaluate(&Context::new(), &asked), Evaluation::True);
    }
    let each = begun.elapsed() / TIMES;
    println!("condition: {each:?} an evaluation");
    assert!(each < Duration::from_micros(100), "{each:?}");
}
