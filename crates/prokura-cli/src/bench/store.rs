//! A store on disk that holds a world, and the keys to ask about it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use prokura::{
    Authority, Options, Provenance, Snapshot,
    model::{Change, KeyRole, KeyScope, Relationship, Revision, SpokenFor, TenantName},
};
use tempfile::TempDir;

use super::{
    Outcome,
    data::World,
    processes::{KEY, Server, Target},
    progress::Progress,
    results::Load,
};

/// Changes in one transaction while loading.
const BATCH: usize = 10_000;

/// A store on disk that holds a world.
pub(crate) struct Store {
    folder: TempDir,
    /// Of an enforcement point: what it asks is recorded.
    recorded: String,
    /// Of an auditor: what it asks is not.
    unrecorded: String,
    pub(crate) load: Load,
}

/// An authority that holds the world, in this process.
pub(crate) struct Loaded {
    pub(crate) authority: Authority,
    pub(crate) tenant: TenantName,
}

impl Store {
    /// Writes the world to a new store, and starts a server on it once.
    pub(crate) fn holding(world: World, progress: Progress) -> Outcome<Self> {
        let changes = |some: &[Relationship]| some.iter().cloned().map(Change::touched).collect::<Vec<_>>();
        let World { schema, relationships } = world;
        // Moved in, so that it is gone when the memory of a server is looked at.
        Self::made(relationships.len(), progress, move |loaded, step| {
            loaded.write(vec![Change::SchemaWritten(schema.to_owned())])?;
            let started = Instant::now();
            for some in relationships.chunks(BATCH) {
                loaded.write(changes(some))?;
                step(some.len());
            }
            let took = started.elapsed();
            // One revision more, in which nothing is different: the one before is then a past one, whole.
            loaded.write(changes(relationships.get(..1).unwrap_or_default()))?;
            Ok(took)
        })
    }

    /// Makes these changes in a new store, in order.
    pub(crate) fn changed(mut changes: Vec<Change>, progress: Progress) -> Outcome<Self> {
        let last = changes.iter().find(|change| matches!(change, Change::RelationshipTouched(..))).cloned();
        let whole = changes.len();
        Self::made(whole, progress, |loaded, step| {
            let started = Instant::now();
            while !changes.is_empty() {
                let some: Vec<_> = changes.drain(..changes.len().min(BATCH)).collect();
                let done = some.len();
                loaded.write(some)?;
                step(done);
            }
            let took = started.elapsed();
            loaded.write(last.into_iter().collect())?;
            Ok(took)
        })
    }

    fn made(
        parts: usize,
        progress: Progress,
        fill: impl FnOnce(&Loaded, &dyn Fn(usize)) -> Outcome<Duration>,
    ) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let loaded = Loaded::open(folder.path())?;
        let step = progress.parts("loading", parts);
        let took = fill(&loaded, &|done| step.done(done))?;
        drop(step);
        let relationships = parts.max(1) as f64;
        let index_bytes = loaded.snapshot()?.stats().bytes;
        loaded.authority.first_key(Some(KEY))?;
        let recorded = loaded.key("bench: recorded", KeyRole::EnforcementPoint(vec![SpokenFor::Any]))?;
        let unrecorded = loaded.key("bench: not recorded", KeyRole::Auditor)?;
        loaded.authority.close();
        let mut store = Self {
            folder,
            recorded,
            unrecorded,
            load: Load {
                seconds: took.as_secs_f64(),
                per_second: relationships / took.as_secs_f64(),
                index_bytes_a_relationship: Some(index_bytes as f64 / relationships),
                ..Load::default()
            },
        };
        let _step = progress.step("starting again");
        let started = Instant::now();
        let server = store.serve()?;
        store.load.restart_seconds = Some(started.elapsed().as_secs_f64());
        store.load.bytes_a_relationship = Some(server.resident_bytes()? as f64 / relationships);
        Ok(store)
    }

    /// Opens it in this process. Nobody else can until it is closed.
    pub(crate) fn open(&self) -> Outcome<Loaded> {
        Loaded::open(self.folder.path())
    }

    /// Starts a server on it.
    pub(crate) fn serve(&self) -> Outcome<Server> {
        Server::on(self.folder.path())
    }

    pub(crate) fn recorded(&self, server: &Server) -> Target {
        server.target(&self.recorded)
    }

    pub(crate) fn unrecorded(&self, server: &Server) -> Target {
        server.target(&self.unrecorded)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Loaded {
    fn open(folder: &Path) -> Outcome<Self> {
        let authority = Authority::open(folder, Options::default())?;
        Ok(Self { authority, tenant: TenantName::new("default")? })
    }

    pub(crate) fn snapshot(&self) -> Outcome<Snapshot> {
        Ok(self.authority.snapshot(&self.tenant)?)
    }

    /// The state one revision ago, which holds the same.
    pub(crate) fn past(&self) -> Outcome<Snapshot> {
        let Revision(newest) = self.snapshot()?.revision();
        Ok(self.authority.snapshot_at(&self.tenant, Revision(newest.saturating_sub(1)))?)
    }

    pub(crate) fn write(&self, changes: Vec<Change>) -> Outcome<()> {
        self.authority.write(&self.tenant, provenance(), changes)?;
        Ok(())
    }

    fn key(&self, name: &str, role: KeyRole) -> Outcome<String> {
        let key = self.authority.create_key(name, role, KeyScope::AllTenants, provenance())?;
        Ok(key.secret.reveal().to_owned())
    }

    /// Lets somebody else open the store.
    pub(crate) fn close(self) {
        self.authority.close();
    }
}

fn provenance() -> Provenance {
    Provenance::new("bench", "a benchmark")
}
