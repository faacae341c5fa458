//! What a model must be so that every question about it has an answer.

use std::collections::{BTreeMap, BTreeSet};

use super::{Model, ModelFault, ModelRelation, ModelType, ModelWrong, Rewrite};
use crate::{
    RelationName, TypeName,
    limits::MODEL_NESTING_MAX,
    schema::{Allowed, AllowedSubject},
};

/// Everything found wrong, in the order of the model.
pub(super) fn faults(model: &Model) -> Vec<ModelFault> {
    let mut checker = Checker { model, types: Types::new(), faults: Vec::new() };
    checker.names();
    for kind in &model.types {
        for relation in &kind.relations {
            checker.relation(kind, relation);
        }
    }
    // Where a name leads nowhere, what it has to do with entries is not known.
    if checker.faults.is_empty() {
        checker.entries();
    }
    checker.faults
}

type Types<'m> = BTreeMap<&'m TypeName, BTreeMap<&'m RelationName, &'m ModelRelation>>;

/// A relation of a type.
type Place<'m> = (&'m TypeName, &'m RelationName);

struct Checker<'m> {
    model: &'m Model,
    types: Types<'m>,
    faults: Vec<ModelFault>,
}

impl<'m> Checker<'m> {
    fn names(&mut self) {
        let model = self.model;
        for kind in &model.types {
            if is_reserved(kind.name.as_str()) {
                self.faults.push(ModelFault::of_type(&kind.name, ModelWrong::Reserved));
            }
            let mut relations = BTreeMap::new();
            for relation in &kind.relations {
                let found = |wrong| ModelFault::of_relation(&kind.name, &relation.name, wrong);
                if is_reserved(relation.name.as_str()) {
                    self.faults.push(found(ModelWrong::Reserved));
                }
                if relations.insert(&relation.name, relation).is_some() {
                    self.faults.push(found(ModelWrong::RelationTwice));
                }
            }
            if self.types.insert(&kind.name, relations).is_some() {
                self.faults.push(ModelFault::of_type(&kind.name, ModelWrong::TypeTwice));
            }
        }
        let mut conditions = BTreeSet::new();
        for condition in &model.conditions {
            if !conditions.insert(&condition.name) {
                self.faults.push(ModelFault::of_model(ModelWrong::ConditionTwice(condition.name.clone())));
            }
            let mut parameters = BTreeSet::new();
            for (parameter, _) in &condition.parameters {
                if !parameters.insert(parameter) {
                    let wrong = ModelWrong::ParameterTwice(condition.name.clone(), parameter.clone());
                    self.faults.push(ModelFault::of_model(wrong));
                }
            }
        }
    }

    fn relation(&mut self, kind: &'m ModelType, relation: &'m ModelRelation) {
        let mut wrong = Vec::new();
        self.rewrite(kind, &relation.rewrite, MODEL_NESTING_MAX, &mut wrong);
        // What is nested without end is not looked at by what recurses.
        if !wrong.contains(&ModelWrong::TooDeep) {
            match (relation.rewrite.has_direct(), relation.allowed.is_empty()) {
                (true, true) => wrong.push(ModelWrong::NothingAllowed),
                (false, false) => wrong.push(ModelWrong::AllowedComputed),
                _ => {}
            }
        }
        let mut allowed_so_far = BTreeSet::new();
        for allowed in &relation.allowed {
            wrong.extend(self.allowed(allowed));
            if !allowed_so_far.insert(allowed) {
                wrong.push(ModelWrong::AllowedTwice(allowed.clone()));
            }
        }
        self.faults.extend(wrong.into_iter().map(|wrong| ModelFault::of_relation(&kind.name, &relation.name, wrong)));
    }

    fn rewrite(&self, kind: &'m ModelType, rewrite: &'m Rewrite, left: usize, wrong: &mut Vec<ModelWrong>) {
        let Some(left) = left.checked_sub(1) else {
            wrong.push(ModelWrong::TooDeep);
            return;
        };
        match rewrite {
            Rewrite::Direct => {}
            Rewrite::Computed(relation) => {
                if self.find(&kind.name, relation).is_none() {
                    wrong.push(ModelWrong::ComputedUnknown(relation.clone()));
                }
            }
            Rewrite::From { tupleset, target } => wrong.extend(self.from(kind, tupleset, target)),
            Rewrite::Union(parts) | Rewrite::Intersection(parts) => {
                if parts.is_empty() {
                    wrong.push(ModelWrong::NoOperands);
                }
                for part in parts {
                    self.rewrite(kind, part, left, wrong);
                }
            }
            Rewrite::Exclusion(base, taken) => {
                self.rewrite(kind, base, left, wrong);
                self.rewrite(kind, taken, left, wrong);
            }
        }
    }

    fn from(&self, kind: &'m ModelType, tupleset: &RelationName, target: &RelationName) -> Option<ModelWrong> {
        let Some(followed) = self.find(&kind.name, tupleset) else {
            return Some(ModelWrong::TuplesetUnknown(tupleset.clone()));
        };
        let to_objects = |allowed: &Allowed| matches!(allowed.subject, AllowedSubject::Object(_));
        if followed.rewrite != Rewrite::Direct || !followed.allowed.iter().all(to_objects) {
            return Some(ModelWrong::TuplesetNotDirect(tupleset.clone()));
        }
        if followed.allowed.iter().any(|allowed| self.find(allowed.subject.kind(), target).is_some()) {
            return None;
        }
        Some(ModelWrong::TargetUnknown { tupleset: tupleset.clone(), target: target.clone() })
    }

    fn allowed(&self, allowed: &Allowed) -> Option<ModelWrong> {
        let known = match &allowed.subject {
            AllowedSubject::Object(kind) | AllowedSubject::Wildcard(kind) => self.types.contains_key(kind),
            AllowedSubject::Userset(kind, relation) => self.find(kind, relation).is_some(),
        };
        if !known {
            return Some(ModelWrong::AllowedUnknown(allowed.clone()));
        }
        let caveat = allowed.caveat.as_ref()?;
        let condition = self.model.conditions.iter().find(|condition| condition.name == *caveat);
        condition.is_none().then(|| ModelWrong::ConditionUnknown(allowed.clone()))
    }

    /// Which relations are computed from themselves, and which can never be stood in.
    fn entries(&mut self) {
        let model = self.model;
        let entered = self.entered();
        for kind in &model.types {
            for relation in &kind.relations {
                let place = (&kind.name, &relation.name);
                let wrong = if self.is_computed_from_itself(place) {
                    ModelWrong::Cycle
                } else if entered.contains(&place) {
                    continue;
                } else {
                    ModelWrong::NoEntry
                };
                self.faults.push(ModelFault::of_relation(place.0, place.1, wrong));
            }
        }
    }

    /// Every relation that somebody can stand in: those that are written to with objects, and what follows from those.
    fn entered(&self) -> BTreeSet<Place<'m>> {
        let mut entered = BTreeSet::new();
        loop {
            let before = entered.len();
            for kind in &self.model.types {
                for relation in &kind.relations {
                    if self.enters(&kind.name, relation, &relation.rewrite, &entered) {
                        entered.insert((&kind.name, &relation.name));
                    }
                }
            }
            if entered.len() == before {
                return entered;
            }
        }
    }

    fn enters(
        &self,
        kind: &TypeName,
        relation: &ModelRelation,
        rewrite: &Rewrite,
        entered: &BTreeSet<Place<'m>>,
    ) -> bool {
        let enters = |part: &Rewrite| self.enters(kind, relation, part, entered);
        match rewrite {
            Rewrite::Direct => relation.allowed.iter().any(|allowed| match &allowed.subject {
                AllowedSubject::Object(_) | AllowedSubject::Wildcard(_) => true,
                AllowedSubject::Userset(kind, relation) => entered.contains(&(kind, relation)),
            }),
            Rewrite::Computed(computed) => entered.contains(&(kind, computed)),
            Rewrite::From { tupleset, target } => self.find(kind, tupleset).is_some_and(|followed| {
                followed.allowed.iter().any(|allowed| entered.contains(&(allowed.subject.kind(), target)))
            }),
            Rewrite::Union(parts) => parts.iter().any(enters),
            Rewrite::Intersection(parts) => parts.iter().all(enters),
            Rewrite::Exclusion(base, taken) => enters(base) && enters(taken),
        }
    }

    /// Whether computing it comes back to it without an edge in between.
    fn is_computed_from_itself(&self, place: Place<'m>) -> bool {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![place];
        while let Some((kind, relation)) = waiting.pop() {
            let Some(found) = self.find(kind, relation) else { continue };
            let mut computed = Vec::new();
            found.rewrite.computed_from(&mut computed);
            for relation in computed {
                if (kind, relation) == place {
                    return true;
                }
                if seen.insert(relation) {
                    waiting.push((kind, relation));
                }
            }
        }
        false
    }

    fn find(&self, kind: &TypeName, relation: &RelationName) -> Option<&'m ModelRelation> {
        self.types.get(kind)?.get(relation).copied()
    }
}

impl Rewrite {
    /// Whether the edges written to the relation play a part.
    #[must_use]
    pub fn has_direct(&self) -> bool {
        match self {
            Self::Direct => true,
            Self::Computed(_) | Self::From { .. } => false,
            Self::Union(parts) | Self::Intersection(parts) => parts.iter().any(Self::has_direct),
            Self::Exclusion(base, taken) => base.has_direct() || taken.has_direct(),
        }
    }

    fn computed_from<'r>(&'r self, found: &mut Vec<&'r RelationName>) {
        match self {
            Self::Direct | Self::From { .. } => {}
            Self::Computed(relation) => found.push(relation),
            Self::Union(parts) | Self::Intersection(parts) => parts.iter().for_each(|part| part.computed_from(found)),
            Self::Exclusion(base, taken) => {
                base.computed_from(found);
                taken.computed_from(found);
            }
        }
    }
}

fn is_reserved(name: &str) -> bool {
    matches!(name, "self" | "this")
}
