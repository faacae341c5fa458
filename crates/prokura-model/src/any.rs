//! Any value of the model, for property tests.

use proptest::prelude::*;

use crate::{ObjectId, ObjectRef, RelationName, Relationship, SubjectRef, TypeName};

pub(crate) fn object() -> impl Strategy<Value = ObjectRef> {
    (kind(), id()).prop_map(|(kind, id)| ObjectRef { kind, id })
}

pub(crate) fn kind() -> impl Strategy<Value = TypeName> {
    "([a-z][a-z0-9_]{1,8}[a-z0-9]/){0,2}[a-z][a-z0-9_]{1,8}[a-z0-9]".prop_map(|text| TypeName::new(text).unwrap())
}

pub(crate) fn relation() -> impl Strategy<Value = RelationName> {
    "[a-z][a-z0-9_]{1,62}[a-z0-9]".prop_map(|text| RelationName::new(text).unwrap())
}

/// Any legal id: of all Unicode, with what text treats specially often in it.
pub(crate) fn id() -> impl Strategy<Value = ObjectId> {
    let character = prop_oneof![
        3 => any::<char>(),
        2 => prop::sample::select(vec!['"', '\\', '*', ':', '#', '@', '[', ']', ' ', '.', '/', '|', '\u{202e}', '\u{2028}']),
        1 => prop::char::range('a', 'z'),
    ];
    prop::collection::vec(character, 1..24)
        .prop_map(|characters| characters.into_iter().collect::<String>())
        .prop_filter_map("a legal id", |text| ObjectId::new(text).ok())
}

pub(crate) fn subject() -> impl Strategy<Value = SubjectRef> {
    prop_oneof![
        object().prop_map(SubjectRef::Object),
        (object(), relation()).prop_map(|(object, relation)| SubjectRef::Userset(object, relation)),
        kind().prop_map(SubjectRef::Wildcard),
    ]
}

pub(crate) fn relationship() -> impl Strategy<Value = Relationship> {
    (object(), relation(), subject()).prop_map(|(resource, relation, subject)| Relationship {
        resource,
        relation,
        subject,
    })
}
