//! Lists under guards: what guards leave of each entry, for those who have it themselves.

use std::collections::BTreeMap;

use prokura_model::{
    Credential, ObjectId, ObjectRef, Reason, RelationName, TypeName, condition::Condition, schema::Guard,
};

use super::guards::{Actor, Narrowing, Standpoint};
use crate::{EngineError, Everyone, FoundSubjects, Given, Permissionship, View, program::Program};

/// How whoever asks for a list was known, and what the question brings.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'l> {
    /// What guards read as `credential`, if they can.
    pub credential: Option<&'l Credential>,
    /// The moment, and values for parameters.
    pub given: Given<'l>,
}

/// The guards on what a list is about.
struct Guarded<'g> {
    view: &'g View<'g>,
    program: &'g Program,
    guards: &'g [Guard],
    listing: Listing<'g>,
}

impl View<'_> {
    /// Whether there are guards on a relation or permission.
    ///
    /// # Errors
    /// It is unknown.
    pub fn is_guarded(&self, kind: &TypeName, permission: &RelationName) -> Result<bool, EngineError> {
        let guard = self.index.guard();
        let program = self.program(&guard)?;
        let member = self.find_member(program, kind, permission)?;
        Ok(!program.guards(member).is_empty())
    }

    /// What guards leave of what the actor has itself on a resource: nothing where something is to be approved or confirmed
    /// first. What depends on something is as it was, since guards are asked last.
    ///
    /// # Errors
    /// A name is unknown.
    pub fn narrowed(
        &self,
        (resource, permission): (&ObjectRef, &RelationName),
        actor: &ObjectRef,
        had: Permissionship,
        listing: Listing<'_>,
    ) -> Result<Permissionship, EngineError> {
        let guard = self.index.guard();
        let program = self.program(&guard)?;
        let guarded = self.guarded(program, (&resource.kind, permission), listing)?;
        Ok(guarded.left(resource, Actor::Known(actor), had))
    }

    /// The resources that guards leave the actor, of those it has the permission on.
    ///
    /// # Errors
    /// A name is unknown.
    pub fn narrowed_resources(
        &self,
        (kind, permission): (&TypeName, &RelationName),
        actor: &ObjectRef,
        found: Vec<(ObjectId, Permissionship)>,
        listing: Listing<'_>,
    ) -> Result<Vec<(ObjectId, Permissionship)>, EngineError> {
        let guard = self.index.guard();
        let program = self.program(&guard)?;
        let guarded = self.guarded(program, (kind, permission), listing)?;
        if guarded.guards.is_empty() {
            return Ok(found);
        }
        let left = found.into_iter().map(|(id, had)| {
            let resource = ObjectRef { kind: kind.clone(), id };
            let left = guarded.left(&resource, Actor::Known(actor), had);
            (resource.id, left)
        });
        Ok(left.filter(|(_, left)| *left != Permissionship::HasNot).collect())
    }

    /// The subjects that guards leave the permission to. Everyone stands for those of whom no attribute is known; whoever
    /// has attributes and comes out otherwise is named.
    ///
    /// # Errors
    /// A name is unknown.
    pub fn narrowed_subjects(
        &self,
        (resource, permission): (&ObjectRef, &RelationName),
        kind: &TypeName,
        found: FoundSubjects,
        listing: Listing<'_>,
    ) -> Result<FoundSubjects, EngineError> {
        let guard = self.index.guard();
        let program = self.program(&guard)?;
        let guarded = self.guarded(program, (&resource.kind, permission), listing)?;
        if guarded.guards.is_empty() {
            return Ok(found);
        }
        let FoundSubjects { subjects, everyone, missing } = found;
        let mut had: BTreeMap<ObjectId, Permissionship> = subjects.into_iter().collect();
        let mut left = FoundSubjects { missing, ..FoundSubjects::default() };
        let of_all = match everyone {
            None => Permissionship::HasNot,
            Some(everyone) => {
                let of_all = guarded.left(resource, Actor::Anyone(kind), everyone.permissionship.clone());
                guarded.add_known(kind, &everyone, &mut had);
                of_all
            }
        };
        let mut excluded = Vec::new();
        for (id, had) in had {
            let actor = ObjectRef { kind: kind.clone(), id };
            match (guarded.left(resource, Actor::Known(&actor), had), &of_all) {
                (Permissionship::HasNot, Permissionship::HasNot) => {}
                (Permissionship::HasNot, _) => excluded.push((actor.id, Permissionship::Has)),
                (Permissionship::Conditional(names), Permissionship::Has) => {
                    excluded.push((actor.id, Permissionship::Conditional(names)));
                }
                (stands, _) => left.subjects.push((actor.id, stands)),
            }
        }
        if of_all != Permissionship::HasNot {
            left.everyone = Some(Everyone { permissionship: of_all, excluded });
        }
        Ok(left)
    }

    /// What guards leave the actor of what it has on a resource, relation by relation.
    ///
    /// # Errors
    /// A name is unknown.
    pub fn narrowed_permissions(
        &self,
        resource: &ObjectRef,
        actor: &ObjectRef,
        found: Vec<(RelationName, Permissionship)>,
        listing: Listing<'_>,
    ) -> Result<Vec<(RelationName, Permissionship)>, EngineError> {
        let guard = self.index.guard();
        let program = self.program(&guard)?;
        let left = found.into_iter().map(|(name, had)| {
            let guarded = self.guarded(program, (&resource.kind, &name), listing)?;
            let left = guarded.left(resource, Actor::Known(actor), had);
            Ok((name, left))
        });
        left.collect()
    }

    fn guarded<'g>(
        &'g self,
        program: &'g Program,
        (kind, permission): (&TypeName, &RelationName),
        listing: Listing<'g>,
    ) -> Result<Guarded<'g>, EngineError> {
        let member = self.find_member(program, kind, permission)?;
        Ok(Guarded { view: self, program, guards: program.guards(member), listing })
    }
}

impl Guarded<'_> {
    fn left(&self, resource: &ObjectRef, actor: Actor<'_>, had: Permissionship) -> Permissionship {
        if had != Permissionship::Has || self.guards.is_empty() {
            return had;
        }
        let Listing { credential, given: Given { now, context: values } } = self.listing;
        let standpoint = Standpoint {
            resource,
            actor,
            task: None,
            chain: (0, false),
            run: None,
            credential,
            values,
            now,
            approvals: None,
        };
        let Narrowing { verdict, missing, .. } = self.view.narrowing(self.program, self.guards, standpoint);
        match verdict {
            None => Permissionship::Has,
            Some((Reason::ContextMissing, _)) => Permissionship::Conditional(missing),
            Some(_) => Permissionship::HasNot,
        }
    }

    /// Adds those who have something through everyone and may come out otherwise than everyone does, as they stand without
    /// guards: whoever is excluded, and whoever has attributes where a guard reads them.
    fn add_known(&self, kind: &TypeName, everyone: &Everyone, had: &mut BTreeMap<ObjectId, Permissionship>) {
        let excluded: BTreeMap<&ObjectId, &Permissionship> =
            everyone.excluded.iter().map(|(id, excluded)| (id, excluded)).collect();
        let mut ids: Vec<ObjectId> = excluded.keys().map(|id| (*id).clone()).collect();
        if self.reads_actors() {
            let attributed = self.view.all_attributes().into_iter().map(|(object, _)| object);
            ids.extend(attributed.filter(|object| object.kind == *kind).map(|object| object.id));
        }
        for id in ids {
            let besides = match excluded.get(&id) {
                None => everyone.permissionship.clone(),
                Some(Permissionship::Conditional(names)) => match &everyone.permissionship {
                    Permissionship::Conditional(others) => {
                        let mut names: Vec<String> = names.iter().chain(others).cloned().collect();
                        names.sort();
                        names.dedup();
                        Permissionship::Conditional(names)
                    }
                    _ => Permissionship::Conditional(names.clone()),
                },
                Some(_) => Permissionship::HasNot,
            };
            had.entry(id).or_insert(besides);
        }
    }

    fn reads_actors(&self) -> bool {
        let mut read = self.guards.iter().flat_map(Guard::conditions).flat_map(Condition::parameters_used);
        read.any(|name| name.starts_with("actor."))
    }
}
