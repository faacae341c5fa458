//! Checks.

use std::sync::Arc;

use prokura::{Asked, DecidedOn, Decision, Permissionship, Question, Snapshot};
use prokura_api::grpc::v1::{self, ErrorReason, check_bulk_permissions_pair::Response as Item};
use prokura_model::{Disposition, ObjectRef, Outcome, RelationName, Revision, SubjectRef, TenantName};
use tonic::{Code, Status};

use super::{
    arrival::Arrival,
    convert::{self, Path},
    moment,
    refused::{item, of_ask, of_decide, of_refusal, reasoned},
    trace,
};
use crate::{
    app::App,
    limits::CHECKS_MAX,
    request::{canonical, decided},
};

/// A question as it was asked, checked.
#[derive(Clone, Debug)]
struct Check {
    resource: ObjectRef,
    permission: RelationName,
    subject: SubjectRef,
    context: prokura::Context,
}

/// What a check came to.
struct Answer {
    permissionship: Permissionship,
    revision: Revision,
    /// When it must be asked anew, if it is known.
    until: Option<prokura_model::Timestamp>,
}

impl Check {
    fn new(
        resource: Option<&v1::ObjectReference>,
        permission: &str,
        subject: Option<&v1::SubjectReference>,
        context: Option<&prost_types::Struct>,
        path: Path<'_>,
    ) -> Result<Self, Status> {
        Ok(Self {
            resource: convert::object(resource, &format_args!("{path}resource"))?,
            permission: convert::relation(permission, &format_args!("{path}permission"))?,
            subject: convert::subject(subject, &format_args!("{path}subject"))?,
            context: convert::question_context(context, &format_args!("{path}context"))?,
        })
    }

    /// The question of an actor, for callers that may have it decided; the others only look at relationships.
    fn question(&self, arrival: &Arrival) -> Result<Option<Question>, Status> {
        let refused = |refusal| of_refusal(&refusal);
        let SubjectRef::Object(actor) = &self.subject else {
            // A userset does nothing, so there is nothing to decide about it.
            return arrival.reads().map(|_| None);
        };
        if !arrival.is_for_decisions() {
            return arrival.reads().map(|_| None);
        }
        arrival.visit().caller.may_ask_about(actor).map_err(refused)?;
        Ok(Some(Question {
            actor: actor.clone(),
            delegation: arrival.visit().agreed_delegation(None, "").map_err(refused)?,
            permission: self.permission.clone(),
            resource: self.resource.clone(),
            arguments: prokura::Context::new(),
            credential: Some(arrival.visit().caller.credential()),
            tool_schema: None,
            context: self.context.clone(),
        }))
    }

    fn on(&self, snapshot: &Snapshot) -> Result<Answer, Status> {
        let Self { resource, permission, subject, context } = self;
        let found = snapshot.check(resource, permission, subject, context).map_err(|error| of_ask(&error))?;
        let permissionship = match subject {
            _ if snapshot.is_stopped(subject) => Permissionship::HasNot,
            SubjectRef::Object(actor) => {
                snapshot.narrowed((resource, permission), actor, found, context).map_err(|error| of_ask(&error))?
            }
            SubjectRef::Userset(..) | SubjectRef::Wildcard(_) => found,
        };
        Ok(Answer { permissionship, revision: snapshot.revision(), until: None })
    }
}

impl Answer {
    fn decided(decision: &Decision) -> Self {
        let permissionship = match decision.reason.disposition() {
            Disposition::Allow => Permissionship::Has,
            Disposition::Deny | Disposition::Held => Permissionship::HasNot,
            Disposition::Conditional => Permissionship::Conditional(decision.missing.clone()),
        };
        Self { permissionship, revision: decision.revision, until: decision.valid_until }
    }
}

fn asked(arrival: &Arrival, question: &Question) -> Asked {
    Asked {
        door: "grpc".to_owned(),
        enforcement_point: arrival.visit().caller.enforcement_point(),
        request_id: arrival.visit().request_id.clone(),
        span: None,
        request: canonical(question),
        reserve_ms: None,
        place: None,
    }
}

pub(super) async fn check(
    app: &Arc<App>,
    arrival: &Arrival,
    wire: &v1::CheckPermissionRequest,
) -> Result<v1::CheckPermissionResponse, Status> {
    let tenant = arrival.enters()?;
    let check =
        Check::new(wire.resource.as_ref(), &wire.permission, wire.subject.as_ref(), wire.context.as_ref(), &"")?;
    let question = check.question(arrival)?;
    convert::not_everybody(&check.subject, &"subject")?;
    let snapshot = moment::snapshot(app, &tenant, wire.consistency.as_ref())?;
    let answer = match question {
        None => check.on(&snapshot)?,
        Some(question) if snapshot.is_historic() => {
            let (app, asked) = (Arc::clone(app), asked(arrival, &question));
            let snapshot = snapshot.clone();
            let work = move || decide_on(&app, &snapshot, &question, asked);
            tokio::task::spawn_blocking(work).await.map_err(|_| lost())??
        }
        // The newest state is newer than any that may be asked for.
        Some(question) => decide(app, &tenant, &question, asked(arrival, &question)).await?,
    };
    let trace = if wire.with_tracing { Some(Box::new(traced(&check, &snapshot)?)) } else { None };
    let (permissionship, missing) = convert::wire_permissionship(&answer.permissionship);
    Ok(v1::CheckPermissionResponse {
        checked_at: moment::token(app, &tenant, answer.revision),
        permissionship: permissionship.into(),
        partial_caveat_info: missing,
        debug_trace: trace,
        optional_expires_at: answer.until.map(convert::wire_moment),
    })
}

async fn decide(app: &App, tenant: &TenantName, question: &Question, asked: Asked) -> Result<Answer, Status> {
    match decided(app, tenant, question, asked).await {
        Ok(decided) => {
            app.telemetry().decided(&Outcome::Decided(decided.decision.reason));
            Ok(Answer::decided(&decided.decision))
        }
        Err(error) => {
            app.telemetry().decided(&Outcome::Failed(error.code().to_owned()));
            Err(of_decide(&error))
        }
    }
}

fn decide_on(app: &App, snapshot: &Snapshot, question: &Question, asked: Asked) -> Result<Answer, Status> {
    match app.authority().decide_on(snapshot, question, asked) {
        Ok(decided) => {
            if let DecidedOn::Recorded(recorded) = &decided {
                app.telemetry().decided(&Outcome::Decided(recorded.decision.reason));
            }
            Ok(Answer::decided(decided.decision()))
        }
        Err(error) => {
            app.telemetry().decided(&Outcome::Failed(error.code().to_owned()));
            Err(of_decide(&error))
        }
    }
}

fn lost() -> Status {
    Status::internal("the work for this call failed")
}

/// Many checks on one state. One that cannot be answered does not keep the others from it.
pub(super) async fn check_bulk(
    app: &Arc<App>,
    arrival: Arrival,
    wire: v1::CheckBulkPermissionsRequest,
) -> Result<v1::CheckBulkPermissionsResponse, Status> {
    let tenant = arrival.enters()?;
    if wire.items.len() > CHECKS_MAX {
        let message = format!("a call has at most {CHECKS_MAX} items, not {}", wire.items.len());
        let metadata =
            [("check_count", wire.items.len().to_string()), ("maximum_checks_allowed", CHECKS_MAX.to_string())];
        return Err(reasoned(Code::InvalidArgument, ErrorReason::TooManyChecksInRequest, message, metadata));
    }
    let checks = wire.items.iter().enumerate().map(|(position, item)| {
        let (resource, subject, context) = (item.resource.as_ref(), item.subject.as_ref(), item.context.as_ref());
        Check::new(resource, &item.permission, subject, context, &format_args!("items[{position}]."))
    });
    let checks: Vec<Check> = checks.collect::<Result<_, _>>()?;
    let snapshot = moment::snapshot(app, &tenant, wire.consistency.as_ref())?;
    let app = Arc::clone(app);
    let work = move || {
        let answered = |(check, request): (Check, v1::CheckBulkPermissionsRequestItem)| {
            let response = match check_one(&app, &arrival, &check, &snapshot, wire.with_tracing) {
                Ok(found) => Item::Item(found),
                Err(status) => Item::Error(item(&status)),
            };
            v1::CheckBulkPermissionsPair { request: Some(request), response: Some(response) }
        };
        let pairs = checks.into_iter().zip(wire.items).map(answered).collect();
        let checked_at = moment::token(&app, &tenant, snapshot.revision());
        v1::CheckBulkPermissionsResponse { checked_at, pairs }
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| lost())
}

fn check_one(
    app: &App,
    arrival: &Arrival,
    check: &Check,
    snapshot: &Snapshot,
    with_tracing: bool,
) -> Result<v1::CheckBulkPermissionsResponseItem, Status> {
    convert::not_everybody(&check.subject, &"subject")?;
    let answer = match check.question(arrival)? {
        None => check.on(snapshot)?,
        Some(question) => decide_on(app, snapshot, &question, asked(arrival, &question))?,
    };
    let (permissionship, missing) = convert::wire_permissionship(&answer.permissionship);
    Ok(v1::CheckBulkPermissionsResponseItem {
        permissionship: permissionship.into(),
        partial_caveat_info: missing,
        debug_trace: if with_tracing { Some(Box::new(traced(check, snapshot)?)) } else { None },
    })
}

fn traced(check: &Check, snapshot: &Snapshot) -> Result<v1::DebugInformation, Status> {
    let Check { resource, permission, subject, context } = check;
    let explained = snapshot.explain(resource, permission, subject, context).map_err(|error| of_ask(&error))?;
    let schema = snapshot.schema().map_err(|error| of_ask(&error))?;
    Ok(trace::of(&explained, schema.as_deref(), (resource, permission, subject)))
}
