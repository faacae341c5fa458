//! `prokura stats`

use clap::Args;
use prokura_api::{Stats as Found, TenantStats};

use crate::{arguments::Ended, failure::Failure, output::table, session::Session};

/// Say how much there is, and where the server's memory goes
#[derive(Args, Debug)]
pub(crate) struct Stats {}

impl Stats {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let found = session.client.stats().await.map_err(|error| session.failure(&error))?;
        session.out.show(&found, shown)?;
        Ok(Ended::Done)
    }
}

fn shown(found: &Found) -> String {
    let row = |tenant: &TenantStats| {
        let lists = tenant.memory.saturating_sub(tenant.names + tenant.free);
        let each = tenant.memory.checked_div(tenant.relationships).map_or_else(String::new, |each| each.to_string());
        [
            tenant.tenant.clone(),
            tenant.objects.to_string(),
            tenant.relationships.to_string(),
            tenant.ended.to_string(),
            tenant.with_terms.to_string(),
            mib(tenant.names),
            mib(lists),
            mib(tenant.free),
            each,
        ]
    };
    let head = [
        "tenant",
        "objects",
        "relationships",
        "ended",
        "on terms",
        "names (MiB)",
        "lists (MiB)",
        "free (MiB)",
        "bytes each",
    ];
    let rows = found.tenants.iter().map(row).collect();
    let limit = found.memory_max.map_or_else(|| "no limit".to_owned(), |max| format!("at most {} MiB", mib(max)));
    let all = found.resident.map_or_else(String::new, |all| format!("; the whole server takes {} MiB", mib(all)));
    let graphs = mib(found.memory);
    format!("{}\nnames and relationships take {graphs} MiB ({limit}){all}\n", table(head, rows, "no tenants"))
}

fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1_048_576.0)
}
