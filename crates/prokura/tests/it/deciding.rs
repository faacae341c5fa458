use std::collections::BTreeMap;

use prokura::{
    Asked, Authority, DecisionFilter, Options, Page, limits,
    model::{
        Change, DecisionId, DecisionRecord, Disposition, Outcome, Reason, TaskState, TenantName, Timestamp, Value,
    },
};

use super::support::{
    HOUR, NOON, ask, at_noon, coder_edits, delegation_id, delete, object, owned, question, reason, relation, task_id,
    tenant, told, touch, write,
};

fn recorded(authority: &Authority, filter: &DecisionFilter) -> Vec<DecisionRecord> {
    authority.decisions(&tenant(), filter, &Page::first(100)).unwrap().records
}

#[test]
fn lent_authority_ends_with_the_edge_it_rests_on() {
    let (authority, _) = at_noon();
    let allowed = ask(&authority, &coder_edits()).unwrap();
    assert_eq!(allowed.disposition(), Disposition::Allow);
    assert_eq!(allowed.decision.reason, Reason::LentAuthority);
    assert_eq!(allowed.decision.valid_until, Some(Timestamp(NOON + HOUR)));
    write(&authority, vec![delete("document:plan#editor@user:alice")]).unwrap();
    assert_eq!(reason(&authority, &coder_edits()), Reason::OriginLacksPermission);
}

#[test]
fn own_authority_is_all_there_is_without_a_delegation() {
    let (authority, _) = at_noon();
    assert_eq!(reason(&authority, &question("user:alice", "edit", "document:plan", None)), Reason::OwnAuthority);
    assert_eq!(reason(&authority, &question("agent:coder", "edit", "document:plan", None)), Reason::NoPath);
    let not_its_own = question("agent:planner", "edit", "document:plan", Some("second"));
    assert_eq!(reason(&authority, &not_its_own), Reason::DelegationNotForActor);
}

#[test]
fn whatever_ends_a_chain_ends_it_at_the_next_decision() {
    type End = (Vec<Change>, Reason);
    let ends: Vec<End> = vec![
        (vec![Change::TaskClosed(task_id("plan"), TaskState::Completed)], Reason::TaskCompleted),
        (vec![Change::TaskClosed(task_id("plan"), TaskState::Cancelled)], Reason::TaskCancelled),
        (vec![Change::DelegationRevoked(delegation_id("first"))], Reason::DelegationRevoked),
        (vec![Change::DelegationRevoked(delegation_id("second"))], Reason::DelegationRevoked),
        (vec![owned("agent:coder", None, prokura::model::PrincipalState::Suspended)], Reason::ActorSuspended),
        (vec![owned("agent:planner", None, prokura::model::PrincipalState::Suspended)], Reason::PrincipalSuspended),
        (vec![Change::PrincipalRemoved(object("agent:planner"))], Reason::ChainBroken),
    ];
    for (changes, expected) in ends {
        let (authority, _) = at_noon();
        assert_eq!(reason(&authority, &coder_edits()), Reason::LentAuthority);
        write(&authority, changes).unwrap();
        assert_eq!(reason(&authority, &coder_edits()), expected);
    }
    let (authority, hand) = at_noon();
    hand.set(NOON + HOUR);
    assert_eq!(reason(&authority, &coder_edits()), Reason::TaskExpired);
}

#[test]
fn a_decision_is_recorded_with_everything_it_rests_on() {
    let (authority, hand) = at_noon();
    hand.set(NOON + 3);
    let request = Value::Map(BTreeMap::from([("context".to_owned(), Value::String("ticket 7".to_owned()))]));
    let asked = Asked {
        door: "authzen".to_owned(),
        enforcement_point: "key:gateway".to_owned(),
        request_id: Some("r-9".to_owned()),
        span: None,
        request: request.clone(),
        reserve_ms: None,
        place: None,
    };
    let decided = authority.decide(&tenant(), &coder_edits(), asked).unwrap();
    let record = authority.decision(&tenant(), &decided.id).unwrap().unwrap();
    assert_eq!(record.id, decided.id);
    assert_eq!(record.time, Timestamp(NOON + 3));
    assert_eq!(record.revision, decided.decision.revision);
    assert_eq!(record.actor, object("agent:coder"));
    assert_eq!((record.permission, record.resource), (relation("edit"), object("document:plan")));
    assert_eq!(record.delegation, Some(delegation_id("second")));
    assert_eq!((record.task, record.origin), (Some(task_id("plan")), Some(object("user:alice"))));
    let links: Vec<_> = record.chain.iter().map(|link| link.delegation.as_str()).collect();
    assert_eq!(links, ["first", "second"]);
    assert_eq!(record.outcome, Outcome::Decided(Reason::LentAuthority));
    assert_eq!(record.message, decided.decision.message);
    assert_eq!(record.witness, decided.decision.witness);
    assert_eq!(record.witness[0].relationship.to_string(), "document:plan#editor@user:alice");
    assert_eq!((record.request, record.request_id.as_deref()), (request, Some("r-9")));
    assert_eq!((record.door.as_str(), record.enforcement_point.as_str()), ("authzen", "key:gateway"));
    let none = DecisionId::new("none").unwrap();
    assert_eq!(authority.decision(&tenant(), &none).unwrap(), None);
}

#[test]
fn a_failure_to_decide_is_recorded_and_allows_nothing() {
    let (authority, _) = at_noon();
    let misspelt = question("agent:coder", "edt", "document:plan", Some("second"));
    let error = ask(&authority, &misspelt).unwrap_err();
    assert_eq!(error.code(), "member_unknown");
    let records = recorded(&authority, &DecisionFilter::default());
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].outcome, Outcome::Failed("member_unknown".to_owned()));
    assert_eq!(records[0].outcome.disposition(), None);
    assert_eq!(records[0].message, error.to_string());
}

#[test]
fn a_preview_is_not_recorded() {
    let (authority, _) = at_noon();
    let (decision, explanation) = authority.explain(&tenant(), &coder_edits()).unwrap();
    assert_eq!(decision.reason, Reason::LentAuthority);
    assert!(explanation.is_some());
    assert!(recorded(&authority, &DecisionFilter::default()).is_empty());
}

#[test]
fn nobody_is_answered_in_a_tenant_there_is_not() {
    let (authority, _) = at_noon();
    for name in ["nowhere", "system"] {
        let name = TenantName::new(name).unwrap();
        let decided = authority.decide(&name, &coder_edits(), Asked::by_library());
        assert_eq!(decided.unwrap_err().code(), "tenant_unknown");
        assert_eq!(authority.explain(&name, &coder_edits()).unwrap_err().code(), "tenant_unknown");
        let listed = authority.decisions(&name, &DecisionFilter::default(), &Page::default());
        assert_eq!(listed.unwrap_err().code(), "tenant_unknown");
    }
}

/// Six decisions, a second apart.
fn six() -> (Authority, Vec<DecisionRecord>) {
    let (authority, hand) = at_noon();
    write(&authority, vec![touch("document:other#viewer@user:*")]).unwrap();
    let questions = [
        coder_edits(),
        question("agent:coder", "edit", "document:plan", None),
        question("agent:planner", "view", "document:other", Some("first")),
        question("user:alice", "view", "document:other", None),
        question("user:alice", "viw", "document:other", None),
        question("user:bob", "edit", "document:plan", None),
    ];
    for (second, question) in (0..).zip(&questions) {
        hand.set(NOON + second * 1_000);
        let mut asked = Asked::by_library();
        asked.enforcement_point = format!("key:{second}");
        let _ = authority.decide(&tenant(), question, asked);
    }
    let mut all = recorded(&authority, &DecisionFilter::default());
    all.reverse();
    assert_eq!(all.len(), questions.len());
    (authority, all)
}

#[test]
fn decisions_are_found_by_every_member_of_the_filter() {
    let (authority, all) = six();
    let none = DecisionFilter::default();
    let at = |second: u64| Some(Timestamp(NOON + second * 1_000));
    let expected: [(&str, DecisionFilter, &[usize]); 13] = [
        ("actor", DecisionFilter { actor: Some(object("agent:coder")), ..none.clone() }, &[1, 0]),
        ("origin", DecisionFilter { origin: Some(object("user:alice")), ..none.clone() }, &[2, 0]),
        ("task", DecisionFilter { task: Some(task_id("plan")), ..none.clone() }, &[2, 0]),
        ("delegation", DecisionFilter { delegation: Some(delegation_id("first")), ..none.clone() }, &[2, 0]),
        ("leaf", DecisionFilter { delegation: Some(delegation_id("second")), ..none.clone() }, &[0]),
        ("resource", DecisionFilter { resource: Some(object("document:other")), ..none.clone() }, &[4, 3, 2]),
        ("permission", DecisionFilter { permission: Some(relation("view")), ..none.clone() }, &[3, 2]),
        ("allow", DecisionFilter { disposition: Some(Disposition::Allow), ..none.clone() }, &[3, 2, 0]),
        ("deny", DecisionFilter { disposition: Some(Disposition::Deny), ..none.clone() }, &[5, 1]),
        ("reason", DecisionFilter { code: Some("no_path".to_owned()), ..none.clone() }, &[5, 1]),
        ("error", DecisionFilter { code: Some("member_unknown".to_owned()), ..none.clone() }, &[4]),
        ("point", DecisionFilter { enforcement_point: Some("key:3".to_owned()), ..none.clone() }, &[3]),
        ("time", DecisionFilter { from: at(1), to: at(4), ..none }, &[3, 2, 1]),
    ];
    for (name, filter, wanted) in expected {
        let found: Vec<_> = recorded(&authority, &filter).into_iter().map(|record| record.id).collect();
        let wanted: Vec<_> = wanted.iter().map(|index| all[*index].id.clone()).collect();
        assert_eq!(found, wanted, "{name}");
    }
}

#[test]
fn pages_of_decisions_lead_through_all_of_them_once() {
    let (authority, all) = six();
    for size in 1..=7 {
        let mut found = Vec::new();
        let mut page = Page::first(size);
        loop {
            let listed = authority.decisions(&tenant(), &DecisionFilter::default(), &page).unwrap();
            assert!(listed.records.len() <= size);
            found.extend(listed.records);
            // What is decided meanwhile is newer than the first page, and not on a later one.
            ask(&authority, &coder_edits()).unwrap();
            let Some(next) = listed.next else { break };
            page.after = Some(next);
        }
        let found: Vec<_> = found.iter().filter(|found| all.contains(found)).collect();
        assert_eq!(found.len(), all.len(), "pages of {size}");
        assert!(found.iter().rev().eq(all.iter().collect::<Vec<_>>().iter()), "pages of {size}");
    }
}

#[test]
fn a_cursor_of_elsewhere_is_refused() {
    let (authority, _) = six();
    for cursor in ["", "7", "d-", "d-x", "d-999999", "document:plan#viewer@user:alice"] {
        let page = Page { size: 10, after: Some(cursor.to_owned()) };
        let error = authority.decisions(&tenant(), &DecisionFilter::default(), &page).unwrap_err();
        assert_eq!(error.code(), "cursor_invalid", "{cursor}");
    }
}

#[test]
fn limit_decisions_scanned_max() {
    let authority = Authority::in_memory(Options::default());
    told(&authority);
    let rare = question("user:bob", "edit", "document:plan", None);
    ask(&authority, &rare).unwrap();
    for _ in 0..limits::DECISIONS_SCANNED_MAX - 1 {
        ask(&authority, &coder_edits()).unwrap();
    }
    let bobs = DecisionFilter { actor: Some(object("user:bob")), ..DecisionFilter::default() };
    let first = authority.decisions(&tenant(), &bobs, &Page::first(10)).unwrap();
    assert_eq!(first.records.len(), 1);
    ask(&authority, &coder_edits()).unwrap();
    let first = authority.decisions(&tenant(), &bobs, &Page::first(10)).unwrap();
    assert!(first.records.is_empty());
    let second = authority.decisions(&tenant(), &bobs, &Page { size: 10, after: first.next }).unwrap();
    assert_eq!(second.records.len(), 1);
    assert_eq!(second.next, None);
}

#[test]
fn limit_decision_page_bytes_max() {
    let (authority, _) = at_noon();
    let mebibyte = limits::RECORDED_REQUEST_BYTES_MAX;
    let asked = |bytes: usize| Asked { request: Value::String("x".repeat(bytes - 1)), ..Asked::by_library() };
    let count = |page: &Page| {
        let found = authority.decisions(&tenant(), &DecisionFilter::default(), page).unwrap();
        (found.records.len(), found.next)
    };
    // The rest of a record is far less than this.
    let full = limits::DECISION_PAGE_BYTES_MAX / mebibyte;
    let ask = || authority.decide(&tenant(), &coder_edits(), asked(mebibyte - 60_000)).unwrap();
    for _ in 0..full {
        ask();
    }
    assert_eq!(count(&Page::first(100)), (full, None), "they do not fill a page");
    ask();
    ask();
    let (many, next) = count(&Page::first(100));
    assert_eq!(many, full + 1, "the last of them filled the page");
    assert_eq!(count(&Page { size: 100, after: next }), (1, None));
}

#[test]
fn limit_recorded_request_bytes_max() {
    let (authority, _) = at_noon();
    let asked = |bytes: usize| Asked { request: Value::String("x".repeat(bytes - 1)), ..Asked::by_library() };
    let most = limits::RECORDED_REQUEST_BYTES_MAX;
    authority.decide(&tenant(), &coder_edits(), asked(most)).unwrap();
    let error = authority.decide(&tenant(), &coder_edits(), asked(most + 1)).unwrap_err();
    assert_eq!(error.code(), "request_invalid");
    assert_eq!(recorded(&authority, &DecisionFilter::default()).len(), 1);
}

#[test]
fn a_request_that_could_not_be_read_back_is_refused() {
    let (authority, _) = at_noon();
    let nested = |depth: usize| (1..depth).fold(Value::Null, |inner, _| Value::List(vec![inner]));
    let most = prokura::model::limits::VALUE_NESTING_MAX;
    let decide = |request: Value| authority.decide(&tenant(), &coder_edits(), Asked { request, ..Asked::by_library() });
    let decided = decide(nested(most)).unwrap();
    assert!(authority.decision(&tenant(), &decided.id).unwrap().is_some());
    assert_eq!(decide(nested(most + 1)).unwrap_err().code(), "request_invalid");
    assert_eq!(decide(Value::Float(f64::INFINITY)).unwrap_err().code(), "request_invalid");
}

/// With the disk held, as many decisions as there are places are answered; then one waits as long as it may, and is
/// refused.
#[test]
fn limit_record_wait_max() {
    let disk = super::switched::SwitchedDisk::default();
    let options = Options { record_queue: 4, ..super::support::Hand::at(NOON).options() };
    let authority = Authority::open_on(std::sync::Arc::new(disk.clone()), options).unwrap();
    told(&authority);
    disk.hold(true);
    let mut answered = 0;
    let (waited, error) = loop {
        let begun = std::time::Instant::now();
        match ask(&authority, &coder_edits()) {
            Ok(_) => answered += 1,
            Err(error) => break (begun.elapsed(), error),
        }
    };
    assert_eq!(error.code(), "record_unavailable");
    assert!(error.to_string().contains("full"), "{error}");
    // One batch is being flushed, another waits in the queue.
    assert!((4..=8).contains(&answered), "{answered}");
    assert!(waited >= limits::RECORD_WAIT_MAX && waited < 2 * limits::RECORD_WAIT_MAX, "{waited:?}");
    disk.hold(false);
    ask(&authority, &coder_edits()).unwrap();
    assert_eq!(recorded(&authority, &DecisionFilter::default()).len(), answered + 1);
}
