//! Entries to append, and the two logs behind one face, so that each property is said once and holds for both.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc};

use prokura_model::{DecisionId, Revision, TenantName, Timestamp};
use prokura_store::{AppendError, DecisionLog, Disk, Entry, Log, OpenError, Record};

pub(crate) fn tenant(name: &str) -> TenantName {
    TenantName::new(name).unwrap()
}

pub(crate) fn entry(name: &str, revision: u64) -> Entry {
    Entry {
        tenant: tenant(name),
        revision: Revision(revision),
        time: Timestamp(1_000 + revision),
        author: format!("user:author-{revision}"),
        reason: "because".to_owned(),
        request_id: revision.is_multiple_of(2).then(|| format!("request-{revision}")),
        payload: vec![7; usize::try_from(revision).unwrap()],
    }
}

pub(crate) fn record(name: &str, id: &str) -> Record {
    Record {
        tenant: tenant(name),
        id: DecisionId::new(id).unwrap(),
        time: Timestamp(5_000),
        payload: id.as_bytes().repeat(3),
    }
}

pub(crate) fn replayed(log: &Log) -> Vec<Entry> {
    let mut entries = Vec::new();
    log.replay(|entry| {
        entries.push(entry);
        Ok::<(), Infallible>(())
    })
    .unwrap();
    entries
}

/// What both logs have in common, as far as a property needs it.
pub(crate) trait Subject: Sized {
    type Item: Clone + PartialEq + std::fmt::Debug + Send + Sync;
    /// The file with the entries.
    const FILE: &'static str;
    const HEAD: &'static str;

    fn open(disk: Arc<dyn Disk>) -> Result<Self, OpenError>;
    fn put(&mut self, batch: &[Self::Item]) -> Result<(), AppendError>;
    /// Everything there is, as it is listed, by every way there is to read it.
    fn everything(&self) -> Vec<Self::Item>;
    /// What was appended in this order, as it is listed.
    fn listed(appended: &[Self::Item]) -> Vec<Self::Item>;
    /// The n-th item (from 1) of a tenant, of about this size.
    fn item(name: &str, number: u64, bytes: usize) -> Self::Item;
    fn name(item: &Self::Item) -> &TenantName;
}

impl Subject for Log {
    type Item = Entry;
    const FILE: &'static str = "log.redb";
    const HEAD: &'static str = "log.head";

    fn open(disk: Arc<dyn Disk>) -> Result<Self, OpenError> {
        Self::open_on(disk)
    }

    fn put(&mut self, batch: &[Entry]) -> Result<(), AppendError> {
        self.append(batch)
    }

    fn everything(&self) -> Vec<Entry> {
        let entries = replayed(self);
        assert_eq!(entries.len() as u64, self.entries());
        for entry in &entries {
            assert_eq!(self.entry(&entry.tenant, entry.revision).unwrap().as_ref(), Some(entry));
            assert!(self.head(&entry.tenant) >= Some(entry.revision));
        }
        entries
    }

    fn listed(appended: &[Entry]) -> Vec<Entry> {
        appended.to_vec()
    }

    fn item(name: &str, number: u64, bytes: usize) -> Entry {
        Entry { payload: vec![u8::try_from(number % 251).unwrap(); bytes], ..entry(name, number) }
    }

    fn name(item: &Entry) -> &TenantName {
        &item.tenant
    }
}

/// The names a decision log of these tests may have records of: it can only be listed by tenant.
pub(crate) const TENANTS: [&str; 3] = ["default", "other", "third"];

impl Subject for DecisionLog {
    type Item = Record;
    const FILE: &'static str = "decisions.redb";
    const HEAD: &'static str = "decisions.head";

    fn open(disk: Arc<dyn Disk>) -> Result<Self, OpenError> {
        Self::open_on(disk)
    }

    fn put(&mut self, batch: &[Record]) -> Result<(), AppendError> {
        self.append(batch)
    }

    fn everything(&self) -> Vec<Record> {
        let mut places = BTreeSet::new();
        let mut all = Vec::new();
        for name in TENANTS {
            let found: Vec<_> = self.newest_first(&tenant(name), None).unwrap().map(Result::unwrap).collect();
            assert!(found.iter().is_sorted_by(|(newer, _), (older, _)| newer > older), "not newest first: {found:?}");
            for (place, record) in found.iter().rev() {
                assert_eq!(self.by_id(&record.tenant, &record.id).unwrap().as_ref(), Some(&(*place, record.clone())));
                assert!(places.insert(*place), "{place} twice");
                all.push(record.clone());
            }
            for (position, (place, _)) in found.iter().enumerate().step_by(1 + found.len() / 3) {
                let page = self.newest_first(&tenant(name), Some(*place)).unwrap().take(3).map(Result::unwrap);
                assert!(page.eq(found.iter().skip(position + 1).take(3).cloned()), "another page after {place}");
            }
            let absent = DecisionId::new("d-0").unwrap();
            assert_eq!(self.by_id(&tenant(name), &absent).unwrap(), None);
        }
        assert_eq!(all.len() as u64, self.records());
        all
    }

    /// Only a tenant's own keep their order.
    fn listed(appended: &[Record]) -> Vec<Record> {
        TENANTS
            .iter()
            .flat_map(|name| appended.iter().filter(move |record| record.tenant.as_str() == *name).cloned())
            .collect()
    }

    /// Ids are exchanged in pairs, and `d-10` is less than `d-9`: some are late within a frame, some in a later one.
    fn item(name: &str, number: u64, bytes: usize) -> Record {
        let id = format!("d-{}", ((number - 1) ^ 1) + 1);
        Record { payload: vec![u8::try_from(number % 251).unwrap(); bytes], ..record(name, &id) }
    }

    fn name(item: &Record) -> &TenantName {
        &item.tenant
    }
}
