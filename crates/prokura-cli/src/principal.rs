//! `prokura principal`

use clap::{Args, Subcommand, ValueEnum};
use prokura_api::{Principal, PrincipalQuery, PrincipalState, PrincipalWrite, StateChange};
use prokura_model::{ObjectRef, TypeName};

use crate::{
    arguments::Ended,
    failure::Failure,
    output::{fields, table},
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
    /// Off-board a principal for good; what it owns stops until it has another owner
    OffBoard(Change),
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
                let receipt = client.remove_principal(&change.request()).await;
                let receipt = receipt.map_err(|error| session.failure(&error))?;
                session.out.show(&receipt, |receipt| {
                    format!("{} is not registered any more (revision {})", change.principal, receipt.revision)
                })?;
                return Ok(Ended::Done);
            }
            Self::Set(set) => client.set_principal(&set.request()).await,
            Self::Suspend(change) => client.suspend_principal(&change.request()).await,
            Self::Resume(change) => client.resume_principal(&change.request()).await,
            Self::OffBoard(change) => client.off_board_principal(&change.request()).await,
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

impl Change {
    fn request(&self) -> StateChange {
        StateChange { object: wire::object(&self.principal), reason: self.reason.clone() }
    }
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
        session.out.show(&found, |found| {
            let rows = found.items.iter().map(row).collect();
            table(["principal", "state", "owner", "from files"], rows, "no principals") + &more(found)
        })?;
        Ok(Ended::Done)
    }
}

async fn show(session: &Session, principal: &ObjectRef) -> Result<Ended, Failure> {
    let query = PrincipalQuery {
        kind: Some(principal.kind.to_string()),
        id: Some(principal.id.as_str().to_owned()),
        ..PrincipalQuery::default()
    };
    let found = session.client.principals(&query).await.map_err(|error| session.failure(&error))?;
    let Some(found) = found.items.first() else {
        return Err(Failure::new("principal_unknown", format!("`{principal}` is not registered"))
            .help(format!("register it with `prokura principal set '{principal}'`, or see `prokura principal list`")));
    };
    session.out.show(found, told)?;
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
