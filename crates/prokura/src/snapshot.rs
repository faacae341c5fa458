use std::{collections::BTreeMap, iter, ops::ControlFlow, sync::Arc};

use prokura_engine::{
    Context, Decision, EngineError, Explanation, Given, Limits, Permissionship, Question, Standing, Stats, Stored,
    View, limits::TASK_LINE_MAX,
};
use prokura_model::{
    Approval, ApprovalId, ApprovalState, AuthzenMapping, Credential, Delegation, DelegationId, Endorsement,
    EndorsementId, ObjectRef, Principal, RelationName, RelationshipFilter, Request, RequestId, RequestState, Revision,
    Schema, Spending, SubjectRef, Task, TaskId, TaskState, TenantName, Timestamp, Value,
};

use crate::{
    ApprovalFilter, AskError, By, Listed, OffBoard, OffBoarding, Page, RequestFilter, off_boarding,
    rights::{Rights, Verb},
    tenant::Tenant,
    writer::{may_answer, may_approve},
};

/// A tenant's state at one revision. It can only be asked, and never changes; two answers of one snapshot never
/// contradict each other.
///
/// A snapshot is good as long as its revision is kept (see [`Options::kept_revisions`](crate::Options)). After that its
/// answers are errors, never wrong.
///
/// What a decision depends on besides (suspension, tasks, links) is always read at the head, which is why deciding is
/// [`Authority::decide`](crate::Authority::decide) and not here.
#[derive(Clone, Debug)]
pub struct Snapshot {
    tenant: Arc<Tenant>,
    revision: Revision,
    pub(crate) limits: Limits,
    pub(crate) now: Timestamp,
    historic: bool,
    /// How whoever asks was known, for guards.
    pub(crate) credential: Option<Credential>,
    /// Whether guards narrow its lists.
    pub(crate) guards: bool,
}

/// Which tasks are meant. An absent member matches everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskFilter {
    /// For this origin.
    pub origin: Option<ObjectRef>,
    /// In this state.
    pub state: Option<TaskState>,
    /// A part of this task.
    pub parent: Option<TaskId>,
    /// For this one to see.
    pub seen_by: Option<By>,
}

/// Which delegations are meant. An absent member matches everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DelegationFilter {
    /// Under this task.
    pub task: Option<TaskId>,
    /// Made by this principal.
    pub from: Option<ObjectRef>,
    /// Made to this principal.
    pub to: Option<ObjectRef>,
    /// For this one to see.
    pub seen_by: Option<By>,
}

/// All attributes of an object.
pub type Attributes = BTreeMap<String, Value>;

impl Snapshot {
    pub(crate) fn at_head(tenant: Arc<Tenant>, limits: Limits, now: Timestamp) -> Self {
        let revision = tenant.index.published();
        Self { tenant, revision, limits, now, historic: false, credential: None, guards: true }
    }

    pub(crate) fn at(
        tenant: Arc<Tenant>,
        revision: Revision,
        limits: Limits,
        now: Timestamp,
    ) -> Result<Self, AskError> {
        let historic = revision < tenant.index.published();
        let snapshot = Self { tenant, revision, limits, now, historic, credential: None, guards: true };
        snapshot.read(|_| Ok(()))?;
        Ok(snapshot)
    }

    /// The same, asked by whoever was known in this way: what guards read as `credential` when they narrow lists.
    #[must_use]
    pub fn known_by(self, credential: Credential) -> Self {
        Self { credential: Some(credential), ..self }
    }

    /// The same, with lists that guards do not narrow: for whoever asks for a [`preview`](Self::preview) of each entry.
    #[must_use]
    pub fn before_guards(&self) -> Self {
        Self { guards: false, ..self.clone() }
    }

    /// What would be decided, with relationships, attributes and schema of this snapshot and everything else of the head.
    /// It is not recorded, and must not be enforced.
    ///
    /// # Errors
    /// It cannot be decided, or the revision is no longer kept.
    pub fn preview(&self, question: &Question) -> Result<Decision, AskError> {
        self.read(|view| self.tenant.at_head(|head| view.decide_with(&head, question, self.now, &self.limits)).1)
    }

    /// Which tenant's.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        &self.tenant.name
    }

    /// At which moment: relationships that are over by then do not exist for it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// At which revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// How much the tenant holds now, and how much memory its graph takes.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.tenant.index.stats()
    }

    /// Whether an exact revision was asked for that was not the newest any more. What such a snapshot answers shows how
    /// things were, and must not be enforced.
    #[must_use]
    pub fn is_historic(&self) -> bool {
        self.historic
    }

    /// The schema, once one was written.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn schema(&self) -> Result<Option<Arc<Schema>>, AskError> {
        self.read(|view| Ok(view.schema()))
    }

    /// The revision that wrote the schema, which is also the name of its provenance.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn schema_birth(&self) -> Result<Option<Revision>, AskError> {
        self.read(|view| Ok(view.schema_birth()))
    }

    /// Whether the subject has the permission on the resource, by relationships alone: nobody is asked whether the subject
    /// is suspended. Whoever enforces asks [`Authority::decide`](crate::Authority::decide) or
    /// [`decide_on`](crate::Authority::decide_on).
    ///
    /// # Errors
    /// It cannot be said, or the revision is no longer kept. An error is never a yes.
    pub fn check(
        &self,
        resource: &ObjectRef,
        permission: &RelationName,
        subject: &SubjectRef,
        context: &Context,
    ) -> Result<Permissionship, AskError> {
        self.read(|view| view.check(resource, permission, subject, self.given(context), &self.limits))
    }

    /// The same answer as [`check`](Self::check), and why.
    ///
    /// # Errors
    /// As `check`.
    pub fn explain(
        &self,
        resource: &ObjectRef,
        permission: &RelationName,
        subject: &SubjectRef,
        context: &Context,
    ) -> Result<Explanation, AskError> {
        self.read(|view| view.explain(resource, permission, subject, self.given(context), &self.limits))
    }

    /// The relationships that the filter means and that are not over, ascending.
    ///
    /// # Errors
    /// The page is not legal, or the revision is no longer kept.
    pub fn relationships(&self, filter: &RelationshipFilter, page: &Page) -> Result<Listed<Stored>, AskError> {
        page.check()?;
        let after = match &page.after {
            Some(text) => Some(text.parse().map_err(|_| AskError::CursorInvalid(text.clone()))?),
            None => None,
        };
        let found = self.read(|view| view.relationships(filter, after.as_ref(), page.size, self.now))?;
        Ok(Listed { entries: found.relationships, next: found.next.map(|next| next.to_string()) })
    }

    /// With whose authority the actor acts under the delegation, or under none, and within what; none if a decision would
    /// be denied for the actor or the chain, whatever it is about. With arguments, which questions would bring, it counts too
    /// what budgets and uses have left for them. Like a decision it reads the head.
    ///
    /// # Errors
    /// It cannot be said.
    pub fn standing(
        &self,
        actor: &ObjectRef,
        delegation: Option<&DelegationId>,
        arguments: Option<&Context>,
    ) -> Result<Option<Standing>, AskError> {
        let standing = |view: View<'_>| view.standing(actor, delegation, arguments, self.now, &self.limits);
        let (_, standing) = self.tenant.at_head(standing);
        Ok(standing?)
    }

    /// Whether whoever has this standing may be lent, or endorsed for, the permission on the resource: whether every link
    /// that bounds it surely carries that with these values, on the relationships of this snapshot.
    ///
    /// # Errors
    /// It cannot be said.
    pub fn covers(
        &self,
        standing: &Standing,
        permission: &RelationName,
        resource: &ObjectRef,
        context: &Context,
    ) -> Result<bool, AskError> {
        self.read(|view| view.covers(standing, permission, resource, self.given(context), self.limits()))
    }

    /// What names are called over AuthZEN; none if each is called what it is.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn authzen_mapping(&self) -> Result<Option<Arc<AuthzenMapping>>, AskError> {
        self.read(|view| Ok(view.authzen_mapping()))
    }

    /// The relationships that the filter means and that are not over, at most `limit` (and at most 10,000) after a cursor,
    /// in an order of its own, which stays the same as long as the authority is open: made for reading everything.
    ///
    /// A page holds in memory what it answers, and costs as much as what it passes over, while a page of
    /// [`relationships`](Self::relationships) looks at everything the filter leaves open. The cursor of an authority that
    /// was opened anew since is refused.
    ///
    /// # Errors
    /// The cursor is none of this export, or the revision is no longer kept.
    pub fn export(
        &self,
        filter: &RelationshipFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Stored>, AskError> {
        let instance = self.tenant.instance.simple();
        let after = after
            .map(|text| {
                let own = text.strip_prefix(&instance.to_string()).and_then(|rest| rest.strip_prefix('-'));
                own.and_then(|text| text.parse().ok()).ok_or_else(|| AskError::CursorInvalid(text.to_owned()))
            })
            .transpose()?;
        let found = self.read(|view| view.export(filter, after.as_ref(), limit, self.now))?;
        Ok(Listed { entries: found.relationships, next: found.next.map(|next| format!("{instance}-{next}")) })
    }

    /// Shows every relationship that the filter means and that is not over, in no particular order, until the visitor has
    /// seen enough: the whole of [`relationships`](Self::relationships) without pages.
    ///
    /// # Errors
    /// The revision is no longer kept; then some may have been left out.
    pub fn visit_relationships(
        &self,
        filter: &RelationshipFilter,
        mut visit: impl FnMut(Stored) -> ControlFlow<()>,
    ) -> Result<(), AskError> {
        self.read(|view| {
            view.visit_relationships(filter, |stored| {
                if stored.terms.is_over(self.now) { ControlFlow::Continue(()) } else { visit(stored) }
            })
        })
    }

    /// A registered principal.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn principal(&self, object: &ObjectRef) -> Result<Option<Arc<Principal>>, AskError> {
        self.read(|view| Ok(view.principal(object)))
    }

    /// Registered principals, by name.
    ///
    /// # Errors
    /// The page is not legal, or the revision is no longer kept.
    pub fn principals(&self, page: &Page) -> Result<Listed<Arc<Principal>>, AskError> {
        let principals = self.read(|view| Ok(view.principals()))?;
        Listed::of(principals, page, |principal| principal.object.clone(), |text| text.parse().ok())
    }

    /// What off-boarding the principal would come to in this state.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn off_boarding(&self, wanted: &OffBoard) -> Result<OffBoarding, AskError> {
        self.read(|view| {
            let open = off_boarding::Open::of(&view, self.now);
            Ok(off_boarding::plan(&view, self.now, wanted, open, self.limits.chain_links)?.off_boarding)
        })
    }

    /// A task.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn task(&self, id: &TaskId) -> Result<Option<Arc<Task>>, AskError> {
        self.read(|view| Ok(view.task(id)))
    }

    /// What was taken under a task so far, as far as it still counts. Like a decision it reads the head.
    #[must_use]
    pub fn spending(&self, task: &TaskId) -> Arc<Spending> {
        self.head().spending(task)
    }

    /// What the run of a task has touched so far: for each attribute that guards read of runs, the values that resources had
    /// for which something was allowed, in the order they were first touched. Like a decision it reads the head.
    #[must_use]
    pub fn touched(&self, task: &Task) -> BTreeMap<String, Vec<Value>> {
        let head = self.head();
        let above = |id: &TaskId| head.task(id).and_then(|task| task.parent.clone());
        let run = iter::successors(Some(task.id.clone()), above).take(TASK_LINE_MAX).last();
        run.map_or_else(BTreeMap::new, |run| head.spending(&run).touched.clone())
    }

    /// The tasks that the filter means, by id.
    ///
    /// # Errors
    /// The page is not legal, or the revision is no longer kept.
    pub fn tasks(&self, filter: &TaskFilter, page: &Page) -> Result<Listed<Arc<Task>>, AskError> {
        let meant = |task: &Arc<Task>| {
            filter.origin.as_ref().is_none_or(|origin| *origin == task.origin)
                && filter.state.is_none_or(|state| state == task.state)
                && filter.parent.as_ref().is_none_or(|parent| Some(parent) == task.parent.as_ref())
        };
        let (key, read_key) = (|task: &Arc<Task>| task.id.clone(), |text: &str| TaskId::new(text));
        self.read(|view| {
            let tasks = view.tasks().into_iter().filter(meant).collect();
            let Some(by) = &filter.seen_by else { return Ok(Listed::of(tasks, page, key, read_key)) };
            let rights = self.rights(view, by).for_list();
            Ok(Listed::some(tasks, page, key, read_key, |task| rights.may_task(task, Verb::See)))
        })?
    }

    /// A delegation.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn delegation(&self, id: &DelegationId) -> Result<Option<Arc<Delegation>>, AskError> {
        self.read(|view| Ok(view.delegation(id)))
    }

    /// The delegations that the filter means, by id.
    ///
    /// # Errors
    /// The page is not legal, or the revision is no longer kept.
    pub fn delegations(&self, filter: &DelegationFilter, page: &Page) -> Result<Listed<Arc<Delegation>>, AskError> {
        let meant = |delegation: &Arc<Delegation>| {
            filter.from.as_ref().is_none_or(|from| *from == delegation.from)
                && filter.to.as_ref().is_none_or(|to| *to == delegation.to)
        };
        let (key, read_key) = (|link: &Arc<Delegation>| link.id.clone(), |text: &str| DelegationId::new(text));
        self.read(|view| {
            let links = match &filter.task {
                Some(task) => self.tenant.parts.of(task, &self.tenant.index, &view),
                None => view.delegations(),
            };
            let links = links.into_iter().filter(meant).collect();
            let Some(by) = &filter.seen_by else { return Ok(Listed::of(links, page, key, read_key)) };
            let rights = self.rights(view, by).for_list();
            Ok(Listed::some(links, page, key, read_key, |link| rights.may_delegation(link, Verb::See)))
        })?
    }

    /// An endorsement.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn endorsement(&self, id: &EndorsementId) -> Result<Option<Arc<Endorsement>>, AskError> {
        self.read(|view| Ok(view.endorsement(id)))
    }

    /// The endorsements of a worker, or of all, that somebody may see, or all; by id.
    ///
    /// # Errors
    /// The page is not legal, or the revision is no longer kept.
    pub fn endorsements(
        &self,
        worker: Option<&ObjectRef>,
        seen_by: Option<&By>,
        page: &Page,
    ) -> Result<Listed<Arc<Endorsement>>, AskError> {
        let (key, read_key) = (|found: &Arc<Endorsement>| found.id.clone(), |text: &str| EndorsementId::new(text));
        self.read(|view| {
            let mut found = view.endorsements();
            found.retain(|endorsement| worker.is_none_or(|worker| *worker == endorsement.worker));
            let Some(by) = seen_by else { return Ok(Listed::of(found, page, key, read_key)) };
            let rights = self.rights(view, by).for_list();
            Ok(Listed::some(found, page, key, read_key, |found| rights.may_endorsement(found, Verb::See)))
        })?
    }

    /// Whether this one may see the task: its origin, its owner, whoever makes or receives a delegation under it, who owns one
    /// of these, and who the schema gives authority over one.
    ///
    /// # Errors
    /// It cannot be said, or the revision is no longer kept.
    pub fn may_see_task(&self, by: &By, task: &Task) -> Result<bool, AskError> {
        self.read(|view| self.rights(view, by).may_task(task, Verb::See))
    }

    /// Whether this one may see the delegation: who makes it, receives it, or made one above it, the origin and the owner of its
    /// task, who owns one of these, and who the schema gives authority over one.
    ///
    /// # Errors
    /// It cannot be said, or the revision is no longer kept.
    pub fn may_see_delegation(&self, by: &By, delegation: &Delegation) -> Result<bool, AskError> {
        self.read(|view| self.rights(view, by).may_delegation(delegation, Verb::See))
    }

    /// Whether this one may see the endorsement: who made it, the worker, who owns one of these, and who the schema gives
    /// authority over one.
    ///
    /// # Errors
    /// It cannot be said, or the revision is no longer kept.
    pub fn may_see_endorsement(&self, by: &By, endorsement: &Endorsement) -> Result<bool, AskError> {
        self.read(|view| self.rights(view, by).may_endorsement(endorsement, Verb::See))
    }

    fn rights<'r>(&'r self, view: View<'r>, by: &By) -> Rights<'r> {
        Rights::of(by.clone(), (view, &self.tenant), self.now, &self.limits)
    }

    /// A request for access.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn request(&self, id: &RequestId) -> Result<Option<Arc<Request>>, AskError> {
        self.read(|view| Ok(view.request(id)))
    }

    /// The requests for access that the filter means, by id.
    ///
    /// # Errors
    /// The page is not legal, or the revision is no longer kept.
    pub fn requests(&self, filter: &RequestFilter, page: &Page) -> Result<Listed<Arc<Request>>, AskError> {
        let found = self.read(|view| {
            let mut found = view.requests();
            found.retain(|request| self.is_meant(&view, filter, request));
            Ok(found)
        })?;
        Listed::of(found, page, |request| request.id.clone(), |text| RequestId::new(text))
    }

    /// Whether the filter means this request.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn means_request(&self, filter: &RequestFilter, request: &Request) -> Result<bool, AskError> {
        self.read(|view| Ok(self.is_meant(&view, filter, request)))
    }

    fn is_meant(&self, view: &View<'_>, filter: &RequestFilter, request: &Request) -> bool {
        let answers =
            |by: &ObjectRef| may_answer(view, self.now, self.limits(), request, by, &request.resources).is_ok();
        let waits = request.state_at(self.now) == RequestState::Pending || request.awaits_review();
        let sees = |by: &ObjectRef| {
            let task = request.task.as_ref().and_then(|task| view.task(task));
            let said = [&request.answer, &request.review].into_iter().flatten();
            request.requester == *by
                || task.is_some_and(|task| task.origin == *by)
                || said.filter_map(|answer| answer.by.as_ref()).any(|author| author == by)
                || (request.is_open(self.now) && answers(by))
        };
        filter.matches(request, self.now)
            && filter.answerable_by.as_ref().is_none_or(|by| waits && answers(by))
            && filter.seen_by.as_ref().is_none_or(sees)
    }

    /// An approval, as it stands, from when it was asked for.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn approval(&self, id: &ApprovalId) -> Result<Option<Arc<Approval>>, AskError> {
        self.read(|view| Ok(view.approval(id)))
    }

    /// The approvals that the filter means, by id.
    ///
    /// # Errors
    /// The page is not legal, or the revision is no longer kept.
    pub fn approvals(&self, filter: &ApprovalFilter, page: &Page) -> Result<Listed<Arc<Approval>>, AskError> {
        let found = self.read(|view| {
            let mut found = view.approvals();
            found.retain(|approval| self.is_meant_approval(&view, filter, approval));
            Ok(found)
        })?;
        Listed::of(found, page, |approval| approval.id.clone(), |text| ApprovalId::new(text))
    }

    /// Whether the filter means this approval.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn means_approval(&self, filter: &ApprovalFilter, approval: &Approval) -> Result<bool, AskError> {
        self.read(|view| Ok(self.is_meant_approval(&view, filter, approval)))
    }

    fn is_meant_approval(&self, view: &View<'_>, filter: &ApprovalFilter, approval: &Approval) -> bool {
        let answers = |by: &ObjectRef| may_approve(view, self.now, self.limits(), approval, by).is_ok();
        let waits = approval.state_at(self.now) == ApprovalState::Pending;
        let sees = |by: &ObjectRef| {
            let task = approval.action.task.as_ref().and_then(|task| view.task(task));
            approval.action.actor == *by
                || task.is_some_and(|task| task.origin == *by)
                || approval.answer.as_ref().is_some_and(|answer| answer.by.as_ref() == Some(by))
                || (approval.is_open(self.now) && answers(by))
        };
        filter.matches(approval, self.now)
            && filter.answerable_by.as_ref().is_none_or(|by| waits && answers(by))
            && filter.seen_by.as_ref().is_none_or(sees)
    }

    /// All attributes of an object; none of one that has none.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn attributes(&self, object: &ObjectRef) -> Result<Option<Arc<Attributes>>, AskError> {
        self.read(|view| Ok(view.attributes(object)))
    }

    /// All objects with attributes, by name.
    ///
    /// # Errors
    /// The page is not legal, or the revision is no longer kept.
    pub fn all_attributes(&self, page: &Page) -> Result<Listed<(ObjectRef, Arc<Attributes>)>, AskError> {
        let attributes = self.read(|view| Ok(view.all_attributes()))?;
        Listed::of(attributes, page, |(object, _)| object.clone(), |text| text.parse().ok())
    }

    pub(crate) fn given<'c>(&self, context: &'c Context) -> Given<'c> {
        Given { now: self.now, context }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The tenant as of now, for what is never read at an older revision.
    pub(crate) fn head(&self) -> View<'_> {
        self.tenant.index.view()
    }

    pub(crate) fn tenant_kept(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// Reads at the snapshot's revision. What was read while the index forgot that revision is thrown away: it might be
    /// half of it.
    pub(crate) fn read<T>(&self, read: impl FnOnce(View<'_>) -> Result<T, EngineError>) -> Result<T, AskError> {
        let index = &self.tenant.index;
        let answer = index.view_at(self.revision).and_then(read);
        let oldest = index.horizon();
        let outside = oldest > self.revision || self.revision > index.published();
        if outside {
            return Err(AskError::RevisionNotKept { wanted: self.revision, oldest, newest: index.published() });
        }
        Ok(answer?)
    }
}
