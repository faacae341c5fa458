use super::*;

/// What SpiceDB says about a text, and which of its errors it is.
fn refused(text: &str) -> String {
    let refusal = spicedb_refusal(text, &Schema::parse(text).unwrap_err());
    format!("{:?}: {}", refusal.kind, refusal.message)
}

#[test]
fn in_the_words_of_its_parser() {
    let at = |line: usize, column: usize, message: &str| {
        format!("Text: parse error in `schema`, line {line}, column {column}: {message}")
    };
    for (text, expected) in [
        ("definition user { relation x", at(1, 29, "Expected one of: [TokenTypeColon], found: TokenTypeEOF")),
        (
            "definition user { relation xxx: user",
            at(1, 1, "Expected end of statement or definition, found: TokenTypeError"),
        ),
        ("/ definition user{}", at(1, 1, "Unexpected token at root level: TokenTypeDiv")),
        (
            "definition user { relation aaa: user#(\n}",
            at(1, 38, "Expected one of: [TokenTypeIdentifier TokenTypeEllipsis], found: TokenTypeLeftParen"),
        ),
        ("definition foo/ {}", at(1, 17, "Expected identifier, found token TokenTypeLeftBrace")),
        (
            "definition ddd { permission foo = foo +\n}",
            at(2, 1, "Expected right hand expression, found: TokenTypeRightBrace"),
        ),
        (
            "definition ddd { permission foo = foo - ( + foo)\n}",
            at(1, 43, "Expected one of: [TokenTypeRightParen], found: TokenTypePlus"),
        ),
        (
            "use bogus\ndefinition user {}",
            at(1, 10, "Unknown use flag: `bogus`. Options are: expiration, import, partial, self, typechecking"),
        ),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn in_the_words_of_its_compiler() {
    insta::assert_snapshot!(crate::text::tests::each(&[
        "definition user {}\ndefinition ddd {\n\trelation aaa: us | user#a\n}",
        "definition user {}\ndefinition ddd {\n\trelation aaa: user#a\n}",
        "definition ddd {\n\tpermission foo = a.all(b) & (a + b - c)\n}",
        "caveat foo(a int, a int) { a == 1 }",
        "caveat foo(a list<map<bar>>) { a == 1 }",
        "caveat foo(a list) { a == 1 }",
        "use partial\npartial foo {}\ncaveat foo(a int) { a == 1 }",
        "definition foo {}\ndefinition foo {}",
    ], refused), @r##"
definition user {}
definition ddd {
	relation aaa: us | user#a
}
    Text: parse error in `schema`, line 3, column 16: invalid type relation: validation error: namespace: does not match regex pattern `^([a-z][a-z0-9_]{1,61}[a-z0-9]/)*[a-z][a-z0-9_]{1,62}[a-z0-9]$`
definition user {}
definition ddd {
	relation aaa: user#a
}
    Text: parse error in `schema`, line 3, column 16: invalid type relation: validation error: relation: does not match regex pattern `^(\.\.\.|[a-z][a-z0-9_]{1,62}[a-z0-9])$`
definition ddd {
	permission foo = a.all(b) & (a + b - c)
}
    Text: parse error in `schema`, line 2, column 2: error in permission foo: validation errors:
     - userset_rewrite.intersection.child[0].functioned_tuple_to_userset.tupleset.relation: does not match regex pattern `^[a-z][a-z0-9_]{1,62}[a-z0-9]$`
     - userset_rewrite.intersection.child[0].functioned_tuple_to_userset.computed_userset.relation: does not match regex pattern `^[a-z][a-z0-9_]{1,62}[a-z0-9]$`
     - userset_rewrite.intersection.child[1].userset_rewrite.exclusion.child[0].userset_rewrite.union.child[0].computed_userset.relation: does not match regex pattern `^[a-z][a-z0-9_]{1,62}[a-z0-9]$`
     - userset_rewrite.intersection.child[1].userset_rewrite.exclusion.child[0].userset_rewrite.union.child[1].computed_userset.relation: does not match regex pattern `^[a-z][a-z0-9_]{1,62}[a-z0-9]$`
     - userset_rewrite.intersection.child[1].userset_rewrite.exclusion.child[1].computed_userset.relation: does not match regex pattern `^[a-z][a-z0-9_]{1,62}[a-z0-9]$`
caveat foo(a int, a int) { a == 1 }
    Text: parse error in `schema`, line 1, column 19: duplicate parameter `a` defined on caveat `foo`
caveat foo(a list<map<bar>>) { a == 1 }
    Text: parse error in `schema`, line 1, column 12: invalid type for caveat parameter `a` on caveat `foo`: unknown type `bar`
caveat foo(a list) { a == 1 }
    Text: parse error in `schema`, line 1, column 12: invalid type for caveat parameter `a` on caveat `foo`: type `list` requires 1 generic types; found 0
use partial
partial foo {}
caveat foo(a int) { a == 1 }
    Text: parse error in `schema`, line 3, column 1: found caveat with same name as existing partial: foo
definition foo {}
definition foo {}
    Text: parse error in `schema`, line 2, column 1: found name reused between multiple definitions and/or caveats: foo
"##);
}

#[test]
fn in_the_words_of_its_type_system() {
    insta::assert_snapshot!(crate::text::tests::each(&[
        "definition user {}\ndefinition ddd {\n\trelation aaa: user\n\tpermission bbb = aaa\n\tpermission ccc = bbb->aaa\n}",
        "use expiration\ndefinition user {}\ndefinition ddd {\n\trelation aaa: user with expiration | user with expiration\n}",
        "definition user {}\ndefinition ddd {\n\trelation aaa: user:* | ddd\n\tpermission ccc = aaa->aaa\n}",
        "definition ddd {\n\tpermission foo = bar\n\tpermission bar = foo\n}",
        "caveat foo(a int, b int) { a == 1 }",
        "use partial\npartial foo {\n\t...bar\n}\npartial bar {\n\t...foo\n}",
        "use partial\npartial foo {\n\t...bar\n}",
        "use partial\ndefinition foo {\n\t...bar\n}",
        "use typechecking\ndefinition user {}\ndefinition ddd {\n\trelation aaa: user\n\tpermission view: ddd | org = aaa\n}",
    ], refused), @r##"
definition user {}
definition ddd {
	relation aaa: user
	permission bbb = aaa
	permission ccc = bbb->aaa
}
    Types: under permission `ccc` under definition `ddd`: permissions cannot be used on the left hand side of an arrow (found `bbb`)
use expiration
definition user {}
definition ddd {
	relation aaa: user with expiration | user with expiration
}
    Types: found duplicate allowed subject type `user with expiration` on relation `aaa` under definition `ddd`
definition user {}
definition ddd {
	relation aaa: user:* | ddd
	permission ccc = aaa->aaa
}
    Types: for arrow under permission `ccc`: relation `ddd#aaa` includes wildcard type `user` via relation `ddd#aaa`: wildcard relations cannot be used on the left side of arrows
definition ddd {
	permission foo = bar
	permission bar = foo
}
    Circle: under definition `ddd`, there exists a cycle in permissions: bar, foo
caveat foo(a int, b int) { a == 1 }
    Types: parameter `b` for caveat `foo` is unused
use partial
partial foo {
	...bar
}
partial bar {
	...foo
}
    Circle: could not resolve partials: [bar]. this may indicate a circular reference
use partial
partial foo {
	...bar
}
    Circle: could not resolve partials: [bar]. this may indicate a circular reference
use partial
definition foo {
	...bar
}
    Text: parse error in `schema`, line 3, column 2: could not find partial reference with name bar
use typechecking
definition user {}
definition ddd {
	relation aaa: user
	permission view: ddd | org = aaa
}
    Types: incomplete type annotation on relation `view` in definition `ddd`: `user` found as reachable type, but not contained in provided set [`ddd` `org`]
"##);
}

/// Asked of SpiceDB 1.54. Where a line is shown, it is the line of that number of the expression.
#[test]
fn in_the_words_of_its_library() {
    const OPERAND: &str = "expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, \
                           NUM_UINT, STRING, BYTES, IDENTIFIER}";
    let operand = |place: &str, how: &str| format!("ERROR: cav:{place}: Syntax error: {how} {OPERAND}");
    let shown = |message: &str| format!("{message}\n | \n | ^");
    let undeclared = |place: &str, name: &str| {
        shown(&format!("ERROR: cav:{place}: undeclared reference to '{name}' (in container '')"))
    };
    let no_overload = |place: &str, function: &str, applied: &str| {
        format!("ERROR: cav:{place}: found no matching overload for '{function}' applied to '{applied}'")
    };
    for (expression, expected) in [
        ("a +", operand("2:4", "mismatched input '<EOF>'")),
        ("a == 1 &&", operand("2:10", "mismatched input '<EOF>'")),
        ("a *", operand("3:1", "mismatched input '<EOF>'")),
        ("a in", operand("3:1", "mismatched input '<EOF>'")),
        ("a + * b", shown(&operand("2:5", "extraneous input '*'"))),
        ("(+ a) == 1", shown(&operand("2:2", "extraneous input '+'"))),
        ("a b", shown("ERROR: cav:2:3: Syntax error: extraneous input 'b' expecting <EOF>")),
        ("a b c", shown("ERROR: cav:2:3: Syntax error: mismatched input 'b' expecting <EOF>")),
        ("a:{}", shown("ERROR: cav:2:2: Syntax error: mismatched input ':' expecting <EOF>")),
        ("x + y", format!("{}\n{}", undeclared("2:1", "x"), undeclared("2:5", "y"))),
        ("nope.a.b == 1", undeclared("2:1", "nope")),
        ("nope.f(x)", format!("{}\n{}\n{}", undeclared("2:1", "nope"), undeclared("2:7", "f"), undeclared("2:8", "x"))),
        ("m[42] == 1", shown(&no_overload("2:2", "_[_]", "(map(string, int), int)"))),
        ("a == 'x'", no_overload("2:3", "_==_", "(int, string)")),
        ("s.contains(1)", shown(&no_overload("2:11", "contains", "string.(int)"))),
        ("size(1) == 1", shown(&no_overload("2:5", "size", "(int)"))),
        (
            "a && b",
            format!(
                "{}\n{}",
                shown("ERROR: cav:2:1: expected type 'bool' but found 'int'"),
                shown("ERROR: cav:2:6: expected type 'bool' but found 'int'")
            ),
        ),
        ("s.size == 1", shown("ERROR: cav:2:2: type 'string' does not support field selection")),
        ("l", "caveat expression must result in a boolean value: found `list(int)`".to_owned()),
    ] {
        let text = format!("caveat cav(a int, b int, m map<int>, s string, l list<int>) {{\n{expression}\n}}");
        let prefix = "Text: parse error in `schema`, line 2, column 1: invalid expression for caveat `cav`: ";
        assert_eq!(refused(&text), format!("{prefix}{expected}"), "{expression}");
    }
}

/// Where it is not known what its library says, it is our message at the place.
#[test]
fn in_our_words_where_its_library_is_not_known() {
    for (expression, expected) in [
        ("a = 1", "2:3: unexpected character `=`"),
        ("[1,,2]", "2:4: unexpected token: Comma"),
        ("a ? b", "3:1: expected `:`, found the end"),
    ] {
        let said = refused(&format!("caveat cav(a int, b int) {{\n{expression}\n}}"));
        assert!(said.contains(&format!("ERROR: cav:{expected}")), "{said}");
    }
}
