mod any;
mod conformance;
mod diagnostics;
mod formatting;
mod limits;
mod relationships;

use super::*;

fn parsed(text: &str) -> Schema {
    match Schema::parse(text) {
        Ok(schema) => schema,
        Err(problems) => panic!("refused: {}\n{text}", said(&problems)),
    }
}

fn said(problems: &[Diagnostic]) -> String {
    let each: Vec<String> = problems.iter().map(|problem| format!("{problem} [{}]", problem.code)).collect();
    each.join("\n")
}

/// A text in which each line is indented by tabs already.
const ENGINEERING: &str = "\
/** A person. */
definition user {}

definition group {
	relation member: user | group#member
}

definition document {
	relation parent: document

	// Who may read it.
	relation viewer: user | user:* | group#member
	relation banned: user

	/**
	 * Reading, by anyone who was not banned.
	 */
	permission view = (viewer + parent->view) - banned
}
";

#[test]
fn reads_definitions() {
    let schema = parsed(ENGINEERING);
    let document = schema.definition("document").unwrap();
    assert_eq!(schema.definition("user").unwrap().doc.as_deref(), Some("A person."));
    let Some(Member::Relation(viewer)) = document.member("viewer") else { panic!("no viewer") };
    assert_eq!(viewer.doc.as_deref(), Some("Who may read it."));
    assert_eq!(viewer.allowed.iter().map(ToString::to_string).collect::<Vec<_>>(), ["user", "user:*", "group#member"]);
    let Some(Member::Permission(view)) = document.member("view") else { panic!("no view") };
    assert_eq!(view.doc.as_deref(), Some("Reading, by anyone who was not banned."));
    let name = |text| RelationName::new(text).unwrap();
    let either = Expression::Union(vec![
        Expression::Member(name("viewer")),
        Expression::Arrow { tupleset: name("parent"), target: name("view") },
    ]);
    let banned = Expression::Member(name("banned"));
    assert_eq!(view.expression, Expression::Exclusion(Box::new(either), Box::new(banned)));
    assert_eq!(schema.warnings(), []);
    assert_eq!(format(ENGINEERING).unwrap(), ENGINEERING);
}
