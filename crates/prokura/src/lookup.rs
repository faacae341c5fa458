//! What follows from relationships, in lists: who may do what to which.

use prokura_engine::{Context, Expansion, FoundSubjects, Listing, Permissionship, View};
use prokura_model::{ObjectId, ObjectRef, PrincipalState, RelationName, SubjectRef, TypeName};

use crate::{AskError, Listed, Page, Snapshot};

/// "Which resources of this type may the subject …?"
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceLookup {
    /// Of this type.
    pub kind: TypeName,
    /// With this permission (or relation).
    pub permission: RelationName,
    /// For this subject.
    pub subject: SubjectRef,
    /// Values for the parameters of caveats.
    pub context: Context,
}

/// "Which subjects of this type may … this resource?"
#[derive(Clone, Debug, PartialEq)]
pub struct SubjectLookup {
    /// On this resource.
    pub resource: ObjectRef,
    /// With this permission (or relation).
    pub permission: RelationName,
    /// Subjects of this type.
    pub kind: TypeName,
    /// Usersets of this relation; without one, objects.
    pub relation: Option<RelationName>,
    /// Values for the parameters of caveats.
    pub context: Context,
}

/// A resource that the subject has the permission on, or may have: never [`Permissionship::HasNot`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundResource {
    /// Which one.
    pub id: ObjectId,
    /// Whether it has the permission, or what that depends on.
    pub permissionship: Permissionship,
}

/// A subject that has the permission, or may have: never [`Permissionship::HasNot`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSubject {
    /// Which one. None stands for every object of the type, `*`, but those excluded.
    pub id: Option<ObjectId>,
    /// Whether it has the permission, or what that depends on.
    pub permissionship: Permissionship,
    /// With `*`, who does not have what everybody has, or may not have it; by id.
    pub excluded: Vec<ExcludedSubject>,
}

/// A subject that `*` does not stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExcludedSubject {
    /// Which one.
    pub id: ObjectId,
    /// Whether it is excluded: certainly ([`Permissionship::Has`]), or what that depends on.
    pub permissionship: Permissionship,
}

/// Where a page of subjects ended: `*` is the first of all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Everyone,
    Object(ObjectId),
}

/// What a cursor of subjects is for everybody.
const EVERYONE: &str = "*";

impl Place {
    fn read(text: &str) -> Option<Self> {
        if text == EVERYONE { Some(Self::Everyone) } else { ObjectId::new(text).ok().map(Self::Object) }
    }
}

impl Snapshot {
    /// The resources that the subject has the permission on, by id. A subject that is stopped now has none. What guards
    /// forbid is left out, and what they hold until somebody approves.
    ///
    /// The whole list is worked out for every page: an answer that is wanted whole is had with
    /// [`lookup_resources_all`](Self::lookup_resources_all).
    ///
    /// # Errors
    /// The page is not legal, it cannot be said, or the revision is no longer kept.
    pub fn lookup_resources(&self, lookup: &ResourceLookup, page: &Page) -> Result<Listed<FoundResource>, AskError> {
        page.check()?;
        let found = self.lookup_resources_all(lookup)?;
        Listed::by(found, page, |found| found.id.clone(), |id| id.as_str().to_owned(), |text| ObjectId::new(text).ok())
    }

    /// The whole of [`lookup_resources`](Self::lookup_resources), however long.
    ///
    /// # Errors
    /// It cannot be said, or the revision is no longer kept.
    pub fn lookup_resources_all(&self, lookup: &ResourceLookup) -> Result<Vec<FoundResource>, AskError> {
        let ResourceLookup { kind, permission, subject, context } = lookup;
        if self.is_stopped(subject) {
            return self.read(|view| view.check_names(kind, Some(permission), subject)).map(|()| Vec::new());
        }
        let found =
            self.read(|view| view.lookup_resources(kind, permission, subject, self.given(context), self.limits()))?;
        let found = match subject {
            SubjectRef::Object(actor) if self.guards => {
                self.read(|view| view.narrowed_resources((kind, permission), actor, found, self.listing(context)))?
            }
            _ => found,
        };
        Ok(found.into_iter().map(|(id, permissionship)| FoundResource { id, permissionship }).collect())
    }

    /// Whether there are guards on a relation or permission.
    ///
    /// # Errors
    /// It is unknown, or the revision is no longer kept.
    pub fn is_guarded(&self, kind: &TypeName, permission: &RelationName) -> Result<bool, AskError> {
        self.read(|view| view.is_guarded(kind, permission))
    }

    /// What guards leave of what the actor has itself. Guards are asked once everything else allows it.
    ///
    /// # Errors
    /// A name is unknown, or the revision is no longer kept.
    pub fn narrowed(
        &self,
        (resource, permission): (&ObjectRef, &RelationName),
        actor: &ObjectRef,
        had: Permissionship,
        context: &Context,
    ) -> Result<Permissionship, AskError> {
        self.read(|view| view.narrowed((resource, permission), actor, had, self.listing(context)))
    }

    fn listing<'l>(&'l self, context: &'l Context) -> Listing<'l> {
        Listing { credential: self.credential.as_ref(), given: self.given(context) }
    }

    /// The subjects that have the permission on the resource: first everybody (`*`), if that is so, then by id. Subjects
    /// that are stopped now are left out, and excluded from everybody. So is who guards forbid it to; everybody stands for
    /// those without attributes, and is left out where guards read the id of whoever acts.
    ///
    /// The whole list is worked out for every page: an answer that is wanted whole is had with
    /// [`lookup_subjects_all`](Self::lookup_subjects_all).
    ///
    /// # Errors
    /// The page is not legal, it cannot be said, or the revision is no longer kept.
    pub fn lookup_subjects(&self, lookup: &SubjectLookup, page: &Page) -> Result<Listed<FoundSubject>, AskError> {
        page.check()?;
        let found = self.lookup_subjects_all(lookup)?;
        let place = |found: &FoundSubject| found.id.clone().map_or(Place::Everyone, Place::Object);
        let text = |place: &Place| match place {
            Place::Everyone => EVERYONE.to_owned(),
            Place::Object(id) => id.as_str().to_owned(),
        };
        Listed::by(found, page, place, text, Place::read)
    }

    /// The whole of [`lookup_subjects`](Self::lookup_subjects), however long.
    ///
    /// # Errors
    /// It cannot be said, or the revision is no longer kept.
    pub fn lookup_subjects_all(&self, lookup: &SubjectLookup) -> Result<Vec<FoundSubject>, AskError> {
        let SubjectLookup { resource, permission, kind, relation, context } = lookup;
        // Those who stand in a userset are asked for themselves; the userset does not act.
        let stopped = if relation.is_none() { self.stopped(kind) } else { Vec::new() };
        let FoundSubjects { subjects, everyone, .. } = self.read(|view| {
            let (view, given) = (view.leaving_out(&stopped), self.given(context));
            let found = view.lookup_subjects(resource, permission, kind, relation.as_ref(), given, self.limits())?;
            if !self.guards || relation.is_some() {
                return Ok(found);
            }
            view.narrowed_subjects((resource, permission), kind, found, self.listing(context))
        })?;
        let mut found = Vec::with_capacity(subjects.len() + 1);
        if let Some(everyone) = everyone {
            let mut excluded: Vec<ExcludedSubject> = everyone
                .excluded
                .into_iter()
                .map(|(id, permissionship)| ExcludedSubject { id, permissionship })
                .collect();
            excluded.retain(|excluded| stopped.binary_search(&excluded.id).is_err());
            excluded.extend(
                stopped.iter().map(|id| ExcludedSubject { id: id.clone(), permissionship: Permissionship::Has }),
            );
            excluded.sort_by(|one, other| one.id.cmp(&other.id));
            found.push(FoundSubject { id: None, permissionship: everyone.permissionship, excluded });
        }
        let alive = subjects.into_iter().filter(|(id, _)| stopped.binary_search(id).is_err());
        found.extend(alive.map(|(id, permissionship)| FoundSubject {
            id: Some(id),
            permissionship,
            excluded: Vec::new(),
        }));
        Ok(found)
    }

    /// What the subject has of every relation and permission of the resource, by name, whether it has it or not. A subject
    /// that is stopped now has none.
    ///
    /// # Errors
    /// It cannot be said, or the revision is no longer kept.
    pub fn permissions(
        &self,
        resource: &ObjectRef,
        subject: &SubjectRef,
        context: &Context,
    ) -> Result<Vec<(RelationName, Permissionship)>, AskError> {
        if !self.is_stopped(subject) {
            let found = self.read(|view| view.permissions(resource, subject, self.given(context), self.limits()))?;
            return match subject {
                SubjectRef::Object(actor) if self.guards => {
                    self.read(|view| view.narrowed_permissions(resource, actor, found, self.listing(context)))
                }
                _ => Ok(found),
            };
        }
        self.read(|view| {
            view.check_names(&resource.kind, None, subject)?;
            let schema = view.schema();
            let definition = schema.as_ref().and_then(|schema| schema.definition(resource.kind.as_str()));
            let names = definition.into_iter().flat_map(|definition| definition.members.keys());
            Ok(names.map(|name| (name.clone(), Permissionship::HasNot)).collect())
        })
    }

    /// The tree of subjects that stand in a permission, one step deep: SpiceDB's shape. By relationships alone.
    ///
    /// # Errors
    /// It cannot be said, or the revision is no longer kept.
    pub fn expand(
        &self,
        resource: &ObjectRef,
        permission: &RelationName,
        context: &Context,
    ) -> Result<Expansion, AskError> {
        self.read(|view| view.expand(resource, permission, self.given(context), self.limits()))
    }

    /// Whether the subject is a principal that may not act, at the head: who was stopped a moment ago has nothing in an
    /// older snapshot either. The step "alive" of a decision.
    #[must_use]
    pub fn is_stopped(&self, subject: &SubjectRef) -> bool {
        match subject {
            SubjectRef::Object(object) => is_stopped(&self.head(), object),
            SubjectRef::Userset(..) | SubjectRef::Wildcard(_) => false,
        }
    }

    /// The ids of all principals of the type that may not act now, ascending.
    fn stopped(&self, kind: &TypeName) -> Vec<ObjectId> {
        let head = self.head();
        let principals = head.principals();
        let own = principals.iter().map(|principal| &principal.object).filter(|object| object.kind == *kind);
        own.filter(|object| is_stopped(&head, object)).map(|object| object.id.clone()).collect()
    }
}

/// Suspended, off-boarded, or owned by who was off-boarded. Who was never registered is not stopped.
fn is_stopped(head: &View<'_>, object: &ObjectRef) -> bool {
    let Some(principal) = head.principal(object) else { return false };
    let owner = principal.owner.as_ref().and_then(|owner| head.principal(owner));
    principal.state != PrincipalState::Active || owner.is_some_and(|owner| owner.state == PrincipalState::OffBoarded)
}
