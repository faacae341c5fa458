pub(crate) mod image;
mod staged;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use papaya::HashMap;
use prokura_model::{
    Approval, ApprovalId, AuthzenMapping, DecisionId, DelegationId, Endorsement, EndorsementId, Model, ModelId,
    ObjectRef, Principal, Request, RequestId, Revision, Spending, Task, TaskId, Terms, Transaction, Value,
};

use self::staged::Drafted;
pub(crate) use self::staged::Staged;
use crate::{
    ApplyError, EngineError, Memory, View,
    arena::{Full, Writing},
    edit::{Edit, Tally},
    guard::Guard,
    hash::PackedHash,
    link::Link,
    list::{Birth, List},
    lists::{Change as EdgeChange, End, Rewrite},
    names::Names,
    nesting::Nesting,
    packed::{Class, Node, Subject},
    program::Program,
    timeline::Register,
};

/// The graph and everything else that is asked about, at every revision that is kept.
///
/// Readers take no lock: they load the published revision once and see of every list and timeline what that revision sees.
/// The writer replaces each list that a transaction touches once, and then publishes.
pub struct Index {
    pub(crate) names: Names,
    pub(crate) nesting: Nesting,
    pub(crate) terms: HashMap<EdgeKey, Arc<Terms>, PackedHash>,
    pub(crate) programs: Register<(), Program>,
    pub(crate) models: Register<ModelId, Compiled>,
    pub(crate) newest_model: Register<(), ModelId>,
    pub(crate) assertions: Register<ModelId, String>,
    pub(crate) principals: Register<ObjectRef, Principal>,
    pub(crate) tasks: Register<TaskId, Task>,
    pub(crate) delegations: Register<DelegationId, Link>,
    pub(crate) endorsements: Register<EndorsementId, Endorsement>,
    /// The endorsements ever made of a worker.
    pub(crate) endorsed: Register<ObjectRef, BTreeSet<EndorsementId>>,
    pub(crate) requests: Register<RequestId, Request>,
    pub(crate) approvals: Register<ApprovalId, Approval>,
    /// What was taken under tasks with budgets, or with links that have uses.
    pub(crate) spending: Register<TaskId, Spending>,
    /// The task of every reservation that was neither committed nor released.
    pub(crate) reserved: Register<DecisionId, TaskId>,
    pub(crate) attributes: Register<ObjectRef, BTreeMap<String, Value>>,
    pub(crate) authzen_mapping: Register<(), AuthzenMapping>,
    applied: AtomicU64,
    published: AtomicU64,
    horizon: AtomicU64,
    relationships: AtomicU64,
    ended: AtomicU64,
    writer: Mutex<Writer>,
}

/// A model, and what it means.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) model: Arc<Model>,
    pub(crate) program: Program,
}

/// An edge that holds on terms, and the revision that gave it those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EdgeKey {
    pub(crate) node: Node,
    pub(crate) subject: Subject,
    pub(crate) birth: Revision,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Objects ever named in a relationship.
    pub objects: u64,
    /// Relationships that exist at the newest applied revision.
    pub relationships: u64,
    /// Relationships that ended, and are kept for older revisions.
    pub ended: u64,
    /// Memory of objects' names and of relationships, in bytes; terms come on top.
    pub bytes: u64,
    /// Of these, what finds objects by name.
    pub name_bytes: u64,
    /// Of these, what holds nothing now and is used again.
    pub free_bytes: u64,
    /// Relationships with a caveat or an end, the ended ones that are kept included.
    pub with_terms: u64,
}

impl Index {
    /// The empty index, at revision 0.
    #[must_use]
    pub fn new() -> Self {
        Self::within(&Memory::unlimited())
    }

    /// The same, whose graph takes its memory from here.
    #[must_use]
    pub fn within(memory: &Memory) -> Self {
        // The maps share one collector of what readers may still look at, so that one guard serves a whole question.
        let collector = Arc::default();
        Self {
            names: Names::new(
                HashMap::builder().shared_collector(Arc::clone(&collector)).build(),
                HashMap::builder().shared_collector(Arc::clone(&collector)).build(),
                memory,
            ),
            nesting: Nesting::new(memory),
            terms: HashMap::builder().hasher(Default::default()).shared_collector(Arc::clone(&collector)).build(),
            programs: Register::new(HashMap::builder().shared_collector(Arc::clone(&collector))),
            models: Register::new(HashMap::builder().shared_collector(Arc::clone(&collector))),
            newest_model: Register::new(HashMap::builder().shared_collector(Arc::clone(&collector))),
            assertions: Register::new(HashMap::builder().shared_collector(Arc::clone(&collector))),
            principals: Register::new(HashMap::builder().shared_collector(Arc::clone(&collector))),
            tasks: Register::new(HashMap::builder().shared_collector(Arc::clone(&collector))),
            delegations: Register::new(HashMap::builder().shared_collector(Arc::clone(&collector))),
            endorsements: Register::new(HashMap::builder().shared_collector(Arc::clone(&collector))),
            endorsed: Register::new(HashMap::builder().shared_collector(Arc::clone(&collector))),
            requests: Register::new(HashMap::builder().shared_collector(Arc::clone(&collector))),
            approvals: Register::new(HashMap::builder().shared_collector(Arc::clone(&collector))),
            spending: Register::new(HashMap::builder().shared_collector(Arc::clone(&collector))),
            reserved: Register::new(HashMap::builder().shared_collector(Arc::clone(&collector))),
            attributes: Register::new(HashMap::builder().shared_collector(Arc::clone(&collector))),
            authzen_mapping: Register::new(HashMap::builder().shared_collector(collector)),
            applied: AtomicU64::new(0),
            published: AtomicU64::new(0),
            horizon: AtomicU64::new(0),
            relationships: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            writer: Mutex::new(Writer::default()),
        }
    }

    /// Takes in the next transaction. Readers do not see it until it is [published](Self::publish).
    ///
    /// # Errors
    /// It was not taken in, and nothing of it.
    pub fn apply(&self, transaction: &Transaction) -> Result<(), ApplyError> {
        let mut writer = self.writer.lock().map_err(|_| ApplyError::CutShort)?;
        let applied = self.applied();
        if transaction.revision != applied.next() {
            return Err(ApplyError::OutOfOrder { applied, found: transaction.revision });
        }
        let guard = self.guard();
        let mut staged = Staged::new(self, transaction, &guard)?;
        writer.know_nested(&staged);
        self.take_in_edges(&mut staged, transaction.revision, &mut writer, &guard)?;
        self.take_in_registers(staged, transaction.revision, &mut writer, &guard);
        self.applied.store(transaction.revision.0, Ordering::Release);
        Ok(())
    }

    /// Shows readers everything up to this revision. Never steps back, and never beyond what is applied.
    pub fn publish(&self, revision: Revision) {
        self.published.fetch_max(revision.min(self.applied()).0, Ordering::AcqRel);
    }

    /// The newest revision that readers see.
    #[must_use]
    pub fn published(&self) -> Revision {
        Revision(self.published.load(Ordering::Acquire))
    }

    /// The newest revision that is applied.
    #[must_use]
    pub fn applied(&self) -> Revision {
        Revision(self.applied.load(Ordering::Acquire))
    }

    /// The oldest revision that can still be asked about.
    #[must_use]
    pub fn horizon(&self) -> Revision {
        Revision(self.horizon.load(Ordering::Acquire))
    }

    /// The state at the published revision.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View::new(self, self.published())
    }

    /// The state at the newest applied revision, published or not: the writer's own.
    #[must_use]
    pub fn view_applied(&self) -> View<'_> {
        View::new(self, self.applied())
    }

    /// The state at an earlier revision.
    ///
    /// # Errors
    /// The revision is not published, or no longer kept.
    pub fn view_at(&self, revision: Revision) -> Result<View<'_>, EngineError> {
        let published = self.published();
        if revision > published {
            return Err(EngineError::RevisionNotPublished { asked: revision, published });
        }
        self.check_kept(revision)?;
        Ok(View::new(self, revision))
    }

    /// Forgets what only revisions before the horizon need. A horizon beyond what is published counts as that.
    pub fn collect(&self, horizon: Revision) {
        // A cut-short writer leaves everything as it is.
        let Ok(mut writer) = self.writer.lock() else { return };
        let horizon = horizon.min(self.published());
        // First the horizon, then the forgetting: a reader that misses something finds out when it looks at the horizon last.
        self.horizon.fetch_max(horizon.0, Ordering::AcqRel);
        let guard = self.guard();
        let later = writer.outdated.split_off(&horizon.next());
        let due: BTreeSet<Outdated> = std::mem::replace(&mut writer.outdated, later).into_values().flatten().collect();
        for outdated in due {
            self.forget(&outdated, horizon, &guard);
        }
    }

    /// How many relationships exist at the newest applied revision.
    #[must_use]
    pub fn relationships(&self) -> u64 {
        self.relationships.load(Ordering::Relaxed)
    }

    /// How much there is.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            objects: u64::from(self.names.objects.len()),
            relationships: self.relationships(),
            ended: self.ended.load(Ordering::Relaxed),
            bytes: self.names.objects.bytes() + self.nesting.bytes(),
            name_bytes: self.names.objects.name_bytes(),
            free_bytes: self.names.objects.arena.free_bytes(),
            with_terms: self.terms.len() as u64,
        }
    }

    pub(crate) fn guard(&self) -> Guard<'_> {
        Guard { maps: self.terms.guard(), pin: self.names.objects.arena.pin() }
    }

    /// The edges of the node.
    pub(crate) fn edges_from<'g>(&'g self, node: Node, guard: &'g Guard<'_>) -> Option<List<'g>> {
        self.names.objects.edges_from(node, &guard.pin)
    }

    /// The edges that name the subject.
    pub(crate) fn edges_to<'g>(&'g self, subject: Subject, guard: &'g Guard<'_>) -> Option<List<'g>> {
        Some(self.names.objects.edges_to(subject, &guard.pin)?.list(&self.names.objects.arena))
    }

    /// Asked after reading: what was read is whole unless the horizon has passed the revision.
    pub(crate) fn check_kept(&self, revision: Revision) -> Result<(), EngineError> {
        let horizon = self.horizon();
        if revision < horizon {
            return Err(EngineError::RevisionCollected { asked: revision, horizon });
        }
        Ok(())
    }

    /// The terms on which an edge holds; none if it holds for good.
    pub(crate) fn terms_of<'g>(
        &'g self,
        node: Node,
        subject: Subject,
        birth: Birth,
        guard: &'g Guard<'_>,
    ) -> Option<&'g Arc<Terms>> {
        if !birth.on_terms() {
            return None;
        }
        self.terms.get(&EdgeKey { node, subject, birth: birth.revision() }, &guard.maps)
    }

    /// Takes in the edges; none of them if there is no room for one.
    fn take_in_edges(
        &self,
        staged: &mut Staged,
        at: Revision,
        writer: &mut Writer,
        guard: &Guard<'_>,
    ) -> Result<(), ApplyError> {
        let edges = std::mem::take(&mut staged.edges);
        let mut writing = self.names.objects.arena.writing();
        let rewrites = self.rewrites(&edges, at, &mut writing)?;
        if edges.iter().any(|(node, subject, _)| writer.is_nesting(*node, *subject)) {
            self.nesting.change(at);
        }
        if !writer.nested.is_empty() {
            self.nesting.make_room(self.names.objects_len());
        }
        // First the terms, then what says that there are some.
        for ((node, subject), terms) in std::mem::take(&mut staged.terms) {
            if let Drafted::On { terms, begins: true } = terms {
                self.terms.insert(EdgeKey { node, subject, birth: at }, terms, &guard.maps);
            }
        }
        for (end, rewrite) in rewrites {
            let Tally { begun, ended } = rewrite.tally;
            if ended > 0 {
                writer.outdate(at, Outdated::Edges(end));
            }
            if matches!(end, End::From(_)) {
                self.relationships.fetch_add(begun, Ordering::Relaxed);
                self.relationships.fetch_sub(ended, Ordering::Relaxed);
                self.ended.fetch_add(ended, Ordering::Relaxed);
            }
            self.names.objects.put(end, rewrite, &mut writing);
        }
        writing.reclaim();
        Ok(())
    }

    /// What becomes of the lists at both ends of the edges.
    fn rewrites(
        &self,
        edges: &[(Node, Subject, Edit)],
        at: Revision,
        writing: &mut Writing<'_>,
    ) -> Result<Vec<(End, Rewrite)>, ApplyError> {
        let ends = edges.iter().flat_map(|(node, subject, edit)| EdgeChange::at_ends(*node, *subject, *edit));
        let mut changes: Vec<EdgeChange> = ends.collect();
        // A stable sort: the edits of one edge stay in the order they were made.
        changes.sort_by_key(EdgeChange::place);
        let (mut rewrites, mut scratch) = (Vec::new(), Vec::new());
        for same in changes.chunk_by(|one, other| one.end() == other.end()) {
            let Some(end) = same.first().map(EdgeChange::end) else { continue };
            match self.names.objects.rewrite(end, same, at, writing, &mut scratch) {
                Ok(rewrite) => rewrites.push((end, rewrite)),
                Err(Full) => {
                    rewrites.into_iter().for_each(|(_, rewrite): (End, Rewrite)| rewrite.drop(writing));
                    return Err(ApplyError::GraphFull);
                }
            }
        }
        Ok(rewrites)
    }

    fn take_in_registers(&self, staged: Staged, at: Revision, writer: &mut Writer, guard: &Guard<'_>) {
        let Staged { program, models, assertions, principals, tasks, attributes, authzen_mapping, .. } = staged;
        let Staged { delegations, endorsements, requests, approvals, spending, .. } = staged;
        for (object, principal) in principals {
            writer.outdate(at, Outdated::Principal(object.clone()));
            self.principals.write(object, at, principal.map(Arc::new), guard);
        }
        for (id, task) in tasks {
            writer.outdate(at, Outdated::Task(id.clone()));
            self.tasks.write(id, at, Some(Arc::new(task)), guard);
        }
        for (id, delegation) in delegations {
            writer.outdate(at, Outdated::Delegation(id.clone()));
            self.delegations.write(id, at, Some(Arc::new(Link::new(delegation))), guard);
        }
        for (id, endorsement) in endorsements {
            writer.outdate(at, Outdated::Endorsement(id.clone()));
            let of_worker = self.endorsed.at(&endorsement.worker, at, guard).map(|(_, ids)| BTreeSet::clone(ids));
            let mut of_worker = of_worker.unwrap_or_default();
            if of_worker.insert(id.clone()) {
                writer.outdate(at, Outdated::Endorsed(endorsement.worker.clone()));
                self.endorsed.write(endorsement.worker.clone(), at, Some(Arc::new(of_worker)), guard);
            }
            self.endorsements.write(id, at, Some(Arc::new(endorsement)), guard);
        }
        for (id, request) in requests {
            writer.outdate(at, Outdated::Request(id.clone()));
            self.requests.write(id, at, Some(Arc::new(request)), guard);
        }
        for (id, approval) in approvals {
            writer.outdate(at, Outdated::Approval(id.clone()));
            self.approvals.write(id, at, Some(Arc::new(approval)), guard);
        }
        for (task, spending) in spending {
            self.take_in_spending(task, spending, at, writer, guard);
        }
        for (object, members) in attributes {
            writer.outdate(at, Outdated::Attributes(object.clone()));
            self.attributes.write(object, at, (!members.is_empty()).then(|| Arc::new(members)), guard);
        }
        if let Some(mapping) = authzen_mapping {
            writer.outdate(at, Outdated::AuthzenMapping);
            self.authzen_mapping.write((), at, (!mapping.is_empty()).then(|| Arc::new(mapping)), guard);
        }
        for (model, text) in assertions {
            writer.outdate(at, Outdated::Assertions(model.clone()));
            self.assertions.write(model, at, Some(Arc::new(text)), guard);
        }
        for compiled in models {
            let id = compiled.model.id.clone();
            writer.outdate(at, Outdated::Model(id.clone()));
            self.models.write(id.clone(), at, Some(Arc::new(compiled)), guard);
            self.newest_model.write((), at, Some(Arc::new(id)), guard);
        }
        if let Some(program) = program {
            writer.outdate(at, Outdated::Schema);
            self.programs.write((), at, Some(Arc::new(program)), guard);
        }
    }

    fn take_in_spending(&self, task: TaskId, spending: Spending, at: Revision, writer: &mut Writer, guard: &Guard<'_>) {
        let before = self.spending.at(&task, at, guard).map(|(_, before)| Arc::clone(before)).unwrap_or_default();
        let own = Arc::new(task.clone());
        let of = |spending: &Spending| -> BTreeSet<DecisionId> {
            let own = spending.open.iter().filter(|(_, reservation)| reservation.task == task);
            own.map(|(id, _)| id.clone()).collect()
        };
        let (ended, begun) = (of(&before), of(&spending));
        let gone = ended.difference(&begun).map(|id| (id, None));
        let new = begun.difference(&ended).map(|id| (id, Some(Arc::clone(&own))));
        for (id, task) in gone.chain(new) {
            writer.outdate(at, Outdated::Reserved(id.clone()));
            self.reserved.write(id.clone(), at, task, guard);
        }
        writer.outdate(at, Outdated::Spending(task.clone()));
        self.spending.write(task, at, Some(Arc::new(spending)), guard);
    }

    fn forget(&self, outdated: &Outdated, horizon: Revision, guard: &Guard<'_>) {
        match outdated {
            Outdated::Edges(end) => self.forget_edges(*end, horizon, guard),
            Outdated::Principal(object) => self.principals.collect(object, horizon, guard),
            Outdated::Task(id) => self.tasks.collect(id, horizon, guard),
            Outdated::Delegation(id) => self.delegations.collect(id, horizon, guard),
            Outdated::Endorsement(id) => self.endorsements.collect(id, horizon, guard),
            Outdated::Endorsed(worker) => self.endorsed.collect(worker, horizon, guard),
            Outdated::Request(id) => self.requests.collect(id, horizon, guard),
            Outdated::Approval(id) => self.approvals.collect(id, horizon, guard),
            Outdated::Spending(task) => self.spending.collect(task, horizon, guard),
            Outdated::Reserved(id) => self.reserved.collect(id, horizon, guard),
            Outdated::Attributes(object) => self.attributes.collect(object, horizon, guard),
            Outdated::AuthzenMapping => self.authzen_mapping.collect(&(), horizon, guard),
            Outdated::Schema => self.programs.collect(&(), horizon, guard),
            Outdated::Assertions(id) => self.assertions.collect(id, horizon, guard),
            Outdated::Model(id) => {
                self.models.collect(id, horizon, guard);
                self.newest_model.collect(&(), horizon, guard);
            }
        }
    }
}

impl Index {
    fn forget_edges(&self, end: End, horizon: Revision, guard: &Guard<'_>) {
        let objects = &self.names.objects;
        if let End::From(object) = end
            && let Some(kind) = objects.kind(object)
        {
            for (relation, list) in objects.lists_from(object, &guard.pin) {
                let node = Node::new(kind, relation, object);
                for (key, birth) in list.dropped(horizon).into_iter().filter(|(_, birth)| birth.on_terms()) {
                    let subject = Subject::from_bits(key);
                    self.terms.remove(&EdgeKey { node, subject, birth: birth.revision() }, &guard.maps);
                }
            }
        }
        let mut writing = objects.arena.writing();
        // Without room to forget, it is remembered longer.
        let Ok(rewrite) = objects.forget(end, horizon, &mut writing) else { return };
        if matches!(end, End::From(_)) {
            self.ended.fetch_sub(rewrite.tally.ended, Ordering::Relaxed);
        }
        objects.put(end, rewrite, &mut writing);
    }
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("applied", &self.applied())
            .field("published", &self.published())
            .field("horizon", &self.horizon())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// What only the writer knows: what has older versions, by the revision from which they are old; and what nests groups.
#[derive(Debug, Default)]
struct Writer {
    outdated: BTreeMap<Revision, Vec<Outdated>>,
    /// The relations, of object 0, that groups are nested by, in any schema so far.
    nested: BTreeSet<Node>,
}

impl Writer {
    fn outdate(&mut self, at: Revision, what: Outdated) {
        self.outdated.entry(at).or_default().push(what);
    }

    fn know_nested(&mut self, staged: &Staged) {
        self.nested.extend(staged.program.iter().flat_map(Program::nested));
    }

    /// Whether the edge is one between groups.
    fn is_nesting(&self, node: Node, subject: Subject) -> bool {
        subject.class() == Class::Userset && self.nested.contains(&node.with_object(0))
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outdated {
    Edges(End),
    Principal(ObjectRef),
    Task(TaskId),
    Delegation(DelegationId),
    Endorsement(EndorsementId),
    Endorsed(ObjectRef),
    Request(RequestId),
    Approval(ApprovalId),
    Spending(TaskId),
    Reserved(DecisionId),
    Attributes(ObjectRef),
    AuthzenMapping,
    Schema,
    Model(ModelId),
    Assertions(ModelId),
}
