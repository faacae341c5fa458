//! Random cases from a seed: a schema that type-checks, a graph over it, principals, tasks and chains, and what to ask.
//!
//! The schema leaves the generator as text, so the parser takes part; the graph has cycles, wildcards and usersets; most
//! chains are right and the rest have one thing wrong with them; clocks stand on the boundaries; contexts decide caveats or
//! leave them open. Questions lean towards what the oracle allows, because an evaluator that always says no would otherwise look good.

mod approval;
mod asking;
mod budget;
mod cap;
mod chain;
mod dispatch;
mod graph;
mod guard;
mod rights;
mod schema;
mod tasks;
mod terms;

use prokura_model::{Change, RelationName, Schema, Timestamp, TypeName};

pub use rights::RightsCase;
pub use schema::{Kind, Sketch};
pub(crate) use schema::{expression_text, named, relation_name};

use crate::{Ask, Rng, World};

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
        Self::make(seed, |_| true, LARGE, false)
    }

    /// The case of this seed, in half of all cases with guards and attributes.
    #[must_use]
    pub fn guarded(seed: u64) -> Self {
        Self::make(seed, |_| true, LARGE, seed.is_multiple_of(2))
    }

    /// As [`guarded`](Self::guarded), but never large: an evaluator that tries every way comes to an end on it.
    #[must_use]
    pub fn small(seed: u64) -> Self {
        Self::make(seed, |_| true, 0, seed.is_multiple_of(2))
    }

    /// The first schema of this seed that is wanted, and the rest of the case over it.
    ///
    /// # Panics
    /// A thousand schemas were not wanted, or a schema does not parse.
    #[must_use]
    pub fn with(seed: u64, wanted: impl Fn(&Sketch) -> bool) -> Self {
        Self::make(seed, wanted, LARGE, false)
    }

    fn make(seed: u64, wanted: impl Fn(&Sketch) -> bool, large: usize, guarded: bool) -> Self {
        let mut rng = Rng::new(seed);
        let mut sketches = (0..1_000).map(|_| Sketch::random(&mut rng));
        let sketch = sketches.find(wanted).expect("one schema of a thousand is wanted");
        let mut maker = Maker {
            rng,
            aside: Rng::new(!seed),
            sketch: sketch.clone(),
            world: World::default(),
            pending: Vec::new(),
            serial: 0,
            large: false,
            guarded,
            schema_text: String::new(),
        };
        maker.large = maker.rng.chance(large);
        let text = maker.sketch.text(&mut maker.rng);
        let text = maker.with_guards(&text);
        maker.push(Change::SchemaWritten(text));
        maker.principals();
        maker.edges();
        maker.attributes();
        let asks = maker.asks(4);
        maker.approvals(&asks);
        let before = maker.transactions();
        maker.later();
        let asks_after = maker.asks(2);
        maker.approvals(&asks_after);
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
    /// For what is added to a case that stays as it is.
    pub(crate) aside: Rng,
    sketch: Sketch,
    pub(crate) world: World,
    pending: Vec<Change>,
    pub(crate) serial: usize,
    /// More objects and edges than usual, so that a search goes long ways.
    pub(crate) large: bool,
    /// Whether its schemas have guards.
    guarded: bool,
    /// The schema that was written last.
    schema_text: String,
}

impl Maker {
    pub(crate) fn push(&mut self, change: Change) {
        if let Change::SchemaWritten(text) = &change {
            self.schema_text.clone_from(text);
        }
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

    fn is_permission(&self, kind: &TypeName, name: &RelationName) -> bool {
        let member = self.schema().definition(kind.as_str()).and_then(|found| found.member(name.as_str()));
        matches!(member, Some(prokura_model::schema::Member::Permission(_)))
    }
}
