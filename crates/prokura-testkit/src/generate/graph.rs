use prokura_model::{
    Change, ObjectRef, Principal, PrincipalState, RelationName, Relationship, SubjectRef, TypeName,
    schema::{Allowed, AllowedSubject, Member},
};

use super::{
    Maker, named,
    schema::{ACTING, PARENTS},
};

const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "zoë"];
const AGENTS: [&str; 8] = ["planner", "coder", "tester", "writer", "mailer", "buyer", "guide", "clerk"];
/// The first three in most cases, all of them in a few.
const OBJECTS: [&str; 7] = ["a", "b", "c: #1@\"x\"", "d", "e", "f", "g"];

impl Maker {
    pub(crate) fn person(&mut self) -> ObjectRef {
        let id = *self.rng.pick(&PEOPLE);
        object("user", id)
    }

    pub(crate) fn agent(&mut self) -> ObjectRef {
        let id = *self.rng.pick(&AGENTS);
        object("agent", id)
    }

    /// So many different agents.
    pub(crate) fn agents(&mut self, count: usize) -> Vec<ObjectRef> {
        self.rng.some(&AGENTS, count).into_iter().map(|id| object("agent", id)).collect()
    }

    pub(crate) fn object(&mut self, kind: &TypeName) -> ObjectRef {
        match kind.as_str() {
            "user" => self.person(),
            "agent" => self.agent(),
            kind => {
                let id =
                    OBJECTS.get(self.rng.below(if self.large { OBJECTS.len() } else { 3 })).expect("there are so many");
                object(kind, id)
            }
        }
    }

    /// A subject to ask about: mostly someone, sometimes a thing or a userset.
    pub(crate) fn subject(&mut self) -> SubjectRef {
        if self.rng.chance(10) {
            return self.anything().0.into();
        }
        if self.rng.chance(86) {
            return if self.rng.chance(75) { self.person().into() } else { self.agent().into() };
        }
        let usersets: Vec<_> = self.world.relationships.keys().map(|edge| edge.subject.clone()).collect();
        let usersets: Vec<_> =
            usersets.into_iter().filter(|subject| matches!(subject, SubjectRef::Userset(..))).collect();
        if !usersets.is_empty() && self.rng.chance(70) {
            return self.rng.pick(&usersets).clone();
        }
        let (object, relation) = self.anything();
        SubjectRef::Userset(object, relation)
    }

    /// Everyone is registered but now and then one; agents have owners; now and then one is stopped.
    pub(crate) fn principals(&mut self) {
        for id in PEOPLE {
            let state = self.state(1, 2);
            self.register(object("user", id), None, state);
        }
        for id in AGENTS {
            let owner = self.rng.chance(70).then(|| self.person());
            let state = self.state(2, 1);
            self.register(object("agent", id), owner, state);
        }
    }

    fn state(&mut self, suspended: usize, off_boarded: usize) -> PrincipalState {
        match self.rng.below(100) {
            dice if dice < suspended => PrincipalState::Suspended,
            dice if dice < suspended + off_boarded => PrincipalState::OffBoarded,
            _ => PrincipalState::Active,
        }
    }

    fn register(&mut self, object: ObjectRef, owner: Option<ObjectRef>, state: PrincipalState) {
        if !self.rng.chance(2) {
            self.push(Change::PrincipalSet(Principal { object, owner, state, declared: false }));
        }
    }

    /// The graph. Three objects of a type and this many edges make cycles ordinary.
    pub(crate) fn edges(&mut self) {
        let count = if self.large { self.rng.between(40, 70) } else { self.rng.between(8, 22) };
        for _ in 0..count {
            let edge = self.edge();
            self.push(edge.clone());
            if let Change::RelationshipTouched(edge, _) = edge
                && PARENTS.contains(&edge.relation.as_str())
                && self.rng.chance(45)
            {
                // What all of several objects have, and now and then of several types.
                let other_than = self.aside.chance(40).then(|| edge.subject.clone());
                let beside = self.edge_of(edge.resource, edge.relation, other_than.as_ref());
                self.push(beside);
            }
        }
        // Some come and go before anyone asks.
        for _ in 0..self.rng.below(4) {
            self.lose_an_edge();
        }
    }

    pub(crate) fn edge(&mut self) -> Change {
        let mut relations = self.relations();
        if self.large && self.rng.chance(70) {
            // Ways that lead on, and so in circles, rather than ways that end.
            relations.retain(|(_, _, allowed)| allowed.iter().any(|allowed| leads_on(&allowed.subject)));
        }
        let (kind, relation, _) = self.rng.pick(&relations).clone();
        let resource = self.object(&kind);
        self.edge_of(resource, relation, None)
    }

    /// An edge, if possible to another type than that of `other_than`.
    fn edge_of(&mut self, resource: ObjectRef, relation: RelationName, other_than: Option<&SubjectRef>) -> Change {
        let relations = self.relations();
        let found = relations.into_iter().find(|(kind, name, _)| *kind == resource.kind && *name == relation);
        let (_, _, mut allowed) = found.expect("a relation of the schema");
        if let Some(SubjectRef::Object(one) | SubjectRef::Userset(one, _)) = other_than
            && allowed.iter().any(|allowed| *allowed.subject.kind() != one.kind)
        {
            allowed.retain(|allowed| *allowed.subject.kind() != one.kind);
        }
        let allowed = self.rng.pick(&allowed).clone();
        let subject = match allowed.subject.clone() {
            AllowedSubject::Object(kind) => self.object(&kind).into(),
            AllowedSubject::Userset(kind, relation) => SubjectRef::Userset(self.object(&kind), relation),
            AllowedSubject::Wildcard(kind) => SubjectRef::Wildcard(kind),
        };
        let terms = self.terms(&allowed);
        Change::RelationshipTouched(Relationship { resource, relation, subject }, terms)
    }

    fn relations(&self) -> Vec<(TypeName, RelationName, Vec<Allowed>)> {
        let mut relations = Vec::new();
        for definition in self.schema().definitions().values() {
            for member in definition.members.values() {
                if let Member::Relation(relation) = member {
                    relations.push((definition.name.clone(), relation.name.clone(), relation.allowed.clone()));
                }
            }
        }
        relations
    }

    fn lose_an_edge(&mut self) {
        let edges: Vec<_> = self.world.relationships.keys().cloned().collect();
        if !edges.is_empty() {
            let edge = self.rng.pick(&edges).clone();
            self.push(Change::RelationshipDeleted(edge));
        }
    }

    /// Life goes on: edges come and go, people leave, tasks end, links are revoked, permissions are defined anew.
    pub(crate) fn later(&mut self) {
        for _ in 0..self.rng.between(3, 10) {
            match self.rng.below(14) {
                0..=3 => self.lose_an_edge(),
                4..=7 => {
                    let edge = self.edge();
                    self.push(edge);
                }
                8 => {
                    let object = if self.rng.chance(50) { self.person() } else { self.agent() };
                    let owner = self.rng.chance(30).then(|| self.person());
                    let state = self.state(25, 25);
                    self.register(object, owner, state);
                }
                9 => {
                    let object = self.agent();
                    self.push(Change::PrincipalRemoved(object));
                }
                10 | 11 => self.end_a_task_or_link(),
                12 => {
                    let mut sketch = self.sketch.clone();
                    sketch.fill_permissions(&mut self.rng);
                    let text = sketch.text(&mut self.rng);
                    self.sketch = sketch;
                    let text = self.with_guards(&text);
                    self.push(Change::SchemaWritten(text));
                }
                _ => {
                    // The same edge again: it exists, and is none the newer for it.
                    if let Some((edge, terms)) = self.world.relationships.first_key_value() {
                        let again = Change::RelationshipTouched(edge.clone(), terms.clone());
                        self.push(again);
                    }
                }
            }
        }
    }
}

fn leads_on(allowed: &AllowedSubject) -> bool {
    match allowed {
        AllowedSubject::Object(kind) => !ACTING.contains(&kind.as_str()),
        AllowedSubject::Userset(..) => true,
        AllowedSubject::Wildcard(_) => false,
    }
}

fn object(kind: &str, id: &str) -> ObjectRef {
    ObjectRef { kind: named(kind), id: prokura_model::ObjectId::new(id).expect("a legal id") }
}
