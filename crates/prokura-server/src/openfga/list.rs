//! Lists: they are whole, or an error.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use prokura_api::openfga::{
    ErrorBody, ListObjectsRequest, ListObjectsResponse, ListUsersRequest, ListUsersResponse, Object, TypedWildcard,
    User, UserFilter, UsersetUser,
};
use prokura_model::{ObjectRef, RelationName, SubjectRef, TenantName, TypeName};
use serde_json::json;

use super::{
    error::{self, invalid, invalid_at},
    question::{Asking, context, context_missing, surely},
    stores::tenant_of,
};
use crate::{
    app::App,
    error::Refusal,
    request::{JsonBody, Segments, Visit, blocking},
};

/// To which objects does the user stand in the relation? All of them.
#[utoipa::path(
    post, path = "/stores/{store_id}/list-objects", tag = "openfga", params(("store_id" = String, Path)),
    request_body = ListObjectsRequest,
    responses((status = 200, body = ListObjectsResponse), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn list_objects(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(store): Segments<String>,
    body: JsonBody,
) -> Result<Json<ListObjectsResponse>, Refusal> {
    let tenant = visit.asks(&tenant_of(&store)?)?;
    Ok(Json(ListObjectsResponse { objects: objects(app, visit, tenant, &body).await? }))
}

/// The same, one object on a line.
#[utoipa::path(
    post, path = "/stores/{store_id}/streamed-list-objects", tag = "openfga", params(("store_id" = String, Path)),
    request_body = ListObjectsRequest,
    responses((status = 200, body = String, content_type = "application/x-ndjson"), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn streamed_list_objects(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(store): Segments<String>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let tenant = visit.asks(&tenant_of(&store)?)?;
    let lines: String = objects(app, visit, tenant, &body)
        .await?
        .into_iter()
        .map(|object| format!("{}\n", json!({ "result": { "object": object } })))
        .collect();
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response())
}

async fn objects(app: Arc<App>, visit: Visit, tenant: TenantName, body: &JsonBody) -> Result<Vec<String>, Refusal> {
    let wire: ListObjectsRequest = body.decode_question()?;
    let asking = Asking::by(&app, &tenant, wire.authorization_model_id.as_deref())?;
    let (kind, relation) = asking.listed(&wire.kind, &wire.relation)?;
    let subject = asking.user(&wire.user, "user")?;
    match &subject {
        SubjectRef::Object(actor) => visit.caller.may_ask_about(actor)?,
        SubjectRef::Userset(..) | SubjectRef::Wildcard(_) => visit.caller.may_read(tenant.as_str())?,
    }
    let by = asking.with(&wire.contextual_tuples.unwrap_or_default().tuple_keys)?;
    let context = context(wire.context.as_ref());
    blocking(move || {
        // Who is stopped may nothing, whatever is written about it.
        if asking.snapshot.is_stopped(&subject) {
            return Ok(Vec::new());
        }
        let found = asking.snapshot.by(by).resources(&kind, &relation, &subject, &context).map_err(error::ask)?;
        let mut objects = Vec::with_capacity(found.len());
        for (id, permissionship) in found {
            if surely(&permissionship)? {
                objects.push(format!("{kind}:{}", id.as_str()));
            }
        }
        Ok(objects)
    })
    .await
}

/// Who stands in the relation to the object? All of them.
#[utoipa::path(
    post, path = "/stores/{store_id}/list-users", tag = "openfga", params(("store_id" = String, Path)),
    request_body = ListUsersRequest,
    responses((status = 200, body = ListUsersResponse), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn list_users(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(store): Segments<String>,
    body: JsonBody,
) -> Result<Json<ListUsersResponse>, Refusal> {
    let tenant = visit.reads(&tenant_of(&store)?)?;
    let wire: ListUsersRequest = body.decode_question()?;
    let asking = Asking::by(&app, &tenant, wire.authorization_model_id.as_deref())?;
    let (resource, relation) = asking.listed_object(&wire.object.kind, &wire.object.id, &wire.relation)?;
    let [filter] = wire.user_filters.as_slice() else {
        return Err(invalid_at("user_filters", "a list of users has exactly one filter"));
    };
    let (kind, of_relation) = filtered(&asking, filter)?;
    let by = asking.with(&wire.contextual_tuples)?;
    let context = context(wire.context.as_ref());
    let users = blocking(move || {
        let asked = asking.snapshot.by(by);
        let found = asked.subjects(&resource, &relation, &kind, of_relation.as_ref(), &context).map_err(error::ask)?;
        // OpenFGA's rule: who is listed must not depend on conditions that nothing is known about, not even when another
        // way leads to the same.
        if !found.missing.is_empty() {
            return Err(context_missing(&found.missing));
        }
        let mut users = Vec::with_capacity(found.subjects.len());
        for (id, permissionship) in found.subjects {
            let object = ObjectRef { kind: kind.clone(), id };
            let stopped = || asking.snapshot.is_stopped(&SubjectRef::Object(object.clone()));
            if surely(&permissionship)? && (of_relation.is_some() || !stopped()) {
                users.push(wire_user(&object, of_relation.as_ref()));
            }
        }
        if let Some(everyone) = found.everyone
            && surely(&everyone.permissionship)?
        {
            users.push(User::Wildcard(TypedWildcard { kind: kind.to_string() }));
        }
        Ok(users)
    })
    .await?;
    Ok(Json(ListUsersResponse { users }))
}

fn filtered(asking: &Asking, filter: &UserFilter) -> Result<(TypeName, Option<RelationName>), Refusal> {
    match filter.relation.as_deref().filter(|relation| !relation.is_empty()) {
        Some(relation) => asking.listed(&filter.kind, relation).map(|(kind, relation)| (kind, Some(relation))),
        None => {
            let kind = TypeName::open(&filter.kind).map_err(|error| invalid(error.to_string()))?;
            let known = asking.schema.find_definition(&kind);
            known.map_err(|unknown| Refusal::invalid("type_not_found", unknown.to_string()))?;
            Ok((kind, None))
        }
    }
}

fn wire_user(object: &ObjectRef, relation: Option<&RelationName>) -> User {
    let (kind, id) = (object.kind.to_string(), object.id.as_str().to_owned());
    match relation {
        None => User::Object(Object { kind, id }),
        Some(relation) => User::Userset(UsersetUser { kind, id, relation: relation.to_string() }),
    }
}
