use std::collections::HashSet;

use prokura_model::{ObjectRef, RelationName, Relationship, SubjectRef, Terms, WitnessEdge, schema::Member};

use crate::{
    Limits, Permissionship,
    check::Asked,
    limits::{EXPLAINED_GOALS_MAX, NEAREST_TRIED_MAX, WITNESS_EDGES_MAX},
    packed::Node,
    program::{Rule, written},
    recorder::{Note, Part, ProvedId, Recorder, Ruling},
    trace::{Edge, Silent},
    view::{Found, Prepared},
};

/// Why a check came out as it did.
#[derive(Clone, Debug, PartialEq)]
pub enum Explanation {
    /// The subject has it, and this is why.
    Held(Proof),
    /// The subject does not have it, and this was nearest.
    NotHeld(NearMiss),
    /// It depends on what the question did not say.
    Open(Condition),
}

/// What a conditional answer depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The parameters of caveats that have no value, sorted.
    pub missing: Vec<String>,
    /// The relationships whose caveats ask for them, as many as are told of.
    pub relationships: Vec<WitnessEdge>,
    /// The whole in one sentence.
    pub message: String,
}

/// A relation or permission of an object: what a check asks for, step by step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Goal {
    /// The object.
    pub object: ObjectRef,
    /// The relation or permission.
    pub member: RelationName,
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.object, self.member)
    }
}

/// Why a goal holds: everything in `parts` together.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// What holds.
    pub goal: Goal,
    /// How the schema computes it, as it writes it; none for a relation.
    pub rule: Option<String>,
    /// What it rests on. Empty only where the tree was cut off at its limit.
    pub parts: Vec<ProofPart>,
    /// Whether parts were left out because the tree reached
    /// [`EXPLAINED_GOALS_MAX`](crate::limits::EXPLAINED_GOALS_MAX).
    pub cut_off: bool,
}

/// One thing a goal rests on.
#[derive(Clone, Debug, PartialEq)]
pub enum ProofPart {
    /// The subject is this very userset.
    Itself,
    /// An edge names the subject, or everyone of its type.
    Edge(Box<WitnessEdge>),
    /// An edge leads to another goal that holds.
    Followed(Box<Followed>),
    /// Another relation or permission of the same object holds.
    Member(Box<Proof>),
    /// The right side of an exclusion, as the schema writes it, does not hold.
    NotHeld(String),
}

/// An edge, and the goal at its end: the userset it names, or what an arrow asks for there.
#[derive(Clone, Debug, PartialEq)]
pub struct Followed {
    /// The edge.
    pub edge: WitnessEdge,
    /// Why the goal at its end holds.
    pub to: Box<Proof>,
}

/// What came nearest to an allow.
#[derive(Clone, Debug, PartialEq)]
pub struct NearMiss {
    /// Which goals were tried, in the order they were reached first.
    pub tried: Vec<Goal>,
    /// Whether more were tried than are listed.
    pub cut_off: bool,
    /// What excluded the subject where it would have been let in otherwise, the outermost first.
    pub excluded: Vec<Exclusion>,
    /// The closest single relationship that would have made it an allow. None if one alone would not have.
    pub missing: Option<Relationship>,
    /// The whole in one sentence.
    pub message: String,
}

/// An exclusion that took away what its left side gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Exclusion {
    /// The permission with the exclusion.
    pub goal: Goal,
    /// The right side, as the schema writes it.
    pub expression: String,
    /// Who is excluded.
    pub subject: SubjectRef,
    /// Why the right side holds: everything in here together.
    pub because: Vec<ProofPart>,
}

impl Explanation {
    /// Every edge of the tree, each once, in the order of the tree; none for a deny.
    #[must_use]
    pub fn witness(&self) -> Vec<WitnessEdge> {
        let Self::Held(proof) = self else { return Vec::new() };
        let mut edges: Vec<WitnessEdge> = Vec::new();
        let mut open: Vec<&ProofPart> = proof.parts.iter().rev().collect();
        while let Some(part) = open.pop() {
            let (edge, below) = match part {
                ProofPart::Itself | ProofPart::NotHeld(_) => continue,
                ProofPart::Edge(edge) => (Some(&**edge), None),
                ProofPart::Followed(followed) => (Some(&followed.edge), Some(&*followed.to)),
                ProofPart::Member(proof) => (None, Some(&**proof)),
            };
            edges.extend(edge.filter(|edge| !edges.contains(edge)).cloned());
            open.extend(below.into_iter().flat_map(|proof| proof.parts.iter().rev()));
        }
        edges
    }
}

/// The explanation of a check that was recorded.
pub(crate) fn explained(
    prepared: &Prepared<'_>,
    question: &Wanted<'_>,
    found: &Found<Note>,
    recorder: &Recorder,
    limits: &Limits,
) -> Explanation {
    let teller = Teller { prepared, recorder, question: Some(*question) };
    match &found.permissionship {
        Permissionship::Conditional(missing) => {
            Explanation::Open(teller.condition(question, missing, &found.conditions))
        }
        Permissionship::Has => {
            let whole = found.note.parts().iter().find_map(|part| match part {
                Part::Goal(id) => Some(*id),
                Part::Itself | Part::Edge(_) | Part::Followed(..) | Part::Spared(_) => None,
            });
            let proof = teller.proof(whole, &mut { EXPLAINED_GOALS_MAX });
            Explanation::Held(proof.map_or_else(|| Proof::cut_off(question), |proof| *proof))
        }
        Permissionship::HasNot => {
            let left = limits.work.saturating_sub(found.work);
            Explanation::NotHeld(teller.near_miss(question, found.note.rulings(), &Limits { work: left, ..*limits }))
        }
    }
}

/// Every edge that an answer rests on, each once, outermost first.
pub(crate) fn witness(prepared: &Prepared<'_>, note: &Note, recorder: &Recorder) -> Vec<WitnessEdge> {
    let mut edges: Vec<Edge> = Vec::new();
    let mut seen = HashSet::new();
    let mut open: Vec<Part> = note.parts().iter().rev().copied().collect();
    while let Some(part) = open.pop() {
        let (edge, below) = match part {
            Part::Itself | Part::Spared(_) => continue,
            Part::Edge(edge) => (Some(edge), None),
            Part::Followed(edge, below) => (Some(edge), Some(below)),
            Part::Goal(below) => (None, Some(below)),
        };
        if let Some(edge) = edge.filter(|edge| !edges.contains(edge)) {
            if edges.len() >= WITNESS_EDGES_MAX {
                break;
            }
            edges.push(edge);
        }
        if let Some(below) = below.filter(|below| seen.insert(*below))
            && let Some(proved) = recorder.proved(below)
        {
            open.extend(proved.parts.iter().rev());
        }
    }
    told_edges(prepared, &edges)
}

/// The edges in names.
pub(crate) fn told_edges(prepared: &Prepared<'_>, edges: &[Edge]) -> Vec<WitnessEdge> {
    let nothing = Recorder::witness_only();
    let teller = Teller { prepared, recorder: &nothing, question: None };
    edges.iter().take(WITNESS_EDGES_MAX).filter_map(|edge| teller.edge(*edge)).collect()
}

impl Proof {
    fn cut_off(question: &Wanted<'_>) -> Self {
        let goal = Goal { object: question.resource.clone(), member: question.permission.clone() };
        Self { goal, rule: None, parts: Vec::new(), cut_off: true }
    }
}

/// Turns what was recorded into names.
struct Teller<'a, 'g> {
    prepared: &'a Prepared<'g>,
    recorder: &'a Recorder,
    /// None where only edges are told.
    question: Option<Wanted<'a>>,
}

/// A question in words.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) resource: &'a ObjectRef,
    pub(crate) permission: &'a RelationName,
    pub(crate) subject: &'a SubjectRef,
}

impl Teller<'_, '_> {
    /// The tree of a proof, as far as the budget of goals goes.
    fn proof(&self, id: Option<ProvedId>, goals_left: &mut usize) -> Option<Box<Proof>> {
        let proved = id.and_then(|id| self.recorder.proved(id));
        let node = proved.map_or(self.prepared.goal, |proved| proved.goal);
        *goals_left = goals_left.saturating_sub(1);
        let mut proof = self.begun(node)?;
        for part in proved.map_or(&[][..], |proved| &proved.parts) {
            match self.part(part, goals_left) {
                Some(part) => proof.parts.push(part),
                None => proof.cut_off = true,
            }
        }
        Some(proof)
    }

    /// On the heap, and made elsewhere: the tree is walked by recursion, so its steps take little of the stack.
    fn begun(&self, node: Node) -> Option<Box<Proof>> {
        Some(Box::new(Proof { goal: self.goal(node)?, rule: self.rule(node), parts: Vec::new(), cut_off: false }))
    }

    /// Names are never lost; if one were, the part of the tree would count as cut off.
    fn goal(&self, node: Node) -> Option<Goal> {
        self.prepared.wording.goal(node)
    }

    fn followed(&self, edge: Edge, to: Box<Proof>) -> Option<ProofPart> {
        Some(ProofPart::Followed(Box::new(Followed { edge: self.edge(edge)?, to })))
    }

    fn part(&self, part: &Part, goals_left: &mut usize) -> Option<ProofPart> {
        if matches!(part, Part::Goal(_) | Part::Followed(..)) && *goals_left == 0 {
            return None;
        }
        Some(match part {
            Part::Itself => ProofPart::Itself,
            Part::Edge(edge) => ProofPart::Edge(Box::new(self.edge(*edge)?)),
            Part::Followed(edge, to) => {
                let to = self.proof(Some(*to), goals_left)?;
                return self.followed(*edge, to);
            }
            Part::Goal(id) => ProofPart::Member(self.proof(Some(*id), goals_left)?),
            Part::Spared(right) => ProofPart::NotHeld(self.prepared.asked.program.right_side(*right).to_owned()),
        })
    }

    fn edge(&self, edge: Edge) -> Option<WitnessEdge> {
        let Goal { object: resource, member: relation } = self.goal(edge.node)?;
        let subject = self.prepared.wording.subject(edge.subject)?;
        let terms = self.prepared.asked.graph.terms(edge.node, edge.subject, edge.birth);
        let terms = terms.filter(|_| edge.birth.on_terms()).map(|terms| Terms::clone(terms)).unwrap_or_default();
        let relationship = Relationship { resource, relation, subject };
        Some(WitnessEdge { relationship, since: edge.birth.revision(), terms })
    }

    fn rule(&self, node: Node) -> Option<String> {
        let goal = self.goal(node)?;
        let definition = self.prepared.asked.program.schema.definition(goal.object.kind.as_str())?;
        match definition.member(goal.member.as_str())? {
            Member::Permission(permission) => Some(written(&permission.expression)),
            Member::Relation(_) => None,
        }
    }

    fn condition(&self, question: &Wanted<'_>, missing: &[String], edges: &[Edge]) -> Condition {
        let relationships: Vec<WitnessEdge> = edges.iter().filter_map(|edge| self.edge(*edge)).collect();
        let asked_for: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
        let caveat = relationships.iter().find_map(|edge| edge.terms.caveat.as_ref());
        let caveat = caveat.map(|caveat| format!(" (caveat `{}`)", caveat.name)).unwrap_or_default();
        let message = format!(
            "whether `{}` has `{}` on `{}` depends on {}{caveat}, for which there is no value",
            question.subject,
            question.permission,
            question.resource,
            asked_for.join(", ")
        );
        Condition { missing: missing.to_vec(), relationships, message }
    }

    fn near_miss(&self, question: &Wanted<'_>, rulings: &[Ruling], limits: &Limits) -> NearMiss {
        let Wanted { subject, resource, permission } = *question;
        let excluded: Vec<Exclusion> = rulings.iter().filter_map(|ruling| self.exclusion(ruling)).collect();
        let missing = self.missing(subject, limits);
        let message = match (excluded.first(), &missing) {
            (Some(exclusion), _) => {
                let edge = exclusion.because.iter().find_map(first_edge);
                let by = edge.map(|edge| format!(" by `{}`", edge.relationship)).unwrap_or_default();
                let (goal, right) = (&exclusion.goal, &exclusion.expression);
                format!("`{subject}` would have `{goal}`, but its exclusion `{right}` holds{by}")
            }
            (None, Some(missing)) => {
                let without = if self.is_stored(missing) { " without its terms" } else { "" };
                format!(
                    "`{subject}` does not have `{permission}` on `{resource}`; the relationship `{missing}`{without} \
                     would give it"
                )
            }
            (None, None) => format!(
                "`{subject}` does not have `{permission}` on `{resource}`, and no single relationship nearby would give it"
            ),
        };
        let reached = self.recorder.reached();
        NearMiss {
            tried: reached
                .map(|reached| reached.goals.iter().filter_map(|node| self.goal(*node)).collect())
                .unwrap_or_default(),
            cut_off: reached.is_some_and(|reached| reached.cut_off),
            excluded,
            missing,
            message,
        }
    }

    /// Whether the relationship exists, if only on terms that do not hold.
    fn is_stored(&self, missing: &Relationship) -> bool {
        let Asked { graph, revision, subject, .. } = self.prepared.asked;
        let node = self.prepared.wording.index.names.node(&missing.resource, &missing.relation, graph.guard());
        let list = node.and_then(|node| graph.edges_from(node));
        list.is_some_and(|list| list.find(subject.bits(), revision).is_some())
    }

    fn exclusion(&self, ruling: &Ruling) -> Option<Exclusion> {
        let mut goals_left = EXPLAINED_GOALS_MAX;
        Some(Exclusion {
            goal: self.goal(ruling.goal)?,
            expression: self.prepared.asked.program.right_side(ruling.right).to_owned(),
            subject: self.question?.subject.clone(),
            because: ruling.because.iter().filter_map(|part| self.part(part, &mut goals_left)).collect(),
        })
    }

    /// The relation nearest to what was asked where one more edge to the subject changes the answer. Each candidate is tried
    /// by asking again as if it were there, so what is named is never a guess.
    fn missing(&self, subject: &SubjectRef, limits: &Limits) -> Option<Relationship> {
        let asked = &self.prepared.asked;
        let mut missed: Vec<(usize, Node)> = self.recorder.reached()?.missed.clone();
        missed.sort_by_key(|(depth, _)| *depth);
        let mut seen = HashSet::new();
        let fitting = missed.into_iter().map(|(_, node)| node).filter(|node| seen.insert(*node)).filter(|node| {
            let member = asked.program.member_id(node.kind(), node.relation());
            match member.and_then(|member| asked.program.member(member)).map(|member| &member.rule) {
                Some(Rule::Relation(allowed)) => allowed.fits(asked.subject, None),
                Some(Rule::Permission(_)) | None => false,
            }
        });
        let mut left = limits.work;
        for node in fitting.take(NEAREST_TRIED_MAX) {
            let asked = Asked { assumed: Some(node), ..*asked };
            let prepared = Prepared { asked, wording: self.prepared.wording.clone(), goal: self.prepared.goal };
            let Ok(found) = prepared.run(&Limits { work: left, ..*limits }, &mut Silent) else { continue };
            left = left.saturating_sub(found.work);
            if found.permissionship == Permissionship::Has {
                let Goal { object: resource, member: relation } = self.goal(node)?;
                return Some(Relationship { resource, relation, subject: subject.clone() });
            }
        }
        None
    }
}

fn first_edge(part: &ProofPart) -> Option<&WitnessEdge> {
    let mut open = vec![part];
    while let Some(part) = open.pop() {
        match part {
            ProofPart::Edge(edge) => return Some(edge),
            ProofPart::Followed(followed) => return Some(&followed.edge),
            ProofPart::Member(proof) => open.extend(proof.parts.iter().rev()),
            ProofPart::Itself | ProofPart::NotHeld(_) => {}
        }
    }
    None
}
