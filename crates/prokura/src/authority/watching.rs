//! Watching: what was written, as it was written.

use std::{sync::Arc, time::Duration};

use prokura_model::{Change, Revision, TenantName, Transaction, decode_changes};
use prokura_store::Entry;

use super::Authority;
use crate::{
    AskError, Subscription,
    limits::{CHANGES_BYTES_MAX, CHANGES_TRANSACTIONS_MAX},
};

impl Authority {
    /// The first transaction of this author with this request id, while it is remembered: what a repeated request did.
    ///
    /// # Errors
    /// There is no such tenant, or the log cannot be read.
    pub fn transaction_of_request(
        &self,
        tenant: &TenantName,
        author: &str,
        request_id: &str,
    ) -> Result<Option<Transaction>, AskError> {
        let done = self.asked(tenant)?.requests().done(author, request_id);
        match done {
            Some(done) => self.transaction(tenant, done.receipt.revision),
            None => Ok(None),
        }
    }

    /// A transaction: what the revision changed, who wrote it, why and when.
    ///
    /// # Errors
    /// There is no such tenant, or the log cannot be read.
    pub fn transaction(&self, tenant: &TenantName, revision: Revision) -> Result<Option<Transaction>, AskError> {
        let published = self.asked(tenant)?.index.published();
        // What is in the log but not published is not acknowledged either.
        if revision > published {
            return Ok(None);
        }
        let Some(entry) = self.0.shared.log.entry(tenant, revision)? else {
            return Ok(None);
        };
        transaction_of(entry).map(Some)
    }

    /// The transactions that come after a revision, in order, at most so many (and at most
    /// [`CHANGES_TRANSACTIONS_MAX`]): fewer when they are large, and none only if there is nothing newer. From any
    /// revision: the log keeps them all. Going on after the last one, nothing is left out and nothing comes twice.
    ///
    /// # Errors
    /// There is no such tenant, the revision is not reached, or the log cannot be read.
    pub fn changes(&self, tenant: &TenantName, after: Revision, limit: usize) -> Result<Vec<Transaction>, AskError> {
        let newest = self.asked(tenant)?.index.published();
        if after > newest {
            return Err(AskError::RevisionAhead { wanted: after, newest });
        }
        let mut found = Vec::new();
        let mut bytes = 0_usize;
        let limit = limit.clamp(1, CHANGES_TRANSACTIONS_MAX);
        let mut next = after.next();
        while next <= newest && found.len() < limit && bytes < CHANGES_BYTES_MAX {
            let Some(entry) = self.0.shared.log.entry(tenant, next)? else {
                return Err(AskError::Read(format!("revision {next} of tenant `{tenant}` is not in the log")));
            };
            bytes = bytes.saturating_add(entry.payload.len());
            found.push(transaction_of(entry)?);
            next = next.next();
        }
        Ok(found)
    }

    /// Has the callback called with each revision that is published from now on, as long as the answer is held. One call may
    /// stand for several revisions: its revision is the newest of them.
    ///
    /// The writer itself calls it, after everybody who wrote was answered: it must not block, and must not write. A channel
    /// that is full, or a flag, is the way. One that panics is not called again. One that holds the authority keeps it open
    /// until the subscription is dropped.
    ///
    /// # Errors
    /// There is no such tenant.
    pub fn subscribe(
        &self,
        tenant: &TenantName,
        callback: Box<dyn Fn(Revision) + Send + Sync>,
    ) -> Result<Subscription, AskError> {
        let tenant = self.asked(tenant)?;
        Ok(tenant.watchers.subscribe(tenant.index.published(), Arc::from(callback)))
    }

    /// Waits until there is something newer than a revision, the time is up, or the authority is closed, and answers with
    /// the newest revision.
    ///
    /// # Errors
    /// There is no such tenant.
    pub fn wait_for(&self, tenant: &TenantName, beyond: Revision, longest: Duration) -> Result<Revision, AskError> {
        let tenant = self.asked(tenant)?;
        Ok(tenant.watchers.wait(|| tenant.index.published(), beyond, longest))
    }
}

/// Without what only the store itself needs.
fn transaction_of(entry: Entry) -> Result<Transaction, AskError> {
    let mut changes = decode_changes(&entry.payload)?;
    changes.retain(|change| !matches!(change, Change::WorkDigested(_)));
    let Entry { revision, time, author, reason, request_id, .. } = entry;
    Ok(Transaction { revision, time, author, reason, request_id, changes })
}
