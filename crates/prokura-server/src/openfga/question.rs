//! What all questions of this door have in common: pages, the model they are asked by, the tuples they bring.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use prokura::{ByModel, Context, Permissionship, Provenance, Snapshot};
use prokura_api::openfga::TupleKey;
use prokura_model::{
    Model, ModelId, ObjectRef, RelationName, Relationship, Schema, SubjectRef, TenantName, Terms, TypeName,
};
use serde_json::{Map, Value};

use super::{
    error::{ask, invalid, invalid_at, too_many},
    tuple,
};
use crate::{
    app::App,
    error::Refusal,
    json,
    limits::{CONTEXTUAL_TUPLES_MAX, MODEL_PAGE_ENTRIES_DEFAULT, MODEL_PAGE_ENTRIES_MAX},
    request::Visit,
};

/// What is kept with what this caller writes. This API has no names for requests that are sent again.
pub(super) fn provenance(visit: &Visit) -> Provenance {
    Provenance::new(visit.caller.author(), String::new())
}

/// How many entries a page has.
pub(super) fn page_size(asked: Option<usize>) -> Result<usize, Refusal> {
    let size = asked.unwrap_or(MODEL_PAGE_ENTRIES_DEFAULT);
    if (1..=MODEL_PAGE_ENTRIES_MAX).contains(&size) {
        return Ok(size);
    }
    let message = format!("a page has 1 to {MODEL_PAGE_ENTRIES_MAX} entries, not {size}");
    Err(Refusal::invalid("page_size_invalid", message))
}

/// Where the page before ended. An empty token is none.
pub(super) fn token(text: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map(Some).ok_or_else(token_invalid)
}

pub(super) fn token_invalid() -> Refusal {
    let message = "the token is not the `continuation_token` of a page of this list";
    Refusal::invalid("invalid_continuation_token", message)
}

/// The state a question is asked of, and the model it is asked by.
pub(super) struct Asking {
    pub(super) snapshot: Snapshot,
    pub(super) model: Arc<Model>,
    pub(super) schema: Arc<Schema>,
}

impl Asking {
    /// By the model of this id; without one, by the newest.
    pub(super) fn by(app: &App, tenant: &TenantName, id: Option<&str>) -> Result<Self, Refusal> {
        let snapshot = app.authority().snapshot(tenant).map_err(ask)?;
        let model = model(&snapshot, id)?;
        let schema = snapshot.by(ByModel::of(model.id.clone())).schema().map_err(ask)?;
        Ok(Self { snapshot, model, schema })
    }

    /// By the model, with these tuples besides.
    pub(super) fn with(&self, tuples: &[TupleKey]) -> Result<ByModel, Refusal> {
        if tuples.len() > CONTEXTUAL_TUPLES_MAX {
            return Err(too_many("contextual tuples", CONTEXTUAL_TUPLES_MAX, tuples.len()));
        }
        // Named twice, a tuple is there once, as it was named first.
        let mut besides: BTreeMap<Relationship, Terms> = BTreeMap::new();
        for (position, key) in tuples.iter().enumerate() {
            let wrong = |message: String| {
                let path = format!("contextual_tuples.tuple_keys[{position}]");
                Refusal::invalid_at(path, "invalid_tuple", message)
            };
            let (relationship, terms) = tuple::relationship_on_terms(key).map_err(wrong)?;
            self.schema.check_relationship(&relationship, &terms).map_err(|fault| wrong(fault.to_string()))?;
            tuple::check_context(&terms)?;
            besides.entry(relationship).or_insert(terms);
        }
        Ok(ByModel { model: self.model.id.clone(), besides: besides.into_iter().collect() })
    }

    /// A question's tuple, all of its names known.
    pub(super) fn tuple(&self, key: &TupleKey) -> Result<Relationship, Refusal> {
        let place = |member: &'static str| move |message: String| invalid_at(format!("tuple_key.{member}"), message);
        let resource = tuple::object(&key.object).map_err(place("object"))?;
        let relation = tuple::relation(&key.relation).map_err(place("relation"))?;
        self.member(&resource.kind, &relation).map_err(|unknown| invalid(unknown.to_string()))?;
        Ok(Relationship { resource, relation, subject: self.user(&key.user, "tuple_key.user")? })
    }

    /// A question's user, all of its names known.
    pub(super) fn user(&self, text: &str, place: &str) -> Result<SubjectRef, Refusal> {
        let subject = tuple::user(text).map_err(|message| invalid_at(place, message))?;
        let known = match &subject {
            SubjectRef::Object(object) => self.schema.find_definition(&object.kind).map(drop),
            SubjectRef::Wildcard(kind) => self.schema.find_definition(kind).map(drop),
            SubjectRef::Userset(object, relation) => self.member(&object.kind, relation),
        };
        known.map_err(|unknown| invalid_at(place, unknown.to_string()))?;
        Ok(subject)
    }

    pub(super) fn member(
        &self,
        kind: &TypeName,
        relation: &RelationName,
    ) -> Result<(), prokura_model::schema::UnknownName> {
        self.schema.find_member(kind, relation).map(drop)
    }

    /// A type and a relation of it, each unknown one with its own code.
    pub(super) fn listed(&self, kind: &str, relation: &str) -> Result<(TypeName, RelationName), Refusal> {
        let kind = TypeName::open(kind).map_err(|error| invalid_at("type", error.to_string()))?;
        let relation = tuple::relation(relation).map_err(|message| invalid_at("relation", message))?;
        let unknown = |unknown: prokura_model::schema::UnknownName, code| Refusal::invalid(code, unknown.to_string());
        self.schema.find_definition(&kind).map_err(|found| unknown(found, "type_not_found"))?;
        self.member(&kind, &relation).map_err(|found| unknown(found, "relation_not_found"))?;
        Ok((kind, relation))
    }

    /// The same of an object.
    pub(super) fn listed_object(
        &self,
        kind: &str,
        id: &str,
        relation: &str,
    ) -> Result<(ObjectRef, RelationName), Refusal> {
        let (_, relation) = self.listed(kind, relation)?;
        let object = tuple::object(&format!("{kind}:{id}")).map_err(|message| invalid_at("object", message))?;
        Ok((object, relation))
    }
}

/// The model of this id; without one, the newest.
pub(super) fn model(snapshot: &Snapshot, id: Option<&str>) -> Result<Arc<Model>, Refusal> {
    let unknown = |id: &str| {
        let message = format!("the store has no authorization model `{id}`");
        Refusal::invalid("authorization_model_not_found", message)
    };
    match id.filter(|id| !id.is_empty()) {
        Some(id) => {
            let named = ModelId::new(id).ok_or_else(|| unknown("of such an id"))?;
            snapshot.model(Some(&named)).map_err(ask)?.ok_or_else(|| unknown(id))
        }
        None => snapshot.model(None).map_err(ask)?.ok_or_else(|| {
            Refusal::invalid("latest_authorization_model_not_found", "the store has no authorization model yet")
        }),
    }
}

pub(super) fn context(wire: Option<&Map<String, Value>>) -> Context {
    wire.map(json::from_wire_members).unwrap_or_default()
}

/// Yes or no. What depends on values that the question does not bring has no answer.
pub(super) fn surely(found: &Permissionship) -> Result<bool, Refusal> {
    match found {
        Permissionship::Has => Ok(true),
        Permissionship::HasNot => Ok(false),
        Permissionship::Conditional(missing) => Err(context_missing(missing)),
    }
}

pub(super) fn context_missing(missing: &[String]) -> Refusal {
    let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
    invalid(format!("the answer depends on {}, for which the context has no value", names.join(", ")))
}
