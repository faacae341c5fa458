use crate::{
    Fault, RelationName, Relationship, SubjectRef, TypeName, did_you_mean,
    schema::{AllowedSubject, Definition, Member, Relation, Schema},
    suggest::listed,
};

/// A name that the schema does not declare.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownName {
    /// No definition has this name.
    #[error("{}{}", self.bare_message(), meant(self.suggestion()))]
    Type {
        /// The name.
        name: TypeName,
        /// What was probably meant.
        suggestion: Option<TypeName>,
    },
    /// The definition declares no relation or permission of this name.
    #[error("{}{}", self.bare_message(), meant(self.suggestion()))]
    Member {
        /// The definition.
        kind: TypeName,
        /// The name.
        name: RelationName,
        /// What was probably meant.
        suggestion: Option<RelationName>,
    },
}

impl UnknownName {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Type { .. } => "type_unknown",
            Self::Member { .. } => "member_unknown",
        }
    }

    /// Whose doing it is: always the caller's.
    #[must_use]
    pub fn fault(&self) -> Fault {
        Fault::Caller
    }

    /// What was probably meant.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        match self {
            Self::Type { suggestion, .. } => suggestion.as_ref().map(TypeName::as_str),
            Self::Member { suggestion, .. } => suggestion.as_ref().map(RelationName::as_str),
        }
    }

    /// The message without the suggestion.
    pub(super) fn bare_message(&self) -> String {
        match self {
            Self::Type { name, .. } => format!("the schema defines no type `{name}`"),
            Self::Member { kind, name, .. } => format!("type `{kind}` has no relation or permission `{name}`"),
        }
    }
}

/// Why a relationship does not fit the schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelationshipFault {
    /// It uses a name that the schema does not declare.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// It names a permission where a relation must stand.
    #[error(
        "`{name}` is a permission of `{kind}`: permissions are computed, relationships are written to relations{}",
        meant(.suggestion.as_ref())
    )]
    Permission {
        /// The definition.
        kind: TypeName,
        /// The permission.
        name: RelationName,
        /// What was probably meant.
        suggestion: Option<RelationName>,
    },
    /// The relation does not allow such a subject.
    #[error("`{kind}#{relation}` allows {}, not `{subject}`{}", listed(.allowed.iter()), meant(meant_subject(.subject, .allowed)))]
    Subject {
        /// The definition.
        kind: TypeName,
        /// The relation.
        relation: RelationName,
        /// What the relationship's subject is.
        subject: AllowedSubject,
        /// What is allowed, as the schema lists it.
        allowed: Vec<AllowedSubject>,
    },
}

impl RelationshipFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(unknown) => unknown.code(),
            Self::Permission { .. } => "not_a_relation",
            Self::Subject { .. } => "subject_not_allowed",
        }
    }

    /// Whose doing it is: always the caller's.
    #[must_use]
    pub fn fault(&self) -> Fault {
        Fault::Caller
    }
}

impl Schema {
    /// The definition of this name.
    ///
    /// # Errors
    /// There is none; the error suggests one.
    pub fn find_definition(&self, kind: &TypeName) -> Result<&Definition, UnknownName> {
        self.definition(kind.as_str()).ok_or_else(|| {
            let names = self.definitions().keys().map(TypeName::as_str);
            let suggestion = did_you_mean(kind.as_str(), names).and_then(|name| TypeName::new(name).ok());
            UnknownName::Type { name: kind.clone(), suggestion }
        })
    }

    /// The relation or permission of this name.
    ///
    /// # Errors
    /// There is no such type, or it has no such member; the error suggests one.
    pub fn find_member(&self, kind: &TypeName, name: &RelationName) -> Result<&Member, UnknownName> {
        let definition = self.find_definition(kind)?;
        definition.member(name.as_str()).ok_or_else(|| UnknownName::Member {
            kind: kind.clone(),
            name: name.clone(),
            suggestion: closest(name, definition.members.keys()),
        })
    }

    /// The relation or permission of this name, for use in the definition of a permission: to that very permission no
    /// mistake leads.
    pub(crate) fn find_member_within(
        &self,
        kind: &TypeName,
        name: &RelationName,
        defined: &RelationName,
    ) -> Result<&Member, UnknownName> {
        self.find_member(kind, name).map_err(|unknown| match unknown {
            UnknownName::Member { kind, name, suggestion: Some(suggestion) } if suggestion == *defined => {
                let others =
                    self.definition(kind.as_str()).into_iter().flat_map(|definition| definition.members.keys());
                let suggestion = closest(&name, others.filter(|other| *other != defined));
                UnknownName::Member { kind, name, suggestion }
            }
            other => other,
        })
    }

    /// Whether the relationship may be written: its names are declared, and its relation allows its subject.
    ///
    /// # Errors
    /// It may not; the error says what would be right.
    pub fn check_relationship(&self, relationship: &Relationship) -> Result<(), RelationshipFault> {
        let kind = &relationship.resource.kind;
        let relation = match self.find_member(kind, &relationship.relation)? {
            Member::Relation(relation) => relation,
            Member::Permission(permission) => {
                let relations = self.find_definition(kind)?.relations().map(|relation| &relation.name);
                return Err(RelationshipFault::Permission {
                    kind: kind.clone(),
                    name: permission.name.clone(),
                    suggestion: closest(&permission.name, relations),
                });
            }
        };
        self.find_definition(relationship.subject.kind())?;
        if let SubjectRef::Userset(object, relation) = &relationship.subject {
            self.find_member(&object.kind, relation)?;
        }
        let subject = AllowedSubject::from(&relationship.subject);
        if relation.allowed.contains(&subject) {
            return Ok(());
        }
        Err(RelationshipFault::Subject {
            kind: kind.clone(),
            relation: relation.name.clone(),
            subject,
            allowed: relation.allowed.clone(),
        })
    }
}

impl Definition {
    /// Its relations, by name.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.members.values().filter_map(|member| match member {
            Member::Relation(relation) => Some(relation),
            Member::Permission(_) => None,
        })
    }
}

/// What a relation would have to allow for this subject to stand in it.
impl From<&SubjectRef> for AllowedSubject {
    fn from(subject: &SubjectRef) -> Self {
        match subject {
            SubjectRef::Object(object) => Self::Object(object.kind.clone()),
            SubjectRef::Userset(object, relation) => Self::Userset(object.kind.clone(), relation.clone()),
            SubjectRef::Wildcard(kind) => Self::Wildcard(kind.clone()),
        }
    }
}

fn closest<'c>(name: &RelationName, candidates: impl Iterator<Item = &'c RelationName>) -> Option<RelationName> {
    did_you_mean(name.as_str(), candidates.map(RelationName::as_str)).and_then(|name| RelationName::new(name).ok())
}

fn meant<T: std::fmt::Display + ?Sized>(suggestion: Option<&T>) -> String {
    suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// The userset that was meant, when the object itself is not allowed but a userset of its type is.
fn meant_subject<'a>(subject: &AllowedSubject, allowed: &'a [AllowedSubject]) -> Option<&'a AllowedSubject> {
    let userset = |candidate: &&AllowedSubject| {
        matches!(candidate, AllowedSubject::Userset(..)) && candidate.kind() == subject.kind()
    };
    matches!(subject, AllowedSubject::Object(_)).then(|| allowed.iter().find(userset)).flatten()
}
