//! What an unknown answer lacks.

use std::collections::BTreeSet;

use crate::{CaveatFailure, trace::Edge};

/// Most conditional edges that an unknown answer tells of.
const EDGES_TOLD_MAX: usize = 16;

/// Why an answer is unknown: a position among all that one check has met. The answers themselves stay small, and a check
/// that meets no caveat pays nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Why(u32);

/// What an answer depends on that is not known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lacking {
    /// Parameters of caveats that have no value.
    pub(crate) missing: BTreeSet<String>,
    /// The edges whose caveats ask for them.
    pub(crate) edges: Vec<Edge>,
    /// A caveat that could not be evaluated, and why.
    pub(crate) failure: Option<CaveatFailure>,
}

/// Everything that was lacking, by [`Why`]. The first is for what depends on its own absence: it lacks nothing.
#[derive(Debug, Default)]
pub(crate) struct Unknowns(Vec<Lacking>);

impl Unknowns {
    pub(crate) fn missing(&mut self, edge: Edge, names: Vec<String>) -> Why {
        self.add(Lacking { missing: names.into_iter().collect(), edges: vec![edge], failure: None })
    }

    pub(crate) fn failed(&mut self, edge: Edge, failure: CaveatFailure) -> Why {
        self.add(Lacking { missing: BTreeSet::new(), edges: vec![edge], failure: Some(failure) })
    }

    pub(crate) fn merged(&mut self, one: Why, other: Why) -> Why {
        if one == other || other == Why::default() {
            return one;
        }
        let Some((first, second)) = self.get(one).zip(self.get(other)) else { return other };
        let mut both = first.clone();
        both.missing.extend(second.missing.iter().cloned());
        let more = second.edges.iter().filter(|edge| !first.edges.contains(edge));
        both.edges.extend(more.copied());
        both.edges.truncate(EDGES_TOLD_MAX);
        both.failure = first.failure.clone().or_else(|| second.failure.clone());
        self.add(both)
    }

    pub(crate) fn get(&self, why: Why) -> Option<&Lacking> {
        self.0.get((why.0 as usize).checked_sub(1)?)
    }

    fn add(&mut self, lacking: Lacking) -> Why {
        self.0.push(lacking);
        Why(u32::try_from(self.0.len()).unwrap_or(u32::MAX))
    }
}
