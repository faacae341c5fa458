use std::collections::{BTreeMap, BTreeSet};

use prokura_api::grpc::v1;
use prokura_model::{
    RelationName, Schema, TypeName,
    schema::{AllowedSubject, Expression, Member, UnknownName},
};

/// A relation or permission of a definition; as a subject, without a name, the objects of the definition.
type Place<'s> = (&'s TypeName, Option<&'s RelationName>);

/// The relations and permissions in which the holders of this one, or the objects of the type, may come to stand.
pub(in crate::grpc) fn computable(
    schema: &Schema,
    kind: &TypeName,
    member: Option<&RelationName>,
) -> Result<Vec<v1::ReflectionRelationReference>, UnknownName> {
    let kind = &schema.find_definition(kind)?.name;
    let member = member.map(|member| schema.find_member(kind, member).map(Member::name)).transpose()?;
    let mut leads_to: BTreeMap<Place<'_>, Vec<Place<'_>>> = BTreeMap::new();
    for (place, member) in members(schema) {
        for from in holders(schema, place.0, member) {
            leads_to.entry(from).or_default().push(place);
        }
    }
    Ok(walked(schema, (kind, member), |place| leads_to.get(&place).cloned().unwrap_or_default()))
}

/// The relations and permissions that have a say in this one.
pub(in crate::grpc) fn dependent(
    schema: &Schema,
    kind: &TypeName,
    permission: &RelationName,
) -> Result<Vec<v1::ReflectionRelationReference>, UnknownName> {
    let kind = &schema.find_definition(kind)?.name;
    let start = schema.find_member(kind, permission)?.name();
    Ok(walked(schema, (kind, Some(start)), |(kind, member)| {
        let found = member.and_then(|member| schema.find_member(kind, member).ok());
        let mut below = found.map_or_else(Vec::new, |member| holders(schema, kind, member));
        if let Some(Member::Permission(permission)) = found {
            below.extend(parts(&permission.expression).into_iter().filter_map(|part| match part {
                Expression::Arrow { tupleset, .. } => Some((kind, Some(tupleset))),
                _ => None,
            }));
        }
        below
    }))
}

fn members(schema: &Schema) -> impl Iterator<Item = (Place<'_>, &Member)> {
    schema.definitions().values().flat_map(|definition| {
        definition.members.values().map(|member| ((&definition.name, Some(member.name())), member))
    })
}

/// Whose holders may come to stand in this relation or permission.
fn holders<'s>(schema: &'s Schema, kind: &'s TypeName, member: &'s Member) -> Vec<Place<'s>> {
    match member {
        Member::Relation(relation) => relation
            .allowed
            .iter()
            .map(|allowed| match &allowed.subject {
                AllowedSubject::Object(kind) | AllowedSubject::Wildcard(kind) => (kind, None),
                AllowedSubject::Userset(kind, relation) => (kind, Some(relation)),
            })
            .collect(),
        Member::Permission(permission) => {
            let mut found = Vec::new();
            for part in parts(&permission.expression) {
                match part {
                    Expression::Member(name) => found.push((kind, Some(name))),
                    Expression::Itself => found.push((kind, None)),
                    Expression::Arrow { tupleset, target, .. } => found.extend(ends(schema, kind, tupleset, target)),
                    _ => {}
                }
            }
            found
        }
    }
}

/// Where an arrow leads: the targets on the types that stand in its relation.
fn ends<'s>(schema: &'s Schema, kind: &TypeName, tupleset: &RelationName, target: &'s RelationName) -> Vec<Place<'s>> {
    let Ok(Member::Relation(followed)) = schema.find_member(kind, tupleset) else { return Vec::new() };
    let kinds: BTreeSet<&TypeName> = followed.allowed.iter().map(|allowed| allowed.subject.kind()).collect();
    kinds.into_iter().filter(|kind| schema.find_member(kind, target).is_ok()).map(|kind| (kind, Some(target))).collect()
}

/// The parts of an expression that are no operators.
fn parts(expression: &Expression) -> Vec<&Expression> {
    match expression {
        Expression::Union(operands) | Expression::Intersection(operands) => operands.iter().flat_map(parts).collect(),
        Expression::Exclusion(from, without) => parts(from).into_iter().chain(parts(without)).collect(),
        part => vec![part],
    }
}

/// Everything that is come by from the start, which is not part of it, by name.
fn walked<'s>(
    schema: &Schema,
    start: Place<'s>,
    next: impl Fn(Place<'s>) -> Vec<Place<'s>>,
) -> Vec<v1::ReflectionRelationReference> {
    let mut seen = BTreeSet::from([start]);
    let mut waiting = vec![start];
    while let Some(place) = waiting.pop() {
        waiting.extend(next(place).into_iter().filter(|place| seen.insert(*place)));
    }
    seen.remove(&start);
    seen.into_iter()
        .filter_map(|(kind, member)| {
            let member = member?;
            Some(v1::ReflectionRelationReference {
                definition_name: kind.to_string(),
                relation_name: member.to_string(),
                is_permission: matches!(schema.find_member(kind, member), Ok(Member::Permission(_))),
            })
        })
        .collect()
}
