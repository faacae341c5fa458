use super::*;

#[test]
fn objects_and_users_are_read_and_written_alike() {
    for text in ["document:plan", "document:a-b/c|d.e+f@g", "document:star*char"] {
        assert_eq!(object_text(&object(text).unwrap()), text);
    }
    for text in ["user:anne", "user:*", "group:eng#member", "user:anne@example.com"] {
        assert_eq!(user_text(&user(text).unwrap()), text);
    }
}

#[test]
fn what_is_no_object_or_user_is_refused() {
    for text in ["", "document", "document:", ":plan", "document:*", "document:a:b", "document:a b", "document:a#b"] {
        assert!(object(text).is_err(), "{text}");
    }
    for text in ["", "anne", "user:", "user:*#member", "group:eng#", "group:eng#a#b", "user:a b", "*"] {
        assert!(user(text).is_err(), "{text}");
    }
}

#[test]
fn a_long_text_is_not_repeated_whole() {
    let message = object(&"a".repeat(10_000)).unwrap_err();
    assert!(message.len() < 300 && message.contains('…'), "{message}");
}
