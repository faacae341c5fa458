use crate::{
    CaveatName, CaveatUse, Fault, RelationName, Relationship, SubjectRef, Terms, TypeName,
    condition::ContextFault,
    did_you_mean,
    schema::{Allowed, AllowedSubject, Definition, Member, Relation, Schema},
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
        /// What the relationship's subject is, with its terms.
        subject: Box<Allowed>,
        /// What is allowed, as the schema lists it.
        allowed: Vec<Allowed>,
    },
    /// A value bound to the caveat is of no parameter, or does not fit its type.
    #[error("the context of caveat `{caveat}` does not fit: {fault}")]
    Context {
        /// The caveat.
        caveat: CaveatName,
        /// What does not fit, and what would be right.
        fault: Box<ContextFault>,
    },
}

/// Why a caveat cannot be used as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaveatUseFault {
    /// The schema declares no caveat of this name.
    #[error("the schema declares no caveat `{name}`{}", meant(.suggestion.as_ref()))]
    Unknown {
        /// The name.
        name: CaveatName,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// A value bound to the caveat is of no parameter, or does not fit its type.
    #[error("the context of caveat `{caveat}` does not fit: {fault}")]
    Context {
        /// The caveat.
        caveat: CaveatName,
        /// What does not fit, and what would be right.
        fault: Box<ContextFault>,
    },
}

impl CaveatUseFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "caveat_unknown",
            Self::Context { .. } => "caveat_context_invalid",
        }
    }
}

impl RelationshipFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(unknown) => unknown.code(),
            Self::Permission { .. } => "not_a_relation",
            Self::Subject { .. } => "subject_not_allowed",
            Self::Context { .. } => "caveat_context_invalid",
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

    /// Whether the relationship may be written: its names are declared, its relation allows its subject on exactly these
    /// terms, and what they bind to the caveat fits its parameters.
    ///
    /// # Errors
    /// It may not; the error says what would be right.
    pub fn check_relationship(&self, relationship: &Relationship, terms: &Terms) -> Result<(), RelationshipFault> {
        let relation = self.relation_of(relationship)?;
        let subject = allowed_as(relationship, terms);
        if !relation.allowed.contains(&subject) {
            return Err(not_allowed(relationship, relation, subject));
        }
        let Some(caveat) = &terms.caveat else {
            return Ok(());
        };
        match self.check_caveat_use(caveat) {
            Err(CaveatUseFault::Unknown { .. }) => Err(not_allowed(relationship, relation, subject)),
            Err(CaveatUseFault::Context { caveat, fault }) => Err(RelationshipFault::Context { caveat, fault }),
            Ok(()) => Ok(()),
        }
    }

    /// Whether the caveat is declared, and what is bound to it fits its parameters.
    ///
    /// # Errors
    /// It is not, or does not; the error says what would be right.
    pub fn check_caveat_use(&self, used: &CaveatUse) -> Result<(), CaveatUseFault> {
        let Some(declared) = self.caveat(used.name.as_str()) else {
            let names = self.caveats().keys().map(CaveatName::as_str);
            let suggestion = did_you_mean(used.name.as_str(), names).map(str::to_owned);
            return Err(CaveatUseFault::Unknown { name: used.name.clone(), suggestion });
        };
        let fits = declared.condition.check_context(&used.context);
        fits.map_err(|fault| CaveatUseFault::Context { caveat: used.name.clone(), fault: Box::new(fault) })
    }

    /// Whether the relationship may be deleted: its names are declared, and its relation allows its subject on some
    /// terms, and with the caveat that is named, if one is. What the caveat is bound to and when the relationship would
    /// expire plays no part.
    ///
    /// # Errors
    /// It may not; the error says what would be right.
    pub fn check_deletion(&self, relationship: &Relationship, terms: &Terms) -> Result<(), RelationshipFault> {
        let relation = self.relation_of(relationship)?;
        let subject = allowed_as(relationship, terms);
        let named = |allowed: &&Allowed| subject.caveat.is_none() || allowed.caveat == subject.caveat;
        let mut candidates = relation.allowed.iter().filter(|allowed| allowed.subject == subject.subject);
        match candidates.find(named) {
            Some(_) => Ok(()),
            None => Err(not_allowed(relationship, relation, subject)),
        }
    }

    /// The relation that a relationship is written to, once all its names are found.
    fn relation_of(&self, relationship: &Relationship) -> Result<&Relation, RelationshipFault> {
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
        Ok(relation)
    }
}

/// What a relation would have to allow for this relationship.
fn allowed_as(relationship: &Relationship, terms: &Terms) -> Allowed {
    Allowed {
        subject: AllowedSubject::from(&relationship.subject),
        caveat: terms.caveat.as_ref().map(|caveat| caveat.name.clone()),
        expires: terms.expires_at.is_some(),
    }
}

fn not_allowed(relationship: &Relationship, relation: &Relation, subject: Allowed) -> RelationshipFault {
    RelationshipFault::Subject {
        kind: relationship.resource.kind.clone(),
        relation: relation.name.clone(),
        subject: Box::new(subject),
        allowed: relation.allowed.clone(),
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

/// What was meant: the same subject on other terms, or a userset of its type where the object itself is not allowed.
fn meant_subject<'a>(subject: &Allowed, allowed: &'a [Allowed]) -> Option<&'a Allowed> {
    let same_subject = allowed.iter().find(|candidate| candidate.subject == subject.subject);
    same_subject.or_else(|| {
        let userset = |candidate: &&Allowed| {
            matches!(candidate.subject, AllowedSubject::Userset(..))
                && candidate.subject.kind() == subject.subject.kind()
        };
        matches!(subject.subject, AllowedSubject::Object(_)).then(|| allowed.iter().find(userset)).flatten()
    })
}
