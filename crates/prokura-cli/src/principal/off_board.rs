//! `prokura principal off-board`: first what it comes to, then exactly that.

use std::str::FromStr;

use clap::Args;
use prokura_api::{OffBoardRequest, OffBoarding, Owned, Sampled, Transfer};
use prokura_model::ObjectRef;

use super::state_text;
use crate::{
    arguments::Ended,
    failure::Failure,
    near,
    output::{CHANGE, DENY, STRONG, harmless, paint, remark},
    session::Session,
    wire,
};

/// Off-board a principal for good, and end or hand over what depends on it
///
/// Without --yes or --expect nothing is written: it shows what would end, and what it owns that needs another owner. Its
/// open tasks are cancelled, the delegations it made or received and the endorsements by it or of it revoked, and the
/// relationships in which it is the subject removed: all of it in one transaction, or nothing.
#[derive(Args, Debug)]
pub(crate) struct OffBoard {
    principal: ObjectRef,
    /// Hand something it owns over: `agent:coder=user:bob`; may be given more than once
    #[arg(long, value_name = "OWNED=OWNER")]
    transfer: Vec<Handed>,
    /// Hand everything else it owns over; without this, that stops until somebody owns it
    #[arg(long, value_name = "OWNER")]
    rest_to: Option<ObjectRef>,
    /// Do what a preview showed, by its digest: if it would be something else by now, nothing is done
    #[arg(long, value_name = "DIGEST", conflicts_with = "yes")]
    expect: Option<String>,
    /// Do it, whatever it comes to
    #[arg(long)]
    yes: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Something owned, and its new owner.
#[derive(Clone, Debug)]
struct Handed {
    object: ObjectRef,
    owner: ObjectRef,
}

impl FromStr for Handed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = |text: &str| text.parse().map_err(|error| format!("`{text}`: {error}"));
        // An id may have a `=` in it, an owner's type never has.
        let (object, owner) = text
            .rsplit_once('=')
            .ok_or_else(|| format!("`{text}` is not `OWNED=OWNER`, as in `agent:coder=user:bob`"))?;
        Ok(Self { object: parse(object)?, owner: parse(owner)? })
    }
}

impl OffBoard {
    pub(super) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let named = self.principal.to_string();
        let does = self.yes || self.expect.is_some();
        let request = self.request();
        let client = &session.client;
        let answer =
            if does { client.off_board_principal(&request).await } else { client.preview_off_boarding(&request).await };
        let found = match answer {
            Ok(found) => found,
            Err(error) => return Err(near::failure(session, &error, &named).await),
        };
        session.out.show(&found, |found| text(found, does))?;
        if !does && !session.out.json {
            let again = format!("the same command with `--expect {}`", found.digest);
            remark(format!("{} nothing was written; to do exactly this: {again}", paint(STRONG, "preview:")));
        }
        Ok(Ended::Done)
    }

    fn request(self) -> OffBoardRequest {
        let handed =
            |Handed { object, owner }: &Handed| Transfer { object: wire::object(object), owner: wire::object(owner) };
        OffBoardRequest {
            object: wire::object(&self.principal),
            transfers: self.transfer.iter().map(handed).collect(),
            rest_to: self.rest_to.as_ref().map(wire::object),
            expect: self.expect,
            reason: self.reason,
        }
    }
}

fn text(found: &OffBoarding, done: bool) -> String {
    let whom = wire::object_text(&found.principal.object);
    let state = paint(CHANGE, state_text(found.principal.state));
    let mut text = match (done, found.done_in) {
        (true, Some(revision)) => format!("{whom} is {state} (revision {revision})\n"),
        (true, None) => format!("{whom} is {state}; nothing was left to be done\n"),
        _ if !found.registered => {
            format!(
                "{whom}, which is not registered (is that its name?), would be registered and off-boarded for good\n"
            )
        }
        _ => format!("{whom}, {state} now, would be off-boarded for good\n"),
    };
    let ends = |what: &str| if done { what.to_owned() } else { format!("would be {what}") };
    push(&mut text, &found.tasks, "tasks", &ends("cancelled"), |task| {
        format!("{}  {}", task.id, harmless(&task.purpose))
    });
    push(&mut text, &found.delegations, "delegations", &ends("revoked"), |link| {
        format!("{}  {} → {}", link.id, wire::object_text(&link.from), wire::object_text(&link.to))
    });
    push(&mut text, &found.endorsements, "endorsements", &ends("revoked"), |endorsement| {
        format!("{}  of {}", endorsement.id, wire::object_text(&endorsement.worker))
    });
    push(&mut text, &found.relationships, "relationships", &ends("removed"), wire::relationship_text);
    push(&mut text, &found.requests, "requests for access", &ends("ended"), |request| {
        let on: Vec<String> = request.resources.iter().map(wire::object_text).collect();
        format!(
            "{}  {} for {} on {}",
            request.id,
            wire::object_text(&request.requester),
            request.permission,
            on.join(", ")
        )
    });
    push(&mut text, &found.approvals, "approvals", &ends("taken back"), |approval| {
        let (actor, on) = (wire::object_text(&approval.actor), wire::object_text(&approval.resource));
        format!("{}  {actor} for {} on {on}", approval.id, approval.permission)
    });
    push(&mut text, &found.owned, "principals", "owned by it", owned);
    if found.left > 0 {
        let stop = if done { "are stopped" } else { "would be stopped" };
        text.push_str(&format!(
            "{} {} of what it owns {stop} until somebody owns them: --transfer OWNED=OWNER, --rest-to OWNER\n",
            paint(DENY, "note:"),
            found.left
        ));
    }
    text
}

fn push<T>(text: &mut String, found: &Sampled<T>, what: &str, become_of: &str, line: impl Fn(&T) -> String) {
    if found.count == 0 {
        return;
    }
    text.push_str(&format!("{what}: {} {become_of}\n", found.count));
    for entry in &found.sample {
        text.push_str(&format!("  {}\n", line(entry)));
    }
    let more = found.count - found.sample.len().min(found.count);
    if more > 0 {
        text.push_str(&format!("  and {more} more\n"));
    }
}

fn owned(owned: &Owned) -> String {
    let Owned { principal, new_owner, delegations } = owned;
    let becomes = match new_owner {
        Some(owner) => format!("to {}", wire::object_text(owner)),
        None => paint(DENY, "stopped"),
    };
    let (object, state) = (wire::object_text(&principal.object), state_text(principal.state));
    format!("{object}  {state}, {delegations} live delegations  → {becomes}")
}
