//! Explanations: why it holds, and what was nearest where it does not.

use super::{check, delete, explain, index, write};
use crate::{Explanation, NearMiss, Proof, ProofPart};

const SCHEMA: &str = "
    definition user {}
    definition group {
        relation member: user | group#member
    }
    definition folder {
        relation viewer: user | group#member
        permission view = viewer
    }
    definition document {
        relation parent: folder
        relation viewer: user | user:* | group#member
        relation signer: user
        relation banned: user | group#member
        permission view = viewer + parent->view
        permission read = view - banned
        permission sign = signer & view
        permission seal = sign - (banned - signer)
    }
";

/// The tree as indented lines.
fn drawn(proof: &Proof) -> String {
    fn draw(proof: &Proof, depth: usize, lines: &mut Vec<String>) {
        let indent = "  ".repeat(depth);
        let rule = proof.rule.as_ref().map(|rule| format!(" = {rule}")).unwrap_or_default();
        lines.push(format!("{indent}{}{rule}", proof.goal));
        for part in &proof.parts {
            match part {
                ProofPart::Itself => lines.push(format!("{indent}  itself")),
                ProofPart::Edge(edge) => lines.push(format!("{indent}  {} since {}", edge.relationship, edge.since)),
                ProofPart::Followed(followed) => {
                    lines.push(format!("{indent}  {} since {}", followed.edge.relationship, followed.edge.since));
                    draw(&followed.to, depth + 2, lines);
                }
                ProofPart::Member(proof) => draw(proof, depth + 1, lines),
                ProofPart::NotHeld(right) => lines.push(format!("{indent}  not {right}")),
            }
        }
    }
    let mut lines = Vec::new();
    draw(proof, 0, &mut lines);
    lines.join("\n")
}

#[track_caller]
fn held(explanation: Explanation) -> String {
    match explanation {
        Explanation::Held(proof) => drawn(&proof),
        Explanation::NotHeld(near) => panic!("it does not hold: {}", near.message),
        Explanation::Open(open) => panic!("it is open: {}", open.message),
    }
}

#[track_caller]
fn missed(explanation: Explanation) -> NearMiss {
    match explanation {
        Explanation::Held(proof) => panic!("it holds:\n{}", drawn(&proof)),
        Explanation::NotHeld(near) => near,
        Explanation::Open(open) => panic!("it is open: {}", open.message),
    }
}

fn some_edges() -> crate::Index {
    index(
        SCHEMA,
        &[
            "document:plan#parent@folder:root",
            "folder:root#viewer@group:all#member",
            "group:all#member@group:eng#member",
            "group:eng#member@user:alice",
            "document:plan#signer@user:alice",
            "document:plan#signer@user:bob",
            "document:open#viewer@user:*",
            "document:open#banned@group:eng#member",
        ],
    )
}

#[test]
fn an_allow_shows_every_step_and_edge_it_rests_on() {
    let index = some_edges();
    let explanation = explain(&index, "document:plan#read@user:alice");
    let witness: Vec<String> = explanation.witness().iter().map(|edge| edge.relationship.to_string()).collect();
    insta::assert_snapshot!(held(explanation), @r"
    document:plan#read = view - banned
      document:plan#view = viewer + parent->view
        document:plan#parent@folder:root since 2
          folder:root#view = viewer
            folder:root#viewer
              folder:root#viewer@group:all#member since 2
                group:all#member
                  group:all#member@group:eng#member since 2
                    group:eng#member
                      group:eng#member@user:alice since 2
      not banned
    ");
    insta::assert_snapshot!(witness.join("\n"), @r"
    document:plan#parent@folder:root
    folder:root#viewer@group:all#member
    group:all#member@group:eng#member
    group:eng#member@user:alice
    ");
}

#[test]
fn an_intersection_shows_every_operand_and_an_exclusion_what_was_not_held() {
    insta::assert_snapshot!(held(explain(&some_edges(), "document:plan#seal@user:alice")), @r"
    document:plan#seal = sign - (banned - signer)
      document:plan#sign = signer & view
        document:plan#signer
          document:plan#signer@user:alice since 2
        document:plan#view = viewer + parent->view
          document:plan#parent@folder:root since 2
            folder:root#view = viewer
              folder:root#viewer
                folder:root#viewer@group:all#member since 2
                  group:all#member
                    group:all#member@group:eng#member since 2
                      group:eng#member
                        group:eng#member@user:alice since 2
      not banned - signer
    ");
}

#[test]
fn a_wildcard_and_a_userset_itself_are_shown_as_what_they_are() {
    let index = some_edges();
    insta::assert_snapshot!(held(explain(&index, "document:open#read@user:zoe")), @r"
    document:open#read = view - banned
      document:open#view = viewer + parent->view
        document:open#viewer
          document:open#viewer@user:* since 2
      not banned
    ");
    insta::assert_snapshot!(held(explain(&index, "folder:root#view@group:eng#member")), @r"
    folder:root#view = viewer
      folder:root#viewer
        folder:root#viewer@group:all#member since 2
          group:all#member
            group:all#member@group:eng#member since 2
    ");
    insta::assert_snapshot!(held(explain(&index, "group:new#member@group:new#member")), @r"
    group:new#member
      itself
    ");
}

#[test]
fn the_witness_of_an_allow_is_enough_for_it() {
    let all = some_edges();
    for question in ["document:plan#read@user:alice", "document:plan#seal@user:alice", "document:open#view@user:zoe"] {
        let witness: Vec<String> =
            explain(&all, question).witness().iter().map(|edge| edge.relationship.to_string()).collect();
        let only: Vec<&str> = witness.iter().map(String::as_str).collect();
        assert_eq!(check(&index(SCHEMA, &only), question), Ok(true), "{question}");
        // And every one of its edges counts.
        for edge in &witness {
            let without = index(SCHEMA, &only);
            write(&without, vec![delete(edge)]);
            assert_eq!(check(&without, question), Ok(false), "{question} without {edge}");
        }
    }
}

#[test]
fn a_deny_names_the_one_relationship_that_would_have_changed_it() {
    let index = some_edges();
    for question in ["document:plan#read@user:bob", "document:plan#sign@user:bob", "document:new#view@user:stranger"] {
        let near = missed(explain(&index, question));
        let missing = near.missing.unwrap_or_else(|| panic!("{question}: nothing missing"));
        write(&index, vec![prokura_model::Change::touched(missing.clone())]);
        assert_eq!(check(&index, question), Ok(true), "{question} with {missing}");
        write(&index, vec![prokura_model::Change::RelationshipDeleted(missing)]);
    }
    let near = missed(explain(&index, "document:plan#read@user:bob"));
    insta::assert_snapshot!(near.message, @"`user:bob` does not have `read` on `document:plan`; the relationship `document:plan#viewer@user:bob` would give it");
    assert!(!near.cut_off);
    let tried: Vec<String> = near.tried.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(tried.join("\n"), @r"
    document:plan#read
    document:plan#view
    document:plan#viewer
    folder:root#view
    folder:root#viewer
    group:all#member
    group:eng#member
    ");
}

#[test]
fn a_deny_by_two_missing_relationships_names_none() {
    let near = missed(explain(&some_edges(), "document:plan#sign@user:zoe"));
    assert_eq!(near.missing, None);
    insta::assert_snapshot!(near.message, @"`user:zoe` does not have `sign` on `document:plan`, and no single relationship nearby would give it");
}

#[test]
fn a_deny_by_exclusion_shows_what_excluded_the_subject() {
    let index = some_edges();
    let near = missed(explain(&index, "document:open#read@user:alice"));
    assert_eq!(near.excluded.len(), 1);
    assert_eq!(near.missing, None);
    insta::assert_snapshot!(near.message, @"`user:alice` would have `document:open#read`, but its exclusion `banned` holds by `document:open#banned@group:eng#member`");
    let exclusion = &near.excluded[0];
    assert_eq!(exclusion.goal.to_string(), "document:open#read");
    assert_eq!(exclusion.expression, "banned");
    let [ProofPart::Member(because)] = exclusion.because.as_slice() else { panic!("{exclusion:?}") };
    insta::assert_snapshot!(drawn(because), @r"
    document:open#banned
      document:open#banned@group:eng#member since 2
        group:eng#member
          group:eng#member@user:alice since 2
    ");
}
