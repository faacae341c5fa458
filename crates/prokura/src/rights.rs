//! Who may create, see and end tasks, delegations and endorsements, where it is not an administrator: what the state says at
//! this moment. See `docs/decisions/0051-authority-over-links.md`.

use std::{
    cell::{OnceCell, RefCell},
    collections::{BTreeSet, HashMap, HashSet},
    iter,
    sync::Arc,
};

use prokura_engine::{Context, EngineError, Given, Limits, Question, View};
use prokura_model::{
    Credential, Delegation, Disposition, Endorsement, ObjectId, ObjectRef, PrincipalState, RelationName, Schema,
    SubjectRef, Task, TaskId, Timestamp, TypeName,
};

use crate::{limits::OWNERS_ABOVE_MAX, tenant::Tenant};

/// Whoever writes or reads for themselves, and not as an administrator.
#[derive(Clone, Debug, PartialEq)]
pub struct By {
    /// Who.
    pub principal: ObjectRef,
    /// How it was known, for guards.
    pub credential: Option<Credential>,
}

impl By {
    /// Somebody of whom no more is known.
    #[must_use]
    pub fn new(principal: ObjectRef) -> Self {
        Self { principal, credential: None }
    }
}

/// What somebody would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    /// Make it in somebody's name.
    Create,
    /// Know of it.
    See,
    /// End it.
    Revoke,
}

/// What the state says about the rights of one. Each question is answered once.
pub(crate) struct Rights<'r> {
    pub(crate) view: View<'r>,
    tenant: &'r Tenant,
    now: Timestamp,
    limits: &'r Limits,
    by: By,
    schema: Option<Arc<Schema>>,
    stopped: Option<String>,
    decided: RefCell<HashMap<(ObjectRef, RelationName), Result<bool, EngineError>>>,
    /// For lists: what there is to be decided about at all.
    listed: Option<RefCell<HashMap<(TypeName, RelationName), Candidates>>>,
    /// For lists: who has a part in which task.
    parties: OnceCell<HashMap<TaskId, BTreeSet<ObjectRef>>>,
}

/// On which objects of a type somebody has a permission before guards; none if that is too much to say.
type Candidates = Option<Arc<HashSet<ObjectId>>>;

type Said = Result<bool, EngineError>;

impl<'r> Rights<'r> {
    pub(crate) fn of(by: By, (view, tenant): (View<'r>, &'r Tenant), now: Timestamp, limits: &'r Limits) -> Self {
        let stopped = stopped(&view, &by.principal);
        Self {
            schema: view.schema(),
            view,
            tenant,
            now,
            limits,
            by,
            stopped,
            decided: RefCell::default(),
            listed: None,
            parties: OnceCell::new(),
        }
    }

    /// The same, for asking about many.
    pub(crate) fn for_list(self) -> Self {
        Self { listed: Some(RefCell::default()), ..self }
    }

    /// The same state, seen by somebody else.
    fn of_other(&self, principal: &ObjectRef) -> Self {
        Self::of(By::new(principal.clone()), (self.view, self.tenant), self.now, self.limits)
    }

    /// Who it is about.
    pub(crate) fn by(&self) -> &ObjectRef {
        &self.by.principal
    }

    /// Why this one may do nothing at all, if it is so.
    pub(crate) fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    /// Whether it may make tasks, delegations and endorsements in the name of this one.
    pub(crate) fn may_create_for(&self, whose: &ObjectRef) -> Said {
        self.any([whose], Verb::Create, || false)
    }

    /// What is made in somebody's name is made under what that one knows of, or whoever makes it.
    pub(crate) fn may_create_under(&self, whose: &ObjectRef, seen: impl Fn(&Self) -> Said) -> Said {
        first(iter::once_with(|| seen(self)).chain(iter::once_with(|| seen(&self.of_other(whose)))))
    }

    /// Whether it may see a task, or close it: for its origin or its owner; see it besides for whoever has a part in it.
    pub(crate) fn may_task(&self, task: &Task, verb: Verb) -> Said {
        let answers = iter::once(&task.origin).chain(&task.owner);
        let parties = if verb == Verb::See { self.parties(&task.id) } else { BTreeSet::new() };
        self.any(answers.chain(&parties), verb, || false)
    }

    /// Whether it may see a delegation, or revoke it: for whoever makes it or receives it, or answers for its task; or because
    /// it made one above it.
    pub(crate) fn may_delegation(&self, link: &Delegation, verb: Verb) -> Said {
        let task = self.view.task(&link.task);
        let answers = task.iter().flat_map(|task| iter::once(&task.origin).chain(&task.owner));
        self.any([&link.from, &link.to].into_iter().chain(answers), verb, || self.is_upstream(link))
    }

    /// Whether it may see an endorsement, or revoke it: for whoever makes it, or for the worker; the worker itself only sees it.
    pub(crate) fn may_endorsement(&self, endorsement: &Endorsement, verb: Verb) -> Said {
        let Endorsement { by, worker, .. } = endorsement;
        if verb == Verb::Revoke && worker == self.by() {
            return self.any([by], verb, || false);
        }
        self.any([by, worker], verb, || false)
    }

    /// What is needed for this, beside being it or owning it: the permissions that the schema names.
    pub(crate) fn needed<'o>(&self, over: impl IntoIterator<Item = &'o ObjectRef>, verb: Verb) -> Vec<String> {
        let over: BTreeSet<&ObjectRef> = over.into_iter().collect();
        let each = |object: &ObjectRef| {
            self.named(&object.kind, verb).into_iter().map(|name| format!("`{name}` on `{object}`")).collect::<Vec<_>>()
        };
        over.into_iter().flat_map(each).collect()
    }

    /// By being one of these, by owning one, because of something else that costs little; or by what the schema says.
    fn any<'o>(
        &self,
        over: impl IntoIterator<Item = &'o ObjectRef>,
        verb: Verb,
        otherwise: impl FnOnce() -> bool,
    ) -> Said {
        if self.stopped.is_some() {
            return Ok(false);
        }
        let over: BTreeSet<&ObjectRef> = over.into_iter().collect();
        if over.iter().any(|object| *object == self.by() || self.owns(object)) || otherwise() {
            return Ok(true);
        }
        first(over.into_iter().map(|object| self.holds(object, verb)))
    }

    /// It is its owner, or that one's, and so on.
    fn owns(&self, object: &ObjectRef) -> bool {
        let owner = |object: &ObjectRef| self.view.principal(object).and_then(|found| found.owner.clone());
        let above = iter::successors(owner(object), owner).take(OWNERS_ABOVE_MAX);
        above.into_iter().any(|owner| owner == *self.by())
    }

    /// It made a delegation that this one hangs below.
    fn is_upstream(&self, link: &Delegation) -> bool {
        let above = |link: &Delegation| link.parent.as_ref().and_then(|id| self.view.delegation(id));
        let mut links = iter::successors(above(link), |link| above(link)).take(self.limits.chain_links);
        links.any(|link| link.from == *self.by())
    }

    fn holds(&self, object: &ObjectRef, verb: Verb) -> Said {
        first(self.named(&object.kind, verb).into_iter().map(|permission| self.has(object, permission)))
    }

    /// The permissions of a type by which the schema gives this. What somebody may end, they may see.
    fn named(&self, kind: &TypeName, verb: Verb) -> Vec<&RelationName> {
        let Some(over) = self.schema.as_ref().and_then(|schema| schema.authority_over(kind)) else { return Vec::new() };
        let named = match verb {
            Verb::Create => [over.create.as_ref(), None],
            Verb::See => [over.see.as_ref(), over.revoke.as_ref()],
            Verb::Revoke => [over.revoke.as_ref(), None],
        };
        named.into_iter().flatten().collect()
    }

    /// An ordinary decision about its own authority. What an allow would use up is not used up here, so it does not count.
    fn has(&self, object: &ObjectRef, permission: &RelationName) -> Said {
        let key = (object.clone(), permission.clone());
        if let Some(decided) = self.decided.borrow().get(&key) {
            return decided.clone();
        }
        let decided = if self.may_have(object, permission) { self.decide(object, permission) } else { Ok(false) };
        self.decided.borrow_mut().insert(key, decided.clone());
        decided
    }

    fn decide(&self, object: &ObjectRef, permission: &RelationName) -> Said {
        let question = Question {
            actor: self.by.principal.clone(),
            delegation: None,
            permission: permission.clone(),
            resource: object.clone(),
            arguments: Context::new(),
            context: Context::new(),
            credential: self.by.credential.clone(),
            tool_schema: None,
        };
        let decision = self.view.decide(&question, self.now, self.limits)?;
        Ok(decision.disposition() == Disposition::Allow && decision.taken.is_empty())
    }

    /// Whether there is anything to decide: nobody of a type that the schema lacks has anything, and where many are asked about,
    /// it is found out first which ones matter.
    fn may_have(&self, object: &ObjectRef, permission: &RelationName) -> bool {
        let kind = self.by.principal.kind.as_str();
        if self.schema.as_ref().is_none_or(|schema| schema.definition(kind).is_none()) {
            return false;
        }
        let Some(listed) = &self.listed else { return true };
        let key = (object.kind.clone(), permission.clone());
        let known = listed.borrow().get(&key).cloned();
        let candidates = known.unwrap_or_else(|| {
            let found = self.candidates(&object.kind, permission);
            listed.borrow_mut().insert(key, found.clone());
            found
        });
        candidates.is_none_or(|candidates| candidates.contains(&object.id))
    }

    fn candidates(&self, kind: &TypeName, permission: &RelationName) -> Candidates {
        let (context, subject) = (Context::new(), SubjectRef::Object(self.by.principal.clone()));
        let given = Given { now: self.now, context: &context };
        let found = self.view.lookup_resources(kind, permission, &subject, given, self.limits).ok()?;
        Some(Arc::new(found.into_iter().map(|(id, _)| id).collect()))
    }

    /// Who has a part in a task: makes or receives a delegation under it.
    fn parties(&self, task: &TaskId) -> BTreeSet<ObjectRef> {
        if self.listed.is_none() {
            let links = self.tenant.parts.of(task, &self.tenant.index, &self.view);
            return links.iter().flat_map(|link| [link.from.clone(), link.to.clone()]).collect();
        }
        let all = self.parties.get_or_init(|| {
            let mut all: HashMap<TaskId, BTreeSet<ObjectRef>> = HashMap::new();
            for link in self.view.delegations() {
                all.entry(link.task.clone()).or_default().extend([link.from.clone(), link.to.clone()]);
            }
            all
        });
        all.get(task).cloned().unwrap_or_default()
    }
}

/// Yes, if one is; what went wrong, if it might be and cannot be said.
fn first(said: impl IntoIterator<Item = Said>) -> Said {
    let mut failed = None;
    for said in said {
        match said {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(false), Err)
}

/// Why a decision would be denied, whatever it is about: the first step of it.
fn stopped(view: &View<'_>, principal: &ObjectRef) -> Option<String> {
    let known = view.principal(principal)?;
    if known.state != PrincipalState::Active {
        return Some(format!("`{principal}` is {}", known.state));
    }
    let owner = known.owner.as_ref().and_then(|owner| view.principal(owner))?;
    let gone = owner.state == PrincipalState::OffBoarded;
    gone.then(|| format!("`{}`, who owns `{principal}`, is off-boarded, and nobody owns it since", owner.object))
}
