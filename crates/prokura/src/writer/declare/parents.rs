use std::collections::{HashMap, HashSet};

use prokura_model::DelegationId;

use crate::DeclaredDelegation;

/// The same delegations, every parent before what hangs below it. Those on a cycle suit no order: one of them is refused for
/// its missing parent.
pub(super) fn first(declared: &[DeclaredDelegation]) -> Vec<&DeclaredDelegation> {
    let by_id: HashMap<&DelegationId, &DeclaredDelegation> =
        declared.iter().map(|delegation| (&delegation.id, delegation)).collect();
    let mut placed = HashSet::new();
    let mut ordered = Vec::with_capacity(declared.len());
    for delegation in declared {
        let mut above = Vec::new();
        let mut on_path = HashSet::new();
        let mut next = Some(delegation);
        while let Some(link) = next {
            if placed.contains(&link.id) || !on_path.insert(&link.id) {
                break;
            }
            above.push(link);
            next = link.parent.as_ref().and_then(|parent| by_id.get(parent)).copied();
        }
        for link in above.into_iter().rev() {
            placed.insert(&link.id);
            ordered.push(link);
        }
    }
    ordered
}
