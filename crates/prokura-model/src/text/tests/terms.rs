use proptest::prelude::*;

use super::{each, refused};
use crate::{
    CaveatName, RelationshipOnTerms, Terms, Timestamp, Value, any,
    limits::VALUE_NESTING_MAX,
    schema::tests::conformance::{cases, folder},
};

fn read(text: &str) -> RelationshipOnTerms {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The context that a text binds to the caveat, as JSON.
fn context(json: &str) -> String {
    let terms = read(&format!("document:plan#viewer@user:alice[only:{{\"a\":{json}}}]")).terms;
    let text = Terms { expires_at: None, ..terms }.to_string();
    text.strip_prefix("[only:{\"a\":").unwrap().strip_suffix("}]").unwrap().to_owned()
}

fn moment(text: &str) -> Result<u64, String> {
    let read = format!("document:plan#viewer@user:alice[expiration:{text}]").parse::<RelationshipOnTerms>();
    read.map(|read| read.terms.expires_at.unwrap().0).map_err(|error| error.to_string())
}

#[test]
fn spicedb_relationship_strings() {
    let Some(folder) = folder("SpiceDB's relationship strings") else {
        return;
    };
    let mut read = 0;
    for case in cases(&folder, "relationship_strings") {
        let input = case["input"].as_str().unwrap();
        let found = input.parse::<RelationshipOnTerms>();
        assert_eq!(found.is_ok(), case["valid"].as_bool().unwrap(), "{input}: {found:?}");
        if let Ok(found) = found {
            assert_eq!(found.to_string(), case["canonical"].as_str().unwrap());
        }
        read += 1;
    }
    println!("{read} relationship strings");
    assert_eq!(read, 25);
}

#[test]
fn reads_terms() {
    let plain = read("document:plan#viewer@user:alice");
    assert!(plain.terms.is_none());
    let both = read("document:plan#viewer@user:*[docs/Only:{\"day\":\"monday\"}][expiration:2030-01-01T00:00:00Z]");
    let caveat = both.terms.caveat.as_ref().unwrap();
    assert_eq!(caveat.name, CaveatName::new("docs/Only").unwrap());
    assert_eq!(caveat.context["day"], Value::String("monday".to_owned()));
    assert_eq!(both.terms.expires_at, Some(Timestamp(1_893_456_000_000)));
    // A caveat may have this name, too.
    let named = read("document:plan#viewer@user:alice[expiration:{\"a\":1}]");
    assert_eq!(named.terms.caveat.unwrap().name.as_str(), "expiration");
    assert_eq!(read("document:plan#viewer@user:alice[only:{}]").to_string(), "document:plan#viewer@user:alice[only]");
}

#[test]
fn reads_json_strictly() {
    assert_eq!(
        context(" [ 1 , -2.50 , 1e2, 9223372036854775807, 9223372036854775808 ] "),
        "[1,-2.5,100.0,9223372036854775807,9.223372036854776e18]"
    );
    assert_eq!(context(r#"{"b": null, "a": [true, false, {}, []]}"#), r#"{"a":[true,false,{},[]],"b":null}"#);
    assert_eq!(context(r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é""#), "\"\\\"\\\\/\\u0008\\u000c\\n\\r\\té😀é\"");
}

#[test]
fn says_what_is_wrong_with_json() {
    insta::assert_snapshot!(each(&[
        r#"[only:{"a":01}]"#,
        r#"[only:{"a":1.}]"#,
        r#"[only:{"a":+1}]"#,
        r#"[only:{"a":1e999}]"#,
        r#"[only:{"a":NaN}]"#,
        r#"[only:{"a":1,}]"#,
        r#"[only:{"a":1 "b":2}]"#,
        r#"[only:{"a":1,"a":2}]"#,
        r#"[only:{a:1}]"#,
        r#"[only:{"a":'b'}]"#,
        r#"[only:{"a":"\x"}]"#,
        r#"[only:{"a":"\ud83d"}]"#,
        r#"[only:{"a":"\ude00"}]"#,
        "[only:{\"a\":\"\n\"}]",
        r#"[only:{"a":"b]"#,
        r#"[only:{"a":[1}]"#,
    ], |terms| refused::<RelationshipOnTerms>(&format!("document:plan#viewer@user:alice{terms}"))), @r##"
[only:{"a":01}]
    column 43: `01` where a JSON value was expected
[only:{"a":1.}]
    column 43: `1.` where a JSON value was expected
[only:{"a":+1}]
    column 43: `+1` where a JSON value was expected
[only:{"a":1e999}]
    column 43: `1e999` where a JSON value was expected
[only:{"a":NaN}]
    column 43: `NaN` where a JSON value was expected
[only:{"a":1,}]
    column 45: `}` where the name of a member was expected, in quotes
[only:{"a":1 "b":2}]
    column 45: `\"` where `,` or `}` was expected
[only:{"a":1,"a":2}]
    column 45: an object has each member once
[only:{a:1}]
    column 39: `a` where the name of a member was expected, in quotes
[only:{"a":'b'}]
    column 43: `\'` where a JSON value was expected
[only:{"a":"\x"}]
    column 44: JSON has no such escape
[only:{"a":"\ud83d"}]
    column 44: half a character: both halves stand together
[only:{"a":"\ude00"}]
    column 44: half a character: both halves stand together
[only:{"a":"
"}]
    column 44: a control character stands in a JSON string as `\u…`
[only:{"a":"b]
    column 43: the quote that opens here is never closed
[only:{"a":[1}]
    column 45: `}` where `,` or `]` was expected
"##);
}

#[test]
fn says_what_is_wrong_with_terms() {
    insta::assert_snapshot!(each(&[
        r#"[only:[1]]"#,
        r#"[only:1]"#,
        r#"[only:{}"#,
        r#"[only"#,
        r#"[]"#,
        r#"[on ly]"#,
        r#"[only][more]"#,
        r#"[expiration:2030-01-01T00:00:00Z][only]"#,
        r#"[expiration:soon]"#,
        r#"[only] "#,
    ], |terms| refused::<RelationshipOnTerms>(&format!("document:plan#viewer@user:alice{terms}"))), @r##"
[only:[1]]
    column 38: `[` where `{` was expected: a context is a JSON object
[only:1]
    column 38: `1` where `{` was expected: a context is a JSON object
[only:{}
    column 40: the text ends where `]` was expected: a caveat is `[name]` or `[name:{…}]`, an expiration `[expiration:2030-01-01T00:00:00Z]`
[only
    column 37: the text ends where `]` was expected: a caveat is `[name]` or `[name:{…}]`, an expiration `[expiration:2030-01-01T00:00:00Z]`
[]
    column 33: `]` where the name of a caveat was expected
[on ly]
    column 35: ` ` where `]` was expected: a caveat is `[name]` or `[name:{…}]`, an expiration `[expiration:2030-01-01T00:00:00Z]`
[only][more]
    column 39: a relationship has one caveat; after it may stand `[expiration:…]`
[expiration:2030-01-01T00:00:00Z][only]
    column 66: nothing follows the expiration: the caveat comes before it
[expiration:soon]
    column 44: `soon` is no moment from 1970 to 9999: as in `2030-01-01T00:00:00Z` or `2030-01-01T01:00:00.5+01:00`
[only]
    column 38: ` ` where the text should end
"##);
}

#[test]
fn reads_moments() {
    assert_eq!(moment("1970-01-01T00:00:00Z"), Ok(0));
    assert_eq!(moment("2000-02-29T23:59:59.999999999z"), Ok(951_868_799_999));
    assert_eq!(moment("2030-01-01t01:30:00+01:30"), Ok(1_893_456_000_000));
    assert_eq!(moment("2029-12-31T22:30:00.5-01:30"), Ok(1_893_456_000_500));
    assert_eq!(moment("9999-12-31T22:59:59.999-01:00"), Ok(253_402_300_799_999));
    assert_eq!("2030-01-01T00:00:00Z".parse(), Ok(Timestamp(1_893_456_000_000)));
    assert_eq!(refused::<Timestamp>("2030-01-01T00:00:00Z now"), "column 21: ` ` where the text should end");
    for wrong in [
        "2030-01-01",
        "2030-01-01T00:00:00",
        "2030-13-01T00:00:00Z",
        "2030-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2030-04-31T00:00:00Z",
        "2030-01-00T00:00:00Z",
        "2030-01-01T24:00:00Z",
        "2030-01-01T00:60:00Z",
        "2030-01-01T00:00:60Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:00:00-01:00",
        "30-01-01T00:00:00Z",
        "2030-01-01T00:00:00.Z",
        "2030-01-01T00:00Z",
        "2030-01-01T00:00:00+1:00",
        "2030-01-01T00:00:00+01:60",
        "2030-01-01T00:00:00.5+24:00",
    ] {
        assert!(moment(wrong).unwrap_err().contains("is no moment"), "{wrong}");
    }
}

#[test]
fn reads_names_of_other_languages() {
    let text = "Doc.v2:a#can view@Team:x#Member[Non-Expired grant]";
    assert!(RelationshipOnTerms::parse_open(text).is_err());
    let text = "Doc.v2:a#canView@Team:x#Member[Non.Expired:{\"a\":1}]";
    assert!(text.parse::<RelationshipOnTerms>().is_err());
    assert_eq!(RelationshipOnTerms::parse_open(text).unwrap().to_string(), text);
}

#[test]
fn limit_value_nesting_max() {
    let nested = |levels: usize| {
        let json = format!("{}1{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        format!("document:plan#viewer@user:alice[only:{{\"a\":{json}}}]")
    };
    assert_eq!(read(&nested(VALUE_NESTING_MAX)).to_string(), nested(VALUE_NESTING_MAX));
    let message = refused::<RelationshipOnTerms>(&nested(VALUE_NESTING_MAX + 1));
    assert!(message.ends_with("a value is at most 32 deep"), "{message}");
    assert_eq!(message, refused::<RelationshipOnTerms>(&nested(1_000_000)));
}

proptest! {
    #[test]
    fn text_round_trips(relationship in any::relationship(), terms in any::terms()) {
        let on_terms = RelationshipOnTerms { relationship, terms };
        prop_assert_eq!(on_terms.to_string().parse(), Ok(on_terms));
    }

    #[test]
    fn any_terms_are_refused_or_read(terms in r#"[\[\]{}a-c1-3:," .eTZ\\-]{0,24}"#) {
        if let Ok(read) = format!("document:plan#viewer@user:alice{terms}").parse::<RelationshipOnTerms>() {
            prop_assert_eq!(read.to_string().parse(), Ok(read));
        }
    }
}
