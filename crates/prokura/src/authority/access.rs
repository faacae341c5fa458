//! Asking for access, and answering.

use std::{fmt::Write as _, sync::Arc};

use prokura_engine::{Decision, Question};
use prokura_model::{ObjectRef, Request, RequestId, TenantName};

use super::Authority;
use crate::{
    AccessHint, AccessReply, AccessRequest, Provenance, WriteError,
    access::AccessStep,
    tenant::RequestKey,
    writer::{Work, Written},
};

impl Authority {
    /// Asks for access. The schema answers at once: with no, with a grant, or by asking a person. With a request id, the
    /// same request sent again is answered with the one that was made first, as it stands.
    ///
    /// # Errors
    /// The schema does not say that this can be asked for, it is allowed already, whoever asks could not use it, or a limit
    /// is reached, and nothing was written; or the write failed.
    pub fn request_access(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        asked: AccessRequest,
    ) -> Result<Arc<Request>, WriteError> {
        let id = match &provenance.request_id {
            // The same for the same request, however long ago.
            Some(request_id) => {
                let mut text = "r-".to_owned();
                for byte in RequestKey::of(&provenance.author, request_id).0.iter().take(16) {
                    // Writing to a string cannot fail.
                    let _ = write!(text, "{byte:02x}");
                }
                RequestId::new(text).ok_or_else(|| WriteError::Internal("an id of digits is no id".to_owned()))?
            }
            None => self.0.shared.mint_id("r-", RequestId::new),
        };
        self.access_step(tenant, provenance, AccessStep::Ask { id, asked })
    }

    /// Answers a request, if this one may: whoever holds the permission that the schema names, at this moment, and is a
    /// person with no part in it.
    ///
    /// # Errors
    /// Somebody else must answer, it is answered or over, or what would be granted could not be used, and nothing was
    /// written; or the write failed.
    pub fn answer_request(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        request: &RequestId,
        by: ObjectRef,
        reply: AccessReply,
    ) -> Result<Arc<Request>, WriteError> {
        let words = provenance.reason.clone();
        self.access_step(tenant, provenance, AccessStep::Answer { id: request.clone(), by, reply, words })
    }

    /// Takes a request back, or ends what it was granted: by who asked, for whom, or who may answer; none is an operator.
    ///
    /// # Errors
    /// Somebody else must, or there is nothing to take back, and nothing was written; or the write failed.
    pub fn cancel_request(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        request: &RequestId,
        by: Option<ObjectRef>,
    ) -> Result<Arc<Request>, WriteError> {
        let words = provenance.reason.clone();
        self.access_step(tenant, provenance, AccessStep::Cancel { id: request.clone(), by, words })
    }

    /// Closes the review of a broken glass, in words, by one who may answer.
    ///
    /// # Errors
    /// Somebody else must, there is nothing to review or nothing is said, and nothing was written; or the write failed.
    pub fn review_request(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        request: &RequestId,
        by: ObjectRef,
    ) -> Result<Arc<Request>, WriteError> {
        let words = provenance.reason.clone();
        self.access_step(tenant, provenance, AccessStep::Review { id: request.clone(), by, words })
    }

    /// How what was denied can be asked for, if it can. It reads the newest schema and says nothing about who would say yes.
    #[must_use]
    pub fn access_hint(&self, tenant: &TenantName, question: &Question, decision: &Decision) -> Option<AccessHint> {
        let tenant = self.0.shared.system.tenant(tenant)?;
        let (view, now) = (tenant.index.view(), self.0.shared.now.read());
        AccessHint::of(&view, question, decision, (now, &self.0.shared.limits))
    }

    fn access_step(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        step: AccessStep,
    ) -> Result<Arc<Request>, WriteError> {
        let tenant = self.writable(tenant)?;
        let Written { request, .. } =
            self.0.shared.writes.submit(Work::Access { tenant, step: Box::new(step) }, provenance)?;
        request.ok_or_else(|| WriteError::Internal("a request was accepted, but not written".to_owned()))
    }
}
