use super::*;
use crate::{Relationship, text::tests::each};

fn refused(text: &str) -> String {
    let relationship: Relationship = text.parse().unwrap();
    let fault = parsed(ENGINEERING).check_relationship(&relationship).unwrap_err();
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
        assert_eq!(schema.check_relationship(&text.parse().unwrap()), Ok(()), "{text}");
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
