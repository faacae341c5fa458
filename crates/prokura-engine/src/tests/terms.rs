//! Caveats, expiry, `self` and `.all()`, where one can see each alone; the differential tests mix them.

use std::collections::BTreeMap;

use prokura_model::{CaveatName, CaveatUse, Change, Terms, Timestamp, Value};

use proptest::prelude::*;

use super::{delete, index, object, question, relationship, touch, write};
use crate::{Context, EngineError, Explanation, Given, Index, Limits, Permissionship};

const SCHEMA: &str = "
    use expiration
    use self

    caveat at_most(amount int, most int) { amount <= most }
    caveat switched(on bool) { on }

    definition user {
        permission own = self
    }
    definition team {
        relation member: user | user with switched
    }
    definition document {
        relation viewer: user | user with at_most | user with expiration | team#member with switched
        relation banned: user with switched
        relation team: team | team with switched
        permission view = viewer - banned
        permission every = team.all(member)
    }
";

fn terms(caveat: &str, context: &[(&str, Value)]) -> Terms {
    let context = context.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Terms { caveat: Some(CaveatUse { name: CaveatName::new(caveat).unwrap(), context }), expires_at: None }
}

fn on(index: &Index, text: &str, terms: Terms) {
    write(index, vec![Change::RelationshipTouched(relationship(text), terms)]);
}

fn asked_at(index: &Index, text: &str, context: &[(&str, Value)], now: u64) -> Result<Permissionship, EngineError> {
    let asked = question(text);
    let context: Context = context.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let given = Given { now: Timestamp(now), context: &context };
    let view = index.view();
    let found = view.check(&asked.resource, &asked.relation, &asked.subject, given, &Limits::default());
    let explained = view.explain(&asked.resource, &asked.relation, &asked.subject, given, &Limits::default());
    match (&found, &explained) {
        (Ok(Permissionship::Has), Ok(Explanation::Held(_)))
        | (Ok(Permissionship::HasNot), Ok(Explanation::NotHeld(_))) => {}
        (Ok(Permissionship::Conditional(missing)), Ok(Explanation::Open(open))) => assert_eq!(*missing, open.missing),
        (Err(one), Err(other)) => assert_eq!(one, other),
        other => panic!("check and explain disagree: {other:?}"),
    }
    found
}

fn asked(index: &Index, text: &str, context: &[(&str, Value)]) -> Result<Permissionship, EngineError> {
    asked_at(index, text, context, 1_000)
}

fn missing(names: &[&str]) -> Permissionship {
    Permissionship::Conditional(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn what_a_relationship_binds_beats_what_the_question_brings() {
    let index = index(SCHEMA, &[]);
    on(&index, "document:d#viewer@user:alice", terms("at_most", &[("most", Value::Integer(10))]));
    let text = "document:d#view@user:alice";
    assert_eq!(asked(&index, text, &[]), Ok(missing(&["amount"])));
    assert_eq!(asked(&index, text, &[("amount", Value::Integer(10))]), Ok(Permissionship::Has));
    let generous = [("amount", Value::Integer(11)), ("most", Value::Integer(100))];
    assert_eq!(asked(&index, text, &generous), Ok(Permissionship::HasNot));
}

#[test]
fn a_caveat_that_cannot_be_evaluated_is_an_error_unless_something_else_decides() {
    let index = index(SCHEMA, &["document:d#viewer@user:bob"]);
    on(&index, "document:d#viewer@user:alice", terms("at_most", &[("most", Value::Integer(10))]));
    let wrong = [("amount", Value::Bool(true))];
    let failed = asked(&index, "document:d#view@user:alice", &wrong).unwrap_err();
    assert_eq!(failed.code(), "caveat_failed");
    assert_eq!(asked(&index, "document:d#view@user:bob", &wrong), Ok(Permissionship::Has));
}

#[test]
fn an_exclusion_that_may_hold_leaves_open_what_it_takes_from() {
    let index = index(SCHEMA, &["document:d#viewer@user:alice"]);
    on(&index, "document:d#banned@user:alice", terms("switched", &[]));
    let text = "document:d#view@user:alice";
    assert_eq!(asked(&index, text, &[]), Ok(missing(&["on"])));
    assert_eq!(asked(&index, text, &[("on", Value::Bool(true))]), Ok(Permissionship::HasNot));
    assert_eq!(asked(&index, text, &[("on", Value::Bool(false))]), Ok(Permissionship::Has));
}

#[test]
fn a_relationship_is_over_from_its_end_on() {
    let index = index(SCHEMA, &[]);
    let ends = Terms { caveat: None, expires_at: Some(Timestamp(500)) };
    on(&index, "document:d#viewer@user:alice", ends);
    assert_eq!(asked_at(&index, "document:d#view@user:alice", &[], 499), Ok(Permissionship::Has));
    assert_eq!(asked_at(&index, "document:d#view@user:alice", &[], 500), Ok(Permissionship::HasNot));
}

#[test]
fn other_terms_take_the_place_of_those_before_and_older_revisions_keep_theirs() {
    let index = index(SCHEMA, &[]);
    let edge = relationship("document:d#viewer@user:alice");
    on(&index, "document:d#viewer@user:alice", terms("at_most", &[("most", Value::Integer(1))]));
    let before = index.published();
    write(&index, vec![Change::touched(edge.clone())]);
    assert_eq!(index.view().stored(&edge).unwrap().terms, Terms::default());
    assert_eq!(asked(&index, "document:d#view@user:alice", &[]), Ok(Permissionship::Has));
    let old = index.view_at(before).unwrap();
    assert_eq!(old.stored(&edge).unwrap().terms, terms("at_most", &[("most", Value::Integer(1))]));
    index.collect(index.published());
    assert_eq!(index.terms.len(), 0, "what nobody can ask about any more is forgotten");
}

#[test]
fn every_team_must_have_the_member_and_there_must_be_one() {
    let index = index(SCHEMA, &["document:two#team@team:a", "document:two#team@team:b", "team:a#member@user:alice"]);
    assert_eq!(asked(&index, "document:none#every@user:alice", &[]), Ok(Permissionship::HasNot));
    assert_eq!(asked(&index, "document:two#every@user:alice", &[]), Ok(Permissionship::HasNot));
    on(&index, "team:b#member@user:alice", terms("switched", &[]));
    assert_eq!(asked(&index, "document:two#every@user:alice", &[]), Ok(missing(&["on"])));
    assert_eq!(asked(&index, "document:two#every@user:alice", &[("on", Value::Bool(true))]), Ok(Permissionship::Has));
}

#[test]
fn only_the_object_itself_is_itself() {
    let index = index(SCHEMA, &[]);
    assert_eq!(asked(&index, "user:alice#own@user:alice", &[]), Ok(Permissionship::Has));
    assert_eq!(asked(&index, "user:alice#own@user:bob", &[]), Ok(Permissionship::HasNot));
}

#[test]
fn a_userset_on_terms_gives_no_more_than_its_caveat() {
    let index = index(SCHEMA, &["team:a#member@user:alice"]);
    on(&index, "document:d#viewer@team:a#member", terms("switched", &[]));
    assert_eq!(asked(&index, "document:d#view@user:alice", &[]), Ok(missing(&["on"])));
    assert_eq!(asked(&index, "document:d#view@user:bob", &[]), Ok(Permissionship::HasNot));
    assert_eq!(object("team:a").to_string(), "team:a");
}

/// The short way ends at the first edge that decides; one on terms behind it, over or not, is no part of the witness, and
/// ends nothing.
#[test]
fn a_witness_holds_whatever_stands_behind_it() {
    let schema = "
        use expiration

        definition user {}
        definition group {
            relation member: user
        }
        definition document {
            relation editor: user | group#member
            relation viewer: user with expiration
            permission view = editor + viewer
        }
    ";
    for over in [5, 5_000_000] {
        let index = index(schema, &["group:g#member@user:alice", "document:plan#editor@group:g#member"]);
        on(&index, "document:plan#viewer@user:alice", Terms { caveat: None, expires_at: Some(Timestamp(over)) });
        let asked = crate::Question {
            actor: object("user:alice"),
            delegation: None,
            permission: "view".parse().unwrap(),
            resource: object("document:plan"),
            arguments: Context::new(),
            credential: None,
            tool_schema: None,
            context: Context::new(),
        };
        let decision = index.view().decide(&asked, Timestamp(1_000_000), &Limits::default()).unwrap();
        let edges: Vec<String> = decision.witness.iter().map(|edge| edge.relationship.to_string()).collect();
        assert_eq!(edges, ["document:plan#editor@group:g#member", "group:g#member@user:alice"]);
        assert_eq!(decision.valid_until, None);
    }
}

/// An edge keeps an exclusion from holding, and the witness does not have it: the allow may end with that edge.
#[test]
fn what_an_exclusion_may_take_away_in_time_is_allowed_for_its_moment() {
    let schema = "use expiration
        definition user {}
        definition group {
            relation owner: user:*
            relation parent: group with expiration
            permission edit = owner - parent.all(edit)
            permission own = owner
        }";
    let index = index(schema, &["group:a#owner@user:*", "group:d#owner@user:*"]);
    let ends = |at: u64| Terms { caveat: None, expires_at: Some(Timestamp(at)) };
    on(&index, "group:a#parent@group:e", ends(1_001));
    on(&index, "group:a#parent@group:d", ends(9_000));
    let decided = |permission: &str, now: u64| {
        let asked = crate::Question {
            actor: object("user:zoe"),
            delegation: None,
            permission: permission.parse().unwrap(),
            resource: object("group:a"),
            arguments: Context::new(),
            credential: None,
            tool_schema: None,
            context: Context::new(),
        };
        let decision = index.view().decide(&asked, Timestamp(now), &Limits::default()).unwrap();
        (decision.reason.word(), decision.valid_until)
    };
    assert_eq!(decided("edit", 1_000), ("own_authority", Some(Timestamp(1_000))));
    assert_eq!(decided("edit", 1_001), ("no_path", None));
    assert_eq!(decided("own", 1_000), ("own_authority", None));
}

/// What may be done to an edge: taken away, made to hold for good, or on one of two terms.
fn edit() -> impl Strategy<Value = (usize, Option<Option<bool>>)> {
    (0_usize..3, prop_oneof![Just(None), Just(Some(None)), any::<bool>().prop_map(|on| Some(Some(on)))])
}

proptest! {
    #[test]
    fn terms_are_kept_once_and_as_long_as_their_edge(
        transactions in prop::collection::vec(prop::collection::vec(edit(), 1..6), 1..12),
    ) {
        let index = index(SCHEMA, &[]);
        let edge = |number: usize| format!("document:d#viewer@user:u{number}");
        let on = |on: bool| terms("at_most", &[("most", Value::Integer(i64::from(on)))]);
        let mut live: BTreeMap<usize, Option<bool>> = BTreeMap::new();
        for transaction in transactions {
            let change = |(number, edit): &(usize, Option<Option<bool>>)| match edit {
                None => delete(&edge(*number)),
                Some(None) => touch(&edge(*number)),
                Some(Some(which)) => Change::RelationshipTouched(relationship(&edge(*number)), on(*which)),
            };
            let revision = write(&index, transaction.iter().map(change).collect());
            for (number, edit) in transaction {
                match edit {
                    None => drop(live.remove(&number)),
                    Some(terms) => drop(live.insert(number, terms)),
                }
            }
            for (number, terms) in &live {
                let found = index.view().stored(&relationship(&edge(*number))).map(|stored| stored.terms);
                prop_assert_eq!(found, Some(terms.map_or_else(Terms::default, on)), "{}", number);
            }
            index.collect(revision);
            prop_assert_eq!(index.stats().with_terms, live.values().flatten().count() as u64);
        }
    }
}
