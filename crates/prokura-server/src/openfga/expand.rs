//! What a relation consists of, one step deep, in OpenFGA's shape.

use std::sync::Arc;

use axum::{Json, extract::State};
use prokura::Modelled;
use prokura_api::openfga::{ErrorBody, ExpandRequest, ExpandResponse};
use prokura_model::{ObjectRef, RelationName, SubjectRef, model::Rewrite};
use serde_json::{Value, json};

use super::{
    error::{self, invalid_at},
    question::Asking,
    stores::tenant_of,
    tuple,
};
use crate::{
    app::App,
    error::Refusal,
    request::{JsonBody, Segments, Visit, blocking},
};

/// What does the relation to the object consist of?
#[utoipa::path(
    post, path = "/stores/{store_id}/expand", tag = "openfga", params(("store_id" = String, Path)),
    request_body = ExpandRequest, responses((status = 200, body = ExpandResponse), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn expand(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(store): Segments<String>,
    body: JsonBody,
) -> Result<Json<ExpandResponse>, Refusal> {
    let tenant = visit.reads(&tenant_of(&store)?)?;
    let wire: ExpandRequest = body.decode_question()?;
    let asking = Asking::by(&app, &tenant, wire.authorization_model_id.as_deref())?;
    let at = |member: &'static str| move |message: String| invalid_at(format!("tuple_key.{member}"), message);
    let object = tuple::object(&wire.tuple_key.object).map_err(at("object"))?;
    let relation = tuple::relation(&wire.tuple_key.relation).map_err(at("relation"))?;
    asking.member(&object.kind, &relation).map_err(|unknown| at("relation")(unknown.to_string()))?;
    let by = asking.with(&wire.contextual_tuples.unwrap_or_default().tuple_keys)?;
    let root = blocking(move || {
        let kind = asking.model.find_type(&object.kind);
        let Some(found) = kind.and_then(|kind| kind.relation(relation.as_str())) else {
            return Err(Refusal::server("internal", "a relation that the model declares is not in it"));
        };
        let expanding = Expanding { asked: asking.snapshot.by(by), object: &object, relation: &relation };
        expanding.node(&found.rewrite)
    })
    .await?;
    Ok(Json(ExpandResponse { tree: json!({ "root": root }) }))
}

struct Expanding<'e> {
    asked: Modelled<'e>,
    object: &'e ObjectRef,
    relation: &'e RelationName,
}

impl Expanding<'_> {
    /// Recursive: how deep a model's relations are nested is bounded.
    fn node(&self, rewrite: &Rewrite) -> Result<Value, Refusal> {
        let name = userset(self.object, self.relation);
        let nodes = |parts: &[Rewrite]| parts.iter().map(|part| self.node(part)).collect::<Result<Vec<_>, _>>();
        Ok(match rewrite {
            Rewrite::Direct => {
                let users = self.asked.direct(self.object, self.relation).map_err(error::ask)?;
                let users: Vec<String> = users.iter().map(tuple::user_text).collect();
                json!({ "name": name, "leaf": { "users": { "users": users } } })
            }
            Rewrite::Computed(relation) => {
                json!({ "name": name, "leaf": { "computed": { "userset": userset(self.object, relation) } } })
            }
            Rewrite::From { tupleset, target } => {
                let found = self.asked.direct(self.object, tupleset).map_err(error::ask)?;
                let computed = found.iter().filter_map(|subject| match subject {
                    SubjectRef::Object(object) => Some(json!({ "userset": userset(object, target) })),
                    SubjectRef::Userset(..) | SubjectRef::Wildcard(_) => None,
                });
                let computed: Vec<Value> = computed.collect();
                let from = json!({ "tupleset": userset(self.object, tupleset), "computed": computed });
                json!({ "name": name, "leaf": { "tupleToUserset": from } })
            }
            Rewrite::Union(parts) => json!({ "name": name, "union": { "nodes": nodes(parts)? } }),
            Rewrite::Intersection(parts) => json!({ "name": name, "intersection": { "nodes": nodes(parts)? } }),
            Rewrite::Exclusion(base, taken) => {
                json!({ "name": name, "difference": { "base": self.node(base)?, "subtract": self.node(taken)? } })
            }
        })
    }
}

fn userset(object: &ObjectRef, relation: &RelationName) -> String {
    format!("{}#{relation}", tuple::object_text(object))
}
