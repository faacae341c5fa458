//! What has become of a delegation by now: its own end, its task's, or that of a link above it.

use std::collections::{BTreeMap, BTreeSet};

use prokura_api::{Delegation, Task};

use crate::{session::Session, task::state_text, time::over};

/// The tasks and the links above, of some delegations.
#[derive(Debug, Default)]
pub(super) struct Standing {
    tasks: BTreeMap<String, Task>,
    links: BTreeMap<String, Delegation>,
}

impl Standing {
    /// Looks up what is needed. What may not be read, or is gone, tells nothing.
    pub(super) async fn of(session: &Session, shown: &[Delegation]) -> Self {
        let mut standing = Self::default();
        standing.links.extend(shown.iter().map(|link| (link.id.clone(), link.clone())));
        let mut wanted: Vec<_> = shown.iter().filter_map(|link| link.parent.clone()).collect();
        let mut asked = BTreeSet::new();
        while let Some(parent) = wanted.pop() {
            if standing.links.contains_key(&parent) || !asked.insert(parent.clone()) {
                continue;
            }
            if let Ok(link) = session.client.delegation(&parent).await {
                wanted.extend(link.parent.clone());
                standing.links.insert(parent, link);
            }
        }
        for task in shown.iter().map(|link| &link.task).collect::<BTreeSet<_>>() {
            if let Ok(found) = session.client.task(task).await {
                standing.tasks.insert(task.clone(), found);
            }
        }
        standing
    }

    /// Why nothing can be done under it any more, or yet; empty if neither its times nor those above it say so.
    pub(super) fn state(&self, link: &Delegation) -> String {
        if link.revoked_at.is_some() {
            return "revoked".to_owned();
        }
        match self.tasks.get(&link.task).map(state_text) {
            None | Some("open") => {}
            Some(ended) => return format!("task {ended}"),
        }
        let above = self.above(link);
        if let Some(revoked) = above.iter().find(|above| above.revoked_at.is_some()) {
            return format!("below revoked {}", revoked.id);
        }
        if over(link.expires_at) {
            return "expired".to_owned();
        }
        if let Some(expired) = above.iter().find(|above| over(above.expires_at)) {
            return format!("below expired {}", expired.id);
        }
        if link.not_before.is_some() && !over(link.not_before) {
            return "not yet valid".to_owned();
        }
        String::new()
    }

    /// The links above, nearest first. Each once, whatever the links say.
    fn above(&self, link: &Delegation) -> Vec<&Delegation> {
        let mut above: Vec<&Delegation> = Vec::new();
        let mut next = link.parent.as_ref();
        while let Some(found) = next.and_then(|parent| self.links.get(parent)) {
            if above.iter().any(|seen| seen.id == found.id) {
                break;
            }
            above.push(found);
            next = found.parent.as_ref();
        }
        above
    }
}

/// The links, those of one task together, each below the one it continues; otherwise in the order they are in.
pub(super) fn parents_first(links: &[Delegation]) -> Vec<&Delegation> {
    let ids: BTreeSet<_> = links.iter().map(|link| &link.id).collect();
    let mut children: BTreeMap<&String, Vec<&Delegation>> = BTreeMap::new();
    let mut roots: BTreeMap<&String, Vec<&Delegation>> = BTreeMap::new();
    let mut tasks: Vec<&String> = Vec::new();
    for link in links {
        if !tasks.contains(&&link.task) {
            tasks.push(&link.task);
        }
        match &link.parent {
            Some(parent) if ids.contains(parent) => children.entry(parent).or_default().push(link),
            _ => roots.entry(&link.task).or_default().push(link),
        }
    }
    let mut ordered = Vec::with_capacity(links.len());
    for task in tasks {
        let mut waiting: Vec<_> = roots.remove(task).unwrap_or_default();
        waiting.reverse();
        while let Some(link) = waiting.pop() {
            ordered.push(link);
            // Taken out, so that links in a circle are not gone round for ever.
            waiting.extend(children.remove(&link.id).unwrap_or_default().into_iter().rev());
        }
    }
    ordered.extend(children.into_values().flatten());
    ordered
}
