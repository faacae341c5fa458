//! Every way in which a write can be refused.

use std::collections::BTreeMap;

use prokura::{
    Authority,
    model::{
        Change, Delegation, Fault, Key, KeyId, KeyRole, KeyScope, PrincipalState, TaskState, TenantName, Timestamp,
        Value,
    },
};

use super::support::{
    HOUR, Hand, NOON, at_noon, by, cap, delegation_id, delete, link, object, only, owned, principal, schema, task,
    task_id, tenant, told, touch, write,
};

/// The code and the words of the refusal.
fn refused(authority: &Authority, changes: Vec<Change>) -> (&'static str, String) {
    let revision = authority.snapshot(&tenant()).unwrap().revision();
    let error = write(authority, changes).unwrap_err();
    assert_eq!(authority.snapshot(&tenant()).unwrap().revision(), revision, "something was written");
    assert_eq!(error.fault(), Fault::Caller, "{error}");
    (error.code(), error.to_string())
}

#[track_caller]
fn refuses(changes: Vec<Change>, code: &str, words: &str) {
    let (authority, _) = at_noon();
    let (found, message) = refused(&authority, changes);
    assert_eq!(found, code, "{message}");
    assert!(message.contains(words), "`{message}` does not say `{words}`");
}

fn changed(change: impl FnOnce(&mut Delegation)) -> Vec<Change> {
    let mut delegation = link("new", "agent:planner", "agent:coder", Some("first"));
    change(&mut delegation);
    vec![Change::DelegationCreated(delegation)]
}

#[test]
fn of_the_transaction() {
    refuses(vec![], "no_changes", "at least one");
    refuses(vec![Change::TenantCreated(TenantName::new("acme").unwrap())], "change_reserved", "their own operations");
    refuses(vec![Change::KeyRevoked(KeyId::new("k-1").unwrap())], "change_reserved", "their own operations");
    let key = Key {
        id: KeyId::new("k-1").unwrap(),
        name: "mine".to_owned(),
        digest: [0; 32],
        role: KeyRole::Admin,
        scope: KeyScope::AllTenants,
        created_at: Timestamp(0),
        revoked_at: None,
    };
    refuses(vec![Change::KeyCreated(key)], "change_reserved", "their own operations");
    let both = vec![touch("document:plan#viewer@user:bob"), delete("document:plan#viewer@user:bob")];
    refuses(both, "changes_contradict", "document:plan#viewer@user:bob");
}

#[test]
fn of_tenants() {
    let (authority, _) = at_noon();
    let [nowhere, system] = ["nowhere", "system"].map(|name| TenantName::new(name).unwrap());
    let code = |tenant: &TenantName| authority.write(tenant, by("user:tester"), vec![schema()]).unwrap_err().code();
    assert_eq!(code(&nowhere), "tenant_unknown");
    assert_eq!(code(&system), "tenant_reserved");
    assert_eq!(authority.create_tenant(&system, by("key:k")).unwrap_err().code(), "tenant_reserved");
    assert_eq!(authority.create_tenant(&tenant(), by("key:k")).unwrap_err().code(), "tenant_exists");
    assert_eq!(authority.snapshot(&system).unwrap_err().code(), "tenant_unknown");
}

#[test]
fn of_provenance() {
    let (authority, _) = at_noon();
    let code = |provenance| authority.write(&tenant(), provenance, vec![schema()]).unwrap_err().code();
    assert_eq!(code(by("")), "provenance_invalid");
    assert_eq!(code(by("user:\u{7}")), "provenance_invalid");
    assert_eq!(code(by("user:alice").with_request_id("")), "provenance_invalid");
    assert_eq!(code(prokura::Provenance::new("user:alice", "a\u{1b}[2J")), "provenance_invalid");
}

#[test]
fn of_schemas() {
    refuses(vec![Change::SchemaWritten("definition user { relation }".to_owned())], "schema_invalid", "the schema has");
    let without_editors = "definition user {}\ndefinition agent {}\ndefinition document {\nrelation viewer: user\n}";
    refuses(
        vec![Change::SchemaWritten(without_editors.to_owned())],
        "schema_strands_relationships",
        "document:plan#editor@user:alice",
    );
    let authority = Authority::in_memory(Hand::at(NOON).options());
    let (code, message) = refused(&authority, vec![touch("document:plan#viewer@user:bob")]);
    assert_eq!(code, "schema_missing", "{message}");
}

#[test]
fn a_schema_may_strand_what_goes_with_it() {
    let (authority, _) = at_noon();
    let narrower = "definition user {}\ndefinition document {\nrelation viewer: user\n}".to_owned();
    let changes = vec![
        Change::SchemaWritten(narrower),
        delete("document:plan#editor@user:alice"),
        touch("document:plan#viewer@user:alice"),
        Change::PrincipalRemoved(object("agent:planner")),
        Change::PrincipalRemoved(object("agent:coder")),
    ];
    write(&authority, changes).unwrap();
    let (code, _) = refused(&authority, vec![touch("document:plan#editor@user:alice")]);
    assert_eq!(code, "relationship_invalid");
}

#[test]
fn of_schemas_that_drop_a_type_in_use() {
    let without_agents = "definition user {}\ndefinition document {\nrelation editor: user\n}".to_owned();
    let without_agents = Change::SchemaWritten(without_agents);
    let (authority, _) = at_noon();
    let mut many: Vec<_> = (0..10).map(|number| principal(&format!("agent:a{number}"))).collect();
    many.push(Change::TaskOpened(task("run", "agent:coder")));
    write(&authority, many).unwrap();
    let (code, message) = refused(&authority, vec![without_agents.clone()]);
    assert_eq!(code, "schema_strands_principals");
    assert!(message.contains("13 uses") && message.contains("principal `agent:a0`"), "{message}");
    assert_eq!(message.matches("agent:").count(), 10, "{message}");
    let mut ending: Vec<_> = (0..10).map(|number| format!("agent:a{number}")).collect();
    ending.extend(["agent:planner", "agent:coder"].map(str::to_owned));
    let mut ending: Vec<_> = ending.iter().map(|text| Change::PrincipalRemoved(object(text))).collect();
    ending.push(without_agents);
    let (code, message) = refused(&authority, ending.clone());
    assert_eq!(code, "schema_strands_principals");
    assert!(message.contains("1 uses") && message.contains("origin `agent:coder` of task `run`"), "{message}");
    ending.push(Change::TaskClosed(task_id("run"), TaskState::Cancelled));
    write(&authority, ending).unwrap();
}

#[test]
fn of_relationships() {
    refuses(vec![touch("document:plan#editors@user:bob")], "relationship_invalid", "did you mean `editor`");
    refuses(vec![touch("document:plan#view@user:bob")], "relationship_invalid", "permission");
    refuses(vec![touch("document:plan#editor@folder:all")], "relationship_invalid", "allows");
    refuses(vec![touch("docment:plan#editor@user:bob")], "relationship_invalid", "did you mean `document`");
    // A misspelt deletion would leave the right in place without a word.
    refuses(vec![delete("document:plan#editors@user:alice")], "relationship_invalid", "did you mean `editor`");
    let (authority, _) = at_noon();
    write(&authority, vec![delete("document:plan#editor@user:nobody")]).unwrap();
}

#[test]
fn of_attributes() {
    let set = |kind: &str, value: Value| {
        vec![Change::AttributesSet(object(kind), BTreeMap::from([("sensitivity".to_owned(), value)]))]
    };
    refuses(set("docment:plan", Value::Null), "type_unknown", "did you mean `document`");
    refuses(set("document:plan", Value::Float(f64::NAN)), "value_invalid", "NaN");
}

#[test]
fn of_principals() {
    refuses(vec![principal("agnt:x")], "type_unknown", "did you mean `agent`");
    refuses(vec![owned("agent:x", Some("usr:a"), PrincipalState::Active)], "type_unknown", "owner of `agent:x`");
    refuses(vec![owned("agent:x", Some("agent:x"), PrincipalState::Active)], "principal_owns_itself", "agent:x");
    refuses(vec![Change::PrincipalRemoved(object("agent:x"))], "principal_unknown", "register it first");
}

#[test]
fn of_tasks() {
    let changed = |change: &dyn Fn(&mut prokura::model::Task)| {
        let mut task = task("new", "user:alice");
        change(&mut task);
        vec![Change::TaskOpened(task)]
    };
    refuses(vec![Change::TaskOpened(task("plan", "user:alice"))], "task_exists", "plan");
    refuses(changed(&|task| task.state = TaskState::Completed), "task_not_open", "completed");
    refuses(changed(&|task| task.origin = object("usr:alice")), "type_unknown", "origin of task `new`");
    refuses(changed(&|task| task.origin = object("user:bob")), "principal_unknown", "user:bob");
    refuses(
        changed(&|task| task.expires_at = Timestamp(NOON)),
        "expiry_passed",
        "expires at 2027-01-15T08:00:00.000Z, and it is 2027-01-15T08:00:00.000Z already",
    );
    for (state, word) in [(PrincipalState::Suspended, "suspended"), (PrincipalState::OffBoarded, "off_boarded")] {
        let mut stopped = changed(&|_| {});
        stopped.insert(0, owned("user:alice", None, state));
        refuses(stopped, "principal_not_active", word);
    }
    let mut orphaned = changed(&|task| task.origin = object("agent:coder"));
    orphaned.insert(0, owned("user:alice", None, PrincipalState::OffBoarded));
    orphaned.insert(0, owned("agent:coder", Some("user:alice"), PrincipalState::Active));
    refuses(orphaned, "owner_off_boarded", "its owner `user:alice`");
    refuses(vec![Change::TaskClosed(task_id("none"), TaskState::Completed)], "task_unknown", "none");
    refuses(vec![Change::TaskClosed(task_id("plan"), TaskState::Open)], "value_invalid", "`completed` or `cancelled`");
    let close = |state| vec![Change::TaskClosed(task_id("plan"), state)];
    let (authority, _) = at_noon();
    write(&authority, close(TaskState::Cancelled)).unwrap();
    for state in [TaskState::Completed, TaskState::Cancelled] {
        assert_eq!(refused(&authority, close(state)).0, "task_not_open");
    }
}

#[test]
fn of_delegations_and_their_task() {
    refuses(changed(|link| link.id = delegation_id("first")), "delegation_exists", "first");
    refuses(changed(|link| link.revoked_at = Some(Timestamp(1))), "already_revoked", "new");
    refuses(changed(|link| link.task = task_id("none")), "task_unknown", "none");
    let (authority, hand) = at_noon();
    hand.set(NOON + HOUR);
    let (code, message) = refused(&authority, changed(|_| {}));
    assert_eq!(code, "task_expired");
    assert_eq!(message, "task `plan` expired at 2027-01-15T09:00:00.000Z");
    let (authority, _) = at_noon();
    write(&authority, vec![Change::TaskClosed(task_id("plan"), TaskState::Completed)]).unwrap();
    assert_eq!(refused(&authority, changed(|_| {})).0, "task_not_open");
    refuses(vec![Change::DelegationRevoked(delegation_id("none"))], "delegation_unknown", "none");
}

#[test]
fn of_delegations_and_who_is_on_them() {
    refuses(changed(|link| link.from = object("agnt:planner")), "type_unknown", "`from` of delegation `new`");
    refuses(changed(|link| link.to = object("agnt:planner")), "type_unknown", "`to` of delegation `new`");
    refuses(changed(|link| link.from = object("user:bob")), "principal_unknown", "register it first");
    refuses(changed(|link| link.to = object("agent:planner")), "delegation_to_itself", "`agent:planner` to itself");
    let suspended = |state| {
        let mut changes = changed(|_| {});
        changes.insert(0, owned("agent:planner", None, state));
        changes
    };
    refuses(suspended(PrincipalState::Suspended), "principal_not_active", "suspended");
    refuses(suspended(PrincipalState::OffBoarded), "principal_not_active", "off_boarded");
    let mut orphaned = changed(|_| {});
    orphaned.insert(0, owned("agent:planner", Some("user:alice"), PrincipalState::Active));
    orphaned.insert(0, owned("user:alice", None, PrincipalState::OffBoarded));
    refuses(orphaned, "owner_off_boarded", "user:alice");
}

#[test]
fn of_delegations_and_their_parent() {
    refuses(changed(|link| link.parent = None), "root_not_origin", "user:alice");
    refuses(changed(|link| link.parent = Some(delegation_id("none"))), "delegation_unknown", "none");
    refuses(changed(|link| link.parent = Some(delegation_id("second"))), "parent_to_other", "agent:coder");
    refuses(changed(|link| link.depth = 2), "delegation_too_deep", "at most 1");
    let mut other_task = vec![Change::TaskOpened(task("other", "user:alice"))];
    other_task.extend(changed(|link| link.task = task_id("other")));
    refuses(other_task, "parent_of_other_task", "plan");
    let mut revoked = vec![Change::DelegationRevoked(delegation_id("first"))];
    revoked.extend(changed(|_| {}));
    refuses(revoked, "parent_revoked", "first");
    // A dead grandparent is as bad.
    let mut below_revoked = vec![Change::DelegationRevoked(delegation_id("first"))];
    below_revoked.extend(changed(|link| {
        link.from = object("agent:coder");
        link.to = object("agent:planner");
        link.parent = Some(delegation_id("second"));
        link.depth = 0;
    }));
    refuses(below_revoked, "parent_revoked", "first");
}

#[test]
fn of_delegations_and_their_depth() {
    let (authority, _) = at_noon();
    let flat = changed(|link| link.depth = 0);
    write(&authority, flat).unwrap();
    let below = changed(|link| {
        link.id = delegation_id("below");
        link.from = object("agent:coder");
        link.to = object("agent:planner");
        link.parent = Some(delegation_id("new"));
        link.depth = 0;
    });
    assert_eq!(refused(&authority, below).0, "parent_not_passed_on");
    let hand = Hand::at(NOON);
    let mut options = hand.options();
    options.limits.chain_links = 2;
    let authority = Authority::in_memory(options);
    told(&authority);
    let third = changed(|link| {
        link.from = object("agent:coder");
        link.to = object("agent:planner");
        link.parent = Some(delegation_id("second"));
        link.depth = 0;
    });
    assert_eq!(refused(&authority, third).0, "chain_too_long");
}

#[test]
fn of_delegations_and_their_time() {
    let at = |milliseconds| Some(Timestamp(milliseconds));
    refuses(changed(|link| link.expires_at = at(NOON + HOUR + 1)), "outlives_task", "plan");
    refuses(changed(|link| link.expires_at = at(NOON)), "expiry_passed", "delegation `new`");
    refuses(
        changed(|link| (link.not_before, link.expires_at) = (at(NOON + 9), at(NOON + 9))),
        "never_valid",
        "before it begins",
    );
    refuses(changed(|link| link.not_before = at(NOON + HOUR)), "never_valid", "before it begins");
    let (authority, hand) = at_noon();
    let mut short = link("short", "user:alice", "agent:planner", None);
    short.expires_at = at(NOON + 10);
    write(&authority, vec![Change::DelegationCreated(short)]).unwrap();
    let under_short = |expires_at| {
        changed(|link| {
            link.parent = Some(delegation_id("short"));
            link.expires_at = expires_at;
        })
    };
    assert_eq!(refused(&authority, under_short(at(NOON + 11))).0, "outlives_parent");
    hand.set(NOON + 10);
    assert_eq!(refused(&authority, under_short(None)).0, "parent_expired");
}

#[test]
fn of_caps() {
    refuses(changed(|link| link.cap = cap(only("edit"), "docment:*")), "type_unknown", "did you mean `document`");
    refuses(changed(|link| link.cap = cap(only("edt"), "document:plan")), "member_unknown", "did you mean `edit`");
    let (authority, _) = at_noon();
    let mut mixed = cap(only("edit"), "document:*");
    let mut clause = mixed.clauses.remove(0);
    // `edit` is a permission of documents, though not of folders.
    clause.resources.insert(super::support::read("folder:*"));
    mixed.clauses.push(clause);
    let root = Delegation { cap: mixed, ..link("mixed", "user:alice", "agent:coder", None) };
    write(&authority, vec![Change::DelegationCreated(root)]).unwrap();
}
