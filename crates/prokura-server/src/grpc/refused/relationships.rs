//! Relationships that do not fit a schema, in SpiceDB's sentences: clients look for them.

use prokura::Unfit;
use prokura_api::grpc::v1::ErrorReason;
use prokura_model::{
    RelationName, TypeName,
    condition::ContextFault,
    schema::{Allowed, AllowedSubject, RelationshipFault, UnknownName},
};
use tonic::{Code, Status};

use super::{caveats, of_unknown, reasoned};

/// A relationship that is to be written, or deleted, and does not fit.
pub(super) fn of_unfit(fault: &RelationshipFault) -> Status {
    match fault {
        RelationshipFault::Unknown(unknown) => of_unknown(unknown),
        RelationshipFault::Permission { kind, name, .. } => {
            let message = format!("cannot write a relationship to permission `{name}` under definition `{kind}`");
            let metadata = [("definition_name", kind.to_string()), ("permission_name", name.to_string())];
            reasoned(Code::InvalidArgument, ErrorReason::CannotUpdatePermission, message, metadata)
        }
        RelationshipFault::Subject { kind, relation, subject, allowed } => of_subject(kind, relation, subject, allowed),
        RelationshipFault::Context { caveat, fault } => {
            let metadata = [("caveat_name", caveat.to_string())];
            let message = caveats::of_context(fault);
            reasoned(Code::InvalidArgument, ErrorReason::CaveatParameterTypeError, message, metadata)
        }
    }
}

fn of_subject(kind: &TypeName, relation: &RelationName, subject: &Allowed, allowed: &[Allowed]) -> Status {
    let mut message = format!("subjects of type `{subject}` are not allowed on relation `{kind}#{relation}`");
    let mut metadata = vec![
        ("definition_name", kind.to_string()),
        ("relation_name", relation.to_string()),
        ("subject_type", subject.to_string()),
    ];
    let caveats = missing_caveats(subject, allowed);
    if !caveats.is_empty() {
        message.push_str(&format!(" without one of the following caveats: {caveats}"));
        metadata.push(("allowed_caveats", caveats));
    } else if let Some(meant) = meant(&subject.to_string(), allowed) {
        message.push_str(&format!("; did you mean `{meant}`?"));
    }
    reasoned(Code::InvalidArgument, ErrorReason::InvalidSubjectType, message, metadata)
}

/// The caveats with one of which the subject would be allowed.
fn missing_caveats(subject: &Allowed, allowed: &[Allowed]) -> String {
    if subject.caveat.is_some() {
        return String::new();
    }
    let same = allowed.iter().filter(|one| one.subject == subject.subject && one.expires == subject.expires);
    let mut names: Vec<&str> = same.filter_map(|one| one.caveat.as_ref()).map(|caveat| caveat.as_str()).collect();
    names.dedup();
    names.join(",")
}

/// What is allowed and reads like the subject with something in addition; the least of it.
fn meant(subject: &str, allowed: &[Allowed]) -> Option<String> {
    let candidates = allowed.iter().map(Allowed::to_string).filter(|candidate| {
        let mut rest = candidate.chars();
        subject.chars().all(|wanted| rest.any(|found| found == wanted))
    });
    candidates.min_by_key(String::len)
}

/// A relationship that stands in the way of a new schema.
pub(super) fn of_stranded(unfit: &Unfit) -> String {
    let Unfit { relationship, terms, fault } = unfit;
    let (kind, relation) = (&relationship.resource.kind, &relationship.relation);
    let with = format!("{relationship}{terms}");
    match fault {
        RelationshipFault::Unknown(UnknownName::Type { name, .. }) if name == kind => {
            format!("cannot delete object definition `{kind}`, as at least one relationship exists under it: {with}")
        }
        RelationshipFault::Unknown(UnknownName::Member { kind: of, name, .. }) if (of, name) == (kind, relation) => {
            relation_gone(kind, relation, &with)
        }
        RelationshipFault::Permission { .. } => relation_gone(kind, relation, &with),
        RelationshipFault::Unknown(_) | RelationshipFault::Subject { .. } => {
            let subject = Allowed {
                subject: AllowedSubject::from(&relationship.subject),
                caveat: terms.caveat.as_ref().map(|caveat| caveat.name.clone()),
                expires: terms.expires_at.is_some(),
            };
            format!(
                "cannot remove allowed type `{subject}` from relation `{relation}` in object definition `{kind}`, as a \
                 relationship exists with it: {with}"
            )
        }
        RelationshipFault::Context { caveat, fault } => match fault.as_ref() {
            ContextFault::Unknown { name, .. } => format!("cannot remove parameter `{name}` on caveat `{caveat}`"),
            ContextFault::Value(misfit) => {
                format!("cannot change the type of parameter `{}` on caveat `{caveat}`", misfit.parameter)
            }
        },
    }
}

fn relation_gone(kind: &TypeName, relation: &RelationName, with: &str) -> String {
    format!(
        "cannot delete relation `{relation}` in object definition `{kind}`, as at least one relationship exists under it: \
         {with}"
    )
}
