//! The schema language: SpiceDB's syntax, so that its users' schemas and editors work.
//!
//! Text → tokens → syntax tree → [`Schema`]. A `Schema` exists only if it type-checks.

mod access;
mod authority;
mod canonical;
mod diagnostic;
mod diff;
mod format;
mod guard;
mod import;
mod lower;
mod parser;
mod reach;
mod relationship;
mod resolve;
mod spicedb;
mod syntax;
mod token;
mod told;
mod turning;
mod warnings;

use std::{collections::BTreeMap, fmt};

pub use access::{AccessAnswer, AccessItem, TICKET};
pub use authority::AuthorityOver;
pub use canonical::canonical;
pub use diagnostic::{Diagnostic, Span};
pub use diff::{Difference, diff};
pub use format::format;
pub use guard::{Clause, Guard, Parameters};
pub use import::{ReadFile, flatten};
pub use reach::Reach;
pub use relationship::{CaveatUseFault, RelationshipFault, UnknownName};
pub use spicedb::{SpicedbRefusal, SpicedbRefusalKind, spicedb_refusal};

use crate::{
    CaveatName, GuardName, RelationName, TypeName,
    condition::{Condition, ParameterType},
};

/// A checked schema: every name it uses is declared, every arrow can be walked.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    text: String,
    definitions: BTreeMap<TypeName, Definition>,
    caveats: BTreeMap<CaveatName, Caveat>,
    access: Vec<AccessItem>,
    authorities: BTreeMap<TypeName, AuthorityOver>,
    guards: BTreeMap<GuardName, Guard>,
    warnings: Vec<Diagnostic>,
}

/// `caveat only_on(day string) { day == "monday" }`
#[derive(Clone, Debug, PartialEq)]
pub struct Caveat {
    /// Its name.
    pub name: CaveatName,
    /// Its doc comment, without the comment marks.
    pub doc: Option<String>,
    /// Its parameters, in the order they were written.
    pub parameters: Vec<(String, ParameterType)>,
    /// Its expression, as it was written.
    pub expression: String,
    /// The expression, checked against the parameters and ready to be evaluated.
    pub condition: Condition,
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
    /// The attributes that an object of it may have and guards may read, by name. None in other languages.
    pub attributes: BTreeMap<String, ParameterType>,
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
    pub allowed: Vec<Allowed>,
    /// How it is computed, where it is that too, as relations of OpenFGA's language may be:
    /// [`Expression::Direct`] stands for the edges written to it. None in this schema language.
    pub computed: Option<Expression>,
}

/// `user`, `group#member with caveat` or `user:* with expiration`: which subjects a relation allows, and on which terms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Allowed {
    /// Which subjects.
    pub subject: AllowedSubject,
    /// With this caveat, and never without; none means without a caveat.
    pub caveat: Option<CaveatName>,
    /// With an expiry, and never without; otherwise without one.
    pub expires: bool,
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

impl Allowed {
    /// Without terms.
    #[must_use]
    pub fn plain(subject: AllowedSubject) -> Self {
        Self { subject, caveat: None, expires: false }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.subject.fmt(f)?;
        match (&self.caveat, self.expires) {
            (None, false) => Ok(()),
            (Some(caveat), false) => write!(f, " with {caveat}"),
            (None, true) => f.write_str(" with expiration"),
            (Some(caveat), true) => write!(f, " with {caveat} and expiration"),
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
    /// The types of subject that may have it, where the schema says: `permission view: user = viewer`.
    pub types: Option<Vec<TypeName>>,
    /// How it is computed.
    pub expression: Expression,
}

/// What an arrow asks of the objects it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantifier {
    /// `parent->view` and `parent.any(view)`: at least one of them has it.
    Any,
    /// `parent.all(view)`: there is at least one, and every one has it.
    All,
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
        /// The relation or permission asked for on each object found. Types that do not declare it are passed over
        /// (with [`Quantifier::All`], they do not have it).
        target: RelationName,
        /// Whether one of them is enough.
        quantifier: Quantifier,
    },
    /// `self`: the object itself, as a subject.
    Itself,
    /// `nil`: nobody.
    Nil,
    /// The edges written to the relation that is [computed](Relation::computed) so. Not in this schema language.
    Direct,
    /// `a + b + …`: at least one. Two operands or more.
    Union(Vec<Self>),
    /// `a & b & …`: every one. Two operands or more.
    Intersection(Vec<Self>),
    /// `a - b`: the first and not the second. `a - b - c` is `(a - b) - c`.
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
    /// schema.check_relationship(&"document:plan#viewer@user:alice".parse()?, &prokura_model::Terms::default())?;
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

    /// Its caveats, by name.
    #[must_use]
    pub fn caveats(&self) -> &BTreeMap<CaveatName, Caveat> {
        &self.caveats
    }

    /// The caveat of this name.
    #[must_use]
    pub fn caveat(&self, name: &str) -> Option<&Caveat> {
        self.caveats.get(name)
    }

    /// What can be asked for, in the order of the text.
    #[must_use]
    pub fn access(&self) -> &[AccessItem] {
        &self.access
    }

    /// Who may create, see and revoke links of others, by the type of those others.
    #[must_use]
    pub fn authorities(&self) -> &BTreeMap<TypeName, AuthorityOver> {
        &self.authorities
    }

    /// Its guards, by name.
    #[must_use]
    pub fn guards(&self) -> &BTreeMap<GuardName, Guard> {
        &self.guards
    }

    /// A schema that was written in another language, such as a model of OpenFGA; `text` is what it was written as.
    /// Whoever makes it has checked it.
    #[must_use]
    pub fn from_other_language(
        text: String,
        definitions: BTreeMap<TypeName, Definition>,
        caveats: BTreeMap<CaveatName, Caveat>,
    ) -> Self {
        Self {
            text,
            definitions,
            caveats,
            access: Vec::new(),
            authorities: BTreeMap::new(),
            guards: BTreeMap::new(),
            warnings: Vec::new(),
        }
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
pub(crate) mod tests;
