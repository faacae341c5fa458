//! What events are signed with, by the scheme of Standard Webhooks.

use std::{fmt, path::Path};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::limits::{WEBHOOK_SECRET_BYTES_MAX, WEBHOOK_SECRET_BYTES_MIN, WEBHOOK_SECRETS_MAX};

/// What a signature begins with.
const VERSION: &str = "v1,";

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// Most that is read of a file of secrets.
const FILE_BYTES_MAX: u64 = 65_536;

/// The secrets of a webhook: several while one takes the place of another. Never shown.
pub(crate) struct Secrets(Vec<Vec<u8>>);

impl Secrets {
    /// Those that the configuration names the place of.
    pub(crate) fn read(file: Option<&Path>, variable: Option<&str>) -> Result<Self, String> {
        let (place, text) = match (file, variable) {
            (Some(path), _) => {
                let place = path.display().to_string();
                let told = |error: std::io::Error| format!("{place}: {error}");
                if std::fs::metadata(path).map_err(told)?.len() > FILE_BYTES_MAX {
                    return Err(format!("{place}: more than {FILE_BYTES_MAX} bytes"));
                }
                let text = std::fs::read_to_string(path).map_err(told)?;
                (place, text)
            }
            (None, Some(name)) => {
                let text = std::env::var(name).map_err(|_| format!("the environment variable `{name}` is not set"))?;
                (format!("the environment variable `{name}`"), text)
            }
            (None, None) => return Err("it names no secret".to_owned()),
        };
        Self::parse(&text).map_err(|fault| format!("{place}: {fault}"))
    }

    /// Those in the text, parted by white space. What is wrong with one is told by its place in the order.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut secrets = Vec::new();
        for (position, word) in text.split_whitespace().enumerate() {
            secrets.push(decoded(word).map_err(|fault| format!("secret {} {fault}", position + 1))?);
        }
        if !(1..=WEBHOOK_SECRETS_MAX).contains(&secrets.len()) {
            return Err(format!("1 to {WEBHOOK_SECRETS_MAX} secrets, not {}", secrets.len()));
        }
        Ok(Self(secrets))
    }

    /// The value of `webhook-signature`: one signature for each secret.
    pub(super) fn signature(&self, id: &str, seconds: u64, body: &[u8]) -> String {
        let signed: Vec<String> = self.0.iter().map(|secret| signature(secret, id, seconds, body)).collect();
        signed.join(" ")
    }

    /// Whether one of the signatures is by one of the secrets. In a time that says nothing about either.
    pub(crate) fn verify(&self, id: &str, seconds: u64, body: &[u8], signatures: &str) -> bool {
        let given = signatures.split(' ').filter_map(|signature| signature.strip_prefix(VERSION));
        let given: Vec<Vec<u8>> =
            given.take(WEBHOOK_SECRETS_MAX).filter_map(|code| STANDARD.decode(code).ok()).collect();
        let mut good = false;
        for secret in &self.0 {
            // Once over the body for each secret, however many signatures there are.
            let code = code(secret, id, seconds, body);
            for given in &given {
                good |= code.clone().verify_slice(given).is_ok();
            }
        }
        good
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

fn decoded(word: &str) -> Result<Vec<u8>, String> {
    let encoded = word.strip_prefix(PREFIX).ok_or_else(|| format!("does not begin with `{PREFIX}`"))?;
    let bytes = STANDARD.decode(encoded).or_else(|_| STANDARD_NO_PAD.decode(encoded));
    // The error would repeat a part of it.
    let bytes = bytes.map_err(|_| format!("is not `{PREFIX}` and base64"))?;
    if !(WEBHOOK_SECRET_BYTES_MIN..=WEBHOOK_SECRET_BYTES_MAX).contains(&bytes.len()) {
        let (least, most) = (WEBHOOK_SECRET_BYTES_MIN, WEBHOOK_SECRET_BYTES_MAX);
        return Err(format!("has {} bytes, and must have {least} to {most}", bytes.len()));
    }
    Ok(bytes)
}

fn signature(secret: &[u8], id: &str, seconds: u64, body: &[u8]) -> String {
    format!("{VERSION}{}", STANDARD.encode(code(secret, id, seconds, body).finalize().into_bytes()))
}

fn code(secret: &[u8], id: &str, seconds: u64, body: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut code = Hmac::<Sha256>::new_from_slice(secret).expect("a key");
    code.update(format!("{id}.{seconds}.").as_bytes());
    code.update(body);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_sevens(bytes: usize) -> String {
        format!("{PREFIX}{}", STANDARD.encode(vec![7; bytes]))
    }

    /// The example of the manual, which is that of Standard Webhooks.
    #[test]
    fn the_known_example_is_signed_as_it_is_known() {
        let manual = include_str!("../../../../docs/manual/webhooks.md");
        let (secret, id, seconds, body, signed) = (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        );
        for told in [secret, id, body, signed, &seconds.to_string()] {
            assert!(manual.contains(told), "{told} is not in the manual");
        }
        let secrets = Secrets::parse(secret).unwrap();
        assert_eq!(secrets.signature(id, seconds, body.as_bytes()), signed);
        // With another implementation, and each secret for itself.
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &[7; 24]);
        let tag = aws_lc_rs::hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
        let both = Secrets::parse(&format!("{secret}\n{}\n", of_sevens(24))).unwrap();
        let expected = format!("{signed} v1,{}", STANDARD.encode(tag));
        assert_eq!(both.signature(id, seconds, body.as_bytes()), expected);
    }

    #[test]
    fn limit_webhook_secret_bytes_min_and_webhook_secret_bytes_max() {
        for (bytes, legal) in [
            (WEBHOOK_SECRET_BYTES_MIN - 1, false),
            (WEBHOOK_SECRET_BYTES_MIN, true),
            (WEBHOOK_SECRET_BYTES_MAX, true),
            (WEBHOOK_SECRET_BYTES_MAX + 1, false),
        ] {
            assert_eq!(Secrets::parse(&of_sevens(bytes)).is_ok(), legal, "{bytes}");
        }
    }

    #[test]
    fn limit_webhook_secret_bytes_max() {
        assert!(Secrets::parse(&of_sevens(WEBHOOK_SECRET_BYTES_MAX)).is_ok());
        assert!(Secrets::parse(&of_sevens(WEBHOOK_SECRET_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn limit_webhook_secrets_max() {
        let many = |count: usize| vec![of_sevens(32); count].join("\n");
        assert!(Secrets::parse(&many(WEBHOOK_SECRETS_MAX)).is_ok());
        assert!(Secrets::parse(&many(WEBHOOK_SECRETS_MAX + 1)).is_err());
        assert!(Secrets::parse(" \n").is_err());
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_told_without_it() {
        for text in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GK!qrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8G"] {
            let fault = Secrets::parse(text).err().unwrap();
            assert!(fault.starts_with("secret 1 ") && !fault.contains("MfKQ"), "{fault}");
        }
        assert_eq!(format!("{:?}", Secrets::parse(&of_sevens(24)).unwrap()), "Secrets(1)");
    }
}
