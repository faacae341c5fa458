use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::Time;

/// What a webhook is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WebhookEvent {
    /// What happened: `access_request.made`, `break_glass.taken`, `approval.asked`, …; `ping` if nothing did.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name of the event, which is also in the header `webhook-id`: the same whenever and however often it is sent.
    pub id: String,
    /// In which tenant; absent for a `ping`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The revision that it happened in; absent for a `ping`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// When it happened.
    pub at: Time,
    /// The request for access, or the approval, as it was then. Without details only its `id` and `state`.
    #[schema(value_type = Object)]
    pub data: Value,
}

/// A webhook, and how far it is in one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// Its name in the configuration.
    pub name: String,
    /// Where it sends: scheme, host and port. The rest of the address is not told.
    pub to: String,
    /// The tenant.
    pub tenant: String,
    /// All up to this revision was sent; absent if there is no such tenant yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// So many revisions are still to be looked through.
    pub behind: u64,
    /// When something was delivered last, since the server started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Time>,
    /// What keeps the next event from being delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<WebhookFailing>,
}

/// An event that could not be delivered yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookFailing {
    /// Since when nothing could be delivered.
    pub since: Time,
    /// How often it was tried since then.
    pub attempts: u64,
    /// What went wrong last.
    pub error: String,
}

/// What became of a `ping`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookPing {
    /// The name of the event that was sent.
    pub id: String,
    /// Whether it was taken.
    pub delivered: bool,
    /// What went wrong, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
