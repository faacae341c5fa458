//! Relationships that are over are invisible at once, and are collected soon after: this is when.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use prokura_engine::View;
use prokura_model::{Change, Relationship, TenantName, Timestamp};

use crate::tenant::Tenant;

/// Which relationships end when. Derived from the log like everything else that is in memory: what is over is not in it
/// any more once a transaction has collected it.
#[derive(Debug, Default)]
pub(crate) struct Expiring(Mutex<BTreeSet<Ending>>);

/// The end of one relationship.
type Ending = (Timestamp, TenantName, Relationship);

/// What a transaction does to the endings of a tenant.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    gone: Vec<Ending>,
    new: Vec<Ending>,
}

impl Expiring {
    /// What the changes will do, as seen just before they are applied.
    pub(crate) fn note(&self, tenant: &Tenant, changes: &[Change]) -> Noted {
        let mut noted = Noted::default();
        // Most tenants have nothing that ends, and pay nothing for those that do.
        let any = !self.lock().is_empty();
        let view = tenant.index.view_applied();
        for change in changes {
            let relationship = match change {
                Change::RelationshipTouched(relationship, terms) => {
                    let ending = terms.expires_at.map(|end| (end, tenant.name.clone(), relationship.clone()));
                    noted.new.extend(ending);
                    relationship
                }
                Change::RelationshipDeleted(relationship) | Change::RelationshipExpired(relationship) => relationship,
                _ => continue,
            };
            if any {
                noted.gone.extend(ending(&view, tenant, relationship));
            }
        }
        noted
    }

    /// The changes are applied.
    pub(crate) fn take(&self, noted: Noted) {
        if noted.gone.is_empty() && noted.new.is_empty() {
            return;
        }
        let mut endings = self.lock();
        for ending in &noted.gone {
            endings.remove(ending);
        }
        endings.extend(noted.new);
    }

    /// What ends in a tenant that was just taken in.
    pub(crate) fn begin(&self, tenant: &Tenant) {
        let endings = tenant.index.view_applied().endings();
        let endings = endings.into_iter().map(|(end, relationship)| (end, tenant.name.clone(), relationship));
        self.lock().extend(endings);
    }

    /// When the next relationship ends, or ended.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.lock().first().map(|(end, ..)| *end)
    }

    /// Takes out at most so many of those that are over, the oldest first, by tenant.
    pub(crate) fn take_due(&self, now: Timestamp, most: usize) -> BTreeMap<TenantName, Vec<Relationship>> {
        let mut due: BTreeMap<TenantName, Vec<Relationship>> = BTreeMap::new();
        let mut endings = self.lock();
        for _ in 0..most {
            if endings.first().is_none_or(|(end, ..)| *end > now) {
                break;
            }
            let Some((_, tenant, relationship)) = endings.pop_first() else { break };
            due.entry(tenant).or_default().push(relationship);
        }
        due
    }

    /// Never half changed, so a poisoned one is sound.
    fn lock(&self) -> MutexGuard<'_, BTreeSet<Ending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ending(view: &View<'_>, tenant: &Tenant, relationship: &Relationship) -> Option<Ending> {
    let end = view.stored(relationship)?.terms.expires_at?;
    Some((end, tenant.name.clone(), relationship.clone()))
}
