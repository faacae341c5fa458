use super::*;
use crate::{Change, decode_changes, encode_changes, schema::AllowedSubject};

fn relation(name: &str) -> RelationName {
    RelationName::open(name).unwrap()
}

fn model(rewrite: Rewrite) -> Model {
    let (user, group) = (TypeName::open("user").unwrap(), TypeName::open("group").unwrap());
    let caveat = Some(CaveatName::open("only_on").unwrap());
    let allowed = vec![
        Allowed::plain(AllowedSubject::Object(user.clone())),
        Allowed { subject: AllowedSubject::Wildcard(user.clone()), caveat, expires: false },
        Allowed::plain(AllowedSubject::Userset(group, relation("member"))),
    ];
    Model {
        id: ModelId::new("01KB0000000000000000000000").unwrap(),
        text: "{}".to_owned(),
        types: vec![ModelType { name: user, relations: vec![ModelRelation { name: relation("a"), allowed, rewrite }] }],
        conditions: vec![ModelCondition {
            name: CaveatName::open("only_on").unwrap(),
            parameters: vec![("day".to_owned(), "string".to_owned())],
            expression: "day == \"monday\"".to_owned(),
        }],
    }
}

fn nested(depth: usize) -> Rewrite {
    (1..depth).fold(Rewrite::Direct, |inner, _| Rewrite::Union(vec![inner]))
}

#[test]
fn a_model_is_read_back_as_it_was_written() {
    let every = Rewrite::Exclusion(
        Box::new(Rewrite::Union(vec![
            Rewrite::Direct,
            Rewrite::Computed(relation("b")),
            Rewrite::From { tupleset: relation("parent"), target: relation("x") },
        ])),
        Box::new(Rewrite::Intersection(vec![Rewrite::Direct, Rewrite::Computed(relation("c"))])),
    );
    let changes = vec![Change::ModelWritten(model(every))];
    assert_eq!(decode_changes(&encode_changes(&changes)).unwrap(), changes);
}

#[test]
fn bytes_nested_deeper_than_model_nesting_max_are_refused() {
    for (depth, read) in [(MODEL_NESTING_MAX, true), (MODEL_NESTING_MAX + 1, false)] {
        let bytes = encode_changes(&[Change::ModelWritten(model(nested(depth)))]);
        assert_eq!(decode_changes(&bytes).is_ok(), read, "{depth}");
    }
}

fn kind(name: &str, relations: Vec<ModelRelation>) -> ModelType {
    ModelType { name: TypeName::open(name).unwrap(), relations }
}

fn defined(name: &str, allowed: &[&str], rewrite: Rewrite) -> ModelRelation {
    let allowed = allowed.iter().map(|text| match text.split_once('#') {
        Some((kind, of)) => Allowed::plain(AllowedSubject::Userset(TypeName::open(kind).unwrap(), relation(of))),
        None => match text.strip_suffix(":*") {
            Some(kind) => Allowed::plain(AllowedSubject::Wildcard(TypeName::open(kind).unwrap())),
            None => Allowed::plain(AllowedSubject::Object(TypeName::open(text).unwrap())),
        },
    });
    ModelRelation { name: relation(name), allowed: allowed.collect(), rewrite }
}

fn computed(name: &str) -> Rewrite {
    Rewrite::Computed(relation(name))
}

fn from(target: &str, tupleset: &str) -> Rewrite {
    Rewrite::From { tupleset: relation(tupleset), target: relation(target) }
}

fn of(types: Vec<ModelType>) -> Model {
    let id = ModelId::new("01KB0000000000000000000000").unwrap();
    Model { id, text: "{}".to_owned(), types, conditions: vec![] }
}

/// What is wrong with a document of these relations, beside a user and a folder with a viewer.
fn wrong_with(relations: Vec<ModelRelation>) -> Vec<ModelWrong> {
    let folder = kind("folder", vec![defined("viewer", &["user"], Rewrite::Direct)]);
    let model = of(vec![kind("user", vec![]), folder, kind("document", relations)]);
    match model.schema() {
        Ok(_) => vec![],
        Err(faults) => faults.into_iter().map(|fault| fault.wrong).collect(),
    }
}

#[test]
fn relations_become_relations_permissions_or_both() {
    use crate::schema::{Expression, Member};
    let model = of(vec![
        kind("user", vec![]),
        kind(
            "document",
            vec![
                defined("owner", &["user"], Rewrite::Direct),
                defined("editor", &[], Rewrite::Union(vec![computed("owner")])),
                defined("viewer", &["user:*"], Rewrite::Union(vec![Rewrite::Direct, computed("editor")])),
            ],
        ),
    ]);
    let schema = model.schema().unwrap();
    let members = &schema.definition("document").unwrap().members;
    let owner = members.get("owner").unwrap();
    assert!(matches!(owner, Member::Relation(found) if found.computed.is_none() && found.allowed.len() == 1));
    let editor = members.get("editor").unwrap();
    assert!(matches!(editor, Member::Permission(found) if found.expression == Expression::Member(relation("owner"))));
    let viewer = members.get("viewer").unwrap();
    let wanted = Expression::Union(vec![Expression::Direct, Expression::Member(relation("editor"))]);
    assert!(matches!(viewer, Member::Relation(found) if found.computed.as_ref() == Some(&wanted)));
    assert_eq!(schema.text(), "{}");
}

#[test]
fn what_leads_nowhere_is_found() {
    let owner = || defined("owner", &["user"], Rewrite::Direct);
    assert_eq!(wrong_with(vec![owner(), defined("viewer", &[], computed("owner"))]), []);
    for (relations, wrong) in [
        (vec![owner(), owner()], ModelWrong::RelationTwice),
        (vec![defined("this", &["user"], Rewrite::Direct)], ModelWrong::Reserved),
        (vec![defined("a", &[], computed("b"))], ModelWrong::ComputedUnknown(relation("b"))),
        (vec![defined("a", &[], from("viewer", "parent"))], ModelWrong::TuplesetUnknown(relation("parent"))),
        (
            vec![defined("parent", &["folder:*"], Rewrite::Direct), defined("a", &[], from("viewer", "parent"))],
            ModelWrong::TuplesetNotDirect(relation("parent")),
        ),
        (
            vec![defined("parent", &["folder"], Rewrite::Direct), defined("a", &[], from("owner", "parent"))],
            ModelWrong::TargetUnknown { tupleset: relation("parent"), target: relation("owner") },
        ),
        (vec![defined("a", &[], Rewrite::Direct)], ModelWrong::NothingAllowed),
        (vec![owner(), defined("a", &["user"], computed("owner"))], ModelWrong::AllowedComputed),
        (vec![defined("a", &[], Rewrite::Union(vec![]))], ModelWrong::NoOperands),
        (vec![defined("a", &["document#a"], Rewrite::Direct)], ModelWrong::NoEntry),
    ] {
        assert_eq!(wrong_with(relations), [wrong]);
    }
    let twice = Allowed::plain(AllowedSubject::Object(TypeName::open("user").unwrap()));
    assert_eq!(wrong_with(vec![defined("a", &["user", "user"], Rewrite::Direct)]), [ModelWrong::AllowedTwice(twice)]);
}

#[test]
fn a_circle_without_an_edge_in_it_is_found_and_one_with_an_edge_is_none() {
    let both = |one: Rewrite, other: Rewrite| Rewrite::Union(vec![one, other]);
    let circle = vec![
        defined("a", &["user"], both(Rewrite::Direct, computed("b"))),
        defined("b", &["user"], both(Rewrite::Direct, computed("a"))),
    ];
    assert_eq!(wrong_with(circle), [ModelWrong::Cycle, ModelWrong::Cycle]);
    let edges = vec![
        defined("parent", &["document"], Rewrite::Direct),
        defined("a", &["user", "document#a"], both(Rewrite::Direct, from("a", "parent"))),
    ];
    assert_eq!(wrong_with(edges), []);
}

#[test]
fn conditions_are_compiled_with_their_parameters() {
    let mut model = of(vec![kind("user", vec![])]);
    let condition = |kind: &str, expression: &str| ModelCondition {
        name: CaveatName::open("only_on").unwrap(),
        parameters: vec![("days".to_owned(), kind.to_owned())],
        expression: expression.to_owned(),
    };
    model.conditions = vec![condition("list<string>", "days.exists(day, day == 'monday')")];
    assert!(model.schema().unwrap().caveat("only_on").is_some());
    for (kind, expression) in
        [("list", "true"), ("days", "true"), ("list<string>", "days"), ("list<string>", "day == 1")]
    {
        model.conditions = vec![condition(kind, expression)];
        assert_eq!(model.schema().unwrap_err().len(), 1, "{kind} {expression}");
    }
}
