//! Schema, relationships and attributes, and applying a declaration of all there should be.

use std::sync::Arc;

use axum::{Json, extract::State};
use prokura::{ApplyMode, Authority, Consistency, Provenance, Receipt, WriteError};
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::{Change, Schema, TenantName, schema::diff};

use crate::{
    app::App,
    convert,
    error::Refusal,
    json,
    request::{JsonBody, Parameters, Segments, Visit, blocking},
};

/// Writes where waiting for the disk is allowed.
pub(super) async fn write(
    authority: &Authority,
    tenant: TenantName,
    provenance: Provenance,
    changes: Vec<Change>,
) -> Result<Receipt, Refusal> {
    let authority = authority.clone();
    blocking(move || Ok(authority.write(&tenant, provenance, changes)?)).await
}

/// The schema in force.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/schema", tag = "graph", params(("tenant" = String, Path)),
    responses((status = 200, body = api::Schema), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn schema(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
) -> Result<Json<api::Schema>, Refusal> {
    let snapshot = app.authority().snapshot(&visit.reads(&tenant)?)?;
    match snapshot.schema()? {
        Some(schema) => Ok(Json(api::Schema { schema: schema.text().to_owned(), revision: snapshot.revision().0 })),
        None => Err(Refusal::not_found("schema_missing", "no schema was written yet")),
    }
}

/// Puts a schema in force, whole. One that existing relationships would not fit is refused, and the answer lists them.
#[utoipa::path(
    put, path = "/v1/tenants/{tenant}/schema", tag = "graph", params(("tenant" = String, Path)),
    request_body = api::SchemaWrite, responses((status = 200, body = api::Receipt), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn write_schema(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::Receipt>, Refusal> {
    let tenant = visit.writes(&tenant)?;
    let wire: api::SchemaWrite = body.decode()?;
    let changes = vec![Change::SchemaWritten(wire.schema)];
    let receipt = write(app.authority(), tenant.clone(), visit.provenance(wire.reason), changes).await?;
    Ok(Json(convert::wire_receipt_in(app.authority(), &tenant, receipt)))
}

/// What would a schema change, against the one in force? Nothing is written.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/schema/diff", tag = "graph", params(("tenant" = String, Path)),
    request_body = api::SchemaDiffRequest,
    responses((status = 200, body = api::SchemaDiffResponse), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn schema_diff(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::SchemaDiffResponse>, Refusal> {
    let tenant = visit.reads(&tenant)?;
    let wire: api::SchemaDiffRequest = body.decode()?;
    let snapshot = app.authority().snapshot(&tenant)?;
    let stored = snapshot.schema()?.ok_or_else(|| Refusal::not_found("schema_missing", "no schema was written yet"))?;
    let differences = blocking(move || {
        let given = Schema::parse(&wire.schema).map_err(WriteError::SchemaInvalid)?;
        let told = diff(&stored, &given).into_iter().map(|difference| api::SchemaDifference {
            kind: difference.word().to_owned(),
            place: difference.place(),
            message: difference.to_string(),
        });
        Ok(told.collect())
    });
    Ok(Json(api::SchemaDiffResponse { differences: differences.await?, revision: snapshot.revision().0 }))
}

/// Relationships, in a stable order, each with the revision that made it.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/relationships", tag = "graph",
    params(("tenant" = String, Path), api::RelationshipQuery),
    responses((status = 200, body = api::Page<api::StoredRelationship>), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn relationships(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    Parameters(query): Parameters<api::RelationshipQuery>,
) -> Result<Json<api::Page<api::StoredRelationship>>, Refusal> {
    let consistency = query.exactly.clone().map_or(Consistency::FullyConsistent, Consistency::AtExactSnapshot);
    let snapshot = app.authority().snapshot_with(&visit.reads(&tenant)?, &consistency)?;
    let filter = convert::relationship_filter(&query.filter(), "")?;
    let listed = snapshot.relationships(&filter, &convert::page(query.limit, query.cursor.as_deref())?)?;
    let stored = listed.entries.iter().map(|stored| api::StoredRelationship {
        relationship: convert::wire_relationship_on_terms(&stored.relationship, &stored.terms),
        since: stored.since.0,
    });
    Ok(Json(api::Page { items: stored.collect(), next_cursor: convert::wire_cursor(listed.next) }))
}

/// Writes and deletes relationships, in one transaction: all or none, and only if the preconditions hold.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/relationships/write", tag = "graph", params(("tenant" = String, Path)),
    request_body = api::WriteRelationships,
    responses((status = 200, body = api::Receipt), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn write_relationships(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::Receipt>, Refusal> {
    let tenant = visit.writes(&tenant)?;
    let wire: api::WriteRelationships = body.decode_bulk().await?;
    let changes = convert::relationship_write(&wire)?;
    let (authority, provenance) = (app.authority().clone(), visit.provenance(wire.reason));
    let receipt = blocking(move || {
        let empty = changes.updates.is_empty() && changes.preconditions.is_empty() && changes.metadata.is_none();
        let receipt = if empty {
            // Refused as any write of nothing is: whoever sends it meant something else.
            authority.write(&tenant, provenance, Vec::new())?
        } else {
            authority.write_relationships(&tenant, provenance, changes)?
        };
        Ok(convert::wire_receipt_in(&authority, &tenant, receipt))
    });
    Ok(Json(receipt.await?))
}

/// Objects with attributes; or with `type` and `id`, one object's.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/attributes", tag = "graph",
    params(("tenant" = String, Path), api::AttributeQuery),
    responses((status = 200, body = api::Page<api::ObjectAttributes>), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn attributes(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    Parameters(query): Parameters<api::AttributeQuery>,
) -> Result<Json<api::Page<api::ObjectAttributes>>, Refusal> {
    let snapshot = app.authority().snapshot(&visit.reads(&tenant)?)?;
    let kind = convert::type_name(query.kind.as_deref(), "type")?;
    let id = convert::object_id(query.id.as_deref(), "id")?;
    if let (Some(kind), Some(id)) = (&kind, &id) {
        let object = prokura_model::ObjectRef { kind: kind.clone(), id: id.clone() };
        let attributes = snapshot.attributes(&object)?;
        let item = attributes.map(|attributes| api::ObjectAttributes {
            object: convert::wire_object(&object),
            attributes: json::to_wire_members(&attributes),
        });
        return Ok(Json(api::Page { items: item.into_iter().collect(), next_cursor: None }));
    }
    let listed = snapshot.all_attributes(&convert::page(query.limit, query.cursor.as_deref())?)?;
    let meant = listed.entries.iter().filter(|(object, _)| {
        kind.as_ref().is_none_or(|kind| *kind == object.kind) && id.as_ref().is_none_or(|id| *id == object.id)
    });
    let items = meant.map(|(object, attributes)| api::ObjectAttributes {
        object: convert::wire_object(object),
        attributes: json::to_wire_members(attributes),
    });
    Ok(Json(api::Page { items: items.collect(), next_cursor: convert::wire_cursor(listed.next) }))
}

/// Sets all attributes of an object.
#[utoipa::path(
    put, path = "/v1/tenants/{tenant}/attributes", tag = "graph", params(("tenant" = String, Path)),
    request_body = api::AttributesWrite, responses((status = 200, body = api::Receipt), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn set_attributes(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::Receipt>, Refusal> {
    let tenant = visit.writes(&tenant)?;
    let wire: api::AttributesWrite = body.decode_bulk().await?;
    let object = convert::object(&wire.object, "object")?;
    let changes = vec![Change::AttributesSet(object, json::from_wire_members(&wire.attributes))];
    let receipt = write(app.authority(), tenant.clone(), visit.provenance(wire.reason), changes).await?;
    Ok(Json(convert::wire_receipt_in(app.authority(), &tenant, receipt)))
}

/// Makes what there is what it should be, in one transaction. With `dry_run`, only says what would change.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/apply", tag = "graph", params(("tenant" = String, Path)),
    request_body = api::ApplyRequest, responses((status = 200, body = api::ApplyResponse), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn apply(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::ApplyResponse>, Refusal> {
    let tenant = visit.writes(&tenant)?;
    let wire: api::ApplyRequest = body.decode_bulk().await?;
    let declaration = convert::declaration(&wire.declaration)?;
    let mode = ApplyMode { dry_run: wire.dry_run, prune: wire.prune };
    let provenance = visit.provenance(wire.reason);
    let applied = app.alone_with_principals(move |authority| {
        let applied = authority.apply(&tenant, provenance, &declaration, mode)?;
        Ok(convert::wire_applied(authority, &tenant, &applied))
    });
    Ok(Json(applied.await?))
}
