//! The laws at this door, asked of random worlds over a real port: a list of objects is the set of checks, and the changes
//! replayed are the tuples that are read.

use std::collections::BTreeMap;

use prokura_model::{
    Change, ObjectRef, Relationship, Schema, SubjectRef, Terms,
    schema::{Allowed, AllowedSubject, Expression, Member, Quantifier},
};
use prokura_testkit::{
    Ask, Context, Rng, World,
    compare::dice,
    generate::{Case, Sketch},
};
use serde_json::{Value, json};

use super::support::Store;
use crate::{
    laws::worlds::{kept, objects, questions},
    scenarios::members,
};

/// How many worlds there are at least.
const WORLDS: usize = 60;

/// Most tuples of a world.
const TUPLES_MAX: usize = 60;

/// Most tuples of one write.
const WRITE_MAX: usize = 20;

/// What there was to see.
#[derive(Debug, Default)]
struct Seen {
    worlds: usize,
    lists: usize,
    listed: usize,
    checks: usize,
    failed: usize,
    tuples: usize,
    deleted: usize,
}

/// Whether the language of models can say it.
fn can_be_said(sketch: &Sketch) -> bool {
    let permissions = || sketch.kinds.iter().flat_map(|kind| &kind.permissions);
    permissions().all(|(_, expression)| rewrite(expression).is_some())
}

/// None where the language has no such thing.
fn rewrite(expression: &Expression) -> Option<Value> {
    let all = |operands: &[Expression]| operands.iter().map(rewrite).collect::<Option<Vec<_>>>();
    Some(match expression {
        Expression::Member(name) => json!({ "computedUserset": { "relation": name.as_str() } }),
        Expression::Arrow { tupleset, target, quantifier: Quantifier::Any } => json!({ "tupleToUserset": {
            "tupleset": { "relation": tupleset.as_str() }, "computedUserset": { "relation": target.as_str() }
        } }),
        Expression::Union(operands) => json!({ "union": { "child": all(operands)? } }),
        Expression::Intersection(operands) => json!({ "intersection": { "child": all(operands)? } }),
        Expression::Exclusion(base, subtract) => {
            json!({ "difference": { "base": rewrite(base)?, "subtract": rewrite(subtract)? } })
        }
        Expression::Arrow { .. } | Expression::Itself | Expression::Nil | Expression::Direct => return None,
    })
}

fn reference(allowed: &Allowed) -> Value {
    let mut reference = match &allowed.subject {
        AllowedSubject::Object(kind) => json!({ "type": kind.as_str() }),
        AllowedSubject::Userset(kind, relation) => json!({ "type": kind.as_str(), "relation": relation.as_str() }),
        AllowedSubject::Wildcard(kind) => json!({ "type": kind.as_str(), "wildcard": {} }),
    };
    if let Some(caveat) = &allowed.caveat {
        reference["condition"] = json!(caveat.as_str());
    }
    reference
}

/// The same schema as a model. Nothing ends in that language, so what does here goes on there.
fn model(schema: &Schema) -> Value {
    let types = schema.definitions().values().map(|definition| {
        let (mut relations, mut metadata) = (json!({}), json!({}));
        for (name, member) in &definition.members {
            match member {
                Member::Permission(permission) => {
                    relations[name.as_str()] = rewrite(&permission.expression).unwrap();
                }
                Member::Relation(relation) => {
                    let mut references: Vec<Value> = Vec::new();
                    for reference in relation.allowed.iter().map(reference) {
                        if !references.contains(&reference) {
                            references.push(reference);
                        }
                    }
                    relations[name.as_str()] = json!({ "this": {} });
                    metadata[name.as_str()] = json!({ "directly_related_user_types": references });
                }
            }
        }
        json!({ "type": definition.name.as_str(), "relations": relations, "metadata": { "relations": metadata } })
    });
    let conditions = schema.caveats().values().map(|caveat| {
        let parameters = caveat.parameters.iter().map(|(name, kind)| (name.clone(), parameter(&kind.to_string())));
        let parameters: serde_json::Map<_, _> = parameters.collect();
        let name = caveat.name.as_str();
        (name.to_owned(), json!({ "name": name, "expression": caveat.expression, "parameters": parameters }))
    });
    json!({
        "schema_version": "1.1",
        "type_definitions": types.collect::<Vec<_>>(),
        "conditions": conditions.collect::<serde_json::Map<_, _>>(),
    })
}

fn parameter(kind: &str) -> Value {
    match kind.strip_prefix("list<").and_then(|rest| rest.strip_suffix('>')) {
        Some(of) => json!({ "type_name": "TYPE_NAME_LIST", "generic_types": [parameter(of)] }),
        None => json!({ "type_name": format!("TYPE_NAME_{}", kind.to_uppercase()) }),
    }
}

fn named(object: &ObjectRef) -> String {
    format!("{}:{}", object.kind, object.id.as_str())
}

fn user(subject: &SubjectRef) -> String {
    match subject {
        SubjectRef::Object(object) => named(object),
        SubjectRef::Userset(object, relation) => format!("{}#{relation}", named(object)),
        SubjectRef::Wildcard(kind) => format!("{kind}:*"),
    }
}

/// Without its condition.
fn key(edge: &Relationship) -> Value {
    json!({ "user": user(&edge.subject), "relation": edge.relation.as_str(), "object": named(&edge.resource) })
}

/// A userset that stands in its own relation, which this door refuses to write.
fn says_nothing(edge: &Relationship) -> bool {
    edge.subject == SubjectRef::Userset(edge.resource.clone(), edge.relation.clone())
}

fn tuple(edge: &Relationship, terms: &Terms) -> Value {
    let mut tuple = key(edge);
    if let Some(caveat) = &terms.caveat {
        tuple["condition"] = json!({ "name": caveat.name.as_str(), "context": members(&caveat.context) });
    }
    tuple
}

/// A tuple's key as text, and all of it.
fn entry(tuple: &Value) -> (String, String) {
    let part = |name: &str| tuple[name].as_str().unwrap();
    (format!("{} {} {}", part("user"), part("relation"), part("object")), tuple.to_string())
}

/// Writes everything, and takes back a part of it.
async fn fill(store: &Store, world: &World, rng: &mut Rng, seen: &mut Seen) {
    let edges: Vec<_> = world.relationships.iter().collect();
    for some in edges.chunks(WRITE_MAX) {
        let tuples: Vec<_> = some.iter().map(|(edge, terms)| tuple(edge, terms)).collect();
        let written = store.post("write", &json!({ "writes": { "tuple_keys": tuples } })).await;
        assert_eq!(written.status, 200, "{}", written.text);
    }
    let gone: Vec<_> = edges.iter().filter(|_| rng.chance(15)).map(|(edge, _)| key(edge)).collect();
    seen.tuples += edges.len();
    seen.deleted += gone.len();
    for some in gone.chunks(WRITE_MAX) {
        let deleted = store.post("write", &json!({ "deletes": { "tuple_keys": some } })).await;
        assert_eq!(deleted.status, 200, "{}", deleted.text);
    }
}

async fn changes_are_the_tuples(store: &Store, seed: u64) {
    let (mut read, mut token) = (BTreeMap::new(), String::new());
    loop {
        let page = store.post("read", &json!({ "page_size": 7, "continuation_token": token })).await.json();
        read.extend(page["tuples"].as_array().unwrap().iter().map(|tuple| entry(&tuple["key"])));
        token = page["continuation_token"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    let mut replayed = BTreeMap::new();
    loop {
        let page = store.get(&format!("changes?page_size=5&continuation_token={token}")).await.json();
        let changes = page["changes"].as_array().unwrap();
        if changes.is_empty() {
            break;
        }
        for change in changes {
            let (key, tuple) = entry(&change["tuple_key"]);
            if change["operation"] == "TUPLE_OPERATION_WRITE" {
                replayed.insert(key, tuple);
            } else {
                replayed.remove(&key);
            }
        }
        token = page["continuation_token"].as_str().unwrap().to_owned();
    }
    assert_eq!(replayed, read, "seed {seed}");
}

async fn list_is_the_checks(store: &Store, world: &World, ask: &Ask, seed: u64, seen: &mut Seen) {
    let Ask::LookupResources { kind, permission, subject, context, .. } = ask else { return };
    let body = json!({
        "user": user(subject), "relation": permission.as_str(), "type": kind.as_str(), "context": members(context),
    });
    let list = store.post("list-objects", &body).await;
    let mut failing = false;
    let listed = if list.status == 200 { super::support::strings(&list.json()["objects"]) } else { Vec::new() };
    let candidates = objects(world, kind, None);
    for object in &candidates {
        let check = checked(store, subject, permission.as_str(), object, context).await;
        seen.checks += 1;
        let right = listed.contains(&named(object));
        match (&check, list.status) {
            (Ok(allowed), 200) => assert_eq!(*allowed, right, "seed {seed}: {ask}: {object}"),
            (Err(told), 200) => panic!("seed {seed}: {ask}: {listed:?} are listed, and {object}: {told}"),
            (Ok(_), _) => {}
            (Err(_), _) => failing = true,
        }
    }
    seen.lists += 1;
    seen.listed += listed.len();
    seen.failed += usize::from(list.status != 200);
    assert!(list.status == 200 || failing, "seed {seed}: {ask}: {}, and no check fails", list.text);
    let known = |name: &String| candidates.iter().any(|object| named(object) == *name);
    assert!(listed.iter().all(known), "seed {seed}: {ask}: {listed:?} are not all objects");
}

async fn checked(
    store: &Store,
    subject: &SubjectRef,
    relation: &str,
    object: &ObjectRef,
    context: &Context,
) -> Result<bool, String> {
    let tuple = json!({ "user": user(subject), "relation": relation, "object": named(object) });
    let answer = store.post("check", &json!({ "tuple_key": tuple, "context": members(context) })).await;
    if answer.status == 200 { Ok(answer.json()["allowed"].as_bool().unwrap()) } else { Err(answer.text) }
}

#[tokio::test]
async fn the_laws_hold_at_the_openfga_door() {
    let (mut store, mut seen) = (Store::empty().await, Seen::default());
    let mut refused = 0;
    for seed in 1_u64.. {
        if seen.worlds == WORLDS {
            break;
        }
        let case = Case::with(seed, can_be_said);
        let relationships = kept(&case.before, true).concat().into_iter().filter(|change| {
            matches!(
                change,
                Change::SchemaWritten(_) | Change::RelationshipTouched(..) | Change::RelationshipDeleted(_)
            )
        });
        let mut world = World::of(&relationships.collect::<Vec<_>>());
        world.relationships.retain(|edge, _| !says_nothing(edge));
        if world.relationships.len() > TUPLES_MAX {
            continue;
        }
        let made = store.setup.post("/stores", &store.setup.admin, &json!({ "name": "laws" })).await;
        store.id = made.json()["id"].as_str().unwrap().to_owned();
        let written = store.post("authorization-models", &model(world.schema.as_ref().unwrap())).await;
        if written.status != 201 {
            // What is never anybody's, or follows usersets, is a schema and no model.
            refused += 1;
            assert!(written.text.contains("invalid_authorization_model") && refused < 300, "{}", written.text);
            continue;
        }
        seen.worlds += 1;
        fill(&store, &world, &mut dice(&case), &mut seen).await;
        changes_are_the_tuples(&store, seed).await;
        for ask in questions(&case, true) {
            list_is_the_checks(&store, &world, &ask, seed, &mut seen).await;
        }
    }
    println!("{seen:?}; {refused} schemas are no models");
    assert!(seen.lists >= 60 && seen.listed >= 60 && seen.checks >= 300, "too little to see: {seen:?}");
    assert!(seen.failed >= 1 && seen.deleted >= 30, "too little to see: {seen:?}");
}
