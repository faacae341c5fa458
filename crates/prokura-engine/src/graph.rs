use std::sync::Arc;

use prokura_model::{Revision, Terms, Timestamp, Value};

use crate::{
    View,
    guard::Guard,
    index::{EdgeKey, Index},
    list::{Birth, List},
    lists::{Shelf, Shelves},
    nesting::Nesting,
    overlay::Overlay,
    packed::{Node, Subject},
};

/// Values that a question brings for the parameters of caveats.
pub type Context = std::collections::BTreeMap<String, Value>;

/// What a question brings besides names. A check is a function of the state, the names and these.
#[derive(Clone, Copy, Debug)]
pub struct Given<'c> {
    /// The moment it is asked at: relationships that are over by then do not exist.
    pub now: Timestamp,
    /// Values for the parameters of caveats, as far as relationships did not bind them.
    pub context: &'c Context,
}

/// The edges as one check reads them: with one guard, so that nothing it has seen goes away under it.
#[derive(Clone, Copy)]
pub(crate) struct Graph<'g> {
    index: &'g Index,
    overlay: Option<&'g Overlay>,
    guard: &'g Guard<'g>,
}

impl<'g> Graph<'g> {
    pub(crate) fn new(view: &View<'g>, guard: &'g Guard<'g>) -> Self {
        Self { index: view.index, overlay: view.overlay, guard }
    }

    pub(crate) fn guard(&self) -> &'g Guard<'g> {
        self.guard
    }

    /// Whether there is nothing besides what is stored.
    pub(crate) fn is_plain(&self) -> bool {
        self.overlay.is_none()
    }

    /// Every list of an object that is stored, by relation.
    #[inline(always)]
    pub(crate) fn all_edges_from(&self, object: u32) -> Shelves<'g> {
        self.index.names.objects.all_edges_from(object, &self.guard.pin)
    }

    /// Has an object's lists brought near, because they are looked at soon. Nothing waits for them.
    #[inline(always)]
    pub(crate) fn fetch_edges_from(&self, object: u32) {
        self.index.names.objects.fetch_edges_from(object);
    }

    /// The edges that are stored and name the subject.
    #[inline(always)]
    pub(crate) fn stored_edges_to(&self, subject: Subject) -> Option<Shelf<'g>> {
        self.index.names.objects.edges_to(subject, &self.guard.pin)
    }

    /// What is known of nested groups; nothing if there is something besides what is stored, or for a revision before their
    /// last change.
    #[inline(always)]
    pub(crate) fn nesting(&self, at: Revision) -> Option<&'g Nesting> {
        Some(&self.index.nesting).filter(|nesting| self.is_plain() && nesting.serves(at))
    }

    pub(crate) fn list(&self, shelf: Shelf<'g>) -> List<'g> {
        shelf.list(&self.index.names.objects.arena)
    }

    pub(crate) fn edges_from(&self, node: Node) -> Option<List<'g>> {
        let stored = self.index.edges_from(node, self.guard);
        match self.overlay.and_then(|overlay| overlay.edges_from(node)) {
            Some(besides) => Some(List::with(stored, besides)),
            None => stored,
        }
    }

    pub(crate) fn edges_to(&self, subject: Subject) -> Option<List<'g>> {
        let stored = self.index.edges_to(subject, self.guard);
        match self.overlay.and_then(|overlay| overlay.edges_to(subject)) {
            Some(besides) => Some(List::with(stored, besides)),
            None => stored,
        }
    }

    /// The terms of an edge that is said to have some.
    pub(crate) fn terms(&self, node: Node, subject: Subject, birth: Birth) -> Option<&'g Arc<Terms>> {
        let key = EdgeKey { node, subject, birth: birth.revision() };
        if let Some(terms) = self.overlay.and_then(|overlay| overlay.terms(&key)) {
            return Some(terms);
        }
        self.index.terms.get(&key, &self.guard.maps)
    }
}
