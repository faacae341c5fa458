mod terms;

use proptest::prelude::*;

use super::*;
use crate::CapResource;
use crate::{any, limits::OBJECT_ID_BYTES_MAX};

/// What is said about each of the texts.
pub(crate) fn each(texts: &[&str], said: impl Fn(&str) -> String) -> String {
    texts.iter().map(|text| format!("{}\n    {}\n", text.trim(), said(text).replace('\n', "\n    "))).collect()
}
fn refused<T: FromStr<Err = TextError>>(text: &str) -> String {
    match text.parse::<T>() {
        Ok(_) => panic!("`{text}` was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn reads_what_spicedb_writes() {
    let relationship: Relationship = "docs/document:a/b|c-d=e+f_g#viewer@group:eng#member".parse().unwrap();
    assert_eq!(relationship.resource, ObjectRef::new("docs/document", "a/b|c-d=e+f_g").unwrap());
    assert_eq!(relationship.to_string(), "docs/document:a/b|c-d=e+f_g#viewer@group:eng#member");
    assert_eq!("user:*".parse(), Ok(SubjectRef::Wildcard(TypeName::new("user").unwrap())));
    assert_eq!("user:*#...".parse(), Ok(SubjectRef::Wildcard(TypeName::new("user").unwrap())));
    assert_eq!("user:alice#...".parse(), Ok(SubjectRef::Object(ObjectRef::new("user", "alice").unwrap())));
}

#[test]
fn reads_quoted_ids() {
    let object: ObjectRef = r#"user:"a\"b\\c #:@[é""#.parse().unwrap();
    assert_eq!(object.id.as_str(), r#"a"b\c #:@[é"#);
    // Quotes that were not needed are gone when it is written again.
    assert_eq!(r#"user:"alice""#.parse::<ObjectRef>().unwrap().to_string(), "user:alice");
}

#[test]
fn reads_caps_and_spoken_for() {
    let kind = TypeName::new("user").unwrap();
    assert_eq!("user:*".parse(), Ok(CapResource::Type(kind.clone())));
    assert_eq!("user:*".parse(), Ok(SpokenFor::Type(kind)));
    assert_eq!("*".parse(), Ok(SpokenFor::Any));
    let object = ObjectRef::new("user", "*!").unwrap();
    assert_eq!(r#"user:"*!""#.parse(), Ok(CapResource::Object(object.clone())));
    assert_eq!(r#"user:"*!""#.parse(), Ok(SpokenFor::Object(object)));
}

#[test]
fn says_what_is_wrong_with_a_relationship() {
    insta::assert_snapshot!(each(&[
        "document:a#viewer@user:alice[some_caveat]",
        "document:a#viewer@user:alice[expiration:2030-01-01T00:00:00Z]",
        "document:a#viewer@user:alice@example.com",
        "document:a b#viewer@user:alice",
        "document:a",
        "document:a#viewer",
        "document:*#viewer@user:alice",
        "document:a#viewer@user:*#member",
        "Document:a#viewer@user:alice",
        "document:a#Viewer@user:alice",
        "document:a#@user:alice",
    ], refused::<Relationship>), @r##"
document:a#viewer@user:alice[some_caveat]
    column 29: a caveat or an expiration (`[…]`) has no place here
document:a#viewer@user:alice[expiration:2030-01-01T00:00:00Z]
    column 29: a caveat or an expiration (`[…]`) has no place here
document:a#viewer@user:alice@example.com
    column 29: `@` where the text should end; an id with anything but letters, digits and `/_|-=+` stands in double quotes, as in `user:"alice@example.com"`
document:a b#viewer@user:alice
    column 11: ` ` where `#` was expected: a relationship is `type:id#relation@subject`; an id with anything but letters, digits and `/_|-=+` stands in double quotes, as in `user:"alice@example.com"`
document:a
    column 11: the text ends where `#` was expected: a relationship is `type:id#relation@subject`
document:a#viewer
    column 18: the text ends where `@` was expected: a relationship is `type:id#relation@subject`
document:*#viewer@user:alice
    column 10: `document:*` is every `document`, and here one object is wanted
document:a#viewer@user:*#member
    column 24: a wildcard has no relation: write `user:*`, or name the object before `#member`
Document:a#viewer@user:alice
    column 1: `Document` is not a type name: 3 to 64 lower-case letters, digits and `_`, first a letter, last no `_`; prefixes of the same shape end in `/`; 128 bytes in all
document:a#Viewer@user:alice
    column 12: `Viewer` is not a relation or permission name: 3 to 64 lower-case letters, digits and `_`, first a letter, last no `_`
document:a#@user:alice
    column 12: `@` where the name of a relation was expected
"##);
}

#[test]
fn says_what_is_wrong_with_an_object() {
    assert_eq!(
        refused::<ObjectRef>("user:\"a\u{7}\""),
        "column 6: an object id has no control characters, this one has U+0007"
    );
    insta::assert_snapshot!(each(&[
        "",
        "user",
        "user:",
        "user:\"\"",
        "user:\"*\"",
        "user:*",
        "user:\"é\\n\"",
        "user:\"alice",
        "user:alice b",
    ], refused::<ObjectRef>), @r##"
    column 1: the text ends where a type was expected, as in `user:alice`
user
    column 5: the text ends where `:` was expected: a type and an id are joined by `:`, as in `user:alice`
user:
    column 6: the text ends where an id was expected
user:""
    column 6: an object id is not empty
user:"*"
    column 6: an object id is never `*` alone: that is how a wildcard is written
user:*
    column 6: `user:*` is every `user`, and here one object is wanted
user:"é\n"
    column 8: in a quoted id, `\` is followed by `"` or `\`: write `\\` for a backslash
user:"alice
    column 6: the quote that opens here is never closed
user:alice b
    column 11: ` ` where the text should end; an id with anything but letters, digits and `/_|-=+` stands in double quotes, as in `user:"alice@example.com"`
"##);
    assert_eq!(refused::<SpokenFor>("**"), "column 1: `*` where a type was expected, as in `user:alice`");
}

proptest! {
    #[test]
    fn text_round_trips(relationship in any::relationship()) {
        prop_assert_eq!(relationship.to_string().parse(), Ok(relationship));
    }

    #[test]
    fn entries_round_trip(object in any::object(), kind in any::kind()) {
        for entry in [CapResource::Object(object.clone()), CapResource::Type(kind.clone())] {
            prop_assert_eq!(entry.to_string().parse(), Ok(entry));
        }
        for entry in [SpokenFor::Object(object), SpokenFor::Type(kind), SpokenFor::Any] {
            prop_assert_eq!(entry.to_string().parse(), Ok(entry));
        }
    }

    /// Two texts never mean the same but for quotes and `#...`: what is accepted is written back as it was.
    #[test]
    fn any_text_is_refused_or_read(text in r#"[a-z]{3}:("[^"]{0,6}"|[ -~]{0,6})(#[a-z.]{0,4})?(@[a-z]{3}:["*a-z\\]{0,5})?"#) {
        if let Ok(relationship) = text.parse::<Relationship>() {
            prop_assert_eq!(relationship.to_string().parse(), Ok(relationship));
        }
        if let Ok(subject) = text.parse::<SubjectRef>() {
            prop_assert_eq!(subject.to_string().parse(), Ok(subject));
        }
    }
}

#[test]
fn limit_object_id_bytes_max() {
    let longest = "é".repeat(OBJECT_ID_BYTES_MAX / 2);
    assert_eq!(format!("user:\"{longest}\"").parse::<ObjectRef>().unwrap().id.as_str(), longest);
    assert_eq!(
        refused::<ObjectRef>(&format!("user:\"{longest}a\"")),
        "column 6: an object id has at most 1024 bytes, this one has 1025"
    );
}
