use proptest::prelude::*;

use super::{super::lower::comment_lines, *};
use crate::schema::token::Tokens;

/// What the comments of a text say, in any order.
fn comments(text: &str) -> Vec<String> {
    let tokens = Tokens::new(text);
    let mut said: Vec<String> = tokens
        .comments_between(None, usize::MAX - 1)
        .iter()
        .map(|comment| comment_lines(tokens.slice(comment.span)).join("\n"))
        .collect();
    said.sort();
    said
}

proptest! {
    // Four times what is usual, or what `PROPTEST_CASES` says.
    #![proptest_config(ProptestConfig::with_cases(4 * ProptestConfig::default().cases))]

    #[test]
    fn formatting_keeps_the_meaning_and_the_comments(text in any::schema_text()) {
        let schema = Schema::parse(&text).map_err(|problems| TestCaseError::fail(said(&problems)))?;
        let formatted = format(&text).unwrap();
        let again = Schema::parse(&formatted).map_err(|problems| TestCaseError::fail(said(&problems)))?;
        prop_assert_eq!(again.definitions(), schema.definitions());
        prop_assert_eq!(comments(&formatted), comments(&text));
        prop_assert_eq!(format(&formatted).unwrap(), formatted);
    }

    #[test]
    fn nearly_schemas_are_refused_or_formatted(text in any::nearly_a_schema()) {
        if let Ok(formatted) = format(&text) {
            prop_assert_eq!(comments(&formatted), comments(&text));
            prop_assert_eq!(format(&formatted).unwrap(), formatted);
        }
        if let Err(problems) = Schema::parse(&text) {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                prop_assert!(text.get(problem.span.start..problem.span.end).is_some(), "{problem:?}");
                prop_assert!(problem.line >= 1 && problem.column >= 1);
                prop_assert!(!problem.message.contains('\n'));
            }
        }
    }
}

#[test]
fn formats() {
    let text = "/** A person. */definition user{}
        // The folder.

        // A folder
        definition docs/folder {relation  parent : docs/folder // above
           relation owner: user#...| user:*;relation  viewer:user

           permission view = viewer+owner&
                             parent -> view-owner // all but its owners
           permission all=( ( viewer)) + // those
             /* and */ owner
           // the end
        }
        // over";
    insta::assert_snapshot!(format(text).unwrap(), @r##"
/** A person. */
definition user {}

// The folder.

// A folder
definition docs/folder {
	relation parent: docs/folder // above
	relation owner: user | user:*
	relation viewer: user

	permission view = ((viewer + owner) & parent->view) - owner // all but its owners
	permission all = ((viewer)) + // those
		/* and */ owner
	// the end
}
// over
"##);
}

#[test]
fn formatting_says_what_is_wrong() {
    insta::assert_snapshot!(said(&format("definition user {\n\trelation\n}\n").unwrap_err()), @r#"2:10: the line ends where the name of the relation was expected [unexpected_token]"#);
    // Names are not looked up.
    assert_eq!(format("definition a{permission b=c;}").unwrap(), "definition a {\n\tpermission b = c\n}\n");
    assert_eq!(format("").unwrap(), "");
}
