use super::*;
use crate::limits::{SCHEMA_BYTES_MAX, SCHEMA_DIAGNOSTICS_MAX, SCHEMA_NESTING_MAX};

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
        let terms = match &view.expression {
            Expression::Union(terms) | Expression::Intersection(terms) => terms.len(),
            Expression::Exclusion(_, excluded) => match excluded.as_ref() {
                Expression::Union(terms) => terms.len() + 1,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        assert_eq!(terms, edges);
        assert_eq!(schema.clone(), schema);
        assert!(format(&text).unwrap().contains(&format!("abc {operator} abc")));
    }
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
    for piece in ["\"", "'", "\"a\" ", "'''", "/*/", "{", "(", "relation ", "definition ", "use ", "\u{feff}"] {
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
    assert!(schema.check_relationship(&stranger).unwrap_err().to_string().ends_with("and 9990 more, not `document`"));
}
