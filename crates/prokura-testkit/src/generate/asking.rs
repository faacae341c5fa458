use prokura_model::{
    ObjectRef, RelationName, SubjectRef, Timestamp,
    schema::{Expression, Member, Quantifier},
};

use super::{Maker, NOON, named, relation_name};
use crate::{Ask, Context, Question, World, oracle::Moment, truth::Goal};

impl Maker {
    /// So many questions about each of two or three subjects, without doubles.
    pub(super) fn asks(&mut self, rounds: usize) -> Vec<Ask> {
        let mut asks = Vec::new();
        for _ in 0..rounds {
            match self.rng.below(20) {
                0..=6 => self.checks(&mut asks),
                7..=10 => self.lists(&mut asks),
                11..=13 => self.own(&mut asks),
                _ => self.delegated(&mut asks),
            }
        }
        asks
    }

    /// Two checks about one subject.
    fn checks(&mut self, asks: &mut Vec<Ask>) {
        let subject = self.subject();
        for _ in 0..2 {
            let (context, now) = (self.asked_context(), self.now());
            let (resource, permission) = self.target(&subject, &context, 88);
            add(asks, Ask::Check { resource, permission, subject: subject.clone(), context, now });
        }
        if self.rng.chance(6) {
            let (context, now) = (self.asked_context(), self.now());
            let (mut resource, mut permission) = self.target(&subject, &context, 50);
            let mut subject = subject;
            match self.rng.below(3) {
                0 => resource.kind = named("nowhere"),
                1 => permission = relation_name("nothing"),
                _ => subject = SubjectRef::Wildcard(subject.kind().clone()),
            }
            add(asks, Ask::Check { resource, permission, subject, context, now });
        }
    }

    /// A list, of something a subject may do.
    fn lists(&mut self, asks: &mut Vec<Ask>) {
        let mut subject = self.subject();
        let (now, alive) = (self.now(), self.rng.chance(50));
        let context = if self.rng.chance(50) { Context::new() } else { self.asked_context() };
        if self.rng.chance(20) {
            // A thing, which may itself be among those listed, sometimes without an edge that names it.
            let mut thing = self.anything().0;
            if self.rng.chance(30) {
                thing = ObjectRef::new(thing.kind.as_str(), "fresh").expect("a legal id");
            }
            subject = thing.into();
        }
        let (resource, permission) = if self.rng.chance(30) {
            // What everyone has, so that there is someone to be excepted.
            let stranger = ObjectRef::new(subject.kind().as_str(), "stranger").expect("a legal id");
            self.target_or_doubt(&stranger.into(), &context, (100, 60))
        } else {
            self.target_or_doubt(&subject, &context, (85, 80))
        };
        let (kind, permission) = match self.rng.below(40) {
            0 => (named("nowhere"), permission),
            1 => (subject.kind().clone(), relation_name("nothing")),
            _ => (subject.kind().clone(), permission),
        };
        let ask = match self.rng.below(20) {
            0..=7 => {
                let kind = resource.kind;
                Ask::LookupResources { kind, permission, subject, alive, context, now }
            }
            8..=14 => {
                let relation = match subject {
                    SubjectRef::Userset(_, relation) => Some(relation),
                    _ => None,
                };
                Ask::LookupSubjects { resource, permission, kind, relation, alive, context, now }
            }
            _ => Ask::Permissions { resource, subject, alive, context, now },
        };
        add(asks, ask);
    }

    /// Two decisions on an actor's own authority.
    fn own(&mut self, asks: &mut Vec<Ask>) {
        let actor = if self.rng.chance(70) { self.person() } else { self.agent() };
        for _ in 0..2 {
            let (context, now) = (self.asked_context(), self.now());
            let (resource, permission) = self.target(&actor.clone().into(), &context, 88);
            let (arguments, context) = self.brought(context);
            let actor = actor.clone();
            let question = Question {
                actor,
                delegation: None,
                permission,
                resource,
                arguments,
                context,
                credential: self.credential(),
                tool_schema: self.tool_schema(),
            };
            add(asks, Ask::Decide { question, now });
        }
    }

    /// Mostly noon; sometimes just before, at or after a moment at which edges end.
    fn now(&mut self) -> Timestamp {
        let mut ends: Vec<_> = self.world.relationships.values().filter_map(|terms| terms.expires_at).collect();
        ends.retain(|end| end.0 < u64::MAX);
        if ends.is_empty() || !self.rng.chance(35) {
            return Timestamp(NOON);
        }
        let end = self.rng.pick(&ends).0;
        Timestamp(*self.rng.pick(&[end - 1, end, end + 1]))
    }

    /// Something the subject may do if there is anything, in so many of a hundred cases; otherwise anything.
    pub(super) fn target(&mut self, subject: &SubjectRef, context: &Context, allowed: usize) -> Goal {
        self.target_or_doubt(subject, context, (allowed, 40))
    }

    /// As [`Maker::target`]; and in so many of a hundred of those cases something it perhaps may do, if there is anything.
    fn target_or_doubt(&mut self, subject: &SubjectRef, context: &Context, (allowed, doubted): (usize, usize)) -> Goal {
        let anything = self.anything();
        if !self.rng.chance(allowed) {
            return anything;
        }
        let (certain, unknown) = found(&self.world, subject, context, &anything.0);
        let misses = if self.rng.chance(18) { self.near_misses(&certain) } else { Vec::new() };
        if !misses.is_empty() {
            return self.rng.pick(&misses).clone();
        }
        if !unknown.is_empty() && self.rng.chance(doubted) {
            return self.rng.pick(&unknown).clone();
        }
        // The long way round is the interesting one: prefer permissions to plain relations.
        let computed: Vec<_> =
            certain.iter().filter(|goal| self.is_permission(&goal.0.kind, &goal.1)).cloned().collect();
        if !computed.is_empty() && self.rng.chance(90) {
            self.rng.pick(&computed).clone()
        } else if certain.is_empty() {
            anything
        } else {
            self.rng.pick(&certain).clone()
        }
    }

    /// Permissions that ask something of all objects that a relation leads to, where one of several has it. Those where
    /// another is led to on a caveat, or could not have it, count more.
    fn near_misses(&self, certain: &[Goal]) -> Vec<Goal> {
        let mut goals = Vec::new();
        for edge in self.world.relationships.keys() {
            let (SubjectRef::Object(next) | SubjectRef::Userset(next, _)) = &edge.subject else { continue };
            let beside = || {
                let beside = self.world.edges(&edge.resource, &edge.relation);
                beside.filter(|(subject, _)| **subject != edge.subject)
            };
            let definition = self.schema().definition(edge.resource.kind.as_str());
            for member in definition.into_iter().flat_map(|definition| definition.members.values()) {
                let Member::Permission(permission) = member else { continue };
                let mut targets = Vec::new();
                asked_of_all(&permission.expression, &edge.relation, &mut targets);
                for target in targets.into_iter().filter(|target| certain.contains(&(next.clone(), target.clone()))) {
                    let lacking = |subject: &SubjectRef| {
                        let definition = self.schema().definition(subject.kind().as_str());
                        definition.is_none_or(|definition| definition.member(target.as_str()).is_none())
                    };
                    let odd = beside().filter(|(subject, terms)| terms.caveat.is_some() || lacking(subject)).count();
                    let weight = beside().count() + 5 * odd;
                    goals.extend((0..weight).map(|_| (edge.resource.clone(), permission.name.clone())));
                }
            }
        }
        goals
    }

    pub(super) fn anything(&mut self) -> (ObjectRef, RelationName) {
        let definitions = self.schema().definitions().values();
        let holding: Vec<_> = definitions.filter(|definition| !definition.members.is_empty()).cloned().collect();
        let definition = self.rng.pick(&holding);
        let names: Vec<_> = definition.members.keys().collect();
        let name = (*self.rng.pick(&names)).clone();
        let computed = self.rng.chance(70);
        let permissions: Vec<_> = names.iter().filter(|name| self.is_permission(&definition.name, name)).collect();
        let name = if computed { (**self.rng.pick(&permissions)).clone() } else { name };
        let kind = definition.name.clone();
        (self.object(&kind), name)
    }
}

pub(super) fn add(asks: &mut Vec<Ask>, ask: Ask) {
    if !asks.contains(&ask) {
        asks.push(ask);
    }
}

/// What the subject has at noon, and what it perhaps has.
fn found(world: &World, subject: &SubjectRef, context: &Context, also: &ObjectRef) -> (Vec<Goal>, Vec<Goal>) {
    let moment = Moment::of(world, subject, context, Timestamp(NOON));
    let model = moment.model(&[also]);
    let unknown = model.possible.difference(&model.certain).cloned().collect();
    (model.certain.iter().cloned().collect(), unknown)
}

/// What the expression asks of all objects that this relation leads to.
fn asked_of_all(expression: &Expression, relation: &RelationName, targets: &mut Vec<RelationName>) {
    match expression {
        Expression::Arrow { tupleset, target, quantifier: Quantifier::All } if tupleset == relation => {
            targets.push(target.clone());
        }
        Expression::Union(operands) | Expression::Intersection(operands) => {
            operands.iter().for_each(|operand| asked_of_all(operand, relation, targets));
        }
        Expression::Exclusion(from, taken) => {
            asked_of_all(from, relation, targets);
            asked_of_all(taken, relation, targets);
        }
        _ => {}
    }
}
