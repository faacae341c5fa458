use std::{collections::BTreeMap, fmt};

use minicbor::{Decode, Encode};

use crate::{CaveatName, NameError, ObjectId, RelationName, Timestamp, TypeName, Value};

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
        f.write_str(self.kind.as_str())?;
        f.write_str(":")?;
        self.id.fmt(f)
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

/// On which terms a relationship holds: those without any hold for good, until they are deleted.
///
/// Terms are no part of what a relationship *is*: there is one relationship for each resource, relation and subject, and
/// touching it again with other terms replaces them.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Terms {
    /// Only while this caveat holds.
    #[n(0)]
    pub caveat: Option<CaveatUse>,
    /// Only before this moment.
    #[n(1)]
    pub expires_at: Option<Timestamp>,
}

/// A caveat as a relationship uses it: which one, and with which of its parameters bound already.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct CaveatUse {
    /// Which caveat of the schema.
    #[n(0)]
    pub name: CaveatName,
    /// Values for its parameters. They win over what the question brings.
    #[n(1)]
    pub context: BTreeMap<String, Value>,
}

impl Terms {
    /// Whether the relationship holds for good.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.caveat.is_none() && self.expires_at.is_none()
    }

    /// Whether it is over at this moment. A moment from which something is over counts as over.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }
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
    /// Of resources whose id begins so.
    pub resource_id_prefix: Option<String>,
    /// In this relation.
    pub relation: Option<RelationName>,
    /// With subjects of this type.
    pub subject_type: Option<TypeName>,
    /// With subjects of this id.
    pub subject_id: Option<SubjectIdFilter>,
    /// With subjects of this relation, or with none.
    pub subject_relation: Option<SubjectRelationFilter>,
    /// With this caveat.
    pub caveat: Option<CaveatName>,
    /// With an expiry, or without one.
    pub expires: Option<bool>,
}

/// Which subjects are meant, by their id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectIdFilter {
    /// Objects and usersets with this id.
    Object(ObjectId),
    /// The wildcard.
    Wildcard,
}

/// Which subjects are meant, by their relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectRelationFilter {
    /// Objects and wildcards, which have none.
    Absent,
    /// Usersets of this relation.
    Named(RelationName),
}

impl fmt::Display for SubjectIdFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(id) => id.fmt(f),
            Self::Wildcard => f.write_str("*"),
        }
    }
}

impl fmt::Display for SubjectRelationFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("..."),
            Self::Named(relation) => relation.fmt(f),
        }
    }
}

impl RelationshipFilter {
    /// Whether the relationship is meant, when it holds on these terms.
    #[must_use]
    pub fn matches(&self, relationship: &Relationship, terms: &Terms) -> bool {
        fn same<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none_or(|wanted| found == Some(wanted))
        }
        let resource = &relationship.resource;
        let begins = |prefix: &String| resource.id.as_str().starts_with(prefix.as_str());
        same(self.resource_type.as_ref(), Some(&resource.kind))
            && same(self.resource_id.as_ref(), Some(&resource.id))
            && self.resource_id_prefix.as_ref().is_none_or(begins)
            && same(self.relation.as_ref(), Some(&relationship.relation))
            && self.matches_subject(&relationship.subject)
            && same(self.caveat.as_ref(), terms.caveat.as_ref().map(|caveat| &caveat.name))
            && self.expires.is_none_or(|expires| expires == terms.expires_at.is_some())
    }

    /// Whether relationships with this subject may be meant.
    #[must_use]
    pub fn matches_subject(&self, subject: &SubjectRef) -> bool {
        let (id, relation) = match subject {
            SubjectRef::Object(object) => (Some(&object.id), None),
            SubjectRef::Userset(object, relation) => (Some(&object.id), Some(relation)),
            SubjectRef::Wildcard(_) => (None, None),
        };
        let same_id = match &self.subject_id {
            None => true,
            Some(SubjectIdFilter::Object(wanted)) => id == Some(wanted),
            Some(SubjectIdFilter::Wildcard) => id.is_none(),
        };
        let same_relation = match &self.subject_relation {
            None => true,
            Some(SubjectRelationFilter::Absent) => relation.is_none(),
            Some(SubjectRelationFilter::Named(wanted)) => relation == Some(wanted),
        };
        same_id && same_relation && self.subject_type.as_ref().is_none_or(|wanted| wanted == subject.kind())
    }
}

#[cfg(test)]
mod tests;
