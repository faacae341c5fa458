//! `prokura approval`: a person's yes to one exact action.

use std::borrow::Cow;

use clap::{Args, Subcommand};
use prokura_api::{Approval, ApprovalQuery, ApprovalState, ApprovalWords, ClientError, NewApproval, Page};
use prokura_model::{ObjectRef, RelationName};
use serde_json::{Map, Value};

use crate::{
    arguments::Ended,
    decide::{context, members},
    failure::Failure,
    limits::APPROVALS_SEARCHED_MAX,
    output::{exact, fields, table},
    session::{Session, gather, more},
    time::{length, shown},
    wire,
};

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalCommand {
    Ask(Ask),
    List(List),
    /// Show one approval, with everything it is for
    Show {
        /// Which: its id, or for one that waits the first eight digits of it or more
        approval: String,
    },
    /// Take an approval back, whether it waits or was given
    Cancel {
        /// Which: its id, or for one that waits the first eight digits of it or more
        approval: String,
        /// Who takes it back; without it, you
        #[arg(long, value_name = "PRINCIPAL")]
        by: Option<ObjectRef>,
        /// In which words
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// Ask for the approval that a decision is held for
///
/// What is approved is exactly this: actor, delegation, permission, resource, arguments and tool schema.
#[derive(Args, Debug)]
pub(crate) struct Ask {
    /// Who wants to act
    actor: ObjectRef,
    /// What it wants to do
    permission: RelationName,
    /// To what
    resource: ObjectRef,
    /// Why, in words
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The delegation it acts under
    #[arg(long, short, value_name = "ID")]
    delegation: Option<String>,
    /// What it will be done with, a JSON object
    #[arg(long, value_name = "JSON", value_parser = context)]
    arguments: Option<Value>,
    /// The circumstances, a JSON object; the approval is not bound to them
    #[arg(long, value_name = "JSON", value_parser = context)]
    context: Option<Value>,
    /// What the tool says it does: mostly a digest of its schema
    #[arg(long, value_name = "DIGEST")]
    tool_schema: Option<String>,
}

/// List approvals
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Of this state: pending, given, refused, expired, cancelled, used
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<ApprovalState>,
    /// For what this actor is to do
    #[arg(long, value_name = "PRINCIPAL")]
    actor: Option<ObjectRef>,
    /// Under this task
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Waiting for an answer that this one may give
    #[arg(long, value_name = "PRINCIPAL")]
    answerable_by: Option<ObjectRef>,
    /// Most to list
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

fn state(text: &str) -> Result<ApprovalState, String> {
    serde_json::from_value(text.into()).map_err(|_| "pending, given, refused, expired, cancelled or used".to_owned())
}

impl ApprovalCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        match self {
            Self::Ask(ask) => ask.run(session).await,
            Self::List(list) => list.run(session).await,
            Self::Show { approval } => {
                let id = named(session, &approval).await?;
                shown_or_failed(session, session.client.approval(&id).await)
            }
            Self::Cancel { approval, by, reason } => {
                let id = named(session, &approval).await?;
                let words = ApprovalWords { by: by.as_ref().map(wire::object), reason };
                shown_or_failed(session, session.client.cancel_approval(&id, &words).await)
            }
        }
    }
}

impl Ask {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let question = NewApproval {
            actor: Some(wire::object(&self.actor)),
            delegation: self.delegation,
            permission: self.permission.to_string(),
            resource: wire::object(&self.resource),
            arguments: members(self.arguments.as_ref()),
            context: members(self.context.as_ref()),
            tool_schema: self.tool_schema,
            reason: self.reason,
        };
        shown_or_failed(session, session.client.ask_for_approval(&question).await)
    }
}

impl List {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let query = ApprovalQuery {
            state: self.state,
            actor_type: self.actor.as_ref().map(|actor| actor.kind.to_string()),
            actor_id: self.actor.as_ref().map(|actor| actor.id.as_str().to_owned()),
            task: self.task,
            answerable_by_type: self.answerable_by.as_ref().map(|by| by.kind.to_string()),
            answerable_by_id: self.answerable_by.as_ref().map(|by| by.id.as_str().to_owned()),
            ..ApprovalQuery::default()
        };
        let found = listed(session, &query, self.limit).await?;
        session.out.show(&found, |found| {
            let rows = found.items.iter().map(row).collect();
            table(["state", "actor", "is to", "on", "guard", "asked", "approval"], rows, "no approvals") + &more(found)
        })?;
        Ok(Ended::Done)
    }
}

/// The approvals that wait for an answer; those only that this one may give, if one is named.
pub(crate) async fn waiting(
    session: &Session,
    by: Option<&ObjectRef>,
    limit: usize,
) -> Result<Page<Approval>, Failure> {
    let query = ApprovalQuery {
        state: Some(ApprovalState::Pending),
        answerable_by_type: by.map(|by| by.kind.to_string()),
        answerable_by_id: by.map(|by| by.id.as_str().to_owned()),
        ..ApprovalQuery::default()
    };
    listed(session, &query, limit).await
}

async fn listed(session: &Session, query: &ApprovalQuery, limit: usize) -> Result<Page<Approval>, Failure> {
    let found = gather(limit, async |limit, cursor| {
        session.client.approvals(&ApprovalQuery { limit, cursor, ..query.clone() }).await
    });
    found.await.map_err(|error| session.failure(&error))
}

/// The id of the approval that is meant, if one can be: what requests are called never looks so.
pub(crate) async fn meant(session: &Session, text: &str) -> Result<Option<String>, Failure> {
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !digits || !(LEAST_DIGITS..=ID_DIGITS).contains(&text.len()) {
        return Ok(None);
    }
    if text.len() == ID_DIGITS {
        return Ok(Some(text.to_owned()));
    }
    let waiting = waiting(session, None, APPROVALS_SEARCHED_MAX).await?;
    let mut found = waiting.items.iter().filter(|approval| approval.id.starts_with(text));
    match (found.next(), found.count()) {
        (Some(only), 0) => Ok(Some(only.id.clone())),
        (None, _) => Err(Failure::new("approval_unknown", format!("no approval that waits begins with `{text}`"))
            .help("`prokura pending` lists those that wait; any other is named by its whole id")),
        (Some(_), others) => {
            let message = format!("{} approvals that wait begin with `{text}`", others + 1);
            Err(Failure::new("approval_ambiguous", message).help("give more digits of it"))
        }
    }
}

async fn named(session: &Session, text: &str) -> Result<String, Failure> {
    Ok(meant(session, text).await?.unwrap_or_else(|| text.to_owned()))
}

/// Digits that an approval can be named by, at least.
const LEAST_DIGITS: usize = 8;

/// Digits of an approval's id: those of SHA-256.
const ID_DIGITS: usize = 64;

/// Gives or refuses an approval.
pub(crate) async fn answer(session: &Session, id: &str, words: &ApprovalWords, yes: bool) -> Result<Ended, Failure> {
    let answered = if yes {
        session.client.give_approval(id, words).await
    } else {
        session.client.refuse_approval(id, words).await
    };
    shown_or_failed(session, answered)
}

fn shown_or_failed(session: &Session, found: Result<Approval, ClientError>) -> Result<Ended, Failure> {
    let found = found.map_err(|error| session.failure(&error))?;
    session.out.show(&found, told)?;
    Ok(Ended::Done)
}

/// The command that asks for what a question is held for.
pub(crate) fn command(
    asked: &str,
    delegation: Option<&str>,
    (arguments, context): (&Map<String, Value>, &Map<String, Value>),
    tool_schema: Option<&str>,
) -> String {
    let mut command = format!("prokura approval ask {asked}");
    let json = |values: &Map<String, Value>| (!values.is_empty()).then(|| Value::Object(values.clone()).to_string());
    let options = [
        ("-d", delegation.map(ToOwned::to_owned)),
        ("--arguments", json(arguments)),
        ("--context", json(context)),
        ("--tool-schema", tool_schema.map(ToOwned::to_owned)),
    ];
    for (option, value) in options {
        command.extend(value.map(|value| format!(" {option} {}", quoted(&value))));
    }
    command + " --reason WHY"
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@%+,=".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

fn word(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Pending => "pending",
        ApprovalState::Given => "given",
        ApprovalState::Refused => "refused",
        ApprovalState::Expired => "expired",
        ApprovalState::Cancelled => "cancelled",
        ApprovalState::Used => "used",
    }
}

fn row(approval: &Approval) -> [String; 7] {
    [
        word(approval.state).to_owned(),
        wire::object_text(&approval.actor),
        approval.permission.clone(),
        wire::object_text(&approval.resource),
        approval.guard.clone(),
        shown(approval.asked_at),
        approval.id.clone(),
    ]
}

/// Everything that is approved, in full: whoever answers sees what will be done, and nothing else will.
pub(crate) fn told(approval: &Approval) -> String {
    let mut chain: Vec<_> = approval.chain.iter().map(|link| wire::object_text(&link.to)).collect();
    if let Some(root) = approval.chain.first() {
        chain.insert(0, wire::object_text(&root.from));
    }
    let arguments = if approval.arguments.is_empty() {
        "none".to_owned()
    } else {
        let pretty = serde_json::to_string_pretty(&approval.arguments).unwrap_or_default();
        pretty.lines().map(exact).collect::<Vec<_>>().join("\n")
    };
    let who = match approval.from.as_str() {
        "origin" => "the origin of the task".to_owned(),
        from => {
            let permission = from.split_once('#').map_or(from, |(_, permission)| permission);
            format!("a person with {permission} on {}", wire::object_text(&approval.resource))
        }
    };
    let waits = (approval.state == ApprovalState::Pending)
        .then(|| format!("{who}, until {}: prokura approve {} --by PERSON", shown(approval.answer_by), approval.id));
    let answer = approval.answer.as_ref().map(|answer| {
        let by = answer.by.as_ref().map(|by| format!("{}: ", wire::object_text(by))).unwrap_or_default();
        format!("{by}{}", exact(&answer.words)).trim_end_matches(": ").to_owned()
    });
    let good = format!("{}, {}", length(approval.good_for_seconds), if approval.once { "once" } else { "reusable" });
    fields(&[
        ("approval", approval.id.clone()),
        ("state", word(approval.state).to_owned()),
        ("actor", wire::object_text(&approval.actor)),
        ("is to", format!("{} on {}", approval.permission, wire::object_text(&approval.resource))),
        ("with", arguments),
        ("tool schema", approval.tool_schema.as_deref().map(exact).unwrap_or_default()),
        ("chain", chain.join(" → ")),
        ("task", approval.task.clone().unwrap_or_default()),
        ("guard", approval.guard.clone()),
        ("why", exact(&approval.reason)),
        ("good for", good),
        ("waits for", waits.unwrap_or_default()),
        ("answer", answer.unwrap_or_default()),
        ("good until", approval.good_until.map(shown).unwrap_or_default()),
        ("used by", approval.used_by.clone().unwrap_or_default()),
    ])
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_takes_what_is_quoted_for_one_word() {
        assert_eq!(quoted("sha256:0f"), "sha256:0f");
        assert_eq!(quoted(r#"{"to": "o'neil"}"#), r#"'{"to": "o'\''neil"}'"#);
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("$HOME"), "'$HOME'");
    }
}
