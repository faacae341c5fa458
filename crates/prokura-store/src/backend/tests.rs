use proptest::prelude::*;
use redb::StorageBackend;

use super::*;
use crate::{Disk, MemoryDisk};

#[derive(Clone, Debug)]
enum Step {
    Write(u64, Vec<u8>),
    SetLength(u64),
    Read(u64, usize),
}

fn step() -> impl Strategy<Value = Step> {
    // Around the edges of blocks, where mistakes live.
    let offset = || prop_oneof![0_u64..300, 3_900_u64..4_300, 8_000_u64..8_400];
    prop_oneof![
        3 => (offset(), prop::collection::vec(any::<u8>(), 0..5_000)).prop_map(|(offset, bytes)| Step::Write(offset, bytes)),
        1 => offset().prop_map(Step::SetLength),
        3 => (offset(), 0_usize..5_000).prop_map(|(offset, count)| Step::Read(offset, count)),
    ]
}

fn file_of(disk: &MemoryDisk, bytes: &[u8]) -> Arc<dyn DiskFile> {
    let file = disk.open("file").unwrap();
    file.write(0, bytes).unwrap();
    file
}

proptest! {
    /// Held back or not, redb reads what it wrote; the file is untouched before the release, and the same as written after.
    #[test]
    fn held_back_writes_look_and_end_like_written_ones(
        before in prop::collection::vec(any::<u8>(), 0..9_000),
        steps in prop::collection::vec(step(), 0..20),
    ) {
        let (disk, plain) = (MemoryDisk::new(), MemoryDisk::new());
        let backend = Backend::new(file_of(&disk, &before)).unwrap();
        let plain = file_of(&plain, &before);
        for step in steps {
            match step {
                Step::Write(offset, bytes) => {
                    backend.write(offset, &bytes).unwrap();
                    plain.write(offset, &bytes).unwrap();
                }
                Step::SetLength(length) => {
                    backend.set_len(length).unwrap();
                    plain.set_len(length).unwrap();
                }
                Step::Read(offset, count) => {
                    let (mut ours, mut theirs) = (vec![1; count], vec![2; count]);
                    let read = (backend.read(offset, &mut ours).is_ok(), plain.read(offset, &mut theirs).is_ok());
                    prop_assert_eq!(read.0, read.1, "{} bytes at {}", count, offset);
                    prop_assert!(!read.0 || ours == theirs, "{} bytes at {}", count, offset);
                }
            }
            prop_assert_eq!(StorageBackend::len(&backend).unwrap(), plain.len().unwrap());
            prop_assert_eq!(&disk.files()["file"], &before);
        }
        backend.release().unwrap();
        let mut all = vec![0; usize::try_from(plain.len().unwrap()).unwrap()];
        plain.read(0, &mut all).unwrap();
        prop_assert_eq!(&disk.files()["file"], &all);
        prop_assert!(backend.failure().is_none());
    }
}
