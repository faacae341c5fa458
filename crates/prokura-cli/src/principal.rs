//! `prokura principal`

mod off_board;

use clap::{Args, Subcommand, ValueEnum};
use prokura_api::{ClientError, Principal, PrincipalQuery, PrincipalState, PrincipalWrite, StateChange};
use prokura_model::{ObjectRef, TypeName};
use serde::Serialize;

use self::off_board::OffBoard;
use crate::{
    arguments::Ended,
    failure::Failure,
    near::{self, Filter},
    output::{DENY, fields, paint, remark, table},
    session::{Session, gather, more},
    wire,
};

#[derive(Debug, Subcommand)]
pub(crate) enum PrincipalCommand {
    Set(Set),
    /// Stop a principal now: it may do nothing, and nothing may be done through it
    Suspend(Change),
    /// Let a suspended principal act again
    Resume(Change),
    OffBoard(OffBoard),
    /// Take a principal out of the register
    Remove(Change),
    List(List),
    /// Show one principal
    Show {
        /// Which
        principal: ObjectRef,
    },
}

/// Register a principal, or change who owns it
#[derive(Args, Debug)]
pub(crate) struct Set {
    principal: ObjectRef,
    /// Who answers for it; without this, nobody
    #[arg(long, value_name = "PRINCIPAL")]
    owner: Option<ObjectRef>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Change {
    principal: ObjectRef,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// List principals
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Of this type
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<TypeName>,
    /// In this state
    #[arg(long)]
    state: Option<State>,
    /// Most to list
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    Active,
    Suspended,
    #[value(name = "off_boarded")]
    OffBoarded,
}

impl From<State> for PrincipalState {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Active,
            State::Suspended => Self::Suspended,
            State::OffBoarded => Self::OffBoarded,
        }
    }
}

pub(crate) fn state_text(state: PrincipalState) -> &'static str {
    match state {
        PrincipalState::Active => "active",
        PrincipalState::Suspended => "suspended",
        PrincipalState::OffBoarded => "off-boarded",
    }
}

impl PrincipalCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let client = &session.client;
        let answer = match self {
            Self::List(list) => return list.run(session).await,
            Self::Show { principal } => return show(session, &principal).await,
            Self::Remove(change) => {
                let receipt = match client.remove_principal(&change.request()).await {
                    Ok(receipt) => receipt,
                    Err(error) => return Err(near::failure(session, &error, &change.principal.to_string()).await),
                };
                session.out.show(&receipt, |receipt| {
                    format!("{} is not registered any more (revision {})", change.principal, receipt.revision)
                })?;
                return Ok(Ended::Done);
            }
            Self::Set(set) => client.set_principal(&set.request()).await,
            Self::Suspend(change) => return change.run(session, async |it| client.suspend_principal(it).await).await,
            Self::Resume(change) => return change.run(session, async |it| client.resume_principal(it).await).await,
            Self::OffBoard(off_board) => return off_board.run(session).await,
        };
        let principal = answer.map_err(|error| session.failure(&error))?;
        session.out.show(&principal, told)?;
        Ok(Ended::Done)
    }
}

impl Set {
    fn request(&self) -> PrincipalWrite {
        PrincipalWrite {
            object: wire::object(&self.principal),
            owner: self.owner.as_ref().map(wire::object),
            reason: self.reason.clone(),
        }
    }
}

/// What a change of state came to.
#[derive(Debug, Serialize)]
struct Changed {
    #[serde(flatten)]
    principal: Principal,
    /// The principal was not registered before; the change did that, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    newly_registered: bool,
    /// A registered principal with nearly this name, which was left as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    did_you_mean: Option<Principal>,
}

impl Change {
    async fn run(
        &self,
        session: &Session,
        change: impl AsyncFnOnce(&StateChange) -> Result<Principal, ClientError>,
    ) -> Result<Ended, Failure> {
        // A key that may change but not read is not kept from changing.
        let before = registered(session, &self.principal).await.map(|found| found.is_some()).unwrap_or(true);
        let named = self.principal.to_string();
        let principal = match change(&self.request()).await {
            Ok(principal) => principal,
            Err(error) => return Err(near::failure(session, &error, &named).await),
        };
        let did_you_mean = if before { None } else { near::principal(session, &named).await };
        let changed = Changed { principal, newly_registered: !before, did_you_mean };
        session.out.show(&changed, |changed| told(&changed.principal))?;
        if changed.newly_registered && !session.out.json {
            remark(changed.warning(&named));
        }
        Ok(Ended::Done)
    }

    fn request(&self) -> StateChange {
        StateChange { object: wire::object(&self.principal), reason: self.reason.clone() }
    }
}

impl Changed {
    fn warning(&self, named: &str) -> String {
        let now = state_text(self.principal.state);
        let mut text = format!("{} {named} was not registered; it is now, and {now}", paint(DENY, "warning:"));
        if let Some(meant) = &self.did_you_mean {
            let (meant, state) = (wire::object_text(&meant.object), state_text(meant.state));
            text.push_str(&format!("; did you mean {meant}? that one is still {state}"));
        }
        text
    }
}

async fn registered(session: &Session, principal: &ObjectRef) -> Result<Option<Principal>, ClientError> {
    let query = PrincipalQuery {
        kind: Some(principal.kind.to_string()),
        id: Some(principal.id.as_str().to_owned()),
        ..PrincipalQuery::default()
    };
    Ok(session.client.principals(&query).await?.items.into_iter().next())
}

impl List {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let query = PrincipalQuery {
            kind: self.kind.as_ref().map(ToString::to_string),
            id: None,
            state: self.state.map(Into::into),
            limit: None,
            cursor: None,
        };
        let found = gather(self.limit, async |limit, cursor| {
            session.client.principals(&PrincipalQuery { limit, cursor, ..query.clone() }).await
        })
        .await
        .map_err(|error| session.failure(&error))?;
        if found.items.is_empty() {
            Filter::default().kind(self.kind.as_ref()).known(session).await?;
        }
        session.out.show(&found, |found| {
            let rows = found.items.iter().map(row).collect();
            table(["principal", "state", "owner", "from files"], rows, "no principals") + &more(found)
        })?;
        Ok(Ended::Done)
    }
}

async fn show(session: &Session, principal: &ObjectRef) -> Result<Ended, Failure> {
    let found = registered(session, principal).await.map_err(|error| session.failure(&error))?;
    let Some(found) = found else {
        let failure = Failure::new("principal_unknown", format!("`{principal}` is not registered"));
        return Err(match near::principal(session, &principal.to_string()).await {
            Some(meant) => failure.help(format!("did you mean `{}`?", wire::object_text(&meant.object))),
            None => failure.help(format!(
                "register it with `prokura principal set '{principal}'`, or see `prokura principal list`"
            )),
        });
    };
    session.out.show(&found, told)?;
    Ok(Ended::Done)
}

fn owner(principal: &Principal) -> String {
    principal.owner.as_ref().map(wire::object_text).unwrap_or_default()
}

fn row(principal: &Principal) -> [String; 4] {
    let declared = if principal.declared { "yes" } else { "" };
    [
        wire::object_text(&principal.object),
        state_text(principal.state).to_owned(),
        owner(principal),
        declared.to_owned(),
    ]
}

fn told(principal: &Principal) -> String {
    fields(&[
        ("principal", wire::object_text(&principal.object)),
        ("state", state_text(principal.state).to_owned()),
        ("owner", owner(principal)),
    ])
}
