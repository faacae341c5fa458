//! Random worlds of principals that own one another, tasks, chains and endorsements, with a schema that gives some of them
//! authority over others. Each change is legal where it is made, as far as this knows; a writer may refuse one all the same.

use std::collections::BTreeSet;

use prokura_model::{
    Cap, CapClause, CapPermissions, Change, Delegation, DelegationId, DelegationKind, Endorsement, EndorsementId,
    ObjectRef, Principal, PrincipalState, RelationName, Relationship, Task, TaskId, TaskState, Terms, Timestamp,
};

use super::NOON;
use crate::{Act, Rng};

/// Changes, one after the other, after which everybody may be asked about everything.
#[derive(Clone, Debug)]
pub struct RightsCase {
    /// What it was made from.
    pub seed: u64,
    /// In this order.
    pub changes: Vec<Change>,
    /// Everybody there is.
    pub everybody: Vec<ObjectRef>,
    /// Whatever they may do, or may not.
    pub acts: Vec<Act>,
    /// When.
    pub now: Timestamp,
}

const HOUR: u64 = 3_600_000;

const DEFINITIONS: &str = "use authority
use expiration
use guards
caveat during(day string) { day == \"monday\" }
definition user {
    relation manager: user
    permission lead = manager
}
definition team {
    relation on_call: user | agent | user with expiration
}
definition agent {
    relation team: team
    relation auditor: user | agent | user with during
    relation barred: user
    attribute frozen bool
    permission operate = team->on_call
    permission audit = auditor + operate
    permission stop = audit - barred
}
guard frozen on agent#stop, agent#operate { when has(resource.frozen) && resource.frozen; forbid }
";

struct Maker {
    rng: Rng,
    changes: Vec<Change>,
    users: Vec<ObjectRef>,
    agents: Vec<ObjectRef>,
    tasks: Vec<Task>,
    links: Vec<Delegation>,
    acts: Vec<Act>,
}

impl RightsCase {
    /// The case of this seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let named =
            |kind: &str, count: usize| (0..count).map(|number| object(&format!("{kind}:{kind}{number}"))).collect();
        let mut maker = Maker {
            rng: Rng::new(seed),
            changes: Vec::new(),
            users: named("user", 4),
            agents: named("agent", 6),
            tasks: Vec::new(),
            links: Vec::new(),
            acts: Vec::new(),
        };
        maker.schema();
        maker.principals();
        maker.edges();
        maker.tasks();
        maker.links();
        maker.endorsements();
        maker.later();
        let everybody = maker.everybody();
        let mut acts = maker.acts;
        acts.extend(everybody.iter().cloned().map(Act::Create));
        let now = Timestamp(NOON + if maker.rng.chance(20) { HOUR / 2 } else { 0 });
        Self { seed, changes: maker.changes, everybody, acts, now }
    }
}

impl Maker {
    fn schema(&mut self) {
        let mut text = DEFINITIONS.to_owned();
        for (kind, names) in [("agent", ["operate", "audit", "stop"].as_slice()), ("user", &["lead", "manager"])] {
            let words = ["create", "see", "revoke"];
            let count = if kind == "agent" { self.rng.between(0, 3) } else { self.rng.between(0, 1) };
            let said: Vec<String> = self
                .rng
                .some(&words, count)
                .into_iter()
                .map(|word| format!("    {word} by {}\n", self.rng.pick(names)))
                .collect();
            if !said.is_empty() {
                text.push_str(&format!("authority over {kind} {{\n{}}}\n", said.concat()));
            }
        }
        self.changes.push(Change::SchemaWritten(text));
    }

    fn principal(&mut self, object: &ObjectRef, owner: Option<ObjectRef>, state: PrincipalState) {
        self.changes.push(Change::PrincipalSet(Principal { object: object.clone(), owner, state, declared: false }));
    }

    /// Mostly agents of people, some of other agents.
    fn principals(&mut self) {
        for user in self.users.clone() {
            let owner = self.rng.chance(15).then(|| self.rng.pick(&self.users).clone()).filter(|owner| *owner != user);
            self.principal(&user, owner, PrincipalState::Active);
        }
        for agent in self.agents.clone() {
            let owners = if self.rng.chance(35) { &self.agents } else { &self.users };
            let owner = self.rng.pick(owners).clone();
            let owner = Some(owner).filter(|owner| *owner != agent && self.rng.chance(80));
            self.principal(&agent, owner, PrincipalState::Active);
        }
    }

    fn edges(&mut self) {
        for agent in self.agents.clone() {
            if self.rng.chance(60) {
                let team = object(&format!("team:team{}", self.rng.below(2)));
                self.edge(&agent, "team", &team, Terms::default());
            }
            if self.rng.chance(40) {
                let from = if self.rng.chance(30) { &self.agents } else { &self.users };
                let auditor = self.rng.pick(from).clone();
                let on_day = auditor.kind.as_str() == "user" && self.rng.chance(25);
                let terms = if on_day { during() } else { Terms::default() };
                self.edge(&agent, "auditor", &auditor, terms);
            }
            if self.rng.chance(20) {
                let user = self.rng.pick(&self.users).clone();
                self.edge(&agent, "barred", &user, Terms::default());
            }
            if self.rng.chance(15) {
                let frozen = [("frozen".to_owned(), prokura_model::Value::Bool(self.rng.chance(70)))].into();
                self.changes.push(Change::AttributesSet(agent, frozen));
            }
        }
        for number in 0..2 {
            let team = object(&format!("team:team{number}"));
            let from = if self.rng.chance(25) { &self.agents } else { &self.users };
            let member = self.rng.pick(from).clone();
            let ends = member.kind.as_str() == "user" && self.rng.chance(30);
            let expires_at = ends.then_some(Timestamp(NOON + HOUR / 4));
            self.edge(&team, "on_call", &member, Terms { caveat: None, expires_at });
        }
        if self.rng.chance(40) {
            let (one, other) = (self.rng.pick(&self.users).clone(), self.rng.pick(&self.users).clone());
            self.edge(&one, "manager", &other, Terms::default());
        }
    }

    fn edge(&mut self, resource: &ObjectRef, relation: &str, subject: &ObjectRef, terms: Terms) {
        let (relation, subject) = (relation_name(relation), subject.clone().into());
        let relationship = Relationship { resource: resource.clone(), relation, subject };
        self.changes.push(Change::RelationshipTouched(relationship, terms));
    }

    fn tasks(&mut self) {
        for number in 0..self.rng.between(1, 3) {
            let owner = self.rng.chance(35).then(|| {
                let from = if self.rng.chance(50) { &self.agents } else { &self.users };
                self.rng.pick(from).clone()
            });
            let origins = if self.rng.chance(20) { &self.agents } else { &self.users };
            let task = Task {
                id: TaskId::new(format!("t{number}")).expect("an id"),
                origin: self.rng.pick(origins).clone(),
                purpose: String::new(),
                opened_at: Timestamp(NOON),
                expires_at: Timestamp(NOON + HOUR),
                state: TaskState::Open,
                declared: false,
                parent: None,
                owner,
                budgets: Vec::new(),
            };
            self.acts.extend([Act::SeeTask(task.id.clone()), Act::CloseTask(task.id.clone())]);
            self.changes.push(Change::TaskOpened(task.clone()));
            self.tasks.push(task);
        }
    }

    fn links(&mut self) {
        for number in 0..self.rng.between(2, 8) {
            let above: Vec<Delegation> = self.links.iter().filter(|link| link.depth > 0).cloned().collect();
            let parent =
                if above.is_empty() || self.rng.chance(30) { None } else { Some(self.rng.pick(&above).clone()) };
            let (task, from, depth) = match &parent {
                Some(above) => (above.task.clone(), above.to.clone(), above.depth - 1),
                None => {
                    let task = self.rng.pick(&self.tasks);
                    (task.id.clone(), task.origin.clone(), 4)
                }
            };
            let to = self.rng.pick(&self.agents).clone();
            if to == from {
                continue;
            }
            let link = Delegation {
                id: DelegationId::new(format!("d{number}")).expect("an id"),
                task,
                kind: DelegationKind::Lends,
                from,
                to,
                parent: parent.map(|parent| parent.id),
                cap: anything(),
                depth,
                not_before: None,
                expires_at: None,
                revoked_at: None,
                declared: false,
                uses: None,
            };
            self.acts.extend([Act::SeeLink(link.id.clone()), Act::RevokeLink(link.id.clone())]);
            self.changes.push(Change::DelegationCreated(link.clone()));
            self.links.push(link);
        }
    }

    fn endorsements(&mut self) {
        let owned: Vec<(ObjectRef, ObjectRef)> = self
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::PrincipalSet(principal) => Some((principal.object.clone(), principal.owner.clone()?)),
                _ => None,
            })
            .collect();
        for (number, (worker, by)) in self.rng.some(&owned, 2).into_iter().enumerate() {
            let id = EndorsementId::new(format!("e{number}")).expect("an id");
            self.acts.extend([Act::SeeEndorsement(id.clone()), Act::RevokeEndorsement(id.clone())]);
            self.changes.push(Change::EndorsementCreated(Endorsement {
                id,
                worker,
                by,
                cap: anything(),
                origins: ["user:*".parse().expect("a subject")].into(),
                expires_at: None,
                revoked_at: None,
                declared: false,
            }));
        }
    }

    /// Somebody is stopped, an agent has another owner, an edge goes, something ends.
    fn later(&mut self) {
        let everybody: Vec<ObjectRef> = self.users.iter().chain(&self.agents).cloned().collect();
        for _ in 0..self.rng.between(0, 3) {
            let of_whom = self.rng.pick(&everybody).clone();
            let known = self.changes.iter().rev().find_map(|change| match change {
                Change::PrincipalSet(principal) if principal.object == of_whom => Some(principal.clone()),
                _ => None,
            });
            let known = known.expect("everybody is registered");
            let owner = self.rng.pick(&self.users).clone();
            match self.rng.below(3) {
                0 => self.principal(&of_whom, known.owner, PrincipalState::Suspended),
                1 => self.principal(&of_whom, known.owner, PrincipalState::OffBoarded),
                _ => self.principal(&of_whom, Some(owner).filter(|owner| *owner != of_whom), known.state),
            }
        }
        let edges: Vec<Relationship> = self
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::RelationshipTouched(edge, _) => Some(edge.clone()),
                _ => None,
            })
            .collect();
        if self.rng.chance(20) && !edges.is_empty() {
            let gone = self.rng.pick(&edges).clone();
            self.changes.push(Change::RelationshipDeleted(gone));
        }
        if self.rng.chance(20) && !self.links.is_empty() {
            let gone = self.rng.pick(&self.links).id.clone();
            self.changes.push(Change::DelegationRevoked(gone));
        }
    }

    /// And one that nobody ever registered.
    fn everybody(&self) -> Vec<ObjectRef> {
        self.users.iter().chain(&self.agents).cloned().chain([object("user:ghost")]).collect()
    }
}

fn object(text: &str) -> ObjectRef {
    text.parse().expect("an object")
}

fn relation_name(text: &str) -> RelationName {
    RelationName::new(text).expect("a relation")
}

fn during() -> Terms {
    let name = prokura_model::CaveatName::new("during").expect("a caveat");
    Terms { caveat: Some(prokura_model::CaveatUse { name, context: [].into() }), expires_at: None }
}

fn anything() -> Cap {
    let resources = BTreeSet::from(["agent:*".parse().expect("resources")]);
    Cap { clauses: vec![CapClause { permissions: CapPermissions::Any, resources, condition: None }] }
}
