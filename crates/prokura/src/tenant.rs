use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    fmt::{self, Write as _},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use prokura_engine::{EngineError, Index, Memory, View};
use prokura_model::{Change, Revision, StoreSecret, TenantName, Timestamp, encode_changes};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{
    Receipt, access::OpenRequests, approval::OpenApprovals, consistency::mint_secret, key::Keys,
    limits::REQUEST_IDS_KEPT_MAX, parts::Parts, watch::Watchers,
};

/// The tenant that is there from the start.
const DEFAULT: &str = "default";

/// The log that holds the tenants and the keys.
const SYSTEM: &str = "system";

/// A separate schema, graph, order of transactions and decision record.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) name: TenantName,
    pub(crate) index: Index,
    pub(crate) watchers: Arc<Watchers>,
    /// Another one each time it is opened: the order of an export is that of the index, which is built anew then.
    pub(crate) instance: Uuid,
    requests: Mutex<Requests>,
    /// The requests for access that something can still become of.
    pub(crate) open_requests: OpenRequests,
    /// The approvals of which the same is true.
    pub(crate) open_approvals: OpenApprovals,
    /// The delegations under each task.
    pub(crate) parts: Parts,
    /// The revision that a checkpoint is taken of, which is not forgotten meanwhile.
    held: AtomicU64,
    /// The token that was asked for last: mostly the next one is the same.
    token: Mutex<Option<(Revision, String)>>,
}

impl Tenant {
    pub(crate) fn new(name: TenantName, memory: &Memory) -> Self {
        Self {
            name,
            index: Index::within(memory),
            watchers: Arc::default(),
            instance: Uuid::new_v4(),
            requests: Mutex::default(),
            open_requests: OpenRequests::default(),
            open_approvals: OpenApprovals::default(),
            parts: Parts::default(),
            held: AtomicU64::new(u64::MAX),
            token: Mutex::default(),
        }
    }

    /// The token of a revision, as it was sealed last time, or anew.
    pub(crate) fn token(&self, revision: Revision, seal: impl FnOnce() -> String) -> String {
        let mut last = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, token)) if *known == revision => token.clone(),
            _ => {
                let token = seal();
                *last = Some((revision, token.clone()));
                token
            }
        }
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

    /// Keeps the index from forgetting this revision, until another one or none is held.
    pub(crate) fn hold(&self, revision: Option<Revision>) {
        self.held.store(revision.map_or(u64::MAX, |revision| revision.0), Ordering::Release);
    }

    /// What may be forgotten of this much.
    pub(crate) fn forgettable(&self, horizon: Revision) -> Revision {
        horizon.min(Revision(self.held.load(Ordering::Acquire)))
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
pub(crate) struct RequestKey(pub(crate) [u8; 32]);

impl RequestKey {
    pub(crate) fn of(author: &str, request_id: &str) -> Self {
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
    pub(crate) work: WorkDigest,
    pub(crate) receipt: Receipt,
    /// How many relationships it deleted.
    pub(crate) deleted: u64,
}

impl Done {
    /// What a transaction was done for, as it is in the log. Where the changes do not tell, one of them says.
    pub(crate) fn of(changes: &[Change], receipt: Receipt) -> Self {
        let said = changes.iter().find_map(|change| match change {
            Change::WorkDigested(digest) => Some(WorkDigest(*digest)),
            _ => None,
        });
        let deleted = changes.iter().filter(|change| matches!(change, Change::RelationshipDeleted(_))).count();
        Self { work: said.unwrap_or_else(|| WorkDigest::of(changes)), receipt, deleted: deleted as u64 }
    }
}

/// Equal for equal work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkDigest(pub(crate) [u8; 32]);

/// Takes in text instead of keeping it.
struct Digested(Sha256);

impl fmt::Write for Digested {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}

impl WorkDigest {
    /// Of a request that the changes it leads to do not tell: what it would be shown as for debugging, which names
    /// everything in it. A later version may show it differently; then a request from before is not known again.
    pub(crate) fn of_request(request: &impl fmt::Debug) -> Self {
        let mut digested = Digested(Sha256::new());
        // Taking in text cannot fail.
        let _ = write!(digested, "{request:?}");
        Self(digested.0.finalize().into())
    }

    pub(crate) fn into_change(self) -> Change {
        Change::WorkDigested(self.0)
    }

    /// Of changes. What the authority itself sets plays no part, so that a request and the transaction it became have
    /// the same.
    pub(crate) fn of(changes: &[Change]) -> Self {
        let completed = |change: &Change| {
            matches!(change, Change::TaskOpened(_) | Change::PrincipalSet(_) | Change::RelationshipExpired(_))
        };
        if !changes.iter().any(completed) {
            return Self(Sha256::digest(encode_changes(changes)).into());
        }
        let mut changes = changes.to_vec();
        changes.retain(|change| !matches!(change, Change::RelationshipExpired(_)));
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
        self.keep(RequestKey::of(author, request_id), done);
    }

    /// All that are remembered, the oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (RequestKey, Done)> {
        self.order.iter().filter_map(|key| Some((*key, *self.done.get(key)?)))
    }

    pub(crate) fn keep(&mut self, key: RequestKey, done: Done) {
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

/// What is kept about a tenant besides what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantDetails {
    /// Its name.
    pub tenant: TenantName,
    /// What people call it, if it was given such a name.
    pub display_name: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was named last.
    pub updated_at: Timestamp,
}

/// Which tenants and keys there are.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) name: TenantName,
    memory: Memory,
    tenants: RwLock<BTreeMap<TenantName, Arc<Tenant>>>,
    details: RwLock<BTreeMap<TenantName, TenantDetails>>,
    ended: RwLock<BTreeSet<TenantName>>,
    keys: RwLock<Keys>,
    secret: OnceLock<StoreSecret>,
    /// Stands in until the secret is made, which it is before anybody is let in.
    no_secret: StoreSecret,
}

impl System {
    /// With the tenant that is there from the start, and no keys.
    pub(crate) fn new(memory: Memory) -> Self {
        let system = Self {
            name: own_name(SYSTEM),
            memory,
            tenants: RwLock::default(),
            details: RwLock::default(),
            ended: RwLock::default(),
            keys: RwLock::default(),
            secret: OnceLock::new(),
            no_secret: mint_secret(),
        };
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

    /// What revision tokens are made with.
    pub(crate) fn secret(&self) -> &StoreSecret {
        self.secret.get().unwrap_or(&self.no_secret)
    }

    /// The secret, once it is made.
    pub(crate) fn made_secret(&self) -> Option<&StoreSecret> {
        self.secret.get()
    }

    /// Takes in a transaction of the system's own log. What does not belong there is said.
    pub(crate) fn take(&self, changes: &[Change], time: Timestamp) -> Result<(), String> {
        for change in changes {
            match change {
                Change::TenantCreated(name) => {
                    self.begin(name.clone());
                    self.change_details(|details| {
                        let (tenant, display_name) = (name.clone(), None);
                        let begun = TenantDetails { tenant, display_name, created_at: time, updated_at: time };
                        details.insert(name.clone(), begun);
                    });
                }
                Change::TenantNamed(name, display_name) => self.change_details(|details| {
                    if let Some(details) = details.get_mut(name) {
                        details.display_name = Some(display_name.clone());
                        details.updated_at = time;
                    }
                }),
                Change::TenantDeleted(name) => self.end(name),
                Change::KeyCreated(key) => self.change_keys(|keys| keys.created(key.clone())),
                Change::KeyRevoked(id) => self.change_keys(|keys| keys.revoked(id, time)),
                // The first one counts: tokens were made with it.
                Change::SecretMade(secret) => drop(self.secret.set(secret.clone())),
                _ => return Err("only tenants and keys are kept in the system's own log".to_owned()),
            }
        }
        Ok(())
    }

    /// What is kept about every tenant that was created, by name.
    pub(crate) fn details(&self) -> Vec<TenantDetails> {
        self.details.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The names of tenants that are no more.
    pub(crate) fn ended(&self) -> Vec<TenantName> {
        self.ended.read().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Whether there was a tenant of this name, and is none any more.
    pub(crate) fn is_ended(&self, name: &TenantName) -> bool {
        self.ended.read().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    fn change_details(&self, change: impl FnOnce(&mut BTreeMap<TenantName, TenantDetails>)) {
        change(&mut self.details.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn end(&self, name: &TenantName) {
        self.tenants.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.change_details(|details| {
            details.remove(name);
        });
        self.ended.write().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
    }

    fn begin(&self, name: TenantName) {
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        tenants.entry(name).or_insert_with_key(|name| Arc::new(Tenant::new(name.clone(), &self.memory)));
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
