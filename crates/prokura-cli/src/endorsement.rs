//! `prokura endorse`, `prokura endorsement`

use clap::{Args, Subcommand};
use prokura_api::{Endorsement, EndorsementQuery, NewEndorsement, ReasonOnly};
use prokura_model::{ObjectRef, SubjectRef};

use crate::{
    arguments::Ended,
    delegation::{Clause, cap},
    failure::Failure,
    near,
    output::{fields, table},
    session::{Session, gather, more},
    time::{When, over, shown},
    wire,
};

/// Say what a worker does for whom, when work is dispatched to it
#[derive(Args, Debug)]
pub(crate) struct Endorse {
    /// Who does the work
    worker: ObjectRef,
    /// What it does: `deploy, restart on service:checkout`, `* on service:*`; may be repeated
    #[arg(long, required = true, value_name = "PERMISSIONS on RESOURCES")]
    cap: Vec<Clause>,
    /// For the tasks of which origins: `user:alice`, `user:*`, `group:eng#member`; may be repeated
    #[arg(long = "for", required = true, value_name = "ORIGIN")]
    origins: Vec<SubjectRef>,
    /// Who says so: the worker's owner; without it, you
    #[arg(long, value_name = "PRINCIPAL")]
    by: Option<ObjectRef>,
    /// Until when: `30d`, or a time of RFC 3339
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    expires: Option<When>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EndorsementCommand {
    List(List),
    /// Show one endorsement
    Show {
        /// Which
        endorsement: String,
    },
    /// End an endorsement
    Revoke {
        /// Which
        endorsement: String,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// List endorsements
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Of this worker
    #[arg(long, value_name = "PRINCIPAL")]
    worker: Option<ObjectRef>,
    /// Most to list
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

impl Endorse {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let wanted = NewEndorsement {
            worker: wire::object(&self.worker),
            by: self.by.as_ref().map(wire::object),
            cap: cap(&self.cap),
            origins: self.origins.iter().map(wire::subject).collect(),
            expires_at: self.expires.and_then(When::at),
            expires_in_seconds: self.expires.and_then(When::in_seconds),
            reason: self.reason,
        };
        let made = session.client.endorse(&wanted).await.map_err(|error| session.failure(&error))?;
        session.out.show(&made, told)?;
        Ok(Ended::Done)
    }
}

impl EndorsementCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let (found, named) = match self {
            Self::List(list) => return list.run(session).await,
            Self::Show { endorsement } => (session.client.endorsement(&endorsement).await, endorsement),
            Self::Revoke { endorsement, reason } => {
                (session.client.revoke_endorsement(&endorsement, &ReasonOnly { reason }).await, endorsement)
            }
        };
        match found {
            Ok(found) => session.out.show(&found, told)?,
            Err(error) => return Err(near::failure(session, &error, &named).await),
        }
        Ok(Ended::Done)
    }
}

impl List {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let query = EndorsementQuery {
            worker_type: self.worker.as_ref().map(|worker| worker.kind.to_string()),
            worker_id: self.worker.as_ref().map(|worker| worker.id.as_str().to_owned()),
            limit: None,
            cursor: None,
        };
        let found = gather(self.limit, async |limit, cursor| {
            session.client.endorsements(&EndorsementQuery { limit, cursor, ..query.clone() }).await
        })
        .await
        .map_err(|error| session.failure(&error))?;
        session.out.show(&found, |found| {
            let rows = found.items.iter().map(row).collect();
            table(["endorsement", "worker", "by", "does", "for", "state"], rows, "no endorsements") + &more(found)
        })?;
        Ok(Ended::Done)
    }
}

fn origins(endorsement: &Endorsement) -> String {
    endorsement.origins.iter().map(wire::subject_text).collect::<Vec<_>>().join(", ")
}

fn state(endorsement: &Endorsement) -> &'static str {
    match (endorsement.revoked_at, endorsement.expires_at) {
        (Some(_), _) => "revoked",
        (None, end) if over(end) => "expired",
        (None, _) => "",
    }
}

fn row(endorsement: &Endorsement) -> [String; 6] {
    [
        endorsement.id.clone(),
        wire::object_text(&endorsement.worker),
        wire::object_text(&endorsement.by),
        wire::cap_text(&endorsement.cap),
        origins(endorsement),
        state(endorsement).to_owned(),
    ]
}

fn told(endorsement: &Endorsement) -> String {
    let time = |time: Option<prokura_api::Time>| time.map(shown).unwrap_or_default();
    fields(&[
        ("endorsement", endorsement.id.clone()),
        ("state", state(endorsement).to_owned()),
        ("worker", wire::object_text(&endorsement.worker)),
        ("by", wire::object_text(&endorsement.by)),
        ("does", wire::cap_text(&endorsement.cap).replace("; ", "\n")),
        ("for", origins(endorsement)),
        ("expires", time(endorsement.expires_at)),
        ("revoked", time(endorsement.revoked_at)),
    ])
}
