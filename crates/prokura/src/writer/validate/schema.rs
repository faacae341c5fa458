use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::ControlFlow,
    sync::Arc,
};

use prokura_engine::{Stored, View};
use prokura_model::{
    CaveatName, Change, ObjectRef, RelationName, Relationship, RelationshipFilter, Schema, TaskState, Timestamp,
    TypeName,
    schema::{Definition, Member, Relation},
};

use super::{Edges, within};
use crate::{Unfit, WriteError};

/// Relationships, or principals and tasks, named in an error, at most.
const STRANDED_SHOWN: usize = 10;

/// What a schema in the changes comes to.
#[derive(Default)]
pub(super) struct FinalSchema {
    /// The schema as the changes leave it.
    pub(super) schema: Option<Arc<Schema>>,
    /// Relationships that would not fit it and are over: they are collected in the same transaction.
    pub(super) over: Vec<Relationship>,
}

/// The schema as the changes leave it, if it is one and everything that stays fits it.
pub(super) fn final_schema(
    view: &View<'_>,
    now: Timestamp,
    changes: &[Change],
    edges: &Edges<'_>,
) -> Result<FinalSchema, WriteError> {
    let mut texts = changes.iter().filter_map(|change| match change {
        Change::SchemaWritten(text) => Some(text),
        _ => None,
    });
    let before = view.schema();
    let Some(text) = texts.next() else {
        return Ok(FinalSchema { schema: before, over: Vec::new() });
    };
    within("schemas in a transaction", 1, 1 + texts.count())?;
    let after = Schema::parse(text).map_err(WriteError::SchemaInvalid)?;
    let mut over = Vec::new();
    if let Some(before) = before {
        over = strands_no_relationship(view, now, &before, &after, edges)?;
        if before.definitions().keys().any(|kind| after.definition(kind.as_str()).is_none()) {
            strands_no_principal(view, &after, changes)?;
        }
    }
    Ok(FinalSchema { schema: Some(Arc::new(after)), over })
}

/// One pass through the graph, and none for a schema that only grows. Answers with those that would not fit and are over.
fn strands_no_relationship(
    view: &View<'_>,
    now: Timestamp,
    before: &Schema,
    after: &Schema,
    edges: &Edges<'_>,
) -> Result<Vec<Relationship>, WriteError> {
    let mut narrowed_of: HashMap<&TypeName, HashSet<&RelationName>> = HashMap::new();
    for definition in before.definitions().values() {
        let relations: HashSet<_> = definition
            .relations()
            .filter(|old| narrowed(before, after, definition, old))
            .map(|old| &old.name)
            .collect();
        if !relations.is_empty() {
            narrowed_of.insert(&definition.name, relations);
        }
    }
    let (mut first, mut total, mut over) = (BTreeMap::new(), 0, Vec::new());
    if narrowed_of.is_empty() {
        return Ok(over);
    }
    view.visit_relationships(&RelationshipFilter::default(), |Stored { relationship, terms, .. }| {
        let narrowed =
            narrowed_of.get(&relationship.resource.kind).is_some_and(|names| names.contains(&relationship.relation));
        // What the same changes write is looked at there, with the terms that it gets.
        if narrowed
            && !edges.contains_key(&relationship)
            && let Err(fault) = after.check_relationship(&relationship, &terms)
        {
            if terms.is_over(now) {
                over.push(relationship);
                return ControlFlow::Continue(());
            }
            total += 1;
            first.insert(relationship, (terms, fault));
            if first.len() > STRANDED_SHOWN {
                first.pop_last();
            }
        }
        ControlFlow::Continue(())
    })
    .map_err(|error| WriteError::Internal(error.to_string()))?;
    if total > 0 {
        let first = first.into_iter().map(|(relationship, (terms, fault))| Unfit { relationship, terms, fault });
        return Err(WriteError::SchemaStrands { first: first.collect(), total });
    }
    Ok(over)
}

/// Principals keep their types, suspended ones above all, and so do the origins of open tasks.
fn strands_no_principal(view: &View<'_>, after: &Schema, changes: &[Change]) -> Result<(), WriteError> {
    let (mut removed, mut closed) = (HashSet::new(), HashSet::new());
    for change in changes {
        match change {
            Change::PrincipalRemoved(object) => {
                removed.insert(object);
            }
            Change::TaskClosed(id, _) => {
                closed.insert(id);
            }
            _ => {}
        }
    }
    let dropped = |object: &ObjectRef| after.definition(object.kind.as_str()).is_none();
    let (mut first, mut total) = (Vec::new(), 0);
    let mut stranded = |words: &dyn Fn() -> String| {
        total += 1;
        if first.len() < STRANDED_SHOWN {
            first.push(words());
        }
    };
    for principal in view.principals() {
        if dropped(&principal.object) && !removed.contains(&principal.object) {
            stranded(&|| format!("principal `{}`", principal.object));
        }
    }
    for task in view.tasks() {
        if task.state == TaskState::Open && dropped(&task.origin) && !closed.contains(&task.id) {
            stranded(&|| format!("origin `{}` of task `{}`", task.origin, task.id));
        }
    }
    if total > 0 {
        return Err(WriteError::SchemaStrandsPrincipals { first, total });
    }
    Ok(())
}

/// Whether the relation allows less than it did, or a caveat that goes with what it allows takes less. Only its
/// relationships need to be looked at then, which spares a schema that only grows a walk through the whole graph.
fn narrowed(before: &Schema, after: &Schema, definition: &Definition, old: &Relation) -> bool {
    let new = after.definition(definition.name.as_str()).and_then(|after| after.member(old.name.as_str()));
    let Some(Member::Relation(new)) = new else { return true };
    let takes_less = |caveat: &CaveatName| {
        let (old, new) = (before.caveat(caveat.as_str()), after.caveat(caveat.as_str()));
        let kept = |parameter| new.is_some_and(|new| new.parameters.contains(parameter));
        old.is_some_and(|old| !old.parameters.iter().all(kept))
    };
    old.allowed.iter().any(|allowed| !new.allowed.contains(allowed) || allowed.caveat.as_ref().is_some_and(takes_less))
}
