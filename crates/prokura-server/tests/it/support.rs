//! A server on a free port of this machine, with an authority in memory, and ways to talk to it.

use std::path::PathBuf;

use prokura::{Authority, Context, Options, Provenance, Question};
use prokura_model::{Approval, Change, KeyRole, KeyScope, Principal, PrincipalState, SpokenFor, TenantName};
use prokura_server::{Config, Server, serve};
use serde_json::Value;

/// The schema of most tests: the AuthZEN certification's records, and an agent to lend to.
pub(crate) const SCHEMA: &str = "definition user {}\n\ndefinition agent {}\n\ndefinition record {\n\trelation reader: user\n\t\
    relation writer: user\n\n\tpermission read = reader + writer\n\tpermission write = writer\n\tpermission delete = writer\n}\n";

/// Alice may write record-1, Bob may read it.
pub(crate) const RELATIONSHIPS: [&str; 2] = ["record:record-1#writer@user:alice", "record:record-1#reader@user:bob"];

/// A server, the authority behind it, and a key of each kind.
pub(crate) struct Setup {
    pub(crate) server: Server,
    pub(crate) authority: Authority,
    pub(crate) http: reqwest::Client,
    pub(crate) admin: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The stable code of a refusal by the JSON API.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Setup {
    /// A server with nothing in it but its first key.
    pub(crate) async fn empty() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::over(Authority::in_memory(Options::default()), config).await
    }

    pub(crate) async fn over(authority: Authority, config: Config) -> Self {
        let admin = authority.first_key(None).unwrap().unwrap().secret.reveal().to_owned();
        Self::over_known(authority, config, admin).await
    }

    /// Over an authority that has been served before, and this key in it.
    pub(crate) async fn over_known(authority: Authority, config: Config, admin: String) -> Self {
        let config = Config { listen: "127.0.0.1:0".to_owned(), ..config };
        let server = serve(config, authority.clone()).await.unwrap();
        Self { server, authority, http: client(), admin }
    }

    /// A server with [`SCHEMA`], [`RELATIONSHIPS`] and three principals.
    pub(crate) async fn filled() -> Self {
        let setup = Self::empty().await;
        setup.fill();
        setup
    }

    pub(crate) fn fill(&self) {
        let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned())];
        changes.extend(RELATIONSHIPS.map(|text| Change::touched(text.parse().unwrap())));
        changes.extend(["user:alice", "user:bob", "agent:coder", "agent:tester"].map(|text| {
            Change::PrincipalSet(Principal {
                object: text.parse().unwrap(),
                owner: None,
                state: PrincipalState::Active,
                declared: false,
            })
        }));
        self.authority.write(&tenant("default"), Provenance::new("test", "fill"), changes).unwrap();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }

    /// A key of this role, by its secret.
    pub(crate) fn key(&self, role: KeyRole, scope: KeyScope) -> String {
        let made = self.authority.create_key("test", role, scope, Provenance::new("test", "")).unwrap();
        made.secret.reveal().to_owned()
    }

    pub(crate) fn enforcement_point(&self, speaks_for: &[&str]) -> String {
        let entries = speaks_for.iter().map(|text| text.parse::<SpokenFor>().unwrap()).collect();
        self.key(KeyRole::EnforcementPoint(entries), KeyScope::AllTenants)
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.send(self.http.post(self.url(path)).bearer_auth(key).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.send(self.http.put(self.url(path)).bearer_auth(key).json(body)).await
    }

    pub(crate) async fn get(&self, path: &str, key: &str) -> Answer {
        self.send(self.http.get(self.url(path)).bearer_auth(key)).await
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        answer(request.send().await.unwrap()).await
    }
}

pub(crate) async fn answer(response: reqwest::Response) -> Answer {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().tls_certs_only([]).build().unwrap()
}

pub(crate) fn tenant(name: &str) -> TenantName {
    TenantName::new(name).unwrap()
}

/// Has the approval asked for and given as a scenario has it: no writer takes one that somebody made.
pub(crate) fn approve(authority: &Authority, approval: &Approval) {
    let action = &approval.action;
    let question = Question {
        actor: action.actor.clone(),
        delegation: action.chain.last().map(|link| link.delegation.clone()),
        permission: action.permission.clone(),
        resource: action.resource.clone(),
        arguments: action.arguments.clone(),
        context: Context::new(),
        credential: None,
        tool_schema: action.tool_schema.clone(),
    };
    let by = approval.answer.as_ref().and_then(|answer| answer.by.clone()).unwrap();
    let provenance = || Provenance::new("scenario", "a step of it");
    let asked = authority.ask_for_approval(&tenant("default"), provenance(), question).unwrap();
    assert_eq!(asked.id, approval.id, "the same action has the same name");
    authority.answer_approval(&tenant("default"), provenance(), &asked.id, by, true).unwrap();
}

/// Where the conformance data of the field is, if it is there.
pub(crate) fn conformance_folder() -> PathBuf {
    match std::env::var_os("PROKURA_CONFORMANCE") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
    }
}

/// The conformance data of the field, if it is there; if not, the test says what it leaves out.
pub(crate) fn conformance(file: &str) -> Option<String> {
    let path = conformance_folder().join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            println!("LEFT OUT: {} cannot be read ({error}); set PROKURA_CONFORMANCE to its folder", path.display());
            None
        }
    }
}
