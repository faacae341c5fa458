use std::collections::BTreeMap;

use prokura_engine::{
    Decision, EngineError, Everyone, FoundSubjects, Given, Index, Limits, Permissionship, Question, View,
};
use prokura_model::{Change, ObjectId, ObjectRef, PrincipalState, SubjectRef, Timestamp, Transaction, TypeName};
use prokura_testkit::{Answer, Ask, Candidate, List, Standing, Verdict};

/// The engine, fed and asked like any candidate.
#[derive(Debug, Default)]
pub(crate) struct Engine {
    pub(crate) index: Index,
    pub(crate) limits: Limits,
}

impl Candidate for Engine {
    fn apply(&mut self, changes: &[Change], at: Timestamp) {
        let revision = self.index.applied().next();
        let transaction = Transaction {
            revision,
            time: at,
            author: "test".to_owned(),
            reason: String::new(),
            request_id: None,
            changes: changes.to_vec(),
        };
        self.index.apply(&transaction).expect("a generated transaction is sound");
        self.index.publish(revision);
    }

    fn answer(&self, ask: &Ask) -> Answer {
        answer(&self.index.view(), ask, &self.limits)
    }
}

/// What the view says, in the words of the test kit.
pub(crate) fn answer(view: &View<'_>, ask: &Ask, limits: &Limits) -> Answer {
    let answered = match ask {
        Ask::Check { resource, permission, subject, context, now } => {
            view.check(resource, permission, subject, Given { now: *now, context }, limits).map(checked)
        }
        Ask::LookupResources { kind, permission, subject, alive, context, now } => {
            let given = Given { now: *now, context };
            let found = view.lookup_resources(kind, permission, subject, given, limits);
            found.map(|found| listed(if *alive && is_stopped(view, subject) { Vec::new() } else { found }))
        }
        Ask::LookupSubjects { resource, permission, kind, relation, alive, context, now } => {
            let given = Given { now: *now, context };
            let found = view.lookup_subjects(resource, permission, kind, relation.as_ref(), given, limits);
            found.map(|found| subjects(view, kind, relation.is_none() && *alive, found))
        }
        Ask::Permissions { resource, subject, alive, context, now } => {
            let found = view.permissions(resource, subject, Given { now: *now, context }, limits);
            found.map(|found| {
                let stopped = *alive && is_stopped(view, subject);
                let found = found.into_iter().map(|(name, found)| (name.to_string(), standing(found)));
                let named = found.filter(|(_, standing)| !stopped && *standing != Standing::HasNot).collect();
                Answer::Listed(List { named, ..List::default() })
            })
        }
        Ask::Decide { question, now } => view.decide(&asked(question), *now, limits).map(|decision| decided(&decision)),
    };
    answered.unwrap_or_else(|error| failed(&error))
}

pub(crate) fn asked(question: &prokura_testkit::Question) -> Question {
    let prokura_testkit::Question { actor, delegation, permission, resource, context } = question.clone();
    Question { actor, delegation, permission, resource, context }
}

pub(crate) fn decided(decision: &Decision) -> Answer {
    Answer::Decided(Verdict { reason: decision.reason, at: decision.at, valid_until: decision.valid_until })
}

pub(crate) fn failed(error: &EngineError) -> Answer {
    Answer::Failed(error.code().to_owned())
}

fn checked(found: Permissionship) -> Answer {
    match standing(found) {
        Standing::Has => Answer::Has,
        Standing::HasNot => Answer::HasNot,
        Standing::Conditional(missing) => Answer::Conditional(missing),
    }
}

fn standing(found: Permissionship) -> Standing {
    match found {
        Permissionship::Has => Standing::Has,
        Permissionship::HasNot => Standing::HasNot,
        Permissionship::Conditional(missing) => Standing::Conditional(missing.into_iter().collect()),
    }
}

fn listed(found: Vec<(ObjectId, Permissionship)>) -> Answer {
    assert!(found.is_sorted_by(|one, other| one.0 < other.0), "not in order, or not each once: {found:?}");
    let named = found.into_iter().map(|(id, found)| (id.as_str().to_owned(), standing(found))).collect();
    Answer::Listed(List { named, ..List::default() })
}

/// The list as a standing for everyone there could be.
fn subjects(view: &View<'_>, kind: &TypeName, alive: bool, found: FoundSubjects) -> Answer {
    let mut list = List::default();
    if let Some(Everyone { permissionship, excluded }) = found.everyone {
        list.others = standing(permissionship);
        for (id, exclusion) in excluded {
            let left = match exclusion {
                Permissionship::Has => Standing::HasNot,
                other => standing(other),
            };
            list.named.insert(id.as_str().to_owned(), left);
        }
    }
    for (id, permissionship) in found.subjects {
        list.named.insert(id.as_str().to_owned(), standing(permissionship));
    }
    if alive {
        // Leaving out the stopped is the library's part; the engine's list is whole.
        for principal in view.principals() {
            if principal.object.kind == *kind && is_stopped(view, &principal.object.clone().into()) {
                list.named.insert(principal.object.id.as_str().to_owned(), Standing::HasNot);
            }
        }
    }
    let named: BTreeMap<_, _> = list.named.into_iter().filter(|(_, standing)| *standing != list.others).collect();
    Answer::Listed(List { named, others: list.others })
}

fn is_stopped(view: &View<'_>, subject: &SubjectRef) -> bool {
    let SubjectRef::Object(object) = subject else { return false };
    let state = |object: &ObjectRef| view.principal(object).map(|principal| principal.state);
    let Some(principal) = view.principal(object) else { return false };
    let owner = principal.owner.as_ref().and_then(state);
    principal.state != PrincipalState::Active || owner == Some(PrincipalState::OffBoarded)
}
