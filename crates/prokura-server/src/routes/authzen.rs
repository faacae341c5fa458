//! The AuthZEN door (Authorization API 1.0). Requests are read by hand: members that are not known are ignored, and a
//! faulty item of a batch is an answer of its own.

mod access;
mod mapping;
mod obligations;
mod page;
mod read;
mod search;
mod straight;

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use prokura::{Asked, DecideError, Question};
use prokura_api::{
    ErrorBody, Time,
    authzen::{
        Configuration, EvaluationRequest, EvaluationResponse, EvaluationsRequest, EvaluationsResponse, ResponseContext,
        ResponseError, Semantic,
    },
};
use prokura_model::{Disposition, Fault, Outcome, TenantName, Value};

pub(crate) use self::access::{is_of_access_requests, problem};
use self::read::{
    Entity, Members, Names, Parts, delegation, ill_formed, member, read_members, required_text, wrong_type,
};
pub(crate) use self::straight::evaluation_straight;
pub(super) use self::{access::*, mapping::*, search::*};
use super::ask::for_token;
use crate::{
    app::App,
    auth::tenant_named,
    convert,
    error::Refusal,
    limits::{EVALUATIONS_MAX, EVALUATIONS_RECORDED_BYTES_MAX},
    request::{AuthzenBody, Segments, Visit, decided},
};

/// The tenant whose endpoints stand at the root.
const DEFAULT_TENANT: &str = "default";

/// Where the AuthZEN endpoints of the tenant `default` are.
#[utoipa::path(get, path = "/.well-known/authzen-configuration", tag = "authzen", security(()), responses((status = 200, body = Configuration)))]
pub(crate) async fn configuration(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Json<Configuration> {
    Json(configuration_at(app.url_for(&uri, &headers)))
}

/// Where the AuthZEN endpoints of a tenant are. The answer does not say whether there is such a tenant.
#[utoipa::path(
    get, path = "/.well-known/authzen-configuration/tenants/{tenant}", tag = "authzen", security(()),
    params(("tenant" = String, Path)), responses((status = 200, body = Configuration), (status = 404, body = ErrorBody))
)]
pub(crate) async fn tenant_configuration(
    State(app): State<Arc<App>>,
    Segments(tenant): Segments<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Configuration>, Refusal> {
    let tenant = tenant_named(&tenant)?;
    Ok(Json(configuration_at(format!("{}/tenants/{tenant}", app.url_for(&uri, &headers)))))
}

fn configuration_at(base: String) -> Configuration {
    Configuration {
        access_evaluation_endpoint: format!("{base}/access/v1/evaluation"),
        access_evaluations_endpoint: format!("{base}/access/v1/evaluations"),
        search_subject_endpoint: format!("{base}/access/v1/search/subject"),
        search_resource_endpoint: format!("{base}/access/v1/search/resource"),
        search_action_endpoint: format!("{base}/access/v1/search/action"),
        access_request_endpoint: format!("{base}{ACCESS_REQUESTS}"),
        capabilities: vec![ACCESS_REQUEST_CAPABILITY.to_owned()],
        supported_obligations: vec![obligations::CUSTOM.to_owned()],
        policy_decision_point: base,
    }
}

/// May this be done? In the tenant `default`. Recorded.
#[utoipa::path(
    post, path = "/access/v1/evaluation", tag = "authzen", request_body = EvaluationRequest,
    responses((status = 200, body = EvaluationResponse), (status = "4XX", content_type = "text/plain", body = String))
)]
pub(crate) async fn evaluation(
    State(app): State<Arc<App>>,
    visit: Visit,
    body: AuthzenBody,
) -> Result<Json<EvaluationResponse>, Refusal> {
    evaluate_one(&app, &visit, DEFAULT_TENANT, &body).await
}

/// May this be done? In a tenant. Recorded.
#[utoipa::path(
    post, path = "/tenants/{tenant}/access/v1/evaluation", tag = "authzen", request_body = EvaluationRequest,
    params(("tenant" = String, Path)),
    responses((status = 200, body = EvaluationResponse), (status = "4XX", content_type = "text/plain", body = String))
)]
pub(crate) async fn tenant_evaluation(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: AuthzenBody,
) -> Result<Json<EvaluationResponse>, Refusal> {
    evaluate_one(&app, &visit, &tenant, &body).await
}

/// May these be done? In the tenant `default`. Each is recorded.
#[utoipa::path(
    post, path = "/access/v1/evaluations", tag = "authzen", request_body = EvaluationsRequest,
    responses((status = 200, body = EvaluationsResponse), (status = "4XX", content_type = "text/plain", body = String))
)]
pub(crate) async fn evaluations(
    State(app): State<Arc<App>>,
    visit: Visit,
    body: AuthzenBody,
) -> Result<Response, Refusal> {
    evaluate_many(&app, &visit, DEFAULT_TENANT, &body).await
}

/// May these be done? In a tenant. Each is recorded.
#[utoipa::path(
    post, path = "/tenants/{tenant}/access/v1/evaluations", tag = "authzen", request_body = EvaluationsRequest,
    params(("tenant" = String, Path)),
    responses((status = 200, body = EvaluationsResponse), (status = "4XX", content_type = "text/plain", body = String))
)]
pub(crate) async fn tenant_evaluations(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: AuthzenBody,
) -> Result<Response, Refusal> {
    evaluate_many(&app, &visit, &tenant, &body).await
}

async fn evaluate_one(
    app: &App,
    visit: &Visit,
    tenant: &str,
    body: &AuthzenBody,
) -> Result<Json<EvaluationResponse>, Refusal> {
    let tenant = visit.asks(tenant)?;
    let members = read_members(&body.0)?;
    let names = Names::of(&app.authority().snapshot(&tenant)?)?;
    let question = read_question(visit, &names, Parts::of(&members))?;
    evaluate(app, visit, &tenant, (&question, None), Parts::keep(members)).await.map(Json)
}

async fn evaluate_many(app: &App, visit: &Visit, tenant: &str, body: &AuthzenBody) -> Result<Response, Refusal> {
    let tenant = visit.asks(tenant)?;
    let members = read_members(&body.0)?;
    let defaults = Parts::of(&members);
    // A tenant that does not exist is the whole request's fault and not each item's.
    let names = Names::of(&app.authority().snapshot(&tenant)?)?;
    let items = match member(&members, "evaluations") {
        Some(Value::List(items)) if !items.is_empty() => items,
        None | Some(Value::List(_)) => {
            let question = read_question(visit, &names, defaults)?;
            let kept = Parts::keep(members);
            return evaluate(app, visit, &tenant, (&question, None), kept).await.map(|one| Json(one).into_response());
        }
        Some(_) => return Err(wrong_type("evaluations", "a list")),
    };
    if items.len() > EVALUATIONS_MAX {
        let message = format!("at most {EVALUATIONS_MAX} questions at once");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "too_many_evaluations", Fault::Limit, message));
    }
    let semantic = read_semantic(&members)?;
    check_recorded(items, defaults)?;
    let mut evaluations = Vec::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        let answer = match item {
            Value::Map(item) => {
                let parts = Parts::of(item).or(defaults);
                match read_question(visit, &names, parts) {
                    Ok(question) => evaluate(app, visit, &tenant, (&question, Some(position)), parts.canonical()).await,
                    Err(refusal) => Err(refusal),
                }
            }
            _ => Err(wrong_type(format!("evaluations[{position}]"), "an object")),
        };
        let answer = answer.unwrap_or_else(|refusal| failed(&refusal));
        let stop = match semantic {
            Semantic::ExecuteAll => false,
            Semantic::DenyOnFirstDeny => !answer.decision,
            Semantic::PermitOnFirstPermit => answer.decision,
        };
        evaluations.push(answer);
        if stop {
            break;
        }
        // Others get their turn between two questions; and when the caller has gone, this is where it ends.
        tokio::task::yield_now().await;
    }
    Ok(Json(EvaluationsResponse { evaluations }).into_response())
}

/// What all items share is kept with each of them, so that a small request can be much to keep.
fn check_recorded(items: &[Value], defaults: Parts<'_>) -> Result<(), Refusal> {
    let size = |value: Option<&Value>| value.map_or(0, prokura::recorded_bytes);
    let shared = Parts::each(defaults, size);
    let mut total = 0_usize;
    for item in items {
        let Value::Map(item) = item else { continue };
        let own = Parts::each(Parts::of(item), |value| value.map(prokura::recorded_bytes));
        for (own, shared) in own.into_iter().zip(shared) {
            total = total.saturating_add(own.unwrap_or(shared));
        }
    }
    if total <= EVALUATIONS_RECORDED_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "all items together, each with the defaults it takes, are {total} bytes to keep, and at most \
         {EVALUATIONS_RECORDED_BYTES_MAX} are kept of one request; send several"
    );
    Err(Refusal::new(StatusCode::BAD_REQUEST, "evaluations_too_large", Fault::Limit, message))
}

fn read_question(visit: &Visit, names: &Names, parts: Parts<'_>) -> Result<Question, Refusal> {
    let subject = Entity::read(parts.subject, "subject")?;
    let action = Entity::read_members(parts.action, "action")?;
    let action_name = required_text(action, "action", "name")?;
    let resource = Entity::read(parts.resource, "resource")?;
    let delegation = delegation(visit, parts.context)?;
    let actor = subject.subject(names)?;
    let resource = resource.resource(names)?;
    let permission = names.action(action_name).map_err(|error| ill_formed("action.name", &error))?;
    visit.caller.may_ask_about(&actor)?;
    let (arguments, context) = (parts.arguments(), parts.circumstances());
    let credential = Some(visit.caller.credential());
    Ok(Question { actor, delegation, permission, resource, arguments, context, credential, tool_schema: None })
}

/// The answer to one question, which is kept as the request put it. An error is an error of the request; a question that is
/// legal but about names that do not exist is answered with `false` and says so.
async fn evaluate(
    app: &App,
    visit: &Visit,
    tenant: &TenantName,
    (question, place): (&Question, Option<usize>),
    request: Value,
) -> Result<EvaluationResponse, Refusal> {
    let reserve_ms = reserve_ms(&question.context)?;
    obligations::check(&question.context, reserve_ms)?;
    let approval = Approved::named_by(app, visit, tenant, question)?;
    let granted = approval.act_under(question);
    let question = granted.as_ref().unwrap_or(question);
    let asked = Asked {
        door: "authzen".to_owned(),
        enforcement_point: visit.caller.enforcement_point(),
        request_id: visit.request_id.clone(),
        span: None,
        request,
        reserve_ms,
        place,
    };
    match decided(app, tenant, question, asked).await {
        Ok(mut decided) => {
            for_token(visit, question, &mut decided.decision);
            app.telemetry().decided(&Outcome::Decided(decided.decision.reason));
            let held = decided.decision.held.as_deref().map(convert::wire_held);
            let access_request = requestable(app, tenant, question, &decided);
            let time = Time::from_ms(decided.time.0);
            Ok(EvaluationResponse {
                decision: decided.disposition() == Disposition::Allow,
                context: Some(ResponseContext {
                    id: Some(decided.id.to_string()),
                    reason: Some(decided.decision.reason.word().to_owned()),
                    message: Some(decided.decision.message),
                    revision: Some(decided.decision.revision.0),
                    missing: decided.decision.missing,
                    valid_until: decided.decision.valid_until.map(|time| Time::from_ms(time.0)),
                    reserved_until: decided.reserved_until.map(|time| Time::from_ms(time.0)),
                    ask_at: held.as_ref().map(|_| format!("/v1/tenants/{tenant}/approvals")),
                    held,
                    error: None,
                    evaluation_id: access_request.as_ref().map(|_| decided.id.to_string()),
                    evaluated_at: access_request.as_ref().map(|_| time),
                    access_request,
                    approval: approval.reference,
                    obligations: obligations::of(tenant, &decided.id, decided.reserved_until),
                }),
            })
        }
        Err(error) => {
            app.telemetry().decided(&Outcome::Failed(error.code().to_owned()));
            undecided(error)
        }
    }
}

/// For how long what an allow takes is to be reserved: `context.reserve_ms`.
fn reserve_ms(context: &Members) -> Result<Option<u64>, Refusal> {
    match context.get("reserve_ms") {
        None => Ok(None),
        Some(Value::Integer(number)) if *number > 0 => Ok(u64::try_from(*number).ok()),
        Some(_) => Err(wrong_type("context.reserve_ms", "a number of milliseconds")),
    }
}

fn undecided(error: DecideError) -> Result<EvaluationResponse, Refusal> {
    match error {
        DecideError::Undecided { id, error } if error.fault() == Fault::Caller => {
            Ok(answer_with_error(400, error.code(), error.to_string(), Some(id.to_string())))
        }
        // A limit that was reached is no answer, and this protocol knows no other status for it.
        error @ DecideError::Undecided { .. } => {
            Err(Refusal::from(error).with_status(StatusCode::INTERNAL_SERVER_ERROR))
        }
        other => Err(other.into()),
    }
}

fn read_semantic(members: &Members) -> Result<Semantic, Refusal> {
    let options = match member(members, "options") {
        None => return Ok(Semantic::default()),
        Some(Value::Map(options)) => options,
        Some(_) => return Err(wrong_type("options", "an object")),
    };
    match member(options, "evaluations_semantic") {
        None => Ok(Semantic::default()),
        Some(Value::String(word)) => match word.as_str() {
            "execute_all" => Ok(Semantic::ExecuteAll),
            "deny_on_first_deny" => Ok(Semantic::DenyOnFirstDeny),
            "permit_on_first_permit" => Ok(Semantic::PermitOnFirstPermit),
            _ => Err(Refusal::invalid_at(
                "options.evaluations_semantic",
                "request_invalid",
                "one of `execute_all`, `deny_on_first_deny` and `permit_on_first_permit`",
            )),
        },
        Some(_) => Err(wrong_type("options.evaluations_semantic", "a text")),
    }
}

/// An item that failed, as an answer that allows nothing.
fn failed(refusal: &Refusal) -> EvaluationResponse {
    let parts = refusal.parts();
    let message = match &parts.details.path {
        Some(path) => format!("`{path}`: {}", parts.message),
        None => parts.message.clone(),
    };
    answer_with_error(parts.status.as_u16(), &parts.code, message, parts.details.decision.clone())
}

fn answer_with_error(status: u16, code: &str, message: String, id: Option<String>) -> EvaluationResponse {
    EvaluationResponse {
        decision: false,
        context: Some(ResponseContext {
            id,
            error: Some(ResponseError { status, code: code.to_owned(), message }),
            ..ResponseContext::default()
        }),
    }
}
