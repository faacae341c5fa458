//! What the workloads are about: relationships, questions about them, and the slow evaluators that know the answers.

pub(crate) mod agents;
pub(crate) mod deep;
pub(crate) mod docs;
pub(crate) mod lists;
pub(crate) mod reference;

use prokura_model::{NameError, ObjectId, ObjectRef, RelationName, Relationship, SubjectRef, TypeName};

use super::random::{Random, zipf};

/// What is loaded before anything is asked.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) schema: &'static str,
    /// Each once.
    pub(crate) relationships: Vec<Relationship>,
}

/// May the subject do that to the resource? And what is right.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) resource: ObjectRef,
    pub(crate) permission: RelationName,
    pub(crate) subject: ObjectRef,
    pub(crate) allowed: bool,
}

/// The same questions, a few of them over and over: the first is asked twice as often as the second.
pub(crate) fn skewed(checks: &[Check]) -> Vec<Check> {
    let drawn = zipf(&mut Random::new(0x21bf), checks.len(), checks.len());
    drawn.into_iter().filter_map(|place| checks.get(place).cloned()).collect()
}

/// The names of the schema of documents, made once.
pub(crate) struct Names {
    pub(crate) user: TypeName,
    group: TypeName,
    folder: TypeName,
    pub(crate) document: TypeName,
    pub(crate) member: RelationName,
    pub(crate) parent: RelationName,
    pub(crate) viewer: RelationName,
    pub(crate) view: RelationName,
}

impl Names {
    pub(crate) fn new() -> Result<Self, NameError> {
        Ok(Self {
            user: TypeName::new("user")?,
            group: TypeName::new("group")?,
            folder: TypeName::new("folder")?,
            document: TypeName::new("document")?,
            member: RelationName::new("member")?,
            parent: RelationName::new("parent")?,
            viewer: RelationName::new("viewer")?,
            view: RelationName::new("view")?,
        })
    }

    pub(crate) fn user(&self, id: &str) -> Result<ObjectRef, NameError> {
        object(&self.user, id)
    }

    pub(crate) fn group(&self, id: &str) -> Result<ObjectRef, NameError> {
        object(&self.group, id)
    }

    pub(crate) fn folder(&self, id: &str) -> Result<ObjectRef, NameError> {
        object(&self.folder, id)
    }

    pub(crate) fn document(&self, id: &str) -> Result<ObjectRef, NameError> {
        object(&self.document, id)
    }

    pub(crate) fn members_of(&self, group: &str) -> Result<SubjectRef, NameError> {
        Ok(SubjectRef::Userset(self.group(group)?, self.member.clone()))
    }
}

fn object(kind: &TypeName, id: &str) -> Result<ObjectRef, NameError> {
    Ok(ObjectRef { kind: kind.clone(), id: ObjectId::new(id)? })
}

pub(crate) fn edge(resource: ObjectRef, relation: &RelationName, subject: impl Into<SubjectRef>) -> Relationship {
    Relationship { resource, relation: relation.clone(), subject: subject.into() }
}
