//! `prokura serve`

use std::{
    env, fs,
    io::IsTerminal as _,
    net::IpAddr,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use prokura::{Authority, OpenError, Options};
use prokura_server::{Callback, Config, Issuer, Server, TlsFiles, Webhook};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{
    arguments::Ended,
    configuration::toml_file,
    failure::Failure,
    output::{COMMAND, DENY, STRONG, paint, remark},
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
    /// Most memory that names and relationships may take, in MiB; what needs more is refused [default: three quarters of
    /// what the system has]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    memory_mib: Option<u64>,
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
    memory_mib: Option<u64>,
    log_format: Option<LogFormat>,
    listen: Option<String>,
    public_url: Option<String>,
    tls: Option<TlsFiles>,
    #[serde(default)]
    issuer: Vec<Issuer>,
    #[serde(default)]
    webhook: Vec<Webhook>,
    #[serde(default)]
    callback: Vec<Callback>,
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
            webhooks: std::mem::take(&mut self.webhook),
            callbacks: std::mem::take(&mut self.callback),
            webhook_folder: None,
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
        let Configuration { data, memory_mib, log_format, .. } = configuration;
        start_log(self.log_format.or(log_format).unwrap_or(LogFormat::Text));
        server.listen = self.listen.unwrap_or(server.listen);
        server.public_url = self.public_url.or(server.public_url);
        if let (Some(certificate), Some(key)) = (self.tls_cert, self.tls_key) {
            server.tls = Some(TlsFiles { certificate, key });
        }
        let memory = self.memory_mib.or(memory_mib).map(|mib| mib.saturating_mul(1 << 20));
        let options = Options { memory: memory.or_else(usual_memory), ..Options::default() };
        let data = if self.memory { None } else { self.data.or(data) };
        let authority = match (&data, self.memory) {
            (Some(folder), _) => {
                fit_for_data(folder)?;
                Authority::open(folder, options).map_err(|error| not_opened(&error, folder))?
            }
            (None, true) => Authority::in_memory(options),
            (None, false) => {
                return Err(Failure::new("data_unsaid", "where should the data be kept?")
                    .help("`prokura serve --data DIR` keeps it; `prokura serve --memory` is for trying things out"));
            }
        };
        server.webhook_folder.clone_from(&data);
        let first_key = first_key(&authority)?;
        let open = server.tls.is_none() && !is_loopback(&server.listen);
        let stop = Stop::listen()?;
        let server = started(server, authority).await?;
        let kept = data.map_or_else(|| "in memory only".to_owned(), |folder| format!("in {}", folder.display()));
        remark(format_args!("{} at {}, data {kept}", paint(STRONG, "prokura listens"), server.url()));
        if open {
            warn("keys and tokens travel unencrypted: others than this machine may connect, and there is no TLS");
        }
        if let Some(key) = first_key {
            remark(key_box(&key, &reachable(server.url())));
        }
        stop.wait().await;
        remark("stopping");
        let stopped = server.shutdown().await;
        if stopped.cut_off > 0 {
            remark(format_args!("{} connections were cut off", stopped.cut_off));
        }
        Ok(Ended::Done)
    }
}

fn warn(text: &str) {
    remark(format_args!("{} {text}", paint(DENY, "warning:")));
}

/// A preset key with fewer characters draws a warning.
const KEY_CHARACTERS_FEW: usize = 16;

/// Whether only this machine can connect to what listens there. A name other than `localhost` may be any address.
fn is_loopback(listen: &str) -> bool {
    let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The address as a client on this machine can use it: "everywhere" is no place to connect to.
fn reachable(url: &str) -> String {
    url.replacen("//0.0.0.0", "//127.0.0.1", 1).replacen("//[::]", "//[::1]", 1)
}

/// Refuses a place for data that is most likely another one than was meant.
fn fit_for_data(place: &Path) -> Result<(), Failure> {
    const OURS: [&str; 2] = ["log.head", "log.redb"];
    let shown = place.display();
    if place.is_file() {
        return Err(Failure::new("data_not_a_folder", format!("`{shown}` is a file, not a folder"))
            .help("`--data` names the folder that holds the data"));
    }
    // What cannot be listed is told by opening it.
    let Ok(entries) = fs::read_dir(place) else { return Ok(()) };
    let names: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.file_name()).collect();
    let foreign = names.iter().any(|name| name != "lost+found" && name != "log.lock" && name != "decisions.lock");
    if foreign && !OURS.iter().any(|ours| names.iter().any(|name| name == ours)) {
        return Err(Failure::new("data_foreign", format!("`{shown}` holds other things and no data of Prokura"))
            .help("take an empty folder, or one that does not exist: it is made"));
    }
    Ok(())
}

/// The first admin key, if this start made one. A preset key is known to whoever set it.
fn first_key(authority: &Authority) -> Result<Option<String>, Failure> {
    let preset = preset_key();
    if preset.as_ref().is_some_and(|key| key.chars().count() < KEY_CHARACTERS_FEW) {
        warn(&format!("PROKURA_ADMIN_KEY has fewer than {KEY_CHARACTERS_FEW} characters: it can be guessed"));
    }
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

fn not_opened(error: &OpenError, folder: &Path) -> Failure {
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
    Stop::listen()?.wait().await;
    Ok(())
}

/// The signals that stop a server. They are listened for before it is told that it listens: whoever reads that may
/// stop it at once, and it should end in good order then, too.
struct Stop {
    interrupted: Signal,
    terminated: Signal,
}

impl Stop {
    fn listen() -> Result<Self, Failure> {
        let no_signal =
            |error: std::io::Error| Failure::new("internal", format!("the system gives no signals: {error}"));
        Ok(Self {
            interrupted: signal(SignalKind::interrupt()).map_err(no_signal)?,
            terminated: signal(SignalKind::terminate()).map_err(no_signal)?,
        })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}

fn start_log(format: LogFormat) {
    let wanted = env::var("PROKURA_LOG").ok().filter(|text| !text.is_empty());
    let filter = wanted.map(|text| {
        EnvFilter::try_new(&text).map_err(|error| {
            warn(&format!("PROKURA_LOG is `{text}`, which says nothing ({error}); logging `info`"));
        })
    });
    let filter = filter.and_then(Result::ok).unwrap_or_else(|| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// What names and relationships may take unless something else is said: three quarters of what the system has, or lets this
/// process have. None where that is not told.
fn usual_memory() -> Option<u64> {
    let number = |text: &str| text.split_whitespace().next()?.parse::<u64>().ok();
    let told = fs::read_to_string("/proc/meminfo").ok()?;
    let all = number(told.lines().find_map(|line| line.strip_prefix("MemTotal:"))?)?.saturating_mul(1024);
    let allowed = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| number(&text));
    Some(allowed.map_or(all, |allowed| allowed.min(all)) / 4 * 3)
}

#[cfg(test)]
mod tests {
    use super::{is_loopback, reachable};

    #[test]
    fn who_may_connect_is_seen_from_the_address() {
        for (listen, own) in [
            ("127.0.0.1:0", true),
            ("127.9.9.9:1", true),
            ("[::1]:80", true),
            ("localhost:80", true),
            ("0.0.0.0:80", false),
            ("[::]:80", false),
            ("10.0.0.1:80", false),
            ("example.com:80", false),
        ] {
            assert_eq!(is_loopback(listen), own, "{listen}");
        }
    }

    #[test]
    fn everywhere_is_reached_here() {
        assert_eq!(reachable("http://0.0.0.0:80"), "http://127.0.0.1:80");
        assert_eq!(reachable("https://[::]:80"), "https://[::1]:80");
        assert_eq!(reachable("http://10.0.0.0:80"), "http://10.0.0.0:80");
    }
}
