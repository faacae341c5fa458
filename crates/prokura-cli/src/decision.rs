//! `prokura decision`: what was decided.

use clap::{Args, Subcommand, ValueEnum};
use prokura_api::{ClientError, DecisionQuery, DecisionRecord, Disposition, Page, Time};
use prokura_model::{ObjectRef, Reason, RelationName, did_you_mean};

use crate::{
    arguments::Ended,
    decide::{approved, verdict},
    failure::Failure,
    near::Filter,
    output::{DENY, fields, paint, table},
    session::{Session, gather, more},
    time::shown,
    wire,
};

#[derive(Debug, Subcommand)]
pub(crate) enum DecisionCommand {
    List(Box<List>),
    /// Show one recorded decision; `prokura explain ID` draws it
    Show {
        /// Which
        decision: String,
    },
}

/// List recorded decisions, newest first
#[derive(Args, Debug)]
pub(crate) struct List {
    /// By this actor
    #[arg(long, value_name = "PRINCIPAL")]
    actor: Option<ObjectRef>,
    /// For this origin
    #[arg(long, value_name = "PRINCIPAL")]
    origin: Option<ObjectRef>,
    /// About this resource
    #[arg(long, value_name = "OBJECT")]
    resource: Option<ObjectRef>,
    /// About this permission
    #[arg(long, value_name = "NAME")]
    permission: Option<RelationName>,
    /// Under this task
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// In this run: under the task, or one of those that are part of it
    #[arg(long, value_name = "TASK")]
    run: Option<String>,
    /// With this delegation on the chain
    #[arg(long, value_name = "ID")]
    delegation: Option<String>,
    /// With this outcome
    #[arg(long)]
    disposition: Option<Wanted>,
    /// With this reason, such as `origin_lacks_permission`
    #[arg(long, value_name = "WORD")]
    reason: Option<String>,
    /// Asked by this enforcement point: `key:ID`, or `token:ISSUER`
    #[arg(long, value_name = "NAME")]
    enforcement_point: Option<String>,
    /// Since this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    from: Option<Time>,
    /// Before this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    to: Option<Time>,
    /// Most to list
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Wanted {
    Allow,
    Deny,
    /// Could not be decided; nothing was allowed
    Failed,
}

impl DecisionCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        match self {
            Self::List(list) => list.run(session).await,
            Self::Show { decision } => {
                let record = session.client.decision(&decision).await.map_err(|error| session.failure(&error))?;
                session.out.show(&record, told)?;
                Ok(Ended::Done)
            }
        }
    }
}

impl List {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let found = self.found(session).await.map_err(|error| session.failure(&error))?;
        if found.items.is_empty() {
            self.known(session).await?;
        }
        session.out.show(&found, |found| {
            let rows = found.items.iter().map(row).collect();
            let head = ["time", "outcome", "actor", "permission", "resource", "reason", "decision"];
            table(head, rows, "no decisions") + &more(found)
        })?;
        Ok(Ended::Done)
    }

    async fn found(&self, session: &Session) -> Result<Page<DecisionRecord>, ClientError> {
        let query = self.query();
        let read =
            async |limit, cursor| session.client.decisions(&DecisionQuery { limit, cursor, ..query.clone() }).await;
        if !matches!(self.disposition, Some(Wanted::Failed)) {
            return gather(self.limit, read).await;
        }
        // The protocol has no word for "neither": they are picked out here.
        let mut failed = Page { items: Vec::new(), next_cursor: None };
        loop {
            let page = read(Some(PAGE), failed.next_cursor.take()).await?;
            failed.items.extend(page.items.into_iter().filter(|record| record.disposition.is_none()));
            failed.next_cursor = page.next_cursor;
            if failed.next_cursor.is_none() || failed.items.len() >= self.limit {
                failed.items.truncate(self.limit);
                return Ok(failed);
            }
        }
    }

    /// Fails if nothing was found because what was asked for cannot be.
    async fn known(&self, session: &Session) -> Result<(), Failure> {
        if let Some(reason) = &self.reason
            && !reason_words().any(|word| word == reason)
        {
            let failure = Failure::new("reason_unknown", format!("no decision has the reason `{reason}`"));
            let near: Vec<_> = reason_words().filter(|word| shares_a_part(word, reason)).collect();
            return Err(match did_you_mean(reason, reason_words()) {
                Some(meant) => failure.help(format!("did you mean `{meant}`?")),
                None if near.is_empty() => {
                    failure.help(format!("it is one of {}", reason_words().collect::<Vec<_>>().join(", ")))
                }
                None => failure.help(format!("did you mean one of {}?", near.join(", "))),
            });
        }
        let actor = self.actor.as_ref().map(|object| &object.kind);
        let origin = self.origin.as_ref().map(|object| &object.kind);
        let resource = self.resource.as_ref().map(|object| &object.kind);
        Filter::default()
            .kind(actor)
            .kind(origin)
            .kind(resource)
            .relation(resource, self.permission.as_ref())
            .known(session)
            .await
    }

    fn query(&self) -> DecisionQuery {
        let kind = |object: &ObjectRef| object.kind.to_string();
        let id = |object: &ObjectRef| object.id.as_str().to_owned();
        DecisionQuery {
            actor_type: self.actor.as_ref().map(kind),
            actor_id: self.actor.as_ref().map(id),
            origin_type: self.origin.as_ref().map(kind),
            origin_id: self.origin.as_ref().map(id),
            resource_type: self.resource.as_ref().map(kind),
            resource_id: self.resource.as_ref().map(id),
            permission: self.permission.as_ref().map(ToString::to_string),
            task: self.task.clone(),
            run: self.run.clone(),
            delegation: self.delegation.clone(),
            disposition: self.disposition.and_then(|wanted| match wanted {
                Wanted::Allow => Some(Disposition::Allow),
                Wanted::Deny => Some(Disposition::Deny),
                Wanted::Failed => None,
            }),
            reason: self.reason.clone(),
            enforcement_point: self.enforcement_point.clone(),
            from: self.from,
            to: self.to,
            limit: None,
            cursor: None,
        }
    }
}

/// Entries asked for at once where they are picked from.
const PAGE: usize = 500;

/// Every reason that a record may have: those of the decisions, and why a decision may fail.
fn reason_words() -> impl Iterator<Item = &'static str> {
    REASONS.iter().map(|reason| reason.word()).chain(FAILURES)
}

fn shares_a_part(word: &str, written: &str) -> bool {
    written.split('_').any(|part| part.len() > 3 && word.contains(part))
}

const REASONS: [Reason; 29] = [
    Reason::OwnAuthority,
    Reason::LentAuthority,
    Reason::NoPath,
    Reason::ActorSuspended,
    Reason::PrincipalSuspended,
    Reason::OwnerOffBoarded,
    Reason::DelegationUnknown,
    Reason::DelegationNotForActor,
    Reason::DelegationRevoked,
    Reason::DelegationNotYetValid,
    Reason::DelegationExpired,
    Reason::ChainBroken,
    Reason::ChainTooLong,
    Reason::RootNotOrigin,
    Reason::RedelegationForbidden,
    Reason::DepthExceeded,
    Reason::TaskUnknown,
    Reason::TaskCompleted,
    Reason::TaskCancelled,
    Reason::TaskExpired,
    Reason::OutsideCap,
    Reason::OriginLacksPermission,
    Reason::ContextMissing,
    Reason::DispatchedAuthority,
    Reason::WorkerLacksPermission,
    Reason::NotEndorsed,
    Reason::TaskTreeBroken,
    Reason::BudgetExhausted,
    Reason::UsesExhausted,
];

const FAILURES: [&str; 8] = [
    "no_schema",
    "type_unknown",
    "member_unknown",
    "wildcard_subject",
    "undecidable",
    "amount_invalid",
    "check_too_deep",
    "check_too_much_work",
];

fn outcome(record: &DecisionRecord) -> &'static str {
    match record.disposition {
        Some(Disposition::Allow) => "allow",
        Some(Disposition::Deny) => "deny",
        Some(Disposition::Conditional) => "conditional",
        Some(Disposition::Held) => "held",
        None => "failed",
    }
}

fn row(record: &DecisionRecord) -> [String; 7] {
    [
        shown(record.time),
        outcome(record).to_owned(),
        wire::object_text(&record.actor),
        record.permission.clone(),
        wire::object_text(&record.resource),
        record.reason.clone(),
        record.id.clone(),
    ]
}

pub(crate) fn told(record: &DecisionRecord) -> String {
    let mut chain: Vec<_> = record.chain.iter().map(|link| wire::object_text(&link.to)).collect();
    if let Some(root) = record.chain.first() {
        chain.insert(0, wire::object_text(&root.from));
    }
    let witness: Vec<_> = record
        .witness
        .iter()
        .map(|edge| format!("{}  (since revision {})", wire::relationship_text(&edge.relationship), edge.since))
        .collect();
    let outcome = record.disposition.map_or_else(|| paint(DENY, "failed"), verdict);
    fields(&[
        ("decision", record.id.clone()),
        ("outcome", outcome),
        ("planned", if record.planned { "a look ahead: nothing could be done on it" } else { "" }.to_owned()),
        ("because", record.message.clone()),
        ("reason", record.reason.clone()),
        ("actor", wire::object_text(&record.actor)),
        ("permission", record.permission.clone()),
        ("resource", wire::object_text(&record.resource)),
        ("delegation", record.delegation.clone().unwrap_or_default()),
        ("task", record.task.clone().unwrap_or_default()),
        ("run", record.run.clone().unwrap_or_default()),
        ("hop", if record.chain.is_empty() { String::new() } else { record.hop.to_string() }),
        ("span", record.span.clone().unwrap_or_default()),
        ("for", record.origin.as_ref().map(wire::object_text).unwrap_or_default()),
        ("chain", chain.join(" → ")),
        ("witness", witness.join("\n")),
        ("approved by", approved(&record.guards)),
        ("time", shown(record.time)),
        ("revision", record.revision.to_string()),
        ("door", record.door.clone()),
        ("asked by", record.enforcement_point.clone()),
        ("request id", record.request_id.clone().unwrap_or_default()),
        ("took", format!("{} µs", record.duration_us)),
        ("request", record.request.to_string()),
    ])
}
