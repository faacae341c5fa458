//! Where a schema mentions its relations and permissions: what a walk from the subject needs.

use std::collections::{HashMap, HashSet};

use crate::{
    hash::PackedHash,
    packed::{KindId, RelationId},
    program::{Allowed, MemberId, Operator, Program, Rule, Step, StepId},
};

/// Who mentions what, of one program.
#[derive(Debug, Default)]
pub(crate) struct Mentions {
    /// What depends on each member, by its number.
    of_member: Vec<Dependents>,
    /// Permissions that mention their own object as a subject.
    of_self: HashMap<KindId, Vec<Mention>, PackedHash>,
}

/// What depends on a member directly.
#[derive(Debug, Default)]
pub(crate) struct Dependents {
    /// Permissions of the same definition that mention it.
    pub(crate) permissions: Vec<Mention>,
    /// Arrows that may lead to an object with it.
    pub(crate) arrows: Vec<ArrowMention>,
    /// Whether those who have it may stand somewhere as a userset.
    pub(crate) as_userset: bool,
}

impl Dependents {
    /// Whether no other object's members depend on it.
    pub(crate) fn are_within(&self) -> bool {
        self.arrows.is_empty() && !self.as_userset
    }
}

/// A permission that mentions something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mention {
    pub(crate) permission: RelationId,
    /// Whether the permission holds wherever what is mentioned does: there are only unions between the two.
    pub(crate) surely: bool,
}

/// A permission with an arrow.
#[derive(Clone, Debug)]
pub(crate) struct ArrowMention {
    pub(crate) kind: KindId,
    pub(crate) tupleset: RelationId,
    pub(crate) mention: Mention,
    /// The relations whose usersets it may lead through, besides the object itself.
    pub(crate) usersets: Vec<RelationId>,
}

impl Mentions {
    pub(crate) fn of(program: &Program) -> Self {
        let mut mentions = Self::default();
        mentions.of_member.resize_with(program.members().count(), Dependents::default);
        for (kind, permission, id) in program.members() {
            for (kind, relation) in program.allowed(id).into_iter().flat_map(Allowed::usersets) {
                if let Some(dependents) = mentions.dependents_mut(program.member_id(kind, relation)) {
                    dependents.as_userset = true;
                }
            }
            let Some(Rule::Permission(body)) = program.member(id).map(|member| &member.rule) else { continue };
            mentions.add(program, kind, permission, *body);
        }
        mentions
    }

    pub(crate) fn of_member(&self, member: MemberId) -> Option<&Dependents> {
        self.of_member.get(member.place())
    }

    pub(crate) fn of_self(&self, kind: KindId) -> &[Mention] {
        self.of_self.get(&kind).map_or(&[], Vec::as_slice)
    }

    fn dependents_mut(&mut self, member: Option<MemberId>) -> Option<&mut Dependents> {
        self.of_member.get_mut(member?.place())
    }

    fn add(&mut self, program: &Program, kind: KindId, permission: RelationId, body: StepId) {
        let mut open = vec![(body, true)];
        while let Some((place, surely)) = open.pop() {
            let mention = Mention { permission, surely };
            match program.step(place) {
                // A permission that is a relation too: who stands in it directly has it, where unions say so.
                Step::Never | Step::Direct { .. } => {}
                Step::Itself => self.of_self.entry(kind).or_default().push(mention),
                Step::Member { member, .. } => {
                    if let Some(dependents) = self.dependents_mut(Some(member)) {
                        dependents.permissions.push(mention);
                    }
                }
                Step::Arrow { tupleset, target, every } => {
                    let mention = Mention { surely: surely && !every, ..mention };
                    self.add_arrow(program, (kind, tupleset, target), mention);
                }
                Step::Operator { operator, first, end } => {
                    let surely = surely && operator == Operator::Union;
                    // What is taken away lets nobody in; but what is taken away from that may.
                    open.extend((first.0..end.0).map(|place| (StepId(place), surely)));
                }
            }
        }
    }

    /// For each type that the arrow may lead to.
    fn add_arrow(&mut self, program: &Program, arrow: (KindId, RelationId, RelationId), mention: Mention) {
        let (kind, tupleset, target) = arrow;
        let Some(allowed) = program.member_id(kind, tupleset).and_then(|from| program.allowed(from)) else { return };
        let led_to: HashSet<KindId, PackedHash> = allowed.kinds_led_to().collect();
        for end in led_to {
            if let Some(dependents) = self.dependents_mut(program.member_id(end, target)) {
                let usersets = allowed.userset_relations(end).collect();
                dependents.arrows.push(ArrowMention { kind, tupleset, mention, usersets });
            }
        }
    }
}

/// The members that the asked one can depend on, itself included: all that a walk towards it has to look at.
pub(crate) fn relevant(program: &Program, kind: KindId, asked: MemberId) -> HashSet<MemberId, PackedHash> {
    let mut found = HashSet::from_iter([asked]);
    let mut open = vec![(kind, asked)];
    while let Some((kind, id)) = open.pop() {
        let Some(member) = program.member(id) else { continue };
        let mut below = Vec::new();
        match &member.rule {
            Rule::Relation(allowed) => below.extend(allowed.usersets()),
            Rule::Permission(body) => {
                below.extend(member.direct().into_iter().flat_map(Allowed::usersets));
                steps_below(program, kind, *body, &mut below);
            }
        }
        for (kind, relation) in below {
            let Some(id) = program.member_id(kind, relation) else { continue };
            if found.insert(id) {
                open.push((kind, id));
            }
        }
    }
    found
}

fn steps_below(program: &Program, kind: KindId, body: StepId, below: &mut Vec<(KindId, RelationId)>) {
    let mut open = vec![body];
    while let Some(place) = open.pop() {
        match program.step(place) {
            Step::Never | Step::Itself | Step::Direct { .. } => {}
            Step::Member { relation, .. } => below.push((kind, relation)),
            Step::Arrow { tupleset, target, .. } => {
                let from = program.member_id(kind, tupleset).and_then(|from| program.allowed(from));
                below.extend(from.into_iter().flat_map(Allowed::kinds_led_to).map(|kind| (kind, target)));
            }
            Step::Operator { first, end, .. } => open.extend((first.0..end.0).map(StepId)),
        }
    }
}
