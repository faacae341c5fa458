//! `prokura demo`: a server, a sample organisation, and a story told with real requests.

mod issuer;
mod sample;
mod story;

use std::{fs, io::IsTerminal as _, path::Path};

use clap::Args;
use prokura::{Authority, Options};
use prokura_api::ClientOptions;
use prokura_server::{Config, Server};
use tempfile::TempDir;

use crate::{
    arguments::Ended,
    failure::Failure,
    output::Output,
    serve::{admin_key, started, wait_for_signal},
    session::Session,
};
use issuer::{AUDIENCE, ISSUER, Issuer};
use story::Stage;

/// See an agent act for a person through two other agents, and lose the right while its token is still valid
///
/// Starts a server of its own in a temporary folder. On a terminal it goes on running until Ctrl-C, so that you can
/// look around; elsewhere it ends by itself.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Where the server listens [default: 127.0.0.1:8181, or a free port if that is taken]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Leave the server running, even without a terminal
    #[arg(long, conflicts_with = "exit")]
    keep: bool,
    /// End when the story is told, even on a terminal
    #[arg(long)]
    exit: bool,
}

const LISTEN: &str = "127.0.0.1:8181";
const LISTEN_ANYWHERE: &str = "127.0.0.1:0";

impl Demo {
    pub(crate) async fn run(self, json: bool) -> Result<Ended, Failure> {
        let folder = TempDir::with_prefix("prokura-demo-").map_err(|error| unwritable(&error))?;
        let issuer = Issuer::new()?;
        fs::write(folder.path().join("jwks.json"), issuer.key_set()).map_err(|error| unwritable(&error))?;
        let (server, key) = self.server(folder.path()).await?;
        let mut options = ClientOptions::new(server.url());
        options.tenant = "default".to_owned();
        let session = Session::with(options, Some(key.clone()), Output { json: false })?;
        let stays = self.keep || (!self.exit && std::io::stdout().is_terminal());
        let stage =
            Stage { session, issuer, url: server.url().to_owned(), key, folder: folder.path().to_owned(), json };
        let told = stage.play(stays).await;
        if told.is_ok() && stays {
            wait_for_signal().await?;
        }
        server.shutdown().await;
        told.map(|()| Ended::Done)
    }

    /// The server, and its admin key.
    async fn server(&self, folder: &Path) -> Result<(Server, String), Failure> {
        let text = configuration(self.listen.as_deref().unwrap_or(LISTEN), &folder.join("jwks.json"));
        let config = Config::from_toml(&text).map_err(|error| Failure::new("internal", error.to_string()))?;
        let data = folder.join("data");
        let authority = Authority::open(&data, Options::default())
            .map_err(|error| Failure::new(error.code(), error.to_string()))?;
        let key = admin_key(&authority)?;
        match started(config.clone(), authority.clone()).await {
            Err(failure) if failure.code() == "listen_failed" && self.listen.is_none() => {
                let anywhere = Config { listen: LISTEN_ANYWHERE.to_owned(), ..config };
                Ok((started(anywhere, authority).await?, key))
            }
            server => Ok((server?, key)),
        }
    }
}

/// What `prokura serve --config` would be given: this server trusts one issuer of tokens.
fn configuration(listen: &str, key_set: &Path) -> String {
    let mut issuer = toml::Table::new();
    issuer.insert("issuer".to_owned(), ISSUER.into());
    issuer.insert("audience".to_owned(), AUDIENCE.into());
    issuer.insert("jwks".to_owned(), key_set.display().to_string().into());
    issuer.insert("algorithms".to_owned(), vec!["ES256"].into());
    let mut table = toml::Table::new();
    table.insert("listen".to_owned(), listen.into());
    table.insert("issuer".to_owned(), toml::Value::Array(vec![issuer.into()]));
    table.to_string()
}

fn unwritable(error: &std::io::Error) -> Failure {
    Failure::new("folder_unwritable", format!("the demo needs a temporary folder: {error}"))
}
