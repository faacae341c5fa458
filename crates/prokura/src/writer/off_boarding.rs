//! An off-boarding, as one transaction: what was previewed, or nothing.

use std::sync::Arc;

use prokura_engine::View;
use prokura_model::{ObjectRef, PrincipalState};

use super::{
    access,
    stage::{Staged, done_before, into_index, reused},
    validate::validate,
};
use crate::{
    OffBoard, OffBoardingFault, Provenance, Receipt, WriteError,
    limits::TRANSACTION_CHANGES_MAX,
    off_boarding::{Open, Plan, plan},
    shared::Shared,
    tenant::{Tenant, WorkDigest},
};

pub(super) fn stage(
    shared: &Shared,
    tenant: Arc<Tenant>,
    provenance: Provenance,
    wanted: &OffBoard,
    expected: Option<&str>,
) -> Result<Staged, WriteError> {
    let digest = provenance.request_id.is_some().then(|| WorkDigest::of_request(&(wanted, expected)));
    let now = shared.now.read();
    let view = tenant.index.view_applied();
    let requests = tenant.open_requests.all(&view, now);
    let open = Open { requests, approvals: tenant.open_approvals.all(&view, now) };
    let planned = plan(&view, now, wanted, open, shared.limits.chain_links);
    let Plan { mut changes, off_boarding } = planned.map_err(|error| WriteError::Internal(error.to_string()))?;
    if let Some(done) = done_before(&tenant, &provenance) {
        return match digest {
            Some(digest) if digest == done.work => Ok(Staged::answered(done.receipt).with_off_boarding(off_boarding)),
            _ => Err(reused(&provenance, done)),
        };
    }
    if let Some(expected) = expected.filter(|expected| *expected != off_boarding.digest) {
        let (principal, expected) = (wanted.principal.clone(), expected.to_owned());
        return Err(invalid(OffBoardingFault::Changed { principal, expected, found: off_boarding.digest }));
    }
    check_owners(&tenant.index.view_applied(), wanted)?;
    if off_boarding.changes > TRANSACTION_CHANGES_MAX {
        let (changes, relationships) = (off_boarding.changes, off_boarding.relationships.count);
        let principal = wanted.principal.clone();
        return Err(invalid(OffBoardingFault::TooLarge { principal, changes, relationships }));
    }
    if changes.is_empty() {
        let receipt = Receipt { revision: tenant.index.applied(), time: now };
        return Ok(Staged::answered(receipt).with_off_boarding(off_boarding));
    }
    changes.extend(digest.map(WorkDigest::into_change));
    validate(tenant.index.view_applied(), now, shared.limits.chain_links, &mut changes)?;
    // As whenever a task or a link ends; the digest is among the changes already.
    access::end_with(shared, &tenant, now, &mut changes, None)?;
    let staged = into_index(shared, tenant, provenance, now, changes, digest)?;
    Ok(staged.with_off_boarding(off_boarding))
}

/// Whoever takes over is there and may act, and what is handed over is the principal's to hand over.
fn check_owners(view: &View<'_>, wanted: &OffBoard) -> Result<(), WriteError> {
    let whose = &wanted.principal;
    for owned in wanted.transfers.keys() {
        let owner = view.principal(owned).and_then(|owned| owned.owner.clone());
        if owner.as_ref() != Some(whose) {
            let (object, principal) = (owned.clone(), whose.clone());
            return Err(invalid(OffBoardingFault::TransferNotOwned { object, principal, owner }));
        }
    }
    wanted.transfers.values().chain(&wanted.rest_to).try_for_each(|owner| check_owner(view, whose, owner))
}

fn check_owner(view: &View<'_>, whose: &ObjectRef, owner: &ObjectRef) -> Result<(), WriteError> {
    let place = || format!("new owner of what `{whose}` owns");
    if owner == whose {
        return Err(WriteError::OwnerUnfit { object: whose.clone(), owner: owner.clone() });
    }
    match view.principal(owner) {
        None => Err(WriteError::PrincipalUnknown { place: place(), object: owner.clone() }),
        Some(found) if found.state != PrincipalState::Active => {
            Err(WriteError::PrincipalNotActive { place: place(), object: owner.clone(), state: found.state })
        }
        Some(_) => Ok(()),
    }
}

fn invalid(fault: OffBoardingFault) -> WriteError {
    WriteError::OffBoardingInvalid(Box::new(fault))
}
