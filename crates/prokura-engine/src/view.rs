use std::{collections::BTreeMap, sync::Arc};

use papaya::LocalGuard;
use prokura_model::{
    Delegation, DelegationId, ObjectRef, Principal, RelationName, Revision, Schema, SubjectRef, Task, TaskId, TypeName,
    Value,
};

use crate::{
    EngineError, Explanation, Index, Limits,
    check::{Asked, Check, Exhausted, Truth},
    explain::{Names, explained},
    graph::Graph,
    names::STRANGER_FIRST,
    packed::{KindId, Node, RelationId, Subject},
    program::Program,
    recorder::Recorder,
    trace::{Silent, Trace},
};

/// The state at one revision. Everything it answers is a function of that state and the arguments.
///
/// Good as long as its revision is not behind the index's horizon. What can fail says so when it is; the readers of single
/// things and of registers answer as if what was forgotten had never been.
#[derive(Clone, Copy, Debug)]
pub struct View<'i> {
    pub(crate) index: &'i Index,
    pub(crate) revision: Revision,
}

/// Whether a subject has a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permissionship {
    /// It has.
    Has,
    /// It has not.
    HasNot,
}

impl<'i> View<'i> {
    pub(crate) fn new(index: &'i Index, revision: Revision) -> Self {
        Self { index, revision }
    }

    /// Whose state it is.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Whether the subject has the permission (or stands in the relation) on the resource.
    ///
    /// # Errors
    /// It cannot be said: a name is unknown, a limit is reached, or the permission depends on its own absence.
    pub fn check(
        &self,
        resource: &ObjectRef,
        permission: &RelationName,
        subject: &SubjectRef,
        limits: &Limits,
    ) -> Result<Permissionship, EngineError> {
        let guard = self.index.guard();
        let graph = Graph::new(&self.index.forward, &guard);
        let prepared = self.prepare(&graph, &guard, resource, permission, subject)?;
        prepared.run(limits, &mut Silent).map(|found| found.permissionship)
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
        limits: &Limits,
    ) -> Result<Explanation, EngineError> {
        let guard = self.index.guard();
        let graph = Graph::new(&self.index.forward, &guard);
        let prepared = self.prepare(&graph, &guard, resource, permission, subject)?;
        let mut recorder = Recorder::everything();
        let found = prepared.run(limits, &mut recorder)?;
        Ok(explained(&prepared, &found, &recorder, limits))
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> Option<Arc<Schema>> {
        let guard = self.index.guard();
        self.index.programs.at(&(), self.revision, &guard).map(|(_, program)| Arc::clone(&program.schema))
    }

    /// The revision that wrote the schema.
    #[must_use]
    pub fn schema_birth(&self) -> Option<Revision> {
        let guard = self.index.guard();
        self.index.programs.at(&(), self.revision, &guard).map(|(birth, _)| birth)
    }

    /// The principal, if it is registered.
    #[must_use]
    pub fn principal(&self, object: &ObjectRef) -> Option<Arc<Principal>> {
        let guard = self.index.guard();
        self.index.principals.at(object, self.revision, &guard).map(|(_, principal)| Arc::clone(principal))
    }

    /// Every registered principal, by object.
    #[must_use]
    pub fn principals(&self) -> Vec<Arc<Principal>> {
        self.index.principals.all(self.revision, &self.index.guard()).into_iter().map(|(_, found)| found).collect()
    }

    /// The task.
    #[must_use]
    pub fn task(&self, id: &TaskId) -> Option<Arc<Task>> {
        let guard = self.index.guard();
        self.index.tasks.at(id, self.revision, &guard).map(|(_, task)| Arc::clone(task))
    }

    /// Every task, by id.
    #[must_use]
    pub fn tasks(&self) -> Vec<Arc<Task>> {
        self.index.tasks.all(self.revision, &self.index.guard()).into_iter().map(|(_, found)| found).collect()
    }

    /// The delegation.
    #[must_use]
    pub fn delegation(&self, id: &DelegationId) -> Option<Arc<Delegation>> {
        let guard = self.index.guard();
        self.index.delegations.at(id, self.revision, &guard).map(|(_, delegation)| Arc::clone(delegation))
    }

    /// Every delegation, by id.
    #[must_use]
    pub fn delegations(&self) -> Vec<Arc<Delegation>> {
        self.index.delegations.all(self.revision, &self.index.guard()).into_iter().map(|(_, found)| found).collect()
    }

    /// Whether there is a delegation like this. Looks at each until one is, in no order.
    pub fn any_delegation(&self, is_meant: impl Fn(&Delegation) -> bool) -> bool {
        self.index.delegations.any(self.revision, &self.index.guard(), is_meant)
    }

    /// The attributes of the object; none if it has none.
    #[must_use]
    pub fn attributes(&self, object: &ObjectRef) -> Option<Arc<BTreeMap<String, Value>>> {
        let guard = self.index.guard();
        self.index.attributes.at(object, self.revision, &guard).map(|(_, attributes)| Arc::clone(attributes))
    }

    /// Every object that has attributes, and its attributes, by object.
    #[must_use]
    pub fn all_attributes(&self) -> Vec<(ObjectRef, Arc<BTreeMap<String, Value>>)> {
        self.index.attributes.all(self.revision, &self.index.guard())
    }

    /// The question in numbers.
    pub(crate) fn prepare<'g>(
        &self,
        graph: &'g Graph<'g>,
        guard: &'g LocalGuard<'g>,
        resource: &'g ObjectRef,
        permission: &'g RelationName,
        subject: &'g SubjectRef,
    ) -> Result<Prepared<'g>, EngineError>
    where
        'i: 'g,
    {
        let index = self.index;
        let (_, program) = index.programs.at(&(), self.revision, guard).ok_or(EngineError::NoSchema)?;
        let (kind, relation) = self.find_member(program, &resource.kind, permission, guard)?;
        let object = index.names.object(kind, &resource.id, guard).unwrap_or(STRANGER_FIRST);
        // An object that the graph does not know has no edges, but may still be what a wildcard or a userset means.
        let stranger = |kind: KindId, found: &ObjectRef| {
            let unknown = if found == resource { STRANGER_FIRST } else { STRANGER_FIRST + 1 };
            index.names.object(kind, &found.id, guard).unwrap_or(unknown)
        };
        let packed = match subject {
            SubjectRef::Object(found) => {
                let kind = self.find_kind(program, &found.kind, guard)?;
                Subject::object(kind, stranger(kind, found))
            }
            SubjectRef::Userset(found, relation) => {
                let (kind, relation) = self.find_member(program, &found.kind, relation, guard)?;
                Subject::userset(Node::new(kind, relation, stranger(kind, found)))
            }
            SubjectRef::Wildcard(kind) => return Err(EngineError::WildcardSubject(kind.clone())),
        };
        let asked = Asked { graph, program, revision: self.revision, subject: packed, assumed: None };
        let names = Names { index, resource, permission, subject };
        Ok(Prepared { names, asked, goal: Node::new(kind, relation, object) })
    }

    pub(crate) fn find_kind(
        &self,
        program: &Program,
        kind: &TypeName,
        guard: &LocalGuard<'_>,
    ) -> Result<KindId, EngineError> {
        if let Some(found) = self.index.names.kind(kind, guard)
            && program.defines(found)
        {
            return Ok(found);
        }
        program.schema.find_definition(kind)?;
        Err(EngineError::NoSchema)
    }

    fn find_member(
        &self,
        program: &Program,
        kind: &TypeName,
        member: &RelationName,
        guard: &LocalGuard<'_>,
    ) -> Result<(KindId, RelationId), EngineError> {
        let names = &self.index.names;
        if let Some((kind, relation)) = names.kind(kind, guard).zip(names.relation(member, guard))
            && program.member_id(kind, relation).is_some()
        {
            return Ok((kind, relation));
        }
        program.schema.find_member(kind, member)?;
        Err(EngineError::NoSchema)
    }
}

/// A question whose names were found.
pub(crate) struct Prepared<'g> {
    pub(crate) names: Names<'g>,
    pub(crate) asked: Asked<'g>,
    pub(crate) goal: Node,
}

/// A check's answer with its note, and what it cost.
pub(crate) struct Found<N> {
    pub(crate) permissionship: Permissionship,
    pub(crate) note: N,
    pub(crate) work: u64,
}

impl Prepared<'_> {
    pub(crate) fn run<T: Trace>(&self, limits: &Limits, trace: &mut T) -> Result<Found<T::Note>, EngineError> {
        let mut check = Check::new(self.asked, limits, trace);
        let answer = check.run(self.goal);
        let work = check.work();
        self.names.index.check_kept(self.asked.revision)?;
        let answer = answer.map_err(|exhausted| match exhausted {
            Exhausted::Depth(limit) => EngineError::TooDeep { limit },
            Exhausted::Work(limit) => EngineError::TooMuchWork { limit },
        })?;
        let permissionship = match answer.truth {
            Truth::True => Permissionship::Has,
            Truth::False => Permissionship::HasNot,
            Truth::Undefined => return Err(self.names.undecidable()),
        };
        Ok(Found { permissionship, note: answer.note, work })
    }
}
