//! What the clients write and decide about: registers, each of which can be granted and revoked while all else stays.

use std::path::Path;

use jiff::ToSpan as _;
use prokura_api::{Cap, CapClause, CapResource, ObjectRef, Relationship, SubjectRef};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::support::{KEY, file, prokura, said};

const EDGES: usize = 4;
const AGENTS: usize = 3;
/// Vaults that are opened by an approval which is good for every use, as long as whoever gave it may.
const VAULTS: usize = 3;
/// Each endorsement needs a worker of its own, so that it alone decides.
const WORKERS: usize = 60;
/// How many minutes after the start each of the links that lapse is over.
const LAPSING_MINUTES: [i64; 4] = [20, 70, 140, 230];

const SCHEMA: &str = "use guards
definition user {}
definition agent {}
definition document {
\trelation editor: user | agent
\tpermission edit = editor
}
definition vault {
\trelation editor: user
\trelation desk: user
\tpermission edit = editor
\tpermission approve = desk
}
guard two_people on vault#edit {
\trequire approval from vault#approve within 30d, reusable
}
";

/// Something that can be granted and revoked, and how it is asked about.
#[derive(Clone, Debug)]
pub(super) struct Register {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) actor: ObjectRef,
    pub(super) delegation: Option<String>,
    pub(super) resource: ObjectRef,
}

/// What is granted and revoked.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// `document:eN#editor@user:alice`, by number.
    Edge(usize),
    /// `vault:vN#desk@user:dana`, by number: whether she still may approve what she approved.
    Approver(usize),
    /// Whether an agent may act.
    Standing(ObjectRef),
    /// A delegation; it is made once and revoked once.
    Link(String),
    /// A task with a delegation under it; it is opened once and closed once.
    Task(String),
    /// An endorsement; its id is known once it was acknowledged.
    Endorsement(Option<String>),
    /// A link with an end: what revokes it is the clock, so many minutes after the start.
    Lapsing(i64),
}

/// What there is before the clients begin.
#[derive(Debug)]
pub(super) struct World {
    /// Registers that are granted and revoked again and again.
    pub(super) fixed: Vec<Register>,
    /// Which of these are granted to begin with, and all that lapses.
    pub(super) granted: Vec<String>,
    /// Workers that nobody endorses yet.
    pub(super) workers: Vec<Register>,
    pub(super) lapsing: Vec<Register>,
}

pub(super) fn object(kind: &str, id: &str) -> ObjectRef {
    ObjectRef { kind: kind.to_owned(), id: id.to_owned() }
}

pub(super) fn subject(kind: &str, id: &str) -> SubjectRef {
    SubjectRef { kind: kind.to_owned(), id: Some(id.to_owned()), relation: None, wildcard: false }
}

pub(super) fn edge(number: usize) -> Relationship {
    Relationship {
        resource: object("document", &format!("e{number}")),
        relation: "editor".to_owned(),
        subject: subject("user", "alice"),
        caveat: None,
        expires_at: None,
    }
}

pub(super) fn approver(number: usize) -> Relationship {
    Relationship {
        resource: object("vault", &format!("v{number}")),
        relation: "desk".to_owned(),
        subject: subject("user", "dana"),
        caveat: None,
        expires_at: None,
    }
}

/// May edit every document.
pub(super) fn cap() -> Cap {
    let every = CapResource { kind: "document".to_owned(), id: None, wildcard: true, origin_has: None, under: None };
    Cap { clauses: vec![CapClause { permissions: vec!["edit".to_owned()], resources: vec![every], when: None }] }
}

fn register(name: String, kind: Kind, actor: &str, delegation: String, resource: &str) -> Register {
    let (actor, resource) = (object("agent", actor), object("document", resource));
    Register { name, kind, actor, delegation: Some(delegation), resource }
}

impl Register {
    /// A link to the coder, or a task with that link under it.
    pub(super) fn under_link(name: String, kind: Kind, link: String) -> Self {
        register(name, kind, "coder", link, "fixed")
    }
}

/// Writes the world to the server.
pub(super) fn load_world(url: &str) -> World {
    let home = TempDir::new().expect("a folder");
    let path = file(home.path(), "world.yaml", &declaration().to_string());
    let mut command = prokura(home.path());
    said(command.env("PROKURA_SERVER", url).env("PROKURA_KEY", KEY).args(["apply", &path])).ended(0);
    let edges = (0..EDGES).map(|number| {
        register(format!("edge {number}"), Kind::Edge(number), "coder", "lent".to_owned(), &format!("e{number}"))
    });
    let agents = (0..AGENTS).map(|number| {
        let name = format!("a{number}");
        let standing = Kind::Standing(object("agent", &name));
        register(format!("standing of {name}"), standing, &name, format!("lent-{name}"), "fixed")
    });
    let workers = (0..WORKERS).map(|number| {
        let name = format!("w{number}");
        register(format!("endorsement of {name}"), Kind::Endorsement(None), &name, format!("ask-{name}"), "fixed")
    });
    let lapsing = LAPSING_MINUTES.map(|minutes| {
        let link = format!("lapsing-{minutes}");
        register(link.clone(), Kind::Lapsing(minutes), "coder", link, "fixed")
    });
    let vaults = (0..VAULTS).map(|number| {
        approve(url, home.path(), number);
        let (name, resource) = (format!("approver of v{number}"), object("vault", &format!("v{number}")));
        Register { resource, ..register(name, Kind::Approver(number), "coder", "opens".to_owned(), "fixed") }
    });
    let (edges, agents, vaults): (Vec<_>, Vec<_>, Vec<_>) = (edges.collect(), agents.collect(), vaults.collect());
    let granted = agents.iter().chain(&vaults).chain(&lapsing).map(|register| register.name.clone()).collect();
    World { fixed: [edges, agents, vaults].concat(), granted, workers: workers.collect(), lapsing: lapsing.to_vec() }
}

/// The agent asks for what it is held for, and Dana says yes.
fn approve(url: &str, home: &Path, number: usize) {
    let vault = format!("vault:v{number}");
    let run = |arguments: &[&str]| {
        let mut command = prokura(home);
        said(command.env("PROKURA_SERVER", url).env("PROKURA_KEY", KEY).args(arguments)).ended(0)
    };
    let ask = ["approval", "ask", "agent:coder", "edit", &vault, "-d", "opens", "--reason", "load", "--json"];
    let asked = run(&ask).json();
    run(&["approve", asked["id"].as_str().expect("an id"), "--by", "user:dana"]);
}

/// Alice may edit one document for good, lends that to everyone, and has workers that may edit it themselves.
fn declaration() -> Value {
    let may_edit = json!([{ "permissions": ["edit"], "resources": ["document:*"] }]);
    let link = |kind: &str, to: &str| json!({ "task": "work", "kind": kind, "from": "user:alice", "to": format!("agent:{to}"), "cap": may_edit });
    let mut relationships = vec!["document:fixed#editor@user:alice".to_owned()];
    let mut principals = Map::from_iter([
        ("user:alice".to_owned(), json!({})),
        ("user:olga".to_owned(), json!({})),
        ("user:dana".to_owned(), json!({})),
        ("agent:coder".to_owned(), json!({ "owner": "user:alice" })),
    ]);
    let mut delegations = Map::from_iter([("lent".to_owned(), link("lends", "coder"))]);
    let mut opens = link("lends", "coder");
    opens["cap"] = json!([{ "permissions": ["edit"], "resources": ["vault:*"] }]);
    delegations.insert("opens".to_owned(), opens);
    for number in 0..VAULTS {
        relationships.push(format!("vault:v{number}#editor@user:alice"));
        relationships.push(format!("vault:v{number}#desk@user:dana"));
    }
    for number in 0..AGENTS {
        principals.insert(format!("agent:a{number}"), json!({ "owner": "user:alice" }));
        delegations.insert(format!("lent-a{number}"), link("lends", &format!("a{number}")));
    }
    for number in 0..WORKERS {
        principals.insert(format!("agent:w{number}"), json!({ "owner": "user:olga" }));
        relationships.push(format!("document:fixed#editor@agent:w{number}"));
        delegations.insert(format!("ask-w{number}"), link("dispatches", &format!("w{number}")));
    }
    for minutes in LAPSING_MINUTES {
        let mut lapsing = link("lends", "coder");
        lapsing["expires_at"] = json!((jiff::Timestamp::now() + minutes.minutes()).to_string());
        delegations.insert(format!("lapsing-{minutes}"), lapsing);
    }
    json!({
        "schema": SCHEMA,
        "relationships": relationships,
        "principals": principals,
        "tasks": { "work": { "origin": "user:alice", "purpose": "load", "expires_in": "30d" } },
        "delegations": delegations,
    })
}
