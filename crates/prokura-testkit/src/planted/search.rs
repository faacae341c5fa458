use std::collections::BTreeMap;

use prokura_model::{
    ObjectRef, RelationName, SubjectRef, Terms, Timestamp,
    condition::Evaluation,
    schema::{Expression, Member, Quantifier},
};

use super::{Bug, Planted};
use crate::{
    Context, Standing,
    oracle::member,
    truth::{Doubts, Goal, Truth},
};

/// A value, and the outermost open goal (by its place on the path) that it took for granted.
type Found = (Truth, usize);

const NOTHING: usize = usize::MAX;

struct Search<'a> {
    planted: &'a Planted,
    subject: &'a SubjectRef,
    context: &'a Context,
    now: Timestamp,
    /// Open goals, each with the number of exclusions between it and the question.
    path: Vec<(Goal, usize)>,
    memo: BTreeMap<Goal, Truth>,
    behind_arrow: bool,
}

impl Planted {
    pub(super) fn check(
        &self,
        resource: &ObjectRef,
        permission: &RelationName,
        subject: &SubjectRef,
        context: &Context,
        now: Timestamp,
    ) -> Result<Standing, &'static str> {
        let schema = self.world.schema.as_ref().ok_or("no_schema")?;
        schema.find_member(&resource.kind, permission).map_err(|unknown| unknown.code())?;
        match subject {
            SubjectRef::Object(object) => {
                schema.find_definition(&object.kind).map_err(|unknown| unknown.code())?;
            }
            SubjectRef::Userset(object, relation) => {
                schema.find_member(&object.kind, relation).map_err(|unknown| unknown.code())?;
            }
            SubjectRef::Wildcard(_) => return Err("wildcard_subject"),
        }
        let (path, memo) = (Vec::new(), BTreeMap::new());
        let mut search = Search { planted: self, subject, context, now, path, memo, behind_arrow: false };
        match search.goal((resource.clone(), permission.clone()), 0).0 {
            Truth::True => Ok(Standing::Has),
            Truth::False => Ok(Standing::HasNot),
            Truth::Unknown(doubts) if doubts.failed => Err("caveat_failed"),
            Truth::Unknown(doubts) if !doubts.missing.is_empty() => Ok(Standing::Conditional(doubts.missing)),
            Truth::Unknown(_) if self.bug == Bug::UndecidableIsDeny => Ok(Standing::HasNot),
            Truth::Unknown(_) if self.bug == Bug::UndecidableIsAllow => Ok(Standing::Has),
            Truth::Unknown(_) => Err("undecidable"),
        }
    }
}

impl Search<'_> {
    fn has(&self, bug: Bug) -> bool {
        self.planted.bug == bug
    }

    fn goal(&mut self, goal: Goal, exclusions: usize) -> Found {
        if let Some(truth) = self.memo.get(&goal) {
            return (truth.clone(), NOTHING);
        }
        if let Some(place) = self.path.iter().position(|(open, _)| *open == goal) {
            let straight = self.path.get(place).is_some_and(|(_, then)| *then == exclusions);
            let truth = if straight && self.has(Bug::CycleHolds) {
                Truth::True
            } else if straight || self.has(Bug::CycleThroughExclusionIsFalse) {
                Truth::False
            } else {
                Truth::Unknown(Doubts::default())
            };
            return (truth, place);
        }
        let place = self.path.len();
        self.path.push((goal.clone(), exclusions));
        let (truth, granted) = self.compute(&goal, exclusions);
        self.path.pop();
        let granted = if granted >= place { NOTHING } else { granted };
        if granted == NOTHING || self.has(Bug::MemoKeptAcrossACut) {
            self.memo.insert(goal, truth.clone());
        }
        (truth, granted)
    }

    fn compute(&mut self, goal: &Goal, exclusions: usize) -> Found {
        let itself = matches!(self.subject, SubjectRef::Userset(of, relation) if (of, relation) == (&goal.0, &goal.1));
        if itself && !self.has(Bug::UsersetIsNotItself) {
            return (Truth::True, NOTHING);
        }
        match member(self.planted.world.schema.as_ref(), &goal.0, &goal.1) {
            Some(Member::Relation(relation)) => match &relation.computed {
                Some(expression) => self.expression(expression, goal, exclusions),
                None => self.direct(goal, exclusions),
            },
            Some(Member::Permission(permission)) => self.expression(&permission.expression, goal, exclusions),
            None => (Truth::False, NOTHING),
        }
    }

    fn direct(&mut self, goal: &Goal, exclusions: usize) -> Found {
        let planted = self.planted;
        let mut found = (Truth::False, NOTHING);
        for (related, terms) in planted.world.edges(&goal.0, &goal.1) {
            let Some(exists) = self.exists(related, terms) else { continue };
            let next = match related {
                _ if self.names(related) => (Truth::True, NOTHING),
                SubjectRef::Userset(object, relation) if !self.has(Bug::UsersetsAreNotFollowed) => {
                    self.goal((object.clone(), relation.clone()), exclusions)
                }
                _ => (Truth::False, NOTHING),
            };
            found = either(found, both((exists, NOTHING), next));
        }
        found
    }

    /// Whether the edge exists; nothing if it is over.
    fn exists(&self, related: &SubjectRef, terms: &Terms) -> Option<Truth> {
        let over = match (terms.expires_at, self.planted.bug) {
            (Some(_), Bug::EdgesNeverEnd) => false,
            (Some(end), Bug::EdgesEndOneMomentLate) => self.now > end,
            (Some(end), _) => self.now >= end,
            (None, _) => false,
        };
        if over {
            return None;
        }
        let ignored = matches!(
            (related, self.planted.bug),
            (_, Bug::CaveatsAreIgnored)
                | (SubjectRef::Wildcard(_), Bug::CaveatsOfWildcardsAreIgnored)
                | (SubjectRef::Userset(..), Bug::CaveatsOfUsersetsAreIgnored)
        );
        let Some(used) = terms.caveat.as_ref().filter(|_| !ignored) else {
            return Some(Truth::True);
        };
        let schema = self.planted.world.schema.as_ref();
        let caveat = schema.and_then(|schema| schema.caveat(used.name.as_str()))?;
        let evaluation = if self.has(Bug::AskedContextWins) {
            let mut context = used.context.clone();
            context.extend(self.context.clone());
            caveat.condition.evaluate(&context, &Context::new())
        } else {
            caveat.condition.evaluate(&used.context, self.context)
        };
        Some(match evaluation {
            Evaluation::True => Truth::True,
            Evaluation::False => Truth::False,
            Evaluation::Missing(_) if self.has(Bug::MissingContextIsFalse) => Truth::False,
            Evaluation::Failed(_) if self.has(Bug::FailedCaveatIsFalse) => Truth::False,
            Evaluation::Missing(names) => {
                Truth::Unknown(Doubts { missing: names.into_iter().collect(), ..Doubts::default() })
            }
            Evaluation::Failed(_) => Truth::Unknown(Doubts { failed: true, ..Doubts::default() }),
        })
    }

    fn names(&self, related: &SubjectRef) -> bool {
        match (related, self.subject) {
            (SubjectRef::Wildcard(_), SubjectRef::Object(_)) if self.has(Bug::WildcardMatchesNobody) => false,
            (SubjectRef::Wildcard(_), SubjectRef::Object(_)) if self.has(Bug::WildcardMatchesEveryType) => true,
            (SubjectRef::Wildcard(kind), SubjectRef::Object(object)) => *kind == object.kind,
            (SubjectRef::Wildcard(_), SubjectRef::Userset(..)) => self.has(Bug::WildcardMatchesUsersets),
            (related, subject) => related == subject,
        }
    }

    fn expression(&mut self, expression: &Expression, goal: &Goal, exclusions: usize) -> Found {
        match expression {
            Expression::Member(name) => self.goal((goal.0.clone(), name.clone()), exclusions),
            Expression::Arrow { tupleset, target, quantifier } => {
                self.arrow(&goal.0, (tupleset, target, *quantifier), exclusions)
            }
            Expression::Direct => self.direct(goal, exclusions),
            Expression::Itself => {
                let own = match self.subject {
                    SubjectRef::Object(object) if self.has(Bug::SelfIsAnyOfTheType) => object.kind == goal.0.kind,
                    SubjectRef::Userset(object, _) => self.has(Bug::SelfIsItsUsersetsToo) && *object == goal.0,
                    SubjectRef::Object(object) => *object == goal.0,
                    SubjectRef::Wildcard(_) => false,
                };
                (own.into(), NOTHING)
            }
            Expression::Nil => (self.has(Bug::NilIsEverybody).into(), NOTHING),
            Expression::Union(operands) => {
                let count = if self.has(Bug::UnionReadsTwoSidesOnly) { 2 } else { operands.len() };
                let values: Vec<_> =
                    operands.iter().take(count).map(|operand| self.expression(operand, goal, exclusions)).collect();
                let held = |(truth, granted)| match truth {
                    Truth::Unknown(doubts) if self.has(Bug::ConditionalHoldsInUnion) && !doubts.missing.is_empty() => {
                        (Truth::True, granted)
                    }
                    truth => (truth, granted),
                };
                values.into_iter().map(held).fold((Truth::False, NOTHING), either)
            }
            Expression::Intersection(operands) => {
                let count = if self.has(Bug::IntersectionReadsTwoSidesOnly) { 2 } else { operands.len() };
                let empty = operands.iter().any(|operand| self.is_empty(operand, &goal.0));
                let values: Vec<_> =
                    operands.iter().take(count).map(|operand| self.expression(operand, goal, exclusions)).collect();
                if empty && self.has(Bug::IntersectionWithAnEmptySideIsUnion) {
                    return values.into_iter().fold((Truth::False, NOTHING), either);
                }
                let held = |(truth, granted)| match truth {
                    Truth::Unknown(_) if self.has(Bug::UnknownHoldsInIntersection) => (Truth::True, granted),
                    truth => (truth, granted),
                };
                values.into_iter().map(held).fold((Truth::True, NOTHING), both)
            }
            Expression::Exclusion(from, taken) => match (&**taken, self.planted.bug) {
                (Expression::Union(operands), Bug::UnionBindsLoosest) => {
                    // `a - (b + c)`, read as `(a - b) + c`.
                    let mut found = (Truth::False, NOTHING);
                    for (position, operand) in operands.iter().enumerate() {
                        let value = if position == 0 {
                            self.exclusion(from, operand, goal, exclusions)
                        } else {
                            self.expression(operand, goal, exclusions)
                        };
                        found = either(found, value);
                    }
                    found
                }
                (_, Bug::ExclusionIsTurnedRound) => self.exclusion(taken, from, goal, exclusions),
                (_, Bug::ExclusionIgnoresItsRightSideAfterAnArrow) if self.behind_arrow => {
                    self.expression(from, goal, exclusions)
                }
                _ => self.exclusion(from, taken, goal, exclusions),
            },
        }
    }

    fn exclusion(&mut self, from: &Expression, taken: &Expression, goal: &Goal, exclusions: usize) -> Found {
        let from = self.expression(from, goal, exclusions);
        let (taken, granted) = self.expression(taken, goal, exclusions + 1);
        let left = match taken {
            Truth::Unknown(doubts) if self.has(Bug::ConditionalTakesNothingAway) && !doubts.missing.is_empty() => {
                Truth::True
            }
            taken => taken.opposite(),
        };
        both(from, (left, granted))
    }

    fn arrow(
        &mut self,
        object: &ObjectRef,
        (tupleset, target, quantifier): (&RelationName, &RelationName, Quantifier),
        exclusions: usize,
    ) -> Found {
        let planted = self.planted;
        let all = quantifier == Quantifier::All && !self.has(Bug::AllIsAny);
        let before = std::mem::replace(&mut self.behind_arrow, true);
        let mut values = Vec::new();
        for (related, terms) in planted.world.edges(object, tupleset) {
            let Some(exists) = self.exists(related, terms) else { continue };
            let exists = match exists {
                Truth::False if all && self.has(Bug::AllPassesOverFalseEdges) => continue,
                Truth::False if !all && self.has(Bug::ArrowFollowsFalseEdges) => Truth::True,
                exists => exists,
            };
            match related {
                SubjectRef::Userset(..) if self.has(Bug::ArrowPassesOverUsersets) => {}
                SubjectRef::Object(next) | SubjectRef::Userset(next, _) => {
                    let lacks = member(planted.world.schema.as_ref(), next, target).is_none();
                    if lacks && all && self.has(Bug::AllPassesOverTypesWithoutTheTarget) {
                        continue;
                    }
                    values.push(both((exists, NOTHING), self.goal((next.clone(), target.clone()), exclusions)));
                }
                SubjectRef::Wildcard(_) => {}
            }
        }
        self.behind_arrow = before;
        if self.has(Bug::ArrowFollowsTheFirstOnly) {
            values.truncate(1);
        }
        let none = values.is_empty();
        if all && none {
            return (self.has(Bug::AllOfNothingHolds).into(), NOTHING);
        }
        if all || (self.has(Bug::ArrowNeedsAll) && !none) {
            return values.into_iter().fold((Truth::True, NOTHING), both);
        }
        values.into_iter().fold((Truth::False, NOTHING), either)
    }

    /// A relation without edges.
    fn is_empty(&self, expression: &Expression, object: &ObjectRef) -> bool {
        let world = &self.planted.world;
        match expression {
            Expression::Member(name) => {
                matches!(member(world.schema.as_ref(), object, name), Some(Member::Relation(_)))
                    && world.edges(object, name).next().is_none()
            }
            _ => false,
        }
    }
}

fn either(one: Found, other: Found) -> Found {
    (one.0.or(other.0), one.1.min(other.1))
}

fn both(one: Found, other: Found) -> Found {
    (one.0.and(other.0), one.1.min(other.1))
}
