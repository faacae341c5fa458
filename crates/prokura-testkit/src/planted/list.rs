use prokura_model::{ObjectId, ObjectRef, RelationName, SubjectRef, TypeName};

use super::{Bug, Planted};
use crate::{Ask, Context, List, Question, Standing};

impl Planted {
    /// The answer to a question for a list: check after check.
    pub(super) fn list(&self, ask: &Ask) -> Result<List, &'static str> {
        let (context, now) = (ask.context(), ask.now());
        let mut list = List::default();
        match ask {
            Ask::LookupResources { kind, permission, subject, alive, .. } => {
                // An error in the question is one whatever there is.
                self.check(&nobody(kind), permission, subject, context, now)?;
                // Who is dead is not asked about: nothing that is wrong with their edges matters.
                let dead = self.is_dead(subject, *alive);
                for object in self.candidates(kind, subject).into_iter().filter(|_| !dead) {
                    let found = self.check(&object, permission, subject, context, now)?;
                    let found = self.left(ask, (&object, permission), subject, found);
                    self.put(&mut list, object.id.as_str(), found);
                }
            }
            Ask::LookupSubjects { resource, permission, kind, relation, alive, .. } => {
                let one = |object: ObjectRef| match relation {
                    Some(relation) => SubjectRef::Userset(object, relation.clone()),
                    None => SubjectRef::Object(object),
                };
                let nobody = one(nobody(kind));
                let found = self.check(resource, permission, &nobody, context, now)?;
                list.others = self.left(ask, (resource, permission), &nobody, found);
                if relation.is_some() || self.bug == Bug::WildcardsAreNotListed {
                    list.others = Standing::HasNot;
                }
                for object in self.candidates(kind, &resource.clone().into()) {
                    let subject = one(object.clone());
                    let dead = self.is_dead(&subject, *alive);
                    let found =
                        if dead { Standing::HasNot } else { self.check(resource, permission, &subject, context, now)? };
                    let found = self.left(ask, (resource, permission), &subject, found);
                    self.put(&mut list, object.id.as_str(), found);
                }
            }
            Ask::Permissions { resource, subject, alive, .. } => {
                let dead = self.is_dead(subject, *alive);
                for name in self.names(&resource.kind)? {
                    self.check(&nobody(&resource.kind), &name, subject, context, now)?;
                    let found =
                        if dead { Standing::HasNot } else { self.check(resource, &name, subject, context, now)? };
                    let found = self.left(ask, (resource, &name), subject, found);
                    self.put(&mut list, name.as_str(), found);
                }
            }
            Ask::Check { .. } | Ask::Decide { .. } => {}
        }
        Ok(list)
    }

    /// What guards leave of an entry: everything, in a list by relationships alone.
    fn left(
        &self,
        ask: &Ask,
        (resource, permission): (&ObjectRef, &RelationName),
        subject: &SubjectRef,
        found: Standing,
    ) -> Standing {
        let (Ask::LookupResources { alive, .. } | Ask::LookupSubjects { alive, .. } | Ask::Permissions { alive, .. }) =
            ask
        else {
            return found;
        };
        let SubjectRef::Object(actor) = subject else { return found };
        if found != Standing::Has || !alive {
            return found;
        }
        let question = Question {
            actor: actor.clone(),
            delegation: None,
            permission: permission.clone(),
            resource: resource.clone(),
            arguments: Context::new(),
            context: ask.context().clone(),
            credential: None,
            tool_schema: None,
        };
        self.left_in_list(&question, *actor == nobody(&actor.kind), ask.now())
    }

    fn put(&self, list: &mut List, name: &str, found: Standing) {
        if self.bug == Bug::ExceptionsAreNotListed && list.others == Standing::Has {
            return;
        }
        let standing = match found {
            Standing::Conditional(_) if self.bug == Bug::ConditionalIsNotListed => Standing::HasNot,
            found => found,
        };
        list.named.insert(name.to_owned(), standing);
    }

    fn is_dead(&self, subject: &SubjectRef, alive: bool) -> bool {
        let SubjectRef::Object(object) = subject else {
            return false;
        };
        alive && self.bug != Bug::TheStoppedAreListed && (self.stopped(object) || self.orphaned(object))
    }

    /// Everything of the type that is known by name.
    fn candidates(&self, kind: &TypeName, own: &SubjectRef) -> Vec<ObjectRef> {
        let mut objects = self.world.objects();
        if let SubjectRef::Object(own) | SubjectRef::Userset(own, _) = own
            && self.bug != Bug::TheSubjectItselfIsNotListed
        {
            objects.insert(own);
        }
        objects.extend(self.world.principals.keys());
        objects.extend(self.world.attributes.keys());
        objects.into_iter().filter(|object| object.kind == *kind).cloned().collect()
    }

    fn names(&self, kind: &TypeName) -> Result<Vec<RelationName>, &'static str> {
        let schema = self.world.schema.as_ref().ok_or("no_schema")?;
        let definition = schema.find_definition(kind).map_err(|unknown| unknown.code())?;
        Ok(definition.members.keys().cloned().collect())
    }
}

/// Someone whom no case knows.
fn nobody(kind: &TypeName) -> ObjectRef {
    ObjectRef { kind: kind.clone(), id: ObjectId::new("nobody-at-all").expect("a legal id") }
}
