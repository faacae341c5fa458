use std::{net::SocketAddr, sync::Arc, time::Duration};

use prokura::Authority;
use prokura_model::Fault;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    app::App,
    config::{Config, ConfigError},
    listen, routes, tls,
};

/// A server that runs. Dropping it stops it at once; [`shutdown`](Self::shutdown) lets it finish first.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    url: String,
    stop: watch::Sender<bool>,
    listening: Option<JoinHandle<usize>>,
    /// Sends to webhooks.
    telling: JoinHandle<()>,
    app: Arc<App>,
    grace: Duration,
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration cannot be meant.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The certificate or its key cannot be used.
    #[error("{0}")]
    Tls(String),
    /// An issuer's keys cannot be read from their file.
    #[error("the keys of issuer `{issuer}` cannot be read: {detail}")]
    Keys {
        /// Whose.
        issuer: String,
        /// What is wrong.
        detail: String,
    },
    /// A webhook cannot be used, or what is kept of how far they are cannot be read.
    #[error("{0}")]
    Webhooks(String),
    /// A callback cannot be used.
    #[error("{0}")]
    Callbacks(String),
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`: {detail}")]
    Listen {
        /// Which address.
        address: String,
        /// What the system says.
        detail: String,
    },
}

impl ServeError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(error) => error.code(),
            Self::Tls(_) => "tls_invalid",
            Self::Keys { .. } => "issuer_keys_unreadable",
            Self::Webhooks(_) => "webhooks_invalid",
            Self::Callbacks(_) => "callbacks_invalid",
            Self::Listen { .. } => "listen_failed",
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        Fault::Caller
    }
}

/// How a server came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were cut off because the time for finishing was over.
    pub cut_off: usize,
}

/// Starts serving the authority. When this returns, connections are accepted.
///
/// # Errors
/// The configuration, the certificate or an issuer's keys cannot be used, or the address is taken.
pub async fn serve(config: Config, authority: Authority) -> Result<Server, ServeError> {
    config.check()?;
    tls::install_provider();
    let tls = config.tls.as_ref().map(tls::read).transpose().map_err(ServeError::Tls)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let refused =
        |error: std::io::Error| ServeError::Listen { address: config.listen.clone(), detail: error.to_string() };
    let listener = TcpListener::bind(&config.listen).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let app = Arc::new(App::new(&config, scheme, address, authority).await?);
    let grace = config.shutdown_grace();
    let (stop, stopping) = watch::channel(false);
    let (router, straight) = routes::router(Arc::clone(&app));
    let listening = tokio::spawn(listen::run(listen::Listening {
        listener,
        tls,
        router,
        straight: Arc::new(straight),
        app: Arc::clone(&app),
        connections: config.connections,
        grace,
        stopping,
    }));
    let telling = tokio::spawn(Arc::clone(app.webhooks()).run(Arc::clone(&app)));
    tracing::info!(%address, scheme, issuers = config.issuers.len(), webhooks = config.webhooks.len(), "listening");
    let url = format!("{scheme}://{address}");
    Ok(Server { address, url, stop, listening: Some(listening), telling, app, grace })
}

/// What answers the requests of a server, without the port and what belongs to it: the TLS, the waiting times of
/// connections and the orderly end are those of whoever calls it. For requests out of the same process. Webhooks are not sent
/// anything.
///
/// # Errors
/// The configuration or an issuer's keys cannot be used.
pub async fn router(config: &Config, authority: Authority) -> Result<axum::Router, ServeError> {
    config.check()?;
    tls::install_provider();
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let app = App::new(config, "http", nowhere, authority).await?;
    Ok(routes::router(Arc::new(app)).0)
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// The same as an address for clients: `http://127.0.0.1:8080`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops: no new connections, requests in flight finish within the configured time, then the authority is closed,
    /// which writes out what it still holds.
    pub async fn shutdown(mut self) -> Stopped {
        self.app.begin_shutdown();
        // Nobody listens any more only if the listening task is over, which is what is wanted.
        let _ = self.stop.send(true);
        let cut_off = match self.listening.take() {
            Some(listening) => listening.await.unwrap_or(0),
            None => 0,
        };
        // What is on its way is sent again after the next start; it has the same name then.
        self.telling.abort();
        let _ = (&mut self.telling).await;
        let app = Arc::clone(&self.app);
        let closed = tokio::task::spawn_blocking(move || {
            app.webhooks().close();
            app.close_authority();
        });
        if closed.await.is_err() {
            tracing::error!("closing the authority failed");
        }
        tracing::info!(cut_off, grace_seconds = self.grace.as_secs(), "stopped");
        Stopped { cut_off }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.telling.abort();
        if let Some(listening) = self.listening.take() {
            listening.abort();
        }
    }
}
