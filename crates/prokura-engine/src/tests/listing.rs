//! Reading relationships back: filters, order and pages.

use prokura_model::{ObjectId, RelationName, RelationshipFilter, SubjectIdFilter, SubjectRelationFilter, TypeName};

use super::{index, relationship};
use crate::Index;

const SCHEMA: &str = "
    definition user {}
    definition group {
        relation member: user | group#member
    }
    definition document {
        relation owner: user
        relation viewer: user | user:* | group#member
    }
";

const EDGES: [&str; 8] = [
    "document:a#owner@user:alice",
    "document:a#viewer@group:eng#member",
    "document:a#viewer@user:*",
    "document:b#viewer@user:alice",
    "document:b#viewer@user:eng",
    "group:a#member@group:eng#member",
    "group:eng#member@user:alice",
    "group:eng#member@user:bob",
];

fn every_filter() -> Vec<RelationshipFilter> {
    let kinds = [None, Some("document"), Some("group"), Some("user"), Some("unheard_of")];
    let ids = [None, Some("a"), Some("eng"), Some("alice"), Some("unheard_of")];
    let relations = [None, Some("viewer"), Some("member"), Some("unheard_of")];
    let mut filters = Vec::new();
    for resource_type in kinds {
        for resource_id in ids {
            for relation in relations {
                for subject_type in kinds {
                    for subject_id in ids {
                        for subject_relation in [None, Some("member")] {
                            filters.push(RelationshipFilter {
                                resource_type: resource_type.map(|text| TypeName::new(text).unwrap()),
                                resource_id: resource_id.map(|text| ObjectId::new(text).unwrap()),
                                relation: relation.map(|text| RelationName::new(text).unwrap()),
                                subject_type: subject_type.map(|text| TypeName::new(text).unwrap()),
                                subject_id: subject_id
                                    .map(|text| SubjectIdFilter::Object(ObjectId::new(text).unwrap())),
                                subject_relation: subject_relation
                                    .map(|text| SubjectRelationFilter::Named(RelationName::new(text).unwrap())),
                                ..RelationshipFilter::default()
                            });
                        }
                    }
                }
            }
        }
    }
    filters
}

fn listed(index: &Index, filter: &RelationshipFilter, limit: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = index.view().relationships(filter, after.as_ref(), limit, super::given().now).unwrap();
        assert!(page.relationships.len() <= limit);
        all.extend(page.relationships.into_iter().map(|found| found.relationship.to_string()));
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

#[test]
fn every_filter_finds_what_it_means_whichever_way_it_is_searched() {
    let index = index(SCHEMA, &EDGES);
    for filter in every_filter() {
        let meant: Vec<String> = EDGES
            .iter()
            .map(|text| relationship(text))
            .filter(|edge| filter.matches(edge, &prokura_model::Terms::default()))
            .map(|edge| edge.to_string())
            .collect();
        assert_eq!(listed(&index, &filter, 100), meant, "{filter:?}");
    }
}

#[test]
fn pages_of_any_size_add_up_to_the_whole_in_order() {
    let index = index(SCHEMA, &EDGES);
    for limit in 1..=EDGES.len() + 1 {
        assert_eq!(listed(&index, &RelationshipFilter::default(), limit), EDGES, "pages of {limit}");
    }
}
