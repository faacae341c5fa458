use prokura_engine::View;
use prokura_model::{Change, Endorsement};

use super::{Found, once};
use crate::{DeclaredEndorsement, Effect, Section, WriteError};

impl Found {
    pub(super) fn endorsements(
        &mut self,
        view: &View<'_>,
        declared: &[DeclaredEndorsement],
        prune: bool,
    ) -> Result<(), WriteError> {
        let named = once(Section::Endorsement, declared.iter().map(|endorsement| &endorsement.id))?;
        if prune {
            for there in view.endorsements() {
                if there.declared && there.revoked_at.is_none() && !named.contains(&there.id) {
                    let (name, detail) = (there.id.to_string(), "revoked".to_owned());
                    let change = Change::EndorsementRevoked(there.id.clone());
                    self.differs(Effect::Removed, Section::Endorsement, name, detail, change);
                }
            }
        }
        for endorsement in declared {
            match view.endorsement(&endorsement.id) {
                Some(there) => self.endorsement_is_there(&there, endorsement)?,
                None => {
                    let detail = format!("{} by {}", endorsement.worker, endorsement.by);
                    let change = Change::EndorsementCreated(made(endorsement));
                    self.differs(Effect::Added, Section::Endorsement, endorsement.id.to_string(), detail, change);
                }
            }
        }
        Ok(())
    }

    fn endorsement_is_there(&mut self, there: &Endorsement, declared: &DeclaredEndorsement) -> Result<(), WriteError> {
        let detail = if there.worker != declared.worker {
            format!("worker `{}`, not `{}`", there.worker, declared.worker)
        } else if there.by != declared.by {
            format!("by `{}`, not `{}`", there.by, declared.by)
        } else if there.cap != declared.cap {
            format!("cap `{}`, not `{}`", there.cap, declared.cap)
        } else if there.origins != declared.origins {
            "other origins".to_owned()
        } else if there.expires_at != declared.expires_at {
            "another expiry".to_owned()
        } else {
            if there.revoked_at.is_some() {
                let id = &there.id;
                self.notes.push(format!("endorsement `{id}` is revoked and stays so; to make it again, use a new id"));
            }
            return Ok(());
        };
        Err(WriteError::DeclaredDiffers { section: "endorsement", name: there.id.to_string(), detail })
    }
}

fn made(declared: &DeclaredEndorsement) -> Endorsement {
    Endorsement {
        id: declared.id.clone(),
        worker: declared.worker.clone(),
        by: declared.by.clone(),
        cap: declared.cap.clone(),
        origins: declared.origins.clone(),
        expires_at: declared.expires_at,
        revoked_at: None,
        declared: true,
    }
}
