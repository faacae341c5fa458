//! Searching from the smaller side: most subjects are in few groups, and many groups have many subgroups. What a subject is in,
//! directly or through others, is found going up from it once; going down, whatever is not among it is passed over.

use crate::{
    check::Asked,
    inline::Inline,
    packed::{Class, Node, Subject},
};

/// Edges looked at on the way up; whoever is in more is looked for going down only.
const EDGES_MAX: usize = 256;

/// Everything that the subject may be in through usersets of relations: all of it, and perhaps more, because an edge counts
/// whether or not it holds for the question.
pub(super) enum Above {
    NotAsked,
    Among {
        nodes: Inline<Rung, 16>,
        /// Whether every edge on the way holds for good, so that the subject is in all of it.
        exact: bool,
    },
    TooMany,
}

/// What the subject may be in, and how many edges up that is.
#[derive(Clone, Copy)]
pub(super) struct Rung {
    node: Node,
    height: usize,
}

impl Above {
    /// How far above the subject the goal is, whose usersets all are of relations; none if the subject surely is not in it.
    /// It may be there at all heights if it cannot be said.
    pub(super) fn height(&mut self, goal: Node, asked: &Asked<'_>, everyone: Option<Subject>) -> Option<usize> {
        if matches!(self, Self::NotAsked) {
            *self = found(asked, everyone);
        }
        match self {
            Self::Among { nodes, .. } => nodes.iter().find(|rung| rung.node == goal).map(|rung| rung.height),
            Self::NotAsked | Self::TooMany => Some(0),
        }
    }

    /// Whether the subject surely is in what it may be in.
    pub(super) fn is_exact(&self) -> bool {
        matches!(self, Self::Among { exact: true, .. })
    }
}

fn found(asked: &Asked<'_>, everyone: Option<Subject>) -> Above {
    let mut nodes: Inline<Rung, 16> = Inline::default();
    let (mut looked_at, mut exact) = (0, true);
    if asked.subject.class() == Class::Userset {
        nodes.push(Rung { node: asked.subject.node(), height: 0 });
    }
    let mut subjects = [Some(asked.subject), everyone].into_iter().flatten();
    let mut next = 0;
    loop {
        let (subject, height) = match subjects.next() {
            Some(subject) => (subject, 1),
            None => match nodes.get(next) {
                Some(rung) => {
                    next += 1;
                    (Subject::userset(rung.node), rung.height + 1)
                }
                None => return Above::Among { nodes, exact },
            },
        };
        let Some(list) = asked.graph.edges_to(subject) else { continue };
        for start in asked.program.nested() {
            let mut walk = list.walk_from(start.bits());
            while let Some((key, birth)) = list.next(&mut walk, asked.revision) {
                let node = Node::from_bits(key);
                if node.kind() != start.kind() || node.relation() != start.relation() {
                    break;
                }
                exact &= !birth.on_terms();
                looked_at += 1;
                if looked_at > EDGES_MAX {
                    return Above::TooMany;
                }
                if nodes.iter().all(|known| known.node != node) {
                    nodes.push(Rung { node, height });
                }
            }
        }
    }
}
