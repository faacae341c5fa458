use prokura::{
    Authority, Options,
    model::{KeyId, KeyRole, KeyScope, SpokenFor, TenantName},
};

use super::support::{by, tenant};

fn authority() -> Authority {
    Authority::in_memory(Options::default())
}

#[test]
fn the_first_key_is_made_once_and_administers_everything() {
    let authority = authority();
    let first = authority.first_key(None).unwrap().unwrap();
    assert_eq!((&first.key.role, &first.key.scope), (&KeyRole::Admin, &KeyScope::AllTenants));
    let secret = first.secret.reveal();
    assert_eq!(secret.len(), 46);
    assert!(secret.starts_with("pk_"));
    assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)));
    assert!(authority.first_key(None).unwrap().is_none());
    assert!(authority.first_key(Some("another")).unwrap().is_none());
    assert_eq!(*authority.authenticate(secret).unwrap(), first.key);
    assert!(authority.authenticate("another").is_none());
}

#[test]
fn the_first_key_can_be_chosen() {
    let authority = authority();
    for illegal in ["", " ", "two words", "tab\there", "bell\u{7}", "line\n", "s3cret-ключ"] {
        let error = authority.first_key(Some(illegal)).unwrap_err();
        assert_eq!(error.code(), "key_invalid");
        assert!(illegal.trim().is_empty() || !error.to_string().contains(illegal), "{error}");
    }
    let chosen = authority.first_key(Some("s3cret-key!")).unwrap().unwrap();
    assert_eq!(chosen.secret.reveal(), "s3cret-key!");
    assert!(authority.authenticate("s3cret-key!").is_some());
}

#[test]
fn a_revoked_key_authenticates_nobody() {
    let authority = authority();
    authority.first_key(None).unwrap();
    let role = KeyRole::EnforcementPoint(vec![SpokenFor::Any]);
    let made = authority.create_key("gateway", role, KeyScope::Tenant(tenant()), by("key:k")).unwrap();
    assert!(authority.authenticate(made.secret.reveal()).is_some());
    authority.revoke_key(&made.key.id, by("key:k")).unwrap();
    assert!(authority.authenticate(made.secret.reveal()).is_none());
    let first_time = authority.keys().iter().find(|key| key.id == made.key.id).unwrap().revoked_at;
    assert!(first_time.is_some());
    authority.revoke_key(&made.key.id, by("key:k")).unwrap();
    assert_eq!(authority.keys().iter().find(|key| key.id == made.key.id).unwrap().revoked_at, first_time);
    assert_eq!(authority.keys().len(), 2);
}

#[test]
fn the_last_key_that_administers_everything_stays() {
    let authority = authority();
    let first = authority.first_key(None).unwrap().unwrap();
    let scope = KeyScope::Tenant(tenant());
    authority.create_key("not enough", KeyRole::Admin, scope, by("key:k")).unwrap();
    assert_eq!(authority.revoke_key(&first.key.id, by("key:k")).unwrap_err().code(), "key_last_admin");
    authority.create_key("successor", KeyRole::Admin, KeyScope::AllTenants, by("key:k")).unwrap();
    authority.revoke_key(&first.key.id, by("key:k")).unwrap();
    assert!(authority.first_key(None).unwrap().is_none());
}

#[test]
fn a_key_is_refused_with_a_reason() {
    let authority = authority();
    let scope = KeyScope::Tenant(TenantName::new("nowhere").unwrap());
    let create = |name: &str, scope: KeyScope| authority.create_key(name, KeyRole::Auditor, scope, by("key:k"));
    assert_eq!(create("x", scope).unwrap_err().code(), "tenant_unknown");
    assert_eq!(create(" ", KeyScope::AllTenants).unwrap_err().code(), "key_invalid");
    let unknown = KeyId::new("k-none").unwrap();
    assert_eq!(authority.revoke_key(&unknown, by("key:k")).unwrap_err().code(), "key_unknown");
}

#[test]
fn no_secret_is_ever_printed() {
    let authority = authority();
    let first = authority.first_key(Some("hunter2")).unwrap().unwrap();
    assert_eq!(format!("{:?}", first.secret), "…");
    assert!(!format!("{first:?} {authority:?}").contains("hunter2"));
    // Nor the digest, with which guesses of a weak secret could be tried.
    assert!(!format!("{first:?} {authority:?}").contains("digest"));
}
