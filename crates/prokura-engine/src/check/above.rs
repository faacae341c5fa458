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
    Among(Inline<Node, 16>),
    TooMany,
}

impl Above {
    /// Whether the subject is surely not in the goal, whose usersets all are of relations.
    pub(super) fn excludes(&mut self, goal: Node, asked: &Asked<'_>, everyone: Option<Subject>) -> bool {
        if matches!(self, Self::NotAsked) {
            *self = found(asked, everyone);
        }
        match self {
            Self::Among(nodes) => nodes.iter().all(|node| *node != goal),
            Self::NotAsked | Self::TooMany => false,
        }
    }
}

fn found(asked: &Asked<'_>, everyone: Option<Subject>) -> Above {
    let mut among: Inline<Node, 16> = Inline::default();
    let mut looked_at = 0;
    if asked.subject.class() == Class::Userset {
        among.push(asked.subject.node());
    }
    let mut subjects = [Some(asked.subject), everyone].into_iter().flatten();
    let mut next = 0;
    loop {
        let subject = match subjects.next() {
            Some(subject) => subject,
            None => match among.get(next) {
                Some(node) => {
                    next += 1;
                    Subject::userset(*node)
                }
                None => return Above::Among(among),
            },
        };
        let Some(list) = asked.graph.edges_to(subject) else { continue };
        for start in asked.program.nested() {
            let mut walk = list.walk_from(start.bits());
            while let Some((key, _)) = list.next(&mut walk, asked.revision) {
                let node = Node::from_bits(key);
                if node.kind() != start.kind() || node.relation() != start.relation() {
                    break;
                }
                looked_at += 1;
                if looked_at > EDGES_MAX {
                    return Above::TooMany;
                }
                if among.iter().all(|known| *known != node) {
                    among.push(node);
                }
            }
        }
    }
}
