//! `prokura tenant`

use clap::{Args, Subcommand};
use prokura_api::{NewTenant, PageQuery};
use prokura_model::TenantName;

use crate::{
    arguments::Ended,
    failure::Failure,
    output::table,
    session::{Session, gather, more},
};

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    Create(Create),
    /// List tenants
    List {
        /// Most to list
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
}

/// Create a tenant: a schema, a graph and a decision record of its own
#[derive(Args, Debug)]
pub(crate) struct Create {
    name: TenantName,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl TenantCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        match self {
            Self::Create(create) => {
                let wanted = NewTenant { name: create.name.to_string(), reason: create.reason };
                let made = session.client.create_tenant(&wanted).await.map_err(|error| session.failure(&error))?;
                session.out.show(&made, |made| format!("tenant {} created", made.name))?;
            }
            Self::List { limit } => {
                let found =
                    gather(limit, async |limit, cursor| session.client.tenants(&PageQuery { limit, cursor }).await)
                        .await
                        .map_err(|error| session.failure(&error))?;
                session.out.show(&found, |found| {
                    let rows = found.items.iter().map(|tenant| [tenant.name.clone()]).collect();
                    table(["tenant"], rows, "no tenants") + &more(found)
                })?;
            }
        }
        Ok(Ended::Done)
    }
}
