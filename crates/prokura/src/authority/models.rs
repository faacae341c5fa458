//! Models, what is written by them, and what is decided by them.

use prokura_model::{Change, Model, ModelId, Revision, TenantName, Timestamp, TypeName, decode_changes};

use super::Authority;
use crate::{
    AskError, Asked, ByModel, DecideError, NewModel, Placed, Provenance, Question, Receipt, TupleChange, TupleChanges,
    TupleWrite, Unfit, WriteError, decide,
    limits::{CHANGES_SCANNED_MAX, MODEL_BYTES_MAX, PAGE_ENTRIES_MAX},
    writer::Work,
};

impl Authority {
    /// Adds a model, which never changes and is the newest from now on, and answers with its name: 26 characters, and the
    /// newest sorts last.
    ///
    /// # Errors
    /// It is not legal, or the write failed.
    pub fn write_model(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        model: NewModel,
    ) -> Result<ModelId, WriteError> {
        let tenant = self.writable(tenant)?;
        if model.text.len() > MODEL_BYTES_MAX {
            let (max, found) = (MODEL_BYTES_MAX, model.text.len());
            return Err(WriteError::LimitExceeded { what: "bytes of a model", max, found });
        }
        let NewModel { text, types, conditions } = model;
        let model = Model { id: self.0.shared.mint_sortable(ModelId::new), text, types, conditions };
        // Here, and not where all writes wait for one another: whether a model is legal depends on nothing else.
        model.schema().map_err(WriteError::ModelInvalid)?;
        let work = Work::Model { tenant, model: Box::new(model) };
        let written = self.0.shared.writes.submit(work, provenance)?;
        written.model.ok_or_else(|| WriteError::Internal("a model was accepted, but not written".to_owned()))
    }

    /// Replaces the assertions about a model. They are kept as they are sent.
    ///
    /// # Errors
    /// There is no such model, or the write failed.
    pub fn write_assertions(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        model: &ModelId,
        assertions: String,
    ) -> Result<Receipt, WriteError> {
        let tenant = self.writable(tenant)?;
        self.written(Work::Assertions { tenant, model: model.clone(), assertions }, provenance)
    }

    /// Writes and deletes relationships by a model, in one transaction, all or none. No receipt means that there was nothing
    /// left to do.
    ///
    /// # Errors
    /// One does not fit the model, is there already or is not there where that is an error; or the write failed.
    pub fn write_tuples(
        &self,
        tenant: &TenantName,
        provenance: Provenance,
        write: TupleWrite,
    ) -> Result<Option<Receipt>, WriteError> {
        let snapshot = self.snapshot(tenant).map_err(|_| WriteError::TenantUnknown(tenant.clone()))?;
        let schema = snapshot.by(ByModel::of(write.model.clone())).schema();
        let schema = schema.map_err(|_| WriteError::ModelUnknown(write.model.clone()))?;
        for (relationship, terms) in &write.writes {
            schema.check_relationship(relationship, terms).map_err(|fault| {
                let (relationship, terms) = (relationship.clone(), terms.clone());
                WriteError::RelationshipInvalid(Box::new(Unfit { relationship, terms, fault }))
            })?;
        }
        let tenant = self.writable(tenant)?;
        let written = self.0.shared.writes.submit(Work::Tuples { tenant, write: Box::new(write) }, provenance)?;
        Ok(written.receipt)
    }

    /// What was written and deleted, oldest first, from where the page before ended.
    ///
    /// # Errors
    /// There is no such tenant, the page is not legal, or the log cannot be read.
    pub fn tuple_changes(
        &self,
        tenant: &TenantName,
        kind: Option<&TypeName>,
        after: Option<TupleChangesPlace>,
        size: usize,
    ) -> Result<TupleChanges, AskError> {
        if !(1..=PAGE_ENTRIES_MAX).contains(&size) {
            return Err(AskError::PageSize(size));
        }
        let published = self.asked(tenant)?.index.published();
        let mut place = after.unwrap_or_default();
        let mut entries = Vec::new();
        for _ in 0..CHANGES_SCANNED_MAX {
            let revision = place.revision.next();
            if revision > published || entries.len() >= size {
                break;
            }
            let Some(entry) = self.0.shared.log.entry(tenant, revision)? else { break };
            let changes = decode_changes(&entry.payload)?;
            let count = changes.len();
            for (position, change) in changes.into_iter().enumerate().skip(place.changes) {
                if entries.len() >= size {
                    break;
                }
                place.changes = position + 1;
                entries.extend(
                    tuple_change(change, entry.time)
                        .filter(|change| kind.is_none_or(|kind| change.relationship.resource.kind == *kind)),
                );
            }
            if place.changes >= count {
                place = TupleChangesPlace { revision, changes: 0 };
            }
        }
        Ok(TupleChanges { entries, next: place })
    }

    /// Where the changes at this moment and later begin.
    ///
    /// # Errors
    /// There is no such tenant, or the log cannot be read.
    pub fn tuple_changes_from(&self, tenant: &TenantName, time: Timestamp) -> Result<TupleChangesPlace, AskError> {
        // Times of a log never go back, so half of what is left can be left out at each look.
        let (mut before, mut after) = (0, self.asked(tenant)?.index.published().0 + 1);
        while before + 1 < after {
            let middle = before + (after - before) / 2;
            match self.0.shared.log.entry(tenant, Revision(middle))? {
                Some(entry) if entry.time < time => before = middle,
                _ => after = middle,
            }
        }
        Ok(TupleChangesPlace { revision: Revision(before), changes: 0 })
    }

    /// When a revision was written.
    ///
    /// # Errors
    /// There is no such tenant, or the log cannot be read.
    pub fn time_of(&self, tenant: &TenantName, revision: Revision) -> Result<Option<Timestamp>, AskError> {
        self.asked(tenant)?;
        Ok(self.0.shared.log.entry(tenant, revision)?.map(|entry| entry.time))
    }

    /// The same as [`decide_at_once`](Self::decide_at_once), by a model.
    ///
    /// # Errors
    /// As `decide`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "it is made for this one call, and recording may come to keep it"
    )]
    pub fn decide_by_model(
        &self,
        tenant: &TenantName,
        question: &Question,
        by: &ByModel,
        asked: Asked,
    ) -> Result<Placed, DecideError> {
        decide::decide_by(&self.0.shared, tenant, question, Some(by), &asked)
    }
}

/// How far changes were read: everything up to a revision, and some of the next one's changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TupleChangesPlace {
    /// Everything up to this one.
    pub revision: Revision,
    /// How many changes of the next one.
    pub changes: usize,
}

fn tuple_change(change: Change, time: Timestamp) -> Option<TupleChange> {
    let (relationship, terms) = match change {
        Change::RelationshipTouched(relationship, terms) => (relationship, Some(terms)),
        Change::RelationshipDeleted(relationship) => (relationship, None),
        _ => return None,
    };
    Some(TupleChange { relationship, terms, time })
}
