use papaya::{HashMap, LocalGuard};

use crate::{
    hash::PackedHash,
    list::List,
    packed::{Node, Subject},
};

/// From a node to the subjects at its edges, with the node and the subject each as the keys of the lists.
pub(crate) type Forward = HashMap<Node, List, PackedHash>;

/// From a subject to the nodes whose edges name it.
pub(crate) type Reverse = HashMap<Subject, List, PackedHash>;

/// The edges as one check reads them: with one guard, so that nothing it has seen goes away under it.
#[derive(Clone, Copy)]
pub(crate) struct Graph<'g> {
    forward: &'g Forward,
    guard: &'g LocalGuard<'g>,
}

impl<'g> Graph<'g> {
    pub(crate) fn new(forward: &'g Forward, guard: &'g LocalGuard<'g>) -> Self {
        Self { forward, guard }
    }

    pub(crate) fn edges_from(&self, node: Node) -> Option<&'g List> {
        self.forward.get(&node, self.guard)
    }
}
