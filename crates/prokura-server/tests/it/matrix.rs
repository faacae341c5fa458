//! Every route and every kind of caller: who may come in where.

use std::fmt::Write as _;

use prokura::Provenance;
use prokura_model::{KeyRole, KeyScope, TenantName};
use reqwest::Method;

use crate::{
    support::{Setup, tenant},
    token::TestIssuer,
};

/// The methods and paths of the document, sorted.
fn routes() -> Vec<(Method, String)> {
    let document = serde_json::to_value(prokura_server::openapi()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "put", "post", "delete", "patch"] {
            if item.get(method).is_some() {
                routes.push((method.to_uppercase().parse::<Method>().unwrap(), path.clone()));
            }
        }
    }
    routes.sort_by_key(|(method, path)| (path.clone(), method.to_string()));
    routes
}

#[tokio::test]
async fn every_route_lets_in_whom_it_should() {
    let issuer = TestIssuer::new();
    let setup = Setup::with(issuer.config()).await;
    setup.fill();
    setup.authority.create_tenant(&tenant("other"), Provenance::new("test", "")).unwrap();
    let other = KeyScope::Tenant(TenantName::new("other").unwrap());
    let callers = [
        ("none", String::new()),
        ("garbage", "pk_garbage".to_owned()),
        ("auditor", setup.key(KeyRole::Auditor, KeyScope::AllTenants)),
        ("point", setup.enforcement_point(&["*"])),
        ("token", issuer.token("agent:coder")),
        ("other", setup.key(KeyRole::Admin, other)),
        ("admin", setup.admin.clone()),
    ];
    let mut table = format!("{:<66}", "");
    for (name, _) in &callers {
        write!(table, "{name:>8}").unwrap();
    }
    table.push('\n');
    for (method, path) in routes() {
        write!(table, "{:<66}", format!("{method} {path}")).unwrap();
        // Of its own, because one of the routes ends it.
        let store = setup.authority.mint_tenant_name();
        setup.authority.create_named_tenant(&store, "Store", Provenance::new("test", "")).unwrap();
        let path = path.replace("{store_id}", &store.as_str().to_ascii_uppercase());
        for (_, credential) in &callers {
            write!(table, "{:>8}", status(&setup, &method, &path, credential).await).unwrap();
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

async fn status(setup: &Setup, method: &Method, path: &str, credential: &str) -> u16 {
    let path = path.replace("{tenant}", "default").replace("{id}", "unknown").replace("{revision}", "1");
    let mut request = setup.http.request(method.clone(), setup.url(&path));
    if !credential.is_empty() {
        request = request.bearer_auth(credential);
    }
    if *method != Method::GET {
        request = request.header("content-type", "application/json").body("{}");
    }
    // Not read to its end: some answers go on for ever.
    request.send().await.unwrap().status().as_u16()
}
