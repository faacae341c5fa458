//! Which delegations there are under a task.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use prokura_engine::{Index, View};
use prokura_model::{Change, Delegation, DelegationId, TaskId};

type ByTask = HashMap<TaskId, BTreeSet<DelegationId>>;

/// The delegations under each task, by name. Found when they are needed first, and kept up from then on: none ever goes.
#[derive(Debug, Default)]
pub(crate) struct Parts(Mutex<Option<ByTask>>);

impl Parts {
    /// The changes are applied.
    pub(crate) fn note(&self, changes: &[Change]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = &mut *known else { return };
        for change in changes {
            if let Change::DelegationCreated(link) = change {
                known.entry(link.task.clone()).or_default().insert(link.id.clone());
            }
        }
    }

    /// Those under a task that the view sees, by id.
    pub(crate) fn of(&self, task: &TaskId, index: &Index, view: &View<'_>) -> Vec<Arc<Delegation>> {
        let ids = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Whatever is applied later is noted after this.
            let known = known.get_or_insert_with(|| by_task(&index.view_applied()));
            known.get(task).cloned().unwrap_or_default()
        };
        ids.iter().filter_map(|id| view.delegation(id)).collect()
    }
}

fn by_task(view: &View<'_>) -> ByTask {
    let mut found = ByTask::new();
    for link in view.delegations() {
        found.entry(link.task.clone()).or_default().insert(link.id.clone());
    }
    found
}
