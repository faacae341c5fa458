use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prokura_model::Timestamp;
use sha2::{Digest, Sha256};

use super::TokenActor;

/// Tokens that were verified, by their digest, until they expire, or their issuer's keys change or must be read
/// again.
#[derive(Debug)]
pub(super) struct Remembered {
    capacity: usize,
    entries: Mutex<HashMap<[u8; 32], Entry>>,
}

#[derive(Debug)]
struct Entry {
    actor: Arc<TokenActor>,
    good_until: Timestamp,
    generation: u64,
}

pub(super) fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl Remembered {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, entries: Mutex::new(HashMap::new()) }
    }

    pub(super) fn find(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
        fresh_generation: impl Fn(&TokenActor) -> Option<u64>,
    ) -> Option<Arc<TokenActor>> {
        let entries = self.lock();
        let entry = entries.get(digest)?;
        let good = now < entry.good_until && fresh_generation(&entry.actor) == Some(entry.generation);
        good.then(|| Arc::clone(&entry.actor))
    }

    pub(super) fn keep(
        &self,
        digest: [u8; 32],
        actor: Arc<TokenActor>,
        good_until: Timestamp,
        generation: u64,
        now: Timestamp,
    ) {
        let mut entries = self.lock();
        if entries.len() >= self.capacity && !entries.contains_key(&digest) {
            entries.retain(|_, entry| now < entry.good_until);
            if entries.len() >= self.capacity {
                // Verifying again costs microseconds; keeping count of who was used last would cost every request.
                entries.clear();
            }
        }
        entries.insert(digest, Entry { actor, good_until, generation });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Nothing panics while it holds the lock, and an entry is written whole, so a poisoned map is sound.
    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
