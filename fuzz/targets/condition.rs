//! Conditions: refused or compiled, never a panic, never out of bounds; and what they evaluate to obeys its laws.
//!
//! An input is an expression, and behind a zero byte each a context bound when written and one brought by the question.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use prokura_model::condition::{Condition, Evaluation, ParameterType};

fuzz_target!(init: prokura_fuzz::plant("condition", seeds()), |data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut parts = text.split('\0');
    let expression = parts.next().unwrap_or_default();
    let mut context = || parts.next().and_then(prokura_fuzz::context).unwrap_or_default();
    let (written, asked) = (context(), context());
    let condition = match Condition::compile(&parameters(), expression) {
        Ok(condition) => condition,
        Err(error) => {
            let lines: Vec<_> = expression.split('\n').collect();
            let line = error.line.checked_sub(1).and_then(|line| lines.get(line));
            let line = line.unwrap_or_else(|| panic!("{error:?} is nowhere"));
            assert!(error.column >= 1 && error.column <= line.chars().count() + 1, "{error:?} is nowhere");
            return;
        }
    };
    assert_eq!(Condition::compile(&parameters(), condition.expression()), Ok(condition.clone()));

    let nothing = BTreeMap::new();
    let partial = checked(&condition, condition.evaluate(&written, &nothing));
    let whole = checked(&condition, condition.evaluate(&written, &asked));
    assert_eq!(condition.evaluate(&written, &asked), whole, "asked twice, two answers");
    let mut merged = asked;
    merged.extend(written.clone());
    assert_eq!(condition.evaluate(&merged, &nothing), whole, "what was written does not win");
    assert_eq!(condition.evaluate(&nothing, &merged), whole, "it matters where a value comes from");
    // What holds without a value holds with every value that fits.
    if matches!(partial, Evaluation::True | Evaluation::False) && condition.check_context(&merged).is_ok() {
        assert_eq!(whole, partial, "more context, another answer");
    }
});

fn checked(condition: &Condition, evaluation: Evaluation) -> Evaluation {
    if let Evaluation::Missing(names) = &evaluation {
        assert!(!names.is_empty() && names.is_sorted_by(|one, next| one < next), "{names:?}");
        assert!(names.iter().all(|name| condition.parameters_used().contains(name)), "{names:?} is not used");
    }
    evaluation
}

fn parameters() -> Vec<(String, ParameterType)> {
    use ParameterType::{Any, Bool, Bytes, Double, Duration, Int, IpAddress, List, Map, String, Timestamp, Uint};
    let declared = [
        ("i", Int),
        ("u", Uint),
        ("d", Double),
        ("b", Bool),
        ("s", String),
        ("y", Bytes),
        ("t", Duration),
        ("now", Timestamp),
        ("ip", IpAddress),
        ("l", List(Box::new(Int))),
        ("n", List(Box::new(String))),
        ("m", Map(Box::new(Any))),
        ("x", Any),
    ];
    declared.map(|(name, kind)| (name.to_owned(), kind)).to_vec()
}

fn seeds() -> Vec<Vec<u8>> {
    let written = [
        "i > 3 && u < 7u || !b\0{\"i\":5}\0{\"u\":\"3\",\"b\":true}",
        "s.startsWith('a') ? l.exists(e, e == i) : n.all(e, e in m)\0{\"s\":\"ab\"}\0{\"l\":[1,2],\"i\":1}",
        "ip.in_cidr('10.0.0.0/8')\0{}\0{\"ip\":\"10.1.2.3\"}",
        "now + t < timestamp('2030-01-01T00:00:00Z')\0{\"now\":\"2026-01-01T00:00:00Z\"}\0{\"t\":\"1h\"}",
        "m.a.b == 'x' && has(m.c) && size(s) > 2\0{\"m\":{\"a\":{\"b\":\"x\"}}}\0{\"s\":\"abc\"}",
        "d / 2.0 >= 1e3 && string(i) == \"\\u00e9\" && y == b'\\x00' && s.matches('^[a-z]+$')\0{\"d\":2e3}\0{}",
        "l.map(e, e * e).filter(e, e % 2 == 0).size() == int(u) && x == null\0{\"l\":[1,2,3]}\0{\"u\":1,\"x\":null}",
    ];
    let mut seeds: Vec<Vec<u8>> = prokura_fuzz::expressions().into_iter().map(String::into_bytes).collect();
    seeds.extend(written.map(|text| text.as_bytes().to_vec()));
    seeds
}
