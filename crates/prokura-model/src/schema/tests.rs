mod access;
mod any;
mod authority;
mod canonical;
pub(crate) mod conformance;
mod diagnostics;
mod differences;
mod formatting;
mod guards;
mod imports;
mod limits;
mod reach;
mod refusals;
mod relationships;
mod warnings;

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
        Expression::Arrow { tupleset: name("parent"), target: name("view"), quantifier: Quantifier::Any },
    ]);
    let banned = Expression::Member(name("banned"));
    assert_eq!(view.expression, Expression::Exclusion(Box::new(either), Box::new(banned)));
    assert_eq!(schema.warnings(), []);
    assert_eq!(format(ENGINEERING).unwrap(), ENGINEERING);
}

/// The expression of a permission over relations that are written as one letter, in a notation that shows its shape.
fn shape(expression: &str) -> String {
    fn letter(name: &RelationName) -> String {
        name.as_str().chars().take(1).collect()
    }
    fn show(expression: &Expression) -> String {
        let list = |operands: &[Expression]| operands.iter().map(show).collect::<Vec<_>>().join(" ");
        match expression {
            Expression::Member(name) => letter(name),
            Expression::Arrow { tupleset, target, quantifier: Quantifier::Any } => {
                format!("{}>{}", letter(tupleset), letter(target))
            }
            Expression::Arrow { tupleset, target, .. } => format!("{}>>{}", letter(tupleset), letter(target)),
            Expression::Itself => "self".to_owned(),
            Expression::Nil => "nil".to_owned(),
            Expression::Direct => panic!("not of this language"),
            Expression::Union(operands) => format!("(+ {})", list(operands)),
            Expression::Intersection(operands) => format!("(& {})", list(operands)),
            Expression::Exclusion(base, excluded) => format!("(- {} {})", show(base), show(excluded)),
        }
    }
    let mut text = "definition document {\n".to_owned();
    for name in ["aaa", "bbb", "ccc", "ddd"] {
        text.push_str(&format!("\trelation {name}: document\n"));
    }
    let spelled: String = expression
        .chars()
        .map(
            |character| if character.is_alphabetic() { character.to_string().repeat(3) } else { character.to_string() },
        )
        .collect();
    text.push_str(&format!("\tpermission view = {spelled}\n}}\n"));
    let schema = parsed(&text);
    let Some(Member::Permission(view)) = schema.definition("document").unwrap().member("view") else {
        panic!("no permission");
    };
    // What the formatter makes of it means the same.
    assert_eq!(parsed(&format(&text).unwrap()).definitions(), schema.definitions());
    show(&view.expression)
}

#[test]
fn precedence_is_spicedbs() {
    assert_eq!(shape("a + b & c"), "(& (+ a b) c)");
    assert_eq!(shape("a & b + c"), "(& a (+ b c))");
    assert_eq!(shape("a - b + c"), "(- a (+ b c))");
    assert_eq!(shape("a + b - c"), "(- (+ a b) c)");
    assert_eq!(shape("a - b & c + d"), "(- a (& b (+ c d)))");
    assert_eq!(shape("a->b + c->d"), "(+ a>b c>d)");
    assert_eq!(shape("(a - b) + c"), "(+ (- a b) c)");
}

#[test]
fn chains_are_flat() {
    assert_eq!(shape("(a + b) + (c + d)"), "(+ a b c d)");
    assert_eq!(shape("a & (b & (c & d))"), "(& a b c d)");
    assert_eq!(shape("a - b - c - d"), "(- (- (- a b) c) d)");
    assert_eq!(shape("a - (b - c)"), "(- a (- b c))");
    assert_eq!(shape("(a - b) - c"), "(- (- a b) c)");
    assert_eq!(shape("((a))"), "a");
}

#[test]
fn what_spicedb_accepts_is_accepted() {
    for text in [
        "",
        "// nothing\n",
        "definition user {} definition group {}",
        "definition user {};definition group {}",
        "definition user {\r\n\trelation self: user\r\n\tpermission any = self\r\n}\r\n",
        "definition user {;;\nrelation use : user ;; permission all\n= use\n}",
        "definition user { relation expiration: user#expiration\n permission import = expiration\n}",
    ] {
        let accepted = !text.contains("all\n=");
        assert_eq!(Schema::parse(text).is_ok(), accepted, "{text}: {:?}", Schema::parse(text));
    }
}

#[test]
fn wildcards_may_stand_beside_their_own_usersets() {
    // As in SpiceDB, which looks through usersets of other definitions only, and never through permissions.
    parsed("definition user {}\ndefinition group {\n\trelation member: user:* | group#member\n}\n");
    parsed(
        "definition user {}\ndefinition group {\n\trelation member: user:*\n\tpermission all = member\n}\n\
         definition document {\n\trelation viewer: group#all\n}\n",
    );
}

#[test]
fn documentation_stands_directly_above() {
    let schema = parsed(
        "// The licence of the file.\n\n// A person.\n// Any person.\ndefinition user {} // not this\n\
         // detached\n\ndefinition group {\n\trelation member: user // nor this\n\t/*\n\t * Who\n\t *   leads.\n\t */\n\
         \trelation lead: user; /* Who looks. */ relation viewer: user\n}\n",
    );
    let doc = |kind: &str, member: &str| match schema.definition(kind).unwrap().member(member) {
        Some(Member::Relation(relation)) => relation.doc.clone(),
        _ => schema.definition(kind).unwrap().doc.clone(),
    };
    assert_eq!(doc("user", "").as_deref(), Some("A person.\nAny person."));
    assert_eq!(doc("group", ""), None);
    assert_eq!(doc("group", "member"), None);
    assert_eq!(doc("group", "lead").as_deref(), Some("Who\nleads."));
    assert_eq!(doc("group", "viewer").as_deref(), Some("Who looks."));
}
