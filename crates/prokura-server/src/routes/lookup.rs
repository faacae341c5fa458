//! Questions whose answer is a list. Not recorded, and not to be enforced.

use std::sync::Arc;

use axum::{Json, extract::State};
use prokura::{Authority, Listed, ResourceLookup, Snapshot, SubjectLookup};
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::TenantName;

use crate::{
    app::App,
    convert,
    error::Refusal,
    json,
    request::{JsonBody, Segments, Visit, blocking},
};

/// The state a question is answered on.
fn snapshot(
    authority: &Authority,
    tenant: &TenantName,
    consistency: Option<&api::Consistency>,
) -> Result<Snapshot, Refusal> {
    Ok(authority.snapshot_with(tenant, &convert::consistency(consistency))?)
}

/// On which objects of a type does the subject have the permission? Complete, each once, by id.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/resources", tag = "questions", params(("tenant" = String, Path)),
    request_body = api::ResourcesRequest, responses((status = 200, body = api::Found), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn resources(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::Found>, Refusal> {
    let tenant = visit.reads(&tenant)?;
    let wire: api::ResourcesRequest = body.decode_question()?;
    let kind = convert::type_name(Some(&wire.resource_type), "resource_type")?;
    let lookup = ResourceLookup {
        kind: kind.ok_or_else(|| Refusal::invalid_at("resource_type", "member_missing", "is missing"))?,
        permission: convert::relation(&wire.permission, "permission")?,
        subject: convert::subject(&wire.subject, "subject")?,
        context: json::from_wire_members(&wire.context),
    };
    let page = convert::page(wire.limit, wire.cursor.as_deref())?;
    let (authority, credential) = (app.authority().clone(), visit.caller.credential());
    let found = blocking(move || {
        let snapshot = snapshot(&authority, &tenant, wire.consistency.as_ref())?.known_by(credential);
        let Listed { entries, next } = snapshot.lookup_resources(&lookup, &page)?;
        Ok(api::Found {
            items: entries.iter().map(|found| convert::wire_found(&found.id, &found.permissionship)).collect(),
            everyone: None,
            next_cursor: convert::wire_cursor(next),
            revision: snapshot.revision().0,
            token: authority.token(&tenant, snapshot.revision()),
        })
    });
    Ok(Json(found.await?))
}

/// Who of a type has the permission on the resource? Complete, each once, by id; where everyone has it, but for some, the
/// first page says so in `everyone`.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/subjects", tag = "questions", params(("tenant" = String, Path)),
    request_body = api::SubjectsRequest, responses((status = 200, body = api::Found), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn subjects(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::Found>, Refusal> {
    let tenant = visit.reads(&tenant)?;
    let wire: api::SubjectsRequest = body.decode_question()?;
    let kind = convert::type_name(Some(&wire.subject_type), "subject_type")?;
    let relation = wire.subject_relation.as_deref().map(|text| convert::relation(text, "subject_relation"));
    let lookup = SubjectLookup {
        resource: convert::object(&wire.resource, "resource")?,
        permission: convert::relation(&wire.permission, "permission")?,
        kind: kind.ok_or_else(|| Refusal::invalid_at("subject_type", "member_missing", "is missing"))?,
        relation: relation.transpose()?,
        context: json::from_wire_members(&wire.context),
    };
    let page = convert::page(wire.limit, wire.cursor.as_deref())?;
    let (authority, credential) = (app.authority().clone(), visit.caller.credential());
    let found = blocking(move || {
        let snapshot = snapshot(&authority, &tenant, wire.consistency.as_ref())?.known_by(credential);
        let Listed { entries, next } = snapshot.lookup_subjects(&lookup, &page)?;
        let (mut items, mut everyone) = (Vec::new(), None);
        for found in &entries {
            match &found.id {
                Some(id) => items.push(convert::wire_found(id, &found.permissionship)),
                None => {
                    let excluded = found.excluded.iter();
                    let excluded = excluded.map(|out| convert::wire_excluded(&out.id, &out.permissionship)).collect();
                    let (permissionship, missing) = convert::wire_permissionship(&found.permissionship);
                    everyone = Some(api::Everyone { permissionship, missing, excluded });
                }
            }
        }
        Ok(api::Found {
            items,
            everyone,
            next_cursor: convert::wire_cursor(next),
            revision: snapshot.revision().0,
            token: authority.token(&tenant, snapshot.revision()),
        })
    });
    Ok(Json(found.await?))
}

/// What may the subject do on the resource? Every relation and permission, with the answer for each.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/permissions", tag = "questions", params(("tenant" = String, Path)),
    request_body = api::PermissionsRequest,
    responses((status = 200, body = api::PermissionsResponse), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn permissions(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::PermissionsResponse>, Refusal> {
    let tenant = visit.reads(&tenant)?;
    let wire: api::PermissionsRequest = body.decode_question()?;
    let resource = convert::object(&wire.resource, "resource")?;
    let subject = convert::subject(&wire.subject, "subject")?;
    let context = json::from_wire_members(&wire.context);
    let (authority, credential) = (app.authority().clone(), visit.caller.credential());
    let found = blocking(move || {
        let snapshot = snapshot(&authority, &tenant, wire.consistency.as_ref())?.known_by(credential);
        let found = snapshot.permissions(&resource, &subject, &context)?;
        let permissions = found.iter().map(|(name, found)| {
            let (permissionship, missing) = convert::wire_permissionship(found);
            api::HeldPermission { permission: name.as_str().to_owned(), permissionship, missing }
        });
        Ok(api::PermissionsResponse {
            permissions: permissions.collect(),
            revision: snapshot.revision().0,
            token: authority.token(&tenant, snapshot.revision()),
        })
    });
    Ok(Json(found.await?))
}

/// How does the permission on the resource come about? A tree, one step deep: usersets are named and not followed.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/expand", tag = "questions", params(("tenant" = String, Path)),
    request_body = api::ExpandRequest,
    responses((status = 200, body = api::ExpandResponse), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn expand(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::ExpandResponse>, Refusal> {
    let tenant = visit.reads(&tenant)?;
    let wire: api::ExpandRequest = body.decode_question()?;
    let resource = convert::object(&wire.resource, "resource")?;
    let permission = convert::relation(&wire.permission, "permission")?;
    let context = json::from_wire_members(&wire.context);
    let authority = app.authority().clone();
    let found = blocking(move || {
        let snapshot = snapshot(&authority, &tenant, wire.consistency.as_ref())?;
        Ok(api::ExpandResponse {
            tree: convert::wire_expansion(&snapshot.expand(&resource, &permission, &context)?),
            revision: snapshot.revision().0,
            token: authority.token(&tenant, snapshot.revision()),
        })
    });
    Ok(Json(found.await?))
}
