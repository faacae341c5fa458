//! The evaluator: one loop over a list of open frames, for check and explain alike.
//!
//! Three-valued, with a cut at goals already open on the path; `docs/design/evaluation.md` says why that is the well-founded
//! model. Nothing here recurses, so the depth of a graph never meets the end of a thread's stack.

use std::collections::HashMap;

use prokura_model::Revision;

use crate::{
    Limits,
    graph::Graph,
    hash::PackedHash,
    inline::Inline,
    limits::DEPTH_MAX,
    list::{List, Walk},
    packed::{Class, Node, RelationId, Subject},
    program::{Allowed, MemberId, Operator, Program, Rule, Step, StepId},
    trace::{Edge, Trace},
};

/// Goals opened before answers are kept: most checks end sooner, and never pay for a table.
const MEMO_AFTER: u32 = 32;

/// Ordered: a union is the greatest of its operands, an intersection the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Truth {
    False,
    Undefined,
    True,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer<N> {
    pub(crate) truth: Truth,
    pub(crate) note: N,
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exhausted {
    Depth(usize),
    Work(u64),
}

/// What is asked, of what.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'g> {
    pub(crate) graph: &'g Graph<'g>,
    pub(crate) program: &'g Program,
    pub(crate) revision: Revision,
    pub(crate) subject: Subject,
    /// An edge to the subject that is taken to exist, for finding out what would have made a deny an allow.
    pub(crate) assumed: Option<Node>,
}

pub(crate) struct Check<'g, 't, T: Trace> {
    asked: Asked<'g>,
    /// The subject as a goal: a userset is a member of itself.
    itself: Option<Node>,
    /// The edge to everyone of the subject's type.
    everyone: Option<Subject>,
    depth_max: usize,
    work_max: u64,
    memo_after: u32,
    work: u64,
    opened: u32,
    frames: Inline<Frame<'g, T::Note>, 8>,
    open: Inline<Open, 8>,
    memo: HashMap<Node, Kept<T::Note>, PackedHash>,
    doubts: Vec<Doubt>,
    trace: &'t mut T,
}

/// A goal on the path.
#[derive(Clone, Copy)]
struct Open {
    node: Node,
    /// How many right sides of exclusions the path went through before it.
    negations: u32,
    /// The outermost goal whose cut the answer, so far, rests on; its own position or more if it rests on none above.
    rests_on: usize,
    /// How many doubts there were when it was opened.
    doubts: usize,
}

/// An answer that is kept, and if it is in doubt, which doubt that is and how many negations it was found under.
struct Kept<N> {
    answer: Answer<N>,
    doubt: Option<(usize, u32)>,
}

/// A goal that is false, or undefined, as long as the goal at a position of the path comes out so too.
struct Doubt {
    node: Node,
    /// What it came out as; true once the doubt is over.
    truth: Truth,
    rests_on: usize,
}

/// Something begun: a permission's operator, the usersets of a relation, the objects of an arrow.
struct Frame<'g, N> {
    node: Node,
    negations: u32,
    /// Whether the end of this frame is the end of a goal.
    closes: bool,
    answer: Answer<N>,
    task: Task<'g>,
}

enum Task<'g> {
    Operator { operator: Operator, first: StepId, next: StepId, end: StepId },
    Usersets { list: &'g List, walk: Walk, edge: Edge },
    Arrow { list: &'g List, walk: Walk, target: RelationId, edge: Edge },
}

/// What a frame needs next.
enum Child {
    Step { step: Step, node: Node, negations: u32 },
    Goal { node: Node, negations: u32 },
    Done,
}

impl<'g, 't, T: Trace> Check<'g, 't, T> {
    pub(crate) fn new(asked: Asked<'g>, limits: &Limits, trace: &'t mut T) -> Self {
        let node = asked.subject.node();
        let object = asked.subject.class() == Class::Object;
        Self {
            asked,
            itself: (!object).then_some(node),
            everyone: object.then(|| Subject::wildcard(node.kind())),
            depth_max: limits.depth.min(DEPTH_MAX),
            work_max: limits.work,
            memo_after: MEMO_AFTER,
            work: 0,
            opened: 0,
            frames: Inline::default(),
            open: Inline::default(),
            memo: HashMap::default(),
            doubts: Vec::new(),
            trace,
        }
    }

    /// Answers are kept once more goals than this were opened. It changes what a check costs, never what it says.
    #[cfg(test)]
    pub(crate) fn remembering_after(mut self, opened: u32) -> Self {
        self.memo_after = opened;
        self
    }

    /// How many edges were visited.
    pub(crate) fn work(&self) -> u64 {
        self.work
    }

    pub(crate) fn run(&mut self, goal: Node) -> Result<Answer<T::Note>, Exhausted> {
        let mut answer = self.enter_goal(goal, 0)?;
        loop {
            if let Some(found) = answer.take() {
                let Some(frame) = self.frames.last_mut() else { return Ok(found) };
                frame.absorb(found, self.trace);
            }
            answer = self.advance()?;
        }
    }

    /// Takes the innermost frame one step on. What comes back is for the frame that is innermost then.
    fn advance(&mut self) -> Result<Option<Answer<T::Note>>, Exhausted> {
        let child = match self.frames.last_mut() {
            Some(frame) => frame.next(&self.asked),
            None => Child::Done,
        };
        match child {
            Child::Step { step, node, negations } => self.enter_step(step, node, negations),
            Child::Goal { node, negations } => {
                self.visit()?;
                self.enter_goal(node, negations)
            }
            Child::Done => Ok(self.leave()),
        }
    }

    fn enter_step(&mut self, step: Step, node: Node, negations: u32) -> Result<Option<Answer<T::Note>>, Exhausted> {
        match step {
            Step::Never => Ok(Some(Answer::no())),
            Step::Member { relation, member } => {
                let goal = node.with_relation(relation);
                if self.itself == Some(goal) {
                    return Ok(Some(self.prove_itself(goal)));
                }
                self.enter_member(goal, member, negations)
            }
            Step::Operator { operator, first, end } => {
                self.push(node, negations, false, Task::Operator { operator, first, next: first, end });
                Ok(None)
            }
            Step::Arrow { tupleset, target } => {
                let from = node.with_relation(tupleset);
                let Some(list) = self.asked.graph.edges_from(from) else { return Ok(Some(Answer::no())) };
                let walk = list.walk_from(0);
                self.push(node, negations, false, Task::Arrow { list, walk, target, edge: Edge::none(from) });
                Ok(None)
            }
        }
    }

    fn enter_goal(&mut self, goal: Node, negations: u32) -> Result<Option<Answer<T::Note>>, Exhausted> {
        if self.itself == Some(goal) {
            return Ok(Some(self.prove_itself(goal)));
        }
        match self.asked.program.member_id(goal.kind(), goal.relation()) {
            Some(member) => self.enter_member(goal, member, negations),
            None => Ok(Some(Answer::no())),
        }
    }

    fn enter_member(
        &mut self,
        goal: Node,
        member: MemberId,
        negations: u32,
    ) -> Result<Option<Answer<T::Note>>, Exhausted> {
        let Some(member) = self.asked.program.member(member) else { return Ok(Some(Answer::no())) };
        if self.everyone.is_some() && !member.reaches(self.asked.subject.node().kind()) {
            return Ok(Some(Answer::no()));
        }
        match &member.rule {
            Rule::Relation(allowed) => self.enter_relation(goal, allowed, negations),
            Rule::Permission(body) => {
                if let Some(known) = self.known(goal, negations) {
                    return Ok(Some(known));
                }
                self.check_depth()?;
                self.open(goal, negations);
                if let Step::Operator { operator, first, end } = self.asked.program.step(*body) {
                    self.push(goal, negations, true, Task::Operator { operator, first, next: first, end });
                }
                Ok(None)
            }
        }
    }

    /// One probe for the subject and one for everyone of its type; then only the usersets of the list are walked.
    fn enter_relation(
        &mut self,
        goal: Node,
        allowed: &Allowed,
        negations: u32,
    ) -> Result<Option<Answer<T::Note>>, Exhausted> {
        self.visit()?;
        let list = self.asked.graph.edges_from(goal);
        if let Some(edge) = self.probe(goal, list, allowed) {
            self.check_depth()?;
            self.trace.reached(goal);
            let note = self.trace.edge(edge);
            return Ok(Some(Answer { truth: Truth::True, note: self.trace.proved(goal, note) }));
        }
        let usersets = Subject::FIRST_USERSET.bits();
        let list = list.filter(|list| allowed.has_usersets() && list.reaches(usersets));
        if list.is_some()
            && let Some(known) = self.known(goal, negations)
        {
            return Ok(Some(known));
        }
        self.check_depth()?;
        self.trace.missed(goal, self.open.len(), negations);
        let Some(list) = list else {
            self.trace.reached(goal);
            return Ok(Some(Answer::no()));
        };
        self.open(goal, negations);
        let walk = list.walk_from(usersets);
        self.push(goal, negations, true, Task::Usersets { list, walk, edge: Edge::none(goal) });
        Ok(None)
    }

    fn probe(&self, goal: Node, list: Option<&List>, allowed: &Allowed) -> Option<Edge> {
        let Asked { subject, revision, .. } = self.asked;
        if let Some(list) = list {
            if let Some(birth) = list.find(subject.bits(), revision) {
                return Some(Edge { node: goal, subject, birth });
            }
            if let Some(everyone) = self.everyone.filter(|_| allowed.has_wildcards())
                && let Some(birth) = list.find(everyone.bits(), revision)
            {
                return Some(Edge { node: goal, subject: everyone, birth });
            }
        }
        (self.asked.assumed == Some(goal)).then_some(Edge { node: goal, subject, birth: revision })
    }

    fn prove_itself(&mut self, goal: Node) -> Answer<T::Note> {
        let note = self.trace.itself();
        Answer { truth: Truth::True, note: self.trace.proved(goal, note) }
    }

    /// The answer for a goal that is open on the path already: it adds nothing to itself, and what it says about its own
    /// absence is undefined.
    fn cut(&mut self, goal: Node, negations: u32) -> Option<Answer<T::Note>> {
        let at = self.open.iter().position(|open| open.node == goal)?;
        let since = self.open.get(at)?.negations;
        if let Some(asking) = self.open.last_mut() {
            asking.rests_on = asking.rests_on.min(at);
        }
        let truth = if since == negations { Truth::False } else { Truth::Undefined };
        Some(Answer { truth, note: T::Note::default() })
    }

    /// What is known of a goal already: because it is being asked, or because it was.
    fn known(&mut self, goal: Node, negations: u32) -> Option<Answer<T::Note>> {
        if let Some(cut) = self.cut(goal, negations) {
            return Some(cut);
        }
        let kept = self.memo.get(&goal)?;
        if let Some((doubt, under)) = kept.doubt {
            let doubt = self.doubts.get(doubt).filter(|_| under == negations)?;
            if let Some(asking) = self.open.last_mut() {
                asking.rests_on = asking.rests_on.min(doubt.rests_on);
            }
        }
        Some(kept.answer.clone())
    }

    fn open(&mut self, node: Node, negations: u32) {
        self.trace.reached(node);
        self.opened = self.opened.saturating_add(1);
        self.open.push(Open { node, negations, rests_on: usize::MAX, doubts: self.doubts.len() });
    }

    fn push(&mut self, node: Node, negations: u32, closes: bool, task: Task<'g>) {
        let truth = match task {
            Task::Operator { operator: Operator::Intersection, .. } => Truth::True,
            Task::Operator { .. } | Task::Usersets { .. } | Task::Arrow { .. } => Truth::False,
        };
        let answer = Answer { truth, note: T::Note::default() };
        self.frames.push(Frame { node, negations, closes, answer, task });
    }

    /// Ends the innermost frame, and its goal where it is the end of one.
    fn leave(&mut self) -> Option<Answer<T::Note>> {
        let Frame { node, closes, mut answer, .. } = self.frames.pop()?;
        if !closes {
            return Some(answer);
        }
        if answer.truth == Truth::True {
            answer.note = self.trace.proved(node, answer.note);
        }
        if let Some(closed) = self.open.pop() {
            self.close(closed, &answer);
        }
        Some(answer)
    }

    /// Settles what the goal's answer means for what was found on the way to it, and keeps it.
    ///
    /// True rests on no cut: a cut only ever takes away. Any other answer that used the cut of a goal further out holds only
    /// as long as that goal comes out so too, and is kept in doubt until then. The doubts since a goal was opened end with it:
    /// those that came out as it did are settled, or passed on when it is in doubt itself; the others are dropped.
    fn close(&mut self, closed: Open, answer: &Answer<T::Note>) {
        let in_doubt = answer.truth != Truth::True && closed.rests_on < self.open.len();
        if in_doubt && let Some(asking) = self.open.last_mut() {
            asking.rests_on = asking.rests_on.min(closed.rests_on);
        }
        for at in closed.doubts..self.doubts.len() {
            let Some(doubt) = self.doubts.get_mut(at) else { break };
            let kept = doubt.truth == answer.truth;
            if kept && in_doubt {
                doubt.rests_on = closed.rests_on;
                continue;
            }
            // Dropped, or settled. A goal that was found anew since has a later doubt.
            let node = doubt.node;
            doubt.truth = Truth::True;
            if let Some(known) = self.memo.get_mut(&node)
                && known.doubt.is_some_and(|(doubt, _)| doubt == at)
            {
                known.doubt = None;
                if !kept {
                    self.memo.remove(&node);
                }
            }
        }
        if !in_doubt {
            self.doubts.truncate(closed.doubts);
        }
        if self.opened > self.memo_after {
            let doubt = in_doubt.then_some((self.doubts.len(), closed.negations));
            self.memo.insert(closed.node, Kept { answer: answer.clone(), doubt });
            if in_doubt {
                self.doubts.push(Doubt { node: closed.node, truth: answer.truth, rests_on: closed.rests_on });
            }
        }
    }

    fn visit(&mut self) -> Result<(), Exhausted> {
        if self.work >= self.work_max {
            return Err(Exhausted::Work(self.work_max));
        }
        self.work += 1;
        Ok(())
    }

    fn check_depth(&self) -> Result<(), Exhausted> {
        if self.open.len() >= self.depth_max {
            return Err(Exhausted::Depth(self.depth_max));
        }
        Ok(())
    }
}

impl<N: Clone + Default> Frame<'_, N> {
    /// The next thing this frame has to know; done as soon as nothing more can change its answer.
    fn next(&mut self, asked: &Asked<'_>) -> Child {
        let Self { node, negations, answer, task, .. } = self;
        match task {
            Task::Operator { operator, first, next, end } => {
                let settled = match operator {
                    Operator::Union => answer.truth == Truth::True,
                    Operator::Intersection | Operator::Exclusion => answer.truth == Truth::False && next != first,
                };
                if settled || next == end {
                    return Child::Done;
                }
                let right_side = *operator == Operator::Exclusion && next != first;
                let step = asked.program.step(*next);
                *next = StepId(next.0 + 1);
                Child::Step { step, node: *node, negations: *negations + u32::from(right_side) }
            }
            Task::Usersets { list, walk, edge } => {
                if answer.truth == Truth::True {
                    return Child::Done;
                }
                let Some((key, birth)) = list.next(walk, asked.revision) else { return Child::Done };
                *edge = Edge { subject: Subject::from_bits(key), birth, ..*edge };
                Child::Goal { node: edge.subject.node(), negations: *negations }
            }
            Task::Arrow { list, walk, target, edge } => {
                if answer.truth == Truth::True {
                    return Child::Done;
                }
                while let Some((key, birth)) = list.next(walk, asked.revision) {
                    let subject = Subject::from_bits(key);
                    if subject.class() != Class::Wildcard {
                        *edge = Edge { subject, birth, ..*edge };
                        return Child::Goal { node: subject.node().with_relation(*target), negations: *negations };
                    }
                }
                Child::Done
            }
        }
    }

    fn absorb<T: Trace<Note = N>>(&mut self, found: Answer<N>, trace: &mut T) {
        let before = Answer { truth: self.answer.truth, note: std::mem::take(&mut self.answer.note) };
        self.answer = match &self.task {
            Task::Operator { operator: Operator::Union, .. } => either(before, found, trace),
            Task::Operator { operator: Operator::Intersection, .. } => both(before, found, trace),
            Task::Operator { operator: Operator::Exclusion, first, next, .. } => {
                let right = StepId(first.0 + 1);
                if *next == right { found } else { except(before, found, self.node, right, trace) }
            }
            Task::Usersets { edge, .. } | Task::Arrow { edge, .. } => {
                let found = match found.truth {
                    Truth::True => Answer { truth: Truth::True, note: trace.followed(*edge, found.note) },
                    Truth::False | Truth::Undefined => found,
                };
                either(before, found, trace)
            }
        };
    }
}

impl<N: Default> Answer<N> {
    fn no() -> Self {
        Self { truth: Truth::False, note: N::default() }
    }
}

fn either<T: Trace>(one: Answer<T::Note>, other: Answer<T::Note>, trace: &mut T) -> Answer<T::Note> {
    match (one.truth, other.truth) {
        (Truth::True, _) => one,
        (_, Truth::True) => other,
        (one_truth, other_truth) => {
            Answer { truth: one_truth.max(other_truth), note: trace.neither(one.note, other.note) }
        }
    }
}

fn both<T: Trace>(one: Answer<T::Note>, other: Answer<T::Note>, trace: &mut T) -> Answer<T::Note> {
    match (one.truth, other.truth) {
        (Truth::True, Truth::True) => Answer { truth: Truth::True, note: trace.both(one.note, other.note) },
        (Truth::True, _) => other,
        (_, Truth::True) => one,
        (one_truth, other_truth) => {
            Answer { truth: one_truth.min(other_truth), note: trace.neither(one.note, other.note) }
        }
    }
}

fn except<T: Trace>(
    left: Answer<T::Note>,
    right: Answer<T::Note>,
    node: Node,
    place: StepId,
    trace: &mut T,
) -> Answer<T::Note> {
    let truth = match right.truth {
        Truth::False => left.truth,
        Truth::Undefined => left.truth.min(Truth::Undefined),
        Truth::True => Truth::False,
    };
    let note = match (left.truth, right.truth) {
        (Truth::True, Truth::False) => trace.spared(left.note, place),
        (Truth::True, Truth::True) => trace.excluded(node, place, right.note),
        _ => left.note,
    };
    Answer { truth, note }
}
