use proptest::prelude::*;

use super::*;
use crate::{ObjectRef, Principal, PrincipalState, RelationName, TaskId, Value, any, limits::VALUE_NESTING_MAX};

proptest! {
    #[test]
    fn changes_round_trip(changes in prop::collection::vec(any::change(), 0..4)) {
        prop_assert_eq!(decode_changes(&encode_changes(&changes)), Ok(changes));
    }

    #[test]
    fn records_round_trip(record in any::record()) {
        prop_assert_eq!(decode_record(&encode_record(&record.view())), Ok(record));
    }

    #[test]
    fn records_are_written_as_their_type_says(record in any::record()) {
        prop_assert_eq!(encode_record(&record.view()), encoded(&record.view()));
    }

    /// What damaged bytes decode to, if anything, is a legal value again: it survives another round.
    #[test]
    fn damaged_changes_are_refused_or_read(
        changes in prop::collection::vec(any::change(), 1..3),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let bytes = damaged(encode_changes(&changes), &damage, cut);
        if let Ok(read) = decode_changes(&bytes) {
            let again = encode_changes(&read);
            prop_assert_eq!(decode_changes(&again).map(|changes| encode_changes(&changes)), Ok(again));
        }
    }

    #[test]
    fn damaged_records_are_refused_or_read(
        record in any::record(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let bytes = damaged(encode_record(&record.view()), &damage, cut);
        if let Ok(read) = decode_record(&bytes) {
            let again = encode_record(&read.view());
            prop_assert_eq!(decode_record(&again).map(|record| encode_record(&record.view())), Ok(again));
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = (decode_changes(&bytes), decode_record(&bytes));
    }
}

fn damaged(mut bytes: Vec<u8>, damage: &[(prop::sample::Index, u8)], cut: Option<prop::sample::Index>) -> Vec<u8> {
    for (at, byte) in damage {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
    bytes
}

#[test]
fn a_declared_length_allocates_nothing() {
    // An array, a map and a text of 2^62 entries, of which none follow.
    for head in [0x9b_u8, 0xbb, 0x7b] {
        let mut bytes = vec![head];
        bytes.extend((1_u64 << 62).to_be_bytes());
        assert!(minicbor::decode::<Value>(&bytes).is_err());
        assert!(decode_changes(&bytes).is_err());
        // As the attributes of an object: change 3.
        let object = ObjectRef::new("user", "alice").unwrap();
        let mut change = vec![0x81, 0x82, 0x03, 0x82];
        change.extend(minicbor::to_vec(&object).unwrap());
        change.extend(&bytes);
        assert!(decode_changes(&change).is_err());
    }
}

#[test]
fn decoded_names_are_legal_names() {
    let bytes = minicbor::to_vec("no spaces").unwrap();
    assert!(minicbor::decode::<TaskId>(&bytes).is_err());
    assert!(minicbor::decode::<RelationName>(&bytes).is_err());
}

#[test]
fn limit_value_nesting_max() {
    let nested = |levels: usize| (1..levels).fold(Value::Null, |inner, _| Value::List(vec![inner]));
    let deepest = nested(VALUE_NESTING_MAX);
    assert_eq!(minicbor::decode::<Value>(&minicbor::to_vec(&deepest).unwrap()).unwrap(), deepest);
    let deeper = minicbor::to_vec(nested(VALUE_NESTING_MAX + 1)).unwrap();
    let error = minicbor::decode::<Value>(&deeper).unwrap_err();
    assert!(error.to_string().contains("nested too deeply"), "{error}");
    // Far deeper, nothing but the heads of arrays: refused before the stack is.
    assert!(minicbor::decode::<Value>(&vec![0x81; 1_000_000]).is_err());
}

#[test]
fn members_of_a_newer_version_are_skipped() {
    let object = ObjectRef::new("user", "alice").unwrap();
    let principal = Principal { object, owner: None, state: PrincipalState::Active, declared: false };
    let mut bytes = minicbor::to_vec(&principal).unwrap();
    assert_eq!(bytes[0], 0x84, "an array of four");
    bytes[0] = 0x85;
    bytes.extend([0x82, 0x63, b'n', b'e', b'w', 0xf6]);
    assert_eq!(minicbor::decode::<Principal>(&bytes).unwrap(), principal);
}
