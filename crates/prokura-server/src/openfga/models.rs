//! Authorization models, and assertions about them.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use prokura_api::openfga::{
    AssertionsRead, AssertionsWrite, AuthorizationModel, ErrorBody, ModelRead, ModelWritten, ModelsRead, PageQuery,
};
use prokura_model::Model;
use serde_json::Value;

use super::{
    error, model_json,
    question::{self, Asking, page_size, provenance, token},
    stores::tenant_of,
};
use crate::{
    app::App,
    convert,
    error::Refusal,
    limits::ASSERTIONS_MAX,
    request::{JsonBody, Parameters, Segments, Visit, blocking},
};

/// The models, newest first.
#[utoipa::path(
    get, path = "/stores/{store_id}/authorization-models", tag = "openfga",
    params(("store_id" = String, Path), PageQuery),
    responses((status = 200, body = ModelsRead), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn models(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(store): Segments<String>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<ModelsRead>, Refusal> {
    let tenant = visit.reads(&tenant_of(&store)?)?;
    let size = page_size(query.page_size)?;
    let after = token(query.continuation_token.as_deref())?;
    let snapshot = app.authority().snapshot(&tenant).map_err(error::ask)?;
    let models = snapshot.models().map_err(error::ask)?;
    // Their names sort by the time they were made.
    let behind = |model: &&Arc<Model>| after.as_deref().is_none_or(|after| model.id.as_str() < after);
    let mut found: Vec<&Arc<Model>> = models.iter().rev().filter(behind).take(size + 1).collect();
    let more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| more).map(|last| last.id.to_string());
    let authorization_models = found.into_iter().map(|model| wire_model(model)).collect::<Result<_, _>>()?;
    Ok(Json(ModelsRead { authorization_models, continuation_token: convert::wire_cursor(next).unwrap_or_default() }))
}

/// Adds a model, which is the newest from now on. It never changes.
#[utoipa::path(
    post, path = "/stores/{store_id}/authorization-models", tag = "openfga", params(("store_id" = String, Path)),
    request_body = AuthorizationModel,
    responses((status = 201, body = ModelWritten), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn write(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(store): Segments<String>,
    body: JsonBody,
) -> Result<(StatusCode, Json<ModelWritten>), Refusal> {
    let tenant = visit.writes(&tenant_of(&store)?)?;
    let (authority, provenance) = (app.authority().clone(), provenance(&visit));
    let id = blocking(move || {
        let json: AuthorizationModel = body.decode()?;
        let model = model_json::model(body.text()?, &json)?;
        authority.write_model(&tenant, provenance, model).map_err(error::write)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(ModelWritten { authorization_model_id: id.to_string() })))
}

/// A model, as it was written.
#[utoipa::path(
    get, path = "/stores/{store_id}/authorization-models/{id}", tag = "openfga",
    params(("store_id" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = ModelRead), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn model(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((store, id)): Segments<(String, String)>,
) -> Result<Json<ModelRead>, Refusal> {
    let tenant = visit.reads(&tenant_of(&store)?)?;
    let snapshot = app.authority().snapshot(&tenant).map_err(error::ask)?;
    let authorization_model = wire_model(&*question::model(&snapshot, Some(&id))?)?;
    Ok(Json(ModelRead { authorization_model }))
}

fn wire_model(model: &Model) -> Result<Value, Refusal> {
    let read: Result<Value, _> = serde_json::from_str(&model.text);
    let Ok(Value::Object(mut members)) = read else {
        return Err(Refusal::server("internal", "a model that was written cannot be read back"));
    };
    members.insert("id".to_owned(), Value::String(model.id.to_string()));
    Ok(Value::Object(members))
}

/// The assertions about a model.
#[utoipa::path(
    get, path = "/stores/{store_id}/assertions/{id}", tag = "openfga",
    params(("store_id" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = AssertionsRead), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn assertions(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((store, id)): Segments<(String, String)>,
) -> Result<Json<AssertionsRead>, Refusal> {
    let tenant = visit.reads(&tenant_of(&store)?)?;
    let snapshot = app.authority().snapshot(&tenant).map_err(error::ask)?;
    let model = question::model(&snapshot, Some(&id))?;
    let assertions = match snapshot.assertions(&model.id).map_err(error::ask)? {
        None => Vec::new(),
        Some(text) => {
            serde_json::from_str::<AssertionsWrite>(&text)
                .map_err(|_| Refusal::server("internal", "assertions that were written cannot be read back"))?
                .assertions
        }
    };
    Ok(Json(AssertionsRead { authorization_model_id: model.id.to_string(), assertions }))
}

/// Replaces the assertions about a model. They are kept for whoever tests it; nothing here runs them.
#[utoipa::path(
    put, path = "/stores/{store_id}/assertions/{id}", tag = "openfga",
    params(("store_id" = String, Path), ("id" = String, Path)), request_body = AssertionsWrite,
    responses((status = 204), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn write_assertions(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((store, id)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<StatusCode, Refusal> {
    let tenant = visit.writes(&tenant_of(&store)?)?;
    let wire: AssertionsWrite = body.decode_question()?;
    if wire.assertions.len() > ASSERTIONS_MAX {
        let message = format!("at most {ASSERTIONS_MAX} assertions about a model, found {}", wire.assertions.len());
        return Err(Refusal::invalid("assertions_too_many_items", message));
    }
    let asking = Asking::by(&app, &tenant, Some(&id))?;
    for assertion in &wire.assertions {
        asking.tuple(&assertion.tuple_key)?;
        asking.with(&assertion.contextual_tuples)?;
    }
    let kept = serde_json::to_string(&wire).map_err(|error| Refusal::server("internal", error.to_string()))?;
    let (authority, provenance) = (app.authority().clone(), provenance(&visit));
    let model = asking.model.id.clone();
    blocking(move || authority.write_assertions(&tenant, provenance, &model, kept).map_err(error::write)).await?;
    Ok(StatusCode::NO_CONTENT)
}
