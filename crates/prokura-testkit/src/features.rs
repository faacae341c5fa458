use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use prokura_model::{
    Reason, SubjectRef,
    schema::{Expression, Member},
};

use crate::{
    Answer, Ask, World,
    oracle::{Goal, member},
};

/// What the language has, by the names under which it is counted.
const OPERATORS: [&str; 7] = ["+", "&", "-", "->", "wildcard", "userset", "recursion"];

/// What a run of cases contained: a generator that never makes the hard case proves nothing.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many (world, question) pairs there were.
    pub cases: u64,
    /// How many of them were allowed.
    pub allows: u64,
    operators: BTreeMap<&'static str, u64>,
    answers: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts one question about a world, and the oracle's answer.
    pub fn count(&mut self, world: &World, ask: &Ask, answer: &Answer) {
        self.cases += 1;
        self.allows += u64::from(answer.allows());
        let name = match answer {
            Answer::Decided(verdict) => verdict.reason.word().to_owned(),
            Answer::Failed(code) => format!("error {code}"),
            Answer::Has | Answer::HasNot => answer.to_string(),
        };
        *self.answers.entry(name).or_default() += 1;
        for operator in operators(world, ask, answer) {
            *self.operators.entry(operator).or_default() += 1;
        }
    }

    /// Fails unless 30 to 70 % are allows, every operator took part in 5 %, and every reason was given.
    ///
    /// # Panics
    /// When it does fail.
    pub fn require_spread(&self) {
        let percent = |count: u64| count * 100 / self.cases.max(1);
        assert!((30..=70).contains(&percent(self.allows)), "allows are out of balance\n{self}");
        for operator in OPERATORS {
            let count = self.operators.get(operator).copied().unwrap_or_default();
            assert!(percent(count) >= 5, "`{operator}` takes part too seldom\n{self}");
        }
        for reason in REASONS {
            assert!(self.answers.contains_key(reason.word()), "`{reason}` was never given\n{self}");
        }
        for other in ["error undecidable", "error type_unknown", "error member_unknown", "error wildcard_subject"] {
            assert!(self.answers.contains_key(other), "`{other}` never happened\n{self}");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, count: u64| {
            let per_mille = count * 1_000 / self.cases.max(1);
            writeln!(f, "{name:>28} {count:>9} {:>3}.{} %", per_mille / 10, per_mille % 10)
        };
        line("cases", self.cases)?;
        line("allows", self.allows)?;
        for operator in OPERATORS {
            line(operator, self.operators.get(operator).copied().unwrap_or_default())?;
        }
        for (answer, count) in &self.answers {
            line(answer, *count)?;
        }
        Ok(())
    }
}

/// Every reason there is.
const REASONS: [Reason; 22] = [
    Reason::OwnAuthority,
    Reason::LentAuthority,
    Reason::NoPath,
    Reason::ActorSuspended,
    Reason::PrincipalSuspended,
    Reason::OwnerOffBoarded,
    Reason::DelegationUnknown,
    Reason::DelegationNotForActor,
    Reason::DelegationRevoked,
    Reason::DelegationNotYetValid,
    Reason::DelegationExpired,
    Reason::ChainBroken,
    Reason::ChainTooLong,
    Reason::RootNotOrigin,
    Reason::RedelegationForbidden,
    Reason::DepthExceeded,
    Reason::TaskUnknown,
    Reason::TaskCompleted,
    Reason::TaskCancelled,
    Reason::TaskExpired,
    Reason::OutsideCap,
    Reason::OriginLacksPermission,
];

/// The operators that a question can meet, on the edges there are. None where it never came to a check.
fn operators(world: &World, ask: &Ask, answer: &Answer) -> BTreeSet<&'static str> {
    let mut walk = Walk { world, subject: None, found: BTreeSet::new(), open: Vec::new(), seen: BTreeSet::new() };
    match (ask, answer) {
        (Ask::Check { resource, permission, subject }, _) => {
            walk.subject = Some(subject.clone());
            walk.visit(&(resource.clone(), permission.clone()));
        }
        (Ask::Decide { question, .. }, Answer::Decided(verdict)) => {
            let task = question.delegation.as_ref().and_then(|delegation| world.delegations.get(delegation));
            let task = task.and_then(|leaf| world.tasks.get(&leaf.task));
            let subject = match verdict.reason {
                Reason::OwnAuthority | Reason::NoPath => &question.actor,
                Reason::LentAuthority | Reason::OriginLacksPermission => {
                    task.map_or(&question.actor, |task| &task.origin)
                }
                _ => return walk.found,
            };
            walk.subject = Some(subject.clone().into());
            walk.visit(&(question.resource.clone(), question.permission.clone()));
        }
        _ => {}
    }
    walk.found
}

struct Walk<'a> {
    world: &'a World,
    subject: Option<SubjectRef>,
    found: BTreeSet<&'static str>,
    open: Vec<Goal>,
    seen: BTreeSet<Goal>,
}

impl Walk<'_> {
    fn visit(&mut self, goal: &Goal) {
        if self.open.contains(goal) {
            self.found.insert("recursion");
        }
        if !self.seen.insert(goal.clone()) {
            return;
        }
        self.open.push(goal.clone());
        let world = self.world;
        match member(world.schema.as_ref(), &goal.0, &goal.1) {
            Some(Member::Permission(permission)) => self.expression(&permission.expression, goal),
            Some(Member::Relation(_)) => {
                for subject in world.subjects(&goal.0, &goal.1) {
                    match (subject, &self.subject) {
                        (SubjectRef::Userset(object, relation), _) => {
                            self.found.insert("userset");
                            self.visit(&(object.clone(), relation.clone()));
                        }
                        (SubjectRef::Wildcard(kind), Some(SubjectRef::Object(asked))) if *kind == asked.kind => {
                            self.found.insert("wildcard");
                        }
                        _ => {}
                    }
                }
            }
            None => {}
        }
        self.open.pop();
    }

    fn expression(&mut self, expression: &Expression, goal: &Goal) {
        match expression {
            Expression::Member(name) => self.visit(&(goal.0.clone(), name.clone())),
            Expression::Arrow { tupleset, target } => {
                self.found.insert("->");
                let world = self.world;
                for subject in world.subjects(&goal.0, tupleset) {
                    if let SubjectRef::Object(next) | SubjectRef::Userset(next, _) = subject {
                        self.visit(&(next.clone(), target.clone()));
                    }
                }
            }
            Expression::Union(operands) => self.operands("+", operands, goal),
            Expression::Intersection(operands) => self.operands("&", operands, goal),
            Expression::Exclusion(from, taken) => {
                self.found.insert("-");
                self.expression(from, goal);
                self.expression(taken, goal);
            }
        }
    }

    fn operands(&mut self, operator: &'static str, operands: &[Expression], goal: &Goal) {
        self.found.insert(operator);
        for operand in operands {
            self.expression(operand, goal);
        }
    }
}
