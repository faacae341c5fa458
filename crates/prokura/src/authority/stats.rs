use prokura_engine::Stats;
use prokura_model::TenantName;

use super::Authority;

/// How much there is, and where memory goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStats {
    /// How many bytes of memory names and relationships take, those of all tenants together.
    pub memory: u64,
    /// How many they may take; none if there is no limit.
    pub memory_max: Option<u64>,
    /// Each tenant, by name.
    pub tenants: Vec<(TenantName, Stats)>,
}

impl Authority {
    /// How much there is, and where memory goes. Waits for the writes that are being taken in.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        let shared = &self.0.shared;
        let tenants = shared.system.tenants();
        StoreStats {
            memory: shared.memory.used(),
            memory_max: shared.memory.max(),
            tenants: tenants.iter().map(|tenant| (tenant.name.clone(), tenant.index.stats())).collect(),
        }
    }
}
