//! Asking for approvals, and giving them.

use std::sync::Arc;

use prokura_engine::Question;
use prokura_model::{Approval, ApprovalId, ObjectRef, TenantName};

use super::Authority;
use crate::{
    Provenance, WriteError,
    approval::ApprovalStep,
    writer::{Work, Written},
};

impl Authority {
    /// Asks for the approval that a question is held for, and says why. What is asked for already, to the letter, stands as it
    /// is. A question that is held for several is asked about again once the first is given.
    ///
    /// # Errors
    /// The question is not held, or a limit is reached, and nothing was written; or the write failed.
    pub fn ask_for_approval(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        question: Question,
    ) -> Result<Arc<Approval>, WriteError> {
        let (question, reason) = (Box::new(question), provenance.reason.clone());
        self.approval_step(tenant, provenance, ApprovalStep::Ask { question, reason })
    }

    /// Gives an approval, or refuses it (`yes`), if this one may: whoever holds the permission that the guard names, at this
    /// moment, and is a person with no part in it; or the origin of the task, where the guard has it confirm.
    ///
    /// # Errors
    /// Somebody else must answer, it is answered or over, or the guard changed, and nothing was written; or the write failed.
    pub fn answer_approval(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        approval: &ApprovalId,
        by: ObjectRef,
        yes: bool,
    ) -> Result<Arc<Approval>, WriteError> {
        let words = provenance.reason.clone();
        self.approval_step(tenant, provenance, ApprovalStep::Answer { id: approval.clone(), by, yes, words })
    }

    /// Takes an approval back, whether it waits or was given: by whoever is to act, for whom, or who gave it or may; none is
    /// an operator.
    ///
    /// # Errors
    /// Somebody else must, or there is nothing to take back, and nothing was written; or the write failed.
    pub fn cancel_approval(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        approval: &ApprovalId,
        by: Option<ObjectRef>,
    ) -> Result<Arc<Approval>, WriteError> {
        let words = provenance.reason.clone();
        self.approval_step(tenant, provenance, ApprovalStep::Cancel { id: approval.clone(), by, words })
    }

    fn approval_step(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        step: ApprovalStep,
    ) -> Result<Arc<Approval>, WriteError> {
        let tenant = self.writable(tenant)?;
        let Written { approval, .. } =
            self.0.shared.writes.submit(Work::Approval { tenant, step: Box::new(step) }, provenance)?;
        approval.ok_or_else(|| WriteError::Internal("an approval was accepted, but not written".to_owned()))
    }
}
