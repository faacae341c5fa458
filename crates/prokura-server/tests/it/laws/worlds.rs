//! Random worlds as the doors take them.

use std::collections::BTreeSet;

use prokura::{Authority, Clock, Options};
use prokura_model::{Change, ObjectRef, Principal, Relationship, SubjectRef, Timestamp, TypeName};
use prokura_server::Config;
use prokura_testkit::{Ask, World, generate::Case};

use crate::support::Setup;

/// The moment around which the generator makes everything happen.
pub(crate) const NOON: Timestamp = Timestamp(1_800_000_000_000);

/// A server at whose door it is always noon.
pub(crate) async fn served() -> Setup {
    let authority = Authority::in_memory(Options { clock: Clock::new(|| NOON), ..Options::default() });
    Setup::over(authority, Config::default()).await
}

/// The transactions without what no list depends on.
pub(crate) fn kept(transactions: &[Vec<Change>], plain: bool) -> Vec<Vec<Change>> {
    let one = |change: &Change| {
        let object = |object: &ObjectRef| if plain { plainly(object) } else { object.clone() };
        Some(match change {
            Change::SchemaWritten(_) => change.clone(),
            Change::RelationshipTouched(edge, terms) => Change::RelationshipTouched(about(edge, object), terms.clone()),
            Change::RelationshipDeleted(edge) => Change::RelationshipDeleted(about(edge, object)),
            Change::PrincipalSet(principal) => Change::PrincipalSet(Principal {
                object: object(&principal.object),
                owner: principal.owner.as_ref().map(object),
                ..principal.clone()
            }),
            Change::PrincipalRemoved(principal) => Change::PrincipalRemoved(object(principal)),
            _ => return None,
        })
    };
    transactions.iter().flat_map(|changes| apart(changes.iter().filter_map(one))).collect()
}

/// Few transactions that say nothing twice about a relationship, and one for each principal: the generator makes some that a
/// writer refuses. A schema begins one.
fn apart(changes: impl Iterator<Item = Change>) -> Vec<Vec<Change>> {
    let (mut parts, mut principals, mut said) = (vec![Vec::new()], Vec::new(), BTreeSet::new());
    for change in changes {
        if is_about_a_principal(&change) {
            principals.push(vec![change]);
            continue;
        }
        let edge = match &change {
            Change::RelationshipTouched(edge, _) | Change::RelationshipDeleted(edge) => Some(edge.clone()),
            _ => None,
        };
        if edge.as_ref().is_none_or(|edge| said.contains(edge)) {
            parts.push(Vec::new());
            said.clear();
        }
        said.extend(edge);
        parts.last_mut().unwrap().push(change);
    }
    parts.retain(|changes| !changes.is_empty());
    parts.extend(principals);
    parts
}

pub(crate) fn is_about_a_principal(change: &Change) -> bool {
    matches!(change, Change::PrincipalSet(_) | Change::PrincipalRemoved(_))
}

fn about(edge: &Relationship, object: impl Fn(&ObjectRef) -> ObjectRef) -> Relationship {
    Relationship {
        resource: object(&edge.resource),
        relation: edge.relation.clone(),
        subject: subject(&edge.subject, object),
    }
}

fn subject(found: &SubjectRef, object: impl Fn(&ObjectRef) -> ObjectRef) -> SubjectRef {
    match found {
        SubjectRef::Object(found) => SubjectRef::Object(object(found)),
        SubjectRef::Userset(found, relation) => SubjectRef::Userset(object(found), relation.clone()),
        SubjectRef::Wildcard(kind) => SubjectRef::Wildcard(kind.clone()),
    }
}

/// An object whose id needs no quotes, another for each.
fn plainly(object: &ObjectRef) -> ObjectRef {
    if object.id.is_bare() {
        return object.clone();
    }
    let id = object.id.as_str().bytes().fold("x-".to_owned(), |text, byte| format!("{text}{byte:02x}"));
    ObjectRef::new(object.kind.as_str(), &id).unwrap()
}

/// Both lists about whatever a case asks for one thing about, because that leans towards what somebody may do.
pub(crate) fn questions(case: &Case, plain: bool) -> Vec<Ask> {
    let object = |object: &ObjectRef| if plain { plainly(object) } else { object.clone() };
    let mut all = Vec::new();
    for ask in &case.asks {
        let context = ask.context().clone();
        let (resource, permission, who) = match ask {
            Ask::Check { resource, permission, subject, .. } => (resource.clone(), permission, subject.clone()),
            Ask::Decide { question, .. } => {
                (question.resource.clone(), &question.permission, question.actor.clone().into())
            }
            Ask::LookupResources { kind, permission, subject, .. } => {
                (ObjectRef::new(kind.as_str(), NOBODY).unwrap(), permission, subject.clone())
            }
            Ask::LookupSubjects { resource, permission, kind, relation, .. } => {
                let somebody = ObjectRef::new(kind.as_str(), NOBODY).unwrap();
                let who = match relation {
                    Some(relation) => SubjectRef::Userset(somebody, relation.clone()),
                    None => SubjectRef::Object(somebody),
                };
                (resource.clone(), permission, who)
            }
            Ask::Permissions { .. } => continue,
        };
        let (resource, permission, subject) = (object(&resource), permission.clone(), subject(&who, object));
        let relation = match &subject {
            SubjectRef::Userset(_, relation) => Some(relation.clone()),
            SubjectRef::Object(_) | SubjectRef::Wildcard(_) => None,
        };
        let (kind, of, now, alive) = (resource.kind.clone(), subject.kind().clone(), NOON, true);
        all.push(Ask::LookupSubjects {
            resource,
            permission: permission.clone(),
            kind: of,
            relation,
            alive,
            context: context.clone(),
            now,
        });
        all.push(Ask::LookupResources { kind, permission, subject, alive, context, now });
    }
    all
}

const NOBODY: &str = "nobody_there";

/// Every object of the type that any edge or entry names, and one that none does.
pub(crate) fn objects(world: &World, kind: &TypeName, asked: Option<&ObjectRef>) -> BTreeSet<ObjectRef> {
    let mut found = BTreeSet::from([ObjectRef::new(kind.as_str(), NOBODY).unwrap()]);
    // A userset is in itself, whether or not a relationship names its object.
    found.extend(asked.cloned());
    for edge in world.relationships.keys() {
        found.insert(edge.resource.clone());
        if let SubjectRef::Object(object) | SubjectRef::Userset(object, _) = &edge.subject {
            found.insert(object.clone());
        }
    }
    found.extend(world.principals.keys().cloned());
    found.retain(|object| object.kind == *kind);
    found
}
