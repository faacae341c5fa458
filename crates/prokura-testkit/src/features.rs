use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use prokura_model::{
    Reason, SubjectRef, Timestamp,
    schema::{Expression, Member, Quantifier},
};

use crate::{Answer, Ask, Standing, World, oracle::member, truth::Goal};

/// The operators, by the names under which they are counted.
const OPERATORS: [&str; 8] = ["+", "&", "-", "->", "all", "userset", "self", "nil"];

/// What an operator may meet on its way.
const CIRCUMSTANCES: [&str; 4] = ["wildcard", "caveat", "expiry", "recursion"];

/// What a run of cases contained: a generator that never makes the hard case proves nothing.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many (world, question) pairs there were.
    pub cases: u64,
    /// How many of them were allowed.
    pub allows: u64,
    features: BTreeMap<&'static str, u64>,
    crossings: BTreeMap<(&'static str, &'static str), u64>,
    nested: BTreeSet<(&'static str, &'static str)>,
    answers: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts one question about a world, and the oracle's answer.
    pub fn count(&mut self, world: &World, ask: &Ask, answer: &Answer) {
        self.cases += 1;
        self.allows += u64::from(answer.allows());
        for name in kinds(ask, answer.likeliest()) {
            *self.answers.entry(name).or_default() += 1;
        }
        if matches!(answer, Answer::OneOf(several) if several.iter().any(|one| matches!(one, Answer::Failed(_)))) {
            *self.answers.entry("one of several".to_owned()).or_default() += 1;
        }
        let Walked { found, nested } = features(world, ask, answer.likeliest());
        self.nested.extend(nested);
        for operator in OPERATORS.iter().filter(|operator| found.contains(*operator)) {
            for circumstance in CIRCUMSTANCES.iter().filter(|circumstance| found.contains(*circumstance)) {
                *self.crossings.entry((operator, circumstance)).or_default() += 1;
            }
        }
        for feature in found {
            *self.features.entry(feature).or_default() += 1;
        }
    }

    /// Every operator and circumstance that never met.
    #[must_use]
    pub fn unmet(&self) -> Vec<(&'static str, &'static str)> {
        let pairs = OPERATORS.iter().flat_map(|operator| CIRCUMSTANCES.iter().map(move |other| (*operator, *other)));
        pairs.filter(|pair| !self.crossings.contains_key(pair)).collect()
    }

    /// Every operator and circumstance that never met on one way: with the circumstance under the operator, or a loop through
    /// it. Under `self` and `nil` is nothing; of them it is enough that one question had both.
    #[must_use]
    pub fn never_nested(&self) -> Vec<(&'static str, &'static str)> {
        let pairs = OPERATORS.iter().flat_map(|operator| CIRCUMSTANCES.iter().map(move |other| (*operator, *other)));
        let met = |pair: &(&'static str, &'static str)| match pair.0 {
            "self" | "nil" => self.crossings.contains_key(pair),
            _ => self.nested.contains(pair),
        };
        pairs.filter(|pair| !met(pair)).collect()
    }

    /// Fails unless 27 to 70 % are allows, every operator and circumstance took part in 5 % and every two of them in 1 %,
    /// and every reason and kind of answer was given.
    ///
    /// # Panics
    /// When it does fail.
    pub fn require_spread(&self) {
        let per_mille = |count: u64| count * 1_000 / self.cases.max(1);
        assert!((270..=700).contains(&per_mille(self.allows)), "allows are out of balance\n{self}");
        for feature in OPERATORS.iter().chain(&CIRCUMSTANCES) {
            let count = self.features.get(feature).copied().unwrap_or_default();
            assert!(per_mille(count) >= 50, "`{feature}` takes part too seldom\n{self}");
        }
        for operator in OPERATORS {
            for circumstance in CIRCUMSTANCES {
                let count = self.crossings.get(&(operator, circumstance)).copied().unwrap_or_default();
                assert!(per_mille(count) >= 10, "`{operator}` meets {circumstance} too seldom\n{self}");
            }
        }
        for reason in REASONS {
            assert!(self.answers.contains_key(reason.word()), "`{reason}` was never given\n{self}");
        }
        for other in OTHERS {
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
        for feature in OPERATORS.iter().chain(&CIRCUMSTANCES) {
            line(feature, self.features.get(feature).copied().unwrap_or_default())?;
        }
        for operator in OPERATORS {
            for circumstance in CIRCUMSTANCES {
                let count = self.crossings.get(&(operator, circumstance)).copied().unwrap_or_default();
                line(&format!("{operator} and {circumstance}"), count)?;
            }
        }
        for (answer, count) in &self.answers {
            line(answer, *count)?;
        }
        Ok(())
    }
}

/// Every reason there is.
const REASONS: [Reason; 30] = [
    Reason::GuardForbids,
    Reason::GuardRequires,
    Reason::GuardFailed,
    Reason::ApprovalRequired,
    Reason::ConfirmationRequired,
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
    Reason::ContextMissing,
    Reason::BudgetExhausted,
    Reason::UsesExhausted,
];

/// What else must have happened.
const OTHERS: [&str; 17] = [
    "has",
    "has_not",
    "conditional",
    "error undecidable",
    "error caveat_failed",
    "error type_unknown",
    "error member_unknown",
    "error wildcard_subject",
    "one of several",
    "resources",
    "resources, conditional",
    "subjects",
    "subjects, conditional",
    "subjects, everyone",
    "subjects, everyone but",
    "permissions",
    "permissions, conditional",
];

/// The names under which an answer is counted.
fn kinds(ask: &Ask, answer: &Answer) -> Vec<String> {
    let list = match ask {
        Ask::LookupResources { .. } => "resources",
        Ask::LookupSubjects { .. } => "subjects",
        Ask::Permissions { .. } => "permissions",
        Ask::Check { .. } | Ask::Decide { .. } => "",
    };
    match answer {
        Answer::Decided(verdict) => vec![verdict.reason.word().to_owned()],
        Answer::Failed(code) => vec![format!("error {code}")],
        Answer::Conditional(_) => vec!["conditional".to_owned()],
        Answer::Has | Answer::HasNot | Answer::OneOf(_) => vec![answer.to_string()],
        Answer::Listed(found) => {
            let conditional = |standing: &Standing| matches!(standing, Standing::Conditional(_));
            let everyone = found.others != Standing::HasNot;
            let mut kinds = vec![list.to_owned()];
            let mut standings = found.named.values().chain([&found.others]);
            kinds.extend(standings.any(conditional).then(|| format!("{list}, conditional")));
            kinds.extend(everyone.then(|| format!("{list}, everyone")));
            kinds.extend((everyone && !found.named.is_empty()).then(|| format!("{list}, everyone but")));
            kinds
        }
    }
}

/// What a question can meet in the schema and on the edges there are. Nothing where it never came to a check.
fn features(world: &World, ask: &Ask, answer: &Answer) -> Walked {
    let mut walk = Walk {
        world,
        now: ask.now(),
        subject: None,
        told: Walked::default(),
        under: Vec::new(),
        open: Vec::new(),
        seen: BTreeSet::new(),
    };
    match (ask, answer) {
        (Ask::Check { resource, permission, subject, .. }, _) => {
            walk.subject = Some(subject.clone());
            walk.visit(&(resource.clone(), permission.clone()));
        }
        (Ask::LookupSubjects { resource, permission, .. }, _) => {
            walk.visit(&(resource.clone(), permission.clone()));
        }
        (Ask::LookupResources { kind, permission, subject, .. }, _) => {
            walk.subject = Some(subject.clone());
            for resource in world.objects().into_iter().filter(|object| object.kind == *kind) {
                walk.visit(&(resource.clone(), permission.clone()));
            }
        }
        (Ask::Decide { question, .. }, Answer::Decided(verdict)) => {
            let task = question.delegation.as_ref().and_then(|delegation| world.delegations.get(delegation));
            let task = task.and_then(|leaf| world.tasks.get(&leaf.task));
            let subject = match verdict.reason {
                Reason::OwnAuthority | Reason::NoPath => &question.actor,
                Reason::LentAuthority | Reason::OriginLacksPermission | Reason::ContextMissing => {
                    task.map_or(&question.actor, |task| &task.origin)
                }
                _ => return walk.told,
            };
            walk.subject = Some(subject.clone().into());
            walk.visit(&(question.resource.clone(), question.permission.clone()));
        }
        _ => {}
    }
    walk.told
}

/// What a question met.
#[derive(Default)]
struct Walked {
    /// Operators and circumstances.
    found: BTreeSet<&'static str>,
    /// Circumstances, each with an operator it was met under.
    nested: BTreeSet<(&'static str, &'static str)>,
}

struct Walk<'a> {
    world: &'a World,
    now: Timestamp,
    /// Who is asked about; none is everyone.
    subject: Option<SubjectRef>,
    told: Walked,
    /// The operators on the way here, from the outermost.
    under: Vec<&'static str>,
    /// The goals on the way here, each with how many operators are above it.
    open: Vec<(Goal, usize)>,
    seen: BTreeSet<Goal>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, goal: &Goal) {
        if let Some((_, above)) = self.open.iter().find(|(open, _)| open == goal) {
            self.meet("recursion", *above);
        }
        if !self.seen.insert(goal.clone()) {
            return;
        }
        self.open.push((goal.clone(), self.under.len()));
        match member(self.world.schema.as_ref(), &goal.0, &goal.1) {
            Some(Member::Permission(permission)) => self.expression(&permission.expression, goal),
            Some(Member::Relation(relation)) => match &relation.computed {
                Some(expression) => self.expression(expression, goal),
                None => self.direct(goal),
            },
            None => {}
        }
        self.open.pop();
    }

    /// Under every operator after the first so many.
    fn meet(&mut self, circumstance: &'static str, above: usize) {
        self.told.found.insert(circumstance);
        let under = self.under.iter().skip(above);
        self.told.nested.extend(under.map(|operator| (*operator, circumstance)));
    }

    fn enter(&mut self, operator: &'static str) {
        self.told.found.insert(operator);
        self.under.push(operator);
    }

    fn leave(&mut self) {
        self.under.pop();
    }

    /// The edges of this goal that there are, or were.
    fn edges(&mut self, goal: &Goal) -> Vec<&'a SubjectRef> {
        let mut subjects = Vec::new();
        let edges = self.world.relationships.iter();
        for (edge, terms) in edges.filter(|(edge, _)| edge.resource == goal.0 && edge.relation == goal.1) {
            // The terms of an edge to a userset are met on the way into it.
            let userset = matches!(edge.subject, SubjectRef::Userset(..));
            if userset {
                self.under.push("userset");
            }
            if terms.expires_at.is_some() {
                self.meet("expiry", 0);
            }
            if terms.caveat.is_some() && !terms.is_over(self.now) {
                self.meet("caveat", 0);
            }
            if userset {
                self.leave();
            }
            if !terms.is_over(self.now) {
                subjects.push(&edge.subject);
            }
        }
        subjects
    }

    fn direct(&mut self, goal: &Goal) {
        for subject in self.edges(goal) {
            match (subject, &self.subject) {
                (SubjectRef::Userset(object, relation), _) => {
                    self.enter("userset");
                    self.visit(&(object.clone(), relation.clone()));
                    self.leave();
                }
                (SubjectRef::Wildcard(kind), Some(SubjectRef::Object(asked))) if *kind == asked.kind => {
                    self.meet("wildcard", 0);
                }
                (SubjectRef::Wildcard(_), None) => {
                    self.meet("wildcard", 0);
                }
                _ => {}
            }
        }
    }

    fn expression(&mut self, expression: &Expression, goal: &Goal) {
        match expression {
            Expression::Member(name) => self.visit(&(goal.0.clone(), name.clone())),
            Expression::Direct => self.direct(goal),
            Expression::Itself => {
                self.told.found.insert("self");
            }
            Expression::Nil => {
                self.told.found.insert("nil");
            }
            Expression::Arrow { tupleset, target, quantifier } => {
                self.enter(match quantifier {
                    Quantifier::Any => "->",
                    Quantifier::All => "all",
                });
                for subject in self.edges(&(goal.0.clone(), tupleset.clone())) {
                    if let SubjectRef::Object(next) | SubjectRef::Userset(next, _) = subject {
                        self.visit(&(next.clone(), target.clone()));
                    }
                }
                self.leave();
            }
            Expression::Union(operands) => self.operands("+", operands, goal),
            Expression::Intersection(operands) => self.operands("&", operands, goal),
            Expression::Exclusion(from, taken) => {
                self.enter("-");
                self.expression(from, goal);
                self.expression(taken, goal);
                self.leave();
            }
        }
    }

    fn operands(&mut self, operator: &'static str, operands: &[Expression], goal: &Goal) {
        self.enter(operator);
        for operand in operands {
            self.expression(operand, goal);
        }
        self.leave();
    }
}
