//! People whose agents act for them over five hops, as in W2 of `prokura bench`: tasks, delegations with caps, and agents that
//! somebody owns.

use prokura::{
    Asked, Authority, Context, Options, Provenance, Question,
    model::{
        Cap, CapClause, CapPermissions, CapResource, Change, Delegation, DelegationKind, Disposition, ObjectRef,
        Principal, PrincipalState, Task, TaskState, TenantName,
    },
};

use super::{counted, world::relation};

const SCHEMA: &str = "
definition user {}
definition agent {}
definition resource {
    relation viewer: user
    permission act = viewer
}";

const PEOPLE: u32 = 100;
const HOPS: u32 = 5;
/// What each of them may see, and their agents may act on.
const RESOURCES: u32 = 15;

/// Asks for each person's last agent about everything its chain carries.
pub(crate) fn decisions() {
    let authority = Authority::in_memory(Options::default());
    let tenant = TenantName::new("default").expect("a name");
    let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned())];
    let questions: Vec<Question> = (0..PEOPLE).flat_map(|person| chain(&authority, person, &mut changes)).collect();
    authority.write(&tenant, Provenance::new("bench", "counting"), changes).expect("they are written");
    for question in &questions {
        let decided = counted(|| authority.decide(&tenant, question, Asked::by_library())).expect("a decision");
        assert_eq!(decided.disposition(), Disposition::Allow, "{}", decided.decision.message);
    }
}

pub(crate) fn questions() -> usize {
    (PEOPLE * RESOURCES) as usize
}

fn object(kind: &str, id: &str) -> ObjectRef {
    ObjectRef::new(kind, id).expect("it is one")
}

/// A person with a task, the chain under it, and what may be asked of its last agent.
fn chain(authority: &Authority, person: u32, changes: &mut Vec<Change>) -> Vec<Question> {
    let user = object("user", &format!("u{person}"));
    let resources: Vec<ObjectRef> =
        (0..RESOURCES).map(|number| object("resource", &format!("r{}", person * RESOURCES + number))).collect();
    let sees = |resource: &ObjectRef| Change::touched(format!("{resource}#viewer@{user}").parse().expect("it is one"));
    changes.extend(resources.iter().map(sees));
    changes.push(principal(user.clone(), None));
    let (task, opened_at) = (authority.mint_task_id(), authority.now());
    changes.push(Change::TaskOpened(Task {
        id: task.clone(),
        origin: user.clone(),
        purpose: "look after the resources".to_owned(),
        opened_at,
        expires_at: opened_at.plus_ms(86_400_000),
        state: TaskState::Open,
        declared: false,
        parent: None,
        owner: None,
        budgets: Vec::new(),
    }));
    let (mut from, mut parent) = (user.clone(), None);
    for hop in 0..HOPS {
        let (to, id) = (object("agent", &format!("a{}", person * HOPS + hop)), authority.mint_delegation_id());
        changes.push(principal(to.clone(), Some(user.clone())));
        changes.push(Change::DelegationCreated(Delegation {
            id: id.clone(),
            task: task.clone(),
            kind: DelegationKind::Lends,
            from,
            to: to.clone(),
            parent,
            cap: cap(&resources),
            depth: HOPS - hop,
            not_before: None,
            expires_at: None,
            revoked_at: None,
            declared: false,
            uses: None,
        }));
        (from, parent) = (to, Some(id));
    }
    let about = |resource: &ObjectRef| Question {
        actor: from.clone(),
        delegation: parent.clone(),
        permission: relation("act"),
        resource: resource.clone(),
        arguments: Context::new(),
        credential: None,
        tool_schema: None,
        context: Context::new(),
    };
    resources.iter().map(about).collect()
}

fn cap(resources: &[ObjectRef]) -> Cap {
    let resources = resources.iter().cloned().map(CapResource::Object).collect();
    Cap {
        clauses: vec![CapClause {
            permissions: CapPermissions::Only([relation("act")].into()),
            resources,
            condition: None,
        }],
    }
}

fn principal(object: ObjectRef, owner: Option<ObjectRef>) -> Change {
    Change::PrincipalSet(Principal { object, owner, state: PrincipalState::Active, declared: false })
}
