//! Principals: registering them, and the one switch that stops them.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::{Change, Fault, ObjectRef, Principal, PrincipalState, TenantName};

use crate::{
    app::App,
    convert,
    error::Refusal,
    request::{JsonBody, Parameters, Segments, Visit},
};

/// The registered principals; or with `type` and `id`, one.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/principals", tag = "principals",
    params(("tenant" = String, Path), api::PrincipalQuery),
    responses((status = 200, body = api::Page<api::Principal>), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn principals(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    Parameters(query): Parameters<api::PrincipalQuery>,
) -> Result<Json<api::Page<api::Principal>>, Refusal> {
    let snapshot = app.authority().snapshot(&visit.reads(&tenant)?)?;
    let kind = convert::type_name(query.kind.as_deref(), "type")?;
    let id = convert::object_id(query.id.as_deref(), "id")?;
    let state = query.state.map(convert::principal_state);
    let (found, next_cursor) = match (&kind, &id) {
        (Some(kind), Some(id)) => {
            let object = ObjectRef { kind: kind.clone(), id: id.clone() };
            (snapshot.principal(&object)?.into_iter().collect(), None)
        }
        _ => {
            let listed = snapshot.principals(&convert::page(query.limit, query.cursor.as_deref())?)?;
            (listed.entries, convert::wire_cursor(listed.next))
        }
    };
    let meant = found.iter().filter(|principal| {
        kind.as_ref().is_none_or(|kind| *kind == principal.object.kind)
            && id.as_ref().is_none_or(|id| *id == principal.object.id)
            && state.is_none_or(|state| state == principal.state)
    });
    Ok(Json(api::Page { items: meant.map(|principal| convert::wire_principal(principal)).collect(), next_cursor }))
}

/// Registers a principal, or changes its owner. Its state stays; a new one is active.
#[utoipa::path(
    put, path = "/v1/tenants/{tenant}/principals", tag = "principals", params(("tenant" = String, Path)),
    request_body = api::PrincipalWrite, responses((status = 200, body = api::Principal), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn set_principal(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::Principal>, Refusal> {
    let tenant = visit.writes(&tenant)?;
    let wire: api::PrincipalWrite = body.decode()?;
    let object = convert::object(&wire.object, "object")?;
    let owner = convert::optional_object(wire.owner.as_ref(), "owner")?;
    change(&app, &visit, tenant, object, wire.reason, move |known| Ok(Principal { owner, ..known })).await
}

/// Suspends a principal: from the next decision on it may do nothing, and nothing may be done through it. One that was
/// not registered is registered, so that anything can be stopped.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/principals/suspend", tag = "principals", params(("tenant" = String, Path)),
    request_body = api::StateChange, responses((status = 200, body = api::Principal), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn suspend(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::Principal>, Refusal> {
    let (tenant, object, reason) = state_change(&visit, &tenant, &body)?;
    change(&app, &visit, tenant, object, reason, |known| match known.state {
        PrincipalState::OffBoarded => Err(off_boarded(&known)),
        PrincipalState::Active | PrincipalState::Suspended => {
            Ok(Principal { state: PrincipalState::Suspended, ..known })
        }
    })
    .await
}

/// Resumes a suspended principal.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/principals/resume", tag = "principals", params(("tenant" = String, Path)),
    request_body = api::StateChange, responses((status = 200, body = api::Principal), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn resume(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::Principal>, Refusal> {
    let (tenant, object, reason) = state_change(&visit, &tenant, &body)?;
    if app.authority().snapshot(&tenant)?.principal(&object)?.is_none() {
        return Err(principal_unknown(&object));
    }
    change(&app, &visit, tenant, object, reason, |known| match known.state {
        PrincipalState::OffBoarded => Err(off_boarded(&known)),
        PrincipalState::Active | PrincipalState::Suspended => Ok(Principal { state: PrincipalState::Active, ..known }),
    })
    .await
}

/// Removes an active principal from the register. One that may not act stays: removed, it would be a subject that
/// nobody ever stopped.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/principals/remove", tag = "principals", params(("tenant" = String, Path)),
    request_body = api::StateChange, responses((status = 200, body = api::Receipt), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::Receipt>, Refusal> {
    let (tenant, object, reason) = state_change(&visit, &tenant, &body)?;
    let provenance = visit.provenance(reason);
    let removed = app.alone_with_principals(move |authority| {
        match authority.snapshot(&tenant)?.principal(&object)? {
            None => return Err(principal_unknown(&object)),
            Some(known) if known.state != PrincipalState::Active => return Err(not_active(&known)),
            Some(_) => {}
        }
        Ok(authority.write(&tenant, provenance, vec![Change::PrincipalRemoved(object)])?)
    });
    Ok(Json(convert::wire_receipt(removed.await?)))
}

fn state_change(
    visit: &Visit,
    tenant: &str,
    body: &JsonBody,
) -> Result<(TenantName, ObjectRef, Option<String>), Refusal> {
    let tenant = visit.writes(tenant)?;
    let wire: api::StateChange = body.decode()?;
    Ok((tenant, convert::object(&wire.object, "object")?, wire.reason))
}

/// Reads the principal, changes it and writes it back, alone: what one request changes must not undo what another did.
/// The answer is what is stored afterwards: a request sent again is not done again, and others may have come in between.
async fn change(
    app: &App,
    visit: &Visit,
    tenant: TenantName,
    object: ObjectRef,
    reason: Option<String>,
    change: impl FnOnce(Principal) -> Result<Principal, Refusal> + Send + 'static,
) -> Result<Json<api::Principal>, Refusal> {
    let provenance = visit.provenance(reason);
    let changed = app.alone_with_principals(move |authority| {
        let known = authority.snapshot(&tenant)?.principal(&object)?;
        let new = Principal { object: object.clone(), owner: None, state: PrincipalState::Active, declared: false };
        let changed = change(known.as_deref().cloned().unwrap_or(new))?;
        if known.as_deref() == Some(&changed) {
            return Ok(changed);
        }
        authority.write(&tenant, provenance, vec![Change::PrincipalSet(changed)])?;
        let stored = authority.snapshot(&tenant)?.principal(&object)?;
        stored.as_deref().cloned().ok_or_else(|| principal_unknown(&object))
    });
    Ok(Json(convert::wire_principal(&changed.await?)))
}

fn principal_unknown(object: &ObjectRef) -> Refusal {
    Refusal::not_found("principal_unknown", format!("`{object}` is not a registered principal"))
}

fn not_active(principal: &Principal) -> Refusal {
    let Principal { object, state, .. } = principal;
    Refusal::new(
        StatusCode::CONFLICT,
        "principal_not_active",
        Fault::Caller,
        format!("`{object}` is {state}: removing it would let it act again; resume it first if that is meant"),
    )
}

fn off_boarded(principal: &Principal) -> Refusal {
    Refusal::new(
        StatusCode::CONFLICT,
        "principal_off_boarded",
        Fault::Caller,
        format!("`{}` is off-boarded, and there is no way back from that", principal.object),
    )
}
