//! The schema language: SpiceDB's syntax, so that its users' schemas and editors work.
//!
//! Text → tokens → syntax tree → [`Schema`]. A `Schema` exists only if it type-checks.

mod diagnostic;
mod format;
mod lower;
mod parser;
mod relationship;
mod resolve;
mod syntax;
mod token;

use std::{collections::BTreeMap, fmt};

pub use diagnostic::{Diagnostic, Span};
pub use format::format;
pub use relationship::{RelationshipFault, UnknownName};

use crate::{RelationName, TypeName};

/// A checked schema: every name it uses is declared, every arrow can be walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    text: String,
    definitions: BTreeMap<TypeName, Definition>,
    warnings: Vec<Diagnostic>,
}

/// `definition document { … }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: TypeName,
    /// Its doc comment, without the comment marks.
    pub doc: Option<String>,
    /// Its relations and permissions, by name.
    pub members: BTreeMap<RelationName, Member>,
}

/// What a definition declares under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// `relation viewer: user | group#member`: edges are written to it.
    Relation(Relation),
    /// `permission view = viewer + owner`: computed.
    Permission(Permission),
}

/// `relation viewer: user | group#member`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its name.
    pub name: RelationName,
    /// Its doc comment, without the comment marks.
    pub doc: Option<String>,
    /// Which subjects may stand in it, in the order they were written.
    pub allowed: Vec<AllowedSubject>,
}

/// One of the subject types a relation allows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AllowedSubject {
    /// `user`
    Object(TypeName),
    /// `group#member`
    Userset(TypeName, RelationName),
    /// `user:*`
    Wildcard(TypeName),
}

impl Member {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &RelationName {
        match self {
            Self::Relation(relation) => &relation.name,
            Self::Permission(permission) => &permission.name,
        }
    }
}

impl AllowedSubject {
    /// The type of the subject.
    #[must_use]
    pub fn kind(&self) -> &TypeName {
        match self {
            Self::Object(kind) | Self::Userset(kind, _) | Self::Wildcard(kind) => kind,
        }
    }
}

impl fmt::Display for AllowedSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(kind) => kind.fmt(f),
            Self::Userset(kind, relation) => write!(f, "{kind}#{relation}"),
            Self::Wildcard(kind) => write!(f, "{kind}:*"),
        }
    }
}

/// `permission view = viewer + owner`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Its name.
    pub name: RelationName,
    /// Its doc comment, without the comment marks.
    pub doc: Option<String>,
    /// How it is computed.
    pub expression: Expression,
}

/// How a permission is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// `viewer`: a relation or permission of the same definition.
    Member(RelationName),
    /// `parent->view`: `view` on any object that stands in the relation `parent`.
    Arrow {
        /// The relation that is followed. Its wildcards and usersets' relations play no part: objects are followed.
        tupleset: RelationName,
        /// The relation or permission asked for on each object found. Types that do not declare it are passed over.
        target: RelationName,
    },
    /// `a + b + …`: at least one. Two operands or more.
    Union(Vec<Self>),
    /// `a & b & …`: every one. Two operands or more.
    Intersection(Vec<Self>),
    /// `a - b`: the first and not the second.
    Exclusion(Box<Self>, Box<Self>),
}

impl Schema {
    /// The schema this text declares.
    ///
    /// ```
    /// use prokura_model::Schema;
    ///
    /// let schema = Schema::parse(
    ///     "definition user {}
    ///
    ///     definition document {
    ///         relation viewer: user
    ///         permission view = viewer
    ///     }",
    /// )
    /// .map_err(|problems| format!("{problems:?}"))?;
    /// schema.check_relationship(&"document:plan#viewer@user:alice".parse()?)?;
    ///
    /// let problems = Schema::parse("definition document {\n\trelation viewer: user\n}").unwrap_err();
    /// assert_eq!(problems[0].to_string(), "2:19: the schema defines no type `user`");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The text is not a schema: everything found wrong with it, in the order of the text, never empty.
    pub fn parse(text: &str) -> Result<Self, Vec<Diagnostic>> {
        resolve::resolve(text)
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is legal and yet most likely a mistake, in the order of the text.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Its definitions, by name.
    #[must_use]
    pub fn definitions(&self) -> &BTreeMap<TypeName, Definition> {
        &self.definitions
    }

    /// The definition of this name.
    #[must_use]
    pub fn definition(&self, name: &str) -> Option<&Definition> {
        self.definitions.get(name)
    }
}

impl Definition {
    /// The relation or permission of this name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.get(name)
    }
}

#[cfg(test)]
mod tests;
