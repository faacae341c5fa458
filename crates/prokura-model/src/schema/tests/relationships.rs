use super::*;
use crate::{Relationship, RelationshipOnTerms, Terms, text::tests::each};

fn refused(text: &str) -> String {
    let relationship: Relationship = text.parse().unwrap();
    let fault = parsed(ENGINEERING).check_relationship(&relationship, &Terms::default()).unwrap_err();
    format!("{fault} [{}]", fault.code())
}

#[test]
fn relationships_that_fit() {
    let schema = parsed(ENGINEERING);
    for text in [
        "document:plan#viewer@user:alice",
        "document:plan#viewer@user:*",
        "document:plan#viewer@group:eng#member",
        "group:all#member@group:eng#member",
    ] {
        assert_eq!(schema.check_relationship(&text.parse().unwrap(), &Terms::default()), Ok(()), "{text}");
    }
}

#[test]
fn relationships_that_do_not_fit() {
    insta::assert_snapshot!(each(&[
        "documnet:plan#viewer@user:alice",
        "document:plan#veiwer@user:alice",
        "document:plan#view@user:alice",
        "document:plan#viewer@usr:alice",
        "document:plan#viewer@group:eng",
        "document:plan#viewer@group:eng#mmber",
        "document:plan#banned@user:*",
        "user:alice#viewer@user:bob",
    ], refused), @r##"
documnet:plan#viewer@user:alice
    the schema defines no type `documnet`; did you mean `document`? [type_unknown]
document:plan#veiwer@user:alice
    type `document` has no relation or permission `veiwer`; did you mean `viewer`? [member_unknown]
document:plan#view@user:alice
    `view` is a permission of `document`: permissions are computed, relationships are written to relations [not_a_relation]
document:plan#viewer@usr:alice
    the schema defines no type `usr`; did you mean `user`? [type_unknown]
document:plan#viewer@group:eng
    `document#viewer` allows `user`, `user:*`, `group#member`, not `group`; did you mean `group#member`? [subject_not_allowed]
document:plan#viewer@group:eng#mmber
    type `group` has no relation or permission `mmber`; did you mean `member`? [member_unknown]
document:plan#banned@user:*
    `document#banned` allows `user`, not `user:*` [subject_not_allowed]
user:alice#viewer@user:bob
    type `user` has no relation or permission `viewer` [member_unknown]
"##);
}

/// A schema of relations with every kind of terms.
const ON_TERMS: &str = "use expiration
caveat on_day(day string, hours list<int>) {
\tday == \"monday\" && size(hours) > 1
}
caveat other(day string) {
\tday == \"monday\"
}
definition user {}
definition document {
\trelation plain: user
\trelation caveated: user with on_day | user:* with other
\trelation either: user | user with on_day
\trelation expiring: user with expiration
\trelation both: user with on_day and expiration
\tpermission view = plain
}
";

fn refused_on_terms(text: &str) -> String {
    let RelationshipOnTerms { relationship, terms } = text.parse().unwrap();
    let fault = parsed(ON_TERMS).check_relationship(&relationship, &terms).unwrap_err();
    format!("{fault} [{}]", fault.code())
}

#[test]
fn terms_must_be_exactly_what_is_allowed() {
    let schema = parsed(ON_TERMS);
    for text in [
        "document:a#plain@user:alice",
        "document:a#caveated@user:alice[on_day]",
        "document:a#caveated@user:*[other:{\"day\":\"monday\"}]",
        "document:a#either@user:alice",
        "document:a#either@user:alice[on_day:{\"hours\":[1,2]}]",
        "document:a#expiring@user:alice[expiration:2030-01-01T00:00:00Z]",
        "document:a#both@user:alice[on_day][expiration:2030-01-01T00:00:00Z]",
    ] {
        let RelationshipOnTerms { relationship, terms } = text.parse().unwrap();
        assert_eq!(schema.check_relationship(&relationship, &terms), Ok(()), "{text}");
        assert_eq!(schema.check_deletion(&relationship, &terms), Ok(()), "{text}");
        assert_eq!(schema.check_deletion(&relationship, &Terms::default()), Ok(()), "{text}");
    }
    insta::assert_snapshot!(each(&[
        "document:a#plain@user:alice[on_day]",
        "document:a#plain@user:alice[expiration:2030-01-01T00:00:00Z]",
        "document:a#caveated@user:alice",
        "document:a#caveated@user:alice[other]",
        "document:a#caveated@user:alice[ghost]",
        "document:a#caveated@user:*[on_day]",
        "document:a#expiring@user:alice",
        "document:a#both@user:alice[on_day]",
        "document:a#both@user:alice[expiration:2030-01-01T00:00:00Z]",
        "document:a#view@user:alice[on_day]",
        "document:a#caveated@user:alice[on_day:{\"day\":1}]",
        "document:a#caveated@user:alice[on_day:{\"hours\":[\"one\"]}]",
        "document:a#caveated@user:alice[on_day:{\"hour\":1}]",
    ], refused_on_terms), @r##"
document:a#plain@user:alice[on_day]
    `document#plain` allows `user`, not `user with on_day`; did you mean `user`? [subject_not_allowed]
document:a#plain@user:alice[expiration:2030-01-01T00:00:00Z]
    `document#plain` allows `user`, not `user with expiration`; did you mean `user`? [subject_not_allowed]
document:a#caveated@user:alice
    `document#caveated` allows `user with on_day`, `user:* with other`, not `user`; did you mean `user with on_day`? [subject_not_allowed]
document:a#caveated@user:alice[other]
    `document#caveated` allows `user with on_day`, `user:* with other`, not `user with other`; did you mean `user with on_day`? [subject_not_allowed]
document:a#caveated@user:alice[ghost]
    `document#caveated` allows `user with on_day`, `user:* with other`, not `user with ghost`; did you mean `user with on_day`? [subject_not_allowed]
document:a#caveated@user:*[on_day]
    `document#caveated` allows `user with on_day`, `user:* with other`, not `user:* with on_day`; did you mean `user:* with other`? [subject_not_allowed]
document:a#expiring@user:alice
    `document#expiring` allows `user with expiration`, not `user`; did you mean `user with expiration`? [subject_not_allowed]
document:a#both@user:alice[on_day]
    `document#both` allows `user with on_day and expiration`, not `user with on_day`; did you mean `user with on_day and expiration`? [subject_not_allowed]
document:a#both@user:alice[expiration:2030-01-01T00:00:00Z]
    `document#both` allows `user with on_day and expiration`, not `user with expiration`; did you mean `user with on_day and expiration`? [subject_not_allowed]
document:a#view@user:alice[on_day]
    `view` is a permission of `document`: permissions are computed, relationships are written to relations [not_a_relation]
document:a#caveated@user:alice[on_day:{"day":1}]
    the context of caveat `on_day` does not fit: parameter `day` of type `string`: a string is needed, and this is the number `1` [caveat_context_invalid]
document:a#caveated@user:alice[on_day:{"hours":["one"]}]
    the context of caveat `on_day` does not fit: parameter `hours` of type `list<int>`: entry 0: a whole number is needed, and this is the string `one` [caveat_context_invalid]
document:a#caveated@user:alice[on_day:{"hour":1}]
    the context of caveat `on_day` does not fit: unknown parameter `hour`; the parameters are `day`, `hours` [caveat_context_invalid]
"##);
}

#[test]
fn deletions_need_no_terms() {
    let schema = parsed(ON_TERMS);
    let deleted = |text: &str| {
        let RelationshipOnTerms { relationship, terms } = text.parse().unwrap();
        schema.check_deletion(&relationship, &terms).map_err(|fault| fault.code())
    };
    assert_eq!(deleted("document:a#both@user:alice"), Ok(()));
    assert_eq!(deleted("document:a#both@user:alice[on_day:{\"ghost\":1}]"), Ok(()));
    assert_eq!(deleted("document:a#plain@user:alice[expiration:2030-01-01T00:00:00Z]"), Ok(()));
    assert_eq!(deleted("document:a#both@user:alice[other]"), Err("subject_not_allowed"));
    assert_eq!(deleted("document:a#both@user:*"), Err("subject_not_allowed"));
    assert_eq!(deleted("document:a#view@user:alice"), Err("not_a_relation"));
    assert_eq!(deleted("document:a#ghost@user:alice"), Err("member_unknown"));
}
