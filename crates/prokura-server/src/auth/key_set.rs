//! An issuer's public keys: read from a file or an address, kept, and read again when there is reason to.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use prokura_model::Value;
use reqwest::Url;
use tokio::time::Instant;

use super::token::{Algorithm, TokenFault};
use crate::{
    json,
    limits::{
        KEY_SET_AGE_MAX, KEY_SET_BYTES_MAX, KEY_SET_ENTRIES_MAX, KEY_SET_REREAD_MIN, KEY_SET_STALE_MAX,
        KEY_SET_WAIT_MAX,
    },
    outbound,
};

/// Smallest RSA modulus that is believed, in bytes.
const RSA_MODULUS_BYTES_MIN: usize = 256;

/// An issuer's keys, as they are known.
#[derive(Debug)]
pub(super) struct KeySet {
    source: Source,
    known: RwLock<Known>,
    /// Held by whoever is reading the keys anew; when that was tried last.
    reading: tokio::sync::Mutex<Option<Instant>>,
    generation: AtomicU64,
}

#[derive(Debug, Default, Clone)]
struct Known {
    keys: Arc<HashMap<String, Arc<VerifyingKey>>>,
    read_at: Option<Instant>,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Address(Url, reqwest::Client),
}

impl KeySet {
    pub(super) fn new(source: &str) -> Result<Self, String> {
        let source = match Url::parse(source) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => {
                let client = outbound::client(&url, KEY_SET_WAIT_MAX)?;
                Source::Address(url, client)
            }
            _ => Source::File(PathBuf::from(source)),
        };
        Ok(Self {
            source,
            known: RwLock::new(Known::default()),
            reading: tokio::sync::Mutex::new(None),
            generation: AtomicU64::new(0),
        })
    }

    /// Reads the keys at start: a file must be there; an address may be down for a while.
    pub(super) async fn read_first(&self) -> Result<(), String> {
        match (&self.source, self.read().await) {
            (_, Ok(())) => Ok(()),
            (Source::File(_), Err(error)) => Err(error),
            (Source::Address(url, _), Err(error)) => {
                // No query: it may hold what is nobody's business.
                let (host, path) = (url.host_str().unwrap_or_default(), url.path());
                tracing::warn!(host, path, error, "an issuer's keys cannot be read yet");
                Ok(())
            }
        }
    }

    /// Changes whenever the keys do.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The same, if the keys were read recently enough to rely on them without a look.
    pub(super) fn fresh_generation(&self) -> Option<u64> {
        // The age first: keys that are read in between have a generation of their own then.
        let fresh = self.known().read_at.is_some_and(|read_at| read_at.elapsed() < KEY_SET_AGE_MAX);
        fresh.then(|| self.generation())
    }

    /// The key of this name. Reads the keys anew when they are old, or when there is no such key.
    pub(super) async fn find(&self, kid: &str) -> Result<Arc<VerifyingKey>, TokenFault> {
        let known = self.known();
        let age = known.read_at.map(|read_at| read_at.elapsed());
        match known.keys.get(kid) {
            Some(key) if age.is_some_and(|age| age < KEY_SET_AGE_MAX) => return Ok(Arc::clone(key)),
            Some(key) if age.is_some_and(|age| age < KEY_SET_STALE_MAX) => {
                // Good enough if someone else is at it, or if it fails; it is the next one's turn then.
                let Ok(mut last) = self.reading.try_lock() else { return Ok(Arc::clone(key)) };
                self.reread(&mut last).await;
            }
            _ => {
                let mut last = self.reading.lock().await;
                self.reread(&mut last).await;
            }
        }
        let known = self.known();
        match known.read_at {
            Some(read_at) if read_at.elapsed() < KEY_SET_STALE_MAX => {
                known.keys.get(kid).cloned().ok_or(TokenFault::KeyUnknown)
            }
            _ => Err(TokenFault::KeysUnavailable),
        }
    }

    async fn reread(&self, last: &mut Option<Instant>) {
        if last.is_some_and(|last| last.elapsed() < KEY_SET_REREAD_MIN) {
            return;
        }
        *last = Some(Instant::now());
        if let Err(error) = self.read().await {
            tracing::warn!(error, "an issuer's keys cannot be read; the known ones are used");
        }
    }

    async fn read(&self) -> Result<(), String> {
        let bytes = match &self.source {
            Source::File(path) => read_file(path.clone()).await,
            Source::Address(url, client) => {
                match tokio::time::timeout(KEY_SET_WAIT_MAX, fetch(client, url.clone())).await {
                    Ok(fetched) => fetched,
                    Err(_) => Err(format!("no answer within {} s", KEY_SET_WAIT_MAX.as_secs())),
                }
            }
        }?;
        let keys = parse_set(&bytes)?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if *known.keys != keys {
            known.keys = Arc::new(keys);
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
        known.read_at = Some(Instant::now());
        Ok(())
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn read_file(path: PathBuf) -> Result<Vec<u8>, String> {
    let read = tokio::task::spawn_blocking(move || {
        let size = std::fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?.len();
        if usize::try_from(size).map_or(true, |size| size > KEY_SET_BYTES_MAX) {
            return Err(format!("{}: more than {KEY_SET_BYTES_MAX} bytes", path.display()));
        }
        std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
    });
    read.await.map_err(|error| error.to_string())?
}

async fn fetch(client: &reqwest::Client, url: Url) -> Result<Vec<u8>, String> {
    let mut response = client.get(url).send().await.map_err(|error| error.without_url().to_string())?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(format!("status {}", response.status()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| error.without_url().to_string())? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > KEY_SET_BYTES_MAX {
            return Err(format!("more than {KEY_SET_BYTES_MAX} bytes"));
        }
    }
    Ok(bytes)
}

/// The keys of a set by their names. Keys that cannot verify anything here are passed over, whatever they are for.
fn parse_set(bytes: &[u8]) -> Result<HashMap<String, Arc<VerifyingKey>>, String> {
    let Ok(Value::Map(set)) = json::parse(bytes) else {
        return Err("not a JSON object".to_owned());
    };
    let Some(Value::List(entries)) = set.get("keys") else {
        return Err("no list `keys`".to_owned());
    };
    if entries.len() > KEY_SET_ENTRIES_MAX {
        return Err(format!("more than {KEY_SET_ENTRIES_MAX} keys"));
    }
    let mut keys = HashMap::new();
    for entry in entries {
        let Value::Map(entry) = entry else { continue };
        let (Some(kid), Some(key)) = (text(entry, "kid"), VerifyingKey::read(entry)) else { continue };
        // Of two keys of one name neither can be meant.
        if keys.insert(kid.to_owned(), Arc::new(key)).is_some() {
            return Err(format!("two keys are named `{}`", kid.escape_debug()));
        }
    }
    Ok(keys)
}

/// One public key, and the algorithms it is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct VerifyingKey {
    parts: KeyParts,
    algorithm: Option<Algorithm>,
}

#[derive(Debug, PartialEq, Eq)]
enum KeyParts {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(String, String),
    P384(String, String),
    Ed25519(String),
}

impl VerifyingKey {
    pub(super) fn read(entry: &std::collections::BTreeMap<String, Value>) -> Option<Self> {
        match entry.get("use") {
            None => {}
            Some(Value::String(purpose)) if purpose == "sig" => {}
            Some(_) => return None,
        }
        match entry.get("key_ops") {
            None => {}
            Some(Value::List(operations)) if operations.contains(&Value::String("verify".to_owned())) => {}
            Some(_) => return None,
        }
        let algorithm = match entry.get("alg") {
            None => None,
            Some(Value::String(name)) => Some(Algorithm::from_name(name)?),
            Some(_) => return None,
        };
        let parts = match (text(entry, "kty")?, text(entry, "crv")) {
            ("RSA", _) => {
                let modulus = URL_SAFE_NO_PAD.decode(text(entry, "n")?).ok()?;
                let significant = modulus.iter().skip_while(|byte| **byte == 0).count();
                let exponent = URL_SAFE_NO_PAD.decode(text(entry, "e")?).ok()?;
                (significant >= RSA_MODULUS_BYTES_MIN).then_some(KeyParts::Rsa { modulus, exponent })?
            }
            ("EC", Some("P-256")) => KeyParts::P256(coordinate(entry, "x", 32)?, coordinate(entry, "y", 32)?),
            ("EC", Some("P-384")) => KeyParts::P384(coordinate(entry, "x", 48)?, coordinate(entry, "y", 48)?),
            ("OKP", Some("Ed25519")) => KeyParts::Ed25519(coordinate(entry, "x", 32)?),
            _ => return None,
        };
        let key = Self { parts, algorithm };
        // A key that says it is for an algorithm of another kind of key is for nothing.
        algorithm.is_none_or(|algorithm| key.verifies(algorithm)).then_some(key)
    }

    /// Whether a signature of this algorithm can be this key's: the key's own word, then its kind.
    pub(super) fn verifies(&self, algorithm: Algorithm) -> bool {
        let kind_fits = match self.parts {
            KeyParts::Rsa { .. } => algorithm.is_rsa(),
            KeyParts::P256(..) => algorithm == Algorithm::Es256,
            KeyParts::P384(..) => algorithm == Algorithm::Es384,
            KeyParts::Ed25519(_) => algorithm == Algorithm::EdDsa,
        };
        kind_fits && self.algorithm.is_none_or(|own| own == algorithm)
    }

    /// Whether the signature over the text is this key's.
    pub(super) fn verify(&self, algorithm: Algorithm, signed: &str, signature: &str) -> bool {
        // The library decodes leniently in places; what it gets has passed our own, strict decoder.
        if URL_SAFE_NO_PAD.decode(signature).is_err() || !self.verifies(algorithm) {
            return false;
        }
        let key = match &self.parts {
            KeyParts::Rsa { modulus, exponent } => Ok(DecodingKey::from_rsa_raw_components(modulus, exponent)),
            KeyParts::P256(x, y) | KeyParts::P384(x, y) => DecodingKey::from_ec_components(x, y),
            KeyParts::Ed25519(x) => DecodingKey::from_ed_components(x),
        };
        key.and_then(|key| jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, algorithm.for_verifying()))
            .unwrap_or(false)
    }
}

fn text<'e>(entry: &'e std::collections::BTreeMap<String, Value>, name: &str) -> Option<&'e str> {
    match entry.get(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn coordinate(entry: &std::collections::BTreeMap<String, Value>, name: &str, bytes: usize) -> Option<String> {
    let text = text(entry, name)?;
    (URL_SAFE_NO_PAD.decode(text).ok()?.len() == bytes).then(|| text.to_owned())
}
