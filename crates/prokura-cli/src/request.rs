//! `prokura request`, `prokura pending`, `prokura approve`, `prokura refuse`, `prokura access`

use clap::{Args, Subcommand};
use prokura_api::{AccessRequest, NewAccessRequest, RequestApproval, RequestQuery, RequestState, RequestWords};
use prokura_model::{ObjectRef, RelationName};

use crate::{
    arguments::Ended,
    failure::Failure,
    output::{fields, table},
    session::{Session, gather, more},
    time::{Length, over, shown},
    wire,
};

/// Ask for access: the schema grants it, refuses it, or asks a person
///
/// Exit code 0 if it is granted or waits for an answer, 1 if it is refused.
#[derive(Args, Debug)]
pub(crate) struct Request {
    /// Who asks: the actor that is to act
    requester: ObjectRef,
    /// What it wants to do
    permission: RelationName,
    /// To what; may be several of one type
    #[arg(required = true, value_name = "RESOURCE")]
    resources: Vec<ObjectRef>,
    /// Why, in words
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The delegation it acts under
    #[arg(long, short, value_name = "ID")]
    delegation: Option<String>,
    /// The task it is for, where it is the requester's own; a delegation has one
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// The ticket it belongs to
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
    /// For how long: `30m`; without it, the longest that can be granted
    #[arg(long = "for", value_name = "LENGTH", allow_hyphen_values = true)]
    length: Option<Length>,
    /// Break the glass: granted at once where the schema says so, and reviewed afterwards
    #[arg(long)]
    break_glass: bool,
}

/// List the requests that wait for an answer, and broken glass that waits for a review
#[derive(Args, Debug)]
pub(crate) struct Pending {
    /// Only those that this one may answer
    #[arg(long, value_name = "PRINCIPAL")]
    by: Option<ObjectRef>,
    /// Most to list
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

/// Approve a request for access, or a part of it
#[derive(Args, Debug)]
pub(crate) struct Approve {
    /// Which
    request: String,
    /// Who approves: a person with the permission that the request asks for; without it, you
    #[arg(long, value_name = "PRINCIPAL")]
    by: Option<ObjectRef>,
    /// Only on this one of the resources; may be repeated
    #[arg(long = "only", value_name = "RESOURCE")]
    resources: Vec<ObjectRef>,
    /// For so long from now: `10m`; without it, as long as was asked for
    #[arg(long = "for", value_name = "LENGTH", allow_hyphen_values = true)]
    length: Option<Length>,
    /// In which words
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Refuse a request for access
#[derive(Args, Debug)]
pub(crate) struct Refuse {
    #[command(flatten)]
    said: Said,
}

/// Who says something about which request.
#[derive(Args, Debug)]
pub(crate) struct Said {
    /// Which
    request: String,
    /// Who says it; without it, you
    #[arg(long, value_name = "PRINCIPAL")]
    by: Option<ObjectRef>,
    /// In which words
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccessCommand {
    List(List),
    /// Show one request
    Show {
        /// Which
        request: String,
    },
    /// Take a request back, or end what it was granted
    Cancel(Said),
    /// Close the review of a broken glass, in words
    Review(Said),
}

/// List requests for access
#[derive(Args, Debug)]
pub(crate) struct List {
    /// By this requester
    #[arg(long, value_name = "PRINCIPAL")]
    requester: Option<ObjectRef>,
    /// Under this task
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Of this state: pending, granted, refused, expired, cancelled
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<RequestState>,
    /// Most to list
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

fn state(text: &str) -> Result<RequestState, String> {
    serde_json::from_value(text.into()).map_err(|_| "pending, granted, refused, expired or cancelled".to_owned())
}

impl Request {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let wanted = NewAccessRequest {
            requester: Some(wire::object(&self.requester)),
            delegation: self.delegation,
            task: self.task,
            permission: self.permission.to_string(),
            resources: self.resources.iter().map(wire::object).collect(),
            reason: self.reason,
            ticket: self.ticket,
            for_seconds: self.length.map(|length| length.seconds),
            break_glass: self.break_glass,
        };
        let made = session.client.request_access(&wanted).await.map_err(|error| session.failure(&error))?;
        session.out.show(&made, told)?;
        Ok(if made.state == RequestState::Refused { Ended::Denied } else { Ended::Done })
    }
}

impl Pending {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let query = RequestQuery {
            answerable_by_type: self.by.as_ref().map(|by| by.kind.to_string()),
            answerable_by_id: self.by.as_ref().map(|by| by.id.as_str().to_owned()),
            state: self.by.is_none().then_some(RequestState::Pending),
            ..RequestQuery::default()
        };
        list(session, query, self.limit, "nothing waits").await
    }
}

impl Approve {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let resources = (!self.resources.is_empty()).then(|| self.resources.iter().map(wire::object).collect());
        let approval = RequestApproval {
            by: self.by.as_ref().map(wire::object),
            resources,
            for_seconds: self.length.map(|length| length.seconds),
            reason: self.reason,
        };
        shown_or_failed(session, session.client.approve_request(&self.request, &approval).await)
    }
}

impl Refuse {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let (request, words) = self.said.words();
        shown_or_failed(session, session.client.refuse_request(&request, &words).await)
    }
}

impl Said {
    fn words(self) -> (String, RequestWords) {
        (self.request, RequestWords { by: self.by.as_ref().map(wire::object), reason: self.reason })
    }
}

impl AccessCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        match self {
            Self::List(found) => {
                let query = RequestQuery {
                    state: found.state,
                    requester_type: found.requester.as_ref().map(|requester| requester.kind.to_string()),
                    requester_id: found.requester.as_ref().map(|requester| requester.id.as_str().to_owned()),
                    task: found.task,
                    ..RequestQuery::default()
                };
                list(session, query, found.limit, "no requests").await
            }
            Self::Show { request } => shown_or_failed(session, session.client.access_request(&request).await),
            Self::Cancel(said) => {
                let (request, words) = said.words();
                shown_or_failed(session, session.client.cancel_request(&request, &words).await)
            }
            Self::Review(said) => {
                let (request, words) = said.words();
                shown_or_failed(session, session.client.review_request(&request, &words).await)
            }
        }
    }
}

async fn list(session: &Session, query: RequestQuery, limit: usize, none: &str) -> Result<Ended, Failure> {
    let found = gather(limit, async |limit, cursor| {
        session.client.access_requests(&RequestQuery { limit, cursor, ..query.clone() }).await
    });
    let found = found.await.map_err(|error| session.failure(&error))?;
    session.out.show(&found, |found| {
        let rows = found.items.iter().map(row).collect();
        table(["request", "state", "requester", "wants", "on", "why"], rows, none) + &more(found)
    })?;
    Ok(Ended::Done)
}

fn shown_or_failed(
    session: &Session,
    found: Result<AccessRequest, prokura_api::ClientError>,
) -> Result<Ended, Failure> {
    let found = found.map_err(|error| session.failure(&error))?;
    session.out.show(&found, told)?;
    Ok(Ended::Done)
}

fn word(request: &AccessRequest) -> &'static str {
    match (request.state, &request.grant) {
        (RequestState::Pending, _) => "pending",
        (RequestState::Refused, _) => "refused",
        (RequestState::Expired, _) => "expired",
        (RequestState::Cancelled, _) => "cancelled",
        (RequestState::Granted, _) if request.awaits_review => "granted, to be reviewed",
        (RequestState::Granted, Some(grant)) if grant.ended_at.is_some() => "granted, ended",
        (RequestState::Granted, Some(grant)) if over(Some(grant.until)) => "granted, over",
        (RequestState::Granted, _) => "granted",
    }
}

fn resources(resources: &[prokura_api::ObjectRef]) -> String {
    resources.iter().map(wire::object_text).collect::<Vec<_>>().join(", ")
}

fn row(request: &AccessRequest) -> [String; 6] {
    [
        request.id.clone(),
        word(request).to_owned(),
        wire::object_text(&request.requester),
        request.permission.clone(),
        resources(&request.resources),
        request.reason.clone(),
    ]
}

fn told(request: &AccessRequest) -> String {
    let time = |time: Option<prokura_api::Time>| time.map(shown).unwrap_or_default();
    let said = |answer: &Option<prokura_api::RequestAnswer>| {
        answer.as_ref().map_or_else(String::new, |answer| {
            let by = answer.by.as_ref().map(|by| format!("{}: ", wire::object_text(by))).unwrap_or_default();
            format!("{by}{}", answer.words).trim_end_matches(": ").to_owned()
        })
    };
    let grant = request.grant.as_ref();
    let written: Vec<_> = grant.iter().flat_map(|grant| &grant.relationships).map(wire::relationship_text).collect();
    let waits = request.asks.as_ref().map(|permission| {
        let what = if request.awaits_review { "access review" } else { "approve" };
        format!(
            "a person with {permission} on {}: prokura {what} {} --by PERSON",
            resources(&request.resources),
            request.id
        )
    });
    fields(&[
        ("request", request.id.clone()),
        ("state", word(request).to_owned()),
        ("requester", wire::object_text(&request.requester)),
        ("wants", format!("{} on {}", request.permission, resources(&request.resources))),
        ("why", request.reason.clone()),
        ("ticket", request.ticket.clone().unwrap_or_default()),
        ("for", length(request.for_seconds)),
        ("by", format!("access {}", request.item)),
        ("task", request.task.clone().unwrap_or_default()),
        ("delegation", request.delegation.clone().unwrap_or_default()),
        ("waits for", waits.unwrap_or_default()),
        ("answer", said(&request.answer)),
        ("granted on", grant.map(|grant| resources(&grant.resources)).unwrap_or_default()),
        ("until", time(grant.map(|grant| grant.until))),
        ("written", written.join("\n")),
        ("act under", grant.and_then(|grant| grant.delegation.clone()).unwrap_or_default()),
        ("ended", time(grant.and_then(|grant| grant.ended_at))),
        ("review", said(&request.review)),
    ])
}

/// Seconds, as people write them.
fn length(seconds: u64) -> String {
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let told: Vec<_> =
        parts.into_iter().filter(|(number, _)| *number > 0).map(|(number, unit)| format!("{number}{unit}")).collect();
    told.join(" ")
}
