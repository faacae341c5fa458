use std::{collections::BTreeMap, sync::Arc};

use prokura_engine::{Explanation, Permissionship};
use prokura_model::{
    Delegation, DelegationId, ObjectRef, Principal, RelationName, Relationship, RelationshipFilter, Revision, Schema,
    SubjectRef, Task, TaskId, TaskState, TenantName, Value,
};

use crate::{AskError, Listed, Page};

/// A tenant's state at one revision. It can only be asked, and never changes.
///
/// What a decision depends on besides (suspension, tasks, links) is always read at the head, which is why deciding is
/// [`Authority::decide`](crate::Authority::decide) and not here.
#[derive(Clone, Debug)]
pub struct Snapshot {
    tenant: TenantName,
    revision: Revision,
}

/// Which tasks are meant. An absent member matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// For this origin.
    pub origin: Option<ObjectRef>,
    /// In this state.
    pub state: Option<TaskState>,
}

/// Which delegations are meant. An absent member matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DelegationFilter {
    /// Under this task.
    pub task: Option<TaskId>,
    /// Made by this principal.
    pub from: Option<ObjectRef>,
    /// Made to this principal.
    pub to: Option<ObjectRef>,
}

impl Snapshot {
    /// Which tenant's.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        &self.tenant
    }

    /// At which revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The schema, once one was written.
    pub fn schema(&self) -> Result<Option<Arc<Schema>>, AskError> {
        Err(AskError::TenantUnknown(self.tenant.clone()))
    }

    /// Whether the subject has the permission on the resource, by relationships alone.
    pub fn check(
        &self,
        resource: &ObjectRef,
        permission: &RelationName,
        subject: &SubjectRef,
    ) -> Result<Permissionship, AskError> {
        let _ = (resource, permission, subject);
        Err(AskError::TenantUnknown(self.tenant.clone()))
    }

    /// The same, and why.
    pub fn explain(
        &self,
        resource: &ObjectRef,
        permission: &RelationName,
        subject: &SubjectRef,
    ) -> Result<Explanation, AskError> {
        let _ = (resource, permission, subject);
        Err(AskError::TenantUnknown(self.tenant.clone()))
    }

    /// Relationships, each with the revision that made it.
    pub fn relationships(
        &self,
        filter: &RelationshipFilter,
        page: &Page,
    ) -> Result<Listed<(Relationship, Revision)>, AskError> {
        let _ = (filter, page);
        Err(AskError::TenantUnknown(self.tenant.clone()))
    }

    /// A registered principal.
    pub fn principal(&self, object: &ObjectRef) -> Result<Option<Principal>, AskError> {
        let _ = object;
        Err(AskError::TenantUnknown(self.tenant.clone()))
    }

    /// Registered principals.
    pub fn principals(&self, page: &Page) -> Result<Listed<Principal>, AskError> {
        let _ = page;
        Err(AskError::TenantUnknown(self.tenant.clone()))
    }

    /// A task.
    pub fn task(&self, id: &TaskId) -> Result<Option<Task>, AskError> {
        let _ = id;
        Err(AskError::TenantUnknown(self.tenant.clone()))
    }

    /// Tasks.
    pub fn tasks(&self, filter: &TaskFilter, page: &Page) -> Result<Listed<Task>, AskError> {
        let _ = (filter, page);
        Err(AskError::TenantUnknown(self.tenant.clone()))
    }

    /// A delegation.
    pub fn delegation(&self, id: &DelegationId) -> Result<Option<Delegation>, AskError> {
        let _ = id;
        Err(AskError::TenantUnknown(self.tenant.clone()))
    }

    /// Delegations.
    pub fn delegations(&self, filter: &DelegationFilter, page: &Page) -> Result<Listed<Delegation>, AskError> {
        let _ = (filter, page);
        Err(AskError::TenantUnknown(self.tenant.clone()))
    }

    /// All attributes of an object; none of an object that has none.
    pub fn attributes(&self, object: &ObjectRef) -> Result<BTreeMap<String, Value>, AskError> {
        let _ = object;
        Err(AskError::TenantUnknown(self.tenant.clone()))
    }

    /// All objects with attributes.
    pub fn all_attributes(&self, page: &Page) -> Result<Listed<(ObjectRef, BTreeMap<String, Value>)>, AskError> {
        let _ = page;
        Err(AskError::TenantUnknown(self.tenant.clone()))
    }
}
