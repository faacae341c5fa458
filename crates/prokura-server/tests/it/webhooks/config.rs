//! What cannot be meant is refused at start.

use prokura::{Authority, Options};
use prokura_server::{
    Config,
    limits::{WEBHOOK_NAME_BYTES_MAX, WEBHOOK_WAIT_DEFAULT, WEBHOOK_WAIT_MAX, WEBHOOKS_MAX},
    serve,
};
use tempfile::TempDir;

use super::{SECRET, receiver::Receiver, webhook};

fn of(name: &str, more: &str) -> String {
    format!("[[webhook]]\nname = '{name}'\nurl = 'https://hooks.example.com/'\nsecret_file = 'f'\n{more}\n")
}

#[test]
fn a_webhook_that_cannot_be_meant_is_refused_with_its_place() {
    let with = |url: &str| format!("[[webhook]]\nname = 'ops'\nurl = '{url}'\nsecret_file = 'f'\n");
    for (text, part) in [
        (of("Ops", ""), "webhook[0].name: 1 to 64 lower-case letters"),
        (of("", ""), "webhook[0].name"),
        (format!("{}{}", of("ops", ""), of("ops", "")), "webhook[1].name: `ops` is configured twice"),
        (with("http://hooks.example.com/"), "webhook[0].url: plain `http`"),
        (with("https://me:hidden@hooks.example.com/"), "webhook[0].url: an address has no user"),
        (with("hooks.example.com"), "webhook[0].url"),
        (of("ops", "secret_env = 'E'"), "webhook[0]: names its secret with one of"),
        ("[[webhook]]\nname = 'ops'\nurl = 'https://x/'\n".to_owned(), "webhook[0]: names its secret with one of"),
        (of("ops", "tenants = []"), "webhook[0].tenants"),
        (of("ops", "tenants = ['A B']"), "webhook[0].tenants"),
        (of("ops", "events = []"), "webhook[0].events"),
        (of("ops", "events = ['approval.aksed']"), "`approval.aksed` is no event: there are `access_request.made`"),
        (of("ops", "events = ['appr*']"), "webhook[0].events"),
        (of("ops", "events = ['nothing.*']"), "webhook[0].events"),
        (of("ops", "timeout_seconds = 0"), "webhook[0].timeout_seconds: 1 to 30"),
        (of("ops", "secret = 'whsec_hidden'"), "line 5: unknown field `secret`"),
    ] {
        let error = Config::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
        assert!(!error.contains("hidden"), "{error}");
    }
    let whole = "tenants = ['*', 'default']\nevents = ['approval.*', 'break_glass.taken']\ndetails = false";
    Config::from_toml(&of("ops", whole)).unwrap();
}

#[test]
fn limit_webhooks_max() {
    let many = |count: usize| (0..count).map(|number| of(&format!("w{number}"), "")).collect::<String>();
    assert_eq!(Config::from_toml(&many(WEBHOOKS_MAX)).unwrap().webhooks.len(), WEBHOOKS_MAX);
    let error = Config::from_toml(&many(WEBHOOKS_MAX + 1)).unwrap_err();
    assert!(error.to_string().contains("at most 16 webhooks, not 17"), "{error}");
}

#[test]
fn limit_webhook_name_bytes_max() {
    Config::from_toml(&of(&"w".repeat(WEBHOOK_NAME_BYTES_MAX), "")).unwrap();
    Config::from_toml(&of(&"w".repeat(WEBHOOK_NAME_BYTES_MAX + 1), "")).unwrap_err();
}

#[test]
fn limit_webhook_wait_max_and_webhook_wait_default() {
    let config = |seconds: u64| Config::from_toml(&of("ops", &format!("timeout_seconds = {seconds}")));
    assert_eq!(config(WEBHOOK_WAIT_MAX.as_secs()).unwrap().webhooks[0].timeout_seconds, WEBHOOK_WAIT_MAX.as_secs());
    config(WEBHOOK_WAIT_MAX.as_secs() + 1).unwrap_err();
    let usual = Config::from_toml(&of("ops", "")).unwrap();
    assert_eq!(usual.webhooks[0].timeout_seconds, WEBHOOK_WAIT_DEFAULT.as_secs());
}

#[tokio::test]
async fn a_secret_that_cannot_be_used_is_told_without_it() {
    let (receiver, folder) = (Receiver::new().await, TempDir::new().unwrap());
    let start = async |secret: Option<&str>| {
        let hook = webhook(folder.path(), "ops", &receiver.url);
        let path = hook.secret_file.clone().unwrap();
        match secret {
            Some(secret) => std::fs::write(&path, secret).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let config = Config { listen: "127.0.0.1:0".to_owned(), webhooks: vec![hook], ..Config::default() };
        serve(config, Authority::in_memory(Options::default())).await
    };
    let cut = SECRET.get(..20).unwrap();
    let both = format!("{SECRET} {cut}");
    for (secret, part) in [
        (None, "ops.secret: "),
        (Some(""), "ops.secret: 1 to 4 secrets, not 0"),
        (Some("plain-hidden"), "ops.secret: secret 1 does not begin with `whsec_`"),
        (Some(both.as_str()), "ops.secret: secret 2 "),
    ] {
        let error = start(secret).await.unwrap_err();
        let told = error.to_string();
        assert_eq!(error.code(), "webhooks_invalid");
        assert!(told.starts_with("webhook `ops`: ") && told.contains(part), "{told}");
        assert!(!told.contains("hidden") && !told.contains("MfKQ"), "{told}");
    }
    start(Some(SECRET)).await.unwrap();
}
