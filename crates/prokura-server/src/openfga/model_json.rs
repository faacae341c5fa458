//! An authorization model in OpenFGA's JSON, read into the model's words.

use std::collections::BTreeMap;

use prokura::NewModel;
use prokura_api::openfga::{
    AuthorizationModel, Condition, ParameterType, RelationMetadata, RelationReference, TypeDefinition, Userset,
};
use prokura_model::{
    CaveatName, NameError, RelationName, TypeName,
    model::{ModelCondition, ModelRelation, ModelType, Rewrite},
    schema::{Allowed, AllowedSubject},
};

use crate::error::Refusal;

/// The versions of the schema that are understood.
const VERSIONS: [&str; 2] = ["1.1", "1.2"];

/// The model that this JSON is.
pub(super) fn model(text: String, json: &AuthorizationModel) -> Result<NewModel, Refusal> {
    if !VERSIONS.contains(&json.schema_version.as_str()) {
        let message = format!("schema version `{}` is not understood; use `1.1`", json.schema_version);
        return Err(invalid(message));
    }
    if json.type_definitions.is_empty() {
        return Err(Refusal::invalid("type_definitions_too_few_items", "a model has at least one type"));
    }
    let types = json.type_definitions.iter().map(model_type).collect::<Result<_, _>>()?;
    let conditions = json.conditions.iter().flatten().map(|(name, found)| condition(name, found));
    Ok(NewModel { text, types, conditions: conditions.collect::<Result<_, _>>()? })
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::invalid("invalid_authorization_model", message)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what a result's error is mapped with")]
fn no_name(error: NameError) -> Refusal {
    invalid(error.to_string())
}

fn model_type(definition: &TypeDefinition) -> Result<ModelType, Refusal> {
    let none = BTreeMap::new();
    let metadata = definition.metadata.as_ref().and_then(|metadata| metadata.relations.as_ref()).unwrap_or(&none);
    let relations = definition.relations.iter().flatten().map(|(name, userset)| {
        let place = format!("relation `{name}` of type `{}`", definition.kind);
        Ok(ModelRelation {
            name: RelationName::open(name).map_err(no_name)?,
            allowed: allowed(metadata.get(name))?,
            rewrite: rewrite(userset, &place)?,
        })
    });
    let relations = relations.collect::<Result<Vec<_>, Refusal>>()?;
    if let Some(unknown) =
        metadata.keys().find(|name| relations.iter().all(|relation| relation.name.as_str() != **name))
    {
        return Err(invalid(format!(
            "the metadata of type `{}` is about a relation `{unknown}`, which it does not have",
            definition.kind
        )));
    }
    Ok(ModelType { name: TypeName::open(&definition.kind).map_err(no_name)?, relations })
}

fn allowed(metadata: Option<&RelationMetadata>) -> Result<Vec<Allowed>, Refusal> {
    let all = metadata.and_then(|metadata| metadata.directly_related_user_types.as_ref());
    all.into_iter().flatten().map(one_allowed).collect()
}

fn one_allowed(reference: &RelationReference) -> Result<Allowed, Refusal> {
    let kind = TypeName::open(&reference.kind).map_err(no_name)?;
    let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let subject = match (named(&reference.relation), &reference.wildcard) {
        (None, None) => AllowedSubject::Object(kind),
        (None, Some(_)) => AllowedSubject::Wildcard(kind),
        (Some(relation), None) => AllowedSubject::Userset(kind, RelationName::open(relation).map_err(no_name)?),
        (Some(_), Some(_)) => {
            return Err(invalid(format!("`{kind}` is allowed with a relation and as a wildcard at once; write two")));
        }
    };
    let caveat = named(&reference.condition).map(CaveatName::open).transpose().map_err(no_name)?;
    Ok(Allowed { subject, caveat, expires: false })
}

/// Recursive: the nesting of the JSON was bounded when it was read.
fn rewrite(userset: &Userset, place: &str) -> Result<Rewrite, Refusal> {
    let relation = |name: &str| RelationName::open(name).map_err(no_name);
    let all = |children: &[Userset]| children.iter().map(|child| rewrite(child, place)).collect::<Result<Vec<_>, _>>();
    let mut found = Vec::new();
    if userset.this.is_some() {
        found.push(Rewrite::Direct);
    }
    if let Some(computed) = &userset.computed_userset {
        found.push(Rewrite::Computed(relation(&computed.relation)?));
    }
    if let Some(from) = &userset.tuple_to_userset {
        let (tupleset, target) = (relation(&from.tupleset.relation)?, relation(&from.computed_userset.relation)?);
        found.push(Rewrite::From { tupleset, target });
    }
    if let Some(union) = &userset.union {
        found.push(Rewrite::Union(all(&union.child)?));
    }
    if let Some(intersection) = &userset.intersection {
        found.push(Rewrite::Intersection(all(&intersection.child)?));
    }
    if let Some(difference) = &userset.difference {
        let base = rewrite(&difference.base, place)?;
        found.push(Rewrite::Exclusion(Box::new(base), Box::new(rewrite(&difference.subtract, place)?)));
    }
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(invalid(format!("{place}: each part of it is exactly one of `this`, `union` and so on"))),
    }
}

fn condition(name: &str, condition: &Condition) -> Result<ModelCondition, Refusal> {
    if name != condition.name {
        return Err(invalid(format!("condition `{name}` has another name inside: `{}`", condition.name)));
    }
    let parameters = condition.parameters.iter().flatten().map(|(parameter, kind)| {
        let text = parameter_type(kind);
        let place = || invalid(format!("condition `{name}`: parameter `{parameter}` has no type that is understood"));
        Ok((parameter.clone(), text.ok_or_else(place)?))
    });
    Ok(ModelCondition {
        name: CaveatName::open(name).map_err(no_name)?,
        parameters: parameters.collect::<Result<_, Refusal>>()?,
        expression: condition.expression.clone(),
    })
}

/// The type as the model writes it, such as `map<string>`.
fn parameter_type(kind: &ParameterType) -> Option<String> {
    let word = match kind.type_name.as_str() {
        "TYPE_NAME_ANY" => "any",
        "TYPE_NAME_BOOL" => "bool",
        "TYPE_NAME_STRING" => "string",
        "TYPE_NAME_INT" => "int",
        "TYPE_NAME_UINT" => "uint",
        "TYPE_NAME_DOUBLE" => "double",
        "TYPE_NAME_DURATION" => "duration",
        "TYPE_NAME_TIMESTAMP" => "timestamp",
        "TYPE_NAME_MAP" => "map",
        "TYPE_NAME_LIST" => "list",
        "TYPE_NAME_IPADDRESS" => "ipaddress",
        _ => return None,
    };
    match (word, kind.generic_types.as_deref().unwrap_or_default()) {
        ("map" | "list", [of]) => Some(format!("{word}<{}>", parameter_type(of)?)),
        ("map" | "list", _) => None,
        (_, []) => Some(word.to_owned()),
        _ => None,
    }
}
