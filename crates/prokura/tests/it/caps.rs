//! Caps that say narrow things: what may be written.

use prokura::{
    DelegationFault, WriteError,
    model::{Cap, CapClause, CapPermissions, Change, Delegation, DelegationKind, Value},
};

use crate::support::{at_noon, link, write};

const WITH_CAVEAT: &str = "caveat at_most(amount int, limit int) { amount <= limit }";

fn code(resource: &str, condition: Option<&str>) -> Result<(), (&'static str, String)> {
    let (authority, _) = at_noon();
    let schema = format!("{WITH_CAVEAT}\n{}", crate::support::SCHEMA);
    write(&authority, vec![Change::SchemaWritten(schema)]).expect("a schema that only grows");
    let mut narrow = link("narrow", "user:alice", "agent:coder", None);
    let condition = condition.map(|text| text.parse().expect("a caveat"));
    let resources = [resource.parse().expect("a resource")].into();
    narrow.cap = Cap { clauses: vec![CapClause { permissions: CapPermissions::Any, resources, condition }] };
    match write(&authority, vec![Change::DelegationCreated(narrow)]) {
        Ok(_) => Ok(()),
        Err(error) => Err((error.code(), error.to_string())),
    }
}

#[test]
fn a_condition_is_a_caveat_of_the_schema_and_what_it_binds_fits() {
    code("document:*", Some("at_most:{\"limit\": 100}")).unwrap();
    code("document:*", Some("at_most")).unwrap();
    let (found, message) = code("document:*", Some("at_mots")).unwrap_err();
    assert_eq!(found, "caveat_unknown");
    assert!(message.contains("cap of delegation `narrow`") && message.contains("`at_most`"), "{message}");
    let (found, message) = code("document:*", Some("at_most:{\"limit\": \"many\"}")).unwrap_err();
    assert_eq!(found, "caveat_context_invalid");
    assert!(message.contains("limit"), "{message}");
    assert_eq!(code("document:*", Some("at_most:{\"most\": 1}")).unwrap_err().0, "caveat_context_invalid");
}

#[test]
fn a_query_names_what_the_schema_has() {
    code("document:* where origin has view", None).unwrap();
    for (query, wanted) in [
        ("document:* where origin has vieew", "member_unknown"),
        ("documint:* where origin has view", "type_unknown"),
        ("document:* under document:plan by viewers", "member_unknown"),
        ("document:* under documint:plan by viewer", "type_unknown"),
        ("document:* under document:plan by view", "not_a_relation"),
    ] {
        let (found, message) = code(query, None).unwrap_err();
        assert_eq!(found, wanted, "{query}: {message}");
        assert!(message.contains("cap of delegation `narrow`"), "{query}: {message}");
    }
}

#[test]
fn what_a_condition_binds_is_bounded_as_for_a_relationship() {
    let (authority, _) = at_noon();
    let schema = format!("caveat named(name string) {{ name != \"\" }}\n{}", crate::support::SCHEMA);
    write(&authority, vec![Change::SchemaWritten(schema)]).unwrap();
    let most = prokura::limits::RELATIONSHIP_CONTEXT_BYTES_MAX;
    let around = 1 + "name".len() + 1 + 1;
    for (id, bytes, fits) in [("most", most - around, true), ("more", most - around + 1, false)] {
        let mut narrow = link(id, "user:alice", "agent:coder", None);
        let context = [("name".to_owned(), Value::String("x".repeat(bytes)))].into();
        let name = prokura::model::CaveatName::new("named").unwrap();
        narrow.cap.clauses[0].condition = Some(prokura::model::CaveatUse { name, context });
        let written = write(&authority, vec![Change::DelegationCreated(narrow)]);
        assert_eq!(written.map_err(|error| error.code()).err(), (!fits).then_some("limit_exceeded"));
    }
}

/// What is lent to the planner, and then by it to the coder.
fn lent_on(parent: &str, child: &str, kind: DelegationKind) -> Result<(), WriteError> {
    let (authority, _) = at_noon();
    let cap = |resource: &str| {
        let resources = [resource.parse().expect("a resource")].into();
        Cap { clauses: vec![CapClause { permissions: CapPermissions::Any, resources, condition: None }] }
    };
    let above = Delegation { depth: 1, cap: cap(parent), ..link("above", "user:alice", "agent:planner", None) };
    let below = link("below", "agent:planner", "agent:coder", Some("above"));
    let below = Delegation { kind, depth: 0, cap: cap(child), ..below };
    write(&authority, vec![Change::DelegationCreated(above), Change::DelegationCreated(below)]).map(|_| ())
}

#[test]
fn lending_on_passes_on_no_more_than_was_lent() {
    use DelegationKind::{Dispatches, Lends};
    for (parent, child) in [
        ("document:*", "document:*"),
        ("document:*", "document:plan"),
        ("document:*", "document:* where origin has view"),
        ("document:* where origin has view", "document:* where origin has view"),
    ] {
        lent_on(parent, child, Lends).unwrap();
    }
    for (parent, child) in [
        ("document:plan", "document:*"),
        ("document:plan", "document:other"),
        ("document:* where origin has view", "document:*"),
        ("document:* where origin has view", "document:plan"),
    ] {
        let error = lent_on(parent, child, Lends).unwrap_err();
        assert_eq!(error.code(), "cap_widens");
        let told = error.to_string();
        assert!(told.contains(&format!("`* on {child}`")) && told.contains(&format!("`* on {parent}`")), "{told}");
        let WriteError::DelegationInvalid { fault, .. } = error else { panic!("{error:?}") };
        assert!(matches!(*fault, DelegationFault::CapWidens { .. }));
        // Work that is dispatched is done with the worker's own authority, so that its cap begins anew.
        lent_on(parent, child, Dispatches).unwrap();
    }
}

#[test]
fn what_is_told_of_a_cap_that_widens_has_an_end() {
    let long: Vec<String> = (0..60).map(|number| format!("document:{}", "x".repeat(40 + number))).collect();
    let (authority, _) = at_noon();
    let mut above = Delegation { depth: 1, ..link("above", "user:alice", "agent:planner", None) };
    above.cap.clauses[0].resources = long.iter().map(|text| text.parse().unwrap()).collect();
    let mut below = Delegation { depth: 0, ..link("below", "agent:planner", "agent:coder", Some("above")) };
    below.cap.clauses[0].resources = ["document:other".parse().unwrap()].into();
    let changes = vec![Change::DelegationCreated(above), Change::DelegationCreated(below)];
    let error = write(&authority, changes).unwrap_err();
    assert!(error.code() == "cap_widens" && error.to_string().len() < 1_000, "{error}");
}
