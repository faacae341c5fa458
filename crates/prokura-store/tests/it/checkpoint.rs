//! A checkpoint is read as it was written, or not at all.

use std::{collections::BTreeMap, sync::Arc};

use prokura_model::{Revision, TenantName, Timestamp};
use prokura_store::{
    Checkpoint, CheckpointFault, CheckpointWriter, Disk, Entry, FolderDisk, Log, LogPlace, MemoryDisk,
    limits::CHECKPOINT_RECORD_BYTES_MAX,
};

use super::faulty::{Dice, Fault, FaultyDisk};

type Records = Vec<(u8, Vec<u64>)>;

const PLACE: LogPlace = LogPlace { sequence: 7, digest: [3; 32] };

fn records(count: u64) -> Records {
    (0..count).map(|number| (u8::try_from(number % 250).unwrap(), (0..number % 90).collect())).collect()
}

fn write(disk: &Arc<dyn Disk>, place: &LogPlace, records: &Records) -> std::io::Result<()> {
    let mut writer = CheckpointWriter::begin(Arc::clone(disk), place)?;
    for (kind, words) in records {
        writer.push(*kind, words)?;
    }
    writer.finish()
}

fn read(disk: &dyn Disk) -> Result<Option<(LogPlace, Records)>, CheckpointFault> {
    let Some(mut checkpoint) = Checkpoint::find(disk)? else { return Ok(None) };
    let mut records = Vec::new();
    while let Some((kind, words)) = checkpoint.next_record()? {
        records.push((kind, words.to_vec()));
    }
    Ok(Some((checkpoint.place(), records)))
}

#[test]
fn it_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(FolderDisk::new(folder.path()).unwrap());
    assert!(read(disk.as_ref()).unwrap().is_none());
    for count in [0, 1, 10_000] {
        let written = records(count);
        write(&disk, &PLACE, &written).unwrap();
        assert_eq!(read(disk.as_ref()).unwrap(), Some((PLACE, written)));
    }
    let names: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["checkpoint"]);
    #[cfg(unix)]
    {
        let about = std::fs::metadata(folder.path().join("checkpoint")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o777, 0o600);
    }
}

/// Any byte altered, any length, anything behind its end: it is told, and nothing panics.
#[test]
fn what_is_not_as_it_was_written_is_told() {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
    let memory = MemoryDisk::new();
    write(&(Arc::new(memory.clone()) as Arc<dyn Disk>), &PLACE, &records(40)).unwrap();
    drop(disk);
    let bytes = memory.files().remove("checkpoint").unwrap();
    let with = |bytes: Vec<u8>| read(&MemoryDisk::with_files([("checkpoint".to_owned(), bytes)]));
    assert!(with(bytes.clone()).unwrap().is_some());
    for place in 0..bytes.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut altered = bytes.clone();
            altered[place] ^= mask;
            assert!(with(altered).is_err(), "byte {place} of {}", bytes.len());
        }
        assert!(with(bytes[..place].to_vec()).is_err(), "cut at {place}");
    }
    assert!(with([bytes.as_slice(), &[0]].concat()).is_err());
    assert!(with([bytes.as_slice(), &bytes[bytes.len() - 8..]].concat()).is_err());
}

#[test]
fn another_format_is_told_from_damage() {
    let memory = MemoryDisk::new();
    write(&(Arc::new(memory.clone()) as Arc<dyn Disk>), &PLACE, &records(3)).unwrap();
    let mut bytes = memory.files().remove("checkpoint").unwrap();
    bytes[8] = 2;
    let checksum = crc32c(&bytes[..124]);
    bytes[124..128].copy_from_slice(&checksum.to_le_bytes());
    let fault = read(&MemoryDisk::with_files([("checkpoint".to_owned(), bytes)])).unwrap_err();
    assert!(matches!(fault, CheckpointFault::FormatUnknown(2)), "{fault}");
}

/// The polynomial bit by bit, so that the format does not rest on a library alone.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 })
    })
}

/// For n = 1, 2, 3, …: the n-th operation fails, or the power goes there. What is found is the one before or the new one.
#[test]
fn whatever_happens_while_it_is_written_the_one_before_or_the_new_one_is_found() {
    let (before, after) = (records(30), records(60_000));
    let old = MemoryDisk::new();
    write(&(Arc::new(old.clone()) as Arc<dyn Disk>), &PLACE, &before).unwrap();
    let later = LogPlace { sequence: 8, digest: [4; 32] };
    for fault in [Fault::FromThenOn(std::io::ErrorKind::Other), Fault::Crash] {
        let mut dice = Dice::new(11);
        let mut replaced = false;
        for n in 1..100 {
            let disk = FaultyDisk::new(old.files(), n, fault);
            let written = write(&(Arc::new(disk.clone()) as Arc<dyn Disk>), &later, &after);
            let files: BTreeMap<_, _> =
                if fault == Fault::Crash { disk.after_power_loss(&mut dice) } else { disk.live() };
            match read(&MemoryDisk::with_files(files)).unwrap().unwrap() {
                (PLACE, found) => assert!(found == before && written.is_err()),
                (place, found) => {
                    assert!(place == later && found == after);
                    replaced = true;
                }
            }
            if !disk.happened() {
                written.unwrap();
                assert!(n > 5 && replaced);
                break;
            }
        }
    }
}

#[test]
fn limit_checkpoint_record_bytes_max() {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
    // With the word in front that says how long it is.
    let most = CHECKPOINT_RECORD_BYTES_MAX / 8 - 1;
    let mut writer = CheckpointWriter::begin(Arc::clone(&disk), &PLACE).unwrap();
    let error = writer.push(1, &vec![1; most + 1]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge);
    writer.push(0, &[5; 100_000]).unwrap();
    writer.push(1, &vec![1; most]).unwrap();
    writer.finish().unwrap();
    let (_, found) = read(disk.as_ref()).unwrap().unwrap();
    assert_eq!(found.iter().map(|(_, words)| words.len()).collect::<Vec<_>>(), [100_000, most]);
}

fn entry(revision: u64) -> Entry {
    Entry {
        tenant: TenantName::new("default").unwrap(),
        revision: Revision(revision),
        time: Timestamp(revision),
        author: "user:alice".to_owned(),
        reason: String::new(),
        request_id: None,
        payload: vec![7; 3],
    }
}

#[test]
fn a_log_is_replayed_from_a_place_that_it_reaches() {
    let disk = Arc::new(MemoryDisk::new());
    let mut log = Log::open_on(disk.clone()).unwrap();
    let mut places = vec![log.place()];
    for revision in 1..=5 {
        log.append(&[entry(revision)]).unwrap();
        places.push(log.place());
    }
    drop(log);
    let replayed = |place: Option<LogPlace>| {
        let log = Log::open_from(disk.clone(), place).unwrap();
        let mut revisions = Vec::new();
        log.replay_rest(|entry| {
            revisions.push(entry.revision.0);
            Ok::<(), ()>(())
        })
        .unwrap();
        (log.reaches(), revisions)
    };
    assert_eq!(replayed(None), (false, vec![1, 2, 3, 4, 5]));
    for (behind, place) in places.iter().enumerate().skip(1) {
        let rest: Vec<u64> = (behind as u64 + 1..=5).collect();
        assert_eq!(replayed(Some(*place)), (true, rest));
        let other = LogPlace { digest: [9; 32], ..*place };
        assert_eq!(replayed(Some(other)), (false, vec![1, 2, 3, 4, 5]));
        let ahead = LogPlace { sequence: 6, ..*place };
        assert_eq!(replayed(Some(ahead)), (false, vec![1, 2, 3, 4, 5]));
    }
}
