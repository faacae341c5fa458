//! What of a schema can be looked at the short way.

use std::collections::HashMap;

use super::{Allowed, MemberId, Operator, Program, Rule, Step};
use crate::packed::{KindId, Node, RelationId};

/// A relation or permission that whoever can reach the object has: every way from an object's edges to it.
#[derive(Debug, Default)]
pub(crate) struct Flat {
    /// Whether the object itself has it.
    pub(crate) itself: bool,
    /// Sorted by relation.
    pub(crate) ways: Vec<Way>,
}

/// What the edges of one relation are good for.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) relation: RelationId,
    /// Of an arrow: what is asked for, by the type of the object at the end. None where it is enough to be named.
    pub(crate) targets: Option<Vec<(KindId, MemberId)>>,
    pub(crate) wildcards: bool,
    pub(crate) usersets: bool,
}

impl Program {
    /// Those of which everything that they rest on is flat as well: all are taken to be, and what rests on others is not,
    /// until nothing changes.
    pub(super) fn find_flat(&mut self) {
        if self.strict {
            return;
        }
        let members: Vec<(KindId, RelationId, MemberId)> = self.members().collect();
        for (kind, relation, id) in &members {
            let flat = self.flattened(*kind, *relation, *id);
            if let Some(member) = self.members.get_mut(id.0 as usize) {
                member.flat = flat;
            }
        }
        loop {
            let rests_on_others = |kind: KindId, id: MemberId| {
                let ways = self.flat(id).map(|flat| flat.ways.as_slice()).unwrap_or_default();
                ways.iter().any(|way| !self.leads_to_flat(kind, way))
            };
            let rest = members.iter().filter(|(kind, _, id)| rests_on_others(*kind, *id));
            let dropped: Vec<MemberId> = rest.map(|(_, _, id)| *id).collect();
            if dropped.is_empty() {
                return;
            }
            for id in dropped {
                if let Some(member) = self.members.get_mut(id.0 as usize) {
                    member.flat = None;
                }
            }
        }
    }

    fn leads_to_flat(&self, kind: KindId, way: &Way) -> bool {
        let is_flat = |member: Option<MemberId>| member.is_none_or(|member| self.flat(member).is_some());
        if let Some(targets) = &way.targets {
            return targets.iter().all(|(_, member)| is_flat(Some(*member)));
        }
        let allowed = self.member_id(kind, way.relation).and_then(|member| self.allowed(member));
        allowed
            .is_some_and(|allowed| allowed.usersets().all(|(kind, relation)| is_flat(self.member_id(kind, relation))))
    }

    /// The member's ways, if all that stands between are unions.
    fn flattened(&self, kind: KindId, relation: RelationId, id: MemberId) -> Option<Flat> {
        let mut flat = Flat::default();
        let mut open = vec![(relation, id)];
        let mut seen = vec![id];
        while let Some((relation, id)) = open.pop() {
            let body = match &self.member(id)?.rule {
                Rule::Relation(allowed) => {
                    let (wildcards, usersets) = (allowed.has_wildcards(), allowed.has_usersets());
                    flat.ways.push(Way { relation, targets: None, wildcards, usersets });
                    continue;
                }
                Rule::Permission(body) => *body,
            };
            for place in self.reachable_steps(body) {
                match self.step(place) {
                    Step::Never => {}
                    Step::Itself => flat.itself = true,
                    Step::Member { relation, member } => {
                        if !seen.contains(&member) {
                            seen.push(member);
                            open.push((relation, member));
                        }
                    }
                    Step::Arrow { tupleset, target, every: false } => {
                        let led_to = self.member_id(kind, tupleset).and_then(|member| self.allowed(member))?;
                        let targets = led_to.kinds_led_to().filter_map(|kind| {
                            let member = self.member_id(kind, target)?;
                            Some((kind, member))
                        });
                        let mut targets: Vec<_> = targets.collect();
                        targets.sort_unstable_by_key(|(kind, _)| *kind);
                        targets.dedup();
                        let targets = Some(targets);
                        flat.ways.push(Way { relation: tupleset, targets, wildcards: false, usersets: false });
                    }
                    Step::Operator { operator: Operator::Union, .. } => {}
                    Step::Operator { .. } | Step::Arrow { every: true, .. } | Step::Direct { .. } => return None,
                }
            }
        }
        flat.ways.sort_by_key(|way| way.relation);
        Some(flat)
    }

    pub(super) fn find_nested(&mut self) {
        /// With more of them, going through them all costs more than it saves.
        const NESTED_MAX: usize = 16;
        if self.strict {
            return;
        }
        let of = |kind: KindId, relation: RelationId| Node::new(kind, relation, 0);
        let relations: HashMap<Node, &Allowed> = self
            .members()
            .filter_map(|(kind, relation, id)| match &self.member(id)?.rule {
                Rule::Relation(allowed) => Some((of(kind, relation), allowed)),
                Rule::Permission(_) => None,
            })
            .collect();
        let mut nested: Vec<Node> = relations
            .values()
            .flat_map(|allowed| allowed.usersets())
            .map(|(kind, relation)| of(kind, relation))
            .collect();
        nested.sort_unstable();
        nested.dedup();
        // What is in one that is not nested itself, directly or through others, is not: until nothing changes.
        loop {
            let before = nested.len();
            let known = nested.clone();
            nested.retain(|node| {
                relations.get(node).is_some_and(|allowed| {
                    allowed.usersets().all(|(kind, relation)| known.binary_search(&of(kind, relation)).is_ok())
                })
            });
            if nested.len() == before {
                break;
            }
        }
        if nested.len() <= NESTED_MAX {
            self.nested = nested;
        }
    }
}
