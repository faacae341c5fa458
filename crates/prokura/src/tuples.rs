use prokura_model::{
    ModelId, Relationship, Terms, Timestamp,
    model::{ModelCondition, ModelType},
};

use crate::TupleChangesPlace;

/// A model to be written. Its name is made when it is.
#[derive(Clone, Debug, PartialEq)]
pub struct NewModel {
    /// As it was sent.
    pub text: String,
    /// Its types, in the order they were written.
    pub types: Vec<ModelType>,
    /// Its conditions, in the order they were written.
    pub conditions: Vec<ModelCondition>,
}

/// Relationships to be written and deleted by a model. Unlike touching, writing what is there and deleting what is not are
/// errors, unless they are to be passed over.
#[derive(Clone, Debug, PartialEq)]
pub struct TupleWrite {
    /// The model they are to fit.
    pub model: ModelId,
    /// Those that are to be there, and on which terms.
    pub writes: Vec<(Relationship, Terms)>,
    /// Those that are there on the same terms already are passed over.
    pub ignore_duplicates: bool,
    /// Those that are not to be there.
    pub deletes: Vec<Relationship>,
    /// Those that are not there are passed over.
    pub ignore_missing: bool,
}

/// A relationship that was written or deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct TupleChange {
    /// Which one.
    pub relationship: Relationship,
    /// Written, on these terms; none if it was deleted.
    pub terms: Option<Terms>,
    /// When.
    pub time: Timestamp,
}

/// What was written and deleted, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct TupleChanges {
    /// The changes. May be fewer than asked for, even none, with more to come: a page looks at a bounded part of the log.
    pub entries: Vec<TupleChange>,
    /// Where the next page begins. There may be nothing behind it yet.
    pub next: TupleChangesPlace,
}
