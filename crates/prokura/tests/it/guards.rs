//! Guards through the library: what is decided, what is kept of it, and what lists leave out.

use std::{collections::BTreeMap, sync::Arc};

use prokura::{
    Authority, FoundSubject, MemoryDisk, Permissionship, Question, ResourceLookup, SubjectLookup,
    model::{Change, Credential, Disposition, FiredGuard, GuardName, ObjectId, Reason, SubjectRef, Timestamp, Value},
};

use super::support::{Hand, NOON, ask, object, question, read, relation, snapshot, story, tenant, touch, write};

const SCHEMA: &str = "use guards
definition user { attribute rank int; }
definition agent {}
definition folder {
    relation viewer: user
    permission view = viewer
}
definition document {
    attribute label string
    relation folder: folder
    relation editor: user | agent
    relation viewer: user | user:*
    permission edit = editor
    permission view = viewer + edit + folder->view
}
guard secrets(ticket string) on document#edit {
    when resource.label == \"secret\"
    require ticket.startsWith(\"CHG-\")
    require approval from document#view within 15m
    record before answer
}
guard known on document#edit {
    require !has(credential.method) || credential.method != \"carrier_pigeon\"
}
guard ranks on document#view {
    require has(actor.rank) && actor.rank > 2
}
guard hours on folder#view {
    require now < timestamp(\"2027-06-01T00:00:00Z\")
}
";

fn labelled(name: &str, value: &str) -> Change {
    let attributes = BTreeMap::from([("label".to_owned(), Value::String(value.to_owned()))]);
    Change::AttributesSet(object(name), attributes)
}

fn guarded(disk: &MemoryDisk) -> Authority {
    let authority = Authority::open_on(Arc::new(disk.clone()), Hand::at(NOON).options()).unwrap();
    let mut changes = story();
    changes.retain(|change| !matches!(change, Change::SchemaWritten(_)));
    changes.insert(0, Change::SchemaWritten(SCHEMA.to_owned()));
    let rank = BTreeMap::from([("rank".to_owned(), Value::Integer(3))]);
    changes.extend([
        touch("document:memo#editor@user:alice"),
        touch("document:open#viewer@user:*"),
        touch("document:plan#viewer@user:bob"),
        touch("folder:all#viewer@user:alice"),
        labelled("document:plan", "public"),
        labelled("document:memo", "secret"),
        Change::AttributesSet(object("user:alice"), rank),
    ]);
    write(&authority, changes).unwrap();
    authority
}

fn edits(resource: &str) -> Question {
    question("user:alice", "edit", resource, None)
}

#[test]
fn a_guard_says_why_and_what_for() {
    let authority = guarded(&MemoryDisk::new());
    let plain = ask(&authority, &edits("document:plan")).unwrap().decision;
    assert_eq!((plain.reason, plain.guarded, plain.record_first), (Reason::OwnAuthority, true, false));
    let missing = ask(&authority, &edits("document:memo")).unwrap().decision;
    assert_eq!((missing.reason, missing.missing), (Reason::ContextMissing, vec!["ticket".to_owned()]));

    let mut with_ticket = edits("document:memo");
    with_ticket.arguments = BTreeMap::from([("ticket".to_owned(), Value::String("CHG-1".to_owned()))]);
    let held = ask(&authority, &with_ticket).unwrap();
    assert_eq!(held.disposition(), Disposition::Held);
    assert_eq!(held.decision.reason, Reason::ApprovalRequired);
    let what_for = held.decision.held.unwrap();
    assert_eq!(what_for.guard.as_str(), "secrets");
    assert_eq!(what_for.demand.to_string(), "approval from document#view within 15m, once");
    assert!(held.decision.message.contains("secrets"), "{}", held.decision.message);

    let mut by_pigeon = edits("document:plan");
    by_pigeon.credential = Some(Credential { method: "carrier_pigeon".to_owned(), authenticated_at: None });
    assert_eq!(ask(&authority, &by_pigeon).unwrap().decision.reason, Reason::GuardRequires);
    // What is not allowed anyway is not for guards to say.
    assert_eq!(ask(&authority, &question("user:bob", "edit", "document:memo", None)).unwrap().decision.fired, []);
}

#[test]
fn an_allow_that_looks_at_the_time_is_good_for_now() {
    let authority = guarded(&MemoryDisk::new());
    let decision = ask(&authority, &question("user:alice", "view", "folder:all", None)).unwrap().decision;
    assert_eq!((decision.reason, decision.valid_until), (Reason::OwnAuthority, Some(Timestamp(NOON))));
}

#[test]
fn what_a_guard_wants_recorded_first_is_on_disk_with_the_answer() {
    let disk = MemoryDisk::new();
    let authority = guarded(&disk);
    let mut asked = edits("document:memo");
    let credential = Credential { method: "api_key".to_owned(), authenticated_at: Some(Timestamp(NOON)) };
    asked.credential = Some(credential.clone());
    let decided = ask(&authority, &asked).unwrap();
    let copy = MemoryDisk::with_files(disk.files());
    authority.close();

    let later = Authority::open_on(Arc::new(copy), Hand::at(NOON).options()).unwrap();
    let record = later.decision(&tenant(), &decided.id).unwrap().expect("it was on disk");
    let names: Vec<&str> = record.fired.iter().map(|fired| fired.name.as_str()).collect();
    assert_eq!(names, ["known", "secrets"]);
    let demanded =
        ["ticket.startsWith(\"CHG-\")", "approval from document#view within 15m, once", "record before answer"];
    let secrets = FiredGuard {
        name: GuardName::new("secrets").unwrap(),
        demanded: demanded.map(str::to_owned).into(),
        approvals: Vec::new(),
    };
    assert_eq!(record.fired[1], secrets);
    assert_eq!(record.credential, Some(credential));
}

#[test]
fn lists_leave_out_what_guards_do_not_allow() {
    let authority = guarded(&MemoryDisk::new());
    let snapshot = snapshot(&authority);
    let found = |permission: &str| {
        let lookup = ResourceLookup {
            kind: read("document"),
            permission: relation(permission),
            subject: SubjectRef::Object(object("user:alice")),
            context: BTreeMap::new(),
        };
        let found = snapshot.lookup_resources_all(&lookup).unwrap();
        found.into_iter().map(|found| (found.id.as_str().to_owned(), found.permissionship)).collect::<Vec<_>>()
    };
    let memo = Permissionship::Conditional(vec!["ticket".to_owned()]);
    assert_eq!(found("edit"), [("memo".to_owned(), memo.clone()), ("plan".to_owned(), Permissionship::Has)]);
    for (id, permissionship) in found("view").into_iter().chain(found("edit")) {
        assert_ne!(permissionship, Permissionship::HasNot, "{id}");
    }

    let who = |resource: &str| {
        let lookup = SubjectLookup {
            resource: object(resource),
            permission: relation("view"),
            kind: read("user"),
            relation: None,
            context: BTreeMap::new(),
        };
        let found: Vec<FoundSubject> = snapshot.lookup_subjects_all(&lookup).unwrap();
        found.into_iter().map(|found| found.id).collect::<Vec<_>>()
    };
    // Of all whom everybody stands for, only alice has a rank.
    assert_eq!(who("document:open"), [Some(ObjectId::new("alice").unwrap())]);
    assert_eq!(who("document:plan"), [Some(ObjectId::new("alice").unwrap())]);

    let has = snapshot.permissions(&object("document:memo"), &object("user:alice").into(), &BTreeMap::new()).unwrap();
    assert!(has.contains(&(relation("edit"), memo)), "{has:?}");
    let bobs = snapshot.permissions(&object("document:plan"), &object("user:bob").into(), &BTreeMap::new()).unwrap();
    assert!(bobs.contains(&(relation("view"), Permissionship::HasNot)), "{bobs:?}");
    assert!(bobs.contains(&(relation("viewer"), Permissionship::Has)), "{bobs:?}");
    // Whoever looks at relationships alone sees them as they are.
    let raw = snapshot.check(&object("document:plan"), &relation("view"), &object("user:bob").into(), &BTreeMap::new());
    assert_eq!(raw.unwrap(), Permissionship::Has);
}

#[test]
fn an_attribute_is_of_the_type_that_is_declared() {
    let authority = guarded(&MemoryDisk::new());
    let set = |value| Change::AttributesSet(object("document:plan"), [("label".to_owned(), value)].into());
    let error = write(&authority, vec![set(Value::Integer(3))]).unwrap_err();
    assert_eq!(error.code(), "value_invalid");
    let told = "attribute `label` of `document:plan`: a string is needed, and this is the number `3`";
    assert_eq!(error.to_string(), told);
    write(&authority, vec![set(Value::String("public".to_owned()))]).unwrap();
}
