//! Every limit, at n and at n + 1.

use prokura_model::{Change, Relationship, RelationshipFilter, SubjectRef};

use super::{check_within, explain_within, index, on_two_megabytes, touch, transaction};
use crate::{
    ApplyError, Explanation, Index, Limits, Permissionship, Proof, ProofPart,
    limits::{
        CHAIN_LINKS_DEFAULT, DEPTH_DEFAULT, DEPTH_MAX, EXPLAINED_GOALS_MAX, NEAREST_TRIED_MAX, PAGE_RELATIONSHIPS_MAX,
        RELATION_NAMES_MAX, TYPES_MAX, WITNESS_EDGES_MAX, WORK_DEFAULT,
    },
};

const GROUPS: &str = "
    definition user {}
    definition group {
        relation member: user | group#member
    }
    definition document {
        relation viewer: user | group#member
        relation second: user | group#member
        permission both = viewer & second
    }
";

fn own(edges: &[String]) -> Vec<&str> {
    edges.iter().map(String::as_str).collect()
}

/// `count` groups, each the only member of the one before, and alice in the last.
fn nested(count: usize) -> Index {
    let mut edges: Vec<String> =
        (1..count).map(|number| format!("group:g{}#member@group:g{number}#member", number - 1)).collect();
    edges.push(format!("group:g{}#member@user:alice", count - 1));
    index(GROUPS, &own(&edges))
}

const TOP: &str = "group:g0#member@user:alice";

#[test]
fn limit_depth_default_counts_the_goals_on_a_path() {
    let limits = Limits::default();
    assert_eq!(limits.depth, DEPTH_DEFAULT);
    assert_eq!(check_within(&nested(DEPTH_DEFAULT), TOP, &limits), Ok(Permissionship::Has));
    let beyond = nested(DEPTH_DEFAULT + 1);
    assert_eq!(check_within(&beyond, TOP, &limits).unwrap_err().code(), "check_too_deep");
    assert_eq!(explain_within(&beyond, TOP, &limits).unwrap_err().code(), "check_too_deep");
    // Bob is in no group at all, which is seen from where he stands, however deep the groups are.
    let denied = "group:g0#member@user:bob";
    assert_eq!(check_within(&beyond, denied, &limits), Ok(Permissionship::HasNot));
    assert_eq!(explain_within(&beyond, denied, &limits).unwrap_err().code(), "check_too_deep");
}

#[test]
fn what_is_too_deep_is_never_a_deny() {
    // Through a permission, so that nobody can look from where bob stands: two goals a group.
    let schema = GROUPS.replace("group#member", "group#all").replace(
        "relation member: user | group#all",
        "relation member: user | group#all
        permission all = member",
    );
    let nested = |count: usize| {
        let edges: Vec<String> =
            (1..count).map(|number| format!("group:g{}#member@group:g{number}#all", number - 1)).collect();
        index(&schema, &own(&edges))
    };
    let (limits, denied) = (Limits::default(), "group:g0#all@user:bob");
    assert_eq!(check_within(&nested(DEPTH_DEFAULT / 2), denied, &limits), Ok(Permissionship::HasNot));
    let beyond = nested(DEPTH_DEFAULT / 2 + 1);
    assert_eq!(check_within(&beyond, denied, &limits).unwrap_err().code(), "check_too_deep");
}

#[test]
fn limit_depth_max_is_reached_on_a_small_stack_and_nothing_is_deeper() {
    let limits = Limits { depth: usize::MAX, work: u64::MAX, ..Limits::default() };
    let (within, beyond) = (nested(DEPTH_MAX), nested(DEPTH_MAX + 1));
    on_two_megabytes(|| {
        assert_eq!(check_within(&within, TOP, &limits), Ok(Permissionship::Has));
        assert_eq!(check_within(&within, "group:g0#member@user:bob", &limits), Ok(Permissionship::HasNot));
        assert_eq!(check_within(&beyond, TOP, &limits).unwrap_err().code(), "check_too_deep");
        let explanation = explain_within(&within, TOP, &limits).unwrap();
        assert!(!explanation.witness().is_empty());
    });
}

/// A group of usersets that lead nowhere: visiting it takes the probe of the group, and for each userset an edge.
fn wide(count: usize) -> Index {
    let edges: Vec<String> = (0..count).map(|number| format!("group:g0#member@group:w{number}#member")).collect();
    index(GROUPS, &own(&edges))
}

#[test]
fn limit_work_default_counts_the_edges_visited() {
    assert_eq!(Limits::default().work, WORK_DEFAULT);
    let denied = "group:g0#member@user:bob";
    let index = wide(50);
    let exactly = Limits { work: 1 + 50, ..Limits::default() };
    assert_eq!(check_within(&index, denied, &exactly), Ok(Permissionship::HasNot));
    let less = Limits { work: 50, ..Limits::default() };
    assert_eq!(check_within(&index, denied, &less).unwrap_err().code(), "check_too_much_work");
}

#[test]
fn limit_chain_links_default_is_what_limits_begin_with() {
    // At n and n + 1 links: tests/deciding.rs.
    assert_eq!(Limits::default().chain_links, CHAIN_LINKS_DEFAULT);
}

#[test]
fn limit_types_max_bounds_the_names_ever_used() {
    let index = Index::new();
    let wildcard = |number: usize| {
        let kind = prokura_model::TypeName::new(format!("type{number}")).unwrap();
        let Relationship { resource, relation, .. } = super::relationship("type0:a#member@type0:a");
        Change::touched(Relationship { resource, relation, subject: SubjectRef::Wildcard(kind) })
    };
    let all = (0..TYPES_MAX).map(wildcard).collect();
    index.apply(&transaction(index.applied().next(), all)).unwrap();
    let refused = index.apply(&transaction(index.applied().next(), vec![wildcard(TYPES_MAX)])).unwrap_err();
    assert_eq!(refused, ApplyError::TooManyNames { what: "type names", limit: TYPES_MAX });
    index.apply(&transaction(index.applied().next(), vec![wildcard(TYPES_MAX - 1)])).unwrap();
}

#[test]
fn limit_relation_names_max_bounds_the_names_ever_used() {
    let index = Index::new();
    let edge = |number: usize| touch(&format!("user:a#relation{number}@user:a"));
    let all = (0..RELATION_NAMES_MAX).map(edge).collect();
    index.apply(&transaction(index.applied().next(), all)).unwrap();
    let refused = index.apply(&transaction(index.applied().next(), vec![edge(RELATION_NAMES_MAX)])).unwrap_err();
    let limit = RELATION_NAMES_MAX;
    assert_eq!(refused, ApplyError::TooManyNames { what: "relation and permission names", limit });
    assert_eq!(refused.fault(), prokura_model::Fault::Limit);
}

fn goals_in(proof: &Proof) -> usize {
    let below = proof.parts.iter().map(|part| match part {
        ProofPart::Followed(followed) => goals_in(&followed.to),
        ProofPart::Member(proof) => goals_in(proof),
        ProofPart::Itself | ProofPart::Edge(_) | ProofPart::NotHeld(_) => 0,
    });
    1 + below.sum::<usize>()
}

fn any_cut_off(proof: &Proof) -> bool {
    proof.cut_off
        || proof.parts.iter().any(|part| match part {
            ProofPart::Followed(followed) => any_cut_off(&followed.to),
            ProofPart::Member(proof) => any_cut_off(proof),
            ProofPart::Itself | ProofPart::Edge(_) | ProofPart::NotHeld(_) => false,
        })
}

#[test]
fn limit_explained_goals_max_cuts_the_tree_and_says_so() {
    let limits = Limits { depth: DEPTH_MAX, ..Limits::default() };
    for (count, cut_off) in [(EXPLAINED_GOALS_MAX, false), (EXPLAINED_GOALS_MAX + 1, true)] {
        let index = nested(count);
        on_two_megabytes(|| {
            let Explanation::Held(proof) = explain_within(&index, TOP, &limits).unwrap() else { panic!("it holds") };
            assert_eq!(goals_in(&proof), EXPLAINED_GOALS_MAX);
            assert_eq!(any_cut_off(&proof), cut_off);
        });
    }
    for (count, cut_off) in [(EXPLAINED_GOALS_MAX - 1, false), (EXPLAINED_GOALS_MAX, true)] {
        let denied = explain_within(&wide(count), "group:g0#member@user:bob", &limits).unwrap();
        let Explanation::NotHeld(near) = denied else { panic!("it does not hold") };
        assert_eq!((near.tried.len(), near.cut_off), (EXPLAINED_GOALS_MAX, cut_off));
    }
}

#[test]
fn limit_witness_edges_max_bounds_the_witness() {
    let limits = Limits { depth: DEPTH_MAX, ..Limits::default() };
    for (count, edges) in [(WITNESS_EDGES_MAX, WITNESS_EDGES_MAX), (WITNESS_EDGES_MAX + 1, WITNESS_EDGES_MAX)] {
        let index = nested(count);
        let question = crate::Question {
            actor: super::object("user:alice"),
            delegation: None,
            permission: super::question(TOP).relation,
            resource: super::object("group:g0"),
            arguments: crate::Context::new(),
            credential: None,
            tool_schema: None,
            context: crate::Context::new(),
        };
        let decision = index.view().decide(&question, prokura_model::Timestamp(0), &limits).unwrap();
        assert_eq!(decision.witness.len(), edges);
    }
}

#[test]
fn limit_nearest_tried_max_bounds_the_search_for_the_missing_edge() {
    // `both` needs two relations at once until the one group that already has the second.
    for (count, found) in [(NEAREST_TRIED_MAX - 2, true), (NEAREST_TRIED_MAX - 1, false)] {
        // Tried are the relation itself, the groups in the order they were first named, and `last` after all of them.
        let mut edges = vec!["document:d#viewer@group:first#member".to_owned()];
        edges.extend((1..count).map(|number| format!("document:d#viewer@group:a{number}#member")));
        edges.push("document:d#viewer@group:last#member".to_owned());
        edges.push("document:d#second@group:last#member".to_owned());
        let index = index(GROUPS, &own(&edges));
        let denied = explain_within(&index, "document:d#both@user:alice", &Limits::default()).unwrap();
        let Explanation::NotHeld(near) = denied else { panic!("it does not hold") };
        assert_eq!(near.missing.is_some(), found, "{count}: {:?}", near.missing);
    }
}

#[test]
fn limit_page_relationships_max_bounds_a_page() {
    let edges: Vec<String> =
        (0..=PAGE_RELATIONSHIPS_MAX).map(|number| format!("group:g#member@user:u{number}")).collect();
    let index = index(GROUPS, &own(&edges));
    let page =
        index.view().relationships(&RelationshipFilter::default(), None, usize::MAX, super::given().now).unwrap();
    assert_eq!(page.relationships.len(), PAGE_RELATIONSHIPS_MAX);
    let rest = index
        .view()
        .relationships(&RelationshipFilter::default(), page.next.as_ref(), usize::MAX, super::given().now)
        .unwrap();
    assert_eq!((rest.relationships.len(), rest.next), (1, None));
}

#[test]
fn an_allow_found_before_the_limit_stands() {
    // Operands are asked left to right: what would exhaust the limit is not asked any more.
    let mut edges: Vec<String> = (0..50).map(|number| format!("document:d#second@group:w{number}#member")).collect();
    edges.push("document:d#viewer@user:alice".to_owned());
    let schema = GROUPS.replace("permission both = viewer & second", "permission both = viewer + second");
    let found = index(&schema, &own(&edges));
    let little = Limits { work: 10, ..Limits::default() };
    assert_eq!(check_within(&found, "document:d#both@user:alice", &little), Ok(Permissionship::Has));
    assert_eq!(check_within(&found, "document:d#both@user:bob", &little).unwrap_err().code(), "check_too_much_work");
    let schema = GROUPS.replace("permission both = viewer & second", "permission both = second + viewer");
    let late = index(&schema, &own(&edges));
    assert_eq!(check_within(&late, "document:d#both@user:alice", &little).unwrap_err().code(), "check_too_much_work");
}
