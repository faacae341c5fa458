//! Reading a question: its four members, what names mean, and which values caveats get.

use std::{collections::BTreeMap, sync::Arc};

use prokura::{Context, Snapshot};
use prokura_model::{AuthzenMapping, DelegationId, NameError, ObjectId, ObjectRef, RelationName, TypeName, Value};

use crate::{
    convert::{RECORD_ID_RULE, name_code},
    error::Refusal,
    json,
    request::Visit,
};

pub(super) type Members = BTreeMap<String, Value>;

/// The four members of a question, wherever they come from.
#[derive(Clone, Copy)]
pub(super) struct Parts<'v> {
    pub(super) subject: Option<&'v Value>,
    pub(super) action: Option<&'v Value>,
    pub(super) resource: Option<&'v Value>,
    pub(super) context: Option<&'v Value>,
}

impl<'v> Parts<'v> {
    pub(super) fn of(members: &'v Members) -> Self {
        Self {
            subject: member(members, "subject"),
            action: member(members, "action"),
            resource: member(members, "resource"),
            context: member(members, "context"),
        }
    }

    /// What is missing is taken from the defaults, whole.
    pub(super) fn or(self, defaults: Self) -> Self {
        Self {
            subject: self.subject.or(defaults.subject),
            action: self.action.or(defaults.action),
            resource: self.resource.or(defaults.resource),
            context: self.context.or(defaults.context),
        }
    }

    pub(super) fn each<T>(self, read: impl Fn(Option<&'v Value>) -> T) -> [T; 4] {
        [self.subject, self.action, self.resource, self.context].map(read)
    }

    /// What the action would be done with: its properties.
    pub(super) fn arguments(self) -> Context {
        properties(self.action).cloned().unwrap_or_default()
    }

    /// Everything else there are values in: `context`; and where it has none, the properties of subject and resource. A name
    /// to which these two give different values has none from them: which of the two a caveat means, nobody can say.
    pub(super) fn circumstances(self) -> Context {
        let mut values: BTreeMap<&str, Option<&Value>> = BTreeMap::new();
        for properties in [self.subject, self.resource].into_iter().filter_map(properties) {
            for (name, value) in properties {
                let found = values.entry(name).or_insert(Some(value));
                if found.is_some_and(|found| found != value) {
                    *found = None;
                }
            }
        }
        if let Some(Value::Map(context)) = self.context {
            values.extend(context.iter().map(|(name, value)| (name.as_str(), Some(value))));
        }
        values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.clone()))).collect()
    }

    /// Values for the parameters of caveats: the arguments win.
    pub(super) fn values(self) -> Context {
        prokura::values(&self.arguments(), &self.circumstances()).into_owned()
    }

    /// What is kept with the decision, of a request that is nothing but one question.
    pub(super) fn keep(mut members: Members) -> Value {
        members.retain(|name, value| {
            matches!(name.as_str(), "subject" | "action" | "resource" | "context") && *value != Value::Null
        });
        Value::Map(members)
    }

    /// The same of one of several.
    pub(super) fn canonical(self) -> Value {
        let members = [
            ("subject", self.subject),
            ("action", self.action),
            ("resource", self.resource),
            ("context", self.context),
        ];
        let present = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.clone())));
        Value::Map(present.collect())
    }
}

/// A subject or a resource, as the request names it.
pub(super) struct Entity<'v> {
    place: &'static str,
    pub(super) kind: &'v str,
    id: &'v str,
}

impl<'v> Entity<'v> {
    pub(super) fn read(value: Option<&'v Value>, place: &'static str) -> Result<Self, Refusal> {
        let members = Self::read_members(value, place)?;
        Ok(Self { place, kind: required_text(members, place, "type")?, id: required_text(members, place, "id")? })
    }

    pub(super) fn read_members(value: Option<&'v Value>, place: &'static str) -> Result<&'v Members, Refusal> {
        let members = match value {
            Some(Value::Map(members)) => members,
            Some(_) => return Err(wrong_type(place, "an object")),
            None => return Err(missing(place)),
        };
        match member(members, "properties") {
            None | Some(Value::Map(_)) => Ok(members),
            Some(_) => Err(wrong_type(format!("{place}.properties"), "an object")),
        }
    }

    pub(super) fn subject(&self, names: &Names) -> Result<ObjectRef, Refusal> {
        let kind = names.kind(self.kind).map_err(|error| self.ill_formed("type", &error))?;
        Ok(ObjectRef { kind, id: self.own_id()? })
    }

    pub(super) fn resource(&self, names: &Names) -> Result<ObjectRef, Refusal> {
        match names.only_object(self.kind) {
            Some(object) => Ok(object.clone()),
            None => self.subject(names),
        }
    }

    fn own_id(&self) -> Result<ObjectId, Refusal> {
        ObjectId::new(self.id).map_err(|error| self.ill_formed("id", &error))
    }

    fn ill_formed(&self, name: &str, error: &NameError) -> Refusal {
        ill_formed(&format!("{}.{name}", self.place), error)
    }
}

/// What the names of a tenant's questions mean.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Option<Arc<AuthzenMapping>>);

impl Names {
    pub(super) fn of(snapshot: &Snapshot) -> Result<Self, Refusal> {
        Ok(Self(snapshot.authzen_mapping()?))
    }

    pub(super) fn kind(&self, name: &str) -> Result<TypeName, NameError> {
        match self.0.as_ref().and_then(|mapping| mapping.types.get(name)) {
            Some(kind) => Ok(kind.clone()),
            None => TypeName::new(name),
        }
    }

    pub(super) fn action(&self, name: &str) -> Result<RelationName, NameError> {
        match self.0.as_ref().and_then(|mapping| mapping.actions.get(name)) {
            Some(permission) => Ok(permission.clone()),
            None => RelationName::new(name),
        }
    }

    /// The object that every resource of the type means, if they all mean one.
    pub(super) fn only_object(&self, kind: &str) -> Option<&ObjectRef> {
        self.0.as_ref()?.resources.get(kind)
    }

    /// What the permission is called, and whether something is mapped to it.
    pub(super) fn actions_for<'n>(&'n self, permission: &'n RelationName) -> (Vec<&'n str>, bool) {
        match &self.0 {
            None => (vec![permission.as_str()], false),
            Some(mapping) => {
                let is_mapped = mapping.actions.values().any(|meant| meant == permission);
                (mapping.actions_for(permission), is_mapped)
            }
        }
    }
}

/// What is no name is a mistake in the request; a name that nothing has is answered.
pub(super) fn ill_formed(path: &str, error: &NameError) -> Refusal {
    Refusal::invalid_at(path, name_code(error), error.to_string())
}

/// The delegation the subject acts under: from the context, or from the caller's token; from both only if they agree.
pub(super) fn delegation(visit: &Visit, context: Option<&Value>) -> Result<Option<DelegationId>, Refusal> {
    let in_context = match context {
        None => None,
        Some(Value::Map(context)) => member(context, "delegation"),
        Some(_) => return Err(wrong_type("context", "an object")),
    };
    let named = match in_context {
        None => None,
        Some(Value::String(id)) => Some(
            DelegationId::new(id.as_str())
                .ok_or_else(|| Refusal::invalid_at("context.delegation", "delegation_id_invalid", RECORD_ID_RULE))?,
        ),
        Some(_) => return Err(wrong_type("context.delegation", "a text")),
    };
    visit.agreed_delegation(named, "context.delegation")
}

pub(super) fn read_members(bytes: &[u8]) -> Result<Members, Refusal> {
    match json::parse(bytes)? {
        Value::Map(members) => Ok(members),
        _ => Err(Refusal::invalid("request_invalid", "the body must be a JSON object")),
    }
}

fn properties(owner: Option<&Value>) -> Option<&Members> {
    let Some(Value::Map(owner)) = owner else { return None };
    match member(owner, "properties") {
        Some(Value::Map(properties)) => Some(properties),
        _ => None,
    }
}

/// A member that is there. `null` says that it is not.
pub(super) fn member<'v>(members: &'v Members, name: &str) -> Option<&'v Value> {
    members.get(name).filter(|value| **value != Value::Null)
}

pub(super) fn required_text<'v>(members: &'v Members, place: &str, name: &str) -> Result<&'v str, Refusal> {
    match member(members, name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(wrong_type(format!("{place}.{name}"), "a text")),
        None => Err(missing(format!("{place}.{name}"))),
    }
}

pub(super) fn missing(path: impl Into<String>) -> Refusal {
    Refusal::invalid_at(path, "member_missing", "is missing")
}

pub(super) fn wrong_type(path: impl Into<String>, wanted: &str) -> Refusal {
    Refusal::invalid_at(path, "member_type_wrong", format!("must be {wanted}"))
}
