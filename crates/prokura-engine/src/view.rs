use std::{collections::BTreeMap, sync::Arc};

use prokura_model::{
    Approval, ApprovalId, AuthzenMapping, DecisionId, Delegation, DelegationId, Endorsement, EndorsementId, Model,
    ModelId, ObjectId, ObjectRef, Principal, RelationName, Request, RequestId, Revision, Schema, Spending, SubjectRef,
    Task, TaskId, TypeName, Value, WitnessEdge,
};

use crate::{
    EngineError, Explanation, Given, Index, Limits,
    check::{Above, Answer, Asked, Bounds, Check, Exhausted, Quick, Short, Truth},
    explain::{Wanted, explained, told_edges, witness},
    graph::Graph,
    guard::Guard,
    overlay::Overlay,
    packed::{KindId, Node, RelationId, Subject},
    program::Program,
    recorder::Recorder,
    trace::{Edge, Silent, Trace},
    wording::Wording,
};

/// The state at one revision. Everything it answers is a function of that state and the arguments.
///
/// Good as long as its revision is not behind the index's horizon. What can fail says so when it is; the readers of single
/// things and of registers answer as if what was forgotten had never been.
#[derive(Clone, Copy, Debug)]
pub struct View<'i> {
    pub(crate) index: &'i Index,
    pub(crate) revision: Revision,
    /// Edges that are taken to exist besides those of the revision.
    pub(crate) overlay: Option<&'i Overlay>,
    /// The model it is asked by, instead of the schema.
    pub(crate) model: Option<&'i ModelId>,
    /// Who is not listed, of the type that is asked about: sorted.
    pub(crate) left_out: &'i [ObjectId],
}

/// Whether a subject has a permission.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Permissionship {
    /// It has.
    Has,
    /// It has not.
    HasNot,
    /// It depends on these parameters of caveats, for which there is no value: sorted, each once, never empty.
    Conditional(Vec<String>),
}

impl<'i> View<'i> {
    pub(crate) fn new(index: &'i Index, revision: Revision) -> Self {
        Self { index, revision, overlay: None, model: None, left_out: &[] }
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
        given: Given<'_>,
        limits: &Limits,
    ) -> Result<Permissionship, EngineError> {
        let guard = self.index.guard();
        let graph = Graph::new(self, &guard);
        let prepared = self.prepare(&graph, resource, permission, subject, given)?;
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
        given: Given<'_>,
        limits: &Limits,
    ) -> Result<Explanation, EngineError> {
        let guard = self.index.guard();
        let graph = Graph::new(self, &guard);
        let prepared = self.prepare(&graph, resource, permission, subject, given)?;
        let mut recorder = Recorder::everything();
        let found = prepared.run(limits, &mut recorder)?;
        Ok(explained(&prepared, &Wanted { resource, permission, subject }, &found, &recorder, limits))
    }

    /// The same state, asked by this model: names are the model's, and relationships that it does not allow are passed
    /// over.
    ///
    /// # Errors
    /// There is no such model.
    pub fn with_model(self, model: &'i ModelId) -> Result<Self, EngineError> {
        match self.model(model) {
            Some(_) => Ok(Self { model: Some(model), ..self }),
            None => Err(EngineError::ModelUnknown(model.clone())),
        }
    }

    /// The same state, with these ids (sorted) in no list of subjects. They are not even checked, so nothing that could be
    /// wrong with that fails the list.
    #[must_use]
    pub fn leaving_out(self, ids: &'i [ObjectId]) -> Self {
        Self { left_out: ids, ..self }
    }

    /// Whether the names of a question are known, for whoever knows its answer without asking it.
    ///
    /// # Errors
    /// One is not.
    pub fn check_names(
        &self,
        kind: &TypeName,
        permission: Option<&RelationName>,
        subject: &SubjectRef,
    ) -> Result<(), EngineError> {
        let guard = self.index.guard();
        let program = self.program(&guard)?;
        match permission {
            Some(permission) => self.find_member(program, kind, permission).map(|_| ())?,
            None => self.find_kind(program, kind).map(|_| ())?,
        }
        self.find_subject(program, subject, &mut self.wording(), &guard).map(|_| ())
    }

    /// The model of this name.
    #[must_use]
    pub fn model(&self, id: &ModelId) -> Option<Arc<Model>> {
        let guard = self.index.guard();
        self.index.models.at(id, self.revision, &guard).map(|(_, compiled)| Arc::clone(&compiled.model))
    }

    /// Every model, by name.
    #[must_use]
    pub fn models(&self) -> Vec<Arc<Model>> {
        let all = self.index.models.all(self.revision, &self.index.guard());
        all.into_iter().map(|(_, compiled)| Arc::clone(&compiled.model)).collect()
    }

    /// The name of the newest model.
    #[must_use]
    pub fn newest_model(&self) -> Option<Arc<ModelId>> {
        let guard = self.index.guard();
        self.index.newest_model.at(&(), self.revision, &guard).map(|(_, id)| Arc::clone(id))
    }

    /// The assertions about the model, as they were sent.
    #[must_use]
    pub fn assertions(&self, model: &ModelId) -> Option<Arc<String>> {
        let guard = self.index.guard();
        self.index.assertions.at(model, self.revision, &guard).map(|(_, text)| Arc::clone(text))
    }

    /// The schema; of a view with a model, the model's.
    #[must_use]
    pub fn schema(&self) -> Option<Arc<Schema>> {
        let guard = self.index.guard();
        if let Some(model) = self.model {
            let compiled = self.index.models.at(model, self.revision, &guard);
            return compiled.map(|(_, compiled)| Arc::clone(&compiled.program.schema));
        }
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

    /// An approval, from when it was asked for.
    #[must_use]
    pub fn approval(&self, id: &ApprovalId) -> Option<Arc<Approval>> {
        let guard = self.index.guard();
        self.index.approvals.at(id, self.revision, &guard).map(|(_, approval)| Arc::clone(approval))
    }

    /// Every approval that was ever asked for, by id.
    #[must_use]
    pub fn approvals(&self) -> Vec<Arc<Approval>> {
        self.index.approvals.all(self.revision, &self.index.guard()).into_iter().map(|(_, found)| found).collect()
    }

    /// What was taken under a task; nothing, if nothing ever was.
    #[must_use]
    pub fn spending(&self, task: &TaskId) -> Arc<Spending> {
        let guard = self.index.guard();
        let found = self.index.spending.at(task, self.revision, &guard);
        found.map(|(_, spending)| Arc::clone(spending)).unwrap_or_default()
    }

    /// The task of a reservation that was neither committed nor released. It may be over.
    #[must_use]
    pub fn reserved(&self, reservation: &DecisionId) -> Option<TaskId> {
        let guard = self.index.guard();
        self.index.reserved.at(reservation, self.revision, &guard).map(|(_, task)| TaskId::clone(task))
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
        self.index.delegations.at(id, self.revision, &guard).map(|(_, link)| Arc::clone(&link.delegation))
    }

    /// Every delegation, by id.
    #[must_use]
    pub fn delegations(&self) -> Vec<Arc<Delegation>> {
        let links = self.index.delegations.all(self.revision, &self.index.guard());
        links.into_iter().map(|(_, link)| Arc::clone(&link.delegation)).collect()
    }

    /// The endorsement.
    #[must_use]
    pub fn endorsement(&self, id: &EndorsementId) -> Option<Arc<Endorsement>> {
        let guard = self.index.guard();
        self.index.endorsements.at(id, self.revision, &guard).map(|(_, found)| Arc::clone(found))
    }

    /// Every endorsement, by id.
    #[must_use]
    pub fn endorsements(&self) -> Vec<Arc<Endorsement>> {
        self.index.endorsements.all(self.revision, &self.index.guard()).into_iter().map(|(_, found)| found).collect()
    }

    /// The request for access.
    #[must_use]
    pub fn request(&self, id: &RequestId) -> Option<Arc<Request>> {
        let guard = self.index.guard();
        self.index.requests.at(id, self.revision, &guard).map(|(_, found)| Arc::clone(found))
    }

    /// Every request for access, by id.
    #[must_use]
    pub fn requests(&self) -> Vec<Arc<Request>> {
        self.index.requests.all(self.revision, &self.index.guard()).into_iter().map(|(_, found)| found).collect()
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

    /// What names are called over AuthZEN; none if each is called what it is.
    #[must_use]
    pub fn authzen_mapping(&self) -> Option<Arc<AuthzenMapping>> {
        let guard = self.index.guard();
        self.index.authzen_mapping.at(&(), self.revision, &guard).map(|(_, mapping)| Arc::clone(mapping))
    }

    /// The question in numbers.
    pub(crate) fn prepare<'g>(
        &self,
        graph: &'g Graph<'g>,
        resource: &ObjectRef,
        permission: &RelationName,
        subject: &SubjectRef,
        given: Given<'g>,
    ) -> Result<Prepared<'g>, EngineError>
    where
        'i: 'g,
    {
        let program = self.program(graph.guard())?;
        let member = self.find_member(program, &resource.kind, permission)?;
        self.prepare_member(graph, program, member, (resource, subject), given)
    }

    /// The same, where the names of the permission were found.
    pub(crate) fn prepare_member<'g>(
        &self,
        graph: &'g Graph<'g>,
        program: &'g Program,
        (kind, relation): (KindId, RelationId),
        (resource, subject): (&ObjectRef, &SubjectRef),
        given: Given<'g>,
    ) -> Result<Prepared<'g>, EngineError>
    where
        'i: 'g,
    {
        let mut wording = self.wording();
        let (object, packed) = self.find_ends(program, (kind, resource), subject, &mut wording, graph.guard())?;
        let asked = Asked { graph, program, revision: self.revision, given, subject: packed, assumed: None };
        Ok(Prepared { wording, asked, goal: Node::new(kind, relation, object) })
    }

    pub(crate) fn program<'g>(&self, guard: &'g Guard<'g>) -> Result<&'g Program, EngineError>
    where
        'i: 'g,
    {
        if let Some(model) = self.model {
            let found = self.index.models.at(model, self.revision, guard);
            return found
                .map(|(_, compiled)| &compiled.program)
                .ok_or_else(|| EngineError::ModelUnknown(model.clone()));
        }
        let found = self.index.programs.at(&(), self.revision, guard);
        found.map(|(_, program)| &**program).ok_or(EngineError::NoSchema)
    }

    pub(crate) fn wording(&self) -> Wording<'i> {
        Wording::new(self.index, self.overlay.map_or(&[], Overlay::strangers))
    }

    /// The resource's object and the subject.
    fn find_ends(
        &self,
        program: &Program,
        (kind, resource): (KindId, &ObjectRef),
        subject: &SubjectRef,
        wording: &mut Wording<'_>,
        guard: &Guard<'_>,
    ) -> Result<(u32, Subject), EngineError> {
        if let SubjectRef::Object(found) = subject {
            let of_subject = self.find_kind(program, &found.kind)?;
            let ends = [(kind, resource.id.as_str()), (of_subject, found.id.as_str())];
            let [object, number] = self.index.names.objects.numbers(ends, &guard.pin);
            let object = object.unwrap_or_else(|| wording.stranger(resource));
            return Ok((object, Subject::object(of_subject, number.unwrap_or_else(|| wording.stranger(found)))));
        }
        let object = self.find_object(kind, resource, wording, guard);
        Ok((object, self.find_subject(program, subject, wording, guard)?))
    }

    pub(crate) fn find_object(
        &self,
        kind: KindId,
        object: &ObjectRef,
        wording: &mut Wording<'_>,
        guard: &Guard<'_>,
    ) -> u32 {
        self.index.names.object(kind, &object.id, guard).unwrap_or_else(|| wording.stranger(object))
    }

    pub(crate) fn find_subject(
        &self,
        program: &Program,
        subject: &SubjectRef,
        wording: &mut Wording<'_>,
        guard: &Guard<'_>,
    ) -> Result<Subject, EngineError> {
        Ok(match subject {
            SubjectRef::Object(found) => {
                let kind = self.find_kind(program, &found.kind)?;
                Subject::object(kind, self.find_object(kind, found, wording, guard))
            }
            SubjectRef::Userset(found, relation) => {
                let (kind, relation) = self.find_member(program, &found.kind, relation)?;
                Subject::userset(Node::new(kind, relation, self.find_object(kind, found, wording, guard)))
            }
            SubjectRef::Wildcard(kind) if program.is_strict() => Subject::wildcard(self.find_kind(program, kind)?),
            SubjectRef::Wildcard(kind) => return Err(EngineError::WildcardSubject(kind.clone())),
        })
    }

    pub(crate) fn find_kind(&self, program: &Program, kind: &TypeName) -> Result<KindId, EngineError> {
        if let Some(found) = program.kind_named(kind) {
            return Ok(found);
        }
        program.schema.find_definition(kind)?;
        Err(EngineError::NoSchema)
    }

    pub(crate) fn find_member(
        &self,
        program: &Program,
        kind: &TypeName,
        member: &RelationName,
    ) -> Result<(KindId, RelationId), EngineError> {
        if let Some(found) = program.member_named(kind, member) {
            return Ok(found);
        }
        program.schema.find_member(kind, member)?;
        Err(EngineError::NoSchema)
    }
}

/// A question whose names were found.
pub(crate) struct Prepared<'g> {
    pub(crate) wording: Wording<'g>,
    pub(crate) asked: Asked<'g>,
    pub(crate) goal: Node,
}

/// A check's answer with its note, and what it cost.
pub(crate) struct Found<N> {
    pub(crate) permissionship: Permissionship,
    /// The edges that a conditional answer depends on.
    pub(crate) conditions: Vec<Edge>,
    pub(crate) note: N,
    pub(crate) work: u64,
}

impl Prepared<'_> {
    pub(crate) fn run<T: Trace>(&self, limits: &Limits, trace: &mut T) -> Result<Found<T::Note>, EngineError> {
        let mut above = Above::new();
        if trace.may_skip()
            && let Some(short) = self.short(limits, &mut above, trace.wants_proof())?
        {
            let (permissionship, work) = (short.permissionship(), short.work);
            let note = short.told(self.goal, trace).note;
            return Ok(Found { permissionship, conditions: Vec::new(), note, work });
        }
        self.searched(limits, &mut above, trace)
    }

    /// The answer, and every edge that an allow rests on. What was found the short way is its edges already.
    pub(crate) fn witnessed(
        &self,
        limits: &Limits,
        recorder: &mut Recorder,
    ) -> Result<(Permissionship, Vec<WitnessEdge>), EngineError> {
        let mut above = Above::new();
        if let Some(short) = self.short(limits, &mut above, true)? {
            return Ok((short.permissionship(), told_edges(self, &short.proof)));
        }
        let found = self.searched(limits, &mut above, recorder)?;
        Ok((found.permissionship, witness(self, &found.note, recorder)))
    }

    fn short(&self, limits: &Limits, above: &mut Above, wants_proof: bool) -> Result<Option<Short>, EngineError> {
        let short = Quick::answer(&self.asked, self.goal, Bounds::of(limits), above, wants_proof);
        if short.is_some() {
            self.wording.index.check_kept(self.asked.revision)?;
        }
        Ok(short)
    }

    fn searched<T: Trace>(
        &self,
        limits: &Limits,
        above: &mut Above,
        trace: &mut T,
    ) -> Result<Found<T::Note>, EngineError> {
        let mut check = Check::new(self.asked, limits, above, trace);
        let answer = check.run(self.goal);
        let work = check.work();
        self.wording.index.check_kept(self.asked.revision)?;
        let answer = answer.map_err(exhausted)?;
        let (permissionship, conditions) = self.told(&check, &answer, self.goal, self.asked.subject)?;
        Ok(Found { permissionship, conditions, note: answer.note, work })
    }

    /// What an answer of the evaluator says, and the edges that a conditional one depends on.
    pub(crate) fn told<T: Trace>(
        &self,
        check: &Check<'_, '_, T>,
        answer: &Answer<T::Note>,
        goal: Node,
        subject: Subject,
    ) -> Result<(Permissionship, Vec<Edge>), EngineError> {
        match answer.truth {
            Truth::True => Ok((Permissionship::Has, Vec::new())),
            Truth::False => Ok((Permissionship::HasNot, Vec::new())),
            Truth::Unknown => {
                let Some(lacking) = check.lacking(answer.why) else {
                    // Models come from a language in which what rests on its own absence is not there.
                    if self.asked.program.is_strict() {
                        return Ok((Permissionship::HasNot, Vec::new()));
                    }
                    return Err(self.wording.undecidable(goal, subject));
                };
                if let Some(failure) = &lacking.failure {
                    return Err(EngineError::CaveatFailed(Box::new(failure.clone())));
                }
                let missing = lacking.missing.iter().cloned().collect();
                Ok((Permissionship::Conditional(missing), lacking.edges.clone()))
            }
        }
    }
}

pub(crate) fn exhausted(exhausted: Exhausted) -> EngineError {
    match exhausted {
        Exhausted::Depth(limit) => EngineError::TooDeep { limit },
        Exhausted::Work(limit) => EngineError::TooMuchWork { limit },
    }
}
