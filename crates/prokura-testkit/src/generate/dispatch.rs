//! Links that dispatch: a worker that can do something of its own, and what its owner says of it, with one thing wrong now
//! and then.

#![expect(clippy::indexing_slicing, reason = "a draft's links are indexed by their own number")]

use std::collections::BTreeSet;

use prokura_model::{
    Cap, Change, DelegationKind, Endorsement, EndorsementId, ObjectRef, Principal, PrincipalState, RelationName,
    SubjectRef, Timestamp,
};

use super::{
    Maker, NOON,
    chain::{Draft, MINUTE, active},
};
use crate::Context;

/// The one thing that is wrong with an endorsement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    Missing,
    BySomeoneElse,
    OfAnotherWorker,
    Revoked,
    Over,
    ForOthers,
    ForSomethingElse,
    OwnerSuspended,
    WorkerWithoutOwner,
}

const FLAWS: [Flaw; 9] = [
    Flaw::Missing,
    Flaw::BySomeoneElse,
    Flaw::OfAnotherWorker,
    Flaw::Revoked,
    Flaw::Over,
    Flaw::ForOthers,
    Flaw::ForSomethingElse,
    Flaw::OwnerSuspended,
    Flaw::WorkerWithoutOwner,
];

impl Maker {
    /// Has a link of the chain dispatch, and sometimes an earlier one too. What is wanted then is something that the worker
    /// may well do.
    pub(super) fn dispatch(&mut self, draft: &mut Draft, context: &Context) -> (ObjectRef, RelationName) {
        let last = draft.links.len() - 1;
        let at = self.rng.between(0, last);
        if at > 0 && self.rng.chance(25) {
            draft.links[self.rng.between(0, at - 1)].kind = DelegationKind::Dispatches;
        }
        draft.links[at].kind = DelegationKind::Dispatches;
        let worker = draft.links[at].to.clone();
        let (resource, permission) = self.target(&worker.clone().into(), context, 90);
        for link in at..=last {
            draft.links[link].cap = self.cap(&permission, &resource);
        }
        let flaw = if self.rng.chance(35) { Some(*self.rng.pick(&FLAWS)) } else { None };
        let owner = self.person();
        self.owned(draft, &worker, &owner, flaw);
        if flaw != Some(Flaw::Missing) {
            self.endorse(draft, (&worker, &owner), (&resource, &permission), flaw);
        }
        (resource, permission)
    }

    fn owned(&mut self, draft: &mut Draft, worker: &ObjectRef, owner: &ObjectRef, flaw: Option<Flaw>) {
        draft.principals.retain(|principal| principal.object != *worker && principal.object != *owner);
        let owned_by = (flaw != Some(Flaw::WorkerWithoutOwner)).then(|| owner.clone());
        draft.principals.push(active(worker, owned_by));
        let state = if flaw == Some(Flaw::OwnerSuspended) { PrincipalState::Suspended } else { PrincipalState::Active };
        draft.principals.push(Principal { state, ..active(owner, None) });
    }

    fn endorse(
        &mut self,
        draft: &Draft,
        (worker, owner): (&ObjectRef, &ObjectRef),
        (resource, permission): (&ObjectRef, &RelationName),
        flaw: Option<Flaw>,
    ) {
        let name = format!("e-{}", draft.task.id);
        let mut endorsement = Endorsement {
            id: endorsement_id(&name),
            worker: if flaw == Some(Flaw::OfAnotherWorker) { self.agent() } else { worker.clone() },
            by: if flaw == Some(Flaw::BySomeoneElse) { self.person() } else { owner.clone() },
            cap: if flaw == Some(Flaw::ForSomethingElse) {
                let (other, another) = self.anything();
                self.cap(&another, &other)
            } else {
                self.cap(permission, resource)
            },
            origins: self.origins(&draft.task.origin, flaw == Some(Flaw::ForOthers)),
            expires_at: self.end(),
            revoked_at: None,
            declared: false,
        };
        if flaw == Some(Flaw::Over) {
            endorsement.expires_at = Some(Timestamp(NOON - if self.rng.chance(60) { 0 } else { MINUTE }));
        }
        self.push(Change::EndorsementCreated(endorsement.clone()));
        if flaw == Some(Flaw::Revoked) {
            self.push(Change::EndorsementRevoked(endorsement.id.clone()));
        }
        // Another one that may cover it as well, or not at all.
        if self.rng.chance(25) {
            let cap = if self.rng.chance(50) { Cap::default() } else { self.cap(permission, resource) };
            let origins = self.origins(&draft.task.origin, false);
            let (id, expires_at) = (endorsement_id(&format!("{name}-more")), self.end());
            self.push(Change::EndorsementCreated(Endorsement { id, cap, origins, expires_at, ..endorsement }));
        }
    }

    /// Some that the origin is among, in one of the ways there are, or only others.
    fn origins(&mut self, origin: &ObjectRef, others_only: bool) -> BTreeSet<SubjectRef> {
        let mut origins = BTreeSet::new();
        if others_only || self.rng.chance(30) {
            origins.insert(self.person().into());
        }
        if others_only {
            return origins;
        }
        match self.rng.below(3) {
            0 => origins.insert(origin.clone().into()),
            1 => origins.insert(SubjectRef::Wildcard(origin.kind.clone())),
            _ => {
                let (object, member) = self.target(&origin.clone().into(), &Context::new(), 80);
                origins.insert(SubjectRef::Userset(object, member))
            }
        };
        origins
    }
}

fn endorsement_id(text: &str) -> EndorsementId {
    EndorsementId::new(text).expect("a legal id")
}
