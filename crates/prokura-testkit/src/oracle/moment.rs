use std::collections::{BTreeMap, BTreeSet};

use prokura_model::{
    ObjectRef, RelationName, Schema, SubjectRef, Terms, Timestamp,
    condition::Evaluation,
    schema::{Expression, Member, Quantifier},
};

use super::{OracleError, Outcomes, member};
use crate::{
    Context, Standing, World,
    truth::{Doubts, Goal, Truth},
};

/// Whom an edge leads to, and whether it exists: it is not over.
type Edge<'a> = (&'a SubjectRef, Truth);

/// The graph as one subject meets it at one moment with one context: which edges there are, and which there perhaps are.
pub(crate) struct Moment<'a> {
    schema: Option<&'a Schema>,
    subject: &'a SubjectRef,
    objects: BTreeSet<&'a ObjectRef>,
    edges: BTreeMap<&'a ObjectRef, BTreeMap<&'a RelationName, Vec<Edge<'a>>>>,
}

/// The well-founded model: every goal is true, false or unknown.
pub(crate) struct Model<'a> {
    moment: &'a Moment<'a>,
    /// True.
    pub(crate) certain: BTreeSet<Goal>,
    /// True or unknown; everything else is false.
    pub(crate) possible: BTreeSet<Goal>,
}

/// How the rule of a goal reads the other goals and the edges it comes to. Both are told how many `-` it stands behind.
struct Reading<'r> {
    goal: &'r dyn Fn(&Goal, usize) -> Truth,
    edge: &'r dyn Fn(&Truth, usize) -> Truth,
}

impl<'a> Moment<'a> {
    pub(crate) fn of(world: &'a World, subject: &'a SubjectRef, context: &Context, now: Timestamp) -> Self {
        let mut edges: BTreeMap<_, BTreeMap<_, Vec<_>>> = BTreeMap::new();
        for (edge, terms) in &world.relationships {
            if !terms.is_over(now) {
                let exists = exists(world.schema.as_ref(), terms, context);
                let of = edges.entry(&edge.resource).or_default();
                of.entry(&edge.relation).or_default().push((&edge.subject, exists));
            }
        }
        Self { schema: world.schema.as_ref(), subject, objects: world.objects(), edges }
    }

    /// The model: over every object the edges name, the subject's own, and these.
    ///
    /// By the alternating fixpoint: a set of goals that certainly hold and one of goals that possibly hold, each computed
    /// as a least fixpoint with the other deciding what `-` takes away, until nothing moves.
    pub(crate) fn model(&'a self, also: &[&ObjectRef]) -> Model<'a> {
        let goals = self.goals(also);
        let mut certain = BTreeSet::new();
        let mut possible: BTreeSet<Goal> = goals.iter().cloned().collect();
        loop {
            let next_certain = self.least(&goals, false, &certain, &possible);
            let next_possible = self.least(&goals, true, &possible, &certain);
            if next_certain == certain && next_possible == possible {
                return Model { moment: self, certain, possible };
            }
            (certain, possible) = (next_certain, next_possible);
        }
    }

    /// Every relation and permission of every object there is.
    fn goals(&self, also: &[&ObjectRef]) -> Vec<Goal> {
        let own = match self.subject {
            SubjectRef::Object(object) | SubjectRef::Userset(object, _) => Some(object),
            SubjectRef::Wildcard(_) => None,
        };
        let objects: BTreeSet<_> = self.objects.iter().copied().chain(own).chain(also.iter().copied()).collect();
        let mut goals = Vec::new();
        for object in objects {
            let definition = self.schema.and_then(|schema| schema.definition(object.kind.as_str()));
            let members = definition.into_iter().flat_map(|definition| definition.members.keys());
            goals.extend(members.map(|name| (object.clone(), name.clone())));
        }
        goals
    }

    /// The least set that follows. What stands behind a `-` counts as absent by the previous round: computing what is
    /// certain, only if it is not even possible; computing what is possible, unless it is certain. Behind a second `-` the
    /// two change places again. So it is with edges that there perhaps are: they are possible, and not certain.
    fn least(&self, goals: &[Goal], possible: bool, own: &BTreeSet<Goal>, other: &BTreeSet<Goal>) -> BTreeSet<Goal> {
        let edge = |exists: &Truth, minuses: usize| match exists {
            Truth::Unknown(_) => Truth::from(possible == minuses.is_multiple_of(2)),
            known => known.clone(),
        };
        let mut found = BTreeSet::new();
        loop {
            let before = found.len();
            for goal in goals {
                let read = |goal: &Goal, minuses: usize| {
                    let holding = match minuses {
                        0 => &found,
                        _ if minuses.is_multiple_of(2) => own,
                        _ => other,
                    };
                    Truth::from(holding.contains(goal))
                };
                if !found.contains(goal) && self.rule(goal, &Reading { goal: &read, edge: &edge }) == Truth::True {
                    found.insert(goal.clone());
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }

    /// What the schema and the edges make of a goal.
    fn rule(&self, goal: &Goal, reading: &Reading<'_>) -> Truth {
        if matches!(self.subject, SubjectRef::Userset(of, relation) if (of, relation) == (&goal.0, &goal.1)) {
            return Truth::True;
        }
        match member(self.schema, &goal.0, &goal.1) {
            Some(Member::Relation(relation)) => match &relation.computed {
                Some(expression) => self.expression(expression, goal, reading, 0),
                None => self.direct(goal, reading, 0),
            },
            Some(Member::Permission(permission)) => self.expression(&permission.expression, goal, reading, 0),
            None => Truth::False,
        }
    }

    /// Whether an edge of the goal's own names the subject, everyone of its type, or a userset it is in.
    fn direct(&self, goal: &Goal, reading: &Reading<'_>, minuses: usize) -> Truth {
        let edges = self.edges(&goal.0, &goal.1).iter().map(|(related, exists)| {
            let named = match (related, self.subject) {
                (related, subject) if *related == subject => Truth::True,
                (SubjectRef::Wildcard(kind), SubjectRef::Object(object)) => Truth::from(*kind == object.kind),
                (SubjectRef::Userset(of, relation), _) => (reading.goal)(&(of.clone(), relation.clone()), minuses),
                _ => Truth::False,
            };
            (reading.edge)(exists, minuses).and(named)
        });
        edges.fold(Truth::False, Truth::or)
    }

    fn expression(&self, expression: &Expression, goal: &Goal, reading: &Reading<'_>, minuses: usize) -> Truth {
        let value = |operand: &Expression| self.expression(operand, goal, reading, minuses);
        match expression {
            Expression::Member(name) => (reading.goal)(&(goal.0.clone(), name.clone()), minuses),
            Expression::Itself => Truth::from(*self.subject == SubjectRef::Object(goal.0.clone())),
            Expression::Nil => Truth::False,
            Expression::Direct => self.direct(goal, reading, minuses),
            Expression::Arrow { tupleset, target, quantifier } => {
                let edges = self.edges(&goal.0, tupleset).iter();
                let mut values = edges.filter_map(|(related, exists)| match related {
                    SubjectRef::Object(next) | SubjectRef::Userset(next, _) => {
                        let has = (reading.goal)(&(next.clone(), target.clone()), minuses);
                        Some((reading.edge)(exists, minuses).and(has))
                    }
                    SubjectRef::Wildcard(_) => None,
                });
                match quantifier {
                    Quantifier::Any => values.fold(Truth::False, Truth::or),
                    Quantifier::All => values.next().map_or(Truth::False, |first| values.fold(first, Truth::and)),
                }
            }
            Expression::Union(operands) => operands.iter().map(value).fold(Truth::False, Truth::or),
            Expression::Intersection(operands) => operands.iter().map(value).fold(Truth::True, Truth::and),
            Expression::Exclusion(from, taken) => {
                value(from).and(self.expression(taken, goal, reading, minuses + 1).opposite())
            }
        }
    }

    fn edges(&self, object: &ObjectRef, relation: &RelationName) -> &[Edge<'a>] {
        self.edges.get(object).and_then(|of| of.get(relation)).map_or(&[], Vec::as_slice)
    }
}

impl Model<'_> {
    /// How a check of this goal may end.
    pub(crate) fn outcomes(&self, goal: &Goal) -> Outcomes {
        if self.certain.contains(goal) {
            return vec![Ok(Standing::Has)];
        }
        if !self.possible.contains(goal) {
            return vec![Ok(Standing::HasNot)];
        }
        let doubts = self.doubts();
        let Some(found) = doubts.get(goal) else {
            panic!("{goal:?} is unknown for no reason");
        };
        let mut within: BTreeSet<&Goal> = found.goals.iter().map(|(goal, _)| goal).collect();
        within.insert(goal);
        let turns = |minus: bool| {
            within
                .iter()
                .any(|one| doubts.get(*one).is_some_and(|doubts| doubts.goals.contains(&((*one).clone(), minus))))
        };
        let (plain_circle, undefined) = (turns(false), turns(true));
        let mut outcomes = Vec::new();
        if found.failed {
            outcomes.push(Err(OracleError::CaveatFailed(goal.0.clone(), goal.1.clone())));
        }
        if !found.missing.is_empty() {
            outcomes.push(Ok(Standing::Conditional(found.missing.clone())));
        }
        if undefined {
            outcomes.push(Err(OracleError::Undecidable(goal.0.clone(), goal.1.clone())));
        }
        // Where an evaluator ends a circle decides which of several doubts it meets. Without one it meets all.
        if !plain_circle && !undefined {
            outcomes.truncate(1);
        }
        outcomes
    }

    /// For every unknown goal, the least that explains it: gathered from the edges and goals its rule comes to.
    fn doubts(&self) -> BTreeMap<Goal, Doubts> {
        let unknown: Vec<&Goal> = self.possible.difference(&self.certain).collect();
        let mut doubts: BTreeMap<Goal, Doubts> =
            unknown.iter().map(|goal| ((*goal).clone(), Doubts::default())).collect();
        loop {
            let mut moved = false;
            for goal in &unknown {
                let read = |goal: &Goal, _| match doubts.get(goal) {
                    Some(found) => {
                        let mut found = found.clone();
                        found.goals.insert((goal.clone(), false));
                        Truth::Unknown(found)
                    }
                    None => Truth::from(self.certain.contains(goal)),
                };
                let reading = Reading { goal: &read, edge: &|exists, _| exists.clone() };
                let Truth::Unknown(found) = self.moment.rule(goal, &reading) else {
                    panic!("{goal:?} is unknown, but its rule is not");
                };
                if doubts.get(*goal) != Some(&found) {
                    moved = true;
                    doubts.insert((*goal).clone(), found);
                }
            }
            if !moved {
                return doubts;
            }
        }
    }
}

/// Whether an edge that is not over exists on these terms.
fn exists(schema: Option<&Schema>, terms: &Terms, context: &Context) -> Truth {
    let Some(used) = &terms.caveat else {
        return Truth::True;
    };
    let caveat = schema.and_then(|schema| schema.caveat(used.name.as_str()));
    let Some(caveat) = caveat else {
        panic!("an edge uses the caveat `{}`, which the schema does not have", used.name);
    };
    match caveat.condition.evaluate(&used.context, context) {
        Evaluation::True => Truth::True,
        Evaluation::False => Truth::False,
        Evaluation::Missing(names) => {
            Truth::Unknown(Doubts { missing: names.into_iter().collect(), ..Doubts::default() })
        }
        Evaluation::Failed(_) => Truth::Unknown(Doubts { failed: true, ..Doubts::default() }),
    }
}

impl World {
    /// Every object that an edge names.
    pub(crate) fn objects(&self) -> BTreeSet<&ObjectRef> {
        let mut objects = BTreeSet::new();
        for edge in self.relationships.keys() {
            objects.insert(&edge.resource);
            if let SubjectRef::Object(object) | SubjectRef::Userset(object, _) = &edge.subject {
                objects.insert(object);
            }
        }
        objects
    }
}
