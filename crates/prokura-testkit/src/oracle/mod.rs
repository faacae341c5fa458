//! The decision procedure in the plainest way. Slow on purpose: nothing here is clever enough to be wrong in the way the
//! engine could be.
//!
//! A check computes the *whole* well-founded model for its subject: see [`Moment`]. The engine searches from the question
//! instead; that the two agree is the point.

mod approval;
mod budget;
mod cap;
mod decide;
mod guard;
mod list;
mod moment;
mod rights;
mod run;

use prokura_model::{
    ObjectRef, RelationName, Schema, SubjectRef, Timestamp, TypeName, schema::Member, schema::UnknownName,
};

pub(crate) use cap::Asked;
pub use decide::{CHAIN_LINKS, TASK_LINE};
pub(crate) use guard::missing_of;
pub(crate) use moment::Moment;
pub use rights::OWNERS_ABOVE;

use crate::{Answer, Context, Standing, World};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OracleError {
    /// Nothing can be asked before a schema is written.
    #[error("there is no schema")]
    NoSchema,
    /// The schema has no such definition, or the definition no such relation or permission.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A wildcard is related, never asked about.
    #[error("`{0}:*` cannot be asked about")]
    WildcardSubject(TypeName),
    /// It depends on its own absence.
    #[error("whether `{1}` holds on `{0}` depends on itself not holding")]
    Undecidable(ObjectRef, RelationName),
    /// It depends on a caveat that cannot be evaluated.
    #[error("whether `{1}` holds on `{0}` depends on a caveat that fails")]
    CaveatFailed(ObjectRef, RelationName),
    /// What a budget counts is no amount.
    #[error("the argument `{0}` is no amount")]
    AmountInvalid(String),
}

impl OracleError {
    /// The stable code, as the engine's.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSchema => "no_schema",
            Self::Unknown(unknown) => unknown.code(),
            Self::WildcardSubject(_) => "wildcard_subject",
            Self::Undecidable(..) => "undecidable",
            Self::CaveatFailed(..) => "caveat_failed",
            Self::AmountInvalid(_) => "amount_invalid",
        }
    }
}

impl From<OracleError> for Answer {
    fn from(error: OracleError) -> Self {
        Self::Failed(error.code().to_owned())
    }
}

/// How a check may end. There is more than one way only where the meaning leaves open which of several doubts is told.
pub(crate) type Outcomes = Vec<Result<Standing, OracleError>>;

impl World {
    /// Whether the subject has the permission on the resource, at this moment and with this context.
    #[must_use]
    pub fn check(
        &self,
        resource: &ObjectRef,
        permission: &RelationName,
        subject: &SubjectRef,
        context: &Context,
        now: Timestamp,
    ) -> Answer {
        Answer::one_of(
            self.outcomes(resource, permission, subject, context, now)
                .into_iter()
                .map(|outcome| outcome.map_or_else(Answer::from, Answer::from)),
        )
    }

    pub(crate) fn outcomes(
        &self,
        resource: &ObjectRef,
        permission: &RelationName,
        subject: &SubjectRef,
        context: &Context,
        now: Timestamp,
    ) -> Outcomes {
        let asked = self.require_member(&resource.kind, permission).and_then(|()| self.require_subject(subject));
        if let Err(error) = asked {
            return vec![Err(error)];
        }
        let moment = Moment::of(self, subject, context, now);
        moment.model(&[resource]).outcomes(&(resource.clone(), permission.clone()))
    }

    fn require_type(&self, kind: &TypeName) -> Result<(), OracleError> {
        self.schema.as_ref().ok_or(OracleError::NoSchema)?.find_definition(kind)?;
        Ok(())
    }

    fn require_member(&self, kind: &TypeName, name: &RelationName) -> Result<(), OracleError> {
        self.schema.as_ref().ok_or(OracleError::NoSchema)?.find_member(kind, name)?;
        Ok(())
    }

    fn require_subject(&self, subject: &SubjectRef) -> Result<(), OracleError> {
        match subject {
            SubjectRef::Object(object) => self.require_type(&object.kind),
            SubjectRef::Userset(object, relation) => self.require_member(&object.kind, relation),
            SubjectRef::Wildcard(kind) => Err(OracleError::WildcardSubject(kind.clone())),
        }
    }
}

pub(crate) fn member<'a>(schema: Option<&'a Schema>, object: &ObjectRef, name: &RelationName) -> Option<&'a Member> {
    schema.and_then(|schema| schema.definition(object.kind.as_str())).and_then(|found| found.member(name.as_str()))
}
