use prokura::{
    Authority, DelegationFilter, Options, Page, TaskFilter,
    model::{AuthzenMapping, Change, PrincipalState, RelationshipFilter, Revision, TaskState},
};

use super::support::{
    Hand, NOON, at_noon, delegation_id, object, owned, relation, snapshot, task, task_id, tenant, told, touch, write,
};

#[test]
fn everything_that_was_written_can_be_read() {
    let (authority, _) = at_noon();
    let snapshot = snapshot(&authority);
    assert_eq!(snapshot.tenant(), &tenant());
    assert_eq!(snapshot.schema().unwrap().unwrap().text(), super::support::SCHEMA);
    assert_eq!(snapshot.schema_birth().unwrap(), Some(Revision(1)));
    assert_eq!(snapshot.principals(&Page::default()).unwrap().entries.len(), 3);
    assert!(snapshot.principal(&object("agent:coder")).unwrap().is_some());
    assert!(snapshot.principal(&object("user:nobody")).unwrap().is_none());
    assert_eq!(snapshot.task(&task_id("plan")).unwrap().unwrap().origin, object("user:alice"));
    assert_eq!(snapshot.delegation(&delegation_id("first")).unwrap().unwrap().to, object("agent:planner"));
    assert!(snapshot.attributes(&object("document:plan")).unwrap().is_none());
    assert!(snapshot.all_attributes(&Page::default()).unwrap().entries.is_empty());
}

#[test]
fn tasks_and_delegations_are_filtered() {
    let (authority, _) = at_noon();
    write(&authority, vec![Change::TaskOpened(task("zebra", "agent:planner"))]).unwrap();
    write(&authority, vec![Change::TaskClosed(task_id("zebra"), TaskState::Cancelled)]).unwrap();
    let snapshot = snapshot(&authority);
    let tasks = |filter: TaskFilter| -> Vec<String> {
        let listed = snapshot.tasks(&filter, &Page::default()).unwrap();
        listed.entries.iter().map(|task| task.id.to_string()).collect()
    };
    assert_eq!(tasks(TaskFilter::default()), ["plan", "zebra"]);
    assert_eq!(tasks(TaskFilter { origin: Some(object("user:alice")), ..TaskFilter::default() }), ["plan"]);
    assert_eq!(tasks(TaskFilter { state: Some(TaskState::Cancelled), ..TaskFilter::default() }), ["zebra"]);
    let delegations = |filter: DelegationFilter| -> Vec<String> {
        let listed = snapshot.delegations(&filter, &Page::default()).unwrap();
        listed.entries.iter().map(|link| link.id.to_string()).collect()
    };
    let none = DelegationFilter::default();
    assert_eq!(delegations(none.clone()), ["first", "second"]);
    assert_eq!(delegations(DelegationFilter { task: Some(task_id("zebra")), ..none.clone() }), [""; 0]);
    assert_eq!(delegations(DelegationFilter { from: Some(object("user:alice")), ..none.clone() }), ["first"]);
    assert_eq!(delegations(DelegationFilter { to: Some(object("agent:coder")), ..none }), ["second"]);
}

#[test]
fn pages_lead_through_every_relationship_once() {
    let (authority, _) = at_noon();
    let people = ["ann", "bob", "cyd", "\"d e\"", "\"ü\""];
    write(&authority, people.iter().map(|id| touch(&format!("document:plan#viewer@user:{id}"))).collect()).unwrap();
    let snapshot = snapshot(&authority);
    let all = RelationshipFilter::default();
    let whole = snapshot.relationships(&all, &Page::first(100)).unwrap();
    assert_eq!((whole.entries.len(), &whole.next), (6, &None));
    for size in 1..=7 {
        let mut found = Vec::new();
        let mut page = Page::first(size);
        loop {
            let listed = snapshot.relationships(&all, &page).unwrap();
            found.extend(listed.entries);
            let Some(next) = listed.next else { break };
            page.after = Some(next);
        }
        assert_eq!(found, whole.entries, "pages of {size}");
    }
    let wrong = Page { size: 1, after: Some("d-7".to_owned()) };
    assert_eq!(snapshot.relationships(&all, &wrong).unwrap_err().code(), "cursor_invalid");
}

#[test]
fn pages_of_tasks_go_on_after_the_last_one() {
    let (authority, _) = at_noon();
    let opened = (0..5).map(|number| Change::TaskOpened(task(&format!("t{number}"), "user:alice")));
    write(&authority, opened.collect()).unwrap();
    let snapshot = snapshot(&authority);
    let mut page = Page::first(4);
    let first = snapshot.tasks(&TaskFilter::default(), &page).unwrap();
    page.after.clone_from(&first.next);
    let second = snapshot.tasks(&TaskFilter::default(), &page).unwrap();
    let ids: Vec<_> = first.entries.iter().chain(&second.entries).map(|task| task.id.as_str().to_owned()).collect();
    assert_eq!(ids, ["plan", "t0", "t1", "t2", "t3", "t4"]);
    assert_eq!(second.next, None);
    page.after = Some("no such id!".to_owned());
    assert_eq!(snapshot.tasks(&TaskFilter::default(), &page).unwrap_err().code(), "cursor_invalid");
}

#[test]
fn pages_of_principals_lead_through_all_of_them_once() {
    let (authority, _) = at_noon();
    let more = ["user:a", "user:\"a b\"", "user:\"a:b\"", "user:a/b", "folder:zz"];
    write(&authority, more.iter().map(|text| super::support::principal(text)).collect()).unwrap();
    let snapshot = snapshot(&authority);
    let whole = snapshot.principals(&Page::first(100)).unwrap().entries;
    assert_eq!(whole.len(), 8);
    for size in 1..=9 {
        let mut found = Vec::new();
        let mut page = Page::first(size);
        loop {
            let listed = snapshot.principals(&page).unwrap();
            found.extend(listed.entries);
            let Some(next) = listed.next else { break };
            page.after = Some(next);
        }
        assert_eq!(found, whole, "pages of {size}");
    }
}

#[test]
fn limit_page_entries_max() {
    let (authority, _) = at_noon();
    let snapshot = snapshot(&authority);
    let most = prokura::limits::PAGE_ENTRIES_MAX;
    let all = RelationshipFilter::default();
    snapshot.relationships(&all, &Page::first(most)).unwrap();
    snapshot.principals(&Page::first(most)).unwrap();
    for size in [0, most + 1] {
        assert_eq!(snapshot.relationships(&all, &Page::first(size)).unwrap_err().code(), "page_size");
        assert_eq!(snapshot.principals(&Page::first(size)).unwrap_err().code(), "page_size");
        let decisions = authority.decisions(&tenant(), &prokura::DecisionFilter::default(), &Page::first(size));
        assert_eq!(decisions.unwrap_err().code(), "page_size");
    }
}

#[test]
fn older_revisions_stay_readable_for_a_while_and_are_then_refused() {
    let authority = Authority::in_memory(Options { kept_revisions: 3, ..Hand::at(NOON).options() });
    told(&authority);
    let first = snapshot(&authority);
    let all = RelationshipFilter::default();
    for number in 2..=3 {
        write(&authority, vec![touch(&format!("document:plan#viewer@user:u{number}"))]).unwrap();
    }
    let older = authority.snapshot_at(&tenant(), Revision(2)).unwrap();
    assert_eq!(older.relationships(&all, &Page::default()).unwrap().entries.len(), 2);
    assert_eq!(first.relationships(&all, &Page::default()).unwrap().entries.len(), 1);
    for number in 4..=20 {
        write(&authority, vec![touch(&format!("document:plan#viewer@user:u{number}"))]).unwrap();
    }
    assert_eq!(first.relationships(&all, &Page::default()).unwrap_err().code(), "revision_not_kept");
    assert_eq!(first.task(&task_id("plan")).unwrap_err().code(), "revision_not_kept");
    for revision in [Revision(1), Revision(21)] {
        let error = authority.snapshot_at(&tenant(), revision).unwrap_err();
        assert_eq!(error.code(), "revision_not_kept");
    }
    // What was promised is there, and reads as it did.
    for revision in 17..=20 {
        let kept = authority.snapshot_at(&tenant(), Revision(revision)).unwrap();
        let found = kept.relationships(&all, &Page::default()).unwrap().entries.len();
        assert_eq!(found as u64, revision);
    }
}

#[test]
fn limit_revisions_kept_default() {
    let kept = prokura::limits::REVISIONS_KEPT_DEFAULT;
    assert_eq!(Options::default().kept_revisions, kept);
    let authority = Authority::in_memory(Options::default());
    told(&authority);
    for number in 0..kept * 2 {
        write(&authority, vec![touch(&format!("document:plan#viewer@user:u{}", number % 10))]).unwrap();
    }
    let head = snapshot(&authority).revision().0;
    authority.snapshot_at(&tenant(), Revision(head - kept)).unwrap();
    assert_eq!(authority.snapshot_at(&tenant(), Revision(1)).unwrap_err().code(), "revision_not_kept");
}

#[test]
fn a_standing_says_with_whose_authority_and_within_what() {
    let (authority, _) = at_noon();
    let snapshot = snapshot(&authority);
    let standing = |actor: &str, id: Option<&str>| {
        let id = id.map(delegation_id);
        snapshot.standing(&object(actor), id.as_ref(), None).unwrap()
    };
    let own = standing("agent:coder", None).unwrap();
    assert_eq!((own.authority, own.chain.len()), (object("agent:coder"), 0));
    let lent = standing("agent:coder", Some("second")).unwrap();
    assert_eq!((&lent.authority, lent.chain.len()), (&object("user:alice"), 2));
    let covers = |resource: &str| {
        snapshot.covers(&lent, &relation("view"), &object(resource), &prokura::Context::new()).unwrap()
    };
    assert!(covers("document:plan"));
    assert!(!covers("folder:plan"), "the caps are about documents");
    assert_eq!(standing("agent:coder", Some("first")), None, "it was made to somebody else");
    assert_eq!(standing("agent:coder", Some("third")), None, "there is none");
    // It is the head's, whatever the snapshot's revision.
    write(&authority, vec![owned("agent:coder", None, PrincipalState::Suspended)]).unwrap();
    assert_eq!(standing("agent:coder", None), None);
    assert_eq!(standing("agent:coder", Some("second")), None);
}

#[test]
fn every_revision_has_its_own_authzen_mapping() {
    let (authority, _) = at_noon();
    let names = |permission: &str| AuthzenMapping {
        actions: [("GET".to_owned(), relation(permission))].into(),
        ..AuthzenMapping::default()
    };
    let before = snapshot(&authority);
    write(&authority, vec![Change::AuthzenMappingSet(names("view"))]).unwrap();
    let first = snapshot(&authority);
    write(&authority, vec![Change::AuthzenMappingSet(names("edit"))]).unwrap();
    let second = snapshot(&authority);
    write(&authority, vec![Change::AuthzenMappingSet(AuthzenMapping::default())]).unwrap();
    assert_eq!(before.authzen_mapping().unwrap(), None);
    assert_eq!(first.authzen_mapping().unwrap().as_deref(), Some(&names("view")));
    assert_eq!(second.authzen_mapping().unwrap().as_deref(), Some(&names("edit")));
    assert_eq!(snapshot(&authority).authzen_mapping().unwrap(), None);
}
