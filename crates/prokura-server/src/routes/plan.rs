//! Looking ahead over the actions of a plan.

use std::sync::Arc;

use axum::{Json, extract::State};
use prokura::{Asked, DecideError, Decided, PlanDecided, Question};
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::Outcome;

use super::ask::for_token;
use crate::{
    app::App,
    convert,
    error::Refusal,
    json,
    request::{JsonBody, Segments, Visit, blocking, canonical},
};

/// May all of this be done? What would be decided of each action, on one state and at one moment, and of the plan as a
/// whole. Nothing is consumed; it must not be enforced, and each record says so.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/decide/plan", tag = "decisions", params(("tenant" = String, Path)),
    request_body = api::PlanRequest, responses((status = 200, body = api::PlanResponse), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn plan(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::PlanResponse>, Refusal> {
    let tenant = visit.asks(&tenant)?;
    let wire: api::PlanRequest = body.decode()?;
    let mut asking = Vec::with_capacity(wire.actions.len());
    for (number, action) in wire.actions.iter().enumerate() {
        let question = question(&visit, &wire, action, number)?;
        let asked = Asked {
            door: "api".to_owned(),
            enforcement_point: visit.caller.enforcement_point(),
            request_id: visit.request_id.clone(),
            span: wire.span.clone(),
            request: canonical(&question),
            reserve_ms: None,
            place: None,
        };
        asking.push((question, asked));
    }
    let questions: Vec<_> = asking.iter().map(|(question, _)| question.clone()).collect();
    let authority = app.authority().clone();
    let plan = blocking(move || Ok(authority.decide_plan(&tenant, asking)?)).await?;
    for answer in &plan.answers {
        app.telemetry().decided(&match answer {
            Ok(decided) => Outcome::Decided(decided.decision.reason),
            Err(error) => Outcome::Failed(error.code().to_owned()),
        });
    }
    Ok(Json(told(&visit, &questions, plan)))
}

fn question(
    visit: &Visit,
    plan: &api::PlanRequest,
    action: &api::PlannedAction,
    number: usize,
) -> Result<Question, Refusal> {
    let at = |member: &str| format!("actions[{number}].{member}");
    let actor = match (action.actor.as_ref().or(plan.actor.as_ref()), visit.caller.token()) {
        (Some(actor), _) => convert::object(actor, at("actor"))?,
        (None, Some(token)) => token.actor.clone(),
        (None, None) => return Err(Refusal::invalid_at(at("actor"), "member_missing", "is missing")),
    };
    visit.caller.may_ask_about(&actor)?;
    let named = action.delegation.as_deref().or(plan.delegation.as_deref());
    let named = named.map(|id| convert::delegation_id(id, at("delegation"))).transpose()?;
    let mut context = json::from_wire_members(&plan.context);
    context.extend(json::from_wire_members(&action.context));
    Ok(Question {
        delegation: visit.agreed_delegation(named, &at("delegation"))?,
        permission: convert::relation(&action.permission, at("permission"))?,
        resource: convert::object(&action.resource, at("resource"))?,
        arguments: json::from_wire_members(&action.arguments),
        context,
        credential: Some(visit.caller.credential()),
        tool_schema: convert::tool_schema(action.tool_schema.as_deref(), &at("tool_schema"))?,
        actor,
    })
}

fn told(visit: &Visit, questions: &[Question], plan: PlanDecided) -> api::PlanResponse {
    let time = plan.answers.iter().find_map(|answer| answer.as_ref().ok().map(|decided| decided.time));
    let (disposition, not_allowed) = (plan.disposition(), plan.not_allowed());
    let answers = questions.iter().zip(plan.answers).map(|(question, answer)| planned_answer(visit, question, answer));
    api::PlanResponse {
        disposition: disposition.map(convert::wire_disposition),
        not_allowed,
        actions: answers.collect(),
        time: time.map(convert::wire_time),
    }
}

fn planned_answer(visit: &Visit, question: &Question, answer: Result<Decided, DecideError>) -> api::PlannedAnswer {
    match answer {
        Ok(mut decided) => {
            for_token(visit, question, &mut decided.decision);
            let decision = convert::wire_decision(Some(decided.id.to_string()), &decided.decision, false);
            api::PlannedAnswer { decision: Some(decision), error: None }
        }
        Err(error) => api::PlannedAnswer {
            decision: None,
            error: Some(api::PlannedError {
                code: error.code().to_owned(),
                message: error.to_string(),
                fault: convert::wire_fault(error.fault()),
            }),
        },
    }
}
