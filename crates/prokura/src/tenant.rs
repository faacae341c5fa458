use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use prokura_engine::{EngineError, Index, View};
use prokura_model::{Change, Revision, TenantName, Timestamp, encode_changes};
use sha2::{Digest as _, Sha256};

use crate::{Receipt, key::Keys, limits::REQUEST_IDS_KEPT_MAX};

/// The tenant that is there from the start.
const DEFAULT: &str = "default";

/// The log that holds the tenants and the keys.
const SYSTEM: &str = "system";

/// A separate schema, graph, order of transactions and decision record.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) name: TenantName,
    pub(crate) index: Index,
    requests: Mutex<Requests>,
}

impl Tenant {
    pub(crate) fn new(name: TenantName) -> Self {
        Self { name, index: Index::new(), requests: Mutex::default() }
    }

    /// Reads at the head, and says which revision that was. Should the index forget that very revision meanwhile, which
    /// takes a whole window of writes, it is read again at the new head.
    pub(crate) fn at_head<T>(
        &self,
        read: impl Fn(View<'_>) -> Result<T, EngineError>,
    ) -> (Revision, Result<T, EngineError>) {
        loop {
            let view = self.index.view();
            let answer = read(view);
            if self.index.horizon() <= view.revision() {
                return (view.revision(), answer);
            }
        }
    }

    pub(crate) fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which requests were done, so that none is done twice. Bounded: the oldest are forgotten.
///
/// An author's ids are its own: two callers that both count from 1 are not one another's repetition.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    done: HashMap<RequestKey, Done>,
    order: VecDeque<RequestKey>,
}

/// Equal for the same author and the same request id, and short whatever their lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct RequestKey([u8; 32]);

impl RequestKey {
    fn of(author: &str, request_id: &str) -> Self {
        let mut digest = Sha256::new();
        // With its length in front, no author ends where another's request id begins.
        digest.update((author.len() as u64).to_le_bytes());
        digest.update(author);
        digest.update(request_id);
        Self(digest.finalize().into())
    }
}

/// A request that was done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(crate) changes: ChangesDigest,
    pub(crate) receipt: Receipt,
}

/// Equal for equal changes. What the authority itself sets plays no part, so that a request and the transaction it
/// became have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChangesDigest([u8; 32]);

impl ChangesDigest {
    pub(crate) fn of(changes: &[Change]) -> Self {
        let completed = |change: &Change| matches!(change, Change::TaskOpened(_) | Change::PrincipalSet(_));
        if !changes.iter().any(completed) {
            return Self(Sha256::digest(encode_changes(changes)).into());
        }
        let mut changes = changes.to_vec();
        for change in &mut changes {
            match change {
                Change::TaskOpened(task) => task.opened_at = Timestamp::default(),
                Change::PrincipalSet(principal) => principal.declared = false,
                _ => {}
            }
        }
        Self(Sha256::digest(encode_changes(&changes)).into())
    }
}

impl Requests {
    pub(crate) fn done(&self, author: &str, request_id: &str) -> Option<Done> {
        self.done.get(&RequestKey::of(author, request_id)).copied()
    }

    pub(crate) fn remember(&mut self, author: &str, request_id: &str, done: Done) {
        let key = RequestKey::of(author, request_id);
        if self.done.insert(key, done).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > REQUEST_IDS_KEPT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.done.remove(&oldest);
        }
    }
}

/// Which tenants and keys there are.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) name: TenantName,
    tenants: RwLock<BTreeMap<TenantName, Arc<Tenant>>>,
    keys: RwLock<Keys>,
}

impl System {
    /// With the tenant that is there from the start, and no keys.
    pub(crate) fn new() -> Self {
        let system = Self { name: own_name(SYSTEM), tenants: RwLock::default(), keys: RwLock::default() };
        system.begin(default_name());
        system
    }

    pub(crate) fn tenant(&self, name: &TenantName) -> Option<Arc<Tenant>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn tenants(&self) -> Vec<Arc<Tenant>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn keys<T>(&self, read: impl FnOnce(&Keys) -> T) -> T {
        read(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in a transaction of the system's own log. What does not belong there is said.
    pub(crate) fn take(&self, changes: &[Change], time: Timestamp) -> Result<(), String> {
        for change in changes {
            match change {
                Change::TenantCreated(name) => self.begin(name.clone()),
                Change::KeyCreated(key) => self.change_keys(|keys| keys.created(key.clone())),
                Change::KeyRevoked(id) => self.change_keys(|keys| keys.revoked(id, time)),
                _ => return Err("only tenants and keys are kept in the system's own log".to_owned()),
            }
        }
        Ok(())
    }

    fn begin(&self, name: TenantName) {
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        tenants.entry(name).or_insert_with_key(|name| Arc::new(Tenant::new(name.clone())));
    }

    fn change_keys(&self, change: impl FnOnce(&mut Keys)) {
        change(&mut self.keys.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The name of the tenant that is there from the start.
pub(crate) fn default_name() -> TenantName {
    own_name(DEFAULT)
}

#[expect(clippy::expect_used, reason = "the two names are constants, and legal")]
fn own_name(name: &str) -> TenantName {
    TenantName::new(name).expect("a legal name")
}
