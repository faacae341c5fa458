//! How far each webhook is in each log, kept in a file beside the store.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prokura::{Authority, Disk};
use prokura_model::{Revision, TenantName};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, watch};

use super::config::Webhook;

const FILE: &str = "webhooks.places";
const NEW_FILE: &str = "webhooks.places.new";

/// What the file begins with; the digest of all that follows stands behind it.
const HEAD: &str = "prokura webhooks 1 sha256:";

/// Longest a place that moved over nothing that was sent waits to be written.
const QUIET_WAIT: Duration = Duration::from_secs(10);

/// A place in a log: all up to this revision is done, and of the next one so many events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) after: Revision,
    pub(super) done: u32,
}

/// By webhook and tenant. A tenant that is there and not meant has no place: if it is meant one day, that begins then.
type Known = BTreeMap<String, BTreeMap<TenantName, Option<Place>>>;

#[derive(Debug)]
pub(super) struct Places {
    disk: Option<Arc<dyn Disk>>,
    inner: Mutex<Inner>,
    /// Held while the file is written: there is one.
    writing: Mutex<()>,
    /// Somebody waits until its place is written.
    awaited: Notify,
    /// The last of the changes that were written, or could not be.
    written: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    known: Known,
    /// Counts the changes.
    changes: u64,
    /// Whether the file says something else.
    changed: bool,
}

impl Inner {
    fn change(&mut self) -> u64 {
        self.changes += 1;
        self.changed = true;
        self.changes
    }
}

/// A line of the file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    webhook: String,
    /// None: the webhook is known, wherever it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<u64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    done: u32,
}

impl Places {
    /// The places of these webhooks: those that were kept, and where a webhook is new, the newest revision of each tenant.
    /// Those of others are forgotten. Durable when this returns.
    pub(super) fn open(
        disk: Option<Arc<dyn Disk>>,
        webhooks: &[Webhook],
        authority: &Authority,
    ) -> Result<Self, String> {
        let kept = match disk.as_deref().map(read).transpose() {
            Ok(kept) => kept.unwrap_or_default(),
            // Nobody needs it; whoever configures a webhook again will be told.
            Err(_) if webhooks.is_empty() => Known::new(),
            Err(error) => return Err(error),
        };
        let mut known: Known = kept.clone();
        known.retain(|name, _| webhooks.iter().any(|webhook| webhook.name == *name));
        let there = authority.tenants();
        known.values_mut().for_each(|tenants| tenants.retain(|tenant, _| there.binary_search(tenant).is_ok()));
        let new: Vec<&Webhook> = webhooks.iter().filter(|webhook| !known.contains_key(&webhook.name)).collect();
        for webhook in new {
            let begun = there.iter().map(|tenant| {
                let place = webhook.means(tenant).then(|| head(authority, tenant));
                (tenant.clone(), place)
            });
            known.insert(webhook.name.clone(), begun.collect());
        }
        let changed = known != kept;
        let inner = Mutex::new(Inner { known, changes: 0, changed });
        let (awaited, written) = (Notify::new(), watch::Sender::new(0));
        let places = Self { disk, inner, writing: Mutex::new(()), awaited, written };
        places.write().map_err(|error| format!("the places of webhooks cannot be kept: {error}"))?;
        Ok(places)
    }

    /// Where the webhook is in the tenant's log. A tenant that was not there before is followed from its beginning; one that
    /// was not meant before, from now on.
    pub(super) fn of(&self, webhook: &Webhook, tenant: &TenantName, authority: &Authority) -> Option<Place> {
        let mut inner = self.lock();
        let known = inner.known.entry(webhook.name.clone()).or_default().get(tenant).copied();
        let place = match (known, webhook.means(tenant)) {
            (_, false) => None,
            (None, true) => Some(Place::default()),
            (Some(None), true) => Some(head(authority, tenant)),
            (Some(Some(place)), true) => {
                let head = head(authority, tenant);
                if place.after > head.after {
                    let (webhook, at, newest) = (&webhook.name, place.after.0, head.after.0);
                    tracing::warn!(webhook, %tenant, at, newest, "the log ends before what was sent; going on from its end");
                }
                Some(if place.after > head.after { head } else { place })
            }
        };
        if known != Some(place) {
            inner.known.entry(webhook.name.clone()).or_default().insert(tenant.clone(), place);
            inner.change();
        }
        place
    }

    /// Where the webhook is, if it follows the tenant.
    pub(super) fn known(&self, webhook: &str, tenant: &TenantName) -> Option<Place> {
        *self.lock().known.get(webhook)?.get(tenant)?
    }

    /// The webhook went on. It is kept some time soon.
    pub(super) fn set(&self, webhook: &str, tenant: &TenantName, place: Place) -> u64 {
        let mut inner = self.lock();
        if let Some(found) = inner.known.get_mut(webhook).and_then(|tenants| tenants.get_mut(tenant)) {
            *found = Some(place);
        }
        inner.change()
    }

    /// The webhook went on, and this is kept when it returns; or could not be, which the operator is told. Those that wait at
    /// the same time share a write.
    pub(super) async fn keep(&self, webhook: &str, tenant: &TenantName, place: Place) {
        let change = self.set(webhook, tenant, place);
        self.awaited.notify_one();
        // The sender is here.
        let _ = self.written.subscribe().wait_for(|written| *written >= change).await;
    }

    /// The tenant is gone.
    pub(super) fn forget(&self, webhook: &str, tenant: &TenantName) {
        let mut inner = self.lock();
        if let Some(tenants) = inner.known.get_mut(webhook) {
            tenants.remove(tenant);
            inner.change();
        }
    }

    /// Writes whatever changes, for as long as it is polled.
    pub(super) async fn write_on(self: Arc<Self>) {
        loop {
            // Either is a reason to look.
            let _ = tokio::time::timeout(QUIET_WAIT, self.awaited.notified()).await;
            let own = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || own.write()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let error = error.to_string();
                    tracing::error!(
                        error,
                        "it cannot be kept what webhooks were sent; after a restart it is sent again"
                    );
                }
                Err(_) => tracing::error!("keeping what webhooks were sent failed"),
            }
        }
    }

    /// Writes the file if it says something else.
    pub(super) fn write(&self) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (changes, text) = {
            let mut inner = self.lock();
            let changed = std::mem::take(&mut inner.changed);
            (inner.changes, changed.then(|| written(&inner.known)))
        };
        let done = match (&self.disk, text) {
            (Some(disk), Some(text)) => replace(disk.as_ref(), text.as_bytes()),
            _ => Ok(()),
        };
        if done.is_err() {
            self.lock().changed = true;
        }
        self.written.send_replace(changes);
        done
    }

    /// Never half changed, so a poisoned one is sound.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn head(authority: &Authority, tenant: &TenantName) -> Place {
    let after = authority.snapshot(tenant).map(|snapshot| snapshot.revision()).unwrap_or_default();
    Place { after, done: 0 }
}

/// Whole or not at all: written beside it, and then given its name.
fn replace(disk: &dyn Disk, bytes: &[u8]) -> io::Result<()> {
    let file = disk.open(NEW_FILE)?;
    file.set_len(0)?;
    file.write(0, bytes)?;
    file.sync()?;
    disk.rename(NEW_FILE, FILE)?;
    disk.sync_names()
}

fn read(disk: &dyn Disk) -> Result<Known, String> {
    let place = disk.place(FILE);
    let unreadable = |detail: String| {
        format!(
            "`{place}` says how far webhooks are, and cannot be read: {detail}; without the file, every webhook goes on \
             from now and what waited is not sent"
        )
    };
    let Some(file) = disk.find(FILE).map_err(|error| unreadable(error.to_string()))? else { return Ok(Known::new()) };
    let read = || {
        let mut bytes = vec![0; usize::try_from(file.len()?).map_err(|_| io::ErrorKind::FileTooLarge)?];
        file.read(0, &mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error: io::Error| unreadable(error.to_string()))?;
    parsed(&bytes).map_err(|detail| unreadable(detail.to_owned()))
}

fn written(known: &Known) -> String {
    let mut lines = String::new();
    let mut add = |line: &Line| {
        // Names and numbers can always be written, and writing to a string cannot fail.
        let _ = writeln!(lines, "{}", serde_json::to_string(line).unwrap_or_default());
    };
    for (webhook, tenants) in known {
        add(&Line { webhook: webhook.clone(), tenant: None, after: None, done: 0 });
        for (tenant, place) in tenants {
            let (after, done) = (place.map(|place| place.after.0), place.map_or(0, |place| place.done));
            add(&Line { webhook: webhook.clone(), tenant: Some(tenant.to_string()), after, done });
        }
    }
    format!("{HEAD}{}\n{lines}", digest(lines.as_bytes()))
}

fn parsed(bytes: &[u8]) -> Result<Known, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is damaged")?;
    let (head, lines) = text.split_once('\n').ok_or("it is damaged")?;
    let told = head.strip_prefix(HEAD).ok_or("it is damaged, or of another version")?;
    if told != digest(lines.as_bytes()) {
        return Err("it is damaged");
    }
    let mut known = Known::new();
    for line in lines.lines() {
        let line: Line = serde_json::from_str(line).map_err(|_| "a line of it is of another version")?;
        let tenants = known.entry(line.webhook).or_default();
        if let Some(tenant) = line.tenant {
            let tenant = TenantName::new(&tenant).map_err(|_| "a tenant in it has no legal name")?;
            tenants.insert(tenant, line.after.map(|after| Place { after: Revision(after), done: line.done }));
        }
    }
    Ok(known)
}

fn digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it asks about by reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use prokura::{MemoryDisk, Options, Provenance};
    use prokura_model::Change;

    use super::*;

    fn webhook(name: &str, tenants: &[&str]) -> Webhook {
        let tenants = format!("{tenants:?}");
        toml::from_str(&format!("name = '{name}'\nurl = 'http://127.0.0.1/'\nsecret_env = 'X'\ntenants = {tenants}\n"))
            .unwrap()
    }

    fn tenant(name: &str) -> TenantName {
        TenantName::new(name).unwrap()
    }

    fn at(revision: u64) -> Option<Place> {
        Some(Place { after: Revision(revision), done: 0 })
    }

    /// An authority with `default` at revision 1 and `other` at 0.
    fn authority() -> Authority {
        let authority = Authority::in_memory(Options::default());
        let schema = Change::SchemaWritten("definition user {}".to_owned());
        authority.write(&tenant("default"), Provenance::new("test", ""), vec![schema]).unwrap();
        authority.create_tenant(&tenant("other"), Provenance::new("test", "")).unwrap();
        authority
    }

    #[test]
    fn a_new_webhook_begins_at_the_head_and_a_new_tenant_at_its_beginning() {
        let (authority, disk) = (authority(), MemoryDisk::new());
        let own: Arc<dyn Disk> = Arc::new(disk);
        let hook = webhook("ops", &["*"]);
        let places = Places::open(Some(Arc::clone(&own)), std::slice::from_ref(&hook), &authority).unwrap();
        assert_eq!(places.of(&hook, &tenant("default"), &authority), at(1));
        places.set("ops", &tenant("default"), Place { after: Revision(0), done: 3 });
        places.write().unwrap();
        // What was made while it did not run is followed whole; what was known goes on.
        let schema = Change::SchemaWritten("definition user {}".to_owned());
        authority.create_tenant(&tenant("late"), Provenance::new("test", "")).unwrap();
        authority.write(&tenant("late"), Provenance::new("test", ""), vec![schema]).unwrap();
        let second = webhook("second", &["*"]);
        let places = Places::open(Some(own), &[hook.clone(), second.clone()], &authority).unwrap();
        assert_eq!(places.of(&hook, &tenant("late"), &authority), at(0));
        assert_eq!(places.of(&hook, &tenant("default"), &authority), Some(Place { after: Revision(0), done: 3 }));
        assert_eq!(places.of(&second, &tenant("late"), &authority), at(1));
    }

    #[test]
    fn what_was_not_meant_begins_when_it_is_and_what_was_left_out_is_forgotten() {
        let (authority, disk) = (authority(), MemoryDisk::new());
        let own: Arc<dyn Disk> = Arc::new(disk);
        let open = |hook: &Webhook| Places::open(Some(Arc::clone(&own)), std::slice::from_ref(hook), &authority);
        let narrow = webhook("ops", &["other"]);
        let places = open(&narrow).unwrap();
        assert_eq!(places.of(&narrow, &tenant("default"), &authority), None);
        drop(places);
        let wide = webhook("ops", &["*"]);
        let places = open(&wide).unwrap();
        assert_eq!(places.of(&wide, &tenant("default"), &authority), at(1), "not from the beginning");
        places.set("ops", &tenant("default"), Place::default());
        places.write().unwrap();
        // Another name, and the first is gone with its places.
        open(&webhook("elsewhere", &["*"])).unwrap();
        assert_eq!(open(&wide).unwrap().of(&wide, &tenant("default"), &authority), at(1));
    }

    #[test]
    fn a_log_that_ends_before_is_followed_from_its_end() {
        let authority = authority();
        let hook = webhook("ops", &["*"]);
        let places = Places::open(None, std::slice::from_ref(&hook), &authority).unwrap();
        places.set("ops", &tenant("default"), Place { after: Revision(9), done: 1 });
        assert_eq!(places.of(&hook, &tenant("default"), &authority), at(1));
    }

    #[test]
    fn any_damage_is_refused_with_the_name_of_the_file() {
        let (authority, disk) = (authority(), MemoryDisk::new());
        let hook = webhook("ops", &["*"]);
        Places::open(Some(Arc::new(disk.clone())), std::slice::from_ref(&hook), &authority).unwrap();
        let whole = disk.files().get(FILE).unwrap().clone();
        assert!(parsed(&whole).is_ok());
        for position in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[position] ^= 1;
            let disk = MemoryDisk::with_files([(FILE.to_owned(), damaged)]);
            let error = Places::open(Some(Arc::new(disk)), std::slice::from_ref(&hook), &authority).unwrap_err();
            assert!(error.contains("`memory:webhooks.places`") && error.contains("cannot be read"), "{error}");
            let disk = MemoryDisk::with_files([(FILE.to_owned(), whole[..position].to_vec())]);
            assert!(Places::open(Some(Arc::new(disk)), std::slice::from_ref(&hook), &authority).is_err());
        }
    }
}
