//! Asking for decisions, asking why, and reading what was decided.

use std::sync::Arc;

use axum::{Json, extract::State};
use prokura::{Asked, Decision, DecisionFilter, Question};
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::{DecisionId, Outcome, Reason, Revision};
use serde_json::{Map, Value};

use crate::{
    app::App,
    convert,
    error::Refusal,
    json,
    request::{JsonBody, Parameters, Segments, Visit, blocking, canonical, decided},
};

/// May this be done? Recorded.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/decide", tag = "decisions", params(("tenant" = String, Path)),
    request_body = api::DecideRequest, responses((status = 200, body = api::Decision), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::Decision>, Refusal> {
    let tenant = visit.asks(&tenant)?;
    let wire: api::DecideRequest = body.decode_question()?;
    let question = Asking {
        actor: wire.actor.as_ref(),
        delegation: wire.delegation.as_deref(),
        permission: &wire.permission,
        resource: &wire.resource,
        arguments: &wire.arguments,
        context: &wire.context,
        tool_schema: wire.tool_schema.as_deref(),
    };
    let question = question.read(&visit)?;
    let asked = Asked {
        door: "api".to_owned(),
        enforcement_point: visit.caller.enforcement_point(),
        request_id: visit.request_id.clone(),
        span: wire.span.clone(),
        request: canonical(&question),
        reserve_ms: wire.reserve_ms,
        place: None,
    };
    match decided(&app, &tenant, &question, asked).await {
        Ok(mut decided) => {
            for_token(&visit, &question, &mut decided.decision);
            app.telemetry().decided(&Outcome::Decided(decided.decision.reason));
            let mut told = convert::wire_decision(Some(decided.id.to_string()), &decided.decision, wire.witness);
            let hint = app.authority().access_hint(&tenant, &question, &decided.decision);
            told.access = hint.as_ref().map(convert::wire_hint);
            told.reserved_until = decided.reserved_until.map(convert::wire_time);
            Ok(Json(told))
        }
        Err(error) => {
            app.telemetry().decided(&Outcome::Failed(error.code().to_owned()));
            Err(error.into())
        }
    }
}

/// A question as a request puts it.
pub(super) struct Asking<'w> {
    pub(super) actor: Option<&'w api::ObjectRef>,
    pub(super) delegation: Option<&'w str>,
    pub(super) permission: &'w str,
    pub(super) resource: &'w api::ObjectRef,
    pub(super) arguments: &'w Map<String, Value>,
    pub(super) context: &'w Map<String, Value>,
    pub(super) tool_schema: Option<&'w str>,
}

impl Asking<'_> {
    /// The question, if this caller may put it.
    pub(super) fn read(self, visit: &Visit) -> Result<Question, Refusal> {
        let actor = match (self.actor, visit.caller.token()) {
            (Some(actor), _) => convert::object(actor, "actor")?,
            (None, Some(token)) => token.actor.clone(),
            (None, None) => return Err(Refusal::invalid_at("actor", "member_missing", "is missing")),
        };
        visit.caller.may_ask_about(&actor)?;
        let named = self.delegation.map(|id| convert::delegation_id(id, "delegation")).transpose()?;
        Ok(Question {
            delegation: visit.agreed_delegation(named, "delegation")?,
            permission: convert::relation(self.permission, "permission")?,
            resource: convert::object(self.resource, "resource")?,
            arguments: json::from_wire_members(self.arguments),
            context: json::from_wire_members(self.context),
            credential: Some(visit.caller.credential()),
            tool_schema: convert::tool_schema(self.tool_schema, "tool_schema")?,
            actor,
        })
    }
}

/// The holder of a token that names somebody else's delegation learns nothing about it. The record has all of it.
pub(super) fn for_token(visit: &Visit, question: &Question, decision: &mut Decision) {
    if visit.caller.token().is_some() && decision.reason == Reason::DelegationNotForActor {
        let Question { actor, delegation, .. } = question;
        let named = delegation.as_ref().map_or("", |id| id.as_str());
        decision.message = format!("delegation `{named}` was not made to {actor}");
        decision.task = None;
        decision.run = None;
        decision.origin = None;
        decision.authority = None;
        decision.chain.clear();
    }
}

/// Does the subject have this on the graph? Not recorded, and not to be enforced: no task and no suspension is looked at.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/check", tag = "decisions", params(("tenant" = String, Path)),
    request_body = api::CheckRequest, responses((status = 200, body = api::CheckResponse), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::CheckResponse>, Refusal> {
    let tenant = visit.reads(&tenant)?;
    let wire: api::CheckRequest = body.decode_question()?;
    let resource = convert::object(&wire.resource, "resource")?;
    let permission = convert::relation(&wire.permission, "permission")?;
    let subject = convert::subject(&wire.subject, "subject")?;
    let consistency = convert::consistency(wire.consistency.as_ref());
    let snapshot = app.authority().snapshot_with(&tenant, &consistency)?;
    let context = json::from_wire_members(&wire.context);
    let found = snapshot.check(&resource, &permission, &subject, &context)?;
    let (permissionship, missing) = convert::wire_permissionship(&found);
    let revision = snapshot.revision();
    let token = app.authority().token(&tenant, revision);
    Ok(Json(api::CheckResponse { permissionship, missing, revision: revision.0, token }))
}

/// What would be decided, and why? Not recorded, and not to be enforced.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/explain", tag = "decisions", params(("tenant" = String, Path)),
    request_body = api::ExplainRequest,
    responses((status = 200, body = api::ExplainResponse), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn explain(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::ExplainResponse>, Refusal> {
    let tenant = visit.reads(&tenant)?;
    let wire: api::ExplainRequest = body.decode_question()?;
    let question = Question {
        actor: convert::object(&wire.actor, "actor")?,
        delegation: wire.delegation.as_deref().map(|id| convert::delegation_id(id, "delegation")).transpose()?,
        permission: convert::relation(&wire.permission, "permission")?,
        resource: convert::object(&wire.resource, "resource")?,
        arguments: json::from_wire_members(&wire.arguments),
        context: json::from_wire_members(&wire.context),
        credential: Some(visit.caller.credential()),
        tool_schema: convert::tool_schema(wire.tool_schema.as_deref(), "tool_schema")?,
    };
    let (decision, explanation) = app.authority().explain(&tenant, &question)?;
    let subject = decision.authority.as_ref().unwrap_or(&question.actor);
    let explanation = explanation.map(|explanation| convert::wire_explanation(subject, &explanation));
    Ok(Json(api::ExplainResponse { decision: convert::wire_decision(None, &decision, true), explanation }))
}

/// Recorded decisions, newest first.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/decisions", tag = "decisions",
    params(("tenant" = String, Path), api::DecisionQuery),
    responses((status = 200, body = api::Page<api::DecisionRecord>), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn decisions(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    Parameters(query): Parameters<api::DecisionQuery>,
) -> Result<Json<api::Page<api::DecisionRecord>>, Refusal> {
    let tenant = visit.reads(&tenant)?;
    let filter = decision_filter(&query)?;
    let page = convert::page(query.limit, query.cursor.as_deref())?;
    let found = blocking(move || Ok(app.authority().decisions(&tenant, &filter, &page)?)).await?;
    Ok(Json(api::Page {
        items: found.records.iter().map(convert::wire_record).collect(),
        next_cursor: convert::wire_cursor(found.next),
    }))
}

fn decision_filter(query: &api::DecisionQuery) -> Result<DecisionFilter, Refusal> {
    Ok(DecisionFilter {
        actor: convert::object_pair(query.actor_type.as_deref(), query.actor_id.as_deref(), "actor")?,
        origin: convert::object_pair(query.origin_type.as_deref(), query.origin_id.as_deref(), "origin")?,
        resource: convert::object_pair(query.resource_type.as_deref(), query.resource_id.as_deref(), "resource")?,
        permission: query.permission.as_deref().map(|text| convert::relation(text, "permission")).transpose()?,
        task: query.task.as_deref().map(|id| convert::task_id(id, "task")).transpose()?,
        run: query.run.as_deref().map(|id| convert::task_id(id, "run")).transpose()?,
        delegation: query.delegation.as_deref().map(|id| convert::delegation_id(id, "delegation")).transpose()?,
        disposition: query.disposition.map(convert::disposition),
        code: query.reason.clone(),
        enforcement_point: query.enforcement_point.clone(),
        from: query.from.map(convert::time),
        to: query.to.map(convert::time),
    })
}

/// One recorded decision.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/decisions/{id}", tag = "decisions",
    params(("tenant" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = api::DecisionRecord), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn decision(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
) -> Result<Json<api::DecisionRecord>, Refusal> {
    let tenant = visit.reads(&tenant)?;
    let unknown = || Refusal::not_found("decision_unknown", "there is no such decision");
    let id = DecisionId::new(id).ok_or_else(unknown)?;
    let found = blocking(move || Ok(app.authority().decision(&tenant, &id)?)).await?;
    Ok(Json(convert::wire_record(&found.ok_or_else(unknown)?)))
}

/// One transaction: what it changed, who wrote it, why and when.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/transactions/{revision}", tag = "decisions",
    params(("tenant" = String, Path), ("revision" = u64, Path)),
    responses((status = 200, body = api::Transaction), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn transaction(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, revision)): Segments<(String, String)>,
) -> Result<Json<api::Transaction>, Refusal> {
    let tenant = visit.reads(&tenant)?;
    let unknown = || Refusal::not_found("revision_unknown", "there is no such revision");
    let revision = Revision(revision.parse().map_err(|_| unknown())?);
    let found = blocking(move || Ok(app.authority().transaction(&tenant, revision)?)).await?;
    Ok(Json(convert::wire_transaction(&found.ok_or_else(unknown)?)))
}
