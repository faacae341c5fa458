use prokura_model::{Endorsement, EndorsementId, SubjectRef, limits::ENDORSEMENT_ORIGINS_MAX};

use super::{Draft, cap::check_cap, within};
use crate::{EndorsementFault, WriteError};

impl Draft<'_> {
    /// Whoever owns the worker says it, and is able to.
    pub(super) fn endorsement_created(&mut self, endorsement: &Endorsement) -> Result<(), WriteError> {
        let Endorsement { id, worker, by, .. } = endorsement;
        if self.view.endorsement(id).is_some() || self.endorsements.contains(id) {
            return Err(WriteError::EndorsementExists(id.clone()));
        }
        if endorsement.revoked_at.is_some() {
            return Err(invalid(endorsement, EndorsementFault::AlreadyRevoked));
        }
        self.able(by, || format!("`by` of endorsement `{id}`"))?;
        let owner = self.registered(worker, || format!("worker of endorsement `{id}`"))?.owner.clone();
        if owner.as_ref() != Some(by) {
            let fault = EndorsementFault::NotByOwner { worker: worker.clone(), by: by.clone(), owner };
            return Err(invalid(endorsement, fault));
        }
        if let Some(expires_at) = endorsement.expires_at.filter(|end| *end <= self.now) {
            let place = format!("endorsement `{id}`");
            return Err(WriteError::ExpiryPassed { place, expires_at, now: self.now });
        }
        check_cap(self.schema()?, &endorsement.cap, || format!("cap of endorsement `{id}`"))?;
        self.check_origins(endorsement)?;
        self.endorsements.insert(id.clone());
        Ok(())
    }

    /// Revoking what is revoked already is fine and changes nothing.
    pub(super) fn endorsement_revoked(&self, id: &EndorsementId) -> Result<(), WriteError> {
        if self.view.endorsement(id).is_some() || self.endorsements.contains(id) {
            return Ok(());
        }
        Err(WriteError::EndorsementUnknown(id.clone()))
    }

    fn check_origins(&self, endorsement: &Endorsement) -> Result<(), WriteError> {
        let Endorsement { id, origins, .. } = endorsement;
        if origins.is_empty() {
            return Err(invalid(endorsement, EndorsementFault::ForNobody));
        }
        within("origins of an endorsement", ENDORSEMENT_ORIGINS_MAX, origins.len())?;
        let schema = self.schema()?;
        for origin in origins {
            let known = match origin {
                SubjectRef::Userset(object, relation) => schema.find_member(&object.kind, relation).map(|_| ()),
                SubjectRef::Object(_) | SubjectRef::Wildcard(_) => schema.find_definition(origin.kind()).map(|_| ()),
            };
            known.map_err(|unknown| WriteError::NameUnknown {
                place: format!("origins of endorsement `{id}`"),
                unknown,
            })?;
        }
        Ok(())
    }
}

fn invalid(endorsement: &Endorsement, fault: EndorsementFault) -> WriteError {
    WriteError::EndorsementInvalid { id: endorsement.id.clone(), fault: Box::new(fault) }
}
