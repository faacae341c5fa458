//! Who is calling: an API key, or a token of a configured issuer. A token names the actor; no claim of it grants anything.

mod caller;
mod key_set;
mod remembered;
mod token;

use std::{collections::HashMap, sync::Arc};

use prokura::Authority;
use prokura_model::Timestamp;

pub(crate) use caller::{AskedAbout, Caller, TokenActor, tenant_named};
pub use token::Algorithm;

use crate::{
    config::Config,
    error::Refusal,
    limits::{TOKEN_BYTES_MAX, TOKENS_REMEMBERED_MAX},
    server::ServeError,
};
use remembered::Remembered;
use token::{TokenFault, TokenRules, UncheckedToken};

/// Says who holds a credential.
#[derive(Debug)]
pub(crate) struct Authenticator {
    authority: Authority,
    issuers: HashMap<String, Arc<TokenRules>>,
    remembered: Remembered,
}

impl Authenticator {
    pub(crate) async fn new(config: &Config, authority: Authority) -> Result<Self, ServeError> {
        let mut issuers = HashMap::new();
        for issuer in &config.issuers {
            let rules = TokenRules::new(issuer)?;
            rules
                .keys
                .read_first()
                .await
                .map_err(|detail| ServeError::Keys { issuer: issuer.issuer.clone(), detail })?;
            issuers.insert(issuer.issuer.clone(), Arc::new(rules));
        }
        Ok(Self { authority, issuers, remembered: Remembered::new(TOKENS_REMEMBERED_MAX) })
    }

    /// The caller behind the value of an `Authorization` header.
    pub(crate) async fn authenticate(&self, header: &str) -> Result<Caller, Refusal> {
        let presented = match header.split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim_matches(' '),
            _ => {
                return Err(Refusal::unauthenticated(
                    "credential_invalid",
                    "the header `Authorization` must say `Bearer`, then an API key or a token",
                ));
            }
        };
        // Keys first: one that was chosen may look like a token, and must still open the door.
        if let Some(key) = self.authority.authenticate(presented) {
            return Ok(Caller::Key(key));
        }
        if !looks_like_token(presented) {
            return Err(Refusal::unauthenticated("credential_invalid", "no such API key, or it was revoked"));
        }
        let now = self.authority.now();
        self.verify(presented, now).await.map(Caller::Token).map_err(|fault| fault.refusal())
    }

    /// The actor that a token names, if the token is good at this moment.
    async fn verify(&self, text: &str, now: Timestamp) -> Result<Arc<TokenActor>, TokenFault> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(TokenFault::Malformed("it is too long"));
        }
        let digest = remembered::digest(text);
        if let Some(actor) = self.remembered.find(&digest, now, |actor| self.fresh_generation(&actor.issuer)) {
            return Ok(actor);
        }
        let token = UncheckedToken::read(text)?;
        let rules = self.issuers.get(token.issuer()?).ok_or(TokenFault::IssuerUnknown)?;
        let generation = rules.keys.generation();
        let (actor, good_until) = rules.check(&token, now).await?;
        let actor = Arc::new(actor);
        self.remembered.keep(digest, Arc::clone(&actor), good_until, generation, now);
        Ok(actor)
    }

    /// Changes whenever the issuer's keys do: what was verified with the former ones must be verified again. None: they
    /// were not read for too long. Verifying again reads them, which nothing else does.
    fn fresh_generation(&self, issuer: &str) -> Option<u64> {
        self.issuers.get(issuer)?.keys.fresh_generation()
    }
}

/// Three parts, the first of which begins as a JSON object does. Anything else is no token.
fn looks_like_token(presented: &str) -> bool {
    presented.starts_with("ey") && presented.bytes().filter(|byte| *byte == b'.').count() >= 2
}

#[cfg(test)]
mod tests;
