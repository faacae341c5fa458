//! By which id a record is found, without an entry for each.
//!
//! Ids mostly ascend. A frame is listed under the greatest id that it adds to its tenant's, in `ends`; an id that is smaller
//! than one of an earlier frame is *late*, and listed by itself, in `late`.
//!
//! INVARIANT: an id that is not late is greater than every id of every frame before its own, so its frame is the first in
//! `ends` that is listed under an id that is not smaller.

use std::collections::HashMap;

use prokura_model::TenantName;

use super::batch;
use crate::{
    frame::{self, Frame, FrameFault},
    journal::Audit,
    limits::FRAME_RECORDS_MAX,
    table::{Key, Table, TableFault},
};

/// What of the ids is known without looking.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// The greatest id of each tenant.
    greatest: HashMap<TenantName, String>,
    pub(super) records: u64,
}

impl Ids {
    pub(super) fn greatest(&self, tenant: &TenantName) -> &str {
        // Every id is greater than the empty text.
        self.greatest.get(tenant).map_or("", String::as_str)
    }

    pub(super) fn appended(&mut self, tenant: &TenantName, greatest: &str, records: usize) {
        self.records += records as u64;
        match self.greatest.get_mut(tenant) {
            Some(kept) => greatest.clone_into(kept),
            None => drop(self.greatest.insert(tenant.clone(), greatest.to_owned())),
        }
    }
}

/// Collects what a frame is listed under.
#[derive(Debug)]
pub(super) struct Listing<'r> {
    /// The greatest id before the frame, and with it.
    before: &'r str,
    after: &'r str,
    keys: Vec<Key>,
}

impl<'r> Listing<'r> {
    pub(super) fn new(greatest: &'r str) -> Self {
        Self { before: greatest, after: greatest, keys: Vec::new() }
    }

    pub(super) fn add(&mut self, tenant: &TenantName, id: &'r str) {
        if id <= self.before {
            self.keys.push(Key::Late(id_key(tenant, id)));
        } else if id > self.after {
            self.after = id;
        }
    }

    /// What it is listed under, and the greatest id from now on.
    pub(super) fn finish(mut self, tenant: &TenantName) -> (Vec<Key>, &'r str) {
        if self.after > self.before {
            self.keys.push(Key::End(id_key(tenant, self.after)));
        }
        (self.keys, self.after)
    }
}

/// What an id is found by: tenant names hold no zero byte.
pub(super) fn id_key(tenant: &TenantName, id: &str) -> Vec<u8> {
    [tenant.as_str().as_bytes(), b"\0", id.as_bytes()].concat()
}

/// Sees all frames while the log is opened, and then whether the lists are theirs.
#[derive(Debug, Default)]
pub(super) struct IdAudit {
    pub(super) ids: Ids,
    sum: KeySum,
}

/// A sum over keys and their places that does not depend on their order: equal sums mean the same keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct KeySum {
    count: u64,
    sum: u128,
}

impl KeySum {
    fn add(&mut self, key: &Key, sequence: u64) {
        let (table, bytes) = match key {
            Key::End(bytes) => (0, bytes),
            Key::Late(bytes) => (1, bytes),
        };
        let hash = frame::hash(&[sequence.to_le_bytes().as_slice(), &[table], bytes].concat());
        let half = hash.first_chunk::<16>().copied().unwrap_or_default();
        self.count += 1;
        self.sum = self.sum.wrapping_add(u128::from_le_bytes(half));
    }
}

impl IdAudit {
    fn look(&mut self, frame: &Frame<&[u8]>) -> Result<(), FrameFault> {
        let greatest = self.ids.greatest(&frame.tenant).to_owned();
        let mut listing = Listing::new(&greatest);
        let mut time = None;
        let mut count = 0;
        for kept in batch::records(frame.body) {
            let kept = kept?;
            kept.record(&frame.tenant)?;
            listing.add(&frame.tenant, kept.id);
            time = time.max(Some(kept.time));
            count += 1;
        }
        if !(1..=FRAME_RECORDS_MAX).contains(&count) {
            return Err(FrameFault::Damaged(format!("it holds {count} records")));
        }
        if time != Some(frame.time) {
            return Err(FrameFault::Damaged("its time is not that of its newest record".to_owned()));
        }
        let (keys, greatest) = listing.finish(&frame.tenant);
        for key in &keys {
            self.sum.add(key, frame.sequence);
        }
        self.ids.appended(&frame.tenant, greatest, count);
        Ok(())
    }
}

impl Audit for IdAudit {
    fn frame(&mut self, frame: &Frame<&[u8]>) -> Option<FrameFault> {
        self.look(frame).err()
    }

    fn table(&mut self, table: &Table) -> Result<Option<String>, TableFault> {
        let found = table.fold_keys(KeySum::default(), |sum, key, sequence| sum.add(key, sequence))?;
        let (listed, records) = (found.count, self.ids.records);
        Ok((found != self.sum).then(|| format!("its {listed} lists of ids are not those of its {records} records")))
    }
}
