//! How a check came to its answer, in the protocol's shape.

use prokura::{Explanation, Proof, ProofPart};
use prokura_api::grpc::v1::{
    self, CheckDebugTrace,
    check_debug_trace::{PermissionType, Permissionship, Resolution, SubProblems},
};
use prokura_model::{ObjectRef, RelationName, Schema, SubjectRef, WitnessEdge, schema::Member};

use super::convert;

/// The explanation as a trace. A step that did not hold is told without steps of its own.
pub(super) fn of(
    explanation: &Explanation,
    schema: Option<&Schema>,
    (resource, permission, subject): (&ObjectRef, &RelationName, &SubjectRef),
) -> v1::DebugInformation {
    let tracing = Tracing { schema, subject };
    let root = |result| tracing.step(resource, permission, result);
    let check = match explanation {
        Explanation::Held(proof) => tracing.proof(proof),
        Explanation::NotHeld(miss) => {
            let tried = miss.tried.iter().filter(|goal| goal.object != *resource || goal.member != *permission);
            let tried = tried.map(|goal| tracing.step(&goal.object, &goal.member, Permissionship::NoPermission));
            with(root(Permissionship::NoPermission), tried.collect())
        }
        Explanation::Open(condition) => {
            let open = condition.relationships.iter().map(|edge| {
                let missing = &condition.missing;
                let relationship = &edge.relationship;
                let step =
                    tracing.step(&relationship.resource, &relationship.relation, Permissionship::ConditionalPermission);
                CheckDebugTrace { caveat_evaluation_info: tracing.caveat(edge, Some(missing)), ..step }
            });
            with(root(Permissionship::ConditionalPermission), open.collect())
        }
    };
    v1::DebugInformation {
        check: Some(Box::new(check)),
        schema_used: schema.map_or_else(String::new, |schema| schema.text().to_owned()),
    }
}

struct Tracing<'t> {
    schema: Option<&'t Schema>,
    subject: &'t SubjectRef,
}

impl Tracing<'_> {
    fn step(&self, object: &ObjectRef, member: &RelationName, result: Permissionship) -> CheckDebugTrace {
        let declared = self.schema.and_then(|schema| schema.find_member(&object.kind, member).ok());
        let kind = match declared {
            Some(Member::Relation(_)) => PermissionType::Relation,
            Some(Member::Permission(_)) => PermissionType::Permission,
            None => PermissionType::Unspecified,
        };
        CheckDebugTrace {
            resource: Some(convert::wire_object(object)),
            permission: member.to_string(),
            permission_type: kind.into(),
            subject: Some(convert::wire_subject(self.subject)),
            result: result.into(),
            resolution: Some(Resolution::SubProblems(SubProblems::default())),
            ..Default::default()
        }
    }

    fn proof(&self, proof: &Proof) -> CheckDebugTrace {
        let mut step = self.step(&proof.goal.object, &proof.goal.member, Permissionship::HasPermission);
        let mut below = Vec::new();
        for part in &proof.parts {
            match part {
                ProofPart::Member(proof) => below.push(self.proof(proof)),
                ProofPart::Followed(followed) => {
                    let found = self.caveat(&followed.edge, None);
                    step.caveat_evaluation_info = step.caveat_evaluation_info.or(found);
                    below.push(self.proof(&followed.to));
                }
                ProofPart::Edge(edge) => {
                    let found = self.caveat(edge, None);
                    step.caveat_evaluation_info = step.caveat_evaluation_info.or(found);
                    step.optional_expires_at = edge.terms.expires_at.map(convert::wire_moment);
                }
                ProofPart::Itself | ProofPart::NotHeld(_) => {}
            }
        }
        with(step, below)
    }

    /// What became of the caveat of an edge, if it has one: it holds, or these names are missing.
    fn caveat(&self, edge: &WitnessEdge, missing: Option<&[String]>) -> Option<v1::CaveatEvalInfo> {
        use v1::caveat_eval_info::Result as Outcome;
        let caveat = edge.terms.caveat.as_ref()?;
        let declared = self.schema.and_then(|schema| schema.caveat(caveat.name.as_str()));
        let outcome = if missing.is_some() { Outcome::MissingSomeContext } else { Outcome::True };
        Some(v1::CaveatEvalInfo {
            expression: declared.map(|declared| declared.expression.clone()).unwrap_or_default(),
            result: outcome.into(),
            context: Some(convert::wire_context(&caveat.context)),
            partial_caveat_info: missing.map(convert::wire_missing),
            caveat_name: caveat.name.to_string(),
        })
    }
}

fn with(step: CheckDebugTrace, below: Vec<CheckDebugTrace>) -> CheckDebugTrace {
    CheckDebugTrace { resolution: Some(Resolution::SubProblems(SubProblems { traces: below })), ..step }
}
