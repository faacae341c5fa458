//! Where somebody may lose a permission by an edge that goes, though nothing they have rests on it: `viewer - (banned - pardoned)`
//! is lost with the pardon, and `viewer - parent.all(closed)` with the parent that is open.

use std::collections::BTreeSet;

use super::{Expression, Member, Quantifier, Schema};
use crate::RelationName;

impl Schema {
    /// The names of relations and permissions that may be lost so in time: none where no relation allows an expiration. An
    /// allow of another one ends with one of the edges that it rests on.
    #[must_use]
    pub fn turning(&self) -> BTreeSet<RelationName> {
        if !self.has_expirations() {
            return BTreeSet::new();
        }
        // What may come to hold when an edge goes.
        let gains =
            self.closed_under(|expression| matches!(expression, Expression::Exclusion(..)) || is_all(expression));
        let may_gain = |right: &Expression| {
            some(right, &|part| {
                matches!(part, Expression::Exclusion(..))
                    || is_all(part)
                    || refers(part).is_some_and(|name| gains.contains(name))
            })
        };
        self.closed_under(|expression| matches!(expression, Expression::Exclusion(_, right) if may_gain(right)))
    }

    fn has_expirations(&self) -> bool {
        let mut members = self.definitions().values().flat_map(|definition| definition.members.values());
        members.any(|member| match member {
            Member::Relation(relation) => relation.allowed.iter().any(|allowed| allowed.expires),
            Member::Permission(_) => false,
        })
    }

    /// The names whose expression has a part that is so, or that refers to such a name.
    fn closed_under(&self, is: impl Fn(&Expression) -> bool) -> BTreeSet<RelationName> {
        let members = self.definitions().values().flat_map(|definition| &definition.members);
        let expressions: Vec<(&RelationName, &Expression)> = members
            .filter_map(|(name, member)| match member {
                Member::Permission(permission) => Some((name, &permission.expression)),
                Member::Relation(relation) => relation.computed.as_ref().map(|computed| (name, computed)),
            })
            .collect();
        let mut found: BTreeSet<RelationName> = BTreeSet::new();
        loop {
            let is = |part: &Expression| is(part) || refers(part).is_some_and(|name| found.contains(name));
            let more = expressions.iter().filter(|(name, expression)| !found.contains(*name) && some(expression, &is));
            let more: Vec<RelationName> = more.map(|(name, _)| (*name).clone()).collect();
            if more.is_empty() {
                return found;
            }
            found.extend(more);
        }
    }
}

fn is_all(expression: &Expression) -> bool {
    matches!(expression, Expression::Arrow { quantifier: Quantifier::All, .. })
}

/// The name that is asked for further on.
fn refers(expression: &Expression) -> Option<&RelationName> {
    match expression {
        Expression::Member(name) | Expression::Arrow { target: name, .. } => Some(name),
        _ => None,
    }
}

/// Whether the expression or a part of it is so. As deep as expressions are, which is bounded.
fn some(expression: &Expression, is: &dyn Fn(&Expression) -> bool) -> bool {
    is(expression)
        || match expression {
            Expression::Union(operands) | Expression::Intersection(operands) => {
                operands.iter().any(|operand| some(operand, is))
            }
            Expression::Exclusion(base, right) => some(base, is) || some(right, is),
            _ => false,
        }
}
