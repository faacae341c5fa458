//! Work that was dispatched: a worker does it with its own authority, as far as its owner says that it does.

use std::sync::Arc;

use prokura_model::{
    Delegation, DelegationKind, Endorsement, ObjectRef, PrincipalState, Reason, RelationName, SubjectRef, Task,
    WitnessEdge,
};

use super::{
    Posed, Question, Stop, Verdict, Walk,
    cap::{Coverage, Doubt},
    deny_at,
    message::{Described, sentence},
};
use crate::{
    Context, EngineError, Explanation, Given, Permissionship, View, graph::Graph, program::Program, recorder::Recorder,
};

/// Nobody brings values for what an endorsement rests on.
static NOTHING: Context = Context::new();

/// Where it is found out who stands in a userset: on the relationships that the decision reads.
#[derive(Clone, Copy)]
pub(super) struct Memberships<'m> {
    pub(super) view: &'m View<'m>,
    pub(super) graph: &'m Graph<'m>,
}

/// Whether a worker is endorsed.
enum Endorsed<'w> {
    Not,
    /// It depends on something whether what holds for the origin carries it.
    Perhaps(Doubt),
    /// By this, and by these edges.
    Surely(&'w Arc<Endorsement>, Vec<WitnessEdge>),
}

impl<'w> Walk<'w> {
    /// The position of the last link that dispatches: from there on, it is the worker's authority that counts.
    pub(super) fn last_dispatch(&self) -> Option<usize> {
        self.chain.iter().rposition(|link| link.kind == DelegationKind::Dispatches)
    }

    /// Step 8 after a dispatch: what the run may is what the worker at its beginning may, and is endorsed for.
    pub(super) fn dispatched_authority(
        &mut self,
        posed: &Posed<'_>,
        task: &Task,
        at: usize,
        recorder: Recorder,
    ) -> Result<(Verdict, Option<Explanation>), Stop> {
        let Question { actor, permission, resource, .. } = posed.question;
        let Some(link) = self.chain.get(at).copied() else { return deny_at(at, Reason::ChainBroken, String::new()) };
        let (worker, origin) = (&link.to, &task.origin);
        let endorsement = match self.endorsed(worker, posed, origin)? {
            Endorsed::Surely(endorsement, edges) => {
                self.rests_on.extend(edges);
                endorsement
            }
            Endorsed::Not => return deny_at(at, Reason::NotEndorsed, self.not_endorsed(link, posed.question, origin)),
            Endorsed::Perhaps(doubt) => {
                let whether = format!("{worker} is endorsed for `{permission}` on {resource} for {origin}");
                return self.depends(at, &whether, doubt);
            }
        };
        let (found, explanation) = self.check(posed, worker, recorder)?;
        let (reason, message) = match found {
            Permissionship::Has => {
                self.rest_on_caps();
                let ends = self.chain.iter().filter_map(|link| link.expires_at);
                let ends = ends.chain([self.tasks_end]).chain(endorsement.expires_at);
                self.found.valid_until = ends.chain(self.witness_ends()).min();
                let message = sentence(format_args!(
                    "{actor} does work of task `{}` that was dispatched to {worker}: every cap from there on covers \
                     `{permission}` on {resource}, endorsement `{}` covers it for {origin}, and {worker} has it",
                    task.id, endorsement.id
                ));
                (Reason::DispatchedAuthority, message)
            }
            Permissionship::HasNot => {
                let message = sentence(format_args!(
                    "{worker}, to whom {} dispatched the work, does not have `{permission}` on {resource}",
                    link.from
                ));
                return Ok((Verdict { reason: Reason::WorkerLacksPermission, at: Some(at), message }, explanation));
            }
            Permissionship::Conditional(missing) => self.context_missing(posed.question, worker, missing),
        };
        Ok((Verdict { reason, at: None, message }, explanation))
    }

    /// Every endorsement of the worker that holds for the origin now.
    pub(super) fn endorsements_for(
        &self,
        worker: &ObjectRef,
        origin: &ObjectRef,
        memberships: Memberships<'_>,
    ) -> Result<Vec<Arc<Endorsement>>, Stop> {
        let mut found = Vec::new();
        for endorsement in self.live_endorsements(worker) {
            if memberships.of(origin, endorsement, self)?.is_some() {
                found.push(Arc::clone(endorsement));
            }
        }
        Ok(found)
    }

    /// The first endorsement of the worker, by id, that covers what is meant and holds for the origin now.
    fn endorsed(&self, worker: &ObjectRef, posed: &Posed<'_>, origin: &ObjectRef) -> Result<Endorsed<'w>, Stop> {
        let Question { permission, resource, .. } = posed.question;
        let memberships = Memberships { view: posed.view, graph: &posed.graph };
        let mut open = None;
        for endorsement in self.live_endorsements(worker) {
            let found = posed.carrying(origin, self.now, self.limits).cap(&endorsement.cap, permission, resource)?;
            if matches!(found, Coverage::Not) {
                continue;
            }
            let Some(mut edges) = memberships.of(origin, endorsement, self)? else { continue };
            match found {
                Coverage::Surely(more) => {
                    edges.extend(more);
                    return Ok(Endorsed::Surely(endorsement, edges));
                }
                Coverage::Perhaps(doubt) => open = Some(doubt.or_first(open)),
                Coverage::Not => {}
            }
        }
        Ok(open.map_or(Endorsed::Not, Endorsed::Perhaps))
    }

    /// The endorsements of the worker that its owner has made, and that are neither revoked nor over. An owner who is
    /// stopped says nothing.
    fn live_endorsements(&self, worker: &ObjectRef) -> impl Iterator<Item = &'w Arc<Endorsement>> {
        let (head, guard, now) = (self.head, self.guard, self.now);
        let owner = self.principal(worker).and_then(|worker| worker.owner.as_ref());
        let owner =
            owner.filter(|owner| self.principal(owner).is_some_and(|owner| owner.state == PrincipalState::Active));
        let ids = owner.and_then(|_| head.index.endorsed.at(worker, head.revision, guard));
        let all = ids.into_iter().flat_map(|(_, ids)| ids.iter());
        let all = all.filter_map(move |id| Some(head.index.endorsements.at(id, head.revision, guard)?.1));
        all.filter(move |found| {
            Some(&found.by) == owner && found.revoked_at.is_none() && found.expires_at.is_none_or(|ends| now < ends)
        })
    }

    fn not_endorsed(&self, link: &Delegation, question: &Question, origin: &ObjectRef) -> String {
        let Question { permission, resource, .. } = question;
        let Some(owner) = self.principal(&link.to).and_then(|worker| worker.owner.as_ref()) else {
            return format!(
                "{} dispatches to {}, which nobody owns, and so nobody can endorse",
                Described(link),
                link.to
            );
        };
        format!(
            "{} dispatches `{permission}` on {resource}, and no endorsement by {owner}, who owns {}, covers that for \
             {origin}",
            Described(link),
            link.to
        )
    }
}

impl Memberships<'_> {
    /// The edges by which the endorsement is for this origin, if it is.
    fn of(
        self,
        origin: &ObjectRef,
        endorsement: &Endorsement,
        walk: &Walk<'_>,
    ) -> Result<Option<Vec<WitnessEdge>>, Stop> {
        let named = endorsement.origins.iter().any(|meant| match meant {
            SubjectRef::Object(object) => object == origin,
            SubjectRef::Wildcard(kind) => *kind == origin.kind,
            SubjectRef::Userset(..) => false,
        });
        if named {
            return Ok(Some(Vec::new()));
        }
        for meant in &endorsement.origins {
            if let SubjectRef::Userset(object, relation) = meant
                && let Some(edges) = self.stands_in(origin, object, relation, walk)?
            {
                return Ok(Some(edges));
            }
        }
        Ok(None)
    }

    /// The edges by which the origin stands in the userset, if it surely does. What the schema no longer knows, nobody
    /// stands in.
    fn stands_in(
        self,
        origin: &ObjectRef,
        object: &ObjectRef,
        relation: &RelationName,
        walk: &Walk<'_>,
    ) -> Result<Option<Vec<WitnessEdge>>, EngineError> {
        let program: &Program = self.view.program(self.graph.guard())?;
        let known = program.member_named(&object.kind, relation).zip(program.kind_named(&origin.kind));
        let Some((member, _)) = known else { return Ok(None) };
        let given = Given { now: walk.now, context: &NOTHING };
        let subject = SubjectRef::Object(origin.clone());
        let prepared = self.view.prepare_member(self.graph, program, member, (object, &subject), given)?;
        let (found, edges) = prepared.witnessed(walk.limits, &mut Recorder::witness_only())?;
        Ok((found == Permissionship::Has).then_some(edges))
    }
}
