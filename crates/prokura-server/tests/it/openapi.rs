//! The document of the API is what the code says.

use std::path::PathBuf;

use crate::support::Setup;

fn committed() -> PathBuf {
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    PathBuf::from(folder).join("../../openapi.json")
}

fn generated() -> String {
    let mut text = prokura_server::openapi().to_pretty_json().unwrap();
    text.push('\n');
    text
}

#[test]
fn openapi_document_is_up_to_date() {
    if std::env::var_os("PROKURA_UPDATE_OPENAPI").is_some() {
        std::fs::write(committed(), generated()).unwrap();
    }
    let found = std::fs::read_to_string(committed()).unwrap_or_default();
    assert!(found == generated(), "openapi.json is not what the code says; run `make openapi` and commit it");
}

#[tokio::test]
async fn openapi_document_is_served() {
    let setup = Setup::empty().await;
    let served = setup.send(setup.http.get(setup.url("/openapi.json"))).await;
    assert_eq!(served.status, 200);
    let document = served.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document, serde_json::from_str::<serde_json::Value>(&generated()).unwrap());
}
