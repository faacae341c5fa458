//! Random cases from a seed: a schema that type-checks, a graph over it, principals, tasks and chains, and what to ask.
//!
//! The schema leaves the generator as text, so the parser takes part; the graph has cycles, wildcards and usersets; most
//! chains are right and the rest have one thing wrong with them; clocks stand on the boundaries. Questions lean towards what
//! the oracle allows, because an evaluator that always says no would otherwise look good.

mod chain;
mod graph;
mod schema;

use std::collections::BTreeSet;

use prokura_model::{Change, ObjectRef, RelationName, Schema, SubjectRef, Timestamp, TypeName};

pub use schema::{Kind, Sketch};
pub(crate) use schema::{expression_text, named, relation_name};

use crate::{Ask, Question, Rng, World};

/// A world, what is asked about it, and how it goes on.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it was made from.
    pub seed: u64,
    /// The schema as it was meant.
    pub sketch: Sketch,
    /// How the world came to be, in transactions.
    pub before: Vec<Vec<Change>>,
    /// What is asked then.
    pub asks: Vec<Ask>,
    /// What happens afterwards, in transactions.
    pub after: Vec<Vec<Change>>,
    /// What is asked then (and `asks` again, of both worlds).
    pub asks_after: Vec<Ask>,
}

/// The moment around which everything happens.
pub(crate) const NOON: u64 = 1_800_000_000_000;

/// How many cases of a hundred are large.
const LARGE: usize = 10;

impl Case {
    /// The case of this seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self::make(seed, |_| true, LARGE)
    }

    /// A case of this seed that is never large: an evaluator that tries every way comes to an end on it.
    #[must_use]
    pub fn small(seed: u64) -> Self {
        Self::make(seed, |_| true, 0)
    }

    /// The first schema of this seed that is wanted, and the rest of the case over it.
    ///
    /// # Panics
    /// A thousand schemas were not wanted, or a schema does not parse.
    #[must_use]
    pub fn with(seed: u64, wanted: impl Fn(&Sketch) -> bool) -> Self {
        Self::make(seed, wanted, LARGE)
    }

    fn make(seed: u64, wanted: impl Fn(&Sketch) -> bool, large: usize) -> Self {
        let mut rng = Rng::new(seed);
        let mut sketches = (0..1_000).map(|_| Sketch::random(&mut rng));
        let sketch = sketches.find(wanted).expect("one schema of a thousand is wanted");
        let mut maker = Maker {
            rng,
            sketch: sketch.clone(),
            world: World::default(),
            pending: Vec::new(),
            serial: 0,
            large: false,
        };
        maker.large = maker.rng.chance(large);
        let text = maker.sketch.text(&mut maker.rng);
        maker.push(Change::SchemaWritten(text));
        maker.principals();
        maker.edges();
        let asks = maker.asks(4);
        let before = maker.transactions();
        maker.later();
        let asks_after = maker.asks(2);
        let after = maker.transactions();
        Self { seed, sketch, before, asks, after, asks_after }
    }

    /// The world the first questions are about.
    #[must_use]
    pub fn world_before(&self) -> World {
        World::of(&self.before.concat())
    }

    /// The world the last questions are about.
    #[must_use]
    pub fn world_after(&self) -> World {
        World::of(&[self.before.concat(), self.after.concat()].concat())
    }
}

/// The state of the making of a case: every change is applied at once, so that the next one can look at the world.
#[derive(Debug)]
pub(crate) struct Maker {
    pub(crate) rng: Rng,
    sketch: Sketch,
    pub(crate) world: World,
    pending: Vec<Change>,
    pub(crate) serial: usize,
    /// More objects and edges than usual, so that a search goes long ways.
    pub(crate) large: bool,
}

impl Maker {
    pub(crate) fn push(&mut self, change: Change) {
        crate::Candidate::apply(&mut self.world, std::slice::from_ref(&change), Timestamp(NOON));
        self.pending.push(change);
    }

    /// What was pushed since the last time, cut into transactions.
    fn transactions(&mut self) -> Vec<Vec<Change>> {
        let mut transactions = vec![Vec::new()];
        for change in std::mem::take(&mut self.pending) {
            if self.rng.chance(15) {
                transactions.push(Vec::new());
            }
            transactions.last_mut().expect("it began with one").push(change);
        }
        transactions.retain(|changes| !changes.is_empty());
        transactions
    }

    fn schema(&self) -> &Schema {
        self.world.schema.as_ref().expect("a case begins with its schema")
    }

    /// So many questions about each of two or three subjects, without doubles.
    fn asks(&mut self, rounds: usize) -> Vec<Ask> {
        let mut asks = BTreeSet::new();
        for _ in 0..rounds {
            match self.rng.below(10) {
                0..=3 => self.checks(&mut asks),
                4 | 5 => self.own(&mut asks),
                _ => self.delegated(&mut asks),
            }
        }
        asks.into_iter().collect()
    }

    /// Two checks about one subject.
    fn checks(&mut self, asks: &mut BTreeSet<Ask>) {
        let subject = self.subject();
        for _ in 0..2 {
            let (resource, permission) = self.target(&subject, 75);
            asks.insert(Ask::Check { resource, permission, subject: subject.clone() });
        }
        if self.rng.chance(6) {
            let (mut resource, mut permission) = self.target(&subject, 50);
            let mut subject = subject;
            match self.rng.below(3) {
                0 => resource.kind = named("nowhere"),
                1 => permission = relation_name("nothing"),
                _ => subject = SubjectRef::Wildcard(subject.kind().clone()),
            }
            asks.insert(Ask::Check { resource, permission, subject });
        }
    }

    /// Two decisions on an actor's own authority.
    fn own(&mut self, asks: &mut BTreeSet<Ask>) {
        let actor = if self.rng.chance(70) { self.person() } else { self.agent() };
        for _ in 0..2 {
            let (resource, permission) = self.target(&actor.clone().into(), 75);
            let question = Question { actor: actor.clone(), delegation: None, permission, resource };
            asks.insert(Ask::Decide { question, now: Timestamp(NOON) });
        }
    }

    /// Something the subject may do if there is anything, in so many of a hundred cases; otherwise anything.
    fn target(&mut self, subject: &SubjectRef, allowed: usize) -> (ObjectRef, RelationName) {
        let anything = self.anything();
        if !self.rng.chance(allowed) {
            return anything;
        }
        let model = self.world.model(subject, &anything.0);
        let undefined: Vec<_> = model.possible.difference(&model.certain).collect();
        if !undefined.is_empty() && self.rng.chance(20) {
            return (*self.rng.pick(&undefined)).clone();
        }
        // The long way round is the interesting one: prefer permissions to plain relations.
        let certain: Vec<_> = model.certain.iter().collect();
        let computed: Vec<_> =
            certain.iter().copied().filter(|goal| self.is_permission(&goal.0.kind, &goal.1)).collect();
        if !computed.is_empty() && self.rng.chance(90) {
            (*self.rng.pick(&computed)).clone()
        } else if certain.is_empty() {
            anything
        } else {
            (*self.rng.pick(&certain)).clone()
        }
    }

    fn is_permission(&self, kind: &TypeName, name: &RelationName) -> bool {
        let member = self.schema().definition(kind.as_str()).and_then(|found| found.member(name.as_str()));
        matches!(member, Some(prokura_model::schema::Member::Permission(_)))
    }

    fn anything(&mut self) -> (ObjectRef, RelationName) {
        let definitions = self.schema().definitions().values();
        let holding: Vec<_> = definitions.filter(|definition| !definition.members.is_empty()).cloned().collect();
        let definition = self.rng.pick(&holding);
        let names: Vec<_> = definition.members.keys().collect();
        let name = (*self.rng.pick(&names)).clone();
        let computed = self.rng.chance(70);
        let permissions: Vec<_> = names.iter().filter(|name| self.is_permission(&definition.name, name)).collect();
        let name = if computed { (**self.rng.pick(&permissions)).clone() } else { name };
        let kind = definition.name.clone();
        (self.object(&kind), name)
    }
}
