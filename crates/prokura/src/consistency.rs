//! How fresh an answer must be, and the tokens that say so.

use hmac::{Hmac, KeyInit as _, Mac as _};
use prokura_model::{Revision, StoreSecret, TenantName};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::AskError;

/// How fresh a snapshot must be. Tokens are those of [`Authority::token`](crate::Authority::token).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// Whatever can be answered at once. Here that is the newest there is: reading it costs no more than reading older.
    MinimizeLatency,
    /// At least as new as this token; here that is the newest there is, once the token is found to be one of ours.
    AtLeastAsFresh(String),
    /// Exactly the revision of this token, as long as it is kept.
    AtExactSnapshot(String),
    /// The newest there is: everything acknowledged so far.
    #[default]
    FullyConsistent,
}

/// A token is the version, the revision, and the code that nobody makes without the secret.
const TOKEN_BYTES: usize = 1 + 8 + 32;

/// As text; what is longer is not even decoded.
const TOKEN_TEXT_BYTES: usize = (TOKEN_BYTES * 4).div_ceil(3);

/// The format of the token; part of what the code is about.
const VERSION: u8 = 1;

/// A new secret: 256 random bits. Three random UUIDs hold 366, and their digest spreads them evenly.
pub(crate) fn mint_secret() -> StoreSecret {
    let mut hasher = Sha256::new();
    for _ in 0..3 {
        hasher.update(Uuid::new_v4().as_bytes());
    }
    StoreSecret(hasher.finalize().into())
}

/// The token of a tenant's revision.
pub(crate) fn sealed(secret: &StoreSecret, tenant: &TenantName, revision: Revision) -> String {
    let mut bytes = Vec::with_capacity(TOKEN_BYTES);
    bytes.push(VERSION);
    bytes.extend(revision.0.to_be_bytes());
    bytes.extend(code(secret, tenant, revision).finalize().into_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The revision that a token of this store and this tenant is for.
pub(crate) fn opened(secret: &StoreSecret, tenant: &TenantName, token: &str) -> Result<Revision, AskError> {
    read(secret, tenant, token).ok_or_else(|| AskError::RevisionTokenInvalid(tenant.clone()))
}

fn read(secret: &StoreSecret, tenant: &TenantName, token: &str) -> Option<Revision> {
    if token.len() != TOKEN_TEXT_BYTES {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (version, rest) = bytes.split_first()?;
    let (revision, presented) = rest.split_first_chunk::<8>()?;
    let revision = Revision(u64::from_be_bytes(*revision));
    // Compared without telling by the time it takes where they differ.
    let genuine = code(secret, tenant, revision).verify_slice(presented).is_ok();
    (*version == VERSION && genuine).then_some(revision)
}

/// Bound to the store by its secret, and to the tenant by its name. What the code is about begins with what it is for, so
/// that the secret could serve another purpose without one being taken for the other.
fn code(secret: &StoreSecret, tenant: &TenantName, revision: Revision) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "this code takes keys of any length")]
    let mut code = Hmac::<Sha256>::new_from_slice(&secret.0).expect("a key of 32 bytes");
    code.update(b"prokura revision token\0");
    code.update(&[VERSION]);
    code.update(&revision.0.to_be_bytes());
    code.update(tenant.as_str().as_bytes());
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantName {
        TenantName::new(name).unwrap()
    }

    #[test]
    fn a_token_opens_to_its_revision_and_nothing_else_does() {
        let secret = mint_secret();
        let token = sealed(&secret, &tenant("default"), Revision(7));
        assert_eq!(token.len(), TOKEN_TEXT_BYTES);
        assert_eq!(opened(&secret, &tenant("default"), &token).unwrap(), Revision(7));
        assert_eq!(opened(&secret, &tenant("other"), &token).unwrap_err().code(), "revision_token_invalid");
        assert_eq!(opened(&mint_secret(), &tenant("default"), &token).unwrap_err().code(), "revision_token_invalid");
    }

    #[test]
    fn every_altered_character_is_found() {
        let secret = mint_secret();
        let token = sealed(&secret, &tenant("default"), Revision(u64::MAX));
        for place in 0..token.len() {
            for other in ['A', 'B', '-', '=', ' ', 'é'] {
                let altered: String =
                    token.chars().enumerate().map(|(at, own)| if at == place { other } else { own }).collect();
                if altered != token {
                    assert!(opened(&secret, &tenant("default"), &altered).is_err(), "{altered}");
                }
            }
            let cut: String = token.chars().take(place).collect();
            assert!(opened(&secret, &tenant("default"), &cut).is_err());
        }
        assert!(opened(&secret, &tenant("default"), &format!("{token}A")).is_err());
        assert!(opened(&secret, &tenant("default"), "").is_err());
    }
}
