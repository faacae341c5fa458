use std::collections::BTreeMap;

use prokura_model::{
    ObjectRef, RelationName, SubjectRef,
    schema::{Expression, Member},
};

use super::{Bug, Planted};
use crate::oracle::{Goal, member};

/// Kleene's three values, in the order that makes `and` the least and `or` the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Truth {
    False,
    Undefined,
    True,
}

/// A value, and the outermost open goal (by its place on the path) that it took for granted.
type Found = (Truth, usize);

const NOTHING: usize = usize::MAX;

struct Search<'a> {
    planted: &'a Planted,
    subject: &'a SubjectRef,
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
    ) -> Result<bool, &'static str> {
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
        let mut search =
            Search { planted: self, subject, path: Vec::new(), memo: BTreeMap::new(), behind_arrow: false };
        match search.goal((resource.clone(), permission.clone()), 0).0 {
            Truth::True => Ok(true),
            Truth::False => Ok(false),
            Truth::Undefined if self.bug == Bug::UndecidableIsDeny => Ok(false),
            Truth::Undefined if self.bug == Bug::UndecidableIsAllow => Ok(true),
            Truth::Undefined => Err("undecidable"),
        }
    }
}

impl Search<'_> {
    fn has(&self, bug: Bug) -> bool {
        self.planted.bug == bug
    }

    fn goal(&mut self, goal: Goal, exclusions: usize) -> Found {
        if let Some(truth) = self.memo.get(&goal) {
            return (*truth, NOTHING);
        }
        if let Some(place) = self.path.iter().position(|(open, _)| *open == goal) {
            let straight = self.path.get(place).is_some_and(|(_, then)| *then == exclusions);
            let truth = if straight && self.has(Bug::CycleHolds) {
                Truth::True
            } else if straight || self.has(Bug::CycleThroughExclusionIsFalse) {
                Truth::False
            } else {
                Truth::Undefined
            };
            return (truth, place);
        }
        let place = self.path.len();
        self.path.push((goal.clone(), exclusions));
        let (truth, granted) = self.compute(&goal, exclusions);
        self.path.pop();
        let granted = if granted >= place { NOTHING } else { granted };
        if granted == NOTHING || self.has(Bug::MemoKeptAcrossACut) {
            self.memo.insert(goal, truth);
        }
        (truth, granted)
    }

    fn compute(&mut self, goal: &Goal, exclusions: usize) -> Found {
        let itself = matches!(self.subject, SubjectRef::Userset(of, relation) if (of, relation) == (&goal.0, &goal.1));
        if itself && !self.has(Bug::UsersetIsNotItself) {
            return (Truth::True, NOTHING);
        }
        let world = &self.planted.world;
        match member(world.schema.as_ref(), &goal.0, &goal.1) {
            Some(Member::Relation(_)) => {
                let mut found = (Truth::False, NOTHING);
                for related in world.subjects(&goal.0, &goal.1) {
                    let next = match related {
                        _ if self.names(related) => (Truth::True, NOTHING),
                        SubjectRef::Userset(object, relation) if !self.has(Bug::UsersetsAreNotFollowed) => {
                            self.goal((object.clone(), relation.clone()), exclusions)
                        }
                        _ => (Truth::False, NOTHING),
                    };
                    found = either(found, next);
                }
                found
            }
            Some(Member::Permission(permission)) => self.expression(&permission.expression, &goal.0, exclusions),
            None => (Truth::False, NOTHING),
        }
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

    fn expression(&mut self, expression: &Expression, object: &ObjectRef, exclusions: usize) -> Found {
        match expression {
            Expression::Member(name) => self.goal((object.clone(), name.clone()), exclusions),
            Expression::Arrow { tupleset, target } => self.arrow(object, tupleset, target, exclusions),
            Expression::Union(operands) => {
                let count = if self.has(Bug::UnionReadsTwoSidesOnly) { 2 } else { operands.len() };
                let values: Vec<_> =
                    operands.iter().take(count).map(|operand| self.expression(operand, object, exclusions)).collect();
                values.into_iter().fold((Truth::False, NOTHING), either)
            }
            Expression::Intersection(operands) => {
                let count = if self.has(Bug::IntersectionReadsTwoSidesOnly) { 2 } else { operands.len() };
                let empty = operands.iter().any(|operand| self.is_empty(operand, object));
                let values: Vec<_> =
                    operands.iter().take(count).map(|operand| self.expression(operand, object, exclusions)).collect();
                if empty && self.has(Bug::IntersectionWithAnEmptySideIsUnion) {
                    return values.into_iter().fold((Truth::False, NOTHING), either);
                }
                values.into_iter().fold((Truth::True, NOTHING), both)
            }
            Expression::Exclusion(from, taken) => match (&**taken, self.planted.bug) {
                (Expression::Union(operands), Bug::UnionBindsLoosest) => {
                    // `a - (b + c)`, read as `(a - b) + c`.
                    let mut found = (Truth::False, NOTHING);
                    for (position, operand) in operands.iter().enumerate() {
                        let value = if position == 0 {
                            self.exclusion(from, operand, object, exclusions)
                        } else {
                            self.expression(operand, object, exclusions)
                        };
                        found = either(found, value);
                    }
                    found
                }
                (_, Bug::ExclusionIsTurnedRound) => self.exclusion(taken, from, object, exclusions),
                (_, Bug::ExclusionIgnoresItsRightSideAfterAnArrow) if self.behind_arrow => {
                    self.expression(from, object, exclusions)
                }
                _ => self.exclusion(from, taken, object, exclusions),
            },
        }
    }

    fn exclusion(&mut self, from: &Expression, taken: &Expression, object: &ObjectRef, exclusions: usize) -> Found {
        let from = self.expression(from, object, exclusions);
        let (taken, granted) = self.expression(taken, object, exclusions + 1);
        let left = match taken {
            Truth::True => Truth::False,
            Truth::Undefined => Truth::Undefined,
            Truth::False => Truth::True,
        };
        both(from, (left, granted))
    }

    fn arrow(
        &mut self,
        object: &ObjectRef,
        tupleset: &RelationName,
        target: &RelationName,
        exclusions: usize,
    ) -> Found {
        let planted = self.planted;
        let before = std::mem::replace(&mut self.behind_arrow, true);
        let mut values = Vec::new();
        for related in planted.world.subjects(object, tupleset) {
            match related {
                SubjectRef::Userset(..) if self.has(Bug::ArrowPassesOverUsersets) => {}
                SubjectRef::Object(next) | SubjectRef::Userset(next, _) => {
                    values.push(self.goal((next.clone(), target.clone()), exclusions));
                }
                SubjectRef::Wildcard(_) => {}
            }
        }
        self.behind_arrow = before;
        if self.has(Bug::ArrowFollowsTheFirstOnly) {
            values.truncate(1);
        }
        if self.has(Bug::ArrowNeedsAll) && !values.is_empty() {
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
                    && world.subjects(object, name).next().is_none()
            }
            _ => false,
        }
    }
}

fn either(one: Found, other: Found) -> Found {
    (one.0.max(other.0), one.1.min(other.1))
}

fn both(one: Found, other: Found) -> Found {
    (one.0.min(other.0), one.1.min(other.1))
}
