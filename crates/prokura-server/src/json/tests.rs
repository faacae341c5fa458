use super::*;

fn fault(text: &str) -> JsonFault {
    parse(text.as_bytes()).expect_err(text)
}

fn nested(levels: usize) -> String {
    format!("{}null{}", "[".repeat(levels - 1), "]".repeat(levels - 1))
}

#[test]
fn a_document_is_read_as_it_is_written() {
    let value = parse(br#"{"a": [1, -2, 1.5, "x", true, null], "b": {"c": 9007199254740993}}"#).unwrap();
    let Value::Map(members) = value else { panic!("an object") };
    assert_eq!(
        members["a"],
        Value::List(vec![
            Value::Integer(1),
            Value::Integer(-2),
            Value::Float(1.5),
            Value::String("x".to_owned()),
            Value::Bool(true),
            Value::Null,
        ])
    );
    let Value::Map(inner) = &members["b"] else { panic!("an object") };
    assert_eq!(inner["c"], Value::Integer(9_007_199_254_740_993));
}

#[test]
fn a_member_twice_is_refused_with_its_place() {
    for (text, path) in
        [(r#"{"a": 1, "a": 1}"#, "a"), (r#"{"a": {"b": [{"c": 1}, {"c": 1, "\u0063": 2}]}}"#, "a.b[1].c")]
    {
        let fault = fault(text);
        assert_eq!((fault.code, fault.path.as_str()), ("json_member_twice", path));
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for text in ["", "{", "{]", "nul", "{'a': 1}", "{\"a\": 1,}", "1 2", "\u{feff}{}", "1e999", "\"\\ud800\""] {
        assert_eq!(fault(text).code, "json_malformed", "{text}");
    }
    assert_eq!(parse(b"\"\xff\"").unwrap_err().code, "json_malformed");
}

#[test]
fn limit_json_nesting_max() {
    assert!(parse(nested(JSON_NESTING_MAX).as_bytes()).is_ok());
    assert_eq!(fault(&nested(JSON_NESTING_MAX + 1)).code, "json_nested_too_deeply");
    // Far beyond it, too, the stack is safe.
    assert_eq!(fault(&nested(10_000)).code, "json_nested_too_deeply");
    assert_eq!(fault(&"{\"a\":".repeat(10_000)).code, "json_nested_too_deeply");
}

#[test]
fn what_can_be_read_can_be_kept_in_a_record() {
    let deepest = parse(nested(JSON_NESTING_MAX).as_bytes()).unwrap();
    let bytes = prokura_model::encode_changes(&[prokura_model::Change::AttributesSet(
        "user:alice".parse().unwrap(),
        BTreeMap::from([("a".to_owned(), deepest)]),
    )]);
    assert!(prokura_model::decode_changes(&bytes).is_ok());
}

#[test]
fn a_wrong_type_is_refused_with_its_place() {
    let fault = decode::<prokura_api::WriteRelationships>(
        br#"{"touch": [{"resource": {"type": "a", "id": 1}, "relation": "r", "subject": {"type": "u"}}]}"#,
    )
    .unwrap_err();
    assert_eq!(fault.path, "touch[0].resource.id");
    let fault = decode::<prokura_api::NewTask>(br#"{"purpose": "x", "expires": 1}"#).unwrap_err();
    assert!(fault.message.contains("unknown field `expires`"), "{}", fault.message);
    assert!(fault.message.contains("expires_at"), "{}", fault.message);
}

#[test]
fn values_survive_the_way_out_and_back() {
    let text = r#"{"a":[1,2.5,"x",true,null],"b":{}}"#;
    let value = parse(text.as_bytes()).unwrap();
    assert_eq!(to_wire(&value).to_string(), text);
    assert_eq!(from_wire(&to_wire(&value)), value);
}

/// A list and what is in it are so many values.
fn values(count: usize) -> String {
    format!("[{}1]", "1,".repeat(count - 2))
}

#[test]
fn limit_json_values_max() {
    assert!(parse(values(JSON_VALUES_MAX).as_bytes()).is_ok());
    assert_eq!(fault(&values(JSON_VALUES_MAX + 1)).code, "json_too_many_values");
}

#[test]
fn limit_json_values_bulk_max() {
    type Any = Vec<u8>;
    assert_eq!(decode_bulk::<Any>(values(JSON_VALUES_BULK_MAX).as_bytes()).unwrap().len(), JSON_VALUES_BULK_MAX - 1);
    let over = decode_bulk::<Any>(values(JSON_VALUES_BULK_MAX + 1).as_bytes()).unwrap_err();
    assert_eq!(over.code, "json_too_many_values");
}
