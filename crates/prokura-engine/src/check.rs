//! The evaluator: one loop over a list of open frames, for check and explain alike.
//!
//! Three-valued, with a cut at goals already open on the path; `docs/design/evaluation.md` says why that is the well-founded
//! model. Nothing here recurses, so the depth of a graph never meets the end of a thread's stack.

mod above;
mod combine;
mod frame;
mod quick;
mod unknown;

use std::collections::HashMap;

use prokura_model::{Revision, condition::Evaluation};

use self::frame::{Arrow, Child, Frame, Held, Task};
pub(crate) use self::{
    above::Above,
    quick::{Bounds, Quick, Short},
    unknown::{Lacking, Unknowns, Why},
};

use crate::{
    CaveatFailure, Given, Limits,
    graph::Graph,
    hash::PackedHash,
    inline::Inline,
    limits::DEPTH_MAX,
    list::{Birth, List},
    packed::{Class, Node, Subject},
    program::{Allowed, Compiled, MemberId, Operator, Program, Rule, Step},
    trace::{Edge, Trace},
};

/// Goals opened before answers are kept: most checks end sooner, and never pay for a table.
const MEMO_AFTER: u32 = 32;

/// Ordered: a union is the greatest of its operands, an intersection the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Truth {
    False,
    /// It depends on a caveat that cannot be decided, or on its own absence.
    Unknown,
    True,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer<N> {
    pub(crate) truth: Truth,
    /// What an unknown lacks.
    pub(crate) why: Why,
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
    pub(crate) given: Given<'g>,
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
    unknowns: Unknowns,
    above: &'t mut Above,
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

impl<'g, 't, T: Trace> Check<'g, 't, T> {
    /// What is above the subject may be known from a question before.
    pub(crate) fn new(asked: Asked<'g>, limits: &Limits, above: &'t mut Above, trace: &'t mut T) -> Self {
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
            unknowns: Unknowns::default(),
            above,
            trace,
        }
    }

    /// What an unknown answer lacks; nothing if it depends on its own absence.
    pub(crate) fn lacking(&self, why: Why) -> Option<&Lacking> {
        self.unknowns.get(why)
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
                frame.absorb(found, &mut self.unknowns, self.trace);
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
            Child::Edge { edge, birth, goal, negations } => {
                self.visit()?;
                if self.passes_over(goal) {
                    return Ok(None);
                }
                self.follow(edge, birth, goal, negations)
            }
            Child::Done => Ok(self.leave()),
        }
    }

    /// Whether the goal at the end of a userset's edge surely does not hold.
    fn passes_over(&mut self, goal: Node) -> bool {
        let Some(Frame { task: Task::Usersets { .. }, .. }) = self.frames.last_mut() else { return false };
        self.asked.assumed.is_none()
            && self.trace.may_skip()
            && self.asked.program.is_nested(goal)
            && self.above.height(goal, &self.asked, self.everyone).is_none()
    }

    /// Enters the goal at the end of an edge, unless the edge is not there for this question.
    fn follow(
        &mut self,
        edge: Edge,
        birth: Birth,
        goal: Node,
        negations: u32,
    ) -> Result<Option<Answer<T::Note>>, Exhausted> {
        let within = match self.frames.last_mut().map(|frame| &frame.task) {
            Some(Task::Usersets { within, .. }) => *within,
            Some(Task::Arrow { arrow, .. }) => arrow.within,
            Some(Task::Operator { .. }) | None => None,
        };
        let holds = self.holds(edge, birth, within);
        match self.frames.last_mut().map(|frame| &mut frame.task) {
            Some(Task::Usersets { held, .. }) => *held = holds,
            Some(Task::Arrow { held, arrow, .. }) => {
                *held = holds;
                arrow.followed |= holds != Held::Absent;
            }
            Some(Task::Operator { .. }) | None => {}
        }
        match holds {
            Held::Surely | Held::Perhaps(_) => self.enter_goal(goal, negations),
            Held::Not | Held::Absent => Ok(Some(Answer::no())),
        }
    }

    /// Whether an edge that was found exists for this question.
    fn holds(&mut self, edge: Edge, birth: Birth, within: Option<&Allowed>) -> Held {
        if !birth.on_terms() {
            return match within {
                Some(allowed) if !allowed.fits(edge.subject, None) => Held::Absent,
                Some(_) | None => Held::Surely,
            };
        }
        let Asked { graph, given, program, .. } = self.asked;
        let Some(terms) = graph.terms(edge.node, edge.subject, birth) else {
            return Held::Perhaps(self.unknowns.failed(edge, CaveatFailure::TermsLost));
        };
        let caveat = terms.caveat.as_ref();
        let fits = within.is_none_or(|allowed| allowed.fits(edge.subject, Some(terms)));
        if terms.is_over(given.now) || !fits {
            return Held::Absent;
        }
        let Some(caveat) = caveat else { return Held::Surely };
        let Some(declared) = program.schema.caveat(caveat.name.as_str()) else {
            let failure = CaveatFailure::Undeclared(caveat.name.clone());
            return Held::Perhaps(self.unknowns.failed(edge, failure));
        };
        match declared.condition.evaluate(&caveat.context, given.context) {
            Evaluation::True => Held::Surely,
            Evaluation::False => Held::Not,
            Evaluation::Missing(names) => Held::Perhaps(self.unknowns.missing(edge, names)),
            Evaluation::Failed(failure) => {
                let failure = CaveatFailure::Evaluation { name: caveat.name.clone(), failure };
                Held::Perhaps(self.unknowns.failed(edge, failure))
            }
        }
    }

    fn enter_step(&mut self, step: Step, node: Node, negations: u32) -> Result<Option<Answer<T::Note>>, Exhausted> {
        match step {
            Step::Never => Ok(Some(Answer::no())),
            Step::Itself => Ok(Some(self.enter_itself(node))),
            Step::Direct { member } => self.enter_direct(node, member, negations),
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
            Step::Arrow { tupleset, target, every } => {
                let from = node.with_relation(tupleset);
                let Some(list) = self.asked.graph.edges_from(from) else { return Ok(Some(Answer::no())) };
                let walk = list.walk_from(0);
                let within = self.asked.program.restricted(from);
                let arrow = Arrow { target, every, followed: false, within };
                self.push(
                    node,
                    negations,
                    false,
                    Task::Arrow { list, walk, arrow, edge: Edge::none(from), held: Held::Surely },
                );
                Ok(None)
            }
        }
    }

    /// The subject is the object itself.
    fn enter_itself(&mut self, node: Node) -> Answer<T::Note> {
        if self.asked.subject != Subject::object(node.kind(), node.object()) {
            return Answer::no();
        }
        Answer { truth: Truth::True, why: Why::default(), note: self.trace.itself() }
    }

    /// The edges written to a relation that is computed too: part of its goal, which is open already.
    fn enter_direct(
        &mut self,
        node: Node,
        member: MemberId,
        negations: u32,
    ) -> Result<Option<Answer<T::Note>>, Exhausted> {
        self.visit()?;
        let Some(allowed) = self.asked.program.member(member).and_then(Compiled::direct) else {
            return Ok(Some(Answer::no()));
        };
        let list = self.asked.graph.edges_from(node);
        let found = self.probe(node, list, allowed);
        let Some(list) = self.usersets_to_walk(&found, list, allowed) else { return Ok(Some(found)) };
        self.walk_usersets(node, negations, false, list, allowed, found);
        Ok(None)
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
        if member.is_flat()
            && let Some(answer) = self.quickly(goal)
        {
            return Ok(Some(answer));
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

    /// The answer, where it is found the short way. Within a goal for which that was tried in vain, it is not tried again; and
    /// for the first goal of all, whoever asks tries it before an evaluator is made.
    fn quickly(&mut self, goal: Node) -> Option<Answer<T::Note>> {
        let Asked { program, .. } = self.asked;
        let tried = |open: &Open| {
            let member = program.member_id(open.node.kind(), open.node.relation());
            member.and_then(|member| program.member(member)).is_some_and(Compiled::is_flat)
        };
        if !self.trace.may_skip() || self.open.last().is_none_or(tried) {
            return None;
        }
        let bounds = Bounds { depth: self.depth_max - self.open.len(), work: self.work_max - self.work };
        let short = Quick::answer(&self.asked, goal, bounds, self.above, self.trace.wants_proof())?;
        self.work += short.work;
        Some(short.told(goal, self.trace))
    }

    /// One probe for the subject and one for everyone of its type; then only the usersets of the list are walked.
    fn enter_relation(
        &mut self,
        goal: Node,
        allowed: &'g Allowed,
        negations: u32,
    ) -> Result<Option<Answer<T::Note>>, Exhausted> {
        self.visit()?;
        let list = self.asked.graph.edges_from(goal);
        let found = self.probe(goal, list, allowed);
        if found.truth == Truth::True {
            self.check_depth()?;
            self.trace.reached(goal);
            return Ok(Some(Answer { note: self.trace.proved(goal, found.note), ..found }));
        }
        let list = self.usersets_to_walk(&found, list, allowed);
        if list.is_some()
            && let Some(known) = self.known(goal, negations)
        {
            return Ok(Some(known));
        }
        self.check_depth()?;
        self.trace.missed(goal, self.open.len(), negations);
        let Some(list) = list else {
            self.trace.reached(goal);
            return Ok(Some(found));
        };
        self.open(goal, negations);
        self.walk_usersets(goal, negations, true, list, allowed, found);
        Ok(None)
    }

    /// The list, if who stands in its usersets can still change what the probes found.
    fn usersets_to_walk(&self, found: &Answer<T::Note>, list: Option<List<'g>>, allowed: &Allowed) -> Option<List<'g>> {
        let open = found.truth != Truth::True && allowed.has_usersets();
        list.filter(|list| open && list.reaches(Subject::FIRST_USERSET.bits()))
    }

    fn walk_usersets(
        &mut self,
        node: Node,
        negations: u32,
        closes: bool,
        list: List<'g>,
        allowed: &'g Allowed,
        found: Answer<T::Note>,
    ) {
        let walk = list.walk_from(Subject::FIRST_USERSET.bits());
        let within = self.asked.program.is_strict().then_some(allowed);
        let task = Task::Usersets { list, walk, within, edge: Edge::none(node), held: Held::Surely };
        self.push(node, negations, closes, task);
        if let Some(frame) = self.frames.last_mut() {
            frame.answer = found;
        }
    }

    /// The edges that name the subject itself, or everyone of its type.
    fn probe(&mut self, goal: Node, list: Option<List<'g>>, allowed: &Allowed) -> Answer<T::Note> {
        let Asked { subject, revision, .. } = self.asked;
        let mut why = None;
        if let Some(list) = list {
            let everyone = self.everyone.filter(|_| allowed.has_wildcards());
            for named in [Some(subject), everyone].into_iter().flatten() {
                let Some(birth) = list.find(named.bits(), revision) else { continue };
                let edge = Edge { node: goal, subject: named, birth };
                if !birth.on_terms() && !self.asked.program.is_strict() {
                    return self.named(edge);
                }
                let within = self.asked.program.is_strict().then_some(allowed);
                match self.holds(edge, birth, within) {
                    Held::Surely => return self.named(edge),
                    Held::Perhaps(lacking) => {
                        why = Some(why.map_or(lacking, |before| self.unknowns.merged(before, lacking)));
                    }
                    Held::Not | Held::Absent => {}
                }
            }
        }
        if self.asked.assumed == Some(goal) {
            return self.named(Edge { node: goal, subject, birth: Birth::new(revision, false) });
        }
        match why {
            Some(why) => Answer { truth: Truth::Unknown, why, note: T::Note::default() },
            None => Answer::no(),
        }
    }

    fn named(&mut self, edge: Edge) -> Answer<T::Note> {
        Answer { truth: Truth::True, why: Why::default(), note: self.trace.edge(edge) }
    }

    fn prove_itself(&mut self, goal: Node) -> Answer<T::Note> {
        let note = self.trace.itself();
        Answer { truth: Truth::True, why: Why::default(), note: self.trace.proved(goal, note) }
    }

    /// The answer for a goal that is open on the path already: it adds nothing to itself, and what it says about its own
    /// absence is undefined.
    fn cut(&mut self, goal: Node, negations: u32) -> Option<Answer<T::Note>> {
        let at = self.open.iter().position(|open| open.node == goal)?;
        let since = self.open.get(at)?.negations;
        if let Some(asking) = self.open.last_mut() {
            asking.rests_on = asking.rests_on.min(at);
        }
        let truth = if since == negations { Truth::False } else { Truth::Unknown };
        Some(Answer { truth, why: Why::default(), note: T::Note::default() })
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
            Task::Operator { operator: Operator::Intersection, .. }
            | Task::Arrow { arrow: Arrow { every: true, .. }, .. } => Truth::True,
            Task::Operator { .. } | Task::Usersets { .. } | Task::Arrow { .. } => Truth::False,
        };
        let answer = Answer { truth, why: Why::default(), note: T::Note::default() };
        self.frames.push(Frame { node, negations, closes, answer, task });
    }

    /// Ends the innermost frame, and its goal where it is the end of one.
    fn leave(&mut self) -> Option<Answer<T::Note>> {
        let Frame { node, closes, mut answer, task, .. } = self.frames.pop()?;
        if let Task::Arrow { arrow: Arrow { every: true, followed: false, .. }, .. } = task {
            answer = Answer::no();
        }
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

impl<N: Default> Answer<N> {
    fn no() -> Self {
        Self { truth: Truth::False, why: Why::default(), note: N::default() }
    }
}
