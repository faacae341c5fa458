//! Reading and checking tokens (JWT in compact form). Everything is refused that is not expected.

use std::{collections::BTreeMap, fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use prokura_model::{DelegationId, ObjectRef, Timestamp, Value};
use serde::Deserialize;

use super::{TokenActor, key_set::KeySet};
use crate::{config::Issuer, error::Refusal, json, server::ServeError};

/// A signature algorithm. Only asymmetric ones exist here, so that no public key can ever serve as a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PSS with SHA-384.
    #[serde(rename = "PS384")]
    Ps384,
    /// RSASSA-PSS with SHA-512.
    #[serde(rename = "PS512")]
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }

    pub(super) fn is_rsa(self) -> bool {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => true,
            Self::Es256 | Self::Es384 | Self::EdDsa => false,
        }
    }

    pub(super) fn for_verifying(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Rs384 => jsonwebtoken::Algorithm::RS384,
            Self::Rs512 => jsonwebtoken::Algorithm::RS512,
            Self::Ps256 => jsonwebtoken::Algorithm::PS256,
            Self::Ps384 => jsonwebtoken::Algorithm::PS384,
            Self::Ps512 => jsonwebtoken::Algorithm::PS512,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Es384 => jsonwebtoken::Algorithm::ES384,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

/// Why a token is refused. The holder is told what helps an honest one, and nothing of the token is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenFault {
    Malformed(&'static str),
    IssuerUnknown,
    AlgorithmRefused,
    TypeRefused,
    KeyUnknown,
    KeysUnavailable,
    SignatureInvalid,
    Claim(&'static str, &'static str),
    Expired,
    NotYetValid,
    AudienceOther,
    SubjectInvalid(String),
}

impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(detail) => write!(f, "the token cannot be read: {detail}"),
            Self::IssuerUnknown => f.write_str("the token's issuer is not configured here"),
            Self::AlgorithmRefused => f.write_str("the token is signed with an algorithm that is not accepted"),
            Self::TypeRefused => f.write_str("the token is of a type (`typ`) that is not accepted"),
            Self::KeyUnknown => f.write_str("the token names no key (`kid`) of its issuer"),
            Self::KeysUnavailable => f.write_str("the issuer's keys cannot be read at the moment"),
            Self::SignatureInvalid => f.write_str("the token's signature is not its issuer's"),
            Self::Claim(claim, detail) => write!(f, "the token's claim `{claim}` {detail}"),
            Self::Expired => f.write_str("the token has expired"),
            Self::NotYetValid => f.write_str("the token is not valid yet"),
            Self::AudienceOther => f.write_str("the token is for another audience"),
            Self::SubjectInvalid(detail) => write!(f, "the token's subject cannot be an actor: {detail}"),
        }
    }
}

impl TokenFault {
    pub(super) fn refusal(&self) -> Refusal {
        let code = match self {
            Self::Expired => "token_expired",
            Self::KeysUnavailable => "issuer_unavailable",
            _ => "token_invalid",
        };
        Refusal::unauthenticated(code, self.to_string())
    }
}

/// A token in its parts, of which nothing is believed yet.
pub(super) struct UncheckedToken<'t> {
    pub(super) header: BTreeMap<String, Value>,
    pub(super) claims: BTreeMap<String, Value>,
    pub(super) signed: &'t str,
    pub(super) signature: &'t str,
}

impl<'t> UncheckedToken<'t> {
    pub(super) fn read(text: &'t str) -> Result<Self, TokenFault> {
        let (signed, signature) = text.rsplit_once('.').ok_or(TokenFault::Malformed("it has no three parts"))?;
        let (header, claims) = signed.split_once('.').ok_or(TokenFault::Malformed("it has no three parts"))?;
        if claims.contains('.') || header.is_empty() || claims.is_empty() || signature.is_empty() {
            return Err(TokenFault::Malformed("it has no three parts"));
        }
        Ok(Self { header: members(header)?, claims: members(claims)?, signed, signature })
    }

    pub(super) fn issuer(&self) -> Result<&str, TokenFault> {
        match self.claims.get("iss") {
            Some(Value::String(issuer)) => Ok(issuer),
            _ => Err(TokenFault::Claim("iss", "must be a text")),
        }
    }
}

/// The decoder refuses padding, white space and bits that do not belong to a byte, so a token has one spelling.
fn members(part: &str) -> Result<BTreeMap<String, Value>, TokenFault> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Malformed("a part is not base64url"))?;
    match json::parse(&bytes) {
        Ok(Value::Map(members)) => Ok(members),
        _ => Err(TokenFault::Malformed("a part is not one JSON object with each member once")),
    }
}

/// What a token of one issuer must be like.
#[derive(Debug)]
pub(super) struct TokenRules {
    issuer: Issuer,
    tenants: Arc<[String]>,
    pub(super) keys: KeySet,
}

impl TokenRules {
    pub(super) fn new(issuer: &Issuer) -> Result<Self, ServeError> {
        let keys =
            KeySet::new(&issuer.jwks).map_err(|detail| ServeError::Keys { issuer: issuer.issuer.clone(), detail })?;
        Ok(Self { issuer: issuer.clone(), tenants: issuer.tenants.clone().into(), keys })
    }

    /// Whom the token names, and until when it is good.
    pub(super) async fn check(
        &self,
        token: &UncheckedToken<'_>,
        now: Timestamp,
    ) -> Result<(TokenActor, Timestamp), TokenFault> {
        let (algorithm, kid) = self.check_header(&token.header)?;
        let good_until = self.check_claims(&token.claims, now)?;
        let key = self.keys.find(kid).await?;
        if !key.verifies(algorithm) {
            return Err(TokenFault::AlgorithmRefused);
        }
        if !key.verify(algorithm, token.signed, token.signature) {
            return Err(TokenFault::SignatureInvalid);
        }
        Ok((self.actor(&token.claims)?, good_until))
    }

    fn check_header<'h>(&self, header: &'h BTreeMap<String, Value>) -> Result<(Algorithm, &'h str), TokenFault> {
        // Keys and addresses of keys in the header (`jwk`, `jku`, `x5c`, `x5u`) are never looked at.
        if header.contains_key("crit") || header.contains_key("b64") || header.contains_key("cty") {
            return Err(TokenFault::Malformed("its header demands what is not supported"));
        }
        let algorithm = match header.get("alg") {
            Some(Value::String(name)) => Algorithm::from_name(name).ok_or(TokenFault::AlgorithmRefused)?,
            _ => return Err(TokenFault::AlgorithmRefused),
        };
        if !self.issuer.algorithms.contains(&algorithm) {
            return Err(TokenFault::AlgorithmRefused);
        }
        match header.get("typ") {
            Some(Value::String(kind)) if self.accepts_type(kind) => {}
            _ => return Err(TokenFault::TypeRefused),
        }
        match header.get("kid") {
            Some(Value::String(kid)) => Ok((algorithm, kid)),
            _ => Err(TokenFault::KeyUnknown),
        }
    }

    fn accepts_type(&self, kind: &str) -> bool {
        let kind = kind.to_ascii_lowercase();
        let kind = kind.strip_prefix("application/").unwrap_or(&kind);
        self.issuer.token_types.iter().any(|accepted| accepted.eq_ignore_ascii_case(kind))
    }

    fn check_claims(&self, claims: &BTreeMap<String, Value>, now: Timestamp) -> Result<Timestamp, TokenFault> {
        let leeway_ms = self.issuer.leeway_seconds.saturating_mul(1_000);
        let expires = time_claim(claims, "exp")?.ok_or(TokenFault::Claim("exp", "is missing"))?.plus_ms(leeway_ms);
        if now >= expires {
            return Err(TokenFault::Expired);
        }
        let issued = time_claim(claims, "iat")?.ok_or(TokenFault::Claim("iat", "is missing"))?;
        let begins = time_claim(claims, "nbf")?.unwrap_or_default();
        if now.plus_ms(leeway_ms) < issued.max(begins) {
            return Err(TokenFault::NotYetValid);
        }
        let audience_fits = match claims.get("aud") {
            Some(Value::String(audience)) => *audience == self.issuer.audience,
            Some(Value::List(audiences)) => {
                let all_text = audiences.iter().all(|audience| matches!(audience, Value::String(_)));
                all_text && audiences.contains(&Value::String(self.issuer.audience.clone()))
            }
            _ => return Err(TokenFault::Claim("aud", "must be a text or a list of texts")),
        };
        if audience_fits { Ok(expires) } else { Err(TokenFault::AudienceOther) }
    }

    fn actor(&self, claims: &BTreeMap<String, Value>) -> Result<TokenActor, TokenFault> {
        let Some(Value::String(subject)) = claims.get(&self.issuer.subject_claim) else {
            return Err(TokenFault::SubjectInvalid(format!("its claim `{}` is not a text", self.issuer.subject_claim)));
        };
        let actor = match &self.issuer.subject_type {
            Some(kind) => ObjectRef::new(kind, subject).map_err(|error| error.to_string()),
            // Not read as the text form, which may quote an id: a subject has one spelling, as it has with a type given.
            None => match subject.split_once(':') {
                // What looks like a userset is meant as one, and a userset is nobody who acts.
                Some((_, id)) if id.contains('#') => Err("a userset cannot act".to_owned()),
                Some((kind, id)) => ObjectRef::new(kind, id).map_err(|error| error.to_string()),
                None => Err("it is not a type, a colon and an id".to_owned()),
            },
        }
        .map_err(TokenFault::SubjectInvalid)?;
        let delegation = match claims.get(&self.issuer.delegation_claim) {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(
                DelegationId::new(id.as_str())
                    .ok_or(TokenFault::Claim("delegation", "is not the id of a delegation"))?,
            ),
            Some(_) => return Err(TokenFault::Claim("delegation", "is not the id of a delegation")),
        };
        let issued_at = time_claim(claims, "iat")?.ok_or(TokenFault::Claim("iat", "is missing"))?;
        let (issuer, tenants) = (self.issuer.issuer.clone(), Arc::clone(&self.tenants));
        Ok(TokenActor { actor, delegation, issuer, tenants, issued_at })
    }
}

/// Seconds since 1970, as a number that can be meant: within the years that a date can name.
fn time_claim(claims: &BTreeMap<String, Value>, name: &'static str) -> Result<Option<Timestamp>, TokenFault> {
    const SECONDS_MAX: i64 = 253_402_300_799;
    let seconds = match claims.get(name) {
        None => return Ok(None),
        Some(Value::Integer(seconds)) => *seconds,
        // A date with a fraction is legal (RFC 7519); it is rounded down, which is the strict way for an expiry.
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked, the fraction is meant to go")]
        Some(Value::Float(seconds)) if (0.0..=253_402_300_799.0).contains(seconds) => seconds.floor() as i64,
        Some(_) => return Err(TokenFault::Claim(name, "is not a time")),
    };
    if !(0..=SECONDS_MAX).contains(&seconds) {
        return Err(TokenFault::Claim(name, "is not a time"));
    }
    Ok(Some(Timestamp(seconds.unsigned_abs().saturating_mul(1_000))))
}
