use std::collections::BTreeSet;

use prokura_model::{
    Cap, CapClause, CaveatUse, ObjectRef, RelationName, ResourceQuery, SubjectRef, Timestamp, Under,
    condition::Evaluation,
};

use super::OracleError;
use crate::{
    Context, Question, Standing, World,
    truth::{Doubts, Truth},
};

/// For whom a cap is asked, with which values, and when.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) origin: &'a ObjectRef,
    pub(crate) values: &'a Context,
    pub(crate) now: Timestamp,
}

impl World {
    /// Whether the cap carries what is asked for: each way it may come out.
    pub(crate) fn carries(&self, cap: &Cap, question: &Question, asked: Asked<'_>) -> Vec<Truth> {
        let nothing = vec![Truth::False];
        cap.clauses.iter().fold(nothing, |found, clause| each(&found, &self.clause(clause, question, asked), Truth::or))
    }

    fn clause(&self, clause: &CapClause, question: &Question, asked: Asked<'_>) -> Vec<Truth> {
        if !clause.permissions.cover(&question.permission) {
            return vec![Truth::False];
        }
        let condition = clause.condition.as_ref().map_or(Truth::True, |used| self.condition(used, asked.values));
        let mut resources = vec![Truth::from(clause.names(&question.resource))];
        for query in clause.queries() {
            resources = each(&resources, &self.query(query, &question.resource, asked), Truth::or);
        }
        each(&[condition], &resources, Truth::and)
    }

    /// Whether a caveat holds with what is bound, which wins, and these values.
    pub(crate) fn condition(&self, used: &CaveatUse, values: &Context) -> Truth {
        let caveat = self.schema.as_ref().and_then(|schema| schema.caveat(used.name.as_str()));
        match caveat.map(|caveat| caveat.condition.evaluate(&used.context, values)) {
            Some(Evaluation::True) => Truth::True,
            Some(Evaluation::False) => Truth::False,
            Some(Evaluation::Missing(names)) => {
                Truth::Unknown(Doubts { missing: names.into_iter().collect(), ..Doubts::default() })
            }
            Some(Evaluation::Failed(_)) | None => Truth::Unknown(Doubts { failed: true, ..Doubts::default() }),
        }
    }

    fn query(&self, query: &ResourceQuery, resource: &ObjectRef, asked: Asked<'_>) -> Vec<Truth> {
        if query.kind != resource.kind {
            return vec![Truth::False];
        }
        let under = query.under.as_ref().map_or(Truth::True, |under| self.is_under(under, resource, asked));
        match &query.origin_has {
            Some(permission) => each(&[under], &self.origin_has(permission, resource, asked), Truth::and),
            None => vec![under],
        }
    }

    fn origin_has(&self, permission: &RelationName, resource: &ObjectRef, asked: Asked<'_>) -> Vec<Truth> {
        let subject = SubjectRef::Object(asked.origin.clone());
        let outcomes = self.outcomes(resource, permission, &subject, asked.values, asked.now);
        outcomes.into_iter().map(|outcome| truth(&outcome)).collect()
    }

    /// Whether the place is reached from the resource by following the relation, any number of times.
    pub(crate) fn is_under(&self, under: &Under, resource: &ObjectRef, asked: Asked<'_>) -> Truth {
        let certain = self.reaching(under, asked, |exists| *exists == Truth::True);
        let possible = self.reaching(under, asked, |exists| *exists != Truth::False);
        if certain.contains(resource) {
            return Truth::True;
        }
        if !possible.contains(resource) {
            return Truth::False;
        }
        // What it depends on: the edges that may not be there, on the ways of which it is not certain that they lead there.
        let (mut open, mut seen) = (vec![resource.clone()], BTreeSet::from([resource.clone()]));
        let mut doubts = Truth::Unknown(Doubts::default());
        while let Some(place) = open.pop() {
            for (next, exists) in self.steps(&place, under, asked) {
                if exists == Truth::False || !possible.contains(&next) {
                    continue;
                }
                if exists != Truth::True {
                    doubts = doubts.or(exists);
                }
                if !certain.contains(&next) && seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        doubts
    }

    /// Every object from which the place is reached by edges that count.
    fn reaching(&self, under: &Under, asked: Asked<'_>, counts: impl Fn(&Truth) -> bool) -> BTreeSet<ObjectRef> {
        let mut found = BTreeSet::from([under.resource.clone()]);
        loop {
            let before = found.len();
            for object in self.objects() {
                let steps = self.steps(object, under, asked);
                if steps.iter().any(|(next, exists)| counts(exists) && found.contains(next)) {
                    found.insert(object.clone());
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }

    /// Where the relation leads from an object, and whether by an edge that exists. A userset stands for its object.
    fn steps(&self, object: &ObjectRef, under: &Under, asked: Asked<'_>) -> Vec<(ObjectRef, Truth)> {
        let mut steps = Vec::new();
        for (subject, terms) in self.edges(object, &under.by).filter(|(_, terms)| !terms.is_over(asked.now)) {
            let exists = terms.caveat.as_ref().map_or(Truth::True, |used| self.condition(used, asked.values));
            if let SubjectRef::Object(next) | SubjectRef::Userset(next, _) = subject {
                steps.push((next.clone(), exists));
            }
        }
        steps
    }
}

/// What a check inside a cap comes to. What the schema does not know, nobody has.
fn truth(outcome: &Result<Standing, OracleError>) -> Truth {
    match outcome {
        Ok(Standing::Has) => Truth::True,
        Ok(Standing::Conditional(missing)) => Truth::Unknown(Doubts { missing: missing.clone(), ..Doubts::default() }),
        Err(OracleError::CaveatFailed(..)) => Truth::Unknown(Doubts { failed: true, ..Doubts::default() }),
        Err(OracleError::Undecidable(..)) => Truth::Unknown(Doubts::default()),
        Ok(Standing::HasNot) | Err(_) => Truth::False,
    }
}

/// Each way that two things together may come out.
fn each(one: &[Truth], other: &[Truth], joined: impl Fn(Truth, Truth) -> Truth) -> Vec<Truth> {
    let mut found: Vec<Truth> = Vec::new();
    for (one, other) in one.iter().flat_map(|one| other.iter().map(move |other| (one, other))) {
        let both = joined(one.clone(), other.clone());
        if !found.contains(&both) {
            found.push(both);
        }
    }
    found
}
