//! Relationship text, with terms, and its parts: what is read is printed so that it is read as the same.
#![no_main]

use std::{fmt, str::FromStr};

use libfuzzer_sys::fuzz_target;
use prokura_model::{
    CapResource, Change, ObjectRef, Relationship, RelationshipOnTerms, SpokenFor, SubjectRef, TextError, Timestamp,
    decode_changes, encode_changes,
};

fuzz_target!(init: prokura_fuzz::plant("relationship", seeds()), |data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(on_terms) = same(text, RelationshipOnTerms::from_str) {
        assert_eq!(RelationshipOnTerms::parse_open(text).as_ref(), Ok(&on_terms), "an open name is refused or another");
        let changes = [Change::RelationshipTouched(on_terms.relationship, on_terms.terms)];
        assert_eq!(decode_changes(&encode_changes(&changes)).as_deref(), Ok(changes.as_slice()));
    }
    same(text, RelationshipOnTerms::parse_open);
    same(text, Relationship::from_str);
    same(text, Relationship::parse_open);
    same(text, ObjectRef::from_str);
    same(text, ObjectRef::parse_open);
    same(text, SubjectRef::from_str);
    same(text, SubjectRef::parse_open);
    same(text, CapResource::from_str);
    same(text, SpokenFor::from_str);
    same(text, Timestamp::from_str);
});

/// What the text says, if anything, after it was printed and read once more.
fn same<T: fmt::Debug + fmt::Display + PartialEq>(text: &str, read: fn(&str) -> Result<T, TextError>) -> Option<T> {
    match read(text) {
        Ok(value) => {
            let printed = value.to_string();
            let again = read(&printed).unwrap_or_else(|error| panic!("`{printed}` is refused: {error}"));
            assert_eq!(again, value, "printed as `{printed}`");
            assert_eq!(again.to_string(), printed);
            Some(value)
        }
        Err(error) => {
            assert!(error.column >= 1 && error.column <= text.chars().count() + 1, "{error:?} is nowhere");
            assert!(!error.message.is_empty());
            None
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = prokura_fuzz::relationships().into_iter().map(String::into_bytes).collect();
    seeds.extend(
        [
            r#"document:b#viewer@user:"e \" \\ f"[only_on:{"n":-1.5e3,"s":"\ud83d\ude00\n","l":[null,true,{}]}][expiration:2030-01-01T00:00:00.5+01:00]"#,
            "team/doc:c|d#viewer@user:*",
            "document:b#viewer@group:e#...",
            "2028-02-29T23:59:59.999Z",
            "9999-12-31T23:30:00-01:00",
        ]
        .map(|text| text.as_bytes().to_vec()),
    );
    seeds
}
