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
