use super::*;

/// The expression of a caveat as SpiceDB prints it.
fn condition(expression: &str) -> String {
    let text = canonical(&format!("caveat only(a any) {{ {expression} }}")).unwrap();
    text.strip_prefix("caveat only(a any) {\n\t").unwrap().strip_suffix("\n}").unwrap().to_owned()
}

#[test]
fn canonical_schemas() {
    let text = "use partial use expiration // flags
        use self
        // Shared.
        partial shared {
            // Who may read it.
            relation viewer: user#... | user with b and expiration // and who else

            permission all2:user=viewer
        }
        caveat b (z string,a map< list<int> >) { z in a }
        /*  A document,
         of some kind
          */
        definition docs/document { // first
            relation owner: user; // not this
            ...shared
            /** of all */ permission view = owner - (viewer - owner) - self & owner + nil & (owner.all(view) + owner->view)
            // lost
        }
        definition a/bcd {}";
    let expected = "use self\n\nuse expiration\n\ncaveat b(a map<list<int>>, z string) {\n\tz in a\n}\n\n\
        definition a/bcd {}\n\n/*\n * A document,\n * of some kind\n */\ndefinition docs/document {\n\t// first\n\
        \trelation owner: user\n\n\t// Who may read it.\n\trelation viewer: user | user with b and expiration\n\
        \tpermission all2 = viewer\n\n\t/** of all */\n\tpermission view = (owner - (viewer - owner)) - \
        (self & owner + nil & owner.all(view) + owner->view)\n}";
    assert_eq!(canonical(text).unwrap(), expected);
    assert_eq!(canonical(expected).unwrap(), expected);
    assert_eq!(canonical("use self\n// nothing"), Ok(String::new()));
    assert_eq!(
        said(&canonical("definition user {\n\t...shared\n}").unwrap_err()),
        "2:2: there is no partial `shared` [partial_unknown]"
    );
}

#[test]
fn canonical_conditions_drop_parentheses_that_change_nothing() {
    assert_eq!(condition("((a == 1) && (b)) || (b && (b || b))"), "a == 1 && b || b && (b || b)");
    assert_eq!(
        condition("a && (a && (a && a)) && ((a || a) || a) || (a || a)"),
        "a && a && a && a && (a || a || a) || a || a"
    );
    assert_eq!(
        condition("a - (1 - 2) - 3 == a * (2 * 3) && (a * 2) * 3 == 1"),
        "a - (1 - 2) - 3 == a * (2 * 3) && a * 2 * 3 == 1"
    );
    assert_eq!(
        condition("(!a) == true && (a == true) == true && a == (true == true)"),
        "!a == true && a == true == true && a == (true == true)"
    );
    assert_eq!(condition("a ? a == 1 : (b ? true : false)"), "a ? (a == 1) : (b ? true : false)");
    assert_eq!(
        condition("!a[0] && (a[0] ? a[1] : a[2]) && !(a.size() == 1)"),
        "!(a[0]) && ((a[0]) ? (a[1]) : (a[2])) && !(a.size() == 1)"
    );
    assert_eq!(
        condition("!matches(b, 'x') && !b.matches('x') && !a.all(x, true) && !has(a.b)"),
        "!(matches(b, \"x\")) && !b.matches(\"x\") && !a.all(x, true) && !has(a.b)"
    );
    assert_eq!(
        condition("-(-1) == a && -(-a) == 1 && -(a) == 1 && --a == 1 && - 1 == a && -(a+1) == 1 && !!(a==1)"),
        "--1 == a && --a == 1 && -a == 1 && a == 1 && -1 == a && -(a + 1) == 1 && a == 1"
    );
    assert_eq!(
        condition("(a + 'b').size() == 3 && (a == 'b' ? 'c' : 'd').size() == 1"),
        "(a + \"b\").size() == 3 && ((a == \"b\") ? \"c\" : \"d\").size() == 1"
    );
    assert_eq!(
        condition("[1, 2,] == a && a == [?optional.of(1)] && {?'a': x.?y} == a[?'z']"),
        "[1, 2] == a && a == [?optional.of(1)] && {?\"a\": x.?y} == a[?\"z\"]"
    );
    assert_eq!(
        condition("google.protobuf.Int32Value{value: 1} == a && .a.b == {}"),
        "google.protobuf.Int32Value{value: 1} == a && .a.b == {}"
    );
    assert_eq!(condition("a // said\n == 1"), "a == 1");
}

#[test]
fn canonical_conditions_spell_literals_in_one_way() {
    assert_eq!(
        condition(r#"a == 'it\x41 \u00e9 \101' && a == r'\d' && a in ['a',"b"]"#),
        r#"a == "itA é A" && a == "\\d" && a in ["a", "b"]"#
    );
    assert_eq!(
        condition(r"a == '\a\b\f\n\r\t\v\u0001\u007f\u200b\U0001F600'"),
        "a == \"\\a\\b\\f\\n\\r\\t\\v\\x01\\x7f\\u200b😀\""
    );
    assert_eq!(condition(r"a == 'e\u0301\u00a0\u2028\ufeff'"), "a == \"e\u{301}\\u00a0\\u2028\\ufeff\"");
    assert_eq!(condition("a == \"\"\"x\ny\"\"\""), "a == \"x\\ny\"");
    assert_eq!(condition(r#"a == b'abc' && a == b"\x00\xff""#), r#"a == b"\141\142\143" && a == b"\000\377""#);
    assert_eq!(
        condition("a == 0x1F && a == 5u && a == 100000.0 && a == 1000000.0 && a == 1234567.5"),
        "a == 31 && a == 5u && a == 100000.0 && a == 1e+06.0 && a == 1.2345675e+06"
    );
    assert_eq!(
        condition("a == 1e21 && a == 0.0001 && a == 0.00001 && a == 12e22 && a > 1.50"),
        "a == 1e+21.0 && a == 0.0001 && a == 1e-05.0 && a == 1.2e+23 && a > 1.5"
    );
}

#[test]
fn canonical_conditions_break_long_lines() {
    let terms: Vec<String> = (1..=12).map(|number| format!("a == {number}")).collect();
    assert_eq!(
        condition(&terms.join(" && ")),
        "a == 1 && a == 2 && a == 3 && a == 4 && a == 5 && a == 6 && a == 7 && a == 8 &&\n\ta == 9 && a == 10 && a == 11 && a == 12"
    );
    let long = format!("a == '{}' && (a == '{}' || a == '{}')", "a".repeat(90), "c".repeat(60), "d".repeat(60));
    assert_eq!(
        condition(&long),
        format!("a == \"{}\" &&\n\t(a == \"{}\" || a == \"{}\")", "a".repeat(90), "c".repeat(60), "d".repeat(60))
    );
}

#[test]
fn canonical_conditions_are_bounded() {
    let deep = format!("{}a{}", "(".repeat(10_000), ")".repeat(10_000));
    assert_eq!(condition(&deep), deep);
    let long = vec!["a"; 50_000].join(" + ");
    assert_eq!(condition(&long), long);
    // What is no condition stays as it is.
    assert_eq!(condition("a +"), "a +");
}
