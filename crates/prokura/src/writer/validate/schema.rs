use std::sync::Arc;

use prokura_engine::View;
use prokura_model::{
    Change, RelationshipFilter, Schema,
    schema::{Definition, Member, Relation},
};

use super::{Edges, within};
use crate::{Unfit, WriteError};

/// Relationships named in an error, at most.
const STRANDED_SHOWN: usize = 10;

/// Relationships looked at in one go.
const SCANNED_AT_ONCE: usize = 1_000;

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
        strands_nothing(view, &before, &after, edges)?;
    }
    Ok(Some(Arc::new(after)))
}

fn strands_nothing(view: &View<'_>, before: &Schema, after: &Schema, edges: &Edges) -> Result<(), WriteError> {
    let mut first = Vec::new();
    let mut total = 0;
    for definition in before.definitions().values() {
        for relation in narrowed(definition, after.definition(definition.name.as_str())) {
            let filter = RelationshipFilter {
                resource_type: Some(definition.name.clone()),
                relation: Some(relation.name.clone()),
                ..RelationshipFilter::default()
            };
            strays(view, &filter, after, edges, |stranded| {
                total += 1;
                if first.len() < STRANDED_SHOWN {
                    first.push(stranded);
                }
            })?;
        }
    }
    if total > 0 {
        return Err(WriteError::SchemaStrands { first, total });
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

fn strays(
    view: &View<'_>,
    filter: &RelationshipFilter,
    after: &Schema,
    edges: &Edges,
    mut found: impl FnMut(Unfit),
) -> Result<(), WriteError> {
    let mut last = None;
    loop {
        let page = view
            .relationships(filter, last.as_ref(), SCANNED_AT_ONCE)
            .map_err(|error| WriteError::Internal(error.to_string()))?;
        for (relationship, _) in page.relationships {
            if edges.get(&relationship) == Some(&false) {
                continue;
            }
            if let Err(fault) = after.check_relationship(&relationship) {
                found(Unfit { relationship, fault });
            }
        }
        last = page.next;
        if last.is_none() {
            return Ok(());
        }
    }
}
