use std::collections::BTreeMap;

use prokura_engine::{
    Decision, EngineError, Everyone, FoundSubjects, Given, Index, Limits, Listing, Permissionship, Question, View,
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
            if *alive && is_stopped(view, subject) {
                view.check_names(kind, Some(permission), subject).map(|()| listed(Vec::new()))
            } else {
                let found = view.lookup_resources(kind, permission, subject, given, limits);
                match subject {
                    SubjectRef::Object(actor) if *alive => found
                        .and_then(|found| view.narrowed_resources((kind, permission), actor, found, unknown(given))),
                    _ => found,
                }
                .map(listed)
            }
        }
        Ask::LookupSubjects { resource, permission, kind, relation, alive, context, now } => {
            let given = Given { now: *now, context };
            let alive = *alive && relation.is_none();
            let left_out = if alive { stopped(view, kind) } else { Vec::new() };
            let but = view.leaving_out(&left_out);
            let found = but.lookup_subjects(resource, permission, kind, relation.as_ref(), given, limits);
            let found = found.and_then(|found| match alive {
                true => but.narrowed_subjects((resource, permission), kind, found, unknown(given)),
                false => Ok(found),
            });
            found.map(|found| subjects(&left_out, found))
        }
        Ask::Permissions { resource, subject, alive, context, now } => {
            if *alive && is_stopped(view, subject) {
                view.check_names(&resource.kind, None, subject).map(|()| listed(Vec::new()))
            } else {
                let given = Given { now: *now, context };
                let found = view.permissions(resource, subject, given, limits);
                let found = match subject {
                    SubjectRef::Object(actor) if *alive => {
                        found.and_then(|found| view.narrowed_permissions(resource, actor, found, unknown(given)))
                    }
                    _ => found,
                };
                found.map(|found| {
                    let found = found.into_iter().map(|(name, found)| (name.to_string(), standing(found)));
                    let named = found.filter(|(_, standing)| *standing != Standing::HasNot).collect();
                    Answer::Listed(List { named, ..List::default() })
                })
            }
        }
        Ask::Decide { question, now } => view.decide(&asked(question), *now, limits).map(|decision| decided(&decision)),
    };
    answered.unwrap_or_else(|error| failed(&error))
}

/// Asked by somebody of whom nobody knows how they were known.
fn unknown(given: Given<'_>) -> Listing<'_> {
    Listing { credential: None, given }
}

pub(crate) fn asked(question: &prokura_testkit::Question) -> Question {
    let prokura_testkit::Question {
        actor,
        delegation,
        permission,
        resource,
        arguments,
        context,
        credential,
        tool_schema,
    } = question.clone();
    Question { actor, delegation, permission, resource, arguments, context, credential, tool_schema }
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
fn subjects(left_out: &[ObjectId], found: FoundSubjects) -> Answer {
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
    for id in left_out {
        list.named.insert(id.as_str().to_owned(), Standing::HasNot);
    }
    let named: BTreeMap<_, _> = list.named.into_iter().filter(|(_, standing)| *standing != list.others).collect();
    Answer::Listed(List { named, others: list.others })
}

/// Who is stopped is the library's to know.
fn stopped(view: &View<'_>, kind: &TypeName) -> Vec<ObjectId> {
    let principals = view.principals();
    let own = principals.iter().map(|principal| &principal.object).filter(|object| object.kind == *kind);
    own.filter(|object| is_stopped(view, &(*object).clone().into())).map(|object| object.id.clone()).collect()
}

fn is_stopped(view: &View<'_>, subject: &SubjectRef) -> bool {
    let SubjectRef::Object(object) = subject else { return false };
    let state = |object: &ObjectRef| view.principal(object).map(|principal| principal.state);
    let Some(principal) = view.principal(object) else { return false };
    let owner = principal.owner.as_ref().and_then(state);
    principal.state != PrincipalState::Active || owner == Some(PrincipalState::OffBoarded)
}
