use prokura_model::{RelationName, TypeName, schema::CaveatUseFault};

/// Why a cap would not carry what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CapFault {
    /// The condition of a clause is none.
    #[error(transparent)]
    Condition(#[from] CaveatUseFault),
    /// A query walks up something that is not written.
    #[error(
        "`{name}` is a permission of `{kind}`, and `by` names a relation: permissions are computed, and lead nowhere"
    )]
    NotARelation {
        /// The definition.
        kind: TypeName,
        /// The permission.
        name: RelationName,
    },
}

impl CapFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Condition(fault) => fault.code(),
            Self::NotARelation { .. } => "not_a_relation",
        }
    }
}
