//! AuthZEN's obligations profile: what whoever enforces an answer has to do.

use prokura_api::authzen::Obligation;
use prokura_model::{DecisionId, TenantName, Timestamp, Value};
use serde_json::json;

use super::read::{Members, member, wrong_type};
use crate::{convert, error::Refusal};

/// The type of the only obligation there is: to settle what was reserved, which no type of the profile says.
pub(super) const CUSTOM: &str = "custom";

/// Whoever says which obligations it can meet, and not this one, reserves nothing: it could not settle it.
pub(super) fn check(context: &Members, reserve_ms: Option<u64>) -> Result<(), Refusal> {
    const PATH: &str = "context.supported_obligations";
    let Some(supported) = member(context, "supported_obligations") else { return Ok(()) };
    let Value::List(supported) = supported else { return Err(wrong_type(PATH, "a list of texts")) };
    let custom = |value: &Value| matches!(value, Value::String(kind) if kind == CUSTOM);
    if reserve_ms.is_none() || supported.iter().any(custom) {
        return Ok(());
    }
    let message = "who reserves has to settle the reservation, which is an obligation of the type `custom`: name it, or reserve nothing";
    Err(Refusal::invalid_at(PATH, "obligation_unsupported", message))
}

/// What comes with an answer that reserves something.
pub(super) fn of(tenant: &TenantName, decision: &DecisionId, reserved_until: Option<Timestamp>) -> Vec<Obligation> {
    let settle = reserved_until.map(|until| {
        let at = |verb: &str| format!("/v1/tenants/{tenant}/reservations/{decision}/{verb}");
        let members = [
            ("vendor", json!("prokura")),
            ("action", json!("settle_reservation")),
            ("until", json!(convert::wire_time(until))),
            ("commit", json!(at("commit"))),
            ("release", json!(at("release"))),
        ];
        let properties = members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        Obligation { id: decision.to_string(), kind: CUSTOM.to_owned(), properties }
    });
    settle.into_iter().collect()
}
