use super::*;
use crate::RelationshipOnTerms;

/// Some relationships of a graph that has every kind of subject and of terms.
const GRAPH: [&str; 7] = [
    "document:one#viewer@user:alice",
    "document:one#viewer@user:*",
    "document:one#viewer@group:eng#member",
    "document:two#viewer@group:eng",
    "document:two#editor@user:alice[on_mondays]",
    "folder:one#viewer@user:alice[expiration:2030-01-01T00:00:00Z]",
    "folder:two#viewer@user:bob[on_mondays][expiration:2030-01-01T00:00:00Z]",
];

/// The numbers of those that are meant.
fn meant(filter: &RelationshipFilter) -> Vec<usize> {
    let graph = GRAPH.iter().enumerate();
    let meant = graph.filter(|(_, text)| {
        let RelationshipOnTerms { relationship, terms } = text.parse().unwrap();
        filter.matches(&relationship, &terms)
    });
    meant.map(|(number, _)| number).collect()
}

#[test]
fn filters_by_each_member() {
    let any = RelationshipFilter::default;
    let kind = |text| Some(TypeName::new(text).unwrap());
    let id = |text| ObjectId::new(text).unwrap();
    let relation = |text| RelationName::new(text).unwrap();
    assert_eq!(meant(&any()), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(meant(&RelationshipFilter { resource_type: kind("folder"), ..any() }), [5, 6]);
    assert_eq!(meant(&RelationshipFilter { resource_id: Some(id("one")), ..any() }), [0, 1, 2, 5]);
    assert_eq!(meant(&RelationshipFilter { resource_id_prefix: Some("t".to_owned()), ..any() }), [3, 4, 6]);
    assert_eq!(meant(&RelationshipFilter { relation: Some(relation("editor")), ..any() }), [4]);
    assert_eq!(meant(&RelationshipFilter { subject_type: kind("group"), ..any() }), [2, 3]);
    let subject_id = |wanted| RelationshipFilter { subject_id: Some(wanted), ..any() };
    assert_eq!(meant(&subject_id(SubjectIdFilter::Object(id("alice")))), [0, 4, 5]);
    assert_eq!(meant(&subject_id(SubjectIdFilter::Object(id("eng")))), [2, 3]);
    assert_eq!(meant(&subject_id(SubjectIdFilter::Wildcard)), [1]);
    let subject_relation = |wanted| RelationshipFilter { subject_relation: Some(wanted), ..any() };
    assert_eq!(meant(&subject_relation(SubjectRelationFilter::Absent)), [0, 1, 3, 4, 5, 6]);
    assert_eq!(meant(&subject_relation(SubjectRelationFilter::Named(relation("member")))), [2]);
    assert_eq!(meant(&subject_relation(SubjectRelationFilter::Named(relation("owner")))), [0; 0]);
    let caveat = Some(CaveatName::new("on_mondays").unwrap());
    assert_eq!(meant(&RelationshipFilter { caveat: caveat.clone(), ..any() }), [4, 6]);
    assert_eq!(meant(&RelationshipFilter { expires: Some(true), ..any() }), [5, 6]);
    assert_eq!(meant(&RelationshipFilter { expires: Some(false), ..any() }), [0, 1, 2, 3, 4]);
    assert_eq!(meant(&RelationshipFilter { caveat, expires: Some(true), ..any() }), [6]);
}
