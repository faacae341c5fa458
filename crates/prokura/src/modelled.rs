//! Asking by a model.

use std::sync::Arc;

use prokura_engine::{Context, EngineError, FoundSubjects, Given, Limits, Permissionship, View};
use prokura_model::{
    Model, ModelId, ObjectId, ObjectRef, RelationName, Relationship, Schema, SubjectRef, Terms, TypeName,
};

use crate::{AskError, Snapshot, limits::MODEL_DEPTH_MAX};

/// By which model a question is asked, and what it takes to be there besides.
#[derive(Clone, Debug, PartialEq)]
pub struct ByModel {
    /// The model. Relationships that it does not allow are passed over.
    pub model: ModelId,
    /// Relationships that this question takes to exist, and nobody else. Where one exists, these terms stand instead of its
    /// own.
    pub besides: Vec<(Relationship, Terms)>,
}

impl ByModel {
    /// By this model, and nothing besides.
    #[must_use]
    pub fn of(model: ModelId) -> Self {
        Self { model, besides: Vec::new() }
    }

    /// Reads the state as this says.
    pub(crate) fn view<T>(
        &self,
        view: View<'_>,
        read: impl FnOnce(View<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let view = view.with_model(&self.model)?;
        if self.besides.is_empty() {
            return read(view);
        }
        let overlay = view.overlay(&self.besides)?;
        read(view.overlaid(&overlay))
    }

    /// What such a question may cost.
    pub(crate) fn limits(limits: Limits) -> Limits {
        Limits { depth: limits.depth.min(MODEL_DEPTH_MAX), ..limits }
    }
}

/// A snapshot that is asked by a model.
#[derive(Clone, Debug)]
pub struct Modelled<'s> {
    snapshot: &'s Snapshot,
    by: ByModel,
}

impl Snapshot {
    /// The same state, asked by a model.
    #[must_use]
    pub fn by(&self, by: ByModel) -> Modelled<'_> {
        Modelled { snapshot: self, by }
    }

    /// The model of this name; without a name, the newest.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn model(&self, id: Option<&ModelId>) -> Result<Option<Arc<Model>>, AskError> {
        self.read(|view| {
            let newest = || view.newest_model().and_then(|id| view.model(&id));
            Ok(id.map_or_else(newest, |id| view.model(id)))
        })
    }

    /// Every model, by name.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn models(&self) -> Result<Vec<Arc<Model>>, AskError> {
        self.read(|view| Ok(view.models()))
    }

    /// The assertions about a model, as they were sent.
    ///
    /// # Errors
    /// The revision is no longer kept.
    pub fn assertions(&self, model: &ModelId) -> Result<Option<Arc<String>>, AskError> {
        self.read(|view| Ok(view.assertions(model)))
    }
}

impl Modelled<'_> {
    /// What the model declares.
    ///
    /// # Errors
    /// There is no such model, or the revision is no longer kept.
    pub fn schema(&self) -> Result<Arc<Schema>, AskError> {
        let model = ByModel::of(self.by.model.clone());
        let schema = self.snapshot.read(|view| model.view(view, |view| Ok(view.schema())))?;
        schema.ok_or_else(|| EngineError::ModelUnknown(self.by.model.clone()).into())
    }

    /// Whether the subject stands in the relation.
    ///
    /// # Errors
    /// It cannot be said, or the revision is no longer kept. An error is never a yes.
    pub fn check(
        &self,
        resource: &ObjectRef,
        relation: &RelationName,
        subject: &SubjectRef,
        context: &Context,
    ) -> Result<Permissionship, AskError> {
        self.ask(context, |view, given, limits| view.check(resource, relation, subject, given, limits))
    }

    /// Every object of the type to which the subject stands in the relation, or may: each once, by id. The list is whole.
    ///
    /// # Errors
    /// As `check`, or a limit is reached.
    pub fn resources(
        &self,
        kind: &TypeName,
        relation: &RelationName,
        subject: &SubjectRef,
        context: &Context,
    ) -> Result<Vec<(ObjectId, Permissionship)>, AskError> {
        self.ask(context, |view, given, limits| view.lookup_resources(kind, relation, subject, given, limits))
    }

    /// Every subject of the type (with a relation of its own, every such userset) that stands in the relation, or may. The
    /// list is whole.
    ///
    /// # Errors
    /// As `check`, or a limit is reached.
    pub fn subjects(
        &self,
        resource: &ObjectRef,
        relation: &RelationName,
        kind: &TypeName,
        of_relation: Option<&RelationName>,
        context: &Context,
    ) -> Result<FoundSubjects, AskError> {
        self.ask(context, |view, given, limits| {
            view.lookup_subjects(resource, relation, kind, of_relation, given, limits)
        })
    }

    /// The subjects of the tuples written to the relation, as far as the model allows them.
    ///
    /// # Errors
    /// As `check`.
    pub fn direct(&self, resource: &ObjectRef, relation: &RelationName) -> Result<Vec<SubjectRef>, AskError> {
        let schema = self.schema()?;
        let edges = self.ask(&Context::new(), |view, given, _| view.edges(resource, relation, given))?;
        let allowed = edges.into_iter().filter_map(|(subject, terms)| {
            let relationship = Relationship { resource: resource.clone(), relation: relation.clone(), subject };
            schema.check_relationship(&relationship, &terms).is_ok().then_some(relationship.subject)
        });
        Ok(allowed.collect())
    }

    fn ask<T>(
        &self,
        context: &Context,
        ask: impl FnOnce(View<'_>, Given<'_>, &Limits) -> Result<T, EngineError>,
    ) -> Result<T, AskError> {
        let limits = ByModel::limits(self.snapshot.limits);
        let given = Given { now: self.snapshot.now, context };
        self.snapshot.read(|view| self.by.view(view, |view| ask(view, given, &limits)))
    }
}
