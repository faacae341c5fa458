//! What is refused is refused in SpiceDB's sentences here, and in our own at the other doors.

use prokura_api::grpc::v1::{self, relationship_update::Operation};
use prost_types::{ListValue, Struct, Value, value::Kind};
use tonic::Status;

use super::wire::{self, Caller, edge, object, person};
use crate::support::Setup;

const SCHEMA: &str = "use expiration\n\ncaveat near(distance uint, tags map<any>, hours list<uint>) {\n\
    \tdistance < 10 || tags.first == 42 && tags.second < 56 || hours[7] == 1\n}\n\n\
    caveat far(distance int) {\n\tdistance > 10\n}\n\n\
    definition user {\n\trelation friend: user\n}\n\n\
    definition folder {\n\trelation owner: user | user:* | user#friend\n\trelation viewer: user with near\n\
    \trelation guest: user with near and expiration | user:* with expiration\n\
    \tpermission view = owner + viewer\n}";

async fn set_up() -> (Setup, Caller) {
    let setup = Setup::empty().await;
    let caller = Caller::new(&setup, &setup.admin).await;
    write_schema(&caller, SCHEMA).await.unwrap();
    (setup, caller)
}

async fn write_schema(caller: &Caller, schema: &str) -> Result<(), Status> {
    let request = v1::WriteSchemaRequest { schema: schema.to_owned() };
    caller.schema().write_schema(request).await.map(|_| ())
}

/// A relationship of the text `type:id#relation@type:id#relation[caveat]`, with the context.
fn relationship(text: &str, context: Option<Struct>) -> v1::Relationship {
    let (text, caveat) = text.strip_suffix(']').and_then(|text| text.split_once('[')).unwrap_or((text, ""));
    let (resource, subject) = text.split_once('@').unwrap();
    let (subject, userset) = subject.split_once('#').unwrap_or((subject, ""));
    let mut relationship = edge(&format!("{resource}@{subject}"));
    relationship.subject.as_mut().unwrap().optional_relation = userset.to_owned();
    let caveat = v1::ContextualizedCaveat { caveat_name: caveat.to_owned(), context };
    relationship.optional_caveat = Some(caveat).filter(|caveat| !caveat.caveat_name.is_empty());
    relationship
}

async fn write(caller: &Caller, relationships: Vec<v1::Relationship>, operation: Operation) -> Result<(), Status> {
    let update =
        |relationship| v1::RelationshipUpdate { operation: operation.into(), relationship: Some(relationship) };
    let updates = relationships.into_iter().map(update).collect();
    let request = v1::WriteRelationshipsRequest { updates, ..Default::default() };
    caller.permissions().write_relationships(request).await.map(|_| ())
}

fn context(name: &str, kind: Kind) -> Struct {
    Struct { fields: [(name.to_owned(), Value { kind: Some(kind) })].into() }
}

fn members(members: &[(&str, Kind)]) -> Kind {
    let member = |(name, kind): &(&str, Kind)| ((*name).to_owned(), Value { kind: Some(kind.clone()) });
    Kind::StructValue(Struct { fields: members.iter().map(member).collect() })
}

fn text(text: &str) -> Kind {
    Kind::StringValue(text.to_owned())
}

#[tokio::test]
async fn relationships_that_do_not_fit() {
    let (setup, caller) = set_up().await;
    for (written, message) in [
        ("folder:all#view@user:tom", "cannot write a relationship to permission `view` under definition `folder`"),
        ("folder:all#owner@folder:all", "subjects of type `folder` are not allowed on relation `folder#owner`"),
        (
            "folder:all#owner@user:tom[far]",
            "subjects of type `user with far` are not allowed on relation `folder#owner`",
        ),
        (
            "folder:all#viewer@user:tom",
            "subjects of type `user` are not allowed on relation `folder#viewer` without one of the following caveats: near",
        ),
        (
            "folder:all#viewer@user:tom[far]",
            "subjects of type `user with far` are not allowed on relation `folder#viewer`",
        ),
        (
            "folder:all#guest@user:*",
            "subjects of type `user:*` are not allowed on relation `folder#guest`; did you mean `user:* with expiration`?",
        ),
        (
            "folder:all#guest@user:tom",
            "subjects of type `user` are not allowed on relation `folder#guest`; did you mean `user:* with expiration`?",
        ),
        ("folder:all#nobody@user:tom", "relation/permission `nobody` not found under definition `folder`"),
        ("house:all#owner@user:tom", "object definition `house` not found"),
    ] {
        for operation in [Operation::Create, Operation::Touch] {
            let refused = write(&caller, vec![relationship(written, None)], operation).await.unwrap_err();
            assert_eq!(refused.message(), message, "{written}");
        }
    }
    let twice = vec![relationship("folder:all#owner@user:tom", None), relationship("folder:all#owner@user:tom", None)];
    let refused = write(&caller, twice, Operation::Touch).await.unwrap_err();
    let message = "found more than one update with relationship `folder:all#owner@user:tom` in this request";
    assert_eq!(refused.message(), message);
    let folder = serde_json::json!({ "type": "folder", "id": "all" });
    let same = serde_json::json!({ "touch": [{ "resource": folder, "relation": "owner", "subject": folder }] });
    let elsewhere = setup.post("/v1/tenants/default/relationships/write", &setup.admin, &same).await.text;
    assert!(elsewhere.contains("`folder#owner` allows `user`, `user:*`, `user#friend`, not `folder`"), "{elsewhere}");
}

#[tokio::test]
async fn values_that_do_not_fit_a_caveat() {
    let (_setup, caller) = set_up().await;
    let list = |kind: Kind| Kind::ListValue(ListValue { values: vec![Value { kind: Some(kind) }] });
    write(&caller, vec![relationship("folder:all#viewer@user:tom[near]", None)], Operation::Touch).await.unwrap();
    for (name, kind, message) in [
        ("distance", text("43a"), "for uint: a uint64 value is required, but found invalid string value `43a`"),
        ("distance", text("-43"), "for uint: a uint value is required, but found int64 value `-43`"),
        ("distance", Kind::NumberValue(1.5), "for uint: a uint value is required, but found numeric value `1.5`"),
        ("distance", Kind::BoolValue(true), "for uint: a uint64 value is required, but found bool `true`"),
        ("tags", Kind::NullValue(0), "for map<any>: map requires a map, found: <nil>"),
        ("hours", text("x"), "for list<uint>: list requires a list, found: string"),
        (
            "hours",
            list(text("-1")),
            "for list<uint>: found an invalid value for item at index 0: for uint: a uint value is required, but found \
             int64 value `-1`",
        ),
    ] {
        let message = format!("could not convert context parameter `{name}`: {message}");
        let bound = relationship("folder:all#viewer@user:ann[near]", Some(context(name, kind.clone())));
        let refused = write(&caller, vec![bound], Operation::Touch).await.unwrap_err();
        assert_eq!(refused.message(), message);
        let refused = check(&caller, context(name, kind)).await.unwrap_err();
        assert_eq!(refused.message(), format!("type error for parameters for caveat `near`: {message}"));
        assert_eq!(wire::reason(&refused), "ERROR_REASON_CAVEAT_PARAMETER_TYPE_ERROR");
    }
    let bound = relationship("folder:all#viewer@user:ann[near]", Some(context("depth", text("x"))));
    let refused = write(&caller, vec![bound], Operation::Touch).await.unwrap_err();
    assert_eq!(refused.message(), "unknown parameter `depth`");
}

async fn check(caller: &Caller, context: Struct) -> Result<v1::CheckPermissionResponse, Status> {
    let request = v1::CheckPermissionRequest {
        resource: object("folder", "all"),
        permission: "view".to_owned(),
        subject: person("tom"),
        context: Some(context),
        ..Default::default()
    };
    caller.permissions().check_permission(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn caveats_that_cannot_be_evaluated() {
    let (_setup, caller) = set_up().await;
    write(&caller, vec![relationship("folder:all#viewer@user:tom[near]", None)], Operation::Touch).await.unwrap();
    for (tags, message) in [
        (members(&[]), "no such key: first"),
        (members(&[("first", Kind::NumberValue(42.0)), ("second", text("hello"))]), "no such overload"),
        (members(&[("first", Kind::NumberValue(41.0))]), "index out of bounds: 7"),
    ] {
        let mut given = context("tags", tags);
        given.fields.insert("distance".to_owned(), Value { kind: Some(Kind::NumberValue(99.0)) });
        let hours = Kind::ListValue(ListValue::default());
        given.fields.insert("hours".to_owned(), Value { kind: Some(hours) });
        let refused = check(&caller, given).await.unwrap_err();
        assert_eq!(refused.message(), format!("evaluation error for caveat near: {message}"));
        assert_eq!(wire::reason(&refused), "ERROR_REASON_CAVEAT_EVALUATION_ERROR");
    }
}

#[tokio::test]
async fn schemas_that_strand_relationships() {
    let (_setup, caller) = set_up().await;
    let user = "definition user {\n\trelation friend: user\n}\n";
    let changed = |from: &str, to: &str| {
        assert!(SCHEMA.contains(from), "{from}");
        SCHEMA.replace(from, to)
    };
    let bound = Some(context("distance", text("3")));
    for (written, schema, message) in [
        (
            relationship("folder:all#owner@user:tom", None),
            user.to_owned(),
            "cannot delete object definition `folder`, as at least one relationship exists under it: \
             folder:all#owner@user:tom",
        ),
        (
            relationship("folder:all#owner@user:tom", None),
            format!("{user}definition folder {{}}"),
            "cannot delete relation `owner` in object definition `folder`, as at least one relationship exists under it: \
             folder:all#owner@user:tom",
        ),
        (
            relationship("folder:all#owner@user:tom", None),
            format!("{user}definition folder {{\n\tpermission owner = nil\n}}"),
            "cannot delete relation `owner` in object definition `folder`, as at least one relationship exists under it: \
             folder:all#owner@user:tom",
        ),
        (
            relationship("folder:all#owner@user:*", None),
            changed(" | user:* | user#friend", " | user#friend"),
            "cannot remove allowed type `user:*` from relation `owner` in object definition `folder`, as a relationship \
             exists with it: folder:all#owner@user:*",
        ),
        (
            relationship("folder:all#owner@user:tom#friend", None),
            changed(" | user:* | user#friend", "").replace("{\n\trelation friend: user\n}", "{}"),
            "cannot remove allowed type `user#friend` from relation `owner` in object definition `folder`, as a \
             relationship exists with it: folder:all#owner@user:tom#friend",
        ),
        (
            relationship("folder:all#viewer@user:tom[near]", None),
            changed("viewer: user with near", "viewer: user"),
            "cannot remove allowed type `user with near` from relation `viewer` in object definition `folder`, as a \
             relationship exists with it: folder:all#viewer@user:tom[near]",
        ),
        (
            relationship("folder:all#viewer@user:tom[near]", bound.clone()),
            changed("distance uint, ", "").replace("distance < 10 || ", ""),
            "cannot remove parameter `distance` on caveat `near`",
        ),
        (
            relationship("folder:all#viewer@user:tom[near]", bound),
            changed("distance uint", "distance bool").replace("distance < 10", "distance"),
            "cannot change the type of parameter `distance` on caveat `near`",
        ),
    ] {
        write(&caller, vec![written.clone()], Operation::Touch).await.unwrap();
        let refused = write_schema(&caller, &schema).await.unwrap_err();
        assert_eq!(refused.message(), message);
        write(&caller, vec![written], Operation::Delete).await.unwrap();
    }
}

#[tokio::test]
async fn expressions_with_several_mistakes() {
    let (_setup, caller) = set_up().await;
    let refused = write_schema(&caller, "caveat cav(a int) {\n\ta + b + c\n}").await.unwrap_err();
    let message = "parse error in `schema`, line 2, column 2: invalid expression for caveat `cav`: ERROR: cav:2:6: \
                   undeclared reference to 'b' (in container '')\n | \n | ^\nERROR: cav:2:10: undeclared reference to 'c' \
                   (in container '')\n | \n | ^";
    assert_eq!(refused.message(), message);
}
