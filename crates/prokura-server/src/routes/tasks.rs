//! Tasks and the delegations under them.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use prokura::{DelegationFilter, Expiry, Receipt, Snapshot, TaskFilter};
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::{
    Change, Delegation, DelegationId, Fault, ObjectRef, Task, TaskId, TaskState, TenantName, Timestamp, Transaction,
};

use crate::{
    app::App,
    convert,
    error::Refusal,
    request::{JsonBody, Parameters, Segments, Visit, blocking},
};

/// Tasks. A token sees those that its subject is the origin or owner of or has a part in, those of whom it owns, and those of
/// whom the schema gives it authority over.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/tasks", tag = "tasks", params(("tenant" = String, Path), api::TaskQuery),
    responses((status = 200, body = api::Page<api::Task>), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn tasks(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    Parameters(query): Parameters<api::TaskQuery>,
) -> Result<Json<api::Page<api::Task>>, Refusal> {
    let snapshot = app.authority().snapshot(&visit.reads_parts(&tenant)?)?;
    let origin = convert::object_pair(query.origin_type.as_deref(), query.origin_id.as_deref(), "origin")?;
    let parent = query.parent.as_deref().map(|id| convert::task_id(id, "parent")).transpose()?;
    let filter = TaskFilter { origin, state: query.state.map(convert::task_state), parent, seen_by: visit.caller.by() };
    let page = convert::page(query.limit, query.cursor.as_deref())?;
    let listed = blocking(move || Ok(snapshot.tasks(&filter, &page)?)).await?;
    Ok(Json(api::Page {
        items: listed.entries.iter().map(|task| convert::wire_task(task)).collect(),
        next_cursor: convert::wire_cursor(listed.next),
    }))
}

/// One task, with how its budgets stand and what its run has touched. A token sees it as in the list.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/tasks/{id}", tag = "tasks",
    params(("tenant" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = api::Task), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn task(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
) -> Result<Json<api::Task>, Refusal> {
    let snapshot = app.authority().snapshot(&visit.reads_parts(&tenant)?)?;
    let task = visible_task(snapshot.clone(), &visit, &id).await?;
    let spending = snapshot.spending(&task.id);
    let touched = snapshot.touched(&task);
    Ok(Json(convert::wire_task_with(&task, &spending, &touched, snapshot.now())))
}

/// Opens a task: for its origin, or by whoever owns that one or is given authority over it by the schema. Sent again with the same `Idempotency-Key`, it is answered with the task that was opened first.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/tasks", tag = "tasks",
    params(("tenant" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = api::NewTask, responses((status = 201, body = api::Task), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn open(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<(StatusCode, Json<api::Task>), Refusal> {
    let tenant = visit.takes_part(&tenant)?;
    let wire: api::NewTask = body.decode()?;
    let origin = named_or_own(&visit, wire.origin.as_ref(), "origin")?;
    let parent = wire.parent.as_deref().map(|id| convert::task_id(id, "parent")).transpose()?;
    let owner = convert::optional_object(wire.owner.as_ref(), "owner")?;
    let budgets = convert::budgets(&wire.budgets, "budgets")?;
    let now = app.authority().now();
    let expires = convert::expiry(wire.expires_at, wire.expires_in_seconds, "")?
        .ok_or_else(|| Refusal::invalid("expiry_missing", "give `expires_at` or `expires_in_seconds`"))?;
    if let Some(first) = done_before(&app, &visit, &tenant).await? {
        let opened = first.changes.iter().find_map(|change| match change {
            Change::TaskOpened(task)
                if (&task.origin, &task.purpose) == (&origin, &wire.purpose)
                    && (&task.parent, &task.owner, &task.budgets) == (&parent, &owner, &budgets) =>
            {
                Some(task)
            }
            _ => None,
        });
        // As it is now: it may be over since.
        let opened = opened.ok_or_else(|| key_reused(&first))?;
        let stored = app.authority().snapshot(&tenant)?.task(&opened.id)?.ok_or_else(lost)?;
        return Ok((StatusCode::CREATED, Json(convert::wire_task(&stored))));
    }
    let id = app.authority().mint_task_id();
    let task = Task {
        id: id.clone(),
        origin,
        purpose: wire.purpose,
        opened_at: now,
        expires_at: moment(expires, now),
        state: TaskState::Open,
        declared: false,
        parent,
        owner,
        budgets,
    };
    write(&app, &visit, &tenant, wire.reason, Change::TaskOpened(task)).await?;
    let written = app.authority().snapshot(&tenant)?.task(&id)?.ok_or_else(lost)?;
    Ok((StatusCode::CREATED, Json(convert::wire_task(&written))))
}

/// Completes a task: everything under it ends, at the next decision. A token does so for
/// its origin or its owner: as one of them, as who owns one, or as who the schema gives authority over one.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/tasks/{id}/complete", tag = "tasks",
    params(("tenant" = String, Path), ("id" = String, Path)),
    request_body = api::ReasonOnly, responses((status = 200, body = api::Task), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn complete(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Json<api::Task>, Refusal> {
    close(&app, &visit, &tenant, &id, &body, TaskState::Completed).await
}

/// Cancels a task: everything under it ends, at the next decision. A token does so for
/// its origin or its owner: as one of them, as who owns one, or as who the schema gives authority over one.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/tasks/{id}/cancel", tag = "tasks",
    params(("tenant" = String, Path), ("id" = String, Path)),
    request_body = api::ReasonOnly, responses((status = 200, body = api::Task), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Json<api::Task>, Refusal> {
    close(&app, &visit, &tenant, &id, &body, TaskState::Cancelled).await
}

async fn close(
    app: &App,
    visit: &Visit,
    tenant: &str,
    id: &str,
    body: &JsonBody,
    state: TaskState,
) -> Result<Json<api::Task>, Refusal> {
    let tenant = visit.takes_part(tenant)?;
    let why: api::ReasonOnly = body.decode_or_default()?;
    let id = TaskId::new(id).ok_or_else(task_unknown)?;
    write(app, visit, &tenant, why.reason, Change::TaskClosed(id.clone(), state)).await?;
    let written = app.authority().snapshot(&tenant)?.task(&id)?.ok_or_else(lost)?;
    Ok(Json(convert::wire_task(&written)))
}

/// Delegations. A token sees those its subject made or received, those below one it made, those under the tasks it is origin or
/// owner of; those of whom it owns, and those of whom the schema gives it authority over.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/delegations", tag = "tasks",
    params(("tenant" = String, Path), api::DelegationQuery),
    responses((status = 200, body = api::Page<api::Delegation>), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn delegations(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    Parameters(query): Parameters<api::DelegationQuery>,
) -> Result<Json<api::Page<api::Delegation>>, Refusal> {
    let snapshot = app.authority().snapshot(&visit.reads_parts(&tenant)?)?;
    let filter = DelegationFilter {
        task: query.task.as_deref().map(|id| convert::task_id(id, "task")).transpose()?,
        from: convert::object_pair(query.from_type.as_deref(), query.from_id.as_deref(), "from")?,
        to: convert::object_pair(query.to_type.as_deref(), query.to_id.as_deref(), "to")?,
        // Before it is cut into pages: a cursor names what stands at the end of one.
        seen_by: visit.caller.by(),
    };
    let page = convert::page(query.limit, query.cursor.as_deref())?;
    let listed = blocking(move || Ok(snapshot.delegations(&filter, &page)?)).await?;
    Ok(Json(api::Page {
        items: listed.entries.iter().map(|delegation| convert::wire_delegation(delegation)).collect(),
        next_cursor: convert::wire_cursor(listed.next),
    }))
}

/// One delegation. A token sees it as in the list.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/delegations/{id}", tag = "tasks",
    params(("tenant" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = api::Delegation), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn delegation(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
) -> Result<Json<api::Delegation>, Refusal> {
    let snapshot = app.authority().snapshot(&visit.reads_parts(&tenant)?)?;
    visible_delegation(&snapshot, &visit, &id).map(|delegation| Json(convert::wire_delegation(&delegation)))
}

/// Creates a delegation: `from` lends to `to`, inside the cap, under the task. A token creates those from its subject, from whom
/// it owns, and from whom the schema gives it authority over. Sent again with the same `Idempotency-Key`, it is answered with the delegation that was created first.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/delegations", tag = "tasks",
    params(("tenant" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = api::NewDelegation, responses((status = 201, body = api::Delegation), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn delegate(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<(StatusCode, Json<api::Delegation>), Refusal> {
    let tenant = visit.takes_part(&tenant)?;
    let wire: api::NewDelegation = body.decode()?;
    let new = new_delegation(&app, &visit, &wire)?;
    if let Some(first) = done_before(&app, &visit, &tenant).await? {
        let created = first.changes.iter().find_map(|change| match change {
            Change::DelegationCreated(made) if same_but_for_time(made, &new) => Some(made),
            _ => None,
        });
        let made = created.ok_or_else(|| key_reused(&first))?;
        let stored = app.authority().snapshot(&tenant)?.delegation(&made.id)?.ok_or_else(lost)?;
        return Ok((StatusCode::CREATED, Json(convert::wire_delegation(&stored))));
    }
    let id = new.id.clone();
    write(&app, &visit, &tenant, wire.reason, Change::DelegationCreated(new)).await?;
    let written = app.authority().snapshot(&tenant)?.delegation(&id)?.ok_or_else(lost)?;
    Ok((StatusCode::CREATED, Json(convert::wire_delegation(&written))))
}

fn new_delegation(app: &App, visit: &Visit, wire: &api::NewDelegation) -> Result<Delegation, Refusal> {
    let now = app.authority().now();
    Ok(Delegation {
        from: named_or_own(visit, wire.from.as_ref(), "from")?,
        id: app.authority().mint_delegation_id(),
        task: convert::task_id(&wire.task, "task")?,
        kind: convert::delegation_kind(wire.kind),
        to: convert::object(&wire.to, "to")?,
        parent: wire.parent.as_deref().map(|id| convert::delegation_id(id, "parent")).transpose()?,
        cap: convert::cap(&wire.cap, "cap")?,
        depth: wire.depth,
        not_before: wire.not_before.map(convert::time),
        expires_at: convert::expiry(wire.expires_at, wire.expires_in_seconds, "")?.map(|expiry| moment(expiry, now)),
        revoked_at: None,
        declared: false,
        uses: wire.uses,
    })
}

/// Revokes a delegation: it and every link below it carry nothing any more, at the next decision. Its `from` or `to`, who made
/// one above it, the origin or owner of its task, who owns one of these or is given authority over one by the schema, or an
/// admin.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/delegations/{id}/revoke", tag = "tasks",
    params(("tenant" = String, Path), ("id" = String, Path)),
    request_body = api::ReasonOnly, responses((status = 200, body = api::Delegation), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments((tenant, id)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Json<api::Delegation>, Refusal> {
    let tenant = visit.takes_part(&tenant)?;
    let why: api::ReasonOnly = body.decode_or_default()?;
    let id = DelegationId::new(id).ok_or_else(delegation_unknown)?;
    write(&app, &visit, &tenant, why.reason, Change::DelegationRevoked(id.clone())).await?;
    let written = app.authority().snapshot(&tenant)?.delegation(&id)?.ok_or_else(lost)?;
    Ok(Json(convert::wire_delegation(&written)))
}

/// Writes where waiting for the disk is allowed: for a token, only what the state says that it may.
pub(super) async fn write(
    app: &App,
    visit: &Visit,
    tenant: &TenantName,
    reason: Option<String>,
    change: Change,
) -> Result<Receipt, Refusal> {
    let (authority, tenant) = (app.authority().clone(), tenant.clone());
    let (provenance, by) = (visit.provenance(reason), visit.caller.by());
    blocking(move || {
        Ok(match by {
            Some(by) => authority.write_by(&tenant, provenance, by, vec![change])?,
            None => authority.write(&tenant, provenance, vec![change])?,
        })
    })
    .await
}

/// Who is named, or else the token's subject; a token may name only itself.
pub(super) fn own_or_named(visit: &Visit, named: Option<&api::ObjectRef>, path: &str) -> Result<ObjectRef, Refusal> {
    let object = named_or_own(visit, named, path)?;
    visit.caller.may_act_for(&object)?;
    Ok(object)
}

/// Who is named, or else the token's subject.
pub(super) fn named_or_own(visit: &Visit, named: Option<&api::ObjectRef>, path: &str) -> Result<ObjectRef, Refusal> {
    match (convert::optional_object(named, path)?, visit.caller.token()) {
        (Some(object), _) => Ok(object),
        (None, Some(token)) => Ok(token.actor.clone()),
        (None, None) => {
            let message = "is missing: a key is nobody itself, so say who this is";
            Err(Refusal::invalid_at(path, "member_missing", message))
        }
    }
}

fn task_unknown() -> Refusal {
    Refusal::not_found("task_unknown", "there is no such task, or it is not yours to see")
}

fn delegation_unknown() -> Refusal {
    Refusal::not_found("delegation_unknown", "there is no such delegation, or it is not yours to see")
}

/// A task that is not the caller's to see is not there.
async fn visible_task(snapshot: Snapshot, visit: &Visit, id: &str) -> Result<Arc<Task>, Refusal> {
    let id = TaskId::new(id).ok_or_else(task_unknown)?;
    let task = snapshot.task(&id)?.ok_or_else(task_unknown)?;
    let Some(by) = visit.caller.by() else { return Ok(task) };
    let asked = Arc::clone(&task);
    let may_see = blocking(move || Ok(snapshot.may_see_task(&by, &asked)?)).await?;
    if may_see { Ok(task) } else { Err(task_unknown()) }
}

/// A delegation that is not the caller's to see is not there.
fn visible_delegation(snapshot: &Snapshot, visit: &Visit, id: &str) -> Result<Arc<Delegation>, Refusal> {
    let id = DelegationId::new(id).ok_or_else(delegation_unknown)?;
    let delegation = snapshot.delegation(&id)?.ok_or_else(delegation_unknown)?;
    let may_see = match visit.caller.by() {
        Some(by) => snapshot.may_see_delegation(&by, &delegation)?,
        None => true,
    };
    if may_see { Ok(delegation) } else { Err(delegation_unknown()) }
}

pub(super) fn moment(expiry: Expiry, now: Timestamp) -> Timestamp {
    match expiry {
        Expiry::At(time) => time,
        Expiry::AfterMs(milliseconds) => now.plus_ms(milliseconds),
    }
}

/// What the same caller wrote with the same `Idempotency-Key` before.
pub(super) async fn done_before(app: &App, visit: &Visit, tenant: &TenantName) -> Result<Option<Transaction>, Refusal> {
    let Some(key) = visit.idempotency_key().map(str::to_owned) else { return Ok(None) };
    let (authority, tenant, author) = (app.authority().clone(), tenant.clone(), visit.caller.author());
    blocking(move || Ok(authority.transaction_of_request(&tenant, &author, &key)?)).await
}

/// Whether a repeated request asks for what was made; a time counted from now is another one now.
fn same_but_for_time(made: &Delegation, asked: &Delegation) -> bool {
    made.task == asked.task
        && made.kind == asked.kind
        && made.from == asked.from
        && made.to == asked.to
        && made.parent == asked.parent
        && made.cap == asked.cap
        && made.depth == asked.depth
        && made.uses == asked.uses
        && made.not_before == asked.not_before
        && made.expires_at.is_some() == asked.expires_at.is_some()
}

pub(super) fn key_reused(first: &Transaction) -> Refusal {
    Refusal::new(
        StatusCode::CONFLICT,
        "request_id_reused",
        Fault::Caller,
        format!("this `Idempotency-Key` was used for something else, in revision {}", first.revision),
    )
}

pub(super) fn lost() -> Refusal {
    Refusal::server("internal", "what was just written is not there")
}
