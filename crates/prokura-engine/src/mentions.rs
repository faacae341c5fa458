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
    /// Permissions of the same definition that mention a member.
    of_member: HashMap<MemberId, Vec<Mention>, PackedHash>,
    /// Arrows that ask for a target, on whatever type.
    of_target: HashMap<RelationId, Vec<ArrowMention>, PackedHash>,
    /// Permissions that mention their own object as a subject.
    of_self: HashMap<KindId, Vec<Mention>, PackedHash>,
}

/// A permission that mentions something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mention {
    pub(crate) permission: RelationId,
    /// Whether the permission holds wherever what is mentioned does: there are only unions between the two.
    pub(crate) surely: bool,
}

/// A permission with an arrow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArrowMention {
    pub(crate) kind: KindId,
    pub(crate) tupleset: RelationId,
    pub(crate) mention: Mention,
}

impl Mentions {
    pub(crate) fn of(program: &Program) -> Self {
        let mut mentions = Self::default();
        for (kind, permission, id) in program.members() {
            let Some(Rule::Permission(body)) = program.member(id).map(|member| &member.rule) else { continue };
            mentions.add(program, kind, permission, *body);
        }
        mentions
    }

    pub(crate) fn of_member(&self, member: MemberId) -> &[Mention] {
        self.of_member.get(&member).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn of_target(&self, target: RelationId) -> &[ArrowMention] {
        self.of_target.get(&target).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn of_self(&self, kind: KindId) -> &[Mention] {
        self.of_self.get(&kind).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, program: &Program, kind: KindId, permission: RelationId, body: StepId) {
        let mut open = vec![(body, true)];
        while let Some((place, surely)) = open.pop() {
            let mention = Mention { permission, surely };
            match program.step(place) {
                // A permission that is a relation too: who stands in it directly has it, where unions say so.
                Step::Never | Step::Direct { .. } => {}
                Step::Itself => self.of_self.entry(kind).or_default().push(mention),
                Step::Member { member, .. } => self.of_member.entry(member).or_default().push(mention),
                Step::Arrow { tupleset, target, every } => {
                    let mention = Mention { surely: surely && !every, ..mention };
                    self.of_target.entry(target).or_default().push(ArrowMention { kind, tupleset, mention });
                }
                Step::Operator { operator, first, end } => {
                    let surely = surely && operator == Operator::Union;
                    // What is taken away lets nobody in; but what is taken away from that may.
                    open.extend((first.0..end.0).map(|place| (StepId(place), surely)));
                }
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
