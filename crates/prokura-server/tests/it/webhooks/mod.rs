//! Webhooks, on a real server, with a receiver of the test's own.

mod config;
mod delivery;
mod events;
mod places;
mod receiver;

use std::{path::Path, time::Duration};

use prokura::{Authority, Options, Provenance};
use prokura_model::{Change, Principal, PrincipalState};
use prokura_server::{Config, Webhook};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, Setup, tenant};
use receiver::Receiver;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Bob asks to deploy; Olga owns the service. The coder ships for Alice, and a guard holds it.
const SCHEMA: &str = "use access\nuse expiration\nuse guards\ndefinition user {}\ndefinition agent {}\ndefinition service {\n\t\
                      relation owner: user\n\trelation deployer: user | agent\n\trelation temporary: user with \
                      expiration\n\tpermission approve = owner\n\tpermission deploy = deployer + temporary\n\tpermission \
                      ship = deployer\n\tpermission look = temporary\n\tpermission wipe = owner\n}\naccess now on \
                      service#deploy {\n\task service#approve\n\tfor at most 4h\n\trelation temporary\n}\naccess \
                      emergency on service#deploy {\n\task service#approve\n\tfor at most 15m\n\trelation \
                      temporary\n\tbreak glass\n}\naccess freely on service#look {\n\tgrant\n\tfor at most 1h\n\trelation \
                      temporary\n}\naccess never on service#wipe {\n\trefuse\n}\nguard production on service#ship { require \
                      approval from service#approve within 15m }\n";

pub(crate) struct World {
    pub(crate) setup: Setup,
}

/// A webhook that is told everything of `default`.
fn webhook(folder: &Path, name: &str, url: &str) -> Webhook {
    let secret = folder.join(format!("{name}.secret"));
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    Webhook {
        name: name.to_owned(),
        url: url.to_owned(),
        secret_file: Some(secret),
        secret_env: None,
        tenants: vec!["default".to_owned()],
        events: vec!["*".to_owned()],
        details: true,
        timeout_seconds: 1,
    }
}

pub(crate) fn fill(authority: &Authority, name: &str) {
    let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned())];
    let edges =
        ["service:shop#owner@user:olga", "service:shop#deployer@user:alice", "service:shop#deployer@agent:coder"];
    changes.extend(edges.map(|text| Change::touched(text.parse().unwrap())));
    changes.extend(["user:alice", "user:bob", "user:olga", "agent:coder"].map(|text| {
        let (object, state) = (text.parse().unwrap(), PrincipalState::Active);
        Change::PrincipalSet(Principal { object, owner: None, state, declared: false })
    }));
    authority.write(&tenant(name), Provenance::new("test", "fill"), changes).unwrap();
}

fn user(id: &str) -> Value {
    json!({"type": "user", "id": id})
}

fn service(id: &str) -> Value {
    json!({"type": "service", "id": id})
}

impl World {
    /// With these webhooks, in memory.
    async fn new(webhooks: impl FnOnce(&Path) -> Vec<Webhook>) -> Self {
        Self::over(Authority::in_memory(Options::default()), webhooks).await
    }

    async fn over(authority: Authority, webhooks: impl FnOnce(&Path) -> Vec<Webhook>) -> Self {
        // The secrets are read at start.
        let folder = TempDir::new().unwrap();
        let config = Config { webhooks: webhooks(folder.path()), ..Config::default() };
        let setup = Setup::over(authority, config).await;
        fill(&setup.authority, "default");
        Self { setup }
    }

    /// With one webhook that is told everything.
    async fn told(receiver: &Receiver) -> Self {
        Self::new(|folder| vec![webhook(folder, "ops", &receiver.url)]).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.setup.post(&format!("/v1/tenants/default{path}"), &self.setup.admin, body).await
    }

    /// Asks, and answers with the request.
    async fn ask(&self, permission: &str, resources: &[&str], break_glass: bool) -> Value {
        let resources: Vec<Value> = resources.iter().map(|id| service(id)).collect();
        let body = json!({
            "requester": user("bob"), "permission": permission, "resources": resources, "reason": "the shop is down",
            "break_glass": break_glass,
        });
        let asked = self.post("/requests", &body).await;
        assert_eq!(asked.status, 201, "{}", asked.text);
        asked.json()
    }

    /// A step in the life of a request or an approval.
    async fn step(&self, of: &str, what: &Value, how: &str, more: Value) -> Value {
        let mut body = json!({"by": user("olga"), "reason": "seen"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let id = what["id"].as_str().unwrap();
        let done = self.post(&format!("/{of}/{id}/{how}"), &body).await;
        assert_eq!(done.status, 200, "{}", done.text);
        done.json()
    }

    async fn list(&self) -> Vec<Value> {
        let found = self.setup.get("/v1/webhooks", &self.setup.admin).await;
        assert_eq!(found.status, 200, "{}", found.text);
        found.json()["items"].as_array().unwrap().clone()
    }

    async fn metrics(&self) -> String {
        self.setup.get("/metrics", &self.setup.admin).await.text
    }

    /// Waits until the list of webhooks is so.
    async fn until(&self, so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        for _ in 0..600 {
            let found = self.list().await;
            if so(&found) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never so: {:?}", self.list().await);
    }
}
