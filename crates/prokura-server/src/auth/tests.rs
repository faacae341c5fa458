use std::{path::PathBuf, time::Duration};

use prokura_model::Value;

use super::{key_set::VerifyingKey, *};
use crate::{
    config::Issuer,
    json,
    limits::{
        KEY_SET_AGE_MAX, KEY_SET_BYTES_MAX, KEY_SET_ENTRIES_MAX, KEY_SET_REREAD_MIN, KEY_SET_STALE_MAX,
        KEY_SET_WAIT_MAX,
    },
};

/// The conformance data of the field, if it is there; if not, the test says what it leaves out.
fn conformance(file: &str) -> Option<serde_json::Value> {
    let folder = match std::env::var_os("PROKURA_CONFORMANCE") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
    };
    let path = folder.join(file);
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(error) => {
            println!("LEFT OUT: {} cannot be read ({error}); set PROKURA_CONFORMANCE to its folder", path.display());
            None
        }
    }
}

fn issuer(jwks: &std::path::Path) -> Issuer {
    let text =
        format!("issuer = 'https://issuer.example'\naudience = 'https://pdp.example'\njwks = '{}'\n", jwks.display());
    toml::from_str(&text).unwrap()
}

async fn rules(issuer: &Issuer) -> TokenRules {
    let rules = TokenRules::new(issuer).unwrap();
    rules.keys.read_first().await.unwrap();
    rules
}

async fn accepts(rules: &TokenRules, token: &str, now: Timestamp) -> Result<TokenActor, TokenFault> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenFault::Malformed("it is too long"));
    }
    let unchecked = UncheckedToken::read(token)?;
    if unchecked.issuer()? != "https://issuer.example" {
        return Err(TokenFault::IssuerUnknown);
    }
    rules.check(&unchecked, now).await.map(|(actor, _)| actor)
}

#[tokio::test]
async fn every_forged_token_of_the_attack_list_is_refused() {
    let Some(data) = conformance("tokens/jwt_attacks.json") else { return };
    let folder = tempfile::tempdir().unwrap();
    let jwks = folder.path().join("jwks.json");
    std::fs::write(&jwks, data["policy"]["jwks"].to_string()).unwrap();
    // The list's policy is RFC 9068: access tokens only. Its subjects hold their type.
    let issuer = Issuer { token_types: vec!["at+jwt".to_owned()], ..issuer(&jwks) };
    let rules = rules(&issuer).await;
    let now = Timestamp(data["policy"]["now"].as_u64().unwrap() * 1_000);
    let vectors = data["vectors"].as_array().unwrap();
    let mut wrong = Vec::new();
    for vector in vectors {
        let token = vector["token"].as_str().unwrap();
        let outcome = accepts(&rules, token, now).await;
        if outcome.is_ok() != vector["accept"].as_bool().unwrap() && vector["either"] != true {
            wrong.push(format!("{}: {} ({outcome:?})", vector["name"], vector["why"]));
        }
    }
    assert!(vectors.len() > 70, "only {} vectors", vectors.len());
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn signatures_are_judged_as_wycheproof_judges_them() {
    let Some(data) = conformance("tokens/wycheproof/json_web_signature_test.json") else { return };
    let (mut judged, mut wrong) = (0, Vec::new());
    for group in data["testGroups"].as_array().unwrap() {
        let key = &group["public"];
        if !key.is_object() || key["kty"] == "oct" || key["crv"] == "P-521" {
            // Symmetric keys do not exist here, and neither does P-521.
            continue;
        }
        let Value::Map(entry) = json::from_wire(key) else { panic!("a key is an object") };
        let key = VerifyingKey::read(&entry);
        for test in group["tests"].as_array().unwrap() {
            let Some(jws) = test["jws"].as_str() else { continue };
            judged += 1;
            let accepted = key.as_ref().is_some_and(|key| signature_holds(key, jws));
            if accepted && test["result"] != "valid" {
                wrong.push(format!("{}: {}", test["tcId"], test["comment"]));
            }
            if !accepted && test["result"] == "valid" {
                println!("refused although valid: {} {}", test["tcId"], test["comment"]);
            }
        }
    }
    assert!(judged > 200, "only {judged} judged");
    assert_eq!(wrong, Vec::<String>::new());
}

/// Only the signature: these are not tokens, their payloads are not claims.
fn signature_holds(key: &VerifyingKey, jws: &str) -> bool {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let Some((signed, signature)) = jws.rsplit_once('.') else { return false };
    let Some((header, payload)) = signed.split_once('.') else { return false };
    let (Ok(header), Ok(_)) = (URL_SAFE_NO_PAD.decode(header), URL_SAFE_NO_PAD.decode(payload)) else { return false };
    let Ok(Value::Map(header)) = json::parse(&header) else { return false };
    if ["crit", "b64"].iter().any(|name| header.contains_key(*name)) {
        return false;
    }
    match header.get("alg") {
        Some(Value::String(name)) => {
            Algorithm::from_name(name).is_some_and(|algorithm| key.verify(algorithm, signed, signature))
        }
        _ => false,
    }
}

fn actor(id: &str) -> Arc<TokenActor> {
    Arc::new(TokenActor {
        actor: format!("agent:{id}").parse().unwrap(),
        delegation: None,
        issuer: "i".to_owned(),
        tenants: Arc::from([]),
        issued_at: Timestamp(0),
    })
}

#[test]
fn a_verified_token_is_remembered_until_it_expires_or_the_keys_change() {
    let remembered = Remembered::new(10);
    remembered.keep([1; 32], actor("a"), Timestamp(100), 7, Timestamp(0));
    assert_eq!(remembered.find(&[1; 32], Timestamp(99), |_| Some(7)), Some(actor("a")));
    assert_eq!(remembered.find(&[1; 32], Timestamp(100), |_| Some(7)), None);
    assert_eq!(remembered.find(&[1; 32], Timestamp(99), |_| Some(8)), None);
    assert_eq!(remembered.find(&[2; 32], Timestamp(99), |_| Some(7)), None);
    assert_eq!(remembered.find(&[1; 32], Timestamp(99), |_| None), None, "keys that must be read again");
}

#[test]
fn limit_tokens_remembered_max() {
    let remembered = Remembered::new(TOKENS_REMEMBERED_MAX);
    let digest = |number: usize| remembered::digest(&number.to_string());
    for number in 0..TOKENS_REMEMBERED_MAX {
        remembered.keep(digest(number), actor("a"), Timestamp(100), 0, Timestamp(0));
    }
    assert_eq!(remembered.len(), TOKENS_REMEMBERED_MAX);
    remembered.keep(digest(TOKENS_REMEMBERED_MAX), actor("b"), Timestamp(100), 0, Timestamp(0));
    assert_eq!(remembered.len(), 1, "one more, and all are forgotten but that");
    assert_eq!(remembered.find(&digest(TOKENS_REMEMBERED_MAX), Timestamp(0), |_| Some(0)), Some(actor("b")));
}

#[test]
fn key_sets_hold_public_keys_for_signing_and_nothing_else() {
    let x = "fc9F_F8-Bh9iAFVhbrJykV4wvPS_i1Cg_OH10EzF-aY";
    let y = "szyfBDRRfaqYx0Gmkoe0bZd0x_Klyh9AU_8nWSLMsRo";
    let read = |text: String| match json::parse(text.as_bytes()) {
        Ok(Value::Map(entry)) => VerifyingKey::read(&entry),
        _ => panic!("{text}"),
    };
    let good = format!(r#"{{"kty": "EC", "crv": "P-256", "x": "{x}", "y": "{y}"}}"#);
    assert!(read(good.clone()).is_some_and(|key| key.verifies(Algorithm::Es256) && !key.verifies(Algorithm::Rs256)));
    for bad in [
        r#"{"kty": "oct", "k": "AAAA", "alg": "HS256"}"#.to_owned(),
        r#"{"kty": "RSA", "n": "AQAB", "e": "AQAB"}"#.to_owned(),
        good.replace("P-256", "P-521"),
        good.replace("\"x\"", "\"use\": \"enc\", \"x\""),
        good.replace("\"x\"", "\"key_ops\": [\"sign\"], \"x\""),
        good.replace("\"x\"", "\"alg\": \"RS256\", \"x\""),
        good.replace("\"x\"", "\"alg\": \"none\", \"x\""),
        good.replace(x, "AAAA"),
    ] {
        assert!(read(bad.clone()).is_none(), "{bad}");
    }
}

struct KeyFile {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl KeyFile {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwks.json");
        let file = Self { _folder: folder, path };
        file.write(&["k0"]);
        file
    }

    fn write(&self, kids: &[&str]) {
        let keys: Vec<String> = kids
            .iter()
            .map(|kid| {
                format!(
                    r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"AlTYm3LZrcpBnqVFHitPEbXlLiVUwftiTSPj79oIaRc"}}"#
                )
            })
            .collect();
        std::fs::write(&self.path, format!(r#"{{"keys":[{}]}}"#, keys.join(","))).unwrap();
    }

    fn set(&self) -> key_set::KeySet {
        key_set::KeySet::new(self.path.to_str().unwrap()).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn limit_key_set_reread_min() {
    let file = KeyFile::new();
    let keys = file.set();
    keys.read_first().await.unwrap();
    assert_eq!(keys.find("k1").await.unwrap_err(), TokenFault::KeyUnknown);
    file.write(&["k0", "k1"]);
    tokio::time::advance(KEY_SET_REREAD_MIN - Duration::from_millis(1)).await;
    assert_eq!(keys.find("k1").await.unwrap_err(), TokenFault::KeyUnknown, "too soon to look again");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(keys.find("k1").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn limit_key_set_age_max() {
    let file = KeyFile::new();
    let keys = file.set();
    keys.read_first().await.unwrap();
    let before = keys.generation();
    file.write(&["other"]);
    tokio::time::advance(KEY_SET_AGE_MAX - Duration::from_millis(1)).await;
    assert!(keys.find("k0").await.is_ok(), "not old yet");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(keys.find("k0").await.unwrap_err(), TokenFault::KeyUnknown, "read again, and withdrawn");
    assert_ne!(keys.generation(), before);
}

#[tokio::test(start_paused = true)]
async fn limit_key_set_stale_max() {
    let file = KeyFile::new();
    let keys = file.set();
    keys.read_first().await.unwrap();
    std::fs::remove_file(&file.path).unwrap();
    tokio::time::advance(KEY_SET_STALE_MAX - Duration::from_millis(1)).await;
    assert!(keys.find("k0").await.is_ok(), "stale keys while reading them fails");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(keys.find("k0").await.unwrap_err(), TokenFault::KeysUnavailable);
}

#[tokio::test]
async fn limit_key_set_bytes_max() {
    let file = KeyFile::new();
    let mut text = std::fs::read(&file.path).unwrap();
    text.resize(KEY_SET_BYTES_MAX, b' ');
    std::fs::write(&file.path, &text).unwrap();
    assert_eq!(file.set().read_first().await, Ok(()));
    text.push(b' ');
    std::fs::write(&file.path, &text).unwrap();
    assert!(file.set().read_first().await.unwrap_err().contains("bytes"));
}

#[tokio::test]
async fn limit_key_set_entries_max() {
    let names: Vec<String> = (0..=KEY_SET_ENTRIES_MAX).map(|number| format!("k{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let file = KeyFile::new();
    file.write(&names[..KEY_SET_ENTRIES_MAX]);
    assert_eq!(file.set().read_first().await, Ok(()));
    file.write(&names);
    assert!(file.set().read_first().await.unwrap_err().contains("keys"));
}

#[tokio::test]
async fn two_keys_of_one_name_are_refused() {
    let file = KeyFile::new();
    file.write(&["k0", "k0"]);
    assert!(file.set().read_first().await.unwrap_err().contains("`k0`"));
}

#[tokio::test]
async fn keys_come_over_https_or_from_this_machine() {
    assert!(key_set::KeySet::new("http://issuer.example/jwks").is_err());
    assert!(key_set::KeySet::new("http://127.0.0.1:1/jwks").is_ok());
    assert!(key_set::KeySet::new("http://[::1]:1/jwks").is_ok());
}

#[test]
fn an_address_of_keys_holds_no_user_and_no_password() {
    for jwks in
        ["https://u:hunter2@issuer.example/jwks", "http://hunter2@127.0.0.1:1/jwks", "https://:hunter2@x.example/"]
    {
        let issuer = issuer(std::path::Path::new(jwks));
        let error = Config { issuers: vec![issuer], ..Config::default() }.check().unwrap_err();
        assert_eq!(error.code(), "config_invalid");
        assert!(error.to_string().contains("issuer[0].jwks") && !error.to_string().contains("hunter2"), "{error}");
    }
    let issuer = Issuer { issuer: "two\nlines".to_owned(), ..issuer(std::path::Path::new("jwks.json")) };
    assert!(Config { issuers: vec![issuer], ..Config::default() }.check().is_err());
}

#[tokio::test(start_paused = true)]
async fn limit_key_set_wait_max() {
    crate::tls::install_provider();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let keys = key_set::KeySet::new(&format!("http://{}/jwks", silent.local_addr().unwrap())).unwrap();
    let started = tokio::time::Instant::now();
    assert_eq!(keys.find("k0").await.unwrap_err(), TokenFault::KeysUnavailable);
    let waited = started.elapsed();
    assert!(waited >= KEY_SET_WAIT_MAX && waited < KEY_SET_WAIT_MAX + Duration::from_secs(1), "{waited:?}");
}

/// An issuer with one key that can sign.
struct Signer {
    key: rcgen::KeyPair,
    file: KeyFile,
}

impl Signer {
    fn new() -> Self {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let signer =
            Self { key: rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap(), file: KeyFile::new() };
        let point = signer.key.public_key_raw();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
        let set = serde_json::json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "x": x, "y": y}]});
        std::fs::write(&signer.file.path, set.to_string()).unwrap();
        signer
    }

    async fn authenticator(&self) -> Authenticator {
        let config = Config { issuers: vec![issuer(&self.file.path)], ..Config::default() };
        Authenticator::new(&config, Authority::in_memory(prokura::Options::default())).await.unwrap()
    }

    /// The header with a token for this subject that is good for two days.
    fn bearer(&self, subject: &str) -> String {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let header = serde_json::json!({"alg": "ES256", "kid": "k1", "typ": "at+jwt"});
        let claims = serde_json::json!({
            "iss": "https://issuer.example", "aud": "https://pdp.example", "sub": subject, "iat": now,
            "exp": now + 172_800,
        });
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let key = jsonwebtoken::EncodingKey::from_ec_der(self.key.serialized_der());
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, jsonwebtoken::Algorithm::ES256).unwrap();
        format!("Bearer {signed}.{signature}")
    }
}

#[tokio::test(start_paused = true)]
async fn a_remembered_token_ends_with_the_key_that_was_withdrawn() {
    let signer = Signer::new();
    let authenticator = signer.authenticator().await;
    let bearer = signer.bearer("agent:coder");
    assert!(authenticator.authenticate(&bearer).await.is_ok());
    signer.file.write(&["other"]);
    tokio::time::advance(KEY_SET_AGE_MAX - Duration::from_millis(1)).await;
    assert!(authenticator.authenticate(&bearer).await.is_ok(), "remembered");
    tokio::time::advance(Duration::from_millis(1)).await;
    let refused = authenticator.authenticate(&bearer).await.unwrap_err();
    assert_eq!((refused.parts().status.as_u16(), refused.parts().code.as_str()), (401, "token_invalid"));
}

#[tokio::test(start_paused = true)]
async fn a_remembered_token_ends_when_its_issuers_keys_could_not_be_read_for_too_long() {
    let signer = Signer::new();
    let authenticator = signer.authenticator().await;
    let bearer = signer.bearer("agent:coder");
    assert!(authenticator.authenticate(&bearer).await.is_ok());
    std::fs::remove_file(&signer.file.path).unwrap();
    tokio::time::advance(KEY_SET_STALE_MAX - Duration::from_millis(1)).await;
    assert!(authenticator.authenticate(&bearer).await.is_ok(), "stale keys while reading them fails");
    tokio::time::advance(Duration::from_millis(1)).await;
    let refused = authenticator.authenticate(&bearer).await.unwrap_err();
    assert_eq!((refused.parts().status.as_u16(), refused.parts().code.as_str()), (401, "issuer_unavailable"));
}

#[tokio::test]
async fn a_subject_has_one_spelling() {
    let signer = Signer::new();
    let authenticator = signer.authenticator().await;
    for (subject, id) in [
        ("agent:a", "a"),
        ("agent:\"a\"", "\"a\""),
        ("agent:a@b.example", "a@b.example"),
        ("agent:a:b", "a:b"),
        ("agent: a", " a"),
    ] {
        let Ok(Caller::Token(token)) = authenticator.authenticate(&signer.bearer(subject)).await else {
            panic!("{subject} is refused")
        };
        assert_eq!((token.actor.kind.as_str(), token.actor.id.as_str()), ("agent", id));
    }
    for subject in ["agent", "agent:", "agent:*", ":a", " agent:a", "agent:a#member", "agent:\u{7}", "\"agent\":a"] {
        assert!(authenticator.authenticate(&signer.bearer(subject)).await.is_err(), "{subject}");
    }
}

#[tokio::test]
async fn a_key_that_looks_like_a_token_opens_the_door() {
    let authority = Authority::in_memory(prokura::Options::default());
    authority.first_key(Some("ey.a.b")).unwrap();
    let authenticator = Authenticator::new(&Config::default(), authority).await.unwrap();
    assert!(matches!(authenticator.authenticate("Bearer ey.a.b").await, Ok(Caller::Key(_))));
    let refused = authenticator.authenticate("Bearer ey.a.c").await.unwrap_err();
    assert_eq!(refused.parts().code, "token_invalid");
}
