use prokura_model::{ObjectRef, RelationName, SubjectRef, Terms};

use crate::{
    EngineError, Given, Goal, Limits, View,
    check::Asked,
    graph::Graph,
    limits::{DEPTH_MAX, EXPANDED_NODES_MAX},
    packed::{Class, Node, Subject},
    program::{Operator, Rule, Step, StepId},
    view::Prepared,
};

/// What a relation or permission of an object consists of, as far as its own object and its arrows go: usersets at the leaves
/// are named and not expanded.
#[derive(Clone, Debug, PartialEq)]
pub struct Expansion {
    /// What is expanded. A part of a permission's expression has the permission's name.
    pub goal: Goal,
    /// What it consists of.
    pub node: ExpansionNode,
}

/// A node of an expansion.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpansionNode {
    /// The subjects at the edges of a relation, in the order of their names, each with its terms.
    Leaf(Vec<(SubjectRef, Terms)>),
    /// What the operands combine to; those of an exclusion in their order.
    Operation(Operation, Vec<Expansion>),
}

/// How operands combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Whoever is in one of them.
    Union,
    /// Whoever is in all of them.
    Intersection,
    /// Whoever is in the first and in none of the others.
    Exclusion,
}

impl View<'_> {
    /// What the permission (or relation) on the resource consists of.
    ///
    /// # Errors
    /// A name is unknown, or a limit is reached: `depth` on one path, or [`EXPANDED_NODES_MAX`] in all.
    pub fn expand(
        &self,
        resource: &ObjectRef,
        permission: &RelationName,
        given: Given<'_>,
        limits: &Limits,
    ) -> Result<Expansion, EngineError> {
        let guard = self.index.guard();
        let graph = Graph::new(self, &guard);
        let program = self.program(graph.guard())?;
        let mut wording = self.wording();
        let (kind, relation) = self.find_member(program, &resource.kind, permission)?;
        let goal = Node::new(kind, relation, self.find_object(kind, resource, &mut wording, &guard));
        let subject = Subject::object(kind, goal.object());
        let asked = Asked { graph: &graph, program, revision: self.revision, given, subject, assumed: None };
        let prepared = Prepared { wording, asked, goal };
        // Deeper than this the recursion would meet the end of a thread's stack.
        const RECURSION_MAX: usize = 500;
        let depth_max = limits.depth.min(DEPTH_MAX).min(RECURSION_MAX);
        let mut expanding = Expanding { prepared: &prepared, depth_max, nodes: 0 };
        let expanded = expanding.goal(goal, 0);
        self.index.check_kept(self.revision)?;
        expanded
    }
}

impl View<'_> {
    /// The edges at the relation of the resource that are not over, in the order of their subjects' names.
    ///
    /// # Errors
    /// A name is unknown.
    pub fn edges(
        &self,
        resource: &ObjectRef,
        relation: &RelationName,
        given: Given<'_>,
    ) -> Result<Vec<(SubjectRef, Terms)>, EngineError> {
        let guard = self.index.guard();
        let graph = Graph::new(self, &guard);
        let program = self.program(graph.guard())?;
        let mut wording = self.wording();
        let (kind, relation) = self.find_member(program, &resource.kind, relation)?;
        let goal = Node::new(kind, relation, self.find_object(kind, resource, &mut wording, &guard));
        let subject = Subject::object(kind, goal.object());
        let asked = Asked { graph: &graph, program, revision: self.revision, given, subject, assumed: None };
        let expanding = Expanding { prepared: &Prepared { wording, asked, goal }, depth_max: 0, nodes: 0 };
        let found = expanding.subjects(goal);
        self.index.check_kept(self.revision)?;
        Ok(found)
    }
}

struct Expanding<'e, 'g> {
    prepared: &'e Prepared<'g>,
    depth_max: usize,
    nodes: usize,
}

impl Expanding<'_, '_> {
    fn goal(&mut self, goal: Node, depth: usize) -> Result<Expansion, EngineError> {
        if depth >= self.depth_max {
            return Err(EngineError::TooDeep { limit: self.depth_max });
        }
        let program = self.prepared.asked.program;
        let member = program.member_id(goal.kind(), goal.relation()).and_then(|member| program.member(member));
        match member.map(|member| &member.rule) {
            Some(Rule::Permission(body)) => self.step(goal, *body, depth),
            Some(Rule::Relation(_)) => self.leaf(goal),
            None => self.node(goal, ExpansionNode::Leaf(Vec::new())),
        }
    }

    fn step(&mut self, goal: Node, place: StepId, depth: usize) -> Result<Expansion, EngineError> {
        match self.prepared.asked.program.step(place) {
            Step::Never => self.node(goal, ExpansionNode::Leaf(Vec::new())),
            Step::Itself => {
                let itself = self.prepared.wording.subject(Subject::object(goal.kind(), goal.object()));
                let itself = itself.into_iter().map(|itself| (itself, Terms::default())).collect();
                self.node(goal, ExpansionNode::Leaf(itself))
            }
            Step::Direct { .. } => self.leaf(goal),
            Step::Member { relation, .. } => self.goal(goal.with_relation(relation), depth + 1),
            Step::Arrow { tupleset, target, every } => {
                let operation = if every { Operation::Intersection } else { Operation::Union };
                let mut children = Vec::new();
                for (subject, _) in self.edges(goal.with_relation(tupleset)) {
                    if subject.class() == Class::Wildcard {
                        continue;
                    }
                    let below = subject.node().with_relation(target);
                    let known = self.prepared.asked.program.member_id(below.kind(), target).is_some();
                    children.push(match known {
                        true => self.goal(below, depth + 1)?,
                        false => self.node(goal, ExpansionNode::Leaf(Vec::new()))?,
                    });
                }
                self.node(goal, ExpansionNode::Operation(operation, children))
            }
            Step::Operator { operator, first, end } => {
                let mut children = Vec::new();
                for place in first.0..end.0 {
                    children.push(self.step(goal, StepId(place), depth)?);
                }
                let operation = match operator {
                    Operator::Union => Operation::Union,
                    Operator::Intersection => Operation::Intersection,
                    Operator::Exclusion => Operation::Exclusion,
                };
                self.node(goal, ExpansionNode::Operation(operation, children))
            }
        }
    }

    fn leaf(&mut self, goal: Node) -> Result<Expansion, EngineError> {
        let subjects = self.subjects(goal);
        self.nodes = self.nodes.saturating_add(subjects.len());
        self.node(goal, ExpansionNode::Leaf(subjects))
    }

    fn subjects(&self, goal: Node) -> Vec<(SubjectRef, Terms)> {
        let wording = &self.prepared.wording;
        let named = |(subject, terms)| Some((wording.subject(subject)?, terms));
        let mut subjects: Vec<(SubjectRef, Terms)> = self.edges(goal).into_iter().filter_map(named).collect();
        subjects.sort_by(|one, other| one.0.cmp(&other.0));
        subjects
    }

    /// The edges of a node that are not over, with their terms.
    fn edges(&self, node: Node) -> Vec<(Subject, Terms)> {
        let Asked { graph, revision, given, .. } = self.prepared.asked;
        let Some(list) = graph.edges_from(node) else { return Vec::new() };
        let mut found = Vec::new();
        let mut walk = list.walk_from(0);
        while let Some((key, birth)) = list.next(&mut walk, revision) {
            let subject = Subject::from_bits(key);
            let terms = if birth.on_terms() { graph.terms(node, subject, birth) } else { None };
            if !terms.is_some_and(|terms| terms.is_over(given.now)) {
                found.push((subject, terms.map(|terms| Terms::clone(terms)).unwrap_or_default()));
            }
        }
        found
    }

    fn node(&mut self, goal: Node, node: ExpansionNode) -> Result<Expansion, EngineError> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > EXPANDED_NODES_MAX {
            return Err(EngineError::ExpansionTooLarge { limit: EXPANDED_NODES_MAX });
        }
        let goal = self.prepared.wording.goal(goal).ok_or(EngineError::NoSchema)?;
        Ok(Expansion { goal, node })
    }
}
