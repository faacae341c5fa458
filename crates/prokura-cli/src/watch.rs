//! `prokura watch`

use clap::Args;
use prokura_api::{Change, Transaction, WatchEvent, WatchQuery};

use crate::{
    arguments::Ended,
    failure::Failure,
    output::{ALLOW, CHANGE, DENY, FAINT, Output, harmless, paint},
    session::Session,
    time::shown,
    wire,
};

/// Show what is written, as it is written
///
/// Ends with the connection; go on `--after` the last revision that was shown, and nothing is missed.
#[derive(Args, Debug)]
pub(crate) struct Watch {
    /// From after this revision on: a number, or a token [default: the latest]
    #[arg(long, value_name = "REVISION")]
    after: Option<String>,
    /// Only relationships of these types
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Only these: relationships, schema, authority, checkpoints
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<String>,
    /// End after so many transactions
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
}

impl Watch {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let joined = |names: &[String]| (!names.is_empty()).then(|| names.join(","));
        let query =
            WatchQuery { after: self.after.clone(), resource_types: joined(&self.types), kinds: joined(&self.kinds) };
        let mut events = session.client.watch(&query).await.map_err(|error| session.failure(&error))?;
        let mut left = self.limit;
        while left != Some(0) {
            let Some(event) = events.next().await.map_err(|error| session.failure(&error))? else { break };
            if let WatchEvent::Failed { code, message } = event {
                return Err(Failure::new(code, harmless(&message)));
            }
            if matches!(event, WatchEvent::Transaction { .. }) {
                left = left.map(|left| left - 1);
            }
            show(session.out, &event)?;
        }
        Ok(Ended::Done)
    }
}

/// A line of JSON for each event, as they came; or the lines of a transaction for a person.
fn show(out: Output, event: &WatchEvent) -> Result<(), Failure> {
    if out.json {
        let line = serde_json::to_string(event)
            .map_err(|error| Failure::new("internal", format!("the event cannot be written as JSON: {error}")))?;
        return out.print(&line);
    }
    match event {
        WatchEvent::Transaction { transaction, .. } => out.print(&told(transaction)),
        WatchEvent::Checkpoint { revision, time, .. } => {
            out.print(&paint(FAINT, format!("revision {revision}  {}  nothing more", shown(*time))))
        }
        WatchEvent::Failed { .. } => Ok(()),
    }
}

fn told(transaction: &Transaction) -> String {
    let Transaction { revision, time, author, reason, changes, .. } = transaction;
    let why = if reason.is_empty() { String::new() } else { format!("  “{}”", harmless(reason)) };
    let mut text = paint(FAINT, format!("revision {revision}  {}  {}{why}", shown(*time), harmless(author)));
    for change in changes {
        text.push_str(&format!("\n  {}", line(change)));
    }
    text
}

fn line(change: &Change) -> String {
    match change {
        Change::RelationshipTouched { relationship } => {
            paint(ALLOW, format!("+ {}", wire::relationship_text(relationship)))
        }
        Change::RelationshipDeleted { relationship } => {
            paint(DENY, format!("- {}", wire::relationship_text(relationship)))
        }
        Change::RelationshipExpired { relationship } => {
            paint(DENY, format!("- {}", wire::relationship_text(relationship))) + "  expired"
        }
        Change::SchemaWritten { .. } => paint(CHANGE, "~ schema"),
        Change::MetadataAttached { metadata } => format!("  {}", harmless(&metadata.to_string())),
        other => {
            let value = serde_json::to_value(other).unwrap_or_default();
            let kind = value.get("kind").and_then(serde_json::Value::as_str).unwrap_or("change").replace('_', " ");
            let rest: Vec<_> = value
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(name, _)| *name != "kind")
                .map(|(_, member)| harmless(&member.to_string()).into_owned())
                .collect();
            format!("{} {}", paint(CHANGE, format!("~ {kind}")), rest.join(" "))
        }
    }
}
