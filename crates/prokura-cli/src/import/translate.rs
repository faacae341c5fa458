//! A model of OpenFGA as a schema, and its tuples as relationships.
//!
//! What the two languages do not share is either carried over by a stated rule or named among the losses.

use std::collections::BTreeMap;

use prokura_model::{
    CaveatName, CaveatUse, ObjectId, ObjectRef, RelationName, Relationship, SubjectRef, Terms, TypeName,
};

use super::{
    Imported, Loss,
    model::{Condition, Model, Parameter, Rewrite, Tuple, TypeDefinition, UserType},
    names::{Names, RULE},
};
use crate::{
    failure::Failure,
    terms::{self, Termed},
};

/// What became of one relation of a type.
#[derive(Debug)]
struct Carried {
    /// What is asked for and named in usersets.
    member: String,
    /// Where tuples are written; none if it is computed only.
    direct: Option<String>,
}

/// How the names of a model were carried over.
#[derive(Debug, Default)]
struct Mapping {
    types: Names,
    conditions: Names,
    relations: BTreeMap<String, BTreeMap<String, Carried>>,
    /// Parameters that no expression uses, by condition: a caveat must not have them.
    dropped: BTreeMap<String, Vec<String>>,
    losses: Vec<Loss>,
}

/// The model and its tuples in our words.
pub(super) fn translated(model: &Model, tuples: &[Tuple]) -> Result<Imported, Failure> {
    if !model.schema_version.is_empty() && !model.schema_version.starts_with("1.") {
        let message = format!("a model of schema version `{}` cannot be read: 1.1 and 1.2 can", model.schema_version);
        return Err(Failure::new("model_version", message));
    }
    let mut mapping = Mapping::of(model);
    let mut schema = String::new();
    for (name, condition) in model.conditions.iter().flatten() {
        schema.push_str(&mapping.caveat(name, condition));
    }
    for definition in &model.type_definitions {
        schema.push_str(&mapping.definition(definition)?);
    }
    let mut relationships = Vec::new();
    for tuple in tuples {
        match mapping.tuple(tuple) {
            Ok(found) => relationships.push(found),
            Err(why) => {
                let named = format!("{}#{}@{}", tuple.object, tuple.relation, tuple.user);
                mapping.losses.push(Loss::new("tuple", named, why));
            }
        }
    }
    let notes = mapping.notes(model);
    Ok(Imported { schema: Some(schema), relationships, losses: mapping.losses, notes })
}

impl Mapping {
    fn of(model: &Model) -> Self {
        let types = Names::of(model.type_definitions.iter().map(|definition| definition.name.as_str()));
        let conditions = Names::of(model.conditions.iter().flatten().map(|(name, _)| name.as_str()));
        let mut relations = BTreeMap::new();
        for definition in &model.type_definitions {
            let found: Vec<_> = definition.relations.iter().flatten().collect();
            let mut names = Names::of(found.iter().map(|(name, _)| name.as_str()));
            let mut carried = BTreeMap::new();
            for (name, rewrite) in found {
                let member = names.get(name).unwrap_or(name).to_owned();
                let direct = match rewrite {
                    Rewrite::This(_) => Some(member.clone()),
                    other if written_to(other) => Some(names.free(&format!("{member}_direct"))),
                    _ => None,
                };
                carried.insert(name.clone(), Carried { member, direct });
            }
            relations.insert(definition.name.clone(), carried);
        }
        Self { types, conditions, relations, ..Self::default() }
    }

    /// What is different and yet no loss, a line each.
    fn notes(&self, model: &Model) -> Vec<String> {
        let mut notes = Vec::new();
        let mut renamed = |what: &str, from: &str, to: &str| notes.push(format!("{what} `{from}` is `{to}` here"));
        for (from, to) in self.types.changed() {
            renamed("type", from, to);
        }
        for (from, to) in self.conditions.changed() {
            renamed("condition", from, to);
        }
        for (kind, relations) in &self.relations {
            for (name, carried) in relations {
                if *name != carried.member {
                    renamed("relation", &format!("{kind}#{name}"), &carried.member);
                }
            }
        }
        if !notes.is_empty() {
            notes.push(format!("names were carried over by this rule: {RULE}"));
        }
        for (kind, relations) in &self.relations {
            for (name, carried) in relations {
                if let Some(direct) = carried.direct.as_ref().filter(|direct| **direct != carried.member) {
                    notes.push(format!(
                        "`{kind}#{name}` is written to and computed: its tuples are relationships of `{direct}`, and \
                         `{}` is a permission",
                        carried.member
                    ));
                }
            }
        }
        if model.conditions.iter().flatten().next().is_some() {
            notes.push(
                "a question without a value that a condition needs is an error there, and is answered `conditional` here"
                    .to_owned(),
            );
        }
        notes
    }

    fn member<'s>(&'s self, kind: &str, relation: &str) -> Option<&'s Carried> {
        self.relations.get(kind)?.get(relation)
    }

    fn caveat(&mut self, name: &str, condition: &Condition) -> String {
        let own = self.conditions.get(name).unwrap_or(name).to_owned();
        let mut parameters = Vec::new();
        for (parameter, kind) in condition.parameters.iter().flatten() {
            if uses(&condition.expression, parameter) {
                parameters.push(format!("{parameter} {}", type_text(kind)));
            } else {
                self.dropped.entry(name.to_owned()).or_default().push(parameter.clone());
                let why =
                    "the expression does not use it, and a caveat has no such parameters; its values are left out";
                self.losses.push(Loss::new("parameter", format!("{name}.{parameter}"), why));
            }
        }
        let expression = condition.expression.trim();
        format!("caveat {own}({}) {{\n\t{expression}\n}}\n\n", parameters.join(", "))
    }

    fn definition(&mut self, definition: &TypeDefinition) -> Result<String, Failure> {
        let kind = definition.name.as_str();
        let own = self.types.get(kind).unwrap_or(kind);
        let metadata = definition.metadata.clone().unwrap_or_default();
        if let Some(module) = metadata.module.filter(|module| !module.is_empty()) {
            self.losses.push(Loss::new("module", kind, format!("that the type is of module `{module}` is not kept")));
        }
        let allowed = metadata.relations.unwrap_or_default();
        let (mut relations, mut permissions) = (String::new(), String::new());
        for (name, rewrite) in definition.relations.iter().flatten() {
            let Some(carried) = self.member(kind, name) else { continue };
            if let Some(direct) = &carried.direct {
                let types = allowed.get(name).and_then(|found| found.directly_related_user_types.as_deref());
                let types = self.allowed(kind, name, types.unwrap_or_default())?;
                relations.push_str(&format!("\trelation {direct}: {types}\n"));
            }
            if carried.direct.as_ref() != Some(&carried.member) {
                let expression = self.expression(kind, name, rewrite)?;
                permissions.push_str(&format!("\tpermission {} = {expression}\n", carried.member));
            }
        }
        let between = if relations.is_empty() || permissions.is_empty() { "" } else { "\n" };
        if relations.is_empty() && permissions.is_empty() {
            return Ok(format!("definition {own} {{}}\n\n"));
        }
        Ok(format!("definition {own} {{\n{relations}{between}{permissions}}}\n\n"))
    }

    fn allowed(&self, kind: &str, relation: &str, types: &[UserType]) -> Result<String, Failure> {
        let wrong = |what: String| Failure::new("model_invalid", format!("`{kind}#{relation}`: {what}"));
        if types.is_empty() {
            return Err(wrong("it is written to, and no type of user is listed that may be".to_owned()));
        }
        let mut texts = Vec::new();
        for user in types {
            let name = user.name.as_str();
            let own = self.types.get(name).ok_or_else(|| wrong(format!("the model has no type `{name}`")))?;
            let mut text = own.to_owned();
            if user.wildcard.is_some() {
                text.push_str(":*");
            } else if let Some(relation) = user.relation.as_deref().filter(|relation| !relation.is_empty()) {
                let carried = self.member(name, relation);
                let carried = carried.ok_or_else(|| wrong(format!("`{name}` has no relation `{relation}`")))?;
                text.push_str(&format!("#{}", carried.member));
            }
            if let Some(condition) = user.condition.as_deref().filter(|condition| !condition.is_empty()) {
                let own = self.conditions.get(condition);
                let own = own.ok_or_else(|| wrong(format!("the model has no condition `{condition}`")))?;
                text.push_str(&format!(" with {own}"));
            }
            texts.push(text);
        }
        Ok(texts.join(" | "))
    }

    fn expression(&self, kind: &str, relation: &str, rewrite: &Rewrite) -> Result<String, Failure> {
        let wrong = |what: String| Failure::new("model_invalid", format!("`{kind}#{relation}`: {what}"));
        let named = |name: &str| {
            let carried = self.member(kind, name);
            carried.ok_or_else(|| wrong(format!("`{kind}` has no relation `{name}`")))
        };
        let operands = |operands: &[Rewrite], sign: &str| -> Result<String, Failure> {
            let texts = operands.iter().map(|operand| self.operand(kind, relation, operand));
            Ok(texts.collect::<Result<Vec<_>, _>>()?.join(sign))
        };
        match rewrite {
            Rewrite::This(_) => {
                let carried = named(relation)?;
                Ok(carried.direct.clone().unwrap_or_else(|| carried.member.clone()))
            }
            Rewrite::Computed(of) => Ok(named(&of.relation)?.member.clone()),
            Rewrite::From { tupleset, target } => {
                let followed = named(&tupleset.relation)?;
                let followed = followed.direct.as_ref().ok_or_else(|| {
                    wrong(format!("`{}` is followed, and nothing is written to it", tupleset.relation))
                })?;
                // The target is a relation of the types that are led to, which may each have carried it over differently.
                let target = self.target(kind, &target.relation)?;
                Ok(format!("{followed}->{target}"))
            }
            Rewrite::Union(parts) => operands(&parts.child, " + "),
            Rewrite::Intersection(parts) => operands(&parts.child, " & "),
            Rewrite::Difference { base, subtract } => {
                Ok(format!("{} - {}", self.operand(kind, relation, base)?, self.operand(kind, relation, subtract)?))
            }
        }
    }

    fn operand(&self, kind: &str, relation: &str, rewrite: &Rewrite) -> Result<String, Failure> {
        let text = self.expression(kind, relation, rewrite)?;
        let compound = matches!(rewrite, Rewrite::Union(_) | Rewrite::Intersection(_) | Rewrite::Difference { .. });
        Ok(if compound { format!("({text})") } else { text })
    }

    /// What a relation that is asked for at the end of an arrow is called there.
    fn target(&self, kind: &str, relation: &str) -> Result<String, Failure> {
        let found: std::collections::BTreeSet<_> =
            self.relations.values().filter_map(|relations| relations.get(relation)).map(|own| &own.member).collect();
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(only.clone()),
            (None, _) => {
                let message = format!("`{kind}`: no type of the model has the relation `{relation}`");
                Err(Failure::new("model_invalid", message))
            }
            (Some(_), Some(_)) => {
                let message =
                    format!("`{relation}` has to be called differently in different types, and an arrow leads to both");
                Err(Failure::new("names_collide", message)
                    .help("rename one of the relations that only differ in characters the schema language lacks"))
            }
        }
    }

    /// The tuple as a relationship, or why it cannot be one.
    fn tuple(&self, tuple: &Tuple) -> Result<Termed, String> {
        let (kind, id) = split(&tuple.object)?;
        let carried = self.member(kind, &tuple.relation);
        let carried = carried.ok_or_else(|| format!("the model has no relation `{kind}#{}`", tuple.relation))?;
        let direct = carried.direct.as_deref().ok_or("the relation is computed: nothing can be written to it")?;
        let relation = RelationName::new(direct).map_err(|error| error.to_string())?;
        let caveat = match &tuple.condition {
            Some(condition) if !condition.name.is_empty() => {
                let own = self.conditions.get(&condition.name);
                let own = own.ok_or_else(|| format!("the model has no condition `{}`", condition.name))?;
                let mut context = condition.context.clone().unwrap_or_default();
                for parameter in self.dropped.get(&condition.name).into_iter().flatten() {
                    context.remove(parameter);
                }
                let name = CaveatName::new(own).map_err(|error| error.to_string())?;
                Some(CaveatUse { name, context: terms::context(&context) })
            }
            _ => None,
        };
        let resource = self.object(kind, id)?;
        let relationship = Relationship { resource, relation, subject: self.subject(&tuple.user)? };
        Ok(Termed { relationship, terms: Terms { caveat, expires_at: None } })
    }

    fn object(&self, kind: &str, id: &str) -> Result<ObjectRef, String> {
        Ok(ObjectRef { kind: self.kind(kind)?, id: ObjectId::new(id).map_err(|error| error.to_string())? })
    }

    fn kind(&self, kind: &str) -> Result<TypeName, String> {
        let own = self.types.get(kind).ok_or_else(|| format!("the model has no type `{kind}`"))?;
        TypeName::new(own).map_err(|error| error.to_string())
    }

    fn subject(&self, user: &str) -> Result<SubjectRef, String> {
        let (object, relation) = user.split_once('#').map_or((user, None), |(object, name)| (object, Some(name)));
        let (kind, id) = split(object)?;
        let Some(relation) = relation else {
            return if id == "*" {
                Ok(SubjectRef::Wildcard(self.kind(kind)?))
            } else {
                Ok(SubjectRef::Object(self.object(kind, id)?))
            };
        };
        let carried = self.member(kind, relation);
        let carried = carried.ok_or_else(|| format!("the model has no relation `{kind}#{relation}`"))?;
        let name = RelationName::new(&carried.member).map_err(|error| error.to_string())?;
        Ok(SubjectRef::Userset(self.object(kind, id)?, name))
    }
}

fn split(object: &str) -> Result<(&str, &str), String> {
    object.split_once(':').ok_or_else(|| format!("`{object}` is not `type:id`"))
}

/// Whether tuples are written to a relation that is computed otherwise, too.
fn written_to(rewrite: &Rewrite) -> bool {
    match rewrite {
        Rewrite::This(_) => true,
        Rewrite::Computed(_) | Rewrite::From { .. } => false,
        Rewrite::Union(parts) | Rewrite::Intersection(parts) => parts.child.iter().any(written_to),
        Rewrite::Difference { base, subtract } => written_to(base) || written_to(subtract),
    }
}

/// Whether the expression names the parameter, as a word of its own.
fn uses(expression: &str, parameter: &str) -> bool {
    let part_of_a_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    expression.split(|letter| !part_of_a_word(letter)).any(|word| word == parameter)
}

fn type_text(parameter: &Parameter) -> String {
    let inner = || parameter.generic_types.iter().flatten().next().map_or_else(|| "any".to_owned(), type_text);
    match parameter.type_name.trim_start_matches("TYPE_NAME_").to_lowercase().as_str() {
        "list" => format!("list<{}>", inner()),
        "map" => format!("map<{}>", inner()),
        other => other.to_owned(),
    }
}
