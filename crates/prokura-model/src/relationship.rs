use std::fmt;

use minicbor::{Decode, Encode};

use crate::{NameError, ObjectId, RelationName, TypeName};

/// A node of the graph. As text: `type:id`, the id quoted where SpiceDB's alphabet does not hold it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ObjectRef {
    /// The definition it is of.
    #[n(0)]
    pub kind: TypeName,
    /// Which one.
    #[n(1)]
    pub id: ObjectId,
}

impl ObjectRef {
    /// The object of these names, checked.
    ///
    /// # Errors
    /// One of the two is not legal.
    pub fn new(kind: impl AsRef<str>, id: impl AsRef<str>) -> Result<Self, NameError> {
        Ok(Self { kind: TypeName::new(kind)?, id: ObjectId::new(id)? })
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.id)
    }
}

/// What may stand at the subject end of a relationship.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum SubjectRef {
    /// `user:alice`
    #[n(0)]
    Object(#[n(0)] ObjectRef),
    /// `group:eng#member`: everyone who is `member` of the group
    #[n(1)]
    Userset(#[n(0)] ObjectRef, #[n(1)] RelationName),
    /// `user:*`: every object of the type. Never what is asked about, only what is related.
    #[n(2)]
    Wildcard(#[n(0)] TypeName),
}

impl SubjectRef {
    /// The subject's type.
    #[must_use]
    pub fn kind(&self) -> &TypeName {
        match self {
            Self::Object(object) | Self::Userset(object, _) => &object.kind,
            Self::Wildcard(kind) => kind,
        }
    }
}

impl From<ObjectRef> for SubjectRef {
    fn from(object: ObjectRef) -> Self {
        Self::Object(object)
    }
}

impl fmt::Display for SubjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(object) => object.fmt(f),
            Self::Userset(object, relation) => write!(f, "{object}#{relation}"),
            Self::Wildcard(kind) => write!(f, "{kind}:*"),
        }
    }
}

/// An edge: `resource # relation @ subject`. SpiceDB's text form, ids quoted where its alphabet does not hold them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Relationship {
    /// The object something is said about.
    #[n(0)]
    pub resource: ObjectRef,
    /// A relation (never a permission) of its definition.
    #[n(1)]
    pub relation: RelationName,
    /// Who or what stands in that relation.
    #[n(2)]
    pub subject: SubjectRef,
}

impl fmt::Display for Relationship {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}@{}", self.resource, self.relation, self.subject)
    }
}

/// Which relationships are meant. An absent member matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelationshipFilter {
    /// Of resources of this type.
    pub resource_type: Option<TypeName>,
    /// Of resources with this id.
    pub resource_id: Option<ObjectId>,
    /// In this relation.
    pub relation: Option<RelationName>,
    /// With subjects of this type.
    pub subject_type: Option<TypeName>,
    /// With subjects of this id (never a wildcard).
    pub subject_id: Option<ObjectId>,
    /// With usersets of this relation.
    pub subject_relation: Option<RelationName>,
}

impl RelationshipFilter {
    /// Whether the relationship is meant.
    #[must_use]
    pub fn matches(&self, relationship: &Relationship) -> bool {
        fn same<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none_or(|wanted| found == Some(wanted))
        }
        let (subject_id, subject_relation) = match &relationship.subject {
            SubjectRef::Object(object) => (Some(&object.id), None),
            SubjectRef::Userset(object, relation) => (Some(&object.id), Some(relation)),
            SubjectRef::Wildcard(_) => (None, None),
        };
        same(self.resource_type.as_ref(), Some(&relationship.resource.kind))
            && same(self.resource_id.as_ref(), Some(&relationship.resource.id))
            && same(self.relation.as_ref(), Some(&relationship.relation))
            && same(self.subject_type.as_ref(), Some(relationship.subject.kind()))
            && same(self.subject_id.as_ref(), subject_id)
            && same(self.subject_relation.as_ref(), subject_relation)
    }
}
