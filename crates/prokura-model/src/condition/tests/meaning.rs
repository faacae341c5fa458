//! What expressions mean, and what a missing name does. The outcomes are those of SpiceDB, save where a comment says so.

use super::*;

#[test]
fn names_that_decide_are_missing_and_no_others() {
    table(&[
        ("a bool, b int", "a && b > 3", "{}", "missing a b"),
        ("a bool, b int", "a && b > 3", r#"{"a": false}"#, "false"),
        ("a bool, b int", "a && b > 3", r#"{"b": 1}"#, "false"),
        ("a bool, b int", "a && b > 3", r#"{"b": 5}"#, "missing a"),
        ("a bool, b int", "b > 3 && a", r#"{"a": false}"#, "false"),
        ("a bool, b int", "a ? b > 1 : b < 1", r#"{"b": 2}"#, "missing a"),
        ("a bool, b int", "a ? b > 1 : b < 1", r#"{"a": true}"#, "missing b"),
        ("a int, b int", "(a == 1 || a == 2) && (b == 1 || true)", "{}", "missing a"),
        ("a bool, b bool, c bool", "(a || b) && c", r#"{"b": true}"#, "missing c"),
        ("a int", "true || a == 1", "{}", "true"),
        ("b int, a int", "b + a == 3", r#"{"b": 1}"#, "missing a"),
        // An operation needs its operands in order, and the first that is missing decides.
        ("a int, b int", "a + b == 3", "{}", "missing a"),
        ("a int, b int", "[a, b].size() == 2", "{}", "missing a"),
        ("m map<any>, k string", "m[k] == 1", r#"{"m": {}}"#, "missing k"),
        ("a bool", "!a", "{}", "missing a"),
    ]);
}

#[test]
fn a_failure_beside_a_missing_name_is_no_answer_yet_and_never_an_allow() {
    table(&[
        ("a int, b bool", "1 / a == 1 || b", r#"{"a": 0}"#, "missing b"),
        ("a int, b bool", "1 / a == 1 || b", r#"{"a": 0, "b": true}"#, "true"),
        ("a int, b bool", "1 / a == 1 || b", r#"{"a": 0, "b": false}"#, "failed: division by zero"),
        ("a int, b bool", "b && 1 / a == 1", r#"{"a": 0}"#, "missing b"),
        ("a int, b bool", "b && 1 / a == 1", r#"{"a": 0, "b": false}"#, "false"),
        ("a int", "int('x') == a", "{}", "failed: …"),
        ("a int", "a == int('x')", "{}", "missing a"),
    ]);
}

#[test]
fn a_missing_member_is_a_failure_and_no_missing_name() {
    table(&[
        ("m map<any>", "m.a == 1", "{}", "missing m"),
        ("m map<any>", "m.a == 1", r#"{"m": {}}"#, "failed: no such key: `a`"),
        ("m map<map<int>>", "m.a.b == 1", r#"{"m": {"a": {}}}"#, "failed: no such key: `b`"),
        ("m map<any>, a int", "m.x == a", r#"{"m": {}}"#, "failed: no such key: `x`"),
        ("m map<any>", "m.a.b.c == 1 || true", r#"{"m": {}}"#, "true"),
        ("m map<any>", "has(m.a)", "{}", "missing m"),
        ("m map<any>", "has(m.a)", r#"{"m": {}}"#, "false"),
        ("m map<any>", "has(m.a)", r#"{"m": {"a": null}}"#, "true"),
        ("m map<any>", "has(m.a.b)", r#"{"m": {}}"#, "failed: no such key: `a`"),
        ("m map<any>", "has(m.a.b)", r#"{"m": {"a": null}}"#, "false"),
        ("m map<any>", "has(m.a.b)", r#"{"m": {"a": [1]}}"#, "failed: only maps have members"),
        ("m map<any>", "has(m.a) && m.a == 1", r#"{"m": {"a": 1}}"#, "true"),
        ("m map<map<int>>", "m.?a.?b.orValue(7) == 7", "{}", "missing m"),
        ("m map<map<int>>", "m.?a.?b.orValue(7) == 7", r#"{"m": {"a": {}}}"#, "true"),
        ("m map<map<int>>", "m.?a.?b.orValue(7) == 7", r#"{"m": {"a": {"b": 1}}}"#, "false"),
        ("m map<any>", "m.?a.b.c.orValue(7) == 7", r#"{"m": {"a": {"b": 1}}}"#, "true"),
        ("m map<any>", "m.?a[0].orValue(7) == 7", r#"{"m": {"a": []}}"#, "true"),
        ("m map<int>, d int", "m[?'a'].orValue(d) == 1", r#"{"m": {}}"#, "missing d"),
        ("m map<int>, d int", "m[?'a'].orValue(d) == 1", r#"{"m": {"a": 1}}"#, "true"),
        ("a int", "optional.of(a).optMap(x, x + 1).value() == 2", r#"{"a": 1}"#, "true"),
        ("a int", "optional.ofNonZeroValue(a).value() == 1", r#"{"a": 0}"#, "failed: the optional value is absent"),
        ("a int", "[?optional.ofNonZeroValue(a), 2].size() == 1", r#"{"a": 0}"#, "true"),
        ("a int", "{?'k': optional.ofNonZeroValue(a)}.size() == 0", r#"{"a": 2}"#, "false"),
        ("l list<int>", "l[0] == 1", r#"{"l": []}"#, "failed: the list has 0 elements, and none at `0`"),
        (
            "l list<int>, i int",
            "l[i] == 1",
            r#"{"l": [1], "i": -1}"#,
            "failed: the list has 1 elements, and none at `-1`",
        ),
    ]);
}

#[test]
fn macros_decide_with_what_they_have() {
    table(&[
        ("l list<int>, a int", "l.exists(i, i == a)", r#"{"l": []}"#, "false"),
        ("l list<int>, a int", "l.exists(i, i == a)", r#"{"l": [1]}"#, "missing a"),
        ("l list<int>, a int", "l.exists(i, i == 1 || i == a)", r#"{"l": [2, 1]}"#, "true"),
        ("l list<int>, a int, b int", "l.exists(x, x == a || x == b)", r#"{"l": [1]}"#, "missing a b"),
        ("l list<int>, a int", "l.exists(x, 1 / x == 1 || x == a)", r#"{"l": [0, 1]}"#, "true"),
        ("l list<int>, a int", "l.all(i, i == a)", r#"{"l": []}"#, "true"),
        ("l list<int>", "l.all(x, 1 / x == 1)", r#"{"l": [0, 2]}"#, "false"),
        ("l list<int>", "l.all(x, 1 / x == 1)", r#"{"l": [0, 1]}"#, "failed: division by zero"),
        ("l list<int>, a bool", "l.filter(x, x > 1 && a) == []", r#"{"l": [0, 2]}"#, "missing a"),
        ("l list<int>, a bool", "l.filter(x, x > 1 && a) == []", r#"{"l": [0, 1]}"#, "true"),
        ("l list<int>, a int", "l.exists_one(i, i == a)", r#"{"l": [2, 3, 2], "a": 2}"#, "false"),
        ("l list<int>, a int", "l.exists_one(i, i == a)", r#"{"l": [2, 3], "a": 2}"#, "true"),
        ("a int", "[1, 2, 3].map(x, x > a, x * 2) == [4, 6]", r#"{"a": 1}"#, "true"),
        ("a int", "{'x': 1}.exists(k, k == 'x' && a == 1)", r#"{"a": 1}"#, "true"),
        ("a map<int>", "a.map(k, a[k]) == [1]", r#"{"a": {"x": 1}}"#, "true"),
        // A variable hides a parameter of its name, also a missing one: as CEL says, and SpiceDB does not.
        ("a int", "[1, 2].exists(a, a == 2)", "{}", "true"),
    ]);
}

#[test]
fn numbers_of_different_types_are_compared_and_not_added() {
    table(&[
        ("a any", "a == 2 && a == 2u && a == 2.0 && a < 3 && a in [2]", r#"{"a": 2}"#, "true"),
        ("a any", "type(a) == double", r#"{"a": 2}"#, "true"),
        ("a any", "a + 1 == 3", r#"{"a": 2}"#, "failed: …"),
        ("a any", "a + 1.0 == 3.0", r#"{"a": 2}"#, "true"),
        ("a any", "a > 1 && a < 3", r#"{"a": "x"}"#, "failed: no such overload of `_>_`"),
        ("a any, b any", "a == b", r#"{"a": [1, {"x": 2}], "b": [1.0, {"x": 2}]}"#, "true"),
        ("a any", "[1, 2, 3][a] == 2", r#"{"a": 1}"#, "true"),
        ("a any", "a in {1: 2}", r#"{"a": 1}"#, "true"),
        ("a int", "dyn(a) == 1.0 && dyn(a) < 1.5 && dyn(a) < 2u", r#"{"a": 1}"#, "true"),
        // SpiceDB checks a `uint` as an `int` and then cannot add it to one; here it can.
        ("a uint", "a + 1 == 3", r#"{"a": 2}"#, "true"),
        ("a uint", "a == 2 && a > 1 && a in [2]", r#"{"a": 2}"#, "true"),
        // OpenFGA's reading.
        ("a uint", "a != 0u && a > 1u", r#"{"a": 2}"#, "true"),
        ("a int", "a / 0 == 1", r#"{"a": 1}"#, "failed: division by zero"),
        ("a int", "a + 9223372036854775807 == 1", r#"{"a": 1}"#, "failed: integer addition overflow"),
        ("a int", "-a == 1", r#"{"a": "-9223372036854775808"}"#, "failed: integer negation overflow"),
        ("a int", "a == -9223372036854775808", r#"{"a": "-9223372036854775808"}"#, "true"),
        ("a double", "string(a) == '1e+06'", r#"{"a": 1000000}"#, "true"),
        ("a double", "string(a) == '1.23456789e+08'", r#"{"a": 123456789}"#, "true"),
        ("a double", "string(a) == '0.0001'", r#"{"a": 0.0001}"#, "true"),
        ("a double", "string(a) == '1e-05'", r#"{"a": 0.00001}"#, "true"),
        ("a double", "string(1.0 / a) == '+Inf' && string(0.0 / a) == 'NaN'", r#"{"a": 0}"#, "true"),
        ("a int", "{'k': a, 'k': 2}.k == 2", r#"{"a": 1}"#, "true"),
        ("a any", "a + a == a", r#"{"a": {}}"#, "failed: no such overload of `_+_`"),
    ]);
}

#[test]
fn times_addresses_and_trees() {
    table(&[
        (
            "t timestamp, u timestamp",
            "t - u == duration('-500ms')",
            r#"{"t": "2026-01-02T00:00:00Z", "u": "2026-01-02T00:00:00.5Z"}"#,
            "true",
        ),
        (
            "t timestamp",
            "t.getHours('Europe/Berlin') == 1 && t.getHours('+02:00') == 2 && t.getHours('') == 0",
            r#"{"t": "2026-01-02T00:00:00Z"}"#,
            "true",
        ),
        (
            "t timestamp",
            "t.getHours('99999999999:00') == 1",
            r#"{"t": "2026-01-02T00:00:00Z"}"#,
            "failed: `99999999999:00` is no time zone: one looks like `Europe/Berlin` or `+01:00`",
        ),
        (
            "t timestamp, d duration",
            "t + d > timestamp('2026-01-01T00:00:00Z')",
            r#"{"t": "9999-12-31T23:59:59Z", "d": "1h"}"#,
            "failed: …",
        ),
        (
            "d duration",
            "d.getMilliseconds() == 123321 && d.getSeconds() == 123 && string(d) == '123.321456789s'",
            r#"{"d": "123.321456789s"}"#,
            "true",
        ),
        ("ip ipaddress", "ip.in_cidr('10.0.0.0/8')", r#"{"ip": "10.1.2.3"}"#, "true"),
        ("ip ipaddress", "ip.in_cidr('10.0.0.0/8')", r#"{"ip": "11.1.2.3"}"#, "false"),
        ("ip ipaddress", "ip.in_cidr('10.0.0.0/8')", r#"{"ip": "::ffff:10.1.2.3"}"#, "false"),
        ("ip ipaddress, c string", "ip.in_cidr(c)", r#"{"ip": "10.1.2.3", "c": "10.1.2.3/0"}"#, "true"),
        ("ip ipaddress, c string", "ip.in_cidr(c)", r#"{"ip": "10.1.2.3", "c": "10.1.2.3/32"}"#, "true"),
        ("ip ipaddress, c string", "ip.in_cidr(c)", r#"{"ip": "10.1.2.2", "c": "10.1.2.3/32"}"#, "false"),
        ("ip ipaddress, c string", "ip.in_cidr(c)", r#"{"ip": "2001:db8::1", "c": "2001:db8::/32"}"#, "true"),
        ("ip ipaddress, c string", "ip.in_cidr(c)", r#"{"ip": "2001:db9::1", "c": "2001:db8::/32"}"#, "false"),
        (
            "ip ipaddress, c string",
            "ip.in_cidr(c)",
            r#"{"ip": "10.1.2.3", "c": "10.1.2.3/33"}"#,
            "failed: `10.1.2.3/33` is no network: one looks like `10.0.0.0/8`",
        ),
        ("ip ipaddress, jp ipaddress", "ip == jp", r#"{"ip": "::1", "jp": "0::1"}"#, "true"),
        (
            "ips list<ipaddress>",
            "ips.exists(i, i.in_cidr('10.0.0.0/8'))",
            r#"{"ips": ["1.2.3.4", "10.0.0.1"]}"#,
            "true",
        ),
        ("a map<any>, b map<any>", "a.isSubtreeOf(b)", r#"{"a": {"x": 1}, "b": {"x": 1, "y": 2}}"#, "true"),
        (
            "a map<any>, b map<any>",
            "a.isSubtreeOf(b)",
            r#"{"a": {"x": {"y": 1}}, "b": {"x": {"y": 1, "z": 2}}}"#,
            "true",
        ),
        ("a map<any>, b map<any>", "a.isSubtreeOf(b)", r#"{"a": {"x": {"y": 1}}, "b": {"x": 3}}"#, "false"),
        ("a map<any>, b map<any>", "a.isSubtreeOf(b)", r#"{"a": {"x": 1}, "b": {"x": "1"}}"#, "false"),
        ("s string", "s.matches('^a.c$')", r#"{"s": "abc"}"#, "true"),
        (
            "s string",
            "matches(s, s)",
            r#"{"s": "("}"#,
            "failed: `(` is no regular expression, or one that is too large",
        ),
        ("s string", "s.matches('a{1000}{1000}')", r#"{"s": "a"}"#, "failed: …"),
    ]);
}

#[test]
fn what_does_not_check_is_refused_with_its_place() {
    for (declared, expression, message) in [
        ("a int", "a +", "1:4: "),
        ("hour int", "huor == 1", "1:1: undeclared reference to `huor`; did you mean `hour`?"),
        ("a int", "a == 1 &&\n  other", "2:3: undeclared reference to `other`; the parameters are `a`"),
        ("a int, b int", "a + b", "1:1: the expression must be a `bool`, and it is `int`"),
        ("m map<any>", "m.a", "1:1: the expression must be a `bool`, and it is `dyn`"),
        ("a uint", "a[0] == 1", "1:1: found no matching overload for `_[_]` applied to `(int, int)`"),
        ("a bytes", "a == \"abc\"", "1:1: found no matching overload for `_==_` applied to `(bytes, string)`"),
        ("a int", "a == 1.0", "1:1: found no matching overload for `_==_` applied to `(int, double)`"),
        ("a int", "a in [1.0]", "1:1: found no matching overload for `@in` applied to `(int, list<double>)`"),
        (
            "ip ipaddress",
            "ip == '1.2.3.4'",
            "1:1: found no matching overload for `_==_` applied to `(IPAddress, string)`",
        ),
        ("m map<int>", "m[1] == 1", "1:1: found no matching overload for `_[_]` applied to `(map<string, int>, int)`"),
        (
            "m map<int>",
            "m + m == m",
            "1:1: found no matching overload for `_+_` applied to `(map<string, int>, map<string, int>)`",
        ),
        ("a bool", "(a ? 1 : 'x') == 1", "1:6: found no matching overload for `_?_:_` applied to `(int, string)`"),
        ("a string", "a.exists(x, true)", "1:1: only lists and maps have elements, and this is `string`"),
        ("a int", "google.protobuf.Int32Value{value: 1} == a", "1:1: messages cannot be built in a condition"),
        ("string int", "string == 1", "1:1: `string` is the name of a type, and cannot be a parameter's"),
        ("a int, a bool", "a", "1:1: the parameter `a` is declared twice"),
        ("a int", " \n", "1:1: an expression is needed"),
    ] {
        let found = refusal(declared, expression);
        assert!(found.starts_with(message), "{expression}: {found}");
    }
}

/// Operands of unknown type leave the type of the result unknown.
#[test]
fn any_may_be_anything() {
    table(&[
        ("x any, s string", "x[0] < s", r#"{"x": ["a"], "s": "b"}"#, "true"),
        ("x any, u int", "x[0] >= u && x['k'] > u", r#"{"x": {"k": 2}, "u": 1}"#, "failed: no such key: `0`"),
        ("m map<any>", "'kk'.endsWith(m.s + m.s)", r#"{"m": {"s": "k"}}"#, "true"),
        ("m map<any>", "m.a - m.b > 1.0", r#"{"m": {"a": 3, "b": 1}}"#, "true"),
        ("m map<any>", "-m.a * m.b / m.b + m.b == 0.0", r#"{"m": {"a": 1, "b": 1}}"#, "true"),
        ("x any", "x[?0].orValue(2) == 2 && x[?1].hasValue()", r#"{"x": [2, 3]}"#, "true"),
        ("x any", "x.k.map(y, y + 1.0)[0] == 2.0", r#"{"x": {"k": [1]}}"#, "true"),
    ]);
    assert!(Condition::compile(&parameters("a int"), "null + 1 == a").is_err());
}

#[test]
fn extensions_are_absent() {
    for (declared, expression) in [
        ("a string", "a.lowerAscii() == a"),
        ("a string", "a.format([1]) == a"),
        ("a double", "math.greatest(a, 1.0) == a"),
        ("a bytes", "base64.encode(a) == ''"),
        ("a int", "cel.bind(x, a, x == 1)"),
        ("a int", "cel.block([a], cel.index(0) == 1)"),
        ("a string", "ip(a) == ip(a)"),
        ("a int", "ipaddress(a) == ipaddress(a)"),
        ("l list<int>", "l.all(i, v, v == 1)"),
        ("l list<int>", "l.transformList(i, v, v) == l"),
        ("l list<int>", "l.existsOne(i, i == 1)"),
        ("m map<int>", "m.?a.optFlatMap(x, optional.of(x)).hasValue()"),
    ] {
        assert!(Condition::compile(&parameters(declared), expression).is_err(), "{expression} compiles");
    }
}

#[test]
fn equal_means_the_same_text_and_parameters() {
    let one = compile("a int", "a == 1");
    assert_eq!(one, one.clone());
    assert_eq!(one, compile("a int", "a == 1"));
    assert_ne!(one, compile("a int", "a ==  1"));
    assert_ne!(one, compile("a uint", "a == 1"));
    assert_eq!(one.expression(), "a == 1");
    assert_eq!(one.parameters(), parameters("a int"));
}

#[test]
fn the_parameters_that_are_mentioned_are_known() {
    let used = |declared, expression| compile(declared, expression).parameters_used().to_vec();
    assert_eq!(used("b int, a int, c int", "a == 1 && b == 2"), ["b", "a"]);
    assert_eq!(used("a int, l list<int>", "l.exists(a, a == 1)"), ["l"]);
    assert_eq!(used("a int, l list<int>", "l.exists(a, .a == 1)"), ["a", "l"]);
    assert!(used("a int", "true").is_empty());
}

#[test]
fn a_condition_is_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Condition>();
}
