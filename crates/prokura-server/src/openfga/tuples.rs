//! Tuples: written, read, and what was written.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use prokura::{Page, TupleChangesPlace, TupleWrite};
use prokura_api::openfga::{
    ChangesQuery, ErrorBody, ReadRequest, Tuple, TupleChange, TupleChanges, TupleKey, Tuples, WriteRequest,
};
use prokura_model::{
    RelationshipFilter, Revision, SubjectIdFilter, SubjectRef, SubjectRelationFilter, Timestamp, TypeName,
};
use serde_json::{Map, Value};

use super::{
    error::{self, invalid, invalid_at, too_many},
    question::{self, page_size, provenance, token, token_invalid},
    stores::tenant_of,
    tuple,
};
use crate::{
    app::App,
    convert,
    error::Refusal,
    limits::TUPLES_WRITTEN_MAX,
    request::{JsonBody, Parameters, Segments, Visit, blocking},
};

/// Writes and deletes tuples, in one transaction: all or none.
#[utoipa::path(
    post, path = "/stores/{store_id}/write", tag = "openfga", params(("store_id" = String, Path)),
    request_body = WriteRequest, responses((status = 200, body = Object), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn write(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(store): Segments<String>,
    body: JsonBody,
) -> Result<Json<Value>, Refusal> {
    let tenant = visit.writes(&tenant_of(&store)?)?;
    let wire: WriteRequest = body.decode()?;
    let (writes, deletes) = (wire.writes.unwrap_or_default(), wire.deletes.unwrap_or_default());
    let count = writes.tuple_keys.len() + deletes.tuple_keys.len();
    if count == 0 {
        return Err(Refusal::invalid("invalid_write_input", "there is nothing to write and nothing to delete"));
    }
    if count > TUPLES_WRITTEN_MAX {
        return Err(too_many("tuples written and deleted at once", TUPLES_WRITTEN_MAX, count));
    }
    let snapshot = app.authority().snapshot(&tenant).map_err(error::ask)?;
    let model = question::model(&snapshot, wire.authorization_model_id.as_deref())?;
    let mut write = TupleWrite {
        model: model.id.clone(),
        writes: Vec::new(),
        ignore_duplicates: ignores(writes.on_duplicate.as_deref(), "writes.on_duplicate")?,
        deletes: Vec::new(),
        ignore_missing: ignores(deletes.on_missing.as_deref(), "deletes.on_missing")?,
    };
    for (position, key) in writes.tuple_keys.iter().enumerate() {
        let at = || format!("writes.tuple_keys[{position}]");
        let (relationship, terms) = tuple::relationship_on_terms(key).map_err(|message| invalid_at(at(), message))?;
        let itself = SubjectRef::Userset(relationship.resource.clone(), relationship.relation.clone());
        if relationship.subject == itself {
            return Err(invalid_at(at(), "the userset stands in that relation anyway: such a tuple says nothing"));
        }
        tuple::check_context(&terms)?;
        write.writes.push((relationship, terms));
    }
    for (position, key) in deletes.tuple_keys.iter().enumerate() {
        let at = |message| invalid_at(format!("deletes.tuple_keys[{position}]"), message);
        write.deletes.push(tuple::relationship(key).map_err(at)?);
    }
    let (authority, provenance) = (app.authority().clone(), provenance(&visit));
    blocking(move || authority.write_tuples(&tenant, provenance, write).map_err(error::write)).await?;
    Ok(Json(Value::Object(Map::new())))
}

fn ignores(text: Option<&str>, place: &str) -> Result<bool, Refusal> {
    match text {
        None | Some("" | "error") => Ok(false),
        Some("ignore") => Ok(true),
        Some(_) => Err(invalid_at(place, "is `error` or `ignore`")),
    }
}

/// The tuples that are there, by whatever model they were written.
#[utoipa::path(
    post, path = "/stores/{store_id}/read", tag = "openfga", params(("store_id" = String, Path)),
    request_body = ReadRequest, responses((status = 200, body = Tuples), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(store): Segments<String>,
    body: JsonBody,
) -> Result<Json<Tuples>, Refusal> {
    let tenant = visit.reads(&tenant_of(&store)?)?;
    let wire: ReadRequest = body.decode_question()?;
    let filter = filter(&wire.tuple_key.unwrap_or_default())?;
    let page = Page { size: page_size(wire.page_size)?, after: token(wire.continuation_token.as_deref())? };
    let authority = app.authority().clone();
    let tuples = blocking(move || {
        let snapshot = authority.snapshot(&tenant).map_err(error::ask)?;
        let listed = snapshot.relationships(&filter, &page).map_err(error::ask)?;
        let mut times: BTreeMap<Revision, Timestamp> = BTreeMap::new();
        let mut tuples = Vec::with_capacity(listed.entries.len());
        for stored in listed.entries {
            let time = match times.get(&stored.since) {
                Some(time) => *time,
                None => authority.time_of(&tenant, stored.since).map_err(error::ask)?.unwrap_or_default(),
            };
            times.insert(stored.since, time);
            let key = tuple::key(&stored.relationship, Some(&stored.terms));
            tuples.push(Tuple { key, timestamp: time.to_string() });
        }
        Ok(Tuples { tuples, continuation_token: convert::wire_cursor(listed.next).unwrap_or_default() })
    });
    Ok(Json(tuples.await?))
}

/// Nothing at all, or an object with or without its id; without, there must be a user.
fn filter(key: &TupleKey) -> Result<RelationshipFilter, Refusal> {
    let at = |member: &'static str| move |message: String| invalid_at(format!("tuple_key.{member}"), message);
    let mut filter = RelationshipFilter::default();
    if key.object.is_empty() && key.user.is_empty() && key.relation.is_empty() {
        return Ok(filter);
    }
    let Some((kind, id)) = key.object.split_once(':') else {
        return Err(at("object")("a filter names an object, `type:id`, or a type, `type:`".to_owned()));
    };
    filter.resource_type = Some(TypeName::open(kind).map_err(|error| at("object")(error.to_string()))?);
    if id.is_empty() {
        if key.user.is_empty() {
            return Err(at("user")("a filter that names no object's id names a user".to_owned()));
        }
    } else {
        filter.resource_id = Some(tuple::object(&key.object).map_err(at("object"))?.id);
    }
    if !key.relation.is_empty() {
        filter.relation = Some(tuple::relation(&key.relation).map_err(at("relation"))?);
    }
    if !key.user.is_empty() {
        let subject = tuple::user(&key.user).map_err(at("user"))?;
        filter.subject_type = Some(subject.kind().clone());
        let (id, relation) = match subject {
            SubjectRef::Object(object) => (SubjectIdFilter::Object(object.id), SubjectRelationFilter::Absent),
            SubjectRef::Userset(object, relation) => {
                (SubjectIdFilter::Object(object.id), SubjectRelationFilter::Named(relation))
            }
            SubjectRef::Wildcard(_) => (SubjectIdFilter::Wildcard, SubjectRelationFilter::Absent),
        };
        (filter.subject_id, filter.subject_relation) = (Some(id), Some(relation));
    }
    Ok(filter)
}

/// What was written and deleted, oldest first.
#[utoipa::path(
    get, path = "/stores/{store_id}/changes", tag = "openfga", params(("store_id" = String, Path), ChangesQuery),
    responses((status = 200, body = TupleChanges), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn changes(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(store): Segments<String>,
    Parameters(query): Parameters<ChangesQuery>,
) -> Result<Json<TupleChanges>, Refusal> {
    let tenant = visit.reads(&tenant_of(&store)?)?;
    let size = page_size(query.page_size)?;
    let kind = query.kind.as_deref().filter(|kind| !kind.is_empty()).map(TypeName::open).transpose();
    let kind = kind.map_err(|error| invalid(error.to_string()))?;
    let after = token(query.continuation_token.as_deref())?;
    let after = after.map(|text| place(&text, kind.as_ref())).transpose()?;
    let start = query.start_time.as_deref().map(moment).transpose()?;
    let authority = app.authority().clone();
    let answer = blocking(move || {
        let after = match (after, start) {
            (Some(after), _) => Some(after),
            (None, Some(start)) => Some(authority.tuple_changes_from(&tenant, start).map_err(error::ask)?),
            (None, None) => None,
        };
        let found = authority.tuple_changes(&tenant, kind.as_ref(), after, size).map_err(error::ask)?;
        let changes = found.entries.iter().map(|change| TupleChange {
            tuple_key: tuple::key(&change.relationship, change.terms.as_ref()),
            operation: match change.terms {
                Some(_) => "TUPLE_OPERATION_WRITE".to_owned(),
                None => "TUPLE_OPERATION_DELETE".to_owned(),
            },
            timestamp: change.time.to_string(),
        });
        let continuation_token = convert::wire_cursor(Some(place_text(found.next, kind.as_ref())));
        Ok(TupleChanges { changes: changes.collect(), continuation_token: continuation_token.unwrap_or_default() })
    });
    Ok(Json(answer.await?))
}

fn place_text(place: TupleChangesPlace, kind: Option<&TypeName>) -> String {
    format!("{} {} {}", place.revision, place.changes, kind.map_or("", TypeName::as_str))
}

/// Where the page before ended, if it was a page of the same list.
fn place(text: &str, kind: Option<&TypeName>) -> Result<TupleChangesPlace, Refusal> {
    let mut parts = text.splitn(3, ' ');
    let (revision, changes, of) = (parts.next(), parts.next(), parts.next());
    let place = revision.and_then(|text| text.parse().ok()).zip(changes.and_then(|text| text.parse().ok()));
    let Some(((revision, changes), of)) = place.zip(of) else { return Err(token_invalid()) };
    if of != kind.map_or("", TypeName::as_str) {
        let message = "the token is of a list of changes of another type";
        return Err(Refusal::invalid("query_string_type_continuation_token_mismatch", message));
    }
    Ok(TupleChangesPlace { revision: Revision(revision), changes })
}

fn moment(text: &str) -> Result<Timestamp, Refusal> {
    let read = text.parse::<prokura_api::Time>();
    read.map(|time| Timestamp(time.as_ms())).map_err(|error| Refusal::invalid("invalid_start_time", error.to_string()))
}
