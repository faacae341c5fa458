//! The clients, and what they write down.

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use prokura_api::{
    CheckRequest, Client, ClientError, DecideRequest, DelegationKind, Disposition, NewDelegation, NewEndorsement,
    NewTask, Permissionship, ReasonOnly, StateChange, WriteRelationships,
};
use prokura_testkit::{
    Rng,
    history::{Action, Event},
};
use tokio::{runtime::Runtime, task::JoinHandle};

use super::world::{Kind, Register, World, approver, cap, edge, object, subject};

const WRITERS: u64 = 3;
const DECIDERS: u64 = 4;
const MONTH_SECONDS: u64 = 30 * 86_400;
/// Most of what is decided about is new: so many of the newest.
const NEWEST: usize = 12;

/// Whatever the clients share. Cheap to clone.
#[derive(Clone)]
pub(super) struct Clients(Arc<Shared>);

struct Shared {
    server: RwLock<Client>,
    start: Instant,
    world: World,
    made: Mutex<Vec<Register>>,
    next_worker: AtomicUsize,
    /// What only the clock revoked.
    lapsed: Mutex<Vec<Event>>,
    ended: AtomicBool,
}

/// Clients at work.
pub(super) struct Load {
    clients: Clients,
    running: Vec<JoinHandle<Vec<Event>>>,
}

impl Load {
    pub(super) fn start(runtime: &Runtime, server: Client, world: World, seed: u64) -> Self {
        let clients = Clients::of(server, world);
        let writers = (0..WRITERS).map(|number| {
            let (clients, rng) = (clients.clone(), Rng::new(seed * 100 + number));
            runtime.spawn(async move { clients.writes(rng).await })
        });
        let running: Vec<_> = writers.collect();
        let deciders = (0..DECIDERS).map(|number| {
            let (clients, rng) = (clients.clone(), Rng::new(seed * 100 + 50 + number));
            runtime.spawn(async move { clients.decides(rng).await })
        });
        let running = running.into_iter().chain(deciders).collect();
        Self { clients, running }
    }

    /// The server is another one from now on.
    pub(super) fn point_to(&self, server: Client) {
        *self.clients.0.server.write().unwrap_or_else(PoisonError::into_inner) = server;
    }

    /// The clock is about to be so many minutes ahead: what ends before that may be over from now on.
    pub(super) fn time_passes(&self, minutes: i64) {
        let Clients(shared) = &self.clients;
        let mut lapsed = shared.lapsed.lock().unwrap_or_else(PoisonError::into_inner);
        for register in &shared.world.lapsing {
            let over = matches!(register.kind, Kind::Lapsing(end) if end <= minutes + 1);
            if over && !lapsed.iter().any(|event| event.register == register.name) {
                lapsed.push(self.clients.event(&register.name, Action::Revoke, self.clients.now(), None, None));
            }
        }
    }

    /// Lets everyone finish, asks about everything once more, and gives all that was seen.
    pub(super) async fn end(self) -> Vec<Event> {
        let Clients(shared) = &self.clients;
        shared.ended.store(true, Ordering::SeqCst);
        let mut events = Vec::new();
        for client in self.running {
            events.extend(client.await.expect("no panic"));
        }
        let made = shared.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for register in made.iter().chain(&shared.world.fixed).chain(&shared.world.lapsing) {
            events.push(self.clients.decide(register).await.expect("the server is up"));
        }
        for name in &shared.world.granted {
            events.push(self.clients.event(name, Action::Grant, 0, Some(0), None));
        }
        events.append(&mut shared.lapsed.lock().unwrap_or_else(PoisonError::into_inner));
        events
    }
}

impl Clients {
    pub(super) fn of(server: Client, world: World) -> Self {
        Self(Arc::new(Shared {
            server: RwLock::new(server),
            start: Instant::now(),
            world,
            made: Mutex::default(),
            next_worker: AtomicUsize::new(0),
            lapsed: Mutex::default(),
            ended: AtomicBool::new(false),
        }))
    }

    /// One clock for all: nanoseconds since the start, and never 0.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_nanos()).expect("not that long") + 1
    }

    pub(super) fn fixed(&self, number: usize) -> Register {
        self.0.world.fixed[number].clone()
    }

    fn server(&self) -> Client {
        self.0.server.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn event(
        &self,
        register: &str,
        action: Action,
        invoked: u64,
        completed: Option<u64>,
        revision: Option<u64>,
    ) -> Event {
        Event { register: register.to_owned(), action, invoked, completed, revision }
    }

    async fn writes(self, mut rng: Rng) -> Vec<Event> {
        let mut events = Vec::new();
        while !self.0.ended.load(Ordering::SeqCst) {
            if rng.chance(35) {
                events.extend(self.make(&mut rng).await);
            } else if let Some(register) = self.some(&mut rng) {
                let action = if rng.chance(50) { Action::Grant } else { Action::Revoke };
                events.extend(self.write(&register, action).await);
            }
            tokio::time::sleep(Duration::from_millis(rng.below(6) as u64)).await;
        }
        events
    }

    async fn decides(self, mut rng: Rng) -> Vec<Event> {
        let mut events = Vec::new();
        while !self.0.ended.load(Ordering::SeqCst) {
            if let Some(register) = self.some(&mut rng) {
                events.extend(match register.kind {
                    Kind::Edge(number) if rng.chance(40) => self.check(&register, number).await,
                    _ => self.decide(&register).await,
                });
            }
            tokio::time::sleep(Duration::from_millis(rng.below(4) as u64)).await;
        }
        events
    }

    /// A register, mostly one of those that change often.
    fn some(&self, rng: &mut Rng) -> Option<Register> {
        if rng.chance(50) {
            return Some(rng.pick(&self.0.world.fixed).clone());
        }
        if rng.chance(20) {
            return Some(rng.pick(&self.0.world.lapsing).clone());
        }
        let made = self.0.made.lock().unwrap_or_else(PoisonError::into_inner);
        let from = if rng.chance(25) { 0 } else { made.len().saturating_sub(NEWEST) };
        (!made.is_empty()).then(|| rng.pick(&made[from..]).clone())
    }

    /// Grants or revokes; none if that cannot be done, or was refused: then it did not happen.
    pub(super) async fn write(&self, register: &Register, action: Action) -> Option<Event> {
        let (server, invoked, why) = (self.server(), self.now(), ReasonOnly::default());
        let granting = action == Action::Grant;
        let outcome = match &register.kind {
            Kind::Edge(number) | Kind::Approver(number) => {
                let is_edge = matches!(register.kind, Kind::Edge(_));
                let one = if is_edge { edge(*number) } else { approver(*number) };
                let (one, none) = (vec![one], Vec::new());
                let (touch, delete) = if granting { (one, none) } else { (none, one) };
                let changes = WriteRelationships { touch, delete, ..WriteRelationships::default() };
                server.write_relationships(&changes).await.map(|receipt| Some(receipt.revision))
            }
            Kind::Standing(agent) => {
                let change = StateChange { object: agent.clone(), reason: None };
                let changed = if granting {
                    server.resume_principal(&change).await
                } else {
                    server.suspend_principal(&change).await
                };
                changed.map(|_| None)
            }
            Kind::Link(id) if !granting => server.revoke_delegation(id, &why).await.map(|_| None),
            Kind::Task(id) if !granting => {
                // Done or called off, as it comes: it is over.
                let done = invoked.is_multiple_of(2);
                let closed =
                    if done { server.complete_task(id, &why).await } else { server.cancel_task(id, &why).await };
                closed.map(|_| None)
            }
            Kind::Endorsement(Some(id)) if !granting => server.revoke_endorsement(id, &why).await.map(|_| None),
            Kind::Link(_) | Kind::Task(_) | Kind::Endorsement(_) | Kind::Lapsing(_) => return None,
        };
        self.written(&register.name, action, invoked, outcome)
    }

    fn written(
        &self,
        register: &str,
        action: Action,
        invoked: u64,
        outcome: Result<Option<u64>, ClientError>,
    ) -> Option<Event> {
        let (completed, revision) = match outcome {
            Ok(revision) => (Some(self.now()), revision),
            Err(ClientError::Connect(_)) => return None,
            Err(error) if refused(&error) => return None,
            Err(_) => (None, None),
        };
        Some(self.event(register, action, invoked, completed, revision))
    }

    /// Makes something that can be revoked once.
    async fn make(&self, rng: &mut Rng) -> Option<Event> {
        match rng.below(3) {
            0 => self.link("work", Kind::Link).await,
            1 => {
                let wanted = NewTask {
                    origin: Some(object("user", "alice")),
                    purpose: "load".to_owned(),
                    expires_at: None,
                    expires_in_seconds: Some(MONTH_SECONDS),
                    parent: None,
                    owner: None,
                    budgets: Vec::new(),
                    reason: None,
                };
                let task = self.server().open_task(&wanted).await.ok()?.id;
                self.link(&task, |_| Kind::Task(task.clone())).await
            }
            _ => self.endorsement().await,
        }
    }

    /// A delegation under the task. If it is not known whether it was made, nobody knows its name.
    async fn link(&self, task: &str, kind: impl FnOnce(String) -> Kind) -> Option<Event> {
        let wanted = NewDelegation {
            task: task.to_owned(),
            kind: DelegationKind::Lends,
            from: Some(object("user", "alice")),
            to: object("agent", "coder"),
            parent: None,
            cap: cap(),
            depth: 0,
            not_before: None,
            expires_at: None,
            expires_in_seconds: None,
            uses: None,
            reason: None,
        };
        let invoked = self.now();
        let link = self.server().delegate(&wanted).await.ok()?.id;
        let register = Register::under_link(format!("link {link} of {task}"), kind(link.clone()), link);
        let event = self.event(&register.name, Action::Grant, invoked, Some(self.now()), None);
        self.0.made.lock().unwrap_or_else(PoisonError::into_inner).push(register);
        Some(event)
    }

    /// An endorsement of the next worker, which everyone may ask about while it is on its way.
    async fn endorsement(&self) -> Option<Event> {
        let next = self.0.next_worker.fetch_add(1, Ordering::SeqCst);
        let mut register = self.0.world.workers.get(next)?.clone();
        self.0.made.lock().unwrap_or_else(PoisonError::into_inner).push(register.clone());
        let wanted = NewEndorsement {
            worker: register.actor.clone(),
            by: Some(object("user", "olga")),
            cap: cap(),
            origins: vec![subject("user", "alice")],
            expires_at: None,
            expires_in_seconds: None,
            reason: None,
        };
        let invoked = self.now();
        let made = self.server().endorse(&wanted).await;
        if let Ok(endorsement) = &made {
            register.kind = Kind::Endorsement(Some(endorsement.id.clone()));
            let mut known = self.0.made.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = known.iter_mut().find(|entry| entry.name == register.name).expect("it was put there");
            *entry = register.clone();
        }
        self.written(&register.name, Action::Grant, invoked, made.map(|_| None))
    }

    /// Decides; none if the server could not.
    pub(super) async fn decide(&self, register: &Register) -> Option<Event> {
        let question = DecideRequest {
            actor: Some(register.actor.clone()),
            delegation: register.delegation.clone(),
            permission: "edit".to_owned(),
            resource: register.resource.clone(),
            arguments: serde_json::Map::new(),
            context: serde_json::Map::new(),
            tool_schema: None,
            span: None,
            reserve_ms: None,
            witness: false,
        };
        let (server, invoked) = (self.server(), self.now());
        let decision = answered(server.decide(&question).await)?;
        let allowed = decision.disposition == Disposition::Allow;
        Some(self.decided(register, allowed, invoked, decision.revision))
    }

    /// Asks the graph about alice, for whom everyone works.
    async fn check(&self, register: &Register, number: usize) -> Option<Event> {
        let question = CheckRequest {
            resource: object("document", &format!("e{number}")),
            permission: "edit".to_owned(),
            subject: subject("user", "alice"),
            context: serde_json::Map::new(),
            consistency: None,
        };
        let (server, invoked) = (self.server(), self.now());
        let answer = answered(server.check(&question).await)?;
        let allowed = answer.permissionship == Permissionship::HasPermission;
        Some(self.decided(register, allowed, invoked, answer.revision))
    }

    fn decided(&self, register: &Register, allowed: bool, invoked: u64, revision: u64) -> Event {
        let action = if allowed { Action::Allowed } else { Action::Denied };
        self.event(&register.name, action, invoked, Some(self.now()), Some(revision))
    }
}

/// Whether the server said no, so that nothing has happened.
fn refused(error: &ClientError) -> bool {
    error.status().is_some_and(|status| (400..500).contains(&status))
}

/// The answer, if there is one. A question of this test is never refused.
fn answered<T>(outcome: Result<T, ClientError>) -> Option<T> {
    if let Err(error) = &outcome {
        assert!(!refused(error), "refused: {error}");
    }
    outcome.ok()
}
