use std::collections::BTreeMap;

use prokura_model::{ObjectId, ObjectRef, RelationName, SubjectRef, Timestamp, TypeName};

use super::{Moment, OracleError, Outcomes};
use crate::{Answer, Context, List, Question, Standing, World};

/// Who of those a list is about stands how: by id or name, and everyone who is not named.
struct Entries {
    named: BTreeMap<String, Outcomes>,
    others: Outcomes,
}

impl World {
    /// The objects of a type on which the subject has the permission: the checks of all there are.
    pub(crate) fn lookup_resources(
        &self,
        kind: &TypeName,
        permission: &RelationName,
        subject: &SubjectRef,
        alive: bool,
        (context, now): (&Context, Timestamp),
    ) -> Answer {
        let asked = self.require_member(kind, permission).and_then(|()| self.require_subject(subject));
        let named = asked.map(|()| {
            let moment = Moment::of(self, subject, context, now);
            let model = moment.model(&[]);
            let mut objects = self.objects();
            if let SubjectRef::Object(own) | SubjectRef::Userset(own, _) = subject {
                objects.insert(own);
            }
            let objects =
                objects.into_iter().filter(|object| object.kind == *kind && !self.may_nothing(subject, alive));
            let check = |object: &ObjectRef| {
                let outcomes = model.outcomes(&(object.clone(), permission.clone()));
                self.left((object, permission), subject, alive, (context, now), outcomes)
            };
            objects.map(|object| (object.id.as_str().to_owned(), check(object))).collect()
        });
        answer(named.map(Entries::those))
    }

    /// Who of a type has the permission on the resource: the checks of all there are, and of one whom no edge names.
    ///
    /// With a relation, the usersets of that relation.
    pub(crate) fn lookup_subjects(
        &self,
        resource: &ObjectRef,
        permission: &RelationName,
        (kind, relation): (&TypeName, Option<&RelationName>),
        alive: bool,
        (context, now): (&Context, Timestamp),
    ) -> Answer {
        let asked = self.require_member(&resource.kind, permission).and_then(|()| match relation {
            Some(relation) => self.require_member(kind, relation),
            None => self.require_type(kind),
        });
        let entries = asked.map(|()| {
            let mut objects = self.objects();
            objects.insert(resource);
            let stopped = self.principals.keys().filter(|object| alive && self.is_left_out(object));
            objects.extend(stopped);
            // Of whom guards know more than of a stranger.
            objects.extend(self.attributes.keys().filter(|_| alive));
            let check = |object: &ObjectRef| {
                let subject = match relation {
                    Some(relation) => SubjectRef::Userset(object.clone(), relation.clone()),
                    None => SubjectRef::Object(object.clone()),
                };
                if self.may_nothing(&subject, alive) {
                    return vec![Ok(Standing::HasNot)];
                }
                let outcomes = self.outcomes(resource, permission, &subject, context, now);
                self.left((resource, permission), &subject, alive, (context, now), outcomes)
            };
            let stranger = self.stranger(kind, resource);
            let others = if relation.is_some() { vec![Ok(Standing::HasNot)] } else { check(&stranger) };
            let objects = objects.into_iter().filter(|object| object.kind == *kind);
            let named = objects.map(|object| (object.id.as_str().to_owned(), check(object))).collect();
            Entries { named, others }
        });
        answer(entries)
    }

    /// Which relations and permissions the subject has on the resource: the checks of all there are.
    pub(crate) fn permissions(
        &self,
        resource: &ObjectRef,
        subject: &SubjectRef,
        alive: bool,
        (context, now): (&Context, Timestamp),
    ) -> Answer {
        let asked = self.require_type(&resource.kind).and_then(|()| self.require_subject(subject));
        let named = asked.map(|()| {
            let moment = Moment::of(self, subject, context, now);
            let model = moment.model(&[resource]);
            let definition = self.schema.as_ref().and_then(|schema| schema.definition(resource.kind.as_str()));
            let names = definition.into_iter().flat_map(|definition| definition.members.keys());
            let names = names.filter(|_| !self.may_nothing(subject, alive));
            let check = |name: &RelationName| {
                let outcomes = model.outcomes(&(resource.clone(), name.clone()));
                self.left((resource, name), subject, alive, (context, now), outcomes)
            };
            names.map(|name| (name.as_str().to_owned(), check(name))).collect()
        });
        answer(named.map(Entries::those))
    }

    /// Whether the subject has nothing in a list of the living.
    fn may_nothing(&self, subject: &SubjectRef, alive: bool) -> bool {
        alive && matches!(subject, SubjectRef::Object(object) if self.is_left_out(object))
    }

    /// What guards leave of an entry in a list of the living. A userset does not act.
    fn left(
        &self,
        (resource, permission): (&ObjectRef, &RelationName),
        subject: &SubjectRef,
        alive: bool,
        (context, now): (&Context, Timestamp),
        outcomes: Outcomes,
    ) -> Outcomes {
        let SubjectRef::Object(actor) = subject else { return outcomes };
        if !alive {
            return outcomes;
        }
        let question = Question {
            actor: actor.clone(),
            delegation: None,
            permission: permission.clone(),
            resource: resource.clone(),
            arguments: Context::new(),
            context: context.clone(),
            credential: None,
            tool_schema: None,
        };
        if self.guards_on(&question).is_empty() {
            return outcomes;
        }
        let stranger = *actor == self.stranger(&actor.kind, resource);
        let left = outcomes.into_iter().map(|outcome| match outcome {
            Ok(Standing::Has) => Ok(self.left_in_list(&question, stranger, now)),
            other => other,
        });
        left.collect()
    }

    /// Someone of the type who is neither the resource nor named by any edge or entry.
    fn stranger(&self, kind: &TypeName, resource: &ObjectRef) -> ObjectRef {
        let mut id = "stranger".to_owned();
        loop {
            let object = ObjectRef { kind: kind.clone(), id: ObjectId::new(&id).expect("a legal id") };
            let known =
                object == *resource || self.objects().contains(&object) || self.principals.contains_key(&object);
            if !known {
                return object;
            }
            id.push('r');
        }
    }
}

impl Entries {
    fn those(named: BTreeMap<String, Outcomes>) -> Self {
        Self { named, others: vec![Ok(Standing::HasNot)] }
    }
}

/// The list; or an error if a check has no other outcome; or either, where one may have.
fn answer(entries: Result<Entries, OracleError>) -> Answer {
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => return error.into(),
    };
    let mut errors: Vec<Answer> = Vec::new();
    let mut list = List::default();
    let mut complete = true;
    let named = entries.named.into_iter().map(|(name, outcomes)| (Some(name), outcomes));
    for (name, outcomes) in named.chain([(None, entries.others)]) {
        let mut standing = None;
        for outcome in outcomes {
            match outcome {
                Ok(found) => standing = Some(found),
                Err(error) => errors.push(error.into()),
            }
        }
        match (name, standing) {
            (_, None) => complete = false,
            (Some(name), Some(standing)) => {
                list.named.insert(name, standing);
            }
            (None, Some(standing)) => list.others = standing,
        }
    }
    let list = complete.then_some(Answer::Listed(list.plain()));
    Answer::one_of(list.into_iter().chain(errors))
}
