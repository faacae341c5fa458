//! What caps carry: by the names of resources, under conditions, and by where a resource stands on the graph.

use std::collections::BTreeSet;

use prokura_model::{
    Cap, CapClause, CaveatUse, ObjectRef, Reason, RelationName, ResourceQuery, SubjectRef, Timestamp, WitnessEdge,
    condition::Evaluation,
};

use super::{
    Posed, Question, Stop, Verdict, Walk, deny_at,
    message::{Described, beginning},
};
use crate::{
    CaveatFailure, EngineError, Given, Limits, Permissionship, View, graph::Graph, program::Program, recorder::Recorder,
};

/// Whether a cap, or a part of one, carries what is asked for.
#[derive(Debug)]
pub(super) enum Coverage {
    Not,
    /// It depends on something.
    Perhaps(Doubt),
    /// By these edges.
    Surely(Vec<WitnessEdge>),
}

/// What it depends on whether a cap carries something.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubt {
    /// Parameters of caveats that have no value.
    pub(super) missing: BTreeSet<String>,
    /// A caveat that failed.
    pub(super) failure: Option<EngineError>,
    /// A check that depends on its own absence.
    pub(super) undecidable: Option<EngineError>,
}

impl Doubt {
    pub(super) fn failed(failure: CaveatFailure) -> Self {
        Self { failure: Some(EngineError::CaveatFailed(Box::new(failure))), ..Self::default() }
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.missing.extend(other.missing);
        self.failure = self.failure.or(other.failure);
        self.undecidable = self.undecidable.or(other.undecidable);
        self
    }

    /// Together with one from before, if there is one.
    pub(super) fn or_first(self, before: Option<Self>) -> Self {
        match before {
            Some(before) => before.and(self),
            None => self,
        }
    }

    /// The values that are missing, if that is all. A failure comes before what is missing, as in a check.
    pub(super) fn missing(self) -> Result<Vec<String>, EngineError> {
        match (self.failure, self.undecidable) {
            (Some(failure), _) => Err(failure),
            (None, Some(undecidable)) if self.missing.is_empty() => Err(undecidable),
            (None, _) => Ok(self.missing.into_iter().collect()),
        }
    }
}

impl Coverage {
    pub(super) const PLAIN: Self = Self::Surely(Vec::new());

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Surely(edges), _) | (_, Self::Surely(edges)) => Self::Surely(edges),
            (Self::Perhaps(one), Self::Perhaps(other)) => Self::Perhaps(one.and(other)),
            (found, Self::Not) | (Self::Not, found) => found,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Not, _) | (_, Self::Not) => Self::Not,
            (Self::Perhaps(one), Self::Perhaps(other)) => Self::Perhaps(one.and(other)),
            (Self::Perhaps(doubt), Self::Surely(_)) | (Self::Surely(_), Self::Perhaps(doubt)) => Self::Perhaps(doubt),
            (Self::Surely(mut one), Self::Surely(other)) => {
                one.extend(other);
                Self::Surely(one)
            }
        }
    }
}

/// Where caps are read: for which origin, and with what.
#[derive(Clone, Copy)]
pub(super) struct Carrying<'c> {
    pub(super) view: &'c View<'c>,
    pub(super) graph: &'c Graph<'c>,
    pub(super) program: &'c Program,
    pub(super) origin: &'c ObjectRef,
    pub(super) given: Given<'c>,
    pub(super) limits: &'c Limits,
}

impl Carrying<'_> {
    /// Whether the cap carries it: whatever at least one clause does. What depends on something only matters if nothing else
    /// carries it.
    pub(super) fn cap(
        &self,
        cap: &Cap,
        permission: &RelationName,
        resource: &ObjectRef,
    ) -> Result<Coverage, EngineError> {
        let clauses = || cap.clauses.iter().filter(|clause| clause.permissions.cover(permission));
        if clauses().any(|clause| clause.condition.is_none() && clause.names(resource)) {
            return Ok(Coverage::PLAIN);
        }
        let mut found = Coverage::Not;
        for clause in clauses().filter(|clause| clause.is_narrow()) {
            found = found.or(self.clause(clause, resource)?);
            if matches!(found, Coverage::Surely(_)) {
                break;
            }
        }
        Ok(found)
    }

    fn clause(&self, clause: &CapClause, resource: &ObjectRef) -> Result<Coverage, EngineError> {
        let condition = clause.condition.as_ref().map_or(Coverage::PLAIN, |condition| self.condition(condition));
        if matches!(condition, Coverage::Not) || clause.names(resource) {
            return Ok(condition);
        }
        let mut found = Coverage::Not;
        for query in clause.queries().filter(|query| query.kind == resource.kind) {
            found = found.or(self.query(query, resource)?);
            if matches!(found, Coverage::Surely(_)) {
                break;
            }
        }
        Ok(condition.and(found))
    }

    /// Whether a caveat holds: with the values that are bound, and those of the question.
    pub(super) fn condition(&self, used: &CaveatUse) -> Coverage {
        let Some(declared) = self.program.schema.caveat(used.name.as_str()) else {
            return Coverage::Perhaps(Doubt::failed(CaveatFailure::Undeclared(used.name.clone())));
        };
        match declared.condition.evaluate(&used.context, self.given.context) {
            Evaluation::True => Coverage::PLAIN,
            Evaluation::False => Coverage::Not,
            Evaluation::Missing(names) => {
                Coverage::Perhaps(Doubt { missing: names.into_iter().collect(), ..Doubt::default() })
            }
            Evaluation::Failed(failure) => {
                Coverage::Perhaps(Doubt::failed(CaveatFailure::Evaluation { name: used.name.clone(), failure }))
            }
        }
    }

    fn query(&self, query: &ResourceQuery, resource: &ObjectRef) -> Result<Coverage, EngineError> {
        let under = query.under.as_ref().map_or(Ok(Coverage::PLAIN), |under| self.under(under, resource))?;
        match &query.origin_has {
            Some(permission) if !matches!(under, Coverage::Not) => {
                Ok(under.and(self.origin_has(permission, resource)?))
            }
            _ => Ok(under),
        }
    }

    /// Whether the origin has it on the graph. Of what the schema no longer knows, nobody has anything.
    fn origin_has(&self, permission: &RelationName, resource: &ObjectRef) -> Result<Coverage, EngineError> {
        let known = self.program.member_named(&resource.kind, permission);
        let Some((member, _)) = known.zip(self.program.kind_named(&self.origin.kind)) else {
            return Ok(Coverage::Not);
        };
        let subject = SubjectRef::Object(self.origin.clone());
        let ends = (resource, &subject);
        let prepared = self.view.prepare_member(self.graph, self.program, member, ends, self.given)?;
        match prepared.witnessed(self.limits, &mut Recorder::witness_only()) {
            Ok((Permissionship::Has, edges)) => Ok(Coverage::Surely(edges)),
            Ok((Permissionship::HasNot, _)) => Ok(Coverage::Not),
            Ok((Permissionship::Conditional(missing), _)) => {
                Ok(Coverage::Perhaps(Doubt { missing: missing.into_iter().collect(), ..Doubt::default() }))
            }
            Err(error @ EngineError::CaveatFailed(_)) => {
                Ok(Coverage::Perhaps(Doubt { failure: Some(error), ..Doubt::default() }))
            }
            Err(error @ EngineError::Undecidable { .. }) => {
                Ok(Coverage::Perhaps(Doubt { undecidable: Some(error), ..Doubt::default() }))
            }
            Err(error) => Err(error),
        }
    }
}

impl Walk<'_> {
    /// Step 7: every link from the last dispatch on carries what is asked for.
    pub(super) fn check_caps(&mut self, posed: &Posed<'_>, origin: &ObjectRef, from: usize) -> Result<(), Stop> {
        let Question { permission, resource, .. } = posed.question;
        for position in from..self.chain.len() {
            let Some(link) = self.chain.get(position).copied() else { break };
            if link.names(permission, resource) {
                continue;
            }
            let found = match link.is_narrow() {
                true => posed.carrying(origin, self.now, self.limits).cap(&link.cap, permission, resource)?,
                false => Coverage::Not,
            };
            match found {
                Coverage::Surely(edges) => self.rests_on.extend(edges),
                Coverage::Not => {
                    let (name, cap) = (Described(link), beginning(&link.cap));
                    let message = format!("{name} carries {cap}, which does not cover `{permission}` on {resource}");
                    return deny_at(position, Reason::OutsideCap, message);
                }
                Coverage::Perhaps(doubt) => {
                    let whether = format!("{} carries `{permission}` on {resource}", Described(link));
                    return self.depends(position, &whether, doubt);
                }
            }
        }
        Ok(())
    }

    /// Ends with what a link, or what the worker at its end is endorsed for, depends on.
    pub(super) fn depends<T>(&mut self, position: usize, whether: &str, doubt: Doubt) -> Result<T, Stop> {
        let missing = doubt.missing()?;
        let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
        let message =
            format!("whether {whether} depends on {}, for which the question brings no value", names.join(", "));
        self.found.missing = missing;
        Err(Stop::Decided(Verdict { reason: Reason::ContextMissing, at: Some(position), message }))
    }

    /// Puts what the caps rest on beside the witness of the check.
    pub(super) fn rest_on_caps(&mut self) {
        for edge in std::mem::take(&mut self.rests_on) {
            if !self.found.witness.contains(&edge) {
                self.found.witness.push(edge);
            }
        }
    }
}

impl Posed<'_> {
    pub(super) fn carrying<'c>(&'c self, origin: &'c ObjectRef, now: Timestamp, limits: &'c Limits) -> Carrying<'c> {
        let given = Given { now, context: &self.values };
        Carrying { view: self.view, graph: &self.graph, program: self.program, origin, given, limits }
    }
}
