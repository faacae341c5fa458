use super::*;

#[test]
fn limit_type_name_bytes_max() {
    let prefix = format!("{}/", "a".repeat(63));
    let longest = format!("{prefix}{}", "b".repeat(TYPE_NAME_BYTES_MAX - prefix.len()));
    assert!(TypeName::new(&longest).is_ok());
    // One more byte, every part still short enough.
    let longer = format!("{}/{}", "a".repeat(64), "b".repeat(64));
    assert_eq!(longer.len(), TYPE_NAME_BYTES_MAX + 1);
    assert!(TypeName::new(&longer).is_err());
    assert!(TypeName::new("a".repeat(64)).is_ok());
    assert!(TypeName::new("a".repeat(65)).is_err());
}

#[test]
fn limit_relation_name_bytes_max() {
    assert!(RelationName::new("a".repeat(RELATION_NAME_BYTES_MAX)).is_ok());
    assert!(RelationName::new("a".repeat(RELATION_NAME_BYTES_MAX + 1)).is_err());
}

#[test]
fn limit_caveat_name_bytes_max() {
    assert!(CaveatName::new("a".repeat(CAVEAT_NAME_BYTES_MAX)).is_ok());
    assert!(CaveatName::new("a".repeat(CAVEAT_NAME_BYTES_MAX + 1)).is_err());
}

#[test]
fn limit_open_name_bytes_max() {
    let longest = "a".repeat(OPEN_NAME_BYTES_MAX);
    assert!(
        TypeName::open(&longest).is_ok() && RelationName::open(&longest).is_ok() && CaveatName::open(&longest).is_ok()
    );
    let longer = "a".repeat(OPEN_NAME_BYTES_MAX + 1);
    assert!(
        TypeName::open(&longer).is_err() && RelationName::open(&longer).is_err() && CaveatName::open(&longer).is_err()
    );
}

#[test]
fn caveat_names_are_wider() {
    for legal in ["a", "hasFortyTwo", "1st", "_a", "docs/on-Mondays|x_"] {
        assert!(CaveatName::new(legal).is_ok(), "{legal}");
    }
    for illegal in ["", "-a", "/a", "|a", "a b", "a:b", "ä"] {
        assert!(CaveatName::new(illegal).is_err(), "{illegal}");
    }
}

#[test]
fn names_of_other_languages_are_open() {
    for legal in ["a", "Doc.v2", "can_view", "é", "a/b", "!"] {
        assert!(TypeName::open(legal).is_ok(), "{legal}");
    }
    for illegal in ["", "a b", "a:b", "a#b", "a@b", "a*", "a\"b", "a[", "a]", "a\u{7}"] {
        assert!(TypeName::open(illegal).is_err(), "{illegal}");
    }
}

#[test]
fn limit_tenant_name_bytes_max() {
    assert!(TenantName::new("a".repeat(TENANT_NAME_BYTES_MAX)).is_ok());
    assert!(TenantName::new("a".repeat(TENANT_NAME_BYTES_MAX + 1)).is_err());
}

#[test]
fn limit_object_id_bytes_max() {
    assert!(ObjectId::new("a".repeat(OBJECT_ID_BYTES_MAX)).is_ok());
    assert_eq!(
        ObjectId::new("a".repeat(OBJECT_ID_BYTES_MAX + 1)),
        Err(NameError::Object(ObjectIdFault::TooLong(OBJECT_ID_BYTES_MAX + 1)))
    );
}

#[test]
fn names_are_spicedb_names() {
    for legal in ["abc", "a1c", "a_b", "docs/document", "org/team/user"] {
        assert!(TypeName::new(legal).is_ok(), "{legal}");
    }
    for illegal in ["", "ab", "1bc", "ab_", "_ab", "Abc", "a-b", "abc/", "/abc", "abc//def", "ab/abc", "äbc", "abc\n"]
    {
        assert!(TypeName::new(illegal).is_err(), "{illegal}");
        assert!(RelationName::new(illegal).is_err(), "{illegal}");
    }
    assert!(RelationName::new("docs/document").is_err());
}

#[test]
fn ids_are_any_text_but_control_characters() {
    for legal in ["a", " ", "**", "#:@", "alice@example.com", "ålice", "\u{202e}", "\u{200b}"] {
        assert!(ObjectId::new(legal).is_ok(), "{legal:?}");
    }
    assert_eq!(ObjectId::new(""), Err(NameError::Object(ObjectIdFault::Empty)));
    assert_eq!(ObjectId::new("*"), Err(NameError::Object(ObjectIdFault::Wildcard)));
    assert_eq!(ObjectId::new("a\u{0}"), Err(NameError::Object(ObjectIdFault::Control(0))));
    assert_eq!(ObjectId::new("\u{85}"), Err(NameError::Object(ObjectIdFault::Control(0x85))));
}

#[test]
fn look_alikes_are_different() {
    // A precomposed and a combined é, a Latin and a Cyrillic a.
    assert_ne!(ObjectId::new("é").unwrap(), ObjectId::new("e\u{301}").unwrap());
    assert_ne!(ObjectId::new("a").unwrap(), ObjectId::new("\u{430}").unwrap());
}

#[test]
fn errors_repeat_only_the_start_of_what_was_given() {
    let error = TypeName::new("\u{1b}[2J".repeat(100_000)).unwrap_err().to_string();
    assert!(error.len() < 600 && !error.contains('\u{1b}'), "{error}");
}
