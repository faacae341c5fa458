use prokura_model::{CapClause, CapPermissions, CapResource, ObjectId, ObjectRef, TypeName};

use super::*;

/// A cap whose text has so many bytes: `* on document:` and an id.
fn cap_of(bytes: usize, letter: &str) -> Cap {
    let begin = "* on document:";
    let id = letter.repeat((bytes - begin.len()) / letter.len());
    let object = ObjectRef { kind: TypeName::new("document").unwrap(), id: ObjectId::new(id).unwrap() };
    let resources = [CapResource::Object(object)].into();
    Cap { clauses: vec![CapClause { permissions: CapPermissions::Any, resources, condition: None }] }
}

#[test]
fn limit_cap_text_bytes_max() {
    let fits = cap_of(CAP_TEXT_BYTES_MAX, "x");
    assert_eq!(fits.to_string().len(), CAP_TEXT_BYTES_MAX);
    assert_eq!(beginning(&fits), fits.to_string());

    let over = cap_of(CAP_TEXT_BYTES_MAX + 1, "x");
    assert_eq!(over.to_string().len(), CAP_TEXT_BYTES_MAX + 1);
    assert_eq!(beginning(&over), format!("{fits}…"));
}

#[test]
fn a_cap_is_cut_between_two_characters() {
    let cap = cap_of(2 * CAP_TEXT_BYTES_MAX, "語");
    let cut = beginning(&cap);
    let kept = cut.strip_suffix('…').unwrap();
    assert!(cap.to_string().starts_with(kept));
    assert!((CAP_TEXT_BYTES_MAX - 2..=CAP_TEXT_BYTES_MAX).contains(&kept.len()), "{}", kept.len());
}
