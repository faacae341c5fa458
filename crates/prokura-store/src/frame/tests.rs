use proptest::prelude::*;

use super::*;

fn sample() -> Frame<Vec<u8>> {
    Frame {
        kind: Kind::Transaction,
        sequence: 3,
        number: 2,
        prior: 1,
        time: Timestamp(1_800_000_000_000),
        previous: [9; 32],
        tenant: TenantName::new("default").unwrap(),
        body: b"body".to_vec(),
    }
}

/// The bytes by hand from `docs/design/file-format.md`: if this fails, the format has changed.
#[test]
fn a_frame_is_what_the_format_says() {
    let mut expected = vec![2, 1, 7, 0, 87, 0, 0, 0];
    expected.extend([3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend(1_800_000_000_000_u64.to_le_bytes());
    expected.extend([9; 32]);
    expected.extend(b"defaultbody");
    let checksum = crc32c::crc32c(&expected);
    expected.extend(checksum.to_le_bytes());
    assert_eq!(sample().encode(), expected);
}

/// With its checksum made right again, a frame that contradicts itself is refused all the same.
#[test]
fn contradictions_are_refused_though_the_checksum_is_right() {
    for (at, value, part) in [
        (0, 1, "Version(1)"),
        (0, 3, "Version(3)"),
        (1, 3, "3 is no kind of entry"),
        (2, 200, "middle of a field"),
        (2, 0, "no legal name"),
        (3, 1, "reserved"),
        (4, 88, "it says it has 88 bytes"),
        (72, b'!', "no legal name"),
        (72, 0xFF, "no legal name"),
    ] {
        let mut bytes = sample().encode();
        bytes[at] = value;
        let end = bytes.len() - 4;
        let checksum = crc32c::crc32c(&bytes[..end]).to_le_bytes();
        bytes[end..].copy_from_slice(&checksum);
        let fault = format!("{:?}", Frame::decode(&bytes).unwrap_err());
        assert!(fault.contains(part), "byte {at} = {value}: {fault}");
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let bytes = sample().encode();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1 << bit;
            Frame::decode(&flipped).unwrap_err();
        }
        Frame::decode(&bytes[..position]).unwrap_err();
    }
}

proptest! {
    #[test]
    fn a_frame_comes_back(
        numbers in any::<[u64; 4]>(),
        previous in any::<[u8; 32]>(),
        tenant in "[a-z0-9][a-z0-9_-]{0,63}",
        body in prop::collection::vec(any::<u8>(), 0..300),
        decision in any::<bool>(),
    ) {
        let [sequence, number, prior, time] = numbers;
        let kind = if decision { Kind::Decision } else { Kind::Transaction };
        let tenant = TenantName::new(tenant).unwrap();
        let frame = Frame { kind, sequence, number, prior, time: Timestamp(time), previous, tenant, body };
        let bytes = frame.encode();
        prop_assert_eq!(bytes.len(), encoded_len(&frame.tenant, frame.body.len()));
        let read = Frame::decode(&bytes).unwrap();
        prop_assert_eq!(read, Frame { body: frame.body.as_slice(), kind, sequence, number, prior, time: frame.time,
            previous, tenant: frame.tenant.clone() });
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), right in any::<bool>()) {
        if right && let Some((covered, checksum)) = bytes.split_last_chunk_mut::<4>() {
            *checksum = crc32c::crc32c(covered).to_le_bytes();
        }
        let _ = Frame::decode(&bytes);
        let mut reader = Reader(&bytes);
        while reader.text().is_ok_and(|text| !text.is_empty()) {}
    }
}
