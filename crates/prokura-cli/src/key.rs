//! `prokura key`

use clap::{Args, Subcommand, ValueEnum};
use prokura_api::{Key, KeyScope, NewKey, PageQuery, ReasonOnly, Role};
use prokura_model::SpokenFor;

use crate::{
    arguments::Ended,
    failure::Failure,
    output::{STRONG, harmless, paint, table},
    session::{Session, gather, more},
    wire,
};

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    Create(Create),
    /// List keys
    List {
        /// Most to list
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// End a key now
    Revoke {
        /// Its id, as in `prokura key list`
        id: String,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// Make a key; it is shown once
#[derive(Args, Debug)]
pub(crate) struct Create {
    /// What people call it
    name: String,
    /// What it may do
    #[arg(long)]
    role: RoleName,
    /// For an enforcement point, whom it may speak for: `agent:coder`, `agent:*`, `*`; may be repeated
    #[arg(long, value_name = "SUBJECT", required_if_eq_any([("role", "enforcement_point"), ("role", "enforcement-point")]))]
    speaks_for: Vec<SpokenFor>,
    /// In every tenant, rather than in the one of --tenant
    #[arg(long)]
    all_tenants: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleName {
    /// Everything
    Admin,
    /// Ask for decisions about the subjects it may speak for
    #[value(name = "enforcement_point", alias = "enforcement-point")]
    EnforcementPoint,
    /// Read everything; change and decide nothing
    Auditor,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Admin => Self::Admin,
            RoleName::EnforcementPoint => Self::EnforcementPoint,
            RoleName::Auditor => Self::Auditor,
        }
    }
}

impl KeyCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::List { limit } => {
                let found =
                    gather(limit, async |limit, cursor| session.client.keys(&PageQuery { limit, cursor }).await)
                        .await
                        .map_err(|error| session.failure(&error))?;
                session.out.show(&found, |found| {
                    let rows = found.items.iter().map(row).collect();
                    let head = ["key", "name", "role", "where", "speaks for", "state"];
                    table(head, rows, "no keys") + &more(found)
                })?;
                Ok(Ended::Done)
            }
            Self::Revoke { id, reason } => {
                let receipt = session.client.revoke_key(&id, &ReasonOnly { reason }).await;
                let receipt = receipt.map_err(|error| session.failure(&error))?;
                session.out.show(&receipt, |_| format!("key {id} revoked"))?;
                Ok(Ended::Done)
            }
        }
    }
}

impl Create {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let scope = if self.all_tenants {
            KeyScope::AllTenants(true)
        } else {
            KeyScope::Tenant(session.client.tenant().to_owned())
        };
        let wanted = NewKey {
            name: self.name,
            role: self.role.into(),
            speaks_for: self.speaks_for.iter().map(wire::spoken_for).collect(),
            scope,
            reason: self.reason,
        };
        let made = session.client.create_key(&wanted).await.map_err(|error| session.failure(&error))?;
        session.out.show(&made, |made| {
            format!(
                "{}\nkey {} ({}); it is not kept and cannot be shown again",
                paint(STRONG, &made.secret),
                made.key.id,
                harmless(&made.key.name)
            )
        })?;
        Ok(Ended::Done)
    }
}

fn row(key: &Key) -> [String; 6] {
    let role = match key.role {
        Role::Admin => "admin",
        Role::EnforcementPoint => "enforcement_point",
        Role::Auditor => "auditor",
    };
    let scope = match &key.scope {
        KeyScope::Tenant(tenant) => tenant.clone(),
        KeyScope::AllTenants(_) => "all tenants".to_owned(),
    };
    let speaks_for: Vec<_> = key.speaks_for.iter().map(wire::spoken_for_text).collect();
    let state = if key.revoked_at.is_some() { "revoked" } else { "" };
    [key.id.clone(), harmless(&key.name).into_owned(), role.to_owned(), scope, speaks_for.join(", "), state.to_owned()]
}
