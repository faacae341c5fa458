use proptest::prelude::*;

use super::{
    super::{canonical::canonical_condition, lower::comment_lines},
    *,
};
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

/// The members of each definition, without what comments and annotations say of them.
fn undocumented(schema: &Schema) -> Vec<(TypeName, Vec<Member>)> {
    let bare = |member: &Member| match member.clone() {
        Member::Relation(relation) => Member::Relation(Relation { doc: None, ..relation }),
        Member::Permission(permission) => Member::Permission(Permission { doc: None, types: None, ..permission }),
    };
    let definitions = schema.definitions().values();
    definitions.map(|definition| (definition.name.clone(), definition.members.values().map(bare).collect())).collect()
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
        for (ours, theirs) in again.caveats().values().zip(schema.caveats().values()) {
            prop_assert_eq!(canonical_condition(&ours.expression), canonical_condition(&theirs.expression));
            prop_assert_eq!((&ours.doc, &ours.parameters), (&theirs.doc, &theirs.parameters));
        }
        let given_back = parsed(&canonical(&text).unwrap());
        prop_assert_eq!(undocumented(&given_back), undocumented(&schema));
        prop_assert_eq!(canonical(given_back.text()).unwrap(), given_back.text());
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
fn formats_all_of_the_language() {
    let text = "use   expiration
        use self // the object itself

        use partial; use import import \"users.zed\"
        import \"groups.zed\"
        // On a day.
        caveat docs/Only(day string,days list< string > /* all */) { // it says
              day in days &&
                day != \"}\"   // never
                    && true
              // over
        } partial shared{relation helper:user with  docs/Only|user#... with expiration | user:* with docs/Only and expiration; // helps
        }
        definition document { ... shared // put in
            permission view:user|group=helper . any( view )+nil-self
        }";
    insta::assert_snapshot!(format(text).unwrap(), @r##"
use expiration
use self // the object itself

use partial
use import

import "users.zed"
import "groups.zed"

// On a day.
caveat docs/Only(day string, days list<string> /* all */ ) { // it says
	day in days &&
	day != "}"   // never
	    && true
	// over
}

partial shared {
	relation helper: user with docs/Only | user with expiration | user:* with docs/Only and expiration // helps
}

definition document {
	...shared // put in
	permission view: user | group = (helper.any(view) + nil) - self
}
"##);
}

#[test]
fn formatting_says_what_is_wrong() {
    insta::assert_snapshot!(said(&format("definition user {\n\trelation\n}\n").unwrap_err()), @r#"2:10: the line ends where the name of the relation was expected [unexpected_token]"#);
    // Names are not looked up.
    assert_eq!(format("definition a{permission b=c;}").unwrap(), "definition a {\n\tpermission b = c\n}\n");
    assert_eq!(format("").unwrap(), "");
}
