//! Context values and the types of parameters.

use super::*;

#[test]
fn values_become_what_the_parameter_is() {
    table(&[
        ("a int", "a == 42", r#"{"a": "42"}"#, "true"),
        ("a int", "a == 42", r#"{"a": 42.0}"#, "true"),
        ("a int", "a == 42", r#"{"a": "42.0"}"#, "true"),
        ("a int", "a == 1000", r#"{"a": "1e3"}"#, "true"),
        ("a int", "a == 9223372036854775807", r#"{"a": "9223372036854775807"}"#, "true"),
        ("a double", "a == 1.5", r#"{"a": "1.5"}"#, "true"),
        ("a double", "a == 2.0", r#"{"a": 2}"#, "true"),
        ("a bytes", "a == b'abc'", r#"{"a": "YWJj"}"#, "true"),
        ("a bytes", "a == b'abcd'", r#"{"a": "YWJjZA=="}"#, "true"),
        ("a bytes", "a == b'abcde' && size(a) == 5", r#"{"a": "YWJj\nZGU="}"#, "true"),
        ("a bytes", "a == b''", r#"{"a": ""}"#, "true"),
        ("d duration", "d == duration('5400s')", r#"{"d": "1h30m"}"#, "true"),
        ("d duration", "d == duration('5400s')", r#"{"d": "1.5h"}"#, "true"),
        ("d duration", "d == duration('0s')", r#"{"d": "0"}"#, "true"),
        ("d duration", "d == duration('-1500ms')", r#"{"d": "-1.5s"}"#, "true"),
        ("d duration", "d == duration('2000ns')", r#"{"d": "+2µs"}"#, "true"),
        ("t timestamp", "t == timestamp('2026-01-01T23:00:00Z')", r#"{"t": "2026-01-02T00:00:00+01:00"}"#, "true"),
        ("l list<uint>", "l == [1, 2]", r#"{"l": [1, "2"]}"#, "true"),
        ("m map<int>", "m == {'a': 1}", r#"{"m": {"a": "1"}}"#, "true"),
        ("a any", "a == {'x': [1, {'y': null}]}", r#"{"a": {"x": [1, {"y": null}]}}"#, "true"),
        ("a int", "a == 1", r#"{"a": 1, "unknown": 2}"#, "true"),
    ]);
}

#[test]
fn what_does_not_fit_says_what_would() {
    for (declared, json, message) in [
        ("a int", r#""43a""#, "a whole number is needed, and this is the string `43a`"),
        ("a int", "1.5", "a whole number is needed, and this is the number `1.5`"),
        ("a int", "true", "a whole number is needed, and this is `true`"),
        ("a int", r#""Inf""#, "a whole number is needed, and this is the string `Inf`"),
        ("a int", r#""0x10""#, "a whole number is needed, and this is the string `0x10`"),
        // SpiceDB takes the nearest number that fits.
        ("a int", r#""9223372036854775808""#, "a whole number is needed, and this is the string `9223372036854775808`"),
        ("a uint", "-43", "a whole number that is not negative is needed, and this is the number `-43`"),
        ("a uint", r#""-43""#, "a whole number that is not negative is needed, and this is the string `-43`"),
        ("a double", r#""Inf""#, "a number is needed, and this is the string `Inf`"),
        ("a double", r#""1_0""#, "a number is needed, and this is the string `1_0`"),
        ("a bool", r#""true""#, "`true` or `false` is needed, and this is the string `true`"),
        ("a string", "1", "a string is needed, and this is the number `1`"),
        ("a bytes", r#""YWJ""#, "a string of base64 with its padding is needed, and this is the string `YWJ`"),
        ("a bytes", r#""Y===""#, "a string of base64 with its padding is needed, and this is the string `Y===`"),
        (
            "a bytes",
            r#""YQ==YQ==""#,
            "a string of base64 with its padding is needed, and this is the string `YQ==YQ==`",
        ),
        ("a duration", r#""5""#, "a string such as `1h30m` is needed, and this is the string `5`"),
        ("a duration", r#""1.5.5s""#, "a string such as `1h30m` is needed, and this is the string `1.5.5s`"),
        ("a duration", r#""3000000h""#, "a string such as `1h30m` is needed, and this is the string `3000000h`"),
        ("a duration", "7200", "a string such as `1h30m` is needed, and this is the number `7200`"),
        (
            "a timestamp",
            r#""2026-01-02""#,
            "a string such as `2026-01-31T12:00:00Z` is needed, and this is the string `2026-01-02`",
        ),
        (
            "a timestamp",
            r#""2026-02-30T00:00:00Z""#,
            "a string such as `2026-01-31T12:00:00Z` is needed, and this is the string `2026-02-30T00:00:00Z`",
        ),
        (
            "a timestamp",
            r#""2026-01-02T23:59:60Z""#,
            "a string such as `2026-01-31T12:00:00Z` is needed, and this is the string `2026-01-02T23:59:60Z`",
        ),
        (
            "a ipaddress",
            r#""010.1.2.3""#,
            "an IP address such as `10.0.0.1` or `2001:db8::1` is needed, and this is the string `010.1.2.3`",
        ),
        ("a list<int>", r#"[1, "x"]"#, "entry 1: a whole number is needed, and this is the string `x`"),
        ("a map<list<int>>", r#"{"k": [null]}"#, "member `k`: entry 0: a whole number is needed, and this is `null`"),
        ("a list<int>", "{}", "a list is needed, and this is an object"),
        ("a map<any>", "null", "an object is needed, and this is `null`"),
    ] {
        let declared_type = declared.trim_start_matches("a ");
        let condition = compile(declared, "a == a");
        let given = context(&format!(r#"{{"a": {json}}}"#));
        let expected = format!("parameter `a` of type `{declared_type}`: {message}");
        assert_eq!(condition.check_context(&given).unwrap_err().to_string(), expected);
        assert_eq!(outcome(&condition.evaluate(&Context::new(), &given)), format!("failed: {expected}"));
    }
}

#[test]
fn an_unknown_name_is_refused_where_values_are_kept_and_left_alone_where_they_are_asked() {
    let condition = compile("a int, b int", "a == b");
    assert_eq!(condition.check_context(&context(r#"{"a": 1}"#)), Ok(()));
    assert_eq!(
        condition.check_context(&context(r#"{"c": 1}"#)).unwrap_err().to_string(),
        "unknown parameter `c`; the parameters are `a`, `b`"
    );
}

#[test]
fn what_was_written_wins() {
    let condition = compile("a int", "a == 1");
    let (one, two, wrong) = (context(r#"{"a": 1}"#), context(r#"{"a": 2}"#), context(r#"{"a": "x"}"#));
    assert_eq!(condition.evaluate(&one, &two), Evaluation::True);
    assert_eq!(condition.evaluate(&two, &one), Evaluation::False);
    assert_eq!(condition.evaluate(&one, &wrong), Evaluation::True);
}

#[test]
fn a_value_that_does_not_fit_is_a_failure_even_if_it_decides_nothing() {
    assert!(matches!(ask("a int", "true || a == 1", r#"{"a": "x"}"#), Evaluation::Failed(_)));
}

#[test]
fn types_are_written_as_in_a_schema() {
    for written in ["any", "uint", "list<map<ipaddress>>", "map<list<bytes>>", "timestamp"] {
        assert_eq!(parameter_type(written).to_string(), written);
    }
}
