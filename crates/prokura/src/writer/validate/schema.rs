use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::ControlFlow,
    sync::Arc,
};

use prokura_engine::View;
use prokura_model::{
    Change, ObjectRef, RelationName, RelationshipFilter, Schema, TaskState, TypeName,
    schema::{Definition, Member, Relation},
};

use super::{Edges, within};
use crate::{Unfit, WriteError};

/// Relationships, or principals and tasks, named in an error, at most.
const STRANDED_SHOWN: usize = 10;

/// The schema as the changes leave it, if it is one and everything that stays fits it.
pub(super) fn final_schema(
    view: &View<'_>,
    changes: &[Change],
    edges: &Edges,
) -> Result<Option<Arc<Schema>>, WriteError> {
    let mut texts = changes.iter().filter_map(|change| match change {
        Change::SchemaWritten(text) => Some(text),
        _ => None,
    });
    let before = view.schema();
    let Some(text) = texts.next() else {
        return Ok(before);
    };
    within("schemas in a transaction", 1, 1 + texts.count())?;
    let after = Schema::parse(text).map_err(WriteError::SchemaInvalid)?;
    if let Some(before) = before {
        strands_nothing(view, &before, &after, changes, edges)?;
    }
    Ok(Some(Arc::new(after)))
}

fn strands_nothing(
    view: &View<'_>,
    before: &Schema,
    after: &Schema,
    changes: &[Change],
    edges: &Edges,
) -> Result<(), WriteError> {
    strands_no_relationship(view, before, after, edges)?;
    if before.definitions().keys().all(|kind| after.definition(kind.as_str()).is_some()) {
        return Ok(());
    }
    strands_no_principal(view, after, changes)
}

/// One pass through the graph, and none for a schema that only grows.
fn strands_no_relationship(view: &View<'_>, before: &Schema, after: &Schema, edges: &Edges) -> Result<(), WriteError> {
    let mut narrowed_of: HashMap<&TypeName, HashSet<&RelationName>> = HashMap::new();
    for definition in before.definitions().values() {
        let relations: HashSet<_> =
            narrowed(definition, after.definition(definition.name.as_str())).map(|relation| &relation.name).collect();
        if !relations.is_empty() {
            narrowed_of.insert(&definition.name, relations);
        }
    }
    if narrowed_of.is_empty() {
        return Ok(());
    }
    let (mut first, mut total) = (BTreeMap::new(), 0);
    view.visit_relationships(&RelationshipFilter::default(), |relationship, _| {
        let narrowed =
            narrowed_of.get(&relationship.resource.kind).is_some_and(|names| names.contains(&relationship.relation));
        if narrowed
            && edges.get(&relationship) != Some(&false)
            && let Err(fault) = after.check_relationship(&relationship)
        {
            total += 1;
            first.insert(relationship, fault);
            if first.len() > STRANDED_SHOWN {
                first.pop_last();
            }
        }
        ControlFlow::Continue(())
    })
    .map_err(|error| WriteError::Internal(error.to_string()))?;
    if total > 0 {
        let first = first.into_iter().map(|(relationship, fault)| Unfit { relationship, fault }).collect();
        return Err(WriteError::SchemaStrands { first, total });
    }
    Ok(())
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

/// The relations that allow less than they did. Only their relationships need to be looked at, which spares a schema
/// that only grows a walk through the whole graph.
fn narrowed<'s>(before: &'s Definition, after: Option<&'s Definition>) -> impl Iterator<Item = &'s Relation> {
    before.relations().filter(move |old| {
        let new = after.and_then(|after| after.member(old.name.as_str()));
        match new {
            Some(Member::Relation(new)) => !old.allowed.iter().all(|allowed| new.allowed.contains(allowed)),
            Some(Member::Permission(_)) | None => true,
        }
    })
}
