//! AuthZEN's access request and approval profile (draft of June 2026): a deny says that it can be asked for, is asked for by
//! the name of its evaluation, and once somebody has said yes, the same is evaluated again. What is asked for is a request for
//! access where a right is lacking, and an approval where a guard holds it. Nothing is allowed because an approval is named.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use prokura::{AccessRequest, Decided, Question, Snapshot, WriteError};
use prokura_api::{
    Time,
    authzen::{
        AccessResult, AccessSubmission, AccessTask, AccessTaskResponse, ApprovalReference, Problem, RequestHint,
    },
};
use prokura_model::{
    Approval, ApprovalId, ApprovalState, DecisionId, DecisionRecord, DelegationId, Disposition, Fault, Outcome,
    Request, RequestId, RequestState, TenantName, Timestamp, Value, limits::SENTENCE_BYTES_MAX,
};

use super::{
    DEFAULT_TENANT,
    read::{Members, Names, Parts, member, missing, read_members, required_text, wrong_type},
    read_question,
};
use crate::{
    app::App,
    convert,
    error::Refusal,
    limits::DENIAL_AGE_MAX,
    request::{AuthzenBody, Segments, Visit, blocking},
};

/// Where what was denied is asked for, behind what the tenant's endpoints begin with.
pub(super) const ACCESS_REQUESTS: &str = "/access/v1/requests";

/// How the profile is called among the capabilities of a decision point.
pub(super) const ACCESS_REQUEST_CAPABILITY: &str = "urn:openid:authzen:capability:access-request";

/// What a problem of the profile begins with.
const PROBLEM: &str = "urn:openid:authzen:access-request:error:";

/// Asks for what was denied. In the tenant `default`.
#[utoipa::path(
    post, path = "/access/v1/requests", tag = "authzen", request_body = AccessSubmission,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 201, body = AccessTaskResponse), (status = 202, body = AccessTaskResponse),
        (status = "4XX", content_type = "application/problem+json", body = Problem)
    )
)]
pub(crate) async fn ask_for_access(
    State(app): State<Arc<App>>,
    visit: Visit,
    uri: Uri,
    headers: HeaderMap,
    body: AuthzenBody,
) -> Result<Response, Refusal> {
    let base = app.url_for(&uri, &headers);
    submit(&app, &visit, DEFAULT_TENANT, &base, &body).await
}

/// Asks for what was denied. In a tenant.
#[utoipa::path(
    post, path = "/tenants/{tenant}/access/v1/requests", tag = "authzen", request_body = AccessSubmission,
    params(("tenant" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 201, body = AccessTaskResponse), (status = 202, body = AccessTaskResponse),
        (status = "4XX", content_type = "application/problem+json", body = Problem)
    )
)]
pub(crate) async fn tenant_ask_for_access(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    uri: Uri,
    headers: HeaderMap,
    body: AuthzenBody,
) -> Result<Response, Refusal> {
    let base = format!("{}/tenants/{tenant}", app.url_for(&uri, &headers));
    submit(&app, &visit, &tenant, &base, &body).await
}

/// How a request for access stands. In the tenant `default`.
#[utoipa::path(
    get, path = "/access/v1/requests/{id}", tag = "authzen", params(("id" = String, Path)),
    responses((status = 200, body = AccessTaskResponse), (status = "4XX", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn access_task(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(id): Segments<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<AccessTaskResponse>, Refusal> {
    let base = app.url_for(&uri, &headers);
    let tenant = visit.asks(DEFAULT_TENANT)?;
    let asked = Asked::visible(&app.authority().snapshot(&tenant)?, &visit, &id)?;
    Ok(Json(asked.told(&base, app.authority().now())))
}

/// How a request for access stands. In a tenant.
#[utoipa::path(
    get, path = "/tenants/{tenant}/access/v1/requests/{id}", tag = "authzen",
    params(("tenant" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = AccessTaskResponse), (status = "4XX", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn tenant_access_task(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<AccessTaskResponse>, Refusal> {
    let base = format!("{}/tenants/{tenant}", app.url_for(&uri, &headers));
    let tenant = visit.asks(&tenant)?;
    let asked = Asked::visible(&app.authority().snapshot(&tenant)?, &visit, &id)?;
    Ok(Json(asked.told(&base, app.authority().now())))
}

/// Takes back what waits for an answer. In the tenant `default`.
#[utoipa::path(
    post, path = "/access/v1/requests/{id}/cancel", tag = "authzen", params(("id" = String, Path)),
    responses((status = 200, body = AccessTaskResponse), (status = "4XX", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn cancel_access_task(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(id): Segments<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<AccessTaskResponse>, Refusal> {
    let base = app.url_for(&uri, &headers);
    take_back(&app, &visit, DEFAULT_TENANT, &base, &id).await
}

/// Takes back what waits for an answer. In a tenant.
#[utoipa::path(
    post, path = "/tenants/{tenant}/access/v1/requests/{id}/cancel", tag = "authzen",
    params(("tenant" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = AccessTaskResponse), (status = "4XX", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn tenant_cancel_access_task(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<AccessTaskResponse>, Refusal> {
    let base = format!("{}/tenants/{tenant}", app.url_for(&uri, &headers));
    take_back(&app, &visit, &tenant, &base, &id).await
}

/// How what was denied can be asked for, if it can.
pub(super) fn requestable(
    app: &App,
    tenant: &TenantName,
    question: &Question,
    decided: &Decided,
) -> Option<RequestHint> {
    let template = match (decided.disposition(), &decided.decision.held) {
        (Disposition::Held, Some(held)) => held.guard.to_string(),
        (Disposition::Deny, _) => {
            let hint = app.authority().access_hint(tenant, question, &decided.decision)?;
            hint.item.or(hint.break_glass)?
        }
        _ => return None,
    };
    let until = decided.time.plus_ms(milliseconds(DENIAL_AGE_MAX));
    Some(RequestHint { template, expires_at: Time::from_ms(until.0) })
}

async fn submit(app: &App, visit: &Visit, tenant: &str, base: &str, body: &AuthzenBody) -> Result<Response, Refusal> {
    let tenant = visit.asks(tenant)?;
    let members = read_members(&body.0)?;
    for (name, why) in [
        ("items", "several actions in one request are not supported: ask for each"),
        ("callback", "a callback of one request is not supported: ask for the status, or configure a webhook"),
    ] {
        if member(&members, name).is_some() {
            return Err(Refusal::invalid_at(name, "not_supported", why));
        }
    }
    let names = Names::of(&app.authority().snapshot(&tenant)?)?;
    let question = read_question(visit, &names, Parts::of(&members))?;
    let record = denied(app, &tenant, &members).await?;
    let question = bound(&record, &question, &members)?;
    let wanted = Wanted::read(&members, &record.id)?;
    let now = app.authority().now();
    let (authority, provenance, own) = (app.authority().clone(), visit.provenance(Some(wanted.why.clone())), tenant);
    let asked = blocking(move || {
        let refused = |error: WriteError| not_asked(error);
        match &record.outcome {
            Outcome::Decided(reason) if reason.disposition() == Disposition::Held => {
                authority.ask_for_approval(&own, provenance, question).map(Asked::Approval).map_err(refused)
            }
            _ => {
                let asked = wanted.request(question, now)?;
                authority.request_access(&own, provenance, asked).map(Asked::Request).map_err(refused)
            }
        }
    });
    let told = asked.await?.told(base, app.authority().now());
    let status = if told.task.status == "pending" { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    let place = [(header::LOCATION, told.task.status_endpoint.clone())];
    Ok((status, place, Json(told)).into_response())
}

/// The denial that a submission is about, as it was recorded.
async fn denied(app: &App, tenant: &TenantName, members: &Members) -> Result<DecisionRecord, Refusal> {
    let denial = match member(members, "denial") {
        Some(Value::Map(denial)) => denial,
        Some(_) => return Err(wrong_type("denial", "an object")),
        None => return Err(unbound("there is no `denial`")),
    };
    let id =
        required_text(denial, "denial", "evaluation_id").map_err(|_| unbound("`denial.evaluation_id` is no text"))?;
    let id = DecisionId::new(id).ok_or_else(|| unbound("`denial.evaluation_id` names no evaluation"))?;
    let (authority, own) = (app.authority().clone(), tenant.clone());
    let found = blocking(move || Ok(authority.decision(&own, &id)?)).await?;
    let record = found.ok_or_else(|| unbound("`denial.evaluation_id` names no evaluation"))?;
    if record.door != "authzen" {
        return Err(unbound("that was no evaluation"));
    }
    match record.outcome {
        Outcome::Decided(reason) if reason.disposition() != Disposition::Allow => {}
        _ => return Err(not_requestable("that was not denied".to_owned())),
    }
    let over = record.time.plus_ms(milliseconds(DENIAL_AGE_MAX));
    if app.authority().now() >= over {
        let message = format!("it was denied at {}, and could be asked for until {over}", record.time);
        return Err(Refusal::new(StatusCode::GONE, "expired_denial", Fault::Caller, message));
    }
    Ok(record)
}

/// The question that was denied, if that is the one that is asked about: of the same subject, action and resource, with
/// their properties, and with everything that its context had.
fn bound(record: &DecisionRecord, question: &Question, members: &Members) -> Result<Question, Refusal> {
    let Value::Map(denied) = &record.request else { return Err(unbound("that evaluation was not kept")) };
    for name in ["subject", "action", "resource"] {
        if member(denied, name) != member(members, name) {
            return Err(unbound(&format!("`{name}` is not as it was in that evaluation")));
        }
    }
    let nothing = Members::new();
    let context = |members: &Members| match member(members, "context") {
        Some(Value::Map(context)) => context.clone(),
        _ => nothing.clone(),
    };
    let (before, now) = (context(denied), context(members));
    if let Some((name, _)) = before.iter().find(|(name, value)| now.get(*name).is_some_and(|now| now != *value)) {
        return Err(unbound(&format!("`context.{name}` is not as it was in that evaluation")));
    }
    // As it was asked then: what a submission says besides is no part of it.
    let (arguments, context) = (Parts::of(denied).arguments(), Parts::of(denied).circumstances());
    Ok(Question { delegation: record.delegation.clone(), arguments, context, ..question.clone() })
}

/// What a submission wants.
struct Wanted {
    why: String,
    until: Option<Timestamp>,
    emergency: bool,
    ticket: Option<String>,
}

impl Wanted {
    fn read(members: &Members, evaluation: &DecisionId) -> Result<Self, Refusal> {
        let wanted = match member(members, "requested_access") {
            None => None,
            Some(Value::Map(wanted)) => Some(wanted),
            Some(_) => return Err(wrong_type("requested_access", "an object")),
        };
        let of = |name: &str| wanted.and_then(|wanted| member(wanted, name));
        let text = |name: &str| match of(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong_type(format!("requested_access.{name}"), "a text")),
        };
        let until = text("requested_until")?.map(|text| {
            let time: Result<Time, _> = serde_json::from_value(serde_json::Value::String(text));
            time.map(convert::time)
                .map_err(|_| wrong_type("requested_access.requested_until", "a time as RFC 3339 writes it"))
        });
        let emergency = match of("emergency") {
            None => false,
            Some(Value::Bool(emergency)) => *emergency,
            Some(_) => return Err(wrong_type("requested_access.emergency", "true or false")),
        };
        let context = match member(members, "context") {
            Some(Value::Map(context)) => Some(context),
            _ => None,
        };
        let why = match context.and_then(|context| member(context, "business_justification")) {
            Some(Value::String(why)) if why.len() <= SENTENCE_BYTES_MAX => why.clone(),
            Some(_) => return Err(wrong_type("context.business_justification", "a text of at most 4096 bytes")),
            None => format!("evaluation {evaluation} was denied"),
        };
        Ok(Self { why, until: until.transpose()?, emergency, ticket: text("ticket")? })
    }

    fn request(self, question: Question, now: Timestamp) -> Result<AccessRequest, Refusal> {
        let for_ms = match self.until {
            Some(until) if until <= now => {
                let message = "that is over already";
                return Err(Refusal::invalid_at("requested_access.requested_until", "request_length_invalid", message));
            }
            until => until.map(|until| until.0 - now.0),
        };
        Ok(AccessRequest {
            requester: question.actor,
            task: None,
            delegation: question.delegation,
            permission: question.permission,
            resources: [question.resource].into(),
            reason: self.why,
            ticket: self.ticket,
            for_ms,
            break_glass: self.emergency,
        })
    }
}

/// What was asked for: a right, or a person's yes to one action.
enum Asked {
    Request(Arc<Request>),
    Approval(Arc<Approval>),
}

impl Asked {
    /// What has this name, if it is about somebody the caller may ask about.
    fn visible(snapshot: &Snapshot, visit: &Visit, id: &str) -> Result<Self, Refusal> {
        let unknown = || Refusal::not_found("unknown_task", "there is no such request, or it is not yours to see");
        let found = Self::named(snapshot, id)?.ok_or_else(unknown)?;
        let about = match &found {
            Self::Request(request) => &request.requester,
            Self::Approval(approval) => &approval.action.actor,
        };
        visit.caller.may_ask_about(about).map_err(|_| unknown())?;
        Ok(found)
    }

    fn named(snapshot: &Snapshot, id: &str) -> Result<Option<Self>, Refusal> {
        if let Some(id) = RequestId::new(id)
            && let Some(request) = snapshot.request(&id)?
        {
            return Ok(Some(Self::Request(request)));
        }
        let Some(id) = ApprovalId::new(id) else { return Ok(None) };
        Ok(snapshot.approval(&id)?.map(Self::Approval))
    }

    fn id(&self) -> String {
        match self {
            Self::Request(request) => request.id.to_string(),
            Self::Approval(approval) => approval.id.to_string(),
        }
    }

    fn status(&self, now: Timestamp) -> &'static str {
        match self {
            Self::Request(request) => match request.state_at(now) {
                RequestState::Pending => "pending",
                RequestState::Granted => "approved",
                RequestState::Refused => "denied",
                RequestState::Expired => "expired",
                RequestState::Cancelled => "cancelled",
            },
            Self::Approval(approval) => match approval.state_at(now) {
                ApprovalState::Pending => "pending",
                ApprovalState::Given | ApprovalState::Used => "approved",
                ApprovalState::Refused => "denied",
                // What was given and is over was approved all the same.
                ApprovalState::Expired if approval.good_until.is_some() => "approved",
                ApprovalState::Expired => "expired",
                ApprovalState::Cancelled => "cancelled",
            },
        }
    }

    fn answer_by(&self) -> Timestamp {
        match self {
            Self::Request(request) => request.answer_by,
            Self::Approval(approval) => approval.answer_by,
        }
    }

    /// What somebody said yes to, whether or not that is over.
    fn reference(&self) -> Option<ApprovalReference> {
        let (answer, until) = match self {
            Self::Request(request) => (&request.answer, request.grant.as_ref()?.until),
            Self::Approval(approval) => (&approval.answer, approval.good_until?),
        };
        let approved_at = answer.as_ref().map(|answer| convert::wire_time(answer.at));
        Some(ApprovalReference { id: self.id(), approved_at, approved_until: convert::wire_time(until) })
    }

    fn told(&self, base: &str, now: Timestamp) -> AccessTaskResponse {
        let (id, status) = (self.id(), self.status(now));
        let status_endpoint = format!("{base}{ACCESS_REQUESTS}/{id}");
        let waits = status == "pending";
        let cancel = waits.then(|| ("cancel".to_owned(), format!("{status_endpoint}/cancel")));
        let expires_at = waits.then(|| convert::wire_time(self.answer_by()));
        let links: BTreeMap<String, String> = cancel.into_iter().collect();
        let approval = self.reference().filter(|_| status == "approved");
        let result = approval.map(|approval| AccessResult { mode: "reevaluate".to_owned(), approval });
        AccessTaskResponse {
            task: AccessTask { id, status: status.to_owned(), status_endpoint, expires_at, links },
            result,
        }
    }
}

async fn take_back(
    app: &App,
    visit: &Visit,
    tenant: &str,
    base: &str,
    id: &str,
) -> Result<Json<AccessTaskResponse>, Refusal> {
    let tenant = visit.asks(tenant)?;
    let asked = Asked::visible(&app.authority().snapshot(&tenant)?, visit, id)?;
    let status = asked.status(app.authority().now());
    if status != "pending" {
        let message = format!("it is {status}, and only what waits is taken back");
        return Err(Refusal::new(StatusCode::CONFLICT, "invalid_task_state", Fault::Caller, message));
    }
    let (authority, provenance) = (app.authority().clone(), visit.provenance(None));
    let written = blocking(move || {
        Ok(match asked {
            Asked::Request(request) => {
                let by = Some(request.requester.clone());
                Asked::Request(authority.cancel_request(&tenant, provenance, &request.id, by)?)
            }
            Asked::Approval(approval) => {
                let by = Some(approval.action.actor.clone());
                Asked::Approval(authority.cancel_approval(&tenant, provenance, &approval.id, by)?)
            }
        })
    });
    Ok(Json(written.await?.told(base, app.authority().now())))
}

/// The approval that a question names, as far as it applies to the question.
#[derive(Debug, Default)]
pub(super) struct Approved {
    pub(super) reference: Option<ApprovalReference>,
    /// The link that was granted to act under.
    delegation: Option<DelegationId>,
}

impl Approved {
    /// What `context.approval` names. What does not apply is as if nothing were named.
    pub(super) fn named_by(
        app: &App,
        visit: &Visit,
        tenant: &TenantName,
        question: &Question,
    ) -> Result<Self, Refusal> {
        let approval = match member(&question.context, "approval") {
            None => return Ok(Self::default()),
            Some(Value::Map(approval)) => approval,
            Some(_) => return Err(wrong_type("context.approval", "an object")),
        };
        let id = match member(approval, "id") {
            Some(Value::String(id)) => id,
            Some(_) => return Err(wrong_type("context.approval.id", "a text")),
            None => return Err(missing("context.approval.id")),
        };
        let now = app.authority().now();
        let Some(asked) = Asked::named(&app.authority().snapshot(tenant)?, id)? else { return Ok(Self::default()) };
        let reference = asked.reference();
        let found = match asked {
            Asked::Request(request) => {
                let same = request.requester == question.actor
                    && request.permission == question.permission
                    && request.delegation == question.delegation;
                let live = request.live_grant(now).filter(|grant| same && grant.resources.contains(&question.resource));
                // A token that names the link it acts under acts under no other.
                let bound = visit.caller.token().is_some_and(|token| token.delegation.is_some());
                live.map(|grant| Self { reference, delegation: grant.delegation.clone().filter(|_| !bound) })
            }
            Asked::Approval(approval) => {
                let action = &approval.action;
                let same = action.actor == question.actor
                    && action.permission == question.permission
                    && action.resource == question.resource
                    && action.arguments == question.arguments;
                let given = same && approval.state_at(now) == ApprovalState::Given;
                given.then_some(Self { reference, delegation: None })
            }
        };
        Ok(found.unwrap_or_default())
    }

    /// The question, under the link that was granted, if one was. The actor may act under that link anyway; here it need not know its name.
    pub(super) fn act_under(&self, question: &Question) -> Option<Question> {
        let delegation = self.delegation.clone()?;
        Some(Question { delegation: Some(delegation), ..question.clone() })
    }
}

fn unbound(why: &str) -> Refusal {
    Refusal::invalid("invalid_denial_binding", why.to_owned())
}

fn not_requestable(why: String) -> Refusal {
    Refusal::invalid("not_requestable", why)
}

/// What the profile has a name for, by that name.
fn not_asked(error: WriteError) -> Refusal {
    match error.code() {
        "request_id_reused" => {
            Refusal::new(StatusCode::CONFLICT, "duplicate_request", error.fault(), error.to_string())
        }
        "approval_not_needed" | "already_allowed" => not_requestable(error.to_string()),
        _ => error.into(),
    }
}

/// Whether this route answers in the words of the profile.
pub(crate) fn is_of_access_requests(route: &str) -> bool {
    route.contains(ACCESS_REQUESTS)
}

/// A refusal in the words of the profile (RFC 9457).
pub(crate) fn problem(refusal: &Refusal) -> Response {
    const NAMED: [&str; 7] = [
        "not_requestable",
        "expired_denial",
        "invalid_denial_binding",
        "duplicate_request",
        "unknown_task",
        "task_expired",
        "invalid_task_state",
    ];
    let parts = refusal.parts();
    let kind = if NAMED.contains(&parts.code.as_str()) {
        format!("{PROBLEM}{}", parts.code)
    } else {
        "about:blank".to_owned()
    };
    let detail = match &parts.details.path {
        Some(path) => format!("`{path}`: {}", parts.message),
        None => parts.message.clone(),
    };
    let problem = Problem { kind, title: parts.code.clone(), status: parts.status.as_u16(), detail };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}

fn milliseconds(length: std::time::Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
