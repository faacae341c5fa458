//! Lists: which resources a subject has something on, and which subjects have something on a resource.
//!
//! A walk over the graph finds candidates: everything that could be in the list, and for some, where only unions and edges
//! without caveats lie between, that it is. Whatever is not certain by then is checked like any other question, so that a
//! list is the set of its checks by construction.

mod resources;
mod subjects;

use std::collections::BTreeSet;

use prokura_model::{ObjectId, ObjectRef, RelationName, SubjectRef, Terms, condition::Evaluation};

pub use self::subjects::{Everyone, FoundSubjects};
use crate::{
    EngineError, Given, Limits, Permissionship, View,
    check::{Above, Asked, Bounds, Check, Quick},
    graph::Graph,
    list::List,
    packed::{Node, Subject},
    program::beginning,
    trace::Silent,
    view::{Prepared, exhausted},
};

impl View<'_> {
    /// What the subject has on the resource: every relation and permission of its type, by name.
    ///
    /// # Errors
    /// One of the checks cannot be answered, or a name is unknown.
    pub fn permissions(
        &self,
        resource: &ObjectRef,
        subject: &SubjectRef,
        given: Given<'_>,
        limits: &Limits,
    ) -> Result<Vec<(RelationName, Permissionship)>, EngineError> {
        let schema = self.schema().ok_or(EngineError::NoSchema)?;
        let definition = schema.find_definition(&resource.kind)?;
        let mut found = Vec::new();
        for name in definition.members.keys() {
            found.push((name.clone(), self.check(resource, name, subject, given, limits)?));
        }
        Ok(found)
    }
}

/// A list in the making: the question, and how much of the work that it may cost is left.
struct Listing<'g> {
    prepared: Prepared<'g>,
    graph: &'g Graph<'g>,
    limits: Limits,
    left: u64,
    /// The parameters without a value that conditions on the way depend on; only where a model asks.
    missing: BTreeSet<String>,
    /// What is above the subject that was checked last.
    above: (Subject, Above),
}

impl<'g> Listing<'g> {
    fn new(prepared: Prepared<'g>, graph: &'g Graph<'g>, limits: &Limits) -> Self {
        let above = (prepared.asked.subject, Above::new());
        Self { prepared, graph, limits: *limits, left: limits.list_work, missing: BTreeSet::new(), above }
    }

    fn spend(&mut self, work: u64) -> Result<(), EngineError> {
        let Some(left) = self.left.checked_sub(work) else {
            return Err(EngineError::ListTooMuchWork { limit: self.limits.list_work });
        };
        self.left = left;
        Ok(())
    }

    /// The answer for one candidate.
    fn checked(&mut self, goal: Node, subject: Subject) -> Result<Permissionship, EngineError> {
        let asked = Asked { subject, ..self.prepared.asked };
        if self.above.0 != subject {
            self.above = (subject, Above::new());
        }
        if let Some(short) = Quick::answer(&asked, goal, Bounds::of(&self.limits), &mut self.above.1, false) {
            self.spend(short.work.saturating_add(1))?;
            return Ok(short.permissionship());
        }
        let mut silent = Silent;
        let mut check = Check::new(asked, &self.limits, &mut self.above.1, &mut silent);
        let answer = check.run(goal).map_err(exhausted)?;
        let found = self.prepared.told(&check, &answer, goal, subject);
        let work = check.work();
        self.spend(work.saturating_add(1))?;
        found.map(|(permissionship, _)| permissionship)
    }

    /// The edges from a node that exist for the question, or may; whether they surely do.
    fn edges_from(&mut self, node: Node) -> Result<Vec<(Subject, bool)>, EngineError> {
        let Some(list) = self.graph.edges_from(node) else { return Ok(Vec::new()) };
        self.edges(list, |key| (node, Subject::from_bits(key)), |(_, subject)| subject)
    }

    /// The edges that name a subject and exist for the question, or may; whether they surely do.
    fn edges_to(&mut self, subject: Subject) -> Result<Vec<(Node, bool)>, EngineError> {
        let Some(list) = self.graph.edges_to(subject) else { return Ok(Vec::new()) };
        self.edges(list, |key| (Node::from_bits(key), subject), |(node, _)| node)
    }

    fn edges<T>(
        &mut self,
        list: List<'_>,
        edge: impl Fn(u64) -> (Node, Subject),
        end: impl Fn((Node, Subject)) -> T,
    ) -> Result<Vec<(T, bool)>, EngineError> {
        let Asked { revision, given, program, .. } = self.prepared.asked;
        let mut found = Vec::new();
        let mut walk = list.walk_from(0);
        while let Some((key, birth)) = list.next(&mut walk, revision) {
            self.spend(1)?;
            let (node, subject) = edge(key);
            // A schema that need not fit what is stored has the last word in the check.
            let mut surely = !program.is_strict();
            let terms = if birth.on_terms() { self.graph.terms(node, subject, birth) } else { None };
            if program.is_strict() && !self.may_hold(node, subject, terms.map(|terms| &**terms)) {
                continue;
            }
            if birth.on_terms() {
                if terms.is_some_and(|terms| terms.is_over(given.now)) {
                    continue;
                }
                surely &= terms.is_some_and(|terms| terms.caveat.is_none());
            }
            found.push((end((node, subject)), surely));
        }
        Ok(found)
    }

    /// Whether a model allows the edge, and its condition is not known to be unmet.
    fn may_hold(&mut self, node: Node, subject: Subject, terms: Option<&Terms>) -> bool {
        let Asked { given, program, .. } = self.prepared.asked;
        if program.restricted(node).is_some_and(|allowed| !allowed.fits(subject, terms)) {
            return false;
        }
        let Some(caveat) = terms.and_then(|terms| terms.caveat.as_ref()) else { return true };
        let Some(declared) = program.schema.caveat(caveat.name.as_str()) else { return true };
        match declared.condition.evaluate(&caveat.context, given.context) {
            Evaluation::False => false,
            Evaluation::True | Evaluation::Failed(_) => true,
            Evaluation::Missing(names) => {
                self.missing.extend(names);
                true
            }
        }
    }

    /// The id that an object is known by.
    fn id(&self, node: Node) -> Option<ObjectId> {
        self.prepared.wording.id(node)
    }
}

/// What was come by, each kept once: once in a while what is kept is sorted and put together, which costs less than looking
/// each up.
struct Gathered<W> {
    entries: Vec<(u64, W)>,
    /// Of two ways to the same, one.
    both: fn(W, W) -> W,
    tidied_at: usize,
}

impl<W: Copy> Gathered<W> {
    /// How many are kept before what is kept is put together for the first time.
    const KEPT_AT_LEAST: usize = 65_536;

    fn new(both: fn(W, W) -> W) -> Self {
        Self { entries: Vec::new(), both, tidied_at: Self::KEPT_AT_LEAST }
    }

    fn push(&mut self, key: u64, way: W) {
        self.entries.push((key, way));
        if self.entries.len() >= self.tidied_at {
            self.tidy();
            self.tidied_at = self.entries.len().saturating_mul(2).max(Self::KEPT_AT_LEAST);
        }
    }

    /// All of them, each once, by key.
    fn into_once(mut self) -> Vec<(u64, W)> {
        self.tidy();
        self.entries
    }

    fn tidy(&mut self) {
        let both = self.both;
        self.entries.sort_unstable_by_key(|(key, _)| *key);
        self.entries.dedup_by(|(again, way), (key, ways)| {
            let same = again == key;
            if same {
                *ways = both(*ways, *way);
            }
            same
        });
    }
}

/// By id. What ids go on with behind what they all begin with, read as one number, sorts as they do, and settles nearly every
/// comparison.
fn in_order<T>(found: Vec<(ObjectId, T)>) -> Vec<(ObjectId, T)> {
    let id = |place: usize| found.get(place).map(|(id, _)| id);
    let shared = bytes_shared(&found);
    let behind = |id: &ObjectId| beginning(id.as_str().as_bytes().get(shared..).unwrap_or_default());
    let places = found.iter().enumerate().map(|(place, (id, _))| (behind(id), place));
    let mut order: Vec<(u64, usize)> = places.collect();
    // Numbers are moved about instead of what they stand for, which is several times as large.
    order.sort_unstable_by(|one, other| one.0.cmp(&other.0).then_with(|| id(one.1).cmp(&id(other.1))));
    let mut found: Vec<Option<(ObjectId, T)>> = found.into_iter().map(Some).collect();
    let mut sorted = Vec::with_capacity(found.len());
    sorted.extend(order.into_iter().filter_map(|(_, place)| found.get_mut(place)?.take()));
    sorted
}

/// How many bytes all ids begin with.
fn bytes_shared<T>(found: &[(ObjectId, T)]) -> usize {
    let Some(((first, _), others)) = found.split_first() else { return 0 };
    let first = first.as_str().as_bytes();
    others.iter().fold(first.len(), |shared, (id, _)| {
        let id = id.as_str().as_bytes();
        if first.get(..shared).is_some_and(|beginning| id.starts_with(beginning)) {
            return shared;
        }
        first.iter().zip(id).take_while(|(one, other)| one == other).count()
    })
}

#[cfg(test)]
mod tests {
    use prokura_model::ObjectId;
    use proptest::prelude::*;

    use super::in_order;

    proptest! {
        #[test]
        fn what_is_found_comes_by_id(
            beginning in "[a-z]{0,20}",
            ends in prop::collection::hash_set("[a-c]{0,3}[0-9]{0,9}", 0..60),
        ) {
            let ids = ends.into_iter().map(|end| beginning.clone() + &end).filter(|id| !id.is_empty());
            let ids: Vec<ObjectId> = ids.map(|id| ObjectId::new(id).unwrap()).collect();
            let mut sorted = ids.clone();
            sorted.sort();
            let found: Vec<(ObjectId, ObjectId)> = ids.iter().map(|id| (id.clone(), id.clone())).collect();
            let sorted: Vec<(ObjectId, ObjectId)> = sorted.into_iter().map(|id| (id.clone(), id)).collect();
            prop_assert_eq!(in_order(found), sorted);
        }
    }
}
