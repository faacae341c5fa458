use prokura_model::{Cap, CapClause, CaveatUse, ObjectRef, RelationName, ResourceQuery, SubjectRef, Timestamp, Under};

use super::{Bug, Planted};
use crate::{
    Context, Question, Standing,
    oracle::Asked,
    truth::{Doubts, Truth},
};

/// A cap on its way to an answer.
pub(super) struct Carrying<'a> {
    pub(super) planted: &'a Planted,
    pub(super) question: &'a Question,
    pub(super) origin: &'a ObjectRef,
    pub(super) values: &'a Context,
    pub(super) now: Timestamp,
    /// Of an endorsement, and not of a link.
    pub(super) endorsed: bool,
}

impl Carrying<'_> {
    fn has(&self, bug: Bug) -> bool {
        self.planted.bug == bug
    }

    pub(super) fn cap(&self, cap: &Cap) -> Result<Truth, &'static str> {
        let mut found = Truth::False;
        for clause in &cap.clauses {
            found = found.or(self.clause(clause)?);
        }
        Ok(found)
    }

    fn clause(&self, clause: &CapClause) -> Result<Truth, &'static str> {
        if !clause.permissions.cover(&self.question.permission) {
            return Ok(Truth::False);
        }
        let mut found = Truth::from(clause.names(&self.question.resource));
        for query in clause.queries().filter(|query| query.kind == self.question.resource.kind) {
            found = found.or(self.query(query)?);
        }
        let ignored =
            self.has(Bug::CapConditionsAreIgnored) || (self.endorsed && self.has(Bug::EndorsedWithoutTheCondition));
        match &clause.condition {
            Some(used) if !ignored => Ok(self.condition(used).and(found)),
            _ => Ok(found),
        }
    }

    fn condition(&self, used: &CaveatUse) -> Truth {
        let mut used = used.clone();
        if self.has(Bug::AskedValuesWinInCaps) {
            used.context.extend(self.values.clone());
        }
        match self.planted.world.condition(&used, self.values) {
            Truth::Unknown(doubts) if self.has(Bug::CapConditionsWithoutValuesHold) && !doubts.missing.is_empty() => {
                Truth::True
            }
            truth => truth,
        }
    }

    fn query(&self, query: &ResourceQuery) -> Result<Truth, &'static str> {
        let under = query.under.as_ref().map(|under| self.under(under));
        let held = query.origin_has.as_ref().map(|permission| self.origin_has(permission)).transpose()?;
        Ok(match (under, held) {
            (Some(under), Some(held)) if self.has(Bug::EitherPartOfAQueryIsEnough) => under.or(held),
            (Some(under), Some(held)) => under.and(held),
            (Some(found), None) | (None, Some(found)) => found,
            (None, None) => Truth::True,
        })
    }

    fn origin_has(&self, permission: &RelationName) -> Result<Truth, &'static str> {
        let whose = if self.has(Bug::QueriesAskTheActor) { &self.question.actor } else { self.origin };
        let resource = &self.question.resource;
        match self.planted.check(resource, permission, &whose.clone().into(), self.values, self.now) {
            Ok(Standing::Has) => Ok(Truth::True),
            Ok(Standing::HasNot) | Err("type_unknown" | "member_unknown") => Ok(Truth::False),
            Ok(Standing::Conditional(missing)) => Ok(Truth::Unknown(Doubts { missing, ..Doubts::default() })),
            Err("caveat_failed") => Ok(Truth::Unknown(Doubts { failed: true, ..Doubts::default() })),
            Err("undecidable") => Ok(Truth::Unknown(Doubts::default())),
            Err(other) => Err(other),
        }
    }

    fn under(&self, under: &Under) -> Truth {
        let world = &self.planted.world;
        let resource = &self.question.resource;
        if self.has(Bug::UnderNeedsAStep) && under.resource == *resource {
            return Truth::False;
        }
        if self.has(Bug::UnderIsOneStep) && under.resource != *resource {
            let leads = |subject: &SubjectRef| matches!(subject, SubjectRef::Object(next) | SubjectRef::Userset(next, _) if *next == under.resource);
            let steps =
                world.edges(resource, &under.by).filter(|(subject, terms)| leads(subject) && !terms.is_over(self.now));
            return steps.fold(Truth::False, |found, (_, terms)| {
                found.or(terms.caveat.as_ref().map_or(Truth::True, |used| world.condition(used, self.values)))
            });
        }
        let now = if self.has(Bug::UnderStepsNeverEnd) { Timestamp(0) } else { self.now };
        world.is_under(under, resource, Asked { origin: self.origin, values: self.values, now })
    }
}
