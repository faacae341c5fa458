//! `prokura serve`

use std::{env, io::IsTerminal as _, path::PathBuf};

use clap::{Args, ValueEnum};
use prokura::{Authority, OpenError, Options};
use prokura_server::{Config, Issuer, Server, TlsFiles};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{
    arguments::Ended,
    configuration::toml_file,
    failure::Failure,
    output::{COMMAND, STRONG, paint, remark},
    session::Reach,
};

/// Run the server
///
/// The first start makes an admin key and shows it once; PROKURA_ADMIN_KEY presets it. PROKURA_LOG sets what is
/// logged, such as `info` or `prokura_server=debug`.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Folder that holds the data; made if there is none
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Keep everything in memory; it is gone when the server stops
    #[arg(long, conflicts_with = "data")]
    memory: bool,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8443]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// How callers reach this server, such as `https://authz.example.com`
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Certificate (PEM), and after it those that lead to a root
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// How the log is written [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

#[derive(Clone, Copy, Debug, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum LogFormat {
    Text,
    Json,
}

/// The configuration file. The server's own members are named here again, and not taken out of the file first, so that
/// a mistake is told with its place in the file and with everything the file may say.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Configuration {
    data: Option<PathBuf>,
    log_format: Option<LogFormat>,
    listen: Option<String>,
    public_url: Option<String>,
    tls: Option<TlsFiles>,
    #[serde(default)]
    issuer: Vec<Issuer>,
    connections: Option<usize>,
    shutdown_grace_seconds: Option<u64>,
}

impl Configuration {
    fn server(&mut self) -> Config {
        let usual = Config::default();
        Config {
            listen: self.listen.take().unwrap_or_else(|| LISTEN.to_owned()),
            public_url: self.public_url.take(),
            tls: self.tls.take(),
            issuers: std::mem::take(&mut self.issuer),
            connections: self.connections.unwrap_or(usual.connections),
            shutdown_grace_seconds: self.shutdown_grace_seconds.unwrap_or(usual.shutdown_grace_seconds),
        }
    }
}

const LISTEN: &str = "127.0.0.1:8443";

impl Serve {
    pub(crate) async fn run(self, reach: Reach) -> Result<Ended, Failure> {
        let mut configuration: Configuration = match &reach.config {
            Some(path) => toml_file(path)?,
            None => Configuration::default(),
        };
        let mut server = configuration.server();
        let Configuration { data, log_format, .. } = configuration;
        start_log(self.log_format.or(log_format).unwrap_or(LogFormat::Text));
        server.listen = self.listen.unwrap_or(server.listen);
        server.public_url = self.public_url.or(server.public_url);
        if let (Some(certificate), Some(key)) = (self.tls_cert, self.tls_key) {
            server.tls = Some(TlsFiles { certificate, key });
        }
        let data = if self.memory { None } else { self.data.or(data) };
        let authority = match (&data, self.memory) {
            (Some(folder), _) => {
                Authority::open(folder, Options::default()).map_err(|error| not_opened(&error, folder))?
            }
            (None, true) => Authority::in_memory(Options::default()),
            (None, false) => {
                return Err(Failure::new("data_unsaid", "where should the data be kept?")
                    .help("`prokura serve --data DIR` keeps it; `prokura serve --memory` is for trying things out"));
            }
        };
        let first_key = first_key(&authority)?;
        let server = started(server, authority).await?;
        let kept = data.map_or_else(|| "in memory only".to_owned(), |folder| format!("in {}", folder.display()));
        remark(format_args!("{} at {}, data {kept}", paint(STRONG, "prokura listens"), server.url()));
        if let Some(key) = first_key {
            remark(key_box(&key, server.url()));
        }
        wait_for_signal().await?;
        remark("stopping");
        let stopped = server.shutdown().await;
        if stopped.cut_off > 0 {
            remark(format_args!("{} connections were cut off", stopped.cut_off));
        }
        Ok(Ended::Done)
    }
}

/// The first admin key, if this start made one. A preset key is known to whoever set it.
fn first_key(authority: &Authority) -> Result<Option<String>, Failure> {
    let preset = preset_key();
    let made = make_first_key(authority, preset.as_deref())?;
    Ok(made.filter(|_| preset.is_none()))
}

/// The admin key of an authority that is new.
pub(crate) fn admin_key(authority: &Authority) -> Result<String, Failure> {
    let preset = preset_key();
    let made = make_first_key(authority, preset.as_deref())?;
    made.or(preset).ok_or_else(|| Failure::new("internal", "the authority is not new: it has a key already"))
}

fn preset_key() -> Option<String> {
    env::var("PROKURA_ADMIN_KEY").ok().filter(|key| !key.is_empty())
}

fn make_first_key(authority: &Authority, preset: Option<&str>) -> Result<Option<String>, Failure> {
    let made = authority.first_key(preset);
    let made = made.map_err(|error| Failure::new(error.code(), format!("the first key: {error}")))?;
    Ok(made.map(|key| key.secret.reveal().to_owned()))
}

pub(crate) async fn started(config: Config, authority: Authority) -> Result<Server, Failure> {
    prokura_server::serve(config, authority).await.map_err(|error| {
        let failure = Failure::new(error.code(), error.to_string());
        match error.code() {
            "listen_failed" => failure.help("take another address with --listen; port 0 is any free one"),
            _ => failure,
        }
    })
}

fn not_opened(error: &OpenError, folder: &std::path::Path) -> Failure {
    let failure = Failure::new(error.code(), format!("`{}`: {error}", folder.display()));
    match error {
        OpenError::InUse(_) => failure.help("stop the other server, or take another folder with --data"),
        _ => failure,
    }
}

/// The key, once, where nobody overlooks it.
fn key_box(key: &str, url: &str) -> String {
    let lines = [
        "The first admin key. It is shown this once and not kept:".to_owned(),
        String::new(),
        format!("export PROKURA_SERVER={url}"),
        format!("export PROKURA_KEY={key}"),
    ];
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let bar = "─".repeat(width + 2);
    let mut text = format!("┌{bar}┐\n");
    for line in &lines {
        let painted = if line.starts_with("export") { paint(COMMAND, line) } else { line.clone() };
        text.push_str(&format!("│ {painted}{:1$} │\n", "", width - line.chars().count()));
    }
    text + &format!("└{bar}┘")
}

pub(crate) async fn wait_for_signal() -> Result<(), Failure> {
    let no_signal = |error: std::io::Error| Failure::new("internal", format!("the system gives no signals: {error}"));
    let mut interrupted = signal(SignalKind::interrupt()).map_err(no_signal)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(no_signal)?;
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    Ok(())
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("PROKURA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}
