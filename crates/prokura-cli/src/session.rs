//! Which server is asked, with which key, about which tenant, and what its failures mean to the person who asked.

use std::{env, fs, path::PathBuf};

use clap::Args;
use prokura_api::{Client, ClientError, ClientOptions, Page};
use prokura_model::TenantName;
use serde::Deserialize;

use crate::{
    configuration::toml_file,
    failure::Failure,
    output::{Output, harmless},
    source::Source,
};

/// How the server is reached. A flag wins over the environment, the environment over the configuration file.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Reach {
    /// Address of the server [env: PROKURA_SERVER] [default: http://127.0.0.1:8443]
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// API key or token; prefer the environment, a command line is seen by others [env: PROKURA_KEY]
    #[arg(long, global = true, value_name = "KEY")]
    key: Option<String>,
    /// Tenant that is meant [env: PROKURA_TENANT] [default: default]
    #[arg(long, global = true, value_name = "NAME")]
    tenant: Option<TenantName>,
    /// Certificates (PEM) to trust besides the system's [env: PROKURA_CERTIFICATES]
    #[arg(long, global = true, value_name = "FILE")]
    certificates: Option<PathBuf>,
    /// Configuration file (TOML) [default: ~/.config/prokura/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The configuration file of the commands that ask a server.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Configuration {
    server: Option<String>,
    key: Option<String>,
    tenant: Option<TenantText>,
    certificates: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct TenantText(TenantName);

impl TryFrom<String> for TenantText {
    type Error = prokura_model::NameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        TenantName::new(text).map(Self)
    }
}

const SERVER: &str = "http://127.0.0.1:8443";

/// A server to ask.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) out: Output,
    has_key: bool,
}

impl Session {
    pub(crate) fn open(reach: &Reach) -> Result<Self, Failure> {
        let configuration = configuration(reach.config.as_ref())?;
        let tenant = match (reach.tenant.clone(), variable("PROKURA_TENANT")) {
            (Some(tenant), _) => Some(tenant),
            (None, Some(text)) => {
                let named = TenantName::new(text);
                Some(named.map_err(|error| Failure::new("tenant_invalid", format!("PROKURA_TENANT: {error}")))?)
            }
            (None, None) => configuration.tenant.map(|TenantText(tenant)| tenant),
        };
        let server = reach.server.clone().or_else(|| variable("PROKURA_SERVER")).or(configuration.server);
        let key = reach.key.clone().or_else(|| variable("PROKURA_KEY")).or(configuration.key);
        let certificates = reach.certificates.clone().or_else(|| variable("PROKURA_CERTIFICATES").map(PathBuf::from));
        let mut options = ClientOptions::new(server.unwrap_or_else(|| SERVER.to_owned()));
        options.tenant = tenant.map_or_else(|| "default".to_owned(), |tenant| tenant.to_string());
        options.trusted = match certificates.or(configuration.certificates) {
            Some(path) => Some(Source::read(&path)?.text.into_bytes()),
            None => None,
        };
        Self::with(options, key, Output { json: reach.json })
    }

    pub(crate) fn with(mut options: ClientOptions, key: Option<String>, out: Output) -> Result<Self, Failure> {
        if let Some(odd) = key.as_deref().and_then(|key| key.chars().find(|odd| !odd.is_ascii_graphic())) {
            let what = match odd {
                '\n' | '\r' => "a line break".to_owned(),
                ' ' | '\t' => "a space".to_owned(),
                _ => format!("a character that no key has ({})", odd.escape_unicode()),
            };
            return Err(Failure::new("key_malformed", format!("the key holds {what}"))
                .help("take the key alone, as it was shown, without what stands around it"));
        }
        let has_key = key.is_some();
        options.credential = key;
        let client = Client::new(options).map_err(|error| Failure::new(error.code(), error.to_string()))?;
        Ok(Self { client, out, has_key })
    }

    /// The failure a person can do something about.
    pub(crate) fn failure(&self, error: &ClientError) -> Failure {
        let server = self.client.server().trim_end_matches('/').to_owned();
        match error {
            ClientError::Connect(cause) => not_connected(error.code(), &server, cause),
            ClientError::Broken(cause) if server.starts_with("http://") && cause.contains("invalid HTTP version") => {
                Failure::new("server_with_tls", format!("what answers at {server} does not speak plain HTTP"))
                    .help(format!("if the server has TLS, it is at {}", server.replacen("http:", "https:", 1)))
            }
            ClientError::Refused { status: 401, error: said } if !self.has_key => {
                Failure::new(said.code.clone(), "the server wants a key, and none was given")
                    .help("set PROKURA_KEY to the key that `prokura serve` showed when it started first, or use --key")
            }
            ClientError::Refused { error: said, .. } => refused(said, self.client.tenant()),
            _ => Failure::new(error.code(), format!("{error} ({server})")),
        }
    }
}

/// Why there is no connection: nobody there, or somebody who speaks differently, or who is not believed.
fn not_connected(code: &str, server: &str, cause: &str) -> Failure {
    if let Some((_, why)) = cause.split_once("invalid peer certificate: ") {
        return Failure::new("certificate_untrusted", format!("the certificate of {server} is not trusted ({why})"))
            .help(
                "name the certificate that issued it with --certificates FILE or PROKURA_CERTIFICATES, and the server \
                 by a name that is in its certificate",
            );
    }
    if server.starts_with("https://") && (cause.contains("corrupt message") || cause.contains("InvalidContentType")) {
        return Failure::new("server_without_tls", format!("what answers at {server} does not speak TLS"))
            .help(format!("if the server has no TLS, it is at {}", server.replacen("https:", "http:", 1)));
    }
    Failure::new(code, format!("no server at {server} ({cause})"))
        .help("start one with `prokura serve --memory`, or say where it is with --server or PROKURA_SERVER")
}

/// What the server said, and the command that leads on where there is one.
fn refused(said: &prokura_api::ErrorDetail, tenant: &str) -> Failure {
    let mut failure = Failure::new(said.code.clone(), harmless(&said.message));
    if let Some(details) = said.details.as_ref().and_then(|details| serde_json::to_value(details).ok()) {
        failure = failure.details(details);
    }
    match said.code.as_str() {
        "no_schema" | "schema_missing" => {
            failure.help("write one with `prokura schema write FILE` or `prokura apply FOLDER`")
        }
        "tenant_unknown" => {
            failure.help(format!("create it with `prokura tenant create {tenant}`, or see `prokura tenant list`"))
        }
        "task_unknown" => failure.help("see `prokura task list`, or open one with `prokura task open`"),
        "delegation_unknown" => failure.help("see `prokura delegation list`"),
        "principal_unknown" => {
            failure.help("see `prokura principal list`, or register it with `prokura principal set`")
        }
        "decision_unknown" => failure.help("see `prokura decision list`"),
        "body_too_large" => failure.help(
            "what is written in one transaction travels in one request: apply fewer files at a time, and large `*.rels` \
             files in parts with `prokura relationship write --file PART`",
        ),
        _ => failure,
    }
}

/// Entries of a list, page after page, until there are `limit` or no more.
pub(crate) async fn gather<T>(
    limit: usize,
    mut page: impl AsyncFnMut(Option<usize>, Option<String>) -> Result<Page<T>, ClientError>,
) -> Result<Page<T>, ClientError> {
    let mut gathered = Page { items: Vec::new(), next_cursor: None };
    loop {
        let wanted = (limit - gathered.items.len()).min(PAGE);
        let next = page(Some(wanted), gathered.next_cursor.take()).await?;
        gathered.items.extend(next.items);
        gathered.next_cursor = next.next_cursor;
        if gathered.next_cursor.is_none() || gathered.items.len() >= limit {
            return Ok(gathered);
        }
    }
}

/// Entries asked for at once.
const PAGE: usize = 500;

/// A remark under a list that goes on.
pub(crate) fn more<T>(page: &Page<T>) -> String {
    if page.next_cursor.is_none() { String::new() } else { "there are more: raise --limit\n".to_owned() }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn configuration(named: Option<&PathBuf>) -> Result<Configuration, Failure> {
    let Some(path) = named.cloned().or_else(usual_configuration) else {
        return Ok(Configuration::default());
    };
    toml_file(&path)
}

/// The configuration file at its usual place, if there is one.
fn usual_configuration() -> Option<PathBuf> {
    let folder = variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".config")))?;
    let path = folder.join("prokura").join("config.toml");
    fs::metadata(&path).is_ok().then_some(path)
}
