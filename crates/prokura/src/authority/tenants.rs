//! Tenants with names for people, and their end.

use prokura_model::TenantName;

use super::Authority;
use crate::{
    Provenance, Receipt, TenantDetails, WriteError,
    limits::TENANT_DISPLAY_NAME_BYTES_MAX,
    writer::{TenantWork, Work},
};

impl Authority {
    /// A new name for a tenant that people know by another one: 26 characters that sort by time.
    #[must_use]
    pub fn mint_tenant_name(&self) -> TenantName {
        self.0.shared.mint_sortable(|id| TenantName::new(id.to_ascii_lowercase()).ok())
    }

    /// Begins a tenant that is shown under a name of its own, which others may have too.
    ///
    /// # Errors
    /// The tenant is there already, a name is not legal, or the write failed.
    pub fn create_named_tenant(
        &self,
        tenant: &TenantName,
        display_name: &str,
        provenance: Provenance,
    ) -> Result<Receipt, WriteError> {
        let display_name = display_name_of(display_name)?;
        let work = TenantWork::Create { tenant: tenant.clone(), display_name };
        self.written(Work::NamedTenant(work), provenance)
    }

    /// Shows a tenant under another name.
    ///
    /// # Errors
    /// There is no such tenant, the name is not legal, or the write failed.
    pub fn rename_tenant(
        &self,
        tenant: &TenantName,
        display_name: &str,
        provenance: Provenance,
    ) -> Result<Receipt, WriteError> {
        let display_name = display_name_of(display_name)?;
        let work = TenantWork::Rename { tenant: self.writable(tenant)?.name.clone(), display_name };
        self.written(Work::NamedTenant(work), provenance)
    }

    /// Ends a tenant: from now on nobody asks it or writes to it. What it held stays in the log, and its name is not used
    /// again.
    ///
    /// # Errors
    /// There is no such tenant, it is the one that is there from the start, or the write failed.
    pub fn delete_tenant(&self, tenant: &TenantName, provenance: Provenance) -> Result<Receipt, WriteError> {
        let work = TenantWork::Delete(self.writable(tenant)?.name.clone());
        self.written(Work::NamedTenant(work), provenance)
    }

    /// What is kept about every tenant that was created, by name.
    #[must_use]
    pub fn tenant_details(&self) -> Vec<TenantDetails> {
        self.0.shared.system.details()
    }
}

fn display_name_of(text: &str) -> Result<String, WriteError> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(WriteError::TenantNameInvalid);
    }
    if text.len() > TENANT_DISPLAY_NAME_BYTES_MAX {
        let (max, found) = (TENANT_DISPLAY_NAME_BYTES_MAX, text.len());
        return Err(WriteError::LimitExceeded { what: "bytes of a tenant's display name", max, found });
    }
    Ok(text.to_owned())
}
