//! What a model means in our words.

use std::collections::BTreeMap;

use super::{Model, ModelCondition, ModelFault, ModelRelation, ModelType, ModelWrong, Rewrite, check};
use crate::{
    CaveatName, Schema, TypeName,
    condition::{Condition, ParameterType},
    limits::MODEL_NESTING_MAX,
    schema::{Caveat, Definition, Expression, Member, Permission, Quantifier, Relation},
};

impl Model {
    /// The schema that this model is.
    ///
    /// # Errors
    /// It is not legal: everything found wrong with it, never empty.
    pub fn schema(&self) -> Result<Schema, Vec<ModelFault>> {
        let mut faults = check::faults(self);
        let mut caveats = BTreeMap::new();
        for condition in &self.conditions {
            match condition.caveat() {
                Ok(caveat) => {
                    caveats.insert(caveat.name.clone(), caveat);
                }
                Err(wrong) => faults.push(ModelFault::of_model(wrong)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let definitions = self.types.iter().map(|kind| (kind.name.clone(), kind.definition())).collect();
        Ok(Schema::from_other_language(self.text.clone(), definitions, caveats))
    }

    /// The type of this name.
    #[must_use]
    pub fn find_type(&self, name: &TypeName) -> Option<&ModelType> {
        self.types.iter().find(|kind| kind.name == *name)
    }

    /// The condition of this name.
    #[must_use]
    pub fn condition(&self, name: &CaveatName) -> Option<&ModelCondition> {
        self.conditions.iter().find(|condition| condition.name == *name)
    }
}

impl ModelType {
    /// The relation of this name.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<&ModelRelation> {
        self.relations.iter().find(|relation| relation.name.as_str() == name)
    }

    fn definition(&self) -> Definition {
        let members = self.relations.iter().map(|relation| (relation.name.clone(), relation.member())).collect();
        Definition { name: self.name.clone(), doc: None, members, attributes: BTreeMap::new() }
    }
}

impl ModelRelation {
    fn member(&self) -> Member {
        let name = self.name.clone();
        match self.rewrite.expression() {
            Expression::Direct => {
                Member::Relation(Relation { name, doc: None, allowed: self.allowed.clone(), computed: None })
            }
            expression if self.rewrite.has_direct() => Member::Relation(Relation {
                name,
                doc: None,
                allowed: self.allowed.clone(),
                computed: Some(expression),
            }),
            expression => Member::Permission(Permission { name, doc: None, types: None, expression }),
        }
    }
}

impl Rewrite {
    fn expression(&self) -> Expression {
        let all = |parts: &[Self]| parts.iter().map(Self::expression).collect();
        match self {
            Self::Direct => Expression::Direct,
            Self::Computed(relation) => Expression::Member(relation.clone()),
            Self::From { tupleset, target } => {
                Expression::Arrow { tupleset: tupleset.clone(), target: target.clone(), quantifier: Quantifier::Any }
            }
            // Of one operand, both are that operand.
            Self::Union(parts) | Self::Intersection(parts) if let [only] = parts.as_slice() => only.expression(),
            Self::Union(parts) => Expression::Union(all(parts)),
            Self::Intersection(parts) => Expression::Intersection(all(parts)),
            Self::Exclusion(base, taken) => {
                Expression::Exclusion(Box::new(base.expression()), Box::new(taken.expression()))
            }
        }
    }
}

impl ModelCondition {
    fn caveat(&self) -> Result<Caveat, ModelWrong> {
        let mut parameters = Vec::new();
        for (name, kind) in &self.parameters {
            let Some(kind) = parameter_type(kind, MODEL_NESTING_MAX) else {
                return Err(ModelWrong::ParameterType {
                    condition: self.name.clone(),
                    parameter: name.clone(),
                    found: kind.clone(),
                });
            };
            parameters.push((name.clone(), kind));
        }
        let condition = Condition::compile(&parameters, &self.expression)
            .map_err(|error| ModelWrong::Expression { condition: self.name.clone(), detail: error.to_string() })?;
        Ok(Caveat { name: self.name.clone(), doc: None, parameters, expression: self.expression.clone(), condition })
    }
}

/// The type this text names, such as `map<list<string>>`.
fn parameter_type(text: &str, nesting_left: usize) -> Option<ParameterType> {
    let nesting_left = nesting_left.checked_sub(1)?;
    let generic = |name: &str| text.strip_prefix(name)?.strip_prefix('<')?.strip_suffix('>');
    if let Some(inner) = generic("list") {
        return Some(ParameterType::List(Box::new(parameter_type(inner, nesting_left)?)));
    }
    if let Some(inner) = generic("map") {
        return Some(ParameterType::Map(Box::new(parameter_type(inner, nesting_left)?)));
    }
    Some(match text {
        "any" => ParameterType::Any,
        "bool" => ParameterType::Bool,
        "string" => ParameterType::String,
        "int" => ParameterType::Int,
        "uint" => ParameterType::Uint,
        "double" => ParameterType::Double,
        "duration" => ParameterType::Duration,
        "timestamp" => ParameterType::Timestamp,
        "ipaddress" => ParameterType::IpAddress,
        _ => return None,
    })
}
