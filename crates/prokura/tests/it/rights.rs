//! Who may create, see and revoke: the library is held to the oracle, and the cases that matter are told one by one.

use std::collections::BTreeSet;

use prokura::{
    Authority, By, DelegationFilter, Page, Snapshot, TaskFilter, WriteError,
    limits::OWNERS_ABOVE_MAX,
    model::{
        Cap, Change, Delegation, Endorsement, EndorsementId, ObjectRef, PrincipalState, Task, TaskState, Timestamp,
    },
};
use prokura_testkit::{Act, Candidate, OWNERS_ABOVE, Right, World, compare::first_seed, generate::RightsCase};

use super::support::{
    Hand, NOON, by, cap, delegation_id, link, object, only, owned, principal, snapshot, task, task_id, tenant, touch,
    write,
};

const CASES: u64 = 150;

fn written_by(authority: &Authority, who: &ObjectRef, change: Change) -> Result<(), WriteError> {
    authority.write_by(&tenant(), by("token:test"), By::new(who.clone()), vec![change]).map(|_| ())
}

/// What the writer says. It is asked for what is refused later anyhow, or changes nobody's rights.
pub(crate) fn tried(authority: &Authority, who: &ObjectRef, act: &Act) -> Option<Right> {
    let change = match act {
        Act::Create(whose) => {
            Change::TaskOpened(Task { origin: whose.clone(), expires_at: Timestamp(1), ..task("new", "user:alice") })
        }
        Act::CloseTask(id) => Change::TaskClosed(id.clone(), TaskState::Cancelled),
        Act::RevokeLink(id) => Change::DelegationRevoked(id.clone()),
        Act::RevokeEndorsement(id) => Change::EndorsementRevoked(id.clone()),
        Act::SeeTask(_) | Act::SeeLink(_) | Act::SeeEndorsement(_) => return None,
    };
    Some(match written_by(authority, who, change) {
        Err(WriteError::Rights(fault)) => match fault.code() {
            "not_to_create" | "not_to_close" | "not_to_revoke" | "writer_stopped" => Right::No,
            "task_unknown" | "delegation_unknown" | "endorsement_unknown" => Right::No,
            _ => Right::Unsaid,
        },
        Ok(()) | Err(_) => Right::Yes,
    })
}

pub(crate) fn seen(snapshot: &Snapshot, who: &ObjectRef, act: &Act) -> Option<Right> {
    let by = By::new(who.clone());
    let said = match act {
        Act::SeeTask(id) => snapshot.may_see_task(&by, &*snapshot.task(id).unwrap()?),
        Act::SeeLink(id) => snapshot.may_see_delegation(&by, &*snapshot.delegation(id).unwrap()?),
        Act::SeeEndorsement(id) => snapshot.may_see_endorsement(&by, &*snapshot.endorsement(id).unwrap()?),
        _ => return None,
    };
    Some(said.map_or(Right::Unsaid, |may| if may { Right::Yes } else { Right::No }))
}

/// The pages of each list, put together.
fn listed(snapshot: &Snapshot, who: &ObjectRef) -> BTreeSet<String> {
    let by = Some(By::new(who.clone()));
    let mut found = BTreeSet::new();
    let mut page = Page::first(2);
    loop {
        let filter = DelegationFilter { seen_by: by.clone(), ..DelegationFilter::default() };
        let listed = snapshot.delegations(&filter, &page).unwrap();
        found.extend(listed.entries.iter().map(|link| Act::SeeLink(link.id.clone()).to_string()));
        let Some(next) = listed.next else { break };
        page.after = Some(next);
    }
    let filter = TaskFilter { seen_by: by.clone(), ..TaskFilter::default() };
    let tasks = snapshot.tasks(&filter, &Page::default()).unwrap();
    found.extend(tasks.entries.iter().map(|task| Act::SeeTask(task.id.clone()).to_string()));
    let endorsements = snapshot.endorsements(None, by.as_ref(), &Page::default()).unwrap();
    found.extend(endorsements.entries.iter().map(|found| Act::SeeEndorsement(found.id.clone()).to_string()));
    found
}

#[test]
fn the_library_says_what_the_oracle_says() {
    assert_eq!(OWNERS_ABOVE, OWNERS_ABOVE_MAX);
    let (mut may, mut may_not) = (0, 0);
    for seed in first_seed()..first_seed() + CASES {
        let case = RightsCase::of(seed);
        let hand = Hand::at(NOON);
        let (authority, mut world) = (Authority::in_memory(hand.options()), World::default());
        for change in &case.changes {
            // What the writer refuses did not happen.
            if write(&authority, vec![change.clone()]).is_ok() {
                world.apply(std::slice::from_ref(change), Timestamp(NOON));
            }
        }
        hand.set(case.now.0);
        let snapshot = snapshot(&authority);
        for who in &case.everybody {
            let mut sees = BTreeSet::new();
            for act in &case.acts {
                let right = world.may(who, act, case.now);
                if let Some(found) = seen(&snapshot, who, act) {
                    assert_eq!(found, right, "seed {seed}: may {who} {act}?");
                    sees.extend((found == Right::Yes).then(|| act.to_string()));
                }
                *if right == Right::Yes { &mut may } else { &mut may_not } += 1;
            }
            assert_eq!(listed(&snapshot, who), sees, "seed {seed}: what {who} sees");
        }
        for act in &case.acts {
            for who in &case.everybody {
                if let Some(found) = tried(&authority, who, act) {
                    assert_eq!(found, world.may(who, act, case.now), "seed {seed}: may {who} {act}?");
                }
            }
        }
    }
    assert!(may > 1_000 && may_not > 1_000, "{may} may, {may_not} may not");
}

const SCHEMA: &str = "use authority
definition user {}
definition team {
    relation on_call: user
}
definition agent {
    relation team: team
    permission stop = team->on_call
}
definition document {
    relation editor: user
    permission edit = editor
}
authority over agent {
    revoke by stop
}
";

fn linked(id: &str, from: &str, to: &str, parent: Option<&str>) -> Change {
    let depth = match parent {
        None => 3,
        Some("first") => 2,
        Some(_) => 1,
    };
    Change::DelegationCreated(Delegation { cap: cap(only("edit"), "document:*"), depth, ..link(id, from, to, parent) })
}

/// Alice has an agent run a chain: alice → planner → coder → tester. Boss owns her; Bob is on call for the coder's team, and
/// owns an agent that lent work to alice's helper.
fn told() -> (Authority, Hand) {
    let hand = Hand::at(NOON);
    let authority = Authority::in_memory(hand.options());
    let of = |text: &str, owner: &str| owned(text, Some(owner), PrincipalState::Active);
    let changes = vec![
        Change::SchemaWritten(SCHEMA.to_owned()),
        principal("user:boss"),
        of("user:alice", "user:boss"),
        of("agent:planner", "user:alice"),
        of("agent:coder", "user:alice"),
        of("agent:tester", "user:carol"),
        of("agent:sibling", "user:alice"),
        principal("user:carol"),
        principal("user:bob"),
        touch("agent:coder#team@team:core"),
        touch("team:core#on_call@user:bob"),
        Change::TaskOpened(task("plan", "user:alice")),
        linked("first", "user:alice", "agent:planner", None),
        linked("second", "agent:planner", "agent:coder", Some("first")),
        linked("third", "agent:coder", "agent:tester", Some("second")),
        linked("other", "user:alice", "agent:sibling", None),
    ];
    write(&authority, changes).unwrap();
    (authority, hand)
}

fn revoke(authority: &Authority, who: &str, id: &str) -> Result<(), String> {
    written_by(authority, &object(who), Change::DelegationRevoked(delegation_id(id)))
        .map_err(|error| error.code().to_owned())
}

fn sees(authority: &Authority, who: &str) -> Vec<String> {
    let filter = DelegationFilter { seen_by: Some(By::new(object(who))), ..DelegationFilter::default() };
    let listed = snapshot(authority).delegations(&filter, &Page::default()).unwrap();
    listed.entries.iter().map(|link| link.id.to_string()).collect()
}

#[test]
fn each_sees_what_they_have_a_part_in_and_no_more() {
    let (authority, _) = told();
    for (who, expected) in [
        ("user:alice", &["first", "other", "second", "third"][..]),
        ("user:boss", &["first", "other", "second", "third"]),
        ("agent:planner", &["first", "second", "third"]),
        ("agent:coder", &["second", "third"]),
        ("agent:tester", &["third"]),
        ("user:carol", &["third"]),
        ("user:bob", &["second", "third"]),
        ("agent:sibling", &["other"]),
        ("user:ghost", &[]),
    ] {
        assert_eq!(sees(&authority, who), expected, "{who}");
    }
}

#[test]
fn the_owners_owner_revokes_and_who_is_upstream_does() {
    let (authority, _) = told();
    assert_eq!(revoke(&authority, "agent:planner", "third"), Ok(()));
    assert_eq!(revoke(&authority, "user:boss", "second"), Ok(()));
    assert!(snapshot(&authority).delegation(&delegation_id("second")).unwrap().unwrap().revoked_at.is_some());
    // An owner may always stop its own agent, whoever lent it something.
    let (authority, _) = told();
    assert_eq!(revoke(&authority, "user:carol", "third"), Ok(()));
    // And what was lent may be given back.
    let (authority, _) = told();
    assert_eq!(revoke(&authority, "agent:tester", "third"), Ok(()));
}

#[test]
fn nobody_downstream_or_beside_revokes_or_learns_that_there_is_something() {
    let (authority, _) = told();
    for (who, id) in
        [("agent:tester", "second"), ("agent:coder", "first"), ("user:carol", "second"), ("agent:sibling", "first")]
    {
        assert_eq!(revoke(&authority, who, id), Err("delegation_unknown".to_owned()), "{who} {id}");
        assert_eq!(revoke(&authority, who, "no-such"), Err("delegation_unknown".to_owned()));
    }
    // Another agent of the same owner is nobody's to stop.
    assert_eq!(revoke(&authority, "agent:planner", "other"), Err("delegation_unknown".to_owned()));
    let closing = Change::TaskClosed(task_id("plan"), TaskState::Cancelled);
    let refused = written_by(&authority, &object("agent:planner"), closing.clone()).unwrap_err();
    assert_eq!(refused.code(), "not_to_close");
    assert_eq!(
        refused.to_string(),
        "`agent:planner` may not close task `plan`: that takes to be its origin or owner, or to own one of these"
    );
    assert_eq!(written_by(&authority, &object("user:ghost"), closing).unwrap_err().code(), "task_unknown");
}

#[test]
fn whoever_is_on_call_stops_the_agent_as_long_as_they_are() {
    let (authority, _) = told();
    assert_eq!(revoke(&authority, "user:bob", "third"), Ok(()));
    assert_eq!(revoke(&authority, "user:bob", "first"), Err("delegation_unknown".to_owned()));
    write(&authority, vec![super::support::delete("team:core#on_call@user:bob")]).unwrap();
    assert_eq!(revoke(&authority, "user:bob", "second"), Err("delegation_unknown".to_owned()));
    assert_eq!(sees(&authority, "user:bob"), [""; 0]);
    // What the schema gives ends with the schema that gave it.
    write(&authority, vec![touch("team:core#on_call@user:bob")]).unwrap();
    assert_eq!(sees(&authority, "user:bob"), ["second", "third"]);
    let without = SCHEMA.split("authority over").next().unwrap().replace("use authority\n", "");
    write(&authority, vec![Change::SchemaWritten(without)]).unwrap();
    assert_eq!(sees(&authority, "user:bob"), [""; 0]);
}

#[test]
fn who_is_stopped_may_nothing() {
    let (authority, _) = told();
    write(&authority, vec![owned("user:boss", None, PrincipalState::Suspended)]).unwrap();
    assert_eq!(revoke(&authority, "user:boss", "second"), Err("writer_stopped".to_owned()));
    assert_eq!(sees(&authority, "user:boss"), [""; 0]);
    // Who is owned by somebody who is gone is stopped as well.
    write(&authority, vec![owned("user:boss", None, PrincipalState::OffBoarded)]).unwrap();
    assert_eq!(revoke(&authority, "user:alice", "second"), Err("writer_stopped".to_owned()));
    // And may be stopped by whoever is left.
    assert_eq!(revoke(&authority, "user:bob", "second"), Ok(()));
}

#[test]
fn an_owner_passes_on_and_opens_tasks_for_its_own() {
    let (authority, _) = told();
    let made = |who: &str, change: Change| written_by(&authority, &object(who), change);
    let passed = |id: &str| linked(id, "agent:planner", "agent:sibling", Some("first"));
    made("user:alice", passed("a")).unwrap();
    made("user:boss", passed("b")).unwrap();
    let refused = made("user:carol", passed("c")).unwrap_err();
    assert_eq!(refused.code(), "not_to_create");
    assert_eq!(
        refused.to_string(),
        "`user:carol` may not make delegations in the name of `agent:planner`: that takes to be it or to own it"
    );
    made("user:boss", Change::TaskOpened(task("hers", "user:alice"))).unwrap();
    made("user:boss", Change::TaskClosed(task_id("hers"), TaskState::Completed)).unwrap();
    assert_eq!(made("user:carol", Change::TaskOpened(task("no", "user:alice"))).unwrap_err().code(), "not_to_create");
    // Under a task that neither the owner nor its agent has a part in, there is nothing.
    write(&authority, vec![Change::TaskOpened(task("secret", "user:bob"))]).unwrap();
    let under = |id: &str, task: &str| {
        let Change::DelegationCreated(made) = linked(id, "agent:planner", "agent:sibling", None) else { panic!() };
        Change::DelegationCreated(Delegation { task: task_id(task), ..made })
    };
    for task in ["secret", "no-such"] {
        assert_eq!(made("user:alice", under("d", task)).unwrap_err().code(), "task_unknown");
    }
    let part = Task { parent: Some(task_id("secret")), ..task("part", "user:alice") };
    assert_eq!(made("user:alice", Change::TaskOpened(part)).unwrap_err().code(), "task_unknown");
}

#[test]
fn what_is_narrowed_stays_narrowed_whoever_writes_it() {
    let (authority, _) = told();
    let Change::DelegationCreated(wide) = linked("wide", "agent:planner", "agent:sibling", Some("first")) else {
        panic!()
    };
    let wide = Delegation { cap: cap(prokura::model::CapPermissions::Any, "document:*"), ..wide };
    let refused = written_by(&authority, &object("user:boss"), Change::DelegationCreated(wide)).unwrap_err();
    assert_eq!(refused.code(), "cap_widens");
}

#[test]
fn endorsements_are_withdrawn_from_above_and_not_by_the_worker() {
    let (authority, _) = told();
    let endorsed = |id: &str| Endorsement {
        id: EndorsementId::new(id).unwrap(),
        worker: object("agent:coder"),
        by: object("user:alice"),
        cap: Cap { ..cap(only("edit"), "document:*") },
        origins: ["user:*".parse().unwrap()].into(),
        expires_at: None,
        revoked_at: None,
        declared: false,
    };
    let made = |who: &str, change: Change| {
        written_by(&authority, &object(who), change).map_err(|error| error.code().to_owned())
    };
    made("user:boss", Change::EndorsementCreated(endorsed("e1"))).unwrap();
    made("user:alice", Change::EndorsementCreated(endorsed("e2"))).unwrap();
    let revoked = |id: &str| Change::EndorsementRevoked(EndorsementId::new(id).unwrap());
    assert_eq!(made("agent:coder", revoked("e1")), Err("not_to_revoke".to_owned()));
    assert_eq!(made("agent:planner", revoked("e1")), Err("endorsement_unknown".to_owned()));
    made("user:boss", revoked("e1")).unwrap();
    made("user:bob", revoked("e2")).unwrap();
}

#[test]
fn only_administrators_write_anything_else() {
    let (authority, _) = told();
    for change in
        [touch("agent:coder#team@team:core"), principal("user:dave"), Change::SchemaWritten(SCHEMA.to_owned())]
    {
        assert_eq!(written_by(&authority, &object("user:boss"), change).unwrap_err().code(), "not_to_write");
    }
}

/// A chain of owners, one longer than is looked at: the first that is too far up owns nothing.
#[test]
fn owners_above_max() {
    let hand = Hand::at(NOON);
    let authority = Authority::in_memory(hand.options());
    let name = |number: usize| if number == 0 { "agent:last".to_owned() } else { format!("user:u{number}") };
    let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned()), principal("user:alice")];
    changes.extend((0..=OWNERS_ABOVE_MAX + 1).map(|number| {
        let owner = (number <= OWNERS_ABOVE_MAX).then(|| name(number + 1));
        owned(&name(number), owner.as_deref(), PrincipalState::Active)
    }));
    changes.push(Change::TaskOpened(task("plan", "user:alice")));
    changes.push(linked("first", "user:alice", "agent:last", None));
    write(&authority, changes).unwrap();
    assert_eq!(sees(&authority, &name(OWNERS_ABOVE_MAX)), ["first"]);
    assert_eq!(sees(&authority, &name(OWNERS_ABOVE_MAX + 1)), [""; 0]);
    // Owners in a circle are walked so far and no further.
    write(&authority, vec![owned(&name(OWNERS_ABOVE_MAX + 1), Some(&name(1)), PrincipalState::Active)]).unwrap();
    assert_eq!(sees(&authority, &name(OWNERS_ABOVE_MAX + 1)), [""; 0]);
}

/// What is judged and what is written are the same state: a right that ends while a write waits ends before it.
#[test]
fn a_right_that_ends_first_is_gone() {
    for _ in 0..20 {
        let (authority, _) = told();
        let (ending, revoking) = (authority.clone(), authority.clone());
        let ended = std::thread::spawn(move || {
            write(&ending, vec![super::support::delete("team:core#on_call@user:bob")]).unwrap().revision
        });
        let revoked = std::thread::spawn(move || {
            let change = vec![Change::DelegationRevoked(delegation_id("third"))];
            revoking.write_by(&tenant(), by("token:test"), By::new(object("user:bob")), change)
        });
        let ended = ended.join().unwrap();
        match revoked.join().unwrap() {
            Ok(receipt) => assert!(receipt.revision < ended),
            Err(error) => assert_eq!((error.code(), snapshot(&authority).revision()), ("delegation_unknown", ended)),
        }
    }
}

#[test]
fn delegations_made_later_are_among_those_of_their_task() {
    let (authority, _) = told();
    let of_task = || {
        let filter = DelegationFilter { task: Some(task_id("plan")), ..DelegationFilter::default() };
        snapshot(&authority).delegations(&filter, &Page::default()).unwrap().entries.len()
    };
    assert_eq!(of_task(), 4);
    write(&authority, vec![linked("fifth", "user:alice", "agent:coder", None)]).unwrap();
    assert_eq!(of_task(), 5);
    let old = authority.snapshot_at(&tenant(), prokura::model::Revision(1)).unwrap();
    let filter = DelegationFilter { task: Some(task_id("plan")), ..DelegationFilter::default() };
    assert_eq!(old.delegations(&filter, &Page::default()).unwrap().entries.len(), 4);
}
