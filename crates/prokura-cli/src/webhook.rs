//! `prokura webhook`

use clap::Subcommand;
use prokura_api::{PageQuery, Webhook};

use crate::{
    arguments::Ended,
    failure::Failure,
    output::{harmless, table},
    session::{Session, gather, more},
    time::shown,
};

#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// List webhooks, and how far each is in each tenant
    List {
        /// Most to list
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// Send a webhook a ping, and tell what became of it
    Test {
        /// Its name in the server's configuration
        name: String,
    },
}

impl WebhookCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        match self {
            Self::List { limit } => {
                let found =
                    gather(limit, async |limit, cursor| session.client.webhooks(&PageQuery { limit, cursor }).await)
                        .await
                        .map_err(|error| session.failure(&error))?;
                session.out.show(&found, |found| {
                    let rows = found.items.iter().map(row).collect();
                    let head = ["webhook", "tenant", "sends to", "at", "behind", "delivered", "state"];
                    table(head, rows, "no webhooks") + &more(found)
                })?;
                Ok(Ended::Done)
            }
            Self::Test { name } => {
                let sent = session.client.ping_webhook(&name).await.map_err(|error| session.failure(&error))?;
                if let Some(error) = &sent.error {
                    let failure = Failure::new("webhook_failed", format!("webhook `{name}` was not reached: {error}"));
                    return Err(failure.help("the server's configuration says where it sends, and with which secret"));
                }
                session.out.show(&sent, |sent| format!("webhook {name} took {}", sent.id))?;
                Ok(Ended::Done)
            }
        }
    }
}

fn row(webhook: &Webhook) -> [String; 7] {
    let state = match (&webhook.failing, webhook.revision) {
        (Some(failing), _) => {
            format!("failing since {}: {}", shown(failing.since), harmless(&failing.error))
        }
        (None, None) => "no such tenant yet".to_owned(),
        (None, Some(_)) => String::new(),
    };
    [
        webhook.name.clone(),
        webhook.tenant.clone(),
        webhook.to.clone(),
        webhook.revision.map_or_else(String::new, |revision| revision.to_string()),
        webhook.behind.to_string(),
        webhook.delivered_at.map_or_else(String::new, shown),
        state,
    ]
}
