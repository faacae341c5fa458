//! Who may do this, on what may it be done, and what may be done? What is listed is what an evaluation would permit.

use std::sync::Arc;

use axum::{Json, extract::State};
use prokura::{
    Authority, Context, FoundSubject, Permissionship, Question, ResourceLookup, Snapshot, Standing, SubjectLookup,
};
use prokura_api::authzen::{ActionSearch, ResourceSearch, SearchResponse, SearchResult, SubjectSearch};
use prokura_model::{
    DelegationId, Disposition, Fault, ObjectId, ObjectRef, RelationName, Schema, SubjectRef, TenantName, TypeName,
    schema::Member,
};
use serde_json::{Map, Value};

use super::{
    DEFAULT_TENANT,
    page::{Found, Wanted},
    read::{Entity, Members, Names, Parts, delegation, read_members, required_text},
};
use crate::{
    app::App,
    auth::{AskedAbout, Caller},
    error::Refusal,
    request::{AuthzenBody, Segments, Visit, blocking},
};

/// How everything of a type is listed.
const EVERYTHING: &str = "*";

/// Who may do this? In the tenant `default`.
#[utoipa::path(
    post, path = "/access/v1/search/subject", tag = "authzen", request_body = SubjectSearch,
    responses((status = 200, body = SearchResponse), (status = "4XX", content_type = "text/plain", body = String))
)]
pub(crate) async fn search_subject(
    State(app): State<Arc<App>>,
    visit: Visit,
    body: AuthzenBody,
) -> Result<Json<SearchResponse>, Refusal> {
    search(&app, &visit, DEFAULT_TENANT, &body, Sought::Subjects).await
}

/// Who may do this? In a tenant.
#[utoipa::path(
    post, path = "/tenants/{tenant}/access/v1/search/subject", tag = "authzen", request_body = SubjectSearch,
    params(("tenant" = String, Path)),
    responses((status = 200, body = SearchResponse), (status = "4XX", content_type = "text/plain", body = String))
)]
pub(crate) async fn tenant_search_subject(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: AuthzenBody,
) -> Result<Json<SearchResponse>, Refusal> {
    search(&app, &visit, &tenant, &body, Sought::Subjects).await
}

/// On what may this be done? In the tenant `default`.
#[utoipa::path(
    post, path = "/access/v1/search/resource", tag = "authzen", request_body = ResourceSearch,
    responses((status = 200, body = SearchResponse), (status = "4XX", content_type = "text/plain", body = String))
)]
pub(crate) async fn search_resource(
    State(app): State<Arc<App>>,
    visit: Visit,
    body: AuthzenBody,
) -> Result<Json<SearchResponse>, Refusal> {
    search(&app, &visit, DEFAULT_TENANT, &body, Sought::Resources).await
}

/// On what may this be done? In a tenant.
#[utoipa::path(
    post, path = "/tenants/{tenant}/access/v1/search/resource", tag = "authzen", request_body = ResourceSearch,
    params(("tenant" = String, Path)),
    responses((status = 200, body = SearchResponse), (status = "4XX", content_type = "text/plain", body = String))
)]
pub(crate) async fn tenant_search_resource(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: AuthzenBody,
) -> Result<Json<SearchResponse>, Refusal> {
    search(&app, &visit, &tenant, &body, Sought::Resources).await
}

/// What may be done? In the tenant `default`.
#[utoipa::path(
    post, path = "/access/v1/search/action", tag = "authzen", request_body = ActionSearch,
    responses((status = 200, body = SearchResponse), (status = "4XX", content_type = "text/plain", body = String))
)]
pub(crate) async fn search_action(
    State(app): State<Arc<App>>,
    visit: Visit,
    body: AuthzenBody,
) -> Result<Json<SearchResponse>, Refusal> {
    search(&app, &visit, DEFAULT_TENANT, &body, Sought::Actions).await
}

/// What may be done? In a tenant.
#[utoipa::path(
    post, path = "/tenants/{tenant}/access/v1/search/action", tag = "authzen", request_body = ActionSearch,
    params(("tenant" = String, Path)),
    responses((status = 200, body = SearchResponse), (status = "4XX", content_type = "text/plain", body = String))
)]
pub(crate) async fn tenant_search_action(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: AuthzenBody,
) -> Result<Json<SearchResponse>, Refusal> {
    search(&app, &visit, &tenant, &body, Sought::Actions).await
}

async fn search(
    app: &App,
    visit: &Visit,
    tenant: &str,
    body: &AuthzenBody,
    sought: Sought,
) -> Result<Json<SearchResponse>, Refusal> {
    let tenant = visit.asks(tenant)?;
    let members = read_members(&body.0)?;
    let parts = Parts::of(&members);
    let wanted = Wanted::read(&members, &format!("{tenant}/{sought:?}"), &parts.canonical())?;
    let names = Names::of(&app.authority().snapshot(&tenant)?)?;
    let delegation = delegation(visit, parts.context)?;
    let question = match sought {
        Sought::Subjects => read_subject_search(parts, &names)?,
        Sought::Resources => read_resource_search(parts, &names, &visit.caller)?,
        Sought::Actions => read_action_search(parts, &names, &visit.caller)?,
    };
    let Some(question) = question else { return Ok(Json(wanted.of(Vec::new()))) };
    let search = Search {
        caller: visit.caller.clone(),
        names,
        values: parts.values(),
        arguments: parts.arguments(),
        delegation,
        question,
    };
    let authority = app.authority().clone();
    blocking(move || search.answer(&authority, &tenant).map(|found| Json(wanted.of(found)))).await
}

/// Which member of the question the answer lists.
#[derive(Clone, Copy, Debug)]
enum Sought {
    Subjects,
    Resources,
    Actions,
}

/// A search, understood.
#[derive(Debug)]
struct Search {
    caller: Caller,
    names: Names,
    /// For the parameters of caveats.
    values: Context,
    /// For budgets.
    arguments: Context,
    delegation: Option<DelegationId>,
    question: Asked,
}

#[derive(Debug)]
enum Asked {
    /// Who of this type has the permission on the resource?
    Subjects { called: String, kind: TypeName, permission: RelationName, resource: ObjectRef },
    /// On what of this type has the subject the permission?
    Resources { subject: ObjectRef, permission: RelationName, called: String, within: Within },
    /// What has the subject on the resource?
    Actions { subject: ObjectRef, resource: ObjectRef },
}

/// Where resources are looked for.
#[derive(Debug)]
enum Within {
    Type(TypeName),
    /// Every resource of the type that was named means this object.
    Object(ObjectRef),
}

/// None, if a type or an action is called what can be no name, so that nothing is called that.
fn read_subject_search(parts: Parts<'_>, names: &Names) -> Result<Option<Asked>, Refusal> {
    let called = searched_type(parts.subject, "subject")?;
    let action = action_name(parts)?;
    let resource = Entity::read(parts.resource, "resource")?;
    let (Some(resource), Ok(kind), Ok(permission)) =
        (resource_of(&resource, names)?, names.kind(called), names.action(action))
    else {
        return Ok(None);
    };
    Ok(Some(Asked::Subjects { called: called.to_owned(), kind, permission, resource }))
}

fn read_resource_search(parts: Parts<'_>, names: &Names, caller: &Caller) -> Result<Option<Asked>, Refusal> {
    let subject = Entity::read(parts.subject, "subject")?;
    let action = action_name(parts)?;
    let called = searched_type(parts.resource, "resource")?;
    let Some(subject) = subject_of(&subject, names, caller)? else { return Ok(None) };
    let within = match names.only_object(called) {
        Some(object) => Ok(Within::Object(object.clone())),
        None => names.kind(called).map(Within::Type),
    };
    let (Ok(within), Ok(permission)) = (within, names.action(action)) else { return Ok(None) };
    Ok(Some(Asked::Resources { subject, permission, called: called.to_owned(), within }))
}

fn read_action_search(parts: Parts<'_>, names: &Names, caller: &Caller) -> Result<Option<Asked>, Refusal> {
    let subject = Entity::read(parts.subject, "subject")?;
    let resource = Entity::read(parts.resource, "resource")?;
    let (subject, resource) = (subject_of(&subject, names, caller)?, resource_of(&resource, names)?);
    Ok(subject.zip(resource).map(|(subject, resource)| Asked::Actions { subject, resource }))
}

/// The type of what is looked for. An id beside it is ignored.
fn searched_type<'v>(value: Option<&'v prokura_model::Value>, place: &'static str) -> Result<&'v str, Refusal> {
    let members: &Members = Entity::read_members(value, place)?;
    required_text(members, place, "type")
}

fn action_name(parts: Parts<'_>) -> Result<&str, Refusal> {
    required_text(Entity::read_members(parts.action, "action")?, "action", "name")
}

/// None, if its type can be no name. An id that can be none is a mistake.
fn subject_of(entity: &Entity<'_>, names: &Names, caller: &Caller) -> Result<Option<ObjectRef>, Refusal> {
    if names.kind(entity.kind).is_err() {
        return Ok(None);
    }
    let subject = entity.subject(names)?;
    caller.may_ask_about(&subject)?;
    Ok(Some(subject))
}

fn resource_of(entity: &Entity<'_>, names: &Names) -> Result<Option<ObjectRef>, Refusal> {
    if names.only_object(entity.kind).is_none() && names.kind(entity.kind).is_err() {
        return Ok(None);
    }
    entity.resource(names).map(Some)
}

impl Search {
    fn answer(&self, authority: &Authority, tenant: &TenantName) -> Result<Vec<Found>, Refusal> {
        let snapshot = authority.snapshot(tenant)?.known_by(self.caller.credential());
        let Some(schema) = snapshot.schema()? else { return Ok(Vec::new()) };
        if !self.question.is_declared(&schema) {
            return Ok(Vec::new());
        }
        let found = match &self.question {
            Asked::Subjects { called, kind, permission, resource } => {
                self.subjects(&snapshot, called, kind, permission, resource)
            }
            Asked::Resources { subject, permission, called, within } => {
                self.resources(&snapshot, subject, permission, called, within)
            }
            Asked::Actions { subject, resource } => self.actions(&snapshot, &schema, subject, resource),
        };
        found.map_err(|refusal| match refusal.parts().fault {
            // A limit that was reached is no answer, and this protocol knows no other status for it.
            Fault::Limit => refusal.with_status(axum::http::StatusCode::INTERNAL_SERVER_ERROR),
            Fault::Caller | Fault::Server => refusal,
        })
    }

    fn subjects(
        &self,
        snapshot: &Snapshot,
        called: &str,
        kind: &TypeName,
        permission: &RelationName,
        resource: &ObjectRef,
    ) -> Result<Vec<Found>, Refusal> {
        let about = self.caller.asks_about(kind);
        if let Some(id) = &self.delegation {
            // A delegation is good for whom it was made to, and for nobody else.
            let Some(delegation) = snapshot.delegation(id)? else { return Ok(Vec::new()) };
            let holder = &delegation.to;
            let asked = match &about {
                AskedAbout::All => holder.kind == *kind,
                AskedAbout::Only(ids) => holder.kind == *kind && ids.contains(&holder.id),
            };
            let has = asked
                && self.has(snapshot, holder, permission, resource)?
                && self.guards_allow(snapshot, holder, permission, resource)?;
            return Ok(has.then(|| entity(called, holder.id.as_str())).into_iter().collect());
        }
        let lookup = SubjectLookup {
            resource: resource.clone(),
            permission: permission.clone(),
            kind: kind.clone(),
            relation: None,
            context: self.values.clone(),
        };
        let mut listed = snapshot.lookup_subjects_all(&lookup)?;
        listed.retain(|found| found.permissionship == Permissionship::Has);
        Ok(told(&listed, called, &about))
    }

    fn resources(
        &self,
        snapshot: &Snapshot,
        subject: &ObjectRef,
        permission: &RelationName,
        called: &str,
        within: &Within,
    ) -> Result<Vec<Found>, Refusal> {
        let kind = match within {
            Within::Object(object) => {
                let has = self.has(snapshot, subject, permission, object)?
                    && self.guards_allow(snapshot, subject, permission, object)?;
                return Ok(has.then(|| entity(called, EVERYTHING)).into_iter().collect());
            }
            Within::Type(kind) => kind,
        };
        let Some(standing) = self.standing(snapshot, subject)? else { return Ok(Vec::new()) };
        let lookup = ResourceLookup {
            kind: kind.clone(),
            permission: permission.clone(),
            subject: SubjectRef::Object(standing.authority.clone()),
            context: self.values.clone(),
        };
        let mut listed = Vec::new();
        for found in self.before_guards(snapshot).lookup_resources_all(&lookup)? {
            let resource = ObjectRef { kind: kind.clone(), id: found.id };
            let has = found.permissionship == Permissionship::Has
                && (standing.chain.is_empty() || snapshot.covers(&standing, permission, &resource, &self.values)?)
                && self.guards_allow(snapshot, subject, permission, &resource)?;
            if has {
                listed.push(entity(called, resource.id.as_str()));
            }
        }
        Ok(listed)
    }

    /// The permissions of the resource's type; of its relations, those that the mapping calls an action.
    fn actions(
        &self,
        snapshot: &Snapshot,
        schema: &Schema,
        subject: &ObjectRef,
        resource: &ObjectRef,
    ) -> Result<Vec<Found>, Refusal> {
        let Some(standing) = self.standing(snapshot, subject)? else { return Ok(Vec::new()) };
        let origin = SubjectRef::Object(standing.authority.clone());
        let mut found = Vec::new();
        for (member, permissionship) in self.before_guards(snapshot).permissions(resource, &origin, &self.values)? {
            let (actions, is_mapped) = self.names.actions_for(&member);
            let is_action =
                is_mapped || matches!(schema.find_member(&resource.kind, &member), Ok(Member::Permission(_)));
            let has =
                permissionship == Permissionship::Has && snapshot.covers(&standing, &member, resource, &self.values)?;
            if is_action && has && self.guards_allow(snapshot, subject, &member, resource)? {
                found.extend(actions.into_iter().map(|name| Found {
                    place: name.to_owned(),
                    result: SearchResult::Action { name: name.to_owned() },
                }));
            }
        }
        Ok(found)
    }

    fn has(
        &self,
        snapshot: &Snapshot,
        subject: &ObjectRef,
        permission: &RelationName,
        resource: &ObjectRef,
    ) -> Result<bool, Refusal> {
        let Some(standing) = self.standing(snapshot, subject)? else { return Ok(false) };
        if !snapshot.covers(&standing, permission, resource, &self.values)? {
            return Ok(false);
        }
        let origin = SubjectRef::Object(standing.authority);
        Ok(snapshot.check(resource, permission, &origin, &self.values)? == Permissionship::Has)
    }

    /// Under a delegation, guards look at who acts and not at whose authority it is: they are asked entry by entry.
    fn before_guards(&self, snapshot: &Snapshot) -> Snapshot {
        if self.delegation.is_some() { snapshot.before_guards() } else { snapshot.clone() }
    }

    /// Whether guards, too, allow what is allowed otherwise.
    fn guards_allow(
        &self,
        snapshot: &Snapshot,
        subject: &ObjectRef,
        permission: &RelationName,
        resource: &ObjectRef,
    ) -> Result<bool, Refusal> {
        if !snapshot.is_guarded(&resource.kind, permission)? {
            return Ok(true);
        }
        let question = Question {
            actor: subject.clone(),
            delegation: self.delegation.clone(),
            permission: permission.clone(),
            resource: resource.clone(),
            arguments: Context::new(),
            context: self.values.clone(),
            credential: Some(self.caller.credential()),
            tool_schema: None,
        };
        Ok(snapshot.preview(&question)?.disposition() == Disposition::Allow)
    }

    /// Whoever is stopped, or names a delegation that is not in force, has nothing.
    fn standing(&self, snapshot: &Snapshot, subject: &ObjectRef) -> Result<Option<Standing>, Refusal> {
        Ok(snapshot.standing(subject, self.delegation.as_ref(), Some(&self.arguments))?)
    }
}

impl Asked {
    /// Whether the schema declares what is asked about. What it does not declare, nobody has.
    fn is_declared(&self, schema: &Schema) -> bool {
        let member = |kind: &TypeName, permission: &RelationName| schema.find_member(kind, permission).is_ok();
        match self {
            Self::Subjects { kind, permission, resource, .. } => {
                schema.find_definition(kind).is_ok() && member(&resource.kind, permission)
            }
            Self::Resources { subject, permission, within, .. } => {
                let kind = match within {
                    Within::Type(kind) => kind,
                    Within::Object(object) => &object.kind,
                };
                schema.find_definition(&subject.kind).is_ok() && member(kind, permission)
            }
            Self::Actions { subject, resource } => {
                schema.find_definition(&subject.kind).is_ok() && schema.find_definition(&resource.kind).is_ok()
            }
        }
    }
}

/// The subjects that were found, as far as the caller may ask about them. Everybody is listed as `*` to whom may ask
/// about everybody; to others, those they may ask about are.
fn told(listed: &[FoundSubject], called: &str, about: &AskedAbout) -> Vec<Found> {
    let everyone = listed.iter().find(|found| found.id.is_none());
    let mut ids: Vec<_> = listed.iter().filter_map(|found| found.id.clone()).collect();
    ids.sort_unstable();
    let excluded =
        |id: &ObjectId| everyone.is_some_and(|everyone| everyone.excluded.iter().any(|excluded| excluded.id == *id));
    let only = match about {
        AskedAbout::All => None,
        AskedAbout::Only(only) => Some(only),
    };
    if let Some(only) = only {
        let has = only.iter().filter(|id| ids.binary_search(id).is_ok() || (everyone.is_some() && !excluded(id)));
        return has.map(|id| entity(called, id.as_str())).collect();
    }
    let mut found: Vec<Found> = ids.iter().map(|id| entity(called, id.as_str())).collect();
    if let Some(everyone) = everyone {
        let except = everyone.excluded.iter().filter(|excluded| ids.binary_search(&excluded.id).is_err());
        let except: Vec<Value> = except.map(|excluded| excluded.id.as_str().into()).collect();
        let properties = (!except.is_empty()).then(|| Map::from_iter([("except".to_owned(), Value::Array(except))]));
        // Before every id: none is empty.
        let result = SearchResult::Entity { kind: called.to_owned(), id: EVERYTHING.to_owned(), properties };
        found.push(Found { place: String::new(), result });
    }
    found
}

fn entity(called: &str, id: &str) -> Found {
    let result = SearchResult::Entity { kind: called.to_owned(), id: id.to_owned(), properties: None };
    Found { place: id.to_owned(), result }
}
