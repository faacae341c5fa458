//! Schema, relationships and attributes, and applying a declaration of all there should be.

use std::sync::Arc;

use axum::{Json, extract::State};
use prokura::{ApplyMode, Authority, Provenance, Receipt};
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::{Change, TenantName};

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
    let receipt = write(app.authority(), tenant, visit.provenance(wire.reason), changes).await?;
    Ok(Json(convert::wire_receipt(receipt)))
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
    let snapshot = app.authority().snapshot(&visit.reads(&tenant)?)?;
    let filter = convert::relationship_filter(&query)?;
    let listed = snapshot.relationships(&filter, &convert::page(query.limit, query.cursor.as_deref())?)?;
    let stored = listed.entries.iter().map(|(relationship, since)| api::StoredRelationship {
        relationship: convert::wire_relationship(relationship),
        since: since.0,
    });
    Ok(Json(api::Page { items: stored.collect(), next_cursor: convert::wire_cursor(listed.next) }))
}

/// Writes and deletes relationships, in one transaction: all or none.
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
    let touched = wire.touch.iter().enumerate().map(|(position, relationship)| {
        convert::relationship(relationship, format_args!("touch[{position}]")).map(Change::RelationshipTouched)
    });
    let deleted = wire.delete.iter().enumerate().map(|(position, relationship)| {
        convert::relationship(relationship, format_args!("delete[{position}]")).map(Change::RelationshipDeleted)
    });
    let changes = touched.chain(deleted).collect::<Result<Vec<_>, _>>()?;
    let receipt = write(app.authority(), tenant, visit.provenance(wire.reason), changes).await?;
    Ok(Json(convert::wire_receipt(receipt)))
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
    let receipt = write(app.authority(), tenant, visit.provenance(wire.reason), changes).await?;
    Ok(Json(convert::wire_receipt(receipt)))
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
    let applied = app
        .alone_with_principals(move |authority| Ok(authority.apply(&tenant, provenance, &declaration, mode)?))
        .await?;
    Ok(Json(convert::wire_applied(&applied)))
}
