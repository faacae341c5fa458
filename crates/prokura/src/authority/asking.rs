//! Asking: snapshots, decisions, and what was decided.

use std::collections::BTreeMap;

use prokura_engine::{Decision, Explanation, Question};
use prokura_model::{Amount, DecisionId, DecisionRecord, Revision, TenantName};

use super::Authority;
use crate::{
    AskError, Asked, Consistency, DecideError, Decided, DecidedOn, DecisionFilter, DecisionPage, Page, Placed,
    PlanDecided, Provenance, Receipt, Snapshot, Unrecorded, WriteError, consistency, consume::Settlement, decide, plan,
    record, shared::Shared, writer::Work,
};

impl Authority {
    /// The tenant's state as of now: everything acknowledged so far, and nothing that comes later.
    ///
    /// # Errors
    /// There is no such tenant.
    pub fn snapshot(&self, tenant: &TenantName) -> Result<Snapshot, AskError> {
        Ok(Snapshot::at_head(self.asked(tenant)?, self.0.shared.limits, self.now()))
    }

    /// The tenant's state at an earlier revision.
    ///
    /// # Errors
    /// There is no such tenant, or the revision is not kept.
    pub fn snapshot_at(&self, tenant: &TenantName, revision: Revision) -> Result<Snapshot, AskError> {
        Snapshot::at(self.asked(tenant)?, revision, self.0.shared.limits, self.now())
    }

    /// The tenant's state, as fresh as this says.
    ///
    /// # Errors
    /// There is no such tenant, the token is none of ours or is for a revision that is not reached, or an exact revision is
    /// not kept.
    pub fn snapshot_with(&self, tenant: &TenantName, consistency: &Consistency) -> Result<Snapshot, AskError> {
        match consistency {
            Consistency::MinimizeLatency | Consistency::FullyConsistent => self.snapshot(tenant),
            Consistency::AtLeastAsFresh(token) => {
                let wanted = self.revision_of(tenant, token)?;
                let snapshot = self.snapshot(tenant)?;
                reached(wanted, snapshot.revision())?;
                Ok(snapshot)
            }
            Consistency::AtExactSnapshot(token) => {
                let wanted = self.revision_of(tenant, token)?;
                reached(wanted, self.asked(tenant)?.index.published())?;
                self.snapshot_at(tenant, wanted)
            }
        }
    }

    /// The token that stands for a tenant's revision: opaque text that only this store makes, for this tenant. It stays
    /// good across restarts, and says nothing about whether the revision is still kept.
    #[must_use]
    pub fn token(&self, tenant: &TenantName, revision: Revision) -> String {
        let system = &self.0.shared.system;
        let seal = || consistency::sealed(system.secret(), tenant, revision);
        match system.tenant(tenant) {
            // Until the secret is made, another one stands in, whose tokens are not to be kept.
            Some(known) if system.made_secret().is_some() => known.token(revision, seal),
            _ => seal(),
        }
    }

    /// The revision that a token stands for.
    ///
    /// # Errors
    /// There is no such tenant, or the token was altered or is none of this store and this tenant.
    pub fn revision_of(&self, tenant: &TenantName, token: &str) -> Result<Revision, AskError> {
        self.asked(tenant)?;
        consistency::opened(self.0.shared.system.secret(), tenant, token)
    }

    /// Decides at the head, records the decision, and answers: a question whose answer cannot be recorded is not
    /// answered. A failure to decide is recorded too.
    ///
    /// # Errors
    /// Nothing was decided, so nothing is allowed.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "it is made for this one call, and recording may come to keep it"
    )]
    pub fn decide(&self, tenant: &TenantName, question: &Question, asked: Asked) -> Result<Decided, DecideError> {
        decide::decide(&self.0.shared, tenant, question, &asked)
    }

    /// The same as [`decide`](Self::decide) for callers that must not be kept waiting: if there is no place to record the
    /// decision at once, it is not given, and comes back as what waits for one.
    ///
    /// # Errors
    /// As `decide`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "it is made for this one call, and recording may come to keep it"
    )]
    pub fn decide_at_once(
        &self,
        tenant: &TenantName,
        question: &Question,
        asked: Asked,
    ) -> Result<Placed, DecideError> {
        decide::decide_at_once(&self.0.shared, tenant, question, &asked)
    }

    /// Waits until the decision has a place in the record, and answers it then.
    ///
    /// # Errors
    /// As `decide`.
    pub fn decide_waiting(&self, unrecorded: Unrecorded) -> Result<Decided, DecideError> {
        unrecorded.put_in_line(&self.0.shared)
    }

    /// Decides with relationships and schema as the snapshot has them. Suspension, tasks and links are read at the head, as
    /// always, and an answer is recorded with the snapshot's revision.
    ///
    /// On a [historic](Snapshot::is_historic) snapshot the answer is a preview: it is not recorded, has no id, and must not
    /// be enforced.
    ///
    /// # Errors
    /// Nothing was decided, so nothing is allowed.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "it is made for this one call, and recording may come to keep it"
    )]
    pub fn decide_on(&self, snapshot: &Snapshot, question: &Question, asked: Asked) -> Result<DecidedOn, DecideError> {
        decide::decide_on(&self.0.shared, snapshot, question, &asked)
    }

    /// Decides several questions on one state, the newest: no write comes between two of them. Each is recorded as its own
    /// decision, and each may fail on its own.
    ///
    /// # Errors
    /// There is no such tenant, or one of the requests cannot be recorded; then none was decided.
    pub fn decide_many(
        &self,
        tenant: &TenantName,
        questions: Vec<(Question, Asked)>,
    ) -> Result<Vec<Result<Decided, DecideError>>, DecideError> {
        decide::decide_many(&self.0.shared, tenant, questions, false)
    }

    /// Looks ahead over the actions of a plan, at most [`PLAN_ACTIONS_MAX`](crate::limits::PLAN_ACTIONS_MAX): what would be
    /// decided of each, on the newest state and at one moment, and of the plan as a whole. Nothing is consumed and nothing
    /// may be enforced; each is recorded as what was asked for a plan.
    ///
    /// # Errors
    /// There is no such tenant, the plan is empty or too long, or one of the requests cannot be recorded; then none was
    /// decided.
    pub fn decide_plan(
        &self,
        tenant: &TenantName,
        actions: Vec<(Question, Asked)>,
    ) -> Result<PlanDecided, DecideError> {
        plan::decide_plan(&self.0.shared, tenant, actions)
    }

    /// Takes for good what a reservation holds: all of it, or less where an argument is named that a budget counts. Without
    /// `by` any reservation is meant, otherwise only one made for this enforcement point (see
    /// [`Reserved`](prokura_model::Reserved)).
    ///
    /// # Errors
    /// It is not open: committed or released, over, or never made; or it does not hold so much; or the write failed.
    pub fn commit_reservation(
        &self,
        tenant: &TenantName,
        reservation: &DecisionId,
        by: Option<&str>,
        amounts: BTreeMap<String, Amount>,
        provenance: Provenance,
    ) -> Result<Receipt, WriteError> {
        self.settle(tenant, reservation, by, Some(amounts), provenance)
    }

    /// Gives back what a reservation holds.
    ///
    /// # Errors
    /// As `commit_reservation`.
    pub fn release_reservation(
        &self,
        tenant: &TenantName,
        reservation: &DecisionId,
        by: Option<&str>,
        provenance: Provenance,
    ) -> Result<Receipt, WriteError> {
        self.settle(tenant, reservation, by, None, provenance)
    }

    fn settle(
        &self,
        tenant: &TenantName,
        reservation: &DecisionId,
        by: Option<&str>,
        committed: Option<BTreeMap<String, Amount>>,
        provenance: Provenance,
    ) -> Result<Receipt, WriteError> {
        let tenant = self.writable(tenant)?;
        let (reservation, by) = (reservation.clone(), by.map(str::to_owned));
        let settlement = Box::new(Settlement { reservation, by, committed });
        self.written(Work::Settlement { tenant, settlement }, provenance)
    }

    /// What would be decided now, and why: a preview that is not recorded and must not be enforced.
    ///
    /// # Errors
    /// There is no such tenant, or the engine could not decide.
    pub fn explain(
        &self,
        tenant: &TenantName,
        question: &Question,
    ) -> Result<(Decision, Option<Explanation>), AskError> {
        let tenant = self.asked(tenant)?;
        let Shared { now, limits, .. } = &*self.0.shared;
        let now = now.read();
        Ok(tenant.at_head(|view| view.explain_decision(question, now, limits)).1?)
    }

    /// Recorded decisions, newest first; every decision answered before the call is among them.
    ///
    /// # Errors
    /// There is no such tenant, the page is not legal, or the record cannot be read.
    pub fn decisions(
        &self,
        tenant: &TenantName,
        filter: &DecisionFilter,
        page: &Page,
    ) -> Result<DecisionPage, AskError> {
        self.asked(tenant)?;
        record::decisions(&self.0.shared, tenant, filter, page)
    }

    /// The recorded decision of this name.
    ///
    /// # Errors
    /// There is no such tenant, or the record cannot be read.
    pub fn decision(&self, tenant: &TenantName, id: &DecisionId) -> Result<Option<DecisionRecord>, AskError> {
        self.asked(tenant)?;
        record::decision(&self.0.shared, tenant, id)
    }
}

fn reached(wanted: Revision, newest: Revision) -> Result<(), AskError> {
    if wanted <= newest { Ok(()) } else { Err(AskError::RevisionAhead { wanted, newest }) }
}
