//! The short way: where a permission is a union, whoever can reach the resource has it, and no more needs to be known.
//!
//! It answers what the evaluator would answer, or nothing, and then the evaluator is asked: where an edge on terms is met that
//! might matter, where the way is long, and where there are more goals than fit on a page.

use std::ops::ControlFlow;

use crate::{
    Limits,
    check::{Asked, above::Above},
    list::{Birth, List},
    packed::{Class, KindId, Node, Subject},
    program::{MemberId, Way},
};

/// Goals looked at; with more of them, the evaluator is the better one to ask.
const GOALS_MAX: usize = 64;

/// A goal that was reached: a relation or permission of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Reached {
    object: u32,
    member: MemberId,
}

pub(crate) struct Quick<'a, 'g> {
    asked: &'a Asked<'g>,
    everyone: Subject,
    above: Above,
    goals: [Reached; GOALS_MAX],
    len: usize,
    depth_max: usize,
    /// Edges that may still be visited.
    work_left: u64,
}

/// It cannot be said the short way.
struct Unsaid;

impl<'a, 'g> Quick<'a, 'g> {
    /// Whether the subject has what is asked for, and how many edges were visited; nothing where it cannot be said.
    pub(crate) fn answer(asked: &'a Asked<'g>, goal: Node, limits: &Limits) -> Option<(bool, u64)> {
        let plain = asked.subject.class() == Class::Object && asked.assumed.is_none() && asked.graph.is_plain();
        let member = asked.program.member_id(goal.kind(), goal.relation()).filter(|_| plain)?;
        asked.program.flat(member)?;
        let first = Reached { object: goal.object(), member };
        let everyone = Subject::wildcard(asked.subject.node().kind());
        let mut quick = Quick {
            asked,
            everyone,
            above: Above::new(),
            goals: [first; GOALS_MAX],
            len: 1,
            depth_max: limits.depth,
            work_left: limits.work,
        };
        let mut next = 0;
        while let Some(reached) = quick.goals.get(next).copied().filter(|_| next < quick.len) {
            if quick.may_be_too_deep(0) {
                return None;
            }
            if quick.holds(reached).ok()? {
                return Some((true, limits.work - quick.work_left));
            }
            next += 1;
        }
        Some((false, limits.work - quick.work_left))
    }

    /// Whether the subject stands in the goal; and adds the goals that it would be enough to stand in.
    fn holds(&mut self, reached: Reached) -> Result<bool, Unsaid> {
        let Self { asked, .. } = *self;
        let flat = asked.program.flat(reached.member).ok_or(Unsaid)?;
        if flat.itself && asked.subject.node().object() == reached.object {
            return Ok(true);
        }
        let mut ways = flat.ways.iter().peekable();
        for (relation, list) in asked.graph.all_edges_from(reached.object) {
            while ways.next_if(|way| way.relation < relation).is_some() {}
            while let Some(way) = ways.next_if(|way| way.relation == relation) {
                if self.leads(way, list)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Whether the evaluator might find the way to such a height too deep: a goal here is two at most on its path. Near its
    /// limit, it decides.
    fn may_be_too_deep(&self, height: usize) -> bool {
        self.len * 2 + height > self.depth_max
    }

    fn visit(&mut self) -> Result<(), Unsaid> {
        self.work_left = self.work_left.checked_sub(1).ok_or(Unsaid)?;
        Ok(())
    }

    fn leads(&mut self, way: &Way, list: List<'g>) -> Result<bool, Unsaid> {
        if let Some(targets) = &way.targets {
            return self.follow(targets, list);
        }
        self.visit()?;
        let Asked { subject, revision, .. } = *self.asked;
        if let Some(few) = list.few() {
            return self.leads_one_by_one(way, few.filter(|(_, birth)| birth.revision() <= revision));
        }
        let everyone = way.wildcards.then_some(self.everyone);
        for named in [Some(subject), everyone].into_iter().flatten() {
            if let Some(birth) = list.find(named.bits(), revision) {
                return if birth.on_terms() { Err(Unsaid) } else { Ok(true) };
            }
        }
        if !way.usersets || !list.reaches(Subject::FIRST_USERSET.bits()) {
            return Ok(false);
        }
        let found = list.visit(Subject::FIRST_USERSET.bits(), revision, |key, birth| {
            let goal = Subject::from_bits(key).node();
            match self.userset(goal, birth) {
                Ok(false) => ControlFlow::Continue(()),
                Ok(true) => ControlFlow::Break(Ok(true)),
                Err(Unsaid) => ControlFlow::Break(Err(Unsaid)),
            }
        });
        found.break_value().unwrap_or(Ok(false))
    }

    /// The same, for a list so short that looking at each entry once is quickest.
    fn leads_one_by_one(&mut self, way: &Way, entries: impl Iterator<Item = (u64, Birth)>) -> Result<bool, Unsaid> {
        let subject = self.asked.subject.bits();
        let everyone = self.everyone.bits();
        for (key, birth) in entries {
            if key == subject || (key == everyone && way.wildcards) {
                return if birth.on_terms() { Err(Unsaid) } else { Ok(true) };
            }
            if key >= Subject::FIRST_USERSET.bits()
                && way.usersets
                && self.userset(Subject::from_bits(key).node(), birth)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the subject surely stands in a userset that an edge names; and adds it if that may be found out.
    fn userset(&mut self, goal: Node, birth: Birth) -> Result<bool, Unsaid> {
        self.visit()?;
        if self.asked.program.is_nested(goal) {
            let Some(height) = self.above.height(goal, self.asked, Some(self.everyone)) else { return Ok(false) };
            if birth.on_terms() || !self.above.is_exact() || self.may_be_too_deep(height) {
                return Err(Unsaid);
            }
            return Ok(true);
        }
        if birth.on_terms() {
            return Err(Unsaid);
        }
        self.reach(goal.object(), self.asked.program.member_id(goal.kind(), goal.relation()))?;
        Ok(false)
    }

    /// Adds what is asked for of the objects that the edges lead to.
    fn follow(&mut self, targets: &[(KindId, MemberId)], list: List<'g>) -> Result<bool, Unsaid> {
        let revision = self.asked.revision;
        let followed = list.visit(0, revision, |key, birth| {
            let subject = Subject::from_bits(key);
            if subject.class() == Class::Wildcard {
                return ControlFlow::Continue(());
            }
            let node = subject.node();
            let target = targets.iter().find(|(kind, _)| *kind == node.kind()).map(|(_, member)| *member);
            let unsaid = birth.on_terms() && target.is_some();
            if unsaid || self.visit().is_err() || self.reach(node.object(), target).is_err() {
                return ControlFlow::Break(Unsaid);
            }
            ControlFlow::Continue(())
        });
        match followed {
            ControlFlow::Continue(()) => Ok(false),
            ControlFlow::Break(Unsaid) => Err(Unsaid),
        }
    }

    fn reach(&mut self, object: u32, member: Option<MemberId>) -> Result<(), Unsaid> {
        let kind = self.asked.subject.node().kind();
        let Some(member) =
            member.filter(|member| self.asked.program.member(*member).is_some_and(|member| member.reaches(kind)))
        else {
            return Ok(());
        };
        let reached = Reached { object, member };
        if self.goals.iter().take(self.len).any(|known| *known == reached) {
            return Ok(());
        }
        *self.goals.get_mut(self.len).ok_or(Unsaid)? = reached;
        self.len += 1;
        Ok(())
    }
}
