//! The short way: where a permission is a union, whoever can reach the resource has it, and no more needs to be known.
//!
//! It answers what the evaluator would answer, or nothing, and then the evaluator is asked: where an edge on terms is met that
//! might matter, where the way is long, and where there are more goals than fit on a page.

mod proof;

use std::{ops::ControlFlow, sync::atomic::AtomicU64};

use crate::{
    Limits, Permissionship,
    check::{Answer, Asked, Truth, Why, above::Above},
    limits::DEPTH_MAX,
    list::{Birth, LIVE_WORDS},
    lists::Shelf,
    packed::{Class, KindId, Node, Subject},
    program::{Flat, MemberId, Way},
    trace::{Edge, Trace},
    words::load,
};

/// Goals looked at; with more of them, the evaluator is the better one to ask.
const GOALS_MAX: usize = 64;

/// A goal that was reached: a relation or permission of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Reached {
    object: u32,
    member: MemberId,
}

impl Reached {
    const NOTHING: Self = Self { object: 0, member: MemberId::FIRST };
}

/// How far it may go.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Goals open on one path.
    pub(crate) depth: usize,
    /// Edges visited.
    pub(crate) work: u64,
}

pub(crate) struct Quick<'q, 'g> {
    asked: &'q Asked<'g>,
    everyone: Subject,
    above: &'q mut Above,
    goals: [Reached; GOALS_MAX],
    /// For each goal, the position of the one it was reached from.
    from: [u8; GOALS_MAX],
    len: usize,
    /// The position of the goal that is looked at.
    at: usize,
    depth_max: usize,
    /// Edges that may still be visited.
    work_left: u64,
}

/// What was found out the short way.
pub(crate) struct Short {
    pub(crate) has: bool,
    /// Edges visited.
    pub(crate) work: u64,
    /// What an allow rests on, outermost first, where that was asked for.
    pub(crate) proof: Vec<Edge>,
}

/// It cannot be said the short way.
struct Unsaid;

impl Bounds {
    pub(crate) fn of(limits: &Limits) -> Self {
        Self { depth: limits.depth.min(DEPTH_MAX), work: limits.work }
    }
}

impl Short {
    pub(crate) fn permissionship(&self) -> Permissionship {
        if self.has { Permissionship::Has } else { Permissionship::HasNot }
    }

    /// The answer in the evaluator's words.
    pub(crate) fn told<T: Trace>(self, goal: Node, trace: &mut T) -> Answer<T::Note> {
        if !self.has {
            return Answer::no();
        }
        let edges: Vec<T::Note> = self.proof.into_iter().map(|edge| trace.edge(edge)).collect();
        let parts = edges.into_iter().reduce(|one, other| trace.both(one, other)).unwrap_or_default();
        Answer { truth: Truth::True, why: Why::default(), note: trace.proved(goal, parts) }
    }
}

impl<'q, 'g> Quick<'q, 'g> {
    /// Whether the subject has what is asked for; nothing where it cannot be said. What is above the subject is kept for
    /// the next question about it.
    pub(crate) fn answer(
        asked: &'q Asked<'g>,
        goal: Node,
        bounds: Bounds,
        above: &'q mut Above,
        wants_proof: bool,
    ) -> Option<Short> {
        let plain = asked.subject.class() == Class::Object && asked.assumed.is_none() && asked.graph.is_plain();
        let member = asked.program.member_id(goal.kind(), goal.relation()).filter(|_| plain)?;
        asked.program.flat(member)?;
        // Of a constant, the array is filled at once; of a value, element by element.
        let mut goals = [Reached::NOTHING; GOALS_MAX];
        if let Some(first) = goals.first_mut() {
            *first = Reached { object: goal.object(), member };
        }
        let mut quick = Quick {
            asked,
            everyone: Subject::wildcard(asked.subject.node().kind()),
            above,
            goals,
            from: [0; GOALS_MAX],
            len: 1,
            at: 0,
            depth_max: bounds.depth,
            work_left: bounds.work,
        };
        let has = quick.run().ok()?;
        let proof = if has && wants_proof { quick.proof()? } else { Vec::new() };
        Some(Short { has, work: bounds.work - quick.work_left, proof })
    }

    fn run(&mut self) -> Result<bool, Unsaid> {
        while let Some(reached) = self.goals.get(self.at).copied().filter(|_| self.at < self.len) {
            if self.may_be_too_deep(0) {
                return Err(Unsaid);
            }
            if self.holds(reached)? {
                return Ok(true);
            }
            self.at += 1;
        }
        Ok(false)
    }

    /// Whether the subject stands in the goal; and adds the goals that it would be enough to stand in.
    fn holds(&mut self, reached: Reached) -> Result<bool, Unsaid> {
        let flat = self.flat(reached.member)?;
        if flat.itself && self.asked.subject.node().object() == reached.object {
            return Ok(true);
        }
        let mut ways = flat.ways.as_slice();
        for (relation, shelf) in self.asked.graph.all_edges_from(reached.object) {
            while let [way, rest @ ..] = ways
                && way.relation <= relation
            {
                if way.relation == relation && self.leads(way, shelf)? {
                    return Ok(true);
                }
                ways = rest;
            }
        }
        Ok(false)
    }

    fn flat(&self, member: MemberId) -> Result<&'g Flat, Unsaid> {
        self.asked.program.flat(member).ok_or(Unsaid)
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

    fn leads(&mut self, way: &Way, shelf: Shelf<'g>) -> Result<bool, Unsaid> {
        if let Some(targets) = &way.targets {
            return self.follow(targets, shelf);
        }
        self.visit()?;
        if let Some(few) = shelf.few() {
            return self.leads_one_by_one(way, few);
        }
        let Asked { subject, revision, .. } = *self.asked;
        let list = self.asked.graph.list(shelf);
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
    fn leads_one_by_one(&mut self, way: &Way, entries: &[[AtomicU64; LIVE_WORDS]]) -> Result<bool, Unsaid> {
        let Asked { subject, revision, .. } = *self.asked;
        for [key, birth] in entries {
            let (key, birth) = (Subject::from_bits(load(key)), Birth::stored(birth));
            if birth.revision() > revision {
                continue;
            }
            if key == subject || (key == self.everyone && way.wildcards) {
                return if birth.on_terms() { Err(Unsaid) } else { Ok(true) };
            }
            if key >= Subject::FIRST_USERSET && way.usersets && self.userset(key.node(), birth)? {
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
    fn follow(&mut self, targets: &[(KindId, MemberId)], shelf: Shelf<'g>) -> Result<bool, Unsaid> {
        let revision = self.asked.revision;
        if let Some(few) = shelf.few() {
            for [key, birth] in few {
                let birth = Birth::stored(birth);
                if birth.revision() <= revision {
                    self.step(targets, Subject::from_bits(load(key)), birth)?;
                }
            }
            return Ok(false);
        }
        let followed = self.asked.graph.list(shelf).visit(0, revision, |key, birth| {
            match self.step(targets, Subject::from_bits(key), birth) {
                Ok(()) => ControlFlow::Continue(()),
                Err(Unsaid) => ControlFlow::Break(Unsaid),
            }
        });
        if followed.is_continue() { Ok(false) } else { Err(Unsaid) }
    }

    fn step(&mut self, targets: &[(KindId, MemberId)], end: Subject, birth: Birth) -> Result<(), Unsaid> {
        if end.class() == Class::Wildcard {
            return Ok(());
        }
        let node = end.node();
        let target = target_of(targets, node.kind());
        if birth.on_terms() && target.is_some() {
            return Err(Unsaid);
        }
        self.visit()?;
        self.reach(node.object(), target)
    }

    fn reach(&mut self, object: u32, member: Option<MemberId>) -> Result<(), Unsaid> {
        let kind = self.asked.subject.node().kind();
        let Some(member) =
            member.filter(|member| self.asked.program.member(*member).is_some_and(|member| member.reaches(kind)))
        else {
            return Ok(());
        };
        let reached = Reached { object, member };
        if self.goals.get(..self.len).ok_or(Unsaid)?.contains(&reached) {
            return Ok(());
        }
        self.asked.graph.fetch_edges_from(object);
        *self.goals.get_mut(self.len).ok_or(Unsaid)? = reached;
        *self.from.get_mut(self.len).ok_or(Unsaid)? = u8::try_from(self.at).map_err(|_| Unsaid)?;
        self.len += 1;
        Ok(())
    }
}

/// What is asked for of an object of the type.
#[inline]
fn target_of(targets: &[(KindId, MemberId)], kind: KindId) -> Option<MemberId> {
    targets.iter().find(|(of, _)| *of == kind).map(|(_, member)| *member)
}
