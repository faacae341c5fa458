use std::{collections::BTreeMap, sync::Arc};

use prokura_model::{
    Delegation, DelegationId, ObjectRef, Principal, RelationName, Relationship, RelationshipFilter, Revision, Schema,
    SubjectRef, Task, TaskId, Value,
};

use crate::{EngineError, Explanation, Index, Limits};

/// The state at one revision. Everything it answers is a function of that state and the arguments.
///
/// Good as long as its revision is not behind the index's horizon: what is asked of it later is an error.
#[derive(Clone, Copy, Debug)]
pub struct View<'i> {
    index: &'i Index,
    revision: Revision,
}

/// Whether a subject has a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permissionship {
    /// It has.
    Has,
    /// It has not.
    HasNot,
}

/// A page of relationships, each with the revision that made it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The relationships, in ascending order.
    pub relationships: Vec<(Relationship, Revision)>,
    /// Where the next page begins: after this one. None if there is no more.
    pub next: Option<Relationship>,
}

impl<'i> View<'i> {
    pub(crate) fn new(index: &'i Index, revision: Revision) -> Self {
        Self { index, revision }
    }

    /// Whose state it is.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> Option<Arc<Schema>> {
        let _ = self.index;
        None
    }

    /// The revision that wrote the schema.
    #[must_use]
    pub fn schema_birth(&self) -> Option<Revision> {
        None
    }

    /// Whether the subject has the permission (or stands in the relation) on the resource.
    ///
    /// # Errors
    /// It cannot be said: a name is unknown, a limit is reached, or the permission depends on its own absence.
    pub fn check(
        &self,
        _resource: &ObjectRef,
        _permission: &RelationName,
        _subject: &SubjectRef,
        _limits: &Limits,
    ) -> Result<Permissionship, EngineError> {
        Err(EngineError::NoSchema)
    }

    /// The same answer as [`check`](Self::check), and why.
    ///
    /// # Errors
    /// As `check`.
    pub fn explain(
        &self,
        _resource: &ObjectRef,
        _permission: &RelationName,
        _subject: &SubjectRef,
        _limits: &Limits,
    ) -> Result<Explanation, EngineError> {
        Err(EngineError::NoSchema)
    }

    /// The relationships that the filter means, ascending, at most `limit` of them, beginning after `after`.
    ///
    /// # Errors
    /// The view's revision is no longer kept.
    pub fn relationships(
        &self,
        _filter: &RelationshipFilter,
        _after: Option<&Relationship>,
        _limit: usize,
    ) -> Result<Page, EngineError> {
        Ok(Page::default())
    }

    /// The revision that made the relationship, if it exists.
    #[must_use]
    pub fn birth(&self, _: &Relationship) -> Option<Revision> {
        None
    }

    /// The principal, if it is registered.
    #[must_use]
    pub fn principal(&self, _: &ObjectRef) -> Option<Arc<Principal>> {
        None
    }

    /// Every registered principal, by object.
    #[must_use]
    pub fn principals(&self) -> Vec<Arc<Principal>> {
        Vec::new()
    }

    /// The task.
    #[must_use]
    pub fn task(&self, _: &TaskId) -> Option<Arc<Task>> {
        None
    }

    /// Every task, by id.
    #[must_use]
    pub fn tasks(&self) -> Vec<Arc<Task>> {
        Vec::new()
    }

    /// The delegation.
    #[must_use]
    pub fn delegation(&self, _: &DelegationId) -> Option<Arc<Delegation>> {
        None
    }

    /// Every delegation, by id.
    #[must_use]
    pub fn delegations(&self) -> Vec<Arc<Delegation>> {
        Vec::new()
    }

    /// The attributes of the object; none if it has none.
    #[must_use]
    pub fn attributes(&self, _: &ObjectRef) -> Option<Arc<BTreeMap<String, Value>>> {
        None
    }

    /// Every object that has attributes, and its attributes, by object.
    #[must_use]
    pub fn all_attributes(&self) -> Vec<(ObjectRef, Arc<BTreeMap<String, Value>>)> {
        Vec::new()
    }
}
