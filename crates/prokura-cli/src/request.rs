//! `prokura request`, `prokura pending`, `prokura approve`, `prokura refuse`, `prokura access`

use clap::{Args, Subcommand};
use prokura_api::{
    AccessRequest, Approval, ApprovalWords, NewAccessRequest, Page, RequestApproval, RequestQuery, RequestState,
    RequestWords,
};
use prokura_model::{ObjectRef, RelationName};
use serde::Serialize;

use crate::{
    approval,
    arguments::Ended,
    failure::Failure,
    output::{fields, table},
    session::{Session, gather, more},
    time::{Length, length, over, shown},
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

/// List what waits for a person: requests for access, broken glass to be reviewed, and approvals, with all they are for
#[derive(Args, Debug)]
pub(crate) struct Pending {
    /// Only those that this one may answer
    #[arg(long, value_name = "PRINCIPAL")]
    by: Option<ObjectRef>,
    /// Most to list
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

/// Approve a request for access, or a part of it; or give an approval
#[derive(Args, Debug)]
pub(crate) struct Approve {
    /// Which request or approval; for an approval, the first eight digits of its id or more will do
    #[arg(value_name = "REQUEST|APPROVAL")]
    request: String,
    /// Who approves: a person with the permission that is asked for; without it, you
    #[arg(long, value_name = "PRINCIPAL")]
    by: Option<ObjectRef>,
    /// Of a request, only on this one of the resources; may be repeated
    #[arg(long = "only", value_name = "RESOURCE")]
    resources: Vec<ObjectRef>,
    /// Of a request, for so long from now: `10m`; without it, as long as was asked for
    #[arg(long = "for", value_name = "LENGTH", allow_hyphen_values = true)]
    length: Option<Length>,
    /// In which words
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Refuse a request for access, or an approval
#[derive(Args, Debug)]
pub(crate) struct Refuse {
    /// Which request or approval; for an approval, the first eight digits of its id or more will do
    #[arg(value_name = "REQUEST|APPROVAL")]
    request: String,
    /// Who refuses: whoever could approve; without it, you
    #[arg(long, value_name = "PRINCIPAL")]
    by: Option<ObjectRef>,
    /// In which words
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
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
        let found = Waiting {
            requests: listed(session, query, self.limit).await?,
            approvals: approval::waiting(session, self.by.as_ref(), self.limit).await?,
        };
        session.out.show(&found, Waiting::told)?;
        Ok(Ended::Done)
    }
}

/// What waits for a person.
#[derive(Debug, Serialize)]
struct Waiting {
    requests: Page<AccessRequest>,
    approvals: Page<Approval>,
}

impl Waiting {
    fn told(&self) -> String {
        let Self { requests, approvals } = self;
        if requests.items.is_empty() && approvals.items.is_empty() {
            return "nothing waits".to_owned();
        }
        let mut parts = Vec::new();
        if !requests.items.is_empty() {
            parts.push(rows(requests, ""));
        }
        parts.extend(approvals.items.iter().map(approval::told));
        parts.join("\n") + &more(approvals)
    }
}

impl Approve {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        if let Some(id) = approval::meant(session, &self.request).await? {
            if !self.resources.is_empty() || self.length.is_some() {
                let message = "an approval is given as it is: `--only` and `--for` are for requests for access";
                return Err(Failure::new("approval_indivisible", message));
            }
            let words = ApprovalWords { by: self.by.as_ref().map(wire::object), reason: self.reason };
            return approval::answer(session, &id, &words, true).await;
        }
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
        let by = self.by.as_ref().map(wire::object);
        if let Some(id) = approval::meant(session, &self.request).await? {
            return approval::answer(session, &id, &ApprovalWords { by, reason: self.reason }, false).await;
        }
        let words = RequestWords { by, reason: self.reason };
        shown_or_failed(session, session.client.refuse_request(&self.request, &words).await)
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
    let found = listed(session, query, limit).await?;
    session.out.show(&found, |found| rows(found, none))?;
    Ok(Ended::Done)
}

async fn listed(session: &Session, query: RequestQuery, limit: usize) -> Result<Page<AccessRequest>, Failure> {
    let found = gather(limit, async |limit, cursor| {
        session.client.access_requests(&RequestQuery { limit, cursor, ..query.clone() }).await
    });
    found.await.map_err(|error| session.failure(&error))
}

fn rows(found: &Page<AccessRequest>, none: &str) -> String {
    let rows = found.items.iter().map(row).collect();
    table(["request", "state", "requester", "wants", "on", "why"], rows, none) + &more(found)
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
