//! What is taken is taken once: a budget, and approvals that are good for one use, asked for by several clients while the
//! server is killed and held up. Each asks until it is answered, always by the same request id.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use prokura_testkit::Rng;
use reqwest::StatusCode;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{ROUNDS, pause, runtime, seeds};
use crate::support::{KEY, Server, file};

const CLIENTS: u64 = 4;
const BUDGET: usize = 300;
const VAULTS: usize = 24;
/// How long it is until the next vault is tried.
const NEXT_VAULT: Duration = Duration::from_millis(100);

const SCHEMA: &str = "use guards
definition user {}
definition agent {}
definition mailbox {
\trelation owner: user
\tpermission send = owner
}
definition vault {
\trelation owner: user
\trelation desk: user
\tpermission open = owner
\tpermission approve = desk
}
guard two_people on vault#open {
\trequire approval from vault#approve within 30d, once
}
";

/// What one request id was answered.
#[derive(Debug)]
struct Answered {
    about: String,
    id: u64,
    invoked: Instant,
    completed: Instant,
    allowed: bool,
    /// How often it was sent.
    tries: usize,
}

#[derive(Clone)]
struct Clients(Arc<Shared>);

struct Shared {
    url: RwLock<String>,
    http: reqwest::Client,
    start: Instant,
    next_id: AtomicU64,
    ended: AtomicBool,
}

impl Clients {
    fn of(server: &Server) -> Self {
        Self(Arc::new(Shared {
            url: RwLock::new(server.url.clone()),
            http: reqwest::Client::new(),
            start: Instant::now(),
            next_id: AtomicU64::new(1),
            ended: AtomicBool::new(false),
        }))
    }

    async fn asks(self, mut rng: Rng) -> Vec<Answered> {
        let mut answered = Vec::new();
        while !self.0.ended.load(Ordering::SeqCst) {
            let newest = self.0.start.elapsed().as_millis() / NEXT_VAULT.as_millis();
            let newest = usize::try_from(newest).unwrap_or(VAULTS).min(VAULTS - 1);
            let about = match rng.below(2) {
                0 => "mailbox:work".to_owned(),
                _ => format!("vault:v{}", rng.between(newest.saturating_sub(2), newest)),
            };
            answered.push(self.ask(&about).await);
            tokio::time::sleep(Duration::from_millis(rng.below(20) as u64)).await;
        }
        answered
    }

    /// Asks until there is an answer.
    async fn ask(&self, about: &str) -> Answered {
        let id = self.0.next_id.fetch_add(1, Ordering::SeqCst);
        let (kind, name) = about.split_once(':').expect("an object");
        let permission = if kind == "vault" { "open" } else { "send" };
        let question = json!({
            "actor": { "type": "agent", "id": "coder" }, "delegation": "lent", "permission": permission,
            "resource": { "type": kind, "id": name },
        });
        let invoked = Instant::now();
        let mut tries = 0;
        loop {
            tries += 1;
            let url = self.0.url.read().unwrap_or_else(PoisonError::into_inner).clone();
            let request = self.0.http.post(format!("{url}/v1/tenants/default/decide")).bearer_auth(KEY).json(&question);
            if let Ok(response) = request.header("X-Request-ID", format!("r-{id}")).send().await {
                let status = response.status();
                assert!(!status.is_client_error(), "{status}: {:?}", response.text().await);
                if status == StatusCode::OK
                    && let Ok(answer) = response.json::<Value>().await
                {
                    let (about, completed) = (about.to_owned(), Instant::now());
                    return Answered {
                        about,
                        id,
                        invoked,
                        completed,
                        allowed: answer["disposition"] == "allow",
                        tries,
                    };
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A task with a budget for mail, and vaults, each of which somebody approved to open once.
fn load_world(server: &Server) {
    let vaults =
        (0..VAULTS).flat_map(|n| [format!("vault:v{n}#owner@user:alice"), format!("vault:v{n}#desk@user:dana")]);
    let relationships: Vec<String> = vaults.chain(["mailbox:work#owner@user:alice".to_owned()]).collect();
    let cap = json!([{ "permissions": ["send", "open"], "resources": ["mailbox:*", "vault:*"] }]);
    let principals = json!({ "user:alice": {}, "user:dana": {}, "agent:coder": { "owner": "user:alice" } });
    let lent = json!({ "task": "work", "from": "user:alice", "to": "agent:coder", "cap": cap });
    let mails =
        json!({ "covers": [{ "permissions": ["send"], "resources": ["mailbox:*"] }], "limit": BUDGET.to_string() });
    let task = json!({ "origin": "user:alice", "purpose": "load", "expires_in": "30d", "budgets": { "mails": mails } });
    let world = json!({
        "schema": SCHEMA, "relationships": relationships, "principals": principals,
        "tasks": { "work": task }, "delegations": Map::from_iter([("lent".to_owned(), lent)]),
    });
    let home = TempDir::new().expect("a folder");
    server.well(&["apply", &file(home.path(), "world.yaml", &world.to_string())]);
    for number in 0..VAULTS {
        let vault = format!("vault:v{number}");
        let ask = ["approval", "ask", "agent:coder", "open", &vault, "-d", "lent", "--reason", "load", "--json"];
        let asked = server.well(&ask).json();
        server.well(&["approve", asked["id"].as_str().expect("an id"), "--by", "user:dana"]);
    }
}

/// As many allows as there were to take, and none asked for after somebody was told that nothing is left.
fn judge(seed: u64, answered: &[Answered], retried: usize) {
    let mut about: BTreeMap<&str, Vec<&Answered>> = BTreeMap::new();
    for one in answered {
        about.entry(&one.about).or_default().push(one);
    }
    for (name, answers) in about {
        let most = if name.starts_with("vault") { 1 } else { BUDGET };
        let allowed: BTreeSet<u64> = answers.iter().filter(|one| one.allowed).map(|one| one.id).collect();
        assert_eq!(allowed.len(), most, "seed {seed}: {name}: {answers:#?}");
        let exhausted = answers.iter().filter(|one| !one.allowed).map(|one| one.completed).min();
        let late = answers.iter().find(|one| one.allowed && exhausted.is_some_and(|told| told < one.invoked));
        assert!(late.is_none(), "seed {seed}: {name}: nothing was left, and then: {late:?}");
    }
    println!("seed {seed}: {} requests, {retried} of them sent again", answered.len());
}

#[test]
fn nothing_is_taken_twice_while_the_server_is_killed_and_held_up() {
    let runtime: Runtime = runtime();
    for seed in seeds() {
        let data = TempDir::new().expect("a folder");
        let mut rng = Rng::new(seed);
        let mut server = Server::on(data.path());
        load_world(&server);
        let clients = Clients::of(&server);
        let ask = |number| runtime.spawn(clients.clone().asks(Rng::new(seed * 100 + number)));
        let running: Vec<_> = (0..CLIENTS).map(ask).collect();
        for _ in 0..ROUNDS {
            pause(&mut rng, 300, 600);
            server.signal("STOP");
            pause(&mut rng, 50, 200);
            server.signal("CONT");
            pause(&mut rng, 50, 200);
            server.kill();
            drop(server);
            server = Server::on(data.path());
            clients.0.url.write().unwrap_or_else(PoisonError::into_inner).clone_from(&server.url);
        }
        pause(&mut rng, 200, 300);
        clients.0.ended.store(true, Ordering::SeqCst);
        let answered = runtime.block_on(async {
            let mut answered = Vec::new();
            for client in running {
                answered.extend(client.await.expect("no panic"));
            }
            // Whatever is left of each is taken, and then there is nothing.
            for about in (0..VAULTS).map(|n| format!("vault:v{n}")).chain(["mailbox:work".to_owned()]) {
                loop {
                    let last = clients.ask(&about).await;
                    let over = !last.allowed;
                    answered.push(last);
                    if over {
                        break;
                    }
                }
            }
            answered
        });
        let retried = answered.iter().filter(|one| one.tries > 1).count();
        assert!(retried > 0, "seed {seed}: no request met a fault");
        judge(seed, &answered, retried);
        let task = server.well(&["task", "show", "work", "--json"]).json();
        assert_eq!(
            (&task["accounts"][0]["spent"], &task["accounts"][0]["left"]),
            (&json!(BUDGET.to_string()), &json!("0"))
        );
    }
}
