//! Caps that depend on more than names: what is told of them, what they rest on, and where a walk up a relation ends.

use prokura_model::{
    Cap, CapClause, CapPermissions, Change, Delegation, DelegationId, DelegationKind, Principal, PrincipalState,
    Reason, RelationName, Task, TaskId, TaskState, Timestamp, Value,
};

use super::{index, object, write};
use crate::{Context, Decision, EngineError, Index, Limits, Question};

const SCHEMA: &str = "
    caveat at_most(amount int, limit int) { amount <= limit }
    definition user {}
    definition agent {}
    definition folder {
        relation parent: folder
    }
    definition document {
        relation parent: folder
        relation viewer: user
        permission view = viewer
    }
";

const NOW: Timestamp = Timestamp(5_000);

/// Documents below a line of so many folders, `folder:0` at the top, of which alice lends what the clause carries.
fn world(folders: usize, resource: &str, condition: Option<&str>) -> Index {
    let mut edges = vec![
        "document:plan#viewer@user:alice".to_owned(),
        format!("document:plan#parent@folder:{}", folders - 1),
        "document:home#viewer@user:alice".to_owned(),
    ];
    edges.extend((1..folders).map(|number| format!("folder:{number}#parent@folder:{}", number - 1)));
    let index = index(SCHEMA, &edges.iter().map(String::as_str).collect::<Vec<_>>());
    let clause = CapClause {
        permissions: CapPermissions::Any,
        resources: [resource.parse().unwrap()].into(),
        condition: condition.map(|text| text.parse().unwrap()),
    };
    let task_id = TaskId::new("t").unwrap();
    let alice = Principal { object: object("user:alice"), owner: None, state: PrincipalState::Active, declared: false };
    let task = Task {
        id: task_id.clone(),
        origin: object("user:alice"),
        purpose: "reading".to_owned(),
        opened_at: Timestamp(0),
        expires_at: Timestamp(10_000),
        state: TaskState::Open,
        declared: false,
        parent: None,
        owner: None,
        budgets: Vec::new(),
    };
    let link = Delegation {
        id: DelegationId::new("d").unwrap(),
        task: task_id,
        kind: DelegationKind::Lends,
        from: object("user:alice"),
        to: object("agent:reader"),
        parent: None,
        cap: Cap { clauses: vec![clause] },
        depth: 0,
        not_before: None,
        expires_at: None,
        revoked_at: None,
        declared: false,
        uses: None,
    };
    write(&index, vec![Change::PrincipalSet(alice), Change::TaskOpened(task), Change::DelegationCreated(link)]);
    index
}

fn decide(index: &Index, resource: &str, arguments: Context, limits: &Limits) -> Result<Decision, EngineError> {
    let question = Question {
        actor: object("agent:reader"),
        delegation: DelegationId::new("d"),
        permission: RelationName::new("view").unwrap(),
        resource: object(resource),
        arguments,
        context: Context::new(),
        credential: None,
        tool_schema: None,
    };
    index.view().decide(&question, NOW, limits)
}

fn amount(amount: i64) -> Context {
    [("amount".to_owned(), Value::Integer(amount))].into()
}

#[test]
fn a_condition_is_told_with_the_link_it_leaves_open() {
    let index = world(1, "document:*", Some("at_most:{\"limit\":100}"));
    let limits = Limits::default();
    let allowed = decide(&index, "document:plan", amount(100), &limits).unwrap();
    assert_eq!((allowed.reason, allowed.at), (Reason::LentAuthority, None));
    let denied = decide(&index, "document:plan", amount(101), &limits).unwrap();
    assert_eq!((denied.reason, denied.at), (Reason::OutsideCap, Some(0)));
    assert!(denied.message.contains("* on document:* when at_most:{\"limit\":100}"), "{}", denied.message);
    let open = decide(&index, "document:plan", Context::new(), &limits).unwrap();
    assert_eq!(
        (open.reason, open.at, &open.missing[..]),
        (Reason::ContextMissing, Some(0), &["amount".to_owned()][..])
    );
    assert!(open.message.contains("delegation `d`") && open.message.contains("`amount`"), "{}", open.message);
    let text = [("amount".to_owned(), Value::String("many".to_owned()))].into();
    assert_eq!(decide(&index, "document:plan", text, &limits).unwrap_err().code(), "caveat_failed");
    let undeclared = world(1, "document:*", Some("nowhere"));
    let failed = decide(&undeclared, "document:plan", Context::new(), &limits).unwrap_err();
    assert_eq!(
        (failed.code(), failed.to_string().as_str()),
        ("caveat_failed", "the schema declares no caveat `nowhere`")
    );
}

#[test]
fn an_allow_rests_on_the_way_up() {
    let index = world(3, "document:* where origin has view under folder:0 by parent", None);
    let allowed = decide(&index, "document:plan", Context::new(), &Limits::default()).unwrap();
    let mut witness: Vec<_> = allowed.witness.iter().map(|edge| edge.relationship.to_string()).collect();
    witness.sort();
    assert_eq!(
        witness,
        [
            "document:plan#parent@folder:2",
            "document:plan#viewer@user:alice",
            "folder:1#parent@folder:0",
            "folder:2#parent@folder:1",
        ]
    );
    let denied = decide(&index, "document:home", Context::new(), &Limits::default()).unwrap();
    assert_eq!((denied.reason, denied.at), (Reason::OutsideCap, Some(0)));
}

#[test]
fn a_walk_that_is_too_long_is_an_error_and_no_deny() {
    let index = world(6, "document:* under folder:0 by parent", None);
    let limits = |depth, work| Limits { depth, work, ..Limits::default() };
    // The document and six folders.
    let allowed = decide(&index, "document:plan", Context::new(), &limits(7, 6)).unwrap();
    assert_eq!(allowed.reason, Reason::LentAuthority);
    let deep = decide(&index, "document:plan", Context::new(), &limits(6, 6)).unwrap_err();
    assert_eq!(deep, EngineError::TooDeep { limit: 6 });
    let much = decide(&index, "document:plan", Context::new(), &limits(7, 5)).unwrap_err();
    assert_eq!(much, EngineError::TooMuchWork { limit: 5 });
}
