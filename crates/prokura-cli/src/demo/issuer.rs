//! A token issuer of the demo's own: a key pair, its public half as JWKS, and tokens signed with it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::failure::Failure;

pub(super) const ISSUER: &str = "https://tokens.acme.example";
pub(super) const AUDIENCE: &str = "prokura";
const KEY_ID: &str = "demo";

/// Signs tokens. Its private key lives and dies with this process.
pub(super) struct Issuer {
    private: EncodingKey,
    public: Value,
}

impl Issuer {
    pub(super) fn new() -> Result<Self, Failure> {
        let failed = |what: &str| Failure::new("internal", format!("a signing key cannot be made: {what}"));
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| failed("no randomness"))?;
        let document = pair.to_pkcs8v1().map_err(|_| failed("no PKCS#8 form"))?;
        // Uncompressed: one byte that says so, then the two coordinates.
        let point = pair.public_key().as_ref();
        let (Some(x), Some(y)) = (point.get(1..33), point.get(33..65)) else {
            return Err(failed("a public key of an unknown form"));
        };
        let public = json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": KEY_ID,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }]});
        Ok(Self { private: EncodingKey::from_ec_der(document.as_ref()), public })
    }

    /// Its public keys, as a JSON Web Key Set.
    pub(super) fn key_set(&self) -> String {
        self.public.to_string()
    }

    /// A token that says who its bearer is, and which delegation it acts under. It grants nothing.
    pub(super) fn token(&self, subject: &str, delegation: &str, lifetime: Duration) -> Result<String, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let header =
            Header { typ: Some("at+jwt".to_owned()), kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::ES256) };
        let claims = json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "delegation": delegation,
            "iat": now,
            "exp": now + lifetime.as_secs(),
        });
        jsonwebtoken::encode(&header, &claims, &self.private)
            .map_err(|error| Failure::new("internal", format!("a token cannot be signed: {error}")))
    }
}
