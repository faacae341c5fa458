use super::*;
use crate::limits::{ACCESS_MS_MAX, SCHEMA_BYTES_MAX, SCHEMA_DIAGNOSTICS_MAX, SCHEMA_MEMBERS_MAX, SCHEMA_NESTING_MAX};

fn codes(text: &str) -> Vec<&'static str> {
    Schema::parse(text).map_or_else(|problems| problems.iter().map(|problem| problem.code).collect(), |_| Vec::new())
}

fn with_expression(expression: &str) -> String {
    format!(
        "definition user {{}}\ndefinition document {{\n\trelation abc: user\n\tpermission view = {expression}\n}}\n"
    )
}

#[test]
fn limit_schema_bytes_max() {
    let mut text = "definition user {}\n//".to_owned();
    text.push_str(&" ".repeat(SCHEMA_BYTES_MAX - text.len()));
    assert_eq!(codes(&text), <[&str; 0]>::default());
    text.push(' ');
    assert_eq!(codes(&text), ["schema_too_large"]);
    assert_eq!(Schema::parse(&text).unwrap_err()[0].fault(), crate::Fault::Limit);
    assert!(format(&text).is_err());
}

#[test]
fn limit_schema_nesting_max() {
    let nested = |levels: usize| with_expression(&format!("{}abc{}", "(".repeat(levels), ")".repeat(levels)));
    assert_eq!(codes(&nested(SCHEMA_NESTING_MAX)), <[&str; 0]>::default());
    assert_eq!(codes(&nested(SCHEMA_NESTING_MAX + 1)), ["nesting_too_deep"]);
    assert_eq!(codes(&nested(10_000)), ["nesting_too_deep"]);
    assert_eq!(codes(&with_expression(&"(".repeat(500_000))), ["nesting_too_deep"]);
    assert_eq!(Schema::parse(&nested(10_000)).unwrap_err()[0].fault(), crate::Fault::Limit);
}

#[test]
fn limit_schema_members_max() {
    // Definitions of a thousand members each, all from one partial.
    let with_definitions = |count: usize, more: usize| {
        let mut text = "use partial\npartial shared {\n".to_owned();
        (0..1_000).for_each(|number| text.push_str(&format!("\trelation r{number:03}: user\n")));
        text.push_str("}\ndefinition user {}\n");
        (0..count).for_each(|number| text.push_str(&format!("definition kind{number} {{\n\t...shared\n}}\n")));
        text.push_str("definition last {\n");
        (0..more).for_each(|number| text.push_str(&format!("\trelation r{number:03}: user\n")));
        text.push_str("\t...shared2\n}\npartial shared2 {\n\trelation more: user\n}\n");
        text
    };
    // The two partials themselves count, too.
    let definitions = SCHEMA_MEMBERS_MAX / 1_000 - 2;
    assert_eq!(codes(&with_definitions(definitions, 998)), <[&str; 0]>::default());
    let problems = Schema::parse(&with_definitions(definitions, 999)).unwrap_err();
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["too_many_members"]);
    assert_eq!(problems[0].fault(), crate::Fault::Limit);
}

/// Nested types of parameters count as nesting, too.
#[test]
fn limit_schema_nesting_max_of_types() {
    let nested = |levels: usize| {
        let kind = format!("{}int{}", "list<".repeat(levels), ">".repeat(levels));
        format!("definition user {{}}\ncaveat only(days {kind}) {{ days == [] }}\n")
    };
    assert!(!codes(&nested(SCHEMA_NESTING_MAX)).contains(&"nesting_too_deep"));
    assert_eq!(codes(&nested(SCHEMA_NESTING_MAX + 1)), ["nesting_too_deep"]);
    assert_eq!(codes(&nested(100_000)), ["nesting_too_deep"]);
}

#[test]
fn limit_schema_diagnostics_max() {
    let wrong = |statements: usize| format!("definition user {{\n{}}}\n", "\trelation\n".repeat(statements));
    assert_eq!(codes(&wrong(SCHEMA_DIAGNOSTICS_MAX)).len(), SCHEMA_DIAGNOSTICS_MAX);
    assert_eq!(codes(&wrong(SCHEMA_DIAGNOSTICS_MAX + 1)).len(), SCHEMA_DIAGNOSTICS_MAX);
}

#[test]
fn long_chains_are_not_deep() {
    for (operator, edges) in [("+", 100_000), ("&", 100_000), ("-", 100_000)] {
        let text = with_expression(&vec!["abc"; edges].join(operator));
        let schema = parsed(&text);
        let Some(Member::Permission(view)) = schema.definition("document").unwrap().member("view") else {
            panic!("no permission");
        };
        let (mut terms, mut rest) = (0, &view.expression);
        while let Expression::Exclusion(base, excluded) = rest {
            terms += if let Expression::Union(terms) = excluded.as_ref() { terms.len() } else { 1 };
            rest = base;
        }
        terms += match rest {
            Expression::Union(terms) | Expression::Intersection(terms) => terms.len(),
            _ => 1,
        };
        assert_eq!(terms, edges);
        assert_eq!(schema.clone(), schema);
        assert!(format(&text).unwrap().contains(&format!("abc {operator} abc")));
    }
}

/// Chains of exclusions inside parentheses do not add up: a stack of 1 MiB is enough to walk the deepest expression.
#[test]
fn chains_in_parentheses_are_not_deep() {
    let chain = " - abc".repeat(100);
    let text = with_expression(&format!(
        "{}abc{}",
        "(".repeat(SCHEMA_NESTING_MAX),
        format!("{chain})").repeat(SCHEMA_NESTING_MAX)
    ));
    let walk = move || {
        let schema = parsed(&text);
        assert_eq!(schema.clone(), schema);
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(walk).unwrap().join().unwrap();
}

#[test]
fn long_ways_through_a_schema_are_walked() {
    // Each permission means the next, and each relation holds the next one's members.
    let mut text = "definition user {}\ndefinition group {\n\trelation g0000: user:*\n".to_owned();
    for step in 1..5_000 {
        text.push_str(&format!("\trelation g{step:04}: group#g{:04}\n", step - 1));
        text.push_str(&format!("\tpermission p{:04} = p{step:04}\n", step - 1));
    }
    text.push_str("\tpermission p4999 = g0001\n}\n");
    assert_eq!(codes(&text), <[&str; 0]>::default());
    text.push_str("definition document {\n\trelation viewer: group#g4999\n}\n");
    assert_eq!(codes(&text), ["wildcard_in_userset"]);
}

/// A lexer that looked to the end of the line, or a message that listed all there is, would need minutes for these.
#[test]
fn hostile_texts_cost_little() {
    for piece in [
        "\"",
        "'",
        "\"a\" ",
        "'''",
        "\\\"",
        "/*/",
        "{",
        "(",
        "relation ",
        "definition ",
        "use ",
        "\u{feff}",
        "caveat a(b c) {",
        "use import import ",
        "use partial partial ",
        "...a\n",
    ] {
        let text = piece.repeat(SCHEMA_BYTES_MAX / piece.len());
        assert!(!codes(&text).is_empty(), "{piece}");
    }
    let kinds: Vec<String> = (0..10_000).map(|number| format!("kind{number}")).collect();
    let mut text: String = kinds.iter().map(|kind| format!("definition {kind} {{}}\n")).collect();
    text.push_str(&format!("definition document {{\n\trelation any: {}\n", kinds.join(" | ")));
    (0..1_000).for_each(|number| text.push_str(&format!("\tpermission see{number} = any->ghost\n")));
    text.push_str("}\n");
    let schema = parsed(&text);
    assert_eq!(schema.warnings().len(), SCHEMA_DIAGNOSTICS_MAX);
    assert!(schema.warnings().iter().all(|warning| warning.to_string().len() < 400));
    let stranger = "document:plan#any@document:plan".parse().unwrap();
    assert!(
        schema
            .check_relationship(&stranger, &crate::Terms::default())
            .unwrap_err()
            .to_string()
            .ends_with("and 9990 more, not `document`")
    );
}

#[test]
fn limit_access_ms_max() {
    let lasting = |seconds: u64| {
        format!(
            "use access\ndefinition user {{}}\ndefinition document {{\n\trelation abc: user\n}}\n\
             access now on document#abc {{ grant; for at most {seconds}s }}"
        )
    };
    assert_eq!(codes(&lasting(ACCESS_MS_MAX / 1_000)), <[&str; 0]>::default());
    assert_eq!(codes(&lasting(ACCESS_MS_MAX / 1_000 + 1)), ["access_invalid"]);
}
