use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use prokura_model::{Key, KeyId, KeyRole, KeyScope, Timestamp};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::{
    WriteError,
    limits::{KEY_NAME_BYTES_MAX, PRESET_KEY_BYTES_MAX},
};

/// A key that was just made. This is the only time its secret can be read.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What is stored.
    pub key: Key,
    /// What its holder presents.
    pub secret: Secret,
}

/// Text that must not end up in a log: printing it for debugging shows `…`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The text itself, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `pk_` and 256 random bits. Three random UUIDs hold 366, and their digest spreads them evenly.
    pub(crate) fn mint() -> Self {
        let mut hasher = Sha256::new();
        for _ in 0..3 {
            hasher.update(Uuid::new_v4().as_bytes());
        }
        Self(format!("pk_{}", URL_SAFE_NO_PAD.encode(hasher.finalize())))
    }

    /// A secret chosen by whoever starts the authority. An error does not repeat it.
    pub(crate) fn preset(text: &str) -> Result<Self, WriteError> {
        let fault = if text.is_empty() {
            "the preset key is empty"
        } else if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
            "the preset key has white space or control characters"
        } else if !text.is_ascii() {
            // The header it is presented in holds nothing else: with such a key nobody could ever come in.
            "the preset key has characters that are not ASCII"
        } else if text.len() > PRESET_KEY_BYTES_MAX {
            return Err(WriteError::LimitExceeded {
                what: "bytes of a preset key",
                max: PRESET_KEY_BYTES_MAX,
                found: text.len(),
            });
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(WriteError::KeyInvalid(fault.to_owned()))
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        digest(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Without the digests; see [`Key`].
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.by_id.values()).finish()
    }
}

/// What a key is before the writer has accepted it.
pub(crate) fn draft(name: &str, secret: &Secret, role: KeyRole, scope: KeyScope) -> Result<Key, WriteError> {
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return Err(WriteError::KeyInvalid(
            "a key has a name for people to know it by, without control characters".to_owned(),
        ));
    }
    if name.len() > KEY_NAME_BYTES_MAX {
        return Err(WriteError::LimitExceeded {
            what: "bytes of a key's name",
            max: KEY_NAME_BYTES_MAX,
            found: name.len(),
        });
    }
    let id = KeyId::new(format!("k-{}", Uuid::now_v7()));
    let Some(id) = id else {
        return Err(WriteError::Internal("a UUID is not a legal key id".to_owned()));
    };
    let (digest, created_at) = (secret.digest(), Timestamp::default());
    Ok(Key { id, name: name.to_owned(), digest, role, scope, created_at, revoked_at: None })
}

/// Every key ever made.
#[derive(Default)]
pub(crate) struct Keys {
    by_id: BTreeMap<KeyId, Arc<Key>>,
    by_digest: HashMap<[u8; 32], KeyId>,
}

impl Keys {
    pub(crate) fn created(&mut self, key: Key) {
        self.by_digest.insert(key.digest, key.id.clone());
        self.by_id.insert(key.id.clone(), Arc::new(key));
    }

    /// The first revocation counts.
    pub(crate) fn revoked(&mut self, id: &KeyId, at: Timestamp) {
        if let Some(key) = self.by_id.get_mut(id)
            && key.revoked_at.is_none()
        {
            *key = Arc::new(Key { revoked_at: Some(at), ..(**key).clone() });
        }
    }

    pub(crate) fn key(&self, id: &KeyId) -> Option<&Arc<Key>> {
        self.by_id.get(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Key>> {
        let mut keys: Vec<_> = self.by_id.values().cloned().collect();
        keys.sort_by_key(|key| key.created_at);
        keys
    }

    /// Whether the secret of a key is taken, by a live key or a revoked one.
    pub(crate) fn has_digest(&self, digest: &[u8; 32]) -> bool {
        self.by_digest.contains_key(digest)
    }

    /// Whether this is the only key left that can make others.
    pub(crate) fn is_last_admin(&self, id: &KeyId) -> bool {
        let administers =
            |key: &Key| key.revoked_at.is_none() && key.role == KeyRole::Admin && key.scope == KeyScope::AllTenants;
        self.by_id.get(id).is_some_and(|key| administers(key))
            && !self.by_id.values().any(|key| key.id != *id && administers(key))
    }

    /// The live key with this secret. The table is searched by digest, which says nothing about the secret; the digests
    /// are then compared without telling by the time it takes where they differ.
    pub(crate) fn authenticate(&self, presented: &str) -> Option<Arc<Key>> {
        let digest = digest(presented);
        let key = self.by_id.get(self.by_digest.get(&digest)?)?;
        let same = bool::from(key.digest.ct_eq(&digest));
        (same && key.revoked_at.is_none()).then(|| Arc::clone(key))
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
