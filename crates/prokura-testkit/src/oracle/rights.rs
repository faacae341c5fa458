//! Who may do what with tasks, links and endorsements, in the plainest way: everybody who may is written down, one after the
//! other, and then it is looked whether this one is among them.

use prokura_model::{
    Delegation, DelegationId, Disposition, Endorsement, EndorsementId, ObjectRef, PrincipalState, RelationName, Task,
    TaskId, Timestamp,
};

use crate::{Act, Answer, Context, Question, Right, World};

/// The most owners that are looked at above a principal: the library's limit.
pub const OWNERS_ABOVE: usize = 16;

/// What somebody would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Create,
    See,
    Revoke,
}

/// Who may: themselves, and as whom somebody else may.
#[derive(Default)]
struct Who<'w> {
    /// These, and nobody else for them.
    only: Vec<&'w ObjectRef>,
    /// For these may whoever owns one, and whom the schema gives authority over one; not they themselves.
    over: Vec<&'w ObjectRef>,
}

impl<'w> Who<'w> {
    /// They themselves, and whoever stands over one of them.
    fn with_those_over(objects: impl IntoIterator<Item = &'w ObjectRef>) -> Self {
        let objects: Vec<_> = objects.into_iter().collect();
        Self { only: objects.clone(), over: objects }
    }
}

impl World {
    /// Whether this one may, at this moment.
    #[must_use]
    pub fn may(&self, by: &ObjectRef, act: &Act, now: Timestamp) -> Right {
        match act {
            Act::Create(whose) => self.among(by, &Who::with_those_over([whose]), Verb::Create, now),
            Act::SeeTask(id) => self.with_task(id, |task| self.among(by, &self.see_task(task), Verb::See, now)),
            Act::CloseTask(id) => {
                self.with_task(id, |task| self.among(by, &Who::with_those_over(answering(task)), Verb::Revoke, now))
            }
            Act::SeeLink(id) => self.with_link(id, |link| self.among(by, &self.of_link(link), Verb::See, now)),
            Act::RevokeLink(id) => self.with_link(id, |link| self.among(by, &self.of_link(link), Verb::Revoke, now)),
            Act::SeeEndorsement(id) => self.with_endorsement(id, |Endorsement { by: made_by, worker, .. }| {
                self.among(by, &Who::with_those_over([made_by, worker]), Verb::See, now)
            }),
            Act::RevokeEndorsement(id) => self.with_endorsement(id, |Endorsement { by: made_by, worker, .. }| {
                // Whatever the worker has over itself, it does not withdraw what its owner says.
                let mut over = vec![made_by];
                over.extend(Some(worker).filter(|worker| *worker != by));
                self.among(by, &Who { only: vec![made_by], over }, Verb::Revoke, now)
            }),
        }
    }

    fn with_task(&self, id: &TaskId, say: impl Fn(&Task) -> Right) -> Right {
        self.tasks.get(id).map_or(Right::No, say)
    }

    fn with_link(&self, id: &DelegationId, say: impl Fn(&Delegation) -> Right) -> Right {
        self.delegations.get(id).map_or(Right::No, say)
    }

    fn with_endorsement(&self, id: &EndorsementId, say: impl Fn(&Endorsement) -> Right) -> Right {
        self.endorsements.get(id).map_or(Right::No, say)
    }

    fn see_task<'w>(&'w self, task: &'w Task) -> Who<'w> {
        let links = self.delegations.values().filter(|link| link.task == task.id);
        Who::with_those_over(answering(task).chain(links.flat_map(|link| [&link.from, &link.to])))
    }

    /// Its two ends, and who answers for its task; and those that made a link above it.
    fn of_link<'w>(&'w self, link: &'w Delegation) -> Who<'w> {
        let task = self.tasks.get(&link.task);
        let mut who =
            Who::with_those_over([&link.from, &link.to].into_iter().chain(task.into_iter().flat_map(answering)));
        let mut below = link;
        for _ in 0..super::CHAIN_LINKS {
            let Some(above) = below.parent.as_ref().and_then(|id| self.delegations.get(id)) else { break };
            who.only.push(&above.from);
            below = above;
        }
        who
    }

    fn among(&self, by: &ObjectRef, who: &Who<'_>, verb: Verb, now: Timestamp) -> Right {
        if !self.is_alive(by) {
            return Right::No;
        }
        let owned = who.over.iter().any(|object| self.owners(object).contains(&by));
        if owned || who.only.contains(&by) {
            return Right::Yes;
        }
        let given: Vec<Right> = who.over.iter().flat_map(|object| self.given(by, object, verb, now)).collect();
        if given.contains(&Right::Yes) {
            Right::Yes
        } else if given.contains(&Right::Unsaid) {
            Right::Unsaid
        } else {
            Right::No
        }
    }

    /// As the first step of a decision has it.
    fn is_alive(&self, by: &ObjectRef) -> bool {
        let Some(principal) = self.principals.get(by) else { return true };
        let owner = principal.owner.as_ref().and_then(|owner| self.principals.get(owner));
        principal.state == PrincipalState::Active && owner.is_none_or(|owner| owner.state != PrincipalState::OffBoarded)
    }

    fn owners(&self, object: &ObjectRef) -> Vec<&ObjectRef> {
        let mut found = Vec::new();
        let mut owned = object;
        for _ in 0..OWNERS_ABOVE {
            let Some(owner) = self.principals.get(owned).and_then(|principal| principal.owner.as_ref()) else { break };
            found.push(owner);
            owned = owner;
        }
        found
    }

    /// What the schema gives: who may revoke may see.
    fn given(&self, by: &ObjectRef, over: &ObjectRef, verb: Verb, now: Timestamp) -> Vec<Right> {
        let Some(schema) = &self.schema else { return Vec::new() };
        let Some(authority) = schema.authority_over(&over.kind) else { return Vec::new() };
        let names = match verb {
            Verb::Create => vec![&authority.create],
            Verb::See => vec![&authority.see, &authority.revoke],
            Verb::Revoke => vec![&authority.revoke],
        };
        if schema.definition(by.kind.as_str()).is_none() {
            return Vec::new();
        }
        names.into_iter().flatten().map(|permission| self.decided(by, over, permission, now)).collect()
    }

    fn decided(&self, by: &ObjectRef, over: &ObjectRef, permission: &RelationName, now: Timestamp) -> Right {
        let question = Question {
            actor: by.clone(),
            delegation: None,
            permission: permission.clone(),
            resource: over.clone(),
            arguments: Context::new(),
            context: Context::new(),
            credential: None,
            tool_schema: None,
        };
        match self.decide(&question, now).likeliest() {
            Answer::Decided(verdict) if verdict.reason.disposition() == Disposition::Allow => Right::Yes,
            Answer::Failed(_) => Right::Unsaid,
            _ => Right::No,
        }
    }
}

fn answering(task: &Task) -> impl Iterator<Item = &ObjectRef> {
    std::iter::once(&task.origin).chain(&task.owner)
}
