//! Webhooks: what becomes of requests for access and of approvals is told to whoever is configured, from each tenant's own
//! log. See `docs/decisions/0050-webhooks.md`.

mod config;
mod event;
mod follow;
mod places;
mod secret;
mod telling;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prokura::{Authority, Disk, FolderDisk};
use prokura_api as api;
use prokura_model::{TenantName, Timestamp};
use tokio::task::JoinSet;
use uuid::Uuid;

pub use config::Webhook;
pub(crate) use config::check;
pub(crate) use secret::Secrets;

use crate::{app::App, convert};
use follow::Follower;
use places::{Place, Places};
use telling::{Hook, Untold};

/// How often it is looked for new tenants.
const TENANTS_POLL: Duration = Duration::from_secs(1);

/// The webhooks of a server, and how they are.
pub(crate) struct Webhooks {
    hooks: Vec<Arc<Hook>>,
    authority: Authority,
    places: Arc<Places>,
    states: Mutex<BTreeMap<Followed, State>>,
}

/// A webhook in a tenant.
type Followed = (String, TenantName);

#[derive(Clone, Debug, Default)]
struct State {
    delivered_at: Option<Timestamp>,
    failing: Option<Failing>,
}

#[derive(Clone, Debug)]
struct Failing {
    since: Timestamp,
    attempts: u64,
    error: String,
}

impl Webhooks {
    /// Those that are configured. From here on nothing that happens is lost.
    pub(crate) fn open(webhooks: &[Webhook], folder: Option<&Path>, authority: &Authority) -> Result<Self, String> {
        let mut hooks = Vec::new();
        for webhook in webhooks {
            let hook = Hook::new(webhook).map_err(|fault| format!("webhook `{}`: {fault}", webhook.name))?;
            hooks.push(Arc::new(hook));
        }
        let disk = folder.map(|folder| {
            let disk = FolderDisk::new(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
            Ok::<Arc<dyn Disk>, String>(Arc::new(disk))
        });
        let places = Arc::new(Places::open(disk.transpose()?, webhooks, authority)?);
        Ok(Self { hooks, authority: authority.clone(), places, states: Mutex::default() })
    }

    /// Sends what there is and will be, for as long as it is polled.
    pub(crate) async fn run(self: Arc<Self>, app: Arc<App>) {
        if self.hooks.is_empty() {
            return;
        }
        let mut following: BTreeSet<Followed> = BTreeSet::new();
        let mut followers = JoinSet::new();
        let mut running = HashMap::new();
        let mut keeping = JoinSet::new();
        keeping.spawn(Arc::clone(&self.places).write_on());
        loop {
            let tenants = self.authority.tenants();
            following.retain(|(webhook, tenant)| {
                let there = tenants.binary_search(tenant).is_ok();
                if !there {
                    self.forget(webhook, tenant);
                }
                there
            });
            for (hook, tenant) in self.hooks.iter().flat_map(|hook| tenants.iter().map(move |tenant| (hook, tenant))) {
                let followed = (hook.webhook.name.clone(), tenant.clone());
                if following.contains(&followed) {
                    continue;
                }
                if self.place(hook, tenant).is_some() {
                    let (app, webhooks, hook) = (Arc::clone(&app), Arc::clone(&self), Arc::clone(hook));
                    let follower = Follower { app, webhooks, hook, tenant: tenant.clone() };
                    running.insert(followers.spawn(follower.run()).id(), followed.clone());
                }
                following.insert(followed);
            }
            while let Some(ended) = followers.try_join_next_with_id() {
                let (id, bug) = match ended {
                    Ok((id, ())) => (id, false),
                    Err(error) => (error.id(), true),
                };
                if let Some(followed) = running.remove(&id).filter(|_| bug) {
                    let (webhook, tenant) = &followed;
                    tracing::error!(webhook, %tenant, "following the log failed; it is followed again");
                    following.remove(&followed);
                }
            }
            tokio::time::sleep(TENANTS_POLL).await;
        }
    }

    /// Keeps what was sent until now. Nothing may be sent any more.
    pub(crate) fn close(&self) {
        if let Err(error) = self.places.write() {
            let error = error.to_string();
            tracing::error!(error, "it cannot be kept what webhooks were sent; after a restart it is sent again");
        }
    }

    /// Each webhook in each of its tenants, those that it names and are not there included.
    pub(crate) fn all(&self) -> Vec<api::Webhook> {
        let there = self.authority.tenants();
        let mut found = Vec::new();
        for hook in &self.hooks {
            let named = hook.webhook.tenants.iter().filter_map(|name| TenantName::new(name).ok());
            let tenants: BTreeSet<TenantName> =
                there.iter().filter(|tenant| hook.webhook.means(tenant)).cloned().chain(named).collect();
            found.extend(tenants.iter().map(|tenant| self.wire(hook, tenant)));
        }
        found
    }

    /// By webhook, how many revisions are still to be looked through.
    pub(crate) fn behind(&self) -> Vec<(&str, u64)> {
        let tenants = self.authority.tenants();
        let of = |hook: &Hook| -> u64 {
            let meant = tenants.iter().filter(|tenant| hook.webhook.means(tenant));
            meant.filter_map(|tenant| self.standing(hook, tenant)).map(|(_, behind)| behind).sum()
        };
        self.hooks.iter().map(|hook| (hook.webhook.name.as_str(), of(hook))).collect()
    }

    /// Sends a webhook an event that stands for none. None: there is no such webhook.
    pub(crate) async fn ping(&self, name: &str) -> Option<api::WebhookPing> {
        let hook = self.hooks.iter().find(|hook| hook.webhook.name == name)?;
        let id = format!("ping_{}", Uuid::new_v4().simple());
        let sent = hook.send(&id, event::ping(&id, self.authority.now())).await;
        Some(api::WebhookPing { id, delivered: sent.is_ok(), error: sent.err().map(|untold| untold.error) })
    }

    fn wire(&self, hook: &Hook, tenant: &TenantName) -> api::Webhook {
        let standing = self.standing(hook, tenant);
        let state = self.states().get(&(hook.webhook.name.clone(), tenant.clone())).cloned().unwrap_or_default();
        api::Webhook {
            name: hook.webhook.name.clone(),
            to: hook.to.clone(),
            tenant: tenant.to_string(),
            revision: standing.map(|(place, _)| place.after.0),
            behind: standing.map_or(0, |(_, behind)| behind),
            delivered_at: state.delivered_at.map(convert::wire_time),
            failing: state.failing.map(|failing| api::WebhookFailing {
                since: convert::wire_time(failing.since),
                attempts: failing.attempts,
                error: failing.error,
            }),
        }
    }

    /// Where it is, and how far that is behind the newest revision.
    fn standing(&self, hook: &Hook, tenant: &TenantName) -> Option<(Place, u64)> {
        let newest = self.authority.snapshot(tenant).ok()?.revision();
        let place = self.places.known(&hook.webhook.name, tenant)?;
        Some((place, newest.0.saturating_sub(place.after.0)))
    }

    fn place(&self, hook: &Hook, tenant: &TenantName) -> Option<Place> {
        self.places.of(&hook.webhook, tenant, &self.authority)
    }

    fn delivered(&self, app: &App, hook: &Hook, tenant: &TenantName) {
        let now = self.authority.now();
        self.change(hook, tenant, |state| *state = State { delivered_at: Some(now), failing: None });
        self.counted(app, hook, "delivered");
    }

    fn failed(&self, hook: &Hook, tenant: &TenantName, untold: &Untold, now: Timestamp) {
        self.change(hook, tenant, |state| {
            let (since, attempts) =
                state.failing.as_ref().map_or((now, 0), |failing| (failing.since, failing.attempts));
            state.failing = Some(Failing { since, attempts: attempts + 1, error: untold.error.clone() });
        });
    }

    /// Nothing waits.
    fn is_through(&self, hook: &Hook, tenant: &TenantName) {
        self.change(hook, tenant, |state| state.failing = None);
    }

    fn counted(&self, app: &App, hook: &Hook, outcome: &'static str) {
        app.telemetry().webhook(&hook.webhook.name, outcome);
    }

    fn forget(&self, webhook: &str, tenant: &TenantName) {
        self.places.forget(webhook, tenant);
        self.states().remove(&(webhook.to_owned(), tenant.clone()));
    }

    fn change(&self, hook: &Hook, tenant: &TenantName, change: impl FnOnce(&mut State)) {
        change(self.states().entry((hook.webhook.name.clone(), tenant.clone())).or_default());
    }

    /// Never half changed, so a poisoned one is sound.
    fn states(&self) -> MutexGuard<'_, BTreeMap<Followed, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").field("hooks", &self.hooks.len()).finish_non_exhaustive()
    }
}
