//! Which types' objects can have what.

use std::collections::HashMap;

use super::{Allowed, Compiled, Operator, Program, Rule, Step, StepId, key_kind};
use crate::packed::{KindId, RelationId};

/// A set of types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(Vec<u64>);

/// Which types' objects can have what: the least sets that the allowed subjects and the rules ask for. Relationships that do
/// not fit the schema are not asked about, so the sets bound what any graph can say.
impl Program {
    pub(super) fn find_reach(&mut self) {
        /// Sets that still grow after this many rounds are given up as "every type": the schema is stranger than any
        /// organisation, and nothing is lost but speed.
        const ROUNDS_MAX: usize = 64;
        let kinds: HashMap<usize, KindId> =
            self.by_name.iter().map(|(key, id)| (id.0 as usize, key_kind(*key))).collect();
        for _ in 0..ROUNDS_MAX {
            let mut grown = false;
            for index in 0..self.members.len() {
                let Some((member, kind)) = self.members.get(index).zip(kinds.get(&index)) else { continue };
                let reach = match &member.rule {
                    Rule::Relation(allowed) => self.relation_reach(allowed),
                    Rule::Permission(body) => self.body_reach(*body, *kind),
                };
                if let Some(member) = self.members.get_mut(index)
                    && member.reach != reach
                {
                    member.reach = reach;
                    grown = true;
                }
            }
            if !grown {
                return;
            }
        }
        let all = self.kinds.clone();
        for member in &mut self.members {
            member.reach = all.clone();
        }
    }

    fn relation_reach(&self, allowed: &Allowed) -> Kinds {
        let mut reach = Kinds::default();
        for kind in allowed.objects.iter().chain(&allowed.wildcards) {
            reach.insert(*kind);
        }
        for (kind, relation) in &allowed.usersets {
            reach.add(self.reach_of(*kind, *relation));
        }
        reach
    }

    /// Operands stand after their operator, so going backwards finds them ready.
    fn body_reach(&self, body: StepId, kind: KindId) -> Kinds {
        let mut found: HashMap<u32, Kinds> = HashMap::new();
        for place in self.reachable_steps(body).into_iter().rev() {
            let reach = match self.step(place) {
                Step::Never => Kinds::default(),
                Step::Itself => {
                    let mut itself = Kinds::default();
                    itself.insert(kind);
                    itself
                }
                Step::Direct { member } => self
                    .member(member)
                    .and_then(Compiled::direct)
                    .map(|allowed| self.relation_reach(allowed))
                    .unwrap_or_default(),
                Step::Member { member, .. } => {
                    self.member(member).map(|member| member.reach.clone()).unwrap_or_default()
                }
                Step::Arrow { tupleset, target, .. } => self.arrow_reach(kind, tupleset, target),
                Step::Operator { operator, first, end } => {
                    let mut operands = (first.0..end.0).filter_map(|place| found.remove(&place));
                    let mut reach = operands.next().unwrap_or_default();
                    for operand in operands {
                        match operator {
                            Operator::Union => reach.add(Some(&operand)),
                            Operator::Intersection => reach.keep(&operand),
                            Operator::Exclusion => {}
                        }
                    }
                    reach
                }
            };
            found.insert(place.0, reach);
        }
        found.remove(&body.0).unwrap_or_default()
    }

    pub(super) fn reachable_steps(&self, body: StepId) -> Vec<StepId> {
        let mut all = vec![body];
        let mut next = 0;
        while let Some(place) = all.get(next).copied() {
            next += 1;
            if let Step::Operator { first, end, .. } = self.step(place) {
                all.extend((first.0..end.0).map(StepId));
            }
        }
        all
    }

    fn arrow_reach(&self, kind: KindId, tupleset: RelationId, target: RelationId) -> Kinds {
        let mut reach = Kinds::default();
        let allowed = self.member_id(kind, tupleset).and_then(|member| self.allowed(member));
        for kind in allowed.into_iter().flat_map(Allowed::kinds_led_to) {
            reach.add(self.reach_of(kind, target));
        }
        reach
    }

    fn reach_of(&self, kind: KindId, relation: RelationId) -> Option<&Kinds> {
        self.member(self.member_id(kind, relation)?).map(|member| &member.reach)
    }
}

impl Kinds {
    pub(super) fn insert(&mut self, kind: KindId) {
        let (word, bit) = (usize::from(kind.0 / 64), kind.0 % 64);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << bit;
        }
    }

    pub(super) fn contains(&self, kind: KindId) -> bool {
        self.0.get(usize::from(kind.0 / 64)).is_some_and(|word| word >> (kind.0 % 64) & 1 == 1)
    }

    fn add(&mut self, other: Option<&Self>) {
        let Some(other) = other else { return };
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }

    fn keep(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine &= theirs;
        }
    }
}
