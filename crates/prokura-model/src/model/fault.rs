use std::fmt;

use crate::{CaveatName, Fault, RelationName, TypeName, schema::Allowed};

/// What is wrong with a model, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ModelFault {
    /// The type it is about; none for what is about the whole model or a condition.
    pub kind: Option<TypeName>,
    /// The relation of that type it is about.
    pub relation: Option<RelationName>,
    /// What is wrong.
    pub wrong: ModelWrong,
}

/// What can be wrong with a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelWrong {
    /// Two types have the name.
    #[error("there are two types of this name; a name is used once")]
    TypeTwice,
    /// Two relations of the type have the name.
    #[error("there are two relations of this name; a name is used once")]
    RelationTwice,
    /// Two conditions have the name.
    #[error("there are two conditions `{0}`; a name is used once")]
    ConditionTwice(CaveatName),
    /// Two parameters of the condition have the name.
    #[error("condition `{0}` has two parameters `{1}`; a name is used once")]
    ParameterTwice(CaveatName, String),
    /// The name means something else.
    #[error("`self` and `this` are no names: they mean something else")]
    Reserved,
    /// A union or an intersection of nothing.
    #[error("`or` and `and` combine at least one relation")]
    NoOperands,
    /// It is nested too deeply.
    #[error("nested more than {max} deep", max = crate::limits::MODEL_NESTING_MAX)]
    TooDeep,
    /// It is computed from a relation that its type does not have.
    #[error("its type has no relation `{0}`")]
    ComputedUnknown(RelationName),
    /// It follows a relation that its type does not have.
    #[error("its type has no relation `{0}` that `from` could follow")]
    TuplesetUnknown(RelationName),
    /// It follows a relation that is not only written to, or that leads to more than objects.
    #[error("`from` follows only relations that are written to, to objects and nothing else; `{0}` is not")]
    TuplesetNotDirect(RelationName),
    /// What it follows leads to no type that has what it asks for there.
    #[error("no type that `{tupleset}` leads to has a relation `{target}`")]
    TargetUnknown {
        /// What is followed.
        tupleset: RelationName,
        /// What is asked for.
        target: RelationName,
    },
    /// It can be written to, but by no type.
    #[error("it can be written to, so it says which types may be: `[user]`")]
    NothingAllowed,
    /// It cannot be written to, but says by which types.
    #[error("it is only computed, so it allows no types")]
    AllowedComputed,
    /// It allows a type, or a relation of a type, that is not there.
    #[error("it allows `{0}`, which is not in the model")]
    AllowedUnknown(Allowed),
    /// It allows the same twice.
    #[error("it allows `{0}` twice")]
    AllowedTwice(Allowed),
    /// It allows something on a condition that is not there.
    #[error("it allows `{0}` on a condition that is not in the model")]
    ConditionUnknown(Allowed),
    /// Nobody can ever stand in it.
    #[error("nobody can ever stand in it: nothing that it consists of is ever written to")]
    NoEntry,
    /// It is computed from itself.
    #[error("it is computed from itself")]
    Cycle,
    /// A parameter's type is none.
    #[error("parameter `{parameter}` of condition `{condition}`: `{found}` is not a type of a parameter")]
    ParameterType {
        /// Of which condition.
        condition: CaveatName,
        /// Which one.
        parameter: String,
        /// What stands for its type.
        found: String,
    },
    /// A condition's expression is none.
    #[error("condition `{condition}`: {detail}")]
    Expression {
        /// Which condition.
        condition: CaveatName,
        /// What is wrong with it, and where in the expression.
        detail: String,
    },
}

impl ModelFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "model_invalid"
    }

    /// Whose doing it is: always the caller's.
    #[must_use]
    pub fn fault(&self) -> Fault {
        Fault::Caller
    }

    pub(super) fn of_model(wrong: ModelWrong) -> Self {
        Self { kind: None, relation: None, wrong }
    }

    pub(super) fn of_type(kind: &TypeName, wrong: ModelWrong) -> Self {
        Self { kind: Some(kind.clone()), relation: None, wrong }
    }

    pub(super) fn of_relation(kind: &TypeName, relation: &RelationName, wrong: ModelWrong) -> Self {
        Self { kind: Some(kind.clone()), relation: Some(relation.clone()), wrong }
    }
}

impl fmt::Display for ModelFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.kind, &self.relation) {
            (Some(kind), Some(relation)) => write!(f, "relation `{relation}` of type `{kind}`: {}", self.wrong),
            (Some(kind), None) => write!(f, "type `{kind}`: {}", self.wrong),
            (None, _) => self.wrong.fmt(f),
        }
    }
}
