use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

/// The same tasks or delegations, every parent before what hangs below it. Those on a cycle suit no order: one of them is refused for
/// its missing parent.
pub(super) fn first<T, Id: Hash + Eq>(declared: &[T], named: impl Fn(&T) -> (&Id, Option<&Id>)) -> Vec<&T> {
    let by_id: HashMap<&Id, &T> = declared.iter().map(|entry| (named(entry).0, entry)).collect();
    let mut placed = HashSet::new();
    let mut ordered = Vec::with_capacity(declared.len());
    for entry in declared {
        let mut above = Vec::new();
        let mut on_path = HashSet::new();
        let mut next = Some(entry);
        while let Some(entry) = next {
            let (id, parent) = named(entry);
            if placed.contains(id) || !on_path.insert(id) {
                break;
            }
            above.push(entry);
            next = parent.and_then(|parent| by_id.get(parent)).copied();
        }
        for entry in above.into_iter().rev() {
            placed.insert(named(entry).0);
            ordered.push(entry);
        }
    }
    ordered
}
