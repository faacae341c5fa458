//! kill -9 under load: what was acknowledged is there afterwards, and besides it at most what was in flight.

use std::{collections::BTreeSet, time::Duration};

use prokura_api::{
    Client, ClientError, NewTask, ObjectRef, Page, ReasonOnly, Relationship, RelationshipQuery, SubjectRef, TaskQuery,
    TaskState, WriteRelationships,
};
use tempfile::TempDir;

use crate::support::Server;

const CLIENTS: usize = 4;
const ROUNDS: usize = 3;
const LOAD: Duration = Duration::from_millis(700);

/// What one client was told, and what it was waiting for when the server died.
#[derive(Debug, Default)]
struct Seen {
    acknowledged: BTreeSet<String>,
    in_flight: BTreeSet<String>,
}

impl Seen {
    fn join(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.in_flight.extend(other.in_flight);
    }

    /// Everything acknowledged was found, and nothing but that and what was in flight.
    fn holds(&self, found: &BTreeSet<String>, what: &str) {
        let lost: Vec<_> = self.acknowledged.difference(found).collect();
        assert!(lost.is_empty(), "{what} acknowledged and lost: {lost:?}");
        let invented: Vec<_> = found
            .iter()
            .filter(|entry| !self.acknowledged.contains(*entry) && !self.in_flight.contains(*entry))
            .collect();
        assert!(invented.is_empty(), "{what} never asked for: {invented:?}");
    }
}

#[test]
fn kill_9_under_load_loses_nothing_that_was_acknowledged() {
    let data = TempDir::new().expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let (mut edges, mut completed) = (Seen::default(), Seen::default());
    let mut server = Server::on(data.path());
    server.well(&["apply", "examples/engineering"]);
    for round in 0..ROUNDS {
        let load = (0..CLIENTS).map(|client| {
            let (one, other) = (server.client(), server.client());
            (runtime.spawn(write(one, round * 100 + client)), runtime.spawn(complete(other)))
        });
        let load: Vec<_> = load.collect();
        std::thread::sleep(LOAD);
        server.kill();
        for (writing, completing) in load {
            edges.join(runtime.block_on(writing).expect("no panic"));
            completed.join(runtime.block_on(completing).expect("no panic"));
        }
        drop(server);
        server = Server::on(data.path());
        let client = server.client();
        edges.holds(&runtime.block_on(stored_edges(&client)), "relationships");
        completed.holds(&runtime.block_on(completed_tasks(&client)), "completed tasks");
    }
    println!("{} relationships and {} tasks acknowledged", edges.acknowledged.len(), completed.acknowledged.len());
    assert!(edges.acknowledged.len() > ROUNDS * CLIENTS, "there was load: {}", edges.acknowledged.len());
    assert!(!completed.acknowledged.is_empty(), "there was load");
}

fn edge(user: &str) -> Relationship {
    Relationship {
        resource: ObjectRef { kind: "repository".to_owned(), id: "load".to_owned() },
        relation: "reader".to_owned(),
        subject: SubjectRef { kind: "user".to_owned(), id: Some(user.to_owned()), relation: None, wildcard: false },
        caveat: None,
        expires_at: None,
    }
}

/// Writes one relationship after the other until the server is gone.
async fn write(client: Client, name: usize) -> Seen {
    let mut seen = Seen::default();
    for number in 0.. {
        let user = format!("{name}-{number}");
        let changes = WriteRelationships { touch: vec![edge(&user)], ..WriteRelationships::default() };
        match client.write_relationships(&changes).await {
            Ok(_) => seen.acknowledged.insert(user),
            Err(error) => {
                assert!(error.status().is_none(), "refused: {error}");
                seen.in_flight.insert(user);
                break;
            }
        };
    }
    seen
}

/// Opens a task and completes it, one after the other, until the server is gone.
async fn complete(client: Client) -> Seen {
    let mut seen = Seen::default();
    loop {
        let wanted = NewTask {
            origin: Some(ObjectRef { kind: "user".to_owned(), id: "alice".to_owned() }),
            purpose: "load".to_owned(),
            expires_at: None,
            expires_in_seconds: Some(3_600),
            parent: None,
            owner: None,
            budgets: Vec::new(),
            reason: None,
        };
        let Ok(task) = client.open_task(&wanted).await else { return seen };
        match client.complete_task(&task.id, &ReasonOnly::default()).await {
            Ok(_) => seen.acknowledged.insert(task.id),
            Err(_) => {
                seen.in_flight.insert(task.id);
                return seen;
            }
        };
    }
}

async fn all<T>(mut page: impl AsyncFnMut(Option<String>) -> Result<Page<T>, ClientError>) -> Vec<T> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let next = page(cursor).await.expect("a page");
        found.extend(next.items);
        cursor = next.next_cursor;
        if cursor.is_none() {
            return found;
        }
    }
}

async fn stored_edges(client: &Client) -> BTreeSet<String> {
    let query = RelationshipQuery { resource_id: Some("load".to_owned()), ..RelationshipQuery::default() };
    let found = all(async |cursor| client.relationships(&RelationshipQuery { cursor, ..query.clone() }).await).await;
    found.into_iter().filter_map(|stored| stored.relationship.subject.id).collect()
}

async fn completed_tasks(client: &Client) -> BTreeSet<String> {
    let query = TaskQuery { state: Some(TaskState::Completed), ..TaskQuery::default() };
    let found = all(async |cursor| client.tasks(&TaskQuery { cursor, ..query.clone() }).await).await;
    found.into_iter().map(|task| task.id).collect()
}
