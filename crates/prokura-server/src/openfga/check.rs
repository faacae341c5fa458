//! Checks: each one about an object is a decision, and recorded.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use prokura::{Asked, Question};
use prokura_api::openfga::{
    BatchCheckError, BatchCheckItem, BatchCheckRequest, BatchCheckResponse, BatchCheckResult, CheckRequest,
    CheckResponse, ErrorBody, TupleKey,
};
use prokura_model::{Disposition, Outcome, SubjectRef, TenantName, Value};
use serde_json::Map;

use super::{
    error::{self, body, invalid, too_many},
    question::{Asking, context, context_missing, surely},
    stores::tenant_of,
};
use crate::{
    app::App,
    error::Refusal,
    json,
    limits::BATCH_CHECKS_MAX,
    request::{JsonBody, Segments, Visit, decided_by},
};

/// Longest correlation id, in characters.
const CORRELATION_CHARACTERS_MAX: usize = 36;

/// Does the user stand in the relation to the object? Recorded, unless the user is a userset or a wildcard.
#[utoipa::path(
    post, path = "/stores/{store_id}/check", tag = "openfga", params(("store_id" = String, Path)),
    request_body = CheckRequest, responses((status = 200, body = CheckResponse), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(store): Segments<String>,
    body: JsonBody,
) -> Result<Json<CheckResponse>, Refusal> {
    let tenant = visit.asks(&tenant_of(&store)?)?;
    let wire: CheckRequest = body.decode_question()?;
    let asking = Asking::by(&app, &tenant, wire.authorization_model_id.as_deref())?;
    let tuples = wire.contextual_tuples.unwrap_or_default().tuple_keys;
    let one = One { key: &wire.tuple_key, tuples: &tuples, context: wire.context.as_ref() };
    let allowed = answer(&app, &visit, &tenant, &asking, one).await?;
    Ok(Json(CheckResponse { allowed, resolution: String::new() }))
}

/// Several checks, each with an answer of its own.
#[utoipa::path(
    post, path = "/stores/{store_id}/batch-check", tag = "openfga", params(("store_id" = String, Path)),
    request_body = BatchCheckRequest,
    responses((status = 200, body = BatchCheckResponse), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn batch_check(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(store): Segments<String>,
    body: JsonBody,
) -> Result<Json<BatchCheckResponse>, Refusal> {
    let tenant = visit.asks(&tenant_of(&store)?)?;
    let wire: BatchCheckRequest = body.decode_question()?;
    check_batch(&wire.checks)?;
    let asking = Asking::by(&app, &tenant, wire.authorization_model_id.as_deref())?;
    let mut result = BTreeMap::new();
    for item in wire.checks {
        let tuples = item.contextual_tuples.unwrap_or_default().tuple_keys;
        let one = One { key: &item.tuple_key, tuples: &tuples, context: item.context.as_ref() };
        let answer = match answer(&app, &visit, &tenant, &asking, one).await {
            Ok(allowed) => BatchCheckResult { allowed: Some(allowed), error: None },
            Err(refusal) => failed(&refusal),
        };
        result.insert(item.correlation_id, answer);
        // Others get their turn between two questions.
        tokio::task::yield_now().await;
    }
    Ok(Json(BatchCheckResponse { result }))
}

fn check_batch(checks: &[BatchCheckItem]) -> Result<(), Refusal> {
    if checks.is_empty() {
        return Err(invalid("a batch has at least one check"));
    }
    if checks.len() > BATCH_CHECKS_MAX {
        return Err(too_many("checks in a batch", BATCH_CHECKS_MAX, checks.len()));
    }
    let mut names = std::collections::BTreeSet::new();
    for check in checks {
        let name = check.correlation_id.as_str();
        let legal = (1..=CORRELATION_CHARACTERS_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if !legal {
            let most = CORRELATION_CHARACTERS_MAX;
            return Err(invalid(format!(
                "each check has a `correlation_id` of 1 to {most} letters, digits, `_` and `-`"
            )));
        }
        if !names.insert(name) {
            return Err(invalid(format!("two checks have the `correlation_id` `{name}`")));
        }
    }
    Ok(())
}

fn failed(refusal: &Refusal) -> BatchCheckResult {
    let told = body(refusal);
    let (input_error, internal_error) = match refusal.parts().status.is_server_error() {
        true => (None, Some(told.code)),
        false => (Some(told.code), None),
    };
    let error = BatchCheckError { input_error, internal_error, message: told.message };
    BatchCheckResult { allowed: None, error: Some(error) }
}

/// One question.
#[derive(Clone, Copy)]
struct One<'w> {
    key: &'w TupleKey,
    tuples: &'w [TupleKey],
    context: Option<&'w Map<String, serde_json::Value>>,
}

async fn answer(app: &App, visit: &Visit, tenant: &TenantName, asking: &Asking, one: One<'_>) -> Result<bool, Refusal> {
    let tuple = asking.tuple(one.key)?;
    let by = asking.with(one.tuples)?;
    let context = context(one.context);
    let SubjectRef::Object(actor) = tuple.subject else {
        // Nobody acts here, so nothing is decided: it is a question about the graph.
        visit.caller.may_read(tenant.as_str())?;
        let asked = asking.snapshot.by(by);
        let found = asked.check(&tuple.resource, &tuple.relation, &tuple.subject, &context).map_err(error::ask)?;
        return surely(&found);
    };
    visit.caller.may_ask_about(&actor)?;
    let (permission, resource, arguments) = (tuple.relation, tuple.resource, prokura::Context::new());
    let question = Question {
        actor,
        delegation: None,
        permission,
        resource,
        arguments,
        context,
        credential: Some(visit.caller.credential()),
        tool_schema: None,
    };
    let asked = Asked {
        door: "openfga".to_owned(),
        enforcement_point: visit.caller.enforcement_point(),
        request_id: visit.request_id.clone(),
        span: None,
        request: canonical(asking, one),
        reserve_ms: None,
        place: None,
    };
    match decided_by(app, tenant, &question, Some(&by), asked).await {
        Ok(decided) => {
            app.telemetry().decided(&Outcome::Decided(decided.decision.reason));
            match decided.disposition() {
                Disposition::Allow => Ok(true),
                Disposition::Deny | Disposition::Held => Ok(false),
                Disposition::Conditional => Err(context_missing(&decided.decision.missing)),
            }
        }
        Err(error) => {
            app.telemetry().decided(&Outcome::Failed(error.code().to_owned()));
            Err(error::decide(error))
        }
    }
}

/// What is kept with the decision.
fn canonical(asking: &Asking, one: One<'_>) -> Value {
    let text = |text: &str| Value::String(text.to_owned());
    let tuple = |key: &TupleKey| {
        let mut members =
            vec![("user", text(&key.user)), ("relation", text(&key.relation)), ("object", text(&key.object))];
        if let Some(condition) = &key.condition {
            let context = condition.context.as_ref().map(json::from_wire_members).unwrap_or_default();
            members.push(("condition", map([("name", text(&condition.name)), ("context", Value::Map(context))])));
        }
        map(members)
    };
    let mut members = vec![("authorization_model_id", text(asking.model.id.as_str())), ("tuple_key", tuple(one.key))];
    if !one.tuples.is_empty() {
        members.push(("contextual_tuples", Value::List(one.tuples.iter().map(tuple).collect())));
    }
    if let Some(context) = one.context {
        members.push(("context", Value::Map(json::from_wire_members(context))));
    }
    map(members)
}

fn map(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
