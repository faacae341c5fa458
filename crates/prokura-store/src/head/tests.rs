use super::*;
use crate::{Disk, MemoryDisk, frame::Frame};

fn chain(entries: u64) -> Chain {
    let mut chain = Chain::empty();
    for sequence in 1..=entries {
        let tail = chain.tail(&TenantName::new("default").unwrap());
        let frame = Frame {
            kind: Kind::Transaction,
            sequence,
            number: tail.number + 1,
            prior: tail.sequence,
            time: prokura_model::Timestamp(0),
            previous: tail.hash,
            tenant: TenantName::new("default").unwrap(),
            body: (),
        };
        chain.push(&frame, [u8::try_from(sequence).unwrap(); 32]);
    }
    chain
}

fn read(disk: &MemoryDisk) -> Found {
    HeadFile::new(disk.open("head").unwrap(), Kind::Transaction).read().unwrap()
}

fn sequence(disk: &MemoryDisk) -> Option<u64> {
    match read(disk) {
        Found::Head(head) => Some(head.sequence),
        Found::Nothing(_) | Found::Unknown(_) => None,
    }
}

#[test]
fn the_newest_intact_slot_counts() {
    let disk = MemoryDisk::new();
    let file = disk.open("head").unwrap();
    let mut head = HeadFile::new(Arc::clone(&file), Kind::Transaction);
    assert!(matches!(read(&disk), Found::Nothing("it is empty or missing")));
    head.begin().unwrap();
    head.anchor(&chain(1)).unwrap();
    for entries in 2..7 {
        head.write(&chain(entries)).unwrap();
        assert_eq!(sequence(&disk), Some(entries));
    }
    // The two slots that are written in turn, torn one after the other: what is left is the anchor.
    for (offset, left) in [(SLOT_SPACING, 5), (0, 1)] {
        file.write(offset + 30, b"torn").unwrap();
        assert_eq!(sequence(&disk), Some(left), "after tearing the slot at {offset}");
    }
    file.write(ANCHOR * SLOT_SPACING, b"x").unwrap();
    assert!(matches!(read(&disk), Found::Nothing("none of its slots is intact")));
}

#[test]
fn the_longest_tenant_name_fits() {
    let disk = MemoryDisk::new();
    let name = TenantName::new("a".repeat(prokura_model::limits::TENANT_NAME_BYTES_MAX)).unwrap();
    let mut chain = chain(1);
    chain.last = Some((name.clone(), 1));
    HeadFile::new(disk.open("head").unwrap(), Kind::Transaction).anchor(&chain).unwrap();
    let Found::Head(head) = read(&disk) else { panic!("no head") };
    assert_eq!(head.last, Some((name, Revision(1))));
}

#[test]
fn doubt_is_left_and_settled() {
    let disk = MemoryDisk::new();
    let head = HeadFile::new(disk.open("head").unwrap(), Kind::Transaction);
    assert!(!head.in_doubt().unwrap());
    mark_doubt(head.file().as_ref());
    assert!(head.in_doubt().unwrap());
    head.settle().unwrap();
    assert!(!head.in_doubt().unwrap());
}
