//! Following one tenant's log for one webhook: in order, each event until it is taken.

use std::{sync::Arc, time::Duration};

use prokura::AskError;
use prokura_model::{TenantName, Transaction};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{
    Webhooks,
    event::{Event, event_id, events},
    places::Place,
    telling::{Hook, Untold},
};
use crate::{
    app::App,
    limits::{WEBHOOK_EVENT_AGE_MAX, WEBHOOK_RETRY_WAIT_MAX},
    request::blocking,
};

/// Transactions read at once. Few: they are in memory while what they tell is sent.
const READ_AT_ONCE: usize = 16;

/// The first wait after a failure; it doubles with each further one.
const RETRY_WAIT_FIRST: Duration = Duration::from_secs(1);

/// Longest nobody looks, should a call that something was written have been missed.
const QUIET_MAX: Duration = Duration::from_secs(60);

/// One webhook in one tenant.
pub(super) struct Follower {
    pub(super) app: Arc<App>,
    pub(super) webhooks: Arc<Webhooks>,
    pub(super) hook: Arc<Hook>,
    pub(super) tenant: TenantName,
}

/// What came of a look.
enum Look {
    /// There may be more.
    More,
    /// There is nothing newer.
    Quiet,
    /// An event was not taken.
    Untold(Untold),
    /// The tenant is no more.
    Over,
}

/// An event as it is sent.
struct Ready {
    id: String,
    word: &'static str,
    body: String,
    /// Whether it is too old to be sent again and again.
    old: bool,
}

impl Follower {
    /// Until the tenant is no more. Nothing is held while it waits but the place in the log: what is sent again is read again.
    pub(super) async fn run(self) {
        let published = Arc::new(Notify::new());
        let told = Arc::clone(&published);
        // Held as long as this runs. Told of before the first look, so that nothing is missed between two.
        let subscribed = self.app.authority().subscribe(&self.tenant, Box::new(move |_| told.notify_one()));
        let Ok(_subscription) = subscribed else { return self.over() };
        let mut failures = 0_u32;
        loop {
            let look = {
                // Nobody closes it.
                let _place = self.hook.sending.acquire().await;
                self.look().await
            };
            match look {
                Look::More => failures = 0,
                Look::Quiet => {
                    failures = 0;
                    self.webhooks.is_through(&self.hook, &self.tenant);
                    // Either is a reason to look.
                    let _ = tokio::time::timeout(QUIET_MAX, published.notified()).await;
                }
                Look::Untold(untold) => {
                    failures = failures.saturating_add(1);
                    let wait = if untold.gone { WEBHOOK_RETRY_WAIT_MAX } else { retry_wait(failures) };
                    self.webhooks.failed(&self.hook, &self.tenant, &untold, self.app.authority().now());
                    tokio::time::sleep(jittered(wait, Uuid::new_v4().as_u128())).await;
                }
                Look::Over => return self.over(),
            }
        }
    }

    fn over(&self) {
        self.webhooks.forget(&self.hook.webhook.name, &self.tenant);
    }

    /// Reads on from where it is, and sends what there is.
    async fn look(&self) -> Look {
        let Some(mut place) = self.webhooks.place(&self.hook, &self.tenant) else { return Look::Over };
        let (authority, tenant, after) = (self.app.authority().clone(), self.tenant.clone(), place.after);
        let found = blocking(move || Ok(authority.changes(&tenant, after, READ_AT_ONCE))).await;
        let found = match found {
            Ok(Ok(found)) => found,
            Ok(Err(AskError::TenantUnknown(_))) => return Look::Over,
            Ok(Err(error)) => return Look::Untold(Untold::here(format!("the log cannot be read: {error}"))),
            Err(_) => return Look::Untold(Untold::here("the log cannot be read".to_owned())),
        };
        if found.is_empty() {
            return Look::Quiet;
        }
        for transaction in &found {
            for (index, event) in (0_u32..).zip(events(transaction)).skip(place.done as usize) {
                if self.hook.webhook.wants(event.kind) {
                    if let Err(untold) = self.tell(transaction, index, &event).await {
                        return Look::Untold(untold);
                    }
                    place.done = index + 1;
                    self.webhooks.places.keep(&self.hook.webhook.name, &self.tenant, place).await;
                }
            }
            place = Place { after: transaction.revision, done: 0 };
        }
        self.webhooks.places.set(&self.hook.webhook.name, &self.tenant, place);
        Look::More
    }

    /// Sends an event. One that is too old is passed over if it is not taken.
    async fn tell(&self, transaction: &Transaction, index: u32, event: &Event<'_>) -> Result<(), Untold> {
        let ready = self.ready(transaction, index, event)?;
        match self.hook.send(&ready.id, ready.body).await {
            Ok(()) => {
                self.webhooks.delivered(&self.app, &self.hook, &self.tenant);
                let (webhook, tenant, event, id) = (&self.hook.webhook.name, &self.tenant, ready.word, ready.id);
                tracing::info!(webhook, %tenant, event, id, "delivered");
                Ok(())
            }
            Err(untold) => {
                let (webhook, tenant, event, id) = (&self.hook.webhook.name, &self.tenant, ready.word, &ready.id);
                let error = &untold.error;
                if ready.old {
                    self.webhooks.counted(&self.app, &self.hook, "passed_over");
                    tracing::error!(webhook, %tenant, event, id, error, "not delivered, and too old to be tried again");
                    return Ok(());
                }
                self.webhooks.counted(&self.app, &self.hook, "failed");
                tracing::warn!(webhook, %tenant, event, id, error, "not delivered; it will be tried again");
                Err(untold)
            }
        }
    }

    fn ready(&self, transaction: &Transaction, index: u32, event: &Event<'_>) -> Result<Ready, Untold> {
        let authority = self.app.authority();
        let id = event_id(&self.tenant, transaction, index);
        let body = event.body(authority, (&self.tenant, transaction), &id, self.hook.webhook.details);
        let body = body.map_err(|error| Untold::here(format!("the event cannot be written: {error}")))?;
        let age = authority.now().0.saturating_sub(transaction.time.0);
        let old = u128::from(age) > WEBHOOK_EVENT_AGE_MAX.as_millis();
        Ok(Ready { id, word: event.kind.word(), body, old })
    }
}

/// How long it is waited after so many failures in a row.
fn retry_wait(failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    RETRY_WAIT_FIRST.saturating_mul(doubled).min(WEBHOOK_RETRY_WAIT_MAX)
}

/// Between half of it and all of it, so that not everything comes back at the same moment.
fn jittered(wait: Duration, random: u128) -> Duration {
    let half = wait / 2;
    let most = half.as_millis().max(1);
    half + Duration::from_millis(u64::try_from(random % most).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_webhook_retry_wait_max() {
        let waits: Vec<u64> = (1..=11).map(|failures| retry_wait(failures).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(retry_wait(u32::MAX), WEBHOOK_RETRY_WAIT_MAX);
    }

    #[test]
    fn waits_differ_and_stay_within() {
        let wait = Duration::from_secs(4);
        for random in [0, 1_999, 2_000, u128::MAX] {
            let jittered = jittered(wait, random);
            assert!((wait / 2..=wait).contains(&jittered), "{jittered:?}");
        }
        assert_ne!(jittered(wait, 0), jittered(wait, 1_999));
    }
}
