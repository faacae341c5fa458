//! What is written by models, and named tenants.

use std::{collections::BTreeSet, sync::Arc};

use prokura_model::{Change, Model, ModelId, TenantName};

use super::{
    TenantWork,
    stage::{Staged, into_index, into_system},
    validate::within,
};
use crate::{
    Provenance, TupleWrite, WriteError,
    limits::{MODELS_MAX, TENANTS_MAX},
    shared::Shared,
    tenant::{Tenant, default_name},
};

pub(super) fn stage_model(
    shared: &Shared,
    tenant: Arc<Tenant>,
    provenance: Provenance,
    mut model: Model,
) -> Result<Staged, WriteError> {
    let view = tenant.index.view_applied();
    // Whoever asked first may come here second.
    if view.newest_model().is_some_and(|newest| *newest >= model.id) {
        model.id = shared.mint_sortable(ModelId::new);
    }
    let id = model.id.clone();
    within("models of a tenant", MODELS_MAX, view.models().len() + 1)?;
    let mut staged =
        into_index(shared, tenant, provenance, shared.now.read(), vec![Change::ModelWritten(model)], None)?;
    staged.written.model = Some(id);
    Ok(staged)
}

pub(super) fn stage_assertions(
    shared: &Shared,
    tenant: Arc<Tenant>,
    provenance: Provenance,
    model: ModelId,
    assertions: String,
) -> Result<Staged, WriteError> {
    if tenant.index.view_applied().model(&model).is_none() {
        return Err(WriteError::ModelUnknown(model));
    }
    into_index(shared, tenant, provenance, shared.now.read(), vec![Change::AssertionsWritten(model, assertions)], None)
}

/// The relationships fit their model: that was looked at before. Here it is looked at what is there.
pub(super) fn stage_tuples(
    shared: &Shared,
    tenant: Arc<Tenant>,
    provenance: Provenance,
    write: TupleWrite,
) -> Result<Staged, WriteError> {
    let now = shared.now.read();
    let view = tenant.index.view_applied();
    let mut named = BTreeSet::new();
    let mut changes = Vec::new();
    for relationship in write.deletes {
        if !named.insert(relationship.clone()) {
            return Err(WriteError::ChangesContradict(Box::new(relationship)));
        }
        match view.stored(&relationship) {
            Some(_) => changes.push(Change::RelationshipDeleted(relationship)),
            None if write.ignore_missing => {}
            None => return Err(WriteError::RelationshipMissing(Box::new(relationship))),
        }
    }
    for (relationship, terms) in write.writes {
        if !named.insert(relationship.clone()) {
            return Err(WriteError::ChangesContradict(Box::new(relationship)));
        }
        match view.stored(&relationship).filter(|stored| !stored.terms.is_over(now)) {
            None => changes.push(Change::RelationshipTouched(relationship, terms)),
            Some(_) if !write.ignore_duplicates => {
                return Err(WriteError::RelationshipExists(Box::new(relationship)));
            }
            Some(stored) if stored.terms == terms => {}
            Some(_) => return Err(WriteError::RelationshipDiffers(Box::new(relationship))),
        }
    }
    if changes.is_empty() {
        return Ok(Staged::default());
    }
    into_index(shared, tenant, provenance, now, changes, None)
}

pub(super) fn stage_named_tenant(
    shared: &Shared,
    provenance: Provenance,
    work: TenantWork,
) -> Result<Staged, WriteError> {
    let system = &shared.system;
    let known = |tenant: &TenantName| match system.tenant(tenant) {
        Some(_) => Ok(()),
        None => Err(WriteError::TenantUnknown(tenant.clone())),
    };
    let changes = match work {
        TenantWork::Create { tenant, display_name } => {
            check_new(shared, &tenant)?;
            vec![Change::TenantCreated(tenant.clone()), Change::TenantNamed(tenant, display_name)]
        }
        TenantWork::Rename { tenant, display_name } => {
            known(&tenant)?;
            vec![Change::TenantNamed(tenant, display_name)]
        }
        TenantWork::Delete(tenant) => {
            known(&tenant)?;
            if tenant == default_name() {
                return Err(WriteError::TenantReserved(tenant));
            }
            vec![Change::TenantDeleted(tenant)]
        }
    };
    into_system(shared, provenance, |_| changes)
}

/// Whether a tenant of this name may begin.
pub(super) fn check_new(shared: &Shared, name: &TenantName) -> Result<(), WriteError> {
    let system = &shared.system;
    if *name == system.name {
        return Err(WriteError::TenantReserved(name.clone()));
    }
    if system.tenant(name).is_some() || system.is_ended(name) {
        return Err(WriteError::TenantExists(name.clone()));
    }
    within("tenants", TENANTS_MAX, system.tenants().len() + 1)
}
