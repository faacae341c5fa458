//! A disk in memory that fails at the n-th operation, or loses its power there, and remembers what was durable.
//!
//! Every file has a *live* image, which is what reading sees, and a *durable* one with the writes since the last sync beside
//! it. At a crash each of those writes has reached the medium wholly, partly, or not at all, whatever their order.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prokura_store::{Disk, DiskFile, Held, LockError, MemoryDisk};

/// What happens at the n-th operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails, a write after a part of its bytes, a sync for good; all later operations work again.
    Once(io::ErrorKind),
    /// It and all later ones fail.
    FromThenOn(io::ErrorKind),
    /// The power goes: nothing of it and of later ones reaches even the live image.
    Crash,
}

#[derive(Clone, Debug)]
pub(crate) struct FaultyDisk {
    state: Arc<Mutex<State>>,
    locks: MemoryDisk,
}

#[derive(Debug)]
struct State {
    files: BTreeMap<String, Image>,
    /// The renaming that is not durable yet, from and to, and the file that had the name before.
    renamed: Option<(String, String, Option<Image>)>,
    /// Operations until the fault; 0: it has happened.
    left: u64,
    fault: Fault,
    syncs: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Default)]
struct Image {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Operation>,
    named_durably: bool,
}

#[derive(Clone, Debug)]
enum Operation {
    Write(usize, Vec<u8>),
    SetLength(usize),
}

#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    name: String,
}

/// xorshift64*: the same numbers everywhere, for ever.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let thrown = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(thrown).unwrap() % bound
    }
}

impl FaultyDisk {
    /// A disk with these files, all durable, on which operation `n` (from 1) meets the fault.
    pub(crate) fn new(files: BTreeMap<String, Vec<u8>>, n: u64, fault: Fault) -> Self {
        let files = files
            .into_iter()
            .map(|(name, bytes)| {
                let image = Image { live: bytes.clone(), durable: bytes, pending: Vec::new(), named_durably: true };
                (name, image)
            })
            .collect();
        let state = State { files, renamed: None, left: n, fault, syncs: BTreeMap::new() };
        Self { state: Arc::new(Mutex::new(state)), locks: MemoryDisk::new() }
    }

    pub(crate) fn happened(&self) -> bool {
        self.state().left == 0
    }

    /// How often each file was synced.
    pub(crate) fn syncs(&self, name: &str) -> u64 {
        self.state().syncs.get(name).copied().unwrap_or(0)
    }

    /// What another process would read now.
    pub(crate) fn live(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().files.iter().map(|(name, image)| (name.clone(), image.live.clone())).collect()
    }

    /// What the medium may hold after the power went now.
    pub(crate) fn after_power_loss(&self, dice: &mut Dice) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for (name, image) in &self.state().as_after_power_loss(dice) {
            if !image.named_durably && dice.below(2) == 0 {
                continue;
            }
            let mut bytes = image.durable.clone();
            for operation in &image.pending {
                match (operation, dice.below(4)) {
                    (_, 0) => {}
                    (Operation::Write(offset, written), 1) => {
                        apply(
                            &mut bytes,
                            &Operation::Write(*offset, written[..dice.below(written.len() + 1)].to_vec()),
                        );
                    }
                    (Operation::Write(offset, written), 2) => {
                        for (sector, part) in written.chunks(512).enumerate() {
                            if dice.below(2) == 0 {
                                apply(&mut bytes, &Operation::Write(offset + sector * 512, part.to_vec()));
                            }
                        }
                    }
                    (operation, _) => apply(&mut bytes, operation),
                }
            }
            files.insert(name.clone(), bytes);
        }
        files
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts one operation; an error if it is the one.
    fn count(&mut self) -> io::Result<()> {
        if self.left == 0 {
            return match self.fault {
                Fault::Once(_) => Ok(()),
                Fault::FromThenOn(kind) => Err(kind.into()),
                Fault::Crash => Err(io::ErrorKind::Other.into()),
            };
        }
        self.left -= 1;
        match (self.left, self.fault) {
            (0, Fault::Once(kind) | Fault::FromThenOn(kind)) => Err(kind.into()),
            (0, Fault::Crash) => Err(io::ErrorKind::Other.into()),
            _ => Ok(()),
        }
    }

    /// The files with the names they may have: a renaming that is not durable has happened, or not.
    fn as_after_power_loss(&self, dice: &mut Dice) -> BTreeMap<String, Image> {
        let mut files = self.files.clone();
        if let Some((from, to, before)) = self.renamed.as_ref().filter(|_| dice.below(2) == 0) {
            let image = files.remove(to).unwrap();
            files.insert(from.clone(), image);
            files.extend(before.clone().map(|before| (to.clone(), before)));
        }
        files
    }

    fn change(&mut self, name: &str, operation: Operation) {
        let image = self.files.get_mut(name).unwrap();
        apply(&mut image.live, &operation);
        image.pending.push(operation);
    }
}

fn apply(bytes: &mut Vec<u8>, operation: &Operation) {
    match operation {
        Operation::SetLength(length) => bytes.resize(*length, 0),
        Operation::Write(offset, written) => {
            let end = offset + written.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*offset..end].copy_from_slice(written);
        }
    }
}

impl Disk for FaultyDisk {
    fn place(&self, name: &str) -> String {
        name.to_owned()
    }

    fn lock(&self, name: &str) -> Result<Held, LockError> {
        self.locks.lock(name)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.state().files.entry(name.to_owned()).or_default();
        Ok(Arc::new(FaultyFile { disk: self.clone(), name: name.to_owned() }))
    }

    fn find(&self, name: &str) -> io::Result<Option<Arc<dyn DiskFile>>> {
        if self.state().files.contains_key(name) { self.open(name).map(Some) } else { Ok(None) }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.count()?;
        let image = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        let before = state.files.insert(to.to_owned(), image);
        state.renamed = Some((from.to_owned(), to.to_owned(), before));
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.state();
        state.count()?;
        state.renamed = None;
        state.files.values_mut().for_each(|image| image.named_durably = true);
        Ok(())
    }
}

impl DiskFile for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[&self.name].live.len() as u64)
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let state = self.disk.state();
        let from = usize::try_from(offset).unwrap();
        let found = state.files[&self.name].live.get(from..from + bytes.len());
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let offset = usize::try_from(offset).unwrap();
        let fresh = state.left > 0;
        let counted = state.count();
        if counted.is_ok() {
            state.change(&self.name, Operation::Write(offset, bytes.to_vec()));
        } else if fresh && state.fault != Fault::Crash {
            state.change(&self.name, Operation::Write(offset, bytes[..bytes.len() / 2].to_vec()));
        }
        counted
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.count()?;
        state.change(&self.name, Operation::SetLength(usize::try_from(length).unwrap()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let counted = state.count();
        if counted.is_err() {
            // As Linux does it: reading still shows the writes, but no later sync writes them.
            state.files.get_mut(&self.name).unwrap().pending.clear();
            return counted;
        }
        *state.syncs.entry(self.name.clone()).or_default() += 1;
        let image = state.files.get_mut(&self.name).unwrap();
        for operation in std::mem::take(&mut image.pending) {
            apply(&mut image.durable, &operation);
        }
        Ok(())
    }
}
